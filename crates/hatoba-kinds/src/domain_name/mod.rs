//! `DomainName`: a custom domain name for HTTP APIs, with its certificate.
//!
//! The name is its identity and unique in the account and region. AWS serves it under an address of its own; the
//! record that points there (`aliasTarget`, `hostedZoneId`) is Route 53's or whoever's DNS it is, and not ours.

mod driver;
mod fields;
mod spec;
#[cfg(test)]
mod tests;

/// The kind.
pub(crate) struct DomainName;
