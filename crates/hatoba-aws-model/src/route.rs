//! Which service and operation a request is for, and what it says.
//!
//! The SDK names the service in its own ways: a target header, the scope of the signature, the host, the path. Callers
//! with an endpoint override (`--endpoint-url`) have no telling host, so all of these are tried.

use crate::apigateway::RestCall;
use crate::object::{self, Object};
use crate::s3;
use crate::wire::Request;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) const ECS_TARGET: &str = "AmazonEC2ContainerServiceV20141113";
pub(crate) const CLOUD_MAP_TARGET: &str = "Route53AutoNaming_v20170314";
pub(crate) const SQS_TARGET: &str = "AmazonSQS";

/// How requests and answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// API Gateway.
    RestJson,
    /// ECS: error text in `message`.
    Json,
    /// Cloud Map: error text in `Message`.
    JsonCapital,
    Ec2Query,
    /// STS; Route 53 writes its refusals alike.
    Query,
    /// S3.
    RestXml,
    /// SQS: awsJson1.0, with the codes of the Query protocol in a header.
    QueryJson,
}

/// A request that has found its operation.
pub(crate) struct Routed {
    pub(crate) service: &'static str,
    pub(crate) protocol: Protocol,
    pub(crate) operation: String,
    pub(crate) input: Input,
}

/// What the request says.
pub(crate) enum Input {
    Rest(RestCall),
    Json(Object),
    Form(BTreeMap<String, String>),
    /// A hosted zone's id.
    Zone(String),
    S3(s3::Call),
    /// With the address that queues' URLs begin with.
    Sqs(Object, String),
    /// Not in the protocol's form.
    Malformed,
    /// No operation of the model.
    Unknown,
}

/// Finds service, operation and input. Never fails: what cannot be placed is [`Input::Unknown`].
pub(crate) fn route(request: &Request) -> Routed {
    if let Some(target) = request.header("x-amz-target") {
        return json_call(target, request);
    }
    match service_of(request) {
        "s3" => s3_call(request),
        "apigatewayv2" => rest_call(request),
        "ec2" => form_call("ec2", Protocol::Ec2Query, request),
        "sts" => form_call("sts", Protocol::Query, request),
        "route53" => zone_call(request),
        _ => Routed {
            service: "unknown",
            protocol: Protocol::Json,
            operation: "Unknown".to_owned(),
            input: Input::Unknown,
        },
    }
}

/// Whether an operation changes something, judged by its verb. Receiving a message changes nothing that lasts: what is
/// not deleted comes back.
pub(crate) fn is_write(operation: &str) -> bool {
    let reads = ["Get", "List", "Describe", "Discover", "Head", "Receive", "Unknown"];
    !reads.iter().any(|verb| operation.starts_with(verb))
}

fn json_call(target: &str, request: &Request) -> Routed {
    let (prefix, operation) = target.rsplit_once('.').unwrap_or((target, ""));
    let (service, protocol) = match prefix {
        ECS_TARGET => ("ecs", Protocol::Json),
        CLOUD_MAP_TARGET => ("servicediscovery", Protocol::JsonCapital),
        SQS_TARGET => ("sqs", Protocol::QueryJson),
        _ => ("unknown", Protocol::Json),
    };
    let input = match json_body(&request.body) {
        _ if service == "unknown" => Input::Unknown,
        Some(input) if service == "sqs" => Input::Sqs(input, base(request)),
        Some(input) => Input::Json(input),
        None => Input::Malformed,
    };
    Routed { service, protocol, operation: operation.to_owned(), input }
}

fn rest_call(request: &Request) -> Routed {
    let (path, query) = path_and_query(&request.uri);
    let segments: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
    let views: Vec<&str> = segments.iter().map(String::as_str).collect();
    let routed = |operation: &str, input| Routed {
        service: "apigatewayv2",
        protocol: Protocol::RestJson,
        operation: operation.to_owned(),
        input,
    };
    let Some((operation, labels)) = crate::apigateway::operation(&request.method, &views) else {
        return routed("Unknown", Input::Unknown);
    };
    let Some(body) = json_body(&request.body) else {
        return routed(operation, Input::Malformed);
    };
    let labels = labels.into_iter().map(str::to_owned).collect();
    routed(operation, Input::Rest(RestCall { operation, labels, query: pairs(query), body }))
}

fn s3_call(request: &Request) -> Routed {
    let (operation, input) = match s3::Call::of(request) {
        Some(call) => (call.operation, Input::S3(call)),
        None => ("Unknown", Input::Unknown),
    };
    Routed { service: "s3", protocol: Protocol::RestXml, operation: operation.to_owned(), input }
}

