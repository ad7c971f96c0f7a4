//! From a document to what it asks for: typed check, references and selectors taken out, names defaulted.

use std::collections::BTreeMap;

use hatoba_core::{
    Deletion, Desired, Diagnostic, Document, FieldMode, Key, Lookup, LookupUse, Members, NullIs, Omitted,
    RefField, Reference, SelectorField, TAG_VALUE_CHARS_MAX, did_you_mean, label_list, one_of, path,
};
use hatoba_shapes::{Selector, problems};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::explain::Schema;
use crate::kind::{Kind, Problem};
use crate::{KindId, kind_names};

/// The diagnostic for a document whose kind nobody knows.
pub fn unknown_kind(document: &Document) -> Diagnostic {
    let known = kind_names().collect::<Vec<_>>().join(", ");
    let message = format!("unknown kind `{}`, expected one of {known}", document.key.kind);
    let diagnostic = Diagnostic::error(document.places.value("kind"), "kind", message);
    match did_you_mean(&document.key.kind, kind_names()) {
        Some(guess) => diagnostic.hint(format!("did you mean `{guess}`?")),
        None => diagnostic,
    }
}

/// Reads one document of kind `K`.
pub(crate) fn compile<K: Kind>(document: &Document) -> Result<Desired, Vec<Diagnostic>> {
    read::<K>(document).map_err(|found| found.into_iter().map(hinted::<K>).collect())
}

/// An error without a hint says where the field is explained.
fn hinted<K: Kind>(found: Diagnostic) -> Diagnostic {
    let Some(kind) = KindId::of(K::TABLE.kind).filter(|_| found.hint.is_none()) else { return found };
    let Some(path) = found.path.strip_prefix("spec.") else { return found };
    let field = Schema::of(kind).nearest(path);
    let what = if field.is_empty() { K::TABLE.kind.to_owned() } else { format!("{}.{field}", K::TABLE.kind) };
    found.hint(format!("`hatoba explain {what}` says what it takes"))
}

fn read<K: Kind>(document: &Document) -> Result<Desired, Vec<Diagnostic>> {
    let mut reader = Reader { document, found: Vec::new() };
    if reader.refuses::<K>() || !reader.types::<K>() || reader.refuses_null::<K>() {
        return Err(reader.found);
    }
    for problem in K::check_written(&document.spec) {
        reader.tell(problem);
    }
    let mut members = Value::Object(document.spec.clone());
    let mut references = reader.references::<K>(&mut members);
    let lookups = reader.lookups::<K>(&mut members);
    let mut members = match members {
        Value::Object(members) => members,
        _ => Members::new(),
    };
    K::adapt(&mut members);
    reader.name::<K>(&mut members);
    for reference in &mut references {
        reference.output = K::output_for(&members, reference).unwrap_or(reference.output);
    }
    let problems = K::check(&members).into_iter().chain(K::check_references(&members, &references));
    for problem in problems {
        // A member that a reference or a selector fills is not missing.
        let filled =
            |path: &str| references.iter().any(|r| r.path == path) || lookups.iter().any(|l| l.path == path);
        if !filled(&problem.path) {
            reader.tell(problem);
        }
    }
    reader.limits::<K>();
    reader.policy::<K>();
    if reader.found.iter().any(Diagnostic::is_error) {
        return Err(reader.found);
    }
    Ok(Desired {
        key: document.key.clone(),
        digest: document.digest.clone(),
        policy: document.policy.clone(),
        labels: document.labels.clone(),
        members,
        references,
        lookups,
        table: K::TABLE,
    })
}

/// The spec with the types and only the fields that documents of `kind` take.
///
/// # Errors
/// Everything that does not fit, up to [`MISREAD_MAX`]: what is wrong is taken out, and the rest is read on.
pub(crate) fn typed<S: DeserializeOwned>(document: &Document, kind: &str) -> Result<S, Vec<Diagnostic>> {
    let mut spec = Value::Object(document.spec.clone());
    let mut found = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize::<_, S>(&spec) {
            Ok(spec) if found.is_empty() => return Ok(spec),
            Ok(_) => return Err(found),
            Err(error) => error,
        };
        if take_null(&mut spec, error.path()) {
            continue;
        }
        let at = error.path().to_string();
        let misread = misread(document, kind, &at, &error.inner().to_string());
        // Without what was taken out something may seem to be missing.
        let around = format!("{}.", misread.path);
        let is_left_over = found.iter().any(|inner: &Diagnostic| inner.path.starts_with(&around));
        let taken = misread.path.strip_prefix("spec.").and_then(|at| path::take(&mut spec, at));
        if !is_left_over {
            found.push(misread);
        }
        if taken.is_none() || found.len() == MISREAD_MAX {
            return Err(found);
        }
    }
}

