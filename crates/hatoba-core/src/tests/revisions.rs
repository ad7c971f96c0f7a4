//! A series of revisions: compared by form, proved by digest, kept by number.

use super::*;
use crate::support::{ME, World, desired, line, resolved};
use crate::{
    CONTENT, Desired, Field, FieldMode, KindTable, Life, Members, Object, ReplaceStyle, Revisions, Step,
    SurplusKind,
};
use serde_json::json;

static BOOK: KindTable = KindTable {
    kind: "Book",
    fields: &[Field::new("title").immutable(), Field::new("text").immutable(), Field::new("ink").immutable()],
    references: &[],
    selectors: &[],
    scope_member: None,
    parent: None,
    name_member: Some("title"),
    marks: MarkStyle::Tags,
    unique: false,
    replace: ReplaceStyle::Revisions(Revisions { kept: 3, normal: lower }),
    follows: &[],
    drain: None,
};

/// Upper and lower case mean the same, and black is the default.
fn lower(members: &Members) -> Members {
    let plain = |value: &Value| match value.as_str().map(str::to_lowercase) {
        Some(text) if text == "black" => Value::Null,
        Some(text) => json!(text),
        None => value.clone(),
    };
    members.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
}

fn book(text: &str) -> Desired {
    desired(&BOOK, "b", json!({ "text": text }))
}

/// As it was registered: normal when read, with its digest.
fn edition(of: &Desired, id: &str, incarnation: u32) -> Object {
    let mut object = of.made(id, incarnation);
    object.members = crate::normalise(&BOOK, lower(&of.members));
    let content = content(of, &resolved(of)).expect("a digest");
    object.tags.as_mut().expect("tags").insert(CONTENT.to_owned(), content);
    object
}

fn judge(objects: Vec<Object>, of: &Desired) -> String {
    line(&World::of(objects).judge(of).verdict)
}

#[test]
fn the_same_meaning_is_in_sync_with_and_without_the_digest() {
    let (one, same, other) = (book("Moby"), book("MOBY"), book("Dick"));
    let mut untold = edition(&one, "b:1", 1);
    untold.tags.as_mut().expect("tags").remove(CONTENT);
    for made in [edition(&one, "b:1", 1), untold] {
        assert_eq!(judge(vec![made.clone()], &same), "in sync");
        assert_eq!(
            judge(vec![made.clone()], &desired(&BOOK, "b", json!({ "text": "moby", "ink": "BLACK" }))),
            "in sync"
        );
        assert_eq!(judge(vec![made.clone()], &other), "replace 2");
        assert_eq!(judge(vec![made], &other.clone().mode("text", FieldMode::Ignore)), "in sync");
    }
}

#[test]
fn the_digest_proves_what_reads_back_otherwise() {
    let one = book("Moby");
    let odd = edition(&one, "b:1", 1).having(json!({ "ink": "something that nobody foresaw" }));
    assert_eq!(judge(vec![odd.clone()], &one), "in sync");
    // Only its own: the digest of something else proves nothing.
    assert_eq!(judge(vec![odd], &book("Dick")), "replace 2");
}

#[test]
fn a_new_revision_carries_the_digest_in_the_create() {
    let judged = World::default().judge(&book("Moby"));
    let Verdict::Create(creation) = judged.verdict else { panic!("{:?}", judged.verdict) };
    assert_eq!(Some(&creation.tags[CONTENT]), content(&book("moby"), &resolved(&book("moby"))).as_ref());
    assert_eq!(creation.members["text"], "Moby", "sent as it was written");
    assert_eq!(creation.mark.owner, ME);
}

#[test]
fn peers_45_the_newest_stay_and_what_is_used_stays() {
    let texts = ["a", "b", "c", "d", "e", "f"];
    let ids = ["b:1", "b:2", "b:3", "b:4", "b:5", "b:6"];
    let all: Vec<Object> =
        texts.iter().zip(ids).zip(1..).map(|((text, id), n)| edition(&book(text), id, n)).collect();
    let surplus = |used: &[&'static str], objects: Vec<Object>| {
        let judged = World { used: used.to_vec(), ..World::of(objects) }.judge(&book("f"));
        assert_eq!(line(&judged.verdict), "in sync");
        let ids: Vec<String> = judged.surplus.iter().map(|(id, _)| id.clone()).collect();
        match (&judged.step, ids.first()) {
            (Step::RemoveSurplus(target), Some(first)) => assert_eq!(target.id, *first),
            (Step::Rest, None) => {}
            other => panic!("{other:?}"),
        }
        ids
    };
    assert_eq!(surplus(&[], all.clone()), ["b:1", "b:2", "b:3"], "the oldest first");
    assert_eq!(surplus(&["b:1", "b:4"], all.clone()), ["b:2", "b:3"]);
    assert_eq!(surplus(&["b:1", "b:2", "b:3"], all.clone()), [""; 0]);
    assert_eq!(surplus(&[], all[3..].to_vec()), [""; 0], "three are kept");
    let foreign: Vec<Object> =
        all.iter().cloned().map(|book| if book.id == "b:6" { book } else { book.unmarked() }).collect();
    assert_eq!(surplus(&[], foreign), [""; 0], "what bears no mark is never surplus");
    let gone = all.into_iter().map(|book| match book.id.as_str() {
        "b:1" => book.living(Life::Leaving { holds_name: false }, Readiness::Ready),
        _ => book,
    });
    assert_eq!(surplus(&[], gone.collect()), ["b:2", "b:3"]);
}

#[test]
fn what_was_registered_once_is_used_again_and_not_registered_anew() {
    let (a, b) = (book("a"), book("b"));
    let both = || vec![edition(&a, "b:1", 1), edition(&b, "b:2", 2)];
    let judged = World::of(both()).judge(&a);
    assert_eq!((line(&judged.verdict).as_str(), judged.current.as_deref()), ("in sync", Some("b:1")));
    let judged = World::of(both()).judge(&b);
    assert_eq!((line(&judged.verdict).as_str(), judged.current.as_deref()), ("in sync", Some("b:2")));
    assert_eq!(judge(both(), &book("c")), "replace 3");
    // The newer ones are kept like older ones: so many beside the one in force.
    let many = ["b", "c", "d", "e"].iter().zip(["b:2", "b:3", "b:4", "b:5"]).zip(2..);
    let many = many.map(|((text, id), n)| edition(&book(text), id, n)).chain([edition(&a, "b:1", 1)]);
    let judged = World::of(many).judge(&a);
    assert_eq!(judged.current.as_deref(), Some("b:1"));
    let surplus: Vec<&str> = judged.surplus.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(surplus, ["b:2", "b:3"], "three are kept");
}

#[test]
fn twins_of_one_revision_go_as_ever() {
    let one = book("a");
    let twins = vec![edition(&one, "b:1", 1), edition(&one, "b:2", 1)];
    let judged = World { used: vec!["b:2"], ..World::of(twins) }.judge(&one);
    assert_eq!(judged.current.as_deref(), Some("b:2"), "the used one stays");
    assert_eq!(judged.surplus, [("b:1".to_owned(), SurplusKind::Twin)]);
}
