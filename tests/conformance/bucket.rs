//! S3 and SQS, as a source of documents and a lease use them, through the SDK's clients.

use std::collections::BTreeMap;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CreateBucketConfiguration, Event, NotificationConfiguration, QueueConfiguration};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

use crate::port::Port;

const BUCKET: &str = "hatoba-documents";

/// Status and code.
fn refusal<E: ProvideErrorMetadata>(error: SdkError<E>) -> (u16, Option<String>) {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (status, error.code().map(str::to_owned))
}

fn code(status: u16, code: &str) -> (u16, Option<String>) {
    (status, Some(code.to_owned()))
}

async fn list(s3: &aws_sdk_s3::Client) -> BTreeMap<String, String> {
    let asked = s3.list_objects_v2().bucket(BUCKET).prefix("specs/").max_keys(2);
    let mut pages = asked.into_paginator().send();
    let mut found = BTreeMap::new();
    while let Some(page) = pages.next().await {
        for object in page.unwrap().contents() {
            found.insert(object.key().unwrap().to_owned(), object.e_tag().unwrap().to_owned());
        }
    }
    found
}

/// A bucket, and the clients to reach it with.
pub(crate) async fn made(port: &Port, bucket: &str) -> (aws_sdk_s3::Client, aws_sdk_sqs::Client) {
    let config = port.sdk_config();
    let paths = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
    let (s3, sqs) = (aws_sdk_s3::Client::from_conf(paths), aws_sdk_sqs::Client::new(&config));
    let place = CreateBucketConfiguration::builder().location_constraint(port.region.as_str().into()).build();
    s3.create_bucket().bucket(bucket).create_bucket_configuration(place).send().await.unwrap();
    (s3, sqs)
}

/// Lists, conditions, and a queue that hears of a change.
pub(crate) async fn tells_a_queue(port: Port) {
    let (s3, sqs) = made(&port, BUCKET).await;
    lists_and_conditions(&s3).await;
    let url = listening(&s3, &sqs, BUCKET, "hatoba-changes").await;
    let receive = || sqs.receive_message().queue_url(&url).wait_time_seconds(10).send();
    s3.put_object()
        .bucket(BUCKET)
        .key("specs/a b.yaml")
        .body(ByteStream::from_static(b"y"))
        .send()
        .await
        .unwrap();
    let out = receive().await.unwrap();
    let event: Value = serde_json::from_str(out.messages()[0].body().unwrap()).unwrap();
    assert_eq!(event["Records"][0]["eventName"], "ObjectCreated:Put", "{event}");
    let receipt = out.messages()[0].receipt_handle().unwrap();
    sqs.delete_message().queue_url(&url).receipt_handle(receipt).send().await.unwrap();
    let none = sqs.receive_message().queue_url(&url).wait_time_seconds(1).send().await.unwrap();
    assert_eq!(none.messages().len(), 0);
    let unknown = sqs.receive_message().queue_url(format!("{url}x")).send().await.map_err(refusal);
    assert_eq!(unknown.unwrap_err(), code(400, "AWS.SimpleQueueService.NonExistentQueue"));
}

async fn lists_and_conditions(s3: &aws_sdk_s3::Client) {
    let put = |key: &str| s3.put_object().bucket(BUCKET).key(key).body(ByteStream::from_static(b"x"));
    let keys = ["specs/B", "specs/a b.yaml", "specs/a/", "specs/a//b", "specs/a0", "specs/\u{e9}", "other"];
    for key in keys {
        put(key).send().await.unwrap();
    }
    let listed = list(s3).await;
    let mut expected = keys[..6].to_vec();
    expected.sort_unstable();
    assert_eq!(listed.keys().collect::<Vec<_>>(), expected);
    let etag = &listed["specs/B"];
    let unchanged = s3.get_object().bucket(BUCKET).key("specs/B").if_none_match(etag).send().await;
    assert_eq!(unchanged.map_err(refusal).unwrap_err().0, 304);
    let gone = s3.get_object().bucket(BUCKET).key("gone").send().await;
    assert_eq!(gone.map_err(refusal).unwrap_err(), code(404, "NoSuchKey"));
    let there = put("specs/B").if_none_match("*").send().await;
    assert_eq!(there.map_err(refusal).unwrap_err(), code(412, "PreconditionFailed"));
    let first = put("lease").if_none_match("*").send().await.unwrap();
    put("lease").if_match(first.e_tag().unwrap()).body(ByteStream::from_static(b"new")).send().await.unwrap();
    let late = put("lease").if_match(first.e_tag().unwrap()).send().await;
    assert_eq!(late.map_err(refusal).unwrap_err(), code(412, "PreconditionFailed"));
    for _ in 0..2 {
        s3.delete_object().bucket(BUCKET).key("lease").send().await.unwrap();
    }
}

/// The URL of a queue that hears of the bucket; its test event has been taken out where there was one.
pub(crate) async fn listening(
    s3: &aws_sdk_s3::Client,
    sqs: &aws_sdk_sqs::Client,
    bucket: &str,
    queue: &str,
) -> String {
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*",
    }]});
    let queue = sqs.create_queue().queue_name(queue);
    let queue = queue.attributes(QueueAttributeName::Policy, policy.to_string()).send().await.unwrap();
    let url = queue.queue_url().unwrap().to_owned();
    let asked = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::QueueArn);
    let arn = asked.send().await.unwrap().attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap();
    let listener =
        QueueConfiguration::builder().queue_arn(arn).events(Event::S3ObjectCreated).build().unwrap();
    let configuration = NotificationConfiguration::builder().queue_configurations(listener).build();
    let put = s3.put_bucket_notification_configuration().bucket(bucket);
    put.notification_configuration(configuration).send().await.unwrap();
    let test = sqs.receive_message().queue_url(&url).wait_time_seconds(1).send().await.unwrap();
    for message in test.messages() {
        assert!(message.body().unwrap().contains("s3:TestEvent"));
        let receipt = message.receipt_handle().unwrap();
        sqs.delete_message().queue_url(&url).receipt_handle(receipt).send().await.unwrap();
    }
    url
}
