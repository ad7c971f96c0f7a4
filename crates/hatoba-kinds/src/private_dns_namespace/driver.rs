use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_servicediscovery::error::SdkError;
use aws_sdk_servicediscovery::operation::create_private_dns_namespace::CreatePrivateDnsNamespaceError;
use aws_sdk_servicediscovery::types::{
    NamespaceSummary, NamespaceType, OperationStatus, OperationTargetType, PrivateDnsNamespaceChange,
    PrivateDnsNamespacePropertiesChange, PrivateDnsPropertiesMutableChange, SoaChange,
};
use hatoba_core::{Cause, Change, Creation, KindTable, Life, Members, Object, Readiness, Seen, TagChange, Target, normalise};
use hatoba_shapes::servicediscovery::{LIMITS, PrivateDnsNamespaceProperties, PrivateDnsPropertiesMutable, Soa};

use super::PrivateDnsNamespace;
use super::fields::TABLE;
use super::spec::PrivateDnsNamespaceSpec;
use crate::aws::Aws;
use crate::error::{CallError, Disposition};
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Progress, Requests, marked, members, pages, spec};
use crate::quota::{CLOUD_MAP, Operation};
use crate::route53::GET_HOSTED_ZONE;
use crate::tags;
use crate::terraform::Terraform;

pub(crate) const LIST_NAMESPACES: Operation = Operation::read("servicediscovery", "ListNamespaces", &[CLOUD_MAP]);
const CREATE: Operation = Operation::write("servicediscovery", "CreatePrivateDnsNamespace", &[CLOUD_MAP]);
const UPDATE: Operation = Operation::write("servicediscovery", "UpdatePrivateDnsNamespace", &[CLOUD_MAP]);
pub(crate) const DELETE: Operation = Operation::write("servicediscovery", "DeleteNamespace", &[CLOUD_MAP]);
pub(crate) const GET_OPERATION: Operation = Operation::read("servicediscovery", "GetOperation", &[CLOUD_MAP]);

/// Where the VPC is kept, since AWS does not show it.
const VPC_TAG: &str = "hatoba:vpc";

