//! Documents as files. No link is followed: a checked-out source could have one that leads anywhere.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{DOCUMENTS_MAX, Stamp, is_document, is_folder_name};

/// Begins the name of a file that is being written; no name of a document begins with a dot.
const UNFINISHED: &str = ".unfinished-";

/// A folder that keeps itself out of version control.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Folder {
        Folder { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every document below a folder of ours, and every one that was going to be one.
    pub(super) fn list(&self, under: &str) -> io::Result<BTreeMap<String, Stamp>> {
        let place = self.path.join(under);
        let mut found = BTreeMap::new();
        if !is_plain_folder(&self.path)? || !is_plain_folder(&place)? {
            return Ok(found);
        }
        for kind in fs::read_dir(place)? {
            let kind = kind?;
            let name = kind.file_name();
            let Some(kind_name) = name.to_str().filter(|name| is_folder_name(name)) else { continue };
            if !kind.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(kind.path())? {
                let file = file?;
                let name = file.file_name();
                let is_ours = |name: &&str| is_document(name) || name.starts_with(UNFINISHED);
                let Some(name) = name.to_str().filter(is_ours) else { continue };
                if file.file_type()?.is_file() {
                    found.insert(format!("{under}/{kind_name}/{name}"), stamp(&file.metadata()?));
                }
                if found.len() == DOCUMENTS_MAX {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// The content of a plain file of at most so many bytes; a pipe or a device would never end.
    pub(super) fn read(&self, name: &str, bytes_max: u64) -> io::Result<Option<(Vec<u8>, Stamp)>> {
        let path = self.path.join(name);
        let about = match fs::symlink_metadata(&path) {
            Ok(about) => about,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !about.is_file() || about.len() > bytes_max {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no plain file of a fitting size"));
        }
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(Some((bytes, stamp(&about))))
    }

    /// Puts a whole new file in the old one's place, if it differs. Not synced to the disk: what a power cut spoils
    /// is ignored.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<Stamp> {
        self.open()?;
        let target = self.path.join(name);
        let mut folder = self.path.clone();
        for part in Path::new(name).parent().into_iter().flat_map(Path::components) {
            folder.push(part);
            plain_folder(&folder)?;
        }
        if let Ok(Some((old, stamp))) = self.read(name, bytes.len() as u64)
            && old == bytes
        {
            return Ok(stamp);
        }
        put(&folder, &target, bytes)?;
        Ok(stamp(&fs::symlink_metadata(&target)?))
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        let target = self.path.join(name);
        let around = target.ancestors().skip(1).take(Path::new(name).components().count());
        for folder in around {
            if !is_plain_folder(folder)? {
                return Ok(());
            }
        }
        match fs::remove_file(target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the folder and keeps it out of version control.
    fn open(&self) -> io::Result<()> {
        plain_folder(&self.path)?;
        let ignore = self.path.join(".gitignore");
        match fs::symlink_metadata(&ignore) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => put(&self.path, &ignore, b"*\n"),
            _ => Ok(()),
        }
    }
}

/// Writes a file whole or not at all: on a full disk it would be made, and stay empty.
fn put(folder: &Path, target: &Path, bytes: &[u8]) -> io::Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let unfinished = folder.join(format!("{UNFINISHED}{}-{number}", std::process::id()));
    fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, target)).inspect_err(|_| {
        // Whatever stays is removed when the folder is next compared as a whole.
        let _ = fs::remove_file(&unfinished);
    })
}

/// Whether nothing can lie there.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a folder is there; a link or a file of its name is refused.
fn is_plain_folder(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => Ok(true),
        Ok(_) => Err(no_folder()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a folder and refuses anything else of its name.
fn plain_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ if fs::symlink_metadata(path)?.is_dir() => Ok(()),
        _ => Err(no_folder()),
    }
}

fn no_folder() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "a link or file where a folder should be")
}

/// Every replacement is another file, and so has another stamp.
fn stamp(about: &Metadata) -> Stamp {
    format!("{}-{}-{}-{}.{:09}", about.dev(), about.ino(), about.len(), about.mtime(), about.mtime_nsec())
}
