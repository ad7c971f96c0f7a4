//! SQS: standard queues, from which a message is received until it is deleted.
//!
//! **Invariant.** A message that was received and not deleted comes back when its visibility timeout is over: delivery is
//! at least once. A long poll is no state of a queue: whoever waits asks again.

mod attributes;
mod errors;
mod messages;
mod policy;
mod queue;
#[cfg(test)]
mod tests;

pub(crate) use errors::{query_code, shape};

use crate::env::Env;
use crate::failure::{Failure, Output};
use crate::object::{self, Object};
use queue::Queue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Sqs {
    queues: BTreeMap<String, Queue>,
}

/// One call.
pub(crate) struct Call<'a> {
    pub(crate) operation: &'a str,
    pub(crate) input: &'a Object,
    /// Scheme and host that the request came to.
    pub(crate) base: &'a str,
    /// When a long poll that goes on is to end.
    pub(crate) deadline: Option<Duration>,
}

impl Sqs {
    /// Carries out one call; `None` for an operation the model does not have.
    pub(crate) fn call(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Option<Result<Output, Failure>> {
        let outcome = match call.operation {
            "ReceiveMessage" => return Some(self.receive(call, env)),
            "CreateQueue" => self.create(call, env),
            "DeleteQueue" => self.delete(call, env),
            "ListQueues" => self.list(call, env),
            "GetQueueUrl" => self.url(call, env),
            "GetQueueAttributes" => self.attributes(call, env),
            "SetQueueAttributes" => self.set_attributes(call, env),
            "SendMessage" => self.send(call, env),
            "DeleteMessage" => self.delete_message(call, env),
            "DeleteMessageBatch" => self.delete_messages(call, env),
            "ChangeMessageVisibility" => self.change_visibility(call, env),
            "PurgeQueue" => self.purge(call, env),
            _ => return None,
        };
        Some(outcome.map(Output::Members))
    }

    /// Puts a message of S3's into a queue, if it is there.
    pub(crate) fn deliver(&mut self, arn: &str, body: &str, id: &str, env: &Env<'_>) {
        let name = arn.rsplit(':').next().unwrap_or_default();
        if let Some(queue) = self.queues.get_mut(name).filter(|_| arn == arn_of(name, env)) {
            queue.push(body, id, Duration::ZERO, env.now);
        }
    }

    /// Whether S3 may send to this queue.
    pub(crate) fn lets_s3_in(&self, arn: &str) -> bool {
        let name = arn.rsplit(':').next().unwrap_or_default();
        let queue = self.queues.get(name);
        queue
            .and_then(|queue| queue.attributes.get("Policy"))
            .is_some_and(|policy| policy::lets_s3_in(policy))
    }

    /// The ARN of a queue that S3 may send to; makes it if need be.
    pub(crate) fn ensure_for_s3(&mut self, name: &str, env: &Env<'_>) -> String {
        let arn = arn_of(name, env);
        let queue = self.queues.entry(name.to_owned()).or_insert_with(|| Queue::new(env.now));
        queue.attributes.entry("Policy".to_owned()).or_insert_with(|| {
            json!({
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow", "Principal": { "Service": "s3.amazonaws.com" }, "Action": "sqs:SendMessage",
                    "Resource": arn,
                }],
            })
            .to_string()
        });
        arn
    }

    pub(crate) fn dump(&self, now: Duration) -> Value {
        let queues: Object =
            self.queues.iter().map(|(name, queue)| (name.clone(), queue.dump(now))).collect();
        json!({ "queues": queues })
    }

    /// The queue that a call names by its URL, whose last two segments are account and name.
    fn queue(&mut self, call: &Call<'_>, env: &Env<'_>) -> Result<&mut Queue, Failure> {
        let url = object::text(call.input, "QueueUrl").ok_or_else(|| errors::missing("QueueUrl"))?;
        let mut segments = url.rsplit('/');
        let (name, account) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        let queue = self.queues.get_mut(name).filter(|_| account == env.config.account);
        let queue = queue.ok_or_else(errors::no_such_queue)?;
        queue.expire(env.now);
        Ok(queue)
    }
}

fn arn_of(name: &str, env: &Env<'_>) -> String {
    format!("arn:aws:sqs:{}:{}:{name}", env.config.region, env.config.account)
}
