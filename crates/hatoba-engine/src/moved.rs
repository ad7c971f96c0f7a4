//! What follows a resource that is as it should be: what it left behind elsewhere goes, and where what it is
//! entered in was made anew behind its back, it is rolled out once more.

use std::collections::BTreeSet;
use std::time::Duration;

use hatoba_core::{
    Action, Assessment, Cause, Deletion, Desired, Drift, Key, Leave, Object, Readiness, Step, Verdict,
};
use hatoba_kinds::{Interest, KindId};

use crate::engine::Engine;
use crate::inventory::Place;
use crate::orphans::Orphan;
use crate::schedule::Next;
use crate::takedown::{Emptied, target};
use crate::twins::stands_in;
use crate::users::Parents;

/// How soon what was left behind is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// Clocks of two AWS services may differ by so much.
const CLOCKS_DIFFER_MS: i64 = 5_000;

impl Engine {
    /// Rolls a resource out anew that is entered in something made later than its rollout: AWS enters it only
    /// then. Judged by AWS's own dates, so it happens once; entries are counted only where the dates say so.
    pub(crate) async fn entered(
        &self,
        desired: &Desired,
        assessment: &Assessment<'_>,
        leave: &Leave,
        step: Step,
    ) -> Step {
        let (Step::Rest, Verdict::InSync, Some(current)) = (&step, &assessment.verdict, assessment.current)
        else {
            return step;
        };
        if current.readiness != Readiness::Ready {
            return step;
        }
        let Some(kind) = Self::kind(&desired.key) else { return step };
        for (field, output) in
            desired.table.fields.iter().filter_map(|field| Some((field, field.entered_at?)))
        {
            let Some(at) = number(current, output) else { continue };
            for reference in desired.references.iter().filter(|reference| field.holds(&reference.path)) {
                let Some((place, register)) = self.resource_of(&reference.target) else { continue };
                if register.created_at_ms.is_none_or(|made| made <= at + CLOCKS_DIFFER_MS) {
                    continue;
                }
                if self.is_entered(kind, current, &place, &register).await {
                    continue;
                }
                let held = match (desired.policy.suspend, desired.policy.drift) {
                    _ if leave.pause.is_some() => leave.pause.clone(),
                    _ if leave.given_up.contains("rollout") => {
                        Some(Cause::new("NonConverging", "rolled out again and again and still not entered"))
                    }
                    (true, _) => {
                        Some(Cause::new("Suspended", "policy.suspend is set: it is not rolled out anew"))
                    }
                    (false, Drift::Report) => {
                        Some(Cause::new("DriftReported", "it is not entered where it should be; left so"))
                    }
                    (false, Drift::Repair) => None,
                };
                let target = target(&(kind, current.scope.clone()), current);
                return held.map_or(Step::Act(Action::Refresh(target)), Step::Hold);
            }
        }
        step
    }

    /// Whether as much of a resource is entered as runs; what cannot be counted counts as entered.
    async fn is_entered(&self, kind: KindId, current: &Object, place: &Place, register: &Object) -> bool {
        let running = kind.table().drain.and_then(|drain| number(current, drain.seen));
        let entries = place.0.entries(&self.aws, &target(place, register)).await;
        let (Some(running), Ok(entries)) = (running, entries) else { return true };
        let is_its = |entry: &&hatoba_kinds::Entry| {
            let registrar = entry.registrar.as_ref();
            registrar.is_some_and(|r| {
                r.kind == kind.table().kind && r.scope == current.scope && r.id == current.id
            })
        };
        let count = i64::try_from(entries.iter().filter(is_its).count()).unwrap_or(i64::MAX);
        count >= running
    }

    /// A document's resource as it was last seen.
    fn resource_of(&self, key: &Key) -> Option<(Place, Object)> {
        let (place, id) = self.memory(key, |memory| (memory.place.clone(), memory.id.clone()));
        let (place, id) = (place?, id?);
        let view = self.inventory.view(&place).ok()?;
        let object = view.objects.iter().find(|object| object.id == id)?.clone();
        Some((place, object))
    }

