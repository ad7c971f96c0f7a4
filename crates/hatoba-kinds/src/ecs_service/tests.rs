use aws_sdk_ecs::types::{
    Deployment, DeploymentController, DeploymentControllerType, DeploymentRolloutState, SchedulingStrategy, Service,
    ServiceConnectConfiguration, ServiceRegistry, ServiceVolumeConfiguration, VpcLatticeConfiguration,
};
use hatoba_core::{
    Change, Deletion, FieldDrift, Fix, Key, Life, Mark, Members, Readiness, Shape, TagChange, Target,
};
use serde_json::{Value, json};

use super::check::{adapt, check};
use super::compare::to_send;
use super::driver::observe;
use super::fields::{HOP, TABLE};

fn service(running: i32, wanted: i32, deployments: &[(&str, DeploymentRolloutState)]) -> Service {
    let deployment = |(status, state): &(&str, DeploymentRolloutState)| {
        Deployment::builder().status(*status).rollout_state(state.clone()).rollout_state_reason("said").build()
    };
    Service::builder()
        .service_name("web")
        .status("ACTIVE")
        .running_count(running)
        .desired_count(wanted)
        .set_deployments(Some(deployments.iter().map(deployment).collect()))
        .build()
}

#[test]
fn ready_is_one_completed_deployment_and_all_tasks() {
    use DeploymentRolloutState::{Completed, Failed, InProgress};
    let table: Vec<(Service, Option<&str>)> = vec![
        (service(1, 1, &[("PRIMARY", Completed)]), None),
        (service(0, 0, &[("PRIMARY", Completed)]), None),
        (service(0, 1, &[("PRIMARY", InProgress)]), Some("RolloutInProgress")),
        (service(1, 2, &[("PRIMARY", Completed)]), Some("TasksMissing")),
        (service(1, 1, &[("PRIMARY", Completed), ("ACTIVE", Completed)]), Some("RolloutInProgress")),
        (service(0, 1, &[("PRIMARY", Failed)]), Some("RolloutFailed")),
    ];
    for (service, reason) in table {
        match (observe("main", &service).unwrap().readiness, reason) {
            (Readiness::Ready, None) => {}
            (Readiness::Settling(cause) | Readiness::NotReady(cause), Some(reason)) => {
                assert_eq!(cause.reason.as_str(), reason, "{service:?}");
            }
            other => panic!("{service:?}: {other:?}"),
        }
    }
}

#[test]
fn that_no_task_runs_is_said_once() {
    use DeploymentRolloutState::{Completed, Failed, InProgress};
    for (state, says) in [
        (InProgress, "0 of 1 tasks run; said"),
        (Failed, "0 of 1 tasks run; said"),
        (Completed, "0 of 1 tasks run"),
    ] {
        let seen = observe("main", &service(0, 1, &[("PRIMARY", state)])).unwrap();
        assert_eq!((HOP.fault)(&seen, None).map(|cause| cause.message).as_deref(), Some(says));
    }
}

#[test]
fn a_draining_service_holds_its_name_and_registries_are_what_it_uses() {
    let draining = Service::builder().service_name("web").status("DRAINING").build();
    assert_eq!(observe("main", &draining).unwrap().life, Life::Leaving { holds_name: true });

    let registry = ServiceRegistry::builder().registry_arn("arn:srv").port(80).build();
    let service = Service::builder()
        .service_name("web")
        .status("ACTIVE")
        .task_definition("arn:aws:ecs:us-east-1:123456789012:task-definition/great-task:7")
        .service_registries(registry)
        .build();
    let object = observe("main", &service).unwrap();
    assert!(object.uses.contains("arn:srv"));
    assert_eq!(object.members["taskDefinition"], "great-task:7");
    assert_eq!(object.members["serviceRegistries"], serde_json::json!([{ "registryArn": "arn:srv", "port": 80 }]));
    assert!(object.members.get("enableExecuteCommand").is_none(), "AWS's default is dropped");
}

fn active() -> aws_sdk_ecs::types::builders::ServiceBuilder {
    Service::builder().service_name("web").status("ACTIVE").desired_count(2)
}

#[test]
fn peers_47_deployment_controller_ecs_is_absent() {
    let of = |kind: DeploymentControllerType| {
        let controller = DeploymentController::builder().r#type(kind).build().unwrap();
        observe("main", &active().deployment_controller(controller).build()).unwrap().members
    };
    let said = |members: Members| members.get("deploymentController")?.get("type").cloned();
    assert_eq!(said(of(DeploymentControllerType::Ecs)), None);
    assert_eq!(said(of(DeploymentControllerType::External)), Some(json!("EXTERNAL")));
}

