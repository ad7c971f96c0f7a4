//! Whether requests are answered: follows the chain behind every entry and publishes what it comes to.
//!
//! The invariant: **following a chain reads what is known already**. What is asked of AWS beside it is the health of a
//! registry's entries, and that only where its own count and what runs behind it disagree, and once in a resync the rules
//! of all security groups between what sends and what answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hatoba_core::{
    Cause, Chain, Desired, Health, Hop, HopSeen, Key, Network, Object, Scene, Seen, Status, Target, Truth,
    chain, fold_serving, serving,
};
use hatoba_kinds::{KindId, Whole};
use jiff::Timestamp;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, State};
use crate::inventory::Place;
use crate::network::Wanted;
use crate::shown::ProbeShown;
use crate::world::Checked;

/// Passes come in swarms: one look at the chains serves all of a moment.
const CALM: Duration = Duration::from_secs(1);
/// And it takes at most about a tenth of the time: without optimisation each chain costs a tenth of a millisecond.
const CALM_FOR_EACH: Duration = Duration::from_millis(1);
/// An answer about health counts for so long while it is good, and so long while it is not.
const WELL_LASTS: Duration = Duration::from_secs(60);
const ILL_LASTS: Duration = Duration::from_secs(15);

/// What was said of the health of a registry's entries, and when.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    at: Instant,
    said: Result<Health, Cause>,
}

impl Asked {
    fn until(&self) -> Instant {
        let is_well = self.said.as_ref().is_ok_and(|health| health.healthy + health.unknown > 0);
        self.at + if is_well { WELL_LASTS } else { ILL_LASTS }
    }
}

/// Whether documents of the kind show `Serving` by themselves.
pub(crate) fn is_entry(key: &Key) -> bool {
    hop_of(&key.kind).is_some_and(|hop| hop.is_entry)
}

fn hop_of(kind: &str) -> Option<&'static Hop> {
    KindId::of(kind).and_then(KindId::hop)
}

