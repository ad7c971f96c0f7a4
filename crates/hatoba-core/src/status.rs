//! What is shown of a document, and the one fold that makes it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Assessment, Cause, Digest, FieldDrift, Key, Readiness, Reason, Step, Verdict};

/// A condition's truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

impl Truth {
    /// All three.
    pub const ALL: [Truth; 3] = [Truth::True, Truth::False, Truth::Unknown];

    /// The word, as in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Truth::True => "True",
            Truth::False => "False",
            Truth::Unknown => "Unknown",
        }
    }
}

/// One condition of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Whether it holds.
    pub status: Truth,
    /// A stable CamelCase word.
    pub reason: Reason,
    /// One sentence for people.
    pub message: String,
    /// When `status` last changed.
    pub last_transition_time: Timestamp,
}

/// What is shown of one document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// `Kind/name`.
    pub document: Key,
    /// The generation that was judged.
    pub observed_digest: Digest,
    /// The newest generation that AWS equalled; a later difference from it is drift, not a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_digest: Option<Digest>,
    /// What references and look-ups had filled in then: where they lead elsewhere since, that is a change too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_filled: Option<Digest>,
    /// AWS equals the document.
    pub synced: Condition,
    /// It has settled.
    pub ready: Condition,
    /// Requests are answered, where they enter here; see [`crate::serving`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<Condition>,
    /// Fields that are not as the document says; values are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
    /// Worth saying.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Cause>,
    /// Ids, ARNs, URLs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
}

/// What one pass found, before it is compared with what was shown earlier.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Whether AWS equals the document.
    pub synced: (Truth, Cause),
    /// Whether it has settled; `None`: this pass could not tell, what was shown stays.
    pub ready: Option<(Truth, Cause)>,
    /// Fields that are not as the document says.
    pub drift: Vec<String>,
    /// Worth saying.
    pub notes: Vec<Cause>,
    /// Ids, ARNs, URLs.
    pub outputs: BTreeMap<String, String>,
    /// What references and look-ups fill in.
    pub filled: Option<Digest>,
}

impl Outcome {
    /// A document that is not worked on.
    pub fn held(cause: Cause) -> Self {
        Outcome {
            synced: (Truth::False, cause),
            ready: None,
            drift: Vec::new(),
            notes: Vec::new(),
            outputs: BTreeMap::new(),
            filled: None,
        }
    }

    /// A document of which nothing is known at the moment.
    pub fn unknown(cause: Cause) -> Self {
        Outcome { synced: (Truth::Unknown, cause), ..Outcome::held(Cause::new("Unknown", "")) }
    }

    /// A document that waits for others.
    pub fn waiting(cause: Cause) -> Self {
        Outcome { ready: Some((Truth::False, cause.clone())), ..Outcome::held(cause) }
    }

    /// What an assessment and the fate of its step come to. `failed`: why the write did not go through.
    pub fn of(assessment: &Assessment<'_>, step: &Step, failed: Option<Cause>) -> Self {
        let mut outcome = match &assessment.verdict {
            Verdict::InSync => {
                Outcome::held(Cause::new("InSync", "AWS equals the document")).synced(Truth::True)
            }
            // What differs is not written meanwhile, and must not count as having been in sync.
            Verdict::Settling(cause) if !assessment.differs.is_empty() => {
                Outcome::waiting(cause.clone()).drift(assessment.differs.clone())
            }
            Verdict::Settling(cause) if assessment.current.is_some() => Outcome {
                ready: Some((Truth::False, cause.clone())),
                ..Outcome::held(Cause::new("InSync", "AWS equals the document")).synced(Truth::True)
            },
            Verdict::Settling(cause) | Verdict::Stalled(cause) => Outcome::waiting(cause.clone()),
            Verdict::Create(_) => Outcome::waiting(Cause::new("Creating", "it is being made")),
            Verdict::Update(change) => {
                let fields = paths(&change.drift);
                Outcome::held(Cause::new("Differs", differs(&fields, !change.tags.is_empty()))).drift(fields)
            }
            Verdict::Replace(_, drift) => {
                let fields = paths(drift);
                Outcome::held(Cause::new(
                    "Replacing",
                    format!("{} can only be changed by a new one", fields.join(", ")),
                ))
                .drift(fields)
            }
            Verdict::TakeDown(_, drift) => {
                let fields = paths(drift);
                let message = format!("{} can only be changed by deleting it first", fields.join(", "));
                Outcome::waiting(Cause::new("Replacing", message)).drift(fields)
            }
            Verdict::WaitingFor(keys) => {
                let keys = keys.iter().map(Key::to_string).collect::<Vec<_>>().join(", ");
                Outcome::waiting(Cause::new("WaitingFor", format!("waits for {keys}")))
            }
            Verdict::Unknown(cause) => Outcome::unknown(cause.clone()),
        };
        if let Some(current) = assessment.current {
            outcome.outputs.clone_from(&current.outputs);
            if outcome.ready.is_none() {
                outcome.ready = Some(match &current.readiness {
                    Readiness::Ready => (Truth::True, Cause::new("Ready", "it has settled")),
                    Readiness::Settling(cause) | Readiness::NotReady(cause) => (Truth::False, cause.clone()),
                });
            }
        }
        outcome.notes.clone_from(&assessment.notes);
        if let Step::Wait(cause) = step {
            outcome.notes.push(cause.clone());
        }
        if let Step::Hold(cause) = step {
            if !outcome.notes.contains(cause) {
                outcome.notes.push(cause.clone());
            }
            if outcome.synced.0 != Truth::True {
                outcome.synced.1 = cause.clone();
            }
            if assessment.current.is_none() {
                outcome.ready = Some((Truth::False, cause.clone()));
            }
        }
        if let Some(cause) = failed {
            outcome.synced = (Truth::False, cause);
        }
        outcome
    }

