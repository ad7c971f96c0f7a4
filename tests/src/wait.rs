//! Waiting for something in real time: looked at again and again until a deadline, never slept through.

use std::time::Duration;

use tokio::time::Instant;

/// How often something is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Whether it comes to hold within `limit`.
pub async fn holds_within(limit: Duration, mut holds: impl AsyncFnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !holds().await {
        if begun.elapsed() > limit {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
    true
}

/// Waits until it holds.
///
/// # Panics
/// When it does not within `limit`.
pub async fn until(what: &str, limit: Duration, holds: impl AsyncFnMut() -> bool) {
    assert!(holds_within(limit, holds).await, "not within {limit:?}: {what}");
}
