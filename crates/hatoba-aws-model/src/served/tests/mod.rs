//! The data plane, hop by hop.

mod authorization;
mod chain;
mod cors;
mod mapping;
mod selection;
mod stages;

use crate::testing::Caller;
use crate::{Request, Response};
use serde_json::{Value, json};

/// An API with what the tests change about it.
pub(super) struct Site {
    pub(super) aws: Caller,
    pub(super) api: String,
    pub(super) link: String,
    pub(super) integration: String,
}

impl Site {
    /// The chain down to a running task, without routes and stages.
    pub(super) fn chain(mut aws: Caller) -> Self {
        let namespace = aws.namespace("private.example.com");
        let registry = aws.registry(&namespace);
        let service = json!({
            "cluster": "main", "serviceName": "web", "taskDefinition": "great-task:1", "desiredCount": 1,
            "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            "serviceRegistries": [{"registryArn": registry["Arn"], "port": 80}],
        });
        aws.ecs("CreateService", service);
        let link = json!({"name": "link", "subnetIds": ["subnet-1"]});
        let link = text(&aws.rest_ok("POST", "/v2/vpclinks", link)["vpcLinkId"]);
        aws.wait(120);
        let api = aws.api();
        let body = json!({
            "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "connectionType": "VPC_LINK",
            "connectionId": link, "integrationUri": registry["Arn"], "payloadFormatVersion": "1.0",
        });
        let made = aws.rest_ok("POST", &format!("/v2/apis/{api}/integrations"), body);
        Self { aws, api, link, integration: text(&made["integrationId"]) }
    }

    /// The chain in a world without delays, with a `$default` route and stage.
    pub(super) fn open() -> Self {
        let mut site = Self::chain(Caller::instant());
        site.route(json!({"routeKey": "$default"}));
        site.stage(json!({"stageName": "$default", "autoDeploy": true}));
        site
    }

    /// Writes below the API; gives the answer.
    pub(super) fn write(&mut self, method: &str, path: &str, body: Value) -> Value {
        self.aws.rest_ok(method, &format!("/v2/apis/{}{path}", self.api), body)
    }

    /// A route to the chain's integration.
    pub(super) fn route(&mut self, mut body: Value) -> String {
        if body.get("target").is_none() {
            body["target"] = json!(format!("integrations/{}", self.integration));
        }
        text(&self.write("POST", "/routes", body)["routeId"])
    }

    pub(super) fn stage(&mut self, body: Value) {
        self.write("POST", "/stages", body);
    }

    /// Changes the chain's integration.
    pub(super) fn integrate(&mut self, change: Value) {
        let path = format!("/integrations/{}", self.integration);
        self.write("PATCH", &path, change);
    }

    /// Sends a request to the API's host.
    pub(super) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let mut headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let host = format!("{}.execute-api.us-east-1.amazonaws.com", self.api);
        headers.push(("host".to_owned(), host));
        let request = Request {
            method: method.to_owned(),
            uri: path.to_owned(),
            headers,
            body: body.as_bytes().to_vec(),
        };
        self.aws.world.invoke(&request, self.aws.now)
    }

    pub(super) fn get(&mut self, path: &str) -> Response {
        self.send("GET", path, &[], "")
    }

    /// Status and, where the gateway itself answers, its message.
    pub(super) fn refusal(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let response = self.send(method, path, headers, "");
        (response.status, text(&response.json()["message"]))
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn header(response: &Response, name: &str) -> Option<String> {
    response.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}
