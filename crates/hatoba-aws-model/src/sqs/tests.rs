//! Queues and their messages; long polls.

use crate::testing::{Caller, header};
use crate::{Answer, Request};
use serde_json::{Value, json};
use std::time::Duration;

const URL: &str = "https://sqs.amazonaws.com/123456789012/jobs";

fn with_queue() -> Caller {
    let mut aws = Caller::instant();
    assert_eq!(aws.sqs("CreateQueue", json!({"QueueName": "jobs"})), json!({"QueueUrl": URL}));
    aws
}

fn send(aws: &mut Caller, body: &str) {
    aws.sqs("SendMessage", json!({"QueueUrl": URL, "MessageBody": body}));
}

fn receive(aws: &mut Caller, more: Value) -> Vec<Value> {
    let mut asked = json!({"QueueUrl": URL, "MaxNumberOfMessages": 10});
    for (name, value) in more.as_object().into_iter().flatten() {
        asked[name] = value.clone();
    }
    aws.sqs("ReceiveMessage", asked)["Messages"].as_array().cloned().unwrap_or_default()
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().filter_map(|message| message["Body"].as_str()).collect()
}

#[test]
fn refusals_have_a_shape_and_a_code() {
    let mut aws = with_queue();
    let many: Vec<Value> = (0..11).map(|id| json!({"Id": id.to_string(), "ReceiptHandle": "x"})).collect();
    for (operation, input, shape, code) in [
        (
            "GetQueueUrl",
            json!({"QueueName": "none"}),
            "QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
        ),
        (
            "ReceiveMessage",
            json!({"QueueUrl": URL.replace("jobs", "none")}),
            "QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
        ),
        (
            "ReceiveMessage",
            json!({"QueueUrl": URL, "MaxNumberOfMessages": 11}),
            "InvalidParameterValueException",
            "InvalidParameterValue",
        ),
        (
            "ReceiveMessage",
            json!({"QueueUrl": URL, "WaitTimeSeconds": 21}),
            "InvalidParameterValueException",
            "InvalidParameterValue",
        ),
        ("ReceiveMessage", json!({}), "MissingRequiredParameterException", "MissingParameter"),
        (
            "DeleteMessage",
            json!({"QueueUrl": URL, "ReceiptHandle": "x"}),
            "ReceiptHandleIsInvalid",
            "ReceiptHandleIsInvalid",
        ),
        (
            "DeleteMessageBatch",
            json!({"QueueUrl": URL, "Entries": many}),
            "TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        ),
        (
            "DeleteMessageBatch",
            json!({"QueueUrl": URL}),
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
        ),
        (
            "CreateQueue",
            json!({"QueueName": "jobs", "Attributes": {"VisibilityTimeout": "5"}}),
            "QueueNameExists",
            "QueueAlreadyExists",
        ),
        (
            "SetQueueAttributes",
            json!({"QueueUrl": URL, "Attributes": {"Colour": "red"}}),
            "InvalidAttributeName",
            "InvalidAttributeName",
        ),
        (
            "CreateQueue",
            json!({"QueueName": "x.fifo"}),
            "UnsupportedOperation",
            "AWS.SimpleQueueService.UnsupportedOperation",
        ),
        ("TagQueue", json!({"QueueUrl": URL}), "UnknownOperationException", "InvalidAction"),
    ] {
        let response = aws.json("sqs", operation, input);
        let kind = response.json()["__type"].as_str().unwrap_or_default().to_owned();
        assert_eq!((response.status, kind.rsplit('#').next()), (400, Some(shape)), "{operation}");
        assert_eq!(header(&response, "x-amzn-query-error"), Some(format!("{code};Sender")), "{operation}");
        assert!(response.json()["message"].is_string());
        assert_eq!(header(&response, "content-type").as_deref(), Some("application/x-amz-json-1.0"));
    }
    aws.world.faults().deny("sqs.ReceiveMessage");
    let denied = aws.json("sqs", "ReceiveMessage", json!({"QueueUrl": URL}));
    assert_eq!(
        (denied.status, header(&denied, "x-amzn-query-error")),
        (403, Some("AccessDenied;Sender".to_owned()))
    );
    aws.world.faults().fail("sqs.GetQueueUrl", 1, 503, "ServiceUnavailable", "oops");
    let failed = aws.json("sqs", "GetQueueUrl", json!({"QueueName": "jobs"}));
    assert_eq!(header(&failed, "x-amzn-query-error").as_deref(), Some("ServiceUnavailable;Receiver"));
}

#[test]
fn queues_have_urls_and_attributes() {
    let mut aws = with_queue();
    let mut request = Request::json("sqs", "GetQueueUrl", &json!({"QueueName": "jobs"}));
    request.headers.push(("host".to_owned(), "127.0.0.1:4566".to_owned()));
    let url = aws.send(&request).json()["QueueUrl"].clone();
    assert_eq!(url, "http://127.0.0.1:4566/123456789012/jobs");
    let all = aws.sqs("GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": ["All"]}));
    for (name, value) in [
        ("QueueArn", "arn:aws:sqs:us-east-1:123456789012:jobs"),
        ("VisibilityTimeout", "30"),
        ("ApproximateNumberOfMessages", "0"),
    ] {
        assert_eq!(all["Attributes"][name], value);
    }
    let set = json!({"QueueUrl": URL, "Attributes": {"VisibilityTimeout": "5"}});
    assert_eq!(aws.sqs("SetQueueAttributes", set), json!({}));
    let asked = json!({"QueueUrl": URL, "AttributeNames": ["VisibilityTimeout"]});
    assert_eq!(aws.sqs("GetQueueAttributes", asked), json!({"Attributes": {"VisibilityTimeout": "5"}}));
    assert_eq!(aws.sqs("GetQueueAttributes", json!({"QueueUrl": URL})), json!({}));
    assert_eq!(aws.sqs("ListQueues", json!({"QueueNamePrefix": "j"})), json!({"QueueUrls": [URL]}));
    aws.sqs("DeleteQueue", json!({"QueueUrl": URL}));
    assert_eq!(aws.world.dump()["sqs"], json!({"queues": {}}));
}

