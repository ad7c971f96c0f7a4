//! The fuse: what vanished together is held together, until documents come back or somebody lets exactly these go.
//!
//! The invariant: **an open fuse outlives the process.** Documents that joined the source later count for whoever comes
//! next as if they had always been there. So the set that is held is told beside the status documents, and a process
//! that starts, or takes over, holds what was told there. It is heard for caution alone and lets nothing go: with all
//! of it thrown away the fuse judges by what there is to see.

use std::collections::BTreeSet;
use std::time::Duration;

use hatoba_core::{ACKNOWLEDGED_FOR, Acknowledgement, Cause, Digest, Fuse, Key, fuse};
use tokio::time::Instant;

use crate::engine::{Engine, State};

/// For so long nothing goes while what was told cannot be read: as long as a human's word counts. After that whoever
/// runs it has been told by the alarm, and a place that is denied for good does not keep everything for ever.
const HEARS_WITHIN: Duration = ACKNOWLEDGED_FOR;

/// What was held together before this process began, or began to lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum HeldBefore {
    /// There is nowhere to ask.
    #[default]
    Unasked,
    /// Asked for since then.
    Asked(Instant),
    /// These; nothing of them is back, nobody has let them go.
    Told(BTreeSet<Key>),
}

impl State {
    /// Vanished documents of which something would go at last.
    fn going(&self) -> BTreeSet<Key> {
        let going = self.vanished.iter().filter(|(_, vanished)| vanished.goes);
        going.map(|(key, _)| key.clone()).collect()
    }

    /// Keeps what the open fuse holds through a time in which nothing can be told to have vanished.
    pub(crate) fn keep_held(&mut self) {
        let before = match &self.held_before {
            HeldBefore::Asked(_) => return, // what was told is still to be heard, and nothing goes until then
            HeldBefore::Told(before) => before.clone(),
            HeldBefore::Unasked => BTreeSet::new(),
        };
        if self.was_open && !self.vanished.is_empty() {
            let held = self.going().into_iter().chain(before).collect();
            self.held_before = HeldBefore::Told(held);
        }
    }
}

impl Engine {
    /// Has the engine wait for what was held before anything goes whose document is gone: at the
    /// start, and whenever it begins to lead.
    pub fn ask_for_held(&self) {
        self.state().held_before = HeldBefore::Asked(Instant::now());
    }

    /// Another one led until now, and what it held was told last.
    pub(crate) fn ask_again_for_held(&self) {
        let mut state = self.state();
        if state.held_before != HeldBefore::Unasked {
            state.held_before = HeldBefore::Asked(Instant::now());
        }
    }

    /// Whether what was held before is still to be heard.
    pub(crate) fn is_asking_for_held(&self) -> bool {
        matches!(self.state().held_before, HeldBefore::Asked(_))
    }

    /// Takes over what was told of documents that are held together.
    pub(crate) fn hear_held(&self, documents: BTreeSet<Key>) {
        let told = HeldBefore::Told(documents);
        let before = std::mem::replace(&mut self.state().held_before, told.clone());
        if before != told {
            self.note_orphans();
        }
    }

    /// Why nothing goes while nobody knows what was held before.
    pub(crate) fn unheard(&self) -> Option<Cause> {
        let HeldBefore::Asked(since) = self.state().held_before else { return None };
        let message = format!(
            "what was held together before this process led could not be read yet beside the status documents; nothing \
             is deleted meanwhile, for {} minutes at most",
            HEARS_WITHIN.as_secs() / 60
        );
        (since.elapsed() < HEARS_WITHIN).then(|| Cause::new("HeldUnread", message))
    }

    /// Whether it is known what vanished. Before, nothing new can be told of what is held.
    pub(crate) fn knows_what_vanished(&self) -> bool {
        let state = self.state();
        let is_heard = !matches!(state.held_before, HeldBefore::Asked(_));
        is_heard && state.is_counted && !state.checked.is_doubtful()
    }

