//! Tables of expansions: names, merging, clashing, CORS, named stages, shared APIs, back ends.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Document, Key, Places, Policy};
use serde_json::{Value, json};

use crate::{Expanded, expand};

mod network;
mod whole;

fn network() -> Value {
    json!({
        "vpcSelector": { "tags": { "Name": "awesome-vpc" } },
        "subnetSelector": { "tags": { "Tier": "private" } },
        "securityGroupSelector": { "tags": { "Name": "great-sg" } },
    })
}

/// The contract's document.
fn orders() -> Value {
    json!({
        "namespace": "private.example.com",
        "network": network(),
        "service": { "cluster": "main", "taskDefinition": "great-task", "desiredCount": 1, "port": 80 },
        "api": {
            "corsConfiguration": { "allowOrigins": ["https://app.example.com"] },
            "authorizer": { "jwtConfiguration": { "issuer": "https://issuer.example.com", "audience": ["web"] } },
            "routes": [{ "routeKey": "$default" }, { "routeKey": "GET /health", "authorizationType": "NONE" }],
        },
    })
}

/// The contract's document with other members; `null` takes one out.
fn orders_with(changes: Value) -> Value {
    let mut spec = orders();
    for (path, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(hatoba_core::path::take(&mut spec, path)),
            value => hatoba_core::path::set(&mut spec, path, value.clone()),
        }
    }
    spec
}

fn document(key: &str, spec: &Value) -> Document {
    let spec = spec.as_object().cloned().unwrap();
    Document::new(key.parse().unwrap(), BTreeMap::new(), spec, Policy::default(), Places::new("a.yaml"))
}

fn expanded(documents: &[Document]) -> Expanded {
    expand(documents, &BTreeSet::new())
}

/// Specs by key, of a source without errors.
fn specs(documents: &[Document]) -> BTreeMap<String, Value> {
    let expanded = expanded(documents);
    assert_eq!(expanded.held, BTreeMap::new());
    let spec = |document: &Document| (document.key.to_string(), Value::Object(document.spec.clone()));
    expanded.documents.iter().map(spec).collect()
}

fn one(spec: &Value) -> BTreeMap<String, Value> {
    specs(&[document("HttpService/orders", spec)])
}

/// Paths and messages of what is wrong with one document.
fn wrong(spec: &Value) -> Vec<String> {
    let expanded = expanded(&[document("HttpService/orders", spec)]);
    assert!(expanded.documents.is_empty() || expanded.held.is_empty());
    expanded.held.values().flatten().map(|found| format!("{}: {}", found.path, found.message)).collect()
}

#[test]
fn everything_that_does_not_fit_is_told_at_once() {
    let spec =
        orders_with(json!({ "colour": "red", "integration": 1, "network": { "subnets": ["subnet-1"] } }));
    let found = wrong(&spec);
    for path in ["spec.colour", "spec.integration", "spec.network.subnets"] {
        assert!(found.iter().any(|line| line.starts_with(&format!("{path}: "))), "{path}: {found:#?}");
    }
}

