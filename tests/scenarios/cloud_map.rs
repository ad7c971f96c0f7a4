//! Cloud Map beyond the article: HTTP namespaces, service attributes, the SOA's time to live.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_core::Truth;
use hatoba_engine::{Options, check};
use hatoba_tests::{Harbour, snapshot};
use serde_json::json;

const TEN_MINUTES: Duration = Duration::from_secs(600);
const RESYNC: Duration = Duration::from_secs(320);

const SHOP: &str = "\
apiVersion: hatoba/v1
kind: HttpNamespace
metadata: { name: shop }
spec: { description: one }
---
apiVersion: hatoba/v1
kind: DiscoveryService
metadata: { name: cart }
policy: { replace: AllowDowntime }
spec:
  namespaceRef: HttpNamespace/shop
  description: carts
  healthCheckConfig: { type: HTTP, resourcePath: /health }
  attributes: { team: web, tier: \"1\" }
---
apiVersion: hatoba/v1
kind: PrivateDnsNamespace
metadata: { name: inside }
spec:
  name: inside.example.com
  vpcSelector: { tags: { Name: awesome-vpc } }
  properties: { dnsProperties: { soa: { ttl: 30 } } }
";

fn writes(harbour: &Harbour) -> Vec<String> {
    harbour.write_names()
}

fn cloud_map(operation: &str, input: serde_json::Value) -> Request {
    Request::json("servicediscovery", operation, &input)
}

/// A process dies while AWS makes a namespace, and the document says something else by then: the operation that its
/// token names makes what was asked for first.
#[tokio::test(start_paused = true)]
async fn what_an_earlier_process_began_is_looked_at_before_it_is_called_in_sync() {
    let private = SHOP.split("---\n").last().unwrap();
    let first = private.replace("  vpcSelector", "  description: one\n  vpcSelector");
    let mut harbour = Harbour::with(Options::default(), Config::default());
    harbour.start(&first);
    harbour.wait(Duration::from_secs(10)).await;
    harbour.kill_and_restart(&first.replace("one", "two"));
    for _ in 0..120 {
        harbour.wait(Duration::from_secs(1)).await;
        let is_in_sync = harbour.status("PrivateDnsNamespace", "inside").synced.status == Truth::True;
        let namespaces = harbour.objects("servicediscovery", "namespaces");
        let says_two = namespaces.values().any(|namespace| namespace["Description"] == "two");
        assert!(says_two || !is_in_sync, "{}", harbour.calls_text());
    }
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(harbour.only("servicediscovery", "namespaces").1["Description"], "two");
}

#[tokio::test(start_paused = true)]
async fn http_namespaces_attributes_and_the_soa_converge_and_drift_is_put_back() {
    let harbour = Harbour::converged(Options::default(), SHOP).await;
    let namespaces = harbour.objects("servicediscovery", "namespaces");
    let of = |kind: &str| namespaces.values().find(|namespace| namespace["Type"] == kind).unwrap().clone();
    let (http, private) = (of("HTTP"), of("DNS_PRIVATE"));
    assert_eq!(http["Description"], "one");
    assert_eq!(private["Properties"]["DnsProperties"]["SOA"]["TTL"], 30);
    let (_, service) = harbour.only("servicediscovery", "services");
    assert_eq!(service["NamespaceId"], http["Id"]);
    assert_eq!(
        (&service["Type"], &service["HealthCheckConfig"]["FailureThreshold"]),
        (&json!("HTTP"), &json!(1))
    );
    assert_eq!(service["Attributes"], json!({ "team": "web", "tier": "1" }));
    harbour.wait(RESYNC * 2).await;
    assert_eq!(writes(&harbour), [""; 0], "{}", harbour.calls_text());

    let soa = json!({ "DnsProperties": { "SOA": { "TTL": 99 } } });
    for (request, repair) in [
        (
            cloud_map(
                "UpdateHttpNamespace",
                json!({ "Id": http["Id"], "Namespace": { "Description": "by hand" } }),
            ),
            "UpdateHttpNamespace",
        ),
        (
            cloud_map(
                "UpdatePrivateDnsNamespace",
                json!({ "Id": private["Id"], "Namespace": { "Description": "", "Properties": soa } }),
            ),
            "UpdatePrivateDnsNamespace",
        ),
    ] {
        harbour.meddle(&request).await;
        harbour.wait(RESYNC * 2).await;
        assert_eq!(writes(&harbour)[1..], [repair], "{}", harbour.calls_text());
        harbour.clear_calls();
    }
    let namespaces = harbour.objects("servicediscovery", "namespaces");
    assert_eq!(namespaces[http["Id"].as_str().unwrap()]["Description"], "one");
    let private = &namespaces[private["Id"].as_str().unwrap()];
    assert_eq!(private["Properties"]["DnsProperties"]["SOA"]["TTL"], 30);
}

#[tokio::test(start_paused = true)]
async fn attributes_are_set_changed_removed_and_left_alone() {
    let harbour = Harbour::converged(Options::default(), SHOP).await;
    let attributes = || harbour.only("servicediscovery", "services").1["Attributes"].clone();
    for (stated, want, repairs) in [
        ("{ team: ops, owner: me }", json!({ "team": "ops", "owner": "me" }), 2),
        ("{ team: ops, owner: me, more: x }", json!({ "team": "ops", "owner": "me", "more": "x" }), 1),
        ("{}", json!({}), 1),
    ] {
        harbour.clear_calls();
        let documents = SHOP.replace("{ team: web, tier: \"1\" }", stated);
        harbour.documents(&documents);
        harbour.wait(Duration::from_secs(1)).await;
        harbour.converge(TEN_MINUTES).await;
        assert_eq!(attributes(), want, "{stated}");
        assert_eq!(writes(&harbour).len(), repairs, "{stated}: {}", harbour.calls_text());
    }
    // Left out they are nobody's business, and are not even read.
    let (_, service) = harbour.only("servicediscovery", "services");
    let by_hand = json!({ "ServiceId": service["Id"], "Attributes": { "by": "hand" } });
    harbour.documents(&SHOP.replace("  attributes: { team: web, tier: \"1\" }\n", ""));
    harbour.meddle(&cloud_map("UpdateServiceAttributes", by_hand)).await;
    harbour.clear_calls();
    harbour.wait(Duration::from_secs(4_000)).await;
    assert_eq!(writes(&harbour), [""; 0]);
    assert_eq!(attributes(), json!({ "by": "hand" }));
}

/// AWS takes no change of a service that is found by API alone: it is made anew, if that is allowed.
#[tokio::test(start_paused = true)]
async fn a_service_of_an_http_namespace_is_made_anew_where_others_are_updated() {
    let harbour = Harbour::converged(Options::default(), SHOP).await;
    let other = SHOP.replace("description: carts", "description: baskets");
    harbour.documents(&other.replace("policy: { replace: AllowDowntime }\n", ""));
    harbour.wait(TEN_MINUTES).await;
    assert_eq!(writes(&harbour), [""; 0]);
    assert_eq!(harbour.status("DiscoveryService", "cart").synced.reason.as_str(), "NeedsDowntime");
    harbour.documents(&other);
    harbour.wait(Duration::from_secs(1)).await;
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(writes(&harbour), ["DeleteService", "CreateService", "UpdateServiceAttributes"]);
    let (_, service) = harbour.only("servicediscovery", "services");
    assert_eq!(service["Description"], "baskets");
}

/// TF#7607: a namespace goes after what stands in it, also of an HTTP namespace, and names what blocks it.
#[tokio::test(start_paused = true)]
async fn peers_26_a_namespace_goes_after_its_services_and_says_what_blocks_it() {
    let options =
        Options { owner_is_explicit: true, prune_grace: Duration::from_secs(60), ..Options::default() };
    let harbour = Harbour::converged(options, SHOP).await;
    let http = harbour.objects("servicediscovery", "namespaces");
    let http = http.values().find(|namespace| namespace["Type"] == "HTTP").unwrap()["Id"].clone();
    let stranger = json!({ "Name": "stranger", "NamespaceId": http, "CreatorRequestId": "x" });
    let stranger = harbour.meddle(&cloud_map("CreateService", stranger)).await["Service"]["Id"].clone();
    let left = SHOP.split("---\n").last().unwrap();
    for _ in 0..30 {
        harbour.documents(left);
        harbour.wait(Duration::from_secs(30)).await;
    }
    assert_eq!(harbour.objects("servicediscovery", "services").len(), 1, "ours is gone");
    let held = harbour.engine.picture().pruning;
    assert_eq!(held.len(), 1);
    assert!(held[0].held.message.contains(stranger.as_str().unwrap()), "{:?}", held[0].held);
    harbour.meddle(&cloud_map("DeleteService", json!({ "Id": stranger }))).await;
    for _ in 0..40 {
        harbour.documents(left);
        harbour.wait(Duration::from_secs(30)).await;
    }
    assert_eq!(harbour.objects("servicediscovery", "namespaces").len(), 1, "{}", harbour.calls_text());
}

/// TF#48378: a namespace that another account shares is named by its ARN.
#[tokio::test(start_paused = true)]
async fn peers_29_a_namespace_may_be_named_by_its_arn() {
    let harbour = Harbour::converged(Options::default(), SHOP).await;
    let namespaces = harbour.objects("servicediscovery", "namespaces");
    let private = namespaces.values().find(|namespace| namespace["Type"] == "DNS_PRIVATE").unwrap();
    for name in ["Arn", "Id"] {
        let document = format!(
            "{SHOP}---\napiVersion: hatoba/v1\nkind: DiscoveryService\nmetadata: {{ name: by-{} }}\nspec:\n  \
             namespaceId: {}\n  dnsConfig: {{ dnsRecords: [{{ type: A, ttl: 5 }}] }}\n",
            name.to_lowercase(),
            private[name].as_str().unwrap(),
        );
        harbour.documents(&document);
        harbour.wait(Duration::from_secs(1)).await;
        harbour.converge(TEN_MINUTES).await;
        let made = harbour.objects("servicediscovery", "services");
        let made = made.values().find(|service| service["Name"] == format!("by-{}", name.to_lowercase()));
        assert_eq!(made.unwrap()["NamespaceId"], private["Id"], "{name}");
        harbour.clear_calls();
        harbour.wait(RESYNC * 2).await;
        assert_eq!(writes(&harbour), [""; 0], "{name}");
    }
}

/// TF#2830: why a namespace could not be made is said, with AWS's code and words.
#[tokio::test(start_paused = true)]
async fn peers_30_why_a_namespace_could_not_be_made_is_said() {
    let mut harbour = Harbour::new();
    let theirs = json!({ "Name": "example.com", "Vpc": "vpc-0a1b2c3d4e5f60718", "CreatorRequestId": "x" });
    harbour.meddle(&cloud_map("CreatePrivateDnsNamespace", theirs)).await;
    harbour.start(SHOP);
    let shown = || harbour.status("PrivateDnsNamespace", "inside");
    for _ in 0..2_400 {
        harbour.wait(Duration::from_millis(50)).await;
        if harbour.engine.statuses().len() == 3 && shown().synced.reason.as_str() == "CannotCreateHostedZone"
        {
            break;
        }
    }
    let status = shown();
    assert_eq!(status.synced.status, Truth::False);
    assert_eq!(status.synced.reason.as_str(), "CannotCreateHostedZone", "{}", status.synced.message);
    assert!(status.synced.message.contains("ConflictingDomainExists"), "{}", status.synced.message);
}

#[test]
fn one_name_is_one_kind_of_namespace() {
    let clash = SHOP.replace("name: inside.example.com", "name: shop");
    let checked = check(&snapshot(&clash));
    let held: Vec<String> = checked.held.keys().map(ToString::to_string).collect();
    assert_eq!(held, ["HttpNamespace/shop", "PrivateDnsNamespace/inside"]);
    assert!(checked.diagnostics.iter().all(|found| found.path == "spec.name"), "{:?}", checked.diagnostics);
    assert_eq!(check(&snapshot(SHOP)).diagnostics, []);
}

/// A name alone is that of the only kind of namespace that has it.
#[tokio::test(start_paused = true)]
async fn a_bare_name_finds_the_http_namespace() {
    let bare = SHOP.replace("namespaceRef: HttpNamespace/shop", "namespaceRef: shop");
    assert_ne!(bare, SHOP);
    let harbour = Harbour::converged(Options::default(), &bare).await;
    let namespaces = harbour.objects("servicediscovery", "namespaces");
    let http = namespaces.values().find(|namespace| namespace["Type"] == "HTTP").unwrap();
    assert_eq!(harbour.only("servicediscovery", "services").1["NamespaceId"], http["Id"]);
    // Written with its kind it is the same.
    harbour.documents(SHOP);
    harbour.wait(RESYNC).await;
    assert_eq!(writes(&harbour), [""; 0], "{}", harbour.calls_text());
}

#[test]
fn a_reference_that_finds_nothing_names_the_form_that_would() {
    let named = |reference: &str| {
        let reference = format!("namespaceRef: {reference}\n  type: HTTP");
        let documents = SHOP.replace("namespaceRef: HttpNamespace/shop", &reference);
        let found = check(&snapshot(&documents)).diagnostics;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, "spec.namespaceRef");
        found[0].hint.clone().unwrap_or_default()
    };
    for (reference, hint) in [
        ("shopp", "did you mean `HttpNamespace/shop`?"),
        ("PrivateDnsNamespace/shop", "did you mean `HttpNamespace/shop`?"),
        ("insid", "did you mean `inside`?"),
        ("warehouse", "there are HttpNamespace/shop, inside"),
    ] {
        assert_eq!(named(reference), hint, "{reference}");
    }
}

