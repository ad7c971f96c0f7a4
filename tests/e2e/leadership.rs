//! Two processes on one folder: one leads, the other is warm and waits.

use std::path::Path;
use std::time::{Duration, Instant};

use hatoba_tests::wait::{holds_within, until};

use crate::aws::{Aws, DOCUMENTS, documents, live, put, wrong};
use crate::process::{Hatoba, LONG, page, status, until_ready};

fn start(aws: &Aws, folder: &Path) -> Hatoba {
    let source = folder.to_str().unwrap();
    let often = ["--listen", "127.0.0.1:0", "--resync", "2s", "--poll", "1s", "--owner", "end-to-end"];
    Hatoba::start(&[&["run", "--source", source], &often[..]].concat(), Some(aws.address))
}

#[tokio::test]
async fn the_second_is_warm_and_leads_five_seconds_after_the_first_was_told_to_leave() {
    let (aws, folder) = (Aws::quick().await, documents());
    let first = start(&aws, folder.path());
    until_ready(first.page().await, DOCUMENTS).await;
    let second = start(&aws, folder.path());
    let shown = second.page().await;
    let is_warm = async || page(shown, "/readyz").await.status == 200;
    until("the second answers that it is ready", LONG, is_warm).await;
    until_ready(shown, DOCUMENTS).await; // it has looked for itself
    let seen = status(shown).await;
    assert_eq!(seen["leader"], false, "{seen:#}");
    assert_eq!(seen["leadership"]["role"], "standsBy", "{seen:#}");
    assert!(seen["leadership"]["leader"]["pid"].is_u64(), "{seen:#}");
    assert!(page(shown, "/").await.body.contains("Standby"));
    assert!(page(shown, "/metrics").await.body.contains("\nhatoba_leader 0\n"));
    let (_, writes) = aws.calls();

    let begun = Instant::now();
    first.terminate().await;
    until("the second leads", LONG, async || status(shown).await["leader"] == true).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    until_ready(shown, DOCUMENTS).await;
    assert_eq!(aws.calls().1, writes, "nothing was to be done");
    assert_eq!(wrong(&aws.dump()), Ok(()));
    put(folder.path(), "one.yaml", ONE_MORE);
    until_ready(shown, DOCUMENTS + 1).await;
    let said = second.terminate().await.stderr;
    assert!(said.contains("another daemon works on this folder; this one stands by"), "{said}");
}

const ONE_MORE: &str = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: one-more }\nspec: {}\n";

/// The system drops the lock with the process, not with its sleep: a paused leader leads when it wakes up.
#[tokio::test]
async fn a_paused_leader_keeps_the_lock_and_a_killed_one_does_not() {
    let (aws, folder) = (Aws::quick().await, documents());
    let first = start(&aws, folder.path());
    let first_shown = first.page().await;
    until_ready(first_shown, DOCUMENTS).await;
    let second = start(&aws, folder.path());
    let shown = second.page().await;
    until_ready(shown, DOCUMENTS).await;

    first.signal("STOP");
    put(folder.path(), "one.yaml", ONE_MORE);
    until("the second shows what it would do", LONG, async || {
        status(shown).await["documents"]["HttpApi/one-more"]["synced"]["reason"] == "StandBy"
    })
    .await;
    let takes_over = async || status(shown).await["leader"] == true;
    assert!(!holds_within(Duration::from_secs(4), takes_over).await, "two lead");
    first.signal("CONT");
    until_ready(first_shown, DOCUMENTS + 1).await;
    assert_eq!(status(shown).await["events"].as_array().map(Vec::len), Some(0), "the second wrote nothing");

    first.kill();
    until("the second leads", LONG, async || status(shown).await["leader"] == true).await;
    put(folder.path(), "two.yaml", &ONE_MORE.replace("one-more", "two-more"));
    until_ready(shown, DOCUMENTS + 2).await;
    assert_eq!(live(&aws.dump(), "apigatewayv2", "apis").len(), 3, "one for each document");
    second.terminate().await;
}
