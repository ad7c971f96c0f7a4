//! Who may call a route, and whether what it names stands in the same API.

use hatoba_core::Desired;

use super::Found;
use super::chain::{Chain, in_effect, is_absent, items, stated, target, text, written_at};
use super::routes::method_and_path;
use crate::kind::Problem;

/// The authorization type that holds; `None` where it is not known.
fn authorization(route: &Desired) -> Option<&str> {
    in_effect(route, "authorizationType", "NONE")
}

pub(super) fn is_open(route: &Desired) -> bool {
    authorization(route) == Some("NONE")
}

pub(super) fn is_authorised(route: &Desired) -> bool {
    authorization(route).is_some_and(|by| by != "NONE")
}

fn names_authorizer(route: &Desired) -> bool {
    target(route, "authorizerId").is_some() || stated(route, "authorizerId").is_some()
}

/// Who writes NONE means it; who leaves it out may have forgotten it.
pub(super) fn public_route(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for route in chain.of("Route").iter().filter(|route| is_absent(route, "authorizationType")) {
        let is_preflight = method_and_path(route).is_some_and(|(method, _)| method == "OPTIONS");
        if is_preflight || names_authorizer(route) {
            continue;
        }
        let message = "everybody on the internet may call this route: it has no authorization, and an HTTP API \
                       takes neither security groups nor a web ACL";
        let hint = "authorizationType: JWT with an Authorizer, AWS_IAM, or NONE if that is meant";
        found.push((route.key.clone(), Problem::new("routeKey", message, hint)));
    }
    found
}

pub(super) fn jwt_incomplete(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for authorizer in chain.of("Authorizer").iter().filter(|a| text(a, "authorizerType") == Some("JWT")) {
        let mut missing = |member: &str, message: &str, hint: &str| {
            found.push((
                authorizer.key.clone(),
                Problem::new(format!("jwtConfiguration.{member}"), message, hint),
            ));
        };
        if text(authorizer, "jwtConfiguration.issuer").is_none_or(str::is_empty) {
            missing(
                "issuer",
                "a JWT authorizer needs the issuer of the tokens",
                "issuer: https://issuer.example.com",
            );
        }
        if items(authorizer, "jwtConfiguration.audience").is_empty() {
            let message = "a JWT authorizer needs one audience at least";
            missing("audience", message, "audience: [web], the `aud` or `client_id` of the tokens");
        }
    }
    found
}

pub(super) fn scopes_without_jwt(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for route in chain.of("Route").iter().filter(|route| !items(route, "authorizationScopes").is_empty()) {
        let Some(by) = authorization(route).filter(|by| *by != "JWT") else { continue };
        let message = format!("only JWT checks scopes, and `authorizationType` is {by}");
        let hint = "authorizationType: JWT, and `authorizerRef`";
        found.push((route.key.clone(), Problem::new("authorizationScopes", message, hint)));
    }
    found
}

pub(super) fn authorizer_missing(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for route in chain.of("Route").iter().filter(|route| !names_authorizer(route)) {
        let Some(by @ ("JWT" | "CUSTOM")) = authorization(route) else { continue };
        let message = format!("{by} needs an authorizer, and none is named");
        let hint = "`authorizerRef` names an Authorizer document of the same API";
        found.push((route.key.clone(), Problem::new("authorizationType", message, hint)));
    }
    found
}

pub(super) fn authorizer_mismatch(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for route in chain.of("Route").iter().filter(|route| names_authorizer(route)) {
        let Some(by) = authorization(route) else { continue };
        let named = chain.filled_by(route, "authorizerId");
        let kind = named.and_then(|authorizer| text(authorizer, "authorizerType"));
        let message = match (by, kind) {
            ("JWT", Some("JWT") | None) | ("CUSTOM", Some("REQUEST") | None) => continue,
            ("JWT" | "CUSTOM", Some(kind)) => {
                let expected = if by == "JWT" { "JWT" } else { "REQUEST" };
                format!("{by} needs an authorizer of the type {expected}, got one of the type {kind}")
            }
            _ => format!("an authorizer is named, and with `authorizationType` {by} it is never asked"),
        };
        let hint = match kind {
            Some("REQUEST") => "authorizationType: CUSTOM",
            _ => "authorizationType: JWT",
        };
        found.push((route.key.clone(), Problem::new(written_at(route, "authorizerId"), message, hint)));
    }
    found
}

pub(super) fn authorizer_of_other_api(chain: &Chain<'_>) -> Found {
    of_other_api(chain, "Route", "authorizerId")
}

pub(super) fn integration_of_other_api(chain: &Chain<'_>) -> Found {
    of_other_api(chain, "Route", "target")
}

pub(super) fn stage_of_other_api(chain: &Chain<'_>) -> Found {
    of_other_api(chain, "ApiMapping", "stage")
}

/// Documents of a kind whose `member` is filled by a document of another API.
fn of_other_api(chain: &Chain<'_>, kind: &str, member: &str) -> Found {
    let mut found = Found::new();
    for document in chain.of(kind) {
        let named = chain.filled_by(document, member);
        let apis = named.and_then(|named| Some((named, target(named, "apiId")?, target(document, "apiId")?)));
        if let Some((named, theirs, ours)) = apis
            && theirs != ours
        {
            let message = format!("{} belongs to {theirs}, and this document to {ours}", named.key);
            let hint = "nothing is shared between two APIs";
            found.push((document.key.clone(), Problem::new(written_at(document, member), message, hint)));
        }
    }
    found
}
