//! What holds for every kind.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Document, Key, Literal, Members, Omitted, Places, Policy};
use serde_json::Value;

use crate::KindId;

fn document(kind: KindId, spec: Value) -> Document {
    let key = Key::new(kind.table().kind, "sample");
    let spec = spec.as_object().cloned().unwrap_or_default();
    Document::new(key, BTreeMap::new(), spec, Policy::default(), Places::new("a.yaml"))
}

/// Everything that a spec can say is compared, or names another document, or looks something up.
#[test]
fn no_field_of_a_spec_is_forgotten_by_its_table() {
    for kind in KindId::ALL {
        let table = kind.table();
        let schema = kind.schema();
        let stated = schema.get("properties").and_then(Value::as_object).expect("a spec is a struct");
        let covered: BTreeSet<&str> = table
            .fields
            .iter()
            .map(|field| field.path)
            .chain(table.references.iter().map(|field| field.path))
            .chain(table.selectors.iter().map(|field| field.path))
            .chain(table.scope_member)
            .map(|path| path.split(['.', '[']).next().unwrap_or(path))
            .collect();
        for member in stated.keys() {
            assert!(
                covered.contains(member.as_str()),
                "{}: `{member}` is in the spec and not in the table",
                table.kind
            );
        }
    }
}

#[test]
fn tables_are_consistent() {
    for kind in KindId::ALL {
        let table = kind.table();
        assert_eq!(KindId::of(table.kind), Some(*kind));
        for field in table.fields {
            let untouched = field.omitted == Omitted::Untouched;
            let twice = table.fields.iter().filter(|other| other.path == field.path).count();
            assert_eq!(twice, 1, "{}: {} is listed twice", table.kind, field.path);
            // A value at creation that is not AWS's default would be drift at once.
            if let (Some(at_create), Omitted::Default(default)) = (field.at_create, field.omitted) {
                assert!(
                    untouched || at_create == default || default == Literal::Null,
                    "{}: {}",
                    table.kind,
                    field.path
                );
            }
        }
        if let Some(member) = table.name_member {
            assert!(table.field(member).is_some(), "{}: {member} is not compared", table.kind);
        }
    }
}

#[test]
fn a_typo_is_answered_with_the_field_that_was_meant() {
    let spec = serde_json::json!({ "subnetIds": ["subnet-1"], "securityGroupIDs": [] });
    let found = KindId::VpcLink.compile(&document(KindId::VpcLink, spec)).unwrap_err();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, "spec.securityGroupIDs");
    assert_eq!(found[0].hint.as_deref(), Some("did you mean `securityGroupIds`?"));
}

#[test]
fn a_member_of_websocket_apis_is_refused_with_a_sentence_of_its_own() {
    let spec = serde_json::json!({
        "apiRef": "a", "routeKey": "GET /", "target": "integrations/i", "apiKeyRequired": true, "requestModels": {},
    });
    let found = KindId::Route.compile(&document(KindId::Route, spec)).unwrap_err();
    let paths: Vec<&str> = found.iter().map(|found| found.path.as_str()).collect();
    assert_eq!(paths, ["spec.apiKeyRequired", "spec.requestModels"]);
    assert!(found.iter().all(|found| found.message.contains("WebSocket APIs")), "{found:?}");
    let configurations = serde_json::json!([{ "certificateArn": "c" }, { "hostedZoneId": "Z" }]);
    let spec = serde_json::json!({ "domainName": "a.example", "domainNameConfigurations": configurations });
    let found = KindId::DomainName.compile(&document(KindId::DomainName, spec)).unwrap_err();
    assert_eq!(found[0].path, "spec.domainNameConfigurations[1].hostedZoneId");
}

/// What is refused must not be in the spec: it would be refused and shown by the schema at once.
#[test]
fn what_is_refused_is_no_field() {
    fn refused<K: crate::kind::Kind>() -> Vec<&'static str> {
        K::REFUSED.iter().map(|(member, _)| *member).collect()
    }
    for (kind, members) in [
        (KindId::Route, refused::<crate::route::Route>()),
        (KindId::Authorizer, refused::<crate::authorizer::Authorizer>()),
        (KindId::DomainName, refused::<crate::domain_name::DomainName>()),
    ] {
        let schema = kind.schema();
        let stated = schema.get("properties").and_then(Value::as_object).expect("a spec is a struct");
        assert!(!members.is_empty());
        for member in members.into_iter().filter(|member| !member.contains('.')) {
            assert!(!stated.contains_key(member), "{}: {member}", kind.table().kind);
        }
    }
}

