//! What gives a secret away in a text: how it begins, where it stands, what is written in front of it. Pure.
//!
//! In doubt it is one: a variable that was not needed does no harm.

/// How secrets of well-known makers begin, and how many characters follow at least.
const BEGINNINGS: [(&str, usize); 34] = [
    ("AKIA", 4),
    ("ASIA", 4),
    ("sk_", 6),
    ("rk_", 6),
    ("sk-", 20),
    ("whsec_", 6),
    ("ghp_", 6),
    ("gho_", 6),
    ("ghu_", 6),
    ("ghs_", 6),
    ("ghr_", 6),
    ("github_pat_", 6),
    ("glpat-", 6),
    ("gldt-", 6),
    ("glrt-", 6),
    ("xoxa-", 4),
    ("xoxb-", 4),
    ("xoxe-", 4),
    ("xoxp-", 4),
    ("xoxr-", 4),
    ("xoxs-", 4),
    ("xapp-", 4),
    ("eyJ", 6),
    ("base64:", 4),
    ("AIza", 16),
    ("ya29.", 8),
    ("SG.", 16),
    ("npm_", 16),
    ("pypi-", 16),
    ("dckr_pat_", 6),
    ("dop_v1_", 6),
    ("shpat_", 6),
    ("hvs.", 6),
    ("AGE-SECRET-KEY-", 6),
];

/// Parts of the name of a value that must not be seen, without what parts words.
const PARTS: [&str; 21] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "authorization",
    "cookie",
    "dsn",
    "pwd",
    "salt",
    "connectionstring",
    "webhook",
    "mnemonic",
    "signature",
];

/// Whole words in such a name.
const WORDS: [&str; 12] =
    ["cred", "creds", "jwt", "pat", "pass", "pw", "otp", "totp", "hmac", "sig", "bearer", "license"];

/// Last words of a name that has one of those words, or a key, and names no secret: `AUTH_URL`, `KEY_PREFIX`.
const PLAIN_ENDS: [&str; 27] = [
    "id",
    "arn",
    "url",
    "uri",
    "host",
    "hostname",
    "port",
    "domain",
    "endpoint",
    "service",
    "server",
    "issuer",
    "audience",
    "algorithm",
    "alg",
    "type",
    "mode",
    "enabled",
    "ttl",
    "timeout",
    "expiry",
    "name",
    "path",
    "file",
    "dir",
    "prefix",
    "region",
];

/// Words that make a key a harmless one.
const PLAIN_KEYS: [&str; 6] = ["public", "pub", "publishable", "kms", "partition", "sort"];

/// Values that say nothing, whatever their name.
const PLAIN_VALUES: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "none", "null"];

/// Programs whose `-p` or `-a` is a password.
const CLIENTS: [&str; 8] =
    ["mysql", "mysqladmin", "mysqldump", "mariadb", "mariadb-admin", "redis-cli", "valkey-cli", "sshpass"];

/// A run of characters without a word in it is a key from this length on.
const KEY_CHARS_MIN: usize = 32;

const QUOTES: [char; 4] = ['"', '\'', '`', '\\'];

/// Whether what has this name must not be seen.
pub(super) fn is_secret_name(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    if PARTS.iter().any(|part| plain.contains(part)) || plain.ends_with("pass") {
        return true;
    }
    let words = words(name);
    let is_key = words.iter().any(|word| word.ends_with("key") || word.ends_with("keys"));
    let is_plain_key = words.iter().any(|word| PLAIN_KEYS.contains(&word.as_str()));
    let has_word = words.iter().any(|word| WORDS.contains(&word.as_str()) || word.ends_with("auth"));
    let is_plain = words.last().is_some_and(|last| PLAIN_ENDS.contains(&last.as_str()));
    !is_plain && (has_word || is_key) && !(is_key && is_plain_key)
}

