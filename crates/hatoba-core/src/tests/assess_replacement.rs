//! More than one resource of a document: replacements and twins.

use super::*;
use crate::support::{FIXED_GADGET, NAMED_GADGET, RESTING_GADGET, WIDGET, gadget, line, resolved};

/// A widget whose parts cannot be changed in place.
fn asked(parts: &[&str]) -> Desired {
    widget(json!({ "parts": parts }))
}

fn twin(ids: &[&str]) -> Vec<(String, SurplusKind)> {
    ids.iter().map(|id| ((*id).to_owned(), SurplusKind::Twin)).collect()
}

fn superseded(ids: &[&str]) -> Vec<(String, SurplusKind)> {
    ids.iter().map(|id| ((*id).to_owned(), SurplusKind::Superseded)).collect()
}

#[test]
fn what_cannot_change_in_place_is_made_beside_the_old_one() {
    let old = asked(&["a"]);
    let new = asked(&["b"]);
    let judged = World::of([old.made("w1", 3)]).judge(&new);
    let Verdict::Replace(creation, drift) = &judged.verdict else { panic!("{:?}", judged.verdict) };
    assert_eq!(creation.mark, new.mark(4));
    assert_eq!(creation.members["parts"], json!(["b"]));
    assert_eq!(drift.len(), 1);
    assert_eq!(judged.current.as_deref(), Some("w1"));
    assert!(matches!(judged.step, Step::Act(crate::Action::Create(_))));
}

#[test]
fn a_replacement_never_takes_a_number_that_was_used() {
    let old = asked(&["a"]);
    let new = asked(&["b"]);
    for (others, last, expected) in [
        (vec![], 0, "replace 2"),
        (vec![], 6, "replace 7"),
        (vec![new.made("w2", 2).leaving(false)], 0, "replace 3"),
        (vec![new.made("w2", 5).leaving(false)], 3, "replace 6"),
    ] {
        let objects = [old.made("w1", 1)].into_iter().chain(others);
        let world = World { last_incarnation: last, ..World::of(objects) };
        assert_eq!(verdict(&world, &new), expected);
    }
    assert_eq!(verdict(&World::of([old.made("w1", u32::MAX)]), &new), "replace 4294967295");
}

#[test]
fn while_the_new_one_is_pending_nothing_more_is_made() {
    let (old, new) = (asked(&["a"]), asked(&["b"]));
    let odd = new.made("w2", 2).living(Life::Pending, Readiness::Ready);
    for pending in [new.made("w2", 2).pending(), odd] {
        for objects in [[old.made("w1", 1), pending.clone()], [pending.clone(), old.made("w1", 1)]] {
            let judged = World { last_incarnation: 2, ..World::of(objects) }.judge(&new);
            assert!(matches!(judged.verdict, Verdict::Settling(_)), "{:?}", judged.verdict);
            assert_eq!((judged.current.as_deref(), judged.step), (Some("w1"), Step::Rest));
            assert_eq!(judged.surplus, []);
        }
    }
}

#[test]
fn once_usable_the_new_one_is_current_and_the_old_one_goes() {
    let (old, new) = (asked(&["a"]), asked(&["b"]));
    let judged = World::of([old.made("w1", 1), new.made("w2", 2)]).judge(&new);
    assert_eq!(line(&judged.verdict), "in sync");
    assert_eq!(judged.current.as_deref(), Some("w2"));
    assert_eq!(judged.surplus, superseded(&["w1"]));
    assert!(matches!(&judged.step, Step::RemoveSurplus(target) if target.id == "w1"), "{:?}", judged.step);
}

