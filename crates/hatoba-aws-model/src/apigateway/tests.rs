use crate::testing::{Caller, count};
use crate::{Config, Delays, Request};
use serde_json::{Value, json};
use std::time::Duration;

mod domains;

fn authorizer() -> Value {
    json!({
        "name": "jwt", "authorizerType": "JWT", "identitySource": ["$request.header.Authorization"],
        "jwtConfiguration": {"issuer": "https://issuer.example", "audience": ["shop"]},
    })
}

fn id(out: &Value, member: &str) -> String {
    out[member].as_str().unwrap_or_default().to_owned()
}

#[test]
fn names_that_are_not_unique_make_twins_and_the_others_are_refused() {
    let mut aws = Caller::instant();
    let (api, _) = (aws.api(), aws.api());
    let (integration, _) = (aws.integration(&api), aws.integration(&api));
    let link = json!({"name": "link", "subnetIds": ["subnet-1"]});
    aws.rest_ok("POST", "/v2/vpclinks", link.clone());
    aws.rest_ok("POST", "/v2/vpclinks", link);
    let of = |kind: &str| format!("/v2/apis/{api}/{kind}");
    let route = json!({"routeKey": "$default", "target": format!("integrations/{integration}")});
    for (uri, body, status, code, part) in [
        (
            of("routes"),
            route,
            409,
            "ConflictException",
            "Route with key $default already exists for this API",
        ),
        (of("stages"), json!({"stageName": "dev"}), 409, "ConflictException", "already exists"),
        (of("authorizers"), authorizer(), 400, "BadRequestException", "Authorizer name must be unique."),
    ] {
        aws.rest_ok("POST", &uri, body.clone());
        let refused = aws.rest_refused("POST", &uri, body);
        assert_eq!((refused.0, refused.1.as_str()), (status, code), "{uri}");
        assert!(refused.2.contains(part), "{}", refused.2);
    }
    aws.rest_ok("POST", &of("deployments"), Value::Null);
    aws.rest_ok("POST", &of("deployments"), Value::Null);
    for (collection, entries) in [
        ("apis", 2),
        ("integrations", 2),
        ("vpcLinks", 2),
        ("deployments", 2),
        ("routes", 1),
        ("stages", 1),
        ("authorizers", 1),
    ] {
        assert_eq!(count(&aws.world, &format!("/apigatewayv2/{collection}")), entries, "{collection}");
    }
}

#[test]
fn what_is_in_use_is_not_deleted() {
    let mut aws = Caller::instant();
    let api = aws.api();
    let link =
        id(&aws.rest_ok("POST", "/v2/vpclinks", json!({"name": "l", "subnetIds": ["s"]})), "vpcLinkId");
    let private = json!({
        "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "connectionType": "VPC_LINK", "connectionId": link,
        "integrationUri": "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1", "payloadFormatVersion": "1.0",
    });
    let integration =
        id(&aws.rest_ok("POST", &format!("/v2/apis/{api}/integrations"), private), "integrationId");
    let auth = id(&aws.rest_ok("POST", &format!("/v2/apis/{api}/authorizers"), authorizer()), "authorizerId");
    let route = json!({
        "routeKey": "GET /pets", "target": format!("integrations/{integration}"), "authorizationType": "JWT",
        "authorizerId": auth,
    });
    let route = id(&aws.rest_ok("POST", &format!("/v2/apis/{api}/routes"), route), "routeId");
    let deployment = aws.rest_ok("POST", &format!("/v2/apis/{api}/deployments"), Value::Null);
    let deployment = id(&deployment, "deploymentId");
    let stage = json!({"stageName": "dev", "deploymentId": deployment});
    aws.rest_ok("POST", &format!("/v2/apis/{api}/stages"), stage);

    let base = format!("/v2/apis/{api}");
    for (uri, status, message) in [
        (
            format!("{base}/integrations/{integration}"),
            409,
            format!(
                "Cannot delete Integration because it is referenced by the following Routes with Ids: [{route}]"
            ),
        ),
        (
            format!("{base}/authorizers/{auth}"),
            409,
            "Cannot delete authorizer 'jwt', is referenced in route: GET /pets".to_owned(),
        ),
        (
            format!("{base}/deployments/{deployment}"),
            400,
            "Active stages pointing to this deployment must be moved or deleted".to_owned(),
        ),
        (
            format!("/v2/vpclinks/{link}"),
            400,
            format!(
                "Cannot delete vpc link. Vpc link '{link}', is referenced in [ANY:{route}] in format of [Method:Resource]."
            ),
        ),
    ] {
        let refused = aws.rest_refused("DELETE", &uri, Value::Null);
        assert_eq!((refused.0, refused.2), (status, message));
    }
    // In the right order each goes, with its own status.
    for (uri, status) in [
        (format!("{base}/routes/{route}"), 204),
        (format!("{base}/integrations/{integration}"), 204),
        (format!("{base}/authorizers/{auth}"), 204),
        (format!("{base}/stages/dev"), 204),
        (format!("{base}/deployments/{deployment}"), 204),
        (format!("/v2/vpclinks/{link}"), 202),
        (base.clone(), 204),
    ] {
        assert_eq!(aws.rest("DELETE", &uri, Value::Null).0, status, "{uri}");
    }
    assert_eq!(aws.rest("DELETE", &base, Value::Null).0, 404);
}

