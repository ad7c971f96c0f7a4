//! What can be said of one call, or of one thing among the others, without knowing the past.

use serde_json::Value;

use crate::call::Call;
use crate::fleet::{LIST_KEYS, Part, key, stack_of};
use crate::truth::{Mark, Thing, Things, mark_of};

/// What never stands in a request: a throttle of nothing, a deployment where AWS makes them by itself, a route that is
/// open until a second call closes it.
pub(crate) fn body(call: &Call, body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let settings = body["defaultRouteSettings"].as_object().into_iter();
    let settings = settings.chain(
        body["routeSettings"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.values())
            .filter_map(Value::as_object),
    );
    for settings in settings {
        for limit in ["throttlingBurstLimit", "throttlingRateLimit"] {
            if settings.get(limit).and_then(Value::as_f64) == Some(0.0) {
                return Some(format!("{} sends {limit} 0", call.operation));
            }
        }
    }
    if call.operation.ends_with("Stage") && !body["deploymentId"].is_null() {
        return Some(format!("{} sends a deployment to a stage that deploys itself", call.operation));
    }
    if let Some(wrong) = open_route(call, &body) {
        return Some(wrong);
    }
    if call.operation == "UpdateService" && call.service == "ecs" && body["forceNewDeployment"] == true {
        let others = body.as_object().into_iter().flat_map(serde_json::Map::keys);
        let others: Vec<&String> = others
            .filter(|name| !["cluster", "service", "forceNewDeployment"].contains(&name.as_str()))
            .collect();
        if !others.is_empty() {
            return Some(format!("UpdateService starts all tasks anew, and was to change {others:?}"));
        }
    }
    let deletes = call.operation == "DeleteService" && call.service == "ecs";
    (deletes && body["force"] == true).then(|| "DeleteService is forced".to_owned())
}

/// A route that its document puts behind an authorizer is behind one from its first moment on and stays so: everybody may
/// come in through one that is closed by a second call.
fn open_route(call: &Call, body: &Value) -> Option<String> {
    let (key, kind) = (body["routeKey"].as_str(), body["authorizationType"].as_str());
    let is_made = call.operation == "CreateRoute" && key.is_some_and(|key| LIST_KEYS.contains(&key));
    let is_bare = kind != Some("JWT") || body["authorizerId"].as_str().is_none_or(str::is_empty);
    if is_made && is_bare {
        return Some(format!("CreateRoute makes {} without its authorizer", key.unwrap_or_default()));
    }
    // Nobody here asks for another type than a route has from its first moment on.
    (call.operation == "UpdateRoute" && kind.is_some_and(|kind| kind != "JWT"))
        .then(|| format!("UpdateRoute opens a route: {}", kind.unwrap_or_default()))
}

/// How many tasks of which document's service a call asks for, unless there are none and it takes some to serve, or none
/// are to be left.
pub(crate) fn scaling(call: &Call, body: &str, things: &Things) -> Option<(String, u64)> {
    let body: Value = serde_json::from_str(body).ok().filter(|_| call.operation == "UpdateService")?;
    let service = things.get(&format!("tasks:main/{}", body["service"].as_str()?))?;
    let count =
        body["desiredCount"].as_u64().filter(|count| *count > 0 && service.body["desiredCount"] != 0)?;
    Some((service.document()?.to_owned(), count))
}

/// What only one write at a time may go to: an API, or one other thing.
pub(crate) fn lane(call: &Call) -> String {
    let path = call.request.uri.split('?').next().unwrap_or_default();
    let path = path.split_once("/v2/").map_or(path, |(_, rest)| rest);
    let mut segments = path.split('/');
    match (call.service, segments.next(), segments.next()) {
        ("apigatewayv2", Some("apis"), Some(api)) => format!("api {api}"),
        ("apigatewayv2", Some("vpclinks"), Some(link)) => format!("link {link}"),
        ("apigatewayv2", Some("tags"), Some(arn)) => {
            let (_, id) = arn.rsplit_once("%2F").unwrap_or_default();
            format!("{} {id}", if arn.contains("vpclinks") { "link" } else { "api" })
        }
        _ => {
            let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
            let of =
                ["Id", "ServiceId", "service", "serviceName", "Name", "name", "ResourceARN", "resourceArn"];
            let of = of.iter().find_map(|member| body[*member].as_str()).unwrap_or(path);
            // By name or by ARN, whatever is done with it.
            format!("{} {}", call.service, of.rsplit('/').next().unwrap_or(of))
        }
    }
}

