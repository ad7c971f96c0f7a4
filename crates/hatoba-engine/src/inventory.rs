//! The inventory: what list calls returned, by kind and scope, shared by all documents.
//!
//! A scope is filled by one complete list; anything less is `Unknown`. A write's answer is laid over its
//! scope at once; overlays of fresh creates stay until a list shows them or they are proven lost,
//! and for a minute where a second one could be made.

mod forget;
mod marks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hatoba_core::{Cause, Key, Mark, MarkStyle, Object, Scope};
use hatoba_kinds::{Aws, CallError, Disposition, Interest, KindId};
use tokio::time::Instant;

use crate::lanes::Lanes;
use crate::permit::Permit;
use marks::borrow_marks;
pub(crate) use marks::marks_lie_in;

/// A create that no list shows after this long is proven lost (lists lag behind writes by less).
const CREATE_SETTLES: Duration = Duration::from_secs(60);

/// A list that failed is not repeated for this long, unless somebody needs a newer one.
const FAILURE_LASTS: Duration = Duration::from_secs(1);

/// A kind in a scope.
pub(crate) type Place = (KindId, Scope);

pub(crate) struct Inventory {
    aws: Arc<Aws>,
    permit: Arc<Permit>,
    state: Mutex<BTreeMap<Place, Listing>>,
    running: Lanes<Place>,
    /// Counts up whenever what is known of any scope changes.
    revision: AtomicU64,
}

#[derive(Debug, Default)]
struct Listing {
    objects: BTreeMap<String, Object>,
    overlays: BTreeMap<String, Overlay>,
    /// When the newest complete list was begun.
    listed_at: Option<Instant>,
    /// What the first complete list showed: that was there before this process looked.
    first: Option<BTreeSet<String>>,
    /// What made the newest list fail, and when it was begun.
    failed: Option<(Instant, Unlisted)>,
    /// The scope's parent was made by us then, so it held nothing.
    born_at: Option<Instant>,
    /// The names that the newest complete list asked for.
    asked: Interest,
    /// What anybody has wanted of them since the newest sweep began.
    wanted: Interest,
    /// What was shown of it last, and at which revision of all that is known: every document of a scope looks at it.
    shown: Option<(u64, Arc<Vec<Object>>)>,
    /// It is other people's, listed only to see what is used there.
    is_others: bool,
}

#[derive(Debug)]
struct Overlay {
    /// `None`: deleted.
    object: Option<Object>,
    at: Instant,
    is_create: bool,
    /// The newest list showed it, and this is what it showed. An older answer may still come after that one.
    is_shown: bool,
}

/// Why a scope could not be listed.
#[derive(Clone, Debug)]
pub(crate) struct Unlisted {
    pub(crate) cause: Cause,
    /// AWS refuses it, and would again: looking once more does not help.
    pub(crate) is_refused: bool,
}

impl From<&CallError> for Unlisted {
    fn from(error: &CallError) -> Unlisted {
        let is_refused = matches!(error.disposition, Disposition::Stall | Disposition::Gone);
        Unlisted { cause: error.cause(), is_refused }
    }
}

/// Which lists are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The newest, and only if it succeeded: to act on.
    Newest,
    /// The newest that succeeded, however long ago: to count by, so that what cannot be seen now is not forgotten.
    LastGood,
}

/// What is known of a scope, and since when.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) objects: Arc<Vec<Object>>,
    /// When the newest complete list was begun; `None`: the scope was born empty.
    pub(crate) listed_at: Option<Instant>,
}

impl Inventory {
    pub(crate) fn new(aws: Arc<Aws>, permit: Arc<Permit>) -> Self {
        let (state, running) = (Mutex::default(), Lanes::default());
        Inventory { aws, permit, state, running, revision: AtomicU64::default() }
    }

