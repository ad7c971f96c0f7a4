//! What AWS has tried and given up is not asked of it again until something else is asked for. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{Assessment, Cause, FieldDrift, Verdict, path};

impl Assessment<'_> {
    /// Takes these fields out of an update. Nothing left to write: a human must act, for this cause.
    pub fn withhold(&mut self, fields: &BTreeSet<String>, cause: Cause) {
        let Verdict::Update(change) = &mut self.verdict else { return };
        let (held, left): (Vec<FieldDrift>, Vec<FieldDrift>) =
            change.drift.drain(..).partition(|drift| fields.contains(&drift.path));
        let mut after = Value::Object(std::mem::take(&mut change.after));
        for drift in &held {
            path::set(&mut after, &drift.path, drift.from.clone());
        }
        if let Value::Object(after) = after {
            change.after = after;
        }
        change.drift = left;
        match (held.is_empty(), change.drift.is_empty() && change.tags.is_empty()) {
            (true, _) => {}
            (false, true) => self.verdict = Verdict::Stalled(cause),
            (false, false) => self.notes.push(cause),
        }
    }
}

#[cfg(test)]
#[path = "tests/withhold.rs"]
mod tests;
