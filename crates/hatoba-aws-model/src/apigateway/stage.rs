//! Stages.

use super::{
    Api, ApiGateway, Record, RestCall, bad_request, check, check_patch, conflict, label, list, merge_map,
    no_child, not_found, set_or_clear, tags,
};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule, Shape, optional, required};
use crate::time;
use serde_json::{Value, json};

const RULES: &[Rule] = &[
    required("stageName", Shape::Text(1, 128)),
    optional("autoDeploy", Shape::Flag),
    optional("deploymentId", Shape::Text(1, 64)),
    optional("description", Shape::Text(0, 1024)),
    optional("accessLogSettings", Shape::Object),
    optional("defaultRouteSettings", Shape::Object),
    optional("routeSettings", Shape::Object),
    optional("stageVariables", Shape::TextMap(2048)),
    optional("tags", Shape::TextMap(1600)),
];

const ROUTE_SETTINGS: &[Rule] = &[
    optional("detailedMetricsEnabled", Shape::Flag),
    optional("throttlingBurstLimit", Shape::Whole(0, i32::MAX as i64)),
    optional("throttlingRateLimit", Shape::Number),
];

impl ApiGateway {
    pub(super) fn stage_call(&mut self, call: RestCall, env: &mut Env<'_>) -> Outcome {
        let (api_id, name) = (label(&call, 0).to_owned(), label(&call, 1).to_owned());
        let api = self.api_mut(&api_id, env)?;
        let (out, deploy) = match call.operation {
            "CreateStage" => create(api, call.body, env).map(|out| (out, true))?,
            "GetStages" => (list(&call, api.stages.iter(), env)?, false),
            "GetStage" => (find(api, &name)?.clone(), false),
            "UpdateStage" => {
                let switched_on = object::flag(&call.body, "autoDeploy");
                let was_on = object::flag(find(api, &name)?, "autoDeploy");
                (update(api, &name, call.body, env)?, switched_on && !was_on)
            }
            "DeleteAccessLogSettings" => {
                find_mut(api, &name)?.remove("accessLogSettings");
                (Object::new(), false)
            }
            "DeleteRouteSettings" => (delete_route_settings(api, &name, label(&call, 2))?, false),
            _ => {
                find(api, &name)?;
                api.stages.remove(&name);
                (Object::new(), false)
            }
        };
        if deploy {
            let stage = object::text_or_empty(&out, "stageName").to_owned();
            self.auto_deploy_stage(&api_id, &stage, env);
        }
        Ok(out)
    }
}

fn find<'a>(api: &'a Api, name: &str) -> Result<&'a Object, Failure> {
    api.stages.get(name).map(|record| &record.body).ok_or_else(|| no_child("Stage", name))
}

fn find_mut<'a>(api: &'a mut Api, name: &str) -> Result<&'a mut Object, Failure> {
    api.stages.get_mut(name).map(|record| &mut record.body).ok_or_else(|| no_child("Stage", name))
}

fn create(api: &mut Api, input: Object, env: &Env<'_>) -> Outcome {
    check(&input, RULES)?;
    check_members(api, &input)?;
    tags::check_map(&input)?;
    let name = object::text_or_empty(&input, "stageName").to_owned();
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if !letters && name != "$default" {
        return Err(bad_request("Stage name only allows a-zA-Z0-9_- or $default"));
    }
    if api.stages.contains_key(&name) {
        return Err(conflict(format!("Stage already exists: {name}")));
    }
    let mut body = input;
    if object::flag(&body, "autoDeploy") {
        refuse_deployment_id(&body)?;
    } else {
        body.remove("autoDeploy");
    }
    body.retain(|member, value| {
        !object::is_empty(value) || ["routeSettings", "stageVariables", "tags"].contains(&member.as_str())
    });
    let mut defaults = json!({"detailedMetricsEnabled": false});
    overlay(&mut defaults, body.get("defaultRouteSettings"));
    object::set(&mut body, "defaultRouteSettings", defaults);
    let route_settings = merged_route_settings(&Object::new(), body.get("routeSettings"));
    object::set(&mut body, "routeSettings", route_settings);
    object::default(&mut body, "stageVariables", json!({}));
    object::default(&mut body, "tags", json!({}));
    object::set(&mut body, "createdDate", time::iso(env.now));
    object::set(&mut body, "lastUpdatedDate", time::iso(env.now));
    api.stages.insert(name, Record { body: body.clone(), created: env.now });
    Ok(body)
}

