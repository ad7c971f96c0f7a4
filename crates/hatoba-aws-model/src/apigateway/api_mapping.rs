//! API mappings: which stage of which API a domain name serves under which path.

use super::{ApiGateway, Record, RestCall, bad_request, check, conflict, label, list, no_child};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule, Shape, optional};

/// Mappings of one domain name whose path has several segments, at most.
const DEEP_MAPPINGS_MAX: usize = 200;

const RULES: &[Rule] = &[optional("apiMappingKey", Shape::Text(0, 300))];

impl ApiGateway {
    pub(super) fn api_mapping_call(&mut self, call: RestCall, env: &mut Env<'_>) -> Outcome {
        let (name, id) = (label(&call, 0).to_owned(), label(&call, 1).to_owned());
        let mappings = &self.domain_name(&name)?.mappings;
        match call.operation {
            "GetApiMappings" => return list(&call, mappings.iter(), env),
            "GetApiMapping" => {
                let found = mappings.get(&id).ok_or_else(|| no_child("ApiMapping", &id))?;
                return Ok(found.body.clone());
            }
            "CreateApiMapping" => {}
            _ if !mappings.contains_key(&id) => return Err(no_child("ApiMapping", &id)),
            _ => {}
        }
        if call.operation == "DeleteApiMapping" {
            if let Some(domain) = self.domain_names.get_mut(&name) {
                domain.mappings.remove(&id);
            }
            return Ok(Object::new());
        }
        let own = (call.operation == "UpdateApiMapping").then_some(id);
        self.write_mapping(&name, own, call.body, env)
    }

    fn write_mapping(
        &mut self,
        name: &str,
        own: Option<String>,
        input: Object,
        env: &mut Env<'_>,
    ) -> Outcome {
        let mappings = &self.domain_name(name)?.mappings;
        let mut body =
            own.as_ref().and_then(|id| mappings.get(id)).map(|found| found.body.clone()).unwrap_or_default();
        check(&input, RULES)?;
        for name in ["apiId", "stage", "apiMappingKey"] {
            if let Some(value) = input.get(name) {
                object::set(&mut body, name, value.clone());
            }
        }
        object::default(&mut body, "apiMappingKey", "");
        let key = object::text_or_empty(&body, "apiMappingKey");
        check_key(key)?;
        let others =
            || mappings.iter().filter(|(id, _)| Some(*id) != own.as_ref()).map(|(_, record)| &record.body);
        if others().any(|other| object::text_or_empty(other, "apiMappingKey") == key) {
            return Err(conflict("ApiMapping key already exists for this domain name"));
        }
        let deep = |body: &Object| object::text_or_empty(body, "apiMappingKey").contains('/');
        if deep(&body) && others().filter(|other| deep(other)).count() >= DEEP_MAPPINGS_MAX {
            return Err(bad_request(
                "Maximum number of multi-level API mappings for this domain name has been reached",
            ));
        }
        let (api, stage) = (object::text_or_empty(&body, "apiId"), object::text_or_empty(&body, "stage"));
        let Some(found) = self.apis.get(api) else {
            return Err(bad_request(format!(
                "Invalid API identifier specified {}:{api}",
                env.config.account
            )));
        };
        if !found.stages.contains_key(stage) {
            return Err(bad_request("Invalid stage identifier specified"));
        }
        let id = own.unwrap_or_else(|| env.ids.lower(6));
        object::set(&mut body, "apiMappingId", id.as_str());
        if let Some(domain) = self.domain_names.get_mut(name) {
            let created = domain.mappings.get(&id).map_or(env.now, |record| record.created);
            domain.mappings.insert(id, Record { body: body.clone(), created });
        }
        Ok(body)
    }

    /// Whether a mapping uses the API, or the one stage of it.
    pub(super) fn is_mapped(&self, api: &str, stage: Option<&str>) -> bool {
        let mappings = self.domain_names.values().flat_map(|domain| domain.mappings.values());
        mappings.map(|record| &record.body).any(|body| {
            object::text(body, "apiId") == Some(api)
                && stage.is_none_or(|stage| object::text(body, "stage") == Some(stage))
        })
    }
}

fn check_key(key: &str) -> Result<(), Failure> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "$-_.+!*'()/".contains(c);
    if !key.chars().all(legal) {
        return Err(bad_request("API mapping key must only contain letters, numbers and one of $-_.+!*'()/"));
    }
    if key.starts_with('/') || key.ends_with('/') || key.contains("//") {
        return Err(bad_request(
            "API mapping key should not start or end with a '/' or have consecutive '/'s.",
        ));
    }
    Ok(())
}
