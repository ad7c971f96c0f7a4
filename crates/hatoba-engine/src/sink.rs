//! Statuses beside the source: `.hatoba/status/<Kind>/<name>.json`, for people, `hatoba status` and the next start.
//!
//! The invariant: **nothing depends on them**. They may be lost, stale, or garbage; whoever cannot write them
//! goes on from memory. Only what changed is written, each file whole or not at all.
//!
//! ```text
//! let mut sink = StatusSink::directory("documents".into());
//! let earlier = sink.load();
//! sink.write(&statuses).await; // in a task of its own: disks can be slow
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use hatoba_core::{Digest, Key, Status, check_name};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Far above any status: names of fields, notes, outputs.
const STATUS_BYTES_MAX: u64 = 256 * 1024;
/// One line for each document; far above what the largest source holds.
const HEARTBEAT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// More files than this are not statuses of ours; it bounds a start beside a full disk.
const FILES_MAX: usize = 50_000;
/// Longer names get a shorter file name: file systems take 255 bytes, names may have 253 before `.json`.
const NAME_BYTES_MAX: usize = 200;
/// Begins the name of a file that is being written; no name of a document begins with a dot.
const UNFINISHED: &str = ".unfinished-";

/// Where statuses are kept. Not `Clone`: it knows what it wrote last, so there is one writer.
#[derive(Debug)]
pub struct StatusSink {
    /// The `.hatoba` folder; `None`: memory only.
    folder: Option<PathBuf>,
    written: BTreeMap<Key, Status>,
    /// Whether the folder was compared as a whole once, and nothing failed since.
    is_swept: bool,
    is_failing: bool,
}

/// When the daemon was last alive, and when each document was last compared with AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// When this was written.
    pub time: Timestamp,
    /// When AWS was last compared with each document.
    pub verified: BTreeMap<Key, Timestamp>,
}

impl StatusSink {
    /// Keeps statuses in `root/.hatoba`, where `root` is the source's folder.
    pub fn directory(root: PathBuf) -> StatusSink {
        StatusSink { folder: Some(root.join(".hatoba")), ..StatusSink::none() }
    }

    /// Keeps nothing.
    pub fn none() -> StatusSink {
        StatusSink { folder: None, written: BTreeMap::new(), is_swept: false, is_failing: false }
    }

    /// What an earlier run wrote; what cannot be read counts as never written. Reads files: call it at the start.
    pub fn load(&self) -> BTreeMap<Key, Status> {
        let Some(folder) = &self.folder else { return BTreeMap::new() };
        let place = folder.join("status");
        let found = files(&place)
            .inspect_err(|error| tracing::debug!(place = %place.display(), %error, "no earlier statuses"));
        let mut statuses = BTreeMap::new();
        for file in found.unwrap_or_default() {
            match read::<Status>(&place.join(&file), STATUS_BYTES_MAX) {
                Ok(status) if file_of(&status.document).as_ref() == Some(&file) => {
                    statuses.insert(status.document.clone(), status);
                }
                Ok(_) => tracing::debug!(file = %file.display(), "another document's status"),
                Err(error) => tracing::debug!(file = %file.display(), %error, "no status"),
            }
        }
        statuses
    }

    /// What the last heartbeat said, if there is one.
    pub fn load_heartbeat(&self) -> Option<Heartbeat> {
        read(&self.folder.as_ref()?.join("heartbeat.json"), HEARTBEAT_BYTES_MAX).ok()
    }

