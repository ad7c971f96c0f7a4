//! How our kinds stand in a Terraform state: resource types and attributes of the provider hashicorp/aws, as data.
//!
//! A state says which resources there are, and nothing else is believed of it: what they are like, AWS says. So only
//! ids are read, and the few facts that AWS does not show.
//!
//! ```
//! use hatoba_kinds::{KindId, Terraform};
//! assert_eq!(Terraform::kind_of("aws_apigatewayv2_api"), KindId::of("HttpApi"));
//! ```

use crate::KindId;

/// How resources of a kind stand in a state.
#[derive(Clone, Copy, Debug)]
pub struct Terraform {
    /// The resource type.
    pub resource: &'static str,
    /// The attribute with what AWS, or our list of the kind, calls the resource.
    pub id: &'static str,
    /// Attributes with the scope, in the order in which they are tried: an id, or an ARN that ends with it.
    pub scope: &'static [&'static str],
    /// Attributes whose members have other names than theirs.
    pub members: &'static [(&'static str, &'static str)],
    /// Attributes that AWS does not show, or not always.
    pub hints: &'static [&'static str],
    /// An attribute, and the only value of it with which a resource of the type is of this kind.
    pub requires: Option<(&'static str, &'static str)>,
}

/// Resource types that come close, and why they have no document of their own.
const PASSED_OVER: &[(&str, &str)] = &[
    ("aws_apigatewayv2_deployment", "the stage's document makes deployments where they are needed"),
    ("aws_apigatewayv2_integration_response", "only WebSocket APIs have it"),
    ("aws_apigatewayv2_model", "only WebSocket APIs use it"),
    ("aws_apigatewayv2_route_response", "only WebSocket APIs have it"),
    ("aws_appautoscaling_policy", "autoscaling stays as it is; `desiredCount` is written at creation only"),
    ("aws_appautoscaling_target", "autoscaling stays as it is; `desiredCount` is written at creation only"),
    ("aws_ecs_capacity_provider", "capacity providers stay as they are; documents name them"),
    ("aws_ecs_cluster_capacity_providers", "it is a part of the cluster's document: `capacityProviders`"),
    ("aws_ecs_task_set", "the service's document has no task sets"),
    ("aws_service_discovery_instance", "ECS registers instances; those that are registered by hand stay"),
    ("aws_service_discovery_public_dns_namespace", "public DNS namespaces are not covered"),
];

/// Why a resource type has no document, as far as there is something to say.
pub fn passed_over(resource: &str) -> Option<&'static str> {
    PASSED_OVER.iter().find(|(passed, _)| *passed == resource).map(|(_, why)| *why)
}

impl Terraform {
    /// Resources of a type, each with its id in one attribute.
    pub(crate) const fn of(resource: &'static str, id: &'static str) -> Terraform {
        Terraform { resource, id, scope: &[], members: &[], hints: &[], requires: None }
    }

    /// The kind that covers a resource type.
    pub fn kind_of(resource: &str) -> Option<KindId> {
        KindId::ALL.iter().copied().find(|kind| kind.terraform().resource == resource)
    }
}

impl KindId {
    /// The member of the kind that a Terraform attribute or block stands for: `domain_name_configuration` →
    /// `domainNameConfigurations`.
    pub fn member_of_terraform(self, attribute: &str) -> Option<&'static str> {
        let named = self.terraform().members.iter().find(|(name, _)| *name == attribute);
        let camel = camel_case(attribute);
        let plural = format!("{camel}s");
        let fields = self.table().fields.iter();
        let mut members = fields.map(|field| field.path.split('.').next().unwrap_or(field.path));
        named
            .map(|(_, member)| *member)
            .or_else(|| members.find(|member| *member == camel || *member == plural))
    }
}

fn camel_case(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let mut letters = word.chars();
        let begin = letters.next().map(|letter| letter.to_ascii_uppercase());
        camel + &begin.into_iter().chain(letters).collect::<String>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_resource_type_of_its_own() {
        for kind in KindId::ALL {
            let terraform = kind.terraform();
            assert_eq!(Terraform::kind_of(terraform.resource), Some(*kind), "{}", terraform.resource);
            assert_eq!(passed_over(terraform.resource), None);
            assert_eq!(terraform.scope.is_empty(), kind.table().scope_member.is_none(), "{kind:?}");
            for (_, member) in terraform.members {
                let known = kind
                    .table()
                    .fields
                    .iter()
                    .any(|field| field.path == *member || field.path.starts_with(&format!("{member}.")));
                assert!(known, "{kind:?} has no member {member}");
            }
            for hint in terraform.hints {
                assert!(kind.member_of_terraform(hint).is_some(), "{kind:?}: {hint}");
            }
        }
        assert!(passed_over("aws_apigatewayv2_deployment").is_some());
        assert_eq!(passed_over("aws_vpc"), None);
    }

    #[test]
    fn attributes_and_blocks_are_members_in_other_words() {
        for (kind, attribute, member) in [
            ("DomainName", "domain_name_configuration", Some("domainNameConfigurations")),
            ("HttpApi", "cors_configuration", Some("corsConfiguration")),
            ("Stage", "name", Some("stageName")),
            ("Stage", "stage_variables", Some("stageVariables")),
            ("EcsTaskDefinition", "container_definitions", Some("containerDefinitions")),
            ("EcsTaskDefinition", "volume", Some("volumes")),
            ("EcsService", "deployment_maximum_percent", Some("deploymentConfiguration")),
            ("EcsService", "load_balancer", Some("loadBalancers")),
            ("Integration", "timeout_milliseconds", Some("timeoutInMillis")),
            ("HttpApi", "tags", None),
        ] {
            let kind = KindId::of(kind).unwrap();
            assert_eq!(kind.member_of_terraform(attribute), member, "{kind:?} {attribute}");
        }
    }
}
