//! Documents for what somebody else built: their plan is empty, and taking over writes owner marks and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_core::{Members, TAG_PREFIX};
use hatoba_engine::{Plan, PlanAction, Reach, Wanted};
use hatoba_kinds::{Imported, KindId, import};
use hatoba_source::emit_document;
use hatoba_tests::by_hand::{ByHand, Network, build};
use hatoba_tests::{Harbour, snapshot};
use serde_json::{Value, json};

use crate::prune::{TEN_MINUTES, explicit, writes};

fn wanted(kind: &str, scope: &str, id: &str) -> Wanted {
    Wanted {
        kind: KindId::of(kind).unwrap(),
        scope: scope.to_owned(),
        id: id.to_owned(),
        origin: format!("{kind} {id}"),
        hints: Members::new(),
        withheld: BTreeSet::new(),
        whole: kind == "HttpApi",
    }
}

/// A world in which somebody else has built the article's stack.
async fn stranger() -> (Harbour, ByHand) {
    let harbour = Harbour::with(explicit(), Config::default());
    let made = build(&Network::of_the_model(), async |request| harbour.meddle(&request).await).await;
    harbour.wait(TEN_MINUTES).await;
    harbour.clear_calls();
    (harbour, made)
}

/// The documents for these resources, by a process of its own, in which nothing was written and nothing missed.
async fn documents(harbour: &mut Harbour, wanted: Vec<Wanted>, reach: Reach) -> Vec<Imported> {
    harbour.renew();
    let sighted = harbour.engine.look_for(wanted, reach).await.unwrap();
    assert_eq!(sighted.missing, []);
    let (imported, refusals) = import(&sighted.found, &BTreeSet::new());
    assert_eq!(refusals, []);
    imported
}

fn text(imported: &[Imported]) -> String {
    imported.iter().map(|one| emit_document(&one.document)).collect::<Vec<_>>().join("---\n")
}

/// As the operator makes them when they have been read.
fn released(documents: &str) -> String {
    documents.replace("  suspend: true\n", "")
}

/// As strict as a document can be: what is left out is AWS's default.
fn strict(documents: &str) -> String {
    documents.replace("  omitted: Untouched\n", "")
}

fn names(imported: &[Imported]) -> Vec<String> {
    imported.iter().map(|one| one.document.key.to_string()).collect()
}

/// Everything but marks that these documents would change.
async fn planned(harbour: &mut Harbour, documents: &str) -> (Plan, Vec<String>) {
    harbour.renew();
    harbour.engine.accept(snapshot(documents));
    let plan = harbour.engine.plan().await.unwrap();
    let mark = format!("tags.{TAG_PREFIX}");
    let mut differences = Vec::new();
    for entry in &plan.entries {
        let fields = entry.fields.iter().filter(|field| !field.path.starts_with(&mark));
        differences.extend(fields.map(|f| format!("{} {}: {} → {}", entry.document, f.path, f.from, f.to)));
        let is_suspended = entry.cause.as_ref().is_some_and(|cause| cause.reason.as_str() == "Suspended");
        let is_quiet = matches!(entry.action, PlanAction::None | PlanAction::Update)
            || (entry.action == PlanAction::Held && is_suspended);
        if !is_quiet {
            differences.push(format!("{} {:?}: {:?}", entry.document, entry.action, entry.cause));
        }
        differences.extend(entry.notes.iter().map(|note| format!("{} {}", entry.document, note.message)));
    }
    (plan, differences)
}

async fn assert_the_plan_is_empty(harbour: &mut Harbour, documents: &str) {
    let (plan, differences) = planned(harbour, documents).await;
    assert_eq!(differences, [""; 0], "{documents}");
    assert!(!plan.has_changes());
    let (_, differences) = planned(harbour, &strict(documents)).await;
    assert_eq!(differences, [""; 0], "left out means AWS's default: {}", strict(documents));
}

const MARKS: [&str; 4] =
    ["TagResource", "UntagResource", "UpdateIntegration", "servicediscovery.TagResource"];

