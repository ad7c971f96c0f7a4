//! `cargo xtask mutants`: tests of the tests. Each patch in `tests/mutants/` plants one fault into a copy of the product,
//! the kind that others had in production; the simulation must find every one of them.
//!
//! The product itself knows nothing of it: there is no hook and no switch in it.

mod patch;
mod scratch;
mod trial;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::shell;
use patch::Patch;
use scratch::Scratch;
use trial::{Verdict, try_out};

/// What the issue asks for: each is found within so many seeds.
const SEEDS: u64 = 1_000;
/// No one is given longer.
const A_DAY: Duration = Duration::from_secs(86_400);

/// What is asked for on the command line.
#[derive(Debug)]
pub(crate) struct Order {
    /// Numbers; empty: all.
    only: Vec<String>,
    /// Seeds for each.
    seeds: u64,
    /// None is begun later than that.
    within: Option<Duration>,
    /// So many are put off to the end: where there is no time for all, others are tried each time.
    skip: usize,
}

/// One planted fault.
#[derive(Debug)]
struct Mutant {
    /// Two digits, from the file's name.
    number: String,
    /// For people, from the file's name.
    name: String,
    /// The scenarios that find it, where the simulation cannot: the world that it makes has nothing of the kind.
    scenarios: Option<String>,
    patch: Patch,
}

/// One line of the table.
struct Row {
    mutant: Mutant,
    verdict: Verdict,
    took: Duration,
}

impl Default for Order {
    fn default() -> Self {
        Order { only: Vec::new(), seeds: SEEDS, within: None, skip: 0 }
    }
}

impl Order {
    /// Reads `--only NN,NN --seeds N --minutes M`.
    ///
    /// # Errors
    /// An option that is not known, or a value that is none.
    pub(crate) fn read(words: &[&str]) -> Result<Order> {
        let mut order = Order::default();
        for pair in words.chunks(2) {
            let [option, value] = pair else { bail!("{} needs a value", pair[0]) };
            let number =
                || value.parse::<u64>().with_context(|| format!("{option} needs a number, got {value}"));
            match *option {
                "--only" => order.only = value.split(',').map(|number| format!("{number:0>2}")).collect(),
                "--seeds" => order.seeds = number()?,
                "--minutes" => order.within = Some(Duration::from_secs(number()? * 60)),
                other => bail!("unknown option {other}"),
            }
        }
        Ok(order)
    }

    /// As many of them as fit into that time, from another one on in each of these nights.
    pub(crate) fn within(time: Duration, night: u64) -> Order {
        const A_NIGHT: u64 = 11; // fewer than fit into the shortest
        Order {
            within: Some(time),
            skip: usize::try_from(night * A_NIGHT).unwrap_or_default(),
            ..Order::default()
        }
    }

    /// Plants one after the other and prints what found it. Returns one sentence.
    ///
    /// # Errors
    /// When one of them is not found, or does not fit the tree any more.
    pub(crate) fn run(&self) -> Result<String> {
        let begun = Instant::now();
        let mut mutants = all()?;
        if !self.only.is_empty() {
            mutants.retain(|mutant| self.only.contains(&mutant.number));
            ensure!(
                mutants.len() == self.only.len(),
                "tests/mutants has not all of {}",
                self.only.join(", ")
            );
        }
        let skip = self.skip % mutants.len().max(1);
        mutants.rotate_left(skip);
        let scratch = Scratch::prepare()?;
        let mut rows: Vec<Row> = Vec::new();
        for mutant in mutants {
            let since = Instant::now();
            let left = self.within.map_or(A_DAY, |within| within.saturating_sub(begun.elapsed()));
            let verdict = match left.is_zero() {
                true => Verdict::NotRun { seeds: 0 },
                false => try_out(&scratch, &mutant.patch, mutant.scenarios.as_deref(), self.seeds, left)?,
            };
            let row = Row { mutant, verdict, took: since.elapsed() };
            println!("{} {}: {} ({} s)", row.mutant.number, row.mutant.name, row.verdict, row.took.as_secs());
            rows.push(row);
        }
        rows.rotate_right(skip);
        let table = scratch.folder().join("table.md");
        fs::write(&table, markdown(&rows)).with_context(|| format!("cannot write {}", table.display()))?;
        print!("\n{}\n{}: for the book\n", markdown(&rows), table.display());
        conclude(&rows)
    }
}

