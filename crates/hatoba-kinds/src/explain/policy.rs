//! `policy`, the same for every kind: from the structure that parses it.

use std::fmt::Write as _;

use hatoba_core::{Policy, did_you_mean};
use serde_json::Value;

use super::{Schema, type_of, words};

/// Where it stands in a document.
pub(super) const NAME: &str = "policy";

/// Explains `policy`, or a member of it.
///
/// # Errors
/// A sentence with what was meant, when there is no such member.
pub(super) fn explain(field: Option<&str>) -> Result<String, String> {
    let schema = Schema { root: schemars::schema_for!(Policy).to_value() };
    let (path, at) = match field {
        None => (NAME.to_owned(), schema.root()),
        // Below it stand the paths of a kind's own fields.
        Some(field) if field.starts_with("fields.") => return explain(Some("fields")),
        Some(field) => match schema.at(field) {
            Ok(member) => (format!("{NAME}.{field}"), member),
            Err((step, known)) => return Err(no_such(&step, &known)),
        },
    };
    let mut text = format!("{path} <{}>\n", kind_of(&schema, at));
    about(&mut text, &schema, at, "    ");
    let members = schema.members(at).filter(|_| choices(&schema, at).is_empty());
    if let Some(members) = members {
        let _ = writeln!(text, "\nFields:\n");
        for (name, member) in members {
            let _ = writeln!(text, "  {name} <{}>", kind_of(&schema, member));
            about(&mut text, &schema, member, "      ");
        }
    }
    Ok(text)
}

fn no_such(step: &str, known: &[&str]) -> String {
    let hint = match did_you_mean(step, known.iter().copied()) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None if known.is_empty() => "nothing is below it".to_owned(),
        None => format!("fields here: {}", known.join(", ")),
    };
    format!("{NAME} has no field `{step}`; {hint}")
}

fn about(text: &mut String, schema: &Schema, member: &Value, indent: &str) {
    let said = words(member);
    if !said.is_empty() {
        let _ = writeln!(text, "{indent}{said}");
    }
    if let Some(default) = member.get("default").filter(|default| !default.is_null() && !default.is_object())
    {
        let _ = writeln!(
            text,
            "{indent}left out: {}",
            default.as_str().map_or(default.to_string(), str::to_owned)
        );
    }
    for (word, means) in choices(schema, member) {
        let _ = writeln!(text, "{indent}{word}: {means}");
    }
}

/// The words themselves, where only some will do; else the type.
fn kind_of(schema: &Schema, member: &Value) -> String {
    let choices = choices(schema, member);
    match choices.as_slice() {
        [] => type_of(schema, member),
        some if schema.members(member).is_none() => {
            some.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>().join(" or ")
        }
        _ => "mapping".to_owned(),
    }
}

/// The words that a member takes, and what each means; a word with a value of its own is its only member.
fn choices(schema: &Schema, member: &Value) -> Vec<(String, String)> {
    if let Some(word) = member.get("const").and_then(Value::as_str) {
        return vec![(word.to_owned(), words(member))];
    }
    let pointer = member.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
    let named = pointer.and_then(|pointer| schema.root().pointer(pointer));
    let several =
        ["oneOf", "anyOf", "allOf"].iter().filter_map(|word| member.get(word)?.as_array()).flatten();
    let map = member.get("additionalProperties");
    let nested: Vec<_> =
        named.into_iter().chain(several).chain(map).flat_map(|inner| choices(schema, inner)).collect();
    if !nested.is_empty() {
        return nested;
    }
    let only = member.get("properties").and_then(Value::as_object).filter(|members| members.len() == 1);
    only.into_iter().flat_map(|members| members.keys()).map(|word| (word.clone(), words(member))).collect()
}
