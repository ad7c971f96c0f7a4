//! A store with conditional writes that holds one lease, and what goes wrong with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hatoba_core::{LeaseCondition, LeaseRecord, MARGIN, TTL};
use hatoba_engine::{Board, BoardError};

use tokio::time::Instant;

use crate::history::{self, Deed, Op};
use crate::ice::Ice;

/// On its way in, and on its way out again.
const WAY: Duration = Duration::from_millis(20);

/// A process that can neither read nor write the object goes on without it after a minute, and stops that some time
/// after it is back.
const WITHOUT_LASTS: Duration = Duration::from_secs(180);
/// Who asks and gets no answer for so long may take it for out of reach.
const UNREACHED: Duration = Duration::from_secs(50);

/// The lease that several processes compete for.
#[derive(Clone, Debug)]
pub struct LeaseBoard(Arc<Mutex<Store>>, Instant);

impl Default for LeaseBoard {
    fn default() -> LeaseBoard {
        LeaseBoard(Arc::default(), Instant::now())
    }
}

#[derive(Debug, Default)]
struct Store {
    content: Option<(Vec<u8>, String)>,
    written: u64,
    is_down: bool,
    denies_writes: bool,
    /// What a call takes besides its way.
    takes: Duration,
    answers_lost: usize,
    /// All that was done, in the order in which it took effect.
    history: Vec<Op>,
    /// When it was last out of reach, or somebody deleted it.
    troubled: Option<Duration>,
    /// Since when each process gets no answer, and until when that excuses it: who gets none goes on without it.
    unanswered: BTreeMap<String, (Option<Duration>, Duration)>,
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
        let now = self.1.elapsed();
        let mut store = self.store();
        store.content = None;
        store.troubled = Some(now);
        let process = "somebody".to_owned();
        store.history.push(Op { process, begun: now, ended: Some(now), what: Deed::Deleted });
    }

    /// Nobody reaches it, or everybody does again.
    pub fn is_down(&self, is_down: bool) {
        let now = self.1.elapsed();
        let mut store = self.store();
        if std::mem::replace(&mut store.is_down, is_down) != is_down {
            store.troubled = Some(now);
        }
    }

    /// Permission to write is missing, or there again.
    pub fn denies_writes(&self, denies: bool) {
        let now = self.1.elapsed();
        let mut store = self.store();
        store.troubled = store.troubled.filter(|_| !store.denies_writes).or(Some(now));
        store.denies_writes = denies;
    }

    /// What is wrong with all that was done; nothing: it is the history of one register, and terms only grow.
    pub fn fault(&self) -> Option<String> {
        history::fault(&self.store().history)
    }

    /// A process asks for the object, where that lies elsewhere, and may get no answer.
    pub fn is_asked(&self, process: &str) {
        let now = self.1.elapsed();
        self.store().unanswered.entry(process.to_owned()).or_default().0.get_or_insert(now);
    }

    /// What became of a process's call, `ago` after it was begun, where the object lies elsewhere: this is its history then,
    /// in the order in which calls took effect. Returns its number.
    pub fn note(&self, process: &str, ago: Duration, what: Deed) -> usize {
        let now = self.1.elapsed();
        let mut store = self.store();
        store.history.push(Op {
            process: process.to_owned(),
            begun: now.saturating_sub(ago),
            ended: None,
            what,
        });
        store.history.len() - 1
    }

    /// The process has the answer to what has this number.
    pub fn is_answered(&self, number: usize) {
        let now = self.1.elapsed();
        let mut store = self.store();
        let Store { history, unanswered, .. } = &mut *store;
        let Some(op) = history.get_mut(number) else { return };
        op.ended = Some(now);
        let (unanswered, excused) = unanswered.entry(op.process.clone()).or_default();
        if unanswered.take().is_some_and(|since| now > since + UNREACHED) {
            *excused = now + WITHOUT_LASTS;
        }
    }

    /// Why this process may send no write to AWS now, as the object shows it: another one leads, or its own last renewal
    /// is too old. Who cannot reach the object goes on without it: nothing is said of those times.
    pub fn forbids(&self, process: &str) -> Option<String> {
        let now = self.1.elapsed();
        let store = self.store();
        let troubled = store.is_down || store.denies_writes;
        if troubled || store.troubled.is_some_and(|at| now < at + WITHOUT_LASTS) {
            return None;
        }
        if let Some((unanswered, excused)) = store.unanswered.get(process)
            && (unanswered.is_some_and(|since| now > since + UNREACHED) || now < *excused)
        {
            return None;
        }
        let wrote = |op: &&Op| matches!(op.what, Deed::Wrote(..));
        match store.history.iter().rev().find(wrote) {
            Some(op) if op.process != process => {
                Some(format!("{} has taken over: {:?}", op.process, op.what))
            }
            Some(op) if now >= op.begun + (TTL - MARGIN) => {
                Some(format!("it renewed at {:?}, and it is {now:?}", op.begun))
            }
            Some(_) => None,
            None => Some("nobody leads yet".to_owned()),
        }
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
    pub(crate) fn seen_by(&self, process: &str, frozen: Ice) -> Way {
        Way { board: self.clone(), process: process.to_owned(), frozen }
    }
}

