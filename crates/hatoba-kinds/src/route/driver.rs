use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_apigatewayv2::types::{AuthorizationType, Route as SdkRoute};
use hatoba_core::{
    Change, Creation, Hop, KindTable, Life, Members, Object, Readiness, Reference, Seen, Target, normalise,
};
use hatoba_shapes::apigatewayv2::LIMITS;

use super::Route;
use super::check::is_route_key;
use super::fields::{HOP, TABLE};
use super::spec::RouteSpec;
use crate::authorizer::output_for_routes;
use crate::aws::Aws;
use crate::error::CallError;
use crate::kind::{
    Answer, Interest, Kind, Limits, Problem, Requests, WEBSOCKET_ONLY, deleted, members, none_if_gone, pages, spec,
};
use crate::quota::{API_GATEWAY, Operation};
use crate::terraform::Terraform;

const GET_ROUTES: Operation = Operation::read("apigatewayv2", "GetRoutes", &[API_GATEWAY]);
const CREATE: Operation = Operation::write("apigatewayv2", "CreateRoute", &[API_GATEWAY]);
const UPDATE: Operation = Operation::write("apigatewayv2", "UpdateRoute", &[API_GATEWAY]);
const DELETE: Operation = Operation::write("apigatewayv2", "DeleteRoute", &[API_GATEWAY]);

/// "Quotas for configuring and running an HTTP API": authorization scopes of a route.
const SCOPES_MAX: usize = 10;

impl Kind for Route {
    type Spec = RouteSpec;
    const TABLE: &'static KindTable = &TABLE;
    const HOP: Option<&'static Hop> = Some(&HOP);
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: Route
metadata: { name: default-route }
spec: { apiRef: crazy-api, routeKey: $default, integrationRef: to-great-service }
";
    const REQUESTS: Requests = ("apigatewayv2/2018-11-29", &["CreateRouteRequest", "UpdateRouteRequest"]);
    const TERRAFORM: Terraform = Terraform { scope: &["api_id"], ..Terraform::of("aws_apigatewayv2_route", "id") };
    const NAMED_AFTER_DOCUMENT: bool = false;

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("routeId", "AWS's id of it"),
    ];
    const OPERATIONS: &'static [Operation] = &[GET_ROUTES, CREATE, UPDATE, DELETE];

    const LIMITS: Option<Limits> = Some((LIMITS, "CreateRouteRequest"));

    const REFUSED: &'static [(&'static str, &'static str)] = &[
        ("apiKeyRequired", WEBSOCKET_ONLY),
        ("modelSelectionExpression", WEBSOCKET_ONLY),
        ("requestModels", WEBSOCKET_ONLY),
        ("requestParameters", WEBSOCKET_ONLY),
        ("routeResponseSelectionExpression", WEBSOCKET_ONLY),
    ];

    fn check(members: &Members) -> Vec<Problem> {
        let mut found = Vec::new();
        let text = |name: &str| members.get(name).and_then(serde_json::Value::as_str);
        let hint = "for example `GET /pets/{id}`";
        match text("routeKey") {
            None => found.push(Problem::new("routeKey", "`routeKey` is missing", hint)),
            Some("$connect" | "$disconnect") => found.push(Problem::new("routeKey", WEBSOCKET_ONLY, hint)),
            Some(key) if !is_route_key(key) => {
                let message = format!("expected `$default` or `METHOD /path`, got `{key}`");
                found.push(Problem::new("routeKey", message, hint));
            }
            Some(_) => {}
        }
        let leads = |target: &str| target.strip_prefix("integrations/").is_some_and(|id| !id.is_empty());
        if let Some(target) = text("target").filter(|target| !leads(target)) {
            let message = format!("expected `integrations/<id>`, got `{target}`");
            let hint = "`integrationRef` names an Integration document; `target: integrations/abc123` leads to any other";
            found.push(Problem::new("target", message, hint));
        }
        let scopes = members.get("authorizationScopes").and_then(|scopes| scopes.as_array()).map_or(0, Vec::len);
        if scopes > SCOPES_MAX {
            let message = format!("expected at most {SCOPES_MAX}, got {scopes}");
            found.push(Problem::new("authorizationScopes", message, "").rule("ScopesPerRoute"));
        }
        if scopes > 0 && text("authorizationType") != Some("JWT") {
            let message = "only tokens have scopes, so they need the type JWT";
            let problem = Problem::new("authorizationScopes", message, "authorizationType: JWT");
            found.push(problem.rule("ScopesWithoutJwt"));
        }
        if matches!(text("authorizationType"), Some("JWT" | "CUSTOM")) && text("authorizerId").is_none() {
            let problem = Problem::new("authorizerId", "`authorizerRef` or `authorizerId` is missing", "");
            found.push(problem.rule("AuthorizerMissing"));
        }
        found
    }

    fn check_written(spec: &Members) -> Vec<Problem> {
        let kind = spec.get("authorizationType").and_then(serde_json::Value::as_str).unwrap_or("NONE");
        if matches!(kind, "JWT" | "CUSTOM") {
            return Vec::new();
        }
        let stated = |name: &&str| spec.get(*name).is_some_and(|value| !value.is_null());
        let unused = ["authorizerRef", "authorizerId"].into_iter().filter(stated);
        let message = format!("an authorizer is named, and authorizationType is {kind}: nobody would ask it");
        let hint = "authorizationType: JWT, or CUSTOM for a Lambda authorizer";
        unused.map(|name| Problem::new(name, message.clone(), hint).rule("AuthorizerMismatch")).collect()
    }

    fn output_for(members: &Members, reference: &Reference) -> Option<&'static str> {
        let kind = members.get("authorizationType").and_then(serde_json::Value::as_str)?;
        output_for_routes(kind).filter(|_| reference.path == "authorizerId")
    }

    async fn list(aws: &Aws, scope: &str, _interest: &Interest) -> Result<Vec<Object>, CallError> {
        let routes = pages(&GET_ROUTES, async |token| {
            let call = aws.gateway.get_routes().api_id(scope).max_results("100").set_next_token(token).send();
            let page = aws.call(&GET_ROUTES, call).await;
            none_if_gone(page.map(|page| (page.items.unwrap_or_default(), page.next_token)))
        })
        .await?;
        routes.iter().map(|route| observe(scope, route)).collect()
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: RouteSpec = spec(&CREATE, &creation.members)?;
        let call = aws
            .gateway
            .create_route()
            .api_id(&creation.scope)
            .set_route_key(want.route_key)
            .set_target(want.target)
            .set_authorization_type(want.authorization_type.as_deref().map(AuthorizationType::from))
            .set_authorizer_id(want.authorizer_id)
            .set_authorization_scopes(want.authorization_scopes.filter(|scopes| !scopes.is_empty()))
            .set_operation_name(want.operation_name)
            .send();
        let made = aws.call(&CREATE, call).await?;
        let route = SdkRoute::builder()
            .set_route_id(made.route_id)
            .set_route_key(made.route_key)
            .set_target(made.target)
            .set_authorization_type(made.authorization_type)
            .set_authorizer_id(made.authorizer_id)
            .set_authorization_scopes(made.authorization_scopes)
            .set_operation_name(made.operation_name)
            .build();
        Ok(Answer::object(observe(&creation.scope, &route)?))
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let want: RouteSpec = spec(&UPDATE, &change.after)?;
        let mut call = aws.gateway.update_route().api_id(&change.target.scope).route_id(&change.target.id);
        if change.touches("routeKey") {
            call = call.set_route_key(want.route_key);
        }
        if change.touches("target") {
            call = call.set_target(want.target);
        }
        if change.touches("authorizationType") || change.touches("authorizerId") {
            let kind = AuthorizationType::from(want.authorization_type.as_deref().unwrap_or("NONE"));
            // An empty id detaches: omission keeps it (AWS: UpdateRoute is a merge).
            let id = want.authorizer_id.filter(|_| asks_an_authorizer(Some(&kind))).unwrap_or_default();
            call = call.authorization_type(kind).authorizer_id(id);
        }
        if change.touches("authorizationScopes") {
            call = call.set_authorization_scopes(Some(want.authorization_scopes.unwrap_or_default()));
        }
        if change.touches("operationName") {
            call = call.set_operation_name(want.operation_name);
        }
        aws.call(&UPDATE, call.send()).await?;
        Ok(Answer::Done)
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        let call = aws.gateway.delete_route().api_id(&target.scope).route_id(&target.id).send();
        let result = aws.call(&DELETE, call).await;
        deleted(result, Answer::Gone)
    }
}

