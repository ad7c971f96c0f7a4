//! Finding a document's resource, and what follows where it is found or not.

use serde_json::json;

use super::*;
use crate::support::{
    BORROWED_GADGET, GADGET, LONE_GADGET, ME, NAMED_GADGET, NOTED_GADGET, World, desired, gadget, line,
    widget,
};
use crate::{Cause, Deletion, Seen, Step};

#[path = "assess_replacement.rs"]
mod replacement;
#[path = "revisions.rs"]
mod revisions;
#[path = "assess_tags.rs"]
mod tags;

fn verdict(world: &World, desired: &Desired) -> String {
    line(&world.judge(desired).verdict)
}

#[test]
fn a_list_that_failed_never_creates() {
    let world =
        World { unlisted: Some(Cause::new("AccessDenied", "no")), last_incarnation: 3, ..World::default() };
    for table in [&GADGET, &LONE_GADGET, &NOTED_GADGET, &BORROWED_GADGET, &NAMED_GADGET] {
        let judged = world.judge(&gadget(table));
        assert_eq!(line(&judged.verdict), "unknown AccessDenied");
        assert_eq!(judged.step, Step::Rest);
    }
}

#[test]
fn what_is_absent_is_made_with_an_incarnation_that_was_never_used() {
    let asked = widget(json!({}));
    let going = |n| asked.made("w9", n).leaving(false);
    let strangers = || asked.made("w8", 9).owned_by("you", asked.key.clone());
    for (objects, last, expected) in [
        (vec![], 0, "create 1"),
        (vec![], 4, "create 5"),
        (vec![going(3)], 0, "create 4"),
        (vec![going(3)], 7, "create 8"),
        (vec![strangers()], 0, "create 1"),
        (vec![going(u32::MAX)], 0, "create 4294967295"),
    ] {
        let world = World { last_incarnation: last, ..World::of(objects) };
        assert_eq!(verdict(&world, &asked), expected);
    }
}

#[test]
fn a_creation_is_fully_specified() {
    let mut asked = gadget(&GADGET).label("team", "web");
    asked.policy.deletion = Some(Deletion::Retain);
    let judged = World::default().judge(&asked);
    let Verdict::Create(creation) = judged.verdict else { panic!("{:?}", judged.verdict) };
    assert_eq!(creation.scope, "w1");
    assert_eq!(creation.mark, asked.mark(1));
    assert_eq!(creation.tags, asked.mark(1).to_tags(&asked.labels));
    assert_eq!(creation.tags["hatoba:deletion"], "Retain");
    assert_eq!(creation.members["label"], json!("g"));
}

#[test]
fn those_that_should_come_first_hold_a_creation_and_nothing_else() {
    let asked = gadget(&GADGET);
    let first: BTreeSet<Key> = [Key::new("Widget", "a")].into();
    let absent = World { first: first.clone(), ..World::default() };
    assert_eq!(absent.judge(&asked).verdict, Verdict::WaitingFor(first.clone()));
    let there = World { first, ..World::of([asked.made("g1", 1).having(json!({ "speed": 9 }))]) };
    assert_eq!(verdict(&there, &asked), "update g1");
}

#[test]
fn the_own_mark_finds_it_whatever_it_is_called_now() {
    for table in [&GADGET, &LONE_GADGET, &NOTED_GADGET] {
        let asked = gadget(table);
        let renamed = asked.made("g1", 1).called("by-hand").having(json!({ "label": "by-hand" }));
        let judged = World::of([renamed]).judge(&asked);
        assert_eq!((line(&judged.verdict), judged.current.as_deref()), ("update g1".into(), Some("g1")));
    }
}

#[test]
fn another_owners_mark_is_respected() {
    let unique = gadget(&GADGET);
    let other = unique.made("g1", 1).owned_by("you", unique.key.clone());
    let judged = World::of([other.clone()]).judge(&unique);
    assert_eq!((line(&judged.verdict), judged.step), ("stalled OwnedByAnother".into(), Step::Rest));
    // Also where this process thought that it was its own.
    let world = World { remembered: Some("g1"), ..World::of([other]) };
    assert_eq!(verdict(&world, &unique), "stalled OwnedByAnother");

    let any = widget(json!({}));
    assert_eq!(verdict(&World::of([any.made("w1", 1).owned_by("you", any.key.clone())]), &any), "create 1");
}

