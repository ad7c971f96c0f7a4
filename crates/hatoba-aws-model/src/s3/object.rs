//! Reading, writing and copying objects.

use super::notification::Change;
use super::request::checked_key;
use super::{Bucket, Call, S3, Version, chunked, conditions, empty, etag, header, no_such_key, xml};
use crate::env::Env;
use crate::failure::{Failure, Output};
use crate::render::escape;
use crate::route::decode;
use crate::time;
use crate::wire::Response;

/// Headers that an object keeps and gives back.
const KEPT: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];

impl S3 {
    /// `GetObject` and `HeadObject`.
    pub(super) fn get_object(&self, call: &Call, env: &Env<'_>) -> Result<Output, Failure> {
        let bucket = self.bucket(call, env)?;
        let version = version(bucket, call.key()?, call.query("versionId"), env)?;
        conditions::check_read(call, version, "")?;
        let mut headers = version.headers.clone();
        headers.push(header("etag", version.etag.as_str()));
        headers.push(header("last-modified", time::http(version.modified)));
        headers.push(header("accept-ranges", "bytes"));
        headers.extend(version_header(bucket, version));
        let size = version.bytes.len();
        let range = call.header("range").map(|range| range_of(range, size)).transpose()?.flatten();
        let (status, bytes) = match range {
            Some((first, last)) => {
                headers.push(header("content-range", format!("bytes {first}-{last}/{size}")));
                (206, version.bytes.get(first..=last).unwrap_or_default())
            }
            None => {
                if call.header("x-amz-checksum-mode").is_some() {
                    headers.extend(version.checksums.clone());
                }
                (200, version.bytes.as_slice())
            }
        };
        headers.push(header("content-length", bytes.len().to_string()));
        let body = if call.operation == "HeadObject" { Vec::new() } else { bytes.to_vec() };
        Ok(Output::Whole(Response { status, headers, body }))
    }

    pub(super) fn put_object(&mut self, call: &Call, env: &mut Env<'_>) -> Result<Output, Failure> {
        let bucket = self.bucket(call, env)?;
        let key = call.key()?;
        let body = chunked::body(call)?;
        conditions::check_write(call, bucket.current(key), env)?;
        let checksums = body.trailers.iter().chain(&call.headers);
        let checksums: Vec<_> = checksums
            .filter(|(name, _)| name.starts_with("x-amz-checksum-") && !name.ends_with("-algorithm"))
            .cloned()
            .collect();
        let version = Version {
            id: String::new(),
            is_marker: false,
            etag: etag(&body.bytes),
            bytes: body.bytes,
            modified: env.now,
            headers: kept_headers(call),
            checksums,
        };
        let mut headers = vec![header("etag", version.etag.as_str())];
        headers.extend(version.checksums.clone());
        headers.extend(self.store(&call.bucket, key, version, Change::Put, env));
        Ok(empty(200, headers))
    }

    pub(super) fn copy_object(&mut self, call: &Call, env: &mut Env<'_>) -> Result<Output, Failure> {
        let key = call.key()?;
        let source = call.header("x-amz-copy-source").unwrap_or_default();
        let (path, query) = source.split_once('?').unwrap_or((source, ""));
        let path = decode(path.strip_prefix('/').unwrap_or(path));
        let Some((from_bucket, from_key)) = path.split_once('/') else {
            return Err(Failure::client(
                "InvalidArgument",
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            ));
        };
        let from = self.buckets.get(from_bucket).ok_or_else(|| super::no_such_bucket(from_bucket))?;
        let id = query.strip_prefix("versionId=").map(decode);
        let found = version(from, checked_key(Some(from_key))?, id.as_deref(), env)?;
        conditions::check_read(call, found, "x-amz-copy-source-")?;
        conditions::check_write(call, self.bucket(call, env)?.current(key), env)?;
        let is_replaced =
            call.header("x-amz-metadata-directive").is_some_and(|word| word.eq_ignore_ascii_case("REPLACE"));
        if !is_replaced && (from_bucket, from_key) == (call.bucket.as_str(), key) && id.is_none() {
            let message = "This copy request is illegal because it is trying to copy an object to itself without \
                           changing the object's metadata, storage class, website redirect location or encryption \
                           attributes.";
            return Err(Failure::client("InvalidRequest", message));
        }
        let mut made = Version { modified: env.now, ..found.clone() };
        let from_version =
            version_header(from, found).map(|(_, id)| header("x-amz-copy-source-version-id", id));
        if is_replaced {
            made.headers = kept_headers(call);
        }
        let inside = format!(
            "<LastModified>{}</LastModified><ETag>{}</ETag>",
            time::iso_millis(env.now),
            escape(&made.etag)
        );
        let Output::Whole(mut response) = xml::answer("CopyObjectResult", &inside) else {
            return Err(xml::malformed());
        };
        response.headers.extend(from_version);
        response.headers.extend(self.store(&call.bucket, key, made, Change::Copy, env));
        Ok(Output::Whole(response))
    }