fn asks_an_authorizer(kind: Option<&AuthorizationType>) -> bool {
    matches!(kind, Some(AuthorizationType::Jwt | AuthorizationType::Custom))
}

pub(super) fn observe(scope: &str, route: &SdkRoute) -> Result<Object, CallError> {
    let (Some(id), Some(key)) = (route.route_id.clone(), route.route_key.clone()) else {
        return Err(CallError::nonsense(&GET_ROUTES, "a route without an id or a key"));
    };
    let target = route.target.clone();
    let mut uses = BTreeSet::from([scope.to_owned()]);
    uses.extend(target.as_deref().and_then(|target| target.strip_prefix("integrations/")).map(str::to_owned));
    uses.extend(route.authorizer_id.clone().filter(|id| !id.is_empty()));
    let kind = route.authorization_type.as_ref();
    let shown = RouteSpec {
        route_key: Some(key.clone()),
        target,
        authorization_type: route.authorization_type.as_ref().map(|kind| kind.as_str().to_owned()),
        // What is left from another type is of no effect.
        authorizer_id: route.authorizer_id.clone().filter(|_| asks_an_authorizer(kind)),
        authorization_scopes: route.authorization_scopes.clone().filter(|_| kind == Some(&AuthorizationType::Jwt)),
        operation_name: route.operation_name.clone(),
        ..RouteSpec::default()
    };
    Ok(Object {
        scope: scope.to_owned(),
        arn: None,
        natural_key: key,
        mark: Seen::Absent, // the inventory inherits it from what the route points to
        tags: None,
        life: Life::Live,
        readiness: Readiness::Ready,
        created_at_ms: None,
        uses,
        members: normalise(&TABLE, members(&shown)),
        outputs: BTreeMap::from([("id".to_owned(), id.clone())]),
        id,
    })
}
