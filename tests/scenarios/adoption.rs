//! Taking existing resources over, handing them over again, and using what nobody marked.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_core::{Acknowledgement, Truth};
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour, article_without};
use serde_json::{Value, json};

use crate::prune::{HOUR, MINUTE, TEN_MINUTES, converged, explicit, for_minutes, held, writes};

/// The article with a policy in the document of that name.
fn with_policy(documents: &str, name: &str, policy: &str) -> String {
    let changed =
        documents.replacen(&format!("name: {name} }}\n"), &format!("name: {name} }}\npolicy: {policy}\n"), 1);
    assert_ne!(changed, documents, "{name}");
    changed
}

async fn api_by_hand(harbour: &Harbour, name: &str, tags: Value) -> String {
    let body = json!({ "name": name, "protocolType": "HTTP", "tags": tags });
    let made = harbour.meddle(&Request::rest("POST", "/v2/apis", &body)).await;
    made["apiId"].as_str().unwrap().to_owned()
}

fn creates(harbour: &Harbour) -> Vec<String> {
    harbour.write_names().into_iter().filter(|name| name.starts_with("Create")).collect()
}

#[tokio::test(start_paused = true)]
async fn an_api_is_taken_over_by_its_id_and_kept_when_its_document_goes() {
    let mut harbour = Harbour::with(explicit(), hatoba_aws_model::Config::default());
    let id = api_by_hand(&harbour, "old-name", json!({ "team": "x" })).await;
    harbour.clear_calls();
    let documents = with_policy(ARTICLE, "crazy-api", &format!("{{ adopt: {{ id: {id} }} }}"));
    harbour.start(&documents);
    harbour.converge(TEN_MINUTES).await;
    let (only, api) = harbour.only("apigatewayv2", "apis");
    assert_eq!((only.as_str(), api["name"].as_str()), (id.as_str(), Some("crazy-api")));
    assert_eq!(api["tags"]["hatoba:document"], "HttpApi/crazy-api");
    assert_eq!(api["tags"]["hatoba:deletion"], "Retain");
    assert_eq!(api["tags"]["team"], "x", "foreign tags stay");
    assert!(!creates(&harbour).contains(&"CreateApi".to_owned()), "{}", harbour.calls_text());
    harbour.assert_the_article_stands("adopted");

    harbour.wait(Duration::from_secs(90)).await;
    harbour.clear_calls();
    let gone =
        ["HttpApi/crazy-api", "Integration/to-great-service", "Route/default-route", "Stage/default-stage"];
    for_minutes(&harbour, HOUR, &article_without(&gone)).await;
    let (_, api) = harbour.only("apigatewayv2", "apis");
    assert_eq!(api["tags"], json!({ "team": "x" }), "{}", harbour.calls_text());
    let (_, integration) = harbour.only("apigatewayv2", "integrations");
    assert!(integration.get("description").is_none_or(|text| text == ""), "{integration}");
    let mut done = writes(&harbour);
    done.sort();
    let expected =
        ["DeleteStage", "UntagResource", "UpdateIntegration"].map(|name| format!("apigatewayv2.{name}"));
    assert_eq!(done, expected, "the stage says Delete, all else stays");
    assert!(api["tags"].get("hatoba:owner").is_none());
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_it_is_handed_over_before_the_parent() {
    let retained = with_policy(ARTICLE, "crazy-api", "{ deletion: Retain }");
    let retained = with_policy(&retained, "default-stage", "{ deletion: Retain }");
    let harbour = Harbour::converged(explicit(), &retained).await;
    let left = article_without(&[
        "HttpApi/crazy-api",
        "Integration/to-great-service",
        "Route/default-route",
        "Stage/default-stage",
    ]);
    for_minutes(&harbour, HOUR, &left).await;
    let names = harbour.write_names();
    assert_eq!(names.last().map(String::as_str), Some("UntagResource"), "{names:?}");
    assert_eq!(names.len(), 3, "integration, stage, API: {}", harbour.calls_text());
    for collection in ["apis", "stages", "integrations", "routes"] {
        assert_eq!(harbour.objects("apigatewayv2", collection).len(), 1, "{collection}");
    }
    assert_eq!(harbour.only("apigatewayv2", "apis").1.get("tags").cloned().unwrap_or(json!({})), json!({}));
    assert_eq!(held(&harbour), [""; 0]);
    let picture = harbour.engine.picture();
    assert!(picture.documents.keys().all(|document| document.kind != "HttpApi"));
}

#[tokio::test(start_paused = true)]
async fn a_suspended_document_shows_what_taking_over_would_change() {
    let mut harbour = Harbour::with(explicit(), hatoba_aws_model::Config::default());
    let id = api_by_hand(&harbour, "old-name", json!({})).await;
    harbour.clear_calls();
    let policy = |suspend| format!("{{ adopt: {{ id: {id} }}, suspend: {suspend} }}");
    harbour.start(&with_policy(ARTICLE, "crazy-api", &policy(true)));
    harbour.wait(TEN_MINUTES).await;
    let status = harbour.status("HttpApi", "crazy-api");
    assert_eq!((status.synced.status, status.synced.reason.as_str()), (Truth::False, "Suspended"));
    assert_eq!(harbour.only("apigatewayv2", "apis").1["name"], "old-name");
    assert_eq!(harbour.only("apigatewayv2", "apis").1.get("tags").cloned().unwrap_or(json!({})), json!({}));
    harbour.documents(&with_policy(ARTICLE, "crazy-api", &policy(false)));
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(harbour.only("apigatewayv2", "apis").1["tags"]["hatoba:owner"], "local");
    harbour.assert_the_article_stands("unsuspended");
}

/// A document that is renamed on its way: what it asks for is nobody's leftover meanwhile.
#[tokio::test(start_paused = true)]
async fn what_a_suspended_or_a_broken_document_asks_for_is_kept_though_its_mark_names_another() {
    let renamed = ARTICLE.replace(
        "kind: EcsService\nmetadata: { name: great-service }\nspec:\n",
        "kind: EcsService\nmetadata: { name: renamed }\npolicy: { adopt: { match: name }, suspend: true }\nspec:\n  serviceName: great-service\n",
    );
    assert_ne!(renamed, ARTICLE);
    let broken = renamed.replace("desiredCount: 1", "desiredCuont: 1");
    assert_ne!(broken, renamed);
    for (what, documents) in [("suspended", renamed), ("broken", broken)] {
        let harbour = converged().await;
        for_minutes(&harbour, HOUR, &documents).await;
        assert_eq!(writes(&harbour), [""; 0], "{what}: {}", harbour.calls_text());
        assert_eq!(harbour.live("ecs", "services").len(), 1, "{what}");
    }
}

/// What was taken over stays somebody's when it is replaced.
#[tokio::test(start_paused = true)]
async fn a_link_that_was_taken_over_is_handed_back_when_it_is_replaced() {
    let mut harbour = Harbour::with(explicit(), hatoba_aws_model::Config::default());
    let body = json!({ "name": "old", "subnetIds": ["subnet-0aa11bb22cc33dd44"], "securityGroupIds": [] });
    let made = harbour.meddle(&Request::rest("POST", "/v2/vpclinks", &body)).await;
    let id = made["vpcLinkId"].as_str().unwrap().to_owned();
    harbour.clear_calls();
    harbour.start(&with_policy(ARTICLE, "fine-vpc-link", &format!("{{ adopt: {{ id: {id} }} }}")));
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(TEN_MINUTES).await;
    let links = harbour.live("apigatewayv2", "vpcLinks");
    assert_eq!(links.len(), 2, "its subnets were others: {}", harbour.calls_text());
    let marks = |link: &Value| link["tags"].as_object().map_or(0, serde_json::Map::len);
    assert_eq!(marks(&links[&id]), 0, "handed over: {}", links[&id]);
    let (_, integration) = harbour.only("apigatewayv2", "integrations");
    assert_ne!(integration["connectionId"], id.as_str());
}

#[tokio::test(start_paused = true)]
async fn a_name_that_several_have_takes_nothing_over() {
    let mut harbour = Harbour::with(explicit(), hatoba_aws_model::Config::default());
    let first = api_by_hand(&harbour, "crazy-api", json!({})).await;
    let second = api_by_hand(&harbour, "crazy-api", json!({})).await;
    harbour.clear_calls();
    let documents = with_policy(ARTICLE, "crazy-api", "{ adopt: { match: name } }");
    harbour.start(&documents);
    harbour.wait(TEN_MINUTES).await;
    let status = harbour.status("HttpApi", "crazy-api");
    assert_eq!(status.synced.reason.as_str(), "AdoptAmbiguous");
    assert!(status.synced.message.contains(&first) && status.synced.message.contains(&second));
    assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 2);
    assert!(
        harbour.objects("apigatewayv2", "apis").values().all(|api| api["tags"].get("hatoba:owner").is_none())
    );
    harbour.meddle(&Request::rest("DELETE", &format!("/v2/apis/{first}"), &Value::Null)).await;
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(harbour.only("apigatewayv2", "apis").0, second);
}

