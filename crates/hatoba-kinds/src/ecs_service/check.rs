//! What AWS would refuse across members, said before it is asked; and what a document means where it says `null`.

use hatoba_core::{Literal, Members, path};
use serde_json::{Value, json};

use crate::kind::Problem;

/// AWS quota: subnets of an awsvpc configuration.
const SUBNETS_MAX: usize = 16;
/// AWS quota: security groups of an awsvpc configuration.
const GROUPS_MAX: usize = 5;
/// AWS: placement constraints and strategies of a service.
const CONSTRAINTS_MAX: usize = 10;
const STRATEGIES_MAX: usize = 5;
/// AWS: target groups of a service.
const LOAD_BALANCERS_MAX: usize = 5;

/// What `null` means for members that are not ours when they are left out; `Null`: not ours either.
const NULLS: &[(&str, Literal)] = &[
    ("desiredCount", Literal::Null),
    ("taskDefinition", Literal::Null),
    ("platformVersion", Literal::Str("LATEST")),
    ("capacityProviderStrategy", Literal::EmptyList),
    ("networkConfiguration", Literal::Null),
    ("networkConfiguration.awsvpcConfiguration", Literal::Null),
    ("networkConfiguration.awsvpcConfiguration.subnets", Literal::Null),
    ("networkConfiguration.awsvpcConfiguration.securityGroups", Literal::Null),
];

/// Brings what operators may write into the members that AWS takes.
pub(super) fn adapt(members: &mut Members) {
    let cluster = members.get("cluster").and_then(Value::as_str).unwrap_or("default");
    let name = cluster.rsplit_once("cluster/").map_or(cluster, |(_, name)| name).to_owned();
    members.insert("cluster".to_owned(), name.into());
    let is_daemon = is_daemon(members);
    let mut value = Value::Object(std::mem::take(members));
    for (at, literal) in NULLS {
        if path::get(&value, at).is_some_and(Value::is_null) {
            match literal {
                Literal::Null => drop(path::take(&mut value, at)),
                literal => path::set(&mut value, at, literal.value()),
            }
        }
    }
    if is_daemon {
        for (at, default) in [("maximumPercent", 100), ("minimumHealthyPercent", 0)] {
            let at = format!("deploymentConfiguration.{at}");
            if path::get(&value, &at).is_none_or(Value::is_null) {
                path::set(&mut value, &at, json!(default));
            }
        }
        // Stated as nothing, so that no count is sent at creation.
        if path::get(&value, "desiredCount").is_none() {
            path::set(&mut value, "desiredCount", Value::Null);
        }
    }
    if let Value::Object(adapted) = value {
        *members = adapted;
    }
}

fn is_daemon(members: &Members) -> bool {
    members.get("schedulingStrategy").and_then(Value::as_str) == Some("DAEMON")
}

/// Rules across members.
pub(super) fn check(members: &Members) -> Vec<Problem> {
    let mut found = Vec::new();
    names(members, &mut found);
    capacity(members, &mut found);
    lists(members, &mut found);
    ids(members, &mut found);
    registries(members, &mut found);
    load_balancers(members, &mut found);
    deployment(members, &mut found);
    connect(members, &mut found);
    found
}

fn text<'a>(members: &'a Members, at: &str) -> Option<&'a str> {
    path::get_member(members, at).and_then(Value::as_str)
}

fn list<'a>(members: &'a Members, at: &str) -> &'a [Value] {
    path::get_member(members, at).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn names(members: &Members, found: &mut Vec<Problem>) {
    let name = text(members, "serviceName").unwrap_or_default();
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(1..=255).contains(&name.len()) || !name.chars().all(legal) {
        let message = format!("expected 1 to 255 letters, digits, `-` and `_`, got `{name}`");
        found.push(Problem::new("serviceName", message, ""));
    }
    let external = text(members, "deploymentController.type") == Some("EXTERNAL");
    if text(members, "taskDefinition").is_none() && !external {
        let hint = "`family` or `family:revision`, or `taskDefinitionRef`";
        found.push(Problem::new("taskDefinition", "`taskDefinition` is missing", hint));
    }
}

fn capacity(members: &Members, found: &mut Vec<Problem>) {
    let count = members.get("desiredCount").and_then(Value::as_i64);
    if count.is_some_and(|count| count < 0) {
        found.push(Problem::new("desiredCount", "expected 0 or more tasks", ""));
    }
    if is_daemon(members) && count.is_some() {
        let message = "a DAEMON service takes no desired count: it runs one task on each instance";
        found.push(Problem::new("desiredCount", message, "leave it out"));
    }
    let launch_type = text(members, "launchType");
    if is_daemon(members) && launch_type == Some("FARGATE") {
        found.push(Problem::new("schedulingStrategy", "Fargate runs no DAEMON services", "REPLICA"));
    }
    if is_daemon(members) && !list(members, "placementStrategy").is_empty() {
        let message = "a DAEMON service takes no placement strategy: it runs one task on each instance";
        found.push(Problem::new("placementStrategy", message, "leave it out; `placementConstraints` are taken"));
    }
    let strategy = list(members, "capacityProviderStrategy");
    if launch_type.is_some() && !strategy.is_empty() {
        let message = "expected `launchType` or `capacityProviderStrategy`, not both";
        found.push(Problem::new("launchType", message, "a strategy says where the tasks run"));
    }
    strategy_rules("capacityProviderStrategy", strategy, found);
    for at in ["placementConstraints", "placementStrategy"] {
        if launch_type == Some("FARGATE") && !list(members, at).is_empty() {
            found.push(Problem::new(at, "Fargate takes no placement", "leave it out"));
        }
    }
}

