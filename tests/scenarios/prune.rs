//! Documents go away: what they asked for goes too, late, in order, and never on doubt.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_engine::Options;
use hatoba_source::{Snapshot, Unreadable};
use hatoba_tests::{ARTICLE, Harbour, article_without, snapshot};
use serde_json::{Value, json};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const GRACE: Duration = Duration::from_secs(600);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: u32 = 60;

/// Everything that lets requests in; the tasks stay.
const WAY_IN: [&str; 5] = [
    "HttpApi/crazy-api",
    "Integration/to-great-service",
    "Route/default-route",
    "Stage/default-stage",
    "VpcLink/fine-vpc-link",
];

fn explicit() -> Options {
    Options { owner_is_explicit: true, prune_grace: GRACE, ..Options::default() }
}

async fn converged_with(options: Options, documents: &str) -> Harbour {
    let mut harbour = Harbour::with(options, Config::default());
    harbour.start(documents);
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(Duration::from_secs(90)).await;
    harbour.clear_calls();
    harbour
}

async fn converged() -> Harbour {
    converged_with(explicit(), ARTICLE).await
}

/// The source is read every minute, as by a poll, and says this.
async fn for_minutes(harbour: &Harbour, minutes: u32, documents: &str) {
    for _ in 0..minutes {
        harbour.documents(documents);
        harbour.wait(MINUTE).await;
    }
}

fn writes(harbour: &Harbour) -> Vec<String> {
    harbour.writes().into_iter().map(|call| format!("{}.{}", call.service, call.operation)).collect()
}

/// Why resources without a document are still there.
fn held(harbour: &Harbour) -> Vec<String> {
    let mut reasons: Vec<String> =
        harbour.engine.picture().pruning.iter().map(|pruning| pruning.held.reason.to_string()).collect();
    reasons.sort();
    reasons.dedup();
    reasons
}

#[tokio::test(start_paused = true)]
async fn a_removed_route_goes_after_the_grace_and_not_before() {
    let harbour = converged().await;
    let left = article_without(&["Route/default-route"]);
    for_minutes(&harbour, 9, &left).await;
    harbour.wait(Duration::from_secs(55)).await;
    assert_eq!(harbour.objects("apigatewayv2", "routes").len(), 1, "within the grace");
    assert_eq!(writes(&harbour), [""; 0]);
    for_minutes(&harbour, 7, &left).await;
    assert_eq!(writes(&harbour), ["apigatewayv2.DeleteRoute"], "{}", harbour.calls_text());
    assert_eq!(harbour.engine.picture().pruning.len(), 0);
    harbour.wait(TEN_MINUTES).await;
    assert!(harbour.is_converged(), "the others: {}", harbour.describe());
}

