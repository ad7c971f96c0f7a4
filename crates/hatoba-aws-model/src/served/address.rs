//! Which API a request is for.

use crate::route::{authority, path_and_query};
use crate::wire::Request;

/// How the loopback server names an API in the path, for callers that cannot choose the host.
const PREFIX: &str = "/_aws/execute-api/";

/// Where a request goes.
pub(crate) struct Address {
    pub(super) api: String,
    pub(super) host: String,
    /// On the API's host: a named stage is its first segment.
    pub(super) path: String,
    pub(super) query: String,
}

/// The address of a request to an API; `None` for every other request, those to AWS's own services among them.
pub(crate) fn of(request: &Request) -> Option<Address> {
    let host = authority(&request.uri).or_else(|| request.header("host")).unwrap_or_default();
    let (path, query) = path_and_query(&request.uri);
    let to = |api: &str, path: &str| Address {
        api: api.to_owned(),
        host: host.to_owned(),
        path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
        query: query.to_owned(),
    };
    let mut labels = host.split(['.', ':']);
    if let (Some(api), Some("execute-api")) = (labels.next(), labels.next()) {
        return Some(to(api, path));
    }
    let (api, path) = path.strip_prefix(PREFIX).map(|rest| rest.split_once('/').unwrap_or((rest, "")))?;
    // `$default` may be written where a stage's name would stand.
    let path = ["$default", "%24default"]
        .iter()
        .filter_map(|name| path.strip_prefix(name))
        .find(|rest| rest.is_empty() || rest.starts_with('/'))
        .unwrap_or(path);
    Some(to(api, path))
}
