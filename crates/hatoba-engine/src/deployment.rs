//! Resources that serve a copy of their siblings: what the copy is to hold, and who still serves an old one.
//!
//! The invariant: a copy is asked for only when every document that bears on it is at rest, and what is there
//! was listed after the last write. So many changes at once make one deployment, not many.

use std::collections::BTreeSet;
use std::sync::Arc;

use hatoba_core::{
    Assessment, Cause, Deployments, Desired, Digest, Fix, Key, Object, Resolved, Sight, Step, Truth,
    Unresolved, Verdict, assess, next, path,
};
use hatoba_kinds::{Interest, KindId};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use crate::engine::Engine;
use crate::inventory::{Place, View, refers_to};
use crate::memory::{Memory, Phase};
use crate::queue::Priority;

/// Deployments that stay where the document does not say.
const KEPT: i64 = 3;
/// A deployment is made only of what was listed so short a while ago: what somebody changes meanwhile would be in
/// it, and not in its digest.
const SEEN_JUST_NOW: Duration = Duration::from_secs(5);
/// Nothing of it has been written for so long before a copy is made.
const QUIET_FOR: Duration = Duration::from_secs(3);

/// What a resource is to serve.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Copy {
    /// No copy of ours is asked for.
    NotAsked,
    /// A copy of what has this digest.
    Of(Digest),
    /// A copy of what will be there when these documents' changes are made: for `plan`.
    After(BTreeSet<Key>),
    /// These documents change what would be copied, or are about to.
    Waiting(BTreeSet<Key>),
    /// There is nothing to copy.
    Nothing,
    /// What would be copied could not be seen.
    Unknown(Cause),
}

impl Copy {
    /// Lays the computed members over what the document asks for.
    pub(crate) fn laid_over(&self, desired: &Desired, resolved: &Resolved) -> Resolved {
        let mut resolved = resolved.clone();
        let deployments = KindId::of(&desired.key.kind).and_then(KindId::deployments);
        let digest = match self {
            Copy::Of(digest) => digest.to_string(),
            Copy::After(keys) => format!("(after {})", list(keys)),
            Copy::NotAsked | Copy::Waiting(_) | Copy::Nothing | Copy::Unknown(_) => return resolved,
        };
        if let Some(deployments) = deployments {
            let kept = desired.policy.keep_deployments.unwrap_or(KEPT);
            resolved.members.insert(deployments.digest.to_owned(), json!(digest));
            resolved.members.insert(deployments.kept.to_owned(), json!(kept));
        }
        resolved
    }

    /// Why a plan has a deployment in it.
    pub(crate) fn why(&self) -> Option<Cause> {
        let message = match self {
            Copy::Of(_) => "a new deployment: what the API serves changed, or the stage was moved".to_owned(),
            Copy::After(keys) => format!("a new deployment: {} changed", list(keys)),
            Copy::NotAsked | Copy::Waiting(_) | Copy::Nothing | Copy::Unknown(_) => return None,
        };
        Some(Cause::new("Deploying", message))
    }

    /// What else is right is not all while the copy is not known.
    pub(crate) fn bear_on(&self, desired: &Desired, assessment: &mut Assessment<'_>) {
        if assessment.verdict != Verdict::InSync {
            return;
        }
        match self {
            Copy::NotAsked | Copy::Of(_) | Copy::After(_) => {}
            Copy::Waiting(keys) => assessment.verdict = Verdict::WaitingFor(keys.clone()),
            Copy::Nothing => {
                let digest = asked(desired).map(|deployments| deployments.digest);
                let serves = assessment
                    .current
                    .zip(digest)
                    .is_some_and(|(current, digest)| current.members.contains_key(digest));
                match serves {
                    true => {
                        assessment.verdict =
                            Verdict::Stalled(nothing_to_deploy("; it serves what was deployed last"))
                    }
                    false => assessment.notes.push(nothing_to_deploy("")),
                }
            }
            Copy::Unknown(cause) => assessment.verdict = Verdict::Unknown(cause.clone()),
        }
    }
}

