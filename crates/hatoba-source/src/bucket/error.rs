//! What S3 says no with, told apart by what follows from it.

/// Why a call to S3 did not do what it was asked for. Every variant begins with the place, `s3://bucket/key`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A condition did not hold: somebody else made, changed or removed the object (412, 409, or 404 for a
    /// write that expected an object). Nothing was done.
    #[error("{place}: somebody else changed it meanwhile ({code})")]
    Conflict {
        /// What was asked for.
        place: String,
        /// S3's own word.
        code: String,
    },
    /// There is no such bucket.
    #[error("{place}: there is no such bucket")]
    NoSuchBucket {
        /// What was asked for.
        place: String,
    },
    /// Permission is missing. Without `s3:ListBucket` S3 says this of a missing object, too.
    #[error("{place}: {action} is denied ({code}: {message})")]
    Denied {
        /// What was asked for.
        place: String,
        /// The permission that the call needs.
        action: &'static str,
        /// S3's own word.
        code: String,
        /// S3's own sentence.
        message: String,
    },
    /// The bucket lies in another region.
    #[error("{place}: the bucket is in another region than {asked}{}", found.as_ref().map(|region| format!(": set AWS_REGION={region}")).unwrap_or_default())]
    WrongRegion {
        /// What was asked for.
        place: String,
        /// The region that was asked.
        asked: String,
        /// The right one, where S3 names it.
        found: Option<String>,
    },
    /// There is more than is taken; the rest was not read.
    #[error("{place}: more than {limit} {what}")]
    TooLarge {
        /// What was asked for.
        place: String,
        /// How much is allowed.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
    /// S3 asks to slow down; nothing was done.
    #[error("{place}: S3 asks to slow down ({code})")]
    Throttled {
        /// What was asked for.
        place: String,
        /// S3's own word.
        code: String,
    },
    /// S3 refuses the call for a reason of its own; nothing was done.
    #[error("{place}: refused with {status} {code}: {message}")]
    Refused {
        /// What was asked for.
        place: String,
        /// The HTTP status.
        status: u16,
        /// S3's own word.
        code: String,
        /// S3's own sentence.
        message: String,
    },
    /// No answer came, or none that can be understood: what was asked for may or may not have happened.
    #[error("{place}: no answer, so nobody knows whether it happened: {message}")]
    Unanswered {
        /// What was asked for.
        place: String,
        /// What the way to S3 said.
        message: String,
    },
}

impl StoreError {
    /// A stable word for conditions, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            StoreError::Conflict { .. } => "BucketConflict",
            StoreError::NoSuchBucket { .. } => "BucketMissing",
            StoreError::Denied { .. } => "BucketDenied",
            StoreError::WrongRegion { .. } => "BucketWrongRegion",
            StoreError::TooLarge { .. } => "SourceTooLarge",
            StoreError::Throttled { .. } => "BucketThrottled",
            StoreError::Refused { .. } => "BucketRefused",
            StoreError::Unanswered { .. } => "BucketUnanswered",
        }
    }

    /// Whether the next object would meet the same: the bucket as a whole does not serve.
    pub fn concerns_all(&self) -> bool {
        !matches!(
            self,
            StoreError::Conflict { .. } | StoreError::TooLarge { .. } | StoreError::Refused { .. }
        )
    }
}
