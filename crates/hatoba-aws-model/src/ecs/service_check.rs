//! What AWS demands of a service's members beyond their forms: which go together, and where each belongs.

use super::{Definition, check, invalid};
use crate::failure::Failure;
use crate::object::{self, Object, Rule, Shape, optional, required};
use serde_json::{Value, json};

const BALANCER: &[Rule] = &[
    required("containerName", Shape::Text(1, 255)),
    required("containerPort", Shape::Whole(0, 65_535)),
    optional("targetGroupArn", Shape::Text(1, 2048)),
    optional("loadBalancerName", Shape::Text(1, 255)),
    optional("advancedConfiguration", Shape::Object),
];

const CONSTRAINT: &[Rule] = &[
    required("type", Shape::OneOf(&["distinctInstance", "memberOf"])),
    optional("expression", Shape::Text(1, 2000)),
];

const PLACEMENT: &[Rule] = &[
    required("type", Shape::OneOf(&["random", "spread", "binpack"])),
    optional("field", Shape::Text(1, 255)),
];

const DEPLOYMENT: &[Rule] = &[
    optional("maximumPercent", Shape::Whole(100, 10_000)),
    optional("minimumHealthyPercent", Shape::Whole(0, 100)),
    optional("deploymentCircuitBreaker", Shape::Object),
    optional("alarms", Shape::Object),
    optional("strategy", Shape::OneOf(&["ROLLING", "BLUE_GREEN", "LINEAR", "CANARY"])),
    optional("bakeTimeInMinutes", Shape::Whole(0, 1440)),
    optional("lifecycleHooks", Shape::Objects(20)),
    optional("linearConfiguration", Shape::Object),
    optional("canaryConfiguration", Shape::Object),
    optional("earlySuccessCriteria", Shape::Object),
];

const HOOK: &[Rule] = &[required("lifecycleStages", Shape::Texts(10))];

const VOLUME: &[Rule] = &[required("name", Shape::Text(1, 255)), optional("managedEBSVolume", Shape::Object)];

const LATTICE: &[Rule] = &[
    required("roleArn", Shape::Text(1, 2048)),
    required("targetGroupArn", Shape::Text(1, 2048)),
    required("portName", Shape::Text(1, 64)),
];

const ALARMS: &[Rule] = &[
    required("alarmNames", Shape::Texts(100)),
    required("enable", Shape::Flag),
    required("rollback", Shape::Flag),
];

const BREAKER: &[Rule] = &[required("enable", Shape::Flag), required("rollback", Shape::Flag)];

/// Checks every member of a service as it will be.
pub(super) fn check_members(body: &Object, definition: &Definition) -> Result<(), Failure> {
    for (member, rules) in [
        ("loadBalancers", BALANCER),
        ("placementConstraints", CONSTRAINT),
        ("placementStrategy", PLACEMENT),
        ("volumeConfigurations", VOLUME),
        ("vpcLatticeConfigurations", LATTICE),
    ] {
        each(object::list(body, member), rules)?;
    }
    check_deployment(body)?;
    let fargate = object::text(body, "launchType") == Some("FARGATE");
    if fargate && !object::list(body, "placementConstraints").is_empty() {
        return Err(invalid("Placement constraints are not supported with FARGATE launch type."));
    }
    if fargate && !object::list(body, "placementStrategy").is_empty() {
        return Err(invalid("Placement strategies are not supported with FARGATE launch type."));
    }
    if fargate && object::text(body, "schedulingStrategy") == Some("DAEMON") {
        return Err(invalid("The daemon scheduling strategy is not supported by this task type."));
    }
    if object::text(body, "schedulingStrategy") == Some("DAEMON")
        && !object::list(body, "placementStrategy").is_empty()
    {
        return Err(invalid(
            "The daemon scheduling strategy does not support placement strategies. Remove the placement strategy \
             and try again.",
        ));
    }
    for balancer in object::list(body, "loadBalancers") {
        let given = |name: &str| balancer.get(name).is_some();
        if given("targetGroupArn") == given("loadBalancerName") {
            return Err(invalid(
                "Either targetGroupArn or loadBalancerName must be specified in a load balancer.",
            ));
        }
        let (name, port) =
            (balancer["containerName"].as_str().unwrap_or_default(), &balancer["containerPort"]);
        if !super::registry::maps_port(definition, name, Some(port)) {
            return Err(invalid(format!(
                "The container {name} did not have a container port {port} defined."
            )));
        }
    }
    if let Some(connect) = object::object(body, "serviceConnectConfiguration") {
        check(connect, &[required("enabled", Shape::Flag), optional("services", Shape::Objects(100))])?;
    }
    let controller = object::object(body, "deploymentController");
    let kind = controller.and_then(|controller| object::text(controller, "type")).unwrap_or("ECS");
    if !["ECS", "CODE_DEPLOY", "EXTERNAL"].contains(&kind) {
        return Err(invalid(format!("Invalid deployment controller type: {kind}")));
    }
    Ok(())
}

