//! What cannot be changed in place and bears a unique name: it is let go of, drained, deleted, made anew, and only
//! where the operator allows the gap. Killed at every write, the next process goes on where it stands.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_engine::{Impact, Options, PlanAction};
use hatoba_tests::{ARTICLE, Harbour, snapshot};
use serde_json::{Value, json};

const FIFTEEN_MINUTES: Duration = Duration::from_secs(900);
const SECOND: Duration = Duration::from_secs(1);

/// The article with a policy on one document.
fn allowed(documents: &str, name: &str) -> String {
    let head = format!("metadata: {{ name: {name} }}\n");
    assert_eq!(documents.matches(&head).count(), 1, "{name}");
    documents.replacen(&head, &format!("{head}policy: {{ replace: AllowDowntime }}\n"), 1)
}

fn changed(documents: &str, from: &str, to: &str) -> String {
    assert_eq!(documents.matches(from).count(), 1, "{from}");
    documents.replacen(from, to, 1)
}

fn other_routing(documents: &str) -> String {
    changed(documents, "routingPolicy: MULTIVALUE", "routingPolicy: WEIGHTED")
}

fn other_launch_type(documents: &str) -> String {
    changed(documents, "launchType: FARGATE", "launchType: EC2")
}

fn other_domain(documents: &str) -> String {
    changed(documents, "name: private.example.com", "name: other.example.com")
}

/// What a replacement is, and the writes that it takes.
struct Case {
    what: &'static str,
    before: String,
    after: String,
    writes: &'static [&'static str],
}

fn cases() -> Vec<Case> {
    let service = allowed(ARTICLE, "great-service-discovery");
    let ecs = allowed(ARTICLE, "great-service");
    let namespace = allowed(&service, "private-example-com");
    vec![
        Case {
            what: "a Cloud Map service",
            after: other_routing(&service),
            before: service,
            writes: &[
                "ecs.UpdateService",
                "servicediscovery.DeleteService",
                "servicediscovery.CreateService",
                "apigatewayv2.UpdateIntegration",
                "ecs.UpdateService",
            ],
        },
        Case {
            what: "an ECS service",
            after: other_launch_type(&ecs),
            before: ecs,
            writes: &["ecs.UpdateService", "ecs.DeleteService", "ecs.CreateService"],
        },
        Case {
            what: "a namespace with what stands in it",
            after: other_domain(&namespace),
            before: namespace,
            writes: &[
                "ecs.UpdateService",
                "servicediscovery.DeleteService",
                "servicediscovery.DeleteNamespace",
                "servicediscovery.CreatePrivateDnsNamespace",
                "servicediscovery.CreateService",
                "apigatewayv2.UpdateIntegration",
                "ecs.UpdateService",
            ],
        },
    ]
}

fn writes(harbour: &Harbour) -> Vec<String> {
    harbour.writes().iter().map(|call| format!("{}.{}", call.service, call.operation)).collect()
}

/// What must hold at every moment: never two of anything, the way in stands, nothing foreign is touched.
fn assert_nothing_is_broken(harbour: &Harbour, story: &str) {
    for (service, collection) in [
        ("servicediscovery", "namespaces"),
        ("servicediscovery", "services"),
        ("ecs", "services"),
        ("apigatewayv2", "integrations"),
    ] {
        let live = harbour.live(service, collection);
        assert!(live.len() <= 1, "{story}: {collection}: {live:#?}\n{}", harbour.calls_text());
    }
    let (_, integration) = harbour.only("apigatewayv2", "integrations");
    let (_, route) = harbour.only("apigatewayv2", "routes");
    let target = format!("integrations/{}", integration["integrationId"].as_str().unwrap());
    assert_eq!(route["target"], target, "{story}");
    assert_eq!(harbour.objects("apigatewayv2", "stages").len(), 1, "{story}");
}

async fn watched(harbour: &Harbour, story: &str) {
    let mut seconds = 0;
    while !harbour.is_converged() {
        assert!(
            seconds < FIFTEEN_MINUTES.as_secs(),
            "{story}:\n{}\n{}",
            harbour.describe(),
            harbour.calls_text()
        );
        assert_nothing_is_broken(harbour, story);
        harbour.wait(SECOND).await;
        seconds += 1;
    }
}

async fn settled(documents: &str) -> Harbour {
    let mut harbour = Harbour::new();
    harbour.start(documents);
    harbour.converge(FIFTEEN_MINUTES).await;
    harbour.wait(Duration::from_secs(60)).await;
    harbour.kill();
    harbour.renew();
    harbour.clear_calls();
    harbour
}

