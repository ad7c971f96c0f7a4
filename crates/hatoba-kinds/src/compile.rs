//! From a document to what it asks for: typed check, references and selectors taken out, names defaulted.

use std::collections::BTreeMap;

use hatoba_core::{
    Deletion, Desired, Diagnostic, Document, Key, Lookup, LookupUse, Members, RefField, Reference,
    TAG_VALUE_CHARS_MAX, did_you_mean, label_list, path,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::KindId;
use crate::generated::problems;
use crate::kind::{Kind, Problem};
use crate::selector::Selector;

/// The diagnostic for a document whose kind nobody knows.
pub fn unknown_kind(document: &Document) -> Diagnostic {
    let kinds = KindId::ALL.iter().map(|kind| kind.table().kind).chain([crate::http_service::KIND]);
    let known = kinds.clone().collect::<Vec<_>>().join(", ");
    let message = format!("unknown kind `{}`, expected one of {known}", document.key.kind);
    let diagnostic = Diagnostic::error(document.places.value("kind"), "kind", message);
    match did_you_mean(&document.key.kind, kinds) {
        Some(guess) => diagnostic.hint(format!("did you mean `{guess}`?")),
        None => diagnostic,
    }
}

/// Reads one document of kind `K`.
pub(crate) fn compile<K: Kind>(document: &Document) -> Result<Desired, Vec<Diagnostic>> {
    let mut reader = Reader { document, found: Vec::new() };
    if reader.refuses::<K>() || !reader.types::<K>() {
        return Err(reader.found);
    }
    for problem in K::check_written(&document.spec) {
        reader.tell(problem);
    }
    let mut members = Value::Object(document.spec.clone());
    let references = reader.references::<K>(&mut members);
    let lookups = reader.lookups::<K>(&mut members);
    let mut members = match members {
        Value::Object(members) => members,
        _ => Members::new(),
    };
    K::adapt(&mut members);
    reader.name::<K>(&mut members);
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
pub(crate) fn typed<S: DeserializeOwned>(document: &Document, kind: &str) -> Result<S, Diagnostic> {
    let spec = Value::Object(document.spec.clone());
    let error = match serde_path_to_error::deserialize::<_, S>(spec) {
        Ok(spec) => return Ok(spec),
        Err(error) => error,
    };
    let at = match error.path().to_string() {
        path if path == "." => "spec".to_owned(),
        path => format!("spec.{path}"),
    };
    let text = error.inner().to_string();
    let Some((field, known)) = unknown_field(&text) else {
        return Err(Diagnostic::error(document.places.value(&at), at, plain(&text)));
    };
    let path = if at.ends_with(&format!(".{field}")) { at } else { format!("{at}.{field}") };
    let hint = match did_you_mean(&field, known.iter().map(String::as_str)) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => format!("fields here: {}", known.join(", ")),
    };
    let place = document.places.key(&path);
    Err(Diagnostic::error(place, path, format!("unknown field `{field}` of {kind}")).hint(hint))
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
            let steps: Vec<&str> = pattern.split('.').collect();
            let name = steps.last().copied().unwrap_or_default();
            for at in stated_at(&spec, &steps) {
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
        match typed::<K::Spec>(self.document, K::TABLE.kind) {
            Ok(_) => true,
            Err(found) => {
                self.found.push(found);
                false
            }
        }
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
                let filled = sibling(&at, field.member);
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
                self.say(&at, message, Some(format!("name a {} document", field.kinds.join(" or "))));
            }
        }
        references
    }

    /// The document that a reference names: a name, or `Kind/name` where several kinds are possible.
    fn target(&mut self, at: &str, field: &RefField, value: &Value) -> Option<Key> {
        let text = value.as_str().unwrap_or_default();
        let (kind, name) = text.split_once('/').unwrap_or((field.kinds[0], text));
        if !field.kinds.contains(&kind) {
            let message =
                format!("expected the name of a {} document, got `{text}`", field.kinds.join(" or "));
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
        let mut lookups = Vec::new();
        for field in K::TABLE.selectors {
            let Some(value) = path::take(members, field.path) else { continue };
            let filled = sibling(field.path, field.member);
            let at = format!("spec.{}", field.path);
            if path::get(members, &filled).is_some() {
                self.say(
                    &at,
                    format!("both `{}` and `{filled}` are given, expected one of them", field.path),
                    None,
                );
            }
            let Ok(Selector { tags }) = serde_json::from_value(value) else { continue };
            if tags.is_empty() {
                self.say(
                    &at,
                    "no tags are given, expected at least one".to_owned(),
                    Some("tags: { Name: … }".to_owned()),
                );
            }
            let lookup = Lookup { resource: field.resource.to_owned(), tags };
            lookups.push(LookupUse { field: field.path.to_owned(), path: filled, lookup, many: field.many });
        }
        lookups
    }

    fn name<K: Kind>(&mut self, members: &mut Members) {
        let Some(member) = K::TABLE.name_member else { return };
        members.entry(member).or_insert_with(|| Value::String(self.document.key.name.clone()));
    }

    fn policy<K: Kind>(&mut self) {
        let policy = &self.document.policy;
        if policy.adopt.is_some() {
            let hint = "delete the resource by hand, or leave it out of the documents";
            self.say("policy.adopt", "adoption is not in this version".to_owned(), Some(hint.to_owned()));
        }
        let untaggable = !K::TABLE.marks.is_in_tags();
        if policy.deletion == Deletion::Retain && untaggable {
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
        self.kept::<K>();
        self.labels();
        self.key();
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

/// Every place at which `value` states what a pattern names: `a[].b`, `a{}.b`.
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

/// The member beside `at`: `a[0].xRef` and `x` → `a[0].x`.
fn sibling(at: &str, member: &str) -> String {
    match at.rsplit_once('.') {
        Some((parent, _)) => format!("{parent}.{member}"),
        None => member.to_owned(),
    }
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
