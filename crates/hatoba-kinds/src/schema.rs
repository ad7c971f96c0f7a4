//! JSON Schema of documents, for editors and other people's tools.
//!
//! Three sources and no fourth: the structures that parse a spec say which members there are, AWS's limits
//! ([`hatoba_shapes`]) say what they may hold, and the kinds' tables say what leaving them out means. What depends on
//! several members, or on other documents, is `hatoba validate`'s matter: a schema refuses nothing that it accepts.
//!
//! Draft 7, because that is what editors read. A string may always be a `${VARIABLE}`.
//!
//! ```
//! let schema = hatoba_kinds::document_schema(None).expect("all kinds");
//! assert!(schema["definitions"]["VpcLinkSpec"]["properties"]["subnetSelector"].is_object());
//! ```

use hatoba_core::{API_VERSION, Policy, did_you_mean};
use hatoba_shapes::{Limit, apigatewayv2, ecs, servicediscovery};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::{KindId, explain, http_service};

/// Where the schemas of structures stand.
const DEFINITIONS: &str = "definitions";

/// What stands in place of any string: it is filled in later.
const VARIABLE: &str = r"\$\{[A-Z_][A-Z0-9_]*\}";

/// A document's name, as [`hatoba_core::check_name`] has it.
const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// Every kind's name in documents, the one that is made of others first.
pub fn kind_names() -> impl Iterator<Item = &'static str> + Clone {
    std::iter::once(http_service::KIND).chain(KindId::ALL.iter().map(|kind| kind.table().kind))
}

/// The schema of a document: of one kind, or of any.
///
/// # Errors
/// A sentence, where there is no such kind.
pub fn document_schema(kind: Option<&str>) -> Result<Value, String> {
    let kinds: Vec<&str> = match kind {
        None => kind_names().collect(),
        Some(kind) if kind_names().any(|known| known == kind) => vec![kind],
        Some(other) => return Err(no_such_kind(other)),
    };
    let mut generator = SchemaSettings::draft07().into_generator();
    let specs: Vec<(&str, Value)> = kinds.iter().map(|kind| (*kind, define(kind, &mut generator))).collect();
    let policy = generator.subschema_for::<Policy>().to_value();
    // What HttpService's parts are made of, which its own type leaves open.
    let parts = PARTS.map(|part| (part, define(part, &mut generator)));
    let mut definitions = generator.take_definitions(true);
    for kind in KindId::ALL {
        complete(*kind, &mut definitions);
    }
    fill_structures(&mut definitions);
    fill_parts(&mut definitions, &parts);
    definitions.values_mut().for_each(allow_null_entries);
    let choices: Vec<Value> = kinds.iter().map(|kind| json!({ "const": kind })).collect();
    let by_kind: Vec<Value> = specs
        .iter()
        .map(|(kind, spec)| {
            let is_kind = json!({ "properties": { "kind": { "const": kind } }, "required": ["kind"] });
            json!({ "if": is_kind, "then": { "properties": { "spec": spec } } })
        })
        .collect();
    Ok(json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": kind.map_or_else(|| "Hatoba document".to_owned(), |kind| format!("Hatoba document: {kind}")),
        "type": "object",
        "additionalProperties": false,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": { "const": API_VERSION },
            "kind": { "anyOf": choices, "description": "What the document asks for." },
            "metadata": metadata(),
            "spec": { "type": "object", "description": "What should exist, in AWS's own member names." },
            "policy": { "anyOf": [policy, { "type": "null" }] },
        },
        "allOf": by_kind,
        DEFINITIONS: definitions,
    }))
}

/// Says that there is no such kind, and which was meant.
pub fn no_such_kind(name: &str) -> String {
    match did_you_mean(name, kind_names()) {
        Some(guess) => format!("there is no kind `{name}`; did you mean `{guess}`?"),
        None => {
            let known: Vec<&str> = kind_names().collect();
            format!("there is no kind `{name}`, expected one of {}", known.join(", "))
        }
    }
}

