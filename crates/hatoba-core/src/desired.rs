//! What a document asks for, and how its references and selectors become AWS ids.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::path;
use crate::{Cause, Digest, Key, KindTable, Members, Policy, Selectors};

/// A document read by its kind: AWS members, with references and selectors taken out.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Who asks.
    pub key: Key,
    /// The document's generation.
    pub digest: Digest,
    /// How it is treated.
    pub policy: Policy,
    /// Labels that become tags.
    pub labels: BTreeMap<String, String>,
    /// AWS members as the document states them; an explicit `null` stays.
    pub members: Members,
    /// Members to be filled from other documents.
    pub references: Vec<Reference>,
    /// Members to be filled by a look-up.
    pub lookups: Vec<LookupUse>,
    /// The kind's table.
    pub table: &'static KindTable,
}

/// The output that is AWS's name of a resource: its natural key, known from the document alone.
pub const OUTPUT_NAME: &str = "name";

/// One member that another document fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where the reference stands in the spec, for diagnostics.
    pub field: String,
    /// The member that it fills.
    pub path: String,
    /// The document it names.
    pub target: Key,
    /// The output of that document.
    pub output: &'static str,
    /// What stands around the output.
    pub template: &'static str,
}

/// A question to EC2: resources of one sort that carry all these tags.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// `vpc`, `subnet`, `security-group`.
    pub resource: String,
    /// All must match.
    pub tags: BTreeMap<String, String>,
    /// Only what lies in the VPC with this id; `None`: in any.
    pub vpc: Option<String>,
}

/// One member that a look-up fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupUse {
    /// Where the selector stands in the spec.
    pub field: String,
    /// The member that it fills.
    pub path: String,
    /// The question.
    pub lookup: Lookup,
    /// The question whose only answer is the VPC that [`LookupUse::lookup`] is asked in.
    pub within: Option<Lookup>,
    /// All that match, or exactly one.
    pub many: bool,
}

impl LookupUse {
    /// The question with the id of the VPC in it.
    ///
    /// # Errors
    /// When the VPC is not known, or its tags match none or several.
    pub fn question(&self, facts: &dyn Facts) -> Result<Lookup, Unresolved> {
        let Some(within) = &self.within else { return Ok(self.lookup.clone()) };
        let vpc = only(&self.field, within, &found(&self.field, within, facts)?)?;
        Ok(Lookup { vpc: Some(vpc), ..self.lookup.clone() })
    }
}

/// Where resolution finds its facts.
pub trait Facts {
    /// An output of a document's resource: the value, or why there is none yet.
    fn output(&self, target: &Key, output: &str) -> Fact<String>;
    /// The ids that match.
    fn lookup(&self, lookup: &Lookup) -> Fact<Vec<String>>;
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<T> {
    /// It is known.
    Known(T),
    /// It will be known when the document's resource is there.
    NotYet,
    /// It could not be looked up.
    Unknown(Cause),
}

/// A desired state whose every member is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// AWS members; an explicit `null` stays.
    pub members: Members,
    /// Members filled by a look-up that is pinned: in sync while what is in use is among these.
    pub pins: BTreeMap<String, BTreeSet<String>>,
    /// The scope.
    pub scope: String,
}

/// Why a desired state cannot be resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum Unresolved {
    /// These documents' resources are not there yet.
    Waiting(BTreeSet<Key>),
    /// A look-up failed or has not been made.
    Unknown(Cause),
    /// A look-up matched none or several: somebody must act.
    Stalled(Cause),
}

impl Desired {
    /// The document that gives this one its scope.
    pub fn parent(&self) -> Option<&Key> {
        let member = self.table.scope_member?;
        self.references.iter().find(|reference| reference.path == member).map(|reference| &reference.target)
    }

    /// The mark's natural key: what AWS would call the resource.
    pub fn natural_key(&self) -> Option<&str> {
        self.members.get(self.table.name_member?)?.as_str()
    }

