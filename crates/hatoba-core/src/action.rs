//! Writes, fully specified: execution decides nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::assess::SurplusKind;
use crate::mark::LABELS;
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

impl Change {
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
    /// Something should be done and is not, because of this.
    Hold(Cause),
}

/// What bears on whether a verdict is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leave {
    /// The difference came about by itself: this very document was in sync before.
    pub is_drift: bool,
}

/// The next step: one write at most.
pub fn next(desired: &Desired, assessment: &Assessment<'_>, leave: Leave) -> Step {
    let step = match &assessment.verdict {
        Verdict::InSync | Verdict::Settling(_) => {
            return match surplus(desired, assessment) {
                Some(target) if desired.policy.suspend => {
                    Step::Hold(suspended(&format!("remove {}", target.id)))
                }
                Some(target) => Step::RemoveSurplus(target),
                None => Step::Rest,
            };
        }
        Verdict::WaitingFor(_) | Verdict::Unknown(_) | Verdict::Stalled(_) => return Step::Rest,
        Verdict::Create(creation) | Verdict::Replace(creation, _) => Action::Create(creation.clone()),
        Verdict::Update(change) => first_call(change),
    };
    if desired.policy.suspend {
        return Step::Hold(suspended("write"));
    }
    if leave.is_drift && desired.policy.drift == Drift::Report {
        return Step::Hold(Cause::new(
            "DriftReported",
            "policy.drift is Report: the difference is shown and left",
        ));
    }
    Step::Act(step)
}

fn suspended(what: &str) -> Cause {
    Cause::new("Suspended", format!("policy.suspend is set: would {what}"))
}

/// A change may need several calls; the next pass sends the next one.
fn first_call(change: &Change) -> Action {
    let clears = change.drift.iter().find_map(|drift| match &drift.fix {
        Fix::ClearedBy(operation) => Some(operation.clone()),
        Fix::InPlace | Fix::Replace => None,
    });
    let in_place: Vec<FieldDrift> =
        change.drift.iter().filter(|drift| drift.fix == Fix::InPlace).cloned().collect();
    let mark_only = change.drift.is_empty() && change.tags.is_empty();
    if !in_place.is_empty() || mark_only {
        let after = after(change, &Fix::InPlace);
        return Action::Update(Change { drift: in_place, after, ..change.clone() });
    }
    match clears {
        Some(operation) => {
            let after = after(change, &Fix::ClearedBy(operation.clone()));
            Action::Clear { target: change.target.clone(), operation, after }
        }
        None => Action::Tag { target: change.target.clone(), tags: mark_then_remove_then_set(&change.tags) },
    }
}

/// The members after the call that does `fix` alone: what other calls put right is still as it was.
fn after(change: &Change, fix: &Fix) -> Members {
    let mut after = Value::Object(change.after.clone());
    for later in change.drift.iter().filter(|drift| drift.fix != *fix) {
        path::set(&mut after, &later.path, later.from.clone());
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
    let is_mark = |key: &str| key.starts_with(TAG_PREFIX) && key != LABELS;
    let mark: BTreeMap<String, String> =
        tags.set.iter().filter(|(key, _)| is_mark(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    match mark.is_empty() {
        true => TagChange { set: BTreeMap::new(), remove: tags.remove.clone() },
        false => TagChange { set: mark, remove: Vec::new() },
    }
}

fn surplus(desired: &Desired, assessment: &Assessment<'_>) -> Option<Target> {
    let usable = assessment.current.is_some_and(|current| current.is_usable());
    let gone = assessment.surplus.iter().find(|surplus| match surplus.why {
        SurplusKind::Twin => true,
        SurplusKind::Superseded => usable,
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
