//! The one file that speaks to S3: list, get, put and delete, with conditions.
//!
//! **Invariant: nothing is half.** A listing has its last page or is an error; an object is read whole, within a
//! limit, or not at all; a write with a condition tells a lost race ([`StoreError::Conflict`]) from a lost answer
//! ([`StoreError::Unanswered`]).

use std::future::Future;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::EncodingType;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use futures::future::BoxFuture;
use percent_encoding::percent_decode_str;

use super::Location;
use super::error::StoreError;

/// The SDK would wait for ever; a page of a listing takes well under a second.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Bounds what an attempt does not count (credentials), and the reading of a body, which it does not count either.
const OPERATION: Duration = Duration::from_secs(25);
const CONNECT: Duration = Duration::from_secs(3);

/// A bucket. Cheap to clone; retries are the caller's matter, because only the caller knows what a lost answer means.
/// What speaks to S3 is compiled here: a bare future's code is made anew by every program that waits for it.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Client,
    name: String,
    region: String,
}

/// One object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The whole key.
    pub key: String,
    /// Another content has another one; nothing else is known about it. As S3 writes it, with its quotes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

/// An object that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its content, whole.
    pub bytes: Vec<u8>,
    /// The ETag of this content.
    pub etag: String,
}

/// What a conditional read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The object is as it was known.
    Unchanged,
    /// There is no such object.
    Absent,
    /// The object has another content.
    Changed(Stored),
}

/// When a write is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'a> {
    /// In any case.
    Always,
    /// Only if there is no such object.
    Absent,
    /// Only if the object has this ETag.
    Unchanged(&'a str),
}

