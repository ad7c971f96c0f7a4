//! What marks say and survive.

use super::*;

fn mark() -> Mark {
    Mark {
        owner: "bucket/web".into(),
        document: Key::new("Integration", "to-great-service"),
        incarnation: 2,
        deletion: Deletion::Delete,
    }
}

#[test]
fn tags_carry_the_mark_and_the_labels() {
    let labels = BTreeMap::from([("team".to_owned(), "web".to_owned())]);
    let tags = mark().to_tags(&labels);
    assert_eq!(tags["hatoba:document"], "Integration/to-great-service");
    assert_eq!(tags["team"], "web");
    assert_eq!(labels_written(&tags), ["team"]);
    assert_eq!(Mark::from_tags(&tags), Some(mark()));
}

#[test]
fn a_mark_without_a_clear_delete_retains() {
    let mut tags = mark().to_tags(&BTreeMap::new());
    tags.remove("hatoba:deletion");
    assert_eq!(Mark::from_tags(&tags).map(|mark| mark.deletion), Some(Deletion::Retain));
    tags.remove("hatoba:owner");
    assert_eq!(Mark::from_tags(&tags), None);
}

#[test]
fn descriptions_keep_the_operators_text() {
    for text in [None, Some("orders"), Some("two\nlines")] {
        let description = mark().to_description(text);
        assert_eq!(Mark::from_description(&description), (text.map(str::to_owned), Some(mark())));
    }
    assert_eq!(Mark::from_description("by hand"), (Some("by hand".into()), None));
    assert_eq!(Mark::from_description("[hatoba a b c]").1, None);
    assert_eq!(Mark::from_description("").0, None);
}

#[test]
fn the_token_is_the_same_for_the_same_making_only() {
    let next = Mark { incarnation: 3, ..mark() };
    assert_eq!(mark().creator_request_id(), mark().creator_request_id());
    assert_ne!(mark().creator_request_id(), next.creator_request_id());
    assert!(mark().creator_request_id().len() <= 64);
}
