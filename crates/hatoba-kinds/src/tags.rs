//! Tag calls of the three services.

use std::collections::BTreeMap;

use aws_sdk_apigatewayv2 as gateway;
use hatoba_core::{TagChange, Target};

use crate::aws::Aws;
use crate::error::{CallError, Disposition};
use crate::kind::{Answer, Interest};
use crate::quota::{API_GATEWAY, CLOUD_MAP, ECS_TAG_MODIFY, Operation};

pub(crate) const GATEWAY_TAG: Operation = Operation::write("apigatewayv2", "TagResource", &[API_GATEWAY]);
pub(crate) const GATEWAY_UNTAG: Operation = Operation::write("apigatewayv2", "UntagResource", &[API_GATEWAY]);
pub(crate) const DISCOVERY_TAG: Operation = Operation::write("servicediscovery", "TagResource", &[CLOUD_MAP]);
pub(crate) const DISCOVERY_UNTAG: Operation =
    Operation::write("servicediscovery", "UntagResource", &[CLOUD_MAP]);
pub(crate) const DISCOVERY_LIST_TAGS: Operation =
    Operation::read("servicediscovery", "ListTagsForResource", &[CLOUD_MAP]);
pub(crate) const ECS_TAG: Operation = Operation::write("ecs", "TagResource", &[ECS_TAG_MODIFY]);
pub(crate) const ECS_UNTAG: Operation = Operation::write("ecs", "UntagResource", &[ECS_TAG_MODIFY]);

fn arn<'a>(operation: &Operation, target: &'a Target) -> Result<&'a str, CallError> {
    target
        .arn
        .as_deref()
        .ok_or_else(|| CallError::unbuildable(operation, format!("{} {} has no ARN", target.kind, target.id)))
}

/// API Gateway: `TagResource` upserts.
pub(crate) async fn change_gateway_tags(
    aws: &Aws,
    target: &Target,
    change: &TagChange,
) -> Result<Answer, CallError> {
    let arn = arn(&GATEWAY_TAG, target)?;
    if !change.set.is_empty() {
        let tags: std::collections::HashMap<String, String> = change.set.clone().into_iter().collect();
        let call: gateway::operation::tag_resource::builders::TagResourceFluentBuilder =
            aws.gateway.tag_resource().resource_arn(arn).set_tags(Some(tags));
        aws.call(&GATEWAY_TAG, call.send()).await?;
    }
    if !change.remove.is_empty() {
        let call = aws.gateway.untag_resource().resource_arn(arn).set_tag_keys(Some(change.remove.clone()));
        aws.call(&GATEWAY_UNTAG, call.send()).await?;
    }
    Ok(Answer::Done)
}

/// Cloud Map: lists do not show tags, so the next one reads what was written.
pub(crate) async fn change_discovery_tags(
    aws: &Aws,
    target: &Target,
    change: &TagChange,
) -> Result<Answer, CallError> {
    let arn = arn(&DISCOVERY_TAG, target)?;
    let changed = async {
        if !change.set.is_empty() {
            let tags = discovery_tags(&DISCOVERY_TAG, &change.set)?;
            let call = aws.discovery.tag_resource().resource_arn(arn).set_tags(Some(tags));
            aws.call(&DISCOVERY_TAG, call.send()).await?;
        }
        if !change.remove.is_empty() {
            let keys = Some(change.remove.clone());
            let call = aws.discovery.untag_resource().resource_arn(arn).set_tag_keys(keys);
            aws.call(&DISCOVERY_UNTAG, call.send()).await?;
        }
        Ok(Answer::Done)
    }
    .await;
    // Afterwards and whatever came of it: a list that ran meanwhile has read the old ones.
    aws.forget_tags(arn);
    changed
}

/// Tags in Cloud Map's shape.
pub(crate) fn discovery_tags(
    operation: &Operation,
    tags: &BTreeMap<String, String>,
) -> Result<Vec<aws_sdk_servicediscovery::types::Tag>, CallError> {
    let build = |(key, value): (&String, &String)| {
        aws_sdk_servicediscovery::types::Tag::builder().key(key).value(value).build()
    };
    tags.iter()
        .map(build)
        .collect::<Result<_, _>>()
        .map_err(|error| CallError::unbuildable(operation, error.to_string()))
}

/// The tags of a Cloud Map resource that matters: from memory, else read. `None`: nobody asked.
pub(crate) async fn read_discovery_tags(
    aws: &Aws,
    arn: &str,
    name: &str,
    interest: &Interest,
) -> Result<Option<BTreeMap<String, String>>, CallError> {
    if !interest.covers(name) {
        return Ok(None);
    }
    if let Some(tags) = aws.known_tags(arn) {
        return Ok(Some(tags));
    }
    let call = aws.discovery.list_tags_for_resource().resource_arn(arn).send();
    match aws.call(&DISCOVERY_LIST_TAGS, call).await {
        Ok(answer) => {
            let tags: BTreeMap<String, String> =
                answer.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
            aws.remember_tags(arn, tags.clone());
            Ok(Some(tags))
        }
        // Gone between the list and this read: the next list will say so.
        Err(error) if error.disposition == Disposition::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

/// ECS: `TagResource` upserts.
pub(crate) async fn change_ecs_tags(
    aws: &Aws,
    target: &Target,
    change: &TagChange,
) -> Result<Answer, CallError> {
    let arn = arn(&ECS_TAG, target)?;
    if !change.set.is_empty() {
        let call = aws.ecs.tag_resource().resource_arn(arn).set_tags(Some(ecs_tags(&change.set)));
        aws.call(&ECS_TAG, call.send()).await?;
    }
    if !change.remove.is_empty() {
        let call = aws.ecs.untag_resource().resource_arn(arn).set_tag_keys(Some(change.remove.clone()));
        aws.call(&ECS_UNTAG, call.send()).await?;
    }
    Ok(Answer::Done)
}

/// Tags in ECS's shape.
pub(crate) fn ecs_tags(tags: &BTreeMap<String, String>) -> Vec<aws_sdk_ecs::types::Tag> {
    tags.iter().map(|(key, value)| aws_sdk_ecs::types::Tag::builder().key(key).value(value).build()).collect()
}
