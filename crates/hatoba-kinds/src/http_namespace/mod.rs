//! `HttpNamespace`: a Cloud Map namespace without DNS; what is in it is found by API calls alone.
//!
//! ECS Service Connect uses such namespaces, and API Gateway finds instances in them as in any other. Its
//! services cannot be changed by `UpdateService` (AWS), only made anew.

mod driver;
mod fields;
mod spec;

/// The kind.
pub(crate) struct HttpNamespace;
