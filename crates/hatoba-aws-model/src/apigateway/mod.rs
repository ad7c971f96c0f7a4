//! API Gateway v2: HTTP APIs with their routes, integrations, authorizers, stages and deployments, VPC links, and
//! custom domain names with their mappings.
//!
//! Invariant: every route's target and authorizer, and every stage's deployment, exist in the same API. Writes that
//! would break this are refused, as AWS refuses them.

mod api;
mod api_mapping;
mod authorizer;
mod deployed;
mod deployment;
mod domain_name;
mod integration;
mod rest;
mod route;
mod stage;
mod tags;
#[cfg(test)]
mod tests;
mod vpc_link;

pub(crate) use deployed::Deployed;
pub(crate) use integration::SUBTYPES;
pub(crate) use rest::{RestCall, operation, success_status};

use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule};
use crate::page::{self, Asked, BadToken, Entry};
use deployed::Snapshots;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// AWS's answer to overlapping writes to one API.
const CONCURRENT: &str =
    "Unable to complete operation due to concurrent modification. Please try again later.";

/// Entries of a page when the caller names no number. AWS does not publish it.
const PAGE_DEFAULT: usize = 25;
/// Largest page the model takes; whether AWS refuses more is unknown.
const PAGE_MAX: usize = 500;

/// What is served as it was deployed: writes of these have every stage with auto deploy deploy itself.
const DEPLOYED: &[&str] = &["Route", "Integration", "Authorizer", "UpdateApi", "DeleteCorsConfiguration"];

/// What happens later by itself.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    VpcLinkSettles { id: String, failure: Option<String> },
    VpcLinkGone { id: String },
    DomainNameSettles { name: String },
    AutoDeployed { api: String, stage: String, deployment: Option<String> },
    Deployed { api: String, deployment: String, stage: Option<String>, failure: Option<String> },
}

/// A stored resource: its members as they read back.
#[derive(Debug)]
pub(crate) struct Record {
    body: Object,
    created: Duration,
}

type Table = BTreeMap<String, Record>;

#[derive(Debug, Default)]
pub(crate) struct ApiGateway {
    apis: BTreeMap<String, Api>,
    vpc_links: Table,
    domain_names: BTreeMap<String, domain_name::DomainName>,
}

#[derive(Debug)]
struct Api {
    record: Record,
    routes: Table,
    integrations: Table,
    authorizers: Table,
    deployments: Table,
    stages: Table,
    /// What the deployments hold.
    snapshots: Snapshots,
    /// When the last write was carried out: another one within the request latency overlaps with it.
    written: Option<Duration>,
}

impl ApiGateway {
    /// Carries out one call.
    pub(crate) fn call(&mut self, call: RestCall, env: &mut Env<'_>) -> Outcome {
        let id = call.labels.first().cloned().unwrap_or_default();
        let child_of_api = self.apis.contains_key(&id);
        let write = child_of_api && !call.operation.starts_with("Get");
        if write {
            self.refuse_overlap(&id, env)?;
        }
        let deploys = DEPLOYED.iter().any(|kind| call.operation.ends_with(kind));
        let out = self.dispatch(call, env)?;
        if write && let Some(api) = self.apis.get_mut(&id) {
            api.written = Some(env.now);
            if deploys {
                self.auto_deploy(&id, env);
            }
        }
        Ok(out)
    }

