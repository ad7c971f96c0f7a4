//! What holds a step back: a create or a removal that was not looked at often enough, a write that failed.

use std::collections::BTreeSet;

use hatoba_core::{Action, Assessment, Cause, Desired, Step};
use tokio::time::Instant;

use crate::engine::Engine;
use crate::inventory::{Place, View};
use crate::memory::Memory;
use crate::reconcile::SETTLES;

impl Engine {
    /// Holds every write back while this process may not write.
    pub(crate) async fn permitted(&self, step: Step) -> Step {
        if !matches!(step, Step::Act(_) | Step::RemoveSurplus(_)) {
            return step;
        }
        match self.may_write().await {
            Ok(()) => step,
            Err(cause) => Step::Hold(cause),
        }
    }

    /// Holds a step back that was not looked at often enough, or failed a short while ago.
    pub(crate) fn gate(
        &self,
        desired: &Desired,
        place: &Place,
        assessment: &Assessment<'_>,
        view: &Result<View, Cause>,
        step: Step,
    ) -> Step {
        let mut listed_at = view.as_ref().ok().and_then(|view| view.listed_at);
        // A list that does not show the one that stays, made by us and gone since for all we know, is no second look.
        let stays = assessment.current.filter(|_| matches!(step, Step::RemoveSurplus(_)));
        if stays.is_some_and(|stays| !self.inventory.is_listed(place, &stays.id)) {
            listed_at = None;
        }
        let surplus: BTreeSet<String> =
            assessment.surplus.iter().map(|surplus| surplus.object.id.clone()).collect();
        self.memory(&desired.key, |memory| {
            let step = looked_often_enough(memory, step, listed_at, surplus);
            let writes = matches!(step, Step::Act(_) | Step::RemoveSurplus(_));
            match &memory.failure {
                Some(failure) if writes && failure.until.is_some_and(|until| Instant::now() < until) => {
                    Step::Hold(failure.cause.clone())
                }
                _ => step,
            }
        })
    }
}

/// Holds back what was not looked at often enough.
fn looked_often_enough(
    memory: &mut Memory,
    step: Step,
    listed_at: Option<Instant>,
    surplus: BTreeSet<String>,
) -> Step {
    match &step {
        Step::Act(Action::Create(_)) if memory.suspect.is_some() => looked_twice(memory, listed_at, step),
        Step::RemoveSurplus(_) => {
            let agreed = memory.surplus.as_ref().is_some_and(|(seen, at)| {
                *seen == surplus && listed_at.is_some_and(|listed_at| listed_at >= *at + SETTLES)
            });
            if agreed {
                return step;
            }
            if memory.surplus.as_ref().is_none_or(|(seen, _)| *seen != surplus) && listed_at.is_some() {
                memory.surplus = Some((surplus, Instant::now())); // the list may have waited for its quota
            }
            Step::Hold(Cause::new(
                "Duplicate",
                "there is more than one; the surplus goes when a second list agrees",
            ))
        }
        _ => step,
    }
}

/// A create whose answer was lost is sent again only after two looks, a settle time apart, that did not show it.
fn looked_twice(memory: &mut Memory, listed_at: Option<Instant>, step: Step) -> Step {
    let Some(suspect) = &mut memory.suspect else { return step };
    if let Some(listed_at) = listed_at
        && listed_at > suspect.sent_at
        && suspect.last_look.is_none_or(|look| listed_at >= look + SETTLES)
    {
        suspect.looks += 1;
        suspect.last_look = Some(Instant::now()); // it may have waited for its quota
    }
    if suspect.looks >= 2 {
        memory.suspect = None;
        return step;
    }
    Step::Hold(Cause::new(
        "AnswerLost",
        "no answer came to the create; it is looked for before it is sent again",
    ))
}
