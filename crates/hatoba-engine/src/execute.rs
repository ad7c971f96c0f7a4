//! Carrying out one step, and laying AWS's answer over what is known. Nothing is decided here.

use std::collections::BTreeSet;
use std::time::Duration;

use hatoba_core::{
    Action, Assessment, Cause, Change, Creation, Desired, Fix, Mark, MarkStyle, Members, Object, Outcome,
    Seen, Step, TagChange, Target, Truth, normalise,
};
use hatoba_kinds::{Answer, CallError, KindId, Operation, Progress};
use serde_json::Value;
use tokio::time::Instant;

use crate::engine::{Engine, Verify};
use crate::inventory::{Place, View};
use crate::memory::{Pending, Phase, Suspect};
use crate::schedule::{Next, poll_delay};

/// A scope that was written to is listed once more when it has been quiet for so long.
pub(crate) const VERIFY_AFTER: Duration = Duration::from_secs(5);
/// What was seen just before counts for so long while a write waits for its quota of which nothing takes back what it does:
/// a removal, or a create that AWS carries out twice if it is asked twice. VPC links come and go once in a minute or two.
pub(crate) const WAITS_AT_MOST: Duration = Duration::from_secs(10);
/// Shorter waits are over before anybody looks.
const LONG_WAIT: Duration = Duration::from_secs(10);
/// Where AWS makes a second one without asking, the list must show a twin of which nobody knows: one whose
/// answer was lost, or one that was made just before this process began.
const TWINS_SHOW_AFTER: Duration = Duration::from_secs(30);

impl Engine {
    /// Waits for the quota of a write; `false`: the process ends, and nothing is written any more. What must hold at
    /// the write is looked at after this: it may take minutes.
    pub(crate) async fn is_admitted(&self, operation: Option<&Operation>) -> bool {
        let Some(operation) = operation else { return true };
        tokio::select! {
            biased;
            () = self.halt.cancelled() => false,
            () = self.budget.admit_ahead(operation) => true,
        }
    }

    /// What was admitted is not sent after all.
    pub(crate) fn give_back(&self, operation: Option<&Operation>) {
        if let Some(operation) = operation {
            self.budget.give_back(operation);
        }
    }

    /// Carries out the step, if it is one. An instant: what was seen got too old while it waited for its turn or its
    /// quota; nothing was sent, and a look begun no earlier than then is needed first. The quota stays paid.
    pub(crate) async fn execute(
        &self,
        kind: KindId,
        desired: &Desired,
        place: &Place,
        step: &Step,
        assessment: &Assessment<'_>,
        view: &Result<View, Cause>,
    ) -> Result<Option<Instant>, CallError> {
        let removal;
        let action = match step {
            Step::Rest | Step::Hold(_) | Step::Wait(_) | Step::TakeDown(_) => return Ok(None),
            Step::Act(action) => action,
            Step::RemoveSurplus(target) => {
                removal = Action::Delete(target.clone());
                &removal
            }
        };
        let _one_writer = self.lanes.enter(&lane_name(place, action)).await;
        // Freshness is checked at the write, after every wait: a step of an older generation is not sent, nor one that
        // was decided on sight of how it was long ago.
        let operation = kind.operation_of(action);
        let cause = why(action, self.is_drift(desired));
        if let Some(operation) = operation {
            self.tell_of_wait(desired, step, assessment, operation);
        }
        let begun = Instant::now();
        if !self.is_admitted(operation).await {
            return Ok(None);
        }
        let current = self.desired(&desired.key).map(|desired| desired.digest);
        let may_write = self.permit.may_write().is_ok();
        if current.as_ref() != Some(&desired.digest) || self.halt.is_cancelled() || !may_write {
            self.give_back(operation);
            return Ok(None);
        }
        let may_make_a_second = matches!(action, Action::Create(_)) && !kind.table().unique;
        if may_make_a_second && begun.elapsed() > WAITS_AT_MOST {
            return Ok(Some(Instant::now()));
        }
        if let Some(at) = self.too_old(desired, place, view, assessment) {
            return Ok(Some(at));
        }
        let surplus = || assessment.surplus.iter().map(|surplus| surplus.object);
        let object = match target_of(action) {
            Some(target) => assessment.current.into_iter().chain(surplus()).find(|o| o.id == target.id),
            None => assessment.current,
        };
        // Meanwhile what names it may have been written, by this process too.
        if matches!(step, Step::RemoveSurplus(_)) && object.is_some_and(|object| self.is_named(place, object))
        {
            return Ok(Some(Instant::now()));
        }
        self.send(kind, &desired.key, place, action, object, &cause).await.map(|()| None)
    }

