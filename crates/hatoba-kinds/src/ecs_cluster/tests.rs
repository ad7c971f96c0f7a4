use aws_sdk_ecs::types::{CapacityProviderStrategyItem, Cluster, ClusterServiceConnectDefaults, ClusterSetting, Tag};
use hatoba_core::{Life, Members, Readiness};
use serde_json::{Value, json};

use super::driver::observe;
use super::fields::{TABLE, adapt, check};

fn cluster(status: &str) -> aws_sdk_ecs::types::builders::ClusterBuilder {
    Cluster::builder().cluster_name("main").cluster_arn("arn:aws:ecs:us-east-1:123456789012:cluster/main").status(status)
}

#[test]
fn a_status_says_whether_a_cluster_takes_writes_and_whether_it_has_settled() {
    let table: &[(&str, Option<&str>, Life, Option<&str>)] = &[
        ("ACTIVE", None, Life::Live, None),
        ("ACTIVE", Some("UPDATE_COMPLETE"), Life::Live, None),
        ("ACTIVE", Some("UPDATE_IN_PROGRESS"), Life::Live, Some("AttachmentsUpdating")),
        ("ACTIVE", Some("UPDATE_FAILED"), Life::Live, Some("AttachmentsFailed")),
        ("PROVISIONING", None, Life::Pending, Some("ClusterProvisioning")),
        ("DEPROVISIONING", None, Life::Leaving { holds_name: true }, Some("ClusterDeprovisioning")),
        ("FAILED", None, Life::Failed, Some("ClusterFailed")),
    ];
    for (status, attachments, life, reason) in table {
        let cluster = cluster(status).set_attachments_status(attachments.map(str::to_owned)).build();
        let object = observe(&cluster).unwrap();
        assert_eq!(object.life, *life, "{status}");
        let said = match object.readiness {
            Readiness::Ready => None,
            Readiness::Settling(cause) | Readiness::NotReady(cause) => Some(cause.reason.as_str().to_owned()),
        };
        assert_eq!(said.as_deref(), *reason, "{status}");
    }
}

#[test]
fn what_aws_shows_is_read_with_its_mark_and_its_name_as_id() {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    let cluster = cluster("ACTIVE")
        .settings(ClusterSetting::builder().name("containerInsights".into()).value("disabled").build())
        .capacity_providers("FARGATE")
        .default_capacity_provider_strategy(
            CapacityProviderStrategyItem::builder().capacity_provider("FARGATE").weight(1).build().unwrap(),
        )
        .service_connect_defaults(ClusterServiceConnectDefaults::builder().namespace("arn:ns").build())
        .tags(tag("hatoba:owner", "team"))
        .tags(tag("hatoba:document", "EcsCluster/main"))
        .tags(tag("hatoba:incarnation", "1"))
        .build();
    let object = observe(&cluster).unwrap();
    assert_eq!((object.id.as_str(), object.outputs["id"].as_str()), ("main", "main"));
    assert!(object.mark.present().is_some());
    assert_eq!(
        Value::Object(object.members),
        json!({
            "clusterName": "main",
            "settings": [{ "name": "containerInsights", "value": "disabled" }],
            "capacityProviders": ["FARGATE"],
            "defaultCapacityProviderStrategy": [{ "capacityProvider": "FARGATE", "weight": 1, "base": 0 }],
            "serviceConnectDefaults": { "namespace": "arn:ns" },
        })
    );
}

fn same(path: &str, wanted: Value, have: Value) -> bool {
    let hatoba_core::Shape::By(same) = TABLE.field(path).unwrap().shape else { panic!("{path}") };
    same(&wanted, &have)
}

#[test]
fn only_what_is_stated_is_compared() {
    let insights = |value: &str| json!({ "name": "containerInsights", "value": value });
    assert!(same("settings", json!([]), json!([insights("enabled")])));
    assert!(same("settings", Value::Null, json!([insights("enabled")])));
    assert!(!same("settings", json!([insights("enhanced")]), json!([insights("enabled")])));

    let execute = "configuration.executeCommandConfiguration";
    assert!(same(execute, Value::Null, json!({ "logging": "DEFAULT" })));
    assert!(!same(execute, Value::Null, json!({ "logging": "NONE" })));

    let storage = "configuration.managedStorageConfiguration";
    assert!(same(storage, json!({ "kmsKeyId": "a" }), json!({ "kmsKeyId": "a", "fargateEphemeralStorageKmsKeyId": "b" })));
    assert!(!same(storage, json!({ "kmsKeyId": "a" }), json!({ "kmsKeyId": "b" })));

    let namespace = "serviceConnectDefaults.namespace";
    assert!(same(namespace, json!("shop"), json!("arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-1")));
    assert!(!same(namespace, json!("shop"), json!("other")));
    assert!(!same(namespace, Value::Null, json!("other")));
    assert!(same(namespace, json!(""), Value::Null));
}

#[test]
fn null_lists_are_empty_lists() {
    let Value::Object(mut members) = json!({ "capacityProviders": null, "settings": null }) else { panic!() };
    adapt(&mut members);
    assert_eq!(Value::Object(members), json!({ "capacityProviders": [], "settings": null }));
}

#[test]
fn what_aws_would_refuse_is_said_with_its_place() {
    let table = [
        (json!({ "clusterName": "a b" }), "clusterName"),
        (
            json!({ "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": [{ "capacityProvider": "FARGATE_SPOT" }] }),
            "defaultCapacityProviderStrategy[0].capacityProvider",
        ),
        (
            json!({ "defaultCapacityProviderStrategy": [{ "capacityProvider": "a", "base": 1, "weight": 1 }, { "capacityProvider": "b", "base": 1 }] }),
            "defaultCapacityProviderStrategy",
        ),
        (
            json!({ "configuration": { "executeCommandConfiguration": { "logging": "OVERRIDE" } } }),
            "configuration.executeCommandConfiguration.logConfiguration",
        ),
        (
            json!({ "configuration": { "executeCommandConfiguration": { "logConfiguration": { "s3BucketName": "a" } } } }),
            "configuration.executeCommandConfiguration.logging",
        ),
        (json!({ "settings": [{ "name": "containerInsights", "value": "on" }] }), "settings[0].value"),
    ];
    for (spec, path) in table {
        let mut members: Members = spec.as_object().cloned().unwrap_or_default();
        members.entry("clusterName").or_insert(json!("main"));
        let found = check(&members);
        assert_eq!(found.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [path], "{spec}");
    }
}
