//! Which of the resources that were seen is a document's: found by mark, by memory, by natural key. Pure.
//!
//! The invariant: whatever may be the document's and was not read leads to no creation.

use crate::adopt::{adopted, in_its_place};
use crate::assess::{Sight, Surplus, SurplusKind, UsedBy, is_past_saving, is_proven};
use crate::diff::{Fix, content, diff};
use crate::path;
use crate::{Cause, Desired, Key, Life, MarkStyle, Object, Renaming, Resolved, Seen};

/// Where a document's resource is, as far as was seen.
pub(crate) enum Found<'a> {
    /// It is this one, and these bear the mark beside it.
    Mine { current: &'a Object, surplus: Vec<Surplus<'a>> },
    /// It is nowhere; the incarnation to make it with.
    Unmade(u32),
    /// An earlier one goes away and holds the name.
    Going(Cause),
    /// It may be one whose mark has not been read.
    Unread(Cause),
    /// It is this one, which nobody marked, and it is never changed.
    Used(&'a Object),
    /// Somebody else's is in the way.
    NotOurs(Cause),
}

/// Finds the document's resource: by mark, by what this process remembers, by natural key.
pub(crate) fn find<'a>(
    desired: &Desired,
    resolved: &Resolved,
    objects: &[&'a Object],
    sight: &Sight<'a, '_>,
) -> Found<'a> {
    let borrowed = desired.table.marks.is_borrowed();
    let natural_key = desired.name();
    let is_mine = |object: &Object| match &object.mark {
        Seen::Present(mark) if borrowed => {
            (mark.owner == sight.owner || mark.is_nobodys()) && object.natural_key == natural_key
        }
        Seen::Present(mark) => mark.owner == sight.owner && mark.document == desired.key,
        // A child in a parent of ours that bears nobody's mark and has our key.
        Seen::Absent if borrowed => stands_in_ours(desired) && object.natural_key == natural_key,
        Seen::Absent => sight.remembered == Some(object.id.as_str()),
        Seen::Unknown(_) => false,
    };
    let mut mine: Vec<&Object> =
        objects.iter().copied().filter(|object| !object.is_leaving() && is_mine(object)).collect();
    if mine.is_empty() {
        mine = taken_over(desired, resolved, objects, sight, natural_key);
    }
    if !mine.is_empty() {
        return choose(desired, resolved, mine, sight);
    }
    if let Some(found) = adopted(desired, objects, sight) {
        return found;
    }
    let may_be_mine =
        |object: &Object| object.natural_key == natural_key || sight.remembered == Some(object.id.as_str());
    let unread = |object: &&&Object| {
        !object.is_leaving() && may_be_mine(object) && matches!(object.mark, Seen::Unknown(_))
    };
    if let Some(unread) = objects.iter().find(unread) {
        let message = format!("the tags of {} have not been read", unread.id);
        return Found::Unread(Cause::new("TagsUnread", message));
    }
    if let Some(found) = in_its_place(desired, resolved, objects) {
        return found;
    }
    for object in objects.iter().filter(|object| object.natural_key == natural_key) {
        if let Some(found) = in_the_way(desired, object) {
            return found;
        }
    }
    Found::Unmade(next_incarnation(desired, objects, sight))
}

/// Whether the parent is a document's, so that what stands in it is ours to put right.
fn stands_in_ours(desired: &Desired) -> bool {
    desired.table.parent.is_none() || desired.table.scope_member.is_none() || desired.parent().is_some()
}

