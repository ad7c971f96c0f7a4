//! Where the documents lie: a folder of a model file system, or a prefix of the model S3.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use hatoba_aws_model::Clock;
use hatoba_source::{Content, Files, Listing, SourceError, Stamp};

/// A file system in memory, the same for all processes.
#[derive(Clone)]
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Content>,
    denied: BTreeSet<String>,
    away_until: Duration,
    inodes: u64,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disk")
    }
}

impl Files for Disk {
    fn list(&self) -> Result<Listing, SourceError> {
        let state = self.state();
        if self.clock.now() < state.away_until {
            return Err(SourceError::Missing { root: "/model".into() });
        }
        let files = state.files.iter().map(|(path, content)| (path.clone(), content.stamp.clone()));
        Ok(Listing { files: files.collect(), ..Listing::default() })
    }

    fn read(&self, path: &str) -> io::Result<Content> {
        let state = self.state();
        if state.denied.contains(path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        state.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.clock.now()
    }
}

impl Disk {
    pub(crate) fn new(clock: Clock) -> Disk {
        Disk { state: Arc::default(), clock }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes in place.
    pub(crate) fn write(&self, path: &str, text: &[u8]) {
        let time = SystemTime::UNIX_EPOCH + self.clock.now();
        let mut state = self.state();
        if state.files.get(path).is_some_and(|there| there.bytes == text) {
            return;
        }
        state.inodes += 1;
        let inode = (1, state.files.get(path).map_or(state.inodes, |there| there.stamp.inode.1));
        let stamp = Stamp { size: text.len() as u64, modified: time, changed: time, inode };
        state.files.insert(path.to_owned(), Content { bytes: text.to_vec(), stamp });
    }

    pub(crate) fn remove(&self, path: &str) {
        self.state().files.remove(path);
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.state().files.keys().cloned().collect()
    }

    /// Nobody may read these files.
    pub(crate) fn deny(&self, paths: BTreeSet<String>) {
        self.state().denied = paths;
    }

    pub(crate) fn is_away_until(&self, until: Duration) {
        self.state().away_until = until;
    }
}
