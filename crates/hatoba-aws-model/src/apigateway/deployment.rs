//! Deployments, those asked for and the automatic ones.

use super::{
    Api, ApiGateway, Event, Record, RestCall, bad_request, check_patch, label, list, no_child, set_or_clear,
};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule, Shape, optional};
use crate::time;
use serde_json::Value;

const RULES: &[Rule] =
    &[optional("description", Shape::Text(0, 1024)), optional("stageName", Shape::Text(1, 128))];

const NO_ROUTES: &str = "Unable to deploy API because no routes exist in this API";

impl ApiGateway {
    pub(super) fn deployment_call(&mut self, call: RestCall, env: &mut Env<'_>) -> Outcome {
        let id = label(&call, 1).to_owned();
        let api_id = label(&call, 0).to_owned();
        let api = self.api_mut(&api_id, env)?;
        match call.operation {
            "CreateDeployment" => create(api, &api_id, call.body, env),
            "GetDeployments" => list(&call, api.deployments.iter(), env),
            "GetDeployment" => Ok(find(api, &id)?.body.clone()),
            "UpdateDeployment" => update(api, &id, call.body),
            _ => delete(api, &id),
        }
    }

    /// Starts an automatic deployment on every stage that has them switched on.
    pub(super) fn auto_deploy(&mut self, api_id: &str, env: &mut Env<'_>) {
        let Some(api) = self.apis.get(api_id) else { return };
        let stages: Vec<String> = api
            .stages
            .iter()
            .filter(|(_, stage)| object::flag(&stage.body, "autoDeploy"))
            .map(|(name, _)| name.clone())
            .collect();
        for stage in stages {
            self.auto_deploy_stage(api_id, &stage, env);
        }
    }

    /// Starts an automatic deployment on one stage, if it has them switched on. Without routes there is nothing to
    /// deploy: the stage hears of it, and no deployment appears.
    pub(super) fn auto_deploy_stage(&mut self, api_id: &str, stage: &str, env: &mut Env<'_>) {
        let Some(api) = self.apis.get_mut(api_id) else { return };
        if !api.stages.get(stage).is_some_and(|stage| object::flag(&stage.body, "autoDeploy")) {
            return;
        }
        let deployment = if api.routes.is_empty() {
            None
        } else {
            let mut body = new_body(env, true, "PENDING");
            object::set(
                &mut body,
                "description",
                "Automatic deployment triggered by changes to the Api configuration",
            );
            Some(insert(api, body, env))
        };
        let event = Event::AutoDeployed { api: api_id.to_owned(), stage: stage.to_owned(), deployment };
        env.after(env.config.delays.auto_deploy, event);
    }

    /// A deployment that was asked for is done; a stage that it names moves to it, if it went well.
    pub(super) fn finish_deployment(
        &mut self,
        api: &str,
        id: &str,
        stage: Option<&str>,
        failure: Option<String>,
        env: &Env<'_>,
    ) {
        let Some(api) = self.apis.get_mut(api) else { return };
        let Some(record) = api.deployments.get_mut(id) else { return };
        let status = if failure.is_some() { "FAILED" } else { "DEPLOYED" };
        object::set(&mut record.body, "deploymentStatus", status);
        if let Some(failure) = failure {
            object::set(&mut record.body, "deploymentStatusMessage", failure);
            return;
        }
        if let Some(record) = stage.and_then(|name| api.stages.get_mut(name)) {
            object::set(&mut record.body, "deploymentId", id);
            object::set(&mut record.body, "lastUpdatedDate", time::iso(env.now));
            let message = format!("Successfully deployed stage with deployment ID '{id}'");
            object::set(&mut record.body, "lastDeploymentStatusMessage", message);
        }
    }

    pub(super) fn finish_auto_deploy(
        &mut self,
        api: &str,
        stage: &str,
        deployment: Option<&str>,
        env: &Env<'_>,
    ) {
        let Some(api) = self.apis.get_mut(api) else { return };
        if let Some(record) = deployment.and_then(|id| api.deployments.get_mut(id)) {
            object::set(&mut record.body, "deploymentStatus", "DEPLOYED");
        }
        let Some(stage) = api.stages.get_mut(stage) else { return };
        let message = match deployment {
            Some(id) => {
                object::set(&mut stage.body, "deploymentId", id);
                format!("Successfully deployed stage with deployment ID '{id}'")
            }
            None => format!("Deployment attempt failed: {NO_ROUTES}"),
        };
        object::set(&mut stage.body, "lastDeploymentStatusMessage", message);
        object::set(&mut stage.body, "lastUpdatedDate", time::iso(env.now));
    }
}

fn find<'a>(api: &'a Api, id: &str) -> Result<&'a Record, Failure> {
    api.deployments.get(id).ok_or_else(|| no_child("Deployment", id))
}

fn new_body(env: &Env<'_>, automatic: bool, status: &str) -> Object {
    let mut body = Object::new();
    object::set(&mut body, "autoDeployed", automatic);
    object::set(&mut body, "createdDate", time::iso(env.now));
    object::set(&mut body, "deploymentStatus", status);
    body
}

fn insert(api: &mut Api, mut body: Object, env: &mut Env<'_>) -> String {
    let id = env.ids.lower(6);
    object::set(&mut body, "deploymentId", id.as_str());
    api.deployments.insert(id.clone(), Record { body, created: env.now });
    api.keep_for(&id);
    id
}

fn create(api: &mut Api, api_id: &str, input: Object, env: &mut Env<'_>) -> Outcome {
    super::check(&input, RULES)?;
    if api.routes.is_empty() {
        return Err(bad_request(NO_ROUTES));
    }
    let stage = object::text(&input, "stageName").map(str::to_owned);
    if let Some(name) = &stage {
        let Some(found) = api.stages.get(name) else { return Err(no_child("Stage", name)) };
        if object::flag(&found.body, "autoDeploy") {
            return Err(bad_request("Deployment ID cannot be set on stages with AutoDeploy enabled"));
        }
    }
    let mut body = new_body(env, false, "PENDING");
    if let Some(description) = input.get("description").filter(|value| !object::is_empty(value)) {
        object::set(&mut body, "description", description.clone());
    }
    let id = insert(api, body, env);
    let failure = env.faults.take_deployment_failure();
    let event = Event::Deployed { api: api_id.to_owned(), deployment: id.clone(), stage, failure };
    env.after(env.config.delays.deployment, event);
    Ok(find(api, &id)?.body.clone())
}

fn update(api: &mut Api, id: &str, input: Object) -> Outcome {
    find(api, id)?;
    check_patch(&input, RULES)?;
    let Some(record) = api.deployments.get_mut(id) else { return Err(no_child("Deployment", id)) };
    if let Some(description) = input.get("description") {
        set_or_clear(&mut record.body, "description", description.clone());
    }
    Ok(record.body.clone())
}

fn delete(api: &mut Api, id: &str) -> Outcome {
    find(api, id)?;
    let active =
        api.stages.values().any(|stage| stage.body.get("deploymentId").and_then(Value::as_str) == Some(id));
    if active {
        return Err(bad_request("Active stages pointing to this deployment must be moved or deleted"));
    }
    api.deployments.remove(id);
    api.forget(id);
    Ok(Object::new())
}
