//! The chain of one document: Cloud Map, ECS, API, authorizer, stage, routes, integrations.

use hatoba_core::{Diagnostic, Document, Key, Members};
use serde_json::{Value, json};

use super::names::stage;
use super::reader::{One, Reader};
use super::routes::Authorizer;
use super::spec::{ApiSpec, HttpServiceSpec, RouteEntry, ServiceSpec};
use super::{API_FIELDS, ECS_FIELDS, Facts, KIND};
use crate::expand::OutputOf;

/// The members that say in which VPC selectors look.
const VPC: [&str; 2] = ["vpcId", "vpcSelector"];

/// The parts of one document, or everything that is wrong with it.
pub(super) fn expand(document: &Document, facts: &Facts<'_>) -> Result<One, Vec<Diagnostic>> {
    let spec: HttpServiceSpec = crate::compile::typed(document, KIND)?;
    let mut reader =
        Reader { document, spec, facts, found: Vec::new(), one: One::default(), stage_is_named: false };
    reader.header();
    if let Some(service) = reader.spec.service.clone() {
        reader.discovery();
        reader.service(service);
    }
    reader.api();
    reader.check_fields();
    if document.policy.keep_deployments.is_some()
        && reader.one.parts.iter().all(|part| part.key.kind != "Stage")
    {
        let message = "no stage is made here, so there are no deployments to keep".to_owned();
        reader.error(
            "policy.keepDeployments",
            message,
            "it belongs on the document that makes the API's stage",
        );
    }
    match reader.found.is_empty() {
        true => Ok(reader.one),
        false => Err(reader.found),
    }
}

/// Fills in what the network says and the tasks' own configuration does not.
fn complete(members: &mut Members, network: Members) {
    let own = members.entry("networkConfiguration").or_insert_with(|| json!({}));
    let Value::Object(own) = own else { return }; // `null`: it has none
    let own = own.entry("awsvpcConfiguration").or_insert_with(|| json!({}));
    let Value::Object(own) = own else { return };
    let selectors = ["subnetSelector", "securityGroupSelector"];
    for [ids, selector] in [["subnets", selectors[0]], ["securityGroups", selectors[1]]] {
        if own.contains_key(ids) || own.contains_key(selector) {
            continue;
        }
        for name in [ids, selector] {
            own.extend(network.get(name).map(|value| (name.to_owned(), value.clone())));
        }
    }
    let looks_up = selectors.iter().any(|selector| own.contains_key(*selector));
    if looks_up && VPC.iter().all(|member| !own.contains_key(*member)) {
        for name in VPC {
            own.extend(network.get(name).map(|value| (name.to_owned(), value.clone())));
        }
    }
}

