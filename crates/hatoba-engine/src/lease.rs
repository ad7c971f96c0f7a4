//! The loop around the lease: looks, writes, tells the engine, lets go at the end. What it does is decided in
//! `hatoba_core::Candidate`.
//!
//! The invariant: the engine is told that it leads only for as long as the candidate says, and the lease is let go
//! only after the last write of everything else is over.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hatoba_core::{Candidate, Found, Holder, LeaseCondition, LeaseNext, LeaseRecord, LeaseWrite};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::permit::{Leader, Leadership};

/// A look or a write of the lease takes no longer: two more fit in before the right to write ends.
const ATTEMPT: Duration = Duration::from_secs(3);
/// Letting go is worth no more of the drain.
const RELEASE: Duration = Duration::from_secs(2);
/// A record is a few hundred bytes; what is longer is none.
const RECORD_BYTES_MAX: usize = 16 * 1024;

/// Where the lease object lies: a store with conditional writes.
pub trait Board: Send + Sync {
    /// The object's content and version; `None`: there is none.
    fn read(&self) -> impl Future<Output = Result<Option<(Vec<u8>, String)>, BoardError>> + Send;

    /// Writes the object if the condition holds; answers its new version.
    fn write(
        &self,
        content: Vec<u8>,
        condition: &LeaseCondition,
    ) -> impl Future<Output = Result<String, BoardError>> + Send;
}

/// Why a look at the lease object, or a write of it, did not go well.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BoardError {
    /// The condition did not hold: nothing was written.
    #[error("somebody else wrote it meanwhile")]
    Conflict,
    /// Nobody knows whether it was written.
    #[error("no answer came: {0}")]
    Lost(String),
    /// It was refused because permission is missing, or the place is; nothing was written.
    #[error("{0}")]
    Denied(String),
    /// It was refused for now, or nobody knows why; nothing was written.
    #[error("{0}")]
    Refused(String),
}

/// Competes for the lease until `ended`, and lets go of it then.
pub async fn lead<B: Board>(engine: Arc<Engine>, board: B, me: Holder, ended: CancellationToken) {
    let origin = Instant::now();
    let mut contest = Contest {
        candidate: Candidate::new(&engine.options.owner, me),
        board,
        origin,
        failing: None,
        goes_on: false,
        told: None,
    };
    engine.set_leadership(Leadership::StandsBy(None));
    let mut next = contest.candidate.next(origin.elapsed(), engine.clock.now());
    while !ended.is_cancelled() {
        match next {
            LeaseNext::Look => tokio::select! {
                biased;
                () = ended.cancelled() => break,
                () = contest.look() => {}
            },
            LeaseNext::Write(write) => contest.write(&write).await,
            LeaseNext::WaitUntil(until) => tokio::select! {
                biased;
                () = ended.cancelled() => break,
                () = sleep_until(origin + until) => {}
            },
        }
        next = contest.candidate.next(origin.elapsed(), engine.clock.now());
        // A lease that is free is taken at once: who stood by stays ready until it is known who leads next.
        if !matches!(next, LeaseNext::Write(_)) {
            contest.tell(&engine);
        }
    }
    engine.set_leadership(Leadership::StandsBy(None));
    contest.release().await;
}

struct Contest<B> {
    candidate: Candidate,
    board: B,
    origin: Instant,
    /// What failed last, while it is not settled who leads.
    failing: Option<String>,
    /// It was said that this process goes on without the lease.
    goes_on: bool,
    /// The leader that the log has named last.
    told: Option<(Holder, u64)>,
}

impl<B: Board> Contest<B> {
    async fn look(&mut self) {
        let answer = timeout(ATTEMPT, self.board.read()).await;
        let now = self.origin.elapsed();
        match answer {
            Ok(Ok(object)) => self.candidate.see(object.map_or(Found::Nothing, read), now),
            Ok(Err(error)) => self.unseen(error.to_string(), now),
            Err(_elapsed) => self.unseen("no answer came".to_owned(), now),
        }
    }

    fn unseen(&mut self, why: String, now: Duration) {
        if self.failing.is_none() {
            tracing::error!(error = why, "the lease cannot be read; it is tried again every second");
        }
        self.failing = Some(why);
        self.candidate.unseen(now);
    }

