//! The guards before a delete, one by one.

use super::*;

fn mark() -> Mark {
    Mark {
        owner: "me".into(),
        document: Key::new("VpcLink", "a"),
        incarnation: 1,
        deletion: Deletion::Delete,
    }
}

fn evidence<'a>(mark: &'a Mark, fuse: &'a Fuse) -> Evidence<'a> {
    Evidence {
        owner: "me",
        owner_is_explicit: true,
        source_is_complete: true,
        owner_shared: None,
        unlisted: None,
        mark: Some(mark),
        deletion: Deletion::Delete,
        absent_for: Duration::from_secs(600),
        listings: 2,
        confirmed_for: Duration::from_secs(600),
        grace: Duration::from_secs(600),
        fuse,
        users: &[],
        pause: None,
        doubt: None,
    }
}

#[test]
fn every_guard_holds_by_itself() {
    let (ours, closed) = (mark(), Fuse::Closed);
    assert_eq!(may_part(&evidence(&ours, &closed)), Ok(Parting::Delete));

    let others = Mark { owner: "other".into(), ..mark() };
    let open = fuse(&BTreeSet::from([Key::new("A", "a")]), 0, 10, &BTreeSet::new(), &BTreeSet::new());
    let in_use = ["Integration i1".to_owned()];
    let doubt = Cause::new("DuplicateInUse", "i2 bears the same mark");
    let pause = Cause::new("Paused", "until tomorrow");
    let shared = Cause::new("OwnerShared", "s3://docs/other has it, too");
    let unlisted = Cause::new("InventoryIncomplete", "no list of VpcLink yet");
    let base = || evidence(&ours, &closed);
    let table: Vec<(&str, Evidence<'_>)> = vec![
        ("NotOurs", Evidence { mark: None, ..base() }),
        ("OwnedByAnother", Evidence { mark: Some(&others), ..base() }),
        ("OwnerNotExplicit", Evidence { owner_is_explicit: false, ..base() }),
        ("SourceIncomplete", Evidence { source_is_complete: false, ..base() }),
        ("InventoryIncomplete", Evidence { unlisted: Some(&unlisted), ..base() }),
        ("OwnerShared", Evidence { owner_shared: Some(&shared), ..base() }),
        ("Grace", Evidence { absent_for: Duration::from_secs(599), ..base() }),
        ("Grace", Evidence { listings: 1, ..base() }),
        ("Grace", Evidence { confirmed_for: Duration::from_secs(599), ..base() }),
        ("FuseOpen", Evidence { fuse: &open, ..base() }),
        ("InUse", Evidence { users: &in_use, ..base() }),
        ("Paused", Evidence { pause: Some(&pause), ..base() }),
        ("DuplicateInUse", Evidence { doubt: Some(&doubt), ..base() }),
    ];
    for (reason, evidence) in table {
        assert_eq!(may_part(&evidence).unwrap_err().reason.as_str(), reason);
    }
}

#[test]
fn the_fuse_opens_for_many_and_for_all() {
    let keys = |n: usize| (0..n).map(|i| Key::new("Route", format!("r{i}"))).collect::<BTreeSet<_>>();
    assert_eq!(fuse(&keys(10), 1, 10, &BTreeSet::new(), &BTreeSet::new()), Fuse::Closed);
    assert!(matches!(
        fuse(&keys(11), 100, 10, &BTreeSet::new(), &BTreeSet::new()),
        Fuse::Open { documents: 11, .. }
    ));
    assert!(matches!(
        fuse(&keys(1), 0, 10, &BTreeSet::new(), &BTreeSet::new()),
        Fuse::Open { documents: 1, .. }
    ));
    assert_eq!(fuse(&keys(0), 0, 10, &BTreeSet::new(), &BTreeSet::new()), Fuse::Closed);
    assert_ne!(
        fuse(&keys(11), 5, 10, &BTreeSet::new(), &BTreeSet::new()),
        fuse(&keys(12), 5, 10, &BTreeSet::new(), &BTreeSet::new())
    );
}

