//! Rules of the comparison, one table each; the laws that hold for everything are in `properties`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;
use crate::support::{WIDGET, members, resolved, widget};

#[path = "diff_properties.rs"]
mod properties;

/// The differences as `path: from → to`.
fn drift(desired: &Desired, observed: Value) -> Vec<String> {
    let observed = normalise(&WIDGET, members(observed));
    shown(&diff(desired, &resolved(desired), &observed))
}

fn shown(diff: &Diff) -> Vec<String> {
    diff.drift.iter().map(|drift| format!("{}: {} → {}", drift.path, drift.from, drift.to)).collect()
}

/// Each row: what the document says, what AWS has (both beside the name), the differences.
fn table(rows: &[(Value, Value, &[&str])]) {
    for (asked, had, expected) in rows {
        let mut observed = had.clone();
        observed["name"] = json!("w");
        assert_eq!(drift(&widget(asked.clone()), observed), *expected, "{asked} against {had}");
    }
}

#[test]
fn a_default_is_the_same_as_nothing_on_either_side() {
    table(&[
        (json!({}), json!({ "limit": 100, "note": "", "sealed": false, "parts": [] }), &[]),
        (json!({ "limit": 100, "note": "", "sealed": false, "items": [] }), json!({}), &[]),
        (json!({ "limit": 100 }), json!({ "limit": 7 }), &["limit: 7 → 100"]),
        (json!({}), json!({ "limit": 7 }), &["limit: 7 → 100"]),
        (json!({}), json!({ "extra": { "a": 1 } }), &["extra: {\"a\":1} → null"]),
        (json!({ "box": { "lid": { "tint": {} } } }), json!({}), &[]),
        (json!({ "sealed": true }), json!({}), &["sealed: null → true"]),
    ]);
}

#[test]
fn an_explicit_null_is_the_default_or_absent_at_any_height() {
    table(&[
        (json!({ "limit": null }), json!({ "limit": 7 }), &["limit: 7 → 100"]),
        (json!({ "limit": null }), json!({}), &[]),
        (json!({ "size": null }), json!({ "size": 3 }), &["size: 3 → null"]),
        (json!({ "extra": { "a": 1, "b": null } }), json!({ "extra": { "a": 1 } }), &[]),
        (
            json!({ "extra": { "a": 1 } }),
            json!({ "extra": { "a": 1, "b": { "c": null } } }),
            &["extra: {\"a\":1,\"b\":{}} → {\"a\":1}"],
        ),
        // A null around an untouched field is one for the field.
        (
            json!({ "box": { "lid": null } }),
            json!({ "box": { "lid": { "colour": "red" } } }),
            &["box.lid.colour: \"red\" → null"],
        ),
        (json!({ "box": null }), json!({ "box": { "depth": 3 } }), &["box.depth: 3 → 10"]),
    ]);
}

#[test]
fn an_untouched_field_is_ours_only_where_it_is_stated() {
    table(&[
        (json!({}), json!({ "size": 9, "grade": 2, "box": { "lid": { "colour": "red" } } }), &[]),
        (json!({ "size": 2 }), json!({ "size": 9 }), &["size: 9 → 2"]),
        (json!({ "box": {} }), json!({ "box": { "lid": { "colour": "red" } } }), &[]),
    ]);
}

#[test]
fn null_in_an_untouched_field_is_the_value_that_the_table_says() {
    table(&[
        (json!({}), json!({ "pace": 9 }), &[]),
        (json!({ "pace": null }), json!({ "pace": 9 }), &["pace: 9 → 5"]),
        (json!({ "pace": null }), json!({ "pace": 5 }), &[]),
        (json!({ "pace": null }), json!({}), &[]),
        (json!({ "pace": 5 }), json!({}), &["pace: null → 5"]),
        (json!({ "pace": null }), json!({ "pace": 5.0 }), &[]),
    ]);
}

#[test]
fn with_omitted_untouched_every_left_out_field_is_not_ours() {
    let had = json!({ "name": "x", "limit": 7, "extra": 1, "size": 4 });
    let untouched = |asked| {
        let mut desired = widget(asked);
        desired.policy.omitted = OmittedPolicy::Untouched;
        desired
    };
    assert_eq!(drift(&untouched(json!({ "name": "x" })), had.clone()), [""; 0]);
    assert_eq!(drift(&untouched(json!({ "name": "x", "limit": null })), had.clone()), ["limit: 7 → 100"]);
    assert_eq!(drift(&untouched(json!({ "name": "x", "extra": null })), had), ["extra: 1 → null"]);
}

