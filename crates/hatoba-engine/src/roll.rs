//! Who stayed: since when the source asks for each document, and since when no more, as far as this process saw.
//!
//! The fuse opens where nothing stayed of what there was. So what joined as the others went, or shortly before, must not
//! count, unless it is as old as they were: a source whose contents were swapped, file by file or at once, has lost all
//! of them.
//!
//! Whether a document is there, and when it went, is noted with every look at the source, also with one that leaves
//! doubt: its resource may be found to be nobody's much later.

use std::collections::BTreeMap;
use std::time::Duration;

use hatoba_core::Key;
use tokio::time::Instant;

use crate::world::Checked;

/// Since when a document is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Since {
    /// Before this process began.
    Before,
    /// No look before that left no doubt: it was there before too, unless this process made its resource.
    Perhaps(Instant),
    /// It joined then.
    Joined(Instant),
}

/// Of one document.
#[derive(Clone, Copy, Debug)]
struct Stay {
    since: Since,
    /// `None`: it is there.
    missed: Option<Instant>,
    /// When anybody found out that it is gone: what is made later was not there before.
    gone_by: Option<Instant>,
    /// The fuse let it go, and something else holds it: who joins later stays all the same.
    has_passed: bool,
}

/// Every document that is there, and those that are not while anything bears their mark.
#[derive(Debug)]
pub(crate) struct Roll {
    began: Instant,
    has_looked: bool,
    /// Whether a look at the source has left no doubt yet.
    was_sure: bool,
    /// Whether all that bears a mark was known at any time.
    was_counted: bool,
    /// Whether it was so since the newest change of the source that left no doubt.
    is_counted: bool,
    /// What is newly missed went no earlier.
    changed_at: Instant,
    /// Whether the newest look left a doubt: what is missed since may be found out only later.
    is_in_doubt: bool,
    stays: BTreeMap<Key, Stay>,
}

/// Those that the fuse waits for, together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    /// Since when the oldest of them was there.
    since: Since,
    /// When the first of them was missed.
    missed: Instant,
    /// What is made later than this was not there before the first of them went.
    gone_by: Instant,
}

impl Stay {
    fn was_here(&self) -> bool {
        self.missed.is_none_or(|missed| self.since != Since::Joined(missed))
    }
}

impl Roll {
    pub(crate) fn new(now: Instant) -> Roll {
        Roll {
            began: now,
            has_looked: false,
            was_sure: false,
            was_counted: false,
            is_counted: false,
            changed_at: now,
            is_in_doubt: false,
            stays: BTreeMap::new(),
        }
    }

    /// Takes a look at the source over. One `is_sure` that is complete, and where nothing is being written or held that
    /// other documents are made of.
    pub(crate) fn call(&mut self, checked: &Checked, is_sure: bool, now: Instant) {
        if !self.is_in_doubt {
            self.changed_at = now;
        }
        self.is_in_doubt = !is_sure;
        self.is_counted = false;
        for (_, stay) in self.stays.iter_mut().filter(|(key, _)| !checked.exists(key)) {
            stay.missed.get_or_insert(now);
        }
        let may_have_been = !self.was_sure && self.stays.values().all(|stay| stay.missed.is_none());
        let since = match (self.has_looked, may_have_been) {
            (false, _) => Since::Before,
            (true, true) => Since::Perhaps(now),
            (true, false) => Since::Joined(now),
        };
        for key in checked.desired.keys().chain(checked.held_keys()) {
            let new = Stay { since, missed: None, gone_by: None, has_passed: false };
            let stay = self.stays.entry(key.clone()).or_insert(new);
            // One whose resource was there before it joins now.
            let since = if stay.was_here() { stay.since } else { Since::Joined(now) };
            *stay = Stay { since, ..new };
        }
        self.has_looked = true;
        self.was_sure |= is_sure;
    }

    /// Notes that something bears the mark of a document that is not there; whether that was there when this process first
    /// looked. What comes while this process looks on was never here: another one made it, and the source that asks for it
    /// is not read yet, or never. What has no name of its own went with the newest change of the source, if nobody has
    /// counted since.
    pub(crate) fn note_missing(&mut self, key: &Key, is_nameless: bool, was_there: bool, now: Instant) {
        let (since, missed, gone_by) = match (self.was_counted, is_nameless) {
            (true, true) => (Since::Before, if self.is_counted { now } else { self.changed_at }, now),
            (false, _) if was_there => (Since::Before, self.began, self.began),
            _ => (Since::Joined(now), now, self.began),
        };
        let new = Stay { since, missed: Some(missed), gone_by: Some(gone_by), has_passed: false };
        self.stays.entry(key.clone()).or_insert(new).gone_by.get_or_insert(now);
    }

    /// Notes whether all that bears a mark is known by now. Then of what is not there only that is kept.
    pub(crate) fn note_counted(&mut self, is_counted: bool, is_borne: impl Fn(&Key) -> bool) {
        if is_counted {
            (self.was_counted, self.is_counted) = (true, true);
            self.stays.retain(|key, stay| stay.missed.is_none() || is_borne(key));
        }
    }

    /// The fuse is closed, and something else holds what the document asked for.
    pub(crate) fn let_pass(&mut self, key: &Key) {
        if let Some(stay) = self.stays.get_mut(key) {
            stay.has_passed = true;
        }
    }

    /// Those of these that the fuse waits for; `None`: it has let all of them pass.
    pub(crate) fn gone<'a>(&self, waiting: impl IntoIterator<Item = &'a Key>) -> Option<Gone> {
        let stays = waiting.into_iter().filter_map(|key| self.stays.get(key));
        let gone = stays.filter(|stay| !stay.has_passed).filter_map(|stay| {
            // What was never here may have been gone before this process began.
            let missed = if stay.was_here() { stay.missed? } else { self.began };
            Some(Gone { since: stay.since, missed, gone_by: stay.gone_by? })
        });
        gone.reduce(|one, other| Gone {
            since: one.since.min(other.since),
            missed: one.missed.min(other.missed),
            gone_by: one.gone_by.min(other.gone_by),
        })
    }

    /// Whether a document is there, was there for `long` when the first of those was gone, or as long as any of them, and
    /// had its resource then; `made_at`: when this process made that.
    pub(crate) fn stayed(&self, key: &Key, gone: &Gone, made_at: Option<Instant>, long: Duration) -> bool {
        let Some(stay) = self.stays.get(key).filter(|stay| stay.missed.is_none()) else { return false };
        let joined = match stay.since {
            Since::Before => None,
            Since::Perhaps(at) => made_at.map(|_| at),
            Since::Joined(at) => Some(at),
        };
        let was_there = joined.is_none_or(|at| {
            at < gone.missed && (at + long <= gone.missed || Since::Joined(at) <= gone.since)
        });
        was_there && made_at.is_none_or(|made_at| made_at < gone.gone_by)
    }
}

#[cfg(test)]
mod tests;
