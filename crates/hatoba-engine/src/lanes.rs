//! One at a time for each name, in the order of asking.
//!
//! The invariant: **what nobody waits for or works at is forgotten**: names come and go for as long as the process lives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

type Lane = Arc<tokio::sync::Mutex<()>>;

/// Lanes by name.
#[derive(Debug)]
pub(crate) struct Lanes<N: Ord>(Mutex<BTreeMap<N, Lane>>);

impl<N: Ord> Default for Lanes<N> {
    fn default() -> Self {
        Lanes(Mutex::default())
    }
}

impl<N: Ord + Clone> Lanes<N> {
    /// Waits for one's turn, which lasts until what is returned is dropped.
    pub(crate) async fn enter(&self, name: &N) -> OneAtATime<'_, N> {
        let lane = Arc::clone(self.known().entry(name.clone()).or_default());
        // Made before the wait, so that whoever gives up waiting leaves nothing behind either.
        let mut turn = OneAtATime { lanes: self, name: name.clone(), lane, held: None };
        turn.held = Some(Arc::clone(&turn.lane).lock_owned().await);
        turn
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<N, Lane>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody's turn, or their place among those who wait.
#[derive(Debug)]
pub(crate) struct OneAtATime<'a, N: Ord + Clone> {
    lanes: &'a Lanes<N>,
    name: N,
    lane: Lane,
    held: Option<OwnedMutexGuard<()>>,
}

impl<N: Ord + Clone> Drop for OneAtATime<'_, N> {
    fn drop(&mut self) {
        let mut known = self.lanes.known();
        self.held = None;
        // Whoever else waits or works here has one of their own.
        if Arc::strong_count(&self.lane) == 2 {
            known.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_in_the_order_of_asking_and_others_beside() {
        let (lanes, order) = (Arc::new(Lanes::<String>::default()), Arc::new(Mutex::new(Vec::new())));
        let work = |number: u32, name: &str| {
            let (lanes, order, name) = (Arc::clone(&lanes), Arc::clone(&order), name.to_owned());
            tokio::spawn(async move {
                let _turn = lanes.enter(&name).await;
                order.lock().unwrap().push(number);
                sleep(Duration::from_secs(1)).await;
                order.lock().unwrap().push(number);
            })
        };
        for task in [work(1, "a"), work(2, "a"), work(3, "a"), work(4, "b")] {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [1, 4, 1, 4, 2, 2, 3, 3]);
        assert!(lanes.known().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_waiting_leaves_nothing_behind() {
        let lanes = Lanes::<String>::default();
        let name = "a".to_owned();
        let turn = lanes.enter(&name).await;
        assert!(timeout(Duration::from_secs(1), lanes.enter(&name)).await.is_err());
        assert_eq!(lanes.known().len(), 1);
        let waiting = lanes.enter(&name);
        tokio::pin!(waiting);
        assert!(timeout(Duration::ZERO, &mut waiting).await.is_err());
        drop(turn);
        assert_eq!(lanes.known().len(), 1, "somebody waits still");
        drop(waiting.await);
        assert!(lanes.known().is_empty());
    }
}
