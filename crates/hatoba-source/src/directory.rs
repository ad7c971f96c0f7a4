//! A folder of documents.
//!
//! * Every `*.yaml`, `*.yml` and `*.json` below the root counts, but for names that begin with `.`; links are followed
//!   only within the root ([`files`]).
//! * New content of a file is taken once it stands still ([`settle`]); until then, and while it is broken, what the
//!   file said last stays.
//! * The watch only says *when* to look; what is there is found by looking ([`watch`]).

mod files;
mod settle;
#[cfg(test)]
mod tests;
mod walk;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use files::OsFiles;
pub use files::{Content, FILES_MAX, FOLDER_DEPTH_MAX, Files, Listing, Stamp, TOTAL_BYTES_MAX};
use settle::{Now, SETTLE_INTERVAL, Settling};
pub(crate) use walk::is_document_name;
use watch::Watch;

use crate::known::{KnownFiles, Problem};
use crate::snapshot::FileLook;
use crate::{Snapshot, SourceError, Variables};

/// How long events are collected before a look: an editor's save, a `git pull` and a `kubectl apply` are bursts.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// One look at a folder, taking every file as it is: for commands that run once.
///
/// # Errors
/// [`SourceError`] when the folder cannot be listed as a whole.
pub fn read_directory(root: &Path, vars: &Variables) -> Result<Snapshot, SourceError> {
    let mut directory = Directory::with_files(Box::new(OsFiles::new(root)), vars.clone());
    directory.settling = None;
    directory.look(None, &BTreeSet::new())
}

/// The [`Unreadable`](crate::Unreadable) reason of a file that has not settled: the next looks will tell.
pub const STILL_WRITTEN: &str = "still being written";

/// A folder that is looked at again and again.
pub struct Directory {
    files: Box<dyn Files>,
    vars: Variables,
    known: KnownFiles<Stamp>,
    /// None: every file is taken as it is.
    settling: Option<Settling>,
    watch: Option<Watch>,
    /// Some files did not stand still at the last look.
    recheck_at: Option<Instant>,
    /// The watch has reported something; collecting until then.
    collect_until: Option<Instant>,
}

impl Directory {
    /// Opens a folder and begins to watch it. Where watching fails (no inotify instances left, a network file
    /// system), a warning is logged and the caller's own slow timer has to do.
    ///
    /// # Errors
    /// [`SourceError`] when the folder is not there.
    pub fn open(root: &Path, vars: Variables) -> Result<Directory, SourceError> {
        files::resolve_root(root)?;
        let mut directory = Directory::with_files(Box::new(OsFiles::new(root)), vars);
        directory.watch = Some(Watch::new(root));
        Ok(directory)
    }

    /// A folder behind another file system, without a watch: for simulations.
    pub fn with_files(files: Box<dyn Files>, vars: Variables) -> Directory {
        Directory {
            files,
            vars,
            known: KnownFiles::default(),
            settling: Some(Settling::default()),
            watch: None,
            recheck_at: None,
            collect_until: None,
        }
    }

    /// One look. Unchanged files are neither read nor parsed again.
    ///
    /// # Errors
    /// [`SourceError`] when the folder cannot be listed as a whole; what was known before stays known.
    pub async fn poll(&mut self) -> Result<Snapshot, SourceError> {
        self.collect_until = None;
        self.recheck_at = None;
        // Arrivals are taken before the look: what arrives during it is news for the next one.
        let renamed = self.watch.as_mut().map(Watch::take_arrivals).unwrap_or_default();
        let now = Now { instant: Instant::now(), wall: self.files.now() };
        let snapshot = self.look(Some(now), &renamed);
        if self.settling.as_ref().is_some_and(Settling::is_waiting) {
            self.recheck_at = Some(now.instant + SETTLE_INTERVAL);
        }
        snapshot
    }

