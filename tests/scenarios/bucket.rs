//! Documents in S3, statuses beside them: what an operator does to a bucket, and what must not follow from it.

use std::collections::BTreeMap;
use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_core::Cause;
use hatoba_engine::{BucketBoard, Options, StatusSink};
use hatoba_source::{Bucket, BucketSource, Location, Variables};
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::json;

use crate::prune::{GRACE, HOUR, MINUTE, WAY_IN};

pub(crate) const BUCKET: &str = "my-documents";
pub(crate) const POLL: Duration = Duration::from_secs(15);

/// A daemon whose source is a prefix, with the loops of the binary turned by hand.
pub(crate) struct Dock {
    pub(crate) harbour: Harbour,
    pub(crate) source: BucketSource,
    pub(crate) sink: StatusSink,
}

fn location() -> Location {
    format!("s3://{BUCKET}/prod").parse().unwrap()
}

impl Dock {
    /// An engine that has read nothing, beside this bucket.
    pub(crate) fn new() -> Dock {
        let owner = location().default_owner().unwrap();
        let options = Options { owner, owner_is_explicit: true, prune_grace: GRACE, ..Options::default() };
        let harbour = Harbour::with(options, hatoba_aws_model::Config::default());
        harbour.world().create_bucket(BUCKET);
        let source = BucketSource::new(&harbour.config(), location(), Variables::default());
        let place = location().status_place();
        let sink = StatusSink::bucket(Bucket::of(&harbour.config(), &place), place);
        Dock { harbour, source, sink }
    }

    /// The article's documents, a file each, and everything at rest.
    pub(crate) async fn converged() -> Dock {
        let mut dock = Dock::new();
        dock.upload(|_| true);
        let first = dock.source.poll().await.unwrap();
        dock.harbour.start_from(first);
        dock.harbour.converge(Duration::from_secs(600)).await;
        dock.minutes(2).await;
        dock.harbour.clear_calls();
        dock
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        self.harbour.world().put_object(BUCKET, &format!("prod/{name}"), text.as_bytes());
    }

    fn remove(&self, name: &str) {
        assert!(self.harbour.world().delete_object(BUCKET, &format!("prod/{name}")), "{name}");
    }

    /// The article's documents whose `Kind/name` is wanted, each as `Kind-name.yaml`.
    pub(crate) fn upload(&self, wanted: impl Fn(&str) -> bool) {
        for (key, text) in article().into_iter().filter(|(key, _)| wanted(key)) {
            self.put(&file(&key), &text);
        }
    }

    pub(crate) fn keys(&self, start: &str) -> Vec<String> {
        let keys = self.harbour.world().keys(BUCKET);
        keys.into_iter().filter(|key| key.starts_with(start)).collect()
    }

    pub(crate) async fn poll(&mut self) {
        match self.source.poll().await {
            Ok(snapshot) => self.harbour.engine.accept(snapshot),
            Err(error) => self.harbour.engine.accept_error(Cause::new(error.reason(), error.to_string())),
        }
    }

    /// Polls, and statuses as they change; the heartbeat once a minute.
    pub(crate) async fn minutes(&mut self, minutes: u32) {
        for _ in 0..minutes {
            for _ in 0..4 {
                self.poll().await;
                self.harbour.wait(POLL).await;
                self.sink.write(&self.harbour.engine.statuses()).await;
            }
            self.sink.write_heartbeat(&self.harbour.engine.heartbeat()).await;
        }
    }

    /// Another process on the same bucket, which has read nothing; what stood before is dropped where it stands.
    pub(crate) async fn restart(&mut self) {
        self.harbour.kill();
        self.harbour.renew();
        let place = location().status_place();
        self.source = BucketSource::new(&self.harbour.config(), location(), Variables::default());
        self.sink = StatusSink::bucket(Bucket::of(&self.harbour.config(), &place), place);
        let documents = self.source.poll().await.unwrap();
        self.harbour.start_from(documents);
    }

    /// Writes since the calls were forgotten: to what documents are about, and to the bucket.
    pub(crate) fn writes(&self) -> (Vec<String>, Vec<String>) {
        let names =
            self.harbour.writes().into_iter().map(|call| format!("{}.{}", call.service, call.operation));
        names.partition(|name| !name.starts_with("s3."))
    }

