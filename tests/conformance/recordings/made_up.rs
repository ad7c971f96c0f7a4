//! Answers that AWS never gave, one for each kind, full of the members that we manage: they prove that the replay
//! sees a member that is lost.

use hatoba_core::{normalise, path};
use hatoba_kinds::KindId;
use serde_json::{Value, json};

use super::members::{documented, lost};
use super::replay::Replay;
use super::sorts::{self, Sort};
use super::{guarded, odd};

/// One resource of every kind that there is.
pub(super) fn resources() -> Vec<(KindId, &'static Sort, Value)> {
    let made_up = |kind: &KindId| {
        let name = kind.table().kind;
        let sort = sorts::of_kind(name)?;
        Some((*kind, sort, resource(name)?))
    };
    KindId::ALL.iter().filter_map(made_up).collect()
}

fn resource(kind: &str) -> Option<Value> {
    Some(match kind {
        "HttpApi" => json!({
            "apiId": "a1", "name": "made-up", "protocolType": "HTTP", "description": "made up", "version": "7",
            "apiEndpoint": "https://a1.example.com", "createdDate": "2026-01-01T00:00:00Z",
            "disableExecuteApiEndpoint": true, "ipAddressType": "dualstack", "tags": { "team": "web" },
            "routeSelectionExpression": "$request.method $request.path",
            "corsConfiguration": {
                "allowCredentials": true, "allowHeaders": ["x-a"], "allowMethods": ["GET"],
                "allowOrigins": ["https://a.example.com"], "exposeHeaders": ["x-b"], "maxAge": 60,
            },
        }),
        "VpcLink" => json!({
            "vpcLinkId": "l1", "name": "made-up", "subnetIds": ["subnet-2", "subnet-1"],
            "securityGroupIds": ["sg-1"], "vpcLinkStatus": "AVAILABLE", "vpcLinkVersion": "V2", "tags": {},
        }),
        "Integration" => json!({
            "integrationId": "i1", "integrationType": "HTTP_PROXY", "integrationMethod": "ANY",
            "connectionType": "VPC_LINK", "connectionId": "l1", "integrationUri": "arn:aws:servicediscovery:x:1:service/s",
            "payloadFormatVersion": "1.0", "timeoutInMillis": 5000, "description": "made up",
            "credentialsArn": "arn:aws:iam::123456789012:role/a", "requestParameters": { "append:header.a": "b" },
            "responseParameters": { "500": { "overwrite:statuscode": "503" } },
            "tlsConfig": { "serverNameToVerify": "a.example.com" },
        }),
        "Route" => json!({
            "routeId": "r1", "routeKey": "GET /a", "target": "integrations/i1", "authorizationType": "AWS_IAM",
            "operationName": "list", "apiKeyRequired": false,
        }),
        "Stage" => json!({
            "stageName": "blue", "autoDeploy": true, "description": "made up", "stageVariables": { "a": "b" },
            "accessLogSettings": { "destinationArn": "arn:aws:logs:x:1:log-group:a", "format": "$context.requestId" },
            "defaultRouteSettings": {
                "detailedMetricsEnabled": true, "throttlingBurstLimit": 5, "throttlingRateLimit": 1.5,
            },
            "routeSettings": { "GET /a": { "throttlingBurstLimit": 7 } }, "tags": {}, "deploymentId": "d1",
        }),
        "Authorizer" => json!({
            "authorizerId": "z1", "name": "made-up", "authorizerType": "JWT",
            "identitySource": ["$request.header.X-Token"],
            "jwtConfiguration": { "audience": ["web"], "issuer": "https://issuer.example.com" },
        }),
        "DomainName" => json!({
            "domainName": "a.example.com", "apiMappingSelectionExpression": "$request.basepath", "tags": {},
            "domainNameConfigurations": [{
                "certificateArn": "arn:aws:acm:x:1:certificate/c", "endpointType": "REGIONAL",
                "securityPolicy": "TLS_1_2", "ipAddressType": "dualstack", "domainNameStatus": "AVAILABLE",
                "apiGatewayDomainName": "d-1.example.com", "hostedZoneId": "Z1",
            }],
            "mutualTlsAuthentication": { "truststoreUri": "s3://a/b.pem", "truststoreVersion": "1" },
            "routingMode": "API_MAPPING_ONLY",
        }),
        "ApiMapping" => {
            json!({ "apiMappingId": "m1", "apiId": "a1", "stage": "blue", "apiMappingKey": "a/v1" })
        }
        "EcsService" => json!({
            "serviceName": "made-up", "serviceArn": "arn:aws:ecs:us-east-1:123456789012:service/main/made-up",
            "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/main", "status": "ACTIVE",
            "taskDefinition": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7",
            "desiredCount": 3, "runningCount": 3, "pendingCount": 0, "launchType": "FARGATE",
            "platformVersion": "1.4.0", "schedulingStrategy": "REPLICA",
            "networkConfiguration": { "awsvpcConfiguration": {
                "subnets": ["subnet-2", "subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED",
            } },
            "serviceRegistries": [{ "registryArn": "arn:aws:servicediscovery:x:1:service/s", "port": 80 }],
            "healthCheckGracePeriodSeconds": 30, "enableExecuteCommand": true, "enableECSManagedTags": true,
            "propagateTags": "SERVICE", "tags": [{ "key": "team", "value": "web" }],
            "deployments": [{
                "status": "PRIMARY", "taskDefinition": "web:7", "desiredCount": 3, "runningCount": 3,
                "rolloutState": "COMPLETED",
            }],
        }),
        "EcsCluster" => json!({
            "clusterName": "made-up", "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/made-up",
            "status": "ACTIVE", "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
            "settings": [{ "name": "containerInsights", "value": "enabled" }],
            "defaultCapacityProviderStrategy": [{ "capacityProvider": "FARGATE", "weight": 1, "base": 2 }],
        }),
        "EcsTaskDefinition" => json!({
            "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/made-up:3",
            "family": "made-up", "revision": 3, "status": "ACTIVE", "cpu": "256", "memory": "512",
            "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "taskRoleArn": "arn:aws:iam::123456789012:role/a",
            "containerDefinitions": [{
                "name": "web", "image": "nginx:1.27", "essential": true, "command": ["nginx"],
                "environment": [{ "name": "A", "value": "b" }],
                "portMappings": [{ "containerPort": 80, "protocol": "tcp" }],
                "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "a" } },
            }],
            "volumes": [{ "name": "data", "host": { "sourcePath": "/data" } }],
        }),
        "PrivateDnsNamespace" => json!({
            "Id": "ns-1", "Arn": "arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-1",
            "Name": "made-up.example.com", "Type": "DNS_PRIVATE", "Description": "made up",
            "Properties": { "DnsProperties": { "HostedZoneId": "Z1", "SOA": { "TTL": 60 } } },
        }),
        "HttpNamespace" => json!({
            "Id": "ns-2", "Arn": "arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-2",
            "Name": "made-up", "Type": "HTTP", "Description": "made up",
            "Properties": { "HttpProperties": { "HttpName": "made-up" } },
        }),
        "DiscoveryService" => json!({
            "Id": "srv-1", "Arn": "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1",
            "Name": "made-up", "NamespaceId": "ns-1", "Description": "made up", "Type": "DNS_HTTP",
            "DnsConfig": { "RoutingPolicy": "WEIGHTED", "DnsRecords": [{ "Type": "SRV", "TTL": 60 }] },
            "HealthCheckCustomConfig": { "FailureThreshold": 1 },
        }),
        _ => return None,
    })
}

#[tokio::test]
async fn made_up_answers_lose_nothing() {
    for (kind, sort, resource) in resources() {
        let replay = Replay::new(kind, sort, &resource);
        assert_eq!(guarded(replay.clone()).await, [""; 0], "{}", kind.table().kind);
        assert_eq!(odd::survives(&replay).await, [""; 0], "{}", kind.table().kind);
    }
}

#[test]
fn every_kind_has_a_made_up_answer() {
    for kind in KindId::ALL {
        let is_here = resources().iter().any(|(made_up, ..)| made_up == kind);
        assert!(is_here, "{}: no answer of AWS's for it in recordings/made_up.rs", kind.table().kind);
    }
}

/// A decoder that loses one member: whichever it is, the replay says so.
#[tokio::test]
async fn a_member_that_is_lost_when_read_is_named() {
    let mut named = 0;
    for (kind, sort, resource) in resources() {
        let told = normalise(kind.table(), documented(kind, &resource));
        for field in kind.table().fields {
            let is_name = kind.table().name_member == Some(field.path);
            if path::get_member(&told, field.path).is_none() || is_name {
                continue;
            }
            let mut shown = resource.clone();
            assert!(
                take(&mut shown, field.path),
                "{} {} stands in the answer",
                kind.table().kind,
                field.path
            );
            let crippled = Replay { shown: Some(shown), ..Replay::new(kind, sort, &resource) };
            let wrong = guarded(crippled).await;
            let says = format!("lost when read: {} {}: ", kind.table().kind, field.path);
            assert!(wrong.iter().any(|line| line.starts_with(&says)), "{says}{wrong:?}");
            named += 1;
        }
    }
    assert!(named > 30, "only {named} members were tried");
}

/// Takes a member out of an answer, by the documents' name for it.
fn take(wire: &mut Value, path: &str) -> bool {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(members) = wire.as_object_mut() else { return false };
    let Some(name) = members.keys().find(|name| name.eq_ignore_ascii_case(first)).cloned() else {
        return false;
    };
    match rest {
        "" => members.remove(&name).is_some(),
        rest => members.get_mut(&name).is_some_and(|inner| take(inner, rest)),
    }
}

/// A member deep inside a structure counts as much as a whole one.
#[test]
fn a_member_deep_inside_is_named() {
    let (kind, _, resource) =
        resources().into_iter().find(|(kind, ..)| kind.table().kind == "HttpApi").unwrap();
    let told = documented(kind, &resource);
    let mut kept = Value::Object(told.clone());
    path::take(&mut kept, "corsConfiguration.maxAge");
    let kept = kept.as_object().cloned().unwrap();
    let lost = lost(kind.table(), &told, &kept);
    assert!(lost.len() == 1 && lost[0].starts_with("HttpApi corsConfiguration: "), "{lost:?}");
}
