//! Cloud Map services.

use super::operation::Effect;
use super::{CloudMap, Service, arn, id_of, invalid, tags};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use crate::time;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl CloudMap {
    pub(super) fn services_of(&self, namespace: &str) -> impl Iterator<Item = (&String, &Service)> {
        self.services.iter().filter(move |(_, s)| object::text(&s.body, "NamespaceId") == Some(namespace))
    }

    pub(super) fn create_service(&mut self, input: Object, env: &mut Env<'_>) -> Outcome {
        let tags = tags::of_input(&input)?;
        let (namespace_id, dns_namespace) = self.namespace_for(&input)?;
        let name = object::text_or_empty(&input, "Name").to_owned();
        if let Some(existing) = self.existing(&namespace_id, &name, dns_namespace, &input)? {
            return Ok(existing);
        }
        let kind = check_configuration(&input, dns_namespace)?;
        let buried = self.buried.remove(&(namespace_id.clone(), name.to_lowercase()));
        let id = buried.filter(|_| env.config.same_service_id);
        let id = id.unwrap_or_else(|| format!("srv-{}", env.ids.lower(16)));
        let token = object::text(&input, "CreatorRequestId").filter(|token| !token.is_empty());
        let token = token.map_or_else(|| env.ids.uuid(), str::to_owned);
        let mut body = Object::new();
        object::set(&mut body, "Id", id.as_str());
        object::set(&mut body, "Arn", arn("service", &id, env));
        object::set(&mut body, "ResourceOwner", env.config.account.as_str());
        object::set(&mut body, "CreatedByAccount", env.config.account.as_str());
        object::set(&mut body, "Name", name);
        object::set(&mut body, "NamespaceId", namespace_id.as_str());
        object::set(&mut body, "Type", kind);
        object::set(&mut body, "CreateDate", time::epoch(env.now));
        object::set(&mut body, "CreatorRequestId", token);
        object::set(&mut body, "DnsConfig", read_back_dns(&input, &namespace_id));
        if let Some(text) = input.get("Description").filter(|text| !object::is_empty(text)) {
            object::set(&mut body, "Description", text.clone());
        }
        if let Some(check) = object::object(&input, "HealthCheckConfig") {
            let mut check = check.clone();
            object::default(&mut check, "FailureThreshold", 1);
            object::set(&mut body, "HealthCheckConfig", check);
        }
        if input.contains_key("HealthCheckCustomConfig") {
            // The threshold is deprecated and reads back as 1 whatever was sent.
            object::set(&mut body, "HealthCheckCustomConfig", json!({"FailureThreshold": 1}));
        }
        self.tags.insert(object::text_or_empty(&body, "Arn").to_owned(), tags);
        let service = Service {
            body: body.clone(),
            asked: input,
            instances: BTreeMap::new(),
            attributes: BTreeMap::new(),
            created: env.now,
        };
        self.services.insert(id, service);
        Ok(object::only("Service", body))
    }

    /// The namespace a service is to go into, and whether it has DNS.
    fn namespace_for(&self, input: &Object) -> Result<(String, bool), Failure> {
        let given = match object::text(input, "NamespaceId") {
            Some(id) => id,
            // The deprecated place.
            None => object::object(input, "DnsConfig")
                .and_then(|dns| object::text(dns, "NamespaceId"))
                .ok_or_else(|| invalid("NamespaceId is required"))?,
        };
        let id = id_of(given);
        match self.namespaces.get(id) {
            Some(namespace) if !self.is_being_deleted(id) => {
                Ok((id.to_owned(), object::text(&namespace.body, "Type") != Some("HTTP")))
            }
            _ => Err(Failure::client("NamespaceNotFound", format!("Namespace {given} not found."))),
        }
    }

    /// The answer to a repeated request, or the refusal of a second service of one name.
    fn existing(
        &self,
        namespace: &str,
        name: &str,
        dns: bool,
        input: &Object,
    ) -> Result<Option<Object>, Failure> {
        let same_name = |taken: &str| if dns { taken.eq_ignore_ascii_case(name) } else { taken == name };
        let found = self
            .services_of(namespace)
            .find(|(_, other)| same_name(object::text_or_empty(&other.body, "Name")));
        let Some((id, other)) = found else { return Ok(None) };
        let token = object::text(input, "CreatorRequestId").filter(|token| !token.is_empty());
        if token.is_some() && &other.asked == input {
            return Ok(Some(object::only("Service", other.body.clone())));
        }
        Err(Failure::client("ServiceAlreadyExists", format!("Service {name} already exists."))
            .with("CreatorRequestId", object::text_or_empty(&other.body, "CreatorRequestId"))
            .with("ServiceId", id.as_str())
            .with("ServiceArn", object::text_or_empty(&other.body, "Arn")))
    }

    pub(super) fn find_service(&self, input: &Object, member: &str) -> Result<(&String, &Service), Failure> {
        let Some(given) = object::text(input, member) else {
            return Err(invalid(format!("{member} is required")));
        };
        let found = self.services.get_key_value(id_of(given));
        found.ok_or_else(|| Failure::client("ServiceNotFound", format!("Service {given} not found.")))
    }

    pub(super) fn get_service(&self, input: &Object) -> Outcome {
        let service = self.find_service(input, "Id")?.1;
        let mut body = service.body.clone();
        object::set(&mut body, "InstanceCount", service.instances.len());
        Ok(object::only("Service", body))
    }

    pub(super) fn update_service(&mut self, input: &Object, env: &mut Env<'_>) -> Outcome {
        let (id, service) = self.find_service(input, "Id")?;
        let id = id.clone();
        let change = object::object(input, "Service").cloned().unwrap_or_default();
        let namespace = object::text_or_empty(&service.body, "NamespaceId");
        let http =
            self.namespaces.get(namespace).is_some_and(|n| object::text(&n.body, "Type") == Some("HTTP"));
        if http || object::text(&service.body, "Type") == Some("HTTP") {
            return Err(invalid("Services that are discoverable by API only cannot be updated."));
        }
        if change.contains_key("HealthCheckCustomConfig") {
            return Err(invalid("HealthCheckCustomConfig cannot be added, changed or removed."));
        }
        if change.contains_key("HealthCheckConfig") {
            return Err(invalid(
                "HealthCheckConfig is not supported for services in private DNS namespaces.",
            ));
        }
        if let Some(dns) = object::object(&change, "DnsConfig") {
            let current = record_types(object::object(&service.body, "DnsConfig"));
            if let Some(added) = record_types(Some(dns)).iter().find(|kind| !current.contains(kind)) {
                return Err(invalid(format!("The record type {added} cannot be added to the service.")));
            }
        }
        self.accept(Effect::UpdateService { id, change }, env.config.delays.deregister, None, env)
    }

    /// The update as a whole: records that were left out are gone.
    pub(super) fn finish_update_service(&mut self, id: &str, change: &Object) {
        let Some(service) = self.services.get_mut(id) else { return };
        match change.get("Description") {
            Some(text) if object::is_empty(text) => {
                service.body.remove("Description");
            }
            Some(text) => object::set(&mut service.body, "Description", text.clone()),
            None => {}
        }
        let records = object::object(change, "DnsConfig").map(|dns| object::list(dns, "DnsRecords").to_vec());
        if let Some(dns) = service.body.get_mut("DnsConfig").and_then(Value::as_object_mut) {
            object::set(dns, "DnsRecords", records.unwrap_or_default());
        }
    }

    pub(super) fn delete_service(&mut self, input: &Object) -> Outcome {
        let (id, service) = self.find_service(input, "Id")?;
        if !service.instances.is_empty() {
            return Err(Failure::client(
                "ResourceInUse",
                "Service contains registered instances; delete the instances before deleting the service",
            ));
        }
        let (id, arn) = (id.clone(), object::text_or_empty(&service.body, "Arn").to_owned());
        if let Some(service) = self.services.remove(&id) {
            let text = |name: &str| object::text_or_empty(&service.body, name).to_lowercase();
            self.buried.insert((text("NamespaceId"), text("Name")), id);
        }
        self.tags.remove(&arn);
        Ok(Object::new())
    }

    /// The record types of the service with this ARN: what ECS asks before it accepts a registry.
    pub(crate) fn registry_types(&self, arn: &str) -> Option<Vec<String>> {
        let service = self.services.get(id_of(arn))?;
        if object::text(&service.body, "Arn") != Some(arn) {
            return None;
        }
        Some(
            record_types(object::object(&service.body, "DnsConfig")).into_iter().map(str::to_owned).collect(),
        )
    }
}

