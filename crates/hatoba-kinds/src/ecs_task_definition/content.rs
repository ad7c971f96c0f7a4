//! What a task definition means: the one form that all ways to write the same definition come to.
//!
//! AWS fills defaults in, takes sizes in several units and roles by name, and gives lists back in an order of its
//! own. Everything it does is a row of `RULES`; a member without a row is compared as it stands.
//!
//! ```text
//! { cpu: "1 vCPU", containerDefinitions: [{ name: web, essential: true, environment: [] }] }
//! { cpu: "1024",   containerDefinitions: [{ name: web, cpu: 0 }] }      → the same
//! ```

use hatoba_core::{Literal, Members};
use serde_json::Value;

/// How AWS changes a member that it was given, or was not given.
#[derive(Clone, Copy, Debug)]
enum Rule {
    /// Filled in with this when left out.
    Default(Literal),
    /// A list whose order says nothing.
    Unordered,
    /// CPU in units (`256`) or `vCPU`, memory in MiB or `GB`.
    Size,
    /// An ARN, or the role's name alone.
    Role,
}

use Rule::{Default, Role, Size, Unordered};

const NO: Rule = Default(Literal::Bool(false));

/// Every row applies to one member; `[]` stands for each item of a list.
const RULES: &[(&str, Rule)] = &[
    ("networkMode", Default(Literal::Str("bridge"))),
    ("cpu", Size),
    ("memory", Size),
    ("taskRoleArn", Role),
    ("executionRoleArn", Role),
    ("requiresCompatibilities", Unordered),
    ("placementConstraints", Unordered),
    ("enableFaultInjection", NO),
    ("runtimePlatform.cpuArchitecture", Default(Literal::Str("X86_64"))),
    ("runtimePlatform.operatingSystemFamily", Default(Literal::Str("LINUX"))),
    ("proxyConfiguration.type", Default(Literal::Str("APPMESH"))),
    ("proxyConfiguration.properties", Unordered),
    ("volumes[].configuredAtLaunch", NO),
    ("volumes[].efsVolumeConfiguration.rootDirectory", Default(Literal::Str("/"))),
    ("volumes[].efsVolumeConfiguration.transitEncryption", Default(Literal::Str("DISABLED"))),
    ("volumes[].efsVolumeConfiguration.authorizationConfig.iam", Default(Literal::Str("DISABLED"))),
    ("volumes[].dockerVolumeConfiguration.scope", Default(Literal::Str("task"))),
    ("volumes[].dockerVolumeConfiguration.autoprovision", NO),
    ("volumes[].dockerVolumeConfiguration.driver", Default(Literal::Str("local"))),
    ("volumes", Unordered),
    ("containerDefinitions[].cpu", Default(Literal::Int(0))),
    ("containerDefinitions[].essential", Default(Literal::Bool(true))),
    ("containerDefinitions[].versionConsistency", Default(Literal::Str("enabled"))),
    ("containerDefinitions[].disableNetworking", NO),
    ("containerDefinitions[].privileged", NO),
    ("containerDefinitions[].readonlyRootFilesystem", NO),
    ("containerDefinitions[].interactive", NO),
    ("containerDefinitions[].pseudoTerminal", NO),
    ("containerDefinitions[].environment[].value", Default(Literal::Str(""))),
    ("containerDefinitions[].environment", Unordered),
    ("containerDefinitions[].secrets", Unordered),
    ("containerDefinitions[].portMappings[].protocol", Default(Literal::Str("tcp"))),
    ("containerDefinitions[].portMappings", Unordered),
    ("containerDefinitions[].mountPoints[].readOnly", NO),
    ("containerDefinitions[].mountPoints", Unordered),
    ("containerDefinitions[].volumesFrom[].readOnly", NO),
    ("containerDefinitions[].volumesFrom", Unordered),
    ("containerDefinitions[].dependsOn", Unordered),
    ("containerDefinitions[].ulimits", Unordered),
    ("containerDefinitions[].extraHosts", Unordered),
    ("containerDefinitions[].systemControls", Unordered),
    ("containerDefinitions[].resourceRequirements", Unordered),
    ("containerDefinitions[].links", Unordered),
    ("containerDefinitions[].dockerSecurityOptions", Unordered),
    ("containerDefinitions[].logConfiguration.secretOptions", Unordered),
    ("containerDefinitions[].healthCheck.interval", Default(Literal::Int(30))),
    ("containerDefinitions[].healthCheck.timeout", Default(Literal::Int(5))),
    ("containerDefinitions[].healthCheck.retries", Default(Literal::Int(3))),
    ("containerDefinitions[].healthCheck.startPeriod", Default(Literal::Int(0))),
    ("containerDefinitions[].restartPolicy.restartAttemptPeriod", Default(Literal::Int(300))),
    ("containerDefinitions[].restartPolicy.ignoredExitCodes", Unordered),
    ("containerDefinitions[].linuxParameters.initProcessEnabled", NO),
    ("containerDefinitions[].linuxParameters.capabilities.add", Unordered),
    ("containerDefinitions[].linuxParameters.capabilities.drop", Unordered),
    ("containerDefinitions[].linuxParameters.devices[].permissions", Unordered),
    ("containerDefinitions[].linuxParameters.devices", Unordered),
    ("containerDefinitions[].linuxParameters.tmpfs[].mountOptions", Unordered),
    ("containerDefinitions[].linuxParameters.tmpfs", Unordered),
    ("containerDefinitions", Unordered),
];

