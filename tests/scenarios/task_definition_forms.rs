//! Whatever is registered is found again: the form of what AWS gives back is the form of what was asked for.

use std::time::Duration;

use hatoba_aws_model::{Config, Request, World};
use hatoba_core::Members;
use hatoba_kinds::KindId;
use serde_json::{Value, json};

/// The form, of the members that are compared and not null.
fn form(definition: &Value) -> Value {
    let table = KindId::of("EcsTaskDefinition").unwrap().table();
    let members = definition.as_object().unwrap().iter();
    let members = members.filter(|(name, _)| table.field(name).is_some());
    let members: Members = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    let normal = (table.replace.revisions().unwrap().normal)(&members);
    Value::Object(normal.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

struct Dice(fastrand::Rng);

impl Dice {
    /// One of these values, or the member left out.
    fn put(&mut self, object: &mut Value, member: &str, values: &[Value]) {
        let roll = self.0.usize(0..=values.len());
        if let Some(value) = values.get(roll) {
            object[member] = value.clone();
        }
    }

    fn definition(&mut self) -> Value {
        let mode = ["awsvpc", "bridge", "host", "none", ""][self.0.usize(0..5)];
        let mut definition = json!({ "family": "shop-web", "memory": "1 GB", "volumes": [{ "name": "v" }] });
        if !mode.is_empty() {
            definition["networkMode"] = json!(mode);
        }
        self.put(&mut definition, "cpu", &["0.5 vCPU", "512", "1vCPU", "300"].map(Value::from));
        self.put(
            &mut definition,
            "taskRoleArn",
            &["app", "arn:aws:iam::123456789012:role/app"].map(Value::from),
        );
        self.put(&mut definition, "enableFaultInjection", &[json!(true), json!(false)]);
        self.put(
            &mut definition,
            "requiresCompatibilities",
            &[json!([]), json!(["EC2"]), json!(["EC2", "EXTERNAL"])],
        );
        self.put(&mut definition, "placementConstraints", &[json!([])]);
        self.put(
            &mut definition,
            "runtimePlatform",
            &[json!({ "cpuArchitecture": "ARM64" }), json!({ "cpuArchitecture": "X86_64" })],
        );
        self.put(&mut definition, "proxyConfiguration", &[json!({ "containerName": "a" })]);
        self.put(&mut definition, "pidMode", &[json!("task")]);
        self.put(&mut definition, "volumes", &[
            json!([{ "name": "v", "host": {} }, { "name": "w", "efsVolumeConfiguration": { "fileSystemId": "fs-1" } }]),
            json!([{ "name": "w", "dockerVolumeConfiguration": { "driverOpts": { "a": "b" } } }, { "name": "v", "configuredAtLaunch": true }]),
        ]);
        let containers =
            (0..self.0.usize(1..4)).map(|number| self.container(number, mode)).collect::<Vec<_>>();
        definition["containerDefinitions"] = json!(containers);
        definition
    }

    fn container(&mut self, number: usize, mode: &str) -> Value {
        let mut container = json!({ "name": (["a", "b", "c"][number]), "image": "i" });
        self.put(&mut container, "cpu", &[json!(0), json!(64)]);
        self.put(&mut container, "essential", &[json!(true)]);
        self.put(
            &mut container,
            "environment",
            &[json!([]), json!([{ "name": "B", "value": "1" }, { "name": "A", "value": "" }])],
        );
        self.put(
            &mut container,
            "secrets",
            &[json!([{ "name": "S", "valueFrom": "arn:b" }, { "name": "R", "valueFrom": "arn:a" }])],
        );
        self.put(&mut container, "command", &[json!([]), json!(["b", "a"])]);
        self.put(
            &mut container,
            "mountPoints",
            &[json!([{ "sourceVolume": "v", "containerPath": "/v", "readOnly": false }])],
        );
        self.put(&mut container, "ulimits", &[json!([{ "name": "nofile", "softLimit": 1, "hardLimit": 2 }, { "name": "core", "softLimit": 1, "hardLimit": 2 }])]);
        self.put(
            &mut container,
            "healthCheck",
            &[json!({ "command": ["CMD"] }), json!({ "command": ["CMD"], "interval": 30, "retries": 4 })],
        );
        self.put(
            &mut container,
            "logConfiguration",
            &[json!({ "logDriver": "awslogs" }), json!({ "logDriver": "awslogs", "options": { "a": "b" } })],
        );
        self.put(&mut container, "linuxParameters", &[json!({}), json!({ "initProcessEnabled": false })]);
        self.put(&mut container, "dockerLabels", &[json!({}), json!({ "a": "b" })]);
        let host = if mode == "awsvpc" || mode == "host" { 80 } else { 8080 };
        self.put(&mut container, "portMappings", &[
            json!([{ "containerPort": 80 }]),
            json!([{ "containerPort": 80, "hostPort": host, "protocol": "tcp" }, { "containerPort": 90, "protocol": "udp" }]),
        ]);
        container
    }
}

#[test]
fn peers_40_what_is_registered_reads_back_in_the_form_in_which_it_was_asked_for() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..500 {
        let mut world = World::with_article_prerequisites(Config::default());
        let asked = Dice(fastrand::Rng::with_seed(seed)).definition();
        let now = Duration::from_secs(1);
        let answer = world.handle(&Request::json("ecs", "RegisterTaskDefinition", &asked), now);
        assert_eq!(answer.status, 200, "seed {seed}: {}", String::from_utf8_lossy(&answer.body));
        let read = world.handle(
            &Request::json("ecs", "DescribeTaskDefinition", &json!({ "taskDefinition": "shop-web" })),
            now,
        );
        assert_eq!(form(&read.json()["taskDefinition"]), form(&asked), "seed {seed}: {asked:#}");
        seen.insert(form(&asked).to_string());
    }
    assert!(seen.len() > 400, "the forms differ: {}", seen.len());
}
