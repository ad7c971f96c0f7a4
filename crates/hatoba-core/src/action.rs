//! Writes, fully specified: execution decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::mark::{DOCUMENT, LABELS, OWNER};
use crate::path;
use crate::{Assessment, Cause, Desired, Drift, FieldDrift, Fix, Mark, Members, TAG_PREFIX, Verdict};

/// One write to AWS.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make a resource.
    Create(Creation),
    /// Put fields right in one call.
    Update(Change),
    /// Remove a field by a call of its own.
    Clear {
        /// The resource.
        target: Target,
        /// The call, for example `DeleteCorsConfiguration`.
        operation: String,
        /// The fields that it removes.
        fields: Vec<String>,
        /// The state afterwards.
        after: Members,
    },
    /// Put tags right.
    Tag {
        /// The resource.
        target: Target,
        /// What to set and to remove.
        tags: TagChange,
    },
    /// Remove a resource.
    Delete(Target),
    /// Take one entry out of a resource that nobody keeps there any more.
    Evict {
        /// The resource.
        target: Target,
        /// The entry's id.
        entry: String,
    },
    /// Roll a resource out anew as it is.
    Refresh(Target),
}

/// Which resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its kind.
    pub kind: String,
    /// Where it stands.
    pub scope: String,
    /// AWS's id, or the name where that is the identity.
    pub id: String,
    /// Its ARN, where calls need one.
    pub arn: Option<String>,
}

/// A resource to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Creation {
    /// Where.
    pub scope: String,
    /// All members.
    pub members: Members,
    /// Marks and labels as tags.
    pub tags: BTreeMap<String, String>,
    /// The mark, for kinds that carry it elsewhere, and for the idempotency token.
    pub mark: Mark,
    /// The fields for which the present one is replaced; empty where there is none.
    pub replaces: Vec<String>,
}

/// A resource to be put right.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which.
    pub target: Target,
    /// The mark, for kinds that carry it in an updatable member.
    pub mark: Mark,
    /// What differs.
    pub drift: Vec<FieldDrift>,
    /// Tags that differ.
    pub tags: TagChange,
    /// All members as they will be afterwards.
    pub after: Members,
}

impl Action {
    /// What the write puts right, by name: fields, and `tags.<key>`.
    pub fn fields(&self) -> Vec<String> {
        match self {
            Action::Create(creation) => creation.replaces.clone(),
            Action::Update(change) => change.drift.iter().map(FieldDrift::name).collect(),
            Action::Clear { fields, .. } => fields.clone(),
            Action::Tag { tags, .. } => tags.named().collect(),
            Action::Delete(_) | Action::Evict { .. } => Vec::new(),
            Action::Refresh(_) => vec!["rollout".to_owned()],
        }
    }
}

impl Change {
    /// Whether nothing but the mark in an updatable member is to be written.
    pub fn is_empty(&self) -> bool {
        self.drift.is_empty() && self.tags.is_empty()
    }

    /// What differs, by name: fields, and `tags.<key>`.
    pub fn named(&self) -> Vec<String> {
        self.drift.iter().map(FieldDrift::name).chain(self.tags.named()).collect()
    }

    /// Whether the member at `path`, or one inside it, differs.
    pub fn touches(&self, path: &str) -> bool {
        self.drift.iter().any(|drift| {
            drift.path == path || drift.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
        })
    }
}

/// Tags to set and to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagChange {
    /// Set these.
    pub set: BTreeMap<String, String>,
    /// Remove these keys.
    pub remove: Vec<String>,
}

impl TagChange {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }

    fn named(&self) -> impl Iterator<Item = String> {
        self.set.keys().chain(&self.remove).map(|key| tag_field(key))
    }
}

