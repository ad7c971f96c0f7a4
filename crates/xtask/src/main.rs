//! The project's chores, as `cargo xtask <task>`: one gate (`check`) and one generator (`gen`).
//!
//! Nothing that ships depends on this crate. Everything it makes outside `target/` is committed and checked for freshness.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

mod book;
mod browser;
mod check;
mod fuzz;
mod generate;
mod kept;
mod mutants;
mod nightly;
mod promtool;
mod shell;
mod simulate;
mod venv;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <task>

  check [--full]   everything that must hold before a commit; --full: tests that lack a tool fail instead of being skipped
  gen [--check]    write the structures generated from AWS's service models; --check: fail if the committed ones differ
  simulate [--seeds N] [--from S] [--steps M] [--hours H] [--leaders 2] [--without FAULT,…] [--trace FILE]
                   the simulation; a seed that fails prints the command that replays it
  mutants [--only NN,NN] [--seeds N] [--minutes M]
                   plants one fault after the other into a copy of the product: the simulation must find each
  nightly --hours H [--from S]
                   all that takes long: two leaders, all pairs of crashes, mutants, the simulation until the time is over
  fuzz [--seconds N]
                   every target of tests/fuzz, each for so long (60 if left out)
  book             only the check of the book's links
";

fn main() -> ExitCode {
    if fuzz::wraps_the_compiler() {
        // The compiler has said what is wrong.
        return fuzz::compile(std::env::args_os().skip(1)).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => check::run(check::Depth::Usual),
        ["check", "--full"] => check::run(check::Depth::Full),
        ["gen"] => generate::run(generate::Mode::Write),
        ["gen", "--check"] => generate::run(generate::Mode::Check),
        ["fuzz"] => fuzz::run(60),
        ["fuzz", "--seconds", seconds] => match seconds.parse() {
            Ok(seconds) => fuzz::run(seconds),
            Err(_) => Err(anyhow::anyhow!("--seconds needs a whole number, got {seconds}")),
        },
        ["book"] => book::check(),
        ["simulate", rest @ ..] => simulate::Order::read(rest).and_then(|order| order.run()),
        ["mutants", rest @ ..] => {
            mutants::Order::read(rest).and_then(|order| order.run()).map(|said| println!("{said}"))
        }
        ["nightly", rest @ ..] => nightly::Night::read(rest).and_then(|night| night.run()),
        ["--help" | "-h" | "help"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
