//! The service scheduler: starts and stops tasks until a service is as it should be.

use super::task::{Start, new_task};
use super::{Ecs, Event, ServiceKey, registry};
use crate::cloud_map::CloudMap;
use crate::env::Env;
use crate::faults::Rollout;
use crate::object::{self, Object};
use crate::time;
use serde_json::{Value, json};
use std::time::Duration;

/// Pause before a failed deployment tries again. Also keeps a world without delays from trying for ever at one instant.
const RETRY: Duration = Duration::from_secs(10);
/// How long stopped tasks stay describable.
const STOPPED_KEPT: Duration = Duration::from_secs(3600);
/// Bounds of the circuit breaker's threshold; between them it is half the desired count.
const FAILURES_MIN: usize = 3;
const FAILURES_MAX: usize = 200;

/// Deployment, and tasks of it: alive, running.
struct Standing {
    deployment: String,
    alive: Vec<String>,
    running: usize,
}

impl Ecs {
    /// Compares what runs with what should, and starts or stops tasks.
    pub(super) fn schedule(&mut self, key: &ServiceKey, env: &mut Env<'_>) {
        let Some(service) = self.services.get(key) else { return };
        if object::text(&service.body, "status") != Some("ACTIVE") {
            return;
        }
        let desired = desired_count(&service.body);
        let (floor, ceiling) = bounds(&service.body, desired);
        let mut standings = service.deployments.iter().map(|d| self.standing(key, &d.id)).collect::<Vec<_>>();
        if standings.is_empty() {
            return;
        }
        let old = standings.split_off(1);
        let Some(primary) = standings.pop() else { return };
        let given_up = service.deployments.first().is_some_and(|d| d.state == "FAILED");
        let waits = service.deployments.first().is_some_and(|d| d.not_before > env.now);

        for task in primary.alive.iter().skip(desired) {
            self.stop_task(task, env);
        }
        let mut running = primary.running.min(desired) + old.iter().map(|s| s.running).sum::<usize>();
        let mut alive = primary.alive.len().min(desired) + old.iter().map(|s| s.alive.len()).sum::<usize>();
        if !given_up {
            for task in old.iter().flat_map(|s| &s.alive) {
                let runs = self.tasks.get(task).is_some_and(|t| t.status() == "RUNNING");
                if runs && running <= floor {
                    continue;
                }
                running -= usize::from(runs);
                alive -= 1;
                self.stop_task(task, env);
            }
        }
        let wanted = desired.saturating_sub(primary.alive.len()).min(ceiling.saturating_sub(alive));
        if !given_up && !waits {
            for _ in 0..wanted {
                self.start_task(key, &primary.deployment, env);
            }
        }
        self.settle(key, env);
    }

    fn standing(&self, key: &ServiceKey, deployment: &str) -> Standing {
        let mine = self
            .tasks
            .iter()
            .filter(|(_, t)| t.service == *key && t.deployment == deployment && t.is_alive());
        let (mut alive, mut running) = (Vec::new(), 0);
        for (id, task) in mine {
            running += usize::from(task.status() == "RUNNING");
            alive.push(id.clone());
        }
        Standing { deployment: deployment.to_owned(), alive, running }
    }

    /// Drops deployments that have no task left, and completes the one that is all there.
    fn settle(&mut self, key: &ServiceKey, env: &mut Env<'_>) {
        let Some(service) = self.services.get(key) else { return };
        let empty: Vec<String> = service
            .deployments
            .iter()
            .skip(1)
            .filter(|d| self.standing(key, &d.id).alive.is_empty())
            .map(|d| d.id.clone())
            .collect();
        let desired = desired_count(&service.body);
        let running = service.deployments.first().map_or(0, |d| self.standing(key, &d.id).running);
        let Some(service) = self.services.get_mut(key) else { return };
        service.deployments.retain(|deployment| !empty.contains(&deployment.id));
        let waiting = service.deployments.first().is_some_and(|d| d.state == "IN_PROGRESS");
        if waiting && service.deployments.len() == 1 && running == desired {
            service.complete(env);
        }
    }

    fn start_task(&mut self, key: &ServiceKey, deployment: &str, env: &mut Env<'_>) {
        let Some(service) = self.services.get_mut(key) else { return };
        let Some(found) = service.deployments.iter().find(|d| d.id == deployment) else { return };
        let sticks = matches!(found.fate, Some(Rollout::Sticks));
        self.started += 1;
        let start = Start {
            service: key,
            deployment,
            definition: &found.definition,
            template: &found.template,
            number: self.started,
        };
        let (id, task) = new_task(&start, env);
        service.say(&format!("has started 1 tasks: (task {id})."), env);
        self.tasks.insert(id.clone(), task);
        if !sticks {
            env.after(env.config.delays.task_start, Event::TaskStarts { task: id });
        }
    }

