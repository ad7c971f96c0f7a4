//! Look-ups by tag in place of ids.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Resources that carry all of these tags.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selector {
    /// Tag keys and values, case-sensitive; all must match.
    pub tags: BTreeMap<String, String>,
}
