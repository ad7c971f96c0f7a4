//! `DiscoveryService`: a Cloud Map service, the register in which ECS enters its tasks.
//!
//! An API Gateway integration needs an address *and a port* of every task, and ECS writes the port only
//! into services with SRV records; the custom health check lets ECS report container health
//! (AWS: "ECS service discovery"). `UpdateService` deletes the records that a request leaves out, so the
//! current ones always go along.

mod driver;
mod fields;
mod spec;
#[cfg(test)]
mod tests;

/// The kind.
pub(crate) struct DiscoveryService;
