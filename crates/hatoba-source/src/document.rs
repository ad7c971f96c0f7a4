//! From YAML to documents: the header first, then labels, spec and policy.
//!
//! **Invariant: one bad document never hides another one, and never passes for absent.** If its kind and name can be
//! read it is [`Held`]; if they cannot, the whole file counts as unreadable and nothing may be pruned.

mod policy;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use hatoba_core::{Diagnostic, Document, Key, Place, Places};

pub use writer::{emit_document, emit_with_variables};

use crate::{Variables, yaml};

/// A document that is held back: we know which one it is, and that it is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Which document.
    pub key: Key,
    /// Why; at least one error.
    pub diagnostics: Vec<Diagnostic>,
    /// Where its paths stand.
    pub places: Places,
}

/// What one file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParsedFile {
    /// The good documents, in the file's order.
    pub documents: Vec<Document>,
    /// The documents with errors, in the file's order.
    pub held: Vec<Held>,
    /// Everything found, by line, including that of the held documents.
    pub diagnostics: Vec<Diagnostic>,
    /// Why it is not known which documents the file holds; nothing may be pruned while it is set.
    pub unreadable: Option<String>,
}

impl ParsedFile {
    /// A file of which nothing can be used.
    pub(crate) fn broken(diagnostic: Diagnostic) -> Self {
        let unreadable = Some(format!("line {}: {}", diagnostic.place.line, diagnostic.message));
        ParsedFile { diagnostics: vec![diagnostic], unreadable, ..ParsedFile::default() }
    }

    /// Whether nothing at all could be read of it, so that what it held before is the better knowledge.
    pub(crate) fn is_broken(&self) -> bool {
        self.unreadable.is_some() && self.documents.is_empty() && self.held.is_empty()
    }
}

/// Reads the documents of one file; `file` is its path relative to the source's root, for places.
///
/// Broken syntax makes the file unreadable as a whole, since nobody knows what the rest was meant to be; anything
/// else concerns one document. The same key in two documents is found by the snapshot, not here.
pub fn parse_documents(file: &str, bytes: &[u8], vars: &Variables) -> ParsedFile {
    let documents = match yaml::parse(file, bytes) {
        Ok(documents) => documents,
        Err(diagnostic) => return ParsedFile::broken(diagnostic),
    };
    let mut parsed = ParsedFile::default();
    for document in documents {
        match reader::read(document, vars) {
            reader::Reading::Good(document) => parsed.documents.push(*document),
            reader::Reading::Held(held) => {
                parsed.diagnostics.extend(held.diagnostics.iter().cloned());
                parsed.held.push(held);
            }
            reader::Reading::Nameless { place, findings } => {
                parsed.diagnostics.extend(findings);
                parsed.unreadable.get_or_insert_with(|| nameless(&place));
            }
        }
    }
    parsed.diagnostics.sort_by(|a, b| a.place.cmp(&b.place));
    parsed
}

fn nameless(place: &Place) -> String {
    format!("line {}: the document's kind or name cannot be read", place.line)
}
