//! The judgement of one document: what it asks for against what was seen. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::action::{Change, Creation, TagChange, Target, forced};
use crate::diff::{Diff, Fix, at_creation, content, diff};
use crate::find::{
    Found, bears_the_name, copies, find, incarnation, is_drained, mark_of, newest_incarnation,
    next_incarnation,
};
use crate::mark::{CONTENT, LABELS, NAMED, labels_written, name_list};
use crate::path;
use crate::{
    Cause, Desired, FieldDrift, Key, Life, Mark, MarkStyle, Object, Readiness, ReplacePolicy, ReplaceStyle,
    Resolved,
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
    /// Natural keys in the scope that other documents ask for.
    pub claimed: BTreeSet<String>,
    /// Who uses a resource, by everything that is known.
    pub used_by: &'c dyn Fn(&Object) -> UsedBy,
    /// Documents whose resources should be made first, where there is a choice.
    pub first: BTreeSet<Key>,
    /// Children that are ours by name: what its tag `hatoba:named` is to list.
    pub named: BTreeSet<String>,
    /// The document that gives the scope, while its resource is taken down to be made anew.
    pub leaving: Option<&'c Key>,
    /// Documents that are named and whose resources are taken down: what names them counts as left out.
    pub released: BTreeSet<Key>,
}

/// Who uses a resource. The last is the strongest sign that the resource is the one that serves: a mark may be
/// copied, and a copy has users of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsedBy {
    /// Nothing.
    Nobody,
    /// Only what does not bear our mark.
    Others,
    /// Something that bears our mark.
    Ours,
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
    /// Something differs that can only be had by deleting this one first: its name is unique.
    TakeDown(Target, Vec<FieldDrift>),
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
    /// Copies of this document's mark on what is somebody else's.
    pub copies: Vec<&'a Object>,
    /// Worth saying beside it.
    pub notes: Vec<Cause>,
    /// The id of a newer resource that is on its way to take the current one's place.
    pub successor: Option<String>,
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
    /// Whether what is beside the current one may go, as far as that one is concerned: what runs behind it must run before
    /// what was replaced goes. One that fails, or has been emptied, leaves the old one serving. What was emptied itself and
    /// has the name that is asked for is waited for.
    pub fn lets_go(&self, desired: &Desired, surplus: &Surplus<'_>) -> bool {
        let runs = |current: &Object| {
            current.is_usable() && current.readiness == Readiness::Ready && !is_drained(desired, current)
        };
        let name = desired.name();
        let is_waited_for = surplus.object.natural_key == *name && is_drained(desired, surplus.object);
        surplus.why == SurplusKind::Twin || self.current.is_some_and(runs) || is_waited_for
    }

    fn of(verdict: Verdict) -> Self {
        Assessment {
            verdict,
            current: None,
            surplus: Vec::new(),
            copies: Vec::new(),
            notes: Vec::new(),
            successor: None,
            differs: Vec::new(),
        }
    }
}

/// Judges one document whose references are resolved.
pub fn assess<'a>(desired: &Desired, resolved: &Resolved, sight: &Sight<'a, '_>) -> Assessment<'a> {
    let objects = match &sight.objects {
        Ok(objects) => objects,
        Err(cause) => return Assessment::of(Verdict::Unknown(cause.clone())),
    };
    let copies = copies(desired, objects, sight);
    let is_other = |object: &&&Object| copies.iter().all(|copy| copy.id != object.id);
    let objects: Vec<&Object> = objects.iter().filter(is_other).copied().collect();
    let mut assessment = assess_found(desired, resolved, &objects, sight);
    assessment.notes.extend(copies.iter().map(|copy| {
        let message = format!(
            "{} bears this document's mark too and is not its: its marks are a copy, and it is left alone",
            copy.id
        );
        Cause::new("DuplicateInUse", message)
    }));
    assessment.copies = copies;
    assessment
}