/// Of the items at most one has a base, and not all have weight 0 unless they have one.
pub(crate) fn strategy_rules(at: &str, strategy: &[Value], found: &mut Vec<Problem>) {
    let number = |item: &Value, name: &str| item.get(name).and_then(Value::as_i64).unwrap_or(0);
    if strategy.iter().filter(|item| number(item, "base") > 0).count() > 1 {
        found.push(Problem::new(at, "only one item of a strategy may have a base", ""));
    }
    let weightless = strategy.iter().all(|item| number(item, "weight") == 0);
    if strategy.len() > 1 && weightless {
        let message = "of several items at least one needs a weight above 0";
        found.push(Problem::new(at, message, "a weight left out is 0"));
    }
}

fn lists(members: &Members, found: &mut Vec<Problem>) {
    for (at, max) in [
        ("networkConfiguration.awsvpcConfiguration.subnets", SUBNETS_MAX),
        ("networkConfiguration.awsvpcConfiguration.securityGroups", GROUPS_MAX),
        ("placementConstraints", CONSTRAINTS_MAX),
        ("placementStrategy", STRATEGIES_MAX),
        ("loadBalancers", LOAD_BALANCERS_MAX),
    ] {
        let count = list(members, at).len();
        if count > max {
            found.push(Problem::new(at, format!("expected at most {max} items, got {count}"), ""));
        }
    }
}

/// Ids are ids: what is known by name or tags is looked up.
fn ids(members: &Members, found: &mut Vec<Problem>) {
    for (member, prefix) in [("subnets", "subnet-"), ("securityGroups", "sg-")] {
        let at = format!("networkConfiguration.awsvpcConfiguration.{member}");
        for (index, id) in list(members, &at).iter().enumerate() {
            let Some(id) = id.as_str().filter(|id| !id.starts_with(prefix)) else { continue };
            let hint = "names and tags are looked up by `subnetSelector` and `securityGroupSelector`";
            let message = format!("expected an id `{prefix}…`, got `{id}`");
            found.push(Problem::new(format!("{at}[{index}]"), message, hint));
        }
    }
}

fn registries(members: &Members, found: &mut Vec<Problem>) {
    let registries = list(members, "serviceRegistries");
    if registries.len() > 1 {
        let message = format!("expected one at most, got {}", registries.len());
        found.push(Problem::new("serviceRegistries", message, ""));
    }
    for (index, registry) in registries.iter().enumerate() {
        let at = |member: &str| format!("serviceRegistries[{index}].{member}");
        let given = |member: &str| registry.get(member).is_some_and(|value| !value.is_null());
        match registry.get("registryArn").and_then(Value::as_str) {
            None => {
                let message = "`discoveryServiceRef` or `registryArn` is missing";
                found.push(Problem::new(at("registryArn"), message, ""));
            }
            // peers.md 39: a namespace's ARN where a service's is needed.
            Some(arn) if !arn.contains(":service/") => {
                let message = format!("expected the ARN of a Cloud Map service (`…:service/srv-…`), got `{arn}`");
                found.push(Problem::new(at("registryArn"), message, "`discoveryServiceRef` names a document"));
            }
            Some(_) => {}
        }
        if given("port") && (given("containerPort") || given("containerName")) {
            let message = "expected `port`, or `containerName` and `containerPort`, not both";
            found.push(Problem::new(at("port"), message, ""));
        } else if given("containerPort") != given("containerName") {
            let message = "`containerName` and `containerPort` are given together or not at all";
            found.push(Problem::new(at("containerName"), message, ""));
        }
        ports(&at, registry, found);
    }
}

fn ports(at: &dyn Fn(&str) -> String, item: &Value, found: &mut Vec<Problem>) {
    for member in ["port", "containerPort"] {
        let port = item.get(member).and_then(Value::as_i64);
        if port.is_some_and(|port| !(1..=65_535).contains(&port)) {
            let message = format!("expected a port from 1 to 65535, got {}", port.unwrap_or_default());
            found.push(Problem::new(at(member), message, ""));
        }
    }
}

