//! Who leads, among processes that share one lease object. Pure: no clock, no network.
//!
//! A lease saves work and nothing else: two leaders must break nothing. It is judged by one's own monotonic clock
//! alone; what another's clock says is shown to people and never compared.
//!
//! The invariants, while clocks run at most 5 % fast or slow and a write's attempt takes no longer than it may:
//! another's lease counts as over only when its object has not changed for as long as it is worth, **as seen from
//! here**; and the right to write ends so early that a write begun at the last moment is over before that.
//!
//! Who cannot learn who leads, because the object can be neither read nor written, goes on after a while as if there
//! were no lease ([`Candidate::goes_on_until`]): a lease that nobody can reach must not stop the work.
//!
//! ```
//! use std::time::Duration;
//! use hatoba_core::{Candidate, Found, Holder, LeaseNext, TTL};
//! let me = Holder { host: "a".into(), pid: 1, nonce: "x".into() };
//! let mut candidate = Candidate::new("local", me);
//! assert_eq!(candidate.next(Duration::ZERO, Default::default()), LeaseNext::Look);
//! candidate.see(Found::Nothing, Duration::ZERO);
//! let LeaseNext::Write(write) = candidate.next(Duration::ZERO, Default::default()) else { panic!("it is free") };
//! candidate.sent(&write, Duration::ZERO);
//! candidate.written("v1");
//! assert!(candidate.may_write_until().is_some_and(|until| until < TTL));
//! ```

mod namesakes;
mod outage;
mod record;

use std::time::Duration;

use jiff::Timestamp;
use outage::{Failed, Outage};

pub use namesakes::{Namesake, Namesakes};
pub use outage::WITHOUT_AFTER;
pub use record::{Found, Holder, LeaseCondition, LeaseRecord, LeaseWrite};

/// What a lease is worth after its last renewal.
pub const TTL: Duration = Duration::from_secs(30);
/// How often the leader renews.
pub const RENEWAL: Duration = Duration::from_secs(10);
/// How often a standby looks: with it a planned take-over is over in five seconds.
pub const LOOK: Duration = Duration::from_secs(2);
/// After a look or a write that failed it is tried again so soon: several times before the right to write ends.
pub const AGAIN: Duration = Duration::from_secs(1);
/// How long before the lease is over the right to write ends: the attempt of a write may take ten seconds, clocks
/// may differ by a tenth of the whole (3 s), and one second is for good measure.
pub const MARGIN: Duration = Duration::from_secs(14);

/// What a candidate does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseNext {
    /// Read the object.
    Look,
    /// Write it: take over, or renew.
    Write(LeaseWrite),
    /// Nothing before this time.
    WaitUntil(Duration),
}

/// One process's view of the lease. Times are durations since any fixed moment, by one monotonic clock.
#[derive(Clone, Debug)]
pub struct Candidate {
    owner: String,
    me: Holder,
    shown: Option<Shown>,
    /// The newest look that showed something.
    looked_at: Option<Duration>,
    /// Nothing is known for sure before the next look: an answer was lost, or a condition did not hold.
    must_look: bool,
    not_before: Duration,
    /// Writes whose outcome is not known yet, with their beginnings.
    sent: Vec<(LeaseRecord, Duration)>,
    held: Option<Held>,
    highest_term: u64,
    /// Nothing has settled who leads since it began.
    outage: Option<Outage>,
}

/// The object as it was last seen.
#[derive(Clone, Debug)]
struct Shown {
    found: Found,
    /// When it may be taken: it has not changed for as long as it is worth.
    free_at: Duration,
}

/// Our own lease.
#[derive(Clone, Debug)]
struct Held {
    record: LeaseRecord,
    version: String,
    /// When the write began that renewed it last.
    renewed_at: Duration,
    /// No condition of ours has failed since.
    is_good: bool,
}

impl Candidate {
    /// Somebody who has seen nothing yet.
    pub fn new(owner: &str, me: Holder) -> Self {
        Candidate {
            owner: owner.to_owned(),
            me,
            shown: None,
            looked_at: None,
            must_look: true,
            not_before: Duration::ZERO,
            sent: Vec::new(),
            held: None,
            highest_term: 0,
            outage: None,
        }
    }

