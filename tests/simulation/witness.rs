//! Looks at every call of every process, and says what must never happen. It knows AWS's truth and the documents' truth
//! (who put them in and took them out, when), and nothing of what the product thinks.
//!
//! The letters are those of the page `docs/src/simulation.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hatoba_aws_model::Response;
use hatoba_tests::keys::SECRET;
use serde_json::Value;

use crate::call::Call;
use crate::fleet::{Fleet, LIST_KEYS, Part, VALUES, key, name};
use crate::hands::THEIR_TAG;
use crate::judge;
use crate::sea::STRANGE_KEY;
use crate::swarm::{Fault, Place, Swarm};
use crate::truth::{self, Thing, Things};

#[path = "uses.rs"]
mod uses;

/// A write is given up no earlier: the SDK takes a request whose body nobody takes for stalled after so long.
const ATTEMPT: Duration = Duration::from_millis(4_900);
/// What was read so long ago may still cause a write: a look at most a minute old, and what is on its way.
pub(crate) const SIGHT: Duration = Duration::from_secs(90);
/// A document that is back is seen by the next look at the source, and what was under way has left by then.
const SOURCE_SEEN: Duration = Duration::from_secs(120);
/// What was decided before a document was there again has left by then; an ECS service is taken down in several calls.
const TAKEN_OVER: Duration = Duration::from_secs(15);
/// What users left so lately may still be led to by what is deployed; the product gives it a minute.
const DEPLOYED: Duration = Duration::from_secs(50);
/// API Gateway's quota, of which a process takes its share: at once, and a second.
const BURST: f64 = 40.0;
const RATE: f64 = 10.0;
/// Operations with a quota of their own, of one call at once: seconds until the next.
const SLOW: [(&str, f64); 2] = [("CreateVpcLink", 15.0), ("DeleteVpcLink", 30.0)];

/// When a write left, its number, and what it is.
type Sending = (Duration, usize, String);

