//! A write waits for its quota for minutes, and the world goes on meanwhile: what is sent is right when it is sent.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_engine::Options;
use hatoba_tests::Harbour;
use serde_json::json;

use crate::prune::{MINUTE, explicit, for_minutes};

/// So many links; API Gateway makes one every 15 seconds and deletes one every 30, and half of that is ours.
fn links(numbers: impl IntoIterator<Item = u32>) -> String {
    let link = |number| {
        format!(
            "apiVersion: hatoba/v1\nkind: VpcLink\nmetadata: {{ name: link{number} }}\nspec: {{ subnetIds: [subnet-0aa11bb22cc33dd44], securityGroupIds: [sg-0123456789abcdef0] }}\n"
        )
    };
    numbers.into_iter().map(link).collect::<Vec<_>>().join("---\n")
}

fn names(harbour: &Harbour) -> Vec<String> {
    let live = harbour.live("apigatewayv2", "vpcLinks");
    let mut names: Vec<String> =
        live.values().map(|link| link["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_create_waits_for_its_quota_is_found_before_it_is_sent() {
    let mut harbour = Harbour::with(Options::default(), hatoba_aws_model::Config::default());
    harbour.start(&links(1..=6));
    harbour.wait(Duration::from_secs(112)).await;
    let made = names(&harbour);
    assert!(made.len() < 6, "some still wait: {made:?}");
    let late = (1..=6).rev().map(|number| format!("link{number}")).find(|name| !made.contains(name)).unwrap();
    // The create of a process that died before arrives now.
    let marks = json!({ "hatoba:owner": "local", "hatoba:document": format!("VpcLink/{late}"), "hatoba:incarnation": "1", "hatoba:deletion": "Delete" });
    let link = json!({ "name": late, "subnetIds": ["subnet-0aa11bb22cc33dd44"], "securityGroupIds": ["sg-0123456789abcdef0"], "tags": marks });
    harbour.meddle(&Request::rest("POST", "/v2/vpclinks", &link)).await;
    harbour.converge(Duration::from_secs(900)).await;
    assert_eq!(names(&harbour), ["link1", "link2", "link3", "link4", "link5", "link6"]);
    assert_eq!(harbour.count("CreateVpcLink").1, 6, "five of ours: {}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_back_while_its_removal_waits_for_the_quota_keeps_what_it_has() {
    let harbour = Harbour::converged(explicit(), &links(1..=5)).await;
    let before = harbour.live("apigatewayv2", "vpcLinks");
    for_minutes(&harbour, 10, &links(1..=1)).await;
    while harbour.count("DeleteVpcLink").1 == 0 {
        harbour.wait(Duration::from_secs(1)).await;
        harbour.documents(&links(1..=1));
    }
    harbour.wait(Duration::from_secs(5)).await;
    let left = names(&harbour);
    assert_eq!(left.len(), 4, "three wait for a minute each: {left:?}");
    harbour.documents(&links(1..=5));
    harbour.converge(Duration::from_secs(900)).await;
    harbour.wait(5 * MINUTE).await;
    let after = harbour.live("apigatewayv2", "vpcLinks");
    let kept = before.keys().filter(|id| after.contains_key(*id)).count();
    assert_eq!(kept, 4, "one had gone: {}", harbour.calls_text());
    assert_eq!(after.len(), 5);
    assert_eq!(harbour.count("DeleteVpcLink").1, 1);
}

/// Waiting longer than sight lasts must not mean waiting for ever.
#[tokio::test(start_paused = true)]
async fn all_who_wait_for_a_slow_quota_get_their_turn() {
    let mut harbour = Harbour::new();
    harbour.start(&links(1..=10));
    harbour.converge(Duration::from_secs(10 * 30 + 240)).await;
    assert_eq!(harbour.count("CreateVpcLink").1, 10, "{}", harbour.calls_text());
}

/// Lists are no clock: an older answer may come after a newer one, and what was made a minute ago is not gone because of it.
#[tokio::test(start_paused = true)]
async fn a_list_that_shows_what_was_before_makes_no_second_one() {
    let api = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: shop }\nspec: {}\n";
    let mut harbour = Harbour::new();
    harbour.start(api);
    while harbour.count("GetApis").0 < 2 {
        harbour.wait(Duration::from_secs(1)).await;
    }
    harbour.world().faults().hide_from_lists("GetApis", Duration::from_secs(55));
    for _ in 0..5 {
        harbour.engine.reconcile_now();
        harbour.wait(Duration::from_secs(2)).await;
    }
    assert!(harbour.count("GetApis").0 > 4, "{}", harbour.calls_text());
    assert_eq!(harbour.count("CreateApi"), (1, 1), "{}", harbour.calls_text());
    harbour.wait(Duration::from_secs(600)).await;
    assert_eq!((harbour.count("CreateApi"), harbour.live("apigatewayv2", "apis").len()), ((1, 1), 1));
}

/// Where AWS keeps names unique nothing is believed longer than a list shows it: what somebody deletes is back at once.
#[tokio::test(start_paused = true)]
async fn what_was_just_made_and_is_deleted_by_hand_is_back_with_the_next_look() {
    let harbour = Harbour::converged(Options::default(), hatoba_tests::ARTICLE).await;
    harbour.engine.reconcile_now();
    harbour.wait(Duration::from_secs(5)).await;
    let (_, route) = harbour.only("apigatewayv2", "routes");
    let (api, _) = harbour.only("apigatewayv2", "apis");
    let uri = format!("/v2/apis/{api}/routes/{}", route["routeId"].as_str().unwrap());
    harbour.meddle(&Request::rest("DELETE", &uri, &json!(null))).await;
    harbour.engine.reconcile_now();
    harbour.wait(Duration::from_secs(5)).await;
    assert_eq!(harbour.objects("apigatewayv2", "routes").len(), 1, "{}", harbour.calls_text());
}