#[test]
fn what_is_not_deleted_comes_back() {
    let mut aws = with_queue();
    for body in ["one", "two"] {
        send(&mut aws, body);
    }
    assert_eq!(receive(&mut aws, json!({"MaxNumberOfMessages": 1}))[0]["Body"], "one");
    let asked = json!({"VisibilityTimeout": 5, "MessageSystemAttributeNames": ["ApproximateReceiveCount"]});
    let second = receive(&mut aws, asked.clone());
    assert_eq!(bodies(&second), ["two"]);
    assert_eq!(second[0]["MD5OfBody"], "b8a9f715dbb64fd5c56e7783c6820a61");
    assert_eq!(second[0]["Attributes"], json!({"ApproximateReceiveCount": "1"}));
    assert_eq!(receive(&mut aws, json!({})), [json!(null); 0]);
    aws.wait(5);
    let again = receive(&mut aws, asked);
    assert_eq!(
        (bodies(&again), &again[0]["Attributes"]["ApproximateReceiveCount"]),
        (vec!["two"], &json!("2"))
    );
    // The receipt of the first time is good for nothing any more, and no mistake.
    for receipt in [&second[0]["ReceiptHandle"], &again[0]["ReceiptHandle"]] {
        let visible = aws.world.dump()["sqs"]["queues"]["jobs"]["messages"].as_array().map(Vec::len);
        assert_eq!(visible, Some(2));
        aws.sqs("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": receipt}));
    }
    aws.wait(25);
    let first = receive(&mut aws, json!({}));
    assert_eq!(bodies(&first), ["one"]);
    let receipt = &first[0]["ReceiptHandle"];
    aws.sqs(
        "ChangeMessageVisibility",
        json!({"QueueUrl": URL, "ReceiptHandle": receipt, "VisibilityTimeout": 0}),
    );
    assert_eq!(bodies(&receive(&mut aws, json!({}))), ["one"]);
    let batch = json!([{"Id": "a", "ReceiptHandle": receipt}, {"Id": "b", "ReceiptHandle": "x"}]);
    let out = aws.sqs("DeleteMessageBatch", json!({"QueueUrl": URL, "Entries": batch}));
    assert_eq!(out["Successful"], json!([{"Id": "a"}]));
    assert_eq!(
        (&out["Failed"][0]["Id"], &out["Failed"][0]["Code"]),
        (&json!("b"), &json!("ReceiptHandleIsInvalid"))
    );
    aws.sqs("PurgeQueue", json!({"QueueUrl": URL}));
    assert_eq!(
        aws.refused("sqs", "PurgeQueue", json!({"QueueUrl": URL})).0,
        "com.amazonaws.sqs#PurgeQueueInProgress"
    );
    assert_eq!(aws.world.dump()["sqs"]["queues"]["jobs"]["messages"], json!([]));
}

