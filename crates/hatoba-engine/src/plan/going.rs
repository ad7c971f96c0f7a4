//! What a plan says of resources that go: of documents that are gone, and of what was replaced.

use hatoba_core::{Assessment, Cause, Desired, Parting, Step, SurplusKind, UsedBy};
use hatoba_kinds::{KindId, Operation};

use super::calls::operations;
use super::{Plan, PlanAction, PlanEntry};
use crate::engine::Engine;
use crate::handover::released;
use crate::prune::Absence;

impl Engine {
    /// What the daemon would delete when the grace is over, and what holds the rest.
    pub(super) fn plan_deletes(&self, plan: &mut Plan, calls: &mut Vec<&'static Operation>) {
        for (key, orphans) in self.orphans() {
            for orphan in orphans {
                let kind = orphan.place.0;
                let entry = PlanEntry { id: Some(orphan.object.id.clone()), ..PlanEntry::new(key.clone()) };
                let grace = self.options.prune_grace.as_secs();
                let then = |action, cause| PlanEntry { action, cause: Some(cause), ..entry.clone() };
                let (entry, step) = match self.judge_as(&orphan, &[], &self.fuse(), Absence::LONG) {
                    Ok(Parting::Delete) => {
                        let message = format!("its document is gone; it goes after {grace} s of grace");
                        (then(PlanAction::Delete, Cause::new("Grace", message)), Step::Rest)
                    }
                    Ok(Parting::Release) => match released(&orphan.place, &orphan.object) {
                        Ok(action) => {
                            let message = format!(
                                "its document is gone; it stays, and our marks are taken off it after {grace} s of grace"
                            );
                            (then(PlanAction::Update, Cause::new("HandOver", message)), Step::Act(action))
                        }
                        Err(cause) => (then(PlanAction::Held, cause), Step::Rest),
                    },
                    Err(cause) => (then(PlanAction::Held, cause), Step::Rest),
                };
                calls.extend(operations(kind, &entry, &step));
                plan.entries.push(entry);
            }
        }
    }

    /// What bears a document's mark beside the current resource, and what becomes of it.
    pub(super) fn plan_surplus(
        &self,
        kind: KindId,
        desired: &Desired,
        assessment: &Assessment<'_>,
        calls: &mut Vec<&'static Operation>,
    ) -> Vec<PlanEntry> {
        let current = assessment.current.map_or("", |current| current.id.as_str());
        let mut entries = Vec::new();
        for surplus in &assessment.surplus {
            let (action, cause) = match surplus.why {
                _ if desired.policy.suspend => {
                    (PlanAction::Held, Cause::new("Suspended", "policy.suspend is set: it is not removed"))
                }
                _ if self.used_by(kind, surplus.object) == UsedBy::Others => {
                    let message =
                        "it bears this document's mark too, and somebody else's things use it: it stays";
                    (PlanAction::Held, Cause::new("DuplicateInUse", message))
                }
                SurplusKind::Twin => {
                    let message = format!(
                        "one too many beside {current}; it goes when two looks agree that nobody uses it"
                    );
                    (PlanAction::Delete, Cause::new("Duplicate", message))
                }
                SurplusKind::Superseded if !assessment.lets_go(desired, surplus) => {
                    let message =
                        format!("{current} is to take its place and is not ready; it stays until then");
                    (PlanAction::Held, Cause::new("Superseded", message))
                }
                SurplusKind::Superseded => {
                    let message =
                        format!("{current} has taken its place; it goes when nothing leads to it any more");
                    (PlanAction::Delete, Cause::new("Superseded", message))
                }
            };
            let id = Some(surplus.object.id.clone());
            let entry = PlanEntry { id, action, cause: Some(cause), ..PlanEntry::new(desired.key.clone()) };
            calls.extend(operations(kind, &entry, &Step::Rest));
            entries.push(entry);
        }
        entries
    }
}
