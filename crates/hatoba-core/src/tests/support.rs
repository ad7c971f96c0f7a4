//! Two made-up kinds and builders: no test of this crate names a real kind.
//!
//! A Widget may have twins of its name and is replaced beside the old one; a Gadget stands in a Widget and its
//! label is unique there. Gadgets come in several makings, one for each way of bearing a mark.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    Cause, Deletion, Desired, Digest, Drain, Field, FieldMode, Key, KindTable, Leave, Life, Literal, Mark,
    MarkStyle, Members, Object, Outcome, Policy, Readiness, Reference, Renaming, ReplaceStyle, Resolved,
    Seen, Shape, Sight, Step, SurplusKind, UsedBy, Verdict, assess, next, normalise,
};

/// Our owner name.
pub(crate) const ME: &str = "me";

pub(crate) static WIDGET: KindTable = KindTable {
    kind: "Widget",
    fields: &[
        Field::new("name"),
        Field::new("note").default(Literal::Str("")),
        Field::new("size").untouched().at_create(Literal::Int(1)),
        Field::new("limit").default(Literal::Int(100)),
        Field::new("sealed").default(Literal::Bool(false)),
        Field::new("parts").shape(Shape::Set).default(Literal::EmptyList).immutable(),
        Field::new("items").shape(Shape::Set).default(Literal::EmptyList),
        Field::new("hues").shape(Shape::SetIgnoringCase),
        Field::new("paint").shape(Shape::By(same_paint)),
        Field::new("extra").cleared_by("RemoveExtra"),
        Field::new("spare").cleared_by("RemoveSpare"),
        Field::new("grade").untouched().immutable_if(is_downgrade),
        Field::new("box.depth").default(Literal::Int(10)).at_create(Literal::Int(10)),
        Field::new("box.lid.colour").untouched(),
        Field::new("pace").null_is(Literal::Int(5)),
        Field::new("box.lid.tint").default(Literal::EmptyMap),
    ],
    references: &[],
    selectors: &[],
    scope_member: None,
    parent: None,
    name_member: Some("name"),
    marks: MarkStyle::Tags,
    unique: false,
    replace: ReplaceStyle::MakeBeforeBreak,
    follows: &[],
    drain: None,
};

/// Marked in tags that lists show.
pub(crate) static GADGET: KindTable =
    gadget_table(MarkStyle::Tags, true, ReplaceStyle::MakeBeforeBreak, Some("Widget"));
/// Marked in tags that are read one by one; its name is unique in the account.
pub(crate) static LONE_GADGET: KindTable =
    gadget_table(MarkStyle::TagsReadApart, true, ReplaceStyle::DeleteFirst, None);
/// Marked in its description; any number may be alike.
pub(crate) static NOTED_GADGET: KindTable =
    gadget_table(MarkStyle::Description, false, ReplaceStyle::MakeBeforeBreak, Some("Widget"));
/// Ours if what it points to is.
pub(crate) static BORROWED_GADGET: KindTable = KindTable {
    fields: &[Field::new("label").renamed(relabelled), Field::new("speed").default(Literal::Int(5))],
    ..gadget_table(MarkStyle::Inherited("Cog"), true, ReplaceStyle::MakeBeforeBreak, Some("Widget"))
};
/// Ours by name, in a Widget that lists the name.
pub(crate) static NAMED_GADGET: KindTable =
    gadget_table(MarkStyle::Name, true, ReplaceStyle::MakeBeforeBreak, Some("Widget"));

/// Its label, which is its name, cannot be changed.
pub(crate) static FIXED_GADGET: KindTable = KindTable {
    fields: &[Field::new("label").immutable(), Field::new("speed").default(Literal::Int(5))],
    ..gadget_table(MarkStyle::Tags, true, ReplaceStyle::MakeBeforeBreak, Some("Widget"))
};

/// The same, and it is brought to rest before it goes.
pub(crate) static RESTING_GADGET: KindTable = KindTable {
    fields: &[
        Field::new("label").immutable(),
        Field::new("core").immutable(),
        Field::new("speed").untouched().at_create(Literal::Int(5)),
    ],
    drain: Some(Drain { path: "speed", to: Literal::Int(0), seen: "turns" }),
    ..gadget_table(MarkStyle::Tags, true, ReplaceStyle::MakeBeforeBreak, Some("Widget"))
};

/// One name may stand in several yards.
pub(crate) static YARD_GADGET: KindTable = KindTable {
    fields: &[Field::new("label"), Field::new("yard").immutable().tells_apart(), Field::new("speed")],
    scope_member: None,
    ..gadget_table(MarkStyle::TagsReadApart, false, ReplaceStyle::DeleteFirst, None)
};

