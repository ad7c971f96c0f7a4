//! `cargo xtask gen`: nested members of AWS requests as Rust structures, out of AWS's own descriptions.
//!
//! Hand-typed nests are where members get lost, so nobody types them: names, types and limits come from the service
//! models, the exact Rust names from the SDK's source, and the two must agree. No text of AWS's is copied.
//!
//! Out of the same models: what the in-memory AWS demands of requests.

mod config;
mod emit;
mod limits;
mod model;
mod names;
mod plan;
mod requests;
mod sdk;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::{shell, venv};
use model::Model;
use plan::Plan;
use sdk::Packages;

/// Where the structures of documents are.
const STRUCTURES: &str = "crates/hatoba-shapes/src";

/// Where the in-memory AWS has what it demands of requests.
const REQUESTS: &str = "crates/hatoba-aws-model/src/published";

/// Write the files, or compare them with what is committed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// Generates every configured module.
pub(crate) fn run(mode: Mode) -> Result<()> {
    venv::prepare()?;
    let packages = Packages::load()?;
    let mut stale = Vec::new();
    let mut files = Vec::new();
    for service in config::SERVICES {
        let text =
            module(service, &packages).with_context(|| format!("cannot generate {}", service.module))?;
        files.push((STRUCTURES, service.module, text));
    }
    for service in config::REQUESTS {
        let text = requests::file(service).and_then(|text| format(&text));
        let text = text.with_context(|| format!("cannot generate requests to {}", service.module))?;
        files.push((REQUESTS, service.module, text));
    }
    for (folder, module, text) in files {
        let file = shell::root().join(folder).join(module).with_extension("rs");
        if fs::read_to_string(&file).is_ok_and(|committed| committed == text) {
            continue;
        }
        match mode {
            Mode::Write => {
                fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
                println!("wrote {}", file.display());
            }
            Mode::Check => stale.push(format!("{folder}/{module}.rs")),
        }
    }
    if !stale.is_empty() {
        bail!(
            "the generated modules {} are not what the generator makes now: run `cargo xtask gen`",
            stale.join(", ")
        );
    }
    // Their freshness is a scenario's matter: the calls on them are counted there.
    if mode == Mode::Write { pages() } else { Ok(()) }
}

/// Writes the book's pages about the kinds.
fn pages() -> Result<()> {
    let test = ["test", "--workspace", "--locked", "--test", "scenarios", "reference::"];
    shell::run(shell::cargo(&test).env("HATOBA_WRITE_PAGES", "1"))
}

fn module(service: &'static config::Service, packages: &Packages) -> Result<String> {
    let types = packages.types(service.package)?;
    let plan = Plan::new(service, Model::load(service.model)?, &types)?;
    format(&emit::file(&plan)?)
}

/// The text as rustfmt would leave it, with the workspace's own settings.
fn format(text: &str) -> Result<String> {
    let settings = ["--quiet", "--config-path", ".rustfmt.toml"];
    let mut child = shell::command("rustfmt", &settings)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start rustfmt")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text.as_bytes()).context("rustfmt stopped reading")?;
    }
    let output = child.wait_with_output().context("rustfmt did not end")?;
    if !output.status.success() {
        bail!("rustfmt refused what the generator wrote");
    }
    String::from_utf8(output.stdout).context("rustfmt printed something that is not text")
}
