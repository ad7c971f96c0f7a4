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
use crate::world::Checked;

/// Passes come in swarms: one look at the chains serves all of a moment.
const CALM: Duration = Duration::from_secs(1);
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
                () = sleep(CALM) => {}
            }
        }
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

    /// Follows every chain and publishes what it comes to; the registries whose health is wanted, by id, and what is
    /// wanted of the network.
    pub(crate) fn judge_chains(&self) -> (BTreeMap<String, (String, Object)>, Wanted) {
        let checked = Arc::clone(&self.state().checked);
        let entries: Vec<&Key> = checked.desired.keys().filter(|key| is_entry(key)).collect();
        if entries.is_empty() {
            return (BTreeMap::new(), Wanted::default());
        }
        let scene = Known::of(self, &checked);
        let followed: Vec<(&Key, Chain)> = entries.into_iter().map(|key| (key, chain(key, &scene))).collect();
        let rules = Wanted {
            groups: followed.iter().flat_map(|(_, chain)| chain.groups.iter().cloned()).collect(),
            subnets: followed.iter().flat_map(|(_, chain)| chain.subnets.iter().cloned()).collect(),
            is_closed: followed.iter().any(|(_, chain)| chain.is_closed()),
        };
        let asks = followed.iter().flat_map(|(_, chain)| &chain.asks);
        let wanted = asks.map(|(kind, registry)| (registry.id.clone(), (kind.clone(), registry.clone())));
        let wanted = wanted.collect();
        let now = self.clock.now();
        let mut state = self.state();
        let mut changed = BTreeSet::new();
        let mut is_news = false;
        for (key, chain) in followed {
            if state.note_serving(key, &chain.hops, now) {
                changed.insert(key.clone());
            }
            is_news |= state.chains.get(key) != Some(&chain.hops);
            state.chains.insert(key.clone(), chain.hops);
        }
        state.chains.retain(|key, _| checked.desired.contains_key(key));
        let concerns =
            |whole: &Whole| whole.probe.is_some() || whole.parts.keys().any(|part| changed.contains(part));
        state.fold_wholes(concerns, now);
        drop(state);
        if is_news || !changed.is_empty() {
            self.published.send_modify(|count| *count += 1);
        }
        (wanted, rules)
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
        if is_news {
            self.turns.tell(Some(status), &after);
            self.statuses.insert(key.clone(), after);
        }
        is_news
    }
}

/// What is known at one moment.
struct Known<'a> {
    engine: &'a Engine,
    checked: &'a Checked,
    statuses: BTreeMap<Key, Status>,
    /// Where each document's resource stands, and its id.
    places: BTreeMap<Key, (Option<Place>, Option<String>)>,
    objects: Vec<(Place, Object)>,
    /// The same by kind and by id or ARN.
    by_id: BTreeMap<(&'static str, String), usize>,
    /// And by where they stand.
    in_place: BTreeMap<(Place, String), usize>,
    /// Scopes whose newest list failed.
    failures: BTreeMap<Place, Cause>,
    named_by: BTreeMap<&'a Key, Vec<Key>>,
    healths: BTreeMap<String, Asked>,
    network: Option<Result<Network, Cause>>,
}

impl<'a> Known<'a> {
    fn of(engine: &'a Engine, checked: &'a Checked) -> Self {
        let is_hop = |key: &Key| hop_of(&key.kind).is_some();
        let state = engine.state();
        let of_hops = checked.desired.keys().filter(|key| is_hop(key));
        let statuses =
            of_hops.clone().filter_map(|key| Some((key.clone(), state.statuses.get(key)?.clone())));
        let statuses = statuses.collect();
        let place = |key: &Key| {
            let memory = state.memory.get(key);
            (memory.and_then(|m| m.place.clone()), memory.and_then(|m| m.id.clone()))
        };
        let places: BTreeMap<Key, _> = of_hops.map(|key| (key.clone(), place(key))).collect();
        let healths = state.healths.clone();
        let network = state.network.as_ref().map(|said| said.network.clone());
        drop(state);
        let objects = engine.inventory.all_of(|kind| kind.hop().is_some());
        let (mut by_id, mut in_place) = (BTreeMap::new(), BTreeMap::new());
        for (index, (place, object)) in objects.iter().enumerate() {
            for id in [Some(&object.id), object.arn.as_ref()].into_iter().flatten() {
                by_id.insert((place.0.table().kind, id.clone()), index);
            }
            in_place.insert((place.clone(), object.id.clone()), index);
        }
        let known: BTreeSet<&Place> = places.values().filter_map(|(place, _)| place.as_ref()).collect();
        let failure = |place: &&Place| Some(((*place).clone(), engine.inventory.failure(place)?.cause));
        let failures = known.iter().filter_map(failure).collect();
        let mut named_by: BTreeMap<&Key, Vec<Key>> = BTreeMap::new();
        for (key, desired) in checked.desired.iter().filter(|(key, _)| is_hop(key)) {
            for target in
                desired.references.iter().map(|reference| &reference.target).collect::<BTreeSet<_>>()
            {
                named_by.entry(target).or_default().push(key.clone());
            }
        }
        Known {
            engine,
            checked,
            statuses,
            places,
            objects,
            by_id,
            in_place,
            failures,
            named_by,
            healths,
            network,
        }
    }
}

impl Scene for Known<'_> {
    fn hop(&self, kind: &str) -> Option<&'static Hop> {
        hop_of(kind)
    }

    fn desired(&self, key: &Key) -> Option<&Desired> {
        self.checked.desired.get(key)
    }

    fn status(&self, key: &Key) -> Option<&Status> {
        self.statuses.get(key)
    }

    fn seen(&self, key: &Key) -> Seen<Object> {
        let not_yet = || Seen::Unknown(Cause::new("NotJudged", "it has not been looked at yet"));
        let is_judged = self.status(key).is_some_and(|status| status.synced.status == Truth::False);
        let Some((place, id)) = self.places.get(key) else { return not_yet() };
        let Some(place) = place else { return if is_judged { Seen::Absent } else { not_yet() } };
        if let Some(cause) = self.failures.get(place) {
            return Seen::Unknown(cause.clone());
        }
        let index = id.as_ref().and_then(|id| self.in_place.get(&(place.clone(), id.clone())));
        match index.map(|index| &self.objects[*index]) {
            Some((_, object)) if !object.is_leaving() => Seen::Present(object.clone()),
            _ => Seen::Absent,
        }
    }

    fn found(&self, kind: &str, id: &str) -> Option<Object> {
        let kind = KindId::of(kind)?.table().kind;
        let (_, object) = &self.objects[*self.by_id.get(&(kind, id.to_owned()))?];
        Some(object.clone())
    }

    fn all(&self, kind: &str, scope: &str) -> Option<Vec<Object>> {
        let place: Place = (KindId::of(kind)?, scope.to_owned());
        self.engine.inventory.view(&place).ok().map(|view| view.objects)
    }

    fn named_by(&self, key: &Key) -> Vec<Key> {
        self.named_by.get(key).cloned().unwrap_or_default()
    }

    fn beside(&self, desired: &Desired) -> Vec<Key> {
        self.checked.siblings(desired).cloned().collect()
    }

    fn health(&self, registry: &Object) -> Option<Result<Health, Cause>> {
        // What was said stands until the next answer, else it would be unknown for as long as each question takes. It is
        // asked for again when it gets old, and forgotten when nobody wants it any more.
        self.healths.get(&registry.id).map(|asked| asked.said.clone())
    }

    fn network(&self) -> Option<Result<&Network, &Cause>> {
        self.network.as_ref().map(Result::as_ref)
    }
}
