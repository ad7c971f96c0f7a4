//! What goes wrong on order.

use crate::failure::Failure;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Orders for failures, to be carried out by the calls that follow.
///
/// An operation is named as in AWS's models (`CreateApi`); where two services share a name, `ecs.CreateService` or
/// `servicediscovery.CreateService` says which. `*` means every operation.
#[derive(Debug, Default)]
pub struct Faults {
    orders: Vec<Order>,
    hidden: BTreeMap<String, Duration>,
    vpc_links: VecDeque<String>,
    rollouts: VecDeque<Rollout>,
    revisions: BTreeMap<String, String>,
    operations: VecDeque<(String, String)>,
    deployments: VecDeque<String>,
    overlap_allowed: bool,
    denied: BTreeSet<String>,
    events_lost: usize,
    messages_repeated: usize,
    is_newest_first: bool,
    account: Option<String>,
}

#[derive(Debug)]
struct Order {
    operation: String,
    times: usize,
    effect: Effect,
}

/// What an ordered fault does to a call.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Fail(Failure),
    Lose,
    Hang,
    BreakOff,
}

/// How an ordered rollout goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Rollout {
    /// Tasks stop instead of reaching RUNNING, for this reason.
    Fails(String),
    /// Tasks stay PENDING for ever.
    Sticks,
}

impl Faults {
    /// The next `times` calls of `operation` are not carried out and answer this error.
    pub fn fail(&mut self, operation: &str, times: usize, status: u16, code: &str, message: &str) {
        self.order(operation, times, Effect::Fail(Failure::new(status, code, message)));
    }

    /// The next `times` calls of `operation` are carried out, and their answers lost.
    pub fn lose_answer(&mut self, operation: &str, times: usize) {
        self.order(operation, times, Effect::Lose);
    }

    /// The next `times` calls of `operation` are carried out, and their answers end in the middle.
    pub fn break_off(&mut self, operation: &str, times: usize) {
        self.order(operation, times, Effect::BreakOff);
    }

    /// The next `times` calls of `operation` are not carried out and never answered.
    pub fn hang(&mut self, operation: &str, times: usize) {
        self.order(operation, times, Effect::Hang);
    }

    /// From now on STS says that callers are of this account; `None`: of the world's own.
    pub fn callers_are_of(&mut self, account: Option<&str>) {
        self.account = account.map(str::to_owned);
    }

    /// The account that STS says callers are of, if that was ordered.
    pub(crate) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The next VPC link created ends FAILED with this status message.
    pub fn vpc_link_fails(&mut self, message: &str) {
        self.vpc_links.push_back(message.to_owned());
    }

    /// The next deployment of an HTTP API that is asked for ends FAILED with this status message.
    pub fn deployment_fails(&mut self, message: &str) {
        self.deployments.push_back(message.to_owned());
    }

    /// The tasks of the next ECS deployment stop before they run, with this reason. What follows is the service's
    /// circuit breaker's decision.
    pub fn rollout_fails(&mut self, reason: &str) {
        self.rollouts.push_back(Rollout::Fails(reason.to_owned()));
    }

    /// From now on tasks of this task definition (`web:7`) stop before they run, with this reason, in every service.
    pub fn revision_fails(&mut self, definition: &str, reason: &str) {
        self.revisions.insert(definition.to_owned(), reason.to_owned());
    }

    /// The tasks of the next ECS deployment stay PENDING.
    pub fn rollout_sticks(&mut self) {
        self.rollouts.push_back(Rollout::Sticks);
    }

    /// The next Cloud Map operation to be accepted ends FAIL with this error code and message.
    pub fn cloud_map_operation_fails(&mut self, code: &str, message: &str) {
        self.operations.push_back((code.to_owned(), message.to_owned()));
    }

    /// The list `operation` does not show what was created less than `age` ago.
    pub fn hide_from_lists(&mut self, operation: &str, age: Duration) {
        self.hidden.insert(operation.to_owned(), age);
    }