#[test]
fn messages_repeat_turn_around_wait_and_expire() {
    let mut aws = with_queue();
    for body in ["one", "two"] {
        send(&mut aws, body);
    }
    aws.world.faults().newest_messages_first(true);
    aws.world.faults().messages_repeat(1);
    assert_eq!(bodies(&receive(&mut aws, json!({}))), ["two", "one"]);
    assert_eq!(bodies(&receive(&mut aws, json!({}))), ["two"]);
    aws.sqs("SendMessage", json!({"QueueUrl": URL, "MessageBody": "late", "DelaySeconds": 10}));
    assert_eq!(receive(&mut aws, json!({})), [json!(null); 0]);
    aws.wait(10);
    assert_eq!(bodies(&receive(&mut aws, json!({}))), ["late"]);
    aws.wait(4 * 24 * 3600);
    assert_eq!(receive(&mut aws, json!({})), [json!(null); 0]);
}

#[test]
fn a_long_poll_says_when_to_ask_again() {
    let mut aws = with_queue();
    send(&mut aws, "one");
    receive(&mut aws, json!({"VisibilityTimeout": 7}));
    let poll = Request::json("sqs", "ReceiveMessage", &json!({"QueueUrl": URL, "WaitTimeSeconds": 20}));
    let start = aws.now;
    let seconds = Duration::from_secs;
    let Answer::Later(later) = aws.world.answer(&poll, start) else { panic!("nothing yet") };
    assert_eq!(later.until, start + seconds(7), "then the message is visible again");
    let Answer::Later(later) = aws.world.ask_again(&poll, &later, start + seconds(3)) else {
        panic!("nothing yet")
    };
    let Answer::Reply(reply) = aws.world.ask_again(&poll, &later, start + seconds(7)) else {
        panic!("a message")
    };
    assert_eq!(reply.json()["Messages"][0]["Body"], "one");
    let Answer::Later(later) = aws.world.answer(&poll, start + seconds(8)) else { panic!("nothing yet") };
    let Answer::Reply(reply) = aws.world.give_up(&poll, &later, start + seconds(9)) else {
        panic!("the end")
    };
    assert_eq!((reply.status, reply.json()), (200, json!({})));
    aws.world.clear_log();
    let Answer::Later(later) = aws.world.answer(&poll, start + seconds(10)) else { panic!("nothing yet") };
    assert_eq!(later.until, start + seconds(30), "the message is hidden until 37");
    let Answer::Reply(reply) = aws.world.ask_again(&poll, &later, start + seconds(30)) else {
        panic!("the end")
    };
    assert_eq!(reply.json(), json!({}));
    let log: Vec<_> = aws.world.log().iter().map(|call| (call.operation.as_str(), call.write)).collect();
    assert_eq!(log, [("ReceiveMessage", false)], "one call, however often it was asked again");
}

#[test]
fn a_lost_answer_of_a_long_poll_hides_the_message() {
    let mut aws = with_queue();
    aws.world.faults().lose_answer("sqs.ReceiveMessage", 1);
    let poll = Request::json("sqs", "ReceiveMessage", &json!({"QueueUrl": URL, "WaitTimeSeconds": 20}));
    let Answer::Later(later) = aws.world.answer(&poll, aws.now) else { panic!("nothing yet") };
    send(&mut aws, "one");
    assert_eq!(aws.world.ask_again(&poll, &later, aws.now), Answer::Lost);
    assert_eq!(receive(&mut aws, json!({})), [json!(null); 0]);
    aws.wait(30);
    assert_eq!(bodies(&receive(&mut aws, json!({}))), ["one"]);
}
