//! The whole of the in-memory AWS, and the one door into it.

use crate::apigateway::ApiGateway;
use crate::buckets::Buckets;
use crate::cloud_map::CloudMap;
use crate::config::Config;
use crate::ec2::Ec2;
use crate::ecs::Ecs;
use crate::env::{Agenda, Env, Event};
use crate::failure::{Failure, Outcome};
use crate::faults::{Effect, Faults};
use crate::ids::Minter;
use crate::route::{self, Input, Protocol, Routed};
use crate::wire::{Answer, Call, Request, Response};
use crate::{render, served, sts};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A world that several adapters look at.
pub type SharedWorld = Arc<Mutex<World>>;

/// Calls the log keeps. A sandbox left running must not fill the memory; a test never comes near.
const LOG_CALLS_MAX: usize = 200_000;

/// One account and region of AWS, in memory.
///
/// A world has no clock: every request brings the time, and what AWS would have done by itself until then is done
/// first. Equal configurations, requests and times give equal worlds and answers.
#[derive(Debug)]
pub struct World {
    pub(crate) config: Config,
    now: Duration,
    ids: Minter,
    agenda: Agenda,
    faults: Faults,
    buckets: Buckets,
    log: Vec<Call>,
    pub(crate) gateway: ApiGateway,
    pub(crate) cloud_map: CloudMap,
    pub(crate) ecs: Ecs,
    pub(crate) ec2: Ec2,
    /// Requests to APIs so far.
    pub(crate) visits: u64,
}

