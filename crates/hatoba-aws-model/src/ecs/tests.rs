use crate::testing::{Caller, count};
use serde_json::{Value, json};

/// Everything CreateService needs for `great-task`, without a registry.
fn service() -> Value {
    json!({
        "cluster": "main", "serviceName": "web", "taskDefinition": "great-task:1", "desiredCount": 2,
        "launchType": "FARGATE", "tags": [{"key": "k", "value": "v"}],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
    })
}

fn described(aws: &mut Caller) -> Value {
    let out = aws.ecs("DescribeServices", json!({"cluster": "main", "services": ["web"]}));
    out["services"][0].clone()
}

fn rollouts(service: &Value) -> Vec<(String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |d: &Value| {
        (text(&d["status"]), text(&d["rolloutState"]), d["runningCount"].as_u64().unwrap_or_default())
    };
    service["deployments"].as_array().into_iter().flatten().map(of).collect()
}

fn update(aws: &mut Caller, mut members: Value) -> Value {
    members["cluster"] = json!("main");
    members["service"] = json!("web");
    aws.ecs("UpdateService", members)
}

/// A Cloud Map service with SRV records, and a registry for `great-task` that uses it.
fn registry(aws: &mut Caller) -> (String, Value) {
    let namespace = aws.namespace("shop.local");
    let found = aws.registry(&namespace);
    let id = found["Id"].as_str().unwrap_or_default().to_owned();
    (id, json!([{"registryArn": found["Arn"], "containerName": "web", "containerPort": 80}]))
}

#[test]
fn a_revision_is_added_every_time_and_defaults_are_filled_in() {
    let mut aws = Caller::instant();
    let sent = json!({
        "family": "f", "cpu": "1 vCPU", "memory": "2 GB", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "taskRoleArn": "role", "volumes": [{"name": "scratch"}], "enableFaultInjection": true,
        "containerDefinitions": [{
            "name": "web", "image": "nginx", "portMappings": [{"containerPort": 80}],
            "healthCheck": {"command": ["CMD", "true"]}, "logConfiguration": {"logDriver": "awslogs"},
        }],
    });
    for revision in 1..=2 {
        assert_eq!(aws.ecs("RegisterTaskDefinition", sent.clone())["taskDefinition"]["revision"], revision);
    }
    let found = aws.ecs("DescribeTaskDefinition", json!({"taskDefinition": "f"}))["taskDefinition"].clone();
    assert_eq!(found["revision"], 2);
    let container = &found["containerDefinitions"][0];
    for (actual, expected) in [
        (&found["cpu"], json!("1024")),
        (&found["memory"], json!("2048")),
        (&found["taskRoleArn"], json!("arn:aws:iam::123456789012:role/role")),
        (&found["volumes"][0], json!({"name": "scratch", "host": {}, "configuredAtLaunch": false})),
        (&found["enableFaultInjection"], json!(true)),
        (&container["cpu"], json!(0)),
        (&container["essential"], json!(true)),
        (&container["environment"], json!([])),
        (&container["portMappings"], json!([{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}])),
        (&container["healthCheck"]["interval"], json!(30)),
        (&container["logConfiguration"]["options"], json!({})),
    ] {
        assert_eq!(actual, &expected);
    }
    aws.ecs("DeregisterTaskDefinition", json!({"taskDefinition": "f:2"}));
    let found = aws.ecs("DescribeTaskDefinition", json!({"taskDefinition": "f"}));
    assert_eq!(found["taskDefinition"]["revision"], 1, "the latest that is ACTIVE");
    let (code, out) = aws.refused("ecs", "DescribeTaskDefinition", json!({"taskDefinition": "f:3"}));
    assert_eq!(
        (code.as_str(), &out["message"]),
        ("ClientException", &json!("Unable to describe task definition."))
    );
    let bridge = json!({
        "family": "b", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "web", "image": "nginx"}],
    });
    assert_eq!(aws.refused("ecs", "RegisterTaskDefinition", bridge).0, "ClientException");
}

