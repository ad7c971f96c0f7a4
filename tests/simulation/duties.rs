//! What a process owes to others, whatever comes of it: it looks before it sends a create again, names one creation by
//! one token, leaves a name alone that drains, and takes over only what somebody wrote.
//!
//! Most of these do no lasting harm in a world that is looked at again and again; so the end does not show them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use hatoba_aws_model::Response;
use serde_json::Value;

use crate::call::Call;
use crate::fleet::{Fleet, key};
use crate::judge::{has_twin, meant_to_go, users};
use crate::swarm::Swarm;
use crate::truth::{Thing, Things, mark_of};
use crate::witness::Witness;

/// What makes one of those that AWS makes twice if asked twice, and where its id stands.
const MADE: [(&str, &str, &str); 3] = [
    ("CreateApi", "apis", "apiId"),
    ("CreateVpcLink", "vpcLinks", "vpcLinkId"),
    ("CreateIntegration", "integrations", "integrationId"),
];
/// Members for which another one may have to be made.
const AS_IT_IS_MADE: [&str; 6] =
    ["subnetIds", "securityGroupIds", "integrationType", "integrationUri", "connectionId", "tlsConfig"];
/// Every process has listed what was made so long ago, and has sent what it decided on before.
const LISTED: Duration = Duration::from_secs(120);
/// Lists lag by less: so long a process believes the answer to its own create.
const BELIEVED: Duration = Duration::from_secs(50);
/// Two looks for what may have been made must lie so far apart, less the way of a call.
const APART: Duration = Duration::from_millis(7_500);
/// What AWS has refused is known by the next list.
const HEARD: Duration = Duration::from_secs(6);
/// A write rests on a look of a minute ago at most, however long it waited; an action may be several calls.
const SIGHT: Duration = Duration::from_secs(90);
/// Every process has read what was written so long ago.
const READ: Duration = Duration::from_secs(60);
/// While a service is down, so many calls in ten minutes are sent in vain at most: sweeps, and retries that grow rare.
const IN_VAIN_MAX: usize = 200;
const IN_VAIN_MAX_OF_A_STACK: usize = 200;
const IN_VAIN_WITHIN: Duration = Duration::from_secs(600);

/// The same write is sent by one process so often in ten minutes at most: delays grow to minutes.
const ALIKE_MAX: usize = 30;

/// Whoever begins an operation of Cloud Map's again so soon after it heard that the one before had failed, so often one
/// after the other, waits for nothing. Delays that grow come to that by no dice.
const AT_ONCE: Duration = Duration::from_secs(5);
const AT_ONCE_MAX: usize = 8;

/// Looks of longer ago are not kept.
const LOOKS_KEPT: usize = 64;

/// What the processes owe.
#[derive(Debug, Default)]
pub(crate) struct Duties {
    /// Creates of which nobody knows what became of them: by process, and document with incarnation and place.
    doubts: BTreeMap<(usize, String), Doubt>,
    /// Tokens by document with incarnation.
    tokens: BTreeMap<String, String>,
    /// When AWS refused to make a service beside a namesake that drains, first.
    refused: BTreeMap<(usize, String), Duration>,
    /// When each list was asked for last and came, by process and path.
    seen: BTreeMap<(usize, String), Duration>,
    /// The last looks at each list: when it was asked for, and came.
    looks: BTreeMap<(usize, String), Vec<(Duration, Duration)>>,
    is_unhurried: bool,
    /// What a process made and was told so: process and key.
    made: BTreeSet<(usize, String)>,
    /// What lists and answers have shown: process and id.
    known: BTreeSet<(usize, String)>,
    /// When calls were refused because a service was down, by process and service.
    in_vain: BTreeMap<(usize, &'static str), VecDeque<Duration>>,
    in_vain_max: usize,
    /// When writes were sent that ask for the same, by process and write.
    alike: BTreeMap<(usize, String), VecDeque<Duration>>,
    /// The namespaces that operations are about, by operation.
    operations: BTreeMap<String, String>,
    /// When a process heard last that one about a namespace had failed, and how often it then began the next at once.
    failed: BTreeMap<(usize, String), (Option<Duration>, usize)>,
    /// Versions of documents that somebody wrote.
    written: BTreeSet<(String, u64)>,
    /// The documents that are asked for, and since when.
    asked: BTreeMap<String, Duration>,
    lag: Duration,
}

#[derive(Debug, Default)]
struct Doubt {
    sent_at: Duration,
    looks: Vec<Duration>,
}

impl Duties {
    pub(crate) fn new(swarm: &Swarm) -> Duties {
        Duties {
            is_unhurried: swarm.is_unhurried(),
            in_vain_max: IN_VAIN_MAX + IN_VAIN_MAX_OF_A_STACK * swarm.stacks,
            lag: swarm.lag,
            ..Duties::default()
        }
    }

