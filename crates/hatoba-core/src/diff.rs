//! What differs between what a document asks for and what AWS has, field by field.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::path;
use crate::{
    Cause, Desired, Digest, Field, FieldMode, KindTable, Members, Mutability, NullIs, Omitted, OmittedPolicy,
    RefField, Resolved, Shape,
};

/// Up to here every whole number has a float of its own (2^53).
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// One field that is not as the document says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldDrift {
    /// The member's path.
    pub path: String,
    /// What AWS has; `null`: absent, or AWS's default.
    pub from: Value,
    /// What is asked for; `null`: absent.
    pub to: Value,
    /// How it is put right.
    pub fix: Fix,
}

impl FieldDrift {
    /// The difference by name. Of deployments each step on the way counts for itself: making one, moving to it and
    /// removing one after the other are not the same write again.
    pub fn name(&self) -> String {
        match self.fix {
            Fix::Deployed => format!("{} ({})", self.path, Digest::of(&(&self.from, &self.to))),
            Fix::InPlace | Fix::ClearedBy(_) | Fix::Replace => self.path.clone(),
        }
    }
}

/// How a difference is put right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fix {
    /// By the update call.
    InPlace,
    /// By this call of its own.
    ClearedBy(String),
    /// By a new deployment, when all else is right.
    Deployed,
    /// By replacing the resource.
    Replace,
}

/// The differences, and what is worth saying beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// In the order of the kind's table.
    pub drift: Vec<FieldDrift>,
    /// For example `SelectorGrew`.
    pub notes: Vec<Cause>,
}

/// Brings AWS's members into the normal form in which they are compared: sets sorted, defaults dropped, and with
/// them the structures that held nothing else.
///
/// Members that the table does not list stay as they are; drivers use some of them.
pub fn normalise(table: &KindTable, members: Members) -> Members {
    let mut members = Value::Object(members);
    for field in table.fields {
        let Some(value) = path::get(&members, field.path) else { continue };
        match normal(field, value) {
            Value::Null => drop(path::take(&mut members, field.path)),
            value => path::set(&mut members, field.path, value),
        }
    }
    for field in table.fields {
        drop_hollow(&mut members, field.path);
    }
    match members {
        Value::Object(members) => members,
        _ => Members::new(),
    }
}

/// Takes the structures around `path` out that hold nothing: sent, AWS would miss what it demands of them.
fn drop_hollow(members: &mut Value, path: &str) {
    let mut at = path;
    while let Some((outer, _)) = at.rsplit_once('.') {
        if path::get(members, outer).and_then(Value::as_object).is_some_and(Map::is_empty) {
            path::take(members, outer);
        }
        at = outer;
    }
}

/// Compares, pure: `diff(x, x)` is empty.
///
/// `observed` must have been through [`normalise`].
pub fn diff(desired: &Desired, resolved: &Resolved, observed: &Members) -> Diff {
    let mut diff = Diff::default();
    let content = desired.table.replace.revisions().map(|revisions| (revisions.normal)(&resolved.members));
    let members = content.as_ref().unwrap_or(&resolved.members);
    for field in desired.table.fields {
        let have = path::get_member(observed, field.path).cloned().unwrap_or(Value::Null);
        let wanted = match mode(desired, field.path) {
            FieldMode::Ignore | FieldMode::Initial => continue,
            FieldMode::Enforce => match wanted(desired, members, field) {
                Some(wanted) => wanted,
                None => continue,
            },
            // Whoever gives a range asks for it, also where the field itself is left out.
            FieldMode::Range { range } => match outside(field, &have, range) {
                Some(bound) => bound,
                None => continue,
            },
        };
        let wanted = match pinned(resolved, field, &have, &mut diff.notes) {
            Pinned::InSync => continue,
            Pinned::Not => normal(field, &wanted),
        };
        if !same(field, &wanted, &have) {
            diff.drift.push(FieldDrift {
                path: field.path.to_owned(),
                fix: fix(field, &have, &wanted, observed),
                from: have,
                to: written(field, wanted),
            });
        }
    }
    diff
}