/// What is known of the past.
#[derive(Debug)]
pub(crate) struct Witness {
    /// The first thing that must never happen and did.
    pub(crate) violation: Option<String>,
    /// What people made, as they left it: no process changes it.
    foreign: BTreeMap<String, Value>,
    /// When documents were not there: from, to.
    absent: BTreeMap<String, Vec<(Duration, Option<Duration>)>>,
    present: BTreeSet<String>,
    /// Since when each process has known that a document is there.
    seen: BTreeMap<usize, BTreeMap<String, Duration>>,
    /// The newest version of each document that a process has taken over.
    accepted: BTreeMap<(usize, String), u64>,
    /// What each process made: document with incarnation, id, and when it was told so.
    made: Vec<Made>,
    in_flight: BTreeMap<(usize, String), Vec<Sending>>,
    /// Processes that asked for the APIs, and whether each answer was that they may not.
    may_not_list: BTreeMap<usize, bool>,
    quota: BTreeMap<usize, (f64, Duration)>,
    /// When the last calls of operations with a quota of their own left.
    slow: BTreeMap<(usize, &'static str), Vec<Duration>>,
    quota_share: f64,
    /// When each thing was last seen bearing our mark, and when it was first seen.
    last_ours: BTreeMap<String, Duration>,
    pub(crate) born: BTreeMap<String, Duration>,
    /// When each link and integration was last seen with something that uses it.
    last_used: BTreeMap<String, Duration>,
    /// Everything of ours that ever was, and the document that it was for.
    pub(crate) documents_of: BTreeMap<String, String>,
    /// When each process stood still: from, to.
    stood: BTreeMap<usize, Vec<(Duration, Option<Duration>)>>,
    /// Deletes of what somebody used when they were sent, by the calls' numbers.
    deletes_what_is_used: BTreeSet<usize>,
    /// Calls whose answers nobody waits for any more: their senders gave up, died, or have had one.
    pub(crate) given_up: BTreeSet<usize>,
    /// What people changed by hand lately is not laid at a process's door.
    pub(crate) by_hand: BTreeMap<String, Duration>,
    /// When each thing was last changed, and by which process, as far as that knows.
    changed: BTreeMap<String, (Duration, Option<usize>)>,
    /// ECS services whose number of tasks the documents leave to whoever scales them, and since when.
    left_alone: BTreeMap<String, Duration>,
    /// Nothing keeps anybody from reading the source for long.
    source_is_there: bool,
    prune_limit: usize,
    /// Somebody gave a word for what the fuse held.
    pub(crate) word_was_given: bool,
    grace: Duration,
    lag: Duration,
    /// One may lead users back to what the other has seen left.
    has_two_leaders: bool,
}

#[derive(Debug)]
struct Made {
    process: usize,
    mark: String,
    id: String,
    call: usize,
    /// When it was told so.
    known_at: Option<Duration>,
}

impl Made {
    /// Whether the process that sent this had been told of it then.
    fn is_known_to(&self, call: &Call) -> bool {
        self.process == call.process && self.known_at.is_some_and(|at| at <= call.sent_at)
    }
}

impl Witness {
    pub(crate) fn new(swarm: &Swarm) -> Witness {
        let lags = swarm.has(Fault::Stale) || swarm.has(Fault::Hidden);
        Witness {
            violation: None,
            foreign: BTreeMap::new(),
            absent: BTreeMap::new(),
            present: BTreeSet::new(),
            accepted: BTreeMap::new(),
            seen: BTreeMap::new(),
            made: Vec::new(),
            in_flight: BTreeMap::new(),
            may_not_list: BTreeMap::new(),
            quota: BTreeMap::new(),
            slow: BTreeMap::new(),
            quota_share: swarm.options.quota_share,
            last_ours: BTreeMap::new(),
            born: BTreeMap::new(),
            last_used: BTreeMap::new(),
            documents_of: BTreeMap::new(),
            stood: BTreeMap::new(),
            deletes_what_is_used: BTreeSet::new(),
            given_up: BTreeSet::new(),
            by_hand: BTreeMap::new(),
            changed: BTreeMap::new(),
            left_alone: BTreeMap::new(),
            source_is_there: !(swarm.has(Fault::SourceAway)
                || swarm.has(Fault::Files)
                || swarm.place == Place::Bucket),
            prune_limit: swarm.options.prune_limit,
            word_was_given: false,
            grace: swarm.options.prune_grace,
            lag: if lags { swarm.lag } else { Duration::ZERO },
            // Whoever cannot reach the lease goes on without it.
            has_two_leaders: swarm.has(Fault::Leaders) || swarm.has(Fault::Lease),
        }
    }

