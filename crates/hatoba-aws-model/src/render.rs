//! Outputs and refusals in the form of their protocol.

use crate::apigateway;
use crate::failure::Failure;
use crate::object::{self, Object};
use crate::route::Protocol;
use crate::wire::Response;
use serde_json::Value;

/// A successful answer. XML services have put their document into the member `xml`.
pub(crate) fn output(protocol: Protocol, operation: &str, out: Object, request_id: &str) -> Response {
    match protocol {
        Protocol::RestJson => {
            let status = apigateway::success_status(operation);
            let body = if status == 204 { Vec::new() } else { Value::Object(out).to_string().into_bytes() };
            response(status, "application/json", body, request_id)
        }
        Protocol::Json | Protocol::JsonCapital => response(
            200,
            "application/x-amz-json-1.1",
            Value::Object(out).to_string().into_bytes(),
            request_id,
        ),
        Protocol::Ec2Query | Protocol::Query => response(
            200,
            "text/xml;charset=UTF-8",
            object::text_or_empty(&out, "xml").as_bytes().to_vec(),
            request_id,
        ),
    }
}

/// A refusal.
pub(crate) fn failure(protocol: Protocol, failure: &Failure, request_id: &str) -> Response {
    let Failure { status, code, message, extra } = failure;
    let mut members = extra.clone();
    match protocol {
        Protocol::RestJson => {
            object::set(&mut members, "message", message.as_str());
            let body = Value::Object(members).to_string().into_bytes();
            let mut response = response(*status, "application/json", body, request_id);
            response.headers.push(("x-amzn-errortype".to_owned(), code.clone()));
            response
        }
        Protocol::Json | Protocol::JsonCapital => {
            let name = if protocol == Protocol::Json { "message" } else { "Message" };
            object::set(&mut members, "__type", code.as_str());
            object::set(&mut members, name, message.as_str());
            let body = Value::Object(members).to_string().into_bytes();
            response(*status, "application/x-amz-json-1.1", body, request_id)
        }
        Protocol::Ec2Query => {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{}</Code><Message>{}</Message>\
                 </Error></Errors><RequestID>{request_id}</RequestID></Response>",
                escape(code),
                escape(message)
            );
            response(*status, "text/xml;charset=UTF-8", body.into_bytes(), request_id)
        }
        Protocol::Query => {
            let body = format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                 <Code>{}</Code><Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
                escape(code),
                escape(message)
            );
            response(*status, "text/xml", body.into_bytes(), request_id)
        }
    }
}

fn response(status: u16, content_type: &str, body: Vec<u8>, request_id: &str) -> Response {
    let mut headers = vec![("x-amzn-requestid".to_owned(), request_id.to_owned())];
    if !body.is_empty() {
        headers.push(("content-type".to_owned(), content_type.to_owned()));
    }
    Response { status, headers, body }
}

/// Text for an XML element.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