#[test]
fn sets_have_no_order_and_no_repetition_and_lists_do() {
    table(&[
        (json!({ "parts": ["b", "a", "b"] }), json!({ "parts": ["a", "b"] }), &[]),
        (json!({ "parts": ["b"] }), json!({ "parts": ["a"] }), &["parts: [\"a\"] → [\"b\"]"]),
        // Items that are the same but for nulls or the way a number is written are the same items.
        (
            json!({ "items": [{ "port": 1, "zone": null }, { "port": 0 }] }),
            json!({ "items": [{ "port": 0 }, { "port": 1 }] }),
            &[],
        ),
        (json!({ "items": [{ "port": 80.0 }, { "port": 80 }] }), json!({ "items": [{ "port": 80 }] }), &[]),
        (json!({ "extra": [1, 2] }), json!({ "extra": [2, 1] }), &["extra: [2,1] → [1,2]"]),
        (json!({ "hues": ["Red", "BLUE"] }), json!({ "hues": ["blue", "red"] }), &[]),
        (json!({ "hues": ["Red", "red"] }), json!({ "hues": ["RED"] }), &[]),
        (json!({ "parts": ["A"] }), json!({ "parts": ["a"] }), &["parts: [\"a\"] → [\"A\"]"]),
        (json!({ "paint": "deep red" }), json!({ "paint": "deepred" }), &[]),
        (json!({ "paint": "red" }), json!({ "paint": "blue" }), &["paint: \"blue\" → \"red\""]),
    ]);
}

#[test]
fn one_and_one_point_nought_are_one_number_at_any_depth() {
    table(&[
        (json!({ "size": 1 }), json!({ "size": 1.0 }), &[]),
        (json!({ "limit": 100.0 }), json!({}), &[]),
        (json!({ "extra": { "a": [1.0] } }), json!({ "extra": { "a": [1] } }), &[]),
        (json!({ "extra": 1.5 }), json!({ "extra": 1 }), &["extra: 1 → 1.5"]),
        // Two numbers that share one float are still two.
        (
            json!({ "extra": 9_007_199_254_740_993_u64 }),
            json!({ "extra": 9_007_199_254_740_992_u64 }),
            &["extra: 9007199254740992 → 9007199254740993"],
        ),
    ]);
}

#[test]
fn within_a_range_anything_goes_and_outside_the_nearest_bound_is_written() {
    for (asked, had, low, high, expected) in [
        (json!(5), json!(7), 2.0, 20.0, None),
        (json!(5), json!(2), 2.0, 20.0, None),
        (json!(5), json!(20), 2.0, 20.0, None),
        (json!(5), json!(1), 2.0, 20.0, Some("size: 1 → 2")),
        (json!(5), json!(21), 2.0, 20.0, Some("size: 21 → 20")),
        (json!(99), json!(7), 2.0, 20.0, None),
        (json!(5), json!(null), 2.0, 20.0, Some("size: null → 2")),
        (json!(5), json!(null), 0.0, 20.0, None),
        (json!(5), json!(0.1), 0.5, 1.5, Some("size: 0.1 → 0.5")),
    ] {
        let range = FieldMode::Range { range: (low, high) };
        let desired = widget(json!({ "size": asked })).mode("size", range);
        let observed = json!({ "name": "w", "size": had });
        assert_eq!(drift(&desired, observed), Vec::from_iter(expected), "{had} in {low}..{high}");
    }
}

#[test]
fn a_range_knows_that_a_dropped_default_is_a_number() {
    for (low, high, expected) in [
        (50.0, 200.0, None),
        (100.0, 100.0, None),
        (150.0, 200.0, Some("limit: null → 150")),
        (1.0, 50.0, Some("limit: null → 50")),
    ] {
        let desired = widget(json!({ "limit": 60 })).mode("limit", FieldMode::Range { range: (low, high) });
        assert_eq!(
            drift(&desired, json!({ "name": "w", "limit": 100 })),
            Vec::from_iter(expected),
            "{low}..{high}"
        );
    }
}

