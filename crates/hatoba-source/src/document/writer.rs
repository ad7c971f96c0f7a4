//! From a document back to YAML.

use std::collections::BTreeMap;

use hatoba_core::{API_VERSION, Document, Members, Policy};
use serde_json::{Value, json};

use crate::{variables, yaml};

/// A document as YAML text, without `---`, that reads back as the same document whatever variables are given.
///
/// What `policy` leaves at its default is left out.
///
/// ```
/// use hatoba_source::{Variables, emit_document, parse_documents};
/// let text = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata:\n  name: crazy-api\nspec:\n  description: $${TEAM}\n";
/// let parsed = parse_documents("a.yaml", text.as_bytes(), &Variables::default());
/// assert_eq!(emit_document(&parsed.documents[0]), text);
/// ```
pub fn emit_document(document: &Document) -> String {
    emit_with_variables(document, &BTreeMap::new())
}

/// The same with `${NAME}` in place of some strings of `spec`: JSON pointer → name.
pub fn emit_with_variables(document: &Document, variables: &BTreeMap<String, String>) -> String {
    let mut metadata = json!({ "name": document.key.name });
    if !document.labels.is_empty() {
        metadata["labels"] = literal(json!(document.labels));
    }
    let mut spec = literal(Value::Object(document.spec.clone()));
    for (pointer, name) in variables {
        if let Some(value) = spec.pointer_mut(pointer) {
            *value = json!(format!("${{{name}}}"));
        }
    }
    let policy = stated(&document.policy);
    let mut members = vec![
        ("apiVersion", json!(API_VERSION)),
        ("kind", json!(document.key.kind)),
        ("metadata", metadata),
        ("spec", spec),
    ];
    if !policy.is_empty() {
        members.push(("policy", literal(Value::Object(policy))));
    }
    let text: Vec<String> =
        members.iter().map(|(name, value)| yaml::emit(&json!({ *name: value }))).collect();
    if text.iter().all(|text| !text.starts_with('{')) {
        return text.concat();
    }
    // One of them only goes as JSON, and JSON does not follow upon YAML.
    let whole: Members = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let text = yaml::emit(&Value::Object(whole));
    if text.ends_with('\n') { text } else { text + "\n" }
}

/// What is not as by default.
fn stated(policy: &Policy) -> Members {
    let members = |policy: &Policy| match serde_json::to_value(policy) {
        Ok(Value::Object(members)) => members,
        // A policy is plain data with string keys.
        _ => Members::new(),
    };
    let default = members(&Policy::default());
    let mut stated = members(policy);
    stated.retain(|name, value| default.get(name) != Some(value));
    stated
}

/// The value with every string such that no variable is put into it.
fn literal(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(variables::literal(&text)),
        Value::Array(items) => items.into_iter().map(literal).collect(),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, literal(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Variables, parse_documents};

    const TEXT: &str = r#"
apiVersion: hatoba/v1
kind: Stage
metadata: { name: s, labels: { team: web, "odd key/é": "a=b" } }
spec:
  apiRef: a
  stageName: $default
  stageVariables: { a: "$${TEAM}", b: "${request.path.id}", c: "$$$${TEAM}", d: "1", e: "no", f: "x: y # z" }
  description: "two\nlines ~ \"quoted\" 'so'"
  defaultRouteSettings: { throttlingRateLimit: 2.5, detailedMetricsEnabled: true, throttlingBurstLimit: null }
policy: { suspend: true, fields: { description: ignore, "defaultRouteSettings.throttlingRateLimit": { range: [1, 5] } } }
"#;

    #[test]
    fn a_document_reads_back_as_it_was() {
        let vars = Variables::from_env_and_flags([], ["TEAM=web"]).unwrap();
        let read = |text: &str| {
            let parsed = parse_documents("a.yaml", text.as_bytes(), &vars);
            assert_eq!(parsed.diagnostics, [], "{text}");
            parsed.documents[0].clone()
        };
        let first = read(TEXT);
        let text = emit_document(&first);
        let again = read(&text);
        assert_eq!(again.digest, first.digest, "{text}");
        assert_eq!((again.spec, again.policy, again.labels), (first.spec, first.policy, first.labels));
        assert!(!text.contains("drift"), "what is as by default is left out: {text}");
    }

    #[test]
    fn a_variable_stands_for_a_value_that_is_not_shown() {
        let text = "apiVersion: hatoba/v1\nkind: Stage\nmetadata: { name: s }\nspec:\n  apiRef: a\n  stageVariables: { a/b: hunter2, c: '$${X}' }\n";
        let document = parse_documents("a.yaml", text.as_bytes(), &Variables::default()).documents[0].clone();
        let variables = BTreeMap::from([("/stageVariables/a~1b".to_owned(), "S_TOKEN".to_owned())]);
        let shown = emit_with_variables(&document, &variables);
        assert!(!shown.contains("hunter2") && shown.contains("${S_TOKEN}"), "{shown}");
        let given = Variables::from_env_and_flags([], ["S_TOKEN=hunter2"]).unwrap();
        let again = parse_documents("a.yaml", shown.as_bytes(), &given).documents[0].clone();
        assert_eq!(again.digest, document.digest, "{shown}");
    }
}
