//! Who may look: everybody on loopback, else who knows the token.

use std::collections::BTreeSet;

use axum::http::header::{AUTHORIZATION, HeaderMap};
use hatoba_core::secret_digest;

/// Shorter tokens can be guessed: 16 characters of 64 are 96 bits.
const TOKEN_CHARS_MIN: usize = 16;
/// Longer ones fit into no header that is read here.
const TOKEN_CHARS_MAX: usize = 4096;

/// What a caller must show.
#[derive(Clone, Debug, Default)]
pub struct Access {
    token: Option<Token>,
    open: BTreeSet<OpenPath>,
}

/// Only a digest is kept: comparing two of them takes the same time whatever they are.
#[derive(Clone)]
struct Token([u8; 32]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// A path that may be open to all beside a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OpenPath {
    /// `/metrics`
    Metrics,
    /// `/healthz`
    Healthz,
    /// `/readyz`
    Readyz,
}

impl OpenPath {
    /// All of them.
    pub const ALL: [OpenPath; 3] = [OpenPath::Metrics, OpenPath::Healthz, OpenPath::Readyz];

    /// The path without its slash.
    pub fn name(self) -> &'static str {
        match self {
            OpenPath::Metrics => "metrics",
            OpenPath::Healthz => "healthz",
            OpenPath::Readyz => "readyz",
        }
    }
}

impl Access {
    /// Everybody: for loopback.
    pub fn open() -> Self {
        Access::default()
    }

    /// Who knows the token; these paths stay open to all.
    ///
    /// # Errors
    /// What is wrong with the token: 16 to 4096 visible ASCII characters are expected.
    pub fn with_token(token: &str, open: impl IntoIterator<Item = OpenPath>) -> Result<Self, String> {
        let token = token.trim();
        let length = token.chars().count();
        if !token.chars().all(|letter| letter.is_ascii_graphic()) {
            return Err("expected visible ASCII characters without blanks".to_owned());
        }
        if !(TOKEN_CHARS_MIN..=TOKEN_CHARS_MAX).contains(&length) {
            return Err(format!("expected {TOKEN_CHARS_MIN} to {TOKEN_CHARS_MAX} characters, got {length}"));
        }
        Ok(Access { token: Some(Token(secret_digest(token.as_bytes()))), open: open.into_iter().collect() })
    }

    /// Whether a token is asked for.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether a request may be answered.
    pub(super) fn allows(&self, path: &str, headers: &HeaderMap) -> bool {
        let Some(Token(wanted)) = &self.token else { return true };
        if self.open.iter().any(|open| path.strip_prefix('/') == Some(open.name())) {
            return true;
        }
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(token_in);
        let Some(shown) = shown else { return false };
        let shown = secret_digest(shown.as_bytes());
        shown.iter().zip(wanted).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

/// The token in `Bearer <token>`, or in the password of `Basic`, which is what browsers ask people for.
fn token_in(authorization: &str) -> Option<String> {
    let (scheme, rest) = authorization.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(base64(rest)?).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}

/// Decodes RFC 4648's alphabet, with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let value = |letter: u8| {
        Some(match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        })
    };
    let mut bytes = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut bits = 0u32;
        for letter in chunk {
            bits = (bits << 6) | u32::from(value(*letter)?);
        }
        bits <<= 6 * (4 - chunk.len());
        let [_, a, b, c] = bits.to_be_bytes();
        bytes.extend(&[a, b, c][..chunk.len().saturating_sub(1)]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn shows(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap())])
    }

    #[test]
    fn only_the_token_opens_and_only_named_paths_stay_open() {
        let access = Access::with_token(" correct-horse-battery\n", [OpenPath::Metrics]).unwrap();
        for (authorization, allowed) in [
            ("Bearer correct-horse-battery", true),
            ("bearer  correct-horse-battery ", true),
            ("Bearer correct-horse-batter", false),
            ("Bearer correct-horse-battery2", false),
            ("Bearer ", false),
            ("Basic Ong6", false),
            // any:correct-horse-battery
            ("Basic YW55OmNvcnJlY3QtaG9yc2UtYmF0dGVyeQ==", true),
            // correct-horse-battery:any
            ("Basic Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5OmFueQ==", false),
            ("Basic ####", false),
            ("Digest correct-horse-battery", false),
        ] {
            assert_eq!(access.allows("/", &shows(authorization)), allowed, "{authorization}");
        }
        assert!(!access.allows("/", &HeaderMap::new()));
        assert!(access.allows("/metrics", &HeaderMap::new()));
        for path in ["/healthz", "/metrics/", "metrics/x", "/api/v1/status"] {
            assert!(!access.allows(path, &HeaderMap::new()), "{path}");
        }
        assert!(Access::open().allows("/", &HeaderMap::new()));
    }

    #[test]
    fn a_token_that_can_be_guessed_or_mistyped_is_refused() {
        for token in
            ["", "short", "fifteen-letters", "two words that are long enough", "längst-lang-genug-aber"]
        {
            assert!(Access::with_token(token, []).is_err(), "{token}");
        }
        assert!(Access::with_token("sixteen-letters-", []).is_ok());
        assert!(!format!("{:?}", Access::with_token("sixteen-letters-", [])).contains("sixteen"));
    }

    #[test]
    fn base64_is_read_as_written() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob")] {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(base64("Zg-="), None);
    }
}
