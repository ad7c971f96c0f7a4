//! The fold, and what each verdict comes to.

use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::support::{World, gadget, widget};
use crate::{Deletion, Desired, Life};

fn key() -> Key {
    Key::new("Widget", "w")
}

fn digest() -> Digest {
    Digest::of(&"one")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn outcome(synced: Truth, reason: &'static str, ready: Option<Truth>) -> Outcome {
    Outcome {
        synced: (synced, Cause::new(reason, "said")),
        ready: ready.map(|truth| (truth, Cause::new(reason, "said"))),
        drift: vec!["limit".to_owned()],
        notes: Vec::new(),
        outputs: BTreeMap::from([("id".to_owned(), "w1".to_owned())]),
        filled: None,
    }
}

fn folded(previous: Option<&Status>, outcome: Outcome, seconds: i64) -> Status {
    fold(previous, &key(), &digest(), outcome, at(seconds))
}

#[test]
fn the_time_of_a_condition_moves_only_with_its_truth() {
    let first = folded(None, outcome(Truth::False, "Creating", Some(Truth::False)), 1);
    assert_eq!(first.synced.last_transition_time, at(1));
    let second = folded(Some(&first), outcome(Truth::False, "Throttled", Some(Truth::True)), 2);
    assert_eq!((second.synced.last_transition_time, second.ready.last_transition_time), (at(1), at(2)));
    assert_eq!(second.synced.reason.as_str(), "Throttled", "the reason is always the newest");
    for (n, truth) in [(3, Truth::True), (4, Truth::Unknown), (5, Truth::False)] {
        let moved = folded(Some(&second), outcome(truth, "X", None), n);
        let expected = if truth == Truth::False { at(1) } else { at(n) };
        assert_eq!(moved.synced.last_transition_time, expected, "{truth:?}");
        assert_eq!(moved.ready.last_transition_time, at(2));
    }
}

#[test]
fn an_equal_outcome_gives_an_equal_status() {
    for ready in [None, Some(Truth::True), Some(Truth::Unknown)] {
        let asked = || outcome(Truth::True, "InSync", ready);
        let first = folded(None, asked(), 1);
        let mut status = first.clone();
        for n in 2..5 {
            status = folded(Some(&status), asked(), n * 1_000);
            assert_eq!(status, first);
        }
    }
}

#[test]
fn what_a_pass_could_not_tell_stays_as_it_was_shown() {
    let shown = folded(None, outcome(Truth::True, "InSync", Some(Truth::True)), 1);
    let blind = Outcome::unknown(Cause::new("AccessDenied", "no"));
    let status = folded(Some(&shown), blind.clone(), 2);
    assert_eq!((status.synced.status, status.synced.reason.as_str()), (Truth::Unknown, "AccessDenied"));
    assert_eq!(status.ready, shown.ready);
    assert_eq!(status.outputs, shown.outputs);

    let never = folded(None, blind, 2);
    assert_eq!((never.ready.status, never.ready.reason.as_str()), (Truth::Unknown, "NotJudged"));
}

#[test]
fn outputs_that_were_seen_replace_all_earlier_ones() {
    let shown = folded(None, outcome(Truth::True, "InSync", None), 1);
    let mut other = outcome(Truth::True, "InSync", None);
    other.outputs = BTreeMap::from([("arn".to_owned(), "x".to_owned())]);
    assert_eq!(folded(Some(&shown), other.clone(), 2).outputs, other.outputs);
}

#[test]
fn the_generation_that_was_in_sync_is_remembered_until_a_newer_one_is() {
    let (one, two) = (Digest::of(&1), Digest::of(&2));
    let pass = |previous: Option<&Status>, digest: &Digest, truth| {
        fold(previous, &key(), digest, outcome(truth, "X", None), at(1))
    };
    let fresh = pass(None, &one, Truth::False);
    assert_eq!(fresh.synced_digest, None);
    let synced = pass(Some(&fresh), &one, Truth::True);
    assert_eq!(synced.synced_digest.as_ref(), Some(&one));
    for truth in [Truth::False, Truth::Unknown] {
        let changed = pass(Some(&synced), &two, truth);
        assert_eq!((changed.observed_digest, changed.synced_digest.as_ref()), (two.clone(), Some(&one)));
    }
    assert_eq!(pass(Some(&synced), &two, Truth::True).synced_digest, Some(two.clone()));
    // The same of what references filled in.
    let filled =
        |truth, filled: &Digest| Outcome { filled: Some(filled.clone()), ..outcome(truth, "X", None) };
    let synced = folded(Some(&synced), filled(Truth::True, &one), 1);
    assert_eq!(synced.synced_filled.as_ref(), Some(&one));
    assert_eq!(folded(Some(&synced), filled(Truth::False, &two), 1).synced_filled, Some(one));
    assert_eq!(folded(Some(&synced), filled(Truth::True, &two), 1).synced_filled, Some(two));
}

#[test]
fn a_status_survives_its_own_json() {
    let status = folded(None, outcome(Truth::True, "InSync", Some(Truth::False)), 1);
    let text = serde_json::to_string(&status).unwrap();
    assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status);
    let later = at(1) + SignedDuration::from_secs(1);
    assert_ne!(fold(None, &key(), &digest(), outcome(Truth::True, "InSync", None), later), status);
}

