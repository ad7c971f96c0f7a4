//! `Serving`: the first broken hop is named, the world agrees, and the look costs nothing while all is well.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_core::Truth;
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::json;

/// The resync is 5 minutes; following the chains takes a moment.
const RESYNC: Duration = Duration::from_secs(320);
const HALF_AN_HOUR: Duration = Duration::from_secs(1800);
/// A drain takes the model half a minute.
const SOON: Duration = Duration::from_secs(60);

/// The article, with drift only shown and the number of tasks left to others.
fn watched() -> String {
    let counted = ARTICLE.replace("  desiredCount: 1\n", "  desiredCount: 1\n# policy\n");
    let policy = |fields: &str| format!("policy: {{ drift: Report{fields} }}\n");
    let mut documents = Vec::new();
    for document in counted.split("\n---\n") {
        let is_service = document.contains("kind: EcsService");
        let fields = if is_service { ", fields: { desiredCount: ignore }" } else { "" };
        documents.push(format!("{}\n{}", document.trim_end(), policy(fields)));
    }
    documents.join("---\n")
}

/// The whole chain from one short document.
const ORDERS: &str = "\
apiVersion: hatoba/v1
kind: HttpService
metadata: { name: orders }
spec:
  namespace: private.example.com
  network:
    vpcSelector: { tags: { Name: awesome-vpc } }
    subnetSelector: { tags: { Tier: private } }
    securityGroupSelector: { tags: { Name: great-sg } }
  service: { cluster: main, taskDefinition: \"great-task:1\", desiredCount: 1, port: 80 }
  api:
    routes: [{ routeKey: $default }]
";

fn serving(harbour: &Harbour) -> (Truth, String, String) {
    let serving = harbour.status("Route", "default-route").serving.expect("a route shows Serving");
    (serving.status, serving.reason.as_str().to_owned(), serving.message)
}

fn assert_broken(harbour: &Harbour, reason: &str, hop: &str) {
    let (truth, said, message) = serving(harbour);
    assert_eq!((truth, said.as_str()), (Truth::False, reason), "{message}");
    assert!(message.starts_with(hop), "{message} does not begin with {hop}");
}

fn id(harbour: &Harbour, collection: &str) -> String {
    harbour.only("apigatewayv2", collection).0.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_converged_chain_serves_and_looking_on_costs_no_call() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let (truth, reason, message) = serving(&harbour);
    assert_eq!((truth, reason.as_str()), (Truth::True, "Serving"), "{message}");
    assert_eq!(harbour.invoke("/").status, 200);
    harbour.wait(RESYNC).await;
    harbour.clear_calls();
    harbour.wait(HALF_AN_HOUR).await;
    for operation in ["GetInstancesHealthStatus", "DiscoverInstances", "ListInstances"] {
        assert_eq!(harbour.count(operation), (0, 0), "{operation}\n{}", harbour.calls_text());
    }
    let chain = &harbour.engine.picture().documents[&"Route/default-route".parse().unwrap()].chain;
    let labels: Vec<&str> = chain.iter().map(|hop| hop.label).collect();
    let whole = [
        "API",
        "stage",
        "route",
        "integration",
        "VPC link",
        "security groups",
        "Cloud Map service",
        "ECS tasks",
    ];
    assert_eq!(labels, whole);
}

#[tokio::test(start_paused = true)]
async fn an_idle_link_is_the_broken_hop() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let link = harbour.only("apigatewayv2", "vpcLinks").0;
    assert!(harbour.world().idle_vpc_link(&link));
    harbour.wait(RESYNC).await;
    assert_broken(&harbour, "LinkInactive", "VpcLink/fine-vpc-link: ");
}

