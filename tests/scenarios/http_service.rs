//! One document for the whole chain: the same world as by hand, one status, held as a whole, pruned like all others.

use std::collections::BTreeMap;
use std::time::Duration;

use hatoba_aws_model::{Config, Delays};
use hatoba_core::{Key, Truth};
use hatoba_engine::{Options, check, rendered};
use hatoba_source::emit_document;
use hatoba_tests::{ARTICLE, Harbour, snapshot};
use serde_json::Value;

const TEN_MINUTES: Duration = Duration::from_secs(600);
const NAMED_STAGE: &str = include_str!("../../deploy/samples/named-stage/orders.yaml");
const SHARED: [&str; 3] = [
    include_str!("../../deploy/samples/shared-api/api.yaml"),
    include_str!("../../deploy/samples/shared-api/orders.yaml"),
    include_str!("../../deploy/samples/shared-api/users.yaml"),
];

/// The article's chain with the article's names, but for the VPC link's.
const ARTICLE_IN_ONE: &str = "
apiVersion: hatoba/v1
kind: HttpService
metadata: { name: great-service }
spec:
  namespace: private.example.com
  network:
    vpcSelector: { tags: { Name: awesome-vpc } }
    subnetSelector: { tags: { Tier: private } }
    securityGroupSelector: { tags: { Name: great-sg } }
  discovery: { name: great-service-discovery }
  service: { cluster: main, taskDefinition: great-task:1, desiredCount: 1, port: 80 }
  api: { name: crazy-api, routes: [{ routeKey: $default, authorizationType: NONE }] }
";

fn deleting() -> Options {
    Options { owner: "team/orders".to_owned(), owner_is_explicit: true, ..Options::default() }
}

/// The documents of single kinds that these come to.
fn render(documents: &str) -> String {
    let (documents, checked) = rendered(&snapshot(documents));
    assert_eq!(checked.held, BTreeMap::new());
    documents.iter().map(|(document, _)| emit_document(document)).collect::<Vec<_>>().join("---\n")
}

/// Everything in AWS, ids replaced by what they name and marks taken out.
fn world(harbour: &Harbour) -> Value {
    let dump = {
        let _ = harbour.objects("ecs", "services"); // brings the world to now
        harbour.world().dump()
    };
    let mut text = serde_json::to_string(&dump).unwrap();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for (service, collection, member) in [
        ("servicediscovery", "namespaces", "Id"),
        ("servicediscovery", "services", "Id"),
        ("apigatewayv2", "apis", "apiId"),
        ("apigatewayv2", "vpcLinks", "vpcLinkId"),
        ("apigatewayv2", "integrations", "integrationId"),
        ("apigatewayv2", "routes", "routeId"),
    ] {
        for (index, object) in harbour.objects(service, collection).into_values().enumerate() {
            if let Some(id) = object[member].as_str() {
                ids.insert(id.to_owned(), format!("<{collection} {index}>"));
            }
        }
    }
    for (id, name) in ids {
        text = text.replace(&id, &name);
    }
    let mut value: Value = serde_json::from_str(&text).unwrap();
    forget(&mut value);
    value
}

/// Members that differ from run to run, and our marks.
fn forget(value: &mut Value) {
    const OTHER: [&str; 13] = [
        "HostedZoneId",
        "createdDate",
        "CreateDate",
        "createdAt",
        "updatedAt",
        "CreatorRequestId",
        "lastUpdatedDate",
        "startedAt",
        "pullStartedAt",
        "taskArn",
        "deployments",
        "deploymentId",
        "events",
    ];
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !OTHER.contains(&name.as_str()) && !name.starts_with("hatoba:"));
            if members.get("description").is_some_and(|d| d.as_str().is_some_and(|d| d.contains("[hatoba ")))
            {
                members.remove("description");
            }
            members.values_mut().for_each(forget);
        }
        Value::Array(items) => {
            items.retain(|item| !item["key"].as_str().is_some_and(|key| key.starts_with("hatoba:")));
            items.retain(|item| !item["Key"].as_str().is_some_and(|key| key.starts_with("hatoba:")));
            items.iter_mut().for_each(forget);
        }
        _ => {}
    }
}

