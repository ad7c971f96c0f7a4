use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::generated::apigatewayv2::{AccessLogSettings, RouteSettings};

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
    /// Whether AWS deploys every change by itself; true if left out.
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
}
