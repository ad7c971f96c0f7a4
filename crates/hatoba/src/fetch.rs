//! One GET of a daemon's own pages: plain HTTP, one connection, an answer of bounded size.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::token::{self, Token};

/// A daemon answers from memory.
const ANSWER: Duration = Duration::from_secs(10);
/// Far above the status of the largest source.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What the daemon asks callers for. Never the token itself: command lines can be read by others.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct TokenFile {
    /// The file that the daemon was given as --listen-token-file, if it asks for a token. Left out, the token itself may be
    /// in the environment as HATOBA_LISTEN_TOKEN.
    #[arg(long, value_name = "FILE", env = "HATOBA_LISTEN_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

impl TokenFile {
    fn find(&self) -> anyhow::Result<Option<Token>> {
        Token::find(self.token_file.as_deref(), token::variable())
    }
}

/// The header that shows it.
fn header(token: &Token) -> anyhow::Result<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("Bearer {}", token.text.trim()))
        .with_context(|| format!("what is in {} is no token", token.place))?;
    header.set_sensitive(true);
    Ok(header)
}

/// What to do about an answer of 401.
fn hint(token: Option<&Token>) -> String {
    match token {
        Some(token) => format!("it does not take the token in {}", token.place),
        None => format!(
            "it asks for a token: give --token-file with its --listen-token-file, or {} in the environment",
            token::VARIABLE
        ),
    }
}

/// Status and body of `path` at a daemon's address, `http://127.0.0.1:8080`.
///
/// # Errors
/// When the address is none, nobody answers, the daemon wants another token, or the answer is too long.
pub(crate) async fn get(base: &Uri, path: &str, token: &TokenFile) -> anyhow::Result<(u16, Vec<u8>)> {
    ensure!(
        base.scheme_str() == Some("http"),
        "expected an address such as http://127.0.0.1:8080, got `{base}`"
    );
    let authority = base.authority().context("the address names no host")?;
    let place = (authority.host().trim_matches(['[', ']']).to_owned(), authority.port_u16().unwrap_or(80));
    let mut request =
        Request::get(path).header(header::HOST, authority.as_str()).body(Empty::<Bytes>::new())?;
    let token = token.find()?;
    if let Some(token) = &token {
        request.headers_mut().insert(header::AUTHORIZATION, header(token)?);
    }
    let exchange = async {
        let stream = TcpStream::connect(place).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        ensure!(status != 401, "{}", hint(token.as_ref()));
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        let body =
            body.map_err(|error| anyhow::anyhow!("the answer breaks off: {error}"))?.to_bytes().to_vec();
        connection.abort();
        Ok::<_, anyhow::Error>((status, body))
    };
    let answer = tokio::time::timeout(ANSWER, exchange).await.context("no answer in 10 seconds");
    answer.and_then(|answer| answer).with_context(|| format!("cannot ask the daemon at {base}"))
}
