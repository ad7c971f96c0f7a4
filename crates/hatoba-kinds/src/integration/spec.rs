use std::collections::BTreeMap;

use hatoba_shapes::apigatewayv2::TlsConfigInput;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An integration of an HTTP API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct IntegrationSpec {
    /// The HttpApi document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_ref: Option<String>,
    /// Filled from `apiRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub(crate) api_id: Option<String>,
    /// `HTTP_PROXY` or `AWS_PROXY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integration_type: Option<String>,
    /// One of AWS's services, with `AWS_PROXY`: `SQS-SendMessage`, `EventBridge-PutEvents`, …; it has its required
    /// `requestParameters` and a role, and no address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integration_subtype: Option<String>,
    /// `ANY` or a method; required with `HTTP_PROXY`, left out with `AWS_PROXY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integration_method: Option<String>,
    /// `INTERNET` (if left out) or `VPC_LINK`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) connection_type: Option<String>,
    /// The VpcLink document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_link_ref: Option<String>,
    /// The VPC link's id, in place of `vpcLinkRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) connection_id: Option<String>,
    /// The DiscoveryService document whose instances serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) discovery_service_ref: Option<String>,
    /// An `https://` address, or the ARN of a Cloud Map service, of a load balancer's listener or of a Lambda
    /// function, in place of `discoveryServiceRef`; at most 2,048 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integration_uri: Option<String>,
    /// `1.0`, or `2.0` for Lambda; sent as `1.0` at creation if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) payload_format_version: Option<String>,
    /// 50 to 30,000 milliseconds; 30,000 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_in_millis: Option<i32>,
    /// The role that API Gateway assumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) credentials_arn: Option<String>,
    /// Text before our own last line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// What is changed in the request, for example `overwrite:path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request_parameters: Option<BTreeMap<String, String>>,
    /// What is changed in the response, by status code: `{ "200": { "overwrite:header.x": "y" } }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) response_parameters: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// HTTPS to a private back end, whose certificate must bear `serverNameToVerify`; left out means HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tls_config: Option<TlsConfigInput>,
}