    /// Somebody wrote these documents.
    pub(crate) fn are_written(&mut self, now: Duration, fleet: &Fleet) {
        let versions = fleet.parts.iter().map(|((stack, part), says)| (key(*stack, *part), says.version));
        self.written.extend(versions);
        self.failed.clear(); // another document is tried at once
        let before = std::mem::take(&mut self.asked);
        let since = |document: &String| before.get(document).copied().unwrap_or(now);
        self.asked = fleet
            .parts
            .keys()
            .map(|(stack, part)| key(*stack, *part))
            .map(|d| (d.clone(), since(&d)))
            .collect();
    }

    /// A process takes over a version of a document: F27, F30. The double of one that is not asked for, or was not when
    /// the process looked last, stands alone, and is taken over by right.
    pub(crate) fn accepts(
        &self,
        now: Duration,
        process: usize,
        document: &str,
        version: u64,
    ) -> Option<String> {
        let is_known = self.written.contains(&(document.to_owned(), version));
        let has_been_asked_for =
            self.asked.get(document).is_some_and(|since| *since == Duration::ZERO || *since + READ < now);
        (!is_known && has_been_asked_for).then(|| {
            format!("F27: process {process} takes over version {version} of {document}, which nobody wrote")
        })
    }

    /// A request leaves a process: F3, F6, F16.
    pub(crate) fn sent(
        &mut self,
        call: &Call,
        things: &Things,
        born: &BTreeMap<String, Duration>,
    ) -> Option<String> {
        if !call.changes_aws() {
            return None;
        }
        if call.request.method == "DELETE"
            && let Some(goes) = meant_to_go(call, things)
        {
            let wrong = self.removes_a_twin(call, goes, things, born);
            if let Some(wrong) = wrong.or_else(|| self.deletes_blindly(call, goes, things)) {
                return Some(wrong);
            }
        }
        if let Some(wrong) = self.rests_on_little(call).or_else(|| self.insists(call)) {
            return Some(wrong);
        }
        let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
        if let Some(token) = body["CreatorRequestId"].as_str() {
            let what = format!("{} {}", call.operation, creation(&body).unwrap_or_default());
            let before = self.tokens.entry(what.clone()).or_insert_with(|| token.to_owned());
            if before != token {
                return Some(format!("F3: {what} is sent as {before} and as {token}"));
            }
        }
        if let Some(what) = doubtful(call, &body) {
            let doubt = self.doubts.remove(&(call.process, what.clone()));
            if let Some(doubt) = doubt.filter(|doubt| !doubt.is_settled()) {
                return Some(format!(
                    "F3: process {} sends {} for {what} again; no answer came to the one of {:?}, and it looked at {:?}",
                    call.process, call.operation, doubt.sent_at, doubt.looks
                ));
            }
        }
        let name = body["serviceName"]
            .as_str()
            .filter(|_| call.service == "ecs" && call.operation == "CreateService")?;
        if let Some(other) = self.lives_on(call, name, things) {
            return Some(format!(
                "S2: process {} makes {name}, and {other} has been there for long",
                call.process
            ));
        }
        let refused = *self.refused.get(&(call.process, name.to_owned()))?;
        let drains = |thing: &Thing| {
            thing.collection == "tasks"
                && thing.id.rsplit('/').next() == Some(name)
                && thing.text("status") == "DRAINING"
        };
        let is_known = refused + HEARD + self.lag < call.sent_at;
        (is_known && things.values().any(drains))
            .then(|| format!("F16: process {} makes {name} again and again while it drains", call.process))
    }

    /// An ECS service of this name that every process has seen: what could not be described is not gone.
    fn lives_on(&self, call: &Call, name: &str, things: &Things) -> Option<String> {
        let made_at = |thing: &Thing| Some(Duration::from_secs_f64(thing.body["createdAt"].as_f64()?));
        let is_old = |thing: &Thing| made_at(thing).is_some_and(|at| at + LISTED + self.lag < call.sent_at);
        let lives = |thing: &&Thing| {
            thing.collection == "tasks" && last(&thing.id) == name && thing.is_ours() && !thing.is_leaving()
        };
        let other = things.values().find(lives).filter(|thing| self.is_unhurried && is_old(thing))?;
        Some(other.id.clone())
    }

