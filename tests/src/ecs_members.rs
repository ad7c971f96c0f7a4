//! Members of an ECS service that tests of its fields set, each with one thing to choose.

use serde_json::{Value, json};

/// Who deploys it.
pub fn controller(kind: &str) -> Value {
    json!({ "type": kind })
}

/// One target group.
pub fn balancer(arn: &str) -> Value {
    json!([{ "targetGroupArn": arn, "containerName": "web", "containerPort": 80 }])
}

/// One registry, named by its document.
pub fn registry(port: u16) -> Value {
    json!([{ "discoveryServiceRef": "found", "port": port }])
}

/// One hook of a deployment.
pub fn hook(stage: &str) -> Value {
    json!([{ "hookTargetArn": "arn:f", "roleArn": "arn:r", "lifecycleStages": [stage] }])
}

/// Service Connect with one port.
pub fn connect(port: &str) -> Value {
    json!({ "enabled": true, "namespace": "shop", "services": [{ "portName": port }] })
}

/// One managed volume.
pub fn volume(size_gib: u32) -> Value {
    json!([{ "name": "data", "managedEBSVolume": { "roleArn": "arn:r", "sizeInGiB": size_gib } }])
}

/// One VPC Lattice target group.
pub fn lattice(port: &str) -> Value {
    json!([{ "roleArn": "arn:r", "targetGroupArn": "arn:t", "portName": port }])
}

/// How much must be healthy while a deployment runs.
pub fn criteria(percent: u32) -> Value {
    json!({ "enable": true, "healthyPercent": percent, "sourceServiceRevisionCleanup": "BLOCKING" })
}

/// Alarms that roll a deployment back.
pub fn alarms(names: &[&str]) -> Value {
    json!({ "alarmNames": names, "enable": true, "rollback": true })
}
