use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_apigatewayv2::types::{self, Deployment as SdkDeployment, DeploymentStatus, Stage as SdkStage};
use hatoba_core::{
    Action, Cause, Change, Creation, Deployments, Hop, KindTable, Life, Members, OUTPUT_NAME, Object, Readiness,
    TagChange, Target, normalise,
};
use hatoba_shapes::apigatewayv2::{AccessLogSettings, LIMITS, RouteSettings};
use serde_json::Value;

use super::Stage;
use super::check::{access_log_problem, throttles, variables};
use super::deployment::{Deployment, Towards, newest_failure, seen, spare, towards};
use super::fields::{DEPLOYMENTS, HOP, TABLE, shut_by_others, stale_routes};
use super::spec::StageSpec;
use crate::aws::Aws;
use crate::error::{CallError, Disposition};
use crate::kind::{
    Answer, Interest, Kind, Limits, Problem, Progress, Requests, deleted, marked, members, none_if_gone, pages, spec,
};
use crate::quota::{API_GATEWAY, CREATE_DEPLOYMENT, Operation};
use crate::tags;
use crate::terraform::Terraform;

const GET_STAGES: Operation = Operation::read("apigatewayv2", "GetStages", &[API_GATEWAY]);
const CREATE: Operation = Operation::write("apigatewayv2", "CreateStage", &[API_GATEWAY]);
const UPDATE: Operation = Operation::write("apigatewayv2", "UpdateStage", &[API_GATEWAY]);
const DELETE: Operation = Operation::write("apigatewayv2", "DeleteStage", &[API_GATEWAY]);
const DELETE_LOG: Operation = Operation::write("apigatewayv2", "DeleteAccessLogSettings", &[API_GATEWAY]);
const DELETE_ROUTE: Operation = Operation::write("apigatewayv2", "DeleteRouteSettings", &[API_GATEWAY]);
const GET_DEPLOYMENTS: Operation = Operation::read("apigatewayv2", "GetDeployments", &[API_GATEWAY]);
const GET_DEPLOYMENT: Operation = Operation::read("apigatewayv2", "GetDeployment", &[API_GATEWAY]);
const DEPLOY: Operation =
    Operation::write("apigatewayv2", "CreateDeployment", &[API_GATEWAY, CREATE_DEPLOYMENT]);
const DELETE_DEPLOYMENT: Operation = Operation::write("apigatewayv2", "DeleteDeployment", &[API_GATEWAY]);

const DEPLOYMENTS_ARE_OURS: &str =
    "the controller makes the deployments: leave it out, and say `autoDeploy: false` if AWS is not to make them";

