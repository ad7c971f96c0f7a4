//! One planted fault against the simulation: seeds, two leaders, crashes, in this order, until it is found.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::patch::Patch;
use super::scratch::Scratch;

/// What became of a planted fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was found.
    Killed {
        /// The invariant, as the book names it.
        by: String,
        /// In which seed, or where the process was killed.
        at: String,
        /// Seeds until then; `None`: a scenario found it.
        after: Option<u64>,
    },
    /// Nothing found it.
    Survived {
        /// So many seeds did not.
        seeds: u64,
    },
    /// The tree is another by now.
    DoesNotApply(String),
    /// The tree is another by now.
    DoesNotCompile,
    /// There was no time left for more than so many.
    NotRun {
        /// So many seeds did not find it.
        seeds: u64,
    },
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Killed { by, at, after: Some(after) } => write!(f, "{by}, {at}, after {after} seeds"),
            Verdict::Killed { by, at, after: None } => write!(f, "{by}: {at}"),
            Verdict::Survived { seeds } => write!(f, "SURVIVED {seeds} seeds"),
            Verdict::DoesNotApply(why) => write!(f, "DOES NOT APPLY: {why}"),
            Verdict::DoesNotCompile => f.write_str("DOES NOT COMPILE"),
            Verdict::NotRun { seeds: 0 } => f.write_str("not run"),
            Verdict::NotRun { seeds } => write!(f, "not found in {seeds} seeds, and then the time was over"),
        }
    }
}

const TEST: &[&str] = &["test", "--workspace", "--locked", "--quiet", "--test"];

/// The tests in their order, and the part of the seeds that each gets, of a hundred.
const STAGES: &[(&str, u64)] =
    &[("seeds::seeds", 100), ("seeds::two_leaders_without_a_lease", 10), ("crashes", 0)];

/// Plants a fault, looks whether the simulation finds it, and takes it out again.
///
/// # Errors
/// When files cannot be written or cargo does not start: nothing that the fault could cause.
pub(crate) fn try_out(
    scratch: &Scratch,
    patch: &Patch,
    scenarios: Option<&str>,
    seeds: u64,
    within: Duration,
) -> Result<Verdict> {
    let changed = match patch.applied(scratch.tree()) {
        Ok(changed) => changed,
        Err(error) => return Ok(Verdict::DoesNotApply(error.to_string())),
    };
    scratch.plant(&changed)?;
    let verdict = match scenarios {
        Some(filter) => look_at_scenarios(scratch, filter),
        None => look(scratch, seeds, within),
    };
    scratch.restore(patch.files())?;
    verdict
}

/// Whether a test target compiles with what is planted.
fn compiles(scratch: &Scratch, target: &str) -> Result<bool> {
    let mut build = scratch.cargo(TEST);
    let built = build.args([target, "--no-run"]).output().context("cannot start cargo")?;
    if !built.status.success() {
        eprint!("{}", String::from_utf8_lossy(&built.stderr));
    }
    Ok(built.status.success())
}

fn look(scratch: &Scratch, seeds: u64, within: Duration) -> Result<Verdict> {
    if !compiles(scratch, "simulation")? {
        return Ok(Verdict::DoesNotCompile);
    }
    let begun = Instant::now();
    let mut done = 0;
    for (test, percent) in STAGES {
        let mut command = scratch.cargo(TEST);
        command.args(["simulation", "--", "--nocapture", "--test-threads", "1", test]);
        command.env("HATOBA_SIMULATION_STOP", "1").env("HATOBA_SIMULATION_MINIMISE_SECONDS", "0");
        if *percent > 0 {
            command.env("HATOBA_SIMULATION_SEEDS", (seeds * percent / 100).max(1).to_string());
            let left = within.saturating_sub(begun.elapsed()).as_secs();
            command.env("HATOBA_SIMULATION_SECONDS", left.to_string());
        }
        let output = command.output().context("cannot start cargo")?;
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        done += seeds_done(&said);
        if !output.status.success() {
            let (by, at) = found(&said).unwrap_or_else(|| ("its end".to_owned(), (*test).to_owned()));
            return Ok(Verdict::Killed { by, at, after: Some(done) });
        }
        if done < seeds {
            return Ok(Verdict::NotRun { seeds: done });
        }
    }
    Ok(Verdict::Survived { seeds: done })
}

