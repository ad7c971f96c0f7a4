//! The source as the engine sees it: which documents are worked on, which are held, and why.
//!
//! A document that is made of others is held as a whole if anything is wrong with one of its parts.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Desired, Diagnostic, Document, Key, creation_order, graph_problems};
use hatoba_kinds::{Expanded, KindId, Whole, check_chain, expand, is_whole, spelt_out, unknown_kind};
use hatoba_source::Snapshot;

/// A snapshot after every check that needs no AWS. `validate`, `plan` and the daemon use the same.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Documents that are worked on: those that were written so, and the parts of the others.
    pub desired: BTreeMap<Key, Desired>,
    /// Documents that are held, and what is wrong with them.
    pub held: BTreeMap<Key, Vec<Diagnostic>>,
    /// Documents that are made of others, and their parts as far as they are known.
    pub wholes: BTreeMap<Key, Whole>,
    /// Parts that are not touched because all documents that ask for them are held: part → one of those.
    pub held_parts: BTreeMap<Key, Key>,
    /// Named by a reference and nowhere to be found, while the parts of a held document are not known.
    pub assumed: BTreeSet<Key>,
    /// Everything that was found, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Documents that are worked on, by the one that gives them their scope.
    by_parent: BTreeMap<Key, Vec<Key>>,
    /// Documents that are worked on, by those that they name.
    by_target: BTreeMap<Key, BTreeSet<Key>>,
}

/// Checks a snapshot: expansion, kinds, fields, references, cycles, clashes, and the rules that know the chain.
pub fn check(snapshot: &Snapshot) -> Checked {
    checked(snapshot).0
}

/// The documents of single kinds that a source comes to, in the order in which their resources could be made, each
/// with the documents that it is a part of; and what [`check`] found. What is held is left out.
pub fn rendered(snapshot: &Snapshot) -> (Vec<(Document, Vec<Key>)>, Checked) {
    let (checked, expanded) = checked(snapshot);
    let order = creation_order(&checked.desired);
    let mut documents: BTreeMap<Key, (Document, Vec<Key>)> = BTreeMap::new();
    for document in &expanded.documents {
        let wholes = expanded.wholes_of(&document.key).map(|(key, _)| key.clone()).collect();
        documents.insert(document.key.clone(), (document.clone(), wholes));
    }
    (order.iter().filter_map(|key| documents.remove(key)).collect(), checked)
}

fn checked(snapshot: &Snapshot) -> (Checked, Expanded) {
    let mut checked = Checked { diagnostics: snapshot.diagnostics.clone(), ..Checked::default() };
    for held in &snapshot.held {
        checked.hold(&held.key, held.diagnostics.clone());
    }
    let unread: BTreeSet<Key> = checked.held.keys().cloned().collect();
    let expanded = expand(&snapshot.documents, &unread);
    checked.diagnostics.extend(expanded.warnings.iter().cloned());
    for (key, found) in &expanded.held {
        checked.hold(key, found.clone());
    }
    let documents: BTreeMap<&Key, &Document> =
        snapshot.documents.iter().map(|document| (&document.key, document)).collect();
    let mut single: BTreeMap<&Key, &Document> = BTreeMap::new();
    let given: BTreeSet<&Key> =
        expanded.documents.iter().map(|document| &document.key).chain(&unread).collect();
    // Whatever an unreadable file may hold is there too: then a name alone means what it means by itself.
    let exists = |key: &Key| snapshot.unreadable.is_empty() && given.contains(key);
    for document in &expanded.documents {
        let compiled = match KindId::of(&document.key.kind) {
            Some(kind) => kind.compile(&spelt_out(document, &exists)),
            None => Err(vec![unknown_kind(document)]),
        };
        match compiled {
            Ok(desired) => {
                single.insert(&document.key, document);
                checked.desired.insert(document.key.clone(), desired);
            }
            Err(found) => checked.blame(&document.key, found, &expanded, &documents),
        }
    }
    checked.hold_parts(&expanded);
    let exists: BTreeSet<Key> = checked.held_keys().cloned().collect();
    for (key, problems) in graph_problems(&checked.desired, &exists) {
        let Some(document) = single.get(&key) else { continue };
        let found = problems.into_iter().map(|problem| {
            let place = document.places.value(&problem.path);
            Diagnostic { hint: problem.hint, ..Diagnostic::error(place, problem.path, problem.message) }
        });
        checked.desired.remove(&key);
        checked.blame(&key, found.collect(), &expanded, &documents);
    }
    checked.hold_parts(&expanded);
    checked.apply_rules(&single, &expanded, &documents);
    checked.hold_parts(&expanded);
    checked.wholes.clone_from(&expanded.wholes);
    checked.by_parent = by_parent(&checked.desired);
    checked.by_target = by_target(&checked.desired);
    checked.diagnostics.sort_by(|a, b| (&a.place, &a.path, &a.message).cmp(&(&b.place, &b.path, &b.message)));
    checked.diagnostics.dedup();
    (checked, expanded)
}

impl Checked {
    /// Whether a document of that key exists, readable or not.
    pub fn exists(&self, key: &Key) -> bool {
        self.desired.contains_key(key)
            || self.held.contains_key(key)
            || self.wholes.contains_key(key)
            || self.held_parts.contains_key(key)
            || self.assumed.contains(key)
    }

