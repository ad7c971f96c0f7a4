//! Messages to queues about what changes in a bucket.

use super::list::encode;
use super::{Bucket, Call, S3, Version, empty, xml};
use crate::env::Env;
use crate::failure::{Failure, Output};
use crate::render::{HOST_ID, escape, s3_request_id};
use crate::sqs::Sqs;
use crate::time;
use serde_json::{Value, json};

/// What S3 does later.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Sends a message to a queue, named by its ARN; `id` is the message's.
    Tell { queue: String, body: String, id: String },
}

/// Who hears of a bucket's changes.
#[derive(Debug, Default)]
pub(super) struct Notifications {
    queues: Vec<Listener>,
    /// EventBridge is told, too; nothing listens there.
    has_bus: bool,
}

/// A queue that hears of some changes.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    pub(super) id: String,
    pub(super) queue: String,
    pub(super) events: Vec<String>,
    pub(super) prefix: String,
    pub(super) suffix: String,
}

/// A change that can be heard of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Put,
    Copy,
    Delete,
    Mark,
}

impl Change {
    /// As in messages; configurations have `s3:` in front.
    fn name(self) -> &'static str {
        match self {
            Self::Put => "ObjectCreated:Put",
            Self::Copy => "ObjectCreated:Copy",
            Self::Delete => "ObjectRemoved:Delete",
            Self::Mark => "ObjectRemoved:DeleteMarkerCreated",
        }
    }
}

impl Listener {
    fn hears(&self, key: &str, change: Change) -> bool {
        key.starts_with(&self.prefix)
            && key.ends_with(&self.suffix)
            && self.events.iter().any(|event| covers(event, &format!("s3:{}", change.name())))
    }

    /// Whether one change could be told by both.
    fn overlaps(&self, other: &Self) -> bool {
        let nested = |a: &str, b: &str, within: fn(&str, &str) -> bool| within(a, b) || within(b, a);
        self.events.iter().any(|a| other.events.iter().any(|b| covers(a, b) || covers(b, a)))
            && nested(&self.prefix, &other.prefix, |a, b| a.starts_with(b))
            && nested(&self.suffix, &other.suffix, |a, b| a.ends_with(b))
    }

    fn document(&self) -> String {
        let events: String = self.events.iter().map(|event| format!("<Event>{event}</Event>")).collect();
        let rules: String = [("prefix", &self.prefix), ("suffix", &self.suffix)]
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| {
                format!("<FilterRule><Name>{name}</Name><Value>{}</Value></FilterRule>", escape(value))
            })
            .collect();
        let filter =
            if rules.is_empty() { rules } else { format!("<Filter><S3Key>{rules}</S3Key></Filter>") };
        format!(
            "<QueueConfiguration><Id>{}</Id><Queue>{}</Queue>{events}{filter}</QueueConfiguration>",
            escape(&self.id),
            escape(&self.queue)
        )
    }
}

fn covers(configured: &str, event: &str) -> bool {
    configured.strip_suffix('*').map_or(configured == event, |start| event.starts_with(start))
}

impl S3 {
    pub(super) fn bucket_notification(&self, call: &Call, env: &Env<'_>) -> Result<Output, Failure> {
        let notifications = &self.bucket(call, env)?.notifications;
        let mut inside: String = notifications.queues.iter().map(Listener::document).collect();
        if notifications.has_bus {
            inside.push_str("<EventBridgeConfiguration></EventBridgeConfiguration>");
        }
        Ok(xml::answer("NotificationConfiguration", &inside))
    }

    /// Replaces the whole configuration. Each queue must exist and let S3 in, and gets a message that says so.
    pub(super) fn put_bucket_notification(
        &mut self,
        call: &Call,
        sqs: &mut Sqs,
        env: &mut Env<'_>,
    ) -> Result<Output, Failure> {
        self.bucket(call, env)?;
        let body = xml::parse(&call.body, "NotificationConfiguration")?;
        if ["TopicConfiguration", "CloudFunctionConfiguration"]
            .iter()
            .any(|name| body.all(name).next().is_some())
        {
            return Err(invalid("The model sends messages to queues only."));
        }
        let mut queues = Vec::new();
        for configured in body.all("QueueConfiguration") {
            let listener = listener(configured, env)?;
            let is_checked = call.header("x-amz-skip-destination-validation") != Some("true");
            if is_checked && !sqs.lets_s3_in(&listener.queue) {
                return Err(invalid("Unable to validate the following destination configurations")
                    .with("ArgumentName", listener.queue.as_str())
                    .with(
                        "ArgumentValue",
                        "The destination queue does not exist, or S3 may not send to it",
                    ));
            }
            if queues.iter().any(|other: &Listener| other.overlaps(&listener)) {
                return Err(invalid(
                    "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
                ));
            }
            queues.push(listener);
        }
        for listener in &queues {
            let (body, id) = (test_event(&call.bucket, env), env.ids.uuid());
            sqs.deliver(&listener.queue, &body, &id, env);
        }
        let has_bus = body.all("EventBridgeConfiguration").next().is_some();
        self.bucket_mut(call, env)?.notifications = Notifications { queues, has_bus };
        Ok(empty(200, Vec::new()))
    }

