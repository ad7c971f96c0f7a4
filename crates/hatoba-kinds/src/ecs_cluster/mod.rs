//! `EcsCluster`: an Amazon ECS cluster, in which services run their tasks.
//!
//! The name is unique in the account and region and is its identity, together with the owner mark in its tags.
//! `CreateCluster` answers with the existing cluster of a name as if it had just been made: what was made is only
//! believed when a list shows our mark on it. Clusters that are gone stay describable as INACTIVE.

mod driver;
mod fields;
mod spec;
#[cfg(test)]
mod tests;

/// The kind.
pub(crate) struct EcsCluster;
