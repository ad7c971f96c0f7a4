use super::{Site, header, text};
use serde_json::json;

const PAGE: (&str, &str) = ("origin", "https://app.example.com");
const ASKS: (&str, &str) = ("access-control-request-method", "PUT");

fn site() -> Site {
    let mut site = Site::open();
    let cors = json!({
        "allowOrigins": ["https://app.example.com"], "allowMethods": ["GET", "PUT"], "allowHeaders": ["X-A", "x-b"],
        "exposeHeaders": ["x-c"], "maxAge": 60, "allowCredentials": true,
    });
    site.write("PATCH", "", json!({"corsConfiguration": cors}));
    site
}

#[test]
fn preflights_are_answered_by_the_gateway() {
    let mut site = site();
    let answer = site.send("OPTIONS", "/orders", &[PAGE, ASKS], "");
    assert_eq!((answer.status, answer.body.len()), (204, 0), "no task has answered");
    for (name, value) in [
        ("access-control-allow-origin", "https://app.example.com"),
        ("access-control-allow-methods", "GET,PUT"),
        ("access-control-allow-headers", "x-a,x-b"),
        ("access-control-max-age", "60"),
        ("access-control-allow-credentials", "true"),
    ] {
        assert_eq!(header(&answer, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(header(&answer, "access-control-expose-headers"), None);
    // Without both headers it is an OPTIONS request like any other.
    assert_eq!(site.send("OPTIONS", "/orders", &[PAGE], "").json()["method"], "OPTIONS");
    let stranger = site.send("OPTIONS", "/orders", &[("origin", "https://evil.example.com"), ASKS], "");
    assert_eq!((stranger.status, header(&stranger, "access-control-allow-origin")), (204, None));
}

#[test]
fn the_back_ends_own_headers_are_dropped() {
    let mut site = site();
    let own = [("x-echo-header-access-control-allow-origin", "*"), ("x-echo-header-x-c", "1"), PAGE];
    let answer = site.send("GET", "/", &own, "");
    assert_eq!(header(&answer, "access-control-allow-origin").as_deref(), Some("https://app.example.com"));
    assert_eq!(header(&answer, "access-control-expose-headers").as_deref(), Some("x-c"));
    assert_eq!(header(&answer, "x-c").as_deref(), Some("1"));
    let without_origin = site.send("GET", "/", &own[..2], "");
    assert_eq!(header(&without_origin, "access-control-allow-origin"), None);
    // Without a configuration they pass.
    site.write("DELETE", "/cors", serde_json::Value::Null);
    let answer = site.send("GET", "/", &own, "");
    assert_eq!(header(&answer, "access-control-allow-origin").as_deref(), Some("*"));
    assert_eq!(site.send("OPTIONS", "/", &[PAGE, ASKS], "").json()["method"], "OPTIONS", "the task answers");
}

#[test]
fn an_authorised_default_route_swallows_preflights() {
    let mut site = site();
    let routes = format!("/v2/apis/{}/routes", site.api);
    let found = site.aws.rest_ok("GET", &routes, serde_json::Value::Null)["items"][0]["routeId"].clone();
    site.write("PATCH", &format!("/routes/{}", text(&found)), json!({"authorizationType": "AWS_IAM"}));
    assert_eq!(site.send("OPTIONS", "/orders", &[PAGE, ASKS], "").status, 403);
    site.route(json!({"routeKey": "OPTIONS /{proxy+}"}));
    assert_eq!(site.send("OPTIONS", "/orders", &[PAGE, ASKS], "").status, 204);
    assert_eq!(site.send("GET", "/orders", &[PAGE], "").status, 403);
}

#[test]
fn origins_match_by_scheme_and_star() {
    for (allowed, origin, shown) in [
        ("*", "http://x", Some("*")),
        ("https://*", "https://x", Some("https://x")),
        ("https://*", "http://x", None),
        ("http://a.example", "http://A.example", Some("http://A.example")),
    ] {
        let mut site = Site::open();
        site.write("PATCH", "", json!({"corsConfiguration": {"allowOrigins": [allowed]}}));
        let answer = site.send("GET", "/", &[("origin", origin)], "");
        assert_eq!(header(&answer, "access-control-allow-origin").as_deref(), shown, "{allowed} {origin}");
    }
}