/// The version that a body's description tells, and the document: by the mark beside it, or of what is changed.
pub(crate) fn versioned(call: &Call, body: &str, things: &Things) -> Option<(String, u64)> {
    let body: Value = serde_json::from_str(body).ok()?;
    if call.operation.ends_with("Route") {
        return route_version(call, &body, things);
    }
    let said = [&body, &body["Namespace"], &body["Service"]];
    let text = said.iter().find_map(|said| said["description"].as_str().or(said["Description"].as_str()))?;
    let version = number(text.lines().next()?)?;
    let marked = mark_of(&body).map(|mark| mark.document);
    let document = marked.or_else(|| {
        let (_, thing) = target(call, things)?;
        thing.document().map(str::to_owned)
    })?;
    Some((document, version))
}

/// The version that a thing tells by now, and its document, or that which it was last known to be for.
pub(crate) fn version_of(thing: &Thing, last: Option<&String>) -> Option<(String, u64)> {
    let members = ["operationName", "description", "Description"];
    let text = members.iter().find_map(|member| thing.body[*member].as_str())?;
    Some((document_of(thing).or_else(|| last.cloned())?, number(text.lines().next()?)?))
}

/// The document of a thing, of one without a mark of its own, too.
pub(crate) fn document_of(thing: &Thing) -> Option<String> {
    let document = thing.document()?;
    match thing.collection {
        "routes" => route(document, thing.text("routeKey")),
        "authorizers" => Some(key(stack_of(document)?, Part::Gate)),
        _ => Some(document.to_owned()),
    }
}

/// What a version is written as.
pub(crate) fn number(text: &str) -> Option<u64> {
    text.strip_prefix('v')?.parse().ok()
}

/// The document of a route in the API of this one's stack.
fn route(api: &str, route_key: &str) -> Option<String> {
    Some(key(stack_of(api)?, if route_key == "$default" { Part::Home } else { Part::List }))
}

/// A route's name of its operation tells its version; its document is known by its API's, and by its key.
fn route_version(call: &Call, body: &Value, things: &Things) -> Option<(String, u64)> {
    let version = number(body["operationName"].as_str()?)?;
    let there = target(call, things).map(|(_, route)| route);
    let api = call.request.uri.split_once("/apis/")?.1.split('/').next()?;
    let api = things.get(&format!("apis:{api}"))?.document()?;
    let route_key = body["routeKey"].as_str().or(there.map(|route| route.text("routeKey")))?;
    Some((route(api, route_key)?, version))
}

/// What else of the same kind lives for a document.
fn living_others<'a>(
    before: &'a Things,
    id: &'a str,
    thing: &'a Thing,
    document: &'a str,
) -> impl Iterator<Item = &'a Thing> {
    let others = before.iter().filter(move |(other, _)| *other != id).map(|(_, there)| there);
    others.filter(move |there| {
        there.collection == thing.collection && !there.is_leaving() && there.document() == Some(document)
    })
}

/// Whether another one of the same document lives: a successor, a twin, or one in a twin of its API.
pub(crate) fn has_twin(before: &Things, id: &str, thing: &Thing) -> bool {
    let Some(Mark { document, .. }) = &thing.mark else { return false };
    let has_other = living_others(before, id, thing, document).next().is_some();
    let in_twin = thing.api.as_ref().is_some_and(|api| {
        let api = format!("apis:{api}");
        before.get(&api).is_some_and(|parent| has_twin(before, &api, parent))
    });
    has_other || in_twin
}