/// What the three ways of writing the chain must agree on.
fn chain(world: &Value) -> Value {
    let mut chain = serde_json::Map::new();
    for (service, collection) in [
        ("servicediscovery", "namespaces"),
        ("servicediscovery", "services"),
        ("ecs", "services"),
        ("apigatewayv2", "apis"),
        ("apigatewayv2", "vpcLinks"),
        ("apigatewayv2", "integrations"),
        ("apigatewayv2", "routes"),
        ("apigatewayv2", "stages"),
    ] {
        let objects = world[service][collection].as_object().unwrap();
        assert_eq!(objects.len(), 1, "{service} {collection}: {objects:#?}");
        let mut object = objects.values().next().unwrap().clone();
        if collection == "vpcLinks" {
            object.as_object_mut().unwrap().remove("name");
        }
        chain.insert(format!("{service} {collection}"), object);
    }
    Value::Object(chain)
}

#[tokio::test(start_paused = true)]
async fn one_document_its_parts_and_the_article_come_to_the_same_world() {
    let mut worlds = Vec::new();
    for documents in [ARTICLE.to_owned(), ARTICLE_IN_ONE.to_owned(), render(ARTICLE_IN_ONE)] {
        let harbour = Harbour::converged(Options::default(), &documents).await;
        worlds.push(chain(&world(&harbour)));
    }
    assert_eq!(worlds[1], worlds[2], "the document and what it is rendered as");
    assert_eq!(worlds[0], worlds[1], "the article by hand and in one document");
}

/// The tasks are rolled out, too. What ECS enters and takes out in Cloud Map meanwhile is its own matter: here a task is
/// taken out as it stops.
#[tokio::test(start_paused = true)]
async fn no_request_fails_while_the_whole_moves_to_other_subnets() {
    let delays = Delays { deregister: Duration::ZERO, ..Delays::default() };
    let mut harbour = Harbour::with(deleting(), Config { delays, ..Config::default() });
    harbour.start(ARTICLE_IN_ONE);
    harbour.converge(TEN_MINUTES).await;
    let visitor = harbour.visitor("/orders/7");
    let one = ARTICLE_IN_ONE
        .replace("subnetSelector: { tags: { Tier: private } }", "subnetIds: [subnet-0aa11bb22cc33dd44]");
    assert_ne!(one, ARTICLE_IN_ONE);
    for _ in 0..6 {
        harbour.documents(&format!("{one}\n# another look\n"));
        harbour.wait(Duration::from_secs(300)).await;
        harbour.documents(&one);
        harbour.wait(Duration::from_secs(300)).await;
    }
    assert!(harbour.is_converged(), "{}", harbour.describe());
    visitor.assert_content(&harbour, "other subnets");
    let (link, _) = harbour.only("apigatewayv2", "vpcLinks");
    let (_, integration) = harbour.only("apigatewayv2", "integrations");
    assert_eq!(integration["connectionId"], link.as_str());
}

#[tokio::test(start_paused = true)]
async fn the_parts_take_the_place_of_the_whole_without_a_write() {
    let mut harbour = Harbour::converged(deleting(), NAMED_STAGE).await;
    harbour.documents(&render(NAMED_STAGE));
    harbour.wait(Duration::from_secs(3_600)).await;
    assert_eq!(harbour.write_names(), [""; 0], "{}", harbour.calls_text());
    assert!(!harbour.engine.statuses().contains_key(&Key::new("HttpService", "orders")));
    harbour.kill_and_restart(NAMED_STAGE);
    harbour.wait(Duration::from_secs(3_600)).await;
    assert_eq!(harbour.write_names(), [""; 0], "{}", harbour.calls_text());
    assert!(harbour.is_converged(), "{}", harbour.describe());
}