#[test]
fn routes_are_checked_against_their_api() {
    let mut aws = Caller::instant();
    let (api, other) = (aws.api(), aws.api());
    let foreign = aws.integration(&other);
    let uri = format!("/v2/apis/{api}/routes");
    let request = json!({
        "name": "custom", "authorizerType": "REQUEST", "identitySource": ["$request.header.X"],
        "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations",
        "authorizerPayloadFormatVersion": "2.0",
    });
    let custom = id(&aws.rest_ok("POST", &format!("/v2/apis/{api}/authorizers"), request), "authorizerId");
    aws.rest_ok("POST", &uri, json!({"routeKey": "GET /pets/{id}"}));
    let jwt = "Invalid authorizer ID specified. Setting the authorization type to JWT requires a valid JWT authorizer.";
    for (body, status, part) in [
        (json!({"routeKey": "GET /a", "target": format!("integrations/{foreign}")}), 404, "Integration"),
        (json!({"routeKey": "GET /a", "authorizationType": "JWT", "authorizerId": custom}), 400, jwt),
        (json!({"routeKey": "GET /a", "authorizationType": "JWT"}), 400, jwt),
        (json!({"routeKey": "GET /a", "authorizationScopes": ["x"]}), 400, "scopes"),
        (json!({"routeKey": "FETCH /a"}), 400, "not formatted properly"),
        (json!({"routeKey": "GET /{proxy+}/a"}), 400, "not formatted properly"),
        (
            json!({"routeKey": "GET /pets/{name}"}),
            409,
            "has a conflicting variable on the same hierarchical level",
        ),
        (json!({}), 400, "routeKey"),
        (json!({"routeKey": "GET /a", "authorizationType": "MAGIC"}), 400, "enum value set"),
    ] {
        let refused = aws.rest_refused("POST", &uri, body.clone());
        assert_eq!(refused.0, status, "{body} {}", refused.2);
        assert!(refused.2.contains(part), "{body} {}", refused.2);
    }
    let accepted =
        json!({"routeKey": "POST /pets/{name}", "authorizationType": "CUSTOM", "authorizerId": custom});
    let route = id(&aws.rest_ok("POST", &uri, accepted), "routeId");
    // NONE alone does not take the authorizer out; the empty id does.
    let one = format!("{uri}/{route}");
    let out = aws.rest_ok("PATCH", &one, json!({"authorizationType": "NONE"}));
    assert_eq!(out["authorizerId"], custom.as_str());
    let out = aws.rest_ok("PATCH", &one, json!({"authorizationType": "NONE", "authorizerId": ""}));
    assert_eq!(out.get("authorizerId"), None);
}

