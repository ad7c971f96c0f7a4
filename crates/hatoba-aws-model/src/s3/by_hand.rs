//! What tests do to buckets without a request: neither logged nor refused, at the time of the last request.

use super::notification::{Change, Listener};
use super::{Bucket, Version, etag, header};
use crate::env::Env;
use crate::world::World;

impl World {
    /// Makes a bucket in the world's region, unless it is there.
    pub fn create_bucket(&mut self, name: &str) {
        let bucket = Bucket::new(&self.config.region, self.now());
        self.s3.buckets.entry(name.to_owned()).or_insert(bucket);
    }

    /// Puts an object, as a request would: queues that listen are told. Makes the bucket if need be.
    pub fn put_object(&mut self, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>) {
        self.create_bucket(bucket);
        let bytes = bytes.into();
        self.with_env(|world_s3, _, env| {
            let version = Version {
                id: String::new(),
                is_marker: false,
                etag: etag(&bytes),
                bytes,
                modified: env.now,
                headers: vec![header("content-type", "binary/octet-stream")],
                checksums: Vec::new(),
            };
            world_s3.store(bucket, key, version, Change::Put, env);
        });
        self.changed();
    }

    /// Deletes an object, as a request would; whether there was one.
    pub fn delete_object(&mut self, bucket: &str, key: &str) -> bool {
        let is_there = self.object(bucket, key).is_some();
        self.with_env(|s3, _, env| {
            // A bucket that is not there has no object to delete.
            let _ = s3.remove(bucket, key, None, None, env);
        });
        self.changed();
        is_there
    }

    /// The bytes of an object.
    #[must_use]
    pub fn object(&self, bucket: &str, key: &str) -> Option<&[u8]> {
        self.s3.buckets.get(bucket)?.current(key).map(|version| version.bytes.as_slice())
    }

    /// The keys of a bucket, in the order of their bytes.
    #[must_use]
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let bucket = self.s3.buckets.get(bucket);
        bucket.into_iter().flat_map(Bucket::listed).map(|(key, _)| key.to_owned()).collect()
    }

    /// Has a queue hear of every object that comes or goes in a bucket, and makes both if need be; gives the queue's
    /// URL. There is no test event.
    pub fn notify_queue(&mut self, bucket: &str, queue: &str) -> String {
        self.create_bucket(bucket);
        let mut url = String::new();
        self.with_env(|s3, sqs, env| {
            let arn = sqs.ensure_for_s3(queue, env);
            url = format!("https://sqs.{}.amazonaws.com/{}/{queue}", env.config.region, env.config.account);
            let events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"].map(str::to_owned).to_vec();
            let (prefix, suffix) = (String::new(), String::new());
            if let Some(bucket) = s3.buckets.get_mut(bucket) {
                bucket.listen(Listener { id: queue.to_owned(), queue: arn, events, prefix, suffix });
            }
        });
        url
    }

    fn with_env(&mut self, act: impl FnOnce(&mut super::S3, &mut crate::sqs::Sqs, &mut Env<'_>)) {
        let mut parts = self.parts();
        let (s3, sqs, env) = (parts.0, parts.1, &mut parts.2);
        act(s3, sqs, env);
    }
}
