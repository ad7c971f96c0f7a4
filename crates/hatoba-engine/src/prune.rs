//! Keys without a readable document: held documents, and resources whose document is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hatoba_core::{
    Action, Cause, Deletion, Digest, Evidence, Fuse, Key, MarkStyle, Object, Outcome, Seen, Target, fuse,
    may_delete,
};
use hatoba_kinds::{Disposition, Interest, KindId, LOOK_SOON, Progress};
use tokio::time::Instant;

use crate::clock::before;
use crate::engine::{Engine, Vanished};
use crate::execute::lane_name;
use crate::inventory::Place;
use crate::memory::Memory;
use crate::queue::Priority;
use crate::reconcile::SIGHT_LASTS;
use crate::schedule::{Next, poll_delay};
use crate::shown::PruningShown;
use crate::takedown::Emptied;

/// A resource that bears our mark though no document asks for it.
#[derive(Clone, Debug)]
pub(crate) struct Orphan {
    pub(crate) place: Place,
    pub(crate) object: Object,
}

impl Engine {
    /// A key without a document that could be worked on.
    pub(crate) async fn without_document(&self, key: &Key) -> Next {
        if let Some(next) = self.part_of_held(key).await {
            return next;
        }
        let found = self.state().checked.held.get(key).cloned();
        match found {
            Some(found) => {
                let first =
                    found.first().map_or_else(|| "it could not be read".to_owned(), ToString::to_string);
                let digest = self.state().statuses.get(key).map(|status| status.observed_digest.clone());
                let cause = Cause::new("Invalid", first);
                self.publish_as(key, &digest.unwrap_or_else(|| Digest::of(key)), Outcome::held(cause));
                self.find_held(key).await;
                Next::Rest
            }
            None => self.prune(key).await,
        }
    }

    /// References to a held document still resolve through what exists in AWS.
    pub(crate) async fn find_held(&self, key: &Key) {
        let Some(kind) = Self::kind(key) else { return };
        let everything = Interest { everything: true, ..Interest::default() };
        let top = kind.table().parent.and_then(KindId::of).unwrap_or(kind);
        if top.table().scope_member.is_none() {
            let top: Place = (top, String::new());
            self.inventory.ensure(&top, None, &everything).await;
            let parents = self.inventory.view(&top).map(|view| view.objects).unwrap_or_default();
            for parent in parents.iter().filter(|parent| top.0 != kind && self.is_ours(parent)) {
                self.inventory.ensure(&(kind, parent.id.clone()), None, &everything).await;
            }
        }
        let by_name = kind.table().marks == MarkStyle::Name;
        let is_its = |object: &Object| {
            let is_its = |mark: &hatoba_core::Mark| match by_name {
                true => object.natural_key == key.name, // the mark is its parent's
                false => mark.document == *key,
            };
            object.is_usable() && self.is_ours(object) && object.mark.present().is_some_and(is_its)
        };
        let places = self.inventory.places().into_iter().filter(|place| place.0 == kind);
        let objects =
            places.filter_map(|place| self.inventory.view(&place).ok()).flat_map(|view| view.objects);
        let mut found: Vec<Object> = objects.into_iter().filter(is_its).collect();
        found.sort_by_key(|object| object.mark.present().map_or(1, |mark| mark.incarnation));
        // A name of two parents' children does not tell whose document it is.
        let scopes: BTreeSet<&String> = found.iter().map(|object| &object.scope).collect();
        if by_name && scopes.len() > 1 {
            return;
        }
        if let Some(object) = found.pop() {
            self.announce(key, Some(object.outputs));
        }
    }

    /// Every resource of ours without a document, by the document that asked for it.
    ///
    /// None while a document that is made of others is held: any resource may be a part of it.
    pub(crate) fn orphans(&self) -> BTreeMap<Key, Vec<Orphan>> {
        let checked = self.state().checked.clone();
        if checked.is_doubtful() {
            return BTreeMap::new();
        }
        let places = {
            let state = self.state();
            let place = |(key, memory): (&Key, &Memory)| Some((key.clone(), memory.place.clone()?));
            state.memory.iter().filter_map(place).collect::<BTreeMap<Key, Place>>()
        };
        let mut orphans: BTreeMap<Key, Vec<Orphan>> = BTreeMap::new();
        for place in self.inventory.places() {
            let Ok(view) = self.inventory.view(&place) else { continue };
            let kind = place.0.table().kind;
            let borrowed = place.0.table().marks.is_borrowed();
            let wanted = |object: &Object| {
                checked.desired.iter().any(|(key, desired)| {
                    let stands_here = places.get(key).is_none_or(|stands| *stands == place);
                    key.kind == kind && stands_here && desired.natural_key() == Some(&object.natural_key)
                })
            };
            for object in view.objects {
                let Seen::Present(mark) = &object.mark else { continue };
                if mark.owner != self.options.owner || object.is_leaving() {
                    continue;
                }
                let key = match borrowed {
                    // It bears no name of its own; its id stands in.
                    true if wanted(&object) => continue,
                    true => Key::new(kind, format!("{}-{}", place.1, object.id)),
                    false if checked.exists(&mark.document) => continue,
                    false => mark.document.clone(),
                };
                orphans.entry(key).or_default().push(Orphan { place: place.clone(), object });
            }
        }
        orphans
    }

