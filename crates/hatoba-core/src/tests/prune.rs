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
        mark: Some(mark),
        deletion: Deletion::Delete,
        absent_for: Duration::from_secs(600),
        listings: 2,
        grace: Duration::from_secs(600),
        fuse,
        users: &[],
    }
}

#[test]
fn every_guard_holds_by_itself() {
    let (ours, closed) = (mark(), Fuse::Closed);
    assert_eq!(may_delete(&evidence(&ours, &closed)), Ok(()));

    let others = Mark { owner: "other".into(), ..mark() };
    let open = fuse(&BTreeSet::from([Key::new("A", "a")]), 0, 10);
    let in_use = ["Integration i1".to_owned()];
    let base = || evidence(&ours, &closed);
    let table: Vec<(&str, Evidence<'_>)> = vec![
        ("NotOurs", Evidence { mark: None, ..base() }),
        ("OwnedByAnother", Evidence { mark: Some(&others), ..base() }),
        ("OwnerNotExplicit", Evidence { owner_is_explicit: false, ..base() }),
        ("Retained", Evidence { deletion: Deletion::Retain, ..base() }),
        ("SourceIncomplete", Evidence { source_is_complete: false, ..base() }),
        ("Grace", Evidence { absent_for: Duration::from_secs(599), ..base() }),
        ("Grace", Evidence { listings: 1, ..base() }),
        ("FuseOpen", Evidence { fuse: &open, ..base() }),
        ("InUse", Evidence { users: &in_use, ..base() }),
    ];
    for (reason, evidence) in table {
        assert_eq!(may_delete(&evidence).unwrap_err().reason.as_str(), reason);
    }
}

#[test]
fn the_fuse_opens_for_many_and_for_all() {
    let keys = |n: usize| (0..n).map(|i| Key::new("Route", format!("r{i}"))).collect::<BTreeSet<_>>();
    assert_eq!(fuse(&keys(10), 1, 10), Fuse::Closed);
    assert!(matches!(fuse(&keys(11), 100, 10), Fuse::Open { documents: 11, .. }));
    assert!(matches!(fuse(&keys(1), 0, 10), Fuse::Open { documents: 1, .. }));
    assert_eq!(fuse(&keys(0), 0, 10), Fuse::Closed);
    assert_ne!(fuse(&keys(11), 5, 10), fuse(&keys(12), 5, 10));
}
