//! Looking for resources that documents are to be written for: those that are named, what stands in them, and what
//! they use.
//!
//! The invariant: nothing is written, and what could not be seen is said, never passed over. The plan of the documents
//! that come of it reads the same lists.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::LocalBoxFuture;
use hatoba_core::{Cause, Members, Object, RefField, path};
use hatoba_kinds::{CallError, Found, Interest, KindId};
use serde_json::Value;

use crate::engine::Engine;
use crate::inventory::{children, marks_lie_in};

/// A resource that somebody named.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its kind.
    pub kind: KindId,
    /// Where it stands.
    pub scope: String,
    /// What AWS, or our list of the kind, calls it; an ARN will do.
    pub id: String,
    /// Who named it, for people.
    pub origin: String,
    /// Members that AWS may not show.
    pub hints: Members,
    /// Members that must not be written down.
    pub withheld: BTreeSet<String>,
    /// With all that stands in it.
    pub whole: bool,
}

/// How far to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// What is named, and what its documents cannot do without.
    Named,
    /// Also what it uses, and what leads to it.
    Dependencies,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Sighted {
    /// Resources, those that were named first.
    pub found: Vec<Found>,
    /// What was looked for in vain: what, who named it, why.
    pub missing: Vec<(String, String, Cause)>,
    /// What the resources use and nobody named, where documents could: the kind, and how it is named there.
    pub beside: BTreeSet<(String, String)>,
}

