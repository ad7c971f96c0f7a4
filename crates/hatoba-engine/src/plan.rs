//! What would change, for the whole world at once: the same assessment as the daemon's, with symbolic outputs.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::LocalBoxFuture;
use hatoba_core::{
    Assessment, Cause, Creation, Desired, Fact, Facts, FieldDrift, Fix, Key, Lookup, Object, Omitted, Seen,
    Sight, Step, Unresolved, Verdict, assess, creation_order, next,
};
use hatoba_kinds::{CallError, Interest, KindId, Operation};
use serde::Serialize;
use serde_json::Value;

use crate::budget::seconds_at_least;
use crate::deployment::is_deployed_by_us;
use crate::engine::Engine;
use crate::ground::ground;
use crate::inventory::{Place, View};

mod calls;
mod going;

use calls::{deploys, operations};

/// Everything that would be done, in the order in which it could be.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// One entry for each document and each resource that would go.
    pub entries: Vec<PlanEntry>,
    /// Calls that would write.
    pub writes: usize,
    /// Seconds at least that the write calls need under the budget.
    pub seconds_at_least: f64,
}

/// What would be done about one document.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanEntry {
    /// The document.
    pub document: Key,
    /// What would be done.
    pub action: PlanAction,
    /// The resource's id, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Fields that would be written; for a create all of them, from `null`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDrift>,
    /// Documents that come first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Key>,
    /// What it does to requests that are on their way, where it does anything to them or replaces something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Impact>,
    /// Why, or why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Worth saying beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Cause>,
}

/// What would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PlanAction {
    /// Nothing.
    None,
    /// A resource would be made.
    Create,
    /// Fields or tags would be put right.
    Update,
    /// A new resource would take the old one's place: see the verdict.
    Replace,
    /// A resource whose document is gone would be deleted.
    Delete,
    /// Something should be done and is not: see the cause.
    Held,
    /// It could not be told: see the cause.
    Unknown,
}

/// What carrying an entry out does to requests that are on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Impact {
    /// Nothing: the new one serves before the old one goes.
    NoGap,
    /// Connections move: tasks are started anew, traffic takes another link.
    ConnectionChurn,
    /// It is deleted before the new one is made.
    Downtime,
}

impl Plan {
    /// Whether anything would be written.
    pub fn has_changes(&self) -> bool {
        self.writes > 0
    }
}

/// How an output that nobody knows yet is shown: `(after HttpApi/crazy-api)`.
fn symbol(target: &Key) -> String {
    format!("(after {target})")
}

fn is_symbol(text: &str) -> bool {
    text.starts_with("(after ")
}

/// Facts in which every output is known, if only by name.
struct Symbolic<'a> {
    engine: &'a Engine,
    outputs: &'a BTreeMap<Key, BTreeMap<String, String>>,
    failed: Vec<(Lookup, Cause)>,
}

impl Facts for Symbolic<'_> {
    fn output(&self, target: &Key, output: &str) -> Fact<String> {
        let known = self.outputs.get(target).and_then(|outputs| outputs.get(output));
        Fact::Known(known.cloned().unwrap_or_else(|| symbol(target)))
    }

    fn lookup(&self, lookup: &Lookup) -> Fact<Vec<String>> {
        if let Some((_, cause)) = self.failed.iter().find(|(failed, _)| failed == lookup) {
            return Fact::Unknown(cause.clone());
        }
        Fact::Known(self.engine.aws.known_ids(lookup).unwrap_or_default())
    }
}

/// What the entries before this one come to.
#[derive(Default)]
struct SoFar {
    /// Outputs of resources that are there and stay.
    outputs: BTreeMap<Key, BTreeMap<String, String>>,
    /// Documents whose resources would be taken down first, with the outputs of the old ones.
    going: BTreeMap<Key, BTreeMap<String, String>>,
    /// Documents that would be written.
    changing: BTreeSet<Key>,
    /// Documents whose resources are there and not ready to be named yet: nobody knows what stands in them.
    settling: BTreeSet<Key>,
    /// Documents whose resources are not theirs, and why: nobody knows what stands in them.
    stalled: BTreeMap<Key, Cause>,
    calls: Vec<&'static Operation>,
}

