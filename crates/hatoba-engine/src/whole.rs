//! Documents that are made of others: their status comes from their parts', and their parts are held with them.

use hatoba_core::{Cause, Digest, Key, Outcome, Status, fold, fold_serving, of_parts, serving_of_parts};
use hatoba_kinds::Whole;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::chains::is_entry;
use crate::engine::{Engine, State};
use crate::schedule::Next;

impl State {
    /// Folds the statuses of documents whose parts, or what they tell of, `concerned`.
    pub(crate) fn fold_wholes(&mut self, concerned: impl Fn(&Whole) -> bool, now: Timestamp) {
        let checked = std::sync::Arc::clone(&self.checked);
        for (key, whole) in &checked.wholes {
            if checked.held.contains_key(key) || !concerned(whole) {
                continue;
            }
            // What is shown of a part as it was asked for before does not count.
            let is_of_now = |status: &&Status| {
                let asked = checked.desired.get(&status.document);
                asked.is_none_or(|desired| desired.digest == status.observed_digest)
            };
            let shown = |part| (part, self.statuses.get(part).filter(is_of_now));
            let parts: Vec<(&Key, Option<&Status>)> = whole.parts.keys().map(shown).collect();
            let outputs = whole.outputs.iter().filter_map(|told| {
                let value = self.statuses.get(&told.of)?.outputs.get(&told.output)?;
                Some((told.name.clone(), told.template.replace("{}", value)))
            });
            let outcome = of_parts(&parts, outputs.collect());
            let digest = whole.digest.clone().unwrap_or_else(|| Digest::of(key));
            let entries = parts.iter().filter(|(part, _)| is_entry(part));
            let serving = serving_of_parts(
                entries.map(|(part, status)| (*part, status.and_then(|status| status.serving.as_ref()))),
            );
            let status = fold(self.statuses.get(key), key, &digest, outcome, now);
            let serving = serving.map(|found| self.with_probe(key, found));
            let status = fold_serving(&status, serving, now);
            self.statuses.insert(key.clone(), status);
        }
    }

    /// When AWS was last compared with a document: with the part that was looked at longest ago, if it has parts.
    pub(crate) fn verified_at(&self, key: &Key) -> Option<Instant> {
        let of = |key: &Key| self.memory.get(key).and_then(|memory| memory.verified_at);
        match self.checked.wholes.get(key) {
            Some(whole) => {
                let parts: Option<Vec<Instant>> = whole.parts.keys().map(of).collect();
                parts?.into_iter().min()
            }
            None => of(key),
        }
    }
}

impl Engine {
    /// A part whose document is held is left alone; who names it finds what exists in AWS.
    pub(crate) async fn part_of_held(&self, key: &Key) -> Option<Next> {
        let checked = self.state().checked.clone();
        match checked.held_parts.get(key) {
            Some(whole) => {
                let cause = Cause::new("Invalid", format!("{whole}, which asks for it, is held"));
                let digest = self.state().statuses.get(key).map(|status| status.observed_digest.clone());
                self.publish_as(key, &digest.unwrap_or_else(|| Digest::of(key)), Outcome::held(cause));
            }
            None if checked.assumed.contains(key) => {}
            None => return None,
        }
        self.find_held(key).await;
        Some(Next::Rest)
    }
}
