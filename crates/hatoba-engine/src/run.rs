//! The loops around the pass: workers, resync, verification, the source, shutdown.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt as _;
use hatoba_core::{Cause, Fuse, Key, Outcome};
use hatoba_kinds::Work;
use hatoba_source::{STILL_WRITTEN, Snapshot};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{Engine, Verify};
use crate::execute::VERIFY_AFTER;
use crate::inventory::Place;
use crate::memory::{Memory, Phase};
use crate::queue::Priority;
use crate::schedule::{Next, counted};

/// Passes in flight get so long to finish after a stop was asked for; an attempt takes 10 s at most.
const DRAIN: Duration = Duration::from_secs(13);
/// A write is verified after so long even while other documents are on their way: VPC links take minutes.
const VERIFY_AT_LAST: Duration = Duration::from_secs(240);
/// While nothing is due workers sleep; this only bounds the sleep, wake-ups come by signal.
const FAR: Duration = Duration::from_secs(3_600);

/// A loop that ends by a panic takes the process with it: half a daemon is worse than none.
async fn supervised(engine: Arc<Engine>, stop: CancellationToken, task: impl Future<Output = ()>) {
    if AssertUnwindSafe(task).catch_unwind().await.is_err() {
        tracing::error!("a loop of the engine panicked; the process ends, so that it is started anew");
        engine.broken.store(true, Ordering::Relaxed);
        stop.cancel();
    }
}