#[test]
fn only_all_guards_together_let_a_delete_through() {
    // Every combination of the fourteen guards: one that holds is enough.
    let (ours, others) = (mark(), Mark { owner: "other".into(), ..mark() });
    let (closed, open) = (
        Fuse::Closed,
        fuse(&BTreeSet::from([Key::new("A", "a")]), 0, 10, &BTreeSet::new(), &BTreeSet::new()),
    );
    let users = ["Integration i1".to_owned()];
    let pause = Cause::new("Paused", "until tomorrow");
    let unlisted = Cause::new("InventoryIncomplete", "no list of VpcLink yet");
    let shared = Cause::new("OwnerShared", "s3://docs/other has it, too");
    for bits in 0u32..1 << 14 {
        let holds = |bit: u32| bits & (1 << bit) != 0;
        let marked = if holds(1) { &others } else { &ours };
        let evidence = Evidence {
            owner: "me",
            mark: (!holds(0)).then_some(marked),
            owner_is_explicit: !holds(2),
            deletion: if holds(3) { Deletion::Retain } else { Deletion::Delete },
            source_is_complete: !holds(4),
            absent_for: Duration::from_secs(if holds(5) { 0 } else { 600 }),
            listings: if holds(6) { 1 } else { 2 },
            confirmed_for: Duration::from_secs(if holds(10) { 599 } else { 600 }),
            grace: Duration::from_secs(600),
            fuse: if holds(7) { &open } else { &closed },
            users: if holds(8) { &users } else { &[] },
            pause: holds(9).then_some(&pause),
            owner_shared: holds(13).then_some(&shared),
            unlisted: holds(11).then_some(&unlisted),
            doubt: holds(12).then_some(&pause),
        };
        let expected = match bits {
            0 => Some(Parting::Delete),
            0b1000 => Some(Parting::Release), // what stays is handed over, through the same guards
            _ => None,
        };
        assert_eq!(may_part(&evidence).ok(), expected, "{evidence:?}");
    }
}

#[test]
fn no_grace_still_wants_two_listings() {
    let (ours, closed) = (mark(), Fuse::Closed);
    let hasty = |listings| Evidence {
        grace: Duration::ZERO,
        absent_for: Duration::ZERO,
        listings,
        ..evidence(&ours, &closed)
    };
    assert!(may_part(&hasty(0)).is_err() && may_part(&hasty(1)).is_err());
    assert_eq!(may_part(&hasty(2)), Ok(Parting::Delete));
}

#[test]
fn the_marks_own_policy_is_not_asked_where_the_parents_holds() {
    let (kept, closed) = (Mark { deletion: Deletion::Retain, ..mark() }, Fuse::Closed);
    assert_eq!(
        may_part(&evidence(&kept, &closed)),
        Ok(Parting::Delete),
        "the caller says which policy holds"
    );
}

#[test]
fn a_fuse_is_named_by_its_set_alone() {
    let keys = |names: &[&str]| names.iter().map(|name| Key::new("Route", *name)).collect::<BTreeSet<_>>();
    let open = |names: &[&str], left| fuse(&keys(names), left, 1, &BTreeSet::new(), &BTreeSet::new());
    assert_eq!(open(&["a", "b"], 5), open(&["b", "a"], 9));
    assert_ne!(open(&["a", "b"], 5), open(&["a", "c"], 5), "another set of the same size");
    assert!(
        matches!(fuse(&keys(&["a"]), 5, 0, &BTreeSet::new(), &BTreeSet::new()), Fuse::Open { .. }),
        "a limit of nought holds everything"
    );
}

#[test]
fn an_acknowledgement_lets_exactly_its_set_go_for_an_hour() {
    let keys = |names: &[&str]| names.iter().map(|name| Key::new("Route", *name)).collect::<BTreeSet<_>>();
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let word = Acknowledgement::new(keys(&["a", "b"]), now);
    let at = |time: &str| word.lets_go(time.parse().unwrap());
    assert_eq!(at("2026-01-01T00:59:59Z"), keys(&["a", "b"]));
    assert_eq!(at("2026-01-01T01:00:00Z"), keys(&[]));
    let other = Acknowledgement { documents: keys(&["a", "b", "c"]), ..word.clone() };
    assert_eq!(other.lets_go(now), keys(&[]), "another set than the hash names");
    let endless = Acknowledgement { expires: Timestamp::MAX, ..word.clone() };
    assert_eq!(endless.lets_go(now), keys(&[]), "an hour at most");
    let Fuse::Open { hash, .. } = fuse(&keys(&["a", "b"]), 0, 10, &BTreeSet::new(), &keys(&[])) else {
        panic!()
    };
    assert_eq!(hash, word.hash);

    let judged = |vanished: &[&str]| fuse(&keys(vanished), 0, 10, &BTreeSet::new(), &word.lets_go(now));
    assert_eq!(judged(&["a", "b"]), Fuse::Closed);
    assert_eq!(judged(&["b"]), Fuse::Closed, "the rest of it, after some went");
    assert!(matches!(judged(&["a", "b", "c"]), Fuse::Open { .. }), "one more than was acknowledged");
    assert!(matches!(judged(&["c"]), Fuse::Open { .. }));
}
