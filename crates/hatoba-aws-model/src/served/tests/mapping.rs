use super::{Site, header};
use serde_json::json;

#[test]
fn requests_are_mapped() {
    let mut site = Site::open();
    site.write("PATCH", "/stages/$default", json!({"stageVariables": {"colour": "blue"}}));
    site.route(json!({"routeKey": "POST /pets/{kind}/{rest+}"}));
    site.integrate(json!({"requestParameters": {
        "append:header.x-list": "b",
        "overwrite:header.X-Kind": "$request.path.kind",
        "overwrite:header.x-both": "${request.path.kind}-${stageVariables.colour}",
        "overwrite:header.x-body": "$request.body.a.b[1]",
        "overwrite:header.x-gone": "$request.header.nothing",
        "overwrite:header.x-stage": "$context.stage",
        "remove:header.x-secret": "''",
        "append:querystring.page": "2",
        "overwrite:querystring.sort": "up",
        "remove:querystring.debug": "''",
        "overwrite:path": "/v1/$request.path.rest",
    }}));
    let headers = [("x-list", "a"), ("x-secret", "s"), ("x-gone", "still")];
    let body = site
        .send("POST", "/pets/dog/x/y?page=1&sort=down&debug=1", &headers, "{\"a\":{\"b\":[1,\"two\"]}}")
        .json();
    let seen = &body["headers"];
    assert_eq!(seen["x-list"], json!(["a", "b"]));
    assert_eq!((&seen["x-kind"], &seen["x-both"]), (&json!("dog"), &json!("dog-blue")));
    assert_eq!((&seen["x-body"], &seen["x-stage"]), (&json!("two"), &json!("$default")));
    assert_eq!(seen["x-gone"], "still", "what cannot be found changes nothing");
    assert!(seen.get("x-secret").is_none());
    assert_eq!(body["query"], json!({"page": ["1", "2"], "sort": "up"}));
    assert_eq!(body["path"], "/v1/$request.path.rest", "an expression is a whole text, or in braces");
    site.integrate(json!({"requestParameters": {"overwrite:path": "/v1/${request.path.rest}"}}));
    assert_eq!(site.send("POST", "/pets/dog/x/y", &[], "").json()["path"], "/v1/x/y");
}

#[test]
fn answers_are_mapped_by_status() {
    let mut site = Site::open();
    site.integrate(json!({"responseParameters": {
        "200": {"append:header.x-from": "$response.header.content-type", "overwrite:header.x-way": "$response.body.method"},
        "418": {"overwrite:statuscode": "403", "remove:header.x-why": "''"},
    }}));
    let fine = site.get("/");
    assert_eq!(header(&fine, "x-from").as_deref(), Some("application/json"));
    assert_eq!(header(&fine, "x-way").as_deref(), Some("GET"));
    let mapped = site.send("GET", "/", &[("x-echo-status", "418"), ("x-echo-header-x-why", "tea")], "");
    assert_eq!((mapped.status, header(&mapped, "x-why")), (403, None));
    let other = site.send("GET", "/", &[("x-echo-status", "500"), ("x-echo-header-x-why", "tea")], "");
    assert_eq!((other.status, header(&other, "x-why").as_deref()), (500, Some("tea")));
}

#[test]
fn the_integrations_method_is_used() {
    let mut site = Site::open();
    site.integrate(json!({"integrationMethod": "POST", "tlsConfig": {"serverNameToVerify": "web.internal"}}));
    let body = site.get("/").json();
    assert_eq!((&body["method"], &body["scheme"]), (&json!("POST"), &json!("https")));
}