impl SoFar {
    /// The entry of what is to be taken over by its id in something that is not ours: it may well be there.
    fn out_of_reach(&self, desired: &Desired) -> Option<PlanEntry> {
        let id = desired.policy.adopt.as_ref()?.id.as_ref()?;
        let parent = desired.parent().filter(|parent| !self.outputs.contains_key(*parent))?;
        let why = &self.stalled.get(parent)?.message;
        let message = format!("{id} stands in that of {parent}, which is not ours to change: {why}");
        Some(PlanEntry::held(desired.key.clone(), PlanAction::Held, Cause::new("WaitingFor", message)))
    }
}

impl Engine {
    /// What would change, reading AWS and writing nothing. The source must have been accepted.
    ///
    /// # Errors
    /// When the account cannot be told.
    pub fn plan(&self) -> LocalBoxFuture<'_, Result<Plan, CallError>> {
        Box::pin(self.plan_all())
    }

    async fn plan_all(&self) -> Result<Plan, CallError> {
        let account = self.aws.account().await?;
        self.aws.pin_account(&account);
        let checked = self.state().checked.clone();
        let mut plan = Plan::default();
        let mut so_far = SoFar::default();
        for key in checked.held.keys() {
            let found = checked.held.get(key).and_then(|found| found.first()).map(ToString::to_string);
            let cause = Cause::new("Invalid", found.unwrap_or_default());
            plan.entries.push(PlanEntry::held(key.clone(), PlanAction::Held, cause));
        }
        // What names them resolves through what is there.
        for key in checked.held_keys() {
            self.find_held(key).await;
            let found = self.state().outputs.get(key).cloned();
            so_far.outputs.extend(found.map(|outputs| (key.clone(), outputs)));
        }
        // What a document made under another name is known by its mark alone.
        if self.options.owner_is_explicit {
            self.discover(None).await;
        }
        // What serves a copy of its siblings comes when it is known what becomes of those, and what names it after it.
        let (mut first, mut last): (Vec<Key>, Vec<Key>) = (Vec::new(), Vec::new());
        for key in creation_order(&checked.desired) {
            let is_late = checked.desired.get(&key).is_some_and(|desired| {
                is_deployed_by_us(desired) || desired.references.iter().any(|r| last.contains(&r.target))
            });
            if is_late { last.push(key) } else { first.push(key) }
        }
        for key in first.into_iter().chain(last) {
            let (Some(desired), Some(kind)) = (checked.desired.get(&key), KindId::of(&key.kind)) else {
                continue;
            };
            plan.entries.extend(self.plan_one(kind, desired, &mut so_far).await);
        }
        self.look_for_orphans(None).await;
        let mut calls = so_far.calls;
        self.plan_deletes(&mut plan, &mut calls);
        plan.writes = calls.len();
        plan.seconds_at_least = seconds_at_least(&calls, self.options.quota_share);
        Ok(plan)
    }

    async fn plan_one(&self, kind: KindId, desired: &Desired, so_far: &mut SoFar) -> Vec<PlanEntry> {
        let failed = self.look_up(desired).await;
        let facts = Symbolic { engine: self, outputs: &so_far.outputs, failed };
        // What stands in something that is taken down is judged where it stands.
        let parent = so_far.going.iter().filter(|(key, _)| desired.parent() == Some(*key));
        let going = parent.map(|(key, outputs)| (key.clone(), outputs.clone())).collect();
        let ground = match ground(desired, &going, &facts) {
            Ok(ground) => ground,
            Err(Unresolved::Waiting(keys)) => {
                let after = keys.into_iter().collect();
                return vec![PlanEntry { after, ..PlanEntry::new(desired.key.clone()) }];
            }
            Err(Unresolved::Unknown(cause)) => {
                return vec![PlanEntry::held(desired.key.clone(), PlanAction::Unknown, cause)];
            }
            Err(Unresolved::Stalled(cause)) => {
                return vec![PlanEntry::held(desired.key.clone(), PlanAction::Held, cause)];
            }
        };
        let place = (kind, ground.resolved.scope.clone());
        if let Some(parent) = desired.parent().filter(|parent| so_far.settling.contains(parent)) {
            let cause =
                Cause::new("WaitingFor", format!("waits for {parent}, which AWS is still setting up"));
            return vec![PlanEntry::held(desired.key.clone(), PlanAction::Unknown, cause)];
        }
        if let Some(entry) = so_far.out_of_reach(desired) {
            return vec![entry];
        }
        let view = if is_symbol(&place.1) {
            Ok(View { objects: std::sync::Arc::default(), listed_at: None }) // what is not there yet holds nothing
        } else {
            self.look(&place, desired, None).await;
            self.view_with_marks(&place, desired).await
        };
        let scope = Some(place.1.as_str()).filter(|scope| !is_symbol(scope));
        let copy = self.planned_copy(desired, scope, &so_far.changing).await;
        let resolved = copy.laid_over(desired, &ground.resolved);
        let checked = self.state().checked.clone();
        let sight = Sight {
            owner: &self.options.owner,
            objects: view.as_ref().map(|view| view.objects.iter().collect()).map_err(Clone::clone),
            remembered: None,
            last_incarnation: 0,
            is_document: &|key| checked.may_exist(key),
            claimed: self.claimed(desired),
            used_by: &|object| self.used_by(kind, object),
            first: BTreeSet::new(),
            named: self.named(kind, desired),
            leaving: ground.leaving.as_ref(),
            released: ground.released.clone(),
        };
        let mut assessment = assess(desired, &resolved, &sight);
        let left = self.left_behind(desired, &place);
        assessment.notes.extend(left);
        self.withhold(kind, &mut assessment).await;
        if let Verdict::Stalled(cause) = &assessment.verdict {
            so_far.stalled.insert(desired.key.clone(), cause.clone());
        }
        match assessment.current {
            Some(current) if current.is_usable() => {
                so_far.outputs.insert(desired.key.clone(), current.outputs.clone());
            }
            Some(current) if !current.is_leaving() => {
                so_far.settling.insert(desired.key.clone());
            }
            _ => {}
        }
        let leave = self.leave(desired, &place, &view, &mut assessment);
        let mut step = next(desired, &assessment, &leave);
        if let (Step::TakeDown(target), Some(current)) = (&step, assessment.current) {
            let obstacles = async {
                let kept = self.kept(&place, current, target).await?;
                self.obstacles(desired, &place, current, &kept).await
            };
            match obstacles.await {
                Ok(_) => drop(so_far.going.insert(desired.key.clone(), current.outputs.clone())),
                Err(cause) => step = Step::Hold(cause),
            }
        }
        let mut entry = describe(desired, &assessment, &step);
        let replaced = entry.action == PlanAction::Replace;
        if replaced {
            so_far.outputs.remove(&desired.key); // dependents will point to the new one
        }
        entry.after = desired
            .references
            .iter()
            .map(|r| r.target.clone())
            .filter(|target| !so_far.outputs.contains_key(target))
            .collect();
        if deploys(kind, &entry) && entry.cause.is_none() {
            entry.cause = copy.why();
        }
        if matches!(step, Step::Act(_)) {
            so_far.changing.insert(desired.key.clone());
        }
        so_far.calls.extend(operations(kind, &entry, &step));
        let surplus = self.plan_surplus(kind, desired, &assessment, &mut so_far.calls);
        std::iter::once(entry).chain(surplus).collect()
    }

    /// What is known of a scope; where nothing bears the document's mark, with every mark read.
    async fn view_with_marks(&self, place: &Place, desired: &Desired) -> Result<View, Cause> {
        let view = self.inventory.view(place)?;
        let is_its = |object: &Object| object.mark.present().is_some_and(|mark| mark.document == desired.key);
        let unread = |object: &Object| matches!(object.mark, Seen::Unknown(_));
        if view.objects.iter().any(is_its) || !view.objects.iter().any(unread) {
            return Ok(view);
        }
        let everything = Interest { everything: true, ..self.interest(place, desired) };
        self.list(place, None, &everything).await;
        self.inventory.view(place)
    }
}