#[test]
fn the_contracts_document_is_the_articles_chain() {
    let specs = one(&orders());
    let link = specs.keys().find(|key| key.starts_with("VpcLink/link-")).unwrap().clone();
    let link_name = link.trim_start_matches("VpcLink/");
    let registries = json!([{ "discoveryServiceRef": "orders", "port": 80 }]);
    let [vpc, subnets, groups] =
        ["vpcSelector", "subnetSelector", "securityGroupSelector"].map(|name| network()[name].clone());
    let expected = [
        (
            "PrivateDnsNamespace/private-example-com",
            json!({ "name": "private.example.com", "vpcSelector": vpc }),
        ),
        (
            "DiscoveryService/orders",
            json!({
                "namespaceRef": "private-example-com",
                "dnsConfig": { "routingPolicy": "MULTIVALUE", "dnsRecords": [{ "type": "SRV", "ttl": 60 }] },
                "healthCheckCustomConfig": { "failureThreshold": 1 },
            }),
        ),
        (
            "EcsService/orders",
            json!({
                "cluster": "main", "taskDefinition": "great-task", "desiredCount": 1, "launchType": "FARGATE",
                "serviceRegistries": registries,
                "networkConfiguration": {
                    "awsvpcConfiguration": {
                        "vpcSelector": vpc, "subnetSelector": subnets, "securityGroupSelector": groups,
                    },
                },
            }),
        ),
        (
            link.as_str(),
            json!({ "vpcSelector": vpc, "subnetSelector": subnets, "securityGroupSelector": groups }),
        ),
        ("HttpApi/orders", json!({ "corsConfiguration": { "allowOrigins": ["https://app.example.com"] } })),
        (
            "Authorizer/orders",
            json!({
                "apiRef": "orders", "authorizerType": "JWT",
                "jwtConfiguration": { "issuer": "https://issuer.example.com", "audience": ["web"] },
            }),
        ),
        ("Stage/orders.default", json!({ "apiRef": "orders", "stageName": "$default", "autoDeploy": true })),
        (
            "Integration/orders.service",
            json!({
                "apiRef": "orders", "integrationType": "HTTP_PROXY", "integrationMethod": "ANY",
                "connectionType": "VPC_LINK", "vpcLinkRef": link_name, "discoveryServiceRef": "orders",
            }),
        ),
        (
            "Route/orders.default",
            json!({
                "apiRef": "orders", "routeKey": "$default", "integrationRef": "orders.service",
                "authorizationType": "JWT", "authorizerRef": "orders",
            }),
        ),
        (
            "Route/orders.get-health",
            json!({
                "apiRef": "orders", "routeKey": "GET /health", "integrationRef": "orders.service",
                "authorizationType": "NONE",
            }),
        ),
        (
            "Route/orders.options-proxy",
            json!({
                "apiRef": "orders", "routeKey": "OPTIONS /{proxy+}", "integrationRef": "orders.service",
                "authorizationType": "NONE",
            }),
        ),
    ];
    let expected: BTreeMap<String, Value> =
        expected.into_iter().map(|(key, spec)| (key.to_owned(), spec)).collect();
    assert_eq!(specs, expected);
    let url =
        &expanded(&[document("HttpService/orders", &orders())]).wholes[&key("HttpService/orders")].outputs[0];
    assert_eq!(
        (url.name.as_str(), url.of.to_string(), url.template.as_str()),
        ("url", "HttpApi/orders".into(), "{}")
    );
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

#[test]
fn the_question_of_browsers_gets_a_route_only_where_a_token_would_swallow_it() {
    let options = "Route/orders.options-proxy";
    for (changes, expected) in [
        (json!({}), true),
        (json!({ "api.corsConfiguration": null }), false),
        (json!({ "api.authorizer": null }), false),
        (json!({ "api.routes": [{ "routeKey": "GET /a" }] }), false),
        (json!({ "api.routes": [{ "routeKey": "ANY /a/{proxy+}" }] }), true),
        (json!({ "api.routes": [{ "routeKey": "$default", "authorizationType": "AWS_IAM" }] }), true),
        (json!({ "api.routes": [{ "routeKey": "$default", "authorizationType": "NONE" }] }), false),
    ] {
        let spec = orders_with(changes.clone());
        assert_eq!(one(&spec).contains_key(options), expected, "{changes}");
    }
    let stated = json!([{ "routeKey": "$default" }, { "routeKey": "OPTIONS /{proxy+}", "authorizationType": "AWS_IAM" }]);
    let stated = one(&orders_with(json!({ "api.routes": stated })));
    assert_eq!(stated[options]["authorizationType"], "AWS_IAM");
}

#[test]
fn the_question_is_answered_on_every_path_that_would_swallow_it_and_asked_once() {
    let questions = |routes: Value| {
        let specs = one(&orders_with(json!({ "api.routes": routes })));
        let keys = specs.values().filter_map(|spec| spec["routeKey"].as_str().map(str::to_owned));
        keys.filter(|key| key.starts_with("OPTIONS ")).collect::<Vec<_>>()
    };
    // `ANY /a/{proxy+}` is more specific than `OPTIONS /{proxy+}`.
    let inner =
        json!([{ "routeKey": "ANY /a/{proxy+}" }, { "routeKey": "ANY /b", "authorizationType": "NONE" }]);
    assert_eq!(questions(inner), ["OPTIONS /a/{proxy+}", "OPTIONS /{proxy+}"]);
    // Another name of the variable is the same route to AWS.
    assert_eq!(questions(json!([{ "routeKey": "ANY /{path+}" }])), ["OPTIONS /{path+}"]);
    let own = json!([{ "routeKey": "$default" }, { "routeKey": "OPTIONS /{all+}" }]);
    assert_eq!(questions(own), ["OPTIONS /{all+}"]);
}

/// An `OPTIONS` without a token would be taken for a call.
#[test]
fn the_question_gets_no_route_to_what_is_not_told_the_method() {
    let event = json!({ "integrationSubtype": "EventBridge-PutEvents", "credentialsArn": "arn:aws:iam::1:role/r",
        "requestParameters": { "Detail": "$request.body", "DetailType": "t", "Source": "s" } });
    let function = json!({ "integrationUri": "arn:aws:lambda:eu-west-1:123456789012:function:f" });
    let fixed = json!({ "integrationUri": "https://example.com/pay", "integrationMethod": "POST" });
    for (back_end, expected) in [
        (event, vec![]),
        (fixed, vec![]),
        (json!({ "integrationUri": "https://example.com" }), vec!["OPTIONS /pay", "OPTIONS /{proxy+}"]),
        (function, vec!["OPTIONS /pay", "OPTIONS /{proxy+}"]),
    ] {
        let routes = json!([{ "routeKey": "ANY /pay", "integration": back_end }]);
        let specs = one(&orders_with(json!({ "api.routes": routes })));
        let keys = specs.values().filter_map(|spec| spec["routeKey"].as_str());
        assert_eq!(
            keys.filter(|key| key.starts_with("OPTIONS ")).collect::<Vec<_>>(),
            expected,
            "{back_end}"
        );
    }
    // Of an integration that is named, what its document says.
    for (method, expected) in [("ANY", true), ("POST", false)] {
        let routes = json!([{ "routeKey": "$default", "integrationRef": "named" }]);
        let spec = orders_with(json!({ "api.routes": routes }));
        let named = json!({ "apiRef": "orders", "integrationType": "HTTP_PROXY", "integrationMethod": method,
            "integrationUri": "https://example.com", "payloadFormatVersion": "1.0" });
        let all = expanded(&[document("HttpService/orders", &spec), document("Integration/named", &named)]);
        let questions = all.documents.iter().filter(|part| part.key.name == "orders.options-proxy");
        assert_eq!(questions.count() == 1, expected, "{method}");
    }
}

#[test]
fn routes_are_public_only_with_a_word_on_it() {
    let spec = orders_with(json!({ "api.authorizer": null }));
    let expanded = expanded(&[document("HttpService/orders", &spec)]);
    let warnings: Vec<&str> = expanded.warnings.iter().map(|found| found.path.as_str()).collect();
    assert_eq!(warnings, ["spec.api.routes[0]"], "the other one says NONE");
    let spec = |key: &str| {
        expanded.documents.iter().find(|document| document.key.to_string() == key).unwrap().spec.clone()
    };
    assert_eq!(spec("Route/orders.default")["authorizationType"], "NONE");

    let lambda = json!({ "authorizerType": "REQUEST", "authorizerUri": "arn:x", "authorizerPayloadFormatVersion": "2.0" });
    let specs = one(&orders_with(json!({ "api.authorizer": lambda })));
    assert_eq!(specs["Route/orders.default"]["authorizationType"], "CUSTOM");
    let iam = json!([{ "routeKey": "GET /a", "authorizationType": "AWS_IAM" }, { "routeKey": "GET /b", "authorizationScopes": ["r"] }]);
    let specs = one(&orders_with(json!({ "api.routes": iam })));
    assert_eq!(specs["Route/orders.get-a"].get("authorizerRef"), None);
    assert_eq!(specs["Route/orders.get-b"]["authorizationScopes"], json!(["r"]));
}

#[test]
fn a_named_stage_takes_its_name_out_of_the_path() {
    let specs =
        one(&orders_with(json!({ "api.stage": { "stageName": "prod", "stageVariables": { "a": "b" } } })));
    assert_eq!(
        specs["Integration/orders.service"]["requestParameters"],
        json!({ "overwrite:path": "$request.path" })
    );
    assert_eq!(
        specs["Stage/orders.prod"],
        json!({ "apiRef": "orders", "stageName": "prod", "autoDeploy": true, "stageVariables": { "a": "b" } })
    );
    let own =
        json!({ "requestParameters": { "overwrite:path": "/v1$request.path", "append:header.a": "b" } });
    let specs = one(&orders_with(json!({ "api.stage": { "stageName": "prod" }, "integration": own })));
    assert_eq!(
        specs["Integration/orders.service"]["requestParameters"], own["requestParameters"],
        "stated: it stays"
    );
    let public =
        json!([{ "routeKey": "GET /a", "integration": { "integrationUri": "https://example.com/{proxy}" } }]);
    let specs = one(&orders_with(json!({ "api.stage": { "stageName": "prod" }, "api.routes": public })));
    assert_eq!(specs["Integration/orders.example-com-proxy"].get("requestParameters"), None);
    let url = &expanded(&[document(
        "HttpService/orders",
        &orders_with(json!({ "api.stage": { "stageName": "prod" } })),
    )])
    .wholes[&key("HttpService/orders")]
        .outputs[0];
    assert_eq!(url.template, "{}/prod");
}

#[test]
fn a_second_stage_with_a_name_takes_it_out_of_the_path_too() {
    let second = document("Stage/second", &json!({ "apiRef": "orders", "stageName": "v2" }));
    let specs = specs(&[document("HttpService/orders", &orders()), second]);
    let parameters = &specs["Integration/orders.service"]["requestParameters"];
    assert_eq!(*parameters, json!({ "overwrite:path": "$request.path" }));
}

#[test]
fn deployments_are_kept_by_the_stage_alone() {
    let of = |spec: Value| {
        let policy = Policy { keep_deployments: Some(5), ..Policy::default() };
        let spec = spec.as_object().cloned().unwrap();
        let key = "HttpService/orders".parse().unwrap();
        expanded(&[Document::new(key, BTreeMap::new(), spec, policy, Places::new("a.yaml"))])
    };
    let kept = of(orders_with(json!({ "api.stage": { "autoDeploy": false } })));
    assert_eq!(kept.held, BTreeMap::new());
    for document in &kept.documents {
        let expected = (document.key.kind == "Stage").then_some(5);
        assert_eq!(document.policy.keep_deployments, expected, "{}", document.key);
    }
    let shared = of(orders_with(json!({ "api": null, "apiRef": "shop" })));
    let told: Vec<&str> = shared.held.values().flatten().map(|found| found.path.as_str()).collect();
    assert!(told.contains(&"policy.keepDeployments"), "{told:?}");
}

#[test]
fn one_integration_for_each_distinct_back_end() {
    let listener = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/old/50dc6c495c0c9188/0467ef3c8400ae65";
    let lambda = "arn:aws:lambda:us-east-1:123456789012:function:report";
    let routes = json!([
        { "routeKey": "$default" },
        { "routeKey": "GET /slow", "integration": { "timeoutInMillis": 29000 } },
        { "routeKey": "GET /old", "integration": { "integrationUri": listener } },
        { "routeKey": "PUT /old", "integration": { "integrationUri": listener } },
        { "routeKey": "GET /report", "integration": { "integrationUri": lambda } },
        { "routeKey": "GET /web", "integration": { "integrationUri": "https://www.example.com" } },
        { "routeKey": "GET /other", "integrationRef": "by-hand" },
    ]);
    let specs = one(&orders_with(json!({ "api.routes": routes, "api.corsConfiguration": null })));
    let of = |route: &str| {
        let name = specs[&format!("Route/orders.{route}")]["integrationRef"].as_str().unwrap();
        (name.to_owned(), specs.get(&format!("Integration/{name}")).cloned().unwrap_or_default())
    };
    assert_eq!(of("default").0, "orders.service", "the usual one keeps its name whatever others there are");
    let (slow, spec) = of("get-slow");
    assert!(slow.starts_with("orders.service-"), "{slow}");
    assert_eq!((&spec["timeoutInMillis"], &spec["discoveryServiceRef"]), (&json!(29000), &json!("orders")));
    let (old, spec) = of("get-old");
    assert_eq!((old.as_str(), &old), ("orders.listener-old", &of("put-old").0));
    assert_eq!((&spec["connectionType"], &spec["integrationMethod"]), (&json!("VPC_LINK"), &json!("ANY")));
    assert!(spec["vpcLinkRef"].as_str().unwrap().starts_with("link-"));
    let (report, spec) = of("get-report");
    assert_eq!((report.as_str(), &spec["integrationType"]), ("orders.lambda-report", &json!("AWS_PROXY")));
    assert_eq!((&spec["payloadFormatVersion"], &spec["integrationMethod"]), (&json!("2.0"), &json!("POST")));
    let (web, spec) = of("get-web");
    assert_eq!((web.as_str(), &spec["integrationType"]), ("orders.www-example-com", &json!("HTTP_PROXY")));
    assert_eq!(spec.get("connectionType"), None);
    assert_eq!(of("get-other").0, "by-hand");
    assert_eq!(specs.keys().filter(|key| key.starts_with("Integration/")).count(), 5);
}

#[test]
fn aws_services_need_their_parameters() {
    let queue = |parameters: Value| {
        json!({
            "api": { "routes": [{ "routeKey": "POST /orders", "authorizationType": "NONE", "integration": {
                "integrationSubtype": "SQS-SendMessage",
                "credentialsArn": "arn:aws:iam::123456789012:role/api",
                "requestParameters": parameters,
            } }] },
        })
    };
    let specs = one(&queue(json!({ "QueueUrl": "https://sqs/q", "MessageBody": "$request.body" })));
    let spec = &specs["Integration/orders.sqs-sendmessage"];
    assert_eq!(
        (&spec["integrationType"], &spec["payloadFormatVersion"]),
        (&json!("AWS_PROXY"), &json!("1.0"))
    );
    assert_eq!(
        specs.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "HttpApi/orders",
            "Integration/orders.sqs-sendmessage",
            "Route/orders.post-orders",
            "Stage/orders.default"
        ],
        "without `service` there is no Cloud Map, no ECS and no link"
    );
    let at = "spec.api.routes[0].integration";
    assert_eq!(
        wrong(&queue(json!({ "QueueUrl": "x" }))),
        [format!("{at}.requestParameters: SQS-SendMessage needs MessageBody")]
    );
    let mut typo = queue(json!({}));
    typo["api"]["routes"][0]["integration"]["integrationSubtype"] = json!("SQS-SendMesage");
    assert_eq!(
        wrong(&typo),
        [format!("{at}.integrationSubtype: unknown integration subtype `SQS-SendMesage`")]
    );
    let mut bare = queue(json!({ "QueueUrl": "x", "MessageBody": "y" }));
    bare["api"]["routes"][0]["integration"].as_object_mut().unwrap().remove("credentialsArn");
    assert_eq!(wrong(&bare), [format!("{at}: SQS-SendMessage needs `credentialsArn`")]);
}

