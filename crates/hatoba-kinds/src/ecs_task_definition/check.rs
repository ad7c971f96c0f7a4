//! Rules across members, before AWS is asked.

use std::collections::BTreeSet;

use hatoba_core::Members;
use serde_json::Value;

use super::content::normal;
use crate::kind::Problem;

/// Task sizes of Fargate: CPU units, then the least and the most memory, and the step between, in MiB.
/// AWS: "Task CPU and memory" in the developer guide.
const FARGATE: &[(u64, u64, u64, u64)] = &[
    (256, 512, 1_024, 512),
    (256, 2_048, 2_048, 1_024),
    (512, 1_024, 4_096, 1_024),
    (1_024, 2_048, 8_192, 1_024),
    (2_048, 4_096, 16_384, 1_024),
    (4_096, 8_192, 30_720, 1_024),
    (8_192, 16_384, 61_440, 4_096),
    (16_384, 32_768, 122_880, 8_192),
];

/// "Amazon ECS service quotas": containers of a task definition.
const CONTAINERS_MAX: usize = 10;
/// RegisterTaskDefinition, `ephemeralStorage`.
const STORAGE_GIB_MIN: i64 = 21;
const STORAGE_GIB_MAX: i64 = 200;
/// RegisterTaskDefinition, `stopTimeout`: seconds on Fargate.
const STOP_SECONDS_MAX: i64 = 120;

pub(super) fn problems(members: &Members) -> Vec<Problem> {
    let mut found = Vec::new();
    let family = text(members, "family");
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(1..=255).contains(&family.len()) || !family.chars().all(legal) {
        let message = format!("expected 1 to 255 letters, digits, `-` and `_`, got `{family}`");
        found.push(Problem::new("family", message, ""));
    }
    let containers = list(members, "containerDefinitions");
    if containers.is_empty() {
        let message = "`containerDefinitions` is missing, expected one container at least";
        found.push(Problem::new("containerDefinitions", message, "[{ name: web, image: … }]"));
    } else {
        found.extend(container_problems(members, containers));
        found.extend(port_problems(text(members, "networkMode"), containers));
        found.extend(circle(containers));
    }
    if containers.len() > CONTAINERS_MAX {
        let message = format!("expected at most {CONTAINERS_MAX} containers, got {}", containers.len());
        found.push(Problem::new("containerDefinitions", message, "the others belong in another task"));
    }
    let storage = members.get("ephemeralStorage").and_then(|storage| storage["sizeInGiB"].as_i64());
    if let Some(size) = storage.filter(|size| !(STORAGE_GIB_MIN..=STORAGE_GIB_MAX).contains(size)) {
        let message = format!("expected {STORAGE_GIB_MIN} to {STORAGE_GIB_MAX} GiB, got {size}");
        found.push(Problem::new("ephemeralStorage.sizeInGiB", message, "left out, a task on Fargate has 20 GiB"));
    }
    let is_for_fargate = list(members, "requiresCompatibilities").iter().any(|kind| kind == "FARGATE");
    found.extend(memory_problems(members, is_for_fargate));
    if is_for_fargate {
        found.extend(fargate_problems(members));
    }
    found
}

/// Without a size of the whole task each container has one, hard or soft; and the soft one is not the greater.
fn memory_problems(members: &Members, is_for_fargate: bool) -> Vec<Problem> {
    let mut found = Vec::new();
    let is_sized = is_for_fargate || members.get("memory").is_some_and(|memory| !memory.is_null());
    for (index, container) in list(members, "containerDefinitions").iter().enumerate() {
        let at = |member: &str| format!("containerDefinitions[{index}].{member}");
        let (hard, soft) = (container["memory"].as_i64(), container["memoryReservation"].as_i64());
        match (hard, soft) {
            (None | Some(0), None | Some(0)) if !is_sized => {
                let message = "neither the container nor the whole task has memory";
                let hint = "memory: 512 here or beside `containerDefinitions`, or `memoryReservation` for a soft limit";
                found.push(Problem::new(at("memory"), message, hint));
            }
            (Some(hard), Some(soft)) if soft > hard => {
                let message = format!("expected at most `memory`, which is {hard}, got {soft}");
                found.push(Problem::new(at("memoryReservation"), message, "it is the soft limit below the hard one"));
            }
            _ => {}
        }
    }
    found
}

/// Where the tasks have the network to themselves, or share the host's, a port is the same inside and outside. 0 is
/// let through: AWS has been seen to take it for the container's port.
fn port_problems(mode: &str, containers: &[Value]) -> Vec<Problem> {
    let mut found = Vec::new();
    if !matches!(mode, "awsvpc" | "host") {
        return found;
    }
    for (index, container) in containers.iter().enumerate() {
        for (number, mapping) in items(container, "portMappings") {
            let (host, port) = (mapping["hostPort"].as_i64(), mapping["containerPort"].as_i64());
            if let (Some(host), Some(port)) = (host, port)
                && ![0, port].contains(&host)
            {
                let at = format!("containerDefinitions[{index}].portMappings[{number}].hostPort");
                let message = format!("with the network mode {mode} expected the container's port {port}, got {host}");
                found.push(Problem::new(at, message, "leave it out"));
            }
        }
    }
    found
}

