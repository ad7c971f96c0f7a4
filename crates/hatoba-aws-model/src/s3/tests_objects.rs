//! Objects: what is kept with them, conditions, ranges, copies, chunked bodies, versions.

use crate::testing::{Caller, element, elements, header, text};
use crate::{Answer, Response};
use serde_json::json;

/// The MD5 of `one`, and of `two`.
const ONE: &str = "\"f97c5d29941bfb1b2fdab0874906ab82\"";
const TWO: &str = "\"b8a9f715dbb64fd5c56e7783c6820a61\"";

fn with_one() -> Caller {
    let mut aws = Caller::instant();
    assert_eq!(aws.s3("PUT", "/docs", &[], "").status, 200);
    assert_eq!(header(&aws.s3("PUT", "/docs/a", &[], "one"), "etag").as_deref(), Some(ONE));
    aws
}

fn outcome(response: &Response) -> (u16, String) {
    (response.status, element(&text(response), "Code").unwrap_or_default())
}

#[test]
fn an_object_reads_back_with_what_was_sent() {
    let mut aws = Caller::instant();
    aws.s3("PUT", "/docs", &[], "");
    let sent = [
        ("content-type", "application/yaml"),
        ("content-encoding", "gzip"),
        ("x-amz-meta-team", "web"),
        ("x-amz-checksum-crc32", "eoWzgg=="),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
    ];
    let put = aws.s3("PUT", "/docs/a?x-id=PutObject", &sent, "one");
    assert_eq!((put.status, header(&put, "x-amz-checksum-crc32").as_deref()), (200, Some("eoWzgg==")));
    assert!(header(&put, "x-amz-request-id").is_some_and(|id| id.len() == 16));
    for (method, body) in [("GET", "one"), ("HEAD", "")] {
        let response = aws.s3(method, "/docs/a", &[("x-amz-checksum-mode", "ENABLED")], "");
        assert_eq!((response.status, text(&response).as_str()), (200, body));
        for (name, value) in sent[..4].iter().copied().chain([
            ("etag", ONE),
            ("content-length", "3"),
            ("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ]) {
            assert_eq!(header(&response, name).as_deref(), Some(value), "{method} {name}");
        }
    }
    assert_eq!(header(&aws.s3("GET", "/docs/a", &[], ""), "x-amz-checksum-crc32"), None);
    let dump = json!({"etag": ONE, "size": 3, "text": "one"});
    assert_eq!(aws.world.dump()["s3"]["buckets"]["docs"]["objects"]["a"], dump);
    assert_eq!(outcome(&aws.s3("GET", "/docs/b", &[], "")), (404, "NoSuchKey".to_owned()));
    let head = aws.s3("HEAD", "/docs/b", &[], "");
    assert_eq!((head.status, head.body.len()), (404, 0));
    for _ in 0..2 {
        assert_eq!(aws.s3("DELETE", "/docs/a", &[], "").status, 204, "gone is gone");
    }
}

#[test]
fn reads_obey_conditions() {
    let mut aws = with_one();
    let failed = || (412, "PreconditionFailed".to_owned());
    for method in ["GET", "HEAD"] {
        let same = aws.s3(method, "/docs/a", &[("if-none-match", ONE)], "");
        assert_eq!((same.status, same.body.len(), header(&same, "etag").as_deref()), (304, 0, Some(ONE)));
        assert_eq!(aws.s3(method, "/docs/a", &[("if-none-match", TWO)], "").status, 200);
        assert_eq!(aws.s3(method, "/docs/a", &[("if-match", ONE)], "").status, 200);
        assert_eq!(aws.s3(method, "/docs/a", &[("if-match", TWO)], "").status, 412);
    }
    assert_eq!(outcome(&aws.s3("GET", "/docs/a", &[("if-match", TWO)], "")), failed());
    let bare = ONE.trim_matches('"');
    assert_eq!(aws.s3("GET", "/docs/a", &[("if-none-match", &format!("\"x\", {bare}"))], "").status, 304);
}

#[test]
fn writes_obey_conditions() {
    let mut aws = with_one();
    let create = [("if-none-match", "*")];
    let lost = aws.s3("PUT", "/docs/a", &create, "two");
    assert_eq!(outcome(&lost), (412, "PreconditionFailed".to_owned()));
    assert_eq!(element(&text(&lost), "Condition").as_deref(), Some("If-None-Match"));
    assert_eq!(aws.s3("PUT", "/docs/b", &create, "two").status, 200);
    assert_eq!(outcome(&aws.s3("PUT", "/docs/a", &[("if-none-match", ONE)], "x")).0, 501);
    let lost = outcome(&aws.s3("PUT", "/docs/a", &[("if-match", TWO)], "two"));
    assert_eq!(lost, (412, "PreconditionFailed".to_owned()));
    let gone = outcome(&aws.s3("PUT", "/docs/c", &[("if-match", ONE)], "two"));
    assert_eq!(gone, (404, "NoSuchKey".to_owned()));
    assert_eq!(aws.s3("PUT", "/docs/a", &[("if-match", ONE)], "two").status, 200);
    assert_eq!(aws.s3("PUT", "/docs/a", &[("if-match", ONE)], "x").status, 412, "once only");
    assert_eq!(aws.world.object("docs", "a"), Some(&b"two"[..]));
    assert_eq!(aws.s3("DELETE", "/docs/a", &[("if-match", ONE)], "").status, 412);
    assert_eq!(aws.s3("DELETE", "/docs/a", &[("if-match", TWO)], "").status, 204);
    assert_eq!(aws.s3("DELETE", "/docs/a", &[("if-match", TWO)], "").status, 412);
    assert_eq!(aws.world.keys("docs"), ["b"]);
}

#[test]
fn a_lost_answer_to_a_conditional_write_is_412_the_second_time() {
    let mut aws = with_one();
    aws.world.faults().lose_answer("s3.PutObject", 1);
    aws.world.faults().hang("s3.DeleteObject", 1);
    let create = [("if-none-match", "*")];
    assert_eq!(aws.s3("PUT", "/docs/b", &create, "x").status, 503);
    assert_eq!(aws.s3("PUT", "/docs/b", &create, "x").status, 412);
    aws.s3("DELETE", "/docs/b", &[], "");
    assert!(aws.world.object("docs", "b").is_some(), "what hangs is not carried out");
}

#[test]
fn ranges_are_parts() {
    let mut aws = Caller::instant();
    aws.world.put_object("docs", "a", "0123456789");
    for (range, status, body, told) in [
        ("bytes=0-3", 206, "0123", Some("bytes 0-3/10")),
        ("bytes=8-", 206, "89", Some("bytes 8-9/10")),
        ("bytes=8-100", 206, "89", Some("bytes 8-9/10")),
        ("bytes=-3", 206, "789", Some("bytes 7-9/10")),
        ("bytes=-30", 206, "0123456789", Some("bytes 0-9/10")),
        ("lines=1-2", 200, "0123456789", None),
        ("bytes=5-2", 200, "0123456789", None),
    ] {
        let response = aws.s3("GET", "/docs/a", &[("range", range)], "");
        assert_eq!((response.status, text(&response).as_str()), (status, body), "{range}");
        assert_eq!(header(&response, "content-range").as_deref(), told, "{range}");
    }
    for range in ["bytes=10-", "bytes=-0"] {
        let code = outcome(&aws.s3("GET", "/docs/a", &[("range", range)], ""));
        assert_eq!(code, (416, "InvalidRange".to_owned()), "{range}");
    }
}

#[test]
fn chunks_are_taken_out_of_their_frames() {
    let mut aws = with_one();
    let streamed = [
        ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("content-encoding", "aws-chunked,gzip"),
        ("x-amz-decoded-content-length", "5"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];
    let body = "3\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:hYfYZQ==\r\n\r\n";
    let put = aws.s3("PUT", "/docs/a", &streamed, body);
    assert_eq!((put.status, header(&put, "x-amz-checksum-crc32").as_deref()), (200, Some("hYfYZQ==")));
    let read = aws.s3("GET", "/docs/a", &[], "");
    assert_eq!((text(&read).as_str(), header(&read, "content-encoding").as_deref()), ("abcde", Some("gzip")));
    for broken in ["3\r\nab", "3\r\nabc\r\n0\r\n\r\n", "no chunks"] {
        let code = outcome(&aws.s3("PUT", "/docs/a", &streamed, broken));
        assert_eq!(code, (400, "IncompleteBody".to_owned()), "{broken:?}");
    }
    assert_eq!(aws.world.object("docs", "a"), Some(&b"abcde"[..]));
}

#[test]
fn copies_carry_what_is_kept_or_what_is_sent() {
    let mut aws = with_one();
    let typed = [("content-type", "text/x"), ("x-amz-meta-a", "1")];
    aws.s3("PUT", "/docs/a%20b", &typed, "one");
    let copied = aws.s3("PUT", "/docs/c", &[("x-amz-copy-source", "docs/a%20b")], "");
    assert_eq!(element(&text(&copied), "ETag"), Some(ONE.replace('"', "&quot;")));
    let read = aws.s3("GET", "/docs/c", &[], "");
    assert_eq!((text(&read).as_str(), header(&read, "x-amz-meta-a").as_deref()), ("one", Some("1")));
    let replace =
        [("x-amz-copy-source", "/docs/c"), ("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-b", "2")];
    assert_eq!(aws.s3("PUT", "/docs/c", &replace, "").status, 200);
    let read = aws.s3("GET", "/docs/c", &[], "");
    assert_eq!((header(&read, "x-amz-meta-a"), header(&read, "x-amz-meta-b")), (None, Some("2".to_owned())));
    for (headers, status) in [
        (vec![("x-amz-copy-source", "docs/c")], 400),
        (vec![("x-amz-copy-source", "docs/gone")], 404),
        (vec![("x-amz-copy-source", "nowhere/c")], 404),
        (vec![("x-amz-copy-source", "docs")], 400),
        (vec![("x-amz-copy-source", "docs/a"), ("x-amz-copy-source-if-match", TWO)], 412),
        (vec![("x-amz-copy-source", "docs/a"), ("x-amz-copy-source-if-none-match", ONE)], 412),
        (vec![("x-amz-copy-source", "docs/a"), ("if-none-match", "*")], 412),
    ] {
        assert_eq!(aws.s3("PUT", "/docs/c", &headers, "").status, status, "{headers:?}");
    }
}

#[test]
fn many_are_deleted_in_one_call() {
    let mut aws = with_one();
    aws.world.put_object("docs", "x&y", "x");
    let body = format!(
        "<Delete><Object><Key>a</Key><ETag>{TWO}</ETag></Object><Object><Key>x&amp;y</Key></Object>\
         <Object><Key>gone</Key></Object></Delete>"
    );
    let response = aws.s3("POST", "/docs?delete", &[], &body);
    let xml = text(&response);
    let deleted: Vec<_> =
        elements(&xml, "Deleted").iter().filter_map(|inside| element(inside, "Key")).collect();
    assert_eq!((response.status, deleted), (200, vec!["x&amp;y".to_owned(), "gone".to_owned()]));
    assert_eq!(element(&element(&xml, "Error").unwrap(), "Code").as_deref(), Some("PreconditionFailed"));
    assert_eq!(aws.world.keys("docs"), ["a"]);
    let quiet = "<Delete><Quiet>true</Quiet><Object><Key>a</Key></Object></Delete>";
    assert_eq!(elements(&text(&aws.s3("POST", "/docs?delete", &[], quiet)), "Deleted"), [""; 0]);
    assert_eq!(aws.world.keys("docs"), [""; 0]);
    assert_eq!(outcome(&aws.s3("POST", "/docs?delete", &[], "<Delete/>")), (400, "MalformedXML".to_owned()));
}

#[test]
fn versions_are_kept_once_they_are_asked_for() {
    let mut aws = with_one();
    let status = |aws: &mut Caller| element(&text(&aws.s3("GET", "/docs?versioning", &[], "")), "Status");
    let set = |aws: &mut Caller, word: &str| {
        let body = format!("<VersioningConfiguration><Status>{word}</Status></VersioningConfiguration>");
        aws.s3("PUT", "/docs?versioning", &[], &body).status
    };
    assert_eq!((status(&mut aws), set(&mut aws, "Maybe"), set(&mut aws, "Enabled")), (None, 400, 200));
    assert_eq!(status(&mut aws).as_deref(), Some("Enabled"));
    let put = aws.s3("PUT", "/docs/a", &[("if-match", ONE)], "two");
    let second = header(&put, "x-amz-version-id").unwrap();
    let get = |aws: &mut Caller, id: &str| text(&aws.s3("GET", &format!("/docs/a?versionId={id}"), &[], ""));
    assert_eq!((get(&mut aws, "null").as_str(), get(&mut aws, &second).as_str()), ("one", "two"));
    let deleted = aws.s3("DELETE", "/docs/a", &[], "");
    let marker = header(&deleted, "x-amz-version-id").unwrap();
    assert_eq!(header(&deleted, "x-amz-delete-marker").as_deref(), Some("true"));
    let gone = aws.s3("GET", "/docs/a", &[], "");
    assert_eq!(outcome(&gone), (404, "NoSuchKey".to_owned()));
    assert_eq!(header(&gone, "x-amz-delete-marker").as_deref(), Some("true"));
    assert_eq!(aws.world.keys("docs"), [""; 0]);
    assert_eq!(aws.s3("GET", &format!("/docs/a?versionId={marker}"), &[], "").status, 405);
    assert_eq!(outcome(&aws.s3("GET", "/docs/a?versionId=x", &[], "")), (404, "NoSuchVersion".to_owned()));
    assert_eq!(aws.s3("DELETE", "/docs", &[], "").status, 409, "versions keep a bucket");
    assert_eq!(
        aws.s3("PUT", "/docs/a", &[("if-none-match", "*")], "three").status,
        200,
        "a marker is absence"
    );
    set(&mut aws, "Suspended");
    aws.s3("PUT", "/docs/a", &[], "four");
    assert_eq!((get(&mut aws, "null").as_str(), get(&mut aws, &second).as_str()), ("four", "two"));
    assert_eq!(aws.s3("DELETE", "/docs/a?versionId=null", &[], "").status, 204);
    assert_eq!(aws.world.object("docs", "a"), Some(&b"three"[..]));
}

#[test]
fn a_hang_is_no_answer() {
    let mut aws = with_one();
    aws.world.faults().hang("s3.ListBuckets", 1);
    let request = crate::Request {
        method: "GET".to_owned(),
        uri: "https://s3.us-east-1.amazonaws.com/".to_owned(),
        ..crate::Request::default()
    };
    assert_eq!(aws.world.answer(&request, aws.now), Answer::Never);
    assert_eq!(aws.world.log().last().map(|call| (call.status, call.write)), Some((0, false)));
}
