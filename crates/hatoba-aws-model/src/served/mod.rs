//! The data plane: requests to the APIs themselves, answered by what is deployed.
//!
//! A request goes API and stage → route → authorizer → integration → VPC link → Cloud Map instance → the echo task, and
//! each hop answers as AWS's does when it fails. Invariant: only a deployment's snapshot is served; links, instances,
//! tasks and stage settings count as they are now.
//!
//! ```
//! use hatoba_aws_model::{Config, Request, World};
//! use std::time::Duration;
//!
//! let mut world = World::new(Config::default());
//! let request = Request {
//!     method: "GET".to_owned(),
//!     uri: "https://none.execute-api.us-east-1.amazonaws.com/pets".to_owned(),
//!     ..Request::default()
//! };
//! assert_eq!(world.invoke(&request, Duration::from_secs(1)).status, 404);
//! ```

pub(crate) mod address;
mod authorization;
mod backend;
mod cors;
mod echo;
mod jwt;
mod mapping;
mod selection;
mod services;
#[cfg(test)]
mod tests;

use crate::apigateway::Deployed;
use crate::ids::scatter;
use crate::object::{self, Object};
use crate::route::pairs;
use crate::wire::{Request, Response};
use crate::world::World;
use address::Address;
use serde_json::Value;
use std::time::Duration;

/// Names in lower case, as on the wire.
type Headers = Vec<(String, String)>;

/// A request on its way, with what the hops have found out about it.
struct Visit {
    id: String,
    now: Duration,
    region: String,
    account: String,
    api: String,
    stage: String,
    /// Host the caller named.
    host: String,
    method: String,
    /// Percent-encoded, without the stage.
    path: String,
    query: Vec<(String, String)>,
    headers: Headers,
    body: Vec<u8>,
    /// The matched route's key, and what its variables stand for.
    route_key: String,
    variables: Vec<(String, String)>,
    stage_variables: Object,
    /// Of an accepted JWT.
    claims: Object,
}

impl Visit {
    /// The first value of a header; `name` in any case.
    fn header(&self, name: &str) -> Option<&str> {
        header_of(&self.headers, name)
    }

    /// The first value of a query parameter.
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn header_of<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

impl World {
    /// Sends a request to an HTTP API at `now`, the time since the UNIX epoch: what a caller of its invoke address gets.
    ///
    /// The API is named by the host, `{apiId}.execute-api.{anything}`, or by the path,
    /// `/_aws/execute-api/{apiId}/{the path on that host}`. Anything else gets 404.
    pub fn invoke(&mut self, request: &Request, now: Duration) -> Response {
        self.advance(now);
        self.visits += 1;
        let id = format!("{:016x}", scatter(&self.visits.to_string()));
        let mut response = match address::of(request) {
            Some(address) => self.visit(request, address, id.clone()),
            None => message(404, "Not Found"),
        };
        response.headers.push(("apigw-requestid".to_owned(), id));
        response
    }

    fn visit(&mut self, request: &Request, address: Address, id: String) -> Response {
        let (stage, path) = self.stage_and_path(&address);
        let Some((settings, deployed)) = self.gateway.served(&address.api, &stage) else {
            return message(404, "Not Found");
        };
        let (settings, deployed) = (settings.clone(), deployed.clone());
        let is_http = object::text(deployed.api(), "protocolType") == Some("HTTP");
        if !is_http || object::flag(deployed.api(), "disableExecuteApiEndpoint") {
            return message(404, "Not Found");
        }
        let mut visit = Visit {
            id,
            now: self.now(),
            region: self.config.region.clone(),
            account: self.config.account.clone(),
            api: address.api,
            stage,
            host: address.host,
            method: request.method.to_ascii_uppercase(),
            path,
            query: pairs(&address.query),
            headers: request.headers.clone(),
            body: request.body.clone(),
            route_key: String::new(),
            variables: Vec::new(),
            stage_variables: object::object(&settings, "stageVariables").cloned().unwrap_or_default(),
            claims: Object::new(),
        };
        let cors = object::object(deployed.api(), "corsConfiguration");
        let response = self.through_the_gateway(&mut visit, &settings, &deployed);
        match cors {
            Some(cors) => cors::applied(cors, &visit, response),
            None => response,
        }
    }

    /// The stage that a path leads to, and the path without it: a named stage by the first segment, else `$default`.
    fn stage_and_path(&self, address: &Address) -> (String, String) {
        let rest = address.path.trim_start_matches('/');
        let (first, after) = rest.split_once('/').unwrap_or((rest, ""));
        let named = !first.is_empty() && first != "$default" && self.gateway.has_stage(&address.api, first);
        if named {
            (first.to_owned(), format!("/{after}"))
        } else {
            ("$default".to_owned(), address.path.clone())
        }
    }

    fn through_the_gateway(&mut self, visit: &mut Visit, settings: &Object, deployed: &Deployed) -> Response {
        let chosen = selection::choose(deployed, &visit.method, &visit.path);
        let preflight = deployed.api().contains_key("corsConfiguration") && cors::is_preflight(visit);
        let Some(chosen) = chosen else {
            return if preflight { cors::preflight() } else { message(404, "Not Found") };
        };
        visit.route_key = object::text_or_empty(chosen.route, "routeKey").to_owned();
        visit.variables = chosen.variables;
        if is_shut(settings, &visit.route_key) {
            return message(429, "Too Many Requests");
        }
        if let Err(refusal) = authorization::authorize(visit, chosen.route, deployed) {
            return *refusal;
        }
        if preflight {
            return cors::preflight();
        }
        let target = object::text_or_empty(chosen.route, "target").strip_prefix("integrations/");
        match target.and_then(|id| deployed.integration(id)) {
            Some(integration) => self.integrate(visit, integration),
            None => message(500, "Internal Server Error"),
        }
    }

    fn integrate(&mut self, visit: &Visit, integration: &Object) -> Response {
        let sent = mapping::request(visit, integration);
        let answer = self.reach(visit, integration, &sent);
        mapping::response(visit, integration, answer)
    }
}

/// Whether the route's throttling, or the stage's when the route has none, lets nothing through.
fn is_shut(settings: &Object, route_key: &str) -> bool {
    let own = object::object(settings, "routeSettings").and_then(|all| object::object(all, route_key));
    let defaults = object::object(settings, "defaultRouteSettings");
    ["throttlingBurstLimit", "throttlingRateLimit"].iter().any(|name| {
        let limit = own.and_then(|own| own.get(*name)).or_else(|| defaults.and_then(|all| all.get(*name)));
        limit.and_then(Value::as_f64) == Some(0.0)
    })
}

/// An answer of API Gateway itself.
fn message(status: u16, text: &str) -> Response {
    let body = object::only("message", text);
    json_answer(status, body)
}

fn json_answer(status: u16, body: impl Into<Value>) -> Response {
    Response {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.into().to_string().into_bytes(),
    }
}
