//! Addresses, buckets, lists.

use crate::testing::{Caller, element, elements, header, text};
use crate::{Config, Delays, Request, Response};
use serde_json::json;

fn with_bucket() -> Caller {
    let mut aws = Caller::instant();
    assert_eq!(aws.s3("PUT", "/docs", &[], "").status, 200);
    aws
}

fn with_keys(keys: &[&str]) -> Caller {
    let mut aws = with_bucket();
    for key in keys {
        aws.world.put_object("docs", key, key.as_bytes());
    }
    aws
}

/// All pages of a list: keys and common prefixes of each.
fn pages(aws: &mut Caller, query: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let uri = format!("/docs?list-type=2&{query}{token}");
        let response = aws.s3("GET", &uri, &[], "");
        let xml = text(&response);
        assert_eq!(response.status, 200, "{uri}: {xml}");
        let prefixes: Vec<String> =
            elements(&xml, "CommonPrefixes").iter().filter_map(|inside| element(inside, "Prefix")).collect();
        let keys = elements(&xml, "Key");
        assert_eq!(element(&xml, "KeyCount"), Some((keys.len() + prefixes.len()).to_string()), "{xml}");
        pages.push((keys, prefixes));
        match element(&xml, "NextContinuationToken") {
            Some(next) => token = format!("&continuation-token={next}"),
            None => {
                assert_eq!(element(&xml, "IsTruncated").as_deref(), Some("false"));
                return pages;
            }
        }
    }
}

#[test]
fn the_bucket_stands_in_the_path_or_in_the_host() {
    let mut aws = with_bucket();
    aws.world.put_object("docs", "a/b.yaml", "x");
    let signed =
        ("authorization", "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request, Signature=x");
    for (uri, headers) in [
        ("/docs/a/b.yaml?x-id=GetObject", vec![signed]),
        ("https://s3.us-east-1.amazonaws.com/docs/a/b.yaml", vec![]),
        ("https://docs.s3.us-east-1.amazonaws.com/a/b.yaml", vec![]),
        ("https://docs.s3.amazonaws.com/a/b.yaml", vec![]),
        ("https://docs.s3.dualstack.us-east-1.amazonaws.com/a/b.yaml", vec![]),
        ("/a/b.yaml", vec![("host", "docs.s3.us-east-1.amazonaws.com:443")]),
        ("/a/b.yaml", vec![("host", "docs.localhost:4566"), signed]),
        ("/docs/a/b.yaml", vec![("host", "127.0.0.1:4566"), signed]),
        ("/docs/a/b.yaml?X-Amz-Credential=A%2F20260101%2Fus-east-1%2Fs3%2Faws4_request", vec![]),
    ] {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = Request { method: "GET".to_owned(), uri: uri.to_owned(), headers, body: Vec::new() };
        let response = aws.send(&request);
        assert_eq!((response.status, text(&response).as_str()), (200, "x"), "{uri}");
        assert_eq!(aws.world.log().last().map(|call| call.service), Some("s3"), "{uri}");
    }
    assert_eq!(aws.s3_code("GET", "/docs/a?acl", &[], ""), (501, "NotImplemented".to_owned()));
    assert_eq!(aws.s3_code("POST", "/docs/a?uploads", &[], ""), (501, "NotImplemented".to_owned()));
    assert_eq!(aws.s3_code("GET", "/docs/%FF", &[], ""), (400, "InvalidURI".to_owned()));
    let long = format!("/docs/{}", "k".repeat(1025));
    assert_eq!(aws.s3_code("PUT", &long, &[], ""), (400, "KeyTooLongError".to_owned()));
    assert_eq!(aws.s3("PUT", &long[..long.len() - 1], &[], "").status, 200);
}

