//! The lease object of a source in S3, beside its status documents.

use hatoba_core::LeaseCondition;
use hatoba_source::{Bucket, Condition, Location, StoreError};

use crate::lease::{Board, BoardError};

/// Far above any record; what is longer is not ours.
const OBJECT_BYTES_MAX: u64 = 64 * 1024;

/// The lease object `lease.json` below a place in S3.
#[derive(Clone, Debug)]
pub struct BucketBoard {
    bucket: Bucket,
    key: String,
}

impl BucketBoard {
    /// The lease below `place`, which lies in `bucket`.
    pub fn new(bucket: Bucket, place: &Location) -> BucketBoard {
        BucketBoard { bucket, key: place.key("lease.json") }
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
