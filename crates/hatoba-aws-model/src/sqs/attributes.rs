//! The life of queues, and their attributes.

use super::queue::Queue;
use super::{Call, Sqs, arn_of, errors};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use crate::page::{self, Asked, BadToken, Entry};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Attributes that are numbers: default, smallest, largest.
const NUMBERS: &[(&str, u64, u64, u64)] = &[
    ("DelaySeconds", 0, 0, 900),
    ("MaximumMessageSize", 1_048_576, 1024, 1_048_576),
    ("MessageRetentionPeriod", 345_600, 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 0, 20),
    ("VisibilityTimeout", 30, 0, 43_200),
];

/// Attributes that are kept as they are.
const TEXTS: &[&str] = &["KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "Policy", "SqsManagedSseEnabled"];

/// Attributes whose effect the model does not have.
const ABSENT: &[&str] = &[
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoQueue",
    "FifoThroughputLimit",
    "RedriveAllowPolicy",
    "RedrivePolicy",
];

/// After a purge the next has to wait.
const BETWEEN_PURGES: Duration = Duration::from_secs(60);

/// Queues of one list.
const LISTED_MAX: i64 = 1000;

/// The default of an attribute that is a number.
pub(super) fn number(name: &str) -> u64 {
    NUMBERS.iter().find(|(known, ..)| *known == name).map_or(0, |(_, default, ..)| *default)
}

impl Sqs {
    /// Answers with the queue there is when the attributes given are the ones it has.
    pub(super) fn create(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Outcome {
        let name = object::text(call.input, "QueueName").ok_or_else(|| errors::missing("QueueName"))?;
        let is_good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.ends_with(".fifo") {
            return Err(errors::unsupported("FIFO queues"));
        }
        if !(1..=80).contains(&name.len()) || !name.chars().all(is_good) {
            return Err(errors::invalid(
                "QueueName",
                name,
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
            ));
        }
        let attributes = checked(call.input)?;
        match self.queues.get(name) {
            Some(queue)
                if attributes.iter().any(|(name, value)| queue.shown(name).as_ref() != Some(value)) =>
            {
                let message =
                    "A queue already exists with the same name and a different value for an attribute";
                return Err(Failure::client("QueueNameExists", message));
            }
            Some(_) => {}
            None => {
                self.queues.insert(name.to_owned(), Queue { attributes, ..Queue::new(env.now) });
            }
        }
        Ok(object::only("QueueUrl", url(name, call, env)))
    }

    pub(super) fn delete(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Outcome {
        self.queue(call, env)?;
        let url = object::text_or_empty(call.input, "QueueUrl");
        self.queues.remove(url.rsplit('/').next().unwrap_or_default());
        Ok(Object::new())
    }

    pub(super) fn list(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Outcome {
        let prefix = object::text_or_empty(call.input, "QueueNamePrefix");
        let names = self.queues.iter().filter(|(name, _)| name.starts_with(prefix));
        let entries = names
            .map(|(name, queue)| Entry {
                key: name.clone(),
                created: queue.created,
                value: Value::String(url(name, call, env)),
            })
            .collect();
        let asked = Asked {
            service: "sqs",
            operation: "ListQueues",
            limit: usize::try_from(whole(call.input, "MaxResults", 1, LISTED_MAX)?.unwrap_or(1000))
                .unwrap_or(1),
            token: object::text(call.input, "NextToken"),
        };
        let page = page::cut(entries, &asked, env)
            .map_err(|BadToken| errors::invalid("NextToken", "", "It is not one that was given out"))?;
        Ok(page.into_output("QueueUrls", "NextToken"))
    }

    pub(super) fn url(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Outcome {
        let name = object::text(call.input, "QueueName").ok_or_else(|| errors::missing("QueueName"))?;
        let owner = object::text(call.input, "QueueOwnerAWSAccountId").unwrap_or(&env.config.account);
        if owner != env.config.account || !self.queues.contains_key(name) {
            return Err(errors::no_such_queue());
        }
        Ok(object::only("QueueUrl", url(name, call, env)))
    }

    pub(super) fn attributes(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Outcome {
        let now = env.now;
        let queue = self.queue(call, env)?;
        let visible = queue.messages.iter().filter(|message| message.visible <= now).count();
        let in_flight = queue.messages.iter().filter(|message| message.is_in_flight(now)).count();
        let delayed = queue.messages.len() - visible - in_flight;
        let mut all: BTreeMap<String, String> = queue.settings();
        let name = object::text_or_empty(call.input, "QueueUrl").rsplit('/').next().unwrap_or_default();
        for (key, value) in [
            ("ApproximateNumberOfMessages", visible.to_string()),
            ("ApproximateNumberOfMessagesDelayed", delayed.to_string()),
            ("ApproximateNumberOfMessagesNotVisible", in_flight.to_string()),
            ("CreatedTimestamp", queue.created.as_secs().to_string()),
            ("LastModifiedTimestamp", queue.modified.as_secs().to_string()),
            ("QueueArn", arn_of(name, env)),
        ] {
            all.insert(key.to_owned(), value);
        }
        let asked = object::texts(call.input, "AttributeNames");
        if let Some(unknown) = asked.iter().find(|name| !is_known(name) && !all.contains_key(**name)) {
            return Err(Failure::client("InvalidAttributeName", format!("Unknown Attribute {unknown}.")));
        }
        all.retain(|name, _| asked.iter().any(|asked| asked == name || *asked == "All"));
        let shown: Object = all.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        Ok(if shown.is_empty() { Object::new() } else { object::only("Attributes", shown) })
    }

    pub(super) fn set_attributes(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Outcome {
        let attributes = checked(call.input)?;
        let now = env.now;
        let queue = self.queue(call, env)?;
        queue.modified = now;
        queue.attributes.extend(attributes);
        queue.attributes.retain(|_, value| !value.is_empty());
        Ok(Object::new())
    }

    pub(super) fn purge(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Outcome {
        let now = env.now;
        let queue = self.queue(call, env)?;
        if queue.purged.is_some_and(|before| now.saturating_sub(before) < BETWEEN_PURGES) {
            return Err(Failure::client(
                "PurgeQueueInProgress",
                "Only one PurgeQueue operation on this queue is allowed every 60 seconds.",
            ));
        }
        queue.purged = Some(now);
        queue.messages.clear();
        Ok(Object::new())
    }
}

impl Queue {
    /// Everything that can be set, with AWS's defaults.
    fn settings(&self) -> BTreeMap<String, String> {
        let defaults = NUMBERS.iter().map(|(name, default, ..)| ((*name).to_owned(), default.to_string()));
        let mut all: BTreeMap<String, String> = defaults.collect();
        all.insert("SqsManagedSseEnabled".to_owned(), "true".to_owned());
        all.extend(self.attributes.clone());
        all
    }

    fn shown(&self, name: &str) -> Option<String> {
        self.settings().remove(name)
    }
}

fn is_known(name: &str) -> bool {
    name == "All"
        || TEXTS.contains(&name)
        || ABSENT.contains(&name)
        || NUMBERS.iter().any(|(known, ..)| *known == name)
}

fn url(name: &str, call: &Call<'_>, env: &Env<'_>) -> String {
    format!("{}/{}/{name}", call.base, env.config.account)
}

/// The attributes that a call sets.
fn checked(input: &Object) -> Result<BTreeMap<String, String>, Failure> {
    let mut checked = BTreeMap::new();
    for (name, value) in object::object(input, "Attributes").into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        if ABSENT.contains(&name.as_str()) {
            return Err(errors::unsupported(name));
        }
        let number = NUMBERS.iter().find(|(known, ..)| known == name);
        let is_good = match number {
            Some((_, _, least, most)) => {
                value.parse().is_ok_and(|number: u64| (*least..=*most).contains(&number))
            }
            None if name == "Policy" => value.is_empty() || serde_json::from_str::<Value>(value).is_ok(),
            None if TEXTS.contains(&name.as_str()) => true,
            None => {
                return Err(Failure::client("InvalidAttributeName", format!("Unknown Attribute {name}.")));
            }
        };
        if !is_good {
            let message = format!("Invalid value for the parameter {name}.");
            return Err(Failure::client("InvalidAttributeValue", message));
        }
        checked.insert(name.clone(), value.to_owned());
    }
    Ok(checked)
}

/// A whole number of a call, both ends included.
pub(super) fn whole(input: &Object, name: &str, least: i64, most: i64) -> Result<Option<u64>, Failure> {
    match input.get(name) {
        None => Ok(None),
        Some(value) => match value.as_i64().filter(|number| (least..=most).contains(number)) {
            Some(number) => Ok(u64::try_from(number).ok()),
            None => {
                let reason = format!("Must be between {least} and {most}, if provided.");
                Err(errors::invalid(name, &value.to_string(), &reason))
            }
        },
    }
}