    /// Puts a version under a key and tells the queues; gives the header that names it, if versions have names.
    pub(super) fn store(
        &mut self,
        bucket: &str,
        key: &str,
        mut version: Version,
        change: Change,
        env: &mut Env<'_>,
    ) -> Option<(String, String)> {
        let holder = self.buckets.get_mut(bucket)?;
        let is_enabled = holder.versioning.as_deref() == Some("Enabled");
        version.id = if is_enabled { env.ids.lower(32) } else { "null".to_owned() };
        let versions = holder.objects.entry(key.to_owned()).or_default();
        if !is_enabled {
            versions.retain(|version| version.id != "null");
        }
        versions.push(version.clone());
        let shown = version_header(holder, &version);
        self.tell(bucket, key, &version, change, env);
        shown
    }
}

/// The version asked for, else the current one.
///
/// # Errors
/// 404; 405 for a marker that is asked for by its id.
fn version<'a>(
    bucket: &'a Bucket,
    key: &str,
    id: Option<&str>,
    env: &Env<'_>,
) -> Result<&'a Version, Failure> {
    let versions = bucket.objects.get(key).map(Vec::as_slice).unwrap_or_default();
    let found = match id {
        None => versions.last(),
        Some(id) => versions.iter().find(|version| version.id == id),
    };
    match (found, id) {
        (Some(version), None) if version.is_marker => {
            Err(no_such_key(key, env).with("x-amz-delete-marker", "true"))
        }
        (Some(version), Some(_)) if version.is_marker => Err(Failure::new(
            405,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )
        .with("x-amz-delete-marker", "true")),
        (Some(version), _) => Ok(version),
        (None, None) => Err(no_such_key(key, env)),
        (None, Some(id)) => Err(Failure::new(404, "NoSuchVersion", "The specified version does not exist.")
            .with("Key", key)
            .with("VersionId", id)),
    }
}

pub(super) fn version_header(bucket: &Bucket, version: &Version) -> Option<(String, String)> {
    bucket.is_versioned().then(|| header("x-amz-version-id", version.id.as_str()))
}

fn kept_headers(call: &Call) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = call
        .headers
        .iter()
        .filter(|(name, _)| KEPT.contains(&name.as_str()) || name.starts_with("x-amz-meta-"))
        .filter_map(|(name, value)| match name.as_str() {
            "content-encoding" => Some((name.clone(), chunked::content_encoding(value)?)),
            _ => Some((name.clone(), value.clone())),
        })
        .collect();
    if !kept.iter().any(|(name, _)| name == "content-type") {
        kept.push(header("content-type", "binary/octet-stream"));
    }
    kept
}

/// First and last byte of `bytes=a-b`, `bytes=a-` or `bytes=-n`; `None` for what S3 does not take for a range.
///
/// # Errors
/// 416 for a range that lies behind the end.
fn range_of(range: &str, size: usize) -> Result<Option<(usize, usize)>, Failure> {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let (first, last) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last),
        (Ok(first), Err(_)) if last.is_empty() => (first, usize::MAX),
        (Err(_), Ok(length)) if first.is_empty() && length > 0 => (size.saturating_sub(length), usize::MAX),
        (Err(_), Ok(0)) if first.is_empty() => (size, size),
        _ => return Ok(None),
    };
    if first >= size {
        return Err(Failure::new(416, "InvalidRange", "The requested range is not satisfiable")
            .with("RangeRequested", range)
            .with("ActualObjectSize", size.to_string()));
    }
    Ok(Some((first, last.min(size - 1))))
}
