//! Rules across members, before AWS is asked.

use hatoba_core::Members;
use serde_json::Value;

use super::content::normal;
use crate::kind::Problem;

/// Task sizes of Fargate: CPU units, then the least and the most memory in MiB.
/// AWS: "Task CPU and memory" in the developer guide.
const FARGATE: &[(u64, u64, u64)] = &[
    (256, 512, 2_048),
    (512, 1_024, 4_096),
    (1_024, 2_048, 8_192),
    (2_048, 4_096, 16_384),
    (4_096, 8_192, 30_720),
    (8_192, 16_384, 61_440),
    (16_384, 32_768, 122_880),
];

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
    }
    if list(members, "requiresCompatibilities").iter().any(|kind| kind == "FARGATE") {
        found.extend(fargate_problems(members));
    }
    found
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
            let row = FARGATE.iter().find(|(units, ..)| *units == cpu);
            match row {
                None => {
                    let sizes: Vec<String> = FARGATE.iter().map(|(units, ..)| units.to_string()).collect();
                    let message = format!("expected one of Fargate's sizes {}, got {cpu}", sizes.join(", "));
                    found.push(Problem::new("cpu", message, ""));
                }
                Some((_, least, most)) if !(*least..=*most).contains(&memory) => {
                    let message = format!("expected {least} to {most} MiB with {cpu} CPU units, got {memory}");
                    found.push(Problem::new("memory", message, ""));
                }
                Some(_) => {}
            }
        }
        _ => found.push(Problem::new("cpu", "expected numbers, or sizes such as \"1 vCPU\" and \"2 GB\"", "")),
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
