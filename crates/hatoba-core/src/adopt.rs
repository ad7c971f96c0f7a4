//! Resources that a document takes over, or uses, though they do not bear its mark. Pure.
//!
//! The invariant: nothing is taken over that the document does not name, and nothing that several could be meant by.

use serde_json::Value;

use crate::assess::Sight;
use crate::diff::same;
use crate::find::Found;
use crate::{Adopt, AdoptMatch, Cause, Desired, Field, Object, Resolved, Seen};

/// What `policy.adopt` leads to while nothing bears the document's mark; `None`: nothing to take over, make one.
pub(crate) fn adopted<'a>(
    desired: &Desired,
    objects: &[&'a Object],
    sight: &Sight<'a, '_>,
) -> Option<Found<'a>> {
    let adopt = desired.policy.adopt.as_ref()?;
    let kind = desired.table.kind;
    let living = objects.iter().copied().filter(|object| !object.is_leaving());
    let (named, how): (Vec<&Object>, String) = match (&adopt.id, &adopt.by) {
        (Some(id), _) => {
            let is_it = |object: &&Object| object.id == *id || object.arn.as_ref() == Some(id);
            (living.filter(is_it).collect(), id.clone())
        }
        (None, Some(AdoptMatch::Name)) => {
            let name = desired.name();
            let named: Vec<&Object> = living.filter(|object| object.natural_key == name).collect();
            (newest_revision(desired, named), format!("the name {name}"))
        }
        (None, None) => return None,
    };
    match named.as_slice() {
        // What was ours and is gone is made anew like all else.
        [] if adopt.id.is_some() && sight.last_incarnation == 0 => {
            let message = format!(
                "policy.adopt names {how}, and there is no such {kind}; without `adopt`, one is made"
            );
            Some(Found::NotOurs(Cause::new("AdoptNotFound", message)))
        }
        [] => None,
        [one] => Some(take(adopt, one, sight)),
        several => {
            let ids = several.iter().map(|object| object.id.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("policy.adopt means exactly one {kind}, and {how} fits several: {ids}");
            Some(Found::NotOurs(Cause::new("AdoptAmbiguous", message)))
        }
    }
}

/// One resource that is meant: ours from now on, unless somebody else's mark forbids it.
fn take<'a>(adopt: &Adopt, object: &'a Object, sight: &Sight<'a, '_>) -> Found<'a> {
    let mark = match &object.mark {
        Seen::Unknown(_) => {
            let message = format!("the tags of {} have not been read", object.id);
            return Found::Unread(Cause::new("TagsUnread", message));
        }
        Seen::Absent => return Found::Mine { current: object, surplus: Vec::new() },
        Seen::Present(mark) if mark.is_nobodys() => {
            return Found::Mine { current: object, surplus: Vec::new() };
        }
        Seen::Present(mark) => mark,
    };
    let is_from = adopt.from_owner.as_deref() == Some(mark.owner.as_str());
    // A document of ours that asks for it keeps it; one that is gone does not.
    let is_free = mark.owner == sight.owner && !(sight.is_document)(&mark.document);
    if is_free || (is_from && mark.owner != sight.owner) {
        return Found::Mine { current: object, surplus: Vec::new() };
    }
    let hint = match mark.owner == sight.owner {
        true => "take it out of that document first",
        false => "`policy.adopt.fromOwner` with that owner takes it over",
    };
    let message = format!("{} belongs to {} of owner {}; {hint}", object.id, mark.document, mark.owner);
    Found::NotOurs(Cause::new("OwnedByAnother", message))
}

/// Of a family's revisions only the newest can be meant.
fn newest_revision<'a>(desired: &Desired, named: Vec<&'a Object>) -> Vec<&'a Object> {
    match desired.table.replace.revisions() {
        Some(_) => {
            let newest = named.into_iter().max_by_key(|object| (object.created_at_ms, object.id.clone()));
            newest.into_iter().collect()
        }
        None => named,
    }
}

/// One that stands for exactly what the document asks for, where a name alone does not say which: nobody's, and then
/// used as it is by documents that others imply and in the way of all others; or somebody else's.
pub(crate) fn in_its_place<'a>(
    desired: &Desired,
    resolved: &Resolved,
    objects: &[&'a Object],
) -> Option<Found<'a>> {
    let apart: Vec<&Field> = desired.table.fields.iter().filter(|field| field.tells_apart).collect();
    let name = desired.name();
    if apart.is_empty() {
        return None;
    }
    let mut unknown = None;
    for object in objects.iter().copied().filter(|object| object.natural_key == name && !object.is_leaving())
    {
        let known = apart.iter().all(|field| object.members.get(field.path).is_some_and(|v| !v.is_null()));
        let is_it = |field: &&Field| {
            let wanted = resolved.members.get(field.path).unwrap_or(&Value::Null);
            same(field, wanted, object.members.get(field.path).unwrap_or(&Value::Null))
        };
        if !known {
            unknown = unknown.or(Some(object));
        } else if apart.iter().all(is_it) {
            return Some(stands_there(desired, object));
        }
    }
    let unknown = unknown.filter(|_| desired.policy.uses_unmarked)?;
    let fields = apart.iter().map(|field| field.path).collect::<Vec<_>>().join(", ");
    let message = format!(
        "{} has that name, and its {fields} cannot be told, so nothing is made beside it; name it by its id, or see \
         which read is denied in the log",
        unknown.id
    );
    Some(Found::Unread(Cause::new("NotToldApart", message)))
}

fn stands_there<'a>(desired: &Desired, object: &'a Object) -> Found<'a> {
    match &object.mark {
        Seen::Absent if desired.policy.uses_unmarked => Found::Used(object),
        Seen::Absent => Found::NotOurs(Cause::new(
            "NotOurs",
            format!(
                "{} is what is asked for, and bears no mark of ours; `policy.adopt` takes it over",
                object.id
            ),
        )),
        Seen::Present(mark) => Found::NotOurs(Cause::new(
            "OwnedByAnother",
            format!("{} belongs to {} of owner {}", object.id, mark.document, mark.owner),
        )),
        Seen::Unknown(_) => {
            let message = format!("the tags of {} have not been read", object.id);
            Found::Unread(Cause::new("TagsUnread", message))
        }
    }
}

#[cfg(test)]
#[path = "tests/adopt.rs"]
mod tests;