    /// Brings the files to `statuses`: writes what differs, removes what is gone.
    ///
    /// Call it only once the source has been read, for a document that is not in `statuses` loses its file.
    /// Errors are logged, once until it works again; what failed is tried again next time.
    pub async fn write(&mut self, statuses: &BTreeMap<Key, Status>) {
        let Some(folder) = self.folder.clone() else { return };
        let changed: Vec<Status> = statuses
            .iter()
            .filter(|(key, status)| !self.is_swept || self.written.get(key) != Some(status))
            .map(|(_, status)| status.clone())
            .collect();
        let gone: BTreeSet<Key> =
            self.written.keys().filter(|key| !statuses.contains_key(key)).cloned().collect();
        if self.is_swept && changed.is_empty() && gone.is_empty() {
            return;
        }
        let kept = (!self.is_swept).then(|| statuses.keys().filter_map(file_of).collect());
        // Until this is known to have gone well; the future may be dropped while it waits.
        self.is_swept = false;
        let job = move || carry_out(&folder, &changed, &gone, kept.as_ref()).map(|()| (changed, gone));
        match tokio::task::spawn_blocking(job).await {
            Ok(Ok((changed, gone))) => {
                self.written.retain(|key, _| !gone.contains(key));
                self.written.extend(changed.into_iter().map(|status| (status.document.clone(), status)));
                self.is_swept = true;
                self.is_failing = false;
            }
            Ok(Err(error)) => self.failed(&error),
            Err(error) => tracing::debug!(%error, "the statuses were not written"),
        }
    }

    /// Writes `heartbeat.json`. How often is the caller's matter.
    pub async fn write_heartbeat(&mut self, time: Timestamp, verified: BTreeMap<Key, Timestamp>) {
        let Some(folder) = self.folder.clone() else { return };
        let heartbeat = Heartbeat { time, verified };
        let job = move || {
            open(&folder)?;
            replace(&folder, "heartbeat.json", &heartbeat)
        };
        match tokio::task::spawn_blocking(job).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.failed(&error),
            Err(error) => tracing::debug!(%error, "the heartbeat was not written"),
        }
    }

    fn failed(&mut self, error: &io::Error) {
        let Some(folder) = &self.folder else { return };
        if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) {
            tracing::warn!(folder = %folder.display(), %error, "cannot write here: statuses stay in memory");
            self.folder = None;
            self.written.clear();
        } else if !self.is_failing {
            tracing::warn!(folder = %folder.display(), %error, "cannot write statuses; will try again");
            self.is_failing = true;
        }
    }
}

/// Writes and removes files. `kept`: the only files that may stay, where the folder is compared as a whole.
fn carry_out(
    folder: &Path,
    changed: &[Status],
    gone: &BTreeSet<Key>,
    kept: Option<&BTreeSet<PathBuf>>,
) -> io::Result<()> {
    open(folder)?;
    let place = folder.join("status");
    plain_folder(&place)?;
    let mut errors = Vec::new();
    let mut note = |result: io::Result<()>| errors.extend(result.err());
    for status in changed {
        if let Some((kind, file)) = parts(&status.document) {
            note(plain_folder(&place.join(kind)).and_then(|()| replace(&place.join(kind), &file, status)));
        } else {
            tracing::debug!(document = %status.document, "no name for a file");
        }
    }
    for file in gone.iter().filter_map(file_of) {
        note(remove(&place.join(file)));
    }
    if let Some(kept) = kept {
        for file in files(&place)?.into_iter().filter(|file| !kept.contains(file)) {
            note(remove(&place.join(file)));
        }
    }
    errors.into_iter().next().map_or(Ok(()), Err)
}

/// Makes the folder and keeps it out of version control.
fn open(folder: &Path) -> io::Result<()> {
    plain_folder(folder)?;
    let ignore = folder.join(".gitignore");
    match fs::symlink_metadata(&ignore) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::write(ignore, "*\n"),
        _ => Ok(()),
    }
}

/// Makes a folder and refuses anything else of its name: a link in a checked-out source could lead anywhere.
fn plain_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ if fs::symlink_metadata(path)?.is_dir() => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::PermissionDenied, "a link or file where a folder should be")),
    }
}

