use std::collections::BTreeMap;

use aws_sdk_apigatewayv2::types::{VpcLink as SdkVpcLink, VpcLinkStatus};
use hatoba_core::{
    Cause, Change, Creation, Hop, KindTable, Life, Members, Object, Readiness, TagChange, Target, normalise,
};
use hatoba_shapes::apigatewayv2::LIMITS;

use super::VpcLink;
use super::fields::{HOP, TABLE};
use super::spec::VpcLinkSpec;
use crate::aws::Aws;
use crate::error::CallError;
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Requests, deleted, marked, members, pages, spec};
use crate::quota::{API_GATEWAY, CREATE_VPC_LINK, DELETE_VPC_LINK, Operation};
use crate::tags;
use crate::terraform::Terraform;

const GET_VPC_LINKS: Operation = Operation::read("apigatewayv2", "GetVpcLinks", &[API_GATEWAY]);
const CREATE: Operation = Operation::write("apigatewayv2", "CreateVpcLink", &[API_GATEWAY, CREATE_VPC_LINK]);
const UPDATE: Operation = Operation::write("apigatewayv2", "UpdateVpcLink", &[API_GATEWAY]);
const DELETE: Operation = Operation::write("apigatewayv2", "DeleteVpcLink", &[API_GATEWAY, DELETE_VPC_LINK]);

/// AWS quota "Subnets per VPC link (V2)".
const SUBNETS_MAX: usize = 10;

impl Kind for VpcLink {
    type Spec = VpcLinkSpec;
    const TABLE: &'static KindTable = &TABLE;
    const HOP: Option<&'static Hop> = Some(&HOP);
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: VpcLink
metadata: { name: fine-vpc-link }
spec:
  subnetSelector: { tags: { Tier: private } }
  securityGroupSelector: { tags: { Name: great-sg } }
";
    const REQUESTS: Requests = ("apigatewayv2/2018-11-29", &["CreateVpcLinkRequest", "UpdateVpcLinkRequest"]);
    const TERRAFORM: Terraform = Terraform::of("aws_apigatewayv2_vpc_link", "id");
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("vpcLinkId", "AWS's id of it"),
    ];
    const OPERATIONS: &'static [Operation] =
        &[GET_VPC_LINKS, CREATE, UPDATE, DELETE, tags::GATEWAY_TAG, tags::GATEWAY_UNTAG];

    const LIMITS: Option<Limits> = Some((LIMITS, "CreateVpcLinkRequest"));

    const REFUSED: &'static [(&'static str, &'static str)] =
        &[("tags", "labels become AWS tags: write them under `metadata.labels`")];

    fn check(members: &Members) -> Vec<Problem> {
        let mut found = match members.get("subnetIds").map(|subnets| subnets.as_array().map_or(0, Vec::len)) {
            None => vec![Problem::new("subnetIds", "`subnetIds` or `subnetSelector` is missing", "")],
            Some(n) if (1..=SUBNETS_MAX).contains(&n) => Vec::new(),
            Some(n) => vec![Problem::new("subnetIds", format!("expected 1 to {SUBNETS_MAX} subnets, got {n}"), "")],
        };
        for (member, prefix) in [("subnetIds", "subnet-"), ("securityGroupIds", "sg-")] {
            let ids = members.get(member).and_then(serde_json::Value::as_array).into_iter().flatten();
            for (index, id) in ids.enumerate().filter_map(|(index, id)| Some((index, id.as_str()?))) {
                if !id.starts_with(prefix) {
                    let hint = "names and tags are looked up by `subnetSelector` and `securityGroupSelector`";
                    let message = format!("expected an id `{prefix}…`, got `{id}`");
                    found.push(Problem::new(format!("{member}[{index}]"), message, hint));
                }
            }
        }
        found
    }

    async fn list(aws: &Aws, _scope: &str, _interest: &Interest) -> Result<Vec<Object>, CallError> {
        let links = pages(&GET_VPC_LINKS, async |token| {
            let call = aws.gateway.get_vpc_links().max_results("100").set_next_token(token).send();
            let page = aws.call(&GET_VPC_LINKS, call).await?;
            Ok((page.items.unwrap_or_default(), page.next_token))
        })
        .await?;
        links.iter().map(|link| observe(aws, link)).collect()
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: VpcLinkSpec = spec(&CREATE, &creation.members)?;
        let call = aws
            .gateway
            .create_vpc_link()
            .set_name(want.name)
            .set_subnet_ids(want.subnet_ids)
            .set_security_group_ids(want.security_group_ids)
            .set_tags(Some(creation.tags.clone().into_iter().collect()))
            .send();
        let made = aws.call(&CREATE, call).await?;
        let link = SdkVpcLink::builder()
            .set_vpc_link_id(made.vpc_link_id)
            .set_name(made.name)
            .set_subnet_ids(made.subnet_ids)
            .set_security_group_ids(made.security_group_ids)
            .set_vpc_link_status(made.vpc_link_status)
            .set_vpc_link_status_message(made.vpc_link_status_message)
            .set_created_date(made.created_date)
            .tags_of(made.tags, &creation.tags)
            .build();
        Ok(Answer::object(observe(aws, &link)?))
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let want: VpcLinkSpec = spec(&UPDATE, &change.after)?;
        let call = aws.gateway.update_vpc_link().vpc_link_id(&change.target.id).set_name(want.name).send();
        aws.call(&UPDATE, call).await?;
        Ok(Answer::Done)
    }

    async fn tag(aws: &Aws, target: &Target, change: &TagChange) -> Result<Answer, CallError> {
        tags::change_gateway_tags(aws, target, change).await
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        let result = aws.call(&DELETE, aws.gateway.delete_vpc_link().vpc_link_id(&target.id).send()).await;
        deleted(result, Answer::Done)
    }
}

