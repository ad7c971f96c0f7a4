//! The engine as others see it: status, metrics, health.

use std::collections::BTreeMap;
use std::time::Duration;

use hatoba_core::{Cause, Key, Status, Truth};
use hatoba_source::STILL_WRITTEN;
use tokio::time::Instant;

use crate::engine::{Engine, State};
use crate::memory::Phase;
use crate::permit::{Leadership, Turn, lease_unreachable};
use crate::shown::{DocumentShown, LeadershipShown, PruningShown, QueueShown, Shown, SourceShown};
use crate::sink::{Heartbeat, SourceSeen};
use crate::web::Picture;

/// Work that has been due for so long while no pass ended: nobody works any more.
const STUCK_SECONDS: f64 = 600.0;

impl Picture for Engine {
    fn shown(&self) -> Shown {
        let rogue_children = self.rogue_children();
        let now = Instant::now();
        let state = self.state();
        let (depth, oldest_seconds) = state.queue.depth(now);
        let noted = |reason: &str| {
            let notes = |status: &&Status| status.notes.iter().any(|note| note.reason.as_str() == reason);
            state.statuses.values().filter(notes).count()
        };
        let (nonconverging, paused) = (noted("NonConverging"), noted("Paused"));
        Shown {
            schema_version: crate::SCHEMA_VERSION,
            version: env!("CARGO_PKG_VERSION"),
            commit: crate::COMMIT,
            owner: self.options.owner.clone(),
            account: state.account.clone(),
            region: self.aws.region().to_owned(),
            leader: state.account.is_some() && !self.halt.is_cancelled() && self.permit.leads(),
            leadership: self.leadership_shown(),
            notices: self.notices_in(&state),
            started_at: self.started_at,
            source: source(self, &state),
            documents: documents(&state),
            pruning: pruning(&state, self.options.prune_grace),
            rogue_children,
            queue: QueueShown { depth, oldest_seconds, nonconverging, paused },
            last_full_resync: state.last_full_resync,
            quotas: self.budget.quotas(),
            events: state.events.clone(),
            apis_at: self.options.apis_at.clone(),
        }
    }

    fn metrics(&self) -> String {
        self.metrics.render(&self.shown(), self.clock.now())
    }

    fn is_healthy(&self) -> bool {
        let now = Instant::now();
        let state = self.state();
        let passes_end = now.saturating_duration_since(state.last_pass).as_secs_f64() < STUCK_SECONDS;
        passes_end || state.queue.depth(now).1 < STUCK_SECONDS
    }

    fn is_ready(&self) -> bool {
        let state = self.state();
        state.account.is_some() && state.source.snapshot.is_some() && self.permit.is_settled()
    }

    fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.published.subscribe()
    }

    fn reconcile_now(&self) {
        Engine::reconcile_now(self);
    }
}

impl Engine {
    /// Every status as it is now, for the sink.
    pub fn statuses(&self) -> BTreeMap<Key, Status> {
        self.state().statuses.clone()
    }

    /// Whether this process leads, or another one, as far as is known now.
    fn leadership_shown(&self) -> LeadershipShown {
        match self.permit.leadership() {
            Leadership::Unasked => LeadershipShown::Unasked,
            Leadership::StandsBy(leader) => LeadershipShown::StandsBy { leader },
            Leadership::Leads(_) if self.permit.leads() => LeadershipShown::Leads,
            Leadership::WithoutLease(..) if self.permit.leads() => LeadershipShown::WithoutLease,
            Leadership::Leads(_) | Leadership::WithoutLease(..) => LeadershipShown::StandsBy { leader: None },
        }
    }

    /// What people should know that concerns no document alone.
    fn notices_in(&self, state: &State) -> Vec<Cause> {
        let lease = match self.permit.leadership() {
            Leadership::WithoutLease(_, why) if self.permit.leads() => Some(lease_unreachable(&why)),
            _ => None,
        };
        let shared = state.owner_shared.as_ref().filter(|shared| shared.is_live);
        let held = state.pruning.values().flatten().map(|held| &held.held);
        let fuse = held.filter(|held| held.reason.as_str() == "FuseOpen").take(1); // it is one word for all of them
        lease.into_iter().chain(shared.map(|shared| shared.cause.clone())).chain(fuse.cloned()).collect()
    }

    /// Whether this process leads: only then it writes, to AWS and elsewhere.
    pub fn leads(&self) -> bool {
        self.permit.leads()
    }

    /// Tells the engine whether this process leads. Who takes over looks at everything first, at once.
    pub fn set_leadership(&self, leadership: Leadership) {
        let who = match &leadership {
            Leadership::StandsBy(Some(leader)) => leader.to_string(),
            _ => "nobody is known to lead".to_owned(),
        };
        let before = self.permit.leadership();
        let changed = before != leadership;
        let how = match &leadership {
            Leadership::WithoutLease(..) => "this process writes",
            _ => "this process leads",
        };
        let had = !matches!(before, Leadership::Unasked) && !self.halt.is_cancelled();
        match self.permit.set(leadership) {
            Turn::None => {}
            Turn::TakesOver => {
                tracing::info!(owner = self.options.owner, "{how}");
                self.ask_again_for_held();
                self.look_everywhere_anew();
                self.look_at_everything();
            }
            Turn::StandsBy => {
                if had {
                    tracing::warn!(
                        owner = self.options.owner,
                        "this process leads no more and writes nothing: {who}"
                    );
                }
                // Whoever leads now counts what it repairs.
                self.state().memory.values_mut().for_each(|memory| memory.drifting = false);
            }
        }
        if changed {
            self.published.send_modify(|count| *count += 1);
        }
    }

