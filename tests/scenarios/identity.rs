//! The account is pinned at the start: credentials that turn out to be of another one write nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use hatoba_aws_model::{Clock as ModelClock, Config, Connector, Request, World};
use hatoba_core::Truth;
use hatoba_engine::{Clock, Options};
use hatoba_tests::{ARTICLE, EPOCH_SECONDS, Harbour, article_without};
use jiff::Timestamp;
use serde_json::json;

use crate::prune::{explicit, for_minutes};

const RESYNC: Duration = Duration::from_secs(310);
/// The SDK asks for credentials again after a quarter of an hour.
const RENEWED: Duration = Duration::from_secs(16 * 60);

async fn delete_the_route(harbour: &Harbour) {
    let (id, _) = harbour.only("apigatewayv2", "routes");
    let (api, route) = id.split_once('/').unwrap();
    harbour.meddle(&Request::rest("DELETE", &format!("/v2/apis/{api}/routes/{route}"), &json!({}))).await;
}

fn reasons(harbour: &Harbour) -> Vec<(Truth, String)> {
    let statuses = harbour.engine.statuses().into_values();
    let mut reasons: Vec<_> =
        statuses.map(|status| (status.synced.status, status.synced.reason.as_str().to_owned())).collect();
    reasons.dedup();
    reasons
}

