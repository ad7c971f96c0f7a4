//! Answers as nobody expects them: members missing, `null`, words that did not exist when the driver was written.
//! They may be refused with a sentence; nothing panics.

use hatoba_core::{Action, Creation};
use serde_json::Value;

use super::replay::{Replay, mark};

/// Every odd form of the resource through list and create; the panics.
pub(super) async fn survives(replay: &Replay) -> Vec<String> {
    let mut wrong = Vec::new();
    for (what, odd) in forms(&replay.resource) {
        let replay = Replay { resource: odd, ..replay.clone() };
        if let Err(panic) = tokio::spawn(async move { touch(&replay).await }).await {
            wrong.push(format!("{what}: {panic}"));
        }
    }
    wrong
}

/// What is odd about it, and the resource.
fn forms(resource: &Value) -> Vec<(String, Value)> {
    let mut forms = vec![
        (
            "words nobody knows".to_owned(),
            changed(resource, &|value| value.is_string(), &"UNHEARD_OF".into()),
        ),
        ("every value null".to_owned(), changed(resource, &|value| !is_structure(value), &Value::Null)),
        ("every list empty".to_owned(), changed(resource, &Value::is_array, &Value::Array(Vec::new()))),
    ];
    for name in resource.as_object().into_iter().flatten().map(|(name, _)| name) {
        let mut without = resource.clone();
        without.as_object_mut().unwrap().remove(name);
        forms.push((format!("without {name}"), without));
        let mut empty = resource.clone();
        empty[name] = Value::Null;
        forms.push((format!("{name} null"), empty));
    }
    forms
}

fn is_structure(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

fn changed(value: &Value, is_meant: &dyn Fn(&Value) -> bool, to: &Value) -> Value {
    match value {
        meant if is_meant(meant) => to.clone(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), changed(value, is_meant, to))).collect()
        }
        Value::Array(items) => items.iter().map(|item| changed(item, is_meant, to)).collect(),
        other => other.clone(),
    }
}

/// Reads it, and asks for the like of it again. Whether it can be is not asked here.
async fn touch(replay: &Replay) {
    let aws = replay.witness(&replay.resource).aws();
    let Ok(objects) = replay.listed(&replay.resource).await else { return };
    for object in objects {
        let creation = Creation {
            scope: object.scope,
            members: object.members,
            tags: object.tags.unwrap_or_default(),
            mark: mark(replay.kind),
            replaces: Vec::new(),
        };
        let _ = replay.kind.execute(&aws, &Action::Create(creation)).await;
    }
}
