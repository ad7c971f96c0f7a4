//! What is served: the API as its deployments hold it.
//!
//! A deployment keeps the API, its routes, integrations and authorizers as they were when it was made. What is written
//! afterwards is served with the next deployment, not before. Stage settings and VPC links are no part of it.

use super::{Api, ApiGateway, Event, Table};
use crate::env::Env;
use crate::object::{self, Object};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The API as one deployment holds it. Deployments share what did not change between them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deployed {
    api: Arc<Object>,
    routes: Vec<Arc<Object>>,
    integrations: Vec<Arc<Object>>,
    authorizers: Vec<Arc<Object>>,
}

/// The deployments' contents by deployment id.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    held: BTreeMap<String, Deployed>,
    last: Deployed,
}

impl Snapshots {
    /// Every deployment's content.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Deployed)> {
        self.held.iter()
    }
}

impl Deployed {
    /// Routes, integrations and authorizers by id.
    pub(super) fn dump(&self) -> Object {
        let bodies = |list: &[Arc<Object>], member: &str| -> Object {
            let named = |body: &Arc<Object>| {
                let id = object::text(body, member).unwrap_or_default().to_owned();
                (id, Value::Object(body.as_ref().clone()))
            };
            list.iter().map(named).collect()
        };
        let mut copy = Object::new();
        object::set(&mut copy, "routes", bodies(&self.routes, "routeId"));
        object::set(&mut copy, "integrations", bodies(&self.integrations, "integrationId"));
        object::set(&mut copy, "authorizers", bodies(&self.authorizers, "authorizerId"));
        copy
    }

    fn of(api: &Api, before: &Self) -> Self {
        Self {
            api: if *before.api == api.record.body {
                Arc::clone(&before.api)
            } else {
                Arc::new(api.record.body.clone())
            },
            routes: shared(&api.routes, &before.routes, "routeId"),
            integrations: shared(&api.integrations, &before.integrations, "integrationId"),
            authorizers: shared(&api.authorizers, &before.authorizers, "authorizerId"),
        }
    }

    /// The API's own members.
    pub(crate) fn api(&self) -> &Object {
        &self.api
    }

    pub(crate) fn routes(&self) -> impl Iterator<Item = &Object> {
        self.routes.iter().map(Arc::as_ref)
    }

    pub(crate) fn integration(&self, id: &str) -> Option<&Object> {
        by_id(&self.integrations, "integrationId", id)
    }

    pub(crate) fn authorizer(&self, id: &str) -> Option<&Object> {
        by_id(&self.authorizers, "authorizerId", id)
    }
}

fn by_id<'a>(list: &'a [Arc<Object>], member: &str, id: &str) -> Option<&'a Object> {
    list.iter().map(Arc::as_ref).find(|body| object::text(body, member) == Some(id))
}

/// The bodies of a table; those that are as before are not copied.
fn shared(table: &Table, before: &[Arc<Object>], id: &str) -> Vec<Arc<Object>> {
    let known: BTreeMap<&str, &Arc<Object>> =
        before.iter().map(|body| (object::text_or_empty(body, id), body)).collect();
    table
        .iter()
        .map(|(id, record)| match known.get(id.as_str()) {
            Some(same) if ***same == record.body => Arc::clone(same),
            _ => Arc::new(record.body.clone()),
        })
        .collect()
}

impl Api {
    /// Keeps the API as it is now under a deployment's id.
    pub(super) fn keep_for(&mut self, deployment: &str) {
        let now = Deployed::of(self, &self.snapshots.last);
        self.snapshots.held.insert(deployment.to_owned(), now.clone());
        self.snapshots.last = now;
    }

    /// Forgets what a deployment held.
    pub(super) fn forget(&mut self, deployment: &str) {
        self.snapshots.held.remove(deployment);
    }
}

impl ApiGateway {
    /// Whether an API has a stage of that name.
    pub(crate) fn has_stage(&self, api: &str, stage: &str) -> bool {
        self.apis.get(api).is_some_and(|api| api.stages.contains_key(stage))
    }

    /// A stage's settings, and what it serves; `None` when there is no such stage or nothing is deployed to it.
    pub(crate) fn served(&self, api: &str, stage: &str) -> Option<(&Object, &Deployed)> {
        let api = self.apis.get(api)?;
        let settings = &api.stages.get(stage)?.body;
        let deployment = object::text(settings, "deploymentId")?;
        Some((settings, api.snapshots.held.get(deployment)?))
    }

    /// Sends traffic through a VPC link; whether it arrives. An INACTIVE link gets its network interfaces back because
    /// of it, which takes as long as making it did.
    pub(crate) fn pass_link(&mut self, id: &str, env: &mut Env<'_>) -> bool {
        let Some(link) = self.vpc_links.get_mut(id) else { return false };
        match object::text_or_empty(&link.body, "vpcLinkStatus") {
            "AVAILABLE" => true,
            "INACTIVE" => {
                object::set(&mut link.body, "vpcLinkStatus", "PENDING");
                object::set(&mut link.body, "vpcLinkStatusMessage", "VPC link is provisioning ENIs");
                let settles = Event::VpcLinkSettles { id: id.to_owned(), failure: None };
                env.after(env.config.delays.vpc_link, settles);
                false
            }
            _ => false,
        }
    }
}