/// Kinds whose members stand in an HttpService.
const PARTS: [&str; 7] =
    ["EcsService", "EcsTaskDefinition", "HttpApi", "Stage", "Authorizer", "Integration", "DiscoveryService"];

/// The schema of a kind's `spec`: a reference to its definition.
fn define(kind: &str, generator: &mut SchemaGenerator) -> Value {
    match KindId::of(kind) {
        Some(kind) => kind.define(generator).to_value(),
        None => http_service::define(generator).to_value(),
    }
}

fn metadata() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": {
                "type": "string", "pattern": NAME, "maxLength": 253,
                "description": "The document's identity, with its kind. AWS's own name may be another one.",
            },
            "labels": {
                "type": ["object", "null"], "maxProperties": 45, "additionalProperties": { "type": "string" },
                "description": "Become AWS tags where the resource takes tags.",
            },
        },
    })
}

/// The definition of a kind's spec: AWS's limits, and what the table says of each member.
fn complete(kind: KindId, definitions: &mut Map<String, Value>) {
    let Some(spec) = definitions.get_mut(&format!("{}Spec", kind.table().kind)) else { return };
    if let Some((limits, request)) = kind.limits() {
        constrain(spec, limits, request);
    }
    let Some(properties) = spec.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, member) in properties {
        let said = explain::about(kind, name, member).join("\n");
        if let Some(member) = member.as_object_mut().filter(|_| !said.is_empty()) {
            member.insert("description".to_owned(), said.into());
        }
    }
}

/// AWS's limits of the generated structures, each of which is named as its definition is.
fn fill_structures(definitions: &mut Map<String, Value>) {
    for limits in [ecs::LIMITS, apigatewayv2::LIMITS, servicediscovery::LIMITS] {
        for (name, structure) in definitions.iter_mut() {
            constrain(structure, limits, name);
        }
    }
}

fn constrain(structure: &mut Value, limits: &[Limit], shape: &str) {
    for limit in limits.iter().filter(|limit| limit.shape == shape) {
        let name = limit.member.trim_end_matches("[]").trim_end_matches("{}");
        let steps = &limit.member[name.len()..];
        let member = structure.get_mut("properties").and_then(|all| all.get_mut(name));
        let Some(member) = member else { continue };
        if let Some(member) = inner(member, steps).and_then(Value::as_object_mut) {
            limited(member, limit);
        }
        if limit.required && limit.unless.is_empty() {
            require(structure, name);
        }
    }
}

/// The items of a list, the values of a map: as far in as `[]` and `{}` lead.
fn inner<'a>(schema: &'a mut Value, steps: &str) -> Option<&'a mut Value> {
    match steps.split_at_checked(2) {
        None => Some(schema),
        Some(("[]", rest)) => inner(schema.get_mut("items")?, rest),
        Some((_, rest)) => inner(schema.get_mut("additionalProperties")?, rest),
    }
}

fn limited(member: &mut Map<String, Value>, limit: &Limit) {
    let is_of = |name: &str| match member.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(all)) => all.iter().any(|one| one == name),
        _ => false,
    };
    let (least, most) = if is_of("integer") || is_of("number") {
        ("minimum", "maximum")
    } else if is_of("array") {
        ("minItems", "maxItems")
    } else {
        if is_of("string") && !limit.values.is_empty() {
            let mut allowed = vec![json!({ "enum": limit.values }), json!({ "pattern": VARIABLE })];
            allowed.extend(is_of("null").then(|| json!({ "type": "null" })));
            member.insert("anyOf".to_owned(), allowed.into());
        }
        return;
    };
    for (word, bound) in [(least, limit.min), (most, limit.max)] {
        // Every bound of AWS's is a whole number.
        if let Some(bound) = bound.filter(|bound| bound.fract() == 0.0) {
            member.insert(word.to_owned(), json!(bound as i64));
        }
    }
}

fn require(structure: &mut Value, name: &str) {
    let Some(structure) = structure.as_object_mut() else { return };
    let required = structure.entry("required").or_insert_with(|| json!([]));
    if let Some(required) = required.as_array_mut().filter(|all| all.iter().all(|one| one != name)) {
        required.push(name.into());
    }
}

