use hatoba_shapes::ecs::{CapacityProviderStrategyItem, ClusterConfiguration, ClusterSetting};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An Amazon ECS cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EcsClusterSpec {
    /// AWS's name, 1 to 255 letters, digits, `-` and `_`; `metadata.name` if left out. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_name: Option<String>,
    /// `containerInsights`: only what is stated is compared; else the account's setting decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) settings: Option<Vec<ClusterSetting>>,
    /// How `execute-command` logs (AWS's default if left out), and the keys of managed storage (not ours if left out).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) configuration: Option<ClusterConfiguration>,
    /// Capacity providers, all of them; not ours if left out, `[]` detaches all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) capacity_providers: Option<Vec<String>>,
    /// The strategy of services that state neither launch type nor strategy; not ours if left out, `[]` is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default_capacity_provider_strategy: Option<Vec<CapacityProviderStrategyItem>>,
    /// The namespace of services that turn Service Connect on without naming one; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service_connect_defaults: Option<ServiceConnectDefaults>,
}

/// Defaults of Service Connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ServiceConnectDefaults {
    /// A Cloud Map namespace by name or ARN. AWS makes an HTTP namespace of a name that does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
}
