//! Task definitions: a family is a series of revisions that never change.

use super::{Definition, Ecs, arn, check, check_name, client, invalid, name_of, page_of, tags};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule, Shape, optional, required};
use crate::page::Entry;
use crate::time;
use serde_json::{Value, json};

const RULES: &[Rule] = &[
    required("family", Shape::Text(1, 255)),
    required("containerDefinitions", Shape::Objects(10)),
    optional("networkMode", Shape::OneOf(&["bridge", "host", "awsvpc", "none"])),
    optional("requiresCompatibilities", Shape::Texts(10)),
    optional("cpu", Shape::Text(1, 32)),
    optional("memory", Shape::Text(1, 32)),
    optional("volumes", Shape::Objects(100)),
    optional("placementConstraints", Shape::Objects(10)),
    optional("tags", Shape::Objects(50)),
];

/// Task sizes of Fargate, in CPU units.
const FARGATE_CPU: &[&str] = &["256", "512", "1024", "2048", "4096", "8192", "16384"];

impl Ecs {
    /// Adds a revision, also when it equals the one before.
    pub(super) fn register_definition(&mut self, input: Object, env: &Env<'_>) -> Outcome {
        check(&input, RULES).map_err(|failure| client(failure.message))?;
        let tags = tags::of_input(&input)?;
        let family = object::text_or_empty(&input, "family").to_owned();
        check_name(&family, "Family").map_err(|failure| client(failure.message))?;
        let mut body = read_back(input, env)?;
        let revisions = self.families.entry(family.clone()).or_default();
        let revision = revisions.len() + 1;
        object::set(&mut body, "revision", revision);
        object::set(
            &mut body,
            "taskDefinitionArn",
            arn(&format!("task-definition/{family}:{revision}"), env),
        );
        revisions.push(Definition { body: body.clone(), tags: tags.clone(), created: env.now });
        let mut out = object::only("taskDefinition", body);
        if !tags.is_empty() {
            object::set(&mut out, "tags", tags::as_list(&tags));
        }
        Ok(out)
    }

    pub(super) fn describe_definition(&self, input: &Object) -> Outcome {
        let Some(given) = object::text(input, "taskDefinition") else {
            return Err(invalid("Task definition can not be blank."));
        };
        let found = self.definition(given).ok_or_else(|| client("Unable to describe task definition."))?;
        let mut out = object::only("taskDefinition", found.body.clone());
        if object::texts(input, "include").contains(&"TAGS") {
            object::set(&mut out, "tags", tags::as_list(&found.tags));
        }
        Ok(out)
    }

    pub(super) fn deregister_definition(&mut self, input: &Object, env: &Env<'_>) -> Outcome {
        let given = object::text_or_empty(input, "taskDefinition");
        if !given.contains(':') {
            return Err(client("Revision is missing."));
        }
        let Some((family, revision)) = family_and_revision(given) else {
            return Err(client("Invalid revision number."));
        };
        let found = revision.and_then(|revision| {
            self.families.get_mut(family).and_then(|all| all.get_mut(revision.checked_sub(1)?))
        });
        let Some(definition) = found else {
            return Err(client("The specified task definition does not exist."));
        };
        object::set(&mut definition.body, "status", "INACTIVE");
        object::default(&mut definition.body, "deregisteredAt", time::epoch(env.now));
        Ok(object::only("taskDefinition", definition.body.clone()))
    }

    pub(super) fn list_definitions(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let family = object::text(input, "familyPrefix");
        let status = object::text(input, "status").unwrap_or("ACTIVE");
        let descending = object::text(input, "sort") == Some("DESC");
        let mut found: Vec<(&String, usize, &Definition)> = self
            .families
            .iter()
            .filter(|(name, _)| family.is_none_or(|family| family == name.as_str()))
            .flat_map(|(name, all)| {
                all.iter().enumerate().map(move |(at, definition)| (name, at, definition))
            })
            .filter(|(_, _, definition)| object::text(&definition.body, "status") == Some(status))
            .collect();
        if descending {
            found.reverse();
        }
        let entries = found
            .into_iter()
            .enumerate()
            .map(|(position, (_, _, definition))| Entry {
                key: format!("{position:08}"),
                created: definition.created,
                value: definition.body.get("taskDefinitionArn").cloned().unwrap_or_default(),
            })
            .collect();
        let page = page_of(input, "ListTaskDefinitions", 100, entries, env)?;
        Ok(page.into_output("taskDefinitionArns", "nextToken"))
    }

