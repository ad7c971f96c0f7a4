//! Whether requests are answered: the chain behind an entry, hop by hop, and the first that is broken. Pure.
//!
//! The chain follows the documents, for they say where requests are to go; each hop is judged by what was seen of its
//! resource. A hop that leads elsewhere than its document says is broken too. No kind is named here: which members lead
//! on, and what stands behind what, is a kind's [`Hop`].

mod gates;
mod registry;

use std::collections::BTreeSet;

use serde::Serialize;

use self::registry::Counted;
use crate::{
    Cause, Condition, Desired, Guard, Key, Life, Network, Object, Readiness, Reason, Seen, Status, Truth,
    path,
};

/// The part that resources of a kind have in a chain. A kind without one is no hop.
#[derive(Debug)]
pub struct Hop {
    /// What people call it, for example `VPC link`.
    pub label: &'static str,
    /// The station of the picture that it is drawn in; several hops may share one.
    pub station: &'static str,
    /// Requests enter here: documents of the kind show `Serving`.
    pub is_entry: bool,
    /// Kinds beside an entry, of whose resources one must be well: what makes its siblings reachable.
    pub served_by: &'static [&'static str],
    /// Members through which requests go on, in their order.
    pub leads_on: &'static [&'static str],
    /// Kinds whose resources enter themselves in this one; one of them must be well.
    pub entered_by: &'static [&'static str],
    /// The output that says how many there are of what answers: `instances` of a registry, `tasks` of a service.
    pub count: Option<(&'static str, &'static str)>,
    /// What a resource that serves its siblings puts before their paths.
    pub prefix: fn(&Object) -> String,
    /// What keeps a live resource from serving although it has settled: from what was seen, and what is shown.
    pub fault: fn(&Object, Option<&Status>) -> Option<Cause>,
    /// The security groups that requests go out of or come in by, where there are any; the second one is the registry
    /// that the resource was found by.
    pub guard: fn(&Object, Option<&Object>) -> Option<Guard>,
}

impl Hop {
    /// A hop that ends a chain.
    pub const fn new(label: &'static str) -> Hop {
        Hop {
            label,
            station: label,
            is_entry: false,
            served_by: &[],
            leads_on: &[],
            entered_by: &[],
            count: None,
            prefix: |_| String::new(),
            fault: |_, _| None,
            guard: |_, _| None,
        }
    }
}

/// How the entries of a registry are, as it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// In use.
    pub healthy: usize,
    /// Left out.
    pub unhealthy: usize,
    /// Nobody checks them: in use.
    pub unknown: usize,
}

/// What a chain may look at.
pub trait Scene {
    /// The part of a kind.
    fn hop(&self, kind: &str) -> Option<&'static Hop>;
    /// A document that is worked on.
    fn desired(&self, key: &Key) -> Option<&Desired>;
    /// What is shown of a document.
    fn status(&self, key: &Key) -> Option<&Status>;
    /// A document's resource.
    fn seen(&self, key: &Key) -> Seen<&Object>;
    /// The resource of a kind with this id or ARN, wherever it stands, if it was seen.
    fn found(&self, kind: &str, id: &str) -> Option<&Object>;
    /// Every resource of a kind in a scope, if that is known.
    fn all(&self, kind: &str, scope: &str) -> Option<Vec<&Object>>;
    /// Documents that name this one.
    fn named_by(&self, key: &Key) -> Vec<Key>;
    /// Documents of a kind with the same parent.
    fn beside(&self, desired: &Desired, kind: &str) -> Vec<Key>;
    /// The health of a registry's entries, if it was asked for.
    fn health(&self, registry: &Object) -> Option<Result<Health, Cause>>;
    /// What EC2 said of security groups, if it was asked.
    fn network(&self) -> Option<Result<&Network, &Cause>>;
}

/// One hop as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HopSeen {
    /// What people call it.
    pub label: &'static str,
    /// The station of the picture that it is drawn in.
    pub station: &'static str,
    /// The kind.
    pub kind: String,
    /// Its document; `None`: it is not managed here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<Key>,
    /// AWS's id, where known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Whether requests get through it.
    pub status: Truth,
    /// Why.
    pub reason: Reason,
    /// The same as a sentence.
    pub message: String,
    /// It decides nothing: another one beside it is well, or nobody can say how it is, and need not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_spare: bool,
}

