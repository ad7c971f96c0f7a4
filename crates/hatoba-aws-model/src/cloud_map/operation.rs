//! Operations: what Cloud Map has accepted and will do.

use super::{CloudMap, Event, invalid};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use crate::time;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Operation {
    pub(super) body: Object,
    pub(super) created: Duration,
    takes: Duration,
    pub(super) effect: Effect,
    /// The request and its token, for repetitions of a create.
    pub(super) asked: Option<(String, Object)>,
    failure: Option<(String, String)>,
}

/// What an operation does when it succeeds.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    CreateNamespace { id: String, body: Object, vpc: Option<String>, tags: BTreeMap<String, String> },
    UpdateNamespace { id: String, change: Object },
    DeleteNamespace { id: String },
    UpdateService { id: String, change: Object },
    Register { service: String, id: String, attributes: Object },
    Deregister { service: String, id: String },
}

impl Effect {
    /// Type, target kind, and the key that identifies the target.
    fn target(&self) -> (&'static str, &'static str, &str, String) {
        match self {
            Self::CreateNamespace { id, .. } => ("CREATE_NAMESPACE", "NAMESPACE", id, id.clone()),
            Self::UpdateNamespace { id, .. } => ("UPDATE_NAMESPACE", "NAMESPACE", id, id.clone()),
            Self::DeleteNamespace { id } => ("DELETE_NAMESPACE", "NAMESPACE", id, id.clone()),
            Self::UpdateService { id, .. } => ("UPDATE_SERVICE", "SERVICE", id, id.clone()),
            Self::Register { service, id, .. } => {
                ("REGISTER_INSTANCE", "INSTANCE", id, format!("{service}/{id}"))
            }
            Self::Deregister { service, id } => {
                ("DEREGISTER_INSTANCE", "INSTANCE", id, format!("{service}/{id}"))
            }
        }
    }
}

impl CloudMap {
    /// Accepts an operation, unless one on the same target is in flight.
    pub(super) fn accept(
        &mut self,
        effect: Effect,
        takes: Duration,
        asked: Option<(String, Object)>,
        env: &mut Env<'_>,
    ) -> Outcome {
        let (kind, target_kind, target, key) = effect.target();
        if let Some((id, other)) =
            self.operations.iter().find(|(_, op)| op.pending() && op.effect.target().3 == key)
        {
            if other.effect.target().0 == kind {
                return Err(duplicate(id));
            }
            return Err(Failure::client(
                "ResourceInUse",
                format!("Another operation is in progress on {target}."),
            ));
        }
        let id = format!("{}-{}", env.ids.lower(32), env.ids.lower(8));
        let mut targets = object::only(target_kind, target);
        if let Effect::Register { service, .. } | Effect::Deregister { service, .. } = &effect {
            object::set(&mut targets, "SERVICE", service.as_str());
        }
        let mut body = Object::new();
        object::set(&mut body, "Id", id.as_str());
        object::set(&mut body, "OwnerAccount", env.config.account.as_str());
        object::set(&mut body, "Type", kind);
        object::set(&mut body, "Status", "SUBMITTED");
        object::set(&mut body, "CreateDate", time::epoch(env.now));
        object::set(&mut body, "UpdateDate", time::epoch(env.now));
        object::set(&mut body, "Targets", targets);
        let failure = env.faults.take_operation_failure();
        let operation = Operation { body, created: env.now, takes, effect, asked, failure };
        self.operations.insert(id.clone(), operation);
        env.after(takes, Event::OperationEnds { id: id.clone() });
        Ok(object::only("OperationId", id))
    }

    /// Ends an operation: its effect, and SUCCESS or FAIL.
    pub(super) fn end_operation(&mut self, id: &str, env: &mut Env<'_>) {
        let Some(operation) = self.operations.get(id) else { return };
        let outcome = match operation.failure.clone() {
            Some(failure) => Err(failure),
            None => self.carry_out(operation.effect.clone(), env.now),
        };
        let Some(operation) = self.operations.get_mut(id) else { return };
        let status = if outcome.is_ok() { "SUCCESS" } else { "FAIL" };
        object::set(&mut operation.body, "Status", status);
        object::set(&mut operation.body, "UpdateDate", time::epoch(env.now));
        if let Err((code, message)) = outcome {
            object::set(&mut operation.body, "ErrorCode", code);
            object::set(&mut operation.body, "ErrorMessage", message);
        }
    }

    fn carry_out(&mut self, effect: Effect, now: Duration) -> Result<(), (String, String)> {
        match effect {
            Effect::CreateNamespace { id, body, vpc, tags } => {
                return self.finish_create_namespace(id, body, vpc, tags, now);
            }
            Effect::UpdateNamespace { id, change } => self.finish_update_namespace(&id, &change),
            Effect::DeleteNamespace { id } => self.finish_delete_namespace(&id),
            Effect::UpdateService { id, change } => self.finish_update_service(&id, &change),
            Effect::Register { service, id, attributes } => self.put_instance(&service, &id, attributes),
            Effect::Deregister { service, id } => self.remove_instance(&service, &id),
        }
        Ok(())
    }

    pub(super) fn get_operation(&self, input: &Object, env: &Env<'_>) -> Outcome {
        let Some(id) = object::text(input, "OperationId") else {
            return Err(invalid("OperationId is required"));
        };
        match self.operations.get(id) {
            Some(operation) => Ok(object::only("Operation", operation.seen(env.now))),
            None => Err(Failure::client("OperationNotFound", format!("Operation {id} not found."))),
        }
    }

    /// The operation in flight or done that a create with this token began.
    pub(super) fn asked_before(&self, token: &str) -> Option<(&String, &Operation)> {
        self.operations.iter().find(|(_, op)| op.asked.as_ref().is_some_and(|(asked, _)| asked == token))
    }
}

impl Operation {
    pub(super) fn pending(&self) -> bool {
        object::text(&self.body, "Status") == Some("SUBMITTED")
    }

    pub(super) fn failed(&self) -> bool {
        object::text(&self.body, "Status") == Some("FAIL")
    }

    /// The operation as GetOperation shows it: SUBMITTED for the first quarter of its time, then PENDING.
    pub(super) fn seen(&self, now: Duration) -> Object {
        let mut body = self.body.clone();
        if self.pending() && now.saturating_sub(self.created) >= self.takes / 4 {
            object::set(&mut body, "Status", json!("PENDING"));
        }
        body
    }
}

/// The refusal that names the operation in flight.
pub(super) fn duplicate(id: &str) -> Failure {
    Failure::client("DuplicateRequest", "The operation is already in progress.")
        .with("DuplicateOperationId", id)
}
