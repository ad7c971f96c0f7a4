//! How AWS gives nested members of a service back, as data: what is noise, and what takes a member away.

use hatoba_core::{Change, Literal, Members, path};
use serde_json::{Value, json};

use crate::alike::{Noise, QUIET, alike, same_name_or_arn};

/// `family:revision` is enforced; a bare family is in sync with any revision of it. ARNs count by their end.
pub(super) fn same_task_definition(wanted: &Value, have: &Value) -> bool {
    let (Some(wanted), Some(have)) = (wanted.as_str(), have.as_str()) else { return wanted == have };
    let (wanted, have) = (short(wanted), short(have));
    match wanted.contains(':') {
        true => wanted == have,
        false => have.split(':').next() == Some(wanted),
    }
}

/// `arn:…:task-definition/web:7` → `web:7`.
pub(super) fn short(task_definition: &str) -> &str {
    task_definition.rsplit_once("task-definition/").map_or(task_definition, |(_, short)| short)
}

/// A fact that AWS settles itself where the document says nothing, or `null`.
pub(super) fn same_or_null(wanted: &Value, have: &Value) -> bool {
    wanted.is_null() || wanted == have
}

/// A role by name or ARN.
pub(super) fn same_role(wanted: &Value, have: &Value) -> bool {
    match (wanted.as_str(), have.as_str()) {
        (Some(wanted), Some(have)) => same_name_or_arn(wanted, have),
        _ => wanted.is_null() || wanted == have,
    }
}

/// LATEST on input; AWS shows none where there are no platforms (EC2).
pub(super) fn same_platform(wanted: &Value, have: &Value) -> bool {
    let latest = |value: &Value| value.is_null() || value == "LATEST";
    wanted == have || (latest(wanted) && latest(have))
}

/// AWS returns weight and base as 0.
pub(super) fn same_strategy(wanted: &Value, have: &Value) -> bool {
    let noise = Noise { filled: &[], defaults: &[("weight", Literal::Int(0)), ("base", Literal::Int(0))] };
    alike(wanted, have, &noise)
}

/// Load balancers, constraints, Lattice configurations: as they were written, in any order.
pub(super) fn same_in_any_order(wanted: &Value, have: &Value) -> bool {
    alike(wanted, have, &QUIET)
}

/// A breaker that is off has nothing else to say.
pub(super) fn same_breaker(wanted: &Value, have: &Value) -> bool {
    let noise = Noise {
        filled: &[],
        defaults: &[
            ("rollback", Literal::Bool(false)),
            ("resetOnHealthyTask", Literal::Bool(true)),
            ("type", Literal::Str("BOUNDED_PERCENT")),
            ("value", Literal::Int(50)),
        ],
    };
    both_off(wanted, have, "enable") || alike(wanted, have, &noise)
}

pub(super) fn same_alarms(wanted: &Value, have: &Value) -> bool {
    const OFF: Literal = Literal::Bool(false);
    alike(wanted, have, &Noise { filled: &[], defaults: &[("enable", OFF), ("rollback", OFF)] })
}

pub(super) fn same_success_criteria(wanted: &Value, have: &Value) -> bool {
    let noise = Noise { filled: &["healthyPercent", "sourceServiceRevisionCleanup"], defaults: &[] };
    both_off(wanted, have, "enable") || alike(wanted, have, &noise)
}

pub(super) fn same_hooks(wanted: &Value, have: &Value) -> bool {
    let noise = Noise { filled: &["timeoutConfiguration", "timeoutInMinutes", "action"], defaults: &[] };
    alike(wanted, have, &noise)
}

/// Steps of a strategy: AWS keeps its own where the document says nothing, or `null`.
pub(super) fn same_steps(wanted: &Value, have: &Value) -> bool {
    let filled = &["stepPercent", "stepBakeTimeInMinutes", "canaryPercent", "canaryBakeTimeInMinutes"];
    wanted.is_null() || alike(wanted, have, &Noise { filled, defaults: &[] })
}

/// In order; AWS shows CPU and MEMORY in upper case, and `host` as `instanceId`, which is the same.
pub(super) fn same_placement(wanted: &Value, have: &Value) -> bool {
    let normal = |value: &Value| -> Vec<Value> {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        items
            .iter()
            .map(|item| {
                let mut item = item.clone();
                let field = item.get("field").and_then(Value::as_str).unwrap_or_default().to_owned();
                match field.to_lowercase().as_str() {
                    "cpu" | "memory" => item["field"] = json!(field.to_uppercase()),
                    "host" | "instanceid" => item["field"] = json!("instanceId"),
                    _ => {}
                }
                item
            })
            .collect()
    };
    normal(wanted) == normal(have)
}

