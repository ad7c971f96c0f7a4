//! Taking a resource down so that it can be made anew: its users let go, what AWS keeps in it goes, it comes to
//! rest, it is deleted. Each is a step of a pass, read off what is seen: a crash at any point loses nothing.
//!
//! The invariant: nothing begins while anything stands in the way that the operator has not allowed.

use std::collections::BTreeSet;
use std::time::Duration;

use hatoba_core::{
    Action, Assessment, Cause, Deletion, Desired, Key, Object, Readiness, ReplacePolicy, Seen, Step, Target,
    Verdict,
};
use hatoba_kinds::{Entry, Interest, KindId};
use tokio::time::Instant;

use crate::drain::{Drained, drained};
use crate::engine::Engine;
use crate::inventory::{Place, children, is_child};
use crate::users::Parents;

/// AWS takes its entries out by itself some time after a task stopped; what is left after this is taken out.
const STALE_AFTER: Duration = Duration::from_secs(60);

/// Whether a resource is empty and at rest.
pub(crate) enum Emptied {
    /// It may be deleted.
    Yes,
    /// This comes first.
    Write(Box<Action>),
    /// Something is on its way out.
    Wait(Cause),
}

/// Who keeps an entry in a resource.
pub(crate) enum Keeper {
    /// Somebody entered it by hand.
    Hand,
    /// A resource that uses this one.
    User(String),
    /// A resource that has let go and whose tasks are on their way out.
    Moving(String),
    /// Nobody any more.
    Nobody,
}

impl Engine {
    /// The next step of taking a resource down. Others learn here that it goes, or that it stays.
    pub(crate) async fn taken_down(
        &self,
        desired: &Desired,
        place: &Place,
        assessment: &Assessment<'_>,
        step: Step,
    ) -> Step {
        let (Step::TakeDown(target), Some(current)) = (&step, assessment.current) else {
            self.stays(desired, assessment);
            return step;
        };
        let kept = match self.kept(place, current, target).await {
            Ok(kept) => kept,
            Err(cause) => return Step::Wait(cause),
        };
        match self.obstacles(desired, place, current, &kept).await {
            Err(cause) => {
                self.stays(desired, assessment);
                Step::Hold(cause)
            }
            Ok(busy) => {
                self.announce_going(&desired.key, Some(current.outputs.clone()));
                self.announce(&desired.key, None);
                match busy {
                    Some(cause) => Step::Wait(cause),
                    None => match self.empty(&desired.key, place.0, current, target, &kept) {
                        Emptied::Yes => Step::Act(Action::Delete(target.clone())),
                        Emptied::Write(action) => Step::Act(*action),
                        Emptied::Wait(cause) => Step::Wait(cause),
                    },
                }
            }
        }
    }

    /// It is not taken down, or not any more: others may use what there is.
    fn stays(&self, desired: &Desired, assessment: &Assessment<'_>) {
        match &assessment.verdict {
            Verdict::Unknown(_) => {} // not seen: what was known stays
            Verdict::TakeDown(..) => {
                self.announce_going(&desired.key, None);
                let usable = assessment.current.filter(|current| current.is_usable());
                self.announce(&desired.key, usable.map(|current| current.outputs.clone()));
            }
            _ => self.announce_going(&desired.key, None),
        }
    }

    /// What stands in the way of taking a resource down, as an error; else who must let go first, if anybody.
    pub(crate) async fn obstacles(
        &self,
        desired: &Desired,
        place: &Place,
        object: &Object,
        kept: &[(Entry, Keeper)],
    ) -> Result<Option<Cause>, Cause> {
        self.is_ours_to_take_down(desired, object)?;
        for (entry, keeper) in kept {
            if let Keeper::Hand = keeper {
                let message = format!("{} was entered in {} by hand; take it out first", entry.id, object.id);
                return Err(Cause::new("InUse", message));
            }
        }
        let fresh = self.oldest_sight();
        self.look_at_documents_that_name(&desired.key, place, object, fresh).await;
        if let Err(cause) = self.look_at_users(place, &object.id, fresh, Parents::Ours).await {
            return Err(Cause::new("UsersUnknown", format!("what uses {} is not known: {cause}", object.id)));
        }
        let mut holding = BTreeSet::new();
        for (user_place, user) in self.inventory.using(place.0, object) {
            if let Some(key) = self.lets_go(desired, place, &user_place, &user).await? {
                holding.insert(key.to_string());
            }
        }
        let holding = holding.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("waits until {holding} no longer uses {}", object.id);
        Ok((!holding.is_empty()).then(|| Cause::new("Detaching", message)))
    }

