//! Says in the log when a document turns bad, and when it is well again: whoever has only the log of a broken chain
//! finds the hop in it.
//!
//! The invariant: **a line for each turn, none for what is on its way.** The same condition with the same reason is said
//! once; a rollout, a wait or a link that comes up is not said at all, and a new chain has time to serve for the first time.

use std::collections::BTreeMap;

use hatoba_core::{Condition, Key, Reason, Status, Truth};
use jiff::{SignedDuration, Timestamp};

/// Turns, in the log: whoever shows them in another way leaves them out there.
pub const TURNS: &str = "hatoba::turns";

/// What goes well or is on its way. The book's page about reasons lists the same, which a test holds.
const ON_ITS_WAY: [&str; 30] = [
    "AccountUnknown",
    "AnswerLost",
    "AttachmentsUpdating",
    "ClusterDeprovisioning",
    "ClusterProvisioning",
    "Creating",
    "Deploying",
    "Deregistering",
    "Detaching",
    "Differs",
    "DomainUpdating",
    "Draining",
    "HealthUnknown",
    "InSync",
    "LinkDeleting",
    "LinkPending",
    "LookupPending",
    "NotJudged",
    "NotListed",
    "Ready",
    "Replacing",
    "RolloutInProgress",
    "RulesUnknown",
    "Serving",
    "StandBy",
    "TagsUnread",
    "TasksMissing",
    "Updating",
    "WaitingFor",
    MISSING,
];

/// A hop without a resource: another condition, or the hop's own document, says why.
const MISSING: &str = "Missing";

/// What the document or a tag asks for: said, and no cause to worry.
const ASKED_FOR: [&str; 3] = ["DriftReported", "Paused", "Suspended"];

/// What is no news of a chain that has never served: its first tasks start and enter themselves.
const AT_FIRST: [&str; 4] = ["NoHealthyInstance", "NoTasks", "NotDeployed", "ProbeFailed"];

/// It has so long for that: a VPC link takes minutes, and so does an image that is pulled for the first time.
const FIRST: SignedDuration = SignedDuration::from_mins(5);

/// What was said, and what is not worth saying yet.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// What was said to be bad and is not over, by document and condition.
    said: BTreeMap<(Key, &'static str), Reason>,
    /// Chains that have never served, and since when there are any.
    new: BTreeMap<Key, Timestamp>,
}

/// What there is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Somebody should look.
    Bad,
    /// It is held back because somebody asked for that.
    AsAsked,
    /// It was said to be bad, and is well again; or a new chain serves for the first time.
    Well,
}

impl Turns {
    /// Says what has turned between two statuses of a document, or is bad for too long now.
    pub(crate) fn tell(&mut self, before: Option<&Status>, after: &Status, at: Timestamp) {
        let of =
            |condition: fn(&Status) -> Option<&Condition>| (before.and_then(condition), condition(after));
        for (name, (before, now)) in [
            ("Synced", of(|status| Some(&status.synced))),
            ("Ready", of(|status| Some(&status.ready))),
            ("Serving", of(|status| status.serving.as_ref())),
        ] {
            let Some(now) = now else { continue };
            if name == "Serving" && self.is_early(&after.document, before, now, at) {
                continue;
            }
            let turn = self.turn(&after.document, name, before, now);
            let (document, status, reason) =
                (&after.document, format!("{:?}", now.status), now.reason.as_str());
            match turn {
                Some(Turn::Bad) => {
                    tracing::warn!(target: TURNS, %document, condition = name, status, reason, "{}", now.message);
                }
                Some(Turn::AsAsked | Turn::Well) => {
                    tracing::info!(target: TURNS, %document, condition = name, status, reason, "{}", now.message);
                }
                None => {}
            }
        }
    }

    /// Documents that are gone turn no more.
    pub(crate) fn forget(&mut self, is_gone: impl Fn(&Key) -> bool) {
        self.said.retain(|(key, _), _| !is_gone(key));
        self.new.retain(|key, _| !is_gone(key));
    }

    /// Whether a chain has never served, and need not have yet.
    fn is_early(
        &mut self,
        document: &Key,
        before: Option<&Condition>,
        after: &Condition,
        at: Timestamp,
    ) -> bool {
        if after.status != Truth::True && before.is_none() {
            self.new.entry(document.clone()).or_insert(at);
        }
        let is_new = self.new.get(document).is_some_and(|since| at.duration_since(*since) < FIRST);
        is_new && AT_FIRST.contains(&after.reason.as_str())
    }

    fn turn(
        &mut self,
        document: &Key,
        name: &'static str,
        before: Option<&Condition>,
        after: &Condition,
    ) -> Option<Turn> {
        let id = (document.clone(), name);
        // What an earlier process left behind it has said.
        let is_ours = name == "Serving" && self.new.contains_key(document);
        let left = before.filter(|before| is_said(before) && !is_ours);
        let said = self.said.get(&id).cloned().or_else(|| left.map(|before| before.reason.clone()));
        if is_said(after) {
            self.said.insert(id, after.reason.clone());
            let is_asked_for = ASKED_FOR.contains(&after.reason.as_str());
            let turn = if is_asked_for { Turn::AsAsked } else { Turn::Bad };
            return (said.as_ref() != Some(&after.reason)).then_some(turn);
        }
        if after.status != Truth::True {
            // On its way, to what it was or to what it should be.
            if let Some(said) = said {
                self.said.insert(id, said);
            }
            return None;
        }
        self.said.remove(&id);
        let is_first = name == "Serving" && self.new.remove(document).is_some();
        (is_first || said.is_some()).then_some(Turn::Well)
    }
}