/// Renamed and back again before the old one went: AWS would refuse a second one of that name, and it is what is asked
/// for. What became of the other one does not matter.
#[test]
fn a_name_that_comes_back_is_taken_back_while_its_old_resource_is_there() {
    let old = gadget(&FIXED_GADGET);
    let mut new = old.clone();
    new.members.insert("label".into(), json!("h"));
    let settling = Readiness::Settling(Cause::new("RolloutInProgress", "0 of 1 tasks run"));
    let second = new.made("g2", 2);
    for second in [
        second.clone(),
        second.clone().living(Life::Live, settling.clone()),
        second.clone().pending(),
        second.clone().failed(),
    ] {
        let judged = World::of([second, old.made("g1", 1)]).judge(&old);
        assert_eq!((line(&judged.verdict).as_str(), judged.current.as_deref()), ("in sync", Some("g1")));
        assert_eq!(judged.surplus, superseded(&["g2"]));
        assert!(
            matches!(&judged.step, Step::RemoveSurplus(target) if target.id == "g2"),
            "{:?}",
            judged.step
        );
    }
    // On its way there it is what is asked for already, and the other one serves until it has arrived.
    let first = old.made("g1", 1).living(Life::Live, settling);
    let judged = World::of([first, second.clone()]).judge(&old);
    assert_eq!((judged.current.as_deref(), judged.step), (Some("g1"), Step::Rest));
    let leaving = World::of([old.made("g1", 1).leaving(true), second.clone()]);
    assert_eq!(verdict(&leaving, &old), "settling Draining");
    assert_eq!(verdict(&World::of([second]), &old), "replace 3");
}

/// What has been brought to rest, or cannot become what is asked for, is not taken back: it goes, and is made anew.
#[test]
fn a_name_that_comes_back_too_late_waits_for_its_old_resource_to_go() {
    let asked = |label: &str, core: &str| {
        let mut asked = gadget(&RESTING_GADGET);
        asked.members.extend([("label".to_owned(), json!(label)), ("core".to_owned(), json!(core))]);
        asked
    };
    let settling = Readiness::Settling(Cause::new("RolloutInProgress", "0 of 1 tasks run"));
    let runs = asked("h", "a").made("g2", 2).having(json!({ "speed": 5 }));
    let rests = asked("g", "a").made("g1", 1).having(json!({ "speed": 0 }));
    let starts = runs.clone().living(Life::Live, settling);
    let turns = asked("g", "a").made("g1", 1).having(json!({ "speed": 5 }));
    for (first, second, core) in [(&rests, &runs, "a"), (&rests, &starts, "a"), (&turns, &runs, "b")] {
        let judged = World::of([first.clone(), second.clone()]).judge(&asked("g", core));
        assert_eq!(
            (line(&judged.verdict).as_str(), judged.current.as_deref()),
            ("settling Draining", Some("g2"))
        );
        assert!(
            matches!(&judged.step, Step::RemoveSurplus(target) if target.id == "g1"),
            "{:?}",
            judged.step
        );
    }
    // It still serves, and what is to take its place is not well, or has been brought to rest itself.
    let judged = World::of([turns.clone(), starts]).judge(&asked("g", "b"));
    assert_eq!((line(&judged.verdict).as_str(), judged.step), ("stalled NeedsDowntime", Step::Rest));
    let second_rests = asked("h", "a").made("g2", 2).having(json!({ "speed": 0 }));
    for core in ["a", "b"] {
        for label in ["g", "h"] {
            let judged = World::of([turns.clone(), second_rests.clone()]).judge(&asked(label, core));
            let takes = |step: &Step| matches!(step, Step::RemoveSurplus(target) if target.id == "g1");
            assert!(!takes(&judged.step), "{label} {core}: {:?}", judged.step);
        }
    }
    // One that rests for a reason of its own stays until the new one runs.
    let failing = runs.living(Life::Live, Readiness::NotReady(Cause::new("RolloutFailed", "no")));
    let judged = World::of([rests, failing]).judge(&asked("h", "a"));
    assert_eq!((judged.current.as_deref(), judged.step), (Some("g2"), Step::Rest));
}

#[test]
fn users_of_the_old_one_do_not_make_it_current() {
    let (old, new) = (asked(&["a"]), asked(&["b"]));
    let world = World { used: vec!["w1"], ..World::of([old.made("w1", 1), new.made("w2", 2)]) };
    assert_eq!(world.judge(&new).current.as_deref(), Some("w2"));
}

