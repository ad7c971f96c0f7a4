//! What a failed call means: classified by what happens next.
//!
//! The code is matched as a string, because unmodelled codes exist, and the message where the code is
//! ambiguous (docs: AWS error classes).

use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use hatoba_core::{Cause, Reason};

use crate::last_look::{Refused, refusal};
use crate::quota::Operation;

/// A call to AWS that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct CallError {
    /// What was called.
    pub operation: Operation,
    /// What happens next.
    pub disposition: Disposition,
    /// AWS's error code, if AWS answered with one.
    pub code: Option<String>,
    /// What AWS said, or what went wrong on the way.
    pub message: String,
    /// Whether the call may have been carried out all the same.
    pub may_have_happened: bool,
    /// Another write of the same action, which was carried out before this call failed.
    pub done_before: Option<&'static str>,
}

/// What happens after a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It is not there (any more): for a read absent, for a delete done.
    Gone,
    /// It is there already: look again.
    Exists,
    /// Moving by itself, or blocked by something that is: look soon.
    Wait,
    /// Transient: again, later and later.
    Retry,
    /// Too fast: the whole bucket slows down.
    Throttle,
    /// A human must act; looked at again on every resync.
    Stall,
}

/// Whether an AWS error code means that the caller lacks a permission.
pub fn is_denial(code: &str) -> bool {
    ["AccessDeniedException", "AccessDenied", "UnauthorizedOperation"].contains(&code)
}

impl CallError {
    /// From the SDK's error.
    pub fn from_sdk<E>(operation: &Operation, error: &SdkError<E, Response>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        if let Some(Refused(cause)) = refusal(error) {
            return CallError::refused(operation, cause);
        }
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.code().map(str::to_owned);
        let message = match (error.message(), &code) {
            (Some(message), Some(code)) => format!("{code}: {message}"),
            (None, Some(code)) => code.clone(),
            _ => match status {
                Some(status) => format!("HTTP {status}: {}", chain(error)),
                None if lacks_credentials(error) => format!("{NO_CREDENTIALS}; {}", chain(error)),
                None => chain(error),
            },
        };
        // A good answer that breaks off is a service error to the SDK, too, and says that it was carried out.
        let refusals = 300..500;
        let answered = matches!(error, SdkError::ServiceError(_))
            && status.is_some_and(|status| refusals.contains(&status));
        let not_sent = matches!(error, SdkError::ConstructionFailure(_));
        CallError {
            operation: *operation,
            disposition: classify(
                operation.service,
                status,
                code.as_deref(),
                error.message().unwrap_or_default(),
            ),
            code,
            message,
            may_have_happened: !answered && !not_sent,
            done_before: None,
        }
    }

    /// An answer that makes no sense: a member missing, a page token twice.
    pub fn nonsense(operation: &Operation, message: impl Into<String>) -> Self {
        CallError {
            operation: *operation,
            disposition: Disposition::Retry,
            code: None,
            message: message.into(),
            may_have_happened: true,
            done_before: None,
        }
    }

    /// A request that was not sent, for a reason of ours.
    pub fn refused(operation: &Operation, cause: &Cause) -> Self {
        CallError {
            operation: *operation,
            disposition: Disposition::Wait,
            code: Some(cause.reason.as_str().to_owned()),
            message: format!("not sent: {}", cause.message),
            may_have_happened: false,
            done_before: None,
        }
    }

    /// A request that cannot be built from the document.
    pub fn unbuildable(operation: &Operation, message: impl Into<String>) -> Self {
        CallError {
            operation: *operation,
            disposition: Disposition::Stall,
            code: Some("InvalidRequest".to_owned()),
            message: message.into(),
            may_have_happened: false,
            done_before: None,
        }
    }

    /// The stable word and the sentence for conditions and logs.
    pub fn cause(&self) -> Cause {
        let reason = match (&self.code, self.disposition) {
            (Some(code), _) => Reason::from_code(code),
            (None, Disposition::Throttle) => Reason::new("Throttled"),
            (None, _) => Reason::new("CallFailed"),
        };
        Cause { reason, message: format!("{}: {}", self.operation.name, self.message) }
    }

    /// The code as in metrics: AWS's, else a word of ours.
    pub fn metric_code(&self) -> &str {
        self.code.as_deref().unwrap_or("NoAnswer")
    }
}

/// What everybody meets who has set nothing up yet.
const NO_CREDENTIALS: &str = "no AWS credentials were found: expected AWS_PROFILE, AWS_ACCESS_KEY_ID with its secret, or the role of a task";

/// Whether there was nothing to sign with.
fn lacks_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<CredentialsError>())
}

/// An error and its causes on one line, without the SDK's debug output, which holds whole answers.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if said.last() != Some(&text) {
            said.push(text);
        }
        next = cause.source();
    }
    said.join(": ")
}

/// How soon to look again at something that moves by itself.
pub const LOOK_SOON: Duration = Duration::from_secs(5);

const THROTTLES: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];

