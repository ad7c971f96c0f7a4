use hatoba_core::{Deletion, FieldDrift, Fix, Key, Mark, TagChange, Target};
use serde_json::json;

use super::*;

fn change(drift: &[(&str, Value)], after: Value) -> Change {
    let drift = drift.iter().map(|(path, to)| FieldDrift {
        path: (*path).to_owned(),
        from: json!("web:7"),
        to: to.clone(),
        fix: Fix::InPlace,
    });
    Change {
        target: Target { kind: "EcsService".to_owned(), scope: "main".to_owned(), id: "web".to_owned(), arn: None },
        mark: Mark {
            owner: "me".to_owned(),
            document: Key::new("EcsService", "web"),
            incarnation: 1,
            deletion: Deletion::Delete,
        },
        drift: drift.collect(),
        tags: TagChange::default(),
        after: after.as_object().cloned().unwrap_or_default(),
    }
}

fn attempt(end: End, members: Value) -> Attempt {
    let members = normalise(&TABLE, members.as_object().cloned().unwrap_or_default());
    Attempt { end, said: "said".to_owned(), members }
}

#[test]
fn peers_43_50_the_newest_attempt_at_the_same_decides() {
    const BACK: End = End::RolledBack;
    const SUPERSEDED: End = End::Stopped { tripped: false };
    const TRIPPED: End = End::Stopped { tripped: true };
    type Row = (&'static [(End, &'static str)], bool, &'static str);
    let table: &[Row] = &[
        (&[], false, "nothing was tried"),
        (&[(BACK, "web:8")], true, "rolled back"),
        (&[(BACK, "web:9"), (End::Good, "web:7")], false, "another one was rolled back"),
        (&[(End::Good, "web:7"), (BACK, "web:8")], true, "something else went well since"),
        (&[(End::Good, "web:8"), (BACK, "web:8")], false, "it went well later"),
        (&[(BACK, "web:8"), (End::Good, "web:8")], true, "it went well earlier"),
        (&[(End::Good, "web:9"), (SUPERSEDED, "web:8")], false, "stopped because a newer one came"),
        (&[(End::Good, "web:9"), (TRIPPED, "web:8")], true, "stopped by the circuit breaker"),
        (&[(SUPERSEDED, "web:8")], true, "stopped by a person: nothing came after it"),
    ];
    let change = change(&[("taskDefinition", json!("arn:aws:ecs:r:1:task-definition/web:8"))], json!({
        "taskDefinition": "arn:aws:ecs:r:1:task-definition/web:8", "desiredCount": 2,
    }));
    for (history, expected, story) in table {
        let attempts: Vec<Attempt> =
            history.iter().map(|(end, name)| attempt(*end, json!({ "taskDefinition": name }))).collect();
        assert_eq!(failed(&change, &attempts).is_some(), *expected, "{story}");
    }
}

#[test]
fn what_was_not_tried_in_this_combination_is_tried() {
    let subnets = |ids: &[&str]| json!({ "awsvpcConfiguration": { "subnets": ids } });
    let at = "networkConfiguration.awsvpcConfiguration.subnets";
    let tried = attempt(End::RolledBack, json!({
        "taskDefinition": "web:8", "networkConfiguration": subnets(&["b", "a"]),
    }));
    for (definition, ids, expected) in
        [("web:8", ["a", "b"], true), ("web:8", ["a", "c"], false), ("web:7", ["a", "b"], false)]
    {
        let after = json!({ "taskDefinition": definition, "networkConfiguration": subnets(&ids) });
        let change = change(&[(at, json!(ids))], after);
        assert_eq!(failed(&change, std::slice::from_ref(&tried)).is_some(), expected, "{definition} {ids:?}");
    }
}

#[test]
fn only_what_begins_a_rollout_is_asked_about() {
    let after = json!({ "taskDefinition": "web:8" });
    let change = change(
        &[("taskDefinition", json!("web:8")), ("desiredCount", json!(3)), ("platformVersionX", json!("1"))],
        after,
    );
    assert_eq!(rolling(&change), BTreeSet::from(["taskDefinition".to_owned()]));
}

#[test]
fn peers_44_reasons_are_counted_and_few() {
    let reasons = ["b", "a", " b ", "", "c", "d", "b", "a"].map(str::to_owned);
    assert_eq!(summary(&reasons), "tasks stopped: b (3 times), a (2 times), c");
    assert_eq!(summary(&[]), "");
    let change = change(&[("taskDefinition", json!("web:8"))], json!({ "taskDefinition": "web:8" }));
    let tried = attempt(End::RolledBack, json!({ "taskDefinition": "web:8" }));
    let cause = cause(&change, &tried, &["no image".to_owned()]);
    assert_eq!(cause.reason.as_str(), "RolledBack");
    assert_eq!(
        cause.message,
        "AWS gave the rollout of web:8 up and runs web:7; said; tasks stopped: no image; \
         it is not tried again until the document asks for something else"
    );
}
