//! Integrations.

use super::{
    Api, ApiGateway, Record, RestCall, Table, bad_request, conflict, label, list, merge_map, no_child, route,
    set_or_clear,
};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use serde_json::{Value, json};

/// "Integration subtype reference": the subtypes of version 1.0 and the request parameters that each needs.
pub(crate) const SUBTYPES: &[(&str, &[&str])] = &[
    ("EventBridge-PutEvents", &["Detail", "DetailType", "Source"]),
    ("SQS-SendMessage", &["QueueUrl", "MessageBody"]),
    ("SQS-ReceiveMessage", &["QueueUrl"]),
    ("SQS-DeleteMessage", &["QueueUrl", "ReceiptHandle"]),
    ("SQS-PurgeQueue", &["QueueUrl"]),
    ("AppConfig-GetConfiguration", &["Application", "Environment", "Configuration", "ClientId"]),
    ("Kinesis-PutRecord", &["StreamName", "Data", "PartitionKey"]),
    ("StepFunctions-StartExecution", &["StateMachineArn"]),
    ("StepFunctions-StartSyncExecution", &["StateMachineArn"]),
    ("StepFunctions-StopExecution", &["ExecutionArn"]),
];

/// "Transforming API requests and responses": headers that no mapping may name; a trailing `*` is any ending.
const RESERVED_HEADERS: &[&str] = &[
    "access-control-*",
    "apigw-*",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "forwarded",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "x-amz-*",
    "x-amzn-*",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "via",
];

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY"];

impl ApiGateway {
    pub(super) fn integration_call(&mut self, call: RestCall, env: &mut Env<'_>) -> Outcome {
        let id = label(&call, 1).to_owned();
        let links = &self.vpc_links;
        let api_id = label(&call, 0);
        let api = self.apis.get_mut(api_id).ok_or_else(|| super::no_api(api_id, env))?;
        match call.operation {
            "CreateIntegration" => create(api, links, call.body, env),
            "GetIntegrations" => list(&call, api.integrations.iter(), env),
            "GetIntegration" => Ok(find(api, &id)?.body.clone()),
            "UpdateIntegration" => update(api, links, &id, call.body),
            _ => delete(api, &id),
        }
    }
}

fn find<'a>(api: &'a Api, id: &str) -> Result<&'a Record, Failure> {
    api.integrations.get(id).ok_or_else(|| no_child("Integration", id))
}

fn create(api: &mut Api, links: &Table, input: Object, env: &mut Env<'_>) -> Outcome {
    let mut body = input;
    body.retain(|_, value| !object::is_empty(value));
    object::default(&mut body, "connectionType", "INTERNET");
    object::default(&mut body, "timeoutInMillis", 30_000);
    if is_lambda(&body) {
        object::default(&mut body, "integrationMethod", "POST");
    }
    check_whole(api, links, &body)?;
    let id = env.ids.lower(7);
    object::set(&mut body, "integrationId", id.as_str());
    api.integrations.insert(id, Record { body: body.clone(), created: env.now });
    Ok(body)
}

fn update(api: &mut Api, links: &Table, id: &str, input: Object) -> Outcome {
    let mut body = find(api, id)?.body.clone();
    // An integration with an AWS service is sent whole: its type, its subtype and every parameter that it needs.
    if let Some(subtype) = object::text(&body, "integrationSubtype") {
        if !input.contains_key("integrationType") || !input.contains_key("integrationSubtype") {
            return Err(bad_request(format!("IntegrationSubtype {subtype} must be sent with an update")));
        }
        let sent = object::object(&input, "requestParameters").cloned().unwrap_or_default();
        check_subtype(object::text_or_empty(&input, "integrationSubtype"), &sent)?;
    }
    for (name, value) in input {
        match name.as_str() {
            "requestParameters" | "responseParameters" => {
                merge_map(&mut body, &name, &value);
                if body.get(&name).is_some_and(object::is_empty) {
                    body.remove(&name);
                }
            }
            // What an empty object does is unknown; the strict reading is: nothing.
            "tlsConfig" if object::is_empty(&value) => {}
            "description" | "connectionId" | "credentialsArn" => set_or_clear(&mut body, &name, value),
            _ => object::set(&mut body, &name, value),
        }
    }
    check_whole(api, links, &body)?;
    if let Some(record) = api.integrations.get_mut(id) {
        record.body.clone_from(&body);
    }
    Ok(body)
}

