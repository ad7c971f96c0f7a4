//! The guards before any delete of a resource whose document is gone, in one place. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::{Cause, Deletion, Digest, Key, Mark};

/// Complete source listings in which the document must have been absent.
pub(crate) const LISTINGS_MIN: u32 = 2;

/// Everything that bears on one delete.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// Our owner name.
    pub owner: &'a str,
    /// Whether somebody gave that name on purpose; a directory without one never deletes.
    pub owner_is_explicit: bool,
    /// Whether the newest look at the source was complete and no file in it is unreadable.
    pub source_is_complete: bool,
    /// The resource's mark as just read.
    pub mark: Option<&'a Mark>,
    /// The deletion policy that holds: the mark's own, or the parent's for kinds whose mark carries none.
    pub deletion: Deletion,
    /// How long the document has been absent.
    pub absent_for: Duration,
    /// In how many complete source listings it has been absent.
    pub listings: u32,
    /// How long it must be absent.
    pub grace: Duration,
    /// Whether the fuse lets this document's resources go.
    pub fuse: &'a Fuse,
    /// What still uses the resource, as seen in AWS now.
    pub users: &'a [String],
    /// Somebody asked in AWS that nothing be written for now.
    pub pause: Option<&'a Cause>,
}

/// Says whether a resource may be deleted.
///
/// # Errors
/// The first guard that holds it back.
pub fn may_delete(evidence: &Evidence<'_>) -> Result<(), Cause> {
    let Some(mark) = evidence.mark else {
        return Err(Cause::new("NotOurs", "it bears no mark of ours"));
    };
    if mark.owner != evidence.owner {
        return Err(Cause::new("OwnedByAnother", format!("it bears the mark of {}", mark.owner)));
    }
    if !evidence.owner_is_explicit {
        return Err(Cause::new("OwnerNotExplicit", "a directory deletes nothing unless --owner is given"));
    }
    if let Some(pause) = evidence.pause {
        return Err(pause.clone());
    }
    if evidence.deletion == Deletion::Retain {
        return Err(Cause::new("Retained", "its deletion policy is Retain"));
    }
    if !evidence.source_is_complete {
        return Err(Cause::new(
            "SourceIncomplete",
            "a file of the source cannot be read; nothing is deleted meanwhile",
        ));
    }
    if let Fuse::Open { hash, documents } = evidence.fuse {
        let message = format!(
            "{documents} documents vanished at once; held as {hash}, nothing is deleted until documents come back"
        );
        return Err(Cause::new("FuseOpen", message));
    }
    if evidence.absent_for < evidence.grace || evidence.listings < LISTINGS_MIN {
        let left = evidence.grace.saturating_sub(evidence.absent_for).as_secs();
        return Err(Cause::new("Grace", format!("its document is gone; {left} s of grace are left")));
    }
    if !evidence.users.is_empty() {
        return Err(Cause::new("InUse", format!("still used by {}", evidence.users.join(", "))));
    }
    Ok(())
}

/// Whether too much vanished at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fuse {
    /// Few vanished.
    Closed,
    /// Too many vanished, or all: nothing goes until somebody acknowledges exactly this set.
    Open {
        /// Names exactly this set.
        hash: Digest,
        /// How many.
        documents: usize,
    },
}

/// Judges the set of vanished documents: at most `limit` at once and never all of them.
pub fn fuse(vanished: &BTreeSet<Key>, documents_left: usize, limit: usize) -> Fuse {
    let all = documents_left == 0 && !vanished.is_empty();
    if all || vanished.len() > limit {
        Fuse::Open { hash: Digest::of(vanished), documents: vanished.len() }
    } else {
        Fuse::Closed
    }
}

#[cfg(test)]
#[path = "tests/prune.rs"]
mod tests;
