//! The engine's parts, and what it remembers between passes. Nothing here is needed again after a restart.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hatoba_core::{Cause, Desired, Digest, HopSeen, Key, MarkStyle, Outcome, Status, fold};
use hatoba_kinds::{Aws, KindId};
use hatoba_source::{STILL_WRITTEN, Snapshot, Unreadable};
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::chains::{Asked, Followed};
use crate::clock::Clock;
use crate::fuse::HeldBefore;
use crate::identity::Asking;
use crate::inventory::{Inventory, Place, Unlisted};
use crate::lanes::Lanes;
use crate::memory::{Memory, Phase};
use crate::metrics::Metrics;
use crate::namesakes::OwnerShared;
use crate::network::Said;
use crate::permit::{Permit, Way};
use crate::probe::Probed;
use crate::queue::{Priority, Queue};
use crate::roll::Roll;
use crate::shown::{EVENTS_MAX, Event, Origin, PruningShown};
use crate::signal::Signal;
use crate::turns::Turns;
use crate::unlisted::{EVERYWHERE_AGAIN, undiscovered};
use crate::vanished::Vanished;
use crate::world::{Checked, check};

/// How the engine runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Our owner name: the same in every mark.
    pub owner: String,
    /// Whether somebody gave that name on purpose; without it nothing is pruned.
    pub owner_is_explicit: bool,
    /// Where the documents come from, for people.
    pub location: String,
    /// How often everything is looked at; at least a second.
    pub resync: Duration,
    /// How long a document must be gone before its resources are deleted.
    pub prune_grace: Duration,
    /// How many documents may vanish at once before nothing is deleted.
    pub prune_limit: usize,
    /// The part of every AWS quota that we take, above 0 and at most 1.
    pub quota_share: f64,
    /// Passes that run at the same time.
    pub workers: usize,
    /// Documents above which only conditions that are not True become metrics.
    pub metric_documents_max: usize,
    /// Where a model of AWS serves the APIs, for the page's links: what stands before an API's id, with the slash. `None`:
    /// at their own addresses.
    pub apis_at: Option<String>,
    /// Seeds the dice for jitter.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            owner: "local".to_owned(),
            owner_is_explicit: false,
            location: String::new(),
            resync: Duration::from_secs(300),
            prune_grace: Duration::from_secs(600),
            prune_limit: 10,
            quota_share: 0.5,
            // Passes mostly wait: for AWS, and for slow quotas (a VPC link every 30 s). The budget paces calls.
            workers: 32,
            metric_documents_max: 2_000,
            apis_at: None,
            seed: 0,
        }
    }
}

/// Watches documents and keeps AWS as they say.
pub struct Engine {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) aws: Arc<Aws>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) permit: Arc<Permit>,
    pub(crate) asking: Asking,
    pub(crate) inventory: Inventory,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) state: Mutex<State>,
    /// Counts up when something is due, or the next due time moved.
    pub(crate) wake: Arc<Signal>,
    /// Somebody wants everything looked at now.
    pub(crate) resync_now: Notify,
    /// A status changed.
    pub(crate) published: tokio::sync::watch::Sender<u64>,
    /// One writer at a time for each API and each other resource.
    pub(crate) lanes: Lanes<String>,
    /// Whoever holds it is the worker that waits for the next key.
    pub(crate) turn: tokio::sync::Mutex<()>,
    pub(crate) started_at: Timestamp,
    /// No more keys are taken, and no more writes are sent.
    pub(crate) halt: CancellationToken,
    /// A loop ended that must not: the process is to be started anew.
    pub(crate) broken: AtomicBool,
}

