//! Task definitions: a family is a series of revisions that never change.

use super::{
    Definition, Ecs, arn, check, check_name, client, invalid, name_of, page_of, tags, task_definition_body,
};
use crate::env::Env;
use crate::failure::Outcome;
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
    optional("taskRoleArn", Shape::Text(1, 2048)),
    optional("executionRoleArn", Shape::Text(1, 2048)),
    optional("pidMode", Shape::OneOf(&["host", "task"])),
    optional("ipcMode", Shape::OneOf(&["host", "task", "none"])),
    optional("volumes", Shape::Objects(100)),
    optional("placementConstraints", Shape::Objects(10)),
    optional("proxyConfiguration", Shape::Object),
    optional("inferenceAccelerators", Shape::Objects(10)),
    optional("ephemeralStorage", Shape::Object),
    optional("runtimePlatform", Shape::Object),
    optional("enableFaultInjection", Shape::Flag),
    optional("tags", Shape::Objects(50)),
];

/// "Amazon ECS service quotas": the size of a task definition.
const SIZE_BYTES_MAX: usize = 64 * 1024;
/// What one DeleteTaskDefinitions takes.
const DELETED_MAX: usize = 10;

impl Ecs {
    /// Adds a revision, also when it equals the one before.
    pub(super) fn register_definition(&mut self, input: Object, env: &Env<'_>) -> Outcome {
        check(&input, RULES).map_err(|failure| client(failure.message))?;
        let tags = tags::of_input(&input)?;
        let family = object::text_or_empty(&input, "family").to_owned();
        check_name(&family, "Family").map_err(|failure| client(failure.message))?;
        if Value::Object(input.clone()).to_string().len() > SIZE_BYTES_MAX {
            return Err(client("Actual length exceeds the max allowed length of 65536."));
        }
        let mut body = task_definition_body::read_back(input, env)?;
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
        check(
            input,
            &[
                optional("status", Shape::OneOf(&["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"])),
                optional("sort", Shape::OneOf(&["ASC", "DESC"])),
            ],
        )?;
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

    pub(super) fn list_families(&self, input: &Object, env: &Env<'_>) -> Outcome {
        check(input, &[optional("status", Shape::OneOf(&["ACTIVE", "INACTIVE", "ALL"]))])?;
        let prefix = object::text_or_empty(input, "familyPrefix");
        let status = object::text(input, "status").unwrap_or("ALL");
        let is_active =
            |all: &[Definition]| all.iter().any(|d| object::text(&d.body, "status") == Some("ACTIVE"));
        let entries = self
            .families
            .iter()
            .filter(|(name, all)| {
                name.starts_with(prefix) && (status == "ALL" || (status == "ACTIVE") == is_active(all))
            })
            .map(|(name, all)| Entry {
                key: name.clone(),
                created: all.first().map(|first| first.created).unwrap_or_default(),
                value: json!(name),
            })
            .collect();
        let page = page_of(input, "ListTaskDefinitionFamilies", 100, entries, env)?;
        Ok(page.into_output("families", "nextToken"))
    }

    /// Only what is INACTIVE goes, and what is used stays DELETE_IN_PROGRESS: nothing is ever forgotten here.
    pub(super) fn delete_definitions(&mut self, input: &Object, env: &Env<'_>) -> Outcome {
        check(input, &[required("taskDefinitions", Shape::Texts(1000))])?;
        let asked: Vec<String> =
            object::texts(input, "taskDefinitions").into_iter().map(str::to_owned).collect();
        if asked.is_empty() || asked.len() > DELETED_MAX {
            return Err(invalid(format!("taskDefinitions must have 1 to {DELETED_MAX} items.")));
        }
        let (mut deleted, mut failures) = (Vec::new(), Vec::new());
        for given in &asked {
            let Some((family, Some(revision))) = family_and_revision(given) else {
                return Err(invalid("Revision is missing."));
            };
            let found = self.families.get_mut(family).and_then(|all| all.get_mut(revision.checked_sub(1)?));
            match found.map(|definition| &mut definition.body) {
                None => failures.push(json!({"arn": given, "reason": "MISSING"})),
                Some(body) if object::text(body, "status") == Some("ACTIVE") => failures.push(json!({
                    "arn": given, "reason": "The specified task definition is still in ACTIVE status. Please deregister the target and try again.",
                })),
                Some(body) => {
                    object::set(body, "status", "DELETE_IN_PROGRESS");
                    object::default(body, "deleteRequestedAt", time::epoch(env.now));
                    deleted.push(Value::Object(body.clone()));
                }
            }
        }
        let mut out = object::only("taskDefinitions", deleted);
        object::set(&mut out, "failures", failures);
        Ok(out)
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
