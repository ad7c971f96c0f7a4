//! Conditions on ETags, of reads and of writes.

use super::{Call, Version, no_such_key};
use crate::env::Env;
use crate::failure::Failure;

/// Whether a write may go on.
///
/// # Errors
/// 412 when the object is not as the caller believes; 404 when it should have an ETag and is not there.
pub(super) fn check_write(call: &Call, current: Option<&Version>, env: &Env<'_>) -> Result<(), Failure> {
    if let Some(wanted) = call.header("if-none-match") {
        if wanted.trim() != "*" {
            return Err(Failure::new(
                501,
                "NotImplemented",
                "A header you provided implies functionality that is not implemented",
            )
            .with("Header", "If-None-Match"));
        }
        if current.is_some() {
            return Err(failed("If-None-Match"));
        }
    }
    match (call.header("if-match"), current) {
        (Some(_), None) => Err(no_such_key(call.key()?, env)),
        (Some(wanted), Some(version)) if !names(wanted, &version.etag) => Err(failed("If-Match")),
        _ => Ok(()),
    }
}

/// Whether a deletion may go on. One that names an ETag must find it.
///
/// # Errors
/// 412 when it does not.
pub(super) fn check_delete(wanted: Option<&str>, current: Option<&Version>) -> Result<(), Failure> {
    match (wanted, current) {
        (None, _) => Ok(()),
        (Some(wanted), Some(version)) if names(wanted, &version.etag) => Ok(()),
        _ => Err(failed("If-Match")),
    }
}

/// Whether a read may go on. `prefix` is in front of the header's names, for the source of a copy.
///
/// # Errors
/// 412 when the object has another ETag than asked for; 304 when it has the one that the caller knows, which is 412 too
/// for a copy.
pub(super) fn check_read(call: &Call, version: &Version, prefix: &str) -> Result<(), Failure> {
    let wanted = |name: &str| call.header(&format!("{prefix}{name}"));
    if wanted("if-match").is_some_and(|wanted| !names(wanted, &version.etag)) {
        return Err(failed("If-Match"));
    }
    match wanted("if-none-match") {
        Some(known) if names(known, &version.etag) && prefix.is_empty() => {
            Err(Failure::new(304, "NotModified", "Not Modified").with("etag", version.etag.as_str()))
        }
        Some(known) if names(known, &version.etag) => Err(failed("If-None-Match")),
        _ => Ok(()),
    }
}

fn failed(condition: &str) -> Failure {
    let message = "At least one of the pre-conditions you specified did not hold";
    Failure::new(412, "PreconditionFailed", message).with("Condition", condition)
}

/// Whether a header's list of ETags has this one. Quotes may be left out.
fn names(list: &str, etag: &str) -> bool {
    let bare = |text: &str| text.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    list.split(',').any(|name| name.trim() == "*" || bare(name) == bare(etag))
}
