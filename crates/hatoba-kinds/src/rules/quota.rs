//! AWS's quotas: warnings where an account may have a higher one, errors where none has.
//!
//! Numbers: "Quotas for configuring and running an HTTP API" (API Gateway developer guide), "Quotas for AWS Cloud Map".

use super::Found;
use super::chain::{Chain, items};
use crate::kind::Problem;

const ADJUSTABLE: &str =
    "the quota can be raised in Service Quotas; other resources of the account count too";
const FIXED: &str = "this quota cannot be raised";

pub(super) fn routes(chain: &Chain<'_>) -> Found {
    per_api(chain, "Route", 300, "routes")
}

pub(super) fn stages(chain: &Chain<'_>) -> Found {
    per_api(chain, "Stage", 10, "stages")
}

pub(super) fn authorizers(chain: &Chain<'_>) -> Found {
    per_api(chain, "Authorizer", 10, "authorizers")
}

fn per_api(chain: &Chain<'_>, kind: &str, most: usize, what: &str) -> Found {
    let full = chain.by_api(kind).filter(|(_, children)| children.len() > most);
    full.map(|(api, children)| {
        let message =
            format!("{} documents ask for {what} of this API, and AWS's quota is {most}", children.len());
        (api.clone(), Problem::new("", message, ADJUSTABLE))
    })
    .collect()
}

/// Those beyond the quota are at fault, by name: the others can be made.
pub(super) fn integrations(chain: &Chain<'_>) -> Found {
    const MOST: usize = 300;
    let beyond = chain.by_api("Integration").flat_map(|(api, all)| {
        let message = format!("{} documents ask for integrations of {api}, and AWS allows {MOST}", all.len());
        all.iter()
            .skip(MOST)
            .map(move |integration| (integration.key.clone(), Problem::new("apiRef", message.clone(), FIXED)))
    });
    beyond.collect()
}

pub(super) fn audiences(chain: &Chain<'_>) -> Found {
    in_list(chain, "Authorizer", "jwtConfiguration.audience", 50)
}

pub(super) fn scopes(chain: &Chain<'_>) -> Found {
    in_list(chain, "Route", "authorizationScopes", 10)
}

fn in_list(chain: &Chain<'_>, kind: &str, member: &str, most: usize) -> Found {
    let long = chain.of(kind).iter().filter(|document| items(document, member).len() > most);
    long.map(|document| {
        let message = format!("expected {most} at most, got {}", items(document, member).len());
        (document.key.clone(), Problem::new(member, message, FIXED))
    })
    .collect()
}

pub(super) fn vpc_links(chain: &Chain<'_>) -> Found {
    per_region(chain, &["VpcLink"], 10, "VPC links")
}

pub(super) fn namespaces(chain: &Chain<'_>) -> Found {
    per_region(chain, &["HttpNamespace", "PrivateDnsNamespace"], 50, "namespaces")
}

pub(super) fn domain_names(chain: &Chain<'_>) -> Found {
    per_region(chain, &["DomainName"], 120, "custom domains")
}

/// Told once, at the first document beyond the quota.
fn per_region(chain: &Chain<'_>, kinds: &[&str], most: usize, what: &str) -> Found {
    let all: Vec<_> = kinds.iter().flat_map(|kind| chain.of(kind)).collect();
    let message =
        || format!("{} documents ask for {what}, and AWS's quota for a region is {most}", all.len());
    let beyond = all.iter().skip(most).take(1);
    beyond.map(|document| (document.key.clone(), Problem::new("", message(), ADJUSTABLE))).collect()
}
