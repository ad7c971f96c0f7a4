use std::collections::BTreeMap;

use hatoba_shapes::servicediscovery::{DnsConfig, HealthCheckConfig, HealthCheckCustomConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Cloud Map service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DiscoveryServiceSpec {
    /// The PrivateDnsNamespace document, or the HttpNamespace of that name; `Kind/name` where there are both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace_ref: Option<String>,
    /// The namespace's id or ARN, in place of `namespaceRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace_id: Option<String>,
    /// AWS's name, 1 to 127 characters; `metadata.name` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// At most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// `HTTP`: found by API alone, also in a DNS namespace; not ours if left out.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    /// The DNS records of its instances; none in an HTTP namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dns_config: Option<DnsConfig>,
    /// Route 53's own health check: in HTTP namespaces only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) health_check_config: Option<HealthCheckConfig>,
    /// Health as ECS reports it. Without it, dead tasks are served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) health_check_custom_config: Option<HealthCheckCustomConfig>,
    /// Service attributes, at most 30; not ours if left out, `{}` removes them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attributes: Option<BTreeMap<String, String>>,
}
