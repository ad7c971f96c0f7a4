//! What people do in the console, in the middle of everything.

use fastrand::Rng;
use hatoba_aws_model::Request;
use serde_json::{Value, json};

use crate::fleet::stack_of;
use crate::judge::document_of;
use crate::sea::Sea;
use crate::swarm::{Fault, Swarm};
use crate::truth::{Thing, Things};

/// What may stop serving for a while, by no fault of anybody's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Touched {
    Nothing,
    Stack(usize),
    /// Nobody can tell any more whose it was.
    Anything,
}

impl Touched {
    /// The stack that a document, or what stands for one, belongs to.
    pub(crate) fn of(document: Option<&str>) -> Touched {
        document.and_then(stack_of).map_or(Touched::Anything, Touched::Stack)
    }
}

/// Somebody changes or deletes something of ours. Says what.
pub(crate) fn meddle(sea: &mut Sea, dice: &mut Rng) -> (String, Touched) {
    let things = sea.things();
    let ours: Vec<(&String, &Thing)> = things
        .iter()
        .filter(|(id, thing)| thing.is_ours() && !thing.is_leaving() && !sea.witness.foreign().contains(*id))
        .collect();
    let Some((id, thing)) = dice.choice(ours) else {
        return ("nothing of ours to change".to_owned(), Touched::Nothing);
    };
    let others = things.values().filter(|thing| thing.collection == "vpcLinks" && !thing.is_ours()).count();
    let (did, request) = match dice.u8(..16) {
        0..=3 if thing.collection == "namespaces" => ("people delete a namespace", deletion(thing)),
        0..=3 => ("people delete something", deletion(thing)),
        4 if thing.collection == "vpcLinks" && others >= LINKS_MAX => ("enough links", None),
        4 => ("people take our mark off", unmarking(thing)),
        5..=7 => ("people put a tag on it", tagging(thing, dice.u16(1..1000))),
        _ => ("people change something", change(thing, dice, &sea.swarm)),
    };
    let Some(request) = request else { return (format!("{id} is left alone"), Touched::Nothing) };
    let what = format!("{did}: {id}");
    let done = sea.by_hand(&what, &request);
    let (now, after) = (sea.now(), sea.things());
    if done.is_ok() {
        sea.happened.note(Fault::Hands, did);
    }
    let is_changed = done.is_ok() && did != "people put a tag on it";
    if is_changed {
        sea.witness.by_hand.insert(id.clone(), now);
        *sea.quarrels.entry(document_of(thing).unwrap_or_default()).or_default() += 1;
    }
    if did == "people take our mark off" && done.is_ok() {
        if ["namespaces", "discovery", "tasks"].contains(&thing.collection) {
            sea.unmarked.insert(id.clone(), thing.tag(OWNER_TAG).unwrap_or_default().to_owned());
        } else {
            sea.witness.is_foreign(&after, std::slice::from_ref(id)); // another one is made in its stead
        }
    }
    sea.witness.hand_at(now, &after);
    let touched = if is_changed { Touched::of(thing.document()) } else { Touched::Nothing };
    (format!("{what}: {}", done.map_or_else(|status| status.to_string(), |_| "done".to_owned())), touched)
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
        // AWS refuses while there is a service in it.
        "namespaces" => {
            Some(Request::json("servicediscovery", "DeleteNamespace", &json!({ "Id": thing.id })))
        }
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

/// The tag without which a thing is nobody's of ours.
const OWNER_TAG: &str = "hatoba:owner";

fn tagging(thing: &Thing, n: u16) -> Option<Request> {
    tag(thing, THEIR_TAG, &format!("n{n}"))
}

fn tag(thing: &Thing, key: &str, value: &str) -> Option<Request> {
    match thing.collection {
        "apis" | "vpcLinks" => {
            Some(Request::rest("POST", &tags_of(thing), &json!({ "tags": { key: value } })))
        }
        "namespaces" | "discovery" => {
            let body = json!({ "ResourceARN": thing.body["Arn"], "Tags": [{ "Key": key, "Value": value }] });
            Some(Request::json("servicediscovery", "TagResource", &body))
        }
        "tasks" => {
            let body =
                json!({ "resourceArn": thing.body["serviceArn"], "tags": [{ "key": key, "value": value }] });
            Some(Request::json("ecs", "TagResource", &body))
        }
        _ => None,
    }
}

fn tags_of(thing: &Thing) -> String {
    let arn = format!("arn:aws:apigateway:us-east-1::/{}/{}", thing.collection.to_lowercase(), thing.id);
    format!("/v2/tags/{}", arn.replace(':', "%3A").replace('/', "%2F"))
}

/// Takes the owner's mark off: a tag, or a line of the description. Of an API it would take all along that stands in it.
fn unmarking(thing: &Thing) -> Option<Request> {
    match thing.collection {
        "vpcLinks" => {
            let uri = format!("{}?tagKeys={}", tags_of(thing), OWNER_TAG.replace(':', "%3A"));
            Some(Request::rest("DELETE", &uri, &Value::Null))
        }
        "integrations" => {
            Some(Request::rest("PATCH", &path(thing), &json!({ "description": "somebody else's now" })))
        }
        "namespaces" | "discovery" => {
            let body = json!({ "ResourceARN": thing.body["Arn"], "TagKeys": [OWNER_TAG] });
            Some(Request::json("servicediscovery", "UntagResource", &body))
        }
        "tasks" => {
            let body = json!({ "resourceArn": thing.body["serviceArn"], "tagKeys": [OWNER_TAG] });
            Some(Request::json("ecs", "UntagResource", &body))
        }
        _ => None,
    }
}

fn change(thing: &Thing, dice: &mut Rng, swarm: &Swarm) -> Option<Request> {
    let n = dice.u16(1..1000);
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
        // Where rollouts fail one back to the document's network may be given up by AWS: then a human has to decide.
        "tasks" if n.is_multiple_of(4) && !swarm.has(Fault::RolloutFails) => {
            let mut network = thing.body["networkConfiguration"].clone();
            network["awsvpcConfiguration"]["subnets"].as_array_mut()?.push(json!("subnet-0cc33dd44ee55ff66"));
            let body = json!({ "cluster": "main", "service": thing.id.rsplit('/').next()?, "networkConfiguration": network });
            Some(Request::json("ecs", "UpdateService", &body))
        }
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
    if dice.u8(..5) == 0 {
        return register(sea, &things, dice);
    }
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
    if made.is_ok() {
        let did = match (collection, body["tags"]["hatoba:owner"].is_null()) {
            ("apis" | "vpcLinks", true) => "people make something with our names",
            ("apis" | "vpcLinks", false) => "with another owner's marks",
            _ => "people build in our API",
        };
        sea.happened.note(Fault::Strangers, did);
    }
    let (now, after) = (sea.now(), sea.things());
    let new: Vec<String> = after.keys().filter(|id| !things.contains_key(*id)).cloned().collect();
    sea.witness.is_foreign(&after, &new);
    sea.witness.hand_at(now, &after);
    format!(
        "somebody makes {new:?}: {}",
        made.map_or_else(|status| status.to_string(), |_| "done".to_owned())
    )
}

/// What people enter in registries of ours, besides the tasks that ECS enters.
const THEIR_INSTANCE: &str = "by-hand";

/// Somebody registers an instance of their own in a Cloud Map service of ours. Says what.
fn register(sea: &mut Sea, things: &Things, dice: &mut Rng) -> String {
    let ours = things.values().filter(|thing| thing.collection == "discovery" && thing.is_ours());
    // Rather where it is in the way of what is to go.
    let (stay, go): (Vec<&Thing>, Vec<&Thing>) =
        ours.partition(|thing| thing.document().is_some_and(|document| sea.witness.is_asked_for(document)));
    let Some(registry) = dice.choice(go).or_else(|| dice.choice(stay)) else {
        return "nothing to register in".to_owned();
    };
    let address = json!({ "AWS_INSTANCE_IPV4": "10.9.9.9", "AWS_INSTANCE_PORT": "80" });
    let body = json!({ "ServiceId": registry.id, "InstanceId": THEIR_INSTANCE, "Attributes": address });
    let request = Request::json("servicediscovery", "RegisterInstance", &body);
    let did = "people register an instance of their own";
    match sea.by_hand(did, &request) {
        Ok(_) => sea.happened.note(Fault::Strangers, did),
        Err(status) => return format!("{did}: {status}"),
    }
    format!("{did} in {}", registry.id)
}

/// What people registered they take out again.
fn deregister(sea: &mut Sea) {
    let instances = sea.world.lock().unwrap().resources()["servicediscovery"]["instances"].clone();
    for instance in instances.as_object().into_iter().flat_map(|all| all.values()) {
        if instance["Id"] == THEIR_INSTANCE {
            let body = json!({ "ServiceId": instance["ServiceId"], "InstanceId": THEIR_INSTANCE });
            let request = Request::json("servicediscovery", "DeregisterInstance", &body);
            // It is refused while an earlier one is under way.
            let _ = sea.by_hand("people take their instance out", &request);
        }
    }
}

/// Whether a service's tasks did not start, or do not for ever so long.
pub(crate) fn is_stuck(service: &Thing) -> bool {
    service.body["runningCount"] != service.body["desiredCount"]
        || service.body["deployments"][0]["rolloutState"] != "COMPLETED"
}

/// An operator does what the statuses say: takes away links that failed, sends traffic through those that sleep, rolls services out again that did not start. Returns the documents
/// that have to ask for another link: the failed one is in use and cannot be taken away.
pub(crate) fn repair(sea: &mut Sea, is_late: bool) -> Vec<String> {
    if is_late {
        deregister(sea); // until then it keeps its registry
    }
    for (id, owner) in std::mem::take(&mut sea.unmarked) {
        let things = sea.things();
        let thing = things.get(&id).filter(|thing| !thing.is_ours() && !thing.is_leaving());
        if let Some(request) = thing.and_then(|thing| tag(thing, OWNER_TAG, &owner)) {
            // One that was deleted meanwhile needs none.
            let _ = sea.by_hand("an operator puts our mark back", &request);
        }
    }
    let things = sea.things();
    let mut in_use = Vec::new();
    // A link whose mark people took off is one of those that the statuses name.
    let was_ours = |id: &String| sea.witness.documents_of.contains_key(id);
    let concerned: Vec<&Thing> =
        things.iter().filter(|(id, thing)| thing.is_ours() || was_ours(id)).map(|(_, thing)| thing).collect();
    for thing in concerned {
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
