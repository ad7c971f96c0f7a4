//! Authorizers: made, replaced under their routes, cleared away; and those that somebody made by hand.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::{Value, json};

use crate::prune::{explicit, for_minutes, held};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const RESYNC: Duration = Duration::from_secs(310);

const JWT: &str = r#"authorizerType: JWT
  jwtConfiguration: { issuer: "https://issuer.example.com", audience: [app, web] }"#;
const LAMBDA: &str = r#"authorizerType: REQUEST
  authorizerUri: arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:gate/invocations
  authorizerPayloadFormatVersion: "2.0""#;

/// An API with an integration and a stage.
const BASE: &str = r#"apiVersion: hatoba/v1
kind: HttpApi
metadata: { name: shop }
spec: {}
---
apiVersion: hatoba/v1
kind: Integration
metadata: { name: back }
spec: { apiRef: shop, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "https://example.com" }
---
apiVersion: hatoba/v1
kind: Stage
metadata: { name: prod }
spec: { apiRef: shop, stageName: $default }
"#;

/// The API with an authorizer and two routes that ask it.
fn documents(authorizer: &str, kind: &str) -> String {
    let routes = routes(&format!("authorizationType: {kind}, authorizerRef: web"));
    format!(
        "{BASE}---\napiVersion: hatoba/v1\nkind: Authorizer\nmetadata: {{ name: web }}\nspec:\n  apiRef: shop\n  {authorizer}\n---\n{routes}"
    )
}

fn routes(authorization: &str) -> String {
    let route = |name: &str, key: &str| {
        format!(
            "apiVersion: hatoba/v1\nkind: Route\nmetadata: {{ name: {name} }}\nspec: {{ apiRef: shop, routeKey: \"{key}\", integrationRef: back, {authorization} }}\n"
        )
    };
    format!("{}---\n{}", route("list", "GET /orders"), route("place", "POST /orders"))
}

fn open_routes() -> String {
    format!("{BASE}---\n{}", routes("authorizationType: NONE"))
}

