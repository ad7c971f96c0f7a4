//! Two daemons of one owner on the same documents, and no lease between them: safety does not rest on it.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour, article_without};
use serde_json::{Value, json};

use crate::crashes::{AROUND, at, write_times};
use crate::prune::WAY_IN;

const TEN_MINUTES: Duration = Duration::from_secs(600);
const MINUTE: Duration = Duration::from_secs(60);

fn options() -> Options {
    Options {
        owner: "shop".to_owned(),
        owner_is_explicit: true,
        prune_grace: Duration::from_secs(20),
        resync: MINUTE,
        ..Options::default()
    }
}

/// Two that start so far apart, and a stranger's things of the same names.
async fn two(seed: u64, apart: Duration) -> (Harbour, Harbour, Value) {
    let first = Harbour::with(options(), Config { seed, ..Config::default() });
    let marks = json!({ "hatoba:owner": "other", "hatoba:document": "HttpApi/crazy-api",
        "hatoba:incarnation": "1", "hatoba:deletion": "Delete" });
    let stranger = json!({ "name": "crazy-api", "protocolType": "HTTP", "tags": marks });
    let stranger = first.meddle(&Request::rest("POST", "/v2/apis", &stranger)).await;
    let mut first = first;
    first.start(ARTICLE);
    first.wait(apart).await;
    let second = first.beside(ARTICLE);
    (first, second, stranger)
}

/// Both are at rest, and a minute has passed.
async fn at_rest(first: &Harbour, second: &Harbour) {
    first.converge(TEN_MINUTES).await;
    second.converge(TEN_MINUTES).await;
    first.wait(MINUTE).await;
}