    /// S3: of twins one goes when two looks, a settle time apart, agree: one list may show what is not so.
    fn removes_a_twin(
        &self,
        call: &Call,
        (id, thing): (&String, &Thing),
        things: &Things,
        born: &BTreeMap<String, Duration>,
    ) -> Option<String> {
        let twins: Vec<&String> =
            things.iter().filter(|(_, there)| thing.is_like(there)).map(|(id, _)| id).collect();
        // Who made it itself need not see it in a list; another one, that stays, must have been seen.
        let born = |id: &&String| born.get(*id).copied();
        let other = twins.iter().filter(|twin| **twin != id).filter_map(born).min()?;
        let is_its_own = self.made.contains(&(call.process, id.clone()));
        let since = if is_its_own { other } else { other.max(born(&id)?) };
        let list = path(call).rsplit_once('/')?.0;
        let looks = self.looks.get(&(call.process, list.to_owned())).map(Vec::as_slice).unwrap_or_default();
        let looks = looks.iter().filter(|(_, came)| *came > since); // it may have been asked for before
        let looks: Vec<Duration> = looks.map(|(at, _)| *at).collect();
        let has_agreed = looks.first().zip(looks.last()).is_some_and(|(first, last)| *first + APART <= *last);
        // What stands in a twin goes because its document's is in the other one.
        let api = thing.api.as_ref().and_then(|api| things.get_key_value(&format!("apis:{api}")));
        let is_in_twin = api.is_some_and(|(id, api)| has_twin(things, id, api));
        let is_of_these = ["vpcLinks", "integrations"].contains(&thing.collection) && !is_in_twin;
        let is_owed = is_of_these && twins.len() > 1 && self.asked.contains_key(thing.document()?);
        (is_owed && !has_agreed).then(|| {
            format!(
                "S3: process {} deletes {id}, one of two of {:?} since {since:?}, and looked at {looks:?}",
                call.process,
                thing.document()
            )
        })
    }

    /// S6: whatever may use it was listed lately. Where nothing was listed the scope was born with its parent.
    fn deletes_blindly(
        &self,
        call: &Call,
        (id, thing): (&String, &Thing),
        things: &Things,
    ) -> Option<String> {
        if !self.is_unhurried {
            return None;
        }
        let (host, _) = call.request.uri.split_once("/v2/")?;
        let used_in = |api: &str, by: &str| format!("{host}/v2/apis/{api}/{by}");
        let lists: Vec<String> = match (thing.collection, &thing.api) {
            ("integrations" | "authorizers", Some(api)) => vec![used_in(api, "routes")],
            ("vpcLinks", _) => {
                let apis = things.values().filter(|api| api.collection == "apis" && api.is_ours());
                apis.map(|api| used_in(&api.id, "integrations")).collect()
            }
            _ => return None,
        };
        let age =
            |list: &String| Some(call.sent_at.saturating_sub(*self.seen.get(&(call.process, list.clone()))?));
        let unseen =
            lists.iter().find_map(|list| age(list).filter(|age| *age > SIGHT).map(|age| (list, age)));
        unseen.map(|(list, age)| {
            format!(
                "S6: process {} deletes {id}, and looked for its users in {list} {age:?} ago",
                call.process
            )
        })
    }

    /// F6: what is written rests on what was listed lately. Where nothing was listed the scope was born with its parent.
    fn rests_on_little(&self, call: &Call) -> Option<String> {
        let path = path(call);
        let list = if call.request.method == "POST" { path } else { path.rsplit_once('/')?.0 };
        let seen = self.seen.get(&(call.process, list.to_owned())).filter(|_| self.is_unhurried)?;
        let age = call.sent_at.saturating_sub(*seen);
        (age > SIGHT).then(|| {
            format!("F6: process {} sends {} and looked at {list} {age:?} ago", call.process, call.operation)
        })
    }

    /// A process has an answer.
    pub(crate) fn delivered(
        &mut self,
        now: Duration,
        call: &Call,
        response: &Response,
        things: Option<&Things>,
        witness: &Witness,
    ) -> Option<String> {
        let wrong = self.repeats(call, response);
        self.learns(call, response);
        self.follows(call, response);
        let wrong = wrong.or_else(|| self.makes_another(call, response, things?, witness));
        self.made
            .extend(things.and_then(|things| made_by(call, response, things)).map(|id| (call.process, id)));
        if !call.is_write {
            self.looked(now, call, response);
            return wrong;
        }
        let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
        if let Some(what) = doubtful(call, &body) {
            self.doubts.remove(&(call.process, what));
        }
        if call.service == "ecs" && call.operation == "CreateService" {
            let name = body["serviceName"].as_str().unwrap_or_default().to_owned();
            let said = String::from_utf8_lossy(&response.body).into_owned();
            match said.contains("Draining") {
                true => drop(self.refused.entry((call.process, name)).or_insert(call.sent_at)),
                false => drop(self.refused.remove(&(call.process, name))),
            }
        }
        wrong
    }

