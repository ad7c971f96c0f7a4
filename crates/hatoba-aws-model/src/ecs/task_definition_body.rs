//! What a task definition may say, and what AWS gives back for it.

use super::client;
use crate::env::Env;
use crate::failure::Failure;
use crate::object::{self, Object};
use crate::time;
use serde_json::{Value, json};

/// Task sizes of Fargate: CPU units, least and most memory in MiB.
const FARGATE: &[(&str, u64, u64)] = &[
    ("256", 512, 2_048),
    ("512", 1_024, 4_096),
    ("1024", 2_048, 8_192),
    ("2048", 4_096, 16_384),
    ("4096", 8_192, 30_720),
    ("8192", 16_384, 61_440),
    ("16384", 32_768, 122_880),
];

/// Lists that come back in an order of AWS's own.
const REORDERED: &[&str] = &["environment", "secrets", "mountPoints", "ulimits", "dependsOn", "extraHosts"];

/// The definition as AWS gives it back, with the defaults it fills in.
pub(super) fn read_back(input: Object, env: &Env<'_>) -> Result<Object, Failure> {
    let mut body = input;
    body.remove("tags");
    object::default(&mut body, "networkMode", "bridge");
    for member in ["cpu", "memory"] {
        if let Some(size) = object::text(&body, member).map(units) {
            object::set(&mut body, member, size);
        }
    }
    for member in ["taskRoleArn", "executionRoleArn"] {
        if let Some(role) = object::text(&body, member).filter(|role| !role.starts_with("arn:")) {
            let role = format!("arn:aws:iam::{}:role/{role}", env.config.account);
            object::set(&mut body, member, role);
        }
    }
    object::default(&mut body, "volumes", json!([]));
    object::default(&mut body, "placementConstraints", json!([]));
    check_containers(&body)?;
    let fargate = check_fargate(&body)?;
    let mode = object::text_or_empty(&body, "networkMode").to_owned();
    for container in items(&mut body, "containerDefinitions") {
        read_back_container(container, &mode);
    }
    for volume in items(&mut body, "volumes") {
        read_back_volume(volume);
    }
    if let Some(Value::Object(proxy)) = body.get_mut("proxyConfiguration") {
        object::default(proxy, "type", "APPMESH");
    }
    let compatible =
        if fargate || mode == "awsvpc" { json!(["EC2", "FARGATE"]) } else { json!(["EXTERNAL", "EC2"]) };
    object::set(&mut body, "compatibilities", compatible);
    object::set(&mut body, "requiresAttributes", json!([]));
    object::set(&mut body, "status", "ACTIVE");
    object::set(&mut body, "registeredAt", time::epoch(env.now));
    let by = format!("arn:aws:sts::{}:assumed-role/hatoba/sandbox", env.config.account);
    object::set(&mut body, "registeredBy", by);
    Ok(body)
}

fn items<'a>(body: &'a mut Object, name: &str) -> impl Iterator<Item = &'a mut Object> {
    body.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

fn read_back_container(container: &mut Object, mode: &str) {
    object::default(container, "cpu", 0);
    object::default(container, "essential", true);
    for member in ["environment", "mountPoints", "volumesFrom", "systemControls", "portMappings"] {
        object::default(container, member, json!([]));
    }
    for name in REORDERED {
        if let Some(Value::Array(list)) = container.get_mut(*name) {
            list.reverse();
        }
    }
    for port in items(container, "portMappings") {
        object::default(port, "protocol", "tcp");
        let host = match port.get("containerPort") {
            Some(container) if mode == "awsvpc" || mode == "host" => container.clone(),
            _ => json!(0),
        };
        if port.contains_key("containerPort") {
            object::default(port, "hostPort", host);
        }
    }
    if let Some(Value::Object(health)) = container.get_mut("healthCheck") {
        for (member, default) in [("interval", 30), ("timeout", 5), ("retries", 3)] {
            object::default(health, member, default);
        }
    }
    if let Some(Value::Object(log)) = container.get_mut("logConfiguration") {
        object::default(log, "options", json!({}));
        object::default(log, "secretOptions", json!([]));
    }
}

fn read_back_volume(volume: &mut Object) {
    object::default(volume, "configuredAtLaunch", false);
    let backed = volume.keys().any(|member| member.ends_with("Configuration") || member == "host");
    if !backed {
        object::set(volume, "host", json!({}));
    }
    if let Some(Value::Object(efs)) = volume.get_mut("efsVolumeConfiguration") {
        object::default(efs, "rootDirectory", "/");
        object::default(efs, "transitEncryption", "DISABLED");
    }
    if let Some(Value::Object(docker)) = volume.get_mut("dockerVolumeConfiguration") {
        object::default(docker, "scope", "task");
        object::default(docker, "driver", "local");
    }
}