fn look_at_scenarios(scratch: &Scratch, filter: &str) -> Result<Verdict> {
    if !compiles(scratch, "scenarios")? {
        return Ok(Verdict::DoesNotCompile);
    }
    let mut command = scratch.cargo(TEST);
    let output = command.args(["scenarios", "--", filter]).output().context("cannot start cargo")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let first = said.lines().find_map(|line| line.strip_prefix("---- ")?.strip_suffix(" stdout ----"));
    Ok(match (output.status.success(), first) {
        (false, Some(test)) => {
            Verdict::Killed { by: "scenario".to_owned(), at: format!("`{test}`"), after: None }
        }
        _ => Verdict::Survived { seeds: 0 },
    })
}

/// What a test prints. Its first line may follow its name: `test seeds::seeds ... seed 12: …`.
fn own_lines(said: &str) -> impl Iterator<Item = &str> {
    let rest = |line| str::strip_prefix(line, "test ")?.split_once(" ... ").map(|(_, rest)| rest);
    said.lines().map(move |line| rest(line).unwrap_or(line))
}

/// From `12 seeds, 3600 steps, …`.
fn seeds_done(said: &str) -> u64 {
    let counts = own_lines(said).filter_map(|line| line.split_once(" seeds, ")?.0.parse::<u64>().ok());
    counts.sum()
}

/// The invariant, and where it failed: from `seed 12: S3: process 1 deletes …`, or `… Create, killed at [(3, …)]: L1: …`.
fn found(said: &str) -> Option<(String, String)> {
    let seed = |line: &str| {
        let (number, what) = line.strip_prefix("seed ")?.split_once(": ")?;
        number.parse::<u64>().ok().map(|number| (name(what), format!("seed {number}")))
    };
    let crash = |line: &str| {
        let (place, what) = line.split_once(", killed at ")?;
        let (points, what) = what.split_once("]: ")?;
        let work = place.rsplit(' ').next().unwrap_or_default();
        Some((name(what), format!("{work} killed at {points}]")))
    };
    own_lines(said).find_map(seed).or_else(|| own_lines(said).find_map(crash))
}

/// `S3` of `S3: process 1 …`; what has no letter of its own is another end than without crashes, or a panic.
fn name(what: &str) -> String {
    let first = what.split(':').next().unwrap_or_default();
    let is_letter = first.len() <= 4 && first.starts_with(|c: char| c.is_ascii_uppercase());
    match (is_letter, what.starts_with("a panic")) {
        (true, _) => first.to_owned(),
        (false, true) => "a panic".to_owned(),
        (false, false) => "another end".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_found_it_is_read_from_what_the_tests_print() {
        let said = "running 1 test\ntest seeds::seeds ... seed 12: S3: process 1 deletes x | more\n13 seeds, 3900 steps, 7 calls\n";
        assert_eq!(found(said), Some(("S3".to_owned(), "seed 12".to_owned())));
        assert_eq!(seeds_done(said), 13);
        let said =
            "4 ended otherwise, for example Delete, killed at [(3, BeforeItArrives)]: counts {}, expected {}";
        assert_eq!(
            found(said),
            Some(("another end".to_owned(), "Delete killed at [(3, BeforeItArrives)]".to_owned()))
        );
        assert_eq!(found("seed 3: a panic: overflow").map(|(by, _)| by).as_deref(), Some("a panic"));
        assert_eq!(found("error: could not compile"), None);
    }
}
