//! Why a source could not be looked at as a whole.

use std::io;
use std::path::PathBuf;

use crate::StoreError;

/// The source yields nothing this time; what was known before stays known, and nothing is pruned.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The root is not there.
    #[error("the source folder {} does not exist", root.display())]
    Missing {
        /// The folder that was asked for.
        root: PathBuf,
    },
    /// The root is there and is no folder.
    #[error("the source {} is not a folder", root.display())]
    NotAFolder {
        /// The path that was asked for.
        root: PathBuf,
    },
    /// A folder, or an entry of one, could not be listed.
    #[error("cannot list {}", path.display())]
    List {
        /// The folder or entry.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The bucket does not serve, or cannot be listed to the end.
    #[error(transparent)]
    Bucket(#[from] StoreError),
    /// More than a limit allows; the source is refused as a whole rather than read in part.
    #[error("the source is too large: more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
}

impl SourceError {
    /// A stable word for conditions, metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            SourceError::Missing { .. } => "SourceMissing",
            SourceError::NotAFolder { .. } => "SourceNotAFolder",
            SourceError::List { .. } => "SourceUnreadable",
            SourceError::Bucket(error) => error.reason(),
            SourceError::TooLarge { .. } => "SourceTooLarge",
        }
    }
}
