//! Whose an object is, where its kind bears no mark of its own: its parent's list of names says so, or what it points to.

use std::collections::BTreeMap;

use hatoba_core::{Cause, Mark, MarkStyle, Object, Seen};
use hatoba_kinds::KindId;

use super::{Listing, Place, Trust};

/// Where the marks of a kind's objects are, if they do not bear them themselves.
pub(crate) fn marks_lie_in((kind, scope): &Place) -> Option<Place> {
    let bearer = match kind.table().marks {
        MarkStyle::Inherited(bearer) => KindId::of(bearer)?,
        MarkStyle::Name => kind.table().parent.and_then(KindId::of)?,
        MarkStyle::Tags | MarkStyle::TagsReadApart | MarkStyle::Description => return None,
    };
    let in_the_account = bearer.table().scope_member.is_none();
    Some((bearer, if in_the_account { String::new() } else { scope.clone() }))
}

/// Objects of a place with the marks that they borrow, where the kind's lie elsewhere.
pub(super) fn borrow_marks(
    state: &BTreeMap<Place, Listing>,
    place: &Place,
    mut objects: Vec<Object>,
    trust: Trust,
) -> Vec<Object> {
    let Some(bearers) = marks_lie_in(place).filter(|_| !objects.is_empty()) else { return objects };
    let bearers = state.get(&bearers).filter(|listing| listing.is_trusted(trust)).map(Listing::effective);
    for object in &mut objects {
        object.mark = match place.0.table().marks {
            MarkStyle::Name => by_name(object, bearers.as_deref()),
            _ => inherited(object, bearers.as_deref()),
        };
    }
    objects
}

/// The mark of a child by name, as its parent confirms it.
fn by_name(object: &Object, parents: Option<&[Object]>) -> Seen<Mark> {
    let Some(parents) = parents else {
        return Seen::Unknown(Cause::new("NotListed", "what it stands in has not been listed yet"));
    };
    let parent = parents.iter().find(|parent| parent.id == object.scope);
    let says = parent.and_then(|parent| Some((parent.mark.present()?, parent.tags.as_ref()?)));
    match &object.mark {
        Seen::Present(mark) => Seen::Present(mark.confirmed_by(&object.natural_key, says)),
        unread => unread.clone(),
    }
}

/// The mark of what an object points to.
fn inherited(object: &Object, marked: Option<&[Object]>) -> Seen<Mark> {
    let Some(marked) = marked else {
        return Seen::Unknown(Cause::new("NotListed", "what it points to has not been listed yet"));
    };
    let pointed_to = marked.iter().find(|other| object.uses.contains(&other.id));
    pointed_to.map_or(Seen::Absent, |other| other.mark.clone())
}