impl Reader<'_> {
    /// Where API Gateway finds the tasks, with the article's settings.
    fn discovery(&mut self) {
        let mut members = Members::from_iter([
            (
                "dnsConfig".to_owned(),
                json!({ "routingPolicy": "MULTIVALUE", "dnsRecords": [{ "type": "SRV", "ttl": 60 }] }),
            ),
            ("healthCheckCustomConfig".to_owned(), json!({ "failureThreshold": 1 })),
        ]);
        let own = self.spec.discovery.clone().unwrap_or_default();
        if !own.contains_key("namespaceRef")
            && !own.contains_key("namespaceId")
            && let Some(namespace) = self.namespace()
        {
            members.insert("namespaceRef".to_owned(), json!(namespace));
        }
        members.extend(own);
        let named = if self.spec.namespace_ref.is_some() { "spec.namespaceRef" } else { "spec.namespace" };
        let stated = self.spec.discovery.is_some();
        let at = if stated { "spec.discovery" } else { "spec" };
        let key = Key::new("DiscoveryService", self.name());
        self.part_with_fields("discovery", key, members, at, &[("spec.namespaceRef", named)]);
    }

    /// The tasks.
    fn service(&mut self, service: ServiceSpec) {
        let at = "spec.service";
        let own = ["port", "containerName", "containerPort", "taskDefinition"].map(str::to_owned);
        let known = ECS_FIELDS.iter().cloned().chain(own).collect();
        let before = self.found.len();
        self.refuse_unknown(at, &service.members, &known, "EcsService");
        if self.found.len() > before {
            return; // what is missing may only be misspelt
        }
        self.refuse_wired(at, &service.members, &["serviceRegistries"]);
        let registry = self.registry(&service);
        let own_network = has_own_network(service.task_definition.as_ref());
        let ServiceSpec { task_definition, mut members, .. } = service;
        match task_definition {
            Some(Value::Object(mut definition)) => {
                self.aws_name(&mut definition, "family");
                let key = Key::new("EcsTaskDefinition", self.name());
                self.part_with_fields(
                    "service.taskDefinition",
                    key,
                    definition,
                    "spec.service.taskDefinition",
                    &[],
                );
                members.insert("taskDefinitionRef".to_owned(), json!(self.name()));
            }
            Some(named) => drop(members.insert("taskDefinition".to_owned(), named)),
            None if members.contains_key("taskDefinitionRef") => {}
            None => {
                let message = "`taskDefinition` is missing".to_owned();
                self.error(at, message, "a family, a revision, or an EcsTaskDefinition spec");
            }
        }
        if let Some(registry) = registry {
            members.insert("serviceRegistries".to_owned(), json!([registry]));
        }
        if let Some(network) = self.task_network().filter(|_| own_network) {
            complete(&mut members, network);
        }
        if !members.contains_key("capacityProviderStrategy") {
            members.entry("launchType").or_insert_with(|| json!("FARGATE"));
        }
        self.aws_name(&mut members, "serviceName");
        let vpc = "spec.networkConfiguration.awsvpcConfiguration";
        let network = |member: &str| format!("{vpc}.{member}");
        let (subnets, groups) = (network("subnets"), network("securityGroups"));
        let (subnet_selector, group_selector) = (network("subnetSelector"), network("securityGroupSelector"));
        let (vpc_id, vpc_selector) = (network("vpcId"), network("vpcSelector"));
        let mut more = vec![
            ("spec.serviceRegistries", "spec.service"),
            ("spec.serviceRegistries[0]", "spec.service"),
            ("spec.taskDefinitionRef", "spec.service.taskDefinition"),
        ];
        if self.spec.network.is_some() {
            more.extend([
                (subnets.as_str(), "spec.network.subnetIds"),
                (groups.as_str(), "spec.network.securityGroupIds"),
                (subnet_selector.as_str(), "spec.network.subnetSelector"),
                (group_selector.as_str(), "spec.network.securityGroupSelector"),
                (vpc_id.as_str(), "spec.network.vpcId"),
                (vpc_selector.as_str(), "spec.network.vpcSelector"),
            ]);
        }
        let key = Key::new("EcsService", self.name());
        self.part_with_fields("service", key, members, at, &more);
    }

    /// How the tasks enter themselves: by the port where each has a network interface of its own, else by the container.
    fn registry(&mut self, service: &ServiceSpec) -> Option<Value> {
        let by_port = |port: i32| json!({ "port": port });
        let by_container = |name: &str, port: i32| json!({ "containerName": name, "containerPort": port });
        let own_network = has_own_network(service.task_definition.as_ref());
        let mut registry = match (service.port, &service.container_name, service.container_port) {
            (None, Some(name), Some(port)) => by_container(name, port),
            (Some(port), None, None) => by_port(port),
            (None, None, None) => match only_mapping(service) {
                Some((_, port)) if own_network => by_port(port),
                Some((Some(name), port)) => by_container(name, port),
                _ => {
                    let message = "`port` is missing".to_owned();
                    self.error("spec.service", message, "the port on which the tasks listen");
                    return None;
                }
            },
            _ => {
                let message = "expected either `port`, or `containerName` and `containerPort`".to_owned();
                self.error("spec.service", message, "`port` with awsvpc, the container with bridge and host");
                return None;
            }
        };
        registry["discoveryServiceRef"] = json!(self.name());
        Some(registry)
    }

    /// The API with its stage and authorizer, or the one that another document owns; and the routes.
    fn api(&mut self) {
        let api = self.spec.api.clone().unwrap_or_default();
        let own = ["routes", "authorizer", "authorizerRef", "stage"].map(str::to_owned);
        let known = API_FIELDS.iter().cloned().chain(own).collect();
        self.refuse_unknown("spec.api", &api.members, &known, "HttpApi");
        let api_ref = match self.spec.api_ref.clone() {
            Some(named) => {
                self.shared(&api);
                self.stage_is_named = self.facts.named_stages.contains(&named);
                named
            }
            None => {
                self.own_api(&api);
                self.name().to_owned()
            }
        };
        let at = if self.spec.routes.is_some() { "spec.routes" } else { "spec.api.routes" };
        if self.spec.routes.is_some() && (api.routes.is_some() || self.spec.api_ref.is_none()) {
            let message = "expected the routes in `api.routes`; here they stand beside `apiRef`".to_owned();
            self.error("spec.routes", message, "");
        }
        let default = RouteEntry { route_key: "$default".to_owned(), ..RouteEntry::default() };
        let routes = match self.spec.routes.clone().or_else(|| api.routes.clone()) {
            Some(routes) if !routes.is_empty() => routes,
            None if self.spec.api_ref.is_none() => vec![default],
            _ => {
                let message = "expected at least one route".to_owned();
                return self.error("spec", message, "for example `routes: [{ routeKey: GET /orders }]`");
            }
        };
        let authorizer = self.authorizer(&api, &api_ref);
        self.routes(&api, &api_ref, authorizer, at, routes);
    }

    fn shared(&mut self, api: &ApiSpec) {
        let foreign = api.members.keys().map(String::as_str).chain(api.stage.is_some().then_some("stage"));
        for member in foreign.map(str::to_owned).collect::<Vec<_>>() {
            let message = format!("`{member}` belongs to the document that owns the API");
            self.error(
                &format!("spec.api.{member}"),
                message,
                "with `apiRef` only routes and an authorizer are added",
            );
        }
    }

    fn own_api(&mut self, api: &ApiSpec) {
        let key = Key::new("HttpApi", self.name());
        let at = if self.spec.api.is_some() { "spec.api" } else { "spec" };
        self.part_with_fields("api", key.clone(), api.members.clone(), at, &[]);
        let mut members = api.stage.clone().unwrap_or_default();
        self.refuse_wired("spec.api.stage", &members, &["apiRef", "apiId"]);
        members.insert("apiRef".to_owned(), json!(self.name()));
        let stage_name = members.entry("stageName").or_insert_with(|| json!("$default"));
        let stage_name = stage_name.as_str().unwrap_or("$default").to_owned();
        members.entry("autoDeploy").or_insert_with(|| json!(true));
        let is_named = stage_name != "$default";
        // Another stage of the API may have a name; the path is the same for one that has none.
        self.stage_is_named = is_named || self.facts.named_stages.contains(self.name());
        let at = if api.stage.is_some() { "spec.api.stage" } else { at };
        let stage_key = Key::new("Stage", format!("{}.{}", self.name(), stage(&stage_name)));
        self.part_with_fields("api.stage", stage_key, members, at, &[]);
        let template = if is_named { format!("{{}}/{stage_name}") } else { "{}".to_owned() };
        self.one.outputs.push(OutputOf {
            name: "url".to_owned(),
            of: key,
            output: "url".to_owned(),
            template,
        });
    }

    /// The authorizer's document and the authorization that routes have by default.
    fn authorizer(&mut self, api: &ApiSpec, api_ref: &str) -> Option<Authorizer> {
        if self.spec.api_ref.is_some() {
            let (of, output) = (Key::new("HttpApi", api_ref), "url".to_owned());
            self.one.outputs.push(OutputOf { name: "url".to_owned(), of, output, template: "{}".to_owned() });
        }
        if let Some(name) = &api.authorizer_ref {
            if api.authorizer.is_some() {
                let message =
                    "both `authorizer` and `authorizerRef` are given, expected one of them".to_owned();
                self.error("spec.api.authorizerRef", message, "");
            }
            let by = self.facts.authorization_of(name);
            return Some(Authorizer { name: name.clone(), by, at: "spec.api.authorizerRef" });
        }
        let mut members = api.authorizer.clone()?;
        let at = "spec.api.authorizer";
        self.refuse_wired(at, &members, &["apiRef", "apiId"]);
        members.insert("apiRef".to_owned(), json!(api_ref));
        let kind = members.entry("authorizerType").or_insert_with(|| json!("JWT"));
        let by = if *kind == json!("REQUEST") { "CUSTOM" } else { "JWT" };
        let name = self.name().to_owned();
        self.part_with_fields("api.authorizer", Key::new("Authorizer", name.clone()), members, at, &[]);
        Some(Authorizer { name, by, at })
    }
}

/// Whether each task has a network interface of its own, as far as is known: not where the definition that stands here
/// has them in the network of their instance.
fn has_own_network(definition: Option<&Value>) -> bool {
    let mode = definition.and_then(|definition| definition.get("networkMode")).and_then(Value::as_str);
    mode.is_none_or(|mode| mode == "awsvpc")
}

/// The only port mapping of a task definition that stands here: its container's name and port.
fn only_mapping(service: &ServiceSpec) -> Option<(Option<&str>, i32)> {
    let containers = service.task_definition.as_ref()?.get("containerDefinitions")?.as_array()?;
    let mut ports = containers.iter().flat_map(|container| {
        let name = container.get("name").and_then(Value::as_str);
        let mappings = container.get("portMappings").and_then(Value::as_array).into_iter().flatten();
        mappings.filter_map(move |mapping| Some((name, mapping.get("containerPort")?.as_i64()?)))
    });
    let (name, port) = ports.next()?;
    if ports.next().is_some() {
        return None;
    }
    Some((name, port.try_into().ok()?))
}