    fn reads(&self) -> usize {
        self.harbour.calls().iter().filter(|call| call.service == "s3" && !call.write).count()
    }

    pub(crate) fn held(&self) -> Vec<String> {
        crate::prune::held(&self.harbour)
    }
}

/// The article's documents by key.
fn article() -> BTreeMap<String, String> {
    let word = |text: &str, start: &str| {
        let (_, rest) = text.split_once(start).unwrap();
        rest.split([' ', '\n', ',']).next().unwrap().to_owned()
    };
    let key = |text: &str| format!("{}/{}", word(text, "kind: "), word(text, "name: "));
    ARTICLE.split("\n---\n").map(|text| (key(text), text.to_owned())).collect()
}

fn file(key: &str) -> String {
    format!("{}.yaml", key.replace('/', "-"))
}

#[tokio::test(start_paused = true)]
async fn a_stack_grows_from_a_bucket_and_its_statuses_lie_beside_it() {
    let mut dock = Dock::converged().await;
    dock.harbour.assert_the_article_stands("from a bucket");
    let statuses = dock.keys(".hatoba/prod/status/");
    assert_eq!(statuses.len(), 8, "{statuses:?}");
    assert!(statuses.contains(&".hatoba/prod/status/VpcLink/fine-vpc-link.json".to_owned()));
    assert_eq!(dock.sink.load(POLL).await, dock.harbour.engine.statuses());
    let (_, api) = dock.harbour.only("apigatewayv2", "apis");
    assert_eq!(api["tags"]["hatoba:owner"], "my-documents/prod");
    // Whoever syncs the source with --delete reaches none of it.
    dock.harbour.clear_calls();
    dock.minutes(10).await;
    let (aws, bucket) = dock.writes();
    assert_eq!((aws.len(), bucket.len()), (0, 10), "nothing but a heartbeat each minute: {bucket:?}");
    assert_eq!(dock.reads(), 50, "a poll every fifteen seconds, and the statuses once a minute");
}