    fn dispatch(&mut self, call: RestCall, env: &mut Env<'_>) -> Outcome {
        match call.operation {
            "CreateApi" => self.create_api(call.body, env),
            "GetApi" => Ok(self.api(label(&call, 0), env)?.record.body.clone()),
            "GetApis" => list(&call, self.apis.iter().map(|(id, api)| (id, &api.record)), env),
            "UpdateApi" => self.update_api(label(&call, 0), call.body.clone(), env),
            "DeleteApi" if self.is_mapped(label(&call, 0), None) => Err(mapped("API", label(&call, 0))),
            "DeleteStage" if self.is_mapped(label(&call, 0), Some(label(&call, 1))) => {
                Err(mapped("stage", label(&call, 1)))
            }
            "DeleteApi" => self.delete_api(label(&call, 0), env),
            "DeleteCorsConfiguration" => self.delete_cors(label(&call, 0), env),
            name if name.contains("DomainName") => self.domain_name_call(call, env),
            name if name.contains("ApiMapping") => self.api_mapping_call(call, env),
            name if name.contains("VpcLink") => self.vpc_link_call(call, env),
            "TagResource" | "UntagResource" | "GetTags" => self.tag_call(&call),
            name if name.contains("Stage") || name.ends_with("Settings") => self.stage_call(call, env),
            name if name.contains("Route") => self.route_call(call, env),
            name if name.contains("Integration") => self.integration_call(call, env),
            name if name.contains("Authorizer") => self.authorizer_call(call, env),
            _ => self.deployment_call(call, env),
        }
    }

    /// What AWS has done by itself.
    pub(crate) fn happen(&mut self, event: Event, env: &mut Env<'_>) {
        match event {
            Event::VpcLinkSettles { id, failure } => self.settle_vpc_link(&id, failure),
            Event::DomainNameSettles { name } => self.settle_domain_name(&name),
            Event::VpcLinkGone { id } => {
                self.vpc_links.remove(&id);
            }
            Event::Deployed { api, deployment, stage, failure } => {
                self.finish_deployment(&api, &deployment, stage.as_deref(), failure, env);
            }
            Event::AutoDeployed { api, stage, deployment } => {
                self.finish_auto_deploy(&api, &stage, deployment.as_deref(), env);
            }
        }
    }

    fn refuse_overlap(&self, id: &str, env: &Env<'_>) -> Result<(), Failure> {
        let written = self.apis.get(id).and_then(|api| api.written);
        let overlaps = written.is_some_and(|at| env.now.saturating_sub(at) < env.config.delays.request);
        if overlaps && !env.faults.overlap_allowed() {
            return Err(conflict(CONCURRENT));
        }
        Ok(())
    }

    fn api(&self, id: &str, env: &Env<'_>) -> Result<&Api, Failure> {
        self.apis.get(id).ok_or_else(|| no_api(id, env))
    }

    fn api_mut(&mut self, id: &str, env: &Env<'_>) -> Result<&mut Api, Failure> {
        self.apis.get_mut(id).ok_or_else(|| no_api(id, env))
    }

    /// APIs, what stands in them but for deployments, and VPC links. Children carry `apiId` and have the key `apiId/id`.
    pub(crate) fn resources(&self) -> Object {
        let mut all = Object::new();
        for (id, api) in &self.apis {
            for (name, table) in api.tables().into_iter().filter(|(name, _)| *name != "deployments") {
                let collection = all.entry(name).or_insert_with(|| json!({}));
                children(collection, id, table);
            }
        }
        let apis = self.apis.iter();
        let apis: Object =
            apis.map(|(id, api)| (id.clone(), Value::Object(api.record.body.clone()))).collect();
        object::set(&mut all, "apis", apis);
        object::set(&mut all, "vpcLinks", bodies(&self.vpc_links));
        all
    }

    /// Every resource, by collection.
    pub(crate) fn dump(&self) -> Value {
        let mut all = self.resources();
        let (mut deployments, mut snapshots) = (json!({}), Object::new());
        for (id, api) in &self.apis {
            children(&mut deployments, id, &api.deployments);
            for (deployment, held) in api.snapshots.iter() {
                snapshots.insert(format!("{id}/{deployment}"), Value::Object(held.dump()));
            }
        }
        let mut mappings = Object::new();
        for (name, domain) in &self.domain_names {
            for (id, mapping) in &domain.mappings {
                let mut body = mapping.body.clone();
                object::set(&mut body, "domainName", name.as_str());
                mappings.insert(format!("{name}/{id}"), Value::Object(body));
            }
        }
        let domains = self.domain_names.iter();
        let domains: Object =
            domains.map(|(name, domain)| (name.clone(), Value::Object(domain.record.body.clone()))).collect();
        for child in ["routes", "integrations", "authorizers", "stages"] {
            object::default(&mut all, child, Object::new());
        }
        object::set(&mut all, "deployments", deployments);
        object::set(&mut all, "snapshots", snapshots);
        object::set(&mut all, "domainNames", domains);
        object::set(&mut all, "apiMappings", mappings);
        Value::Object(all)
    }
}

