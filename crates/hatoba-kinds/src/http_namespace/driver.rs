use aws_sdk_servicediscovery::error::SdkError;
use aws_sdk_servicediscovery::operation::create_http_namespace::CreateHttpNamespaceError;
use aws_sdk_servicediscovery::types::{HttpNamespaceChange, NamespaceType};
use hatoba_core::{Change, Creation, KindTable, Members, Object, TagChange, Target};
use hatoba_shapes::servicediscovery::LIMITS;

use super::HttpNamespace;
use super::fields::TABLE;
use super::spec::HttpNamespaceSpec;
use crate::aws::Aws;
use crate::error::CallError;
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Progress, Requests, members, spec};
use crate::private_dns_namespace::driver::{
    DELETE, GET_OPERATION, LIST_NAMESPACES, begun, delete_namespace, made_by, namespaces, observed,
};
use crate::quota::{CLOUD_MAP, Operation};
use crate::tags;
use crate::terraform::Terraform;

const CREATE: Operation = Operation::write("servicediscovery", "CreateHttpNamespace", &[CLOUD_MAP]);
const UPDATE: Operation = Operation::write("servicediscovery", "UpdateHttpNamespace", &[CLOUD_MAP]);

impl Kind for HttpNamespace {
    type Spec = HttpNamespaceSpec;
    const TABLE: &'static KindTable = &TABLE;
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: HttpNamespace
metadata: { name: shop }
spec: { description: found by API alone }
";
    const REQUESTS: Requests = ("servicediscovery/2017-03-14", &["CreateHttpNamespaceRequest", "HttpNamespaceChange"]);
    const TERRAFORM: Terraform = Terraform::of("aws_service_discovery_http_namespace", "id");
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("tags", "`metadata.labels` become tags, beside the owner mark"),
        ("creatorRequestId", "made from owner, document and incarnation, so that a repeated create is the same one"),
    ];
    const OPERATIONS: &'static [Operation] = &[
        LIST_NAMESPACES,
        CREATE,
        UPDATE,
        DELETE,
        GET_OPERATION,
        tags::DISCOVERY_LIST_TAGS,
        tags::DISCOVERY_TAG,
        tags::DISCOVERY_UNTAG,
    ];

    const LISTS_BY_NAME: bool = true;
    const LIMITS: Option<Limits> = Some((LIMITS, "CreateHttpNamespaceRequest"));

    fn check(members: &Members) -> Vec<Problem> {
        let name = members.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
        let legal = (1..=1024).contains(&name.len()) && name.chars().all(|c| ('!'..='~').contains(&c));
        match legal && !name.starts_with("arn:") {
            true => Vec::new(),
            false => vec![Problem::new(
                "name",
                format!("expected 1 to 1024 printable ASCII characters without blanks, got `{name}`"),
                "",
            )],
        }
    }

    async fn list(aws: &Aws, _scope: &str, interest: &Interest) -> Result<Vec<Object>, CallError> {
        let mut objects = Vec::new();
        for namespace in namespaces(aws, &NamespaceType::Http).await? {
            let shown = HttpNamespaceSpec {
                name: namespace.name.clone(),
                description: namespace.description.clone(),
            };
            objects.push(observed(aws, &TABLE, &namespace, interest, |_| members(&shown)).await?);
        }
        Ok(objects)
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: HttpNamespaceSpec = spec(&CREATE, &creation.members)?;
        let call = aws
            .discovery
            .create_http_namespace()
            .set_name(want.name)
            .set_description(want.description)
            .creator_request_id(creation.mark.creator_request_id())
            .set_tags(Some(tags::discovery_tags(&CREATE, &creation.tags)?))
            .send();
        let call = async {
            match call.await {
                // The token says that an earlier request of ours began it, and its answer was lost.
                Err(error) => begun_earlier(&error).map(Answer::Earlier).ok_or(error),
                Ok(answer) => Ok(answer.operation_id.map_or(Answer::Listed, Answer::Operation)),
            }
        };
        aws.call(&CREATE, call).await
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let want: HttpNamespaceSpec = spec(&UPDATE, &change.after)?;
        let namespace = HttpNamespaceChange::builder().description(want.description.unwrap_or_default()).build();
        let namespace = namespace.map_err(|error| CallError::unbuildable(&UPDATE, error.to_string()))?;
        let call = aws.discovery.update_http_namespace().id(&change.target.id).namespace(namespace).send();
        begun(&UPDATE, aws.call(&UPDATE, call).await.map(|answer| answer.operation_id))
    }

    async fn tag(aws: &Aws, target: &Target, change: &TagChange) -> Result<Answer, CallError> {
        tags::change_discovery_tags(aws, target, change).await
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        delete_namespace(aws, target).await
    }

    async fn poll(aws: &Aws, operation: &str, made: Option<&Creation>) -> Result<Progress, CallError> {
        made_by(aws, &TABLE, operation, made).await
    }
}

/// The operation in flight that a repeated create is refused for (AWS: `DuplicateRequest`).
fn begun_earlier<R>(error: &SdkError<CreateHttpNamespaceError, R>) -> Option<String> {
    match error.as_service_error()? {
        CreateHttpNamespaceError::DuplicateRequest(refused) => refused.duplicate_operation_id.clone(),
        _ => None,
    }
}
