//! The chain is used while it is changed: no request fails when a link or an integration is replaced.

use std::time::Duration;

use hatoba_aws_model::{Config, Delays, Request};
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::json;

use crate::prune;

const TEN_MINUTES: Duration = Duration::from_secs(600);
/// Long enough for what is no longer used to be seen unused, and removed.
const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

const LINK: &str = "  subnetSelector: { tags: { Tier: private } }\n  securityGroupSelector: { tags: { Name: great-sg } }\n---\napiVersion: hatoba/v1\nkind: Integration";

/// The article with the link in one subnet.
fn with_one_subnet() -> String {
    let narrow =
        LINK.replace("subnetSelector: { tags: { Tier: private } }", "subnetIds: [subnet-0aa11bb22cc33dd44]");
    let changed = ARTICLE.replace(LINK, &narrow);
    assert_ne!(changed, ARTICLE);
    changed
}

/// The article with an integration that speaks TLS.
fn with_tls() -> String {
    let tls = "  vpcLinkRef: fine-vpc-link\n  tlsConfig: { serverNameToVerify: web.internal }\n";
    let changed = ARTICLE.replace("  vpcLinkRef: fine-vpc-link\n", tls);
    assert_ne!(changed, ARTICLE);
    changed
}

fn only_live(harbour: &Harbour, collection: &str) -> String {
    let live = harbour.live("apigatewayv2", collection);
    assert_eq!(live.len(), 1, "{collection}: {live:#?}\n{}", harbour.calls_text());
    live.into_keys().next().unwrap()
}

/// A converged world, a visitor who has been content for a while, and then other documents until all is quiet.
async fn visited(before: &str, after: &str, story: &str) -> Harbour {
    let harbour = Harbour::converged(Options::default(), before).await;
    let visitor = harbour.visitor("/orders/7");
    harbour.wait(Duration::from_secs(1)).await;
    visitor.assert_content(&harbour, "before anything happens");
    harbour.documents(after);
    harbour.wait(Duration::from_secs(1)).await;
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(HALF_AN_HOUR).await;
    assert!(harbour.is_converged(), "{story}: {}", harbour.describe());
    visitor.assert_content(&harbour, story);
    harbour
}

#[tokio::test(start_paused = true)]
async fn the_converged_chain_is_served() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let answer = harbour.invoke("/orders/7?a=1");
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!((&body["servedBy"]["service"], &body["path"]), (&json!("great-service"), &json!("/orders/7")));
    assert_eq!(body["servedBy"]["taskDefinition"], "great-task:1");
}

