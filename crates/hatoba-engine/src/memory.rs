//! What is remembered of one document between passes. Only hints: nothing here is needed after a restart, when what a
//! document left behind elsewhere is only named.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hatoba_core::{Cause, Creation, Digest};
use hatoba_kinds::LOOK_SOON;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::backoff::{Backoff, LONGEST};
use crate::fights::Fights;
use crate::inventory::Place;

/// Within so long after a write it has shown whether what serves a copy of it needs another one.
const COPIED_WITHIN: Duration = Duration::from_secs(10);

/// What was left behind, or made without an answer, shows in a list within so long, if it is there: lists lag by seconds,
/// and fail for minutes.
const SHOWS_WITHIN: Duration = Duration::from_secs(3_600);

/// How far a document has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not judged yet, or on its way.
    #[default]
    Moving,
    /// Waits for other documents.
    Waiting,
    /// As far as it gets by itself: in sync and ready, or in need of a human.
    Settled,
}

/// What is remembered of one document between passes.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) backoff: Backoff,
    /// Where its resource stands, and its id, as last seen.
    pub(crate) place: Option<Place>,
    pub(crate) id: Option<String>,
    /// Where its resources stood before the document named another scope, and their ids; since when.
    pub(crate) left: BTreeMap<(Place, String), Instant>,
    pub(crate) last_incarnation: u32,
    /// When this process made its resource where there was none.
    pub(crate) made_at: Option<Instant>,
    pub(crate) operation: Option<Pending>,
    pub(crate) suspect: Option<Suspect>,
    /// What the newest write failed of; it is not sent again before its time, whatever causes a pass.
    pub(crate) failure: Option<Failure>,
    pub(crate) surplus: Option<(BTreeSet<String>, Instant)>,
    /// What was seen in a twin when it was first taken for a shadow, and when that was listed.
    pub(crate) shadow: Option<(BTreeSet<String>, Instant)>,
    /// What bore the document's mark and was reported as a copy, by id.
    pub(crate) copies: BTreeSet<String>,
    /// What was replaced, by id, and since when it has been seen without users.
    pub(crate) released: Option<(String, Instant)>,
    /// Lists begun earlier than this do not count for the next pass.
    pub(crate) not_before: Option<Instant>,
    pub(crate) verified_at: Option<Instant>,
    pub(crate) polls: u32,
    pub(crate) drifting: bool,
    /// Fields written again and again without a list ever showing them right.
    pub(crate) fights: Fights,
    /// Until when somebody asked in AWS that it be left alone.
    pub(crate) paused_until: Option<Timestamp>,
    /// What references and look-ups filled in, in the newest pass.
    pub(crate) filled: Option<Digest>,
    /// When the newest write was answered: only lists begun later prove what came of it.
    pub(crate) written_at: Option<Instant>,
    /// When something was written of which the resource serves a copy, until the copy is known to be right again.
    pub(crate) outdated_at: Option<Instant>,
    /// Since when entries that nobody keeps have been seen in a resource that is taken down.
    pub(crate) stale_since: Option<Instant>,
    pub(crate) phase: Phase,
}

impl Default for Memory {
    fn default() -> Self {
        Memory {
            backoff: Backoff::new(),
            place: None,
            id: None,
            left: BTreeMap::new(),
            last_incarnation: 0,
            made_at: None,
            operation: None,
            suspect: None,
            failure: None,
            surplus: None,
            shadow: None,
            copies: BTreeSet::new(),
            released: None,
            not_before: None,
            verified_at: None,
            polls: 0,
            drifting: false,
            fights: Fights::default(),
            paused_until: None,
            filled: None,
            written_at: None,
            outdated_at: None,
            stale_since: None,
            phase: Phase::Moving,
        }
    }
}

impl Memory {
    /// Notes why the newest write failed, until `until`, or until the pass's delay is known.
    pub(crate) fn fail(&mut self, cause: Cause, until: Option<Instant>) {
        self.failure = Some(Failure { cause, until });
    }

    /// Somebody changed the document, or asks for another try: what was written counts no more, nor what is under way.
    pub(crate) fn forget_fights(&mut self) {
        self.fights.forget();
        if let Some(operation) = &mut self.operation {
            operation.fields.clear();
        }
    }

    /// AWS carried out what had begun: only now it counts as written.
    pub(crate) fn operation_is_done(&mut self) {
        if let Some(operation) = self.operation.take() {
            self.fights.written(operation.fields);
        }
        self.polls = 0;
    }

    /// What was left behind long ago and is shown by no list has gone.
    pub(crate) fn forget_left(&mut self, now: Instant, shows: impl Fn(&(Place, String)) -> bool) {
        self.left.retain(|left, since| now.saturating_duration_since(*since) < SHOWS_WITHIN || shows(left));
    }

    /// Whether something may have been made of which no list has told yet, whatever becomes of the document meanwhile.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.suspect.is_some_and(|suspect| suspect.sent_at.elapsed() < SHOWS_WITHIN)
    }

    /// Whether something was written just now of which the resource serves a copy: what comes of that is not known yet.
    pub(crate) fn is_outdated(&self) -> bool {
        self.outdated_at.is_some_and(|at| at.elapsed() < COPIED_WITHIN)
    }

    /// Whether a list begun at `listed_at` shows what came of the newest write.
    pub(crate) fn is_proven_by(&self, listed_at: Option<Instant>) -> bool {
        self.written_at.is_none_or(|written_at| listed_at.is_some_and(|listed_at| listed_at > written_at))
    }

    /// 5 seconds, 10, …, at last 5 minutes: for what may take long and costs calls of a shared quota.
    pub(crate) fn patience(&mut self) -> Duration {
        let delay = LOOK_SOON.saturating_mul(1 << self.polls.min(6)).min(LONGEST);
        self.polls += 1;
        delay
    }
}

/// A write that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    /// When it may be sent again; `None`: the pass that failed is not over yet.
    pub(crate) until: Option<Instant>,
}

/// An operation of AWS's that a write began.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) operation: String,
    /// What it makes, where it makes something.
    pub(crate) made: Option<Creation>,
    /// An earlier request began it: what it makes, lists say.
    pub(crate) is_earlier: bool,
    /// What it changes, by name.
    pub(crate) fields: Vec<String>,
}

/// A create whose answer was lost: look twice, a settle time apart, before sending it again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Suspect {
    /// What was to be made; an earlier one that is there is no sign of it.
    pub(crate) incarnation: u32,
    pub(crate) sent_at: Instant,
    pub(crate) looks: u32,
    pub(crate) last_look: Option<Instant>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use hatoba_kinds::KindId;

    #[tokio::test(start_paused = true)]
    async fn what_was_left_behind_is_forgotten_when_no_list_has_shown_it_for_an_hour() {
        let left = |id: &str| ((KindId::Integration, "api".to_owned()), id.to_owned());
        let mut memory = Memory::default();
        memory.left.insert(left("gone"), Instant::now());
        memory.left.insert(left("there"), Instant::now());
        let shows = |(_, id): &(Place, String)| id == "there";
        memory.forget_left(Instant::now(), shows);
        assert_eq!(memory.left.len(), 2, "a list may lag");
        tokio::time::advance(SHOWS_WITHIN).await;
        memory.forget_left(Instant::now(), shows);
        assert_eq!(memory.left.into_keys().collect::<Vec<_>>(), [left("there")]);
    }
}
