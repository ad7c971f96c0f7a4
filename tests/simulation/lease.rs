//! The lease in the model S3, written on conditions by the product itself: its history is that of the board, which says
//! whether it is one register's, and who may write.

use hatoba_aws_model::Response;
use hatoba_tests::history::Deed;

use crate::call::Call;

/// Where it lies in the bucket.
pub(crate) const KEY: &str = ".hatoba/prod/lease.json";

/// Whether a call is about it.
pub(crate) fn is_about(call: &Call) -> bool {
    call.service == "s3" && call.request.uri.split('?').next().is_some_and(|path| path.ends_with(KEY))
}

/// What a call did, as S3 answered it; nothing: it was refused before anything was looked at.
pub(crate) fn deed(call: &Call, response: &Response) -> Option<Deed> {
    let header = |name: &str| {
        let found = response.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    let condition = || call.request.header("if-match").map(str::to_owned);
    match (call.request.method.as_str(), response.status) {
        ("GET", 200) => Some(Deed::Read(header("etag"))),
        ("GET", 404) => Some(Deed::Read(None)),
        ("PUT", 200) => {
            let record = serde_json::from_slice(&call.request.body).ok()?;
            Some(Deed::Wrote(condition(), header("etag")?, record))
        }
        ("PUT", 412) => Some(Deed::Refused(condition())),
        _ => None,
    }
}