impl Kind for Stage {
    type Spec = StageSpec;
    const TABLE: &'static KindTable = &TABLE;
    const HOP: Option<&'static Hop> = Some(&HOP);
    const DEPLOYMENTS: Option<&'static Deployments> = Some(&DEPLOYMENTS);
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: Stage
metadata: { name: default-stage }
spec: { apiRef: crazy-api, stageName: $default, autoDeploy: true }
";
    const REQUESTS: Requests = ("apigatewayv2/2018-11-29", &["CreateStageRequest", "UpdateStageRequest"]);
    const TERRAFORM: Terraform = Terraform {
        scope: &["api_id"],
        members: &[("name", "stageName")],
        ..Terraform::of("aws_apigatewayv2_stage", "name")
    };
    const OPERATIONS: &'static [Operation] = &[
        GET_STAGES,
        CREATE,
        UPDATE,
        DELETE,
        DELETE_LOG,
        DELETE_ROUTE,
        GET_DEPLOYMENTS,
        GET_DEPLOYMENT,
        DEPLOY,
        DELETE_DEPLOYMENT,
        tags::GATEWAY_TAG,
        tags::GATEWAY_UNTAG,
    ];

    const LIMITS: Option<Limits> = Some((LIMITS, "CreateStageRequest"));

    const REFUSED: &'static [(&'static str, &'static str)] = &[
        ("clientCertificateId", "client certificates are for WebSocket and REST APIs, not for an HTTP API"),
        ("defaultRouteSettings.dataTraceEnabled", "data tracing is for WebSocket APIs, not for an HTTP API"),
        ("defaultRouteSettings.loggingLevel", "execution logs are for WebSocket APIs: use `accessLogSettings`"),
        ("routeSettings{}.dataTraceEnabled", "data tracing is for WebSocket APIs, not for an HTTP API"),
        ("routeSettings{}.loggingLevel", "execution logs are for WebSocket APIs: use `accessLogSettings`"),
        ("deploymentId", DEPLOYMENTS_ARE_OURS),
        ("deploymentDigest", DEPLOYMENTS_ARE_OURS),
        ("deployments", DEPLOYMENTS_ARE_OURS),
        ("tags", "labels become AWS tags: write them under `metadata.labels`"),
    ];

    fn operation(action: &Action) -> Option<&'static Operation> {
        let Action::Update(change) = action else { return None };
        if change.touches(DEPLOYMENTS.digest) {
            return Some(match next_deployment(change).1 {
                Towards::Make => &DEPLOY,
                Towards::Follow(_) | Towards::MoveTo(_) | Towards::Failed(_) => &UPDATE,
            });
        }
        change.touches(DEPLOYMENTS.kept).then_some(&DELETE_DEPLOYMENT)
    }

    fn notes(wanted: &Members, have: &Members) -> Vec<Cause> {
        shut_by_others(wanted, have)
    }

    fn check(members: &Members) -> Vec<Problem> {
        let mut found = Vec::new();
        let name = members.get("stageName").and_then(Value::as_str).unwrap_or_default();
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name != "$default" && !((1..=128).contains(&name.len()) && name.chars().all(legal)) {
            let message = format!("expected `$default` or 1 to 128 letters, digits, `-` and `_`, got `{name}`");
            found.push(Problem::new("stageName", message, ""));
        }
        found.extend(variables(members));
        found.extend(throttles(members));
        found.extend(access_log_problem(members));
        found
    }

    async fn list(aws: &Aws, scope: &str, _interest: &Interest) -> Result<Vec<Object>, CallError> {
        let stages = pages(&GET_STAGES, async |token| {
            let call = aws.gateway.get_stages().api_id(scope).max_results("100").set_next_token(token).send();
            let page = aws.call(&GET_STAGES, call).await;
            none_if_gone(page.map(|page| (page.items.unwrap_or_default(), page.next_token)))
        })
        .await?;
        let deployments = match stages.iter().any(deploys_by_hand) {
            true => deployments(aws, scope).await?,
            false => Vec::new(),
        };
        let in_use: BTreeSet<&str> = stages.iter().filter_map(|stage| stage.deployment_id.as_deref()).collect();
        let seen = Seen { deployments: &deployments, in_use: Some(&in_use) };
        stages.iter().map(|stage| observe(aws, scope, stage, &seen)).collect()
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: StageSpec = spec(&CREATE, &creation.members)?;
        // Settings of single routes follow in an update: one whose route is not there yet must not keep the
        // stage from being made.
        let call = aws
            .gateway
            .create_stage()
            .api_id(&creation.scope)
            .set_stage_name(want.stage_name.clone())
            .set_auto_deploy(want.auto_deploy)
            .set_description(want.description.clone())
            .set_stage_variables(want.stage_variables.clone().map(|variables| variables.into_iter().collect()))
            .set_access_log_settings(access_log(&CREATE, &want)?)
            .set_default_route_settings(
                want.default_route_settings.as_ref().map(|settings| route_settings(&CREATE, settings)).transpose()?,
            )
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
            .set_route_settings(made.route_settings)
            .set_last_deployment_status_message(made.last_deployment_status_message)
            .set_created_date(made.created_date)
            .set_tags(made.tags.or_else(|| Some(creation.tags.clone().into_iter().collect())))
            .build();
        Ok(Answer::object(observe(aws, &creation.scope, &stage, &Seen::default())?))
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        if change.touches(DEPLOYMENTS.digest) {
            return deploy(aws, change).await;
        }
        if change.touches(DEPLOYMENTS.kept) {
            return remove_spare(aws, change).await;
        }
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
            // UpdateStage merges, so only what differs is sent: never a number that the document does not state.
            call = call.default_route_settings(route_settings(&UPDATE, &differing_defaults(change)?)?);
        }
        for drift in change.drift.iter().filter(|drift| drift.path == "stageVariables") {
            // UpdateStage merges: a variable is removed by an empty value.
            let names = drift.from.as_object().into_iter().flatten().map(|(name, _)| (name.clone(), String::new()));
            let mut variables: BTreeMap<String, String> = names.collect();
            variables.extend(want.stage_variables.clone().unwrap_or_default());
            call = call.set_stage_variables(Some(variables.into_iter().collect()));
        }
        for drift in change.drift.iter().filter(|drift| drift.path == "routeSettings") {
            // UpdateStage merges here too: a key goes by a call of its own, and first, since one whose route is
            // gone would have the update refused.
            remove_stale_routes(aws, &change.target, &drift.to, &drift.from).await?;
            call = call.set_route_settings(stated_routes(&drift.to)?);
            if change.drift.len() == 1 && call.get_route_settings().is_none() {
                return Ok(Answer::Done);
            }
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

    async fn poll(aws: &Aws, operation: &str, _made: Option<&Creation>) -> Result<Progress, CallError> {
        let (api, id) = operation.split_once('/').unwrap_or_default();
        let call = aws.gateway.get_deployment().api_id(api).deployment_id(id).send();
        let deployment = match aws.call(&GET_DEPLOYMENT, call).await {
            Ok(deployment) => deployment,
            Err(error) if error.disposition == Disposition::Gone => return Ok(Progress::Forgotten),
            Err(error) => return Err(error),
        };
        Ok(match deployment.deployment_status {
            Some(DeploymentStatus::Deployed) => Progress::Done(None),
            Some(DeploymentStatus::Failed) => Progress::Failed(Cause::new(
                "DeploymentFailed",
                failure(id, deployment.deployment_status_message.as_deref().unwrap_or_default()),
            )),
            _ => Progress::Running,
        })
    }
}

