//! What was asked of a lease object and answered, and whether one register with conditional writes could have said so.

use std::time::Duration;

use hatoba_core::LeaseRecord;

/// One call, or one deed of somebody's.
#[derive(Clone, Debug)]
pub struct Op {
    /// Whose.
    pub process: String,
    /// When it was begun.
    pub begun: Duration,
    /// When it was answered; `None`: never, or not so that anybody could tell.
    pub ended: Option<Duration>,
    /// What it was, and what came of it.
    pub what: Deed,
}

/// What was done.
#[derive(Clone, Debug)]
pub enum Deed {
    /// A look, and the version that it showed.
    Read(Option<String>),
    /// A write that was carried out: on which version it depended, and which it made.
    Wrote(Option<String>, String, LeaseRecord),
    /// A write whose condition did not hold.
    Refused(Option<String>),
    /// Somebody deleted the object.
    Deleted,
}

/// The first thing in a history that one register cannot have said, or that no lease may do; `ops` in the order in which
/// they took effect.
///
/// A history is linearizable if every call can be given one moment between its beginning and its answer, in this order.
pub fn fault(ops: &[Op]) -> Option<String> {
    let mut moment = Duration::ZERO;
    let mut there: Option<(String, LeaseRecord)> = None;
    for op in ops {
        moment = moment.max(op.begun);
        if op.ended.is_some_and(|ended| ended < moment) {
            return Some(format!("{op:?} was answered before {moment:?}, when what it shows came true"));
        }
        let version = there.as_ref().map(|(version, _)| version);
        match &op.what {
            Deed::Read(shown) if shown.as_ref() != version => {
                return Some(format!("{op:?} shows what is not there: {version:?}"));
            }
            Deed::Refused(on) if on.as_ref() == version => {
                return Some(format!("{op:?} was refused though its condition held"));
            }
            Deed::Wrote(on, ..) if on.as_ref() != version => {
                return Some(format!("{op:?} was carried out on {version:?}"));
            }
            Deed::Wrote(_, makes, record) => {
                if let Some(wrong) = there.as_ref().and_then(|(_, before)| disorder(before, record)) {
                    return Some(format!("{op:?}: {wrong}"));
                }
                there = Some((makes.clone(), record.clone()));
            }
            Deed::Deleted => there = None,
            Deed::Read(_) | Deed::Refused(_) => {}
        }
    }
    None
}

/// Terms only grow, and each belongs to one process; within one, every write shows.
fn disorder(before: &LeaseRecord, after: &LeaseRecord) -> Option<String> {
    if before.holder != after.holder && after.term <= before.term {
        return Some(format!("it takes over in term {} after term {}", after.term, before.term));
    }
    if after.term < before.term {
        return Some(format!("term {} follows term {}", after.term, before.term));
    }
    let is_same = before.holder == after.holder && after.term == before.term;
    (is_same && after.renewal <= before.renewal)
        .then(|| format!("renewal {} is not told from the one before", after.renewal))
}

#[cfg(test)]
mod tests {
    use hatoba_core::Holder;
    use jiff::Timestamp;

    use super::*;

    fn record(name: &str, term: u64, renewal: u64) -> LeaseRecord {
        let holder = Holder { host: name.to_owned(), pid: 1, nonce: name.to_owned() };
        let since = Timestamp::UNIX_EPOCH;
        LeaseRecord { owner: String::new(), holder, term, renewal, since, ttl_seconds: 30, released: false }
    }

    fn op(begun: u64, ended: u64, what: Deed) -> Op {
        Op {
            process: "a".to_owned(),
            begun: Duration::from_secs(begun),
            ended: Some(Duration::from_secs(ended)),
            what,
        }
    }

    fn wrote(on: Option<&str>, makes: &str, record: LeaseRecord) -> Deed {
        Deed::Wrote(on.map(str::to_owned), makes.to_owned(), record)
    }

    #[test]
    fn what_one_register_can_say_is_taken_and_what_it_cannot_is_told() {
        let first = || op(0, 9, wrote(None, "v1", record("a", 1, 1)));
        let second = |term| op(2, 8, wrote(Some("v1"), "v2", record("b", term, 1)));
        assert_eq!(fault(&[first(), second(2), op(3, 4, Deed::Read(Some("v2".to_owned())))]), None);
        let lost = Op { ended: None, ..first() };
        assert_eq!(fault(&[lost, second(2)]), None);
        assert_eq!(fault(&[first(), op(3, 4, Deed::Deleted), op(5, 6, Deed::Read(None))]), None);

        let told = |ops: &[Op]| fault(ops).unwrap_or_default();
        assert!(told(&[first(), op(1, 2, Deed::Read(None))]).contains("shows what is not there"));
        assert!(told(&[second(2)]).contains("was carried out on None"));
        assert!(
            told(&[first(), op(10, 11, Deed::Refused(Some("v1".to_owned())))]).contains("condition held")
        );
        let early = op(0, 1, Deed::Read(Some("v2".to_owned())));
        assert!(told(&[first(), second(2), early]).contains("was answered before"));
        assert!(told(&[first(), second(1)]).contains("takes over in term 1 after term 1"));
        let again = |term, renewal| op(2, 8, wrote(Some("v1"), "v2", record("a", term, renewal)));
        assert!(told(&[first(), again(1, 1)]).contains("not told from"));
        assert!(told(&[first(), again(0, 2)]).contains("follows term 1"));
    }
}
