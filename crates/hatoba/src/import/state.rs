//! A Terraform state (format version 4), as far as it says which resources there are.
//!
//! **Invariant: no value of the state is ever shown** but addresses, resource types and the ids that the table of a
//! kind names. Attributes stay in [`Instance`], which shows none of them; outputs are not even looked at.
//!
//! HashiCorp: "State: Format" and `internal/states/statefile/version4.go` of Terraform 1.9.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// The only version since Terraform 0.12.
const VERSION: u64 = 4;
/// The largest states known are a few tens of megabytes.
pub(super) const BYTES_MAX: u64 = 256 * 1024 * 1024;
/// `count` and `for_each` are told apart, and a state of more instances is a mistake.
const INSTANCES_MAX: usize = 100_000;

/// One instance of a resource.
pub(super) struct Instance {
    /// As Terraform writes it: `module.shop.aws_apigatewayv2_api.this["eu"]`.
    pub(super) address: String,
    /// `aws_apigatewayv2_api`.
    pub(super) resource: String,
    /// It was only read by Terraform.
    pub(super) is_data: bool,
    /// Another than hashicorp/aws manages it.
    pub(super) is_foreign: bool,
    /// Terraform would replace it.
    pub(super) is_tainted: bool,
    /// Terraform would delete it: another has taken its place.
    pub(super) is_deposed: bool,
    /// Attributes that are marked as sensitive, wholly or in part.
    pub(super) sensitive: BTreeSet<String>,
    /// All of it is sensitive.
    pub(super) is_secret: bool,
    attributes: Value,
}

/// Not its attributes.
impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Instance {
    /// A text attribute by its path: `id`, `dns_config.0.namespace_id`.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        let found = path.split('.').try_fold(&self.attributes, |value, step| match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            value => value.get(step),
        });
        found?.as_str().filter(|text| !text.is_empty())
    }

    /// Whether an attribute, or what it stands in, must not be shown.
    pub(super) fn hides(&self, path: &str) -> bool {
        self.is_secret || self.sensitive.contains(path.split('.').next().unwrap_or(path))
    }
}

/// Reads a state.
///
/// # Errors
/// When it is none, or of another version, or encrypted; with what to do about it.
pub(super) fn read(text: &[u8]) -> anyhow::Result<Vec<Instance>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    ensure!(
        !text.trim_ascii().is_empty(),
        "it is empty; `terraform state pull` prints the state of a workspace"
    );
    ensure!(
        !text.starts_with(b"PK\x03\x04"),
        "this is a saved plan, expected a state; `terraform state pull` prints it"
    );
    // Where JSON is broken serde says the place, and never quotes.
    let state: Value = serde_json::from_slice(text).context(
        "it is not JSON; `terraform state pull` prints a state as JSON, also one that is kept remotely",
    )?;
    ensure!(
        state.get("encrypted_data").is_none() && state.get("encryption_version").is_none(),
        "the state is encrypted; `tofu state pull` prints it decrypted: tofu state pull | hatoba import --tfstate -"
    );
    ensure!(
        state.get("format_version").is_none(),
        "this is what `terraform show -json` prints, expected the state itself; `terraform state pull` prints it"
    );
    match state.get("version").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(old @ 1..VERSION) => bail!(
            "the state has format version {old}, expected {VERSION}; Terraform 0.12 and later write that: run \
             `terraform apply -refresh-only` with a current Terraform"
        ),
        Some(new) => {
            bail!("the state has format version {new}, expected {VERSION}; is there a newer hatoba?")
        }
        None => bail!("it has no `version`, so it is no Terraform state; `terraform state pull` prints one"),
    }
    let resources = match state.get("resources") {
        Some(Value::Array(resources)) => resources.as_slice(),
        None | Some(Value::Null) => &[],
        Some(_) => bail!("`resources` is no list, so this is no Terraform state of version {VERSION}"),
    };
    let mut instances = Vec::new();
    for (index, resource) in resources.iter().enumerate() {
        let found = of_resource(resource).with_context(|| format!("`resources[{index}]` cannot be read"))?;
        instances.extend(found);
        ensure!(instances.len() <= INSTANCES_MAX, "the state has more than {INSTANCES_MAX} instances");
    }
    Ok(instances)
}

fn of_resource(resource: &Value) -> anyhow::Result<Vec<Instance>> {
    let text = |name: &str| resource.get(name).and_then(Value::as_str);
    let (Some(kind), Some(name)) = (text("type"), text("name")) else {
        bail!("expected `type` and `name`, both texts");
    };
    let is_data = text("mode") == Some("data");
    let provider = text("provider").unwrap_or_default();
    let mut base = text("module").map(|module| format!("{module}.")).unwrap_or_default();
    if is_data {
        base.push_str("data.");
    }
    let instances =
        resource.get("instances").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let instance = |instance: &Value| {
        let key = match instance.get("index_key") {
            Some(Value::Number(number)) => format!("[{number}]"),
            Some(Value::String(key)) => format!("[{key:?}]"),
            _ => String::new(),
        };
        let (sensitive, is_secret) = sensitive(instance);
        Instance {
            address: format!("{base}{kind}.{name}{key}"),
            resource: kind.to_owned(),
            is_data,
            is_foreign: !provider.is_empty() && !provider.contains("hashicorp/aws\""),
            is_tainted: instance.get("status").and_then(Value::as_str) == Some("tainted"),
            is_deposed: instance.get("deposed").and_then(Value::as_str).is_some_and(|key| !key.is_empty()),
            sensitive,
            is_secret,
            attributes: instance.get("attributes").cloned().unwrap_or_default(),
        }
    };
    Ok(instances.iter().map(instance).collect())
}

/// The attributes that `sensitive_attributes` names, each by the first step of a path; and whether it names the whole.
fn sensitive(instance: &Value) -> (BTreeSet<String>, bool) {
    let mut found = BTreeSet::new();
    let paths = match instance.get("sensitive_attributes") {
        Some(Value::Array(paths)) => paths.as_slice(),
        None | Some(Value::Null) => &[],
        Some(_) => return (found, true), // not understood: nothing of it is shown
    };
    for path in paths {
        let first = path.as_array().and_then(|steps| steps.first());
        match first.and_then(|step| step.get("value")).and_then(Value::as_str) {
            Some(name) => found.insert(name.to_owned()),
            None => return (found, true),
        };
    }
    (found, false)
}

#[cfg(test)]
#[path = "state/tests.rs"]
mod tests;
