//! Custom domain names.

use super::{
    ApiGateway, Event, Record, RestCall, Table, bad_request, check, check_patch, conflict, label, list,
    not_found, tags,
};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule, Shape, optional, required};
use crate::time;
use serde_json::{Value, json};

/// Custom domain names of one account and region, by default.
const DOMAIN_NAMES_MAX: usize = 120;
/// The hosted zone of API Gateway's own names in us-east-1; other regions have others.
const HOSTED_ZONE: &str = "Z1UJRXOUMOOFQ8";

const RULES: &[Rule] = &[
    required("domainName", Shape::Text(1, 512)),
    optional("domainNameConfigurations", Shape::Objects(1)),
    optional("mutualTlsAuthentication", Shape::Object),
    optional(
        "routingMode",
        Shape::OneOf(&["API_MAPPING_ONLY", "ROUTING_RULE_ONLY", "ROUTING_RULE_THEN_API_MAPPING"]),
    ),
    optional("tags", Shape::TextMap(1600)),
];

const CONFIGURATION: &[Rule] = &[
    required("certificateArn", Shape::Text(1, 2048)),
    optional("endpointType", Shape::OneOf(&["REGIONAL", "EDGE"])),
    optional("ipAddressType", Shape::OneOf(&["ipv4", "dualstack"])),
    optional("securityPolicy", Shape::OneOf(&["TLS_1_0", "TLS_1_2"])),
    optional("ownershipVerificationCertificateArn", Shape::Text(0, 2048)),
];

const MUTUAL_TLS: &[Rule] =
    &[optional("truststoreUri", Shape::Text(0, 2048)), optional("truststoreVersion", Shape::Text(1, 64))];

/// A domain name with its mappings.
#[derive(Debug)]
pub(super) struct DomainName {
    pub(super) record: Record,
    pub(super) mappings: Table,
}

impl ApiGateway {
    pub(super) fn domain_name_call(&mut self, call: RestCall, env: &mut Env<'_>) -> Outcome {
        let name = label(&call, 0).to_owned();
        match call.operation {
            "CreateDomainName" => self.create_domain_name(call.body, env),
            "GetDomainNames" => {
                list(&call, self.domain_names.iter().map(|(name, domain)| (name, &domain.record)), env)
            }
            "GetDomainName" => Ok(self.domain_name(&name)?.record.body.clone()),
            "UpdateDomainName" => self.update_domain_name(&name, call.body, env),
            _ => self.delete_domain_name(&name),
        }
    }

    pub(super) fn domain_name(&self, name: &str) -> Result<&DomainName, Failure> {
        self.domain_names.get(name).ok_or_else(|| no_domain_name(name))
    }

    fn create_domain_name(&mut self, input: Object, env: &mut Env<'_>) -> Outcome {
        check(&input, RULES)?;
        tags::check_map(&input)?;
        let mut body = input;
        let name = object::text_or_empty(&body, "domainName").to_owned();
        if !name.contains('.') || name.contains("..") || name.starts_with('.') {
            return Err(bad_request(format!("Invalid domain name: {name}")));
        }
        if self.domain_names.contains_key(&name) {
            return Err(conflict("The domain name you provided already exists."));
        }
        if self.domain_names.len() >= DOMAIN_NAMES_MAX {
            return Err(bad_request("Maximum number of domain names for this account has been reached."));
        }
        let Some(configuration) = object::list(&body, "domainNameConfigurations").first().cloned() else {
            return Err(bad_request("At least one domain name configuration must be specified"));
        };
        check_tls(&body)?;
        let mut configuration = read_back(&configuration, &Object::new())?;
        let target = format!("d-{}.execute-api.{}.amazonaws.com", env.ids.lower(10), env.config.region);
        object::set(&mut configuration, "apiGatewayDomainName", target);
        object::set(&mut configuration, "hostedZoneId", HOSTED_ZONE);
        object::set(&mut configuration, "certificateUploadDate", time::iso(env.now));
        object::set(&mut configuration, "domainNameStatus", "UPDATING");
        object::set(&mut body, "domainNameConfigurations", vec![Value::Object(configuration)]);
        object::set(&mut body, "apiMappingSelectionExpression", "$request.basepath");
        let arn = format!("arn:aws:apigateway:{}::/domainnames/{name}", env.config.region);
        object::set(&mut body, "domainNameArn", arn);
        object::default(&mut body, "routingMode", "API_MAPPING_ONLY");
        object::default(&mut body, "tags", json!({}));
        let record = Record { body: body.clone(), created: env.now };
        self.domain_names.insert(name.clone(), DomainName { record, mappings: Table::new() });
        env.after(env.config.delays.domain_name, Event::DomainNameSettles { name });
        Ok(body)
    }

