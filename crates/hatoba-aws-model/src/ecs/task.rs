//! Tasks, started and stopped by services.

use super::{Ecs, ServiceKey, arn, check, invalid, name_of, page_of};
use crate::env::Env;
use crate::failure::Outcome;
use crate::ids::scatter;
use crate::object::{self, Object, Shape, optional, required};
use crate::page::Entry;
use crate::time;
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Task {
    pub(super) service: ServiceKey,
    /// Id of the deployment that started it.
    pub(super) deployment: String,
    pub(super) body: Object,
    pub(super) created: Duration,
    /// Where it is registered, once it runs.
    pub(super) registered: Option<String>,
}

impl Task {
    /// PENDING, RUNNING, DEACTIVATING or STOPPED.
    pub(super) fn status(&self) -> &str {
        object::text_or_empty(&self.body, "lastStatus")
    }

    /// Pending or running, and meant to stay so.
    pub(super) fn is_alive(&self) -> bool {
        matches!(self.status(), "PENDING" | "RUNNING")
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.status() == "STOPPED"
    }
}

/// What a new task is made from.
pub(super) struct Start<'a> {
    pub(super) service: &'a ServiceKey,
    pub(super) deployment: &'a str,
    pub(super) definition: &'a str,
    pub(super) template: &'a Object,
    /// How many tasks there were before it: addresses follow from it.
    pub(super) number: u32,
}

/// A PENDING task, with its id.
pub(super) fn new_task(start: &Start<'_>, env: &mut Env<'_>) -> (String, Task) {
    let id = env.ids.hex(32);
    let (cluster, service) = start.service;
    let address = format!("10.0.{}.{}", (start.number / 250) % 250, 4 + start.number % 250);
    let zone = format!("{}{}", env.config.region, if start.number.is_multiple_of(2) { 'a' } else { 'b' });
    let body = json!({
        "taskArn": arn(&format!("task/{cluster}/{id}"), env),
        "clusterArn": arn(&format!("cluster/{cluster}"), env),
        "taskDefinitionArn": start.definition,
        "group": format!("service:{service}"),
        "startedBy": start.deployment,
        "lastStatus": "PENDING",
        "desiredStatus": "RUNNING",
        "availabilityZone": zone,
        "launchType": start.template.get("launchType").cloned().unwrap_or_else(|| json!("FARGATE")),
        "createdAt": time::epoch(env.now),
        "containers": [{"networkInterfaces": [{"privateIpv4Address": address}], "lastStatus": "PENDING"}],
        "attachments": [{"type": "ElasticNetworkInterface", "status": "ATTACHED",
            "details": [{"name": "privateIPv4Address", "value": address}]}],
        "healthStatus": "UNKNOWN",
        "tags": [],
        "version": 1,
    });
    let Value::Object(body) = body else { return (id, empty_task(start, env)) };
    let task = Task { body, ..empty_task(start, env) };
    (id, task)
}

fn empty_task(start: &Start<'_>, env: &Env<'_>) -> Task {
    Task {
        service: start.service.clone(),
        deployment: start.deployment.to_owned(),
        body: Object::new(),
        created: env.now,
        registered: None,
    }
}

impl Ecs {
    pub(super) fn list_tasks(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let cluster = self.cluster_name(input)?;
        let service = object::text(input, "serviceName").map(name_of);
        if let Some(name) = service
            && !self.services.contains_key(&(cluster.clone(), name.to_owned()))
        {
            return Err(super::service::no_service());
        }
        let family = object::text(input, "family").map(|family| format!("task-definition/{family}:"));
        let wanted = object::text(input, "desiredStatus").unwrap_or("RUNNING");
        let entries = self
            .tasks
            .iter()
            .filter(|(_, task)| task.service.0 == cluster)
            .filter(|(_, task)| service.is_none_or(|name| task.service.1 == name))
            .filter(|(_, task)| object::text(&task.body, "desiredStatus") == Some(wanted))
            .filter(|(_, task)| {
                let definition = object::text_or_empty(&task.body, "taskDefinitionArn");
                family.as_ref().is_none_or(|family| definition.contains(family.as_str()))
            })
            .map(|(id, task)| Entry {
                key: format!("{:016x}{id}", scatter(id)),
                created: task.created,
                value: task.body.get("taskArn").cloned().unwrap_or_default(),
            })
            .collect();
        Ok(page_of(input, "ListTasks", 100, entries, env)?.into_output("taskArns", "nextToken"))
    }

    pub(super) fn describe_tasks(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let cluster = self.cluster_name(input)?;
        check(input, &[required("tasks", Shape::Texts(100)), optional("include", Shape::Texts(10))])?;
        let asked = object::texts(input, "tasks");
        if asked.is_empty() {
            return Err(invalid("Tasks cannot be empty."));
        }
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for given in asked {
            let id = name_of(given);
            match self.tasks.get(id).filter(|task| task.service.0 == cluster) {
                Some(task) => tasks.push(Value::Object(task.body.clone())),
                None => failures
                    .push(json!({"arn": arn(&format!("task/{cluster}/{id}"), env), "reason": "MISSING"})),
            }
        }
        let mut out = object::only("tasks", tasks);
        object::set(&mut out, "failures", failures);
        Ok(out)
    }

    /// What a person does. The service starts another one when it has stopped.
    pub(super) fn stop_task_by_hand(&mut self, input: &Object, env: &mut Env<'_>) -> Outcome {
        let cluster = self.cluster_name(input)?;
        check(input, &[required("task", Shape::Text(1, 2048)), optional("reason", Shape::Text(0, 1024))])?;
        let id = name_of(object::text_or_empty(input, "task")).to_owned();
        let found = self.tasks.get_mut(&id).filter(|task| task.service.0 == cluster);
        let task = found.ok_or_else(|| invalid("The referenced task was not found."))?;
        if task.is_alive() {
            let reason = object::text(input, "reason").unwrap_or("Task stopped by user");
            object::set(&mut task.body, "stoppedReason", reason);
            object::set(&mut task.body, "stopCode", "UserInitiated");
        }
        self.stop_task(&id, env);
        let body = self.tasks.get(&id).map(|task| task.body.clone()).unwrap_or_default();
        Ok(object::only("task", body))
    }
}