/// `stripeKey_2` → `stripe`, `key`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in name.chars() {
        let is_new =
            !letter.is_ascii_alphabetic() || (before.is_ascii_lowercase() && letter.is_ascii_uppercase());
        if is_new && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_ascii_alphabetic()) {
            word.push(letter.to_ascii_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a value says nothing, or only where the secret is.
pub(super) fn is_plain_value(value: &str) -> bool {
    value.is_empty()
        || PLAIN_VALUES.contains(&value.to_ascii_lowercase().as_str())
        || (value.starts_with("arn:") && !value.contains(char::is_whitespace))
}

/// A secret by itself: a password in a URL, a private key, a key of a well-known maker, a header's credentials.
pub(super) fn is_secret(text: &str) -> bool {
    text.contains("-----BEGIN")
        || text.contains("PRIVATE KEY-----")
        || begins_like_one(text)
        || text.split_whitespace().any(has_login)
        || has_header(text)
}

/// A secret by what is written around it in a text that people made, or by being nothing that people write.
pub(super) fn tells_secret(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().map(|word| word.trim_matches(QUOTES)).collect();
    names_secret(text)
        || follows_flag(&words).next().is_some()
        || text.split([' ', '\n', '\t', ',']).any(is_key)
}

/// The places of arguments that a flag in front of them, or on them, makes a secret: `--password hunter2`.
pub(super) fn follows_flag<'a>(arguments: &'a [&'a str]) -> impl Iterator<Item = usize> + 'a {
    let program = |word: &str| word.rsplit('/').next().is_some_and(|name| CLIENTS.contains(&name));
    let has_client = arguments.iter().flat_map(|text| text.split_whitespace()).any(program);
    (0..arguments.len()).filter(move |at| {
        let this = arguments[*at];
        let flag = at.checked_sub(1).map_or("", |before| arguments[before]);
        let is_value = !this.starts_with('-') && !is_plain_value(this) && !is_filled_in(this);
        let is_named = flag.starts_with('-') && !flag.contains(['=', ' ']) && is_secret_name(flag);
        let is_login = ["-u", "--user", "--proxy-user"].contains(&flag)
            && this
                .split_once(':')
                .is_some_and(|(_, password)| !password.is_empty() && !is_filled_in(password));
        let is_short = has_client && ["-p", "-a"].contains(&flag);
        let attached = this.strip_prefix("-p").or_else(|| this.strip_prefix("-a")).filter(|_| has_client);
        (is_value && (is_named || is_login || is_short))
            || attached.is_some_and(|password| !password.is_empty() && !is_filled_in(password))
    })
}

fn begins_like_one(text: &str) -> bool {
    BEGINNINGS.iter().any(|(start, more)| {
        text.match_indices(start).any(|(at, _)| {
            let is_apart = !text[..at].chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
            let of_key = |c: &char| c.is_ascii_alphanumeric() || ['+', '/', '_', '-'].contains(c);
            is_apart && text[at + start.len()..].chars().take_while(of_key).count() >= *more
        })
    })
}

/// `scheme://user:password@host`, `user:password@tcp(host)`, `https://key@host`; not `image:1@sha256:…`.
fn has_login(word: &str) -> bool {
    let Some((before, after)) = word.rsplit_once('@') else { return false };
    if after.starts_with("sha256:") {
        return false;
    }
    let (is_url, login) = before.split_once("://").map_or((false, before), |(_, login)| (true, login));
    match login.split_once(':') {
        Some((_, password)) => !password.is_empty() && !is_filled_in(password),
        None => is_url && !login.is_empty() && !login.contains('/') && login != "git" && !is_filled_in(login),
    }
}

/// `Bearer abc123`, `Basic d2ViOmh1bnRlcjI=`.
fn has_header(text: &str) -> bool {
    /// Less is a word of a sentence.
    const CHARS_MIN: usize = 6;
    let words: Vec<&str> = text.split_whitespace().map(|word| word.trim_matches(QUOTES)).collect();
    words.windows(2).any(|pair| {
        let (scheme, value) = (pair[0].to_ascii_lowercase(), pair[1]);
        let is_long = value.len() >= CHARS_MIN && !is_filled_in(value);
        let is_base64 =
            value.chars().skip(1).any(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '=');
        is_long && (scheme.ends_with("bearer") || (scheme.ends_with("basic") && is_base64))
    })
}

/// `--db-password=hunter2`, `x-api-key: hunter2`, `{"token": "hunter2"}`, `?sig=hunter2`.
fn names_secret(text: &str) -> bool {
    let of_name = |c: char| c.is_ascii_alphanumeric() || ['_', '-', '.'].contains(&c);
    text.match_indices(['=', ':']).any(|(at, sign)| {
        let before = text[..at].trim_end_matches(QUOTES).trim_end();
        let start = before
            .char_indices()
            .rev()
            .take_while(|(_, c)| of_name(*c))
            .last()
            .map_or(before.len(), |(i, _)| i);
        let is_host = sign == ":" && before[..start].ends_with(['/', '@']);
        let word = before.rsplit(|c: char| c.is_whitespace() || [',', ';', '&'].contains(&c)).next();
        let is_in_arn = word.is_some_and(|word| word.contains("arn:"));
        let after = text[at + 1..].trim_start().trim_start_matches(QUOTES);
        let ends = |c: char| c.is_whitespace() || QUOTES.contains(&c) || [',', ';', '&'].contains(&c);
        let value = after.split(ends).next().unwrap_or_default();
        let is_scheme = ["bearer", "basic"].contains(&value.to_ascii_lowercase().as_str());
        let is_told = !is_plain_value(value) && !is_filled_in(value) && !is_scheme;
        !is_host && !is_in_arn && is_told && is_secret_name(&before[start..])
    })
}

/// Whether something else puts the value in: `$TOKEN`, `${TOKEN}`, `$(cat token)`, `<token>`.
fn is_filled_in(value: &str) -> bool {
    let of_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    let name = value.trim_start_matches('$');
    let inner = name.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
    let is_variable = name.len() < value.len()
        && (of_name(name)
            || name.starts_with('(')
            || inner.is_some_and(|inner| {
                inner.chars().all(|c| c.is_ascii_alphanumeric() || ['_', '.'].contains(&c))
            }));
    is_variable || value.chars().all(|c| c == '*') || (value.starts_with('<') && value.ends_with('>'))
}

/// A long run of letters and digits without a word in it; no ARN, no host, no digest of an image, no UUID.
fn is_key(word: &str) -> bool {
    if word.starts_with("arn:") || word.contains("sha256:") {
        return false;
    }
    let url =
        word.split_once("://").map(|(_, rest)| rest.split_once(['/', '?']).map_or("", |(_, path)| path));
    let is_path = url.is_some() || word.starts_with(['/', '.']);
    let of_key =
        |c: char| c.is_ascii_alphanumeric() || ['+', '_', '-', '~'].contains(&c) || (c == '/' && !is_path);
    url.unwrap_or(word).split(|c: char| !of_key(c)).any(|run| run.len() >= KEY_CHARS_MIN && is_random(run))
}

/// Whether letters and digits, small and capital ones, change as often as in no name.
fn is_random(run: &str) -> bool {
    let class = |c: char| (c.is_ascii_digit(), c.is_ascii_uppercase());
    let signs: Vec<char> = run.chars().filter(char::is_ascii_alphanumeric).collect();
    let changes = signs.windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count();
    let is_mixed = signs.iter().any(char::is_ascii_digit) && signs.iter().any(char::is_ascii_alphabetic);
    let parts: Vec<usize> = run.split('-').map(str::len).collect();
    let is_uuid = parts == [8, 4, 4, 4, 12] && signs.iter().all(char::is_ascii_hexdigit);
    is_mixed && !is_uuid && changes * 5 >= signs.len()
}
