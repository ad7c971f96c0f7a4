//! The loop that keeps status documents as they should be.

use std::sync::Arc;
use std::time::Duration;

use hatoba_core::Cause;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::sink::{Heartbeat, SourceSeen, StatusSink};

/// How often statuses are written.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// A sign of life is written so often, and when the source changes; and the place is compared as a whole then.
    pub heartbeat: Duration,
    /// After each write nothing is written for so long.
    pub rest: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { heartbeat: Duration::from_secs(60), rest: Duration::from_secs(1) }
    }
}

impl StatusSink {
    /// Writes status documents as they change, while this process leads, until `ended`: what is to be told then is
    /// written once more. A slow place slows nobody: only the newest state is written. `now` tells the time of day.
    pub async fn follow(
        mut self,
        engine: Arc<Engine>,
        pace: Pace,
        now: impl Fn() -> Timestamp,
        ended: CancellationToken,
    ) {
        let mut changes = engine.watch();
        let mut heartbeat = tokio::time::interval(pace.heartbeat);
        // What was last told besides times; nothing, when it is time for the next sign of life.
        let mut told: Option<(SourceSeen, Vec<Cause>)> = None;
        loop {
            if engine.leads() {
                // Before the statuses: they are no older than what it says of the source.
                let beat = Heartbeat { time: now(), ..engine.heartbeat() };
                self.write(&engine.statuses()).await;
                let tells = (beat.source.clone(), beat.notices.clone());
                if told.as_ref() != Some(&tells) {
                    let rogue_children = engine.rogue_children();
                    self.write_heartbeat(&Heartbeat { rogue_children, ..beat }).await;
                    told = Some(tells);
                }
            } else {
                told = None;
            }
            if ended.is_cancelled() {
                return;
            }
            // A status changes several times in one pass: all that changes meanwhile is told by one write.
            let _ = tokio::time::timeout(pace.rest, ended.cancelled()).await;
            tokio::select! {
                biased;
                () = ended.cancelled() => {}
                _ = changes.changed() => {}
                _ = heartbeat.tick() => told = None,
            }
        }
    }
}