impl Bucket {
    /// A bucket by its name. Retries of the SDK's own are off and timeouts set, whatever `config` says; where it names
    /// an endpoint of its own (an emulator), the bucket goes into the path.
    pub fn new(config: &SdkConfig, name: &str) -> Bucket {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION)
            .build();
        let settings = Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .force_path_style(has_own_endpoint(config))
            .build();
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        Bucket { client: Client::from_conf(settings), name: name.to_owned(), region }
    }

    /// The bucket that a place lies in.
    pub fn of(config: &SdkConfig, location: &Location) -> Bucket {
        Bucket::new(config, location.bucket())
    }

    /// The bucket's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Every object whose key begins with `start`, in S3's order, to the last page: one call for every thousand.
    ///
    /// # Errors
    /// [`StoreError`] when any page cannot be read or is not whole, or when there are more than `entries_max`.
    pub fn list<'a>(
        &'a self,
        start: &'a str,
        entries_max: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>> {
        Box::pin(async move {
            let asked = Asked { bucket: self, key: start, action: "s3:ListBucket" };
            let mut entries = Vec::new();
            let mut token: Option<String> = None;
            loop {
                let call = self.client.list_objects_v2().bucket(&self.name).prefix(start);
                // Keys may have characters that XML cannot hold.
                let call = call.encoding_type(EncodingType::Url).set_continuation_token(token.clone());
                let page = asked.answer(call.send()).await?;
                take_page(&asked, &page, &mut entries)?;
                if entries.len() > entries_max {
                    return Err(asked.too_large(entries_max as u64, "objects"));
                }
                token = match (page.is_truncated(), page.next_continuation_token()) {
                    (Some(true), Some(next)) if token.as_deref() != Some(next) => Some(next.to_owned()),
                    (Some(true), _) => {
                        return Err(asked.garbled("the listing breaks off without saying where"));
                    }
                    (Some(false), _) => return Ok(entries),
                    (None, _) => return Err(asked.garbled("the listing does not say whether it is whole")),
                };
            }
        })
    }

    /// An object's content, or `None` where there is no such object. `if_match`: only that very content.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the content is another one, [`StoreError::TooLarge`] when it has more than
    /// `bytes_max` (the rest is never downloaded), or what else S3 says.
    pub fn get<'a>(
        &'a self,
        key: &'a str,
        if_match: Option<&'a str>,
        bytes_max: u64,
    ) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move {
            let asked = Asked { bucket: self, key, action: "s3:GetObject" };
            let call = self
                .client
                .get_object()
                .bucket(&self.name)
                .key(key)
                .set_if_match(if_match.map(str::to_owned));
            match call.send().await {
                Ok(output) => {
                    let length = output.content_length();
                    asked.whole(output.body, length, output.e_tag, bytes_max).await.map(Some)
                }
                Err(error) if asked.is_absent(&error) => Ok(None),
                Err(error) => Err(asked.error(&error)),
            }
        })
    }

    /// An object's content unless it is still the one with the known ETag; one call, and no download, if it is.
    ///
    /// # Errors
    /// As [`get`](Bucket::get).
    pub fn get_unless<'a>(
        &'a self,
        key: &'a str,
        known_etag: &'a str,
        bytes_max: u64,
    ) -> BoxFuture<'a, Result<Fetched, StoreError>> {
        Box::pin(async move {
            let asked = Asked { bucket: self, key, action: "s3:GetObject" };
            let call = self.client.get_object().bucket(&self.name).key(key).if_none_match(known_etag);
            match call.send().await {
                Ok(output) => {
                    let length = output.content_length();
                    asked.whole(output.body, length, output.e_tag, bytes_max).await.map(Fetched::Changed)
                }
                // No error to S3's mind, one to the SDK's; it has no code, only the status.
                Err(error) if status_of(&error) == Some(304) => Ok(Fetched::Unchanged),
                Err(error) if asked.is_absent(&error) => Ok(Fetched::Absent),
                Err(error) => Err(asked.error(&error)),
            }
        })
    }

    /// Writes an object whole, as JSON; returns the ETag of what was written.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the condition does not hold, or what else S3 says.
    pub fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Vec<u8>,
        condition: Condition<'a>,
    ) -> BoxFuture<'a, Result<String, StoreError>> {
        Box::pin(async move {
            let asked = Asked { bucket: self, key, action: "s3:PutObject" };
            let call = self.client.put_object().bucket(&self.name).key(key).content_type("application/json");
            let call = match condition {
                Condition::Always => call,
                Condition::Absent => call.if_none_match("*"),
                Condition::Unchanged(etag) => call.if_match(etag),
            };
            match call.body(ByteStream::from(bytes)).send().await {
                Ok(output) => output.e_tag.ok_or_else(|| asked.garbled("an answer without an ETag")),
                Err(error) if asked.is_absent(&error) && condition != Condition::Always => {
                    Err(StoreError::Conflict { place: asked.place(), code: "NoSuchKey".to_owned() })
                }
                Err(error) => Err(asked.error(&error)),
            }
        })
    }

    /// Removes an object; one that is gone already is no error. Of [`Condition::Absent`] nothing is left to do.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the object has another content, or what else S3 says.
    pub fn delete<'a>(
        &'a self,
        key: &'a str,
        condition: Condition<'a>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let asked = Asked { bucket: self, key, action: "s3:DeleteObject" };
            let call = self.client.delete_object().bucket(&self.name).key(key);
            let call = match condition {
                Condition::Always => call,
                Condition::Absent => return Ok(()),
                Condition::Unchanged(etag) => call.if_match(etag),
            };
            match call.send().await {
                Ok(_) => Ok(()),
                Err(error) if asked.is_absent(&error) => Ok(()),
                Err(error) => Err(asked.error(&error)),
            }
        })
    }
}

/// Whether requests go somewhere else than to AWS: then no name of a bucket resolves as a host.
fn has_own_endpoint(config: &SdkConfig) -> bool {
    let key =
        ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let of_service = || config.service_config()?.load_config(key.ok()?);
    config.endpoint_url().is_some() || of_service().is_some()
}

/// Takes the objects of one page of a listing; a page that is not whole is none.
fn take_page(
    asked: &Asked<'_>,
    page: &ListObjectsV2Output,
    entries: &mut Vec<Entry>,
) -> Result<(), StoreError> {
    let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
    for object in page.contents() {
        let (Some(key), Some(etag), Some(size)) = (object.key(), object.e_tag(), object.size()) else {
            return Err(asked.garbled("an object is listed without its key, ETag or size"));
        };
        let key = if is_encoded { decoded(key) } else { key.to_owned() };
        if !key.starts_with(asked.key) {
            return Err(asked.garbled("an object is listed that was not asked for"));
        }
        let size = u64::try_from(size).unwrap_or_default();
        entries.push(Entry { key, etag: etag.to_owned(), size });
    }
    Ok(())
}

/// A key as `encoding-type=url` has it: `+` is a space.
fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// One call, for what is said about it.
struct Asked<'a> {
    bucket: &'a Bucket,
    key: &'a str,
    action: &'static str,
}

