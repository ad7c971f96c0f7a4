use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_apigatewayv2::types::{ConnectionType, Integration as SdkIntegration, IntegrationType};
use hatoba_core::{Change, Creation, KindTable, Life, Mark, Members, Object, Readiness, Seen, Target, normalise};

use super::Integration;
use super::fields::TABLE;
use super::spec::IntegrationSpec;
use crate::aws::Aws;
use crate::error::CallError;
use crate::generated::apigatewayv2::{LIMITS, TlsConfigInput};
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Requests, deleted, members, none_if_gone, pages, spec};
use crate::quota::{API_GATEWAY, Operation};

const GET_INTEGRATIONS: Operation = Operation::read("apigatewayv2", "GetIntegrations", &[API_GATEWAY]);
const CREATE: Operation = Operation::write("apigatewayv2", "CreateIntegration", &[API_GATEWAY]);
const UPDATE: Operation = Operation::write("apigatewayv2", "UpdateIntegration", &[API_GATEWAY]);
const DELETE: Operation = Operation::write("apigatewayv2", "DeleteIntegration", &[API_GATEWAY]);

/// AWS: description of an integration, in characters; our last line needs room too.
const DESCRIPTION_CHARS_MAX: usize = 1024;
/// Longest mark: owner 200, key 253 and its kind, number, brackets.
const MARK_CHARS_MAX: usize = 500;

