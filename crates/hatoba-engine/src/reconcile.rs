//! One pass over one document. Start reading here.
//!
//! ```text
//! key ─► observe ─► assess ─► step ─► execute ─► fold ─► publish ─► schedule
//! ```

use std::collections::BTreeSet;
use std::time::Duration;

use hatoba_core::{
    Action, Assessment, Cause, Desired, Digest, Fact, Facts, Field, Key, Lookup, Members, Object, Outcome,
    Seen, Sight, Step, Truth, Unresolved, Verdict, assess, forced, next,
};
use hatoba_kinds::{CallError, Interest, KindId};
use tokio::time::Instant;

use crate::clock::before;
use crate::engine::Engine;
use crate::ground::{Ground, ground};
use crate::inventory::{Place, View, marks_lie_in};
use crate::memory::{Memory, Phase};
use crate::schedule::Next;

/// A write, a delete too, is sent only on sight of the scope that is no older than this.
pub(crate) const SIGHT_LASTS: Duration = Duration::from_secs(60);
/// Looks for one write: the first, and one each for an old list and for old tags.
const LOOKS_MAX: usize = 4;
/// A lost create is looked for twice, this far apart, before it is sent again; twins likewise.
pub(crate) const SETTLES: Duration = Duration::from_secs(8);

impl Engine {
    /// One pass: the flow of the whole program.
    pub(crate) async fn reconcile(&self, key: &Key) -> Next {
        if let Some(next) = self.in_another_account(key) {
            return next;
        }
        let (Some(desired), Some(kind)) = (self.desired(key), Self::kind(key)) else {
            return self.without_document(key).await;
        };
        if let Some(next) = self.follow_operation(kind, &desired).await {
            return next;
        }
        let ground = match self.observe_facts(&desired).await {
            Ok(ground) => ground,
            Err(unresolved) => return self.unresolved(&desired, unresolved),
        };
        let place: Place = (kind, ground.resolved.scope.clone());
        let begun = Instant::now();
        let mut not_before = self.memory(key, |memory| memory.not_before.take());
        let mut all_marks = false;
        for _ in 0..LOOKS_MAX {
            self.look(&place, &desired, not_before).await;
            let copy = self.copy(&desired, &ground.resolved, not_before).await;
            let ground = Ground { resolved: copy.laid_over(&desired, &ground.resolved), ..ground.clone() };
            let filled = filled(kind, &desired, &ground.resolved.members);
            self.memory(key, |memory| memory.filled = Some(filled.clone()));
            let view = self.sight(&place, &desired).await;
            let mut assessment = self.assess(kind, &desired, &ground, &place, &view);
            copy.bear_on(&desired, &mut assessment);
            self.note_copy(key, &copy, &assessment, begun);
            let left = self.left_behind(&desired, &place);
            assessment.notes.extend(left);
            let said = assessment.current.map(|current| kind.notes(&desired.members, &current.members));
            assessment.notes.extend(said.unwrap_or_default());
            self.withhold(kind, &mut assessment).await;
            let mut leave = self.leave(&desired, &place, &view, &mut assessment);
            // What moves with something that is taken down is no drift.
            leave.is_drift &= ground.leaving.is_none() && ground.released.is_empty();
            let step = next(&desired, &assessment, &leave);
            let step = self.taken_down(&desired, &place, &assessment, step).await;
            let step = self.entered(&desired, &assessment, &leave, step).await;
            let step = self.gate(&desired, &place, &assessment, &view, step);
            let step = self.unused(&desired, &place, &assessment, step, not_before).await;
            self.note_reported(&desired, kind, &assessment, &step);
            let step = self.released(&desired, &assessment, step);
            // It may stand there under another name: nothing is made before every mark was read.
            if !all_marks && makes_beside_unread(&step, &view) {
                all_marks = true;
                let everything = Interest { everything: true, ..self.interest(&place, &desired) };
                self.list(&place, not_before, &everything).await;
                continue;
            }
            let writes = matches!(step, Step::Act(_) | Step::RemoveSurplus(_));
            if writes && let Some(at) = self.too_old(&desired, &place, &view, &assessment) {
                not_before = Some(at); // look again before the write
                continue;
            }
            let step = self.permitted(step).await;
            self.note_drift(&desired, &assessment);
            self.note_surrender(&desired, &assessment, &step);
            let result = match self.execute(kind, &desired, &place, &step, &assessment, &view).await {
                Ok(Some(at)) => {
                    not_before = Some(at);
                    continue;
                }
                result => result.map(|_| ()),
            };
            let failed = result.as_ref().err().map(CallError::cause);
            if let (Ok(()), Step::Act(Action::Delete(_)), Verdict::TakeDown(_, drift)) =
                (&result, &step, &assessment.verdict)
            {
                self.memory(key, |memory| match &mut memory.operation {
                    Some(operation) => operation.fields = forced(drift), // it has only begun
                    None => memory.fights.written(forced(drift)),
                });
            }
            let outcome = Outcome::of(&assessment, &step, failed);
            self.publish(&desired, Outcome { filled: Some(filled), ..outcome });
            let next = self.schedule(&desired, &assessment, &step, &view, result);
            return match next {
                Next::Rest => self.clear_left_behind(&desired, &place, &assessment).await,
                next => next,
            };
        }
        Next::Later // looking, or waiting, takes longer than sight lasts: AWS is slow or the quota is spent
    }