    async fn write(&mut self, write: &LeaseWrite) {
        let content = match serde_json::to_vec(&write.record) {
            Ok(content) => content,
            Err(error) => return self.unseen(error.to_string(), self.origin.elapsed()),
        };
        self.candidate.sent(write, self.origin.elapsed());
        let answer = timeout(ATTEMPT, self.board.write(content, &write.condition)).await;
        let now = self.origin.elapsed();
        match answer {
            Ok(Ok(version)) => self.candidate.written(&version),
            Ok(Err(BoardError::Conflict)) => self.candidate.refused(now),
            Ok(Err(BoardError::Denied(why))) => {
                self.unwritten(why);
                self.candidate.denied(now);
            }
            Ok(Err(error)) => {
                self.unwritten(error.to_string());
                self.candidate.lost(now);
            }
            Err(_elapsed) => {
                self.unwritten("no answer came".to_owned());
                self.candidate.lost(now);
            }
        }
    }

    fn unwritten(&mut self, why: String) {
        if self.failing.is_none() {
            tracing::error!(error = why, "the lease cannot be written; it is looked at and tried again");
        }
        self.failing = Some(why);
    }

    /// Tells the engine how it stands.
    fn tell(&mut self, engine: &Engine) {
        let now = self.origin.elapsed();
        if !self.candidate.is_failing() {
            self.failing = None;
        }
        let until = self.candidate.may_write_until();
        let goes_on = self.candidate.goes_on_until().filter(|_| until.is_none_or(|until| until <= now));
        self.say_whether_it_goes_on(goes_on.is_some());
        if let Some(until) = goes_on {
            let why = self.failing.clone().unwrap_or_default();
            return engine.set_leadership(Leadership::WithoutLease(self.origin + until, why));
        }
        if let Some(until) = until {
            return engine.set_leadership(Leadership::Leads(Some(self.origin + until)));
        }
        let leader = self.candidate.leader(now);
        if let Some(record) = leader
            && self.told.as_ref() != Some(&(record.holder.clone(), record.term))
        {
            self.told = Some((record.holder.clone(), record.term));
            say(record, &engine.options.owner);
        }
        engine.set_leadership(Leadership::StandsBy(leader.map(shown)));
    }

    fn say_whether_it_goes_on(&mut self, goes_on: bool) {
        match (std::mem::replace(&mut self.goes_on, goes_on), goes_on) {
            (false, true) => {
                let error = self.failing.as_deref().unwrap_or_default();
                tracing::error!(
                    reason = "LeaseUnreachable",
                    error,
                    "nobody can say who leads: this process goes on WITHOUT the lease, and others may, too; it is tried \
                     again every five seconds"
                );
            }
            (true, false) => tracing::info!("this process goes by the lease again"),
            _ => {}
        }
    }

    async fn release(mut self) {
        let Some(write) = self.candidate.release() else { return };
        let Ok(content) = serde_json::to_vec(&write.record) else { return };
        self.candidate.resign();
        match timeout(RELEASE, self.board.write(content, &write.condition)).await {
            Ok(Ok(_)) => tracing::info!("the lease is let go"),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the lease could not be let go; it is over in half a minute")
            }
            Err(_elapsed) => {
                tracing::warn!("the lease could not be let go in time; it is over in half a minute")
            }
        }
    }
}

/// Says who leads; two owners on one source are a mistake.
fn say(record: &LeaseRecord, owner: &str) {
    let (host, pid, since) = (&record.holder.host, record.holder.pid, record.since);
    if record.owner == owner {
        tracing::warn!(owner, host, pid, %since, "another process of this owner leads; this one stands by");
    } else {
        tracing::error!(
            owner, other = record.owner, host, pid, %since,
            "another owner leads on this source; this one stands by: a source has one owner"
        );
    }
}

pub(crate) fn shown(record: &LeaseRecord) -> Leader {
    let Holder { host, pid, .. } = &record.holder;
    Leader { owner: record.owner.clone(), host: host.clone(), pid: *pid, since: record.since }
}

fn read((content, version): (Vec<u8>, String)) -> Found {
    let record = (content.len() <= RECORD_BYTES_MAX).then(|| serde_json::from_slice(&content).ok()).flatten();
    match record {
        Some(record) => Found::Record(record, version),
        None => Found::Unreadable(version),
    }
}