    /// Resolves when another look may show something new: shortly after the watch reported a change, or a settle
    /// interval after a look that found files still moving. Cancel-safe: what was reported stays reported until the
    /// next [`poll`](Directory::poll). Without a change it never resolves.
    pub async fn changed(&mut self) {
        loop {
            let due = [self.collect_until, self.recheck_at].into_iter().flatten().min();
            let is_collecting = self.collect_until.is_some();
            tokio::select! {
                biased;
                () = wait_until(due) => break,
                () = wait_for_event(self.watch.as_ref()), if !is_collecting => {
                    self.collect_until = Some(Instant::now() + DEBOUNCE);
                }
            }
        }
    }

    /// The look itself. A file that vanishes between listing and reading means that the listing is old: list again.
    fn look(&mut self, now: Option<Now>, renamed: &BTreeSet<String>) -> Result<Snapshot, SourceError> {
        let first = self.files.list()?;
        let (listing, looks) = match self.look_at(&first, now, renamed) {
            (looks, false) => (first, looks),
            (_, true) => {
                let second = self.files.list()?;
                let (looks, _) = self.look_at(&second, now, renamed);
                (second, looks)
            }
        };
        let is_settling = self.settling.as_ref().is_some_and(Settling::is_waiting);
        Ok(Snapshot { is_settling, ..Snapshot::gather(looks, listing.findings) })
    }

    /// Looks at every listed file; true if one of them was gone.
    fn look_at(
        &mut self,
        listing: &Listing,
        now: Option<Now>,
        renamed: &BTreeSet<String>,
    ) -> (BTreeMap<String, FileLook>, bool) {
        let is_listed =
            |path: &str| listing.files.contains_key(path) || listing.unreadable.contains_key(path);
        self.known.retain(is_listed);
        if let Some(settling) = &mut self.settling {
            settling.retain(is_listed);
        }
        let mut looks = BTreeMap::new();
        let mut any_gone = false;
        for (path, stamp) in &listing.files {
            let problem = match self.refresh(path, stamp, now, renamed.contains(path)) {
                Ok(()) => None,
                Err(problem) => {
                    any_gone |= problem.is_gone;
                    Some(problem)
                }
            };
            looks.insert(path.clone(), self.known.report(path, problem));
        }
        for (path, reason) in &listing.unreadable {
            looks.insert(path.clone(), self.known.report(path, Some(Problem::lasting(reason.clone()))));
        }
        (looks, any_gone)
    }

    /// Reads and parses a file if it changed and stands still.
    fn refresh(
        &mut self,
        path: &str,
        stamp: &Stamp,
        now: Option<Now>,
        is_renamed: bool,
    ) -> Result<(), Problem> {
        let accepted = self.known.stamp(path);
        if accepted == Some(stamp) {
            if let Some(settling) = &mut self.settling {
                settling.forget(path);
            }
            return Ok(());
        }
        if let (Some(settling), Some(now)) = (&mut self.settling, now) {
            if !settling.look(path, stamp, accepted, is_renamed, now) {
                return still_moving(accepted.is_some());
            }
            // From here on the file is a matter of reading, not of waiting.
            settling.forget(path);
        }
        let content = self.files.read(path).map_err(|error| unread(&error))?;
        if let (Some(settling), Some(now)) = (&mut self.settling, now)
            && content.stamp != *stamp
        {
            // It moved between the look and the reading.
            settling.begin(path, &content.stamp, now);
            return still_moving(self.known.stamp(path).is_some());
        }
        self.known.accept(path, &content.bytes, content.stamp, &self.vars);
        Ok(())
    }
}

fn unread(error: &io::Error) -> Problem {
    let is_gone = error.kind() == io::ErrorKind::NotFound;
    Problem { reason: format!("it cannot be read: {error}"), passes: false, is_gone }
}

/// While a file moves, what it said before stands; if nothing is known, nobody knows what it will say.
fn still_moving(is_known: bool) -> Result<(), Problem> {
    if is_known {
        return Ok(());
    }
    Err(Problem { reason: STILL_WRITTEN.to_owned(), passes: true, is_gone: false })
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

async fn wait_for_event(watch: Option<&Watch>) {
    match watch {
        Some(watch) => watch.event().await,
        None => std::future::pending().await,
    }
}