const GADGET_FIELDS: &[Field] = &[
    Field::new("label"),
    Field::new("core").immutable(),
    Field::new("description").default(Literal::Str("")),
    Field::new("speed").default(Literal::Int(5)),
];

const fn gadget_table(
    marks: MarkStyle,
    unique: bool,
    replace: ReplaceStyle,
    parent: Option<&'static str>,
) -> KindTable {
    KindTable {
        kind: "Gadget",
        fields: GADGET_FIELDS,
        references: &[],
        selectors: &[],
        scope_member: Some("widgetId"),
        parent,
        name_member: Some("label"),
        marks,
        unique,
        replace,
        follows: &[],
        drain: None,
    }
}

/// The label `fixed` stays, and two that differ in case alone cannot be.
fn relabelled(from: &str, to: &str) -> Renaming {
    match () {
        () if from == "fixed" => Renaming::Refused,
        () if from.eq_ignore_ascii_case(to) => Renaming::Needed,
        () => Renaming::Possible,
    }
}

/// Paints are the same up to blanks.
fn same_paint(wanted: &Value, have: &Value) -> bool {
    let plain = |value: &Value| value.as_str().map(|text| text.replace(' ', ""));
    plain(wanted) == plain(have)
}

fn is_downgrade(from: &Value, to: &Value) -> bool {
    to.as_i64() < from.as_i64()
}

pub(crate) fn members(value: Value) -> Members {
    value.as_object().cloned().expect("members are an object")
}

/// `Widget/w` with these members, and its name.
pub(crate) fn widget(value: Value) -> Desired {
    desired(&WIDGET, "w", value)
}

/// `Gadget/g` with the label `g` in the widget `w1`.
pub(crate) fn gadget(table: &'static KindTable) -> Desired {
    desired(table, "g", json!({ "widgetId": "w1" }))
}

pub(crate) fn desired(table: &'static KindTable, name: &str, value: Value) -> Desired {
    let mut members = members(value);
    if let Some(member) = table.name_member {
        members.entry(member).or_insert_with(|| json!(name));
    }
    Desired {
        key: Key::new(table.kind, name),
        digest: Digest::of(&members),
        policy: Policy::default(),
        labels: BTreeMap::new(),
        members,
        references: Vec::new(),
        lookups: Vec::new(),
        table,
    }
}

impl Desired {
    pub(crate) fn mode(mut self, path: &str, mode: FieldMode) -> Self {
        self.policy.fields.insert(path.to_owned(), mode);
        self
    }

    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn refers(mut self, path: &str, target: Key) -> Self {
        self.references.push(Reference {
            field: format!("{path}Ref"),
            path: path.to_owned(),
            target,
            output: "id",
            template: "{}",
        });
        self
    }

    pub(crate) fn mark(&self, incarnation: u32) -> Mark {
        Mark {
            owner: ME.to_owned(),
            document: self.key.clone(),
            incarnation,
            deletion: self.policy.deletion(),
        }
    }

    /// As this document asks for, live, and bearing its mark.
    pub(crate) fn made(&self, id: &str, incarnation: u32) -> Object {
        let mark = self.mark(incarnation);
        let tagged = matches!(self.table.marks, MarkStyle::Tags | MarkStyle::TagsReadApart);
        Object {
            id: id.to_owned(),
            scope: resolved(self).scope,
            arn: Some(format!("arn:{id}")),
            natural_key: self.name().to_owned(),
            tags: tagged.then(|| mark.to_tags(&self.labels)),
            mark: Seen::Present(mark),
            life: Life::Live,
            readiness: Readiness::Ready,
            created_at_ms: Some(1_000),
            uses: BTreeSet::new(),
            members: normalise(self.table, self.members.clone()),
            outputs: BTreeMap::from([("id".to_owned(), id.to_owned())]),
        }
    }
}

/// A document without references is what it says.
pub(crate) fn resolved(desired: &Desired) -> Resolved {
    let scope = desired.table.scope_member.and_then(|member| desired.members.get(member)?.as_str());
    Resolved {
        members: desired.members.clone(),
        pins: BTreeMap::new(),
        scope: scope.unwrap_or_default().to_owned(),
    }
}

impl Object {
    pub(crate) fn unmarked(mut self) -> Self {
        self.mark = Seen::Absent;
        self.tags = self.tags.map(|_| BTreeMap::new());
        self
    }

    pub(crate) fn unread(mut self) -> Self {
        self.mark = Seen::Unknown(Cause::new("NotRead", "tags"));
        self.tags = None;
        self
    }

    pub(crate) fn owned_by(mut self, owner: &str, document: Key) -> Self {
        let mark = Mark { owner: owner.to_owned(), document, incarnation: 1, deletion: Deletion::Delete };
        self.tags = self.tags.map(|_| mark.to_tags(&BTreeMap::new()));
        self.mark = Seen::Present(mark);
        self
    }

