//! Names of parts: from what they are, never from where they stand in a list.

use std::collections::BTreeMap;

use hatoba_core::Digest;

/// Longest slug: one label of a DNS name.
const SLUG_CHARS_MAX: usize = 63;
/// Digits of a hash behind a slug.
const HASH_DIGITS: usize = 8;

/// `GET /orders/{id}` → `get-orders-id`: lower-case letters, digits and single hyphens, at most 63 characters.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for character in text.chars().map(|character| character.to_ascii_lowercase()) {
        if character.is_ascii_lowercase() || character.is_ascii_digit() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.len() <= SLUG_CHARS_MAX && !slug.is_empty() {
        return slug.to_owned();
    }
    hashed(slug, text)
}

/// The slug with a hash of the whole text behind it.
pub(crate) fn hashed(slug: &str, text: &str) -> String {
    // Slugs are ASCII: every index is a boundary.
    let kept = slug[..slug.len().min(SLUG_CHARS_MAX - HASH_DIGITS - 1)].trim_end_matches('-');
    let digest = Digest::of_bytes(text.as_bytes());
    let hash = &digest.as_str()[..HASH_DIGITS];
    if kept.is_empty() { format!("x{hash}") } else { format!("{kept}-{hash}") }
}

/// A name for each of these texts: its slug, or slug and hash where several have the same one.
/// `plain` (text → slug) are names that are taken and stay as they are.
pub(super) fn distinct<'a>(
    slugs: &BTreeMap<&'a str, String>,
    plain: &BTreeMap<&'a str, String>,
) -> BTreeMap<&'a str, String> {
    let uses = |slug: &String| slugs.values().chain(plain.values()).filter(|other| *other == slug).count();
    let name = |(text, slug): (&&'a str, &String)| {
        let name = if uses(slug) > 1 { hashed(slug, text) } else { slug.clone() };
        (*text, name)
    };
    let named = slugs.iter().map(name);
    named.chain(plain.iter().map(|(text, slug)| (*text, slug.clone()))).collect()
}

/// The stage's part of a name: `$default` → `default`, and nothing else comes to that.
pub(super) fn stage(stage_name: &str) -> String {
    let slug = slug(stage_name);
    match stage_name {
        "$default" => slug,
        name if name == slug && name != "default" => slug,
        name => hashed(&slug, name),
    }
}

/// A name without dots, for members of AWS's that take none.
pub(super) fn without_dots(name: &str) -> Option<String> {
    name.contains('.').then(|| name.replace('.', "-"))
}

#[cfg(test)]
mod tests {
    use hatoba_core::check_name;

    use super::*;

    #[test]
    fn slugs_are_legal_names_whatever_the_text() {
        for (text, expected) in [
            ("GET /health", "get-health"),
            ("$default", "default"),
            ("GET /orders/{id}", "get-orders-id"),
            ("OPTIONS /{proxy+}", "options-proxy"),
            ("ANY /", "any"),
            ("private.example.com", "private-example-com"),
        ] {
            assert_eq!(slug(text), expected, "{text}");
        }
        for odd in ["", "/", "é", &"x".repeat(300), &"-a".repeat(100), "Ü/ü"] {
            let slug = slug(odd);
            assert!(check_name(&slug).is_ok() && slug.len() <= SLUG_CHARS_MAX, "{odd}: {slug}");
        }
    }

    #[test]
    fn equal_slugs_get_a_hash_and_the_plain_ones_stay() {
        let slugs = BTreeMap::from(["GET /a-b", "GET /a/b", "GET /c"].map(|text| (text, slug(text))));
        let names = distinct(&slugs, &BTreeMap::new());
        assert_eq!(names["GET /c"], "get-c");
        assert_ne!(names["GET /a-b"], names["GET /a/b"]);
        assert!(names["GET /a-b"].starts_with("get-a-b-"));
        let plain = BTreeMap::from([("plain", "get-c".to_owned())]);
        let names = distinct(&slugs, &plain);
        assert_eq!(names["plain"], "get-c");
        assert!(names["GET /c"].starts_with("get-c-"));
    }

    #[test]
    fn stages_of_different_names_never_share_one() {
        let names = ["$default", "default", "prod", "Prod", "prod_"].map(stage);
        assert_eq!((names[0].as_str(), names[2].as_str()), ("default", "prod"));
        let distinct: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
    }
}