    /// Look-ups made, references filled in.
    async fn observe_facts(&self, desired: &Desired) -> Result<Ground, Unresolved> {
        let facts = Known { engine: self, failed: self.look_up(desired).await };
        let going = self.state().going.clone();
        ground(desired, &going, &facts)
    }

    /// Makes a document's look-ups, the VPC before what lies in it. Returns those that failed.
    pub(crate) async fn look_up(&self, desired: &Desired) -> Vec<(Lookup, Cause)> {
        let mut facts = Known { engine: self, failed: Vec::new() };
        for used in &desired.lookups {
            if let Some(vpc) = used.within.clone() {
                facts.look_up(vpc).await;
            }
            // A question without its VPC is none; resolving says why.
            if let Ok(lookup) = used.question(&facts) {
                facts.look_up(lookup).await;
            }
        }
        facts.failed
    }

    /// The same from what is known already.
    pub(crate) fn ground_now(&self, desired: &Desired) -> Result<Ground, Unresolved> {
        let going = self.state().going.clone();
        ground(desired, &going, &Known { engine: self, failed: Vec::new() })
    }

    fn unresolved(&self, desired: &Desired, unresolved: Unresolved) -> Next {
        let (outcome, phase, next) = match unresolved {
            Unresolved::Waiting(keys) => {
                let keys = keys.iter().map(Key::to_string).collect::<Vec<_>>().join(", ");
                (
                    Outcome::waiting(Cause::new("WaitingFor", format!("waits for {keys}"))),
                    Phase::Waiting,
                    Next::Rest,
                )
            }
            Unresolved::Unknown(cause) => (Outcome::unknown(cause), Phase::Moving, Next::Later),
            Unresolved::Stalled(cause) => (Outcome::waiting(cause), Phase::Settled, Next::Rest),
        };
        self.memory(&desired.key, |memory| memory.phase = phase);
        // What an earlier process said stands until this one has judged the document itself.
        if phase != Phase::Waiting || !self.is_starting(desired) {
            self.publish(desired, outcome);
        }
        next
    }

    /// Whether this process has not come round once, and the document is the one that was shown earlier.
    fn is_starting(&self, desired: &Desired) -> bool {
        let state = self.state();
        let shown = state.statuses.get(&desired.key).map(|status| &status.observed_digest);
        state.last_full_resync.is_none() && shown == Some(&desired.digest)
    }

    /// Lists what the assessment needs, where what is known is older than it may be.
    pub(crate) async fn look(&self, place: &Place, desired: &Desired, not_before: Option<Instant>) {
        let interest = self.interest(place, desired);
        if let Some(bearers) = marks_lie_in(place) {
            self.list(&bearers, not_before, &Interest::default()).await;
        }
        self.list(place, not_before, &interest).await;
    }

    /// The names that matter in a scope: its documents', and those of resources of ours.
    pub(crate) fn interest(&self, place: &Place, desired: &Desired) -> Interest {
        if !place.0.lists_by_name() {
            return Interest::default();
        }
        let checked = self.state().checked.clone();
        let scope = |of: &Desired| {
            let raw = of.table.scope_member.and_then(|member| of.members.get(member).cloned());
            (of.key.kind.clone(), of.parent().cloned(), raw)
        };
        let here = scope(desired);
        let siblings = checked.desired.values().filter(|other| scope(other) == here);
        let name = |of: &Desired| of.name().to_owned();
        let (mut names, mut details) = (BTreeSet::new(), BTreeSet::new());
        let mut everything = self.options.owner_is_explicit;
        for document in siblings.chain([desired]) {
            everything |= document.policy.adopt.is_some(); // what is taken over by its id may have any name
            let apart = document.table.fields.iter().filter(|field| field.read_apart);
            let states = |field: &Field| {
                document.members.contains_key(field.path)
                    || document.lookups.iter().any(|used| used.path == field.path)
            };
            // A revision that nobody marked shows what it holds only where it is to be taken over.
            let takes_over = document.policy.adopt.is_some() && document.table.replace.revisions().is_some();
            details.extend((takes_over || apart.clone().any(states)).then(|| name(document)));
            names.insert(name(document));
        }
        Interest { names, everything, details }
    }

