//! Several resources bear the mark of a document that is gone: nothing tells any more which of them is its own, and marks
//! may be copied.
//!
//! The invariant: they go only if it does not matter which is which. Either nothing stands in any of them and nothing
//! uses any; or all hold the same, were born at about the same time, one of them has all that stands in the others, and
//! nothing in them is anybody else's: twins of ours. Else all of them are held with what stands in them, and a human takes the marks off what is not ours.
//! Of twins one after the other goes whole, by one call, until one is left, which goes as ever.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use hatoba_core::{Action, Cause, Deletion, Key, Object};

use crate::engine::Engine;
use crate::inventory::{Place, is_child};
use crate::orphans::Orphan;
use crate::schedule::Next;
use crate::shown::PruningShown;
use crate::takedown::{Emptied, target};
use crate::twins::{Shadow, were_born_together};
use crate::users::Parents;

impl Engine {
    /// Tells each of one document's orphans why it may be none.
    pub(crate) fn note_doubts(&self, key: &Key, orphans: &mut [Orphan]) {
        let reported = self.state().memory.get(key).map(|memory| memory.copies.clone());
        let reported = reported.unwrap_or_default();
        let bears = |orphan: &Orphan| {
            let table = orphan.place.0.table();
            let is_series = table.replace.revisions().is_some();
            let mark = orphan.object.mark.present().filter(|_| !table.marks.is_borrowed() && !is_series)?;
            Some((mark.incarnation, orphan.object.id.clone()))
        };
        let bearers: Vec<(u32, String)> = orphans.iter().filter_map(bears).collect();
        for orphan in orphans {
            let Some((number, id)) = bears(orphan) else { continue };
            let is_unique = orphan.place.0.table().has_one_bearer();
            let alike = |(other, bearer): &&(u32, String)| *bearer != id && (!is_unique || *other == number);
            let others: Vec<&str> = bearers.iter().filter(alike).map(|(_, bearer)| bearer.as_str()).collect();
            let message = match (reported.contains(&id), others.is_empty()) {
                (true, _) => {
                    "it was reported as a copy while its document was there: delete it, or its tags \
                              `hatoba:*`"
                        .to_owned()
                }
                (false, false) => format!(
                    "{} bears the same mark, and one of them may be a copy: take the tags `hatoba:*` off what is not \
                     the document's",
                    others.join(", ")
                ),
                (false, true) => continue,
            };
            orphan.doubt = Some(Cause::new("DuplicateInUse", message));
        }
    }

    /// Lifts the doubts where it does not matter which is which. Returns the twin that goes first, whole.
    pub(crate) async fn settle_doubts(&self, key: &Key, orphans: &mut [Orphan]) -> Option<String> {
        let reported = self.memory(key, |memory| memory.copies.clone());
        let is_open = |orphan: &Orphan| {
            let may_go = Orphan { doubt: None, ..orphan.clone() };
            orphan.doubt.is_some()
                && !reported.contains(&orphan.object.id)
                && self.judge(key, &may_go, &[]).is_ok()
        };
        let is_unique = orphans.iter().any(|orphan| orphan.place.0.table().has_one_bearer());
        if is_unique || orphans.len() < 2 || !orphans.iter().all(is_open) {
            return None;
        }
        let fresh = self.fresh(key, orphans.first()?);
        for place in orphans.iter().map(|orphan| &orphan.place).collect::<BTreeSet<_>>() {
            self.list(place, fresh, &self.everything_of_ours()).await;
        }
        for Orphan { place, object, .. } in orphans.iter() {
            let shown = self.inventory.view_of(place, |shown| shown == object).ok()?;
            if shown.is_empty() {
                return None; // it has changed since
            }
            self.look_at_users(place, &object.id, fresh, Parents::All).await.ok()?;
        }
        let using = |orphan: &Orphan| self.inventory.using(orphan.place.0, &orphan.object);
        let users: Vec<(Place, Object)> = orphans.iter().flat_map(using).collect();
        let place = orphans.first()?.place.clone();
        let is_one_place = orphans.iter().all(|orphan| orphan.place == place);
        if users.is_empty() && (is_one_place || self.has_moved(key, orphans)) {
            orphans.iter_mut().for_each(|orphan| orphan.doubt = None);
            return None;
        }
        if !is_one_place {
            return None; // these are no twins
        }
        // Everybody agrees on the order; what is used from elsewhere goes last, and before it what holds most.
        orphans.sort_by_cached_key(|orphan| {
            let is_used = !self.users_elsewhere(&place, &orphan.object).is_empty();
            let holds = self.standing_in(&place, &orphan.object).len();
            (
                !is_used,
                Reverse(holds),
                orphan.object.created_at_ms.unwrap_or(i64::MAX),
                orphan.object.id.clone(),
            )
        });
        let (first, others) = orphans.split_first_mut()?;
        if !others.iter().all(|other| self.are_twins(&place, &first.object, &other.object)) {
            self.memory(key, |memory| memory.shadow = None);
            return None;
        }
        let ids = || others.iter().map(|other| &other.object).chain([&first.object]);
        let is_sure = self.seen_again(key, &users, ids()) == Shadow::Yes;
        let last = others.last().map(|last| last.object.id.clone())?;
        for orphan in others.iter_mut().chain([first]) {
            let message = match is_sure {
                true => format!("{last}, its twin, goes first"),
                false => {
                    "all that bear its mark hold the same, so they go when a second look agrees".to_owned()
                }
            };
            let goes = is_sure && orphan.object.id == last;
            orphan.doubt = (!goes).then(|| Cause::new("Duplicate", message));
        }
        is_sure.then_some(last)
    }

