//! `hatoba`: flags, wiring, terminal output. Everything that decides is in the other crates.

mod arguments;
mod ask;
mod completions;
mod daemon;
mod fetch;
mod healthcheck;
mod iam_policy;
mod import;
mod logging;
mod place;
mod plan;
mod plan_text;
mod progress;
mod reference;
mod render;
mod report;
mod run;
mod sandbox;
mod schema;
mod status;
mod token;
mod validate;
mod version;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use hatoba_engine::{FINDINGS, TURNS};

use crate::arguments::{Command, Hatoba};

/// Tasks that still run when a command is over (a hung call, a slow disk) get so long and no longer.
const LEAVE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    match start(Hatoba::parse()) {
        Ok(code) => code,
        Err(error) => {
            let text = report::visible(&format!("{error:#}"));
            let red = anstyle::AnsiColor::Red.on_default().bold();
            let error = report::paint("error:", red, report::wants_colour(&std::io::stderr()));
            // Nobody listens to standard error: there is nowhere to say so.
            let _ = writeln!(anstream::stderr(), "{error} {text}");
            ExitCode::FAILURE
        }
    }
}

fn start(hatoba: Hatoba) -> anyhow::Result<ExitCode> {
    let level = match hatoba.command {
        Command::Run(_) => "info".to_owned(),
        // It tells the story itself.
        Command::Sandbox(_) => format!("warn,{FINDINGS}=off,{TURNS}=off"),
        // The others show what is wrong with documents in their own way, with snippets.
        _ => format!("warn,{FINDINGS}=off"),
    };
    logging::init(hatoba.log_format, &level)?;
    let vars = hatoba.variables()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = match hatoba.command {
        Command::Run(run) => runtime.block_on(run::run(run, vars)),
        Command::Sandbox(sandbox) => runtime.block_on(sandbox::sandbox(sandbox, vars)),
        Command::Plan(plan) => runtime.block_on(plan::plan(plan, vars)),
        Command::Import(import) => runtime.block_on(import::import(import)),
        Command::Status(asked) => runtime.block_on(status::status(asked, vars)),
        Command::Reconcile(asked) => runtime.block_on(ask::reconcile(asked, vars)),
        Command::Prune(asked) => runtime.block_on(ask::prune(asked)),
        Command::Healthcheck(asked) => runtime.block_on(healthcheck::run(&asked)),
        Command::Explain(explain) => print_explanation(explain.path.as_deref()),
        Command::Schema(schema) => schema::run(&schema),
        Command::IamPolicy(asked) => iam_policy::run(&asked, &vars),
        Command::Completions(asked) => completions::run(&asked),
        Command::Reference => reference::run(),
        Command::Version(asked) => version::run(&asked),
        Command::Render(render) => render::run(&render.dir, &vars, render.output),
        Command::Validate(validate) => validate::run(&validate.dir, &vars, validate.output),
    };
    runtime.shutdown_timeout(LEAVE);
    result
}

/// `hatoba explain`: field documentation on standard output.
fn print_explanation(path: Option<&str>) -> anyhow::Result<ExitCode> {
    let text = match path {
        None => hatoba_kinds::explain_kinds(),
        Some(path) => hatoba_kinds::explain(path).map_err(anyhow::Error::msg)?,
    };
    report::print(&text)
}