fn delete(api: &mut Api, id: &str) -> Outcome {
    let managed = object::flag(&find(api, id)?.body, "apiGatewayManaged");
    if managed {
        return Err(bad_request("Cannot delete an Integration managed by API Gateway"));
    }
    let routes: Vec<&str> = route::referencing(api, "target", &format!("integrations/{id}"))
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    if !routes.is_empty() {
        return Err(conflict(format!(
            "Cannot delete Integration because it is referenced by the following Routes with Ids: [{}]",
            routes.join(", ")
        )));
    }
    api.integrations.remove(id);
    Ok(Object::new())
}

fn is_lambda(body: &Object) -> bool {
    object::text(body, "integrationType") == Some("AWS_PROXY") && !body.contains_key("integrationSubtype")
}

fn check_whole(api: &Api, links: &Table, body: &Object) -> Result<(), Failure> {
    if object::text(&api.record.body, "protocolType") != Some("HTTP") {
        return Ok(());
    }
    let kind = object::text_or_empty(body, "integrationType");
    if !["HTTP_PROXY", "AWS_PROXY"].contains(&kind) {
        return Err(bad_request(format!("Integration type {kind} is not supported for HTTP APIs")));
    }
    let subtype = body.contains_key("integrationSubtype");
    match object::text(body, "payloadFormatVersion") {
        Some("1.0") => {}
        Some("2.0") if kind == "AWS_PROXY" && !subtype => {}
        None => return Err(bad_request("PayloadFormatVersion is a required parameter for integration")),
        Some(_) => return Err(bad_request("Invalid PayloadFormatVersion specified")),
    }
    let method = object::text(body, "integrationMethod");
    if method.is_some_and(|name| !METHODS.contains(&name)) {
        return Err(bad_request("Invalid HTTP method specified"));
    }
    if kind == "HTTP_PROXY" && method.is_none() {
        return Err(bad_request("HttpMethod must be specified for HTTP_PROXY integrations"));
    }
    check_connection(links, body)?;
    check_parameters(body)?;
    if let Some(name) = object::text(body, "integrationSubtype") {
        return check_service(kind, name, body);
    }
    let unlinked = object::text(body, "connectionType") == Some("INTERNET");
    let uri = object::text_or_empty(body, "integrationUri");
    let url = uri.starts_with("https://") || uri.starts_with("http://");
    if (kind == "HTTP_PROXY" && unlinked && !url) || uri.is_empty() {
        return Err(bad_request("Invalid HTTP endpoint specified for URI"));
    }
    Ok(())
}

/// An integration with an AWS service has a role and its parameters, and no address of its own.
fn check_service(kind: &str, subtype: &str, body: &Object) -> Result<(), Failure> {
    if kind != "AWS_PROXY" {
        return Err(bad_request("IntegrationSubtype is only valid for the AWS_PROXY integration type"));
    }
    if !body.contains_key("credentialsArn") {
        return Err(bad_request("CredentialsArn is required for AWS service integrations"));
    }
    if body.contains_key("integrationUri") || body.contains_key("integrationMethod") {
        return Err(bad_request(
            "IntegrationUri and IntegrationMethod are not valid for AWS service integrations",
        ));
    }
    let sent = object::object(body, "requestParameters").cloned().unwrap_or_default();
    check_subtype(subtype, &sent)
}

fn check_subtype(subtype: &str, parameters: &Object) -> Result<(), Failure> {
    let Some((_, needed)) = SUBTYPES.iter().find(|(name, _)| *name == subtype) else {
        return Err(bad_request(format!("Invalid integration subtype specified: {subtype}")));
    };
    let missing = needed.iter().find(|name| object::text_or_empty(parameters, name).is_empty());
    missing.map_or(Ok(()), |name| {
        Err(bad_request(format!("Parameter: {name} is required for integration subtype {subtype}")))
    })
}

