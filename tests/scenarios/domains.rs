//! Custom domain names and what they serve.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_engine::{Options, PlanAction};
use hatoba_tests::{Harbour, snapshot};
use serde_json::{Value, json};

use crate::prune::{explicit, for_minutes, held};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const RESYNC: Duration = Duration::from_secs(310);

const API: &str = r#"apiVersion: hatoba/v1
kind: HttpApi
metadata: { name: shop }
spec: {}
---
apiVersion: hatoba/v1
kind: Stage
metadata: { name: prod }
spec: { apiRef: shop, autoDeploy: true }
---
apiVersion: hatoba/v1
kind: Stage
metadata: { name: beta }
spec: { apiRef: shop, autoDeploy: true }
---
apiVersion: hatoba/v1
kind: Integration
metadata: { name: back }
spec: { apiRef: shop, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "https://example.com" }
---
apiVersion: hatoba/v1
kind: Route
metadata: { name: all }
spec: { apiRef: shop, routeKey: $default, integrationRef: back }
"#;

const DOMAIN: &str = r#"---
apiVersion: hatoba/v1
kind: DomainName
metadata: { name: domain }
spec:
  domainName: api.example.com
  domainNameConfigurations:
    - certificateArn: arn:aws:acm:us-east-1:123456789012:certificate/one
"#;

const MAPPING: &str = r#"---
apiVersion: hatoba/v1
kind: ApiMapping
metadata: { name: mapping }
spec: { domainNameRef: domain, apiRef: shop, stageRef: prod, apiMappingKey: orders/v1 }
"#;

fn all() -> String {
    format!("{API}{DOMAIN}{MAPPING}")
}

