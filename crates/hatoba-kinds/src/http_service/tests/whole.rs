//! What concerns whole documents and several of them: sharing, clashing, policy, places, order.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Deletion, Document, Drift, Key, Places, Policy, check_name};
use serde_json::{Value, json};

use super::{document, expanded, key, network, one, orders, orders_with, wrong};

#[test]
fn what_several_imply_is_one_document_and_what_differs_clashes() {
    let two =
        |second: Value| [document("HttpService/orders", &orders()), document("HttpService/users", &second)];
    let specs = super::specs(&two(orders()));
    for kind in ["PrivateDnsNamespace/", "VpcLink/"] {
        assert_eq!(specs.keys().filter(|key| key.starts_with(kind)).count(), 1, "{kind}");
    }
    let other_subnets = orders_with(json!({ "network.subnetSelector": { "tags": { "Tier": "public" } } }));
    let specs = super::specs(&two(other_subnets));
    assert_eq!(specs.keys().filter(|key| key.starts_with("VpcLink/")).count(), 2);

    let other_vpc = orders_with(json!({ "network.vpcSelector": { "tags": { "Name": "other-vpc" } } }));
    let clashing = expanded(&two(other_vpc));
    let held: Vec<String> =
        clashing.held.iter().map(|(key, found)| format!("{key}: {}", found[0].message)).collect();
    assert_eq!(
        held,
        [
            "HttpService/orders: this implies PrivateDnsNamespace/private-example-com otherwise than HttpService/users",
            "HttpService/users: this implies PrivateDnsNamespace/private-example-com otherwise than HttpService/orders",
        ]
    );
    assert!(clashing.documents.iter().all(|document| document.key.kind != "PrivateDnsNamespace"));
}

#[test]
fn a_document_that_somebody_wrote_wins_if_it_says_the_same() {
    let with =
        |key: &str, spec: Value| expanded(&[document("HttpService/orders", &orders()), document(key, &spec)]);
    let vpc = network()["vpcSelector"].clone();
    let namespace =
        |vpc: &Value| json!({ "name": "private.example.com", "vpcSelector": vpc, "description": "ours" });
    for name in ["private-example-com", "by-hand"] {
        let key = format!("PrivateDnsNamespace/{name}");
        let expanded = with(&key, namespace(&vpc));
        assert_eq!(expanded.held, BTreeMap::new());
        let spec = |key: &str| {
            &expanded.documents.iter().find(|document| document.key.to_string() == key).unwrap().spec
        };
        assert_eq!(spec("DiscoveryService/orders")["namespaceRef"], name);
        assert_eq!(spec(&key)["description"], "ours");
        assert_eq!(
            expanded.documents.iter().filter(|document| document.key.kind == "PrivateDnsNamespace").count(),
            1
        );
        assert_eq!(expanded.wholes_of(&super::key(&key)).count(), 0, "it is nobody's part");
    }
    let other = json!({ "tags": { "Name": "other-vpc" } });
    let clashing = with("PrivateDnsNamespace/private-example-com", namespace(&other));
    assert_eq!(clashing.held.keys().map(Key::to_string).collect::<Vec<_>>(), ["HttpService/orders"]);
    let clashing = with("HttpApi/orders", json!({}));
    let found = &clashing.held[&key("HttpService/orders")][0];
    assert_eq!(found.message, "this makes HttpApi/orders, and there is a document of that name");
    assert_eq!(found.path, "spec.api");
}

