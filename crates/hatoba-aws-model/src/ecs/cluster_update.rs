//! Updating clusters: settings and configuration by one call, capacity providers by another.

use super::cluster::no_cluster;
use super::{Ecs, check, client, invalid, name_of};
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule, Shape, optional, required};
use serde_json::{Value, json};

/// Capacity providers that every account has; others would have to be made first, which the model cannot.
const PROVIDERS: &[&str] = &["FARGATE", "FARGATE_SPOT"];
/// AWS: base of an item, and weight.
const BASE_MAX: i64 = 100_000;
const WEIGHT_MAX: i64 = 1_000;
/// AWS: items of a strategy.
const STRATEGY_MAX: usize = 20;

/// Members CreateCluster and UpdateCluster share.
pub(super) const SHARED: &[Rule] = &[
    optional("settings", Shape::Objects(10)),
    optional("configuration", Shape::Object),
    optional("serviceConnectDefaults", Shape::Object),
    optional("capacityProviders", Shape::Texts(20)),
    optional("defaultCapacityProviderStrategy", Shape::Objects(STRATEGY_MAX)),
];

const ITEM: &[Rule] = &[
    required("capacityProvider", Shape::Text(1, 255)),
    optional("weight", Shape::Whole(0, WEIGHT_MAX)),
    optional("base", Shape::Whole(0, BASE_MAX)),
];

impl Ecs {
    pub(super) fn update_cluster(&mut self, input: &Object) -> Outcome {
        let name = self.cluster_name(input)?;
        check(input, SHARED)?;
        let Some(cluster) = self.clusters.get_mut(&name) else { return Err(no_cluster()) };
        let mut body = cluster.body.clone();
        settings(&mut body, input)?;
        if let Some(sent) = object::object(input, "configuration") {
            let mut configuration = object::object(&body, "configuration").cloned().unwrap_or_default();
            configuration.extend(sent.clone());
            check_configuration(&configuration)?;
            object::set(&mut body, "configuration", configuration);
        }
        connect(&mut body, input)?;
        cluster.body = body;
        Ok(object::only("cluster", self.cluster_view(&name, &["SETTINGS", "CONFIGURATIONS", "TAGS"])))
    }

    pub(super) fn put_cluster_capacity_providers(&mut self, input: &Object) -> Outcome {
        let name = self.cluster_name(input)?;
        check(input, SHARED)?;
        let providers = providers(input)?;
        let strategy = strategy(object::list(input, "defaultCapacityProviderStrategy"), &providers)?;
        let in_use = self.services.iter().filter(|((cluster, _), service)| {
            *cluster == name && object::text(&service.body, "status") == Some("ACTIVE")
        });
        for (_, service) in in_use {
            for item in object::list(&service.body, "capacityProviderStrategy") {
                let provider = item["capacityProvider"].as_str().unwrap_or_default();
                if !providers.iter().any(|known| known == provider) {
                    return Err(Failure::client(
                        "ResourceInUseException",
                        "The specified capacity provider is in use and cannot be removed.",
                    ));
                }
            }
        }
        let Some(cluster) = self.clusters.get_mut(&name) else { return Err(no_cluster()) };
        object::set(&mut cluster.body, "capacityProviders", providers);
        object::set(&mut cluster.body, "defaultCapacityProviderStrategy", strategy);
        Ok(object::only("cluster", self.cluster_view(&name, &["SETTINGS", "CONFIGURATIONS", "TAGS"])))
    }

