//! Rules across an integration's members: which go together for each sort of back end.

use hatoba_core::{Members, did_you_mean};
use serde_json::Value;

use super::mapping;
use crate::kind::Problem;

/// "Integration subtype reference", version 1.0: AWS's services and the request parameters that each needs.
pub(crate) const SUBTYPES: &[(&str, &[&str])] = &[
    ("AppConfig-GetConfiguration", &["Application", "Environment", "Configuration", "ClientId"]),
    ("EventBridge-PutEvents", &["Detail", "DetailType", "Source"]),
    ("Kinesis-PutRecord", &["StreamName", "Data", "PartitionKey"]),
    ("SQS-DeleteMessage", &["QueueUrl", "ReceiptHandle"]),
    ("SQS-PurgeQueue", &["QueueUrl"]),
    ("SQS-ReceiveMessage", &["QueueUrl"]),
    ("SQS-SendMessage", &["QueueUrl", "MessageBody"]),
    ("StepFunctions-StartExecution", &["StateMachineArn"]),
    ("StepFunctions-StartSyncExecution", &["StateMachineArn"]),
    ("StepFunctions-StopExecution", &["ExecutionArn"]),
];

/// AWS: description of an integration, in characters; our last line needs room too.
const DESCRIPTION_CHARS_MAX: usize = 1024;
/// Longest mark: owner 200, key 253 and its kind, number, brackets.
const MARK_CHARS_MAX: usize = 500;

fn text<'a>(members: &'a Members, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

/// Whether the back end learns with which method it is called: one of AWS's services, or an address that is always
/// called with the same method, takes every request that reaches it for the same call.
pub(crate) fn is_told_the_method<'a>(text: impl Fn(&str) -> Option<&'a str>) -> bool {
    match (text("integrationType"), text("integrationSubtype")) {
        (Some("AWS_PROXY"), subtype) => subtype.is_none(), // Lambda
        (Some("HTTP_PROXY"), _) => matches!(text("integrationMethod"), Some("ANY" | "OPTIONS")),
        _ => false,
    }
}

/// Everything that is wrong.
pub(super) fn problems(members: &Members) -> Vec<Problem> {
    let mut found = common(members);
    match (text(members, "integrationType"), text(members, "integrationSubtype")) {
        (Some("AWS_PROXY"), Some(subtype)) => found.extend(service(members, subtype)),
        (Some("AWS_PROXY"), None) => found.extend(function(members)),
        (Some("HTTP_PROXY"), Some(_)) => found.push(Problem::new(
            "integrationSubtype",
            "a subtype is for AWS's own services, which need `integrationType: AWS_PROXY`",
            "leave it out for an HTTP back end",
        )),
        (Some("HTTP_PROXY"), None) => found.extend(http(members)),
        (other, _) => {
            let got = other.map_or("nothing".to_owned(), |kind| format!("`{kind}`"));
            let message = format!("expected HTTP_PROXY or AWS_PROXY, got {got}");
            let hint = "HTTP_PROXY is the one for a VPC link; AWS, HTTP and MOCK are for WebSocket APIs";
            found.push(Problem::new("integrationType", message, hint));
        }
    }
    if text(members, "integrationSubtype").is_none() {
        found.extend(mapping::of_requests(members));
    }
    found.extend(mapping::of_responses(members));
    found
}

/// What holds for every sort.
fn common(members: &Members) -> Vec<Problem> {
    let mut found = Vec::new();
    match text(members, "connectionType") {
        None | Some("INTERNET") if text(members, "connectionId").is_some() => {
            let message = "a connection is given, and `connectionType` is INTERNET";
            found.push(Problem::new("connectionType", message, "say `connectionType: VPC_LINK`"));
        }
        None | Some("INTERNET") => {}
        Some("VPC_LINK") if text(members, "connectionId").is_some() => {}
        Some("VPC_LINK") => {
            found.push(Problem::new("connectionId", "VPC_LINK needs `vpcLinkRef` or `connectionId`", ""));
        }
        Some(other) => {
            let message = format!("expected INTERNET or VPC_LINK, got `{other}`");
            found.push(Problem::new("connectionType", message, ""));
        }
    }
    if let Some(tls) = members.get("tlsConfig").and_then(Value::as_object) {
        if text(members, "connectionType") != Some("VPC_LINK") {
            let message = "a TLS setting is for a private back end, behind `connectionType: VPC_LINK`";
            found.push(Problem::new("tlsConfig", message, "a public address says https:// itself"));
        } else if text(tls, "serverNameToVerify").is_none() {
            // Whether an empty one is HTTPS, or nothing, or clears what there was: AWS does not say.
            let message = "a TLS setting needs the name that the back end's certificate bears";
            found.push(Problem::new("tlsConfig.serverNameToVerify", message, "leave `tlsConfig` out for plain HTTP"));
        }
    }
    if let Some(timeout) = members.get("timeoutInMillis").and_then(Value::as_i64)
        && !(50..=30_000).contains(&timeout)
    {
        let message = format!("expected 50 to 30000 milliseconds, got {timeout}");
        found.push(Problem::new("timeoutInMillis", message, "an HTTP API waits 30 seconds at most"));
    }
    if text(members, "description").is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS_MAX - MARK_CHARS_MAX) {
        let message =
            format!("at most {} characters: the owner mark stands behind it", DESCRIPTION_CHARS_MAX - MARK_CHARS_MAX);
        found.push(Problem::new("description", message, ""));
    }
    found
}

