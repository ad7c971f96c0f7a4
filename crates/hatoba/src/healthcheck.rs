//! `hatoba healthcheck`: whether the daemon beside it is alive, for images that hold nothing else to ask with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;

use crate::fetch::{self, TokenFile};

#[derive(Debug, Args)]
pub(crate) struct Healthcheck {
    /// The daemon's URL, in place of its `--listen`.
    #[arg(long, value_name = "URL")]
    url: Option<hyper::Uri>,

    /// What the daemon was given as `--listen`.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "HATOBA_LISTEN")]
    listen: SocketAddr,

    #[command(flatten)]
    token: TokenFile,
}

/// Asks `/healthz`: exit code 0 if it says well, else 1.
///
/// # Errors
/// When nobody answers, or the daemon says that it is not well.
pub(crate) async fn run(arguments: &Healthcheck) -> anyhow::Result<ExitCode> {
    let url = match &arguments.url {
        Some(url) => url.clone(),
        None => beside(arguments.listen).parse()?,
    };
    let (status, _) = fetch::get(&url, "/healthz", &arguments.token).await?;
    ensure!(status == 200, "the daemon at {url} is not healthy: it answers {status}");
    Ok(ExitCode::SUCCESS)
}

/// Where who listens there is reached from the same machine: on loopback, if it listens everywhere.
fn beside(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_on_loopback() {
        for (listen, url) in [
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:9", "http://[::1]:9"),
            ("10.0.0.7:8080", "http://10.0.0.7:8080"),
            ("127.0.0.1:81", "http://127.0.0.1:81"),
        ] {
            assert_eq!(beside(listen.parse().unwrap()), url);
        }
    }
}
