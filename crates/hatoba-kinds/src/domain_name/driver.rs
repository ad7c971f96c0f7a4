use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_apigatewayv2::types::{
    DomainName as SdkDomainName, DomainNameConfiguration as SdkConfiguration, DomainNameStatus,
    MutualTlsAuthenticationInput as SdkTls, RoutingMode,
};
use hatoba_core::{
    Cause, Change, Creation, KindTable, Life, Members, OUTPUT_NAME, Object, Readiness, TagChange, Target, normalise,
};
use hatoba_shapes::apigatewayv2::{DomainNameConfiguration, LIMITS, MutualTlsAuthenticationInput};
use serde_json::Value;

use super::DomainName;
use super::fields::{DEFAULTS, TABLE};
use super::spec::DomainNameSpec;
use crate::aws::Aws;
use crate::error::CallError;
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Requests, deleted, marked, members, pages, spec};
use crate::quota::{API_GATEWAY, CREATE_DOMAIN_NAME, DELETE_DOMAIN_NAME, Operation, UPDATE_DOMAIN_NAME};
use crate::tags;
use crate::terraform::Terraform;

const GET_DOMAIN_NAMES: Operation = Operation::read("apigatewayv2", "GetDomainNames", &[API_GATEWAY]);
const CREATE: Operation =
    Operation::write("apigatewayv2", "CreateDomainName", &[API_GATEWAY, CREATE_DOMAIN_NAME]);
const UPDATE: Operation =
    Operation::write("apigatewayv2", "UpdateDomainName", &[API_GATEWAY, UPDATE_DOMAIN_NAME]);
const DELETE: Operation =
    Operation::write("apigatewayv2", "DeleteDomainName", &[API_GATEWAY, DELETE_DOMAIN_NAME]);

impl Kind for DomainName {
    type Spec = DomainNameSpec;
    const TABLE: &'static KindTable = &TABLE;
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: DomainName
metadata: { name: api-example-com }
spec:
  domainName: api.example.com
  domainNameConfigurations:
    - certificateArn: arn:aws:acm:us-east-1:123456789012:certificate/6c8f5bd2-3a41-4a7a-9d3c-0f5f6d1c2b3a
";
    const OPERATIONS: &'static [Operation] =
        &[GET_DOMAIN_NAMES, CREATE, UPDATE, DELETE, tags::GATEWAY_TAG, tags::GATEWAY_UNTAG];

    const LIMITS: Option<Limits> = Some((LIMITS, "CreateDomainNameRequest"));

    const REQUESTS: Requests =
        ("apigatewayv2/2018-11-29", &["CreateDomainNameRequest", "UpdateDomainNameRequest"]);
    const TERRAFORM: Terraform = Terraform::of("aws_apigatewayv2_domain_name", "domain_name");
    const NAMED_AFTER_DOCUMENT: bool = false;

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[("tags", "`metadata.labels` become tags, beside the owner mark")];