#[test]
fn a_new_one_that_failed_stalls_and_the_old_one_stays_current() {
    let (old, new) = (asked(&["a"]), asked(&["b"]));
    let judged = World::of([old.made("w1", 1), new.made("w2", 2).failed()]).judge(&new);
    assert_eq!(line(&judged.verdict), "stalled Broken");
    assert_eq!((judged.current.as_deref(), judged.step), (Some("w1"), Step::Rest));
    // Of two that were made with one number, the one that may still get there speaks, in any order.
    let failed = || new.made("w2", 2).failed();
    let pending = || new.made("w3", 2).pending();
    for pair in [[failed(), pending()], [pending(), failed()]] {
        let objects = [old.made("w1", 1)].into_iter().chain(pair);
        assert_eq!(verdict(&World::of(objects), &new), "settling Pending");
    }
}

#[test]
fn a_document_that_was_mended_gets_another_try_after_a_failure() {
    let (old, bad, mended) = (asked(&["a"]), asked(&["b"]), asked(&["c"]));
    assert_eq!(verdict(&World::of([bad.made("w1", 1).failed()]), &mended), "replace 2");
    let both = || vec![old.made("w1", 1), bad.made("w2", 2).failed()];
    assert_eq!(verdict(&World::of(both()), &mended), "replace 3");
    // Asked for no more, it goes; asked for, it stays and says why it failed.
    let judged = World::of(both()).judge(&old);
    assert_eq!((line(&judged.verdict).as_str(), judged.current.as_deref()), ("in sync", Some("w1")));
    assert_eq!(judged.surplus, superseded(&["w2"]));
    assert!(matches!(&judged.step, Step::RemoveSurplus(target) if target.id == "w2"), "{:?}", judged.step);
    assert_eq!(World::of(both()).judge(&bad).surplus, []);
    let third = both().into_iter().chain([mended.made("w3", 3).pending()]);
    assert_eq!(verdict(&World::of(third), &mended), "settling Pending");
    let judged = World::of(both().into_iter().chain([mended.made("w3", 3)])).judge(&mended);
    assert_eq!(judged.surplus, superseded(&["w1", "w2"]));
}

/// A gadget whose core cannot be changed, as it is and as it is asked for.
fn cores() -> (Desired, Desired) {
    let mut old = gadget(&LONE_GADGET);
    old.members.insert("core".into(), json!("a"));
    let mut new = old.clone();
    new.members.insert("core".into(), json!("b"));
    (old, new)
}

#[test]
fn a_resource_whose_name_is_unique_is_taken_down_first_if_that_is_allowed() {
    let (old, mut new) = cores();
    let taken_down = Step::TakeDown(crate::Target {
        kind: "Gadget".to_owned(),
        scope: "w1".to_owned(),
        id: "g1".to_owned(),
        arn: Some("arn:g1".to_owned()),
    });
    for (policy, expected, step) in [
        (ReplacePolicy::MakeBeforeBreak, "stalled NeedsDowntime", Step::Rest),
        (ReplacePolicy::AllowDowntime, "take down g1", taken_down),
    ] {
        new.policy.replace = policy;
        let judged = World::of([old.made("g1", 1)]).judge(&new);
        assert_eq!((line(&judged.verdict).as_str(), judged.step), (expected, step));
        assert_eq!(judged.current.as_deref(), Some("g1"));
        assert_eq!(judged.outcome.synced.0, crate::Truth::False);
        assert_eq!(verdict(&World::of([old.made("g1", 1).failed()]), &new), "stalled Broken");
        // On its way out it is waited for, and once it is gone the next one is made.
        assert_eq!(verdict(&World::of([old.made("g1", 1).leaving(true)]), &new), "settling Draining");
        let gone = World { last_incarnation: 1, ..World::of([]) };
        assert_eq!(verdict(&gone, &new), "create 2");
        assert_eq!(verdict(&World::of([new.made("g2", 2)]), &new), "in sync");
    }
}

#[test]
fn nothing_is_taken_down_whose_mark_is_not_beyond_doubt() {
    let (old, mut new) = cores();
    new.policy.replace = ReplacePolicy::AllowDowntime;
    for (object, expected) in [
        (old.made("g1", 1).unread(), "unknown TagsUnread"),
        (old.made("g1", 1).unmarked(), "stalled NotOurs"),
        (old.made("g1", 1).owned_by("other", new.key.clone()), "stalled OwnedByAnother"),
    ] {
        assert_eq!(verdict(&World::of([object]), &new), expected);
    }
    let unlisted = World { unlisted: Some(Cause::new("CallFailed", "no")), ..World::of([]) };
    assert_eq!(verdict(&unlisted, &new), "unknown CallFailed");
}