#[test]
fn another_document_of_ours_keeps_its_resource_while_it_is_a_document() {
    let asked = gadget(&GADGET);
    let other = Key::new("Gadget", "other");
    let object = asked.made("g1", 1).owned_by(ME, other.clone());
    let held = World { documents: vec![other], ..World::of([object.clone()]) };
    assert_eq!(verdict(&held, &asked), "stalled OwnedByAnother");

    // Its document is gone: this one is its new name.
    let judged = World::of([object]).judge(&asked);
    let Verdict::Update(change) = judged.verdict else { panic!("{:?}", judged.verdict) };
    assert_eq!(change.tags.set, BTreeMap::from([("hatoba:document".into(), "Gadget/g".into())]));
    assert_eq!(judged.current.as_deref(), Some("g1"));

    // A document of another kind, or a resource of another name, is no renaming.
    let kinds = asked.made("g1", 1).owned_by(ME, Key::new("Widget", "gone"));
    assert_eq!(verdict(&World::of([kinds]), &asked), "stalled OwnedByAnother");
    let elsewhere = asked.made("g1", 1).owned_by(ME, Key::new("Gadget", "gone")).called("x");
    assert_eq!(verdict(&World::of([elsewhere]), &asked), "create 1");
}

#[test]
fn tags_that_were_not_read_are_no_reason_to_create() {
    let asked = gadget(&LONE_GADGET);
    let unread = asked.made("g1", 1).unread();
    assert_eq!(verdict(&World::of([unread.clone()]), &asked), "unknown TagsUnread");
    // It may have been renamed in AWS; this process knows its id.
    let renamed = unread.clone().called("by-hand");
    let world = World { remembered: Some("g1"), ..World::of([renamed.clone()]) };
    assert_eq!(verdict(&world, &asked), "unknown TagsUnread");
    assert_eq!(verdict(&World::of([renamed]), &asked), "create 1");
    // Where the own mark is seen on another, it does not matter.
    assert_eq!(verdict(&World::of([unread, asked.made("g2", 1)]), &asked), "in sync");
    let any = widget(json!({}));
    assert_eq!(verdict(&World::of([any.made("w1", 1).unread()]), &any), "unknown TagsUnread");
}

#[test]
fn an_unmarked_resource_in_the_way_stalls_only_where_names_are_unique() {
    let lone = gadget(&LONE_GADGET);
    let judged = World::of([lone.made("g1", 1).unmarked()]).judge(&lone);
    assert_eq!((line(&judged.verdict), judged.current), ("stalled NotOurs".into(), None));
    let any = widget(json!({}));
    assert_eq!(verdict(&World::of([any.made("w1", 1).unmarked()]), &any), "create 1");
}

#[test]
fn an_unmarked_child_of_that_name_in_our_parent_is_taken_over_once_its_tags_are_read() {
    let asked = gadget(&GADGET);
    let unmarked = asked.made("g1", 1).unmarked();
    let judged = World::of([unmarked.clone()]).judge(&asked);
    let Verdict::Update(change) = judged.verdict else { panic!("{:?}", judged.verdict) };
    assert_eq!(change.tags.set, asked.mark(1).to_tags(&BTreeMap::new()));

    let mut untagged = unmarked.clone();
    untagged.tags = None;
    assert_eq!(verdict(&World::of([untagged]), &asked), "stalled NotOurs");
    assert_eq!(verdict(&World::of([unmarked.called("other")]), &asked), "create 1");
}