#[test]
fn buckets_come_and_go() {
    let mut aws = with_bucket();
    assert_eq!(aws.s3("PUT", "/docs", &[], "").status, 200, "twice is once where buckets were at first");
    for (name, body, code) in [
        ("/Docs", "", "InvalidBucketName"),
        ("/ab", "", "InvalidBucketName"),
        ("/a..b", "", "InvalidBucketName"),
        ("/other", "<x/>", "MalformedXML"),
        ("/other", &location("us-east-1"), "InvalidLocationConstraint"),
        ("/other", &location("eu-west-1"), "IllegalLocationConstraintException"),
    ] {
        assert_eq!(aws.s3_code("PUT", name, &[], body), (400, code.to_owned()), "{name}");
    }
    let xml = text(&aws.s3("GET", "/", &[], ""));
    assert_eq!(elements(&xml, "Name"), ["docs"]);
    assert_eq!(element(&xml, "CreationDate").as_deref(), Some("2023-11-14T22:13:20.000Z"));
    let head = aws.s3("HEAD", "/docs", &[], "");
    assert_eq!((head.status, header(&head, "x-amz-bucket-region").as_deref()), (200, Some("us-east-1")));
    assert!(text(&aws.s3("GET", "/docs?location", &[], "")).ends_with("></LocationConstraint>"));
    aws.world.put_object("docs", "a", "x");
    assert_eq!(aws.s3_code("DELETE", "/docs", &[], ""), (409, "BucketNotEmpty".to_owned()));
    assert!(aws.world.delete_object("docs", "a"));
    assert_eq!(aws.s3("DELETE", "/docs", &[], "").status, 204);
    assert_eq!(aws.s3_code("GET", "/docs?list-type=2", &[], ""), (404, "NoSuchBucket".to_owned()));
    let head = aws.s3("HEAD", "/docs", &[], "");
    assert_eq!((head.status, head.body.len()), (404, 0), "an answer to HEAD has no body");
    assert_eq!(aws.world.dump()["s3"], json!({"buckets": {}}));
}

fn location(region: &str) -> String {
    let xmlns = "http://s3.amazonaws.com/doc/2006-03-01/";
    format!(
        "<CreateBucketConfiguration xmlns=\"{xmlns}\"><LocationConstraint>{region}</LocationConstraint>\
         </CreateBucketConfiguration>"
    )
}

#[test]
fn another_region_is_told_where_to_go() {
    let mut aws = Caller::instant();
    let made = aws.s3_in("eu-west-1", "PUT", "/docs", &[], &location("eu-west-1"));
    assert_eq!(made.status, 200, "{}", text(&made));
    let again = aws.s3_in("eu-west-1", "PUT", "/docs", &[], &location("eu-west-1"));
    assert!(again.status == 409 && text(&again).contains("BucketAlreadyOwnedByYou"));
    let tell = |response: &Response| (response.status, header(response, "x-amz-bucket-region"));
    for (method, uri) in
        [("GET", "/docs?list-type=2"), ("HEAD", "/docs"), ("PUT", "/docs/a"), ("GET", "/docs/a")]
    {
        let response = aws.s3(method, uri, &[], "");
        assert_eq!(tell(&response), (301, Some("eu-west-1".to_owned())), "{method} {uri}");
        assert_eq!(text(&response).contains("<Code>PermanentRedirect</Code>"), method != "HEAD");
    }
    let place = text(&aws.s3("GET", "/docs?location", &[], ""));
    assert!(place.ends_with(">eu-west-1</LocationConstraint>"), "{place}");
    assert_eq!(aws.s3_in("eu-west-1", "PUT", "/docs/a", &[], "x").status, 200);
}

