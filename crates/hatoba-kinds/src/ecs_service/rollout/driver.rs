use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{
    DeploymentRolloutState, DesiredStatus, Service, ServiceDeployment, ServiceDeploymentBrief,
    ServiceDeploymentRollbackMonitorsStatus, ServiceDeploymentStatus, ServiceRevision, Task,
};
use hatoba_core::{Cause, Change, Members, Object, Readiness, normalise};
use hatoba_shapes::ecs::{
    LoadBalancer, NetworkConfiguration, ServiceConnectConfiguration, ServiceRegistry,
    ServiceVolumeConfiguration, VpcLatticeConfiguration,
};
use serde_json::{Value, json};

use super::{Attempt, End, cause, failed, rolling, summary};
use crate::aws::Aws;
use crate::ecs_service::compare::short;
use crate::ecs_service::fields::TABLE;
use crate::error::CallError;
use crate::kind::{GivenUp, none_if_gone, pages};
use crate::quota::{ECS_DEPLOYMENT_READ, ECS_SERVICE_READ, Operation};

pub(in super::super) const LIST_DEPLOYMENTS: Operation =
    Operation::read("ecs", "ListServiceDeployments", &[ECS_DEPLOYMENT_READ]);
pub(in super::super) const DESCRIBE_DEPLOYMENTS: Operation =
    Operation::read("ecs", "DescribeServiceDeployments", &[ECS_DEPLOYMENT_READ]);
pub(in super::super) const DESCRIBE_REVISIONS: Operation =
    Operation::read("ecs", "DescribeServiceRevisions", &[ECS_DEPLOYMENT_READ]);
const DESCRIBE_SERVICES: Operation = Operation::read("ecs", "DescribeServices", &[ECS_SERVICE_READ]);
pub(in super::super) const LIST_TASKS: Operation = Operation::read("ecs", "ListTasks", &[ECS_SERVICE_READ]);
pub(in super::super) const DESCRIBE_TASKS: Operation =
    Operation::read("ecs", "DescribeTasks", &[ECS_SERVICE_READ]);

/// AWS: both describes take up to twenty. Older attempts than these say nothing.
const ATTEMPTS_MAX: usize = 20;
/// AWS: DescribeTasks takes up to a hundred; these are enough to tell why.
const TASKS_MAX: usize = 100;

/// What of a change AWS has tried and given up: read only before a change that begins a rollout.
pub(in super::super) async fn given_up(aws: &Aws, change: &Change) -> Result<Option<GivenUp>, CallError> {
    let fields = rolling(change);
    if fields.is_empty() {
        return Ok(None);
    }
    if !has_history(aws, &change.target.scope, &change.target.id).await? {
        return Ok(None);
    }
    let history = history(aws, &change.target.scope, &change.target.id).await?;
    if history.iter().all(|entry| end(entry, &BTreeSet::new()) == End::Good) {
        return Ok(None);
    }
    let attempts = attempts(aws, &history).await?;
    let Some(attempt) = failed(change, &attempts) else { return Ok(None) };
    let definition = attempt.members.get("taskDefinition").and_then(Value::as_str).unwrap_or_default();
    let stopped = stopped(aws, &change.target.scope, &change.target.id, short(definition)).await?;
    Ok(Some(GivenUp { fields, cause: cause(change, attempt, &stopped) }))
}

/// Whether AWS keeps a history of the service: not of one that another controller than ECS deploys, and no emulator
/// that we know of does.
async fn has_history(aws: &Aws, cluster: &str, service: &str) -> Result<bool, CallError> {
    let call = aws.ecs.describe_services().cluster(cluster).services(service).send();
    let services = aws.call(&DESCRIBE_SERVICES, call).await?.services.unwrap_or_default();
    Ok(services.iter().any(|service| service.current_service_deployment.is_some()))
}

