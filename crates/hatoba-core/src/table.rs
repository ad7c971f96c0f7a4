//! What a kind says about itself as data: its fields, references, selectors, marks.
//!
//! Everything that compares, resolves, plans or deletes works from these tables; no kind is named here.

use serde_json::{Value, json};

use crate::{Members, path};

/// Everything the decisions need to know about a kind of resource.
#[derive(Debug)]
pub struct KindTable {
    /// The name in documents, for example `VpcLink`.
    pub kind: &'static str,
    /// Every comparable member.
    pub fields: &'static [Field],
    /// Members that may name another document instead.
    pub references: &'static [RefField],
    /// Members that may be looked up by tags instead.
    pub selectors: &'static [SelectorField],
    /// The member that names the scope (`apiId`); `None`: the resource stands in the account itself.
    pub scope_member: Option<&'static str>,
    /// The kind whose objects are the scopes, where a kind of ours makes them.
    pub parent: Option<&'static str>,
    /// The member that is AWS's name and defaults to `metadata.name`.
    pub name_member: Option<&'static str>,
    /// Where the owner mark lives.
    pub marks: MarkStyle,
    /// Whether AWS keeps the natural key unique within the scope.
    pub unique: bool,
    /// Whether a replacement can stand beside the old one.
    pub replace: ReplaceStyle,
    /// Kinds whose documents with the same parent are created first, if they can be.
    pub follows: &'static [&'static str],
    /// What must be written and seen before a delete.
    pub drain: Option<Drain>,
}

impl KindTable {
    /// The field at `path`.
    pub fn field(&self, path: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.path == path)
    }

    /// Whether at most one resource can bear a document's mark with one number: AWS keeps names unique, so no answer
    /// that was lost makes two, and a second one carries a copy.
    pub fn has_one_bearer(&self) -> bool {
        self.unique && self.marks.is_in_tags() && self.replace.revisions().is_none()
    }
}

/// One comparable member.
#[derive(Debug)]
pub struct Field {
    /// AWS's member names in lowerCamelCase joined by `.`.
    pub path: &'static str,
    /// What leaving it out of the document means.
    pub omitted: Omitted,
    /// The value sent at creation when the document leaves it out.
    pub at_create: Option<Literal>,
    /// How a difference is put right.
    pub mutability: Mutability,
    /// How two values are compared.
    pub shape: Shape,
    /// What a change of it does to requests that are on their way.
    pub rolls: bool,
    /// What is named in it is let go of while that is deleted to be made anew.
    pub lets_go: bool,
    /// A new value makes another name: both can stand side by side.
    pub renames: bool,
    /// The output that says since when the resource has been entered in what is named here.
    pub entered_at: Option<&'static str>,
    /// Cannot be changed in a resource of which the function says so.
    pub fixed_in: Option<fn(&Members) -> bool>,
    /// Lists do not show it: it is read by a call of its own, and only where a document states it.
    pub read_apart: bool,
    /// AWS allows one resource of a name for each value of it.
    pub tells_apart: bool,
    /// It is the natural key and can be changed: how one value may become another.
    pub renaming: Option<fn(&str, &str) -> Renaming>,
}

/// What `null` means in a field that is not ours when it is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullIs {
    /// Absent.
    Absent,
    /// This value of AWS's: absent will do, and anything else is written over with it.
    Value(Literal),
    /// The same as leaving it out: AWS settles it itself, and what it has stays.
    LeftOut,
    /// Nothing that AWS can do: the document is refused, with this reason.
    Refused(&'static str),
}

/// How a resource of one natural key may become that of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renaming {
    /// AWS does not do that.
    Refused,
    /// If it is known that the document had it.
    Possible,
    /// It must be, for AWS allows no two such keys at once.
    Needed,
}

impl Field {
    /// A field that is put right in place, absent when left out, compared as it stands.
    pub const fn new(path: &'static str) -> Self {
        Field {
            path,
            omitted: Omitted::Default(Literal::Null),
            at_create: None,
            mutability: Mutability::InPlace,
            shape: Shape::Exact,
            rolls: false,
            lets_go: false,
            renames: false,
            entered_at: None,
            fixed_in: None,
            read_apart: false,
            tells_apart: false,
            renaming: None,
        }
    }

    /// Cannot be changed in a resource of which `is_fixed` says so: that one is replaced.
    #[must_use]
    pub const fn fixed_in(mut self, is_fixed: fn(&Members) -> bool) -> Self {
        self.fixed_in = Some(is_fixed);
        self
    }

    /// Lists do not show it; only where a document states it, it is read.
    #[must_use]
    pub const fn read_apart(mut self) -> Self {
        self.read_apart = true;
        self
    }

    /// Leaving it out means that it is not ours; `null` means this value of AWS's.
    #[must_use]
    pub const fn null_is(mut self, value: Literal) -> Self {
        self.omitted = Omitted::Untouched(NullIs::Value(value));
        self
    }

