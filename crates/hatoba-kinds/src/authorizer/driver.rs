use std::collections::BTreeSet;

use aws_sdk_apigatewayv2::types::{Authorizer as SdkAuthorizer, AuthorizerType, JwtConfiguration as SdkJwt};
use hatoba_core::{
    Change, Creation, KindTable, Life, Mark, Members, Object, Readiness, Seen, Target, looks_replaced, normalise,
};
use hatoba_shapes::apigatewayv2::{JwtConfiguration, LIMITS};
use serde_json::Value;

use super::fields::TABLE;
use super::spec::AuthorizerSpec;
use super::{Authorizer, output_for_routes};
use crate::aws::Aws;
use crate::error::CallError;
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Requests, deleted, members, none_if_gone, pages, spec};
use crate::quota::{API_GATEWAY, Operation};
use crate::terraform::Terraform;

const GET_AUTHORIZERS: Operation = Operation::read("apigatewayv2", "GetAuthorizers", &[API_GATEWAY]);
const CREATE: Operation = Operation::write("apigatewayv2", "CreateAuthorizer", &[API_GATEWAY]);
const UPDATE: Operation = Operation::write("apigatewayv2", "UpdateAuthorizer", &[API_GATEWAY]);
const DELETE: Operation = Operation::write("apigatewayv2", "DeleteAuthorizer", &[API_GATEWAY]);

/// AWS takes 128; `~` and the largest number of a replacement need room too.
const NAME_CHARS_MAX: usize = 117;
/// "Quotas for configuring and running an HTTP API": audiences of an authorizer.
const AUDIENCES_MAX: usize = 50;

