//! Answers get lost, calls are refused, hang or are throttled, lists lag behind or fail: in the end there is
//! exactly one of each, and nothing is done on what was not seen.

use std::time::Duration;

use hatoba_aws_model::{Config, Faults, Request};
use hatoba_core::Truth;
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::{Value, json};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const FIFTEEN_MINUTES: Duration = Duration::from_secs(900);
const RESYNC: Duration = Duration::from_secs(310);

/// The eight creates, the list that shows what they made, and whether AWS itself keeps a second one out.
const CREATES: [(&str, &str, bool); 8] = [
    ("CreatePrivateDnsNamespace", "ListNamespaces", true),
    ("servicediscovery.CreateService", "servicediscovery.ListServices", true),
    ("ecs.CreateService", "DescribeServices", true),
    ("CreateApi", "GetApis", false),
    ("CreateVpcLink", "GetVpcLinks", false),
    ("CreateIntegration", "GetIntegrations", false),
    ("CreateRoute", "GetRoutes", true),
    ("CreateStage", "GetStages", true),
];

type Fault = fn(&mut Faults, &str);

const FAULTS: [(&str, Fault); 5] = [
    ("the answer is lost", |faults, operation| faults.lose_answer(operation, 1)),
    ("it answers 500", |faults, operation| faults.fail(operation, 1, 500, "InternalFailure", "oops")),
    ("it hangs", |faults, operation| faults.hang(operation, 1)),
    ("it is lost, then hangs, then fails", |faults, operation| {
        faults.lose_answer(operation, 1);
        faults.hang(operation, 1);
        faults.fail(operation, 1, 503, "ServiceUnavailable", "oops");
    }),
    ("its answer breaks off", |faults, operation| faults.break_off(operation, 1)),
];

