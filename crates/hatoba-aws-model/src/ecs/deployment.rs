//! Deployments of a service: one definition and template, and the tasks that follow from them.

use super::Service;
use crate::env::Env;
use crate::faults::Rollout;
use crate::object::{self, Object};
use crate::time;
use serde_json::{Value, json};
use std::time::Duration;

/// Events a service keeps, and service deployments: AWS's own bound for events.
const KEPT_MAX: usize = 100;

/// Members of a service that its deployments carry too.
const TEMPLATE: &[&str] = &[
    "launchType",
    "capacityProviderStrategy",
    "platformFamily",
    "networkConfiguration",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];

#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) definition: String,
    pub(super) template: Object,
    pub(super) failed_tasks: usize,
    pub(super) state: &'static str,
    pub(super) reason: String,
    created: Duration,
    updated: Duration,
    /// What was ordered to go wrong with it.
    pub(super) fate: Option<Rollout>,
    /// When its tasks may start: later than now after a failure.
    pub(super) not_before: Duration,
    arn: String,
}

impl Service {
    /// Puts a new PRIMARY deployment in front of the others.
    pub(super) fn deploy(&mut self, definition: &str, fate: Option<Rollout>, env: &mut Env<'_>) {
        let id = format!("ecs-svc/{}", env.ids.digits(19));
        let mut template = Object::new();
        for name in TEMPLATE {
            if let Some(value) = self.body.get(*name) {
                object::set(&mut template, name, value.clone());
            }
        }
        let service_arn = object::text_or_empty(&self.body, "serviceArn");
        let arn =
            format!("{}/{}", service_arn.replacen(":service/", ":service-deployment/", 1), env.ids.lower(21));
        let revision =
            format!("{}/{}", service_arn.replacen(":service/", ":service-revision/", 1), env.ids.digits(19));
        let record = json!({
            "serviceDeploymentArn": arn, "serviceArn": service_arn,
            "clusterArn": object::text_or_empty(&self.body, "clusterArn"),
            "createdAt": time::epoch(env.now), "startedAt": time::epoch(env.now),
            "status": "IN_PROGRESS", "targetServiceRevisionArn": revision,
        });
        if let Value::Object(record) = record {
            self.history.insert(0, record);
            self.history.truncate(KEPT_MAX);
        }
        let reason = format!("ECS deployment {id} in progress.");
        let deployment = Deployment {
            id,
            definition: definition.to_owned(),
            template,
            failed_tasks: 0,
            state: "IN_PROGRESS",
            reason,
            created: env.now,
            updated: env.now,
            fate,
            not_before: env.now,
            arn: arn.clone(),
        };
        self.deployments.insert(0, deployment);
        object::set(&mut self.body, "taskDefinition", definition);
        object::set(&mut self.body, "currentServiceDeployment", arn);
    }

    /// The PRIMARY deployment has reached the steady state.
    pub(super) fn complete(&mut self, env: &mut Env<'_>) {
        let Some(primary) = self.deployments.first_mut() else { return };
        primary.state = "COMPLETED";
        primary.reason = format!("ECS deployment {} completed.", primary.id);
        primary.updated = env.now;
        self.completed = Some((primary.definition.clone(), primary.template.clone()));
        let arn = primary.arn.clone();
        self.close(&arn, "SUCCESSFUL", None, env);
        for record in &mut self.history {
            if object::text(record, "status") == Some("ROLLBACK_IN_PROGRESS") {
                object::set(record, "status", "ROLLBACK_SUCCESSFUL");
            }
        }
        self.say("has reached a steady state.", env);
    }

    /// The circuit breaker has given the PRIMARY deployment up.
    pub(super) fn fail(&mut self, reason: &str, rolls_back: bool, env: &mut Env<'_>) {
        let Some(primary) = self.deployments.first_mut() else { return };
        primary.state = "FAILED";
        primary.reason = reason.to_owned();
        primary.updated = env.now;
        let (id, arn) = (primary.id.clone(), primary.arn.clone());
        let status = if rolls_back { "ROLLBACK_IN_PROGRESS" } else { "STOPPED" };
        self.close(&arn, status, Some(reason), env);
        self.say(&format!("(deployment {id}) deployment failed: {reason}"), env);
    }

    fn close(&mut self, arn: &str, status: &str, reason: Option<&str>, env: &Env<'_>) {
        let found = self.history.iter_mut().find(|r| object::text(r, "serviceDeploymentArn") == Some(arn));
        if let Some(record) = found {
            object::set(record, "status", status);
            object::set(record, "finishedAt", time::epoch(env.now));
            if let Some(reason) = reason {
                object::set(record, "statusReason", reason);
            }
        }
    }

    /// Adds an event, newest first.
    pub(super) fn say(&mut self, what: &str, env: &mut Env<'_>) {
        let name = object::text_or_empty(&self.body, "serviceName");
        let event = json!({
            "id": env.ids.uuid(), "createdAt": time::epoch(env.now), "message": format!("(service {name}) {what}"),
        });
        self.events.insert(0, event);
        self.events.truncate(KEPT_MAX);
    }
}

/// How many tasks a deployment has.
pub(super) struct Counts {
    pub(super) desired: usize,
    pub(super) running: usize,
    pub(super) pending: usize,
}

impl Deployment {
    pub(super) fn view(&self, status: &str, counts: &Counts) -> Value {
        let mut body = self.template.clone();
        body.remove("serviceRegistries");
        if object::list(&body, "capacityProviderStrategy").is_empty() {
            body.remove("capacityProviderStrategy");
        }
        let fargate = object::text(&body, "launchType") == Some("FARGATE");
        if fargate {
            // The service says LATEST; the deployment says what that came to.
            object::set(&mut body, "platformVersion", "1.4.0");
        }
        object::set(&mut body, "id", self.id.as_str());
        object::set(&mut body, "status", status);
        object::set(&mut body, "taskDefinition", self.definition.as_str());
        object::set(&mut body, "desiredCount", counts.desired);
        object::set(&mut body, "runningCount", counts.running);
        object::set(&mut body, "pendingCount", counts.pending);
        object::set(&mut body, "failedTasks", self.failed_tasks);
        object::set(&mut body, "createdAt", time::epoch(self.created));
        object::set(&mut body, "updatedAt", time::epoch(self.updated));
        object::set(&mut body, "rolloutState", self.state);
        object::set(&mut body, "rolloutStateReason", self.reason.as_str());
        Value::Object(body)
    }
}
