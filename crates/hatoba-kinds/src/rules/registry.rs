//! An ECS service and what it is entered in: ports, containers, network modes, roll-outs.

use hatoba_core::{Desired, Key};
use serde_json::Value;

use super::Found;
use super::back_end::{is_private, record_types};
use super::chain::{Chain, in_effect, is_absent, items, stated, target, text};
use crate::kind::Problem;

/// One entry of `serviceRegistries`.
struct Registry<'a> {
    owner: &'a Desired,
    index: usize,
    stated: &'a Value,
    /// The Cloud Map service, where it is a document.
    service: Option<&'a Desired>,
    /// How the tasks are attached to the network, where it is known.
    mode: Option<&'a str>,
}

impl<'a> Registry<'a> {
    fn has(&self, member: &str) -> bool {
        self.stated.get(member).is_some_and(|value| !value.is_null())
    }

    /// Whether the Cloud Map service has SRV records; `None`: not known.
    fn is_srv(&self) -> Option<bool> {
        self.service.map(|service| record_types(service).contains(&"SRV"))
    }

    fn at(&self, member: &str) -> String {
        let dot = if member.is_empty() { "" } else { "." };
        format!("serviceRegistries[{}]{dot}{member}", self.index)
    }

    fn problem(&self, member: &str, message: impl Into<String>, hint: &str) -> (Key, Problem) {
        (self.owner.key.clone(), Problem::new(self.at(member), message, hint))
    }
}

fn registries<'c, 'a>(chain: &'c Chain<'a>) -> impl Iterator<Item = Registry<'a>> + 'c {
    chain.of("EcsService").iter().flat_map(move |&owner| {
        let stated = items(owner, "serviceRegistries").iter().enumerate();
        stated.map(move |(index, stated)| {
            let service = chain.filled_by(owner, &format!("serviceRegistries[{index}].registryArn"));
            Registry { owner, index, stated, service, mode: network_mode(chain, owner) }
        })
    })
}

/// The network mode that the task definition says, or that the service's own members allow only.
fn network_mode<'a>(chain: &Chain<'a>, service: &'a Desired) -> Option<&'a str> {
    match chain.filled_by(service, "taskDefinition") {
        Some(definition) => in_effect(definition, "networkMode", "bridge"),
        None => {
            let in_vpc = stated(service, "networkConfiguration.awsvpcConfiguration").is_some();
            in_vpc.then_some("awsvpc")
        }
    }
}

fn is_on_the_host(mode: Option<&str>) -> bool {
    matches!(mode, Some("bridge" | "host"))
}

pub(super) fn port_missing(chain: &Chain<'_>) -> Found {
    let without = registries(chain).filter(|registry| {
        registry.is_srv() == Some(true)
            && !is_on_the_host(registry.mode)
            && !["port", "containerName", "containerPort"].iter().any(|member| registry.has(member))
    });
    let message = "an SRV record needs a port, and none is given";
    without
        .map(|registry| registry.problem("", message, "`port`, or `containerName` and `containerPort`"))
        .collect()
}

pub(super) fn port_by_mode(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for registry in registries(chain) {
        let pair = (registry.has("containerName"), registry.has("containerPort"));
        match registry.mode {
            Some(mode @ ("bridge" | "host")) => {
                if pair != (true, true) || registry.has("port") {
                    let member = if registry.has("port") { "port" } else { "" };
                    let message = format!(
                        "with the network mode {mode} expected `containerName` and `containerPort`, and no `port`"
                    );
                    found.push(registry.problem(
                        member,
                        message,
                        "the port on the host is chosen by ECS or Docker",
                    ));
                } else if registry.is_srv() == Some(false) {
                    let message =
                        format!("with the network mode {mode} only a service with SRV records is taken");
                    found.push(registry.problem(
                        "discoveryServiceRef",
                        message,
                        "dnsRecords: [{ type: SRV, ttl: 60 }]",
                    ));
                }
            }
            Some("none") => {
                let message = "tasks with the network mode none have no address to enter";
                found.push(registry.problem("", message, "networkMode: awsvpc"));
            }
            _ if pair.0 != pair.1 => {
                let (has, lacks) = match pair.0 {
                    true => ("containerName", "containerPort"),
                    false => ("containerPort", "containerName"),
                };
                let message = format!("`{has}` is given without `{lacks}`");
                found.push(registry.problem(has, message, "both, or `port` alone"));
            }
            _ => {}
        }
    }
    found
}

/// Every place where a service names a container of its task definition: path, entry, definition.
fn named_containers<'c, 'a>(
    chain: &'c Chain<'a>,
) -> impl Iterator<Item = (&'a Desired, String, &'a Value, &'a Desired)> + 'c {
    chain.of("EcsService").iter().flat_map(move |&service| {
        let definition = chain.filled_by(service, "taskDefinition");
        let definition =
            definition.filter(|definition| !items(definition, "containerDefinitions").is_empty());
        let lists = definition.map(|_| ["serviceRegistries", "loadBalancers"]).into_iter().flatten();
        lists.flat_map(move |list| {
            let entries = items(service, list).iter().enumerate();
            entries.filter_map(move |(index, entry)| {
                Some((service, format!("{list}[{index}]"), entry, definition?))
            })
        })
    })
}

fn container<'a>(definition: &'a Desired, name: &str) -> Option<&'a Value> {
    let containers = items(definition, "containerDefinitions").iter();
    containers.into_iter().find(|container| container.get("name").and_then(Value::as_str) == Some(name))
}