/// Adds an API's children of one collection.
fn children(collection: &mut Value, api: &str, table: &Table) {
    for (child, record) in table {
        let mut body = record.body.clone();
        object::set(&mut body, "apiId", api);
        collection[format!("{api}/{child}")] = Value::Object(body);
    }
}

fn bodies(table: &Table) -> Object {
    table.iter().map(|(id, record)| (id.clone(), Value::Object(record.body.clone()))).collect()
}

impl Api {
    fn tables(&self) -> [(&'static str, &Table); 5] {
        [
            ("routes", &self.routes),
            ("integrations", &self.integrations),
            ("authorizers", &self.authorizers),
            ("deployments", &self.deployments),
            ("stages", &self.stages),
        ]
    }
}

fn label(call: &RestCall, at: usize) -> &str {
    call.labels.get(at).map_or("", String::as_str)
}

/// One page of a collection, in the order of ids.
fn list<'a>(
    call: &RestCall,
    records: impl Iterator<Item = (&'a String, &'a Record)>,
    env: &Env<'_>,
) -> Outcome {
    let limit = match call.query("maxResults") {
        None => PAGE_DEFAULT,
        Some(text) => match text.parse::<usize>() {
            Ok(number) if (1..=PAGE_MAX).contains(&number) => number,
            _ => return Err(bad_request("Invalid maxResults parameter specified")),
        },
    };
    let entries = records
        .map(|(id, record)| Entry {
            key: id.clone(),
            created: record.created,
            value: Value::Object(record.body.clone()),
        })
        .collect();
    let asked =
        Asked { service: "apigatewayv2", operation: call.operation, limit, token: call.query("nextToken") };
    match page::cut(entries, &asked, env) {
        Ok(page) => Ok(page.into_output("items", "nextToken")),
        Err(BadToken) => Err(bad_request("Invalid nextToken parameter specified")),
    }
}

fn check(input: &Object, rules: &[Rule]) -> Result<(), Failure> {
    object::check(input, rules).map_err(bad_request)
}

fn check_patch(input: &Object, rules: &[Rule]) -> Result<(), Failure> {
    object::check_patch(input, rules).map_err(bad_request)
}

fn bad_request(message: impl Into<String>) -> Failure {
    Failure::new(400, "BadRequestException", message)
}

fn conflict(message: impl Into<String>) -> Failure {
    Failure::new(409, "ConflictException", message)
}

fn not_found(resource: &str, message: String) -> Failure {
    Failure::new(404, "NotFoundException", message).with("resourceType", resource)
}

fn no_api(id: &str, env: &Env<'_>) -> Failure {
    not_found("Api", format!("Invalid API identifier specified {}:{id}", env.config.account))
}

/// AWS's refusal to delete what a mapping uses. The words for a stage are not known.
fn mapped(what: &str, id: &str) -> Failure {
    bad_request(format!(
        "Deleting {what} {id} failed. Please remove all API mappings for the {what} from your custom domain names."
    ))
}

fn no_child(kind: &str, id: &str) -> Failure {
    not_found(kind, format!("Invalid {kind} identifier specified {id}"))
}

/// Merges a map member: a text of no length, or an object of no members, takes its key out.
fn merge_map(body: &mut Object, name: &str, patch: &Value) {
    let mut merged = object::object(body, name).cloned().unwrap_or_default();
    for (key, value) in patch.as_object().into_iter().flatten() {
        if object::is_empty(value) {
            merged.remove(key);
        } else {
            merged.insert(key.clone(), value.clone());
        }
    }
    object::set(body, name, merged);
}

/// Sets a member, or takes it out when the value sent is empty.
fn set_or_clear(body: &mut Object, name: &str, value: Value) {
    if object::is_empty(&value) {
        body.remove(name);
    } else {
        object::set(body, name, value);
    }
}
