//! `Stage`: where an HTTP API is served, `$default` at the root of its address.
//!
//! With auto deploy (the default) AWS makes the deployments and moves `deploymentId` by itself, so it is
//! no field. What came of the last one stands in `lastDeploymentStatusMessage` and shows as Ready.

mod driver;
mod fields;
mod spec;
#[cfg(test)]
mod tests;

/// The kind.
pub(crate) struct Stage;
