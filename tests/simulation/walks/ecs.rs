//! ECS's kinds.

use hatoba_tests::ecs_members::{
    alarms, balancer, connect, controller, criteria, hook, lattice, registry, volume,
};
use serde_json::{Value, json};

use super::catalogue::{Choice, Subject, one_of, shape};

pub(crate) fn subjects() -> Vec<Subject> {
    vec![ecs_cluster(), ecs_task_definition(), ecs_service()]
}

fn texts(values: &[&str]) -> Vec<Value> {
    values.iter().map(|value| json!(value)).collect()
}

fn ecs_cluster() -> Subject {
    let insights = |value: &str| json!([{ "name": "containerInsights", "value": value }]);
    let item = |name: &str, base: u32| json!([{ "capacityProvider": name, "weight": 1, "base": base }]);
    let logs = json!({ "logging": "OVERRIDE", "logConfiguration": { "cloudWatchLogGroupName": "g" } });
    Subject {
        kind: "EcsCluster",
        around: "",
        shapes: vec![
            shape(
                json!({}),
                vec![
                    one_of("clusterName", texts(&["one", "two"])),
                    one_of("settings", [insights("enabled"), insights("enhanced")]),
                    one_of("configuration.executeCommandConfiguration", [json!({ "logging": "NONE" }), logs]),
                    one_of(
                        "configuration.managedStorageConfiguration",
                        [json!({ "kmsKeyId": "a" }), json!({ "kmsKeyId": "b" })],
                    ),
                    one_of("capacityProviders", [json!(["FARGATE"]), json!(["FARGATE_SPOT", "FARGATE"])]),
                    one_of("serviceConnectDefaults.namespace", texts(&["shop", "other"])),
                ],
            ),
            shape(
                json!({ "capacityProviders": ["FARGATE", "FARGATE_SPOT"] }),
                vec![one_of(
                    "defaultCapacityProviderStrategy",
                    [item("FARGATE", 0), item("FARGATE_SPOT", 1)],
                )],
            ),
        ],
        left_out: &[],
    }
}

