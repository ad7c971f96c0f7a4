//! Keys of routes: which are legal, and how one becomes another.

use std::collections::BTreeSet;

use hatoba_core::Renaming;

const METHODS: &[&str] = &["ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// "Working with routes for HTTP APIs": `$default`, or a method and a path. A variable is a whole segment, `{name}`,
/// or takes all that follows, `{name+}`. No name occurs twice. (That the greedy one is the last has its own rule.)
pub(super) fn is_route_key(key: &str) -> bool {
    let Some((method, path)) = key.split_once(' ') else { return key == "$default" };
    METHODS.contains(&method) && path.starts_with('/') && !path.contains(' ') && has_legal_variables(path)
}

fn has_legal_variables(path: &str) -> bool {
    let mut names = BTreeSet::new();
    path.split('/').all(|segment| match variable(segment) {
        None => !segment.contains(['{', '}']),
        Some(inner) => {
            let name = inner.strip_suffix('+').unwrap_or(inner);
            !name.is_empty() && !name.contains(['{', '}', '+']) && names.insert(name)
        }
    })
}

/// What stands between the braces of a segment that is a variable.
fn variable(segment: &str) -> Option<&str> {
    segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
}

/// How the key of a route may be changed: AWS renames all but `$default`, and takes no second key that differs from
/// another in the names of its variables alone.
pub(super) fn renamed(from: &str, to: &str) -> Renaming {
    if from == "$default" || to == "$default" {
        return Renaming::Refused;
    }
    if nameless(from) == nameless(to) { Renaming::Needed } else { Renaming::Possible }
}

/// The key without the names of its variables.
fn nameless(key: &str) -> String {
    let plain = |segment: &str| match variable(segment) {
        Some(inner) if inner.ends_with('+') => "{+}".to_owned(),
        Some(_) => "{}".to_owned(),
        None => segment.to_owned(),
    };
    key.split('/').map(plain).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_keys() {
        for key in ["$default", "GET /", "ANY /a", "GET /a/{id}/b", "GET /{a}/{b}", "ANY /{proxy+}", "POST /a/{b+}"] {
            assert!(is_route_key(key), "{key}");
        }
        for key in [
            "", "$connect", "GET", "GET a", "get /", "GET /a b", "FETCH /", "GET /{}", "GET /{+}", "GET /{a}{b}",
            "GET /x{a}", "GET /{a}x", "GET /{id}/{id}", "GET /{a", "GET /a}",
        ] {
            assert!(!is_route_key(key), "{key}");
        }
    }

    #[test]
    fn renaming() {
        for (from, to, how) in [
            ("GET /a", "GET /b", Renaming::Possible),
            ("GET /a", "POST /a", Renaming::Possible),
            ("GET /a/{id}", "GET /a/{orgId}", Renaming::Needed),
            ("GET /a/{id}", "GET /a/{id+}", Renaming::Possible),
            ("$default", "GET /", Renaming::Refused),
            ("GET /", "$default", Renaming::Refused),
        ] {
            assert_eq!(renamed(from, to), how, "{from} {to}");
        }
    }
}