/// The first container that waits, by whatever others, for itself: it would never start.
fn circle(containers: &[Value]) -> Option<Problem> {
    let name = |container: &Value| container["name"].as_str().unwrap_or_default().to_owned();
    let waits_for = |of: &str| -> BTreeSet<String> {
        let those = containers.iter().filter(|container| name(container) == of);
        let others = those.flat_map(|container| items(container, "dependsOn"));
        others.filter_map(|(_, other)| other["containerName"].as_str().map(str::to_owned)).collect()
    };
    containers.iter().enumerate().find_map(|(index, container)| {
        let start = name(container);
        let mut reached = waits_for(&start);
        let mut next: Vec<String> = reached.iter().cloned().collect();
        while let Some(other) = next.pop() {
            next.extend(waits_for(&other).into_iter().filter(|further| reached.insert(further.clone())));
        }
        reached.contains(&start).then(|| {
            let message = format!("the container `{start}` waits for itself, directly or by others");
            let at = format!("containerDefinitions[{index}].dependsOn");
            Problem::new(at, message, "one of the containers in the circle must start without the others")
        })
    })
}

fn container_problems(members: &Members, containers: &[Value]) -> Vec<Problem> {
    let mut found = Vec::new();
    let names: Vec<&str> = containers.iter().map(|c| c["name"].as_str().unwrap_or_default()).collect();
    let volumes = list(members, "volumes").iter().filter_map(|volume| volume["name"].as_str());
    let volumes: Vec<&str> = volumes.collect();
    for (index, container) in containers.iter().enumerate() {
        let at = |member: &str| format!("containerDefinitions[{index}].{member}");
        for member in ["name", "image"] {
            if container[member].as_str().unwrap_or_default().is_empty() {
                found.push(Problem::new(at(member), format!("`{member}` is missing"), ""));
            }
        }
        if !names[index].is_empty() && names[..index].contains(&names[index]) {
            let message = format!("another container is called `{}` too", names[index]);
            found.push(Problem::new(at("name"), message, ""));
        }
        for (number, other) in items(container, "dependsOn") {
            let name = other["containerName"].as_str().unwrap_or_default();
            if !names.contains(&name) {
                let path = at(&format!("dependsOn[{number}].containerName"));
                found.push(Problem::new(path, format!("no container is called `{name}`"), ""));
            }
        }
        for (number, mount) in items(container, "mountPoints") {
            let name = mount["sourceVolume"].as_str().unwrap_or_default();
            if !volumes.contains(&name) {
                let path = at(&format!("mountPoints[{number}].sourceVolume"));
                let hint = "name it in `volumes`";
                found.push(Problem::new(path, format!("no volume is called `{name}`"), hint));
            }
        }
    }
    if containers.iter().all(|container| container["essential"] == false) {
        let message = "expected one essential container at least";
        found.push(Problem::new("containerDefinitions", message, "leave `essential` out of one of them"));
    }
    found
}

fn fargate_problems(members: &Members) -> Vec<Problem> {
    let mut found = Vec::new();
    if text(members, "networkMode") != "awsvpc" {
        let message = "Fargate takes no other network mode than `awsvpc`";
        found.push(Problem::new("networkMode", message, "networkMode: awsvpc"));
    }
    let normal = normal(members);
    let size = |member: &str| normal.get(member).and_then(Value::as_str).map(str::parse::<u64>);
    match (size("cpu"), size("memory")) {
        (None, _) => found.push(Problem::new("cpu", "`cpu` is missing, Fargate needs it", "cpu: 256")),
        (_, None) => {
            found.push(Problem::new("memory", "`memory` is missing, Fargate needs it", "memory: 512"));
        }
        (Some(Ok(cpu)), Some(Ok(memory))) => {
            let rows: Vec<_> = FARGATE.iter().filter(|(units, ..)| *units == cpu).collect();
            let fits = |&&(_, least, most, step): &&(u64, u64, u64, u64)| {
                (least..=most).contains(&memory) && (memory - least).is_multiple_of(step)
            };
            if rows.is_empty() {
                let mut sizes: Vec<String> = FARGATE.iter().map(|(units, ..)| units.to_string()).collect();
                sizes.dedup();
                let message = format!("expected one of Fargate's sizes {}, got {cpu}", sizes.join(", "));
                found.push(Problem::new("cpu", message, ""));
            } else if !rows.iter().any(fits) {
                let size = |(_, least, most, step): &(u64, u64, u64, u64)| match least == most {
                    true => least.to_string(),
                    false => format!("{least} to {most} in steps of {step}"),
                };
                let sizes = rows.iter().map(|row| size(row)).collect::<Vec<_>>().join(", or ");
                let message = format!("expected {sizes} MiB with {cpu} CPU units, got {memory}");
                found.push(Problem::new("memory", message, ""));
            }
        }
        _ => found.push(Problem::new("cpu", "expected numbers, or sizes such as \"1 vCPU\" and \"2 GB\"", "")),
    }
    for (index, container) in list(members, "containerDefinitions").iter().enumerate() {
        let seconds = container["stopTimeout"].as_i64();
        if let Some(seconds) = seconds.filter(|seconds| *seconds > STOP_SECONDS_MAX) {
            let at = format!("containerDefinitions[{index}].stopTimeout");
            let message = format!("Fargate waits at most {STOP_SECONDS_MAX} seconds, got {seconds}");
            found.push(Problem::new(at, message, "30 if left out"));
        }
    }
    found
}

fn text<'a>(members: &'a Members, name: &str) -> &'a str {
    members.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(members: &'a Members, name: &str) -> &'a [Value] {
    members.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn items<'a>(container: &'a Value, name: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    container.get(name).and_then(Value::as_array).into_iter().flatten().enumerate()
}
