//! What holds in every state of AWS, whoever asked for what.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Looks at a whole dump of the model.
pub(super) fn is_possible(dump: &Value) {
    api_gateway(&dump["apigatewayv2"]);
    cloud_map(&dump["servicediscovery"]);
    ecs(&dump["ecs"]);
}

/// Nothing stands in an API that is not there, and nothing leads to what is not there.
fn api_gateway(dump: &Value) {
    let apis = table(dump, "apis");
    for collection in ["routes", "integrations", "authorizers", "stages", "deployments"] {
        for (id, child) in &table(dump, collection) {
            let api = text(child, "apiId");
            assert!(apis.contains_key(api), "{collection} {id} without its API");
            let is_there =
                |collection: &str, id: &str| table(dump, collection).contains_key(&format!("{api}/{id}"));
            let target = text(child, "target").strip_prefix("integrations/").unwrap_or_default();
            assert!(
                target.is_empty() || is_there("integrations", target),
                "{id} leads to integration {target}"
            );
            let authorizer = text(child, "authorizerId");
            assert!(authorizer.is_empty() || is_there("authorizers", authorizer), "{id} asks {authorizer}");
            let deployment = if collection == "stages" { text(child, "deploymentId") } else { "" };
            assert!(deployment.is_empty() || is_there("deployments", deployment), "{id} shows {deployment}");
        }
    }
    let keys: Vec<(&str, &str)> = dump["routes"]
        .as_object()
        .into_iter()
        .flat_map(Map::values)
        .map(|route| (text(route, "apiId"), text(route, "routeKey")))
        .collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "two routes of one key");
    let stages = table(dump, "stages");
    for (id, mapping) in &table(dump, "apiMappings") {
        let place = format!("{}/{}", text(mapping, "apiId"), text(mapping, "stage"));
        assert!(stages.contains_key(&place), "mapping {id} without its stage {place}");
        assert!(
            table(dump, "domainNames").contains_key(text(mapping, "domainName")),
            "mapping {id} without its domain"
        );
    }
}

fn cloud_map(dump: &Value) {
    let (namespaces, services) = (table(dump, "namespaces"), table(dump, "services"));
    let mut names = BTreeSet::new();
    for (id, service) in &services {
        let namespace = text(service, "NamespaceId");
        assert!(namespaces.contains_key(namespace), "service {id} without its namespace {namespace:?}");
        assert!(names.insert((namespace, text(service, "Name"))), "two services of one name: {service}");
    }
    for (id, instance) in &table(dump, "instances") {
        assert!(services.contains_key(text(instance, "ServiceId")), "instance {id} without its service");
    }
}

fn ecs(dump: &Value) {
    let (clusters, services) = (table(dump, "clusters"), table(dump, "services"));
    for (id, service) in &services {
        let cluster = text(service, "clusterArn").rsplit('/').next().unwrap_or_default();
        assert!(clusters.contains_key(cluster), "service {id} without its cluster {cluster}");
        let definition = text(service, "taskDefinition").rsplit('/').next().unwrap_or_default();
        assert!(
            table(dump, "taskDefinitions").contains_key(definition),
            "service {id} of no task definition {definition}"
        );
        for count in ["desiredCount", "runningCount", "pendingCount"] {
            assert!(service[count].as_i64().is_some_and(|count| count >= 0), "service {id}: {count}");
        }
    }
}

fn table(dump: &Value, name: &str) -> Map<String, Value> {
    dump[name].as_object().cloned().unwrap_or_default()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}
