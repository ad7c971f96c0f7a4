//! The clear table of `aws-semantics` 4.2, 4.3 and 4.6 (peers.md 3.1 item 6), field by field: set, changed, removed
//! from the document, `null`. What is gone from the document is gone in AWS, by the right call, without any memory.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::{Value, json};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const RESYNC: Duration = Duration::from_secs(310);

/// One member: two values of it, and the call that removes it.
struct Clear {
    kind: &'static str,
    member: &'static str,
    one: &'static str,
    other: &'static str,
    by: &'static str,
}

const fn clear(
    kind: &'static str,
    member: &'static str,
    by: &'static str,
    one: &'static str,
    other: &'static str,
) -> Clear {
    Clear { kind, member, one, other, by }
}

const LOG_A: &str =
    "{ destinationArn: \"arn:aws:logs:us-east-1:123456789012:log-group:a\", format: $context.requestId }";
const LOG_B: &str =
    "{ destinationArn: \"arn:aws:logs:us-east-1:123456789012:log-group:b:*\", format: $context.requestId }";

const CLEARS: &[Clear] = &[
    clear("HttpApi", "description", "UpdateApi", "one", "other"),
    clear("HttpApi", "disableExecuteApiEndpoint", "UpdateApi", "true", "true"),
    clear("HttpApi", "ipAddressType", "UpdateApi", "dualstack", "dualstack"),
    clear(
        "HttpApi",
        "corsConfiguration",
        "DeleteCorsConfiguration",
        "{ allowOrigins: [\"https://a.example\"], allowHeaders: [x-a], maxAge: 5 }",
        "{ allowOrigins: [\"https://b.example\"] }",
    ),
    clear("Integration", "timeoutInMillis", "UpdateIntegration", "5000", "6000"),
    clear(
        "Integration",
        "credentialsArn",
        "UpdateIntegration",
        "arn:aws:iam::123456789012:role/a",
        "arn:aws:iam::123456789012:role/b",
    ),
    clear("Integration", "description", "UpdateIntegration", "one", "other"),
    clear(
        "Integration",
        "requestParameters",
        "UpdateIntegration",
        "{ \"append:header.a\": x, \"overwrite:path\": $request.path }",
        "{ \"append:header.b\": y }",
    ),
    clear(
        "Integration",
        "responseParameters",
        "UpdateIntegration",
        "{ \"500\": { \"overwrite:statuscode\": \"503\" }, \"404\": { \"append:header.a\": x } }",
        "{ \"404\": { \"append:header.b\": y } }",
    ),
    clear("Stage", "description", "UpdateStage", "one", "other"),
    clear("Stage", "stageVariables", "UpdateStage", "{ a: \"1\", b: \"2\" }", "{ b: \"3\" }"),
    clear("Stage", "accessLogSettings", "DeleteAccessLogSettings", LOG_A, LOG_B),
    clear(
        "Stage",
        "routeSettings",
        "DeleteRouteSettings",
        "{ \"GET /a\": { throttlingBurstLimit: 5, throttlingRateLimit: 2.5 } }",
        "{ \"GET /a\": { throttlingBurstLimit: 6 } }",
    ),
];

/// An API with a route, and lines more in the spec of one kind.
fn documents(kind: &str, lines: &str) -> String {
    let all = [
        ("HttpApi", "shop", "  name: shop"),
        (
            "Integration",
            "back",
            "  apiRef: shop\n  integrationType: HTTP_PROXY\n  integrationMethod: ANY\n  integrationUri: https://example.com",
        ),
        ("Route", "a", "  apiRef: shop\n  routeKey: GET /a\n  integrationRef: back"),
        ("Stage", "prod", "  apiRef: shop"),
    ];
    let document = |(name, id, spec): (&str, &str, &str)| {
        let more = if name == kind { lines } else { "" };
        format!("apiVersion: hatoba/v1\nkind: {name}\nmetadata: {{ name: {id} }}\nspec:\n{spec}\n{more}\n")
    };
    all.map(document).join("---\n")
}

fn object(harbour: &Harbour, kind: &str) -> Value {
    let collection = match kind {
        "HttpApi" => "apis",
        "Integration" => "integrations",
        "Stage" => "stages",
        _ => "routes",
    };
    let mut object = harbour.only("apigatewayv2", collection).1;
    for moving in ["deploymentId", "lastDeploymentStatusMessage", "lastUpdatedDate"] {
        object.as_object_mut().map(|members| members.remove(moving));
    }
    object
}