/// What is known between passes.
pub(crate) struct State {
    pub(crate) checked: Arc<Checked>,
    pub(crate) source: SourceState,
    pub(crate) queue: Queue,
    pub(crate) statuses: BTreeMap<Key, Status>,
    pub(crate) outputs: BTreeMap<Key, BTreeMap<String, String>>,
    /// Documents whose resources are taken down to be made anew, with the outputs of the old ones.
    pub(crate) going: BTreeMap<Key, BTreeMap<String, String>>,
    pub(crate) memory: BTreeMap<Key, Memory>,
    pub(crate) vanished: BTreeMap<Key, Vanished>,
    /// How many documents stayed while those vanished: what came later does not make up for what went.
    pub(crate) stayed: usize,
    pub(crate) roll: Roll,
    /// When the first look at the source failed since the newest that counted.
    pub(crate) blind_since: Option<Instant>,
    pub(crate) pruning: BTreeMap<Key, Vec<PruningShown>>,
    /// Kinds whose scopes that only AWS knows of have not all been found and listed, and why.
    pub(crate) undiscovered: BTreeMap<KindId, Unlisted>,
    /// When every place that may hold resources of ours is looked at again, asked for or not.
    pub(crate) everywhere_due: Instant,
    /// Kinds whose scopes are looked for once more.
    pub(crate) sought: BTreeSet<KindId>,
    /// Why nobody knew how many documents vanished when they were counted last: some place had never been listed.
    pub(crate) unlisted: Option<Cause>,
    /// Another source has the same owner.
    pub(crate) owner_shared: Option<OwnerShared>,
    /// Vanished documents whose resources somebody lets go, and until when.
    pub(crate) acknowledged: Option<(BTreeSet<Key>, Instant)>,
    /// When a document came back that had been acknowledged: what was said before that counts no more.
    pub(crate) spent: Option<Timestamp>,
    /// What was held together before this process led.
    pub(crate) held_before: HeldBefore,
    /// Whether every place that may hold resources of ours had been listed when the vanished were counted last.
    pub(crate) is_counted: bool,
    /// When that was.
    pub(crate) counted_at: Option<Instant>,
    /// Whether the fuse was open when it was last looked at.
    pub(crate) was_open: bool,
    pub(crate) events: VecDeque<Event>,
    /// What stands behind each entry, as it was last followed.
    pub(crate) chains: BTreeMap<Key, Vec<HopSeen>>,
    /// The same, with what it was followed by.
    pub(crate) followed: Option<Arc<Followed>>,
    /// The health of registries' entries, by the registry's id, as it was asked for.
    pub(crate) healths: BTreeMap<String, Asked>,
    /// What EC2 said of the security groups in the chains.
    pub(crate) network: Option<Said>,
    /// What the log has said to be bad.
    pub(crate) turns: Turns,
    /// The newest request through each chain that a document asks for.
    pub(crate) probes: BTreeMap<Key, Probed>,
    pub(crate) dice: fastrand::Rng,
    /// The pinned account, once STS has told it.
    pub(crate) account: Option<String>,
    pub(crate) last_full_resync: Option<Timestamp>,
    /// When a pass ended last.
    pub(crate) last_pass: Instant,
    /// Scopes to be looked at once more because of a write.
    pub(crate) verify: BTreeMap<Place, Verify>,
    /// Documents that the running sweep has not reached yet.
    pub(crate) sweep_left: BTreeSet<Key>,
}

impl State {
    /// Queues every document that names this one, or follows its kind in the same parent.
    fn wake_dependents(&mut self, key: &Key) {
        let checked = Arc::clone(&self.checked);
        let now = Instant::now();
        for dependent in checked.dependents(key) {
            self.queue.add(dependent.clone(), Priority::Change, now);
        }
    }

    /// Whether a document's resource is on its way: it is worked on, or waits for documents that are.
    pub(crate) fn is_coming(&self, key: &Key) -> bool {
        let Some(desired) = self.checked.desired.get(key) else { return false };
        let waits_well = || {
            let missing = desired.references.iter().filter(|r| !self.outputs.contains_key(&r.target));
            missing.into_iter().all(|reference| self.is_coming(&reference.target))
        };
        match self.memory.get(key).map(|memory| memory.phase) {
            None | Some(Phase::Moving) => true,
            Some(Phase::Waiting) => waits_well(),
            Some(Phase::Settled) => false,
        }
    }
}

/// What is wrong with documents, in the log: whoever shows it in another way leaves it out there.
pub const FINDINGS: &str = "hatoba::findings";

/// Says in the log what is newly wrong with the source.
fn report(before: &Checked, checked: &Checked, unreadable_before: &[Unreadable], snapshot: &Snapshot) {
    for found in checked.diagnostics.iter().filter(|found| !before.diagnostics.contains(found)) {
        let (place, hint) = (found.place.to_string(), found.hint.as_deref().unwrap_or_default());
        let rule = found.rule.unwrap_or_default();
        tracing::warn!(target: FINDINGS, place, path = found.path, rule, hint, "{}", found.message);
    }
    for file in snapshot.unreadable.iter().filter(|file| !unreadable_before.contains(file)) {
        if file.reason != STILL_WRITTEN {
            tracing::warn!(
                target: FINDINGS,
                file = file.file,
                reason = file.reason,
                "the file cannot be read; what it said last stays, and nothing is deleted"
            );
        }
    }
}