/// While a file cannot be read, nobody knows whether it holds the other kind: nothing is moved to another namespace.
#[test]
fn a_bare_name_is_not_settled_while_a_file_cannot_be_read() {
    let bare = SHOP.replace("namespaceRef: HttpNamespace/shop", "namespaceRef: shop\n  type: HTTP");
    let mut snapshot = snapshot(&bare);
    assert_eq!(check(&snapshot).diagnostics, []);
    let (file, reason) = ("broken.yaml".to_owned(), "half a file".to_owned());
    snapshot.unreadable.push(hatoba_source::Unreadable { file, reason });
    let held: Vec<String> = check(&snapshot).held.keys().map(ToString::to_string).collect();
    assert_eq!(held, ["DiscoveryService/cart"]);
}

#[test]
fn what_a_service_may_say_depends_on_the_namespace_that_it_names() {
    let of = |reference: &str, more: &str| {
        format!(
            "{SHOP}---\napiVersion: hatoba/v1\nkind: DiscoveryService\nmetadata: {{ name: one }}\nspec:\n  \
             namespaceRef: {reference}\n{more}"
        )
    };
    let records = "  dnsConfig: { dnsRecords: [{ type: SRV, ttl: 60 }] }\n";
    let check_config = "  healthCheckConfig: { type: TCP }\n";
    let custom = "  healthCheckCustomConfig: { failureThreshold: 1 }\n";
    for (documents, path) in [
        (of("inside", records), None),
        (of("inside", "  type: HTTP\n"), None),
        (of("HttpNamespace/shop", ""), None),
        (of("HttpNamespace/shop", check_config), None),
        (of("HttpNamespace/shop", custom), None),
        (of("inside", ""), Some("spec.dnsConfig")),
        (of("HttpNamespace/shop", records), Some("spec.dnsConfig")),
        (of("inside", &format!("  type: HTTP\n{records}")), Some("spec.dnsConfig")),
        (of("inside", &format!("{records}{check_config}")), Some("spec.healthCheckConfig")),
        (of("HttpNamespace/shop", &format!("{custom}{check_config}")), Some("spec.healthCheckConfig")),
        (
            of("inside", "  dnsConfig: { dnsRecords: [{ type: CNAME, ttl: 60 }] }\n"),
            Some("spec.dnsConfig.routingPolicy"),
        ),
        (
            of("inside", &format!("{records}  healthCheckCustomConfig: {{ failureThreshold: 11 }}\n")),
            Some("spec.healthCheckCustomConfig.failureThreshold"),
        ),
        // AWS takes 1 to 10 and treats all alike.
        (of("inside", &format!("{records}  healthCheckCustomConfig: {{ failureThreshold: 5 }}\n")), None),
        // Whose namespace that is, nobody here knows.
        (of("inside", "").replace("namespaceRef: inside", "namespaceId: ns-abcdefgh12345678"), None),
        (
            of("HttpNamespace/shop", &format!("  attributes: {{ k: {} }}\n", "x".repeat(1_025))),
            Some("spec.attributes.k"),
        ),
    ] {
        let found = check(&snapshot(&documents)).diagnostics;
        let paths: Vec<&str> = found.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(paths, path.into_iter().collect::<Vec<_>>(), "{documents}\n{found:#?}");
    }
}