    fn assess<'a>(
        &self,
        kind: KindId,
        desired: &Desired,
        ground: &Ground,
        place: &Place,
        view: &'a Result<View, Cause>,
    ) -> Assessment<'a> {
        let (remembered, last_incarnation) =
            self.memory(&desired.key, |memory| (memory.id.clone(), memory.last_incarnation));
        let checked = self.state().checked.clone();
        let sight = Sight {
            owner: &self.options.owner,
            objects: view.as_ref().map(|view| view.objects.iter().collect()).map_err(Clone::clone),
            remembered: remembered.as_deref(),
            last_incarnation,
            is_document: &|key| checked.may_exist(key),
            claimed: self.claimed(desired),
            used_by: &|object| self.used_by(kind, object),
            first: self.first(desired),
            named: self.named(kind, desired),
            leaving: ground.leaving.as_ref(),
            released: ground.released.clone(),
        };
        let assessment = assess(desired, &ground.resolved, &sight);
        self.remember(desired, place, &assessment);
        assessment
    }

    /// Documents of the same parent that go first, while they are on their way.
    fn first(&self, desired: &Desired) -> BTreeSet<Key> {
        if desired.table.follows.is_empty() {
            return BTreeSet::new();
        }
        let state = self.state();
        let follows = |key: &Key| desired.table.follows.contains(&key.kind.as_str());
        let siblings: Vec<&Key> = state.checked.siblings(desired).filter(|key| follows(key)).collect();
        // One that is there is enough; one that will not come by itself is not waited for.
        let is_there = |key: &&Key| state.memory.get(key).is_some_and(|memory| memory.id.is_some());
        if siblings.iter().any(is_there) {
            return BTreeSet::new();
        }
        siblings.into_iter().filter(|key| state.is_coming(key)).cloned().collect()
    }

    fn remember(&self, desired: &Desired, place: &Place, assessment: &Assessment<'_>) {
        let current = assessment.current;
        // What is only used is nobody's to remember: without a mark it must never be taken for ours.
        let is_used = desired.policy.uses_unmarked
            && assessment.verdict == Verdict::InSync
            && current.is_some_and(|current| current.mark == Seen::Absent);
        let lost = self.memory(&desired.key, |memory| {
            let mut lost = None;
            let before = memory.place.replace(place.clone()).filter(|before| before != place);
            // Only where it moved: what was known of a resource that is not seen now stays.
            if let Some(before) = before
                && let Some(id) = memory.id.take()
            {
                memory.left.insert((before, id), Instant::now());
            }
            match (current, &assessment.verdict) {
                (Some(_), _) if is_used => memory.id = None,
                (Some(current), _) => {
                    memory.id = Some(current.id.clone());
                    let seen = current.mark.present().map_or(1, |mark| mark.incarnation);
                    // The one that is to be replaced says nothing about its successor.
                    memory.suspect = memory.suspect.filter(|suspect| suspect.incarnation > seen);
                    memory.last_incarnation = memory.last_incarnation.max(seen);
                }
                (None, Verdict::Create(_)) => lost = memory.id.take(),
                (None, _) => {}
            }
            lost
        });
        // Another key: what stood at the old one bears no name, and nothing asks for it any more.
        let is_there = |id: String| self.inventory.object(place, &id).is_some();
        if desired.table.marks.is_borrowed() && lost.is_some_and(is_there) {
            self.note_orphans();
        }
        match (current, &assessment.verdict) {
            (_, Verdict::TakeDown(..)) => {} // whether others may use it still is decided with its users
            (Some(current), _) => {
                let outputs = current.is_usable().then(|| current.outputs.clone());
                self.announce(&desired.key, outputs);
            }
            (None, Verdict::Create(_)) => self.announce(&desired.key, None),
            (None, _) => {} // not seen: what was known stays
        }
    }

    /// Lists begun earlier than this are too old for a write: another leader may have written since, or anybody.
    pub(crate) fn oldest_sight(&self) -> Option<Instant> {
        before(Instant::now(), SIGHT_LASTS).max(Some(self.permit.leads_since()))
    }

    /// A write needs a fresh look; a scope that was born empty and only written to by us is fresh.
    pub(crate) fn too_old(
        &self,
        desired: &Desired,
        place: &Place,
        view: &Result<View, Cause>,
        assessment: &Assessment<'_>,
    ) -> Option<Instant> {
        let now = Instant::now();
        if self.is_guesswork(desired, place, assessment) {
            return Some(now);
        }
        let listed_at = view.as_ref().ok()?.listed_at?;
        if Some(listed_at) < self.oldest_sight() {
            return Some(now);
        }
        // Tags that lists do not show are read just before a change, once.
        let current = assessment.current?;
        let arn = current.arn.as_deref()?;
        (current.tags.is_some() && self.aws.tags_are_older(arn)).then(|| {
            self.aws.forget_tags(arn);
            now
        })
    }

    fn note_drift(&self, desired: &Desired, assessment: &Assessment<'_>) {
        if !self.permit.leads() {
            return; // who leads counts it
        }
        let differs = matches!(
            assessment.verdict,
            Verdict::Create(_) | Verdict::Update(_) | Verdict::Replace(..) | Verdict::TakeDown(..)
        );
        let is_drift = self.is_drift(desired);
        let began = self.memory(&desired.key, |memory| {
            let began = differs && is_drift && !memory.drifting;
            memory.drifting |= began;
            began
        });
        if began {
            self.metrics.drift_detected(&desired.key.kind);
        }
    }

    /// Looks at the operation that an earlier pass began, if there is one.
    async fn follow_operation(&self, kind: KindId, desired: &Desired) -> Option<Next> {
        let pending = self.memory(&desired.key, |memory| memory.operation.clone())?;
        let made = pending.made.as_ref().filter(|_| !pending.is_earlier);
        let progress = match kind.poll(&self.aws, &pending.operation, made).await {
            Ok(progress) => progress,
            Err(error) => {
                self.publish(desired, Outcome::unknown(error.cause()));
                return Some(Next::Later);
            }
        };
        Some(self.note_progress(kind, desired, &pending, progress))
    }

    /// What the memory of a document says, or is made to say.
    pub(crate) fn memory<T>(&self, key: &Key, look: impl FnOnce(&mut Memory) -> T) -> T {
        look(self.state().memory.entry(key.clone()).or_default())
    }

    /// Whether every status says what `truth` asks of Synced and Ready.
    pub(crate) fn all_ready(&self) -> bool {
        let state = self.state();
        let is_ready = |key: &Key| {
            let status = state.statuses.get(key);
            status.is_some_and(|status| {
                status.synced.status == Truth::True && status.ready.status == Truth::True
            })
        };
        state.source.is_complete()
            && state.checked.held.is_empty()
            && state.checked.desired.keys().all(is_ready)
    }
}

