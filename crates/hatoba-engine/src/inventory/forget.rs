//! What is asked for no more, and what cannot be there any more: forgotten, so that what is known depends on what there
//! is, and not on what there was.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::Object;
use hatoba_kinds::KindId;

use super::{Inventory, Listing, Place, is_child};

impl Inventory {
    /// Forgets the names whose objects do not matter: the next list does not ask for them.
    pub(crate) fn keep_names(&self, place: &Place, matters: impl Fn(&Object) -> bool) {
        if let Some(listing) = self.state().get_mut(place) {
            let kept = listing.effective().into_iter().filter(|object| matters(object));
            listing.asked.names = kept.map(|object| object.natural_key).collect();
        }
    }

    /// The same for all scopes, of what nobody has wanted since the sweep before; else every name that ever was would be
    /// asked for as long as the process lives.
    pub(crate) fn forget_names(&self, matters: impl Fn(&Object) -> bool) {
        for (_, listing) in self.state().iter_mut().filter(|(place, _)| place.0.lists_by_name()) {
            let kept: BTreeSet<String> =
                listing.seen().filter(|object| matters(object)).map(|o| o.natural_key.clone()).collect();
            let wanted = std::mem::take(&mut listing.wanted);
            listing.asked.names.retain(|name| kept.contains(name) || wanted.names.contains(name));
            listing.asked.details.retain(|name| wanted.details.contains(name));
        }
    }

    /// Forgets scopes that only AWS knows of where it knows of them no more, and that never mattered: a failed look at one
    /// would count as a failed look for as long as the process lives.
    pub(crate) fn forget_others_than<T>(
        &self,
        kind: KindId,
        found: &BTreeMap<String, T>,
        matters: impl Fn(&Object) -> bool,
    ) {
        let mut state = self.state();
        let is_gone = |place: &Place, listing: &Listing| {
            place.0 == kind
                && !place.1.is_empty()
                && !found.contains_key(&place.1)
                && listing.wanted.names.is_empty()
                && !listing.seen().any(&matters)
        };
        state.retain(|place, listing| !is_gone(place, listing));
    }

    /// Forgets scopes whose parents are in no list. A parent that goes takes its scope with it, but a list of the scope
    /// may still have been on its way.
    pub(crate) fn forget_scopes(&self) {
        let mut state = self.state();
        let gone = |place: &Place| {
            let mut parents = KindId::ALL.iter().filter(|parent| is_child(place.0, **parent)).peekable();
            let is_gone = |parent: &KindId| {
                let listing = state.get(&(*parent, String::new())).filter(|listing| listing.is_known());
                // Of what is listed by name not all is listed.
                listing.is_some_and(|listing| !parent.lists_by_name() && !listing.has(&place.1))
            };
            parents.peek().is_some() && parents.all(is_gone)
        };
        let gone: Vec<Place> = state.keys().filter(|place| gone(place)).cloned().collect();
        gone.iter().for_each(|place| drop(state.remove(place)));
        if !gone.is_empty() {
            self.changes();
        }
    }
}