#[test]
fn a_range_holds_for_a_field_that_is_left_out() {
    let desired = widget(json!({})).mode("size", FieldMode::Range { range: (2.0, 20.0) });
    assert_eq!(drift(&desired, json!({ "name": "w", "size": 7 })), [""; 0]);
    assert_eq!(drift(&desired, json!({ "name": "w", "size": 1 })), ["size: 1 → 2"]);
    let mut untouched = desired;
    untouched.policy.omitted = OmittedPolicy::Untouched;
    assert_eq!(drift(&untouched, json!({ "name": "w", "size": 30 })), ["size: 30 → 20"]);
}

#[test]
fn ignore_and_initial_reach_inward_and_the_nearest_mode_counts() {
    let had = json!({ "name": "w", "box": { "depth": 3, "lid": { "colour": "red" } } });
    let asked = || widget(json!({ "box": { "depth": 4, "lid": { "colour": "blue" } } }));
    let (depth, colour) = ("box.depth: 3 → 4", "box.lid.colour: \"red\" → \"blue\"");
    use FieldMode::{Enforce, Ignore, Initial};
    let range = FieldMode::Range { range: (1.0, 2.0) };
    for (modes, expected) in [
        (vec![], vec![depth, colour]),
        (vec![("box", Ignore)], vec![]),
        (vec![("box", Initial)], vec![]),
        (vec![("box.lid", Initial)], vec![depth]),
        (vec![("box", Ignore), ("box.lid", Enforce)], vec![colour]),
        (vec![("box", Enforce), ("box.lid.colour", Ignore)], vec![depth]),
        (vec![("bo", Ignore), ("box.de", Ignore)], vec![depth, colour]),
        // What a range encloses need not be numbers.
        (vec![("box", range)], vec![depth, colour]),
    ] {
        let desired = modes.iter().fold(asked(), |desired, (path, mode)| desired.mode(path, mode.clone()));
        assert_eq!(drift(&desired, had.clone()), expected, "{modes:?}");
    }
}

#[test]
fn the_table_says_how_a_difference_is_put_right() {
    let clear = |call: &str| Fix::ClearedBy(call.to_owned());
    for (asked, had, expected) in [
        (json!({ "limit": 1 }), json!({ "limit": 2 }), Fix::InPlace),
        (json!({}), json!({ "limit": 2 }), Fix::InPlace),
        (json!({ "parts": ["a"] }), json!({ "parts": ["b"] }), Fix::Replace),
        (json!({}), json!({ "parts": ["b"] }), Fix::Replace),
        (json!({ "grade": 3 }), json!({ "grade": 2 }), Fix::InPlace),
        (json!({ "grade": 1 }), json!({ "grade": 2 }), Fix::Replace),
        (json!({ "extra": 1 }), json!({ "extra": 2 }), Fix::InPlace),
        (json!({ "extra": 1 }), json!({}), Fix::InPlace),
        (json!({ "extra": null }), json!({ "extra": 2 }), clear("RemoveExtra")),
        (json!({}), json!({ "spare": 2 }), clear("RemoveSpare")),
    ] {
        let desired = widget(asked.clone());
        let mut observed = normalise(&WIDGET, members(had.clone()));
        observed.insert("name".to_owned(), json!("w"));
        let found = diff(&desired, &resolved(&desired), &observed);
        let fixes: Vec<&Fix> = found.drift.iter().map(|drift| &drift.fix).collect();
        assert_eq!(fixes, [&expected], "{asked} against {had}");
    }
}

