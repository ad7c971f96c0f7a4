//! Laws of the comparison that hold for whatever members there are.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::Selectors;

/// A value as a field may have it, right or wrong.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![Just(0), Just(1), Just(10), Just(100), -3i64..200].prop_map(Value::from),
        prop_oneof![Just(1.0), Just(100.0), Just(0.5)].prop_map(Value::from),
        "[aAb ]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map("[xyz]", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// Any members of a Widget: each field there or not, nulls and defaults among them.
fn any_members() -> impl Strategy<Value = Members> {
    let paths: Vec<&str> = WIDGET.fields.iter().map(|field| field.path).collect();
    let n = paths.len();
    (vec(option::of(value()), n), option::of(prop_oneof![Just("box"), Just("box.lid")])).prop_map(
        move |(values, nothing)| {
            let mut members = json!({});
            for (path, value) in paths.iter().zip(values) {
                if let Some(value) = value {
                    path::set(&mut members, path, value);
                }
            }
            if let Some(nothing) = nothing {
                path::set(&mut members, nothing, Value::Null);
            }
            members.as_object().cloned().unwrap_or_default()
        },
    )
}

fn any_mode() -> impl Strategy<Value = FieldMode> {
    prop_oneof![
        Just(FieldMode::Enforce),
        Just(FieldMode::Initial),
        Just(FieldMode::Ignore),
        (-5i32..50, 0i32..150)
            .prop_map(|(low, width)| FieldMode::Range { range: (f64::from(low), f64::from(low + width)) }),
    ]
}

fn any_document() -> impl Strategy<Value = Desired> {
    let paths = WIDGET.fields.iter().map(|field| field.path).chain(["box", "box.lid"]);
    let modes = btree_map(proptest::sample::select(paths.collect::<Vec<_>>()), any_mode(), 0..3);
    (any_members(), modes, any::<bool>(), any::<bool>()).prop_map(|(members, modes, untouched, follow)| {
        let mut desired = widget(Value::Object(members));
        desired.policy.fields = modes.into_iter().map(|(path, mode)| (path.to_owned(), mode)).collect();
        desired.policy.omitted = if untouched { OmittedPolicy::Untouched } else { OmittedPolicy::Default };
        desired.policy.selectors = if follow { Selectors::Follow } else { Selectors::Pin };
        desired
    })
}

fn any_pins() -> impl Strategy<Value = Option<BTreeSet<String>>> {
    option::of(btree_set("[abc]", 1..3))
}

/// A document of which a selector may have filled the parts.
fn pin(desired: &mut Desired, pins: Option<BTreeSet<String>>) -> Resolved {
    let mut resolved = resolved(desired);
    if let Some(ids) = pins {
        resolved.members.insert("parts".to_owned(), json!(ids));
        desired.members.clone_from(&resolved.members);
        if desired.policy.selectors == Selectors::Pin {
            resolved.pins.insert("parts".to_owned(), ids);
        }
    }
    resolved
}

fn apply(drift: &[FieldDrift], observed: &Members) -> Members {
    let mut after = Value::Object(observed.clone());
    for drift in drift {
        path::set(&mut after, &drift.path, drift.to.clone());
    }
    normalise(&WIDGET, after.as_object().cloned().unwrap_or_default())
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(mut desired in any_document(), pins in any_pins()) {
        desired.policy.fields.retain(|_, mode| !matches!(mode, FieldMode::Range { .. }));
        let resolved = pin(&mut desired, pins);
        let observed = normalise(&WIDGET, resolved.members.clone());
        let found = diff(&desired, &resolved, &observed);
        prop_assert_eq!(found, Diff::default());
    }

    #[test]
    fn what_was_just_made_is_in_sync(mut desired in any_document(), pins in any_pins()) {
        desired.policy.fields.retain(|_, mode| !matches!(mode, FieldMode::Range { .. }));
        let resolved = pin(&mut desired, pins);
        let made = normalise(&WIDGET, at_creation(&desired, &resolved));
        let found = diff(&desired, &resolved, &made);
        // A null for an untouched field says "none", and none is what was made.
        prop_assert_eq!(found, Diff::default());
    }

    #[test]
    fn normalising_twice_is_normalising_once(members in any_members()) {
        let once = normalise(&WIDGET, members);
        prop_assert_eq!(normalise(&WIDGET, once.clone()), once);
    }

    #[test]
    fn writing_every_difference_leaves_none(
        mut desired in any_document(),
        observed in any_members(),
        pins in any_pins(),
    ) {
        let resolved = pin(&mut desired, pins);
        let observed = normalise(&WIDGET, observed);
        let found = diff(&desired, &resolved, &observed);
        let after = apply(&found.drift, &observed);
        let left = diff(&desired, &resolved, &after);
        prop_assert_eq!(left.drift, Vec::new(), "after {:?}", found.drift);
    }

    #[test]
    fn a_difference_says_truly_what_is_there_and_never_nothing(
        desired in any_document(),
        observed in any_members(),
    ) {
        let observed = normalise(&WIDGET, observed);
        for drift in diff(&desired, &resolved(&desired), &observed).drift {
            let have = path::get_member(&observed, &drift.path).cloned().unwrap_or(Value::Null);
            prop_assert_eq!(&drift.from, &have);
            prop_assert_ne!(&drift.from, &drift.to);
        }
    }
}
