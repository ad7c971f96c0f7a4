//! Who stayed: since when the source asks for each document, and since when no more, as far as this process saw.
//!
//! The fuse opens where nothing stayed of what there was. So what joined as the others went, or shortly before, must not
//! count: a source whose contents were swapped, file by file or at once, has lost all of them.
//!
//! Whether a document is there, and when it went, is noted with every look at the source, also with one that leaves
//! doubt: its resource may be found to be nobody's much later.

use std::collections::BTreeMap;
use std::time::Duration;

use hatoba_core::Key;
use tokio::time::Instant;

use crate::world::Checked;

/// Of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stay {
    /// `None`: it was there before this process looked.
    since: Option<Instant>,
    /// `None`: it is there.
    missed: Option<Instant>,
    /// When anybody found out: what is made later was not there before it went.
    gone_by: Option<Instant>,
}

impl Stay {
    fn was_here(&self) -> bool {
        self.missed.is_none() || self.since < self.missed
    }
}

/// Every document that is there, and what bears a mark of one that is not.
#[derive(Debug)]
pub(crate) struct Roll {
    began: Instant,
    /// Whether a look at the source has left no doubt yet: what is there until then was there before.
    is_begun: bool,
    /// Whether all that bears a mark was known at any time.
    was_counted: bool,
    /// What is newly missed went no earlier.
    changed_at: Instant,
    /// Whether the newest look left a doubt: what is missed since may be found out only later.
    is_in_doubt: bool,
    stays: BTreeMap<Key, Stay>,
}

impl Roll {
    pub(crate) fn new(now: Instant) -> Roll {
        Roll {
            began: now,
            is_begun: false,
            was_counted: false,
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
        for (_, stay) in self.stays.iter_mut().filter(|(key, _)| !checked.exists(key)) {
            stay.missed.get_or_insert(now);
        }
        let was_there = !self.is_begun && self.stays.values().all(|stay| stay.missed.is_none());
        let since = (!was_there).then_some(now);
        for key in checked.desired.keys().chain(checked.held_keys()) {
            let stay = self.stays.entry(key.clone()).or_insert(Stay { since, missed: None, gone_by: None });
            if !stay.was_here() {
                stay.since = Some(now); // its resource was there before it
            }
            (stay.missed, stay.gone_by) = (None, None);
        }
        self.is_begun |= is_sure;
    }

    /// Notes that something bears the mark of a document that is not there. What is seen so first while this process looks
    /// on was never here: another one made it, and the source that asks for it is not read yet, or never. What has no name
    /// of its own went with the newest change of the source.
    pub(crate) fn note_missing(&mut self, key: &Key, is_nameless: bool, now: Instant) {
        let (since, missed, gone_by) = match (self.was_counted, is_nameless) {
            (false, _) => (None, self.began, self.began),
            (true, false) => (Some(now), now, self.began),
            (true, true) => (None, self.changed_at, now),
        };
        let new = Stay { since, missed: Some(missed), gone_by: Some(gone_by) };
        self.stays.entry(key.clone()).or_insert(new).gone_by.get_or_insert(now);
    }

    /// Notes whether all that bears a mark is known by now. Then of what is not there only that is kept.
    pub(crate) fn note_counted(&mut self, is_counted: bool, is_borne: impl Fn(&Key) -> bool) {
        self.was_counted |= is_counted;
        if is_counted {
            self.stays.retain(|key, stay| stay.missed.is_none() || is_borne(key));
        }
    }

    /// Since when a document is gone. What was never here may have been gone before this process began.
    pub(crate) fn missed(&self, key: &Key) -> Option<Instant> {
        let stay = self.stays.get(key)?;
        stay.missed.map(|missed| if stay.was_here() { missed } else { self.began })
    }

    /// What is made later than this was not there before the document went.
    pub(crate) fn gone_by(&self, key: &Key) -> Option<Instant> {
        self.stays.get(key)?.gone_by
    }

    /// Whether a document is there, and had been for that long when the first of the others was gone.
    pub(crate) fn stayed(&self, key: &Key, gone: Instant, long: Duration) -> bool {
        let stay = self.stays.get(key).filter(|stay| stay.missed.is_none());
        stay.is_some_and(|stay| stay.since.is_none_or(|since| since + long <= gone))
    }
}

#[cfg(test)]
mod tests;
