//! Two daemons on one source: one leads, the other looks and waits, and takes over when it may.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_core::Truth;
use hatoba_engine::{LeadershipShown, Options};
use hatoba_tests::board::LeaseBoard;
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::json;
use tokio::time::Instant;

const TEN_MINUTES: Duration = Duration::from_secs(600);
const MINUTE: Duration = Duration::from_secs(60);

/// Two on one board, of which the first leads and has converged.
async fn two(documents: &str) -> (LeaseBoard, Harbour, Harbour) {
    two_of_owners(documents, ["local", "local"]).await
}

/// The same of these owners.
async fn two_of_owners(documents: &str, owners: [&str; 2]) -> (LeaseBoard, Harbour, Harbour) {
    let owned_by = |owner: &str| Options { owner: owner.to_owned(), ..Options::default() };
    let board = LeaseBoard::default();
    let mut first = Harbour::with(owned_by(owners[0]), Config::default());
    first.compete(&board, "first");
    first.start(documents);
    first.wait(Duration::from_secs(1)).await;
    let mut second = first.neighbour();
    second.options = owned_by(owners[1]);
    second.renew();
    second.compete(&board, "second");
    second.start(documents);
    first.converge(TEN_MINUTES).await;
    first.wait(MINUTE).await;
    (board, first, second)
}

/// What a process has written since it started.
fn written(harbour: &Harbour) -> usize {
    harbour.engine.picture().events.len()
}

/// Somebody deletes the route.
async fn delete_the_route(harbour: &Harbour) {
    let (id, _) = harbour.only("apigatewayv2", "routes");
    let (api, route) = id.split_once('/').unwrap();
    harbour.meddle(&Request::rest("DELETE", &format!("/v2/apis/{api}/routes/{route}"), &json!({}))).await;
}

