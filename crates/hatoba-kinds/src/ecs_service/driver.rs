use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::error::BuildError;
use aws_sdk_ecs::types::{self, Deployment, DeploymentRolloutState, SchedulingStrategy, Service, ServiceField};
use hatoba_core::{
    Cause, Change, Creation, Hop, KindTable, Life, Members, Object, Readiness, TagChange, Target, normalise,
};
use hatoba_shapes::ecs::{
    CapacityProviderStrategyItem, DeploymentConfiguration, DeploymentController, LIMITS, LoadBalancer,
    NetworkConfiguration, PlacementConstraint, PlacementStrategy, ServiceConnectConfiguration, ServiceRegistry,
    ServiceVolumeConfiguration, VpcLatticeConfiguration,
};

use super::check::{adapt, check};
use super::compare::{with_alarm_list, short, to_send};
use super::fields::{HOP, RUNNING, TABLE};
use super::spec::EcsServiceSpec;
use super::{EcsService, rollout};
use crate::aws::Aws;
use crate::error::{CallError, Disposition};
use crate::kind::{Answer, GivenUp, Interest, Kind, Limits, Problem, Requests, deleted, marked, members, pages, spec};
use crate::quota::{ECS_CLUSTER_READ, ECS_SERVICE_MODIFY, ECS_SERVICE_READ, Operation};
use crate::tags;
use crate::terraform::Terraform;

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
    const HOP: Option<&'static Hop> = Some(&HOP);
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
    const TERRAFORM: Terraform = Terraform {
        scope: &["cluster"],
        members: &[
            ("name", "serviceName"),
            ("iam_role", "role"),
            ("load_balancer", "loadBalancers"),
            ("ordered_placement_strategy", "placementStrategy"),
            ("enable_ecs_managed_tags", "enableECSManagedTags"),
            ("deployment_maximum_percent", "deploymentConfiguration"),
            ("deployment_minimum_healthy_percent", "deploymentConfiguration"),
            ("deployment_circuit_breaker", "deploymentConfiguration"),
            ("alarms", "deploymentConfiguration"),
            ("volume_configuration", "volumeConfigurations"),
        ],
        ..Terraform::of("aws_ecs_service", "name")
    };
    const MOVED: &'static [&'static str] = &["desiredCount"];
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("tags", "`metadata.labels` become tags, beside the owner mark"),
        ("clientToken", "the name is unique in its cluster: a repeated create needs no token"),
        ("service", "the name, as UpdateService calls it"),
        ("forceNewDeployment", "an order and no state"),
        ("gatewayConnectors", "DescribeServices does not show it: a difference would never be seen"),
        ("monitoring", "DescribeServices does not show it: a difference would never be seen"),
    ];
    const OPERATIONS: &'static [Operation] =
        &[
            DESCRIBE,
            LIST_SERVICES,
            LIST_CLUSTERS,
            CREATE,
            UPDATE,
            DELETE,
            tags::ECS_TAG,
            tags::ECS_UNTAG,
            rollout::LIST_DEPLOYMENTS,
            rollout::DESCRIBE_DEPLOYMENTS,
            rollout::DESCRIBE_REVISIONS,
            rollout::LIST_TASKS,
            rollout::DESCRIBE_TASKS,
        ];
    const LISTS_BY_NAME: bool = true;
    const LIMITS: Option<Limits> = Some((LIMITS, "CreateServiceRequest"));

    fn adapt(members: &mut Members) {
        adapt(members);
    }

    fn check(members: &Members) -> Vec<Problem> {
        check(members)
    }

    fn retell(members: &mut Members) {
        // The service-linked role is what ECS takes by itself; whoever states a role states another.
        let role = members.get("role").and_then(serde_json::Value::as_str);
        if role.is_some_and(|role| role.ends_with("/AWSServiceRoleForECS")) {
            members.remove("role");
        }
        // As it is made where it can be.
        if members.get("availabilityZoneRebalancing").is_some_and(|rebalancing| rebalancing == "ENABLED") {
            members.remove("availabilityZoneRebalancing");
        }
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
            let answer = match aws.call(&DESCRIBE, call).await {
                // A cluster that is gone holds nothing.
                Err(error) if error.disposition == Disposition::Gone => return Ok(Vec::new()),
                answer => answer?,
            };
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
                    let mut object = observe(scope, &service)?;
                    rollout::explain(aws, &service, &mut object).await?;
                    objects.push(object);
                }
            }
        }
        Ok(objects)
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: EcsServiceSpec = spec(&CREATE, &with_alarm_list(creation.members.clone()))?;
        let nested = Nested::of(&CREATE, &want)?;
        let call = aws
            .ecs
            .create_service()
            .cluster(&creation.scope)
            .set_service_name(want.service_name)
            .set_task_definition(want.task_definition)
            .set_availability_zone_rebalancing(want.availability_zone_rebalancing.as_deref().map(Into::into))
            .set_load_balancers(nested.load_balancers)
            .set_service_registries(nested.service_registries)
            .set_desired_count(want.desired_count)
            .set_launch_type(want.launch_type.as_deref().map(Into::into))
            .set_capacity_provider_strategy(nested.capacity_provider_strategy.filter(|items| !items.is_empty()))
            .set_platform_version(want.platform_version)
            .set_role(want.role)
            .set_deployment_configuration(nested.deployment_configuration)
            .set_placement_constraints(nested.placement_constraints)
            .set_placement_strategy(nested.placement_strategy)
            .set_network_configuration(nested.network_configuration)
            .set_health_check_grace_period_seconds(want.health_check_grace_period_seconds)
            .set_scheduling_strategy(want.scheduling_strategy.as_deref().map(Into::into))
            .set_deployment_controller(nested.deployment_controller)
            .set_enable_ecs_managed_tags(want.enable_ecs_managed_tags)
            .set_propagate_tags(want.propagate_tags.as_deref().map(Into::into))
            .set_enable_execute_command(want.enable_execute_command)
            .set_service_connect_configuration(nested.service_connect_configuration)
            .set_volume_configurations(nested.volume_configurations)
            .set_vpc_lattice_configurations(nested.vpc_lattice_configurations)
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
        // Only what differs: what is not set is not sent, and stays as it is.
        let want: EcsServiceSpec = spec(&UPDATE, &to_send(change))?;
        let nested = Nested::of(&UPDATE, &want)?;
        let call = aws
            .ecs
            .update_service()
            .cluster(&change.target.scope)
            .service(&change.target.id)
            .set_task_definition(want.task_definition)
            .set_availability_zone_rebalancing(want.availability_zone_rebalancing.as_deref().map(Into::into))
            .set_load_balancers(nested.load_balancers)
            .set_service_registries(nested.service_registries)
            .set_desired_count(want.desired_count)
            .set_capacity_provider_strategy(nested.capacity_provider_strategy)
            .set_platform_version(want.platform_version)
            .set_deployment_configuration(nested.deployment_configuration)
            .set_placement_constraints(nested.placement_constraints)
            .set_placement_strategy(nested.placement_strategy)
            .set_network_configuration(nested.network_configuration)
            .set_health_check_grace_period_seconds(want.health_check_grace_period_seconds)
            .set_deployment_controller(nested.deployment_controller)
            .set_enable_ecs_managed_tags(want.enable_ecs_managed_tags)
            .set_propagate_tags(want.propagate_tags.as_deref().map(Into::into))
            .set_enable_execute_command(want.enable_execute_command)
            .set_service_connect_configuration(nested.service_connect_configuration)
            .set_volume_configurations(nested.volume_configurations)
            .set_vpc_lattice_configurations(nested.vpc_lattice_configurations)
            .send();
        let answer = aws.call(&UPDATE, call).await?;
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

    async fn given_up(aws: &Aws, change: &Change) -> Result<Option<GivenUp>, CallError> {
        rollout::given_up(aws, change).await
    }

    async fn refresh(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        let call = aws.ecs.update_service().cluster(&target.scope).service(&target.id).force_new_deployment(true);
        let answer = aws.call(&UPDATE, call.send()).await?;
        let Some(service) = answer.service else {
            return Err(CallError::nonsense(&UPDATE, "no service in the answer"));
        };
        let shown = observe(&target.scope, &service)?;
        let (mark, tags) = marked(None);
        Ok(Answer::object(Object { mark, tags, ..shown }))
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

/// The structures of a service in the SDK's types.
struct Nested {
    load_balancers: Option<Vec<types::LoadBalancer>>,
    service_registries: Option<Vec<types::ServiceRegistry>>,
    capacity_provider_strategy: Option<Vec<types::CapacityProviderStrategyItem>>,
    deployment_configuration: Option<types::DeploymentConfiguration>,
    placement_constraints: Option<Vec<types::PlacementConstraint>>,
    placement_strategy: Option<Vec<types::PlacementStrategy>>,
    network_configuration: Option<types::NetworkConfiguration>,
    deployment_controller: Option<types::DeploymentController>,
    service_connect_configuration: Option<types::ServiceConnectConfiguration>,
    volume_configurations: Option<Vec<types::ServiceVolumeConfiguration>>,
    vpc_lattice_configurations: Option<Vec<types::VpcLatticeConfiguration>>,
}

impl Nested {
    fn of(operation: &Operation, want: &EcsServiceSpec) -> Result<Self, CallError> {
        Self::built(want).map_err(|error| CallError::unbuildable(operation, error.to_string()))
    }

    fn built(want: &EcsServiceSpec) -> Result<Self, BuildError> {
        Ok(Nested {
            load_balancers: each(want.load_balancers.as_ref(), LoadBalancer::to_sdk)?,
            service_registries: each(want.service_registries.as_ref(), ServiceRegistry::to_sdk)?,
            capacity_provider_strategy: each(
                want.capacity_provider_strategy.as_ref(),
                CapacityProviderStrategyItem::to_sdk,
            )?,
            deployment_configuration: one(want.deployment_configuration.as_ref(), DeploymentConfiguration::to_sdk)?,
            placement_constraints: each(want.placement_constraints.as_ref(), PlacementConstraint::to_sdk)?,
            placement_strategy: each(want.placement_strategy.as_ref(), PlacementStrategy::to_sdk)?,
            network_configuration: one(want.network_configuration.as_ref(), NetworkConfiguration::to_sdk)?,
            deployment_controller: one(want.deployment_controller.as_ref(), DeploymentController::to_sdk)?,
            service_connect_configuration: one(
                want.service_connect_configuration.as_ref(),
                ServiceConnectConfiguration::to_sdk,
            )?,
            volume_configurations: each(want.volume_configurations.as_ref(), ServiceVolumeConfiguration::to_sdk)?,
            vpc_lattice_configurations: each(
                want.vpc_lattice_configurations.as_ref(),
                VpcLatticeConfiguration::to_sdk,
            )?,
        })
    }
}

fn one<T, S>(ours: Option<&T>, to_sdk: fn(&T) -> Result<S, BuildError>) -> Result<Option<S>, BuildError> {
    ours.map(to_sdk).transpose()
}

fn each<T, S>(ours: Option<&Vec<T>>, to_sdk: fn(&T) -> Result<S, BuildError>) -> Result<Option<Vec<S>>, BuildError> {
    ours.map(|items| items.iter().map(to_sdk).collect()).transpose()
}

/// What AWS gave back; a list without items is none.
fn read<T, S>(sdk: Option<&Vec<S>>, from_sdk: fn(&S) -> T) -> Option<Vec<T>> {
    sdk.filter(|items| !items.is_empty()).map(|items| items.iter().map(from_sdk).collect())
}

pub(super) fn observe(scope: &str, service: &Service) -> Result<Object, CallError> {
    let Some(name) = service.service_name.clone() else {
        return Err(CallError::nonsense(&DESCRIBE, "a service without a name"));
    };
    let tags = service.tags.iter().flatten();
    let tags = tags.filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()))).collect();
    let (mark, tags) = marked(Some(tags));
    let shown = shown(service);
    let registries = shown.service_registries.iter().flatten();
    let mut uses: BTreeSet<String> = registries.filter_map(|registry| registry.registry_arn.clone()).collect();
    // Revisions that earlier deployments still run are in use too.
    let deployments = service.deployments.iter().flatten();
    uses.extend(deployments.filter_map(|deployment| deployment.task_definition.clone()));
    uses.extend(service.task_definition.clone());
    uses.insert(scope.to_owned());
    uses.extend(rollout::definitions(service));
    let life = match service.status.as_deref() {
        Some("DRAINING") => Life::Leaving { holds_name: true },
        _ => Life::Live,
    };
    let mut outputs = BTreeMap::from([("id".to_owned(), name.clone())]);
    outputs.insert(RUNNING.to_owned(), service.running_count.to_string());
    outputs.extend(service.service_arn.clone().map(|arn| ("arn".to_owned(), arn)));
    outputs.extend(deployed_at(service).map(|at| ("deployedAt".to_owned(), at)));
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

