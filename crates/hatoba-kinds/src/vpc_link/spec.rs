use hatoba_shapes::Selector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A VPC link (v2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VpcLinkSpec {
    /// AWS's name, 1 to 128 characters; `metadata.name` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Ours: the VPC in which the selectors here look; in any VPC if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_id: Option<String>,
    /// The only VPC that carries these tags, in place of `vpcId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_selector: Option<Selector>,
    /// The subnets, at most 10 (AWS quota).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subnet_ids: Option<Vec<String>>,
    /// All subnets that carry these tags, in place of `subnetIds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subnet_selector: Option<Selector>,
    /// The security groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) security_group_ids: Option<Vec<String>>,
    /// All security groups that carry these tags, in place of `securityGroupIds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) security_group_selector: Option<Selector>,
}
