//! Documents that are gone while resources bear their marks: since when, and how often that was seen.

use std::time::Duration;

use hatoba_source::Snapshot;
use tokio::time::Instant;

use crate::engine::State;
use crate::queue::Priority;

/// A document that is gone while resources bear its mark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vanished {
    pub(crate) since: Instant,
    /// Complete source listings without it, and when the newest of them began.
    pub(crate) listings: u32,
    pub(crate) confirmed: Option<Instant>,
    /// Whether anything of it would be deleted at last; only then it counts for the fuse.
    pub(crate) goes: bool,
}

impl Vanished {
    /// A complete look, begun then, did not find the document either.
    fn count(&mut self, begun: Instant) {
        self.listings = self.listings.saturating_add(1);
        self.confirmed = self.confirmed.max(Some(begun));
    }

    /// Whether the source was looked at once more when the grace was over.
    pub(crate) fn is_sure(&self, grace: Duration) -> bool {
        let confirmed_for = self.confirmed.map(|begun| begun.saturating_duration_since(self.since));
        self.listings >= 2 && confirmed_for.is_some_and(|confirmed_for| confirmed_for >= grace)
    }

    /// The source could not be read from then until a look that begun then: in that time the document may have been back.
    fn leave_out_the_blind_time(&mut self, blind_since: Instant, begun: Instant) {
        self.since += begun.saturating_duration_since(blind_since.max(self.since));
    }

    /// The time begins anew: what was seen of the source leaves room for doubt.
    pub(crate) fn begin_anew(&mut self, now: Instant) {
        *self = Vanished { since: now, listings: 0, confirmed: None, ..*self };
    }
}

impl State {
    /// Counts one more look at the source, begun then, for all that is absent. Time in which looks failed does not count.
    /// A look that may have missed something begins their time anew, and so does the first complete one after it: in a
    /// file that could not be read a document may have stood to the last. While a file is being written what it said
    /// before stands, and is no look at all.
    pub(crate) fn count_the_absent(&mut self, snapshot: &Snapshot, begun: Instant, grace: Duration) {
        let now = Instant::now();
        let was_complete = self.source.snapshot.as_ref().is_none_or(|before| before.is_complete());
        let is_complete = was_complete && snapshot.is_complete();
        if is_complete && snapshot.is_settling {
            return;
        }
        let blind_since = self.blind_since.take();
        for (key, vanished) in &mut self.vanished {
            if !is_complete {
                vanished.begin_anew(now);
                continue;
            }
            if let Some(blind_since) = blind_since {
                vanished.leave_out_the_blind_time(blind_since, begun);
            }
            let was_sure = vanished.is_sure(grace);
            vanished.count(begun);
            if !was_sure && vanished.is_sure(grace) {
                self.queue.add(key.clone(), Priority::Sweep, now); // this is the look that it waited for
            }
        }
    }
}
