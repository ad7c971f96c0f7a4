//! The calls that an entry of a plan comes to.

use hatoba_core::{Action, FieldDrift, Fix, Step};
use hatoba_kinds::{KindId, Operation};

use super::{PlanAction, PlanEntry};

/// Whether an entry moves a resource to another deployment.
pub(super) fn deploys(kind: KindId, entry: &PlanEntry) -> bool {
    kind.deployments().is_some_and(|deployments| entry.fields.iter().any(|f| f.path == deployments.digest))
}

fn named(kind: KindId, name: &str) -> Option<&'static Operation> {
    kind.operations().iter().find(|operation| operation.name == name)
}

/// The calls of a deployment that come after those of the step itself.
fn deployment_calls(kind: KindId, entry: &PlanEntry, step: &Step) -> Vec<&'static Operation> {
    let Some(deployments) = kind.deployments().filter(|_| deploys(kind, entry)) else { return Vec::new() };
    let moves = kind.operations().iter().find(|operation| operation.name.starts_with("Update"));
    let begun = match step {
        Step::Act(action @ Action::Update(change)) if change.touches(deployments.digest) => {
            kind.operation_of(action)
        }
        Step::Act(_) => return named(kind, deployments.operation).into_iter().chain(moves).collect(),
        _ => return Vec::new(),
    };
    let makes = begun.is_some_and(|operation| operation.name == deployments.operation);
    moves.filter(|_| makes).into_iter().collect()
}

/// The calls that an entry comes to.
pub(super) fn operations(kind: KindId, entry: &PlanEntry, step: &Step) -> Vec<&'static Operation> {
    let of = |verb: &str| kind.operation_named(verb);
    let calls = match (entry.action, step) {
        (PlanAction::Create, _) => vec![of("Create")],
        // The new one has been made already.
        (PlanAction::Replace, Step::Rest) => vec![of("Delete")],
        (PlanAction::Replace, _) if kind.table().replace.revisions().is_some() => vec![of("Create")],
        (PlanAction::Replace, _) if kind.table().drain.is_some() => {
            vec![of("Update"), of("Delete"), of("Create")]
        }
        (PlanAction::Replace, _) => vec![of("Create"), of("Delete")],
        (PlanAction::Delete, _) if kind.table().drain.is_some() => vec![of("Update"), of("Delete")],
        (PlanAction::Delete, _) => vec![of("Delete")],
        (PlanAction::Update, Step::Act(action)) => {
            let is_tag = |field: &&FieldDrift| field.path.starts_with("tags.");
            let more = match action {
                Action::Tag { .. } => entry.fields.iter().find_map(|field| match &field.fix {
                    Fix::InPlace if !is_tag(&field) => of("Update"),
                    Fix::ClearedBy(operation) => named(kind, operation),
                    _ => None,
                }),
                _ => entry.fields.iter().find(is_tag).and_then(|_| of("Tag")),
            };
            vec![kind.operation_of(action), more]
        }
        _ => Vec::new(),
    };
    calls.into_iter().flatten().chain(deployment_calls(kind, entry, step)).collect()
}
