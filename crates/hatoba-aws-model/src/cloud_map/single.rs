//! Instances one by one, their health, and the revision by which callers tell whether to discover anew.

use super::{CloudMap, invalid};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use crate::page::{self, Asked, BadToken, Entry};
use serde_json::{Value, json};
use std::time::Duration;

impl CloudMap {
    pub(super) fn get_instance(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let (_, service) = self.find_service(input, "ServiceId")?;
        let id = object::text_or_empty(input, "InstanceId");
        let attributes = service.instances.get(id).ok_or_else(|| no_instance(id))?;
        let account = env.config.account.as_str();
        let instance = json!({"Id": id, "Attributes": attributes, "CreatedByAccount": account});
        let mut out = object::only("Instance", instance);
        object::set(&mut out, "ResourceOwner", account);
        Ok(out)
    }

    pub(super) fn instances_health(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let (_, service) = self.find_service(input, "ServiceId")?;
        let asked = object::texts(input, "Instances");
        if let Some(unknown) = asked.iter().find(|id| !service.instances.contains_key(**id)) {
            return Err(no_instance(unknown));
        }
        let checked = service.body.contains_key("HealthCheckCustomConfig");
        let status = |attributes: &Object| match object::text(attributes, "AWS_INIT_HEALTH_STATUS") {
            _ if !checked => "UNKNOWN",
            Some("UNHEALTHY") => "UNHEALTHY",
            _ => "HEALTHY",
        };
        let chosen =
            service.instances.iter().filter(|(id, _)| asked.is_empty() || asked.contains(&id.as_str()));
        let entries = chosen
            .map(|(id, attributes)| Entry {
                key: id.clone(),
                created: Duration::ZERO,
                value: json!([id, status(attributes)]),
            })
            .collect();
        let limit = input.get("MaxResults").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let token = object::text(input, "NextToken").filter(|token| !token.is_empty());
        let operation = "GetInstancesHealthStatus";
        let asked = Asked { service: "servicediscovery", operation, limit: limit.unwrap_or(100), token };
        let page =
            page::cut(entries, &asked, env).map_err(|BadToken| invalid("The NextToken is not valid."))?;
        let statuses: Object = page
            .values
            .iter()
            .filter_map(|pair| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.clone())))
            .collect();
        let mut out = object::only("Status", statuses);
        if let Some(next) = page.next {
            object::set(&mut out, "NextToken", next);
        }
        Ok(out)
    }

    pub(super) fn discover_revision(&self, input: &Object) -> Outcome {
        let found = self.discover_instances(input)?;
        Ok(object::only("InstancesRevision", found.get("InstancesRevision").cloned().unwrap_or_default()))
    }
}

fn no_instance(id: &str) -> Failure {
    Failure::client("InstanceNotFound", format!("Instance {id} not found."))
}

#[cfg(test)]
mod tests {
    use crate::testing::Caller;
    use serde_json::json;

    #[test]
    fn instances_are_told_one_by_one_with_their_health() {
        let mut aws = Caller::instant();
        let namespace = aws.namespace("private.example.com");
        let service = aws.registry(&namespace)["Id"].clone();
        for (id, health) in [("a", "HEALTHY"), ("b", "UNHEALTHY")] {
            let attributes = json!({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "80", "AWS_INIT_HEALTH_STATUS": health});
            let body = json!({"ServiceId": service, "InstanceId": id, "CreatorRequestId": id, "Attributes": attributes});
            aws.map("RegisterInstance", body);
        }
        aws.wait(1);
        let one = aws.map("GetInstance", json!({"ServiceId": service, "InstanceId": "a"}));
        assert_eq!(one["Instance"]["Attributes"]["AWS_INSTANCE_PORT"], "80");
        let all = aws.map("GetInstancesHealthStatus", json!({"ServiceId": service}));
        assert_eq!(all["Status"], json!({"a": "HEALTHY", "b": "UNHEALTHY"}));
        let asked = json!({"ServiceId": service, "Instances": ["b"]});
        assert_eq!(aws.map("GetInstancesHealthStatus", asked)["Status"], json!({"b": "UNHEALTHY"}));
        let page = aws.map("GetInstancesHealthStatus", json!({"ServiceId": service, "MaxResults": 1}));
        assert!(
            page["Status"].as_object().is_some_and(|map| map.len() == 1) && page["NextToken"].is_string()
        );

        let name = json!({"NamespaceName": "private.example.com", "ServiceName": "web"});
        let before =
            aws.map("DiscoverInstancesRevision", name.clone())["InstancesRevision"].as_u64().unwrap();
        aws.map("DeregisterInstance", json!({"ServiceId": service, "InstanceId": "b"}));
        aws.wait(1);
        assert!(aws.map("DiscoverInstancesRevision", name)["InstancesRevision"].as_u64().unwrap() > before);
        for (operation, body, code) in [
            ("GetInstance", json!({"ServiceId": service, "InstanceId": "b"}), "InstanceNotFound"),
            ("GetInstance", json!({"ServiceId": service}), "InvalidInput"),
            (
                "GetInstancesHealthStatus",
                json!({"ServiceId": service, "Instances": ["b"]}),
                "InstanceNotFound",
            ),
            ("GetInstancesHealthStatus", json!({"ServiceId": "srv-none"}), "ServiceNotFound"),
            (
                "DiscoverInstancesRevision",
                json!({"NamespaceName": "x", "ServiceName": "web"}),
                "NamespaceNotFound",
            ),
        ] {
            assert_eq!(aws.refused("servicediscovery", operation, body).0, code, "{operation}");
        }
    }
}
