//! One seed from its beginning to its end: steps in which things go wrong, then none do, and everything must come true
//! and stay so.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use fastrand::Rng;
use hatoba_aws_model::{Clock as ModelClock, Request, World};
use hatoba_core::{Acknowledgement, Truth};
use hatoba_tests::EPOCH_SECONDS;

use crate::coda;
use crate::disk::Disk;
use crate::events;
use crate::fleet::{Fleet, Part};
use crate::hands::{self, Touched};
use crate::happened::Happened;
use crate::sea::{Sea, SharedSea};
use crate::ship::{BUCKET, Port, Ship};
use crate::swarm::{Fault, HIDING, Place, Swarm};
use crate::{truth, twins};

/// After the faults have stopped everything comes true within so long: links and namespaces that take a quarter of an
/// hour twice over, a backoff of five minutes, throttles that have slowed everything down to a twentieth.
const CONVERGES_WITHIN: Duration = Duration::from_secs(5_400);
/// What people do to an API shows in what it serves after an automatic deployment, and tasks take their time.
const EXCUSED: Duration = Duration::from_secs(240);

/// So often a process writes the same member before it leaves it to others.
const GIVES_UP_AFTER: usize = 3;
/// More than are ever registered at once of a service, those that stop among them.
const TASKS_MAX: usize = 8;

/// What became of a seed.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) seed: u64,
    pub(crate) faults: BTreeSet<Fault>,
    pub(crate) violation: Option<String>,
    pub(crate) trace: String,
    pub(crate) happened: Happened,
    pub(crate) calls: usize,
    pub(crate) steps: usize,
    /// Virtual time.
    pub(crate) lasted: Duration,
}

impl Outcome {
    /// Of a seed of which nothing is known.
    pub(crate) fn nothing(seed: u64, faults: BTreeSet<Fault>) -> Outcome {
        Outcome {
            seed,
            faults,
            violation: None,
            trace: String::new(),
            happened: Happened::default(),
            calls: 0,
            steps: 0,
            lasted: Duration::ZERO,
        }
    }
}

/// The world of one seed while it is at it.
pub(crate) struct Voyage {
    pub(crate) port: Port,
    pub(crate) swarm: Swarm,
    pub(crate) fleet: Fleet,
    pub(crate) ships: Vec<Ship>,
    pub(crate) dice: Rng,
    /// Processes so far.
    started: usize,
    /// The world as it was looked at last.
    revision: u64,
    /// What people did to a stack may take effect until then.
    excused_until: BTreeMap<usize, Duration>,
    /// Stacks that were seen to serve, since when nothing happened that may end it.
    serving: BTreeSet<usize>,
}

/// Runs a seed in a runtime of its own. A panic counts as a violation.
pub(crate) fn sail(swarm: Swarm, steps: usize) -> Outcome {
    let seed = swarm.seed;
    fastrand::seed(seed); // the SDK's own dice
    note_panics();
    PANIC.take();
    let faults = swarm.faults.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.unwrap().block_on(run(swarm, steps))));
    outcome.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let violation = Some(format!("a panic: {}", said.unwrap_or_default()));
        Outcome { violation, ..Outcome::nothing(seed, faults) }
    })
}

thread_local! {
    /// What panicked on this thread, caught or not.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Has every panic noted that happens on a thread.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANIC.replace(Some(panic.to_string()));
            before(panic);
        }));
    });
}

async fn run(swarm: Swarm, steps: usize) -> Outcome {
    let seed = swarm.seed;
    let faults = swarm.faults.clone();
    let mut voyage = Voyage::begin(swarm).await;
    let mut done = 0;
    while done < steps && !voyage.is_over() {
        voyage.step().await;
        done += 1;
    }
    if !voyage.is_over() {
        voyage.calm_down().await;
    }
    let sea = voyage.port.sea.lock();
    Outcome {
        seed,
        faults,
        violation: sea.witness.violation.clone(),
        trace: sea.trace.text(),
        happened: sea.happened.clone(),
        calls: sea.trace.calls,
        steps: done,
        lasted: sea.now().saturating_sub(Duration::from_secs(EPOCH_SECONDS)),
    }
}

