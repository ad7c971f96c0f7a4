//! The built-in task behind every private integration: it says what it was asked, and which task it is.
//!
//! Two request headers make it play a part: `x-echo-status: 418` sets the status of its answer, and
//! `x-echo-header-NAME: value` comes back as the header NAME.

use super::mapping::Sent;
use super::{Visit, header_of, json_answer};
use crate::object::{self, Object};
use crate::wire::Response;
use serde_json::{Value, json};

const STATUS: &str = "x-echo-status";
const HEADER: &str = "x-echo-header-";

/// Who answers.
pub(super) struct Host {
    /// Address and port.
    pub(super) address: String,
    pub(super) instance: String,
    /// Cluster, service and task definition, unless the instance was registered by hand.
    pub(super) task: Option<[String; 3]>,
    pub(super) is_tls: bool,
}

/// The task's answer.
pub(super) fn answer(visit: &Visit, sent: &Sent, host: &Host) -> Response {
    let mut body = json!({
        "servedBy": {"address": host.address, "instance": host.instance},
        "method": sent.method,
        "path": sent.path,
        "scheme": if host.is_tls { "https" } else { "http" },
        "query": many(&sent.query),
        "headers": many(&sent.headers),
    });
    if let Some([cluster, service, definition]) = &host.task {
        body["servedBy"]["cluster"] = json!(cluster);
        body["servedBy"]["service"] = json!(service);
        body["servedBy"]["task"] = json!(host.instance);
        body["servedBy"]["taskDefinition"] = json!(definition);
    }
    if !visit.body.is_empty() {
        body["body"] = json!(String::from_utf8_lossy(&visit.body));
    }
    let status = header_of(&sent.headers, STATUS).and_then(|text| text.parse().ok());
    let mut answer = json_answer(status.filter(|code| (200..600).contains(code)).unwrap_or(200), body);
    for (name, value) in &sent.headers {
        if let Some(name) = name.strip_prefix(HEADER) {
            answer.headers.push((name.to_owned(), value.clone()));
        }
    }
    answer
}

/// Name to text, or to a list where a name comes more than once.
pub(super) fn many(entries: &[(String, String)]) -> Object {
    let mut out = Object::new();
    for (name, value) in entries {
        let value = Value::from(value.as_str());
        match out.get_mut(name) {
            None => object::set(&mut out, name, value),
            Some(Value::Array(list)) => list.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }
    out
}