    /// Documents that exist, or must be taken to, though nobody knows what they ask for.
    pub(crate) fn held_keys(&self) -> impl Iterator<Item = &Key> {
        self.held.keys().chain(self.held_parts.keys()).chain(&self.assumed)
    }

    /// Whether a document of that key exists, or may: while a document that is made of others is held, nobody knows
    /// what it asks for.
    pub fn may_exist(&self, key: &Key) -> bool {
        self.is_doubtful() || self.exists(key)
    }

    /// Whether a document that is made of others is held, so that no resource can be told to be nobody's.
    pub fn is_doubtful(&self) -> bool {
        self.held.keys().any(|key| is_whole(&key.kind))
    }

    /// The documents that stand in the same parent as this one, itself among them.
    pub(crate) fn siblings<'a>(&'a self, desired: &Desired) -> impl Iterator<Item = &'a Key> {
        desired.parent().into_iter().flat_map(|parent| self.children(parent))
    }

    /// The documents that a document gives their scope.
    pub(crate) fn children(&self, parent: &Key) -> impl Iterator<Item = &Key> {
        self.by_parent.get(parent).into_iter().flatten()
    }

    /// Documents that name this one, or follow its kind in the same parent; where nobody knows its parent, in any.
    pub(crate) fn dependents(&self, key: &Key) -> BTreeSet<&Key> {
        let mut dependents: BTreeSet<&Key> = self.by_target.get(key).into_iter().flatten().collect();
        let follows = |other: &&Key| {
            let desired = self.desired.get(*other);
            desired.is_some_and(|desired| desired.table.follows.contains(&key.kind.as_str()))
        };
        match self.desired.get(key) {
            Some(desired) => dependents.extend(self.siblings(desired).filter(follows)),
            None => dependents.extend(self.desired.keys().filter(follows)),
        }
        dependents
    }

    /// What the rules find: errors hold, warnings are only told.
    fn apply_rules(
        &mut self,
        single: &BTreeMap<&Key, &Document>,
        expanded: &Expanded,
        documents: &BTreeMap<&Key, &Document>,
    ) {
        let held: BTreeSet<Key> = self.held_keys().cloned().collect();
        for (key, found) in check_chain(&self.desired, &held) {
            let Some(document) = single.get(&key) else { continue };
            let place = document.places.value(&found.path);
            let diagnostic = Diagnostic {
                severity: found.severity,
                hint: found.hint,
                ..Diagnostic::error(place, found.path, found.message).rule(found.rule)
            };
            if diagnostic.is_error() {
                self.desired.remove(&key);
            }
            self.blame(&key, vec![diagnostic], expanded, documents);
        }
    }

    /// Notes what was found in a document; an error holds it.
    fn hold(&mut self, key: &Key, found: Vec<Diagnostic>) {
        self.diagnostics.extend(found.iter().cloned());
        if found.iter().any(Diagnostic::is_error) {
            self.held.entry(key.clone()).or_default().extend(found);
        }
    }

    /// Says what was found at the document itself, and holds it for an error; for a part, the documents that ask for
    /// it, as a whole.
    fn blame(
        &mut self,
        key: &Key,
        found: Vec<Diagnostic>,
        expanded: &Expanded,
        documents: &BTreeMap<&Key, &Document>,
    ) {
        let wholes: Vec<(&Key, &Whole)> = expanded.wholes_of(key).collect();
        if wholes.is_empty() {
            return self.hold(key, found);
        }
        for (index, (whole_key, whole)) in wholes.into_iter().enumerate() {
            let Some(document) = documents.get(whole_key) else { continue };
            let at_home = found.iter().cloned().map(|found| {
                let path = whole.path_of(key, &found.path);
                // The places of a part are those of the first that asks for it.
                let place = if index == 0 { found.place } else { document.places.value(&path) };
                Diagnostic { path, place, ..found }
            });
            self.hold(whole_key, at_home.collect());
        }
    }

    /// Takes the parts of held documents out, unless somebody else asks for them too.
    fn hold_parts(&mut self, expanded: &Expanded) {
        let mut kept: BTreeSet<&Key> = BTreeSet::new();
        for (key, whole) in &expanded.wholes {
            if !self.held.contains_key(key) {
                kept.extend(whole.parts.keys());
            }
        }
        for (key, whole) in expanded.wholes.iter().filter(|(key, _)| self.held.contains_key(*key)) {
            for part in whole.parts.keys().filter(|part| !kept.contains(part)) {
                self.desired.remove(part);
                self.held_parts.entry(part.clone()).or_insert_with(|| key.clone());
            }
        }
        let unknown = |key: &Key| is_whole(&key.kind) && !expanded.wholes.contains_key(key);
        if self.held.keys().any(unknown) {
            let named = self.desired.values().flat_map(|desired| &desired.references);
            let named: BTreeSet<Key> = named.map(|reference| reference.target.clone()).collect();
            self.assumed = named.into_iter().filter(|key| !self.is_given(key)).collect();
        }
    }

    fn is_given(&self, key: &Key) -> bool {
        self.desired.contains_key(key) || self.held.contains_key(key) || self.held_parts.contains_key(key)
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

fn by_target(desired: &BTreeMap<Key, Desired>) -> BTreeMap<Key, BTreeSet<Key>> {
    let mut by_target: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for (key, desired) in desired {
        for reference in &desired.references {
            by_target.entry(reference.target.clone()).or_default().insert(key.clone());
        }
    }
    by_target
}

#[cfg(test)]
pub(crate) mod tests;
