//! One daemon for one folder: a lock on a file beside the status documents.
//!
//! The lock saves work and nothing else: safety never rests on it. The system drops it with the process,
//! however that ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How often a daemon that stands by looks whether the other one is gone.
const LOOK: Duration = Duration::from_secs(1);

/// What holding the lock is: dropped, it is free.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Option<File>,
}

/// Waits until no other daemon works on the folder. `None`: stopped meanwhile.
///
/// Where the file cannot be made (a read-only folder), there is no lock.
pub(crate) async fn lock(folder: Option<&Path>, stop: &CancellationToken) -> Option<Lock> {
    let Some(folder) = folder else { return Some(Lock { _file: None }) };
    let mut told = false;
    loop {
        match try_lock(folder) {
            Ok(Some(file)) => return Some(Lock { _file: Some(file) }),
            Ok(None) if told => {}
            Ok(None) => {
                told = true;
                tracing::warn!(folder = %folder.display(), "another daemon works on this folder; this one stands by");
            }
            Err(error) => {
                // The status documents, which go to the same folder, give the one warning.
                tracing::info!(%error, folder = %folder.display(), "no lock can be made; a second daemon is not noticed");
                return Some(Lock { _file: None });
            }
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// The locked file, or nothing while somebody else holds it.
fn try_lock(folder: &Path) -> io::Result<Option<File>> {
    let folder: PathBuf = folder.join(".hatoba");
    std::fs::create_dir_all(&folder)?;
    let file = File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_stands_by_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = try_lock(folder.path()).unwrap();
        assert!(first.is_some());
        assert!(try_lock(folder.path()).unwrap().is_none());
        drop(first);
        assert!(try_lock(folder.path()).unwrap().is_some());
    }

    #[tokio::test]
    async fn who_stands_by_can_be_stopped_and_a_folder_that_takes_no_lock_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let _first = try_lock(folder.path()).unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        assert!(lock(Some(folder.path()), &stop).await.is_none());
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(lock(Some(&file), &stop).await.is_some());
        assert!(lock(None, &stop).await.is_some());
    }
}