/// Synced and Ready as one line.
fn told(outcome: &Outcome) -> String {
    let ready = match &outcome.ready {
        Some((truth, cause)) => format!("{} {}", truth.as_str(), cause.reason),
        None => "as before".to_owned(),
    };
    format!("{} {}, {ready}", outcome.synced.0.as_str(), outcome.synced.1.reason)
}

fn shown(world: World, desired: &Desired) -> String {
    told(&world.judge(desired).outcome)
}

#[test]
fn each_verdict_comes_to_its_conditions() {
    let asked = widget(json!({ "parts": ["a"] }));
    let made = || asked.made("w1", 1);
    let rolling = || Readiness::Settling(Cause::new("Rolling", ""));
    let broken = || Readiness::NotReady(Cause::new("RolloutFailed", ""));
    let first = [Key::new("Widget", "a")].into();
    let unlisted = Some(Cause::new("AccessDenied", ""));
    for (world, expected) in [
        (World::of([made()]), "True InSync, True Ready"),
        (World::of([made().living(Life::Live, rolling())]), "True InSync, False Rolling"),
        (World::of([made().living(Life::Live, broken())]), "True InSync, False RolloutFailed"),
        (World::of([made().having(json!({ "limit": 7 }))]), "False Differs, True Ready"),
        (World::of([made().having(json!({ "parts": ["b"] }))]), "False Replacing, True Ready"),
        (World::default(), "False Creating, False Creating"),
        (World { first, ..World::default() }, "False WaitingFor, False WaitingFor"),
        (World { unlisted, ..World::default() }, "Unknown AccessDenied, as before"),
        (World::of([made().failed()]), "False Broken, False Broken"),
        (World::of([made().leaving(true)]), "False Draining, False Draining"),
        (World::of([made().pending()]), "True InSync, False Pending"),
    ] {
        assert_eq!(shown(world, &asked), expected);
    }
}

#[test]
fn what_differs_and_cannot_be_written_yet_is_not_called_in_sync() {
    let (old, new) = (widget(json!({ "parts": ["a"] })), widget(json!({ "parts": ["b"] })));
    // The document changed while its resource was still being made: that is no drift later.
    let outcome = World::of([old.made("w1", 1).pending()]).judge(&new).outcome;
    assert_eq!(
        (told(&outcome).as_str(), outcome.drift),
        ("False Pending, False Pending", vec!["parts".into()])
    );
    // While the replacement is being made, the current one is not as the document says.
    let outcome = World::of([old.made("w1", 1), new.made("w2", 2).pending()]).judge(&new).outcome;
    assert_eq!((outcome.synced.0, outcome.outputs["id"].as_str()), (Truth::False, "w1"));
}

#[test]
fn a_held_step_is_the_reason_and_a_note() {
    let mut asked = widget(json!({}));
    asked.policy.suspend = true;
    assert_eq!(shown(World::default(), &asked), "False Suspended, False Suspended");
    let differs = asked.made("w1", 1).having(json!({ "limit": 7 }));
    let outcome = World::of([differs]).judge(&asked).outcome;
    assert_eq!(told(&outcome), "False Suspended, True Ready");
    assert_eq!((outcome.notes.len(), outcome.drift), (1, vec!["limit".to_owned()]));
    // A twin that may not be removed leaves the document in sync.
    let outcome = World::of([asked.made("w1", 1), asked.made("w2", 1)]).judge(&asked).outcome;
    assert_eq!((told(&outcome).as_str(), outcome.notes.len()), ("True InSync, True Ready", 1));
}

#[test]
fn a_write_that_failed_is_the_reason() {
    let cause = Cause::new("TooManyRequests", "slow down");
    let asked = widget(json!({}));
    let assessment = crate::Assessment {
        verdict: Verdict::InSync,
        current: None,
        copies: Vec::new(),
        surplus: Vec::new(),
        notes: Vec::new(),
        successor: None,
        differs: Vec::new(),
    };
    let outcome = Outcome::of(&assessment, &Step::Rest, Some(cause.clone()));
    assert_eq!(outcome.synced, (Truth::False, cause));
    assert_eq!(asked.policy.deletion(), Deletion::Delete);
}

#[test]
fn a_difference_names_fields_and_tags_but_no_values() {
    let asked = widget(json!({})).label("team", "secret");
    let object = widget(json!({})).made("w1", 1).having(json!({ "limit": 7, "note": "hush" }));
    let outcome = World::of([object]).judge(&asked).outcome;
    assert_eq!(outcome.synced.1.message, "note, limit, tags not as the document says");
    let noted = gadget(&crate::support::NOTED_GADGET);
    let outcome = World::of([noted.made("g1", 1).unmarked()]).judge(&noted).outcome;
    assert_eq!(outcome.synced.1.message, "the owner mark differs");
}