    /// Notes which documents are gone; their keys are worked on like all others.
    pub(crate) fn note_orphans(&self) {
        let orphans = self.orphans();
        let goes: BTreeMap<&Key, bool> =
            orphans.iter().map(|(key, orphans)| (key, self.would_go(orphans))).collect();
        let now = Instant::now();
        let mut state = self.state();
        // What could not be seen is not gone: it still counts for the fuse.
        let is_left = |key: &Key| orphans.contains_key(key) || self.is_unseen(key);
        state.vanished.retain(|key, _| is_left(key));
        state.pruning.retain(|key, _| is_left(key));
        if state.source.snapshot.is_none() {
            return;
        }
        for (key, goes) in goes {
            let new = Vanished { since: now, listings: 0, goes };
            state.vanished.entry(key.clone()).or_insert(new).goes = goes;
            state.queue.add(key.clone(), crate::queue::Priority::Sweep, now);
        }
        drop(state);
        self.wake();
    }

    /// Deletes what may be deleted of a document that is gone; the guards are `hatoba_core::may_delete`.
    async fn prune(&self, key: &Key) -> Next {
        self.note_orphans_of(key);
        if let Some(next) = self.follow_deletion(key).await {
            return next;
        }
        let orphans = self.orphans().remove(key).unwrap_or_default();
        if orphans.is_empty() {
            if self.is_unseen(key) {
                return self.later(key);
            }
            let mut state = self.state();
            state.vanished.remove(key);
            state.pruning.remove(key);
            state.memory.remove(key);
            return Next::Rest;
        }
        let mut held = Vec::new();
        let mut next = Next::Rest;
        for orphan in orphans {
            match self.prune_one(key, &orphan).await {
                Ok(then) => {
                    next = then;
                    self.go_on();
                }
                Err(cause) => {
                    if next == Next::Rest {
                        next = self.look_again(key, &cause);
                    }
                    held.push(PruningShown {
                        document: key.clone(),
                        id: orphan.object.id.clone(),
                        held: cause,
                    });
                }
            }
        }
        let mut state = self.state();
        if !state.checked.exists(key) {
            state.pruning.insert(key.clone(), held);
        }
        next
    }

    /// Whether a list of the key's kind failed: then a resource of it may be there and not be seen.
    fn is_unseen(&self, key: &Key) -> bool {
        Self::kind(key).is_some_and(|kind| self.inventory.is_unseen(kind))
    }

    /// Something of ours went: what waited for that is looked at again.
    fn go_on(&self) {
        let now = Instant::now();
        let mut state = self.state();
        for key in state.vanished.keys().cloned().collect::<Vec<_>>() {
            state.memory.entry(key.clone()).or_default().polls = 0;
            state.queue.add(key, Priority::Sweep, now);
        }
        drop(state);
        self.wake();
    }

    /// Looks at the operation that an earlier delete began, while it runs.
    async fn follow_deletion(&self, key: &Key) -> Option<Next> {
        let kind = Self::kind(key)?;
        let pending = self.memory(key, |memory| memory.operation.clone())?;
        match kind.poll(&self.aws, &pending.operation, None).await {
            Ok(Progress::Running) => return Some(Next::In(self.memory(key, poll_delay))),
            Ok(Progress::Failed(cause)) => {
                tracing::error!(document = %key, %cause, "a deletion failed; it is tried again")
            }
            Ok(Progress::Done(_) | Progress::Forgotten) | Err(_) => {} // the list says what is left
        }
        self.memory(key, |memory| {
            memory.operation = None;
            memory.not_before = Some(Instant::now());
        });
        None
    }

    fn note_orphans_of(&self, key: &Key) {
        let now = Instant::now();
        let goes = self.orphans().get(key).is_some_and(|orphans| self.would_go(orphans));
        self.state().vanished.entry(key.clone()).or_insert(Vanished { since: now, listings: 0, goes });
    }

    /// Whether any of these would be deleted at last: what is kept anyway does not count for the fuse.
    fn would_go(&self, orphans: &[Orphan]) -> bool {
        let goes = |orphan: &Orphan| self.deletion_of(orphan) == Deletion::Delete;
        self.options.owner_is_explicit && orphans.iter().any(goes)
    }

