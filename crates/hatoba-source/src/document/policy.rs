//! Reads `policy`.

use hatoba_core::path::join;
use hatoba_core::{Adopt, Diagnostic, FieldMode, Places, Policy, Probe, did_you_mean};
use serde_json::Value;
use serde_path_to_error::Segment;

use super::reader::Reader;

impl Reader<'_> {
    /// The policy; what is left out has its default.
    pub(super) fn policy(&mut self, value: Option<Value>) -> Policy {
        let value = match value {
            None | Some(Value::Null) => return Policy::default(),
            Some(value) => self.expand_all("policy", value),
        };
        let example = "policy: { deletion: Retain }";
        let Some(members) = self.mapping("policy", value, example) else { return Policy::default() };
        let mut members = Value::Object(members);
        // What is wrong is told and taken out, and the rest is read on: everything is told at once.
        for _ in 0..MISREAD_MAX {
            let error = match serde_path_to_error::deserialize::<_, Policy>(members.clone()) {
                Ok(policy) => {
                    self.check_policy(&policy);
                    return policy;
                }
                Err(error) => error,
            };
            let path = match error.path().to_string().as_str() {
                "." => "policy".to_owned(),
                inner => join("policy", inner),
            };
            self.note(policy_error(self.places, path, &error.inner().to_string()));
            if !take_out(&mut members, error.path()) {
                break;
            }
        }
        Policy::default()
    }

    /// What the type of the policy cannot say.
    fn check_policy(&mut self, policy: &Policy) {
        if let Some(Adopt { id, by, .. }) = &policy.adopt {
            let example = "for example `adopt: { id: abc123 }` or `adopt: { match: name }`";
            let one = "expected exactly one of `id` and `match`";
            match (id.as_deref(), by) {
                (Some(""), None) => {
                    self.error("policy.adopt.id", "expected the resource's id in AWS, got nothing", example);
                }
                (Some(_), None) | (None, Some(_)) => {}
                (Some(_), Some(_)) => {
                    self.error("policy.adopt", format!("{one}, got both"), "keep `id`: it is exact");
                }
                (None, None) => self.error("policy.adopt", format!("{one}, got neither"), example),
            }
        }
        for (member, message, hint) in policy.probe.iter().flat_map(Probe::problems) {
            self.error(&format!("policy.probe.{member}"), message, hint);
        }
        for (field, mode) in &policy.fields {
            if let FieldMode::Range { range: (low, high) } = mode
                && low > high
            {
                let path = format!("policy.fields.{field}.range");
                let message = format!("expected the smaller number first, got [{low}, {high}]");
                self.error(&path, message, format!("write [{high}, {low}]"));
            }
        }
    }
}

/// So many things that do not fit are told at once.
const MISREAD_MAX: usize = 20;

/// Takes out what an error is about. Fields of AWS's hold dots, so the path is walked by its steps.
fn take_out(members: &mut Value, at: &serde_path_to_error::Path) -> bool {
    let mut keys: Vec<&str> = Vec::new();
    for segment in at.iter() {
        match segment {
            Segment::Map { key } => keys.push(key),
            // A list is taken out as a whole.
            Segment::Seq { .. } | Segment::Enum { .. } | Segment::Unknown => break,
        }
    }
    let Some((last, around)) = keys.split_last() else { return false };
    let around = around.iter().try_fold(members, |place, key| place.get_mut(*key));
    around.and_then(Value::as_object_mut).is_some_and(|members| members.remove(*last).is_some())
}

/// Serde's words about a policy, at their place and with a guess.
fn policy_error(places: &Places, path: String, message: &str) -> Diagnostic {
    let is_unknown = message.starts_with("unknown field");
    let place = if is_unknown { places.key(&path) } else { places.value(&path) };
    if message.contains("untagged enum") {
        let message = "expected `enforce`, `initial`, `ignore` or `{ range: [min, max] }`";
        return Diagnostic::error(place, path, message)
            .hint("for example `desiredCount: { range: [2, 20] }`");
    }
    // Serde writes `unknown variant `retain`, expected `Delete` or `Retain``: first what was found, then what could be.
    let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let guess = match words.split_first() {
        Some((found, known)) if message.starts_with("unknown") => did_you_mean(found, known.iter().copied()),
        _ => None,
    };
    let mut finding = Diagnostic::error(place, path, message);
    finding.hint = match guess {
        Some(meant) => Some(format!("did you mean `{meant}`?")),
        None if message.contains("such as") => None, // it has its example
        None => Some("for example `policy: { deletion: Retain, drift: Report, suspend: true }`".to_owned()),
    };
    finding
}