/// The deployments of ours that were seen, and what comes next towards the digest that is asked for.
fn next_deployment(change: &Change) -> (String, Towards) {
    let digest = change.after.get(DEPLOYMENTS.digest).and_then(Value::as_str).unwrap_or_default();
    // Where some are too many as well, `after` says how many there are to be.
    let too_many = change.drift.iter().find(|drift| drift.path == DEPLOYMENTS.kept);
    let have = too_many.map(|drift| &drift.from).or_else(|| change.after.get(DEPLOYMENTS.kept));
    let next = towards(&seen(have), digest);
    (digest.to_owned(), next)
}

async fn deploy(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
    let scope = &change.target.scope;
    let (digest, next) = next_deployment(change);
    match next {
        Towards::Make => {
            let description = change.mark.to_deployment(&digest);
            let call = aws.gateway.create_deployment().api_id(scope).description(description).send();
            let id = aws.call(&DEPLOY, call).await?.deployment_id;
            let id = id.ok_or_else(|| CallError::nonsense(&DEPLOY, "a deployment without an id"))?;
            Ok(Answer::Operation(format!("{scope}/{id}")))
        }
        Towards::Follow(id) => Ok(Answer::Operation(format!("{scope}/{id}"))),
        Towards::MoveTo(id) => {
            let call = aws.gateway.update_stage().api_id(scope).stage_name(&change.target.id).deployment_id(id);
            aws.call(&UPDATE, call.send()).await?;
            Ok(Answer::Listed)
        }
        Towards::Failed(failed) => Err(CallError {
            operation: DEPLOY,
            disposition: Disposition::Stall,
            code: Some("DeploymentFailed".to_owned()),
            message: failure(&failed.id, &failed.message),
            may_have_happened: false,
            done_before: None,
        }),
    }
}