    pub(crate) fn called(mut self, natural_key: &str) -> Self {
        self.natural_key = natural_key.to_owned();
        self
    }

    pub(crate) fn having(mut self, value: Value) -> Self {
        self.members.extend(members(value));
        self
    }

    pub(crate) fn aged(mut self, created_at_ms: Option<i64>) -> Self {
        self.created_at_ms = created_at_ms;
        self
    }

    pub(crate) fn living(mut self, life: Life, readiness: Readiness) -> Self {
        self.life = life;
        self.readiness = readiness;
        self
    }

    pub(crate) fn pending(self) -> Self {
        self.living(Life::Pending, Readiness::Settling(Cause::new("Pending", "it is being made")))
    }

    pub(crate) fn failed(self) -> Self {
        self.living(Life::Failed, Readiness::NotReady(Cause::new("Broken", "it failed")))
    }

    pub(crate) fn leaving(self, holds_name: bool) -> Self {
        self.living(Life::Leaving { holds_name }, Readiness::Settling(Cause::new("Deleting", "it goes")))
    }
}

/// What assessment sees beside the document.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) objects: Vec<Object>,
    pub(crate) unlisted: Option<Cause>,
    pub(crate) remembered: Option<&'static str>,
    pub(crate) last_incarnation: u32,
    pub(crate) documents: Vec<Key>,
    /// Natural keys that other documents ask for.
    pub(crate) claimed: BTreeSet<String>,
    /// Ids of objects that something of ours uses.
    pub(crate) used: Vec<&'static str>,
    /// Ids of objects that only somebody else's things use.
    pub(crate) used_by_others: Vec<&'static str>,
    pub(crate) first: BTreeSet<Key>,
    pub(crate) named: BTreeSet<String>,
    pub(crate) leaving: Option<Key>,
    pub(crate) released: BTreeSet<Key>,
    pub(crate) leave: Leave,
}

/// What came out, owned.
#[derive(Debug, PartialEq)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) current: Option<String>,
    pub(crate) surplus: Vec<(String, SurplusKind)>,
    pub(crate) notes: Vec<Cause>,
    pub(crate) step: Step,
    pub(crate) outcome: Outcome,
}

impl World {
    pub(crate) fn of(objects: impl IntoIterator<Item = Object>) -> Self {
        World { objects: objects.into_iter().collect(), ..World::default() }
    }

    pub(crate) fn judge(&self, desired: &Desired) -> Judged {
        let is_document = |key: &Key| self.documents.contains(key) || *key == desired.key;
        let used_by = |object: &Object| match object.id.as_str() {
            id if self.used.contains(&id) => UsedBy::Ours,
            id if self.used_by_others.contains(&id) => UsedBy::Others,
            _ => UsedBy::Nobody,
        };
        let sight = Sight {
            owner: ME,
            objects: match &self.unlisted {
                Some(cause) => Err(cause.clone()),
                None => Ok(self.objects.iter().collect()),
            },
            remembered: self.remembered,
            last_incarnation: self.last_incarnation,
            is_document: &is_document,
            claimed: self.claimed.clone(),
            used_by: &used_by,
            first: self.first.clone(),
            named: self.named.clone(),
            leaving: self.leaving.as_ref(),
            released: self.released.clone(),
        };
        let assessment = assess(desired, &resolved(desired), &sight);
        let step = next(desired, &assessment, &self.leave);
        Judged {
            outcome: Outcome::of(&assessment, &step, None),
            step,
            current: assessment.current.map(|object| object.id.clone()),
            surplus: assessment.surplus.iter().map(|s| (s.object.id.clone(), s.why)).collect(),
            notes: assessment.notes.clone(),
            verdict: assessment.verdict,
        }
    }
}

/// The verdict as one line: its name, and what matters most of it.
pub(crate) fn line(verdict: &Verdict) -> String {
    match verdict {
        Verdict::InSync => "in sync".to_owned(),
        Verdict::Settling(cause) => format!("settling {}", cause.reason),
        Verdict::Create(creation) => format!("create {}", creation.mark.incarnation),
        Verdict::Update(change) => format!("update {}", change.target.id),
        Verdict::Replace(creation, _) => format!("replace {}", creation.mark.incarnation),
        Verdict::TakeDown(target, _) => format!("take down {}", target.id),
        Verdict::WaitingFor(keys) => format!("waiting for {}", keys.len()),
        Verdict::Unknown(cause) => format!("unknown {}", cause.reason),
        Verdict::Stalled(cause) => format!("stalled {}", cause.reason),
    }
}