#[test]
fn an_inherited_mark_is_the_mark_of_what_it_points_to() {
    let raw = gadget(&BORROWED_GADGET);
    let asked = gadget(&BORROWED_GADGET).refers("widgetId", Key::new("Widget", "w"));
    let made = || asked.made("g1", 1);
    let cog = Key::new("Cog", "c");
    for (object, expected) in [
        (made().owned_by(ME, cog.clone()), "in sync"),
        (made().owned_by(ME, cog.clone()).having(json!({ "speed": 9 })), "update g1"),
        (made().owned_by("you", cog.clone()), "stalled OwnedByAnother"),
        (made().unmarked(), "in sync"),
        (made().unread(), "unknown TagsUnread"),
        (made().owned_by(ME, cog.clone()).called("x"), "create 1"),
        (made().unmarked().called("x"), "create 1"),
    ] {
        assert_eq!(verdict(&World::of([object.clone()]), &asked), expected, "{object:?}");
    }
    // A parent that no document names is not ours: what stands in it under our key is somebody's.
    assert_eq!(verdict(&World::of([made().unmarked()]), &raw), "stalled NotOurs");
    assert_eq!(verdict(&World::of([made().owned_by(ME, cog.clone())]), &raw), "in sync");
    // What points to a third making of a cog is not itself a third making.
    let mut third = made().owned_by(ME, cog);
    if let Seen::Present(mark) = &mut third.mark {
        mark.incarnation = 3;
    }
    assert_eq!(verdict(&World::of([third]), &asked), "in sync");
}

#[test]
fn a_changed_key_is_an_update_where_the_old_one_is_known_to_be_the_documents_or_cannot_stay_beside_it() {
    let asked = gadget(&BORROWED_GADGET).refers("widgetId", Key::new("Widget", "w"));
    let label = asked.natural_key().unwrap().to_owned();
    let ours = |label: &str| {
        let made = asked.made("g1", 1).owned_by(ME, Key::new("Cog", "c"));
        made.called(label).having(json!({ "label": label }))
    };
    let known = Some("g1");
    for (object, remembered, claimed, expected) in [
        (ours("old"), known, vec![], "update g1"),
        (ours("old"), None, vec![], "create 1"),
        (ours("old"), Some("g2"), vec![], "create 1"),
        (ours("old"), known, vec!["old".to_owned()], "create 1"),
        (ours(&label.to_uppercase()), None, vec![], "update g1"),
        (ours(&label.to_uppercase()), None, vec![label.to_uppercase()], "create 1"),
        (ours("fixed"), known, vec![], "create 1"),
        (ours("old").owned_by("you", Key::new("Cog", "c")), known, vec![], "create 1"),
        (ours("old").unmarked(), known, vec![], "create 1"),
    ] {
        let world =
            World { remembered, claimed: claimed.iter().cloned().collect(), ..World::of([object.clone()]) };
        assert_eq!(verdict(&world, &asked), expected, "{remembered:?} {claimed:?} {object:?}");
    }
    // The one that has the key comes first, whatever else is remembered.
    let world = World { remembered: Some("g2"), ..World::of([ours(&label), ours("old")]) };
    assert_eq!(verdict(&world, &asked), "in sync");
}

#[test]
fn a_remembered_resource_whose_mark_was_lost_is_repaired_not_made_again() {
    for table in [&LONE_GADGET, &GADGET] {
        let asked = gadget(table);
        let lost = asked.made("g1", 1).unmarked().called("by-hand");
        let world = World { remembered: Some("g1"), ..World::of([lost]) };
        let Verdict::Update(change) = world.judge(&asked).verdict else { panic!("not an update") };
        assert_eq!(change.tags.set, asked.mark(1).to_tags(&BTreeMap::new()));
    }
    let noted = gadget(&NOTED_GADGET);
    let lost = noted.made("g1", 1).unmarked().having(json!({ "speed": 9 }));
    let world = World { remembered: Some("g1"), ..World::of([lost]) };
    assert_eq!(verdict(&world, &noted), "update g1");
}

#[test]
fn an_edited_description_is_found_again_by_content_alone() {
    let mut asked = gadget(&NOTED_GADGET);
    asked.members.insert("description".into(), json!("orders"));
    let edited = || asked.made("g1", 1).unmarked().having(json!({ "description": "by hand" }));
    let judged = World::of([edited()]).judge(&asked);
    let Verdict::Update(change) = judged.verdict else { panic!("{:?}", judged.verdict) };
    assert_eq!((change.mark, change.drift.len()), (asked.mark(1), 1));

    // Only the mark was cut off: nothing differs, and yet it is written.
    let cut = asked.made("g1", 1).unmarked();
    let judged = World::of([cut]).judge(&asked);
    let Verdict::Update(change) = &judged.verdict else { panic!("{:?}", judged.verdict) };
    assert!(change.drift.is_empty() && change.tags.is_empty());
    assert!(matches!(judged.step, Step::Act(crate::Action::Update(_))), "{:?}", judged.step);

    assert_eq!(verdict(&World::of([edited().having(json!({ "speed": 9 }))]), &asked), "create 1");
    let mut twin = edited();
    twin.id = "g2".into();
    assert_eq!(verdict(&World::of([edited(), twin]), &asked), "create 1", "nobody knows which");
    assert_eq!(verdict(&World::of([edited().leaving(false)]), &asked), "create 1");
}

