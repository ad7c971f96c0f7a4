//! Reading services.

use super::deployment::Counts;
use super::scheduler::desired_count;
use super::{Ecs, Service, ServiceKey, arn, check, invalid, name_of, page_of, tags};
use crate::env::Env;
use crate::failure::Outcome;
use crate::ids::scatter;
use crate::object::{self, Object, Rule, Shape, optional, required};
use crate::page::Entry;
use serde_json::{Value, json};

/// Services one DescribeServices takes.
const DESCRIBED_MAX: usize = 10;

const LIST: &[Rule] = &[
    optional("launchType", Shape::OneOf(&["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"])),
    optional("schedulingStrategy", Shape::OneOf(&["REPLICA", "DAEMON"])),
];

impl Ecs {
    /// A service with what is computed: counts, deployments, events. Without tags.
    pub(super) fn view(&self, key: &ServiceKey, service: &Service) -> Object {
        let mut body = service.body.clone();
        let count = |deployment: Option<&str>, status: &str| {
            let of = |id: &str| deployment.is_none_or(|wanted| wanted == id);
            self.tasks
                .values()
                .filter(|t| t.service == *key && t.status() == status && of(&t.deployment))
                .count()
        };
        let deployments: Vec<Value> = service
            .deployments
            .iter()
            .enumerate()
            .map(|(at, deployment)| {
                let id = Some(deployment.id.as_str());
                let (running, pending) = (count(id, "RUNNING"), count(id, "PENDING"));
                let primary = at == 0;
                let desired = if primary { desired_count(&service.body) } else { running + pending };
                deployment
                    .view(if primary { "PRIMARY" } else { "ACTIVE" }, &Counts { desired, running, pending })
            })
            .collect();
        // These come back inside the deployments only.
        body.remove("serviceConnectConfiguration");
        body.remove("volumeConfigurations");
        body.remove("vpcLatticeConfigurations");
        object::set(&mut body, "runningCount", count(None, "RUNNING"));
        object::set(&mut body, "pendingCount", count(None, "PENDING"));
        object::set(&mut body, "deployments", deployments);
        object::set(&mut body, "events", service.events.clone());
        body
    }

    /// The output of a call that returns one service.
    pub(super) fn service_output(&self, key: &ServiceKey) -> Object {
        let Some(service) = self.services.get(key) else { return Object::new() };
        let mut body = self.view(key, service);
        if !service.tags.is_empty() {
            object::set(&mut body, "tags", tags::as_list(&service.tags));
        }
        object::only("service", body)
    }

    pub(super) fn describe_services(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let cluster = self.cluster_name(input)?;
        check(input, &[required("services", Shape::Texts(1000)), optional("include", Shape::Texts(10))])?;
        let asked = object::texts(input, "services");
        if asked.is_empty() {
            return Err(invalid("Services cannot be empty."));
        }
        if asked.len() > DESCRIBED_MAX {
            return Err(invalid(format!("Services cannot have more than {DESCRIBED_MAX} items.")));
        }
        let tagged = object::texts(input, "include").contains(&"TAGS");
        let (mut services, mut failures) = (Vec::new(), Vec::new());
        for given in asked {
            let key = (cluster.clone(), name_of(given).to_owned());
            let Some(service) = self.services.get(&key) else {
                failures.push(
                    json!({"arn": arn(&format!("service/{}/{}", key.0, key.1), env), "reason": "MISSING"}),
                );
                continue;
            };
            let mut body = self.view(&key, service);
            if tagged {
                object::set(&mut body, "tags", tags::as_list(&service.tags));
            }
            services.push(Value::Object(body));
        }
        let mut out = object::only("services", services);
        object::set(&mut out, "failures", failures);
        Ok(out)
    }

    pub(super) fn list_services(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let cluster = self.cluster_name(input)?;
        check(input, LIST)?;
        let fits = |service: &Service, member: &str| {
            input.get(member).is_none_or(|wanted| service.body.get(member) == Some(wanted))
        };
        let entries = self
            .services
            .iter()
            .filter(|(key, service)| {
                key.0 == cluster && object::text(&service.body, "status") == Some("ACTIVE")
            })
            .filter(|(_, service)| fits(service, "launchType") && fits(service, "schedulingStrategy"))
            .map(|(key, service)| Entry {
                key: format!("{:016x}{}", scatter(&key.1), key.1),
                created: service.created,
                value: service.body.get("serviceArn").cloned().unwrap_or_default(),
            })
            .collect();
        Ok(page_of(input, "ListServices", 10, entries, env)?.into_output("serviceArns", "nextToken"))
    }
}
