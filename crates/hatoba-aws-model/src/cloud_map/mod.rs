//! Cloud Map: namespaces, services, instances, operations.
//!
//! Invariant: what is asynchronous in AWS changes nothing before its operation succeeds, and an instance always belongs
//! to a service, a service to a namespace.

mod attributes;
mod instance;
mod lists;
mod namespace;
mod operation;
mod reach;
mod service;
mod single;
mod tags;
#[cfg(test)]
mod tests;

use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use operation::Operation;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// What happens later by itself.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    OperationEnds { id: String },
}

#[derive(Debug, Default)]
pub(crate) struct CloudMap {
    namespaces: BTreeMap<String, Namespace>,
    services: BTreeMap<String, Service>,
    operations: BTreeMap<String, Operation>,
    /// By ARN, of what exists.
    tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Counts changes of instances, for DiscoverInstances.
    revision: u64,
    /// Ids of services that were deleted, by namespace and name.
    buried: BTreeMap<(String, String), String>,
}

#[derive(Debug)]
struct Namespace {
    body: Object,
    /// Never shown by any call.
    vpc: Option<String>,
    created: Duration,
}

#[derive(Debug)]
struct Service {
    body: Object,
    /// What CreateService was asked, to recognise a repetition.
    asked: Object,
    instances: BTreeMap<String, Object>,
    attributes: BTreeMap<String, String>,
    created: Duration,
}

impl CloudMap {
    /// The name and the VPC of the namespace whose private hosted zone that is.
    pub(crate) fn zone(&self, zone: &str) -> Option<(&str, &str)> {
        let has_it = |namespace: &&Namespace| {
            let dns = namespace.body.get("Properties").and_then(|all| all.get("DnsProperties"));
            dns.and_then(|dns| dns.get("HostedZoneId")).and_then(Value::as_str) == Some(zone)
        };
        let namespace = self.namespaces.values().find(has_it)?;
        Some((object::text_or_empty(&namespace.body, "Name"), namespace.vpc.as_deref()?))
    }

    /// Carries out one call; `None` for an operation the model does not have.
    pub(crate) fn call(&mut self, operation: &str, input: Object, env: &mut Env<'_>) -> Option<Outcome> {
        Some(match operation {
            "CreatePrivateDnsNamespace" => self.create_namespace(input, "DNS_PRIVATE", env),
            "CreateHttpNamespace" => self.create_namespace(input, "HTTP", env),
            "GetNamespace" => self.get_namespace(&input),
            "ListNamespaces" => self.list_namespaces(&input, env),
            "UpdatePrivateDnsNamespace" => self.update_namespace(&input, "DNS_PRIVATE", env),
            "UpdateHttpNamespace" => self.update_namespace(&input, "HTTP", env),
            "DeleteNamespace" => self.delete_namespace(&input, env),
            "CreateService" => self.create_service(input, env),
            "GetService" => self.get_service(&input),
            "ListServices" => self.list_services(&input, env),
            "UpdateService" => self.update_service(&input, env),
            "DeleteService" => self.delete_service(&input),
            "GetServiceAttributes" => self.get_service_attributes(&input),
            "UpdateServiceAttributes" => self.update_service_attributes(&input),
            "DeleteServiceAttributes" => self.delete_service_attributes(&input),
            "RegisterInstance" => self.register_instance(&input, env),
            "DeregisterInstance" => self.deregister_instance(&input, env),
            "GetInstance" => self.get_instance(&input, env),
            "GetInstancesHealthStatus" => self.instances_health(&input, env),
            "DiscoverInstancesRevision" => self.discover_revision(&input),
            "ListInstances" => self.list_instances(&input, env),
            "DiscoverInstances" => self.discover_instances(&input),
            "GetOperation" => self.get_operation(&input, env),
            "ListOperations" => self.list_operations(&input, env),
            "TagResource" => self.tag_resource(&input),
            "UntagResource" => self.untag_resource(&input),
            "ListTagsForResource" => self.list_tags(&input),
            _ => return None,
        })
    }

    /// What AWS has done by itself.
    pub(crate) fn happen(&mut self, event: Event, env: &mut Env<'_>) {
        let Event::OperationEnds { id } = event;
        self.end_operation(&id, env);
    }

    /// Every resource, by collection, with what the API does not show: VPC and tags.
    pub(crate) fn dump(&self) -> Value {
        let with_tags = |body: &Object| {
            let mut body = body.clone();
            let tags = self.tags.get(object::text_or_empty(&body, "Arn"));
            object::set(&mut body, "Tags", json!(tags.cloned().unwrap_or_default()));
            body
        };
        let mut namespaces = Object::new();
        for (id, namespace) in &self.namespaces {
            let mut body = with_tags(&namespace.body);
            if let Some(vpc) = &namespace.vpc {
                object::set(&mut body, "Vpc", vpc.as_str());
            }
            object::set(&mut namespaces, id, body);
        }
        let (mut services, mut instances) = (Object::new(), Object::new());
        for (id, service) in &self.services {
            let mut body = with_tags(&service.body);
            object::set(&mut body, "Attributes", json!(service.attributes));
            object::set(&mut services, id, body);
            for (instance, attributes) in &service.instances {
                let body = json!({"Id": instance, "ServiceId": id, "Attributes": attributes});
                object::set(&mut instances, &format!("{id}/{instance}"), body);
            }
        }
        let operations: Object =
            self.operations.iter().map(|(id, op)| (id.clone(), Value::Object(op.body.clone()))).collect();
        json!({"namespaces": namespaces, "services": services, "instances": instances, "operations": operations})
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::client("InvalidInput", message)
}

/// The id in an id or ARN: recent models take both.
fn id_of(id_or_arn: &str) -> &str {
    id_or_arn.rsplit('/').next().unwrap_or(id_or_arn)
}

fn arn(kind: &str, id: &str, env: &Env<'_>) -> String {
    format!("arn:aws:servicediscovery:{}:{}:{kind}/{id}", env.config.region, env.config.account)
}
