//! Names of imported documents: what people call the thing in AWS, and never the number of it in a list.
//!
//! What stands in an API bears the API's name in front, as the parts of an `HttpService` do: there is a `$default`
//! route in every API.

use std::collections::BTreeSet;

use hatoba_core::{Key, Members};

use super::{Found, Named};
use crate::http_service::names::{hashed, slug};

/// A name for each: the plain one where nothing else has it, else with its scope in front, else with a hash of its id.
pub(super) fn names(drafts: &[(&Found, Members)], named: &[Named<'_>], taken: &BTreeSet<Key>) -> Vec<String> {
    let plain: Vec<String> = drafts.iter().map(|(found, spec)| plain(found, spec, named)).collect();
    let scoped: Vec<String> =
        drafts.iter().zip(&plain).map(|((found, _), plain)| scoped(found, plain, named)).collect();
    let is_free = |names: &[String], at: usize| {
        let (name, kind) = (&names[at], drafts[at].0.kind.table().kind);
        names.iter().filter(|other| *other == name).count() == 1 && !taken.contains(&Key::new(kind, name))
    };
    (0..drafts.len())
        .map(|at| match (is_free(&plain, at), is_free(&scoped, at) && !plain.contains(&scoped[at])) {
            (true, _) => plain[at].clone(),
            (false, true) => scoped[at].clone(),
            (false, false) => {
                let object = &drafts[at].0.object;
                let (front, last) =
                    plain[at].rsplit_once('.').map_or(("", plain[at].as_str()), |(f, l)| (f, l));
                joined(front, &hashed(last, &format!("{} {}", object.scope, object.id)))
            }
        })
        .collect()
}

/// The document of what a resource stands in.
pub(super) fn parent<'a, 'b>(found: &Found, named: &'b [Named<'a>]) -> Option<&'b Named<'a>> {
    let table = found.kind.table();
    let member = table.scope_member?;
    let reference = table.references.iter().find(|reference| reference.member == member)?;
    named.iter().find(|named| {
        let outputs = &named.found.object.outputs;
        reference.kinds.contains(&named.key.kind.as_str())
            && outputs.get(reference.output) == Some(&found.object.scope)
    })
}

fn plain(found: &Found, spec: &Members, named: &[Named<'_>]) -> String {
    let object = &found.object;
    let own = match (found.kind.called(spec), found.kind.table().name_member) {
        (Some(called), _) => called,
        (None, Some(_)) if object.natural_key.chars().all(|c| !c.is_ascii_alphanumeric()) => String::new(),
        (None, Some(_)) => object.natural_key.clone(),
        (None, None) => object.id.clone(),
    };
    let own = if own.is_empty() { own } else { slug(&own) };
    // Children that need their parent's document are called after it.
    let is_child = found.kind.table().references.iter().any(|reference| reference.required);
    match is_child {
        true => joined(&front(found, named), &own),
        false if own.is_empty() => slug(&object.id),
        false => own,
    }
}

fn scoped(found: &Found, plain: &str, named: &[Named<'_>]) -> String {
    let front = front(found, named);
    match plain.starts_with(&front) {
        true => plain.to_owned(),
        false => joined(&front, plain),
    }
}

/// The name of what it stands in.
fn front(found: &Found, named: &[Named<'_>]) -> String {
    let scope = &found.object.scope;
    match parent(found, named) {
        Some(parent) => parent.key.name.clone(),
        None if scope.is_empty() => String::new(),
        None => slug(scope),
    }
}

fn joined(front: &str, own: &str) -> String {
    [front, own].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
}