/// The normal form: defaults are `null` at the top and absent below, lists without order are sorted.
pub(super) fn normal(members: &Members) -> Members {
    let mut members: Members = members.iter().map(|(name, value)| (name.clone(), filled(value))).collect();
    host_ports(&mut members);
    // Twice: a list is sorted right only when nothing in its items becomes empty any more.
    for _ in 0..2 {
        let mut value = Value::Object(members);
        for (path, rule) in RULES {
            apply(&mut value, path, *rule);
        }
        members = match value {
            Value::Object(members) => {
                members.into_iter().map(|(name, value)| (name, filled(&value))).collect()
            }
            _ => Members::new(),
        };
    }
    members
}

/// Empty lists and mappings are what AWS shows for what was left out; `null` at any depth is left out.
fn filled(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), filled(value)));
            let members: Members = members.filter(|(_, value)| !value.is_null()).collect();
            if members.is_empty() { Value::Null } else { Value::Object(members) }
        }
        Value::Array(items) if items.is_empty() => Value::Null,
        // An item that is empty still counts as one.
        Value::Array(items) => items
            .iter()
            .map(|item| match filled(item) {
                Value::Null => Value::Object(Members::new()),
                item => item,
            })
            .collect(),
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "compared with its own floor first")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => {
                Value::from(float as i64)
            }
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

/// Applies a rule to every member that the path meets. Rows for items stand before the row for their list.
fn apply(value: &mut Value, path: &str, rule: Rule) {
    if let Some((list, rest)) = path.split_once("[].") {
        let items = at(value, list).and_then(Value::as_array_mut);
        items.into_iter().flatten().for_each(|item| apply(item, rest, rule));
        return;
    }
    let (parent, member) = path.rsplit_once('.').unwrap_or(("", path));
    let parent = if parent.is_empty() { Some(value) } else { at(value, parent) };
    let Some(Value::Object(members)) = parent else { return };
    let Some(value) = members.get_mut(member) else { return };
    match (rule, &mut *value) {
        (Default(default), have) if *have == default.value() => *have = Value::Null,
        (Default(_), _) => {}
        (Unordered, Value::Array(items)) => items.sort_by_cached_key(Value::to_string),
        (Size, Value::String(text)) => *text = units(text),
        (Size, Value::Number(number)) => *value = Value::String(number.to_string()),
        (Role, Value::String(role)) => {
            // A role's name is unique in the account, and a task's role is of its own account.
            if let Some((_, name)) = role.rsplit_once('/').filter(|_| role.starts_with("arn:")) {
                *value = Value::String(name.to_owned());
            }
        }
        (Unordered | Size | Role, _) => {}
    }
}

/// The value at member names joined by `.`.
fn at<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.').try_fold(value, |value, name| value.get_mut(name))
}

/// `1 vCPU` and `2 GB` as the numbers that AWS gives back; what is neither stays as it is.
fn units(size: &str) -> String {
    let lower = size.trim().to_lowercase();
    let number = lower.strip_suffix("vcpu").or_else(|| lower.strip_suffix("gb"));
    match number.map(|number| number.trim().parse::<f64>()) {
        Some(Ok(count)) if count.is_finite() && count >= 0.0 => format!("{}", (count * 1024.0).round()),
        _ => size.trim().to_owned(),
    }
}

/// A host port that says nothing of its own: 0 and absent are "any", and where the task has the network of its
/// own, or the host's, it is the container's port.
fn host_ports(members: &mut Members) {
    let mode = members.get("networkMode").and_then(Value::as_str).unwrap_or_default();
    let is_own = matches!(mode, "awsvpc" | "host");
    let containers = members.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        let mappings = container.get_mut("portMappings").and_then(Value::as_array_mut);
        for mapping in mappings.into_iter().flatten().filter_map(Value::as_object_mut) {
            let host = mapping.get("hostPort").cloned().unwrap_or(Value::Null);
            let is_container = mapping.get("containerPort") == Some(&host);
            if host == 0 || (is_own && is_container) {
                mapping.remove("hostPort");
            }
        }
    }
}

#[cfg(test)]
mod tests;
