//! What [`Bucket`] makes of S3's answers.

use super::*;
use crate::bucket::{Condition, Fetched, StoreError, Stored};

const MANY: usize = 100_000;

#[tokio::test(start_paused = true)]
async fn a_listing_has_its_last_page() {
    let s3 = FakeS3::default();
    for (count, calls) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (2_500, 3)] {
        for number in 0..count {
            s3.put(&format!("prod/{number:05}.yaml"), b"x");
        }
        s3.put("production.yaml", b"x");
        let entries = s3.bucket().list("prod/", MANY).await.unwrap();
        assert_eq!((entries.len(), s3.calls().len()), (count, calls));
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_listing_is_none() {
    let s3 = FakeS3::default();
    let object = "<Contents><Key>prod/a.yaml</Key><ETag>x</ETag><Size>1</Size></Contents>";
    let stranger = "<Contents><Key>other/a.yaml</Key><ETag>x</ETag><Size>1</Size></Contents>";
    for half in [
        format!("<ListBucketResult>{object}<IsTruncated>true</IsTruncated></ListBucketResult>"),
        format!("<ListBucketResult>{stranger}<IsTruncated>false</IsTruncated></ListBucketResult>"),
        "<ListBucketResult><Contents><Key>prod/a.yaml</Key></Contents></ListBucketResult>".to_owned(),
        format!("<ListBucketResult>{object}"),
        // The same token for ever.
        format!(
            "<ListBucketResult>{object}<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>"
        ),
    ] {
        s3.rule("LIST", Reply::Says(200, &[], half.clone()));
        let error = s3.bucket().list("prod/", MANY).await.unwrap_err();
        assert!(matches!(error, StoreError::Unanswered { .. }), "{half}: {error}");
    }
    s3.behave();
    (0..20).for_each(|number| s3.put(&format!("prod/{number}"), b"x"));
    let error = s3.bucket().list("prod/", 10).await.unwrap_err();
    assert_eq!(error.to_string(), "s3://docs/prod/: more than 10 objects");
}

#[tokio::test(start_paused = true)]
async fn keys_are_opaque() {
    let s3 = FakeS3::default();
    let keys = [
        "prod/a b+c.yaml",
        "prod/../x.yaml",
        "prod/\u{1}\n.yaml",
        "prod/日本%2F.yaml",
        "prod//a.yaml",
        "prod/x/",
    ];
    for key in keys {
        s3.put(key, key.as_bytes());
    }
    let bucket = s3.bucket();
    let listed = bucket.list("prod/", MANY).await.unwrap();
    let mut sorted = keys;
    sorted.sort_unstable();
    assert_eq!(listed.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), sorted);
    for entry in listed {
        let stored = bucket.get(&entry.key, Some(&entry.etag), 100).await.unwrap().unwrap();
        assert_eq!(stored.bytes, entry.key.as_bytes());
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_is_read_whole_unchanged_or_not_at_all() {
    let s3 = FakeS3::default();
    let bucket = s3.bucket();
    assert_eq!(bucket.get("prod/a", None, 10).await.unwrap(), None);
    assert_eq!(bucket.get_unless("prod/a", "\"e1\"", 10).await.unwrap(), Fetched::Absent);
    s3.put("prod/a", b"12345");
    let stored = Stored { bytes: b"12345".to_vec(), etag: "\"e1\"".to_owned() };
    assert_eq!(bucket.get("prod/a", Some("\"e1\""), 5).await.unwrap(), Some(stored.clone()));
    assert_eq!(bucket.get_unless("prod/a", "\"e1\"", 5).await.unwrap(), Fetched::Unchanged);
    assert_eq!(bucket.get_unless("prod/a", "\"e0\"", 5).await.unwrap(), Fetched::Changed(stored));
    assert!(matches!(bucket.get("prod/a", None, 4).await, Err(StoreError::TooLarge { limit: 4, .. })));
    s3.put("prod/a", b"other");
    assert!(matches!(bucket.get("prod/a", Some("\"e1\""), 5).await, Err(StoreError::Conflict { .. })));
}

#[tokio::test(start_paused = true)]
async fn writes_keep_their_conditions() {
    let s3 = FakeS3::default();
    let bucket = s3.bucket();
    let put = async |text: &str, condition: Condition<'_>| bucket.put("lease", text.into(), condition).await;
    let is_conflict = |result: Result<String, StoreError>| matches!(result, Err(StoreError::Conflict { .. }));
    assert!(is_conflict(put("x", Condition::Unchanged("\"e1\"")).await), "it is gone");
    let first = put("1", Condition::Absent).await.unwrap();
    assert!(is_conflict(put("2", Condition::Absent).await));
    let second = put("3", Condition::Unchanged(&first)).await.unwrap();
    assert!(is_conflict(put("4", Condition::Unchanged(&first)).await));
    assert_eq!(s3.text("lease").as_deref(), Some("3"));
    let stale = bucket.delete("lease", Condition::Unchanged(&first)).await;
    assert!(matches!(stale, Err(StoreError::Conflict { .. })));
    bucket.delete("lease", Condition::Unchanged(&second)).await.unwrap();
    bucket.delete("lease", Condition::Always).await.unwrap();
    assert_eq!(s3.text("lease"), None);
}

#[tokio::test(start_paused = true)]
async fn answers_are_told_apart_by_what_follows() {
    let s3 = FakeS3::default();
    let moved = &[("x-amz-bucket-region", "eu-west-1")];
    let here = &[("x-amz-bucket-region", "us-east-1")];
    let malformed = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>m</Message><Region>eu-west-1</Region></Error>";
    let denied = "<Error><Code>AccessDenied</Code><Message>m</Message></Error>";
    for (reply, reason) in [
        (fault(404, "NoSuchBucket"), "BucketMissing"),
        (fault(403, "AccessDenied"), "BucketDenied"),
        (Reply::Says(403, here, denied.to_owned()), "BucketDenied"),
        (Reply::Says(301, moved, String::new()), "BucketWrongRegion"),
        (fault(301, "PermanentRedirect"), "BucketWrongRegion"),
        (Reply::Says(400, &[], malformed.to_owned()), "BucketWrongRegion"),
        (fault(400, "AuthorizationHeaderMalformed"), "BucketRefused"),
        (fault(409, "ConditionalRequestConflict"), "BucketConflict"),
        (fault(412, "PreconditionFailed"), "BucketConflict"),
        (fault(503, "SlowDown"), "BucketThrottled"),
        (fault(503, "ServiceUnavailable"), "BucketUnanswered"),
        (fault(500, "InternalError"), "BucketUnanswered"),
        (fault(400, "InvalidArgument"), "BucketRefused"),
        (Reply::Silence, "BucketUnanswered"),
    ] {
        s3.rule("", reply.clone());
        let bucket = s3.bucket();
        let put = bucket.put("a", Vec::new(), Condition::Always).await.unwrap_err();
        assert_eq!(put.reason(), reason, "{reply:?}: {put}");
        for error in [
            bucket.list("a", MANY).await.unwrap_err(),
            bucket.get("a", None, 1).await.unwrap_err(),
            bucket.delete("a", Condition::Always).await.unwrap_err(),
        ] {
            assert_eq!(error.reason(), reason, "{reply:?}: {error}");
        }
        assert_eq!(s3.calls().len(), 4, "nothing is sent twice");
    }
    s3.rule("", Reply::Says(301, moved, String::new()));
    let error = s3.bucket().list("a", MANY).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "s3://docs/a: the bucket is in another region than us-east-1: set AWS_REGION=eu-west-1"
    );
}

#[test]
fn an_endpoint_of_its_own_takes_the_bucket_in_the_path() {
    let s3 = FakeS3::default();
    let rt = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let config = s3.config().to_builder().endpoint_url("http://127.0.0.1:9").build();
    rt.block_on(async {
        assert_eq!(Bucket::new(&config, "docs").get("prod/a b", None, 1).await.unwrap(), None);
        assert_eq!(s3.bucket().get("prod/a b", None, 1).await.unwrap(), None);
    });
    assert_eq!(s3.calls(), ["GET docs/prod/a b", "GET prod/a b"]);
}