#[test]
fn updates_merge_and_only_the_known_tricks_clear() {
    let mut aws = Caller::instant();
    let api = aws.api();
    let base = format!("/v2/apis/{api}");
    let cors = json!({"allowOrigins": ["*"], "allowHeaders": ["X-One"], "allowMethods": []});
    let out =
        aws.rest_ok("PATCH", &base, json!({"corsConfiguration": cors, "description": "d", "version": "1"}));
    let expected = json!({"allowOrigins": ["*"], "allowHeaders": ["x-one"], "allowCredentials": false});
    assert_eq!(out["corsConfiguration"], expected);
    let out = aws.rest_ok("PATCH", &base, json!({"name": "new", "description": ""}));
    assert_eq!(
        (&out["corsConfiguration"], &out["version"], out.get("description")),
        (&expected, &json!("1"), None)
    );
    let refused = aws.rest_refused(
        "PATCH",
        &base,
        json!({"corsConfiguration": {"allowOrigins": ["*"], "allowCredentials": true}}),
    );
    assert_eq!(refused.2, "allow-credentials is not supported if 'allow-origin' is *");
    assert_eq!(aws.rest("DELETE", &format!("{base}/cors"), Value::Null).0, 204);
    assert_eq!(aws.rest_ok("GET", &base, Value::Null).get("corsConfiguration"), None);

    let integration = aws.integration(&api);
    let one = format!("{base}/integrations/{integration}");
    let parameters = json!({"overwrite:path": "$request.path", "append:header.a": "b"});
    aws.rest_ok("PATCH", &one, json!({"requestParameters": parameters, "description": "owner"}));
    let out =
        aws.rest_ok("PATCH", &one, json!({"requestParameters": {"append:header.a": ""}, "description": ""}));
    assert_eq!(out["requestParameters"], json!({"overwrite:path": "$request.path"}));
    assert_eq!(out.get("description"), None);
    let out = aws.rest_ok("PATCH", &one, json!({"responseParameters": {"200": {"append:header.a": "b"}}}));
    assert_eq!(out["responseParameters"]["200"], json!({"append:header.a": "b"}));
    let out = aws.rest_ok("PATCH", &one, json!({"responseParameters": {"200": {}}}));
    assert_eq!(out.get("responseParameters"), None);
}

#[test]
fn stage_settings_are_cleared_by_their_delete_calls_only() {
    let mut aws = Caller::instant();
    let api = aws.api();
    let base = format!("/v2/apis/{api}");
    aws.rest_ok("POST", &format!("{base}/routes"), json!({"routeKey": "GET /pets/{id}"}));
    let logs =
        json!({"destinationArn": "arn:aws:logs:us-east-1:1:log-group:g", "format": "$context.requestId"});
    let body = json!({
        "stageName": "$default", "accessLogSettings": logs, "stageVariables": {"a": "1", "b": "2"},
        "defaultRouteSettings": {"throttlingBurstLimit": 5}, "routeSettings": {"GET /pets/{id}": {"throttlingRateLimit": 1.5}},
    });
    aws.rest_ok("POST", &format!("{base}/stages"), body);
    let stage = format!("{base}/stages/%24default");
    let patch = json!({"stageVariables": {"a": ""}, "routeSettings": {}, "defaultRouteSettings": {"throttlingRateLimit": 7}});
    let out = aws.rest_ok("PATCH", &stage, patch);
    assert_eq!(out["stageVariables"], json!({"b": "2"}));
    assert_eq!(out["accessLogSettings"], logs);
    assert_eq!(out["routeSettings"]["GET /pets/{id}"]["throttlingRateLimit"], 1.5);
    let limits =
        json!({"detailedMetricsEnabled": false, "throttlingBurstLimit": 5, "throttlingRateLimit": 7});
    assert_eq!(out["defaultRouteSettings"], limits);
    let refused = aws.rest_refused("PATCH", &stage, json!({"routeSettings": {"GET /x": {}}}));
    assert_eq!(
        (refused.0, refused.2.as_str()),
        (404, "Unable to find Route by key GET /x within the provided RouteSettings")
    );
    aws.rest_ok("DELETE", &format!("{stage}/routesettings/GET%20%2Fpets%2F%7Bid%7D"), Value::Null);
    aws.rest_ok("DELETE", &format!("{stage}/accesslogsettings"), Value::Null);
    let out = aws.rest_ok("GET", &stage, Value::Null);
    assert_eq!((&out["routeSettings"], out.get("accessLogSettings")), (&json!({}), None));
    aws.rest_ok("PATCH", &stage, json!({"accessLogSettings": logs}));
    assert_eq!(aws.rest_ok("PATCH", &stage, json!({"accessLogSettings": {}})).get("accessLogSettings"), None);
}