/// Off is absent. The discovery name is the port's unless given; a namespace may be given by name and shown by ARN.
pub(super) fn same_service_connect(wanted: &Value, have: &Value) -> bool {
    let noise = Noise { filled: &["namespace", "dnsName"], defaults: &[] };
    let (mut wanted, mut have) = (wanted.clone(), have.clone());
    let namespace = |value: &Value| value.get("namespace").and_then(Value::as_str).map(str::to_owned);
    if let (Some(one), Some(other)) = (namespace(&wanted), namespace(&have))
        && one.starts_with("arn:") != other.starts_with("arn:")
    {
        // The ARN ends with an id, which tells nothing of the name.
        wanted["namespace"] = Value::Null;
        have["namespace"] = Value::Null;
    }
    named_by_port(&mut wanted);
    named_by_port(&mut have);
    both_off(&wanted, &have, "enabled") || alike(&wanted, &have, &noise)
}

fn named_by_port(configuration: &mut Value) {
    let services = configuration.get_mut("services").and_then(Value::as_array_mut);
    for service in services.into_iter().flatten().filter_map(Value::as_object_mut) {
        if service.get("discoveryName") == service.get("portName") {
            service.remove("discoveryName");
        }
    }
}

/// AWS fills in what makes a volume.
pub(super) fn same_volumes(wanted: &Value, have: &Value) -> bool {
    let noise = Noise {
        filled: &["encrypted", "filesystemType", "volumeType", "iops", "throughput"],
        defaults: &[("propagateTags", Literal::Str("NONE"))],
    };
    alike(wanted, have, &noise)
}

fn both_off(wanted: &Value, have: &Value, switch: &str) -> bool {
    let is_on = |value: &Value| value.get(switch).and_then(Value::as_bool).unwrap_or(false);
    !is_on(wanted) && !is_on(have)
}

/// What takes a member away; leaving it out of an update changes nothing.
fn cleared(path: &str) -> Value {
    match path {
        "deploymentConfiguration.deploymentCircuitBreaker" => json!({ "enable": false, "rollback": false }),
        "deploymentConfiguration.alarms" => json!({ "alarmNames": [], "enable": false, "rollback": false }),
        "deploymentConfiguration.earlySuccessCriteria" => json!({ "enable": false }),
        "serviceConnectConfiguration" => json!({ "enabled": false }),
        _ => Value::Null,
    }
}

/// The members that an update sends: those that differ, whole, and no other. Most of the others would roll the tasks.
pub(super) fn to_send(change: &Change) -> Members {
    let mut after = Value::Object(change.after.clone());
    for drift in change.drift.iter().filter(|drift| drift.to.is_null()) {
        path::set(&mut after, &drift.path, cleared(&drift.path));
    }
    let touched = |member: &str| change.touches(member);
    let is_touched = |member: &str| member_of_drift(change).any(|name| name == member);
    let mut sent = Members::new();
    for (name, value) in after.as_object().into_iter().flatten() {
        if is_touched(name) {
            sent.insert(name.clone(), value.clone());
        }
    }
    // A service that left its launch type for a strategy comes back to it by having none.
    if touched("launchType") {
        sent.remove("launchType");
        sent.insert("capacityProviderStrategy".to_owned(), json!([]));
    }
    if let Some(configuration) = sent.get_mut("deploymentConfiguration").and_then(Value::as_object_mut) {
        let strategy = configuration.get("strategy").and_then(Value::as_str).unwrap_or("ROLLING").to_owned();
        // Steps of another strategy than the one there will be.
        for (steps, of) in [("linearConfiguration", "LINEAR"), ("canaryConfiguration", "CANARY")] {
            if strategy != of && !touched(&format!("deploymentConfiguration.{steps}")) {
                configuration.remove(steps);
            }
        }
    }
    with_alarm_list(sent)
}

/// AWS demands the list of alarms, and shows it empty where alarms were taken away: an empty list reads as none.
pub(super) fn with_alarm_list(mut members: Members) -> Members {
    let alarms = members.get_mut("deploymentConfiguration").and_then(|configuration| configuration.get_mut("alarms"));
    if let Some(alarms) = alarms.and_then(Value::as_object_mut) {
        alarms.entry("alarmNames").or_insert(json!([]));
    }
    members
}

fn member_of_drift(change: &Change) -> impl Iterator<Item = &str> {
    change.drift.iter().map(|drift| drift.path.split('.').next().unwrap_or(&drift.path))
}
