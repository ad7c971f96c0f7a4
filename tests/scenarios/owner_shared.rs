//! Two sources of one bucket that were given the same owner: found, said, and nothing is pruned while that lasts.

use std::time::Duration;

use hatoba_engine::{BucketBoard, Options, watch_namesakes};
use hatoba_source::{Bucket, Location};
use hatoba_tests::Harbour;
use tokio_util::sync::CancellationToken;

use crate::bucket::BUCKET;

const GRACE: Duration = Duration::from_secs(120);

fn options(owner: &str) -> Options {
    let owner = owner.to_owned();
    Options { owner, owner_is_explicit: true, prune_grace: GRACE, ..Options::default() }
}

fn namespaces(names: &[&str]) -> String {
    let one = |name: &&str| {
        format!(
            "apiVersion: hatoba/v1\nkind: HttpNamespace\nmetadata: {{ name: {name} }}\nspec: {{ name: {name} }}\n"
        )
    };
    names.iter().map(one).collect::<Vec<_>>().join("---\n")
}

/// Competes beside this source, and looks around as a daemon does whose owner was given by hand.
fn lead_beside(harbour: &mut Harbour, source: &str, host: &str) {
    let place = format!("s3://{BUCKET}/{source}").parse::<Location>().unwrap().status_place();
    let board = BucketBoard::new(Bucket::of(&harbour.config(), &place), &place);
    harbour.compete_on(board.clone(), host);
    tokio::spawn(watch_namesakes(harbour.engine.clone(), board, CancellationToken::new()));
}

/// So many minutes, in which both read their sources.
async fn minutes(harbours: &[(&Harbour, &str)], minutes: u32) {
    for _ in 0..minutes * 4 {
        for (harbour, documents) in harbours {
            harbour.documents(documents);
        }
        harbours[0].0.wait(Duration::from_secs(15)).await;
    }
}

fn names(harbour: &Harbour) -> Vec<String> {
    let live = harbour.live("servicediscovery", "namespaces");
    let mut names: Vec<String> =
        live.values().filter_map(|namespace| namespace["Name"].as_str().map(str::to_owned)).collect();
    names.sort();
    names
}

fn is_said(harbour: &Harbour) -> bool {
    let notices = harbour.engine.picture().notices;
    let said = notices.iter().find(|notice| notice.reason.as_str() == "OwnerShared");
    let metric = harbour.engine.metrics_text().contains("\nhatoba_owner_shared 1\n");
    assert_eq!(metric, said.is_some());
    if let Some(cause) = said {
        assert!(cause.message.contains(&format!("s3://{BUCKET}/")), "{cause}");
        assert!(harbour.engine.heartbeat().notices.contains(cause));
    }
    said.is_some()
}

async fn two(owners: [&str; 2]) -> (Harbour, Harbour, [String; 2]) {
    let documents = [namespaces(&["a1", "a2", "a3"]), namespaces(&["b1", "b2", "b3"])];
    let mut first = Harbour::with(options(owners[0]), hatoba_aws_model::Config::default());
    first.world().create_bucket(BUCKET);
    let mut second = first.neighbour();
    second.options = options(owners[1]);
    second.renew();
    lead_beside(&mut first, "one", "first");
    lead_beside(&mut second, "deep/two", "second");
    first.start(&documents[0]);
    second.start(&documents[1]);
    first.converge(Duration::from_secs(600)).await;
    second.converge(Duration::from_secs(600)).await;
    (first, second, documents)
}

const ALL: [&str; 6] = ["a1", "a2", "a3", "b1", "b2", "b3"];

fn of_the_test(harbour: &Harbour) -> Vec<String> {
    names(harbour).into_iter().filter(|name| name.len() == 2).collect()
}

#[tokio::test(start_paused = true)]
async fn the_same_owner_on_two_prefixes_is_said_and_neither_prunes_the_others() {
    let (mut first, mut second, [one, two]) = two(["shop", "shop"]).await;
    minutes(&[(&first, &one), (&second, &two)], 20).await;
    assert_eq!(of_the_test(&first), ALL, "{}", first.calls_text());
    assert!(is_said(&first) && is_said(&second));
    let held = first.engine.picture().pruning;
    assert!(
        held.iter().all(|held| held.held.reason.as_str() == "OwnerShared") && held.len() == 3,
        "{held:?}"
    );
    // Work goes on.
    let more = namespaces(&["a1", "a2", "a3", "a4"]);
    minutes(&[(&first, &more), (&second, &two)], 3).await;
    assert!(of_the_test(&first).contains(&"a4".to_owned()));
    // One of them starts anew: nothing of its own goes in that moment, though it is let go of.
    first.terminate().await;
    minutes(&[(&second, &two)], 1).await;
    first.renew();
    lead_beside(&mut first, "one", "first");
    first.start(&more);
    let mut standby = second.neighbour();
    lead_beside(&mut standby, "deep/two", "standby");
    standby.start(&two);
    minutes(&[(&first, &more), (&second, &two), (&standby, &two)], 20).await;
    assert_eq!(of_the_test(&first).len(), 7, "{}", first.calls_text());
    assert!(is_said(&first) && is_said(&second));
    // Who takes over knew it before.
    second.kill();
    minutes(&[(&first, &more), (&standby, &two)], 5).await;
    assert!(standby.engine.leads() && is_said(&standby));
    assert_eq!(of_the_test(&first).len(), 7, "{}", standby.calls_text());
    // The grace begins when the other one has gone, and not before.
    standby.terminate().await;
    minutes(&[(&first, &more)], 2).await;
    assert!(!is_said(&first));
    assert_eq!(of_the_test(&first).len(), 7, "{}", first.calls_text());
}

/// When it is over, the other guards hold as ever: here the fuse, for all that was there before went at once.
#[tokio::test(start_paused = true)]
async fn when_one_has_gone_for_good_the_other_guards_hold_as_ever() {
    let (mut first, second, [one, two]) = two(["shop", "shop"]).await;
    minutes(&[(&first, &one), (&second, &two)], 5).await;
    first.terminate().await;
    minutes(&[(&second, &two)], 10).await;
    assert!(!is_said(&second));
    let held = second.engine.picture().pruning;
    assert!(held.len() == 3 && held.iter().all(|held| held.held.reason.as_str() == "FuseOpen"), "{held:?}");
    assert_eq!(of_the_test(&second), ALL);
}

#[tokio::test(start_paused = true)]
async fn other_owners_in_the_bucket_and_leases_that_cannot_be_listed_hold_nothing() {
    let (first, second, [_, two]) = two(["shop", "other"]).await;
    let fewer = namespaces(&["a1", "a2"]);
    minutes(&[(&first, &fewer), (&second, &two)], 10).await;
    assert!(!is_said(&first) && !is_said(&second));
    assert_eq!(of_the_test(&first), ["a1", "a2", "b1", "b2", "b3"]);
    first.world().faults().deny("s3.ListObjectsV2");
    let fewer = namespaces(&["a1"]);
    minutes(&[(&first, &fewer), (&second, &two)], 10).await;
    assert_eq!(of_the_test(&first), ["a1", "b1", "b2", "b3"]);
}
