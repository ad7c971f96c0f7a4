//! When the next pass over a document is, and what this one counts as.

use std::time::Duration;

use hatoba_core::{Assessment, Cause, Desired, Reference, Step, Verdict};
use hatoba_kinds::{CallError, Disposition, LOOK_SOON};
use tokio::time::Instant;

use crate::engine::Engine;
use crate::inventory::View;
use crate::memory::{Memory, Phase};
use crate::metrics::Reconciled;
use crate::queue::Priority;
use crate::reconcile::SETTLES;
use crate::users::RELEASED_AFTER;

/// The slowest poll of something that moves by itself.
const POLL_LONGEST: Duration = Duration::from_secs(15);

/// How often a standby looks whether the leader has done what it would do: a list serves all documents of a scope.
const STANDBY_LOOK: Duration = Duration::from_secs(30);

/// What comes after a pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Next {
    /// Look again at once: something was done.
    Now,
    /// Go on then.
    In(Duration),
    /// Look again then, at lists begun then.
    Look(Duration),
    /// Something failed: later and later.
    Later,
    /// On the resync, or when something it names changes.
    Rest,
}

impl Engine {
    /// When to look again, and what the pass counts as.
    pub(crate) fn schedule(
        &self,
        desired: &Desired,
        assessment: &Assessment<'_>,
        step: &Step,
        view: &Result<View, Cause>,
        result: Result<(), CallError>,
    ) -> Next {
        let (now, wall) = (Instant::now(), self.clock.now());
        let listed_at = view.as_ref().ok().and_then(|view| view.listed_at);
        let mut repaired = false;
        let next = self.memory(&desired.key, |memory| {
            if let Some(listed_at) = listed_at {
                memory.verified_at = memory.verified_at.max(Some(listed_at));
            }
            match (&result, step, &assessment.verdict) {
                (Err(error), _, _) => failed(memory, error),
                (Ok(()), Step::Act(_) | Step::RemoveSurplus(_), _) => {
                    memory.phase = Phase::Moving;
                    memory.failure = None;
                    Next::Now
                }
                (Ok(()), Step::Hold(cause), _)
                    if cause.reason.as_str() == "Duplicate" || cause.reason.as_str() == "AnswerLost" =>
                {
                    memory.phase = Phase::Moving;
                    Next::Look(SETTLES)
                }
                (Ok(()), Step::Hold(cause), _) if cause.reason.as_str() == "Superseded" => {
                    memory.phase = Phase::Moving;
                    Next::Look(RELEASED_AFTER)
                }
                // Another process does it: what it did is looked at now and then.
                (Ok(()), Step::Hold(cause), _) if cause.reason.as_str() == "StandBy" => {
                    settle(memory, Next::Look(STANDBY_LOOK))
                }
                (Ok(()), Step::Hold(cause), _) if cause.reason.as_str() == "AccountUnknown" => {
                    memory.phase = Phase::Moving;
                    Next::Later
                }
                (Ok(()), Step::Wait(_), _) => {
                    memory.phase = Phase::Moving;
                    Next::Look(poll_delay(memory))
                }
                // Whoever uses it may be on the way to the other one. What the document asks for is there, so a write that
                // fails later is tried again soon; these looks come at delays of their own.
                (Ok(()), Step::Hold(cause), verdict) if cause.reason.as_str() == "DuplicateInUse" => {
                    if *verdict == Verdict::InSync {
                        memory.backoff.reset();
                    }
                    let delay = memory.patience();
                    settle(memory, Next::In(delay))
                }
                (Ok(()), Step::Hold(cause), _) if cause.reason.as_str() == "Paused" => {
                    let left = memory.paused_until.map(|until| until.duration_since(wall));
                    let left = left.and_then(|left| Duration::try_from(left).ok()).unwrap_or_default();
                    settle(memory, Next::In(left.max(LOOK_SOON)))
                }
                (Ok(()), Step::Hold(_), _) => match memory.failure.as_ref().and_then(|failure| failure.until)
                {
                    // It failed a short while ago and is sent again at its time.
                    Some(until) if until > now => {
                        memory.phase = Phase::Moving;
                        Next::In(until - now)
                    }
                    _ => settle(memory, Next::Rest),
                },
                (Ok(()), Step::Rest, Verdict::InSync) => {
                    memory.backoff.reset();
                    memory.polls = 0;
                    memory.failure = None;
                    if memory.is_proven_by(listed_at) {
                        repaired = std::mem::take(&mut memory.drifting);
                    }
                    settle(memory, Next::Rest)
                }
                (Ok(()), Step::Rest, Verdict::Settling(_)) => {
                    memory.backoff.reset();
                    memory.phase = Phase::Moving;
                    Next::Look(poll_delay(memory))
                }
                (Ok(()), Step::Rest, Verdict::WaitingFor(_)) => {
                    memory.phase = Phase::Waiting;
                    Next::In(LOOK_SOON)
                }
                (Ok(()), Step::Rest, Verdict::Stalled(_)) => settle(memory, Next::Rest),
                (Ok(()), Step::Rest | Step::TakeDown(_), _) => {
                    memory.phase = Phase::Moving;
                    Next::Later
                }
            }
        });
        if result.is_err_and(|error| error.disposition == Disposition::Gone) {
            self.look_at_what_it_names(desired);
        }
        if repaired {
            self.metrics.drift_repaired(&desired.key.kind);
        }
        if let Next::Look(delay) = next {
            self.memory(&desired.key, |memory| memory.not_before = Some(now + delay));
        }
        next
    }

    /// AWS said that something is gone: perhaps what the document stands in, so all that it names is looked at now, and
    /// not with the next resync.
    fn look_at_what_it_names(&self, desired: &Desired) {
        let now = Instant::now();
        let mut state = self.state();
        for Reference { target, .. } in &desired.references {
            if state.checked.desired.contains_key(target) {
                state.memory.entry(target.clone()).or_default().not_before = Some(now);
                state.queue.add(target.clone(), Priority::Change, now);
            }
        }
        drop(state);
        self.wake();
    }
}

fn settle(memory: &mut Memory, next: Next) -> Next {
    memory.phase = Phase::Settled;
    next
}

fn failed(memory: &mut Memory, error: &CallError) -> Next {
    match error.disposition {
        Disposition::Wait | Disposition::Exists | Disposition::Gone => {
            memory.phase = Phase::Moving;
            let delay = memory.patience();
            memory.fail(error.cause(), Some(Instant::now() + delay));
            Next::Look(delay)
        }
        Disposition::Retry | Disposition::Throttle => {
            memory.phase = Phase::Moving;
            memory.fail(error.cause(), None);
            Next::Later
        }
        Disposition::Stall => {
            memory.fail(error.cause(), None);
            settle(memory, Next::Later)
        }
    }
}

/// Polls grow from two seconds to a quarter of a minute: waiting costs calls of a shared quota.
pub(crate) fn poll_delay(memory: &mut Memory) -> Duration {
    let delay = Duration::from_secs(2).saturating_mul(1 << memory.polls.min(3)).min(POLL_LONGEST);
    memory.polls += 1;
    delay
}

/// The pass's result for metrics.
pub(crate) fn counted(next: Next) -> Reconciled {
    match next {
        Next::Rest => Reconciled::Success,
        Next::Now | Next::In(_) | Next::Look(_) => Reconciled::Requeue,
        Next::Later => Reconciled::Error,
    }
}