#[test]
fn peers_46_what_only_the_primary_deployment_shows_is_read_from_it() {
    let connect = |namespace: &str| {
        ServiceConnectConfiguration::builder().enabled(true).namespace(namespace).build()
    };
    let volume = |name: &str| ServiceVolumeConfiguration::builder().name(name).build().unwrap();
    let lattice = VpcLatticeConfiguration::builder().role_arn("r").target_group_arn("t").port_name("http");
    let old = Deployment::builder()
        .status("ACTIVE")
        .service_connect_configuration(connect("old"))
        .volume_configurations(volume("old"));
    let new = Deployment::builder()
        .status("PRIMARY")
        .service_connect_configuration(connect("new"))
        .volume_configurations(volume("new"))
        .vpc_lattice_configurations(lattice.build().unwrap());
    // peers.md 50: the order in which AWS lists them says nothing.
    let service = active().deployments(old.build()).deployments(new.build()).build();
    let members = observe("main", &service).unwrap().members;
    assert_eq!(members["serviceConnectConfiguration"], json!({ "enabled": true, "namespace": "new" }));
    assert_eq!(members["volumeConfigurations"], json!([{ "name": "new" }]));
    assert_eq!(members["vpcLatticeConfigurations"][0]["portName"], "http");
}

#[test]
fn peers_50_readiness_follows_the_primary_deployment() {
    let deployment = |status: &str, state: DeploymentRolloutState| {
        Deployment::builder().status(status).rollout_state(state).build()
    };
    let service = active()
        .running_count(2)
        .deployments(deployment("ACTIVE", DeploymentRolloutState::Failed))
        .deployments(deployment("PRIMARY", DeploymentRolloutState::InProgress));
    let Readiness::Settling(cause) = observe("main", &service.build()).unwrap().readiness else { panic!() };
    assert_eq!(cause.reason.as_str(), "RolloutInProgress");
}

#[test]
fn a_daemon_has_no_count_of_its_own_and_other_defaults() {
    let service = active().scheduling_strategy(SchedulingStrategy::Daemon).build();
    assert_eq!(observe("main", &service).unwrap().members.get("desiredCount"), None);

    let adapted = adapted(json!({ "schedulingStrategy": "DAEMON" }));
    assert_eq!(adapted["desiredCount"], Value::Null);
    let percents = json!({ "maximumPercent": 100, "minimumHealthyPercent": 0 });
    assert_eq!(adapted["deploymentConfiguration"], percents);
}

fn adapted(spec: Value) -> Value {
    let mut members: Members = spec.as_object().cloned().unwrap_or_default();
    adapt(&mut members);
    Value::Object(members)
}

#[test]
fn null_is_the_default_or_not_ours() {
    let spec = json!({
        "cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/main", "desiredCount": null, "platformVersion": null,
        "capacityProviderStrategy": null, "networkConfiguration": { "awsvpcConfiguration": { "subnets": null } },
    });
    let wanted = json!({
        "cluster": "main", "platformVersion": "LATEST", "capacityProviderStrategy": [],
        "networkConfiguration": { "awsvpcConfiguration": {} },
    });
    assert_eq!(adapted(spec), wanted);
}

fn same(path: &str, wanted: Value, have: Value) -> bool {
    let Shape::By(same) = TABLE.field(path).unwrap().shape else { panic!("{path}") };
    same(&wanted, &have)
}

