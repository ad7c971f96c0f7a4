//! Creating and deleting services.

use super::scheduler::desired_count;
use super::service_check::{check_members, read_back_deployment, read_back_templates};
use super::{
    Definition, Ecs, Event, Service, ServiceKey, arn, check, check_name, client, cluster_update, invalid,
    name_of, registry, tags,
};
use crate::cloud_map::CloudMap;
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule, Shape, optional, required};
use crate::time;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// A service without tasks does not drain in no time.
const DRAIN_MIN: Duration = Duration::from_secs(1);

/// Members CreateService and UpdateService share.
pub(super) const SHARED: &[Rule] = &[
    optional("desiredCount", Shape::Whole(0, 5000)),
    optional("taskDefinition", Shape::Text(1, 512)),
    optional("loadBalancers", Shape::Objects(5)),
    optional("serviceRegistries", Shape::Objects(10)),
    optional("capacityProviderStrategy", Shape::Objects(20)),
    optional("platformVersion", Shape::Text(1, 64)),
    optional("deploymentConfiguration", Shape::Object),
    optional("placementConstraints", Shape::Objects(10)),
    optional("placementStrategy", Shape::Objects(5)),
    optional("networkConfiguration", Shape::Object),
    optional("healthCheckGracePeriodSeconds", Shape::Whole(0, i32::MAX as i64)),
    optional("enableECSManagedTags", Shape::Flag),
    optional("enableExecuteCommand", Shape::Flag),
    optional("propagateTags", Shape::OneOf(&["TASK_DEFINITION", "SERVICE", "NONE"])),
    optional("availabilityZoneRebalancing", Shape::OneOf(&["ENABLED", "DISABLED"])),
    optional("serviceConnectConfiguration", Shape::Object),
    optional("volumeConfigurations", Shape::Objects(1)),
    optional("vpcLatticeConfigurations", Shape::Objects(5)),
    optional("deploymentController", Shape::Object),
];

const CREATE: &[Rule] = &[
    required("serviceName", Shape::Text(1, 255)),
    optional("launchType", Shape::OneOf(&["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"])),
    optional("schedulingStrategy", Shape::OneOf(&["REPLICA", "DAEMON"])),
    optional("clientToken", Shape::Text(0, 36)),
    optional("role", Shape::Text(1, 2048)),
    optional("tags", Shape::Objects(50)),
];

impl Ecs {
    pub(super) fn create_service(
        &mut self,
        input: Object,
        cloud_map: &CloudMap,
        env: &mut Env<'_>,
    ) -> Outcome {
        let cluster = self.cluster_name(&input)?;
        check(&input, CREATE)?;
        check(&input, SHARED)?;
        let tags = tags::of_input(&input)?;
        let name = object::text_or_empty(&input, "serviceName").to_owned();
        check_name(&name, "Service name")?;
        let key = (cluster, name);
        if let Some(existing) = self.existing(&key, &input)? {
            return Ok(existing);
        }
        let definition = self.usable_definition(object::text(&input, "taskDefinition"))?;
        let mut body = read_back(self.with_strategy(input.clone(), &key.0)?, &key, env)?;
        check_against_definition(&body, definition, Some(cloud_map))?;
        check_members(&body, definition)?;
        let definition_arn = object::text_or_empty(&definition.body, "taskDefinitionArn").to_owned();
        body.remove("tags");
        let mut service = Service {
            body,
            tags,
            asked: input,
            created: env.now,
            deployments: Vec::new(),
            completed: None,
            events: Vec::new(),
            history: Vec::new(),
            revisions: BTreeMap::new(),
        };
        let fate = env.faults.take_rollout();
        service.deploy(&definition_arn, fate, env);
        self.services.insert(key.clone(), service);
        self.schedule(&key, env);
        Ok(self.service_output(&key))
    }

    /// What a new service runs on: its own strategy, or its cluster's where it states no launch type either.
    fn with_strategy(&self, mut input: Object, cluster: &str) -> Result<Object, Failure> {
        let items = match object::list(&input, "capacityProviderStrategy") {
            [] if !input.contains_key("launchType") => self.default_strategy_of(cluster),
            items => cluster_update::strategy(items, &self.providers_of(cluster))?,
        };
        if !items.is_empty() {
            object::set(&mut input, "capacityProviderStrategy", items);
        }
        Ok(input)
    }

