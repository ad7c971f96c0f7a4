//! Who uses a resource: looked at before a twin is chosen, and before anything is removed.

use std::collections::BTreeSet;
use std::time::Duration;

use hatoba_core::{
    Assessment, Cause, Deletion, Desired, MarkStyle, Object, Step, SurplusKind, Target, UsedBy, Verdict,
    name_digits, names_listed,
};
use hatoba_kinds::{Interest, KindId, is_denial};
use tokio::time::Instant;

use crate::engine::Engine;
use crate::handover::released;
use crate::inventory::{Place, View, children, is_child, refers_to};
use crate::takedown::Emptied;
use crate::twins::Shadow;

/// What was replaced stays so long after its last user has left it: what is deployed leads to it until a deployment
/// without it is done. AWS names no time for that; usually it takes seconds.
pub(crate) const RELEASED_AFTER: Duration = Duration::from_secs(60);

/// Children by name of a parent that lists none are listed this often: each costs a call for every API.
const NAMES_LAST: Duration = Duration::from_secs(3_600);

/// In whose parents users are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parents {
    /// In ours: enough where AWS refuses to delete what is in use, and a mark is not in doubt.
    Ours,
    /// In everybody's: of twins one may be somebody else's.
    All,
}

/// What keeps a surplus resource.
enum Use {
    /// Nothing: it may go.
    None,
    /// Nothing, if another look agrees.
    Perhaps,
    /// These.
    By(Vec<String>),
}

impl Engine {
    /// What is known of the scope. Of twins the one with users stays: then it must be known who uses them.
    pub(crate) async fn sight(&self, place: &Place, desired: &Desired) -> Result<View, Cause> {
        let view = self.inventory.view(place)?;
        let bears_its_mark = |object: &&Object| {
            let mark = object.mark.present();
            !object.is_leaving()
                && mark.is_some_and(|mark| mark.owner == self.options.owner && mark.document == desired.key)
        };
        let mut twins: Vec<&Object> = view.objects.iter().filter(bears_its_mark).collect();
        let is_series = desired.table.replace.revisions().is_some();
        if is_series {
            twins = same_incarnation(twins); // there are always several
        }
        if twins.len() < 2 {
            return Ok(view);
        }
        let parents = if is_series { Parents::Ours } else { Parents::All };
        for twin in &twins {
            self.look_at_users(place, &twin.id, None, parents).await?;
        }
        // Where nothing of ours speaks for any of them, what came together with one of them must have been seen.
        let is_undecided = twins.iter().all(|twin| self.used_by(place.0, twin) != UsedBy::Ours);
        for twin in twins.iter().filter(|_| is_undecided && !is_series) {
            self.look_at_users(place, &twin.id, view.listed_at, parents).await?;
        }
        Ok(view)
    }

    /// Natural keys that other documents of the kind ask for in the same parent.
    pub(crate) fn claimed(&self, desired: &Desired) -> BTreeSet<String> {
        let Some(parent) = desired.parent() else { return BTreeSet::new() };
        let checked = self.state().checked.clone();
        let others =
            checked.children(parent).filter(|key| **key != desired.key && key.kind == desired.key.kind);
        let keys = others.filter_map(|key| checked.desired.get(key)?.natural_key().map(str::to_owned));
        keys.collect()
    }

    /// Who uses an object, by everything that is known.
    pub(crate) fn used_by(&self, kind: KindId, object: &Object) -> UsedBy {
        let users = self.inventory.using(kind, object);
        // In a parent of somebody else's nothing is ours, whatever marks were copied there.
        let is_ours = |at: &Place, user: &Object| self.is_ours(user) && !self.is_others(at);
        let whose = |(at, user): &(Place, Object)| match is_ours(at, user) {
            true => UsedBy::Ours,
            false => UsedBy::Others,
        };
        users.iter().map(whose).max().unwrap_or(UsedBy::Nobody)
    }

