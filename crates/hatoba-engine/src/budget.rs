//! The budget: one token bucket for every quota that AWS publishes, a share of it, slowed by throttles.
//!
//! The quotas belong to the whole account, so by default we take half. A throttle halves a bucket's rate
//! (never below a twentieth), every good answer brings a fiftieth back (AIMD). Tokens are taken in the
//! order of asking, a narrower quota's when the wider one's is there, so nobody starves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hatoba_kinds::{CallError, Disposition, Operation, Quota, is_denial};
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::shown::QuotaShown;

/// After throttles a bucket never gets slower than this part of its share.
const SLOWEST: f64 = 0.05;
/// What one good answer brings back.
const RECOVERY: f64 = 0.02;

/// A call that was waited for may be sent so much later, and then no more: whoever waited may not want it any longer, and
/// those of an hour would all be sent at once.
const AHEAD_LASTS: Duration = Duration::from_secs(120);

/// Who waits for a token looks so often whether the bucket has another speed by now.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Sums of fractions come so close.
const ALMOST: f64 = 1e-9;

/// Paces every call and counts it.
pub(crate) struct Budget {
    share: f64,
    buckets: Mutex<BTreeMap<&'static str, Bucket>>,
    /// Calls that have been waited for and not been sent yet, by operation, and since when.
    ahead: Mutex<BTreeMap<&'static str, VecDeque<Instant>>>,
    /// Calls that AWS denies, as the log has said.
    denied: Mutex<BTreeSet<&'static str>>,
    metrics: Arc<Metrics>,
}

/// Tokens come in, and whoever asks draws a ticket: that token is its, whenever it comes.
#[derive(Clone, Debug)]
struct Bucket {
    per_second: f64,
    burst: f64,
    /// Tokens that have come in so far.
    poured: f64,
    /// Tickets that were drawn so far. Where they are fewer, so many tokens are there at once; where they are more, so
    /// many wait.
    drawn: f64,
    filled: Instant,
    speed: f64,
}

impl Bucket {
    fn new(quota: &Quota, share: f64, now: Instant) -> Self {
        let burst = (quota.burst * share).max(1.0);
        let per_second = quota.per_second * share;
        Bucket { per_second, burst, poured: burst, drawn: 0.0, filled: now, speed: 1.0 }
    }

    fn rate(&self) -> f64 {
        self.per_second * self.speed
    }

    fn pour(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.poured = (self.poured + passed * self.rate()).min(self.drawn + self.burst);
        self.filled = now;
    }

    fn draw(&mut self, now: Instant) -> f64 {
        self.pour(now);
        self.drawn += 1.0;
        self.drawn
    }

    /// How long until the token of this ticket is there, at the speed of now.
    fn wait(&mut self, ticket: f64, now: Instant) -> Duration {
        self.pour(now);
        let missing = ticket - self.poured;
        if missing < ALMOST { Duration::ZERO } else { Duration::from_secs_f64(missing / self.rate()) }
    }

    fn shown(&self, name: &'static str, now: Instant) -> QuotaShown {
        let mut copy = self.clone();
        copy.pour(now);
        let used = 1.0 - (copy.poured - copy.drawn) / copy.burst;
        QuotaShown { name, used, per_second: self.per_second, speed: self.speed }
    }
}

impl Budget {
    /// `share`: the part of each quota that we take, above 0 and at most 1.
    pub(crate) fn new(share: f64, metrics: Arc<Metrics>) -> Self {
        Budget {
            share: share.clamp(0.01, 1.0),
            buckets: Mutex::default(),
            ahead: Mutex::default(),
            denied: Mutex::default(),
            metrics,
        }
    }

    /// Waits now for a call that is sent next: what must be checked right before the call is checked after this.
    pub(crate) async fn admit_ahead(&self, operation: &Operation) {
        self.admit(operation).await;
        let most = operation.quotas.iter().map(|quota| (quota.burst * self.share).max(1.0));
        let mut ahead = self.ahead();
        let calls = ahead.entry(operation.name).or_default();
        calls.push_back(Instant::now());
        // More than may be sent at once are not saved up.
        if calls.len() as f64 > most.fold(f64::INFINITY, f64::min) {
            calls.pop_front();
        }
    }

    /// The call is not sent after all.
    pub(crate) fn give_back(&self, operation: &Operation) {
        self.was_admitted_ahead(operation);
    }

    fn was_admitted_ahead(&self, operation: &Operation) -> bool {
        let mut ahead = self.ahead();
        let Some(calls) = ahead.get_mut(operation.name) else { return false };
        calls.retain(|since| since.elapsed() < AHEAD_LASTS);
        calls.pop_front().is_some()
    }