fn check_deployment(body: &Object) -> Result<(), Failure> {
    let Some(configuration) = object::object(body, "deploymentConfiguration") else { return Ok(()) };
    check(configuration, DEPLOYMENT)?;
    each(object::list(configuration, "lifecycleHooks"), HOOK)?;
    for (member, rules) in [("alarms", ALARMS), ("deploymentCircuitBreaker", BREAKER)] {
        if let Some(value) = object::object(configuration, member) {
            check(value, rules)?;
        }
    }
    let strategy = object::text(configuration, "strategy").unwrap_or("ROLLING");
    for (member, of) in [("linearConfiguration", "LINEAR"), ("canaryConfiguration", "CANARY")] {
        if configuration.contains_key(member) && strategy != of {
            return Err(invalid(format!(
                "{member} can only be specified with the {of} deployment strategy."
            )));
        }
    }
    Ok(())
}

fn each(items: &[Value], rules: &[Rule]) -> Result<(), Failure> {
    items.iter().filter_map(Value::as_object).try_for_each(|item| check(item, rules))
}

/// Defaults inside `deploymentConfiguration`; the steps of another strategy go.
pub(super) fn read_back_deployment(configuration: &mut Object, daemon: bool) {
    object::default(configuration, "maximumPercent", if daemon { 100 } else { 200 });
    object::default(configuration, "minimumHealthyPercent", if daemon { 0 } else { 100 });
    object::default(configuration, "deploymentCircuitBreaker", json!({"enable": false, "rollback": false}));
    object::default(configuration, "strategy", "ROLLING");
    object::default(configuration, "bakeTimeInMinutes", 0);
    let strategy = object::text_or_empty(configuration, "strategy").to_owned();
    for (member, of, defaults) in [
        ("linearConfiguration", "LINEAR", json!({"stepPercent": 10.0, "stepBakeTimeInMinutes": 6})),
        ("canaryConfiguration", "CANARY", json!({"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10})),
    ] {
        if strategy != of {
            continue;
        }
        let mut steps = defaults.as_object().cloned().unwrap_or_default();
        steps.extend(object::object(configuration, member).cloned().unwrap_or_default());
        object::set(configuration, member, steps);
    }
}

/// What AWS fills in inside the members that only deployments show.
pub(super) fn read_back_templates(body: &mut Object) {
    if let Some(Value::Object(connect)) = body.get_mut("serviceConnectConfiguration")
        && let Some(Value::Array(services)) = connect.get_mut("services")
    {
        for service in services.iter_mut().filter_map(Value::as_object_mut) {
            let port = object::text_or_empty(service, "portName").to_owned();
            object::default(service, "discoveryName", port);
        }
    }
    if let Some(Value::Array(volumes)) = body.get_mut("volumeConfigurations") {
        for volume in volumes.iter_mut().filter_map(|volume| volume.get_mut("managedEBSVolume")) {
            if let Some(volume) = volume.as_object_mut() {
                object::default(volume, "volumeType", "gp3");
                object::default(volume, "filesystemType", "xfs");
            }
        }
    }
}
