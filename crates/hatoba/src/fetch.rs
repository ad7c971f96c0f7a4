//! One GET of a daemon's own pages: plain HTTP, one connection, an answer of bounded size.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A daemon answers from memory.
const ANSWER: Duration = Duration::from_secs(10);
/// Far above the status of the largest source.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Status and body of `path` at a daemon's address, `http://127.0.0.1:8080`.
///
/// # Errors
/// When the address is none, nobody answers, or the answer is too long.
pub(crate) async fn get(base: &Uri, path: &str) -> anyhow::Result<(u16, Vec<u8>)> {
    ensure!(
        base.scheme_str() == Some("http"),
        "expected an address such as http://127.0.0.1:8080, got `{base}`"
    );
    let authority = base.authority().context("the address names no host")?;
    let place = (authority.host().trim_matches(['[', ']']).to_owned(), authority.port_u16().unwrap_or(80));
    let request = Request::get(path).header(header::HOST, authority.as_str()).body(Empty::<Bytes>::new())?;
    let exchange = async {
        let stream = TcpStream::connect(place).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        let body =
            body.map_err(|error| anyhow::anyhow!("the answer breaks off: {error}"))?.to_bytes().to_vec();
        connection.abort();
        Ok::<_, anyhow::Error>((status, body))
    };
    let answer = tokio::time::timeout(ANSWER, exchange).await.context("no answer in 10 seconds");
    answer.and_then(|answer| answer).with_context(|| format!("cannot ask the daemon at {base}"))
}
