//! What alarms are made of rises when something is wrong, and falls when it is over, in the engine as it ships. The rules
//! that make alarms of it are tried with `promtool` in the end-to-end tests.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_core::Cause;
use hatoba_engine::Options;
use hatoba_source::{STILL_WRITTEN, Unreadable};
use hatoba_tests::{ARTICLE, Harbour, snapshot};
use serde_json::json;

use crate::prune::{MINUTE, converged, for_minutes};

const RESYNC: Duration = Duration::from_secs(310);
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// A metric as it would be scraped, summed over its labels.
fn metric(harbour: &Harbour, name: &str) -> f64 {
    let text = harbour.engine.metrics_text();
    let of_name = |line: &&str| line.split(['{', ' ']).next() == Some(name);
    let values: Vec<f64> =
        text.lines().filter(of_name).map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert!(!values.is_empty(), "no {name} in {text}");
    values.iter().sum()
}

#[tokio::test(start_paused = true)]
async fn drift_that_is_repaired_is_counted() {
    let harbour = converged().await;
    assert_eq!(metric(&harbour, "hatoba_drift_repaired_total"), 0.0, "making is no repair");
    let (api, _) = harbour.only("apigatewayv2", "apis");
    let by_hand = json!({ "description": "by hand" });
    harbour.meddle(&Request::rest("PATCH", &format!("/v2/apis/{api}"), &by_hand)).await;
    harbour.wait(RESYNC).await;
    assert_eq!(metric(&harbour, "hatoba_drift_repaired_total"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_or_throttled_is_counted_and_what_is_not_looked_at_grows_old() {
    let harbour = converged().await;
    for name in ["hatoba_aws_denied_total", "hatoba_aws_throttled_total"] {
        assert_eq!(metric(&harbour, name), 0.0, "{name}");
    }
    harbour.world().faults().fail("GetVpcLinks", 1, 429, "TooManyRequestsException", "Too Many Requests");
    harbour.wait(RESYNC).await;
    assert_eq!(metric(&harbour, "hatoba_aws_throttled_total"), 1.0);
    assert!(metric(&harbour, "hatoba_oldest_unverified_seconds") < 310.0);

    harbour.world().faults().deny("GetApis");
    harbour.wait(Duration::from_secs(1_300)).await;
    assert!(metric(&harbour, "hatoba_aws_denied_total") >= 3.0);
    assert!(metric(&harbour, "hatoba_oldest_unverified_seconds") > 900.0);
    harbour.world().faults().allow("GetApis");
    harbour.wait(RESYNC).await;
    assert!(metric(&harbour, "hatoba_oldest_unverified_seconds") < 310.0);
}

/// What was told of the fuse, the newest first.
fn fuse_events(harbour: &Harbour) -> Vec<String> {
    let events = harbour.engine.picture().events.into_iter();
    events.filter(|event| event.document.kind == "Fuse").map(|event| event.action).collect()
}

#[tokio::test(start_paused = true)]
async fn the_fuse_shows_while_it_is_open() {
    let harbour = converged().await;
    assert_eq!(metric(&harbour, "hatoba_prune_fuse_open"), 0.0);
    for_minutes(&harbour, 15, "").await;
    assert_eq!(metric(&harbour, "hatoba_prune_fuse_open"), 1.0, "{}", harbour.describe());
    assert_eq!(metric(&harbour, "hatoba_prune_held"), 8.0);
    let notices = |harbour: &Harbour| {
        let notices = harbour.engine.picture().notices.into_iter();
        notices.map(|notice| notice.reason.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(notices(&harbour), ["FuseOpen"], "on the page, in the heartbeat and in `hatoba status`");
    assert_eq!(fuse_events(&harbour), ["FuseOpened"]);
    for_minutes(&harbour, 2, ARTICLE).await;
    assert_eq!(metric(&harbour, "hatoba_prune_fuse_open"), 0.0);
    assert_eq!(notices(&harbour), [""; 0]);
    assert_eq!(fuse_events(&harbour), ["FuseClosed", "FuseOpened"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ready_for_long_shows_for_how_long() {
    let mut harbour = Harbour::new();
    harbour.start(&ARTICLE.replace("Name: great-sg", "Name: nobody"));
    harbour.wait(Duration::from_secs(900)).await;
    assert!(metric(&harbour, "hatoba_not_ready_seconds") > 600.0, "{}", harbour.describe());
    harbour.documents(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(MINUTE).await;
    assert_eq!(metric(&harbour, "hatoba_not_ready_seconds"), 0.0, "{}", harbour.describe());
}

#[tokio::test(start_paused = true)]
async fn a_broken_chain_shows_for_how_long_though_all_is_in_sync_and_ready() {
    let counted = ARTICLE.split("\n---\n").map(|document| match document.contains("kind: EcsService") {
        true => format!("{}\npolicy: {{ fields: {{ desiredCount: ignore }} }}\n", document.trim_end()),
        false => document.to_owned(),
    });
    let harbour = Harbour::converged(Options::default(), &counted.collect::<Vec<_>>().join("\n---\n")).await;
    let scale = async |tasks: u32| {
        let body = json!({ "cluster": "main", "service": "great-service", "desiredCount": tasks });
        harbour.meddle(&Request::json("ecs", "UpdateService", &body)).await;
    };
    assert_eq!(metric(&harbour, "hatoba_not_serving_seconds"), 0.0, "{}", harbour.describe());
    scale(0).await;
    harbour.wait(RESYNC + RESYNC + MINUTE).await;
    assert!(metric(&harbour, "hatoba_not_serving_seconds") > 300.0, "{}", harbour.describe());
    assert_eq!(metric(&harbour, "hatoba_not_ready_seconds"), 0.0, "{}", harbour.describe());
    scale(1).await;
    harbour.wait(RESYNC + MINUTE).await;
    assert_eq!(metric(&harbour, "hatoba_not_serving_seconds"), 0.0, "{}", harbour.describe());
}

#[tokio::test(start_paused = true)]
async fn held_documents_and_a_source_that_cannot_be_read_show() {
    let harbour = converged().await;
    let age = |harbour: &Harbour| {
        let now = harbour.now().as_millisecond() as f64 / 1_000.0;
        now - metric(harbour, "hatoba_source_last_success_timestamp_seconds")
    };
    harbour.documents(&format!(
        "{ARTICLE}\n---\napiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: bad }}\nspec: {{ no: 1 }}\n"
    ));
    harbour.wait(MINUTE).await;
    assert_eq!(metric(&harbour, "hatoba_source_documents_invalid"), 1.0);
    harbour.documents(ARTICLE);
    harbour.wait(MINUTE).await;
    assert_eq!(metric(&harbour, "hatoba_source_documents_invalid"), 0.0);

    for (reason, count) in [("it cannot be read: denied", 1.0), (STILL_WRITTEN, 0.0)] {
        let mut read = snapshot(ARTICLE);
        read.unreadable.push(Unreadable { file: "new.yaml".to_owned(), reason: reason.to_owned() });
        harbour.engine.accept(read);
        assert_eq!(metric(&harbour, "hatoba_source_documents_invalid"), count, "a file: {reason}");
    }
    harbour.documents(ARTICLE);

    for _ in 0..6 {
        harbour.engine.accept_error(Cause::new("SourceUnreadable", "no"));
        harbour.wait(MINUTE).await;
    }
    assert!(age(&harbour) > 300.0);
    harbour.documents(ARTICLE);
    assert!(age(&harbour) < 60.0);
}