#[tokio::test(start_paused = true)]
async fn one_listing_is_not_enough_however_long_ago() {
    let harbour = converged().await;
    let left = article_without(&["VpcLink/fine-vpc-link", "Integration/to-great-service", "Route/default-route", "Stage/default-stage"]);
    harbour.documents(&left);
    harbour.wait(HOUR * MINUTE).await;
    assert_eq!(writes(&harbour), [""; 0]);
    assert_eq!(held(&harbour), ["Grace"]);
    harbour.documents(&left);
    harbour.documents(&left);
    harbour.wait(TEN_MINUTES).await;
    assert_eq!(harbour.live("apigatewayv2", "vpcLinks").len(), 0, "{:?}\n{}", held(&harbour), harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn the_way_in_goes_from_the_outside_in() {
    let harbour = converged().await;
    let left = article_without(&WAY_IN);
    for_minutes(&harbour, 20, &left).await;
    let writes = writes(&harbour);
    let at = |operation: &str| writes.iter().position(|write| write.ends_with(operation)).expect(operation);
    assert_eq!(writes.len(), 5, "each once: {writes:?}\n{}", harbour.calls_text());
    assert!(at("DeleteRoute") < at("DeleteIntegration"));
    assert!(at("DeleteIntegration") < at("DeleteApi") && at("DeleteStage") < at("DeleteApi"));
    assert!(at("DeleteIntegration") < at("DeleteVpcLink"));
    assert_eq!(harbour.live("ecs", "services").len(), 1);
    assert!(harbour.calls().iter().filter(|call| call.write).all(|call| call.status < 300));
}

#[tokio::test(start_paused = true)]
async fn tasks_are_drained_before_the_service_and_its_name_go() {
    let harbour = converged().await;
    let mut gone = WAY_IN.to_vec();
    gone.extend(["EcsService/great-service", "DiscoveryService/great-service-discovery"]);
    let left = article_without(&gone);
    harbour.documents(&left);
    let mut seen_zero = false;
    for _ in 0..1_800 {
        harbour.wait(Duration::from_secs(1)).await;
        harbour.documents(&left);
        if let Some(service) = harbour.objects("ecs", "services").get("main/great-service") {
            seen_zero |= service["status"] == "ACTIVE" && service["runningCount"] == 0;
        }
    }
    let writes = writes(&harbour);
    let at = |operation: &str| writes.iter().position(|write| write == operation).expect(operation);
    assert!(at("ecs.UpdateService") < at("ecs.DeleteService"), "{writes:?}");
    assert!(at("ecs.DeleteService") < at("servicediscovery.DeleteService"), "{writes:?}");
    assert!(seen_zero, "the service stood at 0 before it went");
    assert_eq!(harbour.live("ecs", "services").len(), 0);
    assert_eq!(harbour.objects("servicediscovery", "services").len(), 0, "{}", harbour.calls_text());
    assert_eq!(harbour.objects("servicediscovery", "namespaces").len(), 1, "its document is there");
}

#[tokio::test(start_paused = true)]
async fn the_namespace_goes_last() {
    let other = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: other }\nspec: {}\n";
    let harbour = converged_with(explicit(), &format!("{ARTICLE}\n---\n{other}")).await;
    for_minutes(&harbour, 30, other).await;
    for (service, collection) in [("ecs", "services"), ("servicediscovery", "services"),
        ("servicediscovery", "namespaces"), ("apigatewayv2", "vpcLinks"), ("apigatewayv2", "routes")] {
        assert!(harbour.live(service, collection).is_empty(), "{collection}: {:?}", harbour.engine.picture().pruning);
    }
    assert_eq!(harbour.only("apigatewayv2", "apis").1["name"], "other");
    let writes = writes(&harbour);
    assert_eq!(writes.last().unwrap(), "servicediscovery.DeleteNamespace", "{writes:?}");
    assert_eq!(harbour.engine.picture().pruning.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_an_explicit_owner_nothing_ever_goes() {
    let harbour = converged_with(Options { owner_is_explicit: false, ..explicit() }, ARTICLE).await;
    for_minutes(&harbour, HOUR, &article_without(&WAY_IN)).await;
    assert_eq!(writes(&harbour), [""; 0]);
    assert_eq!(held(&harbour), ["OwnerNotExplicit"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_retained_stays() {
    let retained = ARTICLE.replacen("name: crazy-api }\nspec: {}", "name: crazy-api }\npolicy: { deletion: Retain }\nspec: {}", 1);
    assert_ne!(retained, ARTICLE);
    let harbour = converged_with(explicit(), &retained).await;
    for_minutes(&harbour, HOUR, &article_without(&WAY_IN)).await;
    // The API, and with it what cannot say so itself; what says Delete goes.
    assert_eq!(writes(&harbour), ["apigatewayv2.DeleteStage"], "{}", harbour.calls_text());
    assert_eq!(held(&harbour), ["InUse", "Retained"]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_turned_to_retain_before_the_document_went_is_kept() {
    let harbour = converged().await;
    let retained = ARTICLE.replacen("name: fine-vpc-link }\n", "name: fine-vpc-link }\npolicy: { deletion: Retain }\n", 1);
    harbour.documents(&retained);
    harbour.wait(MINUTE).await;
    assert_eq!(writes(&harbour), ["apigatewayv2.TagResource"]);
    harbour.clear_calls();
    for_minutes(&harbour, 30, &article_without(&WAY_IN)).await;
    assert_eq!(harbour.live("apigatewayv2", "vpcLinks").len(), 1);
    assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_while_the_source_is_in_doubt() {
    type Doubt = fn(&Harbour, &str);
    let unreadable: Doubt = |harbour, left| {
        let unreadable = vec![Unreadable { file: "other.yaml".to_owned(), reason: "no".to_owned() }];
        harbour.engine.accept(Snapshot { unreadable, ..snapshot(left) });
    };
    let failing: Doubt = |harbour, left| {
        harbour.documents(left);
        harbour.engine.accept_error(hatoba_core::Cause::new("SourceUnreadable", "no"));
    };
    for (what, doubt, reasons) in
        [("a file is unreadable", unreadable, "SourceIncomplete"), ("the source fails", failing, "SourceIncomplete")]
    {
        let harbour = converged().await;
        let left = article_without(&WAY_IN);
        for _ in 0..HOUR {
            doubt(&harbour, &left);
            harbour.wait(MINUTE).await;
        }
        assert_eq!(writes(&harbour), [""; 0], "{what}");
        assert_eq!(held(&harbour), [reasons], "{what}");
        for_minutes(&harbour, 20, &left).await;
        assert_eq!(writes(&harbour).len(), 5, "{what}: and when it is over they go: {:?}", held(&harbour));
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_document_keeps_its_resource() {
    let harbour = converged().await;
    let broken = ARTICLE.replace("routeKey: $default", "routeKey: nonsense").replace("ttl: 60", "ttl: -1");
    for_minutes(&harbour, HOUR, &broken).await;
    assert_eq!(writes(&harbour), [""; 0]);
    harbour.assert_the_article_stands("held");
}

#[tokio::test(start_paused = true)]
async fn the_fuse_opens_when_too_much_goes_at_once() {
    let nothing = "# nothing left\n";
    let left = article_without(&WAY_IN);
    for (what, left, limit) in [("all documents are gone", nothing, 10), ("more than the limit", &left, 4)] {
        let harbour = converged_with(Options { prune_limit: limit, ..explicit() }, ARTICLE).await;
        for_minutes(&harbour, HOUR, left).await;
        assert_eq!(writes(&harbour), [""; 0], "{what}");
        assert_eq!(held(&harbour), ["FuseOpen"], "{what}");
        // A list that fails for a while must not make the set look smaller than it is.
        harbour.world().faults().fail("GetVpcLinks", 100_000, 500, "InternalServerErrorException", "no");
        for_minutes(&harbour, HOUR, left).await;
        assert_eq!(writes(&harbour), [""; 0], "{what}: a list fails");
        harbour.world().faults().clear();
        for_minutes(&harbour, 15, left).await;
        assert_eq!((writes(&harbour).len(), held(&harbour)), (0, vec!["FuseOpen".to_owned()]), "{what}");
        harbour.documents(ARTICLE);
        harbour.wait(MINUTE).await;
        harbour.converge(TEN_MINUTES).await;
        assert_eq!((writes(&harbour).len(), held(&harbour).len()), (0, 0), "{what}: they came back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_comes_back_in_time_finds_everything_as_it_was() {
    let harbour = converged().await;
    for _ in 0..4 {
        for_minutes(&harbour, 9, &article_without(&WAY_IN)).await;
        for_minutes(&harbour, 1, ARTICLE).await;
    }
    assert_eq!(writes(&harbour), [""; 0], "each absence has its own grace");
    harbour.converge(TEN_MINUTES).await;
    harbour.assert_the_article_stands("it came back");
}

#[tokio::test(start_paused = true)]
async fn a_strangers_child_keeps_the_api_and_is_reported() {
    let harbour = converged().await;
    let api = harbour.only("apigatewayv2", "apis").0;
    let rogue = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY",
        "integrationUri": "https://example.com", "payloadFormatVersion": "1.0" });
    let left = article_without(&WAY_IN);
    for_minutes(&harbour, 10, &left).await;
    // It comes at the last moment: what was listed minutes ago does not count.
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{api}/integrations"), &rogue)).await;
    harbour.clear_calls();
    for_minutes(&harbour, HOUR, &left).await;
    assert_eq!(harbour.count("DeleteApi").0, 0);
    assert_eq!(harbour.objects("apigatewayv2", "integrations").len(), 1, "the stranger's");
    assert_eq!(held(&harbour), ["InUse"]);
    let rogue = harbour.engine.picture().rogue_children;
    assert_eq!(rogue.len(), 1, "{rogue:?}");
    harbour.clear_calls();
    for_minutes(&harbour, HOUR, &left).await;
    assert!(harbour.calls().len() < 250, "waiting is cheap: {} calls in an hour", harbour.calls().len());
}

#[tokio::test(start_paused = true)]
async fn a_link_that_a_stranger_uses_is_kept() {
    let harbour = converged().await;
    let (api, link) = (harbour.only("apigatewayv2", "apis").0, harbour.only("apigatewayv2", "vpcLinks").0);
    let arn = harbour.only("servicediscovery", "services").1["Arn"].clone();
    let body = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "connectionType": "VPC_LINK",
        "connectionId": link, "integrationUri": arn, "payloadFormatVersion": "1.0" });
    let left = article_without(&["VpcLink/fine-vpc-link", "Integration/to-great-service", "Route/default-route", "Stage/default-stage"]);
    for_minutes(&harbour, 10, &left).await;
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{api}/integrations"), &body)).await;
    harbour.clear_calls();
    for_minutes(&harbour, HOUR, &left).await;
    assert_eq!(harbour.count("DeleteVpcLink").0, 0, "{}", harbour.calls_text());
    assert_eq!(held(&harbour), ["InUse"]);
}

#[tokio::test(start_paused = true)]
async fn two_apis_may_have_the_same_route_and_only_the_removed_one_goes() {
    let second = ["HttpApi", "Integration", "Route"].map(|kind| {
        let document = ARTICLE.split("\n---\n").find(|document| document.contains(&format!("kind: {kind}\n"))).unwrap();
        document.replace("crazy-api", "second-api").replace("default-route", "second-route").replace("to-great-service", "to-second")
    });
    let both = format!("{ARTICLE}\n---\n{}", second.join("\n---\n"));
    let harbour = converged_with(explicit(), &both).await;
    assert_eq!(harbour.objects("apigatewayv2", "routes").len(), 2);
    for_minutes(&harbour, 20, ARTICLE).await;
    harbour.assert_the_article_stands("the second went");
    assert_eq!(writes(&harbour).len(), 3, "{:?}", writes(&harbour));
}

#[tokio::test(start_paused = true)]
async fn what_bears_another_owners_mark_is_never_touched() {
    let harbour = converged().await;
    let marks = json!({ "hatoba:owner": "other", "hatoba:document": "HttpApi/gone", "hatoba:incarnation": "1", "hatoba:deletion": "Delete" });
    harbour.meddle(&Request::rest("POST", "/v2/apis", &json!({ "name": "gone", "protocolType": "HTTP", "tags": marks }))).await;
    // And ours, taken over by somebody else within the grace.
    for_minutes(&harbour, 5, &article_without(&WAY_IN)).await;
    let link = harbour.only("apigatewayv2", "vpcLinks").0;
    let arn = format!("arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fvpclinks%2F{link}");
    harbour.meddle(&Request::rest("POST", &format!("/v2/tags/{arn}"), &json!({ "tags": { "hatoba:owner": "other" } }))).await;
    for_minutes(&harbour, HOUR, &article_without(&WAY_IN)).await;
    assert_eq!(harbour.only("apigatewayv2", "apis").1["name"], "gone");
    assert_eq!(harbour.only("apigatewayv2", "vpcLinks").1["vpcLinkStatus"], "AVAILABLE");
}

#[tokio::test(start_paused = true)]
async fn a_restart_begins_the_grace_anew_and_finds_what_was_left() {
    let mut harbour = converged().await;
    let mut gone = WAY_IN.to_vec();
    gone.push("EcsService/great-service");
    let left = article_without(&gone);
    for _ in 0..5 {
        for_minutes(&harbour, 9, &left).await;
        harbour.kill_and_restart(&left);
    }
    assert_eq!(writes(&harbour), [""; 0]);
    // The first look for what no document names fails.
    harbour.world().faults().fail("ListClusters", 1, 500, "ServerException", "no");
    for_minutes(&harbour, 30, &left).await;
    assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 0);
    assert_eq!(harbour.live("ecs", "services").len(), 0, "{:?}", held(&harbour));
}

#[tokio::test(start_paused = true)]
async fn a_refused_delete_is_shown_and_retried_slowly() {
    let harbour = converged().await;
    harbour.world().faults().fail("DeleteRoute", 100_000, 403, "AccessDeniedException", "no");
    let left = article_without(&WAY_IN);
    for_minutes(&harbour, 20, &left).await;
    harbour.clear_calls();
    for_minutes(&harbour, HOUR, &left).await;
    let sent = harbour.count("DeleteRoute").0;
    assert!((4..=30).contains(&sent), "{sent} in an hour");
    assert!(held(&harbour).contains(&"AccessDeniedException".to_owned()), "{:?}", held(&harbour));
    harbour.world().faults().clear();
    for_minutes(&harbour, 15, &left).await;
    assert_eq!(harbour.live("apigatewayv2", "vpcLinks"), std::collections::BTreeMap::<String, Value>::new());
}

#[tokio::test(start_paused = true)]
async fn deletes_whose_answers_are_lost_are_looked_after() {
    for operation in ["DeleteRoute", "DeleteIntegration", "DeleteStage", "DeleteApi", "DeleteVpcLink"] {
        let harbour = converged().await;
        harbour.world().faults().lose_answer(operation, 1);
        for_minutes(&harbour, 25, &article_without(&WAY_IN)).await;
        for collection in ["apis", "integrations", "routes", "stages", "vpcLinks"] {
            assert!(harbour.objects("apigatewayv2", collection).is_empty(), "{operation}: {collection}");
        }
        assert_eq!(harbour.engine.picture().pruning.len(), 0, "{operation}");
    }
}