async fn write(harbour: &Harbour, documents: &str) -> Vec<String> {
    harbour.clear_calls();
    harbour.documents(documents);
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(Duration::from_secs(30)).await; // long enough for a list that proves it
    harbour.converge(TEN_MINUTES).await;
    harbour.write_names()
}

#[tokio::test(start_paused = true)]
async fn what_goes_from_the_document_goes_from_aws_by_the_right_call() {
    let bare = documents("", "");
    let harbour = Harbour::converged(Options::default(), &bare).await;
    for case in CLEARS {
        let story = format!("{}.{}", case.kind, case.member);
        let with = |value: &str| documents(case.kind, &format!("  {}: {value}", case.member));
        let before = object(&harbour, case.kind);
        for gone in [&bare, &with("null")] {
            let set = write(&harbour, &with(case.one)).await;
            let first = object(&harbour, case.kind);
            assert_ne!(first, before, "{story}: it is set");
            assert_eq!(set.len(), 1, "{story}: {set:?}");
            if case.one != case.other {
                write(&harbour, &with(case.other)).await;
                let second = object(&harbour, case.kind);
                assert_ne!(second, first, "{story}: it is changed");
                // Nothing of the first is left in what was changed to the second.
                write(&harbour, &bare).await;
                write(&harbour, &with(case.other)).await;
                let anew = object(&harbour, case.kind);
                let no_longer_stated = case.member == "routeSettings"; // its rate is not ours any more, and stays
                assert!(no_longer_stated || anew == second, "{story}: {second:#} is not {anew:#}");
            }
            let calls = write(&harbour, gone).await;
            assert_eq!(calls, [case.by], "{story}");
            assert_eq!(object(&harbour, case.kind), before, "{story}");
        }
        harbour.clear_calls();
        harbour.wait(RESYNC).await;
        assert_eq!(harbour.write_names(), [""; 0], "{story}: and then nothing");
    }
}

/// peers.md 3.1 item 4 and 4.1 item 6: a number that is not stated is never sent, and 0 only where it stands there.
#[tokio::test(start_paused = true)]
async fn throttles_are_sent_as_stated_and_stay_when_they_are_no_longer_ours() {
    let stage = |line: &str| documents("Stage", line);
    let harbour = Harbour::converged(Options::default(), &stage("")).await;
    let defaults = |harbour: &Harbour| object(harbour, "Stage")["defaultRouteSettings"].clone();
    assert_eq!(defaults(&harbour), json!({ "detailedMetricsEnabled": false }));
    write(&harbour, &stage("  defaultRouteSettings: { throttlingBurstLimit: 5 }")).await;
    assert_eq!(defaults(&harbour), json!({ "detailedMetricsEnabled": false, "throttlingBurstLimit": 5 }));
    write(&harbour, &stage("  defaultRouteSettings: { throttlingRateLimit: 0 }")).await;
    assert_eq!(defaults(&harbour)["throttlingRateLimit"], json!(0.0));
    assert_eq!(defaults(&harbour)["throttlingBurstLimit"], json!(5), "no longer ours: it stays");
    let calls = write(&harbour, &stage("")).await;
    assert_eq!(calls, [""; 0], "there is no way back, and none is tried");
    // The same for single routes: a number of somebody's stays, and a key goes with all of its numbers.
    let api = harbour.only("apigatewayv2", "apis").0;
    write(&harbour, &stage("  routeSettings: { \"GET /a\": { throttlingBurstLimit: 7 } }")).await;
    let theirs = json!({ "routeSettings": { "GET /a": { "throttlingRateLimit": 3.5 } } });
    harbour.meddle(&Request::rest("PATCH", &format!("/v2/apis/{api}/stages/prod"), &theirs)).await;
    harbour.clear_calls();
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names(), [""; 0], "{}", harbour.calls_text());
    let settings = object(&harbour, "Stage")["routeSettings"].clone();
    assert_eq!(
        (&settings["GET /a"]["throttlingBurstLimit"], &settings["GET /a"]["throttlingRateLimit"]),
        (&json!(7), &json!(3.5))
    );
    assert_eq!(write(&harbour, &stage("")).await, ["DeleteRouteSettings"]);
    assert_eq!(object(&harbour, "Stage")["routeSettings"], json!({}));
}