    fn ahead(&self) -> MutexGuard<'_, BTreeMap<&'static str, VecDeque<Instant>>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the token of this ticket is there. Where the bucket gets faster or slower meanwhile, that counts: who
    /// slept as long as it looked like at first would come together with those whose turn it is by now.
    async fn wait(&self, quota: &'static Quota, ticket: f64) {
        loop {
            let wait = self.bucket(quota, |bucket, now| bucket.wait(ticket, now));
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait.clamp(Duration::from_millis(1), LOOK_AGAIN)).await;
        }
    }

    fn bucket<T>(&self, quota: &'static Quota, then: impl FnOnce(&mut Bucket, Instant) -> T) -> T {
        let now = Instant::now();
        let mut buckets = self.buckets();
        then(buckets.entry(quota.name).or_insert_with(|| Bucket::new(quota, self.share, now)), now)
    }

    fn buckets(&self) -> MutexGuard<'_, BTreeMap<&'static str, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The quota that a call would wait longest for if it were asked for now, and how long.
    pub(crate) fn wait_for(&self, operation: &Operation) -> Option<(&'static str, Duration)> {
        let now = Instant::now();
        let buckets = self.buckets();
        let wait = |quota: &Quota| {
            let mut copy = buckets.get(quota.name)?.clone();
            Some((quota.name, copy.wait(copy.drawn + 1.0, now)))
        };
        operation.quotas.iter().filter_map(wait).max_by_key(|(_, wait)| *wait)
    }

    fn learn(&self, operation: &Operation, throttled: bool) {
        let now = Instant::now();
        let mut buckets = self.buckets();
        for quota in operation.quotas {
            let Some(bucket) = buckets.get_mut(quota.name) else { continue };
            bucket.pour(now); // at the speed that it had
            bucket.speed = if throttled {
                (bucket.speed / 2.0).max(SLOWEST)
            } else {
                (bucket.speed + RECOVERY).min(1.0)
            };
            if throttled {
                bucket.poured = bucket.poured.min(bucket.drawn);
            }
        }
    }
}

impl Budget {
    /// How much of each quota is taken now.
    pub(crate) fn quotas(&self) -> Vec<QuotaShown> {
        let now = Instant::now();
        self.buckets().iter().map(|(name, bucket)| bucket.shown(name, now)).collect()
    }

    /// Resolves when the call may be sent. A narrower quota is asked for when the wider one's token is there: tokens of
    /// several calls that wait for the wider one would all be spent at once.
    pub(crate) fn admit<'a>(
        &'a self,
        operation: &'a Operation,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        let quotas = if self.was_admitted_ahead(operation) { &[] } else { operation.quotas };
        // In the order of asking, not of being polled.
        let first = quotas.first().map(|quota| self.bucket(quota, Bucket::draw));
        Box::pin(async move {
            let mut drawn = first;
            for quota in quotas {
                let ticket = drawn.take().unwrap_or_else(|| self.bucket(quota, Bucket::draw));
                self.wait(quota, ticket).await;
            }
        })
    }

    /// Takes note of how it went.
    pub(crate) fn record(&self, operation: &Operation, result: Result<(), &CallError>) {
        let throttled = result.err().is_some_and(|error| error.disposition == Disposition::Throttle);
        self.learn(operation, throttled);
        self.metrics.aws_call(operation, result.err().map_or("ok", CallError::metric_code), throttled);
        let (service, name) = (operation.service, operation.name);
        match (self.turn(operation, result), result) {
            (Some(true), Err(error)) => {
                tracing::warn!(service, operation = name, message = error.message, "AWS denies a call");
            }
            (Some(false), _) => tracing::info!(service, operation = name, "AWS allows a call again"),
            _ => {}
        }
    }

    /// Whether a call is denied now that was not, or allowed that was denied; `None`: no news.
    fn turn(&self, operation: &Operation, result: Result<(), &CallError>) -> Option<bool> {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(()) => denied.remove(operation.name).then_some(false),
            Err(error) if error.code.as_deref().is_some_and(is_denial) => {
                denied.insert(operation.name).then_some(true)
            }
            Err(_) => None,
        }
    }
}

