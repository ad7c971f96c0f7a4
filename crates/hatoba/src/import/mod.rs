//! `hatoba import`: documents for what exists in AWS, and the proof that taking it over changes nothing.
//!
//! What there is comes from flags or a Terraform state; what it is like comes from AWS alone.

mod proof;
mod state;
mod wanted;
mod written;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use hatoba_core::{Members, Readiness};
use hatoba_engine::{Clock, Engine, Options, Reach, Sighted, Wanted, check};
use hatoba_kinds::{Found, Imported, KindId, Refusal, import as documents_of};
use hatoba_source::Variables;

use crate::arguments::Import;
use crate::report::{Findings, count, visible, wants_colour};
use crate::run;
use wanted::Sorted;
use written::{To, shown};

/// Writes documents and proves them: 0 if everything that was named is documented and the plan is empty, else 1.
///
/// # Errors
/// When the state or AWS cannot be read at all, or a file is in the way.
pub(crate) async fn import(arguments: Import) -> anyhow::Result<ExitCode> {
    let to = To::of(arguments.to.as_deref());
    let mut sorted = match &arguments.tfstate {
        Some(file) => from_state(file).with_context(|| format!("cannot read the state {}", shown(file)))?,
        None => Sorted::default(),
    };
    sorted.wanted.extend(named(&arguments));
    let config = run::aws().await?;
    let owner = arguments.owner.clone().unwrap_or_else(|| Options::default().owner);
    let owner_is_explicit = arguments.owner.is_some();
    let options = Options { owner, owner_is_explicit, ..Options::default() };
    let engine = Engine::new(options, &config, Clock::starting_at(jiff::Timestamp::now()), BTreeMap::new());
    let reach = if arguments.with_dependencies { Reach::Dependencies } else { Reach::Named };
    let sighted = engine.look_for(std::mem::take(&mut sorted.wanted), reach).await?;
    let taken = to.taken(&sighted.found).context("cannot tell which documents are there already")?;
    let (mut imported, refusals) = documents_of(&sighted.found, &taken);
    for one in &mut imported {
        let said = sorted.remarks.iter().filter(|(origin, _)| *origin == one.origin);
        one.remarks.extend(said.map(|(_, remark)| remark.clone()));
    }
    let files = to.files(&imported);
    to.write(&files)?;
    let mut out = anstream::stderr().lock();
    let is_whole = tell(&mut out, &sorted, &sighted, &imported, &refusals)?;
    if imported.is_empty() {
        writeln!(out, "\nnothing was imported")?;
        return Ok(ExitCode::FAILURE);
    }
    let secrets = secrets(&imported);
    let flags: Vec<String> = secrets.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let variables = Variables::from_env_and_flags([], flags.iter().map(String::as_str))?;
    let snapshot = proof::snapshot(&files, &variables);
    let checked = check(&snapshot);
    let findings = Findings::of(&snapshot, &checked.diagnostics);
    let is_good = findings.errors() == 0;
    if !is_good {
        tell_findings(&mut out, &findings, &secrets)?;
    } else if findings.warnings() > 0 {
        let warnings = count(findings.warnings(), "warning");
        writeln!(out, "{warnings} about what is there: `hatoba validate` tells them")?;
    }
    engine.accept(snapshot);
    // The owner may have documents elsewhere, whose resources are no matter of these.
    let differences = proof::differences(&engine.plan().await?, |key| checked.exists(key));
    conclude(&mut out, &differences, &imported, &to)?;
    let is_proven = is_whole && is_good && differences.is_empty();
    Ok(if is_proven { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What flags name.
fn named(arguments: &Import) -> Vec<Wanted> {
    let wanted = |kind: &str, scope: &str, id: &str, flag: &str| {
        Some(Wanted {
            kind: KindId::of(kind)?,
            scope: scope.to_owned(),
            id: id.to_owned(),
            origin: flag.to_owned(),
            hints: Members::new(),
            withheld: std::collections::BTreeSet::new(),
            whole: kind == "HttpApi",
        })
    };
    let apis = arguments.api_ids.iter().filter_map(|id| wanted("HttpApi", "", id, &format!("--api-id {id}")));
    let services = arguments.ecs_services.iter().filter_map(|(cluster, name)| {
        wanted("EcsService", cluster, name, &format!("--ecs-service {cluster}/{name}"))
    });
    apis.chain(services).collect()
}

fn from_state(file: &Path) -> anyhow::Result<Sorted> {
    let mut text = Vec::new();
    let limit = state::BYTES_MAX + 1;
    if file == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut text)?;
    } else {
        File::open(file)?.take(limit).read_to_end(&mut text)?;
    }
    ensure!(
        text.len() as u64 <= state::BYTES_MAX,
        "it is larger than {} MiB",
        state::BYTES_MAX / 1024 / 1024
    );
    Ok(wanted::sort(&state::read(&text)?))
}

/// The values of the variables that stand for secrets, by name: the proof needs them, and nobody else gets them from
/// here.
fn secrets(imported: &[Imported]) -> Vec<(String, String)> {
    let mut secrets = Vec::new();
    for one in imported {
        let spec = serde_json::Value::Object(one.document.spec.clone());
        let values = one.variables.iter().filter_map(|(pointer, name)| {
            let value = spec.pointer(pointer)?.as_str()?;
            Some((name.clone(), value.to_owned()))
        });
        secrets.extend(values);
    }
    secrets
}

/// What the check finds, without the values of variables, which it may quote.
fn tell_findings(
    out: &mut dyn Write,
    findings: &Findings<'_>,
    secrets: &[(String, String)],
) -> anyhow::Result<()> {
    let mut told = Vec::new();
    findings.write_text(&mut told, wants_colour(&io::stderr()))?;
    let text = String::from_utf8_lossy(&told).into_owned();
    let text = secrets
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .fold(text, |text, (name, value)| text.replace(value.as_str(), &format!("${{{name}}}")));
    out.write_all(text.as_bytes())?;
    Ok(())
}

/// What became of everything: whether all that was named is documented.
fn tell(
    out: &mut dyn Write,
    sorted: &Sorted,
    sighted: &Sighted,
    imported: &[Imported],
    refusals: &[Refusal],
) -> io::Result<bool> {
    let documents: Vec<(String, String)> =
        imported.iter().map(|one| (one.document.key.to_string(), one.origin.clone())).collect();
    list(out, &format!("{}:", count(imported.len(), "document")), &documents)?;
    let used: Vec<(String, String)> = sighted
        .beside
        .iter()
        .map(|(kind, named)| (format!("{kind} {named}"), "named by its id, stays as it is".to_owned()))
        .collect();
    list(out, "used and not imported (--with-dependencies imports it):", &used)?;
    list(out, "imported, and not ready in AWS:", &unready(sighted, imported))?;
    list(out, "not imported:", &sorted.skipped)?;
    let missing = sighted.missing.iter().map(|(what, origin, cause)| {
        (origin.clone(), format!("{what}: {} ({})", cause.message, cause.reason.as_str()))
    });
    let refused = refusals
        .iter()
        .map(|refusal| (refusal.origin.clone(), format!("{}: {}", refusal.resource, refusal.why)));
    let failed: Vec<(String, String)> =
        sorted.refused.iter().cloned().chain(missing).chain(refused).collect();
    list(out, "error: could not be imported:", &failed)?;
    let variables: Vec<(String, String)> = imported.iter().flat_map(variables).collect();
    let title =
        "values that look like secrets are not written: give them as variables, or move them to `secrets`:";
    list(out, title, &variables)?;
    Ok(failed.is_empty())
}

/// Each variable, and the document and the fields that it is for.
fn variables(imported: &Imported) -> Vec<(String, String)> {
    let mut fields: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (pointer, name) in &imported.variables {
        let parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
        let field = parts.fold("spec".to_owned(), |at, part| match part.parse::<usize>() {
            Ok(index) => format!("{at}[{index}]"),
            Err(_) => format!("{at}.{part}"),
        });
        fields.entry(name).or_default().push(field);
    }
    let key = &imported.document.key;
    let told = |(name, fields): (&str, Vec<String>)| {
        (format!("HATOBA_VAR_{name}"), format!("{key}: {}", fields.join(", ")))
    };
    fields.into_iter().map(told).collect()
}

/// What is documented as it is, though AWS is not done with it or it has failed.
fn unready(sighted: &Sighted, imported: &[Imported]) -> Vec<(String, String)> {
    let document_of = |found: &Found| {
        let is_its = |one: &&Imported| {
            let adopt = one.document.policy.adopt.as_ref();
            one.document.key.kind == found.kind.table().kind
                && adopt.is_some_and(|adopt| adopt.id.as_ref() == Some(&found.object.id))
        };
        imported.iter().find(is_its).map(|one| one.document.key.to_string())
    };
    let told = sighted.found.iter().filter_map(|found| match &found.object.readiness {
        Readiness::Ready => None,
        Readiness::Settling(cause) | Readiness::NotReady(cause) => {
            Some((document_of(found)?, format!("{} ({})", cause.message, cause.reason.as_str())))
        }
    });
    told.collect()
}

/// A title, and two columns.
fn list(out: &mut dyn Write, title: &str, rows: &[(String, String)]) -> io::Result<()> {
    /// A column no wider than this: what is longer sticks out.
    const COLUMN_MAX: usize = 60;
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "{title}")?;
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0).min(COLUMN_MAX);
    for (left, right) in rows {
        writeln!(out, "  {:width$}  {}", visible(left), visible(right))?;
    }
    Ok(())
}

/// The proof, and what comes next.
fn conclude(out: &mut dyn Write, differences: &[String], imported: &[Imported], to: &To) -> io::Result<()> {
    let documents = count(imported.len(), "document");
    if !differences.is_empty() {
        writeln!(out, "\nerror: the plan is not empty; taking over would change this:")?;
        for difference in differences {
            writeln!(out, "  {difference}")?;
        }
        return Ok(());
    }
    writeln!(
        out,
        "\nplan: empty. {documents} as AWS has it; taking over writes owner marks and nothing else."
    )?;
    let place = match to {
        To::Print => "the documents".to_owned(),
        To::File(path) | To::Folder(path) => shown(path),
    };
    writeln!(
        out,
        "next: read {place}; `hatoba plan`; if Terraform made it, `terraform state rm`; then take `suspend: true` out"
    )
}