impl Engine {
    /// Looks for resources, reading AWS and writing nothing.
    ///
    /// # Errors
    /// When the account cannot be told.
    pub fn look_for(
        &self,
        wanted: Vec<Wanted>,
        reach: Reach,
    ) -> LocalBoxFuture<'_, Result<Sighted, CallError>> {
        Box::pin(async move {
            let account = self.aws.account().await?;
            self.aws.pin_account(&account);
            let mut sighted = Sighted::default();
            self.look_around(&wanted).await;
            for wanted in wanted {
                self.sight_one(wanted, &mut sighted).await;
            }
            if reach == Reach::Dependencies {
                self.sight_users(&mut sighted).await;
            }
            self.sight_used(&mut sighted, reach).await;
            Ok(sighted)
        })
    }

    async fn sight_one(&self, wanted: Wanted, sighted: &mut Sighted) {
        let kind = wanted.kind.table().kind;
        let what = match wanted.scope.as_str() {
            "" => format!("{kind} {}", wanted.id),
            scope => format!("{kind} {} in {scope}", wanted.id),
        };
        let object = match self.object(wanted.kind, &wanted.scope, &wanted.id).await {
            Ok(object) => object,
            Err(cause) => return sighted.missing.push((what, wanted.origin, cause)),
        };
        if wanted.whole {
            for kind in children(wanted.kind) {
                let origin = format!("in {what}");
                match self.all(kind, &object.id).await {
                    Ok(objects) => objects.into_iter().for_each(|object| sighted.add(kind, object, &origin)),
                    Err(cause) => {
                        let what = format!("every {} in {}", kind.table().kind, object.id);
                        sighted.missing.push((what, wanted.origin.clone(), cause));
                    }
                }
            }
        }
        let Wanted { kind, origin, hints, withheld, .. } = wanted;
        match sighted.found.iter_mut().find(|found| is_same(found, kind, &object)) {
            // Named twice: what either says must not be written down is not.
            Some(found) => found.withheld.extend(withheld),
            None => sighted.found.push(Found { kind, object, origin, hints, withheld }),
        }
    }

    /// Everything of the kind in a scope, with what lists show only when they are asked for it.
    async fn all(&self, kind: KindId, scope: &str) -> Result<Vec<Object>, Cause> {
        let every = Interest { everything: kind.lists_by_name(), ..Interest::default() };
        let names: BTreeSet<String> =
            self.listed(kind, scope, &every).await?.into_iter().map(|object| object.natural_key).collect();
        if !kind.lists_by_name() {
            return self.listed(kind, scope, &every).await;
        }
        self.listed(kind, scope, &Interest { details: names.clone(), names, ..every }).await
    }

    /// One object, with everything that can be read of it.
    async fn object(&self, kind: KindId, scope: &str, id: &str) -> Result<Object, Cause> {
        let none = || {
            let region = self.aws.region();
            Cause::new("NotFound", format!("there is none in region {region} of this account"))
        };
        let is_it = |object: &Object| object.id == id || object.arn.as_deref() == Some(id);
        let objects = self.listed(kind, scope, &by_names([plain_name(id)])).await?;
        let object = objects.into_iter().find(is_it).ok_or_else(none)?;
        if !kind.lists_by_name() {
            return Ok(object);
        }
        let objects = self.listed(kind, scope, &by_names([object.natural_key.as_str()])).await?;
        objects.into_iter().find(is_it).ok_or_else(none)
    }

    /// One look at each place for all that is named there, so that no list is asked for once for each.
    async fn look_around(&self, wanted: &[Wanted]) {
        let mut places: BTreeMap<(KindId, &str), BTreeSet<&str>> = BTreeMap::new();
        for wanted in wanted.iter().filter(|wanted| wanted.kind.lists_by_name()) {
            places.entry((wanted.kind, &wanted.scope)).or_default().insert(plain_name(&wanted.id));
        }
        for ((kind, scope), names) in places {
            // What fails here fails again where it is asked for, and is told there.
            let objects =
                self.listed(kind, scope, &by_names(names.iter().copied())).await.unwrap_or_default();
            let meant = objects.iter().filter(|object| names.contains(plain_name(&object.id)));
            let keys = meant.map(|object| object.natural_key.as_str());
            let _ = self.listed(kind, scope, &by_names(names.iter().copied().chain(keys))).await;
        }
    }

    /// What is listed and stays.
    async fn listed(&self, kind: KindId, scope: &str, interest: &Interest) -> Result<Vec<Object>, Cause> {
        let place = (kind, scope.to_owned());
        if let Some(bearers) = marks_lie_in(&place) {
            self.list(&bearers, None, &Interest::default()).await;
        }
        self.list(&place, None, interest).await;
        let mut objects = self.inventory.view(&place)?.objects.to_vec();
        objects.retain(|object| !object.is_leaving());
        Ok(objects)
    }

    /// What refers to something found and could not be documented without it: a mapping of a domain name to an API.
    async fn sight_users(&self, sighted: &mut Sighted) {
        let roots: Vec<(KindId, BTreeMap<String, String>)> =
            sighted.found.iter().map(|found| (found.kind, found.object.outputs.clone())).collect();
        for user in KindId::ALL.iter().copied() {
            let table = user.table();
            let leads =
                |reference: &&RefField| reference.required && Some(reference.member) != table.scope_member;
            for reference in table.references.iter().filter(leads) {
                let names: BTreeSet<&String> = roots
                    .iter()
                    .filter(|(kind, _)| reference.kinds.contains(&kind.table().kind))
                    .filter_map(|(_, outputs)| outputs.get(reference.output))
                    .collect();
                if names.is_empty() {
                    continue;
                }
                for scope in self.scopes(user, sighted).await {
                    let objects = self.all(user, &scope).await.unwrap_or_default();
                    for object in objects {
                        let named = object.members.get(reference.member).and_then(Value::as_str);
                        if named.is_some_and(|named| names.iter().any(|name| *name == named)) {
                            sighted.add(user, object, "it leads to what was named");
                        }
                    }
                }
            }
        }
    }

    /// What the resources use: all of it, or what their documents must name.
    async fn sight_used(&self, sighted: &mut Sighted, reach: Reach) {
        let mut at = 0;
        while let Some(found) = sighted.found.get(at).cloned() {
            at += 1;
            for reference in found.kind.table().references {
                for named in values(&found, reference) {
                    if sighted.found.iter().any(|other| is_named(other, reference, &named)) {
                        continue;
                    }
                    let is_followed = reference.required || reach == Reach::Dependencies;
                    if !is_followed {
                        sighted.beside.extend(could_be(reference, &named));
                        continue;
                    }
                    if let Some((kind, object)) = self.used(&found, reference, &named, sighted).await {
                        let origin = format!("{} {} uses it", found.kind.table().kind, found.object.id);
                        sighted.add(kind, object, &origin);
                    }
                }
            }
        }
    }

    /// The resource that a member names, if a kind of ours covers it.
    async fn used(
        &self,
        found: &Found,
        reference: &RefField,
        named: &str,
        sighted: &mut Sighted,
    ) -> Option<(KindId, Object)> {
        could_be(reference, named)?;
        for kind in reference.kinds.iter().filter_map(|kind| KindId::of(kind)) {
            for scope in self.scopes(kind, sighted).await {
                let is_near = scope.is_empty()
                    || scope == found.object.scope
                    || found.object.uses.contains(&scope)
                    || named.starts_with("arn:");
                if !is_near {
                    continue;
                }
                let is_it = |object: &Object| says(&object.outputs, reference, named);
                // What was listed for others will do; some lists show only what they are asked for.
                for interest in [Interest::default(), by_names([plain_name(named)])] {
                    let objects = self.listed(kind, &scope, &interest).await.unwrap_or_default();
                    let Some(object) = objects.into_iter().find(is_it) else { continue };
                    let whole = by_names([object.natural_key.as_str()]);
                    let objects = self.listed(kind, &scope, &whole).await.unwrap_or_default();
                    return objects.into_iter().find(is_it).map(|object| (kind, object));
                }
            }
        }
        None
    }

    /// Where resources of a kind may stand: the account, or everything of the kinds that they stand in.
    async fn scopes(&self, kind: KindId, sighted: &mut Sighted) -> BTreeSet<String> {
        let table = kind.table();
        let Some(member) = table.scope_member else { return BTreeSet::from([String::new()]) };
        let mut scopes = BTreeSet::new();
        for reference in table.references.iter().filter(|reference| reference.member == member) {
            for parent in reference.kinds.iter().filter_map(|kind| KindId::of(kind)) {
                match self.listed(parent, "", &Interest::default()).await {
                    Ok(objects) => {
                        scopes
                            .extend(objects.iter().filter_map(|o| o.outputs.get(reference.output).cloned()));
                    }
                    Err(cause) => {
                        let what = format!("every {}", parent.table().kind);
                        let told = sighted.missing.iter().any(|(other, ..)| *other == what);
                        if !told {
                            sighted.missing.push((what, "what the resources use".to_owned(), cause));
                        }
                    }
                }
            }
        }
        scopes
    }
}