fn ecs_task_definition() -> Subject {
    let container =
        |image: &str| json!([{ "name": "web", "image": image, "portMappings": [{ "containerPort": 80 }] }]);
    let roles = || texts(&["arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b"]);
    let proxy = |port: &str| json!({ "type": "APPMESH", "containerName": "web", "properties": [{ "name": "ProxyEgressPort", "value": port }] });
    let detailed = json!([{ "name": "web", "image": "nginx:1", "environment": [{ "name": "A", "value": "b" }, { "name": "C", "value": "d" }],
        "secrets": [{ "name": "S", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/s" }],
        "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "g" } },
        "healthCheck": { "command": ["CMD", "true"] }, "ulimits": [{ "name": "nofile", "softLimit": 1, "hardLimit": 2 }],
        "portMappings": [{ "containerPort": 80, "name": "http" }], "command": ["a"], "entryPoint": ["b"], "stopTimeout": 30 }]);
    Subject {
        kind: "EcsTaskDefinition",
        // A service of it would need a network in some of the modes, and none in the others.
        around: "",
        shapes: vec![
            shape(
                json!({ "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": 256, "memory": 512, "containerDefinitions": container("nginx:1") }),
                vec![
                    one_of("containerDefinitions", [container("nginx:2"), detailed]),
                    vec![
                        json!({ "cpu": "0.5 vCPU", "memory": "1 GB" }),
                        json!({ "cpu": 512, "memory": 2048 }),
                    ],
                    one_of("taskRoleArn", roles()),
                    one_of("executionRoleArn", roles()),
                    one_of("ephemeralStorage", [json!({ "sizeInGiB": 30 }), json!({ "sizeInGiB": 40 })]),
                    one_of(
                        "runtimePlatform",
                        [
                            json!({ "cpuArchitecture": "ARM64" }),
                            json!({ "cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX" }),
                        ],
                    ),
                    one_of("enableFaultInjection", [json!(true), json!(false)]),
                    one_of("proxyConfiguration", [proxy("1"), proxy("2")]),
                    one_of("pidMode", texts(&["task"])),
                ],
            ),
            shape(
                json!({ "memory": 512, "containerDefinitions": container("nginx:1") }),
                vec![
                    one_of("networkMode", texts(&["bridge", "host"])),
                    one_of(
                        "volumes",
                        [json!([{ "name": "a" }]), json!([{ "name": "a", "host": { "sourcePath": "/a" } }])],
                    ),
                    one_of(
                        "placementConstraints",
                        [
                            json!([{ "type": "memberOf", "expression": "attribute:a == b" }]),
                            json!([{ "type": "memberOf", "expression": "attribute:a == c" }]),
                        ],
                    ),
                    one_of("ipcMode", texts(&["host", "none"])),
                    one_of("pidMode", texts(&["host", "task"])),
                    one_of("family", texts(&["one", "two"])),
                    one_of("requiresCompatibilities", [json!(["EC2"])]),
                    one_of("cpu", [json!(256), json!("1 vCPU")]),
                ],
            ),
        ],
        left_out: &[(
            "requiresCompatibilities",
            "it says which other members are needed: Fargate's shape has it always",
        )],
    }
}

fn network() -> Value {
    json!({ "awsvpcConfiguration": { "subnets": ["subnet-0aa11bb22cc33dd44"], "securityGroups": ["sg-0123456789abcdef0"] } })
}

fn ecs_service() -> Subject {
    let fargate = json!({ "cluster": "main", "taskDefinition": "great-task:1", "launchType": "FARGATE", "networkConfiguration": network() });
    let instances = json!({ "cluster": "main", "taskDefinition": "great-task:1", "launchType": "EC2", "networkConfiguration": network() });
    let anywhere =
        json!({ "cluster": "main", "taskDefinition": "great-task:1", "networkConfiguration": network() });
    let selected = json!({
        "clusterRef": "cluster", "taskDefinitionRef": "tasks",
        "networkConfiguration": { "awsvpcConfiguration": { "subnetSelector": { "tags": { "Tier": "private" } } } },
    });
    let provider = |name: &str| json!([{ "capacityProvider": name, "weight": 1 }]);
    let awsvpc = "networkConfiguration.awsvpcConfiguration";
    let steps = |member: &str, name: &str, strategy: &str| -> Choice {
        [20.0, 30.0].map(|percent| json!({ "deploymentConfiguration": { "strategy": strategy, "bakeTimeInMinutes": 5, member: { name: percent } } })).into()
    };
    Subject {
        kind: "EcsService",
        around: "apiVersion: hatoba/v1\nkind: PrivateDnsNamespace\nmetadata: { name: ns }\nspec: { name: a.test, vpcSelector: { tags: { Name: awesome-vpc } } }\n---\n\
            apiVersion: hatoba/v1\nkind: DiscoveryService\nmetadata: { name: found }\nspec: { namespaceRef: ns, dnsConfig: { dnsRecords: [{ type: SRV, ttl: 60 }] } }\n---\n\
            apiVersion: hatoba/v1\nkind: EcsCluster\nmetadata: { name: cluster }\nspec: { capacityProviders: [FARGATE, FARGATE_SPOT] }\n---\n\
            apiVersion: hatoba/v1\nkind: EcsTaskDefinition\nmetadata: { name: tasks }\nspec: { requiresCompatibilities: [FARGATE], networkMode: awsvpc, cpu: 256, memory: 512, containerDefinitions: [{ name: web, image: nginx, portMappings: [{ containerPort: 80 }] }] }\n",
        shapes: vec![
            shape(fargate.clone(), service_choices()),
            shape(
                fargate.clone(),
                vec![
                    steps("linearConfiguration", "stepPercent", "LINEAR"),
                    one_of("deploymentConfiguration.minimumHealthyPercent", [json!(50)]),
                    one_of("taskDefinition", texts(&["great-task:2"])),
                ],
            ),
            shape(
                fargate,
                vec![
                    steps("canaryConfiguration", "canaryPercent", "CANARY"),
                    one_of("serviceName", texts(&["one", "two"])),
                ],
            ),
            shape(
                instances,
                vec![
                    one_of(
                        "placementConstraints",
                        [
                            json!([{ "type": "memberOf", "expression": "attribute:a == b" }]),
                            json!([{ "type": "distinctInstance" }]),
                        ],
                    ),
                    one_of(
                        "placementStrategy",
                        [
                            json!([{ "type": "binpack", "field": "cpu" }]),
                            json!([{ "type": "spread", "field": "instanceId" }]),
                        ],
                    ),
                    one_of("schedulingStrategy", texts(&["DAEMON"])),
                    one_of("role", texts(&["arn:aws:iam::123456789012:role/a"])),
                ],
            ),
            shape(
                anywhere,
                vec![
                    one_of("capacityProviderStrategy", [provider("FARGATE"), provider("FARGATE_SPOT")]),
                    one_of(&format!("{awsvpc}.subnets"), [json!(["subnet-0bb22cc33dd44ee55"])]),
                ],
            ),
            shape(
                selected,
                vec![
                    one_of(
                        &format!("{awsvpc}.securityGroupSelector"),
                        [json!({ "tags": { "Name": "great-sg" } })],
                    ),
                    one_of(&format!("{awsvpc}.vpcSelector"), [json!({ "tags": { "Name": "awesome-vpc" } })]),
                ],
            ),
        ],
        left_out: &[
            ("cluster", "one of `cluster` and `clusterRef`, as the shapes have it"),
            ("clusterRef", "one of `cluster` and `clusterRef`, as the shapes have it"),
            ("taskDefinitionRef", "one of `taskDefinition` and `taskDefinitionRef`, as the shapes have it"),
            ("role", "it cannot be changed"),
            ("schedulingStrategy", "it has one other value"),
            (
                "networkConfiguration.awsvpcConfiguration.subnetSelector",
                "one shape has it, the others have ids",
            ),
            (
                "networkConfiguration.awsvpcConfiguration.securityGroupSelector",
                "there is one group with tags",
            ),
            ("networkConfiguration.awsvpcConfiguration.vpcSelector", "there is one VPC with such subnets"),
            ("serviceRegistries[].discoveryServiceRef", "a list has the items of its one member"),
        ],
    }
}

/// What a service on Fargate may have, each by itself.
fn service_choices() -> Vec<Choice> {
    let breaker = |rollback: bool| json!({ "enable": true, "rollback": rollback });
    let awsvpc = "networkConfiguration.awsvpcConfiguration";
    let deployment = |member: &str| format!("deploymentConfiguration.{member}");
    vec![
        one_of("desiredCount", [json!(2), json!(3)]),
        one_of("platformVersion", texts(&["1.4.0", "1.3.0"])),
        one_of("availabilityZoneRebalancing", texts(&["DISABLED", "ENABLED"])),
        one_of("deploymentController", [controller("CODE_DEPLOY"), controller("ECS")]),
        one_of(&format!("{awsvpc}.securityGroups"), [json!(["sg-0fedcba9876543210"])]),
        one_of(&format!("{awsvpc}.assignPublicIp"), texts(&["ENABLED", "DISABLED"])),
        one_of("loadBalancers", [balancer("arn:a"), balancer("arn:b")]),
        one_of("serviceRegistries", [registry(80), registry(8080)]),
        one_of("healthCheckGracePeriodSeconds", [json!(30), json!(60)]),
        one_of(&deployment("maximumPercent"), [json!(250), json!(300)]),
        one_of(&deployment("minimumHealthyPercent"), [json!(50), json!(0)]),
        one_of(&deployment("deploymentCircuitBreaker"), [breaker(true), breaker(false)]),
        one_of(&deployment("alarms"), [alarms(&["a"]), alarms(&["b", "a"])]),
        one_of(&deployment("strategy"), texts(&["BLUE_GREEN", "ROLLING"])),
        one_of(&deployment("bakeTimeInMinutes"), [json!(5), json!(10)]),
        one_of(&deployment("lifecycleHooks"), [hook("PRE_SCALE_UP"), hook("POST_SCALE_UP")]),
        one_of(&deployment("earlySuccessCriteria"), [criteria(90), criteria(80)]),
        one_of("enableExecuteCommand", [json!(true), json!(false)]),
        one_of("enableECSManagedTags", [json!(true), json!(false)]),
        one_of("propagateTags", texts(&["SERVICE", "TASK_DEFINITION"])),
        one_of("serviceConnectConfiguration", [connect("http"), connect("grpc")]),
        one_of("volumeConfigurations", [volume(10), volume(20)]),
        one_of("vpcLatticeConfigurations", [lattice("http"), lattice("grpc")]),
    ]
}
