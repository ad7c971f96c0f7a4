//! `hatoba schema`: the JSON Schema of documents, for editors.

use std::process::ExitCode;

use clap::Args;

use crate::report::print;

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Only documents of this kind, for example `VpcLink`; all kinds if left out.
    kind: Option<String>,
}

/// Prints it.
///
/// # Errors
/// There is no such kind; or standard output cannot be written to.
pub(crate) fn run(arguments: &Schema) -> anyhow::Result<ExitCode> {
    let schema = hatoba_kinds::document_schema(arguments.kind.as_deref()).map_err(anyhow::Error::msg)?;
    print(&format!("{schema:#}\n"))
}