#[test]
fn a_shared_api_gets_routes_and_nothing_else() {
    let shared = |spec: Value| orders_with(json!({ "api": null, "apiRef": "shared-api", "routes": spec }));
    let routes = json!([{ "routeKey": "GET /orders", "authorizationType": "AWS_IAM" }]);
    let spec = shared(routes.clone());
    let specs = one(&spec);
    assert!(!specs.keys().any(|key| key.starts_with("HttpApi/") || key.starts_with("Stage/")), "{specs:#?}");
    assert_eq!(specs["Route/orders.get-orders"]["apiRef"], "shared-api");
    assert_eq!(specs["Integration/orders.service"]["apiRef"], "shared-api");
    let below_api = orders_with(json!({ "api": { "routes": routes }, "apiRef": "shared-api" }));
    assert_eq!(one(&below_api), specs, "the routes may stand in `api` too");

    let named = document("Stage/prod", &json!({ "apiRef": "shared-api", "stageName": "prod" }));
    let specs = self::specs(&[document("HttpService/orders", &spec), named]);
    assert_eq!(specs["Integration/orders.service"]["requestParameters"]["overwrite:path"], "$request.path");

    assert_eq!(wrong(&shared(json!([]))), ["spec: expected at least one route"]);
    let cors = orders_with(json!({ "apiRef": "shared-api" }));
    assert_eq!(
        wrong(&cors),
        ["spec.api.corsConfiguration: `corsConfiguration` belongs to the document that owns the API"]
    );
}

