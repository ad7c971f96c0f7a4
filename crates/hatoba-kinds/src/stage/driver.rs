use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_apigatewayv2::types::Stage as SdkStage;
use hatoba_core::{Cause, Change, Creation, KindTable, Life, Members, Object, Readiness, TagChange, Target, normalise};

use super::Stage;
use super::fields::TABLE;
use super::spec::StageSpec;
use crate::aws::Aws;
use crate::error::{CallError, Disposition};
use crate::generated::apigatewayv2::{AccessLogSettings, LIMITS, RouteSettings};
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Requests, deleted, marked, members, none_if_gone, pages, spec};
use crate::quota::{API_GATEWAY, Operation};
use crate::tags;

const DELETE_LOG: Operation = Operation::write("apigatewayv2", "DeleteAccessLogSettings", &[API_GATEWAY]);
const GET_STAGES: Operation = Operation::read("apigatewayv2", "GetStages", &[API_GATEWAY]);
const CREATE: Operation = Operation::write("apigatewayv2", "CreateStage", &[API_GATEWAY]);
const UPDATE: Operation = Operation::write("apigatewayv2", "UpdateStage", &[API_GATEWAY]);
const DELETE: Operation = Operation::write("apigatewayv2", "DeleteStage", &[API_GATEWAY]);

impl Kind for Stage {
    type Spec = StageSpec;
    const TABLE: &'static KindTable = &TABLE;
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: Stage
metadata: { name: default-stage }
spec: { apiRef: crazy-api, stageName: $default, autoDeploy: true }
";
    const REQUESTS: Requests = ("apigatewayv2/2018-11-29", &["CreateStageRequest", "UpdateStageRequest"]);
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("tags", "`metadata.labels` become tags, beside the owner mark"),
    ];
    const OPERATIONS: &'static [Operation] =
        &[GET_STAGES, CREATE, UPDATE, DELETE, DELETE_LOG, tags::GATEWAY_TAG, tags::GATEWAY_UNTAG];

    const LIMITS: Option<Limits> = Some((LIMITS, "CreateStageRequest"));

    fn check(members: &Members) -> Vec<Problem> {
        let mut found = Vec::new();
        let name = members.get("stageName").and_then(serde_json::Value::as_str).unwrap_or_default();
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name != "$default" && !((1..=128).contains(&name.len()) && name.chars().all(legal)) {
            let message = format!("expected `$default` or 1 to 128 letters, digits, `-` and `_`, got `{name}`");
            found.push(Problem::new("stageName", message, ""));
        }
        if members.get("autoDeploy").and_then(serde_json::Value::as_bool) == Some(false) {
            let message = "stages without auto deploy are not in this version";
            found.push(Problem::new("autoDeploy", message, "leave it out, or set it to true"));
        }
        found
    }

    async fn list(aws: &Aws, scope: &str, _interest: &Interest) -> Result<Vec<Object>, CallError> {
        let stages = pages(&GET_STAGES, async |token| {
            let call = aws.gateway.get_stages().api_id(scope).max_results("100").set_next_token(token).send();
            let page = aws.call(&GET_STAGES, call).await;
            none_if_gone(page.map(|page| (page.items.unwrap_or_default(), page.next_token)))
        })
        .await?;
        stages.iter().map(|stage| observe(aws, scope, stage)).collect()
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: StageSpec = spec(&CREATE, &creation.members)?;
        let call = aws
            .gateway
            .create_stage()
            .api_id(&creation.scope)
            .set_stage_name(want.stage_name.clone())
            .set_auto_deploy(want.auto_deploy)
            .set_description(want.description.clone())
            .set_stage_variables(want.stage_variables.clone().map(|variables| variables.into_iter().collect()))
            .set_access_log_settings(access_log(&CREATE, &want)?)
            .set_default_route_settings(route_settings(&CREATE, &want)?)
            .set_tags(Some(creation.tags.clone().into_iter().collect()))
            .send();
        let made = aws.call(&CREATE, call).await?;
        let stage = SdkStage::builder()
            .set_stage_name(made.stage_name)
            .set_auto_deploy(made.auto_deploy)
            .set_description(made.description)
            .set_stage_variables(made.stage_variables)
            .set_access_log_settings(made.access_log_settings)
            .set_default_route_settings(made.default_route_settings)
            .set_last_deployment_status_message(made.last_deployment_status_message)
            .set_created_date(made.created_date)
            .set_tags(made.tags.or_else(|| Some(creation.tags.clone().into_iter().collect())))
            .build();
        Ok(Answer::object(observe(aws, &creation.scope, &stage)?))
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let want: StageSpec = spec(&UPDATE, &change.after)?;
        let mut call = aws.gateway.update_stage().api_id(&change.target.scope).stage_name(&change.target.id);
        if change.touches("autoDeploy") {
            call = call.auto_deploy(want.auto_deploy.unwrap_or(true));
        }
        if change.touches("description") {
            call = call.description(want.description.clone().unwrap_or_default());
        }
        if change.touches("accessLogSettings") {
            call = call.set_access_log_settings(access_log(&UPDATE, &want)?);
        }
        if change.touches("defaultRouteSettings") {
            call = call.set_default_route_settings(route_settings(&UPDATE, &want)?);
        }
        for drift in change.drift.iter().filter(|drift| drift.path == "stageVariables") {
            // UpdateStage merges: a variable is removed by an empty value.
            let names = drift.from.as_object().into_iter().flatten().map(|(name, _)| (name.clone(), String::new()));
            let mut variables: BTreeMap<String, String> = names.collect();
            variables.extend(want.stage_variables.clone().unwrap_or_default());
            call = call.set_stage_variables(Some(variables.into_iter().collect()));
        }
        aws.call(&UPDATE, call.send()).await?;
        Ok(Answer::Done)
    }

    async fn clear(aws: &Aws, target: &Target, _operation: &str) -> Result<Answer, CallError> {
        let call = aws.gateway.delete_access_log_settings().api_id(&target.scope).stage_name(&target.id).send();
        match aws.call(&DELETE_LOG, call).await {
            Ok(_) => Ok(Answer::Done),
            Err(error) if error.disposition == Disposition::Gone => Ok(Answer::Done),
            Err(error) => Err(error),
        }
    }

    async fn tag(aws: &Aws, target: &Target, change: &TagChange) -> Result<Answer, CallError> {
        tags::change_gateway_tags(aws, target, change).await
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        let call = aws.gateway.delete_stage().api_id(&target.scope).stage_name(&target.id).send();
        let result = aws.call(&DELETE, call).await;
        deleted(result, Answer::Gone)
    }
}

