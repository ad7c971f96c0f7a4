//! `Route`: which requests of an HTTP API go where.
//!
//! A route takes no tags. AWS keeps its key unique within the API, and an API of ours is ours with its
//! children: a route with a declared key is put right, unless it points to what another owner has marked.
//! It is deleted only where what it points to bears our mark.
//!
//! How a route is authorised is one call's matter, whatever of it changes: there is no moment at which it is open that
//! the document does not ask for.

mod check;
mod driver;
mod fields;
mod spec;
#[cfg(test)]
mod tests;

/// The kind.
pub(crate) struct Route;
