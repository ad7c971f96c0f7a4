//! What operators write, after parsing: header, spec as plain data, policy.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::{Key, Places, Probe};

/// The only `apiVersion` there is.
pub const API_VERSION: &str = "hatoba/v1";

/// AWS members by name, as JSON.
pub type Members = Map<String, Value>;

/// One document as an operator wrote it, header checked, variables substituted, spec not yet read by its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// `(kind, metadata.name)`.
    pub key: Key,
    /// `metadata.labels`: become AWS tags where the resource takes tags.
    pub labels: BTreeMap<String, String>,
    /// `spec`, as plain data.
    pub spec: Members,
    /// `policy`.
    pub policy: Policy,
    /// The document's generation: a digest of everything above.
    pub digest: Digest,
    /// Where each path stands.
    pub places: Places,
}

impl Document {
    /// Builds a document and takes its digest.
    pub fn new(
        key: Key,
        labels: BTreeMap<String, String>,
        spec: Members,
        policy: Policy,
        places: Places,
    ) -> Self {
        let digest = Digest::of(&(&key, &labels, &spec, &policy));
        Document { key, labels, spec, policy, digest, places }
    }
}

/// A short content hash (the first 16 hex digits of SHA-256 over canonical JSON).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(String);

impl Digest {
    /// The digest of anything that serialises; maps are ordered, so equal content has one digest.
    pub fn of(content: &impl Serialize) -> Self {
        // Values made of maps with string keys, strings, numbers and lists always serialise.
        let bytes = serde_json::to_value(content).map(|value| value.to_string()).unwrap_or_default();
        Digest::of_bytes(bytes.as_bytes())
    }

    /// The digest of raw bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        Digest(hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    /// The 16 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// SHA-256 of a secret, to compare it by without keeping it.
pub fn secret_digest(secret: &[u8]) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// `policy`: how the controller treats the document. Every member has a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Policy {
    /// What happens to the resource when the document goes: left out, `Delete`, and `Retain` for what was taken over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// What happens to a difference that the document did not cause.
    pub drift: Drift,
    /// Take over an existing resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopt: Option<Adopt>,
    /// Compare and show, write nothing.
    pub suspend: bool,
    /// What leaving a field out means.
    pub omitted: OmittedPolicy,
    /// What a newly matching subnet or security group does.
    pub selectors: Selectors,
    /// How an immutable field is changed.
    pub replace: ReplacePolicy,
    /// How many deployments stay, for kinds that have any: 1 to 100, 3 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_deployments: Option<i64>,
    /// A request that is sent through the chain every so often, for documents that show `Serving`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// Per field path: enforce, initial, ignore, or a range.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, FieldMode>,
    /// Nothing that an operator writes: what other documents imply is not made beside one that is there already and
    /// bears nobody's mark; that one is used as it is, and never changed.
    #[serde(skip)]
    pub uses_unmarked: bool,
}

impl Policy {
    /// What happens to the resource when the document goes: what it says, else what was taken over stays.
    pub fn deletion(&self) -> Deletion {
        let default = if self.adopt.is_some() { Deletion::Retain } else { Deletion::Delete };
        self.deletion.unwrap_or(default)
    }
}

/// `policy.deletion`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Deletion {
    /// Delete the resource (through every guard).
    #[default]
    Delete,
    /// Leave the resource and remove our marks.
    Retain,
}

/// `policy.drift`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Drift {
    /// Put it back.
    #[default]
    Repair,
    /// Show it only; changes of the document are still written.
    Report,
}

/// `policy.adopt`: exactly one of `id` and `match`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Adopt {
    /// The resource's id in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `name`: the only resource of that AWS name.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub by: Option<AdoptMatch>,
    /// The other owner from whom it is taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_owner: Option<String>,
}

/// `policy.adopt.match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AdoptMatch {
    /// By AWS's name.
    Name,
}

/// `policy.omitted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OmittedPolicy {
    /// As each field's table entry says.
    #[default]
    Default,
    /// Every left-out field is not ours.
    Untouched,
}

/// `policy.selectors`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Selectors {
    /// In sync while everything in use still matches.
    #[default]
    Pin,
    /// Always all that match.
    Follow,
}

/// `policy.replace`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReplacePolicy {
    /// Only where no gap is made.
    #[default]
    MakeBeforeBreak,
    /// Also by deleting first.
    AllowDowntime,
}

/// How one field is treated, `policy.fields.<path>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FieldMode {
    /// A difference is put right (the default).
    Enforce,
    /// Written at creation only.
    Initial,
    /// Neither compared nor written, except at creation.
    Ignore,
    /// Any number from the first to the second is in sync; outside, the nearest bound is written.
    #[serde(untagged)]
    Range {
        /// Smallest and largest number in sync.
        range: (f64, f64),
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn policy_reads_what_the_contract_writes() {
        let policy: Policy = serde_json::from_value(json!({
            "deletion": "Retain", "drift": "Report", "suspend": true, "omitted": "Untouched",
            "selectors": "Follow", "replace": "AllowDowntime", "adopt": { "id": "abc123", "fromOwner": "x" },
            "fields": { "desiredCount": { "range": [2, 20] }, "networkConfiguration.awsvpcConfiguration.subnets": "ignore" },
        }))
        .unwrap();
        assert_eq!(policy.deletion, Some(Deletion::Retain));
        assert_eq!(policy.fields["desiredCount"], FieldMode::Range { range: (2.0, 20.0) });
        assert_eq!(policy.fields["networkConfiguration.awsvpcConfiguration.subnets"], FieldMode::Ignore);
        assert_eq!(policy.adopt.unwrap().id.as_deref(), Some("abc123"));
        assert!(serde_json::from_value::<Policy>(json!({ "deletoin": "Retain" })).is_err());
    }

    #[test]
    fn the_digest_changes_with_content_and_not_with_member_order() {
        let a: Members = serde_json::from_str(r#"{"a":1,"b":2}"#).unwrap();
        let b: Members = serde_json::from_str(r#"{"b":2,"a":1}"#).unwrap();
        let c: Members = serde_json::from_str(r#"{"b":2,"a":2}"#).unwrap();
        assert_eq!(Digest::of(&a), Digest::of(&b));
        assert_ne!(Digest::of(&a), Digest::of(&c));
        assert_eq!(Digest::of(&a).as_str().len(), 16);
    }
}
