//! What a value in a request must be, and the first thing in it that is not so.

use super::patterns;
use crate::object::{Object, violation};
use serde_json::Value;

/// What AWS's model says of a value. Sizes and numbers are from the first to the second, both included.
pub(super) enum Shape {
    /// Its members by their names on the wire, in order.
    Structure(&'static [Member]),
    /// So many items.
    List(usize, usize, &'static Shape),
    /// So many entries, their keys and their values.
    Map(usize, usize, &'static Shape, &'static Shape),
    /// So many characters.
    Text(usize, usize),
    /// So many characters, like the regular expression.
    Like(usize, usize, &'static str),
    /// In order.
    OneOf(&'static [&'static str]),
    Whole(i64, i64),
    Number,
    Flag,
    /// Any JSON object.
    Any,
}

/// A member of a structure.
pub(super) struct Member {
    name: &'static str,
    is_required: bool,
    shape: &'static Shape,
}

impl Member {
    pub(super) const fn required(name: &'static str, shape: &'static Shape) -> Self {
        Self { name, is_required: true, shape }
    }

    pub(super) const fn optional(name: &'static str, shape: &'static Shape) -> Self {
        Self { name, is_required: false, shape }
    }

    #[cfg(test)]
    pub(super) fn shape(&self) -> &'static Shape {
        self.shape
    }
}

/// The first thing that is wrong with a value.
pub(super) struct Violation {
    /// Where, from the inside out.
    path: Vec<String>,
    value: String,
    constraint: String,
}

impl Violation {
    fn of(value: &Value, constraint: impl Into<String>) -> Self {
        Self { path: Vec::new(), value: value.to_string(), constraint: constraint.into() }
    }

    fn within(mut self, step: impl Into<String>) -> Self {
        self.path.push(step.into());
        self
    }

    /// As AWS words it.
    pub(super) fn message(&self) -> String {
        let path: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
        violation(&self.value, &path.join("."), &self.constraint)
    }
}

/// A walk over a request.
pub(super) struct Walk {
    /// Members whose text, or whose entries' texts, may have no characters.
    pub(super) clearable: &'static [&'static str],
}

impl Walk {
    /// Whether `value` is what `shape` says; `is_clearable`: its texts may be empty, whatever it says.
    pub(super) fn value(&self, shape: &Shape, value: &Value, is_clearable: bool) -> Result<(), Violation> {
        let wrong = |constraint: String| Err(Violation::of(value, constraint));
        match (shape, value) {
            (Shape::Structure(members), Value::Object(given)) => self.structure(members, given),
            (Shape::List(min, max, inner), Value::Array(items)) => {
                size(value, items.len(), *min, *max)?;
                let mut items = items.iter().enumerate();
                items.try_for_each(|(at, item)| {
                    let checked = self.value(inner, item, is_clearable);
                    checked.map_err(|violation| violation.within((at + 1).to_string()).within("member"))
                })
            }
            (Shape::Map(min, max, key, inner), Value::Object(entries)) => {
                size(value, entries.len(), *min, *max)?;
                entries.iter().try_for_each(|(name, entry)| {
                    let checked =
                        text(key, name, false).and_then(|()| self.value(inner, entry, is_clearable));
                    checked.map_err(|violation| violation.within(name))
                })
            }
            (Shape::Text(..) | Shape::Like(..) | Shape::OneOf(_), Value::String(given)) => {
                text(shape, given, is_clearable)
            }
            (Shape::Whole(min, max), Value::Number(number)) => match number.as_i64() {
                Some(number) if (*min..=*max).contains(&number) => Ok(()),
                _ => wrong(format!("Member must be a whole number from {min} to {max}")),
            },
            (Shape::Number, Value::Number(_)) | (Shape::Flag, Value::Bool(_)) => Ok(()),
            (Shape::Any, Value::Object(_)) => Ok(()),
            _ => wrong(format!("Member must be {}", shape.noun())),
        }
    }

    /// What AWS does not know of, it does not look at.
    pub(super) fn structure(&self, members: &[Member], given: &Object) -> Result<(), Violation> {
        for member in members.iter().filter(|member| member.is_required) {
            if !given.contains_key(member.name) {
                let missing = Violation::of(&Value::Null, "Member must not be null");
                return Err(missing.within(member.name));
            }
        }
        for (name, value) in given {
            let Ok(at) = members.binary_search_by(|member| member.name.cmp(name)) else { continue };
            let Some(member) = members.get(at) else { continue };
            let is_clearable = self.clearable.contains(&member.name);
            let checked = self.value(member.shape, value, is_clearable);
            checked.map_err(|violation| violation.within(member.name))?;
        }
        Ok(())
    }
}

impl Shape {
    fn noun(&self) -> &'static str {
        match self {
            Self::Structure(_) | Self::Any => "a structure",
            Self::List(..) => "a list",
            Self::Map(..) => "a map",
            Self::Text(..) | Self::Like(..) | Self::OneOf(_) => "a text",
            Self::Whole(..) => "a whole number",
            Self::Number => "a number",
            Self::Flag => "true or false",
        }
    }
}

/// A value, or the key of a map.
fn text(shape: &Shape, given: &str, is_clearable: bool) -> Result<(), Violation> {
    let wrong = |constraint: String| Err(Violation::of(&Value::from(given), constraint));
    match shape {
        _ if is_clearable && given.is_empty() => Ok(()),
        Shape::OneOf(words) if words.binary_search(&given).is_err() => {
            wrong(format!("Member must satisfy enum value set: [{}]", words.join(", ")))
        }
        Shape::Text(min, max) | Shape::Like(min, max, _) => {
            // Bytes are at least as many as characters, and those that are in bounds need no counting.
            if given.len() > *max || given.len() < (*min).saturating_mul(4) {
                size(&Value::from(given), given.chars().count(), *min, *max)?;
            }
            match shape {
                Shape::Like(_, _, pattern) if !patterns::fits(pattern, given) => {
                    wrong(format!("Member must satisfy regular expression pattern: {pattern}"))
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn size(value: &Value, size: usize, min: usize, max: usize) -> Result<(), Violation> {
    if size < min {
        return Err(Violation::of(value, format!("Member must have length greater than or equal to {min}")));
    }
    if size > max {
        return Err(Violation::of(value, format!("Member must have length less than or equal to {max}")));
    }
    Ok(())
}