    /// Whether anything that does not stand in an object uses it, by everything that is known.
    pub(crate) fn is_named(&self, place: &Place, object: &Object) -> bool {
        let stands_in_it = |at: &Place| is_child(at.0, place.0) && at.1 == object.id;
        self.inventory.using(place.0, object).iter().any(|(at, _)| !stands_in_it(at))
    }

    /// Turns the removal of a surplus resource into a hold while anything uses it. Of revisions the first that
    /// nobody uses goes: the others stay where they are.
    pub(crate) async fn unused(
        &self,
        desired: &Desired,
        place: &Place,
        assessment: &Assessment<'_>,
        step: Step,
        not_before: Option<Instant>,
    ) -> Step {
        let Step::RemoveSurplus(first) = &step else { return step };
        let not_before = not_before.max(Some(self.permit.leads_since()));
        let is_series = place.0.table().replace.revisions().is_some();
        let mut used = Vec::new();
        for surplus in assessment.surplus.iter().filter(|s| is_series || s.object.id == first.id) {
            let target =
                Target { id: surplus.object.id.clone(), arn: surplus.object.arn.clone(), ..first.clone() };
            let parents = if surplus.why == SurplusKind::Twin { Parents::All } else { Parents::Ours };
            let object = surplus.object;
            let known = self.look_at_users(place, &object.id, not_before, parents).await;
            let known = known.map(|()| self.users_of(place, object));
            let mut uses = self.use_by(desired, place, assessment, object, known, not_before).await;
            if matches!(uses, Ok(Use::None)) {
                // What stands in it goes with it: that has to be seen as freshly as what is written to.
                let fresh = not_before.max(self.oldest_sight());
                let users = self.users_now(place, object, &target, fresh, parents).await;
                uses = self.use_by(desired, place, assessment, object, users, fresh).await;
            }
            match uses {
                Ok(Use::None) => return self.emptied_first(place, surplus.object, target).await,
                Ok(Use::Perhaps) => {
                    let message = format!(
                        "{} is one too many; all that stands in it stands in the current one too, so it goes when a second look agrees",
                        target.id
                    );
                    return Step::Hold(Cause::new("Duplicate", message));
                }
                Ok(Use::By(users)) => used.push(format!("{} by {}", target.id, users.join(", "))),
                Err(cause) => {
                    let message =
                        format!("{} is one too many, and nobody knows who uses it ({cause})", target.id);
                    return Step::Hold(Cause::new("DuplicateInUse", message));
                }
            }
        }
        let used = used.join("; ");
        Step::Hold(match is_series {
            true => Cause::new("RevisionInUse", format!("kept though newer ones have followed: {used}")),
            false => Cause::new("DuplicateInUse", format!("one too many and still used: {used}")),
        })
    }

    /// Who of these users keeps a surplus resource: what stands in the current one too does not, by lists no older than
    /// that.
    async fn use_by(
        &self,
        desired: &Desired,
        place: &Place,
        assessment: &Assessment<'_>,
        object: &Object,
        users: Result<Vec<String>, Cause>,
        not_before: Option<Instant>,
    ) -> Result<Use, Cause> {
        let users = users?;
        if users.is_empty() {
            return Ok(Use::None);
        }
        Ok(match self.shadow(desired, place, assessment, object, not_before).await {
            Shadow::Yes => Use::None,
            Shadow::Perhaps => Use::Perhaps,
            Shadow::No => Use::By(users),
        })
    }

    /// A surplus resource that nobody uses goes, emptied before; one that is to stay is handed over.
    async fn emptied_first(&self, place: &Place, object: &Object, target: Target) -> Step {
        if object.mark.present().is_some_and(|mark| mark.deletion == Deletion::Retain) {
            return released(place, object).map_or_else(Step::Hold, Step::Act);
        }
        match self.emptied(place, object, &target).await {
            Ok(Emptied::Yes) => Step::RemoveSurplus(target),
            Ok(Emptied::Write(action)) => Step::Act(*action),
            Ok(Emptied::Wait(cause)) => Step::Wait(cause),
            Err(cause) => Step::Hold(cause),
        }
    }

