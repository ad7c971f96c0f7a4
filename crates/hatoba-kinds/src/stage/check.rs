//! Rules across a stage's members that the service model does not say.

use hatoba_core::Members;
use serde_json::Value;

use crate::kind::Problem;

/// "Quotas for configuring and running an HTTP API", and the model's own pattern of values.
pub(super) fn variables(members: &Members) -> Vec<Problem> {
    let variables = members.get("stageVariables").and_then(Value::as_object);
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#&=,".contains(c);
    let wrong = |(name, value): (&String, &Value)| {
        let value = value.as_str()?;
        let at = format!("stageVariables.{name}");
        if value.is_empty() {
            let message = "expected a value: AWS takes an empty one for a removal";
            return Some(Problem::new(at, message, "leave the variable out"));
        }
        let message = "expected at most 512 letters, digits and `-._~:/?#&=,`";
        (value.chars().count() > 512 || !value.chars().all(legal))
            .then(|| Problem::new(at, format!("{message}, got `{value}`"), ""))
    };
    variables.into_iter().flatten().filter_map(wrong).collect()
}

/// "Configure logging for HTTP APIs".
pub(super) fn access_log_problem(members: &Members) -> Option<Problem> {
    let settings = members.get("accessLogSettings")?.as_object()?;
    for member in ["destinationArn", "format"] {
        if settings.get(member).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Some(Problem::new(
                format!("accessLogSettings.{member}"),
                format!("`{member}` is missing"),
                "an access log needs a destination and a format; leave `accessLogSettings` out for no log",
            ));
        }
    }
    let format = settings.get("format").and_then(Value::as_str).unwrap_or_default();
    let is_identified = ["$context.requestId", "$context.extendedRequestId"].iter().any(|id| format.contains(id));
    (!is_identified).then(|| {
        let message = "expected `$context.requestId` or `$context.extendedRequestId` in the format";
        Problem::new("accessLogSettings.format", message, "AWS refuses a log whose lines name no request")
    })
}
