//! `cargo xtask simulate`: as much of the simulation as one wants, from any seed on, for as long as one has.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::shell;

/// What is asked for on the command line.
#[derive(Debug, Default)]
pub(crate) struct Order {
    seeds: Option<u64>,
    from: Option<u64>,
    steps: Option<u64>,
    without: Option<String>,
    trace: Option<String>,
    hours: Option<f64>,
    leaders: Option<u64>,
}

/// A run that has hours to spend has no other end than these.
const SEEDS_WITHOUT_END: u64 = u64::MAX / 2;
const SECONDS_WITHOUT_END: u64 = 60 * 60 * 24 * 365;

impl Order {
    /// Reads `--seeds N --from S --steps M --leaders 2 --without A,B --trace FILE --hours H`.
    ///
    /// # Errors
    /// An option that is not known, or a value that is none.
    pub(crate) fn read(words: &[&str]) -> Result<Order> {
        let mut order = Order::default();
        for pair in words.chunks(2) {
            let [option, value] = pair else { bail!("{} needs a value", pair[0]) };
            let number = || value.parse().with_context(|| format!("{option} needs a number, got {value}"));
            match *option {
                "--seeds" => order.seeds = Some(number()?),
                "--from" => order.from = Some(number()?),
                "--steps" => order.steps = Some(number()?),
                "--leaders" => order.leaders = Some(number()?),
                "--without" => order.without = Some((*value).to_owned()),
                "--trace" => order.trace = Some((*value).to_owned()),
                "--hours" => order.hours = Some(value.parse().context("--hours needs a number")?),
                other => bail!("unknown option {other}"),
            }
        }
        Ok(order)
    }

    /// Runs it, with the result on the terminal.
    ///
    /// # Errors
    /// When a seed fails; the command that replays it was printed.
    pub(crate) fn run(&self) -> Result<()> {
        let mut command = shell::cargo(&["test", "--workspace", "--locked", "--test", "simulation"]);
        command.args(["--", "--exact", "seeds::seeds", "--nocapture"]);
        let seconds = self.hours.map(|hours| Duration::from_secs_f64(hours * 3600.0).as_secs());
        let seeds = self.seeds.or(self.hours.map(|_| SEEDS_WITHOUT_END));
        let seconds = seconds.or(self.seeds.map(|_| SECONDS_WITHOUT_END));
        let numbers = [
            ("SEEDS", seeds),
            ("FROM", self.from),
            ("STEPS", self.steps),
            ("SECONDS", seconds),
            ("LEADERS", self.leaders),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                command.env(format!("HATOBA_SIMULATION_{name}"), number.to_string());
            }
        }
        for (name, text) in [("WITHOUT", &self.without), ("TRACE", &self.trace)] {
            if let Some(text) = text {
                command.env(format!("HATOBA_SIMULATION_{name}"), text);
            }
        }
        shell::run(&mut command)
    }
}
