//! The API itself, and its CORS configuration.

use super::{Api, ApiGateway, Record, bad_request, set_or_clear, tags};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use crate::time;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl ApiGateway {
    pub(super) fn create_api(&mut self, input: Object, env: &mut Env<'_>) -> Outcome {
        let mut body = input;
        let quick = (body.remove("target"), body.remove("routeKey"), body.remove("credentialsArn"));
        if let Some(cors) = body.remove("corsConfiguration") {
            object::set(&mut body, "corsConfiguration", read_back_cors(cors)?);
        }
        tags::check_map(&body)?;
        let id = env.ids.label(10);
        let http = object::text(&body, "protocolType") == Some("HTTP");
        if !http && object::text(&body, "routeSelectionExpression").is_none() {
            return Err(bad_request("RouteSelectionExpression is required for WEBSOCKET protocol"));
        }
        object::set(&mut body, "apiId", id.as_str());
        let scheme = if http { "https" } else { "wss" };
        let endpoint = format!("{scheme}://{id}.execute-api.{}.amazonaws.com", env.config.region);
        object::set(&mut body, "apiEndpoint", endpoint);
        object::set(&mut body, "createdDate", time::iso(env.now));
        object::default(&mut body, "apiKeySelectionExpression", "$request.header.x-api-key");
        object::default(&mut body, "routeSelectionExpression", "$request.method $request.path");
        object::default(&mut body, "disableExecuteApiEndpoint", false);
        object::default(&mut body, "ipAddressType", "ipv4");
        object::default(&mut body, "tags", json!({}));
        drop_empty_description(&mut body);
        let api = Api {
            record: Record { body: body.clone(), created: env.now },
            routes: BTreeMap::new(),
            integrations: BTreeMap::new(),
            authorizers: BTreeMap::new(),
            deployments: BTreeMap::new(),
            stages: BTreeMap::new(),
            snapshots: super::Snapshots::default(),
            written: None,
        };
        self.apis.insert(id.clone(), api);
        if let (Some(Value::String(target)), route_key, _) = quick {
            let route_key = route_key.as_ref().and_then(Value::as_str).unwrap_or("$default");
            self.quick_create(&id, &target, route_key, env);
        }
        Ok(body)
    }

    /// The children AWS makes, and manages, for an API created with a target.
    fn quick_create(&mut self, id: &str, target: &str, route_key: &str, env: &mut Env<'_>) {
        let (integration, route) = (env.ids.lower(7), env.ids.lower(7));
        let lambda = target.starts_with("arn:");
        let children = [
            json!({
                "integrationId": integration, "apiGatewayManaged": true, "connectionType": "INTERNET",
                "integrationMethod": if lambda { "POST" } else { "ANY" }, "integrationUri": target,
                "integrationType": if lambda { "AWS_PROXY" } else { "HTTP_PROXY" },
                "payloadFormatVersion": if lambda { "2.0" } else { "1.0" }, "timeoutInMillis": 30_000,
            }),
            json!({
                "routeId": route, "apiGatewayManaged": true, "apiKeyRequired": false, "authorizationType": "NONE",
                "routeKey": route_key, "target": format!("integrations/{integration}"),
            }),
            json!({
                "stageName": "$default", "apiGatewayManaged": true, "autoDeploy": true,
                "createdDate": time::iso(env.now), "lastUpdatedDate": time::iso(env.now),
                "defaultRouteSettings": {"detailedMetricsEnabled": false}, "routeSettings": {}, "stageVariables": {},
                "tags": {},
            }),
        ];
        let Some(api) = self.apis.get_mut(id) else { return };
        let [integration_body, route_body, stage_body] = children.map(|child| {
            let Value::Object(body) = child else { return Object::new() };
            body
        });
        let record = |body| Record { body, created: env.now };
        api.integrations.insert(integration, record(integration_body));
        api.routes.insert(route, record(route_body));
        api.stages.insert("$default".to_owned(), record(stage_body));
        self.auto_deploy(id, env);
    }

    pub(super) fn update_api(&mut self, id: &str, input: Object, env: &Env<'_>) -> Outcome {
        let api = self.api_mut(id, env)?;
        let cors = input.get("corsConfiguration").cloned().map(read_back_cors).transpose()?;
        let body = &mut api.record.body;
        for (name, value) in input {
            match name.as_str() {
                // Create-only, or the quick-create members, which act on managed children the model's callers leave be.
                "protocolType" | "tags" | "target" | "routeKey" | "credentialsArn" | "corsConfiguration" => {}
                "description" => set_or_clear(body, &name, value),
                _ => object::set(body, &name, value),
            }
        }
        if let Some(cors) = cors {
            object::set(body, "corsConfiguration", cors);
        }
        Ok(body.clone())
    }

    pub(super) fn delete_cors(&mut self, id: &str, env: &Env<'_>) -> Outcome {
        self.api_mut(id, env)?.record.body.remove("corsConfiguration");
        Ok(Object::new())
    }

    /// Deletes the API with everything in it.
    pub(super) fn delete_api(&mut self, id: &str, env: &Env<'_>) -> Outcome {
        self.api(id, env)?;
        self.apis.remove(id);
        Ok(Object::new())
    }
}

/// A CORS configuration as AWS gives it back: header names in lower case, empty lists left out.
fn read_back_cors(sent: Value) -> Result<Value, Failure> {
    let Value::Object(mut cors) = sent else { return Err(bad_request("Invalid CORS configuration")) };
    if object::flag(&cors, "allowCredentials") && object::texts(&cors, "allowOrigins").contains(&"*") {
        return Err(bad_request("allow-credentials is not supported if 'allow-origin' is *"));
    }
    for name in ["allowHeaders", "exposeHeaders"] {
        if let Some(Value::Array(headers)) = cors.get_mut(name) {
            for header in headers {
                *header = Value::String(header.as_str().unwrap_or_default().to_lowercase());
            }
        }
    }
    cors.retain(|_, value| !object::is_empty(value));
    object::default(&mut cors, "allowCredentials", false);
    Ok(Value::Object(cors))
}

fn drop_empty_description(body: &mut Object) {
    if object::text(body, "description") == Some("") {
        body.remove("description");
    }
}