#[test]
fn keys_are_in_the_order_of_their_bytes_and_nothing_is_made_of_them() {
    let keys =
        ["B", "a", "a/", "a//b", "a/../b", "a0", "\u{1}", "../x", "z\u{e9}", "\u{1f600}", "a b+c&<d>'\""];
    let mut aws = with_keys(&keys);
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    assert_eq!(aws.world.keys("docs"), sorted);
    let encoded = pages(&mut aws, "encoding-type=url").concat_keys();
    let decoded: Vec<String> =
        encoded.iter().map(|key| crate::route::decode(&key.replace('+', " "))).collect();
    assert_eq!(decoded, sorted);
    assert!(encoded.contains(&"a+b%2Bc%26%3Cd%3E%27%22".to_owned()), "{encoded:?}");
    let plain = pages(&mut aws, "").concat_keys();
    assert!(plain.contains(&"&#x1;".to_owned()) && plain.contains(&"a b+c&amp;&lt;d&gt;'&quot;".to_owned()));
    for key in keys {
        let uri: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(text(&aws.s3("GET", &format!("/docs/{uri}"), &[], "")), key);
    }
    for (uri, key) in
        [("/docs/a//b", "a//b"), ("/docs/a/../b", "a/../b"), ("/docs/a/", "a/"), ("/docs/../x", "../x")]
    {
        assert_eq!(text(&aws.s3("GET", uri, &[], "")), key);
    }
    assert_eq!(aws.s3("PUT", "/docs//a://b", &[], "y").status, 200);
    assert_eq!(aws.world.object("docs", "/a://b"), Some(&b"y"[..]));
}

#[test]
fn lists_are_paged_and_grouped() {
    let mut aws = with_keys(&["a", "dir/1", "dir/2", "dir/sub/3", "dir0", "e"]);
    let flat = |pages: Vec<(Vec<String>, Vec<String>)>| -> (usize, Vec<String>, Vec<String>) {
        let count = pages.len();
        let (keys, prefixes): (Vec<_>, Vec<_>) = pages.into_iter().unzip();
        (count, keys.concat(), prefixes.concat())
    };
    let all = ["a", "dir/1", "dir/2", "dir/sub/3", "dir0", "e"];
    for limit in 1..=7 {
        let (count, keys, prefixes) = flat(pages(&mut aws, &format!("max-keys={limit}")));
        assert_eq!((count, prefixes.len()), (6_usize.div_ceil(limit), 0));
        assert_eq!(keys, all);
        let (_, keys, prefixes) = flat(pages(&mut aws, &format!("delimiter=/&max-keys={limit}")));
        assert_eq!((keys, prefixes), (vec!["a".into(), "dir0".into(), "e".into()], vec!["dir/".into()]));
        let (_, keys, prefixes) = flat(pages(&mut aws, &format!("prefix=dir/&delimiter=/&max-keys={limit}")));
        assert_eq!((keys, prefixes), (vec!["dir/1".into(), "dir/2".into()], vec!["dir/sub/".into()]));
    }
    assert_eq!(flat(pages(&mut aws, "start-after=dir/2")).1, all[3..]);
    assert_eq!(flat(pages(&mut aws, "prefix=nothing")).1, [""; 0]);
    assert_eq!(flat(pages(&mut aws, "max-keys=0")), (1, vec![], vec![]));
    let xml = text(&aws.s3("GET", "/docs?list-type=2&max-keys=5000", &[], ""));
    assert_eq!(element(&xml, "MaxKeys").as_deref(), Some("1000"));
    for query in
        ["max-keys=x", "max-keys=-1", "continuation-token=zz", "continuation-token=", "encoding-type=rot13"]
    {
        let code = aws.s3_code("GET", &format!("/docs?list-type=2&{query}"), &[], "");
        assert_eq!(code, (400, "InvalidArgument".to_owned()), "{query}");
    }
    // What comes and goes between two pages shifts nothing.
    let first = text(&aws.s3("GET", "/docs?list-type=2&max-keys=2", &[], ""));
    let token = element(&first, "NextContinuationToken").unwrap();
    aws.world.delete_object("docs", "dir/1");
    aws.world.put_object("docs", "0", "x");
    let rest = text(&aws.s3("GET", &format!("/docs?list-type=2&continuation-token={token}"), &[], ""));
    assert_eq!(elements(&rest, "Key"), all[2..]);
}