/// What is in `tests/mutants/`, by number.
fn all() -> Result<Vec<Mutant>> {
    let folder = shell::root().join("tests/mutants");
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        files.push(entry?.path());
    }
    files.sort();
    files.iter().map(Mutant::read).collect()
}

impl Mutant {
    fn read(file: &PathBuf) -> Result<Mutant> {
        let shown = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = shown.strip_suffix(".patch").and_then(|name| name.split_once('-'));
        let (number, name) = name.with_context(|| format!("{shown}: expected `NN-name.patch`"))?;
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
        let said: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
        let [_, killer] = said[..] else {
            bail!("{shown}: two lines say what it stands for and what finds it, got {}", said.len());
        };
        let scenarios = killer.strip_prefix("scenarios ").and_then(|rest| rest.split_once(':'));
        let scenarios = scenarios.map(|(filter, _)| filter.to_owned());
        let patch = Patch::read(&text).with_context(|| shown.clone())?;
        Ok(Mutant { number: number.to_owned(), name: name.replace('-', " "), scenarios, patch })
    }
}

/// The table that the book shows.
fn markdown(rows: &[Row]) -> String {
    let lines =
        rows.iter().map(|row| format!("| {} | {} | {} |\n", row.mutant.number, row.mutant.name, row.verdict));
    format!("| | planted fault | found by |\n|---|---|---|\n{}", lines.collect::<String>())
}

fn conclude(rows: &[Row]) -> Result<String> {
    let count = |is_meant: fn(&Verdict) -> bool| rows.iter().filter(|row| is_meant(&row.verdict)).count();
    let killed = count(|verdict| matches!(verdict, Verdict::Killed { .. }));
    let left_out = count(|verdict| matches!(verdict, Verdict::NotRun { .. }));
    let run = rows.len() - left_out;
    let said = format!("{killed} of {run} planted faults found, {left_out} of {} not run", rows.len());
    ensure!(killed == run, "{said}");
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A patch that does not apply tests nothing any more, and nobody runs them all every day.
    #[test]
    fn every_mutant_fits_the_tree() {
        let mutants = all().unwrap();
        assert!(mutants.len() >= 40, "{}", mutants.len());
        for mutant in &mutants {
            let changed = mutant.patch.applied(&shell::root());
            let changed =
                changed.unwrap_or_else(|error| panic!("{} {}: {error}", mutant.number, mutant.name));
            let is_other = |(file, text): (&String, &String)| {
                *text != fs::read_to_string(shell::root().join(file)).unwrap()
            };
            assert!(changed.iter().all(is_other), "{}: it changes nothing", mutant.number);
        }
        let numbers: std::collections::BTreeSet<&str> =
            mutants.iter().map(|mutant| mutant.number.as_str()).collect();
        assert_eq!(numbers.len(), mutants.len(), "a number is given twice");
    }

    #[test]
    fn one_that_is_not_found_is_an_error_and_one_that_was_not_run_is_none() {
        let row = |verdict| {
            let mutant = Mutant {
                number: "01".to_owned(),
                name: "a fault".to_owned(),
                scenarios: None,
                patch: Patch::default(),
            };
            Row { mutant, verdict, took: Duration::ZERO }
        };
        let killed = || Verdict::Killed { by: "S3".to_owned(), at: "seed 7".to_owned(), after: Some(9) };
        assert_eq!(
            markdown(&[row(killed())]).lines().last(),
            Some("| 01 | a fault | S3, seed 7, after 9 seeds |")
        );
        assert!(conclude(&[row(killed()), row(Verdict::NotRun { seeds: 7 })]).is_ok());
        for bad in
            [Verdict::Survived { seeds: 5 }, Verdict::DoesNotApply(String::new()), Verdict::DoesNotCompile]
        {
            assert!(conclude(&[row(killed()), row(bad)]).is_err());
        }
    }

    #[test]
    fn an_order_is_read() {
        let order = Order::read(&["--only", "3,14", "--seeds", "20", "--minutes", "2"]).unwrap();
        assert_eq!((order.only, order.seeds), (vec!["03".to_owned(), "14".to_owned()], 20));
        assert_eq!(order.within, Some(Duration::from_secs(120)));
        assert!(Order::read(&["--only"]).is_err() && Order::read(&["--fast", "1"]).is_err());
    }
}
