//! JSON Web Tokens: the claims are checked as API Gateway checks them, the signature is not.

use super::{Visit, authorization, message};
use crate::object::{self, Object};
use crate::wire::Response;
use serde_json::Value;

/// The claims of the token in the request, if this authorizer takes it and it has one of the scopes.
///
/// # Errors
/// 401 without a token or with a bad one, 403 for a good one without any of the scopes.
pub(super) fn accept(visit: &Visit, authorizer: &Object, scopes: &[&str]) -> Result<Object, Box<Response>> {
    let source = object::texts(authorizer, "identitySource").first().copied().unwrap_or_default();
    let Some(found) = authorization::identity(visit, source) else {
        return Err(unauthorized("Bearer".to_owned()));
    };
    let token = found.strip_prefix("Bearer ").or_else(|| found.strip_prefix("bearer ")).unwrap_or(&found);
    let claims = read(token.trim()).and_then(|claims| {
        let nothing = Object::new();
        let configuration = object::object(authorizer, "jwtConfiguration").unwrap_or(&nothing);
        check(&claims, configuration, visit.now.as_secs_f64()).map(|()| claims)
    });
    let claims = claims.map_err(|fault| {
        unauthorized(format!(
            "Bearer scope=\"{}\" error=\"invalid_token\" error_description=\"{fault}\"",
            scopes.join(" ")
        ))
    })?;
    if scopes.is_empty() || granted(&claims).iter().any(|scope| scopes.contains(&scope.as_str())) {
        return Ok(claims);
    }
    let mut refusal = message(403, "Forbidden");
    let asks = format!(
        "Bearer scope=\"{}\" error=\"insufficient_scope\" error_description=\"the token does not have a required scope\"",
        scopes.join(" ")
    );
    refusal.headers.push(("www-authenticate".to_owned(), asks));
    Err(Box::new(refusal))
}

fn unauthorized(asks: String) -> Box<Response> {
    let mut refusal = message(401, "Unauthorized");
    refusal.headers.push(("www-authenticate".to_owned(), asks));
    Box::new(refusal)
}

/// The claims of a token of three parts, signed with RSA.
fn read(token: &str) -> Result<Object, &'static str> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { return Err("invalid number of segments") };
    let header = object_of(header).ok_or("the token's header cannot be read")?;
    if !object::text(&header, "alg").is_some_and(|name| name.starts_with("RS")) || signature.is_empty() {
        return Err("signing method is invalid");
    }
    object_of(claims).ok_or("the token's claims cannot be read")
}

fn object_of(part: &str) -> Option<Object> {
    match serde_json::from_slice(&decode(part)?) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

fn check(claims: &Object, configuration: &Object, now: f64) -> Result<(), &'static str> {
    if object::text(claims, "iss") != object::text(configuration, "issuer") {
        return Err("the token has an invalid issuer");
    }
    let audiences = object::texts(configuration, "audience");
    let meant = match claims.get("aud") {
        None => object::text(claims, "client_id").is_some_and(|id| audiences.contains(&id)),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).any(|one| audiences.contains(&one)),
        Some(one) => one.as_str().is_some_and(|one| audiences.contains(&one)),
    };
    if !meant {
        return Err("the token has an invalid audience");
    }
    let time = |name: &str| claims.get(name).map(|value| value.as_f64().unwrap_or(f64::NAN));
    if !time("exp").is_some_and(|end| end > now) {
        return Err("the token has expired");
    }
    let is_early = |begin: f64| begin > now || begin.is_nan();
    if time("nbf").is_some_and(is_early) || time("iat").is_some_and(is_early) {
        return Err("the token is not valid yet");
    }
    Ok(())
}

/// The scopes of a token: `scope` is a text or a list, `scp` too.
fn granted(claims: &Object) -> Vec<String> {
    ["scope", "scp"]
        .iter()
        .filter_map(|name| claims.get(*name))
        .flat_map(|value| match value {
            Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            other => {
                other.as_str().unwrap_or_default().split(' ').map(str::to_owned).collect::<Vec<String>>()
            }
        })
        .collect()
}

/// Base64 in the alphabet for URLs, without padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for letter in text.trim_end_matches('=').bytes() {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        (bits, held) = ((bits & 0x3f) << 6 | u32::from(six), held + 6);
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).ok()?);
        }
    }
    Some(out)
}
