//! The model behind a loopback socket, for the sandbox and for the AWS CLI with `--endpoint-url`.

use crate::clock::Clock;
use crate::connector::exchange;
use crate::wire::{Answer, Request};
use crate::world::SharedWorld;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use futures::future::BoxFuture;
use futures::stream;
use std::future::Future;
use std::io;
use tokio::sync::watch;

/// Largest request body taken. The largest that callers send is an object in one piece: the AWS CLI cuts what is larger
/// than 8 MiB into parts. The rest is for the framing of chunks.
const BODY_BYTES_MAX: usize = 9 * 1024 * 1024;

/// Serves `world` on `listener` until `shutdown` is ready.
///
/// Listen on loopback: signatures are not checked, and whoever reaches the port owns the world.
///
/// # Errors
/// Those of accepting connections.
pub fn serve(
    listener: tokio::net::TcpListener,
    world: SharedWorld,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> BoxFuture<'static, io::Result<()>> {
    serve_until(listener, world, clock, Box::pin(shutdown))
}

/// The same, compiled here: a bare future's code is made anew by every program that waits for it.
fn serve_until(
    listener: tokio::net::TcpListener,
    world: SharedWorld,
    clock: Clock,
    shutdown: BoxFuture<'static, ()>,
) -> BoxFuture<'static, io::Result<()>> {
    let (stopping, stopped) = watch::channel(());
    let shared = Shared { world, clock, stopped };
    let router =
        Router::new().fallback(answer).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).with_state(shared);
    let until = async move {
        shutdown.await;
        drop(stopping);
    };
    Box::pin(async move { axum::serve(listener, router).with_graceful_shutdown(until).await })
}

#[derive(Clone)]
struct Shared {
    world: SharedWorld,
    clock: Clock,
    /// Closed when the server stops: a request that is never answered must not keep it from stopping.
    stopped: watch::Receiver<()>,
}

async fn answer(
    State(mut shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let request = Request {
        method: method.to_string(),
        uri: uri.to_string(),
        headers: headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect(),
        body: body.to_vec(),
    };
    let mut stopped = shared.stopped.clone();
    // Ends with an error when the sender is dropped; nothing is ever sent.
    let closing = async move { drop(stopped.changed().await) };
    let answer = match exchange(&shared.world, shared.clock, &request, closing).await {
        Answer::Reply(response) => response,
        Answer::Lost => return broken(),
        // None is left for later when an exchange is over.
        Answer::Never | Answer::Later(_) => {
            let _ = shared.stopped.changed().await;
            return broken();
        }
    };
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap_or_else(|_| {
        let mut failed = Response::new(Body::empty());
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}

/// A response whose body breaks off, upon which the server closes the connection: to the client, a lost answer.
fn broken() -> Response<Body> {
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
    Response::new(Body::from_stream(stream::iter([Err::<Bytes, io::Error>(reset)])))
}