    fn update_domain_name(&mut self, name: &str, input: Object, env: &mut Env<'_>) -> Outcome {
        let mut body = self.domain_name(name)?.record.body.clone();
        check_patch(&input, RULES)?;
        check_tls(&input)?;
        let before = configuration_of(&body);
        if object::text(&before, "domainNameStatus") == Some("UPDATING") {
            return Err(conflict("The domain name is being updated. Please try again later."));
        }
        if let Some(sent) = object::list(&input, "domainNameConfigurations").first() {
            let after = read_back(sent, &before)?;
            if after != before {
                object::set(&mut body, "domainNameConfigurations", vec![Value::Object(after)]);
                settles_later(&mut body, name, env);
            }
        }
        if let Some(tls) = object::object(&input, "mutualTlsAuthentication") {
            let off = object::text(tls, "truststoreUri") == Some("");
            if off {
                body.remove("mutualTlsAuthentication");
            } else {
                let mut merged =
                    object::object(&body, "mutualTlsAuthentication").cloned().unwrap_or_default();
                merged.extend(tls.clone());
                object::set(&mut body, "mutualTlsAuthentication", merged);
            }
            settles_later(&mut body, name, env);
        }
        if let Some(mode) = input.get("routingMode") {
            object::set(&mut body, "routingMode", mode.clone());
        }
        if let Some(domain) = self.domain_names.get_mut(name) {
            domain.record.body.clone_from(&body);
        }
        Ok(body)
    }

    pub(super) fn settle_domain_name(&mut self, name: &str) {
        let Some(domain) = self.domain_names.get_mut(name) else { return };
        let mut configuration = configuration_of(&domain.record.body);
        if object::text(&configuration, "domainNameStatus") == Some("UPDATING") {
            object::set(&mut configuration, "domainNameStatus", "AVAILABLE");
        }
        object::set(&mut domain.record.body, "domainNameConfigurations", vec![Value::Object(configuration)]);
    }

    /// Whether AWS refuses it while mappings stand in it is not known; the strict reading is: yes.
    fn delete_domain_name(&mut self, name: &str) -> Outcome {
        if !self.domain_name(name)?.mappings.is_empty() {
            return Err(bad_request(format!(
                "Deleting domain name {name} failed. Please remove all API mappings first."
            )));
        }
        self.domain_names.remove(name);
        Ok(Object::new())
    }
}

fn no_domain_name(name: &str) -> Failure {
    not_found("DomainName", format!("Invalid domain name identifier specified {name}"))
}

fn configuration_of(body: &Object) -> Object {
    let first = object::list(body, "domainNameConfigurations").first();
    first.and_then(Value::as_object).cloned().unwrap_or_default()
}

fn settles_later(body: &mut Object, name: &str, env: &mut Env<'_>) {
    let mut configuration = configuration_of(body);
    object::set(&mut configuration, "domainNameStatus", "UPDATING");
    object::set(body, "domainNameConfigurations", vec![Value::Object(configuration)]);
    env.after(env.config.delays.domain_name, Event::DomainNameSettles { name: name.to_owned() });
}

/// A configuration as it reads back: what was sent, AWS's defaults, and what only AWS says as it was before.
fn read_back(sent: &Value, before: &Object) -> Result<Object, Failure> {
    let Some(sent) = sent.as_object() else { return Err(bad_request("Invalid domain name configuration")) };
    check(sent, CONFIGURATION)?;
    if !object::text_or_empty(sent, "certificateArn").starts_with("arn:") {
        return Err(bad_request("Invalid certificate ARN: ARNs must start with 'arn:'"));
    }
    if object::text(sent, "endpointType") == Some("EDGE") {
        return Err(bad_request("Edge-optimized domain names are not supported; use REGIONAL"));
    }
    if object::text(sent, "securityPolicy") == Some("TLS_1_0") {
        return Err(bad_request("Security policy TLS_1_0 is not supported for HTTP APIs; use TLS_1_2"));
    }
    let mut body = before.clone();
    body.remove("ownershipVerificationCertificateArn");
    let written = CONFIGURATION.iter().filter_map(|rule| Some((rule.name, sent.get(rule.name)?)));
    for (name, value) in written.filter(|(_, value)| !object::is_empty(value)) {
        object::set(&mut body, name, value.clone());
    }
    object::default(&mut body, "endpointType", "REGIONAL");
    object::default(&mut body, "securityPolicy", "TLS_1_2");
    object::default(&mut body, "ipAddressType", "ipv4");
    Ok(body)
}

fn check_tls(input: &Object) -> Result<(), Failure> {
    let Some(tls) = object::object(input, "mutualTlsAuthentication") else { return Ok(()) };
    check(tls, MUTUAL_TLS)?;
    match object::text(tls, "truststoreUri") {
        Some(uri) if !uri.is_empty() && !uri.starts_with("s3://") => {
            Err(bad_request("Invalid truststore URI. The URI must be in the form s3://bucket-name/key-name"))
        }
        _ => Ok(()),
    }
}
