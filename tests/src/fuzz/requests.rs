//! Requests to the model of AWS, one after the other: it always answers, in the protocol's form; what it refuses or only
//! shows changes nothing; and the state is one that could be.
//!
//! An input is text: requests with a line `---` between them. The first line says what is called, after a `+N` that lets
//! N seconds pass: `GET /v2/apis`, `ecs.CreateService`, `ec2 Action=DescribeVpcs`, `sts …`. Lines `name: value` are
//! headers, the rest is the body. `{a}` is the first id that an answer had, `{b}` the second.

use std::time::Duration;

use hatoba_aws_model::{Config, Delays, Request, Response, World};
use serde_json::Value;

use super::state::is_possible;

/// More only takes longer.
const REQUESTS_MAX: usize = 40;
const IDS_MAX: usize = 26;
/// A day is longer than anything that AWS does by itself.
const SECONDS_MAX: u64 = 86_400;
const START: Duration = Duration::from_secs(crate::EPOCH_SECONDS);

/// Sends the requests, twice: equal requests give equal worlds.
pub fn requests(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let first = carried_out(&text);
    assert_eq!(carried_out(&text), first, "the same requests came to another world");
}

/// The world that the requests come to.
fn carried_out(text: &str) -> Value {
    let config = Config { delays: Delays::sandbox(), rate_limits: false, ..Config::default() };
    let mut world = World::with_article_prerequisites(config);
    let (mut now, mut ids) = (START, Vec::new());
    for script in text.split("\n---\n").take(REQUESTS_MAX) {
        let (seconds, request) = read(script, &ids);
        now += Duration::from_secs(seconds.min(SECONDS_MAX));
        world.advance(now);
        let before = world.dump();
        let logged = world.log().len();
        let response = world.handle(&request, now);
        is_well_formed(&request, &response);
        let after = world.dump();
        let call = world.log().get(logged);
        let is_read = call.is_some_and(|call| !call.write && call.operation != "ReceiveMessage");
        if call.is_some() && (is_read || response.status >= 400) {
            assert!(before == after, "{request:?} changed something, and was answered {response:?}");
        }
        is_possible(&after);
        gather(&response.json(), &mut ids);
    }
    world.dump()
}

/// One request as it is written down.
fn read(script: &str, ids: &[String]) -> (u64, Request) {
    let mut text = script.to_owned();
    for (letter, id) in ('a'..='z').zip(ids) {
        text = text.replace(&format!("{{{letter}}}"), id);
    }
    let (first, mut rest) = text.split_once('\n').unwrap_or((&text, ""));
    let (seconds, first) = match first.strip_prefix('+').and_then(|line| line.split_once(' ')) {
        Some((seconds, line)) => (seconds.parse().unwrap_or(0), line),
        None => (0, first),
    };
    let mut headers = Vec::new();
    while let Some((line, after)) = rest.split_once('\n') {
        let Some((name, value)) = line.split_once(": ").filter(|(name, _)| is_header(name)) else { break };
        headers.push((name.to_owned(), value.to_owned()));
        rest = after;
    }
    (seconds, request(first, headers, rest))
}

fn is_header(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit())
}

fn request(first: &str, headers: Vec<(String, String)>, body: &str) -> Request {
    let (word, rest) = first.split_once(' ').unwrap_or((first, ""));
    let mut made = match (word, word.split_once('.')) {
        ("ec2" | "sts", _) => {
            let host = ("host".to_owned(), format!("{word}.us-east-1.amazonaws.com"));
            let body = rest.as_bytes().to_vec();
            Request { method: "POST".to_owned(), uri: "/".to_owned(), headers: vec![host], body }
        }
        (_, Some((service, operation))) => {
            let made = Request::json(service, operation, &Value::Null);
            Request { body: body.as_bytes().to_vec(), ..made }
        }
        (method, None) => {
            let (method, uri) = (method.to_owned(), rest.to_owned());
            Request { method, uri, headers: Vec::new(), body: body.as_bytes().to_vec() }
        }
    };
    made.headers.extend(headers);
    made
}

/// A status, and a body in the form that its type announces; a refusal says why.
fn is_well_formed(request: &Request, response: &Response) {
    let header = |name: &str| {
        let found = response.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let shown = || format!("{request:?} was answered {response:?}");
    assert!((200..600).contains(&response.status), "{}", shown());
    for (name, value) in &response.headers {
        assert!(is_header(name) && !value.contains(['\r', '\n', '\0']), "header {name:?}: {}", shown());
    }
    let kind = header("content-type");
    let Ok(text) = std::str::from_utf8(&response.body) else {
        return assert!(!kind.contains("json") && !kind.contains("xml"), "{}", shown());
    };
    // What clients put into S3, and what an echo task answers, is theirs.
    let is_theirs = request.method == "GET" && response.status < 300 && !header("etag").is_empty()
        || request.header("host").is_some_and(|host| host.contains("execute-api"));
    if is_theirs || text.is_empty() {
        return;
    }
    if kind.contains("json") {
        let Ok(Value::Object(members)) = serde_json::from_str(text) else { panic!("no object: {}", shown()) };
        let has = |name: &str| members.get(name).is_some_and(|value| value.is_string());
        let says = has("__type") || !header("x-amzn-errortype").is_empty();
        let is_told = says && (has("message") || has("Message"));
        assert!(response.status < 400 || is_told, "refused without a reason: {}", shown());
    } else if kind.contains("xml") {
        is_xml(text, &shown);
        assert!(response.status < 400 || text.contains("<Code>"), "refused without a code: {}", shown());
    }
}

/// Every element is closed, in its place.
fn is_xml(text: &str, shown: &dyn Fn() -> String) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        assert!(!before.contains('>'), "a bare `>`: {}", shown());
        let Some((tag, after)) = after.split_once('>') else { panic!("a tag without end: {}", shown()) };
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{}", shown());
        } else if !tag.starts_with('?') && !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or_default());
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "not closed: {open:?} {}", shown());
}

/// Ids, names and ARNs of an answer, for the requests after it.
fn gather(value: &Value, ids: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let is_one =
                    ["Id", "Arn", "ARN", "Url", "Handle", "Token"].iter().any(|end| name.ends_with(end));
                if let Some(text) =
                    value.as_str().filter(|text| (is_one || name == "arn") && !text.is_empty())
                    && ids.len() < IDS_MAX
                    && !ids.iter().any(|id| id == text)
                {
                    ids.push(text.to_owned());
                }
                gather(value, ids);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
