use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{DeploymentRolloutState, LaunchType, PropagateTags, Service, ServiceField};
use hatoba_core::{Cause, Change, Creation, KindTable, Life, Members, Object, Readiness, TagChange, Target, normalise};

use super::EcsService;
use super::fields::{TABLE, short};
use super::spec::EcsServiceSpec;
use crate::aws::Aws;
use crate::error::CallError;
use crate::generated::ecs::{LIMITS, NetworkConfiguration, ServiceRegistry};
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Requests, deleted, marked, members, pages, spec};
use crate::quota::{ECS_CLUSTER_READ, ECS_SERVICE_MODIFY, ECS_SERVICE_READ, Operation};
use crate::tags;

const DESCRIBE: Operation = Operation::read("ecs", "DescribeServices", &[ECS_SERVICE_READ]);
const LIST_SERVICES: Operation = Operation::read("ecs", "ListServices", &[ECS_SERVICE_READ]);
const LIST_CLUSTERS: Operation = Operation::read("ecs", "ListClusters", &[ECS_CLUSTER_READ]);
const CREATE: Operation = Operation::write("ecs", "CreateService", &[ECS_SERVICE_MODIFY]);
const UPDATE: Operation = Operation::write("ecs", "UpdateService", &[ECS_SERVICE_MODIFY]);
const DELETE: Operation = Operation::write("ecs", "DeleteService", &[ECS_SERVICE_MODIFY]);

/// AWS: DescribeServices takes up to ten.
const DESCRIBE_MAX: usize = 10;

