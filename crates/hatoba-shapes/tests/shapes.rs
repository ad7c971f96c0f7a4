//! Documents survive the way into the SDK's types and back; what AWS would refuse is found, with its path.

use hatoba_shapes::{apigatewayv2, ecs, problems, servicediscovery};
use serde_json::{Value, json};

/// Document → ours → the SDK's → ours → document.
macro_rules! round_trip {
    ($ty:path, $value:expr) => {{
        let before: Value = $value;
        let ours: $ty = serde_json::from_value(before.clone()).unwrap();
        let back = <$ty>::from_sdk(&ours.to_sdk().unwrap());
        assert_eq!(serde_json::to_value(&back).unwrap(), before);
    }};
}

#[test]
fn shallow_structures_survive() {
    round_trip!(ecs::ServiceRegistry, json!({ "registryArn": "arn:x", "port": 80 }));
    round_trip!(
        ecs::NetworkConfiguration,
        json!({ "awsvpcConfiguration": { "subnets": ["a", "b"], "assignPublicIp": "DISABLED" } })
    );
    round_trip!(
        ecs::CapacityProviderStrategyItem,
        json!({ "capacityProvider": "FARGATE", "weight": 1, "base": 0 })
    );
    round_trip!(ecs::PlacementConstraint, json!({ "type": "memberOf", "expression": "x == y" }));
}

#[test]
fn deep_structures_survive() {
    round_trip!(
        ecs::DeploymentConfiguration,
        json!({
            "maximumPercent": 200,
            "deploymentCircuitBreaker": {
                "enable": true, "rollback": false,
                "thresholdConfiguration": { "type": "COUNT", "value": 3 }
            },
            "alarms": { "alarmNames": ["a"], "enable": true, "rollback": true },
            "strategy": "LINEAR",
            "linearConfiguration": { "stepPercent": 12.5, "stepBakeTimeInMinutes": 1 },
            "lifecycleHooks": [{
                "hookTargetArn": "arn:x",
                "lifecycleStages": ["PRE_SCALE_UP", "POST_SCALE_UP"],
                "hookDetails": { "a": [1, -1, 0.5, null, true, "text"] },
                "timeoutConfiguration": { "timeoutInMinutes": 5, "action": "ROLLBACK" }
            }]
        })
    );
    round_trip!(
        ecs::ServiceConnectConfiguration,
        json!({
            "enabled": true,
            "services": [{
                "portName": "http",
                "clientAliases": [{
                    "port": 80,
                    "testTrafficRules": { "header": { "name": "x-test", "value": { "exact": "1" } } }
                }],
                "tls": { "issuerCertificateAuthority": { "awsPcaAuthorityArn": "arn:y" } }
            }],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": { "awslogs-group": "g" },
                "secretOptions": [{ "name": "n", "valueFrom": "arn:z" }]
            },
            "containerConfigurations": [{ "logLevel": "debug" }]
        })
    );
    round_trip!(
        ecs::ServiceVolumeConfiguration,
        json!({
            "name": "data",
            "managedEBSVolume": {
                "roleArn": "arn:r", "sizeInGiB": 10, "encrypted": true,
                "tagSpecifications": [{ "resourceType": "volume", "tags": [{ "key": "k", "value": "v" }] }]
            }
        })
    );
}

#[test]
fn cloud_map_and_api_gateway_survive() {
    round_trip!(
        servicediscovery::DnsConfig,
        json!({ "routingPolicy": "MULTIVALUE", "dnsRecords": [{ "type": "SRV", "ttl": 60 }] })
    );
    round_trip!(servicediscovery::HealthCheckCustomConfig, json!({ "failureThreshold": 1 }));
    round_trip!(servicediscovery::HealthCheckCustomConfig, json!({}));
    round_trip!(
        apigatewayv2::Cors,
        json!({ "allowOrigins": ["*"], "allowCredentials": false, "maxAge": -1 })
    );
    round_trip!(
        apigatewayv2::RouteSettings,
        json!({ "throttlingBurstLimit": 5, "throttlingRateLimit": 2.5 })
    );
    let written = apigatewayv2::TlsConfigInput { server_name_to_verify: Some("x.example.com".into()) };
    let read =
        aws_sdk_apigatewayv2::types::TlsConfig::builder().server_name_to_verify("x.example.com").build();
    assert_eq!(apigatewayv2::TlsConfigInput::from_sdk(&read), written);
    assert_eq!(written.to_sdk().unwrap().server_name_to_verify(), Some("x.example.com"));
}

