//! Leases of the same owner elsewhere in a bucket. Pure.
//!
//! Two sources of one owner take each other's resources for those of documents that are gone. Judged as a candidate
//! judges a lease: by whether its object changes, as seen from here, and by nobody's date.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{LeaseRecord, RENEWAL, TTL};

/// How often one looks.
const EVERY: Duration = Duration::from_secs(60);
/// What is seen for the first time shows so soon whether it is renewed.
const SOON: Duration = RENEWAL.saturating_add(Duration::from_secs(5));
/// What was renewed counts for so long: until the look after the next one, if one fails.
const LASTS: Duration = Duration::from_secs(150);

/// The leases elsewhere, as they were last seen.
#[derive(Clone, Debug)]
pub struct Namesakes {
    owner: String,
    known: BTreeMap<String, Known>,
    has_looked: bool,
}

#[derive(Clone, Debug)]
struct Known {
    version: String,
    /// `None`: it could not be read, or is garbage.
    record: Option<LeaseRecord>,
    /// When it was first seen, or changed last.
    at: Duration,
    is_renewed: bool,
}

/// A lease of the same owner elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namesake<'a> {
    /// The key of its object.
    pub key: &'a str,
    /// What it says.
    pub record: &'a LeaseRecord,
    /// It was seen to be renewed. Until then it may be what a daemon left behind that is no more.
    pub is_live: bool,
}

impl Namesakes {
    /// Nothing has been seen yet.
    pub fn new(owner: &str) -> Namesakes {
        Namesakes { owner: owner.to_owned(), known: BTreeMap::new(), has_looked: false }
    }

    /// Which of these objects (keys, versions) are to be read.
    pub fn unread<'a>(&self, listed: &'a BTreeMap<String, String>) -> Vec<&'a str> {
        let is_known = |key: &str, version: &str| {
            self.known.get(key).is_some_and(|known| known.version == version && known.record.is_some())
        };
        listed.iter().filter(|(key, version)| !is_known(key, version)).map(|(key, _)| key.as_str()).collect()
    }

    /// The objects that there are, and what was read of them.
    pub fn see(
        &mut self,
        listed: BTreeMap<String, String>,
        mut read: BTreeMap<String, LeaseRecord>,
        now: Duration,
    ) {
        let is_first = !std::mem::replace(&mut self.has_looked, true);
        self.known.retain(|key, _| listed.contains_key(key));
        for (key, version) in listed {
            let record = read.remove(&key);
            match self.known.get_mut(&key) {
                Some(known) if known.version == version => known.record = record.or(known.record.take()),
                Some(known) => {
                    let record = record.or(known.record.take());
                    *known = Known { version, record, at: now, is_renewed: true };
                }
                None => {
                    drop(self.known.insert(key, Known { version, record, at: now, is_renewed: !is_first }))
                }
            }
        }
    }

    /// One of the same owner that lasts, or may last; one that was seen to be renewed first.
    pub fn found(&self, now: Duration) -> Option<Namesake<'_>> {
        let mut lasting: Vec<Namesake<'_>> = self
            .known
            .iter()
            .filter_map(|(key, known)| {
                let record = known.record.as_ref()?;
                let lasts = if known.is_renewed { LASTS } else { TTL };
                let counts = record.owner == self.owner && !record.released && now < known.at + lasts;
                counts.then_some(Namesake { key, record, is_live: known.is_renewed })
            })
            .collect();
        lasting.sort_by_key(|found| !found.is_live);
        lasting.into_iter().next()
    }

    /// When to look again after a look.
    pub fn next_look(&self, now: Duration) -> Duration {
        let is_open = self.found(now).is_some_and(|found| !found.is_live);
        now + if is_open { SOON } else { EVERY }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::Holder;

    fn record(owner: &str, renewal: u64, released: bool) -> LeaseRecord {
        let holder = Holder { host: "there".into(), pid: 9, nonce: "n".into() };
        let (since, ttl_seconds) = (Timestamp::UNIX_EPOCH, 30);
        LeaseRecord { owner: owner.into(), holder, term: 1, renewal, since, ttl_seconds, released }
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Whether one is found after these looks at one object (when, its renewal), and whether it is live.
    fn after(looks: &[(u64, Option<LeaseRecord>)], now: u64) -> Option<bool> {
        let mut namesakes = Namesakes::new("shop");
        for (at, record) in looks {
            let listed: BTreeMap<String, String> =
                record.iter().map(|record| ("k".to_owned(), format!("v{}", record.renewal))).collect();
            let read = namesakes
                .unread(&listed)
                .into_iter()
                .filter_map(|key| Some((key.to_owned(), record.clone()?)));
            let read = read.collect();
            namesakes.see(listed, read, s(*at));
        }
        namesakes.found(s(now)).map(|found| found.is_live)
    }

    #[test]
    fn one_of_the_same_owner_that_is_renewed_is_found() {
        let shop = |renewal| Some(record("shop", renewal, false));
        let cases: Vec<(&str, Option<bool>, Option<bool>)> = vec![
            ("nothing is there", None, after(&[(0, None)], 0)),
            ("it may be live", Some(false), after(&[(0, shop(1))], 15)),
            ("it was left behind", None, after(&[(0, shop(1)), (15, shop(1)), (30, shop(1))], 30)),
            ("it is renewed", Some(true), after(&[(0, shop(1)), (15, shop(2))], 15)),
            ("and goes on to be", Some(true), after(&[(0, shop(1)), (15, shop(2)), (75, shop(8))], 135)),
            ("and then is no more", None, after(&[(0, shop(1)), (15, shop(2)), (75, shop(2))], 165)),
            ("it comes later", Some(true), after(&[(0, None), (60, shop(0))], 60)),
            ("it is let go", None, after(&[(0, shop(1)), (60, Some(record("shop", 2, true)))], 60)),
            ("it is deleted", None, after(&[(0, shop(1)), (15, shop(2)), (75, None)], 75)),
            ("another owner's", None, after(&[(0, None), (60, Some(record("else", 2, false)))], 60)),
        ];
        for (story, expected, found) in cases {
            assert_eq!(found, expected, "{story}");
        }
    }

    #[test]
    fn what_was_just_found_is_looked_at_soon_and_what_cannot_be_read_each_time() {
        let mut namesakes = Namesakes::new("shop");
        let listed = BTreeMap::from([("k".to_owned(), "v1".to_owned())]);
        namesakes.see(listed.clone(), BTreeMap::new(), s(0));
        assert_eq!((namesakes.unread(&listed), namesakes.next_look(s(0))), (vec!["k"], s(60)));
        namesakes.see(listed.clone(), BTreeMap::from([("k".to_owned(), record("shop", 1, false))]), s(1));
        assert_eq!((namesakes.unread(&listed), namesakes.next_look(s(1))), (vec![], s(16)));
        assert_eq!(namesakes.next_look(s(30)), s(90), "nobody renewed it");
    }
}