    fn state(&self) -> MutexGuard<'_, BTreeMap<Place, Listing>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Equal as long as nothing that is known of any scope has changed.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::SeqCst)
    }

    fn changes(&self) {
        self.revision.fetch_add(1, Ordering::SeqCst);
    }

    /// Lists a scope unless a list begun at or after `not_before` is there; one list serves all who ask.
    ///
    /// # Errors
    /// Nobody knows whose account answered: the list counts as failed until it is made again.
    pub(crate) async fn ensure(
        &self,
        place: &Place,
        not_before: Option<Instant>,
        interest: &Interest,
    ) -> Result<(), Cause> {
        let _one_at_a_time = self.running.enter(place).await;
        let nobody = Interest::default();
        let interest = if place.0.lists_by_name() { interest } else { &nobody };
        let Some(interest) = self.wanted(place, not_before, interest) else { return Ok(()) };
        let begun = Instant::now();
        let list = place.0.list(&self.aws, &place.1, &interest);
        let (result, in_doubt) = match self.permit.in_our_account("listed", list).await {
            Ok(result) => (result.map_err(|error| Unlisted::from(&error)), Ok(())),
            Err(cause) => (Err(Unlisted { cause: cause.clone(), is_refused: false }), Err(cause)),
        };
        let mut state = self.state();
        let listing = state.entry(place.clone()).or_default();
        if listing.is_news(&result) {
            self.changes();
        }
        match result {
            Ok(objects) => {
                let before = listing.ids();
                listing.fill(objects, begun, interest, !place.0.table().unique);
                let after = listing.ids();
                // What stood in something that is gone is gone with it.
                state.retain(|(kind, scope), _| {
                    !(is_child(*kind, place.0) && before.contains(scope) && !after.contains(scope))
                });
            }
            Err(why) => listing.failed = Some((begun, why)),
        }
        in_doubt
    }

    /// What to ask for, or nothing where the newest list answers already.
    fn wanted(&self, place: &Place, not_before: Option<Instant>, interest: &Interest) -> Option<Interest> {
        let mut state = self.state();
        let listing = state.entry(place.clone()).or_default();
        if !interest.names.is_subset(&listing.wanted.names) {
            listing.wanted.names.extend(interest.names.iter().cloned());
        }
        if !interest.details.is_subset(&listing.wanted.details) {
            listing.wanted.details.extend(interest.details.iter().cloned());
        }
        let asked = interest.names.is_subset(&listing.asked.names)
            && interest.details.is_subset(&listing.asked.details)
            && (listing.asked.everything || !interest.everything);
        let recent =
            |at: Option<Instant>| at.is_some_and(|at| not_before.is_none_or(|not_before| at >= not_before));
        // One refusal answers all who ask at about the same time.
        let failed_since = listing.failed.as_ref().is_some_and(|(at, _)| match not_before {
            Some(not_before) => *at >= not_before,
            None => at.elapsed() < FAILURE_LASTS,
        });
        let answered = asked && recent(listing.listed_at) && listing.failed.is_none();
        let born = recent(listing.born_at) && listing.listed_at.is_none();
        if answered || failed_since || born {
            return None;
        }
        let mut all = interest.clone();
        all.names.extend(listing.asked.names.iter().cloned());
        all.details.extend(listing.asked.details.iter().cloned());
        all.everything |= listing.asked.everything;
        Some(all)
    }

    /// What is known of a scope.
    ///
    /// # Errors
    /// Why it is not known.
    pub(crate) fn view(&self, place: &Place) -> Result<View, Cause> {
        let mut state = self.state();
        let listing = known(&state, place)?;
        let (listed_at, revision) = (listing.listed_at, self.revision());
        if let Some((_, objects)) = listing.shown.as_ref().filter(|(at, _)| *at == revision) {
            return Ok(View { objects: Arc::clone(objects), listed_at });
        }
        let objects = Arc::new(borrow_marks(&state, place, listing.effective(), Trust::Newest));
        if let Some(listing) = state.get_mut(place) {
            listing.shown = Some((revision, Arc::clone(&objects)));
        }
        Ok(View { objects, listed_at })
    }

    /// Whether a scope is known.
    ///
    /// # Errors
    /// As [`Inventory::view`].
    pub(crate) fn is_seen(&self, place: &Place) -> Result<(), Cause> {
        self.view_of(place, |_| false).map(drop)
    }

    /// The objects of a scope that are meant, by what they show of themselves.
    ///
    /// # Errors
    /// As [`Inventory::view`].
    pub(crate) fn view_of(
        &self,
        place: &Place,
        is_meant: impl Fn(&Object) -> bool,
    ) -> Result<Vec<Object>, Cause> {
        let state = self.state();
        let listing = known(&state, place)?;
        let meant = listing.seen().filter(|object| is_meant(object)).cloned().collect();
        Ok(borrow_marks(&state, place, meant, Trust::Newest))
    }

    /// Looks at what was known of a scope last, with marks as the objects bear them. The inventory is locked meanwhile.
    pub(crate) fn among<T>(
        &self,
        place: &Place,
        look: impl FnOnce(&mut dyn Iterator<Item = &Object>) -> T,
    ) -> T {
        match self.state().get(place) {
            Some(listing) => look(&mut listing.seen()),
            None => look(&mut std::iter::empty()),
        }
    }

    /// What was known of a scope last, also if its newest list failed.
    pub(crate) fn last_known(&self, place: &Place) -> Vec<Object> {
        self.last_known_of(place, |_| true)
    }

    /// The same of the objects that are meant, by what they show of themselves.
    pub(crate) fn last_known_of(&self, place: &Place, is_meant: impl Fn(&Object) -> bool) -> Vec<Object> {
        let state = self.state();
        let Some(listing) = state.get(place) else { return Vec::new() };
        let meant = listing.seen().filter(|object| is_meant(object)).cloned().collect();
        borrow_marks(&state, place, meant, Trust::LastGood)
    }

    /// Why a scope has never been wholly listed since the process began; `None`: it has, or it was born empty.
    pub(crate) fn never_listed(&self, place: &Place) -> Option<Unlisted> {
        let state = self.state();
        let listing = state.get(place);
        let is_whole = |listing: &Listing| {
            let is_all = !place.0.lists_by_name() || listing.asked.everything;
            listing.born_at.is_some() || (listing.listed_at.is_some() && is_all)
        };
        if listing.is_some_and(is_whole) {
            return None;
        }
        let failed = listing.and_then(|listing| listing.failed.as_ref()).map(|(_, why)| why.clone());
        Some(failed.unwrap_or_else(|| Unlisted { cause: not_listed(place.0), is_refused: false }))
    }

    /// Why the newest list of a scope failed, if it did.
    pub(crate) fn failure(&self, place: &Place) -> Option<Unlisted> {
        self.state().get(place)?.failed.as_ref().map(|(_, why)| why.clone())
    }

    /// Calls back with every object of these kinds that bears the owner's mark and is not leaving, wherever it
    /// stands. Nothing is copied; the inventory is locked meanwhile, so the callback may not ask it anything.
    pub(crate) fn each_marked(
        &self,
        owner: &str,
        trust: Trust,
        is_meant: impl Fn(KindId) -> bool,
        mut each: impl FnMut(&Place, &Object, &Mark),
    ) {
        let state = self.state();
        let trusted = |(place, listing): &(&Place, &Listing)| is_meant(place.0) && listing.is_trusted(trust);
        for (place, listing) in state.iter().filter(trusted) {
            let mut look = |object: &Object| {
                if let Some(mark) = object.mark.present().filter(|mark| mark.owner == owner)
                    && !object.is_leaving()
                {
                    each(place, object, mark);
                }
            };
            match marks_lie_in(place) {
                None => listing.seen().for_each(look),
                Some(_) => borrow_marks(&state, place, listing.effective(), trust).iter().for_each(&mut look),
            }
        }
    }

    /// Every object of these kinds in the scopes that are known now; and the revision of that.
    pub(crate) fn all_of(&self, is_meant: impl Fn(KindId) -> bool) -> (u64, BTreeMap<Place, Vec<Object>>) {
        let state = self.state();
        let meant = state.iter().filter(|(place, listing)| is_meant(place.0) && listing.is_known());
        let all = meant.map(|(place, listing)| {
            (place.clone(), borrow_marks(&state, place, listing.effective(), Trust::Newest))
        });
        (self.revision(), all.collect())
    }

    /// One object of a scope, as far as it is known.
    pub(crate) fn object(&self, place: &Place, id: &str) -> Option<Object> {
        let state = self.state();
        let listing = state.get(place)?;
        match listing.overlays.get(id) {
            Some(overlay) => overlay.object.clone(),
            None => listing.objects.get(id).cloned(),
        }
    }

    /// The same without a copy: whether it is there.
    pub(crate) fn knows(&self, place: &Place, id: &str) -> bool {
        self.state().get(place).is_some_and(|listing| listing.has(id))
    }

    /// When the newest complete list of the scope was begun.
    pub(crate) fn listed_at(&self, place: &Place) -> Option<Instant> {
        self.state().get(place).and_then(|listing| listing.listed_at)
    }

    /// Whether the newest complete list showed an object, whatever was written since.
    pub(crate) fn is_listed(&self, place: &Place, id: &str) -> bool {
        self.state().get(place).is_some_and(|listing| listing.objects.contains_key(id))
    }

    /// Whether an object, and what it stands in, were there when this process looked first.
    pub(crate) fn was_there_at_first(&self, place: &Place, id: &str) -> bool {
        let state = self.state();
        let was_there = |place: &Place, id: &str| {
            state
                .get(place)
                .and_then(|listing| listing.first.as_ref())
                .is_some_and(|first| first.contains(id))
        };
        let parent = place.0.table().parent.and_then(KindId::of);
        was_there(place, id) && parent.is_none_or(|parent| was_there(&(parent, String::new()), &place.1))
    }

    /// How long ago what is known of a scope was seen: by its newest complete list, or when it was born empty.
    pub(crate) fn age(&self, place: &Place) -> Option<Duration> {
        let state = self.state();
        let listing = state.get(place)?;
        listing.listed_at.or(listing.born_at).map(|at| at.elapsed())
    }

    /// Whether the newest list of the scope is at most so old, and nothing has been written there since.
    pub(crate) fn is_as_listed(&self, place: &Place, age: std::time::Duration) -> bool {
        let state = self.state();
        state.get(place).is_some_and(|listing| {
            let is_young = listing.listed_at.is_some_and(|at| at.elapsed() <= age);
            is_young && listing.failed.is_none() && listing.is_as_listed()
        })
    }

    /// Whether the newest list of any scope of a kind failed.
    pub(crate) fn is_unseen(&self, kind: KindId) -> bool {
        self.state().iter().any(|(place, listing)| place.0 == kind && listing.failed.is_some())
    }

    /// Lays an object over its scope.
    pub(crate) fn overlay(&self, place: &Place, object: Object, is_create: bool, now: Instant) {
        let mut state = self.state();
        self.changes();
        if is_create {
            // A new parent's children are known to be none.
            for kind in children(place.0) {
                state.entry((kind, object.id.clone())).or_default().born_at = Some(now);
            }
        }
        let listing = state.entry(place.clone()).or_default();
        // What was made and then changed before a list showed it is still a fresh create.
        let id = object.id.clone();
        let is_fresh = listing.overlays.get(&id).is_some_and(|overlay| overlay.is_create);
        let is_create = is_create || is_fresh;
        let overlay = Overlay { at: now, is_create, object: Some(object), is_shown: false };
        listing.overlays.insert(id, overlay);
    }

    /// An object was told to go: from now on lists alone say whether it is still there.
    pub(crate) fn let_go(&self, place: &Place, id: &str) {
        let mut state = self.state();
        if let Some(overlay) = state.entry(place.clone()).or_default().overlays.get_mut(id) {
            overlay.is_create = false;
        }
    }

    /// An object is gone.
    pub(crate) fn remove(&self, place: &Place, id: &str, now: Instant) {
        let mut state = self.state();
        self.changes();
        let listing = state.entry(place.clone()).or_default();
        let overlay = Overlay { at: now, is_create: false, object: None, is_shown: false };
        listing.overlays.insert(id.to_owned(), overlay);
        for (kind, scope) in state.keys().cloned().collect::<Vec<_>>() {
            if scope == id && is_child(kind, place.0) {
                state.remove(&(kind, scope));
            }
        }
    }

    /// Every scope that has been listed or written to.
    pub(crate) fn places(&self) -> Vec<Place> {
        self.state().keys().cloned().collect()
    }

    /// A scope is other people's.
    pub(crate) fn note_others(&self, place: &Place) {
        self.state().entry(place.clone()).or_default().is_others = true;
    }

    /// Whether a scope was noted as other people's.
    pub(crate) fn is_others(&self, place: &Place) -> bool {
        self.state().get(place).is_some_and(|listing| listing.is_others)
    }

    /// Objects of the kind, and where they stand, that bear a document's mark in other scopes than this.
    pub(crate) fn marked_elsewhere(
        &self,
        place: &Place,
        owner: &str,
        document: &Key,
    ) -> Vec<(Place, Object)> {
        if matches!(place.0.table().marks, MarkStyle::Inherited(_)) {
            return Vec::new(); // it bears no mark of its own, here or elsewhere
        }
        let bears = |object: &Object| {
            let mark = object.mark.present();
            !object.is_leaving() && mark.is_some_and(|mark| mark.owner == owner && mark.document == *document)
        };
        let state = self.state();
        let others = state.iter().filter(|(other, _)| other.0 == place.0 && other.1 != place.1);
        let found = others.flat_map(|((_, scope), listing)| {
            let place: Place = (place.0, scope.clone());
            listing.seen().filter(|object| bears(object)).map(move |object| (place.clone(), object.clone()))
        });
        found.collect()
    }

    /// Who uses an object, as `Kind id`, by everything that is known.
    pub(crate) fn users(&self, kind: KindId, object: &Object) -> Vec<String> {
        let users = self.using(kind, object).into_iter();
        let names: BTreeSet<String> =
            users.map(|(place, user)| format!("{} {}", place.0.table().kind, user.id)).collect();
        names.into_iter().collect()
    }

    /// Everything that uses an object, by everything that is known.
    pub(crate) fn using(&self, kind: KindId, object: &Object) -> Vec<(Place, Object)> {
        let state = self.state();
        let mut users = Vec::new();
        for (place, listing) in state.iter() {
            let (other, scope) = place;
            // Ids of different kinds may be equal words: a stage and a cluster may both be called `prod`.
            let may_refer = refers_to(*other, kind.table().kind);
            let is_in_it = is_child(*other, kind) && *scope == object.id;
            if !may_refer && !is_in_it {
                continue; // nothing in it can use it: most scopes are such
            }
            let uses = |user: &&Object| {
                let refers = may_refer
                    && (user.uses.contains(&object.id)
                        || object.arn.as_ref().is_some_and(|arn| user.uses.contains(arn)));
                (refers || is_in_it) && !(*other == kind && user.id == object.id) && !user.is_leaving()
            };
            let found: Vec<Object> = listing.seen().filter(uses).cloned().collect();
            let found = borrow_marks(&state, place, found, Trust::Newest);
            users.extend(found.into_iter().map(|user| (place.clone(), user)));
        }
        users
    }
}