fn record_types(dns: Option<&Object>) -> Vec<&str> {
    let records = dns.map_or(&[][..], |dns| object::list(dns, "DnsRecords"));
    records.iter().filter_map(|record| record.get("Type").and_then(Value::as_str)).collect()
}

fn read_back_dns(input: &Object, namespace: &str) -> Object {
    let Some(mut dns) = object::object(input, "DnsConfig").cloned() else { return Object::new() };
    object::set(&mut dns, "NamespaceId", namespace);
    object::default(&mut dns, "RoutingPolicy", "MULTIVALUE");
    dns
}

/// Checks DNS and health members against the namespace and each other; gives the service's type.
fn check_configuration(input: &Object, dns_namespace: bool) -> Result<&'static str, Failure> {
    let api_only = object::text(input, "Type") == Some("HTTP");
    let health = object::object(input, "HealthCheckConfig");
    if health.is_some() && input.contains_key("HealthCheckCustomConfig") {
        return Err(invalid("HealthCheckConfig and HealthCheckCustomConfig are mutually exclusive."));
    }
    if health.is_some() && dns_namespace {
        return Err(invalid("HealthCheckConfig is not supported for services in private DNS namespaces."));
    }
    let Some(dns) = object::object(input, "DnsConfig") else {
        return match dns_namespace && !api_only {
            true => Err(invalid("DnsConfig is required for services in DNS namespaces.")),
            false => Ok("HTTP"),
        };
    };
    if !dns_namespace || api_only {
        return Err(invalid("DnsConfig is not supported for services that are discoverable by API only."));
    }
    let mut types = record_types(Some(dns));
    types.sort_unstable();
    if !matches!(types.as_slice(), ["A"] | ["AAAA"] | ["A", "AAAA"] | ["SRV"] | ["CNAME"]) {
        return Err(invalid(format!("Invalid combination of record types: {}", types.join(", "))));
    }
    if types == ["CNAME"] && object::text(dns, "RoutingPolicy") != Some("WEIGHTED") {
        return Err(invalid("CNAME records need the routing policy WEIGHTED."));
    }
    Ok("DNS_HTTP")
}