#[test]
fn what_can_be_changed_in_place_is_though_the_rest_needs_a_gap() {
    let (old, mut new) = cores();
    new.members.insert("speed".into(), json!(7));
    let judged = World::of([old.made("g1", 1)]).judge(&new);
    let Verdict::Update(change) = &judged.verdict else { panic!("{:?}", judged.verdict) };
    let paths: Vec<&str> = change.drift.iter().map(|drift| drift.path.as_str()).collect();
    assert_eq!(paths, ["speed"]);
    assert_eq!(change.after["core"], json!("a"), "what is not changed is sent as it is");
    assert_eq!(judged.notes.len(), 1);
    assert_eq!(judged.notes[0].reason.as_str(), "NeedsDowntime");
    let mended = old.made("g1", 1).having(json!({ "speed": 7 }));
    assert_eq!(verdict(&World::of([mended]), &new), "stalled NeedsDowntime");
    // With the operator's word it is one replacement, and nothing is written to what goes.
    new.policy.replace = ReplacePolicy::AllowDowntime;
    assert_eq!(verdict(&World::of([old.made("g1", 1)]), &new), "take down g1");
}

#[test]
fn what_stands_in_something_that_goes_goes_first_or_holds_it() {
    let (asked, _) = cores();
    let parent = Key::new("Widget", "w");
    let world = |objects: Vec<Object>| World { leaving: Some(parent.clone()), ..World::of(objects) };
    assert_eq!(verdict(&world(vec![asked.made("g1", 1)]), &asked), "stalled NeedsDowntime");
    let mut allowed = asked.clone();
    allowed.policy.replace = ReplacePolicy::AllowDowntime;
    let judged = world(vec![asked.made("g1", 1)]).judge(&allowed);
    let Verdict::TakeDown(_, drift) = &judged.verdict else { panic!("{:?}", judged.verdict) };
    assert_eq!((drift[0].path.as_str(), &drift[0].to), ("widgetId", &json!("(after Widget/w)")));
    // Gone, it waits for the new parent and is not made in the old one.
    for asked in [&asked, &allowed] {
        assert_eq!(verdict(&world(Vec::new()), asked), "waiting for 1");
    }
}

#[test]
fn what_has_let_go_waits_for_what_it_names_and_is_not_made_without_it() {
    let asked = gadget(&LONE_GADGET);
    let released = BTreeSet::from([Key::new("Cog", "c")]);
    let world = |objects: Vec<Object>| World { released: released.clone(), ..World::of(objects) };
    assert_eq!(verdict(&world(vec![asked.made("g1", 1)]), &asked), "waiting for 1");
    assert_eq!(verdict(&world(Vec::new()), &asked), "waiting for 1");
    let differs = asked.made("g1", 1).having(json!({ "speed": 9 }));
    assert_eq!(verdict(&world(vec![differs]), &asked), "update g1");
}

#[test]
fn a_superseded_one_stays_until_what_runs_behind_the_new_one_is_well() {
    let (old, new) = (asked(&["a"]), asked(&["b"]));
    let starting = Readiness::Settling(Cause::new("RolloutInProgress", "0 of 1 tasks run"));
    let failed = Readiness::NotReady(Cause::new("RolloutFailed", "tasks failed to start"));
    for poor in [starting, failed] {
        let judged = World::of([old.made("w1", 1), new.made("w2", 2).living(Life::Live, poor)]).judge(&new);
        assert_eq!((judged.current.as_deref(), judged.step), (Some("w2"), Step::Rest));
        assert_eq!(judged.surplus, superseded(&["w1"]));
    }
}