#[test]
fn bad_values_are_refused_at_their_place() {
    let dns =
        |records: Value| serde_json::json!({ "namespaceId": "ns-1", "dnsConfig": { "dnsRecords": records } });
    let table: Vec<(KindId, Value, &str, &str)> = vec![
        (
            KindId::DiscoveryService,
            dns(serde_json::json!([{ "type": "SRV", "ttl": -1 }])),
            "spec.dnsConfig.dnsRecords[0].ttl",
            "expected 0 to 2147483647",
        ),
        (
            KindId::DiscoveryService,
            dns(serde_json::json!([{ "type": "SRV", "ttl": "60" }])),
            "spec.dnsConfig.dnsRecords[0].ttl",
            "expected a whole number",
        ),
        (
            KindId::DiscoveryService,
            dns(serde_json::json!([{ "type": "SVR", "ttl": 60 }])),
            "spec.dnsConfig.dnsRecords[0].type",
            "SRV",
        ),
        (KindId::VpcLink, serde_json::json!({}), "spec.subnetIds", "missing"),
        (
            KindId::Route,
            serde_json::json!({ "routeKey": "GET pets", "apiRef": "a", "integrationRef": "i" }),
            "spec.routeKey",
            "METHOD /path",
        ),
        (
            KindId::Route,
            serde_json::json!({ "routeKey": "$default", "apiId": "a", "integrationRef": "i" }),
            "spec.apiId",
            "expected `apiRef`",
        ),
        (
            KindId::EcsService,
            serde_json::json!({ "taskDefinition": "a", "launchType": "FARGAT" }),
            "spec.launchType",
            "FARGATE",
        ),
        (
            KindId::EcsService,
            serde_json::json!({ "taskDefinition": "a", "serviceRegistries": [{ "discoveryServiceRef": "d", "registryArn": "arn" }] }),
            "spec.serviceRegistries[0].discoveryServiceRef",
            "expected one of them",
        ),
        (
            KindId::Stage,
            serde_json::json!({ "apiRef": "a", "deploymentId": "d1" }),
            "spec.deploymentId",
            "the controller makes the deployments",
        ),
        (
            KindId::Stage,
            serde_json::json!({ "apiRef": "a", "routeSettings": { "GET /a.b": { "loggingLevel": "INFO" } } }),
            "spec.routeSettings.GET /a.b.loggingLevel",
            "accessLogSettings",
        ),
        (
            KindId::Stage,
            serde_json::json!({ "apiRef": "a", "accessLogSettings": { "destinationArn": "arn", "format": "x" } }),
            "spec.accessLogSettings.format",
            "$context.requestId",
        ),
        (
            KindId::Stage,
            serde_json::json!({ "apiRef": "a", "stageVariables": { "a": "b c" } }),
            "spec.stageVariables.a",
            "expected at most 512",
        ),
        (
            KindId::HttpApi,
            serde_json::json!({ "target": "https://example.com" }),
            "spec.target",
            "write an Integration document",
        ),
        (
            KindId::HttpApi,
            serde_json::json!({ "routeSelectionExpression": "$request.body.action" }),
            "spec.routeSelectionExpression",
            "$request.method $request.path",
        ),
        (
            KindId::HttpApi,
            serde_json::json!({ "corsConfiguration": {} }),
            "spec.corsConfiguration",
            "neither CORS nor",
        ),
        (
            KindId::VpcLink,
            serde_json::json!({ "subnetIds": ["a"], "tags": {} }),
            "spec.tags",
            "metadata.labels",
        ),
        (
            KindId::Integration,
            serde_json::json!({ "apiRef": "a", "integrationType": "HTTP", "integrationUri": "https://a" }),
            "spec.integrationType",
            "HTTP_PROXY",
        ),
    ];
    for (kind, spec, path, says) in table {
        let found = kind.compile(&document(kind, spec.clone())).unwrap_err();
        let hit = found.iter().any(|diagnostic| diagnostic.path == path && diagnostic.message.contains(says));
        assert!(hit, "{spec}: expected `{says}` at {path}, got {found:#?}");
    }
}

