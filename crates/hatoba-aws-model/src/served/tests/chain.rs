use super::{Site, header, text};
use crate::testing::Caller;
use crate::{Request, Response};
use serde_json::{Value, json};

#[test]
fn a_request_reaches_the_task_through_every_hop() {
    let mut site = Site::open();
    let response = site.send("POST", "/orders/7?a=1&b=2&a=3", &[("x-colour", "red")], "hello");
    assert_eq!(response.status, 200);
    assert!(header(&response, "apigw-requestid").is_some());
    let body = response.json();
    assert_eq!(
        (&body["method"], &body["path"], &body["body"]),
        (&json!("POST"), &json!("/orders/7"), &json!("hello"))
    );
    assert_eq!(body["query"], json!({"a": ["1", "3"], "b": "2"}));
    assert_eq!(body["headers"]["x-colour"], "red");
    let by = &body["servedBy"];
    assert_eq!((&by["cluster"], &by["service"]), (&json!("main"), &json!("web")));
    assert_eq!(by["taskDefinition"], "great-task:1");
    let tasks = site.aws.ecs("ListTasks", json!({"cluster": "main"}));
    assert!(text(&tasks["taskArns"][0]).ends_with(&text(&by["task"])), "{by}");
    assert!(text(&by["address"]).ends_with(":80"), "{by}");
}

#[test]
fn requests_are_spread_over_the_tasks() {
    let mut site = Site::open();
    site.aws.ecs("UpdateService", json!({"cluster": "main", "service": "web", "desiredCount": 3}));
    let tasks: std::collections::BTreeSet<String> =
        (0..6).map(|_| text(&site.get("/").json()["servedBy"]["task"])).collect();
    assert_eq!(tasks.len(), 3);
}

#[test]
fn the_api_is_found_by_host_and_by_path() {
    let mut site = Site::open();
    let api = site.api.clone();
    for (uri, host) in [
        (format!("https://{api}.execute-api.us-east-1.amazonaws.com/a"), None),
        ("/a".to_owned(), Some(format!("{api}.execute-api.localhost:4566"))),
        (format!("/_aws/execute-api/{api}/a"), Some("127.0.0.1:4566".to_owned())),
        (format!("/_aws/execute-api/{api}/$default/a"), None),
        (format!("/_aws/execute-api/{api}/%24default/a"), None),
    ] {
        let headers = host.into_iter().map(|host| ("host".to_owned(), host)).collect();
        let request = Request { method: "GET".to_owned(), uri: uri.clone(), headers, body: Vec::new() };
        // Also through the door of AWS's own services, where the loopback server sends everything.
        let now = site.aws.now;
        assert_eq!(site.aws.world.handle(&request, now).json()["path"], "/a", "{uri}");
    }
    assert_eq!(site.aws.world.log().iter().filter(|call| call.operation == "Unknown").count(), 0);
    let nobody = Request { method: "GET".to_owned(), uri: "/v2/apis".to_owned(), ..Request::default() };
    let now = site.aws.now;
    assert_eq!(site.aws.world.invoke(&nobody, now).status, 404);
}

fn down(response: &Response) -> bool {
    response.status == 503 && response.json() == json!({"message": "Service Unavailable"})
}

#[test]
fn a_link_serves_only_while_available() {
    let mut site = Site::chain(Caller::realistic());
    site.route(json!({"routeKey": "$default"}));
    site.stage(json!({"stageName": "$default", "autoDeploy": true}));
    site.aws.wait(5);
    assert_eq!(site.get("/").status, 200);
    // Traffic wakes an idle link, and has to wait for it.
    let link = site.link.clone();
    assert!(site.aws.world.idle_vpc_link(&link));
    assert!(down(&site.get("/")) && down(&site.get("/")));
    site.aws.wait(100);
    assert_eq!(site.get("/").status, 200);
    // What is deployed still leads through the old link while it is being deleted.
    let fresh = site.aws.rest_ok("POST", "/v2/vpclinks", json!({"name": "b", "subnetIds": ["subnet-1"]}));
    site.aws.wait(1);
    site.integrate(json!({"connectionId": fresh["vpcLinkId"]}));
    site.aws.rest_ok("DELETE", &format!("/v2/vpclinks/{link}"), Value::Null);
    assert!(down(&site.get("/")), "the deleted link is still deployed");
    site.aws.wait(10);
    assert!(down(&site.get("/")), "the new link is pending");
    site.aws.wait(100);
    assert_eq!(site.get("/").status, 200);
}