    /// Until when this process may begin a write; `None`: it does not lead.
    pub fn may_write_until(&self) -> Option<Duration> {
        let held = self.held.as_ref().filter(|held| held.is_good)?;
        Some(held.renewed_at + (TTL - MARGIN))
    }

    /// The object has been out of reach for so long that this process goes on as if there were no lease, and until
    /// when, unless something is heard before; `None`: it does not.
    pub fn goes_on_until(&self) -> Option<Duration> {
        self.outage.as_ref().and_then(Outage::lets_go_on_until)
    }

    /// Whether something has failed since it was last settled who leads.
    pub fn is_failing(&self) -> bool {
        self.outage.is_some()
    }

    fn fails(&mut self, now: Duration, failed: Failed) {
        let outage = Outage::with(self.outage, now, failed);
        self.not_before = outage.again();
        self.outage = Some(outage);
    }

    /// Who leads as far as was seen, if it is not this process and its lease is not over.
    pub fn leader(&self, now: Duration) -> Option<&LeaseRecord> {
        let shown = self.shown.as_ref()?;
        let record = shown.found.record()?;
        (record.holder != self.me && !record.released && now < shown.free_at).then_some(record)
    }

    /// The object was read; `now`: when the answer was there.
    pub fn see(&mut self, found: Found, now: Duration) {
        let is_unbroken = self.has_looked_lately(now);
        self.looked_at = Some(now);
        self.must_look = false;
        self.highest_term = self.highest_term.max(found.record().map_or(0, |record| record.term));
        match &found {
            Found::Record(record, version) if record.holder == self.me && !record.released => {
                self.recognise(&record.clone(), version);
            }
            // Whoever wrote it, and whoever took it away: it is not ours any more.
            Found::Record(..) | Found::Unreadable(_) => self.held = None,
            Found::Nothing => {}
        }
        let is_same = self.shown.as_ref().is_some_and(|shown| shown.found.version() == found.version());
        if !is_same {
            let free_at = now + self.worth(&found, now);
            self.shown = Some(Shown { found, free_at });
        } else if found == Found::Nothing
            && !is_unbroken
            && let Some(shown) = &mut self.shown
        {
            shown.free_at = now + TTL; // nobody knows what was there while nobody looked
        }
        if self.shown.as_ref().is_some_and(|shown| shown.found == Found::Nothing) {
            self.held = None; // to be had anew, in a term of its own
        }
        let is_held = self.leader(now).is_some();
        self.outage = self.outage.filter(|_| !is_held).and_then(|outage| outage.after_a_look(now));
    }

    /// What is not there has no version: that it was not there all the time takes looking all the time.
    fn has_looked_lately(&self, now: Duration) -> bool {
        self.looked_at.is_some_and(|at| now <= at + LOOK * 3)
    }

    /// How long what was found keeps others out, from now on.
    fn worth(&self, found: &Found, now: Duration) -> Duration {
        match found {
            Found::Record(record, _) if record.released || record.holder == self.me => Duration::ZERO,
            Found::Record(record, _) => record.ttl(),
            Found::Unreadable(_) => TTL,
            // Somebody took it away, and who held it may not know yet. Where none ever was, it is free.
            Found::Nothing => match &self.shown {
                None => Duration::ZERO,
                Some(shown) if shown.found.record().is_some_and(|record| record.released) => Duration::ZERO,
                Some(_) => {
                    let is_mine = |held: &Held| now < held.renewed_at + (TTL - MARGIN);
                    if self.held.as_ref().is_some_and(is_mine) { Duration::ZERO } else { TTL }
                }
            },
        }
    }

    /// The object is ours: by which of our writes?
    fn recognise(&mut self, record: &LeaseRecord, version: &str) {
        let known = self.held.as_ref().filter(|held| held.record == *record).map(|held| held.renewed_at);
        let sent = self.sent.iter().find(|(sent, _)| sent == record).map(|(_, at)| *at);
        if sent.is_some() && sent > known {
            self.outage = None; // it did arrive
        }
        self.held = sent.or(known).map(|renewed_at| Held {
            record: record.clone(),
            version: version.to_owned(),
            renewed_at,
            is_good: true,
        });
        self.sent.retain(|(sent, _)| sent.renewal > record.renewal && sent.term >= record.term);
    }

