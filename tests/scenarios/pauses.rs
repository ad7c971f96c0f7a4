//! A pause that an operator writes on the AWS resource itself, at night and without a document at hand.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_core::{PAUSE_TAG, Truth};
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour, article_without};
use serde_json::{Value, json};

use crate::prune::{explicit, for_minutes, held};

const HOUR: Duration = Duration::from_secs(3600);
/// Every test begins at 2026-01-01T00:00:00Z and is at rest within the first quarter of an hour.
const AT_TWO: &str = "2026-01-01T02:00:00Z";

/// Tags the API by hand.
async fn tag_api(harbour: &Harbour, until: &str) {
    let (api, _) = harbour.only("apigatewayv2", "apis");
    let arn = format!("arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{api}");
    let tags = json!({ "tags": { PAUSE_TAG: until } });
    harbour.meddle(&Request::rest("POST", &format!("/v2/tags/{arn}"), &tags)).await;
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn describe_api(harbour: &Harbour) {
    let (api, _) = harbour.only("apigatewayv2", "apis");
    let edit = json!({ "description": "by hand" });
    harbour.meddle(&Request::rest("PATCH", &format!("/v2/apis/{api}"), &edit)).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_resource_is_left_alone_until_its_time_is_over() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    tag_api(&harbour, AT_TWO).await;
    describe_api(&harbour).await;
    harbour.clear_calls();
    harbour.wait(HOUR).await;
    assert_eq!(harbour.write_names(), [""; 0]);
    let status = harbour.status("HttpApi", "crazy-api");
    assert_eq!((status.synced.status, status.synced.reason.as_str()), (Truth::False, "Paused"));
    assert!(status.synced.message.contains(AT_TWO), "{}", status.synced.message);
    assert_eq!(status.drift, ["description"]);
    // The API, and the integration, the route and the stage that stand in it.
    assert_eq!(harbour.engine.picture().queue.paused, 4);
    harbour.wait(HOUR).await;
    assert_eq!(harbour.write_names(), ["UpdateApi"], "over by itself");
    assert!(harbour.is_converged(), "{}", harbour.describe());
    assert_eq!(harbour.engine.picture().queue.paused, 0);
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_a_paused_api_is_paused_too() {
    let mut harbour = Harbour::converged(Options::default(), ARTICLE).await;
    tag_api(&harbour, AT_TWO).await;
    let (api, _) = harbour.only("apigatewayv2", "apis");
    let integration = text(&harbour.only("apigatewayv2", "integrations").1["integrationId"]);
    let edit = json!({ "timeoutInMillis": 5000 });
    let path = format!("/v2/apis/{api}/integrations/{integration}");
    harbour.meddle(&Request::rest("PATCH", &path, &edit)).await;
    harbour.clear_calls();
    // A restart forgets nothing: the tag is in AWS.
    harbour.kill_and_restart(ARTICLE);
    harbour.wait(HOUR).await;
    assert_eq!(harbour.write_names(), [""; 0]);
    harbour.wait(HOUR).await;
    assert_eq!(harbour.write_names(), ["UpdateIntegration"]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_cannot_be_read_is_said_and_pauses_nothing() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    tag_api(&harbour, "tomorrow").await;
    describe_api(&harbour).await;
    harbour.clear_calls();
    harbour.wait(HOUR).await;
    assert_eq!(harbour.write_names(), ["UpdateApi"]);
    let notes = harbour.status("HttpApi", "crazy-api").notes;
    let said = notes
        .iter()
        .any(|note| note.reason.as_str() == "PauseUnreadable" && note.message.contains("tomorrow"));
    assert!(said, "{notes:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_paused_resource_is_not_pruned() {
    let harbour = Harbour::converged(explicit(), ARTICLE).await;
    tag_api(&harbour, AT_TWO).await;
    harbour.clear_calls();
    let left = article_without(&["Stage/default-stage"]);
    for_minutes(&harbour, 60, &left).await;
    assert_eq!(harbour.write_names(), [""; 0]);
    assert_eq!(held(&harbour), ["Paused"]);
    for_minutes(&harbour, 60, &left).await;
    assert_eq!(harbour.write_names(), ["DeleteStage"]);
}