#[test]
fn what_is_not_live_is_waited_for_or_shown_and_never_written() {
    let asked = widget(json!({ "limit": 5 }));
    let made = || asked.made("w1", 1);
    let differs = json!({ "limit": 6 });
    for (object, expected) in [
        (made().pending(), "settling Pending"),
        (made().pending().having(differs.clone()), "settling Pending"),
        (made().living(Life::Pending, Readiness::Ready), "settling NotLive"),
        (made().living(Life::Pending, Readiness::Ready).having(differs.clone()), "settling NotLive"),
        (made().failed(), "stalled Broken"),
        (made().failed().having(differs.clone()), "stalled Broken"),
        (made().living(Life::Failed, Readiness::Ready), "stalled NotLive"),
    ] {
        let judged = World::of([object.clone()]).judge(&asked);
        assert_eq!((line(&judged.verdict).as_str(), &judged.step), (expected, &Step::Rest), "{object:?}");
    }
}

#[test]
fn what_lives_is_put_right_whether_it_has_settled_or_not() {
    let asked = widget(json!({ "limit": 5 }));
    let settling = Readiness::Settling(Cause::new("Rolling", ""));
    let broken = Readiness::NotReady(Cause::new("RolloutFailed", ""));
    for (readiness, same, other) in [
        (Readiness::Ready, "in sync", "update w1"),
        (settling, "settling Rolling", "update w1"),
        (broken, "in sync", "update w1"),
    ] {
        let object = asked.made("w1", 1).living(Life::Live, readiness);
        assert_eq!(verdict(&World::of([object.clone()]), &asked), same);
        assert_eq!(verdict(&World::of([object.having(json!({ "limit": 6 }))]), &asked), other);
    }
}

#[test]
fn what_goes_away_is_in_the_way_only_while_it_holds_the_name() {
    let unique = gadget(&LONE_GADGET);
    let any = widget(json!({}));
    for (asked, holds_name, expected) in [
        (&unique, true, "settling Draining"),
        (&unique, false, "create 2"),
        (&any, true, "settling Draining"),
        (&any, false, "create 2"),
    ] {
        let going = asked.made("x1", 1).leaving(holds_name);
        assert_eq!(verdict(&World::of([going]), asked), expected);
        // Whose it was does not matter any more.
        let unread = asked.made("x1", 1).leaving(holds_name).unread();
        let expected = expected.replace('2', "1");
        assert_eq!(verdict(&World::of([unread]), asked), expected);
    }
    assert_eq!(verdict(&World::of([unique.made("x1", 1).leaving(true).called("x")]), &unique), "create 2");
}

#[test]
fn an_update_names_its_target_and_all_members_as_they_will_be() {
    let mut asked = desired(&GADGET, "g", json!({ "widgetId": "w1", "speed": 7 }));
    asked.policy.deletion = Some(Deletion::Retain);
    let object = asked.made("g1", 4).having(json!({ "speed": 9, "colour": "red", "description": "x" }));
    let judged = World::of([object]).judge(&asked);
    let Verdict::Update(change) = judged.verdict else { panic!("{:?}", judged.verdict) };
    assert_eq!((change.target.id.as_str(), change.target.scope.as_str()), ("g1", "w1"));
    assert_eq!(change.target.arn.as_deref(), Some("arn:g1"));
    assert_eq!(change.mark, asked.mark(4));
    assert_eq!(change.after["speed"], json!(7));
    assert_eq!(change.after["colour"], json!("red"), "what the table does not list stays");
    assert_eq!(change.after["description"], json!(""));
    assert!(change.touches("speed") && !change.touches("colour") && !change.touches("spe"));
}
