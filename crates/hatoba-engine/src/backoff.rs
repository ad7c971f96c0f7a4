//! How long to wait after failures: the `backoff` crate's growth, our clock, our dice.
//!
//! Only the crate's growth policy is used: its own jitter cannot be seeded and its own clock does not
//! follow tokio's (docs: decisions). The jitter is full: anything from nothing to the grown delay.

use std::time::Duration;

use backoff::backoff::Backoff as _;
use backoff::exponential::ExponentialBackoff;

/// First grown delay.
const FIRST: Duration = Duration::from_secs(1);
/// No delay is longer than this; a document is never given up.
pub(crate) const LONGEST: Duration = Duration::from_secs(300);

/// Never read: without a time limit the policy looks at no clock, and we give it none that moves.
#[derive(Clone, Copy, Debug)]
struct StillClock(std::time::Instant);

impl backoff::Clock for StillClock {
    fn now(&self) -> std::time::Instant {
        self.0
    }
}

/// The delays of one key.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: Option<ExponentialBackoff<StillClock>>,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Backoff { policy: None }
    }

    /// The delay after one more failure.
    pub(crate) fn next(&mut self, dice: &mut fastrand::Rng) -> Duration {
        let policy = self.policy.get_or_insert_with(policy);
        // Without jitter, too, the crate adds up to a nanosecond by dice that cannot be seeded.
        let grown = policy.next_backoff().unwrap_or(LONGEST).min(LONGEST);
        let grown = Duration::from_secs(grown.as_secs());
        grown.mul_f64(dice.f64()).max(Duration::from_millis(50)).min(LONGEST)
    }

    /// It went well, or the document changed.
    pub(crate) fn reset(&mut self) {
        *self = Backoff::new();
    }
}

fn policy() -> ExponentialBackoff<StillClock> {
    let still = std::time::Instant::now();
    ExponentialBackoff {
        current_interval: FIRST,
        initial_interval: FIRST,
        randomization_factor: 0.0,
        multiplier: 2.0,
        max_interval: LONGEST,
        start_time: still,
        max_elapsed_time: None,
        clock: StillClock(still),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn delays_stay_under_the_doubling_bound_and_the_cap(seed: u64, failures in 1_usize..40) {
            let mut dice = fastrand::Rng::with_seed(seed);
            let mut backoff = Backoff::new();
            for n in 0..failures {
                let delay = backoff.next(&mut dice);
                let bound = FIRST.saturating_mul(2_u32.saturating_pow(u32::try_from(n).unwrap().min(20))).min(LONGEST);
                prop_assert!(delay <= bound, "failure {}: {:?} > {:?}", n, delay, bound);
            }
        }

        #[test]
        fn the_same_seed_gives_the_same_delays(seed: u64) {
            let delays = |seed| {
                let (mut dice, mut backoff) = (fastrand::Rng::with_seed(seed), Backoff::new());
                (0..10).map(|_| backoff.next(&mut dice)).collect::<Vec<_>>()
            };
            prop_assert_eq!(delays(seed), delays(seed));
        }
    }

    #[test]
    fn what_grows_is_the_same_to_the_nanosecond() {
        // These dice once showed a nanosecond of the crate's own.
        let delays = || {
            let (mut dice, mut backoff) =
                (fastrand::Rng::with_seed(15_626_030_081_007_919_786), Backoff::new());
            (0..10).map(|_| backoff.next(&mut dice)).collect::<Vec<_>>()
        };
        assert!((0..1_000).all(|_| delays() == delays()));
    }

    #[test]
    fn success_starts_anew() {
        let mut dice = fastrand::Rng::with_seed(1);
        let mut backoff = Backoff::new();
        for _ in 0..20 {
            backoff.next(&mut dice);
        }
        backoff.reset();
        assert!(backoff.next(&mut dice) <= FIRST);
    }
}