fn check_containers(body: &Object) -> Result<(), Failure> {
    let containers = object::list(body, "containerDefinitions");
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let names: Vec<String> = containers.iter().map(|container| text(container, "name")).collect();
    let volumes: Vec<String> =
        object::list(body, "volumes").iter().map(|volume| text(volume, "name")).collect();
    if volumes.iter().enumerate().any(|(at, name)| volumes[..at].contains(name)) {
        return Err(client("Volume names must be unique."));
    }
    for (at, (container, name)) in containers.iter().zip(&names).enumerate() {
        if name.is_empty() {
            return Err(client("Container.name should not be null or empty."));
        }
        if text(container, "image").is_empty() {
            return Err(client("Container.image should not be null or empty."));
        }
        if names[..at].contains(name) {
            return Err(client(format!("Container names must be unique: {name}")));
        }
        check_container(body, container, &names, &volumes)?;
    }
    if !containers.iter().any(|container| container["essential"] != json!(false)) {
        return Err(client("Invalid setting for container. At least one container must be essential."));
    }
    Ok(())
}

fn check_container(
    body: &Object,
    container: &Value,
    names: &[String],
    volumes: &[String],
) -> Result<(), Failure> {
    let name = container["name"].as_str().unwrap_or_default();
    let list = |member: &str| container[member].as_array().cloned().unwrap_or_default();
    let bad = |what: &str| Err(client(format!("Invalid setting for container '{name}'. {what}")));
    let sized = body.contains_key("memory")
        || container["memory"].is_number()
        || container["memoryReservation"].is_number();
    if !sized {
        return bad("At least one of 'memory' or 'memoryReservation' must be specified.");
    }
    if let (Some(hard), Some(soft)) = (container["memory"].as_i64(), container["memoryReservation"].as_i64())
        && soft > hard
    {
        return bad("The 'memoryReservation' value must be less than the 'memory' value.");
    }
    let awsvpc = object::text(body, "networkMode") == Some("awsvpc");
    if awsvpc && !list("links").is_empty() {
        return Err(client("Links are not supported when networkMode=awsvpc."));
    }
    for port in list("portMappings") {
        let number = |member: &str| port[member].as_i64();
        if number("containerPort").is_some_and(|port| !(0..=65_535).contains(&port)) {
            return bad("containerPort must be between 0 and 65535.");
        }
        if awsvpc && number("hostPort").is_some_and(|host| Some(host) != number("containerPort")) {
            let what =
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match.";
            return Err(client(what));
        }
    }
    for mount in list("mountPoints") {
        let volume = mount["sourceVolume"].as_str().unwrap_or_default();
        if !volumes.iter().any(|name| name == volume) {
            return bad(&format!("Unknown volume '{volume}'."));
        }
    }
    for other in list("dependsOn") {
        let other = other["containerName"].as_str().unwrap_or_default();
        if other == name || !names.iter().any(|name| name == other) {
            return bad(&format!("Unknown container '{other}' in dependsOn."));
        }
    }
    if container["healthCheck"].is_object()
        && container["healthCheck"]["command"].as_array().is_none_or(Vec::is_empty)
    {
        return bad("The health check command should not be null or empty.");
    }
    Ok(())
}

/// Whether the definition is for Fargate; refuses one that Fargate cannot run.
fn check_fargate(body: &Object) -> Result<bool, Failure> {
    if !object::texts(body, "requiresCompatibilities").contains(&"FARGATE") {
        return Ok(false);
    }
    if object::text(body, "networkMode") != Some("awsvpc") {
        return Err(client("Fargate only supports network mode ‘awsvpc’."));
    }
    let cpu = object::text_or_empty(body, "cpu");
    let memory = object::text_or_empty(body, "memory").parse::<u64>().unwrap_or_default();
    if !FARGATE.iter().any(|(units, least, most)| *units == cpu && (*least..=*most).contains(&memory)) {
        return Err(client("No Fargate configuration exists for given values."));
    }
    if !object::list(body, "placementConstraints").is_empty() {
        return Err(client("Fargate does not support placement constraints."));
    }
    let size = body.get("ephemeralStorage").and_then(|storage| storage["sizeInGiB"].as_i64());
    if size.is_some_and(|size| !(21..=200).contains(&size)) {
        return Err(client("Ephemeral storage must be between 21 and 200 GiB."));
    }
    let privileged = |container: &Value| container["privileged"] == json!(true);
    if object::list(body, "containerDefinitions").iter().any(privileged) {
        return Err(client("Fargate does not support privileged containers."));
    }
    Ok(true)
}

/// `1 vCPU` and `2 GB` as the numbers AWS gives back.
fn units(size: &str) -> String {
    let lower = size.to_lowercase();
    let number = lower.trim_end_matches(|c: char| c.is_alphabetic() || c.is_whitespace());
    match (number.trim().parse::<f64>(), lower.ends_with("vcpu") || lower.ends_with("gb")) {
        (Ok(count), true) => format!("{}", (count * 1024.0).round()),
        _ => size.to_owned(),
    }
}