impl Kind for EcsService {
    type Spec = EcsServiceSpec;
    const TABLE: &'static KindTable = &TABLE;
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: EcsService
metadata: { name: great-service }
spec:
  cluster: main
  taskDefinition: great-task:1
  desiredCount: 1
  launchType: FARGATE
  networkConfiguration:
    awsvpcConfiguration:
      subnetSelector: { tags: { Tier: private } }
      securityGroupSelector: { tags: { Name: great-sg } }
  serviceRegistries:
    - { discoveryServiceRef: great-service-discovery, port: 80 }
";
    const REQUESTS: Requests = ("ecs/2014-11-13", &["CreateServiceRequest", "UpdateServiceRequest"]);
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("tags", "`metadata.labels` become tags, beside the owner mark"),
        ("clientToken", "the name is unique in its cluster: a repeated create needs no token"),
        ("service", "the name, as UpdateService calls it"),
        ("forceNewDeployment", "an order and no state"),
    ];
    const OPERATIONS: &'static [Operation] =
        &[DESCRIBE, LIST_SERVICES, LIST_CLUSTERS, CREATE, UPDATE, DELETE, tags::ECS_TAG, tags::ECS_UNTAG];
    const LISTS_BY_NAME: bool = true;
    const LIMITS: Option<Limits> = Some((LIMITS, "CreateServiceRequest"));

    fn adapt(members: &mut Members) {
        let cluster = members.get("cluster").and_then(serde_json::Value::as_str).unwrap_or("default");
        let name = cluster.rsplit_once("cluster/").map_or(cluster, |(_, name)| name).to_owned();
        members.insert("cluster".to_owned(), name.into());
    }

    fn check(members: &Members) -> Vec<Problem> {
        let mut found = Vec::new();
        let text = |name: &str| members.get(name).and_then(serde_json::Value::as_str);
        let name = text("serviceName").unwrap_or_default();
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(1..=255).contains(&name.len()) || !name.chars().all(legal) {
            let message = format!("expected 1 to 255 letters, digits, `-` and `_`, got `{name}`");
            found.push(Problem::new("serviceName", message, ""));
        }
        if text("taskDefinition").is_none() {
            found.push(Problem::new("taskDefinition", "`taskDefinition` is missing", "`family` or `family:revision`"));
        }
        let registries = members.get("serviceRegistries").and_then(serde_json::Value::as_array);
        let registries = registries.map(Vec::as_slice).unwrap_or_default();
        if registries.len() > 1 {
            found.push(Problem::new("serviceRegistries", format!("expected one at most, got {}", registries.len()), ""));
        }
        for (index, registry) in registries.iter().enumerate() {
            let at = |member: &str| format!("serviceRegistries[{index}].{member}");
            if registry.get("registryArn").is_none() {
                let message = "`discoveryServiceRef` or `registryArn` is missing";
                found.push(Problem::new(at("registryArn"), message, ""));
            }
            if registry.get("port").is_some() && registry.get("containerPort").is_some() {
                let message = "expected `port`, or `containerName` and `containerPort`, not both";
                found.push(Problem::new(at("port"), message, ""));
            }
        }
        if members.get("desiredCount").and_then(serde_json::Value::as_i64).is_some_and(|count| count < 0) {
            found.push(Problem::new("desiredCount", "expected 0 or more tasks", ""));
        }
        found
    }

    async fn list(aws: &Aws, scope: &str, interest: &Interest) -> Result<Vec<Object>, CallError> {
        let names: Vec<String> = interest.names.iter().cloned().collect();
        let mut objects = Vec::new();
        for chunk in names.chunks(DESCRIBE_MAX) {
            let call = aws
                .ecs
                .describe_services()
                .cluster(scope)
                .set_services(Some(chunk.to_vec()))
                .include(ServiceField::Tags)
                .send();
            let answer = aws.call(&DESCRIBE, call).await?;
            for failure in answer.failures.unwrap_or_default() {
                let reason = failure.reason.unwrap_or_default();
                if reason != "MISSING" {
                    let arn = failure.arn.unwrap_or_default();
                    return Err(CallError::nonsense(&DESCRIBE, format!("{arn} could not be described: {reason}")));
                }
            }
            for service in answer.services.unwrap_or_default() {
                // INACTIVE is gone; it only has not been forgotten yet.
                if service.status.as_deref() != Some("INACTIVE") {
                    objects.push(observe(scope, &service)?);
                }
            }
        }
        Ok(objects)
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: EcsServiceSpec = spec(&CREATE, &creation.members)?;
        let call = aws
            .ecs
            .create_service()
            .cluster(&creation.scope)
            .set_service_name(want.service_name.clone())
            .set_task_definition(want.task_definition.clone())
            .set_desired_count(want.desired_count)
            .set_launch_type(want.launch_type.as_deref().map(LaunchType::from))
            .set_platform_version(want.platform_version.clone())
            .set_network_configuration(network(&CREATE, &want)?)
            .set_service_registries(registries(&CREATE, &want)?)
            .set_health_check_grace_period_seconds(want.health_check_grace_period_seconds)
            .set_enable_execute_command(want.enable_execute_command)
            .set_enable_ecs_managed_tags(want.enable_ecs_managed_tags)
            .set_propagate_tags(want.propagate_tags.as_deref().map(PropagateTags::from))
            .set_tags(Some(tags::ecs_tags(&creation.tags)))
            .send();
        let answer = aws.call(&CREATE, call).await?;
        let Some(mut service) = answer.service else {
            return Err(CallError::nonsense(&CREATE, "no service in the answer"));
        };
        service.tags = Some(tags::ecs_tags(&creation.tags));
        Ok(Answer::object(observe(&creation.scope, &service)?))
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let want: EcsServiceSpec = spec(&UPDATE, &change.after)?;
        let mut call = aws.ecs.update_service().cluster(&change.target.scope).service(&change.target.id);
        if change.touches("taskDefinition") {
            call = call.set_task_definition(want.task_definition.clone());
        }
        if change.touches("desiredCount") {
            call = call.set_desired_count(want.desired_count);
        }
        if change.touches("platformVersion") {
            call = call.set_platform_version(want.platform_version.clone());
        }
        if change.touches("networkConfiguration.awsvpcConfiguration") {
            call = call.set_network_configuration(network(&UPDATE, &want)?);
        }
        if change.touches("serviceRegistries") {
            // Only an empty list clears.
            call = call.set_service_registries(Some(registries(&UPDATE, &want)?.unwrap_or_default()));
        }
        if change.touches("healthCheckGracePeriodSeconds") {
            call = call.set_health_check_grace_period_seconds(want.health_check_grace_period_seconds);
        }
        if change.touches("enableExecuteCommand") {
            call = call.enable_execute_command(want.enable_execute_command.unwrap_or(false));
        }
        if change.touches("enableECSManagedTags") {
            call = call.enable_ecs_managed_tags(want.enable_ecs_managed_tags.unwrap_or(false));
        }
        if change.touches("propagateTags") {
            call = call.propagate_tags(PropagateTags::from(want.propagate_tags.as_deref().unwrap_or("NONE")));
        }
        let answer = aws.call(&UPDATE, call.send()).await?;
        let Some(service) = answer.service else {
            return Err(CallError::nonsense(&UPDATE, "no service in the answer"));
        };
        // The answer shows a rollout that begins, and no tags.
        let shown = observe(&change.target.scope, &service)?;
        let (mark, tags) = marked(None);
        Ok(Answer::object(Object { mark, tags, ..shown }))
    }

    async fn tag(aws: &Aws, target: &Target, change: &TagChange) -> Result<Answer, CallError> {
        tags::change_ecs_tags(aws, target, change).await
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        // Never forced: AWS refuses while tasks are wanted.
        let result = aws.call(&DELETE, aws.ecs.delete_service().cluster(&target.scope).service(&target.id).send()).await;
        deleted(result, Answer::Done)
    }

    async fn discover(aws: &Aws) -> Result<BTreeMap<String, BTreeSet<String>>, CallError> {
        let clusters = pages(&LIST_CLUSTERS, async |token| {
            let page = aws.call(&LIST_CLUSTERS, aws.ecs.list_clusters().set_next_token(token).send()).await?;
            Ok((page.cluster_arns.unwrap_or_default(), page.next_token))
        })
        .await?;
        let mut found = BTreeMap::new();
        for arn in clusters {
            let cluster = arn.rsplit_once("cluster/").map_or(arn.as_str(), |(_, name)| name).to_owned();
            let services = pages(&LIST_SERVICES, async |token| {
                let call = aws.ecs.list_services().cluster(&cluster).max_results(100).set_next_token(token).send();
                let page = aws.call(&LIST_SERVICES, call).await?;
                Ok((page.service_arns.unwrap_or_default(), page.next_token))
            })
            .await?;
            let names = services.iter().filter_map(|arn| arn.rsplit('/').next()).map(str::to_owned).collect();
            found.insert(cluster, names);
        }
        Ok(found)
    }
}