    /// The capacity providers of a cluster.
    pub(super) fn providers_of(&self, cluster: &str) -> Vec<String> {
        let body = self.clusters.get(cluster).map(|cluster| &cluster.body);
        body.map(|body| object::texts(body, "capacityProviders"))
            .unwrap_or_default()
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    /// The strategy of services that state neither launch type nor strategy.
    pub(super) fn default_strategy_of(&self, cluster: &str) -> Vec<Value> {
        let body = self.clusters.get(cluster).map(|cluster| &cluster.body);
        body.map(|body| object::list(body, "defaultCapacityProviderStrategy").to_vec()).unwrap_or_default()
    }
}

/// Checks the members of a new cluster, and gives it as AWS shows it.
pub(super) fn read_back(body: &mut Object, input: &Object) -> Result<(), Failure> {
    check(input, SHARED)?;
    body.remove("settings");
    object::set(body, "settings", json!([{"name": "containerInsights", "value": "disabled"}]));
    settings(body, input)?;
    if let Some(configuration) = object::object(input, "configuration") {
        check_configuration(configuration)?;
    }
    body.remove("serviceConnectDefaults");
    connect(body, input)?;
    let providers = providers(input)?;
    let strategy = strategy(object::list(input, "defaultCapacityProviderStrategy"), &providers)?;
    object::set(body, "capacityProviders", providers);
    object::set(body, "defaultCapacityProviderStrategy", strategy);
    Ok(())
}

/// Settings are replaced by name; what is not sent stays.
fn settings(body: &mut Object, input: &Object) -> Result<(), Failure> {
    for setting in object::list(input, "settings") {
        let (name, value) =
            (setting["name"].as_str().unwrap_or_default(), setting["value"].as_str().unwrap_or_default());
        if name != "containerInsights" {
            return Err(invalid(format!("Invalid cluster setting name: {name}")));
        }
        if !["enhanced", "enabled", "disabled"].contains(&value) {
            return Err(invalid(format!("Invalid cluster setting value: {value}")));
        }
        let mut all = object::list(body, "settings").to_vec();
        all.retain(|other| other["name"] != name);
        all.push(json!({"name": name, "value": value}));
        object::set(body, "settings", all);
    }
    Ok(())
}

fn check_configuration(configuration: &Object) -> Result<(), Failure> {
    let Some(execute) = object::object(configuration, "executeCommandConfiguration") else { return Ok(()) };
    let logging = object::text(execute, "logging").unwrap_or("DEFAULT");
    if !["NONE", "DEFAULT", "OVERRIDE"].contains(&logging) {
        return Err(invalid(format!("Invalid logging: {logging}")));
    }
    if (logging == "OVERRIDE") != execute.contains_key("logConfiguration") {
        return Err(invalid(
            "The log configuration must be specified with, and only with, OVERRIDE logging.",
        ));
    }
    Ok(())
}

/// The namespace of Service Connect; an empty one clears it.
fn connect(body: &mut Object, input: &Object) -> Result<(), Failure> {
    let Some(sent) = object::object(input, "serviceConnectDefaults") else { return Ok(()) };
    match object::text(sent, "namespace") {
        None => return Err(invalid("serviceConnectDefaults.namespace is required.")),
        Some("") => drop(body.remove("serviceConnectDefaults")),
        Some(namespace) => object::set(body, "serviceConnectDefaults", json!({"namespace": namespace})),
    }
    Ok(())
}

fn providers(input: &Object) -> Result<Vec<String>, Failure> {
    let asked = object::texts(input, "capacityProviders");
    match asked.iter().find(|provider| !PROVIDERS.contains(provider)) {
        Some(_) => Err(client(
            "The specified capacity provider was not found. Specify a valid name or ARN and try again.",
        )),
        None => Ok(asked.into_iter().map(str::to_owned).collect()),
    }
}

/// Checks a strategy against the providers of its cluster, and gives it as AWS shows it.
pub(super) fn strategy(items: &[Value], providers: &[String]) -> Result<Vec<Value>, Failure> {
    let mut shown = Vec::new();
    for item in items {
        let Some(item) = item.as_object() else { return Err(invalid("Invalid capacity provider strategy.")) };
        check(item, ITEM)?;
        let provider = name_of(object::text_or_empty(item, "capacityProvider")).to_owned();
        if !providers.contains(&provider) {
            return Err(invalid(
                "The specified capacity provider strategy cannot contain a capacity provider that is not associated \
                 with the cluster. Associate the capacity provider with the cluster and try again.",
            ));
        }
        let number = |name: &str| item.get(name).and_then(Value::as_i64).unwrap_or(0);
        shown.push(json!({"capacityProvider": provider, "weight": number("weight"), "base": number("base")}));
    }
    let of = |name: &str, item: &Value| item[name].as_i64().unwrap_or(0);
    if shown.iter().filter(|item| of("base", item) > 0).count() > 1 {
        return Err(invalid(
            "The specified capacity provider strategy may only have one capacity provider with a base value.",
        ));
    }
    if shown.len() > 1 && shown.iter().all(|item| of("weight", item) == 0) {
        return Err(invalid(
            "The specified capacity provider strategy must have at least one capacity provider with a weight greater than 0.",
        ));
    }
    Ok(shown)
}
