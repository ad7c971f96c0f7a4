use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_apigatewayv2::types::{Api, IpAddressType, ProtocolType};
use hatoba_core::{
    Change, Creation, Hop, KindTable, Life, Members, Object, Readiness, TagChange, Target, normalise,
};
use hatoba_shapes::apigatewayv2::{Cors, LIMITS};

use super::HttpApi;
use super::fields::{HOP, TABLE};
use super::spec::HttpApiSpec;
use crate::aws::Aws;
use crate::error::{CallError, Disposition};
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Requests, deleted, marked, members, pages, spec};
use crate::quota::{API_GATEWAY, Operation};
use crate::tags;
use crate::terraform::Terraform;

const GET_APIS: Operation = Operation::read("apigatewayv2", "GetApis", &[API_GATEWAY]);
const CREATE: Operation = Operation::write("apigatewayv2", "CreateApi", &[API_GATEWAY]);
const UPDATE: Operation = Operation::write("apigatewayv2", "UpdateApi", &[API_GATEWAY]);
const DELETE: Operation = Operation::write("apigatewayv2", "DeleteApi", &[API_GATEWAY]);
const DELETE_CORS: Operation = Operation::write("apigatewayv2", "DeleteCorsConfiguration", &[API_GATEWAY]);

impl Kind for HttpApi {
    type Spec = HttpApiSpec;
    const TABLE: &'static KindTable = &TABLE;
    const HOP: Option<&'static Hop> = Some(&HOP);
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: HttpApi
metadata: { name: crazy-api }
spec:
  corsConfiguration: { allowOrigins: [\"https://app.example.com\"] }
";
    const REQUESTS: Requests = ("apigatewayv2/2018-11-29", &["CreateApiRequest", "UpdateApiRequest"]);
    const TERRAFORM: Terraform = Terraform { requires: Some(("protocol_type", "HTTP")), ..Terraform::of("aws_apigatewayv2_api", "id") };
    const OPERATIONS: &'static [Operation] =
        &[GET_APIS, CREATE, UPDATE, DELETE, DELETE_CORS, tags::GATEWAY_TAG, tags::GATEWAY_UNTAG];

    const LIMITS: Option<Limits> = Some((LIMITS, "CreateApiRequest"));

    const REFUSED: &'static [(&'static str, &'static str)] = &[
        ("routeKey", "quick create makes parts that nobody can change: write a Route document"),
        ("target", "quick create makes parts that nobody can change: write an Integration document"),
        ("credentialsArn", "quick create makes parts that nobody can change: it belongs on an Integration document"),
        ("apiId", "AWS's id of it"),
        ("protocolType", "it is always HTTP"),
        ("apiKeySelectionExpression", "API keys are for WebSocket and REST APIs"),
        ("disableSchemaValidation", "schemas are for WebSocket APIs"),
        ("tags", "labels become AWS tags: write them under `metadata.labels`"),
    ];

    fn adapt(members: &mut Members) {
        // An HTTP API has only this one, which AWS's pages write in two ways.
        let constants = ["$request.method $request.path", "${request.method} ${request.path}"];
        let stated = members.get("routeSelectionExpression").and_then(serde_json::Value::as_str);
        if stated.is_some_and(|stated| constants.contains(&stated)) {
            members.remove("routeSelectionExpression");
        }
    }

    fn check(members: &Members) -> Vec<Problem> {
        if let Some(other) = members.get("routeSelectionExpression").filter(|other| !other.is_null()) {
            let message = format!("expected `$request.method $request.path`, got {other}");
            let hint = "an HTTP API selects routes by method and path; leave it out";
            return vec![Problem::new("routeSelectionExpression", message, hint)];
        }
        let Some(cors) = members.get("corsConfiguration") else { return Vec::new() };
        if cors.as_object().is_some_and(serde_json::Map::is_empty) {
            let message = "an empty setting is neither CORS nor none: browsers' first requests would fail";
            return vec![Problem::new("corsConfiguration", message, "leave it out for no CORS")];
        }
        let any = cors.get("allowOrigins").and_then(|origins| origins.as_array()).into_iter().flatten().any(|o| o == "*");
        match cors.get("allowCredentials").and_then(serde_json::Value::as_bool) {
            Some(true) if any => {
                let message = "credentials are not allowed with the origin `*`";
                let problem = Problem::new("corsConfiguration.allowCredentials", message, "name the origins");
                vec![problem.rule("CorsAnyOriginWithCredentials")]
            }
            _ => Vec::new(),
        }
    }

    async fn list(aws: &Aws, _scope: &str, _interest: &Interest) -> Result<Vec<Object>, CallError> {
        let apis = pages(&GET_APIS, async |token| {
            let call = aws.gateway.get_apis().max_results("100").set_next_token(token).send();
            let page = aws.call(&GET_APIS, call).await?;
            Ok((page.items.unwrap_or_default(), page.next_token))
        })
        .await?;
        apis.iter().filter(|api| api.protocol_type == Some(ProtocolType::Http)).map(|api| observe(aws, api)).collect()
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: HttpApiSpec = spec(&CREATE, &creation.members)?;
        let call = aws
            .gateway
            .create_api()
            .set_name(want.name)
            .protocol_type(ProtocolType::Http)
            .set_description(want.description)
            .set_version(want.version)
            .set_cors_configuration(cors(want.cors_configuration.as_ref())?)
            .set_disable_execute_api_endpoint(want.disable_execute_api_endpoint)
            .set_ip_address_type(want.ip_address_type.as_deref().map(IpAddressType::from))
            .set_tags(Some(creation.tags.clone().into_iter().collect()))
            .send();
        let made = aws.call(&CREATE, call).await?;
        let api = Api::builder()
            .set_api_id(made.api_id)
            .set_api_endpoint(made.api_endpoint)
            .set_name(made.name)
            .set_description(made.description)
            .set_version(made.version)
            .set_cors_configuration(made.cors_configuration)
            .set_disable_execute_api_endpoint(made.disable_execute_api_endpoint)
            .set_ip_address_type(made.ip_address_type)
            .set_created_date(made.created_date)
            .set_tags(made.tags.or_else(|| Some(creation.tags.clone().into_iter().collect())))
            .build();
        Ok(Answer::object(observe(aws, &api)?))
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let want: HttpApiSpec = spec(&UPDATE, &change.after)?;
        let mut call = aws.gateway.update_api().api_id(&change.target.id);
        if change.touches("name") {
            call = call.set_name(want.name);
        }
        if change.touches("description") {
            call = call.description(want.description.unwrap_or_default());
        }
        if change.touches("version") {
            call = call.set_version(want.version);
        }
        for drift in change.drift.iter().filter(|drift| drift.path == "corsConfiguration") {
            let emptied = want.cors_configuration.clone().map(|wanted| emptied(wanted, &drift.from));
            call = call.set_cors_configuration(cors(emptied.as_ref())?);
        }
        if change.touches("disableExecuteApiEndpoint") {
            call = call.disable_execute_api_endpoint(want.disable_execute_api_endpoint.unwrap_or(false));
        }
        if change.touches("ipAddressType") {
            call = call.ip_address_type(IpAddressType::from(want.ip_address_type.as_deref().unwrap_or("ipv4")));
        }
        aws.call(&UPDATE, call.send()).await?;
        Ok(Answer::Done)
    }

    async fn clear(aws: &Aws, target: &Target, _operation: &str) -> Result<Answer, CallError> {
        match aws.call(&DELETE_CORS, aws.gateway.delete_cors_configuration().api_id(&target.id).send()).await {
            Ok(_) => Ok(Answer::Done),
            Err(error) if error.disposition == Disposition::Gone => Ok(Answer::Done),
            Err(error) => Err(error),
        }
    }

    async fn tag(aws: &Aws, target: &Target, change: &TagChange) -> Result<Answer, CallError> {
        tags::change_gateway_tags(aws, target, change).await
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        let result = aws.call(&DELETE, aws.gateway.delete_api().api_id(&target.id).send()).await;
        deleted(result, Answer::Gone)
    }
}

/// A list that was there and is not asked for is emptied in so many words, and credentials are switched off.
fn emptied(mut wanted: Cors, from: &serde_json::Value) -> Cors {
    let had = |name: &str| from.get(name).is_some();
    let empty = |list: &mut Option<Vec<String>>, name: &str| {
        if list.is_none() && had(name) {
            *list = Some(Vec::new());
        }
    };
    empty(&mut wanted.allow_headers, "allowHeaders");
    empty(&mut wanted.allow_methods, "allowMethods");
    empty(&mut wanted.allow_origins, "allowOrigins");
    empty(&mut wanted.expose_headers, "exposeHeaders");
    if wanted.allow_credentials.is_none() && had("allowCredentials") {
        wanted.allow_credentials = Some(false);
    }
    wanted
}

fn cors(cors: Option<&Cors>) -> Result<Option<aws_sdk_apigatewayv2::types::Cors>, CallError> {
    let cors = cors.map(Cors::to_sdk).transpose();
    cors.map_err(|error| CallError::unbuildable(&UPDATE, error.to_string()))
}

fn observe(aws: &Aws, api: &Api) -> Result<Object, CallError> {
    let Some(id) = api.api_id.clone() else {
        return Err(CallError::nonsense(&GET_APIS, "an API without an id"));
    };
    let name = api.name.clone().unwrap_or_default();
    let (mark, tags) = marked(Some(api.tags.clone().unwrap_or_default().into_iter().collect()));
    let shown = HttpApiSpec {
        name: Some(name.clone()),
        description: api.description.clone(),
        version: api.version.clone(),
        cors_configuration: api.cors_configuration.as_ref().map(Cors::from_sdk),
        disable_execute_api_endpoint: api.disable_execute_api_endpoint,
        ip_address_type: api.ip_address_type.as_ref().map(|kind| kind.as_str().to_owned()),
        route_selection_expression: None, // a constant
    };
    let mut outputs = BTreeMap::from([("id".to_owned(), id.clone())]);
    if let Some(endpoint) = &api.api_endpoint {
        outputs.insert("url".to_owned(), endpoint.clone());
    }
    Ok(Object {
        scope: String::new(),
        arn: Some(aws.gateway_arn(&format!("/apis/{id}"))),
        natural_key: name,
        mark,
        tags,
        life: Life::Live,
        readiness: Readiness::Ready,
        created_at_ms: api.created_date.and_then(|date| date.to_millis().ok()),
        uses: BTreeSet::new(),
        members: normalise(&TABLE, members(&shown)),
        outputs,
        id,
    })
}