async fn there_is_one_in_the_end(faults: &[(&str, Fault)], lags_seconds: &[u64]) {
    for (create, list, is_unique) in CREATES {
        for (what, fault) in faults {
            for lag_seconds in lags_seconds {
                let story = format!("{create}: {what}; {list} lags by {lag_seconds} s");
                let mut harbour = Harbour::new();
                fault(harbour.world().faults(), create);
                harbour.world().faults().hide_from_lists(list, Duration::from_secs(*lag_seconds));
                harbour.start(ARTICLE);
                harbour.converge(FIFTEEN_MINUTES).await;
                harbour.wait(Duration::from_secs(60)).await;
                harbour.assert_the_article_stands(&story);
                let (_, made) = harbour.count(create);
                // A repeated request with the same token is answered, not carried out; a list that lags
                // longer than two looks are apart is one that nobody can create safely by.
                let made_max = if *lag_seconds <= 5 { 1 } else { 2 };
                assert!(is_unique || made <= made_max, "{story}: {made} made\n{}", harbour.calls_text());
                harbour.clear_calls();
                harbour.wait(Duration::from_secs(700)).await;
                assert_eq!(harbour.writes().len(), 0, "{story}\n{}", harbour.calls_text());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_is_lost_is_found_however_lists_lag() {
    there_is_one_in_the_end(&FAULTS[..1], &[5, 20]).await;
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_or_hangs_is_sent_again_once() {
    there_is_one_in_the_end(&FAULTS[1..3], &[5]).await;
}

#[tokio::test(start_paused = true)]
async fn a_create_that_goes_wrong_three_ways_is_there_once_in_the_end() {
    there_is_one_in_the_end(&FAULTS[3..4], &[20]).await;
}

/// A good answer of which half arrives says that it was done: to send it again at once would make another.
#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_breaks_off_is_looked_for() {
    there_is_one_in_the_end(&FAULTS[4..], &[5, 20]).await;
}

/// Half a list is none, and the next one may be whole: nobody has to act.
#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_is_asked_for_again_soon() {
    let mut harbour = Harbour::new();
    harbour.world().faults().break_off("GetApis", 1);
    harbour.start(ARTICLE);
    harbour.converge(Duration::from_secs(240)).await;
    harbour.assert_the_article_stands("GetApis breaks off");
}

#[tokio::test(start_paused = true)]
async fn every_answer_lost_once_at_the_same_time() {
    for lag_seconds in [0, 5, 20] {
        let mut harbour = Harbour::new();
        for (create, list, _) in CREATES {
            harbour.world().faults().lose_answer(create, 1);
            harbour.world().faults().hide_from_lists(list, Duration::from_secs(lag_seconds));
        }
        harbour.start(ARTICLE);
        harbour.converge(FIFTEEN_MINUTES).await;
        harbour.wait(Duration::from_secs(60)).await;
        harbour.assert_the_article_stands(&format!("all lost, lists lag by {lag_seconds} s"));
    }
}

/// The documents' change, and the one call that carries it out.
const CHANGES: [(&str, &str, &str); 7] = [
    ("spec: {}", "spec: { description: new }", "UpdateApi"),
    ("name: crazy-api }\nspec: {}", "name: crazy-api, labels: { team: web } }\nspec: {}", "TagResource"),
    ("connectionType: VPC_LINK", "connectionType: VPC_LINK\n  timeoutInMillis: 9000", "UpdateIntegration"),
    ("routeKey: $default,", "routeKey: $default, operationName: new,", "UpdateRoute"),
    ("autoDeploy: true", "autoDeploy: true, description: new", "UpdateStage"),
    ("desiredCount: 1", "desiredCount: 2", "ecs.UpdateService"),
    ("ttl: 60", "ttl: 30", "servicediscovery.UpdateService"),
];

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_an_update_is_looked_after_and_not_sent_again() {
    for (from, to, update) in CHANGES {
        let documents = ARTICLE.replace(from, to);
        assert_ne!(documents, ARTICLE, "{from}");
        for (what, fault, sent_max) in
            [("lost", FAULTS[0].1, 1), ("500", FAULTS[1].1, 2), ("hangs", FAULTS[2].1, 2)]
        {
            let harbour = Harbour::converged(Options::default(), ARTICLE).await;
            fault(harbour.world().faults(), update);
            harbour.documents(&documents);
            harbour.wait(Duration::from_secs(5)).await;
            harbour.converge(TEN_MINUTES).await;
            harbour.assert_the_article_stands(update);
            let (sent, made) = harbour.count(update);
            let refused = usize::from(update.starts_with("servicediscovery")) * 3; // its operation is in flight
            assert!(
                sent <= sent_max + refused && made == 1,
                "{update} {what}: {sent} sent\n{}",
                harbour.calls_text()
            );
            assert_eq!(harbour.writes().len(), sent, "{update} {what}\n{}", harbour.calls_text());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn throttles_slow_it_down_and_it_converges() {
    for operation in ["*", "CreateApi", "CreateStage", "GetApis", "GetIntegrations"] {
        let mut harbour = Harbour::new();
        harbour.world().faults().fail(operation, 20, 429, "TooManyRequestsException", "Too Many Requests");
        harbour.start(ARTICLE);
        harbour.converge(Duration::from_secs(7200)).await; // 20 refusals, up to 5 minutes apart
        harbour.assert_the_article_stands(operation);
        for (create, ..) in CREATES {
            assert_eq!(harbour.count(create).1, 1, "{operation}: {create}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_writers_at_one_api_collide_and_try_again() {
    let message = "Unable to complete operation due to concurrent modification. Please try again later.";
    for (create, ..) in &CREATES[5..] {
        let mut harbour = Harbour::new();
        harbour.world().faults().fail(create, 3, 409, "ConflictException", message);
        harbour.start(ARTICLE);
        harbour.converge(TEN_MINUTES).await;
        harbour.assert_the_article_stands(create);
        assert_eq!(harbour.count(create), (4, 1), "{}", harbour.calls_text());
    }
}

const LISTS: [(&str, &str, &str); 7] = [
    ("ListNamespaces", "PrivateDnsNamespace", "private-example-com"),
    ("servicediscovery.ListServices", "DiscoveryService", "great-service-discovery"),
    ("DescribeServices", "EcsService", "great-service"),
    ("GetApis", "HttpApi", "crazy-api"),
    ("GetVpcLinks", "VpcLink", "fine-vpc-link"),
    ("GetIntegrations", "Integration", "to-great-service"),
    ("GetStages", "Stage", "default-stage"),
];

const FAILURES: [(u16, &str); 2] = [(500, "InternalServerErrorException"), (403, "AccessDeniedException")];

#[tokio::test(start_paused = true)]
async fn while_a_list_fails_nothing_of_its_kind_is_made_and_the_others_go_on() {
    for (list, kind, name) in LISTS {
        for (status, code) in FAILURES {
            // A list of what stands in a thing that was just made is not needed, and never called.
            if ["servicediscovery.ListServices", "GetIntegrations", "GetStages"].contains(&list) {
                continue;
            }
            let story = format!("{list} answers {code}");
            let mut harbour = Harbour::new();
            harbour.world().faults().fail(list, 100_000, status, code, "no");
            harbour.start(ARTICLE);
            harbour.wait(FIFTEEN_MINUTES).await;
            let shown = harbour.status(kind, name);
            assert_eq!(shown.synced.status, Truth::Unknown, "{story}: {}", harbour.describe());
            assert_eq!(shown.synced.reason.as_str(), code, "{story}");
            let made: Vec<_> = CREATES.iter().filter(|(_, its_list, _)| *its_list == list).collect();
            assert_eq!(harbour.count(made[0].0).0, 0, "{story}: nothing is made blindly");
            let link = harbour.status("VpcLink", "fine-vpc-link");
            assert!(list == "GetVpcLinks" || link.ready.status == Truth::True, "{story}: the others go on");
            harbour.world().faults().clear();
            harbour.converge(FIFTEEN_MINUTES).await;
            harbour.assert_the_article_stands(&story);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn while_a_list_fails_a_converged_world_is_left_alone() {
    for (list, kind, name) in LISTS {
        for (status, code) in FAILURES {
            let story = format!("{list} answers {code}");
            let options = Options { owner_is_explicit: true, ..Options::default() };
            let mut harbour = Harbour::with(options, Config::default());
            harbour.start(ARTICLE);
            harbour.converge(TEN_MINUTES).await;
            harbour.wait(Duration::from_secs(90)).await;
            harbour.clear_calls();
            harbour.world().faults().fail(list, 100_000, status, code, "no");
            harbour.wait(FIFTEEN_MINUTES).await;
            let shown = harbour.status(kind, name);
            assert_eq!(shown.synced.status, Truth::Unknown, "{story}: {}", harbour.describe());
            assert_eq!(shown.synced.reason.as_str(), code, "{story}");
            assert_eq!(
                shown.ready.status,
                Truth::True,
                "{story}: what was ready is not said to be otherwise"
            );
            let synced =
                harbour.engine.statuses().values().filter(|s| s.synced.status == Truth::True).count();
            assert!(synced >= 6, "{story}: the others go on: {}", harbour.describe());
            harbour.world().faults().clear();
            harbour.converge(FIFTEEN_MINUTES).await;
            assert_eq!(harbour.writes().len(), 0, "{story}: {}", harbour.calls_text());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_after_a_page_is_no_list() {
    let options = Options { owner_is_explicit: true, ..Options::default() };
    let mut harbour = Harbour::with(options, Config { page_size_max: Some(1), ..Config::default() });
    let strangers = ["a", "b", "c"].map(|name| json!({ "name": name, "protocolType": "HTTP" }));
    for stranger in &strangers {
        harbour.meddle(&Request::rest("POST", "/v2/apis", stranger)).await;
    }
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    harbour.clear_calls();
    for _ in 0..12 {
        harbour.wait(RESYNC).await;
        // Any page of any list, now and then.
        harbour.world().faults().fail("GetApis", 3, 500, "InternalServerErrorException", "no");
    }
    harbour.world().faults().clear();
    harbour.converge(FIFTEEN_MINUTES).await;
    assert_eq!(harbour.writes().len(), 0, "{}", harbour.calls_text());
    assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_in_a_replacement_makes_no_third_link() {
    for (what, fault) in FAULTS {
        for lag_seconds in [5, 20] {
            let story = format!("{what}, lists lag by {lag_seconds} s");
            let harbour = Harbour::converged(Options::default(), ARTICLE).await;
            fault(harbour.world().faults(), "CreateVpcLink");
            harbour.world().faults().hide_from_lists("GetVpcLinks", Duration::from_secs(lag_seconds));
            harbour.documents(&ARTICLE.replace(
                "  subnetSelector: { tags: { Tier: private } }\n  sec",
                "  subnetIds: [subnet-0cc33dd44ee55ff66]\n  sec",
            ));
            harbour.wait(Duration::from_secs(5)).await;
            harbour.converge(FIFTEEN_MINUTES).await;
            harbour.wait(Duration::from_secs(60)).await;
            harbour.assert_the_article_stands(&story);
            let made_max = if lag_seconds <= 5 { 1 } else { 2 };
            let (_, made) = harbour.count("CreateVpcLink");
            assert!(made <= made_max, "{story}: {made} made\n{}", harbour.calls_text());
            let link = harbour.live("apigatewayv2", "vpcLinks").into_values().next().unwrap();
            assert_eq!(link["subnetIds"], json!(["subnet-0cc33dd44ee55ff66"]), "{story}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_just_made_and_changed_is_not_made_again_by_a_lagging_list() {
    for (from, to, list, create) in [
        ("spec: {}", "spec: { description: new }", "GetApis", "CreateApi"),
        ("VPC_LINK", "VPC_LINK\n  timeoutInMillis: 9000", "GetIntegrations", "CreateIntegration"),
    ] {
        let mut harbour = Harbour::new();
        harbour.world().faults().hide_from_lists(list, Duration::from_secs(40));
        harbour.start(ARTICLE);
        let made = |harbour: &Harbour| harbour.count(create).1 > 0;
        while !made(&harbour) {
            harbour.wait(Duration::from_millis(500)).await;
        }
        harbour.documents(&ARTICLE.replacen(from, to, 1));
        harbour.wait(Duration::from_secs(3)).await;
        harbour.engine.reconcile_now();
        harbour.wait(Duration::from_secs(3)).await;
        harbour.engine.reconcile_now();
        harbour.converge(FIFTEEN_MINUTES).await;
        assert_eq!(harbour.count(create).1, 1, "{}", harbour.calls_text());
        harbour.assert_the_article_stands(create);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_cannot_be_told_holds_everything() {
    let mut harbour = Harbour::new();
    harbour.world().faults().fail("GetCallerIdentity", 100_000, 403, "ExpiredToken", "no");
    harbour.start(ARTICLE);
    harbour.wait(TEN_MINUTES).await;
    let other: Vec<_> = harbour.calls().into_iter().filter(|call| call.service != "sts").collect();
    assert_eq!(other.len(), 0, "nothing but the question whose account it is");
    assert!(harbour.calls().len() < 60, "{} calls", harbour.calls().len());
    harbour.world().faults().clear();
    harbour.converge(FIFTEEN_MINUTES).await;
    harbour.assert_the_article_stands("credentials came back");
    assert_ne!(harbour.only("apigatewayv2", "apis").1["tags"], Value::Null);
}

/// Nor does it help that the document was not there for a moment: what was sent for it was sent.
#[tokio::test(start_paused = true)]
async fn a_create_without_an_answer_is_not_forgotten_with_its_document() {
    let mut harbour = Harbour::new();
    harbour.world().faults().hide_from_lists("GetApis", Duration::from_secs(5));
    harbour.world().faults().lose_answer("CreateApi", 1);
    harbour.start(ARTICLE);
    while harbour.count("CreateApi").0 == 0 {
        harbour.wait(Duration::from_millis(50)).await;
    }
    harbour.wait(Duration::from_secs(1)).await;
    harbour.documents("");
    harbour.wait(Duration::from_secs(2)).await;
    harbour.documents(ARTICLE);
    harbour.converge(Duration::from_secs(900)).await;
    assert_eq!(harbour.count("CreateApi"), (1, 1), "{}", harbour.calls_text());
}

/// Delays that grew while a write failed begin anew, though a twin is left in which people have built.
#[tokio::test(start_paused = true)]
async fn beside_a_twin_that_is_held_a_repair_is_tried_again_soon() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let api = harbour.only("apigatewayv2", "apis").0;
    let twin = crate::twins::twin(&harbour, "apis").await;
    let route = json!({ "routeKey": "GET /theirs" });
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{twin}/routes"), &route)).await;
    let is_repaired = || harbour.objects("apigatewayv2", "apis")[&api]["corsConfiguration"].is_null();
    for (times, limit) in [(8, 3_600), (1, 60)] {
        let cors = json!({ "corsConfiguration": { "allowOrigins": ["https://by-hand.example.com"] } });
        harbour.meddle(&Request::rest("PATCH", &format!("/v2/apis/{api}"), &cors)).await;
        for repair in ["UpdateApi", "DeleteCorsConfiguration"] {
            harbour.world().faults().fail(repair, times, 500, "InternalServerErrorException", "no");
        }
        harbour.engine.reconcile_now();
        let begun = tokio::time::Instant::now();
        while !is_repaired() {
            assert!(begun.elapsed().as_secs() < limit, "after {times} failures: {}", harbour.calls_text());
            harbour.wait(Duration::from_secs(1)).await;
        }
        harbour.world().faults().clear();
        harbour.wait(Duration::from_secs(600)).await;
        assert!(harbour.objects("apigatewayv2", "apis").contains_key(&twin), "people have built in it");
    }
}
