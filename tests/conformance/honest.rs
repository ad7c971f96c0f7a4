//! The model is honest: what it answers, and what we ask it, is what AWS's own service models say. They are read from the
//! `botocore` package; nothing of them is kept here.
//!
//! The product builds, changes and takes down one of every kind on the model, and what it may not is asked for by hand. Of
//! each exchange the members, their types, words, sizes and what is required are compared with the operation's shapes, and
//! of each refusal its code, its status and its members with the errors that the operation has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use hatoba_aws_model::{Clock as ModelClock, Config, Connector, Request, Response, SharedWorld, World};
use hatoba_engine::{Clock, Options};
use hatoba_kinds::KindId;
use hatoba_tests::{ARTICLE, EPOCH_SECONDS, Harbour, names};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::coverage::model;

/// The services whose answers are JSON; the others are read by the SDK or not at all.
const SERVICES: [&str; 3] = ["apigatewayv2", "ecs", "servicediscovery"];

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

/// Operations that the story does not come to; it must not come to fewer and fewer.
const UNSEEN_MAX: usize = 20;

/// One request and its answer.
#[derive(Clone, Debug)]
struct Exchange {
    request: Request,
    response: Response,
}

type Log = Arc<Mutex<Vec<Exchange>>>;

/// A way to the model on which everything is written down.
#[derive(Clone, Debug)]
struct Written {
    way: Connector,
    log: Log,
}

impl HttpConnector for Written {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = Request {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
        };
        let (answer, log) = (HttpConnector::call(&self.way, request), Arc::clone(&self.log));
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            let headers = answer.headers().iter();
            let response = Response {
                status: answer.status().as_u16(),
                headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
                body: answer.body().bytes().unwrap_or_default().to_vec(),
            };
            log.lock().unwrap_or_else(PoisonError::into_inner).push(Exchange { request: asked, response });
            Ok(answer)
        })
    }
}

/// AWS's models, by service.
pub(crate) struct Models(BTreeMap<&'static str, Value>);

impl Models {
    pub(crate) fn read(python: &Path) -> Models {
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

    /// What in an exchange is not as AWS's model says.
    fn wrong(&self, exchange: &Exchange) -> Vec<String> {
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
            "list" => return self.list(shape, value, at),
            "map" => return self.map(shape, value, at),
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
            Value::String(text) => self.size(shape, text.chars().count() as f64, at),
            Value::Number(number) if shape["type"] != "timestamp" => {
                self.size(shape, number.as_f64().unwrap_or_default(), at);
            }
            _ => {}
        }
    }

    fn size(&mut self, shape: &Value, size: f64, at: &str) {
        let (min, max) = (shape["min"].as_f64(), shape["max"].as_f64());
        if min.is_some_and(|min| size < min) || max.is_some_and(|max| size > max) {
            self.found.push(format!("{at}: {size} is not within {} and {}", shape["min"], shape["max"]));
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

    fn list(&mut self, shape: &Value, value: &Value, at: &str) {
        let Value::Array(items) = value else {
            return self.found.push(format!("{at}: {value} is no list"));
        };
        self.size(shape, items.len() as f64, at);
        for item in items {
            self.value(shape["member"]["shape"].as_str().unwrap_or_default(), item, &format!("{at}[]"));
        }
    }

    fn map(&mut self, shape: &Value, value: &Value, at: &str) {
        let Value::Object(entries) = value else {
            return self.found.push(format!("{at}: {value} is no map"));
        };
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

/// One of every kind.
fn documents() -> String {
    format!("{ARTICLE}\n---\n{}", include_str!("../data/one-of-each.yaml"))
}

/// The same, and every document says something else.
fn changed(documents: &str) -> String {
    let changed = documents.replace("first", "second").replace("ttl: 60", "ttl: 61");
    changed.replace("spec: {}", "spec: { description: second }")
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_and_answered_has_the_shapes_of_aws() {
    let Some(python) = hatoba_tests::tools::installed(hatoba_tests::tools::MODELS, "python") else { return };
    let models = Models::read(&python);
    let log = Log::default();
    let epoch = Duration::from_secs(EPOCH_SECONDS);
    let config = Config { rate_limits: false, ..Config::default() };
    let world: SharedWorld = Arc::new(Mutex::new(World::with_article_prerequisites(config)));
    let (clock, model_clock) = (Clock::starting_at(Timestamp::UNIX_EPOCH + epoch), ModelClock::new(epoch));
    let way = Written { way: Connector::new(Arc::clone(&world), model_clock), log: Arc::clone(&log) };
    let options = Options {
        owner: "honest".to_owned(),
        owner_is_explicit: true,
        prune_grace: Duration::from_secs(60),
        prune_limit: 100,
        ..Options::default()
    };
    let mut harbour = Harbour::by(Arc::clone(&world), options, (clock, model_clock), way, BTreeMap::new());
    let documents = documents();
    harbour.start(&documents);
    harbour.converge(Duration::from_secs(1_800)).await;
    harbour.documents(&changed(&documents));
    harbour.wait(Duration::from_secs(600)).await;
    harbour.converge(Duration::from_secs(1_800)).await;
    // All but one go: never all at once.
    let last = documents.split("---").find(|one| one.contains("kind: HttpNamespace")).unwrap();
    // Gone is what several looks at the source agree on.
    for _ in 0..60 {
        harbour.documents(last);
        harbour.wait(Duration::from_secs(60)).await;
    }

    let mut exchanges = log.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let goods: Vec<Exchange> = exchanges.iter().filter(|one| one.response.status < 300).cloned().collect();
    exchanges.extend(about_nothing(&world, &goods, model_clock));
    let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
    for exchange in &exchanges {
        for what in models.wrong(exchange) {
            *wrong.entry(what).or_default() += 1;
        }
    }
    assert!(wrong.is_empty(), "{} things of {} exchanges: {wrong:#?}", wrong.len(), exchanges.len());
    let unseen = unseen(&exchanges);
    println!("no good answer of these was looked at: {unseen:?}");
    assert!(unseen.len() <= UNSEEN_MAX, "{} of the operations were never answered: {unseen:?}", unseen.len());
}

/// Everything asked once more, when it is gone.
fn about_nothing(world: &SharedWorld, exchanges: &[Exchange], clock: ModelClock) -> Vec<Exchange> {
    let mut seen = BTreeSet::new();
    let mut again = Vec::new();
    for Exchange { request, .. } in exchanges {
        let target = request.header("x-amz-target");
        let Some(name) = names::operation(&request.method, &request.uri, target) else { continue };
        if seen.insert(name) {
            let response = world.lock().unwrap_or_else(PoisonError::into_inner).handle(request, clock.now());
            again.push(Exchange { request: request.clone(), response });
        }
    }
    again
}

/// Operations of the kinds that no exchange was about.
fn unseen(exchanges: &[Exchange]) -> Vec<String> {
    let seen: BTreeSet<(&str, String)> = exchanges
        .iter()
        .filter(|one| one.response.status < 300)
        .filter_map(|one| {
            names::operation(&one.request.method, &one.request.uri, one.request.header("x-amz-target"))
        })
        .collect();
    let operations = KindId::ALL.iter().flat_map(|kind| kind.operations());
    let used: BTreeSet<(&str, String)> = operations
        .filter(|operation| SERVICES.contains(&operation.service))
        .map(|operation| (operation.service, operation.name.to_owned()))
        .collect();
    used.difference(&seen).map(|(service, operation)| format!("{service}:{operation}")).collect()
}
