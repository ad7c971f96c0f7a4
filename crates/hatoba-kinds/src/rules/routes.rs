//! The routes of an API among each other.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::Desired;

use super::Found;
use super::authorization::{is_authorised, is_open};
use super::chain::{Chain, is_absent, stated, text, written_at};
use crate::integration::check::is_told_the_method;
use crate::kind::Problem;

/// `GET /pets/{id}` → (`GET`, `/pets/{id}`); `$default` has neither.
pub(super) fn method_and_path(route: &Desired) -> Option<(&str, &str)> {
    text(route, "routeKey")?.split_once(' ')
}

/// The name in `{name}` or `{name+}`, and whether it is greedy.
fn variable(segment: &str) -> Option<(&str, bool)> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_suffix('+').map_or((name, false), |name| (name, true)))
}

/// The path with its variables' names left out.
pub(crate) fn shape(path: &str) -> String {
    let plain = |segment| match variable(segment) {
        Some((_, true)) => "{+}",
        Some((_, false)) => "{}",
        None => segment,
    };
    path.split('/').map(plain).collect::<Vec<_>>().join("/")
}

/// The routes of one API that AWS cannot keep apart: same method, same path but for the names of variables.
fn clashing<'a>(routes: &[&'a Desired]) -> Vec<Vec<&'a Desired>> {
    let mut same: BTreeMap<(&str, String), Vec<&Desired>> = BTreeMap::new();
    for route in routes {
        if let Some((method, path)) = method_and_path(route) {
            same.entry((method, shape(path))).or_default().push(route);
        }
    }
    // Equal keys are told by the check for clashes between any two documents.
    same.into_values().filter(|routes| routes.len() > 1).collect()
}

pub(super) fn conflict(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for (_, routes) in chain.by_api("Route") {
        for clash in clashing(routes) {
            for (index, route) in clash.iter().enumerate() {
                let other = clash[usize::from(index == 0)];
                let message = format!(
                    "`{}` and `{}` of {} differ in the name of a variable only",
                    text(route, "routeKey").unwrap_or_default(),
                    text(other, "routeKey").unwrap_or_default(),
                    other.key
                );
                let hint = "AWS takes one name for a variable; one of the routes must go";
                found.push((route.key.clone(), Problem::new("routeKey", message, hint)));
            }
        }
    }
    found
}

pub(super) fn variable_names(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for (_, routes) in chain.by_api("Route") {
        let clashing: BTreeSet<_> = clashing(routes).into_iter().flatten().map(|route| &route.key).collect();
        // By the path above it: the names that the variable has there, and the routes that name it so.
        let mut levels: BTreeMap<(String, bool), BTreeMap<&str, Vec<&Desired>>> = BTreeMap::new();
        for &route in routes.iter().filter(|route| !clashing.contains(&route.key)) {
            let Some((_, path)) = method_and_path(route) else { continue };
            let mut above = String::new();
            for segment in path.split('/').skip(1) {
                if let Some((name, is_greedy)) = variable(segment) {
                    let names = levels.entry((above.clone(), is_greedy)).or_default();
                    names.entry(name).or_default().push(route);
                }
                above.push('/');
                above.push_str(&shape(segment));
            }
        }
        for ((above, _), names) in levels.iter().filter(|(_, names)| names.len() > 1) {
            // The usual name is right; of two equally usual ones the first in the alphabet.
            let usual = names.iter().max_by(|a, b| a.1.len().cmp(&b.1.len()).then(b.0.cmp(a.0)));
            let Some((usual, like)) = usual else { continue };
            for (name, routes) in names.iter().filter(|(name, _)| *name != usual) {
                for route in routes {
                    let message = format!(
                        "the variable below `{}` is called `{name}` here and `{usual}` in {}",
                        if above.is_empty() { "/" } else { above },
                        like[0].key
                    );
                    let hint = "one name for one level: AWS refuses some such pairs of routes";
                    found.push((route.key.clone(), Problem::new("routeKey", message, hint)));
                }
            }
        }
    }
    found
}

pub(super) fn greedy_not_last(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for route in chain.of("Route") {
        let Some((_, path)) = method_and_path(route) else { continue };
        let Some((before_last, _)) = path.rsplit_once('/') else { continue };
        let greedy =
            before_last.split('/').find(|segment| variable(segment).is_some_and(|(_, greedy)| greedy));
        if let Some(greedy) = greedy {
            let message = format!(
                "the greedy variable `{greedy}` takes all that follows, so it must be the last segment"
            );
            let hint = "a plain variable such as `{id}` takes one segment";
            found.push((route.key.clone(), Problem::new("routeKey", message, hint)));
        }
    }
    found
}

pub(super) fn without_target(chain: &Chain<'_>) -> Found {
    let without = chain.of("Route").iter().filter(|route| is_absent(route, "target"));
    let message = "the route leads nowhere: requests that it takes are answered with an error, and since a route is \
                   ours by what it leads to, nothing will remove it when its document goes";
    let hint = "`integrationRef` names an Integration document";
    without.map(|route| (route.key.clone(), Problem::new("target", message, hint))).collect()
}

pub(super) fn no_routes(chain: &Chain<'_>) -> Found {
    if chain.holds_any("Route") {
        return Found::new();
    }
    let stages = chain.by_api("Stage").filter(|(api, _)| chain.get(api).is_some());
    let idle = stages.filter(|(api, _)| chain.naming("Route", api).is_empty());
    let message =
        |api| format!("{api} has no route: nothing can be deployed, and every request is answered with 404");
    idle.flat_map(|(api, stages)| stages.iter().map(move |stage| (stage, message(api))))
        .map(|(stage, message)| {
            let hint = "a Route document with `routeKey: $default` takes every request";
            (stage.key.clone(), Problem::new(written_at(stage, "apiId"), message, hint))
        })
        .collect()
}

pub(super) fn options_swallowed(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for (api, routes) in chain.by_api("Route") {
        let has_cors = |api: &Desired| stated(api, "corsConfiguration").is_some_and(|cors| cors.is_object());
        if !chain.get(api).is_some_and(has_cors) {
            continue;
        }
        let open: BTreeSet<String> = routes
            .iter()
            .filter(|route| is_open(route))
            .filter_map(|route| method_and_path(route))
            .filter(|(method, _)| *method == "OPTIONS")
            .map(|(_, path)| shape(path))
            .collect();
        for route in routes.iter().filter(|route| is_authorised(route)) {
            let path = match method_and_path(route) {
                Some(("ANY", path)) => path,
                None => "/{proxy+}",
                Some(_) => continue,
            };
            if open.contains(&shape(path)) {
                continue;
            }
            let message =
                "takes the browser's preflight requests too, and refuses them: they carry no credentials";
            let back_end = chain.filled_by(route, "target");
            let hint = match back_end.is_none_or(|back_end| is_told_the_method(|member| text(back_end, member))) {
                true => format!("add a Route with `routeKey: OPTIONS {path}` and `authorizationType: NONE`"),
                false => "state the methods that it takes (`POST /path`) in place of `ANY` and `$default`: its back end \
                          is not told the method, so an open OPTIONS route would let everybody call it"
                    .to_owned(),
            };
            found.push((route.key.clone(), Problem::new("routeKey", message, &hint)));
        }
    }
    found
}