impl Kind for Authorizer {
    type Spec = AuthorizerSpec;
    const TABLE: &'static KindTable = &TABLE;
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: Authorizer
metadata: { name: web-users }
spec:
  apiRef: crazy-api
  authorizerType: JWT
  jwtConfiguration: { issuer: \"https://issuer.example.com\", audience: [web] }
";
    const OPERATIONS: &'static [Operation] = &[GET_AUTHORIZERS, CREATE, UPDATE, DELETE];

    const LIMITS: Option<Limits> = Some((LIMITS, "CreateAuthorizerRequest"));

    const REQUESTS: Requests =
        ("apigatewayv2/2018-11-29", &["CreateAuthorizerRequest", "UpdateAuthorizerRequest"]);
    const TERRAFORM: Terraform = Terraform {
        scope: &["api_id"],
        members: &[("identity_sources", "identitySource")],
        ..Terraform::of("aws_apigatewayv2_authorizer", "id")
    };
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[("authorizerId", "AWS's id of it")];

    const REFUSED: &'static [(&'static str, &'static str)] =
        &[("identityValidationExpression", "HTTP APIs do not use it")];

    fn check(members: &Members) -> Vec<Problem> {
        let mut found = Vec::new();
        let name = text(members, "name");
        if !(1..=NAME_CHARS_MAX).contains(&name.chars().count()) {
            let message = format!("expected 1 to {NAME_CHARS_MAX} characters, got {}", name.chars().count());
            found.push(Problem::new("name", message, "AWS takes 128, and `~2` stands behind it after a replacement"));
        }
        if looks_replaced(name) {
            let message = format!("`{name}` ends as the name of a replacement does");
            found.push(Problem::new("name", message, "take a name that does not end in `~` and a number"));
        }
        match text(members, "authorizerType") {
            "JWT" => found.extend(jwt_problems(members)),
            "REQUEST" => found.extend(request_problems(members)),
            other => {
                let got = if other.is_empty() { "nothing".to_owned() } else { format!("`{other}`") };
                let message = format!("expected JWT or REQUEST, got {got}");
                found.push(Problem::new("authorizerType", message, "REQUEST is a Lambda function"));
            }
        }
        found
    }

    async fn list(aws: &Aws, scope: &str, _interest: &Interest) -> Result<Vec<Object>, CallError> {
        let authorizers = pages(&GET_AUTHORIZERS, async |token| {
            let call = aws.gateway.get_authorizers().api_id(scope).max_results("100").set_next_token(token).send();
            let page = aws.call(&GET_AUTHORIZERS, call).await;
            none_if_gone(page.map(|page| (page.items.unwrap_or_default(), page.next_token)))
        })
        .await?;
        authorizers.iter().map(|authorizer| observe(scope, authorizer)).collect()
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: AuthorizerSpec = spec(&CREATE, &creation.members)?;
        // Of what leaving it out means, a JWT authorizer takes nothing.
        let kept_for = want.authorizer_result_ttl_in_seconds;
        let kept_for = kept_for.filter(|_| want.authorizer_type.as_deref() == Some("REQUEST"));
        let call = aws
            .gateway
            .create_authorizer()
            .api_id(&creation.scope)
            .name(creation.mark.to_name(want.name.as_deref().unwrap_or_default()))
            .set_authorizer_type(want.authorizer_type.as_deref().map(AuthorizerType::from))
            .set_identity_source(want.identity_source.clone())
            .set_jwt_configuration(jwt(&CREATE, &want)?)
            .set_authorizer_uri(want.authorizer_uri)
            .set_authorizer_credentials_arn(want.authorizer_credentials_arn)
            .set_authorizer_payload_format_version(want.authorizer_payload_format_version)
            .set_authorizer_result_ttl_in_seconds(kept_for)
            .set_enable_simple_responses(want.enable_simple_responses)
            .send();
        let made = aws.call(&CREATE, call).await?;
        let authorizer = SdkAuthorizer::builder()
            .set_authorizer_id(made.authorizer_id)
            .set_name(made.name)
            .set_authorizer_type(made.authorizer_type)
            .set_identity_source(made.identity_source)
            .set_jwt_configuration(made.jwt_configuration)
            .set_authorizer_uri(made.authorizer_uri)
            .set_authorizer_credentials_arn(made.authorizer_credentials_arn)
            .set_authorizer_payload_format_version(made.authorizer_payload_format_version)
            .set_authorizer_result_ttl_in_seconds(made.authorizer_result_ttl_in_seconds)
            .set_enable_simple_responses(made.enable_simple_responses)
            .build();
        Ok(Answer::object(observe(&creation.scope, &authorizer)?))
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let want: AuthorizerSpec = spec(&UPDATE, &change.after)?;
        let mut call = aws.gateway.update_authorizer().api_id(&change.target.scope).authorizer_id(&change.target.id);
        if change.touches("name") {
            call = call.name(change.mark.to_name(want.name.as_deref().unwrap_or_default()));
        }
        if change.touches("identitySource") {
            call = call.set_identity_source(Some(want.identity_source.clone().unwrap_or_default()));
        }
        if change.touches("jwtConfiguration") {
            call = call.set_jwt_configuration(jwt(&UPDATE, &want)?);
        }
        if change.touches("authorizerUri") {
            call = call.set_authorizer_uri(want.authorizer_uri);
        }
        if change.touches("authorizerCredentialsArn") {
            call = call.authorizer_credentials_arn(want.authorizer_credentials_arn.unwrap_or_default());
        }
        if change.touches("authorizerPayloadFormatVersion") {
            call = call.set_authorizer_payload_format_version(want.authorizer_payload_format_version);
        }
        if change.touches("authorizerResultTtlInSeconds") {
            call = call.set_authorizer_result_ttl_in_seconds(want.authorizer_result_ttl_in_seconds);
        }
        if change.touches("enableSimpleResponses") {
            call = call.enable_simple_responses(want.enable_simple_responses.unwrap_or(false));
        }
        aws.call(&UPDATE, call.send()).await?;
        Ok(Answer::Done)
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        let call = aws.gateway.delete_authorizer().api_id(&target.scope).authorizer_id(&target.id).send();
        let result = aws.call(&DELETE, call).await;
        deleted(result, Answer::Gone)
    }
}

fn jwt(operation: &Operation, want: &AuthorizerSpec) -> Result<Option<SdkJwt>, CallError> {
    let jwt = want.jwt_configuration.as_ref().map(JwtConfiguration::to_sdk).transpose();
    jwt.map_err(|error| CallError::unbuildable(operation, error.to_string()))
}

fn text<'a>(members: &'a Members, name: &str) -> &'a str {
    members.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list(value: Option<&Value>) -> Option<&[Value]> {
    value.and_then(Value::as_array).map(Vec::as_slice)
}

/// A text that does not fit, for people.
fn shown(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") }
}

/// "Control access to HTTP APIs with JWT authorizers".
fn jwt_problems(members: &Members) -> Vec<Problem> {
    let mut found = Vec::new();
    let jwt = members.get("jwtConfiguration").and_then(Value::as_object).cloned().unwrap_or_default();
    let issuer = text(&jwt, "issuer");
    if !issuer.starts_with("https://") {
        let message = format!("expected an address that begins with https://, got {}", shown(issuer));
        let hint = "of Cognito: https://cognito-idp.<region>.amazonaws.com/<pool>";
        found.push(Problem::new("jwtConfiguration.issuer", message, hint).rule("JwtWithoutIssuerOrAudience"));
    }
    let audiences = list(jwt.get("audience")).map_or(0, <[Value]>::len);
    if !(1..=AUDIENCES_MAX).contains(&audiences) {
        let message = format!("expected 1 to {AUDIENCES_MAX} audiences, got {audiences}");
        let rule = if audiences == 0 { "JwtWithoutIssuerOrAudience" } else { "AudiencesPerAuthorizer" };
        let problem = Problem::new("jwtConfiguration.audience", message, "a token must be for one of them");
        found.push(problem.rule(rule));
    }
    if let Some(sources) = list(members.get("identitySource")) {
        let legal = |source: &Value| {
            let source = source.as_str().unwrap_or_default();
            ["$request.header.", "$request.querystring."].iter().any(|place| source.starts_with(place))
        };
        if sources.len() != 1 || !sources.iter().all(legal) {
            let message = "expected exactly one, of a header or of the query string";
            found.push(Problem::new("identitySource", message, "for example $request.header.Authorization"));
        }
    }
    found.extend(not_of(members, "JWT", REQUEST_ONLY));
    found
}

