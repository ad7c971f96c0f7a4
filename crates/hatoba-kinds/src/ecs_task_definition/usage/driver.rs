use std::collections::BTreeSet;

use aws_sdk_ecs::types::{DeploymentRolloutState, DesiredStatus, Service};

use super::{Runs, family, keeps, short};
use crate::aws::Aws;
use crate::error::CallError;
use crate::kind::{none_if_gone, pages};
use crate::quota::{ECS_CLUSTER_READ, ECS_SERVICE_READ, Operation};

pub(in super::super) const LIST_CLUSTERS: Operation =
    Operation::read("ecs", "ListClusters", &[ECS_CLUSTER_READ]);
pub(in super::super) const LIST_SERVICES: Operation =
    Operation::read("ecs", "ListServices", &[ECS_SERVICE_READ]);
pub(in super::super) const DESCRIBE_SERVICES: Operation =
    Operation::read("ecs", "DescribeServices", &[ECS_SERVICE_READ]);
pub(in super::super) const LIST_TASKS: Operation = Operation::read("ecs", "ListTasks", &[ECS_SERVICE_READ]);
pub(in super::super) const DESCRIBE_TASKS: Operation =
    Operation::read("ecs", "DescribeTasks", &[ECS_SERVICE_READ]);

/// AWS: DescribeServices takes up to ten, DescribeTasks up to a hundred.
const SERVICES_MAX: usize = 10;
const TASKS_MAX: usize = 100;

/// Everything that uses `id` (`web:7`), from complete lists.
pub(in super::super) async fn users(aws: &Aws, id: &str) -> Result<BTreeSet<String>, CallError> {
    let clusters = pages(&LIST_CLUSTERS, async |token| {
        let page = aws.call(&LIST_CLUSTERS, aws.ecs.list_clusters().set_next_token(token).send()).await?;
        Ok((page.cluster_arns.unwrap_or_default(), page.next_token))
    })
    .await?;
    let mut found = BTreeSet::new();
    for cluster in clusters {
        found.extend(services(aws, &cluster, id).await?);
        found.extend(tasks(aws, &cluster, id).await?);
    }
    Ok(found)
}

async fn services(aws: &Aws, cluster: &str, id: &str) -> Result<Vec<String>, CallError> {
    let arns = pages(&LIST_SERVICES, async |token| {
        let call = aws.ecs.list_services().cluster(cluster).max_results(100).set_next_token(token).send();
        let page = aws.call(&LIST_SERVICES, call).await;
        none_if_gone(page.map(|page| (page.service_arns.unwrap_or_default(), page.next_token)))
    })
    .await?;
    let mut found = Vec::new();
    for chunk in arns.chunks(SERVICES_MAX) {
        let call = aws.ecs.describe_services().cluster(cluster).set_services(Some(chunk.to_vec())).send();
        let answer = aws.call(&DESCRIBE_SERVICES, call).await?;
        let keep = |service: &&Service| keeps(&runs(service), id);
        let services = answer.services.unwrap_or_default();
        found.extend(services.iter().filter(keep).filter_map(|service| service.service_arn.clone()));
    }
    Ok(found)
}

fn runs(service: &Service) -> Runs<'_> {
    let deployments = service.deployments.as_deref().unwrap_or_default();
    let sets = service.task_sets.as_deref().unwrap_or_default();
    let deployed = deployments.iter().filter_map(|deployment| deployment.task_definition.as_deref());
    let definitions = service
        .task_definition
        .as_deref()
        .into_iter()
        .chain(deployed)
        .chain(sets.iter().filter_map(|set| set.task_definition.as_deref()))
        .collect();
    let rolls = |state: &DeploymentRolloutState| *state != DeploymentRolloutState::Completed;
    let is_settled =
        deployments.len() <= 1 && !deployments.iter().filter_map(|d| d.rollout_state.as_ref()).any(rolls);
    Runs { definitions, is_settled }
}

async fn tasks(aws: &Aws, cluster: &str, id: &str) -> Result<Vec<String>, CallError> {
    let arns = pages(&LIST_TASKS, async |token| {
        let call = aws
            .ecs
            .list_tasks()
            .cluster(cluster)
            .family(family(id))
            .desired_status(DesiredStatus::Running)
            .set_next_token(token)
            .send();
        let page = aws.call(&LIST_TASKS, call).await;
        none_if_gone(page.map(|page| (page.task_arns.unwrap_or_default(), page.next_token)))
    })
    .await?;
    let mut found = Vec::new();
    for chunk in arns.chunks(TASKS_MAX) {
        let call = aws.ecs.describe_tasks().cluster(cluster).set_tasks(Some(chunk.to_vec())).send();
        let answer = aws.call(&DESCRIBE_TASKS, call).await?;
        let uses = |definition: &str| short(definition) == id;
        let tasks = answer.tasks.unwrap_or_default().into_iter();
        let using = tasks.filter(|task| task.task_definition_arn.as_deref().is_some_and(uses));
        found.extend(using.filter_map(|task| task.task_arn));
    }
    Ok(found)
}