/// Takes over: nothing but marks is written, and nothing ever after.
async fn take_over(harbour: &mut Harbour, documents: &str) {
    harbour.renew();
    harbour.clear_calls();
    harbour.start(documents);
    harbour.wait(TEN_MINUTES).await;
    assert_eq!(writes(harbour), [""; 0], "suspended");
    harbour.documents(&released(documents));
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(TEN_MINUTES).await;
    let names = harbour.write_names();
    assert!(names.iter().all(|name| MARKS.contains(&name.as_str())), "{}", harbour.calls_text());
    assert!(!names.is_empty());
    harbour.clear_calls();
    harbour.wait(Duration::from_secs(3_600)).await;
    assert_eq!(writes(harbour), [""; 0], "at rest");
}

#[tokio::test(start_paused = true)]
async fn the_articles_stack_is_taken_over_and_kept_true() {
    let (mut harbour, made) = stranger().await;
    let wanted = vec![wanted("HttpApi", "", &made.api), wanted("EcsService", "main", "great-service")];
    let imported = documents(&mut harbour, wanted, Reach::Dependencies).await;
    assert_eq!(
        names(&imported),
        [
            "PrivateDnsNamespace/private-example-com",
            "DiscoveryService/great-service-discovery",
            "EcsCluster/main",
            "EcsTaskDefinition/great-task",
            "EcsService/great-service",
            "HttpApi/crazy-api",
            "VpcLink/fine-vpc-link",
            "Integration/crazy-api.to-great-service-discovery",
            "Route/crazy-api.default",
            "Stage/crazy-api.default",
        ]
    );
    let documents = text(&imported);
    assert_eq!(documents.matches("Ref: ").count(), 10, "documents name each other: {documents}");
    assert_the_plan_is_empty(&mut harbour, &documents).await;
    take_over(&mut harbour, &documents).await;
    harbour.assert_the_article_stands("taken over");
    assert_eq!(harbour.only("apigatewayv2", "apis").1["tags"]["hatoba:document"], "HttpApi/crazy-api");

    let patch = Request::rest("PATCH", &format!("/v2/apis/{}", made.api), &json!({ "name": "by-hand" }));
    harbour.meddle(&patch).await;
    let route = format!("/v2/apis/{}/routes/{}", made.api, made.route);
    harbour.meddle(&Request::rest("DELETE", &route, &Value::Null)).await;
    harbour.wait(TEN_MINUTES).await;
    assert_eq!(harbour.only("apigatewayv2", "apis").1["name"], "crazy-api");
    harbour.assert_the_article_stands("repaired");
}

