//! Who uses a revision: services in any of their deployments, and tasks, of everybody and in every cluster.
//!
//! Deregistering is rare, so this look is thorough. A service whose rollout of the same family is not finished uses
//! every revision of it: nobody sees from outside to which one a rollback would go.

mod driver;

pub(super) use driver::{
    DESCRIBE_SERVICES, DESCRIBE_TASKS, LIST_CLUSTERS, LIST_SERVICES, LIST_TASKS, users,
};

/// `arn:…:task-definition/web:7` → `web:7`.
pub(super) fn short(task_definition: &str) -> &str {
    task_definition.rsplit_once("task-definition/").map_or(task_definition, |(_, short)| short)
}

/// `web:7` → `web`.
pub(super) fn family(short: &str) -> &str {
    short.split(':').next().unwrap_or(short)
}

/// What a service runs, and whether its newest rollout is finished.
pub(super) struct Runs<'a> {
    pub(super) definitions: Vec<&'a str>,
    pub(super) is_settled: bool,
}

/// Whether what a service runs keeps `id` (`web:7`) from being deregistered.
pub(super) fn keeps(runs: &Runs<'_>, id: &str) -> bool {
    let (exact, same_family) = (
        runs.definitions.iter().any(|definition| short(definition) == id),
        runs.definitions.iter().any(|definition| family(short(definition)) == family(id)),
    );
    exact || (same_family && !runs.is_settled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_keeps_what_it_runs_and_the_whole_family_while_it_rolls() {
        let arn = |short: &str| format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{short}");
        let (seven, eight) = (arn("web:7"), arn("web:8"));
        for (definitions, is_settled, id, expected) in [
            (vec![seven.as_str()], true, "web:7", true),
            (vec![seven.as_str()], true, "web:6", false),
            (vec![seven.as_str()], true, "web:70", false),
            (vec![eight.as_str(), seven.as_str()], true, "web:7", true),
            (vec![eight.as_str(), seven.as_str()], false, "web:6", true),
            (vec![eight.as_str()], false, "webs:6", false),
            (vec![], false, "web:6", false),
        ] {
            let runs = Runs { definitions, is_settled };
            assert_eq!(keeps(&runs, id), expected, "{:?} {id}", runs.definitions);
        }
    }
}
