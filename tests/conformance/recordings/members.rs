//! Members on the wire as documents name them, and which of them were lost on the way.

use hatoba_core::{
    Field, KindTable, Mark, MarkStyle, Members, Omitted, ReplaceStyle, Shape, normalise, path,
};
use hatoba_kinds::KindId;
use serde_json::{Map, Value};

use super::sorts::MOVED;

/// Members that say nothing where they have this value: kind, member, value, in which answers.
type Constant = (&'static str, &'static str, &'static str, fn(&Value) -> bool);
const CONSTANTS: &[Constant] = &[
    ("HttpApi", "routeSelectionExpression", "$request.method $request.path", |_| true),
    // Lambda takes nothing else.
    ("Integration", "integrationMethod", "POST", |integration| {
        integration["integrationType"] == "AWS_PROXY" && integration["integrationSubtype"].is_null()
    }),
];

/// What a document of the kind could say of this resource or request: AWS's members under the documents' names.
pub(super) fn documented(kind: KindId, wire: &Value) -> Members {
    let schema = serde_json::to_value(kind.schema()).unwrap();
    let mut members = match said(&schema, &schema, wire) {
        Value::Object(members) => Value::Object(members),
        _ => Value::Object(Map::new()),
    };
    let table = kind.table();
    for (_, member, at) in MOVED.iter().filter(|(name, ..)| *name == table.kind) {
        if let Some(found) = place(wire, at).and_then(|at| path::get(wire, &at)) {
            path::set(&mut members, member, found.clone());
        }
    }
    for (_, member, value, is_so) in CONSTANTS.iter().filter(|(name, ..)| *name == table.kind) {
        if members[*member] == *value && is_so(wire) {
            path::take(&mut members, member);
        }
    }
    if table.marks == MarkStyle::Description {
        let (text, _) = Mark::from_description(members["description"].as_str().unwrap_or_default());
        path::set(&mut members, "description", text.into());
    }
    members.as_object().cloned().unwrap()
}

/// The place with the deployment that is meant; `None`: there is none.
fn place(wire: &Value, at: &str) -> Option<String> {
    if !at.contains("[PRIMARY]") {
        return Some(at.to_owned());
    }
    let deployments = wire["deployments"].as_array()?;
    let primary = deployments.iter().position(|deployment| deployment["status"] == "PRIMARY")?;
    Some(at.replace("[PRIMARY]", &format!("[{primary}]")))
}

/// The answer in which AWS would show the resource that this request asks for: what documents say of it is the
/// request's, the rest the recorded one's.
pub(super) fn answered(kind: KindId, recorded: &Value, request: &Value) -> Value {
    let mut answer = recorded.clone();
    let schema = serde_json::to_value(kind.schema()).unwrap();
    if let Some(members) = answer.as_object_mut() {
        members.retain(|name, _| property(&schema, name).is_none());
    }
    for (_, _, at) in MOVED.iter().filter(|(name, ..)| *name == kind.table().kind) {
        place(&answer, at).and_then(|at| path::take(&mut answer, &at));
    }
    for (name, value) in request.as_object().into_iter().flatten() {
        let moved = MOVED.iter().find(|(owner, member, _)| *owner == kind.table().kind && member == name);
        let at = moved.and_then(|(_, _, at)| place(&answer, at)).unwrap_or_else(|| name.clone());
        if name != "tags" && name != "Tags" {
            path::set(&mut answer, &at, value.clone());
        }
    }
    answer
}

/// A property of a schema, by its name on the wire: Cloud Map writes `DnsConfig`, `TTL`.
fn property<'a>(schema: &'a Value, name: &str) -> Option<(&'a String, &'a Value)> {
    let properties = schema["properties"].as_object()?;
    properties.iter().find(|(property, _)| property.eq_ignore_ascii_case(name))
}

fn said(root: &Value, schema: &Value, wire: &Value) -> Value {
    let schema = resolved(root, schema);
    match wire {
        Value::Object(members) if schema["properties"].is_object() => members
            .iter()
            .filter_map(|(name, value)| {
                let (property, inner) = property(schema, name)?;
                Some((property.clone(), said(root, inner, value)))
            })
            .collect(),
        Value::Object(entries) if schema["additionalProperties"].is_object() => {
            let inner = &schema["additionalProperties"];
            entries.iter().map(|(name, value)| (name.clone(), said(root, inner, value))).collect()
        }
        Value::Array(items) => items.iter().map(|item| said(root, &schema["items"], item)).collect(),
        other => other.clone(),
    }
}

/// Behind `$ref`, and behind "or null".
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(pointer) = schema["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
        return root.pointer(pointer).map_or(schema, |inner| resolved(root, inner));
    }
    let either = schema["anyOf"].as_array().into_iter().flatten();
    either.into_iter().find(|inner| inner["type"] != "null").map_or(schema, |inner| resolved(root, inner))
}

/// Managed members that `told` says and `kept` does not say alike, each with both values.
///
/// Empty lists and structures inside a member, and members that are AWS's default, say nothing.
pub(super) fn lost(table: &'static KindTable, told: &Members, kept: &Members) -> Vec<String> {
    let [told, kept] = [told, kept].map(|members| {
        let members = normalise(table, without_nothing(members));
        match &table.replace {
            // A revision is compared in a normal form of its kind's own.
            ReplaceStyle::Revisions(revisions) => (revisions.normal)(&members),
            _ => members,
        }
    });
    let mut lost = Vec::new();
    for field in table.fields {
        let Some(told) = path::get_member(&told, field.path) else { continue };
        let kept = path::get_member(&kept, field.path).unwrap_or(&Value::Null);
        if !is_nothing(told) && !is_kept(field, told, kept) {
            lost.push(format!("{} {}: {told}, kept {kept}", table.kind, field.path));
        }
    }
    lost
}

fn is_kept(field: &Field, told: &Value, kept: &Value) -> bool {
    let is_default =
        matches!(field.omitted, Omitted::Default(default) if kept.is_null() && *told == default.value());
    is_default || told == kept || matches!(field.shape, Shape::By(is_same) if is_same(told, kept))
}

fn without_nothing(members: &Members) -> Members {
    members.iter().map(|(name, value)| (name.clone(), full(value.clone()))).collect()
}

fn full(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, full(value)))
            .filter(|(_, value)| !is_nothing(value))
            .collect(),
        Value::Array(items) => items.into_iter().map(full).collect(),
        other => other,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}
