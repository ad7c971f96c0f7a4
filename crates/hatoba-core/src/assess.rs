//! The judgement of one document: what it asks for against what was seen. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::action::{Change, Creation, TagChange, Target};
use crate::diff::{Fix, at_creation, diff};
use crate::mark::{LABELS, labels_written};
use crate::path;
use crate::{
    Cause, Desired, FieldDrift, Key, Life, Mark, MarkStyle, Object, Readiness, ReplacePolicy, ReplaceStyle,
    Resolved, Seen,
};

/// What assessment may look at beside the document itself.
pub struct Sight<'a, 'c> {
    /// Our owner name.
    pub owner: &'c str,
    /// Every object of the kind in the scope, or why they are not known.
    pub objects: Result<Vec<&'a Object>, Cause>,
    /// The id that this process has known as this document's resource.
    pub remembered: Option<&'c str>,
    /// The highest incarnation that this process has made for this document.
    pub last_incarnation: u32,
    /// Whether a key is a document of the source.
    pub is_document: &'c dyn Fn(&Key) -> bool,
    /// How many resources use this one.
    pub users: &'c dyn Fn(&Object) -> usize,
    /// Documents whose resources should be made first, where there is a choice.
    pub first: BTreeSet<Key>,
}

/// What follows from the comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// AWS is as the document says.
    InSync,
    /// It is getting there by itself.
    Settling(Cause),
    /// Nothing is there.
    Create(Creation),
    /// Something differs.
    Update(Change),
    /// Something differs that can only be had by a new resource beside the old one.
    Replace(Creation, Vec<FieldDrift>),
    /// Other documents' resources are not there yet.
    WaitingFor(BTreeSet<Key>),
    /// Not enough was seen to say; nothing is done.
    Unknown(Cause),
    /// A human must act.
    Stalled(Cause),
}

/// A verdict and what it rests on.
#[derive(Clone, Debug)]
pub struct Assessment<'a> {
    /// What follows.
    pub verdict: Verdict,
    /// The resource that counts as the document's.
    pub current: Option<&'a Object>,
    /// More resources that bear this document's mark.
    pub surplus: Vec<Surplus<'a>>,
    /// Worth saying beside it.
    pub notes: Vec<Cause>,
    /// Fields in which the current resource differs, for verdicts that do not name them.
    pub(crate) differs: Vec<String>,
}

/// A resource that bears a document's mark beside the current one.
#[derive(Clone, Debug)]
pub struct Surplus<'a> {
    /// The resource.
    pub object: &'a Object,
    /// Why it is there.
    pub why: SurplusKind,
}

/// Why there is more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SurplusKind {
    /// The same incarnation twice: an answer was lost.
    Twin,
    /// An earlier incarnation.
    Superseded,
}

impl<'a> Assessment<'a> {
    fn of(verdict: Verdict) -> Self {
        Assessment { verdict, current: None, surplus: Vec::new(), notes: Vec::new(), differs: Vec::new() }
    }
}

/// Judges one document whose references are resolved.
pub fn assess<'a>(desired: &Desired, resolved: &Resolved, sight: &Sight<'a, '_>) -> Assessment<'a> {
    let objects = match &sight.objects {
        Ok(objects) => objects,
        Err(cause) => return Assessment::of(Verdict::Unknown(cause.clone())),
    };
    let found = find(desired, resolved, objects, sight);
    match found {
        Found::Mine { current, surplus } => {
            let mut assessment = assess_current(desired, resolved, current, sight);
            let made_after = incarnation(current) < newest_incarnation(desired, objects, sight.owner);
            if made_after && let Some(verdict) = replacement_under_way(desired, resolved, objects, sight) {
                assessment.verdict = verdict;
            }
            assessment.surplus = surplus;
            assessment
        }
        Found::Unmade(incarnation) if sight.first.is_empty() => {
            Assessment::of(Verdict::Create(creation(desired, resolved, sight, incarnation)))
        }
        Found::Unmade(_) => Assessment::of(Verdict::WaitingFor(sight.first.clone())),
        Found::Going(cause) => Assessment::of(Verdict::Settling(cause)),
        Found::Unread(cause) => Assessment::of(Verdict::Unknown(cause)),
        Found::NotOurs(cause) => Assessment::of(Verdict::Stalled(cause)),
    }
}