/// What is to be done now about one document.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// Send this.
    Act(Action),
    /// Remove this surplus resource, once two complete listings agree and nobody uses it.
    RemoveSurplus(Target),
    /// Take this resource down, so that it can be made anew: its users let go, it drains, it is deleted.
    TakeDown(Target),
    /// Nothing yet: something else comes first, and is on its way.
    Wait(Cause),
    /// Something should be done and is not, because of this.
    Hold(Cause),
}

/// What bears on whether a verdict is carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leave {
    /// The difference came about by itself: this very document was in sync before.
    pub is_drift: bool,
    /// Fields and `tags.<key>` that were written again and again to no avail: they are written no more.
    pub given_up: BTreeSet<String>,
    /// Somebody asked in AWS that nothing be written for now.
    pub pause: Option<Cause>,
}

/// The next step: one write at most.
pub fn next(desired: &Desired, assessment: &Assessment<'_>, leave: &Leave) -> Step {
    let step = match &assessment.verdict {
        Verdict::InSync | Verdict::Settling(_) => {
            return match surplus(desired, assessment) {
                Some(target) if desired.policy.suspend => {
                    Step::Hold(suspended(&format!("{} is not removed", target.id)))
                }
                Some(target) => match &leave.pause {
                    Some(pause) => Step::Hold(pause.clone()),
                    None => Step::RemoveSurplus(target),
                },
                None => Step::Rest,
            };
        }
        Verdict::WaitingFor(_) | Verdict::Unknown(_) | Verdict::Stalled(_) => return Step::Rest,
        Verdict::Create(creation) | Verdict::Replace(creation, _) => {
            match given_up(&creation.replaces, leave) {
                Some(cause) => return Step::Hold(cause),
                None => Step::Act(Action::Create(creation.clone())),
            }
        }
        Verdict::Update(change) => {
            let worth_writing = without_given_up(change, leave);
            if worth_writing.is_empty() && !change.is_empty() {
                return Step::Hold(not_converging(&change.named()));
            }
            Step::Act(first_call(&worth_writing))
        }
        Verdict::TakeDown(target, drift) => match given_up(&forced(drift), leave) {
            Some(cause) => return Step::Hold(cause),
            None => Step::TakeDown(target.clone()),
        },
    };
    if desired.policy.suspend {
        return Step::Hold(suspended("nothing is written"));
    }
    if leave.is_drift && desired.policy.drift == Drift::Report {
        return Step::Hold(Cause::new(
            "DriftReported",
            "policy.drift is Report: the difference is shown and left",
        ));
    }
    match &leave.pause {
        Some(pause) => Step::Hold(pause.clone()),
        None => step,
    }
}

/// The fields for which a resource is replaced.
pub fn forced(drift: &[FieldDrift]) -> Vec<String> {
    drift.iter().filter(|drift| drift.fix == Fix::Replace).map(|drift| drift.path.clone()).collect()
}

/// What was given up of these fields, if anything.
fn given_up(fields: &[String], leave: &Leave) -> Option<Cause> {
    let given_up: Vec<String> =
        fields.iter().filter(|field| leave.given_up.contains(*field)).cloned().collect();
    (!given_up.is_empty()).then(|| not_converging(&given_up))
}

fn not_converging(fields: &[String]) -> Cause {
    let message = format!(
        "written again and again and still not so in AWS, so left alone until the document changes: {}",
        fields.join(", ")
    );
    Cause::new("NonConverging", message)
}

/// The change without what was given up: that stays as it is.
fn without_given_up(change: &Change, leave: &Leave) -> Change {
    let is_given_up = |field: &str| leave.given_up.contains(field);
    let (left, drift): (Vec<FieldDrift>, Vec<FieldDrift>) =
        change.drift.iter().cloned().partition(|drift| is_given_up(&drift.name()));
    let mut tags = change.tags.clone();
    tags.set.retain(|key, _| !is_given_up(&tag_field(key)));
    tags.remove.retain(|key| !is_given_up(&tag_field(key)));
    Change { drift, tags, after: as_before(change, &left), ..change.clone() }
}

