//! Wakes whoever waits, in the order in which they began to wait: the same every time, so that a simulation is.
//!
//! `tokio::sync::watch` spreads its waiters by a random number, and then they run in another order each time.
//!
//! The invariant: **no ring is missed**. A listener that was busy when it rang finds out as soon as it waits again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Something that can be rung.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    rung: AtomicU64,
    waiting: Notify,
}

impl Signal {
    /// Wakes all who wait; who does not wait now will not wait the next time.
    pub(crate) fn ring(&self) {
        self.rung.fetch_add(1, Ordering::SeqCst);
        self.waiting.notify_waiters();
    }

    /// A listener that has heard all rings so far.
    pub(crate) fn listen(self: &Arc<Self>) -> Listener {
        Listener { signal: Arc::clone(self), heard: self.rung.load(Ordering::SeqCst) }
    }
}

/// Who wants to be woken.
#[derive(Debug)]
pub(crate) struct Listener {
    signal: Arc<Signal>,
    heard: u64,
}

impl Listener {
    /// What rang so far is known: the next one counts.
    pub(crate) fn catch_up(&mut self) {
        self.heard = self.signal.rung.load(Ordering::SeqCst);
    }

    /// Resolves when it has rung since the last time. May be dropped and called again: nothing is lost.
    pub(crate) async fn rings(&mut self) {
        loop {
            // Before the look: what rings after it, wakes.
            let woken = self.signal.waiting.notified();
            let rung = self.signal.rung.load(Ordering::SeqCst);
            if rung != self.heard {
                self.heard = rung;
                return;
            }
            woken.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn what_rang_while_nobody_waited_is_heard_once() {
        let signal = Arc::new(Signal::default());
        let mut listener = signal.listen();
        signal.ring();
        signal.ring();
        listener.rings().await;
        let waits = tokio::time::timeout(std::time::Duration::ZERO, listener.rings()).await;
        assert!(waits.is_err(), "both were heard");
        signal.ring();
        listener.catch_up();
        assert!(tokio::time::timeout(std::time::Duration::ZERO, listener.rings()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn all_are_woken_in_the_order_in_which_they_began_to_wait() {
        let (signal, order) = (Arc::new(Signal::default()), Arc::new(Mutex::new(Vec::new())));
        for number in 0..40 {
            let (mut listener, order) = (signal.listen(), Arc::clone(&order));
            tokio::spawn(async move {
                listener.rings().await;
                order.lock().unwrap().push(number);
            });
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        signal.ring();
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        assert_eq!(*order.lock().unwrap(), (0..40).collect::<Vec<_>>());
    }
}