/// What AWS adds by itself is no drift; what somebody changed is.
#[test]
fn peers_51_what_aws_adds_is_no_drift() {
    let role = "arn:aws:iam::123456789012:role/ecs";
    let arn = "arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-1";
    let hook = json!({ "hookTargetArn": "arn:f", "lifecycleStages": ["PRE_SCALE_UP"] });
    let hook_as_shown = json!({ "hookTargetArn": "arn:f", "lifecycleStages": ["PRE_SCALE_UP"],
        "timeoutConfiguration": { "timeoutInMinutes": 60, "action": "ROLLBACK" } });
    let breaker = "deploymentConfiguration.deploymentCircuitBreaker";
    let alarms = "deploymentConfiguration.alarms";
    let connect = "serviceConnectConfiguration";
    let table = [
        ("role", json!("ecs"), json!(role), true),
        ("role", json!("other"), json!(role), false),
        ("platformVersion", json!("LATEST"), Value::Null, true),
        ("platformVersion", json!("1.4.0"), json!("LATEST"), false),
        ("capacityProviderStrategy", json!([{ "capacityProvider": "FARGATE", "weight": 1 }]),
            json!([{ "capacityProvider": "FARGATE", "weight": 1, "base": 0 }]), true),
        ("capacityProviderStrategy", json!([]), json!([{ "capacityProvider": "FARGATE", "weight": 1, "base": 0 }]), false),
        (breaker, Value::Null, json!({ "enable": false, "rollback": false, "resetOnHealthyTask": true }), true),
        (breaker, json!({ "enable": true, "rollback": true }), json!({ "enable": true, "rollback": true,
            "resetOnHealthyTask": true, "thresholdConfiguration": { "type": "BOUNDED_PERCENT", "value": 50 } }), true),
        (breaker, json!({ "enable": true, "rollback": true }), json!({ "enable": true, "rollback": true,
            "thresholdConfiguration": { "type": "COUNT", "value": 50 } }), false),
        (breaker, Value::Null, json!({ "enable": true, "rollback": false }), false),
        (alarms, Value::Null, json!({ "alarmNames": [], "enable": false, "rollback": false }), true),
        (alarms, json!({ "alarmNames": ["a", "b"], "enable": true, "rollback": true }),
            json!({ "alarmNames": ["b", "a"], "enable": true, "rollback": true }), true),
        ("deploymentConfiguration.lifecycleHooks", json!([hook]), json!([hook_as_shown]), true),
        ("deploymentConfiguration.lifecycleHooks", Value::Null, json!([hook_as_shown]), false),
        ("deploymentConfiguration.linearConfiguration", json!({ "stepPercent": 20 }),
            json!({ "stepPercent": 20, "stepBakeTimeInMinutes": 6 }), true),
        ("placementStrategy", json!([{ "type": "binpack", "field": "cpu" }, { "type": "spread", "field": "host" }]),
            json!([{ "type": "binpack", "field": "CPU" }, { "type": "spread", "field": "instanceId" }]), true),
        ("placementStrategy", json!([{ "type": "random" }, { "type": "spread", "field": "instanceId" }]),
            json!([{ "type": "spread", "field": "instanceId" }, { "type": "random" }]), false),
        (connect, Value::Null, json!({ "enabled": false, "namespace": arn }), true),
        (connect, json!({ "enabled": true, "services": [{ "portName": "http", "clientAliases": [{ "port": 80 }] }] }),
            json!({ "enabled": true, "namespace": arn, "services": [{ "portName": "http", "discoveryName": "http",
                "clientAliases": [{ "port": 80, "dnsName": "http.shop" }] }] }), true),
        (connect, json!({ "enabled": true, "namespace": "shop" }), json!({ "enabled": true, "namespace": arn }), true),
        (connect, json!({ "enabled": true, "namespace": "shop" }), json!({ "enabled": true, "namespace": "b" }), false),
        (connect, json!({ "enabled": true }), json!({ "enabled": true, "services": [{ "portName": "http" }] }), false),
        (connect, json!({ "enabled": true }), json!({ "enabled": true, "logConfiguration": { "logDriver": "awslogs" } }), false),
        ("volumeConfigurations", json!([{ "name": "d", "managedEBSVolume": { "roleArn": "r", "sizeInGiB": 10 } }]),
            json!([{ "name": "d", "managedEBSVolume": { "roleArn": "r", "sizeInGiB": 10, "volumeType": "gp3",
                "encrypted": true, "filesystemType": "xfs" } }]), true),
        ("volumeConfigurations", json!([{ "name": "d", "managedEBSVolume": { "roleArn": "r", "sizeInGiB": 10 } }]),
            json!([{ "name": "d", "managedEBSVolume": { "roleArn": "r", "sizeInGiB": 20 } }]), false),
        ("loadBalancers", json!([{ "targetGroupArn": "a" }, { "targetGroupArn": "b" }]),
            json!([{ "targetGroupArn": "b" }, { "targetGroupArn": "a" }]), true),
    ];
    for (path, wanted, have, is_same) in table {
        assert_eq!(same(path, wanted.clone(), have.clone()), is_same, "{path}: {wanted} {have}");
    }
}

#[test]
fn a_family_takes_any_revision_and_a_revision_only_itself() {
    let have = json!("arn:aws:ecs:us-east-1:123456789012:task-definition/great-task:7");
    for (wanted, is_same) in [
        ("great-task", true),
        ("great-task:7", true),
        ("great-task:1", false),
        ("great", false),
        ("arn:aws:ecs:us-east-1:123456789012:task-definition/great-task:7", true),
    ] {
        assert_eq!(same("taskDefinition", json!(wanted), have.clone()), is_same, "{wanted}");
    }
}

