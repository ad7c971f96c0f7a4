//! A queue: its messages and settings.

use super::attributes;
use crate::s3::md5_hex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Queue {
    /// Those that were set; the others have AWS's defaults.
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) created: Duration,
    pub(super) modified: Duration,
    /// In the order in which they came.
    pub(super) messages: Vec<Message>,
    /// Messages so far, for their numbers.
    pub(super) count: u64,
    pub(super) purged: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) body: String,
    pub(super) md5: String,
    pub(super) sent: Duration,
    /// When it can be received next.
    pub(super) visible: Duration,
    pub(super) receives: u64,
    pub(super) first_received: Option<Duration>,
    /// The latest receipt handle: the only one that deletes it.
    pub(super) receipt: Option<String>,
}

impl Queue {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            attributes: BTreeMap::new(),
            created: now,
            modified: now,
            messages: Vec::new(),
            count: 0,
            purged: None,
        }
    }

    pub(super) fn push(&mut self, body: &str, id: &str, delay: Duration, now: Duration) {
        self.count += 1;
        self.messages.push(Message {
            number: self.count,
            id: id.to_owned(),
            body: body.to_owned(),
            md5: md5_hex(body.as_bytes()),
            sent: now,
            visible: now + delay,
            receives: 0,
            first_received: None,
            receipt: None,
        });
    }

    /// A setting in seconds or bytes.
    pub(super) fn number(&self, name: &str) -> u64 {
        self.attributes
            .get(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| attributes::number(name))
    }

    /// Drops what has been kept for the retention period.
    pub(super) fn expire(&mut self, now: Duration) {
        let kept = Duration::from_secs(self.number("MessageRetentionPeriod"));
        self.messages.retain(|message| now.saturating_sub(message.sent) < kept);
    }

    pub(super) fn dump(&self, now: Duration) -> Value {
        let messages: Vec<Value> = self
            .messages
            .iter()
            .map(|message| {
                json!({
                    "id": message.id, "body": message.body, "receives": message.receives,
                    "visible": message.visible <= now,
                })
            })
            .collect();
        json!({ "attributes": self.attributes, "messages": messages })
    }
}

impl Message {
    /// Received and not yet visible again.
    pub(super) fn is_in_flight(&self, now: Duration) -> bool {
        self.receives > 0 && self.visible > now
    }
}
