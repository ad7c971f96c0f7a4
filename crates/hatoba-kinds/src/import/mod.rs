//! From resources as AWS shows them to documents that take them over. Pure.
//!
//! The invariant: **what a document says is what AWS has**, and what it leaves out is AWS's default or not ours, so
//! that taking over writes nothing but owner marks. Documents name each other where they can, and are held back
//! (`suspend`) until somebody has read them.
//!
//! ```text
//! HttpApi abc123 { name: crazy-api }                       → HttpApi/crazy-api
//! Route r1 in abc123 { target: integrations/i1, … }        → Route/crazy-api.default { integrationRef: … }
//! ```

mod called;
mod secret_text;
mod secrets;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{
    Adopt, Diagnostic, Document, FieldMode, Key, Members, Object, OmittedPolicy, Places, Policy, check_name,
    path,
};
use serde_json::Value;

use crate::KindId;
pub use secrets::hides_secret;

/// A resource that is to be documented.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its kind.
    pub kind: KindId,
    /// What AWS shows of it.
    pub object: Object,
    /// Who named it, for people: `aws_apigatewayv2_api.this`.
    pub origin: String,
    /// Members that AWS may not show, as somebody else knows them.
    pub hints: Members,
    /// Members that must not be written down.
    pub withheld: BTreeSet<String>,
}

/// A document that takes a resource over.
#[derive(Clone, Debug)]
pub struct Imported {
    /// It, with every value as AWS has it.
    pub document: Document,
    /// Strings in `spec` that look like secrets, by JSON pointer, and the variable to write in place of each.
    pub variables: BTreeMap<String, String>,
    /// Who named the resource.
    pub origin: String,
    /// What is worth knowing of it.
    pub remarks: Vec<String>,
    /// The document that stands for the whole of which it is a part: an API for its routes.
    pub root: Key,
}

/// A resource that no document can be written for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its kind and id.
    pub resource: String,
    /// Who named it.
    pub origin: String,
    /// Why.
    pub why: String,
}

/// A resource with its document's name.
struct Named<'a> {
    key: Key,
    root: Key,
    found: &'a Found,
}

/// Documents for these resources, in the order in which they could be made. `taken` are names of other documents.
pub fn import(found: &[Found], taken: &BTreeSet<Key>) -> (Vec<Imported>, Vec<Refusal>) {
    let mut named: Vec<Named<'_>> = Vec::new();
    let (mut imported, mut refusals) = (Vec::new(), Vec::new());
    for kind in KindId::ALL {
        let mut of_kind: Vec<&Found> = found.iter().filter(|found| found.kind == *kind).collect();
        of_kind.sort_by_key(|found| (&found.object.scope, &found.object.natural_key, &found.object.id));
        let (named_well, unnamed): (Vec<&Found>, Vec<&Found>) =
            of_kind.into_iter().partition(|found| !spec::hides_its_name(found));
        refusals.extend(unnamed.into_iter().map(|found| found.refused("its name must not be written down")));
        let drafts: Vec<(&Found, Members)> = named_well
            .into_iter()
            .map(|found| {
                let spec = spec::with_references(found, &named, spec::members(found));
                (found, spec::concise(*kind, spec))
            })
            .collect();
        let names = called::names(&drafts, &named, taken);
        for ((found, spec), name) in drafts.into_iter().zip(names) {
            let key = Key::new(kind.table().kind, name);
            let root =
                called::parent(found, &named).map_or_else(|| key.clone(), |parent| parent.root.clone());
            match document(found, key.clone(), spec) {
                Ok(document) => {
                    imported.push(Imported { root: root.clone(), ..document });
                    named.push(Named { key, root, found });
                }
                Err(why) => refusals.push(found.refused(&why)),
            }
        }
    }
    (imported, refusals)
}

impl Found {
    fn refused(&self, why: &str) -> Refusal {
        let resource = format!("{} {}", self.kind.table().kind, self.object.id);
        Refusal { resource, origin: self.origin.clone(), why: why.to_owned() }
    }
}