/// The chain behind an entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    /// From the outside to what answers.
    pub hops: Vec<HopSeen>,
    /// Registries whose own count says something else than what is behind them: their health is wanted.
    pub asks: Vec<(String, Object)>,
    /// Security groups, and subnets, whose rules and addresses are wanted.
    pub groups: BTreeSet<String>,
    /// As said.
    pub subnets: BTreeSet<String>,
}

impl Chain {
    /// Whether security groups let nobody through.
    pub fn is_closed(&self) -> bool {
        self.hops.iter().any(|hop| hop.label == gates::LABEL && hop.status == Truth::False)
    }
}

/// Follows the chain behind an entry.
pub fn chain(entry: &Key, scene: &dyn Scene) -> Chain {
    let mut walk = Walk { scene, chain: Chain::default(), sender: None, gates: Vec::new() };
    if let Some(desired) = scene.desired(entry) {
        if let Some(parent) = desired.parent() {
            walk.visit(parent, None);
        }
        walk.served(desired);
    }
    walk.visit(entry, None);
    walk.with_gates()
}

/// What a chain comes to: the first broken hop speaks, but for those that only wait for others; else the first of which
/// nobody knows.
pub fn serving(hops: &[HopSeen]) -> (Truth, Cause) {
    let needed = || hops.iter().filter(|hop| !hop.is_spare);
    let with = |truth: Truth| needed().find(|hop| hop.status == truth);
    let waits = |hop: &HopSeen| hop.reason.as_str() == "WaitingFor";
    let cause = needed().find(|hop| hop.status == Truth::False && !waits(hop));
    match cause.or_else(|| with(Truth::False)).or_else(|| with(Truth::Unknown)) {
        Some(hop) => (hop.status, Cause { reason: hop.reason.clone(), message: hop.told() }),
        None if hops.is_empty() => (Truth::Unknown, not_judged()),
        None => (Truth::True, Cause::new("Serving", "every hop works")),
    }
}

/// What the chains of several entries come to, for the document that asks for all of them; `None`: it has none.
pub fn serving_of_parts<'a>(
    parts: impl Iterator<Item = (&'a Key, Option<&'a Condition>)>,
) -> Option<(Truth, Cause)> {
    let rank = |(_, serving): &(&Key, Option<&Condition>)| match serving.map(|serving| serving.status) {
        Some(Truth::False) => 0,
        Some(Truth::Unknown) | None => 1,
        Some(Truth::True) => 2,
    };
    let (key, serving) = parts.min_by_key(rank)?;
    Some(match serving {
        Some(Condition { status: Truth::True, .. }) => {
            (Truth::True, Cause::new("Serving", "every hop of every route works"))
        }
        Some(serving) => {
            let message = format!("{key}: {}", serving.message);
            (serving.status, Cause { reason: serving.reason.clone(), message })
        }
        None => (Truth::Unknown, not_judged()),
    })
}

fn not_judged() -> Cause {
    Cause::new("NotJudged", "the chain has not been followed yet")
}

impl HopSeen {
    /// The hop by name, and why it is as it is.
    pub fn told(&self) -> String {
        let name = match &self.document {
            Some(key) => key.to_string(),
            None => format!("{} {}", self.label, self.id),
        };
        format!("{name}: {}", self.message)
    }

    fn judged(mut self, (truth, cause): (Truth, Cause)) -> Self {
        (self.status, self.reason, self.message) = (truth, cause.reason, cause.message);
        self
    }
}

struct Walk<'a> {
    scene: &'a dyn Scene,
    chain: Chain,
    /// The hop that requests leave into the network by, and its security groups.
    sender: Option<(usize, Guard)>,
    /// Hops that are reached by it, and whether the security groups let it.
    gates: Vec<(usize, HopSeen)>,
}

impl<'a> Walk<'a> {
    /// Adds a document's hop and all behind it. `seen`: the resource that the hop before leads to.
    fn visit(&mut self, key: &Key, seen: Option<&'a Object>) {
        let Some(hop) = self.scene.hop(&key.kind) else { return };
        let seen = seen.map_or_else(|| self.scene.seen(key), Seen::Present);
        let at = self.push(hop, Some(key), &key.kind, &seen);
        let (Some(desired), Some(object)) = (self.scene.desired(key), seen.present().copied()) else {
            self.behind_missing(key, hop);
            return;
        };
        for member in hop.leads_on {
            self.lead_on(at, desired, object, member);
        }
        if !hop.entered_by.is_empty() {
            self.entered(at, hop, key, object);
        }
    }

