//! What comes when all has come true: silence. The statuses beside the source say what is so: whoever reads them knows no
//! process. Then one change by hand, of which the repair fails once: the next sweep finds it, and whatever happened in the
//! hours before, what failed lately is tried again in seconds. Then one letter of one document is another one. Last a link
//! falls asleep.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_core::{Key, Status, Truth};
use serde_json::{Value, json};

use crate::fleet::{Part, key};
use crate::ship::BUCKET;
use crate::swarm::{Fault, Place};
use crate::truth::Thing;
use crate::voyage::Voyage;

/// Nothing is written for so long: a resync at least.
const SILENCE: Duration = Duration::from_secs(320);
/// Reads in that time of each document, process and sweep: a sweep takes less than three, of one stack or of three; and
/// what a process looks at without any document.
const READS_MAX: f64 = 3.0;
const READS_FEW: f64 = 30.0;
/// What stays of a document that is gone is listed with each sweep and besides, with all that stands in it.
const READS_MAX_LEFT: f64 = 24.0;
/// The first try, a delay of seconds, the second, and the looks before both.
const SOON: Duration = Duration::from_secs(60);

impl Voyage {
    /// S14: in sync and unchanged, nothing is written.
    pub(crate) async fn silence(&self) {
        // What is left to tidy up is found by the next sweep; what was replaced goes a minute later.
        tokio::time::sleep(self.swarm.options.resync + Duration::from_secs(130)).await;
        let before = self.wrong();
        let (calls, told) = (self.writes(), self.port.sea.lock().statuses);
        let (reads, objects) = (self.reads(), self.port.sea.lock().objects_read);
        tokio::time::sleep(SILENCE).await;
        let after = self.writes();
        let reads = self.reads() - reads;
        let sweeps = SILENCE.as_secs_f64() / self.swarm.options.resync.as_secs_f64() + 1.0;
        let sweeps = sweeps * self.ships.len() as f64;
        let (documents, left) = (self.fleet.parts.len(), self.left_over());
        let of_each = READS_MAX * documents as f64 + READS_MAX_LEFT * left as f64;
        // Every page is a read, and strangers may have made many.
        let has_pages = self.swarm.config.page_size_max.is_some();
        if !has_pages && reads as f64 > READS_FEW + sweeps * of_each {
            let what = format!("{documents} documents and {left} that are left over");
            self.violated(format!(
                "S16: nothing changes, and {reads} reads look {sweeps:.1} times at {what}"
            ));
        }
        if self.port.sea.lock().objects_read > objects {
            self.violated("S16: nothing changes in the bucket, and its objects are read".to_owned());
        }
        if let Some(wrong) = self.serving_is_wrong() {
            self.violated(wrong);
        }
        let told = self.port.sea.lock().statuses - told;
        // A late look may have something to tell of one of them; what is written anew with every pass is written of all.
        if told > self.fleet.parts.len() / 2 && !self.swarm.has(Fault::Leaders) {
            self.violated(format!("S14: nothing changes, and {told} status documents are written"));
        }
        if after.len() != calls.len() {
            self.violated(format!("S14: in sync, and it writes:\n{}", after[calls.len()..].join("\n")));
        }
        let wrong: Vec<String> = before.into_iter().chain(self.wrong()).collect();
        if !wrong.is_empty() {
            self.violated(format!("L1: it came true and did not stay so:\n{}", wrong.join("\n")));
        }
        let untold = untold(self);
        if !untold.is_empty() {
            self.violated(format!("F35: what lies beside the source says otherwise:\n{}", untold.join("\n")));
        }
    }

    /// Of a whole stack at rest every route serves, and without a stage none does: what the statuses say of it.
    fn serving_is_wrong(&self) -> Option<String> {
        let serves = |stack: usize, part: Part, statuses: &BTreeMap<Key, Status>| {
            let document = key(stack, part);
            let status = statuses.iter().find(|(key, _)| key.to_string() == document)?.1;
            Some(status.serving.as_ref().map(|serving| serving.status) == Some(Truth::True))
        };
        for ship in &self.ships {
            let statuses = ship.harbour.engine.statuses();
            for stack in 0..self.swarm.stacks {
                let lacks: Vec<Part> =
                    Part::ALL.into_iter().filter(|part| self.fleet.says(stack, *part).is_none()).collect();
                let expected = match lacks.as_slice() {
                    [] => true,
                    _ if lacks.contains(&Part::Stage) => false,
                    _ => continue,
                };
                for part in [Part::Home, Part::List] {
                    if serves(stack, part, &statuses).is_some_and(|says| says != expected) {
                        let (process, route) = (ship.number, key(stack, part));
                        return Some(format!(
                            "S13: process {process} says of {route} that it serves: {}",
                            !expected
                        ));
                    }
                }
            }
        }
        None
    }

    /// Documents that are gone, and something of them stays: an API in which people have built.
    fn left_over(&self) -> usize {
        let things = self.port.sea.lock().things();
        let (ours, asked) = (things.values().filter(|thing| thing.bears_mark()), self.fleet.keys());
        let left = ours.filter_map(Thing::document).filter(|document| !asked.contains(*document));
        left.collect::<BTreeSet<_>>().len()
    }

    /// Reads so far.
    fn reads(&self) -> usize {
        let sea = self.port.sea.lock();
        let world = sea.world.lock().unwrap();
        world.log().iter().filter(|call| !call.write && call.service != "s3").count()
    }

