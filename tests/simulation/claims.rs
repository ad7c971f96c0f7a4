//! What processes say of their documents while it is so or not: Synced of a version that AWS never had, Ready of what
//! is not. Both heal with the next look, so the end does not show them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hatoba_core::{Digest, Key, Status, Truth};

use crate::hands::is_stuck;
use crate::judge::version_of;
use crate::swarm::{Fault, Swarm};
use crate::truth::Things;

/// What a look has to be tried again for.
const TRYING: [Fault; 13] = [
    Fault::Fails,
    Fault::Hangs,
    Fault::Throttled,
    Fault::Conflict,
    Fault::Slow,
    Fault::Torn,
    Fault::Crash,
    Fault::Kill,
    Fault::Rolling,
    Fault::Leaders,
    Fault::SourceAway,
    Fault::Lease,
    Fault::Files,
];

/// What is claimed is judged by this.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    /// The version that each digest of a document stands for.
    versions: BTreeMap<(String, Digest), u64>,
    /// Versions of documents that AWS has had.
    shown: BTreeSet<(String, u64)>,
    was_ready: BTreeSet<String>,
    /// Since when something has been other than ready.
    unready: BTreeMap<String, Duration>,
    /// Since when each process has known what documents there are; before, it has nothing to look at.
    knows_since: BTreeMap<usize, Duration>,
    /// Nothing keeps a process from looking.
    may_look: bool,
    /// Calls may fail or take long, so that a look is put off.
    patience: Duration,
    resync: Duration,
    lag: Duration,
    /// How long a process may still not look when the faults are over.
    blind_for: Duration,
}

impl Claims {
    pub(crate) fn new(swarm: &Swarm) -> Claims {
        Claims {
            may_look: swarm.may_look(),
            patience: match TRYING.iter().any(|fault| swarm.has(*fault)) {
                true => swarm.options.resync + Duration::from_secs(300),
                false => Duration::from_secs(60),
            },
            blind_for: Duration::from_secs(match (swarm.has(Fault::Account), swarm.has(Fault::Throttled)) {
                (true, _) => 900,     // the SDK keeps another account's credentials for so long
                (false, true) => 600, // throttles have slowed everything down
                (false, false) => 0,
            }),
            resync: swarm.options.resync,
            lag: swarm.lag,
            ..Claims::default()
        }
    }

    /// A process has read a document of this version.
    pub(crate) fn are_of(&mut self, document: &str, digest: Digest, version: u64) {
        self.versions.insert((document.to_owned(), digest), version);
    }

    /// A process has read the source.
    pub(crate) fn know(&mut self, now: Duration, process: usize) {
        self.knows_since.entry(process).or_insert(now);
    }

    /// The faults are over: from now on nothing keeps anybody from looking.
    pub(crate) fn are_calm(&mut self, now: Duration) {
        (self.may_look, self.patience) = (true, self.blind_for + Duration::from_secs(60));
        self.unready.values_mut().for_each(|since| *since = now);
    }

    /// AWS has these. What people took our mark off is still its document's.
    pub(crate) fn note(&mut self, things: &Things, documents_of: &BTreeMap<String, String>) {
        self.shown.extend(things.iter().filter_map(|(id, thing)| version_of(thing, documents_of.get(id))));
    }

    /// Between two steps.
    pub(crate) fn look(
        &mut self,
        now: Duration,
        process: usize,
        statuses: &BTreeMap<Key, Status>,
        things: &Things,
    ) -> Option<String> {
        let early = self.is_early(process, statuses);
        self.look_whether_ready(now, process, statuses, things).or(early)
    }

    /// S13: in sync is what AWS has had since somebody asked for it.
    fn is_early(&self, process: usize, statuses: &BTreeMap<Key, Status>) -> Option<String> {
        let in_sync = statuses.values().filter(|status| status.synced.status == Truth::True);
        let claims = in_sync.filter_map(|status| {
            let document = status.document.to_string();
            let version = *self.versions.get(&(document.clone(), status.observed_digest.clone()))?;
            Some((document, version))
        });
        let (document, version) = claims.into_iter().find(|claim| !self.shown.contains(claim))?;
        Some(format!(
            "S13: process {process} says that version {version} of {document} is in sync, which AWS never had"
        ))
    }

    /// S13: Ready is what is ready. What nobody has looked at for long may be otherwise by now.
    fn look_whether_ready(
        &mut self,
        now: Duration,
        process: usize,
        statuses: &BTreeMap<Key, Status>,
        things: &Things,
    ) -> Option<String> {
        let mut unready = BTreeSet::new();
        for (id, thing) in things.iter().filter(|(_, thing)| !thing.is_leaving()) {
            // One that lost its interfaces is PENDING once more, and nobody need have seen that.
            let is_made = !self.was_ready.contains(id) && thing.text("vpcLinkStatus") == "PENDING";
            let is_poor = match thing.collection {
                "vpcLinks" => thing.text("vpcLinkStatus") != "AVAILABLE",
                "tasks" => is_stuck(thing), // the tasks of before may all run
                _ => false,
            };
            if !is_poor {
                self.was_ready.insert(id.clone());
                continue;
            }
            unready.insert(id.clone());
            let since = *self.unready.entry(id.clone()).or_insert(now);
            let Some(document) = thing.document() else { continue };
            let status =
                statuses.iter().find(|(key, _)| key.to_string() == document).map(|(_, status)| status);
            let Some(status) = status.filter(|status| status.ready.status == Truth::True) else { continue };
            let is_it = thing.collection == "tasks" || status.outputs.get("id") == Some(&thing.id);
            let has_looked = |knows_since: &Duration| {
                since.max(*knows_since) + self.resync + self.lag + self.patience < now
            };
            let is_known = is_made || self.may_look && self.knows_since.get(&process).is_some_and(has_looked);
            if is_it && is_known {
                return Some(format!(
                    "S13: process {process} says that {document} is ready, and {id} is not"
                ));
            }
        }
        self.unready.retain(|id, _| unready.contains(id));
        None
    }
}
