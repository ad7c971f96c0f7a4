use hatoba_shapes::apigatewayv2::{DomainNameConfiguration, MutualTlsAuthenticationInput};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A custom domain name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DomainNameSpec {
    /// The name, in lower case: `api.example.com` or `*.example.com`.
    pub(crate) domain_name: String,
    /// Exactly one: the certificate, and how it is served. `endpointType` is `REGIONAL`, `securityPolicy` `TLS_1_2` and
    /// `ipAddressType` `ipv4` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) domain_name_configurations: Option<Vec<DomainNameConfiguration>>,
    /// Where the certificates of callers are checked against (`s3://…`); left out means that callers need none.
    /// A `truststoreVersion` that is left out is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mutual_tls_authentication: Option<MutualTlsAuthenticationInput>,
    /// `API_MAPPING_ONLY` (if left out), `ROUTING_RULE_ONLY` or `ROUTING_RULE_THEN_API_MAPPING`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) routing_mode: Option<String>,
}
