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
    /// The Integration document. A route without one answers every request with an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integration_ref: Option<String>,
    /// `integrations/<id>`, in place of `integrationRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    /// `NONE` (if left out), `AWS_IAM`, `JWT`, or `CUSTOM` for a Lambda authorizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorization_type: Option<String>,
    /// The Authorizer document, of the same API; with `JWT` and `CUSTOM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorizer_ref: Option<String>,
    /// The authorizer's id, in place of `authorizerRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorizer_id: Option<String>,
    /// At most 10, one of which a token must have; only with `JWT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorization_scopes: Option<Vec<String>>,
    /// A name for the operation, 1 to 64 characters. AWS has no way to remove one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation_name: Option<String>,
}
