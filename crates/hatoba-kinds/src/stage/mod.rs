//! `Stage`: where an HTTP API is served, `$default` at the root of its address.
//!
//! With auto deploy (the default) AWS makes the deployments and moves `deploymentId` by itself, so it is
//! no field. What came of the last one stands in `lastDeploymentStatusMessage` and shows as Ready.
//!
//! Without it the controller makes them ([`deployment`]): a deployment's description carries our mark and the
//! digest of what it serves, and the stage moves when AWS says DEPLOYED.

mod check;
mod deployment;
mod driver;
mod fields;
mod spec;
#[cfg(test)]
mod tests;

/// The kind.
pub(crate) struct Stage;