/// Whether two sets of members mean the same, whichever of them a document states and the other is AWS's: what can be
/// left out of one so that they still do need not be said.
pub fn means_the_same(table: &KindTable, one: &Members, other: &Members) -> bool {
    let form = |members: &Members| match table.replace.revisions() {
        Some(revisions) => (revisions.normal)(members),
        None => members.clone(),
    };
    let (one, other) = (form(one), form(other));
    table.fields.iter().all(|field| {
        let value =
            |members: &Members| normal(field, path::get_member(members, field.path).unwrap_or(&Value::Null));
        let (one, other) = (value(&one), value(&other));
        same(field, &one, &other) && same(field, &other, &one)
    })
}

/// Whether two resources of a kind hold the same, as far as documents can say it. Where a member that a reference may
/// fill differs, `leads_alike` says whether both lead to the same. What is deployed is a copy of other resources, and
/// those are compared themselves.
pub fn same_content(
    table: &KindTable,
    one: &Members,
    other: &Members,
    leads_alike: impl Fn(&RefField, &Value, &Value) -> bool,
) -> bool {
    table.fields.iter().filter(|field| !matches!(field.mutability, Mutability::Deployed)).all(|field| {
        let [one, other] =
            [one, other].map(|members| path::get_member(members, field.path).unwrap_or(&Value::Null));
        let mut fills = table.references.iter().filter(|reference| reference.member == field.path);
        same(field, one, other) || fills.any(|reference| leads_alike(reference, one, other))
    })
}

/// What the document says about a field, `None`: nothing, it is not ours.
fn wanted(desired: &Desired, members: &Members, field: &Field) -> Option<Value> {
    match (stated(members, field.path), field.omitted, desired.policy.omitted) {
        (Some(Value::Null), Omitted::Untouched(NullIs::LeftOut), _) => None,
        (Some(value), ..) => Some(value.clone()),
        (None, Omitted::Untouched(_), _) | (None, Omitted::Default(_), OmittedPolicy::Untouched) => None,
        (None, Omitted::Default(_), OmittedPolicy::Default) => Some(Value::Null),
    }
}

/// The member at `path` as stated; an explicit `null` around it counts for it.
fn stated<'a>(members: &'a Members, path: &str) -> Option<&'a Value> {
    let mut steps = path.split('.');
    let mut value = members.get(steps.next()?)?;
    for step in steps {
        if value.is_null() {
            break;
        }
        value = value.get(step)?;
    }
    Some(value)
}

/// The mode of the field at `path`: its own, or that of the nearest enclosing path that has one. A range is
/// for its own field only: what it encloses need not be numbers.
fn mode(desired: &Desired, path: &str) -> FieldMode {
    let modes = &desired.policy.fields;
    let mut at = path;
    loop {
        match modes.get(at) {
            Some(FieldMode::Range { .. }) if at != path => return FieldMode::Enforce,
            Some(mode) => return mode.clone(),
            None => {}
        }
        match at.rsplit_once('.') {
            Some((outer, _)) => at = outer,
            None => return FieldMode::Enforce,
        }
    }
}

/// The nearest bound, if the number is outside. Absent is AWS's default (dropped by [`normalise`]), else 0.
fn outside(field: &Field, have: &Value, (low, high): (f64, f64)) -> Option<Value> {
    let default = match (have, field.omitted) {
        (Value::Null, Omitted::Default(default)) => default.value(),
        _ => Value::Null,
    };
    let number = have.as_f64().or(default.as_f64()).unwrap_or(0.0);
    let bound = if number < low {
        low
    } else if number > high {
        high
    } else {
        return None;
    };
    #[expect(clippy::cast_possible_truncation, reason = "compared with its own floor first")]
    let whole = bound as i64;
    Some(if bound.fract() == 0.0 { json!(whole) } else { json!(bound) })
}

enum Pinned {
    InSync,
    Not,
}

/// A member filled by a pinned selector is in sync while everything in use still matches.
fn pinned(resolved: &Resolved, field: &Field, have: &Value, notes: &mut Vec<Cause>) -> Pinned {
    let Some(matching) = resolved.pins.get(field.path) else { return Pinned::Not };
    let in_use: BTreeSet<String> =
        have.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if in_use.is_empty() || !in_use.is_subset(matching) {
        return Pinned::Not;
    }
    let grown: Vec<&str> = matching.difference(&in_use).map(String::as_str).collect();
    if !grown.is_empty() {
        let message = format!(
            "{}: {} match the selector now and are not in use; `policy.selectors: Follow` would apply them",
            field.path,
            grown.join(", ")
        );
        notes.push(Cause::new("SelectorGrew", message));
    }
    Pinned::InSync
}

