//! `hatoba render DIR`: the documents of single kinds that a folder comes to.
//!
//! What is printed can be put into another folder and used in place of the first: it asks for the same resources, under
//! the same names. Documents that are of a single kind already pass through.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use hatoba_core::{Document, Key};
use hatoba_engine::rendered;
use hatoba_source::{Variables, emit_document, read_directory};

use crate::arguments::Rendering;
use crate::report::{Findings, visible, wants_colour};

/// Prints all documents in the order in which their resources could be made: exit code 0; or, if one of them is bad,
/// prints only what is wrong, to standard error: 1.
///
/// # Errors
/// The source cannot be read as a whole; or an output cannot be written to.
pub(crate) fn run(dir: &Path, vars: &Variables, output: Rendering) -> anyhow::Result<ExitCode> {
    let stderr = io::stderr();
    let colour = wants_colour(&stderr);
    let is_good = render(dir, vars, output, &mut io::stdout().lock(), (&mut stderr.lock(), colour))?;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether all documents are good.
fn render(
    dir: &Path,
    vars: &Variables,
    output: Rendering,
    out: &mut dyn Write,
    (errors, colour): (&mut dyn Write, bool),
) -> anyhow::Result<bool> {
    let snapshot = read_directory(dir, vars)?;
    let (documents, checked) = rendered(&snapshot);
    let findings = Findings::of(&snapshot, &checked.diagnostics);
    if !checked.diagnostics.is_empty() {
        findings.write_text(errors, colour)?;
    }
    for unreadable in &snapshot.unreadable {
        writeln!(errors, "error: {}: {}", visible(&unreadable.file), visible(&unreadable.reason))?;
    }
    if findings.errors() > 0 || !snapshot.is_complete() {
        return Ok(false);
    }
    let Rendering::Yaml = output;
    let files = |key: &Key| checked.wholes.get(key).map(|whole| whole.file.as_str()).unwrap_or_default();
    let text: Vec<String> =
        documents.iter().map(|(document, wholes)| yaml(document, wholes, files)).collect();
    match out.write_all(text.join("---\n").as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(true),
    }
}

/// One document, below a comment that says what it is a part of.
fn yaml<'a>(document: &Document, wholes: &[Key], file: impl Fn(&Key) -> &'a str) -> String {
    let of: Vec<String> = wholes.iter().map(|key| format!("{key} ({})", visible(file(key)))).collect();
    let comment = if of.is_empty() { String::new() } else { format!("# part of {}\n", of.join(", ")) };
    comment + &emit_document(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "
apiVersion: hatoba/v1
kind: HttpService
metadata: { name: orders, labels: { team: web } }
spec:
  namespace: private.example.com
  network: { vpcSelector: { tags: { Name: v } }, subnetSelector: { tags: { Tier: private } } }
  service: { cluster: main, taskDefinition: great-task, port: 80 }
  api: { description: '$${TEAM} ${request.path}', routes: [{ routeKey: $default, authorizationType: NONE }] }
policy: { deletion: Retain }
";

    fn rendered_from(text: &str) -> (bool, String, String) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.yaml"), text).unwrap();
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let is_good =
            render(dir.path(), &Variables::default(), Rendering::Yaml, &mut out, (&mut errors, false))
                .unwrap();
        (is_good, String::from_utf8(out).unwrap(), String::from_utf8(errors).unwrap())
    }

    #[test]
    fn what_is_rendered_renders_as_itself() {
        let (is_good, text, errors) = rendered_from(SERVICE);
        assert!(is_good && errors.is_empty(), "{errors}");
        assert_eq!(text.matches("apiVersion: hatoba/v1\n").count(), 8, "{text}");
        assert_eq!(text.matches("# part of HttpService/orders (a.yaml)\n").count(), 8, "{text}");
        assert!(text.contains("description: $${TEAM} ${request.path}"), "{text}");
        let (is_good, again, errors) = rendered_from(&text);
        assert!(is_good && errors.is_empty(), "{errors}");
        let without_comments = |text: &str| {
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(without_comments(&again), without_comments(&text));
    }

    #[test]
    fn resources_come_after_what_they_name() {
        let (_, text, _) = rendered_from(SERVICE);
        let at = |kind: &str| text.find(&format!("kind: {kind}\n")).unwrap();
        for (first, then) in [
            ("PrivateDnsNamespace", "DiscoveryService"),
            ("DiscoveryService", "EcsService"),
            ("VpcLink", "Integration"),
            ("Integration", "Route"),
            ("HttpApi", "Stage"),
        ] {
            assert!(at(first) < at(then), "{first} before {then}:\n{text}");
        }
    }

    #[test]
    fn a_bad_document_is_shown_and_nothing_is_printed() {
        let (is_good, text, errors) = rendered_from(&SERVICE.replace("port: 80", "prot: 80"));
        assert!(!is_good && text.is_empty(), "{text}");
        assert!(
            errors.contains("spec.service.prot: unknown field `prot`") && errors.contains("a.yaml:8:"),
            "{errors}"
        );
        assert!(
            errors.contains("fields here: ") && errors.contains(" cluster,") && errors.contains(": 1 error,"),
            "{errors}"
        );
    }
}