fn is_said(condition: &Condition) -> bool {
    condition.status != Truth::True && !ON_ITS_WAY.contains(&condition.reason.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;

    const PAGE: &str = include_str!("../../../docs/src/reasons.md");

    /// The words in the first column of the table below a heading.
    fn reasons_below(heading: &str) -> BTreeSet<&'static str> {
        let (_, below) = PAGE.split_once(heading).expect("the heading is there");
        let table = below.split("\n## ").next().unwrap_or_default();
        let first = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        let words = first.flat_map(|cell| cell.split('`').skip(1).step_by(2));
        words.collect()
    }

    fn condition(status: Truth, reason: &'static str) -> Condition {
        let (reason, message) = (Reason::new(reason), "told".to_owned());
        Condition { status, reason, message, last_transition_time: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn what_is_not_said_is_what_the_book_calls_on_its_way() {
        let mut listed = reasons_below("## Going well, or on its way\n");
        assert!(listed.insert(MISSING), "it stands among those to look at");
        assert_eq!(ON_ITS_WAY.into_iter().collect::<BTreeSet<_>>(), listed);
        let asked = reasons_below("## As you asked\n");
        assert!(ASKED_FOR.iter().all(|reason| asked.contains(reason)), "{asked:?}");
    }

    #[test]
    fn a_turn_is_said_once_and_its_end_too() {
        let well = condition(Truth::True, "Serving");
        let pending = condition(Truth::False, "LinkPending");
        let failed = condition(Truth::False, "LinkFailed");
        let empty = condition(Truth::False, "ZeroTasks");
        let unknown = condition(Truth::Unknown, "HealthUnknown");
        let suspended = condition(Truth::False, "Suspended");
        let mut turns = Turns::default();
        let document = Key::new("Route", "orders");
        let mut before = None;
        for (after, said) in [
            (&pending, None),
            (&well, None),
            (&failed, Some(Turn::Bad)),
            (&failed, None),
            (&empty, Some(Turn::Bad)),
            (&unknown, None),
            (&empty, None),
            (&pending, None),
            (&well, Some(Turn::Well)),
            (&well, None),
            (&suspended, Some(Turn::AsAsked)),
            (&well, Some(Turn::Well)),
        ] {
            assert_eq!(turns.turn(&document, "Serving", before, after), said, "{before:?} {after:?}");
            before = Some(after);
        }
    }

    #[test]
    fn a_new_chain_has_time_to_serve_for_the_first_time() {
        let document = Key::new("Route", "orders");
        let minute = |minute: i64| Timestamp::from_second(60 * minute).unwrap();
        let (well, empty) = (condition(Truth::True, "Serving"), condition(Truth::False, "NoTasks"));
        let closed = condition(Truth::False, "NoIngressRule");
        let mut turns = Turns::default();
        let mut before = None;
        // Whether it is said, as the log does it.
        let mut said = |turns: &mut Turns, after, at| {
            let is_early = turns.is_early(&document, before, after, minute(at));
            let turn = if is_early { None } else { turns.turn(&document, "Serving", before, after) };
            before = Some(after);
            turn
        };
        assert_eq!(said(&mut turns, &empty, 0), None, "its first task is starting");
        assert_eq!(said(&mut turns, &closed, 1), Some(Turn::Bad), "this does not pass by itself");
        assert_eq!(said(&mut turns, &empty, 4), None);
        assert_eq!(said(&mut turns, &empty, 5), Some(Turn::Bad), "it should have served by now");
        assert_eq!(said(&mut turns, &empty, 6), None, "once");
        assert_eq!(said(&mut turns, &well, 7), Some(Turn::Well));
        assert_eq!(said(&mut turns, &empty, 8), Some(Turn::Bad), "it had served");
    }

    #[test]
    fn that_a_new_chain_serves_is_said_once_however_it_came_to_that() {
        let well = condition(Truth::True, "Serving");
        for (on_the_way, is_said) in [("LinkPending", true), ("NoTasks", true), ("", false)] {
            let mut turns = Turns::default();
            let document = Key::new("Route", "orders");
            let first = condition(Truth::False, on_the_way);
            let before = (!on_the_way.is_empty()).then_some(&first);
            if let Some(first) = before {
                turns.is_early(&document, None, first, Timestamp::UNIX_EPOCH);
            }
            let turn = turns.turn(&document, "Serving", before, &well);
            assert_eq!(turn, is_said.then_some(Turn::Well), "{on_the_way}");
            assert_eq!(turns.turn(&document, "Serving", Some(&well), &well), None);
        }
    }

    #[test]
    fn what_an_earlier_process_left_is_not_said_again_and_its_end_is() {
        let well = condition(Truth::True, "Serving");
        let failed = condition(Truth::False, "LinkFailed");
        let document = Key::new("Route", "orders");
        let mut turns = Turns::default();
        assert_eq!(turns.turn(&document, "Serving", Some(&failed), &failed), None);
        assert_eq!(turns.turn(&document, "Serving", Some(&failed), &well), Some(Turn::Well));
        turns.turn(&document, "Serving", Some(&well), &failed);
        turns.forget(|key| *key == document);
        assert!(turns.said.is_empty());
    }
}
