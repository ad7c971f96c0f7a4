//! Requests that AWS's models forbid, each by one thing, made of the models themselves: for every member at whatever
//! depth what is of another type, no word of AWS's, too short, too long, too small, too large or unlike the pattern, and
//! every request without a member that it must have. The model AWS refuses all of them, for that very member.
//!
//! And what they allow, at the edges: every word, the shortest and the longest, the least and the most. None is refused for
//! its form.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hatoba_aws_model::{Config, World};
use hatoba_tests::EPOCH_SECONDS;

use super::Exchange;
use super::shapes::Models;
use super::trials::{Trial, requests};

/// So many requests there are; fewer mean that something is no longer tried.
const FORBIDDEN_MIN: usize = 1_993;

/// So many requests that are allowed, at the edges.
const ALLOWED_MIN: usize = 1_277;

/// What AWS takes though its model forbids it: operation, member, what of it, and what shows that.
const TAKEN: [(&str, &str, &str, &str); 3] = [
    (
        "UpdateIntegration",
        "connectionId",
        "too short",
        "Terraform's provider clears it with the empty text (aws-semantics: clearing of integrations)",
    ),
    (
        "UpdateIntegration",
        "requestParameters",
        "too short",
        "AWS's guide on parameter mapping and Terraform's provider take a parameter away with the empty text",
    ),
    (
        "UpdateDomainName",
        "truststoreUri",
        "too short",
        "Terraform's provider switches mutual TLS off with the empty text",
    ),
];

/// What the model refuses though AWS's model allows it: operation, member, and why. Each time it is the empty text.
const REFUSED: [(&str, &[&str], &str); 3] = [
    ("CreateService", &["serviceName", "taskDefinition"], "AWS says that they cannot be blank"),
    (
        "CreateService",
        &["platformVersion", "role"],
        "what an empty one means is not known: the strict reading",
    ),
    (
        "RegisterTaskDefinition",
        &["cpu", "executionRoleArn", "family", "memory", "taskRoleArn"],
        "what an empty one means is not known: the strict reading",
    ),
];

/// The service's word for what is not valid.
fn code(service: &str, operation: &str) -> &'static str {
    match (service, operation) {
        ("apigatewayv2", _) => "BadRequestException",
        ("ecs", "RegisterTaskDefinition") => "ClientException",
        ("ecs", _) => "InvalidParameterException",
        _ => "InvalidInput",
    }
}

#[test]
fn what_aws_forbids_the_model_refuses() {
    let Some(python) = hatoba_tests::tools::installed(hatoba_tests::tools::MODELS, "python") else { return };
    let models = Models::read(&python);
    let mut world = World::new(Config { rate_limits: false, ..Config::default() });
    let all = requests(&models, false);
    let (mut counts, mut accepted, mut departed) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    for Trial { service, operation, member, what, request } in &all {
        *counts.entry(*service).or_insert(0_usize) += 1;
        let response = world.handle(request, Duration::from_secs(EPOCH_SECONDS));
        let body = response.json();
        let header = response.headers.iter().find(|(name, _)| name == "x-amzn-errortype");
        let found = header.map(|(_, code)| code.as_str()).or(body["__type"].as_str()).unwrap_or_default();
        let message = body["message"].as_str().or(body["Message"].as_str()).unwrap_or_default();
        let names_it = message.contains("validation error detected") && message.contains(member.as_str());
        let row = TAKEN.iter().find(|(of, at, how, _)| of == operation && at == member && how == what);
        if let Some(row) = row.filter(|_| !names_it) {
            departed.insert(row);
            continue;
        }
        if (response.status, found) != (400, code(service, operation)) || !names_it {
            accepted.insert(format!(
                "{service}:{operation} {member} {what}: {} {found} {message}",
                response.status
            ));
        }
        let wrong = models.wrong(&Exchange { request: request.clone(), response });
        accepted.extend(wrong);
    }
    println!("{} forbidden requests: {counts:?}", all.len());
    assert!(accepted.is_empty(), "{} are not refused as AWS refuses them: {accepted:#?}", accepted.len());
    let stale: Vec<_> = TAKEN.iter().filter(|row| !departed.contains(row)).collect();
    assert!(stale.is_empty(), "these are refused all the same: {stale:#?}");
    assert!(all.len() >= FORBIDDEN_MIN, "only {} forbidden requests were made", all.len());
}

#[test]
fn what_aws_allows_the_model_does_not_refuse_for_its_form() {
    let Some(python) = hatoba_tests::tools::installed(hatoba_tests::tools::MODELS, "python") else { return };
    let models = Models::read(&python);
    let mut world = World::new(Config { rate_limits: false, ..Config::default() });
    let (mut refused, mut known) = (BTreeSet::new(), BTreeSet::new());
    let all = requests(&models, true);
    for Trial { service, operation, member, what, request } in &all {
        let body = world.handle(request, Duration::from_secs(EPOCH_SECONDS)).json();
        let message = body["message"].as_str().or(body["Message"].as_str()).unwrap_or_default();
        if !message.contains("validation error detected") {
            continue;
        }
        let mut members = REFUSED.iter().filter(|row| row.0 == operation).flat_map(|row| row.1);
        match members.find(|known| *known == member && *what == "shortest") {
            Some(member) => drop(known.insert((operation, member))),
            None => drop(refused.insert(format!("{service}:{operation} {member} {what}: {message:.300}"))),
        }
    }
    println!("{} requests that are allowed", all.len());
    assert!(refused.is_empty(), "{} are refused for their form: {refused:#?}", refused.len());
    assert_eq!(known.len(), REFUSED.iter().map(|row| row.1.len()).sum::<usize>(), "only these: {known:?}");
    assert!(all.len() >= ALLOWED_MIN, "only {} allowed requests were made", all.len());
}
