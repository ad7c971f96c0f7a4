//! Nested members of AWS requests: structures, limits and conversions, generated from AWS's own service models.
//!
//! This file and [`Selector`] are written by hand; the modules of the services are the work of `cargo xtask gen`, and
//! `cargo xtask check` fails when they are stale. Every member of every structure is optional here: what a document
//! must say is checked by [`problems`], so that a wrong document is answered with a path and a reason and not with a
//! parser's error.
//!
//! ```
//! use hatoba_shapes::{ecs, problems};
//! let found = problems(ecs::LIMITS, "CreateServiceRequest", &serde_json::json!({ "launchType": "FARGAT" }));
//! assert_eq!(found[0].0, "launchType");
//! assert_eq!(found[0].1, "expected one of EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES, got \"FARGAT\"");
//! ```
//!
//! A crate of its own because it is large and seldom changes: it is compiled once, and the kinds' tests need not
//! compile it again.

pub mod apigatewayv2;
pub mod ecs;
mod selector;
pub mod servicediscovery;

pub use selector::Selector;

use aws_smithy_types::{Document, Number};
use serde_json::{Map, Value};

/// What AWS allows for one member of one structure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// The structure: AWS's request (`CreateServiceRequest`) or one of the generated structures.
    pub shape: &'static str,
    /// The document's member; `member[]` for the items of a list, `member{}` for the values of a map.
    pub member: &'static str,
    /// Whether AWS wants it in every such structure. Never set for members of requests.
    pub required: bool,
    /// Members of ours that stand for it: where one is present, this one may be missing.
    pub unless: &'static [&'static str],
    /// The least number, or the fewest characters, items or entries.
    pub min: Option<f64>,
    /// The greatest number, or the most characters, items or entries.
    pub max: Option<f64>,
    /// AWS's regular expression. For people: [`problems`] does not apply it, AWS does.
    pub pattern: Option<&'static str>,
    /// All values there are; empty: any.
    pub values: &'static [&'static str],
    /// The generated structure that it holds.
    pub structure: Option<&'static str>,
}

impl Limit {
    /// A member without limits.
    pub const fn of(shape: &'static str, member: &'static str) -> Self {
        Limit {
            shape,
            member,
            required: false,
            unless: &[],
            min: None,
            max: None,
            pattern: None,
            values: &[],
            structure: None,
        }
    }
}

/// The entry for a member, if the service model says anything about it.
pub fn limit(limits: &'static [Limit], shape: &str, member: &str) -> Option<&'static Limit> {
    limits.iter().find(|limit| limit.shape == shape && limit.member == member)
}

/// Everything in `value`, a structure named `shape`, that AWS would refuse: `(path, message)`, the path relative to
/// `value` in the form `dnsRecords[0].ttl`.
///
/// Members that the table does not know, and `null`, are not looked at: unknown members are the parser's matter.
pub fn problems(limits: &'static [Limit], shape: &str, value: &Value) -> Vec<(String, String)> {
    let mut walk = Walk { limits, found: Vec::new() };
    walk.structure(shape, value, "");
    walk.found
}

struct Walk {
    limits: &'static [Limit],
    found: Vec<(String, String)>,
}

impl Walk {
    fn structure(&mut self, shape: &str, value: &Value, path: &str) {
        let Value::Object(members) = value else { return };
        let given = |name: &str| members.get(name).is_some_and(|value| !value.is_null());
        for limit in self.limits.iter().filter(|limit| limit.shape == shape && limit.required) {
            if !given(limit.member) && !limit.unless.iter().any(|name| given(name)) {
                let message = match limit.unless {
                    [] => "required, but missing".to_owned(),
                    instead => format!("required, unless {} is given", instead.join(" or ")),
                };
                self.found.push((below(path, limit.member), message));
            }
        }
        for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            self.member(shape, name, value, &below(path, name));
        }
    }

    fn member(&mut self, shape: &str, member: &str, value: &Value, path: &str) {
        let limit = limit(self.limits, shape, member);
        if let Some(message) = limit.and_then(|limit| complaint(limit, value)) {
            self.found.push((path.to_owned(), message));
        }
        match (value, limit.and_then(|limit| limit.structure)) {
            (Value::Object(_), Some(structure)) => self.structure(structure, value, path),
            (Value::Object(entries), None) => {
                for (key, entry) in entries {
                    self.member(shape, &format!("{member}{{}}"), entry, &below(path, key));
                }
            }
            (Value::Array(items), _) => {
                for (index, item) in items.iter().enumerate() {
                    self.member(shape, &format!("{member}[]"), item, &format!("{path}[{index}]"));
                }
            }
            _ => {}
        }
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What is wrong with a value, were there nothing around it.
fn complaint(limit: &Limit, value: &Value) -> Option<String> {
    if let Value::String(text) = value
        && !limit.values.is_empty()
    {
        let known = limit.values.contains(&text.as_str());
        return (!known).then(|| format!("expected one of {}, got {text:?}", limit.values.join(", ")));
    }
    let (size, unit) = match value {
        Value::Number(number) => (number.as_f64()?, ""),
        Value::String(text) => (count(text.chars().count()), " characters"),
        Value::Array(items) => (count(items.len()), " items"),
        Value::Object(entries) if limit.structure.is_none() => (count(entries.len()), " entries"),
        _ => return None,
    };
    let too_small = limit.min.is_some_and(|min| size < min);
    let too_great = limit.max.is_some_and(|max| size > max);
    let range = match (limit.min, limit.max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => return None,
    };
    (too_small || too_great).then(|| format!("expected {range}{unit}, got {size}"))
}

/// A length as the table's numbers are; exact far beyond any document's size.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "documents are smaller than 2^52")]
fn count(length: usize) -> f64 {
    length as f64
}

/// JSON as the SDK carries it where AWS takes any.
fn to_document(value: &Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(flag) => Document::Bool(*flag),
        Value::String(text) => Document::String(text.clone()),
        Value::Array(items) => Document::Array(items.iter().map(to_document).collect()),
        Value::Object(members) => {
            Document::Object(members.iter().map(|(name, value)| (name.clone(), to_document(value))).collect())
        }
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(positive), _) => Document::Number(Number::PosInt(positive)),
            (None, Some(negative)) => Document::Number(Number::NegInt(negative)),
            (None, None) => {
                number.as_f64().map_or(Document::Null, |float| Document::Number(Number::Float(float)))
            }
        },
    }
}

/// The other direction; a number that JSON cannot say becomes `null`.
fn from_document(document: &Document) -> Value {
    match document {
        Document::Bool(flag) => Value::Bool(*flag),
        Document::String(text) => Value::String(text.clone()),
        Document::Array(items) => Value::Array(items.iter().map(from_document).collect()),
        Document::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), from_document(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Document::Number(Number::PosInt(number)) => Value::from(*number),
        Document::Number(Number::NegInt(number)) => Value::from(*number),
        Document::Number(Number::Float(number)) => Value::from(*number),
        _ => Value::Null,
    }
}
