//! Sending, receiving and deleting messages.

use super::attributes::whole;
use super::queue::{Message, Queue};
use super::{Call, Sqs, errors};
use crate::env::Env;
use crate::failure::{Failure, Outcome, Output};
use crate::object::{self, Object};
use crate::s3::md5_hex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Messages of one answer, entries of one batch.
const AT_ONCE_MAX: usize = 10;

impl Sqs {
    pub(super) fn send(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Outcome {
        let body = object::text(call.input, "MessageBody").ok_or_else(|| errors::missing("MessageBody"))?;
        let delay = whole(call.input, "DelaySeconds", 0, 900)?;
        if object::object(call.input, "MessageAttributes").is_some_and(|attributes| !attributes.is_empty()) {
            return Err(errors::unsupported("message attributes"));
        }
        let (id, now) = (env.ids.uuid(), env.now);
        let queue = self.queue(call, env)?;
        let most = queue.number("MaximumMessageSize");
        if body.is_empty() {
            return Err(errors::missing("MessageBody"));
        }
        if body.len() as u64 > most {
            let reason = format!("Message must be shorter than {most} bytes.");
            return Err(errors::invalid("MessageBody", "", &reason));
        }
        let delay = Duration::from_secs(delay.unwrap_or_else(|| queue.number("DelaySeconds")));
        queue.push(body, &id, delay, now);
        let mut out = object::only("MD5OfMessageBody", md5_hex(body.as_bytes()));
        object::set(&mut out, "MessageId", id);
        Ok(out)
    }

    /// Up to ten visible messages. With a wait, none is an answer only when the wait is over.
    pub(super) fn receive(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Result<Output, Failure> {
        let most = whole(call.input, "MaxNumberOfMessages", 1, 10)?.unwrap_or(1);
        let wait = whole(call.input, "WaitTimeSeconds", 0, 20)?;
        let hidden = whole(call.input, "VisibilityTimeout", 0, 43_200)?;
        let now = env.now;
        let is_newest_first = env.faults.is_newest_first();
        let queue = self.queue(call, env)?;
        let hidden = Duration::from_secs(hidden.unwrap_or_else(|| queue.number("VisibilityTimeout")));
        let wait = Duration::from_secs(wait.unwrap_or_else(|| queue.number("ReceiveMessageWaitTimeSeconds")));
        let most = usize::try_from(most).unwrap_or(AT_ONCE_MAX);
        let mut ready: Vec<usize> =
            (0..queue.messages.len()).filter(|at| queue.messages[*at].visible <= now).collect();
        if is_newest_first {
            ready.reverse();
        }
        ready.truncate(most);
        let deadline = call.deadline.unwrap_or(now + wait);
        if ready.is_empty() && now < deadline {
            let until =
                queue.next_visible(now).into_iter().chain(env.agenda.next()).fold(deadline, Duration::min);
            return Ok(Output::Wait { until, deadline });
        }
        let mut received: Vec<Value> = Vec::new();
        for at in ready {
            if let Some(message) = queue.messages.get_mut(at) {
                received.push(message.receive(hidden, call.input, env));
            }
        }
        let out = if received.is_empty() { Object::new() } else { object::only("Messages", received) };
        Ok(out.into())
    }

    pub(super) fn delete_message(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Outcome {
        let receipt =
            object::text(call.input, "ReceiptHandle").ok_or_else(|| errors::missing("ReceiptHandle"))?;
        self.queue(call, env)?.acknowledge(receipt)?;
        Ok(Object::new())
    }

    pub(super) fn delete_messages(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Outcome {
        let queue = self.queue(call, env)?;
        let entries: Vec<&Object> =
            object::list(call.input, "Entries").iter().filter_map(Value::as_object).collect();
        check_batch(&entries)?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            let id = object::text_or_empty(entry, "Id");
            match queue.acknowledge(object::text_or_empty(entry, "ReceiptHandle")) {
                Ok(()) => successful.push(json!({ "Id": id })),
                Err(failure) => failed.push(json!({
                    "Id": id, "SenderFault": true, "Code": failure.code, "Message": failure.message,
                })),
            }
        }
        let mut out = object::only("Successful", successful);
        if !failed.is_empty() {
            object::set(&mut out, "Failed", failed);
        }
        Ok(out)
    }

    pub(super) fn change_visibility(&mut self, call: &Call<'_>, env: &mut Env<'_>) -> Outcome {
        let receipt =
            object::text(call.input, "ReceiptHandle").ok_or_else(|| errors::missing("ReceiptHandle"))?;
        let seconds = whole(call.input, "VisibilityTimeout", 0, 43_200)?
            .ok_or_else(|| errors::missing("VisibilityTimeout"))?;
        let now = env.now;
        let queue = self.queue(call, env)?;
        number_of(receipt)?;
        let message = queue.messages.iter_mut().find(|message| message.receipt.as_deref() == Some(receipt));
        match message.filter(|message| message.is_in_flight(now)) {
            Some(message) => message.visible = now + Duration::from_secs(seconds),
            None => {
                let text = "The specified message isn't in flight.";
                return Err(Failure::client("MessageNotInflight", text));
            }
        }
        Ok(Object::new())
    }
}

fn check_batch(entries: &[&Object]) -> Result<(), Failure> {
    let ids: BTreeSet<&str> = entries.iter().map(|entry| object::text_or_empty(entry, "Id")).collect();
    if entries.is_empty() {
        let text = "There should be at least one DeleteMessageBatchRequestEntry in the request.";
        return Err(Failure::client("EmptyBatchRequest", text));
    }
    if entries.len() > AT_ONCE_MAX {
        let text = format!("Maximum number of entries per request are 10. You have sent {}.", entries.len());
        return Err(Failure::client("TooManyEntriesInBatchRequest", text));
    }
    if ids.len() < entries.len() {
        return Err(Failure::client(
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries have the same Id.",
        ));
    }
    Ok(())
}

impl Queue {
    /// When the next message that is hidden now can be received.
    fn next_visible(&self, now: Duration) -> Option<Duration> {
        self.messages.iter().map(|message| message.visible).filter(|visible| *visible > now).min()
    }

    /// Removes the message whose latest receipt this is. An older receipt, or one of a message that has gone, is good
    /// and does nothing.
    fn acknowledge(&mut self, receipt: &str) -> Result<(), Failure> {
        let number = number_of(receipt)?;
        let is_it =
            |message: &Message| message.number == number && message.receipt.as_deref() == Some(receipt);
        self.messages.retain(|message| !is_it(message));
        Ok(())
    }
}

/// In front of every receipt handle; the message's number follows.
const RECEIPT: &str = "AQEB";
const NUMBER_DIGITS: usize = 16;

/// The number of the message of a receipt handle.
fn number_of(receipt: &str) -> Result<u64, Failure> {
    let digits = receipt.strip_prefix(RECEIPT).and_then(|rest| rest.get(..NUMBER_DIGITS));
    digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or_else(|| {
        let text = format!("The input receipt handle \"{receipt}\" is not a valid receipt handle.");
        Failure::client("ReceiptHandleIsInvalid", text)
    })
}

impl Message {
    /// Hides the message and gives what the receiver sees of it.
    fn receive(&mut self, hidden: Duration, input: &Object, env: &mut Env<'_>) -> Value {
        let receipt = format!("{RECEIPT}{:016x}{}", self.number, env.ids.lower(60));
        if !env.faults.take_repeated_message() {
            self.visible = env.now + hidden;
        }
        self.receives += 1;
        let first = *self.first_received.get_or_insert(env.now);
        self.receipt = Some(receipt.clone());
        let mut shown = json!({
            "MessageId": self.id, "ReceiptHandle": receipt, "MD5OfBody": self.md5, "Body": self.body,
        });
        let mut asked = object::texts(input, "AttributeNames");
        asked.extend(object::texts(input, "MessageSystemAttributeNames"));
        let attributes: Object = [
            ("ApproximateFirstReceiveTimestamp", first.as_millis().to_string()),
            ("ApproximateReceiveCount", self.receives.to_string()),
            ("SenderId", "AROAEXAMPLEHATOBA0000:sandbox".to_owned()),
            ("SentTimestamp", self.sent.as_millis().to_string()),
        ]
        .into_iter()
        .filter(|(name, _)| asked.iter().any(|asked| asked == name || *asked == "All"))
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect();
        if !attributes.is_empty() {
            shown["Attributes"] = Value::Object(attributes);
        }
        shown
    }
}
