//! Killed at any moment, started again: in the end there is exactly one of each.

use std::time::Duration;

use hatoba_tests::wait::{holds_within, until};
use tokio::task::{JoinSet, LocalSet};

use crate::aws::{Aws, DOCUMENTS, documents, wrong};
use crate::process::{Hatoba, LONG, status, until_ready};

/// Worlds, each with a seed that says when the process is killed in it.
const WORLDS: u64 = 5;
const KILLS_IN_EACH: usize = 4;
/// One call to AWS takes this long; so a kill hits it on its way in, or its answer on the way out.
const CALL_MILLISECONDS: u64 = 300;
/// About as many calls as are made before the first write.
const READS_MAX: usize = 15;
/// Creating everything takes no longer.
const STANDS: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_leave_exactly_one_of_each() {
    let all = async {
        let mut worlds = JoinSet::new();
        for seed in 0..WORLDS {
            worlds.spawn_local(killed(seed));
        }
        while let Some(world) = worlds.join_next().await {
            world.unwrap();
        }
    };
    LocalSet::new().run_until(all).await;
}

async fn killed(seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let call = Duration::from_millis(CALL_MILLISECONDS);
    let (aws, folder) = (Aws::start(call, Duration::from_millis(500), seed).await, documents());
    let source = folder.path().to_str().unwrap().to_owned();
    let arguments =
        ["run", "--source", &source, "--listen", "127.0.0.1:0", "--resync", "5s", "--quota-share", "100"];
    for _ in 0..KILLS_IN_EACH {
        // After one write or two, or while it still reads.
        let (calls, writes) = aws.calls();
        let (more_calls, more_writes) = (dice.usize(1..READS_MAX), dice.usize(0..3));
        let daemon = Hatoba::start(&arguments, Some(aws.address));
        let is_time = async || match more_writes {
            0 => aws.calls().0 >= calls + more_calls,
            _ => aws.calls().1 >= writes + more_writes,
        };
        // No write comes once everything stands: a kill then is one more moment.
        holds_within(STANDS, is_time).await;
        tokio::time::sleep(Duration::from_millis(dice.u64(0..CALL_MILLISECONDS))).await;
        daemon.kill();
    }
    let daemon = Hatoba::start(&arguments, Some(aws.address));
    let shown = daemon.page().await;
    until_ready(shown, DOCUMENTS).await;
    let settled = async || wrong(&aws.dump()).is_ok();
    until(&format!("one of each, seed {seed}"), LONG, settled).await;
    let looked = status(shown).await["lastFullResync"].clone();
    until("one more look", LONG, async || status(shown).await["lastFullResync"] != looked).await;
    assert_eq!(wrong(&aws.dump()), Ok(()), "seed {seed}");
    daemon.terminate().await;
}
