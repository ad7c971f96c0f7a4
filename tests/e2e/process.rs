//! The binary as a process: what it says, what it serves, how it ends.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use hatoba_tests::http::{self, Reply};
use hatoba_tests::wait::until;
use serde_json::Value;

/// Nothing may ever show these.
pub(crate) const SECRETS: [&str; 2] = ["canary-of-the-secret-key", "canary-of-the-session-token"];
/// A start, a convergence on quick models, an end: seconds, on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(150);
/// Between SIGTERM and the exit.
const DRAIN_MAX: Duration = Duration::from_secs(20);

/// One run of the binary.
pub(crate) struct Hatoba {
    child: Child,
    folder: tempfile::TempDir,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary beside this test's own program.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.ancestors().nth(2).unwrap().join(format!("hatoba{}", std::env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "{} is missing: `cargo build --workspace` makes it", program.display());
    program
}

impl Hatoba {
    /// Starts it with these arguments, on the AWS at `aws`, with nothing else of this environment.
    pub(crate) fn start(arguments: &[&str], aws: Option<SocketAddr>) -> Hatoba {
        Hatoba::start_with(arguments, aws, "")
    }

    /// The same, and it logs all it can but the SDK's own requests.
    pub(crate) fn talkative(arguments: &[&str], aws: Option<SocketAddr>) -> Hatoba {
        Hatoba::start_with(arguments, aws, "trace")
    }

    fn start_with(arguments: &[&str], aws: Option<SocketAddr>, log: &str) -> Hatoba {
        Hatoba::start_in(arguments, aws, &[("HATOBA_LOG", log)])
    }

    /// The same, with these in its environment; an empty one is taken out of it.
    pub(crate) fn start_in(
        arguments: &[&str],
        aws: Option<SocketAddr>,
        variables: &[(&str, &str)],
    ) -> Hatoba {
        Hatoba::start_under(Command::new(program()), arguments, aws, variables)
    }

    /// Starts it after these lines of shell, in what they leave: limits, ignored signals, mounts.
    pub(crate) fn start_after(
        lines: &str,
        arguments: &[&str],
        aws: Option<SocketAddr>,
        variables: &[(&str, &str)],
    ) -> Hatoba {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-ec").arg(format!("{lines}\nexec \"$0\" \"$@\"")).arg(program());
        Hatoba::start_under(shell, arguments, aws, variables)
    }

    fn start_under(
        mut command: Command,
        arguments: &[&str],
        aws: Option<SocketAddr>,
        variables: &[(&str, &str)],
    ) -> Hatoba {
        let folder = tempfile::tempdir().unwrap();
        let output = |name: &str| File::create(folder.path().join(name)).unwrap();
        command.args(arguments).env_clear().env("HOME", folder.path()).env("TMPDIR", folder.path());
        command.env("AWS_REGION", "us-east-1").env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ACCESS_KEY_ID", "test");
        command.env("AWS_SECRET_ACCESS_KEY", SECRETS[0]).env("AWS_SESSION_TOKEN", SECRETS[1]);
        for (name, value) in variables {
            match *value {
                "" => command.env_remove(name),
                value => command.env(name, value),
            };
        }
        if let Some(aws) = aws {
            command.env("AWS_ENDPOINT_URL", format!("http://{aws}"));
        }
        let child = command.stdin(Stdio::null()).stdout(output("stdout")).stderr(output("stderr")).spawn();
        Hatoba { child: child.unwrap(), folder }
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The same, as somebody of AWS's in a region.
    pub(crate) fn start_as(
        arguments: &[&str],
        aws: SocketAddr,
        region: &str,
        (key, secret): (&str, &str),
    ) -> Hatoba {
        let who = [
            ("AWS_REGION", region),
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_SESSION_TOKEN", ""),
        ];
        Hatoba::start_in(arguments, Some(aws), &who)
    }

    /// Runs it to its end.
    pub(crate) async fn run(arguments: &[&str], aws: Option<SocketAddr>) -> Ended {
        Hatoba::start(arguments, aws).ended().await
    }

    pub(crate) fn stdout(&self) -> String {
        self.output("stdout")
    }

    pub(crate) fn stderr(&self) -> String {
        self.output("stderr")
    }

    fn output(&self, name: &str) -> String {
        String::from_utf8(std::fs::read(self.folder.path().join(name)).unwrap()).unwrap()
    }

    /// Where `run` serves its page, as its log says.
    pub(crate) async fn page(&self) -> SocketAddr {
        self.said("\"page\":\"http://").await
    }

    /// The address that follows these words in what it says.
    pub(crate) async fn said(&self, words: &str) -> SocketAddr {
        let found = || {
            let text = self.stdout() + &self.stderr();
            let rest = text.split_once(words)?.1.to_owned();
            let end =
                rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
            rest[..end].trim_end_matches('.').parse().ok()
        };
        until(&format!("it says `{words}`"), LONG, async || found().is_some()).await;
        found().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success(), "kill -{name}");
    }

    /// Ends it as an orchestrator does; it must leave in time, and well.
    pub(crate) async fn terminate(mut self) -> Ended {
        self.signal("TERM");
        until("it leaves after SIGTERM", DRAIN_MAX, async || self.status().is_some()).await;
        let ended = self.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    }

    /// Ends it without a word.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        assert_silent("what a killed one said", &(self.stdout() + &self.stderr()));
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end; it has told no secret.
    pub(crate) async fn ended(mut self) -> Ended {
        until("it ends", LONG, async || self.status().is_some()).await;
        let code = self.child.wait().unwrap().code();
        let ended = Ended { code, stdout: self.stdout(), stderr: self.stderr() };
        assert_silent("what it said", &format!("{}{}", ended.stdout, ended.stderr));
        ended
    }
}

impl Drop for Hatoba {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A page, which shows no secret.
pub(crate) async fn page(address: SocketAddr, path: &str) -> Reply {
    let reply = http::get(address, path).await.unwrap();
    assert_silent(path, &reply.body);
    reply
}

/// The status as JSON; null while nobody answers.
pub(crate) async fn status(address: SocketAddr) -> Value {
    match http::get(address, "/api/v1/status").await {
        Ok(reply) => {
            assert_silent("the status", &reply.body);
            reply.json()
        }
        Err(_) => Value::Null,
    }
}

/// Whether exactly so many documents are shown, and all are in sync and ready.
pub(crate) fn are_ready(status: &Value, documents: usize) -> bool {
    let Some(shown) = status["documents"].as_object() else { return false };
    shown.len() == documents && shown.values().all(is_ready)
}

pub(crate) fn is_ready(document: &Value) -> bool {
    document["synced"]["status"] == "True" && document["ready"]["status"] == "True"
}

/// Waits until everything is in sync and ready.
pub(crate) async fn until_ready(address: SocketAddr, documents: usize) {
    let mut last = Value::Null;
    let is_ready = async || {
        last = status(address).await;
        are_ready(&last, documents)
    };
    let is_good = hatoba_tests::wait::holds_within(LONG, is_ready).await;
    assert!(is_good, "{documents} documents in sync and ready: {last:#}");
}

/// The text holds no secret.
pub(crate) fn assert_silent(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what} shows {secret}");
    }
}

/// Every file below a folder, with its text.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}
