//! One recorded resource through the product's real driver and client: decoded, normalised, written again, read again.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{
    Action, Change, Creation, Deletion, Desired, Digest, FieldDrift, Fix, Key, Mark, Members, Mutability,
    Object, Policy, Resolved, TagChange, Target, diff, path,
};
use hatoba_kinds::{Answer, Interest, KindId};
use serde_json::{Map, Value};

use super::members::{answered, documented, lost};
use super::sorts::Sort;
use super::wire::{Heard, Reply, Witness};

/// A recorded resource of a kind of ours.
#[derive(Clone)]
pub(super) struct Replay {
    pub(super) kind: KindId,
    pub(super) sort: &'static Sort,
    pub(super) resource: Value,
    /// What the lists show in place of the resource: for proofs that a loss is seen.
    pub(super) shown: Option<Value>,
    /// Answers to operations by their names, in place of those that follow from the resource.
    pub(super) given: Vec<(String, Reply)>,
}

/// What a driver made of a resource, and of the request to make it again.
struct Seen {
    scope: String,
    object: Object,
}

impl Replay {
    pub(super) fn new(kind: KindId, sort: &'static Sort, resource: &Value) -> Replay {
        Replay { kind, sort, resource: resource.clone(), shown: None, given: Vec::new() }
    }

    /// Everything; what went wrong.
    pub(super) async fn run(&self) -> Vec<String> {
        let told = documented(self.kind, &self.resource);
        let shown = self.shown.as_ref().unwrap_or(&self.resource);
        let object = match self.listed(shown).await {
            Ok(objects) if objects.len() == 1 => objects.into_iter().next().unwrap(),
            Ok(objects) => return vec![format!("a list shows {} instead of one", objects.len())],
            Err(error) => return vec![format!("list: {error}")],
        };
        let table = self.kind.table();
        let mut wrong = under("lost when read", lost(table, &told, &object.members));
        wrong.extend(itself(self.kind, &object));
        let seen = Seen { scope: self.scope(), object };
        wrong.extend(self.written_again(&told, &seen).await);
        wrong.extend(self.updated(&told, &seen).await);
        wrong.extend(self.beside(&seen).await);
        wrong
    }

    /// What the driver sees where AWS shows `resource`.
    pub(super) async fn listed(&self, resource: &Value) -> Result<Vec<Object>, String> {
        let witness = self.witness(resource);
        let members = documented(self.kind, resource);
        let name =
            self.kind.table().name_member.and_then(|name| members.get(name)?.as_str().map(str::to_owned));
        let names: BTreeSet<String> = name.into_iter().collect();
        let interest = Interest { details: names.clone(), names, everything: true };
        self.kind.list(&witness.aws(), &self.scope(), &interest).await.map_err(|error| error.to_string())
    }

    /// The request that makes such a resource says everything, the answer to it loses nothing, and what it makes
    /// reads back equal.
    async fn written_again(&self, told: &Members, seen: &Seen) -> Vec<String> {
        let table = self.kind.table();
        let witness = self.witness(&self.resource);
        let creation = Creation {
            scope: seen.scope.clone(),
            members: seen.object.members.clone(),
            tags: mark(self.kind).to_tags(&BTreeMap::new()),
            mark: mark(self.kind),
            replaces: Vec::new(),
        };
        let answer = match self.kind.execute(&witness.aws(), &Action::Create(creation)).await {
            Ok(answer) => answer,
            Err(error) => return vec![format!("create: {error}")],
        };
        let mut wrong = Vec::new();
        if let Answer::Object(object) = answer {
            wrong.extend(under("lost from the answer to a create", lost(table, told, &object.members)));
        }
        let request = request(&witness.heard());
        let told_at_once = said_at_once(self.kind, told);
        let sent = documented(self.kind, &request);
        wrong.extend(under("not said when created", lost(table, &told_at_once, &sent)));
        match self.listed(&answered(self.kind, &self.resource, &request)).await {
            Ok(objects) => {
                let read = said_at_once(self.kind, &seen.object.members);
                let again = objects.first().map(|object| object.members.clone()).unwrap_or_default();
                wrong.extend(under("lost when read again", lost(table, &read, &again)));
            }
            Err(error) => wrong.push(format!("list of what was created: {error}")),
        }
        wrong
    }

    /// An update that must put every changeable member right says each of them.
    async fn updated(&self, told: &Members, seen: &Seen) -> Vec<String> {
        let table = self.kind.table();
        let mut said = Vec::new();
        let mut drift = Vec::new();
        for field in table.fields {
            let have = path::get_member(&seen.object.members, field.path).filter(|have| !have.is_null());
            let changes = matches!(field.mutability, Mutability::InPlace | Mutability::ClearedBy(_));
            if let (Some(have), true) = (have, changes) {
                said.push(field.path);
                drift.push(FieldDrift {
                    path: field.path.to_owned(),
                    from: Value::Null,
                    to: have.clone(),
                    fix: Fix::InPlace,
                });
            }
        }
        if drift.is_empty() {
            return Vec::new();
        }
        let witness = self.witness(&self.resource);
        let change = Change {
            target: target(self.kind, seen),
            mark: mark(self.kind),
            drift,
            tags: TagChange::default(),
            after: seen.object.members.clone(),
        };
        if let Err(error) = self.kind.execute(&witness.aws(), &Action::Update(change)).await {
            return vec![format!("update: {error}")];
        }
        let sent = documented(self.kind, &request(&witness.heard()));
        let mut changed = Value::Object(Map::new());
        for path in said {
            if let Some(value) = path::get_member(told, path) {
                path::set(&mut changed, path, value.clone());
            }
        }
        let changed = changed.as_object().cloned().unwrap_or_default();
        under("not said when updated", lost(table, &changed, &sent))
    }