impl Voyage {
    pub(crate) async fn begin(swarm: Swarm) -> Voyage {
        let clock = ModelClock::new(Duration::from_secs(EPOCH_SECONDS));
        let mut world = World::with_article_prerequisites(swarm.config.clone());
        if swarm.has(Fault::Hidden) {
            for list in HIDING {
                world.faults().hide_from_lists(list, swarm.lag);
            }
        }
        if swarm.place == Place::Bucket {
            world.create_bucket(BUCKET);
        }
        let world = Arc::new(Mutex::new(world));
        let sea = SharedSea::new(Sea::new(swarm.clone(), world, clock));
        let board = sea.lock().board.clone();
        let port = Port { sea, disk: Disk::new(clock), board, clock };
        let fleet = Fleet::new(swarm.stacks);
        let dice = Rng::with_seed(swarm.seed ^ 0x57e9);
        let mut voyage = Voyage {
            port,
            swarm,
            fleet,
            ships: Vec::new(),
            dice,
            started: 0,
            revision: 0,
            excused_until: BTreeMap::new(),
            serving: BTreeSet::new(),
        };
        voyage.note(format!("{:?}", voyage.swarm));
        if voyage.swarm.has(Fault::Hidden) {
            voyage.happened(Fault::Hidden, "lists lag in a world");
        }
        if voyage.swarm.has(Fault::Leaders) && voyage.swarm.processes > 1 {
            voyage.happened(Fault::Leaders, "a world has no lease");
        }
        voyage.publish();
        for _ in 0..voyage.swarm.processes {
            voyage.start().await;
        }
        voyage
    }

    pub(crate) fn note(&self, line: impl std::fmt::Display) {
        let mut sea = self.port.sea.lock();
        let now = sea.now();
        sea.trace.note(now, line);
    }

    pub(crate) fn happened(&self, fault: Fault, what: &'static str) {
        self.port.sea.lock().happened.note(fault, what);
    }

    fn is_over(&self) -> bool {
        self.port.sea.lock().witness.violation.is_some()
    }

    /// Another process.
    pub(crate) async fn start(&mut self) {
        self.started += 1;
        let off = if self.swarm.has(Fault::Expired) { self.dice.i64(-3600..3600) } else { 0 };
        if off != 0 {
            self.happened(Fault::Expired, "a process's clock is off");
        }
        let ship = Ship::start(&self.port, self.started, off).await;
        self.note(format!("process {} starts", ship.number));
        self.ships.push(ship);
    }

    /// A process stands still, or goes on.
    pub(crate) fn freeze(&mut self, at: usize, frozen: bool) {
        let ship = &mut self.ships[at];
        ship.freeze(frozen);
        let mut sea = self.port.sea.lock();
        let now = sea.now();
        sea.witness.stands(now, ship.number, frozen);
    }

    /// Writes the documents as they are to their place, and tells the witness.
    pub(crate) fn publish(&mut self) {
        let files = self.fleet.files(self.swarm.file_each);
        let files: Vec<(String, Vec<u8>)> =
            files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
        self.put(&files);
        self.tell_what_is_asked();
    }

    /// The witness judges by these documents from now on, whatever becomes of their files. What was decided before one of
    /// them was there again may still take a part of its stack away.
    pub(crate) fn tell_what_is_asked(&mut self) {
        let come = {
            let mut sea = self.port.sea.lock();
            let now = sea.now();
            sea.duties.are_written(now, &self.fleet);
            sea.witness.documents(now, &self.fleet)
        };
        come.iter().for_each(|document| self.excuse_what_was(Touched::of(Some(document))));
    }

    /// The place holds exactly these files.
    pub(crate) fn put(&self, files: &[(String, Vec<u8>)]) {
        let is_wanted = |name: &str| files.iter().any(|(wanted, _)| wanted == name);
        match self.swarm.place {
            Place::Disk => {
                self.port
                    .disk
                    .names()
                    .iter()
                    .filter(|name| !is_wanted(name))
                    .for_each(|name| self.port.disk.remove(name));
                files.iter().for_each(|(name, text)| self.port.disk.write(name, text));
            }
            Place::Bucket => {
                let sea = self.port.sea.lock();
                let mut world = sea.world.lock().unwrap();
                for key in world.keys(BUCKET) {
                    if key.strip_prefix("prod/").is_some_and(|name| !is_wanted(name)) {
                        world.delete_object(BUCKET, &key);
                    }
                }
                for (name, text) in files {
                    let key = format!("prod/{name}");
                    if world.object(BUCKET, &key) != Some(text.as_slice()) {
                        world.put_object(BUCKET, &key, text.clone());
                    }
                }
            }
        }
    }

    /// One step: perhaps an event, then time passes, then everything is looked at.
    async fn step(&mut self) {
        if self.dice.u8(..10) < 4 {
            events::happen(self).await;
        }
        let factor = self.dice.choice([0.02, 0.1, 0.3, 1.0, 1.0, 2.0, 10.0]).unwrap_or(1.0);
        let factor = if self.dice.u8(..40) == 0 { 60.0 } else { factor };
        tokio::time::sleep(self.swarm.pace.mul_f64(factor)).await;
        self.bury().await;
        self.look();
    }