#[test]
fn of_twins_the_used_one_stays_else_the_oldest_else_the_smallest_id() {
    let asked = asked(&["a"]);
    let made = |id: &str, at: Option<i64>| asked.made(id, 1).aged(at);
    let (old, new) = (Some(1), Some(2));
    for (objects, used, current, rest) in [
        (vec![made("a", new), made("b", old)], vec![], "b", vec!["a"]),
        (vec![made("a", new), made("b", old)], vec!["a"], "a", vec!["b"]),
        (vec![made("a", new), made("b", old)], vec!["a", "b"], "b", vec!["a"]),
        (vec![made("b", old), made("a", old)], vec![], "a", vec!["b"]),
        (vec![made("a", None), made("b", new)], vec![], "b", vec!["a"]),
        (vec![made("a", None), made("b", None), made("c", None)], vec!["c"], "c", vec!["a", "b"]),
        (vec![made("a", old).pending(), made("b", new)], vec!["a"], "b", vec!["a"]),
        (vec![made("a", old).failed(), made("b", new).pending()], vec![], "a", vec!["b"]),
        (vec![made("a", old).leaving(false), made("b", new)], vec![], "b", vec![]),
    ] {
        let world = World { used, ..World::of(objects.clone()) };
        let judged = world.judge(&asked);
        assert_eq!((judged.current.as_deref(), &judged.surplus), (Some(current), &twin(&rest)));
        // Lists come in any order.
        let world = World { used: world.used, ..World::of(objects.into_iter().rev()) };
        let turned = world.judge(&asked);
        assert_eq!((turned.current, turned.surplus), (judged.current, judged.surplus));
    }
}

#[test]
fn of_twins_the_one_that_ours_use_stays_before_one_that_only_others_use() {
    // Marks that were copied onto an older thing, which has users of its own.
    let asked = asked(&["a"]);
    let objects = [asked.made("copied", 1).aged(Some(1)), asked.made("w1", 1).aged(Some(2))];
    for (remembered, current) in [(None, "w1"), (Some("copied"), "w1"), (Some("w1"), "w1")] {
        let (used, used_by_others) = (vec!["w1"], vec!["copied"]);
        let judged = World { used, used_by_others, remembered, ..World::of(objects.clone()) }.judge(&asked);
        assert_eq!(judged.current.as_deref(), Some(current));
    }
}

#[test]
fn of_twins_that_only_others_use_the_known_one_stays_and_without_one_nothing_is_done() {
    let asked = asked(&["a"]);
    let made = |id: &str, at| asked.made(id, 1).aged(Some(at));
    let objects = [made("copied", 1), made("w1", 2), made("w2", 3)];
    for used_by_others in [vec!["copied"], vec!["copied", "w1"], vec!["copied", "w1", "w2"]] {
        let judge = |remembered| {
            World { used_by_others: used_by_others.clone(), remembered, ..World::of(objects.clone()) }
                .judge(&asked)
        };
        for remembered in [None, Some("gone")] {
            let judged = judge(remembered);
            let Verdict::Stalled(cause) = &judged.verdict else { panic!("{judged:?}") };
            assert_eq!((cause.reason.as_str(), judged.current), ("DuplicateInUse", None));
        }
        for known in ["copied", "w1", "w2"] {
            let judged = judge(Some(known));
            assert_eq!((judged.current.as_deref(), &judged.verdict), (Some(known), &Verdict::InSync));
            let mut rest = used_by_others.clone();
            rest.retain(|id| *id != known);
            assert_eq!(judged.surplus, twin(&rest), "what nobody uses may be another process's");
        }
    }
}

#[test]
fn what_bears_no_mark_is_never_surplus() {
    let asked = asked(&["a"]);
    for (lost, used) in [("w1", vec!["w2"]), ("w1", vec![]), ("w2", vec!["w1"])] {
        let objects = ["w1", "w2"].map(|id| match id == lost {
            true => asked.made(id, 1).unmarked(),
            false => asked.made(id, 1),
        });
        let remembered = if lost == "w1" { "w1" } else { "w2" };
        let judged = World { used, remembered: Some(remembered), ..World::of(objects) }.judge(&asked);
        assert!(judged.surplus.iter().all(|(id, _)| id != lost), "{judged:?}");
    }
}

