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
    /// The service deployment that it is part of, and the service revision that it brings about.
    arn: String,
    revision: String,
}

impl Service {
    /// Puts a new PRIMARY deployment in front of the others, and begins a service deployment for it.
    pub(super) fn deploy(&mut self, definition: &str, fate: Option<Rollout>, env: &mut Env<'_>) {
        self.stop_what_is_under_way(env);
        let before = self.deployments.first().map(|deployment| deployment.revision.clone());
        let service_arn = object::text_or_empty(&self.body, "serviceArn");
        let arn =
            format!("{}/{}", service_arn.replacen(":service/", ":service-deployment/", 1), env.ids.lower(21));
        let revision =
            format!("{}/{}", service_arn.replacen(":service/", ":service-revision/", 1), env.ids.digits(19));
        let count = self.body.get("desiredCount").cloned().unwrap_or_else(|| json!(0));
        let task_counts = |arn: &str| json!({"arn": arn, "requestedTaskCount": count, "runningTaskCount": 0, "pendingTaskCount": 0});
        let record = json!({
            "serviceDeploymentArn": arn, "serviceArn": service_arn,
            "clusterArn": object::text_or_empty(&self.body, "clusterArn"),
            "createdAt": time::epoch(env.now), "startedAt": time::epoch(env.now), "updatedAt": time::epoch(env.now),
            "status": "IN_PROGRESS", "lifecycleStage": "SCALE_UP",
            "sourceServiceRevisions": before.iter().map(|arn| task_counts(arn)).collect::<Vec<_>>(),
            "targetServiceRevision": task_counts(&revision),
            "deploymentConfiguration": self.body.get("deploymentConfiguration").cloned().unwrap_or_else(|| json!({})),
            "deploymentCircuitBreaker": {
                "status": if self.breaker("enable") { "MONITORING" } else { "DISABLED" }, "failureCount": 0, "threshold": 0,
            },
        });
        if let Value::Object(record) = record {
            self.history.insert(0, record);
            self.history.truncate(KEPT_MAX);
        }
        let mut body = self.template();
        for (name, value) in [
            ("serviceRevisionArn", revision.as_str()),
            ("serviceArn", object::text_or_empty(&self.body, "serviceArn")),
            ("clusterArn", object::text_or_empty(&self.body, "clusterArn")),
            ("taskDefinition", definition),
        ] {
            object::set(&mut body, name, value);
        }
        object::set(&mut body, "createdAt", time::epoch(env.now));
        object::set(&mut body, "guardDutyEnabled", false);
        self.revisions.insert(revision.clone(), body);
        self.begin(definition, &arn, &revision, fate, env);
        object::set(&mut self.body, "currentServiceDeployment", arn);
    }

    /// Puts a PRIMARY deployment in front that belongs to a service deployment.
    fn begin(
        &mut self,
        definition: &str,
        arn: &str,
        revision: &str,
        fate: Option<Rollout>,
        env: &mut Env<'_>,
    ) {
        let id = format!("ecs-svc/{}", env.ids.digits(19));
        let reason = format!("ECS deployment {id} in progress.");
        let deployment = Deployment {
            id,
            definition: definition.to_owned(),
            template: self.template(),
            failed_tasks: 0,
            state: "IN_PROGRESS",
            reason,
            created: env.now,
            updated: env.now,
            fate,
            not_before: env.now,
            arn: arn.to_owned(),
            revision: revision.to_owned(),
        };
        self.deployments.insert(0, deployment);
        object::set(&mut self.body, "taskDefinition", definition);
    }

    fn template(&self) -> Object {
        let mut template = Object::new();
        for name in TEMPLATE {
            if let Some(value) = self.body.get(*name) {
                object::set(&mut template, name, value.clone());
            }
        }
        template
    }

