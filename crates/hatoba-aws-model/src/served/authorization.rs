//! Authorization of a request by its route's type.

use super::{Visit, jwt, message};
use crate::apigateway::Deployed;
use crate::object::{self, Object};
use crate::wire::Response;

/// Lets the request pass, or gives the refusal.
pub(super) fn authorize(visit: &mut Visit, route: &Object, deployed: &Deployed) -> Result<(), Box<Response>> {
    let authorizer = object::text(route, "authorizerId").and_then(|id| deployed.authorizer(id));
    match (object::text_or_empty(route, "authorizationType"), authorizer) {
        ("AWS_IAM", _) if is_signed(visit) => Ok(()),
        ("AWS_IAM", _) => Err(Box::new(message(403, "Forbidden"))),
        ("JWT", Some(authorizer)) => {
            let scopes = object::texts(route, "authorizationScopes");
            visit.claims = jwt::accept(visit, authorizer, &scopes)?;
            Ok(())
        }
        ("CUSTOM", Some(authorizer)) => {
            // The model has no functions: whoever brings what the authorizer looks at is let in.
            let sources = object::texts(authorizer, "identitySource");
            let complete = sources.iter().all(|source| identity(visit, source).is_some());
            if complete { Ok(()) } else { Err(Box::new(message(401, "Unauthorized"))) }
        }
        ("JWT" | "CUSTOM", None) => Err(Box::new(message(500, "Internal Server Error"))),
        _ => Ok(()),
    }
}

/// What an identity source finds in the request; nothing that is empty.
pub(super) fn identity(visit: &Visit, source: &str) -> Option<String> {
    super::mapping::value(visit, source, None).filter(|text| !text.is_empty())
}

/// Whether the request bears a signature for this API's service and region, in a header or in the query.
fn is_signed(visit: &Visit) -> bool {
    let in_header = visit
        .header("authorization")
        .and_then(|text| text.strip_prefix("AWS4-HMAC-SHA256 "))
        .filter(|text| text.contains("SignedHeaders=") && text.contains("Signature="))
        .and_then(|text| text.split_once("Credential="))
        .and_then(|(_, rest)| rest.split([',', ' ']).next());
    let in_query = visit.parameter("X-Amz-Signature").and_then(|_| visit.parameter("X-Amz-Credential"));
    let Some(credential) = in_header.or(in_query) else { return false };
    let scope: Vec<&str> = credential.split('/').collect();
    matches!(scope.as_slice(), [_, _, region, "execute-api", "aws4_request"] if *region == visit.region)
}
