//! Handing over: a resource whose document is gone and whose deletion policy is Retain stays, without our marks.

use std::collections::BTreeMap;

use hatoba_core::{Action, Cause, Change, Key, Mark, MarkStyle, Object, PAUSE_TAG, TAG_PREFIX, TagChange};

use crate::engine::Engine;
use crate::inventory::Place;
use crate::orphans::Orphan;
use crate::schedule::Next;
use crate::takedown::target;

impl Engine {
    /// The resource stays, and our marks are taken off it: from then on nothing here knows it.
    pub(crate) async fn release(&self, key: &Key, orphan: &Orphan) -> Result<Next, Cause> {
        let Orphan { place, object, .. } = orphan;
        let action = released(place, object)?;
        // What is ours and stands in it, or uses it, goes or is handed over first: afterwards nobody would look there.
        let guard = || {
            let users = self.inventory.using(place.0, object).into_iter();
            let ours = users.filter(|(at, user)| self.is_ours(user) && !at.0.table().marks.is_borrowed());
            let ours: Vec<String> =
                ours.map(|(at, user)| format!("{} {}", at.0.table().kind, user.id)).collect();
            self.judge(key, orphan, &ours).map(drop)
        };
        let why = "its document is gone and its deletion policy is Retain: it is handed over";
        self.part(key, orphan, &action, why, guard).await
    }
}

/// The write that takes our marks off a resource.
///
/// # Errors
/// When it bears none of its own.
pub(crate) fn released(place: &Place, object: &Object) -> Result<Action, Cause> {
    let table = place.0.table();
    let target = target(place, object);
    match table.marks {
        MarkStyle::Tags | MarkStyle::TagsReadApart => {
            // A pause is somebody's word on the resource, not ours.
            let is_ours = |tag: &&String| tag.starts_with(TAG_PREFIX) && *tag != PAUSE_TAG;
            let remove = object.tags.iter().flat_map(BTreeMap::keys).filter(is_ours).cloned().collect();
            Ok(Action::Tag { target, tags: TagChange { set: BTreeMap::new(), remove } })
        }
        MarkStyle::Description => Ok(Action::Update(Change {
            target,
            mark: Mark::nobodys(Key::new(table.kind, ""), 1),
            drift: Vec::new(),
            tags: TagChange::default(),
            after: object.members.clone(),
        })),
        MarkStyle::Inherited(_) | MarkStyle::Name => Err(Cause::new(
            "Retained",
            "it stays, as the deletion policy of what it stands in says; it bears no mark of its own",
        )),
    }
}