/// Takes out what an error is about, where that is `null` in a map: an entry that is left out. Keys of maps hold dots.
fn take_null(spec: &mut Value, at: &serde_path_to_error::Path) -> bool {
    let mut segments: Vec<&Segment> = at.iter().collect();
    let Some(Segment::Map { key }) = segments.pop() else { return false };
    let around = segments.into_iter().try_fold(spec, |place, segment| match segment {
        Segment::Map { key } => place.get_mut(key),
        Segment::Seq { index } => place.get_mut(index),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    let Some(Value::Object(members)) = around else { return false };
    members.get(key).is_some_and(Value::is_null) && members.remove(key).is_some()
}

/// So many fields that do not fit are told at once.
const MISREAD_MAX: usize = 20;

/// serde's error, for people.
fn misread(document: &Document, kind: &str, at: &str, text: &str) -> Diagnostic {
    let at = if at == "." { "spec".to_owned() } else { format!("spec.{at}") };
    let Some((field, known)) = unknown_field(text) else {
        return Diagnostic::error(document.places.value(&at), at, plain(text));
    };
    let path = if at.ends_with(&format!(".{field}")) { at } else { format!("{at}.{field}") };
    let hint = match did_you_mean(&field, known.iter().map(String::as_str)) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => format!("fields here: {}", known.join(", ")),
    };
    let place = document.places.key(&path);
    Diagnostic::error(place, path, format!("unknown field `{field}` of {kind}")).hint(hint)
}

/// The VPC that selectors look in.
enum Vpc {
    Id(String),
    Tagged(Lookup),
}

struct Reader<'a> {
    document: &'a Document,
    found: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn say(&mut self, path: &str, message: String, hint: Option<String>) {
        let diagnostic = Diagnostic::error(self.document.places.value(path), path, message);
        self.found.push(Diagnostic { hint, ..diagnostic });
    }

    /// What the kind found, with the rule that it breaks.
    fn tell(&mut self, problem: Problem) {
        self.say(&format!("spec.{}", problem.path), problem.message, problem.hint);
        if let Some(found) = self.found.last_mut() {
            found.rule = problem.rule;
        }
    }

    /// Whether the spec states members that are refused, each with its sentence.
    fn refuses<K: Kind>(&mut self) -> bool {
        let spec = Value::Object(self.document.spec.clone());
        for (pattern, why) in K::REFUSED {
            let name = pattern.rsplit('.').next().unwrap_or(pattern);
            for at in stated(&spec, pattern) {
                let at = format!("spec.{at}");
                let place = self.document.places.key(&at);
                let message = format!("`{name}` is not taken by {}: {why}", K::TABLE.kind);
                self.found.push(Diagnostic::error(place, at, message));
            }
        }
        !self.found.is_empty()
    }

    /// Whether the spec has the types and only the fields that the kind takes.
    fn types<K: Kind>(&mut self) -> bool {
        let Err(found) = typed::<K::Spec>(self.document, K::TABLE.kind) else { return true };
        // A member that is left out for a reason says it.
        let spec = Value::Object(self.document.spec.clone());
        let is_at =
            |pattern: &str, path: &str| stated(&spec, pattern).iter().any(|at| path == format!("spec.{at}"));
        self.found.extend(found.into_iter().map(|found| {
            match K::LEFT_OUT.iter().find(|(pattern, _)| is_at(pattern, &found.path)) {
                Some((_, why)) => found.hint(*why),
                None => found,
            }
        }));
        false
    }

    /// Whether the spec asks with `null` for what AWS cannot do.
    fn refuses_null<K: Kind>(&mut self) -> bool {
        let spec = Value::Object(self.document.spec.clone());
        for field in K::TABLE.fields {
            let Omitted::Untouched(NullIs::Refused(why)) = field.omitted else { continue };
            if path::get(&spec, field.path).is_some_and(Value::is_null) {
                let message = format!("`null` is not taken by {}.{}", K::TABLE.kind, field.path);
                self.say(&format!("spec.{}", field.path), message, Some(why.to_owned()));
            }
        }
        !self.found.is_empty()
    }

    /// AWS's own limits, where the kind has not said it better.
    fn limits<K: Kind>(&mut self) {
        let Some((limits, shape)) = K::LIMITS else { return };
        for (path, message) in problems(limits, shape, &Value::Object(self.document.spec.clone())) {
            let path = format!("spec.{path}");
            if self.found.iter().all(|found| found.path != path) {
                self.say(&path, message, None);
            }
        }
    }

    fn references<K: Kind>(&mut self, members: &mut Value) -> Vec<Reference> {
        let mut references = Vec::new();
        for field in K::TABLE.references {
            for at in path::expand(members, field.path) {
                let Some(value) = path::take(members, &at) else { continue };
                let filled = path::beside(&at, field.member);
                if path::get(members, &filled).is_some() {
                    let message = format!("both `{at}` and `{filled}` are given, expected one of them");
                    self.say(&format!("spec.{at}"), message, None);
                }
                if let Some(target) = self.target(&at, field, &value) {
                    let (output, template) = (field.output, field.template);
                    references.push(Reference { field: at, path: filled, target, output, template });
                }
            }
            let given = references.iter().any(|reference| reference.path == field.member);
            let raw = path::get(members, field.member).is_some();
            if field.required && !given && self.found.is_empty() {
                let message = match raw {
                    true => format!("`{}` is not taken here, expected `{}`", field.member, field.path),
                    false => format!("`{}` is missing", field.path),
                };
                let at = if raw { format!("spec.{}", field.member) } else { "spec".to_owned() };
                self.say(&at, message, Some(format!("name {} document", one_of(field.kinds))));
            }
        }
        references
    }

    /// The document that a reference names: a name, or `Kind/name` where several kinds are possible.
    fn target(&mut self, at: &str, field: &RefField, value: &Value) -> Option<Key> {
        let text = value.as_str().unwrap_or_default();
        let (kind, name) = text.split_once('/').unwrap_or((field.kinds[0], text));
        if !field.kinds.contains(&kind) {
            let message = format!("expected the name of {} document, got `{text}`", one_of(field.kinds));
            self.say(&format!("spec.{at}"), message, None);
            return None;
        }
        if let Err(error) = hatoba_core::check_name(name) {
            self.say(&format!("spec.{at}"), error.to_string(), None);
            return None;
        }
        Some(Key::new(kind, name))
    }

    fn lookups<K: Kind>(&mut self, members: &mut Value) -> Vec<LookupUse> {
        let (narrowing, filling): (Vec<_>, Vec<_>) =
            K::TABLE.selectors.iter().partition(|field| field.narrows);
        let vpcs: Vec<(&str, Vpc)> = narrowing
            .iter()
            .filter_map(|field| Some((path::parent(field.path), self.vpc(members, field)?)))
            .collect();
        let mut lookups: Vec<LookupUse> = Vec::new();
        for field in filling {
            let Some(mut lookup) = self.lookup(members, field) else { continue };
            let mut within = None;
            match vpcs.iter().find(|(at, _)| *at == path::parent(field.path)) {
                Some((_, Vpc::Id(id))) => lookup.vpc = Some(id.clone()),
                Some((_, Vpc::Tagged(vpc))) => within = Some(vpc.clone()),
                None => {}
            }
            let filled = field.fills();
            let field_path = field.path.to_owned();
            lookups.push(LookupUse { field: field_path, path: filled, lookup, within, many: field.many });
        }
        for (at, _) in
            vpcs.iter().filter(|(at, _)| lookups.iter().all(|used| path::parent(&used.field) != *at))
        {
            let at = if at.is_empty() { "spec".to_owned() } else { format!("spec.{at}") };
            self.say(
                &at,
                "a VPC is given, and no selector here that looks in it".to_owned(),
                Some("ids need no VPC: take it out".to_owned()),
            );
        }
        lookups
    }

    /// The question of a selector, if it is given.
    fn lookup(&mut self, members: &mut Value, field: &SelectorField) -> Option<Lookup> {
        let value = path::take(members, field.path)?;
        let filled = field.fills();
        let at = format!("spec.{}", field.path);
        if path::get(members, &filled).is_some() {
            self.say(
                &at,
                format!("both `{}` and `{filled}` are given, expected one of them", field.path),
                None,
            );
        }
        let Selector { tags } = serde_json::from_value(value).ok()?;
        if tags.is_empty() {
            self.say(
                &at,
                "no tags are given, expected at least one".to_owned(),
                Some("tags: { Name: … }".to_owned()),
            );
        }
        Some(Lookup { resource: field.resource.to_owned(), tags, vpc: None })
    }

    /// The VPC that the selectors beside `field` look in. It is no member of AWS's, so it is taken out.
    fn vpc(&mut self, members: &mut Value, field: &SelectorField) -> Option<Vpc> {
        let tagged = self.lookup(members, field).map(Vpc::Tagged);
        let id = path::take(members, &field.fills());
        tagged.or_else(|| Some(Vpc::Id(id?.as_str()?.to_owned())))
    }

    fn name<K: Kind>(&mut self, members: &mut Members) {
        let Some(member) = K::TABLE.name_member.filter(|_| K::NAMED_AFTER_DOCUMENT) else { return };
        let name = members.entry(member).or_insert(Value::Null);
        if name.is_null() {
            *name = Value::String(self.document.key.name.clone());
        }
    }

    fn policy<K: Kind>(&mut self) {
        let policy = &self.document.policy;
        if policy.adopt.as_ref().is_some_and(|adopt| adopt.by.is_some()) && K::TABLE.name_member.is_none() {
            let message = format!("a {} has no name to match", K::TABLE.kind);
            self.say("policy.adopt.match", message, Some("give its id: `adopt: { id: … }`".to_owned()));
        }
        let untaggable = !K::TABLE.marks.is_in_tags();
        if policy.deletion == Some(Deletion::Retain) && untaggable {
            let message = format!("a {} takes no tags, so it cannot carry Retain", K::TABLE.kind);
            self.say("policy.deletion", message, Some("put it on the HttpApi document".to_owned()));
        }
        let known = |path: &str| {
            let inside = |field: &str| {
                field == path || field.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
            };
            K::TABLE.fields.iter().any(|field| inside(field.path))
        };
        let unknown: Vec<String> = policy.fields.keys().filter(|path| !known(path)).cloned().collect();
        for field in unknown {
            let guess = did_you_mean(&field, K::TABLE.fields.iter().map(|field| field.path));
            let hint = guess.map(|guess| format!("did you mean `{guess}`?"));
            self.say(
                &format!("policy.fields.{field}"),
                format!("{} has no field `{field}`", K::TABLE.kind),
                hint,
            );
        }
        if policy.probe.is_some() && !K::HOP.is_some_and(|hop| hop.is_entry) {
            let message = format!("no requests enter at a {}, so none can be sent through it", K::TABLE.kind);
            self.say("policy.probe", message, Some("put it on a Route or an HttpService".to_owned()));
        }
        self.ranges::<K>();
        self.kept::<K>();
        self.labels();
        self.key();
    }

    /// A range is of numbers, and of one number; and what the document states lies in it.
    fn ranges<K: Kind>(&mut self) {
        let Some(kind) = KindId::of(K::TABLE.kind) else { return };
        let document = self.document;
        for (field, mode) in &document.policy.fields {
            let FieldMode::Range { range: (low, high) } = mode else { continue };
            if !Schema::of(kind).may_be_number(field) {
                let message = format!("`{field}` is no number, so it has no range");
                let hint = "`enforce`, `initial` or `ignore`".to_owned();
                self.say(&format!("policy.fields.{field}"), message, Some(hint));
                continue;
            }
            let stated = path::get_member(&document.spec, field).and_then(Value::as_f64);
            if let Some(stated) = stated.filter(|stated| !(*low..=*high).contains(stated)) {
                let message =
                    format!("expected {low} to {high}, as `policy.fields.{field}.range` says, got {stated}");
                let hint = "it would be created with this number and then pulled into the range: state one that \
                            lies in it, or widen the range";
                self.say(&format!("spec.{field}"), message, Some(hint.to_owned()));
            }
        }
    }

    /// How many deployments stay.
    fn kept<K: Kind>(&mut self) {
        let Some(kept) = self.document.policy.keep_deployments else { return };
        if K::DEPLOYMENTS.is_none() {
            let message = format!("a {} has no deployments", K::TABLE.kind);
            self.say("policy.keepDeployments", message, Some("it belongs on a Stage".to_owned()));
        } else if !(1..=DEPLOYMENTS_MAX).contains(&kept) {
            let message = format!("expected 1 to {DEPLOYMENTS_MAX}, got {kept}");
            self.say("policy.keepDeployments", message, Some("3 if left out".to_owned()));
        }
    }

    /// The key is a tag's value in the owner mark.
    fn key(&mut self) {
        let length = self.document.key.to_string().chars().count();
        if length > TAG_VALUE_CHARS_MAX {
            let message = format!(
                "kind and name together have {length} characters, expected at most {TAG_VALUE_CHARS_MAX}"
            );
            self.say("metadata.name", message, Some("the owner mark keeps them in one tag".to_owned()));
        }
    }

    fn labels(&mut self) {
        let labels: &BTreeMap<String, String> = &self.document.labels;
        if label_list(labels.keys()).chars().count() > TAG_VALUE_CHARS_MAX {
            let message = format!("the keys together are longer than {TAG_VALUE_CHARS_MAX} characters");
            self.say(
                "metadata.labels",
                message,
                Some("they are kept in one tag; use fewer or shorter ones".to_owned()),
            );
        }
        if let Some(blank) = labels.keys().find(|key| key.contains(' ')) {
            self.say(&format!("metadata.labels.{blank}"), "a label key takes no blank".to_owned(), None);
        }
    }
}

