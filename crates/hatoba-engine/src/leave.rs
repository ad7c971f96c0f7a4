//! Whether a verdict may be carried out: drift or change, pauses asked for in AWS, fields that were given up.

use std::collections::BTreeSet;

use hatoba_core::{Assessment, Cause, Desired, Leave, Object, Pause, Step, Verdict, pause, paused};
use hatoba_kinds::KindId;
use jiff::Timestamp;

use crate::engine::Engine;
use crate::inventory::{Place, View};

impl Engine {
    /// What bears on whether the verdict is carried out; a pause is noted even where nothing is to be written.
    pub(crate) fn leave(
        &self,
        desired: &Desired,
        place: &Place,
        view: &Result<View, Cause>,
        assessment: &mut Assessment<'_>,
    ) -> Leave {
        let listed_at = view.as_ref().ok().and_then(|view| view.listed_at);
        let surplus = assessment.surplus.iter().map(|surplus| surplus.object);
        let objects: Vec<&Object> = assessment.current.into_iter().chain(surplus).collect();
        let (pause, notes) = self.pause(place, &objects);
        assessment.notes.extend(notes);
        let given_up = self.memory(&desired.key, |memory| {
            if let (true, Some(differing)) = (memory.is_proven_by(listed_at), differing(&assessment.verdict))
            {
                memory.fights.seen(&differing);
            }
            memory.paused_until = pause.as_ref().map(|(until, _)| *until);
            memory.fights.given_up()
        });
        let pause = pause.map(|(_, cause)| cause);
        assessment.notes.extend(pause.clone());
        Leave { is_drift: self.is_drift(desired), given_up, pause }
    }

    /// Whether a difference came about by itself: this very document was in sync before, and all that it names leads
    /// where it led then.
    pub(crate) fn is_drift(&self, desired: &Desired) -> bool {
        let state = self.state();
        let Some(status) = state.statuses.get(&desired.key) else { return false };
        let now = state.memory.get(&desired.key).and_then(|memory| memory.filled.as_ref());
        let leads_elsewhere = status.synced_filled.as_ref().zip(now).is_some_and(|(then, now)| then != now);
        status.synced_digest.as_ref() == Some(&desired.digest) && !leads_elsewhere
    }

    /// The longest pause that these resources, or what they stand in, bear; and tags that cannot be read as one.
    pub(crate) fn pause(
        &self,
        place: &Place,
        objects: &[&Object],
    ) -> (Option<(Timestamp, Cause)>, Vec<Cause>) {
        let now = self.clock.now();
        let mut longest: Option<(Timestamp, Cause)> = None;
        let mut notes = Vec::new();
        let parent = self.parent_of(place);
        for object in objects.iter().copied().chain(parent.as_ref()) {
            match object.tags.as_ref().map_or(Pause::No, |tags| pause(&object.id, tags, now)) {
                Pause::Until(until) if longest.as_ref().is_none_or(|(other, _)| until > *other) => {
                    longest = Some((until, paused(&object.id, until)));
                }
                Pause::Until(_) | Pause::No => {}
                Pause::Unreadable(cause) => notes.push(cause),
            }
        }
        (longest, notes)
    }

    fn parent_of(&self, place: &Place) -> Option<Object> {
        let parent = place.0.table().parent.and_then(KindId::of)?;
        self.inventory.object(&(parent, String::new()), &place.1)
    }

    /// Says once, where people and alerting look, that fields are left alone.
    pub(crate) fn note_surrender(&self, desired: &Desired, assessment: &Assessment<'_>, step: &Step) {
        let Step::Hold(cause) = step else { return };
        if cause.reason.as_str() != "NonConverging" {
            return;
        }
        let is_news = self.memory(&desired.key, |memory| memory.fights.tell());
        if is_news {
            tracing::error!(document = %desired.key, %cause, "written again and again to no avail");
            let id = assessment.current.map_or("", |current| current.id.as_str());
            self.tell(&desired.key, "GaveUp", id, &cause.message);
        }
    }
}

/// What differs, by name; `None`: the verdict does not say.
fn differing(verdict: &Verdict) -> Option<BTreeSet<String>> {
    match verdict {
        Verdict::InSync => Some(BTreeSet::new()),
        Verdict::Update(change) => Some(change.named().into_iter().collect()),
        Verdict::Replace(_, drift) => Some(drift.iter().map(|drift| drift.path.clone()).collect()),
        Verdict::Create(_)
        | Verdict::Settling(_)
        | Verdict::TakeDown(..)
        | Verdict::WaitingFor(_)
        | Verdict::Unknown(_)
        | Verdict::Stalled(_) => None,
    }
}
