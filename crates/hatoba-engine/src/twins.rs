//! Twins that were both built upon: two leaders at one time, or a leader that did not know yet of its own first try.
//!
//! Both have users, so neither may simply go. Everybody agrees which one is current (`hatoba_core::assess`), and what
//! belongs into it is made there. What is left of the other is a shadow: nothing stands in it but what our own
//! documents asked for, and all of that stands in the current one too.
//!
//! What stands in a twin is never pruned by itself: it goes with the twin, or not at all.
//!
//! The invariant: a shadow goes only if nothing in it is anybody else's, nothing outside uses it, both were born at
//! about the same time (a copy that somebody made later is no accident), and two looks agree on all of that.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Assessment, Deletion, Desired, Key, MarkStyle, Object, Readiness, SurplusKind};
use hatoba_kinds::KindId;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::inventory::{Place, is_child};
use crate::reconcile::SETTLES;
use crate::users::Parents;

/// Two leaders overlap for a minute at most; then their twins have been listed by both.
const BORN_WITHIN_MS: u64 = 600_000;

/// What a twin with users is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shadow {
    /// Somebody may need it.
    No,
    /// As it seems; one more look must agree.
    Perhaps,
    /// Nothing is lost with it.
    Yes,
}

impl Engine {
    /// Resources that bear a document's mark beside the document's own one: twins, or somebody else's with copied marks,
    /// whatever number these give. Only of kinds that others stand in. Of a document that is gone the own one is known
    /// only if this process had it; if not, all of several are meant, and a human must say which goes.
    pub(crate) fn twins(&self) -> BTreeSet<(KindId, String)> {
        let parents = KindId::ALL.iter().filter_map(|kind| kind.table().parent.and_then(KindId::of));
        let mut twins = BTreeSet::new();
        for kind in parents.collect::<BTreeSet<KindId>>() {
            // What cannot be seen just now is as it was: forgetting a twin would let what stands in it go.
            let known = self.inventory.last_known(&(kind, String::new()));
            let mut alike: BTreeMap<&Key, Vec<&String>> = BTreeMap::new();
            for object in known.iter().filter(|object| self.is_ours(object)) {
                let Some(mark) = object.mark.present() else { continue };
                alike.entry(&mark.document).or_default().push(&object.id);
            }
            for (document, ids) in alike.into_iter().filter(|(_, ids)| ids.len() > 1) {
                let current = self.memory(document, |memory| memory.id.clone());
                let others = ids.into_iter().filter(|id| current.as_ref() != Some(*id));
                twins.extend(others.map(|id| (kind, id.clone())));
            }
        }
        twins
    }

    /// Whether a surplus resource is a shadow of the current one.
    pub(crate) async fn shadow(
        &self,
        desired: &Desired,
        place: &Place,
        assessment: &Assessment<'_>,
        twin: &Object,
        not_before: Option<Instant>,
    ) -> Shadow {
        let is_twin = assessment.surplus.iter().any(|s| s.object.id == twin.id && s.why == SurplusKind::Twin);
        let Some(current) = assessment.current.filter(|current| is_twin && were_born_together(current, twin))
        else {
            return Shadow::No;
        };
        let may_go = |object: &Object| {
            let mark = object.mark.present();
            self.is_ours(object)
                && mark.is_some_and(|mark| mark.document == desired.key && mark.deletion == Deletion::Delete)
        };
        let is_well = current.is_usable() && current.readiness == Readiness::Ready;
        if !is_well || !may_go(twin) || !may_go(current) || desired.policy.deletion() == Deletion::Retain {
            return Shadow::No;
        }
        // What is somebody else's is known already, and then nothing more need be read.
        let is_elsewhere = |at: &Place| !is_child(at.0, place.0) || at.1 != twin.id;
        if self
            .inventory
            .using(place.0, twin)
            .iter()
            .any(|(at, user)| is_elsewhere(at) || !self.is_ours(user))
        {
            self.memory(&desired.key, |memory| memory.shadow = None);
            return Shadow::No;
        }
        for id in [&twin.id, &current.id] {
            if self.look_at_users(place, id, not_before, Parents::All).await.is_err() {
                return Shadow::No; // unknown is no reason to delete anything
            }
        }
        let users = self.inventory.using(place.0, twin);
        let all_stand_there =
            users.iter().all(|(at, user)| !is_elsewhere(at) && self.stands_in(desired, at, user, current));
        if users.is_empty() || !all_stand_there {
            self.memory(&desired.key, |memory| memory.shadow = None);
            return Shadow::No;
        }
        let names = users.iter().map(|(place, user)| format!("{} {}", place.0.table().kind, user.id));
        let seen: BTreeSet<String> = names.chain([twin.id.clone()]).collect();
        // The oldest of the lists that this rests on.
        let listed = users.iter().map(|(place, _)| self.inventory.listed_at(place)).min().flatten();
        let Some(listed_at) = listed else { return Shadow::Perhaps };
        self.memory(&desired.key, |memory| match &memory.shadow {
            Some((before, at)) if *before == seen => {
                if listed_at >= *at + SETTLES {
                    Shadow::Yes
                } else {
                    Shadow::Perhaps
                }
            }
            _ => {
                memory.shadow = Some((seen, listed_at));
                Shadow::Perhaps
            }
        })
    }

    /// Whether what stands in a twin is a document's, and stands in the current one too.
    fn stands_in(&self, desired: &Desired, place: &Place, user: &Object, current: &Object) -> bool {
        let Some(mark) = user.mark.present().filter(|_| self.is_ours(user)) else { return false };
        let table = place.0.table();
        let checked = self.state().checked.clone();
        let is_asked_for = checked.children(&desired.key).any(|key| {
            let document = checked.desired.get(key).filter(|_| key.kind == table.kind);
            document.is_some_and(|document| match table.marks.is_borrowed() {
                true => document.natural_key() == Some(&user.natural_key),
                false => *key == mark.document,
            })
        });
        let Ok(view) = self.inventory.view(&(place.0, current.id.clone())) else { return false };
        // What no document asks for any more, and what of it stood in the current one has gone with all guards.
        let is_of_the_past = || {
            let state = self.state();
            let is_whole = state.source.is_complete() && !checked.is_doubtful();
            is_whole
                && match table.marks.is_borrowed() {
                    true => view.objects.iter().all(|other| other.natural_key != user.natural_key),
                    false => !checked.exists(&mark.document) && !state.vanished.contains_key(&mark.document),
                }
        };
        if !is_asked_for && is_of_the_past() {
            return true;
        }
        let is_its_like = |other: &Object| {
            let same_name = table.marks == MarkStyle::Description || other.natural_key == user.natural_key;
            same_name
                && other.is_usable()
                && self.is_ours(other)
                && other.mark.present().is_some_and(|other| other.document == mark.document)
        };
        is_asked_for && view.objects.iter().any(is_its_like)
    }
}

/// Whether what is listed at a place stands in one of these.
pub(crate) fn stands_in(twins: &BTreeSet<(KindId, String)>, place: &Place) -> bool {
    let parent = place.0.table().parent.and_then(KindId::of);
    parent.is_some_and(|kind| twins.contains(&(kind, place.1.clone())))
}

/// Whether both were made within ten minutes, by AWS's clock.
fn were_born_together(one: &Object, other: &Object) -> bool {
    match (one.created_at_ms, other.created_at_ms) {
        (Some(one), Some(other)) => one.abs_diff(other) <= BORN_WITHIN_MS,
        _ => false,
    }
}
