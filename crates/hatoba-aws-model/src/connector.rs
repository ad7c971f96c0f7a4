//! The model as the HTTP client of the AWS SDK: no sockets, and time that tests can pause.

use crate::clock::Clock;
use crate::wire::{Answer, Request, Response};
use crate::world::SharedWorld;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use std::future::Future;
use std::pin::pin;
use std::sync::PoisonError;

/// Carries the SDK's requests to a [`World`](crate::World).
///
/// Each call spends half the configured latency on its way in and half on its way out; the model changes in between, so
/// a caller that gives up waiting does not undo a write.
#[derive(Clone, Debug)]
pub struct Connector {
    world: SharedWorld,
    clock: Clock,
}

impl Connector {
    /// A connector for `SdkConfig::builder().http_client(SharedHttpClient::new(connector))`.
    #[must_use]
    pub fn new(world: SharedWorld, clock: Clock) -> Self {
        Self { world, clock }
    }
}

/// Carries one request to the world and back, with its latency. A long poll ends when it has something, at its time, or
/// when `closing` is ready.
pub(crate) async fn exchange(
    world: &SharedWorld,
    clock: Clock,
    request: &Request,
    closing: impl Future<Output = ()>,
) -> Answer {
    let half = lock(world).config.delays.request / 2;
    wait(half).await;
    let answer = poll(world, clock, request, closing).await;
    wait(half).await;
    answer
}

/// Asks, and asks again as long as the answer is to come later. The world is looked at and subscribed to under one lock,
/// so that no change falls between the two.
async fn poll(
    world: &SharedWorld,
    clock: Clock,
    request: &Request,
    closing: impl Future<Output = ()>,
) -> Answer {
    let mut closing = pin!(closing);
    let (mut answer, mut changes) = {
        let mut world = lock(world);
        (world.answer(request, clock.now()), world.changes())
    };
    while let Answer::Later(later) = &answer {
        let is_closing = tokio::select! {
            biased;
            () = &mut closing => true,
            _ = changes.changed() => false,
            () = tokio::time::sleep(later.until.saturating_sub(clock.now())) => false,
        };
        let mut world = lock(world);
        let next = if is_closing {
            world.give_up(request, later, clock.now())
        } else {
            world.ask_again(request, later, clock.now())
        };
        changes.mark_unchanged();
        answer = next;
    }
    answer
}

/// A panic of another caller while it held the world does not make the world unusable.
fn lock(world: &SharedWorld) -> std::sync::MutexGuard<'_, crate::World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn wait(time: std::time::Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (world, clock) = (self.world.clone(), self.clock);
        HttpConnectorFuture::new(async move {
            let request = request_of(&request)?;
            match exchange(&world, clock, &request, std::future::pending()).await {
                Answer::Reply(response) => response_of(response),
                // None is left when an exchange is over.
                Answer::Never | Answer::Later(_) => std::future::pending().await,
                Answer::Lost => {
                    Err(ConnectorError::io("connection closed before the message completed".into()))
                }
            }
        })
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// A request of the SDK's as the model takes it: for ways of a caller's own.
///
/// # Errors
/// When its body is a stream.
pub fn request_of(request: &HttpRequest) -> Result<Request, ConnectorError> {
    let Some(body) = request.body().bytes() else {
        return Err(ConnectorError::user("the model takes bodies that are in memory, not streams".into()));
    };
    Ok(Request {
        method: request.method().to_owned(),
        uri: request.uri().to_owned(),
        headers: request.headers().iter().map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned())).collect(),
        body: body.to_vec(),
    })
}

/// An answer of the model's as the SDK takes it.
///
/// # Errors
/// When it is no HTTP.
pub fn response_of(response: Response) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(response.status).map_err(|error| ConnectorError::user(error.into()))?;
    let mut out = HttpResponse::new(status, SdkBody::from(response.body));
    for (name, value) in response.headers {
        out.headers_mut().try_insert(name, value).map_err(|error| ConnectorError::user(error.into()))?;
    }
    Ok(out)
}
