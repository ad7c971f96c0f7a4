//! `EcsService`: an Amazon ECS service whose tasks enter themselves in a Cloud Map service.
//!
//! The name is unique in its cluster and is its identity, together with the owner mark in its tags. Only
//! what differs is ever sent: most members of `UpdateService` roll every task. What is left out, the
//! desired count above all, belongs to autoscaling and to people.
//!
//! Service Connect, volumes and VPC Lattice are read from the PRIMARY deployment, because AWS shows them nowhere else.

pub(crate) mod check;
mod compare;
mod driver;
mod fields;
mod rollout;
pub(crate) mod spec;
#[cfg(test)]
mod tests;

/// The kind.
pub(crate) struct EcsService;
