//! Resources of ours without a document: found, listed and counted.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Cause, Deletion, Desired, Key, MarkStyle, Object, Seen};
use hatoba_kinds::{Interest, KindId};
use tokio::time::Instant;

use crate::engine::{Engine, State};
use crate::inventory::{Place, Trust};
use crate::memory::Memory;
use crate::queue::Priority;
use crate::twins::{leads_to, stands_in};
use crate::vanished::Vanished;
use crate::world::Checked;

/// A resource that bears our mark though no document asks for it.
#[derive(Clone, Debug)]
pub(crate) struct Orphan {
    pub(crate) place: Place,
    pub(crate) object: Object,
    /// Why nobody knows whether it is the document's own.
    pub(crate) doubt: Option<Cause>,
}

impl Orphan {
    pub(crate) fn new(place: Place, object: Object) -> Orphan {
        Orphan { place, object, doubt: None }
    }
}

impl Engine {
    /// Every resource of ours without a document, by the document that asked for it.
    ///
    /// What cannot be seen just now counts as it was seen last: it is nothing to act on, but it is not gone either.
    /// None while a document that is made of others is held: any resource may be a part of it.
    pub(crate) fn orphans(&self) -> BTreeMap<Key, Vec<Orphan>> {
        self.unasked_for(None)
    }

    /// The same for one document that is gone.
    pub(crate) fn orphans_of(&self, key: &Key) -> Vec<Orphan> {
        self.unasked_for(Some(key)).remove(key).unwrap_or_default()
    }

    /// All orphans, or one key's alone: with many documents gone each asks for its own.
    fn unasked_for(&self, only: Option<&Key>) -> BTreeMap<Key, Vec<Orphan>> {
        let checked = self.state().checked.clone();
        if checked.is_doubtful() {
            return BTreeMap::new();
        }
        let twins = self.twins();
        let is_own = |object: &Object| {
            !object.is_leaving() && object.mark.present().is_some_and(|mark| mark.owner == self.options.owner)
        };
        let is_borrowed = |place: &Place| place.0.table().marks.is_borrowed();
        let is_meant = |place: &Place, object: &Object| match only {
            None => true,
            Some(key) if is_borrowed(place) => stands_for(key, place, object),
            Some(key) => object.mark.present().is_some_and(|mark| mark.document == *key),
        };
        let places = self.inventory.places().into_iter();
        let found: BTreeMap<Place, Vec<Object>> = places
            // What bears no name of its own is found in its kind's scopes alone.
            .filter(|place| only.is_none_or(|key| !is_borrowed(place) || place.0.table().kind == key.kind))
            .filter(|place| !stands_in(&twins, place)) // it goes with the twin, or not at all
            .filter_map(|place| {
                let mut objects = self.inventory.last_known_of(&place, |object| is_meant(&place, object));
                objects.retain(&is_own);
                (!objects.is_empty() && !self.is_others(&place)).then_some((place, objects))
            })
            .collect();
        if found.is_empty() {
            return BTreeMap::new();
        }
        let state = self.state();
        let is_known = |place: &Place| {
            let parent = place.0.table().parent.and_then(KindId::of);
            parent.is_none_or(|kind| self.inventory.knows(&(kind, String::new()), &place.1))
        };
        let asking = Asking::of(&checked, &state.memory, &found, is_known);
        let mut orphans: BTreeMap<Key, Vec<Orphan>> = BTreeMap::new();
        for (place, objects) in &found {
            let borrowed = is_borrowed(place);
            for object in objects {
                let Seen::Present(mark) = &object.mark else { continue };
                // Asked for by the documents that there are, whatever its mark says.
                let wanted = || asking.asks_for(place, object);
                let key = match borrowed {
                    // It bears no name of its own; its id stands in.
                    true if wanted() || leads_to(&twins, place, object) => continue,
                    true => stand_in(place, object),
                    false if checked.exists(&mark.document) || wanted() => continue,
                    false => mark.document.clone(),
                };
                orphans.entry(key).or_default().push(Orphan::new(place.clone(), object.clone()));
            }
        }
        drop(state);
        orphans.iter_mut().for_each(|(key, orphans)| self.note_doubts(key, orphans));
        orphans
    }

