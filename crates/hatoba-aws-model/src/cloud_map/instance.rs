//! Instances: registered by callers and by ECS, discovered by API Gateway.

use super::operation::Effect;
use super::{CloudMap, id_of, invalid, namespace};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use serde_json::{Value, json};

impl CloudMap {
    pub(super) fn register_instance(&mut self, input: &Object, env: &mut Env<'_>) -> Outcome {
        let (service, found) = self.find_service(input, "ServiceId")?;
        let service = service.clone();
        let id = object::text_or_empty(input, "InstanceId").to_owned();
        let attributes = object::object(input, "Attributes").cloned().unwrap_or_default();
        let custom = attributes.keys().filter(|key| !key.starts_with("AWS_")).count();
        if custom > 30 {
            return Err(invalid("An instance has at most 30 custom attributes."));
        }
        let has = |name: &str| attributes.contains_key(name);
        let address = has("AWS_INSTANCE_IPV4") || has("AWS_INSTANCE_IPV6");
        let types = self.registry_types(object::text_or_empty(&found.body, "Arn")).unwrap_or_default();
        for kind in &types {
            let complete = match kind.as_str() {
                "SRV" => has("AWS_INSTANCE_PORT") && address,
                "A" => has("AWS_INSTANCE_IPV4") || has("AWS_ALIAS_DNS_NAME"),
                "AAAA" => has("AWS_INSTANCE_IPV6") || has("AWS_ALIAS_DNS_NAME"),
                _ => has("AWS_INSTANCE_CNAME"),
            };
            if !complete {
                return Err(invalid(format!("Attributes that a record of type {kind} needs are missing.")));
            }
        }
        self.accept(Effect::Register { service, id, attributes }, env.config.delays.deregister, None, env)
    }

    pub(super) fn deregister_instance(&mut self, input: &Object, env: &mut Env<'_>) -> Outcome {
        let (service, found) = self.find_service(input, "ServiceId")?;
        let Some(id) = object::text(input, "InstanceId") else {
            return Err(invalid("InstanceId is required"));
        };
        if !found.instances.contains_key(id) {
            return Err(Failure::client("InstanceNotFound", format!("Instance {id} not found.")));
        }
        let effect = Effect::Deregister { service: service.clone(), id: id.to_owned() };
        self.accept(effect, env.config.delays.deregister, None, env)
    }

    /// Adds or replaces an instance; without effect when the service is gone.
    pub(super) fn put_instance(&mut self, service: &str, id: &str, attributes: Object) {
        if let Some(service) = self.services.get_mut(service) {
            service.instances.insert(id.to_owned(), attributes);
            self.revision += 1;
        }
    }

    pub(super) fn remove_instance(&mut self, service: &str, id: &str) {
        if let Some(service) = self.services.get_mut(service) {
            service.instances.remove(id);
            self.revision += 1;
        }
    }

    /// ECS registers a task.
    pub(crate) fn register_task(&mut self, registry_arn: &str, task: &str, attributes: Object) {
        self.put_instance(id_of(registry_arn), task, attributes);
    }

    /// ECS takes a stopped task out.
    pub(crate) fn deregister_task(&mut self, registry_arn: &str, task: &str) {
        self.remove_instance(id_of(registry_arn), task);
    }

    pub(super) fn discover_instances(&self, input: &Object) -> Outcome {
        let name = object::text_or_empty(input, "NamespaceName");
        let Some((namespace, _)) =
            self.namespaces.iter().find(|(_, n)| namespace::http_name(&n.body) == name)
        else {
            return Err(Failure::client("NamespaceNotFound", format!("Namespace {name} not found.")));
        };
        let service_name = object::text_or_empty(input, "ServiceName");
        let found =
            self.services_of(namespace).find(|(_, s)| object::text(&s.body, "Name") == Some(service_name));
        let Some((_, service)) = found else {
            return Err(Failure::client("ServiceNotFound", format!("Service {service_name} not found.")));
        };
        let checked = service.body.contains_key("HealthCheckCustomConfig");
        let health = |attributes: &Object| match object::text(attributes, "AWS_INIT_HEALTH_STATUS") {
            _ if !checked => "UNKNOWN",
            Some("UNHEALTHY") => "UNHEALTHY",
            _ => "HEALTHY",
        };
        let wanted = object::text(input, "HealthStatus").unwrap_or("HEALTHY_OR_ELSE_ALL");
        let required = object::object(input, "QueryParameters").cloned().unwrap_or_default();
        let matching: Vec<(&String, &Object)> = service
            .instances
            .iter()
            .filter(|(_, attributes)| required.iter().all(|(key, value)| attributes.get(key) == Some(value)))
            .collect();
        let usable = matching.iter().any(|(_, attributes)| health(attributes) != "UNHEALTHY");
        let limit = input.get("MaxResults").and_then(Value::as_u64).unwrap_or(100);
        let instances: Vec<Value> = matching
            .into_iter()
            .filter(|(_, attributes)| match (wanted, health(attributes)) {
                ("ALL", _) => true,
                ("UNHEALTHY", status) => status == "UNHEALTHY",
                ("HEALTHY", status) => status != "UNHEALTHY",
                (_, status) => status != "UNHEALTHY" || !usable,
            })
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .map(|(id, attributes)| {
                json!({
                    "InstanceId": id, "NamespaceName": name, "ServiceName": service_name,
                    "HealthStatus": health(attributes), "Attributes": attributes,
                })
            })
            .collect();
        let mut out = object::only("Instances", instances);
        object::set(&mut out, "InstancesRevision", self.revision);
        Ok(out)
    }
}
