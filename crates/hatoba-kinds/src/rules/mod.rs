//! The rules that know the chain: what AWS refuses, or what serves nobody, though every document is right by itself.
//!
//! One table, [`RULES`]; every rule is a pure function over all compiled documents and has a section of its own in
//! the book (`docs/src/rules.md`) with a bad and a good sample, which are its tests.
//!
//! The invariant: **what is not known is not judged**. A raw id, a document that is held, a field that is not ours:
//! no rule speaks of them.
//!
//! ```
//! use hatoba_kinds::RULES;
//! assert!(RULES.iter().any(|rule| rule.id == "SrvBehindVpcLink"));
//! ```

mod api;
mod authorization;
mod back_end;
mod chain;
mod cloud_map;
mod quota;
mod registry;
mod routes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Desired, Key, Severity};

use crate::kind::Problem;
use chain::Chain;
pub(crate) use routes::shape;

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// A stable word: the heading of its section in the book, and `rule` in diagnostics.
    pub id: &'static str,
    /// An error holds the document at fault; a warning holds nothing.
    pub severity: Severity,
    /// What is found, in a few words.
    pub title: &'static str,
    check: fn(&Chain<'_>) -> Found,
}

/// What a rule found in which document; paths are within `spec`.
type Found = Vec<(Key, Problem)>;

/// Something that a rule found in one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub rule: &'static str,
    /// The rule's severity.
    pub severity: Severity,
    /// Where in the document.
    pub path: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

const fn error(id: &'static str, title: &'static str, check: fn(&Chain<'_>) -> Found) -> Rule {
    Rule { id, severity: Severity::Error, title, check }
}

const fn warning(id: &'static str, title: &'static str, check: fn(&Chain<'_>) -> Found) -> Rule {
    Rule { id, severity: Severity::Warning, title, check }
}

/// Every rule, in the order of the book.
pub const RULES: &[Rule] = &[
    // From the link to the tasks.
    error("SrvBehindVpcLink", "records without a port behind a VPC link", back_end::srv_behind_vpc_link),
    warning(
        "PortBehindVpcLink",
        "instances behind a VPC link must bring their port",
        back_end::port_behind_vpc_link,
    ),
    error(
        "ServiceArnNeeded",
        "the ARN of something else than a service or listener",
        back_end::service_arn_needed,
    ),
    error("VpcLinkNotUsed", "a private back end without a VPC link", back_end::vpc_link_not_used),
    warning("StageInPath", "the back end sees the stage's name in the path", back_end::stage_in_path),
    error("RegistryPortMissing", "a registry with SRV records and without a port", registry::port_missing),
    error("RegistryPortByNetworkMode", "a registry's port against the network mode", registry::port_by_mode),
    error(
        "UnknownContainer",
        "a container that the task definition does not have",
        registry::unknown_container,
    ),
    warning("ContainerPortNotMapped", "a port that the container does not map", registry::port_not_mapped),
    error(
        "NetworkConfigurationByMode",
        "the network configuration against the network mode",
        registry::network_by_mode,
    ),
    warning("MinimumHealthyBelow100", "fewer tasks than wanted during a roll-out", registry::minimum_healthy),
    warning("BakeTimeLeftOut", "a blue/green roll-out without a bake time", registry::bake_time),
    // Cloud Map.
    warning("NoHealthCheck", "dead tasks stay in the register", cloud_map::no_health_check),
    error(
        "HealthCheckInPrivateDns",
        "a Route 53 health check in a private namespace",
        cloud_map::health_check_config,
    ),
    error("NamespaceTwice", "one namespace name twice", cloud_map::namespace_twice),
    // Routes.
    error("RouteConflict", "route keys that differ in a variable's name only", routes::conflict),
    warning("RouteVariableNames", "two names for the variable of one level", routes::variable_names),
    error("GreedyVariableNotLast", "a greedy variable that is not the last segment", routes::greedy_not_last),
    warning("RouteWithoutTarget", "a route that leads nowhere", routes::without_target),
    warning("NoRoutes", "a stage of an API without routes", routes::no_routes),
    warning("OptionsSwallowed", "preflight requests meet an authorizer", routes::options_swallowed),
    // Who may call.
    warning("PublicRoute", "a route that everybody may call", authorization::public_route),
    error("JwtWithoutIssuerOrAudience", "a JWT authorizer that cannot check", authorization::jwt_incomplete),
    error("ScopesWithoutJwt", "scopes that nobody checks", authorization::scopes_without_jwt),
    error("AuthorizerMissing", "JWT or CUSTOM without an authorizer", authorization::authorizer_missing),
    error("AuthorizerMismatch", "an authorizer of another type", authorization::authorizer_mismatch),
    error("AuthorizerOfOtherApi", "an authorizer of another API", authorization::authorizer_of_other_api),
    error("IntegrationOfOtherApi", "an integration of another API", authorization::integration_of_other_api),
    error("StageOfOtherApi", "a stage of another API", authorization::stage_of_other_api),
    // The API itself.
    error("CorsAnyOriginWithCredentials", "CORS for `*` with credentials", said_by_the_kind),
    warning("ThrottlingZero", "every request is refused", api::throttling_zero),
    warning(
        "RouteSettingsWithoutRoute",
        "settings for a route that is not there",
        api::settings_without_route,
    ),
    warning("ExecuteApiLeftOpen", "a way in beside the custom domain", api::execute_api_left_open),
    // Quotas.
    warning("RoutesPerApi", "more than 300 routes in an API", quota::routes),
    error("IntegrationsPerApi", "more than 300 integrations in an API", quota::integrations),
    warning("StagesPerApi", "more than 10 stages of an API", quota::stages),
    warning("AuthorizersPerApi", "more than 10 authorizers in an API", quota::authorizers),
    error("AudiencesPerAuthorizer", "more than 50 audiences of an authorizer", quota::audiences),
    error("ScopesPerRoute", "more than 10 scopes of a route", quota::scopes),
    warning("VpcLinksPerRegion", "more than 10 VPC links", quota::vpc_links),
    warning("NamespacesPerRegion", "more than 50 namespaces", quota::namespaces),
    warning("DomainNamesPerRegion", "more than 120 custom domains", quota::domain_names),
];

/// Everything that the rules find in these documents. `held` are keys of documents that exist but are not among them.
pub fn check_chain(documents: &BTreeMap<Key, Desired>, held: &BTreeSet<Key>) -> Vec<(Key, Finding)> {
    findings(&Chain::new(documents, held))
}

/// One document shows it, so its kind's own check says it, with the rule's word.
fn said_by_the_kind(_: &Chain<'_>) -> Found {
    Found::new()
}

fn findings(chain: &Chain<'_>) -> Vec<(Key, Finding)> {
    let mut all = Vec::new();
    for rule in RULES {
        all.extend((rule.check)(chain).into_iter().map(|(key, Problem { path, message, hint, .. })| {
            let path = if path.is_empty() { "spec".to_owned() } else { format!("spec.{path}") };
            (key, Finding { rule: rule.id, severity: rule.severity, path, message, hint })
        }));
    }
    all
}
