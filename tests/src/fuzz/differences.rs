//! Comparison of arbitrary pairs: what documents of every kind ask for, and what AWS may show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use hatoba_core::{
    Desired, Document, Fact, Facts, FieldDrift, FieldMode, Key, KindTable, Lookup, Members, OmittedPolicy,
    Places, Policy, Resolved, Selectors, at_creation, diff, means_the_same, normalise, path, same_content,
};
use hatoba_kinds::KindId;
use hatoba_source::{Variables, parse_documents};
use serde_json::Value;

use super::raw::Raw;

/// Members that an input changes, on either side.
const CHANGES_MAX: usize = 8;

/// Compares what a document asks for with what AWS shows; both are made of the bytes.
pub fn differences(bytes: &[u8]) {
    let mut raw = Raw::new(bytes);
    let kind = KindId::ALL[raw.below(KindId::ALL.len())];
    let (table, words) = (kind.table(), words_of(kind));
    let mut spec = Value::Object(sample(kind));
    for _ in 0..raw.below(CHANGES_MAX) {
        change(&mut raw, &mut spec, table, words);
    }
    let policy = policy(&mut raw, table);
    let mut observed = Value::Object(Members::new());
    while !raw.is_used_up() {
        change(&mut raw, &mut observed, table, words);
    }
    let observed = members(observed);

    let once = normalise(table, observed.clone());
    assert_eq!(normalise(table, once.clone()), once, "normalised twice");
    assert!(means_the_same(table, &observed, &observed));
    assert!(same_content(table, &once, &once, |_, _, _| false));
    let document =
        Document::new(Key::new(table.kind, "a"), BTreeMap::new(), members(spec), policy, Places::new("f"));
    if let Ok(desired) = kind.compile(&document)
        && let Ok(resolved) = desired.resolve(&Known)
    {
        of_a_document(&desired, &resolved, &once);
    }
}

/// What is asked for is a document's, whatever is seen.
fn of_a_document(desired: &Desired, resolved: &Resolved, observed: &Members) {
    let found = diff(desired, resolved, observed).drift;
    for drift in &found {
        let have = path::get_member(observed, &drift.path).cloned().unwrap_or(Value::Null);
        assert_eq!(drift.from, have, "{}", drift.path);
        assert_ne!(drift.from, drift.to, "{} differs in nothing", drift.path);
        assert!(desired.table.field(&drift.path).is_some(), "{} is no field", drift.path);
    }
    let made = normalise(desired.table, at_creation(desired, resolved));
    assert_eq!(diff(desired, resolved, &made).drift, [], "what was just made");
    if desired.table.replace.revisions().is_none() {
        let after = apply(desired.table, &found, observed);
        assert_eq!(diff(desired, resolved, &after).drift, [], "after {found:?}");
    }
}

/// Every difference written.
fn apply(table: &KindTable, drift: &[FieldDrift], observed: &Members) -> Members {
    let mut after = Value::Object(observed.clone());
    for drift in drift {
        path::set(&mut after, &drift.path, drift.to.clone());
    }
    normalise(table, members(after))
}

fn change(raw: &mut Raw<'_>, value: &mut Value, table: &KindTable, words: &[String]) {
    let fields: Vec<&str> = table.fields.iter().map(|field| field.path).collect();
    let Some(place) = raw.one_of(&fields) else { return };
    if raw.below(8) == 7 {
        path::take(value, place);
        return;
    }
    let inner = raw.text(words);
    let place = if raw.below(4) == 3 { path::join(place, &inner) } else { place.to_owned() };
    path::set(value, &place, raw.value(words));
}

fn policy(raw: &mut Raw<'_>, table: &KindTable) -> Policy {
    let omitted = if raw.flag() { OmittedPolicy::Untouched } else { OmittedPolicy::Default };
    let selectors = if raw.flag() { Selectors::Follow } else { Selectors::Pin };
    let paths: Vec<&str> = table.fields.iter().map(|field| field.path).collect();
    let modes = (0..raw.below(3)).filter_map(|_| {
        let mode = if raw.flag() { FieldMode::Ignore } else { FieldMode::Initial };
        Some((raw.one_of(&paths)?.to_owned(), mode))
    });
    Policy { omitted, selectors, fields: modes.collect(), ..Policy::default() }
}

fn members(value: Value) -> Members {
    match value {
        Value::Object(members) => members,
        _ => Members::new(),
    }
}

/// The spec of the kind's own sample.
fn sample(kind: KindId) -> Members {
    let parsed = parse_documents("sample", kind.sample().as_bytes(), &Variables::default());
    let of_kind = parsed.documents.into_iter().find(|document| document.key.kind == kind.table().kind);
    of_kind.map(|document| document.spec).unwrap_or_default()
}

/// Words that mean something to a kind: those of its sample, and those of its schema.
fn words_of(kind: KindId) -> &'static [String] {
    static WORDS: OnceLock<BTreeMap<&'static str, Vec<String>>> = OnceLock::new();
    let all = WORDS.get_or_init(|| {
        let of = |kind: &KindId| {
            let mut words = BTreeSet::new();
            gather(&Value::Object(sample(*kind)), &mut words);
            gather(&kind.schema().to_value(), &mut words);
            words.retain(|word| word.len() <= 60 && !word.contains(' ') && !word.starts_with(['#', '$']));
            (kind.table().kind, words.into_iter().collect())
        };
        KindId::ALL.iter().map(of).collect()
    });
    all.get(kind.table().kind).map(Vec::as_slice).unwrap_or_default()
}

fn gather(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::String(word) => drop(words.insert(word.clone())),
        Value::Array(items) => items.iter().for_each(|item| gather(item, words)),
        Value::Object(members) => {
            words.extend(members.keys().cloned());
            members.values().for_each(|value| gather(value, words));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Everything that is referred to is there.
struct Known;

impl Facts for Known {
    fn output(&self, target: &Key, output: &str) -> Fact<String> {
        Fact::Known(format!("{output}-{}", target.name))
    }

    fn lookup(&self, lookup: &Lookup) -> Fact<Vec<String>> {
        Fact::Known(vec![format!("{}-1", lookup.resource)])
    }
}
