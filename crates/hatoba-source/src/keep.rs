//! Where status documents are kept: a folder, a place in S3, or nowhere.
//!
//! A document has a name with slashes, below the place, such as `status/VpcLink/web.json`. It is replaced whole or
//! not at all. What a name means, and when what is written, is the engine's matter.

mod folder;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use folder::Folder;

use crate::bucket::{Bucket, Condition, Location, StoreError};

/// More documents than this are not ours; it bounds a start beside a full place.
const DOCUMENTS_MAX: usize = 50_000;

/// Where status documents are kept.
#[derive(Clone, Debug)]
pub enum Keep {
    /// Nowhere: they stay in memory.
    Nowhere,
    /// In a folder.
    Folder(Folder),
    /// In S3.
    Bucket(Shelf),
}

/// A place in a bucket.
#[derive(Clone, Debug)]
pub struct Shelf {
    bucket: Bucket,
    location: Location,
}

/// One version of a document: another content has another stamp. Equal stamps mean equal contents.
pub(crate) type Stamp = String;

/// Why a document could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The folder does not serve.
    #[error(transparent)]
    Folder(#[from] io::Error),
    /// The bucket does not serve.
    #[error(transparent)]
    Bucket(#[from] StoreError),
}

impl KeepError {
    /// Whether the next document would meet the same.
    pub fn concerns_all(&self) -> bool {
        match self {
            KeepError::Folder(_) => false,
            KeepError::Bucket(error) => error.concerns_all(),
        }
    }

    /// Whether nobody can write here until the world is another: a folder that is read-only. A bucket's
    /// permissions can be mended while we run.
    pub fn is_final(&self) -> bool {
        let read_only = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
        };
        matches!(self, KeepError::Folder(error) if read_only(error))
    }
}

impl Keep {
    /// Keeps documents in `folder`, which is made when it is needed; the folder around it is not.
    pub fn folder(folder: PathBuf) -> Keep {
        Keep::Folder(Folder::new(folder))
    }

    /// Keeps documents below a place in S3.
    pub fn bucket(bucket: Bucket, location: Location) -> Keep {
        Keep::Bucket(Shelf { bucket, location })
    }

    /// Whether every document costs a request to somewhere else.
    pub fn is_remote(&self) -> bool {
        matches!(self, Keep::Bucket(_))
    }

    /// The place, for people.
    pub fn place(&self) -> String {
        match self {
            Keep::Nowhere => "memory".to_owned(),
            Keep::Folder(folder) => folder.path().display().to_string(),
            Keep::Bucket(shelf) => shelf.location.to_string(),
        }
    }

    /// The documents below `under`, and their versions: `<under>/<folder>/<name>.json`, and what was left of one
    /// that was being written; files and objects of other names are nobody's.
    ///
    /// # Errors
    /// [`KeepError`] when the place cannot be listed; a place that is not there is empty.
    pub async fn list(&self, under: &str) -> Result<BTreeMap<String, Stamp>, KeepError> {
        match self {
            Keep::Nowhere => Ok(BTreeMap::new()),
            Keep::Folder(folder) => {
                let (folder, under) = (folder.clone(), under.to_owned());
                Ok(blocking(move || folder.list(&under)).await?)
            }
            Keep::Bucket(shelf) => Ok(shelf.list(under).await?),
        }
    }

    /// A document of at most so many bytes, and its version; `None`: there is none.
    ///
    /// # Errors
    /// [`KeepError`] when it cannot be read.
    pub async fn read(&self, name: &str, bytes_max: u64) -> Result<Option<(Vec<u8>, Stamp)>, KeepError> {
        match self {
            Keep::Nowhere => Ok(None),
            Keep::Folder(folder) => {
                let (folder, name) = (folder.clone(), name.to_owned());
                Ok(blocking(move || folder.read(&name, bytes_max)).await?)
            }
            Keep::Bucket(shelf) => {
                let found = shelf.bucket.get(&shelf.location.key(name), None, bytes_max).await?;
                Ok(found.map(|stored| (stored.bytes, stored.etag)))
            }
        }
    }

    /// Puts a document in the old one's place; returns its version.
    ///
    /// # Errors
    /// [`KeepError`] when it cannot be written; a reader then sees the old one, or the new one.
    pub async fn replace(&self, name: &str, bytes: Vec<u8>) -> Result<Stamp, KeepError> {
        match self {
            Keep::Nowhere => Ok(Stamp::default()),
            Keep::Folder(folder) => {
                let (folder, name) = (folder.clone(), name.to_owned());
                Ok(blocking(move || folder.replace(&name, &bytes)).await?)
            }
            Keep::Bucket(shelf) => {
                Ok(shelf.bucket.put(&shelf.location.key(name), bytes, Condition::Always).await?)
            }
        }
    }

    /// Removes a document; one that is gone already is no error.
    ///
    /// # Errors
    /// [`KeepError`] when it cannot be removed.
    pub async fn remove(&self, name: &str) -> Result<(), KeepError> {
        match self {
            Keep::Nowhere => Ok(()),
            Keep::Folder(folder) => {
                let (folder, name) = (folder.clone(), name.to_owned());
                Ok(blocking(move || folder.remove(&name)).await?)
            }
            Keep::Bucket(shelf) => {
                Ok(shelf.bucket.delete(&shelf.location.key(name), Condition::Always).await?)
            }
        }
    }
}

impl Shelf {
    async fn list(&self, under: &str) -> Result<BTreeMap<String, Stamp>, StoreError> {
        let start = self.location.key(&format!("{under}/"));
        let entries = self.bucket.list(&start, DOCUMENTS_MAX).await?;
        let is_ours = |name: &str| {
            let parts = name.split_once('/');
            parts.is_some_and(|(kind, file)| is_folder_name(kind) && !file.contains('/') && is_document(file))
        };
        let below = entries.iter().filter_map(|entry| Some((entry.key.strip_prefix(&start)?, &entry.etag)));
        let ours = below.filter(|(name, _)| is_ours(name));
        Ok(ours.map(|(name, etag)| (format!("{under}/{name}"), etag.clone())).collect())
    }
}

/// Whether a folder of this name can be ours.
fn is_folder_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|letter| letter.is_ascii_alphanumeric())
}

/// Whether a file of this name is a document.
fn is_document(file: &str) -> bool {
    file.ends_with(".json")
}

/// Disks can be slow, and the runtime's threads are few.
async fn blocking<T: Send + 'static>(job: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    match tokio::task::spawn_blocking(job).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}
