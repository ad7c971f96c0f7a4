//! AWS's service models, and what in an exchange is not as they say.

use std::collections::BTreeMap;
use std::path::Path;

use hatoba_aws_model::Response;
use hatoba_kinds::KindId;
use hatoba_tests::names;
use serde_json::{Value, json};

use super::{Exchange, patterns};
use crate::coverage::model;

/// The services whose answers are JSON; the others are read by the SDK or not at all.
pub(super) const SERVICES: [&str; 3] = ["apigatewayv2", "ecs", "servicediscovery"];

/// Codes that any operation may answer, though no model says so.
const ANYWHERE: [&str; 4] =
    ["ThrottlingException", "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"];

/// Refusals that AWS gives and its models do not list, as people have reported them: operation, code.
const REPORTED: [(&str, &str); 0] = [];

/// What AWS itself answers otherwise than its models say: operation, member, why.
const DEPARTURES: [(&str, &str, &str); 4] = [
    ("ListNamespaces", ".SOA.TTL: required", "an HTTP namespace is summed up with an empty SOA"),
    (
        "CreateService",
        ".DnsConfig.DnsRecords: required",
        "a service without DNS is shown with an empty DnsConfig",
    ),
    (
        "GetService",
        ".DnsConfig.DnsRecords: required",
        "a service without DNS is shown with an empty DnsConfig",
    ),
    (
        "ListServices",
        ".DnsConfig.DnsRecords: required",
        "a service without DNS is shown with an empty DnsConfig",
    ),
];

/// AWS's models, by service.
pub(super) struct Models(BTreeMap<&'static str, Value>);

impl Models {
    pub(super) fn read(python: &Path) -> Models {
        let kinds = [KindId::HttpApi, KindId::EcsService, KindId::DiscoveryService];
        let folders = kinds.map(|kind| kind.requests().0);
        Models(
            SERVICES
                .into_iter()
                .zip(folders)
                .map(|(service, folder)| (service, model(python, folder)))
                .collect(),
        )
    }

    /// A service's model.
    pub(super) fn of(&self, service: &str) -> &Value {
        &self.0[service]
    }

    /// What in an exchange is not as AWS's model says.
    pub(super) fn wrong(&self, exchange: &Exchange) -> Vec<String> {
        let Exchange { request, response } = exchange;
        let target = request.header("x-amz-target");
        let Some((service, operation)) = names::operation(&request.method, &request.uri, target) else {
            return Vec::new();
        };
        let Some(model) = self.0.get(service) else { return Vec::new() };
        let shapes = &model["shapes"];
        let about = &model["operations"][&operation];
        let mut walk = Walk { shapes, found: Vec::new() };
        if !about.is_object() {
            return vec![format!("{service}:{operation} is no operation")];
        }
        let is_good = response.status < 300;
        if let Some(input) = about["input"]["shape"].as_str().filter(|_| is_good) {
            walk.body("asked", input, &request.body);
        }
        match is_good {
            true => {
                let status = about["http"]["responseCode"].as_u64().unwrap_or(200);
                if u64::from(response.status) != status {
                    walk.found.push(format!("answered {}, AWS has {status}", response.status));
                }
                if let Some(output) = about["output"]["shape"].as_str() {
                    walk.body("answered", output, &response.body);
                }
            }
            false => walk.refusal(&operation, about, response, model["metadata"]["protocol"] == "rest-json"),
        }
        let departs = |found: &String| {
            DEPARTURES.iter().any(|(of, member, _)| *of == operation && found.contains(member))
        };
        let found = walk.found.into_iter().filter(|found| !departs(found));
        found.map(|found| format!("{service}:{operation}: {found}")).collect()
    }
}

/// A value beside the shape that it should have.
struct Walk<'a> {
    shapes: &'a Value,
    found: Vec<String>,
}