    pub(crate) fn violated(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    /// The documents are these from now on; those that were not there before.
    pub(crate) fn documents(&mut self, now: Duration, fleet: &Fleet) -> Vec<String> {
        let mut present = fleet.keys();
        for ((stack, part), says) in &fleet.parts {
            let api = key(*stack, Part::Api);
            match part {
                Part::Home => present.insert(format!("routes {api} $default")),
                Part::List => present.insert(format!("routes {api} {}", LIST_KEYS[usize::from(says.a)])),
                Part::Gate => present.insert(format!("authorizers {api} {}", name(*stack, *part))),
                _ => false,
            };
        }
        let left =
            fleet.parts.iter().filter(|((_, part), says)| *part == Part::Tasks && says.tasks().is_none());
        let left: BTreeSet<String> = left.map(|((stack, part), _)| key(*stack, *part)).collect();
        self.left_alone.retain(|document, _| left.contains(document));
        for document in left {
            self.left_alone.entry(document).or_insert(now);
        }
        for gone in self.present.difference(&present) {
            self.absent.entry(gone.clone()).or_default().push((now, None));
        }
        for back in present.difference(&self.present) {
            for (_, to) in self.absent.entry(back.clone()).or_default().iter_mut() {
                to.get_or_insert(now);
            }
        }
        let come = present.difference(&self.present).cloned().collect();
        self.present = present;
        come
    }

    pub(crate) fn is_asked_for(&self, document: &str) -> bool {
        self.present.contains(document)
    }

    /// A process stands still from now on, or goes on.
    pub(crate) fn stands(&mut self, now: Duration, process: usize, still: bool) {
        let stood = self.stood.entry(process).or_default();
        match stood.last_mut() {
            Some((_, to @ None)) if !still => *to = Some(now),
            _ if still => stood.push((now, None)),
            _ => {}
        }
    }

    /// The time in which a process was awake for so long before then: what it stood still for comes on top.
    fn back(&self, process: usize, at: Duration, awake: Duration) -> Duration {
        let mut back = awake;
        for (from, to) in self.stood.get(&process).into_iter().flatten().rev() {
            let to = to.unwrap_or(at).min(at);
            if *from < at && to + back >= at {
                back += to.saturating_sub(*from);
            }
        }
        back
    }

    /// Whether what was so then need not be known to the process that sent this.
    fn may_be_unknown(&self, at: Option<&Duration>, call: &Call) -> bool {
        at.is_some_and(|at| *at + self.back(call.process, call.sent_at, SIGHT) + self.lag >= call.sent_at)
    }

    /// Whether a thing is so new, or so newly changed by hand, that the process that sent this need not have seen it.
    fn is_fresh(&self, id: &str, call: &Call) -> bool {
        self.may_be_unknown(self.born.get(id), call) || self.was_touched_lately(id, call)
    }

    /// Whether people changed a thing so lately that the process that sent this need not know what it is by now.
    pub(crate) fn was_touched_lately(&self, id: &str, call: &Call) -> bool {
        self.may_be_unknown(self.by_hand.get(id), call)
    }

    /// Whether people took a twin away that the process which sent this may still have known.
    fn had_twin_lately(&self, id: &str, document: &str, call: &Call) -> bool {
        let collection = id.split(':').next();
        let is_twin = |other: &String, of: &String| {
            other != id && of == document && other.split(':').next() == collection
        };
        let mut twins = self.documents_of.iter().filter(|(other, of)| is_twin(other, of));
        twins.any(|(other, _)| self.was_touched_lately(other, call))
    }

    /// Whether a document had been gone for the grace when the process that sent this could last have known. One that
    /// was back so shortly that nobody need have looked meanwhile was gone all the time.
    fn had_vanished(&self, document: &str, call: &Call) -> bool {
        let at = call.sent_at;
        let seen_back = self.back(call.process, at, SOURCE_SEEN);
        let mut gone: Option<(Duration, Duration)> = None;
        for (from, to) in self.absent.get(document).into_iter().flatten() {
            let to = to.unwrap_or(at);
            gone = match gone {
                Some((since, until)) if until + seen_back >= *from => Some((since, to)),
                _ => Some((*from, to)),
            };
            let (since, until) = gone.unwrap_or_default();
            if since + self.grace <= until.min(at) && until + seen_back >= at {
                return true;
            }
        }
        false
    }

    /// A process has taken over a look at the source.
    pub(crate) fn accepts(&mut self, process: usize, document: String, version: u64) {
        self.accepted.insert((process, document), version);
    }

    /// A process has taken over a look at the source in which these documents stand, and no others.
    pub(crate) fn has_seen(&mut self, now: Duration, process: usize, documents: &BTreeSet<String>) {
        let seen = self.seen.entry(process).or_default();
        seen.retain(|document, _| documents.contains(document));
        for document in documents {
            seen.entry(document.clone()).or_insert(now);
        }
    }

    /// Whether the process that sent this had known for long enough that the document is there.
    fn sees(&self, document: &str, call: &Call) -> bool {
        let since = self.seen.get(&call.process).and_then(|seen| seen.get(document));
        since.is_some_and(|since| *since + TAKEN_OVER < call.sent_at)
    }

    /// People made or changed this: from now on it is theirs.
    pub(crate) fn is_foreign(&mut self, things: &Things, ids: &[String]) {
        for id in ids {
            if let Some(thing) = things.get(id) {
                self.foreign.insert(id.clone(), thing.body.clone());
            }
        }
    }

    pub(crate) fn foreign(&self) -> BTreeSet<String> {
        self.foreign.keys().cloned().collect()
    }

    /// People deleted or changed what stands here; what is gone of theirs is gone by their own hand.
    pub(crate) fn hand_at(&mut self, now: Duration, things: &Things) {
        self.foreign.retain(|id, _| things.contains_key(id));
        for (id, thing) in things {
            if let Some(theirs) = self.foreign.get_mut(id) {
                thing.body.clone_into(theirs);
            }
        }
        self.look(now, things);
    }

    /// Notes what there is.
    pub(crate) fn look(&mut self, now: Duration, things: &Things) {
        self.foreign
            .retain(|id, _| things.get(id).is_none_or(|thing| !(thing.bears_mark() && thing.is_ours())));
        for (id, thing) in things {
            self.born.entry(id.clone()).or_insert(now);
            if let Some(document) = thing.document() {
                self.last_ours.insert(id.clone(), now);
                if !self.documents_of.contains_key(id) {
                    self.documents_of.insert(id.clone(), document.to_owned());
                }
            }
            let may_be_deployed = ["vpcLinks", "integrations"].contains(&thing.collection);
            if may_be_deployed && things.values().any(|user| judge::uses(user, thing)) {
                self.last_used.insert(id.clone(), now);
            }
        }
    }

    /// A request leaves a process: S5, S7, S10, S11, S17, S19.
    pub(crate) fn sent(&mut self, now: Duration, call: &Call, things: &Things) {
        let body = String::from_utf8_lossy(&call.request.body).into_owned();
        if body.contains(SECRET) || call.request.uri.contains(SECRET) {
            self.violated(format!("S11: the secret leaves in {}", call.operation));
        }
        if call.service == "s3"
            && call.is_write
            && let Some(value) = VALUES.iter().find(|value| body.contains(**value))
        {
            self.violated(format!("S11: {value:?}, which a document says, is shown in {}", call.request.uri));
        }
        if call.service == "apigatewayv2" {
            let (burst, rate) = (BURST * self.quota_share, RATE * self.quota_share);
            let (level, at) = self.quota.get(&call.process).copied().unwrap_or((burst, now));
            let level = (level + now.saturating_sub(at).as_secs_f64() * rate).min(burst) - 1.0;
            self.quota.insert(call.process, (level, now));
            if level < -3.0 {
                self.violated(format!(
                    "S10: process {} takes more than its share of API Gateway's quota",
                    call.process
                ));
            }
        }
        self.takes_slowly(now, call);
        if !call.changes_aws() {
            return;
        }
        let signed = call.request.header("authorization").unwrap_or_default();
        if signed.contains(&format!("Credential={STRANGE_KEY}/")) {
            self.violated(format!("S19: {} is signed with a key of another account", call.operation));
        }
        if let Some(wrong) = judge::body(call, &body) {
            self.violated(format!("S7: {wrong}"));
        }
        if judge::meant_to_go(call, things).is_some_and(|(_, goes)| !judge::users(things, goes).is_empty()) {
            self.deletes_what_is_used.insert(call.number);
        }
        self.regression(call, &body, things);
        self.scales(call, &body, things);
        let lane = judge::lane(call);
        let flying = self.in_flight.entry((call.process, lane.clone())).or_default();
        flying.retain(|(at, ..)| *at + ATTEMPT > now);
        flying.push((now, call.number, call.operation.clone()));
        if flying.len() > 1 {
            let flying = format!("{flying:?}");
            self.violated(format!(
                "S17: process {} has two writes to {lane} in flight: {flying}",
                call.process
            ));
        }
    }

    /// S10: of an operation with a quota of its own no process sends three while one may leave. Two may: what waited for
    /// its quota and was not sent leaves it to the next. Who stood still sends at once what waited meanwhile.
    fn takes_slowly(&mut self, now: Duration, call: &Call) {
        let Some((operation, seconds)) = SLOW.into_iter().find(|(name, _)| *name == call.operation) else {
            return;
        };
        let times = self.slow.entry((call.process, operation)).or_default();
        times.push(now);
        let Some(third) = times.len().checked_sub(3).map(|at| times[at]) else { return };
        let least = Duration::from_secs_f64(0.9 * seconds / self.quota_share);
        if now < third + least && !self.stood.contains_key(&call.process) {
            let (process, took) = (call.process, now - third);
            self.violated(format!("S10: process {process} sends {operation} three times in {took:?}"));
        }
    }

    /// S5: nothing older than what the process has taken over.
    fn regression(&mut self, call: &Call, body: &str, things: &Things) {
        let Some((document, version)) = judge::versioned(call, body, things) else { return };
        let accepted = self.accepted.get(&(call.process, document.clone())).copied().unwrap_or_default();
        if version < accepted {
            self.violated(format!(
                "S5: process {} sends version {version} of {document} and has taken over {accepted}",
                call.process
            ));
        }
    }

    /// S1: how many tasks run is not ours to say where the document leaves that out.
    fn scales(&mut self, call: &Call, body: &str, things: &Things) {
        let Some((document, count)) = judge::scaling(call, body, things) else { return };
        let known = self.back(call.process, call.sent_at, SOURCE_SEEN);
        if self.source_is_there
            && self.left_alone.get(&document).is_some_and(|since| *since + known < call.sent_at)
        {
            let process = call.process;
            self.violated(format!(
                "S1: process {process} scales {document} to {count}, which is left to others"
            ));
        }
    }

    /// S3: more vanished than may go without a word, and have been gone so long that every process knows.
    fn too_many_vanished(&self, call: &Call, before: &Things) -> Option<usize> {
        let since = self.grace + self.back(call.process, call.sent_at, SOURCE_SEEN + SIGHT);
        let has_gone = |document: &str| {
            let last = self.absent.get(document).and_then(|times| times.last());
            last.is_some_and(|(from, to)| to.is_none() && *from + since <= call.sent_at)
        };
        let stays = before.values().filter(|thing| thing.api.is_none() && !thing.is_leaving());
        let documents: BTreeSet<&str> = stays.filter_map(Thing::document).filter(|d| has_gone(d)).collect();
        Some(documents.len()).filter(|count| *count > self.prune_limit && !self.word_was_given)
    }

    /// The process got the answer.
    pub(crate) fn delivered(&mut self, now: Duration, call: &Call, response: &Response) {
        self.lands(call);
        if call.operation == "GetApis" {
            match response.status {
                403 => drop(self.may_not_list.entry(call.process).or_insert(true)),
                // What it has seen once it knows.
                _ => drop(self.may_not_list.insert(call.process, false)),
            }
        }
        for made in self.made.iter_mut().filter(|made| made.call == call.number) {
            made.known_at = Some(now);
        }
    }

    /// It did not, or not one that it can read.
    pub(crate) fn unanswered(&mut self, call: &Call) {
        self.lands(call);
        self.made.retain(|made| made.call != call.number);
    }

    fn lands(&mut self, call: &Call) {
        if let Some(flying) = self.in_flight.get_mut(&(call.process, judge::lane(call))) {
            flying.retain(|(_, number, _)| *number != call.number);
        }
    }

    /// AWS answered a write: what was before, and what is now.
    pub(crate) fn written(
        &mut self,
        now: Duration,
        call: &Call,
        response: &Response,
        things: (&Things, &Things),
    ) {
        let (before, after) = things;
        self.look(now, before);
        if response.status < 300 {
            self.judge_changes(now, call, before, after);
            self.judge_creation(call, before, after);
            self.judge_removals(call, before, after);
        } else if let Some((id, thing)) = judge::meant_to_go(call, before)
            && !self.leaves_it_to_aws(call, thing)
        {
            self.judge_use(call, before, id, thing); // AWS refused, and it was asked to
        }
        self.look(now, after);
    }

    /// S1: only what is ours is changed, and nothing of other people's; their tags on ours stay.
    fn judge_changes(&mut self, now: Duration, call: &Call, before: &Things, after: &Things) {
        // What comes when nobody waits for it is nobody's doing that anybody knows of.
        let by = Some(call.process).filter(|_| !self.given_up.contains(&call.number));
        for (id, _) in truth::changed(before, after) {
            self.changed.insert(id.clone(), (now, by));
            let goes_along =
                before[id].api.as_ref().is_some_and(|api| !after.contains_key(&format!("apis:{api}")));
            // A mark that people took off is put back by whoever knows the thing.
            let was_ours = before[id].bears_mark() && self.last_ours.contains_key(id);
            let is_back = was_ours
                && after.get(id).is_some_and(|now| {
                    now.is_ours() && now.but_for_its_mark() == before[id].but_for_its_mark()
                });
            if self.foreign.contains_key(id) {
                // No list need have shown yet what was just made in it, or that the mark was just taken off.
                let may_go = (goes_along || was_ours) && self.is_fresh(id, call);
                if !may_go && !is_back {
                    self.violated(format!(
                        "S1: {} changes or deletes {id}, which is somebody else's",
                        call.operation
                    ));
                }
                continue;
            }
            if !self.may_be_unknown(self.last_ours.get(id), call) && !is_back {
                self.violated(format!("S1: {} changes {id}, which does not bear our mark", call.operation));
            }
            let theirs = before[id].tag(THEIR_TAG);
            if let Some(now) = after.get(id)
                && !before[id].is_leaving() // else it is another one of its name
                && now.tag(THEIR_TAG) != theirs
            {
                self.violated(format!("S1: {} takes a tag off {id} that people put there", call.operation));
            }
        }
    }

    /// S2: who knows of one makes no second.
    fn judge_creation(&mut self, call: &Call, before: &Things, after: &Things) {
        let lives = |thing: &crate::truth::Thing| !thing.is_leaving() && thing.is_ours();
        for (id, thing) in after.iter().filter(|(id, _)| !before.contains_key(*id)) {
            let Some(mark) = thing.mark.as_ref().filter(|_| thing.bears_mark()) else {
                continue;
            };
            let mark = format!(
                "{} {} {}",
                mark.document,
                mark.incarnation,
                thing.api.as_deref().unwrap_or_default()
            );
            let known = self.made.iter().find(|made| {
                made.mark == mark
                    && made.is_known_to(call)
                    && [before, after].iter().all(|things| things.get(&made.id).is_some_and(lives))
                    && !self.was_touched_lately(&made.id, call)
            });
            if let Some(known) = known {
                let (process, first) = (call.process, known.id.clone());
                self.violated(format!("S2: process {process} makes {id} for {mark} and knows of {first}"));
            }
            let made =
                Made { process: call.process, mark, id: id.clone(), call: call.number, known_at: None };
            self.made.push(made);
        }
    }

    /// S3 and S6: nothing goes without a cause, and nothing that is used.
    fn judge_removals(&mut self, call: &Call, before: &Things, after: &Things) {
        let goes = |id: &String| after.get(id).is_none_or(crate::truth::Thing::is_leaving);
        let gone = before.iter().filter(|(id, thing)| !thing.is_leaving() && goes(id));
        for (id, thing) in gone {
            // What goes with its API is judged with it.
            let api = thing.api.as_ref().map(|api| format!("apis:{api}"));
            if api.as_ref().is_some_and(goes) {
                continue;
            }
            let document = thing.document().unwrap_or_default().to_owned();
            let is_second = judge::has_twin(before, id, thing) || self.had_twin_lately(id, &document, call);
            // An API whose document is gone is emptied before it goes.
            let parent = api.as_ref().and_then(|api| before.get(api)?.document());
            let goes_with_it = parent.is_some_and(|parent| self.had_vanished(parent, call));
            let has_vanished = self.had_vanished(&document, call) && !self.sees(&document, call);
            if !(is_second || goes_with_it || has_vanished) {
                self.violated(format!(
                    "S3: process {} deletes {id} of {document:?} without a cause ({})",
                    call.process, call.operation
                ));
            }
            let is_alone = thing.api.is_none() && !is_second;
            if let Some(count) = self.too_many_vanished(call, before).filter(|_| is_alone) {
                self.violated(format!(
                    "S3: process {} deletes {id}, and {count} documents vanished",
                    call.process
                ));
            }
            if !self.had_vanished(&document, call) {
                if is_second && judge::is_newest(before, id, thing) && !self.was_touched_lately(id, call) {
                    self.violated(format!(
                        "S3: process {} deletes {id}, made instead of another one that stays",
                        call.process
                    ));
                }
                self.judge_choice(call, before, id, thing);
                self.judge_haste(call, before, id, thing);
            }
            self.judge_use(call, before, id, thing);
        }
    }
}