fn names(harbour: &Harbour) -> Vec<String> {
    let authorizers = harbour.objects("apigatewayv2", "authorizers");
    let mut names: Vec<String> =
        authorizers.values().map(|authorizer| authorizer["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Both routes are there, and each asks an authorizer that is there and of its type.
fn assert_nothing_is_open(harbour: &Harbour, story: &str) {
    let routes = harbour.objects("apigatewayv2", "routes");
    assert_eq!(routes.len(), 2, "{story}: a route is missing");
    let authorizers = harbour.objects("apigatewayv2", "authorizers");
    for route in routes.values() {
        let asked = authorizers.values().find(|a| a["authorizerId"] == route["authorizerId"]);
        let fits = match asked.map(|asked| asked["authorizerType"].as_str().unwrap()) {
            Some("JWT") => route["authorizationType"] == "JWT",
            Some("REQUEST") => route["authorizationType"] == "CUSTOM",
            _ => false,
        };
        assert!(fits, "{story}: {route:#} asks {asked:#?}\n{}", harbour.calls_text());
    }
}

/// Lets time pass a few milliseconds at a time, and looks at the routes each time.
async fn watch(harbour: &Harbour, duration: Duration, story: &str) {
    let begun = tokio::time::Instant::now();
    let mut calls = usize::MAX;
    while begun.elapsed() < duration {
        harbour.wait(Duration::from_millis(5).min(duration - begun.elapsed())).await;
        let now = harbour.calls().len();
        if now != calls {
            calls = now;
            assert_nothing_is_open(harbour, story);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_jwt_authorizer_and_its_routes_converge_and_are_left_alone() {
    let mut harbour = Harbour::new();
    harbour.start(&documents(JWT, "JWT"));
    harbour.converge(TEN_MINUTES).await;
    let (_, authorizer) = harbour.only("apigatewayv2", "authorizers");
    assert_eq!(authorizer["name"], "web");
    assert_eq!(authorizer["identitySource"], json!(["$request.header.Authorization"]));
    assert_nothing_is_open(&harbour, "from nothing");
    assert_eq!(harbour.writes().len(), 6, "{}", harbour.calls_text());
    let tags = harbour.only("apigatewayv2", "apis").1["tags"].clone();
    assert!(
        tags["hatoba:named"].is_string(),
        "the API says from its making on that the name is ours: {tags}"
    );
    harbour.wait(RESYNC).await;
    harbour.kill_and_restart(&documents(JWT, "JWT"));
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.writes().len(), 6, "{}", harbour.calls_text());
    assert_eq!(harbour.engine.picture().rogue_children, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_authorizer_of_another_type_takes_its_routes_over_one_by_one() {
    let harbour = Harbour::converged(Options::default(), &documents(JWT, "JWT")).await;
    for (documents, name) in [(documents(LAMBDA, "CUSTOM"), "web~2"), (documents(JWT, "JWT"), "web~3")] {
        harbour.clear_calls();
        harbour.documents(&documents);
        watch(&harbour, Duration::from_secs(90), name).await;
        harbour.converge(TEN_MINUTES).await;
        assert_eq!(names(&harbour), [name], "{}", harbour.calls_text());
        // Not one that AWS must refuse: a route changes its type and its authorizer in one call.
        let expected = ["CreateAuthorizer", "UpdateRoute", "UpdateRoute", "DeleteAuthorizer"];
        assert_eq!(harbour.write_names(), expected, "{}", harbour.calls_text());
        assert!(harbour.writes().iter().all(|call| call.status < 300), "{}", harbour.calls_text());
    }
}

/// Somebody changes the type in AWS, under its routes: another one is made, and no route is written before it is there.
#[tokio::test(start_paused = true)]
async fn a_type_that_was_changed_by_hand_sends_no_call_that_must_fail() {
    let harbour = Harbour::converged(Options::default(), &documents(JWT, "JWT")).await;
    let (id, _) = harbour.only("apigatewayv2", "authorizers");
    let (api, authorizer) = id.split_once('/').unwrap();
    let function = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/x/invocations";
    let change = json!({
        "authorizerType": "REQUEST", "authorizerUri": function, "authorizerPayloadFormatVersion": "2.0",
    });
    let uri = format!("/v2/apis/{api}/authorizers/{authorizer}");
    harbour.meddle(&Request::rest("PATCH", &uri, &change)).await;
    harbour.clear_calls();
    harbour.wait(RESYNC).await;
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(RESYNC).await;
    assert_eq!(names(&harbour), ["web~2"], "{}", harbour.calls_text());
    assert_nothing_is_open(&harbour, "put back");
    assert!(harbour.writes().iter().all(|call| call.status < 300), "{}", harbour.calls_text());
}

/// Signed by nobody (the model looks at the claims alone): issuer.example.com, for `web`, until the year 3000.
const TOKEN: &str = "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlLmNvbSIsImF1ZCI6IndlYiIsImV4cCI6MzI1MDM2ODAwMDAsImlhdCI6MX0.c2ln";

#[tokio::test(start_paused = true)]
async fn no_request_fails_while_an_authorizer_is_replaced() {
    // The back end that the model serves: what the routes lead to otherwise is not there.
    let served = |authorizer: &str, kind: &str| {
        let asks = format!("routeKey: GET /orders, authorizationType: {kind}, authorizerRef: web,");
        let chain = ARTICLE.replace("routeKey: $default,", &asks);
        assert_ne!(chain, ARTICLE);
        format!(
            "{chain}\n---\napiVersion: hatoba/v1\nkind: Authorizer\nmetadata: {{ name: web }}\nspec:\n  apiRef: crazy-api\n  {authorizer}\n"
        )
    };
    let harbour = Harbour::converged(Options::default(), &served(JWT, "JWT")).await;
    assert_eq!(harbour.invoke("/orders").status, 401, "without a token");
    let visitor = harbour.visitor_with("/orders", &[("authorization", TOKEN)]);
    for (documents, name) in [(served(LAMBDA, "CUSTOM"), "web~2"), (served(JWT, "JWT"), "web~3")] {
        harbour.documents(&documents);
        harbour.wait(Duration::from_secs(1)).await;
        harbour.converge(TEN_MINUTES).await;
        harbour.wait(RESYNC).await;
        assert_eq!(names(&harbour), [name], "{}", harbour.calls_text());
        visitor.assert_content(&harbour, name);
    }
    assert_eq!(harbour.invoke("/orders").status, 401, "still");
}

#[tokio::test(start_paused = true)]
async fn killed_around_every_write_of_a_replacement_nothing_is_open_and_it_is_finished() {
    let (old, new) = (documents(JWT, "JWT"), documents(LAMBDA, "CUSTOM"));
    let reference = Harbour::converged(Options::default(), &old).await;
    reference.documents(&new);
    reference.converge(TEN_MINUTES).await;
    reference.wait(Duration::from_secs(60)).await;
    assert_eq!(names(&reference), ["web~2"]);
    let begun = reference.calls()[0].at - Duration::from_millis(15); // the first call's way in
    let times: Vec<Duration> = reference.writes().iter().map(|call| call.at - begun).collect();
    drop(reference);
    assert!(times.len() >= 4, "{times:?}");
    for time in times {
        // A call takes 30 ms: on its way in, done and not answered, answered.
        for offset in [-20_i64, -5, 5, 20, 40] {
            let milliseconds = u64::try_from((time.as_millis() as i64 + offset).max(1)).unwrap();
            let story = format!("killed {milliseconds} ms after the change");
            let mut harbour = Harbour::converged(Options::default(), &old).await;
            harbour.documents(&new);
            watch(&harbour, Duration::from_millis(milliseconds), &story).await;
            harbour.kill_and_restart(&new);
            watch(&harbour, Duration::from_secs(30), &story).await;
            harbour.converge(TEN_MINUTES).await;
            harbour.wait(Duration::from_secs(30)).await;
            assert_eq!(names(&harbour), ["web~2"], "{story}\n{}", harbour.calls_text());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_makes_no_second_one() {
    let harbour = Harbour::converged(Options::default(), &documents(JWT, "JWT")).await;
    harbour.world().faults().lose_answer("CreateAuthorizer", 1);
    harbour.documents(&documents(LAMBDA, "CUSTOM"));
    watch(&harbour, Duration::from_secs(120), "the answer is lost").await;
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(names(&harbour), ["web~2"]);
    assert_eq!(harbour.count("CreateAuthorizer"), (1, 1), "{}", harbour.calls_text());
}

/// Somebody makes an authorizer in our API.
async fn by_hand(harbour: &Harbour, name: &str) {
    let api = harbour.only("apigatewayv2", "apis").0;
    let body = json!({
        "name": name, "authorizerType": "JWT", "identitySource": ["$request.header.X"],
        "jwtConfiguration": { "issuer": "https://other.example", "audience": ["x"] },
    });
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{api}/authorizers"), &body)).await;
}

#[tokio::test(start_paused = true)]
async fn one_whose_document_went_goes_and_one_made_by_hand_stays() {
    let mut harbour = Harbour::converged(explicit(), &documents(JWT, "JWT")).await;
    by_hand(&harbour, "stranger").await;
    by_hand(&harbour, "web~7~x").await;
    // The process that knew the document is gone too: the mark is in AWS.
    harbour.kill();
    harbour.renew();
    harbour.start(&open_routes());
    for_minutes(&harbour, 9, &open_routes()).await;
    assert_eq!(names(&harbour), ["stranger", "web", "web~7~x"], "within the grace");
    for_minutes(&harbour, 8, &open_routes()).await;
    assert_eq!(names(&harbour), ["stranger", "web~7~x"], "{}", harbour.calls_text());
    let rogue = harbour.engine.picture().rogue_children;
    assert_eq!(rogue.len(), 2, "{rogue:?}");
    let tags = harbour.only("apigatewayv2", "apis").1["tags"].clone();
    assert!(tags.get("hatoba:named").is_none(), "what is gone is no longer ours by name: {tags}");
    by_hand(&harbour, "web").await;
    for_minutes(&harbour, 20, &open_routes()).await;
    assert_eq!(names(&harbour).len(), 3, "a new one of the old name is somebody's");
}

/// What cannot be listed may be a stranger's, and an API takes all that stands in it along.
#[tokio::test(start_paused = true)]
async fn an_api_whose_authorizers_cannot_be_listed_is_kept() {
    let other = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: other }\nspec: {}\n";
    let lone = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: lone }\nspec: {}\n";
    let harbour = Harbour::converged(explicit(), &format!("{lone}---\n{other}")).await;
    harbour.world().faults().fail("GetAuthorizers", 100_000, 500, "InternalServerException", "no");
    for_minutes(&harbour, 40, other).await;
    assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 2, "{}", harbour.calls_text());
    assert_eq!(held(&harbour), ["UsersUnknown"]);
    harbour.world().faults().clear();
    for_minutes(&harbour, 20, other).await;
    assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 1, "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn all_goes_in_order_killed_or_not() {
    let other = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: other }\nspec: {}\n";
    for kills in [0_u64, 7] {
        let all = format!("{}---\n{other}", documents(JWT, "JWT"));
        let mut harbour = Harbour::converged(explicit(), &all).await;
        for_minutes(&harbour, 10, other).await;
        for kill in 0..kills {
            harbour.wait(Duration::from_millis(37 + 11 * kill)).await;
            harbour.kill();
            harbour.renew();
            harbour.start(other);
            for_minutes(&harbour, 10, other).await;
        }
        for_minutes(&harbour, 12, other).await;
        for collection in ["routes", "authorizers", "integrations", "stages"] {
            let left = harbour.objects("apigatewayv2", collection);
            assert!(left.is_empty(), "{left:#?}\n{:?}", held(&harbour));
        }
        assert_eq!(harbour.only("apigatewayv2", "apis").1["name"], "other");
        let writes = harbour.write_names();
        let at = |name: &str| writes.iter().position(|write| write == name).expect(name);
        assert!(at("DeleteRoute") < at("DeleteAuthorizer"), "{writes:?}");
        assert!(at("DeleteAuthorizer") < at("DeleteApi"), "{writes:?}");
        let refused = harbour.writes().into_iter().filter(|call| call.status >= 300).count();
        assert_eq!(refused, 0, "{}", harbour.calls_text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_authorizer_is_listed_before_it_could_be_orphaned() {
    let two = |name: &str| {
        format!(
            "---\napiVersion: hatoba/v1\nkind: Authorizer\nmetadata: {{ name: {name} }}\nspec:\n  apiRef: shop\n  {JWT}\n"
        )
    };
    let harbour = Harbour::converged(explicit(), &documents(JWT, "JWT")).await;
    harbour.documents(&format!("{}{}", documents(JWT, "JWT"), two("second")));
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(Duration::from_secs(10)).await;
    let mut writes = harbour.write_names();
    writes.sort();
    assert_eq!(writes, ["CreateAuthorizer", "TagResource"], "{}", harbour.calls_text());
    let listed = harbour.only("apigatewayv2", "apis").1["tags"]["hatoba:named"].as_str().unwrap().to_owned();
    assert_eq!(listed.split(' ').count(), 2, "{listed}");
    for_minutes(&harbour, 18, &documents(JWT, "JWT")).await;
    assert_eq!(names(&harbour), ["web"]);
}

/// A name is listed in its API's tags for as long as an authorizer bears it: that is how it is known as ours.
#[tokio::test(start_paused = true)]
async fn one_that_is_renamed_and_then_replaced_is_cleared_away() {
    let (one, two) = (format!("name: one\n  {LAMBDA}"), format!("name: two\n  {LAMBDA}"));
    let documents = |authorizer: &str| {
        format!(
            "{}---\napiVersion: hatoba/v1\nkind: Authorizer\nmetadata: {{ name: web }}\nspec:\n  apiRef: shop\n  {authorizer}\n",
            open_routes()
        )
    };
    let harbour = Harbour::converged(explicit(), &documents(&two)).await;
    for_minutes(&harbour, 10, &documents(&two)).await;
    harbour.documents(&documents(&one));
    harbour.wait(Duration::from_millis(1_700)).await;
    harbour.documents(&documents(JWT));
    for_minutes(&harbour, 30, &documents(JWT)).await;
    assert_eq!(names(&harbour), ["web~2"], "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_reference_to_a_held_authorizer_still_resolves() {
    let bad = documents(JWT, "JWT").replace("audience: [app, web]", "audience: []");
    let mut harbour = Harbour::converged(Options::default(), &documents(JWT, "JWT")).await;
    harbour.kill_and_restart(&bad);
    harbour.wait(Duration::from_secs(60)).await;
    assert_eq!(harbour.status("Authorizer", "web").synced.reason.as_str(), "Invalid");
    assert_eq!(harbour.status("Route", "list").synced.status.as_str(), "True", "{}", harbour.describe());
    assert_nothing_is_open(&harbour, "held");
    assert_eq!(harbour.writes().len(), 0);
}

/// Every field that somebody can change, of an authorizer and of how a route is authorised.
#[tokio::test(start_paused = true)]
async fn every_changed_field_is_put_back_in_one_write() {
    let lambda = format!(
        "{LAMBDA}\n  identitySource: [$request.header.A, $request.header.B]\n  enableSimpleResponses: true\n  authorizerResultTtlInSeconds: 60"
    );
    let role = "arn:aws:iam::123456789012:role/stranger";
    let elsewhere = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/x/invocations";
    let jwt = |issuer: &str, audience: Value| json!({ "jwtConfiguration": { "issuer": issuer, "audience": audience } });
    let issuer = "https://issuer.example.com";
    for (documents, meddlings) in [
        (
            documents(JWT, "JWT"),
            vec![
                ("authorizers", json!({ "name": "stranger" })),
                ("authorizers", json!({ "identitySource": ["$request.querystring.token"] })),
                ("authorizers", jwt("https://other.example.com", json!(["app", "web"]))),
                ("authorizers", jwt(issuer, json!(["app"]))),
                ("routes", json!({ "authorizationType": "NONE", "authorizerId": "" })),
                ("routes", json!({ "authorizationType": "AWS_IAM" })),
                ("routes", json!({ "authorizationScopes": ["admin"] })),
            ],
        ),
        (
            documents(&lambda, "CUSTOM"),
            vec![
                ("authorizers", json!({ "authorizerUri": elsewhere })),
                ("authorizers", json!({ "authorizerCredentialsArn": role })),
                (
                    "authorizers",
                    json!({ "authorizerPayloadFormatVersion": "1.0", "enableSimpleResponses": false }),
                ),
                ("authorizers", json!({ "authorizerResultTtlInSeconds": 5 })),
                ("authorizers", json!({ "enableSimpleResponses": false })),
                ("authorizers", json!({ "identitySource": ["$request.header.A"] })),
                ("routes", json!({ "authorizationType": "NONE", "authorizerId": "" })),
            ],
        ),
    ] {
        let harbour = Harbour::converged(Options::default(), &documents).await;
        for (collection, change) in meddlings {
            let (id, before) = harbour.objects("apigatewayv2", collection).into_iter().next().unwrap();
            let (api, child) = id.split_once('/').unwrap();
            let uri = format!("/v2/apis/{api}/{collection}/{child}");
            harbour.meddle(&Request::rest("PATCH", &uri, &change)).await;
            harbour.clear_calls();
            harbour.wait(RESYNC).await;
            harbour.converge(TEN_MINUTES).await;
            let expected = if collection == "routes" { "UpdateRoute" } else { "UpdateAuthorizer" };
            assert_eq!(harbour.write_names(), [expected], "{change}\n{}", harbour.calls_text());
            assert_eq!(harbour.objects("apigatewayv2", collection)[&id], before, "{change}");
            harbour.wait(Duration::from_secs(60)).await;
        }
    }
}

/// Every member set, then left out or nulled: in AWS it is as if it had never been said.
#[tokio::test(start_paused = true)]
async fn what_is_taken_out_of_the_document_goes_in_aws() {
    let full = format!(
        "{LAMBDA}\n  identitySource: [$request.header.A]\n  enableSimpleResponses: true\n  authorizerResultTtlInSeconds: 60\n  authorizerCredentialsArn: arn:aws:iam::123456789012:role/gate"
    );
    let nulled = format!(
        "{LAMBDA}\n  identitySource: null\n  enableSimpleResponses: null\n  authorizerResultTtlInSeconds: null\n  authorizerCredentialsArn: null"
    );
    let mut plain = Harbour::with(Options::default(), Config::default());
    plain.start(&documents(LAMBDA, "CUSTOM"));
    plain.converge(TEN_MINUTES).await;
    let comparable = |harbour: &Harbour| {
        let mut authorizer = harbour.only("apigatewayv2", "authorizers").1;
        for id in ["authorizerId", "apiId"] {
            authorizer.as_object_mut().unwrap().remove(id);
        }
        authorizer
    };
    for emptied in [LAMBDA, &nulled] {
        let harbour = Harbour::converged(Options::default(), &documents(&full, "CUSTOM")).await;
        assert_ne!(comparable(&harbour), comparable(&plain));
        harbour.documents(&documents(emptied, "CUSTOM"));
        harbour.wait(Duration::from_secs(30)).await;
        harbour.converge(TEN_MINUTES).await;
        assert_eq!(harbour.write_names(), ["UpdateAuthorizer"], "{}", harbour.calls_text());
        assert_eq!(comparable(&harbour), comparable(&plain), "{emptied}");
    }
}

/// The call itself keeps no answers unless asked to: what leaving it out means is sent, and only where it is taken.
#[tokio::test(start_paused = true)]
async fn answers_are_kept_as_long_as_leaving_it_out_means() {
    for (documents, kept) in [
        (documents(LAMBDA, "CUSTOM"), json!(300)),
        (documents(&format!("{LAMBDA}\n  authorizerResultTtlInSeconds: 0"), "CUSTOM"), json!(0)),
        (documents(JWT, "JWT"), Value::Null),
    ] {
        let mut harbour = Harbour::new();
        harbour.start(&documents);
        harbour.converge(TEN_MINUTES).await;
        harbour.wait(RESYNC).await;
        let (_, authorizer) = harbour.only("apigatewayv2", "authorizers");
        assert_eq!(authorizer["authorizerResultTtlInSeconds"], kept, "{authorizer:#}");
        assert_eq!((harbour.count("CreateAuthorizer"), harbour.count("UpdateAuthorizer")), ((1, 1), (0, 0)));
    }
}

#[tokio::test(start_paused = true)]
async fn scopes_come_and_go_and_a_route_is_opened_only_when_asked_in_one_call() {
    let scoped = documents(JWT, "JWT")
        .replace("authorizerRef: web", "authorizerRef: web, authorizationScopes: [b, a]");
    let harbour = Harbour::converged(Options::default(), &scoped).await;
    for (documents, kind, scopes) in [
        (documents(JWT, "JWT"), "JWT", Value::Null),
        (scoped.clone(), "JWT", json!(["b", "a"])),
        (open_routes(), "NONE", Value::Null),
        (scoped.clone(), "JWT", json!(["b", "a"])),
    ] {
        harbour.clear_calls();
        harbour.documents(&documents);
        harbour.wait(Duration::from_secs(30)).await;
        harbour.converge(TEN_MINUTES).await;
        assert_eq!(harbour.write_names(), ["UpdateRoute"; 2], "{kind}\n{}", harbour.calls_text());
        for route in harbour.objects("apigatewayv2", "routes").values() {
            let shown = route.get("authorizationScopes").cloned().unwrap_or_default();
            let sorted = |value: &Value| {
                let mut texts: Vec<String> =
                    value.as_array().into_iter().flatten().map(Value::to_string).collect();
                texts.sort();
                texts
            };
            assert_eq!(route["authorizationType"], kind);
            assert_eq!(sorted(&shown), sorted(&scopes), "{kind}");
            assert_eq!(route.get("authorizerId").is_some(), kind == "JWT");
        }
    }
}

/// Another process made it in an API that this one had just made itself, and wrote its name into the API's tags; its document
/// was gone by then. Nobody who has not looked takes that name out: it is all that tells whose it is.
#[tokio::test(start_paused = true)]
async fn a_name_in_the_tags_of_a_new_api_stays_until_somebody_has_looked() {
    let api = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: shop }\nspec: {}\n";
    let mut harbour = Harbour::with(explicit(), Config::default());
    harbour.start(api);
    while harbour.objects("apigatewayv2", "apis").is_empty() {
        harbour.wait(Duration::from_millis(50)).await;
    }
    let id = harbour.only("apigatewayv2", "apis").0;
    let gate = json!({ "name": "gate0", "authorizerType": "JWT", "identitySource": ["$request.header.Authorization"],
        "jwtConfiguration": { "audience": ["web"], "issuer": "https://i.example.com" } });
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{id}/authorizers"), &gate)).await;
    let arn = format!("/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{id}");
    harbour.meddle(&Request::rest("POST", &arn, &json!({ "tags": { "hatoba:named": "16469bfd" } }))).await;
    for_minutes(&harbour, 40, api).await;
    assert!(harbour.objects("apigatewayv2", "authorizers").is_empty(), "{}", harbour.calls_text());
}
