use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A route of an HTTP API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RouteSpec {
    /// The HttpApi document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_ref: Option<String>,
    /// Filled from `apiRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub(crate) api_id: Option<String>,
    /// `$default`, `METHOD /path` or `ANY /path`.
    pub(crate) route_key: Option<String>,
    /// The Integration document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integration_ref: Option<String>,
    /// `integrations/<id>`, in place of `integrationRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    /// `NONE` (if left out) or `AWS_IAM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorization_type: Option<String>,
    /// A name for the operation, 1 to 64 characters. AWS has no way to remove one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation_name: Option<String>,
}