/// How long until it leads, at most `limit`.
async fn until_it_leads(harbour: &Harbour, limit: Duration) -> Duration {
    let begun = Instant::now();
    while !harbour.engine.leads() {
        assert!(begun.elapsed() < limit, "nobody leads after {limit:?}");
        harbour.wait(Duration::from_millis(50)).await;
    }
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_standby_sees_everything_writes_nothing_and_says_who_leads() {
    let (board, first, second) = two(ARTICLE).await;
    assert!(first.engine.leads() && !second.engine.leads());
    first.assert_the_article_stands("two daemons");
    assert_eq!((written(&first), written(&second)), (8, 0));
    second.converge(MINUTE).await; // it knows that all is well, without having done anything
    let shown = second.engine.picture();
    let LeadershipShown::StandsBy { leader: Some(leader) } = &shown.leadership else {
        panic!("it knows who leads: {:?}", shown.leadership)
    };
    assert_eq!((leader.host.as_str(), leader.owner.as_str()), ("first", "local"));
    assert!(!shown.leader && first.engine.picture().leader);
    assert_eq!(board.record().unwrap().holder.host, "first");

    // It shows what it would do, and counts nothing.
    first.freeze(true);
    delete_the_route(&first).await;
    second.engine.reconcile_now();
    second.wait(Duration::from_secs(5)).await;
    let status = second.status("Route", "default-route");
    assert_eq!(
        (status.synced.status, status.synced.reason.as_str()),
        (Truth::False, "StandBy"),
        "{status:?}"
    );
    let metrics = second.engine.metrics_text();
    assert!(metrics.contains("hatoba_drift_detected_total{kind=\"Route\"} 0\n"), "{metrics}");
    assert!(metrics.contains("\nhatoba_leader 0\n"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_planned_hand_over_takes_five_seconds_at_most_and_what_broke_meanwhile_is_put_right() {
    for offset in [0, 700, 1_300, 1_900] {
        let (_board, mut first, second) = two(ARTICLE).await;
        first.wait(Duration::from_millis(offset)).await;
        let begun = Instant::now();
        first.terminate().await;
        until_it_leads(&second, Duration::from_secs(5)).await;
        assert!(begun.elapsed() <= Duration::from_secs(5), "{:?}", begun.elapsed());
        second.converge(MINUTE).await;
        delete_the_route(&second).await;
        second.engine.reconcile_now();
        second.wait(MINUTE).await;
        second.converge(MINUTE).await;
        second.assert_the_article_stands("after a hand-over");
        assert_eq!(written(&second), 1, "{}", second.calls_text());
    }
}

/// What the one that leaves was about to make, the next one makes, and nothing is there twice.
#[tokio::test(start_paused = true)]
async fn a_hand_over_in_the_middle_of_everything_leaves_one_of_each() {
    for after in [200, 900, 2_500, 6_000, 40_000, 90_000] {
        let board = LeaseBoard::default();
        let mut first = Harbour::new();
        first.compete(&board, "first");
        first.start(ARTICLE);
        first.wait(Duration::from_millis(50)).await;
        let mut second = first.neighbour();
        second.compete(&board, "second");
        second.start(ARTICLE);
        first.wait(Duration::from_millis(after)).await;
        if after % 2 == 0 {
            first.terminate().await;
        } else {
            first.kill();
        }
        until_it_leads(&second, MINUTE).await;
        second.converge(TEN_MINUTES).await;
        second.wait(MINUTE).await;
        second.assert_the_article_stands(&format!("handed over after {after} ms"));
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_kill_the_standby_leads_within_a_minute_and_not_before_the_lease_is_over() {
    let (_board, mut first, second) = two(ARTICLE).await;
    first.kill();
    let took = until_it_leads(&second, MINUTE).await;
    assert!(took >= Duration::from_secs(18), "the last renewal is 12 s old at most: {took:?}");
    second.converge(MINUTE).await;
    second.assert_the_article_stands("after a kill");
    assert_eq!(written(&second), 0, "{}", second.calls_text());
}

#[tokio::test(start_paused = true)]
async fn lost_answers_and_a_deleted_lease_change_no_leader() {
    let (board, first, second) = two(ARTICLE).await;
    let term = board.record().unwrap().term;
    board.lose_answers(2);
    for _ in 0..600 {
        first.wait(Duration::from_millis(100)).await;
        assert!(first.engine.leads() && !second.engine.leads());
    }
    assert_eq!(board.record().unwrap().term, term);
    board.delete();
    let (mut both, mut nobody) = (0, 0);
    for _ in 0..600 {
        first.wait(Duration::from_millis(100)).await;
        both += usize::from(first.engine.leads() && second.engine.leads());
        nobody += usize::from(!first.engine.leads() && !second.engine.leads());
    }
    assert_eq!(both, 0);
    assert!(nobody < 30, "somebody leads again at once: {nobody} tenths of a second");
    assert!(first.engine.leads());
    assert_eq!(board.record().unwrap().holder.host, "first");
}

/// Nobody reaches the board for less than a minute: the right to write ends by itself, and everything goes on when it is
/// back.
#[tokio::test(start_paused = true)]
async fn without_the_board_the_leader_stops_writing_and_goes_on_as_a_standby() {
    let (board, first, second) = two(ARTICLE).await;
    board.is_down(true);
    first.wait(Duration::from_secs(20)).await;
    assert!(!first.engine.leads() && !second.engine.leads());
    first.clear_calls();
    delete_the_route(&first).await;
    first.engine.reconcile_now();
    first.wait(Duration::from_secs(30)).await;
    assert_eq!(first.write_names(), ["DeleteRoute"], "nobody may put it right");
    board.is_down(false);
    first.wait(MINUTE).await;
    assert!(first.engine.leads() != second.engine.leads(), "one leads again");
    first.assert_the_article_stands("the board is back");
    assert_eq!(first.write_names(), ["DeleteRoute", "CreateRoute"], "and did it once");
}

#[tokio::test(start_paused = true)]
async fn a_paused_leader_that_wakes_up_writes_nothing() {
    for pause in [25, 40, 300] {
        let (_board, first, second) = two(ARTICLE).await;
        first.freeze(true);
        delete_the_route(&first).await;
        first.engine.reconcile_now();
        first.wait(Duration::from_secs(pause)).await;
        assert!(!first.engine.leads(), "its right is over");
        let before = written(&first);
        first.freeze(false);
        first.wait(Duration::from_millis(500)).await;
        first.engine.reconcile_now();
        first.wait(MINUTE).await;
        assert!(first.engine.leads() != second.engine.leads(), "one leads");
        // The deployment that failed for want of a route is looked at again with the next resync.
        first.converge(TEN_MINUTES).await;
        first.assert_the_article_stands(&format!("a pause of {pause} s"));
        if second.engine.leads() {
            assert_eq!(written(&first), before, "a pause of {pause} s: it wrote nothing after it woke up");
        }
        assert_eq!(written(&first) + written(&second), 9, "the route was put right once");
    }
}

/// A source has one owner: a daemon that was given another name finds the lease of the first, says whose it is, and
/// does nothing; and when it leads at last, it takes nothing over.
#[tokio::test(start_paused = true)]
async fn another_owner_on_the_same_source_stands_by_and_takes_nothing_over() {
    let (_board, mut first, second) = two_of_owners(ARTICLE, ["local", "other"]).await;
    let LeadershipShown::StandsBy { leader: Some(leader) } = second.engine.picture().leadership else {
        panic!("it knows who leads: {:?}", second.engine.picture().leadership)
    };
    assert_eq!((leader.host.as_str(), leader.owner.as_str()), ("first", "local"));
    second.wait(TEN_MINUTES).await;
    assert_eq!(written(&second), 0);
    let shown = second.status("PrivateDnsNamespace", "private-example-com").synced;
    assert_ne!(shown.status, Truth::True, "{shown:?}");
    first.terminate().await;
    until_it_leads(&second, Duration::from_secs(5)).await;
    second.wait(TEN_MINUTES).await;
    let shown = second.status("PrivateDnsNamespace", "private-example-com").synced;
    assert_eq!(shown.reason.as_str(), "OwnedByAnother", "{}", second.describe());
    let apis = second.live("apigatewayv2", "apis");
    let ours: Vec<_> = apis.values().filter(|api| api["tags"]["hatoba:owner"] == "local").collect();
    assert!(ours.len() == 1 && apis.len() <= 2, "{apis:#?}");
}