impl Kind for Integration {
    type Spec = IntegrationSpec;
    const TABLE: &'static KindTable = &TABLE;
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: Integration
metadata: { name: to-great-service }
spec:
  apiRef: crazy-api
  integrationType: HTTP_PROXY
  integrationMethod: ANY
  connectionType: VPC_LINK
  vpcLinkRef: fine-vpc-link
  discoveryServiceRef: great-service-discovery
";
    const REQUESTS: Requests = ("apigatewayv2/2018-11-29", &["CreateIntegrationRequest", "UpdateIntegrationRequest"]);
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("integrationId", "AWS's id of it"),
    ];
    const OPERATIONS: &'static [Operation] = &[GET_INTEGRATIONS, CREATE, UPDATE, DELETE];

    const LIMITS: Option<Limits> = Some((LIMITS, "CreateIntegrationRequest"));

    fn check(members: &Members) -> Vec<Problem> {
        let text = |name: &str| members.get(name).and_then(serde_json::Value::as_str);
        let mut found = Vec::new();
        match text("integrationType") {
            Some("HTTP_PROXY" | "AWS_PROXY") => {}
            other => {
                let got = other.map_or("nothing".to_owned(), |kind| format!("`{kind}`"));
                let message = format!("expected HTTP_PROXY or AWS_PROXY, got {got}");
                let hint = "HTTP_PROXY is the one for a VPC link; the other types are for WebSocket and REST APIs";
                found.push(Problem::new("integrationType", message, hint));
            }
        }
        if text("integrationType") == Some("HTTP_PROXY") && text("integrationMethod").is_none() {
            found.push(Problem::new("integrationMethod", "HTTP_PROXY needs a method", "ANY passes every method on"));
        }
        match text("connectionType") {
            None | Some("INTERNET") => {}
            Some("VPC_LINK") if text("connectionId").is_some() => {}
            Some("VPC_LINK") => {
                found.push(Problem::new("connectionId", "VPC_LINK needs `vpcLinkRef` or `connectionId`", ""));
            }
            Some(other) => {
                found.push(Problem::new("connectionType", format!("expected INTERNET or VPC_LINK, got `{other}`"), ""));
            }
        }
        if text("integrationUri").is_none() {
            found.push(Problem::new("integrationUri", "`discoveryServiceRef` or `integrationUri` is missing", ""));
        }
        if let Some(timeout) = members.get("timeoutInMillis").and_then(serde_json::Value::as_i64)
            && !(50..=30_000).contains(&timeout)
        {
            let message = format!("expected 50 to 30000 milliseconds, got {timeout}");
            found.push(Problem::new("timeoutInMillis", message, "an HTTP API waits 30 seconds at most"));
        }
        if text("description").is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS_MAX - MARK_CHARS_MAX) {
            let message = format!("at most {} characters: the owner mark stands behind it", DESCRIPTION_CHARS_MAX - MARK_CHARS_MAX);
            found.push(Problem::new("description", message, ""));
        }
        found
    }

    async fn list(aws: &Aws, scope: &str, _interest: &Interest) -> Result<Vec<Object>, CallError> {
        let integrations = pages(&GET_INTEGRATIONS, async |token| {
            let call = aws.gateway.get_integrations().api_id(scope).max_results("100").set_next_token(token).send();
            let page = aws.call(&GET_INTEGRATIONS, call).await;
            none_if_gone(page.map(|page| (page.items.unwrap_or_default(), page.next_token)))
        })
        .await?;
        integrations.iter().map(|integration| observe(scope, integration)).collect()
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: IntegrationSpec = spec(&CREATE, &creation.members)?;
        let tls = tls(&CREATE, &want)?;
        let description = creation.mark.to_description(want.description.as_deref());
        let call = aws
            .gateway
            .create_integration()
            .api_id(&creation.scope)
            .set_integration_type(want.integration_type.as_deref().map(IntegrationType::from))
            .set_integration_method(want.integration_method)
            .set_connection_type(want.connection_type.as_deref().map(ConnectionType::from))
            .set_connection_id(want.connection_id)
            .set_integration_uri(want.integration_uri)
            .set_payload_format_version(want.payload_format_version)
            .set_timeout_in_millis(want.timeout_in_millis)
            .set_credentials_arn(want.credentials_arn)
            .set_request_parameters(want.request_parameters.map(|parameters| parameters.into_iter().collect()))
            .set_response_parameters(want.response_parameters.map(responses))
            .set_tls_config(tls)
            .description(&description)
            .send();
        let made = aws.call(&CREATE, call).await?;
        let integration = SdkIntegration::builder()
            .set_integration_id(made.integration_id)
            .set_integration_type(made.integration_type)
            .set_integration_method(made.integration_method)
            .set_connection_type(made.connection_type)
            .set_connection_id(made.connection_id)
            .set_integration_uri(made.integration_uri)
            .set_payload_format_version(made.payload_format_version)
            .set_timeout_in_millis(made.timeout_in_millis)
            .set_credentials_arn(made.credentials_arn)
            .set_request_parameters(made.request_parameters)
            .set_response_parameters(made.response_parameters)
            .set_tls_config(made.tls_config)
            .description(made.description.unwrap_or(description))
            .build();
        Ok(Answer::object(observe(&creation.scope, &integration)?))
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let want: IntegrationSpec = spec(&UPDATE, &change.after)?;
        let mut call = aws
            .gateway
            .update_integration()
            .api_id(&change.target.scope)
            .integration_id(&change.target.id)
            // AWS wants the type with every update.
            .set_integration_type(want.integration_type.as_deref().map(IntegrationType::from))
            // Always ours again: the mark may be what was edited.
            .description(change.mark.to_description(want.description.as_deref()));
        if change.touches("tlsConfig") {
            call = call.set_tls_config(tls(&UPDATE, &want)?);
        }
        for drift in change.drift.iter().filter(|drift| drift.path == "responseParameters") {
            // UpdateIntegration merges: a status is removed by an empty map.
            let statuses = drift.from.as_object().into_iter().flatten();
            let mut all: BTreeMap<String, BTreeMap<String, String>> =
                statuses.map(|(status, _)| (status.clone(), BTreeMap::new())).collect();
            all.extend(want.response_parameters.clone().unwrap_or_default());
            call = call.set_response_parameters(Some(responses(all)));
        }
        if change.touches("integrationMethod") {
            call = call.set_integration_method(want.integration_method);
        }
        if change.touches("connectionType") {
            call = call.connection_type(ConnectionType::from(want.connection_type.as_deref().unwrap_or("INTERNET")));
        }
        if change.touches("connectionId") {
            call = call.connection_id(want.connection_id.unwrap_or_default());
        }
        if change.touches("integrationUri") {
            call = call.set_integration_uri(want.integration_uri);
        }
        if change.touches("payloadFormatVersion") {
            call = call.set_payload_format_version(want.payload_format_version);
        }
        if change.touches("timeoutInMillis") {
            call = call.set_timeout_in_millis(want.timeout_in_millis);
        }
        if change.touches("credentialsArn") {
            call = call.credentials_arn(want.credentials_arn.unwrap_or_default());
        }
        for drift in change.drift.iter().filter(|drift| drift.path == "requestParameters") {
            // UpdateIntegration merges: a parameter is removed by an empty value.
            let names = drift.from.as_object().into_iter().flatten().map(|(name, _)| (name.clone(), String::new()));
            let mut parameters: BTreeMap<String, String> = names.collect();
            parameters.extend(want.request_parameters.clone().unwrap_or_default());
            call = call.set_request_parameters(Some(parameters.into_iter().collect()));
        }
        aws.call(&UPDATE, call.send()).await?;
        Ok(Answer::Done)
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        let call = aws.gateway.delete_integration().api_id(&target.scope).integration_id(&target.id).send();
        let result = aws.call(&DELETE, call).await;
        deleted(result, Answer::Gone)
    }
}