    /// A task reaches RUNNING, or, in a deployment that was ordered to fail, stops instead.
    pub(super) fn task_starts(&mut self, id: &str, cloud_map: &mut CloudMap, env: &mut Env<'_>) {
        let Some(task) = self.tasks.get_mut(id).filter(|task| task.status() == "PENDING") else { return };
        let key = task.service.clone();
        let Some(service) = self.services.get_mut(&key) else { return };
        let Some(deployment) = service.deployments.iter_mut().find(|d| d.id == task.deployment) else {
            return;
        };
        let ordered = match deployment.fate.clone() {
            Some(Rollout::Fails(reason)) => Some(reason),
            _ => env.faults.revision_failure(&deployment.definition),
        };
        if let Some(reason) = ordered {
            object::set(&mut task.body, "stoppedReason", reason.as_str());
            object::set(&mut task.body, "stopCode", "TaskFailedToStart");
            deployment.failed_tasks += 1;
            deployment.not_before = env.now + RETRY;
            let failed = deployment.failed_tasks;
            service.say(&format!("was unable to start a task: {reason}"), env);
            self.mark_stopped(id, env);
            return self.count_failure(&key, failed, env);
        }
        object::set(&mut task.body, "lastStatus", "RUNNING");
        object::set(&mut task.body, "startedAt", time::epoch(env.now));
        if let Some(Value::Array(containers)) = task.body.get_mut("containers") {
            for container in containers {
                container["lastStatus"] = json!("RUNNING");
            }
        }
        if let Some(arn) = registry::register(id, task, &deployment.template, cloud_map, env) {
            task.registered = Some(arn);
        }
        self.schedule(&key, env);
    }

    fn count_failure(&mut self, key: &ServiceKey, failed: usize, env: &mut Env<'_>) {
        let Some(service) = self.services.get_mut(key) else { return };
        let threshold = (desired_count(&service.body) / 2).clamp(FAILURES_MIN, FAILURES_MAX);
        if !service.breaker("enable") || failed < threshold {
            env.after(RETRY, Event::Retried { service: key.clone() });
            return;
        }
        service.fail("ECS deployment circuit breaker: tasks failed to start.", threshold, env);
        let pending: Vec<String> = service
            .deployments
            .first()
            .map(|d| d.id.clone())
            .map(|id| self.standing(key, &id).alive)
            .unwrap_or_default();
        for task in &pending {
            self.stop_task(task, env);
        }
        if let Some(service) = self.services.get_mut(key) {
            service.roll_back(env);
        }
        self.schedule(key, env);
    }

    /// Orders a task to stop.
    pub(super) fn stop_task(&mut self, id: &str, env: &mut Env<'_>) {
        let Some(task) = self.tasks.get_mut(id).filter(|task| task.is_alive()) else { return };
        object::set(&mut task.body, "lastStatus", "DEACTIVATING");
        object::set(&mut task.body, "desiredStatus", "STOPPED");
        object::set(&mut task.body, "stoppingAt", time::epoch(env.now));
        object::default(&mut task.body, "stoppedReason", "Scaling activity initiated by deployment");
        env.after(env.config.delays.task_stop, Event::TaskStopped { task: id.to_owned() });
    }

    pub(super) fn task_stopped(&mut self, id: &str, env: &mut Env<'_>) {
        let Some(key) = self.tasks.get(id).map(|task| task.service.clone()) else { return };
        self.mark_stopped(id, env);
        self.settle_drain(&key);
        self.schedule(&key, env);
    }

    fn mark_stopped(&mut self, id: &str, env: &mut Env<'_>) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        object::set(&mut task.body, "lastStatus", "STOPPED");
        object::set(&mut task.body, "desiredStatus", "STOPPED");
        object::set(&mut task.body, "stoppedAt", time::epoch(env.now));
        if task.registered.is_some() {
            env.after(env.config.delays.deregister, Event::TaskDeregistered { task: id.to_owned() });
        }
        // After the last use of the task: its registration must be gone before it is forgotten.
        let forgotten = STOPPED_KEPT.max(env.config.delays.deregister);
        env.after(forgotten, Event::TaskForgotten { task: id.to_owned() });
    }

    pub(super) fn task_deregistered(&mut self, id: &str, cloud_map: &mut CloudMap) {
        if let Some(arn) = self.tasks.get_mut(id).and_then(|task| task.registered.take()) {
            cloud_map.deregister_task(&arn, id);
        }
    }

    /// A DRAINING service without a task that is not stopped becomes INACTIVE.
    pub(super) fn settle_drain(&mut self, key: &ServiceKey) {
        let busy = self.tasks.values().any(|task| task.service == *key && !task.is_stopped());
        let Some(service) = self.services.get_mut(key) else { return };
        if !busy && object::text(&service.body, "status") == Some("DRAINING") {
            object::set(&mut service.body, "status", "INACTIVE");
            service.deployments.clear();
        }
    }

    /// Every task of a service that is alive.
    pub(super) fn alive_tasks(&self, key: &ServiceKey) -> Vec<String> {
        let mine = self.tasks.iter().filter(|(_, task)| task.service == *key && task.is_alive());
        mine.map(|(id, _)| id.clone()).collect()
    }
}

/// The number of tasks that should run. A DAEMON service has one here: the model has one container instance.
pub(super) fn desired_count(body: &Object) -> usize {
    let count = body.get("desiredCount").and_then(Value::as_u64).unwrap_or_default();
    usize::try_from(count).unwrap_or_default()
}

/// How few tasks may run, and how many may be alive, during a deployment.
fn bounds(body: &Object, desired: usize) -> (usize, usize) {
    let percent = |name: &str, default: u64| {
        let configured =
            body.get("deploymentConfiguration").and_then(|c| c.get(name)).and_then(Value::as_u64);
        usize::try_from(configured.unwrap_or(default)).unwrap_or_default()
    };
    let floor = (desired * percent("minimumHealthyPercent", 100)).div_ceil(100);
    let ceiling = desired * percent("maximumPercent", 200) / 100;
    (floor, ceiling.max(usize::from(desired > 0)))
}
