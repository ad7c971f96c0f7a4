//! Taking over by id and by name, and using what nobody marked.

use serde_json::json;

use crate::support::{GADGET, ME, NOTED_GADGET, WIDGET, World, YARD_GADGET, desired, gadget, line, widget};
use crate::{Adopt, AdoptMatch, Deletion, Desired, Key, Object, Step, Verdict};

fn by_id(id: &str) -> Option<Adopt> {
    Some(Adopt { id: Some(id.to_owned()), ..Adopt::default() })
}

fn by_name() -> Option<Adopt> {
    Some(Adopt { by: Some(AdoptMatch::Name), ..Adopt::default() })
}

fn from(owner: &str, adopt: Option<Adopt>) -> Option<Adopt> {
    adopt.map(|adopt| Adopt { from_owner: Some(owner.to_owned()), ..adopt })
}

fn verdict(asked: &Desired, objects: Vec<Object>) -> String {
    line(&World::of(objects).judge(asked).verdict)
}

#[test]
fn only_what_is_named_is_taken_over_and_only_if_nothing_else_can_be_meant() {
    let asked = widget(json!({}));
    let other = || Key::new("Widget", "other");
    let free = |id: &str| asked.made(id, 1).unmarked();
    let with = |adopt: &Option<Adopt>| {
        let mut asked = asked.clone();
        asked.policy.adopt.clone_from(adopt);
        asked
    };
    for (adopt, objects, expected) in [
        (None, vec![free("w1")], "create 1"),
        (by_id("w1"), vec![free("w1"), free("w2")], "update w1"),
        (by_id("arn:w2"), vec![free("w1"), free("w2")], "update w2"),
        (by_id("w1"), vec![free("w1").called("else")], "update w1"),
        (by_id("w3"), vec![free("w1")], "stalled AdoptNotFound"),
        (by_id("w1"), vec![free("w1").leaving(false)], "stalled AdoptNotFound"),
        (by_id("w1"), vec![free("w1").unread()], "unknown TagsUnread"),
        (by_name(), vec![free("w1"), free("w2").called("else")], "update w1"),
        (by_name(), vec![free("w1"), free("w2")], "stalled AdoptAmbiguous"),
        (by_name(), vec![free("w1").called("else")], "create 1"),
        (by_name(), vec![free("w1").unread()], "unknown TagsUnread"),
        // Another owner's mark is refused but for that very owner's.
        (by_id("w1"), vec![free("w1").owned_by("you", other())], "stalled OwnedByAnother"),
        (by_name(), vec![free("w1").owned_by("you", other())], "stalled OwnedByAnother"),
        (by_name(), vec![free("w1").owned_by("you", other()), free("w2")], "stalled AdoptAmbiguous"),
        (from("them", by_id("w1")), vec![free("w1").owned_by("you", other())], "stalled OwnedByAnother"),
        (from("you", by_id("w1")), vec![free("w1").owned_by("you", other())], "update w1"),
        (from("you", by_name()), vec![free("w1").owned_by("you", asked.key.clone())], "update w1"),
        // One of ours, whose document is gone.
        (by_id("w1"), vec![free("w1").owned_by(ME, other())], "update w1"),
        // Once it is ours nothing else is looked at.
        (by_id("w2"), vec![with(&by_id("w2")).made("w1", 1), free("w2")], "in sync"),
    ] {
        assert_eq!(verdict(&with(&adopt), objects.clone()), expected, "{adopt:?} {objects:#?}");
    }
}

#[test]
fn what_was_taken_over_and_is_gone_is_made_anew() {
    let mut asked = widget(json!({}));
    asked.policy.adopt = by_id("w1");
    let world = World { last_incarnation: 1, ..World::default() };
    assert_eq!(line(&world.judge(&asked).verdict), "create 2");
}

#[test]
fn what_another_document_of_ours_asks_for_stays_its() {
    let mut asked = widget(json!({}));
    asked.policy.adopt = by_id("w1");
    let other = Key::new("Widget", "other");
    let taken = asked.made("w1", 1).owned_by(ME, other.clone());
    let world = World { documents: vec![other], ..World::of([taken]) };
    assert_eq!(line(&world.judge(&asked).verdict), "stalled OwnedByAnother");
    asked.policy.adopt = from(ME, by_id("w1"));
    assert_eq!(line(&world.judge(&asked).verdict), "stalled OwnedByAnother");
}