    /// The object could not be read.
    pub fn unseen(&mut self, now: Duration) {
        self.fails(now, Failed::Look);
    }

    /// What to do now; `date` is for people.
    pub fn next(&self, now: Duration, date: Timestamp) -> LeaseNext {
        if now < self.not_before {
            return LeaseNext::WaitUntil(self.not_before);
        }
        let Some(shown) = self.shown.as_ref().filter(|_| !self.must_look) else { return LeaseNext::Look };
        if let Some(held) = self.held.as_ref().filter(|held| held.is_good) {
            let due = held.renewed_at + RENEWAL;
            return if now < due { LeaseNext::WaitUntil(due) } else { LeaseNext::Write(self.renewal(held)) };
        }
        if shown.found == Found::Nothing && !self.has_looked_lately(now) {
            return LeaseNext::Look;
        }
        if now >= shown.free_at {
            return LeaseNext::Write(self.take_over(&shown.found, date));
        }
        let due = self.looked_at.map_or(now, |at| (at + LOOK).min(shown.free_at));
        if now < due { LeaseNext::WaitUntil(due) } else { LeaseNext::Look }
    }

    fn renewal(&self, held: &Held) -> LeaseWrite {
        let newest = self.sent.iter().map(|(record, _)| record.renewal).max().unwrap_or(0);
        let renewal = held.record.renewal.max(newest) + 1;
        LeaseWrite {
            record: LeaseRecord { renewal, ..held.record.clone() },
            condition: LeaseCondition::Unchanged(held.version.clone()),
        }
    }

    fn take_over(&self, found: &Found, since: Timestamp) -> LeaseWrite {
        let sent = self.sent.iter().map(|(record, _)| record.term).max().unwrap_or(0);
        LeaseWrite {
            record: LeaseRecord {
                owner: self.owner.clone(),
                holder: self.me.clone(),
                term: self.highest_term.max(sent).saturating_add(1),
                renewal: 0,
                since,
                ttl_seconds: TTL.as_secs(),
                released: false,
            },
            condition: match found.version() {
                None => LeaseCondition::Absent,
                Some(version) => LeaseCondition::Unchanged(version.to_owned()),
            },
        }
    }

    /// A write is about to be sent.
    pub fn sent(&mut self, write: &LeaseWrite, now: Duration) {
        self.sent.push((write.record.clone(), now));
        self.must_look = true; // unless the answer says how it went
    }

    /// The newest write was carried out; the object has this version now.
    pub fn written(&mut self, version: &str) {
        let Some((record, renewed_at)) = self.sent.pop() else { return };
        self.sent.clear();
        self.must_look = false;
        self.outage = None;
        self.highest_term = self.highest_term.max(record.term);
        let found = Found::Record(record.clone(), version.to_owned());
        self.shown = Some(Shown { found, free_at: renewed_at });
        self.held = Some(Held { record, version: version.to_owned(), renewed_at, is_good: true });
    }

    /// The newest write's condition did not hold: somebody wrote, or an earlier write of ours arrived late.
    pub fn refused(&mut self, now: Duration) {
        self.sent.pop();
        self.must_look = true;
        self.outage = None; // the object answers
        if let Some(held) = &mut self.held {
            held.is_good = false;
        }
        self.not_before = now + AGAIN;
    }

    /// Nobody knows how the newest write went.
    pub fn lost(&mut self, now: Duration) {
        self.fails(now, Failed::Write);
    }

    /// The newest write was plainly refused, whatever the object holds: permission is missing.
    pub fn denied(&mut self, now: Duration) {
        self.sent.pop();
        self.must_look = true;
        self.fails(now, Failed::DeniedWrite);
    }

    /// The write that lets go of the lease, if it is ours. To be sent when the last write of everything else is over.
    pub fn release(&self) -> Option<LeaseWrite> {
        let held = self.held.as_ref()?;
        let write = self.renewal(held);
        Some(LeaseWrite { record: LeaseRecord { released: true, ..write.record }, ..write })
    }

    /// The lease was let go, or is not to be used any more.
    pub fn resign(&mut self) {
        self.held = None;
        self.must_look = true;
    }
}

#[cfg(test)]
#[path = "tests/lease.rs"]
mod tests;