    /// The process knows what lists and answers have shown it.
    fn learns(&mut self, call: &Call, response: &Response) {
        if call.service != "apigatewayv2" || response.status >= 300 {
            return; // nothing else shows the ids of such
        }
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let items = body["items"].as_array().into_iter().flatten();
        for item in items.chain([&body]) {
            let id = MADE.iter().find_map(|(_, _, member)| item[*member].as_str());
            self.known.extend(id.map(|id| (call.process, id.to_owned())));
        }
    }

    /// S2, whatever the incarnation: who knows of one that is as it should be makes no second.
    fn makes_another(
        &self,
        call: &Call,
        response: &Response,
        things: &Things,
        witness: &Witness,
    ) -> Option<String> {
        let made_id = &made_by(call, response, things)?;
        let made = things.get(made_id)?;
        let is_settled = |id: &String| {
            let born = witness.born.get(id).copied().unwrap_or_default();
            // Its own create's answer holds while lists lag; of what others made lists tell, in time.
            let is_fresh = call.sent_at < born + BELIEVED && self.made.contains(&(call.process, id.clone()));
            let is_listed = born + LISTED + self.lag < call.sent_at;
            (is_fresh || (is_listed && self.is_unhurried)) && !witness.was_touched_lately(id, call)
        };
        let is_like = |other: &Thing| {
            AS_IT_IS_MADE.iter().all(|member| other.body[*member] == made.body[*member])
                && other.api == made.api
        };
        let is_well =
            |other: &Thing| !["FAILED", "INACTIVE", "DELETING"].contains(&other.text("vpcLinkStatus"));
        let others = things.iter().filter(|(id, other)| {
            let document = other.document();
            *id != made_id
                && other.collection == made.collection
                && document.is_some()
                && document == made.document()
        });
        // An older one may be as it should be again; it is on its way out.
        let newest = others.max_by_key(|(_, other)| other.mark.as_ref().map(|mark| mark.incarnation));
        // What only others use may be a copy: people took the mark off what uses it, or copied ours onto theirs.
        let may_be_theirs =
            |other: &Thing| users(things, other).iter().any(|user| witness.foreign().contains(user));
        // People took the mark off one that it knows as the document's own, and has to replace.
        let knows_an_unmarked = |id: &String| {
            things.get(id).is_some_and(|it| {
                let is_known = self.known.contains(&(call.process, last(&it.id).to_owned()));
                is_known && it.document().is_none() && it.collection == made.collection
            })
        };
        let mut of_it = witness.documents_of.iter().filter(|(_, of)| made.document() == Some(of.as_str()));
        if of_it.any(|(id, _)| knows_an_unmarked(id)) {
            return None;
        }
        let (other, _) = newest.filter(|(id, other)| {
            let is_known = self.known.contains(&(call.process, last(&other.id).to_owned()));
            is_known && is_like(other) && is_well(other) && is_settled(id) && !may_be_theirs(other)
        })?;
        Some(format!(
            "S2: process {} makes {made_id} and has seen {other} of the same document",
            call.process
        ))
    }

    /// S16: the same write again and again, whatever AWS answers to it, and whatever became of what it began.
    fn insists(&mut self, call: &Call) -> Option<String> {
        let mut body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
        if let Some(body) = body.as_object_mut() {
            body.remove("UpdaterRequestId"); // another one each time: an update may be begun again
        }
        let said = body.to_string();
        let what = format!("{} {} {} {said}", call.service, call.operation, path(call));
        let times = lately(self.alike.entry((call.process, what)).or_default(), call.sent_at);
        let (process, operation) = (call.process, &call.operation);
        if operation.ends_with("DnsNamespace")
            && let Some((heard, often)) = self.failed.get_mut(&(process, namespace(&body)))
            && let Some(heard) = heard.take()
        {
            *often = if call.sent_at < heard + AT_ONCE { *often + 1 } else { 0 };
            if *often > AT_ONCE_MAX {
                return Some(format!(
                    "S16: process {process} sends {operation} at once, whenever one has failed"
                ));
            }
        }
        (times > ALIKE_MAX).then(|| {
            format!("S16: process {process} has sent {operation} {times} times in ten minutes: {said}")
        })
    }

