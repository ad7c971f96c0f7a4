//! Cloud Map: namespaces, and the health of what is registered.

use std::collections::BTreeMap;

use hatoba_core::Desired;

use super::Found;
use super::chain::{Chain, is_absent, stated, target, text};
use crate::kind::Problem;

pub(super) fn no_health_check(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for service in chain.of("DiscoveryService") {
        let Some(tasks) = chain.naming("EcsService", &service.key).first() else { continue };
        let member = "healthCheckCustomConfig";
        if is_absent(service, member) && stated(service, "healthCheckConfig").is_none() {
            let message = format!("without it the tasks of {} are served whatever their health", tasks.key);
            let hint = "healthCheckCustomConfig: { failureThreshold: 1 }; it can only be given at creation";
            found.push((service.key.clone(), Problem::new(member, message, hint)));
        }
    }
    found
}

pub(super) fn health_check_config(chain: &Chain<'_>) -> Found {
    let services = chain.of("DiscoveryService").iter().filter(|service| {
        let namespace = target(service, "namespaceId");
        stated(service, "healthCheckConfig").is_some()
            && namespace.is_some_and(|namespace| namespace.kind == "PrivateDnsNamespace")
    });
    let message =
        "Route 53 cannot check anything inside a VPC: a private namespace takes no `healthCheckConfig`";
    let hint = "healthCheckCustomConfig: { failureThreshold: 1 }, and ECS tells the health";
    services.map(|service| (service.key.clone(), Problem::new("healthCheckConfig", message, hint))).collect()
}

/// What the document says of its VPC: the id, or the tags.
fn vpc(namespace: &Desired) -> Option<String> {
    let looked_up = || namespace.lookups.iter().find(|lookup| lookup.path == "vpcId");
    text(namespace, "vpcId").map(str::to_owned).or_else(|| Some(format!("{:?}", looked_up()?.lookup.tags)))
}

pub(super) fn namespace_twice(chain: &Chain<'_>) -> Found {
    let mut by_name: BTreeMap<&str, Vec<&Desired>> = BTreeMap::new();
    for kind in ["HttpNamespace", "PrivateDnsNamespace"] {
        for namespace in chain.of(kind) {
            by_name.entry(namespace.name()).or_default().push(namespace);
        }
    }
    let mut found = Found::new();
    for (name, namespaces) in by_name {
        // An HTTP namespace stands in the whole region, a private one in its VPC.
        let has_http = namespaces.iter().any(|namespace| namespace.key.kind == "HttpNamespace");
        let mut by_vpc: BTreeMap<Option<String>, Vec<&Desired>> = BTreeMap::new();
        for namespace in namespaces {
            let place = if has_http { None } else { vpc(namespace) };
            by_vpc.entry(place).or_default().push(namespace);
        }
        for (place, clash) in by_vpc.into_iter().filter(|(_, clash)| clash.len() > 1) {
            if place.is_none() && !has_http {
                continue;
            }
            for (index, namespace) in clash.iter().enumerate() {
                let other = &clash[usize::from(index == 0)].key;
                let message = format!(
                    "{other} has the same name `{name}`{}",
                    match has_http {
                        true => ", and a name may not be in both kinds nor twice in HTTP",
                        false => " for the same VPC",
                    }
                );
                let hint = "one of them must go or take another name";
                found.push((namespace.key.clone(), Problem::new("name", message, hint)));
            }
        }
    }
    found
}