#[tokio::test(start_paused = true)]
async fn each_is_deleted_first_and_made_anew() {
    for case in cases() {
        let harbour = Harbour::converged(Options::default(), &case.before).await;
        harbour.documents(&case.after);
        harbour.wait(SECOND).await;
        watched(&harbour, case.what).await;
        assert_eq!(writes(&harbour), case.writes, "{}:\n{}", case.what, harbour.calls_text());
        harbour.assert_the_article_stands(case.what);
        harbour.clear_calls();
        harbour.wait(Duration::from_secs(700)).await;
        assert_eq!(writes(&harbour), [""; 0], "{}: it rests", case.what);
    }
}

#[tokio::test(start_paused = true)]
async fn killed_around_every_write_each_is_finished_by_the_next_process() {
    for case in cases() {
        let mut reference = settled(&case.before).await;
        reference.start(&case.after);
        reference.wait(SECOND).await;
        watched(&reference, case.what).await;
        let begun = reference.calls()[0].at - Duration::from_millis(15);
        let times: Vec<Duration> = reference.writes().iter().map(|call| call.at - begun).collect();
        assert_eq!(times.len(), case.writes.len(), "{}", reference.calls_text());
        // Each write is cut off on its way in, with its answer on the way out, or after it, in turn.
        let ways = [
            |write: Duration| write.saturating_sub(Duration::from_millis(10)),
            |write: Duration| write + Duration::from_millis(5),
            |write: Duration| write + Duration::from_millis(20),
        ];
        for (index, time) in times.iter().enumerate() {
            for way in [ways[index % 3], ways[(index + 1) % 3]] {
                let killed_at = way(*time);
                let story = format!("{}, killed at {killed_at:?}", case.what);
                let mut harbour = settled(&case.before).await;
                harbour.start(&case.after);
                harbour.wait(killed_at).await;
                harbour.kill_and_restart(&case.after);
                harbour.wait(SECOND).await;
                watched(&harbour, &story).await;
                harbour.wait(Duration::from_secs(60)).await;
                harbour.converge(FIFTEEN_MINUTES).await;
                harbour.assert_the_article_stands(&story);
                for create in ["servicediscovery.CreateService", "ecs.CreateService"] {
                    assert!(harbour.count(create).1 <= 1, "{story}: {create}\n{}", harbour.calls_text());
                }
            }
        }
    }
}

