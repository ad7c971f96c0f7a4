//! Keys without a readable document: held documents, and resources whose document is gone.

use std::collections::BTreeSet;
use std::time::Duration;

use hatoba_core::{
    Action, Cause, Deletion, Digest, Evidence, Fuse, Key, Mark, MarkStyle, Object, Outcome, Parting, may_part,
};
use hatoba_kinds::{Disposition, Interest, KindId, LOOK_SOON, Progress};
use tokio::time::Instant;

use crate::engine::Engine;
use crate::execute::{WAITS_AT_MOST, lane_name};
use crate::inventory::{Place, Trust};
use crate::memory::Memory;
use crate::orphans::Orphan;
use crate::schedule::{Next, poll_delay};
use crate::shown::PruningShown;
use crate::takedown::{Emptied, target};
use crate::twins::stands_in;
use crate::users::Parents;

/// Whoever lifts one of these counts the vanished anew, and that wakes them.
const LIFTED_ELSEWHERE: [&str; 8] = [
    "NotOurs",
    "OwnedByAnother",
    "OwnerNotExplicit",
    "Retained",
    "SourceIncomplete",
    "InventoryIncomplete",
    "OwnerShared",
    "FuseOpen",
];

/// How a document has been absent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Absence {
    pub(crate) lasts: Duration,
    /// How long it had lasted when the newest complete look at the source began.
    pub(crate) confirmed_for: Duration,
    /// Complete looks at the source without it.
    pub(crate) listings: u32,
}

