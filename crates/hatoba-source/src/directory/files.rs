//! The file system, behind two functions and a clock, so that a simulation can put a model in its place.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hatoba_core::Diagnostic;

use super::walk::Walk;
use crate::SourceError;
use crate::yaml::FILE_BYTES_MAX;

/// Most document files in one source: 10,000 documents is what the design is dimensioned for, even at one per file;
/// beyond that the folder is probably not the one that was meant.
pub const FILES_MAX: usize = 10_000;

/// Deepest folder below the root; deeper trees are mistakes (a checkout of something else, a backup in a backup).
pub const FOLDER_DEPTH_MAX: usize = 32;

/// Most bytes in all document files together: they are kept in memory for snippets, twice over when parsed.
pub const TOTAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A file system that holds documents.
pub trait Files: Send {
    /// Every document file, all or an error.
    ///
    /// # Errors
    /// [`SourceError`] when anything could not be listed.
    fn list(&self) -> Result<Listing, SourceError>;

    /// The content of a listed file, at most [`FILE_BYTES_MAX`] and one more byte.
    ///
    /// # Errors
    /// What the file system says; `NotFound` if it is gone since it was listed.
    fn read(&self, path: &str) -> io::Result<Content>;

    /// The clock that files are stamped with.
    fn now(&self) -> SystemTime;
}

/// What one listing found; paths are relative to the root, with `/`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// The document files.
    pub files: BTreeMap<String, Stamp>,
    /// Entries that may hold documents and cannot be looked into, and why.
    pub unreadable: BTreeMap<String, String>,
    /// Warnings about entries that are passed over.
    pub findings: Vec<Diagnostic>,
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// When its content was last written.
    pub modified: SystemTime,
    /// When its content, name or mode last changed. Unlike `modified` nobody can set it back.
    pub changed: SystemTime,
    /// Device and inode: which file stands at the path.
    pub inode: (u64, u64),
}

impl Stamp {
    /// The stamp of a file on disk.
    pub(super) fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            size: metadata.len(),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
            inode: (metadata.dev(), metadata.ino()),
        }
    }
}

/// Times before 1970 count as 1970.
fn time(seconds: i64, nanoseconds: i64) -> SystemTime {
    let seconds = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    UNIX_EPOCH + seconds + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or_default())
}

/// The content of a file, and its stamp after it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The bytes; one more than [`FILE_BYTES_MAX`] if there are more.
    pub bytes: Vec<u8>,
    /// The stamp of what was read.
    pub stamp: Stamp,
}

/// The real file system.
pub(super) struct OsFiles {
    root: PathBuf,
}

impl OsFiles {
    pub(super) fn new(root: &Path) -> Self {
        OsFiles { root: root.to_owned() }
    }
}

impl Files for OsFiles {
    fn list(&self) -> Result<Listing, SourceError> {
        // The root is resolved every time: it may be a link that is swapped (git-sync).
        let listing = Walk::new(resolve_root(&self.root)?).run()?;
        let total: u64 = listing.files.values().map(|stamp| stamp.size).sum();
        if total > TOTAL_BYTES_MAX {
            return Err(SourceError::TooLarge { what: "bytes of documents", limit: TOTAL_BYTES_MAX });
        }
        Ok(listing)
    }

    fn read(&self, path: &str) -> io::Result<Content> {
        // Links may have changed since the listing, so the checks of the walk are made again on what will be opened.
        let root = self.root.canonicalize()?;
        let target = root.join(path).canonicalize()?;
        if !target.starts_with(&root) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it leads out of the source folder"));
        }
        if !fs::metadata(&target)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        let file = File::open(&target)?;
        let mut bytes = Vec::new();
        (&file).take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Content { bytes, stamp: Stamp::of(&file.metadata()?) })
    }

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The folder that `root` stands for.
pub(super) fn resolve_root(root: &Path) -> Result<PathBuf, SourceError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => SourceError::Missing { root: root.to_owned() },
        _ => SourceError::List { path: root.to_owned(), source },
    };
    let resolved = root.canonicalize().map_err(failed)?;
    if !fs::metadata(&resolved).map_err(failed)?.is_dir() {
        return Err(SourceError::NotAFolder { root: root.to_owned() });
    }
    Ok(resolved)
}