/// AWS makes no deployment of an API without routes.
fn nothing_to_deploy(and: &str) -> Cause {
    Cause::new("NothingToDeploy", format!("there is nothing to deploy: the API has no routes{and}"))
}

/// The deployments that a document asks us to make, if it does.
fn asked(desired: &Desired) -> Option<&'static Deployments> {
    let deployments = KindId::of(&desired.key.kind)?.deployments()?;
    let (member, value) = deployments.asked_by;
    (path::get_member(&desired.members, member) == Some(&value.value())).then_some(deployments)
}

fn list(keys: &BTreeSet<Key>) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(", ")
}

/// Whether a document asks us to make deployments.
pub(crate) fn is_deployed_by_us(desired: &Desired) -> bool {
    asked(desired).is_some()
}

/// Where the resources stand that are copied.
fn copied(deployments: &Deployments, scope: &str) -> Vec<Place> {
    let kinds = deployments.of.iter().filter_map(|kind| KindId::of(kind));
    kinds.map(|kind| (kind, scope.to_owned())).collect()
}

/// The digest of what a copy holds: every resource of the first kind, and of the others what those name.
fn digest(views: &[View]) -> Option<Digest> {
    let (first, others) = views.split_first()?;
    let living = |view: &View| -> Vec<Object> {
        view.objects.iter().filter(|object| !object.is_leaving()).cloned().collect()
    };
    let roots = living(first);
    let mut named = BTreeSet::new();
    roots.iter().for_each(|root| root.members.values().for_each(|value| names(value, &mut named)));
    let others = others.iter().flat_map(living).filter(|object| named.contains(&object.id));
    // By id: the order in which lists come is nobody's promise.
    let content: std::collections::BTreeMap<String, Value> = roots
        .iter()
        .cloned()
        .chain(others)
        .map(|object| (object.id.clone(), Value::Object(object.members)))
        .collect();
    (!roots.is_empty()).then(|| Digest::of(&content))
}