#[test]
fn a_task_definition_may_stand_inside() {
    let definition = json!({ "cpu": "256", "memory": "512", "containerDefinitions": [
        { "name": "web", "image": "nginx", "portMappings": [{ "containerPort": 8080 }] },
    ] });
    let specs = one(&orders_with(json!({ "service.taskDefinition": definition, "service.port": null })));
    assert_eq!(specs["EcsTaskDefinition/orders"], definition);
    let service = &specs["EcsService/orders"];
    assert_eq!((&service["taskDefinitionRef"], service.get("taskDefinition")), (&json!("orders"), None));
    assert_eq!(service["serviceRegistries"][0]["port"], 8080, "the only port mapping");
    let bridge = json!({ "service.port": null, "service.containerName": "web", "service.containerPort": 80 });
    let registry = json!({ "discoveryServiceRef": "orders", "containerName": "web", "containerPort": 80 });
    assert_eq!(one(&orders_with(bridge))["EcsService/orders"]["serviceRegistries"], json!([registry]));
    // In the network of its instance a task is known by its container.
    let mut definition = definition;
    definition["networkMode"] = json!("bridge");
    let inside =
        json!({ "service.taskDefinition": definition, "service.port": null, "service.launchType": "EC2" });
    let registry = json!({ "discoveryServiceRef": "orders", "containerName": "web", "containerPort": 8080 });
    assert_eq!(one(&orders_with(inside))["EcsService/orders"]["serviceRegistries"], json!([registry]));

    let dotted = self::specs(&[document(
        "HttpService/shop.orders",
        &orders_with(json!({ "service.taskDefinition": definition })),
    )]);
    assert_eq!(dotted["EcsService/shop.orders"]["serviceName"], "shop-orders");
    assert_eq!(dotted["EcsTaskDefinition/shop.orders"]["family"], "shop-orders");
}