#[test]
fn a_link_of_ones_own_replaces_the_networks() {
    let specs = one(&orders_with(json!({ "vpcLinkRef": "shared-link" })));
    assert!(!specs.keys().any(|key| key.starts_with("VpcLink/")));
    assert_eq!(specs["Integration/orders.service"]["vpcLinkRef"], "shared-link");
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    for (changes, expected) in [
        (
            json!({ "service.prot": 80 }),
            "spec.service.prot: unknown field `prot`; it is neither a field of EcsService nor one of this document's own",
        ),
        (
            json!({ "api.rutes": [] }),
            "spec.api.rutes: unknown field `rutes`; it is neither a field of HttpApi nor one of this document's own",
        ),
        (json!({ "nmespace": "x" }), "spec.nmespace: unknown field `nmespace` of HttpService"),
        (json!({ "service.port": null }), "spec.service: `port` is missing"),
        (json!({ "service.port": "80" }), "spec.service.port: expected a whole number, got string \"80\""),
        (json!({ "service.taskDefinition": null }), "spec.service: `taskDefinition` is missing"),
        (
            json!({ "service.serviceRegistries": [] }),
            "spec.service.serviceRegistries: `serviceRegistries` is filled in here, expected it to be left out",
        ),
        (json!({ "namespace": null }), "spec: `namespace` is missing: the tasks are found by a name in it"),
        (
            json!({ "network.vpcSelector": null }),
            "spec.network: `private.example.com` needs a VPC: expected `vpcSelector` or `vpcId`",
        ),
        (
            json!({ "network.subnetSelector": null }),
            "spec.network: a VPC link leads there, and it needs subnets",
        ),
        (json!({ "service": null }), "spec.api.routes[0]: the route leads nowhere: there is no `service`"),
        (json!({ "api.routes": [] }), "spec: expected at least one route"),
        (
            json!({ "api.stage": { "apiRef": "x" } }),
            "spec.api.stage.apiRef: `apiRef` is filled in here, expected it to be left out",
        ),
        (
            json!({ "api.routes": [{ "routeKey": "GET /a" }, { "routeKey": "GET /a" }] }),
            "spec.api.routes[1].routeKey: `GET /a` is given twice, also at spec.api.routes[0]",
        ),
        (
            json!({ "api.routes": [{ "routekey": "GET /a" }] }),
            "spec.api.routes[0].routekey: unknown field `routekey` of HttpService",
        ),
        (
            json!({ "api.routes": [{ "routeKey": "GET /a", "authorizationType": "AWS_IAM", "authorizationScopes": ["x"] }] }),
            "spec.api.routes[0].authorizationScopes: only a route with JWT takes scopes; this one has AWS_IAM",
        ),
        (
            json!({ "api.authorizer": null, "api.routes": [{ "routeKey": "GET /a", "authorizationType": "JWT" }] }),
            "spec.api.routes[0].authorizationType: JWT needs an authorizer, and there is none",
        ),
        (
            json!({ "api.routes": [{ "routeKey": "GET /a", "integration": { "integrationUri": "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/x/1" } }] }),
            "spec.api.routes[0].integration.integrationUri: expected the ARN of a listener, got that of a load balancer",
        ),
    ] {
        assert_eq!(wrong(&orders_with(changes.clone()))[..1], [expected.to_owned()], "{changes}");
    }
}

#[test]
fn labels_and_policy_pass_to_the_parts() {
    let labelled = |name: &str, team: &str, policy: Value| {
        let labels =
            BTreeMap::from([("team".to_owned(), team.to_owned()), ("env".to_owned(), "prod".to_owned())]);
        let policy: Policy = serde_json::from_value(policy).unwrap();
        let spec = orders().as_object().cloned().unwrap();
        Document::new(Key::new("HttpService", name), labels, spec, policy, Places::new("a.yaml"))
    };
    let policy = json!({
        "deletion": "Retain", "drift": "Report",
        "fields": { "service.desiredCount": { "range": [1, 5] }, "api.stage.stageVariables": "ignore", "api.corsConfiguration": "initial" },
    });
    let documents = [labelled("orders", "web", policy), labelled("users", "ops", json!({}))];
    let expanded = expanded(&documents);
    assert_eq!(expanded.held, BTreeMap::new());
    let part =
        |key: &str| expanded.documents.iter().find(|document| document.key.to_string() == key).unwrap();
    let ecs = part("EcsService/orders");
    assert_eq!(
        (ecs.labels["team"].as_str(), ecs.policy.deletion, ecs.policy.drift),
        ("web", Some(Deletion::Retain), Drift::Report)
    );
    let fields = |key: &str| part(key).policy.fields.keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields("EcsService/orders"), ["desiredCount"]);
    assert_eq!(fields("Stage/orders.default"), ["stageVariables"]);
    assert_eq!(fields("HttpApi/orders"), ["corsConfiguration"]);
    for untaggable in ["Route/orders.default", "Integration/orders.service"] {
        assert_eq!(part(untaggable).policy.deletion(), Deletion::Delete, "{untaggable}");
    }
    let shared = part("PrivateDnsNamespace/private-example-com");
    assert_eq!(shared.labels, BTreeMap::from([("env".to_owned(), "prod".to_owned())]), "where all agree");
    assert_eq!(
        (shared.policy.deletion, shared.policy.drift),
        (Some(Deletion::Retain), Drift::Report),
        "the most careful"
    );
}

#[test]
fn policies_that_lead_nowhere_are_refused() {
    let with = |policy: Value, spec: Value| {
        let policy: Policy = serde_json::from_value(policy).unwrap();
        let spec = spec.as_object().cloned().unwrap();
        let document =
            Document::new(key("HttpService/orders"), BTreeMap::new(), spec, policy, Places::new("a.yaml"));
        expanded(&[document])
            .held
            .into_values()
            .flatten()
            .map(|found| (found.path, found.message))
            .collect::<Vec<_>>()
    };
    let (path, message) = with(json!({ "fields": { "desiredCount": "ignore" } }), orders()).remove(0);
    assert_eq!(path, "policy.fields.desiredCount");
    assert!(message.starts_with("expected a path below service.taskDefinition"), "{message}");
    let (path, _) = with(json!({ "fields": { "service.taskDefinition.cpu": "ignore" } }), orders()).remove(0);
    assert_eq!(path, "policy.fields.service.taskDefinition.cpu", "the task definition is not ours");
    let (path, _) = with(json!({ "adopt": { "id": "x" } }), orders()).remove(0);
    assert_eq!(path, "policy.adopt");
}