    /// The answer to a repeated create, or the refusal of a second service of one name.
    fn existing(&self, key: &ServiceKey, input: &Object) -> Result<Option<Object>, Failure> {
        let Some(service) = self.services.get(key) else { return Ok(None) };
        match object::text_or_empty(&service.body, "status") {
            "INACTIVE" => Ok(None),
            "DRAINING" => Err(invalid("Unable to Start a service that is still Draining.")),
            _ if &service.asked == input => Ok(Some(self.service_output(key))),
            _ => Err(invalid("Creation of service was not idempotent.")),
        }
    }

    /// The ACTIVE definition a service may be given.
    pub(super) fn usable_definition(&self, given: Option<&str>) -> Result<&Definition, Failure> {
        let Some(given) = given else { return Err(invalid("Task definition can not be blank.")) };
        let found = self.definition(given).ok_or_else(|| client("TaskDefinition not found."))?;
        if object::text(&found.body, "status") != Some("ACTIVE") {
            return Err(client("TaskDefinition is inactive"));
        }
        Ok(found)
    }

    pub(super) fn service_key(&self, input: &Object) -> Result<ServiceKey, Failure> {
        let cluster = self.cluster_name(input)?;
        let Some(given) = object::text(input, "service") else { return Err(invalid("Service is required.")) };
        let key = (cluster, name_of(given).to_owned());
        if self.services.contains_key(&key) { Ok(key) } else { Err(no_service()) }
    }

    pub(super) fn delete_service(&mut self, input: &Object, env: &mut Env<'_>) -> Outcome {
        let key = self.service_key(input)?;
        let Some(service) = self.services.get_mut(&key) else { return Err(no_service()) };
        if object::text(&service.body, "status") != Some("ACTIVE") {
            return Ok(self.service_output(&key));
        }
        let daemon = object::text(&service.body, "schedulingStrategy") == Some("DAEMON");
        if desired_count(&service.body) > 0 && !daemon && !object::flag(input, "force") {
            return Err(invalid("The service cannot be stopped while it is scaled above 0."));
        }
        object::set(&mut service.body, "status", "DRAINING");
        object::set(&mut service.body, "desiredCount", 0);
        for task in self.alive_tasks(&key) {
            self.stop_task(&task, env);
        }
        env.after(env.config.delays.task_stop.min(DRAIN_MIN), Event::Drained { service: key.clone() });
        Ok(self.service_output(&key))
    }
}

/// The service as AWS gives it back, with the defaults it fills in.
fn read_back(input: Object, key: &ServiceKey, env: &Env<'_>) -> Result<Object, Failure> {
    let mut body = input;
    let role = object::text(&body, "role").map(str::to_owned);
    for name in ["clientToken", "cluster", "role", "taskDefinition"] {
        body.remove(name);
    }
    let (cluster, name) = key;
    object::set(&mut body, "serviceArn", arn(&format!("service/{cluster}/{name}"), env));
    object::set(&mut body, "clusterArn", arn(&format!("cluster/{cluster}"), env));
    object::set(&mut body, "status", "ACTIVE");
    object::set(&mut body, "createdAt", time::epoch(env.now));
    let account = &env.config.account;
    object::set(&mut body, "createdBy", format!("arn:aws:iam::{account}:role/hatoba"));
    let role = role.unwrap_or_else(|| "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS".to_owned());
    let role = if role.starts_with("arn:") { role } else { format!("arn:aws:iam::{account}:role/{role}") };
    object::set(&mut body, "roleArn", role);
    object::default(&mut body, "schedulingStrategy", "REPLICA");
    let daemon = object::text(&body, "schedulingStrategy") == Some("DAEMON");
    match (daemon, body.contains_key("desiredCount")) {
        (true, true) => return Err(invalid("desiredCount is not valid for the DAEMON scheduling strategy.")),
        (true, false) => object::set(&mut body, "desiredCount", 1),
        (false, true) => {}
        (false, false) => {
            return Err(invalid("desiredCount is required for the REPLICA scheduling strategy."));
        }
    }
    if !object::list(&body, "capacityProviderStrategy").is_empty() {
        if body.contains_key("launchType") {
            return Err(invalid(
                "Specifying both a launch type and capacity provider strategy is not supported.",
            ));
        }
    } else {
        body.remove("capacityProviderStrategy");
        object::default(&mut body, "launchType", "EC2");
    }
    for (name, value) in [
        ("loadBalancers", json!([])),
        ("serviceRegistries", json!([])),
        ("placementConstraints", json!([])),
        ("placementStrategy", json!([])),
        ("deploymentController", json!({"type": "ECS"})),
        ("healthCheckGracePeriodSeconds", json!(0)),
        ("enableECSManagedTags", json!(false)),
        ("enableExecuteCommand", json!(false)),
        ("propagateTags", json!("NONE")),
    ] {
        object::default(&mut body, name, value);
    }
    if object::text(&body, "launchType") == Some("FARGATE") {
        object::default(&mut body, "platformVersion", "LATEST");
        object::set(&mut body, "platformFamily", "Linux");
    }
    read_back_nested(&mut body, daemon)?;
    Ok(body)
}

