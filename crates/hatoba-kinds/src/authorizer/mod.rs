//! `Authorizer`: who may call the routes of an HTTP API that refer to it: bearers of a JWT, or whom a Lambda lets in.
//!
//! An authorizer takes neither tags nor a description. AWS keeps its name unique within the API, so its name is its
//! mark, and a tag of the API lists the names that are ours (`hatoba:named`): one that somebody made by hand under
//! another name is never ours. Its type cannot be changed while routes use it, so it is replaced by `<name>~2`: the
//! routes move to that one in one write each, and then the old one goes. AWS refuses a route whose type does not fit its
//! authorizer's; so the id is told by type too, and a route of the new type waits for the new authorizer.

mod driver;
mod fields;
mod spec;
#[cfg(test)]
mod tests;

/// The kind.
pub(crate) struct Authorizer;

/// The output that is there only where the authorizer is one for routes of this `authorizationType`.
pub(crate) fn output_for_routes(authorization: &str) -> Option<&'static str> {
    match authorization {
        "JWT" => Some("jwtId"),
        "CUSTOM" => Some("requestId"),
        _ => None,
    }
}
