//! A bare HTTP/1.1 client for loopback: one request, one connection, the whole answer.
//!
//! It is not the SDK's, so a mistake of the SDK's settings cannot hide behind it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hatoba_aws_model::Request;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than any server here takes on a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The status line and the headers, as on the wire.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// Whether the status is of the 2xx.
    pub fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Sends a request as it is, with `Host` and `Content-Length`.
///
/// # Errors
/// When nobody listens, the connection breaks, or a minute is over.
pub async fn send(address: SocketAddr, request: &Request) -> io::Result<Reply> {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {address}\r\n", request.method, request.uri);
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", request.body.len()));
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&request.body).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let answer = tokio::time::timeout(ANSWER_MAX, exchange).await.map_err(|_| io::ErrorKind::TimedOut)??;
    read(&String::from_utf8_lossy(&answer)).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

/// Fetches a page.
///
/// # Errors
/// As [`send`].
pub async fn get(address: SocketAddr, path: &str) -> io::Result<Reply> {
    send(address, &Request { method: "GET".to_owned(), uri: path.to_owned(), ..Request::default() }).await
}

/// The request with the header by which emulators tell service and region; nobody checks the signature.
#[must_use]
pub fn signed(mut request: Request, region: &str) -> Request {
    let target = request.header("x-amz-target").unwrap_or_default();
    let service = match (request.uri.as_str(), target) {
        (_, target) if target.starts_with("AmazonEC2Container") => "ecs",
        (_, target) if target.starts_with("Route53AutoNaming") => "servicediscovery",
        (_, target) if target.starts_with("AmazonSQS") => "sqs",
        (uri, _) if uri.starts_with("/v2/") => "apigateway",
        _ if request.header("x-amz-content-sha256").is_some() => "s3",
        _ => "ec2",
    };
    let scope = format!("test/20260101/{region}/{service}/aws4_request");
    let value = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    request.headers.push(("authorization".to_owned(), value));
    request
}

fn read(answer: &str) -> Option<Reply> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if is_chunked { joined(body)? } else { body.to_owned() };
    Some(Reply { status, head: head.to_owned(), body })
}

/// The chunks' contents, one after the other.
fn joined(mut chunks: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (size, rest) = chunks.split_once("\r\n")?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.push_str(rest.get(..size)?);
        chunks = rest.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunked_bodies_are_joined_and_others_taken_as_they_are() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let plain = "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno";
        assert_eq!(read(chunked).map(|reply| (reply.status, reply.body)), Some((200, "abcde".to_owned())));
        assert_eq!(read(plain).map(|reply| (reply.status, reply.body)), Some((404, "no".to_owned())));
        assert!(read("").is_none());
    }
}