    /// Tells the queues that want to know of a change.
    pub(super) fn tell(
        &mut self,
        bucket: &str,
        key: &str,
        version: &Version,
        change: Change,
        env: &mut Env<'_>,
    ) {
        self.changes += 1;
        let Some(holder) = self.buckets.get(bucket) else { return };
        for listener in holder.notifications.queues.iter().filter(|queue| queue.hears(key, change)) {
            if env.faults.take_lost_event() {
                continue;
            }
            let record = record(holder, (bucket, key), version, (change, self.changes), listener, env);
            let event = Event::Tell {
                queue: listener.queue.clone(),
                body: json!({ "Records": [record] }).to_string(),
                id: env.ids.uuid(),
            };
            env.after(env.config.delays.notification, event);
        }
    }
}

impl Bucket {
    pub(super) fn listen(&mut self, listener: Listener) {
        self.notifications.queues.push(listener);
    }
}

fn invalid(message: &str) -> Failure {
    Failure::client("InvalidArgument", message)
}

fn listener(configured: &xml::Element, env: &mut Env<'_>) -> Result<Listener, Failure> {
    let queue = configured.text_of("Queue").ok_or_else(xml::malformed)?.to_owned();
    let events: Vec<String> = configured.all("Event").map(|event| event.text.clone()).collect();
    if events.is_empty() {
        return Err(xml::malformed());
    }
    if events.iter().any(|event| !event.starts_with("s3:")) {
        return Err(invalid("The event is not supported for notifications"));
    }
    let (mut prefix, mut suffix) = (String::new(), String::new());
    let rules = configured.all("Filter").flat_map(|filter| filter.all("S3Key"));
    for rule in rules.flat_map(|keys| keys.all("FilterRule")) {
        let value = rule.text_of("Value").unwrap_or_default().to_owned();
        match rule.text_of("Name").map(str::to_ascii_lowercase).as_deref() {
            Some("prefix") => prefix = value,
            Some("suffix") => suffix = value,
            _ => return Err(invalid("filter rule name must be either prefix or suffix")),
        }
    }
    let id = configured.text_of("Id").filter(|id| !id.is_empty()).map(str::to_owned);
    Ok(Listener { id: id.unwrap_or_else(|| env.ids.lower(48)), queue, events, prefix, suffix })
}

fn test_event(bucket: &str, env: &mut Env<'_>) -> String {
    json!({
        "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": time::iso_millis(env.now), "Bucket": bucket,
        "RequestId": s3_request_id(&env.ids.uuid()), "HostId": HOST_ID,
    })
    .to_string()
}

fn record(
    holder: &Bucket,
    (bucket, key): (&str, &str),
    version: &Version,
    (change, number): (Change, u64),
    listener: &Listener,
    env: &mut Env<'_>,
) -> Value {
    let mut object = json!({ "key": encode(key), "sequencer": format!("{number:018X}") });
    if !matches!(change, Change::Delete) {
        object["eTag"] = json!(version.etag.trim_matches('"'));
    }
    if matches!(change, Change::Put | Change::Copy) {
        object["size"] = json!(version.bytes.len());
    }
    if holder.is_versioned() {
        object["versionId"] = json!(version.id);
    }
    json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": holder.region,
        "eventTime": time::iso_millis(env.now), "eventName": change.name(),
        "userIdentity": { "principalId": "AWS:AROAEXAMPLEHATOBA0000:sandbox" },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": { "x-amz-request-id": s3_request_id(&env.ids.uuid()), "x-amz-id-2": HOST_ID },
        "s3": {
            "s3SchemaVersion": "1.0", "configurationId": listener.id,
            "bucket": {
                "name": bucket, "ownerIdentity": { "principalId": "A3NL1KOZZKEXAMPLE" },
                "arn": format!("arn:aws:s3:::{bucket}"),
            },
            "object": object,
        },
    })
}