    /// Whether a switch of the circuit breaker (`enable`, `rollback`) is on.
    pub(super) fn breaker(&self, switch: &str) -> bool {
        let configuration = self.body.get("deploymentConfiguration");
        let breaker = configuration.and_then(|c| c.get("deploymentCircuitBreaker"));
        breaker.and_then(|breaker| breaker.get(switch)).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A newer service deployment stops the one that is under way.
    fn stop_what_is_under_way(&mut self, env: &Env<'_>) {
        let under_way = |record: &Object| {
            ["IN_PROGRESS", "ROLLBACK_IN_PROGRESS"].contains(&object::text_or_empty(record, "status"))
        };
        let arns = self.history.iter().filter(|record| under_way(record));
        let arns: Vec<String> =
            arns.map(|record| object::text_or_empty(record, "serviceDeploymentArn").to_owned()).collect();
        for arn in arns {
            self.close(&arn, "STOPPED", Some("A newer service deployment was started."), env);
        }
    }

    /// The PRIMARY deployment has reached the steady state.
    pub(super) fn complete(&mut self, env: &mut Env<'_>) {
        let Some(primary) = self.deployments.first_mut() else { return };
        primary.state = "COMPLETED";
        primary.reason = format!("ECS deployment {} completed.", primary.id);
        primary.updated = env.now;
        self.completed =
            Some((primary.definition.clone(), primary.template.clone(), primary.revision.clone()));
        let arn = primary.arn.clone();
        let rolls_back = self.record(&arn).is_some_and(|record| record.contains_key("rollback"));
        self.close(&arn, if rolls_back { "ROLLBACK_SUCCESSFUL" } else { "SUCCESSFUL" }, None, env);
        self.say("has reached a steady state.", env);
    }

    /// The circuit breaker has given the PRIMARY deployment up.
    pub(super) fn fail(&mut self, reason: &str, threshold: usize, env: &mut Env<'_>) {
        let rolls_back = self.breaker("rollback") && self.completed.is_some();
        let Some(primary) = self.deployments.first_mut() else { return };
        primary.state = "FAILED";
        primary.reason = reason.to_owned();
        primary.updated = env.now;
        let (id, arn, failed) = (primary.id.clone(), primary.arn.clone(), primary.failed_tasks);
        if let Some(record) = self.record(&arn) {
            let tripped = json!({"status": "TRIGGERED", "failureCount": failed, "threshold": threshold});
            object::set(record, "deploymentCircuitBreaker", tripped);
        }
        if !rolls_back {
            self.close(&arn, "STOPPED", Some(reason), env);
        }
        self.say(&format!("(deployment {id}) deployment failed: {reason}"), env);
    }

    /// Goes back to what ran before, within the service deployment that failed; `None`: there is nothing to go to.
    pub(super) fn roll_back(&mut self, env: &mut Env<'_>) {
        let (true, Some((definition, template, revision))) =
            (self.breaker("rollback"), self.completed.clone())
        else {
            return;
        };
        let Some(arn) = self.deployments.first().map(|primary| primary.arn.clone()) else { return };
        let reason = "Service deployment rolled back because the circuit breaker threshold was exceeded.";
        if let Some(record) = self.record(&arn) {
            object::set(record, "status", "ROLLBACK_IN_PROGRESS");
            object::set(record, "statusReason", reason);
            let rollback =
                json!({"reason": reason, "startedAt": time::epoch(env.now), "serviceRevisionArn": revision});
            object::set(record, "rollback", rollback);
        }
        for (name, value) in template {
            object::set(&mut self.body, &name, value);
        }
        self.begin(&definition, &arn, &revision, None, env);
        if let Some(primary) = self.deployments.first_mut() {
            let back =
                format!("ECS deployment circuit breaker: rolling back to deploymentId {}.", primary.id);
            primary.reason = back;
        }
    }

    fn record(&mut self, arn: &str) -> Option<&mut Object> {
        self.history.iter_mut().find(|r| object::text(r, "serviceDeploymentArn") == Some(arn))
    }

    fn close(&mut self, arn: &str, status: &str, reason: Option<&str>, env: &Env<'_>) {
        let Some(record) = self.record(arn) else { return };
        object::set(record, "status", status);
        object::set(record, "finishedAt", time::epoch(env.now));
        object::set(record, "updatedAt", time::epoch(env.now));
        if let Some(reason) = reason {
            object::set(record, "statusReason", reason);
        }
        if let Some(Value::Object(breaker)) = record.get_mut("deploymentCircuitBreaker")
            && object::text(breaker, "status") == Some("MONITORING")
        {
            object::set(breaker, "status", "MONITORING_COMPLETE");
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