impl PlanEntry {
    fn new(document: Key) -> Self {
        PlanEntry {
            document,
            action: PlanAction::None,
            id: None,
            fields: Vec::new(),
            after: Vec::new(),
            verdict: None,
            cause: None,
            notes: Vec::new(),
        }
    }

    fn held(document: Key, action: PlanAction, cause: Cause) -> Self {
        PlanEntry { action, cause: Some(cause), ..PlanEntry::new(document) }
    }
}

fn describe(desired: &Desired, assessment: &Assessment<'_>, step: &Step) -> PlanEntry {
    let mut entry = PlanEntry::new(desired.key.clone());
    entry.id = assessment.current.map(|current| current.id.clone());
    entry.notes.clone_from(&assessment.notes);
    match &assessment.verdict {
        Verdict::InSync | Verdict::WaitingFor(_) => {}
        Verdict::Settling(cause) => {
            entry.notes.push(cause.clone());
            if let Some(successor) = &assessment.successor {
                entry.action = PlanAction::Replace;
                entry.verdict = Some(Impact::NoGap);
                let message = format!(
                    "{successor} is being made in its place; what names it moves there, then it goes"
                );
                entry.cause = Some(Cause::new("Replacing", message));
            }
        }
        Verdict::Create(creation) => {
            entry.action = PlanAction::Create;
            entry.fields = all_fields(desired, creation);
        }
        Verdict::Update(change) => {
            entry.action = PlanAction::Update;
            entry.fields = change.drift.iter().map(|drift| with_its_default(desired, drift)).collect();
            entry.verdict = rolls(desired, &change.drift).then_some(Impact::ConnectionChurn);
            let tags = change.tags.set.iter().map(|(key, value)| (key, Value::from(value.clone())));
            let tags = tags.chain(change.tags.remove.iter().map(|key| (key, Value::Null)));
            let now = assessment.current.and_then(|current| current.tags.as_ref());
            let from =
                |key: &str| now.and_then(|tags| tags.get(key)).map_or(Value::Null, |tag| tag.as_str().into());
            entry.fields.extend(tags.map(|(key, to)| FieldDrift {
                path: format!("tags.{key}"),
                from: from(key),
                to,
                fix: Fix::InPlace,
            }));
        }
        Verdict::Replace(_, drift) => {
            entry.action = PlanAction::Replace;
            entry.fields.clone_from(drift);
            let revisions = desired.table.replace.revisions().is_some();
            let renamed = drift.iter().any(|drift| Some(drift.path.as_str()) == desired.table.name_member);
            let (impact, how) = match (revisions, rolls(desired, drift)) {
                (true, _) => {
                    (Impact::NoGap, "the next revision is registered, and what names it moves to it: no gap")
                }
                _ if renamed => (
                    Impact::ConnectionChurn,
                    "one of the new name is made beside it, then the old one goes, and with it its name",
                ),
                (_, true) => (Impact::ConnectionChurn, "a new one is made first and connections move to it"),
                (_, false) => (Impact::NoGap, "a new one is made first, then the old one goes: no gap"),
            };
            entry.verdict = Some(impact);
            entry.cause = Some(replacing(drift, how));
        }
        Verdict::TakeDown(_, drift) => {
            entry.action = PlanAction::Replace;
            entry.fields.clone_from(drift);
            entry.verdict = Some(Impact::Downtime);
            entry.cause = Some(replacing(drift, "the name is unique: it is deleted first, with a gap"));
        }
        Verdict::Unknown(cause) => {
            return PlanEntry {
                id: entry.id,
                ..PlanEntry::held(entry.document, PlanAction::Unknown, cause.clone())
            };
        }
        Verdict::Stalled(cause) => {
            return PlanEntry {
                id: entry.id,
                ..PlanEntry::held(entry.document, PlanAction::Held, cause.clone())
            };
        }
    }
    if let Step::Hold(cause) = step {
        entry.verdict = None;
        entry.action = PlanAction::Held;
        entry.cause = Some(cause.clone());
    }
    entry
}