#[test]
fn auto_deploy_follows_every_write_and_reports_on_the_stage() {
    let mut aws = Caller::realistic();
    let api = aws.api();
    let base = format!("/v2/apis/{api}");
    aws.rest_ok("POST", &format!("{base}/stages"), json!({"stageName": "$default", "autoDeploy": true}));
    let stage = format!("{base}/stages/%24default");
    aws.wait(2);
    let out = aws.rest_ok("GET", &stage, Value::Null);
    assert_eq!(
        out["lastDeploymentStatusMessage"],
        "Deployment attempt failed: Unable to deploy API because no routes exist in this API"
    );
    let mut before = Value::Null;
    let integration = aws.integration(&api);
    let routes = format!("{base}/routes");
    let writes = [
        ("POST", routes, json!({"routeKey": "$default", "target": format!("integrations/{integration}")})),
        ("PATCH", format!("{base}/integrations/{integration}"), json!({"timeoutInMillis": 100})),
        ("POST", format!("{base}/authorizers"), authorizer()),
    ];
    for (method, uri, body) in writes {
        aws.rest_ok(method, &uri, body);
        let early =
            aws.world.dump()["apigatewayv2"]["stages"][format!("{api}/$default")]["deploymentId"].clone();
        assert_eq!(early, before, "moved before the deployment was over");
        aws.wait(2);
        let out = aws.rest_ok("GET", &stage, Value::Null);
        let now = out["deploymentId"].clone();
        assert_ne!(now, before, "{uri}");
        let message =
            format!("Successfully deployed stage with deployment ID '{}'", now.as_str().unwrap_or_default());
        assert_eq!(out["lastDeploymentStatusMessage"], message);
        let deployment =
            aws.rest_ok("GET", &format!("{base}/deployments/{}", id(&out, "deploymentId")), Value::Null);
        assert_eq!(
            (&deployment["autoDeployed"], &deployment["deploymentStatus"]),
            (&json!(true), &json!("DEPLOYED"))
        );
        before = now;
    }
    let refused = aws.rest_refused("PATCH", &stage, json!({"deploymentId": before}));
    assert_eq!(refused.0, 400);
    assert_eq!(count(&aws.world, "/apigatewayv2/deployments"), 3);
}

#[test]
fn overlapping_writes_to_one_api_conflict() {
    let mut aws = Caller::realistic();
    let (api, other) = (aws.api(), aws.api());
    let write =
        |api: &str, name: &str| Request::rest("PATCH", &format!("/v2/apis/{api}"), &json!({"name": name}));
    assert_eq!(aws.send(&write(&api, "one")).status, 200);
    aws.now += Duration::from_millis(29);
    let response = aws.send(&write(&api, "two"));
    assert_eq!(response.status, 409);
    assert_eq!(
        response.json()["message"],
        "Unable to complete operation due to concurrent modification. Please try again later."
    );
    assert_eq!(aws.send(&write(&other, "two")).status, 200, "another API is another matter");
    assert_eq!(aws.send(&Request::rest("GET", &format!("/v2/apis/{api}"), &Value::Null)).status, 200);
    aws.now += Duration::from_millis(1);
    assert_eq!(aws.send(&write(&api, "three")).status, 200, "the first is over");
    aws.world.faults().refuse_overlapping_writes(false);
    assert_eq!(aws.send(&write(&api, "four")).status, 200);
}

#[test]
fn creates_read_back_with_defaults() {
    let mut aws = Caller::instant();
    let api = aws.api();
    let out = aws.rest_ok("GET", &format!("/v2/apis/{api}"), Value::Null);
    let expected = json!({
        "apiId": api, "name": "shop", "protocolType": "HTTP", "createdDate": "2023-11-14T22:13:20Z",
        "apiEndpoint": format!("https://{api}.execute-api.us-east-1.amazonaws.com"), "ipAddressType": "ipv4",
        "apiKeySelectionExpression": "$request.header.x-api-key", "disableExecuteApiEndpoint": false, "tags": {},
        "routeSelectionExpression": "$request.method $request.path",
    });
    assert_eq!(out, expected);
    let integration = aws.integration(&api);
    let out = aws.rest_ok("GET", &format!("/v2/apis/{api}/integrations/{integration}"), Value::Null);
    assert_eq!((&out["timeoutInMillis"], &out["connectionType"]), (&json!(30000), &json!("INTERNET")));
    let out = aws.rest_ok("POST", &format!("/v2/apis/{api}/routes"), json!({"routeKey": "$default"}));
    let expected = json!({
        "routeId": out["routeId"], "routeKey": "$default", "apiKeyRequired": false, "authorizationType": "NONE",
    });
    assert_eq!(out, expected);
    let out = aws.rest_ok(
        "POST",
        &format!("/v2/apis/{api}/stages"),
        json!({"stageName": "dev", "autoDeploy": false}),
    );
    let expected = json!({
        "stageName": "dev", "createdDate": "2023-11-14T22:13:20Z", "lastUpdatedDate": "2023-11-14T22:13:20Z",
        "defaultRouteSettings": {"detailedMetricsEnabled": false}, "routeSettings": {}, "stageVariables": {}, "tags": {},
    });
    assert_eq!(out, expected);
}