#[tokio::test(start_paused = true)]
async fn an_api_alone_names_what_it_uses_by_id_and_says_so() {
    let (mut harbour, made) = stranger().await;
    let sighted =
        harbour.engine.look_for(vec![wanted("HttpApi", "", &made.api)], Reach::Named).await.unwrap();
    let beside: Vec<(&str, &str)> =
        sighted.beside.iter().map(|(kind, named)| (kind.as_str(), named.as_str())).collect();
    assert_eq!(beside, [("DiscoveryService", made.service_arn.as_str()), ("VpcLink", made.link.as_str())]);
    let (imported, _) = import(&sighted.found, &BTreeSet::new());
    let kinds: Vec<&str> = imported.iter().map(|one| one.document.key.kind.as_str()).collect();
    assert_eq!(kinds, ["HttpApi", "Integration", "Route", "Stage"]);
    assert_the_plan_is_empty(&mut harbour, &text(&imported)).await;
    take_over(&mut harbour, &text(&imported)).await;
    let link = &harbour.only("apigatewayv2", "vpcLinks").1;
    assert!(link["tags"].as_object().is_none_or(serde_json::Map::is_empty), "not ours: {link}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_told() {
    let (harbour, made) = stranger().await;
    let all = vec![wanted("HttpApi", "", "nowhere123"), wanted("Route", &made.api, &made.route)];
    let sighted = harbour.engine.look_for(all, Reach::Named).await.unwrap();
    let (what, _, cause) = &sighted.missing[0];
    assert_eq!((what.as_str(), cause.reason.as_str()), ("HttpApi nowhere123", "NotFound"));
    let found: Vec<&str> = sighted.found.iter().map(|found| found.kind.table().kind).collect();
    assert_eq!(found, ["Route", "HttpApi"], "a route is nothing without its API");
}

#[tokio::test(start_paused = true)]
async fn a_family_is_taken_over_at_the_revision_that_runs_and_nothing_is_registered() {
    let mut harbour = Harbour::with(explicit(), Config::default());
    for image in ["shop:1", "shop:2", "shop:3"] {
        let definition = json!({
            "family": "shop", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "taskRoleArn": "arn:aws:iam::123456789012:role/shop",
            "volumes": [{ "name": "scratch" }],
            "containerDefinitions": [
                {
                    "name": "web", "image": image, "essential": true, "portMappings": [{ "containerPort": 80 }],
                    "environment": [{ "name": "B", "value": "$${TEAM} ${TEAM}" }, { "name": "A", "value": "" }],
                    "mountPoints": [{ "sourceVolume": "scratch", "containerPath": "/tmp" }],
                    "dockerLabels": { "com.example/team": "web" },
                    "healthCheck": { "command": ["CMD", "true"] },
                },
                { "name": "side", "image": "side:1", "essential": false },
            ],
        });
        harbour.meddle(&Request::json("ecs", "RegisterTaskDefinition", &definition)).await;
    }
    let service = json!({
        "cluster": "main", "serviceName": "shop", "taskDefinition": "shop:2", "desiredCount": 3, "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-0aa11bb22cc33dd44"] } },
        "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } },
    });
    harbour.meddle(&Request::json("ecs", "CreateService", &service)).await;
    harbour.wait(TEN_MINUTES).await;
    let imported =
        documents(&mut harbour, vec![wanted("EcsService", "main", "shop")], Reach::Dependencies).await;
    assert_eq!(names(&imported), ["EcsCluster/main", "EcsTaskDefinition/shop", "EcsService/shop"]);
    assert_eq!(imported[1].document.policy.adopt.as_ref().unwrap().id.as_deref(), Some("shop:2"));
    let documents = text(&imported);
    assert_the_plan_is_empty(&mut harbour, &documents).await;
    take_over(&mut harbour, &documents).await;
    let registered = harbour.objects("ecs", "taskDefinitions");
    let of_shop = registered.keys().filter(|id| id.contains("shop:")).count();
    assert_eq!(of_shop, 3, "{:?}", registered.keys());

    // What autoscaling does stays, and another image is rolled out.
    let scaled = json!({ "cluster": "main", "service": "shop", "desiredCount": 5 });
    harbour.meddle(&Request::json("ecs", "UpdateService", &scaled)).await;
    harbour
        .documents(&released(&documents).replace("shop:2\n", "shop:4\n").replace("id: shop:4", "id: shop:2"));
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(TEN_MINUTES).await;
    let (_, service) = harbour.only("ecs", "services");
    assert_eq!(service["desiredCount"], 5);
    assert!(service["taskDefinition"].as_str().unwrap().ends_with("shop:4"), "{service}");
}

/// An API behind a domain name, with everything that the article's has not.
const RICH: &str = r#"apiVersion: hatoba/v1
kind: HttpApi
metadata: { name: shop }
spec:
  description: The shop's API
  version: "2"
  corsConfiguration: { allowOrigins: ["https://app.example.com"], allowMethods: [GET], maxAge: 0 }
---
apiVersion: hatoba/v1
kind: Authorizer
metadata: { name: oidc }
spec: { apiRef: shop, authorizerType: JWT, jwtConfiguration: { issuer: "https://issuer.example.com", audience: [b, a] } }
---
apiVersion: hatoba/v1
kind: Integration
metadata: { name: back }
spec:
  apiRef: shop
  integrationType: HTTP_PROXY
  integrationMethod: ANY
  integrationUri: "https://back.example.com"
  timeoutInMillis: 12000
  requestParameters: { "overwrite:path": $request.path }