    /// What is behind a resource that was not seen is told of all the same, as far as documents say.
    fn behind_missing(&mut self, key: &Key, hop: &Hop) {
        let Some(desired) = self.scene.desired(key) else { return };
        for reference in &desired.references {
            if hop.leads_on.contains(&reference.path.as_str()) {
                self.visit(&reference.target, None);
            }
        }
        for other in self.scene.named_by(key) {
            if hop.entered_by.contains(&other.kind.as_str()) {
                self.visit(&other, None);
            }
        }
    }

    fn push(&mut self, hop: &Hop, key: Option<&Key>, kind: &str, seen: &Seen<&Object>) -> usize {
        let status = key.and_then(|key| self.scene.status(key));
        let (truth, cause) = match seen {
            Seen::Present(object) => judge(hop, object, status),
            Seen::Absent => (Truth::False, missing(status)),
            Seen::Unknown(cause) => (Truth::Unknown, cause.clone()),
        };
        let id = seen.present().map(|object| object.id.clone()).unwrap_or_default();
        self.chain.hops.push(HopSeen {
            label: hop.label,
            station: hop.station,
            kind: kind.to_owned(),
            document: key.cloned(),
            id,
            status: truth,
            reason: cause.reason,
            message: cause.message,
            is_spare: false,
        });
        let at = self.chain.hops.len() - 1;
        if let Some(guard) = seen.present().and_then(|object| (hop.guard)(object, None)) {
            self.sender = Some((at, guard));
        }
        at
    }

    /// Goes on to what a member names.
    fn lead_on(&mut self, at: usize, desired: &Desired, object: &Object, member: &str) {
        let table = desired.table;
        let value = path::get_member(&object.members, member).and_then(|value| value.as_str());
        let fields = || table.references.iter().filter(|reference| reference.member == member);
        let id = |template: &str| {
            let (before, after) = template.split_once("{}")?;
            // An ARN may carry `?attribute=value` filters.
            value?.strip_prefix(before)?.strip_suffix(after)?.split('?').next()
        };
        let target = desired.references.iter().find(|reference| reference.path == member);
        match target {
            Some(reference) => {
                let found =
                    id(reference.template).and_then(|id| self.scene.found(&reference.target.kind, id));
                let is_its = |found: &&Object| {
                    found.mark.present().is_some_and(|mark| mark.document == reference.target)
                };
                let own = self.scene.seen(&reference.target);
                let uses = |own: &&Object| {
                    object.uses.contains(&own.id)
                        || own.arn.as_ref().is_some_and(|arn| object.uses.contains(arn))
                };
                let leads_there = own.present().is_none_or(uses);
                match found.filter(is_its) {
                    // An earlier incarnation may still serve.
                    Some(found) => self.visit(&reference.target, Some(found)),
                    None => {
                        if !leads_there {
                            self.leads_elsewhere(at, member, &reference.target);
                        }
                        self.visit(&reference.target, None);
                    }
                }
            }
            None => {
                for (field, kind) in
                    fields().flat_map(|field| field.kinds.iter().map(move |kind| (field, *kind)))
                {
                    let found = id(field.template).and_then(|id| self.scene.found(kind, id));
                    if let (Some(hop), Some(found)) = (self.scene.hop(kind), found) {
                        self.push(hop, None, kind, &Seen::Present(found));
                    }
                }
            }
        }
    }

    fn leads_elsewhere(&mut self, at: usize, member: &str, target: &Key) {
        if let Some(hop) = self.chain.hops.get_mut(at).filter(|hop| hop.status == Truth::True) {
            let message = format!("its {member} leads elsewhere than to {target}");
            *hop = hop.clone().judged((Truth::False, Cause::new("LeadsElsewhere", message)));
        }
    }