impl Engine {
    /// Follows the chains whenever something was looked at.
    pub(crate) async fn follow_chains(self: Arc<Self>, stop: CancellationToken) {
        let mut woken = self.wake.listen();
        loop {
            woken.catch_up();
            let again = self.ask_and_judge().await;
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = woken.rings() => {}
                () = sleep_until(again.unwrap_or_else(far)) => {}
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = sleep(self.calm()) => {}
            }
        }
    }

    fn calm(&self) -> Duration {
        let chains = u32::try_from(self.state().chains.len()).unwrap_or(u32::MAX);
        CALM.max(CALM_FOR_EACH.saturating_mul(chains))
    }

    /// Follows every chain, asks for the health that is wanted, and publishes. Returns when an answer gets old.
    pub(crate) async fn ask_and_judge(&self) -> Option<Instant> {
        let (wanted, rules) = self.judge_chains();
        let mut is_news = self.ask_network(&rules).await;
        for (kind, registry) in wanted.values() {
            let target = Target {
                kind: kind.clone(),
                scope: registry.scope.clone(),
                id: registry.id.clone(),
                arn: registry.arn.clone(),
            };
            let Some(kind) = KindId::of(kind) else { continue };
            let at = Instant::now();
            if self.state().healths.get(&registry.id).is_some_and(|asked| asked.until() > at) {
                continue;
            }
            let said = match kind.health(&self.aws, &target).await {
                Ok(health) => Ok(health.unwrap_or_default()),
                Err(error) => Err(error.cause()),
            };
            self.state().healths.insert(registry.id.clone(), Asked { at, said });
            is_news = true;
        }
        let rules = if is_news { self.judge_chains().1 } else { rules };
        let rules_until = self.network_until(&rules);
        let mut state = self.state();
        state.healths.retain(|id, _| wanted.contains_key(id));
        state.healths.values().map(Asked::until).chain(rules_until).min()
    }

    /// Judges every chain and publishes what it comes to; the registries whose health is wanted, by id, and what is
    /// wanted of the network.
    pub(crate) fn judge_chains(&self) -> (Registries, Wanted) {
        let checked = Arc::clone(&self.state().checked);
        if !checked.desired.keys().any(is_entry) {
            let mut state = self.state();
            state.followed = None;
            state.chains.clear();
            return (BTreeMap::new(), Wanted::default());
        }
        let (followed, is_new) = self.followed(&checked);
        let wanted = (followed.registries.clone(), followed.rules.clone());
        if !is_new {
            return wanted; // it was published
        }
        let now = self.clock.now();
        let mut state = self.state();
        let mut changed = BTreeSet::new();
        let mut is_news = false;
        for (key, chain) in &followed.chains {
            if state.note_serving(key, &chain.hops, now) {
                changed.insert(key.clone());
            }
            if state.chains.get(key) != Some(&chain.hops) {
                is_news = true;
                state.chains.insert(key.clone(), chain.hops.clone());
            }
        }
        state.chains.retain(|key, _| checked.desired.contains_key(key));
        let concerns =
            |whole: &Whole| whole.probe.is_some() || whole.parts.keys().any(|part| changed.contains(part));
        state.fold_wholes(concerns, now);
        drop(state);
        if is_news || !changed.is_empty() {
            self.published.send_modify(|count| *count += 1);
        }
        wanted
    }

    /// Every chain. They are followed anew only if something is known otherwise than the last time: most passes find
    /// that nothing has changed. Returns whether they were.
    fn followed(&self, checked: &Arc<Checked>) -> (Arc<Followed>, bool) {
        let revision = self.inventory.revision();
        let state = self.state();
        let before =
            state.followed.as_ref().filter(|before| before.known.is_still(checked, revision, &state));
        if let Some(before) = before {
            return (Arc::clone(before), false);
        }
        drop(state);
        let known = Known::of(self, checked);
        let entries = checked.desired.keys().filter(|key| is_entry(key));
        let chains = entries.map(|key| (key.clone(), chain(key, &known))).collect();
        let followed = Arc::new(Followed::new(known, chains));
        self.state().followed = Some(Arc::clone(&followed));
        (followed, true)
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

impl State {
    /// Takes over what a chain comes to; whether that is news.
    fn note_serving(&mut self, key: &Key, hops: &[HopSeen], now: Timestamp) -> bool {
        let Some(status) = self.statuses.get(key) else { return false };
        let (truth, cause) = self.with_probe(key, serving(hops));
        // What an earlier process said stands until this one has looked at everything.
        let is_early = truth == Truth::Unknown && self.last_full_resync.is_none();
        if is_early && status.serving.is_some() {
            return false;
        }
        let after = fold_serving(status, Some((truth, cause)), now);
        let is_news = after != *status;
        self.turns.tell(Some(status), &after, now);
        if is_news {
            self.statuses.insert(key.clone(), after);
        }
        is_news
    }
}

/// The chains behind all entries, and what they were followed by.
pub(crate) struct Followed {
    known: Known,
    chains: Vec<(Key, Chain)>,
    registries: Registries,
    rules: Wanted,
}

/// Registries whose health is wanted, with their kinds, by id.
type Registries = BTreeMap<String, (String, Object)>;

impl Followed {
    fn new(known: Known, chains: Vec<(Key, Chain)>) -> Followed {
        let all = || chains.iter().map(|(_, chain)| chain);
        let rules = Wanted {
            groups: all().flat_map(|chain| chain.groups.iter().cloned()).collect(),
            subnets: all().flat_map(|chain| chain.subnets.iter().cloned()).collect(),
            is_closed: all().any(Chain::is_closed),
        };
        let asks = all().flat_map(|chain| &chain.asks);
        let asks = asks.map(|(kind, registry)| (registry.id.clone(), (kind.clone(), registry.clone())));
        let registries = asks.collect();
        Followed { known, chains, registries, rules }
    }
}

/// What is known at one moment: chains come from nothing else.
struct Known {
    checked: Arc<Checked>,
    /// Of each hop's document.
    documents: BTreeMap<Key, Shown>,
    /// Which state of the inventory this is.
    revision: u64,
    listed: BTreeMap<Place, Vec<Object>>,
    /// By kind and by id or ARN: where it stands, and which one it is there.
    by_id: BTreeMap<(&'static str, String), (Place, usize)>,
    /// Which one an id is where it stands.
    in_place: BTreeMap<Place, BTreeMap<String, usize>>,
    /// Scopes whose newest list failed.
    failures: BTreeMap<Place, Cause>,
    named_by: BTreeMap<Key, Vec<Key>>,
    healths: BTreeMap<String, Result<Health, Cause>>,
    network: Option<Result<Network, Cause>>,
    /// What requests through chains came to.
    probes: BTreeMap<Key, ProbeShown>,
    /// Whether this process has looked at everything once.
    has_looked: bool,
}

/// What is shown of a document, and where its resource stands, and its id.
struct Shown {
    status: Option<Status>,
    place: Option<Place>,
    id: Option<String>,
}

impl Shown {
    fn is_still(&self, key: &Key, state: &State) -> bool {
        let memory = state.memory.get(key);
        self.status.as_ref() == state.statuses.get(key)
            && self.place.as_ref() == memory.and_then(|memory| memory.place.as_ref())
            && self.id.as_ref() == memory.and_then(|memory| memory.id.as_ref())
    }
}

impl Known {
    fn of(engine: &Engine, checked: &Arc<Checked>) -> Self {
        let is_hop = |key: &Key| hop_of(&key.kind).is_some();
        let state = engine.state();
        let shown = |key: &Key| {
            let memory = state.memory.get(key);
            Shown {
                status: state.statuses.get(key).cloned(),
                place: memory.and_then(|memory| memory.place.clone()),
                id: memory.and_then(|memory| memory.id.clone()),
            }
        };
        let of_hops = checked.desired.keys().filter(|key| is_hop(key));
        let documents: BTreeMap<Key, Shown> = of_hops.map(|key| (key.clone(), shown(key))).collect();
        let healths = state.healths.iter().map(|(id, asked)| (id.clone(), asked.said.clone())).collect();
        let network = state.network.as_ref().map(|said| said.network.clone());
        let probes = state.probes.iter().map(|(key, probed)| (key.clone(), probed.shown.clone())).collect();
        let has_looked = state.last_full_resync.is_some();
        drop(state);
        let (revision, listed) = engine.inventory.all_of(|kind| kind.hop().is_some());
        let mut by_id = BTreeMap::new();
        let mut in_place: BTreeMap<Place, BTreeMap<String, usize>> = BTreeMap::new();
        for (place, objects) in &listed {
            let here = in_place.entry(place.clone()).or_default();
            for (index, object) in objects.iter().enumerate() {
                here.insert(object.id.clone(), index);
                for id in [Some(&object.id), object.arn.as_ref()].into_iter().flatten() {
                    by_id.insert((place.0.table().kind, id.clone()), (place.clone(), index));
                }
            }
        }
        let known: BTreeSet<&Place> = documents.values().filter_map(|shown| shown.place.as_ref()).collect();
        let failure = |place: &&Place| Some(((*place).clone(), engine.inventory.failure(place)?.cause));
        let failures = known.iter().filter_map(failure).collect();
        let mut named_by: BTreeMap<Key, Vec<Key>> = BTreeMap::new();
        for (key, desired) in checked.desired.iter().filter(|(key, _)| is_hop(key)) {
            for target in
                desired.references.iter().map(|reference| &reference.target).collect::<BTreeSet<_>>()
            {
                named_by.entry(target.clone()).or_default().push(key.clone());
            }
        }
        let checked = Arc::clone(checked);
        Known {
            checked,
            documents,
            revision,
            listed,
            by_id,
            in_place,
            failures,
            named_by,
            healths,
            network,
            probes,
            has_looked,
        }
    }

    /// Whether all of it is known as it was.
    fn is_still(&self, checked: &Arc<Checked>, revision: u64, state: &State) -> bool {
        let healths = state.healths.iter().map(|(id, asked)| (id, &asked.said));
        Arc::ptr_eq(&self.checked, checked)
            && self.revision == revision
            && self.healths.iter().eq(healths)
            && self.network.as_ref() == state.network.as_ref().map(|said| &said.network)
            && self.probes.iter().eq(state.probes.iter().map(|(key, probed)| (key, &probed.shown)))
            && self.has_looked == state.last_full_resync.is_some()
            && self.documents.iter().all(|(key, shown)| shown.is_still(key, state))
    }
}

impl Scene for Known {
    fn hop(&self, kind: &str) -> Option<&'static Hop> {
        hop_of(kind)
    }

    fn desired(&self, key: &Key) -> Option<&Desired> {
        self.checked.desired.get(key)
    }

    fn status(&self, key: &Key) -> Option<&Status> {
        self.documents.get(key).and_then(|shown| shown.status.as_ref())
    }

    fn seen(&self, key: &Key) -> Seen<&Object> {
        let not_yet = || Seen::Unknown(Cause::new("NotJudged", "it has not been looked at yet"));
        let is_judged = self.status(key).is_some_and(|status| status.synced.status == Truth::False);
        let Some(Shown { place, id, .. }) = self.documents.get(key) else { return not_yet() };
        let Some(place) = place else { return if is_judged { Seen::Absent } else { not_yet() } };
        if let Some(cause) = self.failures.get(place) {
            return Seen::Unknown(cause.clone());
        }
        let index = id.as_ref().and_then(|id| self.in_place.get(place)?.get(id));
        match index.and_then(|index| self.listed.get(place)?.get(*index)) {
            Some(object) if !object.is_leaving() => Seen::Present(object),
            _ => Seen::Absent,
        }
    }

    fn found(&self, kind: &str, id: &str) -> Option<&Object> {
        let kind = KindId::of(kind)?.table().kind;
        let (place, index) = self.by_id.get(&(kind, id.to_owned()))?;
        self.listed.get(place)?.get(*index)
    }

    fn all(&self, kind: &str, scope: &str) -> Option<Vec<&Object>> {
        let place: Place = (KindId::of(kind)?, scope.to_owned());
        self.listed.get(&place).map(|objects| objects.iter().collect())
    }

    fn named_by(&self, key: &Key) -> Vec<Key> {
        self.named_by.get(key).cloned().unwrap_or_default()
    }

    fn beside(&self, desired: &Desired, kind: &str) -> Vec<Key> {
        self.checked.siblings(desired).filter(|key| key.kind == kind).cloned().collect()
    }

    fn health(&self, registry: &Object) -> Option<Result<Health, Cause>> {
        // What was said stands until the next answer, else it would be unknown for as long as each question takes. It is
        // asked for again when it gets old, and forgotten when nobody wants it any more.
        self.healths.get(&registry.id).cloned()
    }

    fn network(&self) -> Option<Result<&Network, &Cause>> {
        self.network.as_ref().map(Result::as_ref)
    }
}