#[tokio::test(start_paused = true)]
async fn a_document_that_went_goes_after_the_grace() {
    let mut dock = Dock::converged().await;
    dock.remove("Route-default-route.yaml");
    dock.minutes(9).await;
    assert_eq!(dock.writes().0, [""; 0], "within the grace");
    dock.minutes(8).await;
    assert_eq!(dock.writes().0, ["apigatewayv2.DeleteRoute"]);
    assert_eq!(dock.keys(".hatoba/prod/status/Route/"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_emptied_prefix_deletes_nothing_and_opens_the_fuse() {
    let mut dock = Dock::converged().await;
    for key in article().keys() {
        dock.remove(&file(key));
    }
    dock.minutes(HOUR).await;
    assert_eq!(dock.writes().0, [""; 0]);
    assert_eq!(dock.held(), ["FuseOpen"]);
    dock.harbour.assert_the_article_stands("emptied");
    // Back again, as `aws s3 sync` puts it: nothing was lost.
    dock.upload(|_| true);
    dock.minutes(5).await;
    assert_eq!((dock.writes().0, dock.held()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_sync_with_delete_shows_as_what_it_leaves() {
    let mut dock = Dock::converged().await;
    // Half-way through, over minutes: some are gone, others are new under other names.
    for (key, text) in article() {
        dock.put(&format!("moved/{}", file(&key)), &text);
        dock.minutes(1).await;
        dock.remove(&file(&key));
    }
    dock.minutes(HOUR).await;
    assert_eq!(dock.writes().0, [""; 0]);
    dock.harbour.assert_the_article_stands("moved to a folder");
    assert_eq!(dock.keys(".hatoba/prod/status/").len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_fails_deletes_nothing_and_the_last_good_state_stands() {
    type Fault = fn(&Harbour);
    let denied: Fault = |harbour| harbour.world().faults().deny("s3.ListObjectsV2");
    let slow: Fault =
        |harbour| harbour.world().faults().fail("s3.ListObjectsV2", usize::MAX, 503, "SlowDown", "no");
    let broken: Fault =
        |harbour| harbour.world().faults().fail("s3.ListObjectsV2", usize::MAX, 500, "InternalError", "no");
    let missing: Fault =
        |harbour| harbour.world().faults().fail("s3.ListObjectsV2", usize::MAX, 404, "NoSuchBucket", "no");
    for (fault, reason) in [
        (denied, "BucketDenied"),
        (slow, "BucketThrottled"),
        (broken, "BucketUnanswered"),
        (missing, "BucketMissing"),
    ] {
        let mut dock = Dock::converged().await;
        let last_good = dock.harbour.engine.picture().source.last_success;
        fault(&dock.harbour);
        for key in WAY_IN {
            dock.remove(&file(key));
        }
        dock.minutes(HOUR).await;
        assert_eq!(dock.writes().0, [""; 0], "{reason}");
        dock.harbour.assert_the_article_stands(reason);
        dock.harbour.converge(MINUTE).await;
        let source = dock.harbour.engine.picture().source;
        assert_eq!(source.error.map(|cause| cause.reason.to_string()).as_deref(), Some(reason));
        assert_eq!(source.last_success, last_good, "{reason}: it stands still");
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_denied_holds_all_deletions() {
    let mut dock = Dock::converged().await;
    dock.put("new.yaml", "# whatever it says\n");
    dock.harbour.world().faults().deny("s3.GetObject");
    dock.remove("Route-default-route.yaml");
    dock.minutes(HOUR).await;
    assert_eq!(dock.writes().0, [""; 0]);
    assert_eq!(dock.held(), ["SourceIncomplete"]);
    let unreadable = dock.harbour.engine.picture().source.unreadable;
    assert!(
        unreadable.len() == 1 && unreadable[0].starts_with("new.yaml: it cannot be read"),
        "{unreadable:?}"
    );
    dock.harbour.world().faults().allow("s3.GetObject");
    dock.minutes(20).await;
    assert_eq!(dock.writes().0, ["apigatewayv2.DeleteRoute"]);
}

#[tokio::test(start_paused = true)]
async fn statuses_that_somebody_deleted_come_back_and_nothing_else_happens() {
    let mut dock = Dock::converged().await;
    let before = dock.sink.load(POLL).await;
    for key in dock.keys(".hatoba/") {
        dock.harbour.world().delete_object(BUCKET, &key);
    }
    dock.harbour.world().put_object(BUCKET, ".hatoba/prod/status/VpcLink/stranger.json", "{}");
    dock.minutes(2).await;
    assert_eq!(dock.writes().0, [""; 0]);
    assert_eq!(dock.keys(".hatoba/prod/status/").len(), 8);
    assert_eq!(dock.sink.load(POLL).await, before);
    assert!(dock.keys(".hatoba/").contains(&".hatoba/prod/heartbeat.json".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn statuses_are_loaded_once_and_written_only_where_they_differ() {
    let dock = Dock::converged().await;
    let place = location().status_place();
    let mut sink = StatusSink::bucket(Bucket::of(&dock.harbour.config(), &place), place);
    dock.harbour.clear_calls();
    let loaded = sink.load(POLL).await;
    assert_eq!(loaded, dock.harbour.engine.statuses());
    assert_eq!(dock.reads(), 9, "one listing, and each status");
    sink.write(&loaded).await;
    sink.write(&loaded).await;
    assert_eq!((dock.reads(), dock.writes().1.len()), (10, 0));
    let mut other = loaded.clone();
    let (key, mut status) = other.pop_first().unwrap();
    status.observed_digest = hatoba_core::Digest::of_bytes(b"another");
    other.insert(key, status);
    sink.write(&other).await;
    assert_eq!((dock.reads(), dock.writes().1), (10, vec!["s3.PutObject".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_takes_no_statuses_slows_nothing_and_is_asked_rarely() {
    let mut dock = Dock::new();
    dock.harbour.world().faults().deny("s3.PutObject");
    dock.upload(|_| true);
    let first = dock.source.poll().await.unwrap();
    dock.harbour.start_from(first);
    dock.minutes(HOUR).await;
    dock.harbour.converge(MINUTE).await;
    assert_eq!(dock.keys(".hatoba/"), [""; 0]);
    let tries = dock.harbour.count("s3.PutObject").0;
    assert!(tries < 60 * 40, "{tries} tries in an hour");
    dock.harbour.world().faults().allow("s3.PutObject");
    dock.minutes(2).await;
    assert_eq!(dock.keys(".hatoba/prod/status/").len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_drop_is_seen_in_about_a_second_with_a_queue() {
    let mut dock = Dock::converged().await;
    let url = dock.harbour.world().notify_queue(BUCKET, "drops");
    let turn = dock.source.listen(&dock.harbour.config(), &url);
    turn.send_replace(true);
    tokio::time::timeout(POLL, dock.source.changed()).await.expect("who begins to listen looks first");
    dock.harbour.wait(MINUTE).await;
    let dropped = tokio::time::Instant::now();
    dock.put("api.yaml", "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: second }\nspec: {}\n");
    tokio::time::timeout(POLL, dock.source.changed()).await.unwrap();
    dock.poll().await;
    assert!(dropped.elapsed() < Duration::from_millis(1_500), "{:?}", dropped.elapsed());
    dock.harbour.converge(MINUTE).await;
    assert_eq!(dock.harbour.objects("apigatewayv2", "apis").len(), 2);
    // Lost and repeated messages, and our own writes beside the source, which ring no bell.
    dock.harbour.world().faults().events_are_lost(1);
    dock.put("api.yaml", "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: third }\nspec: {}\n");
    dock.sink.write_heartbeat(&dock.harbour.engine.heartbeat()).await;
    assert!(tokio::time::timeout(MINUTE, dock.source.changed()).await.is_err());
    dock.poll().await;
    dock.harbour.converge(MINUTE).await;
    let names: Vec<_> = dock.harbour.engine.statuses().into_keys().map(|key| key.name).collect();
    assert!(names.contains(&"third".to_owned()), "the poll is the truth: {names:?}");
    // While another one takes the messages, they are left to it.
    turn.send_replace(false);
    dock.harbour.wait(MINUTE).await;
    dock.put("api.yaml", "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: fourth }\nspec: {}\n");
    assert!(tokio::time::timeout(MINUTE, dock.source.changed()).await.is_err());
    let waiting = async |dock: &Dock| {
        let asked = json!({ "QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"] });
        let answer = dock.harbour.meddle(&Request::json("sqs", "GetQueueAttributes", &asked)).await;
        answer["Attributes"]["ApproximateNumberOfMessages"].clone()
    };
    assert_eq!(waiting(&dock).await, "1");
    turn.send_replace(true);
    tokio::time::timeout(POLL, dock.source.changed()).await.unwrap();
    dock.harbour.wait(MINUTE).await;
    assert_eq!(waiting(&dock).await, "0");
}

#[tokio::test(start_paused = true)]
async fn of_two_daemons_on_one_prefix_one_leads_and_the_other_takes_over() {
    let mut first = Dock::new();
    first.upload(|_| true);
    let place = location().status_place();
    let board = |harbour: &Harbour| BucketBoard::new(Bucket::of(&harbour.config(), &place), &place);
    let mut second = first.harbour.neighbour();
    first.harbour.compete_on(board(&first.harbour), "first");
    let documents = first.source.poll().await.unwrap();
    first.harbour.start_from(documents.clone());
    first.harbour.converge(Duration::from_secs(600)).await;
    assert_eq!(first.keys(".hatoba/"), [".hatoba/prod/lease.json"]);
    second.compete_on(board(&second), "second");
    second.start_from(documents);
    first.harbour.wait(2 * MINUTE).await;
    assert!(first.harbour.engine.leads() && !second.engine.leads());
    // A lost answer to a renewal, and a lease that somebody deleted, change nothing.
    first.harbour.world().faults().lose_answer("s3.PutObject", 1);
    first.harbour.wait(MINUTE).await;
    assert!(first.harbour.engine.leads() && !second.engine.leads());
    first.harbour.terminate().await;
    second.wait(Duration::from_secs(6)).await;
    assert!(second.engine.leads() && !first.harbour.engine.leads());
    second.assert_the_article_stands("taken over");
}
