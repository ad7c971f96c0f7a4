//! What Terraform's AWS provider asks to make the article's chain and to plan again: every call of its refresh, and
//! what it made reads back equal, so that its next plan is empty.

use crate::testing::Caller;
use crate::{Request, Response};
use serde_json::{Value, json};

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What was sent and does not read back.
fn lost(sent: &Value, read: &Value) -> Vec<String> {
    let Value::Object(sent) = sent else {
        return if sent == read { Vec::new() } else { vec![format!("{sent} became {read}")] };
    };
    sent.iter()
        .flat_map(|(name, value)| {
            lost(value, &read[name]).into_iter().map(move |what| format!("{name}: {what}"))
        })
        .collect()
}

fn ec2(aws: &mut Caller, query: &str) -> String {
    let request = Request {
        method: "POST".to_owned(),
        uri: "/".to_owned(),
        headers: Vec::new(),
        body: query.as_bytes().to_vec(),
    };
    let Response { status, body, .. } = aws.send(&request);
    let xml = String::from_utf8(body).unwrap_or_default();
    assert_eq!(status, 200, "{query}: {xml}");
    xml
}

/// Cloud Map and ECS as the provider makes them; gives the ARN of the Cloud Map service.
fn make_service(aws: &mut Caller) -> String {
    let vpc = "vpc-0a1b2c3d4e5f60718";
    for query in [
        "Action=GetCallerIdentity&Version=2011-06-15".to_owned(),
        "Action=DescribeVpcs&Filter.1.Name=tag%3AName&Filter.1.Value.1=awesome-vpc".to_owned(),
        format!("Action=DescribeVpcAttribute&Attribute=enableDnsHostnames&VpcId={vpc}"),
        format!("Action=DescribeVpcAttribute&Attribute=enableDnsSupport&VpcId={vpc}"),
        format!("Action=DescribeVpcAttribute&Attribute=enableNetworkAddressUsageMetrics&VpcId={vpc}"),
        format!(
            "Action=DescribeRouteTables&Filter.1.Name=association.main&Filter.1.Value.1=true&Filter.2.Name=vpc-id&Filter.2.Value.1={vpc}"
        ),
        format!(
            "Action=DescribeSubnets&Filter.1.Name=tag%3ATier&Filter.1.Value.1=private&Filter.2.Name=vpc-id&Filter.2.Value.1={vpc}"
        ),
        "Action=DescribeSecurityGroups&Filter.1.Name=tag%3AName&Filter.1.Value.1=great-sg".to_owned(),
    ] {
        // One of each: the provider stops at none and at several.
        assert!(ec2(aws, &query).contains("</"), "{query}");
    }
    let namespace = aws.namespace("private.example.com");
    let read = aws.map("GetNamespace", json!({"Id": namespace}))["Namespace"].clone();
    assert_eq!((&read["Name"], &read["Type"]), (&json!("private.example.com"), &json!("DNS_PRIVATE")));
    assert!(!text(&read["Properties"]["DnsProperties"]["HostedZoneId"]).is_empty(), "{read}");
    aws.map("ListTagsForResource", json!({"ResourceARN": read["Arn"]}));
    let sent = json!({
        "Name": "great-service-discovery", "CreatorRequestId": "terraform-1",
        "DnsConfig": {"NamespaceId": namespace, "RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "SRV", "TTL": 60}]},
        "HealthCheckCustomConfig": {"FailureThreshold": 1},
    });
    let id = aws.map("CreateService", sent.clone())["Service"]["Id"].clone();
    let read = aws.map("GetService", json!({"Id": id}))["Service"].clone();
    assert_eq!(lost(&sent, &read), [""; 0]);
    aws.map("ListTagsForResource", json!({"ResourceARN": read["Arn"]}));
    text(&read["Arn"])
}

fn make_tasks(aws: &mut Caller, registry: &str) {
    aws.ecs("CreateCluster", json!({"clusterName": "tf"}));
    let read = aws.ecs(
        "DescribeClusters",
        json!({"clusters": ["tf"], "include": ["TAGS", "SETTINGS", "CONFIGURATIONS"]}),
    );
    assert_eq!(read["clusters"][0]["status"], "ACTIVE");
    let sent = json!({
        "family": "tf-task", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "web", "image": "nginx:1.27", "essential": true, "portMappings": [{"containerPort": 80}]}],
    });
    let definition =
        aws.ecs("RegisterTaskDefinition", sent.clone())["taskDefinition"]["taskDefinitionArn"].clone();
    let asked = json!({"taskDefinition": definition, "include": ["TAGS"]});
    let read = aws.ecs("DescribeTaskDefinition", asked)["taskDefinition"].clone();
    for name in ["family", "networkMode", "cpu", "memory", "requiresCompatibilities"] {
        assert_eq!(read[name], sent[name], "{name}");
    }
    let sent = json!({
        "cluster": "tf", "serviceName": "great-service", "clientToken": "terraform-2", "taskDefinition": definition,
        "desiredCount": 1, "launchType": "FARGATE", "schedulingStrategy": "REPLICA", "enableECSManagedTags": false,
        "enableExecuteCommand": false, "deploymentController": {"type": "ECS"},
        "deploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 100},
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"}},
        "serviceRegistries": [{"registryArn": registry, "port": 80}],
    });
    aws.ecs("CreateService", sent.clone());
    let asked = json!({"cluster": "tf", "services": ["great-service"], "include": ["TAGS"]});
    let read = aws.ecs("DescribeServices", asked)["services"][0].clone();
    assert_eq!(read["status"], "ACTIVE");
    let mut kept = sent;
    for name in ["cluster", "clientToken"] {
        kept[name] = read[name].clone(); // the provider reads the cluster from its ARN, and the token never
    }
    assert_eq!(lost(&kept, &read), [""; 0]);
}

