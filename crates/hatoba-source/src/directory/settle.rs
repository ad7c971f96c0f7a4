//! When the content of a file may be taken.
//!
//! Of a small document cut off at any byte, one in fourteen is a legal document with a shorter list. A folder has no
//! atomic upload, so new content is taken only when there is a reason to think it whole:
//!
//! * two looks, at least [`SETTLE_INTERVAL`] apart, saw the same stamp; or
//! * nobody wrote for [`QUIET`] when it was first seen (a cold start, a slow look); or
//! * it arrived by renaming, which is how careful writers put a finished file in place: the watch said so, or another
//!   file stands at the path and was touched (renamed, linked) after its last byte was written.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Stamp;

/// Two looks this far apart see any writer that does not pause for longer.
pub(super) const SETTLE_INTERVAL: Duration = Duration::from_secs(1);

/// A file nobody wrote to for so long counts as finished at first sight. Longer than the interval, because the
/// modification time may be as coarse as a second or two (NFS, FAT).
const QUIET: Duration = Duration::from_secs(2);

/// The two clocks of a look: one that never jumps, and the one files are stamped with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) instant: Instant,
    pub(super) wall: SystemTime,
}

/// The files that do not yet stand still.
#[derive(Debug, Default)]
pub(super) struct Settling(BTreeMap<String, Candidate>);

#[derive(Debug)]
struct Candidate {
    stamp: Stamp,
    since: Instant,
}

impl Settling {
    /// One look at a file whose stamp is not the accepted one: whether its content may be taken now.
    pub(super) fn look(
        &mut self,
        path: &str,
        stamp: &Stamp,
        accepted: Option<&Stamp>,
        is_renamed: bool,
        now: Now,
    ) -> bool {
        if is_renamed || is_replacement(stamp, accepted) || is_quiet(stamp, now.wall) {
            return true;
        }
        match self.0.get(path) {
            Some(candidate) if candidate.stamp == *stamp => {
                now.instant.saturating_duration_since(candidate.since) >= SETTLE_INTERVAL
            }
            _ => {
                self.begin(path, stamp, now);
                false
            }
        }
    }

    /// The file moves: wait from now on.
    pub(super) fn begin(&mut self, path: &str, stamp: &Stamp, now: Now) {
        self.0.insert(path.to_owned(), Candidate { stamp: stamp.clone(), since: now.instant });
    }

    /// The file stands still.
    pub(super) fn forget(&mut self, path: &str) {
        self.0.remove(path);
    }

    /// Forgets the files that are gone.
    pub(super) fn retain(&mut self, is_listed: impl Fn(&str) -> bool) {
        self.0.retain(|path, _| is_listed(path));
    }

    /// Whether any file is waited for.
    pub(super) fn is_waiting(&self) -> bool {
        !self.0.is_empty()
    }
}

/// Another file at the path is no proof of renaming (`git checkout` unlinks, creates and then writes). But writing
/// sets both times alike, so a status change after the last write tells that the writer was done.
fn is_replacement(stamp: &Stamp, accepted: Option<&Stamp>) -> bool {
    accepted.is_some_and(|accepted| accepted.inode != stamp.inode) && stamp.changed > stamp.modified
}

/// A time in the future (clocks differ) is not quiet.
fn is_quiet(stamp: &Stamp, wall: SystemTime) -> bool {
    wall.duration_since(stamp.modified).is_ok_and(|age| age >= QUIET)
}