    /// Processes that died on the way are started anew.
    pub(crate) async fn bury(&mut self) {
        let dead = self.port.sea.lock().dead.clone();
        let gone: Vec<usize> =
            (0..self.ships.len()).filter(|at| dead.contains(&self.ships[*at].number)).collect();
        for at in gone.into_iter().rev() {
            let mut ship = self.ships.remove(at);
            ship.kill();
            self.start().await;
        }
    }

    /// The invariants that are not about a single call.
    fn look(&mut self) {
        if let Some(panic) = PANIC.take() {
            self.violated(format!("S20: {panic}"));
        }
        if self.dice.u8(..16) == 0 {
            self.look_at_queues();
            if let Some(fault) = self.port.board.fault() {
                self.violated(format!("S18: the lease: {fault}"));
            }
        }
        let late = std::mem::take(&mut self.port.sea.lock().touched);
        late.into_iter().for_each(|touched| self.excuse_what_was(touched));
        let (revision, things) = {
            let mut sea = self.port.sea.lock();
            let (now, things) = (sea.now(), sea.things());
            let revision = sea.world.lock().unwrap().revision();
            sea.witness.look(now, &things);
            let sea = &mut *sea;
            sea.claims.note(&things, &sea.witness.documents_of);
            for ship in self.ships.iter().filter(|ship| !ship.is_frozen) {
                let statuses = ship.harbour.engine.statuses();
                if let Some(wrong) = sea.claims.look(now, ship.number, &statuses, &things) {
                    sea.witness.violated(wrong);
                }
            }
            (revision, things)
        };
        if std::mem::replace(&mut self.revision, revision) != revision {
            self.look_whether_it_serves(&things);
        }
    }

    /// Of two leaders' twins one goes when the other one holds all of it; AWS may still be deploying that.
    fn is_being_deployed(&self, apis: &[&truth::Thing], things: &truth::Things) -> bool {
        let stands_there = |thing: &truth::Thing| apis.iter().any(|api| thing.api.as_ref() == Some(&api.id));
        let mut stages = things.values().filter(|it| it.collection == "stages" && stands_there(it));
        self.swarm.has(Fault::Leaders) && stages.any(|stage| stage.text("deploymentId").is_empty())
    }

    fn look_at_queues(&self) {
        for ship in &self.ships {
            let shown = ship.harbour.engine.picture();
            if shown.queue.depth > shown.documents.len() + 64 {
                self.violated(format!(
                    "S12: {} keys are due of {} documents",
                    shown.queue.depth,
                    shown.documents.len()
                ));
            }
        }
    }

    pub(crate) fn violated(&self, what: String) {
        self.port.sea.lock().witness.violated(what);
    }

    /// S4: what served goes on serving, unless somebody takes a part of it away.
    fn look_whether_it_serves(&mut self, things: &truth::Things) {
        for stack in 0..self.swarm.stacks {
            if Part::ALL.iter().any(|part| self.fleet.says(stack, *part).is_none()) {
                self.serving.remove(&stack);
                continue;
            }
            if self.excused_until.get(&stack).is_some_and(|until| self.port.sea.lock().now() < *until) {
                continue;
            }
            let document = crate::fleet::key(stack, Part::Api);
            let apis: Vec<&truth::Thing> = things
                .values()
                .filter(|t| t.collection == "apis" && t.document() == Some(&document))
                .collect();
            // One in turn may go to a task that has just stopped and is still registered: that is AWS's own gap.
            let tries = apis.iter().flat_map(|api| std::iter::repeat_n(*api, TASKS_MAX));
            let answers: BTreeSet<(u16, String)> = tries.map(|api| self.get(&api.id)).collect();
            if answers.iter().any(|(status, _)| *status == 200) {
                self.serving.insert(stack);
            } else if self.serving.contains(&stack) && !self.is_being_deployed(&apis, things) {
                self.violated(format!("S4: stack {stack} served and does not any more: {answers:?}"));
            }
        }
    }

    /// Something happened that may end the serving of a stack, and is nobody's fault.
    pub(crate) fn excuse(&mut self, stack: usize) {
        self.serving.remove(&stack);
        self.excused_until.insert(stack, self.port.sea.lock().now() + EXCUSED);
    }

    /// What somebody, or a call that came late, did to a stack.
    pub(crate) fn excuse_what_was(&mut self, touched: Touched) {
        match touched {
            Touched::Nothing => {}
            Touched::Stack(stack) => self.excuse(stack),
            Touched::Anything => self.excuse_all(),
        }
    }

