//! The token that a daemon asks callers for: in a file, or in the environment, which a secret can fill where there is no
//! file. Never on the command line, which others can read.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context as _;

/// The variable with the token itself.
pub(crate) const VARIABLE: &str = "HATOBA_LISTEN_TOKEN";

/// A token, and where it was found: messages name that alone.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) place: String,
}

/// What the environment holds.
pub(crate) fn variable() -> Option<OsString> {
    std::env::var_os(VARIABLE)
}

impl Token {
    /// The token in this file, or else in this variable; `None`: there is none.
    ///
    /// # Errors
    /// When the file cannot be read, or the variable is no text.
    pub(crate) fn find(file: Option<&Path>, variable: Option<OsString>) -> anyhow::Result<Option<Token>> {
        if let Some(file) = file {
            let place = file.display().to_string();
            let text =
                std::fs::read_to_string(file).with_context(|| format!("cannot read the token in {place}"))?;
            return Ok(Some(Token { text, place }));
        }
        let Some(text) = variable else { return Ok(None) };
        // The other kind of text is not quoted: it may be most of a token.
        let text = text.into_string().ok().with_context(|| format!("what is in {VARIABLE} is no text"))?;
        Ok(Some(Token { text, place: VARIABLE.to_owned() }))
    }
}