#[test]
fn a_service_reaches_the_steady_state_when_its_tasks_run() {
    let mut aws = Caller::realistic();
    let created = aws.ecs("CreateService", service())["service"].clone();
    assert_eq!(
        (&created["pendingCount"], &created["tags"]),
        (&json!(2), &json!([{"key": "k", "value": "v"}]))
    );
    let seen = described(&mut aws);
    assert_eq!(rollouts(&seen), [("PRIMARY".into(), "IN_PROGRESS".into(), 0)]);
    assert_eq!(seen.get("tags"), None, "tags only when asked for");
    for (member, expected) in [
        ("taskDefinition", json!("arn:aws:ecs:us-east-1:123456789012:task-definition/great-task:1")),
        ("platformVersion", json!("LATEST")),
        ("propagateTags", json!("NONE")),
        ("serviceRegistries", json!([])),
        ("availabilityZoneRebalancing", json!("ENABLED")),
    ] {
        assert_eq!(seen[member], expected, "{member}");
    }
    assert_eq!(seen["deployments"][0]["platformVersion"], "1.4.0");
    assert_eq!(seen["deploymentConfiguration"]["maximumPercent"], 200);
    aws.wait(40);
    let seen = described(&mut aws);
    assert_eq!(rollouts(&seen), [("PRIMARY".into(), "COMPLETED".into(), 2)]);
    assert_eq!(seen["events"][0]["message"], "(service web) has reached a steady state.");
    let tasks = aws.ecs("ListTasks", json!({"cluster": "main", "serviceName": "web"}));
    let tasks = aws.ecs("DescribeTasks", json!({"cluster": "main", "tasks": tasks["taskArns"]}));
    assert_eq!(tasks["tasks"][0]["lastStatus"], "RUNNING");
}

#[test]
fn a_second_create_depends_on_the_first_ones_state() {
    let mut aws = Caller::realistic();
    aws.ecs("CreateService", service());
    aws.ecs("CreateService", service());
    let mut other = service();
    other["desiredCount"] = json!(3);
    let again = |aws: &mut Caller| aws.refused("ecs", "CreateService", other.clone()).1["message"].clone();
    assert_eq!(again(&mut aws), "Creation of service was not idempotent.");
    assert_eq!(
        aws.refused("ecs", "DeleteService", json!({"cluster": "main", "service": "web"})).0,
        "InvalidParameterException"
    );
    aws.ecs("DeleteService", json!({"cluster": "main", "service": "web", "force": true}));
    assert_eq!(described(&mut aws)["status"], "DRAINING");
    assert_eq!(again(&mut aws), "Unable to Start a service that is still Draining.");
    assert_eq!(aws.ecs("ListServices", json!({"cluster": "main"}))["serviceArns"], json!([]));
    assert_eq!(
        aws.refused("ecs", "UpdateService", json!({"cluster": "main", "service": "web", "desiredCount": 1}))
            .0,
        "ServiceNotActiveException"
    );
    aws.wait(30);
    assert_eq!(described(&mut aws)["status"], "INACTIVE");
    aws.ecs("CreateService", other);
    assert_eq!(described(&mut aws)["status"], "ACTIVE");
}

#[test]
fn only_some_members_roll_the_tasks() {
    let mut aws = Caller::realistic();
    aws.ecs("CreateService", service());
    aws.wait(40);
    for quiet in [
        json!({"desiredCount": 2}),
        json!({"enableExecuteCommand": true}),
        json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}}}),
        json!({"propagateTags": "SERVICE"}),
    ] {
        update(&mut aws, quiet.clone());
        assert_eq!(rollouts(&described(&mut aws)).len(), 1, "{quiet}");
    }
    let kept = described(&mut aws)["deploymentConfiguration"].clone();
    assert_eq!(
        (&kept["maximumPercent"], &kept["deploymentCircuitBreaker"]["enable"]),
        (&json!(200), &json!(true))
    );
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-2"], "securityGroups": ["sg-1"]}});
    for rolling in [
        json!({"taskDefinition": "great-task:2"}),
        json!({"networkConfiguration": network}),
        json!({"platformVersion": "1.4.0"}),
        json!({"forceNewDeployment": true}),
        json!({"serviceRegistries": []}),
    ] {
        update(&mut aws, rolling.clone());
        let during = rollouts(&described(&mut aws));
        assert_eq!(
            during,
            [("PRIMARY".into(), "IN_PROGRESS".into(), 0), ("ACTIVE".into(), "COMPLETED".into(), 2)]
        );
        aws.wait(40);
        assert_eq!(rollouts(&described(&mut aws)), [("PRIMARY".into(), "COMPLETED".into(), 2)], "{rolling}");
        aws.wait(30);
    }
    update(&mut aws, json!({"desiredCount": 1}));
    let seen = described(&mut aws);
    assert_eq!(
        (&seen["runningCount"], &seen["taskDefinition"]),
        (&json!(1), &json!("arn:aws:ecs:us-east-1:123456789012:task-definition/great-task:2"))
    );
    let deployments = aws.ecs("ListServiceDeployments", json!({"cluster": "main", "service": "web"}));
    assert_eq!(deployments["serviceDeployments"].as_array().map(Vec::len), Some(6));
}