/// Others of the same document and incarnation in the same place, where nothing uses any of them and all are well.
/// AWS tells no date of an integration.
pub(crate) fn equal_twins<'a>(before: &'a Things, id: &str, thing: &Thing) -> Vec<&'a String> {
    let is_choice = ["vpcLinks", "discovery"].contains(&thing.collection);
    let is_well = |thing: &Thing| {
        !thing.is_leaving() && !["FAILED", "INACTIVE", "PENDING"].contains(&thing.text("vpcLinkStatus"))
    };
    if !is_choice || is_superseded(before, thing) || !is_well(thing) || !users(before, thing).is_empty() {
        return Vec::new();
    }
    let twins = before.iter().filter(|(other, there)| *other != id && thing.is_like(there) && is_well(there));
    let (free, used): (Vec<_>, Vec<_>) = twins.partition(|(_, there)| users(before, there).is_empty());
    // Beside one that is used all others go, the oldest too.
    if used.is_empty() { free.into_iter().map(|(other, _)| other).collect() } else { Vec::new() }
}

/// It was made instead of others of its document and place, is well, and none was made instead of it or beside it.
pub(crate) fn is_newest(before: &Things, id: &str, thing: &Thing) -> bool {
    let Some(mark) = thing.mark.as_ref().filter(|_| thing.bears_mark()) else { return false };
    let is_well = !["FAILED", "INACTIVE"].contains(&thing.text("vpcLinkStatus"));
    // Of what stands in a twin all goes, as the document's is in the other one.
    let api = thing.api.as_ref().and_then(|api| before.get_key_value(&format!("apis:{api}")));
    if api.is_some_and(|(id, api)| has_twin(before, id, api)) {
        return false;
    }
    let others = living_others(before, id, thing, &mark.document).filter(|there| there.api == thing.api);
    let others: Vec<u32> = others.filter_map(|there| Some(there.mark.as_ref()?.incarnation)).collect();
    is_well && !others.is_empty() && others.iter().all(|other| *other < mark.incarnation)
}

/// Another one was made in its stead.
pub(crate) fn is_superseded(before: &Things, thing: &Thing) -> bool {
    before.values().any(|other| {
        let mark = other.mark.as_ref().zip(thing.mark.as_ref());
        mark.is_some_and(|(new, old)| new.document == old.document && new.incarnation > old.incarnation)
    })
}

/// What a call asks AWS to delete.
pub(crate) fn meant_to_go<'a>(call: &Call, before: &'a Things) -> Option<(&'a String, &'a Thing)> {
    target(call, before).filter(|_| call.operation.starts_with("Delete"))
}

/// What a call is about.
fn target<'a>(call: &Call, before: &'a Things) -> Option<(&'a String, &'a Thing)> {
    let path = call.request.uri.split('?').next()?;
    let (_, place) = path.split_once("/v2/").unwrap_or_default();
    let body: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
    let id = match place.split('/').collect::<Vec<_>>()[..] {
        ["vpclinks", id] => format!("vpcLinks:{id}"),
        ["apis", api] => format!("apis:{api}"),
        ["apis", api, collection, id] => format!("{collection}:{api}/{}", id.replace("%24", "$")),
        _ if call.operation.ends_with("Namespace") => format!("namespaces:{}", body["Id"].as_str()?),
        _ if call.service == "servicediscovery" => format!("discovery:{}", body["Id"].as_str()?),
        _ => return None,
    };
    before.get_key_value(&id)
}

/// What refers to a thing.
pub(crate) fn users(before: &Things, thing: &Thing) -> Vec<String> {
    before.iter().filter(|(_, user)| uses(user, thing)).map(|(id, _)| id.clone()).collect()
}

/// Whether the first refers to the second.
pub(crate) fn uses(user: &Thing, thing: &Thing) -> bool {
    let short = thing.id.rsplit('/').next().unwrap_or_default();
    match thing.collection {
        "vpcLinks" => user.collection == "integrations" && user.text("connectionId") == short,
        "integrations" => {
            user.collection == "routes"
                && user.api == thing.api
                && user.text("target").strip_prefix("integrations/") == Some(short)
        }
        "authorizers" => {
            user.collection == "routes" && user.api == thing.api && user.text("authorizerId") == short
        }
        "discovery" => {
            let arn = thing.body["Arn"].as_str();
            let registry = user.body["serviceRegistries"][0]["registryArn"].as_str();
            arn.is_some()
                && (user.collection == "tasks" && !user.is_leaving() && registry == arn
                    || user.collection == "integrations" && user.body["integrationUri"].as_str() == arn)
        }
        "namespaces" => user.collection == "discovery" && user.text("NamespaceId") == short,
        _ => false,
    }
}
