use super::Site;
use serde_json::json;

/// Sites whose routes answer with their own key.
fn site(keys: &[&str]) -> Site {
    let mut site = Site::open();
    site.integrate(json!({"requestParameters": {"overwrite:header.route": "$context.routeKey"}}));
    for key in keys {
        site.route(json!({"routeKey": key}));
    }
    site
}

fn taken(site: &mut Site, method: &str, path: &str) -> String {
    super::text(&site.send(method, path, &[], "").json()["headers"]["route"])
}

#[test]
fn the_most_specific_route_is_taken() {
    // The first five are the example of AWS's guide.
    let mut site = site(&[
        "GET /pets/dog/1",
        "GET /pets/dog/{id}",
        "GET /pets/{proxy+}",
        "ANY /{proxy+}",
        "ANY /pets/dog/1",
        "POST /pets/{kind}/1",
        "DELETE /a/{b}/c",
        "DELETE /a/b/{c}",
    ]);
    for (method, path, key) in [
        ("GET", "/pets/dog/1", "GET /pets/dog/1"),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
        ("POST", "/test/5", "ANY /{proxy+}"),
        ("PUT", "/pets/dog/1", "ANY /pets/dog/1"),
        ("POST", "/pets/dog/1", "ANY /pets/dog/1"),
        ("POST", "/pets/cat/1", "POST /pets/{kind}/1"),
        ("DELETE", "/a/b/c", "DELETE /a/b/{c}"),
        ("DELETE", "/a/x/c", "DELETE /a/{b}/c"),
        ("GET", "/", "$default"),
        ("GET", "/pets/dog/1/", "GET /pets/{proxy+}"),
        ("GET", "/pets%2Fdog", "ANY /{proxy+}"),
    ] {
        assert_eq!(taken(&mut site, method, path), key, "{method} {path}");
    }
}

#[test]
fn without_a_fitting_route_there_is_nothing() {
    let mut site = Site::chain(crate::testing::Caller::instant());
    site.route(json!({"routeKey": "GET /pets/{id}"}));
    site.stage(json!({"stageName": "$default", "autoDeploy": true}));
    assert_eq!(site.get("/pets/1").status, 200);
    for (method, path) in
        [("GET", "/pets"), ("GET", "/pets/"), ("GET", "/pets/1/2"), ("POST", "/pets/1"), ("GET", "/")]
    {
        assert_eq!(site.refusal(method, path, &[]), (404, "Not Found".to_owned()), "{method} {path}");
    }
}

#[test]
fn a_route_without_target_fails() {
    let mut site = Site::open();
    let api = site.api.clone();
    site.aws.rest_ok("POST", &format!("/v2/apis/{api}/routes"), json!({"routeKey": "GET /none"}));
    assert_eq!(site.refusal("GET", "/none", &[]), (500, "Internal Server Error".to_owned()));
}
