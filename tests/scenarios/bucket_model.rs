//! The model's S3 and SQS as the SDK's own clients see them, on virtual time: pages, conditional writes, lost answers,
//! "unchanged", long polls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    Delete, Event, NotificationConfiguration, ObjectIdentifier, QueueConfiguration, VersioningConfiguration,
};
use aws_sdk_sqs::types::QueueAttributeName;
use aws_types::region::Region;
use hatoba_aws_model::{Clock, Config, SharedWorld, World};
use hatoba_tests::sdk_config_of;
use serde_json::{Value, json};
use tokio::time::Instant;

/// 2026-01-01T00:00:00Z.
const EPOCH: Duration = Duration::from_secs(1_767_225_600);
const POLL_SECONDS: i32 = 20;

/// An account with a bucket `docs`, and the SDK's clients.
struct Account {
    world: SharedWorld,
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
}

impl Account {
    fn new(config: Config) -> Account {
        let world: SharedWorld = Arc::new(Mutex::new(World::new(config)));
        let config = sdk_config_of(&world, Clock::new(EPOCH));
        let account =
            Account { world, s3: aws_sdk_s3::Client::new(&config), sqs: aws_sdk_sqs::Client::new(&config) };
        account.world().create_bucket("docs");
        account
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys with their ETags, over all pages.
    async fn list(&self, prefix: &str) -> BTreeMap<String, String> {
        let mut pages = self.s3.list_objects_v2().bucket("docs").prefix(prefix).into_paginator().send();
        let mut found = BTreeMap::new();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents() {
                found.insert(object.key().unwrap().to_owned(), object.e_tag().unwrap().to_owned());
            }
        }
        found
    }

    async fn create(&self, key: &str, text: &str) -> Result<String, (u16, Option<String>)> {
        let body = ByteStream::from(text.as_bytes().to_vec());
        let sent = self.s3.put_object().bucket("docs").key(key).if_none_match("*").body(body).send().await;
        sent.map(|out| out.e_tag.unwrap()).map_err(refusal)
    }

    async fn swap(&self, key: &str, etag: &str, text: &str) -> Result<String, (u16, Option<String>)> {
        let body = ByteStream::from(text.as_bytes().to_vec());
        let sent = self.s3.put_object().bucket("docs").key(key).if_match(etag).body(body).send().await;
        sent.map(|out| out.e_tag.unwrap()).map_err(refusal)
    }

    /// A long poll: the bodies that came, all deleted.
    async fn receive(&self, url: &str) -> Vec<Value> {
        let poll = self.sqs.receive_message().queue_url(url).max_number_of_messages(10);
        let out = poll.wait_time_seconds(POLL_SECONDS).send().await.unwrap();
        for message in out.messages() {
            let receipt = message.receipt_handle().unwrap();
            self.sqs.delete_message().queue_url(url).receipt_handle(receipt).send().await.unwrap();
        }
        out.messages().iter().map(|message| serde_json::from_str(message.body().unwrap()).unwrap()).collect()
    }
}

/// Status and code; no status where no answer came.
fn refusal<E: ProvideErrorMetadata>(error: SdkError<E>) -> (u16, Option<String>) {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (status, error.code().map(str::to_owned))
}