fn is_reserved(header: &str) -> bool {
    let header = header.to_lowercase();
    RESERVED_HEADERS.iter().any(|reserved| match reserved.strip_suffix('*') {
        Some(start) => header.starts_with(start),
        None => header == *reserved,
    })
}

/// A private integration names a VPC link, and the ARN of a Cloud Map service or of a load balancer's listener.
fn check_connection(links: &Table, body: &Object) -> Result<(), Failure> {
    let id = object::text(body, "connectionId");
    if object::text(body, "connectionType") == Some("INTERNET") {
        return match id {
            None => Ok(()),
            Some(_) => Err(bad_request("ConnectionId is only valid for the VPC_LINK connection type")),
        };
    }
    let Some(id) = id else {
        return Err(bad_request("ConnectionId must be specified for VPC_LINK connection type"));
    };
    if !links.contains_key(id) {
        return Err(bad_request(format!("Invalid VpcLink identifier specified {id}")));
    }
    let uri = object::text_or_empty(body, "integrationUri");
    let private = uri.starts_with("arn:")
        && ((uri.contains(":servicediscovery:") && uri.contains(":service/"))
            || (uri.contains(":elasticloadbalancing:") && uri.contains(":listener/")));
    if !private {
        return Err(bad_request(
            "For VpcLink V2, integration uri should be a valid ELB listener ARN or a valid Cloud Map service ARN.",
        ));
    }
    Ok(())
}

fn check_parameters(body: &Object) -> Result<(), Failure> {
    let invalid = |key: &str| bad_request(format!("Invalid mapping expression specified: {key}"));
    let subtype = body.contains_key("integrationSubtype");
    for (key, _) in object::object(body, "requestParameters").into_iter().flatten() {
        let (verb, place) = key.split_once(':').unwrap_or((key, ""));
        let named = ["header.", "querystring."].iter().any(|p| place.len() > p.len() && place.starts_with(p));
        let mapping = (["append", "overwrite", "remove"].contains(&verb) && named) || key == "overwrite:path";
        let reserved = place.strip_prefix("header.").is_some_and(is_reserved);
        if !subtype && (!mapping || reserved) {
            return Err(invalid(key));
        }
    }
    for (status, mappings) in object::object(body, "responseParameters").into_iter().flatten() {
        let known = status.parse::<u16>().is_ok_and(|code| (200..=599).contains(&code));
        let texts = mappings.as_object().is_some_and(|map| map.values().all(Value::is_string));
        if !known || !texts {
            return Err(invalid(status));
        }
        for key in mappings.as_object().into_iter().flatten().map(|(key, _)| key) {
            let header = key.split_once(":header.").filter(|(verb, name)| {
                ["append", "overwrite", "remove"].contains(verb) && !name.is_empty() && !is_reserved(name)
            });
            if header.is_none() && key != "overwrite:statuscode" {
                return Err(invalid(key));
            }
        }
    }
    if let Some(tls) = object::object(body, "tlsConfig")
        && let Some(name) = tls.get("serverNameToVerify")
        && name.as_str().is_none_or(|text| text.is_empty() || text.len() > 512)
    {
        return Err(bad_request("Invalid server name to verify"));
    }
    Ok(())
}

/// The routes and integrations that use a VPC link, as AWS names them when it refuses to delete it.
pub(super) fn users_of_link(api: &Api, link: &str) -> Vec<String> {
    let mut users = Vec::new();
    for (id, integration) in &api.integrations {
        if object::text(&integration.body, "connectionId") != Some(link) {
            continue;
        }
        let routes = route::referencing(api, "target", &format!("integrations/{id}"));
        let method = integration.body.get("integrationMethod").cloned().unwrap_or_else(|| json!("ANY"));
        let method = method.as_str().unwrap_or("ANY").to_owned();
        if routes.is_empty() {
            users.push(format!("{method}:{id}"));
        }
        users.extend(routes.into_iter().map(|(route, _)| format!("{method}:{route}")));
    }
    users
}
