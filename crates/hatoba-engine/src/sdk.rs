//! The SDK's settings, once for all clients.

use std::time::Duration;

use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;

/// The SDK would wait for ever for an answer; API Gateway answers in well under a second.
const ATTEMPT: Duration = Duration::from_secs(10);
/// One attempt is all there is, so this only bounds what an attempt does not count (credentials).
const OPERATION: Duration = Duration::from_secs(25);
const CONNECT: Duration = Duration::from_secs(3);

/// The settings that every client needs: no retries of the SDK's own, because a retried create makes a
/// second resource, and explicit timeouts, because there are none.
pub(crate) fn settle(config: &SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    config.to_builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts).build()
}