fn access_log(
    operation: &Operation,
    want: &StageSpec,
) -> Result<Option<aws_sdk_apigatewayv2::types::AccessLogSettings>, CallError> {
    let settings = want.access_log_settings.as_ref().map(AccessLogSettings::to_sdk).transpose();
    settings.map_err(|error| CallError::unbuildable(operation, error.to_string()))
}

fn route_settings(
    operation: &Operation,
    want: &StageSpec,
) -> Result<Option<aws_sdk_apigatewayv2::types::RouteSettings>, CallError> {
    let settings = want.default_route_settings.as_ref().map(RouteSettings::to_sdk).transpose();
    settings.map_err(|error| CallError::unbuildable(operation, error.to_string()))
}

pub(super) fn observe(aws: &Aws, scope: &str, stage: &SdkStage) -> Result<Object, CallError> {
    let Some(name) = stage.stage_name.clone() else {
        return Err(CallError::nonsense(&GET_STAGES, "a stage without a name"));
    };
    // AWS shows `tags: {}` where there are none; an answer without the member says nothing about tags.
    let (mark, tags) = marked(stage.tags.clone().map(|tags| tags.into_iter().collect()));
    let shown = StageSpec {
        stage_name: Some(name.clone()),
        auto_deploy: Some(stage.auto_deploy.unwrap_or(false)),
        description: stage.description.clone(),
        stage_variables: stage.stage_variables.clone().map(|variables| variables.into_iter().collect()),
        access_log_settings: stage.access_log_settings.as_ref().map(AccessLogSettings::from_sdk),
        default_route_settings: stage.default_route_settings.as_ref().map(RouteSettings::from_sdk),
        ..StageSpec::default()
    };
    Ok(Object {
        id: name.clone(),
        scope: scope.to_owned(),
        arn: Some(aws.gateway_arn(&format!("/apis/{scope}/stages/{name}"))),
        natural_key: name.clone(),
        mark,
        tags,
        life: Life::Live,
        readiness: deployed(stage.last_deployment_status_message.as_deref()),
        created_at_ms: stage.created_date.and_then(|date| date.to_millis().ok()),
        uses: BTreeSet::from([scope.to_owned()]),
        members: normalise(&TABLE, members(&shown)),
        outputs: BTreeMap::from([("name".to_owned(), name)]),
    })
}

/// AWS says how the last automatic deployment went in one sentence; nothing said is no failure.
fn deployed(message: Option<&str>) -> Readiness {
    match message {
        Some(message) if message.contains("failed") => Readiness::NotReady(Cause::new("DeploymentFailed", message)),
        _ => Readiness::Ready,
    }
}