/// The time that calls need at least under the budget: for `plan`.
pub(crate) fn seconds_at_least(operations: &[&Operation], share: f64) -> f64 {
    let mut drawn: BTreeMap<&str, (Quota, f64)> = BTreeMap::new();
    for quota in operations.iter().flat_map(|operation| operation.quotas) {
        drawn.entry(quota.name).or_insert((*quota, 0.0)).1 += 1.0;
    }
    let seconds = drawn.values().map(|(quota, calls)| {
        let burst = (quota.burst * share).max(1.0);
        ((calls - burst) / (quota.per_second * share)).max(0.0)
    });
    seconds.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Quota = Quota { name: "slow", per_second: 1.0, burst: 4.0 };
    const CALL: Operation = Operation::write("test", "Call", &[SLOW]);

    fn budget() -> Budget {
        Budget::new(0.5, Arc::new(Metrics::new(10)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_of_the_burst_is_free_and_then_the_rate_holds() {
        let budget = budget();
        let start = Instant::now();
        for _ in 0..6 {
            budget.admit(&CALL).await;
        }
        // Two from the burst of half of four, four more at half a call per second.
        assert_eq!(start.elapsed().as_secs(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_denied_call_is_told_of_once_until_it_is_allowed() {
        let budget = budget();
        let mut denied = CallError::nonsense(&CALL, "no");
        assert_eq!(budget.turn(&CALL, Err(&denied)), None, "not a denial");
        denied.code = Some("AccessDeniedException".to_owned());
        assert_eq!(budget.turn(&CALL, Err(&denied)), Some(true));
        assert_eq!(budget.turn(&CALL, Err(&denied)), None);
        assert_eq!(budget.turn(&CALL, Ok(())), Some(false));
        assert_eq!(budget.turn(&CALL, Ok(())), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_waited_for_ahead_is_paid_once() {
        let budget = budget();
        let start = Instant::now();
        for _ in 0..3 {
            budget.admit_ahead(&CALL).await;
            budget.admit(&CALL).await;
        }
        assert_eq!(start.elapsed().as_secs(), 2, "three calls, two of them from the burst");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_waited_for_and_never_sent_is_not_saved_up() {
        let budget = budget();
        for _ in 0..6 {
            drop(budget.admit(&CALL));
            budget.ahead().entry(CALL.name).or_default().push_back(Instant::now());
        }
        tokio::time::advance(AHEAD_LASTS).await;
        let start = Instant::now();
        for _ in 0..6 {
            budget.admit(&CALL).await;
        }
        assert_eq!(start.elapsed().as_secs(), 8, "two from the burst, and four at half a call per second");
        futures::future::join_all((0..6).map(|_| budget.admit_ahead(&CALL))).await;
        let start = Instant::now();
        for _ in 0..6 {
            budget.admit(&CALL).await;
        }
        assert_eq!(start.elapsed().as_secs(), 8, "no more than two at once, whoever waited for them");
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_slows_the_whole_bucket_and_good_answers_bring_it_back() {
        let budget = budget();
        budget.admit(&CALL).await;
        budget.learn(&CALL, true);
        let start = Instant::now();
        budget.admit(&CALL).await;
        assert_eq!(start.elapsed().as_secs(), 4, "one call at a quarter per second");
        for _ in 0..100 {
            budget.learn(&CALL, false);
        }
        let start = Instant::now();
        budget.admit(&CALL).await;
        budget.admit(&CALL).await;
        assert_eq!(
            start.elapsed().as_secs(),
            4,
            "back at half a call per second, and nothing saved up meanwhile"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_as_fast_or_slow_as_the_bucket_by_then() {
        let budget = budget();
        budget.admit(&CALL).await;
        let start = Instant::now();
        (0..5).for_each(|_| budget.learn(&CALL, true));
        let goes = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            (0..100).for_each(|_| budget.learn(&CALL, false));
        };
        let three = futures::future::join_all((0..3).map(|_| budget.admit(&CALL)));
        tokio::join!(goes, three);
        // At a twentieth of half a call per second the first would be there after 40 s and the last after 120.
        assert_eq!(start.elapsed().as_secs(), 10);
        let again = Instant::now();
        for _ in 0..4 {
            drop(budget.admit(&CALL));
        }
        let throttled = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            budget.learn(&CALL, true);
        };
        tokio::join!(throttled, budget.admit(&CALL));
        // Half of what five tokens take came in before, at half a call per second; the rest at a quarter.
        assert_eq!(again.elapsed().as_secs(), 15);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waited_for_a_wider_quota_does_not_spend_a_narrow_one_at_once() {
        const NARROW: Quota = Quota { name: "narrow", per_second: 0.1, burst: 1.0 };
        const BOTH: Operation = Operation::write("test", "Both", &[SLOW, NARROW]);
        let budget = budget();
        (0..2).for_each(|_| drop(budget.admit(&CALL))); // the burst
        (0..5).for_each(|_| budget.learn(&CALL, true));
        let start = Instant::now();
        let goes = async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            (0..100).for_each(|_| budget.learn(&CALL, false));
        };
        let sent = async || {
            budget.admit(&BOTH).await;
            start.elapsed().as_secs()
        };
        let (_, sent) = tokio::join!(goes, futures::future::join_all((0..3).map(|_| sent())));
        // Three at a twentieth of a call per second, as if nothing had waited before.
        assert!(sent.windows(2).all(|two| two[1] >= two[0] + 20), "{sent:?}");
    }

    #[test]
    fn a_plan_knows_how_long_the_quotas_make_it() {
        assert!((seconds_at_least(&[&CALL; 6], 0.5) - 8.0).abs() < 1e-9);
        assert!(seconds_at_least(&[&CALL; 2], 0.5).abs() < 1e-9);
    }
}