impl Sighted {
    fn add(&mut self, kind: KindId, object: Object, origin: &str) {
        if !self.found.iter().any(|found| is_same(found, kind, &object)) {
            let (origin, hints, withheld) = (origin.to_owned(), Members::new(), BTreeSet::new());
            self.found.push(Found { kind, object, origin, hints, withheld });
        }
    }
}

fn is_same(found: &Found, kind: KindId, object: &Object) -> bool {
    found.kind == kind && found.object.scope == object.scope && found.object.id == object.id
}

/// All that can be read of what has these names.
fn by_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Interest {
    let names: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
    Interest { details: names.clone(), names, everything: false }
}

/// What AWS calls a resource, from an id or ARN: `arn:…:task-definition/web:7` → `web`.
fn plain_name(id: &str) -> &str {
    let end = id.rsplit('/').next().unwrap_or(id);
    end.split(':').next().unwrap_or(end)
}

/// What a resource's members name where a reference may stand.
fn values(found: &Found, reference: &RefField) -> Vec<String> {
    let mut members = found.object.members.clone();
    if let Some(member) = found.kind.table().scope_member {
        members.insert(member.to_owned(), Value::String(found.object.scope.clone()));
    }
    let members = Value::Object(members);
    let (before, after) = reference.template.split_once("{}").unwrap_or_default();
    path::expand(&members, &path::beside(reference.path, reference.member))
        .iter()
        .filter_map(|at| path::get(&members, at)?.as_str())
        .filter_map(|text| text.strip_prefix(before)?.strip_suffix(after))
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

fn is_named(found: &Found, reference: &RefField, named: &str) -> bool {
    reference.kinds.contains(&found.kind.table().kind) && says(&found.object.outputs, reference, named)
}

fn says(outputs: &BTreeMap<String, String>, reference: &RefField, named: &str) -> bool {
    [reference.output, "id"].iter().any(|output| outputs.get(*output).is_some_and(|value| value == named))
}

/// The kind and the name of what a member may name; `None`: that is no resource of a kind of ours.
fn could_be(reference: &RefField, named: &str) -> Option<(String, String)> {
    let is_arn = named.starts_with("arn:");
    let is_of = |kind: &&&str| {
        let service = KindId::of(kind).and_then(|kind| kind.operations().first()).map(|first| first.service);
        let named_in = named.split(':').nth(2);
        !is_arn || named_in == service || (named_in == Some("apigateway") && service == Some("apigatewayv2"))
    };
    let plain_would_do = is_arn || reference.output != "arn" || !named.contains("://");
    let kind = reference.kinds.iter().find(is_of)?;
    plain_would_do.then(|| ((*kind).to_owned(), named.to_owned()))
}
