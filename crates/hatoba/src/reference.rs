//! The book's page about the command line, from the same structure that reads it.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Arg, Command, CommandFactory as _};

use crate::arguments::Hatoba;
use crate::report::print;

const HEAD: &str = "\
# Command line

This page is what `hatoba --help` and `hatoba COMMAND --help` say. A test holds it to the program:
`cargo run -- reference > docs/src/cli.md` writes it anew.

Exit codes are in [Operating](operating.md#exit-codes). For every command:
";

/// Prints it.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    print(&page())
}

fn page() -> String {
    let mut hatoba = Hatoba::command();
    hatoba.build();
    let mut text = HEAD.to_owned();
    table(&mut text, hatoba.get_arguments().filter(|argument| is_own(argument)));
    let commands =
        hatoba.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help");
    for command in commands {
        section(&mut text, command);
    }
    text
}

fn section(text: &mut String, command: &Command) {
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").split_whitespace().collect::<Vec<_>>().join(" ");
    let about = sentence(about.trim());
    let _ = write!(text, "\n## {}\n\n{about}\n\n```text\n{usage}\n```\n", command.get_name());
    let own = |argument: &&Arg| is_own(argument) && !argument.is_global_set();
    if command.get_arguments().any(|argument| own(&argument)) {
        table(text, command.get_arguments().filter(own));
    }
}

/// With the full stop that clap takes away.
fn sentence(text: &str) -> String {
    if text.is_empty() || text.ends_with('.') { text.to_owned() } else { format!("{text}.") }
}

/// Not one of clap's.
fn is_own(argument: &Arg) -> bool {
    !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str())
}

fn table<'a>(text: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    text.push_str("\n| argument | means |\n|---|---|\n");
    for argument in arguments {
        let names = argument.get_value_names().unwrap_or_default();
        let values: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let takes_value = argument.get_action().takes_values();
        let name = match (argument.get_long(), takes_value) {
            (Some(long), true) => format!("--{long} {}", values.join(" ")),
            (Some(long), false) => format!("--{long}"),
            (None, _) => values.join(" "),
        };
        let help =
            argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
        let mut means = sentence(&help.split_whitespace().collect::<Vec<_>>().join(" "));
        let choices: Vec<String> = argument
            .get_possible_values()
            .iter()
            .filter(|value| takes_value && !value.is_hide_set())
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        if !choices.is_empty() {
            let _ = write!(means, " One of {}.", choices.join(", "));
        }
        let defaults: Vec<String> = argument
            .get_default_values()
            .iter()
            .map(|value| format!("`{}`", value.to_string_lossy()))
            .collect();
        if takes_value && !defaults.is_empty() {
            let _ = write!(means, " Left out: {}.", defaults.join(", "));
        }
        if let Some(variable) = argument.get_env() {
            let _ = write!(means, " Or `{}` in the environment.", variable.to_string_lossy());
        }
        let _ = writeln!(text, "| `{}` | {} |", name.replace('|', "\\|"), means.trim().replace('|', "\\|"));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_books_page_is_this_programs() {
        let here = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
        let page = std::fs::read_to_string(here.join("../../docs/src/cli.md")).unwrap_or_default();
        let is_fresh = page == super::page();
        assert!(
            is_fresh,
            "docs/src/cli.md is stale: `cargo run -- reference > docs/src/cli.md` writes it anew"
        );
    }
}