impl Listing {
    /// Of a kind that `may_have_twins` what was just made is believed for a while, whatever a later list shows: that may be
    /// an older answer, and a second one would be made. Of others AWS refuses a second one.
    fn fill(&mut self, objects: Vec<Object>, begun: Instant, asked: Interest, may_have_twins: bool) {
        self.objects = objects.into_iter().map(|object| (object.id.clone(), object)).collect();
        self.first.get_or_insert_with(|| self.objects.keys().cloned().collect());
        self.listed_at = Some(begun);
        self.failed = None;
        self.asked = asked;
        self.overlays.retain(|id, overlay| {
            let newer = overlay.at >= begun;
            let young = begun.saturating_duration_since(overlay.at) < CREATE_SETTLES;
            let listed = self.objects.get(id);
            overlay.is_shown = may_have_twins && !newer && overlay.is_create && young && listed.is_some();
            if overlay.is_shown {
                overlay.object = listed.cloned();
            }
            match &overlay.object {
                Some(_) => newer || overlay.is_shown || (overlay.is_create && young && listed.is_none()),
                None => newer || (young && listed.is_some()),
            }
        });
    }

    /// Whether nothing was written that the newest list does not show.
    fn is_as_listed(&self) -> bool {
        self.overlays.values().all(|overlay| overlay.is_shown)
    }

