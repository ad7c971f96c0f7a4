//! ECS: clusters, task definitions, services, and the tasks that services run.
//!
//! Invariant: a service's counts and deployments are always computed from its tasks, never stored beside them.

mod cluster;
#[cfg(test)]
mod cluster_tests;
mod cluster_update;
mod deployment;
mod deployment_view;
mod reach;
mod registry;
mod scheduler;
mod service;
mod service_check;
mod service_update;
mod service_view;
mod tags;
mod task;
mod task_definition;
mod task_definition_body;
#[cfg(test)]
mod tests;

use crate::cloud_map::CloudMap;
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule};
use crate::page::{self, Asked, BadToken, Entry, Page};
use deployment::Deployment;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use task::Task;

type Tags = BTreeMap<String, String>;

/// Cluster name and service name.
type ServiceKey = (String, String);

/// What happens later by itself.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    TaskStarts {
        task: String,
    },
    TaskStopped {
        task: String,
    },
    TaskDeregistered {
        task: String,
    },
    TaskForgotten {
        task: String,
    },
    /// A deployment whose tasks failed tries again.
    Retried {
        service: ServiceKey,
    },
    /// A service without tasks finishes draining.
    Drained {
        service: ServiceKey,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Ecs {
    clusters: BTreeMap<String, Cluster>,
    /// Revisions of a family in order; the first is revision 1.
    families: BTreeMap<String, Vec<Definition>>,
    services: BTreeMap<ServiceKey, Service>,
    tasks: BTreeMap<String, Task>,
    /// Tasks started so far, for addresses.
    started: u32,
}

#[derive(Debug)]
struct Cluster {
    body: Object,
    tags: Tags,
    created: Duration,
}

#[derive(Debug)]
struct Definition {
    body: Object,
    tags: Tags,
    created: Duration,
}

#[derive(Debug)]
struct Service {
    /// Everything but counts, deployments, events and tags.
    body: Object,
    tags: Tags,
    /// What CreateService was asked, to recognise a repetition.
    asked: Object,
    created: Duration,
    /// Newest first; the first is PRIMARY.
    deployments: Vec<Deployment>,
    /// Definition, template and revision of the last completed deployment: where a rollback goes.
    completed: Option<(String, Object, String)>,
    /// Newest first.
    events: Vec<Value>,
    /// Service deployments, newest first.
    history: Vec<Object>,
    /// Service revisions by ARN.
    revisions: BTreeMap<String, Object>,
}

impl Ecs {
    /// Carries out one call; `None` for an operation the model does not have.
    pub(crate) fn call(
        &mut self,
        operation: &str,
        input: Object,
        cloud_map: &mut CloudMap,
        env: &mut Env<'_>,
    ) -> Option<Outcome> {
        Some(match operation {
            "CreateCluster" => self.create_cluster(input, env),
            "DescribeClusters" => self.describe_clusters(&input, env),
            "ListClusters" => self.list_clusters(&input, env),
            "UpdateCluster" => self.update_cluster(&input),
            "PutClusterCapacityProviders" => self.put_cluster_capacity_providers(&input),
            "DeleteCluster" => self.delete_cluster(&input),
            "RegisterTaskDefinition" => self.register_definition(input, env),
            "DescribeTaskDefinition" => self.describe_definition(&input),
            "ListTaskDefinitions" => self.list_definitions(&input, env),
            "ListTaskDefinitionFamilies" => self.list_families(&input, env),
            "DeleteTaskDefinitions" => self.delete_definitions(&input, env),
            "DeregisterTaskDefinition" => self.deregister_definition(&input, env),
            "CreateService" => self.create_service(input, cloud_map, env),
            "DescribeServices" => self.describe_services(&input, env),
            "ListServices" => self.list_services(&input, env),
            "UpdateService" => self.update_service(input, cloud_map, env),
            "DeleteService" => self.delete_service(&input, env),
            "ListServiceDeployments" => self.list_service_deployments(&input, env),
            "DescribeServiceDeployments" => self.describe_service_deployments(&input),
            "DescribeServiceRevisions" => self.describe_service_revisions(&input),
            "ListTasks" => self.list_tasks(&input, env),
            "DescribeTasks" => self.describe_tasks(&input, env),
            "StopTask" => self.stop_task_by_hand(&input, env),
            "TagResource" => self.tag_resource(&input),
            "UntagResource" => self.untag_resource(&input),
            "ListTagsForResource" => self.list_tags(&input),
            _ => return None,
        })
    }

    /// What AWS has done by itself.
    pub(crate) fn happen(&mut self, event: Event, cloud_map: &mut CloudMap, env: &mut Env<'_>) {
        match event {
            Event::TaskStarts { task } => self.task_starts(&task, cloud_map, env),
            Event::TaskStopped { task } => self.task_stopped(&task, env),
            Event::TaskDeregistered { task } => self.task_deregistered(&task, cloud_map),
            Event::TaskForgotten { task } => {
                self.tasks.remove(&task);
            }
            Event::Retried { service } => self.schedule(&service, env),
            Event::Drained { service } => self.settle_drain(&service),
        }
    }

    /// Every resource, by collection. Services carry counts, deployments and tags, as DescribeServices shows them.
    /// Every service as it is shown, with its tags.
    pub(crate) fn services(&self) -> Object {
        let shown = |key, service: &Service| tagged(&self.view(key, service), &service.tags);
        self.services.iter().map(|(key, s)| (format!("{}/{}", key.0, key.1), shown(key, s))).collect()
    }

    pub(crate) fn dump(&self) -> Value {
        let clusters: Object =
            self.clusters.iter().map(|(name, c)| (name.clone(), tagged(&c.body, &c.tags))).collect();
        let definitions: Object = self
            .families
            .iter()
            .flat_map(|(family, all)| {
                all.iter()
                    .enumerate()
                    .map(move |(at, d)| (format!("{family}:{}", at + 1), tagged(&d.body, &d.tags)))
            })
            .collect();
        let services = self.services();
        let tasks: Object = self
            .tasks
            .iter()
            .map(|(id, task)| (format!("{}/{id}", task.service.0), Value::Object(task.body.clone())))
            .collect();
        json!({"clusters": clusters, "taskDefinitions": definitions, "services": services, "tasks": tasks})
    }
}

fn tagged(body: &Object, tags: &Tags) -> Value {
    let mut body = body.clone();
    object::set(&mut body, "tags", tags::as_list(tags));
    Value::Object(body)
}

fn check(input: &Object, rules: &[Rule]) -> Result<(), Failure> {
    object::check(input, rules).map_err(invalid)
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::client("InvalidParameterException", message)
}

fn client(message: impl Into<String>) -> Failure {
    Failure::client("ClientException", message)
}

/// The name in a name or ARN.
fn name_of(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

fn arn(resource: &str, env: &Env<'_>) -> String {
    format!("arn:aws:ecs:{}:{}:{resource}", env.config.region, env.config.account)
}

/// Letters, digits, hyphens and underscores, as cluster, service and family names are made.
fn check_name(name: &str, what: &str) -> Result<(), Failure> {
    let legal = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if legal && (1..=255).contains(&name.len()) {
        return Ok(());
    }
    Err(invalid(format!("{what} must match [A-Za-z0-9_-]{{1,255}}: {name}")))
}

/// One page of a list: the caller's `maxResults`, or `default`.
fn page_of(
    input: &Object,
    operation: &str,
    default: usize,
    entries: Vec<Entry>,
    env: &Env<'_>,
) -> Result<Page, Failure> {
    let limit = match input.get("maxResults") {
        None => default,
        Some(value) => match value.as_u64() {
            Some(number) if (1..=100).contains(&number) => usize::try_from(number).unwrap_or(default),
            _ => return Err(invalid("maxResults must be between 1 and 100.")),
        },
    };
    let token = object::text(input, "nextToken").filter(|token| !token.is_empty());
    let asked = Asked { service: "ecs", operation, limit, token };
    page::cut(entries, &asked, env).map_err(|BadToken| invalid("Invalid token."))
}
