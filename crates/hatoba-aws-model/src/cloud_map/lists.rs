//! Cloud Map's lists. A page is cut first and filtered then, so that a page may be empty and not the last.

use super::{CloudMap, id_of, invalid};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use crate::page::{self, Asked, BadToken, Entry};
use serde_json::{Value, json};

/// Entries of a page, by default and at most.
const PAGE: usize = 100;

impl CloudMap {
    pub(super) fn list_namespaces(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let names = ["TYPE", "NAME", "HTTP_NAME", "RESOURCE_OWNER"];
        let entries = self.namespaces.iter().map(|(id, namespace)| {
            let mut summary = namespace.body.clone();
            summary.remove("CreatorRequestId");
            // Summaries of HTTP namespaces show an empty SOA, single reads nothing.
            if object::text(&summary, "Type") == Some("HTTP")
                && let Some(properties) = summary.get_mut("Properties")
            {
                properties["DnsProperties"] = json!({"SOA": {}});
            }
            Entry { key: id.clone(), created: namespace.created, value: Value::Object(summary) }
        });
        list(input, "ListNamespaces", "Namespaces", &names, entries.collect(), env, |name, item| match name {
            "NAME" => text_at(item, "/Name"),
            "TYPE" => text_at(item, "/Type"),
            "HTTP_NAME" => text_at(item, "/Properties/HttpProperties/HttpName"),
            _ => "SELF".to_owned(),
        })
    }

    pub(super) fn list_services(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let names = ["NAMESPACE_ID", "RESOURCE_OWNER"];
        let entries = self.services.iter().map(|(id, service)| {
            let mut summary = service.body.clone();
            summary.remove("CreatorRequestId");
            summary.remove("NamespaceId");
            object::set(&mut summary, "InstanceCount", service.instances.len());
            if let Some(dns) = summary.get_mut("DnsConfig").and_then(Value::as_object_mut) {
                dns.remove("NamespaceId");
            }
            Entry { key: id.clone(), created: service.created, value: Value::Object(summary) }
        });
        list(input, "ListServices", "Services", &names, entries.collect(), env, |name, item| match name {
            "NAMESPACE_ID" => {
                let service = self.services.get(&text_at(item, "/Id"));
                service.map(|s| object::text_or_empty(&s.body, "NamespaceId").to_owned()).unwrap_or_default()
            }
            _ => "SELF".to_owned(),
        })
    }

    pub(super) fn list_instances(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let (_, service) = self.find_service(input, "ServiceId")?;
        let entries = service.instances.iter().map(|(id, attributes)| Entry {
            key: id.clone(),
            created: service.created,
            value: json!({"Id": id, "Attributes": attributes, "CreatedByAccount": env.config.account}),
        });
        let mut out =
            list(input, "ListInstances", "Instances", &[], entries.collect(), env, |_, _| String::new())?;
        object::set(&mut out, "ResourceOwner", env.config.account.as_str());
        Ok(out)
    }

    pub(super) fn list_operations(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let names = ["NAMESPACE_ID", "SERVICE_ID", "STATUS", "TYPE", "UPDATE_DATE"];
        let entries = self.operations.iter().map(|(id, operation)| {
            let status = object::text_or_empty(&operation.seen(env.now), "Status").to_owned();
            Entry { key: id.clone(), created: operation.created, value: json!({"Id": id, "Status": status}) }
        });
        list(input, "ListOperations", "Operations", &names, entries.collect(), env, |name, item| {
            let operation = self.operations.get(&text_at(item, "/Id"));
            let body = operation.map(|op| Value::Object(op.seen(env.now))).unwrap_or_default();
            match name {
                "NAMESPACE_ID" => text_at(&body, "/Targets/NAMESPACE"),
                "SERVICE_ID" => text_at(&body, "/Targets/SERVICE"),
                "STATUS" => text_at(&body, "/Status"),
                "TYPE" => text_at(&body, "/Type"),
                _ => body.get("UpdateDate").map(ToString::to_string).unwrap_or_default(),
            }
        })
    }
}

fn text_at(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// One page of `entries`, then the filters; `names` are the filters this list knows.
fn list(
    input: &Object,
    operation: &str,
    items: &str,
    names: &[&str],
    entries: Vec<Entry>,
    env: &Env<'_>,
    read: impl Fn(&str, &Value) -> String,
) -> Outcome {
    let filters = object::list(input, "Filters");
    for filter in filters.iter().filter_map(Value::as_object) {
        check_filter(filter, names)?;
    }
    let limit =
        input.get("MaxResults").and_then(Value::as_u64).map_or(PAGE, |n| usize::try_from(n).unwrap_or(PAGE));
    let token = object::text(input, "NextToken").filter(|token| !token.is_empty());
    let asked = Asked { service: "servicediscovery", operation, limit, token };
    let mut page =
        page::cut(entries, &asked, env).map_err(|BadToken| invalid("The NextToken is not valid."))?;
    page.values.retain(|item| {
        filters.iter().filter_map(Value::as_object).all(|filter| {
            let name = object::text_or_empty(filter, "Name");
            passes(filter, &read(name, item))
        })
    });
    Ok(page.into_output(items, "NextToken"))
}

fn check_filter(filter: &Object, names: &[&str]) -> Result<(), Failure> {
    let name = object::text_or_empty(filter, "Name");
    if !names.contains(&name) {
        return Err(invalid(format!("Unknown filter {name}; known are {}", names.join(", "))));
    }
    if object::list(filter, "Values").is_empty() {
        return Err(invalid(format!("The filter {name} needs at least one value.")));
    }
    Ok(())
}

fn passes(filter: &Object, actual: &str) -> bool {
    let values = object::texts(filter, "Values");
    match object::text(filter, "Condition").unwrap_or("EQ") {
        "BEGINS_WITH" => values.iter().any(|value| actual.starts_with(value)),
        "BETWEEN" => {
            let number = |text: &str| text.parse::<f64>().unwrap_or_default();
            let bounds: Vec<f64> = values.iter().map(|value| number(value)).collect();
            let actual = number(actual);
            bounds.first().is_some_and(|low| *low <= actual)
                && bounds.get(1).is_some_and(|high| actual <= *high)
        }
        // A namespace filter takes ids and ARNs.
        _ => values.iter().any(|value| *value == actual || id_of(value) == actual),
    }
}