    /// What an operation is about, and whether it failed.
    fn follows(&mut self, call: &Call, response: &Response) {
        if call.operation.ends_with("DnsNamespace") {
            let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
            if let Some(id) = response.json()["OperationId"].as_str() {
                self.operations.insert(id.to_owned(), namespace(&body));
            }
        }
        if call.operation == "GetOperation" {
            let operation = &response.json()["Operation"];
            let about = operation["Id"].as_str().and_then(|id| self.operations.get(id));
            if let Some(about) = about.filter(|_| operation["Status"] == "FAIL") {
                self.failed.entry((call.process, about.clone())).or_default().0 = Some(call.sent_at);
            }
        }
    }

    /// S16: what fails is tried again later and later.
    fn repeats(&mut self, call: &Call, response: &Response) -> Option<String> {
        if ![403, 503].contains(&response.status) || call.service == "s3" {
            return None;
        }
        let (process, service) = (call.process, call.service);
        let calls = lately(self.in_vain.entry((process, service)).or_default(), call.sent_at);
        (calls > self.in_vain_max).then(|| {
            format!("S16: process {process} has sent {calls} calls to {service} in ten minutes in vain")
        })
    }

    /// It has none, or none that it can read.
    pub(crate) fn unanswered(&mut self, call: &Call) {
        let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
        if let Some(what) = doubtful(call, &body) {
            let doubt = Doubt { sent_at: call.sent_at, looks: Vec::new() };
            self.doubts.insert((call.process, what), doubt);
        }
    }

    fn looked(&mut self, now: Duration, call: &Call, response: &Response) {
        // In an API that is gone there is none.
        if ![200, 404].contains(&response.status) {
            return;
        }
        if call.service == "apigatewayv2" {
            let place = (call.process, path(call).to_owned());
            let looks = self.looks.entry(place.clone()).or_default();
            looks.push((call.sent_at, now));
            if looks.len() > LOOKS_KEPT {
                looks.remove(0);
            }
            let seen = self.seen.entry(place).or_default();
            *seen = call.sent_at.max(*seen);
        }
        let made = match call.operation.as_str() {
            "GetApis" => "CreateApi",
            "GetVpcLinks" => "CreateVpcLink",
            "GetIntegrations" => "CreateIntegration",
            _ => return,
        };
        let place = format!("{made} {} ", path(call));
        for ((process, what), doubt) in &mut self.doubts {
            if *process == call.process && what.starts_with(&place) && call.sent_at > doubt.sent_at {
                doubt.looks.push(call.sent_at);
            }
        }
    }
}

/// Once more: how often in ten minutes.
fn lately(times: &mut VecDeque<Duration>, now: Duration) -> usize {
    times.push_back(now);
    while times.front().is_some_and(|at| *at + IN_VAIN_WITHIN < now) {
        times.pop_front();
    }
    times.len()
}

/// The namespace that a request is about: its name when it is made, its id afterwards.
fn namespace(body: &Value) -> String {
    body["Name"].as_str().or(body["Id"].as_str()).unwrap_or_default().to_owned()
}

impl Doubt {
    /// Two looks, a settle time apart.
    fn is_settled(&self) -> bool {
        self.looks.first().zip(self.looks.last()).is_some_and(|(first, last)| *first + APART <= *last)
    }
}

/// The key of what a create made.
fn made_by(call: &Call, response: &Response, things: &Things) -> Option<String> {
    let (_, collection, member) = MADE.iter().find(|(create, ..)| *create == call.operation)?;
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let is_it = |thing: &Thing| thing.collection == *collection && body[*member] == last(&thing.id);
    things.iter().find(|(_, thing)| is_it(thing)).map(|(id, _)| id.clone())
}

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

fn path(call: &Call) -> &str {
    call.request.uri.split('?').next().unwrap_or_default()
}

/// What a create without a token of AWS's makes: operation, place, document and incarnation.
fn doubtful(call: &Call, body: &Value) -> Option<String> {
    let is_doubtful = ["CreateApi", "CreateVpcLink", "CreateIntegration"].contains(&call.operation.as_str());
    let what = creation(body).filter(|_| is_doubtful)?;
    Some(format!("{} {} {what}", call.operation, path(call)))
}

/// Document and incarnation, from the mark in a request.
fn creation(body: &Value) -> Option<String> {
    mark_of(body).map(|mark| format!("{} {}", mark.document, mark.incarnation))
}
