//! From the integration to what serves: VPC links, Cloud Map services, listeners, paths.

use hatoba_core::Desired;
use serde_json::Value;

use super::Found;
use super::chain::{Chain, in_effect, is_absent, items, stated, target, text, written_at};
use crate::kind::Problem;

pub(super) fn is_private(integration: &Desired) -> bool {
    text(integration, "connectionType") == Some("VPC_LINK")
}

/// The record types of a Cloud Map service; none where it has no DNS at all.
pub(super) fn record_types(service: &Desired) -> Vec<&str> {
    let records = items(service, "dnsConfig.dnsRecords").iter();
    records.filter_map(|record| record.get("type").and_then(Value::as_str)).collect()
}

/// Services with records and no SRV among them that a VPC link leads to: the service, and an integration.
fn portless<'c, 'a>(chain: &'c Chain<'a>) -> impl Iterator<Item = (&'a Desired, &'a Desired)> + 'c {
    chain.of("DiscoveryService").iter().filter_map(|service| {
        let types = record_types(service);
        if types.is_empty() || types.contains(&"SRV") {
            return None;
        }
        let integrations = chain.naming("Integration", &service.key);
        integrations.iter().find(|integration| is_private(integration)).map(|found| (*service, *found))
    })
}

pub(super) fn srv_behind_vpc_link(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for (service, integration) in portless(chain) {
        let Some(tasks) = chain.naming("EcsService", &service.key).first() else { continue };
        let message = format!(
            "expected SRV records, got {}: {} reaches this service through a VPC link and needs a port, and {} \
             registers one only with SRV",
            record_types(service).join(", "),
            integration.key,
            tasks.key
        );
        let hint = "dnsRecords: [{ type: SRV, ttl: 60 }]; record types can never be changed in place";
        found.push((service.key.clone(), Problem::new("dnsConfig.dnsRecords[0].type", message, hint)));
    }
    found
}

pub(super) fn port_behind_vpc_link(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for (service, integration) in portless(chain) {
        if !chain.naming("EcsService", &service.key).is_empty() {
            continue;
        }
        let message = format!(
            "{} reaches this service through a VPC link, so every instance must be registered with \
             AWS_INSTANCE_PORT; ECS does so only with SRV records",
            integration.key
        );
        let hint = "dnsRecords: [{ type: SRV, ttl: 60 }], unless you register the instances yourself";
        found.push((service.key.clone(), Problem::new("dnsConfig.dnsRecords[0].type", message, hint)));
    }
    found
}

/// What an ARN names, in the words of the message.
fn named_by(arn: &str) -> &'static str {
    let of = |service: &str, resource: &str| arn.contains(service) && arn.contains(resource);
    match () {
        () if of(":servicediscovery:", ":namespace/") => "a Cloud Map namespace",
        () if of(":elasticloadbalancing:", ":loadbalancer/") => "a load balancer",
        () if of(":elasticloadbalancing:", ":targetgroup/") => "a target group",
        () => "something else",
    }
}

fn is_service(arn: &str) -> bool {
    arn.starts_with("arn:") && arn.contains(":servicediscovery:") && arn.contains(":service/")
}

fn is_listener(arn: &str) -> bool {
    arn.starts_with("arn:") && arn.contains(":elasticloadbalancing:") && arn.contains(":listener/")
}

pub(super) fn service_arn_needed(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for integration in chain.of("Integration").iter().filter(|integration| is_private(integration)) {
        let Some(uri) = text(integration, "integrationUri") else { continue };
        if is_service(uri) || is_listener(uri) || uri.contains("${") {
            continue;
        }
        let message = format!(
            "expected the ARN of a Cloud Map service or of a load balancer's listener, got `{uri}` ({})",
            named_by(uri)
        );
        let hint = "`discoveryServiceRef` names a DiscoveryService document";
        found.push((integration.key.clone(), Problem::new("integrationUri", message, hint)));
    }
    for service in chain.of("EcsService") {
        for (index, registry) in items(service, "serviceRegistries").iter().enumerate() {
            let Some(arn) = registry.get("registryArn").and_then(Value::as_str) else { continue };
            if is_service(arn) || arn.contains("${") {
                continue;
            }
            let path = format!("serviceRegistries[{index}].registryArn");
            let message = format!("expected the ARN of a Cloud Map service, got `{arn}` ({})", named_by(arn));
            let hint = "`discoveryServiceRef` names a DiscoveryService document";
            found.push((service.key.clone(), Problem::new(path, message, hint)));
        }
    }
    found
}

pub(super) fn vpc_link_not_used(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for integration in chain.of("Integration") {
        if in_effect(integration, "connectionType", "INTERNET") != Some("INTERNET") {
            continue;
        }
        let uri = text(integration, "integrationUri").unwrap_or_default();
        let has = |member: &str| target(integration, member).is_some();
        let (member, what) = if has("integrationUri") || is_service(uri) || is_listener(uri) {
            ("integrationUri", "a Cloud Map service or a listener is reached through a VPC link only")
        } else if has("connectionId") || stated(integration, "connectionId").is_some() {
            ("connectionId", "the VPC link is not used")
        } else {
            continue;
        };
        let message = format!("{what}, and `connectionType` is INTERNET (its default)");
        let hint = "connectionType: VPC_LINK, and `vpcLinkRef`";
        found.push((integration.key.clone(), Problem::new(written_at(integration, member), message, hint)));
    }
    found
}

pub(super) fn stage_in_path(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for (api, integrations) in chain.by_api("Integration") {
        let stages = chain.naming("Stage", api).iter();
        let Some(stage) = stages.filter_map(|stage| stage.natural_key()).find(|name| *name != "$default")
        else {
            continue;
        };
        for integration in integrations.iter().filter(|integration| is_private(integration)) {
            let parameters = stated(integration, "requestParameters");
            let is_unknown = parameters.is_none() && !is_absent(integration, "requestParameters");
            if is_unknown || parameters.is_some_and(|parameters| parameters.get("overwrite:path").is_some()) {
                continue;
            }
            let message = format!(
                "on the stage `{stage}` the back end is asked for `/{stage}/…`, not for the route's path"
            );
            let hint = "requestParameters: { \"overwrite:path\": $request.path }, or the stage `$default`";
            found.push((integration.key.clone(), Problem::new("requestParameters", message, hint)));
        }
    }
    found
}