pub(super) fn unknown_container(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for (service, path, entry, definition) in named_containers(chain) {
        let Some(name) = entry.get("containerName").and_then(Value::as_str) else { continue };
        if container(definition, name).is_some() {
            continue;
        }
        let containers = items(definition, "containerDefinitions").iter();
        let names: Vec<&str> =
            containers.filter_map(|container| container.get("name").and_then(Value::as_str)).collect();
        let message = format!("{} has no container `{name}`", definition.key);
        let hint = format!("its containers: {}", names.join(", "));
        found.push((service.key.clone(), Problem::new(format!("{path}.containerName"), message, &hint)));
    }
    found
}

pub(super) fn port_not_mapped(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for (service, path, entry, definition) in named_containers(chain) {
        let name = entry.get("containerName").and_then(Value::as_str).unwrap_or_default();
        let port = entry.get("containerPort").and_then(Value::as_i64);
        let (Some(container), Some(port)) = (container(definition, name), port) else { continue };
        let mappings = container.get("portMappings").and_then(Value::as_array);
        let maps = |mapping: &Value| {
            mapping.get("containerPort").and_then(Value::as_i64) == Some(port)
                || mapping.get("containerPortRange").is_some()
        };
        if mappings.is_some_and(|mappings| mappings.iter().any(maps)) {
            continue;
        }
        let message = format!("the container `{name}` of {} does not map the port {port}", definition.key);
        let hint = format!("portMappings: [{{ containerPort: {port} }}] in the container's definition");
        found.push((service.key.clone(), Problem::new(format!("{path}.containerPort"), message, &hint)));
    }
    found
}

pub(super) fn network_by_mode(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for service in chain.of("EcsService") {
        let definition = chain.filled_by(service, "taskDefinition");
        let mode = definition
            .and_then(|definition| Some((&definition.key, in_effect(definition, "networkMode", "bridge")?)));
        let member = "networkConfiguration";
        let message = match mode {
            Some((key, "awsvpc")) if lacks_network(service) => {
                format!("{key} has the network mode awsvpc, which needs `networkConfiguration`")
            }
            Some((key, mode)) if mode != "awsvpc" && stated(service, member).is_some() => {
                format!("only the network mode awsvpc takes it, and {key} has {mode}")
            }
            _ => match fargate(service).filter(|_| lacks_network(service)) {
                Some(by) => format!("{by}: tasks on Fargate need `networkConfiguration`, and none is given"),
                None => continue,
            },
        };
        let hint = "subnets and security groups belong to awsvpc, the only mode of Fargate";
        found.push((service.key.clone(), Problem::new(member, message, hint)));
    }
    found
}

/// Whether a service would be made without a network. Under an external controller the task sets bring one, and what
/// is taken over has one already.
fn lacks_network(service: &Desired) -> bool {
    let is_external = text(service, "deploymentController.type") == Some("EXTERNAL");
    is_absent(service, "networkConfiguration") && !is_external && service.policy.adopt.is_none()
}

/// What sends the tasks to Fargate, as far as the document says so.
fn fargate(service: &Desired) -> Option<String> {
    if text(service, "launchType") == Some("FARGATE") {
        return Some("launchType FARGATE".to_owned());
    }
    let providers = items(service, "capacityProviderStrategy").iter();
    let mut names = providers.filter_map(|item| item.get("capacityProvider").and_then(Value::as_str));
    let name = names.find(|name| matches!(*name, "FARGATE" | "FARGATE_SPOT"))?;
    Some(format!("capacityProvider {name}"))
}

pub(super) fn minimum_healthy(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for registry in registries(chain) {
        let path = "deploymentConfiguration.minimumHealthyPercent";
        let Some(percent) = stated(registry.owner, path).and_then(Value::as_i64) else { continue };
        let service = target(registry.owner, &registry.at("registryArn"));
        let integrations = service.map(|service| chain.naming("Integration", service)).unwrap_or_default();
        let Some(integration) = integrations.iter().find(|integration| is_private(integration)) else {
            continue;
        };
        if percent < 100 {
            let message = format!(
                "{} sends requests to these tasks, and a roll-out may leave {percent} % of them",
                integration.key
            );
            let hint = "100 keeps all of them until the new ones are healthy";
            found.push((registry.owner.key.clone(), Problem::new(path, message, hint)));
        }
    }
    found
}

pub(super) fn bake_time(chain: &Chain<'_>) -> Found {
    let path = "deploymentConfiguration.bakeTimeInMinutes";
    let is_blue_green =
        |service: &&&Desired| text(service, "deploymentConfiguration.strategy") == Some("BLUE_GREEN");
    let services = chain.of("EcsService").iter().filter(is_blue_green);
    let message = "AWS asks for a bake time with BLUE_GREEN; none is stated, so none is sent, and with AWS's own 0 the \
                   old tasks go as soon as the new ones have the traffic";
    let hint = "bakeTimeInMinutes: 5, or 0 if that is meant";
    let without = services.filter(|service| is_absent(service, path));
    without.map(|service| (service.key.clone(), Problem::new(path, message, hint))).collect()
}
