//! Service registries: what ECS demands of them, and what it registers.

use super::task::Task;
use super::{Definition, invalid, name_of};
use crate::cloud_map::CloudMap;
use crate::env::Env;
use crate::failure::Failure;
use crate::object::{self, Object};
use serde_json::{Value, json};

/// Checks the registries of a service against its definition and against Cloud Map.
pub(super) fn check(
    registries: &[Value],
    definition: &Definition,
    cloud_map: &CloudMap,
) -> Result<(), Failure> {
    let [registry] = registries else {
        return match registries {
            [] => Ok(()),
            _ => Err(invalid("service registries cannot have more than 1 item")),
        };
    };
    let Some(registry) = registry.as_object() else { return Err(invalid("Invalid service registry.")) };
    let arn = object::text_or_empty(registry, "registryArn");
    let Some(types) = cloud_map.registry_types(arn) else {
        return Err(invalid(format!("The service registry {arn} does not exist.")));
    };
    let srv = types.iter().any(|kind| kind == "SRV");
    let (name, container_port) = (object::text(registry, "containerName"), registry.get("containerPort"));
    let port = registry.get("port");
    let contained = name.is_some() && container_port.is_some();
    if name.is_some() != container_port.is_some() {
        return Err(invalid("containerName and containerPort must be given together in a service registry."));
    }
    let awsvpc = object::text(&definition.body, "networkMode") == Some("awsvpc");
    let found_by_container = contained && srv;
    if !awsvpc && !found_by_container {
        return Err(invalid(
            "When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' must be \
             specified from the task definition, and the registry must use SRV records.",
        ));
    }
    if awsvpc && srv && contained == port.is_some() {
        return Err(invalid(
            "When specifying 'awsvpc' for networkMode, either 'port', or 'containerName' and 'containerPort', must be \
             specified in the service registry for SRV records, and not both.",
        ));
    }
    if !srv && (contained || port.is_some()) {
        return Err(invalid(
            "A port is only valid in a service registry whose Cloud Map service has SRV records.",
        ));
    }
    if contained && !maps_port(definition, name.unwrap_or_default(), container_port) {
        return Err(invalid(format!(
            "The container {} does not exist in the task definition, or does not map the port.",
            name.unwrap_or_default()
        )));
    }
    Ok(())
}

pub(super) fn maps_port(definition: &Definition, name: &str, port: Option<&Value>) -> bool {
    object::list(&definition.body, "containerDefinitions")
        .iter()
        .filter_map(Value::as_object)
        .filter(|container| object::text(container, "name") == Some(name))
        .any(|container| {
            object::list(container, "portMappings").iter().any(|m| m.get("containerPort") == port)
        })
}

/// Registers a task that has begun to run; gives the registry's ARN. A Cloud Map service that is gone is passed over.
pub(super) fn register(
    id: &str,
    task: &Task,
    template: &Object,
    cloud_map: &mut CloudMap,
    env: &Env<'_>,
) -> Option<String> {
    let registry = object::list(template, "serviceRegistries").first()?.as_object()?;
    let arn = object::text(registry, "registryArn")?;
    let types = cloud_map.registry_types(arn)?;
    let (cluster, service) = &task.service;
    let family = name_of(object::text_or_empty(&task.body, "taskDefinitionArn"));
    let family = family.split(':').next().unwrap_or_default();
    let address =
        task.body.get("containers").and_then(|c| c.pointer("/0/networkInterfaces/0/privateIpv4Address"));
    let attributes = json!({
        "AWS_INIT_HEALTH_STATUS": "HEALTHY",
        "AWS_INSTANCE_IPV4": address,
        "AVAILABILITY_ZONE": task.body.get("availabilityZone"),
        "REGION": env.config.region,
        "ECS_SERVICE_NAME": service,
        "ECS_CLUSTER_NAME": cluster,
        "ECS_TASK_DEFINITION_FAMILY": family,
    });
    let Value::Object(mut attributes) = attributes else { return None };
    let port = registry.get("port").or_else(|| registry.get("containerPort"));
    if let Some(port) = port.filter(|_| types.iter().any(|kind| kind == "SRV")) {
        object::set(&mut attributes, "AWS_INSTANCE_PORT", port.to_string());
    }
    cloud_map.register_task(arn, id, attributes);
    Some(arn.to_owned())
}
