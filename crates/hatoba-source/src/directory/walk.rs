//! Which files below a root are documents.
//!
//! Real folders are walked first, links are resolved afterwards: a link into what was already walked adds nothing, so
//! every file is seen once, and a loop of links ends. A link out of the root is passed over with a warning.
//! Kubernetes mounts (`a.yaml → ..data/a.yaml`, `..data → ..2026_01_01`) work because folders that begin with `.` are
//! not walked, while the links at the top lead into them.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use hatoba_core::{Diagnostic, Place};

use super::{FILES_MAX, FOLDER_DEPTH_MAX, Listing, Stamp};
use crate::SourceError;

/// Most entries of any kind looked at: a source folder pointed at a whole disk must fail in seconds, not hours.
const ENTRIES_MAX: usize = 200_000;

/// One walk below a root.
pub(super) struct Walk {
    /// Resolved: without links.
    root: PathBuf,
    listing: Listing,
    entries: usize,
    /// Folders to look into: where they are, and how they are called.
    folders: Vec<(PathBuf, String)>,
    /// Links to resolve, by name, so that of two links to one file always the same one counts.
    links: BTreeSet<(String, PathBuf)>,
    /// Every folder and file seen, resolved.
    seen: BTreeSet<PathBuf>,
}

impl Walk {
    pub(super) fn new(root: PathBuf) -> Self {
        Walk {
            folders: vec![(root.clone(), String::new())],
            seen: BTreeSet::from([root.clone()]),
            root,
            listing: Listing::default(),
            entries: 0,
            links: BTreeSet::new(),
        }
    }

    /// Walks everything.
    pub(super) fn run(mut self) -> Result<Listing, SourceError> {
        loop {
            if let Some((folder, name)) = self.folders.pop() {
                self.folder(&folder, &name)?;
            } else if let Some((name, path)) = self.links.pop_first() {
                self.link(&path, &name)?;
            } else {
                return Ok(self.listing);
            }
        }
    }

    fn folder(&mut self, folder: &Path, name: &str) -> Result<(), SourceError> {
        if name.split('/').count() > FOLDER_DEPTH_MAX {
            return Err(SourceError::TooLarge { what: "levels of folders", limit: FOLDER_DEPTH_MAX as u64 });
        }
        let failed = |source| SourceError::List { path: folder.to_owned(), source };
        for entry in fs::read_dir(folder).map_err(failed)? {
            self.entry(&entry.map_err(failed)?, name)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, parent: &str) -> Result<(), SourceError> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(SourceError::TooLarge { what: "folder entries", limit: ENTRIES_MAX as u64 });
        }
        let path = entry.path();
        let failed = |source| SourceError::List { path: path.clone(), source };
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            return Ok(());
        }
        let kind = entry.file_type().map_err(failed)?;
        let Some(name) = name.to_str().filter(|name| !name.contains(char::is_control)) else {
            let name = name.to_string_lossy().escape_debug().to_string();
            if kind.is_dir() || kind.is_symlink() || is_document_name(&name) {
                let reason = "its name is not plain UTF-8 text; rename it".to_owned();
                self.listing.unreadable.insert(join(parent, &name), reason);
            }
            return Ok(());
        };
        let name = join(parent, name);
        if kind.is_symlink() {
            self.links.insert((name, path));
        } else if kind.is_dir() {
            if self.seen.insert(path.clone()) {
                self.folders.push((path, name));
            }
        } else if is_document_name(&name) && self.seen.insert(path.clone()) {
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_file() => self.file(name, Stamp::of(&metadata))?,
                // A pipe would block for ever, a device may do anything: they are never opened.
                Ok(_) => self.pass_over(&name, "it is no regular file"),
                // Gone since the folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    fn link(&mut self, path: &Path, name: &str) -> Result<(), SourceError> {
        let target = path.canonicalize().and_then(|target| Ok((fs::metadata(&target)?, target)));
        let (metadata, target) = match target {
            Ok(target) => target,
            Err(error) => {
                // It may be about to be swapped; what it led to is not known to be gone.
                let reason = format!("the link leads nowhere: {error}");
                self.listing.unreadable.insert(name.to_owned(), reason);
                return Ok(());
            }
        };
        if !target.starts_with(&self.root) {
            if metadata.is_dir() || is_document_name(name) {
                // What was here may have been moved away and linked back: its documents are not gone.
                let reason = "the link leads out of the source folder".to_owned();
                self.listing.unreadable.insert(name.to_owned(), reason);
            }
        } else if self.seen.insert(target.clone()) {
            if metadata.is_dir() {
                self.folders.push((target, name.to_owned()));
            } else if is_document_name(name) && metadata.is_file() {
                self.file(name.to_owned(), Stamp::of(&metadata))?;
            } else if is_document_name(name) {
                self.pass_over(name, "it is no regular file");
            }
        }
        Ok(())
    }

    fn file(&mut self, name: String, stamp: Stamp) -> Result<(), SourceError> {
        if self.listing.files.len() == FILES_MAX {
            return Err(SourceError::TooLarge { what: "document files", limit: FILES_MAX as u64 });
        }
        self.listing.files.insert(name, stamp);
        Ok(())
    }

    fn pass_over(&mut self, name: &str, why: &str) {
        let place = Place { file: name.to_owned(), line: 1, column: 1 };
        self.listing.findings.push(Diagnostic::warning(place, "", format!("passed over: {why}")));
    }
}

/// Whether a file of this name is a document, by its ending; case matters, as it does for AWS and Kubernetes.
pub(crate) fn is_document_name(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}
