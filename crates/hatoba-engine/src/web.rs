//! What the daemon serves: the page, the metrics, its health, and the same picture as JSON.
//!
//! The invariant: **looking changes nothing and slows nothing**. Every route only reads, answers are made off the
//! engine's threads and few at a time, and a connection is short, small, and one of at most 64. What can be reached from
//! other machines asks for a token.
//!
//! ```text
//! let listener = TcpListener::bind("127.0.0.1:8080").await?;
//! serve(listener, Arc::new(engine), Access::open(), stopping.cancelled_owned()).await?;
//! ```

mod access;
mod changes;
mod html;
mod limits;
mod page;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{StatusCode, uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

pub use self::access::{Access, OpenPath};
use crate::shown::Shown;

/// Answers made at once: a storm of scrapes takes two threads, not all.
const LOOKS_MAX: usize = 2;
/// An answer takes milliseconds; this is for waiting one's turn.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// What is being sent when the daemon stops may be finished; the whole drain has 20 s.
const DRAIN_MAX: Duration = Duration::from_secs(2);
/// Nothing from elsewhere, nothing inline, no frame.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                              connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                              require-trusted-types-for 'script'; trusted-types 'none'";

/// What there is to look at. Every method returns at once.
pub trait Picture: Send + Sync + 'static {
    /// The engine as it is now.
    fn shown(&self) -> Shown;
    /// The metrics in the OpenMetrics text format.
    fn metrics(&self) -> String;
    /// Whether the engine is alive.
    fn is_healthy(&self) -> bool;
    /// Whether the source was read and this process writes, or could at once.
    fn is_ready(&self) -> bool;
    /// Counts up whenever something shown has changed.
    fn changes(&self) -> watch::Receiver<u64>;
    /// Looks at everything again soon. For the process itself: no route calls it.
    fn reconcile_now(&self);
}

#[derive(Clone)]
struct View {
    picture: Arc<dyn Picture>,
    looks: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// Every route. See [`serve`] for the limits that a connection has.
pub(crate) fn router(picture: Arc<dyn Picture>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/api/v1/status", get(status))
        .route("/api/v1/events", get(events))
        .route("/api/v1/changes", get(changes))
        .route("/page.js", get(|| asset("text/javascript; charset=utf-8", include_str!("web/page.js"))))
        .route("/style.css", get(|| asset("text/css; charset=utf-8", include_str!("web/style.css"))))
        .route("/icon.svg", get(|| asset("image/svg+xml", include_str!("web/icon.svg"))))
        .method_not_allowed_fallback(|| refusal(StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed here"))
        .fallback(|| refusal(StatusCode::NOT_FOUND, "there is nothing here; see /"))
        .with_state(View {
            picture,
            looks: Arc::new(Semaphore::new(LOOKS_MAX)),
            streams: Arc::new(Semaphore::new(changes::STREAMS_MAX)),
        })
        .layer(middleware::map_response(with_headers))
}

/// Serves until `shutdown` and a short drain are over.
///
/// On a loopback address only requests for a loopback name are answered: a page elsewhere could else have its
/// own name point here and read along (DNS rebinding). Any other address needs a token.
///
/// # Errors
/// When the listener has no address, or one that others can reach and no token.
pub fn serve(
    listener: TcpListener,
    picture: Arc<dyn Picture>,
    access: Access,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> BoxFuture<'static, std::io::Result<()>> {
    serve_until(listener, picture, access, Box::pin(shutdown))
}

/// The same, compiled here: a bare future's code is made anew by every program that waits for it.
fn serve_until(
    listener: TcpListener,
    picture: Arc<dyn Picture>,
    access: Access,
    shutdown: BoxFuture<'static, ()>,
) -> BoxFuture<'static, std::io::Result<()>> {
    Box::pin(async move {
        let is_loopback = listener.local_addr()?.ip().is_loopback();
        if !is_loopback && !access.has_token() {
            return Err(std::io::Error::other("an address that others can reach needs a token"));
        }
        let mut app = router(picture);
        if access.has_token() {
            app = app.layer(middleware::from_fn_with_state(Arc::new(access), only_with_the_token));
        }
        if is_loopback {
            app = app.layer(middleware::from_fn(only_for_loopback_names));
        }
        let stopping = CancellationToken::new();
        let server = axum::serve(limits::Limited::new(listener), app)
            .with_graceful_shutdown(stopping.clone().cancelled_owned())
            .into_future();
        let drained = async {
            shutdown.await;
            stopping.cancel();
            tokio::time::sleep(DRAIN_MAX).await;
        };
        tokio::select! {
            biased;
            served = server => served,
            () = drained => Ok(()),
        }
    })
}

impl View {
    /// Reads off the picture on a thread where that may take its time.
    async fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Picture) -> T + Send + 'static,
    ) -> Result<T, Response> {
        let answer = async {
            let turn = self.looks.clone().acquire_owned().await.ok()?;
            let picture = self.picture.clone();
            let job = move || {
                let answer = read(&*picture);
                drop(turn);
                answer
            };
            tokio::task::spawn_blocking(job).await.ok()
        };
        match tokio::time::timeout(ANSWER_MAX, answer).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) | Err(_) => {
                Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "too busy to answer; try again").await)
            }
        }
    }
}

