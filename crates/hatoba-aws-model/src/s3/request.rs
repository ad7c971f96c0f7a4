//! What a request asks of S3: the operation, the bucket and the key, in either style of address.

use crate::failure::Failure;
use crate::route::{decode, host_of, pairs, path_and_query, scope_of};
use crate::wire::Request;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;

/// A call that has found its operation.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    /// Empty for `ListBuckets`.
    pub(super) bucket: String,
    /// Empty for calls to a bucket; `None` when it is not UTF-8.
    pub(super) key: Option<String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The region of the signature, else of the host.
    pub(super) region: Option<String>,
}

/// Query members that make another operation of a path.
const SUBRESOURCES: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
];

impl Call {
    /// The call; `None` for what is no operation of the model.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let (path, query) = path_and_query(&request.uri);
        let query: BTreeMap<String, String> = pairs(query).into_iter().collect();
        let path = path.strip_prefix('/').unwrap_or(path);
        let place = Place::of(host_of(request));
        let (bucket, key) = match place.bucket {
            Some(bucket) => (bucket, path),
            None => {
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                (decode(bucket), key)
            }
        };
        let depth = match (bucket.is_empty(), key.is_empty()) {
            (true, _) => Depth::Service,
            (false, true) => Depth::Bucket,
            (false, false) => Depth::Object,
        };
        let is_copy = request.header("x-amz-copy-source").is_some();
        let operation = operation(&request.method, depth, &query, is_copy)?;
        let key = String::from_utf8(percent_decode_str(key).collect()).ok();
        let region = scope_of(request).map(|scope| scope.region).or(place.region);
        let (headers, body) = (request.headers.clone(), request.body.clone());
        Some(Self { operation, bucket, key, query, headers, body, region })
    }

    /// The first value of a header; `name` is in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// The key, once S3 would take it for one.
    ///
    /// # Errors
    /// For keys that are not UTF-8 or too long.
    pub(super) fn key(&self) -> Result<&str, Failure> {
        checked_key(self.key.as_deref())
    }
}

/// Bytes of a key.
const KEY_BYTES_MAX: usize = 1024;

pub(super) fn checked_key(key: Option<&str>) -> Result<&str, Failure> {
    match key {
        None => Err(Failure::client("InvalidURI", "Couldn't parse the specified URI.")),
        Some(key) if key.len() > KEY_BYTES_MAX => {
            Err(Failure::client("KeyTooLongError", "Your key is too long")
                .with("Size", key.len().to_string())
                .with("MaxSizeAllowed", KEY_BYTES_MAX.to_string()))
        }
        Some(key) => Ok(key),
    }
}

#[derive(Clone, Copy)]
enum Depth {
    Service,
    Bucket,
    Object,
}

fn operation(
    method: &str,
    depth: Depth,
    query: &BTreeMap<String, String>,
    is_copy: bool,
) -> Option<&'static str> {
    let subresource = SUBRESOURCES.iter().find(|name| query.contains_key(**name)).copied();
    Some(match (depth, method, subresource) {
        (Depth::Service, "GET", None) => "ListBuckets",
        (Depth::Bucket, "PUT", None) => "CreateBucket",
        (Depth::Bucket, "DELETE", None) => "DeleteBucket",
        (Depth::Bucket, "HEAD", None) => "HeadBucket",
        (Depth::Bucket, "GET", None) if query.get("list-type").is_some_and(|kind| kind == "2") => {
            "ListObjectsV2"
        }
        (Depth::Bucket, "GET", None) => "ListObjects",
        (Depth::Bucket, "GET", Some("location")) => "GetBucketLocation",
        (Depth::Bucket, "GET", Some("versioning")) => "GetBucketVersioning",
        (Depth::Bucket, "PUT", Some("versioning")) => "PutBucketVersioning",
        (Depth::Bucket, "GET", Some("notification")) => "GetBucketNotificationConfiguration",
        (Depth::Bucket, "PUT", Some("notification")) => "PutBucketNotificationConfiguration",
        (Depth::Bucket, "POST", Some("delete")) => "DeleteObjects",
        (Depth::Object, "GET", None) => "GetObject",
        (Depth::Object, "HEAD", None) => "HeadObject",
        (Depth::Object, "PUT", None) if is_copy => "CopyObject",
        (Depth::Object, "PUT", None) => "PutObject",
        (Depth::Object, "DELETE", None) => "DeleteObject",
        _ => return None,
    })
}

/// What a host says: a bucket, in virtual-host style, and a region.
#[derive(Default)]
struct Place {
    bucket: Option<String>,
    region: Option<String>,
}

impl Place {
    fn of(host: &str) -> Self {
        // Clients put the bucket before `localhost` as they do before AWS's own hosts.
        if let Some(bucket) = without_port(host).strip_suffix(".localhost") {
            return Self { bucket: Some(bucket.to_owned()), region: None };
        }
        Self::of_aws(host).unwrap_or_default()
    }

    /// `[bucket.]s3[.dualstack][.region].amazonaws.com`.
    fn of_aws(host: &str) -> Option<Self> {
        let labels: Vec<&str> = without_port(host).strip_suffix(".amazonaws.com")?.split('.').collect();
        let after = labels.iter().rev().take(3).position(|label| *label == "s3")?;
        let (bucket, region) = labels.split_at(labels.len() - 1 - after);
        Some(Self {
            bucket: (!bucket.is_empty()).then(|| bucket.join(".")),
            region: region.iter().skip(1).find(|label| **label != "dualstack").map(|l| (*l).to_owned()),
        })
    }
}

fn without_port(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// Whether this is one of S3's own hosts.
pub(crate) fn is_host(host: &str) -> bool {
    Place::of_aws(host).is_some()
}