    /// Or of any.
    pub(crate) fn excuse_all(&mut self) {
        (0..self.swarm.stacks).for_each(|stack| self.excuse(stack));
    }

    fn get(&self, api: &str) -> (u16, String) {
        let sea = self.port.sea.lock();
        let now = sea.now();
        let host = format!("{api}.execute-api.us-east-1.amazonaws.com");
        let request = Request {
            method: "GET".to_owned(),
            uri: "/".to_owned(),
            headers: vec![("host".to_owned(), host)],
            body: Vec::new(),
        };
        let response = sea.world.lock().unwrap().invoke(&request, now);
        (response.status, String::from_utf8_lossy(&response.body).into_owned())
    }

    /// The faults stop, the documents are whole, the operator does what the statuses ask for.
    async fn calm_down(&mut self) {
        self.fleet.close();
        {
            let mut sea = self.port.sea.lock();
            sea.is_calm = true;
            let now = sea.now();
            sea.claims.are_calm(now);
            sea.world.lock().unwrap().faults().clear();
        }
        self.note("calm");
        self.port.disk.is_away_until(Duration::ZERO);
        self.port.disk.deny(BTreeSet::new());
        self.port.board.is_down(false);
        self.port.sea.lock().lease_is_down = false;
        self.publish();
        for at in 0..self.ships.len() {
            self.freeze(at, false);
            self.ships[at].harbour.keys.renew("test");
        }
        if self.ships.is_empty() {
            self.start().await;
        }
        // Whatever was under way is over; another account's credentials the SDK keeps for a quarter of an hour.
        let over = if self.swarm.has(Fault::Account) { 1_020 } else { 120 };
        tokio::time::sleep(Duration::from_secs(over)).await;
        self.bury().await; // who died of a call that was under way
        if self.swarm.has(Fault::RolloutFails) {
            // Before an operator rolls out again what failed: does anybody say that it is ready?
            tokio::time::sleep(self.swarm.options.resync + self.swarm.lag).await;
            self.look();
        }
        self.excuse_all();
        // A link that fell asleep shows with the next look; what is asked for is traffic, and that comes.
        hands::repair(&mut self.port.sea.lock(), false);
        if self.swarm.has(Fault::Idle) {
            tokio::time::sleep(self.swarm.options.resync + self.swarm.lag).await; // until all know what sleeps
        }
        let begun = tokio::time::Instant::now();
        let mut wrong = self.wrong();
        let mut helped = 0;
        while !wrong.is_empty() && begun.elapsed() < CONVERGES_WITHIN && !self.is_over() {
            if begun.elapsed().as_secs() >= helped {
                self.help(helped > 0);
                helped += 900;
            }
            tokio::time::sleep(Duration::from_secs(15)).await;
            self.look();
            wrong = self.wrong();
        }
        let told = wrong.len();
        wrong.retain(|line| !self.is_reported(line));
        if wrong.is_empty() && told > 0 {
            self.note("a twin of which a human has to decide stays, and is reported");
            return;
        }
        if !wrong.is_empty() {
            self.violated(format!("L1: it never came true:\n{}\n{}", wrong.join("\n"), self.describe()));
        }
        if !self.is_over() {
            self.silence().await;
        }
        if !self.is_over() {
            coda::play(self).await;
        }
    }

    /// Whether what is wrong there belongs to a stack of which every process says that there is a twin which is not its
    /// to remove: in a status, or of what a document left behind.
    fn is_reported(&self, wrong: &str) -> bool {
        let has_reported_twin = |stack: usize| {
            let keys = Part::ALL.map(|part| crate::fleet::key(stack, part));
            self.ships.iter().all(|ship| {
                let (statuses, left) =
                    (ship.harbour.engine.statuses(), ship.harbour.engine.picture().pruning);
                let of_it = statuses.values().filter(|status| keys.contains(&status.document.to_string()));
                let told =
                    of_it.flat_map(|s| s.notes.iter().map(|note| &note.reason).chain([&s.synced.reason]));
                let of_them = left.iter().filter(|left| keys.contains(&left.document.to_string()));
                told.chain(of_them.map(|left| &left.held.reason))
                    .any(|reason| reason.as_str() == "DuplicateInUse")
            })
        };
        let concerns =
            |stack: usize| Part::ALL.iter().any(|part| wrong.contains(&crate::fleet::name(stack, *part)));
        // The product's word is not enough.
        let (things, foreign) = {
            let mut sea = self.port.sea.lock();
            (sea.things(), sea.witness.foreign())
        };
        let needs_a_human = |stack: usize| {
            let document = crate::fleet::key(stack, Part::Api);
            let current = self.ships.iter().find_map(|ship| {
                let statuses = ship.harbour.engine.statuses();
                let status = statuses.values().find(|status| status.document.to_string() == document)?;
                status.outputs.get("id").cloned()
            });
            twins::need_a_human(&things, &foreign, &document, current.as_deref())
        };
        // What stands in such a twin has no place: whatever bears one of its names in another API may be its own.
        let may_be_its = wrong.contains(" is left over")
            && ["authorizers:", "routes:", "stages:"].iter().any(|kind| wrong.starts_with(kind));
        // What joined once has the next number.
        (0..=self.swarm.stacks)
            .any(|stack| (may_be_its || concerns(stack)) && has_reported_twin(stack) && needs_a_human(stack))
    }

