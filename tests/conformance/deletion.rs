//! Somebody deletes a resource behind our back: it comes back, with what depends on it.

use hatoba_aws_model::Request;
use hatoba_tests::wait::holds_within;
use serde_json::{Value, json};

use crate::port::{LONG, Port};
use crate::stack::{Ids, Stack};

/// What must be deleted for a resource of that kind to go, in an order that AWS takes.
fn requests(kind: &str, ids: &Ids) -> Vec<Request> {
    let delete = |uri: String| Request::rest("DELETE", &uri, &Value::Null);
    let api = format!("/v2/apis/{}", ids.api);
    let route = delete(format!("{api}/routes/{}", ids.route));
    let ecs = json!({ "cluster": "main", "service": "great-service", "force": true });
    let ecs = Request::json("ecs", "DeleteService", &ecs);
    let service = Request::json("servicediscovery", "DeleteService", &json!({ "Id": ids.service }));
    let namespace = Request::json("servicediscovery", "DeleteNamespace", &json!({ "Id": ids.namespace }));
    match kind {
        "Stage" => vec![delete(format!("{api}/stages/%24default"))],
        "Route" => vec![route],
        "Integration" => vec![route, delete(format!("{api}/integrations/{}", ids.integration))],
        "HttpApi" => vec![delete(api)],
        "VpcLink" => vec![delete(api), delete(format!("/v2/vpclinks/{}", ids.link))],
        "EcsService" => vec![ecs],
        "DiscoveryService" => vec![ecs, service],
        "PrivateDnsNamespace" => vec![ecs, service, namespace],
        other => panic!("no such kind: {other}"),
    }
}

/// A resource of one kind is deleted.
pub(crate) async fn of_kind(mut port: Port, kind: &'static str) {
    port.stand().await;
    let requests = requests(kind, &Ids::of(&Stack::look(&port).await));
    // One delete is made under the engine's eyes. Where it takes several, it would put the first ones right
    // before the last.
    let is_seen = requests.len() == 1;
    if !is_seen {
        port.stop().await;
    }
    for request in &requests {
        port.meddle(request).await;
    }
    if !is_seen {
        port.start(&port.article());
    }
    if !holds_within(LONG, async || Stack::look(&port).await.wrong().is_ok()).await {
        panic!("{:?}\n{}\n{:?}", Stack::look(&port).await.wrong(), port.describe(), port.writes());
    }
    port.converge().await;
    let writes = port.writes().len();
    port.resyncs(2).await;
    assert_eq!(port.writes()[writes..], [""; 0], "nothing is left to do");
    assert_eq!(Stack::look(&port).await.wrong(), Ok(()));
}