#[test]
fn what_terraform_makes_reads_back_equal() {
    let mut aws = Caller::instant();
    let registry = make_service(&mut aws);
    make_tasks(&mut aws, &registry);
    let link = json!({
        "name": "fine-vpc-link", "subnetIds": ["subnet-0aa11bb22cc33dd44"], "securityGroupIds": ["sg-0123456789abcdef0"],
    });
    let api = json!({"name": "crazy-api", "protocolType": "HTTP"});
    let link_id = text(&aws.rest_ok("POST", "/v2/vpclinks", link.clone())["vpcLinkId"]);
    let api_id = text(&aws.rest_ok("POST", "/v2/apis", api.clone())["apiId"]);
    let base = format!("/v2/apis/{api_id}");
    let integration = json!({
        "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "connectionType": "VPC_LINK", "connectionId": link_id,
        "integrationUri": registry, "payloadFormatVersion": "1.0",
    });
    let made = aws.rest_ok("POST", &format!("{base}/integrations"), integration.clone());
    let integration_id = text(&made["integrationId"]);
    let route = json!({
        "routeKey": "$default", "target": format!("integrations/{integration_id}"), "authorizationType": "NONE",
        "apiKeyRequired": false,
    });
    let route_id = text(&aws.rest_ok("POST", &format!("{base}/routes"), route.clone())["routeId"]);
    let deployment = text(&aws.rest_ok("POST", &format!("{base}/deployments"), json!({}))["deploymentId"]);
    let stage = json!({"stageName": "$default", "autoDeploy": true});
    aws.rest_ok("POST", &format!("{base}/stages"), stage.clone());

    for (path, sent) in [
        (format!("/v2/vpclinks/{link_id}"), link),
        (base.clone(), api),
        (format!("{base}/integrations/{integration_id}"), integration),
        (format!("{base}/routes/{route_id}"), route),
        (
            format!("{base}/deployments/{deployment}"),
            json!({"deploymentStatus": "DEPLOYED", "autoDeployed": false}),
        ),
        (format!("{base}/stages/%24default"), stage),
    ] {
        let read = aws.rest_ok("GET", &path, Value::Null);
        assert_eq!(lost(&sent, &read), [""; 0], "{path}");
    }
    let tags = aws.rest_ok(
        "GET",
        &format!("/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{api_id}"),
        Value::Null,
    );
    assert_eq!(tags["tags"], json!({}));
}