fn http(members: &Members) -> Vec<Problem> {
    let mut found = Vec::new();
    if text(members, "integrationMethod").is_none() {
        found.push(Problem::new("integrationMethod", "HTTP_PROXY needs a method", "ANY passes every method on"));
    }
    let is_private = text(members, "connectionType") == Some("VPC_LINK");
    match text(members, "integrationUri") {
        None => {
            found.push(Problem::new("integrationUri", "`discoveryServiceRef` or `integrationUri` is missing", ""));
        }
        Some(uri) if is_private && uri.contains(":loadbalancer/") => {
            let message = "expected the ARN of the load balancer's listener, got the load balancer's own";
            found.push(Problem::new("integrationUri", message, "it has `:listener/` in it").rule("ServiceArnNeeded"));
        }
        Some(uri) if is_private && !is_private_target(uri) => {
            let message = format!("expected the ARN of a Cloud Map service or of a listener, got `{uri}`");
            let problem = Problem::new("integrationUri", message, "`discoveryServiceRef` fills it");
            found.push(problem.rule("ServiceArnNeeded"));
        }
        Some(uri) if !(is_private || uri.starts_with("https://") || uri.starts_with("http://")) => {
            let message = format!("expected an address that begins with https:// or http://, got `{uri}`");
            found.push(Problem::new("integrationUri", message, "an ARN needs `connectionType: VPC_LINK`"));
        }
        Some(_) => {}
    }
    found.extend(payload(members, &["1.0"], "2.0 is for Lambda"));
    found
}

fn is_private_target(uri: &str) -> bool {
    let is = |service: &str, part: &str| uri.contains(service) && uri.contains(part);
    uri.starts_with("arn:")
        && (is(":servicediscovery:", ":service/") || is(":elasticloadbalancing:", ":listener/"))
}

fn function(members: &Members) -> Vec<Problem> {
    let mut found = Vec::new();
    match text(members, "integrationUri") {
        Some(uri) if uri.starts_with("arn:") && uri.contains(":lambda:") => {}
        Some(uri) => {
            let message = format!("expected the ARN of a Lambda function, got `{uri}`");
            let hint = "AWS_PROXY is for Lambda, or for one of AWS's services with `integrationSubtype`";
            found.push(Problem::new("integrationUri", message, hint));
        }
        None => {
            let hint = "or name one of AWS's services in `integrationSubtype`";
            found.push(Problem::new("integrationUri", "the ARN of a Lambda function is missing", hint));
        }
    }
    if let Some(method) = text(members, "integrationMethod") {
        let message = format!("Lambda is called with POST, got `{method}`");
        found.push(Problem::new("integrationMethod", message, "leave it out"));
    }
    if text(members, "connectionType") == Some("VPC_LINK") {
        found.push(Problem::new("connectionType", "a Lambda function is not behind a VPC link", "leave it out"));
    }
    found.extend(payload(members, &["1.0", "2.0"], ""));
    found
}

fn service(members: &Members, subtype: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    let Some((_, needed)) = SUBTYPES.iter().find(|(name, _)| *name == subtype) else {
        let known = SUBTYPES.iter().map(|(name, _)| *name);
        let hint = match did_you_mean(subtype, known.clone()) {
            Some(guess) => format!("did you mean `{guess}`?"),
            None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
        };
        return vec![Problem::new("integrationSubtype", format!("unknown subtype `{subtype}`"), &hint)];
    };
    let given = members.get("requestParameters").and_then(Value::as_object);
    for name in *needed {
        let value = given.and_then(|given| given.get(*name)).and_then(Value::as_str);
        if value.is_none_or(str::is_empty) {
            let message = format!("{subtype} needs the request parameter `{name}`");
            let hint = "a fixed text, or an expression such as `$request.body.name`";
            found.push(Problem::new("requestParameters", message, hint));
        }
    }
    for (name, value) in given.into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        found.extend(mapping::expression(&format!("requestParameters.{name}"), value, mapping::IN_REQUESTS));
    }
    for member in ["integrationUri", "integrationMethod"] {
        if text(members, member).is_some() {
            let message = format!("an integration with {subtype} has no `{member}`");
            found.push(Problem::new(member, message, "the request parameters say it all"));
        }
    }
    if text(members, "credentialsArn").is_none() {
        let message = format!("{subtype} needs the role that API Gateway assumes");
        found.push(Problem::new("credentialsArn", message, "arn:aws:iam::…:role/…"));
    }
    if text(members, "connectionType") == Some("VPC_LINK") {
        found.push(Problem::new("connectionType", "one of AWS's services is not behind a VPC link", "leave it out"));
    }
    found.extend(payload(members, &["1.0"], "2.0 is for Lambda"));
    found
}

fn payload(members: &Members, allowed: &[&str], hint: &str) -> Option<Problem> {
    let version = text(members, "payloadFormatVersion")?;
    (!allowed.contains(&version)).then(|| {
        let message = format!("expected {}, got `{version}`", allowed.join(" or "));
        Problem::new("payloadFormatVersion", message, hint)
    })
}