/// The members of HttpService that are other kinds' specs.
fn fill_parts(definitions: &mut Map<String, Value>, parts: &[(&str, Value); 7]) {
    let spec_of = |kind: &str| parts.iter().find(|(name, _)| *name == kind).map(|(_, spec)| spec.clone());
    for (structure, kind) in [("ServiceSpec", "EcsService"), ("ApiSpec", "HttpApi")] {
        let more = definitions.get(&format!("{kind}Spec")).and_then(|spec| spec.get("properties")).cloned();
        let own = definitions.get_mut(structure).and_then(Value::as_object_mut);
        let (Some(own), Some(Value::Object(more))) = (own, more) else { continue };
        own.insert("additionalProperties".to_owned(), false.into());
        if let Some(properties) = own.get_mut("properties").and_then(Value::as_object_mut) {
            for (name, member) in more {
                properties.entry(name).or_insert(member);
            }
        }
    }
    for (structure, member, kind) in [
        ("ServiceSpec", "taskDefinition", "EcsTaskDefinition"),
        ("ApiSpec", "stage", "Stage"),
        ("ApiSpec", "authorizer", "Authorizer"),
        ("RouteEntry", "integration", "Integration"),
        ("HttpServiceSpec", "integration", "Integration"),
        ("HttpServiceSpec", "discovery", "DiscoveryService"),
    ] {
        let place = definitions
            .get_mut(structure)
            .and_then(|structure| structure.pointer_mut(&format!("/properties/{member}")));
        let (Some(place), Some(spec)) = (place, spec_of(kind)) else { continue };
        let mut choices = vec![spec, json!({ "type": "null" })];
        choices.extend((member == "taskDefinition").then(|| json!({ "type": "string" })));
        *place = json!({ "description": place.get("description"), "anyOf": choices });
    }
}

/// `null` for an entry of a map is an entry that is left out.
fn allow_null_entries(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(kind) =
                members.get_mut("additionalProperties").and_then(|entry| entry.get_mut("type"))
                && kind.is_string()
            {
                *kind = json!([kind.take(), "null"]);
            }
            members.values_mut().for_each(allow_null_entries);
        }
        Value::Array(items) => items.iter_mut().for_each(allow_null_entries),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let schema = document_schema(None).unwrap();
        let text = schema.to_string();
        let mut references = text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
        assert!(references.clone().count() > 50);
        assert_eq!(references.find(|pointer| schema.pointer(pointer).is_none()), None);
    }

    #[test]
    fn members_have_awss_limits_and_the_tables_words() {
        let schema = document_schema(Some("EcsService")).unwrap();
        let spec = &schema["definitions"]["EcsServiceSpec"]["properties"];
        assert_eq!(spec["launchType"]["anyOf"][0]["enum"][1], "FARGATE", "{spec:#}");
        let said = spec["desiredCount"]["description"].as_str().unwrap();
        assert!(said.contains("left out: 1 at creation, and not ours afterwards"), "{said}");
        let record = document_schema(Some("DiscoveryService")).unwrap()["definitions"]["DnsRecord"].take();
        assert_eq!(record["required"], json!(["type", "ttl"]), "{record:#}");
        assert_eq!(record["properties"]["ttl"]["maximum"], 2_147_483_647, "{record:#}");
    }

    #[test]
    fn a_service_takes_what_its_parts_take() {
        let schema = document_schema(Some("HttpService")).unwrap();
        let at = |pointer: &str| schema.pointer(&format!("/definitions/{pointer}")).is_some();
        assert!(at("ServiceSpec/properties/desiredCount") && at("ApiSpec/properties/corsConfiguration"));
        assert!(at("RouteEntry/properties/integration/anyOf/0/$ref"));
    }

    #[test]
    fn a_wrong_kind_is_refused_with_a_guess() {
        assert!(document_schema(Some("VpcLnik")).unwrap_err().ends_with("did you mean `VpcLink`?"));
    }
}
