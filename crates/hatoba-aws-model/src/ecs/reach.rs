//! What a request finds of a task.

use super::Ecs;
use crate::object::{self, Object};

/// A task as the one who answers a request.
pub(crate) struct Answering<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) service: &'a str,
    pub(crate) definition: &'a str,
    /// Its containers run: RUNNING, or DEACTIVATING until they have stopped.
    pub(crate) is_up: bool,
}

impl Ecs {
    /// The task with this id.
    pub(crate) fn answering(&self, task: &str) -> Option<Answering<'_>> {
        let task = self.tasks.get(task)?;
        Some(Answering {
            cluster: &task.service.0,
            service: &task.service.1,
            definition: super::name_of(object::text_or_empty(&task.body, "taskDefinitionArn")),
            is_up: matches!(task.status(), "RUNNING" | "DEACTIVATING"),
        })
    }

    /// A service's groups and subnets, where its tasks have network interfaces of their own.
    pub(crate) fn network(&self, cluster: &str, service: &str) -> Option<&Object> {
        let service = self.services.get(&(cluster.to_owned(), service.to_owned()))?;
        object::object(object::object(&service.body, "networkConfiguration")?, "awsvpcConfiguration")
    }
}
