//! One look at a source, as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hatoba_core::{Diagnostic, Digest, Document, Key, Place};

use crate::document::Held;

/// Everything a source holds, as of one look.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Digest of every file's path, content and readability: equal revisions mean equal snapshots (for the same variables).
    pub revision: Digest,
    /// The good documents, sorted by key; no key occurs twice, and none also occurs in `held`.
    pub documents: Vec<Document>,
    /// The documents that are held back, sorted by key and place; a key that is given twice occurs here twice.
    pub held: Vec<Held>,
    /// Everything found in the texts of `sources`, by place, including what holds documents back.
    pub diagnostics: Vec<Diagnostic>,
    /// The files of which nobody knows which documents they hold, by path. Last known documents are kept above.
    pub unreadable: Vec<Unreadable>,
    /// A file is being written: what it said before still stands above, and nobody knows what it will say.
    pub is_settling: bool,
    /// How many files there are, readable or not.
    pub files: usize,
    /// The text of each file that was read, for snippets.
    pub sources: BTreeMap<String, Arc<str>>,
}

/// A file that could not be read or understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Path relative to the source's root.
    pub file: String,
    /// Why, in a few words.
    pub reason: String,
}

impl Snapshot {
    /// Whether every file was read: the only state in which the absence of a document means anything, and so the
    /// only one in which pruning may be considered.
    pub fn is_complete(&self) -> bool {
        self.unreadable.is_empty()
    }

    /// Puts the looks at all files together.
    pub(crate) fn gather(looks: BTreeMap<String, FileLook>, mut diagnostics: Vec<Diagnostic>) -> Snapshot {
        let mut revision: BTreeMap<String, (Option<Digest>, Option<String>)> = BTreeMap::new();
        let (mut documents, mut held, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
        let mut sources = BTreeMap::new();
        let files = looks.len();
        for (file, look) in looks {
            documents.extend(look.documents);
            held.extend(look.held);
            diagnostics.extend(look.diagnostics);
            revision.insert(file.clone(), (look.digest, look.unreadable.clone()));
            if let Some(reason) = look.unreadable {
                unreadable.push(Unreadable { file: file.clone(), reason });
            }
            if let Some(text) = look.text {
                sources.insert(file, text);
            }
        }
        let documents = hold_duplicates(documents, &mut held, &mut diagnostics);
        held.sort_by(|a, b| (&a.key, a.places.value("")).cmp(&(&b.key, b.places.value(""))));
        diagnostics.sort_by(|a, b| a.place.cmp(&b.place));
        let revision = Digest::of(&revision);
        Snapshot { revision, documents, held, diagnostics, unreadable, is_settling: false, files, sources }
    }
}

/// What one look knows of one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileLook {
    pub(crate) text: Option<Arc<str>>,
    pub(crate) digest: Option<Digest>,
    pub(crate) documents: Vec<Document>,
    pub(crate) held: Vec<Held>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) unreadable: Option<String>,
}

/// Moves every document whose key is given twice to `held`: to choose one would make the world depend on the order of
/// files. Returns the others, sorted by key.
fn hold_duplicates(
    documents: Vec<Document>,
    held: &mut Vec<Held>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Document> {
    let mut places: BTreeMap<Key, BTreeSet<Place>> = BTreeMap::new();
    let good = documents.iter().map(|document| (&document.key, &document.places));
    for (key, paths) in good.chain(held.iter().map(|held| (&held.key, &held.places))) {
        places.entry(key.clone()).or_default().insert(paths.value("metadata.name"));
    }
    places.retain(|_, places| places.len() > 1);
    let (twice, mut once): (Vec<_>, Vec<_>) =
        documents.into_iter().partition(|document| places.contains_key(&document.key));
    held.extend(twice.into_iter().map(|Document { key, places, .. }| Held {
        key,
        diagnostics: Vec::new(),
        places,
    }));
    for held in held.iter_mut() {
        if let Some(places) = places.get(&held.key) {
            let finding = duplicate(held, places);
            held.diagnostics.push(finding.clone());
            diagnostics.push(finding);
        }
    }
    once.sort_by(|a, b| a.key.cmp(&b.key));
    once
}

fn duplicate(held: &Held, places: &BTreeSet<Place>) -> Diagnostic {
    /// More places than these help nobody.
    const SHOWN: usize = 3;
    let here = held.places.value("metadata.name");
    let others: Vec<String> =
        places.iter().filter(|place| **place != here).take(SHOWN).map(Place::to_string).collect();
    let more = if places.len() > SHOWN + 1 { " and more" } else { "" };
    let message = format!("{} is also given at {}{more}", held.key, others.join(", "));
    Diagnostic::error(here, "metadata.name", message)
        .hint("keep one of them; until then all of them are held")
}