#[tokio::test(start_paused = true)]
async fn the_document_has_a_status_of_its_own() {
    let mut harbour = Harbour::new();
    harbour.start(NAMED_STAGE);
    harbour.wait(Duration::from_secs(30)).await;
    let status = harbour.status("HttpService", "orders");
    assert_eq!(status.ready.status, Truth::False, "{}", harbour.describe());
    assert_ne!(status.ready.reason.as_str(), "WaitingFor", "the part that the others wait for speaks");
    let (part, _) = status.ready.message.split_once(": ").unwrap();
    let key: Key = part.parse().unwrap();
    assert_eq!(harbour.engine.statuses()[&key].ready.reason, status.ready.reason, "and is named");

    harbour.converge(TEN_MINUTES).await;
    let status = harbour.status("HttpService", "orders");
    assert_eq!((status.synced.status, status.ready.status), (Truth::True, Truth::True));
    assert_eq!(status.synced.message, "AWS equals every part of the document");
    let (api_id, _) = harbour.only("apigatewayv2", "apis");
    assert_eq!(status.outputs["url"], format!("https://{api_id}.execute-api.us-east-1.amazonaws.com/v1"));
    let (_, integration) = harbour.only("apigatewayv2", "integrations");
    assert_eq!(integration["requestParameters"]["overwrite:path"], "$request.path");

    let shown = harbour.engine.picture();
    let document = &shown.documents[&Key::new("HttpService", "orders")];
    assert_eq!(document.file, "documents.yaml");
    assert!(document.verified_seconds_ago.is_some(), "as old as the part that was looked at longest ago");
    assert_eq!(shown.documents[&Key::new("Route", "orders.get-health")].file, "documents.yaml");
}

#[tokio::test(start_paused = true)]
async fn teams_share_an_api_a_namespace_and_a_link() {
    let documents = SHARED.join("\n---\n");
    let harbour = Harbour::converged(deleting(), &documents).await;
    assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 1);
    assert_eq!(harbour.live("apigatewayv2", "vpcLinks").len(), 1);
    assert_eq!(harbour.objects("servicediscovery", "namespaces").len(), 1);
    assert_eq!(harbour.objects("apigatewayv2", "routes").len(), 3);
    assert_eq!(harbour.live("ecs", "services").len(), 2);
    let (api_id, _) = harbour.only("apigatewayv2", "apis");
    let url = format!("https://{api_id}.execute-api.us-east-1.amazonaws.com");
    assert_eq!(harbour.status("HttpService", "users").outputs["url"], url);

    // One team leaves: what is its own goes through every guard, what is shared stays.
    let left = SHARED[..2].join("\n---\n");
    harbour.documents(&left);
    for _ in 0..8 {
        harbour.wait(Duration::from_secs(600)).await;
        harbour.documents(&format!("{left}\n# another look\n"));
        harbour.documents(&left);
    }
    assert_eq!(harbour.live("ecs", "services").len(), 1, "{}", harbour.calls_text());
    assert_eq!(harbour.objects("apigatewayv2", "routes").len(), 2);
    assert_eq!(harbour.live("apigatewayv2", "vpcLinks").len(), 1);
    assert_eq!(harbour.objects("servicediscovery", "namespaces").len(), 1);
    assert!(harbour.is_converged(), "{}", harbour.describe());
}