/// What bears the document's mark and is not the document's: a copy of our marks on somebody else's. Nothing is done
/// to it.
///
/// That is what only others use and has a higher number than another one: nobody but this process makes those. And where
/// only one can bear a mark ([`KindTable::has_one_bearer`]), what has the same number under another name.
///
/// [`KindTable::has_one_bearer`]: crate::KindTable::has_one_bearer
pub(crate) fn copies<'a>(
    desired: &Desired,
    objects: &[&'a Object],
    sight: &Sight<'a, '_>,
) -> Vec<&'a Object> {
    if desired.table.replace.revisions().is_some() {
        return Vec::new(); // there are always several
    }
    let number = |object: &Object| mark_of(object, sight.owner, desired).filter(|_| !object.is_leaving());
    let lowest = objects.iter().filter(|object| object.is_usable()).filter_map(|object| number(object)).min();
    let is_usurper = |object: &Object| {
        number(object).zip(lowest).is_some_and(|(number, lowest)| number > lowest.max(sight.last_incarnation))
            && (sight.used_by)(object) == UsedBy::Others
    };
    let natural_key = desired.name();
    let bearer = objects.iter().find(|object| object.natural_key == natural_key && number(object).is_some());
    let bearer = bearer.filter(|_| desired.table.has_one_bearer());
    let has_another_name = |object: &Object| {
        bearer.is_some_and(|bearer| object.natural_key != natural_key && number(object) == number(bearer))
    };
    objects.iter().copied().filter(|object| is_usurper(object) || has_another_name(object)).collect()
}

/// One more than any that was seen, those going away among them, or made by this process.
pub(crate) fn next_incarnation(desired: &Desired, objects: &[&Object], sight: &Sight<'_, '_>) -> u32 {
    let seen = objects.iter().filter_map(|object| mark_of(object, sight.owner, desired)).max();
    // A name that is free again is taken again: whoever knows it by name finds it.
    let made = if desired.table.marks == MarkStyle::Name { 0 } else { sight.last_incarnation };
    // Anybody may write a mark's number: the largest there is must not break us.
    seen.unwrap_or(0).max(made).saturating_add(1)
}

/// An object that holds the name that we would use.
fn in_the_way<'a>(desired: &Desired, object: &Object) -> Option<Found<'a>> {
    match (object.life.clone(), &object.mark) {
        (Life::Leaving { holds_name: true }, _) => Some(Found::Going(Cause::new(
            "Draining",
            format!("{} is going away; its name is free afterwards", object.id),
        ))),
        (Life::Leaving { holds_name: false }, _) => None,
        _ if !desired.table.unique => None,
        (_, Seen::Present(mark)) => Some(Found::NotOurs(Cause::new(
            "OwnedByAnother",
            format!("{} belongs to {} of owner {}", object.id, mark.document, mark.owner),
        ))),
        _ => Some(Found::NotOurs(Cause::new(
            "NotOurs",
            format!("{} of that name exists without our mark; `policy.adopt` takes it over", object.id),
        ))),
    }
}

/// Resources that changed hands without a create: a renamed document, a changed key, an integration whose mark was
/// edited away.
fn taken_over<'a>(
    desired: &Desired,
    resolved: &Resolved,
    objects: &[&'a Object],
    sight: &Sight<'a, '_>,
    natural_key: &str,
) -> Vec<&'a Object> {
    let fits = |object: &&&Object| match (&object.mark, desired.table.marks) {
        // Renamed by hand, and this process knows it; no other document asks for that name.
        (_, MarkStyle::Name) => {
            let namesake = Key::new(&desired.key.kind, &object.natural_key);
            sight.remembered == Some(object.id.as_str())
                && (namesake == desired.key || !(sight.is_document)(&namesake))
        }
        // Its key was changed in the document, and no other document asks for the old one.
        (Seen::Present(mark), MarkStyle::Inherited(_)) => {
            let is_ours = mark.owner == sight.owner && !sight.claimed.contains(&object.natural_key);
            is_ours
                && match renaming(desired, &object.natural_key, natural_key) {
                    Renaming::Refused => false,
                    Renaming::Possible => sight.remembered == Some(object.id.as_str()),
                    Renaming::Needed => true,
                }
        }
        // The document was renamed: its old name is no document any more.
        (Seen::Present(mark), _) if desired.table.unique => {
            mark.owner == sight.owner
                && mark.document.kind == desired.key.kind
                && object.natural_key == natural_key
                && !(sight.is_document)(&mark.document)
        }
        // A child of ours by name in a parent of ours, and nobody's mark on it.
        (Seen::Absent, MarkStyle::Tags) => {
            desired.table.parent.is_some()
                && desired.table.unique
                && object.natural_key == natural_key
                && object.tags.is_some()
        }
        // An integration in an API of ours that differs in nothing but the edited description.
        (Seen::Absent, MarkStyle::Description) => {
            diff(desired, resolved, &object.members).drift.iter().all(|drift| drift.path == "description")
        }
        _ => false,
    };
    let found: Vec<&Object> =
        objects.iter().filter(|object| !object.is_leaving()).filter(fits).copied().collect();
    if found.len() == 1 { found } else { Vec::new() }
}