    /// Resources that bear the document's mark in another scope than the one it names now.
    pub(crate) fn left_behind(&self, desired: &Desired, place: &Place) -> Vec<Cause> {
        let left = self.inventory.marked_elsewhere(place, &self.options.owner, &desired.key);
        let say = |(at, object): &(Place, Object)| {
            let what = format!("{} in {} still bears this document's mark", object.id, at.1);
            let then = match self.is_left_by(&desired.key, at, object) {
                true => "it goes when the new one is ready and nobody uses it",
                false => {
                    "it stays, for this process did not see the document leave it, and marks may be copied: delete it, or its marks"
                }
            };
            Cause::new("LeftBehind", format!("{what}; {then}"))
        };
        left.iter().map(say).collect()
    }

    /// Whether a resource in another scope is what the document had before it moved here, as this process saw. Marks
    /// alone do not tell: they may be copied.
    fn is_left_by(&self, key: &Key, at: &Place, object: &Object) -> bool {
        let left = (at.clone(), object.id.clone());
        self.memory(key, |memory| memory.left.contains_key(&left)) && !stands_in(&self.twins(), at)
    }

    /// Deletes what bears the document's mark in another scope, once the new one is ready and nobody uses it.
    pub(crate) async fn clear_left_behind(
        &self,
        desired: &Desired,
        place: &Place,
        assessment: &Assessment<'_>,
    ) -> Next {
        let ready = assessment.current.filter(|current| current.readiness == Readiness::Ready);
        if ready.is_none() || assessment.verdict != Verdict::InSync || desired.policy.suspend {
            return Next::Rest;
        }
        let left = self.inventory.marked_elsewhere(place, &self.options.owner, &desired.key);
        for (old_place, object) in left {
            let is_paused = self.pause(&old_place, &[&object]).0.is_some();
            let is_left = self.is_left_by(&desired.key, &old_place, &object);
            let orphan = Orphan::new(old_place, object);
            if !is_left || is_paused || self.deletion_of(&orphan) != Ok(Deletion::Delete) {
                continue;
            }
            return self.clear(desired, &orphan).await.unwrap_or(Next::In(LOOK_AGAIN));
        }
        Next::Rest
    }

    /// One step of it; `Err`: something stands in the way, or is on its way out.
    async fn clear(&self, desired: &Desired, orphan: &Orphan) -> Result<Next, Cause> {
        self.may_write().await?;
        let Orphan { place, object, .. } = orphan;
        let fresh = self.fresh(&desired.key, orphan);
        let names = BTreeSet::from([object.natural_key.clone()]);
        let interest = Interest { names, ..self.everything_of_ours() };
        self.list(place, fresh, &interest).await;
        self.look_at_users(place, &object.id, fresh, Parents::Ours).await?;
        let view = self.inventory.view(place)?;
        let is_it = |other: &Object| {
            let mark = other.mark.present();
            other.id == object.id
                && !other.is_leaving()
                && mark.is_some_and(|m| m.owner == self.options.owner && m.document == desired.key)
        };
        let Some(object) = view.objects.iter().find(|object| is_it(object)).cloned() else {
            return Ok(Next::In(LOOK_AGAIN));
        };
        let orphan = Orphan::new(place.clone(), object);
        let target = target(place, &orphan.object);
        let guard = || {
            let current = self.desired(&desired.key).map(|desired| desired.digest);
            if current.as_ref() != Some(&desired.digest) {
                return Err(Cause::new("NotJudged", "the document has changed meanwhile"));
            }
            let users = self.inventory.users(place.0, &orphan.object);
            match users.is_empty() {
                true => Ok(()),
                false => Err(Cause::new("InUse", format!("still used by {}", users.join(", ")))),
            }
        };
        guard()?;
        let action = match self.emptied(place, &orphan.object, &target).await? {
            Emptied::Yes => Action::Delete(target),
            Emptied::Write(action) => *action,
            Emptied::Wait(cause) => return Err(cause),
        };
        self.part(&desired.key, &orphan, &action, "its document moved, and the new one is ready", guard).await
    }
}

fn number(object: &Object, output: &str) -> Option<i64> {
    object.outputs.get(output)?.parse().ok()
}
