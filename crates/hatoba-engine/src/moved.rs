//! What follows a resource that is as it should be: what it left behind elsewhere goes, and where what it is
//! entered in was made anew behind its back, it is rolled out once more.

use std::collections::BTreeSet;
use std::time::Duration;

use hatoba_core::{
    Action, Assessment, Cause, Deletion, Desired, Drift, Leave, Object, Readiness, Step, Verdict,
};
use hatoba_kinds::{Disposition, Interest, KindId};
use tokio::time::Instant;

use crate::clock::before;
use crate::engine::Engine;
use crate::execute::lane_name;
use crate::inventory::Place;
use crate::prune::Orphan;
use crate::reconcile::SIGHT_LASTS;
use crate::schedule::Next;
use crate::takedown::{Emptied, target};

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
                        Some(Cause::new("Suspended", "policy.suspend is set: would roll it out anew"))
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
    fn resource_of(&self, key: &hatoba_core::Key) -> Option<(Place, Object)> {
        let (place, id) = self.memory(key, |memory| (memory.place.clone(), memory.id.clone()));
        let (place, id) = (place?, id?);
        let view = self.inventory.view(&place).ok()?;
        let object = view.objects.into_iter().find(|object| object.id == id)?;
        Some((place, object))
    }

    /// Deletes what bears the document's mark in another scope, once the new one is ready and nobody uses it.
    pub(crate) async fn clear_left_behind(
        &self,
        desired: &Desired,
        place: &Place,
        assessment: &Assessment<'_>,
    ) -> Next {
        let ready = assessment.current.is_some_and(|current| current.readiness == Readiness::Ready);
        if !ready || assessment.verdict != Verdict::InSync || desired.policy.suspend {
            return Next::Rest;
        }
        let left = self.inventory.marked_elsewhere(place, &self.options.owner, &desired.key);
        for (old_place, object) in left {
            let orphan = Orphan { place: old_place.clone(), object: object.clone() };
            let is_paused = self.pause(&old_place, &[&object]).0.is_some();
            if is_paused || self.deletion_of(&orphan) == Deletion::Retain {
                continue;
            }
            return self.clear(desired, &old_place, &object).await.unwrap_or(Next::In(LOOK_AGAIN));
        }
        Next::Rest
    }

    /// One step of it; `Err`: something stands in the way, or is on its way out.
    async fn clear(&self, desired: &Desired, place: &Place, object: &Object) -> Result<Next, Cause> {
        let now = Instant::now();
        let mut fresh = before(now, SIGHT_LASTS);
        if let Some(arn) = object.arn.as_deref().filter(|arn| self.aws.tags_are_older(arn)) {
            self.aws.forget_tags(arn);
            fresh = Some(now);
        }
        let fresh = self.memory(&desired.key, |memory| memory.not_before.take()).max(fresh);
        let names = BTreeSet::from([object.natural_key.clone()]);
        let interest = Interest { names, ..self.everything_of_ours() };
        self.inventory.ensure(place, fresh, &interest).await;
        self.look_at_users(place, &object.id, fresh).await?;
        let view = self.inventory.view(place)?;
        let is_it = |other: &Object| {
            let mark = other.mark.present();
            other.id == object.id
                && !other.is_leaving()
                && mark.is_some_and(|m| m.owner == self.options.owner && m.document == desired.key)
        };
        let Some(object) = view.objects.into_iter().find(is_it) else { return Ok(Next::In(LOOK_AGAIN)) };
        let users = self.inventory.users(place.0, &object);
        if !users.is_empty() {
            return Err(Cause::new("InUse", format!("still used by {}", users.join(", "))));
        }
        let target = target(place, &object);
        let action = match self.emptied(place, &object, &target).await? {
            Emptied::Yes => Action::Delete(target),
            Emptied::Write(action) => *action,
            Emptied::Wait(cause) => return Err(cause),
        };
        let lane = self.lane(&lane_name(place, &action));
        let _one_writer = lane.lock().await;
        let current = self.desired(&desired.key).map(|desired| desired.digest);
        if self.halt.is_cancelled() || current.as_ref() != Some(&desired.digest) {
            return Ok(Next::Rest);
        }
        self.memory(&desired.key, |memory| memory.not_before = Some(Instant::now()));
        let why = "its document moved, and the new one is ready";
        match self.send(place.0, &desired.key, place, &action, Some(&object), why).await {
            Ok(()) => Ok(Next::Now),
            Err(error) if error.disposition == Disposition::Gone => Ok(Next::Now),
            Err(error) => Err(error.cause()),
        }
    }
}

fn number(object: &Object, output: &str) -> Option<i64> {
    object.outputs.get(output)?.parse().ok()
}
