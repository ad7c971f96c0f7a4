//! Where an integration leads: through a VPC link to an instance, or to what the model can only speak of.

use super::echo::{self, Host};
use super::mapping::{self, Sent};
use super::{Visit, json_answer, message, services};
use crate::object::{self, Object};
use crate::route::pairs;
use crate::wire::Response;
use crate::world::World;
use serde_json::json;

impl World {
    /// The back end's answer.
    pub(super) fn reach(&mut self, visit: &Visit, integration: &Object, sent: &Sent) -> Response {
        let uri = object::text_or_empty(integration, "integrationUri");
        if let Some(subtype) = object::text(integration, "integrationSubtype") {
            return services::answer(visit, integration, subtype);
        }
        if object::text(integration, "integrationType") == Some("AWS_PROXY") {
            return json_answer(
                200,
                json!({"reached": "Lambda", "function": uri, "event": event(visit, integration)}),
            );
        }
        if object::text(integration, "connectionType") != Some("VPC_LINK") {
            let reached = json!({
                "reached": "the internet", "method": sent.method, "url": mapping::address(visit, uri),
                "query": echo::many(&sent.query), "headers": echo::many(&sent.headers),
            });
            return json_answer(200, reached);
        }
        if !self.pass_link(object::text_or_empty(integration, "connectionId")) {
            return unavailable();
        }
        if uri.contains(":elasticloadbalancing:") {
            let reached = json!({
                "reached": "a load balancer", "listener": uri, "method": sent.method, "path": sent.path,
                "query": echo::many(&sent.query), "headers": echo::many(&sent.headers),
            });
            return json_answer(200, reached);
        }
        let link = object::text_or_empty(integration, "connectionId").to_owned();
        match self.host(uri, integration.contains_key("tlsConfig")).filter(|host| self.lets_in(&link, host)) {
            Some(host) => echo::answer(visit, sent, &host),
            None => unavailable(),
        }
    }

    /// Whether the security groups of a link and of a task let the one reach the other.
    fn lets_in(&self, link: &str, host: &Host) -> bool {
        let Some([cluster, service, _]) = &host.task else { return true };
        let link = self.gateway.link_network(link);
        let task = self.ecs.network(cluster, service);
        let (Some(link), Some(task)) = (link, task) else { return true };
        let Some((address, port)) = host.address.rsplit_once(':') else { return true };
        let port = port.parse().unwrap_or_default();
        let senders = (&*object::texts(link, "securityGroupIds"), &*object::texts(link, "subnetIds"));
        self.ec2.lets_through(senders, (&object::texts(task, "securityGroups"), address), port)
    }

    /// The instance whose turn it is, if a connection to it succeeds.
    fn host(&self, uri: &str, is_tls: bool) -> Option<Host> {
        let (arn, filter) = uri.split_once('?').unwrap_or((uri, ""));
        let targets = self.cloud_map.targets(arn, &pairs(filter))?;
        let turn = usize::try_from(self.visits).unwrap_or_default();
        let target = targets.get(turn.checked_rem(targets.len())?)?;
        let address = object::text(&target.attributes, "AWS_INSTANCE_IPV4")
            .or_else(|| object::text(&target.attributes, "AWS_INSTANCE_IPV6"))?;
        let port = object::text(&target.attributes, "AWS_INSTANCE_PORT")?;
        let by_hand = !target.attributes.contains_key("ECS_SERVICE_NAME");
        let task = self.ecs.answering(&target.id);
        if !by_hand && !task.as_ref().is_some_and(|task| task.is_up) {
            return None; // nobody accepts the connection
        }
        Some(Host {
            address: format!("{address}:{port}"),
            instance: target.id.clone(),
            task: task.map(|task| [task.cluster, task.service, task.definition].map(str::to_owned)),
            is_tls,
        })
    }
}

fn unavailable() -> Response {
    message(503, "Service Unavailable")
}

/// The main members of the event a function would get.
fn event(visit: &Visit, integration: &Object) -> serde_json::Value {
    let version = object::text(integration, "payloadFormatVersion").unwrap_or("1.0");
    if version == "1.0" {
        return json!({
            "version": version, "resource": visit.route_key, "path": visit.path, "httpMethod": visit.method,
            "headers": echo::many(&visit.headers), "queryStringParameters": echo::many(&visit.query),
        });
    }
    json!({
        "version": version, "routeKey": visit.route_key, "rawPath": visit.path,
        "headers": echo::many(&visit.headers), "queryStringParameters": echo::many(&visit.query),
        "requestContext": {"apiId": visit.api, "stage": visit.stage, "requestId": visit.id,
            "http": {"method": visit.method, "path": visit.path}},
    })
}
