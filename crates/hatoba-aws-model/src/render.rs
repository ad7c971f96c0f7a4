//! Outputs and refusals in the form of their protocol.

use crate::apigateway;
use crate::failure::{Failure, Output};
use crate::object::{self, Object};
use crate::route::Protocol;
use crate::sqs;
use crate::wire::{Asked, Response};
use serde_json::Value;

const JSON_1_0: &str = "application/x-amz-json-1.0";
/// S3's second id of a request, which says nothing to anybody else.
pub(crate) const HOST_ID: &str = "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE";

/// The answer to a call that was not refused; `None` while a long poll has none.
pub(crate) fn done(asked: &Asked, output: Output) -> Option<Response> {
    match output {
        Output::Members(out) => Some(members(asked.protocol, &asked.operation, out, &asked.request_id)),
        Output::Whole(mut response) => {
            response.headers.extend(s3_ids(&asked.request_id));
            Some(response)
        }
        Output::Wait { .. } => None,
    }
}

/// A successful answer. XML services have put their document into the member `xml`.
fn members(protocol: Protocol, operation: &str, out: Object, request_id: &str) -> Response {
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
        Protocol::QueryJson => {
            response(200, JSON_1_0, Value::Object(out).to_string().into_bytes(), request_id)
        }
        Protocol::Ec2Query | Protocol::Query | Protocol::RestXml => response(
            200,
            "text/xml;charset=UTF-8",
            object::text_or_empty(&out, "xml").as_bytes().to_vec(),
            request_id,
        ),
    }
}

/// A refusal.
pub(crate) fn failure(asked: &Asked, failure: &Failure) -> Response {
    let (protocol, request_id) = (asked.protocol, asked.request_id.as_str());
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
        Protocol::QueryJson => {
            object::set(&mut members, "__type", sqs::shape(code));
            object::set(&mut members, "message", message.as_str());
            let body = Value::Object(members).to_string().into_bytes();
            let mut response = response(*status, JSON_1_0, body, request_id);
            let fault = if *status < 500 { "Sender" } else { "Receiver" };
            let error = format!("{};{fault}", sqs::query_code(code));
            response.headers.push(("x-amzn-query-error".to_owned(), error));
            response
        }
        Protocol::RestXml => s3_failure(asked, failure),
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

/// S3's refusals: members in lower case are headers, the others elements. A HEAD is answered without a body, and so is
/// 304.
fn s3_failure(asked: &Asked, failure: &Failure) -> Response {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let is_header = |name: &str| name.starts_with(|c: char| c.is_ascii_lowercase());
    let mut headers: Vec<(String, String)> = s3_ids(&asked.request_id).into();
    let named = failure.extra.iter().filter(|(name, _)| is_header(name));
    headers.extend(named.map(|(name, value)| (name.clone(), text(value))));
    if failure.status == 304 || asked.operation.starts_with("Head") {
        return Response { status: failure.status, headers, body: Vec::new() };
    }
    headers.push(("content-type".to_owned(), "application/xml".to_owned()));
    let elements = failure.extra.iter().filter(|(name, _)| !is_header(name));
    let elements: String =
        elements.map(|(name, value)| format!("<{name}>{}</{name}>", escape(&text(value)))).collect();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>{elements}\
         <RequestId>{}</RequestId><HostId>{HOST_ID}</HostId></Error>",
        escape(&failure.code),
        escape(&failure.message),
        s3_request_id(&asked.request_id),
    );
    Response { status: failure.status, headers, body: body.into_bytes() }
}

fn s3_ids(request_id: &str) -> [(String, String); 2] {
    [
        ("x-amz-request-id".to_owned(), s3_request_id(request_id)),
        ("x-amz-id-2".to_owned(), HOST_ID.to_owned()),
    ]
}

/// S3's ids are 16 digits.
pub(crate) fn s3_request_id(request_id: &str) -> String {
    request_id.chars().filter(|c| *c != '-').take(16).collect::<String>().to_ascii_uppercase()
}

fn response(status: u16, content_type: &str, body: Vec<u8>, request_id: &str) -> Response {
    let mut headers = vec![("x-amzn-requestid".to_owned(), request_id.to_owned())];
    if !body.is_empty() {
        headers.push(("content-type".to_owned(), content_type.to_owned()));
    }
    Response { status, headers, body }
}

/// Text for an XML element. Control characters are written as references, which strict readers refuse all the same.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_ascii_control() => escaped.push_str(&format!("&#x{:x};", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}
