//! Says that something changed, as server-sent events: a number and no more, whoever wants to know looks again.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep, timeout_at};

/// Open at once: a quarter of all connections, so that scrapes get through.
pub(super) const STREAMS_MAX: usize = 16;
/// Below what a connection may take; the browser comes again by itself.
const STREAM_LASTS: Duration = Duration::from_secs(50);
/// Changes come in swarms.
const CALM: Duration = Duration::from_millis(500);

/// One stream.
struct Stream {
    changes: watch::Receiver<u64>,
    until: Instant,
    is_first: bool,
    _turn: OwnedSemaphorePermit,
}

/// An answer that lasts, with a line for each change.
pub(super) fn stream(changes: watch::Receiver<u64>, turn: OwnedSemaphorePermit) -> Response {
    let begun = Stream { changes, until: Instant::now() + STREAM_LASTS, is_first: true, _turn: turn };
    let body = Body::from_stream(stream::unfold(begun, |mut stream| async move {
        let line = stream.next().await?;
        Some((Ok::<_, std::convert::Infallible>(line), stream))
    }));
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

impl Stream {
    async fn next(&mut self) -> Option<String> {
        if std::mem::take(&mut self.is_first) {
            self.changes.mark_unchanged();
            return Some("retry: 1000\n\n".to_owned());
        }
        timeout_at(self.until, self.changes.changed()).await.ok()?.ok()?;
        sleep(CALM).await;
        let count = *self.changes.borrow_and_update();
        Some(format!("data: {count}\n\n"))
    }
}
