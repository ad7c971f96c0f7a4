//! The whole of the in-memory AWS, and the one door into it.

use crate::apigateway::{ApiGateway, RestCall};
use crate::buckets::Buckets;
use crate::cloud_map::CloudMap;
use crate::config::Config;
use crate::ec2::Ec2;
use crate::ecs::Ecs;
use crate::env::{Agenda, Env, Event};
use crate::failure::{Failure, Output};
use crate::faults::{Effect, Faults};
use crate::ids::Minter;
use crate::route::{self, Input, Routed};
use crate::s3::S3;
use crate::sqs::Sqs;
use crate::wire::{Answer, Asked, Call, Later, Request, Response};
use crate::{published, refusal, render, route53, served, sqs, sts};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

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
    pub(crate) s3: S3,
    pub(crate) sqs: Sqs,
    /// Wakes those who wait for a long poll. It takes no part in any answer.
    changes: watch::Sender<()>,
    revision: u64,
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
            s3: S3::default(),
            sqs: Sqs::default(),
            changes: watch::Sender::new(()),
            revision: 0,
            visits: 0,
        }
    }

    /// Answers one request at `now`, the time since the UNIX epoch.
    ///
    /// An answer lost or withheld by a fault shows as 503 here, and a long poll ends at once; callers that can lose an
    /// answer, or wait for one, use [`answer`](Self::answer).
    pub fn handle(&mut self, request: &Request, now: Duration) -> Response {
        let answer = match self.answer(request, now) {
            Answer::Later(later) => self.give_up(request, &later, now),
            answer => answer,
        };
        match answer {
            Answer::Reply(response) => response,
            Answer::Lost | Answer::Never | Answer::Later(_) => {
                Response { status: 503, headers: Vec::new(), body: Vec::new() }
            }
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
            _ if self.faults.is_denied(service, &operation) => {
                Err(refusal::denied(protocol, service, &operation))
            }
            _ if !self.admitted(service, &operation) => Err(refusal::throttled(protocol)),
            _ => self.carry_out(routed, None),
        };
        let is_lost = matches!(effect, Some(Effect::Lose));
        match self.finish(Asked { service, protocol, operation, request_id, is_lost }, outcome) {
            Answer::Reply(mut response) if matches!(effect, Some(Effect::BreakOff)) => {
                response.body.truncate(response.body.len() / 2);
                Answer::Reply(response)
            }
            answer => answer,
        }
    }

    /// Goes on with a long poll. `request` is the one that was [answered](Self::answer) with `later`.
    pub fn ask_again(&mut self, request: &Request, later: &Later, now: Duration) -> Answer {
        self.advance(now);
        let outcome = self.carry_out(route::route(request), Some(later.deadline));
        self.finish(later.asked.clone(), outcome)
    }

    /// Ends a long poll before its time; it is answered with what there is.
    pub fn give_up(&mut self, request: &Request, later: &Later, now: Duration) -> Answer {
        self.ask_again(request, &Later { deadline: now, ..later.clone() }, now)
    }

    /// Tells of every change that may end a long poll.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    pub(crate) fn changed(&mut self) {
        self.revision += 1;
        self.changes.send_replace(());
    }

    /// Gives an outcome its form, and writes it into the log.
    fn finish(&mut self, asked: Asked, outcome: Result<Output, Failure>) -> Answer {
        if let Ok(Output::Wait { until, deadline }) = outcome {
            return Answer::Later(Later { until, deadline, asked });
        }
        let code = outcome.as_ref().err().map(|failure| failure.code.clone());
        let response = match outcome {
            Ok(output) => render::done(&asked, output),
            Err(failure) => Some(render::failure(&asked, &failure)),
        };
        // Only what waits has none, and that has been dealt with.
        let Some(response) = response else { return Answer::Never };
        self.record(asked.service, &asked.operation, response.status, code);
        if route::is_write(&asked.operation) {
            self.changed();
        }
        if asked.is_lost { Answer::Lost } else { Answer::Reply(response) }
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
                Event::S3(event) => self.s3.happen(event, &mut self.sqs, &env),
            }
            self.changed();
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
            "s3": self.s3.dump(),
            "sqs": self.sqs.dump(self.now),
        })
    }

    /// Equal as long as nothing has changed since; for those who look again and again.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Part of [`dump`](Self::dump): what callers made of APIs, links, namespaces and services, without what AWS keeps
    /// beside it (deployments, tasks, operations).
    #[must_use]
    pub fn resources(&self) -> Value {
        json!({
            "apigatewayv2": self.gateway.resources(),
            "servicediscovery": self.cloud_map.dump(),
            "ecs": { "services": self.ecs.services() },
        })
    }

    /// Orders for failures.
    pub fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Has a VPC link lose its network interfaces (INACTIVE), as after 60 days without traffic; false when there is no
    /// such link.
    pub fn idle_vpc_link(&mut self, id: &str) -> bool {
        self.changed();
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
    pub fn pass_link(&mut self, id: &str) -> bool {
        let (config, ids, agenda) = (&self.config, &mut self.ids, &mut self.agenda);
        let mut env = Env { config, now: self.now, ids, agenda, faults: &mut self.faults };
        let arrives = self.gateway.pass_link(id, &mut env);
        self.revision += u64::from(!arrives); // it may have begun to wake
        arrives
    }

    /// The stores of S3 and SQS, and what their operations use besides.
    pub(crate) fn parts(&mut self) -> (&mut S3, &mut Sqs, Env<'_>) {
        let (config, ids, agenda) = (&self.config, &mut self.ids, &mut self.agenda);
        let env = Env { config, now: self.now, ids, agenda, faults: &mut self.faults };
        (&mut self.s3, &mut self.sqs, env)
    }

    fn admitted(&mut self, service: &str, operation: &str) -> bool {
        !self.config.rate_limits || self.buckets.admit(service, operation, self.now)
    }

    /// Carries out a routed call against the state; `deadline` is that of a long poll that goes on.
    pub(crate) fn carry_out(
        &mut self,
        routed: Routed,
        deadline: Option<Duration>,
    ) -> Result<Output, Failure> {
        let mut env = Env {
            config: &self.config,
            now: self.now,
            ids: &mut self.ids,
            agenda: &mut self.agenda,
            faults: &mut self.faults,
        };
        let unknown = || refusal::unknown_operation(routed.protocol, &routed.operation);
        if let Input::Json(body) | Input::Rest(RestCall { body, .. }) = &routed.input {
            published::check(routed.service, &routed.operation, body)?;
        }
        let outcome = match (routed.service, routed.input) {
            (_, Input::S3(call)) => return self.s3.call(&call, &mut self.sqs, &mut env),
            (_, Input::Sqs(input, base)) => {
                let call = sqs::Call { operation: &routed.operation, input: &input, base: &base, deadline };
                return self.sqs.call(&call, &mut env).unwrap_or_else(|| Err(unknown()));
            }
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
            (_, Input::Zone(zone)) => route53::get_hosted_zone(&zone, &self.cloud_map, &mut env),
            (_, Input::Form(_)) => sts::call(&routed.operation, &mut env).map_or_else(|| Err(unknown()), Ok),
        };
        outcome.map(Output::Members)
    }

    fn record(&mut self, service: &'static str, operation: &str, status: u16, code: Option<String>) {
        if self.log.len() >= LOG_CALLS_MAX {
            self.log.drain(..LOG_CALLS_MAX / 2);
        }
        let write = route::is_write(operation);
        self.log.push(Call { at: self.now, service, operation: operation.to_owned(), status, code, write });
    }
}