/// One process's way to the board.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    board: LeaseBoard,
    process: String,
    frozen: Ice,
}

impl Way {
    async fn go(&self) {
        let takes = self.board.store().takes;
        tokio::time::sleep(WAY + takes / 2).await;
        self.frozen.thawed().await;
    }
}

impl Way {
    /// Does something with the object, and remembers what came of it; its answer may get lost.
    async fn call<T>(
        &self,
        act: impl FnOnce(&mut Store) -> Result<(Deed, T), BoardError>,
    ) -> Result<T, BoardError> {
        let begun = self.board.1.elapsed();
        self.go().await;
        let (answer, at) = {
            let mut store = self.board.store();
            if store.is_down {
                return Err(BoardError::Refused("nobody is there".to_owned()));
            }
            let (what, answer) = act(&mut store)?;
            let is_write = matches!(what, Deed::Wrote(..));
            store.history.push(Op { process: self.process.clone(), begun, ended: None, what });
            let is_lost = is_write && store.answers_lost > 0;
            if is_lost {
                store.answers_lost -= 1;
                return Err(BoardError::Lost("cut off".to_owned()));
            }
            (answer, store.history.len() - 1)
        };
        self.go().await;
        self.board.store().history[at].ended = Some(self.board.1.elapsed());
        Ok(answer)
    }
}

impl Board for Way {
    async fn read(&self) -> Result<Option<(Vec<u8>, String)>, BoardError> {
        let look = |store: &mut Store| {
            let version = store.content.as_ref().map(|(_, version)| version.clone());
            Ok((Deed::Read(version), store.content.clone()))
        };
        self.call(look).await
    }

    async fn write(&self, content: Vec<u8>, condition: &LeaseCondition) -> Result<String, BoardError> {
        let on = match condition {
            LeaseCondition::Absent => None,
            LeaseCondition::Unchanged(version) => Some(version.clone()),
        };
        let put = |store: &mut Store| {
            if store.denies_writes {
                return Err(BoardError::Denied("s3:PutObject is denied".to_owned()));
            }
            if on.as_ref() != store.content.as_ref().map(|(_, version)| version) {
                return Ok((Deed::Refused(on), Err(BoardError::Conflict)));
            }
            let record =
                serde_json::from_slice(&content).map_err(|error| BoardError::Refused(error.to_string()))?;
            store.written += 1;
            let version = format!("v{}", store.written);
            store.content = Some((content, version.clone()));
            Ok((Deed::Wrote(on, version.clone(), record), Ok(version)))
        };
        self.call(put).await?
    }
}