fn sent(after: Value, drift: &[(&str, Value)]) -> Value {
    let drift = drift.iter().map(|(path, to)| FieldDrift {
        path: (*path).to_owned(),
        from: Value::Null,
        to: to.clone(),
        fix: Fix::InPlace,
    });
    let document = Key::new("EcsService", "web");
    let change = Change {
        target: Target { kind: "EcsService".to_owned(), scope: "main".to_owned(), id: "web".to_owned(), arn: None },
        mark: Mark { owner: "team".to_owned(), document, incarnation: 1, deletion: Deletion::Delete },
        drift: drift.collect(),
        tags: TagChange::default(),
        after: after.as_object().cloned().unwrap_or_default(),
    };
    Value::Object(to_send(&change))
}

/// Most members roll the tasks when they are sent, also unchanged.
#[test]
fn only_what_differs_is_sent_and_what_goes_is_said() {
    let after = json!({
        "taskDefinition": "web:1", "desiredCount": 3, "serviceConnectConfiguration": null,
        "deploymentConfiguration": { "strategy": "CANARY", "maximumPercent": 150, "deploymentCircuitBreaker": null,
            "linearConfiguration": { "stepPercent": 10 }, "canaryConfiguration": { "canaryPercent": 5 } },
    });
    assert_eq!(sent(after.clone(), &[("desiredCount", json!(3))]), json!({ "desiredCount": 3 }));
    assert_eq!(
        sent(after.clone(), &[("serviceConnectConfiguration", Value::Null)]),
        json!({ "serviceConnectConfiguration": { "enabled": false } })
    );
    assert_eq!(
        sent(after, &[("deploymentConfiguration.deploymentCircuitBreaker", Value::Null)]),
        json!({ "deploymentConfiguration": {
            "strategy": "CANARY", "maximumPercent": 150, "canaryConfiguration": { "canaryPercent": 5 },
            "deploymentCircuitBreaker": { "enable": false, "rollback": false },
        } })
    );
    // A bake time that is nowhere stated is not made up, whatever the strategy.
    for strategy in ["BLUE_GREEN", "LINEAR", "CANARY"] {
        let after = json!({ "deploymentConfiguration": { "strategy": strategy } });
        let expected = json!({ "deploymentConfiguration": { "strategy": strategy } });
        assert_eq!(sent(after, &[("deploymentConfiguration.strategy", json!(strategy))]), expected);
    }
    let after = json!({ "deploymentConfiguration": { "alarms": { "enable": false, "rollback": false }, "maximumPercent": 150 } });
    let sent_so = sent(after, &[("deploymentConfiguration.maximumPercent", json!(150))]);
    assert_eq!(sent_so["deploymentConfiguration"]["alarms"]["alarmNames"], json!([]), "a member that AWS demands");
    // Back from a strategy to the launch type of before.
    let after = json!({ "launchType": "FARGATE", "capacityProviderStrategy": [{ "capacityProvider": "FARGATE" }] });
    assert_eq!(sent(after, &[("launchType", json!("FARGATE"))]), json!({ "capacityProviderStrategy": [] }));
}