#[test]
fn integrations_are_validated() {
    let mut aws = Caller::instant();
    let api = aws.api();
    let link =
        id(&aws.rest_ok("POST", "/v2/vpclinks", json!({"name": "l", "subnetIds": ["s"]})), "vpcLinkId");
    let good = json!({
        "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": "https://example.com",
        "payloadFormatVersion": "1.0",
    });
    for (member, value) in [
        ("integrationType", json!("HTTP")),
        ("integrationMethod", json!("FETCH")),
        ("integrationUri", json!("not a url")),
        ("payloadFormatVersion", json!("2.0")),
        ("payloadFormatVersion", Value::Null),
        ("timeoutInMillis", json!(30_001)),
        ("timeoutInMillis", json!("29000")),
        ("connectionId", json!(link)),
        ("connectionType", json!("VPC_LINK")),
        ("requestParameters", json!({"overwrite:body": "x"})),
        ("requestParameters", json!({"append:header.Authorization": "x"})),
        ("responseParameters", json!({"200": {"append:querystring.a": "b"}})),
        ("integrationSubtype", json!("SQS-SendMessage")),
        ("responseParameters", json!({"99": {"append:header.a": "b"}})),
    ] {
        let mut body = good.clone();
        body[member] = value;
        let refused = aws.rest_refused("POST", &format!("/v2/apis/{api}/integrations"), body.clone());
        assert_eq!((refused.0, refused.1.as_str()), (400, "BadRequestException"), "{body}");
    }
    assert_eq!(count(&aws.world, "/apigatewayv2/integrations"), 0);
}

#[test]
fn vpc_links_take_their_time_and_can_fail() {
    let mut aws = Caller::realistic();
    let body = json!({"name": "link", "subnetIds": ["s"]});
    let link = id(&aws.rest_ok("POST", "/v2/vpclinks", body.clone()), "vpcLinkId");
    let uri = format!("/v2/vpclinks/{link}");
    assert_eq!(aws.rest_ok("GET", &uri, Value::Null)["vpcLinkStatus"], "PENDING");
    assert_eq!(aws.rest("PATCH", &uri, json!({"name": "new"})).0, 400);
    aws.wait(90);
    assert_eq!(aws.rest_ok("GET", &uri, Value::Null)["vpcLinkStatus"], "AVAILABLE");
    let out = aws.rest_ok("PATCH", &uri, json!({"name": "new", "subnetIds": ["other"]}));
    assert_eq!((&out["name"], &out["subnetIds"]), (&json!("new"), &json!(["s"])));
    assert!(aws.world.idle_vpc_link(&link));
    assert_eq!(aws.rest_ok("GET", &uri, Value::Null)["vpcLinkStatus"], "INACTIVE");
    assert_eq!(aws.rest("DELETE", &uri, Value::Null).0, 202);
    assert_eq!(aws.rest_ok("GET", &uri, Value::Null)["vpcLinkStatus"], "DELETING");
    aws.wait(60);
    assert_eq!(aws.rest("GET", &uri, Value::Null).0, 404);

    aws.world.faults().vpc_link_fails("no addresses left");
    let uri = format!("/v2/vpclinks/{}", id(&aws.rest_ok("POST", "/v2/vpclinks", body.clone()), "vpcLinkId"));
    aws.wait(90);
    let out = aws.rest_ok("GET", &uri, Value::Null);
    assert_eq!(
        (&out["vpcLinkStatus"], &out["vpcLinkStatusMessage"]),
        (&json!("FAILED"), &json!("no addresses left"))
    );
    for _ in 0..9 {
        aws.rest_ok("POST", "/v2/vpclinks", body.clone());
    }
    let refused = aws.rest_refused("POST", "/v2/vpclinks", body);
    assert_eq!(refused.2, "There are too many Vpc Links defined for this account. Limit is 10.");
}