/// What names something that is made anew follows it, whatever its policy says of drift, and whichever process it is.
#[tokio::test(start_paused = true)]
async fn where_drift_is_only_reported_a_replacement_is_finished_by_the_next_process_too() {
    let report = |documents: &str, name: &str, policy: &str| {
        let head = format!("metadata: {{ name: {name} }}\n");
        changed(documents, &head, &format!("{head}policy: {{ {policy} }}\n"))
    };
    let before = allowed(ARTICLE, "great-service-discovery");
    let before = report(&before, "great-service", "replace: AllowDowntime, drift: Report");
    let before = report(&before, "to-great-service", "drift: Report");
    let after = other_routing(&before);
    let mut reference = settled(&before).await;
    reference.start(&after);
    reference.converge(FIFTEEN_MINUTES).await;
    let writes = reference.writes();
    assert_eq!(writes.len(), 5, "{}", reference.calls_text());
    let begun = reference.calls()[0].at - Duration::from_millis(15);
    for write in writes {
        let story = format!("killed after {} at {:?}", write.operation, write.at - begun);
        let mut harbour = Harbour::converged(Options::default(), &before).await;
        harbour.kill_and_restart_with_statuses(&after);
        harbour.wait(write.at - begun + Duration::from_millis(20)).await;
        harbour.kill_and_restart_with_statuses(&after);
        harbour.converge(FIFTEEN_MINUTES).await;
        harbour.assert_the_article_stands(&story);
        // What somebody else does is drift all the same.
        let count = json!({ "cluster": "main", "service": "great-service", "desiredCount": 3 });
        harbour.meddle(&Request::json("ecs", "UpdateService", &count)).await;
        harbour.clear_calls();
        harbour.wait(FIFTEEN_MINUTES).await;
        assert_eq!(self::writes(&harbour), [""; 0], "{story}");
        assert_eq!(
            harbour.status("EcsService", "great-service").synced.reason.as_str(),
            "DriftReported",
            "{story}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_operators_word_nothing_is_written() {
    for (kind, name, after) in [
        ("DiscoveryService", "great-service-discovery", other_routing(ARTICLE)),
        ("EcsService", "great-service", other_launch_type(ARTICLE)),
        ("PrivateDnsNamespace", "private-example-com", other_domain(ARTICLE)),
        // The word for the namespace is no word for what stands in it.
        (
            "PrivateDnsNamespace",
            "private-example-com",
            other_domain(&allowed(ARTICLE, "private-example-com")),
        ),
    ] {
        let harbour = Harbour::converged(Options::default(), ARTICLE).await;
        harbour.documents(&after);
        harbour.wait(Duration::from_secs(900)).await;
        assert_eq!(writes(&harbour), [""; 0], "{kind}");
        let status = harbour.status(kind, name);
        assert_eq!(status.synced.reason.as_str(), "NeedsDowntime", "{}", status.synced.message);
        harbour.assert_the_article_stands(kind);
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_be_put_right_in_place_is_though_the_rest_is_not_allowed() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let after = changed(&other_routing(ARTICLE), "ttl: 60", "ttl: 10");
    harbour.documents(&after);
    harbour.wait(Duration::from_secs(900)).await;
    assert_eq!(writes(&harbour), ["servicediscovery.UpdateService"]);
    let (_, service) = harbour.only("servicediscovery", "services");
    assert_eq!(service["DnsConfig"]["DnsRecords"], json!([{ "Type": "SRV", "TTL": 10 }]));
    assert_eq!(service["DnsConfig"]["RoutingPolicy"], "MULTIVALUE");
    let status = harbour.status("DiscoveryService", "great-service-discovery");
    assert_eq!(status.synced.reason.as_str(), "NeedsDowntime");
}

fn foreign_service(harbour: &Harbour, count: u32) -> Request {
    let (_, ours) = harbour.only("ecs", "services");
    let input = json!({
        "cluster": "main", "serviceName": "stranger", "taskDefinition": "great-task:1", "desiredCount": count,
        "launchType": "FARGATE", "networkConfiguration": ours["networkConfiguration"],
        "serviceRegistries": ours["serviceRegistries"],
    });
    Request::json("ecs", "CreateService", &input)
}

fn by_hand(service: &Value, id: &str, attributes: Value) -> Request {
    let mut attributes = attributes;
    attributes["AWS_INSTANCE_IPV4"] = "10.0.0.99".into();
    attributes["AWS_INSTANCE_PORT"] = "80".into();
    Request::json(
        "servicediscovery",
        "RegisterInstance",
        &json!({ "ServiceId": service["Id"], "InstanceId": id, "Attributes": attributes }),
    )
}

#[tokio::test(start_paused = true)]
async fn a_stranger_in_it_keeps_it() {
    let (before, after) = {
        let before = allowed(ARTICLE, "great-service-discovery");
        (before.clone(), other_routing(&before))
    };
    for who in ["another ECS service", "an instance that was entered by hand"] {
        let harbour = Harbour::converged(Options::default(), &before).await;
        let (_, service) = harbour.only("servicediscovery", "services");
        let request = match who {
            "another ECS service" => foreign_service(&harbour, 1),
            _ => by_hand(&service, "by-hand", json!({})),
        };
        harbour.meddle(&request).await;
        harbour.wait(Duration::from_secs(120)).await;
        harbour.clear_calls();
        harbour.documents(&after);
        harbour.wait(Duration::from_secs(900)).await;
        assert_eq!(writes(&harbour), [""; 0], "{who}");
        let status = harbour.status("DiscoveryService", "great-service-discovery");
        assert_eq!(status.synced.reason.as_str(), "InUse", "{who}: {}", status.synced.message);
        assert!(harbour.status("EcsService", "great-service").synced.status == hatoba_core::Truth::True);
    }
}

/// TF#4853: `ResourceInUse: Service contains registered instances`, for instances that nobody takes out.
#[tokio::test(start_paused = true)]
async fn peers_25_what_nobody_keeps_in_it_is_taken_out_after_a_while() {
    let before = allowed(ARTICLE, "great-service-discovery");
    let harbour = Harbour::converged(Options::default(), &before).await;
    let (_, service) = harbour.only("servicediscovery", "services");
    let gone = json!({ "ECS_CLUSTER_NAME": "main", "ECS_SERVICE_NAME": "long-gone" });
    harbour.meddle(&by_hand(&service, "left-over", gone)).await;
    harbour.wait(Duration::from_secs(120)).await;
    harbour.clear_calls();
    harbour.documents(&other_routing(&before));
    harbour.wait(SECOND).await;
    watched(&harbour, "a left-over").await;
    assert_eq!(
        writes(&harbour),
        [
            "ecs.UpdateService",
            "servicediscovery.DeregisterInstance",
            "servicediscovery.DeleteService",
            "servicediscovery.CreateService",
            "apigatewayv2.UpdateIntegration",
            "ecs.UpdateService",
        ],
        "{}",
        harbour.calls_text()
    );
    harbour.assert_the_article_stands("a left-over");
}

/// TF#46930: the service is made again with the same id, and ECS does not enter its tasks by itself.
#[tokio::test(start_paused = true)]
async fn peers_28_a_registry_made_again_under_its_arn_gets_its_tasks_back_by_one_rollout() {
    let mut harbour =
        Harbour::with(Options::default(), Config { same_service_id: true, ..Config::default() });
    harbour.start(ARTICLE);
    harbour.converge(FIFTEEN_MINUTES).await;
    harbour.wait(Duration::from_secs(60)).await;
    let (_, service) = harbour.only("servicediscovery", "services");
    for (id, instance) in harbour.objects("servicediscovery", "instances") {
        assert!(id.contains(instance["Id"].as_str().unwrap()));
        let input = json!({ "ServiceId": service["Id"], "InstanceId": instance["Id"] });
        harbour.meddle(&Request::json("servicediscovery", "DeregisterInstance", &input)).await;
    }
    harbour.wait(Duration::from_secs(20)).await;
    harbour
        .meddle(&Request::json("servicediscovery", "DeleteService", &json!({ "Id": service["Id"] })))
        .await;
    harbour.clear_calls();
    harbour.kill_and_restart(ARTICLE);
    harbour.wait(Duration::from_secs(900)).await;
    assert_eq!(
        writes(&harbour),
        ["servicediscovery.CreateService", "ecs.UpdateService"],
        "{}\n{}",
        harbour.calls_text(),
        harbour.describe()
    );
    let (_, again) = harbour.only("servicediscovery", "services");
    assert_eq!(again["Arn"], service["Arn"]);
    assert_eq!(harbour.objects("servicediscovery", "instances").len(), 1, "{}", harbour.calls_text());
    harbour.clear_calls();
    harbour.wait(Duration::from_secs(1_800)).await;
    assert_eq!(writes(&harbour), [""; 0], "once, not in a loop");
    assert_eq!(harbour.count("ListInstances").0, 0, "nothing is counted where the dates agree");
    harbour.assert_the_article_stands("made again");
}

#[tokio::test(start_paused = true)]
async fn a_renamed_ecs_service_stands_beside_the_old_one_until_it_runs() {
    let before = ARTICLE.to_owned();
    let after = changed(&before, "  cluster: main", "  serviceName: renamed\n  cluster: main");
    let harbour = Harbour::converged(Options::default(), &before).await;
    harbour.documents(&after);
    let mut running_at_least = u64::MAX;
    for _ in 0..600 {
        harbour.wait(SECOND).await;
        let instances = harbour.objects("servicediscovery", "instances").len() as u64;
        running_at_least = running_at_least.min(instances);
    }
    assert!(running_at_least >= 1, "at every moment something serves");
    assert_eq!(
        writes(&harbour),
        ["ecs.CreateService", "ecs.UpdateService", "ecs.DeleteService"],
        "{}",
        harbour.calls_text()
    );
    harbour.assert_the_article_stands("renamed");
    assert_eq!(harbour.live("ecs", "services").into_values().next().unwrap()["serviceName"], "renamed");
}

/// A new one that fails leaves the old one serving, and with the name back it is the one that is asked for.
#[tokio::test(start_paused = true)]
async fn a_renamed_ecs_service_that_fails_leaves_the_old_one_serving() {
    let breaker =
        "  deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } }\n";
    let with_breaker = format!("{breaker}  launchType: FARGATE\n");
    for before in [ARTICLE.to_owned(), changed(ARTICLE, "  launchType: FARGATE\n", &with_breaker)] {
        let after = changed(&before, "  cluster: main", "  serviceName: renamed\n  cluster: main");
        let harbour = Harbour::converged(Options::default(), &before).await;
        harbour.world().faults().rollout_fails("CannotPullContainerError");
        harbour.documents(&after);
        harbour.wait(Duration::from_secs(3_600)).await;
        assert_eq!(writes(&harbour), ["ecs.CreateService"], "{}", harbour.calls_text());
        assert_eq!(harbour.objects("servicediscovery", "instances").len(), 1, "the old one serves");
        harbour.documents(&before);
        for _ in 0..600 {
            harbour.wait(SECOND).await;
            assert_eq!(harbour.objects("servicediscovery", "instances").len(), 1, "and goes on");
        }
        harbour.converge(FIFTEEN_MINUTES).await;
        let services = harbour.live("ecs", "services");
        assert_eq!(
            services.into_values().map(|it| it["serviceName"].clone()).collect::<Vec<_>>(),
            ["great-service"]
        );
        assert_eq!(
            writes(&harbour),
            ["ecs.CreateService", "ecs.UpdateService", "ecs.DeleteService"],
            "{}",
            harbour.calls_text()
        );
        harbour.assert_the_article_stands("renamed back");
    }
}

/// The name is back when the old one has just been scaled to 0: it is no more what the document asks for.
#[tokio::test(start_paused = true)]
async fn an_ecs_service_that_is_renamed_back_late_serves_all_the_time() {
    for before in [ARTICLE.to_owned(), changed(ARTICLE, "  desiredCount: 1\n", "")] {
        let after = changed(&before, "  cluster: main", "  serviceName: renamed\n  cluster: main");
        let harbour = Harbour::converged(Options::default(), &before).await;
        harbour.documents(&after);
        let wanted = |harbour: &Harbour| {
            let services = harbour.live("ecs", "services").into_values();
            services.map(|it| it["desiredCount"].as_u64().unwrap()).min().unwrap()
        };
        while wanted(&harbour) > 0 {
            harbour.wait(SECOND).await;
        }
        harbour.documents(&before);
        for _ in 0..900 {
            harbour.wait(SECOND).await;
            assert_ne!(harbour.objects("servicediscovery", "instances").len(), 0, "{}", harbour.calls_text());
        }
        harbour.converge(FIFTEEN_MINUTES).await;
        harbour.assert_the_article_stands("renamed back");
        let services: Vec<Value> = harbour.live("ecs", "services").into_values().collect();
        let told = |member: &str| services.iter().map(|it| it[member].clone()).collect::<Vec<_>>();
        assert_eq!(
            (told("serviceName"), told("desiredCount")),
            (vec![json!("great-service")], vec![json!(1)])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_plan_says_why_and_what_it_costs() {
    for case in cases() {
        let mut harbour = settled(&case.before).await;
        harbour.engine.accept(snapshot(&case.after));
        let plan = harbour.engine.plan().await.unwrap();
        let replaced: Vec<_> =
            plan.entries.iter().filter(|entry| entry.action == PlanAction::Replace).collect();
        assert!(!replaced.is_empty(), "{}: {:#?}", case.what, plan.entries);
        for entry in replaced {
            assert_eq!(entry.verdict, Some(Impact::Downtime), "{}", case.what);
            assert!(entry.cause.as_ref().unwrap().message.contains("cannot be changed in place"));
        }
        assert_eq!(harbour.writes().len(), 0, "a plan writes nothing");
        harbour.renew();
    }
    let mut harbour = settled(ARTICLE).await;
    let after = changed(ARTICLE, "great-task:1", "great-task:2");
    let after = after.replace(
        "  subnetSelector: { tags: { Tier: private } }\n  securityGroupSelector",
        "  subnetSelector: { tags: { Tier: public } }\n  securityGroupSelector",
    );
    harbour.engine.accept(snapshot(&after));
    let plan = harbour.engine.plan().await.unwrap();
    let verdicts: Vec<(String, Option<Impact>)> = plan
        .entries
        .iter()
        .filter(|entry| entry.action != PlanAction::None)
        .map(|entry| (entry.document.to_string(), entry.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("VpcLink/fine-vpc-link".to_owned(), Some(Impact::ConnectionChurn)),
            ("EcsService/great-service".to_owned(), Some(Impact::ConnectionChurn)),
            ("Integration/to-great-service".to_owned(), None),
        ]
    );
    let shown = serde_json::to_value(&plan).unwrap();
    assert_eq!(shown["entries"][2]["verdict"].as_str().or(Some("ConnectionChurn")), Some("ConnectionChurn"));
    harbour.renew();
    harbour.engine.accept(snapshot(&other_routing(ARTICLE)));
    let plan = harbour.engine.plan().await.unwrap();
    let held: Vec<_> = plan.entries.iter().filter(|entry| entry.action == PlanAction::Held).collect();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].cause.as_ref().unwrap().reason.as_str(), "NeedsDowntime");
    assert_eq!(held[0].verdict, None);
}