    /// Notes which documents are gone; their keys are worked on like all others.
    pub(crate) fn note_orphans(&self) {
        let is_nameless = |key: &Key| Self::kind(key).is_some_and(|kind| kind.table().marks.is_borrowed());
        // In this order: what was listed by then is in what is counted now.
        let unlisted = self.unlisted();
        let orphans = self.orphans();
        let was_there = |orphan: &Orphan| self.inventory.was_there_at_first(&orphan.place, &orphan.object.id);
        let judged = |orphans: &Vec<Orphan>| (self.would_go(orphans), orphans.iter().any(was_there));
        let judged: BTreeMap<&Key, (bool, bool)> =
            orphans.iter().map(|(key, orphans)| (key, judged(orphans))).collect();
        let now = Instant::now();
        let mut state = self.state();
        state.is_counted = unlisted.is_none() && state.source.snapshot.is_some();
        state.counted_at = Some(now);
        state.unlisted = unlisted;
        if state.checked.is_doubtful() {
            state.keep_held();
        }
        // What could not be seen is not gone: it still counts for the fuse. What has no name of its own is an orphan by what
        // was seen last, or a document asks for it again.
        let is_left = |key: &Key| orphans.contains_key(key) || (!is_nameless(key) && self.is_unseen(key));
        state.vanished.retain(|key, _| is_left(key));
        state.pruning.retain(|key, _| is_left(key));
        if state.source.snapshot.is_none() {
            return;
        }
        for (key, (goes, was_there)) in judged {
            state.roll.note_missing(key, is_nameless(key), was_there, now);
            let new = Vanished { since: now, listings: 0, confirmed: None, goes };
            state.vanished.entry(key.clone()).or_insert(new).goes = goes;
            state.queue.add(key.clone(), Priority::Sweep, now);
        }
        drop(state);
        self.count_who_stayed();
        self.fuse(); // it closes when the last of them is back
        self.wake();
    }

    /// Documents whose resources bear our mark, and had for a while when the first of those that vanished was gone.
    fn count_who_stayed(&self) {
        let marked = self.marked_documents();
        let grace = self.options.prune_grace;
        let mut state = self.state();
        let State { roll, memory, vanished, checked, is_counted, .. } = &mut *state;
        // What was just made may not be listed yet, and a list may have failed.
        let is_known =
            |key: &Key| marked.contains(key) || memory.contains_key(key) || vanished.contains_key(key);
        roll.note_counted(*is_counted && !checked.is_doubtful(), is_known);
        let waiting = vanished.iter().filter(|(_, vanished)| vanished.goes).map(|(key, _)| key);
        let gone = roll.gone(waiting);
        let stayed = |key: &&Key| {
            let made_at = memory.get(*key).and_then(|memory| memory.made_at);
            checked.exists(key) && gone.as_ref().is_none_or(|gone| roll.stayed(key, gone, made_at, grace))
        };
        state.stayed = marked.iter().filter(stayed).count();
    }

    /// Documents whose marks anything bears, asked for by them or not, as far as it was ever seen.
    fn marked_documents(&self) -> BTreeSet<Key> {
        let mut marked = BTreeSet::new();
        self.inventory.each_marked(
            &self.options.owner,
            Trust::LastGood,
            |kind| !kind.table().marks.is_borrowed(),
            |_, _, mark| {
                marked.insert(mark.document.clone());
            },
        );
        marked
    }

    /// Whether a list of the key's kind failed: then a resource of it may be there and not be seen.
    pub(crate) fn is_unseen(&self, key: &Key) -> bool {
        Self::kind(key).is_some_and(|kind| self.inventory.is_unseen(kind))
    }

    /// Whether any of these would be deleted or handed over at last: what nothing is done to does not count for the fuse.
    fn would_go(&self, orphans: &[Orphan]) -> bool {
        let goes = |orphan: &Orphan| {
            let deletion = self.deletion_by(orphan, |place, id| {
                Ok(self.inventory.last_known_of(place, |parent| parent.id == id).pop())
            });
            deletion == Ok(Deletion::Delete) || !orphan.place.0.table().marks.is_borrowed()
        };
        self.options.owner_is_explicit && orphans.iter().any(goes)
    }

