use super::{Site, text};
use crate::testing::Caller;
use serde_json::{Value, json};

#[test]
fn a_stage_serves_what_was_deployed_to_it() {
    let mut site = Site::chain(Caller::instant());
    site.route(json!({"routeKey": "GET /one"}));
    site.stage(json!({"stageName": "$default"}));
    assert_eq!(site.refusal("GET", "/one", &[]), (404, "Not Found".to_owned()), "nothing is deployed");
    let first = text(&site.write("POST", "/deployments", json!({"stageName": "$default"}))["deploymentId"]);
    assert_eq!(site.get("/one").status, 200);

    let two = site.route(json!({"routeKey": "GET /two"}));
    assert_eq!(site.get("/two").status, 404, "not deployed yet");
    let second = text(&site.write("POST", "/deployments", json!({}))["deploymentId"]);
    assert_eq!(site.get("/two").status, 404, "deployed to no stage");
    site.write("PATCH", "/stages/$default", json!({"deploymentId": second}));
    assert_eq!(site.get("/two").status, 200);

    site.write("DELETE", &format!("/routes/{two}"), Value::Null);
    assert_eq!(site.get("/two").status, 200, "the deployment still has it");
    site.write("PATCH", "/stages/$default", json!({"deploymentId": first}));
    assert_eq!(site.get("/two").status, 404, "back to the first");
}

#[test]
fn auto_deploy_serves_a_write_when_its_deployment_is_done() {
    let mut site = Site::chain(Caller::realistic());
    site.route(json!({"routeKey": "GET /one"}));
    site.stage(json!({"stageName": "$default", "autoDeploy": true}));
    assert_eq!(site.get("/one").status, 404);
    site.aws.wait(3);
    assert_eq!(site.get("/one").status, 200);
    // Two writes, a second apart: each is served two seconds after it was made.
    site.route(json!({"routeKey": "GET /two"}));
    site.route(json!({"routeKey": "GET /three"}));
    site.aws.wait(1);
    assert_eq!((site.get("/two").status, site.get("/three").status), (200, 404));
    site.aws.wait(1);
    assert_eq!(site.get("/three").status, 200);
}

#[test]
fn named_stages_are_below_their_name() {
    let mut site = Site::open();
    site.stage(json!({"stageName": "prod", "autoDeploy": true}));
    assert_eq!(site.get("/prod/orders").json()["path"], "/prod/orders", "the stage is part of the path");
    assert_eq!(site.get("/prod").json()["path"], "/prod/");
    assert_eq!(site.get("/production/orders").json()["path"], "/production/orders", "that is no stage");
    site.integrate(json!({"requestParameters": {"overwrite:path": "$request.path"}}));
    assert_eq!(site.get("/prod/orders").json()["path"], "/orders");
    assert_eq!(site.get("/orders").json()["path"], "/orders");
}

#[test]
fn the_default_endpoint_can_be_shut() {
    let mut site = Site::open();
    site.write("PATCH", "", json!({"disableExecuteApiEndpoint": true}));
    assert_eq!(site.refusal("GET", "/", &[]), (404, "Not Found".to_owned()));
    site.write("PATCH", "", json!({"disableExecuteApiEndpoint": false}));
    assert_eq!(site.get("/").status, 200);
}

#[test]
fn shutting_it_waits_for_a_deployment() {
    let mut site = Site::chain(Caller::instant());
    site.route(json!({"routeKey": "$default"}));
    site.stage(json!({"stageName": "$default"}));
    site.write("POST", "/deployments", json!({"stageName": "$default"}));
    site.write("PATCH", "", json!({"disableExecuteApiEndpoint": true}));
    assert_eq!(site.get("/").status, 200);
    site.write("POST", "/deployments", json!({"stageName": "$default"}));
    assert_eq!(site.get("/").status, 404);
}

#[test]
fn a_throttle_of_zero_shuts_the_door() {
    let mut site = Site::open();
    site.route(json!({"routeKey": "GET /open"}));
    site.write("PATCH", "/stages/$default", json!({"defaultRouteSettings": {"throttlingBurstLimit": 0}}));
    assert_eq!(site.refusal("GET", "/", &[]), (429, "Too Many Requests".to_owned()));
    let settings = json!({"GET /open": {"throttlingBurstLimit": 5, "throttlingRateLimit": 1.0}});
    site.write("PATCH", "/stages/$default", json!({"routeSettings": settings}));
    assert_eq!((site.get("/").status, site.get("/open").status), (429, 200));
}