    /// Leaving it out means that it is not ours, and `null` means no more than that.
    #[must_use]
    pub const fn left_to_aws(mut self) -> Self {
        self.omitted = Omitted::Untouched(NullIs::LeftOut);
        self
    }

    /// Leaving it out means that it is not ours; `null` is refused, for AWS has no way to do it.
    #[must_use]
    pub const fn no_null(mut self, why: &'static str) -> Self {
        self.omitted = Omitted::Untouched(NullIs::Refused(why));
        self
    }

    /// It is the natural key, and can be changed.
    #[must_use]
    pub const fn renamed(mut self, how: fn(&str, &str) -> Renaming) -> Self {
        self.renaming = Some(how);
        self
    }

    /// The value that is written for `null`.
    pub fn null(&self) -> Value {
        match self.omitted {
            Omitted::Default(value) | Omitted::Untouched(NullIs::Value(value)) => value.value(),
            Omitted::Untouched(NullIs::Absent | NullIs::LeftOut | NullIs::Refused(_)) => Value::Null,
        }
    }

    /// Resources of one name are told apart by it.
    #[must_use]
    pub const fn tells_apart(mut self) -> Self {
        self.tells_apart = true;
        self
    }

    /// A change of it moves connections: tasks are started anew, traffic takes another link.
    #[must_use]
    pub const fn rolls(mut self) -> Self {
        self.rolls = true;
        self
    }

    /// While a document that it names deletes its resource to make it anew, it counts as left out.
    #[must_use]
    pub const fn lets_go(mut self) -> Self {
        self.lets_go = true;
        self
    }

    /// It is the name: a resource with the new value can stand beside the one with the old.
    #[must_use]
    pub const fn renames(mut self) -> Self {
        self.renames = true;
        self
    }

    /// AWS enters the resource in what is named here when it is rolled out, and the output says when that was:
    /// whatever was made later knows nothing of it.
    #[must_use]
    pub const fn entered_at(mut self, output: &'static str) -> Self {
        self.entered_at = Some(output);
        self
    }

    /// Whether a member's path is this field's, or stands in it.
    pub fn holds(&self, path: &str) -> bool {
        path.strip_prefix(self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }

    /// Leaving it out means this value of AWS's.
    #[must_use]
    pub const fn default(mut self, value: Literal) -> Self {
        self.omitted = Omitted::Default(value);
        self
    }

    /// Leaving it out means that it is not ours.
    #[must_use]
    pub const fn untouched(mut self) -> Self {
        self.omitted = Omitted::Untouched(NullIs::Absent);
        self
    }

    /// Leaving it out sends this value at creation.
    #[must_use]
    pub const fn at_create(mut self, value: Literal) -> Self {
        self.at_create = Some(value);
        self
    }

    /// Cannot be changed: the resource is replaced.
    #[must_use]
    pub const fn immutable(mut self) -> Self {
        self.mutability = Mutability::Immutable;
        self
    }

    /// Cannot be changed where `is_replacement(from, to)`.
    #[must_use]
    pub const fn immutable_if(mut self, is_replacement: fn(&Value, &Value) -> bool) -> Self {
        self.mutability = Mutability::ImmutableIf(is_replacement);
        self
    }

    /// Removed by a call of its own.
    #[must_use]
    pub const fn cleared_by(mut self, operation: &'static str) -> Self {
        self.mutability = Mutability::ClearedBy(operation);
        self
    }

    /// Put right by a deployment.
    #[must_use]
    pub const fn deployed(mut self) -> Self {
        self.mutability = Mutability::Deployed;
        self
    }

    /// Compared as said.
    #[must_use]
    pub const fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }
}

/// What leaving a field out of the document means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Omitted {
    /// AWS's default; a difference is drift. `Null`: absent.
    Default(Literal),
    /// Not ours: neither compared nor written; only a stated `null` is.
    Untouched(NullIs),
}

/// A constant JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal {
    /// Absent.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string.
    Str(&'static str),
    /// A list of strings.
    Texts(&'static [&'static str]),
    /// `[]`.
    EmptyList,
    /// `{}`.
    EmptyMap,
}

impl Literal {
    /// The value.
    pub fn value(self) -> Value {
        match self {
            Literal::Null => Value::Null,
            Literal::Bool(value) => json!(value),
            Literal::Int(value) => json!(value),
            Literal::Str(value) => json!(value),
            Literal::Texts(values) => json!(values),
            Literal::EmptyList => json!([]),
            Literal::EmptyMap => json!({}),
        }
    }
}