    const REFUSED: &'static [(&'static str, &'static str)] = &[
        ("domainNameConfigurations[].apiGatewayDomainName", IS_ANSWER),
        ("domainNameConfigurations[].certificateUploadDate", IS_ANSWER),
        ("domainNameConfigurations[].domainNameStatus", IS_ANSWER),
        ("domainNameConfigurations[].domainNameStatusMessage", IS_ANSWER),
        ("domainNameConfigurations[].hostedZoneId", IS_ANSWER),
        ("domainNameConfigurations[].certificateName", "it is for edge-optimised domain names of REST APIs"),
    ];

    fn check(members: &Members) -> Vec<Problem> {
        let mut found = Vec::new();
        let name = members.get("domainName").and_then(Value::as_str).unwrap_or_default();
        if !is_domain_name(name) {
            let message = format!("expected a domain name in lower case, got `{name}`");
            found.push(Problem::new("domainName", message, "for example api.example.com"));
        }
        let configurations = members.get("domainNameConfigurations").and_then(Value::as_array);
        match configurations.map(Vec::as_slice) {
            Some([configuration]) => {
                if configuration.get("certificateArn").and_then(Value::as_str).is_none_or(str::is_empty) {
                    let path = "domainNameConfigurations[0].certificateArn";
                    found.push(Problem::new(path, "a certificate is missing", "the ARN of one of ACM's, in this region"));
                }
            }
            others => {
                let message = format!("expected exactly one, got {}", others.map_or(0, <[Value]>::len));
                let hint = "domainNameConfigurations: [{ certificateArn: … }]";
                found.push(Problem::new("domainNameConfigurations", message, hint));
            }
        }
        if let Some(tls) = members.get("mutualTlsAuthentication").and_then(Value::as_object) {
            let uri = tls.get("truststoreUri").and_then(Value::as_str).unwrap_or_default();
            if !uri.starts_with("s3://") {
                let message = format!("expected s3://<bucket>/<key>, got `{uri}`");
                let hint = "leave mutualTlsAuthentication out to switch it off";
                found.push(Problem::new("mutualTlsAuthentication.truststoreUri", message, hint));
            }
        }
        found
    }

    async fn list(aws: &Aws, _scope: &str, _interest: &Interest) -> Result<Vec<Object>, CallError> {
        let names = pages(&GET_DOMAIN_NAMES, async |token| {
            let call = aws.gateway.get_domain_names().max_results("100").set_next_token(token).send();
            let page = aws.call(&GET_DOMAIN_NAMES, call).await?;
            Ok((page.items.unwrap_or_default(), page.next_token))
        })
        .await?;
        names.iter().map(|name| observe(aws, name)).collect()
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: DomainNameSpec = spec(&CREATE, &creation.members)?;
        let call = aws
            .gateway
            .create_domain_name()
            .domain_name(&want.domain_name)
            .set_domain_name_configurations(Some(configurations(&CREATE, &want)?))
            .set_mutual_tls_authentication(tls(&CREATE, &want)?)
            .set_routing_mode(want.routing_mode.as_deref().map(RoutingMode::from))
            .set_tags(Some(creation.tags.clone().into_iter().collect()))
            .send();
        let made = aws.call(&CREATE, call).await?;
        let name = SdkDomainName::builder()
            .set_domain_name(made.domain_name)
            .set_domain_name_arn(made.domain_name_arn)
            .set_domain_name_configurations(made.domain_name_configurations)
            .set_mutual_tls_authentication(made.mutual_tls_authentication)
            .set_routing_mode(made.routing_mode)
            .set_tags(made.tags.or_else(|| Some(creation.tags.clone().into_iter().collect())))
            .build();
        Ok(Answer::object(observe(aws, &name)?))
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let mut want: DomainNameSpec = spec(&UPDATE, &change.after)?;
        for configuration in want.domain_name_configurations.iter_mut().flatten() {
            spell_out(configuration);
        }
        let mut call = aws
            .gateway
            .update_domain_name()
            .domain_name(&change.target.id)
            // AWS wants the configuration with every update.
            .set_domain_name_configurations(Some(configurations(&UPDATE, &want)?));
        if change.touches("mutualTlsAuthentication") {
            let off = || SdkTls::builder().truststore_uri("").build();
            call = call.mutual_tls_authentication(tls(&UPDATE, &want)?.unwrap_or_else(off));
        }
        if change.touches("routingMode") {
            call = call.set_routing_mode(want.routing_mode.as_deref().map(RoutingMode::from));
        }
        let made = aws.call(&UPDATE, call.send()).await?;
        let name = SdkDomainName::builder()
            .set_domain_name(made.domain_name)
            .set_domain_name_arn(made.domain_name_arn)
            .set_domain_name_configurations(made.domain_name_configurations)
            .set_mutual_tls_authentication(made.mutual_tls_authentication)
            .set_routing_mode(made.routing_mode)
            .set_tags(made.tags)
            .build();
        Ok(Answer::object(observe(aws, &name)?))
    }

    async fn tag(aws: &Aws, target: &Target, change: &TagChange) -> Result<Answer, CallError> {
        tags::change_gateway_tags(aws, target, change).await
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        let result = aws.call(&DELETE, aws.gateway.delete_domain_name().domain_name(&target.id).send()).await;
        deleted(result, Answer::Gone)
    }
}

/// Why what only AWS says is refused.
const IS_ANSWER: &str = "AWS says it, nobody asks for it; the status shows it";

/// Labels of letters, digits and `-`, at least two; the first may be `*`.
fn is_domain_name(name: &str) -> bool {
    let labels: Vec<&str> = name.strip_prefix("*.").unwrap_or(name).split('.').collect();
    let letters = |label: &str| label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let legal = |label: &&str| (1..=63).contains(&label.len()) && letters(label) && !label.starts_with('-');
    labels.len() > 1 && labels.iter().all(legal)
}