enum Found<'a> {
    Mine { current: &'a Object, surplus: Vec<Surplus<'a>> },
    Unmade(u32),
    Going(Cause),
    Unread(Cause),
    NotOurs(Cause),
}

/// Finds the document's resource: by mark, by what this process remembers, by natural key.
fn find<'a>(desired: &Desired, resolved: &Resolved, objects: &[&'a Object], sight: &Sight<'a, '_>) -> Found<'a> {
    let inherited = matches!(desired.table.marks, MarkStyle::Inherited(_));
    let natural_key = desired.natural_key().unwrap_or(&desired.key.name);
    let is_mine = |object: &Object| match &object.mark {
        Seen::Present(mark) if inherited => mark.owner == sight.owner && object.natural_key == natural_key,
        Seen::Present(mark) => mark.owner == sight.owner && mark.document == desired.key,
        // A child in an API of ours that bears nobody's mark and has our key.
        Seen::Absent if inherited => object.natural_key == natural_key,
        Seen::Absent => sight.remembered == Some(object.id.as_str()),
        Seen::Unknown(_) => false,
    };
    let mut mine: Vec<&Object> =
        objects.iter().copied().filter(|object| !object.is_leaving() && is_mine(object)).collect();
    if mine.is_empty() {
        mine = taken_over(desired, resolved, objects, sight, natural_key);
    }
    if !mine.is_empty() {
        return choose(mine, sight);
    }
    let may_be_mine = |object: &Object| {
        object.natural_key == natural_key || sight.remembered == Some(object.id.as_str())
    };
    let unread = |object: &&&Object| {
        !object.is_leaving() && may_be_mine(object) && matches!(object.mark, Seen::Unknown(_))
    };
    if let Some(unread) = objects.iter().find(unread) {
        let message = format!("the tags of {} have not been read", unread.id);
        return Found::Unread(Cause::new("TagsUnread", message));
    }
    for object in objects.iter().filter(|object| object.natural_key == natural_key) {
        if let Some(found) = in_the_way(desired, object) {
            return found;
        }
    }
    Found::Unmade(next_incarnation(desired, objects, sight))
}

/// One more than any that was seen, those going away among them, or made by this process.
fn next_incarnation(desired: &Desired, objects: &[&Object], sight: &Sight<'_, '_>) -> u32 {
    let seen = objects.iter().filter_map(|object| mark_of(object, sight.owner, &desired.key)).max();
    // Anybody may write a mark's number: the largest there is must not break us.
    seen.unwrap_or(0).max(sight.last_incarnation).saturating_add(1)
}

/// An object that holds the name that we would use.
fn in_the_way<'a>(desired: &Desired, object: &Object) -> Option<Found<'a>> {
    match (object.life.clone(), &object.mark) {
        (Life::Leaving { holds_name: true }, _) => Some(Found::Going(Cause::new(
            "Draining",
            format!("{} is going away; its name is free afterwards", object.id),
        ))),
        (Life::Leaving { holds_name: false }, _) => None,
        _ if !desired.table.unique => None,
        (_, Seen::Present(mark)) => Some(Found::NotOurs(Cause::new(
            "OwnedByAnother",
            format!("{} belongs to {} of owner {}", object.id, mark.document, mark.owner),
        ))),
        _ => Some(Found::NotOurs(Cause::new(
            "NotOurs",
            format!("{} of that name exists without our mark; `policy.adopt` takes it over", object.id),
        ))),
    }
}

/// Resources that changed hands without a create: a renamed document, an integration whose mark was edited away.
fn taken_over<'a>(
    desired: &Desired,
    resolved: &Resolved,
    objects: &[&'a Object],
    sight: &Sight<'a, '_>,
    natural_key: &str,
) -> Vec<&'a Object> {
    let fits = |object: &&&Object| match (&object.mark, desired.table.marks) {
        // The document was renamed: its old name is no document any more.
        (Seen::Present(mark), _) if desired.table.unique => {
            mark.owner == sight.owner
                && mark.document.kind == desired.key.kind
                && object.natural_key == natural_key
                && !(sight.is_document)(&mark.document)
        }
        // A child of ours by name in a parent of ours, and nobody's mark on it.
        (Seen::Absent, MarkStyle::Tags) => {
            desired.table.parent.is_some()
                && desired.table.unique
                && object.natural_key == natural_key
                && object.tags.is_some()
        }
        // An integration in an API of ours that differs in nothing but the edited description.
        (Seen::Absent, MarkStyle::Description) => {
            diff(desired, resolved, &object.members).drift.iter().all(|drift| drift.path == "description")
        }
        _ => false,
    };
    let found: Vec<&Object> =
        objects.iter().filter(|object| !object.is_leaving()).filter(fits).copied().collect();
    if found.len() == 1 { found } else { Vec::new() }
}

