//! `hatoba validate DIR`: the offline checks.
//!
//! The checks are the daemon's own ([`hatoba_engine::check`]); this only reads, prints and tells by the exit code.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use hatoba_core::{Diagnostic, Place};
use hatoba_source::{Snapshot, Variables, read_directory};

use crate::report::{Findings, Output, wants_colour};

/// Checks every document below `dir` and prints what is wrong: exit code 0 if nothing but warnings, else 1.
///
/// # Errors
/// The source cannot be read as a whole; or standard output cannot be written to.
pub(crate) fn run(dir: &Path, vars: &Variables, output: Output) -> anyhow::Result<ExitCode> {
    let stdout = io::stdout();
    let colour = wants_colour(&stdout);
    let is_good = validate(dir, vars, output, &mut stdout.lock(), colour)?;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether all documents are good.
fn validate(
    dir: &Path,
    vars: &Variables,
    output: Output,
    out: &mut dyn Write,
    colour: bool,
) -> anyhow::Result<bool> {
    let snapshot = read_directory(dir, vars)?;
    let diagnostics = diagnostics(&snapshot);
    let findings = Findings::of(&snapshot, &diagnostics);
    let written = match output {
        Output::Text => findings.write_text(out, colour),
        Output::Json => writeln!(out, "{}", findings.json()),
    };
    match written.and_then(|()| out.flush()) {
        // `hatoba validate | head`: who reads has seen enough; the exit code still tells.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(findings.errors() == 0),
    }
}

/// All that is wrong with a source.
pub(crate) fn diagnostics(snapshot: &Snapshot) -> Vec<Diagnostic> {
    let mut diagnostics = hatoba_engine::check(snapshot).diagnostics;
    diagnostics.extend(unexplained(snapshot, &diagnostics));
    diagnostics
}

/// Files that cannot be used and of which no error says why: what could not be read must never pass for good.
fn unexplained(snapshot: &Snapshot, diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    let is_explained =
        |file: &str| diagnostics.iter().any(|found| found.is_error() && found.place.file == file);
    let unexplained = snapshot.unreadable.iter().filter(|unreadable| !is_explained(&unreadable.file));
    unexplained
        .map(|unreadable| {
            let place = Place { file: unreadable.file.clone(), line: 1, column: 1 };
            Diagnostic::error(place, "", format!("the file cannot be used: {}", unreadable.reason))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: crazy-api }\nspec: { description: '${TEAM}' }\n";

    fn validated(files: &[(&str, &str)], output: Output) -> (bool, String) {
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in files {
            std::fs::write(dir.path().join(file), text).unwrap();
        }
        let vars = Variables::from_env_and_flags([], ["TEAM=web"]).unwrap();
        let mut out = Vec::new();
        let is_good = validate(dir.path(), &vars, output, &mut out, false).unwrap();
        (is_good, String::from_utf8(out).unwrap())
    }

    #[test]
    fn good_documents() {
        let (is_good, text) = validated(&[("api.yaml", GOOD), ("other.txt", "{")], Output::Text);
        assert_eq!((is_good, text.as_str()), (true, "1 document in 1 file: all good\n"));
    }

    #[test]
    fn bad_documents_are_shown_where_they_stand() {
        let bad = GOOD.replace("TEAM", "TEAMS").replace("crazy", "other");
        let (is_good, text) = validated(&[("api.yaml", GOOD), ("bad.yaml", &bad)], Output::Text);
        assert!(!is_good);
        assert!(text.starts_with("error: spec.description: "), "{text}");
        assert!(text.contains("\n --> bad.yaml:4:22\n"), "{text}");
        assert!(text.ends_with("\n2 documents in 2 files: 1 error, 0 warnings\n"), "{text}");
    }

    #[test]
    fn warnings_of_the_chain_are_shown_and_the_documents_are_good() {
        let stage = "apiVersion: hatoba/v1\nkind: Stage\nmetadata: { name: main }\nspec:\n  apiRef: crazy-api\n  stageName: $default\n";
        let files = [("api.yaml", GOOD), ("stage.yaml", stage)];
        let (is_good, text) = validated(&files, Output::Text);
        assert!(is_good, "{text}");
        assert!(text.starts_with("warning[NoRoutes]: spec.apiRef: "), "{text}");
        assert!(text.contains("\n --> stage.yaml:5:11\n"), "{text}");
        assert!(text.ends_with("\n2 documents in 2 files: 0 errors, 1 warning\n"), "{text}");
        let (is_good, text) = validated(&files, Output::Json);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (is_good, &read["warnings"], &read["diagnostics"][0]["rule"]),
            (true, &1.into(), &"NoRoutes".into())
        );
    }

    #[test]
    fn json_has_the_same_numbers() {
        let (is_good, text) = validated(&[("api.yaml", GOOD), ("bad.yaml", "a: [")], Output::Json);
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(!is_good);
        assert_eq!(read["documents"], 1);
        assert_eq!(read["errors"], 1);
        assert_eq!(read["diagnostics"][0]["place"]["file"], "bad.yaml");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let missing = Path::new("/nowhere/at/all");
        let error =
            validate(missing, &Variables::default(), Output::Text, &mut Vec::new(), false).unwrap_err();
        assert_eq!(error.to_string(), "the source folder /nowhere/at/all does not exist");
    }

    #[test]
    fn a_file_that_nobody_explains_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let mut snapshot = read_directory(dir.path(), &Variables::default()).unwrap();
        let (file, reason) = ("a.yaml".to_owned(), "still being written".to_owned());
        snapshot.unreadable.push(hatoba_source::Unreadable { file, reason });
        let found = unexplained(&snapshot, &[]);
        assert_eq!(found[0].to_string(), "the file cannot be used: still being written (a.yaml:1:1)");
        assert_eq!(unexplained(&snapshot, &found), []);
    }
}
