//! Routes.

use super::{
    Api, ApiGateway, Record, RestCall, bad_request, check, check_patch, conflict, label, list, no_child,
    not_found,
};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule, Shape, optional, required};
use serde_json::Value;

const RULES: &[Rule] = &[
    required("routeKey", Shape::Text(1, 300)),
    optional("target", Shape::Text(1, 128)),
    optional("authorizationType", Shape::OneOf(&["NONE", "AWS_IAM", "CUSTOM", "JWT"])),
    optional("authorizerId", Shape::Text(0, 64)),
    optional("authorizationScopes", Shape::Texts(10)),
    optional("operationName", Shape::Text(1, 64)),
    optional("apiKeyRequired", Shape::Flag),
];

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"];

impl ApiGateway {
    pub(super) fn route_call(&mut self, call: RestCall, env: &mut Env<'_>) -> Outcome {
        let id = label(&call, 1).to_owned();
        let api = self.api_mut(label(&call, 0), env)?;
        match call.operation {
            "CreateRoute" => create(api, call.body, env),
            "GetRoutes" => list(&call, api.routes.iter(), env),
            "GetRoute" => Ok(find(api, &id)?.body.clone()),
            "UpdateRoute" => update(api, &id, call.body),
            _ => {
                find(api, &id)?;
                api.routes.remove(&id);
                Ok(Object::new())
            }
        }
    }
}

fn find<'a>(api: &'a Api, id: &str) -> Result<&'a Record, Failure> {
    api.routes.get(id).ok_or_else(|| no_child("Route", id))
}

fn create(api: &mut Api, input: Object, env: &mut Env<'_>) -> Outcome {
    check(&input, RULES)?;
    let mut body = input;
    object::default(&mut body, "authorizationType", "NONE");
    object::default(&mut body, "apiKeyRequired", false);
    body.retain(|_, value| !object::is_empty(value));
    check_whole(api, None, &body)?;
    let id = env.ids.lower(7);
    object::set(&mut body, "routeId", id.as_str());
    api.routes.insert(id, Record { body: body.clone(), created: env.now });
    Ok(body)
}

fn update(api: &mut Api, id: &str, input: Object) -> Outcome {
    let mut body = find(api, id)?.body.clone();
    check_patch(&input, RULES)?;
    let renamed = object::text(&input, "routeKey").is_some_and(|key| key != "$default");
    if renamed && object::text(&body, "routeKey") == Some("$default") {
        return Err(bad_request("Cannot update route key of $default route"));
    }
    for (name, value) in input {
        super::set_or_clear(&mut body, &name, value);
    }
    check_whole(api, Some(id), &body)?;
    if let Some(record) = api.routes.get_mut(id) {
        record.body.clone_from(&body);
    }
    Ok(body)
}

/// Checks a route against its API: key, target, authorizer.
fn check_whole(api: &Api, own: Option<&str>, body: &Object) -> Result<(), Failure> {
    let key = object::text_or_empty(body, "routeKey");
    check_key(key)?;
    for (_, other) in api.routes.iter().filter(|(id, _)| Some(id.as_str()) != own) {
        let taken = object::text_or_empty(&other.body, "routeKey");
        if taken == key {
            return Err(conflict(format!("Route with key {key} already exists for this API")));
        }
        if same_but_for_variables(key, taken) {
            return Err(conflict(format!(
                "The provided route key \"{key}\" has a conflicting variable on the same hierarchical level as \
                 \"{taken}\""
            )));
        }
    }
    if let Some(target) = object::text(body, "target") {
        let Some(integration) = target.strip_prefix("integrations/") else {
            return Err(bad_request(format!("Invalid route target: {target}")));
        };
        if !api.integrations.contains_key(integration) {
            return Err(not_found(
                "Integration",
                format!("Invalid Integration identifier specified {integration}"),
            ));
        }
    }
    check_authorization(api, body)
}

fn check_authorization(api: &Api, body: &Object) -> Result<(), Failure> {
    let authorization = object::text_or_empty(body, "authorizationType");
    if body.contains_key("authorizationScopes") && authorization != "JWT" {
        return Err(bad_request("Authorization scopes are only valid for the JWT authorization type"));
    }
    let fits = match authorization {
        "JWT" => "JWT",
        "CUSTOM" => "REQUEST",
        _ => return Ok(()),
    };
    let authorizer = object::text(body, "authorizerId").and_then(|id| api.authorizers.get(id));
    if authorizer.is_some_and(|found| object::text(&found.body, "authorizerType") == Some(fits)) {
        return Ok(());
    }
    let kind = if fits == "JWT" { "JWT" } else { "CUSTOM" };
    Err(bad_request(format!(
        "Invalid authorizer ID specified. Setting the authorization type to {kind} requires a valid {} authorizer.",
        if fits == "JWT" { "JWT" } else { "custom" }
    )))
}

fn check_key(key: &str) -> Result<(), Failure> {
    let invalid =
        || bad_request(format!("The provided route key is not formatted properly for HTTP protocol: {key}"));
    if key == "$default" {
        return Ok(());
    }
    let (method, path) = key.split_once(' ').ok_or_else(invalid)?;
    if !METHODS.contains(&method) || !path.starts_with('/') || path.contains(' ') {
        return Err(invalid());
    }
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (at, segment) in segments.iter().enumerate() {
        let greedy_inside = segment.ends_with("+}") && at + 1 < segments.len();
        let unbalanced = segment.matches('{').count() != segment.matches('}').count();
        if greedy_inside || unbalanced || *segment == "{}" {
            return Err(invalid());
        }
    }
    Ok(())
}

/// Whether two different keys differ in nothing but the names of their variables.
fn same_but_for_variables(one: &str, other: &str) -> bool {
    let shape = |key: &str| -> Vec<String> {
        key.split('/')
            .map(|segment| {
                match (segment.starts_with('{'), segment.ends_with("+}"), segment.ends_with('}')) {
                    (true, true, _) => "{+}".to_owned(),
                    (true, false, true) => "{}".to_owned(),
                    _ => segment.to_owned(),
                }
            })
            .collect()
    };
    one != other && shape(one) == shape(other)
}

/// Ids of the routes whose member `name` has this value.
pub(super) fn referencing<'a>(api: &'a Api, name: &str, value: &str) -> Vec<(&'a str, &'a Object)> {
    api.routes
        .iter()
        .filter(|(_, route)| route.body.get(name).and_then(Value::as_str) == Some(value))
        .map(|(id, route)| (id.as_str(), &route.body))
        .collect()
}