/// How a difference in a field is put right.
#[derive(Clone, Copy, Debug)]
pub enum Mutability {
    /// By the kind's update call.
    InPlace,
    /// By the update call; its removal by a call of its own (`DeleteCorsConfiguration`).
    ClearedBy(&'static str),
    /// When all else is right, by a new deployment to which the resource is moved: one call at a time.
    Deployed,
    /// Not at all: the resource is replaced.
    Immutable,
    /// Not at all where the function says so of (old, new).
    ImmutableIf(fn(&Value, &Value) -> bool),
}

/// A resource that serves a copy of its siblings, which somebody has to have made: a deployment.
#[derive(Debug)]
pub struct Deployments {
    /// The kinds that are copied: every resource of the first, and of the others what those name.
    pub of: &'static [&'static str],
    /// AWS's name of the call that makes one.
    pub operation: &'static str,
    /// They are ours to make where this member of the document has this value.
    pub asked_by: (&'static str, Literal),
    /// The computed member that says what is served: a digest of what is copied.
    pub digest: &'static str,
    /// The computed member that says how many are kept.
    pub kept: &'static str,
}

/// How two values of a field are compared.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// As they stand.
    Exact,
    /// Lists without order.
    Set,
    /// Lists of strings without order and case.
    SetIgnoringCase,
    /// By a function of (document's, AWS's).
    By(fn(&Value, &Value) -> bool),
}

/// A field that names another document in place of an AWS id.
#[derive(Debug)]
pub struct RefField {
    /// Where it stands: member names joined by `.`, `[]` for each item of a list.
    pub path: &'static str,
    /// The kinds it may name.
    pub kinds: &'static [&'static str],
    /// The sibling member that it fills.
    pub member: &'static str,
    /// The output of the named document that fills it.
    pub output: &'static str,
    /// What stands around the output: `integrations/{}`.
    pub template: &'static str,
    /// Whether a document of ours must be named (the raw member is refused).
    pub required: bool,
}

/// A field that looks resources up by tags in place of their ids.
#[derive(Debug)]
pub struct SelectorField {
    /// Where it stands.
    pub path: &'static str,
    /// The sibling member that it fills.
    pub member: &'static str,
    /// What is looked up: `vpc`, `subnet`, `security-group`.
    pub resource: &'static str,
    /// All that match (a list), or exactly one (a string).
    pub many: bool,
    /// Narrows the selectors beside it to one VPC; neither it nor the member that it fills is sent to AWS.
    pub narrows: bool,
}

impl SelectorField {
    /// All resources that match fill `member`.
    pub const fn all(path: &'static str, member: &'static str, resource: &'static str) -> SelectorField {
        SelectorField { path, member, resource, many: true, narrows: false }
    }

    /// The only VPC that matches fills `vpcId` beside `path`.
    pub const fn vpc(path: &'static str) -> SelectorField {
        SelectorField { path, member: "vpcId", resource: "vpc", many: false, narrows: false }
    }

    /// The path of the member that it fills.
    pub fn fills(&self) -> String {
        path::beside(self.path, self.member)
    }

    /// The VPC of the selectors beside it.
    pub const fn narrowing(self) -> SelectorField {
        SelectorField { narrows: true, ..self }
    }
}

/// Where a kind's owner mark lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkStyle {
    /// In tags that lists show.
    Tags,
    /// In tags that must be read one by one.
    TagsReadApart,
    /// In the last line of the description.
    Description,
    /// Ours if what it points to bears our mark: the objects of this kind, in the same scope or in the account.
    Inherited(&'static str),
    /// In its name, which a tag of its parent lists (`hatoba:named`): `<name>`, and `<name>~<n>` from the second
    /// incarnation on.
    Name,
}

impl MarkStyle {
    /// Whether an object's mark is another object's: it names no document of the kind, and the natural key does.
    pub const fn is_borrowed(self) -> bool {
        matches!(self, MarkStyle::Inherited(_) | MarkStyle::Name)
    }

    /// Whether the object itself carries the whole mark in tags.
    pub const fn is_in_tags(self) -> bool {
        matches!(self, MarkStyle::Tags | MarkStyle::TagsReadApart)
    }
}

/// Whether a replacement can stand beside the old one.
#[derive(Clone, Copy, Debug)]
pub enum ReplaceStyle {
    /// The next incarnation is made, dependents move, the old one goes.
    MakeBeforeBreak,
    /// The name is unique: the old one must go first.
    DeleteFirst,
    /// Every change makes a revision beside the others, and no revision ever changes.
    Revisions(Revisions),
}

/// By style alone.
impl PartialEq for ReplaceStyle {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Eq for ReplaceStyle {}

impl ReplaceStyle {
    /// What is said of revisions, where the kind has them.
    pub fn revisions(&self) -> Option<&Revisions> {
        match self {
            ReplaceStyle::Revisions(revisions) => Some(revisions),
            ReplaceStyle::MakeBeforeBreak | ReplaceStyle::DeleteFirst => None,
        }
    }
}

/// A resource that is a series of revisions.
#[derive(Clone, Copy, Debug)]
pub struct Revisions {
    /// So many of the newest stay, the current one among them.
    pub kept: usize,
    /// The normal form of all members: two that mean the same have the same. Members that come to AWS's default
    /// stay as `null`, and so do those that are `null`.
    pub normal: fn(&Members) -> Members,
}

/// What must be written before a delete.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// The member to write.
    pub path: &'static str,
    /// The value that must be written and seen.
    pub to: Literal,
    /// The output that must show the same before the delete.
    pub seen: &'static str,
}