    /// What makes the entry reachable: one of its siblings.
    fn served(&mut self, desired: &Desired) {
        let Some(hop) = self.scene.hop(&desired.key.kind) else { return };
        for kind in hop.served_by {
            let siblings = self.scene.beside(desired, kind);
            let first = self.chain.hops.len();
            siblings.iter().for_each(|key| self.visit(key, None));
            self.one_is_enough(first);
            let Some(sibling) = self.scene.hop(kind).filter(|_| siblings.is_empty()) else { continue };
            let scope = self.scene.seen(&desired.key).present().map(|object| object.scope.clone());
            let Some(all) = scope.and_then(|scope| self.scene.all(kind, &scope)) else { continue };
            let living: Vec<&Object> = all.into_iter().filter(|object| !object.is_leaving()).collect();
            for object in &living {
                self.push(sibling, None, kind, &Seen::Present(object));
            }
            if living.is_empty() {
                self.push(sibling, None, kind, &Seen::Absent);
            }
            self.one_is_enough(first);
        }
    }

    /// Of the hops from here on one that works is enough.
    fn one_is_enough(&mut self, first: usize) {
        let group = &mut self.chain.hops[first..];
        if group.iter().any(|hop| hop.status == Truth::True) {
            group.iter_mut().for_each(|hop| hop.is_spare = hop.status != Truth::True);
        }
    }

    /// What enters itself in a registry, and whether the registry says the same.
    fn entered(&mut self, at: usize, hop: &Hop, key: &Key, registry: &Object) {
        let behind: Vec<Key> = self.scene.named_by(key);
        let behind: Vec<Key> =
            behind.into_iter().filter(|other| hop.entered_by.contains(&other.kind.as_str())).collect();
        let first = self.chain.hops.len();
        for other in &behind {
            let at = self.chain.hops.len();
            self.visit(other, None);
            self.reached(at, other, registry);
        }
        self.one_is_enough(first);
        let Some((output, noun)) = hop.count else { return };
        let counts: Option<Vec<u64>> = behind.iter().map(|other| self.count(other)).collect();
        let running = counts.filter(|counts| !counts.is_empty()).map(|counts| counts.iter().sum());
        let noun_behind =
            behind.iter().find_map(|other| self.scene.hop(&other.kind)?.count).map(|(_, noun)| noun);
        let running = running.map(|count| Counted { count, noun: noun_behind.unwrap_or(noun) });
        let own = registry.outputs.get(output).and_then(|count| count.parse().ok());
        let health = self.scene.health(registry);
        let (verdict, asks) = registry::judge(noun, own, running, health);
        if asks {
            self.chain.asks.push((key.kind.clone(), registry.clone()));
        }
        if let Some(seen) = self.chain.hops.get_mut(at).filter(|seen| seen.status == Truth::True) {
            *seen = seen.clone().judged(verdict);
        }
    }

    fn count(&self, key: &Key) -> Option<u64> {
        let (output, _) = self.scene.hop(&key.kind)?.count?;
        match self.scene.seen(key) {
            Seen::Present(object) => object.outputs.get(output)?.parse().ok(),
            Seen::Absent => Some(0),
            Seen::Unknown(_) => None,
        }
    }
}

/// One resource by itself.
fn judge(hop: &Hop, object: &Object, status: Option<&Status>) -> (Truth, Cause) {
    let fault = (hop.fault)(object, status);
    match (&object.readiness, &object.life) {
        _ if fault.is_some() => (Truth::False, fault.unwrap_or_else(not_judged)),
        (Readiness::NotReady(cause), _) => (Truth::False, cause.clone()),
        // It changes and serves meanwhile: a roll-out keeps its old tasks.
        (Readiness::Settling(_) | Readiness::Ready, Life::Live) => {
            (Truth::True, Cause::new("Serving", "it works"))
        }
        (Readiness::Settling(cause), _) => (Truth::False, cause.clone()),
        (Readiness::Ready, _) => (Truth::False, Cause::new("NotLive", "it is not live")),
    }
}

/// Why there is no resource, by what is shown of its document.
fn missing(status: Option<&Status>) -> Cause {
    let shown = status.filter(|status| status.synced.status != Truth::True).map(|status| &status.synced);
    shown.map_or_else(
        || Cause::new("Missing", "there is none"),
        |shown| Cause { reason: shown.reason.clone(), message: shown.message.clone() },
    )
}

#[cfg(test)]
#[path = "tests/serving.rs"]
mod tests;
