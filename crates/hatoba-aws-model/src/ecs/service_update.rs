//! Updating services: some members roll the tasks, the others do not.

use super::service::{SHARED, check_against_definition, no_service, read_back_nested};
use super::service_check::check_members;
use super::{Ecs, check, cluster_update, invalid};
use crate::cloud_map::CloudMap;
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use serde_json::{Value, json};

/// Members whose presence starts a new deployment, also when they are unchanged.
const ROLLING: &[&str] = &[
    "taskDefinition",
    "networkConfiguration",
    "platformVersion",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];

/// Members of a service that no update changes.
const KEPT: &[&str] = &[
    "service",
    "cluster",
    "forceNewDeployment",
    "taskDefinition",
    "launchType",
    "schedulingStrategy",
    "role",
    "tags",
    "serviceName",
    "clientToken",
    "deploymentConfiguration",
];

impl Ecs {
    pub(super) fn update_service(
        &mut self,
        input: Object,
        cloud_map: &CloudMap,
        env: &mut Env<'_>,
    ) -> Outcome {
        let key = self.service_key(&input)?;
        check(&input, SHARED)?;
        let Some(service) = self.services.get(&key) else { return Err(no_service()) };
        if object::text(&service.body, "status") != Some("ACTIVE") {
            return Err(Failure::client("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        let rolls = object::flag(&input, "forceNewDeployment")
            || ROLLING.iter().any(|name| input.contains_key(*name));
        let current = object::text_or_empty(&service.body, "taskDefinition").to_owned();
        let daemon = object::text(&service.body, "schedulingStrategy") == Some("DAEMON");
        if daemon && input.contains_key("desiredCount") {
            return Err(invalid("desiredCount is not valid for the DAEMON scheduling strategy."));
        }
        let mut input = input;
        if let Some(items) = input.get("capacityProviderStrategy").and_then(Value::as_array) {
            let shown = cluster_update::strategy(items, &self.providers_of(&key.0))?;
            object::set(&mut input, "capacityProviderStrategy", shown);
        }
        let launched = object::text(&service.asked, "launchType").unwrap_or("EC2").to_owned();
        let body = merged(service.body.clone(), &input, &launched)?;
        let definition = match object::text(&input, "taskDefinition") {
            Some(given) => self.usable_definition(Some(given))?,
            // A revision in use stays usable for the service that uses it.
            None => self.definition(&current).ok_or_else(|| super::client("TaskDefinition not found."))?,
        };
        // Not said anywhere: that nobody looks at the registry of a service that is only scaled.
        check_against_definition(&body, definition, rolls.then_some(cloud_map))?;
        check_members(&body, definition)?;
        let definition = object::text_or_empty(&definition.body, "taskDefinitionArn").to_owned();
        let fate = if rolls { env.faults.take_rollout() } else { None };
        let Some(service) = self.services.get_mut(&key) else { return Err(no_service()) };
        service.body = body;
        if rolls {
            service.deploy(&definition, fate, env);
        }
        self.schedule(&key, env);
        Ok(self.service_output(&key))
    }
}

/// The service's members after the update: what was not sent stays, empty lists clear.
fn merged(mut body: Object, input: &Object, launched: &str) -> Result<Object, Failure> {
    for (name, value) in input {
        if !KEPT.contains(&name.as_str()) {
            object::set(&mut body, name, value.clone());
        }
    }
    if let Some(sent) = object::object(input, "deploymentConfiguration") {
        let mut configuration = object::object(&body, "deploymentConfiguration").cloned().unwrap_or_default();
        if sent.get("strategy").is_some_and(|strategy| configuration.get("strategy") != Some(strategy)) {
            // The steps of the strategy of before go with it.
            configuration.remove("linearConfiguration");
            configuration.remove("canaryConfiguration");
        }
        configuration.extend(sent.clone());
        object::set(&mut body, "deploymentConfiguration", configuration);
    }
    if let Some(strategy) = input.get("capacityProviderStrategy") {
        if object::is_empty(strategy) {
            body.remove("capacityProviderStrategy");
            object::default(&mut body, "launchType", launched);
        } else {
            body.remove("launchType");
        }
    }
    let daemon = body.get("schedulingStrategy") == Some(&json!("DAEMON"));
    read_back_nested(&mut body, daemon)?;
    body.retain(|_, value| *value != Value::Null);
    Ok(body)
}
