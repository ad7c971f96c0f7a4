//! S3 as a place: where ([`Location`]), what can be done there ([`Bucket`]), and documents in it ([`BucketSource`]).
//!
//! * Only [`store`] speaks to S3, only [`queue`] to SQS.
//! * ETags are opaque: another one means another content, and nothing else.

mod bell;
mod error;
mod location;
mod permissions;
mod queue;
mod source;
mod store;
#[cfg(test)]
pub(crate) mod tests;

pub use error::StoreError;
pub use location::{Location, LocationError};
pub use permissions::source_permissions;
pub use source::BucketSource;
pub use store::{Bucket, Condition, Entry, Fetched, Stored};
