//! `cargo xtask nightly --hours H`: what takes too long for the test command, each part boxed by its share of the time.
//!
//! Every night begins at another seed, which is printed; `--from` repeats a night. A part that fails does not keep the
//! others from running; the summary says how each went.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use crate::{fuzz, mutants, shell};

/// What is asked for on the command line.
#[derive(Debug, PartialEq)]
pub(crate) struct Night {
    /// All of it takes so long, more or less: what has begun is finished.
    lasts: Duration,
    /// The first seed.
    from: u64,
}

/// A part of the night.
struct Part {
    name: &'static str,
    /// Of a hundred.
    share: u32,
    /// Runs for so long, or until there is no more to do; says how much was done.
    run: fn(&Night, Duration) -> Result<String>,
}

/// In this order; who builds something of its own takes longer than its share, so those come last.
const PARTS: &[Part] = &[
    Part { name: "leases", share: 1, run: leases },
    Part { name: "two leaders", share: 10, run: two_leaders },
    Part { name: "simulation", share: 25, run: simulation },
    Part { name: "all pairs of crashes", share: 12, run: crashes },
    Part { name: "walks", share: 6, run: walks },
    Part { name: "processes", share: 6, run: processes },
    Part { name: "boundedness", share: 8, run: boundedness },
    Part { name: "fuzzing", share: 7, run: fuzzing },
    Part { name: "mutants", share: 25, run: mutants },
];

/// Seeds of one night; far more than any machine gets through.
const SEEDS_A_NIGHT: u64 = 10_000_000;
const LEADERS_SEEDS: u64 = 10_000;
/// Of each of six kinds of trouble: more than 10,000 histories in all.
const LEASE_SEEDS: u64 = 2_000;
/// Of each kind.
const WALKS_SEEDS: u64 = 2_000;

impl Night {
    /// Reads `--hours H --from S`.
    ///
    /// # Errors
    /// An option that is not known, or a value that is none; without `--hours`.
    pub(crate) fn read(words: &[&str]) -> Result<Night> {
        let (mut hours, mut from) = (None, tonight());
        for pair in words.chunks(2) {
            let [option, value] = pair else { bail!("{} needs a value", pair[0]) };
            match *option {
                "--hours" => hours = Some(value.parse::<f64>().context("--hours needs a number")?),
                "--from" => from = value.parse().context("--from needs a number")?,
                other => bail!("unknown option {other}"),
            }
        }
        let hours = hours.context("--hours is missing")?;
        let lasts = Duration::try_from_secs_f64(hours * 3600.0).context("--hours: expected 0 or more")?;
        Ok(Night { lasts, from })
    }

    /// Runs every part.
    ///
    /// # Errors
    /// When it cannot be built, or one of them fails; the others ran all the same.
    pub(crate) fn run(&self) -> Result<()> {
        println!("── seeds from {} on; `--from {}` repeats this night", self.from, self.from);
        build()?;
        let begun = Instant::now();
        let mut lines = Vec::new();
        let mut failed = 0;
        for (index, part) in PARTS.iter().enumerate() {
            let time = share(part, &PARTS[index..], self.lasts.saturating_sub(begun.elapsed()));
            println!("── {}: {} minutes", part.name, time.as_secs() / 60);
            let since = Instant::now();
            let outcome = (part.run)(self, time);
            failed += usize::from(outcome.is_err());
            let said = outcome.unwrap_or_else(|error| format!("FAILED: {error:#}"));
            let minutes = since.elapsed().as_secs_f64() / 60.0;
            lines.push(format!("{:<22} {minutes:>6.1} min  {said}", part.name));
        }
        println!("── the night of seed {}, {:.1} hours", self.from, begun.elapsed().as_secs_f64() / 3600.0);
        lines.iter().for_each(|line| println!("{line}"));
        ensure!(failed == 0, "{failed} of {} parts failed", PARTS.len());
        Ok(())
    }
}

/// Of the time that is left, what is due to the first of the parts that are left.
fn share(part: &Part, left: &[Part], time: Duration) -> Duration {
    let all: u32 = left.iter().map(|part| part.share).sum();
    time * part.share / all.max(1)
}

/// Another one every day, the same all day long, so that an interrupted night is repeated by the same command.
fn tonight() -> u64 {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    days * SEEDS_A_NIGHT
}

/// Builds what the parts have in common, before the time counts: the tests, and the binary that some of them start.
fn build() -> Result<()> {
    shell::run(&mut shell::cargo(&["build", "--workspace", "--bins", "--locked", "--quiet"]))?;
    shell::run(&mut shell::cargo(&["test", "--workspace", "--no-run", "--locked", "--quiet"]))
}

fn simulation(night: &Night, time: Duration) -> Result<String> {
    cargo_test(&["simulation", "seeds::seeds"], &seeds(night.from, SEEDS_A_NIGHT, time))
}

fn two_leaders(night: &Night, time: Duration) -> Result<String> {
    let seeds = seeds(night.from, LEADERS_SEEDS, time);
    cargo_test(&["simulation", "seeds::two_leaders_without_a_lease"], &seeds)
}

