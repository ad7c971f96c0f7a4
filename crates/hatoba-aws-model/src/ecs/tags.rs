//! Tags of clusters, services and task definitions.

use super::{Ecs, Tags, client, invalid, name_of};
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use serde_json::{Value, json};

/// Tags of one resource, at most.
const TAGS_MAX: usize = 50;

impl Ecs {
    pub(super) fn tag_resource(&mut self, input: &Object) -> Outcome {
        let added = of_input(input)?;
        let tags = self.tags_of(input)?;
        let mut merged = tags.clone();
        merged.extend(added);
        if merged.len() > TAGS_MAX {
            return Err(too_many());
        }
        *tags = merged;
        Ok(Object::new())
    }

    pub(super) fn untag_resource(&mut self, input: &Object) -> Outcome {
        let keys = object::texts(input, "tagKeys");
        self.tags_of(input)?.retain(|key, _| !keys.contains(&key.as_str()));
        Ok(Object::new())
    }

    pub(super) fn list_tags(&mut self, input: &Object) -> Outcome {
        Ok(object::only("tags", as_list(self.tags_of(input)?)))
    }

    fn tags_of(&mut self, input: &Object) -> Result<&mut Tags, Failure> {
        let arn = object::text_or_empty(input, "resourceArn");
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        let parts: Vec<&str> = resource.split('/').collect();
        let missing = || invalid("The specified resource was not found.");
        match parts.as_slice() {
            ["cluster", name] => self.clusters.get_mut(*name).map(|c| &mut c.tags).ok_or_else(missing),
            ["service", _] => Err(invalid("Long arn format must be used for tagging operations")),
            ["service", cluster, name] => {
                let service = self.services.get_mut(&((*cluster).to_owned(), (*name).to_owned()));
                match service {
                    None => Err(Failure::client("ServiceNotFoundException", "Service not found.")),
                    Some(s) if object::text(&s.body, "status") == Some("INACTIVE") => Err(invalid(
                        "The specified service is inactive. Specify an active service and try again.",
                    )),
                    Some(s) => Ok(&mut s.tags),
                }
            }
            ["task-definition", _] => {
                let (family, revision) = name_of(arn).split_once(':').ok_or_else(missing)?;
                let at = revision.parse::<usize>().ok().and_then(|r| r.checked_sub(1)).ok_or_else(missing)?;
                let found = self.families.get_mut(family).and_then(|all| all.get_mut(at));
                found.map(|d| &mut d.tags).ok_or_else(|| client("Unable to describe task definition."))
            }
            _ => Err(invalid(format!("Invalid ARN: {arn}"))),
        }
    }
}

/// The member `tags`, checked.
pub(super) fn of_input(input: &Object) -> Result<Tags, Failure> {
    let mut tags = Tags::new();
    for tag in object::list(input, "tags") {
        let part = |name: &str| tag.get(name).and_then(Value::as_str);
        let (Some(key), value) = (part("key"), part("value").unwrap_or_default()) else {
            return Err(invalid("A tag needs a key."));
        };
        let fits = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
        let legal = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c));
        if !fits || !legal(key) || !legal(value) || key.to_lowercase().starts_with("aws:") {
            return Err(invalid(format!("Some tags contain invalid characters or reserved prefixes: {key}")));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    if tags.len() > TAGS_MAX { Err(too_many()) } else { Ok(tags) }
}

pub(super) fn as_list(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

fn too_many() -> Failure {
    invalid(format!("The number of tags exceeds the limit of {TAGS_MAX}."))
}
