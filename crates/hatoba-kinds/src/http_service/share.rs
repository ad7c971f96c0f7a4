//! Puts the parts of all documents together: what several imply is one document, and what two make differently clashes.

use std::collections::BTreeMap;

use hatoba_core::{
    Deletion, Diagnostic, Document, Drift, FieldMode, Key, MarkStyle, OmittedPolicy, Policy, ReplacePolicy,
    Selectors,
};

use super::Facts;
use super::reader::{One, Part};
use crate::KindId;
use crate::expand::{Expanded, Whole};

/// One part and the document that asks for it.
type Asked<'a> = (&'a Document, Part);

/// All parts as documents, and what is wrong between them.
pub(super) fn gather<'a>(made: Vec<(&'a Document, One)>, facts: &Facts<'_>) -> Expanded {
    let mut expanded = Expanded::default();
    let mut asked: BTreeMap<Key, Vec<Asked<'a>>> = BTreeMap::new();
    for (document, one) in made {
        let whole = Whole {
            digest: Some(document.digest.clone()),
            file: document.places.file().to_owned(),
            outputs: one.outputs,
            probe: document.policy.probe.clone(),
            ..Whole::default()
        };
        expanded.wholes.insert(document.key.clone(), whole);
        expanded.warnings.extend(one.warnings);
        for part in one.parts {
            asked.entry(part.key.clone()).or_default().push((document, part));
        }
    }
    for (key, mut asked) in asked {
        asked.sort_by(|(a, _), (b, _)| a.key.cmp(&b.key));
        if is_written(&key, &asked, facts, &mut expanded.held) {
            continue;
        } else if let Some(found) = clash(&key, &asked) {
            for (whole, found) in found {
                expanded.held.entry(whole).or_default().push(found);
            }
        } else {
            expanded.documents.push(document(&key, &asked));
        }
        for (whole, part) in asked {
            if let Some(whole) = expanded.wholes.get_mut(&whole.key) {
                whole.parts.insert(key.clone(), part.paths);
            }
        }
    }
    expanded
}

/// Whether somebody wrote a document of that name. It wins if it says the same, and is no part; else the others are held.
fn is_written(
    key: &Key,
    asked: &[Asked<'_>],
    facts: &Facts<'_>,
    held: &mut BTreeMap<Key, Vec<Diagnostic>>,
) -> bool {
    let single = facts.singles.get(key);
    if single.is_none() && !facts.held.contains(key) {
        return false;
    }
    for (whole, part) in asked {
        let differs = single.and_then(|single| {
            part.spec.iter().find(|(member, value)| {
                let given = single.spec.get(*member);
                let is_name = *member == "name" && given.is_none();
                !is_name && given != Some(value)
            })
        });
        let message = match differs {
            _ if !part.is_shared => format!("this makes {key}, and there is a document of that name"),
            Some((member, _)) => {
                format!("this implies {key}, and the document of that name has another `{member}`")
            }
            None => continue,
        };
        let hint = "one of them must go, take another name, or say the same";
        held.entry(whole.key.clone()).or_default().push(said(whole, part, message).hint(hint));
    }
    true
}

/// What differs between documents that imply the same one; said at each of them.
fn clash(key: &Key, asked: &[Asked<'_>]) -> Option<Vec<(Key, Diagnostic)>> {
    let equal = asked.windows(2).all(|pair| pair[0].1.is_shared && pair[0].1.spec == pair[1].1.spec);
    if asked.len() == 1 || equal {
        return None;
    }
    let found = asked.iter().map(|(whole, part)| {
        let others = asked.iter().filter(|(other, _)| other.key != whole.key);
        let others = others.map(|(other, _)| other.key.to_string()).collect::<Vec<_>>().join(", ");
        let message = format!("this implies {key} otherwise than {others}");
        let hint = "say the same in all of them, or write that document and name it";
        (whole.key.clone(), said(whole, part, message).hint(hint))
    });
    Some(found.collect())
}

fn said(whole: &Document, part: &Part, message: String) -> Diagnostic {
    let at = part.paths.first().map(|(_, at)| at.clone()).unwrap_or_default();
    Diagnostic::error(whole.places.value(&at), at, message)
}

fn document(key: &Key, asked: &[Asked<'_>]) -> Document {
    let (first, part) = &asked[0];
    let mut labels = first.labels.clone();
    labels.retain(|label, value| asked.iter().all(|(other, _)| other.labels.get(label) == Some(value)));
    let policies = asked.iter().map(|(other, part)| policy(key, &other.policy, &part.fields));
    let policy = policies.reduce(careful).unwrap_or_default();
    let policy = Policy { uses_unmarked: part.is_shared, ..policy };
    Document::new(key.clone(), labels, part.spec.clone(), policy, first.places.moved(&part.paths))
}

/// The policy of a part: the document's own, as far as the part can have one.
fn policy(key: &Key, of: &Policy, fields: &BTreeMap<String, FieldMode>) -> Policy {
    let keep_deployments = of.keep_deployments.filter(|_| key.kind == "Stage");
    let fields = fields.clone();
    // The whole has one probe, not each of its parts.
    let mut policy = Policy { adopt: None, probe: None, fields, keep_deployments, ..of.clone() };
    let marks = KindId::of(&key.kind).map(|kind| kind.table().marks);
    let takes_tags = marks.is_none_or(|marks| matches!(marks, MarkStyle::Tags | MarkStyle::TagsReadApart));
    if !takes_tags {
        // Its mark carries no word on deletion; that of the API, which takes tags, holds.
        policy.deletion = None;
    }
    policy
}

/// What several documents share is treated as the most careful of them says.
fn careful(a: Policy, b: Policy) -> Policy {
    let any = |holds: &dyn Fn(&Policy) -> bool| holds(&a) || holds(&b);
    Policy {
        deletion: any(&|p| p.deletion() == Deletion::Retain).then_some(Deletion::Retain),
        drift: if any(&|p| p.drift == Drift::Report) { Drift::Report } else { Drift::Repair },
        suspend: any(&|p| p.suspend),
        omitted: match any(&|p| p.omitted == OmittedPolicy::Untouched) {
            true => OmittedPolicy::Untouched,
            false => OmittedPolicy::Default,
        },
        selectors: match any(&|p| p.selectors == Selectors::Pin) {
            true => Selectors::Pin,
            false => Selectors::Follow,
        },
        replace: match any(&|p| p.replace == ReplacePolicy::MakeBeforeBreak) {
            true => ReplacePolicy::MakeBeforeBreak,
            false => ReplacePolicy::AllowDowntime,
        },
        ..a
    }
}