#[tokio::test(start_paused = true)]
async fn a_whole_stack_moves_from_one_owner_to_another_without_a_create() {
    let old = Options { owner: "old".to_owned(), ..explicit() };
    let mut harbour = Harbour::converged(old, ARTICLE).await;
    let ids = |harbour: &Harbour| {
        [("apigatewayv2", "apis"), ("apigatewayv2", "vpcLinks"), ("servicediscovery", "services")]
            .map(|(service, collection)| harbour.only(service, collection).0)
    };
    let before = ids(&harbour);
    let integration = harbour.only("apigatewayv2", "integrations").1["integrationId"].clone();
    harbour.kill();
    harbour.options = Options { owner: "new".to_owned(), ..explicit() };

    // Without a word nothing of another owner's is touched.
    harbour.renew();
    harbour.clear_calls();
    harbour.start(&article_without(&["HttpApi/crazy-api", "VpcLink/fine-vpc-link"]));
    harbour.wait(TEN_MINUTES).await;
    assert_eq!(writes(&harbour), [""; 0]);
    assert_eq!(
        harbour.status("PrivateDnsNamespace", "private-example-com").synced.reason.as_str(),
        "OwnedByAnother"
    );
    harbour.kill();

    harbour.renew();
    let mut documents = ARTICLE.to_owned();
    for name in [
        "private-example-com",
        "great-service-discovery",
        "great-service",
        "crazy-api",
        "fine-vpc-link",
        "default-route",
        "default-stage",
    ] {
        documents = with_policy(&documents, name, "{ adopt: { match: name, fromOwner: old } }");
    }
    let by_id = format!("{{ adopt: {{ id: {}, fromOwner: old }} }}", integration.as_str().unwrap());
    documents = with_policy(&documents, "to-great-service", &by_id);
    harbour.start(&documents);
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(creates(&harbour), [""; 0], "{}", harbour.calls_text());
    assert_eq!(ids(&harbour), before);
    assert_eq!(harbour.only("apigatewayv2", "apis").1["tags"]["hatoba:owner"], "new");
    harbour.assert_the_article_stands("moved");
}

