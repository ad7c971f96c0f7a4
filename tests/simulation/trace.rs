//! What happened, in order: equal for equal seeds.

use std::time::Duration;

use hatoba_tests::EPOCH_SECONDS;
use serde_json::Value;

use crate::call::Call;

/// A line for each call and each event.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    lines: Vec<String>,
    pub(crate) calls: usize,
}

impl Trace {
    pub(crate) fn note(&mut self, now: Duration, line: impl std::fmt::Display) {
        let at = now.saturating_sub(Duration::from_secs(EPOCH_SECONDS));
        self.lines.push(format!("{:10.3} {line}", at.as_secs_f64()));
    }

    pub(crate) fn call(&mut self, now: Duration, call: &Call, status: u16, how: &str) {
        self.calls += 1;
        let Call { process, service, operation, .. } = call;
        let how = if how == "Good" { "" } else { how };
        let uri = if *service == "apigatewayv2" || *service == "s3" { &call.request.uri } else { "" };
        let is_shown = call.changes_aws();
        let body = if is_shown { canonical(&call.request.body) } else { String::new() };
        self.note(now, format!("{process} {service}.{operation} {status} {how} {uri} {body}"));
    }

    pub(crate) fn text(&self) -> String {
        self.lines.join("\n")
    }
}

/// A body in an order that is always the same: the SDK keeps tags in none.
fn canonical(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let Ok(value) = serde_json::from_str::<Value>(&text) else { return text.into_owned() };
    sorted(&value)
}

fn sorted(value: &Value) -> String {
    let joined = |mut parts: Vec<String>, is_set: bool| {
        if is_set {
            parts.sort();
        }
        parts.join(",")
    };
    match value {
        Value::Object(members) => {
            let parts = members.iter().map(|(name, value)| format!("{name:?}:{}", sorted(value)));
            format!("{{{}}}", joined(parts.collect(), true))
        }
        Value::Array(items) => {
            let is_tags = items.iter().all(|item| !item["Key"].is_null() || !item["key"].is_null());
            format!("[{}]", joined(items.iter().map(sorted).collect(), is_tags))
        }
        other => other.to_string(),
    }
}