/// How a resource of one natural key may become that of another.
fn renaming(desired: &Desired, from: &str, to: &str) -> Renaming {
    let name = desired.table.name_member.and_then(|member| desired.table.field(member));
    name.and_then(|field| field.renaming).map_or(Renaming::Refused, |how| how(from, to))
}

/// The current one among those that bear the mark: the highest usable incarnation; of twins the one that ours use,
/// else the oldest, else the smallest id. Where only others use any of them one may be theirs, with a copy of our mark:
/// then it is the one that this process knows as its own, and without such a one none.
///
/// Of revisions the one that holds exactly what is asked for comes before newer ones: none is registered twice. And where
/// AWS keeps names unique, the one of the name that is asked for: the document was renamed and has its name back.
fn choose<'a>(
    desired: &Desired,
    resolved: &Resolved,
    mut mine: Vec<&'a Object>,
    sight: &Sight<'a, '_>,
) -> Found<'a> {
    let doubtful = doubtful_twins(desired, &mine, sight);
    let is_known = |object: &Object| sight.remembered == Some(object.id.as_str());
    if !doubtful.is_empty() && !doubtful.iter().any(|object| is_known(object)) {
        let ids: Vec<&str> = doubtful.iter().map(|object| object.id.as_str()).collect();
        let message = format!(
            "{} bear this document's mark, nothing of ours uses any of them, and something else does: one may be a \
             copy, so none is touched; take the tags `hatoba:*` off what is not the document's",
            ids.join(" and ")
        );
        return Found::NotOurs(Cause::new("DuplicateInUse", message));
    }
    // Two processes may each know another one; while there is doubt neither removes the other's.
    let is_doubtful = |object: &Object| !doubtful.is_empty() && (sight.used_by)(object) == UsedBy::Nobody;
    let rank = |object: &Object| match doubtful.is_empty() {
        true => (false, (sight.used_by)(object)),
        false => (is_known(object), UsedBy::Nobody),
    };
    let content = content(desired, resolved);
    mine.sort_by_cached_key(|object| {
        let is_asked_for = is_proven(content.as_ref(), object) || bears_the_name(desired, resolved, object);
        (
            std::cmp::Reverse((object.is_usable(), is_asked_for, incarnation(object))),
            std::cmp::Reverse(rank(object)),
            object.created_at_ms.unwrap_or(i64::MAX),
            object.id.clone(),
        )
    });
    let current = mine[0];
    // Else a newer one is on its way to take its place, unless it failed and is not what is asked for any more.
    let any_may_go =
        desired.table.replace.revisions().is_some() || bears_the_name(desired, resolved, current);
    let mut surplus: Vec<Surplus<'a>> = mine[1..]
        .iter()
        // What bears no mark is never ours to remove, however we came to know it.
        .filter(|object| object.mark.present().is_some_and(|mark| mark.owner == sight.owner))
        .filter(|object| {
            any_may_go || incarnation(object) <= incarnation(current) || is_in_vain(desired, resolved, object)
        })
        .filter(|object| incarnation(object) != incarnation(current) || !is_doubtful(object))
        .map(|object| Surplus {
            object,
            why: if incarnation(object) == incarnation(current) {
                SurplusKind::Twin
            } else {
                SurplusKind::Superseded
            },
        })
        .collect();
    if let Some(revisions) = desired.table.replace.revisions() {
        surplus = beyond(revisions.kept, surplus, sight);
    }
    // One at a time goes: what is still used must not keep the others.
    surplus.sort_by_key(|surplus| (sight.used_by)(surplus.object) != UsedBy::Nobody);
    Found::Mine { current, surplus }
}

