//! Emulators of AWS that are not ours, as processes: one of each for all cases, each of which has a region to itself.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::Duration;

use hatoba_tests::wait::until;
use hatoba_tests::{http, names};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::port::Emulator;

/// A cold start on a busy machine took 4 s.
const START_MAX: Duration = Duration::from_secs(30);

/// Starts a server, and ends it when our end of the pipe closes: also when we are killed and drop nothing.
const SCRIPT: &str = r#""$0" "$@" & server=$!; cat >/dev/null; kill "$server"; wait "$server""#;

/// An emulator, listening on loopback.
pub(crate) struct Server {
    pub(crate) emulator: Emulator,
    pub(crate) address: SocketAddr,
    /// Every request, a line of JSON each, where the emulator writes it itself.
    pub(crate) recording: PathBuf,
    process: Child,
    _folder: tempfile::TempDir,
}

/// A Python environment: the variable that names it, its folder in `target` where none does.
pub(crate) type Environment = (&'static str, &'static str);

/// The one with AWS's service models; moto is in it too.
pub(crate) const MODELS: Environment = ("HATOBA_VENV", "venv");

/// Where an emulator's program is, by name; our model needs none.
pub(crate) fn program_of(emulator: Emulator) -> Option<(Environment, &'static str)> {
    match emulator {
        Emulator::Model => None,
        Emulator::Moto => Some((MODELS, "moto_server")),
        Emulator::Ministack => Some((("HATOBA_VENV_MINISTACK", "venv-ministack"), "ministack")),
    }
}

/// A program of an environment, if somebody made one that has it.
pub(crate) fn program((variable, folder): Environment, name: &str) -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let venv = std::env::var_os(variable).map_or_else(|| target.join(folder), PathBuf::from);
    Some(venv.join("bin").join(name)).filter(|program| program.is_file())
}

impl Server {
    /// The one that runs, or a new one; it ends with the last test that has it.
    pub(crate) async fn shared(emulator: Emulator, program: &Path) -> Arc<Server> {
        static MOTO: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());
        static MINISTACK: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());
        let running = if emulator == Emulator::Ministack { &MINISTACK } else { &MOTO };
        let mut running = running.lock().await;
        if let Some(server) = running.upgrade() {
            return server;
        }
        let server = Arc::new(Server::start(emulator, program).await);
        *running = Arc::downgrade(&server);
        server
    }

    async fn start(emulator: Emulator, program: &Path) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("recording");
        let log = File::create(folder.path().join("log")).unwrap();
        // Free a moment ago; on loopback nobody else is that quick.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).arg(program).current_dir(folder.path());
        let is_up = match emulator {
            Emulator::Ministack => {
                // Without the first it would listen to everybody.
                command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
                "/_ministack/health"
            }
            _ => {
                command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
                command.env("MOTO_ECS_SERVICE_RUNNING", "1").env("MOTO_ENABLE_RECORDING", "true");
                command.env("MOTO_RECORDER_FILEPATH", &recording);
                "/moto-api/data.json"
            }
        };
        let process = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let server = Server { emulator, address, recording, process, _folder: folder };
        until("the emulator answers", START_MAX, async || {
            http::get(server.address, is_up).await.is_ok_and(|reply| reply.is_good())
        })
        .await;
        server
    }
}

impl Drop for Server {
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
    let (service, target) = (*scope.get(3)?, header("x-amz-target"));
    if target.is_none() && service != "apigateway" {
        return None; // EC2 and STS are only asked
    }
    named(entry["method"].as_str()?, entry["url"].as_str()?, target)
}

/// A write by its name, `ecs.CreateService`; `None`: it is none.
pub(crate) fn named(method: &str, url: &str, target: Option<&str>) -> Option<String> {
    let (service, operation) = names::operation(method, url, target)?;
    (!names::is_read(&operation)).then(|| format!("{service}.{operation}"))
}