/// The article stands once, whoever else's API stands beside it.
fn stands_once(harbour: &Harbour, stranger: &Value, story: &str) {
    let id = stranger["apiId"].as_str().unwrap();
    let apis = harbour.live("apigatewayv2", "apis");
    let theirs = apis.get(id).unwrap_or_else(|| panic!("{story}: the stranger's API is gone"));
    for member in ["name", "tags", "corsConfiguration", "description"] {
        assert_eq!(theirs[member], stranger[member], "{story}");
    }
    assert_eq!(apis.len(), 2, "{story}: {apis:#?}\n{}", harbour.calls_text());
    for collection in ["integrations", "routes", "stages", "vpcLinks"] {
        let live = harbour.live("apigatewayv2", collection);
        assert_eq!(live.len(), 1, "{story}: {collection} {live:#?}\n{}", harbour.calls_text());
    }
    for (service, collection) in
        [("servicediscovery", "namespaces"), ("servicediscovery", "services"), ("ecs", "services")]
    {
        assert_eq!(harbour.live(service, collection).len(), 1, "{story}: {collection}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_leaders_make_change_replace_and_delete_and_one_of_each_is_left() {
    for (seed, apart) in [(1, 0), (2, 40), (3, 300), (4, 900), (5, 2_500), (6, 12_000), (7, 45_000)] {
        let apart = Duration::from_millis(apart);
        let (first, second, stranger) = two(seed, apart).await;
        first.wait(MINUTE).await;
        at_rest(&first, &second).await;
        stands_once(&first, &stranger, &format!("made, {apart:?} apart"));
        let api = |harbour: &Harbour| harbour.status("HttpApi", "crazy-api").outputs["id"].clone();
        assert_eq!(api(&first), api(&second), "both know the same one");
        let ours = api(&first);

        let change = |text: &str| text.replacen("spec: {}", "spec: { description: changed }", 1);
        let changed = change(ARTICLE);
        assert_ne!(changed, ARTICLE);
        first.documents(&changed);
        first.wait(apart).await;
        second.documents(&changed);
        first.wait(MINUTE).await;
        at_rest(&first, &second).await;
        stands_once(&first, &stranger, &format!("changed, {apart:?} apart"));
        assert_eq!(first.live("apigatewayv2", "apis")[&ours]["description"], "changed");

        let (head, tail) = changed.split_once("kind: VpcLink").unwrap();
        let (old, new) = (
            "securityGroupSelector: { tags: { Name: great-sg } }",
            "securityGroupIds: [sg-0123456789abcdef0]",
        );
        let replaced = format!("{head}kind: VpcLink{}", tail.replacen(old, new, 1));
        assert_ne!(replaced, changed);
        first.documents(&replaced);
        first.wait(apart).await;
        second.documents(&replaced);
        first.wait(MINUTE).await;
        at_rest(&first, &second).await;
        first.wait(MINUTE + MINUTE).await;
        stands_once(&first, &stranger, &format!("replaced, {apart:?} apart"));

        let fewer = change(&article_without(&["Route/default-route", "Integration/to-great-service"]));
        first.documents(&fewer);
        first.wait(apart).await;
        second.documents(&fewer);
        // Both read their source every minute, for longer than the grace.
        for _ in 0..20 {
            first.wait(MINUTE).await;
            first.documents(&fewer);
            second.documents(&fewer);
        }
        for (collection, left) in
            [("routes", 0), ("integrations", 0), ("stages", 1), ("vpcLinks", 1), ("apis", 2)]
        {
            let live = first.live("apigatewayv2", collection);
            assert_eq!(
                live.len(),
                left,
                "deleted, {apart:?} apart: {collection} {live:#?}\n{}",
                first.describe()
            );
        }
    }
}

/// Both are killed around every write of the first: it, and a moment later the other one.
#[tokio::test(start_paused = true)]
async fn two_leaders_killed_around_every_write_lose_nothing_and_one_of_each_is_left() {
    let times = write_times(&mut Harbour::with(options(), Config::default()), ARTICLE).await;
    assert_eq!(times.len(), 8);
    for (seed, time) in (0_u64..).zip(times) {
        for around in AROUND {
            let apart = Duration::from_millis(13 * (seed % 3));
            let story = format!("killed at {time:?}, {}, {apart:?} apart", around.0);
            let (mut first, mut second, stranger) = two(seed, apart).await;
            first.wait(at(time, around).saturating_sub(apart)).await;
            first.kill_and_restart(ARTICLE);
            first.wait(Duration::from_millis(5 + 10 * seed)).await;
            second.kill_and_restart(ARTICLE);
            first.wait(MINUTE).await;
            at_rest(&first, &second).await;
            stands_once(&first, &stranger, &story);
            let api = |harbour: &Harbour| harbour.status("HttpApi", "crazy-api").outputs["id"].clone();
            assert_eq!(api(&first), api(&second), "{story}: both know the same one");
            let writes = first.writes().len();
            first.wait(5 * MINUTE).await;
            assert_eq!(
                first.writes().len(),
                writes,
                "{story}: and then nobody writes\n{}",
                first.calls_text()
            );
        }
    }
}

/// The way in is taken back by both, and both are killed after each of the deletes.
#[tokio::test(start_paused = true)]
async fn two_leaders_killed_around_every_delete_delete_what_is_gone_and_nothing_else() {
    let left = article_without(&WAY_IN);
    for killed_at in 0..5_usize {
        let story = format!("killed after {killed_at} writes");
        let (mut first, mut second, stranger) = two(7, Duration::from_millis(40)).await;
        first.wait(MINUTE).await;
        at_rest(&first, &second).await;
        first.clear_calls();
        let mut waited = 0;
        while first.writes().len() <= killed_at && waited < 2_000 {
            for harbour in [&first, &second] {
                harbour.documents(&left);
            }
            first.wait(Duration::from_secs(1)).await;
            waited += 1;
        }
        first.kill_and_restart(&left);
        first.wait(Duration::from_millis(20)).await;
        second.kill_and_restart(&left);
        for _ in 0..60 {
            first.wait(Duration::from_secs(15)).await;
            for harbour in [&first, &second] {
                harbour.documents(&left);
            }
        }
        for collection in ["integrations", "routes", "stages", "vpcLinks"] {
            let live = first.live("apigatewayv2", collection);
            assert!(live.is_empty(), "{story}: {collection} {live:#?}\n{}", first.calls_text());
        }
        let apis = first.live("apigatewayv2", "apis");
        let theirs = stranger["apiId"].as_str().unwrap();
        assert!(apis.len() == 1 && apis.contains_key(theirs), "{story}: {apis:#?}");
        for (service, collection) in
            [("servicediscovery", "namespaces"), ("servicediscovery", "services"), ("ecs", "services")]
        {
            assert_eq!(first.live(service, collection).len(), 1, "{story}: {collection}");
        }
        at_rest(&first, &second).await;
    }
}
