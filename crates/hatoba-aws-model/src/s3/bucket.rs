//! Buckets: their life, region and versioning.

use super::notification::Notifications;
use super::{Bucket, Call, S3, empty, header, no_such_bucket, xml};
use crate::env::Env;
use crate::failure::{Failure, Output};
use crate::render::escape;
use crate::time;
use std::collections::BTreeMap;
use std::time::Duration;

impl Bucket {
    pub(super) fn new(region: &str, created: Duration) -> Self {
        Self {
            region: region.to_owned(),
            created,
            versioning: None,
            objects: BTreeMap::new(),
            notifications: Notifications::default(),
        }
    }
}

impl S3 {
    pub(super) fn list_buckets(&self) -> Output {
        let buckets: String = self
            .buckets
            .iter()
            .map(|(name, bucket)| {
                let created = time::iso_millis(bucket.created);
                format!(
                    "<Bucket><Name>{}</Name><CreationDate>{created}</CreationDate></Bucket>",
                    escape(name)
                )
            })
            .collect();
        let inside = format!("<Owner><ID>{OWNER}</ID></Owner><Buckets>{buckets}</Buckets>");
        xml::answer("ListAllMyBucketsResult", &inside)
    }

    pub(super) fn create_bucket(&mut self, call: &Call, env: &Env<'_>) -> Result<Output, Failure> {
        let name = call.bucket.as_str();
        if !is_name(name) {
            return Err(Failure::client("InvalidBucketName", "The specified bucket is not valid.")
                .with("BucketName", name));
        }
        let region = call.region.as_deref().unwrap_or(&env.config.region);
        let asked = if call.body.is_empty() {
            None
        } else {
            let body = xml::parse(&call.body, "CreateBucketConfiguration")?;
            body.text_of("LocationConstraint").filter(|name| !name.is_empty()).map(str::to_owned)
        };
        check_location(region, asked.as_deref())?;
        if self.buckets.contains_key(name) && region != HOME {
            let message =
                "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(Failure::new(409, "BucketAlreadyOwnedByYou", message).with("BucketName", name));
        }
        self.buckets.entry(name.to_owned()).or_insert_with(|| Bucket::new(region, env.now));
        Ok(empty(200, vec![header("location", format!("/{name}"))]))
    }

    pub(super) fn delete_bucket(&mut self, call: &Call, env: &Env<'_>) -> Result<Output, Failure> {
        if !self.bucket(call, env)?.objects.is_empty() {
            return Err(Failure::new(409, "BucketNotEmpty", "The bucket you tried to delete is not empty")
                .with("BucketName", call.bucket.as_str()));
        }
        self.buckets.remove(&call.bucket);
        Ok(empty(204, Vec::new()))
    }

    pub(super) fn head_bucket(&self, call: &Call, env: &Env<'_>) -> Result<Output, Failure> {
        let bucket = self.bucket(call, env)?;
        Ok(empty(200, vec![header("x-amz-bucket-region", bucket.region.as_str())]))
    }

    /// Answered in every region, so that callers can find the right one. `us-east-1` has no name here.
    pub(super) fn bucket_location(&self, call: &Call) -> Result<Output, Failure> {
        let bucket = self.buckets.get(&call.bucket).ok_or_else(|| no_such_bucket(&call.bucket))?;
        let region = if bucket.region == HOME { "" } else { &bucket.region };
        Ok(xml::answer("LocationConstraint", &escape(region)))
    }

    pub(super) fn bucket_versioning(&self, call: &Call, env: &Env<'_>) -> Result<Output, Failure> {
        let status = self.bucket(call, env)?.versioning.as_ref();
        let inside = status.map(|status| format!("<Status>{status}</Status>")).unwrap_or_default();
        Ok(xml::answer("VersioningConfiguration", &inside))
    }

    pub(super) fn put_bucket_versioning(&mut self, call: &Call, env: &Env<'_>) -> Result<Output, Failure> {
        let bucket = self.bucket_mut(call, env)?;
        let body = xml::parse(&call.body, "VersioningConfiguration")?;
        match body.text_of("Status") {
            Some(status @ ("Enabled" | "Suspended")) => bucket.versioning = Some(status.to_owned()),
            Some(_) => return Err(xml::malformed()),
            None => {
                return Err(Failure::client(
                    "IllegalVersioningConfigurationException",
                    "The Versioning element must be specified",
                ));
            }
        }
        Ok(empty(200, Vec::new()))
    }
}

/// The canonical user that owns every bucket.
pub(super) const OWNER: &str = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a";

/// The region whose location constraint is to say none, and where a bucket may be created twice.
const HOME: &str = "us-east-1";

fn check_location(region: &str, asked: Option<&str>) -> Result<(), Failure> {
    match asked {
        None if region == HOME => Ok(()),
        Some(HOME) => Err(Failure::client(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
        )),
        Some(asked) if asked == region => Ok(()),
        asked => {
            let asked = asked.unwrap_or("unspecified");
            let message = format!(
                "The {asked} location constraint is incompatible for the region specific endpoint this request was \
                 sent to."
            );
            Err(Failure::client("IllegalLocationConstraintException", message))
        }
    }
}

/// 3 to 63 lower-case letters, digits, hyphens and dots; labels begin and end with a letter or a digit.
fn is_name(name: &str) -> bool {
    let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.split('.').all(|label| {
            label.chars().all(|c| is_good(c) || c == '-')
                && label.starts_with(is_good)
                && label.ends_with(is_good)
        })
}
