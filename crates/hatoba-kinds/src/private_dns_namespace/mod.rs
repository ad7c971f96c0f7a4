//! `PrivateDnsNamespace`: a Cloud Map namespace with a private hosted zone in one VPC.
//!
//! Making and changing one is an operation that is polled. AWS never shows the VPC again
//! (AWS: `GetNamespace`), so it is kept in the tag `hatoba:vpc`; tags are read one by one.

pub(crate) mod driver;
mod fields;
mod spec;

/// The kind.
pub(crate) struct PrivateDnsNamespace;
