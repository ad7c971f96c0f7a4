use hatoba_shapes::ecs::{
    CapacityProviderStrategyItem, DeploymentConfiguration, DeploymentController, LoadBalancer, NetworkConfiguration,
    PlacementConstraint, PlacementStrategy, ServiceConnectConfiguration, ServiceRegistry, ServiceVolumeConfiguration,
    VpcLatticeConfiguration,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An Amazon ECS service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EcsServiceSpec {
    /// The cluster by name or ARN; `default` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<String>,
    /// Names an `EcsCluster` document; fills `cluster`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_ref: Option<String>,
    /// AWS's name, 1 to 255 letters, digits, `-` and `_`; `metadata.name` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service_name: Option<String>,
    /// The EcsTaskDefinition document: the service moves to each new revision of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) task_definition_ref: Option<String>,
    /// `family:revision` is enforced; with a bare family any revision of it is in sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) task_definition: Option<String>,
    /// `ENABLED` or `DISABLED`; not ours if left out: AWS enables it at creation where it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) availability_zone_rebalancing: Option<String>,
    /// Target groups in which the tasks are entered; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) load_balancers: Option<Vec<LoadBalancer>>,
    /// The Cloud Map service in which the tasks are entered: one at most; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service_registries: Option<Vec<ServiceRegistry>>,
    /// How many tasks; if left out 1 at creation, and not ours afterwards. Not for `DAEMON`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) desired_count: Option<i32>,
    /// `FARGATE`, `EC2`, `EXTERNAL` or `MANAGED_INSTANCES`; not ours if left out. Not beside `capacityProviderStrategy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) launch_type: Option<String>,
    /// Capacity providers with weight and base; not ours if left out, `[]` returns to the launch type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) capacity_provider_strategy: Option<Vec<CapacityProviderStrategyItem>>,
    /// For example `1.4.0`; not ours if left out, `LATEST` if `null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform_version: Option<String>,
    /// The IAM role, by name or ARN, with which ECS calls a load balancer; not ours if left out. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    /// How a rollout goes: percentages, circuit breaker, alarms, strategy, hooks. AWS's defaults if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deployment_configuration: Option<DeploymentConfiguration>,
    /// Where tasks may stand (EC2): 10 at most; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) placement_constraints: Option<Vec<PlacementConstraint>>,
    /// How tasks are spread (EC2), in order: 5 at most; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) placement_strategy: Option<Vec<PlacementStrategy>>,
    /// Subnets and security groups of the tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) network_configuration: Option<NetworkConfiguration>,
    /// Seconds during which failing health checks are ignored after a task started; 0 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) health_check_grace_period_seconds: Option<i32>,
    /// `REPLICA` (if left out) or `DAEMON`. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scheduling_strategy: Option<String>,
    /// Who rolls out: `type` `ECS` (if left out), `CODE_DEPLOY` or `EXTERNAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deployment_controller: Option<DeploymentController>,
    /// Whether ECS tags the tasks with cluster and service; false if left out.
    #[serde(default, rename = "enableECSManagedTags", skip_serializing_if = "Option::is_none")]
    pub(crate) enable_ecs_managed_tags: Option<bool>,
    /// `NONE` (if left out), `SERVICE` or `TASK_DEFINITION`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) propagate_tags: Option<String>,
    /// Whether `aws ecs execute-command` works; false if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) enable_execute_command: Option<bool>,
    /// Service Connect; off if left out. AWS shows it in the PRIMARY deployment only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service_connect_configuration: Option<ServiceConnectConfiguration>,
    /// EBS volumes that ECS makes for the tasks; none if left out. AWS shows them in the PRIMARY deployment only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) volume_configurations: Option<Vec<ServiceVolumeConfiguration>>,
    /// VPC Lattice target groups; none if left out. AWS shows them in the PRIMARY deployment only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_lattice_configurations: Option<Vec<VpcLatticeConfiguration>>,
}