    /// The mark says beyond doubt that it is this document's, and that it may be deleted.
    fn is_ours_to_take_down(&self, desired: &Desired, object: &Object) -> Result<(), Cause> {
        let Seen::Present(mark) = &object.mark else {
            let message = format!("{} does not bear our mark, so it is not deleted", object.id);
            return Err(Cause::new("NotOurs", message));
        };
        if mark.owner != self.options.owner || mark.document != desired.key {
            let message = format!("{} belongs to {} of owner {}", object.id, mark.document, mark.owner);
            return Err(Cause::new("OwnedByAnother", message));
        }
        if mark.deletion == Deletion::Retain || desired.policy.deletion() == Deletion::Retain {
            let message =
                format!("{} would have to be deleted, and its deletion policy is Retain", object.id);
            return Err(Cause::new("Retained", message));
        }
        Ok(())
    }

    /// Whether a user of a resource will let go of it (its document), may keep it (`None`), or stands in the way.
    async fn lets_go(
        &self,
        desired: &Desired,
        place: &Place,
        user_place: &Place,
        user: &Object,
    ) -> Result<Option<Key>, Cause> {
        let name = format!("{} {}", user_place.0.table().kind, user.id);
        let blocked = |why: &str| Cause::new("InUse", format!("it is used by {name}, {why}"));
        let mark = user.mark.present().filter(|mark| mark.owner == self.options.owner);
        let Some(document) = mark.and_then(|mark| self.desired(&mark.document)) else {
            return Err(blocked("which no document of ours asks for"));
        };
        if document.policy.suspend {
            return Err(blocked("whose document is suspended"));
        }
        if let (Some((_, pause)), _) = self.pause(user_place, &[user]) {
            return Err(pause);
        }
        if is_child(user_place.0, place.0) {
            if document.policy.replace != ReplacePolicy::AllowDowntime {
                let message = format!(
                    "{} stands in it and would have to be deleted too: `policy.replace: AllowDowntime` there allows that",
                    document.key
                );
                return Err(Cause::new("NeedsDowntime", message));
            }
            let target = target(user_place, user);
            let kept = self.kept(user_place, user, &target).await?;
            Box::pin(self.obstacles(&document, user_place, user, &kept)).await?;
            return Ok(Some(document.key));
        }
        let mut naming = document.references.iter().filter(|r| r.target == desired.key).peekable();
        if naming.peek().is_none() {
            return Err(blocked("whose document does not name this one"));
        }
        let field = naming.find_map(|reference| {
            document.table.fields.iter().find(|field| field.lets_go && field.holds(&reference.path))
        });
        match field {
            Some(field) if document.policy.fields.contains_key(field.path) => {
                Err(blocked("whose policy leaves that member alone"))
            }
            Some(_) => Ok(Some(document.key)),
            // It keeps pointing to what is gone until the new one is there: that is the gap that was allowed.
            None => Ok(None),
        }
    }

    /// Lists where the resources of documents stand that name this one, and what of ours stands in it.
    async fn look_at_documents_that_name(
        &self,
        key: &Key,
        place: &Place,
        object: &Object,
        fresh: Option<Instant>,
    ) {
        let checked = self.state().checked.clone();
        for document in checked.desired.values() {
            if document.references.iter().any(|reference| reference.target == *key)
                && let Some(place) = self.place_of(document)
            {
                let interest = self.interest(&place, document);
                self.list(&place, fresh, &interest).await;
            }
        }
        for kind in children(place.0) {
            let ours = checked.desired.values().filter(|document| document.key.kind == kind.table().kind);
            let names = ours.map(|of| of.name().to_owned()).collect();
            let interest = Interest { names, ..self.everything_of_ours() };
            self.list(&(kind, object.id.clone()), fresh, &interest).await;
        }
    }

    /// Where a document's resource stands, as far as that is known without resolving it.
    fn place_of(&self, document: &Desired) -> Option<Place> {
        let kind = Self::kind(&document.key)?;
        let Some(member) = document.table.scope_member else { return Some((kind, String::new())) };
        if let Some(raw) = document.members.get(member).and_then(|raw| raw.as_str()) {
            return Some((kind, raw.to_owned()));
        }
        let reference = document.references.iter().find(|reference| reference.path == member)?;
        let state = self.state();
        let outputs = state.outputs.get(&reference.target).or_else(|| state.going.get(&reference.target))?;
        Some((kind, outputs.get(reference.output)?.clone()))
    }