fn update(api: &mut Api, name: &str, input: Object, env: &Env<'_>) -> Outcome {
    let mut body = find(api, name)?.clone();
    if object::flag(&body, "apiGatewayManaged") {
        return Err(bad_request("Cannot update a Stage managed by API Gateway"));
    }
    check_patch(&input, RULES)?;
    check_members(api, &input)?;
    let stays_on = input.get("autoDeploy").map_or(object::flag(&body, "autoDeploy"), |on| on == &json!(true));
    if stays_on {
        refuse_deployment_id(&input)?;
    }
    for (member, value) in input {
        match member.as_str() {
            "stageName" | "tags" => {}
            "autoDeploy" if value == json!(false) => {
                body.remove("autoDeploy");
            }
            "stageVariables" => merge_map(&mut body, &member, &value),
            "routeSettings" => {
                let before = object::object(&body, "routeSettings").cloned().unwrap_or_default();
                object::set(&mut body, "routeSettings", merged_route_settings(&before, Some(&value)));
            }
            "defaultRouteSettings" => {
                let mut settings = body.get("defaultRouteSettings").cloned().unwrap_or_else(|| json!({}));
                overlay(&mut settings, Some(&value));
                object::set(&mut body, &member, settings);
            }
            _ => set_or_clear(&mut body, &member, value),
        }
    }
    object::set(&mut body, "lastUpdatedDate", time::iso(env.now));
    find_mut(api, name)?.clone_from(&body);
    Ok(body)
}

fn delete_route_settings(api: &mut Api, name: &str, key: &str) -> Outcome {
    let body = find_mut(api, name)?;
    let removed = body
        .get_mut("routeSettings")
        .and_then(Value::as_object_mut)
        .and_then(|settings| settings.remove(key));
    match removed {
        Some(_) => Ok(Object::new()),
        None => Err(unknown_route(key)),
    }
}

fn refuse_deployment_id(input: &Object) -> Result<(), Failure> {
    if input.contains_key("deploymentId") {
        return Err(bad_request("Deployment ID cannot be set on stages with AutoDeploy enabled"));
    }
    Ok(())
}

fn check_members(api: &Api, input: &Object) -> Result<(), Failure> {
    if let Some(id) = object::text(input, "deploymentId") {
        let Some(deployment) = api.deployments.get(id) else { return Err(no_child("Deployment", id)) };
        // Not published; the strict reading: what is not deployed cannot be served.
        if object::text(&deployment.body, "deploymentStatus") != Some("DEPLOYED") {
            return Err(bad_request(format!("Deployment {id} is not DEPLOYED")));
        }
    }
    if let Some(defaults) = object::object(input, "defaultRouteSettings") {
        check(defaults, ROUTE_SETTINGS)?;
    }
    for (key, settings) in object::object(input, "routeSettings").into_iter().flatten() {
        let Some(settings) = settings.as_object() else { return Err(bad_request("Invalid route settings")) };
        check(settings, ROUTE_SETTINGS)?;
        if !api.routes.values().any(|route| object::text(&route.body, "routeKey") == Some(key)) {
            return Err(unknown_route(key));
        }
    }
    if let Some(logs) = object::object(input, "accessLogSettings")
        && !logs.is_empty()
    {
        check_access_log(logs)?;
    }
    for (name, value) in object::object(input, "stageVariables").into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#&=,".contains(c);
        let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let nameless = name.is_empty() || name.len() > 64 || !name.chars().all(named);
        if nameless || value.len() > 512 || !value.chars().all(legal) {
            return Err(bad_request(format!("Invalid stage variable specified: {name}")));
        }
    }
    Ok(())
}

fn check_access_log(logs: &Object) -> Result<(), Failure> {
    let (arn, format) =
        (object::text_or_empty(logs, "destinationArn"), object::text_or_empty(logs, "format"));
    if !(arn.contains(":logs:") || arn.contains(":firehose:")) {
        return Err(bad_request("Invalid ARN specified in the request. ARNs must start with 'arn:'"));
    }
    let identified =
        ["$context.requestId", "$context.extendedRequestId"].iter().any(|id| format.contains(id));
    if !identified {
        return Err(bad_request(
            "AccessLogs must contain at least $context.requestId or $context.extendedRequestId",
        ));
    }
    Ok(())
}

fn unknown_route(key: &str) -> Failure {
    not_found("Route", format!("Unable to find Route by key {key} within the provided RouteSettings"))
}

/// Keys are added and their members merged; nothing is ever unset.
fn merged_route_settings(before: &Object, sent: Option<&Value>) -> Object {
    let mut merged = before.clone();
    for (key, settings) in sent.and_then(Value::as_object).into_iter().flatten() {
        let entry = merged.entry(key.clone()).or_insert_with(|| json!({"detailedMetricsEnabled": false}));
        overlay(entry, Some(settings));
    }
    merged
}

fn overlay(base: &mut Value, sent: Option<&Value>) {
    if let (Some(base), Some(sent)) = (base.as_object_mut(), sent.and_then(Value::as_object)) {
        base.extend(sent.clone());
    }
}