/// The newest deployments of a service, newest first.
async fn history(aws: &Aws, cluster: &str, service: &str) -> Result<Vec<ServiceDeploymentBrief>, CallError> {
    let mut all = pages(&LIST_DEPLOYMENTS, async |token| {
        let call = aws
            .ecs
            .list_service_deployments()
            .cluster(cluster)
            .service(service)
            .max_results(100)
            .set_next_token(token)
            .send();
        let page = aws.call(&LIST_DEPLOYMENTS, call).await;
        none_if_gone(page.map(|page| (page.service_deployments.unwrap_or_default(), page.next_token)))
    })
    .await?;
    let created = |entry: &ServiceDeploymentBrief| entry.created_at.and_then(|date| date.to_millis().ok());
    all.sort_by_key(|entry| std::cmp::Reverse(created(entry)));
    all.truncate(ATTEMPTS_MAX);
    Ok(all)
}

fn end(entry: &ServiceDeploymentBrief, tripped: &BTreeSet<String>) -> End {
    use ServiceDeploymentStatus as Status;
    match &entry.status {
        Some(
            Status::RollbackRequested
            | Status::RollbackInProgress
            | Status::RollbackSuccessful
            | Status::RollbackFailed,
        ) => End::RolledBack,
        Some(Status::Stopped | Status::StopRequested) => {
            let arn = entry.service_deployment_arn.as_ref();
            End::Stopped { tripped: arn.is_some_and(|arn| tripped.contains(arn)) }
        }
        _ => End::Good,
    }
}

async fn attempts(aws: &Aws, history: &[ServiceDeploymentBrief]) -> Result<Vec<Attempt>, CallError> {
    let targets = history.iter().filter_map(|entry| entry.target_service_revision_arn.clone());
    let targets: BTreeSet<String> = targets.collect();
    let call = aws.ecs.describe_service_revisions();
    let call = call.set_service_revision_arns(Some(targets.into_iter().collect())).send();
    let revisions = aws.call(&DESCRIBE_REVISIONS, call).await?.service_revisions.unwrap_or_default();
    let revisions: BTreeMap<&str, &ServiceRevision> =
        revisions.iter().filter_map(|revision| Some((revision.service_revision_arn.as_deref()?, revision))).collect();
    let tripped = tripped(aws, history).await?;
    let attempt = |entry: &ServiceDeploymentBrief| {
        let revision = revisions.get(entry.target_service_revision_arn.as_deref()?)?;
        let said = entry.status_reason.clone().unwrap_or_default();
        Some(Attempt { end: end(entry, &tripped), said, members: revision_members(revision) })
    };
    Ok(history.iter().filter_map(attempt).collect())
}

/// Deployments that were stopped by the circuit breaker or an alarm.
async fn tripped(aws: &Aws, history: &[ServiceDeploymentBrief]) -> Result<BTreeSet<String>, CallError> {
    let stopped = history.iter().filter(|entry| matches!(end(entry, &BTreeSet::new()), End::Stopped { .. }));
    let stopped: Vec<String> = stopped.filter_map(|entry| entry.service_deployment_arn.clone()).collect();
    if stopped.is_empty() {
        return Ok(BTreeSet::new());
    }
    let call = aws.ecs.describe_service_deployments().set_service_deployment_arns(Some(stopped)).send();
    let deployments = aws.call(&DESCRIBE_DEPLOYMENTS, call).await?.service_deployments.unwrap_or_default();
    let triggered = |status: Option<&ServiceDeploymentRollbackMonitorsStatus>| {
        status == Some(&ServiceDeploymentRollbackMonitorsStatus::Triggered)
    };
    let tripped = |deployment: &ServiceDeployment| {
        triggered(deployment.deployment_circuit_breaker.as_ref().and_then(|breaker| breaker.status.as_ref()))
            || triggered(deployment.alarms.as_ref().and_then(|alarms| alarms.status.as_ref()))
    };
    let found = deployments.into_iter().filter(tripped);
    Ok(found.filter_map(|deployment| deployment.service_deployment_arn).collect())
}