#[test]
fn what_aws_would_refuse_is_said_with_its_place() {
    let network = |name: &str, prefix: &str, count: usize| {
        let items: Vec<String> = (0..count).map(|at| format!("{prefix}{at}")).collect();
        json!({ "networkConfiguration": { "awsvpcConfiguration": { name: items } } })
    };
    let arn = "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1";
    let namespace = "arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-1";
    let registry = |more: Value| {
        let mut registry = json!({ "registryArn": arn });
        registry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "serviceRegistries": [registry] })
    };
    let table = [
        (json!({ "serviceName": "a b" }), "serviceName"),
        (json!({ "taskDefinition": null }), "taskDefinition"),
        (json!({ "desiredCount": -1 }), "desiredCount"),
        (json!({ "schedulingStrategy": "DAEMON", "desiredCount": 1 }), "desiredCount"),
        (json!({ "schedulingStrategy": "DAEMON", "launchType": "FARGATE" }), "schedulingStrategy"),
        (json!({ "launchType": "EC2", "capacityProviderStrategy": [{ "capacityProvider": "a" }] }), "launchType"),
        (json!({ "capacityProviderStrategy": [{ "capacityProvider": "a" }, { "capacityProvider": "b" }] }),
            "capacityProviderStrategy"),
        (json!({ "launchType": "FARGATE", "placementStrategy": [{ "type": "random" }] }), "placementStrategy"),
        (json!({ "schedulingStrategy": "DAEMON", "placementStrategy": [{ "type": "random" }] }), "placementStrategy"),
        (network("subnets", "subnet-", 17), "networkConfiguration.awsvpcConfiguration.subnets"),
        (network("securityGroups", "sg-", 6), "networkConfiguration.awsvpcConfiguration.securityGroups"),
        (network("subnets", "private-", 1), "networkConfiguration.awsvpcConfiguration.subnets[0]"),
        (network("securityGroups", "subnet-", 1), "networkConfiguration.awsvpcConfiguration.securityGroups[0]"),
        (json!({ "serviceRegistries": [{ "registryArn": arn }, { "registryArn": arn }] }), "serviceRegistries"),
        (json!({ "serviceRegistries": [{ "port": 80 }] }), "serviceRegistries[0].registryArn"),
        (json!({ "serviceRegistries": [{ "registryArn": namespace }] }), "serviceRegistries[0].registryArn"),
        (registry(json!({ "port": 80, "containerName": "a", "containerPort": 80 })), "serviceRegistries[0].port"),
        (registry(json!({ "containerName": "a" })), "serviceRegistries[0].containerName"),
        (registry(json!({ "port": 70000 })), "serviceRegistries[0].port"),
        (json!({ "loadBalancers": [{ "containerName": "a", "containerPort": 80 }] }), "loadBalancers[0].targetGroupArn"),
        (json!({ "loadBalancers": [{ "targetGroupArn": "a", "containerName": "a" }] }), "loadBalancers[0].containerPort"),
        (json!({ "deploymentConfiguration": { "maximumPercent": 50 } }), "deploymentConfiguration.maximumPercent"),
        (json!({ "availabilityZoneRebalancing": "ENABLED", "deploymentConfiguration": { "maximumPercent": 100 } }),
            "deploymentConfiguration.maximumPercent"),
        (json!({ "availabilityZoneRebalancing": "ENABLED", "schedulingStrategy": "DAEMON" }),
            "deploymentConfiguration.maximumPercent"),
        (json!({ "deploymentController": { "type": "CODE_DEPLOY" },
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } } }),
            "deploymentConfiguration.deploymentCircuitBreaker"),
        (json!({ "deploymentConfiguration": { "linearConfiguration": {} } }),
            "deploymentConfiguration.linearConfiguration"),
        (json!({ "deploymentConfiguration": { "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 2.9 } } }),
            "deploymentConfiguration.linearConfiguration.stepPercent"),
        (json!({ "deploymentConfiguration": { "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 0 } } }),
            "deploymentConfiguration.canaryConfiguration.canaryPercent"),
        (json!({ "deploymentConfiguration": { "alarms": { "enable": true } } }),
            "deploymentConfiguration.alarms.alarmNames"),
        (json!({ "deploymentController": { "type": "EXTERNAL" }, "deploymentConfiguration": { "strategy": "LINEAR" } }),
            "deploymentConfiguration.strategy"),
        (json!({ "serviceConnectConfiguration": { "enabled": false, "services": [{ "portName": "a" }] } }),
            "serviceConnectConfiguration.services"),
    ];
    for (spec, path) in table {
        let mut members: Members = spec.as_object().cloned().unwrap_or_default();
        members.entry("serviceName").or_insert(json!("web"));
        members.entry("taskDefinition").or_insert(json!("web:1"));
        adapt(&mut members);
        let found = check(&members);
        assert_eq!(found.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [path], "{spec}");
    }
}

#[test]
fn what_only_looks_like_a_contradiction_is_taken() {
    for spec in [
        json!({ "availabilityZoneRebalancing": "ENABLED", "deploymentConfiguration": { "maximumPercent": 101 } }),
        json!({ "availabilityZoneRebalancing": "DISABLED", "deploymentConfiguration": { "maximumPercent": 100 } }),
        json!({ "deploymentConfiguration": { "maximumPercent": 100 } }),
        json!({ "deploymentController": { "type": "EXTERNAL" },
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": false, "rollback": false } } }),
        json!({ "schedulingStrategy": "DAEMON", "placementStrategy": [],
            "placementConstraints": [{ "type": "distinctInstance" }] }),
    ] {
        let mut members: Members = spec.as_object().cloned().unwrap_or_default();
        members.insert("serviceName".to_owned(), json!("web"));
        members.insert("taskDefinition".to_owned(), json!("web:1"));
        adapt(&mut members);
        assert_eq!(check(&members), [], "{spec}");
    }
}

#[test]
fn peers_39_a_namespace_is_no_registry() {
    let namespace = "arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-1";
    let spec = json!({ "serviceName": "web", "taskDefinition": "web:1", "serviceRegistries": [{ "registryArn": namespace }] });
    let found = check(spec.as_object().unwrap());
    assert!(found[0].message.contains("expected the ARN of a Cloud Map service"), "{found:?}");
}