/// peers.md 4.1 item 8: settings of a route that is gone must not block every other update of the stage.
#[tokio::test(start_paused = true)]
async fn settings_of_a_route_that_is_gone_block_nothing() {
    let two = "  routeSettings: { \"GET /a\": { throttlingBurstLimit: 7 }, \"GET /b\": { throttlingBurstLimit: 8 } }";
    let second = "---\napiVersion: hatoba/v1\nkind: Route\nmetadata: { name: b }\nspec: { apiRef: shop, routeKey: GET /b, integrationRef: back }\n";
    let options =
        Options { owner_is_explicit: true, prune_grace: Duration::from_secs(30), ..Options::default() };
    let harbour = Harbour::converged(options, &format!("{}{second}", documents("Stage", two))).await;
    assert_eq!(object(&harbour, "Stage")["routeSettings"]["GET /b"]["throttlingBurstLimit"], 8);
    let one = "  routeSettings: { \"GET /a\": { throttlingBurstLimit: 9 } }\n  description: changed";
    for _ in 0..8 {
        harbour.documents(&documents("Stage", one));
        harbour.wait(Duration::from_secs(20)).await;
    }
    harbour.converge(TEN_MINUTES).await;
    let stage = object(&harbour, "Stage");
    assert_eq!(stage["routeSettings"].as_object().map(serde_json::Map::len), Some(1), "{stage:#}");
    assert_eq!(
        (&stage["routeSettings"]["GET /a"]["throttlingBurstLimit"], &stage["description"]),
        (&json!(9), &json!("changed"))
    );
    assert_eq!(harbour.objects("apigatewayv2", "routes").len(), 1);
}

/// A service of AWS's is sent whole with every update, and an optional parameter goes by an empty value.
#[tokio::test(start_paused = true)]
async fn an_integration_with_one_of_aws_services_is_changed_in_one_call() {
    let queue = |parameters: &str| {
        documents("", "").replace(
            "  integrationType: HTTP_PROXY\n  integrationMethod: ANY\n  integrationUri: https://example.com",
            &format!(
                "  integrationType: AWS_PROXY\n  integrationSubtype: SQS-SendMessage\n  credentialsArn: arn:aws:iam::123456789012:role/a\n  requestParameters: {{ QueueUrl: \"https://q\", {parameters} }}"
            ),
        )
    };
    let harbour = Harbour::converged(Options::default(), &queue("MessageBody: $request.body")).await;
    let parameters = |harbour: &Harbour| object(harbour, "Integration")["requestParameters"].clone();
    let region = "MessageBody: $request.body.text, Region: eu-west-1";
    assert_eq!(write(&harbour, &queue(region)).await, ["UpdateIntegration"]);
    assert_eq!(
        parameters(&harbour),
        json!({ "QueueUrl": "https://q", "MessageBody": "$request.body.text", "Region": "eu-west-1" })
    );
    assert_eq!(write(&harbour, &queue("MessageBody: $request.body")).await, ["UpdateIntegration"]);
    assert_eq!(parameters(&harbour), json!({ "QueueUrl": "https://q", "MessageBody": "$request.body" }));
    let described = queue("MessageBody: $request.body")
        .replace("  integrationSubtype", "  description: x\n  integrationSubtype");
    assert_eq!(write(&harbour, &described).await, ["UpdateIntegration"], "{}", harbour.calls_text());
}

/// A Lambda function: POST is read back though nobody said it, by ARN and by path it is the same.
#[tokio::test(start_paused = true)]
async fn a_lambda_function_rests() {
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:orders";
    let path = format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations");
    let function = |uri: &str, more: &str| {
        documents("", "").replace(
            "  integrationType: HTTP_PROXY\n  integrationMethod: ANY\n  integrationUri: https://example.com",
            &format!(
                "  integrationType: AWS_PROXY\n  payloadFormatVersion: \"2.0\"\n  integrationUri: {uri}{more}"
            ),
        )
    };
    let harbour = Harbour::converged(Options::default(), &function(arn, "")).await;
    let integration = object(&harbour, "Integration");
    assert_eq!(
        (&integration["integrationMethod"], &integration["payloadFormatVersion"]),
        (&json!("POST"), &json!("2.0"))
    );
    for same in [function(&path, ""), function(arn, "\n  integrationMethod: POST")] {
        assert_eq!(write(&harbour, &same).await, [""; 0], "{}", harbour.calls_text());
    }
    let (api, id) =
        (harbour.only("apigatewayv2", "apis").0, integration["integrationId"].as_str().unwrap().to_owned());
    let by_hand = json!({ "integrationType": "AWS_PROXY", "integrationMethod": "GET" });
    harbour.meddle(&Request::rest("PATCH", &format!("/v2/apis/{api}/integrations/{id}"), &by_hand)).await;
    harbour.clear_calls();
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names(), ["UpdateIntegration"], "{}", harbour.calls_text());
    assert_eq!(object(&harbour, "Integration")["integrationMethod"], "POST");
}

