//! Refusals that every service has, in each protocol's words.

use crate::failure::Failure;
use crate::route::Protocol;

/// The caller may not do this.
pub(crate) fn denied(protocol: Protocol, service: &str, operation: &str) -> Failure {
    let message = format!("User is not authorized to perform: {service}:{operation}");
    match protocol {
        Protocol::RestJson => Failure::new(403, "AccessDeniedException", message),
        Protocol::Json | Protocol::JsonCapital => Failure::client("AccessDeniedException", message),
        Protocol::Ec2Query => Failure::new(403, "UnauthorizedOperation", message),
        Protocol::Query => Failure::new(403, "AccessDenied", message),
        Protocol::RestXml => Failure::new(403, "AccessDenied", "Access Denied"),
        Protocol::QueryJson => Failure::new(403, "AccessDeniedException", message),
    }
}

/// A request quota is used up.
pub(crate) fn throttled(protocol: Protocol) -> Failure {
    match protocol {
        Protocol::RestJson => Failure::new(429, "TooManyRequestsException", "Too Many Requests"),
        Protocol::Ec2Query => Failure::new(503, "RequestLimitExceeded", "Request limit exceeded."),
        Protocol::Query => Failure::client("Throttling", "Rate exceeded"),
        Protocol::Json | Protocol::JsonCapital => Failure::client("ThrottlingException", "Rate exceeded"),
        Protocol::RestXml => Failure::new(503, "SlowDown", "Please reduce your request rate."),
        Protocol::QueryJson => Failure::client("RequestThrottled", "Request is throttled."),
    }
}

/// The service has no such operation, or the model has not.
pub(crate) fn unknown_operation(protocol: Protocol, operation: &str) -> Failure {
    match protocol {
        Protocol::RestJson => Failure::new(
            404,
            "UnknownOperationException",
            "The requested operation is not recognized by the service.",
        ),
        Protocol::RestXml => Failure::new(
            501,
            "NotImplemented",
            "A header or query you provided implies functionality that is not implemented.",
        ),
        Protocol::Json | Protocol::JsonCapital | Protocol::QueryJson => {
            Failure::client("UnknownOperationException", format!("Unknown operation {operation}."))
        }
        Protocol::Ec2Query | Protocol::Query => Failure::client(
            "InvalidAction",
            format!("The action {operation} is not valid for this web service."),
        ),
    }
}
