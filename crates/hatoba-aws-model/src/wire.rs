//! What goes in and out of the model: HTTP without a socket.

use std::time::Duration;

/// One HTTP request, as the SDK or a socket delivers it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query, percent-encoded as on the wire. An absolute URI is accepted too.
    pub uri: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Request {
    /// The first value of a header; `name` is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A call in the awsJson protocols (`servicediscovery`, `ecs` and `sqs`), without signature.
    #[must_use]
    pub fn json(service: &str, operation: &str, body: &serde_json::Value) -> Self {
        let prefix = match service {
            "ecs" => crate::route::ECS_TARGET,
            "sqs" => crate::route::SQS_TARGET,
            _ => crate::route::CLOUD_MAP_TARGET,
        };
        let version = if service == "sqs" { 0 } else { 1 };
        Self {
            method: "POST".to_owned(),
            uri: "/".to_owned(),
            headers: vec![
                ("content-type".to_owned(), format!("application/x-amz-json-1.{version}")),
                ("x-amz-target".to_owned(), format!("{prefix}.{operation}")),
            ],
            body: body.to_string().into_bytes(),
        }
    }

    /// A call in the restJson1 protocol (`apigatewayv2`), without signature. A null body sends none.
    #[must_use]
    pub fn rest(method: &str, uri: &str, body: &serde_json::Value) -> Self {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        Self {
            method: method.to_owned(),
            uri: uri.to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body,
        }
    }
}

/// One HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The caller gets this response.
    Reply(Response),
    /// The request was carried out, and the connection broke before the response arrived.
    Lost,
    /// The request was not carried out, and nothing ever comes back.
    Never,
    /// A long poll that has nothing yet. Ask [again](crate::World::ask_again) when the world has changed, at the latest
    /// at [`until`](Later::until).
    Later(Later),
}

/// A long poll that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Later {
    /// The time, since the UNIX epoch, at which the world may have something to say without being asked anything else.
    pub until: Duration,
    /// When it ends whatever comes.
    pub(crate) deadline: Duration,
    pub(crate) asked: Asked,
}

/// What is known of a request before it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) service: &'static str,
    pub(crate) protocol: crate::route::Protocol,
    pub(crate) operation: String,
    pub(crate) request_id: String,
    /// Its answer gets lost on order.
    pub(crate) is_lost: bool,
}

/// One line of the log of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When the model carried it out, since the UNIX epoch.
    pub at: Duration,
    /// `apigatewayv2`, `servicediscovery`, `ecs`, `ec2`, `route53`, `s3`, `sqs`, `sts` or `unknown`.
    pub service: &'static str,
    /// Operation name, as in AWS's models.
    pub operation: String,
    /// HTTP status of the answer; 0 for a request that never gets one.
    pub status: u16,
    /// AWS error code, for answers that are errors.
    pub code: Option<String>,
    /// Whether the operation changes something that lasts when it succeeds. Receiving a message does not.
    pub write: bool,
}
