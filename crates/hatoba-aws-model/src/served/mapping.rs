//! What goes to the back end and what comes back: methods, paths, headers, and the mappings of an integration.

use super::{Headers, Visit, header_of};
use crate::object::{self, Object};
use crate::wire::Response;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Headers that concern one connection only, and are never passed on.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "content-length",
];

/// A request as the back end gets it.
pub(super) struct Sent {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Headers,
}

/// The request to the back end. A named stage is part of its path, unless a mapping writes the path.
pub(super) fn request(visit: &Visit, integration: &Object) -> Sent {
    let method = match object::text(integration, "integrationMethod") {
        None | Some("ANY") => visit.method.clone(),
        Some(method) => method.to_owned(),
    };
    let path = if visit.stage == "$default" {
        visit.path.clone()
    } else {
        format!("/{}{}", visit.stage, visit.path)
    };
    let mut headers = visit.headers.clone();
    headers.retain(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()));
    headers.push(("forwarded".to_owned(), format!("for=127.0.0.1;host={};proto=https", visit.host)));
    headers.push(("via".to_owned(), "HTTP/1.1 AmazonAPIGateway".to_owned()));
    let mut sent = Sent { method, path, query: visit.query.clone(), headers };
    if integration.contains_key("integrationSubtype") {
        return sent; // its parameters are the service's, not mappings
    }
    for (key, template) in object::object(integration, "requestParameters").into_iter().flatten() {
        let Some((verb, place)) = key.split_once(':') else { continue };
        let text = filled(visit, template.as_str().unwrap_or_default(), None);
        match place.split_once('.') {
            None if key == "overwrite:path" => sent.path = text.unwrap_or(sent.path),
            Some(("header", name)) => change(&mut sent.headers, verb, &name.to_ascii_lowercase(), text),
            Some(("querystring", name)) => change(&mut sent.query, verb, name, text),
            _ => {}
        }
    }
    sent
}

/// The answer after the mappings of its status.
pub(super) fn response(visit: &Visit, integration: &Object, answer: Response) -> Response {
    let status = answer.status.to_string();
    let mappings =
        object::object(integration, "responseParameters").and_then(|all| object::object(all, &status));
    let mut mapped = answer.clone();
    for (key, template) in mappings.into_iter().flatten() {
        let Some((verb, place)) = key.split_once(':') else { continue };
        let text = filled(visit, template.as_str().unwrap_or_default(), Some(&answer));
        match place.split_once('.') {
            None if key == "overwrite:statuscode" => {
                mapped.status = text.and_then(|text| text.parse().ok()).unwrap_or(mapped.status);
            }
            Some(("header", name)) => change(&mut mapped.headers, verb, &name.to_ascii_lowercase(), text),
            _ => {}
        }
    }
    mapped
}

/// Appends, overwrites or removes an entry. A value that cannot be found changes nothing.
fn change(entries: &mut Vec<(String, String)>, verb: &str, name: &str, text: Option<String>) {
    match (verb, text) {
        ("append", Some(text)) => entries.push((name.to_owned(), text)),
        ("overwrite", Some(text)) => {
            entries.retain(|(key, _)| key != name);
            entries.push((name.to_owned(), text));
        }
        ("remove", _) => entries.retain(|(key, _)| key != name),
        _ => {}
    }
}

/// A template's text: one `$…` expression, or a text with `${…}` expressions in it.
pub(super) fn filled(visit: &Visit, template: &str, answer: Option<&Response>) -> Option<String> {
    if template.starts_with('$') && !template.contains("${") {
        return value(visit, template, answer);
    }
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let (expression, tail) = after.split_once('}')?;
        text.push_str(before);
        text.push_str(&value(visit, expression, answer)?);
        rest = tail;
    }
    Some(text + rest)
}

/// What an expression stands for, with or without its `$`; `None` when the request, or answer, has no such thing.
pub(super) fn value(visit: &Visit, expression: &str, answer: Option<&Response>) -> Option<String> {
    let expression = expression.strip_prefix('$').unwrap_or(expression);
    let (from, rest) = expression.split_once('.')?;
    let (what, name) = rest.split_once('.').map_or((rest, None), |(what, name)| (what, Some(name)));
    match (from, what, name) {
        ("request", "header", Some(name)) => joined(&visit.headers, |key| key.eq_ignore_ascii_case(name)),
        ("request", "querystring", Some(name)) => joined(&visit.query, |key| key == name),
        ("request", "body", None) => Some(String::from_utf8_lossy(&visit.body).into_owned()),
        ("request", "body", Some(path)) => in_body(&visit.body, path),
        ("request", "path", None) => Some(visit.path.clone()),
        ("request", "path", Some(name)) => {
            visit.variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        }
        ("stageVariables", name, None) => object::text(&visit.stage_variables, name).map(str::to_owned),
        ("context", _, _) => context(visit, rest),
        ("response", "header", Some(name)) => header_of(&answer?.headers, name).map(str::to_owned),
        ("response", "body", Some(path)) => in_body(&answer?.body, path),
        ("response", "body", None) => Some(String::from_utf8_lossy(&answer?.body).into_owned()),
        _ => None,
    }
}

fn context(visit: &Visit, name: &str) -> Option<String> {
    let text = match name {
        "requestId" | "extendedRequestId" => visit.id.clone(),
        "apiId" => visit.api.clone(),
        "accountId" => visit.account.clone(),
        "stage" => visit.stage.clone(),
        "routeKey" => visit.route_key.clone(),
        "httpMethod" => visit.method.clone(),
        "path" if visit.stage == "$default" => visit.path.clone(),
        "path" => format!("/{}{}", visit.stage, visit.path),
        "protocol" => "HTTP/1.1".to_owned(),
        "domainName" => visit.host.clone(),
        "identity.sourceIp" => "127.0.0.1".to_owned(),
        "identity.userAgent" => visit.header("user-agent")?.to_owned(),
        "requestTimeEpoch" => visit.now.as_millis().to_string(),
        _ => {
            let claim = name.strip_prefix("authorizer.claims.")?;
            return visit.claims.get(claim).map(text_of);
        }
    };
    Some(text)
}

fn joined(entries: &[(String, String)], is_it: impl Fn(&str) -> bool) -> Option<String> {
    let found: Vec<&str> =
        entries.iter().filter(|(key, _)| is_it(key)).map(|(_, value)| value.as_str()).collect();
    (!found.is_empty()).then(|| found.join(","))
}

/// A member of a JSON body: names and `[0]`, joined by dots.
fn in_body(body: &[u8], path: &str) -> Option<String> {
    let mut value: &Value = &serde_json::from_slice(body).ok()?;
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        value = match part.strip_suffix(']') {
            Some(number) => value.get(number.parse::<usize>().ok()?)?,
            None => value.get(part)?,
        };
    }
    Some(text_of(value))
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A public integration's address with the route's variables and the stage's in it.
pub(super) fn address(visit: &Visit, template: &str) -> String {
    let text = filled(visit, template, None).unwrap_or_else(|| template.to_owned());
    visit.variables.iter().fold(text, |text, (name, value)| {
        let value = percent_decode_str(value).decode_utf8_lossy();
        text.replace(&format!("{{{name}}}"), &value).replace(&format!("{{{name}+}}"), &value)
    })
}