/// Scheme and host that the request came to: AWS's own, or a loopback server's.
fn base(request: &Request) -> String {
    match (authority(&request.uri), request.header("host")) {
        (Some(host), _) => format!("{}://{host}", request.uri.split("://").next().unwrap_or("https")),
        (None, Some(host)) if !host.ends_with(".amazonaws.com") => format!("http://{host}"),
        (None, Some(host)) => format!("https://{host}"),
        (None, None) => "https://sqs.amazonaws.com".to_owned(),
    }
}

fn zone_call(request: &Request) -> Routed {
    let (path, _) = path_and_query(&request.uri);
    let zone = path.strip_prefix("/2013-04-01/hostedzone/").filter(|_| request.method == "GET").map(decode);
    let (operation, input) = match zone {
        Some(zone) if !zone.is_empty() && !zone.contains('/') => ("GetHostedZone", Input::Zone(zone)),
        _ => ("Unknown", Input::Unknown),
    };
    Routed { service: "route53", protocol: Protocol::Query, operation: operation.to_owned(), input }
}

fn form_call(service: &'static str, protocol: Protocol, request: &Request) -> Routed {
    let body = String::from_utf8_lossy(&request.body);
    let text = if body.is_empty() { path_and_query(&request.uri).1 } else { body.as_ref() };
    let form: BTreeMap<String, String> = pairs(text).into_iter().collect();
    let operation = form.get("Action").cloned().unwrap_or_default();
    Routed { service, protocol, operation, input: Input::Form(form) }
}

fn service_of(request: &Request) -> &'static str {
    let scope = scope_of(request);
    let scope = scope.as_ref().map(|scope| scope.service.as_str());
    let host = host_of(request);
    if scope.is_none() && s3::is_host(host) {
        return "s3";
    }
    for named in [scope.unwrap_or_default(), host.split('.').next().unwrap_or_default()] {
        match named {
            "apigateway" => return "apigatewayv2",
            "ec2" => return "ec2",
            "sts" => return "sts",
            "route53" => return "route53",
            "s3" => return "s3",
            _ => {}
        }
    }
    let (path, _) = path_and_query(&request.uri);
    if path.starts_with("/v2/") {
        return "apigatewayv2";
    }
    if path.starts_with("/2013-04-01/") {
        return "route53";
    }
    let body = String::from_utf8_lossy(&request.body);
    match pairs(&body).iter().find(|(key, _)| key == "Action") {
        Some((_, action)) if action == "GetCallerIdentity" => "sts",
        Some(_) => "ec2",
        None => "unknown",
    }
}

/// What a signature is good for.
pub(crate) struct Scope {
    pub(crate) region: String,
    pub(crate) service: String,
}

/// The scope of `… Credential=key/date/region/service/aws4_request, …`, in the header or in a presigned query.
pub(crate) fn scope_of(request: &Request) -> Option<Scope> {
    let of = |credential: &str| {
        let mut parts = credential.split('/').skip(2).map(str::to_owned);
        Some(Scope { region: parts.next()?, service: parts.next()? })
    };
    if let Some((_, credential)) = request.header("authorization").and_then(|h| h.split_once("Credential=")) {
        return of(credential.split([',', ' ']).next()?);
    }
    let query = pairs(path_and_query(&request.uri).1);
    query.iter().find(|(name, _)| name == "X-Amz-Credential").and_then(|(_, credential)| of(credential))
}

/// The host that a request is for, with its port.
pub(crate) fn host_of(request: &Request) -> &str {
    request.header("host").or_else(|| authority(&request.uri)).unwrap_or_default()
}

/// Scheme and rest of an absolute URI. A path may have `://` in it, too.
fn absolute(uri: &str) -> Option<&str> {
    uri.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?'])).map(|(_, rest)| rest)
}

pub(crate) fn authority(uri: &str) -> Option<&str> {
    absolute(uri)?.split(['/', '?']).next()
}

pub(crate) fn path_and_query(uri: &str) -> (&str, &str) {
    let rest = match absolute(uri) {
        Some(after) => after.find(['/', '?']).map_or("/", |at| &after[at..]),
        None => uri,
    };
    rest.split_once('?').unwrap_or((rest, ""))
}

/// The body as an object without nulls; an empty body is an empty object.
fn json_body(body: &[u8]) -> Option<Object> {
    if body.is_empty() {
        return Some(Object::new());
    }
    match serde_json::from_slice::<Value>(body).map(object::without_nulls) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let form = |part: &str| decode(&part.replace('+', " "));
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (form(key), form(value)))
        .collect()
}

pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
