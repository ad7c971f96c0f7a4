//! Reading the history of a service: its deployments and its revisions.

use super::{Ecs, check, invalid, name_of, page_of, service};
use crate::env::Env;
use crate::failure::Outcome;
use crate::object::{self, Object, Shape, optional, required};
use crate::page::Entry;
use serde_json::{Value, json};

/// What one describe takes.
const DESCRIBED_MAX: usize = 20;

const STATUSES: &[&str] = &[
    "PENDING",
    "SUCCESSFUL",
    "STOPPED",
    "STOP_REQUESTED",
    "IN_PROGRESS",
    "ROLLBACK_REQUESTED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_SUCCESSFUL",
    "ROLLBACK_FAILED",
];

/// Members of a service deployment that the list shows.
const BRIEF: &[&str] = &[
    "serviceDeploymentArn",
    "serviceArn",
    "clusterArn",
    "startedAt",
    "createdAt",
    "finishedAt",
    "status",
    "statusReason",
];

impl Ecs {
    pub(super) fn list_service_deployments(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let cluster = self.cluster_name(input)?;
        check(
            input,
            &[optional("status", Shape::Texts(STATUSES.len())), optional("createdAt", Shape::Object)],
        )?;
        let Some(given) = object::text(input, "service") else { return Err(invalid("Service is required.")) };
        let Some(found) = self.services.get(&(cluster, name_of(given).to_owned())) else {
            return Err(service::no_service());
        };
        let statuses = object::texts(input, "status");
        if let Some(unknown) = statuses.iter().find(|status| !STATUSES.contains(status)) {
            return Err(invalid(format!("Invalid service deployment status: {unknown}")));
        }
        let entries = found
            .history
            .iter()
            .enumerate()
            .filter(|(_, record)| {
                statuses.is_empty() || statuses.contains(&object::text_or_empty(record, "status"))
            })
            .map(|(at, record)| Entry {
                key: format!("{at:08}"),
                created: found.created,
                value: Value::Object(brief(record)),
            })
            .collect();
        let page = page_of(input, "ListServiceDeployments", 20, entries, env)?;
        Ok(page.into_output("serviceDeployments", "nextToken"))
    }

    pub(super) fn describe_service_deployments(&self, input: &Object) -> Outcome {
        let asked = asked(input, "serviceDeploymentArns")?;
        let find = |arn: &str| {
            let mut records = self.services.values().flat_map(|service| &service.history);
            records.find(|record| object::text(record, "serviceDeploymentArn") == Some(arn)).cloned()
        };
        Ok(described("serviceDeployments", &asked, find))
    }

    pub(super) fn describe_service_revisions(&self, input: &Object) -> Outcome {
        let asked = asked(input, "serviceRevisionArns")?;
        let find = |arn: &str| self.services.values().find_map(|service| service.revisions.get(arn)).cloned();
        Ok(described("serviceRevisions", &asked, find))
    }
}

fn brief(record: &Object) -> Object {
    let mut brief: Object =
        BRIEF.iter().filter_map(|name| Some(((*name).to_owned(), record.get(*name)?.clone()))).collect();
    if let Some(target) = object::object(record, "targetServiceRevision").and_then(|t| t.get("arn")) {
        object::set(&mut brief, "targetServiceRevisionArn", target.clone());
    }
    brief
}

fn asked(input: &Object, member: &'static str) -> Result<Vec<String>, crate::failure::Failure> {
    check(input, &[required(member, Shape::Texts(1000))])?;
    let asked: Vec<String> = object::texts(input, member).into_iter().map(str::to_owned).collect();
    if asked.is_empty() || asked.len() > DESCRIBED_MAX {
        return Err(invalid(format!("{member} must have 1 to {DESCRIBED_MAX} items.")));
    }
    Ok(asked)
}

fn described(member: &str, asked: &[String], find: impl Fn(&str) -> Option<Object>) -> Object {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in asked {
        match find(arn) {
            Some(body) => found.push(Value::Object(body)),
            None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
        }
    }
    let mut out = object::only(member, found);
    object::set(&mut out, "failures", failures);
    out
}