    async fn prune_one(&self, key: &Key, orphan: &Orphan) -> Result<Next, Cause> {
        // The cheap guards first: nothing is read for what is held anyway.
        self.judge(key, orphan, &[])?;
        let (kind, scope) = &orphan.place;
        let fresh = self.fresh(key, orphan);
        let interest = Interest {
            names: BTreeSet::from([orphan.object.natural_key.clone()]),
            everything: true,
            ..Interest::default()
        };
        self.inventory.ensure(&orphan.place, fresh, &interest).await;
        let unknown =
            |cause: Cause| Cause::new("UsersUnknown", format!("what uses it could not be listed: {cause}"));
        self.look_at_users(&orphan.place, &orphan.object.id, fresh).await.map_err(unknown)?;
        let view = self.inventory.view(&orphan.place)?;
        let is_it = |object: &Object| object.id == orphan.object.id && !object.is_leaving();
        let Some(object) = view.objects.into_iter().find(is_it) else {
            return Ok(Next::Now);
        };
        let users = self.users_of(&orphan.place, &object);
        let orphan = Orphan { place: orphan.place.clone(), object };
        self.judge(key, &orphan, &users)?;
        let target = Target {
            kind: kind.table().kind.to_owned(),
            scope: scope.clone(),
            id: orphan.object.id.clone(),
            arn: orphan.object.arn.clone(),
        };
        let users = self.users_now(&orphan.place, &orphan.object, &target, None).await.map_err(unknown)?;
        self.judge(key, &orphan, &users)?;
        let (action, why) = match self.emptied(&orphan.place, &orphan.object, &target).await? {
            Emptied::Yes => (Action::Delete(target), "its document is gone"),
            Emptied::Write(action) => (*action, "its document is gone: it is emptied first"),
            Emptied::Wait(cause) => return Err(cause),
        };
        let lane = self.lane(&lane_name(&orphan.place, &action));
        let _one_writer = lane.lock().await;
        // The document may have come back, or a user, while others wrote.
        self.judge(key, &orphan, &self.users_of(&orphan.place, &orphan.object))?;
        if self.halt.is_cancelled() {
            return Ok(Next::Rest);
        }
        // Whatever is written, the next look must be newer: "seen at 0" is a list's word, not an overlay's.
        self.memory(key, |memory| memory.not_before = Some(Instant::now()));
        match self.send(*kind, key, &orphan.place, &action, Some(&orphan.object), why).await {
            Ok(()) => Ok(Next::Now),
            Err(error) if error.disposition == Disposition::Gone => Ok(Next::Now),
            Err(error) => Err(error.cause()),
        }
    }

    /// Lists begun before this do not count for a delete. Tags that lists do not show are read anew.
    fn fresh(&self, key: &Key, orphan: &Orphan) -> Option<Instant> {
        let now = Instant::now();
        if let Some(arn) = orphan.object.arn.as_deref()
            && self.aws.tags_are_older(arn)
        {
            self.aws.forget_tags(arn);
            return Some(now);
        }
        self.memory(key, |memory| memory.not_before.take()).max(before(now, SIGHT_LASTS))
    }

    fn judge(&self, key: &Key, orphan: &Orphan, users: &[String]) -> Result<(), Cause> {
        let vanished = self.state().vanished.get(key).copied();
        let absent_for = vanished.map_or(Duration::ZERO, |vanished| vanished.since.elapsed());
        self.judge_as(orphan, users, absent_for, vanished.map_or(0, |vanished| vanished.listings))
    }

    /// The guards, for a document that has been absent for so long and in so many listings.
    pub(crate) fn judge_as(
        &self,
        orphan: &Orphan,
        users: &[String],
        absent_for: Duration,
        listings: u32,
    ) -> Result<(), Cause> {
        let fuse = self.fuse();
        let deletion = self.deletion_of(orphan);
        let held_sibling = self.held_sibling(orphan);
        let (pause, _) = self.pause(&orphan.place, &[&orphan.object]);
        let pause = pause.map(|(_, cause)| cause);
        let state = self.state();
        let evidence = Evidence {
            owner: &self.options.owner,
            owner_is_explicit: self.options.owner_is_explicit,
            source_is_complete: state.source.is_complete() && !held_sibling && !state.checked.is_doubtful(),
            mark: orphan.object.mark.present(),
            deletion,
            absent_for,
            listings,
            grace: self.options.prune_grace,
            fuse: &fuse,
            users,
            pause: pause.as_ref(),
        };
        may_delete(&evidence)
    }

    /// A held document of a kind without marks of its own may be the one that asks for it.
    fn held_sibling(&self, orphan: &Orphan) -> bool {
        let table = orphan.place.0.table();
        table.marks.is_borrowed() && self.state().checked.held.keys().any(|key| key.kind == table.kind)
    }

