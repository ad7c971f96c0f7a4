//! A process that stands still, as under SIGSTOP.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether one process stands still. Who waits is woken in the order in which it began to wait, so that equal seeds are
/// equal runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ice(Arc<(AtomicBool, Notify)>);

impl Ice {
    pub(crate) fn set(&self, is_frozen: bool) {
        self.0.0.store(is_frozen, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    /// Resolves when the process goes on.
    pub(crate) async fn thawed(&self) {
        self.is(false).await;
    }

    async fn is(&self, frozen: bool) {
        loop {
            let changed = self.0.1.notified();
            if self.0.0.load(Ordering::SeqCst) == frozen {
                return;
            }
            changed.await;
        }
    }

    /// Carries work on only while the process does not stand still: its timers stand still, too.
    pub(crate) async fn only_while_thawed(self, work: impl Future<Output = ()>) {
        let mut work = pin!(work);
        loop {
            self.thawed().await;
            tokio::select! {
                biased;
                () = self.is(true) => {}
                () = &mut work => return,
            }
        }
    }
}
