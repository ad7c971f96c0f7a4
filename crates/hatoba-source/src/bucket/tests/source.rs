//! Polls of a prefix: what they cost, what they find, and what stays when S3 does not play along.

use super::*;
use crate::bucket::BucketSource;
use crate::yaml::FILE_BYTES_MAX;
use crate::{Snapshot, SourceError, Variables};

fn source(s3: &FakeS3) -> BucketSource {
    BucketSource::new(&s3.config(), location("s3://docs/prod"), Variables::default())
}

fn api(name: &str) -> Vec<u8> {
    format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n").into_bytes()
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.documents.iter().map(|document| document.key.name.as_str()).collect()
}

fn unreadable(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.unreadable.iter().map(|file| file.file.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_poll_costs_a_call_for_each_thousand_and_for_each_change() {
    for (count, pages) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (2_500, 3)] {
        let s3 = FakeS3::default();
        (0..count).for_each(|n| s3.put(&format!("prod/{n:05}.yaml"), &api(&format!("n{n}"))));
        let mut source = source(&s3);
        assert_eq!(source.poll().await.unwrap().documents.len(), count);
        assert_eq!(s3.calls().len(), pages + count);
        assert_eq!(source.poll().await.unwrap().documents.len(), count);
        assert_eq!(s3.calls(), vec!["LIST prod/"; pages], "{count} unchanged objects");
        if count > 0 {
            s3.put("prod/00000.yaml", &api("other"));
            let snapshot = source.poll().await.unwrap();
            assert!(names(&snapshot).contains(&"other"));
            assert_eq!(s3.calls()[pages..], ["GET prod/00000.yaml"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn documents_come_change_and_go() {
    let s3 = FakeS3::default();
    let mut source = source(&s3);
    let empty = source.poll().await.unwrap();
    assert!(empty.is_complete() && empty.documents.is_empty());
    s3.put("prod/a.yaml", &api("a"));
    s3.put(
        "prod/team/b.json",
        br#"{"apiVersion": "hatoba/v1", "kind": "HttpApi", "metadata": {"name": "b"}, "spec": {}}"#,
    );
    s3.put("production/c.yaml", &api("c"));
    s3.put("prod.yaml", &api("d"));
    let first = source.poll().await.unwrap();
    assert_eq!((names(&first), first.files), (vec!["a", "b"], 2));
    assert_eq!(first.documents[1].places.value("").file, "team/b.json");
    s3.remove("prod/a.yaml");
    let second = source.poll().await.unwrap();
    assert_eq!(names(&second), ["b"]);
    assert_ne!(first.revision, second.revision);
    // Written again with the same bytes: read again, and nothing is new.
    s3.put("prod/a.yaml", &api("a"));
    assert_eq!(source.poll().await.unwrap().revision, first.revision);
}

#[tokio::test(start_paused = true)]
async fn names_decide_what_is_a_document() {
    let s3 = FakeS3::default();
    for key in [
        "prod/x/",
        "prod/",
        "prod/a.yaml/",
        "prod/readme.md",
        "prod/.a.yaml",
        "prod/.git/a.yaml",
        "prod/x/../a.yaml",
    ] {
        s3.put(key, b"[");
    }
    for (key, name) in [
        ("prod/x/a.yaml", "a"),
        ("prod/a.yaml/b.yml", "b"),
        ("prod//c.yaml", "c"),
        ("prod/a b+%2F.yaml", "d"),
    ] {
        s3.put(key, &api(name));
    }
    let snapshot = source(&s3).poll().await.unwrap();
    assert_eq!((names(&snapshot), unreadable(&snapshot)), (vec!["a", "b", "c", "d"], vec![]));
    assert_eq!(s3.calls().len(), 5, "only documents are read");
    s3.put("prod/\u{1}\n.yaml", &api("e"));
    let snapshot = source(&s3).poll().await.unwrap();
    assert_eq!(unreadable(&snapshot), ["\\u{1}\\n.yaml"]);
}

#[tokio::test(start_paused = true)]
async fn contents_of_all_sorts() {
    let s3 = FakeS3::default();
    let mut source = source(&s3);
    for name in ["empty", "large", "binary", "cut"] {
        s3.put(&format!("prod/{name}.yaml"), &api(name));
    }
    assert_eq!(source.poll().await.unwrap().documents.len(), 4);
    s3.calls();
    s3.put("prod/empty.yaml", b"");
    s3.put("prod/large.yaml", &vec![b'#'; FILE_BYTES_MAX + 1]);
    s3.put("prod/binary.yaml", &[0xff, 0, 0xfe]);
    s3.put("prod/cut.yaml", b"apiVersion: [");
    let snapshot = source.poll().await.unwrap();
    assert_eq!(names(&snapshot), ["binary", "cut", "empty", "large"], "what was good stands");
    assert_eq!(unreadable(&snapshot), ["binary.yaml", "cut.yaml", "empty.yaml", "large.yaml"]);
    assert!(snapshot.unreadable[3].reason.contains("too large"), "{:?}", snapshot.unreadable);
    assert!(!s3.calls().contains(&"GET prod/large.yaml".to_owned()), "it is never downloaded");
    s3.put("prod/large.yaml", &api("large"));
    s3.put("prod/empty.yaml", b"# meant\n");
    let snapshot = source.poll().await.unwrap();
    assert_eq!(unreadable(&snapshot), ["binary.yaml", "cut.yaml"]);
    assert_eq!(names(&snapshot), ["binary", "cut", "large"], "a comment says that nothing is meant");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_emptied_before_the_start_is_unreadable_too() {
    let s3 = FakeS3::default();
    s3.put("prod/a.yaml", &api("a"));
    s3.put("prod/b.yaml", b" \n");
    let mut source = source(&s3);
    let first = source.poll().await.unwrap();
    assert_eq!((names(&first), unreadable(&first)), (vec!["a"], vec!["b.yaml"]));
    assert!(!first.is_complete(), "nothing is deleted");
    s3.put("prod/b.yaml", b"# nothing is meant here\n");
    assert!(source.poll().await.unwrap().is_complete());
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_it_is_read_is_listed_again() {
    let s3 = FakeS3::default();
    let mut source = source(&s3);
    s3.put("prod/a.yaml", &api("a"));
    s3.race("GET prod/a.yaml", "prod/a.yaml", &api("newer"));
    assert_eq!(names(&source.poll().await.unwrap()), ["newer"]);
    assert_eq!(s3.calls(), ["LIST prod/", "GET prod/a.yaml", "LIST prod/", "GET prod/a.yaml"]);
    // Somebody who writes all the time: what it said last stands, and nothing may be pruned.
    for number in 0..8 {
        s3.race("GET prod/a.yaml", "prod/a.yaml", &api(&format!("n{number}")));
    }
    s3.put("prod/a.yaml", &api("n"));
    s3.rule("GET prod/a.yaml", fault(412, "PreconditionFailed"));
    let snapshot = source.poll().await.unwrap();
    assert_eq!((names(&snapshot), unreadable(&snapshot)), (vec!["newer"], vec!["a.yaml"]));
    assert!(snapshot.diagnostics.is_empty(), "it passes");
    // Gone between listing and reading, for ever.
    s3.rule("GET prod/a.yaml", fault(404, "NoSuchKey"));
    let snapshot = source.poll().await.unwrap();
    assert_eq!(unreadable(&snapshot), ["a.yaml"]);
    assert_eq!(s3.calls().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_prefix_that_cannot_be_listed_is_an_error_and_what_was_known_stays() {
    let s3 = FakeS3::default();
    (0..1_001).for_each(|n| s3.put(&format!("prod/{n:05}.yaml"), &api(&format!("n{n}"))));
    let mut source = source(&s3);
    let before = source.poll().await.unwrap();
    let moved: &[(&str, &str)] = &[("x-amz-bucket-region", "eu-west-1")];
    for (reply, reason) in [
        (fault(403, "AccessDenied"), "BucketDenied"),
        (fault(404, "NoSuchBucket"), "BucketMissing"),
        (Reply::Says(301, moved, String::new()), "BucketWrongRegion"),
        (fault(503, "SlowDown"), "BucketThrottled"),
        (fault(500, "InternalError"), "BucketUnanswered"),
        (Reply::Silence, "BucketUnanswered"),
        (
            Reply::Says(
                200,
                &[],
                "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>".to_owned(),
            ),
            "BucketUnanswered",
        ),
    ] {
        s3.rule("LIST", reply);
        assert_eq!(source.poll().await.unwrap_err().reason(), reason);
    }
    s3.behave();
    s3.calls();
    assert_eq!(source.poll().await.unwrap(), before);
    assert_eq!(s3.calls().len(), 2, "nothing is read again");
}

#[tokio::test(start_paused = true)]
async fn one_object_that_is_denied_is_named() {
    let s3 = FakeS3::default();
    ["a", "b"].iter().for_each(|name| s3.put(&format!("prod/{name}.yaml"), &api(name)));
    s3.deny("GET prod/b");
    let mut source = source(&s3);
    let snapshot = source.poll().await.unwrap();
    assert_eq!((names(&snapshot), unreadable(&snapshot)), (vec!["a"], vec!["b.yaml"]));
    assert!(snapshot.unreadable[0].reason.contains("s3:GetObject is denied"), "{:?}", snapshot.unreadable);
    s3.behave();
    assert!(source.poll().await.unwrap().is_complete());
    s3.put("prod/b.yaml", &api("c"));
    s3.deny("GET prod/b");
    let snapshot = source.poll().await.unwrap();
    assert_eq!((names(&snapshot), unreadable(&snapshot)), (vec!["a", "b"], vec!["b.yaml"]), "b stands");
}

#[tokio::test(start_paused = true)]
async fn those_that_fail_keep_none_from_its_turn() {
    let s3 = FakeS3::default();
    (0..100).for_each(|n| s3.put(&format!("prod/a{n:02}.yaml"), &api(&format!("a{n}"))));
    s3.put("prod/z.yaml", &api("z"));
    s3.deny("GET prod/a");
    let mut source = source(&s3);
    let first = source.poll().await.unwrap();
    assert_eq!(unreadable(&first).len(), 101);
    let asked = s3.calls().len();
    assert!(asked < 50, "{asked} calls");
    for _ in 0..3 {
        source.poll().await.unwrap();
    }
    assert_eq!(names(&source.poll().await.unwrap()), ["z"]);
}

#[tokio::test(start_paused = true)]
async fn what_lies_too_deep_is_unreadable_and_all_else_is_read() {
    let s3 = FakeS3::default();
    let deep = format!("{}a.yaml", "x/".repeat(33));
    s3.put(&format!("prod/{deep}"), b"");
    s3.put("prod/b.yaml", b"# none\n");
    let snapshot = source(&s3).poll().await.unwrap();
    let unreadable: Vec<&str> = snapshot.unreadable.iter().map(|file| file.file.as_str()).collect();
    assert_eq!((unreadable, snapshot.files), (vec![deep.as_str()], 2));
    assert!(!snapshot.is_complete());
}

#[tokio::test(start_paused = true)]
async fn limits_are_those_of_a_folder() {
    let refused = async |s3: &FakeS3| source(s3).poll().await.unwrap_err();
    let s3 = FakeS3::default();
    (0..10_001).for_each(|n| s3.put(&format!("prod/{n}.yaml"), b""));
    assert!(matches!(refused(&s3).await, SourceError::TooLarge { what: "document files", .. }));
    assert_eq!(s3.calls().len(), 11, "not one is read");
    let s3 = FakeS3::default();
    let large = vec![b'#'; FILE_BYTES_MAX];
    (0..257).for_each(|n| s3.put(&format!("prod/{n}.yaml"), &large));
    assert!(matches!(refused(&s3).await, SourceError::TooLarge { what: "bytes of documents", .. }));
}
