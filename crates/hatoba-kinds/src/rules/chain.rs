//! All documents, with who names whom looked up once: no rule compares all with all.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Desired, Key, OmittedPolicy, path};
use serde_json::Value;

/// All compiled documents, indexed.
pub(super) struct Chain<'a> {
    documents: &'a BTreeMap<Key, Desired>,
    by_kind: BTreeMap<&'a str, Vec<&'a Desired>>,
    /// By the kind of those who name, and whom they name.
    naming: BTreeMap<(&'a str, &'a Key), Vec<&'a Desired>>,
    held_kinds: BTreeSet<&'a str>,
    /// How many documents were handed out, all rules together.
    #[cfg(test)]
    pub(super) looks: std::cell::Cell<usize>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(documents: &'a BTreeMap<Key, Desired>, held: &'a BTreeSet<Key>) -> Self {
        let mut by_kind: BTreeMap<&str, Vec<&Desired>> = BTreeMap::new();
        let mut naming: BTreeMap<(&str, &Key), Vec<&Desired>> = BTreeMap::new();
        for (key, desired) in documents {
            by_kind.entry(&key.kind).or_default().push(desired);
            let named: BTreeSet<&Key> =
                desired.references.iter().map(|reference| &reference.target).collect();
            for target in named {
                naming.entry((&key.kind, target)).or_default().push(desired);
            }
        }
        Chain {
            documents,
            by_kind,
            naming,
            held_kinds: held.iter().map(|key| key.kind.as_str()).collect(),
            #[cfg(test)]
            looks: std::cell::Cell::default(),
        }
    }

    /// Every document of that kind, by name.
    pub(super) fn of(&self, kind: &str) -> &[&'a Desired] {
        self.counted(self.by_kind.get(kind).map(Vec::as_slice).unwrap_or_default())
    }

    /// The documents of that kind which name `target`.
    pub(super) fn naming(&self, kind: &'a str, target: &'a Key) -> &[&'a Desired] {
        self.counted(self.naming.get(&(kind, target)).map(Vec::as_slice).unwrap_or_default())
    }

    /// The documents of that kind, by the API in which they stand.
    pub(super) fn by_api(&self, kind: &str) -> impl Iterator<Item = (&'a Key, &[&'a Desired])> {
        let named =
            self.naming.iter().filter(move |((by, target), _)| *by == kind && target.kind == "HttpApi");
        named.map(|((_, api), children)| (*api, self.counted(children)))
    }

    /// The document that fills `member`, if it is among the good ones.
    pub(super) fn filled_by(&self, desired: &'a Desired, member: &str) -> Option<&'a Desired> {
        self.documents.get(target(desired, member)?)
    }

    /// The document of that key.
    pub(super) fn get(&self, key: &Key) -> Option<&'a Desired> {
        self.documents.get(key)
    }

    /// Whether a document of that kind is held: then nobody knows how many there are.
    pub(super) fn holds_any(&self, kind: &str) -> bool {
        self.held_kinds.contains(kind)
    }

    fn counted<'s>(&self, found: &'s [&'a Desired]) -> &'s [&'a Desired] {
        #[cfg(test)]
        self.looks.set(self.looks.get() + found.len());
        found
    }
}

/// The document that fills `member`.
pub(super) fn target<'a>(desired: &'a Desired, member: &str) -> Option<&'a Key> {
    desired.references.iter().find(|reference| reference.path == member).map(|reference| &reference.target)
}

/// The path of what fills `member`: the reference, where there is one, else the member itself.
pub(super) fn written_at(desired: &Desired, member: &str) -> String {
    let reference = desired.references.iter().find(|reference| reference.path == member);
    reference.map_or(member, |reference| &reference.field).to_owned()
}

/// A member as the document states it; `null` is not stated.
pub(super) fn stated<'a>(desired: &'a Desired, member: &str) -> Option<&'a Value> {
    path::get_member(&desired.members, member).filter(|value| !value.is_null())
}

/// A text as the document states it.
pub(super) fn text<'a>(desired: &'a Desired, member: &str) -> Option<&'a str> {
    stated(desired, member).and_then(Value::as_str)
}

/// The items of a list; none where there is no list.
pub(super) fn items<'a>(desired: &'a Desired, member: &str) -> &'a [Value] {
    stated(desired, member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether the document says, by leaving it out too, that there is no such member.
pub(super) fn is_absent(desired: &Desired, member: &str) -> bool {
    let is_filled = || {
        desired.references.iter().any(|reference| reference.path == member)
            || desired.lookups.iter().any(|lookup| lookup.path == member)
    };
    stated(desired, member).is_none() && desired.policy.omitted == OmittedPolicy::Default && !is_filled()
}

/// The text that holds: the stated one, or AWS's default; `None` where it is not known.
pub(super) fn in_effect<'a>(desired: &'a Desired, member: &str, default: &'a str) -> Option<&'a str> {
    text(desired, member).or_else(|| is_absent(desired, member).then_some(default))
}
