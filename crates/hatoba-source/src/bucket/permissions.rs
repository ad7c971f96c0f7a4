//! What reading documents from a bucket, and keeping status documents in one, must be allowed.

use serde_json::{Value, json};

use super::Location;

/// IAM statements for a source, and for the place of its status documents.
///
/// Without `s3:ListBucket` S3 calls a missing object denied, so it comes with both; and since a request for an object names
/// no prefix, the condition on it must hold where there is none.
///
/// ```
/// use hatoba_source::{Location, source_permissions};
/// let source: Location = "s3://documents/prod".parse()?;
/// let statements = source_permissions(&source, Some(&source.status_place()));
/// assert_eq!(statements[1]["Resource"], "arn:aws:s3:::documents/prod/*");
/// # Ok::<(), hatoba_source::LocationError>(())
/// ```
pub fn source_permissions(source: &Location, status: Option<&Location>) -> Vec<Value> {
    let list = |sid: &str, place: &Location| {
        json!({
            "Sid": sid, "Effect": "Allow", "Action": "s3:ListBucket",
            "Resource": format!("arn:aws:s3:::{}", place.bucket()),
            "Condition": { "StringLikeIfExists": { "s3:prefix": place.key("*") } },
        })
    };
    let objects = |sid: &str, place: &Location, actions: &[&str]| {
        let resource = format!("arn:aws:s3:::{}/{}", place.bucket(), place.key("*"));
        json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource })
    };
    let mut statements = vec![list("SourceList", source), objects("SourceRead", source, &["s3:GetObject"])];
    if let Some(status) = status {
        statements.push(list("StatusList", status));
        let actions = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"];
        statements.push(objects("StatusWrite", status, &actions));
    }
    statements
}