    /// Whether this process has seen the document leave all of them but one, in which it stood last: none of them is a
    /// copy that somebody made elsewhere.
    fn has_moved(&self, key: &Key, orphans: &[Orphan]) -> bool {
        self.memory(key, |memory| {
            let stood = memory.place.as_ref().zip(memory.id.as_ref());
            orphans.iter().all(|Orphan { place, object, .. }| {
                stood == Some((place, &object.id))
                    || memory.left.contains_key(&(place.clone(), object.id.clone()))
            })
        })
    }

    /// Deletes one of several twins, and what stands in it, as all of that stands in another one too.
    pub(crate) async fn prune_twin(&self, key: &Key, orphan: &Orphan) -> Result<Next, Cause> {
        let Orphan { place, object, .. } = orphan;
        self.judge(key, orphan, &self.users_elsewhere(place, object))?;
        self.may_write().await?;
        let target = target(place, object);
        let action = match self.emptied(place, object, &target).await? {
            Emptied::Yes => Action::Delete(target),
            Emptied::Write(action) => *action,
            Emptied::Wait(cause) => return Err(cause),
        };
        let guard = || {
            let known = self.inventory.last_known(place);
            let has_a_twin =
                known.iter().any(|other| other.id != object.id && self.are_twins(place, other, object));
            if !has_a_twin {
                return Err(Cause::new("DuplicateInUse", "what stands in it has changed meanwhile"));
            }
            self.judge(key, orphan, &self.users_elsewhere(place, object)).map(drop)
        };
        let why = "its document is gone, and all that stands in it stands in its twin too";
        self.part(key, orphan, &action, why, guard).await
    }

    /// Whether two that bear one mark are twins: nothing is lost with the other one while this one stays. A process that
    /// died may have left the other one half made.
    fn are_twins(&self, place: &Place, one: &Object, other: &Object) -> bool {
        let goes = |object: &Object| {
            let deletion = object.mark.present().map(|mark| mark.deletion);
            self.is_ours(object) && object.is_usable() && deletion == Some(Deletion::Delete)
        };
        let may_go = |at: &Place, object: &Object| {
            !at.0.table().marks.is_in_tags() || goes(object) // else its parent's word counts
        };
        let is_it =
            one.mark.present().map(|mark| &mark.document) == other.mark.present().map(|mark| &mark.document);
        let (in_one, in_other) = (self.standing_in(place, one), self.standing_in(place, other));
        let has_its_like = |(at, child): &(Place, Object)| {
            may_go(at, child)
                && in_one.iter().any(|(other_at, other)| {
                    other_at.0 == at.0 && may_go(other_at, other) && self.is_like(at.0, child, other)
                })
        };
        is_it
            && goes(one)
            && goes(other)
            && were_born_together(one, other)
            && self.holds_the_same(place.0, one, other)
            && in_other.iter().all(has_its_like)
    }

    fn standing_in(&self, place: &Place, object: &Object) -> Vec<(Place, Object)> {
        let users = self.inventory.using(place.0, object).into_iter();
        users.filter(|(at, _)| is_child(at.0, place.0) && at.1 == object.id).collect()
    }

    fn users_elsewhere(&self, place: &Place, object: &Object) -> Vec<String> {
        let users = self.inventory.using(place.0, object).into_iter();
        let elsewhere = users.filter(|(at, _)| !is_child(at.0, place.0) || at.1 != object.id);
        let names: BTreeSet<String> =
            elsewhere.map(|(at, user)| format!("{} {}", at.0.table().kind, user.id)).collect();
        names.into_iter().collect()
    }

    /// What is ours and stands in what is held: it is held with it.
    pub(crate) fn held_with(&self, orphan: &Orphan) -> Vec<PruningShown> {
        let Orphan { place, object, doubt } = orphan;
        let Some(doubt) = doubt else { return Vec::new() };
        let checked = self.state().checked.clone();
        let shown = |(at, child): (Place, Object)| {
            let mark = child.mark.present().filter(|_| self.is_ours(&child))?;
            let table = at.0.table();
            let document = match table.marks.is_borrowed() {
                true => Key::new(table.kind, format!("{}-{}", at.1, child.id)),
                false => mark.document.clone(),
            };
            let message =
                format!("it stands in {}, and what stands in a copy is never deleted by itself", object.id);
            (!checked.exists(&document))
                .then(|| PruningShown::new(document, &child, Cause { message, ..doubt.clone() }))
        };
        self.standing_in(place, object).into_iter().filter_map(shown).collect()
    }
}
