//! Namespaces, private DNS and HTTP.

use super::operation::{Effect, duplicate};
use super::{CloudMap, Namespace, arn, id_of, invalid, tags};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use crate::time;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Namespaces of one account and region, by default.
const NAMESPACES_MAX: usize = 50;
/// The SOA record's time to live when none is given.
const SOA_TTL_SECONDS: i64 = 15;

impl CloudMap {
    pub(super) fn create_namespace(&mut self, input: Object, kind: &str, env: &mut Env<'_>) -> Outcome {
        let tags = tags::of_input(&input)?;
        let name = object::text_or_empty(&input, "Name").to_owned();
        let vpc = object::text(&input, "Vpc").map(str::to_owned);
        let token =
            object::text(&input, "CreatorRequestId").filter(|token| !token.is_empty()).map(str::to_owned);
        if let Some(repeated) = self.repeated_create(token.as_deref(), &input)? {
            return Ok(object::only("OperationId", repeated));
        }
        self.refuse_existing(&name, kind, vpc.as_deref())?;
        if self.namespaces.len() >= NAMESPACES_MAX {
            return Err(Failure::client(
                "ResourceLimitExceeded",
                "The namespace quota of this account is used up.",
            ));
        }
        let token = token.unwrap_or_else(|| env.ids.uuid());
        let (id, body) = self.new_body(&name, kind, &input, &token, env);
        let effect = Effect::CreateNamespace { id, body, vpc, tags };
        self.accept(effect, env.config.delays.namespace, Some((token, input)), env)
    }

    /// The operation that this same request began earlier.
    fn repeated_create(&self, token: Option<&str>, input: &Object) -> Result<Option<String>, Failure> {
        let Some((id, operation)) = token.and_then(|token| self.asked_before(token)) else { return Ok(None) };
        if operation.pending() {
            return Err(duplicate(id));
        }
        if operation.failed() {
            return Ok(None);
        }
        let same = operation.asked.as_ref().is_some_and(|(_, asked)| asked == input);
        if same {
            Ok(Some(id.clone()))
        } else {
            Err(invalid("The CreatorRequestId was used for another request."))
        }
    }

    /// Refuses a second namespace of one name: in one VPC, or among HTTP namespaces.
    fn refuse_existing(&self, name: &str, kind: &str, vpc: Option<&str>) -> Result<(), Failure> {
        let existing = self.namespaces.iter().find(|(_, other)| {
            object::text(&other.body, "Name").is_some_and(|taken| taken.eq_ignore_ascii_case(name))
                && object::text(&other.body, "Type") == Some(kind)
                && other.vpc.as_deref() == vpc
        });
        let Some((id, other)) = existing else { return Ok(()) };
        let failure = Failure::client("NamespaceAlreadyExists", format!("Namespace {name} already exists."))
            .with("CreatorRequestId", object::text_or_empty(&other.body, "CreatorRequestId"))
            .with("NamespaceId", id.as_str());
        Err(failure)
    }

    fn new_body(
        &self,
        name: &str,
        kind: &str,
        input: &Object,
        token: &str,
        env: &mut Env<'_>,
    ) -> (String, Object) {
        let id = format!("ns-{}", env.ids.lower(16));
        let used = self.namespaces.values().any(|other| http_name(&other.body) == name);
        let http = if used { format!("{name}-{}", env.ids.lower(8)) } else { name.to_owned() };
        let dns = if kind == "DNS_PRIVATE" {
            let sent = input.get("Properties").and_then(|p| p.pointer("/DnsProperties/SOA/TTL"));
            let ttl = sent.cloned().unwrap_or_else(|| json!(SOA_TTL_SECONDS));
            json!({"HostedZoneId": format!("Z{}", env.ids.lower(20).to_uppercase()), "SOA": {"TTL": ttl}})
        } else {
            json!({})
        };
        let mut body = Object::new();
        object::set(&mut body, "Id", id.as_str());
        object::set(&mut body, "Arn", arn("namespace", &id, env));
        object::set(&mut body, "ResourceOwner", env.config.account.as_str());
        object::set(&mut body, "Name", name);
        object::set(&mut body, "Type", kind);
        if let Some(description) = input.get("Description").filter(|text| !object::is_empty(text)) {
            object::set(&mut body, "Description", description.clone());
        }
        object::set(
            &mut body,
            "Properties",
            json!({"DnsProperties": dns, "HttpProperties": {"HttpName": http}}),
        );
        object::set(&mut body, "CreateDate", time::epoch(env.now));
        object::set(&mut body, "CreatorRequestId", token);
        (id, body)
    }

