//! What must come to rest before it may be deleted: an ECS service's tasks.

use hatoba_core::{
    Action, Cause, Change, Deletion, FieldDrift, Fix, Key, Mark, Object, TagChange, Target, path,
};
use hatoba_kinds::KindId;
use serde_json::Value;

pub(crate) enum Drained {
    Yes,
    Write(Box<Action>),
    Wait(Cause),
}

/// ECS services are scaled to 0, seen at 0, then deleted.
pub(crate) fn drained(kind: KindId, object: &Object, target: &Target) -> Drained {
    let Some(drain) = kind.table().drain else { return Drained::Yes };
    let have = path::get_member(&object.members, drain.path).cloned().unwrap_or(Value::Null);
    if have.is_null() {
        return Drained::Yes; // it has no such member: nobody may set what its tasks follow
    }
    let to = drain.to.value();
    if have != to {
        let mut after = Value::Object(object.members.clone());
        path::set(&mut after, drain.path, to.clone());
        let drift = FieldDrift { path: drain.path.to_owned(), from: have, to, fix: Fix::InPlace };
        return Drained::Write(Box::new(Action::Update(Change {
            target: target.clone(),
            mark: mark_of(object),
            drift: vec![drift],
            tags: TagChange::default(),
            after: after.as_object().cloned().unwrap_or_default(),
        })));
    }
    let seen = object.outputs.get(drain.seen).map_or("", String::as_str);
    match seen.parse::<i64>().ok() == to.as_i64() {
        true => Drained::Yes,
        false => Drained::Wait(Cause::new("Draining", format!("{} is still {seen}", drain.seen))),
    }
}

fn mark_of(object: &Object) -> Mark {
    let nobody = || Mark {
        owner: String::new(),
        document: Key::new("", ""),
        incarnation: 1,
        deletion: Deletion::Retain,
    };
    object.mark.present().cloned().unwrap_or_else(nobody)
}
