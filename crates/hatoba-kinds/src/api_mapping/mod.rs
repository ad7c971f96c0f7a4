//! `ApiMapping`: which stage of which API a custom domain name serves under which path.
//!
//! A mapping takes no tags. AWS keeps its key unique within the domain name. It is ours if its API is; in a domain name
//! of ours a declared key is put right whatever it points to, unless that bears another owner's mark.

mod driver;
mod fields;
mod spec;
#[cfg(test)]
mod tests;

/// The kind.
pub(crate) struct ApiMapping;