#[test]
fn an_empty_list_is_sent_but_reads_as_absent() {
    let cors = apigatewayv2::Cors { allow_headers: Some(Vec::new()), ..Default::default() };
    let sdk = cors.to_sdk().unwrap();
    assert_eq!(sdk.allow_headers.as_deref(), Some(&[][..]));
    assert_eq!(apigatewayv2::Cors::from_sdk(&sdk), apigatewayv2::Cors::default());
}

#[test]
fn a_value_that_the_sdk_does_not_know_survives() {
    round_trip!(ecs::DeploymentController, json!({ "type": "SOMETHING_NEW" }));
}

#[test]
fn unresolved_required_members_do_not_reach_aws() {
    let selector = json!({ "subnetSelector": { "tags": { "Tier": "private" } } });
    let ours: ecs::AwsVpcConfiguration = serde_json::from_value(selector).unwrap();
    assert!(ours.to_sdk().unwrap_err().to_string().contains("subnets"));
    assert!(ecs::ServiceConnectContainerConfiguration::default().to_sdk().is_err());
}

#[test]
fn unknown_members_are_errors() {
    assert!(serde_json::from_value::<ecs::ServiceRegistry>(json!({ "registryARN": "x" })).is_err());
}

#[test]
fn good_documents_have_no_problems() {
    let spec = json!({
        "cluster": "main", "taskDefinition": "great-task:1", "desiredCount": 1, "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": {
            "subnetSelector": { "tags": { "Tier": "private" } },
            "securityGroupSelector": { "tags": { "Name": "great-sg" } }
        } },
        "serviceRegistries": [{ "discoveryServiceRef": "great-service-discovery", "port": 80 }],
        "platformVersion": null
    });
    assert_eq!(problems(ecs::LIMITS, "CreateServiceRequest", &spec), []);
}

#[test]
fn problems_carry_path_and_expectation() {
    let spec = json!({
        "launchType": "FARGAT",
        "networkConfiguration": { "awsvpcConfiguration": { "assignPublicIp": "no" } },
        "capacityProviderStrategy": [{ "capacityProvider": "FARGATE", "weight": 1001 }, {}],
        "deploymentConfiguration": { "lifecycleHooks": [{ "lifecycleStages": ["PRE_SCALE_UP", "NEVER"] }] }
    });
    let found = problems(ecs::LIMITS, "CreateServiceRequest", &spec);
    let stages = "RECONCILE_SERVICE, PRE_SCALE_UP, POST_SCALE_UP, TEST_TRAFFIC_SHIFT, POST_TEST_TRAFFIC_SHIFT, \
                  PRE_PRODUCTION_TRAFFIC_SHIFT, PRODUCTION_TRAFFIC_SHIFT, POST_PRODUCTION_TRAFFIC_SHIFT";
    let wanted = [
        ("capacityProviderStrategy[0].weight", "expected 0 to 1000, got 1001".to_owned()),
        ("capacityProviderStrategy[1].capacityProvider", "required, but missing".to_owned()),
        (
            "deploymentConfiguration.lifecycleHooks[0].lifecycleStages[1]",
            format!("expected one of {stages}, got \"NEVER\""),
        ),
        (
            "launchType",
            "expected one of EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES, got \"FARGAT\"".to_owned(),
        ),
        (
            "networkConfiguration.awsvpcConfiguration.subnets",
            "required, unless subnetSelector is given".to_owned(),
        ),
        (
            "networkConfiguration.awsvpcConfiguration.assignPublicIp",
            "expected one of ENABLED, DISABLED, got \"no\"".to_owned(),
        ),
    ];
    assert_eq!(found, wanted.map(|(path, message)| (path.to_owned(), message)));
}

#[test]
fn characters_items_and_map_values_are_counted() {
    let spec = json!({ "name": "", "tags": { "k": "" } });
    assert_eq!(
        problems(apigatewayv2::LIMITS, "CreateApiRequest", &spec),
        [
            ("name".to_owned(), "expected 1 to 128 characters, got 0".to_owned()),
            ("tags.k".to_owned(), "expected 1 to 1600 characters, got 0".to_owned()),
        ]
    );
    let records = json!({ "dnsConfig": { "dnsRecords": [{ "type": "SRV", "ttl": -1 }] } });
    assert_eq!(
        problems(servicediscovery::LIMITS, "CreateServiceRequest", &records),
        [("dnsConfig.dnsRecords[0].ttl".to_owned(), "expected 0 to 2147483647, got -1".to_owned())]
    );
}