/// The current one among those that bear the mark: the highest usable incarnation; of twins the one with
/// users, else the oldest, else the smallest id.
fn choose<'a>(mut mine: Vec<&'a Object>, sight: &Sight<'a, '_>) -> Found<'a> {
    mine.sort_by_key(|object| {
        (
            std::cmp::Reverse((object.is_usable(), incarnation(object))),
            std::cmp::Reverse((sight.users)(object) > 0),
            object.created_at_ms.unwrap_or(i64::MAX),
            object.id.clone(),
        )
    });
    let current = mine[0];
    let surplus = mine[1..]
        .iter()
        // What bears no mark is never ours to remove, however we came to know it.
        .filter(|object| object.mark.present().is_some() && incarnation(object) <= incarnation(current))
        .map(|object| Surplus {
            object,
            why: if incarnation(object) == incarnation(current) {
                SurplusKind::Twin
            } else {
                SurplusKind::Superseded
            },
        })
        .collect();
    Found::Mine { current, surplus }
}

fn incarnation(object: &Object) -> u32 {
    object.mark.present().map_or(1, |mark| mark.incarnation)
}

fn mark_of(object: &Object, owner: &str, key: &Key) -> Option<u32> {
    let mark = object.mark.present()?;
    (mark.owner == owner && mark.document == *key).then_some(mark.incarnation)
}

fn newest_incarnation(desired: &Desired, objects: &[&Object], owner: &str) -> u32 {
    let living = objects.iter().filter(|object| !object.is_leaving());
    living.filter_map(|object| mark_of(object, owner, &desired.key)).max().unwrap_or(1)
}

/// What the newest incarnation does while an older one still serves; `None`: it does not bear on the verdict.
fn replacement_under_way(
    desired: &Desired,
    resolved: &Resolved,
    objects: &[&Object],
    sight: &Sight<'_, '_>,
) -> Option<Verdict> {
    // Of twins the one that may still get there speaks.
    let newest = objects.iter().filter(|object| !object.is_leaving()).max_by_key(|object| {
        (mark_of(object, sight.owner, &desired.key).unwrap_or(0), object.life != Life::Failed, &object.id)
    })?;
    let drift = diff(desired, resolved, &newest.members).drift;
    (!is_past_saving(desired, newest, &drift)).then(|| not_live(newest))
}

/// What a resource that is not live comes to.
fn not_live(object: &Object) -> Verdict {
    let cause = match &object.readiness {
        Readiness::Settling(cause) | Readiness::NotReady(cause) => cause.clone(),
        Readiness::Ready => Cause::new("NotLive", format!("{} is not live", object.id)),
    };
    match object.life {
        Life::Failed => Verdict::Stalled(cause),
        Life::Live | Life::Pending | Life::Leaving { .. } => Verdict::Settling(cause),
    }
}

/// Whether a resource failed and the document has changed since: another one can be made, and may succeed.
fn is_past_saving(desired: &Desired, object: &Object, drift: &[FieldDrift]) -> bool {
    object.life == Life::Failed
        && desired.table.replace == ReplaceStyle::MakeBeforeBreak
        && drift.iter().any(|drift| drift.fix == Fix::Replace)
}

fn assess_current<'a>(
    desired: &Desired,
    resolved: &Resolved,
    current: &'a Object,
    sight: &Sight<'a, '_>,
) -> Assessment<'a> {
    let found = diff(desired, resolved, &current.members);
    let differs = found.drift.iter().map(|drift| drift.path.clone()).collect();
    let verdict = if current.is_usable() || is_past_saving(desired, current, &found.drift) {
        compare(desired, resolved, current, sight, found.drift)
    } else {
        not_live(current)
    };
    Assessment { verdict, current: Some(current), surplus: Vec::new(), notes: found.notes, differs }
}

