//! Answers in the form of the ec2Query protocol.

use super::{Resource, Tags};
use crate::env::Env;
use crate::object::{self, Object};
use crate::render::escape;
use serde_json::Value;
use std::fmt::Write as _;

/// A whole answer: what is inside the operation's element.
pub(super) fn document(operation: &str, inside: &str, env: &mut Env<'_>) -> Object {
    let request_id = env.ids.uuid();
    object::only(
        "xml",
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response \
             xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{request_id}</requestId>{inside}\
             </{operation}Response>"
        ),
    )
}

/// A resource as an entry of a set, its tags last.
pub(super) fn item(resource: &Resource) -> String {
    format!("<item>{}{}</item>", members(&resource.members), tag_set(&resource.tags))
}

fn tag_set(tags: &Tags) -> String {
    let mut xml = String::new();
    for (key, value) in tags {
        // Writing to a String cannot fail.
        let _ = write!(xml, "<item><key>{}</key><value>{}</value></item>", escape(key), escape(value));
    }
    if xml.is_empty() { xml } else { format!("<tagSet>{xml}</tagSet>") }
}

/// Members one after the other: an object is nested, a list is a set of items.
pub(super) fn members(object: &Object) -> String {
    object.iter().fold(String::new(), |mut xml, (name, value)| {
        let _ = write!(xml, "<{name}>{}</{name}>", inside(value));
        xml
    })
}

fn inside(value: &Value) -> String {
    match value {
        Value::Object(nested) => members(nested),
        Value::Array(entries) => entries.iter().fold(String::new(), |mut xml, entry| {
            let _ = write!(xml, "<item>{}</item>", inside(entry));
            xml
        }),
        Value::String(text) => escape(text),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
