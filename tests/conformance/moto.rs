//! moto's server as a process: one for all cases, each of which has a region to itself.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::Duration;

use hatoba_tests::http;
use hatoba_tests::wait::until;
use serde_json::Value;
use tokio::sync::Mutex;

/// A cold start on a busy machine took 4 s.
const START_MAX: Duration = Duration::from_secs(30);

/// Starts moto, and ends it when our end of the pipe closes: also when we are killed and drop nothing.
const SCRIPT: &str = r#""$0" "$@" & moto=$!; cat >/dev/null; kill "$moto"; wait "$moto""#;

/// moto, listening on loopback.
pub(crate) struct Moto {
    pub(crate) address: SocketAddr,
    /// Every request, a line of JSON each, written by moto itself.
    pub(crate) recording: PathBuf,
    process: Child,
    _folder: tempfile::TempDir,
}

/// A program of the tests' own Python environment, if somebody made one that has it.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let venv = std::env::var_os("HATOBA_VENV").map_or_else(|| root.join("target/venv"), PathBuf::from);
    Some(venv.join("bin").join(name)).filter(|program| program.is_file())
}

impl Moto {
    /// The one that runs, or a new one; it ends with the last test that has it.
    pub(crate) async fn shared(program: &Path) -> Arc<Moto> {
        static RUNNING: Mutex<Weak<Moto>> = Mutex::const_new(Weak::new());
        let mut running = RUNNING.lock().await;
        if let Some(moto) = running.upgrade() {
            return moto;
        }
        let moto = Arc::new(Moto::start(program).await);
        *running = Arc::downgrade(&moto);
        moto
    }

    async fn start(program: &Path) -> Moto {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("recording");
        let log = File::create(folder.path().join("log")).unwrap();
        // Free a moment ago; on loopback nobody else is that quick.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let process = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .arg(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .env("MOTO_ECS_SERVICE_RUNNING", "1")
            .env("MOTO_RECORDER_FILEPATH", &recording)
            .env("MOTO_ENABLE_RECORDING", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let moto = Moto { address: (Ipv4Addr::LOCALHOST, port).into(), recording, process, _folder: folder };
        until("moto answers", START_MAX, async || {
            http::get(moto.address, "/moto-api/data.json").await.is_ok_and(|reply| reply.is_good())
        })
        .await;
        moto
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The writes in a recording that were signed for a region, oldest first: `ecs.CreateService`.
pub(crate) fn writes(recording: &Path, region: &str) -> Vec<String> {
    let text = std::fs::read_to_string(recording).unwrap_or_default();
    text.lines().filter_map(|line| write(&serde_json::from_str(line).ok()?, region)).collect()
}

fn write(entry: &Value, region: &str) -> Option<String> {
    let header = |name: &str| {
        let headers = entry["headers"].as_object().into_iter().flatten();
        headers.clone().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_str())
    };
    let scope: Vec<&str> = header("authorization")?.split_once("Credential=")?.1.split('/').collect();
    if scope.get(2) != Some(&region) {
        return None;
    }
    let operation = match (*scope.get(3)?, header("x-amz-target")) {
        (_, Some(target)) => target.rsplit_once('.')?.1.to_owned(),
        ("apigateway", None) => gateway(entry["method"].as_str()?, entry["url"].as_str()?)?,
        _ => return None, // EC2 and STS are only asked
    };
    let service = if scope[3] == "apigateway" { "apigatewayv2" } else { scope[3] };
    let is_read = ["Get", "List", "Describe", "Discover"].iter().any(|verb| operation.starts_with(verb));
    (!is_read).then(|| format!("{service}.{operation}"))
}

/// AWS's name of an API Gateway operation, by the noun that the path ends with.
fn gateway(method: &str, url: &str) -> Option<String> {
    let verb = match method {
        "POST" => "Create",
        "PATCH" => "Update",
        "DELETE" => "Delete",
        "GET" => "Get",
        _ => return None,
    };
    let path = url.split_once("/v2/")?.1.split('?').next()?;
    let segments: Vec<&str> = path.split('/').collect();
    let noun = match segments.as_slice() {
        ["tags", ..] if method == "POST" => return Some("TagResource".to_owned()),
        ["tags", ..] if method == "DELETE" => return Some("UntagResource".to_owned()),
        ["apis"] | ["apis", _] => "Api",
        ["apis", _, "cors"] => "CorsConfiguration",
        ["apis", _, "authorizers", ..] => "Authorizer",
        ["domainnames", _, "apimappings", ..] => "ApiMapping",
        ["domainnames", ..] => "DomainName",
        ["apis", _, "integrations", ..] => "Integration",
        ["apis", _, "routes", ..] => "Route",
        ["apis", _, "stages", ..] => "Stage",
        ["vpclinks", ..] => "VpcLink",
        _ => "Unknown",
    };
    Some(format!("{verb}{noun}"))
}
