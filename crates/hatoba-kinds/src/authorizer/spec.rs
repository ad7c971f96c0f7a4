use hatoba_shapes::apigatewayv2::JwtConfiguration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An authorizer of an HTTP API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AuthorizerSpec {
    /// The HttpApi document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_ref: Option<String>,
    /// Filled from `apiRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub(crate) api_id: Option<String>,
    /// AWS's name, 1 to 117 characters and unique in the API; `metadata.name` if left out. A replacement is called
    /// `<name>~2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// `JWT`, or `REQUEST` for a Lambda function.
    pub(crate) authorizer_type: Option<String>,
    /// Where in the request the caller's identity stands; `$request.header.Authorization` if left out. A JWT
    /// authorizer takes exactly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) identity_source: Option<Vec<String>>,
    /// Whose tokens are taken and for whom they must be; JWT only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jwt_configuration: Option<JwtConfiguration>,
    /// `arn:aws:apigateway:<region>:lambda:path/2015-03-31/functions/<function ARN>/invocations`; REQUEST only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorizer_uri: Option<String>,
    /// The role with which API Gateway calls the function; left out means by the function's own policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorizer_credentials_arn: Option<String>,
    /// `1.0` or `2.0`; REQUEST only, which needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorizer_payload_format_version: Option<String>,
    /// How many seconds an answer of the function is kept, 0 to 3,600; 300, as in AWS's console, if left out; 0 is not
    /// at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorizer_result_ttl_in_seconds: Option<i32>,
    /// Whether the function answers yes or no in place of a policy; false if left out, needs payload 2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) enable_simple_responses: Option<bool>,
}