#[tokio::test(start_paused = true)]
async fn no_tasks_are_the_broken_hop_and_their_return_mends_it() {
    let harbour = Harbour::converged(Options::default(), &watched()).await;
    let scale = |count: u32| {
        let body = json!({ "cluster": "main", "service": "great-service", "desiredCount": count });
        Request::json("ecs", "UpdateService", &body)
    };
    harbour.meddle(&scale(0)).await;
    harbour.wait(RESYNC + SOON).await;
    assert_broken(&harbour, "ZeroTasks", "EcsService/great-service: ");
    assert_ne!(harbour.invoke("/").status, 200, "the world agrees");
    harbour.meddle(&scale(1)).await;
    harbour.wait(RESYNC + RESYNC).await;
    let (truth, _, message) = serving(&harbour);
    assert_eq!((truth, harbour.invoke("/").status), (Truth::True, 200), "{message}");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_gone_while_its_task_runs_is_asked_for_once_in_a_while() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let service = harbour.only("servicediscovery", "services").0;
    let all = harbour
        .meddle(&Request::json("servicediscovery", "ListInstances", &json!({ "ServiceId": service })))
        .await;
    let instance = all["Instances"][0]["Id"].clone();
    let body = json!({ "ServiceId": service, "InstanceId": instance });
    harbour.meddle(&Request::json("servicediscovery", "DeregisterInstance", &body)).await;
    harbour.wait(RESYNC).await;
    assert_broken(
        &harbour,
        "NoHealthyInstance",
        "DiscoveryService/great-service-discovery: no instance is registered, and 1 task runs",
    );
    assert_ne!(harbour.invoke("/").status, 200, "the world agrees");
    let since = |harbour: &Harbour| {
        harbour.status("Route", "default-route").serving.map(|serving| serving.last_transition_time)
    };
    let before = since(&harbour);
    harbour.clear_calls();
    harbour.wait(Duration::from_secs(120)).await;
    assert_eq!(since(&harbour), before, "it stays broken while it is asked for anew");
    let (asked, _) = harbour.count("GetInstancesHealthStatus");
    assert!((1..=10).contains(&asked), "{asked} questions in two minutes\n{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_route_that_leads_elsewhere_and_a_stage_that_is_gone_are_named() {
    let harbour = Harbour::converged(Options::default(), &watched()).await;
    let (api, route) = (id(&harbour, "apis"), id(&harbour, "routes"));
    let other = json!({
        "integrationType": "HTTP_PROXY", "integrationMethod": "GET", "integrationUri": "https://example.com",
        "payloadFormatVersion": "1.0",
    });
    let other = harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{api}/integrations"), &other)).await;
    let target = format!("integrations/{}", other["integrationId"].as_str().unwrap());
    let body = json!({ "target": target });
    harbour.meddle(&Request::rest("PATCH", &format!("/v2/apis/{api}/routes/{route}"), &body)).await;
    harbour.wait(RESYNC).await;
    assert_broken(&harbour, "LeadsElsewhere", "Route/default-route: ");
    harbour.meddle(&Request::rest("DELETE", &format!("/v2/apis/{api}/stages/%24default"), &json!({}))).await;
    harbour.wait(RESYNC).await;
    let (truth, _, message) = serving(&harbour);
    assert_eq!(truth, Truth::False);
    assert!(message.starts_with("Stage/default-stage: "), "{message}");
    assert_eq!(harbour.invoke("/").status, 404);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_at_is_unknown_and_not_broken() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    harbour.world().faults().deny("GetVpcLinks");
    harbour.wait(RESYNC).await;
    let (truth, _, message) = serving(&harbour);
    assert_eq!(truth, Truth::Unknown, "{message}");
    assert!(message.starts_with("VpcLink/fine-vpc-link: "), "{message}");
    harbour.world().faults().allow("GetVpcLinks");
    harbour.wait(RESYNC).await;
    assert_eq!(serving(&harbour).0, Truth::True);
}

#[tokio::test(start_paused = true)]
async fn a_roll_out_that_fails_is_named_on_the_document_that_asks_for_the_whole_chain() {
    for (rollback, reason) in [("false", "RolloutFailed"), ("true", "RolledBack")] {
        let breaker = format!("deploymentCircuitBreaker: {{ enable: true, rollback: {rollback} }}");
        let breaker = format!("deploymentConfiguration: {{ {breaker} }}, port: 80 }}");
        let document = ORDERS.replace("port: 80 }", &breaker);
        let harbour = Harbour::converged(Options::default(), &document).await;
        let serving = || harbour.status("HttpService", "orders").serving.expect("it has routes");
        assert_eq!(serving().status, Truth::True, "{}", serving().message);
        harbour.world().faults().rollout_fails("CannotPullContainerError");
        harbour.documents(&document.replace("great-task:1", "great-task:2"));
        harbour.wait(HALF_AN_HOUR).await;
        let serving = serving();
        assert_eq!((serving.status, serving.reason.as_str()), (Truth::False, reason), "{}", serving.message);
        assert!(
            serving.message.starts_with("Route/orders.default: EcsService/orders: "),
            "{}",
            serving.message
        );
    }
}

/// The one group of the link and of the tasks, which lets its own members in.
const GREAT_SG: &str = "sg-0123456789abcdef0";

/// A change of a group's rules by hand.
fn rules(action: &str, permission: &str) -> Request {
    let body = format!("Action={action}&Version=2016-11-15&GroupId={GREAT_SG}&{permission}");
    Request { method: "POST".to_owned(), uri: "/".to_owned(), headers: Vec::new(), body: body.into_bytes() }
}

/// What a permission is for: TCP on these ports.
fn tcp(ports: (u16, u16), peer: &str) -> String {
    let (from, to) = ports;
    format!(
        "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort={from}&IpPermissions.1.ToPort={to}\
         &IpPermissions.1.{peer}"
    )
}

const OWN: &str = "Groups.1.GroupId=sg-0123456789abcdef0";

/// The article, whose group lets nobody in any more.
async fn shut() -> Harbour {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let all = format!("IpPermissions.1.IpProtocol=-1&IpPermissions.1.{OWN}");
    harbour.meddle(&rules("RevokeSecurityGroupIngress", &all)).await;
    harbour.wait(RESYNC).await;
    harbour
}

#[tokio::test(start_paused = true)]
async fn security_groups_that_let_nobody_in_are_the_broken_hop_and_a_rule_mends_it() {
    let harbour = shut().await;
    assert_broken(
        &harbour,
        "NoIngressRule",
        &format!("security groups {GREAT_SG}: no ingress rule lets {GREAT_SG} in"),
    );
    assert!(serving(&harbour).2.ends_with("on TCP port 80"), "{}", serving(&harbour).2);
    assert_eq!(harbour.invoke("/").status, 503, "the world agrees");
    let chain = harbour.engine.picture().documents[&"Route/default-route".parse().unwrap()].chain.clone();
    let labels: Vec<&str> = chain.iter().map(|hop| hop.label).collect();
    let at = labels.iter().position(|label| *label == "security groups").unwrap();
    assert_eq!((labels[at - 1], labels[at + 1]), ("VPC link", "Cloud Map service"));

    // Another port does not help, and while nobody gets in it is looked at again soon.
    harbour.meddle(&rules("AuthorizeSecurityGroupIngress", &tcp((8000, 9000), OWN))).await;
    harbour.wait(SOON + SOON).await;
    assert_broken(&harbour, "NoIngressRule", "security groups ");
    harbour.meddle(&rules("AuthorizeSecurityGroupIngress", &tcp((80, 80), OWN))).await;
    harbour.wait(SOON + SOON).await;
    let (truth, _, message) = serving(&harbour);
    assert_eq!((truth, harbour.invoke("/").status), (Truth::True, 200), "{message}");
}

#[tokio::test(start_paused = true)]
async fn addresses_count_where_the_subnets_are_known_and_close_nothing_where_they_are_not() {
    for (range, readable, broken) in
        [("10.0.0.0/16", true, false), ("192.168.0.0/16", true, true), ("192.168.0.0/16", false, false)]
    {
        let harbour = shut().await;
        if !readable {
            harbour.world().faults().deny("DescribeSubnets");
        }
        let peer = format!("IpRanges.1.CidrIp={range}");
        harbour.meddle(&rules("AuthorizeSecurityGroupIngress", &tcp((80, 80), &peer))).await;
        harbour.wait(SOON + SOON).await;
        let (truth, reason, message) = serving(&harbour);
        let wanted = if broken { (Truth::False, "NoIngressRule") } else { (Truth::True, "Serving") };
        assert_eq!((truth, reason.as_str()), wanted, "{range} {readable}: {message}");
        let open = harbour.invoke("/").status == 200;
        assert_eq!(open, range.starts_with("10."), "{range}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_lets_nothing_out_is_the_broken_hop() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let all = "IpPermissions.1.IpProtocol=-1&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0";
    harbour.meddle(&rules("RevokeSecurityGroupEgress", all)).await;
    harbour.wait(RESYNC).await;
    assert_broken(&harbour, "NoEgressRule", "security groups ");
    assert_eq!(harbour.invoke("/").status, 503, "the world agrees");
}

#[tokio::test(start_paused = true)]
async fn rules_that_may_not_be_read_are_said_to_be_not_known_and_nothing_is_broken() {
    let mut harbour = shut().await;
    harbour.world().faults().deny("DescribeSecurityGroups");
    // With ids in place of look-ups the controller needs the permission for nothing else.
    let plain = ARTICLE.replace(
        "securityGroupSelector: { tags: { Name: great-sg } }",
        &format!("securityGroups: [{GREAT_SG}]"),
    );
    let link = plain.rfind("securityGroups:").expect("the link's");
    let plain = format!("{}securityGroupIds:{}", &plain[..link], &plain[link + "securityGroups:".len()..]);
    harbour.kill_and_restart(&plain);
    harbour.converge(Duration::from_secs(600)).await;
    harbour.wait(RESYNC).await;
    let (truth, _, message) = serving(&harbour);
    assert_eq!(truth, Truth::True, "{message}");
    let chain = harbour.engine.picture().documents[&"Route/default-route".parse().unwrap()].chain.clone();
    let hop = chain.iter().find(|hop| hop.label == "security groups").expect("it is shown");
    let told = (hop.status, hop.reason.as_str(), hop.message.as_str());
    let message = "not known: ec2:DescribeSecurityGroups is not allowed";
    assert_eq!(told, (Truth::Unknown, "RulesUnknown", message));
    assert!(hop.is_spare);
}

#[tokio::test(start_paused = true)]
async fn rules_are_asked_for_once_in_a_resync() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    harbour.wait(RESYNC).await;
    harbour.clear_calls();
    harbour.wait(HALF_AN_HOUR).await;
    let (asked, _) = harbour.count("DescribeSecurityGroups");
    // Once for the chains, and once an hour for the look-ups by tag.
    assert!((5..=10).contains(&asked), "{asked} in half an hour\n{}", harbour.calls_text());
}

/// One short document that asks for a probe.
fn probed(path: &str) -> String {
    ORDERS.trim_end().to_owned()
        + &format!("\npolicy: {{ probe: {{ path: {path}, every: 1m, expect: 200 }} }}\n")
}

#[tokio::test(start_paused = true)]
async fn a_probe_goes_through_the_chain_as_often_as_asked_and_is_counted() {
    let harbour = Harbour::converged(Options::default(), &probed("/health?deep=1")).await;
    harbour.wait(HALF_AN_HOUR).await;
    let shown = harbour.engine.picture().documents[&"HttpService/orders".parse().unwrap()].clone();
    let probe = shown.probe.expect("it was sent");
    assert!(probe.is_good, "{probe:?}");
    assert_eq!((probe.path.as_str(), probe.answer.as_str()), ("/health?deep=1", "200"));
    let metrics = harbour.engine.metrics_text();
    let line = metrics
        .lines()
        .find(|line| line.starts_with("hatoba_probes_total{kind=\"HttpService\",result=\"success\"}"));
    let count: u32 = line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("counted");
    assert!((28..=34).contains(&count), "{count} in about half an hour");
    assert!(metrics.contains("hatoba_probe_success{kind=\"HttpService\",name=\"orders\"} 1"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_answered_otherwise_says_that_every_hop_looks_well() {
    let harbour =
        Harbour::converged(Options::default(), &probed("/health").replace("expect: 200", "expect: 418"))
            .await;
    let serving = harbour.status("HttpService", "orders").serving.expect("it has routes");
    assert_eq!(
        (serving.status, serving.reason.as_str()),
        (Truth::False, "ProbeFailed"),
        "{}",
        serving.message
    );
    assert!(
        serving.message.starts_with("GET /health: 200, expected 418; every hop looks well"),
        "{}",
        serving.message
    );
    harbour.documents(&probed("/health"));
    harbour.wait(Duration::from_secs(90)).await;
    assert_eq!(
        harbour.status("HttpService", "orders").serving.map(|serving| serving.status),
        Some(Truth::True)
    );
    harbour.documents(ORDERS);
    harbour.wait(Duration::from_secs(90)).await;
    let shown = harbour.engine.picture().documents[&"HttpService/orders".parse().unwrap()].clone();
    assert_eq!(shown.probe, None, "who asks for none has none");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_through_a_chain_that_is_known_to_be_broken() {
    let watched = probed("/health").replace("policy: {", "policy: { drift: Report,");
    let harbour = Harbour::converged(Options::default(), &watched).await;
    let body = json!({ "cluster": "main", "service": "orders", "desiredCount": 0 });
    harbour.meddle(&Request::json("ecs", "UpdateService", &body)).await;
    harbour.wait(RESYNC).await;
    let sent = || {
        let metrics = harbour.engine.metrics_text();
        let lines =
            metrics.lines().filter(|line| line.starts_with("hatoba_probes_total{kind=\"HttpService\""));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()).sum::<u32>()
    };
    let before = sent();
    harbour.wait(Duration::from_secs(600)).await;
    assert_eq!(sent(), before);
    let serving = harbour.status("HttpService", "orders").serving.expect("it has routes");
    assert_eq!(serving.reason.as_str(), "ZeroTasks", "the hop speaks, not the probe: {}", serving.message);
}
