//! What people do in the console, in the middle of everything.

use fastrand::Rng;
use hatoba_aws_model::Request;
use serde_json::{Value, json};

use crate::sea::Sea;
use crate::truth::Thing;

/// Somebody changes or deletes something of ours. Says what.
pub(crate) fn meddle(sea: &mut Sea, dice: &mut Rng) -> String {
    let things = sea.things();
    let ours: Vec<(&String, &Thing)> = things
        .iter()
        .filter(|(id, thing)| thing.is_ours() && !thing.is_leaving() && !sea.witness.foreign().contains(*id))
        .collect();
    let Some((id, thing)) = dice.choice(ours) else { return "nothing of ours to change".to_owned() };
    let deletes = dice.u8(..4) == 0;
    let Some(request) = (if deletes { deletion(thing) } else { change(thing, dice) }) else {
        return format!("{id} is left alone");
    };
    let what = format!("somebody {} {id}", if deletes { "deletes" } else { "changes" });
    let done = sea.by_hand(&what, &request);
    let (now, things) = (sea.now(), sea.things());
    sea.witness.by_hand.insert(id.clone(), now);
    sea.witness.hand_at(now, &things);
    format!("{what}: {}", done.map_or_else(|status| status.to_string(), |_| "done".to_owned()))
}

fn path(thing: &Thing) -> String {
    let short = thing.id.rsplit('/').next().unwrap_or_default().replace('$', "%24");
    match &thing.api {
        Some(api) => format!("/v2/apis/{api}/{}/{short}", thing.collection),
        None => format!("/v2/{}/{short}", thing.collection.to_lowercase()),
    }
}

fn deletion(thing: &Thing) -> Option<Request> {
    match thing.collection {
        "namespaces" => None, // it takes everything with it that this world has
        "discovery" => Some(Request::json("servicediscovery", "DeleteService", &json!({ "Id": thing.id }))),
        "tasks" => {
            let service = thing.id.rsplit('/').next()?;
            Some(Request::json(
                "ecs",
                "DeleteService",
                &json!({ "cluster": "main", "service": service, "force": true }),
            ))
        }
        _ => Some(Request::rest("DELETE", &path(thing), &Value::Null)),
    }
}

/// A tag that is theirs, whatever it stands on.
pub(crate) const THEIR_TAG: &str = "people";

fn tagging(thing: &Thing, n: u16) -> Option<Request> {
    let value = format!("n{n}");
    match thing.collection {
        "apis" | "vpcLinks" => {
            let arn =
                format!("arn:aws:apigateway:us-east-1::/{}/{}", thing.collection.to_lowercase(), thing.id);
            let uri = format!("/v2/tags/{}", arn.replace(':', "%3A").replace('/', "%2F"));
            Some(Request::rest("POST", &uri, &json!({ "tags": { THEIR_TAG: value } })))
        }
        "namespaces" | "discovery" => {
            let body =
                json!({ "ResourceARN": thing.body["Arn"], "Tags": [{ "Key": THEIR_TAG, "Value": value }] });
            Some(Request::json("servicediscovery", "TagResource", &body))
        }
        "tasks" => {
            let body = json!({ "resourceArn": thing.body["serviceArn"], "tags": [{ "key": THEIR_TAG, "value": value }] });
            Some(Request::json("ecs", "TagResource", &body))
        }
        _ => None,
    }
}

fn change(thing: &Thing, dice: &mut Rng) -> Option<Request> {
    let n = dice.u16(1..1000);
    if n.is_multiple_of(4)
        && let Some(request) = tagging(thing, n)
    {
        return Some(request);
    }
    let patch = |body: Value| Some(Request::rest("PATCH", &path(thing), &body));
    match thing.collection {
        "apis" if n.is_multiple_of(3) => {
            patch(json!({ "corsConfiguration": { "allowOrigins": [format!("https://h{n}.example.com")] } }))
        }
        "apis" | "stages" => patch(json!({ "description": format!("hand {n}") })),
        "integrations" => patch(json!({ "timeoutInMillis": 1_000 + n })),
        "routes" => patch(json!({ "operationName": format!("hand{n}") })),
        "authorizers" => patch(
            json!({ "jwtConfiguration": { "issuer": format!("https://h{n}.example.com"), "audience": ["web"] } }),
        ),
        "tasks" => {
            let body = json!({ "cluster": "main", "service": thing.id.rsplit('/').next()?, "desiredCount": 1 + n % 3 });
            Some(Request::json("ecs", "UpdateService", &body))
        }
        _ => None,
    }
}

