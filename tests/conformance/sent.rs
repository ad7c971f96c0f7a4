//! The writes that one port's callers sent, for emulators that do not tell them.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::emulators::named;

/// Names of writes, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Arc<Mutex<Vec<String>>>);

impl Sent {
    pub(crate) fn note(&self, method: &str, uri: &str, target: Option<&str>) {
        if let Some(write) = named(method, uri, target) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(write);
        }
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A client whose writes are noted here.
    pub(crate) fn over(&self, inner: SharedHttpClient, has_no_authorizers: bool) -> Noted<SharedHttpClient> {
        Noted { inner, sent: self.clone(), has_no_authorizers }
    }
}

/// A client, or a connector of it, that notes.
#[derive(Debug)]
pub(crate) struct Noted<T> {
    inner: T,
    sent: Sent,
    /// The emulator cannot list authorizers: there are none, and that is answered here.
    has_no_authorizers: bool,
}

impl HttpClient for Noted<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Noted {
            inner,
            sent: self.sent.clone(),
            has_no_authorizers: self.has_no_authorizers,
        })
    }
}

impl HttpConnector for Noted<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let path = request.uri().split('?').next().unwrap_or_default();
        if self.has_no_authorizers && request.method() == "GET" && path.ends_with("/authorizers") {
            let none =
                HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::from(r#"{"items":[]}"#));
            return HttpConnectorFuture::ready(Ok(none));
        }
        self.sent.note(request.method(), request.uri(), request.headers().get("x-amz-target"));
        self.inner.call(request)
    }
}
