//! CORS: API Gateway answers preflights itself and puts its own headers in the back end's place.

use super::Visit;
use crate::object::{self, Object};
use crate::wire::Response;
use serde_json::Value;

/// A browser's question before the request proper.
pub(super) fn is_preflight(visit: &Visit) -> bool {
    visit.method == "OPTIONS"
        && visit.header("origin").is_some()
        && visit.header("access-control-request-method").is_some()
}

/// The answer to a preflight, before its headers.
pub(super) fn preflight() -> Response {
    Response { status: 204, headers: Vec::new(), body: Vec::new() }
}

/// The answer with the configured headers and none of the back end's. Only callers that name an allowed origin see any.
pub(super) fn applied(cors: &Object, visit: &Visit, mut response: Response) -> Response {
    response.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("access-control-"));
    let Some(origin) = visit.header("origin").and_then(|origin| allowed(cors, origin)) else {
        return response;
    };
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            response.headers.push((name.to_owned(), value));
        }
    };
    add("access-control-allow-origin", origin);
    if object::flag(cors, "allowCredentials") {
        add("access-control-allow-credentials", "true".to_owned());
    }
    if is_preflight(visit) {
        add("access-control-allow-methods", object::texts(cors, "allowMethods").join(","));
        add("access-control-allow-headers", object::texts(cors, "allowHeaders").join(","));
        add(
            "access-control-max-age",
            cors.get("maxAge").and_then(Value::as_i64).map(|age| age.to_string()).unwrap_or_default(),
        );
    } else {
        add("access-control-expose-headers", object::texts(cors, "exposeHeaders").join(","));
    }
    response
}

/// What to tell a page of this origin; `None` when it is not allowed.
fn allowed(cors: &Object, origin: &str) -> Option<String> {
    object::texts(cors, "allowOrigins").into_iter().find_map(|pattern| match pattern {
        "*" => Some("*".to_owned()),
        _ if pattern.eq_ignore_ascii_case(origin) => Some(origin.to_owned()),
        _ => {
            let scheme = pattern.strip_suffix('*').filter(|scheme| scheme.ends_with("://"))?;
            origin.starts_with(scheme).then(|| origin.to_owned())
        }
    })
}