    /// Whether overlapping writes to one HTTP API are refused with 409. They are, unless switched off here.
    pub fn refuse_overlapping_writes(&mut self, refuse: bool) {
        self.overlap_allowed = !refuse;
    }

    /// From now on, until [`allow`](Self::allow), calls of `operation` are refused for want of permission. Whoever may
    /// not `s3.ListObjectsV2` is told 403, not 404, of objects that are not there.
    pub fn deny(&mut self, operation: &str) {
        self.denied.insert(operation.to_owned());
    }

    /// Lifts a [`deny`](Self::deny) of the same words.
    pub fn allow(&mut self, operation: &str) {
        self.denied.remove(operation);
    }

    /// The next `times` changes in a bucket that a queue would hear of are not told.
    pub fn events_are_lost(&mut self, times: usize) {
        self.events_lost += times;
    }

    /// The next `times` messages to be received stay visible, so that they are received twice.
    pub fn messages_repeat(&mut self, times: usize) {
        self.messages_repeated += times;
    }

    /// Whether queues give their newest message first. They give the oldest, unless switched here.
    pub fn newest_messages_first(&mut self, newest: bool) {
        self.is_newest_first = newest;
    }

    /// Takes back every order.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn order(&mut self, operation: &str, times: usize, effect: Effect) {
        self.orders.push(Order { operation: operation.to_owned(), times, effect });
    }

    /// Uses up one order for this call, if there is one.
    pub(crate) fn take(&mut self, service: &str, operation: &str) -> Option<Effect> {
        let qualified = format!("{service}.{operation}");
        let at = self.orders.iter().position(|order| {
            order.times > 0 && [operation, qualified.as_str(), "*"].contains(&order.operation.as_str())
        })?;
        let order = self.orders.get_mut(at)?;
        order.times -= 1;
        let effect = order.effect.clone();
        if order.times == 0 {
            self.orders.remove(at);
        }
        Some(effect)
    }

    /// How long the list `operation` of `service` hides what is new.
    pub(crate) fn hidden(&self, service: &str, operation: &str) -> Duration {
        let qualified = format!("{service}.{operation}");
        self.hidden.get(operation).or_else(|| self.hidden.get(&qualified)).copied().unwrap_or_default()
    }

    pub(crate) fn take_vpc_link_failure(&mut self) -> Option<String> {
        self.vpc_links.pop_front()
    }

    pub(crate) fn take_deployment_failure(&mut self) -> Option<String> {
        self.deployments.pop_front()
    }

    pub(crate) fn take_rollout(&mut self) -> Option<Rollout> {
        self.rollouts.pop_front()
    }

    /// Why tasks of this definition (by ARN) fail.
    pub(crate) fn revision_failure(&self, arn: &str) -> Option<String> {
        let short = arn.rsplit('/').next().unwrap_or(arn);
        self.revisions.get(short).cloned()
    }

    pub(crate) fn take_operation_failure(&mut self) -> Option<(String, String)> {
        self.operations.pop_front()
    }

    pub(crate) fn overlap_allowed(&self) -> bool {
        self.overlap_allowed
    }

    pub(crate) fn is_denied(&self, service: &str, operation: &str) -> bool {
        let qualified = format!("{service}.{operation}");
        [operation, qualified.as_str(), "*"].iter().any(|name| self.denied.contains(*name))
    }

    pub(crate) fn take_lost_event(&mut self) -> bool {
        take_one(&mut self.events_lost)
    }

    pub(crate) fn take_repeated_message(&mut self) -> bool {
        take_one(&mut self.messages_repeated)
    }

    pub(crate) fn is_newest_first(&self) -> bool {
        self.is_newest_first
    }
}

fn take_one(left: &mut usize) -> bool {
    let is_left = *left > 0;
    *left = left.saturating_sub(1);
    is_left
}
