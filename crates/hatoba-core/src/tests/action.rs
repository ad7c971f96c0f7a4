//! Which one write follows, and what holds it back.

use serde_json::json;

use super::*;
use crate::support::{World, members, widget};
use crate::{Deletion, Key, Object, Readiness, ReplacePolicy};

/// A live widget that differs in these members from the empty document.
fn seen(value: Value) -> Object {
    widget(json!({})).made("w1", 1).having(value)
}

fn step(desired: &Desired, leave: Leave, objects: impl IntoIterator<Item = Object>) -> Step {
    World { leave, ..World::of(objects) }.judge(desired).step
}

/// What a step is, in a word.
fn word(step: &Step) -> String {
    match step {
        Step::Rest => "rest".to_owned(),
        Step::Act(Action::Create(_)) => "create".to_owned(),
        Step::Act(Action::Update(_)) => "update".to_owned(),
        Step::Act(Action::Clear { operation, .. }) => operation.clone(),
        Step::Act(Action::Tag { tags, .. }) => match (tags.set.is_empty(), tags.remove.is_empty()) {
            (false, true) => "set".to_owned(),
            (true, false) => "remove".to_owned(),
            both => format!("{both:?}"),
        },
        Step::Act(Action::Delete(_)) => "delete".to_owned(),
        Step::RemoveSurplus(target) => format!("remove surplus {}", target.id),
        Step::Hold(cause) => format!("hold {}", cause.reason),
        Step::Wait(cause) => format!("wait {}", cause.reason),
        Step::Act(Action::Evict { entry, .. }) => format!("evict {entry}"),
        Step::Act(Action::Refresh(target)) => format!("refresh {}", target.id),
        Step::TakeDown(target) => format!("take down {}", target.id),
    }
}

#[test]
fn suspension_holds_every_write() {
    let suspended = |value| {
        let mut desired = widget(value);
        desired.policy.suspend = true;
        desired
    };
    let asked = suspended(json!({}));
    let tagless = Object { tags: Some(BTreeMap::new()), ..seen(json!({})) };
    for (desired, objects) in [
        (&asked, vec![]),
        (&asked, vec![seen(json!({ "limit": 7 }))]),
        (&asked, vec![seen(json!({ "extra": 7 }))]),
        (&asked, vec![tagless]),
        (&suspended(json!({ "parts": ["a"] })), vec![seen(json!({ "parts": ["b"] }))]),
        (&asked, vec![seen(json!({})), asked.made("w2", 1)]),
    ] {
        assert_eq!(word(&step(desired, Leave::default(), objects.clone())), "hold Suspended", "{objects:?}");
    }
    assert_eq!(word(&step(&asked, Leave::default(), [seen(json!({}))])), "rest");
}

#[test]
fn drift_report_holds_drift_and_not_a_change_of_the_document() {
    let mut asked = widget(json!({}));
    asked.policy.drift = Drift::Report;
    let (change, drift) = (Leave::default(), Leave { is_drift: true, ..Leave::default() });
    let differs = || vec![seen(json!({ "limit": 7 }))];
    assert_eq!(word(&step(&asked, change.clone(), differs())), "update");
    assert_eq!(word(&step(&asked, drift.clone(), differs())), "hold DriftReported");
    assert_eq!(word(&step(&asked, drift.clone(), [])), "hold DriftReported");
    assert_eq!(word(&step(&asked, change.clone(), [])), "create");
    assert_eq!(word(&step(&asked, drift.clone(), [seen(json!({}))])), "rest");
    // A surplus is our own litter, no drift.
    assert_eq!(
        word(&step(&asked, drift.clone(), [seen(json!({})), asked.made("w2", 1)])),
        "remove surplus w2"
    );
    asked.policy.drift = Drift::Repair;
    assert_eq!(word(&step(&asked, drift.clone(), differs())), "update");
    // Suspension is the stronger word.
    asked.policy = crate::Policy { suspend: true, drift: Drift::Report, ..asked.policy };
    assert_eq!(word(&step(&asked, drift.clone(), differs())), "hold Suspended");
}

#[test]
fn nothing_is_sent_while_waiting_unsure_or_stalled() {
    let asked = widget(json!({}));
    let first = [Key::new("Widget", "a")].into();
    let unlisted = Some(Cause::new("Throttled", ""));
    for world in [
        World { first, ..World::default() },
        World { unlisted, ..World::default() },
        World::of([seen(json!({ "limit": 7 })).failed()]),
        World::of([seen(json!({ "limit": 7 })).pending()]),
    ] {
        assert_eq!(world.judge(&asked).step, Step::Rest);
    }
}