/// A tag as a field is named: `tags.team`.
fn tag_field(key: &str) -> String {
    format!("tags.{key}")
}

fn suspended(what: &str) -> Cause {
    Cause::new("Suspended", format!("policy.suspend is set: {what}"))
}

/// A change may need several calls; the next pass sends the next one. What bears nobody's mark, or another owner's, gets
/// ours before anything of it is changed.
fn first_call(change: &Change) -> Action {
    if [OWNER, DOCUMENT].iter().any(|key| change.tags.set.contains_key(*key)) {
        let mark = TagChange { set: mark_in(&change.tags), remove: Vec::new() };
        return Action::Tag { target: change.target.clone(), tags: mark };
    }
    let clears = change.drift.iter().find_map(|drift| match &drift.fix {
        Fix::ClearedBy(operation) => Some(operation.clone()),
        Fix::InPlace | Fix::Deployed | Fix::Replace => None,
    });
    let by = |fix: &Fix| {
        let (now, later): (Vec<FieldDrift>, Vec<FieldDrift>) =
            change.drift.iter().cloned().partition(|drift| drift.fix == *fix);
        (now, as_before(change, &later))
    };
    let (in_place, after) = by(&Fix::InPlace);
    if !in_place.is_empty() || change.is_empty() {
        return Action::Update(Change { drift: in_place, after, ..change.clone() });
    }
    match clears {
        Some(operation) => {
            let (removed, after) = by(&Fix::ClearedBy(operation.clone()));
            let fields = removed.into_iter().map(|drift| drift.path).collect();
            Action::Clear { target: change.target.clone(), operation, fields, after }
        }
        None if change.tags.is_empty() => {
            let (deployed, after) = by(&Fix::Deployed);
            Action::Update(Change { drift: deployed, after, ..change.clone() })
        }
        None => Action::Tag { target: change.target.clone(), tags: mark_then_remove_then_set(&change.tags) },
    }
}

/// The members after a call that leaves these differences as they are.
fn as_before(change: &Change, left: &[FieldDrift]) -> Members {
    let mut after = Value::Object(change.after.clone());
    for drift in left {
        path::set(&mut after, &drift.path, drift.from.clone());
    }
    match after {
        Value::Object(after) => after,
        _ => change.after.clone(),
    }
}

/// Setting and removing are two calls. The mark goes first, so that a resource is never without it; then labels
/// go, and only then is `hatoba:labels` rewritten: it alone says that the labels to be removed are ours.
fn mark_then_remove_then_set(tags: &TagChange) -> TagChange {
    if tags.remove.is_empty() || tags.set.is_empty() {
        return tags.clone();
    }
    let mark = mark_in(tags);
    match mark.is_empty() {
        true => TagChange { set: BTreeMap::new(), remove: tags.remove.clone() },
        false => TagChange { set: mark, remove: Vec::new() },
    }
}

/// What is to be set of the mark.
fn mark_in(tags: &TagChange) -> BTreeMap<String, String> {
    let is_mark = |key: &str| key.starts_with(TAG_PREFIX) && key != LABELS;
    tags.set.iter().filter(|(key, _)| is_mark(key)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn surplus(desired: &Desired, assessment: &Assessment<'_>) -> Option<Target> {
    // A mark that somebody took off the current one is put back first: until then the other one alone bears it.
    let is_marked_like = |object: &crate::Object| {
        let (current, other) = (assessment.current?.mark.present()?, object.mark.present()?);
        Some(current.owner == other.owner && current.document == other.document)
    };
    let gone = assessment.surplus.iter().find(|surplus| {
        is_marked_like(surplus.object) == Some(true) && assessment.lets_go(desired, surplus)
    })?;
    Some(Target {
        kind: desired.table.kind.to_owned(),
        scope: gone.object.scope.clone(),
        id: gone.object.id.clone(),
        arn: gone.object.arn.clone(),
    })
}

#[cfg(test)]
#[path = "tests/action.rs"]
mod tests;