#[tokio::test(start_paused = true)]
async fn no_request_fails_while_a_link_is_replaced() {
    let harbour = visited(ARTICLE, &with_one_subnet(), "other subnets").await;
    let link = only_live(&harbour, "vpcLinks");
    let (_, integration) = harbour.only("apigatewayv2", "integrations");
    assert_eq!(integration["connectionId"], link.as_str());
    assert_eq!((harbour.count("CreateVpcLink").1, harbour.count("DeleteVpcLink").1), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn no_request_fails_while_an_integration_is_replaced() {
    let harbour = visited(&with_tls(), ARTICLE, "no TLS any more").await;
    only_live(&harbour, "integrations");
    assert_eq!((harbour.count("CreateIntegration").1, harbour.count("DeleteIntegration").1), (1, 1));
    assert_eq!(harbour.invoke("/").json()["scheme"], "http");
}

#[tokio::test(start_paused = true)]
async fn no_request_fails_while_link_and_integration_are_replaced_together() {
    let harbour = visited(&with_tls(), &with_one_subnet(), "other subnets, and no TLS").await;
    only_live(&harbour, "vpcLinks");
    only_live(&harbour, "integrations");
}

#[tokio::test(start_paused = true)]
async fn no_request_fails_when_documents_get_other_names() {
    let renamed =
        ARTICLE.replace("fine-vpc-link", "finer-vpc-link").replace("to-great-service", "to-the-service");
    let harbour = prune::converged().await;
    let visitor = harbour.visitor("/");
    prune::for_minutes(&harbour, 30, &renamed).await;
    assert!(harbour.is_converged(), "{}", harbour.describe());
    visitor.assert_content(&harbour, "another link and another integration");
    only_live(&harbour, "vpcLinks");
    only_live(&harbour, "integrations");
}

/// AWS names no time for an automatic deployment.
#[tokio::test(start_paused = true)]
async fn no_request_fails_while_a_slow_deployment_still_leads_through_the_old_link() {
    let delays = Delays { auto_deploy: Duration::from_secs(45), ..Delays::default() };
    let mut harbour = Harbour::with(Options::default(), Config { delays, ..Config::default() });
    harbour.start(&with_tls());
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(Duration::from_secs(90)).await;
    harbour.clear_calls();
    let visitor = harbour.visitor("/");
    harbour.documents(&with_one_subnet());
    harbour.wait(HALF_AN_HOUR).await;
    visitor.assert_content(&harbour, "a deployment takes 45 s");
    only_live(&harbour, "vpcLinks");
    only_live(&harbour, "integrations");
}

#[tokio::test(start_paused = true)]
async fn no_request_fails_while_the_process_that_replaces_dies() {
    let after = with_one_subnet();
    for seconds in [1, 60, 100, 110, 130] {
        let mut harbour = Harbour::converged(Options::default(), ARTICLE).await;
        let visitor = harbour.visitor("/");
        harbour.documents(&after);
        harbour.wait(Duration::from_secs(seconds)).await;
        harbour.kill_and_restart(&after);
        harbour.converge(TEN_MINUTES).await;
        harbour.wait(HALF_AN_HOUR).await;
        visitor.assert_content(&harbour, &format!("killed after {seconds} s"));
        only_live(&harbour, "vpcLinks");
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_fails_while_drift_is_repaired() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let visitor = harbour.visitor("/");
    let api = harbour.only("apigatewayv2", "apis").0;
    let child = |collection: &str| {
        harbour.only("apigatewayv2", collection).0.replace('/', &format!("/{collection}/"))
    };
    let (integration, route) = (child("integrations"), child("routes"));
    let patch = |path: &str, body| Request::rest("PATCH", &format!("/v2/apis/{path}"), &body);
    for meddling in [
        patch(&api, json!({ "name": "stranger", "corsConfiguration": { "allowOrigins": ["https://x"] } })),
        patch(
            &integration,
            json!({ "timeoutInMillis": 5000, "requestParameters": { "overwrite:path": "/else" } }),
        ),
        patch(&integration, json!({ "tlsConfig": { "serverNameToVerify": "x" } })),
        patch(&route, json!({ "operationName": "stranger" })),
        patch(
            &format!("{api}/stages/%24default"),
            json!({ "description": "stranger", "stageVariables": { "a": "b" } }),
        ),
    ] {
        harbour.meddle(&meddling).await;
        harbour.wait(TEN_MINUTES).await;
        assert!(harbour.is_converged(), "{}: {}", meddling.uri, harbour.describe());
        visitor.assert_content(&harbour, &meddling.uri);
    }
    assert_eq!(harbour.invoke("/here").json()["path"], "/here");
}

#[tokio::test(start_paused = true)]
async fn a_visitor_notices_what_is_broken_until_it_is_repaired() {
    let health = "---\napiVersion: hatoba/v1\nkind: Route\nmetadata: { name: health }\n\
                  spec: { apiRef: crazy-api, routeKey: GET /health, integrationRef: to-great-service }\n";
    let harbour = Harbour::converged(Options::default(), &format!("{ARTICLE}\n{health}")).await;
    let visitor = harbour.visitor("/");
    let routes = harbour.objects("apigatewayv2", "routes");
    let default = routes.iter().find(|(_, route)| route["routeKey"] == "$default").unwrap().0;
    let delete =
        Request::rest("DELETE", &format!("/v2/apis/{}", default.replace('/', "/routes/")), &json!(null));
    harbour.meddle(&delete).await;
    harbour.wait(TEN_MINUTES).await;
    let failures = visitor.report().failures;
    assert!(failures.first().is_some_and(|first| first.contains("404")), "{failures:?}");
    let sent = visitor.report().failures.len();
    assert_eq!(harbour.invoke("/").status, 200);
    harbour.wait(TEN_MINUTES).await;
    assert_eq!(visitor.report().failures.len(), sent, "served again");
}