/// The document of a resource; what its kind does not take is left out of it.
fn document(found: &Found, key: Key, mut spec: Members) -> Result<Imported, String> {
    if let Err(error) = check_name(&key.name) {
        return Err(error.to_string());
    }
    let table = found.kind.table();
    let named_so = table.name_member.filter(|member| spec.get(*member).is_some_and(|name| *name == key.name));
    if let Some(member) = named_so.filter(|_| found.kind.is_named_after_document()) {
        spec.remove(member);
    }
    let mut remarks: Vec<String> = found
        .withheld
        .iter()
        .map(|member| format!("`{member}` is marked as sensitive, so it is left out, and is not ours"))
        .collect();
    loop {
        let document = Document::new(
            key.clone(),
            BTreeMap::new(),
            spec.clone(),
            policy(found, &spec),
            Places::new(format!("{}.yaml", key.name)),
        );
        let Err(problems) = found.kind.compile(&document) else {
            remarks.extend(policy_remarks(&document.policy));
            let variables = secrets::variables(&document);
            let (origin, root) = (found.origin.clone(), key);
            return Ok(Imported { document, variables, origin, remarks, root });
        };
        let mut whole = Value::Object(spec);
        let untold = problems.iter().find_map(|problem| {
            let at = problem.path.strip_prefix("spec.")?;
            let why = told(problem, &whole);
            path::take(&mut whole, at).map(|_| (at.to_owned(), why))
        });
        match untold {
            Some((at, why)) if !computed(found, &at) => {
                remarks.push(format!("`{at}` is left out: {why}"));
            }
            Some(_) => {}
            None => {
                let told =
                    problems.iter().map(|problem| format!("{}: {}", problem.path, told(problem, &whole)));
                let is_hidden = |problem: &Diagnostic| {
                    let at = problem.path.strip_prefix("spec.").and_then(|at| table.field(at));
                    at.is_some_and(|field| field.read_apart)
                };
                let hint = match problems.iter().any(is_hidden) {
                    true => "; AWS shows it by a read of its own, which is denied, or says nothing",
                    false => "",
                };
                return Err(told.collect::<Vec<_>>().join("; ") + hint);
            }
        }
        spec = match whole {
            Value::Object(spec) => spec,
            _ => Members::new(),
        };
    }
}

/// What is wrong, without the value where that may be a secret.
fn told(problem: &Diagnostic, spec: &Value) -> String {
    let at = problem.path.strip_prefix("spec.").unwrap_or(&problem.path);
    let member = at.split(['.', '[']).next().unwrap_or(at);
    match spec.get(member).is_some_and(|value| hides_secret(member, value)) {
        true => "its value does not fit; it holds what looks like a secret and is not shown".to_owned(),
        false => problem.message.clone(),
    }
}

/// Whether a member is the engine's own: no document states it, and nobody misses it.
fn computed(found: &Found, member: &str) -> bool {
    found
        .kind
        .deployments()
        .is_some_and(|deployments| [deployments.digest, deployments.kept].contains(&member))
}

/// Takes over by id, writes nothing yet, and leaves alone whatever is not said.
fn policy(found: &Found, spec: &Members) -> Policy {
    let moved = found.kind.moved().iter().filter(|member| path::get_member(spec, member).is_some());
    let mut fields: BTreeMap<String, FieldMode> =
        moved.map(|member| ((*member).to_owned(), FieldMode::Initial)).collect();
    if let Some(deployments) = found.kind.deployments()
        && spec.get(deployments.asked_by.0) == Some(&deployments.asked_by.1.value())
    {
        fields.extend(
            [deployments.digest, deployments.kept].map(|member| (member.to_owned(), FieldMode::Ignore)),
        );
    }
    Policy {
        adopt: Some(Adopt { id: Some(found.object.id.clone()), ..Adopt::default() }),
        suspend: true,
        omitted: OmittedPolicy::Untouched,
        fields,
        ..Policy::default()
    }
}

/// What the modes of fields come to, for whoever reads the document.
fn policy_remarks(policy: &Policy) -> Vec<String> {
    let modes = |mode: &FieldMode| {
        policy
            .fields
            .iter()
            .filter(|(_, m)| *m == mode)
            .map(|(f, _)| f.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut remarks = Vec::new();
    let initial = modes(&FieldMode::Initial);
    if !initial.is_empty() {
        remarks.push(format!(
            "{initial}: written at creation only, for autoscaling may move it; without `policy.fields` it is enforced"
        ));
    }
    if !modes(&FieldMode::Ignore).is_empty() {
        remarks.push(
            "deployments stay as they are; without `policy.fields` the controller makes one, of what the API holds then"
                .to_owned(),
        );
    }
    remarks
}
