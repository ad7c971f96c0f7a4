use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::generated::servicediscovery::{DnsConfig, HealthCheckCustomConfig};

/// A Cloud Map service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DiscoveryServiceSpec {
    /// The PrivateDnsNamespace document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace_ref: Option<String>,
    /// The namespace's id, in place of `namespaceRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace_id: Option<String>,
    /// AWS's name, 1 to 127 characters; `metadata.name` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// At most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// The DNS records of its instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dns_config: Option<DnsConfig>,
    /// Health as ECS reports it. Without it, dead tasks are served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) health_check_custom_config: Option<HealthCheckCustomConfig>,
}