const REQUEST_ONLY: &[&str] = &[
    "authorizerUri",
    "authorizerCredentialsArn",
    "authorizerPayloadFormatVersion",
    "authorizerResultTtlInSeconds",
    "enableSimpleResponses",
];

/// "Control access to HTTP APIs with AWS Lambda authorizers".
fn request_problems(members: &Members) -> Vec<Problem> {
    let mut found = Vec::new();
    let uri = text(members, "authorizerUri");
    if !(uri.starts_with("arn:") && uri.contains(":lambda:path/")) {
        let message =
            format!("expected the address at which API Gateway calls a Lambda function, got {}", shown(uri));
        let hint = "arn:aws:apigateway:<region>:lambda:path/2015-03-31/functions/<function ARN>/invocations";
        found.push(Problem::new("authorizerUri", message, hint));
    }
    let version = text(members, "authorizerPayloadFormatVersion");
    if !["1.0", "2.0"].contains(&version) {
        let message = format!("expected 1.0 or 2.0, got {}", shown(version));
        found.push(Problem::new("authorizerPayloadFormatVersion", message, "in quotes: it is a string"));
    }
    let simple = members.get("enableSimpleResponses").and_then(Value::as_bool).unwrap_or(false);
    if simple && version == "1.0" {
        found.push(Problem::new("enableSimpleResponses", "payload format 1.0 answers with policies only", "take 2.0"));
    }
    let ttl = members.get("authorizerResultTtlInSeconds").and_then(Value::as_i64);
    if list(members.get("identitySource")).is_some_and(<[Value]>::is_empty) && ttl != Some(0) {
        let message = "answers are kept by identity source, so there must be one";
        found.push(Problem::new("identitySource", message, "or set authorizerResultTtlInSeconds to 0"));
    }
    found.extend(not_of(members, "REQUEST", &["jwtConfiguration"]));
    found
}

fn not_of(members: &Members, kind: &str, others: &[&str]) -> Vec<Problem> {
    let stated = others.iter().filter(|name| members.get(**name).is_some_and(|value| !value.is_null()));
    stated.map(|name| Problem::new(*name, format!("a {kind} authorizer does not take `{name}`"), "")).collect()
}

pub(super) fn observe(scope: &str, authorizer: &SdkAuthorizer) -> Result<Object, CallError> {
    let (Some(id), Some(shown)) = (authorizer.authorizer_id.clone(), authorizer.name.as_deref()) else {
        return Err(CallError::nonsense(&GET_AUTHORIZERS, "an authorizer without an id or a name"));
    };
    let (name, mark) = Mark::from_name(TABLE.kind, shown);
    let is_request = authorizer.authorizer_type == Some(AuthorizerType::Request);
    let spec = AuthorizerSpec {
        name: Some(name.clone()),
        authorizer_type: authorizer.authorizer_type.as_ref().map(|kind| kind.as_str().to_owned()),
        // None at all is not the one that leaving it out means.
        identity_source: Some(authorizer.identity_source.clone().unwrap_or_default()),
        jwt_configuration: authorizer.jwt_configuration.as_ref().map(JwtConfiguration::from_sdk),
        authorizer_uri: authorizer.authorizer_uri.clone(),
        authorizer_credentials_arn: authorizer.authorizer_credentials_arn.clone(),
        authorizer_payload_format_version: authorizer.authorizer_payload_format_version.clone(),
        // Where AWS shows none, nothing says that answers are kept for as long as leaving it out means.
        authorizer_result_ttl_in_seconds: authorizer.authorizer_result_ttl_in_seconds.or(is_request.then_some(0)),
        enable_simple_responses: authorizer.enable_simple_responses,
        ..AuthorizerSpec::default()
    };
    // Routes ask for it by what they need of it.
    let routes = match authorizer.authorizer_type {
        Some(AuthorizerType::Jwt) => output_for_routes("JWT"),
        Some(AuthorizerType::Request) => output_for_routes("CUSTOM"),
        _ => None,
    };
    let names = ["id"].into_iter().chain(routes);
    let outputs = names.map(|name| (name.to_owned(), id.clone())).collect();
    Ok(Object {
        scope: scope.to_owned(),
        arn: None,
        natural_key: name,
        mark: Seen::Present(mark), // the inventory has it confirmed by the API
        tags: None,
        life: Life::Live,
        readiness: Readiness::Ready,
        created_at_ms: None,
        uses: BTreeSet::from([scope.to_owned()]),
        members: normalise(&TABLE, members(&spec)),
        outputs,
        id,
    })
}
