//! An AWS that holds one resource, as it was recorded: lists show it, writes answer with it.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_types::SdkConfig;
use aws_types::region::Region;
use hatoba_core::{Cause, Mark};
use hatoba_kinds::{Aws, CallError, Gate, Operation, Signed};
use hatoba_tests::names;
use serde_json::{Map, Value, json};

use super::sorts::{Place, Sort};

/// One whole answer: status and body.
pub(super) type Reply = (u16, Value);

/// The AWS of one resource.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    sort: &'static Sort,
    resource: Value,
    /// Answers to operations by their names, in place of those that follow from the resource.
    given: BTreeMap<String, Reply>,
    mark: Mark,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) operation: String,
    pub(super) body: Value,
}

struct Open;

impl Gate for Open {
    fn admit<'a>(&'a self, _: &'a Operation) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(std::future::ready(()))
    }

    fn record(&self, _: &Operation, _: Result<(), &CallError>) {}

    fn leaves(&self, _: &Signed<'_>) -> Result<(), Cause> {
        Ok(())
    }
}

impl Witness {
    pub(super) fn new(sort: &'static Sort, resource: &Value, mark: &Mark) -> Witness {
        let given = BTreeMap::new();
        Witness { sort, resource: resource.clone(), given, mark: mark.clone(), heard: Arc::default() }
    }

    /// The same, but for the answer to one operation.
    pub(super) fn giving(mut self, operation: &str, reply: Reply) -> Witness {
        self.given.insert(operation.to_owned(), reply);
        self
    }

    /// The product's own way to it.
    pub(super) fn aws(&self) -> Aws {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(SharedHttpClient::new(self.clone()))
            .build();
        let aws = Aws::new(&config, Arc::new(Open));
        aws.pin_account("123456789012");
        aws
    }

    /// What was sent so far; forgets it.
    pub(super) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn answer(&self, service: &str, operation: &str) -> Reply {
        if let Some(reply) = self.given.get(operation) {
            return reply.clone();
        }
        if service == self.sort.service
            && let Some((_, place)) = self.sort.operations.iter().find(|(name, _)| *name == operation)
        {
            return (200, self.in_place(*place));
        }
        (200, self.beside(service, operation))
    }

    fn in_place(&self, place: Place) -> Value {
        let resource = self.resource.clone();
        match place {
            Place::Whole => resource,
            Place::Each(member) => json!({ member: [resource] }),
            Place::In(member) => json!({ member: resource, "tags": self.tags() }),
        }
    }

    /// What must be answered for the resource to be found, and else nothing.
    fn beside(&self, service: &str, operation: &str) -> Value {
        let of = |member: &str| self.resource[member].clone();
        match (service, operation) {
            ("ecs", "ListClusters") => json!({ "clusterArns": [of("clusterArn")] }),
            ("ecs", "ListServices") => json!({ "serviceArns": [of("serviceArn")] }),
            ("ecs", "ListTaskDefinitions") => json!({ "taskDefinitionArns": [of("taskDefinitionArn")] }),
            ("ecs", "ListTaskDefinitionFamilies") => json!({ "families": [of("family")] }),
            ("servicediscovery", "ListTagsForResource") => json!({ "Tags": [] }),
            ("servicediscovery", "GetServiceAttributes") => {
                json!({ "ServiceAttributes": { "ServiceArn": of("Arn"), "Attributes": {} } })
            }
            ("servicediscovery", "GetOperation") => json!({
                "Operation": { "Id": "op", "Status": "SUCCESS", "Targets": { "NAMESPACE": of("Id") } },
            }),
            ("servicediscovery", operation) if !names::is_read(operation) => json!({ "OperationId": "op" }),
            ("apigatewayv2", operation) if operation.starts_with("Get") => json!({ "items": [] }),
            _ => json!({}),
        }
    }

    /// The recorded tags and our mark, as ECS shows them beside a task definition.
    fn tags(&self) -> Value {
        let mark = self.mark.to_tags(&BTreeMap::new());
        mark.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
    }
}

impl HttpConnector for Witness {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target");
        let named = names::operation(request.method(), request.uri(), target);
        let (service, operation) = named.unwrap_or(("unknown", String::new()));
        let body = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok());
        let heard = Heard { operation: operation.clone(), body: body.unwrap_or(Value::Object(Map::new())) };
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
        let (status, body) = self.answer(service, &operation);
        HttpConnectorFuture::ready(response(status, &body))
    }
}

fn response(status: u16, body: &Value) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::user(error.into()))?;
    Ok(HttpResponse::new(status, body.to_string().into()))
}

impl HttpClient for Witness {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