/// Three processes on one lease, each history checked by itself. They take seconds, and so need no box.
fn leases(night: &Night, _: Duration) -> Result<String> {
    let mut command = shell::cargo(&["test", "--workspace", "--locked", "--quiet", "--lib", "--"]);
    command.arg("of_three_processes_one_writes_at_a_time");
    command.env("HATOBA_LEASE_FROM", night.from.to_string());
    command.env("HATOBA_LEASE_SEEDS", LEASE_SEEDS.to_string());
    let said = shell::listen(&mut command)?;
    ensure!(said.contains("1 passed"), "no test of that name");
    Ok(format!("{} histories", 6 * LEASE_SEEDS))
}

fn mutants(night: &Night, time: Duration) -> Result<String> {
    mutants::Order::within(time, night.from / SEEDS_A_NIGHT).run()
}

fn crashes(_: &Night, time: Duration) -> Result<String> {
    const KINDS: u64 = 4; // of work that is interrupted; one after the other
    let seconds = (time.as_secs() / KINDS).to_string();
    cargo_test(&["simulation", "crashes"], &[("HATOBA_SIMULATION_SECONDS", seconds)])
}

fn fuzzing(_: &Night, time: Duration) -> Result<String> {
    let targets = fuzz::targets()?.len();
    let seconds = time.as_secs() / targets.max(1) as u64;
    fuzz::run(seconds).map(|()| format!("{targets} targets, {seconds} s each"))
}

/// 200 kills, 50 hand-overs, 5 pauses; in a short night as many as fit.
fn processes(night: &Night, time: Duration) -> Result<String> {
    const SECONDS_OF_A_KILL: u64 = 6; // with its share of the rest
    let kills = (time.as_secs() / SECONDS_OF_A_KILL).clamp(20, 200).to_string();
    let variables =
        [("HATOBA_PROCESS_ROUNDS", kills.clone()), ("HATOBA_PROCESS_SEED", night.from.to_string())];
    cargo_test(&["e2e", "rounds"], &variables).map(|_| format!("{kills} kills"))
}

fn walks(night: &Night, time: Duration) -> Result<String> {
    cargo_test(&["simulation", "walks::walks_end"], &seeds(night.from, WALKS_SEEDS, time))
}

/// 10,000 documents for 30 days; in a short night fewer documents, so that there are days enough to tell.
fn boundedness(_: &Night, time: Duration) -> Result<String> {
    const DOCUMENTS_OF_A_SECOND: u64 = 2; // thirty days of one take some half a second
    let documents = (time.as_secs() * DOCUMENTS_OF_A_SECOND).clamp(100, 10_000);
    let numbers = [("DOCUMENTS", documents), ("TIDES", 30), ("TIDE_HOURS", 24), ("SECONDS", time.as_secs())];
    let variables = numbers.map(|(name, number)| (format!("HATOBA_BOUNDED_{name}"), number.to_string()));
    let variables: Vec<(&str, String)> =
        variables.iter().map(|(name, number)| (name.as_str(), number.clone())).collect();
    cargo_test(&["bounded", "a_month"], &variables)
}

fn seeds(from: u64, seeds: u64, time: Duration) -> [(&'static str, String); 3] {
    [
        ("HATOBA_SIMULATION_FROM", from.to_string()),
        ("HATOBA_SIMULATION_SEEDS", seeds.to_string()),
        ("HATOBA_SIMULATION_SECONDS", time.as_secs().to_string()),
    ]
}

/// Runs the tests of a target whose names hold the second word, one after the other; what they say they did.
fn cargo_test(which: &[&str; 2], variables: &[(&str, String)]) -> Result<String> {
    let [target, test] = which;
    let mut command = shell::cargo(&["test", "--workspace", "--locked", "--quiet", "--test", target, "--"]);
    command.args(["--nocapture", "--test-threads", "1", test]);
    for (name, value) in variables {
        command.env(name, value);
    }
    let said = shell::listen(&mut command)?;
    let counts = [" seeds, ", " points and pairs of points", " walks from seed ", " with each of "];
    let is_count = |line: &&str| counts.iter().any(|count| line.contains(count));
    Ok(said.lines().filter(is_count).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_is_read() {
        let night = Night::read(&["--hours", "0.5", "--from", "7"]).unwrap();
        assert_eq!(night, Night { lasts: Duration::from_secs(1_800), from: 7 });
        assert_eq!(Night::read(&["--hours", "8"]).unwrap().from % SEEDS_A_NIGHT, 0);
        for wrong in
            [&["--from", "7"][..], &["--hours"], &["--hours", "-1"], &["--hours", "x"], &["--nights", "1"]]
        {
            assert!(Night::read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_shares_are_all_of_the_night() {
        assert_eq!(PARTS.iter().map(|part| part.share).sum::<u32>(), 100);
        let hour = Duration::from_secs(3_600);
        let mut left = hour;
        for (index, part) in PARTS.iter().enumerate() {
            left -= share(part, &PARTS[index..], left);
        }
        assert!(left < Duration::from_secs(1), "{left:?}");
    }
}
