//! `Integration`: the back end of routes: an HTTP address, or a Cloud Map service behind a VPC link.
//!
//! It takes no tags and has no natural key; the owner mark is the last line of its description.
//! For a Cloud Map service it carries the *service's ARN* as its URI (AWS: "Create private integrations
//! for HTTP APIs").

pub(crate) mod check;
mod driver;
mod fields;
mod mapping;
mod spec;
#[cfg(test)]
mod tests;

/// The kind.
pub(crate) struct Integration;
