//! `hatoba iam-policy`: what the controller's role must be allowed, and nothing more.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use hatoba_kinds::Needs;
use hatoba_source::{Variables, read_directory, source_permissions};
use serde_json::{Value, json};

use crate::place::{self, Place, StatusTo};
use crate::report::{Findings, print, wants_colour};

#[derive(Debug, Args)]
pub(crate) struct IamPolicy {
    /// The folder that holds the documents: writes are allowed for their kinds, and only the roles that they name may be
    /// passed on. Left out, it is all kinds.
    #[arg(conflicts_with = "all_kinds")]
    dir: Option<PathBuf>,

    /// All kinds, whatever documents there are.
    #[arg(long)]
    all_kinds: bool,

    /// Only what `hatoba plan` needs: reads. For pipelines that show what a change would do.
    #[arg(long, conflicts_with_all = ["dir", "all_kinds", "status_to", "notify_queue"])]
    read_only: bool,

    /// The daemon's source, where that is in S3: reading it, and the status documents beside it, is added.
    #[arg(long, value_name = "s3://BUCKET/PREFIX", value_parser = place::source)]
    source: Option<Place>,

    /// Where the daemon writes its status documents, if it is given `--status-to`.
    #[arg(long, value_name = "s3://BUCKET/PREFIX", value_parser = place::status_to, requires = "source")]
    status_to: Option<StatusTo>,

    /// The queue that the daemon is told with `--notify-queue`.
    #[arg(long, value_name = "URL", value_parser = place::queue_url)]
    notify_queue: Option<String>,
}

/// Prints it: exit code 0; or, if a document is bad, what is wrong, to standard error: 1.
///
/// # Errors
/// The source cannot be read as a whole; or an output cannot be written to.
pub(crate) fn run(arguments: &IamPolicy, vars: &Variables) -> anyhow::Result<ExitCode> {
    let needs = match &arguments.dir {
        None if arguments.read_only => Some(Needs::default()),
        None => Some(Needs::all_kinds()),
        Some(dir) => needs(dir, vars)?,
    };
    let Some(needs) = needs else { return Ok(ExitCode::FAILURE) };
    let mut policy = hatoba_kinds::iam_policy(&needs);
    if let Some(statements) = policy.get_mut("Statement").and_then(Value::as_array_mut) {
        statements.extend(arguments.of_the_source()?);
    }
    print(&format!("{policy:#}\n"))
}

/// What the documents below `dir` ask for; `None`: one is bad, and that has been said.
fn needs(dir: &Path, vars: &Variables) -> anyhow::Result<Option<Needs>> {
    let snapshot = read_directory(dir, vars)?;
    let checked = hatoba_engine::check(&snapshot);
    let findings = Findings::of(&snapshot, &checked.diagnostics);
    if findings.errors() == 0 && snapshot.is_complete() {
        return Ok(Some(Needs::of(checked.desired.values())));
    }
    let stderr = std::io::stderr();
    let colour = wants_colour(&stderr);
    findings.write_text(&mut stderr.lock(), colour)?;
    Ok(None)
}

impl IamPolicy {
    fn of_the_source(&self) -> anyhow::Result<Vec<Value>> {
        let mut statements = match &self.source {
            None => Vec::new(),
            Some(Place::Bucket(source)) if self.read_only => source_permissions(source, None),
            Some(place @ Place::Bucket(source)) => match StatusTo::of(self.status_to.as_ref(), place)? {
                StatusTo::Place(Place::Bucket(status)) => source_permissions(source, Some(&status)),
                StatusTo::Place(Place::Folder(_)) | StatusTo::Nowhere => source_permissions(source, None),
            },
            Some(Place::Folder(_)) => {
                bail!("a folder needs no permission: expected --source s3://bucket/prefix")
            }
        };
        if let Some(url) = &self.notify_queue {
            let arn = queue_arn(url).with_context(|| {
                format!("expected a URL such as https://sqs.eu-west-1.amazonaws.com/123456789012/name, got `{url}`")
            })?;
            statements.push(json!({
                "Sid": "Notifications", "Effect": "Allow",
                "Action": ["sqs:DeleteMessage", "sqs:ReceiveMessage"], "Resource": arn,
            }));
        }
        Ok(statements)
    }
}

/// `https://sqs.eu-west-1.amazonaws.com/123456789012/name` → its ARN.
fn queue_arn(url: &str) -> Option<String> {
    let (host, path) = url.split_once("://")?.1.split_once('/')?;
    let region = host.strip_prefix("sqs.")?.split('.').next()?;
    let (account, name) = path.split_once('/')?;
    let is_one = !name.is_empty() && !name.contains('/') && account.bytes().all(|b| b.is_ascii_digit());
    is_one.then(|| format!("arn:aws:sqs:{region}:{account}:{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_known_by_its_url() {
        let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/documents";
        assert_eq!(queue_arn(url).as_deref(), Some("arn:aws:sqs:eu-west-1:123456789012:documents"));
        assert_eq!(queue_arn("http://127.0.0.1:4566/123456789012/documents"), None);
    }
}