fn mappings(harbour: &Harbour) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = harbour.objects("apigatewayv2", "apiMappings");
    all.values().map(|mapping| (text(&mapping["apiMappingKey"]), text(&mapping["stage"]))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_domain_and_its_mapping_converge_and_are_left_alone() {
    let mut harbour = Harbour::new();
    harbour.start(&all());
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(mappings(&harbour), [("orders/v1".to_owned(), "prod".to_owned())]);
    let outputs = harbour.status("DomainName", "domain").outputs;
    assert!(outputs["aliasTarget"].starts_with("d-") && !outputs["hostedZoneId"].is_empty(), "{outputs:?}");
    let writes = harbour.write_names();
    let at = |name: &str| writes.iter().position(|write| write == name).expect(name);
    assert!(at("CreateDomainName") < at("CreateApiMapping") && at("CreateStage") < at("CreateApiMapping"));
    let tags = harbour.only("apigatewayv2", "domainNames").1["tags"].clone();
    assert_eq!(tags["hatoba:document"], "DomainName/domain");
    let before = writes.len();
    harbour.wait(RESYNC).await;
    harbour.kill_and_restart(&all());
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names().len(), before, "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_of_nothing_that_it_is_missing_while_its_domain_is_set_up() {
    let mut harbour = Harbour::converged(explicit(), &all()).await;
    let other = "arn:aws:acm:us-east-1:123456789012:certificate/two";
    let configuration =
        json!({ "certificateArn": other, "endpointType": "REGIONAL", "securityPolicy": "TLS_1_2" });
    let change = json!({ "domainNameConfigurations": [configuration] });
    harbour.meddle(&Request::rest("PATCH", "/v2/domainnames/api.example.com", &change)).await;
    harbour.renew();
    harbour.engine.accept(snapshot(&all()));
    let plan = harbour.engine.plan().await.unwrap();
    let entry = plan.entries.iter().find(|entry| entry.document.kind == "ApiMapping").unwrap();
    let reason = entry.cause.as_ref().map(|cause| cause.reason.as_str());
    assert_eq!((entry.action, reason), (PlanAction::Unknown, Some("WaitingFor")), "{plan:#?}");
}

#[tokio::test(start_paused = true)]
async fn all_goes_from_the_outside_in() {
    let other = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: other }\nspec: {}\n";
    let harbour = Harbour::converged(explicit(), &format!("{}---\n{other}", all())).await;
    for_minutes(&harbour, 30, other).await;
    for collection in ["apiMappings", "domainNames", "stages", "routes", "integrations"] {
        let left = harbour.objects("apigatewayv2", collection);
        assert!(left.is_empty(), "{left:#?}\n{:?}\n{}", held(&harbour), harbour.calls_text());
    }
    assert_eq!(harbour.only("apigatewayv2", "apis").1["name"], "other");
    let writes = harbour.write_names();
    let at = |name: &str| writes.iter().position(|write| write == name).expect(name);
    for later in ["DeleteDomainName", "DeleteApi"] {
        assert!(at("DeleteApiMapping") < at(later), "{writes:?}");
    }
    let stages: Vec<usize> =
        writes.iter().enumerate().filter(|(_, write)| *write == "DeleteStage").map(|(at, _)| at).collect();
    // The stage that nothing maps may go at any time; the other one is used.
    assert!(at("DeleteApiMapping") < stages[1], "{writes:?}");
    assert!(harbour.writes().iter().all(|call| call.status < 300), "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_mapping_alone_goes_alone() {
    let harbour = Harbour::converged(explicit(), &all()).await;
    for_minutes(&harbour, 18, &format!("{API}{DOMAIN}")).await;
    assert_eq!(harbour.write_names(), ["DeleteApiMapping"], "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_changed_key_is_one_update_and_no_old_path_stays() {
    let mut harbour = Harbour::new(); // without an owner nothing is ever pruned
    harbour.start(&all());
    harbour.converge(TEN_MINUTES).await;
    for key in ["orders/v2", ""] {
        harbour.clear_calls();
        harbour.documents(&all().replace("apiMappingKey: orders/v1", &format!("apiMappingKey: {key:?}")));
        harbour.converge(TEN_MINUTES).await;
        assert_eq!(harbour.write_names(), ["UpdateApiMapping"], "{}", harbour.calls_text());
        assert_eq!(mappings(&harbour), [(key.to_owned(), "prod".to_owned())]);
    }
}

/// Somebody's mapping that leads to somebody's API, in our domain name and in his own.
#[tokio::test(start_paused = true)]
async fn what_leads_elsewhere_is_somebodys() {
    let harbour = Harbour::converged(explicit(), &all()).await;
    let theirs = harbour
        .meddle(&Request::rest("POST", "/v2/apis", &json!({ "name": "theirs", "protocolType": "HTTP" })))
        .await;
    let api = theirs["apiId"].as_str().unwrap().to_owned();
    let stage = json!({ "stageName": "live" });
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{api}/stages"), &stage)).await;
    let own = json!({ "domainName": "their.example.com", "domainNameConfigurations": [{ "certificateArn": "arn:aws:acm:x" }] });
    harbour.wait(Duration::from_secs(40)).await;
    harbour.meddle(&Request::rest("POST", "/v2/domainnames", &own)).await;
    for domain in ["api.example.com", "their.example.com"] {
        let mapping = json!({ "apiId": api, "stage": "live", "apiMappingKey": "theirs" });
        harbour
            .meddle(&Request::rest("POST", &format!("/v2/domainnames/{domain}/apimappings"), &mapping))
            .await;
    }
    harbour.clear_calls();
    for_minutes(&harbour, 25, &all()).await;
    assert_eq!(harbour.writes().len(), 0, "{}", harbour.calls_text());
    let rogue = harbour.engine.picture().rogue_children;
    assert_eq!(rogue, ["ApiMapping theirs in api.example.com"]);
    // A document that asks for his key in his domain name does not get it; in ours it does.
    let asks = |domain: &str| MAPPING.replace("domainNameRef: domain", domain).replace("orders/v1", "theirs");
    harbour.documents(&format!(
        "{}{}",
        all(),
        asks("domainName: their.example.com").replace("name: mapping", "name: m2")
    ));
    harbour.wait(Duration::from_secs(60)).await;
    assert_eq!(
        harbour.status("ApiMapping", "m2").synced.reason.as_str(),
        "NotOurs",
        "{}",
        harbour.describe()
    );
    assert_eq!(harbour.writes().len(), 0, "{}", harbour.calls_text());
    harbour.documents(&format!(
        "{}{}",
        all(),
        asks("domainNameRef: domain").replace("name: mapping", "name: m2")
    ));
    harbour.wait(Duration::from_secs(60)).await;
    assert_eq!(harbour.write_names(), ["UpdateApiMapping"], "{}", harbour.calls_text());
    assert!(mappings(&harbour).contains(&("theirs".to_owned(), "prod".to_owned())));
}

/// Every field that somebody can change.
#[tokio::test(start_paused = true)]
async fn every_changed_field_is_put_back_in_one_write() {
    let two = format!(
        "{}---\napiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: second }}\nspec: {{}}\n",
        all()
    );
    let harbour = Harbour::converged(Options::default(), &two).await;
    let apis = harbour.objects("apigatewayv2", "apis");
    let second = apis.iter().find(|(_, api)| api["name"] == "second").unwrap().0.clone();
    harbour
        .meddle(&Request::rest("POST", &format!("/v2/apis/{second}/stages"), &json!({ "stageName": "prod" })))
        .await;
    let shop = apis.iter().find(|(_, api)| api["name"] == "shop").unwrap().0.clone();
    let domain = "/v2/domainnames/api.example.com".to_owned();
    let id = harbour.only("apigatewayv2", "apiMappings").1["apiMappingId"].as_str().unwrap().to_owned();
    let mapping = format!("{domain}/apimappings/{id}");
    let configuration = |certificate: &str, address: &str| json!({ "domainNameConfigurations": [{ "certificateArn": certificate, "ipAddressType": address }] });
    let certificate = "arn:aws:acm:us-east-1:123456789012:certificate/one";
    for (uri, change, collection, repair) in [
        (
            &domain,
            configuration("arn:aws:acm:us-east-1:123456789012:certificate/two", "ipv4"),
            "domainNames",
            "UpdateDomainName",
        ),
        (&domain, configuration(certificate, "dualstack"), "domainNames", "UpdateDomainName"),
        (
            &domain,
            json!({ "mutualTlsAuthentication": { "truststoreUri": "s3://a/b" } }),
            "domainNames",
            "UpdateDomainName",
        ),
        (&domain, json!({ "routingMode": "ROUTING_RULE_ONLY" }), "domainNames", "UpdateDomainName"),
        (&mapping, json!({ "apiId": shop, "stage": "beta" }), "apiMappings", "UpdateApiMapping"),
        (&mapping, json!({ "apiId": second, "stage": "prod" }), "apiMappings", "UpdateApiMapping"),
    ] {
        let before = harbour.only("apigatewayv2", collection).1;
        harbour.wait(Duration::from_secs(100)).await; // a change takes 40 s, and one is allowed every 30 s
        harbour.meddle(&Request::rest("PATCH", uri, &change)).await;
        harbour.clear_calls();
        harbour.wait(RESYNC).await;
        harbour.converge(TEN_MINUTES).await;
        assert_eq!(harbour.write_names(), [repair], "{change}\n{}", harbour.calls_text());
        harbour.wait(Duration::from_secs(60)).await;
        assert_eq!(harbour.only("apigatewayv2", collection).1, before, "{change}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_out_of_the_document_goes_in_aws() {
    let full = all().replace(
        "certificate/one\n",
        "certificate/one\n      ipAddressType: dualstack\n      ownershipVerificationCertificateArn: arn:aws:acm:us-east-1:123456789012:certificate/own\n  mutualTlsAuthentication: { truststoreUri: s3://bucket/store.pem, truststoreVersion: \"1\" }\n  routingMode: ROUTING_RULE_THEN_API_MAPPING\n",
    );
    let harbour = Harbour::converged(Options::default(), &full).await;
    let (_, before) = harbour.only("apigatewayv2", "domainNames");
    assert_eq!(before["mutualTlsAuthentication"]["truststoreVersion"], "1");
    harbour.wait(Duration::from_secs(30)).await;
    harbour.documents(&all());
    harbour.wait(Duration::from_secs(100)).await;
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(harbour.write_names(), ["UpdateDomainName"], "{}", harbour.calls_text());
    let (_, after) = harbour.only("apigatewayv2", "domainNames");
    assert_eq!(after.get("mutualTlsAuthentication"), None);
    assert_eq!(after["routingMode"], "API_MAPPING_ONLY");
    let configuration = &after["domainNameConfigurations"][0];
    assert_eq!(configuration["ipAddressType"], "ipv4");
    assert_eq!(configuration.get("ownershipVerificationCertificateArn"), None);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_quota_says_for_which_and_how_long() {
    let mut harbour = Harbour::new();
    harbour.start(&all());
    harbour.converge(TEN_MINUTES).await;
    harbour.world().faults().fail("UpdateDomainName", 1, 429, "TooManyRequestsException", "slow down");
    harbour.documents(&all().replace("certificate/one", "certificate/two"));
    harbour.wait(Duration::from_secs(20)).await;
    let synced = harbour.status("DomainName", "domain").synced;
    let told = "; waits for the quota UpdateDomainName for about ";
    assert!(synced.reason.as_str() == "Differs" && synced.message.contains(told), "{synced:?}");
    let (_, seconds) = synced.message.split_once(told).unwrap();
    let seconds: u64 = seconds.strip_suffix(" s before UpdateDomainName").unwrap().parse().unwrap();
    assert!(
        (100..=120).contains(&seconds),
        "1 in 30 s, of which half is ours, halved by the throttle: {seconds}"
    );
    harbour.wait(Duration::from_secs(200)).await;
    assert!(harbour.is_converged(), "{}", harbour.describe());
    let domain = harbour.only("apigatewayv2", "domainNames").1.to_string();
    assert!(domain.contains("certificate/two"), "{domain}");
}
