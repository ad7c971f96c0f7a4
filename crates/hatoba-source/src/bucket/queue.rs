//! The one file that speaks to SQS: long polls and deletes.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;

use super::store::chain;

/// The longest that SQS waits for a message before it answers that there is none.
const WAIT_SECONDS: i32 = 20;
/// The most that SQS hands out at once.
const MESSAGES_MAX: i32 = 10;
/// Above the wait, for the way there and back.
const ATTEMPT: Duration = Duration::from_secs(30);
const OPERATION: Duration = Duration::from_secs(40);
const CONNECT: Duration = Duration::from_secs(3);

/// A queue.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    client: Client,
    url: String,
}

/// A message that is ours to judge for half a minute, or what the queue is set to.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    pub(super) body: String,
    receipt: String,
}

/// Why the queue does not serve.
#[derive(Debug, thiserror::Error)]
#[error("{action} on {url}: {message}")]
pub(super) struct QueueError {
    /// The permission that the call needs.
    action: &'static str,
    url: String,
    message: String,
}

impl Queue {
    pub(super) fn new(config: &SdkConfig, url: &str) -> Queue {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION)
            .build();
        let settings = Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            // A long poll is silent on purpose; the SDK would take it for a connection that died.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Queue { client: Client::from_conf(settings), url: url.to_owned() }
    }

    /// Waits for messages; none after twenty seconds.
    pub(super) async fn receive(&self) -> Result<Vec<Message>, QueueError> {
        let call = self.client.receive_message().queue_url(&self.url).wait_time_seconds(WAIT_SECONDS);
        let output = call.max_number_of_messages(MESSAGES_MAX).send().await;
        let output = output.map_err(|error| self.error("sqs:ReceiveMessage", &error))?;
        let messages = output.messages.unwrap_or_default().into_iter();
        Ok(messages
            .map(|message| Message {
                body: message.body.unwrap_or_default(),
                receipt: message.receipt_handle.unwrap_or_default(),
            })
            .collect())
    }

    /// Removes messages; what could not be removed comes again.
    pub(super) async fn delete(&self, messages: &[Message]) -> Result<(), QueueError> {
        if messages.is_empty() {
            return Ok(());
        }
        let mut call = self.client.delete_message_batch().queue_url(&self.url);
        for (number, message) in messages.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder().id(number.to_string());
            let entry = entry.receipt_handle(&message.receipt).build();
            call = call.entries(entry.map_err(|error| self.error("sqs:DeleteMessage", &error))?);
        }
        let output = call.send().await.map_err(|error| self.error("sqs:DeleteMessage", &error))?;
        match output.failed.first() {
            None => Ok(()),
            Some(failed) => Err(QueueError {
                action: "sqs:DeleteMessage",
                url: self.url.clone(),
                message: format!("{} messages stay ({})", output.failed.len(), failed.code),
            }),
        }
    }

    fn error(&self, action: &'static str, error: &(dyn std::error::Error + 'static)) -> QueueError {
        QueueError { action, url: self.url.clone(), message: chain(error) }
    }
}
