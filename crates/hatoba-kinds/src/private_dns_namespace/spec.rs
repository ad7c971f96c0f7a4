use hatoba_shapes::servicediscovery::PrivateDnsNamespaceProperties;
use hatoba_shapes::Selector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A private DNS namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PrivateDnsNamespaceSpec {
    /// The domain, at most 253 characters; `metadata.name` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// The VPC in which it resolves (AWS calls it `vpc`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_id: Option<String>,
    /// The only VPC that carries these tags, in place of `vpcId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_selector: Option<Selector>,
    /// At most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// `dnsProperties: { soa: { ttl } }`: seconds for which resolvers keep "no such name"; not ours if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) properties: Option<PrivateDnsNamespaceProperties>,
}