/// What is not sent with an update stays as it was, so the defaults are.
fn spell_out(configuration: &mut DomainNameConfiguration) {
    let [endpoint, policy, address] = [0, 1, 2].map(|at| DEFAULTS[at].1.to_owned());
    configuration.endpoint_type.get_or_insert(endpoint);
    configuration.security_policy.get_or_insert(policy);
    configuration.ip_address_type.get_or_insert(address);
}

fn configurations(operation: &Operation, want: &DomainNameSpec) -> Result<Vec<SdkConfiguration>, CallError> {
    let all = want.domain_name_configurations.iter().flatten();
    let all: Result<Vec<_>, _> = all.map(DomainNameConfiguration::to_sdk).collect();
    all.map_err(|error| CallError::unbuildable(operation, error.to_string()))
}

fn tls(operation: &Operation, want: &DomainNameSpec) -> Result<Option<SdkTls>, CallError> {
    let tls = want.mutual_tls_authentication.as_ref().map(MutualTlsAuthenticationInput::to_sdk).transpose();
    tls.map_err(|error| CallError::unbuildable(operation, error.to_string()))
}

pub(super) fn observe(aws: &Aws, name: &SdkDomainName) -> Result<Object, CallError> {
    let Some(id) = name.domain_name.clone() else {
        return Err(CallError::nonsense(&GET_DOMAIN_NAMES, "a domain name without a name"));
    };
    let (mark, tags) = marked(name.tags.clone().map(|tags| tags.into_iter().collect()));
    let configuration = name.domain_name_configurations.iter().flatten().next();
    let tls = name.mutual_tls_authentication.as_ref().map(MutualTlsAuthenticationInput::from_sdk);
    let shown = DomainNameSpec {
        domain_name: id.clone(),
        domain_name_configurations: configuration
            .map(|configuration| vec![DomainNameConfiguration::from_sdk(configuration)]),
        // Switched off it may be shown as an empty structure.
        mutual_tls_authentication: tls.filter(|tls| tls.truststore_uri.as_deref().is_some_and(|uri| !uri.is_empty())),
        routing_mode: name.routing_mode.as_ref().map(|mode| mode.as_str().to_owned()),
    };
    let mut outputs = BTreeMap::from(["id", OUTPUT_NAME].map(|output| (output.to_owned(), id.clone())));
    let says = |member: fn(&SdkConfiguration) -> Option<String>| configuration.and_then(member);
    outputs.extend(says(|c| c.api_gateway_domain_name.clone()).map(|to| ("aliasTarget".to_owned(), to)));
    outputs.extend(says(|c| c.hosted_zone_id.clone()).map(|zone| ("hostedZoneId".to_owned(), zone)));
    let (life, readiness) = state(
        configuration.and_then(|configuration| configuration.domain_name_status.as_ref()),
        says(|c| c.domain_name_status_message.clone()).unwrap_or_default().as_str(),
    );
    Ok(Object {
        scope: String::new(),
        arn: Some(aws.gateway_arn(&format!("/domainnames/{id}"))),
        natural_key: id.clone(),
        mark,
        tags,
        life,
        readiness,
        created_at_ms: None,
        uses: BTreeSet::new(),
        members: normalise(&TABLE, members(&shown)),
        outputs,
        id,
    })
}

/// While UPDATING it takes no updates. What waits for somebody's certificate does take them: one may be the cure.
pub(super) fn state(status: Option<&DomainNameStatus>, message: &str) -> (Life, Readiness) {
    let say = |reason, what: &str| match message {
        "" => Cause::new(reason, what),
        message => Cause::new(reason, format!("{what}: {message}")),
    };
    match status {
        None | Some(DomainNameStatus::Available) => (Life::Live, Readiness::Ready),
        Some(DomainNameStatus::Updating) => {
            (Life::Pending, Readiness::Settling(say("DomainUpdating", "AWS is setting the domain name up")))
        }
        Some(DomainNameStatus::PendingCertificateReimport) => {
            let what = "its certificate must be imported into ACM again";
            (Life::Live, Readiness::NotReady(say("CertificateReimport", what)))
        }
        Some(DomainNameStatus::PendingOwnershipVerification) => {
            let what = "AWS wants a certificate that proves whose the name is (ownershipVerificationCertificateArn)";
            (Life::Live, Readiness::NotReady(say("OwnershipVerification", what)))
        }
        Some(other) => {
            let what = format!("the domain name is {}", other.as_str());
            (Life::Pending, Readiness::Settling(say("DomainStateUnknown", &what)))
        }
    }
}