    fn synced(mut self, truth: Truth) -> Self {
        self.synced.0 = truth;
        self
    }

    fn drift(mut self, fields: Vec<String>) -> Self {
        self.drift = fields;
        self
    }
}

fn paths(drift: &[FieldDrift]) -> Vec<String> {
    drift.iter().map(|drift| drift.path.clone()).collect()
}

fn differs(fields: &[String], tags: bool) -> String {
    let mut named: Vec<&str> = fields.iter().map(String::as_str).collect();
    if tags {
        named.push("tags");
    }
    match named.as_slice() {
        [] => "the owner mark differs".to_owned(),
        named => format!("{} not as the document says", named.join(", ")),
    }
}

/// The one place where a status comes from: what was shown, what one pass found, and the time.
///
/// `lastTransitionTime` moves only when a condition's truth changes; an equal outcome gives an equal status.
pub fn fold(
    previous: Option<&Status>,
    document: &Key,
    digest: &Digest,
    outcome: Outcome,
    now: Timestamp,
) -> Status {
    let unknown = || (Truth::Unknown, Cause::new("NotJudged", "it could not be judged yet"));
    let ready = match outcome.ready {
        Some(ready) => ready,
        None => previous.map_or_else(unknown, |status| {
            (
                status.ready.status,
                Cause { reason: status.ready.reason.clone(), message: status.ready.message.clone() },
            )
        }),
    };
    let condition = |found, before| condition(found, before, now);
    let outputs = match previous {
        Some(previous) if outcome.outputs.is_empty() => previous.outputs.clone(),
        _ => outcome.outputs,
    };
    let before = |of: fn(&Status) -> &Option<Digest>| previous.and_then(|status| of(status).clone());
    let (synced_digest, synced_filled) = match outcome.synced.0 {
        Truth::True => {
            (Some(digest.clone()), outcome.filled.or_else(|| before(|status| &status.synced_filled)))
        }
        Truth::False | Truth::Unknown => {
            (before(|status| &status.synced_digest), before(|status| &status.synced_filled))
        }
    };
    Status {
        document: document.clone(),
        observed_digest: digest.clone(),
        synced_digest,
        synced_filled,
        synced: condition(outcome.synced, previous.map(|status| &status.synced)),
        ready: condition(ready, previous.map(|status| &status.ready)),
        // Folded by itself: what it rests on changes apart from the document.
        serving: previous.and_then(|status| status.serving.clone()),
        drift: outcome.drift,
        notes: outcome.notes,
        outputs,
    }
}

/// The same for `Serving` alone.
pub fn fold_serving(previous: &Status, serving: Option<(Truth, Cause)>, now: Timestamp) -> Status {
    let serving = serving.map(|found| condition(found, previous.serving.as_ref(), now));
    Status { serving, ..previous.clone() }
}

fn condition((truth, cause): (Truth, Cause), before: Option<&Condition>, now: Timestamp) -> Condition {
    Condition {
        status: truth,
        reason: cause.reason,
        message: cause.message,
        last_transition_time: match before {
            Some(before) if before.status == truth => before.last_transition_time,
            _ => now,
        },
    }
}

#[cfg(test)]
#[path = "tests/status.rs"]
mod tests;