    /// Too much gone at once, or everything? An open fuse that closes because documents came back, and not by
    /// somebody's word, begins the time of the others anew: more of them may be on their way.
    pub(crate) fn fuse(&self) -> Fuse {
        let mut state = self.state();
        let vanished = state.going();
        let nobody = BTreeSet::new();
        let held_before = match &state.held_before {
            HeldBefore::Told(held) if !held.iter().any(|key| state.checked.exists(key)) => held,
            _ => &nobody,
        };
        let acknowledged = state.acknowledged.as_ref().filter(|(_, until)| Instant::now() < *until);
        let acknowledged = acknowledged.map_or(&nobody, |(documents, _)| documents);
        let fuse = fuse(&vanished, state.stayed, self.options.prune_limit, held_before, acknowledged);
        let is_by_word = !vanished.is_empty() && vanished.is_subset(acknowledged);
        let is_over = held_before.is_empty() || is_by_word;
        if let HeldBefore::Told(held) = &mut state.held_before
            && is_over
        {
            held.clear();
        }
        let is_open = fuse != Fuse::Closed;
        let was_open = std::mem::replace(&mut state.was_open, is_open);
        if was_open && !is_open && !is_by_word {
            let now = Instant::now();
            state.vanished.values_mut().for_each(|vanished| vanished.begin_anew(now));
        }
        let documents = vanished.len();
        // Who only plans opens nothing, and who stands by leaves it to the leader.
        let is_told = was_open != is_open && state.account.is_some() && self.permit.leads();
        drop(state);
        if is_told {
            self.tell_of_fuse(is_open, documents);
        }
        fuse
    }

    fn tell_of_fuse(&self, is_open: bool, documents: usize) {
        let key = Key::new("Fuse", &self.options.owner);
        if is_open {
            let cause = format!(
                "{documents} documents vanished together; nothing of them is deleted: `hatoba prune` shows them"
            );
            tracing::warn!(
                documents,
                "the fuse of the prune opened: so many documents vanished together that nothing of them is deleted; see `hatoba prune`"
            );
            self.tell(&key, "FuseOpened", "", &cause);
        } else {
            tracing::info!("the fuse of the prune is closed again");
            self.tell(&key, "FuseClosed", "", "the documents are back, or somebody let them go");
        }
    }

    /// Whether an acknowledgement was for an absence that is over: one of its documents is back, or was.
    pub(crate) fn is_spent(&self, word: &Acknowledgement) -> bool {
        let state = self.state();
        state.spent.is_some_and(|spent| word.given_at() <= spent)
            || word.documents.iter().any(|key| state.checked.exists(key))
    }

    /// Lets the resources of exactly these documents go, though they are many or all, until the word expires.
    pub fn acknowledge(&self, word: &Acknowledgement) {
        let now = self.clock.now();
        let documents = word.lets_go(now);
        if self.is_spent(word) {
            return;
        }
        let Ok(lasts) = Duration::try_from(word.expires.duration_since(now)) else { return };
        let mut state = self.state();
        let is_known = state
            .acknowledged
            .as_ref()
            .is_some_and(|(known, until)| *known == documents && Instant::now() < *until);
        if documents.is_empty() || is_known {
            return;
        }
        tracing::warn!(hash = %word.hash, documents = documents.len(), "acknowledged: what these documents asked for may go");
        state.acknowledged = Some((documents, Instant::now() + lasts));
        drop(state);
        self.note_orphans();
    }

    /// The documents that vanished and are held together, with the hash that names them, while the fuse is open.
    pub fn held_together(&self) -> Option<(Digest, BTreeSet<Key>)> {
        let Fuse::Open { hash, .. } = self.fuse() else { return None };
        let state = self.state();
        let going = state.vanished.iter().filter(|(_, vanished)| vanished.goes);
        let documents: BTreeSet<Key> = going.map(|(key, _)| key.clone()).collect();
        (Digest::of(&documents) == hash).then_some((hash, documents))
    }
}
