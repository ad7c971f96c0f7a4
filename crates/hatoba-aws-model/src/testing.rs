//! A caller for tests: makes requests at a time of its own.

use crate::{Config, Delays, Request, Response, World};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) struct Caller {
    pub(crate) world: World,
    pub(crate) now: Duration,
}

impl Caller {
    /// A world without delays and quotas, where the clock stands unless a test moves it.
    pub(crate) fn instant() -> Self {
        Self::with(Config { delays: Delays::none(), rate_limits: false, ..Config::default() })
    }

    /// AWS's own delays, no quotas.
    pub(crate) fn realistic() -> Self {
        Self::with(Config { rate_limits: false, ..Config::default() })
    }

    pub(crate) fn with(config: Config) -> Self {
        Self { world: World::with_article_prerequisites(config), now: Duration::from_secs(1_700_000_000) }
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    pub(crate) fn send(&mut self, request: &Request) -> Response {
        self.world.handle(request, self.now)
    }

    /// An API Gateway call; gives status and body. A second passes first, so that calls do not overlap.
    pub(crate) fn rest(&mut self, method: &str, uri: &str, body: Value) -> (u16, Value) {
        if !self.world.config.delays.request.is_zero() {
            self.wait(1);
        }
        let response = self.send(&Request::rest(method, uri, &body));
        (response.status, response.json())
    }

    /// A call that must succeed; gives its body.
    pub(crate) fn rest_ok(&mut self, method: &str, uri: &str, body: Value) -> Value {
        let (status, out) = self.rest(method, uri, body);
        assert!(status < 300, "{method} {uri}: {status} {out}");
        out
    }

    /// Status, code and message of a call that must be refused.
    pub(crate) fn rest_refused(&mut self, method: &str, uri: &str, body: Value) -> (u16, String, String) {
        if !self.world.config.delays.request.is_zero() {
            self.wait(1);
        }
        let response = self.send(&Request::rest(method, uri, &body));
        let code =
            response.headers.iter().find(|(name, _)| name == "x-amzn-errortype").map(|(_, v)| v.clone());
        let message = response.json()["message"].as_str().unwrap_or_default().to_owned();
        (response.status, code.unwrap_or_default(), message)
    }

    pub(crate) fn json(&mut self, service: &str, operation: &str, body: Value) -> Response {
        self.send(&Request::json(service, operation, &body))
    }

    /// A Cloud Map call that must succeed.
    pub(crate) fn map(&mut self, operation: &str, body: Value) -> Value {
        let response = self.json("servicediscovery", operation, body);
        assert_eq!(response.status, 200, "{operation}: {}", response.json());
        response.json()
    }

    /// An ECS call that must succeed.
    pub(crate) fn ecs(&mut self, operation: &str, body: Value) -> Value {
        let response = self.json("ecs", operation, body);
        assert_eq!(response.status, 200, "{operation}: {}", response.json());
        response.json()
    }

    /// A call to S3, path style, signed for a region.
    pub(crate) fn s3_in(
        &mut self,
        region: &str,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let scope =
            format!("AWS4-HMAC-SHA256 Credential=AKID/20260101/{region}/s3/aws4_request, Signature=x");
        let own = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.send(&Request {
            method: method.to_owned(),
            uri: uri.to_owned(),
            headers: own.chain([("authorization".to_owned(), scope)]).collect(),
            body: body.as_bytes().to_vec(),
        })
    }

    /// [`s3_in`](Self::s3_in) the world's region.
    pub(crate) fn s3(&mut self, method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let region = self.world.config.region.clone();
        self.s3_in(&region, method, uri, headers, body)
    }

    /// Status and code of a call to S3.
    pub(crate) fn s3_code(
        &mut self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let response = self.s3(method, uri, headers, body);
        let code = element(&text(&response), "Code").unwrap_or_default();
        (response.status, code)
    }

    /// An SQS call that must succeed.
    pub(crate) fn sqs(&mut self, operation: &str, body: Value) -> Value {
        let response = self.json("sqs", operation, body);
        assert_eq!(response.status, 200, "{operation}: {}", response.json());
        response.json()
    }

    /// Code and body of a JSON call that must be refused with 400.
    pub(crate) fn refused(&mut self, service: &str, operation: &str, body: Value) -> (String, Value) {
        let response = self.json(service, operation, body);
        assert_eq!(response.status, 400, "{operation}: {}", response.json());
        let out = response.json();
        (out["__type"].as_str().unwrap_or_default().to_owned(), out)
    }

    /// A private namespace; gives its id. The time of its operation passes.
    pub(crate) fn namespace(&mut self, name: &str) -> String {
        let asked = json!({"Name": name, "Vpc": "vpc-1", "CreatorRequestId": name});
        let operation = self.map("CreatePrivateDnsNamespace", asked)["OperationId"].clone();
        self.wait(60);
        let out = self.map("GetOperation", json!({"OperationId": operation}));
        assert_eq!(out["Operation"]["Status"], "SUCCESS");
        out["Operation"]["Targets"]["NAMESPACE"].as_str().unwrap_or_default().to_owned()
    }

    /// A service with SRV records; gives what GetService shows.
    pub(crate) fn registry(&mut self, namespace: &str) -> Value {
        let asked = json!({
            "Name": "web", "NamespaceId": namespace, "CreatorRequestId": "web",
            "DnsConfig": {"DnsRecords": [{"Type": "SRV", "TTL": 60}]}, "HealthCheckCustomConfig": {"FailureThreshold": 3},
        });
        self.map("CreateService", asked)["Service"].clone()
    }

    /// An HTTP API; gives its id.
    pub(crate) fn api(&mut self) -> String {
        let out = self.rest_ok("POST", "/v2/apis", json!({"name": "shop", "protocolType": "HTTP"}));
        out["apiId"].as_str().unwrap_or_default().to_owned()
    }

    /// A public integration; gives its id.
    pub(crate) fn integration(&mut self, api: &str) -> String {
        let body = json!({
            "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": "https://example.com",
            "payloadFormatVersion": "1.0",
        });
        let out = self.rest_ok("POST", &format!("/v2/apis/{api}/integrations"), body);
        out["integrationId"].as_str().unwrap_or_default().to_owned()
    }
}

/// How many entries a dump has under a path.
pub(crate) fn count(world: &World, pointer: &str) -> usize {
    world.dump().pointer(pointer).and_then(Value::as_object).map_or(0, |map| map.len())
}

/// The body of an answer as text.
pub(crate) fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

/// A header of an answer.
pub(crate) fn header(response: &Response, name: &str) -> Option<String> {
    response.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

/// The text of the first element of a name.
pub(crate) fn element(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).into_iter().next()
}

/// The texts of the elements of a name.
pub(crate) fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let after = xml.split(&open).skip(1);
    after.filter_map(|rest| rest.split_once(&close)).map(|(inside, _)| inside.to_owned()).collect()
}