    /// What AWS would call the resource; of kinds that have no name there, the document's own.
    pub fn name(&self) -> &str {
        self.natural_key().unwrap_or(&self.key.name)
    }

    /// What references and look-ups filled in: the part of what is asked for that the document does not say itself.
    pub fn filled(&self, members: &Members) -> Members {
        let paths = self.references.iter().map(|reference| &reference.path);
        let paths = paths.chain(self.lookups.iter().map(|lookup| &lookup.path));
        paths.filter_map(|path| Some((path.clone(), path::get_member(members, path)?.clone()))).collect()
    }

    /// Fills references and look-ups in.
    ///
    /// # Errors
    /// What is missing: documents to wait for, look-ups that failed, look-ups with the wrong number of hits.
    pub fn resolve(&self, facts: &dyn Facts) -> Result<Resolved, Unresolved> {
        let mut members = Value::Object(self.members.clone());
        let mut waiting = BTreeSet::new();
        for reference in &self.references {
            match facts.output(&reference.target, reference.output) {
                Fact::Known(value) => {
                    path::set(
                        &mut members,
                        &reference.path,
                        Value::String(reference.template.replace("{}", &value)),
                    );
                }
                Fact::NotYet => {
                    waiting.insert(reference.target.clone());
                }
                Fact::Unknown(cause) => return Err(Unresolved::Unknown(cause)),
            }
        }
        if !waiting.is_empty() {
            return Err(Unresolved::Waiting(waiting));
        }
        let mut pins = BTreeMap::new();
        for used in &self.lookups {
            let LookupUse { field, path, many, .. } = used;
            let lookup = used.question(facts)?;
            let ids = found(field, &lookup, facts)?;
            let value = match many {
                true => Value::from(all(field, &lookup, &ids)?),
                false => Value::from(only(field, &lookup, &ids)?),
            };
            path::set(&mut members, path, value);
            if *many && self.policy.selectors == Selectors::Pin {
                pins.insert(path.clone(), ids.into_iter().collect());
            }
        }
        let scope =
            self.table.scope_member.and_then(|member| path::get(&members, member)).and_then(Value::as_str);
        let scope = scope.unwrap_or_default().to_owned();
        let members = match members {
            Value::Object(members) => members,
            _ => Members::new(),
        };
        Ok(Resolved { members, pins, scope })
    }
}

fn found(field: &str, lookup: &Lookup, facts: &dyn Facts) -> Result<Vec<String>, Unresolved> {
    match facts.lookup(lookup) {
        Fact::Known(ids) => Ok(ids),
        Fact::NotYet => {
            let cause = Cause::new("LookupPending", format!("{field} is being looked up"));
            Err(Unresolved::Unknown(cause))
        }
        Fact::Unknown(cause) => Err(Unresolved::Unknown(cause)),
    }
}

fn all(field: &str, lookup: &Lookup, ids: &[String]) -> Result<Vec<String>, Unresolved> {
    if ids.is_empty() {
        let message = format!("{field}: no {} carries the tags {}", lookup.resource, lookup.show());
        return Err(Unresolved::Stalled(Cause::new("SelectorMatchesNothing", message)));
    }
    let mut ids = ids.to_vec();
    ids.sort();
    Ok(ids)
}

fn only(field: &str, lookup: &Lookup, ids: &[String]) -> Result<String, Unresolved> {
    match all(field, lookup, ids)?.as_slice() {
        [id] => Ok(id.clone()),
        several => {
            let message = format!(
                "{field}: expected exactly one {} with the tags {}, found {}: {}",
                lookup.resource,
                lookup.show(),
                several.len(),
                several.join(", ")
            );
            Err(Unresolved::Stalled(Cause::new("SelectorAmbiguous", message)))
        }
    }
}

impl Lookup {
    /// The tags, and the VPC, for a message.
    fn show(&self) -> String {
        let tags =
            self.tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ");
        match &self.vpc {
            Some(vpc) => format!("{tags} in {vpc}"),
            None => tags,
        }
    }
}

#[cfg(test)]
#[path = "tests/desired.rs"]
mod tests;
