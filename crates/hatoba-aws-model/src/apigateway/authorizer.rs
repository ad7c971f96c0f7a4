//! Authorizers.

use super::{
    Api, ApiGateway, Record, RestCall, bad_request, check, check_patch, conflict, label, list, no_child,
    route,
};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule, Shape, optional, required};
use serde_json::json;

/// Authorizers of one API, at most.
const AUTHORIZERS_MAX: usize = 10;

const RULES: &[Rule] = &[
    required("name", Shape::Text(1, 128)),
    required("authorizerType", Shape::OneOf(&["REQUEST", "JWT"])),
    required("identitySource", Shape::Texts(100)),
    optional("authorizerUri", Shape::Text(1, 2048)),
    optional("authorizerCredentialsArn", Shape::Text(0, 2048)),
    optional("authorizerPayloadFormatVersion", Shape::OneOf(&["1.0", "2.0"])),
    optional("authorizerResultTtlInSeconds", Shape::Whole(0, 3600)),
    optional("enableSimpleResponses", Shape::Flag),
    optional("jwtConfiguration", Shape::Object),
];

impl ApiGateway {
    pub(super) fn authorizer_call(&mut self, call: RestCall, env: &mut Env<'_>) -> Outcome {
        let id = label(&call, 1).to_owned();
        let api = self.api_mut(label(&call, 0), env)?;
        match call.operation {
            "CreateAuthorizer" => create(api, call.body, env),
            "GetAuthorizers" => list(&call, api.authorizers.iter(), env),
            "GetAuthorizer" => Ok(find(api, &id)?.body.clone()),
            "UpdateAuthorizer" => update(api, &id, call.body),
            _ => delete(api, &id),
        }
    }
}

fn find<'a>(api: &'a Api, id: &str) -> Result<&'a Record, Failure> {
    api.authorizers.get(id).ok_or_else(|| no_child("Authorizer", id))
}

fn create(api: &mut Api, input: Object, env: &mut Env<'_>) -> Outcome {
    check(&input, RULES)?;
    if api.authorizers.len() >= AUTHORIZERS_MAX {
        // The code says conflict and the status says throttle; both are AWS's.
        return Err(Failure::new(
            429,
            "ConflictException",
            "Maximum number of Authorizers for this API has been reached. Please contact AWS if you need additional \
             Authorizers.",
        ));
    }
    let mut body = input;
    if object::text(&body, "authorizerType") == Some("REQUEST") {
        // The console fills 300 in, and so do other tools; the call itself keeps nothing that nobody asked for.
        object::default(&mut body, "authorizerResultTtlInSeconds", 0);
        object::default(&mut body, "enableSimpleResponses", false);
    }
    check_whole(api, None, &body)?;
    let id = env.ids.lower(6);
    object::set(&mut body, "authorizerId", id.as_str());
    api.authorizers.insert(id, Record { body: body.clone(), created: env.now });
    Ok(body)
}

fn update(api: &mut Api, id: &str, input: Object) -> Outcome {
    let mut body = find(api, id)?.body.clone();
    check_patch(&input, RULES)?;
    for (name, value) in input {
        super::set_or_clear(&mut body, &name, value);
    }
    object::default(&mut body, "identitySource", json!([]));
    check_whole(api, Some(id), &body)?;
    if let Some(record) = api.authorizers.get_mut(id) {
        record.body.clone_from(&body);
    }
    Ok(body)
}

fn delete(api: &mut Api, id: &str) -> Outcome {
    let name = object::text_or_empty(&find(api, id)?.body, "name").to_owned();
    if let Some((_, used)) = route::referencing(api, "authorizerId", id).first() {
        let key = object::text_or_empty(used, "routeKey");
        return Err(conflict(format!("Cannot delete authorizer '{name}', is referenced in route: {key}")));
    }
    api.authorizers.remove(id);
    Ok(Object::new())
}

fn check_whole(api: &Api, own: Option<&str>, body: &Object) -> Result<(), Failure> {
    let name = object::text_or_empty(body, "name");
    let taken = api
        .authorizers
        .iter()
        .any(|(id, other)| Some(id.as_str()) != own && object::text(&other.body, "name") == Some(name));
    if taken {
        return Err(bad_request(format!(
            "Authorizer name must be unique. Authorizer {name} already exists in this RestApi."
        )));
    }
    if object::text(body, "authorizerType") == Some("JWT") {
        return check_jwt(body);
    }
    check_sources(body, &["$request.header.", "$request.querystring.", "$context.", "$stageVariables."])?;
    let uri = object::text_or_empty(body, "authorizerUri");
    if uri.is_empty() {
        return Err(bad_request("AuthorizerUri is required for the REQUEST authorizer type"));
    }
    if !["arn:", ":apigateway:", ":lambda:path/"].iter().all(|part| uri.contains(part)) {
        return Err(bad_request("Invalid Authorizer URI"));
    }
    let Some(version) = object::text(body, "authorizerPayloadFormatVersion") else {
        return Err(bad_request(
            "AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer",
        ));
    };
    if version != "2.0" && object::flag(body, "enableSimpleResponses") {
        return Err(bad_request("EnableSimpleResponses is only valid for payload format version 2.0"));
    }
    let kept_for = body.get("authorizerResultTtlInSeconds").and_then(serde_json::Value::as_i64);
    let cached = kept_for.is_some_and(|seconds| seconds > 0);
    if cached && object::list(body, "identitySource").is_empty() {
        return Err(bad_request("Identity source is required when caching is enabled"));
    }
    Ok(())
}

fn check_jwt(body: &Object) -> Result<(), Failure> {
    let jwt = object::object(body, "jwtConfiguration");
    let issuer = jwt.and_then(|jwt| object::text(jwt, "issuer")).unwrap_or_default();
    if !issuer.starts_with("https://") {
        return Err(bad_request(format!("Invalid issuer: {issuer}. Issuer must be a valid HTTPS URL")));
    }
    if jwt.is_none_or(|jwt| object::list(jwt, "audience").is_empty()) {
        return Err(bad_request("Audience is required for the JWT authorizer type"));
    }
    if object::list(body, "identitySource").len() != 1 {
        return Err(bad_request("Exactly one identity source is required for the JWT authorizer type"));
    }
    check_sources(body, &["$request.header.", "$request.querystring."])
}

fn check_sources(body: &Object, places: &[&str]) -> Result<(), Failure> {
    let legal =
        |source: &&str| places.iter().any(|place| source.len() > place.len() && source.starts_with(place));
    match object::texts(body, "identitySource").iter().find(|source| !legal(source)) {
        Some(source) => Err(bad_request(format!("Invalid mapping expression specified: {source}"))),
        None => Ok(()),
    }
}
