//! `HttpApi`: an API Gateway API with `protocolType: HTTP`.
//!
//! API names are not unique, so the owner mark in its tags is its identity. CORS is a member that
//! `UpdateApi` cannot remove: leaving it out means `DeleteCorsConfiguration`.

mod driver;
mod fields;
pub(crate) mod spec;

pub(crate) use fields::DOOR;

/// The kind.
pub(crate) struct HttpApi;