/// Puts a whole new file in the old one's place. Not synced to the disk: what a power cut spoils is ignored.
fn replace(folder: &Path, file: &str, content: &impl Serialize) -> io::Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut text = serde_json::to_string_pretty(content)?;
    text.push('\n');
    let target = folder.join(file);
    if text_of(&target, text.len() as u64).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let unfinished = folder.join(format!("{UNFINISHED}{}-{number}", std::process::id()));
    fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, &target)).inspect_err(|_| {
        // Whatever stays is removed when the folder is next compared as a whole.
        let _ = fs::remove_file(&unfinished);
    })
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// `<Kind>/<file>` of every file that is a status by its name, or was going to be one.
fn files(place: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for kind in fs::read_dir(place)? {
        let kind = kind?;
        if !kind.file_type()?.is_dir() || !kind.file_name().to_str().is_some_and(is_kind) {
            continue;
        }
        for file in fs::read_dir(kind.path())? {
            let file = file?;
            if file.file_type()?.is_file() && is_ours(&file.file_name()) {
                files.push(Path::new(&kind.file_name()).join(file.file_name()));
            }
            if files.len() == FILES_MAX {
                return Ok(files);
            }
        }
    }
    Ok(files)
}

fn is_ours(file: &OsString) -> bool {
    file.to_str().is_some_and(|file| file.ends_with(".json") || file.starts_with(UNFINISHED))
}

fn is_kind(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|letter| letter.is_ascii_alphanumeric())
}

/// The folder and the file of a document; `None` for a key that was never checked and is none.
fn parts(key: &Key) -> Option<(&str, String)> {
    if !is_kind(&key.kind) || check_name(&key.name).is_err() {
        return None;
    }
    let file = match key.name.get(..NAME_BYTES_MAX) {
        Some(start) if start != key.name => format!("{start}~{}.json", Digest::of_bytes(key.name.as_bytes())),
        _ => format!("{}.json", key.name),
    };
    Some((&key.kind, file))
}

fn file_of(key: &Key) -> Option<PathBuf> {
    parts(key).map(|(kind, file)| Path::new(kind).join(file))
}

fn read<T: DeserializeOwned>(file: &Path, bytes_max: u64) -> io::Result<T> {
    Ok(serde_json::from_str(&text_of(file, bytes_max)?)?)
}

