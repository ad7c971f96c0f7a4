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