#[tokio::test(start_paused = true)]
async fn everything_goes_when_exactly_that_is_acknowledged() {
    let harbour = converged().await;
    for_minutes(&harbour, 30, "").await;
    assert_eq!(held(&harbour), ["FuseOpen"]);
    assert_eq!(writes(&harbour), [""; 0]);
    let (hash, documents) = harbour.engine.held_together().unwrap();

    // Another set than the one that is held, or one that is over, lets nothing go.
    let fewer = documents.iter().skip(1).cloned().collect();
    harbour.engine.acknowledge(&Acknowledgement::new(fewer, harbour.now()));
    let over =
        Acknowledgement { expires: harbour.now(), ..Acknowledgement::new(documents.clone(), harbour.now()) };
    harbour.engine.acknowledge(&over);
    for_minutes(&harbour, 15, "").await;
    assert_eq!(writes(&harbour), [""; 0]);

    let word = Acknowledgement::new(documents, harbour.now());
    assert_eq!(word.hash, hash);
    harbour.engine.acknowledge(&word);
    for_minutes(&harbour, HOUR - 5, "").await;
    for (service, collection) in [
        ("apigatewayv2", "apis"),
        ("apigatewayv2", "vpcLinks"),
        ("servicediscovery", "services"),
        ("servicediscovery", "namespaces"),
        ("ecs", "services"),
    ] {
        assert_eq!(harbour.live(service, collection).len(), 0, "{collection}: {}", harbour.calls_text());
    }
}

