//! The guards before a resource whose document is gone is deleted, or handed over, in one place. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Cause, Deletion, Digest, Key, Mark};

/// Complete source listings in which the document must have been absent.
pub(crate) const LISTINGS_MIN: u32 = 2;

/// How a resource and its document part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// It is deleted.
    Delete,
    /// It stays as it is, and our marks are taken off it.
    Release,
}

/// Everything that bears on one delete.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// Our owner name.
    pub owner: &'a str,
    /// Whether somebody gave that name on purpose; a directory without one never deletes.
    pub owner_is_explicit: bool,
    /// Whether the newest look at the source was complete and no file in it is unreadable.
    pub source_is_complete: bool,
    /// Another source has the same owner, so nobody here knows which documents are gone.
    pub owner_shared: Option<&'a Cause>,
    /// Some place that may hold resources of ours has never been listed, so the fuse may count too few.
    pub unlisted: Option<&'a Cause>,
    /// The resource's mark as just read.
    pub mark: Option<&'a Mark>,
    /// The deletion policy that holds: the mark's own, or the parent's for kinds whose mark carries none.
    pub deletion: Deletion,
    /// How long the document has been absent.
    pub absent_for: Duration,
    /// In how many complete source listings it has been absent.
    pub listings: u32,
    /// How long it had been absent when the newest complete look at the source that did not find it began.
    pub confirmed_for: Duration,
    /// How long it must be absent.
    pub grace: Duration,
    /// Whether the fuse lets this document's resources go.
    pub fuse: &'a Fuse,
    /// What still uses the resource, as seen in AWS now.
    pub users: &'a [String],
    /// Somebody asked in AWS that nothing be written for now.
    pub pause: Option<&'a Cause>,
    /// Why nobody knows whether it is the document's own, or a copy of our marks on somebody else's.
    pub doubt: Option<&'a Cause>,
}

/// Says whether a resource may be let go, and how: the policy in its mark decides.
///
/// # Errors
/// The first guard that holds it back.
pub fn may_part(evidence: &Evidence<'_>) -> Result<Parting, Cause> {
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
    if !evidence.source_is_complete {
        return Err(Cause::new(
            "SourceIncomplete",
            "a file of the source cannot be read; nothing is deleted meanwhile",
        ));
    }
    if let Some(shared) = evidence.owner_shared {
        return Err(shared.clone());
    }
    if let Some(unlisted) = evidence.unlisted {
        return Err(unlisted.clone());
    }
    if let Fuse::Open { hash, documents } = evidence.fuse {
        let message = format!(
            "{documents} documents vanished at once; held as {hash}, nothing is deleted until documents come back, or \
             `hatoba prune --acknowledge {hash}` lets exactly these go"
        );
        return Err(Cause::new("FuseOpen", message));
    }
    if evidence.absent_for < evidence.grace {
        let left = (evidence.grace - evidence.absent_for).as_secs();
        return Err(Cause::new("Grace", format!("its document is gone; {left} s of grace are left")));
    }
    // What began before the grace was over may have missed that the document is back.
    if evidence.confirmed_for < evidence.grace || evidence.listings < LISTINGS_MIN {
        return Err(Cause::new("Grace", "its document is gone; one more look at the source must agree"));
    }
    if let Some(doubt) = evidence.doubt {
        return Err(doubt.clone());
    }
    if !evidence.users.is_empty() {
        return Err(Cause::new("InUse", format!("still used by {}", evidence.users.join(", "))));
    }
    Ok(match evidence.deletion {
        Deletion::Delete => Parting::Delete,
        Deletion::Retain => Parting::Release,
    })
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

/// Somebody's word that exactly these documents' resources may go: what `hatoba prune --acknowledge` leaves behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The hash that the fuse showed.
    pub hash: Digest,
    /// The documents that it stands for.
    pub documents: BTreeSet<Key>,
    /// From then on it counts no more.
    pub expires: Timestamp,
}

/// How long an acknowledgement counts at most.
pub const ACKNOWLEDGED_FOR: Duration = Duration::from_secs(3_600);

impl Acknowledgement {
    /// An acknowledgement of these documents, good for an hour.
    pub fn new(documents: BTreeSet<Key>, now: Timestamp) -> Acknowledgement {
        let expires = now.checked_add(ACKNOWLEDGED_FOR).unwrap_or(Timestamp::MAX);
        Acknowledgement { hash: Digest::of(&documents), documents, expires }
    }

    /// When it was given.
    pub fn given_at(&self) -> Timestamp {
        self.expires.checked_sub(ACKNOWLEDGED_FOR).unwrap_or(Timestamp::MIN)
    }

    /// The documents that it lets go as of `now`: none if it is over, reaches too far, or names another set than its
    /// hash.
    pub fn lets_go(&self, now: Timestamp) -> BTreeSet<Key> {
        let latest = now.checked_add(ACKNOWLEDGED_FOR).unwrap_or(Timestamp::MAX);
        let counts = now < self.expires && self.expires <= latest && self.hash == Digest::of(&self.documents);
        if counts { self.documents.clone() } else { BTreeSet::new() }
    }
}

/// Judges the set of vanished documents: at most `limit` at once, never all of them, and none of those that an earlier
/// process held together, but for sets within what somebody acknowledged.
pub fn fuse(
    vanished: &BTreeSet<Key>,
    documents_left: usize,
    limit: usize,
    held_before: &BTreeSet<Key>,
    acknowledged: &BTreeSet<Key>,
) -> Fuse {
    let all = documents_left == 0 && !vanished.is_empty();
    let is_held = all || vanished.len() > limit || !vanished.is_disjoint(held_before);
    if is_held && !vanished.is_subset(acknowledged) {
        Fuse::Open { hash: Digest::of(vanished), documents: vanished.len() }
    } else {
        Fuse::Closed
    }
}

#[cfg(test)]
#[path = "tests/prune.rs"]
mod tests;