impl Engine {
    /// Whether a part of the engine broke, so that the process is to be started anew.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Works until `stop`; then finishes what is in flight, within 13 seconds.
    pub fn run(self: Arc<Self>, stop: CancellationToken) -> Work<'static, ()> {
        Box::pin(self.run_until(stop))
    }

    async fn run_until(self: Arc<Self>, stop: CancellationToken) {
        let Some(()) = self.pin_account(&stop).await else { return };
        let tracker = TaskTracker::new();
        for _ in 0..self.options.workers {
            tracker.spawn(Arc::clone(&self).work(stop.clone()));
        }
        tracker.spawn(supervised(Arc::clone(&self), stop.clone(), Arc::clone(&self).resync(stop.clone())));
        tracker.spawn(supervised(Arc::clone(&self), stop.clone(), Arc::clone(&self).verify(stop.clone())));
        tracker.spawn(supervised(
            Arc::clone(&self),
            stop.clone(),
            Arc::clone(&self).follow_chains(stop.clone()),
        ));
        tracker.spawn(supervised(
            Arc::clone(&self),
            stop.clone(),
            Arc::clone(&self).send_probes(stop.clone()),
        ));
        tracker.close();
        stop.cancelled().await;
        self.halt.cancel();
        if tokio::time::timeout(DRAIN, tracker.wait()).await.is_err() {
            tracing::warn!("a pass was still waiting for AWS; it is left alone, the next start looks again");
        }
    }

    /// One worker: takes keys and reconciles them, one at a time.
    async fn work(self: Arc<Self>, stop: CancellationToken) {
        while let Some(key) = self.next_key(&stop).await {
            let begun = Instant::now();
            let next = match AssertUnwindSafe(self.reconcile(&key)).catch_unwind().await {
                Ok(next) => next,
                Err(_panic) => self.note_panic(&key),
            };
            let kind = key.kind.clone();
            self.finish(key, next);
            self.metrics.reconciled(&kind, counted(next), begun.elapsed());
        }
    }

    /// One worker at a time waits for a key, the others for their turn to: else whatever rings wakes all of them, to find
    /// that there is nothing.
    async fn next_key(&self, stop: &CancellationToken) -> Option<Key> {
        let _turn = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            turn = self.turn.lock() => turn,
        };
        let mut woken = self.wake.listen();
        loop {
            woken.catch_up();
            let now = Instant::now();
            let due = {
                let mut state = self.state();
                match state.queue.next(now) {
                    Some(key) if !stop.is_cancelled() => return Some(key),
                    _ => state.queue.next_due().unwrap_or(now + FAR),
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                () = woken.rings() => {}
                () = sleep_until(due) => {}
            }
        }
    }

    /// A pass is over: when is the next?
    fn finish(&self, key: Key, next: Next) {
        let now = Instant::now();
        let mut state = self.state();
        match next {
            Next::Now => state.queue.add(key.clone(), Priority::Repair, now),
            Next::In(delay) | Next::Look(delay) => state.queue.add_at(key.clone(), now + delay),
            Next::Later => {
                let mut dice = state.dice.fork();
                let memory = state.memory.entry(key.clone()).or_default();
                let delay = memory.backoff.next(&mut dice);
                if let Some(failure) = &mut memory.failure {
                    failure.until.get_or_insert(now + delay);
                }
                state.queue.add_at(key.clone(), now + delay);
            }
            Next::Rest => {}
        }
        state.queue.done(&key, now);
        state.last_pass = now;
        if state.sweep_left.remove(&key) && state.sweep_left.is_empty() {
            state.last_full_resync = Some(self.clock.now());
        }
        drop(state);
        self.wake();
    }

    /// A panic stalls its own document and nothing else.
    fn note_panic(&self, key: &Key) -> Next {
        tracing::error!(document = %key, "a pass panicked; this document is tried again later, the others go on");
        if let Some(desired) = self.desired(key) {
            let cause =
                Cause::new("Panicked", "the program has a fault that this document brings out; see the log");
            self.publish(&desired, Outcome::unknown(cause));
        }
        self.memory(key, |memory| memory.phase = Phase::Settled);
        Next::Later
    }

    /// Looks at everything, every so often.
    async fn resync(self: Arc<Self>, stop: CancellationToken) {
        let mut is_first = true;
        loop {
            if self.state().source.snapshot.is_some() {
                self.sweep(is_first).await;
                is_first = false;
            }
            let every = if is_first {
                Duration::from_millis(100)
            } else {
                self.options.resync.max(Duration::from_secs(1))
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.resync_now.notified() => {}
                () = sleep(every) => {}
            }
        }
    }

    async fn sweep(&self, is_first: bool) {
        let now = Instant::now();
        self.aws.begin_sweep();
        self.inventory.forget_names(|object| self.is_ours(object));
        self.ask_again().await;
        {
            let mut state = self.state();
            let checked = Arc::clone(&state.checked);
            for key in checked.desired.keys().chain(checked.held_keys()) {
                // The first pass of all lists anyway.
                if !is_first {
                    state.memory.entry(key.clone()).or_default().not_before = Some(now);
                }
                state.sweep_left.insert(key.clone());
                state.queue.add(key.clone(), Priority::Sweep, now);
            }
        }
        self.wake();
        if self.permit.wrong_account().is_some() {
            return;
        }
        // At the start the first passes have listed, or are about to; one list serves all.
        self.look_for_orphans(Some(now).filter(|_| !is_first)).await;
    }

    /// A scope that was written to is listed once more when it has settled.
    async fn verify(self: Arc<Self>, stop: CancellationToken) {
        let mut woken = self.wake.listen();
        loop {
            woken.catch_up();
            let now = Instant::now();
            let due = self.state().verify.values().map(|verify| verify.due).min().unwrap_or(now + FAR);
            if due <= now {
                self.verify_due(now);
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = woken.rings() => {}
                () = sleep_until(due) => {}
            }
        }
    }

    /// Nothing is verified while anything is on its way: one list of each scope, when all is quiet.
    fn verify_due(&self, now: Instant) {
        let mut state = self.state();
        let on_the_way = |key: &Key| state.memory.get(key).is_none_or(|memory| memory.phase == Phase::Moving);
        if state.checked.desired.keys().any(on_the_way) {
            // One that never settles must not keep all others unverified.
            let later = |verify: &&mut Verify| now < verify.listed_after + VERIFY_AT_LAST;
            let waiting = state.verify.values_mut().filter(later);
            waiting.for_each(|verify| verify.due = verify.due.max(now + VERIFY_AFTER));
        }
        let due: Vec<(Place, Instant)> = state
            .verify
            .extract_if(.., |_, verify| verify.due <= now)
            .map(|(place, verify)| (place, verify.listed_after))
            .collect();
        for (place, listed_after) in due {
            let listed = self.inventory.listed_at(&place).is_some_and(|at| at > listed_after);
            let judged = |memory: &Memory| memory.verified_at.is_some_and(|at| at > listed_after);
            let in_it = |(key, memory): (&Key, &Memory)| {
                (memory.place.as_ref() == Some(&place) && !judged(memory)).then(|| key.clone())
            };
            for key in state.memory.iter().filter_map(in_it).collect::<Vec<_>>() {
                if !listed && let Some(memory) = state.memory.get_mut(&key) {
                    memory.not_before = Some(now);
                }
                state.queue.add(key, Priority::Repair, now);
            }
        }
        drop(state);
        self.wake();
    }

    /// Works until every document is as far as it gets by itself, or the time is over; waiting for another process
    /// that leads is part of it. Returns whether it led, and all are in sync and ready.
    pub fn run_once(self: Arc<Self>, timeout: Duration, stop: CancellationToken) -> Work<'static, bool> {
        Box::pin(self.run_until_converged(timeout, stop))
    }

    async fn run_until_converged(self: Arc<Self>, timeout: Duration, stop: CancellationToken) -> bool {
        let running = tokio::spawn(Arc::clone(&self).run(stop.clone()));
        let mut woken = self.wake.listen();
        let finished = async {
            while !self.is_finished() {
                let _ = tokio::time::timeout(Duration::from_secs(1), woken.rings()).await;
            }
        };
        let in_time = tokio::select! {
            biased;
            () = stop.cancelled() => true,
            () = finished => true,
            () = sleep(timeout) => {
                tracing::error!("the time is over");
                false
            }
        };
        let led = self.permit.leads();
        self.ask_and_judge().await;
        stop.cancel();
        let _ = running.await;
        in_time && led && self.all_ready() && matches!(self.fuse(), Fuse::Closed)
    }

    /// Whether nothing is on its way any more.
    fn is_finished(&self) -> bool {
        let state = self.state();
        let rests = |memory: &Memory| memory.phase != Phase::Moving && !memory.is_outdated();
        let rests = |key: &Key| state.memory.get(key).is_some_and(rests);
        let settled =
            |snapshot: &Snapshot| snapshot.unreadable.iter().all(|file| file.reason != STILL_WRITTEN);
        state.account.is_some()
            && self.permit.leads()
            && state.source.snapshot.as_deref().is_some_and(settled)
            && state.queue.is_idle()
            && state.checked.desired.keys().all(rests)
    }
}