#[test]
fn lists_page_in_the_order_of_ids() {
    let config =
        Config { delays: Delays::none(), rate_limits: false, page_size_max: Some(2), ..Config::default() };
    let mut aws = Caller::with(config);
    let created: Vec<String> = (0..5).map(|_| aws.api()).collect();
    let (mut listed, mut uri) = (Vec::new(), "/v2/apis?maxResults=100".to_owned());
    loop {
        let out = aws.rest_ok("GET", &uri, Value::Null);
        let items = out["items"].as_array().cloned().unwrap_or_default();
        assert!(items.len() <= 2);
        listed.extend(items.iter().map(|item| id(item, "apiId")));
        let Some(token) = out["nextToken"].as_str() else { break };
        uri = format!("/v2/apis?maxResults=100&nextToken={token}");
    }
    let mut sorted = created.clone();
    sorted.sort();
    assert_eq!(listed, sorted);
    assert_ne!(listed, created, "the order of creation would hide mistakes");
    for query in ["maxResults=0", "maxResults=x", "maxResults=501", "nextToken=zz"] {
        assert_eq!(aws.rest("GET", &format!("/v2/apis?{query}"), Value::Null).0, 400, "{query}");
    }
}

#[test]
fn tags_belong_to_apis_stages_and_links() {
    let mut aws = Caller::instant();
    let api = aws.api();
    aws.rest_ok(
        "POST",
        &format!("/v2/apis/{api}/stages"),
        json!({"stageName": "$default", "tags": {"a": "1"}}),
    );
    let arn = format!("arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{api}%2Fstages%2F%24default");
    assert_eq!(aws.rest("POST", &format!("/v2/tags/{arn}"), json!({"tags": {"b": "2", "a": "3"}})).0, 201);
    assert_eq!(aws.rest("DELETE", &format!("/v2/tags/{arn}?tagKeys=b&tagKeys=none"), Value::Null).0, 204);
    assert_eq!(aws.rest_ok("GET", &format!("/v2/tags/{arn}"), Value::Null), json!({"tags": {"a": "3"}}));
    let route = format!("arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{api}%2Froutes%2Fx");
    assert_eq!(aws.rest("GET", &format!("/v2/tags/{route}"), Value::Null).0, 404);
    assert_eq!(aws.rest("POST", &format!("/v2/tags/{arn}"), json!({"tags": {"aws:x": "2"}})).0, 400);
}

#[test]
fn quick_create_makes_managed_children() {
    let mut aws = Caller::instant();
    let body = json!({"name": "quick", "protocolType": "HTTP", "target": "https://example.com"});
    let out = aws.rest_ok("POST", "/v2/apis", body);
    assert_eq!(out.get("target"), None);
    let base = format!("/v2/apis/{}", id(&out, "apiId"));
    let routes = aws.rest_ok("GET", &format!("{base}/routes"), Value::Null);
    assert_eq!(routes["items"][0]["apiGatewayManaged"], true);
    assert_eq!(aws.rest("PATCH", &format!("{base}/stages/%24default"), json!({"description": "x"})).0, 400);
    let integrations = aws.rest_ok("GET", &format!("{base}/integrations"), Value::Null);
    let integration = id(&integrations["items"][0], "integrationId");
    assert_eq!(aws.rest("DELETE", &format!("{base}/integrations/{integration}"), Value::Null).0, 400);
}

#[test]
fn authorizers_are_limited_with_a_misleading_status() {
    let mut aws = Caller::instant();
    let uri = format!("/v2/apis/{}/authorizers", aws.api());
    for number in 0..11 {
        let mut body = authorizer();
        body["name"] = json!(format!("jwt-{number}"));
        let (status, out) = aws.rest("POST", &uri, body);
        assert_eq!(status, if number < 10 { 201 } else { 429 }, "{out}");
    }
}