---
apiVersion: hatoba/v1
kind: Integration
metadata: { name: queue }
spec:
  apiRef: shop
  integrationType: AWS_PROXY
  integrationSubtype: SQS-SendMessage
  credentialsArn: arn:aws:iam::123456789012:role/gateway
  requestParameters: { QueueUrl: "https://sqs.us-east-1.amazonaws.com/123456789012/q", MessageBody: $request.body }
---
apiVersion: hatoba/v1
kind: Route
metadata: { name: orders }
spec: { apiRef: shop, routeKey: "GET /orders/{id}", integrationRef: back, authorizationType: JWT, authorizerRef: oidc, authorizationScopes: [read] }
---
apiVersion: hatoba/v1
kind: Route
metadata: { name: drop }
spec: { apiRef: shop, routeKey: "POST /orders", integrationRef: queue, authorizationType: AWS_IAM }
---
apiVersion: hatoba/v1
kind: Stage
metadata: { name: prod }
spec:
  apiRef: shop
  autoDeploy: false
  stageVariables: { colour: blue, shade: c }
  defaultRouteSettings: { throttlingBurstLimit: 100, throttlingRateLimit: 50.5 }
  routeSettings: { "GET /orders/{id}": { throttlingBurstLimit: 7 } }
---
apiVersion: hatoba/v1
kind: DomainName
metadata: { name: domain }
spec:
  domainName: api.example.com
  domainNameConfigurations: [{ certificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/one" }]
---
apiVersion: hatoba/v1
kind: ApiMapping
metadata: { name: mapping }
spec: { domainNameRef: domain, apiRef: shop, stageRef: prod, apiMappingKey: orders/v1 }
---
apiVersion: hatoba/v1
kind: HttpNamespace
metadata: { name: shop }
spec: { description: by name }
---
apiVersion: hatoba/v1
kind: DiscoveryService
metadata: { name: shop }
spec: { namespaceRef: HttpNamespace/shop, description: found by API alone, attributes: { team: web } }
"#;

/// Takes every mark of ours off, as if somebody else had made it all.
async fn strip(harbour: &Harbour) {
    let keys = ["owner", "document", "incarnation", "deletion", "labels", "named", "content"];
    let query: Vec<String> = keys.iter().map(|key| format!("tagKeys=hatoba%3A{key}")).collect();
    let query = query.join("&");
    let untag = async |path: String| {
        let arn = format!("arn:aws:apigateway:us-east-1::{path}").replace(':', "%3A").replace('/', "%2F");
        harbour.meddle(&Request::rest("DELETE", &format!("/v2/tags/{arn}?{query}"), &Value::Null)).await;
    };
    for (collection, path) in
        [("apis", "/apis/"), ("vpcLinks", "/vpclinks/"), ("domainNames", "/domainnames/")]
    {
        for id in harbour.objects("apigatewayv2", collection).into_keys() {
            untag(format!("{path}{id}")).await;
        }
    }
    let apis: Vec<String> = harbour.objects("apigatewayv2", "apis").into_keys().collect();
    for api in apis {
        let uri = format!("/v2/apis/{api}");
        let items = async |noun: &str| {
            let listed = harbour.meddle(&Request::rest("GET", &format!("{uri}/{noun}"), &Value::Null)).await;
            listed["items"].as_array().cloned().unwrap_or_default()
        };
        for stage in items("stages").await {
            untag(format!("/apis/{api}/stages/{}", stage["stageName"].as_str().unwrap())).await;
        }
        for integration in items("integrations").await {
            let uri = format!("{uri}/integrations/{}", integration["integrationId"].as_str().unwrap());
            let mut patch = json!({ "description": "" });
            if integration.get("integrationSubtype").is_some() {
                // AWS wants it whole with every change.
                for member in ["integrationType", "integrationSubtype", "credentialsArn", "requestParameters"]
                {
                    patch[member] = integration[member].clone();
                }
            }
            harbour.meddle(&Request::rest("PATCH", &uri, &patch)).await;
        }
        for deployment in items("deployments").await {
            let uri = format!("{uri}/deployments/{}", deployment["deploymentId"].as_str().unwrap());
            harbour.meddle(&Request::rest("PATCH", &uri, &json!({ "description": "v1" }))).await;
        }
    }
    let keys: Vec<String> = keys.iter().map(|key| format!("hatoba:{key}")).collect();
    for collection in ["namespaces", "services"] {
        for object in harbour.objects("servicediscovery", collection).into_values() {
            let untag = json!({ "ResourceARN": object["Arn"], "TagKeys": keys });
            harbour.meddle(&Request::json("servicediscovery", "UntagResource", &untag)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_is_documented_as_it_was_made() {
    let mut harbour = Harbour::converged(explicit(), RICH).await;
    harbour.kill();
    strip(&harbour).await;
    let (api, _) = harbour.only("apigatewayv2", "apis");
    let (service, namespace) = {
        let (id, service) = harbour.only("servicediscovery", "services");
        (id, service["NamespaceId"].as_str().unwrap().to_owned())
    };
    let wanted = vec![wanted("HttpApi", "", &api), wanted("DiscoveryService", &namespace, &service)];
    let imported = documents(&mut harbour, wanted, Reach::Dependencies).await;
    assert_eq!(
        names(&imported),
        [
            "HttpNamespace/shop",
            "DiscoveryService/shop",
            "HttpApi/shop",
            "Integration/shop.sqs-sendmessage",
            "Integration/shop.to-back-example-com",
            "Authorizer/shop.oidc",
            "Route/shop.get-orders-id",
            "Route/shop.post-orders",
            "Stage/shop.prod",
            "DomainName/api-example-com",
            "ApiMapping/api-example-com.orders-v1",
        ]
    );
    let specs: BTreeMap<String, Value> = imported
        .iter()
        .map(|one| (one.document.key.to_string(), Value::Object(one.document.spec.clone())))
        .collect();
    assert_eq!(
        specs["Route/shop.get-orders-id"],
        json!({
            "apiRef": "shop", "routeKey": "GET /orders/{id}", "integrationRef": "shop.to-back-example-com",
            "authorizationType": "JWT", "authorizerRef": "shop.oidc", "authorizationScopes": ["read"],
        })
    );
    assert_eq!(
        specs["ApiMapping/api-example-com.orders-v1"],
        json!({ "domainNameRef": "api-example-com", "apiRef": "shop", "stageRef": "shop.prod", "apiMappingKey": "orders/v1" })
    );
    assert_eq!(
        specs["DiscoveryService/shop"],
        json!({ "namespaceRef": "HttpNamespace/shop", "description": "found by API alone", "type": "HTTP", "attributes": { "team": "web" } })
    );
    let documents = text(&imported);
    assert_the_plan_is_empty(&mut harbour, &documents).await;
    take_over(&mut harbour, &documents).await;
}

#[tokio::test(start_paused = true)]
async fn what_another_owner_keeps_is_told_and_not_taken() {
    let mut harbour = Harbour::converged(explicit(), hatoba_tests::ARTICLE).await;
    harbour.kill();
    harbour.options.owner = "other".to_owned();
    let (api, _) = harbour.only("apigatewayv2", "apis");
    let imported = documents(&mut harbour, vec![wanted("HttpApi", "", &api)], Reach::Named).await;
    let (plan, differences) = planned(&mut harbour, &text(&imported)).await;
    assert!(!plan.has_changes());
    let of_api: Vec<&String> = differences.iter().filter(|d| d.starts_with("HttpApi/")).collect();
    assert!(of_api.len() == 1 && of_api[0].contains("OwnedByAnother"), "{differences:#?}");
    // What stands in it is there, and nobody is told to make another.
    let inside: Vec<&String> = differences.iter().filter(|d| !d.starts_with("HttpApi/")).collect();
    assert_eq!(inside.len(), 3, "{differences:#?}");
    for difference in inside {
        assert!(difference.contains("stands in that of HttpApi/"), "{difference}");
        assert!(difference.contains("of owner ") && !difference.contains("without `adopt`"), "{difference}");
    }
}
