//! Resources in parents of ours that nobody asks for: reported, never touched.

use std::collections::BTreeSet;

use hatoba_core::Seen;
use hatoba_kinds::KindId;

use crate::engine::Engine;
use crate::inventory::Place;

impl Engine {
    /// Resources in parents of ours that no document asks for and that do not bear our mark.
    pub fn rogue_children(&self) -> Vec<String> {
        let claimed: BTreeSet<(Place, String)> = {
            let state = self.state();
            let memory = state.memory.values();
            memory.filter_map(|memory| Some((memory.place.clone()?, memory.id.clone()?))).collect()
        };
        let views: Vec<_> =
            self.inventory.places().into_iter().map(|place| (self.inventory.view(&place), place)).collect();
        let seen = || views.iter().filter_map(|(view, place)| Some((view.as_ref().ok()?, place)));
        let ours: BTreeSet<(KindId, &str)> = seen()
            .flat_map(|(view, place)| view.objects.iter().map(move |object| (place.0, object)))
            .filter(|(_, object)| self.is_ours(object))
            .map(|(kind, object)| (kind, object.id.as_str()))
            .collect();
        let in_ours = |place: &Place| {
            let parent = place.0.table().parent.and_then(KindId::of);
            parent.is_some_and(|parent| ours.contains(&(parent, place.1.as_str())))
        };
        let mut rogue = Vec::new();
        for (view, place) in seen().filter(|(_, place)| in_ours(place)) {
            for object in view.objects.iter() {
                let is_claimed = claimed.contains(&(place.clone(), object.id.clone()));
                if !is_claimed && !self.is_ours(object) && !matches!(object.mark, Seen::Unknown(_)) {
                    rogue.push(format!("{} {} in {}", place.0.table().kind, object.natural_key, place.1));
                }
            }
        }
        rogue
    }
}
