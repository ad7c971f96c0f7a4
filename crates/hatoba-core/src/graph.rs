//! How documents hang together: dangling references, cycles, clashes, order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::{Desired, Key, OUTPUT_NAME, Reference, did_you_mean, one_of, path};

/// So many names are listed where none is like the one that was given.
const KNOWN_SHOWN_MAX: usize = 8;

/// What is wrong with one document among the others: path in the document, sentence, hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where in the document.
    pub path: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Checks every document against all the others. A document with a problem is held; the others go on.
///
/// `held` are keys of documents that exist but could not be read: references to them are not dangling.
pub fn problems(documents: &BTreeMap<Key, Desired>, held: &BTreeSet<Key>) -> BTreeMap<Key, Vec<Problem>> {
    let mut found: BTreeMap<Key, Vec<Problem>> = BTreeMap::new();
    for (key, desired) in documents {
        found.entry(key.clone()).or_default().extend(dangling(desired, documents, held));
    }
    for key in documents.keys() {
        let Some(cycle) = cycle(key, documents) else { continue };
        let shown = cycle.iter().map(|key| key.to_string()).collect::<Vec<_>>().join(" → ");
        found.entry(key.clone()).or_default().push(Problem {
            path: String::new(),
            message: format!("references form a cycle: {shown}"),
            hint: Some("take one of the references out".to_owned()),
        });
    }
    for (key, problem) in clashes(documents) {
        found.entry(key).or_default().push(problem);
    }
    found.retain(|_, problems| !problems.is_empty());
    found
}

fn dangling(desired: &Desired, documents: &BTreeMap<Key, Desired>, held: &BTreeSet<Key>) -> Vec<Problem> {
    let exists = |key: &Key| documents.contains_key(key) || held.contains(key);
    let missing = desired.references.iter().filter(|reference| !exists(&reference.target));
    missing
        .map(|reference| {
            let target = &reference.target;
            let kinds = kinds(desired, reference);
            let same_kind = documents.keys().chain(held).filter(|key| kinds.contains(&key.kind.as_str()));
            // As they would be written: of the first kind by name, of another with it.
            let known: BTreeMap<String, &str> = same_kind
                .map(|key| match key.kind == kinds[0] {
                    true => (key.name.clone(), key.name.as_str()),
                    false => (key.to_string(), key.name.as_str()),
                })
                .collect();
            let guess = did_you_mean(&target.name, known.values().copied());
            let guess = guess.and_then(|guess| known.iter().find(|(_, name)| **name == guess));
            let (one, kinds) = (one_of(&kinds), kinds.join(" or "));
            let hint = match guess {
                Some((written, _)) => format!("did you mean `{written}`?"),
                None if known.is_empty() => format!("there is no document of kind {kinds}"),
                None if known.len() <= KNOWN_SHOWN_MAX => {
                    format!("there are {}", known.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
                }
                None => format!("none of the {} documents of that kind has such a name", known.len()),
            };
            Problem {
                path: format!("spec.{}", reference.field),
                message: format!("expected the name of {one} document, found no `{}`", target.name),
                hint: Some(hint),
            }
        })
        .collect()
}

/// The kinds of which a reference may name documents.
fn kinds<'a>(desired: &'a Desired, reference: &'a Reference) -> Vec<&'a str> {
    // `a[0].xRef` stands in the table as `a[].xRef`.
    let place: String = reference.field.chars().filter(|c| !c.is_ascii_digit()).collect();
    let field = desired.table.references.iter().find(|field| field.path == place);
    field.map_or_else(|| vec![reference.target.kind.as_str()], |field| field.kinds.to_vec())
}

/// The shortest way from a document along its references back to itself, both ends included.
///
/// What one document reaches is bounded by the kinds' reference tables (a chain of at most six kinds).
fn cycle<'a>(start: &'a Key, documents: &'a BTreeMap<Key, Desired>) -> Option<Vec<&'a Key>> {
    let mut came_from: BTreeMap<&Key, &Key> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(key) = queue.pop_front() {
        for reference in documents.get(key).into_iter().flat_map(|desired| &desired.references) {
            let target = &reference.target;
            if came_from.contains_key(target) {
                continue;
            }
            came_from.insert(target, key);
            queue.push_back(target);
        }
        if came_from.contains_key(start) {
            break;
        }
    }
    let mut way = vec![start, *came_from.get(start)?];
    while way[way.len() - 1] != start {
        way.push(came_from[way[way.len() - 1]]);
    }
    way.reverse();
    Some(way)
}

/// Two documents that ask for the same resource in AWS.
fn clashes(documents: &BTreeMap<Key, Desired>) -> Vec<(Key, Problem)> {
    let mut claims: BTreeMap<(String, String, String), Vec<&Key>> = BTreeMap::new();
    let is_one = |desired: &Desired| desired.table.unique || desired.table.replace.revisions().is_some();
    for (key, desired) in documents.iter().filter(|(_, desired)| is_one(desired)) {
        let natural_key = desired.name().to_owned();
        claims.entry((key.kind.clone(), scope(desired, documents), natural_key)).or_default().push(key);
    }
    let mut found = Vec::new();
    for ((_, _, natural_key), keys) in claims.iter().filter(|(_, keys)| keys.len() > 1) {
        let what = match natural_key.as_str() {
            "" => "the one without a name".to_owned(),
            name => format!("`{name}`"),
        };
        for key in keys {
            let others =
                keys.iter().filter(|other| other != &key).map(|other| other.to_string()).collect::<Vec<_>>();
            found.push((
                (*key).clone(),
                Problem {
                    path: "spec".to_owned(),
                    message: format!("asks for {what}, and so does {}", others.join(", ")),
                    hint: Some("one of them must go or take another name".to_owned()),
                },
            ));
        }
    }
    found
}

/// The scope as far as documents tell it: by AWS's name where the scope is known by one, else by the parent.
fn scope(desired: &Desired, documents: &BTreeMap<Key, Desired>) -> String {
    let Some(member) = desired.table.scope_member else { return String::new() };
    let Some(parent) = desired.references.iter().find(|reference| reference.path == member) else {
        return path::get_member(&desired.members, member)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
    };
    let named = documents.get(&parent.target).filter(|_| parent.output == OUTPUT_NAME);
    named.and_then(Desired::natural_key).map_or_else(|| parent.target.to_string(), str::to_owned)
}

/// The documents ordered so that each comes after those it names.
pub fn creation_order(documents: &BTreeMap<Key, Desired>) -> Vec<Key> {
    let mut order = Vec::new();
    let mut placed = BTreeSet::new();
    let mut left: BTreeSet<&Key> = documents.keys().collect();
    while !left.is_empty() {
        let is_ready = |key: &Key| {
            documents[key]
                .references
                .iter()
                .all(|r| placed.contains(&r.target) || !documents.contains_key(&r.target))
        };
        let ready: Vec<&Key> = left.iter().copied().filter(|key| is_ready(key)).collect();
        // A cycle never gets ready; its documents are held and come last.
        let ready = if ready.is_empty() { left.iter().copied().collect() } else { ready };
        for key in ready {
            left.remove(key);
            placed.insert(key.clone());
            order.push(key.clone());
        }
    }
    order
}

#[cfg(test)]
#[path = "tests/graph.rs"]
mod tests;