/// What others fill in: references, look-ups, and what is deployed.
fn filled(kind: KindId, desired: &Desired, members: &Members) -> Digest {
    let mut filled = desired.filled(members);
    let deployed = kind.deployments().and_then(|deployments| members.get_key_value(deployments.digest));
    filled.extend(deployed.map(|(member, digest)| (member.clone(), digest.clone())));
    Digest::of(&filled)
}

/// Whether something is to be made where marks have not been read.
fn makes_beside_unread(step: &Step, view: &Result<View, Cause>) -> bool {
    let unread = |object: &Object| matches!(object.mark, Seen::Unknown(_)) && !object.is_leaving();
    matches!(step, Step::Act(Action::Create(_)))
        && view.as_ref().is_ok_and(|view| view.objects.iter().any(unread))
}

/// The facts that the engine knows.
struct Known<'a> {
    engine: &'a Engine,
    failed: Vec<(Lookup, Cause)>,
}

impl Known<'_> {
    async fn look_up(&mut self, lookup: Lookup) {
        if let Err(error) = self.engine.aws.lookup(&lookup).await {
            self.failed.push((lookup, error.cause()));
        }
    }
}

impl Facts for Known<'_> {
    fn output(&self, target: &Key, output: &str) -> Fact<String> {
        let state = self.engine.state();
        let value = state.outputs.get(target).and_then(|outputs| outputs.get(output));
        value.map_or(Fact::NotYet, |value| Fact::Known(value.clone()))
    }

    fn lookup(&self, lookup: &Lookup) -> Fact<Vec<String>> {
        if let Some((_, cause)) = self.failed.iter().find(|(failed, _)| failed == lookup) {
            return Fact::Unknown(cause.clone());
        }
        // Nothing remembered after a look-up that went well: nothing matched.
        Fact::Known(self.engine.aws.known_ids(lookup).unwrap_or_default())
    }
}
