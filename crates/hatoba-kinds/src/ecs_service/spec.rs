use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::generated::ecs::{NetworkConfiguration, ServiceRegistry};

/// An Amazon ECS service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EcsServiceSpec {
    /// The cluster by name or ARN; `default` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<String>,
    /// AWS's name, 1 to 255 letters, digits, `-` and `_`; `metadata.name` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service_name: Option<String>,
    /// `family:revision` is enforced; with a bare family any revision of it is in sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) task_definition: Option<String>,
    /// How many tasks; if left out 1 at creation, and not ours afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) desired_count: Option<i32>,
    /// `FARGATE`, `EC2`, `EXTERNAL` or `MANAGED_INSTANCES`; not ours if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) launch_type: Option<String>,
    /// For example `1.4.0`; not ours if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform_version: Option<String>,
    /// Subnets and security groups of the tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) network_configuration: Option<NetworkConfiguration>,
    /// The Cloud Map service in which the tasks are entered: one at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service_registries: Option<Vec<ServiceRegistry>>,
    /// Seconds during which failing health checks are ignored after a task started; not ours if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) health_check_grace_period_seconds: Option<i32>,
    /// Whether `aws ecs execute-command` works; false if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) enable_execute_command: Option<bool>,
    /// Whether ECS tags the tasks with cluster and service; false if left out.
    #[serde(default, rename = "enableECSManagedTags", skip_serializing_if = "Option::is_none")]
    pub(crate) enable_ecs_managed_tags: Option<bool>,
    /// `NONE` (if left out), `SERVICE` or `TASK_DEFINITION`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) propagate_tags: Option<String>,
}
