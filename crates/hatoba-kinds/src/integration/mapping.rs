//! Parameter mapping: what an integration may change in requests and responses ("Transforming API requests and
//! responses").

use hatoba_core::Members;
use serde_json::Value;

use crate::kind::Problem;

/// Headers that API Gateway keeps for itself; a trailing `*` is any ending.
const RESERVED: &[&str] = &[
    "access-control-*",
    "apigw-*",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "forwarded",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-amz-*",
    "x-amzn-*",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// Where expressions in requests may look.
pub(super) const IN_REQUESTS: &[&str] = &["request", "context", "stageVariables"];
const IN_RESPONSES: &[&str] = &["response", "context", "stageVariables"];

/// What is wrong with `requestParameters`.
pub(super) fn of_requests(members: &Members) -> Vec<Problem> {
    let parameters = members.get("requestParameters").and_then(Value::as_object);
    let check = |(key, value): (&String, &Value)| {
        let at = format!("requestParameters.{key}");
        let value = value.as_str()?; // `null`: left out
        let places = ["header.", "querystring."];
        if key != "overwrite:path"
            && let Some(problem) = wrong_key(&at, key, &places, "overwrite:path")
        {
            return Some(problem);
        }
        wrong_value(&at, key, value, IN_REQUESTS)
    };
    parameters.into_iter().flatten().filter_map(check).collect()
}

/// What is wrong with `responseParameters`.
pub(super) fn of_responses(members: &Members) -> Vec<Problem> {
    let mut found = Vec::new();
    for (status, mapped) in members.get("responseParameters").and_then(Value::as_object).into_iter().flatten() {
        let at = format!("responseParameters.{status}");
        if !status.parse::<u16>().is_ok_and(|code| (200..=599).contains(&code)) {
            let message = format!("expected a status code from 200 to 599, got `{status}`");
            found.push(Problem::new(at, message, "quote it: \"500\""));
            continue;
        }
        for (key, value) in mapped.as_object().into_iter().flatten() {
            let at = format!("{at}.{key}");
            let Some(value) = value.as_str() else { continue }; // `null`: left out
            let wrong = match key.as_str() {
                "overwrite:statuscode" => None,
                _ => wrong_key(&at, key, &["header."], "overwrite:statuscode"),
            };
            found.extend(wrong.or_else(|| wrong_value(&at, key, value, IN_RESPONSES)));
        }
    }
    found
}

fn wrong_key(at: &str, key: &str, places: &[&str], also: &str) -> Option<Problem> {
    let (verb, place) = key.split_once(':').unwrap_or(("", key));
    let named = places.iter().find_map(|start| place.strip_prefix(start)).filter(|name| !name.is_empty());
    let (true, Some(name)) = (["append", "overwrite", "remove"].contains(&verb), named) else {
        let forms: Vec<String> =
            places.iter().map(|start| format!("`append|overwrite|remove:{start}NAME`")).collect();
        let message = format!("expected {} or `{also}`, got `{key}`", forms.join(", "));
        return Some(Problem::new(at, message, "for example `overwrite:header.x-stage`"));
    };
    (place.starts_with("header.") && is_reserved(name)).then(|| {
        Problem::new(at, format!("the header `{name}` cannot be mapped: API Gateway keeps it for itself"), "")
    })
}

fn is_reserved(header: &str) -> bool {
    let header = header.to_lowercase();
    RESERVED.iter().any(|reserved| match reserved.strip_suffix('*') {
        Some(start) => header.starts_with(start),
        None => header == *reserved,
    })
}

fn wrong_value(at: &str, key: &str, value: &str, looks_into: &[&str]) -> Option<Problem> {
    if value.is_empty() {
        let hint = if key.starts_with("remove:") { "write `\"''\"`" } else { "leave the mapping out" };
        return Some(Problem::new(at, "expected a value: AWS takes an empty one for a removal", hint));
    }
    expression(at, value, looks_into)
}

/// An expression that looks where there is nothing: `$request.…` in a response.
pub(super) fn expression(at: &str, value: &str, looks_into: &[&str]) -> Option<Problem> {
    let inside = value.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(inside, _)| inside));
    let whole = value.strip_prefix('$').filter(|rest| !rest.starts_with('{'));
    let mut all = whole.into_iter().chain(inside);
    let wrong = all.find(|text| {
        let root = text.split(['.', '[']).next().unwrap_or_default();
        !looks_into.contains(&root)
    })?;
    let known: Vec<String> = looks_into.iter().map(|root| format!("`${root}.…`")).collect();
    let message = format!("expected an expression of {}, got `${wrong}`", known.join(", "));
    Some(Problem::new(at, message, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(members: Value) -> Vec<String> {
        let members = members.as_object().cloned().unwrap_or_default();
        let found = of_requests(&members).into_iter().chain(of_responses(&members));
        found.map(|problem| format!("{}: {}", problem.path, problem.message)).collect()
    }

    #[test]
    fn good_mappings() {
        let good = json!({
            "requestParameters": {
                "overwrite:path": "$request.path", "append:header.x-a": "$context.requestId",
                "remove:querystring.b": "''", "overwrite:header.c": "fixed-${stageVariables.env}-$5",
            },
            "responseParameters": { "500": { "overwrite:statuscode": "503", "append:header.d": "$response.header.e" } },
        });
        assert_eq!(said(good), Vec::<String>::new());
    }

    #[test]
    fn bad_mappings_are_named() {
        for (request, response, says) in [
            (json!({ "overwrite:body": "x" }), json!({}), "requestParameters.overwrite:body: expected `append"),
            (json!({ "header.a": "x" }), json!({}), "got `header.a`"),
            (json!({ "append:header.": "x" }), json!({}), "got `append:header.`"),
            (json!({ "overwrite:header.Authorization": "x" }), json!({}), "`Authorization` cannot be mapped"),
            (json!({ "append:header.X-Amz-Date": "x" }), json!({}), "`X-Amz-Date` cannot be mapped"),
            (json!({ "append:header.a": "$response.header.b" }), json!({}), "got `$response.header.b`"),
            (json!({ "append:header.a": "a-${input.b}" }), json!({}), "got `$input.b`"),
            (json!({ "remove:header.a": "" }), json!({}), "expected a value"),
            (json!({}), json!({ "99": { "append:header.a": "b" } }), "expected a status code"),
            (json!({}), json!({ "200": { "append:querystring.a": "b" } }), "got `append:querystring.a`"),
            (json!({}), json!({ "200": { "append:header.a": "$request.path" } }), "got `$request.path`"),
        ] {
            let found = said(json!({ "requestParameters": request, "responseParameters": response }));
            assert!(found.len() == 1 && found[0].contains(says), "{says}: {found:?}");
        }
    }
}