fn revision_members(revision: &ServiceRevision) -> Members {
    fn list<S, T: serde::Serialize>(items: Option<&[S]>, convert: impl Fn(&S) -> T) -> Value {
        json!(items.unwrap_or_default().iter().map(convert).collect::<Vec<T>>())
    }
    let shown = json!({
        "taskDefinition": revision.task_definition.as_deref().map(short),
        "networkConfiguration": revision.network_configuration.as_ref().map(NetworkConfiguration::from_sdk),
        "platformVersion": revision.platform_version,
        "loadBalancers": list(revision.load_balancers.as_deref(), LoadBalancer::from_sdk),
        "serviceRegistries": list(revision.service_registries.as_deref(), ServiceRegistry::from_sdk),
        "serviceConnectConfiguration":
            revision.service_connect_configuration.as_ref().map(ServiceConnectConfiguration::from_sdk),
        "volumeConfigurations":
            list(revision.volume_configurations.as_deref(), ServiceVolumeConfiguration::from_sdk),
        "vpcLatticeConfigurations":
            list(revision.vpc_lattice_configurations.as_deref(), VpcLatticeConfiguration::from_sdk),
    });
    match shown {
        Value::Object(members) => normalise(&TABLE, members),
        _ => Members::new(),
    }
}

/// Why tasks of a definition (`web:7`) stopped, as far as AWS still knows: it forgets them after an hour.
async fn stopped(aws: &Aws, cluster: &str, service: &str, definition: &str) -> Result<Vec<String>, CallError> {
    let call = aws
        .ecs
        .list_tasks()
        .cluster(cluster)
        .service_name(service)
        .desired_status(DesiredStatus::Stopped)
        .send();
    let page = aws.call(&LIST_TASKS, call).await;
    let (arns, _) = none_if_gone(page.map(|page| (page.task_arns.unwrap_or_default(), page.next_token)))?;
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let arns = arns.into_iter().take(TASKS_MAX).collect();
    let call = aws.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns)).send();
    let tasks = aws.call(&DESCRIBE_TASKS, call).await?.tasks.unwrap_or_default();
    let of_it = |task: &&Task| task.task_definition_arn.as_deref().map(short) == Some(definition);
    Ok(tasks.iter().filter(of_it).map(why).collect())
}

/// `Essential container in task exited: web exited with 137, OutOfMemory`.
fn why(task: &Task) -> String {
    let containers = task.containers.iter().flatten().filter_map(|container| {
        let name = container.name.as_deref().unwrap_or("a container");
        let reason = container.reason.as_deref().unwrap_or_default();
        match (container.exit_code, reason) {
            (Some(0) | None, "") => None,
            (Some(code), "") => Some(format!("{name} exited with {code}")),
            (Some(code), reason) => Some(format!("{name} exited with {code}, {reason}")),
            (None, reason) => Some(format!("{name}: {reason}")),
        }
    });
    let said = task.stopped_reason.iter().cloned().chain(containers).collect::<Vec<_>>();
    said.join(": ")
}

/// Says of a rollout that fails, or has failed, why its tasks stop.
pub(in super::super) async fn explain(
    aws: &Aws,
    service: &Service,
    object: &mut Object,
) -> Result<(), CallError> {
    let primary = service.deployments.iter().flatten().find(|d| d.status.as_deref() == Some("PRIMARY"));
    let Some(primary) = primary else { return Ok(()) };
    let fails = match primary.rollout_state {
        Some(DeploymentRolloutState::Failed) => true,
        Some(DeploymentRolloutState::InProgress) => primary.failed_tasks > 0,
        _ => false,
    };
    let (true, Some(definition)) = (fails, primary.task_definition.as_deref()) else { return Ok(()) };
    let stopped = stopped(aws, &object.scope, &object.id, short(definition)).await?;
    let why = summary(&stopped);
    if why.is_empty() {
        return Ok(());
    }
    let told = |cause: &Cause| Cause { reason: cause.reason.clone(), message: format!("{}; {why}", cause.message) };
    object.readiness = match &object.readiness {
        Readiness::Ready => Readiness::Ready,
        Readiness::Settling(cause) => Readiness::Settling(told(cause)),
        Readiness::NotReady(cause) => Readiness::NotReady(told(cause)),
    };
    Ok(())
}

/// The task definitions (`web:7`) that a service runs, in all its deployments.
pub(in super::super) fn definitions(service: &Service) -> impl Iterator<Item = String> + '_ {
    let deployed = service.deployments.iter().flatten().filter_map(|d| d.task_definition.as_deref());
    service.task_definition.as_deref().into_iter().chain(deployed).map(|definition| short(definition).to_owned())
}