    pub(super) fn finish_create_namespace(
        &mut self,
        id: String,
        body: Object,
        vpc: Option<String>,
        tags: BTreeMap<String, String>,
        now: Duration,
    ) -> Result<(), (String, String)> {
        let name = object::text_or_empty(&body, "Name");
        let clash = vpc.is_some()
            && self
                .namespaces
                .values()
                .any(|other| other.vpc == vpc && overlaps(object::text_or_empty(&other.body, "Name"), name));
        if clash {
            let message = format!(
                "The VPC that you chose, {}, is already associated with another private hosted zone that has an \
                 overlapping name space, {name}. (ConflictingDomainExists)",
                vpc.unwrap_or_default()
            );
            return Err(("CANNOT_CREATE_HOSTED_ZONE".to_owned(), message));
        }
        self.tags.insert(object::text_or_empty(&body, "Arn").to_owned(), tags);
        self.namespaces.insert(id, Namespace { body, vpc, created: now });
        Ok(())
    }

    pub(super) fn find_namespace(
        &self,
        input: &Object,
        member: &str,
    ) -> Result<(&String, &Namespace), Failure> {
        let Some(given) = object::text(input, member) else {
            return Err(invalid(format!("{member} is required")));
        };
        let found = self.namespaces.get_key_value(id_of(given));
        found.ok_or_else(|| Failure::client("NamespaceNotFound", format!("Namespace {given} not found.")))
    }

    pub(super) fn get_namespace(&self, input: &Object) -> Outcome {
        let (_, namespace) = self.find_namespace(input, "Id")?;
        Ok(object::only("Namespace", namespace.body.clone()))
    }

    pub(super) fn update_namespace(&mut self, input: &Object, kind: &str, env: &mut Env<'_>) -> Outcome {
        let (id, namespace) = self.find_namespace(input, "Id")?;
        let id = id.clone();
        if object::text(&namespace.body, "Type") != Some(kind) {
            return Err(invalid(format!("Namespace {id} is not of type {kind}.")));
        }
        let change = object::object(input, "Namespace").cloned().unwrap_or_default();
        self.accept(Effect::UpdateNamespace { id, change }, env.config.delays.namespace, None, env)
    }

    pub(super) fn finish_update_namespace(&mut self, id: &str, change: &Object) {
        let Some(namespace) = self.namespaces.get_mut(id) else { return };
        match change.get("Description") {
            Some(text) if object::is_empty(text) => {
                namespace.body.remove("Description");
            }
            Some(text) => object::set(&mut namespace.body, "Description", text.clone()),
            None => {}
        }
        let ttl = change.get("Properties").and_then(|p| p.pointer("/DnsProperties/SOA/TTL")).cloned();
        let place =
            namespace.body.get_mut("Properties").and_then(|p| p.pointer_mut("/DnsProperties/SOA/TTL"));
        if let (Some(ttl), Some(place)) = (ttl, place) {
            *place = ttl;
        }
    }

    pub(super) fn delete_namespace(&mut self, input: &Object, env: &mut Env<'_>) -> Outcome {
        let id = self.find_namespace(input, "Id")?.0.clone();
        if self.services_of(&id).next().is_some() {
            return Err(Failure::client(
                "ResourceInUse",
                "Namespace has associated services; delete the services before deleting the namespace",
            ));
        }
        self.accept(Effect::DeleteNamespace { id }, env.config.delays.namespace, None, env)
    }

    pub(super) fn finish_delete_namespace(&mut self, id: &str) {
        if let Some(namespace) = self.namespaces.remove(id) {
            self.tags.remove(object::text_or_empty(&namespace.body, "Arn"));
        }
        // A token must not lead to a namespace that is gone.
        for operation in self.operations.values_mut() {
            let made = matches!(&operation.effect, Effect::CreateNamespace { id: made, .. } if made == id);
            if made {
                operation.asked = None;
            }
        }
    }

    /// Whether a delete of this namespace is in flight.
    pub(super) fn is_being_deleted(&self, id: &str) -> bool {
        self.operations.values().any(|operation| {
            operation.pending()
                && matches!(&operation.effect, Effect::DeleteNamespace { id: gone } if gone == id)
        })
    }
}

/// The name DiscoverInstances takes.
pub(super) fn http_name(body: &Object) -> &str {
    let name = body.get("Properties").and_then(|p| p.pointer("/HttpProperties/HttpName"));
    name.and_then(Value::as_str).unwrap_or_default()
}

/// Whether one DNS name equals the other or lies below it.
fn overlaps(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    one == other || one.ends_with(&format!(".{other}")) || other.ends_with(&format!(".{one}"))
}
