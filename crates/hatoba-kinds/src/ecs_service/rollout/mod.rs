//! Rollouts that AWS gave up: what failed once is not sent again until something else is asked for.
//!
//! The history of a service's deployments is AWS's own and outlives this process, so nothing is remembered here.
//! The newest attempt at what a change would make decides: a success, or one under way, says nothing against it.

mod driver;

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Cause, Change, Members, Shape, normalise, path};
use serde_json::Value;

use super::compare::short;
use super::fields::TABLE;

pub(super) use driver::{
    DESCRIBE_DEPLOYMENTS, DESCRIBE_REVISIONS, DESCRIBE_TASKS, LIST_DEPLOYMENTS, LIST_TASKS, definitions,
    explain, given_up,
};

/// Members of a service that begin a rollout and stand in its revisions.
const ROLLING: &[&str] = &[
    "taskDefinition",
    "networkConfiguration",
    "platformVersion",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
];

/// Different reasons shown of stopped tasks.
const REASONS_MAX: usize = 3;

/// How an attempt to bring a service to a revision stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It has succeeded, or is under way.
    Good,
    /// It was rolled back, or is being rolled back.
    RolledBack,
    /// It was stopped. `tripped`: by the circuit breaker or an alarm, not because a newer one came.
    Stopped {
        /// See above.
        tripped: bool,
    },
}

/// One entry of a service's history.
#[derive(Clone, Debug)]
struct Attempt {
    end: End,
    /// What AWS says of its end.
    said: String,
    /// What it was to bring the service to, in normal form.
    members: Members,
}

/// The fields of a change that begin a rollout.
fn rolling(change: &Change) -> BTreeSet<String> {
    let rolls = |at: &str| {
        ROLLING.iter().any(|member| at.strip_prefix(member).is_some_and(|r| r.is_empty() || r.starts_with('.')))
    };
    change.drift.iter().map(|drift| drift.path.clone()).filter(|path| rolls(path)).collect()
}

/// The attempt, of these from the newest to the oldest, that failed at exactly what the change would make.
fn failed<'a>(change: &Change, attempts: &'a [Attempt]) -> Option<&'a Attempt> {
    let wanted: BTreeSet<String> =
        rolling(change).into_iter().chain(["taskDefinition".to_owned()]).collect();
    let after = Value::Object(normalise(&TABLE, change.after.clone()));
    let same = |attempt: &Attempt, at: &str| {
        let have = path::get_member(&attempt.members, at).cloned().unwrap_or(Value::Null);
        let want = path::get(&after, at).cloned().unwrap_or(Value::Null);
        match TABLE.field(at).map(|field| field.shape) {
            Some(Shape::By(is_same)) => is_same(&want, &have),
            _ => want == have,
        }
    };
    let (at, newest) =
        attempts.iter().enumerate().find(|(_, attempt)| wanted.iter().all(|path| same(attempt, path)))?;
    let gave_up = match newest.end {
        End::Good => false,
        End::RolledBack => true,
        // One that was stopped because a newer one came has not failed.
        End::Stopped { tripped } => tripped || at == 0,
    };
    gave_up.then_some(newest)
}

/// What people are told.
fn cause(change: &Change, attempt: &Attempt, stopped: &[String]) -> Cause {
    let name = |members: &Members| {
        let definition = members.get("taskDefinition").and_then(Value::as_str).unwrap_or_default();
        short(definition).to_owned()
    };
    let runs = change.drift.iter().find(|drift| drift.path == "taskDefinition");
    let runs = runs.and_then(|drift| drift.from.as_str()).map(short).unwrap_or_default();
    let mut message = format!("AWS gave the rollout of {} up", name(&attempt.members));
    if !runs.is_empty() {
        message.push_str(&format!(" and runs {runs}"));
    }
    for said in [attempt.said.as_str(), &summary(stopped)].into_iter().filter(|said| !said.is_empty()) {
        message.push_str(&format!("; {said}"));
    }
    message.push_str("; it is not tried again until the document asks for something else");
    Cause::new("RolledBack", message)
}

/// `tasks stopped: CannotPullContainerError (3 times), …`.
fn summary(stopped: &[String]) -> String {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in stopped.iter().map(|reason| reason.trim()).filter(|reason| !reason.is_empty()) {
        *counted.entry(reason).or_default() += 1;
    }
    let mut counted: Vec<(&str, usize)> = counted.into_iter().collect();
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let shown: Vec<String> = counted
        .iter()
        .take(REASONS_MAX)
        .map(|(reason, count)| match count {
            1 => (*reason).to_owned(),
            count => format!("{reason} ({count} times)"),
        })
        .collect();
    if shown.is_empty() { String::new() } else { format!("tasks stopped: {}", shown.join(", ")) }
}

#[cfg(test)]
mod tests;
