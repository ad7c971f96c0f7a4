//! The kinds of AWS resources, one folder each, and the one registry that lists them.
//!
//! A kind is a table of fields (data), a typed spec (what operators write) and a driver (the only file
//! that names the AWS SDK). Everything else works from [`KindId`] and [`hatoba_core::KindTable`].
//!
//! The invariant: **a driver decides nothing**. It lists, and it carries out one fully specified call.
//!
//! ```
//! use hatoba_kinds::KindId;
//! let kind = KindId::of("VpcLink").expect("a kind");
//! assert!(kind.table().field("subnetIds").is_some());
//! ```

mod alike;
mod aws;
mod compile;
mod ec2;
mod error;
mod expand;
mod explain;
mod http_service;
mod iam;
mod import;
mod kind;
mod last_look;
mod naming;
mod page;
mod quota;
mod raw;
mod registry;
mod route53;
mod rules;
mod schema;
mod tags;
mod terraform;
mod visit;

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{
    Action, Cause, Change, Creation, Deployments, Desired, Diagnostic, Document, Health, Hop, KindTable,
    Members, Object, Target,
};

use crate::kind::Kind;

pub use aws::{Aws, Gate};
pub use compile::unknown_kind;
pub use error::{CallError, Disposition, LOOK_SOON, classify, is_denial};
pub use expand::{Expanded, OutputOf, PathMap, Whole, expand, is_whole};
pub use explain::{Schema, explain, explain_kinds};
pub use iam::{Needs, action_of, common_operations, iam_policy};
pub use import::{Found, Imported, Refusal, hides_secret, import};
pub use kind::{Answer, Entry, GivenUp, Interest, Progress, Registrar, Work};
pub use last_look::{Refused, Signed};
pub use naming::spelt_out;
pub use page::{Measured, calls_of, page, page_file, page_of_whole, whole_sample};
pub use quota::{Operation, Quota};
pub use rules::{Finding, RULES, Rule, check_chain};
pub use schema::{document_schema, kind_names, no_such_kind};
pub use terraform::{Terraform, passed_over};

registry::registry! {
    private_dns_namespace::PrivateDnsNamespace,
    http_namespace::HttpNamespace,
    discovery_service::DiscoveryService,
    ecs_cluster::EcsCluster,
    ecs_task_definition::EcsTaskDefinition,
    ecs_service::EcsService,
    http_api::HttpApi,
    vpc_link::VpcLink,
    integration::Integration,
    authorizer::Authorizer,
    route::Route,
    stage::Stage,
    domain_name::DomainName,
    api_mapping::ApiMapping,
}

impl KindId {
    /// The operation that carries a write out.
    pub fn operation_of(self, action: &Action) -> Option<&'static Operation> {
        let verb = match action {
            Action::Create(_) => "Create",
            Action::Update(_) => "Update",
            Action::Clear { operation, .. } => operation,
            Action::Tag { tags, .. } if tags.set.is_empty() => "Untag",
            Action::Tag { .. } => "Tag",
            Action::Delete(_) => "Delete",
            Action::Evict { .. } => "Deregister",
            Action::Refresh(_) => "Update",
        };
        self.operation_said(action).or_else(|| self.operation_named(verb))
    }

    /// The write that begins with the verb, in whatever word AWS has for it: a revision is registered.
    pub fn operation_named(self, verb: &str) -> Option<&'static Operation> {
        let own = match verb {
            "Create" => "Register",
            "Delete" => "Deregister",
            verb => verb,
        };
        let writes = || self.operations().iter().filter(|operation| operation.is_write);
        let find = |word: &str| writes().find(|operation| operation.name.starts_with(word));
        find(verb).or_else(|| find(own))
    }
}

#[cfg(test)]
mod tests;
