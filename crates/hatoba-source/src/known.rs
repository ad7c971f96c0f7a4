//! What is known of each file, whatever the source: what it said last, and what it said before it was broken.

use std::collections::BTreeMap;
use std::sync::Arc;

use hatoba_core::{Diagnostic, Digest, Place};

use crate::Variables;
use crate::document::{ParsedFile, parse_documents};
use crate::snapshot::FileLook;

/// Why an empty file is not a file without documents.
const EMPTY: &str = "it is empty, so nothing is deleted, and what it said before stands; a comment in it says that this is meant";

/// Files by path. `S` tells one state of a file from another without reading it.
pub(crate) struct KnownFiles<S>(BTreeMap<String, Known<S>>);

/// What was last accepted of one file.
struct Known<S> {
    stamp: S,
    digest: Digest,
    text: Arc<str>,
    parsed: ParsedFile,
    /// If `parsed` is broken: what the file said before.
    last_good: Option<ParsedFile>,
}

/// Why a file could not be taken at this look.
pub(crate) struct Problem {
    pub(crate) reason: String,
    /// It will be over by itself: nothing to tell anybody.
    pub(crate) passes: bool,
    /// It went after it was listed: the listing is old.
    pub(crate) is_gone: bool,
}

impl Problem {
    pub(crate) fn lasting(reason: String) -> Self {
        Problem { reason, passes: false, is_gone: false }
    }
}

impl<S> Default for KnownFiles<S> {
    fn default() -> Self {
        KnownFiles(BTreeMap::new())
    }
}

impl<S> KnownFiles<S> {
    /// The state in which a file was last accepted.
    pub(crate) fn stamp(&self, path: &str) -> Option<&S> {
        self.0.get(path).map(|known| &known.stamp)
    }

    /// Forgets the files that are gone.
    pub(crate) fn retain(&mut self, is_listed: impl Fn(&str) -> bool) {
        self.0.retain(|path, _| is_listed(path));
    }

    /// Takes new content. Broken content does not replace what the file said when it was good.
    pub(crate) fn accept(&mut self, path: &str, bytes: &[u8], stamp: S, vars: &Variables) {
        let mut parsed = parse_documents(path, bytes, vars);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            // Cut off by a full disk, or by whatever should have written it, perhaps before this process began.
            parsed.unreadable = Some(EMPTY.to_owned());
        }
        let last_good = match self.0.remove(path) {
            Some(before) if parsed.is_broken() => match before.last_good {
                None if !before.parsed.is_broken() => Some(before.parsed),
                kept => kept,
            },
            _ => None,
        };
        let text = String::from_utf8_lossy(bytes);
        // Without the byte-order mark, so that columns fit.
        let text = Arc::from(text.strip_prefix('\u{feff}').unwrap_or(&text));
        let digest = Digest::of_bytes(bytes);
        self.0.insert(path.to_owned(), Known { stamp, digest, text, parsed, last_good });
    }

    /// What is known of a file, and what is wrong with it now.
    pub(crate) fn report(&self, path: &str, problem: Option<Problem>) -> FileLook {
        let mut look = FileLook::default();
        if let Some(known) = self.0.get(path) {
            let standing = known.last_good.as_ref().unwrap_or(&known.parsed);
            look.documents.clone_from(&standing.documents);
            look.held.clone_from(&standing.held);
            look.diagnostics.clone_from(&known.parsed.diagnostics);
            look.unreadable.clone_from(&known.parsed.unreadable);
            look.digest = Some(known.digest.clone());
            look.text = Some(Arc::clone(&known.text));
        }
        if let Some(problem) = problem {
            if !problem.passes {
                let place = Place { file: path.to_owned(), line: 1, column: 1 };
                let message = format!("the file cannot be used: {}", problem.reason);
                look.diagnostics.push(Diagnostic::error(place, "", message));
            }
            look.unreadable = Some(problem.reason);
        }
        look
    }
}
