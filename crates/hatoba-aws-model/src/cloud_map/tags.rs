//! Tags of namespaces and services: only ListTagsForResource shows them.

use super::{CloudMap, invalid};
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Tags of one resource, at most.
const TAGS_MAX: usize = 50;

impl CloudMap {
    pub(super) fn tag_resource(&mut self, input: &Object) -> Outcome {
        let added = of_input(input)?;
        if added.is_empty() {
            return Err(invalid("Tags is required"));
        }
        let tags = self.tags_of(input)?;
        let mut merged = tags.clone();
        merged.extend(added);
        if merged.len() > TAGS_MAX {
            return Err(too_many(object::text_or_empty(input, "ResourceARN")));
        }
        *tags = merged;
        Ok(Object::new())
    }

    pub(super) fn untag_resource(&mut self, input: &Object) -> Outcome {
        let keys = object::texts(input, "TagKeys");
        let tags = self.tags_of(input)?;
        tags.retain(|key, _| !keys.contains(&key.as_str()));
        Ok(Object::new())
    }

    pub(super) fn list_tags(&mut self, input: &Object) -> Outcome {
        let tags: Vec<Value> =
            self.tags_of(input)?.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        Ok(object::only("Tags", tags))
    }

    fn tags_of(&mut self, input: &Object) -> Result<&mut BTreeMap<String, String>, Failure> {
        let arn = object::text_or_empty(input, "ResourceARN");
        if arn.is_empty() {
            return Err(invalid("ResourceARN is required"));
        }
        let missing = || Failure::client("ResourceNotFoundException", format!("Resource {arn} not found."));
        self.tags.get_mut(arn).ok_or_else(missing)
    }
}

/// The member `Tags`, checked.
pub(super) fn of_input(input: &Object) -> Result<BTreeMap<String, String>, Failure> {
    let mut tags = BTreeMap::new();
    for tag in object::list(input, "Tags") {
        let part = |name: &str| tag.get(name).and_then(Value::as_str);
        let (Some(key), Some(value)) = (part("Key"), part("Value")) else {
            return Err(invalid("A tag needs Key and Value."));
        };
        let fits = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
        if !fits || key.starts_with("aws:") {
            return Err(invalid(format!("Invalid tag: {key}")));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    if tags.len() > TAGS_MAX {
        return Err(too_many("the resource"));
    }
    Ok(tags)
}

fn too_many(resource: &str) -> Failure {
    Failure::client("TooManyTagsException", format!("Too many tags on {resource}."))
        .with("ResourceName", resource)
}
