//! The one clock: tokio's, so that a paused runtime pauses everything, with a date to start from.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Tells the time. Copies tell the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Timestamp,
    origin: Instant,
}

impl Clock {
    /// A clock that shows `epoch` now.
    pub fn starting_at(epoch: Timestamp) -> Self {
        Clock { epoch, origin: Instant::now() }
    }

    /// The date and time.
    pub fn now(&self) -> Timestamp {
        self.date_of(Instant::now())
    }

    /// The date and time of an instant.
    pub fn date_of(&self, instant: Instant) -> Timestamp {
        let since = instant.saturating_duration_since(self.origin);
        self.epoch.checked_add(since).unwrap_or(self.epoch)
    }
}

/// `instant - duration`, or the earliest instant there is.
pub(crate) fn before(instant: Instant, duration: Duration) -> Option<Instant> {
    instant.checked_sub(duration)
}
