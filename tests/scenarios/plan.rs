//! What `hatoba plan` says: the same assessment as the daemon's, for the whole chain, with nothing written.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_core::Key;
use hatoba_engine::{Impact, Options, Plan, PlanAction, check};
use hatoba_kinds::KindId;
use hatoba_tests::{ARTICLE, Harbour, snapshot};
use serde_json::json;

fn actions(plan: &Plan) -> Vec<String> {
    let line = |entry: &hatoba_engine::PlanEntry| format!("{:?} {}", entry.action, entry.document);
    plan.entries.iter().filter(|entry| entry.action != PlanAction::None).map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn the_whole_chain_from_nothing_with_what_comes_after_what() {
    let harbour = Harbour::new();
    harbour.engine.accept(snapshot(ARTICLE));
    let plan = harbour.engine.plan().await.unwrap();
    assert_eq!(
        actions(&plan),
        [
            "Create HttpApi/crazy-api",
            "Create PrivateDnsNamespace/private-example-com",
            "Create VpcLink/fine-vpc-link",
            "Create DiscoveryService/great-service-discovery",
            "Create Stage/default-stage",
            "Create EcsService/great-service",
            "Create Integration/to-great-service",
            "Create Route/default-route",
        ]
    );
    assert_eq!(plan.writes, 8);
    let integration = plan.entries.iter().find(|entry| entry.document.kind == "Integration").unwrap();
    let link = integration.fields.iter().find(|field| field.path == "connectionId").unwrap();
    assert_eq!(link.to, json!("(after VpcLink/fine-vpc-link)"));
    assert!(integration.after.contains(&Key::new("VpcLink", "fine-vpc-link")));
    assert_eq!(harbour.writes().len(), 0, "a plan writes nothing:\n{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_converged_world_has_an_empty_plan_and_drift_shows_field_by_field() {
    let mut harbour = Harbour::new();
    harbour.start(ARTICLE);
    harbour.converge(Duration::from_secs(600)).await;
    harbour.kill();
    let plan = planned(&mut harbour, ARTICLE).await;
    assert!(actions(&plan).is_empty(), "{:?}", actions(&plan));
    assert!(!plan.has_changes());

    let api = harbour.only("apigatewayv2", "apis").0;
    let patch =
        Request::rest("PATCH", &format!("/v2/apis/{api}"), &json!({ "name": "by-hand", "description": "x" }));
    harbour.meddle(&patch).await;
    let plan = planned(&mut harbour, ARTICLE).await;
    assert_eq!(actions(&plan), ["Update HttpApi/crazy-api"]);
    let entry = plan.entries.iter().find(|entry| entry.action == PlanAction::Update).unwrap();
    let shown: Vec<String> =
        entry.fields.iter().map(|f| format!("{}: {} → {}", f.path, f.from, f.to)).collect();
    assert_eq!(shown, ["name: \"by-hand\" → \"crazy-api\"", "description: \"x\" → \"\""]);
    assert_eq!(plan.writes, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_there_is_shown_of_tags_and_of_defaults_too() {
    let mut harbour = Harbour::new();
    let labelled = |labels: &str| {
        let named = |rest: &str| format!("metadata: {{ name: crazy-api{rest} }}");
        ARTICLE.replace(&named(""), &named(&format!(", labels: {{ {labels} }}")))
    };
    harbour.start(&labelled("team: web, Env: prod"));
    harbour.converge(Duration::from_secs(600)).await;
    harbour.kill();
    let documents = labelled("team: shop").replace("autoDeploy: true", "autoDeploy: false");
    let plan = planned(&mut harbour, &documents).await;
    let shown = |kind: &str| {
        let entry = plan.entries.iter().find(|entry| entry.document.kind == kind).unwrap();
        let line = |f: &hatoba_core::FieldDrift| format!("{}: {} → {}", f.path, f.from, f.to);
        entry.fields.iter().map(line).collect::<Vec<_>>()
    };
    let tags = shown("HttpApi");
    for line in ["tags.team: \"web\" → \"shop\"", "tags.Env: \"prod\" → null"] {
        assert!(tags.iter().any(|shown| shown == line), "{line}: {tags:?}");
    }
    assert!(shown("Stage").contains(&"autoDeploy: true → false".to_owned()), "{:?}", shown("Stage"));
}

#[tokio::test(start_paused = true)]
async fn a_replacement_says_so_and_what_moves_with_it() {
    let mut harbour = Harbour::new();
    harbour.start(ARTICLE);
    harbour.converge(Duration::from_secs(600)).await;
    harbour.kill();
    let other = ARTICLE.replace(
        "  subnetSelector: { tags: { Tier: private } }\n  securityGroupSelector",
        "  subnetSelector: { tags: { Tier: public } }\n  securityGroupSelector",
    );
    assert_ne!(other, ARTICLE);
    let plan = planned(&mut harbour, &other).await;
    assert_eq!(actions(&plan), ["Replace VpcLink/fine-vpc-link", "Update Integration/to-great-service"]);
    assert_eq!(plan.writes, 3, "the new link, the integration, the old link");
}

/// Wherever a replacement was cut short, the plan shows what is still to come.
#[tokio::test(start_paused = true)]
async fn a_replacement_that_was_cut_short_is_not_over() {
    let other = ARTICLE.replace(
        "  subnetSelector: { tags: { Tier: private } }\n  securityGroupSelector",
        "  subnetSelector: { tags: { Tier: public } }\n  securityGroupSelector",
    );
    let mut harbour = Harbour::converged(Options::default(), ARTICLE).await;
    harbour.kill_and_restart(&other);
    harbour.wait(Duration::from_secs(20)).await;
    assert_eq!(harbour.write_names(), ["CreateVpcLink"]);
    harbour.kill();
    let plan = planned(&mut harbour, &other).await;
    assert_eq!(actions(&plan), ["Replace VpcLink/fine-vpc-link", "Update Integration/to-great-service"]);
    assert_eq!(plan.writes, 2, "the integration, the old link");

    harbour.kill_and_restart(&other);
    while !harbour.write_names().contains(&"UpdateIntegration".to_owned()) {
        harbour.wait(Duration::from_secs(1)).await;
    }
    harbour.kill();
    let plan = planned(&mut harbour, &other).await;
    assert_eq!((actions(&plan), plan.writes), (vec!["Delete VpcLink/fine-vpc-link".to_owned()], 1));

    harbour.kill_and_restart(&other);
    harbour.converge(Duration::from_secs(600)).await;
    harbour.wait(Duration::from_secs(120)).await;
    harbour.kill();
    assert!(!planned(&mut harbour, &other).await.has_changes());
}

/// The old one is drained and goes: that is no mere creation.
#[tokio::test(start_paused = true)]
async fn a_renamed_service_is_a_replacement() {
    let named = Options { owner: "team".to_owned(), owner_is_explicit: true, ..Options::default() };
    let mut harbour = Harbour::converged(named, ARTICLE).await;
    harbour.kill();
    let renamed = ARTICLE.replace("  cluster: main #", "  serviceName: renamed\n  cluster: main #");
    assert_ne!(renamed, ARTICLE);
    let plan = planned(&mut harbour, &renamed).await;
    assert_eq!(actions(&plan), ["Replace EcsService/great-service"]);
    let entry = plan.entries.iter().find(|entry| entry.action == PlanAction::Replace).unwrap();
    assert_eq!((entry.verdict, plan.writes), (Some(Impact::ConnectionChurn), 3), "{entry:?}");
}

/// What names a held document resolves through what is there, so nothing but the held one differs.
#[tokio::test(start_paused = true)]
async fn a_held_document_makes_no_other_differ() {
    let mut harbour = Harbour::new();
    harbour.start(ARTICLE);
    harbour.converge(Duration::from_secs(600)).await;
    harbour.kill();
    for (right, wrong, held) in [
        ("crazy-api }\nspec: {}", "crazy-api }\nspec: { bogus: 1 }", "HttpApi/crazy-api"),
        ("ttl: 60", "ttl: -60", "DiscoveryService/great-service-discovery"),
        ("integrationType: HTTP_PROXY", "integrationType: MOCK", "Integration/to-great-service"),
    ] {
        let documents = ARTICLE.replace(right, wrong);
        assert_ne!(documents, ARTICLE, "{right}");
        let plan = planned(&mut harbour, &documents).await;
        assert_eq!(actions(&plan), [format!("Held {held}")]);
        assert!(!plan.has_changes());
    }
}

/// A plan by a process that has seen nothing yet.
async fn planned(harbour: &mut Harbour, documents: &str) -> Plan {
    harbour.clear_calls();
    harbour.renew();
    harbour.engine.accept(snapshot(documents));
    let plan = harbour.engine.plan().await.unwrap();
    assert_eq!(harbour.writes().len(), 0, "a plan writes nothing:\n{}", harbour.calls_text());
    plan
}

#[test]
fn every_kinds_sample_is_a_good_document() {
    for kind in KindId::ALL {
        let checked = check(&snapshot(kind.sample()));
        // What it names is not there, and nothing else is wrong.
        let wrong =
            checked.diagnostics.iter().filter(|found| !found.message.contains("expected the name of a"));
        assert_eq!(wrong.count(), 0, "{}: {:#?}", kind.table().kind, checked.diagnostics);
        assert_eq!(checked.desired.len() + checked.held.len(), 1);
    }
    let found = check(&snapshot(ARTICLE)).diagnostics;
    let rules: Vec<_> = found.iter().map(|found| (found.is_error(), found.rule)).collect();
    assert_eq!(rules, [(false, Some("PublicRoute"))], "{found:#?}");
}
