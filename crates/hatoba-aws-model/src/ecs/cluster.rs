//! Clusters.

use super::{Cluster, Ecs, arn, check_name, cluster_update, invalid, name_of, page_of, tags};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::ids::scatter;
use crate::object::{self, Object};
use crate::page::Entry;
use serde_json::{Value, json};

impl Ecs {
    /// Creates a cluster; an ACTIVE one of that name is returned as it is.
    pub(super) fn create_cluster(&mut self, input: Object, env: &Env<'_>) -> Outcome {
        let name = object::text(&input, "clusterName").unwrap_or("default").to_owned();
        check_name(&name, "Cluster name")?;
        let tags = tags::of_input(&input)?;
        let active =
            self.clusters.get(&name).is_some_and(|c| object::text(&c.body, "status") == Some("ACTIVE"));
        if !active {
            let mut body = input.clone();
            body.remove("tags");
            cluster_update::read_back(&mut body, &input)?;
            object::set(&mut body, "clusterName", name.as_str());
            object::set(&mut body, "clusterArn", arn(&format!("cluster/{name}"), env));
            object::set(&mut body, "status", "ACTIVE");
            object::set(&mut body, "registeredContainerInstancesCount", 0);
            object::set(&mut body, "statistics", json!([]));
            self.clusters.insert(name.clone(), Cluster { body, tags, created: env.now });
        }
        let include = ["TAGS", "SETTINGS", "CONFIGURATIONS"];
        Ok(object::only("cluster", self.cluster_view(&name, &include)))
    }

    pub(super) fn describe_clusters(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let mut asked = object::texts(input, "clusters");
        if asked.is_empty() {
            asked.push("default");
        }
        if asked.len() > 100 {
            return Err(invalid("clusters can have at most 100 items."));
        }
        let include = object::texts(input, "include");
        let (mut clusters, mut failures) = (Vec::new(), Vec::new());
        for given in asked {
            let name = name_of(given);
            if self.clusters.contains_key(name) {
                clusters.push(self.cluster_view(name, &include));
            } else {
                failures.push(json!({"arn": arn(&format!("cluster/{name}"), env), "reason": "MISSING"}));
            }
        }
        let mut out = object::only("clusters", clusters);
        object::set(&mut out, "failures", failures);
        Ok(out)
    }

    pub(super) fn list_clusters(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let entries = self
            .clusters
            .iter()
            .filter(|(_, cluster)| object::text(&cluster.body, "status") == Some("ACTIVE"))
            .map(|(name, cluster)| Entry {
                key: format!("{:016x}{name}", scatter(name)),
                created: cluster.created,
                value: cluster.body.get("clusterArn").cloned().unwrap_or_default(),
            })
            .collect();
        Ok(page_of(input, "ListClusters", 100, entries, env)?.into_output("clusterArns", "nextToken"))
    }

    pub(super) fn delete_cluster(&mut self, input: &Object) -> Outcome {
        let Some(given) = object::text(input, "cluster") else { return Err(invalid("Cluster is required.")) };
        let name = name_of(given).to_owned();
        if !self.clusters.contains_key(&name) {
            return Err(no_cluster());
        }
        let serving = self.services.iter().any(|((cluster, _), service)| {
            *cluster == name && object::text(&service.body, "status") != Some("INACTIVE")
        });
        if serving {
            return Err(Failure::client(
                "ClusterContainsServicesException",
                "The Cluster cannot be deleted while Services are active.",
            ));
        }
        if self.tasks.values().any(|task| task.service.0 == name && !task.is_stopped()) {
            return Err(Failure::client(
                "ClusterContainsTasksException",
                "The Cluster cannot be deleted while Tasks are active.",
            ));
        }
        if let Some(cluster) = self.clusters.get_mut(&name) {
            object::set(&mut cluster.body, "status", "INACTIVE");
        }
        Ok(object::only("cluster", self.cluster_view(&name, &["TAGS"])))
    }

    /// The name of the ACTIVE cluster a request means.
    pub(super) fn cluster_name(&self, input: &Object) -> Result<String, Failure> {
        let name = name_of(object::text(input, "cluster").unwrap_or("default"));
        match self.clusters.get(name) {
            None => Err(no_cluster()),
            Some(cluster) if object::text(&cluster.body, "status") != Some("ACTIVE") => {
                Err(Failure::client("ClusterNotFoundException", "The referenced cluster was inactive."))
            }
            Some(_) => Ok(name.to_owned()),
        }
    }

    pub(super) fn cluster_view(&self, name: &str, include: &[&str]) -> Value {
        let Some(cluster) = self.clusters.get(name) else { return Value::Null };
        let mut body = cluster.body.clone();
        let services = self
            .services
            .iter()
            .filter(|((cluster, _), s)| cluster == name && object::text(&s.body, "status") == Some("ACTIVE"));
        object::set(&mut body, "activeServicesCount", services.count());
        for (member, status) in [("runningTasksCount", "RUNNING"), ("pendingTasksCount", "PENDING")] {
            let tasks = self.tasks.values().filter(|t| t.service.0 == name && t.status() == status);
            object::set(&mut body, member, tasks.count());
        }
        if !include.contains(&"SETTINGS") {
            object::set(&mut body, "settings", json!([]));
        }
        if !include.contains(&"CONFIGURATIONS") {
            body.remove("configuration");
        }
        let tags = if include.contains(&"TAGS") { tags::as_list(&cluster.tags) } else { json!([]) };
        object::set(&mut body, "tags", tags);
        Value::Object(body)
    }
}

pub(super) fn no_cluster() -> Failure {
    Failure::client("ClusterNotFoundException", "Cluster not found.")
}