#[test]
fn a_failing_rollout_is_the_circuit_breakers_business() {
    for (rollback, definition, state) in
        [(true, "great-task:1", "COMPLETED"), (false, "great-task:2", "FAILED")]
    {
        let mut aws = Caller::realistic();
        let mut asked = service();
        asked["deploymentConfiguration"] =
            json!({"deploymentCircuitBreaker": {"enable": true, "rollback": rollback}});
        aws.ecs("CreateService", asked);
        aws.wait(40);
        aws.world.faults().rollout_fails("image not found");
        update(&mut aws, json!({"taskDefinition": "great-task:2"}));
        aws.wait(600);
        let seen = described(&mut aws);
        assert!(seen["taskDefinition"].as_str().unwrap_or_default().ends_with(definition));
        assert_eq!(seen["deployments"][0]["rolloutState"], state);
        assert_eq!(seen["runningCount"], 2, "what ran before still runs, or runs again");
    }
    let mut aws = Caller::realistic();
    aws.world.faults().rollout_sticks();
    aws.ecs("CreateService", service());
    aws.wait(3600);
    assert_eq!(rollouts(&described(&mut aws)), [("PRIMARY".into(), "IN_PROGRESS".into(), 0)]);
}

#[test]
fn failing_tasks_without_delays_do_not_go_on_for_ever_at_one_instant() {
    let mut aws = Caller::instant();
    aws.world.faults().rollout_fails("no image");
    aws.ecs("CreateService", service());
    aws.wait(60);
    let failed = described(&mut aws)["deployments"][0]["failedTasks"].as_u64().unwrap_or_default();
    assert!((2..100).contains(&failed), "{failed}");
}

#[test]
fn a_task_that_somebody_stops_says_so_and_another_takes_its_place() {
    let mut aws = Caller::realistic();
    aws.ecs("CreateService", service());
    aws.wait(40);
    let running = |aws: &mut Caller| {
        let out = aws.ecs("ListTasks", json!({"cluster": "main", "serviceName": "web"}));
        out["taskArns"].as_array().cloned().unwrap_or_default()
    };
    let before = running(&mut aws);
    let stopped = aws.ecs("StopTask", json!({"cluster": "main", "task": before[0]}))["task"].clone();
    assert_eq!(
        (&stopped["desiredStatus"], &stopped["stopCode"], &stopped["stoppedReason"]),
        (&json!("STOPPED"), &json!("UserInitiated"), &json!("Task stopped by user"))
    );
    aws.wait(120);
    let after = running(&mut aws);
    assert!(after.len() == 2 && !after.contains(&before[0]) && after.contains(&before[1]), "{after:?}");
    assert_eq!(
        rollouts(&described(&mut aws)),
        [("PRIMARY".into(), "COMPLETED".into(), 2)],
        "no new deployment"
    );
    let (code, out) = aws.refused("ecs", "StopTask", json!({"cluster": "main", "task": "nobody"}));
    assert_eq!(
        (code.as_str(), &out["message"]),
        ("InvalidParameterException", &json!("The referenced task was not found."))
    );
}