    /// Whether what is here is all there is.
    fn is_known(&self) -> bool {
        self.is_trusted(Trust::Newest)
    }

    fn is_trusted(&self, trust: Trust) -> bool {
        let was_known = self.listed_at.is_some() || self.born_at.is_some();
        was_known && (trust == Trust::LastGood || self.failed.is_none())
    }

    /// Whether a list tells anything else than what is known already.
    fn is_news(&self, listed: &Result<Vec<Object>, Unlisted>) -> bool {
        match listed {
            Ok(objects) => {
                let is_known = |object: &Object| self.objects.get(&object.id) == Some(object);
                let is_settled = self.listed_at.is_some() && self.failed.is_none() && self.is_as_listed();
                !is_settled || objects.len() != self.objects.len() || !objects.iter().all(is_known)
            }
            Err(why) => self.failed.as_ref().is_none_or(|(_, before)| before.cause != why.cause),
        }
    }

    fn has(&self, id: &str) -> bool {
        match self.overlays.get(id) {
            Some(overlay) => overlay.object.is_some(),
            None => self.objects.contains_key(id),
        }
    }

    fn ids(&self) -> BTreeSet<String> {
        self.seen().map(|object| object.id.clone()).collect()
    }

    /// What the list showed, with what was written since laid over it.
    fn seen(&self) -> impl Iterator<Item = &Object> {
        let listed = self.objects.values().filter(|object| !self.overlays.contains_key(&object.id));
        listed.chain(self.overlays.values().filter_map(|overlay| overlay.object.as_ref()))
    }