#[test]
fn taking_over_writes_the_mark_and_keeps_the_resource_when_the_document_goes() {
    let mut asked = widget(json!({}));
    asked.policy.adopt = from("you", by_id("w1"));
    let theirs = asked.made("w1", 4).owned_by("you", Key::new("Widget", "x"));
    let judged = World::of([theirs]).judge(&asked);
    let Verdict::Update(change) = judged.verdict else { panic!("{:?}", judged.verdict) };
    assert_eq!(change.tags.set["hatoba:owner"], ME);
    assert_eq!(change.tags.set["hatoba:document"], "Widget/w");
    assert_eq!(change.tags.set["hatoba:deletion"], "Retain");
    asked.policy.deletion = Some(Deletion::Delete);
    assert_eq!(asked.policy.deletion(), Deletion::Delete);
    assert_eq!(widget(json!({})).policy.deletion(), Deletion::Delete);
}

#[test]
fn a_mark_in_a_description_is_written_too() {
    let mut asked = gadget(&NOTED_GADGET);
    asked.policy.adopt = from("you", by_id("g1"));
    let theirs = asked.made("g1", 1).owned_by("you", Key::new("Gadget", "x"));
    assert_eq!(verdict(&asked, vec![theirs]), "update g1");
    assert_eq!(verdict(&asked, vec![asked.made("g1", 1)]), "in sync");
}

#[test]
fn a_suspended_document_shows_the_difference_and_takes_nothing_over() {
    let mut asked = gadget(&GADGET);
    asked.policy.adopt = by_id("g1");
    asked.policy.suspend = true;
    let free = asked.made("g1", 1).unmarked().having(json!({ "speed": 9 }));
    let judged = World::of([free]).judge(&asked);
    assert_eq!(line(&judged.verdict), "update g1");
    let Step::Hold(cause) = judged.step else { panic!("{:?}", judged.step) };
    assert_eq!(cause.reason.as_str(), "Suspended");
    assert_eq!(asked.table.kind, GADGET.kind);
    assert_eq!(widget(json!({})).table.kind, WIDGET.kind);
}

#[test]
fn what_is_implied_uses_the_only_one_that_nobody_marked_and_never_changes_it() {
    let written = desired(&YARD_GADGET, "g", json!({ "yard": "y1", "speed": 5 }));
    let mut implied = written.clone();
    implied.policy.uses_unmarked = true;
    let free = |id: &str, yard: serde_json::Value| {
        written.made(id, 1).unmarked().having(json!({ "yard": yard, "speed": 9 }))
    };
    let you = || Key::new("Gadget", "g");
    for (asked, objects, expected) in [
        (&implied, vec![free("g1", json!("y1"))], "in sync"),
        (&implied, vec![free("g1", json!("y1")), free("g2", json!("y2"))], "in sync"),
        (&implied, vec![free("g1", json!("y2"))], "create 1"),
        (&implied, vec![free("g1", json!(null))], "unknown NotToldApart"),
        (&implied, vec![free("g1", json!("y1")).unread()], "unknown TagsUnread"),
        (&implied, vec![free("g1", json!("y1")).owned_by("you", you())], "stalled OwnedByAnother"),
        (&implied, vec![written.made("g2", 1), free("g1", json!("y1"))], "in sync"),
        (&implied, vec![free("g1", json!("y1")).leaving(false)], "create 1"),
        // A document that somebody wrote asks for one of its own.
        (&written, vec![free("g1", json!("y1"))], "stalled NotOurs"),
        (&written, vec![free("g1", json!("y2"))], "create 1"),
        (&written, vec![free("g1", json!(null))], "create 1"),
    ] {
        assert_eq!(verdict(asked, objects.clone()), expected, "{objects:#?}");
    }
    let judged = World::of([free("g1", json!("y1"))]).judge(&implied);
    assert_eq!(judged.current.as_deref(), Some("g1"));
    assert_eq!(judged.step, Step::Rest);
    assert_eq!(judged.notes[0].reason.as_str(), "UsedUnmarked");
}
