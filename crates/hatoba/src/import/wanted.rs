//! Which of a state's instances documents are written for, and why the others are none.

use std::collections::BTreeSet;

use hatoba_core::{Members, path};
use hatoba_engine::Wanted;
use hatoba_kinds::{KindId, Terraform, passed_over};
use serde_json::Value;

use super::state::Instance;

/// What a state comes to.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// Resources to look for.
    pub(super) wanted: Vec<Wanted>,
    /// Resources that are covered and cannot be looked for: address, why.
    pub(super) refused: Vec<(String, String)>,
    /// Everything else: address, why.
    pub(super) skipped: Vec<(String, String)>,
    /// Worth saying beside a resource that is looked for.
    pub(super) remarks: Vec<(String, String)>,
}

/// Sorts instances.
pub(super) fn sort(instances: &[Instance]) -> Sorted {
    let mut sorted = Sorted::default();
    for instance in instances {
        let address = instance.address.clone();
        if let Some(why) = not_ours(instance) {
            sorted.skipped.push((address, why));
            continue;
        }
        let Some(kind) = Terraform::kind_of(&instance.resource) else { continue };
        match wanted(instance, kind) {
            Ok(wanted) => {
                if instance.is_tainted {
                    let why = "it is tainted: Terraform would have replaced it";
                    sorted.remarks.push((address, why.to_owned()));
                }
                sorted.wanted.push(wanted);
            }
            Err(why) => sorted.refused.push((address, why)),
        }
    }
    sorted
}

/// Why no document is written for it, and nobody expects one.
fn not_ours(instance: &Instance) -> Option<String> {
    let why = |why: &str| Some(why.to_owned());
    if instance.is_data {
        return why("a data source: Terraform only reads it");
    }
    if instance.is_foreign {
        return why("its provider is not hashicorp/aws");
    }
    let Some(kind) = Terraform::kind_of(&instance.resource) else {
        return why(passed_over(&instance.resource).unwrap_or("no document covers this type"));
    };
    if instance.is_deposed {
        return why("deposed: another has taken its place, and Terraform would have deleted it");
    }
    let (attribute, value) = kind.terraform().requires?;
    let shown = instance.text(attribute);
    let is_it = shown.is_none_or(|shown| shown == value);
    (!is_it).then(|| format!("its `{attribute}` is not {value}"))
}

fn wanted(instance: &Instance, kind: KindId) -> Result<Wanted, String> {
    let terraform = kind.terraform();
    let read = |attribute: &str| {
        if instance.hides(attribute) {
            return Err(format!("`{attribute}` is marked as sensitive"));
        }
        Ok(instance.text(attribute))
    };
    let id = read(terraform.id)?.ok_or_else(|| format!("it has no `{}`: was it ever made?", terraform.id))?;
    let mut scope = String::new();
    for attribute in terraform.scope {
        if let Some(text) = read(attribute)? {
            // An ARN ends with the name.
            text.rsplit('/').next().unwrap_or(text).clone_into(&mut scope);
            break;
        }
    }
    if scope.is_empty() && !terraform.scope.is_empty() {
        return Err(format!("it has no `{}`", terraform.scope.join("` and no `")));
    }
    let mut hints = Value::Object(Members::new());
    for attribute in terraform.hints.iter().filter(|attribute| !instance.hides(attribute)) {
        if let (Some(text), Some(member)) = (instance.text(attribute), kind.member_of_terraform(attribute)) {
            path::set(&mut hints, member, text.into());
        }
    }
    let withheld: BTreeSet<String> = instance
        .sensitive
        .iter()
        .filter_map(|name| kind.member_of_terraform(name))
        .map(str::to_owned)
        .collect();
    Ok(Wanted {
        kind,
        scope,
        id: id.to_owned(),
        origin: instance.address.clone(),
        hints: hints.as_object().cloned().unwrap_or_default(),
        withheld,
        whole: false,
    })
}