#[test]
fn tasks_are_registered_while_they_run_and_for_a_while_after() {
    let mut aws = Caller::realistic();
    let (id, registries) = registry(&mut aws);
    let mut asked = service();
    asked["serviceRegistries"] = registries;
    aws.ecs("CreateService", asked);
    let instances = |aws: &mut Caller| {
        let out = aws.map("ListInstances", json!({"ServiceId": id}));
        out["Instances"].as_array().cloned().unwrap_or_default()
    };
    assert!(instances(&mut aws).is_empty());
    aws.wait(40);
    let found = instances(&mut aws);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["Attributes"]["AWS_INSTANCE_PORT"], "80");
    assert_eq!(found[0]["Attributes"]["ECS_SERVICE_NAME"], "web");
    aws.ecs("DeleteService", json!({"cluster": "main", "service": "web", "force": true}));
    aws.wait(29);
    assert_eq!((described(&mut aws)["status"].clone(), instances(&mut aws).len()), (json!("DRAINING"), 2));
    aws.wait(1);
    assert_eq!((described(&mut aws)["status"].clone(), instances(&mut aws).len()), (json!("INACTIVE"), 2));
    assert_eq!(aws.refused("servicediscovery", "DeleteService", json!({"Id": id})).0, "ResourceInUse");
    aws.wait(15);
    assert!(instances(&mut aws).is_empty());
}

