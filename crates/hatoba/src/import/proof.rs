//! The proof of imported documents: their plan, which must be empty.
//!
//! Owner marks are no difference: they are what taking over means. Everything else is one, and is told by document and
//! field.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use hatoba_core::{Digest, Fix, Key, TAG_PREFIX};
use hatoba_engine::{Plan, PlanAction, PlanEntry};
use hatoba_kinds::hides_secret;
use hatoba_source::{Snapshot, Unreadable, Variables, parse_documents};

use crate::report::{cut, visible};

/// As much of a value as a line holds.
const VALUE_CHARS_MAX: usize = 120;

/// The files as a source, with these variables put in.
pub(super) fn snapshot(files: &BTreeMap<PathBuf, String>, variables: &Variables) -> Snapshot {
    let mut whole = Snapshot {
        revision: Digest::of(files),
        documents: Vec::new(),
        held: Vec::new(),
        diagnostics: Vec::new(),
        unreadable: Vec::new(),
        is_settling: false,
        files: files.len(),
        sources: BTreeMap::new(),
    };
    for (path, text) in files {
        let file = path.display().to_string();
        let parsed = parse_documents(&file, text.as_bytes(), variables);
        whole.documents.extend(parsed.documents);
        whole.held.extend(parsed.held);
        whole.diagnostics.extend(parsed.diagnostics);
        whole.unreadable.extend(parsed.unreadable.map(|reason| Unreadable { file: file.clone(), reason }));
        whole.sources.insert(file, Arc::from(text.as_str()));
    }
    whole.documents.sort_by(|a, b| a.key.cmp(&b.key));
    whole
}

/// What taking over would change of the documents that were imported, a line each; nothing: the plan is empty.
pub(super) fn differences(plan: &Plan, is_imported: impl Fn(&Key) -> bool) -> Vec<String> {
    plan.entries.iter().filter(|entry| is_imported(&entry.document)).flat_map(of_entry).collect()
}

fn of_entry(entry: &PlanEntry) -> Vec<String> {
    let document = visible(&entry.document.to_string());
    let mark = format!("tags.{TAG_PREFIX}");
    let fields = entry.fields.iter().filter(|field| !field.path.starts_with(&mark));
    let mut told: Vec<String> = fields
        .map(|field| {
            let value = |value: &serde_json::Value| match value {
                serde_json::Value::Null => "nothing".to_owned(),
                value if hides_secret(&field.path, value) => {
                    "something that looks like a secret and is not shown".to_owned()
                }
                value => cut(&visible(&value.to_string()), VALUE_CHARS_MAX),
            };
            let replaced = if field.fix == Fix::Replace { "; it cannot be changed in place" } else { "" };
            let path = visible(&field.path);
            format!(
                "{document}: {path}: AWS has {}, the document says {}{replaced}",
                value(&field.from),
                value(&field.to)
            )
        })
        .collect();
    let because = |what: &str| {
        let cause = entry.cause.as_ref();
        let why =
            cause.map(|cause| format!(": {} ({})", visible(&cause.message), visible(cause.reason.as_str())));
        format!("{document}: {what}{}", why.unwrap_or_default())
    };
    let is_suspended = entry.cause.as_ref().is_some_and(|cause| cause.reason.as_str() == "Suspended");
    match entry.action {
        PlanAction::None | PlanAction::Update => {}
        PlanAction::Held if is_suspended => {}
        PlanAction::Held => told.push(because("it would be held")),
        PlanAction::Unknown => told.push(because("it cannot be told")),
        PlanAction::Create => told.push(because("a new one would be made")),
        PlanAction::Replace => told.push(because("it would be replaced")),
        PlanAction::Delete => told.push(because("it would be deleted")),
    }
    // Of differences that cannot be put right a note alone tells.
    let notes = entry.notes.iter().filter(|note| note.reason.as_str() == "NeedsDowntime");
    told.extend(notes.map(|note| format!("{document}: {}", visible(&note.message))));
    told
}
