//! Requests that are sent through a chain every so often, where a document asks for them (`policy.probe`).
//!
//! They prove what no look at AWS can (security groups, the program in the task), and keep an idle VPC link from being
//! taken away. The invariant: **a probe is cheap and goes nowhere else**: only to the API's own address, one at a time
//! for each document, with the timeouts of all calls; no redirect is followed and no body is read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use hatoba_core::{Cause, HopSeen, Key, Probe, Truth};
use hatoba_kinds::KindId;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::chains::is_entry;
use crate::engine::{Engine, State};
use crate::shown::ProbeShown;

/// A bad answer is looked into again so soon, if the document does not ask for more.
const AGAIN: Duration = Duration::from_secs(30);
/// Whether one can be sent is looked at so often while none is due.
const LOOK: Duration = Duration::from_secs(5);
/// Sent at the same time.
const AT_ONCE: usize = 8;

/// The newest request through a chain.
#[derive(Clone, Debug)]
pub(crate) struct Probed {
    at: Instant,
    pub(crate) shown: ProbeShown,
}

impl Probed {
    /// When the next one is due.
    fn next(&self, probe: &Probe) -> Instant {
        let period = probe.period();
        self.at + if self.shown.is_good { period } else { period.min(AGAIN) }
    }
}

/// One that is due.
struct Due {
    key: Key,
    probe: Probe,
    url: String,
    path: String,
}

impl State {
    /// What the chain and the newest request through it come to: where every hop looks well, the answer speaks.
    pub(crate) fn with_probe(&self, key: &Key, found: (Truth, Cause)) -> (Truth, Cause) {
        match self.probes.get(key) {
            Some(probed) if found.0 == Truth::True && !probed.shown.is_good => {
                let message = format!(
                    "{}; every hop looks well: see the security groups (the tasks' must let the VPC link's in) and the \
                     tasks' log",
                    probed.shown.told()
                );
                (Truth::False, Cause::new("ProbeFailed", message))
            }
            _ => found,
        }
    }

    /// The probe that a document asks for.
    fn probe_of(&self, key: &Key) -> Option<&Probe> {
        let whole = self.checked.wholes.get(key).and_then(|whole| whole.probe.as_ref());
        whole.or_else(|| self.checked.desired.get(key)?.policy.probe.as_ref())
    }

    /// Entries of a document: itself, or those of its parts.
    pub(crate) fn entries_of(&self, key: &Key) -> Vec<Key> {
        match self.checked.wholes.get(key) {
            Some(whole) => whole.parts.keys().filter(|part| is_entry(part)).cloned().collect(),
            None => vec![key.clone()],
        }
    }

    /// Where requests to a document go, if its chain is not known to be broken.
    fn address(&self, key: &Key, prefix: impl Fn(&HopSeen) -> Option<String>) -> Option<(String, String)> {
        let entries = self.entries_of(key);
        let chains: Option<Vec<&Vec<HopSeen>>> = entries.iter().map(|entry| self.chains.get(entry)).collect();
        let chains = chains.filter(|chains| !chains.is_empty())?;
        let is_broken = |hop: &HopSeen| hop.status == Truth::False && !hop.is_spare;
        if chains.iter().any(|hops| hops.iter().any(is_broken)) {
            return None;
        }
        let parent = self.checked.desired.get(entries.first()?)?.parent()?;
        let url = self.outputs.get(parent)?.get("url")?.clone();
        let prefix = chains[0].iter().filter(|hop| !hop.is_spare).find_map(prefix);
        Some((url, prefix.unwrap_or_default()))
    }
}

impl Engine {
    /// Sends what is due, for as long as this process leads.
    pub(crate) async fn send_probes(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let (due, next) = self.due_probes();
            let sent = stream::iter(due).for_each_concurrent(AT_ONCE, |due| self.probe(due));
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = sent => {}
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = sleep_until(next) => {}
            }
        }
    }

    /// What is due now, and when to look again.
    fn due_probes(&self) -> (Vec<Due>, Instant) {
        let now = Instant::now();
        let mut state = self.state();
        let checked = Arc::clone(&state.checked);
        let keys: Vec<&Key> = checked
            .wholes
            .keys()
            .chain(checked.desired.keys())
            .filter(|key| state.probe_of(key).is_some())
            .collect();
        let wanted: BTreeMap<&Key, ()> = keys.iter().map(|key| (*key, ())).collect();
        // What this process found when it led is not what the leader finds.
        let leads = self.permit.leads();
        state.probes.retain(|key, _| leads && wanted.contains_key(key));
        if keys.is_empty() || !leads {
            return (Vec::new(), now + LOOK);
        }
        let prefix = |hop: &HopSeen| {
            let kind = KindId::of(&hop.kind)?;
            let place = state.memory.get(hop.document.as_ref()?)?.place.clone()?;
            let object = self.inventory.object(&place, &hop.id)?;
            Some((kind.hop()?.prefix)(&object)).filter(|prefix| !prefix.is_empty())
        };
        let mut due = Vec::new();
        let mut next = now + LOOK;
        for key in keys {
            let Some(probe) = state.probe_of(key).cloned() else { continue };
            let at = state.probes.get(key).map_or(now, |probed| probed.next(&probe));
            if at > now {
                next = next.min(at);
                continue;
            }
            if let Some((url, prefix)) = state.address(key, prefix) {
                let path = format!("{prefix}{}", probe.path);
                due.push(Due { key: key.clone(), probe, url, path });
            }
        }
        (due, next)
    }

    /// Sends one and takes note of the answer.
    async fn probe(&self, due: Due) {
        let Due { key, probe, url, path } = due;
        let at = Instant::now();
        let time = self.clock.now();
        let answer = self.aws.visit(&url, &path).await;
        let took = at.elapsed();
        let is_good = answer.as_ref().is_ok_and(|status| probe.expect.holds(*status));
        self.metrics.probed(&key.kind, is_good);
        let shown = ProbeShown {
            time,
            path,
            is_good,
            answer: answer.map_or_else(|error| error, |status| status.to_string()),
            expected: probe.expect.to_string(),
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        };
        let mut state = self.state();
        let was_good = state.probes.get(&key).is_none_or(|probed| probed.shown.is_good);
        if was_good != is_good {
            let answer = shown.told();
            match is_good {
                true => tracing::info!(document = %key, answer, "the probe is answered as expected again"),
                false => tracing::warn!(document = %key, answer, "the probe is not answered as expected"),
            }
        }
        state.probes.insert(key, Probed { at, shown });
        drop(state);
        self.judge_chains();
        self.published.send_modify(|count| *count += 1);
    }
}
