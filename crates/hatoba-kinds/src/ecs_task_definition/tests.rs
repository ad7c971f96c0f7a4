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
        (json!({ "memory": "16 GB" }), "spec.memory", "512 to 1024 in steps of 512, or 2048 MiB"),
        (json!({ "memory": 1536 }), "spec.memory", "or 2048 MiB"),
        (json!({ "cpu": 512, "memory": 1536 }), "spec.memory", "1024 to 4096 in steps of 1024 MiB"),
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

/// What is wrong with a definition for container instances, and where.
#[test]
fn faults_of_containers_are_found_before_aws_is_asked() {
    let definition = |more: Value| {
        let mut spec = json!({ "memory": 512, "containerDefinitions": [{ "name": "a", "image": "i" }] });
        spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        spec
    };
    let containers = |list: Value| json!({ "memory": null, "containerDefinitions": list });
    let one = |more: Value| {
        let mut container = json!({ "name": "a", "image": "i", "memory": 64 });
        container.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        containers(json!([container]))
    };
    let port = |mode: &str, host: Value| {
        let mut spec = one(json!({ "portMappings": [{ "containerPort": 80, "hostPort": host }] }));
        spec["networkMode"] = json!(mode);
        spec
    };
    let waiting = |others: [&[&str]; 3]| {
        let wait = |name: &&str| json!({ "containerName": name, "condition": "START" });
        let container = |(name, others): (&str, &[&str])| {
            json!({ "name": name, "image": "i", "memory": 64, "dependsOn": others.iter().map(wait).collect::<Vec<_>>() })
        };
        containers(["a", "b", "c"].into_iter().zip(others).map(container).collect())
    };
    let many = |count: usize| {
        let container = |n: usize| json!({ "name": format!("c{n}"), "image": "i", "memory": 64 });
        containers((0..count).map(container).collect())
    };
    let host_port = "spec.containerDefinitions[0].portMappings[0].hostPort: ";
    let table: Vec<(Value, Option<&str>)> = vec![
        (json!({}), None),
        (json!({ "memory": null }), Some("spec.containerDefinitions[0].memory: neither")),
        (one(json!({})), None),
        (one(json!({ "memory": null, "memoryReservation": 64 })), None),
        (one(json!({ "memory": 0 })), Some("spec.containerDefinitions[0].memory: neither")),
        (
            one(json!({ "memoryReservation": 65 })),
            Some("spec.containerDefinitions[0].memoryReservation: expected at most `memory`, which is 64, got 65"),
        ),
        (one(json!({ "memoryReservation": 64 })), None),
        (port("bridge", json!(8080)), None),
        (port("bridge", json!(0)), None),
        (port("awsvpc", json!(80)), None),
        (port("awsvpc", json!(8080)), Some(host_port)),
        (port("host", json!(8080)), Some(host_port)),
        (port("host", Value::Null), None),
        (port("awsvpc", json!(0)), None),
        (waiting([&["b", "c"], &["c"], &[]]), None),
        (waiting([&["a"], &[], &[]]), Some("spec.containerDefinitions[0].dependsOn: the container `a`")),
        (waiting([&[], &["c"], &["b"]]), Some("spec.containerDefinitions[1].dependsOn: the container `b`")),
        (waiting([&["b"], &["c"], &["b"]]), Some("spec.containerDefinitions[1].dependsOn: the container `b`")),
        (many(10), None),
        (many(11), Some("spec.containerDefinitions: expected at most 10 containers, got 11")),
        (json!({ "ephemeralStorage": { "sizeInGiB": 21 } }), None),
        (json!({ "ephemeralStorage": { "sizeInGiB": 200 } }), None),
        (json!({ "ephemeralStorage": { "sizeInGiB": 20 } }), Some("spec.ephemeralStorage.sizeInGiB: expected 21 to 200")),
        (json!({ "ephemeralStorage": { "sizeInGiB": 201 } }), Some("spec.ephemeralStorage.sizeInGiB: expected 21 to 200")),
        (one(json!({ "stopTimeout": 300 })), None),
    ];
    for (more, expected) in table {
        let found = compile(definition(more.clone())).err().unwrap_or_default().join("\n");
        match expected {
            None => assert_eq!(found, "", "{more}"),
            Some(words) => assert!(found.starts_with(words) && !found.contains('\n'), "{more}: {found}"),
        }
    }
    let stops = |seconds: i64| fargate(json!({ "containerDefinitions": [{ "name": "a", "image": "i", "stopTimeout": seconds }] }));
    assert!(compile(stops(120)).is_ok());
    let found = compile(stops(121)).unwrap_err();
    assert_eq!(found, ["spec.containerDefinitions[0].stopTimeout: Fargate waits at most 120 seconds, got 121"]);
}

#[test]
fn what_others_registered_is_seen_and_not_compared() {
    let definition = TaskDefinition::builder()
        .task_definition_arn("arn:aws:ecs:us-east-1:123456789012:task-definition/web:7")
        .family("web")
        .revision(7)
        .container_definitions(ContainerDefinition::builder().name("web").image("nginx").essential(true).build())
        .build();
    let foreign = observe(&definition, BTreeMap::new(), false).unwrap();
    assert_eq!((foreign.id.as_str(), foreign.natural_key.as_str()), ("web:7", "web"));
    assert!(foreign.mark.present().is_none() && foreign.members.is_empty());
    let tags = [("hatoba:owner", "me"), ("hatoba:document", "EcsTaskDefinition/web")];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let ours = observe(&definition, BTreeMap::from(tags), false).unwrap();
    assert_eq!(ours.members["containerDefinitions"], json!([{ "name": "web", "image": "nginx" }]));
    assert_eq!(ours.outputs["revision"], "7");
    assert_eq!(TABLE.replace.revisions().map(|revisions| revisions.kept), Some(KEPT));
}
