//! Tags of APIs, stages, VPC links and domain names.

use super::{ApiGateway, RestCall, bad_request, label, not_found};
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};

/// Tags of one resource, at most.
const TAGS_MAX: usize = 50;

impl ApiGateway {
    pub(super) fn tag_call(&mut self, call: &RestCall) -> Outcome {
        let arn = label(call, 0);
        if call.operation == "UntagResource" && call.query("tagKeys").is_none() {
            return Err(bad_request(object::violation("null", "tagKeys", "Member must not be null")));
        }
        let Some(body) = self.tagged(arn) else {
            return Err(not_found("Tag", format!("Invalid resource identifier specified {arn}")));
        };
        let mut tags = object::object(body, "tags").cloned().unwrap_or_default();
        match call.operation {
            "TagResource" => {
                check_map(&call.body)?;
                tags.extend(object::object(&call.body, "tags").cloned().unwrap_or_default());
                if tags.len() > TAGS_MAX {
                    return Err(too_many());
                }
            }
            "UntagResource" => {
                for (_, key) in call.query.iter().filter(|(name, _)| name == "tagKeys") {
                    tags.remove(key);
                }
            }
            _ => return Ok(object::only("tags", tags)),
        }
        object::set(body, "tags", tags);
        Ok(Object::new())
    }

    /// The members of a taggable resource, by ARN. The account field of these ARNs is empty.
    fn tagged(&mut self, arn: &str) -> Option<&mut Object> {
        let path: Vec<&str> = arn.split_once("::/")?.1.split('/').collect();
        let record = match path.as_slice() {
            ["apis", api] => &mut self.apis.get_mut(*api)?.record,
            ["apis", api, "stages", stage] => self.apis.get_mut(*api)?.stages.get_mut(*stage)?,
            ["domainnames", name] => &mut self.domain_names.get_mut(*name)?.record,
            ["vpclinks", link] => self.vpc_links.get_mut(*link)?,
            _ => return None,
        };
        Some(&mut record.body)
    }
}

/// Checks the member `tags` of a create or of TagResource.
pub(super) fn check_map(input: &Object) -> Result<(), Failure> {
    let Some(tags) = input.get("tags") else { return Ok(()) };
    let Some(tags) = tags.as_object() else { return Err(bad_request("Invalid tags specified")) };
    if tags.len() > TAGS_MAX {
        return Err(too_many());
    }
    for (key, value) in tags {
        let long = value.as_str().is_none_or(|text| text.chars().count() > 256);
        if key.is_empty() || key.chars().count() > 128 || key.starts_with("aws:") || long {
            return Err(bad_request(format!("Invalid tag specified: {key}")));
        }
    }
    Ok(())
}

fn too_many() -> Failure {
    bad_request(format!("The number of tags exceeds the limit of {TAGS_MAX}"))
}
