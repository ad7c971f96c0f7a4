//! What the walks state, change and take away, against what the kinds' own tables and schemas know.

use hatoba_core::{Mutability, path};
use hatoba_kinds::{KindId, document_schema, kind_names};
use serde_json::Value;

use super::catalogue::{State, Subject};
use super::course::Step;

/// Kinds and members that nobody walks, a line each.
pub(crate) fn gaps(
    subjects: &[Subject],
    walks: impl Iterator<Item = (usize, State, Vec<Step>)>,
) -> Vec<String> {
    let mut documents: Vec<Vec<Vec<Value>>> = vec![Vec::new(); subjects.len()];
    for (number, first, steps) in walks {
        let said = steps.iter().filter_map(Step::says).map(|state| subjects[number].spec(state));
        documents[number].push(std::iter::once(subjects[number].spec(&first)).chain(said).collect());
    }
    let mut gaps = Vec::new();
    for kind in kind_names() {
        match subjects.iter().position(|subject| subject.kind == kind) {
            None => gaps.push(format!("{kind}: no documents are made of it")),
            Some(number) => gaps.extend(gaps_of(&subjects[number], &documents[number])),
        }
    }
    gaps
}

fn gaps_of(subject: &Subject, walks: &[Vec<Value>]) -> Vec<String> {
    let paths = paths(subject.kind);
    let is_listed = |at: &str| subject.left_out.iter().any(|(left, _)| *left == at);
    let lacking = paths.iter().filter_map(|at| Some((at, lack(at, walks)?)));
    let (listed, mut gaps): (Vec<_>, Vec<_>) = lacking.partition(|(at, _)| is_listed(at));
    gaps.sort();
    let mut gaps: Vec<String> =
        gaps.iter().map(|(at, lack)| format!("{} {at}: {lack}", subject.kind)).collect();
    for (left, _) in subject.left_out {
        if !listed.iter().any(|(at, _)| at == left) {
            gaps.push(format!("{} {left}: walked, or no member at all, though it is left out", subject.kind));
        }
    }
    gaps
}

/// What no walk does with a member.
fn lack(at: &str, walks: &[Vec<Value>]) -> Option<&'static str> {
    let value = |spec: &Value| stated(spec, at);
    let all = || walks.iter().flatten();
    let pairs = || walks.iter().flat_map(|walk| walk.iter().zip(walk.iter().skip(1)));
    let changes = |(before, after): (&Value, &Value)| matches!((value(before), value(after)), (Some(a), Some(b)) if a != b);
    let goes = |(before, after): (&Value, &Value)| value(before).is_some() && value(after).is_none();
    if !all().any(|spec| value(spec).is_some()) {
        Some("never stated")
    } else if !pairs().any(changes) {
        Some("never changed")
    } else if !all().all(|spec| value(spec).is_some()) && !pairs().any(goes) {
        Some("never taken away")
    } else {
        None
    }
}

/// The members that a kind knows: those of its table, what may stand in their place, and the rest of its schema.
fn paths(kind: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    if let Some(table) = KindId::of(kind).map(KindId::table) {
        let fields = table.fields.iter().filter(|field| !matches!(field.mutability, Mutability::Deployed));
        let filled: Vec<String> = (table.references.iter().map(|r| path::beside(r.path, r.member)))
            .chain(table.selectors.iter().map(|selector| selector.fills()))
            .collect();
        all.extend(fields.map(|field| field.path.to_owned()).filter(|path| !filled.contains(path)));
        all.extend(table.references.iter().map(|reference| reference.path.to_owned()));
        all.extend(table.selectors.iter().map(|selector| selector.path.to_owned()));
    }
    let schema = document_schema(Some(kind)).unwrap_or_default();
    let members =
        schema["definitions"][format!("{kind}Spec")]["properties"].as_object().cloned().unwrap_or_default();
    let is_known = |name: &String| all.iter().any(|path| path.split(['.', '[']).next() == Some(name));
    let others: Vec<String> = members.keys().filter(|name| !is_known(name)).cloned().collect();
    all.extend(others);
    all
}

/// What a document states at a path; `[]` is every item of a list.
fn stated(spec: &Value, at: &str) -> Option<Value> {
    match at.split_once("[].") {
        None => path::get(spec, at).filter(|value| !value.is_null()).cloned(),
        Some((list, rest)) => {
            let items = path::get(spec, list)?.as_array()?;
            let all: Vec<Value> = items.iter().filter_map(|item| stated(item, rest)).collect();
            (!all.is_empty()).then(|| Value::from(all))
        }
    }
}