fn failure(id: &str, message: &str) -> String {
    format!("deployment {id} FAILED: {message}; the same is not tried again: change the API, or delete that deployment")
}

async fn remove_spare(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
    let wanted = change.drift.iter().find(|drift| drift.path == DEPLOYMENTS.kept);
    let (keep, have) = wanted.map_or((None, None), |drift| (drift.to.as_u64(), Some(&drift.from)));
    let have = seen(have);
    let keep = keep.and_then(|keep| usize::try_from(keep).ok()).unwrap_or(usize::MAX);
    let spare = spare(&have, keep);
    let Some(gone) = spare.last() else { return Ok(Answer::Listed) };
    let call = aws.gateway.delete_deployment().api_id(&change.target.scope).deployment_id(&gone.id).send();
    let result = aws.call(&DELETE_DEPLOYMENT, call).await;
    deleted(result, Answer::Listed).map(|_| Answer::Listed)
}

async fn deployments(aws: &Aws, scope: &str) -> Result<Vec<SdkDeployment>, CallError> {
    pages(&GET_DEPLOYMENTS, async |token| {
        let call = aws.gateway.get_deployments().api_id(scope).max_results("100").set_next_token(token).send();
        let page = aws.call(&GET_DEPLOYMENTS, call).await;
        none_if_gone(page.map(|page| (page.items.unwrap_or_default(), page.next_token)))
    })
    .await
}

/// Whether its deployments may be of our making: it bears a mark and AWS makes none by itself.
fn deploys_by_hand(stage: &SdkStage) -> bool {
    let is_marked = || stage.tags.as_ref().is_some_and(|tags| tags.keys().any(|key| key.starts_with("hatoba:")));
    stage.auto_deploy != Some(true) && is_marked()
}