#[tokio::test(start_paused = true)]
async fn renewed_credentials_of_the_same_account_change_nothing() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    for key in ["second", "third"] {
        harbour.keys.renew(key);
        harbour.wait(RENEWED).await;
        delete_the_route(&harbour).await;
        harbour.clear_calls();
        harbour.wait(RESYNC).await;
        harbour.assert_the_article_stands(key);
        assert_eq!(harbour.write_names(), ["CreateRoute"]);
        assert!(
            harbour.calls().iter().all(|call| (200..300).contains(&call.status)),
            "{}",
            harbour.calls_text()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_renewal_is_asked_about_once() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    harbour.wait(RENEWED).await;
    assert_eq!(harbour.count("GetCallerIdentity").0, 0, "the same key is the same account");
    harbour.keys.renew("second");
    harbour.wait(RENEWED + RENEWED).await;
    assert_eq!(harbour.count("GetCallerIdentity").0, 1, "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn another_account_stops_every_write_and_every_document_says_so() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    harbour.keys.renew("stranger");
    harbour.world().faults().callers_are_of(Some("999999999999"));
    harbour.wait(RENEWED).await;
    delete_the_route(&harbour).await;
    harbour.clear_calls();
    harbour.wait(RESYNC).await;
    harbour.engine.reconcile_now();
    harbour.wait(RESYNC + RESYNC).await;
    assert_eq!(harbour.write_names(), [""; 0], "{}", harbour.calls_text());
    assert_eq!(reasons(&harbour), [(Truth::Unknown, "AccountChanged".to_owned())], "{}", harbour.describe());
    let events = harbour.engine.picture().events;
    let told: Vec<_> = events.iter().filter(|event| event.action == "AccountChanged").collect();
    assert_eq!(told.len(), 1, "{events:?}");
    assert_eq!(told[0].id, "999999999999");

    // Right again: asked at the next resync, and everything goes on.
    harbour.keys.renew("ours");
    harbour.world().faults().callers_are_of(None);
    harbour.wait(RENEWED + RESYNC).await;
    harbour.converge(RESYNC).await;
    harbour.assert_the_article_stands("the account is back");
    assert_eq!(harbour.write_names(), ["CreateRoute"], "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn while_sts_does_not_say_whose_the_credentials_are_nothing_is_written() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    harbour.keys.renew("second");
    harbour.world().faults().fail("GetCallerIdentity", 1_000, 503, "ServiceUnavailable", "no");
    harbour.wait(RENEWED).await;
    delete_the_route(&harbour).await;
    harbour.clear_calls();
    harbour.engine.reconcile_now();
    harbour.wait(Duration::from_secs(60)).await;
    assert_eq!(harbour.write_names(), [""; 0], "{}", harbour.calls_text());
    let status = harbour.status("Route", "default-route");
    assert_eq!(status.synced.reason.as_str(), "AccountUnknown", "{}", harbour.describe());
    harbour.world().faults().clear();
    harbour.wait(RESYNC).await;
    harbour.converge(RESYNC).await;
    harbour.assert_the_article_stands("STS answers again");
}

/// In another account there is no cluster of that name: a service of which no document tells any more was forgotten.
#[tokio::test(start_paused = true)]
async fn what_another_account_does_not_have_is_not_gone_here() {
    let harbour = Harbour::converged(explicit(), ARTICLE).await;
    harbour.keys.renew("stranger");
    harbour.world().faults().callers_are_of(Some("999999999999"));
    harbour.clear_calls();
    for_minutes(&harbour, 11, ARTICLE).await;
    assert_eq!(harbour.count("GetCallerIdentity").0, 0, "the key is still the old one");
    let gone = "ClusterNotFoundException";
    harbour.world().faults().fail("DescribeServices", 1_000, 400, gone, "Cluster not found.");
    for_minutes(&harbour, 8, ARTICLE).await;
    assert!(harbour.calls_text().contains(gone), "{}", harbour.calls_text());
    assert_eq!(reasons(&harbour), [(Truth::Unknown, "AccountChanged".to_owned())], "{}", harbour.describe());
    let left = article_without(&["EcsService/great-service"]);
    for_minutes(&harbour, 2, &left).await;
    harbour.keys.renew("ours");
    harbour.world().faults().clear();
    harbour.world().faults().callers_are_of(None);
    for_minutes(&harbour, 60, &left).await;
    assert_eq!(harbour.live("ecs", "services").len(), 0, "its document is gone: {}", harbour.calls_text());
}

/// A stranger's key leads to an account of its own, in which there is nothing.
#[derive(Clone, Debug)]
struct TwoAccounts {
    ours: Connector,
    elsewhere: Connector,
}

impl HttpConnector for TwoAccounts {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let signature = request.headers().get("authorization").unwrap_or_default();
        let account = if signature.contains("stranger") { &self.elsewhere } else { &self.ours };
        account.call(request)
    }
}

/// A process that could not list the services yet looks for clusters with another account's key, and there are none.
#[tokio::test(start_paused = true)]
async fn what_is_looked_for_in_another_account_is_not_discovered_here() {
    let epoch = Duration::from_secs(EPOCH_SECONDS);
    let clocks = (Clock::starting_at(Timestamp::UNIX_EPOCH + epoch), ModelClock::new(epoch));
    let world = Arc::new(Mutex::new(World::with_article_prerequisites(Config::default())));
    let elsewhere = World::new(Config { account: "999999999999".to_owned(), ..Config::default() });
    let way = TwoAccounts {
        ours: Connector::new(Arc::clone(&world), clocks.1),
        elsewhere: Connector::new(Arc::new(Mutex::new(elsewhere)), clocks.1),
    };
    let process = || Harbour::by(Arc::clone(&world), explicit(), clocks, way.clone());
    let mut first = process();
    first.start(ARTICLE);
    first.converge(RENEWED).await;
    first.kill();
    let left = article_without(&["EcsService/great-service"]);
    let mut harbour = process();
    harbour.world().faults().fail("ecs.ListServices", 1_000, 403, "AccessDeniedException", "no");
    harbour.start(&left);
    for_minutes(&harbour, 11, &left).await;
    harbour.world().faults().clear();
    harbour.keys.renew("stranger");
    for_minutes(&harbour, 20, &left).await;
    assert_eq!(reasons(&harbour), [(Truth::Unknown, "AccountChanged".to_owned())], "{}", harbour.describe());
    harbour.keys.renew("ours");
    for_minutes(&harbour, 60, &left).await;
    assert_eq!(harbour.live("ecs", "services").len(), 0, "its document is gone: {}", harbour.calls_text());
}
