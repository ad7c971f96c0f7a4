//! The source as the engine sees it: which documents are worked on, which are held, and why.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Desired, Diagnostic, Document, Key, graph_problems};
use hatoba_kinds::{KindId, check_chain, unknown_kind};
use hatoba_source::Snapshot;

/// A snapshot after every check that needs no AWS. `validate`, `plan` and the daemon use the same.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Documents that are worked on.
    pub desired: BTreeMap<Key, Desired>,
    /// Documents that are held, and what is wrong with them.
    pub held: BTreeMap<Key, Vec<Diagnostic>>,
    /// Everything that was found, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Documents that are worked on, by the one that gives them their scope.
    by_parent: BTreeMap<Key, Vec<Key>>,
}

/// Checks a snapshot: kinds, fields, references, cycles, clashes, and the rules that know the chain.
pub fn check(snapshot: &Snapshot) -> Checked {
    let mut checked = Checked { diagnostics: snapshot.diagnostics.clone(), ..Checked::default() };
    for held in &snapshot.held {
        checked.hold(&held.key, held.diagnostics.clone());
    }
    let mut documents: BTreeMap<&Key, &Document> = BTreeMap::new();
    for document in &snapshot.documents {
        let compiled = match KindId::of(&document.key.kind) {
            Some(kind) => kind.compile(document),
            None => Err(vec![unknown_kind(document)]),
        };
        match compiled {
            Ok(desired) => {
                documents.insert(&document.key, document);
                checked.desired.insert(document.key.clone(), desired);
            }
            Err(found) => checked.hold(&document.key, found),
        }
    }
    let held: BTreeSet<Key> = checked.held.keys().cloned().collect();
    for (key, problems) in graph_problems(&checked.desired, &held) {
        let Some(document) = documents.get(&key) else { continue };
        let found = problems.into_iter().map(|problem| {
            let place = document.places.value(&problem.path);
            Diagnostic { hint: problem.hint, ..Diagnostic::error(place, problem.path, problem.message) }
        });
        checked.desired.remove(&key);
        checked.hold(&key, found.collect());
    }
    checked.apply_rules(&documents);
    checked.by_parent = by_parent(&checked.desired);
    checked.diagnostics.sort_by(|a, b| (&a.place, &a.path, &a.message).cmp(&(&b.place, &b.path, &b.message)));
    checked.diagnostics.dedup();
    checked
}

impl Checked {
    /// Whether a document of that key exists, readable or not.
    pub fn exists(&self, key: &Key) -> bool {
        self.desired.contains_key(key) || self.held.contains_key(key)
    }

    /// The documents that stand in the same parent as this one, itself among them.
    pub(crate) fn siblings<'a>(&'a self, desired: &Desired) -> impl Iterator<Item = &'a Key> {
        desired.parent().and_then(|parent| self.by_parent.get(parent)).into_iter().flatten()
    }

    /// What the rules find: errors hold, warnings are only told.
    fn apply_rules(&mut self, documents: &BTreeMap<&Key, &Document>) {
        let held: BTreeSet<Key> = self.held.keys().cloned().collect();
        for (key, found) in check_chain(&self.desired, &held) {
            let Some(document) = documents.get(&key) else { continue };
            let place = document.places.value(&found.path);
            let diagnostic = Diagnostic {
                severity: found.severity,
                hint: found.hint,
                ..Diagnostic::error(place, found.path, found.message).rule(found.rule)
            };
            if diagnostic.is_error() {
                self.desired.remove(&key);
                self.hold(&key, vec![diagnostic]);
            } else {
                self.diagnostics.push(diagnostic);
            }
        }
    }

    fn hold(&mut self, key: &Key, found: Vec<Diagnostic>) {
        self.diagnostics.extend(found.iter().cloned());
        self.held.entry(key.clone()).or_default().extend(found);
    }
}

fn by_parent(desired: &BTreeMap<Key, Desired>) -> BTreeMap<Key, Vec<Key>> {
    let mut by_parent: BTreeMap<Key, Vec<Key>> = BTreeMap::new();
    for (key, desired) in desired {
        if let Some(parent) = desired.parent() {
            by_parent.entry(parent.clone()).or_default().push(key.clone());
        }
    }
    by_parent
}

#[cfg(test)]
mod tests;
