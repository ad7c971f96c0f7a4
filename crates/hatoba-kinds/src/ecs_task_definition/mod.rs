//! `EcsTaskDefinition`: a family of Amazon ECS task definitions, a series of revisions that never change.
//!
//! A difference in anything but tags registers the next revision; services that name the document move to it, and
//! the last ten of ours stay. Two definitions are compared by what they mean (`content.rs`), never by registering
//! one to see, and the digest of that meaning stands in the tag `hatoba:content` of each revision of ours. The
//! current one is the newest that bears our mark: what a pipeline registers in the family is not ours, and stays.

mod check;
mod content;
mod driver;
mod fields;
mod spec;
#[cfg(test)]
mod tests;
mod usage;

/// The kind.
pub(crate) struct EcsTaskDefinition;