type SdkResponses = HashMap<String, HashMap<String, String>>;

fn responses(parameters: BTreeMap<String, BTreeMap<String, String>>) -> SdkResponses {
    parameters.into_iter().map(|(status, mapped)| (status, mapped.into_iter().collect())).collect()
}

fn tls(
    operation: &Operation,
    want: &IntegrationSpec,
) -> Result<Option<aws_sdk_apigatewayv2::types::TlsConfigInput>, CallError> {
    let tls = want.tls_config.as_ref().map(TlsConfigInput::to_sdk).transpose();
    tls.map_err(|error| CallError::unbuildable(operation, error.to_string()))
}

pub(super) fn observe(scope: &str, integration: &SdkIntegration) -> Result<Object, CallError> {
    let Some(id) = integration.integration_id.clone() else {
        return Err(CallError::nonsense(&GET_INTEGRATIONS, "an integration without an id"));
    };
    let (description, mark) = Mark::from_description(integration.description.as_deref().unwrap_or_default());
    let uri = integration.integration_uri.clone();
    let mut uses = BTreeSet::from([scope.to_owned()]);
    uses.extend(integration.connection_id.clone());
    // A Cloud Map ARN may carry `?attribute=value` filters.
    uses.extend(uri.as_deref().and_then(|uri| uri.split('?').next()).map(str::to_owned));
    let shown = IntegrationSpec {
        integration_type: integration.integration_type.as_ref().map(|kind| kind.as_str().to_owned()),
        integration_method: integration.integration_method.clone(),
        connection_type: integration.connection_type.as_ref().map(|kind| kind.as_str().to_owned()),
        connection_id: integration.connection_id.clone(),
        integration_uri: uri,
        payload_format_version: integration.payload_format_version.clone(),
        timeout_in_millis: integration.timeout_in_millis,
        credentials_arn: integration.credentials_arn.clone(),
        description,
        request_parameters: integration.request_parameters.clone().map(|parameters| parameters.into_iter().collect()),
        response_parameters: integration.response_parameters.clone().map(|parameters| {
            // A status that is left without parameters says nothing.
            let full = parameters.into_iter().filter(|(_, mapped)| !mapped.is_empty());
            full.map(|(status, mapped)| (status, mapped.into_iter().collect())).collect()
        }),
        tls_config: integration.tls_config.as_ref().map(TlsConfigInput::from_sdk),
        ..IntegrationSpec::default()
    };
    Ok(Object {
        scope: scope.to_owned(),
        arn: None,
        natural_key: id.clone(),
        mark: mark.map_or(Seen::Absent, Seen::Present),
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