    /// What an operator does who reads the statuses: mends in AWS what they tell of, and a word for what the fuse holds.
    /// Nobody asks for another look or another try: those come by themselves, but where people wrote against a process
    /// until it gave up.
    fn help(&mut self, is_late: bool) {
        let mut failed = hands::repair(&mut self.port.sea.lock(), is_late);
        let statuses = self.ships.iter().flat_map(|ship| ship.harbour.engine.statuses());
        // What AWS has given up is not tried again, whatever went well since.
        let given_up = statuses.filter(|(_, status)| status.synced.reason.as_str() == "RolledBack");
        failed.extend(given_up.map(|(key, _)| key.to_string()));
        if !failed.is_empty() {
            self.fleet.ask_for_others(&failed);
            self.note(format!("an operator asks for something else: {failed:?}"));
            self.publish();
        }
        for ship in &self.ships {
            let engine = &ship.harbour.engine;
            if let Some((_, documents)) = engine.held_together() {
                engine.acknowledge(&Acknowledgement::new(documents, ship.harbour.now()));
                self.port.sea.lock().witness.word_was_given = true;
            }
            for (key, status) in engine.statuses() {
                let quarrels = self.port.sea.lock().quarrels.get(&key.to_string()).copied();
                if status.synced.reason.as_str() == "NonConverging" && quarrels >= Some(GIVES_UP_AFTER) {
                    self.note(format!("an operator asks process {} to try {key} again", ship.number));
                    engine.look_at(&key);
                }
            }
        }
    }

    /// Where AWS, or what is said of it, is not as the documents ask.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let mut wrong = self.differences();
        let ids = truth::ids(&self.port.sea.lock().things());
        for ship in &self.ships {
            let statuses = ship.harbour.engine.statuses();
            if statuses.len() != self.fleet.parts.len() {
                wrong.push(format!("process {} shows {} documents", ship.number, statuses.len()));
            }
            let unlike =
                statuses.values().filter(|s| s.synced.status != Truth::True || s.ready.status != Truth::True);
            let stale = statuses.values().filter_map(|status| {
                let id = ids.get(&status.document.to_string())?;
                let told = status.outputs.get("id").filter(|told| *told != id)?;
                Some(format!(
                    "process {} tells of {} the id {told}, and it is {id}",
                    ship.number, status.document
                ))
            });
            wrong.extend(stale);
            wrong.extend(unlike.map(|status| {
                format!("process {} says of {}: {}", ship.number, status.document, status.synced.reason)
            }));
        }
        wrong
    }

    /// Where AWS is not as the documents ask.
    pub(crate) fn differences(&self) -> Vec<String> {
        let (things, foreign) = {
            let mut sea = self.port.sea.lock();
            (sea.things(), sea.witness.foreign())
        };
        truth::differences(&self.fleet, &things, &foreign)
    }

    /// Whatever is not as it should be, as the statuses say it.
    fn describe(&self) -> String {
        let good = "Synced True InSync (AWS equals the document), Ready True Ready (it has settled)";
        let said: Vec<String> = self.ships.iter().map(|ship| ship.harbour.describe()).collect();
        let lines = said.iter().flat_map(|text| text.lines()).filter(|line| !line.ends_with(good));
        let held = self.ships.iter().flat_map(|ship| ship.harbour.engine.picture().pruning);
        let held = held.map(|held| format!("{} {}: {}", held.document, held.id, held.held));
        let statuses = self.ships.iter().flat_map(|ship| ship.harbour.engine.statuses());
        let notes = statuses.flat_map(|(key, status)| {
            status.notes.into_iter().map(move |note| format!("{key} notes {note}")).collect::<Vec<_>>()
        });
        lines.map(str::to_owned).chain(held).chain(notes).collect::<Vec<_>>().join("\n")
    }
}