/// Defaults inside members, for creates and updates.
pub(super) fn read_back_nested(body: &mut Object, daemon: bool) -> Result<(), Failure> {
    let mut configuration = object::object(body, "deploymentConfiguration").cloned().unwrap_or_default();
    read_back_deployment(&mut configuration, daemon);
    read_back_templates(body);
    let spreads = configuration.get("maximumPercent").and_then(Value::as_i64).is_some_and(|max| max > 100);
    object::set(body, "deploymentConfiguration", configuration);
    let compatible = spreads && object::list(body, "placementConstraints").is_empty();
    object::default(body, "availabilityZoneRebalancing", if compatible { "ENABLED" } else { "DISABLED" });
    if let Some(Value::Array(strategies)) = body.get_mut("placementStrategy") {
        for strategy in strategies.iter_mut().filter_map(Value::as_object_mut) {
            let field = object::text_or_empty(strategy, "field").to_uppercase();
            match field.as_str() {
                "CPU" | "MEMORY" => object::set(strategy, "field", field),
                "HOST" => object::set(strategy, "field", "instanceId"),
                _ => {}
            }
        }
    }
    if let Some(Value::Object(network)) = body.get_mut("networkConfiguration")
        && let Some(Value::Object(vpc)) = network.get_mut("awsvpcConfiguration")
    {
        let (subnets, groups) =
            (object::list(vpc, "subnets").len(), object::list(vpc, "securityGroups").len());
        if subnets == 0 || subnets > 16 {
            return Err(invalid("subnets must have 1 to 16 items."));
        }
        if groups > 5 {
            return Err(invalid("securityGroups can have at most 5 items."));
        }
        object::default(vpc, "assignPublicIp", "DISABLED");
        if groups == 0 {
            // AWS puts the VPC's default group here; the model does not know which VPC the subnets are in.
            object::set(vpc, "securityGroups", json!(["sg-0defa0170defa0170"]));
        }
    }
    Ok(())
}

/// Checks network configuration and launch type against the definition, and the registries against Cloud Map if given.
pub(super) fn check_against_definition(
    body: &Object,
    definition: &Definition,
    cloud_map: Option<&CloudMap>,
) -> Result<(), Failure> {
    let awsvpc = object::text(&definition.body, "networkMode") == Some("awsvpc");
    let configured = body.contains_key("networkConfiguration");
    if awsvpc && !configured {
        return Err(invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ));
    }
    if !awsvpc && configured {
        return Err(invalid(
            "Network Configuration is not valid for the given networkMode of this task definition.",
        ));
    }
    let fargate = object::text(body, "launchType") == Some("FARGATE");
    if fargate && !object::texts(&definition.body, "requiresCompatibilities").contains(&"FARGATE") {
        return Err(invalid("Task definition does not support launch_type FARGATE."));
    }
    cloud_map.map_or(Ok(()), |cloud_map| {
        registry::check(object::list(body, "serviceRegistries"), definition, cloud_map)
    })
}

pub(super) fn no_service() -> Failure {
    Failure::client("ServiceNotFoundException", "Service not found.")
}