/// The source as last read.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceState {
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    pub(crate) error: Option<Cause>,
    pub(crate) last_success: Option<Timestamp>,
}

impl SourceState {
    /// Whether the newest look was complete and no file in it is unreadable.
    pub(crate) fn is_complete(&self) -> bool {
        self.error.is_none() && self.snapshot.as_ref().is_some_and(|snapshot| snapshot.is_complete())
    }

    /// Whether the absence of a document means anything: no file is just being written either.
    pub(crate) fn tells_what_is_absent(&self) -> bool {
        self.is_complete() && self.snapshot.as_ref().is_some_and(|snapshot| !snapshot.is_settling)
    }
}

/// A scope that was written to is looked at once more: when, on a list begun no earlier than this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verify {
    pub(crate) due: Instant,
    pub(crate) listed_after: Instant,
}

impl State {
    /// An acknowledgement is for one absence: a document that is back takes it with it.
    fn spend_the_word(&mut self, now: Timestamp) {
        let is_back =
            |(documents, _): &(BTreeSet<Key>, Instant)| documents.iter().any(|key| self.checked.exists(key));
        if self.acknowledged.as_ref().is_some_and(is_back) {
            self.acknowledged = None;
            self.spent = Some(now);
        }
    }
}

impl Engine {
    /// An engine that has read nothing yet. `statuses`: what was shown before a restart; only hints.
    pub fn new(
        options: Options,
        config: &aws_types::SdkConfig,
        clock: Clock,
        statuses: BTreeMap<Key, Status>,
    ) -> Arc<Engine> {
        let metrics = Arc::new(Metrics::new(options.metric_documents_max));
        let budget = Arc::new(Budget::new(options.quota_share, Arc::clone(&metrics)));
        let permit = Arc::new(Permit::new(config.region().map_or("", |region| region.as_ref())));
        let way = Way { budget: Arc::clone(&budget), permit: Arc::clone(&permit) };
        let aws = Arc::new(Aws::new(&crate::sdk::settle(config), Arc::new(way)));
        let state = State {
            checked: Arc::default(),
            source: SourceState::default(),
            queue: Queue::default(),
            statuses,
            outputs: BTreeMap::new(),
            going: BTreeMap::new(),
            memory: BTreeMap::new(),
            vanished: BTreeMap::new(),
            stayed: 0,
            roll: Roll::new(Instant::now()),
            blind_since: None,
            pruning: BTreeMap::new(),
            undiscovered: undiscovered().collect(),
            everywhere_due: Instant::now() + EVERYWHERE_AGAIN, // the first look is due in any case
            sought: BTreeSet::new(),
            unlisted: None,
            owner_shared: None,
            acknowledged: None,
            spent: None,
            held_before: HeldBefore::default(),
            is_counted: false,
            counted_at: None,
            was_open: false,
            events: VecDeque::new(),
            chains: BTreeMap::new(),
            followed: None,
            healths: BTreeMap::new(),
            network: None,
            turns: Turns::default(),
            probes: BTreeMap::new(),
            dice: fastrand::Rng::with_seed(options.seed),
            account: None,
            last_full_resync: None,
            last_pass: Instant::now(),
            verify: BTreeMap::new(),
            sweep_left: BTreeSet::new(),
        };
        Arc::new(Engine {
            inventory: Inventory::new(Arc::clone(&aws), Arc::clone(&permit)),
            started_at: clock.now(),
            options,
            clock,
            aws,
            budget,
            permit,
            asking: Asking::default(),
            metrics,
            state: Mutex::new(state),
            wake: Arc::default(),
            resync_now: Notify::new(),
            published: tokio::sync::watch::Sender::new(0),
            lanes: Lanes::default(),
            turn: tokio::sync::Mutex::default(),
            halt: CancellationToken::new(),
            broken: AtomicBool::new(false),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the workers look at the queue.
    pub(crate) fn wake(&self) {
        self.wake.ring();
    }

    /// Takes a look at the source over that took no time.
    pub fn accept(&self, snapshot: Snapshot) {
        self.accept_as_of(snapshot, Instant::now());
    }

    /// Takes a look at the source over, begun then. What did not change is not worked on.
    pub fn accept_as_of(&self, snapshot: Snapshot, begun: Instant) {
        let now = Instant::now();
        self.state().count_the_absent(&snapshot, begun, self.options.prune_grace);
        self.wake();
        if self.is_unchanged(&snapshot) {
            let mut state = self.state();
            let could_not_be_read = state.source.error.take().is_some();
            state.source.last_success = Some(self.clock.now());
            drop(state);
            if could_not_be_read {
                self.note_orphans(); // that held them
                self.published.send_modify(|count| *count += 1);
            }
            return;
        }
        let checked = Arc::new(check(&snapshot));
        let mut state = self.state();
        let before = std::mem::replace(&mut state.checked, Arc::clone(&checked));
        let unreadable = state.source.snapshot.as_ref().map(|old| old.unreadable.clone()).unwrap_or_default();
        report(&before, &checked, &unreadable, &snapshot);
        let is_sure = snapshot.is_complete() && !snapshot.is_settling && !checked.is_doubtful();
        state.roll.call(&checked, is_sure, now);
        state.source = SourceState {
            snapshot: Some(Arc::new(snapshot)),
            error: None,
            last_success: Some(self.clock.now()),
        };
        for (key, desired) in &checked.desired {
            let changed = before.desired.get(key).is_none_or(|old| old.digest != desired.digest);
            if changed {
                let unjudged =
                    state.statuses.get(key).filter(|status| status.observed_digest != desired.digest);
                if let Some(shown) = unjudged {
                    let outcome = Outcome::unknown(Cause::new(
                        "NotJudged",
                        "the document changed and has not been compared yet",
                    ));
                    let status = fold(Some(shown), key, &desired.digest, outcome, self.clock.now());
                    state.statuses.insert(key.clone(), status);
                }
                let memory = state.memory.entry(key.clone()).or_default();
                memory.backoff.reset();
                memory.phase = Phase::Moving;
                memory.forget_fights();
                memory.failure = None;
                memory.polls = 0;
                // A parent lists the children that are ours by name.
                let lists_it = desired.parent().filter(|_| desired.table.marks == MarkStyle::Name);
                if let Some(lists_it) = lists_it {
                    state.memory.entry(lists_it.clone()).or_default().forget_fights(); // its list is another one now
                }
                for key in [Some(key), lists_it].into_iter().flatten() {
                    state.queue.add(key.clone(), Priority::Change, now);
                }
            }
        }
        for (key, found) in &checked.held {
            if before.held.get(key) != Some(found) {
                state.queue.add(key.clone(), Priority::Change, now);
            }
        }
        for key in checked.held_parts.keys().chain(&checked.assumed) {
            state.queue.add(key.clone(), Priority::Change, now);
        }
        for key in before.desired.keys().chain(before.held.keys()).filter(|key| !checked.exists(key)) {
            state.statuses.remove(key);
            state.outputs.remove(key);
            state.going.remove(key);
            state.queue.add(key.clone(), Priority::Change, now);
        }
        // Statuses of an earlier run may name documents that have gone since.
        state.statuses.retain(|key, _| checked.exists(key));
        state.turns.forget(|key| !checked.exists(key));
        state.vanished.retain(|key, _| !checked.exists(key));
        // While a document of the kind was held nobody knew what it asks for: only now its resource is known to be gone.
        let doubted: BTreeSet<&str> = before.held.keys().map(|held| held.kind.as_str()).collect();
        let was_doubtful = |key: &Key| before.is_doubtful() || doubted.contains(key.kind.as_str());
        let doubted = state.vanished.iter_mut().filter(|(key, _)| was_doubtful(key));
        doubted.for_each(|(_, vanished)| vanished.begin_anew(now));
        state.spend_the_word(self.clock.now());
        state.pruning.retain(|key, _| !checked.exists(key));
        state.fold_wholes(|_| true, self.clock.now());
        drop(state);
        // Resources without a name of their own are asked for, or not, by what the documents say now.
        self.note_orphans();
        self.published.send_modify(|count| *count += 1);
    }

    fn is_unchanged(&self, snapshot: &Snapshot) -> bool {
        let state = self.state();
        let same = |old: &Arc<Snapshot>| {
            let is_like = old.revision == snapshot.revision && old.unreadable == snapshot.unreadable;
            is_like && old.is_settling == snapshot.is_settling
        };
        state.source.snapshot.as_ref().is_some_and(same)
    }

    /// The source could not be read: what was known stays, and nothing is deleted.
    pub fn accept_error(&self, cause: Cause) {
        let mut state = self.state();
        state.source.error = Some(cause);
        state.blind_since.get_or_insert_with(Instant::now);
        drop(state);
        self.published.send_modify(|count| *count += 1);
    }

    /// Looks at everything again, now, and tries again what failed or was given up.
    pub fn reconcile_now(&self) {
        for memory in self.state().memory.values_mut() {
            memory.failure = None;
            memory.forget_fights();
        }
        self.resync_now.notify_one();
    }

    /// Looks at one document again, now, and tries again what failed or was given up.
    pub fn look_at(&self, key: &Key) {
        let now = Instant::now();
        let mut state = self.state();
        if !state.checked.exists(key) {
            tracing::warn!(document = %key, "somebody asks for a look at a document that is not there");
            return;
        }
        let whole =
            state.checked.wholes.get(key).map(|whole| whole.parts.keys().cloned().collect::<Vec<Key>>());
        for key in whole.unwrap_or_else(|| vec![key.clone()]) {
            let memory = state.memory.entry(key.clone()).or_default();
            memory.failure = None;
            memory.forget_fights();
            memory.not_before = Some(now);
            state.queue.add(key, Priority::Change, now);
        }
        drop(state);
        self.wake();
    }

    pub(crate) fn desired(&self, key: &Key) -> Option<Desired> {
        self.state().checked.desired.get(key).cloned()
    }

    pub(crate) fn publish(&self, desired: &Desired, outcome: Outcome) {
        self.publish_as(&desired.key, &desired.digest, outcome);
    }

    /// The one place where statuses change.
    pub(crate) fn publish_as(&self, key: &Key, digest: &Digest, outcome: Outcome) {
        let now = self.clock.now();
        let mut state = self.state();
        if !state.checked.exists(key) {
            return; // it vanished while its pass ran
        }
        let previous = state.statuses.get(key).cloned();
        let status = fold(previous.as_ref(), key, digest, outcome, now);
        if previous.as_ref() != Some(&status) {
            state.turns.tell(previous.as_ref(), &status, now);
            state.statuses.insert(key.clone(), status);
            state.fold_wholes(
                |whole| whole.parts.contains_key(key) || whole.outputs.iter().any(|o| o.of == *key),
                now,
            );
            drop(state);
            self.published.send_modify(|count| *count += 1);
        }
    }

    /// Makes a resource's outputs known, or takes them back; whoever names the document is looked at again.
    pub(crate) fn announce(&self, key: &Key, outputs: Option<BTreeMap<String, String>>) {
        let mut state = self.state();
        if state.outputs.get(key) == outputs.as_ref() || !state.checked.exists(key) {
            return;
        }
        match outputs {
            Some(outputs) => drop(state.outputs.insert(key.clone(), outputs)),
            None => drop(state.outputs.remove(key)),
        }
        state.wake_dependents(key);
        drop(state);
        self.wake();
    }

    /// A document's resource is taken down to be made anew, or (`None`) is not: whoever names it is looked at.
    pub(crate) fn announce_going(&self, key: &Key, outputs: Option<BTreeMap<String, String>>) {
        let mut state = self.state();
        if state.going.get(key) == outputs.as_ref() || !state.checked.exists(key) {
            return;
        }
        match outputs {
            Some(outputs) => drop(state.going.insert(key.clone(), outputs)),
            None => drop(state.going.remove(key)),
        }
        state.wake_dependents(key);
        drop(state);
        self.wake();
    }

    pub(crate) fn tell(&self, document: &Key, action: &str, id: &str, cause: &str) {
        tracing::info!(%document, action, id, cause, "changed");
        let origin = match self.desired(document) {
            Some(desired) if self.is_drift(&desired) => Origin::Drift,
            Some(_) => Origin::Document,
            None => Origin::Removal,
        };
        let event = Event {
            time: self.clock.now(),
            document: document.clone(),
            action: action.to_owned(),
            id: id.to_owned(),
            cause: cause.to_owned(),
            origin,
        };
        let mut state = self.state();
        state.events.push_front(event);
        state.events.truncate(EVENTS_MAX);
        drop(state);
        self.published.send_modify(|count| *count += 1);
    }

    pub(crate) fn kind(key: &Key) -> Option<KindId> {
        KindId::of(&key.kind)
    }
}
