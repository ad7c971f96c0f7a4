//! The one thing that the daemon reads from: a folder or a prefix in S3.

use futures::future::BoxFuture;

use crate::bucket::BucketSource;
use crate::directory::Directory;
use crate::{Snapshot, SourceError};

/// A look at the source. What is behind it is compiled in this crate: a bare future's code is made anew by every
/// program that waits for it.
pub type Look<'a> = BoxFuture<'a, Result<Snapshot, SourceError>>;

/// Where documents come from.
pub enum Source {
    /// A folder.
    Directory(Box<Directory>),
    /// A prefix of a bucket.
    Bucket(Box<BucketSource>),
}

impl Source {
    /// One look: every document, or an error. What did not change is neither read nor parsed again.
    ///
    /// # Errors
    /// [`SourceError`] when it cannot be listed as a whole; what was known before stays known.
    pub fn poll(&mut self) -> Look<'_> {
        match self {
            Source::Directory(directory) => Box::pin(directory.poll()),
            Source::Bucket(bucket) => Box::pin(bucket.poll()),
        }
    }

    /// Resolves when another look may show something new; never, if nobody tells. It may be dropped at any time by who
    /// polls next.
    pub fn changed(&mut self) -> BoxFuture<'_, ()> {
        match self {
            Source::Directory(directory) => Box::pin(directory.changed()),
            Source::Bucket(bucket) => Box::pin(bucket.changed()),
        }
    }
}

impl From<Directory> for Source {
    fn from(directory: Directory) -> Source {
        Source::Directory(Box::new(directory))
    }
}

impl From<BucketSource> for Source {
    fn from(bucket: BucketSource) -> Source {
        Source::Bucket(Box::new(bucket))
    }
}