fn network(
    operation: &Operation,
    want: &EcsServiceSpec,
) -> Result<Option<aws_sdk_ecs::types::NetworkConfiguration>, CallError> {
    want.network_configuration
        .as_ref()
        .map(NetworkConfiguration::to_sdk)
        .transpose()
        .map_err(|error| CallError::unbuildable(operation, error.to_string()))
}

fn registries(
    operation: &Operation,
    want: &EcsServiceSpec,
) -> Result<Option<Vec<aws_sdk_ecs::types::ServiceRegistry>>, CallError> {
    want.service_registries
        .as_ref()
        .map(|registries| registries.iter().map(ServiceRegistry::to_sdk).collect())
        .transpose()
        .map_err(|error: aws_sdk_ecs::error::BuildError| CallError::unbuildable(operation, error.to_string()))
}

pub(super) fn observe(scope: &str, service: &Service) -> Result<Object, CallError> {
    let Some(name) = service.service_name.clone() else {
        return Err(CallError::nonsense(&DESCRIBE, "a service without a name"));
    };
    let tags = service.tags.iter().flatten();
    let tags = tags.filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()))).collect();
    let (mark, tags) = marked(Some(tags));
    let registries: Vec<ServiceRegistry> =
        service.service_registries.iter().flatten().map(ServiceRegistry::from_sdk).collect();
    let mut uses: BTreeSet<String> = registries.iter().filter_map(|registry| registry.registry_arn.clone()).collect();
    uses.insert(scope.to_owned());
    let shown = EcsServiceSpec {
        cluster: None, // the scope
        service_name: Some(name.clone()),
        task_definition: service.task_definition.as_deref().map(|definition| short(definition).to_owned()),
        desired_count: Some(service.desired_count),
        launch_type: service.launch_type.as_ref().map(|kind| kind.as_str().to_owned()),
        platform_version: service.platform_version.clone(),
        network_configuration: service.network_configuration.as_ref().map(NetworkConfiguration::from_sdk),
        service_registries: Some(registries),
        health_check_grace_period_seconds: service.health_check_grace_period_seconds,
        enable_execute_command: Some(service.enable_execute_command),
        enable_ecs_managed_tags: Some(service.enable_ecs_managed_tags),
        propagate_tags: service.propagate_tags.as_ref().map(|from| from.as_str().to_owned()),
    };
    let life = match service.status.as_deref() {
        Some("DRAINING") => Life::Leaving { holds_name: true },
        _ => Life::Live,
    };
    let mut outputs = BTreeMap::from([("id".to_owned(), name.clone())]);
    outputs.insert("runningCount".to_owned(), service.running_count.to_string());
    outputs.extend(service.service_arn.clone().map(|arn| ("arn".to_owned(), arn)));
    Ok(Object {
        id: name.clone(),
        scope: scope.to_owned(),
        arn: service.service_arn.clone(),
        natural_key: name,
        mark,
        tags,
        life,
        readiness: rollout(service),
        created_at_ms: service.created_at.and_then(|date| date.to_millis().ok()),
        uses,
        members: normalise(&TABLE, members(&shown)),
        outputs,
    })
}

/// Ready: exactly one deployment, completed, and as many tasks as are wanted (AWS: ServicesStable).
fn rollout(service: &Service) -> Readiness {
    let (running, wanted) = (service.running_count, service.desired_count);
    let deployments = service.deployments.as_deref().unwrap_or_default();
    let primary = deployments.iter().find(|deployment| deployment.status.as_deref() == Some("PRIMARY"));
    let state = primary.and_then(|deployment| deployment.rollout_state.as_ref());
    let said = primary.and_then(|deployment| deployment.rollout_state_reason.clone()).unwrap_or_default();
    match state {
        Some(DeploymentRolloutState::Failed) => Readiness::NotReady(Cause::new("RolloutFailed", said)),
        Some(DeploymentRolloutState::InProgress) => {
            Readiness::Settling(Cause::new("RolloutInProgress", format!("{running} of {wanted} tasks run; {said}")))
        }
        _ if deployments.len() > 1 => {
            Readiness::Settling(Cause::new("RolloutInProgress", "an earlier deployment still has tasks"))
        }
        _ if running != wanted => {
            Readiness::Settling(Cause::new("TasksMissing", format!("{running} of {wanted} tasks run")))
        }
        _ => Readiness::Ready,
    }
}
