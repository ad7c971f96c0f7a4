//! Requests made of AWS's service models: with one thing that may not be, or with one that only just may be.

use std::collections::BTreeSet;

use hatoba_aws_model::Request;
use hatoba_kinds::KindId;
use serde_json::{Map, Value, json};

use super::patterns;
use super::shapes::{Models, SERVICES, bounds};

/// Longer texts are not tried.
const LENGTH_MAX: f64 = 4_096.0;

/// A request with one thing that may not be, or that only just may be.
pub(super) struct Trial {
    pub(super) service: &'static str,
    pub(super) operation: String,
    /// The member, as the answer should name it.
    pub(super) member: String,
    pub(super) what: &'static str,
    pub(super) request: Request,
}

/// Puts a value where it belongs in an otherwise legal body.
type Put<'a> = &'a dyn Fn(Value) -> Value;

/// Makes the requests to one operation.
#[derive(Clone, Copy)]
struct Maker<'a> {
    service: &'static str,
    operation: &'a str,
    about: &'a Value,
    shapes: &'a Value,
    /// Makes what is allowed, at the edges, in place of what is not.
    is_legal: bool,
}

pub(super) type Made = Vec<Trial>;

impl<'a> Maker<'a> {
    fn all(self) -> Made {
        let mut made = Vec::new();
        if let Some(input) = self.about["input"]["shape"].as_str() {
            self.structure(input, &[], &|body| body, &mut made);
            if !self.is_legal {
                self.query(input, &mut made);
            }
        }
        made
    }