/// The text of a plain file of at most so many bytes; a pipe or a device would never end.
fn text_of(file: &Path, bytes_max: u64) -> io::Result<String> {
    let about = fs::symlink_metadata(file)?;
    if !about.is_file() || about.len() > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no plain file of a fitting size"));
    }
    let mut text = String::new();
    fs::File::open(file)?.take(bytes_max).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use hatoba_core::{Cause, Outcome, fold};

    use super::*;

    fn status(key: &Key, message: &str) -> Status {
        let outcome = Outcome::waiting(Cause::new("Waiting", message));
        fold(None, key, &Digest::of_bytes(b"x"), outcome, Timestamp::UNIX_EPOCH)
    }

    fn statuses(names: &[&str]) -> BTreeMap<Key, Status> {
        let keys = names.iter().map(|name| Key::new("VpcLink", *name));
        keys.map(|key| (key.clone(), status(&key, "fine"))).collect()
    }

    #[tokio::test]
    async fn what_is_written_is_read_again() {
        let root = tempfile::tempdir().unwrap();
        let long = "a".repeat(253);
        let all = statuses(&["a", "b.example.com", &long]);
        let mut sink = StatusSink::directory(root.path().to_owned());
        assert!(sink.load().is_empty());
        sink.write(&all).await;
        assert_eq!(StatusSink::directory(root.path().to_owned()).load(), all);
        let text = fs::read_to_string(root.path().join(".hatoba/status/VpcLink/a.json")).unwrap();
        assert!(text.contains("\"document\": \"VpcLink/a\""));
        assert_eq!(fs::read_to_string(root.path().join(".hatoba/.gitignore")).unwrap(), "*\n");

        let verified = BTreeMap::from([(Key::new("VpcLink", "a"), Timestamp::UNIX_EPOCH)]);
        assert_eq!(sink.load_heartbeat(), None);
        sink.write_heartbeat(Timestamp::MAX, verified.clone()).await;
        assert_eq!(sink.load_heartbeat(), Some(Heartbeat { time: Timestamp::MAX, verified }));
    }

    #[tokio::test]
    async fn only_differences_are_written_and_what_is_gone_goes() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join(".hatoba/status");
        let mut all = statuses(&["a", "b"]);
        StatusSink::directory(root.path().to_owned()).write(&all).await;
        // As a crash leaves it, and as people do.
        fs::write(place.join("VpcLink/.unfinished-1-0"), "{").unwrap();
        fs::write(place.join("VpcLink/readme.txt"), "mine").unwrap();
        let old = fs::metadata(place.join("VpcLink/b.json")).unwrap().modified().unwrap();

        let mut sink = StatusSink::directory(root.path().to_owned());
        all.remove(&Key::new("VpcLink", "a"));
        sink.write(&all).await;
        let names = fs::read_dir(place.join("VpcLink")).unwrap().map(|file| file.unwrap().file_name());
        assert_eq!(names.collect::<BTreeSet<_>>(), ["b.json", "readme.txt"].map(OsString::from).into());
        assert_eq!(fs::metadata(place.join("VpcLink/b.json")).unwrap().modified().unwrap(), old);

        // Nothing changed: not even the folder is looked at.
        fs::remove_file(place.join("VpcLink/b.json")).unwrap();
        sink.write(&all).await;
        assert!(sink.load().is_empty());

        let key = Key::new("VpcLink", "b");
        all.insert(key.clone(), status(&key, "other"));
        sink.write(&all).await;
        assert_eq!(sink.load(), all);
    }

    #[tokio::test]
    async fn garbage_is_ignored_and_unchecked_names_lead_nowhere() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join(".hatoba/status/VpcLink");
        let mut sink = StatusSink::directory(root.path().to_owned());
        let mut all = statuses(&["a"]);
        let good = all.clone();
        for key in [Key::new("VpcLink", "../../escaped"), Key::new("..", "b"), Key::new("", "c")] {
            all.insert(key.clone(), status(&key, ""));
        }
        sink.write(&all).await;
        assert!(!root.path().join(".hatoba/escaped.json").exists());
        fs::write(place.join("cut.json"), "{\"document\":").unwrap();
        fs::write(place.join("binary.json"), [0xff, 0]).unwrap();
        fs::write(place.join("large.json"), vec![b' '; 300 * 1024]).unwrap();
        fs::copy(place.join("a.json"), place.join("stranger.json")).unwrap();
        fs::create_dir(place.join("folder.json")).unwrap();
        assert_eq!(sink.load(), good);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn links_are_not_followed() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(elsewhere.path().join("VpcLink")).unwrap();
        fs::write(elsewhere.path().join("VpcLink/mine.json"), "{}").unwrap();
        fs::create_dir(root.path().join(".hatoba")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.path().join(".hatoba/status")).unwrap();
        let mut sink = StatusSink::directory(root.path().to_owned());
        sink.write(&statuses(&["a"])).await;
        assert!(elsewhere.path().join("VpcLink/mine.json").exists());
        assert!(!elsewhere.path().join("VpcLink/a.json").exists());
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_is_given_up() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(".hatoba"), "a file").unwrap();
        let mut sink = StatusSink::directory(root.path().to_owned());
        sink.write(&statuses(&["a"])).await;
        assert_eq!(sink.folder, None);
        for mut sink in [sink, StatusSink::none()] {
            sink.write(&statuses(&["a"])).await;
            assert!(sink.load().is_empty());
        }
        // A missing source may come back: this is tried again.
        let mut sink = StatusSink::directory(root.path().join("later"));
        sink.write(&statuses(&["a"])).await;
        fs::create_dir(root.path().join("later")).unwrap();
        sink.write(&statuses(&["a"])).await;
        assert_eq!(sink.load(), statuses(&["a"]));
    }
}
