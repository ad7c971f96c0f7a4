//! `HttpService`: one document for the whole chain, from the tasks to the way in.
//!
//! It is no kind of resource: it has no table and no driver. It becomes documents of the other kinds
//! ([`crate::expand`]), and everything after that is theirs. Names of the parts come from what they are
//! (`orders.get-health`), never from where they stand in a list.
//!
//! ```yaml
//! apiVersion: hatoba/v1
//! kind: HttpService
//! metadata: { name: orders }
//! spec:
//!   namespace: private.example.com
//!   network: { vpcSelector: { tags: { Name: awesome-vpc } }, subnetSelector: { tags: { Tier: private } } }
//!   service: { cluster: main, taskDefinition: great-task, port: 80 }
//! ```

mod back_end;
mod chain;
pub(crate) mod names;
mod reader;
mod routes;
mod share;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use hatoba_core::{Diagnostic, Document, Key, Members};
use schemars::JsonSchema;
use serde_json::Value;

use crate::ecs_service::spec::EcsServiceSpec;
use crate::expand::Expanded;
use crate::http_api::spec::HttpApiSpec;

/// The kind's name in documents.
pub(crate) const KIND: &str = "HttpService";

/// A sample document.
pub(crate) const SAMPLE: &str = "apiVersion: hatoba/v1
kind: HttpService
metadata: { name: orders }
spec:
  namespace: private.example.com
  network:
    vpcSelector: { tags: { Name: awesome-vpc } }
    subnetSelector: { tags: { Tier: private } }
    securityGroupSelector: { tags: { Name: great-sg } }
  service: { cluster: main, taskDefinition: great-task, desiredCount: 1, port: 80 }
  api:
    authorizer: { jwtConfiguration: { issuer: 'https://issuer.example.com', audience: [web] } }
    routes: [{ routeKey: $default }, { routeKey: GET /health, authorizationType: NONE }]
";

/// The JSON Schema of `spec`.
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(spec::HttpServiceSpec)
}

/// The same, as a definition beside others.
pub(crate) fn define(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    generator.subschema_for::<spec::HttpServiceSpec>()
}

/// What one document may need to know of all the others.
pub(super) struct Facts<'a> {
    /// Documents of single kinds.
    singles: &'a BTreeMap<&'a Key, &'a Document>,
    /// Keys of documents that exist and could not be read.
    held: &'a BTreeSet<Key>,
    /// APIs that are served by a stage with a name of its own.
    named_stages: BTreeSet<String>,
    /// Authorizers that are no JWT ones.
    lambda_authorizers: BTreeSet<String>,
}

impl<'a> Facts<'a> {
    fn new(
        wholes: &[&Document],
        singles: &'a BTreeMap<&'a Key, &'a Document>,
        held: &'a BTreeSet<Key>,
    ) -> Facts<'a> {
        let text =
            |members: &Members, name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        let of_kind = |kind: &'static str| singles.values().filter(move |document| document.key.kind == kind);
        let mut named_stages: BTreeSet<String> = of_kind("Stage")
            .filter(|stage| text(&stage.spec, "stageName").as_deref() != Some("$default"))
            .filter_map(|stage| text(&stage.spec, "apiRef"))
            .collect();
        let mut lambda_authorizers: BTreeSet<String> = of_kind("Authorizer")
            .filter(|authorizer| text(&authorizer.spec, "authorizerType").as_deref() == Some("REQUEST"))
            .map(|authorizer| authorizer.key.name.clone())
            .collect();
        for whole in wholes {
            let at = |path: &str| hatoba_core::path::get_member(&whole.spec, path)?.as_str();
            if at("api.stage.stageName").is_some_and(|name| name != "$default") {
                named_stages.insert(whole.key.name.clone());
            }
            if at("api.authorizer.authorizerType") == Some("REQUEST") {
                lambda_authorizers.insert(whole.key.name.clone());
            }
        }
        Facts { singles, held, named_stages, lambda_authorizers }
    }

    /// The authorization of routes that name this authorizer.
    fn authorization_of(&self, authorizer: &str) -> &'static str {
        if self.lambda_authorizers.contains(authorizer) { "CUSTOM" } else { "JWT" }
    }

    /// Documents that make a namespace of that name and say the same of the VPC, as far as this one says anything.
    fn namespaces(&self, domain: &str, vpc: &Members) -> Vec<&Key> {
        let named = |document: &Document| {
            let name = document.spec.get("name").and_then(Value::as_str).unwrap_or(&document.key.name);
            name == domain && vpc.iter().all(|(member, value)| document.spec.get(member) == Some(value))
        };
        let namespaces = self.singles.values().filter(|document| document.key.kind == "PrivateDnsNamespace");
        namespaces.filter(|document| named(document)).map(|document| &document.key).collect()
    }
}

/// What an EcsService takes. Made once: a schema is large, and documents change often.
static ECS_FIELDS: LazyLock<BTreeSet<String>> = LazyLock::new(fields::<EcsServiceSpec>);
/// What an HttpApi takes.
static API_FIELDS: LazyLock<BTreeSet<String>> = LazyLock::new(fields::<HttpApiSpec>);

/// The names of a spec's members.
fn fields<S: JsonSchema>() -> BTreeSet<String> {
    let schema = schemars::schema_for!(S);
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(|properties| properties.keys().cloned()).collect()
}

/// Expands all documents of this kind; `singles` are all others.
pub(crate) fn expand_all(
    wholes: &[&Document],
    singles: &BTreeMap<&Key, &Document>,
    held: &BTreeSet<Key>,
) -> Expanded {
    let facts = Facts::new(wholes, singles, held);
    let mut held: BTreeMap<Key, Vec<Diagnostic>> = BTreeMap::new();
    let mut made = Vec::new();
    for whole in wholes {
        match chain::expand(whole, &facts) {
            Ok(one) => made.push((*whole, one)),
            Err(found) => drop(held.insert(whole.key.clone(), found)),
        }
    }
    let mut expanded = share::gather(made, &facts);
    for (key, found) in held {
        expanded.held.entry(key).or_default().extend(found);
    }
    expanded
}
