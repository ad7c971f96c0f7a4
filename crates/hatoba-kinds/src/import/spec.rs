//! What a document says of a resource: AWS's members without what need not be said, and with names of other documents
//! in place of ids.

use std::collections::BTreeMap;

use hatoba_core::{
    Document, Field, Key, Members, NullIs, Omitted, Places, Policy, RefField, means_the_same, path,
};
use serde_json::Value;

use super::{Found, Named};
use crate::KindId;

/// Whether the name itself must not be written down.
pub(super) fn hides_its_name(found: &Found) -> bool {
    let hidden = |member: Option<&str>| member.is_some_and(|member| found.withheld.contains(member));
    hidden(found.kind.table().name_member) || hidden(found.kind.table().scope_member)
}

/// The members that a document has to state. AWS's own defaults are gone from what was observed.
pub(super) fn members(found: &Found) -> Members {
    let table = found.kind.table();
    let is_told = |path: &str| {
        let top = path.split('.').next().unwrap_or(path);
        !found.withheld.contains(top)
    };
    let mut spec = Value::Object(Members::new());
    for field in table.fields.iter().filter(|field| is_told(field.path)) {
        let observed = path::get_member(&found.object.members, field.path).filter(|value| !value.is_null());
        let hint = path::get_member(&found.hints, field.path);
        let value = match (observed, hint) {
            // Where AWS shows several that it may be, it is the one that is known, or any of them.
            (Some(Value::Array(several)), hint) if field.tells_apart => {
                hint.filter(|hint| several.contains(hint)).or(several.first())
            }
            (Some(observed), _) => Some(observed),
            (None, hint) => hint,
        };
        if let Some(value) = value.filter(|value| !goes_without_saying(field, value)) {
            path::set(&mut spec, field.path, value.clone());
        }
    }
    let mut members = match spec {
        Value::Object(spec) => spec,
        _ => Members::new(),
    };
    found.kind.retell(&mut members);
    if let Some(member) = table.scope_member {
        members.insert(member.to_owned(), Value::String(found.object.scope.clone()));
    }
    members
}

/// Whether a resource that is made without the field has this value, or AWS means the same by none.
fn goes_without_saying(field: &Field, value: &Value) -> bool {
    let Omitted::Untouched(null) = field.omitted else { return false };
    let same = |literal: hatoba_core::Literal| literal.value() == *value;
    field.at_create.is_some_and(same) || matches!(null, NullIs::Value(literal) if same(literal))
}

/// Without the inner members that mean nothing: a structure without them is the same, whoever states it, and as good.
pub(super) fn concise(kind: KindId, full: Members) -> Members {
    // What has revisions is shown in a form in which nothing means nothing.
    if kind.table().replace.revisions().is_some() {
        return full;
    }
    let wrong = |spec: &Members| {
        let key = Key::new(kind.table().kind, "x");
        let places = Places::new("x.yaml");
        let document = Document::new(key, BTreeMap::new(), spec.clone(), Policy::default(), places);
        kind.compile(&document).map_or_else(|problems| problems.len(), |_| 0)
    };
    let (mut kept, wrong_at_first) = (full.clone(), wrong(&full));
    let mut pointers = Vec::new();
    inner(&Value::Object(full.clone()), "", 0, &mut pointers);
    for pointer in pointers {
        let mut trial = Value::Object(kept.clone());
        if take_inner(&mut trial, &pointer)
            && let Value::Object(trial) = trial
            && means_the_same(kind.table(), &full, &trial)
            && wrong(&trial) <= wrong_at_first
        {
            kept = trial;
        }
    }
    kept
}

/// JSON pointers of the members inside of top-level ones, the outermost first.
fn inner(value: &Value, at: &str, depth: usize, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let here = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                if depth > 0 {
                    found.push(here.clone());
                }
                inner(value, &here, depth + 1, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                inner(item, &format!("{at}/{index}"), depth + 1, found);
            }
        }
        _ => {}
    }
}

/// Takes one out, with the mappings around it of which nothing would be left.
fn take_inner(value: &mut Value, pointer: &str) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    let name = name.replace("~1", "/").replace("~0", "~");
    let Some(Value::Object(members)) = value.pointer_mut(parent) else { return false };
    if members.len() == 1 && members.contains_key(&name) && !parent.is_empty() {
        return take_inner(value, parent);
    }
    members.remove(&name).is_some()
}

/// With the names of documents in place of what their resources are called in AWS.
pub(super) fn with_references(found: &Found, named: &[Named<'_>], members: Members) -> Members {
    let mut spec = Value::Object(members);
    for reference in found.kind.table().references {
        for at in path::expand(&spec, &path::beside(reference.path, reference.member)) {
            let Some(text) = path::get(&spec, &at).and_then(Value::as_str) else { continue };
            let Some(target) = named.iter().find(|named| is_meant(found, reference, text, named.found))
            else {
                continue;
            };
            let name = match reference.kinds.first() == Some(&target.key.kind.as_str()) {
                true => target.key.name.clone(),
                false => target.key.to_string(),
            };
            let leaf = reference.path.rsplit('.').next().unwrap_or(reference.path);
            path::take(&mut spec, &at);
            path::set(&mut spec, &path::beside(&at, leaf), Value::String(name));
        }
    }
    match spec {
        Value::Object(members) => members,
        _ => Members::new(),
    }
}

/// Whether a member's text means that other resource.
fn is_meant(found: &Found, reference: &RefField, text: &str, other: &Found) -> bool {
    let (before, after) = reference.template.split_once("{}").unwrap_or_default();
    let Some(text) = text.strip_prefix(before).and_then(|text| text.strip_suffix(after)) else {
        return false;
    };
    let outputs = &other.object.outputs;
    let is_it = [reference.output, "id"].iter().any(|output| outputs.get(*output).is_some_and(|o| o == text));
    // Names and ids within an API mean nothing outside of it.
    let scope = &other.object.scope;
    let is_in_reach = text.starts_with("arn:")
        || scope.is_empty()
        || *scope == found.object.scope
        || found.object.uses.contains(scope);
    is_it && is_in_reach && reference.kinds.contains(&other.kind.table().kind)
}