#[test]
fn a_registry_must_suit_the_network_mode() {
    let mut aws = Caller::instant();
    let namespace = aws.namespace("shop.local");
    let srv = aws.registry(&namespace)["Arn"].clone();
    let a = json!({"Name": "a", "NamespaceId": namespace, "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 1}]}});
    let a = aws.map("CreateService", a)["Service"]["Arn"].clone();
    let bridge = json!({
        "family": "bridge", "containerDefinitions": [{"name": "web", "image": "i", "memory": 64, "portMappings": [{"containerPort": 80}]}],
    });
    aws.ecs("RegisterTaskDefinition", bridge);
    let unknown = "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-none";
    for (definition, registries, accepted) in [
        ("great-task", json!([{"registryArn": srv, "port": 80}]), true),
        ("great-task", json!([{"registryArn": srv, "containerName": "web", "containerPort": 80}]), true),
        ("great-task", json!([{"registryArn": a}]), true),
        ("great-task", json!([{"registryArn": srv}]), false),
        (
            "great-task",
            json!([{"registryArn": srv, "port": 80, "containerName": "web", "containerPort": 80}]),
            false,
        ),
        ("great-task", json!([{"registryArn": srv, "containerName": "web", "containerPort": 81}]), false),
        ("great-task", json!([{"registryArn": a, "port": 80}]), false),
        ("great-task", json!([{"registryArn": unknown, "port": 80}]), false),
        ("great-task", json!([{"registryArn": a}, {"registryArn": srv, "port": 80}]), false),
        ("bridge", json!([{"registryArn": srv, "containerName": "web", "containerPort": 80}]), true),
        ("bridge", json!([{"registryArn": srv, "port": 80}]), false),
        ("bridge", json!([{"registryArn": a, "containerName": "web", "containerPort": 80}]), false),
    ] {
        let mut asked = service();
        asked["taskDefinition"] = json!(definition);
        asked["serviceRegistries"] = registries.clone();
        if definition == "bridge" {
            asked["launchType"] = json!("EC2");
            asked["networkConfiguration"] = Value::Null;
        }
        let response = aws.json("ecs", "CreateService", asked);
        assert_eq!(response.status == 200, accepted, "{definition} {registries} {}", response.json());
        if accepted {
            aws.ecs("DeleteService", json!({"cluster": "main", "service": "web", "force": true}));
            aws.wait(60);
        }
    }
}

#[test]
fn creates_are_validated() {
    let mut aws = Caller::instant();
    aws.ecs("DeregisterTaskDefinition", json!({"taskDefinition": "great-task:1"}));
    for (member, value, code) in [
        ("taskDefinition", json!("great-task:1"), "ClientException"),
        ("taskDefinition", json!("great-task:9"), "ClientException"),
        ("taskDefinition", Value::Null, "InvalidParameterException"),
        ("cluster", json!("none"), "ClusterNotFoundException"),
        ("desiredCount", Value::Null, "InvalidParameterException"),
        ("desiredCount", json!("2"), "InvalidParameterException"),
        ("networkConfiguration", Value::Null, "InvalidParameterException"),
        ("propagateTags", json!("ALL"), "InvalidParameterException"),
        ("serviceName", json!("no spaces"), "InvalidParameterException"),
        ("capacityProviderStrategy", json!([{"capacityProvider": "FARGATE"}]), "InvalidParameterException"),
    ] {
        let mut asked = service();
        asked["taskDefinition"] = json!("great-task:2");
        asked[member] = value.clone();
        assert_eq!(aws.refused("ecs", "CreateService", asked).0, code, "{member} {value}");
    }
    assert_eq!(count(&aws.world, "/ecs/services"), 0);
}

#[test]
fn describing_takes_ten_and_listing_gives_ten() {
    let mut aws = Caller::instant();
    for number in 0..12 {
        let mut asked = service();
        asked["serviceName"] = json!(format!("web-{number}"));
        aws.ecs("CreateService", asked);
    }
    let first = aws.ecs("ListServices", json!({"cluster": "main"}));
    assert_eq!(first["serviceArns"].as_array().map(Vec::len), Some(10));
    let rest = aws.ecs("ListServices", json!({"cluster": "main", "nextToken": first["nextToken"]}));
    assert_eq!((rest["serviceArns"].as_array().map(Vec::len), rest.get("nextToken")), (Some(2), None));
    let names: Vec<String> = (0..11).map(|number| format!("web-{number}")).collect();
    let eleven = json!({"cluster": "main", "services": names});
    assert_eq!(aws.refused("ecs", "DescribeServices", eleven).0, "InvalidParameterException");
    let out = aws.ecs(
        "DescribeServices",
        json!({"cluster": "main", "services": ["web-1", "gone"], "include": ["TAGS"]}),
    );
    assert_eq!(out["services"][0]["tags"], json!([{"key": "k", "value": "v"}]));
    let missing =
        json!([{"arn": "arn:aws:ecs:us-east-1:123456789012:service/main/gone", "reason": "MISSING"}]);
    assert_eq!(out["failures"], missing);
}

#[test]
fn a_cluster_goes_last_and_stays_describable() {
    let mut aws = Caller::realistic();
    aws.ecs("CreateService", service());
    aws.wait(40);
    let delete = json!({"cluster": "main"});
    assert_eq!(aws.refused("ecs", "DeleteCluster", delete.clone()).0, "ClusterContainsServicesException");
    let seen = aws.ecs("DescribeClusters", json!({"clusters": ["main", "none"]}));
    assert_eq!(
        (&seen["clusters"][0]["runningTasksCount"], &seen["failures"][0]["reason"]),
        (&json!(2), &json!("MISSING"))
    );
    aws.ecs("DeleteService", json!({"cluster": "main", "service": "web", "force": true}));
    aws.wait(30);
    aws.ecs("DeleteCluster", delete);
    let seen = aws.ecs("DescribeClusters", json!({"clusters": ["main"]}));
    assert_eq!(seen["clusters"][0]["status"], "INACTIVE");
    assert_eq!(aws.ecs("ListClusters", json!({}))["clusterArns"], json!([]));
    assert_eq!(aws.refused("ecs", "CreateService", service()).0, "ClusterNotFoundException");
}

#[test]
fn tags_need_long_arns() {
    let mut aws = Caller::instant();
    let arn = aws.ecs("CreateService", service())["service"]["serviceArn"].clone();
    aws.ecs("TagResource", json!({"resourceArn": arn, "tags": [{"key": "a", "value": "1"}]}));
    aws.ecs("UntagResource", json!({"resourceArn": arn, "tagKeys": ["k"]}));
    let tags = aws.ecs("ListTagsForResource", json!({"resourceArn": arn}));
    assert_eq!(tags["tags"], json!([{"key": "a", "value": "1"}]));
    let short = json!({"resourceArn": "arn:aws:ecs:us-east-1:123456789012:service/web", "tags": []});
    assert_eq!(aws.refused("ecs", "TagResource", short).0, "InvalidParameterException");
}