/// The judgement by what may be the document's.
fn assess_found<'a>(
    desired: &Desired,
    resolved: &Resolved,
    objects: &[&'a Object],
    sight: &Sight<'a, '_>,
) -> Assessment<'a> {
    match find(desired, resolved, objects, sight) {
        Found::Mine { current, surplus } => {
            let mut assessment = match sight.leaving {
                Some(parent) => leave(desired, resolved, current, parent),
                None => assess_current(desired, resolved, current, sight),
            };
            // Of revisions any may be the one that is asked for, and a name is asked for by the document.
            let made_after = desired.table.replace.revisions().is_none()
                && !bears_the_name(desired, resolved, current)
                && incarnation(current) < newest_incarnation(desired, objects, sight.owner);
            if made_after
                && let Some((newest, verdict)) = replacement_under_way(desired, resolved, objects, sight)
            {
                assessment.successor = Some(newest.id.clone());
                assessment.verdict = verdict;
            }
            if let Some(old) = holds_the_name(desired, &assessment.verdict, objects, sight.owner) {
                let mut beside = surplus.iter().filter(|surplus| surplus.object.id == old.id);
                assessment.verdict = match beside.all(|surplus| assessment.lets_go(desired, surplus)) {
                    true => {
                        let message = format!("{} of that name was replaced, and goes first", old.id);
                        Verdict::Settling(Cause::new("Draining", message))
                    }
                    false => {
                        let message = format!(
                            "{} of that name was replaced and has to go first, and stays while {} is not ready",
                            old.id, current.id
                        );
                        Verdict::Stalled(Cause::new("NeedsDowntime", message))
                    }
                };
            }
            assessment.surplus = surplus;
            if !sight.released.is_empty() && assessment.verdict == Verdict::InSync {
                assessment.verdict = Verdict::WaitingFor(sight.released.clone());
            }
            assessment
        }
        Found::Unmade(_) if sight.leaving.is_some() || !sight.released.is_empty() => {
            let waits = sight.leaving.cloned().into_iter().chain(sight.released.clone());
            Assessment::of(Verdict::WaitingFor(waits.collect()))
        }
        Found::Unmade(incarnation) if sight.first.is_empty() => {
            Assessment::of(Verdict::Create(creation(desired, resolved, sight, incarnation)))
        }
        Found::Unmade(_) => Assessment::of(Verdict::WaitingFor(sight.first.clone())),
        Found::Used(current) => {
            let message = format!("{} is there and bears nobody's mark: it is used as it is", current.id);
            Assessment {
                current: Some(current),
                notes: vec![Cause::new("UsedUnmarked", message)],
                ..Assessment::of(Verdict::InSync)
            }
        }
        Found::Going(cause) => Assessment::of(Verdict::Settling(cause)),
        Found::Unread(cause) => Assessment::of(Verdict::Unknown(cause)),
        Found::NotOurs(cause) => Assessment::of(Verdict::Stalled(cause)),
    }
}

/// A document was renamed and has its old name back, and the old resource is on its way out: AWS would refuse a second one
/// of that name for as long as it is there.
fn holds_the_name<'a>(
    desired: &Desired,
    verdict: &Verdict,
    objects: &[&'a Object],
    owner: &str,
) -> Option<&'a Object> {
    let name = desired.name();
    let is_made = matches!(verdict, Verdict::Replace(..)) && desired.table.has_one_bearer();
    let holds_it = |old: &&Object| {
        old.natural_key == *name
            && old.life != (Life::Leaving { holds_name: false })
            && mark_of(old, owner, desired).is_some()
    };
    objects.iter().copied().filter(|_| is_made).find(holds_it)
}

