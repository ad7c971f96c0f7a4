//! Reads one document, collecting everything that is wrong with it.

use std::collections::BTreeMap;

use hatoba_core::path::join;
use hatoba_core::{API_VERSION, Diagnostic, Document, Key, Members, Place, Places, check_name, did_you_mean};
use serde_json::Value;

use super::Held;
use crate::variables::{EXPANDED_BYTES_MAX, Undefined, Variables};
use crate::yaml::{YamlDocument, quoted};

const ROOT_MEMBERS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "policy"];
const METADATA_MEMBERS: [&str; 2] = ["name", "labels"];

/// Most findings told of one document: nobody reads more, and a document can hold thousands of mistakes.
const FINDINGS_MAX: usize = 50;
/// AWS allows 50 tags on a resource; five are our marks.
const LABELS_MAX: usize = 45;
/// AWS's limits for the key and the value of a tag, in characters.
const LABEL_KEY_CHARS_MAX: usize = 128;
const LABEL_VALUE_CHARS_MAX: usize = 256;

/// What became of one document.
pub(super) enum Reading {
    Good(Box<Document>),
    Held(Held),
    /// Kind or name cannot be read.
    Nameless {
        place: Place,
        findings: Vec<Diagnostic>,
    },
}

/// Reads one document.
pub(super) fn read(yaml: YamlDocument, vars: &Variables) -> Reading {
    let YamlDocument { value, places, faults } = yaml;
    let identity_is_doubtful =
        faults.iter().any(|fault| matches!(fault.path.as_str(), "" | "kind" | "metadata" | "metadata.name"));
    let mut reader = Reader { places: &places, vars, findings: faults, expanded_bytes: 0 };
    let Some(mut root) = reader.mapping("", value, "apiVersion: hatoba/v1 …") else {
        return Reading::Nameless { place: places.value(""), findings: reader.findings };
    };
    reader.refuse_unknown("", &root, &ROOT_MEMBERS);
    reader.api_version(root.get("apiVersion"));
    let kind = reader.kind(root.get("kind"));
    let (name, labels) = reader.metadata(root.remove("metadata"));
    let spec = reader.spec(root.remove("spec"));
    let policy = reader.policy(root.remove("policy"));
    let mut findings = reader.findings;
    findings.sort_by(|a, b| a.place.cmp(&b.place));
    match (kind, name) {
        (Some(kind), Some(name)) if !identity_is_doubtful => {
            let key = Key::new(kind, name);
            if findings.is_empty() {
                return Reading::Good(Box::new(Document::new(key, labels, spec, policy, places)));
            }
            Reading::Held(Held { key, diagnostics: findings, places })
        }
        _ => Reading::Nameless { place: places.value(""), findings },
    }
}

pub(super) struct Reader<'a> {
    pub(super) places: &'a Places,
    vars: &'a Variables,
    pub(super) findings: Vec<Diagnostic>,
    /// Bytes of all scalars with variables in them, after expansion.
    expanded_bytes: usize,
}

