//! Who leads on a folder: who holds a lock on a file beside the status documents.
//!
//! The system drops the lock with the process, however that ends, and not before: a leader that is paused still leads.
//! Like the lease of a bucket it saves work and nothing else.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hatoba_core::{Holder, LeaseRecord};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::lease::shown;
use crate::permit::Leadership;

/// How often a daemon that stands by looks whether the other one is gone.
const LOOK: Duration = Duration::from_secs(1);
/// A record is a few hundred bytes.
const RECORD_BYTES_MAX: u64 = 16 * 1024;

/// Leads as soon as no other process holds the lock in `folder/.hatoba`, until `ended`.
///
/// Where no file can be made (a read-only folder), there is no lock, and it leads; any other error is tried again.
/// Somebody may take the file away beneath the lock: who leads looks, and competes anew for the one that lies there.
pub async fn lead_by_lock(engine: Arc<Engine>, folder: PathBuf, me: Holder, ended: CancellationToken) {
    engine.set_leadership(Leadership::StandsBy(None));
    let (mut told, mut held): (bool, Option<File>) = (false, None);
    while !ended.is_cancelled() {
        if held.as_ref().is_some_and(|file| !lies_in(&folder, file)) {
            let path = path_in(&folder);
            tracing::warn!(path = %path.display(), "the lock was taken away; competing for it anew");
            engine.set_leadership(Leadership::StandsBy(None));
            held = None;
        }
        match held.is_none().then(|| try_lock(&folder)) {
            None => {}
            Some(Ok(Some(mut file))) => {
                if let Err(error) = sign(&mut file, &engine, &me) {
                    tracing::info!(%error, "who leads could not be written beside the lock");
                }
                engine.set_leadership(Leadership::Leads(None));
                (told, held) = (false, Some(file));
            }
            Some(Ok(None)) => {
                let leader = holder(&folder).as_ref().map(shown);
                if !std::mem::replace(&mut told, true) {
                    let (folder, who) = (folder.display(), leader.as_ref().map(ToString::to_string));
                    let who = who.unwrap_or_default();
                    tracing::warn!(%folder, who, "another daemon works on this folder; this one stands by");
                }
                engine.set_leadership(Leadership::StandsBy(leader));
            }
            Some(Err(error)) if is_final(&error) => {
                tracing::warn!(%error, folder = %folder.display(), "no lock can be made here; a second daemon is not noticed");
                engine.set_leadership(Leadership::Unasked);
                return ended.cancelled().await;
            }
            Some(Err(error)) if !std::mem::replace(&mut told, true) => {
                tracing::warn!(%error, folder = %folder.display(), "the lock cannot be tried; trying again");
            }
            Some(Err(_)) => {}
        }
        tokio::select! {
            biased;
            () = ended.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    engine.set_leadership(Leadership::StandsBy(None));
    drop(held); // and with it the lock
}

fn path_in(folder: &Path) -> PathBuf {
    folder.join(".hatoba/lock")
}

/// Whether the locked file is the one that others find.
fn lies_in(folder: &Path, file: &File) -> bool {
    let found = std::fs::symlink_metadata(path_in(folder)).and_then(|found| Ok((found, file.metadata()?)));
    found.is_ok_and(|(found, held)| (found.dev(), found.ino()) == (held.dev(), held.ino()))
}

/// Whether no file can be made there, now or later.
fn is_final(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem, Unsupported};
    matches!(error.kind(), NotADirectory | PermissionDenied | ReadOnlyFilesystem | Unsupported)
}

/// The locked file, or nothing while somebody else holds it. No link is followed: the folder may come from anywhere,
/// and what a link leads to is not ours to write into.
fn try_lock(folder: &Path) -> io::Result<Option<File>> {
    match std::fs::create_dir(folder.join(".hatoba")) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if !std::fs::symlink_metadata(folder.join(".hatoba"))?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let path = path_in(folder);
    let file = match File::options().create_new(true).read(true).write(true).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = std::fs::symlink_metadata(&path)?;
            if !found.is_file() {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "no plain file where the lock should be",
                ));
            }
            let file = open(&path)?;
            // It may have been swapped for a link just now.
            if !lies_in(folder, &file) {
                return Ok(None);
            }
            file
        }
        made => made?,
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A lock that somebody else made may be only to be read; that holds as well.
fn open(path: &Path) -> io::Result<File> {
    match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(path),
        opened => opened,
    }
}

/// Writes who leads into the locked file.
fn sign(file: &mut File, engine: &Engine, me: &Holder) -> io::Result<()> {
    let record = LeaseRecord {
        owner: engine.options.owner.clone(),
        holder: me.clone(),
        term: 1,
        renewal: 0,
        since: engine.clock.now(),
        ttl_seconds: 0, // as long as the process lives
        released: false,
    };
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&serde_json::to_vec(&record)?)
}

/// Who holds the lock, as the file says.
fn holder(folder: &Path) -> Option<LeaseRecord> {
    let mut text = Vec::new();
    let file = File::open(path_in(folder)).ok()?;
    file.take(RECORD_BYTES_MAX).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
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

    #[test]
    fn no_link_is_followed() {
        let around = tempfile::tempdir().unwrap();
        let precious = around.path().join("precious");
        std::fs::write(&precious, "kept").unwrap();
        let folder = around.path().join("source");
        std::fs::create_dir_all(folder.join(".hatoba")).unwrap();
        std::os::unix::fs::symlink(&precious, path_in(&folder)).unwrap();
        assert!(try_lock(&folder).is_err());
        let other = around.path().join("other");
        std::fs::create_dir(&other).unwrap();
        std::os::unix::fs::symlink(folder.join(".hatoba"), other.join(".hatoba")).unwrap();
        assert!(try_lock(&other).is_err());
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "kept");
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_says_who_leads_and_a_folder_that_takes_no_lock_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let config = aws_types::SdkConfig::builder()
            .behavior_version(aws_smithy_runtime_api::client::behavior_version::BehaviorVersion::latest())
            .build();
        let process = |name: &str, folder: &Path| {
            let clock = crate::Clock::starting_at(jiff::Timestamp::UNIX_EPOCH);
            let engine =
                Engine::new(crate::Options::default(), &config, clock, std::collections::BTreeMap::new());
            let me = Holder { host: name.to_owned(), pid: 7, nonce: name.to_owned() };
            let ended = CancellationToken::new();
            let leading =
                tokio::spawn(lead_by_lock(Arc::clone(&engine), folder.to_owned(), me, ended.clone()));
            (engine, ended, leading)
        };
        let pass = || tokio::time::sleep(Duration::from_millis(1_500));
        let (first, ended, leading) = process("first", folder.path());
        pass().await;
        let (second, ..) = process("second", folder.path());
        pass().await;
        assert!(first.leads() && !second.leads());
        let Leadership::StandsBy(Some(leader)) = second.permit.leadership() else {
            panic!("it knows who leads")
        };
        assert_eq!((leader.host.as_str(), leader.pid), ("first", 7));
        ended.cancel();
        leading.await.unwrap();
        pass().await;
        assert!(!first.leads() && second.leads());

        // The lock is taken away beneath it, and another one is quicker.
        std::fs::remove_dir_all(folder.path().join(".hatoba")).unwrap();
        let quicker = try_lock(folder.path()).unwrap();
        pass().await;
        assert!(!second.leads(), "nobody else would notice");
        drop(quicker);
        pass().await;
        assert!(second.leads());

        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let (alone, ..) = process("alone", &file);
        pass().await;
        assert!(alone.leads());
    }
}