    /// Who uses a resource, by lists of our kinds, and where nobody does by the kind's own thorough look.
    ///
    /// # Errors
    /// Why that is not known.
    pub(crate) async fn users_now(
        &self,
        place: &Place,
        object: &Object,
        target: &Target,
        not_before: Option<Instant>,
        parents: Parents,
    ) -> Result<Vec<String>, Cause> {
        self.look_at_users(place, &object.id, not_before, parents).await?;
        let users = self.users_of(place, object);
        if !users.is_empty() {
            return Ok(users);
        }
        let users = place.0.users(&self.aws, target).await.map_err(|error| error.cause())?;
        Ok(users.into_iter().collect())
    }

    /// Takes out of an update what AWS has tried already and given up. Not knowing that, nothing is written.
    pub(crate) async fn withhold(&self, kind: KindId, assessment: &mut Assessment<'_>) {
        let Verdict::Update(change) = &assessment.verdict else { return };
        match kind.given_up(&self.aws, change).await {
            Ok(None) => {}
            Ok(Some(given_up)) => assessment.withhold(&given_up.fields, given_up.cause),
            Err(error) => assessment.verdict = Verdict::Unknown(error.cause()),
        }
    }

    /// Holds back the removal of what was replaced until it has been without users for a while.
    pub(crate) fn released(&self, desired: &Desired, assessment: &Assessment<'_>, step: Step) -> Step {
        self.memory(&desired.key, |memory| {
            let Step::RemoveSurplus(target) = &step else {
                memory.released = None;
                return step;
            };
            let was_replaced =
                assessment.surplus.iter().find(|surplus| surplus.object.id == target.id).map(|s| s.why)
                    == Some(SurplusKind::Superseded);
            let since = match &memory.released {
                Some((id, since)) if *id == target.id => *since,
                _ => Instant::now(),
            };
            memory.released = Some((target.id.clone(), since));
            if !was_replaced || since.elapsed() >= RELEASED_AFTER {
                return step;
            }
            let message = format!(
                "{} was replaced and nothing uses it any more; it goes when what is deployed cannot lead to it either",
                target.id
            );
            Step::Hold(Cause::new("Superseded", message))
        })
    }

    /// Lists every scope that may hold users of an object: what stands in it, and what may refer to it.
    ///
    /// # Errors
    /// Why one of them is not known.
    pub(crate) async fn look_at_users(
        &self,
        place: &Place,
        id: &str,
        not_before: Option<Instant>,
        whose: Parents,
    ) -> Result<(), Cause> {
        let mut places: Vec<Place> = children(place.0).map(|child| (child, id.to_owned())).collect();
        let table = place.0.table();
        for user in KindId::ALL.iter().filter(|user| refers_to(**user, table.kind)) {
            match user.table().parent.and_then(KindId::of) {
                Some(_) if is_child(*user, place.0) => {} // among the children
                _ if user.table().parent == table.parent && table.parent.is_some() => {
                    places.push((*user, place.1.clone()));
                }
                Some(parent) => {
                    let parents: Place = (parent, String::new());
                    self.list(&parents, not_before, &self.everything_of_ours()).await;
                    let parents = match self.inventory.view(&parents) {
                        Ok(view) => view.objects,
                        // Who may not even list them has made none, and AWS refuses where somebody else has.
                        Err(cause) if is_denied(&cause) && !self.is_asked_for(parent) => continue,
                        Err(cause) => return Err(cause),
                    };
                    let (ours, others): (Vec<&Object>, Vec<&Object>) =
                        parents.iter().partition(|parent| self.is_ours(parent));
                    places.extend(ours.into_iter().map(|parent| (*user, parent.id.clone())));
                    if whose == Parents::All {
                        let others = others.into_iter().map(|parent| (*user, parent.id.clone())).collect();
                        self.look_at_others(others, not_before).await?;
                    }
                }
                None => places.extend(self.inventory.places().into_iter().filter(|known| known.0 == *user)),
            }
        }
        for place in &places {
            self.list(place, not_before, &self.everything_of_ours()).await;
        }
        places.iter().try_for_each(|place| self.inventory.is_seen(place))
    }

