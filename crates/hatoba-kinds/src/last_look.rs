//! The last look at a request before it leaves: it is signed, so it says by which key and for which region.
//!
//! The invariant: **a write that may not be sent does not leave**, however long it waited after it was decided on.
//! An access key belongs to one account for ever, so whoever knows whose a key is knows where a request goes.

use std::sync::Arc;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use hatoba_core::Cause;

use crate::aws::Gate;

/// A request that is about to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The operation, as AWS names it.
    pub operation: &'a str,
    /// Whether it changes anything; what is not known to be a read counts as a write.
    pub is_write: bool,
    /// The access key id that it is signed with; it is no secret.
    pub key: &'a str,
    /// The region that it is signed for.
    pub region: &'a str,
}

/// Why a request did not leave.
#[derive(Clone, Debug, thiserror::Error)]
#[error("not sent: {0}")]
pub struct Refused(pub Cause);

/// Shows every request to the gate when it is about to leave.
pub(crate) struct LastLook(pub(crate) Arc<dyn Gate>);

impl std::fmt::Debug for LastLook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LastLook")
    }
}

impl Intercept for LastLook {
    fn name(&self) -> &'static str {
        "LastLook"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map(Metadata::name).unwrap_or_default();
        let header = context.request().headers().get("authorization").unwrap_or_default();
        let (key, region) = signature(header);
        let is_write = !["Get", "List", "Describe"].iter().any(|verb| operation.starts_with(verb));
        self.0.leaves(&Signed { operation, is_write, key, region }).map_err(|cause| Refused(cause).into())
    }
}

/// The key and the region of `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`.
fn signature(header: &str) -> (&str, &str) {
    let scope = header.split_once("Credential=").map_or("", |(_, rest)| rest);
    let mut parts = scope.split(',').next().unwrap_or_default().split('/');
    (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default())
}

/// The refusal among an error's causes.
pub(crate) fn refusal<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Refused> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return Some(refused);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_says_by_whom_and_for_where() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-west-1/ecs/aws4_request, SignedHeaders=host, Signature=00";
        assert_eq!(signature(header), ("AKIDEXAMPLE", "eu-west-1"));
        assert_eq!(signature("Bearer x"), ("", ""));
    }
}
