use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ContainerDefinition, TaskDefinition};
use hatoba_core::{Document, Key, Places, Policy};
use serde_json::{Value, json};

use super::driver::observe;
use super::fields::{KEPT, TABLE};
use crate::KindId;

fn compile(spec: Value) -> Result<hatoba_core::Desired, Vec<String>> {
    let key = Key::new("EcsTaskDefinition", "shop-web");
    let spec = spec.as_object().cloned().unwrap_or_default();
    let document = Document::new(key, BTreeMap::new(), spec, Policy::default(), Places::new("a.yaml"));
    let found = KindId::EcsTaskDefinition.compile(&document);
    found.map_err(|found| found.into_iter().map(|found| format!("{}: {}", found.path, found.message)).collect())
}

fn fargate(more: Value) -> Value {
    let mut spec = json!({
        "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": 256, "memory": "0.5 GB",
        "containerDefinitions": [{ "name": "web", "image": "nginx" }],
    });
    spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    spec
}

#[test]
fn a_good_document_names_its_family_and_takes_numbers_for_sizes() {
    let desired = compile(fargate(json!({}))).unwrap();
    assert_eq!(desired.natural_key(), Some("shop-web"));
    assert_eq!(desired.members["cpu"], "256");
}

#[test]
fn bad_documents_are_refused_with_path_and_reason() {
    let containers = |list: Value| json!({ "containerDefinitions": list });
    let table: Vec<(Value, &str, &str)> = vec![
        (json!({ "containerDefinitions": [] }), "spec.containerDefinitions", "one container at least"),
        (json!({ "family": "no blanks" }), "spec.family", "letters"),
        (json!({ "cpu": true }), "spec.cpu", "whole number"),
        (json!({ "cpu": 300 }), "spec.cpu", "Fargate's sizes"),
        (json!({ "cpu": null }), "spec.cpu", "missing"),
        (json!({ "memory": null }), "spec.memory", "missing"),
        (json!({ "memory": "16 GB" }), "spec.memory", "512 to 2048"),
        (json!({ "networkMode": "bridge" }), "spec.networkMode", "awsvpc"),
        (json!({ "networkMode": "vpc" }), "spec.networkMode", "awsvpc"),
        (containers(json!([{ "image": "i" }])), "spec.containerDefinitions[0].name", "missing"),
        (containers(json!([{ "name": "a" }])), "spec.containerDefinitions[0].image", "missing"),
        (
            containers(json!([{ "name": "a", "image": "i" }, { "name": "a", "image": "i" }])),
            "spec.containerDefinitions[1].name",
            "called `a` too",
        ),
        (containers(json!([{ "name": "a", "image": "i", "essential": false }])), "spec.containerDefinitions", "essential"),
        (
            containers(json!([{ "name": "a", "image": "i", "dependsOn": [{ "containerName": "b", "condition": "START" }] }])),
            "spec.containerDefinitions[0].dependsOn[0].containerName",
            "called `b`",
        ),
        (
            containers(json!([{ "name": "a", "image": "i", "mountPoints": [{ "sourceVolume": "v" }] }])),
            "spec.containerDefinitions[0].mountPoints[0].sourceVolume",
            "called `v`",
        ),
        (
            containers(json!([{ "name": "a", "image": "i", "logConfiguration": { "logDriver": "logs" } }])),
            "spec.containerDefinitions[0].logConfiguration.logDriver",
            "awslogs",
        ),
        (
            containers(json!([{ "name": "a", "image": "i", "portMapping": [] }])),
            "spec.containerDefinitions[0].portMapping",
            "unknown field",
        ),
    ];
    for (more, path, words) in table {
        let found = compile(fargate(more.clone())).unwrap_err().join("\n");
        assert!(found.contains(path) && found.contains(words), "{more}: {found}");
    }
}

#[test]
fn what_others_registered_is_seen_and_not_compared() {
    let definition = TaskDefinition::builder()
        .task_definition_arn("arn:aws:ecs:us-east-1:123456789012:task-definition/web:7")
        .family("web")
        .revision(7)
        .container_definitions(ContainerDefinition::builder().name("web").image("nginx").essential(true).build())
        .build();
    let foreign = observe(&definition, BTreeMap::new()).unwrap();
    assert_eq!((foreign.id.as_str(), foreign.natural_key.as_str()), ("web:7", "web"));
    assert!(foreign.mark.present().is_none() && foreign.members.is_empty());
    let tags = [("hatoba:owner", "me"), ("hatoba:document", "EcsTaskDefinition/web")];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let ours = observe(&definition, BTreeMap::from(tags)).unwrap();
    assert_eq!(ours.members["containerDefinitions"], json!([{ "name": "web", "image": "nginx" }]));
    assert_eq!(ours.outputs["revision"], "7");
    assert_eq!(TABLE.replace.revisions().map(|revisions| revisions.kept), Some(KEPT));
}
