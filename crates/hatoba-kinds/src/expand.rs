//! Documents that are made of others: each becomes documents of single kinds before anything else is done.
//!
//! The expansion is pure, knows all documents of the source (what several imply is one document), and depends on
//! their content alone, never on their order. Everything said about a part is said about the document that asked for
//! it, at its own place: [`Whole::path_of`] leads back.
//!
//! ```
//! use std::collections::BTreeSet;
//! let expanded = hatoba_kinds::expand(&[], &BTreeSet::new());
//! assert!(expanded.documents.is_empty() && expanded.wholes.is_empty());
//! ```

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Diagnostic, Digest, Document, Key, Probe};

use crate::http_service;

/// Documents of single kinds, and where they come from.
#[derive(Clone, Debug, Default)]
pub struct Expanded {
    /// Single-kind documents, sorted by key: those that were written so, and the parts of the others.
    pub documents: Vec<Document>,
    /// Documents whose parts are known. One may be in `held` too: then its parts are not to be touched.
    pub wholes: BTreeMap<Key, Whole>,
    /// Documents with errors.
    pub held: BTreeMap<Key, Vec<Diagnostic>>,
    /// Worth saying; nothing is held because of these.
    pub warnings: Vec<Diagnostic>,
}

/// A document that is made of others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Whole {
    /// The document's generation.
    pub digest: Option<Digest>,
    /// The file it stands in.
    pub file: String,
    /// What it is made of; a part may belong to several.
    pub parts: BTreeMap<Key, PathMap>,
    /// What it tells of its parts, or of what they name.
    pub outputs: Vec<OutputOf>,
    /// The request that is sent through its chain every so often.
    pub probe: Option<Probe>,
}

/// Pairs of a path in the part and the path in the document that it comes from, the general ones first.
pub type PathMap = Vec<(String, String)>;

/// An output of a whole: another document's output, with something around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputOf {
    /// Its name.
    pub name: String,
    /// Whose output it is.
    pub of: Key,
    /// That output's name.
    pub output: String,
    /// What stands around it; `{}` is the output.
    pub template: String,
}

impl Whole {
    /// The path in the document that a path in one of its parts comes from.
    pub fn path_of(&self, part: &Key, path: &str) -> String {
        let paths = self.parts.get(part).map(Vec::as_slice).unwrap_or_default();
        let rest = |new: &str| {
            let rest = path.strip_prefix(new)?;
            (new.is_empty() || rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
        };
        let found = paths.iter().rev().filter_map(|(new, old)| Some((new.len(), old, rest(new)?)));
        match found.max_by_key(|(length, ..)| *length) {
            Some((0, old, _)) => old.clone(),
            Some((_, old, rest)) => format!("{old}{rest}"),
            None => path.to_owned(),
        }
    }
}

impl Expanded {
    /// The documents that a part belongs to; none if somebody wrote it as it is.
    pub fn wholes_of<'a>(&'a self, part: &'a Key) -> impl Iterator<Item = (&'a Key, &'a Whole)> {
        self.wholes.iter().filter(|(_, whole)| whole.parts.contains_key(part))
    }
}

/// Whether documents of that kind are made of others.
pub fn is_whole(kind: &str) -> bool {
    kind == http_service::KIND
}

/// Expands all documents of a source; `held` are keys of documents that exist and could not be read.
pub fn expand(documents: &[Document], held: &BTreeSet<Key>) -> Expanded {
    let (wholes, singles): (Vec<&Document>, Vec<&Document>) =
        documents.iter().partition(|document| is_whole(&document.key.kind));
    let singles: BTreeMap<&Key, &Document> =
        singles.into_iter().map(|document| (&document.key, document)).collect();
    let mut expanded = http_service::expand_all(&wholes, &singles, held);
    expanded.documents.extend(singles.into_values().cloned());
    expanded.documents.sort_by(|a, b| a.key.cmp(&b.key));
    expanded
}
