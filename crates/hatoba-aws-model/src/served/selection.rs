//! Which route a request takes: the most specific path first, then the method, `$default` last.

use crate::apigateway::Deployed;
use crate::object::{self, Object};
use percent_encoding::percent_decode_str;

/// The chosen route, and what its variables stand for.
pub(super) struct Chosen<'a> {
    pub(super) route: &'a Object,
    pub(super) variables: Vec<(String, String)>,
}

/// How specific a segment of a route's path is: the smaller, the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Literal,
    Variable,
    Greedy,
}

type Match = (Vec<Fit>, Vec<(String, String)>);

/// The route for a method and a path, or none.
pub(super) fn choose<'a>(deployed: &'a Deployed, method: &str, path: &str) -> Option<Chosen<'a>> {
    let key = |route: &'a Object| object::text_or_empty(route, "routeKey");
    let best = deployed
        .routes()
        .filter_map(|route| {
            let (verb, pattern) = key(route).split_once(' ')?;
            let any = verb == "ANY";
            if !any && verb != method {
                return None;
            }
            let (fits, variables) = fit(pattern, path)?;
            // Greedy after everything without; then segment by segment; a method of its own before ANY.
            Some(((fits.contains(&Fit::Greedy), fits, any), route, variables))
        })
        .min_by(|(one, ..), (other, ..)| one.cmp(other));
    if let Some((_, route, variables)) = best {
        return Some(Chosen { route, variables });
    }
    let default = deployed.routes().find(|route| key(route) == "$default")?;
    Some(Chosen { route: default, variables: Vec::new() })
}

/// Whether a path is of a pattern's form. Neither a variable nor a greedy one stands for nothing.
fn fit(pattern: &str, path: &str) -> Option<Match> {
    let pattern: Vec<&str> = pattern.split('/').skip(1).collect();
    let path: Vec<&str> = path.split('/').skip(1).collect();
    let (mut fits, mut variables) = (Vec::new(), Vec::new());
    for (at, segment) in pattern.iter().enumerate() {
        let variable = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if let Some(name) = variable.and_then(|name| name.strip_suffix('+')) {
            let rest = path.get(at..)?.join("/");
            if rest.is_empty() {
                return None;
            }
            fits.push(Fit::Greedy);
            variables.push((name.to_owned(), decoded(&rest)));
            return Some((fits, variables));
        }
        let given = path.get(at)?;
        match variable {
            Some(_) if given.is_empty() => return None,
            Some(name) => {
                fits.push(Fit::Variable);
                variables.push((name.to_owned(), decoded(given)));
            }
            None if decoded(given) == *segment || given == segment => fits.push(Fit::Literal),
            None => return None,
        }
    }
    (pattern.len() == path.len()).then_some((fits, variables))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