/// Whether a usable one has the name that is asked for, where AWS keeps names unique, and can become what is asked for:
/// there is no better one.
pub(crate) fn bears_the_name(desired: &Desired, resolved: &Resolved, object: &Object) -> bool {
    let natural_key = desired.name();
    let can_become_it =
        || diff(desired, resolved, &object.members).drift.iter().all(|drift| drift.fix != Fix::Replace);
    desired.table.has_one_bearer()
        && object.is_usable()
        && object.natural_key == natural_key
        && !is_drained(desired, object)
        && can_become_it()
}

/// Whether a resource failed and is not what is asked for.
fn is_in_vain(desired: &Desired, resolved: &Resolved, object: &Object) -> bool {
    is_past_saving(desired, object, &diff(desired, resolved, &object.members).drift)
}

/// Whether it was emptied to be deleted, as far as its members tell.
pub(crate) fn is_drained(desired: &Desired, object: &Object) -> bool {
    desired.table.drain.is_some_and(|drain| {
        let to = Some(drain.to.value());
        let member = |members| path::get_member(members, drain.path).cloned();
        member(&object.members) == to && member(&desired.members) != to
    })
}

/// Twins of which only others use any. Of revisions there are always several.
fn doubtful_twins<'a>(desired: &Desired, mine: &[&'a Object], sight: &Sight<'a, '_>) -> Vec<&'a Object> {
    let rank = |object: &Object| (object.is_usable(), incarnation(object));
    let highest = mine.iter().map(|object| rank(object)).max();
    let twins: Vec<&Object> = mine.iter().copied().filter(|object| Some(rank(object)) == highest).collect();
    let most = twins.iter().map(|object| (sight.used_by)(object)).max();
    let is_doubt =
        desired.table.replace.revisions().is_none() && twins.len() > 1 && most == Some(UsedBy::Others);
    if is_doubt { twins } else { Vec::new() }
}

/// Of revisions the newest `kept` stay, and so does whatever is used; the oldest goes first. Twins go as ever.
fn beyond<'a>(kept: usize, surplus: Vec<Surplus<'a>>, sight: &Sight<'a, '_>) -> Vec<Surplus<'a>> {
    let stay = kept.saturating_sub(1); // beside the current one
    let (twins, superseded): (Vec<_>, Vec<_>) =
        surplus.into_iter().partition(|surplus| surplus.why == SurplusKind::Twin);
    let old = superseded.into_iter().skip(stay).rev();
    twins.into_iter().chain(old.filter(|surplus| (sight.used_by)(surplus.object) == UsedBy::Nobody)).collect()
}

pub(crate) fn incarnation(object: &Object) -> u32 {
    object.mark.present().map_or(1, |mark| mark.incarnation)
}

pub(crate) fn mark_of(object: &Object, owner: &str, desired: &Desired) -> Option<u32> {
    let mark = object.mark.present()?;
    let is_its = match desired.table.marks {
        MarkStyle::Name => {
            let natural_key = desired.name();
            (mark.owner == owner || mark.is_nobodys()) && object.natural_key == natural_key
        }
        _ => mark.owner == owner && mark.document == desired.key,
    };
    is_its.then_some(mark.incarnation)
}

pub(crate) fn newest_incarnation(desired: &Desired, objects: &[&Object], owner: &str) -> u32 {
    let living = objects.iter().filter(|object| !object.is_leaving());
    living.filter_map(|object| mark_of(object, owner, desired)).max().unwrap_or(1)
}
