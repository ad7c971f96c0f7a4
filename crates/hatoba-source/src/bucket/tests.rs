//! A small S3 in memory that speaks the wire, to be asked and to misbehave; and what [`Bucket`] makes of its answers.

mod bell;
mod source;
mod store;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{Bucket, Location};

pub(crate) fn location(text: &str) -> Location {
    text.parse().unwrap()
}

/// One bucket, `docs`.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeS3(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<String, (Vec<u8>, String)>,
    writes: usize,
    /// What was asked for, as `METHOD key` or `LIST start`.
    calls: Vec<String>,
    /// To calls that begin so, this is the answer.
    rules: Vec<(String, Reply)>,
    /// Once such a call comes, an object is written first.
    races: Vec<(String, String, Vec<u8>)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Status, headers, body.
    Says(u16, &'static [(&'static str, &'static str)], String),
    /// Never an answer.
    Silence,
}

/// An error as S3 writes it.
pub(crate) fn fault(status: u16, code: &str) -> Reply {
    Reply::Says(status, &[], format!("<Error><Code>{code}</Code><Message>no</Message></Error>"))
}

impl FakeS3 {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        self.inner().put(key, bytes.to_vec());
    }

    pub(crate) fn remove(&self, key: &str) {
        self.inner().objects.remove(key);
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.inner().objects.get(key).map(|(bytes, _)| String::from_utf8(bytes.clone()).unwrap())
    }

    /// Answers calls that begin so with this.
    pub(crate) fn rule(&self, start: &str, reply: Reply) {
        self.inner().rules.insert(0, (start.to_owned(), reply));
    }

    pub(crate) fn deny(&self, start: &str) {
        self.rule(start, fault(403, "AccessDenied"));
    }

    /// Forgets all rules.
    pub(crate) fn behave(&self) {
        self.inner().rules.clear();
    }

    /// Once a call begins so, this is written before it is answered.
    pub(crate) fn race(&self, start: &str, key: &str, bytes: &[u8]) {
        self.inner().races.push((start.to_owned(), key.to_owned(), bytes.to_vec()));
    }

    /// What was asked for since the last time.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.inner().calls)
    }

    pub(crate) fn bucket(&self) -> Bucket {
        Bucket::new(&self.config(), "docs")
    }

    pub(crate) fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(SharedHttpClient::new(self.clone()))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .build()
    }
}

impl HttpConnector for FakeS3 {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let reply = self.inner().answer(&request);
        HttpConnectorFuture::new(async move {
            let Reply::Says(status, headers, body) = reply.0 else { return std::future::pending().await };
            let bytes = reply.1.unwrap_or_else(|| body.into_bytes());
            let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(bytes));
            for (name, value) in headers {
                response.headers_mut().insert(*name, *value);
            }
            if let Some(etag) = reply.2 {
                response.headers_mut().insert("etag", etag);
            }
            Ok(response)
        })
    }
}

impl HttpClient for FakeS3 {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// The reply, bytes instead of its text, an ETag.
type Answer = (Reply, Option<Vec<u8>>, Option<String>);

fn says(status: u16) -> Reply {
    Reply::Says(status, &[], String::new())
}

impl Inner {
    fn put(&mut self, key: &str, bytes: Vec<u8>) -> String {
        self.writes += 1;
        let etag = format!("\"e{}\"", self.writes);
        self.objects.insert(key.to_owned(), (bytes, etag.clone()));
        etag
    }

    fn answer(&mut self, request: &HttpRequest) -> Answer {
        let (_, after_scheme) = request.uri().split_once("://").unwrap();
        let (_, path) = after_scheme.split_once('/').unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query: BTreeMap<&str, String> = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name, plain(value)))
            .collect();
        let key = plain(path);
        let call = match query.get("prefix") {
            Some(start) => format!("LIST {start}"),
            None => format!("{} {key}", request.method()),
        };
        self.calls.push(call.clone());
        let (now, later) =
            std::mem::take(&mut self.races).into_iter().partition(|(start, ..)| call.starts_with(start));
        self.races = later;
        let now: Vec<(String, String, Vec<u8>)> = now;
        for (_, key, bytes) in now {
            self.put(&key, bytes);
        }
        if let Some((_, reply)) = self.rules.iter().find(|(start, _)| call.starts_with(start)) {
            return (reply.clone(), None, None);
        }
        if query.contains_key("prefix") {
            return (self.list(&query), None, None);
        }
        self.object(request, &key)
    }

    fn object(&mut self, request: &HttpRequest, key: &str) -> Answer {
        let header = |name: &str| request.headers().get(name).map(str::to_owned);
        let known = self.objects.get(key).map(|(_, etag)| etag.clone());
        let is_write = request.method() != "GET";
        if header("if-match").is_some_and(|etag| known.as_ref().is_some_and(|known| *known != etag)) {
            return (fault(412, "PreconditionFailed"), None, None);
        }
        if let (Some(etag), Some(known)) = (header("if-none-match"), &known)
            && (etag == *known || etag == "*")
        {
            return (if is_write { fault(412, "PreconditionFailed") } else { says(304) }, None, None);
        }
        match (request.method(), known) {
            ("DELETE", _) => {
                self.objects.remove(key);
                (says(204), None, None)
            }
            ("PUT", None) if header("if-match").is_some() => (fault(404, "NoSuchKey"), None, None),
            ("PUT", _) => {
                let bytes = request.body().bytes().unwrap().to_vec();
                let etag = self.put(key, bytes);
                (says(200), None, Some(etag))
            }
            (_, None) => (fault(404, "NoSuchKey"), None, None),
            (_, Some(etag)) => (says(200), Some(self.objects[key].0.clone()), Some(etag)),
        }
    }

    /// A page of a thousand, keys encoded as asked.
    fn list(&self, query: &BTreeMap<&str, String>) -> Reply {
        const PAGE: usize = 1_000;
        assert_eq!(query.get("encoding-type").map(String::as_str), Some("url"));
        let after = query.get("continuation-token").cloned().unwrap_or_default();
        let start = &query["prefix"];
        let mut left = self.objects.iter().filter(|(key, _)| key.starts_with(start) && **key > after);
        let page: Vec<_> = left.by_ref().take(PAGE).collect();
        let mut xml = String::from("<ListBucketResult><EncodingType>url</EncodingType>");
        for (key, (bytes, etag)) in &page {
            let key = utf8_percent_encode(key, NON_ALPHANUMERIC).to_string().replace("%20", "+");
            let etag = etag.replace('"', "&quot;");
            xml += &format!(
                "<Contents><Key>{key}</Key><ETag>{etag}</ETag><Size>{}</Size></Contents>",
                bytes.len()
            );
        }
        if left.next().is_some() {
            xml += "<IsTruncated>true</IsTruncated>";
            xml += &format!("<NextContinuationToken>{}</NextContinuationToken>", page.last().unwrap().0);
        } else {
            xml += "<IsTruncated>false</IsTruncated>";
        }
        Reply::Says(200, &[], xml + "</ListBucketResult>")
    }
}

fn plain(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}
