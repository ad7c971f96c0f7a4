use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A stage of an HTTP API under a custom domain name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ApiMappingSpec {
    /// The DomainName document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) domain_name_ref: Option<String>,
    /// The domain name, in place of `domainNameRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) domain_name: Option<String>,
    /// The HttpApi document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_ref: Option<String>,
    /// Filled from `apiRef`, and not taken in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_id: Option<String>,
    /// The Stage document, of the same API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stage_ref: Option<String>,
    /// The stage's name, in place of `stageRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stage: Option<String>,
    /// The path in front, at most 300 characters, without `/` at its ends; left out or empty it is all that no other
    /// mapping takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_mapping_key: Option<String>,
}
