//! Listings of a bucket: what the SDK and we make of S3's XML, page by page, and what a source makes of that.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

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
use hatoba_core::Digest;
use hatoba_source::{Bucket, BucketSource, Entry, Location, SourceError, Variables};

const START: &str = "prod/";
/// Stands between two pages; no text in UTF-8 has it.
const PAGE_END: u8 = 0xff;
/// More documents only take longer.
const DOCUMENTS_MAX: usize = 64;
const OBJECTS_MAX: usize = 10_000;

/// Reads the bytes as the pages of a listing.
pub fn listings(bytes: &[u8]) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else {
        panic!("no runtime")
    };
    runtime.block_on(async {
        let pages: Vec<Vec<u8>> = bytes.split(|byte| *byte == PAGE_END).map(<[u8]>::to_vec).collect();
        let listed = list(pages.clone()).await;
        if let Some(entries) = &listed {
            assert!(entries.iter().all(|entry| entry.key.starts_with(START)), "what was not asked for");
            assert_eq!(list(vec![printed(entries)]).await.as_ref(), Some(entries));
        }
        if listed.as_ref().is_none_or(|entries| entries.len() <= DOCUMENTS_MAX) {
            a_source_is_whole_or_nothing(pages, listed.as_deref()).await;
        }
    });
}

async fn list(pages: Vec<Vec<u8>>) -> Option<Vec<Entry>> {
    Bucket::new(&config(pages), "docs").list(START, OBJECTS_MAX).await.ok()
}

/// Every document in a listing is read or named as unreadable; where there is no listing, there is no snapshot.
async fn a_source_is_whole_or_nothing(pages: Vec<Vec<u8>>, listed: Option<&[Entry]>) {
    let Ok(location) = "s3://docs/prod".parse::<Location>() else { panic!("a legal place") };
    let mut source = BucketSource::new(&config(pages), location, Variables::default());
    let (entries, snapshot) = match (listed, source.poll().await) {
        (Some(entries), Ok(snapshot)) => (entries, snapshot),
        (Some(_), Err(SourceError::TooLarge { .. })) | (None, Err(_)) => return,
        (Some(_), Err(error)) => panic!("listed, and no source: {error}"),
        (None, Ok(_)) => panic!("half a listing passes for a whole one"),
    };
    let is_document = |name: &&str| {
        let ends = [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending));
        ends && !name.split('/').any(|part| part.starts_with('.'))
    };
    let names = entries.iter().filter_map(|entry| entry.key.strip_prefix(START)).filter(is_document);
    for name in names.collect::<BTreeSet<&str>>() {
        let shown =
            if name.contains(char::is_control) { name.escape_debug().to_string() } else { name.to_owned() };
        let is_unreadable = snapshot.unreadable.iter().any(|file| file.file == shown);
        let is_read = snapshot.sources.contains_key(&shown);
        assert!(is_unreadable || is_read, "{shown} is lost: {snapshot:?}");
        let of_it = |file: &str| file == shown;
        let has = snapshot.documents.iter().any(|document| of_it(document.places.value("").file.as_str()));
        assert!(is_unreadable || has, "{shown} is read, and its document is lost");
    }
    assert!(snapshot.files <= entries.len());
}

/// The entries as S3 writes them.
fn printed(entries: &[Entry]) -> Vec<u8> {
    let escape = |text: &str| {
        text.chars().fold(String::new(), |mut all, c| {
            match c {
                '<' | '>' | '&' | '"' | '\'' => all.push_str(&format!("&#{};", u32::from(c))),
                c if c.is_control() => all.push_str(&format!("&#{};", u32::from(c))),
                c => all.push(c),
            }
            all
        })
    };
    let contents: String = entries
        .iter()
        .map(|Entry { key, etag, size }| {
            let key: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
            format!("<Contents><Key>{key}</Key><ETag>{}</ETag><Size>{size}</Size></Contents>", escape(etag))
        })
        .collect();
    format!("<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>")
        .into_bytes()
}

fn config(pages: Vec<Vec<u8>>) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("k", "s", None, None, "fuzz")))
        .http_client(SharedHttpClient::new(Canned { pages, listed: Arc::default() }))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .endpoint_url("http://127.0.0.1:1")
        .build()
}

/// An S3 that answers with these pages, the last one again and again, and has a document for every key.
#[derive(Clone, Debug)]
struct Canned {
    pages: Vec<Vec<u8>>,
    listed: Arc<Mutex<usize>>,
}

impl Canned {
    fn answer(&self, uri: &str) -> Vec<u8> {
        if uri.contains("list-type=2") {
            let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
            let page = self.pages.get(*listed).or(self.pages.last());
            *listed += 1;
            return page.cloned().unwrap_or_default();
        }
        let path = uri.split('?').next().unwrap_or_default();
        let name = Digest::of_bytes(path.as_bytes());
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: n{name} }}\nspec: {{}}\n")
            .into_bytes()
    }
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Ok(ok) = StatusCode::try_from(200) else { panic!("200 is a status") };
        let mut response = HttpResponse::new(ok, SdkBody::from(self.answer(request.uri())));
        response.headers_mut().insert("etag", "\"1\"");
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl HttpClient for Canned {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