/// A difference with what AWS does where it shows nothing: its default.
fn with_its_default(desired: &Desired, drift: &FieldDrift) -> FieldDrift {
    let default = match desired.table.field(&drift.path).map(|field| field.omitted) {
        Some(Omitted::Default(default)) if drift.from.is_null() => default.value(),
        _ => drift.from.clone(),
    };
    FieldDrift { from: default, ..drift.clone() }
}

fn rolls(desired: &Desired, drift: &[FieldDrift]) -> bool {
    let field = |drift: &FieldDrift| desired.table.field(&drift.path);
    drift
        .iter()
        .filter_map(field)
        .any(|field| field.rolls || (field.renames && desired.table.drain.is_some()))
}

/// Why something is replaced, and how.
fn replacing(drift: &[FieldDrift], how: &str) -> Cause {
    let fields = drift.iter().filter(|drift| drift.fix == Fix::Replace).map(|drift| drift.path.as_str());
    let fields = fields.collect::<Vec<_>>().join(", ");
    Cause::new("Replacing", format!("{fields} cannot be changed in place; {how}"))
}

/// Every member that a create would send, from nothing.
fn all_fields(desired: &Desired, creation: &Creation) -> Vec<FieldDrift> {
    let fields = desired.table.fields.iter().filter_map(|field| {
        let to = hatoba_core::path::get_member(&creation.members, field.path)?.clone();
        Some(FieldDrift { path: field.path.to_owned(), from: Value::Null, to, fix: Fix::InPlace })
    });
    fields.collect()
}
