use serde_json::json;

use super::*;

fn form(value: Value) -> Value {
    let members = value.as_object().cloned().unwrap_or_default();
    let normal: Members = normal(&members).into_iter().filter(|(_, value)| !value.is_null()).collect();
    Value::Object(normal)
}

/// One container with these members.
fn with(members: Value) -> Value {
    let mut container = json!({ "name": "web", "image": "nginx" });
    container.as_object_mut().unwrap().extend(members.as_object().cloned().unwrap_or_default());
    json!({ "containerDefinitions": [container] })
}

fn on(mode: &str, mut definition: Value) -> Value {
    definition["networkMode"] = json!(mode);
    definition
}

#[test]
fn peers_40_what_means_the_same_has_one_form() {
    let port = |host: Value| with(json!({ "portMappings": [{ "containerPort": 80, "hostPort": host }] }));
    let health = |more: Value| {
        let mut check = json!({ "command": ["CMD", "true"] });
        check.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        with(json!({ "healthCheck": check }))
    };
    let plain = with(json!({}));
    let volume = |more: Value| json!({ "volumes": [more] });
    let efs = |more: Value| {
        let mut efs = json!({ "fileSystemId": "fs-1" });
        efs.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        volume(json!({ "name": "data", "efsVolumeConfiguration": efs }))
    };
    let table: Vec<(Value, Value, &str)> = vec![
        (json!({}), json!({ "networkMode": "bridge" }), "network mode"),
        (json!({ "cpu": "1 vCPU" }), json!({ "cpu": "1024" }), "vCPU"),
        (json!({ "cpu": ".25vcpu" }), json!({ "cpu": 256 }), "vCPU and a number"),
        (json!({ "memory": "2 GB" }), json!({ "memory": "2048" }), "GB"),
        (json!({ "memory": "0.5GB" }), json!({ "memory": " 512 " }), "GB without a blank"),
        (json!({ "taskRoleArn": "arn:aws:iam::1:role/x/app" }), json!({ "taskRoleArn": "app" }), "role"),
        (json!({ "executionRoleArn": "arn:aws:iam::1:role/run" }), json!({ "executionRoleArn": "run" }), "role"),
        (json!({ "volumes": [], "placementConstraints": null }), json!({}), "empty lists"),
        (
            json!({ "requiresCompatibilities": ["EC2", "FARGATE"] }),
            json!({ "requiresCompatibilities": ["FARGATE", "EC2"] }),
            "compatibilities",
        ),
        (
            json!({ "runtimePlatform": { "cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX" } }),
            json!({}),
            "platform",
        ),
        (json!({ "enableFaultInjection": false }), json!({}), "fault injection"),
        (plain.clone(), with(json!({ "cpu": 0, "essential": true, "versionConsistency": "enabled" })), "container"),
        (
            plain.clone(),
            with(json!({ "environment": [], "mountPoints": [], "volumesFrom": [], "systemControls": [],
                "portMappings": [], "command": [], "dockerLabels": {}, "linuxParameters": {} })),
            "empty members of a container",
        ),
        (plain.clone(), with(json!({ "cpu": 0.0, "privileged": false, "user": null })), "switches"),
        (
            with(json!({ "environment": [{ "name": "A", "value": "1" }, { "name": "B" }] })),
            with(json!({ "environment": [{ "name": "B", "value": "" }, { "name": "A", "value": "1" }] })),
            "environment",
        ),
        (
            with(json!({ "portMappings": [{ "containerPort": 80 }] })),
            with(json!({ "portMappings": [{ "containerPort": 80, "hostPort": 0, "protocol": "tcp" }] })),
            "protocol and dynamic port",
        ),
        (on("awsvpc", port(json!(80))), on("awsvpc", port(Value::Null)), "host port under awsvpc"),
        (on("host", port(json!(80))), on("host", port(json!(0))), "host port under host"),
        (health(json!({})), health(json!({ "interval": 30, "timeout": 5, "retries": 3, "startPeriod": 0 })), "health"),
        (
            with(json!({ "logConfiguration": { "logDriver": "awslogs" } })),
            with(json!({ "logConfiguration": { "logDriver": "awslogs", "options": {}, "secretOptions": [] } })),
            "log",
        ),
        (volume(json!({ "name": "s" })), volume(json!({ "name": "s", "host": {}, "configuredAtLaunch": false })), "volume"),
        (
            efs(json!({})),
            efs(json!({ "rootDirectory": "/", "transitEncryption": "DISABLED", "authorizationConfig": { "iam": "DISABLED" } })),
            "EFS",
        ),
        (
            volume(json!({ "name": "d", "dockerVolumeConfiguration": { "labels": { "a": "b" } } })),
            volume(json!({ "name": "d", "dockerVolumeConfiguration":
                { "labels": { "a": "b" }, "scope": "task", "autoprovision": false, "driver": "local" } })),
            "docker volume",
        ),
        (
            json!({ "containerDefinitions": [{ "name": "a", "image": "i" }, { "name": "b", "image": "i" }] }),
            json!({ "containerDefinitions": [{ "name": "b", "image": "i" }, { "name": "a", "image": "i", "cpu": 0 }] }),
            "containers",
        ),
        (
            with(json!({ "linuxParameters": { "capabilities": { "drop": ["A", "B"] }, "initProcessEnabled": false } })),
            with(json!({ "linuxParameters": { "capabilities": { "drop": ["B", "A"], "add": [] } } })),
            "capabilities",
        ),
    ];
    for (one, other, what) in table {
        assert_eq!(form(one.clone()), form(other), "{what}");
        assert_eq!(form(form(one.clone())), form(one), "{what}: a form is its own form");
    }
}

