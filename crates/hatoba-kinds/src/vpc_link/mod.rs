//! `VpcLink`: an API Gateway VPC link (v2), the way from an HTTP API into private subnets.
//!
//! Only its name can be changed in place; other subnets or security groups mean a new link beside the old
//! one (AWS: `UpdateVpcLink`). Link names are not unique, so the owner mark in its tags is its identity.

mod driver;
mod fields;
mod spec;
#[cfg(test)]
mod tests;

/// The kind.
pub(crate) struct VpcLink;
