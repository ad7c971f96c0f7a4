//! The one place that all processes of a world share: the model AWS, what goes wrong on the way to it, who looks on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use hatoba_aws_model::{Answer, Clock, Config, Request, Response, SharedWorld, World};
use hatoba_tests::board::LeaseBoard;
use serde_json::{Value, json};

use crate::call::{Call, Death, Fate, Lot};
use crate::claims::Claims;
use crate::coda::STATUSES;
use crate::duties::Duties;
use crate::hands::Touched;
use crate::happened::Happened;
use crate::lease;
use crate::swarm::{Fault, Swarm};
use crate::trace::Trace;
use crate::truth::{self, Things};
use crate::witness::Witness;

/// The sea, shared.
#[derive(Clone, Debug)]
pub(crate) struct SharedSea(Arc<Mutex<Sea>>);

impl SharedSea {
    pub(crate) fn new(sea: Sea) -> SharedSea {
        SharedSea(Arc::new(Mutex::new(sea)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Sea> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A key of another account, and that account.
pub(crate) const STRANGE_KEY: &str = "strange";
const STRANGE_ACCOUNT: &str = "999999999999";

/// What is between the processes and AWS.
#[derive(Debug)]
pub(crate) struct Sea {
    pub(crate) swarm: Swarm,
    pub(crate) world: SharedWorld,
    pub(crate) clock: Clock,
    pub(crate) duties: Duties,
    pub(crate) claims: Claims,
    pub(crate) trace: Trace,
    pub(crate) witness: Witness,
    /// What befell this world so far.
    pub(crate) happened: Happened,
    /// The lease, where processes compete for one.
    pub(crate) board: LeaseBoard,
    /// No fault befalls anybody any more.
    pub(crate) is_calm: bool,
    /// Processes that died on the way, by number.
    pub(crate) dead: BTreeSet<usize>,
    /// A service that is away until then.
    pub(crate) outage: Option<(&'static str, Duration)>,
    /// An operation that is refused until then, with this status and code.
    pub(crate) denied: Option<(String, Duration, u16, &'static str)>,
    /// Credentials are refused until then, with this code.
    pub(crate) expired: Option<(&'static str, Duration)>,
    /// The statuses cannot be written until then.
    pub(crate) sink_down: Duration,
    /// Objects of the source's cannot be read until then, with this status and code.
    pub(crate) source_down: (Duration, u16, &'static str),
    /// Somebody else spends most of API Gateway's quota until then.
    pub(crate) competitor: Duration,
    /// Things of names of their own that people took our mark off, and the tag that it takes to put it back.
    pub(crate) unmarked: BTreeMap<String, String>,
    /// How often people changed what documents ask for.
    pub(crate) quarrels: BTreeMap<String, usize>,
    /// The lease in S3 is out of reach, and so many of its next writes are done and their answers lost.
    pub(crate) lease_is_down: bool,
    pub(crate) lease_answers_lost: usize,
    /// What calls about the lease did, by their numbers: their numbers on the board.
    leases: BTreeMap<usize, usize>,
    /// What there was at a revision of the world.
    known: Option<(u64, Arc<Things>)>,
    /// On order: at which of a process's writes it dies, and when.
    pub(crate) deaths: VecDeque<(usize, Death)>,
    /// Writes since the last death.
    pub(crate) writes: usize,
    /// Calls so far.
    pub(crate) numbers: usize,
    /// What such calls changed since somebody asked last.
    pub(crate) touched: Vec<Touched>,
    /// Status documents that were written so far.
    pub(crate) statuses: usize,
    /// Objects of the source's that were read so far.
    pub(crate) objects_read: usize,
    /// Another account, in which there is nothing.
    elsewhere: World,
    seen: BTreeMap<String, VecDeque<(Duration, Response)>>,
    dice: Rng,
}

/// Refusals by a throttle, as each service words it.
fn throttle(service: &str) -> (u16, &'static str) {
    match service {
        "apigatewayv2" => (429, "TooManyRequestsException"),
        "servicediscovery" => (400, "RequestLimitExceeded"),
        "s3" => (503, "SlowDown"),
        _ => (400, "ThrottlingException"),
    }
}

impl Sea {
    pub(crate) fn new(swarm: Swarm, world: SharedWorld, clock: Clock) -> Sea {
        let dice = Rng::with_seed(swarm.seed ^ 0xca11);
        Sea {
            witness: Witness::new(&swarm),
            duties: Duties::new(&swarm),
            claims: Claims::new(&swarm),
            swarm,
            world,
            clock,
            trace: Trace::default(),
            happened: Happened::default(),
            board: LeaseBoard::default(),
            is_calm: false,
            dead: BTreeSet::new(),
            outage: None,
            denied: None,
            expired: None,
            sink_down: Duration::ZERO,
            source_down: (Duration::ZERO, 503, "ServiceUnavailable"),
            competitor: Duration::ZERO,
            unmarked: BTreeMap::new(),
            quarrels: BTreeMap::new(),
            lease_is_down: false,
            lease_answers_lost: 0,
            leases: BTreeMap::new(),
            known: None,
            deaths: VecDeque::new(),
            writes: 0,
            numbers: 0,
            touched: Vec::new(),
            statuses: 0,
            objects_read: 0,
            elsewhere: World::new(Config { account: STRANGE_ACCOUNT.to_owned(), ..Config::default() }),
            seen: BTreeMap::new(),
            dice,
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Everything there is now.
    pub(crate) fn things(&mut self) -> Arc<Things> {
        let now = self.now();
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(now);
        let revision = world.revision();
        match &self.known {
            Some((at, things)) if *at == revision => Arc::clone(things),
            _ => {
                let things = Arc::new(truth::things(&world.resources()));
                self.known = Some((revision, Arc::clone(&things)));
                things
            }
        }
    }

    /// Why this process may send no write now, where a lease is competed for.
    pub(crate) fn forbids(&self, process: usize) -> Option<String> {
        self.swarm.has_lease().then(|| self.board.forbids(&format!("p{process}"))).flatten()
    }

    /// S18: who writes had renewed its lease in time when it sent that, and nobody had taken over.
    pub(crate) fn judge_right(&mut self, call: &Call, forbidden: Option<String>) {
        if call.changes_aws()
            && let Some(why) = forbidden
        {
            let (process, operation) = (call.process, &call.operation);
            self.witness
                .violated(format!("S18: process {process} sends {operation} and has no right to: {why}"));
        }
    }

    /// Somebody who is no process of ours does something; what it came to.
    pub(crate) fn by_hand(&mut self, what: &str, request: &Request) -> Result<Value, u16> {
        let now = self.now();
        let response = self.world.lock().unwrap_or_else(PoisonError::into_inner).handle(request, now);
        self.trace
            .note(now, format!("by hand: {what}: {} {}: {}", request.method, request.uri, response.status));
        if response.status < 300 { Ok(response.json()) } else { Err(response.status) }
    }

    /// A request leaves a process.
    pub(crate) fn sends(&mut self, sent_at: Duration, call: &Call) {
        if lease::is_about(call) {
            self.board.is_asked(&format!("p{}", call.process));
        }
        let things = self.before(call);
        self.witness.sent(sent_at, call, &things);
        if let Some(instance) = self.goes(call) {
            self.witness.judge_eviction(call, &instance, &things);
        }
    }

    /// What a call takes out of a registry.
    fn goes(&self, call: &Call) -> Option<Value> {
        if call.operation != "DeregisterInstance" {
            return None;
        }
        let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
        let id = format!("{}/{}", body["ServiceId"].as_str()?, body["InstanceId"].as_str()?);
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.resources()["servicediscovery"]["instances"].get(&id).cloned()
    }

    /// What there is when a write leaves; of reads nobody asks.
    fn before(&mut self, call: &Call) -> Arc<Things> {
        if call.changes_aws() { self.things() } else { Arc::default() }
    }

    /// What is to become of a call that is sent now.
    pub(crate) fn lot(&mut self, call: &Call) -> Lot {
        self.owes(call);
        let half = self.swarm.config.delays.request / 2;
        let mut lot = Lot { fate: Fate::Good, death: None, way_in: half, way_out: half };
        if self.is_calm {
            lot.death = self.ordered(call);
            return lot;
        }
        // What is sent to AWS is a small part of all calls, and the part that matters.
        let slow_permille = if call.changes_aws() { 100 } else { 20 };
        if self.swarm.has(Fault::Slow) && self.dice.u64(..1000) < slow_permille {
            let slow = Duration::from_millis(self.dice.u64(100..60_000));
            self.happened.note(Fault::Slow, "a call takes up to a minute");
            if self.dice.bool() { lot.way_in += slow } else { lot.way_out += slow }
        } else {
            lot.way_out += Duration::from_micros(self.dice.u64(..20_000));
        }
        lot.fate = self.fate(call);
        if self.swarm.has(Fault::Crash) && call.changes_aws() && self.dice.u64(..1000) < 40 {
            let deaths = [Death::BeforeItArrives, Death::WhenItIsDone, Death::WithTheAnswer];
            lot.death = self.dice.choice(deaths);
            let when = match lot.death {
                Some(Death::BeforeItArrives) => "a process dies before its call arrives",
                Some(Death::WhenItIsDone) => "when it is done",
                _ => "with the answer",
            };
            self.happened.note(Fault::Crash, when);
        }
        lot
    }

    /// The death that was ordered for this call.
    fn ordered(&mut self, call: &Call) -> Option<Death> {
        if !call.changes_aws() {
            return None;
        }
        self.writes += 1;
        let (at, death) = self.deaths.front().copied()?;
        (self.writes == at).then(|| {
            self.deaths.pop_front();
            self.writes = 0;
            death
        })
    }

    /// What goes on for a while comes first, then what befalls single calls.
    fn fate(&mut self, call: &Call) -> Fate {
        if let Some((fate, fault, what)) =
            self.lasting(call).or_else(|| self.again(call)).or_else(|| self.single(call))
        {
            if ![Fate::Stale, Fate::Partly].contains(&fate) {
                self.happened.note(fault, what); // of these it is known with the answer
            }
            return fate;
        }
        Fate::Good
    }

    /// What goes on for a while.
    fn lasting(&mut self, call: &Call) -> Option<(Fate, Fault, &'static str)> {
        let now = self.now();
        if let Some((code, until)) = self.expired
            && now < until
            && call.service != "sts"
        {
            return Some((Fate::Refused(403, code), Fault::Expired, "a call's signature is refused"));
        }
        if self.outage.is_some_and(|(service, until)| service == call.service && now < until) {
            return Some(match self.dice.u8(..4) {
                0 => (Fate::Hangs, Fault::Outage, "or never answered"),
                _ => {
                    let refused = Fate::Refused(503, "ServiceUnavailable");
                    (refused, Fault::Outage, "a call to a service that is down is refused")
                }
            });
        }
        if let Some((operation, until, status, code)) = &self.denied
            && *operation == call.operation
            && now < *until
        {
            let (fault, what) = match *code {
                "AccessDeniedException" => (Fault::Denied, "a call is not permitted"),
                "LimitExceededException" => (Fault::Full, "a create is refused for a quota"),
                _ => (Fault::Rejected, "a write is refused for its values"),
            };
            return Some((Fate::Refused(*status, code), fault, what));
        }
        if lease::is_about(call) {
            if self.lease_is_down {
                let refused = Fate::Refused(503, "ServiceUnavailable");
                return Some((refused, Fault::Lease, "S3 does not serve it"));
            }
            if call.is_write && self.lease_answers_lost > 0 {
                self.lease_answers_lost -= 1;
                return Some((Fate::Lost, Fault::Lease, "an answer of S3's about it is lost"));
            }
        }
        if call.service == "s3" {
            let (source_down, status, code) = self.source_down;
            return match call.request.uri.contains(".hatoba") {
                true if now < self.sink_down => Some((
                    Fate::Refused(503, "ServiceUnavailable"),
                    Fault::Sink,
                    "a status cannot be written",
                )),
                false if now < source_down => {
                    let what = "the bucket answers 503, 403 or 404";
                    Some((Fate::Refused(status, code), Fault::SourceAway, what))
                }
                _ => None,
            };
        }
        let is_spent = call.service == "apigatewayv2" && now < self.competitor && self.dice.u8(..4) > 0;
        is_spent.then(|| {
            let (status, code) = throttle(call.service);
            (Fate::Refused(status, code), Fault::Throttled, "so a call is throttled")
        })
    }

    /// What befalls this call alone.
    fn single(&mut self, call: &Call) -> Option<(Fate, Fault, &'static str)> {
        let kinds: Vec<Fault> = SINGLE.iter().copied().filter(|fault| self.swarm.has(*fault)).collect();
        if self.dice.u64(..1000) >= self.swarm.permille.max(1) * (1 + kinds.len() as u64) / 3 {
            return None;
        }
        let fault = self.dice.choice(kinds)?;
        let is_gateways = call.service == "apigatewayv2";
        let (fate, what) = match fault {
            Fault::Lost if call.is_write => (Fate::Lost, "a write is done and its answer lost"),
            Fault::Fails => (Fate::Refused(500, "InternalFailure"), "a call is refused with 500"),
            Fault::FailsAfter if call.is_write => (Fate::FailsAfter, "a write is done and answered with 500"),
            Fault::Hangs => (Fate::Hangs, "a call is never answered"),
            Fault::HangsAfter if call.is_write => (Fate::HangsAfter, "a write is done and never answered"),
            Fault::Twice if call.is_write => {
                (Fate::Twice(Duration::from_millis(700)), "a write arrives twice")
            }
            Fault::Throttled => {
                let (status, code) = throttle(call.service);
                (Fate::Refused(status, code), "a call is throttled")
            }
            Fault::Conflict if is_gateways && call.is_write => {
                (Fate::Refused(409, "ConflictException"), "a write meets a conflict")
            }
            Fault::Stale if is_listing(call) => (Fate::Stale, "a read shows how it was"),
            Fault::Torn if call.operation == "DescribeServices" && self.dice.bool() => {
                (Fate::Partly, "a description fails of one service")
            }
            Fault::Torn if call.service != "s3" => (Fate::Torn, "an answer breaks off"),
            _ => return None,
        };
        Some((fate, fault, what))
    }

    /// Whether a write comes once more, when its sender has long had an answer.
    fn again(&mut self, call: &Call) -> Option<(Fate, Fault, &'static str)> {
        let is_due = call.changes_aws() && self.swarm.has(Fault::Twice) && self.dice.u8(..100) < 7;
        is_due.then(|| {
            let after = Duration::from_millis(self.dice.u64(5_000..60_000));
            (Fate::Twice(after), Fault::Twice, "and once more up to a minute later")
        })
    }

    /// What the process owes to others with this call.
    fn owes(&mut self, call: &Call) {
        let things = self.before(call);
        if let Some(wrong) = self.duties.sent(call, &things, &self.witness.born) {
            self.witness.violated(wrong);
        }
    }

    /// A process has the answer to its call.
    pub(crate) fn hears(&mut self, call: &Call, response: &Response) {
        if let Some(number) = self.leases.remove(&call.number) {
            self.board.is_answered(number);
        }
        let now = self.clock.now();
        self.witness.delivered(now, call, response);
        let things = (call.is_write && call.service == "apigatewayv2").then(|| self.things());
        if let Some(wrong) = self.duties.delivered(now, call, response, things.as_deref(), &self.witness) {
            self.witness.violated(wrong);
        }
    }

    /// A call that is neither carried out nor answered.
    pub(crate) fn hangs(&mut self, call: &Call) {
        self.trace.call(self.clock.now(), call, 0, "hangs");
        self.witness.unanswered(call);
        self.duties.unanswered(call);
    }

    /// A process dies on one of its calls.
    pub(crate) fn dies(&mut self, when: &str, call: &Call) {
        self.dead.insert(call.process);
        self.witness.unanswered(call);
        self.trace
            .note(self.clock.now(), format!("process {} dies {when}: {}", call.process, call.operation));
    }

    /// Nobody waits for the answer to this any more.
    pub(crate) fn gives_up(&mut self, call: &Call) {
        self.witness.given_up.insert(call.number);
        self.witness.unanswered(call);
        if call.is_write {
            self.duties.unanswered(call);
        }
    }

    /// A call arrives; whether anybody waits for it or not.
    pub(crate) fn arrives(&mut self, call: &Call, fate: Fate) -> Answer {
        if self.dead.contains(&call.process) {
            self.witness.given_up.insert(call.number);
        }
        if !(self.witness.given_up.contains(&call.number) && call.changes_aws()) {
            return self.carry_out(call, fate);
        }
        let before = self.things();
        self.trace.note(self.now(), format!("{} of process {} comes late", call.operation, call.process));
        let answer = self.carry_out(call, fate);
        let after = self.things();
        let touched: Vec<Touched> =
            truth::changed(&before, &after).map(|(_, thing)| Touched::of(thing.document())).collect();
        let what = match (touched.is_empty(), call.operation.starts_with("Delete")) {
            (true, _) if after.len() == before.len() => "it changes nothing any more",
            (true, _) => "something is made",
            (_, true) => "something goes",
            (_, false) => "something changes",
        };
        self.happened.note(Fault::Slow, "a write arrives when nobody waits for it");
        self.happened.note(Fault::Slow, what);
        self.touched.extend(touched);
        answer
    }

    /// Has AWS carry the call out, with everybody looking on.
    pub(crate) fn carry_out(&mut self, call: &Call, fate: Fate) -> Answer {
        let now = self.now();
        let is_status = call.operation == "PutObject" && call.request.uri.contains(STATUSES);
        self.statuses += usize::from(is_status);
        let is_object = call.operation == "GetObject" && !call.request.uri.contains(".hatoba");
        self.objects_read += usize::from(is_object);
        if fate == Fate::Stale
            && let Some(response) = self.earlier(call, now)
        {
            self.trace.call(now, call, response.status, "an earlier answer");
            self.happened.note(Fault::Stale, "a read shows how it was");
            return Answer::Reply(response);
        }
        let before = call.changes_aws().then(|| self.things());
        let is_strange = call.request.header("authorization").is_some_and(|line| line.contains(STRANGE_KEY));
        let answer = if is_strange && call.service != "s3" {
            Answer::Reply(self.elsewhere.handle(&call.request, now))
        } else {
            let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
            if let Fate::Refused(status, code) = fate {
                let operation = format!("{}.{}", call.service, call.operation);
                world.faults().fail(&operation, 1, status, code, message(code));
            }
            match world.answer(&call.request, now) {
                Answer::Later(later) => world.give_up(&call.request, &later, now),
                answer => answer,
            }
        };
        let answer = match fate {
            Fate::Partly => self.partly(answer),
            _ => answer,
        };
        let Answer::Reply(response) = &answer else { return answer };
        self.trace.call(now, call, response.status, &format!("{fate:?}"));
        if lease::is_about(call)
            && let Some(deed) = lease::deed(call, response)
        {
            let ago = now.saturating_sub(call.sent_at);
            let number = self.board.note(&format!("p{}", call.process), ago, deed);
            self.leases.insert(call.number, number);
        }
        if let Some(before) = before {
            let after = self.things();
            self.witness.written(now, call, response, (&before, &after));
            self.claims.note(&before, &self.witness.documents_of);
            self.claims.note(&after, &self.witness.documents_of);
        }
        if is_listing(call) && response.status == 200 && self.swarm.has(Fault::Stale) {
            let earlier = self.seen.entry(question(call)).or_default();
            earlier.push_back((now, response.clone()));
            if earlier.len() > 4 {
                earlier.pop_front();
            }
        }
        answer
    }

    /// As if AWS had failed to describe one of those that were asked for.
    fn partly(&mut self, answer: Answer) -> Answer {
        let Answer::Reply(response) = answer else { return answer };
        let mut body = response.json();
        let services = body["services"].as_array_mut();
        let Some(service) = services.filter(|all| !all.is_empty()).map(|all| all.remove(0)) else {
            return Answer::Reply(response);
        };
        self.happened.note(Fault::Torn, "a description fails of one service");
        let failure =
            json!({ "arn": service["serviceArn"], "reason": "ACCESS_DENIED", "detail": "as the dice fell" });
        match body["failures"].as_array_mut() {
            Some(failures) => failures.push(failure),
            None => body["failures"] = json!([failure]),
        }
        let headers =
            response.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
        let headers = headers.cloned().collect();
        Answer::Reply(Response { body: body.to_string().into_bytes(), headers, status: response.status })
    }

    /// What the same question was answered some time ago, no longer than the lag.
    fn earlier(&mut self, call: &Call, now: Duration) -> Option<Response> {
        let lag = self.swarm.lag;
        let earlier = self.seen.get(&question(call))?;
        earlier.iter().find(|(at, _)| *at + lag >= now).map(|(_, response)| response.clone())
    }
}

/// What befalls single calls.
const SINGLE: [Fault; 10] = [
    Fault::Lost,
    Fault::Fails,
    Fault::FailsAfter,
    Fault::Hangs,
    Fault::HangsAfter,
    Fault::Twice,
    Fault::Throttled,
    Fault::Conflict,
    Fault::Stale,
    Fault::Torn,
];

fn message(code: &str) -> &'static str {
    match code {
        "ConflictException" => {
            "Unable to complete operation due to concurrent modification. Please try again later."
        }
        _ => "as the dice fell",
    }
}

fn question(call: &Call) -> String {
    format!("{} {} {}", call.operation, call.request.uri, String::from_utf8_lossy(&call.request.body))
}

/// Reads that may lag; S3 and STS are consistent.
fn is_listing(call: &Call) -> bool {
    !call.is_write
        && ["apigatewayv2", "servicediscovery", "ecs"].contains(&call.service)
        && call.operation != "GetOperation"
}
