//! AWS takes a write and fails at it later: the reason is shown, and nothing is made and thrown away in a loop.

use std::time::Duration;

use hatoba_core::Truth;
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const FIFTEEN_MINUTES: Duration = Duration::from_secs(900);
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn a_vpc_link_that_fails_is_shown_and_not_made_again_and_again() {
    let mut harbour = Harbour::new();
    harbour.world().faults().vpc_link_fails("Insufficient subnet capacity");
    harbour.start(ARTICLE);
    harbour.wait(HOUR).await;
    assert_eq!(harbour.count("CreateVpcLink").0, 1);
    assert_eq!(harbour.count("DeleteVpcLink").0, 0);
    let status = harbour.status("VpcLink", "fine-vpc-link");
    assert_eq!((status.ready.status, status.ready.reason.as_str()), (Truth::False, "LinkFailed"));
    assert!(status.ready.message.contains("Insufficient subnet capacity"), "{}", status.ready.message);
    assert_eq!(harbour.status("EcsService", "great-service").ready.status, Truth::True, "the others go on");

    // The cure is another subnet: a new link is made beside the failed one, which goes afterwards.
    harbour.documents(&ARTICLE.replacen(
        "subnetSelector: { tags: { Tier: private } }\n  sec",
        "subnetIds: [subnet-0cc33dd44ee55ff66]\n  sec",
        1,
    ));
    harbour.wait(Duration::from_secs(5)).await;
    harbour.converge(FIFTEEN_MINUTES).await;
    harbour.wait(Duration::from_secs(60)).await;
    assert_eq!(harbour.count("CreateVpcLink").0, 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_rollout_is_shown_and_left_to_a_human() {
    let breaker =
        "  deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } }\n";
    let article = ARTICLE.replace("  launchType: FARGATE\n", &format!("  launchType: FARGATE\n{breaker}"));
    assert_ne!(article, ARTICLE);
    let mut harbour = Harbour::new();
    harbour.start(&article);
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(TEN_MINUTES).await;
    harbour.clear_calls();
    harbour.world().faults().rollout_fails("CannotPullContainerError");
    harbour.documents(&article.replace("great-task:1", "great-task:2"));
    harbour.wait(HOUR).await;
    let status = harbour.status("EcsService", "great-service");
    assert_eq!(
        (status.synced.status, status.ready.status),
        (Truth::True, Truth::False),
        "{}",
        harbour.describe()
    );
    assert_eq!(status.ready.reason.as_str(), "RolloutFailed");
    assert_eq!(harbour.writes().len(), 1, "one UpdateService: {}", harbour.calls_text());

    harbour.documents(&article);
    harbour.wait(Duration::from_secs(5)).await;
    harbour.converge(FIFTEEN_MINUTES).await;
    assert_eq!(harbour.writes().len(), 2, "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn tasks_that_never_start_are_waited_for_without_a_write() {
    let mut harbour = Harbour::new();
    harbour.world().faults().rollout_sticks();
    harbour.start(ARTICLE);
    harbour.wait(HOUR).await;
    let status = harbour.status("EcsService", "great-service");
    assert_eq!((status.ready.status, status.ready.reason.as_str()), (Truth::False, "RolloutInProgress"));
    assert_eq!(harbour.writes().len(), 8, "{}", harbour.calls_text());
    let route = harbour.status("Route", "default-route");
    assert_eq!(route.ready.status, Truth::True, "what does not need the tasks goes on");
}

/// Nobody writes the field against us: AWS does not carry the change out.
#[tokio::test(start_paused = true)]
async fn a_change_whose_operation_fails_for_long_is_not_given_up() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    for _ in 0..100 {
        harbour.world().faults().cloud_map_operation_fails("CANNOT_CREATE_HOSTED_ZONE", "no more zones");
    }
    harbour.documents(&ARTICLE.replacen(
        "spec:\n  name: private.example.com",
        "spec:\n  description: new\n  name: private.example.com",
        1,
    ));
    harbour.wait(HOUR).await;
    let status = harbour.status("PrivateDnsNamespace", "private-example-com");
    assert_eq!(status.synced.status, Truth::False);
    assert_ne!(status.synced.reason.as_str(), "NonConverging");
    harbour.world().faults().clear();
    harbour.wait(HOUR).await;
    assert!(harbour.is_converged(), "nobody asked: {}", harbour.describe());
}

/// A namespace of another name is made when the one of before is gone; that, too, AWS may not carry out.
#[tokio::test(start_paused = true)]
async fn a_take_down_whose_operation_fails_for_long_is_not_given_up() {
    let document = |name: &str| {
        format!(
            "apiVersion: hatoba/v1\nkind: PrivateDnsNamespace\nmetadata: {{ name: net }}\npolicy: {{ replace: AllowDowntime }}\n\
             spec: {{ name: {name}, vpcSelector: {{ tags: {{ Name: awesome-vpc }} }} }}\n"
        )
    };
    let harbour = Harbour::converged(Options::default(), &document("one.example.com")).await;
    for _ in 0..100 {
        harbour.world().faults().cloud_map_operation_fails("CANNOT_DELETE_HOSTED_ZONE", "not allowed");
    }
    harbour.documents(&document("two.example.com"));
    harbour.wait(HOUR).await;
    let sent = harbour.count("DeleteNamespace").0;
    assert!((4..=40).contains(&sent), "{sent} in an hour: {}", harbour.describe());
    assert_ne!(harbour.status("PrivateDnsNamespace", "net").synced.reason.as_str(), "NonConverging");
    harbour.world().faults().clear();
    harbour.wait(HOUR).await;
    assert!(harbour.is_converged(), "nobody asked: {}", harbour.describe());
    let (_, namespace) = harbour.only("servicediscovery", "namespaces");
    assert_eq!(namespace["Name"], "two.example.com");
}

#[tokio::test(start_paused = true)]
async fn a_failed_cloud_map_operation_shows_its_reason_and_is_retried_slowly() {
    let mut harbour = Harbour::new();
    for _ in 0..100 {
        harbour.world().faults().cloud_map_operation_fails("CANNOT_CREATE_HOSTED_ZONE", "no more zones");
    }
    harbour.start(ARTICLE);
    harbour.wait(HOUR).await;
    let status = harbour.status("PrivateDnsNamespace", "private-example-com");
    assert_ne!(status.synced.status, Truth::True);
    harbour.clear_calls();
    harbour.wait(HOUR).await;
    let sent = harbour.count("CreatePrivateDnsNamespace").0;
    assert!((4..=20).contains(&sent), "{sent} in an hour");
    let mut reasons = Vec::new();
    for _ in 0..60 {
        harbour.wait(Duration::from_secs(10)).await;
        reasons.push(harbour.status("PrivateDnsNamespace", "private-example-com").synced.reason.to_string());
    }
    let shown = reasons.iter().filter(|reason| *reason == "CannotCreateHostedZone").count();
    assert!(shown > reasons.len() / 2, "the reason is shown most of the time: {reasons:?}");
    assert_eq!(harbour.status("VpcLink", "fine-vpc-link").ready.status, Truth::True, "the others go on");
    harbour.world().faults().clear();
    harbour.converge(FIFTEEN_MINUTES).await;
    harbour.assert_the_article_stands("the zones came back");
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_is_shown_and_retried_slowly() {
    for (create, kind, name, status, code) in [
        ("CreateApi", "HttpApi", "crazy-api", 403, "AccessDeniedException"),
        ("CreateVpcLink", "VpcLink", "fine-vpc-link", 400, "BadRequestException"),
        ("ecs.CreateService", "EcsService", "great-service", 400, "InvalidParameterException"),
    ] {
        let mut harbour = Harbour::new();
        harbour.world().faults().fail(create, 100_000, status, code, "no");
        harbour.start(ARTICLE);
        harbour.wait(HOUR).await;
        let shown = harbour.status(kind, name);
        assert_eq!((shown.synced.status, shown.synced.reason.as_str()), (Truth::False, code), "{create}");
        harbour.clear_calls();
        harbour.wait(HOUR).await;
        let (sent, _) = harbour.count(create);
        assert!((4..=30).contains(&sent), "{create}: {sent} in an hour");
        harbour.world().faults().clear();
        harbour.converge(FIFTEEN_MINUTES).await;
        harbour.assert_the_article_stands(create);
    }
}
