//! A store with conditional writes that holds one lease, and what goes wrong with it.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hatoba_core::{LeaseCondition, LeaseRecord};
use hatoba_engine::{Board, BoardError};
use tokio::sync::watch;

/// On its way in, and on its way out again.
const WAY: Duration = Duration::from_millis(20);

/// The lease that several processes compete for.
#[derive(Clone, Debug, Default)]
pub struct LeaseBoard(Arc<Mutex<Store>>);

#[derive(Debug, Default)]
struct Store {
    content: Option<(Vec<u8>, String)>,
    written: u64,
    is_down: bool,
    denies_writes: bool,
    /// What a call takes besides its way.
    takes: Duration,
    answers_lost: usize,
}

impl LeaseBoard {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the object says.
    pub fn record(&self) -> Option<LeaseRecord> {
        self.store().content.as_ref().and_then(|(content, _)| serde_json::from_slice(content).ok())
    }

    /// Somebody deletes the object.
    pub fn delete(&self) {
        self.store().content = None;
    }

    /// Nobody reaches it, or everybody does again.
    pub fn is_down(&self, is_down: bool) {
        self.store().is_down = is_down;
    }

    /// Permission to write is missing, or there again.
    pub fn denies_writes(&self, denies: bool) {
        self.store().denies_writes = denies;
    }

    /// Every call takes so long.
    pub fn takes(&self, time: Duration) {
        self.store().takes = time;
    }

    /// The next writes are carried out, and their answers lost.
    pub fn lose_answers(&self, times: usize) {
        self.store().answers_lost = times;
    }

    /// One process's way to it.
    pub(crate) fn seen_by(&self, frozen: watch::Receiver<bool>) -> Way {
        Way { board: self.clone(), frozen }
    }
}

/// One process's way to the board.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    board: LeaseBoard,
    frozen: watch::Receiver<bool>,
}

impl Way {
    async fn go(&self) {
        let takes = self.board.store().takes;
        tokio::time::sleep(WAY + takes / 2).await;
        thawed(&self.frozen).await;
    }
}

/// Resolves when the process is not frozen.
pub(crate) async fn thawed(frozen: &watch::Receiver<bool>) {
    let _ = frozen.clone().wait_for(|frozen| !frozen).await;
}

/// Carries work on only while the process is not frozen: its timers stand still, too, as under SIGSTOP.
pub(crate) async fn only_while_thawed(frozen: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    let mut work = pin!(work);
    loop {
        thawed(&frozen).await;
        let mut freezes = frozen.clone();
        tokio::select! {
            biased;
            Ok(_) = freezes.wait_for(|frozen| *frozen) => {}
            () = &mut work => return,
        }
    }
}

impl Board for Way {
    async fn read(&self) -> Result<Option<(Vec<u8>, String)>, BoardError> {
        self.go().await;
        let (content, is_down) = {
            let store = self.board.store();
            (store.content.clone(), store.is_down)
        };
        if is_down {
            return Err(BoardError::Refused("nobody is there".to_owned()));
        }
        self.go().await;
        Ok(content)
    }

    async fn write(&self, content: Vec<u8>, condition: &LeaseCondition) -> Result<String, BoardError> {
        self.go().await;
        let written = {
            let mut store = self.board.store();
            let holds = match (condition, &store.content) {
                (LeaseCondition::Absent, there) => there.is_none(),
                (LeaseCondition::Unchanged(version), Some((_, now))) => version == now,
                (LeaseCondition::Unchanged(_), None) => false,
            };
            match (store.is_down, holds) {
                (false, _) if store.denies_writes => {
                    return Err(BoardError::Denied("s3:PutObject is denied".to_owned()));
                }
                (true, _) => return Err(BoardError::Refused("nobody is there".to_owned())),
                (false, false) => Err(BoardError::Conflict),
                (false, true) => {
                    store.written += 1;
                    let version = format!("v{}", store.written);
                    store.content = Some((content, version.clone()));
                    let is_lost = store.answers_lost > 0;
                    store.answers_lost = store.answers_lost.saturating_sub(1);
                    if is_lost { Err(BoardError::Lost("cut off".to_owned())) } else { Ok(version) }
                }
            }
        };
        self.go().await;
        written
    }
}