const GONE: &[&str] = &[
    "NotFoundException",
    "NamespaceNotFound",
    "ServiceNotFound",
    "InstanceNotFound",
    "OperationNotFound",
    "ResourceNotFoundException",
    "ServiceNotFoundException",
    "ClusterNotFoundException",
    "InvalidVpcID.NotFound",
    "InvalidSubnetID.NotFound",
    "InvalidGroup.NotFound",
];

const EXISTS: &[&str] = &["NamespaceAlreadyExists", "ServiceAlreadyExists"];

const WAITS: &[&str] = &[
    "ResourceInUse",
    "DuplicateRequest",
    "UpdateInProgressException",
    "ResourceInUseException",
    "ServiceNotActiveException",
    "ClusterContainsServicesException",
    "ClusterContainsTasksException",
    "ClusterContainsContainerInstancesException",
    "ClusterContainsCapacityProviderException",
];

/// Messages that say more than their code; matched as substrings.
const MESSAGES: &[(&str, Disposition)] = &[
    ("concurrent modification", Disposition::Wait),
    ("try again later", Disposition::Wait),
    ("because it is referenced by the following Routes", Disposition::Wait),
    ("is referenced in", Disposition::Wait),
    ("Please remove all", Disposition::Wait),
    ("Active stages pointing to this deployment", Disposition::Wait),
    ("no (valid) routes exist", Disposition::Wait),
    ("no routes exist", Disposition::Wait),
    ("already exists for this", Disposition::Exists),
    ("Authorizer name must be unique", Disposition::Exists),
    ("The domain name you provided already exists", Disposition::Exists),
    // The authorizer of another type is on its way, or has been deleted and comes back.
    ("Invalid authorizer ID specified", Disposition::Wait),
    // Whose quota that is: somebody must raise it or take an authorizer away.
    ("Maximum number of Authorizers", Disposition::Stall),
    ("Creation of service was not idempotent", Disposition::Exists),
    ("still Draining", Disposition::Wait),
    ("cannot be stopped while", Disposition::Wait),
    ("Unable to assume the service linked role", Disposition::Retry),
    ("verify that the ECS service role being passed has the proper permissions", Disposition::Retry),
    ("Unable to describe task definition", Disposition::Gone),
    ("The specified task definition does not exist", Disposition::Gone),
];

