//! Marks and labels against the tags that are there.

use super::*;

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// What is to be done about the tags of a widget that has its mark and these tags beside it.
fn change(labels: &[(&str, &str)], beside: &[(&str, &str)]) -> TagChange {
    let mut asked = widget(json!({}));
    asked.labels = tags(labels);
    let mut object = asked.made("w1", 1);
    let mut have = asked.mark(1).to_tags(&BTreeMap::new());
    have.extend(tags(beside));
    object.tags = Some(have);
    match World::of([object]).judge(&asked).verdict {
        Verdict::Update(change) => change.tags,
        Verdict::InSync => TagChange::default(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn labels_are_set_and_removed_and_nothing_else_is_touched() {
    for (labels, beside, set, remove) in [
        (vec![], vec![], vec![], vec![]),
        (vec![("team", "web")], vec![], vec![("team", "web"), ("hatoba:labels", "team")], vec![]),
        (vec![("team", "web")], vec![("team", "web"), ("hatoba:labels", "team")], vec![], vec![]),
        (
            vec![("team", "web")],
            vec![("team", "x"), ("hatoba:labels", "team")],
            vec![("team", "web")],
            vec![],
        ),
        // Foreign tags and AWS's own are none of ours.
        (vec![], vec![("Name", "x"), ("aws:cloudformation:stack", "y")], vec![], vec![]),
        // A label that goes takes its tag along; the list goes with the last one.
        (
            vec![],
            vec![("team", "web"), ("hatoba:labels", "team"), ("Name", "x")],
            vec![],
            vec!["team", "hatoba:labels"],
        ),
        (
            vec![("a", "1")],
            vec![("a", "1"), ("b", "2"), ("hatoba:labels", "a b")],
            vec![("hatoba:labels", "a")],
            vec!["b"],
        ),
        // The list may name what is gone, or what was never ours to remove.
        (vec![], vec![("hatoba:labels", "gone")], vec![], vec!["hatoba:labels"]),
        (vec![], vec![("hatoba:labels", "")], vec![], vec!["hatoba:labels"]),
        (vec![], vec![("aws:x", "y"), ("hatoba:labels", "aws:x")], vec![], vec!["hatoba:labels"]),
        (vec![], vec![("hatoba:labels", "hatoba:owner hatoba:document")], vec![], vec!["hatoba:labels"]),
    ] {
        let found = change(&labels, &beside);
        let set = tags(&set);
        assert_eq!((&found.set, &found.remove), (&set, &remove.iter().map(|key| (*key).into()).collect()));
    }
}

#[test]
fn a_mark_is_put_right_tag_by_tag() {
    let mut asked = widget(json!({}));
    let object = asked.made("w1", 1);
    asked.policy.deletion = Some(Deletion::Retain);
    let judged = World::of([object]).judge(&asked);
    let Verdict::Update(change) = judged.verdict else { panic!("{:?}", judged.verdict) };
    assert_eq!(change.tags.set, tags(&[("hatoba:deletion", "Retain")]));
    assert!(change.drift.is_empty());
}

#[test]
fn children_that_are_ours_by_name_are_listed_while_there_are_any() {
    let asked = widget(json!({}));
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    let world = World { named: names(&["b2", "a1"]), ..World::default() };
    let Verdict::Create(creation) = world.judge(&asked).verdict else { panic!("not a create") };
    assert_eq!(creation.tags["hatoba:named"], "a1 b2");
    let mut object = asked.made("w1", 1);
    object.tags = Some(creation.tags);
    assert_eq!(verdict(&World { objects: vec![object.clone()], ..world }, &asked), "in sync");
    let one = World { named: names(&["a1"]), ..World::of([object.clone()]) };
    let Verdict::Update(change) = one.judge(&asked).verdict else { panic!("not an update") };
    assert_eq!(change.tags.set, tags(&[("hatoba:named", "a1")]));
    let Verdict::Update(change) = World::of([object]).judge(&asked).verdict else { panic!("not an update") };
    assert_eq!((change.tags.set.len(), change.tags.remove), (0, vec!["hatoba:named".to_owned()]));
}

#[test]
fn tags_that_were_not_read_or_are_not_taken_are_not_written() {
    let asked = widget(json!({})).label("team", "web");
    let mut unread = asked.made("w1", 1);
    unread.tags = None;
    assert_eq!(verdict(&World::of([unread]), &asked), "in sync");
    for table in [&NOTED_GADGET, &BORROWED_GADGET] {
        let asked = gadget(table).label("team", "web");
        let mut object = asked.made("g1", 1);
        object.tags = Some(BTreeMap::new());
        assert_eq!(verdict(&World::of([object]), &asked), "in sync");
    }
}