impl Walk<'_> {
    fn body(&mut self, what: &str, shape: &str, bytes: &[u8]) {
        // What a header or the path holds is no part of the body.
        let value: Value = match bytes {
            [] => json!({}),
            bytes => serde_json::from_slice(bytes).unwrap_or_default(),
        };
        self.value(shape, &value, what);
    }

    fn value(&mut self, name: &str, value: &Value, at: &str) {
        let shapes = self.shapes;
        let shape = &shapes[name];
        let is_so = match shape["type"].as_str().unwrap_or_default() {
            "structure" if shape["document"] == true => true,
            "structure" => return self.structure(shape, value, at),
            "list" => return self.list(name, value, at),
            "map" => return self.map(name, value, at),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" | "long" => value.is_i64(),
            "float" | "double" => value.is_number(),
            // API Gateway writes dates in words, the others in seconds.
            "timestamp" => value.is_number() || value.as_str().is_some_and(|text| text.ends_with('Z')),
            other => panic!("{at}: a shape of type {other}"),
        };
        if !is_so {
            return self.found.push(format!("{at}: {value} is no {}", shape["type"]));
        }
        let words = shape["enum"].as_array();
        if words.is_some_and(|words| !words.contains(value)) {
            self.found.push(format!("{at}: {value} is none of AWS's words"));
        }
        match value {
            Value::String(text) => {
                let length = text.chars().count() as f64;
                self.size(name, length, at);
                if !shape["pattern"].as_str().is_none_or(|pattern| patterns::fits(pattern, text)) {
                    self.found.push(format!("{at}: {value} is not like {}", shape["pattern"]));
                }
            }
            Value::Number(number) if shape["type"] != "timestamp" => {
                self.size(name, number.as_f64().unwrap_or_default(), at);
            }
            _ => {}
        }
    }

    fn size(&mut self, name: &str, size: f64, at: &str) {
        let (min, max) = bounds(name, &self.shapes[name]);
        if min.is_some_and(|min| size < min) || max.is_some_and(|max| size > max) {
            self.found.push(format!("{at}: {size} is not within the bounds of {name}"));
        }
    }

    fn structure(&mut self, shape: &Value, value: &Value, at: &str) {
        let Value::Object(given) = value else {
            return self.found.push(format!("{at}: {value} is no structure"));
        };
        let members = shape["members"].as_object().into_iter().flatten();
        let in_the_body = members.filter(|(_, member)| member["location"].is_null());
        let by_wire: BTreeMap<&str, (&str, &Value)> = in_the_body
            .map(|(name, member)| (member["locationName"].as_str().unwrap_or(name), (name.as_str(), member)))
            .collect();
        for (wire, inner) in given {
            match by_wire.get(wire.as_str()) {
                Some((_, member)) => {
                    self.value(member["shape"].as_str().unwrap_or_default(), inner, &format!("{at}.{wire}"));
                }
                None => self.found.push(format!("{at}.{wire}: AWS has no such member")),
            }
        }
        for required in shape["required"].as_array().into_iter().flatten() {
            let missing =
                by_wire.iter().find(|(wire, (name, _))| *name == required && !given.contains_key(**wire));
            if missing.is_some() {
                self.found
                    .push(format!("{at}.{}: required, and missing", required.as_str().unwrap_or_default()));
            }
        }
    }

    fn list(&mut self, name: &str, value: &Value, at: &str) {
        let shape = &self.shapes[name];
        let Value::Array(items) = value else {
            return self.found.push(format!("{at}: {value} is no list"));
        };
        self.size(name, items.len() as f64, at);
        for item in items {
            self.value(shape["member"]["shape"].as_str().unwrap_or_default(), item, &format!("{at}[]"));
        }
    }

    fn map(&mut self, name: &str, value: &Value, at: &str) {
        let shape = &self.shapes[name];
        let Value::Object(entries) = value else {
            return self.found.push(format!("{at}: {value} is no map"));
        };
        self.size(name, entries.len() as f64, at);
        for (key, entry) in entries {
            let of = |part: &str| shape[part]["shape"].as_str().unwrap_or_default().to_owned();
            self.value(&of("key"), &key.as_str().into(), &format!("{at}{{}}"));
            self.value(&of("value"), entry, &format!("{at}.{key}"));
        }
    }

    fn refusal(&mut self, operation: &str, about: &Value, response: &Response, is_rest: bool) {
        let body = response.json();
        let header = response.headers.iter().find(|(name, _)| name == "x-amzn-errortype");
        let code = header.map(|(_, code)| code.as_str()).or(body["__type"].as_str()).unwrap_or_default();
        let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
        if ANYWHERE.contains(&code) || REPORTED.contains(&(operation, code)) {
            return;
        }
        let mut errors = about["errors"].as_array().into_iter().flatten();
        let known = errors.find(|error| {
            let name = error["shape"].as_str().unwrap_or_default();
            self.shapes[name]["error"]["code"].as_str().unwrap_or(name) == code
        });
        let Some(name) = known.and_then(|error| error["shape"].as_str()) else {
            return self.found.push(format!(
                "refused with {} {code:?} ({}), which the operation has not",
                response.status, body
            ));
        };
        let shapes = self.shapes;
        let shape = &shapes[name];
        let usual = if shape["fault"] == true { 500 } else { 400 };
        // The JSON protocols have no other statuses, whatever the models say.
        let modelled = shape["error"]["httpStatusCode"].as_u64().filter(|_| is_rest);
        let status = modelled.unwrap_or(usual);
        if u64::from(response.status) != status {
            self.found.push(format!("refused {code} with {}, AWS has {status}", response.status));
        }
        let mut members = body.clone();
        if let Some(members) = members.as_object_mut() {
            members.remove("__type");
            // Cloud Map writes it with a capital, whatever its model says of the member's name.
            if let Some(message) = members.remove("Message") {
                members.insert("message".to_owned(), message);
            }
            let is_capital = shape["members"]["Message"].is_object();
            let wire = shape["members"]["Message"]["locationName"].as_str().unwrap_or("Message");
            if let Some(message) = members
                .remove("message")
                .filter(|_| shape["members"].as_object().is_some_and(|all| !all.is_empty()))
            {
                members.insert(if is_capital { wire.to_owned() } else { "message".to_owned() }, message);
            }
        }
        self.structure(shape, &members, &format!("refused {code}"));
    }
}

/// The least and the most that a shape allows. API Gateway's model says the lengths of texts in the shape's name alone.
pub(super) fn bounds(name: &str, shape: &Value) -> (Option<f64>, Option<f64>) {
    let said = (shape["min"].as_f64(), shape["max"].as_f64());
    let named = name.split_once("WithLengthBetween").and_then(|(_, range)| range.split_once("And"));
    match (said, named) {
        // Its own text says 0.
        _ if name == "StringWithLengthBetween1And1600" => (Some(0.0), Some(1_600.0)),
        ((None, None), Some((_, "32K"))) => (Some(0.0), Some(32_768.0)),
        ((None, None), Some((min, max))) => (min.parse().ok(), max.parse().ok()),
        (said, _) => said,
    }
}