    /// A definition by family (its latest ACTIVE revision), `family:revision`, or ARN.
    pub(super) fn definition(&self, given: &str) -> Option<&Definition> {
        let (family, revision) = family_and_revision(given)?;
        let all = self.families.get(family)?;
        match revision {
            Some(revision) => all.get(revision.checked_sub(1)?),
            None => all.iter().rev().find(|d| object::text(&d.body, "status") == Some("ACTIVE")),
        }
    }
}

fn family_and_revision(given: &str) -> Option<(&str, Option<usize>)> {
    match name_of(given).split_once(':') {
        Some((family, revision)) => Some((family, Some(revision.parse().ok()?))),
        None => Some((name_of(given), None)),
    }
}

/// The definition as AWS gives it back, with the defaults it fills in.
fn read_back(input: Object, env: &Env<'_>) -> Result<Object, Failure> {
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
    let awsvpc = object::text(&body, "networkMode") == Some("awsvpc");
    if let Some(Value::Array(containers)) = body.get_mut("containerDefinitions") {
        for container in containers.iter_mut().filter_map(Value::as_object_mut) {
            read_back_container(container, awsvpc);
        }
    }
    if let Some(Value::Array(volumes)) = body.get_mut("volumes") {
        for volume in volumes.iter_mut().filter_map(Value::as_object_mut) {
            object::default(volume, "configuredAtLaunch", false);
            let backed = ["host", "efsVolumeConfiguration", "dockerVolumeConfiguration"];
            if !backed.iter().any(|member| volume.contains_key(*member)) {
                object::set(volume, "host", json!({}));
            }
        }
    }
    check_containers(&body)?;
    let fargate = check_fargate(&body)?;
    let compatible = if fargate || awsvpc { json!(["EC2", "FARGATE"]) } else { json!(["EXTERNAL", "EC2"]) };
    object::set(&mut body, "compatibilities", compatible);
    object::set(&mut body, "requiresAttributes", json!([]));
    object::set(&mut body, "status", "ACTIVE");
    object::set(&mut body, "registeredAt", time::epoch(env.now));
    let by = format!("arn:aws:sts::{}:assumed-role/hatoba/sandbox", env.config.account);
    object::set(&mut body, "registeredBy", by);
    Ok(body)
}

fn read_back_container(container: &mut Object, awsvpc: bool) {
    object::default(container, "cpu", 0);
    object::default(container, "essential", true);
    for member in ["environment", "mountPoints", "volumesFrom", "systemControls", "portMappings"] {
        object::default(container, member, json!([]));
    }
    if let Some(Value::Array(ports)) = container.get_mut("portMappings") {
        for port in ports.iter_mut().filter_map(Value::as_object_mut) {
            object::default(port, "protocol", "tcp");
            let host = match port.get("containerPort") {
                Some(container) if awsvpc => container.clone(),
                _ => json!(0),
            };
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

fn check_containers(body: &Object) -> Result<(), Failure> {
    let containers = object::list(body, "containerDefinitions");
    let mut names: Vec<&str> = Vec::new();
    for container in containers {
        let part = |name: &str| container.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(name) = part("name") else {
            return Err(client("Container.name should not be null or empty."));
        };
        if part("image").is_none() {
            return Err(client("Container.image should not be null or empty."));
        }
        if names.contains(&name) {
            return Err(client(format!("Container names must be unique: {name}")));
        }
        names.push(name);
    }
    if !containers.iter().any(|container| container.get("essential") == Some(&json!(true))) {
        return Err(client("Invalid setting for container. At least one container must be essential."));
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
    if !FARGATE_CPU.contains(&cpu) || object::text(body, "memory").is_none() {
        return Err(client("No Fargate configuration exists for given values."));
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