async fn page(State(view): State<View>, RawQuery(query): RawQuery) -> Result<Response, Response> {
    let is_live = query.as_deref() != Some("refresh=off");
    let html = view.look(move |picture| page::page(&picture.shown(), Timestamp::now(), is_live)).await?;
    Ok(content("text/html; charset=utf-8", html))
}

async fn metrics(State(view): State<View>, headers: HeaderMap) -> Result<Response, Response> {
    let text = view.look(|picture| picture.metrics()).await?;
    Ok(if takes_openmetrics(&headers) {
        content("application/openmetrics-text; version=1.0.0; charset=utf-8", text)
    } else {
        content("text/plain; version=0.0.4; charset=utf-8", crate::metrics::classic(&text))
    })
}

/// Who states what it takes and leaves OpenMetrics out (browsers, curl, older scrapers) gets Prometheus' older
/// format, as from Prometheus' own client libraries.
fn takes_openmetrics(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter().peekable();
    let is_silent = accepted.peek().is_none();
    is_silent
        || accepted
            .any(|value| value.to_str().is_ok_and(|value| value.contains("application/openmetrics-text")))
}

async fn healthz(State(view): State<View>) -> Response {
    if view.picture.is_healthy() {
        content("text/plain; charset=utf-8", "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, content("text/plain; charset=utf-8", "not healthy\n"))
            .into_response()
    }
}

async fn readyz(State(view): State<View>) -> Result<Response, Response> {
    if view.picture.is_ready() {
        return Ok(content("text/plain; charset=utf-8", "ready\n"));
    }
    let why = view.look(|picture| why_not_ready(&picture.shown())).await?;
    let text = format!("not ready: {why}\n");
    Ok((StatusCode::SERVICE_UNAVAILABLE, content("text/plain; charset=utf-8", text)).into_response())
}

fn why_not_ready(shown: &Shown) -> String {
    match &shown.source {
        source if source.last_success.is_none() => match &source.error {
            Some(cause) => format!("the source cannot be read: {cause}"),
            None => "the source has not been read yet".to_owned(),
        },
        _ if shown.account.is_none() => "AWS has not said yet which account this is".to_owned(),
        _ => "still starting".to_owned(),
    }
}

async fn status(State(view): State<View>) -> Result<Response, Response> {
    json(view.look(|picture| serde_json::to_vec(&picture.shown())).await?).await
}

async fn events(State(view): State<View>) -> Result<Response, Response> {
    json(view.look(|picture| serde_json::to_vec(&picture.shown().events)).await?).await
}

/// A line whenever something has changed, for the page.
async fn changes(State(view): State<View>) -> Result<Response, Response> {
    let Ok(turn) = view.streams.clone().try_acquire_owned() else {
        return Err(refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many pages are open; this one looks by itself",
        )
        .await);
    };
    Ok(changes::stream(view.picture.changes(), turn))
}

async fn json(body: serde_json::Result<Vec<u8>>) -> Result<Response, Response> {
    match body {
        Ok(body) => Ok(content("application/json", body)),
        Err(error) => {
            tracing::error!(%error, "the picture does not serialise");
            Err(refusal(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be written").await)
        }
    }
}

async fn refusal(status: StatusCode, error: &'static str) -> Response {
    let body = serde_json::json!({ "error": error }).to_string();
    (status, content("application/json", body)).into_response()
}

/// A part of the page that changes only with the program.
async fn asset(content_type: &'static str, text: &'static str) -> Response {
    let kept = HeaderValue::from_static("public, max-age=86400");
    ([(header::CACHE_CONTROL, kept)], content(content_type, text)).into_response()
}

fn content(content_type: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

async fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        // One request for each connection: a slow or idle peer never keeps one of the few.
        (header::CONNECTION, "close"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn only_with_the_token(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    if access.allows(request.uri().path(), request.headers()) {
        return next.run(request).await;
    }
    let mut response =
        with_headers(refusal(StatusCode::UNAUTHORIZED, "the token is missing or wrong").await).await;
    // Browsers know Basic: any name, and the token as the password.
    for scheme in ["Basic realm=\"hatoba\", charset=\"UTF-8\"", "Bearer realm=\"hatoba\""] {
        response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    }
    response
}

async fn only_for_loopback_names(request: Request, next: Next) -> Response {
    let host = match request.headers().get(header::HOST) {
        Some(host) => host.to_str().ok(),
        // None at all: HTTP/1.0, which no browser speaks.
        None => Some(request.uri().authority().map_or("localhost", uri::Authority::as_str)),
    };
    if host.is_some_and(is_loopback_name) {
        next.run(request).await
    } else {
        let error = "this listens on loopback: use 127.0.0.1 or localhost";
        with_headers(refusal(StatusCode::MISDIRECTED_REQUEST, error).await).await
    }
}

/// Whether a `Host`, with or without its port, can only mean this machine.
fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
