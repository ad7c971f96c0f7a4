use hatoba_shapes::ecs::{
    ContainerDefinition, EphemeralStorage, ProxyConfiguration, RuntimePlatform,
    TaskDefinitionPlacementConstraint, Volume,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// An Amazon ECS task definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EcsTaskDefinitionSpec {
    /// AWS's name of the series, 1 to 255 letters, digits, `-` and `_`; `metadata.name` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) family: Option<String>,
    /// One to ten containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) container_definitions: Option<Vec<ContainerDefinition>>,
    /// CPU units (`256`) or `"0.25 vCPU"`; needed for Fargate.
    #[schemars(schema_with = "size_schema")]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "size")]
    pub(crate) cpu: Option<String>,
    /// MiB (`512`) or `"0.5 GB"`; needed for Fargate.
    #[schemars(schema_with = "size_schema")]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "size")]
    pub(crate) memory: Option<String>,
    /// `bridge` (AWS's default on Linux), `host`, `awsvpc` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) network_mode: Option<String>,
    /// What AWS checks the definition for: `FARGATE`, `EC2`, `EXTERNAL`, `MANAGED_INSTANCES`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requires_compatibilities: Option<Vec<String>>,
    /// The role of the code in the containers: ARN or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) task_role_arn: Option<String>,
    /// The role with which ECS pulls images and reads secrets: ARN or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) execution_role_arn: Option<String>,
    /// Volumes that containers mount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) volumes: Option<Vec<Volume>>,
    /// On which container instances tasks may stand; not on Fargate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) placement_constraints: Option<Vec<TaskDefinitionPlacementConstraint>>,
    /// `host` or `task`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pid_mode: Option<String>,
    /// `host`, `task` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ipc_mode: Option<String>,
    /// The App Mesh proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proxy_configuration: Option<ProxyConfiguration>,
    /// More than the 20 GiB that a Fargate task has by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ephemeral_storage: Option<EphemeralStorage>,
    /// Processor and operating system; X86_64 and LINUX if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) runtime_platform: Option<RuntimePlatform>,
    /// Whether AWS's fault injection may act on the tasks; false if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) enable_fault_injection: Option<bool>,
}

/// A size as [`size`] reads it.
fn size_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "integer", "null"] })
}

/// AWS takes text; a bare number is what most people write.
fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a string such as \"1 vCPU\", or a whole number")]
    enum Size {
        Text(String),
        Number(u64),
    }
    Ok(Option::<Size>::deserialize(deserializer)?.map(|size| match size {
        Size::Text(text) => text,
        Size::Number(number) => number.to_string(),
    }))
}
