//! S3: buckets, objects, lists, conditional writes, versions, and messages to SQS about changes.
//!
//! **Invariant.** What a write has answered, every later read and list shows: S3 is strongly consistent. Keys are opaque
//! text, in the order of their bytes: nothing is made of `/`, `.` or `..`.

mod bucket;
mod by_hand;
mod chunked;
mod conditions;
mod list;
mod notification;
mod object;
mod remove;
mod request;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_events;
#[cfg(test)]
mod tests_objects;
mod xml;

pub(crate) use notification::Event;
pub(crate) use request::{Call, is_host};

use crate::env::Env;
use crate::failure::{Failure, Output};
use crate::object::Object;
use crate::sqs::Sqs;
use crate::wire::Response;
use md5::{Digest as _, Md5};
use notification::Notifications;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Largest text that a dump shows.
const DUMPED_BYTES_MAX: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(crate) struct S3 {
    buckets: BTreeMap<String, Bucket>,
    /// Changes so far, by which those of one key can be put in order.
    changes: u64,
}

#[derive(Debug)]
struct Bucket {
    region: String,
    created: Duration,
    /// `Enabled` or `Suspended`; neither until it is asked for.
    versioning: Option<String>,
    /// The versions of each key, oldest first. No key is without one.
    objects: BTreeMap<String, Vec<Version>>,
    notifications: Notifications,
}

/// One version of an object, or the marker of its deletion.
#[derive(Clone, Debug)]
struct Version {
    /// `null` when it was made without versioning.
    id: String,
    is_marker: bool,
    bytes: Vec<u8>,
    /// In quotes.
    etag: String,
    modified: Duration,
    /// What is given back with it: content type, metadata.
    headers: Vec<(String, String)>,
    /// Checksums as they were sent.
    checksums: Vec<(String, String)>,
}

impl Bucket {
    /// The object under a key; `None` as well when the last that happened to it was a deletion.
    fn current(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last().filter(|version| !version.is_marker)
    }

    /// Objects that a list shows, in the order of their keys.
    fn listed(&self) -> impl Iterator<Item = (&str, &Version)> {
        self.objects.iter().filter_map(|(key, versions)| {
            versions.last().filter(|version| !version.is_marker).map(|version| (key.as_str(), version))
        })
    }

    fn is_versioned(&self) -> bool {
        self.versioning.is_some()
    }
}

impl S3 {
    /// Carries out one call.
    ///
    /// # Errors
    /// S3's refusals.
    pub(crate) fn call(&mut self, call: &Call, sqs: &mut Sqs, env: &mut Env<'_>) -> Result<Output, Failure> {
        match call.operation {
            "ListBuckets" => Ok(self.list_buckets()),
            "CreateBucket" => self.create_bucket(call, env),
            "DeleteBucket" => self.delete_bucket(call, env),
            "HeadBucket" => self.head_bucket(call, env),
            "GetBucketLocation" => self.bucket_location(call),
            "GetBucketVersioning" => self.bucket_versioning(call, env),
            "PutBucketVersioning" => self.put_bucket_versioning(call, env),
            "GetBucketNotificationConfiguration" => self.bucket_notification(call, env),
            "PutBucketNotificationConfiguration" => self.put_bucket_notification(call, sqs, env),
            "ListObjects" | "ListObjectsV2" => self.list_objects(call, env),
            "GetObject" | "HeadObject" => self.get_object(call, env),
            "PutObject" => self.put_object(call, env),
            "CopyObject" => self.copy_object(call, env),
            "DeleteObject" => self.delete_object(call, env),
            "DeleteObjects" => self.delete_objects(call, env),
            other => Err(crate::refusal::unknown_operation(crate::route::Protocol::RestXml, other)),
        }
    }

    /// What S3 does later.
    pub(crate) fn happen(&mut self, event: Event, sqs: &mut Sqs, env: &Env<'_>) {
        let Event::Tell { queue, body, id } = event;
        // A queue that has gone meanwhile hears nothing.
        sqs.deliver(&queue, &body, &id, env);
    }

    pub(crate) fn dump(&self) -> Value {
        let buckets: Object =
            self.buckets.iter().map(|(name, bucket)| (name.clone(), bucket.dump())).collect();
        json!({ "buckets": buckets })
    }

    /// The bucket of a call.
    ///
    /// # Errors
    /// `NoSuchBucket`; `PermanentRedirect` when the call came to another region.
    fn bucket(&self, call: &Call, env: &Env<'_>) -> Result<&Bucket, Failure> {
        let bucket = self.buckets.get(&call.bucket).ok_or_else(|| no_such_bucket(&call.bucket))?;
        if call.region.as_ref().unwrap_or(&env.config.region) == &bucket.region {
            return Ok(bucket);
        }
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please \
                       send all future requests to this endpoint.";
        Err(Failure::new(301, "PermanentRedirect", message)
            .with("Endpoint", format!("{}.s3.{}.amazonaws.com", call.bucket, bucket.region))
            .with("Bucket", call.bucket.as_str())
            .with("x-amz-bucket-region", bucket.region.as_str()))
    }

    /// [`bucket`](Self::bucket), to change it.
    fn bucket_mut(&mut self, call: &Call, env: &Env<'_>) -> Result<&mut Bucket, Failure> {
        self.bucket(call, env)?;
        self.buckets.get_mut(&call.bucket).ok_or_else(|| no_such_bucket(&call.bucket))
    }
}

impl Bucket {
    fn dump(&self) -> Value {
        let objects: Object = self
            .listed()
            .map(|(key, version)| {
                let mut shown = json!({ "etag": version.etag, "size": version.bytes.len() });
                if let Ok(text) = std::str::from_utf8(&version.bytes)
                    && text.len() <= DUMPED_BYTES_MAX
                {
                    shown["text"] = json!(text);
                }
                (key.to_owned(), shown)
            })
            .collect();
        json!({ "region": self.region, "versioning": self.versioning, "objects": objects })
    }
}

fn no_such_bucket(name: &str) -> Failure {
    Failure::new(404, "NoSuchBucket", "The specified bucket does not exist").with("BucketName", name)
}

/// The object is not there. Whoever may not list the bucket does not learn that.
fn no_such_key(key: &str, env: &Env<'_>) -> Failure {
    if env.faults.is_denied("s3", "ListObjectsV2") {
        return crate::refusal::denied(crate::route::Protocol::RestXml, "s3", "GetObject");
    }
    Failure::new(404, "NoSuchKey", "The specified key does not exist.").with("Key", key)
}

fn empty(status: u16, headers: Vec<(String, String)>) -> Output {
    Output::Whole(Response { status, headers, body: Vec::new() })
}

fn header(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// S3's ETag of an object that was sent in one piece.
fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", md5_hex(bytes))
}

pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
