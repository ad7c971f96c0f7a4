//! What users of other tools suffer from with ECS services; each test bears the number of its row in the ledger.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::{Value, json};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const RESYNC: Duration = Duration::from_secs(310);

async fn converged(documents: &str) -> Harbour {
    Harbour::converged(hatoba_engine::Options::default(), documents).await
}

fn service(harbour: &Harbour) -> Value {
    harbour.live("ecs", "services").remove("main/great-service").unwrap_or_default()
}

async fn by_hand(harbour: &Harbour, operation: &str, members: Value) {
    let mut input = json!({ "cluster": "main", "service": "great-service" });
    for (name, value) in members.as_object().into_iter().flatten() {
        input[name] = value.clone();
    }
    harbour.meddle(&Request::json("ecs", operation, &input)).await;
}

/// An empty list that has not taken effect, or not for long, is seen at once and not on some later resync.
#[tokio::test(start_paused = true)]
async fn peers_38_cleared_registries_are_looked_at_again_after_the_write() {
    let registries =
        "  serviceRegistries:\n    - { discoveryServiceRef: great-service-discovery, port: 80 }\n";
    let without = ARTICLE.replace(registries, "");
    assert_ne!(without, ARTICLE);
    let harbour = converged(ARTICLE).await;
    let before = service(&harbour)["serviceRegistries"].clone();
    harbour.documents(&without);
    harbour.wait(Duration::from_secs(2)).await;
    assert_eq!(harbour.write_names(), ["UpdateService"]);
    by_hand(&harbour, "UpdateService", json!({ "serviceRegistries": before })).await;
    harbour.wait(Duration::from_secs(20)).await;
    assert_eq!(service(&harbour)["serviceRegistries"], json!([]), "{}", harbour.calls_text());
    assert_eq!(harbour.write_names(), ["UpdateService"; 3], "ours, the stranger's, ours");
}

/// An autoscaler may move the count inside the range; outside it is pulled back to the nearest bound.
#[tokio::test(start_paused = true)]
async fn peers_41_an_autoscaler_has_its_range() {
    let ranged = ARTICLE.replace(
        "kind: EcsService\nmetadata: { name: great-service }\n",
        "kind: EcsService\nmetadata: { name: great-service }\npolicy: { fields: { desiredCount: { range: [1, 5] } } }\n",
    );
    assert_ne!(ranged, ARTICLE);
    let harbour = converged(&ranged).await;
    by_hand(&harbour, "UpdateService", json!({ "desiredCount": 4 })).await;
    harbour.wait(RESYNC).await;
    assert_eq!(
        (service(&harbour)["desiredCount"].clone(), harbour.writes().len()),
        (json!(4), 1),
        "the autoscaler's"
    );
    by_hand(&harbour, "UpdateService", json!({ "desiredCount": 9 })).await;
    harbour.wait(RESYNC).await;
    harbour.wait(RESYNC).await;
    assert_eq!((service(&harbour)["desiredCount"].clone(), harbour.writes().len()), (json!(5), 3));
}

/// Defined is enforced, undefined is untouched.
#[tokio::test(start_paused = true)]
async fn peers_42_what_is_not_stated_is_left_to_others() {
    let silent = ARTICLE.replace("  desiredCount: 1\n", "");
    assert_ne!(silent, ARTICLE);
    let harbour = converged(&silent).await;
    assert_eq!(service(&harbour)["desiredCount"], 1, "the value at creation");
    let theirs =
        json!({ "desiredCount": 3, "platformVersion": "1.4.0", "availabilityZoneRebalancing": "DISABLED" });
    by_hand(&harbour, "UpdateService", theirs.clone()).await;
    harbour.wait(RESYNC).await;
    harbour.wait(RESYNC).await;
    for (member, value) in theirs.as_object().unwrap() {
        assert_eq!(&service(&harbour)[member], value);
    }
    assert_eq!(harbour.write_names(), ["UpdateService"], "only theirs");
}

/// DRAINING is waited for, INACTIVE is absent: the service is made again in one call that AWS does not refuse.
#[tokio::test(start_paused = true)]
async fn peers_48_a_draining_service_is_waited_for_and_made_again() {
    let mut harbour = converged(ARTICLE).await;
    by_hand(&harbour, "DeleteService", json!({ "force": true })).await;
    harbour.clear_calls();
    harbour.kill_and_restart(ARTICLE);
    harbour.wait(Duration::from_secs(5)).await;
    let status = harbour.status("EcsService", "great-service");
    assert_eq!(status.ready.reason.as_str(), "Draining", "{}", harbour.describe());
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(service(&harbour)["status"], "ACTIVE");
    assert_eq!(harbour.count("ecs.CreateService"), (1, 1), "{}", harbour.calls_text());
}

/// No number that the document does not state is sent; what AWS takes for it is in sync.
#[tokio::test(start_paused = true)]
async fn a_blue_green_rollout_needs_no_bake_time_of_ours() {
    let blue_green = |more: &str| {
        let strategy =
            format!("  desiredCount: 1\n  deploymentConfiguration: {{ strategy: BLUE_GREEN{more} }}\n");
        ARTICLE.replace("  desiredCount: 1\n", &strategy)
    };
    let configuration = |harbour: &Harbour| service(harbour)["deploymentConfiguration"].clone();
    let made = converged(&blue_green("")).await;
    let updated = converged(ARTICLE).await;
    updated.documents(&blue_green(""));
    updated.converge(TEN_MINUTES).await;
    for harbour in [made, updated] {
        assert_eq!(configuration(&harbour)["strategy"], "BLUE_GREEN");
        assert_eq!(configuration(&harbour)["bakeTimeInMinutes"], 0, "AWS's own");
        harbour.clear_calls();
        harbour.wait(RESYNC).await;
        harbour.documents(&blue_green(", bakeTimeInMinutes: 0"));
        harbour.wait(RESYNC).await;
        assert_eq!(harbour.write_names(), [""; 0], "{}", harbour.calls_text());
        harbour.documents(&blue_green(", bakeTimeInMinutes: 5"));
        harbour.wait(RESYNC).await;
        assert_eq!(configuration(&harbour)["bakeTimeInMinutes"], 5);
        assert_eq!(harbour.write_names(), ["UpdateService"], "{}", harbour.calls_text());
    }
}
