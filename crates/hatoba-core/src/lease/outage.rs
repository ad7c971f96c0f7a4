//! How long the lease object has been of no use, and when it is time to go on without it. Pure.
//!
//! The invariant: only what was seen without a break counts. Who was stopped in between knows nothing of that time, and
//! has the whole of it before itself again.

use std::time::Duration;

use super::{AGAIN, TTL};

/// Who can neither read nor write the object for so long goes on without: whoever leads may have lost it, too.
pub const WITHOUT_AFTER: Duration = Duration::from_secs(60);
/// Who goes on without it tries it so often: somebody may hold it by now.
const AGAIN_WITHOUT: Duration = Duration::from_secs(5);
/// What was seen further apart is not one outage. In between lie at most a wait, a look and a write: 11 s.
const UNBROKEN: Duration = Duration::from_secs(20);
/// Writes that fail so soon after each other are not made good by looks between them: before some one waits for a
/// lease to be over.
const WRITES_APART: Duration = UNBROKEN.saturating_add(TTL);

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    Look,
    Write,
    /// A write, and the refusal was plain.
    DeniedWrite,
}

/// Failures one after the other, and nothing between them that would have settled who leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    since: Duration,
    /// The newest failure, or the newest look that settled nothing.
    newest: Duration,
    write_failed_at: Option<Duration>,
    /// All that failed was to write, and the refusals were plain.
    is_plain: bool,
    /// It has lasted for long enough.
    is_long: bool,
}

impl Outage {
    /// One more failure.
    pub(super) fn with(before: Option<Outage>, now: Duration, failed: Failed) -> Outage {
        let before = before.filter(|outage| outage.is_unbroken(now));
        let since = before.map_or(now, |outage| outage.since);
        let is_plain = failed == Failed::DeniedWrite && before.is_none_or(|outage| outage.is_plain);
        // A plain refusal needs no whole minute: a look has shown that nobody else's lease lasts.
        let limit = if is_plain { TTL } else { WITHOUT_AFTER };
        Outage {
            since,
            newest: now,
            write_failed_at: match failed {
                Failed::Look => before.and_then(|outage| outage.write_failed_at),
                Failed::Write | Failed::DeniedWrite => Some(now),
            },
            is_plain,
            is_long: now >= since + limit || before.is_some_and(|outage| outage.is_long),
        }
    }

    /// What is left of it after a look that shows nobody else's lease: the object answers, so it is over, unless
    /// writing fails. Who goes on without the lease does so until it is settled who has it.
    pub(super) fn after_a_look(self, now: Duration) -> Option<Outage> {
        let writes_fail = self.write_failed_at.is_some_and(|at| now <= at + WRITES_APART);
        let lasts = self.is_unbroken(now) && (writes_fail || self.is_long);
        lasts.then_some(Outage { newest: now, ..self })
    }

    fn is_unbroken(&self, now: Duration) -> bool {
        now <= self.newest + UNBROKEN
    }

    /// Until when one goes on without the lease, unless something is heard of it before; `None`: not yet.
    pub(super) fn lets_go_on_until(&self) -> Option<Duration> {
        self.is_long.then(|| self.newest + UNBROKEN)
    }

    /// When to try again after a failure.
    pub(super) fn again(&self) -> Duration {
        self.newest + if self.is_long { AGAIN_WITHOUT } else { AGAIN }
    }
}
