//! Clusters, and the members of services that follow from them.

use crate::testing::Caller;
use serde_json::{Value, json};

fn described(aws: &mut Caller, include: &[&str]) -> Value {
    aws.ecs("DescribeClusters", json!({"clusters": ["shop"], "include": include}))["clusters"][0].clone()
}

fn refused(aws: &mut Caller, operation: &str, body: Value) -> String {
    aws.refused("ecs", operation, body).0
}

fn shop(aws: &mut Caller) {
    let strategy = json!([{"capacityProvider": "FARGATE", "weight": 1}]);
    aws.ecs(
        "CreateCluster",
        json!({
            "clusterName": "shop", "tags": [{"key": "k", "value": "v"}], "capacityProviders": ["FARGATE"],
            "defaultCapacityProviderStrategy": strategy, "serviceConnectDefaults": {"namespace": "shop"},
            "configuration": {"executeCommandConfiguration": {"logging": "NONE"}},
        }),
    );
}

fn service(more: Value) -> Value {
    let mut service = json!({
        "cluster": "shop", "serviceName": "web", "taskDefinition": "great-task:1", "desiredCount": 1,
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        service[name] = value.clone();
    }
    service
}

#[test]
fn settings_configuration_and_tags_are_shown_where_they_are_asked_for() {
    let mut aws = Caller::instant();
    shop(&mut aws);
    let bare = described(&mut aws, &[]);
    assert_eq!((&bare["settings"], &bare["tags"], bare.get("configuration")), (&json!([]), &json!([]), None));
    let whole = described(&mut aws, &["TAGS", "SETTINGS", "CONFIGURATIONS"]);
    assert_eq!(whole["settings"], json!([{"name": "containerInsights", "value": "disabled"}]));
    assert_eq!(whole["tags"], json!([{"key": "k", "value": "v"}]));
    assert_eq!(whole["configuration"]["executeCommandConfiguration"]["logging"], "NONE");
    let strategy = json!([{"capacityProvider": "FARGATE", "weight": 1, "base": 0}]);
    assert_eq!(bare["defaultCapacityProviderStrategy"], strategy);
    aws.ecs("CreateCluster", json!({"clusterName": "shop", "tags": [{"key": "mine", "value": "now"}]}));
    assert_eq!(described(&mut aws, &["TAGS"])["tags"], whole["tags"], "the existing one, as it was");
}

#[test]
fn an_update_changes_what_is_sent_and_an_empty_namespace_clears() {
    let mut aws = Caller::instant();
    shop(&mut aws);
    let settings = json!([{"name": "containerInsights", "value": "enhanced"}]);
    aws.ecs("UpdateCluster", json!({"cluster": "shop", "settings": settings}));
    aws.ecs(
        "UpdateCluster",
        json!({"cluster": "shop", "configuration": {"managedStorageConfiguration": {"kmsKeyId": "a"}}}),
    );
    let whole = described(&mut aws, &["SETTINGS", "CONFIGURATIONS"]);
    assert_eq!(whole["settings"], settings);
    assert_eq!(
        whole["configuration"],
        json!({
            "executeCommandConfiguration": {"logging": "NONE"}, "managedStorageConfiguration": {"kmsKeyId": "a"},
        })
    );
    assert_eq!(whole["serviceConnectDefaults"]["namespace"], "shop");
    aws.ecs("UpdateCluster", json!({"cluster": "shop", "serviceConnectDefaults": {"namespace": ""}}));
    assert_eq!(described(&mut aws, &[]).get("serviceConnectDefaults"), None);
    let override_without_logs = json!({"executeCommandConfiguration": {"logging": "OVERRIDE"}});
    for (body, code) in [
        (
            json!({"cluster": "shop", "settings": [{"name": "other", "value": "enabled"}]}),
            "InvalidParameterException",
        ),
        (
            json!({"cluster": "shop", "settings": [{"name": "containerInsights", "value": "on"}]}),
            "InvalidParameterException",
        ),
        (json!({"cluster": "shop", "configuration": override_without_logs}), "InvalidParameterException"),
        (json!({"cluster": "nowhere", "settings": []}), "ClusterNotFoundException"),
        (json!({"settings": []}), "InvalidParameterException"),
    ] {
        assert_eq!(refused(&mut aws, "UpdateCluster", body.clone()), code, "{body}");
    }
}

#[test]
fn both_lists_of_capacity_providers_are_always_complete() {
    let mut aws = Caller::instant();
    shop(&mut aws);
    let put = |providers: Value, strategy: Value| json!({"cluster": "shop", "capacityProviders": providers, "defaultCapacityProviderStrategy": strategy});
    let item = |name: &str, weight: u32, base: u32| json!({"capacityProvider": name, "weight": weight, "base": base});
    let both = json!(["FARGATE", "FARGATE_SPOT"]);
    for (body, code) in [
        (json!({"cluster": "shop", "capacityProviders": []}), "InvalidParameterException"),
        (put(json!(["nobody"]), json!([])), "ClientException"),
        (put(json!(["FARGATE"]), json!([item("FARGATE_SPOT", 1, 0)])), "InvalidParameterException"),
        (
            put(both.clone(), json!([item("FARGATE", 1, 1), item("FARGATE_SPOT", 1, 1)])),
            "InvalidParameterException",
        ),
        (
            put(both.clone(), json!([item("FARGATE", 0, 0), item("FARGATE_SPOT", 0, 0)])),
            "InvalidParameterException",
        ),
    ] {
        assert_eq!(refused(&mut aws, "PutClusterCapacityProviders", body.clone()), code, "{body}");
    }
    // A service takes the cluster's strategy, and keeps its provider from being removed.
    let made = aws.ecs("CreateService", service(json!({})))["service"].clone();
    assert_eq!(made["capacityProviderStrategy"], json!([item("FARGATE", 1, 0)]));
    assert_eq!(made.get("launchType"), None);
    assert_eq!(
        refused(&mut aws, "PutClusterCapacityProviders", put(json!([]), json!([]))),
        "ResourceInUseException"
    );
    aws.ecs("PutClusterCapacityProviders", put(both, json!([])));
    assert_eq!(described(&mut aws, &[])["defaultCapacityProviderStrategy"], json!([]));
    let stranger =
        json!({"cluster": "shop", "service": "web", "capacityProviderStrategy": [{"capacityProvider": "x"}]});
    assert_eq!(refused(&mut aws, "UpdateService", stranger), "InvalidParameterException");
    let updated = aws
        .ecs("UpdateService", json!({"cluster": "shop", "service": "web", "capacityProviderStrategy": []}));
    assert_eq!(updated["service"]["launchType"], "EC2", "what it would have been made with");
}

#[test]
fn a_cluster_goes_when_nothing_is_in_it_and_stays_describable() {
    let mut aws = Caller::realistic();
    shop(&mut aws);
    aws.ecs("CreateService", service(json!({})));
    let delete = |aws: &mut Caller| refused(aws, "DeleteCluster", json!({"cluster": "shop"}));
    assert_eq!(delete(&mut aws), "ClusterContainsServicesException");
    aws.ecs("DeleteService", json!({"cluster": "shop", "service": "web", "force": true}));
    assert_eq!(delete(&mut aws), "ClusterContainsServicesException", "while it drains");
    aws.wait(60);
    assert_eq!(aws.ecs("DeleteCluster", json!({"cluster": "shop"}))["cluster"]["status"], "INACTIVE");
    assert_eq!(described(&mut aws, &[])["status"], "INACTIVE");
    assert_eq!(
        aws.ecs("ListClusters", json!({}))["clusterArns"].as_array().map(Vec::len),
        Some(1),
        "main alone"
    );
    assert_eq!(
        refused(&mut aws, "UpdateCluster", json!({"cluster": "shop", "settings": []})),
        "ClusterNotFoundException"
    );
    shop(&mut aws);
    assert_eq!(described(&mut aws, &[])["status"], "ACTIVE", "the name of a cluster that is gone is free");
}

#[test]
fn what_only_deployments_show_is_shown_there_with_what_aws_fills_in() {
    let mut aws = Caller::instant();
    shop(&mut aws);
    let made = aws.ecs(
        "CreateService",
        service(json!({
            "serviceConnectConfiguration": {"enabled": true, "services": [{"portName": "http"}]},
            "volumeConfigurations": [{"name": "d", "managedEBSVolume": {"roleArn": "r", "sizeInGiB": 10}}],
            "vpcLatticeConfigurations": [{"roleArn": "r", "targetGroupArn": "t", "portName": "http"}],
        })),
    );
    let service = &made["service"];
    for member in ["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"] {
        assert_eq!(service.get(member), None, "{member}");
    }
    let primary = &service["deployments"][0];
    assert_eq!(primary["serviceConnectConfiguration"]["services"][0]["discoveryName"], "http");
    assert_eq!(primary["volumeConfigurations"][0]["managedEBSVolume"]["volumeType"], "gp3");
    assert_eq!(primary["vpcLatticeConfigurations"][0]["portName"], "http");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let mut aws = Caller::instant();
    shop(&mut aws);
    let balancer =
        |port: u16| json!([{"targetGroupArn": "t", "containerName": "web", "containerPort": port}]);
    for members in [
        json!({"launchType": "FARGATE", "placementConstraints": [{"type": "distinctInstance"}]}),
        json!({"launchType": "FARGATE", "placementStrategy": [{"type": "random"}]}),
        json!({"launchType": "FARGATE", "schedulingStrategy": "DAEMON", "desiredCount": null}),
        json!({"launchType": "FARGATE", "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}),
        json!({"loadBalancers": balancer(8080)}),
        json!({"loadBalancers": [{"containerName": "web", "containerPort": 80}]}),
        json!({"deploymentController": {"type": "OTHER"}}),
        json!({"deploymentConfiguration": {"maximumPercent": 50}}),
        json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true}}}),
        json!({"deploymentConfiguration": {"alarms": {"enable": true, "rollback": true}}}),
        json!({"deploymentConfiguration": {"linearConfiguration": {"stepPercent": 10.0}}}),
        json!({"serviceConnectConfiguration": {"namespace": "shop"}}),
        json!({"volumeConfigurations": [{}]}),
        json!({"vpcLatticeConfigurations": [{"portName": "http"}]}),
    ] {
        let mut asked = service(members.clone());
        if let Some(members) = asked.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        assert_eq!(refused(&mut aws, "CreateService", asked), "InvalidParameterException", "{members}");
    }
    let daemon = json!({"launchType": "EC2", "schedulingStrategy": "DAEMON", "desiredCount": null});
    let mut asked = service(daemon);
    if let Some(members) = asked.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    aws.ecs("CreateService", asked);
    let count = json!({"cluster": "shop", "service": "web", "desiredCount": 2});
    assert_eq!(refused(&mut aws, "UpdateService", count), "InvalidParameterException");
}

#[test]
fn steps_belong_to_their_strategy_and_hosts_are_instances() {
    let mut aws = Caller::instant();
    shop(&mut aws);
    let spread = json!([{"type": "spread", "field": "host"}, {"type": "binpack", "field": "memory"}]);
    let made = aws.ecs(
        "CreateService",
        service(json!({
            "launchType": "EC2", "placementStrategy": spread, "role": "ecs",
            "deploymentConfiguration": {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 20.0}},
        })),
    );
    let service = &made["service"];
    assert_eq!(service["roleArn"], "arn:aws:iam::123456789012:role/ecs");
    assert_eq!(
        service["placementStrategy"],
        json!([{"type": "spread", "field": "instanceId"}, {"type": "binpack", "field": "MEMORY"}])
    );
    let steps = json!({"stepPercent": 20.0, "stepBakeTimeInMinutes": 6});
    assert_eq!(service["deploymentConfiguration"]["linearConfiguration"], steps);
    let rolling =
        json!({"cluster": "shop", "service": "web", "deploymentConfiguration": {"strategy": "ROLLING"}});
    let updated = aws.ecs("UpdateService", rolling);
    assert_eq!(updated["service"]["deploymentConfiguration"].get("linearConfiguration"), None);
}