    fn effective(&self) -> Vec<Object> {
        self.seen().cloned().collect()
    }
}

/// A scope, if its newest list succeeded.
fn known<'a>(state: &'a BTreeMap<Place, Listing>, place: &Place) -> Result<&'a Listing, Cause> {
    let listing = state.get(place);
    let listing = listing.ok_or_else(|| not_listed(place.0))?;
    if let Some((_, why)) = &listing.failed {
        return Err(why.cause.clone());
    }
    if !listing.is_known() {
        return Err(not_listed(place.0));
    }
    Ok(listing)
}

fn not_listed(kind: KindId) -> Cause {
    Cause::new("NotListed", format!("{} has not been listed yet", kind.table().kind))
}

/// Whether objects of `kind` stand in those of `parent`: a kind may stand in several.
pub(crate) fn is_child(kind: KindId, parent: KindId) -> bool {
    let (table, parent) = (kind.table(), parent.table().kind);
    let names_it = || {
        let mut references = table.references.iter();
        references.any(|r| Some(r.member) == table.scope_member && r.kinds.contains(&parent))
    };
    table.parent == Some(parent) || (table.parent.is_some() && names_it())
}

/// The kinds whose objects stand under one of `parent`.
pub(crate) fn children(parent: KindId) -> impl Iterator<Item = KindId> {
    KindId::ALL.iter().copied().filter(move |kind| is_child(*kind, parent))
}

/// Whether documents of a kind can name documents of another.
pub(crate) fn refers_to(user: KindId, kind: &str) -> bool {
    user.table().references.iter().any(|reference| reference.kinds.contains(&kind))
}