impl World {
    /// An empty account.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            ids: Minter::new(config.seed),
            config,
            now: Duration::ZERO,
            agenda: Agenda::default(),
            faults: Faults::default(),
            buckets: Buckets::default(),
            log: Vec::new(),
            gateway: ApiGateway::default(),
            cloud_map: CloudMap::default(),
            ecs: Ecs::default(),
            ec2: Ec2::default(),
            visits: 0,
        }
    }

    /// Answers one request at `now`, the time since the UNIX epoch.
    ///
    /// An answer lost or withheld by a fault shows as 503 here; callers that can lose an answer use
    /// [`answer`](Self::answer).
    pub fn handle(&mut self, request: &Request, now: Duration) -> Response {
        match self.answer(request, now) {
            Answer::Reply(response) => response,
            Answer::Lost | Answer::Never => Response { status: 503, headers: Vec::new(), body: Vec::new() },
        }
    }

    /// Carries out one request at `now` and says what becomes of its answer. A request to an HTTP API's invoke address
    /// is [`invoke`](Self::invoke)d: it is neither logged nor counted against a quota, and no fault befalls it.
    pub fn answer(&mut self, request: &Request, now: Duration) -> Answer {
        if served::address::of(request).is_some() {
            return Answer::Reply(self.invoke(request, now));
        }
        self.advance(now);
        let routed = route::route(request);
        let request_id = self.ids.uuid();
        let (service, protocol, operation) = (routed.service, routed.protocol, routed.operation.clone());
        let effect = self.faults.take(service, &operation);
        if matches!(effect, Some(Effect::Hang)) {
            self.record(service, &operation, 0, None);
            return Answer::Never;
        }
        let outcome = match &effect {
            Some(Effect::Fail(failure)) => Err(failure.clone()),
            _ if !self.admitted(service, &operation) => Err(throttled(protocol)),
            _ => self.carry_out(routed),
        };
        let code = outcome.as_ref().err().map(|failure| failure.code.clone());
        let response = match outcome {
            Ok(out) => render::output(protocol, &operation, out, &request_id),
            Err(failure) => render::failure(protocol, &failure, &request_id),
        };
        self.record(service, &operation, response.status, code);
        match effect {
            Some(Effect::Lose) => Answer::Lost,
            _ => Answer::Reply(response),
        }
    }

    /// Lets time pass: everything AWS does by itself until `now` is done. Time never runs backwards.
    pub fn advance(&mut self, now: Duration) {
        while let Some((at, event)) = self.agenda.pop_due(now) {
            let mut env = Env {
                config: &self.config,
                now: at,
                ids: &mut self.ids,
                agenda: &mut self.agenda,
                faults: &mut self.faults,
            };
            match event {
                Event::Gateway(event) => self.gateway.happen(event, &mut env),
                Event::CloudMap(event) => self.cloud_map.happen(event, &mut env),
                Event::Ecs(event) => self.ecs.happen(event, &mut self.cloud_map, &mut env),
            }
        }
        self.now = self.now.max(now);
    }

    /// Every call so far, oldest first.
    #[must_use]
    pub fn log(&self) -> &[Call] {
        &self.log
    }

    /// Forgets the log.
    pub fn clear_log(&mut self) {
        self.log.clear();
    }

    /// The whole state: service, collection, id, object. Also what no API shows, such as a namespace's VPC.
    #[must_use]
    pub fn dump(&self) -> Value {
        json!({
            "apigatewayv2": self.gateway.dump(),
            "servicediscovery": self.cloud_map.dump(),
            "ecs": self.ecs.dump(),
            "ec2": self.ec2.dump(),
        })
    }

    /// Orders for failures.
    pub fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Has a VPC link lose its network interfaces (INACTIVE), as after 60 days without traffic; false when there is no
    /// such link.
    pub fn idle_vpc_link(&mut self, id: &str) -> bool {
        self.gateway.idle_vpc_link(id)
    }

    /// The configuration the world was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// Sends traffic through a VPC link; whether it arrives.
    pub(crate) fn pass_link(&mut self, id: &str) -> bool {
        let (config, ids, agenda) = (&self.config, &mut self.ids, &mut self.agenda);
        let mut env = Env { config, now: self.now, ids, agenda, faults: &mut self.faults };
        self.gateway.pass_link(id, &mut env)
    }

    fn admitted(&mut self, service: &str, operation: &str) -> bool {
        !self.config.rate_limits || self.buckets.admit(service, operation, self.now)
    }

    /// Carries out a routed call against the state.
    pub(crate) fn carry_out(&mut self, routed: Routed) -> Outcome {
        let mut env = Env {
            config: &self.config,
            now: self.now,
            ids: &mut self.ids,
            agenda: &mut self.agenda,
            faults: &mut self.faults,
        };
        let unknown = || unknown_operation(routed.protocol, &routed.operation);
        match (routed.service, routed.input) {
            (_, Input::Unknown) => Err(unknown()),
            (_, Input::Malformed) => {
                Err(Failure::client("SerializationException", "The request body is not a JSON object."))
            }
            (_, Input::Rest(call)) => self.gateway.call(call, &mut env),
            ("ecs", Input::Json(input)) => self
                .ecs
                .call(&routed.operation, input, &mut self.cloud_map, &mut env)
                .unwrap_or_else(|| Err(unknown())),
            (_, Input::Json(input)) => {
                self.cloud_map.call(&routed.operation, input, &mut env).unwrap_or_else(|| Err(unknown()))
            }
            ("ec2", Input::Form(form)) => {
                self.ec2.call(&routed.operation, &form, &mut env).unwrap_or_else(|| Err(unknown()))
            }
            (_, Input::Form(_)) => sts::call(&routed.operation, &mut env).map_or_else(|| Err(unknown()), Ok),
        }
    }

    fn record(&mut self, service: &'static str, operation: &str, status: u16, code: Option<String>) {
        if self.log.len() >= LOG_CALLS_MAX {
            self.log.drain(..LOG_CALLS_MAX / 2);
        }
        let write = route::is_write(operation);
        self.log.push(Call { at: self.now, service, operation: operation.to_owned(), status, code, write });
    }
}

fn throttled(protocol: Protocol) -> Failure {
    match protocol {
        Protocol::RestJson => Failure::new(429, "TooManyRequestsException", "Too Many Requests"),
        Protocol::Ec2Query => Failure::new(503, "RequestLimitExceeded", "Request limit exceeded."),
        Protocol::Query => Failure::client("Throttling", "Rate exceeded"),
        Protocol::Json | Protocol::JsonCapital => Failure::client("ThrottlingException", "Rate exceeded"),
    }
}

fn unknown_operation(protocol: Protocol, operation: &str) -> Failure {
    match protocol {
        Protocol::RestJson => Failure::new(
            404,
            "UnknownOperationException",
            "The requested operation is not recognized by the service.",
        ),
        Protocol::Json | Protocol::JsonCapital => {
            Failure::client("UnknownOperationException", format!("Unknown operation {operation}."))
        }
        Protocol::Ec2Query | Protocol::Query => Failure::client(
            "InvalidAction",
            format!("The action {operation} is not valid for this web service."),
        ),
    }
}
