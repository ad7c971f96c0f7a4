//! The deployments of a stage without auto deploy: what comes next, from those that were seen. Pure.
//!
//! One call at a time, and after each the next list says how far it came: so the sequence goes on wherever it
//! was left, and no second deployment of the same digest is made.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One deployment that this controller made for this stage, as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deployment {
    pub(super) id: String,
    /// What it serves.
    pub(super) digest: String,
    /// `PENDING`, `DEPLOYED` or `FAILED`.
    pub(super) status: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) message: String,
    pub(super) created_at_ms: i64,
    /// Whether any stage points to it.
    pub(super) in_use: bool,
}

/// What comes next on the way to a deployment with a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Towards {
    /// There is none: it is made.
    Make,
    /// It is on its way.
    Follow(String),
    /// It is there: the stage moves to it.
    MoveTo(String),
    /// It failed, which the same content will do again.
    Failed(Deployment),
}

/// What a document's resource has in its computed member; nothing where none were looked for.
pub(super) fn seen(value: Option<&Value>) -> Vec<Deployment> {
    let read = value.cloned().map(serde_json::from_value::<Vec<Deployment>>);
    read.and_then(Result::ok).unwrap_or_default()
}

/// The next step: of several with the digest the one that is furthest, and of those the newest.
pub(super) fn towards(deployments: &[Deployment], digest: &str) -> Towards {
    let with = |status: &str| {
        let same = deployments.iter().filter(|one| one.digest == digest && one.status == status);
        same.max_by_key(|one| (one.created_at_ms, &one.id))
    };
    if let Some(deployed) = with(DEPLOYED) {
        return Towards::MoveTo(deployed.id.clone());
    }
    if let Some(failed) = with(FAILED) {
        return Towards::Failed(failed.clone());
    }
    match deployments.iter().find(|one| one.digest == digest) {
        Some(pending) => Towards::Follow(pending.id.clone()),
        None => Towards::Make,
    }
}

/// Those that go when the stage is where it should be: all that failed, and all but the newest `keep`; never one
/// that a stage points to.
pub(super) fn spare(deployments: &[Deployment], keep: usize) -> Vec<&Deployment> {
    let mut kept: Vec<&Deployment> = deployments.iter().filter(|one| one.status != FAILED).collect();
    kept.sort_by_key(|one| std::cmp::Reverse((one.created_at_ms, one.id.clone())));
    let failed = deployments.iter().filter(|one| one.status == FAILED);
    let old = kept.into_iter().skip(keep);
    failed.chain(old).filter(|one| !one.in_use).collect()
}

/// Whether nothing has to go: the document's number against what was seen.
pub(super) fn enough(wanted: &Value, have: &Value) -> bool {
    let keep = wanted.as_u64().and_then(|keep| usize::try_from(keep).ok()).unwrap_or(usize::MAX);
    spare(&seen(Some(have)), keep).is_empty()
}

/// The newest, if it failed and no stage serves it.
pub(super) fn newest_failure(deployments: &[Deployment]) -> Option<&Deployment> {
    let newest = deployments.iter().max_by_key(|one| (one.created_at_ms, &one.id))?;
    (newest.status == FAILED && !newest.in_use).then_some(newest)
}

pub(super) const DEPLOYED: &str = "DEPLOYED";
pub(super) const FAILED: &str = "FAILED";

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: &str, digest: &str, status: &str, created_at_ms: i64) -> Deployment {
        let (id, digest, status) = (id.to_owned(), digest.to_owned(), status.to_owned());
        Deployment { id, digest, status, created_at_ms, ..Deployment::default() }
    }

    fn ids(deployments: Vec<&Deployment>) -> Vec<&str> {
        deployments.into_iter().map(|one| one.id.as_str()).collect()
    }

    #[test]
    fn the_next_step_follows_from_what_is_there() {
        let all = [
            one("a", "1", DEPLOYED, 1),
            one("b", "2", "PENDING", 2),
            one("c", "3", FAILED, 3),
            one("d", "1", DEPLOYED, 4),
            one("e", "3", DEPLOYED, 5),
            one("f", "4", FAILED, 6),
        ];
        assert_eq!(towards(&all, "1"), Towards::MoveTo("d".to_owned()), "the newest of two");
        assert_eq!(towards(&all, "2"), Towards::Follow("b".to_owned()));
        assert_eq!(towards(&all, "3"), Towards::MoveTo("e".to_owned()), "a second attempt of somebody's");
        assert!(matches!(towards(&all, "4"), Towards::Failed(failed) if failed.id == "f"));
        assert_eq!(towards(&all, "5"), Towards::Make);
    }

    #[test]
    fn the_last_stay_and_what_a_stage_points_to() {
        let mut all: Vec<Deployment> =
            (1..=5).map(|at| one(&format!("d{at}"), &at.to_string(), DEPLOYED, at)).collect();
        assert_eq!(ids(spare(&all, 3)), ["d2", "d1"]);
        all[0].in_use = true;
        assert_eq!(ids(spare(&all, 3)), ["d2"]);
        all.push(one("d6", "6", FAILED, 6));
        assert_eq!(ids(spare(&all, 3)), ["d6", "d2"], "a failed one is no use and counts for none");
        assert_eq!(newest_failure(&all).map(|one| one.id.as_str()), Some("d6"));
        assert!(!enough(&serde_json::json!(3), &serde_json::json!(all)));
        assert!(enough(&serde_json::json!(3), &serde_json::json!(all[1..4])));
        assert!(enough(&serde_json::json!(3), &Value::Null));
    }
}