    /// The mark's own word, or the parent's for kinds whose mark carries none.
    ///
    /// # Errors
    /// Why the parent's word is not known. It is no `Retain`: handing over cannot be undone.
    pub(crate) fn deletion_of(&self, orphan: &Orphan) -> Result<Deletion, Cause> {
        self.deletion_by(orphan, |place, id| {
            self.inventory.view_of(place, |parent| parent.id == id).map(|mut found| found.pop())
        })
    }

    /// The same by what is believed of a place.
    fn deletion_by(
        &self,
        orphan: &Orphan,
        believed: impl Fn(&Place, &str) -> Result<Option<Object>, Cause>,
    ) -> Result<Deletion, Cause> {
        let table = orphan.place.0.table();
        let own = orphan.object.mark.present().map_or(Deletion::Retain, |mark| mark.deletion);
        let bearer = match table.marks {
            MarkStyle::Inherited(bearer) => KindId::of(bearer).map(KindId::table),
            _ => None,
        };
        // The mark is its own, or of something that carries the whole of it.
        if bearer.unwrap_or(table).marks.is_in_tags() {
            return Ok(own);
        }
        let Some(kind) = table.parent.and_then(KindId::of) else { return Ok(Deletion::Retain) };
        let Some(parent) = believed(&(kind, String::new()), &orphan.place.1)? else {
            let message =
                format!("{} {}, in which it stands, is not listed", kind.table().kind, orphan.place.1);
            return Err(Cause::new("NotListed", message));
        };
        match &parent.mark {
            Seen::Unknown(cause) => Err(cause.clone()),
            Seen::Present(mark) if self.is_ours(&parent) => Ok(mark.deletion),
            // What somebody else's parent says is no word of ours.
            _ => Ok(Deletion::Retain),
        }
    }

    /// Lists what may hold resources of ours though no document names them.
    pub(crate) async fn look_for_orphans(&self, not_before: Option<Instant>) {
        if self.options.owner_is_explicit {
            let interest = Interest { everything: true, ..Interest::default() };
            let everywhere = self.looks_everywhere();
            for kind in KindId::ALL.iter().filter(|kind| kind.table().scope_member.is_none()) {
                // Where no document asks for any and none is ours, a look now and then is enough.
                let place: Place = (*kind, String::new());
                let not_before = not_before.filter(|_| everywhere || self.is_of_interest(&place));
                self.list(&place, not_before, &interest).await;
            }
            self.discover(not_before).await;
        }
        for place in self.inventory.places() {
            let Ok(view) = self.inventory.view(&place) else { continue };
            for object in view.objects.iter().filter(|object| self.is_ours(object)) {
                self.look_at_children(place.0, &object.id, not_before).await;
            }
        }
        self.note_orphans();
        self.forget_the_gone();
    }

    /// What is remembered of documents that are gone goes when nothing of theirs is left.
    fn forget_the_gone(&self) {
        self.inventory.forget_scopes();
        let now = Instant::now();
        let is_gone = |state: &State, key: &Key, memory: &Memory| {
            let is_busy = memory.operation.is_some() || memory.is_in_doubt() || state.queue.has(key);
            !state.checked.exists(key) && !state.vanished.contains_key(key) && !is_busy
        };
        let gone: Vec<(Key, Option<Place>)> = {
            let mut state = self.state();
            let shows = |(place, id): &(Place, String)| self.inventory.object(place, id).is_some();
            state.memory.values_mut().for_each(|memory| memory.forget_left(now, shows));
            let all = state.memory.iter().filter(|(key, memory)| is_gone(&state, key, memory));
            all.map(|(key, memory)| (key.clone(), memory.place.clone())).collect()
        };
        if gone.is_empty() {
            return;
        }
        let twins = self.twins();
        let marked = self.marked_documents();
        let mut state = self.state();
        for (key, place) in gone {
            // What is held with a twin is not gone, and neither is what still bears its mark.
            let is_held = place.is_some_and(|place| stands_in(&twins, &place)) || marked.contains(&key);
            if !is_held && !state.checked.exists(&key) && !self.is_unseen(&key) {
                state.memory.remove(&key);
            }
        }
    }

