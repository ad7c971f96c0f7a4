//! What the lease object says, and how it is written.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RENEWAL;

/// Whatever a record says, its lease is worth no more: a garbled one must not keep everybody out for ever.
const TTL_LONGEST: Duration = Duration::from_secs(300);

/// One process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// The machine's name, for people.
    pub host: String,
    /// The process id, for people.
    pub pid: u32,
    /// Tells two processes apart of which both have the same name and process id, as containers do.
    pub nonce: String,
}

/// What the lease object holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaseRecord {
    /// Whose resources the holder looks after.
    pub owner: String,
    /// The process that leads.
    pub holder: Holder,
    /// One more with every take-over.
    pub term: u64,
    /// One more with every write of a term: an object store's version of equal contents may be equal, and a renewal
    /// that cannot be seen is none.
    pub renewal: u64,
    /// When the term began, by the holder's clock; for people.
    pub since: Timestamp,
    /// What the lease is worth after every change.
    pub ttl_seconds: u64,
    /// The holder has left, and its last write is over.
    pub released: bool,
}

/// What a look at the lease object showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is none.
    Nothing,
    /// A record, and the object's version.
    Record(LeaseRecord, String),
    /// Something that is no record, and the object's version.
    Unreadable(String),
}

/// On what a write depends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseCondition {
    /// There is no such object.
    Absent,
    /// It still has this version.
    Unchanged(String),
}

/// A conditional write of the lease object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseWrite {
    /// The new content.
    pub record: LeaseRecord,
    /// On what it depends.
    pub condition: LeaseCondition,
}

impl Found {
    pub(super) fn version(&self) -> Option<&str> {
        match self {
            Found::Nothing => None,
            Found::Record(_, version) | Found::Unreadable(version) => Some(version),
        }
    }

    pub(super) fn record(&self) -> Option<&LeaseRecord> {
        match self {
            Found::Record(record, _) => Some(record),
            Found::Nothing | Found::Unreadable(_) => None,
        }
    }
}

impl LeaseRecord {
    pub(super) fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl_seconds).clamp(RENEWAL, TTL_LONGEST)
    }
}