/// Held in two ways: its parts are known (one of them is bad), or not (its own spec cannot be read).
#[tokio::test(start_paused = true)]
async fn a_held_document_changes_nothing_and_nothing_of_it_goes() {
    for (story, bad) in [
        ("a part is bad", NAMED_STAGE.replace("stageName: v1", "stageName: v1, stageVariable: {}")),
        (
            "its spec is bad",
            NAMED_STAGE.replace("port: 80", "prot: 80").replace("desiredCount: 1", "desiredCount: 3"),
        ),
        ("it cannot be read", NAMED_STAGE.replace("spec:\n", "speck:\n")),
    ] {
        let options = Options { prune_grace: Duration::from_secs(60), prune_limit: 1_000, ..deleting() };
        let mut harbour = Harbour::converged(options, &format!("{NAMED_STAGE}\n---\n{OTHER}")).await;
        let before = world(&harbour);
        let bad = format!("{bad}\n---\n{OTHER}");
        assert!(!check(&snapshot(&bad)).held.is_empty(), "{story}");
        harbour.documents(&bad);
        harbour.wait(Duration::from_secs(1_800)).await;
        assert_eq!(harbour.write_names(), [""; 0], "{story}");
        let status = harbour.status("HttpService", "orders");
        assert_eq!(
            (status.synced.status, status.synced.reason.as_str()),
            (Truth::False, "Invalid"),
            "{story}"
        );
        assert_eq!(harbour.engine.picture().pruning.len(), 0, "{story}: nothing looks vanished");
        harbour.kill_and_restart(&bad);
        harbour.wait(Duration::from_secs(1_800)).await;
        assert_eq!(harbour.write_names(), [""; 0], "{story}: nor for one that never saw it whole");
        let found = check(&snapshot(&bad));
        assert!(found.diagnostics.iter().all(|found| found.place.line > 1), "{:#?}", found.diagnostics);
        assert_eq!(world(&harbour), before, "{story}");
        harbour.documents(&format!("{NAMED_STAGE}\n---\n{OTHER}"));
        harbour.converge(TEN_MINUTES).await;
        assert_eq!(harbour.write_names(), [""; 0], "{story}: mended, and as it was");
    }
}

/// A route of somebody else's on the API that the document makes.
const OTHER: &str = "
apiVersion: hatoba/v1
kind: Integration
metadata: { name: other }
spec: { apiRef: orders, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: 'https://example.com' }
---
apiVersion: hatoba/v1
kind: Route
metadata: { name: other }
spec: { apiRef: orders, routeKey: GET /other, integrationRef: other }
";

#[test]
fn what_is_wrong_with_a_part_is_said_at_the_document() {
    let bad = NAMED_STAGE.replace("desiredCount: 1", "desiredCount: one");
    let checked = check(&snapshot(&bad));
    let found = &checked.held[&Key::new("HttpService", "orders")];
    assert_eq!(found[0].path, "spec.service.desiredCount");
    assert_eq!(found[0].message, "expected a whole number, got string \"one\"");
    let line = bad.lines().position(|line| line.contains("desiredCount: one")).unwrap() + 1;
    assert_eq!(found[0].place.line, line);
    assert_eq!(checked.desired.len(), 0, "nothing of it is worked on");
    assert!(checked.held_parts.contains_key(&Key::new("EcsService", "orders")));
    assert_eq!(checked.diagnostics.len(), 1, "{:#?}", checked.diagnostics);
}

#[test]
fn a_reference_that_leads_nowhere_is_said_at_the_document() {
    let bad = NAMED_STAGE.replace("  api:\n", "  vpcLinkRef: nowhere\n  api:\n");
    let checked = check(&snapshot(&bad));
    let found = &checked.held[&Key::new("HttpService", "orders")];
    assert_eq!(found[0].path, "spec.vpcLinkRef");
    assert_eq!(found[0].message, "expected the name of a VpcLink document, found no `nowhere`");
    assert_eq!(checked.desired.len(), 0);
}

#[test]
fn what_a_held_document_may_ask_for_is_not_missed() {
    let checked = check(&snapshot(&format!("{}\n---\n{OTHER}", NAMED_STAGE.replace("port:", "prot:"))));
    assert!(checked.desired.contains_key(&Key::new("Route", "other")), "{:#?}", checked.diagnostics);
    assert!(checked.exists(&Key::new("HttpApi", "orders")));
    assert!(checked.may_exist(&Key::new("VpcLink", "any")));
}
