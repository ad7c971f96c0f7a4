use std::collections::BTreeMap;

use hatoba_shapes::apigatewayv2::{AccessLogSettings, RouteSettings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A stage of an HTTP API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StageSpec {
    /// The HttpApi document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_ref: Option<String>,
    /// Filled from `apiRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub(crate) api_id: Option<String>,
    /// `$default`, or 1 to 128 letters, digits, `-` and `_`; `metadata.name` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stage_name: Option<String>,
    /// Whether AWS deploys every change by itself; true if left out. With `false` the controller makes a
    /// deployment when routes, integrations or authorizers changed, and moves the stage to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) auto_deploy: Option<bool>,
    /// At most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// Names and values that integrations can use; values of `A-Za-z0-9-._~:/?#&=,`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stage_variables: Option<BTreeMap<String, String>>,
    /// Where and how requests are logged; left out means not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) access_log_settings: Option<AccessLogSettings>,
    /// Throttling and metrics of every route; what is left out is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default_route_settings: Option<RouteSettings>,
    /// Throttling and metrics of single routes, by route key; a key that is left out is removed, a number that is
    /// left out is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) route_settings: Option<BTreeMap<String, RouteSettings>>,
    /// Computed: what is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub(crate) deployment_digest: Option<String>,
    /// Computed: the deployments of ours, or how many are to stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub(crate) deployments: Option<Value>,
}