fn compare(
    desired: &Desired,
    resolved: &Resolved,
    current: &Object,
    sight: &Sight<'_, '_>,
    drift: Vec<FieldDrift>,
) -> Verdict {
    if drift.iter().any(|drift| drift.fix == Fix::Replace) {
        return replace(desired, resolved, current, sight, drift);
    }
    let mark = Mark {
        owner: sight.owner.to_owned(),
        document: desired.key.clone(),
        incarnation: incarnation(current),
        deletion: desired.policy.deletion,
    };
    let tags = tag_change(desired, current, &mark);
    let mark_is_lost = desired.table.marks == MarkStyle::Description && current.mark.present().is_none();
    if drift.is_empty() && tags.is_empty() && !mark_is_lost {
        return match &current.readiness {
            Readiness::Ready | Readiness::NotReady(_) => Verdict::InSync,
            Readiness::Settling(cause) => Verdict::Settling(cause.clone()),
        };
    }
    let mut after = Value::Object(current.members.clone());
    for drift in &drift {
        path::set(&mut after, &drift.path, drift.to.clone());
    }
    let after = match after {
        Value::Object(after) => after,
        _ => current.members.clone(),
    };
    Verdict::Update(Change { target: target(desired, resolved, current), mark, drift, tags, after })
}

fn replace(
    desired: &Desired,
    resolved: &Resolved,
    current: &Object,
    sight: &Sight<'_, '_>,
    drift: Vec<FieldDrift>,
) -> Verdict {
    let fields = drift.iter().filter(|drift| drift.fix == Fix::Replace).map(|drift| drift.path.as_str());
    let fields = fields.collect::<Vec<_>>().join(", ");
    match (desired.table.replace, desired.policy.replace) {
        (ReplaceStyle::MakeBeforeBreak, _) => {
            let objects = sight.objects.as_deref().unwrap_or_default();
            let next = next_incarnation(desired, objects, sight).max(incarnation(current).saturating_add(1));
            Verdict::Replace(creation(desired, resolved, sight, next), drift)
        }
        (ReplaceStyle::DeleteFirst, ReplacePolicy::MakeBeforeBreak) => Verdict::Stalled(Cause::new(
            "NeedsDowntime",
            format!(
                "{fields} cannot be changed in place and the name is unique: `policy.replace: AllowDowntime` would delete it first"
            ),
        )),
        (ReplaceStyle::DeleteFirst, ReplacePolicy::AllowDowntime) => Verdict::Stalled(Cause::new(
            "ReplaceByHand",
            format!(
                "{fields} cannot be changed in place; deleting first is not done by this version: delete it by hand, it is made anew"
            ),
        )),
    }
}

fn creation(desired: &Desired, resolved: &Resolved, sight: &Sight<'_, '_>, incarnation: u32) -> Creation {
    let mark = Mark {
        owner: sight.owner.to_owned(),
        document: desired.key.clone(),
        incarnation,
        deletion: desired.policy.deletion,
    };
    Creation {
        scope: resolved.scope.clone(),
        tags: mark.to_tags(&desired.labels),
        members: at_creation(desired.table, resolved),
        mark,
    }
}

fn target(desired: &Desired, resolved: &Resolved, object: &Object) -> Target {
    Target {
        kind: desired.table.kind.to_owned(),
        scope: resolved.scope.clone(),
        id: object.id.clone(),
        arn: object.arn.clone(),
    }
}

/// Marks and labels against the tags that are there; system tags and foreign tags are none of ours.
fn tag_change(desired: &Desired, current: &Object, mark: &Mark) -> TagChange {
    let takes_tags = matches!(desired.table.marks, MarkStyle::Tags | MarkStyle::TagsReadApart);
    let (true, Some(have)) = (takes_tags, &current.tags) else { return TagChange::default() };
    let wanted = mark.to_tags(&desired.labels);
    let set: BTreeMap<String, String> = wanted
        .iter()
        .filter(|(key, value)| have.get(*key) != Some(value))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    // `hatoba:labels` is a tag that anybody may edit: it must not make us touch AWS's own tags.
    let ours = labels_written(have).into_iter().filter(|key| !key.to_lowercase().starts_with("aws:"));
    let remove = ours
        .chain([LABELS.to_owned()])
        .filter(|key| have.contains_key(key) && !wanted.contains_key(key))
        .collect();
    TagChange { set, remove }
}

#[cfg(test)]
#[path = "tests/assess.rs"]
mod tests;