fn load_balancers(members: &Members, found: &mut Vec<Problem>) {
    for (index, balancer) in list(members, "loadBalancers").iter().enumerate() {
        let at = |member: &str| format!("loadBalancers[{index}].{member}");
        let given = |member: &str| balancer.get(member).is_some_and(|value| !value.is_null());
        match (given("targetGroupArn"), given("loadBalancerName")) {
            (false, false) => {
                let message = "`targetGroupArn` is missing";
                found.push(Problem::new(at("targetGroupArn"), message, "or `loadBalancerName` for a classic one"));
            }
            (true, true) => {
                let message = "expected `targetGroupArn` or `loadBalancerName`, not both";
                found.push(Problem::new(at("loadBalancerName"), message, ""));
            }
            _ => {}
        }
        for member in ["containerName", "containerPort"] {
            if !given(member) {
                found.push(Problem::new(at(member), format!("`{member}` is missing"), ""));
            }
        }
        ports(&at, balancer, found);
    }
}

fn deployment(members: &Members, found: &mut Vec<Problem>) {
    let number =
        |name: &str| path::get_member(members, &format!("deploymentConfiguration.{name}")).and_then(Value::as_i64);
    let at = |name: &str| format!("deploymentConfiguration.{name}");
    let (max, min) = (number("maximumPercent"), number("minimumHealthyPercent"));
    if min.is_some_and(|min| !(0..=100).contains(&min)) {
        found.push(Problem::new(at("minimumHealthyPercent"), "expected 0 to 100", ""));
    }
    if max.is_some_and(|max| max < 100) {
        found.push(Problem::new(at("maximumPercent"), "expected 100 or more", ""));
    }
    let strategy = text(members, "deploymentConfiguration.strategy").unwrap_or("ROLLING");
    for (member, of) in [("linearConfiguration", "LINEAR"), ("canaryConfiguration", "CANARY")] {
        let given = path::get_member(members, &at(member)).is_some_and(|value| !value.is_null());
        if given && strategy != of {
            let message = format!("needs the strategy {of}, got {strategy}");
            found.push(Problem::new(at(member), message, ""));
        }
    }
    for (name, least, most, unit) in [
        ("bakeTimeInMinutes", 0.0, 1440.0, "minutes"),
        ("linearConfiguration.stepPercent", 3.0, 100.0, "percent"),
        ("linearConfiguration.stepBakeTimeInMinutes", 0.0, 1440.0, "minutes"),
        ("canaryConfiguration.canaryPercent", 0.1, 100.0, "percent"),
        ("canaryConfiguration.canaryBakeTimeInMinutes", 0.0, 1440.0, "minutes"),
    ] {
        let given = path::get_member(members, &at(name)).and_then(Value::as_f64);
        if let Some(given) = given.filter(|given| !(least..=most).contains(given)) {
            let message = format!("expected {least} to {most} {unit}, got {given}");
            found.push(Problem::new(at(name), message, ""));
        }
    }
    let controller = text(members, "deploymentController.type").unwrap_or("ECS");
    if controller != "ECS" && strategy != "ROLLING" {
        let message = format!("the deployment controller {controller} takes no strategy of ECS's");
        found.push(Problem::new(at("strategy"), message, ""));
    }
    if text(members, "availabilityZoneRebalancing") == Some("ENABLED") && max == Some(100) {
        let message = "with 100 no task can be started elsewhere, which `availabilityZoneRebalancing: ENABLED` needs";
        found.push(Problem::new(at("maximumPercent"), message, "200, or availabilityZoneRebalancing: DISABLED"));
    }
    let on = |of: &str, name: &str| {
        path::get_member(members, &at(&format!("{of}.{name}"))).and_then(Value::as_bool).unwrap_or(false)
    };
    if controller != "ECS" && on("deploymentCircuitBreaker", "enable") {
        let message = format!("the deployment controller {controller} has no circuit breaker of ECS's");
        found.push(Problem::new(at("deploymentCircuitBreaker"), message, "leave it out, or deploymentController ECS"));
    }
    if on("alarms", "enable") && list(members, "deploymentConfiguration.alarms.alarmNames").is_empty() {
        found.push(Problem::new(at("alarms.alarmNames"), "expected the name of an alarm", ""));
    }
}

fn connect(members: &Members, found: &mut Vec<Problem>) {
    let enabled = path::get_member(members, "serviceConnectConfiguration.enabled").and_then(Value::as_bool);
    let services = list(members, "serviceConnectConfiguration.services");
    if enabled == Some(false) && !services.is_empty() {
        let message = "Service Connect is off, and names services";
        found.push(Problem::new("serviceConnectConfiguration.services", message, "`enabled: true`"));
    }
    for (index, service) in services.iter().enumerate() {
        for (alias, entry) in service.get("clientAliases").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let at = |member: &str| {
                format!("serviceConnectConfiguration.services[{index}].clientAliases[{alias}].{member}")
            };
            ports(&at, entry, found);
        }
    }
}
