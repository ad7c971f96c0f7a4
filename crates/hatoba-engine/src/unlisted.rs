//! Before every place that may hold resources of ours has been listed once, nobody knows how many documents vanished:
//! the fuse would count too few, so nothing goes.
//!
//! The places are the kinds that stand in the account, the scopes that only AWS knows of, and what stands in resources
//! of ours. A list that failed later holds nothing: what was seen before still counts ([`Trust::LastGood`]).

use std::collections::BTreeSet;
use std::time::Duration;

use hatoba_core::Cause;
use hatoba_kinds::{Interest, KindId};
use tokio::time::Instant;

use crate::engine::Engine;
use crate::inventory::{Place, Trust, Unlisted, children};

/// How often is looked where no document asks for anything: a list of clusters and of families, and of what is in them.
pub(crate) const EVERYWHERE_AGAIN: Duration = Duration::from_secs(3_600);
/// And that takes no more than one part of so many of the time, but once in so long it is done.
const EVERYWHERE_SHARE: u32 = 100;
const EVERYWHERE_AT_LAST: Duration = Duration::from_secs(6 * 3_600);

impl Engine {
    /// Why nothing may go yet, if some place has never been wholly listed in this process's life. What AWS refuses to
    /// list holds nothing unless a document asks for a resource of that kind: the permission may be missing for good.
    pub(crate) fn unlisted(&self) -> Option<Cause> {
        if !self.options.owner_is_explicit {
            return None; // nothing goes anyway, so not everything is looked for
        }
        let undiscovered = self.state().undiscovered.clone();
        let in_the_account = KindId::ALL.iter().filter(|kind| kind.table().scope_member.is_none());
        let mut places: Vec<Place> = in_the_account.map(|kind| (*kind, String::new())).collect();
        self.inventory.each_marked(
            &self.options.owner,
            Trust::LastGood,
            |kind| children(kind).next().is_some(),
            |place, object, _| places.extend(children(place.0).map(|child| (child, object.id.clone()))),
        );
        let unlisted = places.iter().filter_map(|place| Some((place.0, self.inventory.never_listed(place)?)));
        let (kind, why) = undiscovered
            .into_iter()
            .chain(unlisted)
            .find(|(kind, why)| !why.is_refused || self.is_asked_for(*kind))?;
        let message = format!(
            "not every {} has been listed since this process began ({}), so nobody knows how many documents vanished; nothing is deleted meanwhile",
            kind.table().kind,
            why.cause
        );
        Some(Cause::new("InventoryIncomplete", message))
    }

    /// Whether it is time to look where no document asks for anything: a resource of ours may have come there through
    /// another process, or its mark have been put back.
    pub(crate) fn looks_everywhere(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let is_due = state.everywhere_due <= now;
        if is_due {
            state.everywhere_due = now + EVERYWHERE_AGAIN;
            state.sought.extend(KindId::ALL);
        }
        is_due
    }

    /// This process takes over: what came and went meanwhile was another one's, and until it is known what there is nobody
    /// knows how many documents vanished.
    pub(crate) fn look_everywhere_anew(&self) {
        let mut state = self.state();
        state.undiscovered = undiscovered().collect();
        state.everywhere_due = Instant::now();
    }

    /// Looks for the scopes that only AWS knows of, where that has not succeeded yet or is due again, and lists them.
    pub(crate) async fn discover(&self, not_before: Option<Instant>) {
        let begun = Instant::now();
        let (kinds, due): (BTreeSet<KindId>, Instant) = {
            let state = self.state();
            (state.undiscovered.keys().chain(&state.sought).copied().collect(), state.everywhere_due)
        };
        for kind in kinds {
            let why = self.discover_kind(kind, not_before).await;
            let mut state = self.state();
            match why {
                Some(why) if state.undiscovered.contains_key(&kind) => {
                    state.undiscovered.insert(kind, why);
                }
                Some(_) => {} // what was found before still counts, and it is sought again with the next sweep
                None => {
                    state.undiscovered.remove(&kind);
                    state.sought.remove(&kind);
                }
            }
        }
        let mut state = self.state();
        // Who took over meanwhile looks at once.
        if state.everywhere_due == due {
            state.everywhere_due = put_off(due, begun, Instant::now());
        }
    }

    /// Returns why not all of them were found and listed.
    async fn discover_kind(&self, kind: KindId, not_before: Option<Instant>) -> Option<Unlisted> {
        let found = match self.permit.in_our_account("looked for", kind.discover(&self.aws)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Some(Unlisted::from(&error)),
            // What another account does not have is not discovered here.
            Err(cause) => return Some(Unlisted { cause, is_refused: false }),
        };
        if !found.is_empty() {
            self.inventory.forget_others_than(kind, &found, |object| self.is_ours(object));
        }
        let mut why = None;
        for (scope, names) in found {
            let interest = Interest { names, everything: true, ..Interest::default() };
            let place = (kind, scope);
            self.list(&place, not_before, &interest).await;
            why = why.or_else(|| self.inventory.failure(&place));
            // From now on only what is ours is asked for.
            self.inventory.keep_names(&place, |object| self.is_ours(object));
        }
        why
    }
}

/// Before the first look nothing has been discovered.
pub(crate) fn undiscovered() -> impl Iterator<Item = (KindId, Unlisted)> {
    let cause =
        |kind: &KindId| Cause::new("NotListed", format!("{} has not been looked for yet", kind.table().kind));
    KindId::ALL.iter().map(move |kind| (*kind, Unlisted { cause: cause(kind), is_refused: false }))
}

/// When everything is looked for again after a look of so long: where that takes long, for there are thousands of clusters
/// and families, it is done the less often.
fn put_off(due: Instant, begun: Instant, now: Instant) -> Instant {
    let rests = (now.duration_since(begun) * EVERYWHERE_SHARE).min(EVERYWHERE_AT_LAST);
    due.max(now + rests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_look_rests_a_hundred_times_as_long_and_six_hours_at_most() {
        let (begun, minute) = (Instant::now(), Duration::from_secs(60));
        let due = begun + EVERYWHERE_AGAIN;
        for (took, again) in
            [(minute / 10, due), (minute, begun + 101 * minute), (90 * minute, begun + 450 * minute)]
        {
            assert_eq!(put_off(due, begun, begun + took), again, "{took:?}");
        }
    }
}
