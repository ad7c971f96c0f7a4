//! `${NAME}` in documents.
//!
//! Variables are put in *after* the YAML was parsed, so a value can never add members, and a scalar that is
//! exactly `${NAME}` stays a string whatever the value looks like: `"${COUNT}"` with `COUNT=2` is the string `2`.
//! `$${` is a literal `${`. Every other `${…}` (AWS mappings such as `${request.path.id}`) stays as it is.

use std::collections::BTreeMap;

use hatoba_core::did_you_mean;

/// What the names of environment variables begin with.
const ENV_PREFIX: &str = "HATOBA_VAR_";

/// The values that `${NAME}` stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

/// Why a variable was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// A flag without `=`.
    #[error("`{0}` is not of the form NAME=VALUE")]
    Shape(String),
    /// A name that no document could use.
    #[error("`{0}` is no legal variable name: expected A-Z, 0-9 and `_`")]
    Name(String),
}

impl Variables {
    /// Variables from environment pairs (those named `HATOBA_VAR_<NAME>`; all others are passed over) and from
    /// flags `NAME=VALUE`; a flag wins over the environment, a later flag over an earlier one.
    ///
    /// # Errors
    /// [`VariableError`] for a flag without `=` and for a name that is not of `A-Z`, `0-9` and `_`.
    pub fn from_env_and_flags<'a>(
        env: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = &'a str>,
    ) -> Result<Variables, VariableError> {
        let mut values = BTreeMap::new();
        for (name, value) in env {
            if let Some(name) = name.strip_prefix(ENV_PREFIX) {
                values.insert(legal_name(name)?, value);
            }
        }
        for flag in flags {
            let (name, value) = flag.split_once('=').ok_or_else(|| VariableError::Shape(flag.to_owned()))?;
            values.insert(legal_name(name)?, value.to_owned());
        }
        Ok(Variables(values))
    }

    /// The defined names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// `text` with its variables put in, or the first name that is not defined.
    pub(crate) fn expand(&self, text: &str) -> Result<String, Undefined> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            expanded.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("$${") {
                expanded.push_str("${");
                rest = after;
            } else if let Some((name, after)) = variable(rest) {
                let value = self.0.get(name).ok_or_else(|| self.undefined(name))?;
                expanded.push_str(value);
                rest = after;
            } else {
                expanded.push('$');
                rest = &rest[1..];
            }
            if expanded.len() > EXPANDED_BYTES_MAX {
                return Err(Undefined::TooLong);
            }
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    fn undefined(&self, name: &str) -> Undefined {
        let meant = did_you_mean(name, self.names()).map(str::to_owned);
        Undefined::Name { name: name.to_owned(), meant }
    }
}

/// Most bytes of expanded scalars in one document, as much as a whole file may have: without a limit a short scalar
/// full of one long variable would be a memory bomb.
pub(crate) const EXPANDED_BYTES_MAX: usize = 256 * 1024;

/// Why a scalar was not expanded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Undefined {
    /// No value under this name.
    Name {
        /// The name as written.
        name: String,
        /// A defined name that is near.
        meant: Option<String>,
    },
    /// Longer than [`EXPANDED_BYTES_MAX`].
    TooLong,
}

/// The name of a variable that `text` begins with, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix("${")?.split_once('}')?;
    is_name(name).then_some((name, after))
}

/// The text that expands to this one, whatever variables there are.
pub(crate) fn literal(text: &str) -> String {
    let mut literal = String::new();
    for (at, character) in text.char_indices() {
        let rest = &text[at..];
        let means_more = variable(rest).is_some() || (rest.starts_with("${") && text[..at].ends_with('$'));
        literal.push_str(if means_more { "$" } else { "" });
        literal.push(character);
    }
    literal
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

fn legal_name(name: &str) -> Result<String, VariableError> {
    if is_name(name) { Ok(name.to_owned()) } else { Err(VariableError::Name(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(flags: &[&str]) -> Variables {
        Variables::from_env_and_flags([], flags.iter().copied()).unwrap()
    }

    #[test]
    fn what_is_put_in_and_what_stays() {
        let vars = vars(&["A=1", "B_2=${A}", "EMPTY="]);
        for (text, expected) in [
            ("", ""),
            ("${A}", "1"),
            ("x${A}y${A}z", "x1y1z"),
            ("${B_2}", "${A}"), // a value is not looked into again
            ("[${EMPTY}]", "[]"),
            ("$${A}", "${A}"),
            ("$$${A}", "$${A}"),
            ("$${", "${"),
            ("${a}", "${a}"),
            ("${request.path.id}", "${request.path.id}"),
            ("${stageVariables.A}", "${stageVariables.A}"),
            ("${}", "${}"),
            ("${A", "${A"),
            ("$A $ $$ é$", "$A $ $$ é$"),
            ("$request.header.Authorization", "$request.header.Authorization"),
        ] {
            assert_eq!(vars.expand(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_written_literally_stays_as_it_is() {
        let vars = vars(&["A=1"]);
        for text in [
            "",
            "${A}",
            "$${A}",
            "$$${A}",
            "$$$$",
            "$${",
            "${request.path.id}",
            "a$é${A}${A}",
            "$ ${a} $$ {A}",
        ] {
            assert_eq!(vars.expand(&literal(text)).unwrap(), text, "{}", literal(text));
        }
        assert_eq!(literal("${request.path.id} $request.path"), "${request.path.id} $request.path");
    }

    #[test]
    fn an_undefined_name_is_an_error_that_guesses() {
        let undefined = vars(&["REGION=x"]).expand("a ${REGOIN} b").unwrap_err();
        assert_eq!(undefined, Undefined::Name { name: "REGOIN".into(), meant: Some("REGION".into()) });
        let long = vars(&[&format!("A={}", "x".repeat(100_000))]);
        assert_eq!(long.expand("${A}${A}${A}"), Err(Undefined::TooLong));
    }

    #[test]
    fn flags_win_over_the_environment() {
        let env = [("HATOBA_VAR_A", "env"), ("HATOBA_VAR_B", "env"), ("HOME", "x")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let vars = Variables::from_env_and_flags(env, ["A=flag=1"]).unwrap();
        assert_eq!(vars.expand("${A} ${B}").unwrap(), "flag=1 env");
        let parse = |flag| Variables::from_env_and_flags([], [flag]).unwrap_err();
        assert_eq!(parse("A"), VariableError::Shape("A".into()));
        assert_eq!(parse("a=1"), VariableError::Name("a".into()));
        assert_eq!(parse("=1"), VariableError::Name(String::new()));
    }
}