/// The normal form of one field's value: sets sorted, AWS's default as `null`.
fn normal(field: &Field, value: &Value) -> Value {
    // Nulls go and numbers are made one first: items that differ in nothing else are the same item.
    let value = match (field.shape, one_number(without_nulls(value.clone()))) {
        (Shape::Set, Value::Array(items)) => sorted(items),
        (Shape::SetIgnoringCase, Value::Array(items)) => sorted(
            items
                .into_iter()
                .map(|item| item.as_str().map(|text| json!(text.to_lowercase())).unwrap_or(item))
                .collect(),
        ),
        (_, value) => value,
    };
    match field.omitted {
        Omitted::Default(default) if value == default.value() => Value::Null,
        _ => value,
    }
}

/// Members that are `null` are absent, at any depth.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// Whole numbers are integers, at any depth: 1 and 1.0 are one number.
fn one_number(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "whole and small enough to be exact")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= WHOLE_MAX => {
                json!(float as i64)
            }
            _ => Value::Number(number),
        },
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name, one_number(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(one_number).collect(),
        other => other,
    }
}

fn sorted(mut items: Vec<Value>) -> Value {
    items.sort_by_cached_key(Value::to_string);
    items.dedup();
    Value::Array(items)
}

/// Whether two values in normal form are the same; `null` is also the value that it stands for.
pub(crate) fn same(field: &Field, wanted: &Value, have: &Value) -> bool {
    let is_same = match field.shape {
        Shape::By(is_same) => is_same(wanted, have),
        Shape::Exact | Shape::Set | Shape::SetIgnoringCase => wanted == have,
    };
    is_same || (wanted.is_null() && *have == field.null())
}

/// What is written: the value, or AWS's own default spelt out where there is one.
fn written(field: &Field, wanted: Value) -> Value {
    if wanted.is_null() { field.null() } else { wanted }
}

fn fix(field: &Field, have: &Value, wanted: &Value, observed: &Members) -> Fix {
    if field.fixed_in.is_some_and(|is_fixed| is_fixed(observed)) {
        return Fix::Replace;
    }
    match field.mutability {
        Mutability::Immutable => Fix::Replace,
        Mutability::ImmutableIf(is_replacement) if is_replacement(have, wanted) => Fix::Replace,
        Mutability::ClearedBy(operation) if wanted.is_null() => Fix::ClearedBy(operation.to_owned()),
        Mutability::Deployed => Fix::Deployed,
        Mutability::InPlace | Mutability::ImmutableIf(_) | Mutability::ClearedBy(_) => Fix::InPlace,
    }
}

/// The members to create with: what the document states, and the values at creation of what it leaves out, within the
/// ranges that it gives.
pub fn at_creation(desired: &Desired, resolved: &Resolved) -> Members {
    let mut members = Value::Object(resolved.members.clone());
    for field in desired.table.fields {
        // `null` is the default, which is sent as well where there is one; none of what is in a `null` is there.
        let is_default =
            path::get(&members, field.path).is_some_and(Value::is_null) && !field.null().is_null();
        if !is_default && stated(&resolved.members, field.path).is_some() {
            continue;
        }
        let usual = field.at_create.map(|literal| literal.value());
        let value = match mode(desired, field.path) {
            FieldMode::Range { range } => {
                outside(field, usual.as_ref().unwrap_or(&Value::Null), range).or(usual)
            }
            FieldMode::Enforce | FieldMode::Initial | FieldMode::Ignore => usual,
        };
        if let Some(value) = value {
            path::set(&mut members, field.path, value);
        }
    }
    match without_nulls(members) {
        Value::Object(members) => members,
        _ => Members::new(),
    }
}

/// The digest of what a new revision would hold; `None` for kinds without revisions.
pub(crate) fn content(desired: &Desired, resolved: &Resolved) -> Option<String> {
    let revisions = desired.table.replace.revisions()?;
    let normal = without_nulls(Value::Object((revisions.normal)(&at_creation(desired, resolved))));
    Some(Digest::of(&one_number(normal)).to_string())
}

#[cfg(test)]
#[path = "tests/diff.rs"]
mod tests;