/// Carries a step out on the one widget there is, as AWS would.
fn carry_out(object: &mut Object, step: &Step) {
    let Step::Act(action) = step else { panic!("{step:?}") };
    let tags = object.tags.as_mut().expect("the tags were read");
    match action {
        Action::Update(change) => {
            object.members = crate::normalise(&crate::support::WIDGET, change.after.clone())
        }
        Action::Clear { after, .. } => {
            object.members = crate::normalise(&crate::support::WIDGET, after.clone())
        }
        Action::Tag { tags: change, .. } => {
            tags.extend(change.set.clone());
            tags.retain(|key, _| !change.remove.contains(key));
        }
        other => panic!("{other:?}"),
    }
}

/// Every step until there is none left.
fn steps(desired: &Desired, mut object: Object) -> (Vec<String>, Object) {
    let mut taken = Vec::new();
    for _ in 0..9 {
        let next = step(desired, Leave::default(), [object.clone()]);
        if next == Step::Rest {
            return (taken, object);
        }
        taken.push(word(&next));
        carry_out(&mut object, &next);
    }
    panic!("no end: {taken:?}");
}

#[test]
fn what_does_not_bear_our_mark_gets_it_before_anything_of_it_is_changed() {
    let mut asked = widget(json!({})).label("team", "web");
    asked.policy.adopt = Some(crate::Adopt {
        id: Some("w1".to_owned()),
        from_owner: Some("you".to_owned()),
        ..crate::Adopt::default()
    });
    let theirs = seen(json!({ "limit": 7 })).owned_by("you", Key::new("Widget", "x"));
    let (taken, after) = steps(&asked, theirs);
    assert_eq!(taken, ["set", "update", "set"]);
    assert_eq!(after.members, asked.made("w1", 1).members);
}

#[test]
fn while_the_current_one_bears_no_mark_the_other_that_does_stays() {
    let asked = widget(json!({}));
    let [settles, marked] = ["w1", "w2"].map(|id| asked.made(id, 1).pending());
    for (current, expected) in [(settles.clone(), "remove surplus w2"), (settles.unmarked(), "rest")] {
        let world = World { remembered: Some("w1"), ..World::of([current, marked.clone()]) };
        let judged = world.judge(&asked);
        assert_eq!(judged.current.as_deref(), Some("w1"));
        assert_eq!(word(&judged.step), expected);
    }
}

#[test]
fn fields_are_put_right_before_they_are_cleared_and_tags_come_last() {
    let asked = widget(json!({})).label("team", "web");
    let object = seen(json!({ "limit": 7, "sealed": true, "extra": 1, "spare": 2 }));
    let (taken, after) = steps(&asked, object);
    assert_eq!(taken, ["update", "RemoveExtra", "RemoveSpare", "set"]);
    assert_eq!(after.members, asked.made("w1", 1).members);
    assert_eq!(after.tags, asked.made("w1", 1).tags);
}

#[test]
fn a_call_says_only_what_it_does_itself_of_the_members_afterwards() {
    let asked = widget(json!({}));
    let object = seen(json!({ "limit": 7, "extra": 1, "spare": 2 }));
    let Step::Act(Action::Update(change)) = step(&asked, Leave::default(), [object.clone()]) else {
        panic!()
    };
    let paths: Vec<&str> = change.drift.iter().map(|drift| drift.path.as_str()).collect();
    assert_eq!(paths, ["limit"]);
    assert_eq!((&change.after["extra"], &change.after["spare"]), (&json!(1), &json!(2)));
    let object = Object { members: members(json!({ "name": "w", "extra": 1, "spare": 2 })), ..object };
    let Step::Act(Action::Clear { after, .. }) = step(&asked, Leave::default(), [object]) else { panic!() };
    assert_eq!((&after["extra"], &after["spare"]), (&json!(null), &json!(2)));
}

#[test]
fn a_resource_is_never_without_its_mark_while_tags_change() {
    let mut asked = widget(json!({})).label("team", "web");
    let before = asked.clone().label("tier", "x");
    asked.policy.deletion = Some(Deletion::Retain);
    let (taken, after) = steps(&asked, before.made("w1", 1));
    assert_eq!(taken, ["set", "remove", "set"], "mark, labels that go, the list");
    assert_eq!(after.tags, asked.made("w1", 1).tags);
}

#[test]
fn a_label_that_goes_takes_its_tag_along_whatever_else_changes() {
    let of = |labels: &[(&str, &str)]| {
        labels.iter().fold(widget(json!({})), |desired, (key, value)| desired.label(key, value))
    };
    let all: [&[(&str, &str)]; 6] = [
        &[],
        &[("a", "1")],
        &[("a", "2")],
        &[("b", "1")],
        &[("a", "1"), ("b", "1")],
        &[("a", "1"), ("b", "2"), ("c", "3")],
    ];
    for before in all {
        for after in all {
            let mut object = of(before).made("w1", 1);
            object.tags.as_mut().unwrap().insert("Name".into(), "foreign".into());
            let (taken, object) = steps(&of(after), object);
            let mut tags = object.tags.unwrap();
            assert_eq!(tags.remove("Name").as_deref(), Some("foreign"));
            assert_eq!(Some(tags), of(after).made("w1", 1).tags, "{before:?} → {after:?} by {taken:?}");
            assert!(taken.len() <= 2, "{taken:?}");
        }
    }
}