#[test]
fn there_must_be_a_healthy_instance_with_a_port() {
    let mut site = Site::open();
    site.aws.ecs("UpdateService", json!({"cluster": "main", "service": "web", "desiredCount": 0}));
    assert!(down(&site.get("/")), "no instance");
    let service = site.aws.map("ListServices", json!({}))["Services"][0]["Id"].clone();
    let register = |site: &mut Site, health: &str| {
        let attributes = json!({
            "AWS_INSTANCE_IPV4": "10.0.9.9", "AWS_INSTANCE_PORT": "8080", "AWS_INIT_HEALTH_STATUS": health, "zone": "b",
        });
        site.aws.map(
            "RegisterInstance",
            json!({"ServiceId": service, "InstanceId": "hand", "CreatorRequestId": health, "Attributes": attributes}),
        );
    };
    register(&mut site, "UNHEALTHY");
    assert!(down(&site.get("/")), "no healthy instance");
    register(&mut site, "HEALTHY");
    assert_eq!(site.get("/").json()["servedBy"], json!({"address": "10.0.9.9:8080", "instance": "hand"}));
    // The URI's query chooses among the instances.
    let arn = text(&site.aws.map("GetService", json!({"Id": service}))["Service"]["Arn"]);
    site.integrate(json!({"integrationUri": format!("{arn}?zone=a")}));
    assert!(down(&site.get("/")), "no instance in the zone");
    site.integrate(json!({"integrationUri": format!("{arn}?zone=b")}));
    assert_eq!(site.get("/").status, 200);
}

#[test]
fn a_task_that_has_stopped_answers_nothing_until_it_is_out_of_cloud_map() {
    let mut site = Site::chain(Caller::realistic());
    site.route(json!({"routeKey": "$default"}));
    site.stage(json!({"stageName": "$default", "autoDeploy": true}));
    site.aws.wait(5);
    site.aws.ecs("UpdateService", json!({"cluster": "main", "service": "web", "desiredCount": 0}));
    assert_eq!(site.get("/").status, 200, "still going down");
    site.aws.wait(31);
    let service = site.aws.map("ListServices", json!({}))["Services"][0]["Id"].clone();
    let instances = site.aws.map("ListInstances", json!({"ServiceId": service}));
    assert_eq!(instances["Instances"].as_array().map(Vec::len), Some(1));
    assert!(down(&site.get("/")));
}

#[test]
fn a_records_have_no_port_and_so_no_way_in() {
    let mut aws = Caller::instant();
    let namespace = aws.namespace("a.example.com");
    let asked = json!({"Name": "a", "NamespaceId": namespace, "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 60}]}});
    let arn = aws.map("CreateService", asked)["Service"]["Arn"].clone();
    let service = json!({
        "cluster": "main", "serviceName": "a", "taskDefinition": "great-task:1", "desiredCount": 1,
        "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "serviceRegistries": [{"registryArn": arn}],
    });
    aws.ecs("CreateService", service);
    let mut site = Site::chain(aws);
    site.integrate(json!({"integrationUri": arn}));
    site.route(json!({"routeKey": "$default"}));
    site.stage(json!({"stageName": "$default", "autoDeploy": true}));
    assert!(down(&site.get("/")));
}

#[test]
fn other_back_ends_are_named_not_called() {
    let mut site = Site::open();
    let api = site.api.clone();
    let public = site.aws.integration(&api);
    site.route(json!({"routeKey": "GET /public/{id}", "target": format!("integrations/{public}")}));
    site.write(
        "PATCH",
        &format!("/integrations/{public}"),
        json!({"integrationUri": "https://example.com/x/{id}"}),
    );
    let body = site.get("/public/7?q=1").json();
    assert_eq!((&body["reached"], &body["url"]), (&json!("the internet"), &json!("https://example.com/x/7")));
    let lambda = json!({
        "integrationType": "AWS_PROXY", "payloadFormatVersion": "2.0",
        "integrationUri": "arn:aws:lambda:us-east-1:123456789012:function:f",
    });
    let lambda = text(&site.write("POST", "/integrations", lambda)["integrationId"]);
    site.route(json!({"routeKey": "GET /lambda", "target": format!("integrations/{lambda}")}));
    let body = site.get("/lambda").json();
    assert_eq!((&body["reached"], &body["event"]["rawPath"]), (&json!("Lambda"), &json!("/lambda")));
    let queue = json!({
        "integrationType": "AWS_PROXY", "integrationSubtype": "SQS-SendMessage", "payloadFormatVersion": "1.0",
        "credentialsArn": "arn:aws:iam::123456789012:role/r",
        "requestParameters": {"QueueUrl": "https://sqs/q", "MessageBody": "$request.body.text"},
    });
    let queue = text(&site.write("POST", "/integrations", queue)["integrationId"]);
    site.route(json!({"routeKey": "POST /queue", "target": format!("integrations/{queue}")}));
    let sent = site.send("POST", "/queue", &[], "{\"text\": \"hi\"}");
    let xml = String::from_utf8(sent.body).unwrap();
    assert!(sent.status == 200 && xml.contains("<MessageId>"), "{xml}");
    assert_eq!(site.send("POST", "/queue", &[], "{}").status, 400, "nothing to send");
}
