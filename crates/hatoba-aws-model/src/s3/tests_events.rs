//! Messages about what changes in a bucket.

use crate::testing::{Caller, element, text};
use crate::{Config, Delays};
use serde_json::{Value, json};
use std::time::Duration;

const ARN: &str = "arn:aws:sqs:us-east-1:123456789012:changes";
const URL: &str = "https://sqs.amazonaws.com/123456789012/changes";

fn configuration(queue: &str, more: &str) -> String {
    format!(
        "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><QueueConfiguration>\
         <Id>docs</Id><Queue>{queue}</Queue>{more}</QueueConfiguration></NotificationConfiguration>"
    )
}

const ALL: &str = "<Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event>";

/// A bucket that tells a queue of everything; its test event has been taken out.
fn listening(aws: &mut Caller) {
    aws.s3("PUT", "/docs", &[], "");
    let policy = json!({"Statement": [{
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": ARN, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::docs"}},
    }]});
    aws.sqs("CreateQueue", json!({"QueueName": "changes", "Attributes": {"Policy": policy.to_string()}}));
    assert_eq!(aws.s3("PUT", "/docs?notification", &[], &configuration(ARN, ALL)).status, 200);
    let test = received(aws);
    assert_eq!(
        (test.len(), &test[0]["Event"], &test[0]["Bucket"]),
        (1, &json!("s3:TestEvent"), &json!("docs"))
    );
}

/// What is in the queue, which is empty afterwards.
fn received(aws: &mut Caller) -> Vec<Value> {
    let mut bodies = Vec::new();
    loop {
        let out = aws.sqs("ReceiveMessage", json!({"QueueUrl": URL, "MaxNumberOfMessages": 10}));
        let Some(messages) = out["Messages"].as_array() else { return bodies };
        for message in messages {
            bodies.push(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
            let receipt = &message["ReceiptHandle"];
            aws.sqs("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": receipt}));
        }
    }
}

#[test]
fn a_change_is_told_as_s3_tells_it() {
    let mut aws = Caller::instant();
    listening(&mut aws);
    aws.s3("PUT", "/docs/dir/a%20b%2B%C3%A9~.yaml", &[], "one");
    aws.s3("DELETE", "/docs/dir/a%20b%2B%C3%A9~.yaml", &[], "");
    aws.s3("DELETE", "/docs/gone", &[], "");
    let told = received(&mut aws);
    let [put, delete] = &told[..] else { panic!("two messages: {told:?}") };
    let record = &put["Records"][0];
    let key = "dir/a+b%2B%C3%A9%7E.yaml";
    for (pointer, value) in [
        ("/eventVersion", json!("2.1")),
        ("/eventSource", json!("aws:s3")),
        ("/awsRegion", json!("us-east-1")),
        ("/eventTime", json!("2023-11-14T22:13:20.000Z")),
        ("/eventName", json!("ObjectCreated:Put")),
        ("/s3/configurationId", json!("docs")),
        ("/s3/bucket/name", json!("docs")),
        ("/s3/bucket/arn", json!("arn:aws:s3:::docs")),
        ("/s3/object/key", json!(key)),
        ("/s3/object/size", json!(3)),
        ("/s3/object/eTag", json!("f97c5d29941bfb1b2fdab0874906ab82")),
    ] {
        assert_eq!(record.pointer(pointer), Some(&value), "{pointer}");
    }
    let gone = &delete["Records"][0];
    assert_eq!(gone["eventName"], "ObjectRemoved:Delete");
    let sequencer = |record: &Value| record["s3"]["object"]["sequencer"].as_str().map(str::to_owned);
    assert_eq!(gone["s3"]["object"], json!({"key": key, "sequencer": sequencer(gone)}));
    assert!(sequencer(gone) > sequencer(record));
}

