//! Reading and checking JSON members by name.
//!
//! Requests are kept as generic JSON, so that a member the model knows nothing about reads back as it was sent;
//! what AWS validates is written as tables of [`Rule`]s.

use serde_json::Value;

/// A JSON object with ordered members.
pub(crate) type Object = serde_json::Map<String, Value>;

/// What AWS demands of one member.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
}

/// The form of a member's value.
pub(crate) enum Shape {
    /// Text of so many characters, both ends included.
    Text(usize, usize),
    OneOf(&'static [&'static str]),
    /// A whole number, both ends included.
    Whole(i64, i64),
    Number,
    Flag,
    /// A list of at most so many texts.
    Texts(usize),
    /// A list of at most so many objects.
    Objects(usize),
    Object,
    /// An object whose values are texts of at most so many characters.
    TextMap(usize),
}

pub(crate) const fn required(name: &'static str, shape: Shape) -> Rule {
    Rule { name, required: true, shape }
}

pub(crate) const fn optional(name: &'static str, shape: Shape) -> Rule {
    Rule { name, required: false, shape }
}

/// Checks `input` against `rules`.
///
/// # Errors
/// The text AWS's own validation gives, naming the first member that fails.
pub(crate) fn check(input: &Object, rules: &[Rule]) -> Result<(), String> {
    for rule in rules {
        let Some(value) = input.get(rule.name) else {
            if rule.required {
                return Err(violation("null", rule.name, "Member must not be null"));
            }
            continue;
        };
        if let Some(constraint) = rule.shape.violated_by(value) {
            return Err(violation(&value.to_string(), rule.name, &constraint));
        }
    }
    Ok(())
}

/// [`check`] for updates: required members may be absent, because absence means "keep".
pub(crate) fn check_patch(input: &Object, rules: &[Rule]) -> Result<(), String> {
    for rule in rules {
        if let Some(value) = input.get(rule.name)
            && let Some(constraint) = rule.shape.violated_by(value)
        {
            return Err(violation(&value.to_string(), rule.name, &constraint));
        }
    }
    Ok(())
}

/// AWS's words for a value that is not as it must be.
pub(crate) fn violation(value: &str, name: &str, constraint: &str) -> String {
    format!(
        "1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: {constraint}"
    )
}

impl Shape {
    fn violated_by(&self, value: &Value) -> Option<String> {
        let holds = match self {
            Self::Text(min, max) => {
                value.as_str().is_some_and(|text| (*min..=*max).contains(&text.chars().count()))
            }
            Self::OneOf(names) => value.as_str().is_some_and(|text| names.contains(&text)),
            Self::Whole(min, max) => value.as_i64().is_some_and(|number| (*min..=*max).contains(&number)),
            Self::Number => value.is_number(),
            Self::Flag => value.is_boolean(),
            Self::Texts(max) => {
                value.as_array().is_some_and(|list| list.len() <= *max && list.iter().all(Value::is_string))
            }
            Self::Objects(max) => {
                value.as_array().is_some_and(|list| list.len() <= *max && list.iter().all(Value::is_object))
            }
            Self::Object => value.is_object(),
            Self::TextMap(max) => value.as_object().is_some_and(|map| {
                map.values().all(|v| v.as_str().is_some_and(|text| text.chars().count() <= *max))
            }),
        };
        (!holds).then(|| self.constraint())
    }

    fn constraint(&self) -> String {
        match self {
            Self::Text(min, max) => format!("Member must be text of {min} to {max} characters"),
            Self::OneOf(names) => format!("Member must satisfy enum value set: [{}]", names.join(", ")),
            Self::Whole(min, max) => format!("Member must be a whole number from {min} to {max}"),
            Self::Number => "Member must be a number".to_owned(),
            Self::Flag => "Member must be true or false".to_owned(),
            Self::Texts(max) => format!("Member must be a list of at most {max} strings"),
            Self::Objects(max) => format!("Member must be a list of at most {max} structures"),
            Self::Object => "Member must be a structure".to_owned(),
            Self::TextMap(max) => format!("Member must be a map to strings of at most {max} characters"),
        }
    }
}

/// A member that is text.
pub(crate) fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// A member that is text; absence is the empty text.
pub(crate) fn text_or_empty<'a>(object: &'a Object, name: &str) -> &'a str {
    text(object, name).unwrap_or_default()
}

/// A member that is `true`.
pub(crate) fn flag(object: &Object, name: &str) -> bool {
    object.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// A member that is a list; absence is the empty list.
pub(crate) fn list<'a>(object: &'a Object, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The texts of a list member.
pub(crate) fn texts<'a>(object: &'a Object, name: &str) -> Vec<&'a str> {
    list(object, name).iter().filter_map(Value::as_str).collect()
}

/// A member that is an object.
pub(crate) fn object<'a>(parent: &'a Object, name: &str) -> Option<&'a Object> {
    parent.get(name).and_then(Value::as_object)
}

/// Whether a list or object member is present and empty, the way several members are cleared.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Sets a member unless it is there already.
pub(crate) fn default(object: &mut Object, name: &str, value: impl Into<Value>) {
    object.entry(name.to_owned()).or_insert_with(|| value.into());
}

/// Sets a member.
pub(crate) fn set(object: &mut Object, name: &str, value: impl Into<Value>) {
    object.insert(name.to_owned(), value.into());
}

/// An object with one member: the usual output structure.
pub(crate) fn only(name: &str, value: impl Into<Value>) -> Object {
    let mut out = Object::new();
    set(&mut out, name, value);
    out
}

/// Removes null members at every depth: on the wire, null means "not sent".
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect(),
        ),
        Value::Array(list) => {
            Value::Array(list.into_iter().filter(|v| !v.is_null()).map(without_nulls).collect())
        }
        other => other,
    }
}