impl Kind for PrivateDnsNamespace {
    type Spec = PrivateDnsNamespaceSpec;
    const TABLE: &'static KindTable = &TABLE;
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: PrivateDnsNamespace
metadata: { name: private-example-com }
spec:
  name: private.example.com
  vpcSelector: { tags: { Name: awesome-vpc } }
";
    const REQUESTS: Requests = ("servicediscovery/2017-03-14", &["CreatePrivateDnsNamespaceRequest", "PrivateDnsNamespaceChange"]);
    const TERRAFORM: Terraform = Terraform { members: &[("vpc", "vpcId")], hints: &["vpc"], ..Terraform::of("aws_service_discovery_private_dns_namespace", "id") };
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("tags", "`metadata.labels` become tags, beside the owner mark"),
        ("creatorRequestId", "made from owner, document and incarnation, so that a repeated create is the same one"),
        ("vpc", "`vpcId` in documents"),
    ];
    const OPERATIONS: &'static [Operation] = &[
        LIST_NAMESPACES,
        CREATE,
        UPDATE,
        DELETE,
        GET_OPERATION,
        GET_HOSTED_ZONE,
        tags::DISCOVERY_LIST_TAGS,
        tags::DISCOVERY_TAG,
        tags::DISCOVERY_UNTAG,
    ];

    const LISTS_BY_NAME: bool = true;
    const LIMITS: Option<Limits> = Some((LIMITS, "CreatePrivateDnsNamespaceRequest"));

    fn check(members: &Members) -> Vec<Problem> {
        let mut found = Vec::new();
        let name = members.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
        if name.is_empty() || name.len() > 253 || name.contains(char::is_whitespace) {
            found.push(Problem::new("name", format!("expected a domain of 1 to 253 characters, got `{name}`"), ""));
        }
        if !members.contains_key("vpcId") {
            found.push(Problem::new("vpcId", "`vpcId` or `vpcSelector` is missing", ""));
        }
        found
    }

    async fn list(aws: &Aws, _scope: &str, interest: &Interest) -> Result<Vec<Object>, CallError> {
        let mut objects = Vec::new();
        for namespace in namespaces(aws, &NamespaceType::DnsPrivate).await? {
            let mut object = observed(aws, &TABLE, &namespace, interest, |tags| shown(&namespace, tags)).await?;
            if object.mark == Seen::Absent && interest.details.contains(&object.natural_key) {
                look_for_vpc(aws, &mut object).await;
            }
            objects.push(object);
        }
        Ok(objects)
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: PrivateDnsNamespaceSpec = spec(&CREATE, &creation.members)?;
        let properties = want.properties.as_ref().map(PrivateDnsNamespaceProperties::to_sdk).transpose();
        let properties = properties.map_err(|error| CallError::unbuildable(&CREATE, error.to_string()))?;
        let mut all = creation.tags.clone();
        all.extend(want.vpc_id.clone().map(|vpc| (VPC_TAG.to_owned(), vpc)));
        let call = aws
            .discovery
            .create_private_dns_namespace()
            .set_name(want.name)
            .set_vpc(want.vpc_id)
            .set_description(want.description)
            .set_properties(properties)
            .creator_request_id(creation.mark.creator_request_id())
            .set_tags(Some(tags::discovery_tags(&CREATE, &all)?))
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
        let want: PrivateDnsNamespaceSpec = spec(&UPDATE, &change.after)?;
        let mut namespace = PrivateDnsNamespaceChange::builder().description(want.description.clone().unwrap_or_default());
        if let Some(ttl) = soa_ttl(&want).filter(|_| change.touches("properties.dnsProperties.soa.ttl")) {
            let unbuildable = |error: aws_sdk_servicediscovery::error::BuildError| CallError::unbuildable(&UPDATE, error.to_string());
            let soa = SoaChange::builder().ttl(ttl).build().map_err(unbuildable)?;
            let dns = PrivateDnsPropertiesMutableChange::builder().soa(soa).build();
            namespace = namespace.properties(PrivateDnsNamespacePropertiesChange::builder().dns_properties(dns).build());
        }
        let namespace = namespace.build();
        let call = aws.discovery.update_private_dns_namespace().id(&change.target.id).namespace(namespace).send();
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

/// Where a namespace that nobody marked is, if its zone tells. One that cannot be read says nothing: it is then neither
/// taken for the wanted one nor for another.
async fn look_for_vpc(aws: &Aws, namespace: &mut Object) {
    let zone = namespace.outputs.get("hostedZoneId").cloned().unwrap_or_default();
    match aws.route53.vpcs_of(aws, &zone).await.as_deref() {
        Ok([]) | Err(_) => {}
        Ok([one]) => drop(namespace.members.insert("vpcId".to_owned(), one.clone().into())),
        Ok(several) => drop(namespace.members.insert("vpcId".to_owned(), several.into())),
    }
}

/// The time to live that a document states.
fn soa_ttl(want: &PrivateDnsNamespaceSpec) -> Option<i64> {
    want.properties.as_ref()?.dns_properties.as_ref()?.soa.as_ref()?.ttl
}

/// Every namespace of a type.
pub(crate) async fn namespaces(aws: &Aws, kind: &NamespaceType) -> Result<Vec<NamespaceSummary>, CallError> {
    let mut namespaces = pages(&LIST_NAMESPACES, async |token| {
        let call = aws.discovery.list_namespaces().max_results(100).set_next_token(token).send();
        let page = aws.call(&LIST_NAMESPACES, call).await?;
        Ok((page.namespaces.unwrap_or_default(), page.next_token))
    })
    .await?;
    namespaces.retain(|namespace| namespace.r#type.as_ref() == Some(kind));
    Ok(namespaces)
}

/// The namespace that an operation made: AWS tells only its id, and the rest is what was sent.
fn as_made(aws: &Aws, table: &'static KindTable, id: &str, creation: &Creation) -> Object {
    let arn = aws.arn("servicediscovery", &format!("namespace/{id}"));
    let mut tags = creation.tags.clone();
    let vpc = creation.members.get("vpcId").and_then(serde_json::Value::as_str);
    tags.extend(vpc.map(|vpc| (VPC_TAG.to_owned(), vpc.to_owned())));
    aws.remember_tags(&arn, tags.clone());
    let name = creation.members.get("name").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let (mark, tags) = marked(Some(tags));
    Object {
        id: id.to_owned(),
        scope: String::new(),
        natural_key: name,
        mark,
        tags,
        life: Life::Live,
        readiness: Readiness::Ready,
        created_at_ms: None,
        uses: BTreeSet::new(),
        members: normalise(table, creation.members.clone()),
        outputs: BTreeMap::from([("id".to_owned(), id.to_owned()), ("arn".to_owned(), arn.clone())]),
        arn: Some(arn),
    }
}

/// The operation in flight that a repeated create is refused for (AWS: `DuplicateRequest`).
fn begun_earlier<R>(error: &SdkError<CreatePrivateDnsNamespaceError, R>) -> Option<String> {
    match error.as_service_error()? {
        CreatePrivateDnsNamespaceError::DuplicateRequest(refused) => refused.duplicate_operation_id.clone(),
        _ => None,
    }
}

/// Deletes a namespace of either kind.
pub(crate) async fn delete_namespace(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
    let call = aws.discovery.delete_namespace().id(&target.id).send();
    match begun(&DELETE, aws.call(&DELETE, call).await.map(|answer| answer.operation_id)) {
        Err(error) if error.disposition == Disposition::Gone => Ok(Answer::Gone),
        other => other,
    }
}

/// Looks at an operation; what it made, where it makes a namespace.
pub(crate) async fn made_by(
    aws: &Aws,
    table: &'static KindTable,
    operation: &str,
    made: Option<&Creation>,
) -> Result<Progress, CallError> {
    Ok(match (follow(aws, operation).await?, made) {
        ((Progress::Done(_), Some(id)), Some(creation)) => {
            Progress::Done(Some(Box::new(as_made(aws, table, &id, creation))))
        }
        ((progress, _), _) => progress,
    })
}

/// An operation began.
pub(crate) fn begun(operation: &Operation, result: Result<Option<String>, CallError>) -> Result<Answer, CallError> {
    match result? {
        Some(id) => Ok(Answer::Operation(id)),
        None => Err(CallError::nonsense(operation, "no operation id in the answer")),
    }
}

/// Looks at a Cloud Map operation (AWS: `GetOperation`): how it stands, and the namespace that it is about.
pub(crate) async fn follow(aws: &Aws, operation: &str) -> Result<(Progress, Option<String>), CallError> {
    let answer = match aws.call(&GET_OPERATION, aws.discovery.get_operation().operation_id(operation).send()).await {
        Ok(answer) => answer,
        Err(error) if error.disposition == Disposition::Gone => return Ok((Progress::Forgotten, None)),
        Err(error) => return Err(error),
    };
    let Some(state) = answer.operation else { return Ok((Progress::Forgotten, None)) };
    Ok(match state.status {
        Some(OperationStatus::Success) => {
            let targets = state.targets.unwrap_or_default();
            (Progress::Done(None), targets.get(&OperationTargetType::Namespace).cloned())
        }
        Some(OperationStatus::Fail) => {
            let code = state.error_code.unwrap_or_else(|| "OperationFailed".to_owned());
            let words: String = code.split('_').map(capitalised).collect();
            let message = state.error_message.unwrap_or(code);
            (Progress::Failed(Cause { reason: hatoba_core::Reason::from_code(&words), message }), None)
        }
        _ => (Progress::Running, None),
    })
}

/// `CANNOT` → `Cannot`: AWS's operation codes are not CamelCase, reasons are.
fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) => first.to_string() + &letters.as_str().to_lowercase(),
        None => String::new(),
    }
}