impl Absence {
    /// One that nobody can doubt.
    pub(crate) const LONG: Absence =
        Absence { lasts: Duration::MAX, confirmed_for: Duration::MAX, listings: u32::MAX };
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
            self.list(&top, None, &everything).await;
            let parents = self.inventory.view(&top).map(|view| view.objects).unwrap_or_default();
            for parent in parents.iter().filter(|parent| top.0 != kind && self.is_ours(parent)) {
                self.list(&(kind, parent.id.clone()), None, &everything).await;
            }
        }
        let by_name = kind.table().marks == MarkStyle::Name;
        let mut found: Vec<Object> = Vec::new();
        let is_its = |object: &Object, mark: &Mark| match by_name {
            true => object.natural_key == key.name, // the mark is its parent's
            false => mark.document == *key,
        };
        self.inventory.each_marked(
            &self.options.owner,
            Trust::Newest,
            |other| other == kind,
            |_, object, mark| {
                if object.is_usable() && is_its(object, mark) {
                    found.push(object.clone());
                }
            },
        );
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

    /// Deletes what may be deleted of a document that is gone; the guards are `hatoba_core::may_delete`.
    async fn prune(&self, key: &Key) -> Next {
        if self.is_uncounted(key) {
            self.note_orphans();
        }
        if let Some(next) = self.follow_deletion(key).await {
            return next;
        }
        let mut orphans = self.orphans_of(key);
        if orphans.is_empty() {
            if self.is_unseen(key) {
                return self.later(key);
            }
            // What is held with a twin is not gone, and neither is what a document that has no place yet may ask for:
            // when it may go, it counts as what was here.
            let place = self.memory(key, |memory| memory.place.clone());
            let is_held = place.is_some_and(|place| stands_in(&self.twins(), &place)) || self.is_borne(key);
            let mut state = self.state();
            state.vanished.remove(key);
            state.pruning.remove(key);
            if !is_held && !state.memory.get(key).is_some_and(Memory::is_in_doubt) {
                state.memory.remove(key);
            }
            return Next::Rest;
        }
        let twin = self.settle_doubts(key, &mut orphans).await;
        let mut held = Vec::new();
        let mut next = Next::Rest;
        for orphan in &orphans {
            let parted = match twin.as_ref() == Some(&orphan.object.id) {
                true => self.prune_twin(key, orphan).await,
                false => self.prune_one(key, orphan).await,
            };
            match parted {
                Ok(then) => next = then,
                Err(cause) => {
                    if next == Next::Rest {
                        next = self.look_again(key, &cause);
                    }
                    if orphan.doubt.as_ref() == Some(&cause) {
                        held.extend(self.held_with(orphan));
                    }
                    held.push(PruningShown::new(key.clone(), &orphan.object, cause));
                }
            }
        }
        let mut state = self.state();
        if !state.checked.exists(key) {
            state.pruning.insert(key.clone(), held);
        }
        next
    }

    /// Whether anything bears the mark of the document, asked for by another one or not.
    fn is_borne(&self, key: &Key) -> bool {
        let mut is_borne = false;
        self.inventory.each_marked(
            &self.options.owner,
            Trust::LastGood,
            |kind| !kind.table().marks.is_borrowed(),
            |_, _, mark| is_borne |= mark.document == *key,
        );
        is_borne
    }

    /// Whether what the last pass over a document made was not there yet when the vanished were counted.
    fn is_uncounted(&self, key: &Key) -> bool {
        let state = self.state();
        let written_at = state.memory.get(key).and_then(|memory| memory.written_at);
        !state.vanished.contains_key(key) && (state.counted_at.is_none() || written_at > state.counted_at)
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

    async fn prune_one(&self, key: &Key, orphan: &Orphan) -> Result<Next, Cause> {
        // The cheap guards first: nothing is read for what is held anyway.
        self.judge(key, orphan, &[])?;
        let parents = Parents::Ours;
        self.may_write().await?;
        let fresh = self.fresh(key, orphan);
        let interest = Interest {
            names: BTreeSet::from([orphan.object.natural_key.clone()]),
            everything: true,
            ..Interest::default()
        };
        self.list(&orphan.place, fresh, &interest).await;
        let unknown =
            |cause: Cause| Cause::new("UsersUnknown", format!("what uses it could not be listed: {cause}"));
        self.look_at_users(&orphan.place, &orphan.object.id, fresh, parents).await.map_err(unknown)?;
        let found = self.inventory.view_of(&orphan.place, |object| object.id == orphan.object.id)?;
        // Another document may have taken it over meanwhile.
        let borrowed = orphan.place.0.table().marks.is_borrowed();
        let is_its =
            |object: &Object| borrowed || object.mark.present().is_some_and(|mark| mark.document == *key);
        let Some(object) = found.into_iter().find(|object| !object.is_leaving() && is_its(object)) else {
            return Ok(Next::Now);
        };
        let users = self.users_of(&orphan.place, &object);
        let orphan = Orphan { object, ..orphan.clone() };
        if self.deletion_of(&orphan)? == Deletion::Retain {
            return self.release(key, &orphan).await;
        }
        self.judge(key, &orphan, &users)?;
        let target = target(&orphan.place, &orphan.object);
        let users =
            self.users_now(&orphan.place, &orphan.object, &target, None, parents).await.map_err(unknown)?;
        self.judge(key, &orphan, &users)?;
        let (action, why) = match self.emptied(&orphan.place, &orphan.object, &target).await? {
            Emptied::Yes => (Action::Delete(target), "its document is gone"),
            Emptied::Write(action) => (*action, "its document is gone: it is emptied first"),
            Emptied::Wait(cause) => return Err(cause),
        };
        // The document may have come back, or a user, while others wrote.
        let guard = || self.judge(key, &orphan, &self.users_of(&orphan.place, &orphan.object)).map(drop);
        self.part(key, &orphan, &action, why, guard).await
    }

    /// The last guard and the one write, where no other write comes between them.
    pub(crate) async fn part(
        &self,
        key: &Key,
        orphan: &Orphan,
        action: &Action,
        why: &str,
        guard: impl Fn() -> Result<(), Cause>,
    ) -> Result<Next, Cause> {
        let Orphan { place, object, .. } = orphan;
        let _one_writer = self.lanes.enter(&lane_name(place, action)).await;
        let operation = place.0.operation_of(action);
        let begun = Instant::now();
        if !self.is_admitted(operation).await || self.halt.is_cancelled() {
            return Ok(Next::Rest);
        }
        // Users were asked for just before. After a long wait there may be others: once more; the quota stays paid.
        if begun.elapsed() > WAITS_AT_MOST {
            return Ok(Next::Now);
        }
        if let Err(cause) = guard().and_then(|()| self.permit.may_write()) {
            self.give_back(operation);
            return Err(cause);
        }
        // Whatever is written, the next look must be newer: "seen at 0" is a list's word, not an overlay's.
        self.memory(key, |memory| memory.not_before = Some(Instant::now()));
        match self.send(place.0, key, place, action, Some(object), why).await {
            Ok(()) => Ok(Next::Now),
            Err(error) if error.disposition == Disposition::Gone => Ok(Next::Now),
            Err(error) => Err(error.cause()),
        }
    }

    /// Lists begun before this do not count for a delete. Tags that lists do not show are read anew.
    pub(crate) fn fresh(&self, key: &Key, orphan: &Orphan) -> Option<Instant> {
        let now = Instant::now();
        if let Some(arn) = orphan.object.arn.as_deref()
            && self.aws.tags_are_older(arn)
        {
            self.aws.forget_tags(arn);
            return Some(now);
        }
        self.memory(key, |memory| memory.not_before.take()).max(self.oldest_sight())
    }

    pub(crate) fn judge(&self, key: &Key, orphan: &Orphan, users: &[String]) -> Result<Parting, Cause> {
        let fuse = self.fuse(); // may begin the time anew
        let vanished = {
            let state = self.state();
            let own = state.vanished.get(key).copied();
            // What bears no name of its own goes no earlier than what it stands in: that document may come back.
            let borrows = orphan.place.0.table().marks.is_borrowed();
            let parent = orphan.object.mark.present().filter(|_| borrows);
            let parent = parent.and_then(|mark| state.vanished.get(&mark.document)).copied();
            own.into_iter().chain(parent).max_by_key(|vanished| vanished.since)
        };
        let absence = vanished.map_or(Absence::default(), |vanished| Absence {
            lasts: vanished.since.elapsed(),
            confirmed_for: vanished
                .confirmed
                .map_or(Duration::ZERO, |begun| begun.saturating_duration_since(vanished.since)),
            listings: vanished.listings,
        });
        let judged = self.judge_as(orphan, users, &fuse, absence);
        let has_passed = match &judged {
            Ok(_) => true,
            Err(cause) => cause.reason.as_str() == "InUse" || orphan.doubt.as_ref() == Some(cause),
        };
        let mut state = self.state();
        let is_by_word = state.acknowledged.as_ref().is_some_and(|(documents, _)| documents.contains(key));
        if has_passed && !is_by_word {
            state.roll.let_pass(key);
        }
        drop(state);
        judged
    }

    /// The guards, for a document that has been absent like that.
    pub(crate) fn judge_as(
        &self,
        orphan: &Orphan,
        users: &[String],
        fuse: &Fuse,
        absence: Absence,
    ) -> Result<Parting, Cause> {
        let deletion = self.deletion_of(orphan)?;
        let held_sibling = self.held_sibling(orphan);
        let (pause, _) = self.pause(&orphan.place, &[&orphan.object]);
        let pause = pause.map(|(_, cause)| cause);
        let unheard = self.unheard();
        let state = self.state();
        let evidence = Evidence {
            owner: &self.options.owner,
            owner_is_explicit: self.options.owner_is_explicit,
            owner_shared: state.owner_shared.as_ref().map(|shared| &shared.cause),
            unlisted: unheard.as_ref().or(state.unlisted.as_ref()),
            source_is_complete: state.source.tells_what_is_absent()
                && !held_sibling
                && !state.checked.is_doubtful(),
            mark: orphan.object.mark.present(),
            deletion,
            absent_for: absence.lasts,
            listings: absence.listings,
            confirmed_for: absence.confirmed_for,
            grace: self.options.prune_grace,
            fuse,
            users,
            pause: pause.as_ref(),
            doubt: orphan.doubt.as_ref(),
        };
        may_part(&evidence)
    }

    /// A held document may be the one that asks for it: of a kind without marks of its own any, else one that has no
    /// resource yet.
    fn held_sibling(&self, orphan: &Orphan) -> bool {
        let table = orphan.place.0.table();
        let held: Vec<Key> =
            self.state().checked.held.keys().filter(|key| key.kind == table.kind).cloned().collect();
        if held.is_empty() || table.marks.is_borrowed() {
            return !held.is_empty();
        }
        let mut without: BTreeSet<Key> = held.into_iter().collect();
        self.inventory.each_marked(
            &self.options.owner,
            Trust::Newest,
            |other| other == orphan.place.0,
            |_, _, mark| {
                without.remove(&mark.document);
            },
        );
        !without.is_empty()
    }

    fn look_again(&self, key: &Key, cause: &Cause) -> Next {
        match cause.reason.as_str() {
            "Grace" => {
                let vanished = self.state().vanished.get(key).copied();
                let grace = self.options.prune_grace;
                match vanished {
                    // The next look at the source wakes it.
                    Some(vanished) if vanished.since.elapsed() >= grace && !vanished.is_sure(grace) => {
                        Next::Rest
                    }
                    // Its own time is over, and that of what it stands in is not.
                    Some(vanished) if vanished.since.elapsed() >= grace => self.later(key),
                    _ => {
                        let lasts = vanished.map(|vanished| vanished.since.elapsed()).unwrap_or_default();
                        Next::In(grace.saturating_sub(lasts).max(LOOK_SOON))
                    }
                }
            }
            reason if LIFTED_ELSEWHERE.contains(&reason) => Next::Rest,
            _ => self.later(key),
        }
    }

    fn later(&self, key: &Key) -> Next {
        let now = Instant::now();
        Next::In(self.memory(key, |memory| {
            memory.not_before = Some(now); // what a sweep lists meanwhile is new enough, for a minute
            memory.patience()
        }))
    }
}
