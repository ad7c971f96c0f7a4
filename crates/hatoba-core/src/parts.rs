//! A document made of parts: what is shown of it comes from what is shown of them. Pure.

use std::collections::BTreeMap;

use crate::{Cause, Condition, Key, Outcome, Status, Truth};

/// Fields and notes of parts that are repeated at the whole: more than these nobody reads there.
const SHOWN_MAX: usize = 20;

/// What the parts come to: the worst of them speaks, and the message names it.
///
/// A part without a status has not been judged yet. `outputs` are the whole's own.
pub fn of_parts(parts: &[(&Key, Option<&Status>)], outputs: BTreeMap<String, String>) -> Outcome {
    let drift = parts.iter().filter_map(|(key, status)| Some((key, (*status)?)));
    let drift = drift.flat_map(|(key, status)| status.drift.iter().map(move |path| format!("{key}: {path}")));
    let fine = Cause::new("InSync", "AWS equals every part of the document");
    Outcome {
        synced: worst(parts, |status| &status.synced, fine),
        ready: Some(worst(parts, |status| &status.ready, Cause::new("Ready", "every part has settled"))),
        drift: drift.take(SHOWN_MAX).collect(),
        notes: Vec::new(),
        outputs,
        filled: None,
    }
}

/// A condition that does not hold beats one that nobody knows; one that only waits for others speaks last.
fn worst(
    parts: &[(&Key, Option<&Status>)],
    condition: impl Fn(&Status) -> &Condition,
    fine: Cause,
) -> (Truth, Cause) {
    let rank = |(_, status): &&(&Key, Option<&Status>)| match status.map(&condition) {
        Some(condition) => match condition.status {
            Truth::False => usize::from(condition.reason.as_str() == "WaitingFor"),
            Truth::Unknown => 2,
            Truth::True => 3,
        },
        None => 2,
    };
    let Some(part) = parts.iter().min_by_key(rank) else { return (Truth::True, fine) };
    let (key, status) = part;
    match status.map(condition) {
        Some(Condition { status: Truth::True, .. }) => (Truth::True, fine),
        Some(condition) => {
            let message = format!("{key}: {}", condition.message);
            (condition.status, Cause { reason: condition.reason.clone(), message })
        }
        None => (Truth::Unknown, Cause::new("NotJudged", format!("{key} could not be judged yet"))),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{Digest, fold};

    fn status(key: &Key, synced: Truth, ready: (Truth, &'static str)) -> Status {
        let outcome = Outcome {
            synced: (synced, Cause::new("InSync", "equal")),
            ready: Some((ready.0, Cause::new(ready.1, "as it is"))),
            drift: Vec::new(),
            notes: Vec::new(),
            outputs: BTreeMap::new(),
            filled: None,
        };
        fold(None, key, &Digest::of(&1), outcome, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_worst_part_speaks_and_is_named() {
        let keys = ["HttpApi/a", "Route/b", "VpcLink/c"].map(|key| key.parse::<Key>().unwrap());
        let ready = |truths: [(Truth, &'static str); 3]| {
            let statuses: Vec<Status> =
                keys.iter().zip(truths).map(|(key, truth)| status(key, Truth::True, truth)).collect();
            let parts: Vec<(&Key, Option<&Status>)> = keys.iter().zip(statuses.iter().map(Some)).collect();
            let outcome = of_parts(&parts, BTreeMap::new());
            let (truth, cause) = outcome.ready.unwrap();
            (truth, cause.reason.as_str().to_owned(), cause.message)
        };
        let (fine, waits, pending, unknown) = (
            (Truth::True, "Ready"),
            (Truth::False, "WaitingFor"),
            (Truth::False, "LinkPending"),
            (Truth::Unknown, "TagsUnread"),
        );
        let said = |(truth, reason, message): (Truth, &str, &str)| (truth, reason.into(), message.into());
        assert_eq!(ready([fine, fine, fine]), said((Truth::True, "Ready", "every part has settled")));
        assert_eq!(ready([fine, waits, pending]), said((Truth::False, "LinkPending", "VpcLink/c: as it is")));
        assert_eq!(ready([unknown, waits, fine]), said((Truth::False, "WaitingFor", "Route/b: as it is")));
        assert_eq!(ready([fine, fine, unknown]), said((Truth::Unknown, "TagsUnread", "VpcLink/c: as it is")));
    }

    #[test]
    fn a_part_that_nobody_judged_is_unknown() {
        let keys = ["HttpApi/a", "Route/b"].map(|key| key.parse::<Key>().unwrap());
        let judged = status(&keys[0], Truth::True, (Truth::True, "Ready"));
        let outcome = of_parts(&[(&keys[0], Some(&judged)), (&keys[1], None)], BTreeMap::new());
        assert_eq!(outcome.synced.0, Truth::Unknown);
        assert_eq!(outcome.synced.1.message, "Route/b could not be judged yet");
    }
}