    /// Shows what is waited for, where that takes long: a quota that is spent, or slowed down after a throttle.
    fn tell_of_wait(
        &self,
        desired: &Desired,
        step: &Step,
        assessment: &Assessment<'_>,
        operation: &Operation,
    ) {
        let Some((quota, wait)) = self.budget.wait_for(operation).filter(|(_, wait)| *wait >= LONG_WAIT)
        else {
            return;
        };
        let seconds = wait.as_secs();
        let told = format!("waits for the quota {quota} for about {seconds} s before {}", operation.name);
        let mut outcome = Outcome::of(assessment, step, None);
        match outcome.synced.0 {
            Truth::True => outcome.notes.push(Cause::new("QuotaWait", told)),
            Truth::False | Truth::Unknown => {
                let message = &mut outcome.synced.1.message;
                *message = format!("{message}; {told}");
            }
        }
        tracing::info!(document = %desired.key, quota, seconds, operation = operation.name, "waits for a quota");
        self.publish(desired, outcome);
    }

    /// Sends one write and folds its answer in.
    pub(crate) async fn send(
        &self,
        kind: KindId,
        key: &hatoba_core::Key,
        place: &Place,
        action: &Action,
        object: Option<&Object>,
        cause: &str,
    ) -> Result<(), CallError> {
        let sent_at = Instant::now();
        let result = kind.execute(&self.aws, action).await;
        let now = Instant::now();
        match result {
            Ok(answer) => {
                let id = match (&answer, action) {
                    (Answer::Object(made), _) => made.id.clone(),
                    // The id comes with the operation's end; until then AWS's name tells more.
                    (_, Action::Create(creation)) => name_in(kind, creation),
                    _ => target_of(action).map_or_else(String::new, |target| target.id.clone()),
                };
                self.tell(key, &name_of(kind, action), &id, cause);
                self.memory(key, |memory| {
                    memory.written_at = Some(now);
                    // What only begins may fail yet, and then nothing was written.
                    if !matches!(answer, Answer::Operation(_) | Answer::Earlier(_)) {
                        memory.fights.written(action.fields());
                    }
                });
                self.outdate_copies(place);
                self.fold_answer(kind, key, place, action, answer, object, now);
                let may_have_a_twin = matches!(action, Action::Create(_)) && !kind.table().unique;
                self.verify_later(
                    place,
                    now,
                    if may_have_a_twin { TWINS_SHOW_AFTER } else { Duration::ZERO },
                );
                Ok(())
            }
            Err(error) => {
                tracing::warn!(document = %key, operation = %error.operation, error = %error, "a write failed");
                if let Some(done) = error.done_before {
                    let id = target_of(action).map_or_else(String::new, |target| target.id.clone());
                    self.tell(key, done, &id, cause);
                }
                let is_changed = error.may_have_happened || error.done_before.is_some();
                if is_changed {
                    self.outdate_copies(place);
                }
                self.memory(key, |memory| {
                    if let Action::Create(creation) = action
                        && is_changed
                    {
                        let incarnation = creation.mark.incarnation;
                        memory.suspect = Some(Suspect { incarnation, sent_at, looks: 0, last_look: None });
                    }
                    memory.not_before = Some(now); // whatever happened, look before the next write
                });
                Err(error)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "everything that one write touched, in one place")]
    fn fold_answer(
        &self,
        kind: KindId,
        key: &hatoba_core::Key,
        place: &Place,
        action: &Action,
        answer: Answer,
        object: Option<&Object>,
        now: Instant,
    ) {
        match (action, answer) {
            (Action::Create(creation), Answer::Object(made)) => {
                self.note_creation(key, creation);
                self.memory(key, |memory| memory.id = Some(made.id.clone()));
                self.inventory.overlay(place, *made, true, now);
            }
            (action, Answer::Operation(operation)) => self.note_operation(key, action, operation, false),
            (action, Answer::Earlier(operation)) => self.note_operation(key, action, operation, true),
            (Action::Delete(target), Answer::Gone) => self.inventory.remove(place, &target.id, now),
            // It is going: the next list says how far.
            (Action::Delete(target), Answer::Done | Answer::Object(_)) => {
                self.inventory.let_go(place, &target.id);
                self.memory(key, |memory| memory.not_before = Some(now));
            }
            // What an answer does not show of the mark stays as it was.
            (_, Answer::Object(shown)) => {
                let shown = match object.filter(|_| shown.tags.is_none()) {
                    Some(before) => Object { tags: before.tags.clone(), mark: before.mark.clone(), ..*shown },
                    None => *shown,
                };
                self.inventory.overlay(place, shown, false, now);
            }
            (action, Answer::Done) => {
                if let Some(after) = object.and_then(|object| after(kind, action, object)) {
                    self.inventory.overlay(place, after, false, now);
                } else {
                    self.memory(key, |memory| memory.not_before = Some(now));
                }
            }
            // The next list says how it went.
            _ => self.memory(key, |memory| memory.not_before = Some(now)),
        }
    }

    /// Has a scope looked at once more, on a list that is at least `age` younger than the write.
    fn verify_later(&self, place: &Place, now: Instant, age: Duration) {
        let listed_after = now + age;
        let due = listed_after.max(now + VERIFY_AFTER);
        let mut state = self.state();
        let verify = state.verify.entry(place.clone()).or_insert(Verify { due, listed_after });
        verify.due = verify.due.max(due);
        verify.listed_after = verify.listed_after.max(listed_after);
        drop(state);
        self.wake();
    }

    fn note_operation(&self, key: &hatoba_core::Key, action: &Action, operation: String, is_earlier: bool) {
        let made = match action {
            Action::Create(creation) => Some(creation.clone()),
            _ => None,
        };
        made.iter().for_each(|creation| self.note_creation(key, creation));
        let pending = Pending { operation, made, is_earlier, fields: action.fields() };
        self.memory(key, |memory| memory.operation = Some(pending));
    }

    fn note_creation(&self, key: &hatoba_core::Key, creation: &Creation) {
        self.memory(key, |memory| {
            memory.suspect = None;
            if memory.id.is_none() {
                memory.made_at = Some(Instant::now());
            }
            memory.last_incarnation = memory.last_incarnation.max(creation.mark.incarnation);
        });
    }

    /// What an operation's progress means for its document.
    pub(crate) fn note_progress(
        &self,
        kind: KindId,
        desired: &Desired,
        pending: &Pending,
        progress: Progress,
    ) -> Next {
        let key = &desired.key;
        let now = Instant::now();
        let place: Place = (kind, pending.made.as_ref().map_or_else(String::new, |made| made.scope.clone()));
        match progress {
            Progress::Running => {
                let cause = match pending.made {
                    Some(_) => Cause::new("Creating", "AWS is making it"),
                    None => Cause::new("Updating", "AWS is changing it"),
                };
                self.publish(desired, Outcome::waiting(cause));
                self.memory(key, |memory| {
                    memory.phase = Phase::Moving;
                    Next::In(poll_delay(memory))
                })
            }
            Progress::Done(Some(made)) => {
                self.memory(key, |memory| {
                    memory.operation_is_done();
                    memory.id = Some(made.id.clone());
                });
                self.inventory.overlay(&place, *made, true, now);
                self.verify_later(&place, now, Duration::ZERO);
                Next::Now
            }
            Progress::Done(None) | Progress::Forgotten => {
                self.memory(key, |memory| {
                    memory.operation_is_done();
                    memory.not_before = Some(now);
                    // It is there, and a list that lags does not show it yet.
                    if let Some(made) = pending.made.as_ref().filter(|_| pending.is_earlier) {
                        let incarnation = made.mark.incarnation;
                        memory.suspect =
                            Some(Suspect { incarnation, sent_at: now, looks: 0, last_look: None });
                    }
                });
                Next::Now
            }
            Progress::Failed(cause) => {
                tracing::error!(document = %key, %cause, "an operation failed");
                self.memory(key, |memory| {
                    memory.operation = None;
                    memory.phase = Phase::Settled;
                    memory.not_before = Some(now);
                    memory.fail(cause.clone(), None);
                });
                self.publish(desired, Outcome::waiting(cause));
                Next::Later
            }
        }
    }
}

/// One writer for an API and everything in it; else one for each resource, and for each document that makes one.
pub(crate) fn lane_name(place: &Place, action: &Action) -> String {
    match (place.1.as_str(), action) {
        ("", Action::Create(creation)) => creation.mark.document.to_string(),
        ("", action) => target_of(action).map_or_else(String::new, |target| target.id.clone()),
        (scope, _) => scope.to_owned(),
    }
}

pub(crate) fn target_of(action: &Action) -> Option<&Target> {
    match action {
        Action::Create(_) => None,
        Action::Update(change) => Some(&change.target),
        Action::Clear { target, .. }
        | Action::Tag { target, .. }
        | Action::Evict { target, .. }
        | Action::Delete(target)
        | Action::Refresh(target) => Some(target),
    }
}

fn name_in(kind: KindId, creation: &Creation) -> String {
    let name = kind.table().name_member.and_then(|member| creation.members.get(member));
    name.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

/// What was done, for people: `CreateVpcLink`.
fn name_of(kind: KindId, action: &Action) -> String {
    let verb = match action {
        Action::Create(_) => "Create",
        Action::Update(change) if is_deployed(change) => {
            return kind.operation_of(action).map_or_else(String::new, |operation| operation.name.to_owned());
        }
        Action::Update(_) => "Update",
        Action::Clear { operation, .. } => return operation.clone(),
        Action::Tag { .. } => "Tag",
        Action::Delete(_) => "Delete",
        Action::Evict { .. } => "Evict",
        Action::Refresh(_) => "Refresh",
    };
    format!("{verb}{}", kind.table().kind)
}

fn is_deployed(change: &Change) -> bool {
    change.drift.iter().any(|drift| drift.fix == Fix::Deployed)
}

fn why(action: &Action, is_drift: bool) -> String {
    let drift = if is_drift { "drift" } else { "the document" };
    match action {
        Action::Create(creation) if creation.mark.incarnation > 1 && !is_drift => {
            "the old one had to be replaced".to_owned()
        }
        Action::Create(_) if is_drift => "it was gone".to_owned(),
        Action::Create(_) => "nothing was there".to_owned(),
        Action::Update(change) if is_deployed(change) && is_drift => "drift: its deployments".to_owned(),
        Action::Update(change) if is_deployed(change) => "what it serves changed".to_owned(),
        Action::Update(change) => {
            let fields: Vec<&str> = change.drift.iter().map(|drift| drift.path.as_str()).collect();
            match fields.is_empty() {
                true => format!("{drift}: the owner mark"),
                false => format!("{drift}: {}", fields.join(", ")),
            }
        }
        Action::Clear { .. } => format!("{drift}: it is left out"),
        Action::Tag { .. } => format!("{drift}: tags"),
        Action::Delete(_) => "one too many, or to be made anew".to_owned(),
        Action::Evict { entry, .. } => format!("nobody keeps {entry} there any more"),
        Action::Refresh(_) => "what it is entered in was made anew".to_owned(),
    }
}

/// The object as it is after a write that AWS answered without showing it.
fn after(kind: KindId, action: &Action, object: &Object) -> Option<Object> {
    let normal = |members: &Members| normalise(kind.table(), members.clone());
    match action {
        Action::Update(change) => {
            let mark = match kind.table().marks {
                MarkStyle::Description => Seen::Present(change.mark.clone()),
                _ => object.mark.clone(),
            };
            let members = normal(&change.after);
            let name = kind.table().name_member.and_then(|member| members.get(member)?.as_str());
            let natural_key = name.unwrap_or(&object.natural_key).to_owned();
            Some(Object { natural_key, members, mark, uses: uses(change, object), ..object.clone() })
        }
        Action::Clear { after, .. } => Some(Object { members: normal(after), ..object.clone() }),
        Action::Tag { tags, .. } => Some(tagged(object, tags)),
        Action::Create(_) | Action::Delete(_) | Action::Evict { .. } | Action::Refresh(_) => None,
    }
}

/// What it uses after a write: until a list tells, also what it used before.
fn uses(change: &Change, object: &Object) -> BTreeSet<String> {
    fn texts(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => {
                let text = text.split('?').next().unwrap_or_default();
                found.extend(text.rsplit('/').next().map(str::to_owned));
                found.insert(text.to_owned());
            }
            Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
            Value::Object(members) => members.values().for_each(|member| texts(member, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut uses = object.uses.clone();
    change.drift.iter().for_each(|drift| texts(&drift.to, &mut uses));
    uses
}

fn tagged(object: &Object, change: &TagChange) -> Object {
    let mut tags = object.tags.clone().unwrap_or_default();
    tags.extend(change.set.clone());
    tags.retain(|key, _| !change.remove.contains(key));
    let mark = Mark::from_tags(&tags).map_or(Seen::Absent, Seen::Present);
    Object { tags: Some(tags), mark, ..object.clone() }
}