    fn writes(&self) -> Vec<String> {
        let sea = self.port.sea.lock();
        let world = sea.world.lock().unwrap();
        let writes = world.log().iter().filter(|call| call.write && call.service != "s3");
        writes.map(|call| format!("{}.{} {}", call.service, call.operation, call.status)).collect()
    }
}

/// L2: what fails once is carried out soon after, unless throttles have slowed everything down.
pub(crate) async fn play(voyage: &mut Voyage) {
    let api = voyage.fleet.parts.keys().find(|(_, part)| *part == Part::Api);
    let Some(document) = api.map(|(stack, part)| key(*stack, *part)) else { return };
    if voyage.swarm.has(Fault::Throttled) || voyage.swarm.quota_is_small() {
        return;
    }
    {
        let mut sea = voyage.port.sea.lock();
        let things = sea.things();
        let api =
            things.values().find(|thing| thing.document() == Some(&document) && thing.collection == "apis");
        let Some(api) = api else { return };
        let body = json!({ "description": "by hand, at the end" });
        let change = Request::rest("PATCH", &format!("/v2/apis/{}", api.id), &body);
        let done = sea.by_hand("somebody changes it at the end", &change);
        sea.world.lock().unwrap().faults().fail("UpdateApi", 1, 500, "InternalFailure", "as the dice fell");
        if done.is_err() {
            return;
        }
    }
    // Nobody asks for a look: the next sweep finds it.
    let seen = voyage.swarm.options.resync + SOON;
    let left = left_after(voyage, seen).await;
    if !left.is_empty() {
        let what =
            format!("L2: {document} was changed by hand, its repair failed once, and {seen:?} later: {left}");
        voyage.port.sea.lock().witness.violated(what);
        return;
    }
    let soon = voyage.swarm.poll + SOON;
    // The second time its file is as long as before.
    for _ in 0..2 {
        voyage.fleet.reword();
        voyage.publish();
        let left = left_after(voyage, soon).await;
        if !left.is_empty() {
            let what = format!("L2: {document} says something else, and {soon:?} later: {left}");
            voyage.port.sea.lock().witness.violated(what);
            return;
        }
    }
    fall_asleep(voyage).await;
}

/// S13: a link falls asleep, and no request gets through any more: whoever reads the statuses is told so.
async fn fall_asleep(voyage: &Voyage) {
    let parts = &voyage.fleet.parts;
    let is_whole = |stack: &usize| Part::ALL.iter().all(|part| parts.contains_key(&(*stack, *part)));
    let Some(stack) = (0..voyage.swarm.stacks).find(is_whole) else { return };
    let (link, route) = (key(stack, Part::Link), key(stack, Part::Home));
    {
        let mut sea = voyage.port.sea.lock();
        let things = sea.things();
        let mut links = things.values().filter(|thing| thing.document() == Some(&link));
        let Some(link) = links.find(|thing| !thing.is_leaving()) else { return };
        if !sea.world.lock().unwrap().idle_vpc_link(&link.id) {
            return;
        }
    }
    tokio::time::sleep(voyage.swarm.options.resync + SOON).await;
    for ship in &voyage.ships {
        let statuses = ship.harbour.engine.statuses();
        let status = statuses.values().find(|status| status.document.to_string() == route);
        let serving = status.and_then(|status| status.serving.as_ref()).map(|serving| serving.status);
        if serving != Some(Truth::False) {
            let number = ship.number;
            let what =
                format!("S13: process {number} says that {route} serves: {serving:?}, and {link} sleeps");
            voyage.port.sea.lock().witness.violated(what);
        }
    }
}

/// What is not as the documents ask for, once all is or so much time has passed.
async fn left_after(voyage: &Voyage, time: Duration) -> String {
    let begun = tokio::time::Instant::now();
    loop {
        let left = voyage.differences();
        if left.is_empty() || begun.elapsed() >= time {
            return left.join("; ");
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// What is held together, where somebody has told it.
pub(crate) const HELD: &str = ".hatoba/prod/held.json";
/// Where status documents lie in the bucket.
pub(crate) const STATUSES: &str = ".hatoba/prod/status/";

/// What a status says, whichever process wrote it: no times, no messages.
fn lasting(status: &Value) -> Value {
    let truths = ["synced", "ready", "serving"].map(|condition| &status[condition]["status"]);
    json!([truths, status["observedDigest"], status["outputs"]])
}

/// Status documents in the bucket that do not say what the processes say by now, or of which there is no document.
pub(crate) fn untold(voyage: &Voyage) -> Vec<String> {
    let Some(ship) = voyage.ships.first().filter(|_| voyage.swarm.place == Place::Bucket) else {
        return Vec::new();
    };
    let statuses = ship.harbour.engine.statuses();
    let sea = voyage.port.sea.lock();
    let world = sea.world.lock().unwrap();
    let name = |key: &Key| format!("{STATUSES}{key}.json");
    let names: BTreeSet<String> = statuses.keys().map(name).collect();
    let keys = world.keys(BUCKET).into_iter().filter(|key| key.starts_with(STATUSES) && !names.contains(key));
    let left = keys.map(|key| format!("{key} is left over"));
    let untold = statuses.iter().filter_map(|(key, status)| {
        let lies: Value =
            serde_json::from_slice(world.object(BUCKET, &name(key)).unwrap_or_default()).unwrap_or_default();
        let (says, told) = (lasting(&json!(status)), lasting(&lies));
        (says != told).then(|| format!("{key}: {told}, expected {says}"))
    });
    left.chain(untold).collect()
}