fn code(status: u16, code: &str) -> (u16, Option<String>) {
    (status, Some(code.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn a_listing_has_every_key_whatever_its_name_and_however_short_the_pages() {
    let account = Account::new(Config { page_size_max: Some(2), ..Config::default() });
    let keys =
        ["specs/a.yaml", "specs/b c+d.yaml", "specs//x", "specs/../y", "specs/", "specs/\u{e9}\u{1f600}&<>"];
    for key in keys {
        let body = ByteStream::from(key.as_bytes().to_vec());
        account.s3.put_object().bucket("docs").key(key).body(body).send().await.unwrap();
    }
    account.world().put_object("docs", "other", "x");
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    let listed = account.list("specs/").await;
    assert_eq!(listed.keys().collect::<Vec<_>>(), sorted);
    assert_eq!(account.world().log().iter().filter(|call| call.operation == "ListObjectsV2").count(), 3);
    for (key, etag) in listed {
        let got = account.s3.get_object().bucket("docs").key(&key).send().await.unwrap();
        assert_eq!((got.e_tag(), got.content_length()), (Some(etag.as_str()), Some(key.len() as i64)));
        assert_eq!(got.body.collect().await.unwrap().into_bytes(), key.as_bytes());
        let unchanged = account.s3.get_object().bucket("docs").key(&key).if_none_match(etag).send().await;
        assert_eq!(unchanged.map_err(refusal).unwrap_err(), (304, None));
    }
    let grouped = account.s3.list_objects_v2().bucket("docs").delimiter("/").send().await.unwrap();
    let prefixes: Vec<_> = grouped.common_prefixes().iter().filter_map(|group| group.prefix()).collect();
    assert_eq!((prefixes, grouped.key_count()), (vec!["specs/"], Some(2)));
}

#[tokio::test(start_paused = true)]
async fn of_two_who_write_on_a_condition_one_loses() {
    let account = Account::new(Config::default());
    let (one, other) = tokio::join!(account.create("lease", "one"), account.create("lease", "other"));
    let outcomes = [one, other];
    let winner = outcomes.iter().find_map(|outcome| outcome.clone().ok()).unwrap();
    assert!(outcomes.contains(&Err(code(412, "PreconditionFailed"))), "{outcomes:?}");
    let next = account.swap("lease", &winner, "renewed").await.unwrap();
    assert_eq!(account.swap("lease", &winner, "late").await, Err(code(412, "PreconditionFailed")));
    let delete = account.s3.delete_object().bucket("docs").key("lease");
    let refused = delete.clone().if_match(&winner).send().await;
    assert_eq!(refused.map_err(refusal).unwrap_err(), code(412, "PreconditionFailed"));
    delete.if_match(&next).send().await.unwrap();
    assert_eq!(account.swap("lease", &next, "gone").await, Err(code(404, "NoSuchKey")));
    assert_eq!(account.world().keys("docs"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_stands() {
    let account = Account::new(Config::default());
    account.world().faults().lose_answer("s3.PutObject", 1);
    assert_eq!(account.create("lease", "mine").await, Err((0, None)));
    assert_eq!(account.create("lease", "mine").await, Err(code(412, "PreconditionFailed")));
    let found = account.s3.get_object().bucket("docs").key("lease").send().await.unwrap();
    assert_eq!(found.body.collect().await.unwrap().into_bytes(), "mine");
    account.world().faults().fail("s3.PutObject", 1, 503, "SlowDown", "Please reduce your request rate.");
    assert_eq!(account.create("other", "x").await, Err(code(503, "SlowDown")));
    account.world().faults().fail("s3.PutObject", 1, 409, "ConditionalRequestConflict", "again");
    assert_eq!(account.create("other", "x").await, Err(code(409, "ConditionalRequestConflict")));
    account.world().faults().hang("s3.ListObjectsV2", 1);
    assert!(tokio::time::timeout(Duration::from_secs(3600), account.list("")).await.is_err());
    assert_eq!(account.list("").await.keys().collect::<Vec<_>>(), ["lease"]);
}

#[tokio::test(start_paused = true)]
async fn refusals_have_the_codes_of_aws() {
    let account = Account::new(Config::default());
    let get = |bucket: &str, key: &str| account.s3.get_object().bucket(bucket).key(key).send();
    assert_eq!(get("docs", "gone").await.map_err(refusal).unwrap_err(), code(404, "NoSuchKey"));
    assert_eq!(get("nowhere", "a").await.map_err(refusal).unwrap_err(), code(404, "NoSuchBucket"));
    let head = account.s3.head_object().bucket("docs").key("gone").send().await;
    assert_eq!(head.map_err(refusal).unwrap_err().0, 404);
    account.world().faults().deny("s3.ListObjectsV2");
    assert_eq!(get("docs", "gone").await.map_err(refusal).unwrap_err(), code(403, "AccessDenied"));
    let listed = account.s3.list_objects_v2().bucket("docs").send().await;
    assert_eq!(listed.map_err(refusal).unwrap_err(), code(403, "AccessDenied"));
    account.world().faults().allow("s3.ListObjectsV2");
    assert_eq!(account.list("").await.len(), 0);
    let there = Region::new("eu-west-1");
    let elsewhere = aws_sdk_s3::Client::from_conf(account.s3.config().to_builder().region(there).build());
    let listed = elsewhere.list_objects_v2().bucket("docs").send().await.unwrap_err();
    let told =
        listed.raw_response().and_then(|raw| raw.headers().get("x-amz-bucket-region")).map(str::to_owned);
    assert_eq!((refusal(listed), told.as_deref()), (code(301, "PermanentRedirect"), Some("us-east-1")));
    let queue = account.sqs.get_queue_url().queue_name("none").send().await;
    let none = code(400, "AWS.SimpleQueueService.NonExistentQueue");
    assert_eq!(queue.map_err(refusal).unwrap_err(), none);
}

#[tokio::test(start_paused = true)]
async fn many_go_at_once_and_versions_stay() {
    let account = Account::new(Config::default());
    let enabled = VersioningConfiguration::builder().status("Enabled".into()).build();
    let versioned = account.s3.put_bucket_versioning().bucket("docs").versioning_configuration(enabled);
    versioned.send().await.unwrap();
    let put = account.s3.put_object().bucket("docs").key("a").body(ByteStream::from_static(b"one"));
    let id = put.send().await.unwrap().version_id.unwrap();
    let copied = account.s3.copy_object().bucket("docs").key("b").copy_source("docs/a").send().await.unwrap();
    assert!(copied.copy_object_result().and_then(|result| result.e_tag()).is_some());
    let objects = ["a", "b"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder().set_objects(Some(objects.to_vec())).build().unwrap();
    let gone = account.s3.delete_objects().bucket("docs").delete(delete).send().await.unwrap();
    assert_eq!((gone.deleted().len(), gone.errors().len()), (2, 0));
    assert_eq!(account.world().keys("docs"), [""; 0]);
    let old = account.s3.get_object().bucket("docs").key("a").version_id(&id).send().await.unwrap();
    assert_eq!(old.body.collect().await.unwrap().into_bytes(), "one");
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_wakes_for_a_change_and_ends_in_its_time() {
    let account = Account::new(Config::default());
    let made = account.sqs.create_queue().queue_name("changes");
    let policy = json!({"Statement": [{
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
    }]});
    let made = made.attributes(QueueAttributeName::Policy, policy.to_string()).send().await.unwrap();
    let url = made.queue_url().unwrap();
    let asked =
        account.sqs.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::QueueArn);
    let attributes = asked.send().await.unwrap().attributes.unwrap();
    let listener = QueueConfiguration::builder()
        .queue_arn(&attributes[&QueueAttributeName::QueueArn])
        .events(Event::S3ObjectCreated)
        .events(Event::S3ObjectRemoved)
        .build()
        .unwrap();
    let configuration = NotificationConfiguration::builder().queue_configurations(listener).build();
    let put = account.s3.put_bucket_notification_configuration().bucket("docs");
    put.notification_configuration(configuration).send().await.unwrap();
    assert_eq!(account.receive(url).await[0]["Event"], "s3:TestEvent");

    let begun = Instant::now();
    assert_eq!(account.receive(url).await, [Value::Null; 0]);
    let waited = begun.elapsed();
    assert!((Duration::from_secs(20)..Duration::from_secs(21)).contains(&waited), "{waited:?}");
    let asked = account.world().log().len();

    let begun = Instant::now();
    let change = async {
        tokio::time::advance(Duration::from_secs(7)).await;
        account.create("specs/a b.yaml", "x").await.unwrap();
    };
    let (heard, ()) = tokio::join!(account.receive(url), change);
    let waited = begun.elapsed();
    assert_eq!(heard[0]["Records"][0]["s3"]["object"]["key"], "specs/a+b.yaml");
    assert!(
        (Duration::from_secs(8)..Duration::from_secs(9)).contains(&waited),
        "a second after it: {waited:?}"
    );
    assert_eq!(account.world().log().len(), asked + 3, "a receive, a put, a delete: nobody asked in a loop");

    // What a test does by hand is heard of as well, by the one of two listeners that is first.
    let by_hand = async {
        tokio::time::advance(Duration::from_secs(2)).await;
        account.world().delete_object("docs", "specs/a b.yaml");
    };
    let (one, other, ()) = tokio::join!(account.receive(url), account.receive(url), by_hand);
    let all = [one, other].concat();
    let [heard] = &all[..] else { panic!("one message: {all:?}") };
    assert_eq!(heard["Records"][0]["eventName"], "ObjectRemoved:Delete");
    account.world().faults().hang("sqs.ReceiveMessage", 1);
    assert!(tokio::time::timeout(Duration::from_secs(3600), account.receive(url)).await.is_err());
    account.world().faults().fail("sqs.ReceiveMessage", 1, 403, "RequestThrottled", "slow");
    let refused = account.sqs.receive_message().queue_url(url).send().await;
    assert_eq!(refused.map_err(refusal).unwrap_err(), code(403, "RequestThrottled"));
}