/// The members of a service as documents state them. Three of them AWS shows in the PRIMARY deployment only.
fn shown(service: &Service) -> EcsServiceSpec {
    let primary = primary(service);
    let is_daemon = service.scheduling_strategy == Some(SchedulingStrategy::Daemon);
    EcsServiceSpec {
        cluster: None, // the scope
        cluster_ref: None,
        service_name: service.service_name.clone(),
        task_definition: service.task_definition.as_deref().map(|definition| short(definition).to_owned()),
        task_definition_ref: None,
        availability_zone_rebalancing: service.availability_zone_rebalancing.as_ref().map(|v| v.as_str().to_owned()),
        load_balancers: read(service.load_balancers.as_ref(), LoadBalancer::from_sdk),
        service_registries: read(service.service_registries.as_ref(), ServiceRegistry::from_sdk),
        // As many as there are instances: nobody's wish.
        desired_count: (!is_daemon).then_some(service.desired_count),
        launch_type: service.launch_type.as_ref().map(|kind| kind.as_str().to_owned()),
        capacity_provider_strategy: read(
            service.capacity_provider_strategy.as_ref(),
            CapacityProviderStrategyItem::from_sdk,
        ),
        platform_version: service.platform_version.clone(),
        role: service.role_arn.clone(),
        deployment_configuration: service.deployment_configuration.as_ref().map(DeploymentConfiguration::from_sdk),
        placement_constraints: read(service.placement_constraints.as_ref(), PlacementConstraint::from_sdk),
        placement_strategy: read(service.placement_strategy.as_ref(), PlacementStrategy::from_sdk),
        network_configuration: service.network_configuration.as_ref().map(NetworkConfiguration::from_sdk),
        health_check_grace_period_seconds: service.health_check_grace_period_seconds,
        scheduling_strategy: service.scheduling_strategy.as_ref().map(|v| v.as_str().to_owned()),
        deployment_controller: service.deployment_controller.as_ref().map(DeploymentController::from_sdk),
        enable_ecs_managed_tags: Some(service.enable_ecs_managed_tags),
        propagate_tags: service.propagate_tags.as_ref().map(|from| from.as_str().to_owned()),
        enable_execute_command: Some(service.enable_execute_command),
        service_connect_configuration: primary
            .and_then(|primary| primary.service_connect_configuration.as_ref())
            .map(ServiceConnectConfiguration::from_sdk),
        volume_configurations: primary
            .and_then(|primary| read(primary.volume_configurations.as_ref(), ServiceVolumeConfiguration::from_sdk)),
        vpc_lattice_configurations: primary
            .and_then(|primary| read(primary.vpc_lattice_configurations.as_ref(), VpcLatticeConfiguration::from_sdk)),
    }
}

/// The deployment that counts: an earlier one that still has tasks says nothing of the service.
fn primary(service: &Service) -> Option<&Deployment> {
    let deployments = service.deployments.as_deref().unwrap_or_default();
    deployments.iter().find(|deployment| deployment.status.as_deref() == Some("PRIMARY"))
}

/// When the deployment that runs now began: its tasks are no older.
fn deployed_at(service: &Service) -> Option<String> {
    let deployments = service.deployments.as_deref().unwrap_or_default();
    let primary = deployments.iter().find(|deployment| deployment.status.as_deref() == Some("PRIMARY"))?;
    primary.created_at.and_then(|at| at.to_millis().ok()).map(|at| at.to_string())
}

/// Ready: exactly one deployment, completed, and as many tasks as are wanted (AWS: ServicesStable).
fn rollout(service: &Service) -> Readiness {
    let (running, wanted) = (service.running_count, service.desired_count);
    let deployments = service.deployments.as_deref().unwrap_or_default();
    let primary = primary(service);
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
