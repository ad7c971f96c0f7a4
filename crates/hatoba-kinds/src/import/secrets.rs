//! Values that look like secrets: a document that is written by a program must not spread them.
//!
//! AWS has them in plain text where somebody put them: in a container's environment or its command, a log driver's
//! options, a stage's variables, a header that an integration adds. In place of such a value a variable is written: of
//! the whole text, also where the secret is only a part of it. What refers to a secret, an ARN, is none.
//!
//! Every string is looked at. Those that people write are also looked at for what names a secret in them.

use std::collections::BTreeMap;

use hatoba_core::Document;
use serde_json::Value;

use super::secret_text::{follows_flag, is_plain_value, is_secret, is_secret_name, tells_secret};

/// Maps whose keys people choose.
const FREE_MAPS: [&str; 9] = [
    "options",
    "stageVariables",
    "requestParameters",
    "responseParameters",
    "dockerLabels",
    "labels",
    "driverOpts",
    "attributes",
    "tags",
];

/// Members in which people write what they want.
const TEXTS: [&str; 4] = ["containerDefinitions", "description", "integrationUri", "volumes"];

/// Members of those that name something of a form of its own.
const NAMES: [&str; 3] = ["image", "name", "valueFrom"];

/// What is known of a string by where it stands.
#[derive(Clone, Copy)]
struct At<'a> {
    /// Its name, or that of the list in which it is.
    name: &'a str,
    /// Whether somebody chose the name.
    is_free: bool,
    /// Whether somebody wrote the text.
    is_text: bool,
}

/// JSON pointers of such values in `spec`, and a variable for each: `GREAT_TASK_DB_PASSWORD`.
pub(super) fn variables(document: &Document) -> BTreeMap<String, String> {
    let found = secrets(&Value::Object(document.spec.clone()));
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for (pointer, name, value) in found {
        let plain = upper(&format!("{}_{name}", document.key.name));
        let variable = (1_usize..)
            .map(|n| if n == 1 { plain.clone() } else { format!("{plain}_{n}") })
            .find(|variable| values.get(variable).is_none_or(|other| *other == value))
            .unwrap_or(plain);
        values.insert(variable.clone(), value);
        variables.insert(pointer, variable);
    }
    variables
}

/// Whether anything looks like a secret in a value of this member, or in one that is inside of it: `a.b`.
pub fn hides_secret(path: &str, value: &Value) -> bool {
    let inside_out = path.rsplit('.').map(|part| part.split('[').next().unwrap_or(part));
    let whole = inside_out
        .fold(value.clone(), |inner, name| Value::Object([(name.to_owned(), inner)].into_iter().collect()));
    !secrets(&whole).is_empty()
}

/// Pointer, name and value of each.
fn secrets(spec: &Value) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    look(spec, "", At { name: "", is_free: false, is_text: false }, &mut found);
    found
}

fn look(value: &Value, pointer: &str, at: At<'_>, found: &mut Vec<(String, String, String)>) {
    match value {
        Value::Object(members) => {
            let called = members.get("name").and_then(Value::as_str);
            for (member, value) in members {
                let here = format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"));
                let is_map = FREE_MAPS.contains(&member.as_str()) && value.is_object();
                let is_text = at.is_text || is_map || TEXTS.contains(&member.as_str());
                let at = match called.filter(|_| member == "value") {
                    Some(name) => At { name, is_free: true, is_text },
                    None if at.is_free => At { name: member, is_free: true, is_text },
                    None => At {
                        name: member,
                        is_free: is_map,
                        is_text: is_text && !NAMES.contains(&member.as_str()),
                    },
                };
                look(value, &here, at, found);
            }
        }
        Value::Array(items) => {
            let texts: Vec<&str> = items.iter().map(|item| item.as_str().unwrap_or_default()).collect();
            let flagged: Vec<usize> = if at.is_text { follows_flag(&texts).collect() } else { Vec::new() };
            for (index, item) in items.iter().enumerate() {
                let here = format!("{pointer}/{index}");
                match item.as_str().filter(|_| flagged.contains(&index)) {
                    Some(text) => found.push((here, at.name.to_owned(), text.to_owned())),
                    None => look(item, &here, at, found),
                }
            }
        }
        Value::String(text) if looks_secret(at, text) => {
            found.push((pointer.to_owned(), at.name.to_owned(), text.clone()));
        }
        _ => {}
    }
}

/// By its name, by itself, or by what is in it; what AWS fills in at run time (`$context.…`, `$request.…`) has a name
/// and is none.
fn looks_secret(at: At<'_>, text: &str) -> bool {
    let is_filled_in =
        ["$request.", "$response.", "$context.", "$stageVariables."].iter().any(|own| text.starts_with(own))
            && !text.contains(char::is_whitespace);
    let is_named_so = at.is_free && !is_filled_in && !is_plain_value(text) && is_secret_name(at.name);
    is_named_so || is_secret(text) || (at.is_text && tells_secret(text))
}

/// `integrationUri` → `INTEGRATION_URI`.
fn upper(name: &str) -> String {
    let mut upper = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if before.is_ascii_lowercase() && c.is_ascii_uppercase() {
            upper.push('_');
        }
        upper.push(if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
        before = c;
    }
    upper
}