    /// Whether a place was listed only to see what is used there. Where a document of ours stands, or a parent is ours
    /// by now, it is like all others.
    pub(crate) fn is_others(&self, place: &Place) -> bool {
        if !self.inventory.is_others(place) {
            return false;
        }
        let state = self.state();
        let is_asked_for = |memory: &Memory| {
            memory.place.as_ref() == Some(place) || memory.left.keys().any(|(left, _)| left == place)
        };
        if state.memory.values().any(is_asked_for) {
            return false;
        }
        drop(state);
        let parent = place.0.table().parent.and_then(KindId::of);
        let parents = parent.map(|parent| self.inventory.last_known(&(parent, String::new())));
        !parents.is_some_and(|all| all.iter().any(|parent| parent.id == place.1 && self.is_ours(parent)))
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

/// The key of an orphan that bears no name of its own.
fn stand_in(place: &Place, object: &Object) -> Key {
    Key::new(place.0.table().kind, format!("{}-{}", place.1, object.id))
}

/// The same without making it: whether it is this.
fn stands_for(key: &Key, place: &Place, object: &Object) -> bool {
    let id = || key.name.strip_prefix(&place.1)?.strip_prefix('-');
    key.kind == place.0.table().kind && id() == Some(&object.id)
}

/// The documents of some kinds by where their resources stand: each object is looked for among those of its place alone.
struct Asking<'a> {
    standing: BTreeMap<&'a Place, Standing<'a>>,
    /// Documents whose resources have no place yet: they may stand anywhere.
    anywhere: BTreeMap<&'static str, Vec<&'a Desired>>,
}

/// Documents that have a place, with their ids.
type Standing<'a> = Vec<(&'a Desired, Option<&'a String>)>;

impl<'a> Asking<'a> {
    /// The documents of the kinds of which something was found.
    fn of(
        checked: &'a Checked,
        memory: &'a BTreeMap<Key, Memory>,
        found: &BTreeMap<Place, Vec<Object>>,
        is_known: impl Fn(&Place) -> bool,
    ) -> Asking<'a> {
        let kinds: BTreeSet<&str> = found.keys().map(|place| place.0.table().kind).collect();
        let mut asking = Asking { standing: BTreeMap::new(), anywhere: BTreeMap::new() };
        // What it stands in may be gone, or not the document's any more, and nobody has looked yet where it belongs now.
        let is_there = |desired: &Desired, place: &Place| {
            let parent = desired.parent().and_then(|parent| memory.get(parent)?.id.as_ref());
            parent.map_or_else(|| is_known(place), |id| *id == place.1)
        };
        for (key, desired) in checked.desired.iter().filter(|(key, _)| kinds.contains(key.kind.as_str())) {
            let known = memory.get(key).and_then(|memory| Some((memory.place.as_ref()?, memory.id.as_ref())));
            if let Some((place, id)) = known.filter(|(place, _)| found.contains_key(place)) {
                asking.standing.entry(place).or_default().push((desired, id));
            }
            if !known.is_some_and(|(place, _)| is_there(desired, place)) {
                asking.anywhere.entry(desired.table.kind).or_default().push(desired);
            }
        }
        asking
    }

    fn asks_for(&self, place: &Place, object: &Object) -> bool {
        let here = self.standing.get(place).into_iter().flatten();
        let mut anywhere = self.anywhere.get(place.0.table().kind).into_iter().flatten();
        here.clone().any(|(desired, id)| asks_for(desired, *id, object))
            || anywhere.any(|desired| asks_for(desired, None, object))
    }
}

/// Whether a document that stands in the same scope asks for an object: it is known as its resource, is named by its
/// `policy.adopt`, or has the one name that it takes.
fn asks_for(desired: &Desired, id: Option<&String>, object: &Object) -> bool {
    let table = desired.table;
    let adopt = desired.policy.adopt.as_ref();
    let is_named = adopt
        .and_then(|adopt| adopt.id.as_ref())
        .is_some_and(|named| *named == object.id || object.arn.as_ref() == Some(named));
    let takes_name =
        table.marks.is_borrowed() || table.unique || adopt.is_some_and(|adopt| adopt.by.is_some());
    let has_name = takes_name && desired.natural_key() == Some(&object.natural_key);
    id == Some(&object.id) || is_named || has_name
}

#[cfg(test)]
mod tests;
