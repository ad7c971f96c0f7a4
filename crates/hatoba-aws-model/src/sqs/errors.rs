//! SQS's refusals. Each has a name as a shape of the JSON protocol, and a code from the days of the Query protocol, which
//! callers still see.

use crate::failure::Failure;

/// Shape, and its code where that is another word.
const CODES: &[(&str, &str)] = &[
    ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
    ("QueueNameExists", "QueueAlreadyExists"),
    ("PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress"),
    ("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"),
    ("TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
    ("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
    ("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId"),
    ("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"),
    ("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"),
];

/// Shapes that are the whole house's, not SQS's.
const COMMON: &[(&str, &str)] = &[
    ("AccessDeniedException", "AccessDenied"),
    ("InvalidParameterValueException", "InvalidParameterValue"),
    ("MissingRequiredParameterException", "MissingParameter"),
    ("SerializationException", "SerializationException"),
    ("UnknownOperationException", "InvalidAction"),
];

/// The code that goes into `x-amzn-query-error`.
pub(crate) fn query_code(code: &str) -> &str {
    CODES.iter().chain(COMMON).find(|(shape, _)| *shape == code).map_or(code, |(_, query)| *query)
}

/// The name that goes into `__type`.
pub(crate) fn shape(code: &str) -> String {
    let is_common = COMMON.iter().any(|(shape, _)| *shape == code);
    let space = if is_common { "com.amazon.coral.service" } else { "com.amazonaws.sqs" };
    format!("{space}#{code}")
}

pub(super) fn no_such_queue() -> Failure {
    Failure::client("QueueDoesNotExist", "The specified queue does not exist.")
}

pub(super) fn missing(name: &str) -> Failure {
    let message = format!("The request must contain the parameter {name}.");
    Failure::client("MissingRequiredParameterException", message)
}

pub(super) fn invalid(name: &str, value: &str, reason: &str) -> Failure {
    let message = format!("Value {value} for parameter {name} is invalid. Reason: {reason}");
    Failure::client("InvalidParameterValueException", message)
}

/// What AWS has and the model has not.
pub(super) fn unsupported(what: &str) -> Failure {
    Failure::client("UnsupportedOperation", format!("The model has no {what}."))
}
