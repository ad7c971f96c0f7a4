//! What API Gateway asks of Cloud Map for a private integration.

use super::{CloudMap, id_of, namespace};
use crate::object::{self, Object};
use serde_json::{Value, json};

/// An instance that may be sent requests.
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) attributes: Object,
}

impl CloudMap {
    /// The healthy instances of the service with this ARN that bear these attributes, or `None` when there is no such
    /// service. Asks GetService, GetNamespace and DiscoverInstances, as API Gateway does.
    pub(crate) fn targets(&self, service_arn: &str, attributes: &[(String, String)]) -> Option<Vec<Target>> {
        let service = self.services.get(id_of(service_arn))?;
        if object::text(&service.body, "Arn") != Some(service_arn) {
            return None;
        }
        let namespace = self.namespaces.get(object::text_or_empty(&service.body, "NamespaceId"))?;
        let filter: Object =
            attributes.iter().map(|(key, value)| (key.clone(), Value::String(value.clone()))).collect();
        let question = json!({
            "NamespaceName": namespace::http_name(&namespace.body),
            "ServiceName": object::text_or_empty(&service.body, "Name"),
            "HealthStatus": "HEALTHY",
            "QueryParameters": filter,
        });
        let Value::Object(question) = question else { return None };
        let found = self.discover_instances(&question).ok()?;
        let target = |instance: &Value| Target {
            id: instance.get("InstanceId").and_then(Value::as_str).unwrap_or_default().to_owned(),
            attributes: instance.get("Attributes").and_then(Value::as_object).cloned().unwrap_or_default(),
        };
        Some(object::list(&found, "Instances").iter().map(target).collect())
    }
}