/// An account has 10 links: who keeps all of them for ever leaves nothing to prove.
const LINKS_MAX: usize = 2;

/// Somebody makes something of their own. Says what.
pub(crate) fn build(sea: &mut Sea, dice: &mut Rng) -> String {
    let things = sea.things();
    let n = dice.u16(..1000);
    let apis: Vec<&Thing> = things.values().filter(|thing| thing.collection == "apis").collect();
    let links = things.values().filter(|thing| thing.collection == "vpcLinks" && !thing.is_ours()).count();
    let marks = json!({ "hatoba:owner": "other", "hatoba:document": "HttpApi/api0", "hatoba:incarnation": "1", "hatoba:deletion": "Delete" });
    let tags = if dice.bool() { marks } else { json!({}) };
    let subnets = ["subnet-0aa11bb22cc33dd44"];
    let (collection, uri, body) = match (dice.u8(..4), dice.choice(apis)) {
        (0, _) => {
            ("apis", "/v2/apis".to_owned(), json!({ "name": "api0", "protocolType": "HTTP", "tags": tags }))
        }
        (1, _) if links >= LINKS_MAX => return "enough links".to_owned(),
        (1, _) => (
            "vpcLinks",
            "/v2/vpclinks".to_owned(),
            json!({ "name": "link0", "subnetIds": subnets, "tags": tags }),
        ),
        (2, Some(api)) => {
            let body = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY",
                "integrationUri": format!("https://h{n}.example.com"), "payloadFormatVersion": "1.0" });
            ("integrations", format!("/v2/apis/{}/integrations", api.id), body)
        }
        (_, Some(api)) => {
            ("routes", format!("/v2/apis/{}/routes", api.id), json!({ "routeKey": format!("GET /hand/{n}") }))
        }
        _ => return "nothing to build in".to_owned(),
    };
    let made =
        sea.by_hand(&format!("somebody makes one of {collection}"), &Request::rest("POST", &uri, &body));
    let (now, after) = (sea.now(), sea.things());
    let new: Vec<String> = after.keys().filter(|id| !things.contains_key(*id)).cloned().collect();
    sea.witness.is_foreign(&after, &new);
    sea.witness.hand_at(now, &after);
    format!(
        "somebody makes {new:?}: {}",
        made.map_or_else(|status| status.to_string(), |_| "done".to_owned())
    )
}

/// Whether a service's tasks did not start, or do not for ever so long.
pub(crate) fn is_stuck(service: &Thing) -> bool {
    service.body["runningCount"] != service.body["desiredCount"]
        || service.body["deployments"][0]["rolloutState"] != "COMPLETED"
}

/// An operator does what the statuses say: takes away links that failed, sends traffic through those that sleep, rolls services out again that did not start. Returns the documents
/// that have to ask for another link: the failed one is in use and cannot be taken away.
pub(crate) fn repair(sea: &mut Sea) -> Vec<String> {
    let things = sea.things();
    let mut in_use = Vec::new();
    for thing in things.values().filter(|thing| thing.is_ours()) {
        let request = match thing.collection {
            "vpcLinks" if thing.text("vpcLinkStatus") == "INACTIVE" => {
                sea.world.lock().unwrap().pass_link(&thing.id);
                let now = sea.now();
                sea.trace.note(now, format!("an operator sends traffic through {}", thing.id));
                continue;
            }
            "vpcLinks" if thing.text("vpcLinkStatus") == "FAILED" => {
                Request::rest("DELETE", &path(thing), &Value::Null)
            }
            "tasks" if !thing.is_leaving() && is_stuck(thing) => {
                let service = thing.id.rsplit('/').next().unwrap_or_default();
                let body = json!({ "cluster": "main", "service": service, "forceNewDeployment": true });
                Request::json("ecs", "UpdateService", &body)
            }
            _ => continue,
        };
        let done = sea.by_hand("an operator repairs", &request);
        if done.is_err() && thing.collection == "vpcLinks" {
            in_use.extend(thing.document().map(str::to_owned));
        }
    }
    let (now, things) = (sea.now(), sea.things());
    sea.witness.hand_at(now, &things);
    in_use
}
