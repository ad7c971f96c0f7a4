//! How long the lease object has been of no use, and when it is time to go on without it. Pure.
//!
//! The invariant: only failures that were seen one after the other count. Who was stopped in between knows nothing
//! of that time, and has the whole of it before itself again.

use std::time::Duration;

use super::{AGAIN, RENEWAL, TTL};

/// Who can neither read nor write the object for so long goes on without: whoever leads may have lost it, too.
pub const WITHOUT_AFTER: Duration = Duration::from_secs(60);
/// Who goes on without it tries it so often: somebody may hold it by now.
const AGAIN_WITHOUT: Duration = RENEWAL;
/// Failures further apart are not one outage. Between two of them lie at most a wait, a look and a write: 16 s.
const UNBROKEN: Duration = Duration::from_secs(20);

/// Failures one after the other, and nothing between them that would have settled who leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    since: Duration,
    newest: Duration,
    /// All that failed was to write, and the refusals were plain.
    is_plain: bool,
    /// It has lasted for long enough.
    is_long: bool,
}

impl Outage {
    /// One more failure.
    pub(super) fn with(before: Option<Outage>, now: Duration, is_plain: bool) -> Outage {
        let before = before.filter(|outage| now <= outage.newest + UNBROKEN);
        let since = before.map_or(now, |outage| outage.since);
        let is_plain = is_plain && before.is_none_or(|outage| outage.is_plain);
        // A plain refusal needs no second minute: a look has shown that nobody else's lease lasts.
        let limit = if is_plain { TTL } else { WITHOUT_AFTER };
        let is_long = now >= since + limit || before.is_some_and(|outage| outage.is_long);
        Outage { since, newest: now, is_plain, is_long }
    }

    /// Until when one goes on without the lease, unless something is heard of it before; `None`: not yet.
    pub(super) fn lets_go_on_until(&self) -> Option<Duration> {
        self.is_long.then(|| self.newest + UNBROKEN)
    }

    /// When to try again.
    pub(super) fn again(&self) -> Duration {
        self.newest + if self.is_long { AGAIN_WITHOUT } else { AGAIN }
    }
}