#[test]
fn only_what_fits_the_filter_is_told() {
    let mut aws = Caller::instant();
    listening(&mut aws);
    let rule = |name: &str, value: &str| {
        format!("<FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule>")
    };
    let more = format!(
        "<Event>s3:ObjectCreated:Put</Event><Filter><S3Key>{}{}</S3Key></Filter>",
        rule("Prefix", "specs/"),
        rule("suffix", ".yaml")
    );
    let body = configuration(ARN, &more);
    assert_eq!(aws.s3("PUT", "/docs?notification", &[], &body).status, 200);
    received(&mut aws);
    for key in ["specs/a.yaml", "specs/a.json", "other/a.yaml"] {
        aws.s3("PUT", &format!("/docs/{key}"), &[], "x");
    }
    aws.s3("PUT", "/docs/specs/copy.yaml", &[("x-amz-copy-source", "docs/specs/a.yaml")], "");
    aws.s3("DELETE", "/docs/specs/a.yaml", &[], "");
    let keys: Vec<Value> =
        received(&mut aws).iter().map(|body| body["Records"][0]["s3"]["object"]["key"].clone()).collect();
    assert_eq!(keys, ["specs/a.yaml"]);
    let shown = text(&aws.s3("GET", "/docs?notification", &[], ""));
    for part in ["<Id>docs</Id>", ARN, "<Event>s3:ObjectCreated:Put</Event>", &rule("prefix", "specs/")] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let none = "<NotificationConfiguration/>";
    assert_eq!(aws.s3("PUT", "/docs?notification", &[], none).status, 200);
    aws.s3("PUT", "/docs/specs/b.yaml", &[], "x");
    assert_eq!(received(&mut aws), [json!(null); 0]);
    assert_eq!(element(&text(&aws.s3("GET", "/docs?notification", &[], "")), "Queue"), None);
}

#[test]
fn a_queue_must_be_there_and_let_s3_in() {
    let mut aws = Caller::instant();
    aws.s3("PUT", "/docs", &[], "");
    let body = configuration(ARN, ALL);
    let put = |aws: &mut Caller, headers: &[(&str, &str)], body: &str| {
        aws.s3_code("PUT", "/docs?notification", headers, body)
    };
    let refused = (400, "InvalidArgument".to_owned());
    assert_eq!(put(&mut aws, &[], &body), refused);
    aws.sqs("CreateQueue", json!({"QueueName": "changes"}));
    assert_eq!(put(&mut aws, &[], &body), refused);
    assert_eq!(put(&mut aws, &[("x-amz-skip-destination-validation", "true")], &body).0, 200);
    let topic = "<NotificationConfiguration><TopicConfiguration/></NotificationConfiguration>";
    assert_eq!(put(&mut aws, &[], topic), refused);
    let twice = body.replace("</NotificationConfiguration>", "").replace("xmlns", "x")
        + &configuration(ARN, ALL).split_once('>').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    assert_eq!(put(&mut aws, &[("x-amz-skip-destination-validation", "true")], &twice), refused, "overlap");
    assert_eq!(put(&mut aws, &[], "<NotificationConfiguration><x"), (400, "MalformedXML".to_owned()));
}

#[test]
fn messages_take_their_time_get_lost_and_tell_of_markers() {
    let delays = Delays { notification: Duration::from_secs(1), ..Delays::none() };
    let mut aws = Caller::with(Config { delays, ..Config::default() });
    assert_eq!(
        aws.world.notify_queue("docs", "changes"),
        "https://sqs.us-east-1.amazonaws.com/123456789012/changes"
    );
    aws.s3("PUT", "/docs/a", &[], "x");
    assert_eq!(received(&mut aws).len(), 0);
    aws.wait(1);
    assert_eq!(received(&mut aws).len(), 1);
    aws.world.faults().events_are_lost(1);
    aws.s3("PUT", "/docs/a", &[], "y");
    let enable = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    aws.s3("PUT", "/docs?versioning", &[], enable);
    aws.s3("DELETE", "/docs/a", &[], "");
    aws.world.put_object("docs", "by-hand", "x");
    aws.wait(1);
    let names: Vec<Value> =
        received(&mut aws).iter().map(|body| body["Records"][0]["eventName"].clone()).collect();
    assert_eq!(names, ["ObjectRemoved:DeleteMarkerCreated", "ObjectCreated:Put"]);
}
