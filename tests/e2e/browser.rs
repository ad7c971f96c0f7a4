//! A real browser: headless Chromium, driven through the DevTools protocol on two pipes.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hatoba_tests::wait::until;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::process::LONG;

/// What Debian and others call it.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A browser with one page. Everything that the page complains of is kept.
pub(crate) struct Browser {
    child: Child,
    commands: File,
    messages: mpsc::UnboundedReceiver<Value>,
    session: String,
    last: u64,
    /// Errors of scripts, and what the page's policy refused.
    pub(crate) complaints: Vec<String>,
    _folder: tempfile::TempDir,
}

/// The browser of this machine; where there is none, that is said, and is an error where everything is demanded.
#[expect(clippy::print_stderr, reason = "what was left out is said")]
pub(crate) fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let all = PROGRAMS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = all.into_iter().find(|program| program.is_file());
    if found.is_none() {
        let message = "there is no Chromium here: the page was not looked at in a browser (Debian: apt install chromium)";
        assert!(std::env::var_os("HATOBA_REQUIRE_ALL").is_none(), "{message}");
        eprintln!("SKIPPED: {message}");
    }
    found
}

impl Browser {
    /// Starts it on a page of this width and height.
    pub(crate) async fn open(program: &Path, url: &str, width: u32, height: u32) -> Browser {
        let folder = tempfile::tempdir().unwrap();
        let pipe = |name: &str| folder.path().join(name);
        let made = Command::new("mkfifo").args([pipe("to"), pipe("from")]).status().unwrap();
        assert!(made.success(), "mkfifo");
        // The shell gives the pipes the numbers that the browser knows them by.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<\"$TO\" 4>\"$FROM\""]).arg(program).args([
            "--headless=new",
            "--remote-debugging-pipe",
            "--no-sandbox", // tests run as root in containers; only our own page is opened
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "about:blank",
        ]);
        command.arg(format!("--user-data-dir={}", pipe("profile").display()));
        command.env("HOME", folder.path()).env("TO", pipe("to")).env("FROM", pipe("from"));
        let log = File::create(pipe("log")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let (to, from) = (pipe("to"), pipe("from"));
        let opened = tokio::task::spawn_blocking(move || {
            let commands = File::options().write(true).open(to).unwrap();
            (commands, File::open(from).unwrap())
        });
        let (commands, answers) = tokio::time::timeout(LONG, opened).await.unwrap().unwrap();
        let (sender, messages) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for message in BufReader::new(answers).split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap_or_default();
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Browser {
            child,
            commands,
            messages,
            session: String::new(),
            last: 0,
            complaints: Vec::new(),
            _folder: folder,
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach).await;
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, json!({})).await;
        }
        browser.size(width, height).await;
        browser.call("Page.navigate", json!({ "url": url })).await;
        browser
    }

    /// Sends a command and waits for its answer.
    pub(crate) async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut command = json!({ "id": self.last, "method": method, "params": parameters });
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).unwrap();
        loop {
            let message = tokio::time::timeout(LONG, self.messages.recv()).await;
            let message = message.unwrap_or_else(|_| panic!("no answer to {method}")).unwrap();
            if message["id"] == self.last {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.note(&message);
        }
    }

    fn note(&mut self, message: &Value) {
        let parameters = &message["params"];
        match message["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => self.complaints.push(parameters["exceptionDetails"].to_string()),
            "Log.entryAdded" if parameters["entry"]["level"] == "error" => {
                self.complaints.push(parameters["entry"].to_string());
            }
            _ => {}
        }
    }

    /// The value of an expression in the page.
    pub(crate) async fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", asked).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page.
    pub(crate) async fn until(&mut self, what: &str, expression: &str) {
        until(what, LONG, async || self.value(expression).await == true).await;
    }

    /// The page's size, as on a screen of that width.
    pub(crate) async fn size(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// `dark` or `light`.
    pub(crate) async fn scheme(&mut self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", features).await;
    }

    /// A picture of what is seen now, as PNG in base64.
    pub(crate) async fn picture(&mut self) -> String {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" })).await;
        picture["data"].as_str().unwrap().to_owned()
    }

    /// Presses a key.
    pub(crate) async fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
