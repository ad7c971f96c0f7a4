//! `hatoba plan`: what would change and why.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use hatoba_engine::{Clock, Engine, PlanAction};
use hatoba_source::{BucketSource, Variables, read_directory};

use crate::arguments::Plan;
use crate::place::Place;
use crate::report::{Findings, Output, wants_colour};
use crate::{plan_text, run, validate};

/// The exit code of `--detailed-exitcode` when something would change.
const CHANGES: u8 = 2;

/// Prints the plan: 0, or with `--detailed-exitcode` 2 for changes; 1 if a document is bad or AWS cannot be read.
///
/// # Errors
/// When the folder or AWS cannot be read at all.
pub(crate) async fn plan(arguments: Plan, vars: Variables) -> anyhow::Result<ExitCode> {
    let options = arguments.owner.options(&arguments.source, Duration::from_secs(300))?;
    let (snapshot, config) = match &arguments.source {
        Place::Folder(folder) => (read_directory(folder, &vars)?, run::aws().await?),
        Place::Bucket(location) => {
            let config = run::aws().await?;
            (BucketSource::new(&config, location.clone(), vars).poll().await?, config)
        }
    };
    let engine = Engine::new(options, &config, Clock::starting_at(jiff::Timestamp::now()), BTreeMap::new());
    let diagnostics = validate::diagnostics(&snapshot);
    let findings = Findings::of(&snapshot, &diagnostics);
    let mut errors = anstream::stderr().lock();
    if !diagnostics.is_empty() {
        findings.write_text(&mut errors, wants_colour(&std::io::stderr()))?;
    }
    let bad = findings.errors() > 0 || !snapshot.is_complete();
    engine.accept(snapshot);
    let plan = engine.plan().await?;
    let stdout = std::io::stdout();
    let colour = wants_colour(&stdout);
    let mut out = stdout.lock();
    match arguments.output {
        Output::Text => plan_text::print(&plan, &mut out, colour)?,
        Output::Json => writeln!(out, "{}", plan_text::json(&plan))?,
    }
    let unknown = plan.entries.iter().any(|entry| entry.action == PlanAction::Unknown);
    Ok(match (bad || unknown, arguments.detailed_exitcode && plan.has_changes()) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(CHANGES),
        (false, false) => ExitCode::SUCCESS,
    })
}
