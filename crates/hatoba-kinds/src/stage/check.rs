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
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !(1..=64).contains(&name.chars().count()) || !name.chars().all(is_name) {
            let message = format!("expected a name of 1 to 64 letters, digits and `_`, got `{name}`");
            return Some(Problem::new(at, message, "it is used as `$stageVariables.<name>`"));
        }
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

/// Limits of requests: 0 refuses all of them, and nothing is below that.
pub(super) fn throttles(members: &Members) -> Vec<Problem> {
    let everywhere = members.get("defaultRouteSettings").map(|own| ("defaultRouteSettings".to_owned(), own));
    let routes = members.get("routeSettings").and_then(Value::as_object);
    let routes = routes.into_iter().flatten().map(|(route, own)| (format!("routeSettings.{route}"), own));
    let mut found = Vec::new();
    for (at, settings) in everywhere.into_iter().chain(routes) {
        for member in ["throttlingBurstLimit", "throttlingRateLimit"] {
            if let Some(limit) = settings.get(member).and_then(Value::as_f64).filter(|limit| *limit < 0.0) {
                let message = format!("expected 0 or more, got {limit}");
                let hint = "`null` gives the account's limit back; left out, the number that AWS has stays";
                found.push(Problem::new(format!("{at}.{member}"), message, hint));
            }
        }
    }
    found
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_and_values_of_variables() {
        let long = |length: usize| "v".repeat(length);
        for (name, value, is_good) in [
            ("function_2", "orders:live", true),
            ("a", "https://example.com/a?b=c&d=e,f#g~h-i_j.k", true),
            (long(64).as_str(), "v", true),
            (long(65).as_str(), "v", false),
            ("", "v", false),
            ("two words", "v", false),
            ("a-b", "v", false),
            ("a.b", "v", false),
            ("größe", "v", false),
            ("a", "", false),
            ("a", "two words", false),
            ("a", long(512).as_str(), true),
            ("a", long(513).as_str(), false),
        ] {
            let members = json!({ "stageVariables": { name: value } }).as_object().cloned().unwrap();
            let found: Vec<String> = variables(&members).into_iter().map(|problem| problem.path).collect();
            let expected = if is_good { vec![] } else { vec![format!("stageVariables.{name}")] };
            assert_eq!(found, expected, "{name}: {value}");
        }
    }
}