/// What happens next, from what AWS answered. Pure.
///
/// `status` is `None` where no answer came. Unknown codes of 4xx answers stall: repeating them helps nobody.
pub fn classify(service: &str, status: Option<u16>, code: Option<&str>, message: &str) -> Disposition {
    let Some(status) = status else { return Disposition::Retry };
    if code.is_some_and(|code| THROTTLES.contains(&code)) {
        return Disposition::Throttle; // whatever the message says
    }
    if let Some((_, disposition)) = MESSAGES.iter().find(|(text, _)| message.contains(text)) {
        return *disposition;
    }
    match code {
        Some(code) if EXISTS.contains(&code) => Disposition::Exists,
        Some(code) if WAITS.contains(&code) => Disposition::Wait,
        Some(code) if GONE.contains(&code) => Disposition::Gone,
        // Credentials: a matter of the process, not of one document; new ones may come by themselves.
        Some("ExpiredToken" | "ExpiredTokenException" | "RequestTimeTooSkewed" | "RequestTimeout") => {
            Disposition::Retry
        }
        // IAM is eventually consistent, but a human usually has to act.
        Some("ConflictException") if service == "apigatewayv2" && status == 409 => Disposition::Wait,
        _ if status == 429 && code.is_none() => Disposition::Throttle,
        _ if !(300..500).contains(&status) => Disposition::Retry, // nothing, or half an answer
        _ => Disposition::Stall,
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::*;

    /// Whoever begins has no credentials, and is told so, not that something could not be dispatched.
    #[test]
    fn that_there_are_no_credentials_is_said_first() {
        let call = Operation::read("sts", "GetCallerIdentity", &[]);
        let told = |source: aws_smithy_runtime_api::box_error::BoxError| {
            let failed = ConnectorError::other(source, None);
            let error: SdkError<aws_sdk_sts::Error, Response> = SdkError::dispatch_failure(failed);
            CallError::from_sdk(&call, &error).to_string()
        };
        let without = told(CredentialsError::not_loaded("nobody has any").into());
        assert!(without.starts_with("sts:GetCallerIdentity: no AWS credentials were found: "), "{without}");
        assert!(without.contains("AWS_PROFILE"), "{without}");
        let other = told("the line is dead".into());
        assert!(other.contains("the line is dead") && !other.contains("credentials"), "{other}");
    }

    #[test]
    fn every_code_that_we_can_meet_has_a_disposition() {
        let table: &[(&str, u16, &str, &str, Disposition)] = &[
            ("apigatewayv2", 404, "NotFoundException", "Invalid API identifier specified", Disposition::Gone),
            ("apigatewayv2", 429, "TooManyRequestsException", "Too Many Requests", Disposition::Throttle),
            (
                "apigatewayv2",
                409,
                "ConflictException",
                "Unable to complete operation due to concurrent modification. Please try again later.",
                Disposition::Wait,
            ),
            (
                "apigatewayv2",
                429,
                "ConflictException",
                "Maximum number of Authorizers for this API has been reached",
                Disposition::Stall,
            ),
            (
                "apigatewayv2",
                409,
                "ConflictException",
                "Cannot delete Integration because it is referenced by the following Routes with Ids: [x]",
                Disposition::Wait,
            ),
            (
                "apigatewayv2",
                409,
                "ConflictException",
                "Route with key ANY /{proxy+} already exists for this API",
                Disposition::Exists,
            ),
            (
                "apigatewayv2",
                400,
                "BadRequestException",
                "Cannot delete vpc link. Vpc link 'l', is referenced in [ANY:abc] in format of [Method:Resource].",
                Disposition::Wait,
            ),
            (
                "apigatewayv2",
                400,
                "BadRequestException",
                "There are too many Vpc Links defined for this account. Limit is 10.",
                Disposition::Stall,
            ),
            (
                "apigatewayv2",
                400,
                "BadRequestException",
                "Unable to deploy API because no (valid) routes exist in this API",
                Disposition::Wait,
            ),
            (
                "apigatewayv2",
                409,
                "ConflictException",
                "Cannot delete authorizer 'X', is referenced in route: POST /y",
                Disposition::Wait,
            ),
            (
                "apigatewayv2",
                400,
                "BadRequestException",
                "Authorizer name must be unique. Authorizer X already exists in this RestApi.",
                Disposition::Exists,
            ),
            (
                "apigatewayv2",
                400,
                "BadRequestException",
                "Invalid authorizer ID specified. Setting the authorization type to JWT requires a valid JWT authorizer.",
                Disposition::Wait,
            ),
            (
                "apigatewayv2",
                409,
                "ConflictException",
                "ApiMapping key already exists for this domain name",
                Disposition::Exists,
            ),
            (
                "apigatewayv2",
                409,
                "ConflictException",
                "The domain name you provided already exists.",
                Disposition::Exists,
            ),
            (
                "apigatewayv2",
                400,
                "BadRequestException",
                "Deleting API X failed. Please remove all API mappings for the API from your custom domain names.",
                Disposition::Wait,
            ),
            ("apigatewayv2", 500, "InternalServerException", "", Disposition::Retry),
            ("apigatewayv2", 400, "BadRequestException", "Invalid integration URI", Disposition::Stall),
            ("apigatewayv2", 403, "AccessDeniedException", "not authorized", Disposition::Stall),
            ("apigatewayv2", 500, "InternalServerErrorException", "", Disposition::Retry),
            ("servicediscovery", 400, "NamespaceNotFound", "", Disposition::Gone),
            ("servicediscovery", 400, "ServiceAlreadyExists", "", Disposition::Exists),
            ("servicediscovery", 400, "ResourceInUse", "", Disposition::Wait),
            ("servicediscovery", 400, "DuplicateRequest", "", Disposition::Wait),
            ("servicediscovery", 400, "ResourceLimitExceeded", "", Disposition::Stall),
            ("servicediscovery", 400, "InvalidInput", "", Disposition::Stall),
            ("servicediscovery", 400, "ThrottlingException", "Rate exceeded", Disposition::Throttle),
            ("ecs", 400, "ClusterNotFoundException", "Cluster not found.", Disposition::Gone),
            (
                "ecs",
                400,
                "InvalidParameterException",
                "Creation of service was not idempotent.",
                Disposition::Exists,
            ),
            (
                "ecs",
                400,
                "InvalidParameterException",
                "Unable to Start a service that is still Draining.",
                Disposition::Wait,
            ),
            (
                "ecs",
                400,
                "InvalidParameterException",
                "The service cannot be stopped while deployments are active.",
                Disposition::Wait,
            ),
            ("ecs", 400, "ClusterContainsServicesException", "", Disposition::Wait),
            ("ecs", 400, "ClusterContainsTasksException", "", Disposition::Wait),
            ("ecs", 400, "ClusterContainsContainerInstancesException", "", Disposition::Wait),
            ("ecs", 400, "ClusterContainsCapacityProviderException", "", Disposition::Wait),
            ("ecs", 400, "UpdateInProgressException", "", Disposition::Wait),
            ("ecs", 400, "ResourceInUseException", "", Disposition::Wait),
            ("ecs", 400, "LimitExceededException", "", Disposition::Stall),
            ("ecs", 500, "ServerException", "", Disposition::Retry),
            ("ec2", 503, "RequestLimitExceeded", "", Disposition::Throttle),
            ("ec2", 403, "UnauthorizedOperation", "", Disposition::Stall),
            ("sts", 403, "ExpiredToken", "", Disposition::Retry),
        ];
        for (service, status, code, message, expected) in table {
            assert_eq!(classify(service, Some(*status), Some(code), message), *expected, "{code}: {message}");
        }
        assert_eq!(classify("ecs", None, None, ""), Disposition::Retry);
        assert_eq!(classify("ecs", Some(503), None, ""), Disposition::Retry);
    }
}
