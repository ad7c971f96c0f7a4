//! Timestamps in the two forms AWS's protocols use.

use serde_json::Value;
use std::time::Duration;

/// ISO 8601 in whole seconds, as API Gateway writes it.
pub(crate) fn iso(at: Duration) -> Value {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let text = jiff::Timestamp::from_second(seconds).map(|t| t.to_string()).unwrap_or_default();
    Value::String(text)
}

/// Seconds with milliseconds, as the JSON protocols write it.
pub(crate) fn epoch(at: Duration) -> Value {
    // Exact for every date the model meets: milliseconds stay far below 2^53.
    Value::from(at.as_millis() as f64 / 1000.0)
}

/// ISO 8601 in milliseconds, as S3 writes it.
pub(crate) fn iso_millis(at: Duration) -> String {
    let (seconds, millis) = (at.as_secs(), at.subsec_millis());
    let text = iso(Duration::from_secs(seconds));
    format!("{}.{millis:03}Z", text.as_str().unwrap_or_default().trim_end_matches('Z'))
}

/// A date as HTTP's headers have it: `Tue, 02 Jan 2024 03:04:05 GMT`.
pub(crate) fn http(at: Duration) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds)
        .map(|t| t.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default()
}