#[test]
fn references_and_selectors_leave_the_members_to_be_filled() {
    let spec = serde_json::json!({
        "cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/main",
        "taskDefinition": "great-task:1",
        "networkConfiguration": { "awsvpcConfiguration": { "subnetSelector": { "tags": { "Tier": "private" } } } },
        "serviceRegistries": [{ "discoveryServiceRef": "d", "port": 80 }],
    });
    let desired = KindId::EcsService.compile(&document(KindId::EcsService, spec)).expect("good");
    assert_eq!(desired.members["cluster"], "main");
    assert_eq!(desired.members["serviceName"], "sample");
    assert_eq!(desired.references[0].path, "serviceRegistries[0].registryArn");
    assert_eq!(desired.references[0].target, Key::new("DiscoveryService", "d"));
    assert_eq!(desired.lookups[0].path, "networkConfiguration.awsvpcConfiguration.subnets");
    let members: Members = desired.members;
    assert!(members["serviceRegistries"][0].get("discoveryServiceRef").is_none());
}

#[test]
fn retain_on_what_takes_no_tags_is_refused() {
    let mut document = document(KindId::Integration, serde_json::json!({}));
    document.spec =
        serde_json::json!({ "apiRef": "a", "integrationType": "AWS_PROXY", "integrationUri": "arn:aws:lambda:us-east-1:1:function:f" })
            .as_object()
            .cloned()
            .unwrap_or_default();
    document.policy.deletion = hatoba_core::Deletion::Retain;
    let found = KindId::Integration.compile(&document).unwrap_err();
    assert_eq!(found[0].path, "policy.deletion");
}

/// Clients that go nowhere: for what drivers make of answers.
pub(crate) fn aws() -> crate::Aws {
    struct Open;
    impl crate::Gate for Open {
        fn admit<'a>(
            &'a self,
            _: &'a crate::Operation,
        ) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
            Box::pin(async {})
        }
        fn record(&self, _: &crate::Operation, _: Result<(), &crate::CallError>) {}
    }
    let config = aws_types::SdkConfig::builder()
        .behavior_version(aws_smithy_runtime_api::client::behavior_version::BehaviorVersion::latest())
        .region(aws_types::region::Region::new("us-east-1"))
        .build();
    let aws = crate::Aws::new(&config, std::sync::Arc::new(Open));
    aws.pin_account("123456789012");
    aws
}

#[test]
fn arns_are_those_of_the_partition() {
    let aws = aws();
    assert_eq!(aws.gateway_arn("/apis/a"), "arn:aws:apigateway:us-east-1::/apis/a");
    assert_eq!(aws.arn("ecs", "cluster/c"), "arn:aws:ecs:us-east-1:123456789012:cluster/c");
}

#[test]
fn the_one_route_selection_may_be_said() {
    for said in ["$request.method $request.path", "${request.method} ${request.path}"] {
        let spec = serde_json::json!({ "routeSelectionExpression": said });
        let desired = KindId::HttpApi.compile(&document(KindId::HttpApi, spec)).expect("good");
        assert!(desired.members.get("routeSelectionExpression").is_none(), "a constant is never compared");
    }
}

#[test]
fn only_what_has_deployments_keeps_some() {
    for (kind, kept, is_good) in [
        (KindId::Stage, 1, true),
        (KindId::Stage, 100, true),
        (KindId::Stage, 0, false),
        (KindId::Stage, 101, false),
        (KindId::HttpApi, 3, false),
    ] {
        let mut document = document(kind, serde_json::json!({}));
        if kind == KindId::Stage {
            document.spec.insert("apiRef".to_owned(), "a".into());
        }
        document.policy.keep_deployments = Some(kept);
        let found = kind.compile(&document).err().unwrap_or_default();
        let paths: Vec<&str> = found.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(paths.is_empty(), is_good, "{kind:?} {kept}: {paths:?}");
        assert!(is_good || paths == ["policy.keepDeployments"], "{paths:?}");
    }
}