#[test]
fn surplus_goes_only_while_the_document_is_in_sync_or_settling() {
    let asked = widget(json!({}));
    let twin = || asked.made("w2", 1);
    let rolling = seen(json!({})).living(crate::Life::Live, Readiness::Settling(Cause::new("Rolling", "")));
    for (object, expected) in [
        (seen(json!({})), "remove surplus w2"),
        (rolling, "remove surplus w2"),
        (seen(json!({ "limit": 7 })), "update"),
    ] {
        assert_eq!(word(&step(&asked, Leave::default(), [object, twin()])), expected);
    }
    let Step::RemoveSurplus(target) = step(&asked, Leave::default(), [seen(json!({})), twin()]) else {
        panic!()
    };
    assert_eq!((target.kind.as_str(), target.scope.as_str()), ("Widget", ""));
    assert_eq!(target.arn.as_deref(), Some("arn:w2"));
}

#[test]
fn a_surplus_that_is_still_used_does_not_keep_the_others() {
    let asked = widget(json!({}));
    let objects = ["w1", "w2", "w3"].map(|id| asked.made(id, 1));
    let world = World { used: vec!["w1", "w2"], ..World::of(objects) };
    assert_eq!(word(&world.judge(&asked).step), "remove surplus w3");
}

#[test]
fn what_serves_is_not_removed_before_its_successor_does() {
    let asked = widget(json!({}));
    // The first making failed, the second is pending: neither serves, and nothing is removed yet.
    let objects = [asked.made("w1", 1).failed(), asked.made("w2", 2).pending()];
    let judged = World::of(objects).judge(&asked);
    assert_eq!((judged.current.as_deref(), judged.surplus.len()), (Some("w2"), 1));
    assert_eq!(judged.step, Step::Rest);
}

#[test]
fn a_stalled_replacement_writes_nothing() {
    let mut asked = crate::support::gadget(&crate::support::LONE_GADGET);
    let old = asked.made("g1", 1);
    asked.members.insert("core".into(), json!("b"));
    assert_eq!(step(&asked, Leave::default(), [old.clone()]), Step::Rest);
    // The operator's word lets it be taken down; suspending holds that back, and so does reporting drift.
    asked.policy.replace = ReplacePolicy::AllowDowntime;
    let taken_down = |asked: &Desired, leave| word(&step(asked, leave, [old.clone()]));
    assert_eq!(taken_down(&asked, Leave::default()), "take down g1");
    asked.policy.drift = Drift::Report;
    assert_eq!(taken_down(&asked, Leave { is_drift: true, ..Leave::default() }), "hold DriftReported");
    assert_eq!(taken_down(&asked, Leave::default()), "take down g1");
    asked.policy.suspend = true;
    assert_eq!(taken_down(&asked, Leave::default()), "hold Suspended");
}

#[test]
fn what_was_given_up_stays_and_the_rest_is_written() {
    let asked = widget(json!({ "limit": 1 }));
    let object = seen(json!({ "limit": 7, "note": "theirs" }));
    let leave = |fields: &[&str]| Leave {
        given_up: fields.iter().map(|field| (*field).to_owned()).collect(),
        ..Leave::default()
    };
    let Step::Act(Action::Update(change)) = step(&asked, leave(&["limit"]), [object.clone()]) else {
        panic!()
    };
    assert_eq!(change.named(), ["note"]);
    assert_eq!(change.after.get("limit"), Some(&json!(7)), "what is left alone stays as it is");
    let Step::Hold(cause) = step(&asked, leave(&["limit", "note"]), [object]) else { panic!() };
    assert_eq!(cause.reason.as_str(), "NonConverging");
    assert!(cause.message.contains("limit") && cause.message.contains("note"), "{cause}");

    // A replacement that never helps is one too many.
    let parts = widget(json!({ "parts": ["a"] }));
    let old = || [seen(json!({ "parts": ["b"] }))];
    assert_eq!(word(&step(&parts, Leave::default(), old())), "create");
    assert_eq!(word(&step(&parts, leave(&["parts"]), old())), "hold NonConverging");
}

#[test]
fn a_pause_holds_every_write() {
    let asked = widget(json!({}));
    let pause = Some(Cause::new("Paused", "until tomorrow"));
    let paused = || Leave { pause: pause.clone(), ..Leave::default() };
    for objects in [vec![], vec![seen(json!({ "limit": 7 }))], vec![seen(json!({})), asked.made("w2", 1)]] {
        assert_eq!(word(&step(&asked, paused(), objects)), "hold Paused");
    }
    assert_eq!(word(&step(&asked, paused(), [seen(json!({}))])), "rest");
}