#[test]
fn a_pinned_selector_is_in_sync_while_everything_in_use_still_matches() {
    let pinned = |matching: &[&str], have: &[&str], pin: bool| {
        let desired = widget(json!({ "parts": matching }));
        let matching: BTreeSet<String> = matching.iter().map(|id| (*id).to_owned()).collect();
        let pins = if pin { BTreeMap::from([("parts".to_owned(), matching)]) } else { BTreeMap::new() };
        let resolved = Resolved { pins, ..resolved(&desired) };
        let observed = normalise(&WIDGET, members(json!({ "name": "w", "parts": have })));
        let found = diff(&desired, &resolved, &observed);
        let notes: Vec<String> =
            found.notes.iter().map(|note| format!("{} {}", note.reason, note.message)).collect();
        (shown(&found), notes)
    };
    let (drift, notes) = pinned(&["b", "a"], &["a", "b"], true);
    assert_eq!((drift.len(), notes.len()), (0, 0));

    let (drift, notes) = pinned(&["a", "b", "c"], &["b"], true);
    assert_eq!(drift, [""; 0]);
    assert!(notes[0].starts_with("SelectorGrew parts: a, c match the selector now"), "{notes:?}");

    let (drift, notes) = pinned(&["a", "b"], &["a", "z"], true);
    assert_eq!((drift, notes.len()), (vec!["parts: [\"a\",\"z\"] → [\"a\",\"b\"]".to_owned()], 0));

    let (drift, _) = pinned(&["a"], &[], true);
    assert_eq!(drift, ["parts: null → [\"a\"]"]);

    let (drift, notes) = pinned(&["a", "b"], &["a"], false);
    assert_eq!((drift, notes.len()), (vec!["parts: [\"a\"] → [\"a\",\"b\"]".to_owned()], 0));
}

#[test]
fn normalise_leaves_what_the_table_does_not_list() {
    let seen = json!({ "widgetArn": "x", "limit": 100, "box": { "depth": 10, "age": 3 }, "items": [2, 1] });
    let normal = normalise(&WIDGET, members(seen));
    assert_eq!(Value::Object(normal), json!({ "widgetArn": "x", "box": { "age": 3 }, "items": [1, 2] }));
}

#[test]
fn a_structure_goes_with_the_defaults_that_were_all_it_held() {
    for (seen, left) in [
        (json!({ "box": { "depth": 10 } }), json!({})),
        (json!({ "box": {} }), json!({})),
        (json!({ "box": { "depth": 10, "lid": { "tint": {} } } }), json!({})),
        (json!({ "box": { "lid": { "colour": "red" } } }), json!({ "box": { "lid": { "colour": "red" } } })),
        (json!({ "other": {}, "extra": {} }), json!({ "other": {}, "extra": {} })),
    ] {
        assert_eq!(Value::Object(normalise(&WIDGET, members(seen.clone()))), left, "{seen}");
    }
}

#[test]
fn creation_states_what_is_stated_and_the_values_at_creation() {
    for (asked, expected) in [
        (json!({}), json!({ "name": "w", "size": 1, "box": { "depth": 10 } })),
        (json!({ "size": 3 }), json!({ "name": "w", "size": 3, "box": { "depth": 10 } })),
        (json!({ "size": null }), json!({ "name": "w", "box": { "depth": 10 } })),
        (
            json!({ "box": { "depth": 4, "lid": null } }),
            json!({ "name": "w", "size": 1, "box": { "depth": 4 } }),
        ),
        // Whoever says that there is no box gets none.
        (json!({ "box": null }), json!({ "name": "w", "size": 1 })),
    ] {
        let asking = widget(asked.clone());
        let made = at_creation(&asking, &resolved(&asking));
        assert_eq!(Value::Object(made), expected, "{asked}");
    }
}

#[test]
fn what_is_left_out_is_created_within_its_range() {
    for (range, expected) in [((2.0, 20.0), 2), ((0.0, 3.0), 1), ((0.0, 0.0), 0)] {
        let mut asking = widget(json!({}));
        asking.policy.fields.insert("size".to_owned(), FieldMode::Range { range });
        assert_eq!(at_creation(&asking, &resolved(&asking))["size"], json!(expected), "{range:?}");
    }
}

/// What one side may leave out of a look at AWS is more than what may be left out of a document.
#[test]
fn two_sets_of_members_mean_the_same_whichever_is_stated() {
    for (one, other, same) in [
        (json!({ "limit": 100, "note": "" }), json!({}), true),
        (json!({ "limit": 7 }), json!({}), false),
        (json!({ "size": 3 }), json!({}), false), // not ours when left out, and said all the same
        (json!({ "extra": { "a": 1, "b": null } }), json!({ "extra": { "a": 1 } }), true),
        (json!({ "parts": [1, 2] }), json!({ "parts": [2, 1] }), true),
    ] {
        let (one, other) = (members(one), members(other));
        assert_eq!(means_the_same(&WIDGET, &one, &other), same, "{one:?} {other:?}");
        assert_eq!(means_the_same(&WIDGET, &other, &one), same, "{other:?} {one:?}");
    }
}