/// The newest incarnation and what it does while an older one still serves; `None`: it does not bear on the verdict.
fn replacement_under_way<'a>(
    desired: &Desired,
    resolved: &Resolved,
    objects: &[&'a Object],
    sight: &Sight<'_, '_>,
) -> Option<(&'a Object, Verdict)> {
    // Of twins the one that may still get there speaks.
    let newest = objects.iter().copied().filter(|object| !object.is_leaving()).max_by_key(|object| {
        (mark_of(object, sight.owner, desired).unwrap_or(0), object.life != Life::Failed, &object.id)
    })?;
    let drift = diff(desired, resolved, &newest.members).drift;
    (!is_past_saving(desired, newest, &drift)).then(|| (newest, not_live(newest)))
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
pub(crate) fn is_past_saving(desired: &Desired, object: &Object, drift: &[FieldDrift]) -> bool {
    object.life == Life::Failed
        && desired.table.replace != ReplaceStyle::DeleteFirst
        && drift.iter().any(|drift| drift.fix == Fix::Replace)
}

/// What stands in a resource that is taken down must go before it, if the operator allows.
fn leave<'a>(desired: &Desired, resolved: &Resolved, current: &'a Object, parent: &Key) -> Assessment<'a> {
    let member = desired.table.scope_member.unwrap_or_default().to_owned();
    let verdict = match desired.policy.replace {
        ReplacePolicy::AllowDowntime => Verdict::TakeDown(
            target(desired, resolved, current),
            vec![FieldDrift {
                path: member.clone(),
                from: Value::from(resolved.scope.clone()),
                to: Value::from(format!("(after {parent})")),
                fix: Fix::Replace,
            }],
        ),
        ReplacePolicy::MakeBeforeBreak => Verdict::Stalled(needs_downtime(&format!(
            "{member} cannot be changed in place, and {parent} is to be replaced"
        ))),
    };
    Assessment { current: Some(current), differs: vec![member], ..Assessment::of(verdict) }
}

fn needs_downtime(why: &str) -> Cause {
    Cause::new(
        "NeedsDowntime",
        format!(
            "{why}: it would have to be deleted first, with a gap; `policy.replace: AllowDowntime` allows that"
        ),
    )
}

fn assess_current<'a>(
    desired: &Desired,
    resolved: &Resolved,
    current: &'a Object,
    sight: &Sight<'a, '_>,
) -> Assessment<'a> {
    let found = match is_proven(content(desired, resolved).as_ref(), current) {
        true => Diff::default(),
        false => diff(desired, resolved, &current.members),
    };
    let differs = found.drift.iter().map(|drift| drift.path.clone()).collect();
    let mut notes = found.notes;
    let verdict = if current.is_usable() || is_past_saving(desired, current, &found.drift) {
        let verdict = compare(desired, resolved, current, sight, found.drift.clone());
        if let Verdict::Update(_) = verdict {
            // Its other fields are put right; what would need a gap is said.
            notes.extend(replaced(&found.drift).map(|fields| unique(&fields)));
        }
        verdict
    } else {
        not_live(current)
    };
    Assessment { current: Some(current), notes, differs, ..Assessment::of(verdict) }
}

/// The fields that only a new resource can have, if there are any.
fn replaced(drift: &[FieldDrift]) -> Option<String> {
    let fields = drift.iter().filter(|drift| drift.fix == Fix::Replace).map(|drift| drift.path.as_str());
    Some(fields.collect::<Vec<_>>().join(", ")).filter(|fields| !fields.is_empty())
}

fn unique(fields: &str) -> Cause {
    needs_downtime(&format!("{fields} cannot be changed in place, and the name is unique"))
}

/// Whether a revision bears the digest of exactly what the document asks for (its `content`). Nobody can edit a
/// revision, so the tag that was written with it is proof enough, whatever AWS has filled in since.
pub(crate) fn is_proven(content: Option<&String>, current: &Object) -> bool {
    let bears = current.tags.as_ref().and_then(|tags| tags.get(CONTENT));
    bears.is_some() && bears == content
}