trait TagsOf {
    fn tags_of(self, answered: Option<std::collections::HashMap<String, String>>, sent: &BTreeMap<String, String>) -> Self;
}

impl TagsOf for aws_sdk_apigatewayv2::types::builders::VpcLinkBuilder {
    /// What AWS answered; an answer that leaves the tags out means those that were sent.
    fn tags_of(self, answered: Option<std::collections::HashMap<String, String>>, sent: &BTreeMap<String, String>) -> Self {
        self.set_tags(answered.or_else(|| Some(sent.clone().into_iter().collect())))
    }
}

pub(super) fn observe(aws: &Aws, link: &SdkVpcLink) -> Result<Object, CallError> {
    let Some(id) = link.vpc_link_id.clone() else {
        return Err(CallError::nonsense(&GET_VPC_LINKS, "a VPC link without an id"));
    };
    let name = link.name.clone().unwrap_or_default();
    let (mark, tags) = marked(Some(link.tags.clone().unwrap_or_default().into_iter().collect()));
    let message = link.vpc_link_status_message.clone().unwrap_or_default();
    let (life, readiness) = state(link.vpc_link_status.as_ref(), &message);
    let shown = VpcLinkSpec {
        name: Some(name.clone()),
        subnet_ids: link.subnet_ids.clone(),
        security_group_ids: link.security_group_ids.clone(),
        ..VpcLinkSpec::default()
    };
    Ok(Object {
        scope: String::new(),
        arn: Some(aws.gateway_arn(&format!("/vpclinks/{id}"))),
        natural_key: name,
        mark,
        tags,
        life,
        readiness,
        created_at_ms: link.created_date.and_then(|date| date.to_millis().ok()),
        uses: shown.subnet_ids.iter().chain(&shown.security_group_ids).flatten().cloned().collect(),
        members: normalise(&TABLE, members(&shown)),
        outputs: BTreeMap::from([("id".to_owned(), id.clone())]),
        id,
    })
}

/// The states of "Set up VPC links V2"; an unknown one is no reason to act.
pub(super) fn state(status: Option<&VpcLinkStatus>, message: &str) -> (Life, Readiness) {
    let say = |reason, text: &str| {
        let message = if message.is_empty() { text.to_owned() } else { format!("{text}: {message}") };
        Cause::new(reason, message)
    };
    match status {
        Some(VpcLinkStatus::Available) => (Life::Live, Readiness::Ready),
        Some(VpcLinkStatus::Pending) => (Life::Pending, Readiness::Settling(say("LinkPending", "the VPC link is PENDING"))),
        Some(VpcLinkStatus::Inactive) => (
            Life::Live,
            Readiness::NotReady(say("LinkInactive", "the VPC link is INACTIVE: no traffic for 60 days; requests fail until it is back")),
        ),
        Some(VpcLinkStatus::Failed) => (Life::Failed, Readiness::NotReady(say("LinkFailed", "the VPC link is FAILED"))),
        Some(VpcLinkStatus::Deleting) => {
            (Life::Leaving { holds_name: false }, Readiness::Settling(say("LinkDeleting", "the VPC link is being deleted")))
        }
        other => {
            let status = other.map_or("no status", VpcLinkStatus::as_str);
            (Life::Pending, Readiness::Settling(say("LinkStateUnknown", &format!("the VPC link says {status}"))))
        }
    }
}