    /// Everything that is shown, as one picture.
    pub fn picture(&self) -> Shown {
        self.shown()
    }

    /// What `/metrics` answers.
    pub fn metrics_text(&self) -> String {
        self.metrics()
    }

    /// Resolves when something shown has changed since the last call.
    pub fn watch(&self) -> tokio::sync::watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// When each document was last compared with AWS.
    pub fn verified(&self) -> BTreeMap<Key, jiff::Timestamp> {
        let state = self.state();
        let verified = state.checked.desired.keys().chain(state.checked.wholes.keys());
        verified.filter_map(|key| Some((key.clone(), self.clock.date_of(state.verified_at(key)?)))).collect()
    }

    /// The daemon's sign of life, for beside the status documents; without the rogue children, which take longer to find.
    pub fn heartbeat(&self) -> Heartbeat {
        let state = self.state();
        let SourceShown { unreadable, error, .. } = source(self, &state);
        let notices = self.notices_in(&state);
        drop(state);
        Heartbeat {
            time: self.clock.now(),
            verified: self.verified(),
            source: SourceSeen { unreadable, error },
            notices,
            rogue_children: Vec::new(),
        }
    }

    /// Whether every document is as far as it gets by itself.
    pub fn is_settled(&self) -> bool {
        let state = self.state();
        let settled = |key: &Key| state.memory.get(key).is_some_and(|memory| memory.phase == Phase::Settled);
        state.queue.is_idle() && state.verify.is_empty() && state.checked.desired.keys().all(settled)
    }
}

/// What is still there though its document is gone. What waits for its users may wait for ever: then somebody must look.
fn pruning(state: &State, grace: Duration) -> Vec<PruningShown> {
    let is_overdue = |key: &Key| {
        let since = state.vanished.get(key).map(|vanished| vanished.since.elapsed());
        since.is_some_and(|since| since > grace.saturating_mul(2))
    };
    let shown = |(key, held): (&Key, &Vec<PruningShown>)| {
        let overdue = is_overdue(key);
        held.iter().map(|held| PruningShown { overdue, ..held.clone() }).collect::<Vec<_>>()
    };
    state.pruning.iter().flat_map(shown).collect()
}

fn source(engine: &Engine, state: &State) -> SourceShown {
    let snapshot = state.source.snapshot.as_deref();
    SourceShown {
        location: engine.options.location.clone(),
        revision: snapshot.map(|snapshot| snapshot.revision.to_string()),
        files: snapshot.map_or(0, |snapshot| snapshot.files),
        unreadable: snapshot
            .map(|s| s.unreadable.iter().map(|u| format!("{}: {}", u.file, u.reason)).collect())
            .unwrap_or_default(),
        // A file that cannot be read counts for the documents that it may hold; one that has just come is read in a moment.
        invalid: state.checked.held.len()
            + snapshot.map_or(0, |snapshot| {
                snapshot.unreadable.iter().filter(|file| file.reason != STILL_WRITTEN).count()
            }),
        diagnostics: state.checked.diagnostics.clone(),
        last_success: state.source.last_success,
        error: state.source.error.clone(),
    }
}

fn documents(state: &State) -> BTreeMap<Key, DocumentShown> {
    let read = state.source.snapshot.iter().flat_map(|snapshot| &snapshot.documents);
    let read = read.map(|document| (&document.key, document.places.file()));
    let held =
        state.checked.held.iter().filter_map(|(key, found)| Some((key, found.first()?.place.file.as_str())));
    // A part stands in the file of the document that asks for it.
    let parts = state
        .checked
        .wholes
        .values()
        .flat_map(|whole| whole.parts.keys().map(|part| (part, whole.file.as_str())));
    let files: BTreeMap<&Key, &str> = parts.chain(held).chain(read).collect();
    let shown = |(key, status): (&Key, &Status)| {
        let verified = state.verified_at(key);
        let shown = DocumentShown {
            status: status.clone(),
            verified_seconds_ago: verified.map(|at| at.elapsed().as_secs_f64()),
            file: files.get(key).copied().unwrap_or_default().to_owned(),
            chain: state.chains.get(key).cloned().unwrap_or_default(),
            entries: match state.checked.wholes.contains_key(key) {
                true => state.entries_of(key),
                false => Vec::new(),
            },
            is_held: status.synced.status == Truth::False
                && state.memory.get(key).is_some_and(|memory| memory.phase == Phase::Settled),
            probe: state.probes.get(key).map(|probed| probed.shown.clone()),
        };
        (key.clone(), shown)
    };
    state.statuses.iter().map(shown).collect()
}