    /// The calls that carry no member: they take the answers that they get.
    async fn beside(&self, seen: &Seen) -> Vec<String> {
        let aws = self.witness(&self.resource).aws();
        let target = target(self.kind, seen);
        let mut wrong = Vec::new();
        let mut actions = vec![Action::Delete(target.clone())];
        if self.kind.operations().iter().any(|operation| operation.name == "TagResource") {
            let set = BTreeMap::from([("team".to_owned(), "web".to_owned())]);
            let tags = TagChange { set, remove: vec!["old".to_owned()] };
            actions.push(Action::Tag { target: target.clone(), tags });
        }
        for field in self.kind.table().fields {
            if let Mutability::ClearedBy(operation) = field.mutability {
                let (operation, fields) = (operation.to_owned(), vec![field.path.to_owned()]);
                let after = seen.object.members.clone();
                actions.push(Action::Clear { target: target.clone(), operation, fields, after });
            }
        }
        for action in &actions {
            if let Err(error) = self.kind.execute(&aws, action).await {
                wrong.push(error.to_string());
            }
        }
        if let Err(error) = self.kind.discover(&aws).await {
            wrong.push(format!("discover: {error}"));
        }
        if self.kind.operations().iter().any(|operation| operation.name == "GetOperation")
            && let Err(error) = self.kind.poll(&aws, "op", None).await
        {
            wrong.push(format!("poll: {error}"));
        }
        wrong
    }

    /// The AWS that shows `resource`, and the answers that were given.
    pub(super) fn witness(&self, resource: &Value) -> Witness {
        let witness = Witness::new(self.sort, resource, &mark(self.kind));
        self.given
            .iter()
            .fold(witness, |witness, (operation, reply)| witness.giving(operation, reply.clone()))
    }

    /// Where the resource stands, as far as the answer says.
    fn scope(&self) -> String {
        let text = |pointer: &str| self.resource.pointer(pointer).and_then(Value::as_str);
        match self.kind.table().scope_member {
            None => "",
            Some("cluster") => text("/clusterArn").and_then(|arn| arn.rsplit('/').next()).unwrap_or("main"),
            Some("namespaceId") => {
                text("/NamespaceId").or_else(|| text("/DnsConfig/NamespaceId")).unwrap_or("ns-recorded")
            }
            Some(_) => "recorded",
        }
        .to_owned()
    }
}

/// A resource differs in nothing from a document that says just what it is.
fn itself(kind: KindId, object: &Object) -> Vec<String> {
    let members = object.members.clone();
    let desired = Desired {
        key: mark(kind).document,
        digest: Digest::of(&object.id),
        policy: Policy::default(),
        labels: BTreeMap::new(),
        members: members.clone(),
        references: Vec::new(),
        lookups: Vec::new(),
        table: kind.table(),
    };
    let resolved = Resolved { members, pins: BTreeMap::new(), scope: object.scope.clone() };
    let drift = diff(&desired, &resolved, &object.members).drift;
    drift.iter().map(|drift| format!("differs from itself: {drift:?}")).collect()
}

pub(super) fn mark(kind: KindId) -> Mark {
    let document = Key::new(kind.table().kind, "recorded");
    Mark { owner: "harbour".to_owned(), document, incarnation: 1, deletion: Deletion::Delete }
}

fn target(kind: KindId, seen: &Seen) -> Target {
    Target {
        kind: kind.table().kind.to_owned(),
        scope: seen.scope.clone(),
        id: seen.object.id.clone(),
        arn: seen.object.arn.clone(),
    }
}

/// Members that a create does not say, since what they name is made later; an update says them.
const LATER: &[(&str, &str)] = &[("Stage", "routeSettings")];

fn said_at_once(kind: KindId, members: &Members) -> Members {
    let is_later = |name: &String| LATER.contains(&(kind.table().kind, name.as_str()));
    members
        .iter()
        .filter(|(name, _)| !is_later(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// What all writes say together; Cloud Map's updates say it one level deeper.
fn request(heard: &[Heard]) -> Value {
    let mut all = Map::new();
    for heard in heard.iter().filter(|heard| !hatoba_tests::names::is_read(&heard.operation)) {
        for (name, value) in heard.body.as_object().into_iter().flatten() {
            match (name.as_str(), value) {
                ("Service" | "Namespace", Value::Object(inner)) => all.extend(inner.clone()),
                _ => {
                    all.insert(name.clone(), value.clone());
                }
            }
        }
    }
    Value::Object(all)
}

fn under(what: &str, lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| format!("{what}: {line}")).collect()
}