/// TLS is set in place, and its removal replaces the integration: whether AWS clears it is not known.
#[tokio::test(start_paused = true)]
async fn a_tls_setting_goes_with_its_integration() {
    let tls = |line: &str| {
        ARTICLE.replace("  connectionType: VPC_LINK\n", &format!("  connectionType: VPC_LINK\n{line}"))
    };
    assert_ne!(tls("x"), ARTICLE);
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let name = "  tlsConfig: { serverNameToVerify: a.example.com }\n";
    assert_eq!(write(&harbour, &tls(name)).await, ["UpdateIntegration"]);
    assert_eq!(object(&harbour, "Integration")["tlsConfig"]["serverNameToVerify"], "a.example.com");
    assert_eq!(write(&harbour, &tls(&name.replace("a.example", "b.example"))).await, ["UpdateIntegration"]);
    let calls = write(&harbour, ARTICLE).await;
    assert_eq!(calls, ["CreateIntegration", "UpdateRoute", "DeleteIntegration"], "{}", harbour.calls_text());
    assert!(object(&harbour, "Integration").get("tlsConfig").is_none());
    harbour.assert_the_article_stands("without TLS");
    // Its mark says that it is the second one, and goes on saying so.
    assert_eq!(write(&harbour, &tls(name)).await, ["UpdateIntegration"]);
    let description = object(&harbour, "Integration")["description"].as_str().unwrap().to_owned();
    assert!(description.ends_with(" 2]"), "{description}");
}

/// Fields that are not ours when they are left out: a value, then `null`, which is AWS's default, then silence.
#[tokio::test(start_paused = true)]
async fn null_in_a_field_that_is_not_ours_is_awss_default_and_written_once() {
    let (kind, member, call) = ("Stage", "defaultRouteSettings", "UpdateStage");
    let value = "{ throttlingBurstLimit: 7, throttlingRateLimit: 3.5, detailedMetricsEnabled: true }";
    let null = json!({ "throttlingBurstLimit": 5_000, "throttlingRateLimit": 10_000.0, "detailedMetricsEnabled": false });
    let line = |value: &str| documents(kind, &format!("  {member}: {value}"));
    let harbour = Harbour::converged(Options::default(), &line(value)).await;
    let set = object(&harbour, kind)[member].clone();
    harbour.clear_calls();
    harbour.documents(&documents(kind, ""));
    harbour.wait(RESYNC).await;
    assert_eq!(
        (object(&harbour, kind)[member].clone(), harbour.write_names()),
        (set, vec![]),
        "{member}: left out"
    );
    harbour.documents(&line("null"));
    harbour.wait(RESYNC + RESYNC).await;
    assert_eq!(harbour.write_names(), [call], "{member}: {}", harbour.calls_text());
    assert_eq!(object(&harbour, kind)[member], null, "{member}");
    harbour.converge(TEN_MINUTES).await;
}

/// Before anything is there `null` is the default as well: the document's name, and what AWS must be told at creation.
#[tokio::test(start_paused = true)]
async fn null_in_the_first_document_is_the_default() {
    let lines = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: crazy-api }\nspec: { name: null }\n---\n\
        apiVersion: hatoba/v1\nkind: Integration\nmetadata: { name: back }\nspec: { apiRef: crazy-api, \
        integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://a.example.com\", \
        payloadFormatVersion: null }\n";
    let harbour = Harbour::converged(Options::default(), lines).await;
    assert_eq!(object(&harbour, "HttpApi")["name"], "crazy-api");
    assert_eq!(object(&harbour, "Integration")["payloadFormatVersion"], "1.0");
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names(), [""; 0], "{}", harbour.calls_text());
}
