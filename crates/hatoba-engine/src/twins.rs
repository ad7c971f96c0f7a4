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

use std::collections::BTreeSet;

use hatoba_core::{
    Assessment, Deletion, Desired, Key, MarkStyle, Object, Readiness, RefField, Step, Surplus, SurplusKind,
    UsedBy, Verdict, same_content,
};
use hatoba_kinds::KindId;
use serde_json::Value;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::inventory::{Place, Trust, is_child};
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
    /// whatever number these give. Only of kinds that others stand in. Of a document that is gone all of several are
    /// meant, and whatever was reported as a copy before.
    pub(crate) fn twins(&self) -> BTreeSet<(KindId, String)> {
        let parents = KindId::ALL.iter().filter_map(|kind| kind.table().parent.and_then(KindId::of));
        let state = self.state();
        let mut twins = BTreeSet::new();
        for kind in parents.collect::<BTreeSet<KindId>>() {
            // What cannot be seen just now is as it was: forgetting a twin would let what stands in it go.
            self.inventory.among(&(kind, String::new()), |known| {
                let of_ours = known.filter(|object| self.is_ours(object));
                let mut alike: Vec<(&Key, &String)> = of_ours
                    .filter_map(|object| Some((&object.mark.present()?.document, &object.id)))
                    .collect();
                alike.sort();
                for of_one in alike.chunk_by(|one, other| one.0 == other.0) {
                    let document = of_one[0].0;
                    let memory = state.memory.get(document);
                    let current = memory.and_then(|memory| memory.id.as_ref());
                    let current = current.filter(|_| state.checked.exists(document));
                    let is_copy = |id: &String| memory.is_some_and(|memory| memory.copies.contains(id));
                    let is_one_of_several = |id: &String| of_one.len() > 1 && current != Some(id);
                    let ids = of_one.iter().map(|(_, id)| *id);
                    twins.extend(
                        ids.filter(|id| is_copy(id) || is_one_of_several(id)).map(|id| (kind, id.clone())),
                    );
                }
            });
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
        let is_its_like = self.holds_the_same(place.0, twin, current);
        if !is_well || !is_its_like || !may_go(twin) || !may_go(current) {
            return Shadow::No;
        }
        if desired.policy.deletion() == Deletion::Retain {
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
        self.seen_again(&desired.key, &users, [twin])
    }

    /// Whether an earlier look showed the same, long enough ago.
    pub(crate) fn seen_again<'a>(
        &self,
        key: &Key,
        users: &[(Place, Object)],
        twins: impl IntoIterator<Item = &'a Object>,
    ) -> Shadow {
        let names = users.iter().map(|(place, user)| format!("{} {}", place.0.table().kind, user.id));
        let seen: BTreeSet<String> = names.chain(twins.into_iter().map(|twin| twin.id.clone())).collect();
        // The oldest of the lists that this rests on.
        let listed = users.iter().map(|(place, _)| self.inventory.listed_at(place)).min().flatten();
        let Some(listed_at) = listed else { return Shadow::Perhaps };
        self.memory(key, |memory| match &memory.shadow {
            Some((before, at)) if *before == seen => {
                if listed_at >= *at + SETTLES {
                    Shadow::Yes
                } else {
                    Shadow::Perhaps
                }
            }
            _ => {
                memory.shadow = Some((seen, Instant::now())); // the lists may have waited for their quota
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
        let is_its_like = |other: &Object| other.is_usable() && self.is_like(place.0, user, other);
        is_asked_for && view.objects.iter().any(is_its_like)
    }

    /// Whether two resources bear one document's mark and hold the same. Marks may be copied; what leads to a back end
    /// of somebody else's is no copy of ours.
    pub(crate) fn is_like(&self, kind: KindId, one: &Object, other: &Object) -> bool {
        let document = |object: &Object| {
            let mark = object.mark.present().filter(|_| self.is_ours(object))?;
            Some(mark.document.clone())
        };
        let is_named_by_mark = kind.table().marks == MarkStyle::Description;
        let is_of_one = document(one).is_some() && document(one) == document(other);
        is_of_one
            && (is_named_by_mark || one.natural_key == other.natural_key)
            && self.holds_the_same(kind, one, other)
    }

    /// Whether two resources hold the same; members that lead to one document's resources count as the same.
    pub(crate) fn holds_the_same(&self, kind: KindId, one: &Object, other: &Object) -> bool {
        same_content(kind.table(), &one.members, &other.members, |reference, one, other| {
            let document = self.document_behind(reference, one);
            document.is_some() && document == self.document_behind(reference, other)
        })
    }

    /// The document whose resource a member leads to, and its name where the mark is its parent's.
    fn document_behind(&self, reference: &RefField, value: &Value) -> Option<(Key, Option<String>)> {
        let value = value.as_str()?;
        let mut found = None;
        self.inventory.each_marked(
            &self.options.owner,
            Trust::Newest,
            |kind| reference.kinds.contains(&kind.table().kind),
            |place, object, mark| {
                let output = object.outputs.get(reference.output);
                if output.is_some_and(|output| reference.template.replace("{}", output) == value) {
                    let name = place.0.table().marks.is_borrowed().then(|| object.natural_key.clone());
                    found = Some((mark.document.clone(), name));
                }
            },
        );
        found
    }

    /// Remembers what a pass reported as a copy of the document's mark.
    pub(crate) fn note_reported(
        &self,
        desired: &Desired,
        kind: KindId,
        assessment: &Assessment<'_>,
        step: &Step,
    ) {
        if matches!(assessment.verdict, Verdict::Unknown(_)) {
            return;
        }
        let is_reported = matches!(step, Step::Hold(cause) if cause.reason.as_str() == "DuplicateInUse");
        let is_copy = |surplus: &&Surplus<'_>| {
            is_reported
                && surplus.why == SurplusKind::Twin
                && self.used_by(kind, surplus.object) != UsedBy::Nobody
        };
        let twins = assessment.surplus.iter().filter(is_copy).map(|surplus| surplus.object);
        let copies: BTreeSet<String> =
            assessment.copies.iter().copied().chain(twins).map(|object| object.id.clone()).collect();
        self.memory(&desired.key, |memory| match step {
            Step::Rest | Step::Hold(_) => memory.copies = copies,
            _ => memory.copies.extend(copies),
        });
    }
}

/// Whether what is listed at a place stands in one of these.
pub(crate) fn stands_in(twins: &BTreeSet<(KindId, String)>, place: &Place) -> bool {
    let parent = place.0.table().parent.and_then(KindId::of);
    parent.is_some_and(|kind| twins.contains(&(kind, place.1.clone())))
}

/// Whether both were made within ten minutes, by AWS's clock.
pub(crate) fn were_born_together(one: &Object, other: &Object) -> bool {
    match (one.created_at_ms, other.created_at_ms) {
        (Some(one), Some(other)) => one.abs_diff(other) <= BORN_WITHIN_MS,
        _ => false,
    }
}

/// Whether what bears an inherited mark has it from one of these.
pub(crate) fn leads_to(twins: &BTreeSet<(KindId, String)>, place: &Place, object: &Object) -> bool {
    let MarkStyle::Inherited(bearer) = place.0.table().marks else { return false };
    let Some(bearer) = KindId::of(bearer) else { return false };
    twins.iter().any(|(kind, id)| *kind == bearer && object.uses.contains(id))
}