/// More deployments than these are of no use to anybody: AWS pages them by hundreds.
const DEPLOYMENTS_MAX: i64 = 100;

/// Every place at which `spec` states what a pattern names: `a[].b`, `a{}.b`.
fn stated(spec: &Value, pattern: &str) -> Vec<String> {
    stated_at(spec, &pattern.split('.').collect::<Vec<_>>())
}

fn stated_at(value: &Value, steps: &[&str]) -> Vec<String> {
    let Some((step, rest)) = steps.split_first() else { return vec![String::new()] };
    let name = step.trim_end_matches("[]").trim_end_matches("{}");
    let Some(inner) = value.get(name) else { return Vec::new() };
    let inners: Vec<(String, &Value)> = match inner {
        Value::Array(items) if step.ends_with("[]") => {
            items.iter().enumerate().map(|(index, item)| (format!("{name}[{index}]"), item)).collect()
        }
        Value::Object(entries) if step.ends_with("{}") => {
            entries.iter().map(|(key, entry)| (format!("{name}.{key}"), entry)).collect()
        }
        inner => vec![(name.to_owned(), inner)],
    };
    let join = |at: &str, below: String| match below.is_empty() {
        true => at.to_owned(),
        false => format!("{at}.{below}"),
    };
    let found = inners.into_iter().map(|(at, inner)| (at, stated_at(inner, rest)));
    found.flat_map(|(at, below)| below.into_iter().map(move |below| join(&at, below))).collect()
}

/// serde's words for an unknown field: the field and the ones it knows.
fn unknown_field(text: &str) -> Option<(String, Vec<String>)> {
    let rest = text.strip_prefix("unknown field `")?;
    let (field, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    Some((field.to_owned(), known))
}

/// serde's words, for people: `invalid type: string "x", expected i32` → `expected a whole number, got string "x"`.
fn plain(text: &str) -> String {
    let Some((got, expected)) =
        text.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    else {
        return text.to_owned();
    };
    let expected = match expected {
        "i32" | "i64" | "u32" => "a whole number",
        "f64" => "a number",
        "a string" | "a boolean" => expected,
        "a sequence" => "a list",
        "a map" => "a mapping",
        other if other.starts_with("struct ") => "a mapping",
        other => other,
    };
    format!("expected {expected}, got {got}")
}
