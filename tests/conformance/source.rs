//! A bucket as others than us understand it: listings, conditions, odd keys, and messages about changes.

use std::time::Duration;

use hatoba_core::{Status, Truth};
use hatoba_engine::{Options, StatusSink};
use hatoba_source::{Bucket, BucketSource, Condition, Fetched, Location, StoreError, Variables};
use hatoba_tests::wait::holds_within;
use tokio::time::timeout;

use crate::bucket::{listening, made};
use crate::port::{LONG, Port};

const MANY: usize = 100_000;
/// Keys that a file system would not take, or would take for something else.
const ODD_KEYS: [&str; 5] = ["odd/a b+c.yaml", "odd/%2F.yaml", "odd//a.yaml", "odd/日本.yaml", "odd/x/"];

/// Listings to the last page, conditional reads and writes, keys by the letter, and what is not there.
async fn as_a_place(port: &Port, name: &str) {
    let bucket = Bucket::new(&port.sdk_config(), name);
    for number in 0..1_001 {
        let written = bucket.put(&format!("many/{number:04}.yaml"), b"x".to_vec(), Condition::Always).await;
        written.unwrap();
    }
    let listed = bucket.list("many/", MANY).await.unwrap();
    assert_eq!(listed.len(), 1_001);
    assert!(bucket.list("nothing/", MANY).await.unwrap().is_empty());

    for key in ODD_KEYS {
        bucket.put(key, key.as_bytes().to_vec(), Condition::Always).await.unwrap();
    }
    let odd = bucket.list("odd/", MANY).await.unwrap();
    assert_eq!(odd.len(), ODD_KEYS.len());
    for entry in odd {
        assert!(ODD_KEYS.contains(&entry.key.as_str()), "{:?}", entry.key);
        let stored = bucket.get(&entry.key, Some(&entry.etag), 100).await.unwrap();
        assert_eq!(stored.map(|stored| stored.bytes), Some(entry.key.clone().into_bytes()), "{}", entry.key);
    }

    let is_conflict = |error: &StoreError| matches!(error, StoreError::Conflict { .. });
    let first = bucket.put("lease", b"1".to_vec(), Condition::Absent).await.unwrap();
    assert!(is_conflict(&bucket.put("lease", b"2".to_vec(), Condition::Absent).await.unwrap_err()));
    let second = bucket.put("lease", b"3".to_vec(), Condition::Unchanged(&first)).await.unwrap();
    assert!(is_conflict(
        &bucket.put("lease", b"4".to_vec(), Condition::Unchanged(&first)).await.unwrap_err()
    ));
    assert!(is_conflict(&bucket.put("gone", b"4".to_vec(), Condition::Unchanged(&first)).await.unwrap_err()));
    assert_eq!(bucket.get_unless("lease", &second, 10).await.unwrap(), Fetched::Unchanged);
    assert!(matches!(bucket.get_unless("lease", &first, 10).await.unwrap(), Fetched::Changed(_)));
    assert!(is_conflict(&bucket.get("lease", Some(&first), 10).await.unwrap_err()));
    assert!(matches!(bucket.get("many/0000.yaml", None, 0).await, Err(StoreError::TooLarge { .. })));
    bucket.delete("lease", Condition::Always).await.unwrap();
    bucket.delete("lease", Condition::Always).await.unwrap();
    assert_eq!(bucket.get("lease", None, 10).await.unwrap(), None);
    let missing = Bucket::new(&port.sdk_config(), &format!("{name}-not-there"));
    assert!(matches!(missing.list("a/", MANY).await, Err(StoreError::NoSuchBucket { .. })));
}

/// An API from a dropped document, its status beside the source, and a drop that a queue tells of.
pub(crate) async fn as_a_source(mut port: Port) {
    // Buckets are not apart by region.
    let name = format!("hatoba-{}", port.region);
    let (s3, sqs) = made(&port, &name).await;
    as_a_place(&port, &name).await;
    let location: Location = format!("s3://{name}/prod").parse().unwrap();
    let bucket = Bucket::new(&port.sdk_config(), &name);
    let url = listening(&s3, &sqs, &name, &name).await;
    let mut source = BucketSource::new(&port.sdk_config(), location.clone(), Variables::default());
    source.listen(&port.sdk_config(), &url).send_replace(true);
    timeout(LONG, source.changed()).await.expect("who begins to listen looks first");
    let place = location.status_place();
    let mut sink = StatusSink::bucket(bucket.clone(), place.clone());

    let document = |name: &str| {
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n")
    };
    bucket.put("prod/a.yaml", document("a").into_bytes(), Condition::Always).await.unwrap();
    let options = Options { resync: Duration::from_secs(1), quota_share: 1.0, ..Options::default() };
    port.start_with(options, "");
    port.engine().accept(source.poll().await.unwrap());
    let stands = |status: &Status| status.synced.status == Truth::True && status.ready.status == Truth::True;
    let is_ready = async || port.engine().statuses().values().filter(|status| stands(status)).count();
    assert!(holds_within(LONG, async || is_ready().await == 1).await, "{}", port.describe());
    sink.write(&port.engine().statuses()).await;
    let key = place.key("status/HttpApi/a.json");
    let status = bucket.get(&key, None, 100_000).await.unwrap().unwrap();
    assert!(String::from_utf8(status.bytes).unwrap().contains("\"HttpApi/a\""));

    timeout(LONG, source.changed()).await.expect("the first drop is told");
    bucket.put("prod/b.yaml", document("b").into_bytes(), Condition::Always).await.unwrap();
    timeout(LONG, source.changed()).await.expect("the second drop is told");
    let snapshot = source.poll().await.unwrap();
    assert_eq!(snapshot.documents.len(), 2);
    port.engine().accept(snapshot);
    assert!(holds_within(LONG, async || is_ready().await == 2).await, "{}", port.describe());
    port.stop().await;
}
