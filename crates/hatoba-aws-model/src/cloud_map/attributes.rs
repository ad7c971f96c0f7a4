//! Service attributes: a small map beside the tags.

use super::{CloudMap, id_of};
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use serde_json::json;

/// Attributes of one service, at most.
const ATTRIBUTES_MAX: usize = 30;

impl CloudMap {
    pub(super) fn get_service_attributes(&self, input: &Object) -> Outcome {
        let (_, service) = self.find_service(input, "ServiceId")?;
        let mut attributes = Object::new();
        for (name, member) in [("ServiceArn", "Arn"), ("ResourceOwner", "ResourceOwner")] {
            object::set(&mut attributes, name, service.body.get(member).cloned().unwrap_or_default());
        }
        // AWS's model knows no map without an entry.
        if !service.attributes.is_empty() {
            object::set(&mut attributes, "Attributes", json!(service.attributes));
        }
        Ok(object::only("ServiceAttributes", attributes))
    }

    pub(super) fn update_service_attributes(&mut self, input: &Object) -> Outcome {
        let (id, service) = self.find_service(input, "ServiceId")?;
        let (id, mut merged) = (id.clone(), service.attributes.clone());
        for (key, value) in object::object(input, "Attributes").into_iter().flatten() {
            merged.insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
        }
        if merged.len() > ATTRIBUTES_MAX {
            return Err(Failure::client(
                "ServiceAttributesLimitExceededException",
                "A service has at most 30 attributes.",
            ));
        }
        if let Some(service) = self.services.get_mut(&id) {
            service.attributes = merged;
        }
        Ok(Object::new())
    }

    pub(super) fn delete_service_attributes(&mut self, input: &Object) -> Outcome {
        let id = self.find_service(input, "ServiceId")?.0.clone();
        let keys = object::texts(input, "Attributes");
        if let Some(service) = self.services.get_mut(id_of(&id)) {
            service.attributes.retain(|key, _| !keys.contains(&key.as_str()));
        }
        Ok(Object::new())
    }
}
