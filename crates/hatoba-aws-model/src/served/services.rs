//! AWS services as back ends. The model has none of them: it answers in their form, having done nothing.

use super::mapping::filled;
use super::{Visit, json_answer, message};
use crate::apigateway::SUBTYPES;
use crate::ids::scatter;
use crate::object::{self, Object};
use crate::wire::Response;
use serde_json::json;

/// The service's answer, or a refusal when the request gives no value for a parameter it needs.
pub(super) fn answer(visit: &Visit, integration: &Object, subtype: &str) -> Response {
    let parameters = object::object(integration, "requestParameters").cloned().unwrap_or_default();
    let given = |name: &str| {
        let template = object::text(&parameters, name)?;
        filled(visit, template, None).filter(|text| !text.is_empty())
    };
    let required = SUBTYPES.iter().find(|(known, _)| *known == subtype).map_or(&[][..], |(_, names)| names);
    if required.iter().any(|name| given(name).is_none()) {
        return message(400, "Bad Request");
    }
    let id = minted(visit);
    match subtype {
        "SQS-SendMessage" => xml(visit, "SendMessage", &format!("<MessageId>{id}</MessageId>")),
        "SQS-ReceiveMessage" => xml(visit, "ReceiveMessage", ""),
        "SQS-DeleteMessage" => xml(visit, "DeleteMessage", ""),
        "SQS-PurgeQueue" => xml(visit, "PurgeQueue", ""),
        "EventBridge-PutEvents" => {
            json_answer(200, json!({"Entries": [{"EventId": id}], "FailedEntryCount": 0}))
        }
        "Kinesis-PutRecord" => json_answer(
            200,
            json!({"SequenceNumber": id.replace('-', ""), "ShardId": "shardId-000000000000"}),
        ),
        "StepFunctions-StartExecution" => {
            let machine = given("StateMachineArn").unwrap_or_default();
            let execution = format!("{}:{id}", machine.replacen(":stateMachine:", ":execution:", 1));
            json_answer(200, json!({"executionArn": execution, "startDate": visit.now.as_secs()}))
        }
        "StepFunctions-StartSyncExecution" => {
            json_answer(200, json!({"name": id, "status": "SUCCEEDED", "output": "{}"}))
        }
        "StepFunctions-StopExecution" => json_answer(200, json!({"stopDate": visit.now.as_secs()})),
        _ => json_answer(200, json!({})),
    }
}

fn xml(visit: &Visit, operation: &str, result: &str) -> Response {
    let result = if result.is_empty() {
        String::new()
    } else {
        format!("<{operation}Result>{result}</{operation}Result>")
    };
    let body = format!(
        "<?xml version=\"1.0\"?><{operation}Response xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">{result}\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{operation}Response>",
        visit.id
    );
    Response {
        status: 200,
        headers: vec![("content-type".to_owned(), "text/xml".to_owned())],
        body: body.into_bytes(),
    }
}

/// An id in a UUID's form, from the request's own: traffic must not change the ids that AWS mints for resources.
fn minted(visit: &Visit) -> String {
    let hex = format!("{:016x}{:016x}", scatter(&visit.id), scatter(&format!("{}+", visit.id)));
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