impl Asked<'_> {
    /// Control characters in keys are shown as what they are.
    fn place(&self) -> String {
        let key: String = self
            .key
            .chars()
            .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
            .collect();
        format!("s3://{}/{key}", self.bucket.name)
    }

    async fn answer<T, E: Fault>(
        &self,
        call: impl Future<Output = Result<T, SdkError<E, Response>>>,
    ) -> Result<T, StoreError> {
        call.await.map_err(|error| self.error(&error))
    }

    /// Reads a body that is announced, and is, within the limit.
    async fn whole(
        &self,
        mut body: ByteStream,
        length: Option<i64>,
        etag: Option<String>,
        bytes_max: u64,
    ) -> Result<Stored, StoreError> {
        let etag = etag.ok_or_else(|| self.garbled("an answer without an ETag"))?;
        if length.is_some_and(|length| u64::try_from(length).is_ok_and(|length| length > bytes_max)) {
            return Err(self.too_large(bytes_max, "bytes"));
        }
        let reading = async {
            let mut bytes = Vec::new();
            while let Some(chunk) = body.next().await {
                let chunk = chunk.map_err(|error| self.garbled(&chain(&error)))?;
                if (bytes.len() + chunk.len()) as u64 > bytes_max {
                    return Err(self.too_large(bytes_max, "bytes"));
                }
                bytes.extend_from_slice(&chunk);
            }
            match length.and_then(|length| usize::try_from(length).ok()) {
                Some(length) if length != bytes.len() => Err(self.garbled("the content breaks off")),
                _ => Ok(Stored { bytes, etag }),
            }
        };
        let late = |_| self.garbled("the content does not come to an end");
        tokio::time::timeout(OPERATION, reading).await.map_err(late)?
    }

    /// 404, but for a missing bucket.
    fn is_absent<E: Fault>(&self, error: &SdkError<E, Response>) -> bool {
        status_of(error) == Some(404) && error.code() != Some("NoSuchBucket")
    }

    fn error<E: Fault>(&self, error: &SdkError<E, Response>) -> StoreError {
        let Some(answer) = error.raw_response().filter(|_| matches!(error, SdkError::ServiceError(_))) else {
            return self.garbled(&chain(error));
        };
        let (place, status) = (self.place(), answer.status().as_u16());
        let code = error.code().map_or_else(|| format!("HTTP {status}"), str::to_owned);
        let message = error.message().unwrap_or("it says nothing more").to_owned();
        let found = region_in(answer).filter(|region| *region != self.bucket.region);
        match (status, code.as_str()) {
            (301 | 307, _) | (400, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException")
                if status < 400 || found.is_some() =>
            {
                StoreError::WrongRegion { place, asked: self.bucket.region.clone(), found }
            }
            (412 | 409, _) => StoreError::Conflict { place, code },
            (404, "NoSuchBucket") => StoreError::NoSuchBucket { place },
            (401 | 403, _) => StoreError::Denied { place, action: self.action, code, message },
            (429, _) | (503, "SlowDown") => StoreError::Throttled { place, code },
            (500.., _) => StoreError::Unanswered { place, message: format!("{code}: {message}") },
            _ => StoreError::Refused { place, status, code, message },
        }
    }

    fn too_large(&self, limit: u64, what: &'static str) -> StoreError {
        StoreError::TooLarge { place: self.place(), limit, what }
    }

    fn garbled(&self, message: &str) -> StoreError {
        StoreError::Unanswered { place: self.place(), message: message.to_owned() }
    }
}

/// What all errors of operations have in common.
trait Fault: std::error::Error + ProvideErrorMetadata + 'static {}
impl<E: std::error::Error + ProvideErrorMetadata + 'static> Fault for E {}

fn status_of<E>(error: &SdkError<E, Response>) -> Option<u16> {
    error.raw_response().map(|answer| answer.status().as_u16())
}

/// An error and what is behind it, in one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        text = format!("{text}: {error}");
        behind = error.source();
    }
    text
}

/// The region that S3 names as the bucket's: in a header, or in the body.
fn region_in(answer: &Response) -> Option<String> {
    if let Some(region) = answer.headers().get("x-amz-bucket-region") {
        return Some(region.to_owned());
    }
    let text = std::str::from_utf8(answer.body().bytes()?).ok()?;
    Some(text.split_once("<Region>")?.1.split_once("</Region>")?.0.to_owned())
}