impl Reader<'_> {
    /// Notes an error at the value of `path`.
    pub(super) fn error(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.note(Diagnostic::error(self.places.value(path), path, message).hint(hint));
    }

    /// Notes a finding, as long as anybody would read it.
    pub(super) fn note(&mut self, finding: Diagnostic) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }

    /// The value as a mapping.
    pub(super) fn mapping(&mut self, path: &str, value: Value, example: &str) -> Option<Members> {
        match value {
            Value::Object(members) => Some(members),
            other => {
                self.error(
                    path,
                    format!("expected a mapping, got {}", describe(&other)),
                    format!("for example `{example}`"),
                );
                None
            }
        }
    }

    fn refuse_unknown(&mut self, parent: &str, members: &Members, known: &[&str]) {
        let unknown = members.keys().filter(|name| !known.contains(&name.as_str()));
        for name in unknown.take(FINDINGS_MAX) {
            let path = join(parent, name);
            if self.findings.iter().any(|finding| finding.path == path) {
                continue; // a key that is no name at all
            }
            let message = format!("unknown member {}, expected one of {}", quoted(name), known.join(", "));
            let hint =
                did_you_mean(name, known.iter().copied()).map(|meant| format!("did you mean `{meant}`?"));
            let mut finding = Diagnostic::error(self.places.key(&path), path, message);
            finding.hint = hint;
            self.note(finding);
        }
    }

    fn api_version(&mut self, value: Option<&Value>) {
        if value.and_then(Value::as_str) != Some(API_VERSION) {
            let message = format!("expected `{API_VERSION}`, got {}", describe_member(value));
            self.error("apiVersion", message, format!("write `apiVersion: {API_VERSION}`"));
        }
    }

    fn kind(&mut self, value: Option<&Value>) -> Option<String> {
        match value {
            Some(Value::String(kind))
                if !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric()) =>
            {
                Some(kind.clone())
            }
            other => {
                let message =
                    format!("expected a word of letters and digits, got {}", describe_member(other));
                self.error("kind", message, "for example `kind: HttpApi`");
                None
            }
        }
    }

    fn metadata(&mut self, value: Option<Value>) -> (Option<String>, BTreeMap<String, String>) {
        let Some(value) = value else {
            let message = format!("expected a mapping, got {}", describe_member(None));
            self.error("metadata", message, "for example `metadata: { name: crazy-api }`");
            return (None, BTreeMap::new());
        };
        let Some(mut metadata) = self.mapping("metadata", value, "metadata: { name: crazy-api }") else {
            return (None, BTreeMap::new());
        };
        self.refuse_unknown("metadata", &metadata, &METADATA_MEMBERS);
        let name = self.name(metadata.get("name"));
        let labels = match metadata.remove("labels") {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(value) => self.labels(value),
        };
        (name, labels)
    }

    fn name(&mut self, value: Option<&Value>) -> Option<String> {
        let path = "metadata.name";
        let Some(Value::String(name)) = value else {
            let hint = if matches!(value, Some(Value::Number(_) | Value::Bool(_))) {
                "quote it to make it a string"
            } else {
                "for example `metadata: { name: crazy-api }`"
            };
            self.error(path, format!("expected a name, got {}", describe_member(value)), hint);
            return None;
        };
        match check_name(name) {
            Ok(()) => Some(name.clone()),
            Err(_) => {
                let message = format!(
                    "{} is no legal name: expected 1 to 253 characters of a-z, 0-9, `-` and `.`, \
                     beginning and ending with a letter or digit in every part",
                    quoted(name)
                );
                let hint = if name.contains("${") {
                    "variables are not put into names: a document's identity is the same everywhere"
                } else {
                    "AWS's own name may be another one: write it in `spec`"
                };
                self.error(path, message, hint);
                None
            }
        }
    }

    fn labels(&mut self, value: Value) -> BTreeMap<String, String> {
        let path = "metadata.labels";
        let Some(members) = self.mapping(path, value, "labels: { team: web }") else {
            return BTreeMap::new();
        };
        if members.len() > LABELS_MAX {
            let message = format!("expected at most {LABELS_MAX} labels, got {}", members.len());
            self.error(
                path,
                message,
                "AWS allows 50 tags on a resource, and five are the controller's marks",
            );
        }
        let mut labels = BTreeMap::new();
        for (name, value) in members {
            let path = join(path, &name);
            self.label_key(&path, &name);
            if let Some(value) = self.label_value(&path, value) {
                labels.insert(name, value);
            }
        }
        labels
    }

    fn label_key(&mut self, path: &str, name: &str) {
        let place = self.places.key(path);
        let lower = name.to_ascii_lowercase();
        let reserved = ["aws:", "hatoba:"].into_iter().find(|prefix| lower.starts_with(prefix));
        let finding = if let Some(prefix) = reserved {
            Diagnostic::error(place, path, format!("label keys that begin with `{prefix}` are reserved"))
                .hint("choose another prefix")
        } else if !(1..=LABEL_KEY_CHARS_MAX).contains(&name.chars().count()) || !is_tag_text(name) {
            let message =
                format!("{} is no legal label key: {}", quoted(name), tag_rule(1, LABEL_KEY_CHARS_MAX));
            Diagnostic::error(place, path, message)
        } else {
            return;
        };
        self.note(finding);
    }

    fn label_value(&mut self, path: &str, value: Value) -> Option<String> {
        let Value::String(text) = value else {
            self.error(
                path,
                format!("expected a string, got {}", describe(&value)),
                "quote it to make it a string",
            );
            return None;
        };
        let text = self.expand(path, text);
        if text.chars().count() > LABEL_VALUE_CHARS_MAX || !is_tag_text(&text) {
            let message =
                format!("{} is no legal label value: {}", quoted(&text), tag_rule(0, LABEL_VALUE_CHARS_MAX));
            self.error(path, message, "labels become AWS tags");
            return None;
        }
        Some(text)
    }

    fn spec(&mut self, value: Option<Value>) -> Members {
        let absent = matches!(value, None | Some(Value::Null));
        if absent {
            let message = format!("expected a mapping, got {}", describe_member(value.as_ref()));
            self.error("spec", message, "write `spec: {}` if nothing is to be said");
            return Members::new();
        }
        let spec = self.mapping("spec", value.unwrap_or_default(), "spec: {}").unwrap_or_default();
        self.expand_members("spec", spec)
    }

    /// Puts variables into every string of `value`.
    pub(super) fn expand_all(&mut self, path: &str, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.expand(path, text)),
            Value::Array(items) => {
                let items = items.into_iter().enumerate();
                items.map(|(i, item)| self.expand_all(&format!("{path}[{i}]"), item)).collect()
            }
            Value::Object(members) => Value::Object(self.expand_members(path, members)),
            other => other,
        }
    }

    fn expand_members(&mut self, path: &str, members: Members) -> Members {
        let mut expanded = Members::new();
        for (name, value) in members {
            let value = self.expand_all(&join(path, &name), value);
            expanded.insert(name, value);
        }
        expanded
    }

    fn expand(&mut self, path: &str, text: String) -> String {
        if !text.contains("${") {
            return text;
        }
        match self.vars.expand(&text) {
            Ok(expanded) if self.expanded_bytes + expanded.len() <= EXPANDED_BYTES_MAX => {
                self.expanded_bytes += expanded.len();
                return expanded;
            }
            Ok(_) | Err(Undefined::TooLong) => {
                let message =
                    format!("with its variables the document has more than {EXPANDED_BYTES_MAX} bytes");
                // Once is enough: everything after it is too long as well.
                if self.expanded_bytes <= EXPANDED_BYTES_MAX {
                    self.error(path, message, "use shorter variables");
                }
                self.expanded_bytes = EXPANDED_BYTES_MAX + 1;
            }
            Err(Undefined::Name { name, meant }) => {
                let mut hint =
                    format!("give it with `--var {name}=…` or HATOBA_VAR_{name}; `$${{` is a literal `${{`");
                if let Some(meant) = meant {
                    hint = format!("did you mean `${{{meant}}}`? Otherwise {hint}");
                }
                self.error(path, format!("the variable {} is not defined", quoted(&name)), hint);
            }
        }
        text
    }
}

/// A value in words.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing (null)".to_owned(),
        Value::Bool(value) => format!("the boolean `{value}`"),
        Value::Number(number) => format!("the number `{number}`"),
        Value::String(text) => quoted(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

fn describe_member(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing: the member is missing".to_owned(), describe)
}

/// The characters AWS takes in tags everywhere (Tagging AWS resources, "Tag naming limits").
fn is_tag_text(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c))
}

fn tag_rule(min: usize, max: usize) -> String {
    format!("expected {min} to {max} letters, digits, spaces and `_.:/=+-@`, as in AWS tags")
}
