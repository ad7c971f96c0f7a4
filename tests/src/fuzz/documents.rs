//! YAML → documents: parse, expand, the kinds' own types, references, the rules of the chain.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hatoba_core::{Diagnostic, Digest, Document, Key};
use hatoba_engine::{Checked, rendered};
use hatoba_source::yaml::{self, FILE_BYTES_MAX};
use hatoba_source::{ParsedFile, Snapshot, Unreadable, Variables, emit_document, parse_documents};

const FILE: &str = "f.yaml";

/// Reads a file of documents.
pub fn documents(bytes: &[u8]) {
    let vars = variables();
    let parsed = parse_documents(FILE, bytes, &vars);
    let text = String::from_utf8_lossy(bytes);
    stands_in(&parsed.diagnostics, &text);
    nothing_is_lost(&parsed, bytes);
    for document in &parsed.documents {
        reads_back(document, &vars);
    }
    let keys = parsed.documents.iter().map(|document| &document.key);
    let keys: BTreeSet<&Key> = keys.chain(parsed.held.iter().map(|held| &held.key)).collect();
    // What is given twice is held by whoever puts the files of a source together.
    if keys.len() == parsed.documents.len() + parsed.held.len() {
        everything_is_judged(parsed, &text);
    }
}

fn variables() -> Variables {
    Variables::from_env_and_flags([], ["TEAM=web", "EMPTY=", "ODD=a: [${TEAM}"]).unwrap_or_default()
}

/// Every place lies in the text, where a snippet can show it. Lines end with LF, CR LF or CR, as in YAML.
fn stands_in(diagnostics: &[Diagnostic], text: &str) {
    let text = text.replace("\r\n", "\n");
    let lines: Vec<usize> = text.split(['\n', '\r']).map(|line| line.chars().count()).collect();
    for diagnostic in diagnostics {
        let (line, column) = (diagnostic.place.line, diagnostic.place.column);
        let width = line.checked_sub(1).and_then(|line| lines.get(line));
        assert_eq!(diagnostic.place.file, FILE);
        assert!(
            width.is_some_and(|width| (1..=width + 1).contains(&column)),
            "outside of the text: {diagnostic}"
        );
        assert!(!diagnostic.message.is_empty(), "nothing is said");
    }
}

/// Every YAML document is used, held with a reason, or makes the file unreadable.
fn nothing_is_lost(parsed: &ParsedFile, bytes: &[u8]) {
    let told: Vec<&Diagnostic> = parsed.diagnostics.iter().collect();
    let known = parsed.documents.len() + parsed.held.len();
    match yaml::parse(FILE, bytes) {
        Err(found) => {
            assert!(parsed.unreadable.is_some() && known == 0, "a broken file has no documents");
            assert_eq!(told, [&found]);
        }
        Ok(documents) if parsed.unreadable.is_none() => assert_eq!(known, documents.len()),
        Ok(documents) => assert!(known < documents.len() && !told.is_empty(), "unreadable without a reason"),
    }
    for held in &parsed.held {
        assert!(held.diagnostics.iter().any(Diagnostic::is_error), "{} is held without a reason", held.key);
        assert!(
            held.diagnostics.iter().all(|found| told.contains(&found)),
            "{} is held in silence",
            held.key
        );
    }
}

/// A document that is printed reads back as the same.
fn reads_back(document: &Document, vars: &Variables) {
    let text = emit_document(document);
    if text.len() > FILE_BYTES_MAX {
        return; // escapes may make it longer than what it was read from
    }
    let again = parse_documents(FILE, text.as_bytes(), vars);
    assert_eq!((again.diagnostics.as_slice(), again.unreadable.as_deref()), (&[][..], None), "{text}");
    let [again] = again.documents.as_slice() else { panic!("printed as several documents: {text}") };
    assert_eq!((&again.key, &again.labels, &again.spec), (&document.key, &document.labels, &document.spec));
    assert_eq!(again.digest, document.digest, "{text}");
}

/// Whatever a document's fate is, it is told; what is to be made has an order.
fn everything_is_judged(parsed: ParsedFile, text: &str) {
    let given: BTreeSet<Key> = parsed.documents.iter().map(|document| document.key.clone()).collect();
    let (order, checked) = rendered(&whole(parsed, text));
    stands_in(&checked.diagnostics, text);
    for key in given {
        assert!(checked.exists(&key), "{key} is lost");
        let is_told = checked.held.get(&key).is_none_or(|found| found.iter().any(Diagnostic::is_error));
        assert!(is_told, "{key} is held without a reason");
    }
    in_order(&order.into_iter().map(|(document, _)| document.key).collect::<Vec<_>>(), &checked);
}

/// What is worked on comes once each, after what it refers to.
fn in_order(order: &[Key], checked: &Checked) {
    let places: BTreeMap<&Key, usize> = order.iter().enumerate().map(|(at, key)| (key, at)).collect();
    assert_eq!(places.len(), order.len(), "a document comes twice");
    assert_eq!(places.len(), checked.desired.len(), "not every document has its turn");
    for (key, desired) in &checked.desired {
        for reference in &desired.references {
            if let Some(target) = places.get(&reference.target) {
                assert!(target < &places[key], "{key} comes before {}", reference.target);
            }
        }
    }
}

/// A source that is this one file.
pub(super) fn whole(parsed: ParsedFile, text: &str) -> Snapshot {
    let mut documents = parsed.documents;
    documents.sort_by(|a, b| a.key.cmp(&b.key));
    let unreadable = parsed.unreadable.map(|reason| Unreadable { file: FILE.to_owned(), reason });
    Snapshot {
        revision: Digest::of_bytes(text.as_bytes()),
        documents,
        held: parsed.held,
        diagnostics: parsed.diagnostics,
        unreadable: unreadable.into_iter().collect(),
        is_settling: false,
        files: 1,
        sources: BTreeMap::from([(FILE.to_owned(), Arc::from(text))]),
    }
}