#[test]
fn an_integration_with_an_aws_service_is_sent_whole() {
    let mut aws = Caller::instant();
    let uri = format!("/v2/apis/{}/integrations", aws.api());
    let good = json!({
        "integrationType": "AWS_PROXY", "integrationSubtype": "SQS-SendMessage", "payloadFormatVersion": "1.0",
        "credentialsArn": "arn:aws:iam::123456789012:role/a",
        "requestParameters": {"QueueUrl": "https://q", "MessageBody": "$request.body"},
    });
    for (member, value) in [
        ("integrationSubtype", json!("SQS-PeekMessage")),
        ("integrationUri", json!("https://example.com")),
        ("integrationMethod", json!("POST")),
        ("credentialsArn", Value::Null),
        ("requestParameters", json!({"QueueUrl": "https://q"})),
        ("payloadFormatVersion", json!("2.0")),
    ] {
        let mut body = good.clone();
        body[member] = value;
        assert_eq!(aws.rest_refused("POST", &uri, body.clone()).0, 400, "{body}");
    }
    let made = aws.rest_ok("POST", &uri, good.clone());
    assert_eq!(made.get("integrationUri"), None);
    let one = format!("{uri}/{}", id(&made, "integrationId"));
    for part in [
        json!({"description": "x"}),
        json!({"integrationType": "AWS_PROXY", "integrationSubtype": "SQS-SendMessage"}),
    ] {
        assert_eq!(aws.rest_refused("PATCH", &one, part.clone()).0, 400, "{part}");
    }
    assert_eq!(aws.rest("PATCH", &one, good).0, 200);
}

#[test]
fn a_deployment_is_asked_for_takes_its_time_and_can_fail() {
    let mut aws = Caller::realistic();
    let api = aws.api();
    let base = format!("/v2/apis/{api}");
    let refused = aws.rest_refused("POST", &format!("{base}/deployments"), json!({}));
    assert_eq!(refused.2, "Unable to deploy API because no routes exist in this API");
    let route = json!({"routeKey": "GET /a"});
    aws.rest_ok("POST", &format!("{base}/routes"), route);
    aws.rest_ok("POST", &format!("{base}/stages"), json!({"stageName": "dev"}));
    let made = aws.rest_ok("POST", &format!("{base}/deployments"), json!({"description": "one"}));
    assert_eq!((&made["deploymentStatus"], &made["autoDeployed"]), (&json!("PENDING"), &json!(false)));
    let (first, stage) = (id(&made, "deploymentId"), format!("{base}/stages/dev"));
    let early = aws.world.handle(
        &Request::rest("PATCH", &stage, &json!({"deploymentId": first})),
        aws.now + Duration::from_millis(100),
    );
    assert_eq!(early.status, 400, "not deployed yet");
    aws.wait(2);
    let one = format!("{base}/deployments/{first}");
    assert_eq!(aws.rest_ok("GET", &one, Value::Null)["deploymentStatus"], "DEPLOYED");
    assert_eq!(aws.rest_ok("PATCH", &stage, json!({"deploymentId": first}))["deploymentId"], first.as_str());
    assert_eq!(aws.rest_ok("PATCH", &one, json!({"description": "new"}))["description"], "new");
    let refused = aws.rest_refused("DELETE", &one, Value::Null);
    assert_eq!(
        (refused.0, refused.2.as_str()),
        (400, "Active stages pointing to this deployment must be moved or deleted")
    );
    aws.rest_ok("POST", &format!("{base}/routes"), json!({"routeKey": "GET /b"}));
    let held = &aws.world.dump()["apigatewayv2"]["snapshots"][format!("{api}/{first}")]["routes"];
    assert_eq!(held.as_object().map(serde_json::Map::len), Some(1), "a copy of what was");
    aws.world.faults().deployment_fails("no authorizer");
    let failed = aws.rest_ok("POST", &format!("{base}/deployments"), json!({"stageName": "dev"}));
    aws.wait(2);
    let failed =
        aws.rest_ok("GET", &format!("{base}/deployments/{}", id(&failed, "deploymentId")), Value::Null);
    assert_eq!(
        (&failed["deploymentStatus"], &failed["deploymentStatusMessage"]),
        (&json!("FAILED"), &json!("no authorizer"))
    );
    assert_eq!(aws.rest_ok("GET", &stage, Value::Null)["deploymentId"], first.as_str(), "the stage stays");
    let moved = aws.rest_ok("POST", &format!("{base}/deployments"), json!({"stageName": "dev"}));
    aws.wait(2);
    assert_eq!(aws.rest_ok("GET", &stage, Value::Null)["deploymentId"], moved["deploymentId"]);
    assert_eq!(aws.rest("DELETE", &one, Value::Null).0, 204);
    assert_eq!(
        aws.rest_ok("GET", &format!("{base}/deployments"), Value::Null)["items"].as_array().map(Vec::len),
        Some(2)
    );
}