    /// The mark's own word, or the parent's for kinds whose mark carries none.
    pub(crate) fn deletion_of(&self, orphan: &Orphan) -> Deletion {
        let table = orphan.place.0.table();
        let own = orphan.object.mark.present().map_or(Deletion::Retain, |mark| mark.deletion);
        let bearer = match table.marks {
            MarkStyle::Inherited(bearer) => KindId::of(bearer).map(KindId::table),
            _ => None,
        };
        // The mark is its own, or of something that carries the whole of it.
        if bearer.unwrap_or(table).marks.is_in_tags() {
            return own;
        }
        let parent = table.parent.and_then(KindId::of).map(|kind| (kind, String::new()));
        let parents = parent.and_then(|place| self.inventory.view(&place).ok());
        let parent =
            parents.and_then(|view| view.objects.into_iter().find(|parent| parent.id == orphan.place.1));
        parent.and_then(|parent| parent.mark.present().map(|mark| mark.deletion)).unwrap_or(Deletion::Retain)
    }

    /// Too much gone at once, or everything?
    pub(crate) fn fuse(&self) -> Fuse {
        let state = self.state();
        let going = state.vanished.iter().filter(|(_, vanished)| vanished.goes);
        let vanished: BTreeSet<Key> = going.map(|(key, _)| key.clone()).collect();
        fuse(&vanished, state.checked.desired.len() + state.checked.held.len(), self.options.prune_limit)
    }

    fn look_again(&self, key: &Key, cause: &Cause) -> Next {
        match cause.reason.as_str() {
            "Grace" => {
                let since = self
                    .state()
                    .vanished
                    .get(key)
                    .map(|vanished| vanished.since.elapsed())
                    .unwrap_or_default();
                Next::In(self.options.prune_grace.saturating_sub(since).max(LOOK_SOON))
            }
            "NotOurs" | "OwnedByAnother" | "OwnerNotExplicit" | "Retained" | "SourceIncomplete"
            | "FuseOpen" => Next::Rest,
            _ => self.later(key),
        }
    }

    fn later(&self, key: &Key) -> Next {
        let now = Instant::now();
        Next::In(self.memory(key, |memory| {
            let delay = memory.patience();
            memory.not_before = Some(now + delay);
            delay
        }))
    }

    /// Lists what may hold resources of ours though no document names them.
    /// Returns whether places that only AWS knows of were all found, if that was asked for.
    pub(crate) async fn look_for_orphans(&self, not_before: Option<Instant>, discover: bool) -> bool {
        let mut discovered = true;
        if self.options.owner_is_explicit {
            let interest = Interest { everything: true, ..Interest::default() };
            for kind in KindId::ALL.iter().filter(|kind| kind.table().scope_member.is_none()) {
                // Where no document asks for any and none is ours, one look in a process's life is enough.
                let place: Place = (*kind, String::new());
                let not_before = not_before.filter(|_| self.is_of_interest(&place));
                self.inventory.ensure(&place, not_before, &interest).await;
            }
            for kind in KindId::ALL {
                let found = if discover { kind.discover(&self.aws).await } else { Ok(BTreeMap::new()) };
                discovered &= found.is_ok();
                for (scope, names) in found.unwrap_or_default() {
                    let interest = Interest { names, everything: true, ..Interest::default() };
                    let place = (*kind, scope);
                    self.inventory.ensure(&place, not_before, &interest).await;
                    // From now on only what is ours is asked for.
                    self.inventory.keep_names(&place, |object| self.is_ours(object));
                }
            }
        }
        for place in self.inventory.places() {
            let Ok(view) = self.inventory.view(&place) else { continue };
            for object in view.objects.iter().filter(|object| self.is_ours(object)) {
                self.look_at_children(place.0, &object.id, not_before).await;
            }
        }
        self.note_orphans();
        discovered
    }

    /// Whether documents of the kind exist, or resources of ours were seen there.
    fn is_of_interest(&self, place: &Place) -> bool {
        let objects = self.inventory.view(place).map(|view| view.objects);
        self.is_asked_for(place.0)
            || objects.map_or(true, |objects| objects.iter().any(|object| self.is_ours(object)))
    }

    /// Whether documents of the kind exist.
    pub(crate) fn is_asked_for(&self, kind: KindId) -> bool {
        let checked = self.state().checked.clone();
        checked.desired.keys().chain(checked.held.keys()).any(|key| key.kind == kind.table().kind)
    }

    pub(crate) fn is_ours(&self, object: &Object) -> bool {
        !object.is_leaving() && object.mark.present().is_some_and(|mark| mark.owner == self.options.owner)
    }
}