fn compare(
    desired: &Desired,
    resolved: &Resolved,
    current: &Object,
    sight: &Sight<'_, '_>,
    drift: Vec<FieldDrift>,
) -> Verdict {
    let (replaced, drift): (Vec<_>, Vec<_>) = drift.into_iter().partition(|drift| drift.fix == Fix::Replace);
    if !replaced.is_empty()
        && let Some(verdict) = replace(desired, resolved, current, sight, &replaced, &drift)
    {
        return verdict;
    }
    let mark = Mark {
        owner: sight.owner.to_owned(),
        document: desired.key.clone(),
        incarnation: incarnation(current),
        deletion: desired.policy.deletion(),
    };
    let tags = tag_change(desired, current, &wanted_tags(desired, &mark, sight));
    // What was taken over still bears nobody's mark, or another's.
    let bears_it =
        current.mark.present().is_some_and(|has| has.owner == mark.owner && has.document == mark.document);
    let mark_is_lost = desired.table.marks == MarkStyle::Description && !bears_it;
    if drift.is_empty() && tags.is_empty() && !mark_is_lost {
        if let Some(fields) = self::replaced(&replaced) {
            return Verdict::Stalled(unique(&fields));
        }
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

/// How a new resource comes about; `None`: only by deleting this one first, and that is not allowed.
fn replace(
    desired: &Desired,
    resolved: &Resolved,
    current: &Object,
    sight: &Sight<'_, '_>,
    replaced: &[FieldDrift],
    in_place: &[FieldDrift],
) -> Option<Verdict> {
    let drift = || replaced.iter().chain(in_place).cloned().collect::<Vec<_>>();
    let renames = |drift: &FieldDrift| desired.table.field(&drift.path).is_some_and(|field| field.renames);
    let stands_beside = desired.table.replace != ReplaceStyle::DeleteFirst || replaced.iter().any(renames);
    match (stands_beside, desired.policy.replace) {
        (true, _) => {
            let objects = sight.objects.as_deref().unwrap_or_default();
            let next = next_incarnation(desired, objects, sight).max(incarnation(current).saturating_add(1));
            let creation = creation(desired, resolved, sight, next);
            Some(Verdict::Replace(Creation { replaces: forced(replaced), ..creation }, drift()))
        }
        (false, ReplacePolicy::AllowDowntime) => {
            Some(Verdict::TakeDown(target(desired, resolved, current), drift()))
        }
        (false, ReplacePolicy::MakeBeforeBreak) => None,
    }
}

fn creation(desired: &Desired, resolved: &Resolved, sight: &Sight<'_, '_>, incarnation: u32) -> Creation {
    let mark = Mark {
        owner: sight.owner.to_owned(),
        document: desired.key.clone(),
        incarnation,
        deletion: desired.policy.deletion(),
    };
    let mut tags = wanted_tags(desired, &mark, sight);
    tags.extend(content(desired, resolved).map(|content| (CONTENT.to_owned(), content)));
    Creation {
        scope: resolved.scope.clone(),
        tags,
        members: at_creation(desired, resolved),
        mark,
        replaces: Vec::new(),
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

/// The mark, the labels, and the children that are ours by name.
fn wanted_tags(desired: &Desired, mark: &Mark, sight: &Sight<'_, '_>) -> BTreeMap<String, String> {
    let mut tags = mark.to_tags(&desired.labels);
    if !sight.named.is_empty() {
        tags.insert(NAMED.to_owned(), name_list(&sight.named));
    }
    tags
}

/// What is wanted against the tags that are there; system tags and foreign tags are none of ours.
fn tag_change(desired: &Desired, current: &Object, wanted: &BTreeMap<String, String>) -> TagChange {
    let (true, Some(have)) = (desired.table.marks.is_in_tags(), &current.tags) else {
        return TagChange::default();
    };
    let set: BTreeMap<String, String> = wanted
        .iter()
        .filter(|(key, value)| have.get(*key) != Some(value))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    // `hatoba:labels` is a tag that anybody may edit: it must not make us touch AWS's own tags.
    let ours = labels_written(have).into_iter().filter(|key| !key.to_lowercase().starts_with("aws:"));
    let remove = ours
        .chain([LABELS.to_owned(), NAMED.to_owned()])
        .filter(|key| have.contains_key(key) && !wanted.contains_key(key))
        .collect();
    TagChange { set, remove }
}

#[cfg(test)]
#[path = "tests/assess.rs"]
mod tests;
