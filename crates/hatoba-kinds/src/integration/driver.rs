use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_apigatewayv2::types::{ConnectionType, Integration as SdkIntegration, IntegrationType};
use hatoba_core::{
    Change, Creation, Hop, KindTable, Life, Mark, Members, Object, Readiness, Seen, Target, normalise,
};
use hatoba_shapes::apigatewayv2::{LIMITS, TlsConfigInput};

use super::Integration;
use super::check;
use super::fields::{HOP, TABLE, called};
use super::spec::IntegrationSpec;
use crate::aws::Aws;
use crate::error::CallError;
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Requests, deleted, members, none_if_gone, pages, spec};
use crate::quota::{API_GATEWAY, Operation};
use crate::terraform::Terraform;

const GET_INTEGRATIONS: Operation = Operation::read("apigatewayv2", "GetIntegrations", &[API_GATEWAY]);
const CREATE: Operation = Operation::write("apigatewayv2", "CreateIntegration", &[API_GATEWAY]);
const UPDATE: Operation = Operation::write("apigatewayv2", "UpdateIntegration", &[API_GATEWAY]);
const DELETE: Operation = Operation::write("apigatewayv2", "DeleteIntegration", &[API_GATEWAY]);

impl Kind for Integration {
    type Spec = IntegrationSpec;
    const TABLE: &'static KindTable = &TABLE;
    const HOP: Option<&'static Hop> = Some(&HOP);
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
    const TERRAFORM: Terraform = Terraform {
        scope: &["api_id"],
        members: &[("timeout_milliseconds", "timeoutInMillis")],
        ..Terraform::of("aws_apigatewayv2_integration", "id")
    };
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("integrationId", "AWS's id of it"),
    ];
    const OPERATIONS: &'static [Operation] = &[GET_INTEGRATIONS, CREATE, UPDATE, DELETE];

    const LIMITS: Option<Limits> = Some((LIMITS, "CreateIntegrationRequest"));

    const REFUSED: &'static [(&'static str, &'static str)] = &[
        ("contentHandlingStrategy", "payloads are converted for WebSocket APIs only"),
        ("passthroughBehavior", "request templates are for WebSocket APIs only: an HTTP API passes everything on"),
        ("requestTemplates", "request templates are for WebSocket APIs only: use `requestParameters`"),
        ("templateSelectionExpression", "request templates are for WebSocket APIs only"),
    ];

    fn called(spec: &Members) -> Option<String> {
        called(spec)
    }

    fn check(members: &Members) -> Vec<Problem> {
        check::problems(members)
    }

    fn adapt(members: &mut Members) {
        // Lambda is always called with POST, which AWS shows whether it was said or not.
        let is = |name: &str, value: &str| members.get(name).and_then(serde_json::Value::as_str) == Some(value);
        if is("integrationType", "AWS_PROXY") && is("integrationMethod", "POST") && !members.contains_key("integrationSubtype") {
            members.remove("integrationMethod");
        }
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
            .set_integration_subtype(want.integration_subtype)
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
            .set_integration_subtype(made.integration_subtype)
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
            // AWS wants the type with every update, and the subtype where there is one.
            .set_integration_type(want.integration_type.as_deref().map(IntegrationType::from))
            .set_integration_subtype(want.integration_subtype.clone())
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
            let is_function = want.integration_type.as_deref() == Some("AWS_PROXY") && want.integration_subtype.is_none();
            let method = want.integration_method.or_else(|| is_function.then(|| "POST".to_owned()));
            call = call.set_integration_method(method);
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
        if change.touches("requestParameters") || want.integration_subtype.is_some() {
            // UpdateIntegration merges: a parameter is removed by an empty value. One of AWS's services needs all
            // of its parameters with every update.
            let drift = change.drift.iter().filter(|drift| drift.path == "requestParameters");
            let before = drift.filter_map(|drift| drift.from.as_object()).flatten();
            let mut parameters: BTreeMap<String, String> =
                before.map(|(name, _)| (name.clone(), String::new())).collect();
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
    let is_function = integration.integration_type == Some(IntegrationType::AwsProxy)
        && integration.integration_subtype.is_none();
    let shown = IntegrationSpec {
        integration_type: integration.integration_type.as_ref().map(|kind| kind.as_str().to_owned()),
        integration_subtype: integration.integration_subtype.clone(),
        // Lambda is called with POST whether it was said or not.
        integration_method: integration.integration_method.clone().filter(|method| !is_function || method != "POST"),
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