/// A human's word for what the fuse holds.
fn acknowledge_all(harbour: &Harbour) {
    let (_, documents) = harbour.engine.held_together().unwrap();
    harbour.engine.acknowledge(&Acknowledgement::new(documents, harbour.now()));
}

#[tokio::test(start_paused = true)]
async fn a_word_is_for_one_absence() {
    let harbour = converged().await;
    for_minutes(&harbour, 2, "").await;
    acknowledge_all(&harbour);
    // They are back before their grace is over, and gone once more.
    for_minutes(&harbour, 1, ARTICLE).await;
    for_minutes(&harbour, 20, "").await;
    assert_eq!(held(&harbour), ["FuseOpen"]);
    assert_eq!(writes(&harbour), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_word_is_over_after_an_hour() {
    const DELETES: [&str; 8] = [
        "DeleteRoute",
        "DeleteStage",
        "DeleteIntegration",
        "DeleteApi",
        "DeleteVpcLink",
        "DeleteService",
        "UpdateService",
        "DeleteNamespace",
    ];
    let harbour = converged().await;
    for_minutes(&harbour, 2, "").await;
    acknowledge_all(&harbour);
    DELETES.iter().for_each(|delete| harbour.world().faults().deny(delete));
    for_minutes(&harbour, HOUR + 5, "").await;
    assert_ne!(writes(&harbour), [""; 0], "it was tried");
    DELETES.iter().for_each(|delete| harbour.world().faults().allow(delete));
    harbour.clear_calls();
    for_minutes(&harbour, 30, "").await;
    assert_eq!(held(&harbour), ["FuseOpen"]);
    assert_eq!(writes(&harbour), [""; 0], "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn one_more_that_vanishes_opens_the_fuse_again() {
    let harbour = converged().await;
    let left = article_without(&["Route/default-route"]);
    let limited = Options { prune_limit: 0, ..explicit() };
    drop(harbour);
    let harbour = Harbour::converged(limited, ARTICLE).await;
    for_minutes(&harbour, 12, &left).await;
    assert_eq!(held(&harbour), ["FuseOpen"]);
    acknowledge_all(&harbour);
    // Before the pass that would delete it, a second document goes.
    let fewer = article_without(&["Route/default-route", "Stage/default-stage"]);
    harbour.documents(&fewer);
    for_minutes(&harbour, 20, &fewer).await;
    assert_eq!(harbour.objects("apigatewayv2", "stages").len(), 1);
    assert_eq!(held(&harbour), ["FuseOpen"]);
}

const ORDERS: &str = "
apiVersion: hatoba/v1
kind: HttpService
metadata: { name: orders }
spec:
  namespace: private.example.com
  network:
    vpcSelector: { tags: { Name: awesome-vpc } }
    subnetSelector: { tags: { Tier: private } }
    securityGroupSelector: { tags: { Name: great-sg } }
  service: { cluster: main, taskDefinition: great-task:1, port: 80 }
";

async fn namespace_by_hand(harbour: &Harbour, vpc: &str) -> String {
    let body = json!({ "Name": "private.example.com", "Vpc": vpc, "CreatorRequestId": vpc });
    harbour.meddle(&Request::json("servicediscovery", "CreatePrivateDnsNamespace", &body)).await;
    harbour.wait(MINUTE).await;
    let made = harbour.objects("servicediscovery", "namespaces");
    made.into_iter().find(|(_, namespace)| namespace["Vpc"] == vpc).unwrap().0
}

fn awesome_vpc(harbour: &Harbour) -> String {
    let vpcs = harbour.objects("ec2", "vpcs");
    let named = |vpc: &Value| vpc.to_string().contains("awesome-vpc");
    vpcs.into_iter().find(|(_, vpc)| named(vpc)).unwrap().0
}

#[tokio::test(start_paused = true)]
async fn an_implied_namespace_that_nobody_marked_is_used_and_never_changed() {
    let mut harbour = Harbour::with(explicit(), hatoba_aws_model::Config::default());
    let vpc = awesome_vpc(&harbour);
    let id = namespace_by_hand(&harbour, &vpc).await;
    harbour.clear_calls();
    harbour.start(ORDERS);
    harbour.converge(TEN_MINUTES).await;
    let (only, namespace) = harbour.only("servicediscovery", "namespaces");
    assert_eq!(only, id);
    assert_eq!(harbour.only("servicediscovery", "services").1["NamespaceId"], id.as_str());
    let arn = namespace["Arn"].clone();
    let tags = || async {
        let list = json!({ "ResourceARN": arn.clone() });
        harbour.meddle(&Request::json("servicediscovery", "ListTagsForResource", &list)).await["Tags"].clone()
    };
    assert_eq!(tags().await, json!([]));

    // Not even when the documents are gone, nor by another process.
    for_minutes(&harbour, 15, "").await;
    let (_, documents) = harbour.engine.held_together().unwrap();
    assert!(documents.iter().all(|key| key.kind != "PrivateDnsNamespace"), "{documents:?}");
    harbour.engine.acknowledge(&Acknowledgement::new(documents, harbour.now()));
    for_minutes(&harbour, HOUR - 5, "").await;
    assert_eq!(harbour.objects("servicediscovery", "services").len(), 0, "{}", harbour.calls_text());
    assert_eq!(harbour.only("servicediscovery", "namespaces").0, id);
    assert_eq!(tags().await, json!([]));
    let touched = |name: &&String| name.contains("Namespace");
    assert_eq!(harbour.write_names().iter().filter(touched).count(), 0, "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_of_that_name_in_another_vpc_is_none_of_ours() {
    let mut harbour = Harbour::with(explicit(), hatoba_aws_model::Config::default());
    namespace_by_hand(&harbour, "vpc-0f9e8d7c6b5a49382").await;
    harbour.start(ORDERS);
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(harbour.objects("servicediscovery", "namespaces").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_cannot_be_told_apart_holds_the_create() {
    let mut harbour = Harbour::with(explicit(), hatoba_aws_model::Config::default());
    namespace_by_hand(&harbour, "vpc-0f9e8d7c6b5a49382").await;
    harbour.world().faults().fail("GetHostedZone", 1_000, 403, "AccessDenied", "not authorized");
    harbour.start(ORDERS);
    harbour.wait(TEN_MINUTES).await;
    let status = harbour.status("PrivateDnsNamespace", "private-example-com");
    assert_eq!(harbour.objects("servicediscovery", "namespaces").len(), 1);
    assert_eq!(status.synced.reason.as_str(), "NotToldApart", "{}", harbour.describe());
    assert_eq!(status.synced.status, Truth::Unknown);
}