/// Ids that a value names, alone or as the end of a path.
fn names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(text.rsplit('/').next().map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        Value::Object(members) => members.values().for_each(|member| names(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Engine {
    /// What the document's resource is to serve, where that is a copy of its siblings.
    pub(crate) async fn copy(
        &self,
        desired: &Desired,
        resolved: &Resolved,
        not_before: Option<Instant>,
    ) -> Copy {
        let Some(deployments) = asked(desired) else { return Copy::NotAsked };
        let copy = self.copy_of_what_is_seen(deployments, &resolved.scope, not_before).await;
        if matches!(copy, Copy::Unknown(_)) {
            return copy;
        }
        let moving: BTreeSet<Key> = self
            .copied_documents(desired, deployments)
            .into_iter()
            .filter(|sibling| !self.is_at_rest(sibling))
            .map(|sibling| sibling.key)
            .collect();
        // Several may be on their way out one after the other: they are waited for together.
        let outdated_at = self.memory(&desired.key, |memory| memory.outdated_at);
        if moving.is_empty() && outdated_at.is_some_and(|at| at.elapsed() < QUIET_FOR) {
            return Copy::Waiting(desired.parent().into_iter().cloned().collect());
        }
        if moving.is_empty() { copy } else { Copy::Waiting(moving) }
    }

    async fn copy_of_what_is_seen(
        &self,
        deployments: &Deployments,
        scope: &str,
        not_before: Option<Instant>,
    ) -> Copy {
        let mut views = Vec::new();
        for place in copied(deployments, scope) {
            self.list(&place, not_before, &Interest::default()).await;
        }
        for place in copied(deployments, scope) {
            match self.inventory.view(&place) {
                Ok(view) => views.push(view),
                Err(cause) => return Copy::Unknown(cause),
            }
        }
        digest(&views).map_or(Copy::Nothing, Copy::Of)
    }

    /// What a plan would have served, when these documents are written.
    pub(crate) async fn planned_copy(
        &self,
        desired: &Desired,
        scope: Option<&str>,
        changing: &BTreeSet<Key>,
    ) -> Copy {
        let Some(deployments) = asked(desired) else { return Copy::NotAsked };
        let siblings = self.copied_documents(desired, deployments).into_iter().map(|sibling| sibling.key);
        let after: BTreeSet<Key> = siblings.filter(|key| changing.contains(key)).collect();
        match scope {
            _ if !after.is_empty() => Copy::After(after),
            Some(scope) => self.copy_of_what_is_seen(deployments, scope, None).await,
            None => Copy::Nothing,
        }
    }

    /// Documents of the same parent whose resources are copied.
    pub(crate) fn copied_documents(&self, desired: &Desired, deployments: &Deployments) -> Vec<Desired> {
        let checked = Arc::clone(&self.state().checked);
        let is_copied = |key: &&Key| deployments.of.contains(&key.kind.as_str());
        let copied = checked.siblings(desired).filter(is_copied);
        copied.filter_map(|key| checked.desired.get(key)).cloned().collect()
    }

    /// Whether AWS has what the document asks for, or as much of it as it will get by itself.
    fn is_at_rest(&self, desired: &Desired) -> bool {
        let Some(kind) = Self::kind(&desired.key) else { return true };
        let ground = match self.ground_now(desired) {
            Ok(ground) => ground,
            Err(Unresolved::Waiting(_)) => return !self.state().is_coming(&desired.key),
            Err(Unresolved::Stalled(_)) => return true,
            Err(Unresolved::Unknown(_)) => return false,
        };
        let place: Place = (kind, ground.resolved.scope.clone());
        let view = self.inventory.view(&place);
        let Ok(seen) = &view else { return false };
        let checked = Arc::clone(&self.state().checked);
        let (remembered, last_incarnation) =
            self.memory(&desired.key, |memory| (memory.id.clone(), memory.last_incarnation));
        let sight = Sight {
            owner: &self.options.owner,
            objects: Ok(seen.objects.iter().collect()),
            remembered: remembered.as_deref(),
            last_incarnation,
            is_document: &|key| checked.may_exist(key),
            claimed: self.claimed(desired),
            used_by: &|object| self.used_by(kind, object),
            first: BTreeSet::new(),
            named: self.named(kind, desired),
            leaving: ground.leaving.as_ref(),
            released: ground.released.clone(),
        };
        let mut assessment = assess(desired, &ground.resolved, &sight);
        match assessment.verdict {
            // A surplus resource that still goes is named by nobody.
            Verdict::InSync | Verdict::Stalled(_) => true,
            Verdict::Settling(_) | Verdict::WaitingFor(_) | Verdict::Unknown(_) => false,
            Verdict::Create(_) | Verdict::Update(_) | Verdict::Replace(..) | Verdict::TakeDown(..) => {
                let leave = self.leave(desired, &place, &view, &mut assessment);
                let failed = |memory: &mut Memory| memory.phase == Phase::Settled && memory.failure.is_some();
                matches!(next(desired, &assessment, &leave), Step::Hold(_))
                    || self.memory(&desired.key, failed)
            }
        }
    }

    /// Whether a step is about a copy of what was not listed just now, since the last write.
    pub(crate) fn is_guesswork(&self, desired: &Desired, place: &Place, assessment: &Assessment<'_>) -> bool {
        let Some(deployments) = asked(desired) else { return false };
        let Verdict::Update(change) = &assessment.verdict else { return false };
        let is_deployed = |fix: &Fix| matches!(fix, Fix::Deployed);
        if !change.drift.iter().all(|drift| is_deployed(&drift.fix)) || change.drift.is_empty() {
            return false;
        }
        let mut places = copied(deployments, &place.1);
        places.push(place.clone());
        !places.iter().all(|place| self.inventory.is_as_listed(place, SEEN_JUST_NOW))
    }

    /// A write changed what is copied: whoever serves a copy of it is looked at again.
    pub(crate) fn outdate_copies(&self, place: &Place) {
        let table = place.0.table();
        let mut state = self.state();
        let checked = Arc::clone(&state.checked);
        let now = Instant::now();
        let mut woken = false;
        for (key, desired) in &checked.desired {
            let Some(deployments) = asked(desired) else { continue };
            let memory = state.memory.entry(key.clone()).or_default();
            let is_here = memory.place.as_ref().is_none_or(|own| own.1 == place.1);
            if is_here && deployments.of.contains(&table.kind) {
                memory.outdated_at = Some(now);
                state.queue.add(key.clone(), Priority::Repair, now);
                woken = true;
            }
        }
        drop(state);
        if woken {
            self.wake();
        }
    }

    /// A pass that began then found the copy right.
    pub(crate) fn note_copy(&self, key: &Key, copy: &Copy, assessment: &Assessment<'_>, begun: Instant) {
        if matches!(copy, Copy::Of(_) | Copy::NotAsked) && assessment.verdict == Verdict::InSync {
            self.memory(key, |memory| memory.outdated_at = memory.outdated_at.filter(|at| *at > begun));
        }
    }

    /// Who uses a resource, by everything that is known; those among them that serve a copy which may lead to it.
    pub(crate) fn users_of(&self, place: &Place, object: &Object) -> Vec<String> {
        let mut users = self.inventory.users(place.0, object);
        let state = self.state();
        for (key, desired) in &state.checked.desired {
            let Some(deployments) = asked(desired) else { continue };
            let Some(memory) = state.memory.get(key) else { continue };
            // What is copied may go, the copy has it; what the copy only names must stay.
            let named = place.0.table().kind;
            let is_named = !deployments.of.contains(&named)
                && deployments
                    .of
                    .iter()
                    .filter_map(|kind| KindId::of(kind))
                    .any(|kind| refers_to(kind, named));
            let serves_old = state.statuses.get(key).is_some_and(|status| {
                status.synced.status != Truth::True && status.synced.reason.as_str() != "NothingToDeploy"
            });
            let serves = memory.id.is_some() && (memory.outdated_at.is_some() || serves_old);
            if serves && is_named {
                users.push(format!("{key}, which has not moved to a new deployment yet"));
            }
        }
        users
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use hatoba_core::{Life, Members, Readiness, Seen};

    pub(crate) fn object(id: &str, members: Value) -> Object {
        Object {
            id: id.to_owned(),
            scope: "api1".to_owned(),
            arn: None,
            natural_key: id.to_owned(),
            mark: Seen::Absent,
            tags: None,
            life: Life::Live,
            readiness: Readiness::Ready,
            created_at_ms: None,
            uses: BTreeSet::new(),
            members: members.as_object().cloned().unwrap_or_else(Members::new),
            outputs: std::collections::BTreeMap::new(),
        }
    }

    fn view(objects: Vec<Object>) -> View {
        View { objects: objects.into(), listed_at: None }
    }

    #[test]
    fn a_digest_is_of_routes_and_of_what_they_name() {
        let route = |target: &str| object("r1", json!({ "routeKey": "$default", "target": target }));
        let back_end = |id: &str, uri: &str| object(id, json!({ "integrationUri": uri }));
        let of = |route: &Object, back_ends: Vec<Object>| {
            digest(&[view(vec![route.clone()]), view(back_ends)]).map(|digest| digest.to_string())
        };
        let one = of(&route("integrations/i1"), vec![back_end("i1", "a"), back_end("i2", "b")]);
        assert!(one.is_some());
        let other_order = of(&route("integrations/i1"), vec![back_end("i2", "c"), back_end("i1", "a")]);
        assert_eq!(one, other_order, "what no route names is not served");
        assert_ne!(one, of(&route("integrations/i1"), vec![back_end("i1", "b")]), "what it names is");
        assert_ne!(one, of(&route("integrations/i2"), vec![back_end("i2", "a")]), "and by which id");
        assert_eq!(digest(&[view(Vec::new()), view(vec![back_end("i1", "a")])]), None, "nothing to deploy");
    }
}