#[test]
fn the_first_form_of_lists_goes_by_markers() {
    let mut aws = with_keys(&["a", "dir/1", "dir/2", "e"]);
    let xml = text(&aws.s3("GET", "/docs?max-keys=2&delimiter=/", &[], ""));
    assert_eq!((elements(&xml, "Key"), element(&xml, "NextMarker")), (vec!["a".into()], Some("dir/".into())));
    let xml = text(&aws.s3("GET", "/docs?marker=dir/&delimiter=/", &[], ""));
    assert_eq!((elements(&xml, "Key"), element(&xml, "KeyCount")), (vec!["e".into()], None));
    let xml = text(&aws.s3("GET", "/docs?marker=dir/1&max-keys=1", &[], ""));
    assert_eq!((elements(&xml, "Key"), element(&xml, "NextMarker")), (vec!["dir/2".into()], None));
}

#[test]
fn a_page_can_be_kept_short_and_a_list_kept_behind() {
    let mut aws =
        Caller::with(Config { delays: Delays::none(), page_size_max: Some(2), ..Config::default() });
    for number in 0..5 {
        aws.world.put_object("docs", &number.to_string(), "x");
    }
    aws.wait(60);
    assert_eq!(pages(&mut aws, "").len(), 3);
    aws.world.faults().hide_from_lists("s3.ListObjectsV2", std::time::Duration::from_secs(10));
    aws.world.put_object("docs", "new", "x");
    assert_eq!(pages(&mut aws, "").len(), 3);
    aws.wait(10);
    assert_eq!(pages(&mut aws, "").len(), 3);
    assert_eq!(pages(&mut aws, "").concat_keys().last().map(String::as_str), Some("new"));
}

trait ConcatKeys {
    fn concat_keys(&self) -> Vec<String>;
}

impl ConcatKeys for Vec<(Vec<String>, Vec<String>)> {
    fn concat_keys(&self) -> Vec<String> {
        self.iter().flat_map(|(keys, _)| keys.clone()).collect()
    }
}

#[test]
fn what_is_forbidden_is_403_until_it_is_allowed() {
    let mut aws = with_keys(&["a"]);
    aws.world.faults().deny("s3.ListObjectsV2");
    assert_eq!(aws.s3_code("GET", "/docs?list-type=2", &[], ""), (403, "AccessDenied".to_owned()));
    assert_eq!(aws.s3("GET", "/docs/a", &[], "").status, 200);
    let gone = aws.s3_code("GET", "/docs/gone", &[], "");
    assert_eq!(gone, (403, "AccessDenied".to_owned()), "who may not list is not told what is missing");
    aws.world.faults().allow("s3.ListObjectsV2");
    assert_eq!(aws.s3_code("GET", "/docs/gone", &[], ""), (404, "NoSuchKey".to_owned()));
    aws.world.faults().deny("GetObject");
    assert_eq!(aws.s3_code("GET", "/docs/a", &[], "").0, 403);
    aws.world.faults().clear();
    aws.world.faults().fail("s3.PutObject", 1, 503, "SlowDown", "Please reduce your request rate.");
    let slow = aws.s3("PUT", "/docs/b", &[], "x");
    assert_eq!(header(&slow, "content-type").as_deref(), Some("application/xml"));
    assert_eq!((slow.status, element(&text(&slow), "Code").as_deref()), (503, Some("SlowDown")));
    assert_eq!(aws.world.object("docs", "b"), None);
    aws.world.faults().lose_answer("s3.PutObject", 1);
    assert_eq!(aws.s3("PUT", "/docs/b", &[], "x").status, 503);
    assert_eq!(
        aws.world.object("docs", "b"),
        Some(&b"x"[..]),
        "a lost answer is that of a write carried out"
    );
    let writes: Vec<_> =
        aws.world.log().iter().filter(|call| call.write).map(|call| &call.operation).collect();
    assert_eq!(writes, ["CreateBucket", "PutObject", "PutObject"]);
}
