//! Values that look like secrets: a document that is written by a program must not spread them.
//!
//! AWS has them in plain text where somebody put them: in a container's environment, a log driver's options, a stage's
//! variables, a header that an integration adds. In place of such a value a variable is written. What refers to a
//! secret, an ARN, is none.

use std::collections::BTreeMap;

use hatoba_core::Document;
use serde_json::Value;

/// Maps whose keys people choose.
const FREE_MAPS: [&str; 4] = ["options", "stageVariables", "requestParameters", "dockerLabels"];

/// Words in the name of a value that must not be seen, without what parts words.
const WORDS: [&str; 17] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "authorization",
    "cookie",
    "dsn",
    "pwd",
    "salt",
    "connectionstring",
];

/// JSON pointers of such values in `spec`, and a variable for each: `GREAT_TASK_DB_PASSWORD`.
pub(super) fn variables(document: &Document) -> BTreeMap<String, String> {
    let mut found = Vec::new();
    look(&Value::Object(document.spec.clone()), "", false, &mut found);
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

fn look(value: &Value, at: &str, is_free: bool, found: &mut Vec<(String, String, String)>) {
    match value {
        Value::Object(members) => {
            let pair = members.get("name").zip(members.get("value"));
            if let Some((name, value)) = pair.and_then(|(name, value)| name.as_str().zip(value.as_str()))
                && is_secret(name, value)
            {
                found.push((format!("{at}/value"), name.to_owned(), value.to_owned()));
            }
            for (name, value) in members {
                let here = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                match value.as_str().filter(|_| is_free) {
                    Some(text) if is_secret(name, text) => {
                        found.push((here, name.clone(), text.to_owned()));
                    }
                    _ => look(value, &here, FREE_MAPS.contains(&name.as_str()), found),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                look(item, &format!("{at}/{index}"), false, found);
            }
        }
        _ => {}
    }
}

/// By its name or by itself; what AWS fills in at run time (`$context.…`, `$request.…`) is none.
fn is_secret(name: &str, value: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let is_named_so =
        WORDS.iter().any(|word| plain.contains(word)) || plain == "key" || plain.ends_with("pass");
    let is_filled_in =
        ["$request.", "$context.", "$stageVariables."].iter().any(|own| value.starts_with(own));
    let is_reference = value.is_empty() || value.starts_with("arn:") || is_filled_in;
    !is_reference && (is_named_so || looks_secret(value))
}

/// A password in a URL, a private key, an access key of AWS's.
fn looks_secret(value: &str) -> bool {
    let user = value.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or(rest));
    let in_url =
        user.and_then(|authority| authority.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'));
    in_url || value.contains("PRIVATE KEY-----") || value.starts_with("AKIA") || value.starts_with("ASIA")
}

fn upper(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}
