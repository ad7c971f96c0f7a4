use aws_sdk_apigatewayv2::types::{
    DomainName as SdkDomainName, DomainNameConfiguration, DomainNameStatus, EndpointType, MutualTlsAuthentication,
};
use hatoba_core::{Life, Readiness, Seen};
use serde_json::{Value, json};

use super::DomainName;
use super::driver::{observe, state};
use crate::kind::Kind as _;
use crate::tests::aws;

#[test]
fn every_state_has_a_meaning_and_an_unknown_one_is_no_reason_to_act() {
    let table = [
        (DomainNameStatus::Available, Life::Live, None),
        (DomainNameStatus::Updating, Life::Pending, Some("DomainUpdating")),
        (DomainNameStatus::PendingCertificateReimport, Life::Live, Some("CertificateReimport")),
        (DomainNameStatus::PendingOwnershipVerification, Life::Live, Some("OwnershipVerification")),
        (DomainNameStatus::from("RESTING"), Life::Pending, Some("DomainStateUnknown")),
    ];
    for (status, life, reason) in table {
        let (is, readiness) = state(Some(&status), "AWS's word");
        assert_eq!(is, life, "{status:?}");
        match (readiness, reason) {
            (Readiness::Ready, None) => {}
            (Readiness::Settling(cause) | Readiness::NotReady(cause), Some(reason)) => {
                assert_eq!(cause.reason.as_str(), reason);
                assert!(cause.message.contains("AWS's word"), "{}", cause.message);
            }
            other => panic!("{status:?}: {other:?}"),
        }
    }
    assert_eq!(state(None, "").0, Life::Live);
}

#[test]
fn what_only_aws_says_is_an_output_and_no_member() {
    let configuration = DomainNameConfiguration::builder()
        .certificate_arn("c")
        .endpoint_type(EndpointType::Regional)
        .api_gateway_domain_name("d-1.execute-api.us-east-1.amazonaws.com")
        .hosted_zone_id("Z1")
        .domain_name_status(DomainNameStatus::Available)
        .build();
    let shown = SdkDomainName::builder()
        .domain_name("api.example.com")
        .domain_name_configurations(configuration)
        .mutual_tls_authentication(MutualTlsAuthentication::builder().build())
        .tags("a", "b")
        .build();
    let object = observe(&aws(), &shown).unwrap();
    assert_eq!(object.outputs["aliasTarget"], "d-1.execute-api.us-east-1.amazonaws.com");
    assert_eq!(object.outputs["hostedZoneId"], "Z1");
    assert_eq!(
        Value::Object(object.members),
        json!({ "domainName": "api.example.com", "domainNameConfigurations": [{ "certificateArn": "c", "endpointType": "REGIONAL" }] })
    );
    assert_eq!(object.arn.as_deref(), Some("arn:aws:apigateway:us-east-1::/domainnames/api.example.com"));
    assert_eq!(object.mark, Seen::Absent);
    assert!(observe(&aws(), &SdkDomainName::builder().build()).is_err());
}

#[test]
fn what_aws_would_refuse_is_refused_before() {
    let good = json!({ "domainName": "api.example.com", "domainNameConfigurations": [{ "certificateArn": "c" }] });
    for (more, expected) in [
        (json!({}), vec![]),
        (json!({ "domainName": "*.example.com" }), vec![]),
        (json!({ "domainName": "API.example.com" }), vec!["domainName"]),
        (json!({ "domainName": "example" }), vec!["domainName"]),
        (json!({ "domainName": "a..b" }), vec!["domainName"]),
        (json!({ "domainNameConfigurations": null }), vec!["domainNameConfigurations"]),
        (
            json!({ "domainNameConfigurations": [{ "certificateArn": "c" }, { "certificateArn": "d" }] }),
            vec!["domainNameConfigurations"],
        ),
        (json!({ "domainNameConfigurations": [{}] }), vec!["domainNameConfigurations[0].certificateArn"]),
        (json!({ "mutualTlsAuthentication": { "truststoreUri": "s3://a/b" } }), vec![]),
        (
            json!({ "mutualTlsAuthentication": { "truststoreUri": "https://a/b" } }),
            vec!["mutualTlsAuthentication.truststoreUri"],
        ),
    ] {
        let mut members = good.as_object().cloned().unwrap();
        members.extend(more.as_object().cloned().unwrap());
        let found: Vec<String> = DomainName::check(&members).into_iter().map(|problem| problem.path).collect();
        assert_eq!(found, expected, "{more}");
    }
}
