use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Cloud Map namespace without DNS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HttpNamespaceSpec {
    /// 1 to 1,024 printable ASCII characters, unique in the account; `metadata.name` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// At most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}