/// What AWS shows of a private namespace; its VPC is in our tag.
fn shown(namespace: &NamespaceSummary, tags: Option<&BTreeMap<String, String>>) -> Members {
    let soa = namespace.properties.as_ref().and_then(|all| all.dns_properties.as_ref()?.soa.as_ref());
    let properties = soa.map(|soa| PrivateDnsNamespaceProperties {
        dns_properties: Some(PrivateDnsPropertiesMutable { soa: Some(Soa::from_sdk(soa)) }),
    });
    members(&PrivateDnsNamespaceSpec {
        name: namespace.name.clone(),
        vpc_id: tags.and_then(|tags| tags.get(VPC_TAG).cloned()),
        description: namespace.description.clone(),
        properties,
        ..PrivateDnsNamespaceSpec::default()
    })
}

/// A namespace as it was listed, with its tags where they matter.
pub(crate) async fn observed(
    aws: &Aws,
    table: &'static KindTable,
    namespace: &NamespaceSummary,
    interest: &Interest,
    shown: impl FnOnce(Option<&BTreeMap<String, String>>) -> Members,
) -> Result<Object, CallError> {
    let (Some(id), Some(arn)) = (namespace.id.clone(), namespace.arn.clone()) else {
        return Err(CallError::nonsense(&LIST_NAMESPACES, "a namespace without an id or an ARN"));
    };
    let name = namespace.name.clone().unwrap_or_default();
    let (mark, tags) = marked(tags::read_discovery_tags(aws, &arn, &name, interest).await?);
    let zone = namespace.properties.as_ref().and_then(|all| all.dns_properties.as_ref()?.hosted_zone_id.clone());
    let mut outputs = BTreeMap::from([("id".to_owned(), id.clone()), ("arn".to_owned(), arn.clone())]);
    outputs.extend(zone.map(|zone| ("hostedZoneId".to_owned(), zone)));
    Ok(Object {
        scope: String::new(),
        natural_key: name,
        mark,
        life: Life::Live,
        readiness: Readiness::Ready,
        created_at_ms: namespace.create_date.and_then(|date| date.to_millis().ok()),
        uses: BTreeSet::new(),
        members: normalise(table, shown(tags.as_ref())),
        tags,
        outputs,
        arn: Some(arn),
        id,
    })
}