#[test]
fn the_world_never_needs_more_creates_than_one_per_change() {
    // From any mix of two makings in any state: at most one create is asked for, and only if no live or
    // pending resource is already as the document says.
    let (old, new) = (asked(&["a"]), asked(&["b"]));
    let states = |desired: &Desired, id: &str, n| {
        let made = desired.made(id, n);
        [
            None,
            Some(made.clone()),
            Some(made.clone().pending()),
            Some(made.clone().failed()),
            Some(made.leaving(false)),
        ]
    };
    for first in states(&old, "w1", 1) {
        for second in states(&new, "w2", 2) {
            let objects: Vec<Object> = first.iter().chain(&second).cloned().collect();
            let judged = World::of(objects.clone()).judge(&new);
            let fits = |object: &Object| {
                diff(&new, &resolved(&new), &object.members).drift.is_empty() && !object.is_leaving()
            };
            if matches!(judged.verdict, Verdict::Create(_) | Verdict::Replace(..)) {
                assert!(!objects.iter().any(fits), "{objects:?}");
                assert!(objects.iter().all(|o| o.life != Life::Pending), "{objects:?}");
            }
        }
    }
    assert_eq!(WIDGET.replace, ReplaceStyle::MakeBeforeBreak);
}

/// A gadget that is known by its name, in a widget of ours, as the inventory shows it.
fn named() -> Desired {
    gadget(&NAMED_GADGET).refers("widgetId", Key::new("Widget", "w"))
}

fn nobodys(asked: &Desired, id: &str, incarnation: u32) -> Object {
    let mut object = asked.made(id, incarnation);
    object.mark = Seen::Present(Mark { owner: String::new(), ..asked.mark(incarnation) });
    object
}

fn confirmed(asked: &Desired, id: &str, incarnation: u32) -> Object {
    // The mark is the parent's but for the number.
    let mut object = asked.made(id, incarnation);
    object.mark = Seen::Present(Mark { document: Key::new("Widget", "w"), ..asked.mark(incarnation) });
    object
}

#[test]
fn what_is_known_by_name_is_found_replaced_and_cleared_away_by_name() {
    let asked = named();
    let mut new = named();
    new.members.insert("core".into(), json!("other"));
    for (objects, asked, expected, surplus) in [
        (vec![], &asked, "create 1", 0),
        // Nobody has confirmed it yet, and the name is the document's.
        (vec![nobodys(&asked, "g1", 1)], &asked, "in sync", 0),
        (vec![confirmed(&asked, "g1", 1)], &asked, "in sync", 0),
        (vec![confirmed(&asked, "g1", 1).called("by-hand")], &asked, "create 1", 0),
        (vec![confirmed(&asked, "g1", 1)], &new, "replace 2", 0),
        (vec![confirmed(&asked, "g1", 7)], &new, "replace 8", 0),
        (vec![confirmed(&asked, "g1", 1), confirmed(&new, "g2", 2)], &new, "in sync", 1),
        // What is not confirmed is not cleared away.
        (vec![nobodys(&asked, "g1", 1), confirmed(&new, "g2", 2)], &new, "in sync", 0),
        (
            vec![confirmed(&asked, "g1", 1).owned_by("you", Key::new("Widget", "w"))],
            &asked,
            "stalled OwnedByAnother",
            0,
        ),
    ] {
        let judged = World::of(objects.clone()).judge(asked);
        assert_eq!(
            (line(&judged.verdict).as_str(), judged.surplus.len()),
            (expected, surplus),
            "{objects:?}"
        );
    }
}

#[test]
fn a_name_that_is_free_again_is_taken_again_however_often_it_was_made() {
    let world = World { last_incarnation: 4, ..World::default() };
    assert_eq!(line(&world.judge(&named()).verdict), "create 1");
}

#[test]
fn what_was_renamed_by_hand_is_named_back_unless_the_name_is_anothers() {
    let asked = named();
    let renamed = || nobodys(&asked, "g1", 1).called("stranger").having(json!({ "label": "stranger" }));
    let world = World { remembered: Some("g1"), ..World::of([renamed()]) };
    assert_eq!(line(&world.judge(&asked).verdict), "update g1");
    let world = World { documents: vec![Key::new("Gadget", "stranger")], ..world };
    assert_eq!(line(&world.judge(&asked).verdict), "create 1");
    assert_eq!(line(&World::of([renamed()]).judge(&asked).verdict), "create 1", "nobody remembers it");
}