    /// Lists what stands in other people's parents, only to see what it uses: nothing in them is ours.
    async fn look_at_others(&self, places: Vec<Place>, not_before: Option<Instant>) -> Result<(), Cause> {
        for place in places {
            let is_new = self.inventory.listed_at(&place).is_none();
            if is_new {
                self.inventory.note_others(&place);
            }
            self.list(&place, not_before, &self.everything_of_ours()).await;
            if is_new {
                self.inventory.note_others(&place); // it may have been forgotten meanwhile, with what it stands in
            }
            match self.inventory.view(&place) {
                Err(cause) if cause.reason.as_str() == "NotFoundException" => {} // it went meanwhile
                seen => drop(seen?),
            }
        }
        Ok(())
    }

    /// What the tag `hatoba:named` of a document's resource is to list: the children by name that documents ask
    /// for, and those that it lists already and that may still be there.
    pub(crate) fn named(&self, kind: KindId, desired: &Desired) -> BTreeSet<String> {
        let by_name: Vec<KindId> = children(kind).filter(|c| c.table().marks == MarkStyle::Name).collect();
        if by_name.is_empty() {
            return BTreeSet::new();
        }
        let checked = self.state().checked.clone();
        let asked = checked.children(&desired.key).filter_map(|child| checked.desired.get(child));
        let asked = asked.filter(|child| child.table.marks == MarkStyle::Name);
        let digits = |child: &Desired| name_digits(child.name());
        let mut names: BTreeSet<String> = asked.map(digits).collect();
        let Ok(view) = self.inventory.view(&(kind, String::new())) else { return names };
        let is_its =
            |object: &&Object| object.mark.present().is_some_and(|mark| mark.document == desired.key);
        for parent in view.objects.iter().filter(|object| self.is_ours(object)).filter(is_its) {
            for listed in parent.tags.as_ref().map(names_listed).unwrap_or_default() {
                let is_there = |child: &KindId| match self.inventory.view(&(*child, parent.id.clone())) {
                    Ok(view) => {
                        // Where nothing was listed yet, as we made it, another process may have made that one.
                        view.listed_at.is_none()
                            || view.objects.iter().any(|object| name_digits(&object.natural_key) == listed)
                    }
                    Err(_) => true, // not seen is not gone
                };
                if by_name.iter().any(is_there) {
                    names.insert(listed);
                }
            }
        }
        names
    }

    /// Lists every scope that an object is the parent of. Where it lists no child by name there is none of ours, and
    /// a look now and then is enough to show those of others.
    pub(crate) async fn look_at_children(&self, kind: KindId, id: &str, not_before: Option<Instant>) {
        let has_named = self.has_named(kind, id);
        for child in children(kind) {
            let at: Place = (child, id.to_owned());
            let is_old = || self.inventory.age(&at).is_none_or(|age| age >= NAMES_LAST);
            let is_due = has_named || child.table().marks != MarkStyle::Name || is_old();
            self.list(&at, not_before.filter(|_| is_due), &self.everything_of_ours()).await;
        }
    }

    /// Whether an object's tags list children that are ours by name.
    fn has_named(&self, kind: KindId, id: &str) -> bool {
        let parent = self.inventory.object(&(kind, String::new()), id);
        parent.and_then(|parent| parent.tags).is_some_and(|tags| !names_listed(&tags).is_empty())
    }

    pub(crate) fn everything_of_ours(&self) -> Interest {
        Interest { everything: self.options.owner_is_explicit, ..Interest::default() }
    }
}

/// Those whose incarnation another one has too.
fn same_incarnation(objects: Vec<&Object>) -> Vec<&Object> {
    let number = |object: &Object| object.mark.present().map(|mark| mark.incarnation);
    let twice = |object: &&Object| objects.iter().filter(|o| number(o) == number(object)).count() > 1;
    objects.iter().copied().filter(twice).collect()
}

fn is_denied(cause: &Cause) -> bool {
    is_denial(cause.reason.as_str())
}