async fn remove_stale_routes(
    aws: &Aws,
    target: &Target,
    to: &Value,
    from: &Value,
) -> Result<(), CallError> {
    let nothing = Members::new();
    let (to, from) = (to.as_object().unwrap_or(&nothing), from.as_object().unwrap_or(&nothing));
    for key in stale_routes(to, from) {
        let call = aws.gateway.delete_route_settings().api_id(&target.scope).stage_name(&target.id).route_key(key);
        match aws.call(&DELETE_ROUTE, call.send()).await {
            Ok(_) => {}
            Err(error) if error.disposition == Disposition::Gone => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The settings of single routes as the document states them; `None`: none are stated.
fn stated_routes(stated: &Value) -> Result<Option<HashMap<String, types::RouteSettings>>, CallError> {
    let mut routes = HashMap::new();
    for (key, settings) in stated.as_object().into_iter().flatten() {
        let settings: RouteSettings = read(settings)?;
        if settings != RouteSettings::default() {
            routes.insert(key.clone(), route_settings(&UPDATE, &settings)?);
        }
    }
    Ok((!routes.is_empty()).then_some(routes))
}

/// The settings of every route that differ.
fn differing_defaults(change: &Change) -> Result<RouteSettings, CallError> {
    let differing: Members = change
        .drift
        .iter()
        .filter_map(|drift| Some((drift.path.strip_prefix("defaultRouteSettings.")?.to_owned(), drift.to.clone())))
        .collect();
    read(&Value::Object(differing))
}

fn read(settings: &Value) -> Result<RouteSettings, CallError> {
    serde_json::from_value(settings.clone()).map_err(|error| CallError::unbuildable(&UPDATE, error.to_string()))
}

fn access_log(operation: &Operation, want: &StageSpec) -> Result<Option<types::AccessLogSettings>, CallError> {
    let settings = want.access_log_settings.as_ref().map(AccessLogSettings::to_sdk).transpose();
    settings.map_err(|error| CallError::unbuildable(operation, error.to_string()))
}

fn route_settings(operation: &Operation, settings: &RouteSettings) -> Result<types::RouteSettings, CallError> {
    settings.to_sdk().map_err(|error| CallError::unbuildable(operation, error.to_string()))
}

/// What was listed beside a stage.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen<'a> {
    pub(super) deployments: &'a [SdkDeployment],
    pub(super) in_use: Option<&'a BTreeSet<&'a str>>,
}

pub(super) fn observe(aws: &Aws, scope: &str, stage: &SdkStage, seen: &Seen<'_>) -> Result<Object, CallError> {
    let Some(name) = stage.stage_name.clone() else {
        return Err(CallError::nonsense(&GET_STAGES, "a stage without a name"));
    };
    // AWS shows `tags: {}` where there are none; an answer without the member says nothing about tags.
    let (mark, tags) = marked(stage.tags.clone().map(|tags| tags.into_iter().collect()));
    let by_hand = stage.auto_deploy != Some(true);
    let mut ours = Vec::new();
    if let (true, Some(mark)) = (by_hand, mark.present()) {
        let of_mark = |deployment: &SdkDeployment| {
            let digest = mark.deployed(deployment.description.as_deref()?)?;
            Some(own(deployment, digest, seen))
        };
        ours.extend(seen.deployments.iter().filter_map(of_mark));
    }
    let current = ours.iter().find(|one: &&Deployment| Some(one.id.as_str()) == stage.deployment_id.as_deref());
    let readiness = match by_hand {
        true => newest_failure(&ours).map_or(Readiness::Ready, |failed| {
            Readiness::NotReady(Cause::new("DeploymentFailed", failure(&failed.id, &failed.message)))
        }),
        false => deployed(stage.last_deployment_status_message.as_deref()),
    };
    let shown = StageSpec {
        stage_name: Some(name.clone()),
        auto_deploy: Some(stage.auto_deploy.unwrap_or(false)),
        description: stage.description.clone(),
        stage_variables: stage.stage_variables.clone().map(|variables| variables.into_iter().collect()),
        access_log_settings: stage.access_log_settings.as_ref().map(AccessLogSettings::from_sdk),
        default_route_settings: stage.default_route_settings.as_ref().map(RouteSettings::from_sdk),
        route_settings: stage
            .route_settings
            .as_ref()
            .map(|routes| routes.iter().map(|(key, settings)| (key.clone(), RouteSettings::from_sdk(settings))).collect()),
        deployment_digest: current.map(|current| current.digest.clone()),
        deployments: (!ours.is_empty()).then(|| serde_json::to_value(&ours).unwrap_or_default()),
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
        readiness,
        created_at_ms: stage.created_date.and_then(|date| date.to_millis().ok()),
        uses: BTreeSet::from([scope.to_owned()]),
        members: normalise(&TABLE, members(&shown)),
        outputs: BTreeMap::from([(OUTPUT_NAME.to_owned(), name)]),
    })
}

fn own(deployment: &SdkDeployment, digest: &str, seen: &Seen<'_>) -> Deployment {
    let id = deployment.deployment_id.clone().unwrap_or_default();
    Deployment {
        digest: digest.to_owned(),
        status: deployment.deployment_status.as_ref().map_or("", DeploymentStatus::as_str).to_owned(),
        message: deployment.deployment_status_message.clone().unwrap_or_default(),
        created_at_ms: deployment.created_date.and_then(|date| date.to_millis().ok()).unwrap_or_default(),
        in_use: seen.in_use.is_some_and(|in_use| in_use.contains(id.as_str())),
        id,
    }
}

/// AWS says how the last automatic deployment went in one sentence; nothing said is no failure.
fn deployed(message: Option<&str>) -> Readiness {
    match message {
        Some(message) if message.contains("failed") => Readiness::NotReady(Cause::new("DeploymentFailed", message)),
        _ => Readiness::Ready,
    }
}