#[test]
fn peers_40_what_differs_has_different_forms() {
    let list = |name: &str, items: &[&str]| with(json!({ name: items }));
    let port = |host: Value| with(json!({ "portMappings": [{ "containerPort": 80, "hostPort": host }] }));
    let table: Vec<(Value, Value, &str)> = vec![
        (json!({ "networkMode": "host" }), json!({}), "network mode"),
        (json!({ "cpu": "1" }), json!({ "cpu": "1 vCPU" }), "a unit of CPU"),
        (json!({ "cpu": "nonsense vCPU" }), json!({ "cpu": "0" }), "no number"),
        (json!({ "taskRoleArn": "arn:aws:iam::1:role/a" }), json!({ "taskRoleArn": "b" }), "role"),
        (list("command", &["a", "b"]), list("command", &["b", "a"]), "the order of a command"),
        (list("entryPoint", &["a", "b"]), list("entryPoint", &["b", "a"]), "the order of an entry point"),
        (list("dnsServers", &["a", "b"]), list("dnsServers", &["b", "a"]), "the order of name servers"),
        (with(json!({ "essential": false })), with(json!({})), "essential"),
        (with(json!({ "readonlyRootFilesystem": true })), with(json!({})), "read-only"),
        (port(json!(80)), port(Value::Null), "a fixed host port under bridge"),
        (on("awsvpc", port(json!(80))), on("host", port(json!(80))), "network mode with ports"),
        (
            with(json!({ "environment": [{ "name": "A", "value": "1" }] })),
            with(json!({ "environment": [{ "name": "A", "value": "2" }] })),
            "environment",
        ),
        (
            with(json!({ "mountPoints": [{ "sourceVolume": "a", "readOnly": true }] })),
            with(json!({ "mountPoints": [{ "sourceVolume": "a" }] })),
            "a mount",
        ),
        (with(json!({ "stopTimeout": 0 })), with(json!({})), "a stop timeout"),
        (with(json!({ "versionConsistency": "disabled" })), with(json!({})), "digests of images"),
    ];
    for (one, other, what) in table {
        assert_ne!(form(one), form(other), "{what}");
    }
}

/// Whatever stands in a document comes to a form, and the form to itself (terraform-provider-aws 20452, 38461).
#[test]
fn peers_52_no_value_breaks_it() {
    let odd = [
        json!(null), json!(true), json!(-1), json!(1.5), json!(1e300), json!(""), json!("x"), json!([]),
        json!([null]), json!([[]]), json!([{}]), json!([1, "a", null]), json!({}), json!({ "a": null }),
        json!({ "hostPort": [] }),
    ];
    for (path, _) in RULES {
        for value in &odd {
            let mut whole = value.clone();
            for part in path.split('.').rev() {
                whole = match part.strip_suffix("[]") {
                    Some(name) => json!({ name: [whole] }),
                    None => json!({ part: whole }),
                };
            }
            let once = form(whole);
            assert_eq!(form(once.clone()), once, "{path}: {value}");
            whole = value.clone();
            let first = path.split(['.', '[']).next().unwrap_or_default();
            let once = form(json!({ first: whole, "networkMode": value, "containerDefinitions": value }));
            assert_eq!(form(once.clone()), once, "{first}: {value}");
        }
    }
}

#[test]
fn what_a_document_states_as_the_default_stays_a_null() {
    let members = json!({ "networkMode": "bridge", "enableFaultInjection": false, "pidMode": null });
    let normal = normal(members.as_object().unwrap());
    assert_eq!(Value::Object(normal), json!({ "networkMode": null, "enableFaultInjection": null, "pidMode": null }));
}
