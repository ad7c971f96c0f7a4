//! Emulators of AWS that are not ours, as processes: one of each for all cases, each of which has a region to itself.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_tests::tools::{Environment, MODELS};
use hatoba_tests::wait::until;
use hatoba_tests::{http, names};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::port::Emulator;

/// A cold start on a busy machine took 4 s, and 40 s on one that got a third of a core.
const START_MAX: Duration = Duration::from_secs(300);

/// Starts a server, and ends it when our end of the pipe closes: also when we are killed and drop nothing.
const SCRIPT: &str = r#""$0" "$@" & server=$!; cat >/dev/null; kill "$server"; wait "$server""#;

/// An emulator, listening on loopback.
pub(crate) struct Server {
    pub(crate) emulator: Emulator,
    pub(crate) address: SocketAddr,
    /// Every request, a line of JSON each, where the emulator writes it itself.
    pub(crate) recording: PathBuf,
    process: Child,
    folder: tempfile::TempDir,
}

/// Where an emulator's program is, by name; our model needs none.
pub(crate) fn program_of(emulator: Emulator) -> Option<(Environment, &'static str)> {
    match emulator {
        Emulator::Model => None,
        Emulator::Moto => Some((MODELS, "moto_server")),
        Emulator::Ministack => Some((("HATOBA_VENV_MINISTACK", "venv-ministack"), "ministack")),
    }
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
        let server = Server { emulator, address, recording, process, folder };
        until("the emulator answers", START_MAX, async || {
            http::get(server.address, is_up).await.is_ok_and(|reply| reply.is_good())
        })
        .await;
        server.warm_up().await;
        server
    }

    /// What the process said, of its mistakes above all.
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// An emulator loads each service when it is first asked for, which takes longer than an answer may: it is asked
    /// here, before many cases do so at once.
    async fn warm_up(&self) {
        let vpcs = Request {
            method: "POST".to_owned(),
            uri: "/".to_owned(),
            body: b"Action=DescribeVpcs&Version=2016-11-15".to_vec(),
            headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
        };
        for read in [
            Request::rest("GET", "/v2/apis", &Value::Null),
            Request::json("servicediscovery", "ListNamespaces", &json!({})),
            Request::json("ecs", "ListClusters", &json!({})),
            vpcs,
        ] {
            let read = http::signed(read, "us-east-1");
            until("the emulator has loaded a service", START_MAX, async || {
                let Ok(reply) = http::send(self.address, &read).await else { return false };
                assert!(
                    reply.is_good(),
                    "{:?} cannot load a service: {reply:?}\n{}",
                    self.emulator,
                    self.log()
                );
                true
            })
            .await;
        }
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
