//! The model's time, tied to tokio's.

use std::time::Duration;
use tokio::time::Instant;

/// A clock that starts at `epoch` and runs with tokio's, so that a paused runtime pauses the model too.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Duration,
    origin: Instant,
}

impl Clock {
    /// A clock that reads `epoch`, a time since the UNIX epoch, at this moment.
    #[must_use]
    pub fn new(epoch: Duration) -> Self {
        Self { epoch, origin: Instant::now() }
    }

    /// The time since the UNIX epoch.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.epoch + self.origin.elapsed()
    }
}
