use hatoba_shapes::apigatewayv2::Cors;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An HTTP API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HttpApiSpec {
    /// AWS's name, 1 to 128 characters; `metadata.name` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// At most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// A version label, 1 to 64 characters. AWS has no way to remove one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// Cross-origin resource sharing; left out means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cors_configuration: Option<Cors>,
    /// Whether the default `execute-api` address is switched off; false if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) disable_execute_api_endpoint: Option<bool>,
    /// `ipv4` (if left out) or `dualstack`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ip_address_type: Option<String>,
    /// Always `$request.method $request.path`; it need not be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) route_selection_expression: Option<String>,
}