#[test]
fn paths_of_parts_lead_back() {
    let expanded = expanded(&[document("HttpService/orders", &orders())]);
    let whole = &expanded.wholes[&key("HttpService/orders")];
    for (part, path, expected) in [
        ("EcsService/orders", "spec.desiredCount", "spec.service.desiredCount"),
        ("EcsService/orders", "spec", "spec.service"),
        (
            "EcsService/orders",
            "spec.networkConfiguration.awsvpcConfiguration.subnetSelector",
            "spec.network.subnetSelector",
        ),
        ("EcsService/orders", "spec.serviceRegistries[0].port", "spec.service.port"),
        ("EcsService/orders", "policy.fields.desiredCount", "policy.fields.service.desiredCount"),
        ("EcsService/orders", "metadata.labels.a", "metadata.labels.a"),
        ("DiscoveryService/orders", "spec.namespaceRef", "spec.namespace"),
        ("PrivateDnsNamespace/private-example-com", "spec.vpcSelector.tags", "spec.network.vpcSelector.tags"),
        ("Route/orders.get-health", "spec.routeKey", "spec.api.routes[1].routeKey"),
        ("Route/orders.default", "spec.authorizerRef", "spec.api.authorizer"),
        ("Authorizer/orders", "spec.jwtConfiguration.issuer", "spec.api.authorizer.jwtConfiguration.issuer"),
        ("HttpApi/orders", "", "spec.api"),
    ] {
        assert_eq!(whole.path_of(&key(part), path), expected, "{part} {path}");
    }
}

/// Every order of the routes and of the documents comes to the same, and so does the same twice.
#[test]
fn order_does_not_matter() {
    let routes = [
        json!({ "routeKey": "$default" }),
        json!({ "routeKey": "GET /a-b" }),
        json!({ "routeKey": "GET /a/b", "integration": { "timeoutInMillis": 1000 } }),
        json!({ "routeKey": "ANY /x", "integration": { "timeoutInMillis": 2000 } }),
        json!({ "routeKey": "GET /{id}", "authorizationType": "NONE" }),
    ];
    let of = |turn: usize, reverse: bool| {
        let mut turned = routes.to_vec();
        turned.rotate_left(turn);
        if reverse {
            turned.reverse();
        }
        let mut documents = vec![
            document("HttpService/orders", &orders_with(json!({ "api.routes": turned }))),
            document("HttpService/users", &orders()),
            document("HttpApi/other", &json!({})),
        ];
        documents.rotate_left(turn % 3);
        let digests =
            expanded(&documents).documents.into_iter().map(|document| (document.key, document.digest));
        digests.collect::<BTreeMap<_, _>>()
    };
    let first = of(0, false);
    for turn in 0..routes.len() {
        for reverse in [false, true] {
            assert_eq!(of(turn, reverse), first, "turned by {turn}, reversed: {reverse}");
        }
    }
    for key in first.keys() {
        assert!(check_name(&key.name).is_ok(), "{key}");
    }
}

/// A route that comes or goes leaves the names of all others as they are.
#[test]
fn names_do_not_depend_on_what_stands_beside() {
    let names = |routes: Value| {
        one(&orders_with(json!({ "api.routes": routes }))).into_keys().collect::<BTreeSet<_>>()
    };
    let (a, b) = (
        json!({ "routeKey": "GET /a" }),
        json!({ "routeKey": "GET /b", "integration": { "timeoutInMillis": 1000 } }),
    );
    let (alone, both) = (names(json!([a])), names(json!([b, a])));
    assert!(alone.is_subset(&both), "{alone:?} {both:?}");
    assert_eq!(both.difference(&alone).count(), 2, "a route and an integration");
}

#[test]
fn a_name_too_long_for_its_parts_is_refused() {
    let long = "a".repeat(129);
    let expanded = expanded(&[document(&format!("HttpService/{long}"), &orders())]);
    assert_eq!(expanded.held.values().next().unwrap()[0].path, "metadata.name");
}

#[test]
fn it_is_explained_like_any_kind() {
    let text = crate::explain("HttpService").unwrap();
    for word in ["namespace <", "network <", "service <", "api <", "apiRef <", "kind: HttpService"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let text = crate::explain("HttpService.api.routes").unwrap();
    assert!(text.contains("authorizationScopes <"), "{text}");
    assert!(crate::explain("HttpService.api.rutes").unwrap_err().contains("routes"));
    assert!(crate::explain("HttpServce").unwrap_err().contains("did you mean `HttpService`?"));
}