    fn shape(self, name: &str) -> &'a Value {
        &self.shapes[name]
    }

    /// Everything that may not be of a structure's members.
    fn structure(self, name: &'a str, above: &[&str], put: Put<'_>, made: &mut Made) {
        let whole = self.legal(name);
        let above = [above, &[name]].concat();
        for (wire, member, is_required) in members(self.shape(name)) {
            if is_required && !self.is_legal {
                let mut without = whole.clone();
                without.as_object_mut().map(|body| body.remove(wire));
                made.push(self.trial(wire, "missing", put(without)));
            }
            let with = |value| {
                let mut body = whole.clone();
                body[wire] = value;
                put(body)
            };
            self.value(member, wire, &above, &with, made);
        }
    }

    /// Everything that may not be of a member's value, or of what it holds.
    fn value(self, name: &'a str, at: &str, above: &[&str], put: Put<'_>, made: &mut Made) {
        let shape = self.shape(name);
        let tried = if self.is_legal { self.right(name) } else { self.wrong(name) };
        made.extend(tried.into_iter().map(|(what, value)| self.trial(at, what, put(value))));
        if above.contains(&name) {
            return; // a structure that holds itself says nothing new
        }
        let inner = |part: &str| shape[part]["shape"].as_str().unwrap_or_default();
        match shape["type"].as_str().unwrap_or_default() {
            "structure" if shape["document"] != true => self.structure(name, above, put, made),
            "list" => {
                // In the place of the last of as many as there must be.
                let with = |value| {
                    let mut items = self.legal(name);
                    if let Some(last) = items.as_array_mut().and_then(|items| items.last_mut()) {
                        *last = value;
                    }
                    put(items)
                };
                self.value(inner("member"), at, above, &with, made);
            }
            "map" => {
                let (key, held) = (inner("key"), inner("value"));
                let legal = text_of(&self.legal(key));
                self.value(held, at, above, &|value| put(json!({ &legal: value })), made);
                let tried = if self.is_legal { self.right(key) } else { self.wrong(key) };
                for (what, wrong) in tried.into_iter().filter(|(_, value)| value.is_string()) {
                    let entry = json!({ text_of(&wrong): self.legal(held) });
                    made.push(self.trial(at, what, put(entry)));
                }
            }
            _ => {}
        }
    }

    /// Values that a shape forbids, and why.
    fn wrong(self, name: &str) -> Vec<(&'static str, Value)> {
        let shape = self.shape(name);
        let (min, max) = bounds(name, shape);
        let mut wrong = Vec::new();
        let kind = shape["type"].as_str().unwrap_or_default();
        let other = match kind {
            "string" => json!(7),
            "timestamp" => json!(true),
            _ => json!("seven"),
        };
        wrong.push(("of another type", other));
        match kind {
            "string" if shape["enum"].is_array() => wrong.push(("no word", json!("NO_WORD_OF_AWS"))),
            "string" | "list" | "map" => {
                wrong.extend(
                    min.filter(|min| *min > 0.0).map(|min| ("too short", self.of_size(name, min - 1.0))),
                );
                wrong.extend(max.map(|max| ("too long", self.of_size(name, max + 1.0))));
            }
            "integer" | "long" => {
                let (least, most) = (min.unwrap_or(-2_147_483_648.0), max.unwrap_or(2_147_483_647.0));
                wrong.push(("no whole number", json!(least + 0.5)));
                if kind == "integer" || min.is_some() {
                    wrong.push(("too small", json!(least as i64 - 1)));
                }
                if kind == "integer" || max.is_some() {
                    wrong.push(("too large", json!(most as i64 + 1)));
                }
            }
            _ => {}
        }
        if let Some(pattern) = shape["pattern"].as_str() {
            let unlike = ["#", " a", "\u{7}", "-"].into_iter().find(|text| !patterns::fits(pattern, text));
            let unlike = unlike.unwrap_or_else(|| panic!("{name}: everything is like {pattern}"));
            wrong.push(("unlike the pattern", json!(unlike)));
            if pattern.contains("arn:") {
                wrong.push(("unlike the pattern", json!("arn:aws:a")));
            }
        }
        wrong
    }

    /// Values at the edges of what a shape allows.
    fn right(self, name: &str) -> Vec<(&'static str, Value)> {
        let shape = self.shape(name);
        let (min, max) = bounds(name, shape);
        match shape["type"].as_str().unwrap_or_default() {
            "string" if shape["enum"].is_array() => {
                let words = shape["enum"].as_array().into_iter().flatten();
                words.map(|word| ("a word", word.clone())).collect()
            }
            "string" | "list" | "map" => {
                let max = max.filter(|max| *max <= LENGTH_MAX);
                let sizes = [("shortest", min.or(Some(0.0))), ("longest", max)];
                let sizes = sizes.into_iter().filter_map(|(what, size)| Some((what, size?)));
                let made = sizes.map(|(what, size)| (what, self.of_size(name, size)));
                let pattern = shape["pattern"].as_str();
                let fits = |value: &Value| match (pattern, value) {
                    (Some(pattern), Value::String(text)) => patterns::fits(pattern, text),
                    _ => true,
                };
                made.filter(|(_, value)| fits(value)).collect()
            }
            "integer" | "long" => {
                let edges = [("least", min), ("most", max)].into_iter();
                edges.filter_map(|(what, edge)| Some((what, json!(edge? as i64)))).collect()
            }
            "boolean" => vec![("no", json!(false))],
            _ => Vec::new(),
        }
    }

    fn of_size(self, name: &str, size: f64) -> Value {
        let (shape, size) = (self.shape(name), size as usize);
        let inner = |part: &str| self.legal(shape[part]["shape"].as_str().unwrap_or_default());
        match shape["type"].as_str() {
            Some("list") => Value::Array(vec![inner("member"); size]),
            Some("map") => (0..size).map(|at| (format!("a{at}"), inner("value"))).collect(),
            _ => Value::String("a".repeat(size)),
        }
    }

    /// The least that a shape allows.
    fn legal(self, name: &str) -> Value {
        let shape = self.shape(name);
        let (min, _) = bounds(name, shape);
        match shape["type"].as_str().unwrap_or_default() {
            "structure" => members(shape)
                .filter(|(.., is_required)| *is_required)
                .map(|(wire, member, _)| (wire.to_owned(), self.legal(member)))
                .collect(),
            "string" if shape["enum"].is_array() => shape["enum"][0].clone(),
            "string" | "list" | "map" => self.of_size(name, min.unwrap_or_default().max(1.0)),
            "boolean" => json!(true),
            _ => json!(min.unwrap_or_default() as i64),
        }
    }

    /// What must stand in the query, and does not.
    fn query(self, input: &str, made: &mut Made) {
        let shape = self.shape(input);
        let required = required(shape);
        let missing: Vec<String> = queried(shape)
            .filter(|(name, _)| required.contains(name))
            .map(|(_, wire)| wire.to_owned())
            .collect();
        for name in missing {
            let mut request = self.request(self.legal(input));
            request.uri.truncate(request.uri.find('?').unwrap_or(request.uri.len()));
            made.push(Trial { request, ..self.trial(&name, "missing", Value::Null) });
        }
    }

    fn trial(self, member: &str, what: &'static str, body: Value) -> Trial {
        let (service, operation) = (self.service, self.operation.to_owned());
        Trial { service, operation, member: member.to_owned(), what, request: self.request(body) }
    }

    fn request(self, body: Value) -> Request {
        let (method, path) = (&self.about["http"]["method"], &self.about["http"]["requestUri"]);
        if self.service != "apigatewayv2" {
            return Request::json(self.service, self.operation, &body);
        }
        let label = |step: &str| if step.starts_with('{') { "a".to_owned() } else { step.to_owned() };
        let path: Vec<String> = path.as_str().unwrap_or_default().split('/').map(label).collect();
        let shape = self.shape(self.about["input"]["shape"].as_str().unwrap_or_default());
        let asked: Vec<String> = queried(shape).map(|(_, wire)| format!("{wire}=1")).collect();
        let query = if asked.is_empty() { String::new() } else { format!("?{}", asked.join("&")) };
        let body = if method == "POST" || method == "PATCH" { body } else { Value::Null };
        Request::rest(method.as_str().unwrap_or_default(), &format!("{}{query}", path.join("/")), &body)
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn required(shape: &Value) -> BTreeSet<&str> {
    shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Members in the body: the name on the wire, the shape, and whether it must be there.
fn members(shape: &Value) -> impl Iterator<Item = (&str, &str, bool)> {
    let required = required(shape);
    let all = shape["members"].as_object().into_iter().flat_map(Map::iter);
    all.filter(|(_, member)| member["location"].is_null()).map(move |(name, member)| {
        let wire = member["locationName"].as_str().unwrap_or(name);
        (wire, member["shape"].as_str().unwrap_or_default(), required.contains(name.as_str()))
    })
}

/// Members in the query: AWS's name, and the name on the wire.
fn queried(shape: &Value) -> impl Iterator<Item = (&str, &str)> {
    let all = shape["members"].as_object().into_iter().flat_map(Map::iter);
    all.filter(|(_, member)| member["location"] == "querystring")
        .map(|(name, member)| (name.as_str(), member["locationName"].as_str().unwrap_or(name)))
}

/// What is forbidden in the operations that the product uses; or what is allowed.
pub(super) fn requests(models: &Models, is_legal: bool) -> Made {
    let operations = KindId::ALL.iter().flat_map(|kind| kind.operations());
    let used: BTreeSet<(&'static str, &'static str)> = operations
        .filter(|operation| SERVICES.contains(&operation.service))
        .map(|operation| (operation.service, operation.name))
        .collect();
    let made = used.into_iter().flat_map(|(service, operation)| {
        let model = models.of(service);
        let (about, shapes) = (&model["operations"][operation], &model["shapes"]);
        Maker { service, operation, about, shapes, is_legal }.all()
    });
    made.collect()
}