    /// Whether a resource without users is empty and at rest.
    ///
    /// # Errors
    /// What stands in the way.
    pub(crate) async fn emptied(
        &self,
        place: &Place,
        object: &Object,
        target: &Target,
    ) -> Result<Emptied, Cause> {
        let kept = self.kept(place, object, target).await?;
        for (entry, keeper) in &kept {
            let who = match keeper {
                Keeper::Hand => format!("{}, which was entered by hand", entry.id),
                Keeper::User(user) => user.clone(),
                Keeper::Moving(_) | Keeper::Nobody => continue,
            };
            return Err(Cause::new("InUse", format!("still used by {who}")));
        }
        let document = object.mark.present().map(|mark| mark.document.clone());
        let document = document.unwrap_or_else(|| Key::new(&target.kind, &target.id));
        Ok(self.empty(&document, place.0, object, target, &kept))
    }

    /// What comes first of emptying a resource that nobody uses.
    fn empty(
        &self,
        key: &Key,
        kind: KindId,
        object: &Object,
        target: &Target,
        kept: &[(Entry, Keeper)],
    ) -> Emptied {
        let wait = |who: &str| {
            let message = format!("{} entries are in {}; {who} takes its own out", kept.len(), object.id);
            Emptied::Wait(Cause::new("Deregistering", message))
        };
        let moving = kept.iter().find_map(|(_, keeper)| match keeper {
            Keeper::Moving(who) | Keeper::User(who) => Some(who),
            Keeper::Hand | Keeper::Nobody => None,
        });
        if let Some(who) = moving {
            self.memory(key, |memory| memory.stale_since = None);
            return wait(who);
        }
        let Some((stale, _)) = kept.first() else {
            self.memory(key, |memory| memory.stale_since = None);
            return match drained(kind, object, target) {
                Drained::Yes => Emptied::Yes,
                Drained::Write(action) => Emptied::Write(action),
                Drained::Wait(cause) => Emptied::Wait(cause),
            };
        };
        let now = Instant::now();
        let since = self.memory(key, |memory| *memory.stale_since.get_or_insert(now));
        if now.saturating_duration_since(since) < STALE_AFTER {
            return wait("AWS");
        }
        Emptied::Write(Box::new(Action::Evict { target: target.clone(), entry: stale.id.clone() }))
    }

    /// What AWS keeps in a resource, and who keeps it there.
    pub(crate) async fn kept(
        &self,
        place: &Place,
        object: &Object,
        target: &Target,
    ) -> Result<Vec<(Entry, Keeper)>, Cause> {
        let entries = place.0.entries(&self.aws, target).await.map_err(|error| error.cause())?;
        let mut kept = Vec::new();
        let fresh = self.oldest_sight();
        for entry in entries {
            let keeper = match &entry.registrar {
                None => Keeper::Hand,
                Some(registrar) => match KindId::of(registrar.kind) {
                    None => Keeper::Hand,
                    Some(kind) => {
                        let place = (kind, registrar.scope.clone());
                        let names = BTreeSet::from([registrar.id.clone()]);
                        let interest = Interest { names, ..self.everything_of_ours() };
                        self.list(&place, fresh, &interest).await;
                        let view = self.inventory.view(&place)?;
                        let found = view.objects.iter().find(|found| found.id == registrar.id);
                        keeper(found, object, registrar.to_string())
                    }
                },
            };
            kept.push((entry, keeper));
        }
        Ok(kept)
    }
}

fn keeper(found: Option<&Object>, object: &Object, name: String) -> Keeper {
    let Some(found) = found else { return Keeper::Nobody };
    let arn = object.arn.as_ref();
    if !found.is_leaving()
        && (found.uses.contains(&object.id) || arn.is_some_and(|arn| found.uses.contains(arn)))
    {
        return Keeper::User(name);
    }
    match found.is_leaving() || matches!(found.readiness, Readiness::Settling(_)) {
        true => Keeper::Moving(name),
        false => Keeper::Nobody,
    }
}

pub(crate) fn target(place: &Place, object: &Object) -> Target {
    Target {
        kind: place.0.table().kind.to_owned(),
        scope: place.1.clone(),
        id: object.id.clone(),
        arn: object.arn.clone(),
    }
}
