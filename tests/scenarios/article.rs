//! The article's stack: created in the fewest calls, silent when it is true.

use std::time::Duration;

use hatoba_aws_model::Call;
use hatoba_tests::{ARTICLE, Harbour};

const TEN_MINUTES: Duration = Duration::from_secs(600);

/// Reads that only wait for something that moves by itself.
fn is_poll(call: &Call, last_write_of: impl Fn(&str) -> Option<Duration>) -> bool {
    let waits_for = match call.operation.as_str() {
        "GetOperation" => return true,
        "GetVpcLinks" => "CreateVpcLink",
        "DescribeServices" => "CreateService",
        _ => return false,
    };
    last_write_of(waits_for).is_some_and(|at| call.at > at)
}

#[tokio::test(start_paused = true)]
async fn the_whole_stack_comes_from_nothing_in_the_fewest_calls() {
    let mut harbour = Harbour::new();
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(Duration::from_secs(60)).await; // what was written is looked at once more

    let calls = harbour.calls();
    let writes: Vec<&Call> = calls.iter().filter(|call| call.write).collect();
    assert_eq!(writes.len(), 8, "{}", harbour.calls_text());
    let at_of =
        |operation: &str| writes.iter().filter(|call| call.operation == operation).map(|call| call.at).max();
    let last_write = writes.iter().map(|call| call.at).max().unwrap();
    let reads: Vec<&Call> = calls.iter().filter(|call| !call.write && !is_poll(call, at_of)).collect();
    let before = reads.iter().filter(|call| call.at <= last_write).count();
    let after = reads.len() - before;
    assert!(before <= 10, "{before} reads before the last write:\n{}", harbour.calls_text());
    assert!(after <= 9, "{after} reads after the last write:\n{}", harbour.calls_text());
    assert!(calls.iter().all(|call| call.status < 400), "no call is refused:\n{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn independent_branches_go_in_parallel() {
    let mut harbour = Harbour::new();
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    let writes = harbour.writes();
    let at =
        |operation: &str| writes.iter().find(|call| call.operation == operation).map(|call| call.at).unwrap();
    let second = Duration::from_secs(1);
    let begun = at("CreateApi").min(at("CreateVpcLink")).min(at("CreatePrivateDnsNamespace"));
    for operation in ["CreateApi", "CreateVpcLink", "CreatePrivateDnsNamespace"] {
        assert!(at(operation) < begun + second, "{operation} waits for nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn what_aws_has_is_what_the_article_says() {
    let mut harbour = Harbour::new();
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;

    let (namespace_id, namespace) = harbour.only("servicediscovery", "namespaces");
    assert_eq!(namespace["Name"], "private.example.com");
    let (_, service) = harbour.only("servicediscovery", "services");
    assert_eq!(service["NamespaceId"], namespace_id.as_str());
    assert_eq!(service["DnsConfig"]["DnsRecords"][0]["Type"], "SRV");
    assert_eq!(service["DnsConfig"]["DnsRecords"][0]["TTL"], 60);
    assert_eq!(service["DnsConfig"]["RoutingPolicy"], "MULTIVALUE");
    assert!(service["HealthCheckCustomConfig"].is_object());
    let (_, ecs) = harbour.only("ecs", "services");
    assert_eq!(ecs["serviceRegistries"][0]["registryArn"], service["Arn"]);
    assert_eq!(ecs["serviceRegistries"][0]["port"], 80);
    assert_eq!(
        ecs["networkConfiguration"]["awsvpcConfiguration"]["subnets"].as_array().map(Vec::len),
        Some(2)
    );
    let (api_id, api) = harbour.only("apigatewayv2", "apis");
    assert_eq!((&api["name"], &api["protocolType"]), (&"crazy-api".into(), &"HTTP".into()));
    let (link_id, link) = harbour.only("apigatewayv2", "vpcLinks");
    assert_eq!(link["name"], "fine-vpc-link");
    let (integration, shown) = harbour.only("apigatewayv2", "integrations");
    assert_eq!(shown["connectionId"], link_id.as_str());
    assert_eq!(shown["integrationUri"], service["Arn"]);
    assert_eq!(
        (&shown["integrationType"], &shown["integrationMethod"]),
        (&"HTTP_PROXY".into(), &"ANY".into())
    );
    let (_, route) = harbour.only("apigatewayv2", "routes");
    assert_eq!(route["routeKey"], "$default");
    assert_eq!(route["target"], format!("integrations/{}", integration.replace(&format!("{api_id}/"), "")));
    let (_, stage) = harbour.only("apigatewayv2", "stages");
    assert_eq!((&stage["stageName"], &stage["autoDeploy"]), (&"$default".into(), &true.into()));
    assert_eq!(harbour.objects("servicediscovery", "instances").len(), 1, "the task has entered itself");

    let url = harbour.status("HttpApi", "crazy-api").outputs["url"].clone();
    assert_eq!(url, format!("https://{api_id}.execute-api.us-east-1.amazonaws.com"));
}

#[tokio::test(start_paused = true)]
async fn a_converged_world_is_never_written_to_and_cheap_to_check() {
    let mut harbour = Harbour::new();
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(Duration::from_secs(240)).await;
    let mut looks_for_authorizers = 0;
    for _ in 0..40 {
        harbour.clear_calls();
        harbour.wait(Duration::from_secs(300)).await;
        let mut calls = harbour.calls();
        let all = calls.len();
        calls.retain(|call| call.operation != "GetAuthorizers");
        looks_for_authorizers += all - calls.len();
        assert!(calls.iter().all(|call| !call.write), "{}", harbour.calls_text());
        // One of them is for the security groups in the chain.
        assert!((1..=10).contains(&calls.len()), "{} calls:\n{}", calls.len(), harbour.calls_text());
    }
    assert_eq!(looks_for_authorizers, 3, "once an hour");
    assert!(harbour.is_converged(), "{}", harbour.describe());
}

#[tokio::test(start_paused = true)]
async fn a_restart_writes_nothing() {
    let mut harbour = Harbour::new();
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    harbour.clear_calls();
    harbour.kill_and_restart(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(TEN_MINUTES).await;
    assert_eq!(harbour.writes().len(), 0, "{}", harbour.calls_text());
}
