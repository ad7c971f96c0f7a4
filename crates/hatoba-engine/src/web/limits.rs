//! A listener whose connections are few, small, and short: what a slow or hostile peer can take is bounded.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// A few browsers and scrapers; more wait in the listener's backlog.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// Of the files that this process may open, the page takes one in so many: the rest is for AWS, the source and the disk.
const DESCRIPTORS_SHARE: usize = 4;
/// One GET without a body; browsers send every cookie that any program on `localhost` ever set.
pub(super) const REQUEST_BYTES_MAX: usize = 32 * 1024;
/// From the connection to the first byte of the answer: the request, and its turn.
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// From the first byte of the answer to its last: a few megabytes through a thin line.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// How many connections may be open: fewer than [`CONNECTIONS_MAX`] where the process may open few files.
fn connections_max() -> usize {
    // Not on every system; where it is not, nothing is known of a limit.
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    descriptors_max(&limits)
        .map_or(CONNECTIONS_MAX, |all| (all / DESCRIPTORS_SHARE).clamp(1, CONNECTIONS_MAX))
}

/// The soft limit of open files in the text of `/proc/self/limits`; `None`: there is none.
fn descriptors_max(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Accepts connections while fewer than [`CONNECTIONS_MAX`] are open, or a quarter of the files that may be.
#[derive(Debug)]
pub(super) struct Limited {
    listener: TcpListener,
    free: Arc<Semaphore>,
}

impl Limited {
    pub(super) fn new(listener: TcpListener) -> Self {
        Limited { listener, free: Arc::new(Semaphore::new(connections_max())) }
    }
}

impl Listener for Limited {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // The semaphore is never closed, so there is always a permit in the end.
        let permit = self.free.clone().acquire_owned().await.ok();
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        let deadline = Box::pin(tokio::time::sleep(REQUEST_MAX));
        let connection =
            Connection { stream, deadline, is_answering: false, bytes: REQUEST_BYTES_MAX, _permit: permit };
        (connection, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection. Past its time or its size every use of it is an error, which ends it.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    is_answering: bool,
    /// Bytes that may still be read.
    bytes: usize,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Connection {
    fn check_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::Error::new(io::ErrorKind::TimedOut, "the connection took too long")),
            Poll::Pending => Ok(()),
        }
    }

    fn answering(&mut self) {
        if !self.is_answering {
            self.is_answering = true;
            self.deadline.as_mut().reset(Instant::now() + ANSWER_MAX);
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_time(context)?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        match self.bytes.checked_sub(buffer.filled().len() - before) {
            Some(left) => {
                self.bytes = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the request is too large"))),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.answering();
        self.check_time(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.answering();
        self.check_time(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_open_files_is_read() {
        let limits = |value: &str| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max processes             100                  200                  processes \n\
                 Max open files            {value}                 4096                 files     \n"
            )
        };
        assert_eq!(descriptors_max(&limits("64")), Some(64));
        assert_eq!(descriptors_max(&limits("unlimited")), None);
        assert_eq!(descriptors_max(""), None);
    }
}
