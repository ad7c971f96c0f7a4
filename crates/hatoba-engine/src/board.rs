//! The lease object of a source in S3, beside its status documents.

use std::collections::BTreeMap;

use hatoba_core::{LeaseCondition, LeaseRecord};
use hatoba_source::{Bucket, Condition, Location, StoreError};

use crate::lease::{Board, BoardError};

/// Far above any record; what is longer is not ours.
const OBJECT_BYTES_MAX: u64 = 64 * 1024;
/// The leases of other sources lie among their status documents.
const OTHERS_MAX: usize = 50_000;
const NAME: &str = "lease.json";

/// The lease object `lease.json` below a place in S3.
#[derive(Clone, Debug)]
pub struct BucketBoard {
    bucket: Bucket,
    key: String,
}

impl BucketBoard {
    /// The lease below `place`, which lies in `bucket`.
    pub fn new(bucket: Bucket, place: &Location) -> BucketBoard {
        BucketBoard { bucket, key: place.key(NAME) }
    }

    /// The leases of other sources in the same bucket, and their versions: one call for every thousand status
    /// documents.
    pub(crate) async fn others(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let entries = self.bucket.list(Location::STATUS_START, OTHERS_MAX).await?;
        let is_lease = |key: &str| key.rsplit('/').next() == Some(NAME) && key != self.key;
        Ok(entries
            .into_iter()
            .filter(|entry| is_lease(&entry.key))
            .map(|entry| (entry.key, entry.etag))
            .collect())
    }

    /// What the lease of another source says; garbage says nothing.
    pub(crate) async fn read_other(&self, key: &str) -> Result<Option<LeaseRecord>, StoreError> {
        let found = self.bucket.get(key, None, OBJECT_BYTES_MAX).await?;
        Ok(found.and_then(|stored| serde_json::from_slice(&stored.bytes).ok()))
    }

    /// The source beside which a lease lies, for people.
    pub(crate) fn source_of(&self, key: &str) -> String {
        let place = key.strip_prefix(Location::STATUS_START).unwrap_or(key);
        let prefix = place.strip_suffix(NAME).unwrap_or(place).trim_end_matches('/');
        format!("s3://{}/{prefix}", self.bucket.name())
    }
}

impl Board for BucketBoard {
    async fn read(&self) -> Result<Option<(Vec<u8>, String)>, BoardError> {
        let found = self.bucket.get(&self.key, None, OBJECT_BYTES_MAX).await.map_err(board_error)?;
        Ok(found.map(|stored| (stored.bytes, stored.etag)))
    }

    async fn write(&self, content: Vec<u8>, condition: &LeaseCondition) -> Result<String, BoardError> {
        let condition = match condition {
            LeaseCondition::Absent => Condition::Absent,
            LeaseCondition::Unchanged(version) => Condition::Unchanged(version),
        };
        self.bucket.put(&self.key, content, condition).await.map_err(board_error)
    }
}

fn board_error(error: StoreError) -> BoardError {
    match error {
        StoreError::Conflict { .. } => BoardError::Conflict,
        StoreError::Unanswered { .. } => BoardError::Lost(error.to_string()),
        StoreError::Denied { .. } | StoreError::NoSuchBucket { .. } | StoreError::WrongRegion { .. } => {
            BoardError::Denied(error.to_string())
        }
        other => BoardError::Refused(other.to_string()),
    }
}
