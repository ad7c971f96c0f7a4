//! Service attributes: a small map beside the tags.

use super::{CloudMap, check, id_of, invalid};
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule, Shape, required};
use serde_json::json;

/// Attributes of one service, at most.
const ATTRIBUTES_MAX: usize = 30;

const PUT: &[Rule] =
    &[required("ServiceId", Shape::Text(1, 255)), required("Attributes", Shape::TextMap(1024))];
const REMOVE: &[Rule] =
    &[required("ServiceId", Shape::Text(1, 255)), required("Attributes", Shape::Texts(30))];

impl CloudMap {
    pub(super) fn get_service_attributes(&self, input: &Object) -> Outcome {
        let (_, service) = self.find_service(input, "ServiceId")?;
        let attributes = json!({
            "ServiceArn": service.body.get("Arn"),
            "ResourceOwner": service.body.get("ResourceOwner"),
            "Attributes": service.attributes,
        });
        Ok(object::only("ServiceAttributes", attributes))
    }

    pub(super) fn update_service_attributes(&mut self, input: &Object) -> Outcome {
        check(input, PUT)?;
        let (id, service) = self.find_service(input, "ServiceId")?;
        let (id, mut merged) = (id.clone(), service.attributes.clone());
        for (key, value) in object::object(input, "Attributes").into_iter().flatten() {
            if key.is_empty() || key.chars().count() > 255 {
                return Err(invalid("An attribute's key has 1 to 255 characters."));
            }
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
        check(input, REMOVE)?;
        let id = self.find_service(input, "ServiceId")?.0.clone();
        let keys = object::texts(input, "Attributes");
        if let Some(service) = self.services.get_mut(id_of(&id)) {
            service.attributes.retain(|key, _| !keys.contains(&key.as_str()));
        }
        Ok(Object::new())
    }
}
