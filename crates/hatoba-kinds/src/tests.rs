//! What holds for every kind.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Document, Key, Literal, Members, Omitted, Places, Policy, SelectorField, path};
use serde_json::Value;

use crate::{KindId, Schema, explain};

fn document(kind: KindId, spec: Value) -> Document {
    let key = Key::new(kind.table().kind, "sample");
    let spec = spec.as_object().cloned().unwrap_or_default();
    Document::new(key, BTreeMap::new(), spec, Policy::default(), Places::new("a.yaml"))
}

/// Everything that a spec can say, down to each leaf, is compared, or names another document, or looks something up.
#[test]
fn no_member_of_a_spec_is_forgotten_by_its_table() {
    let mut forgotten = Vec::new();
    for kind in KindId::ALL {
        let table = kind.table();
        let fields = table.fields.iter().map(|field| field.path).chain(table.scope_member);
        let references = table.references.iter().map(|field| field.path);
        let selectors = table.selectors.iter().map(|field| field.path);
        let mut covered: BTreeSet<String> =
            fields.chain(references).chain(selectors).map(|path| path.replace("[]", "")).collect();
        // Where the selectors beside it look: no member of AWS's.
        covered.extend(table.selectors.iter().filter(|field| field.narrows).map(SelectorField::fills));
        let schema = Schema::of(*kind);
        let mut waiting = vec![(String::new(), schema.root())];
        while let Some((at, here)) = waiting.pop() {
            match schema.members(here) {
                _ if covered.contains(&at) => {}
                Some(members) => {
                    waiting.extend(members.iter().map(|(name, inner)| (path::join(&at, name), inner)))
                }
                None => forgotten.push(format!("{}: {at}", table.kind)),
            }
        }
    }
    assert_eq!(forgotten, [""; 0], "can be written and is compared with nothing");
}

#[test]
fn tables_are_consistent() {
    for kind in KindId::ALL {
        let table = kind.table();
        assert_eq!(KindId::of(table.kind), Some(*kind));
        for field in table.fields {
            let untouched = matches!(field.omitted, Omitted::Untouched(_));
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
            serde_json::json!({ "apiRef": "a", "defaultRouteSettings": { "throttlingBurstLimit": -1 } }),
            "spec.defaultRouteSettings.throttlingBurstLimit",
            "expected 0 or more, got -1",
        ),
        (
            KindId::Stage,
            serde_json::json!({ "apiRef": "a", "routeSettings": { "GET /a": { "throttlingRateLimit": -0.5 } } }),
            "spec.routeSettings.GET /a.throttlingRateLimit",
            "expected 0 or more, got -0.5",
        ),
        (
            KindId::VpcLink,
            serde_json::json!({ "subnetIds": ["subnet-1", "private"], "securityGroupIds": ["sg-1"] }),
            "spec.subnetIds[1]",
            "expected an id `subnet-…`, got `private`",
        ),
        (
            KindId::VpcLink,
            serde_json::json!({ "subnetIds": ["subnet-1"], "securityGroupIds": ["default"] }),
            "spec.securityGroupIds[0]",
            "expected an id `sg-…`, got `default`",
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
        assert!(found.iter().all(|diagnostic| diagnostic.hint.is_some()), "what to do is said: {found:#?}");
    }
}

#[test]
fn everything_that_does_not_fit_is_told_at_once() {
    let spec = serde_json::json!({
        "subnetIDs": ["subnet-1"], "securityGroupIds": "sg-1", "colour": "red", "subnetSelector": { "tags": 1 },
    });
    let found = KindId::VpcLink.compile(&document(KindId::VpcLink, spec)).unwrap_err();
    let paths: BTreeSet<&str> = found.iter().map(|found| found.path.as_str()).collect();
    let all = ["spec.colour", "spec.securityGroupIds", "spec.subnetIDs", "spec.subnetSelector.tags"];
    assert_eq!(paths, BTreeSet::from(all));
}

#[test]
fn only_a_number_has_a_range() {
    for (kind, field, is_good) in [
        (KindId::EcsService, "desiredCount", true),
        (KindId::EcsService, "launchType", false),
        (KindId::EcsService, "networkConfiguration", false),
        (KindId::Stage, "defaultRouteSettings.throttlingRateLimit", true),
    ] {
        let mut document = document(kind, serde_json::json!({}));
        for (member, value) in [("apiRef", "a"), ("taskDefinition", "a")] {
            if kind.schema().get("properties").is_some_and(|properties| properties.get(member).is_some()) {
                document.spec.insert(member.to_owned(), value.into());
            }
        }
        let range = hatoba_core::FieldMode::Range { range: (1.0, 5.0) };
        document.policy.fields.insert(field.to_owned(), range);
        let found = kind.compile(&document).err().unwrap_or_default();
        let path = format!("policy.fields.{field}");
        assert_eq!(found.iter().all(|found| found.path != path), is_good, "{kind:?} {field}: {found:?}");
    }
}

/// What AWS settles itself stays as AWS has it, whether the document says `null` or nothing, and nothing is sent for it.
#[test]
fn null_is_the_same_as_leaving_out_what_is_left_to_aws() {
    let mut seen = 0;
    for kind in [KindId::EcsService, KindId::EcsCluster] {
        let is_left = |field: &&hatoba_core::Field| {
            matches!(field.omitted, Omitted::Untouched(hatoba_core::NullIs::LeftOut))
                && field.path != "taskDefinition" // without one there is no service
        };
        for field in kind.table().fields.iter().filter(is_left) {
            let mut spec = Value::Object(Members::new());
            if kind == KindId::EcsService {
                spec["taskDefinition"] = "a".into();
            }
            // A network has subnets: it is nulled as a whole.
            let at = if field.path.starts_with("networkC") { "networkConfiguration" } else { field.path };
            path::set(&mut spec, at, Value::Null);
            let compiled = kind.compile(&document(kind, spec));
            let desired = compiled.unwrap_or_else(|found| panic!("{}: {found:?}", field.path));
            let mut have = Value::Object(Members::new());
            path::set(&mut have, field.path, serde_json::json!([{ "something": "of AWS's" }]));
            let have = have.as_object().cloned().unwrap_or_default();
            let resolved = hatoba_core::Resolved {
                members: desired.members.clone(),
                pins: BTreeMap::new(),
                scope: String::new(),
            };
            let drift = hatoba_core::diff(&desired, &resolved, &have).drift;
            let touched = drift.iter().find(|drift| drift.path == field.path);
            assert_eq!(touched, None, "{}", field.path);
            let sent = hatoba_core::at_creation(&desired, &resolved);
            let sent = path::get_member(&sent, field.path).cloned();
            assert_eq!(sent, field.at_create.map(hatoba_core::Literal::value), "{}", field.path);
            seen += 1;
        }
    }
    assert_eq!(seen, 10);
}

/// It would be created with one number, and pulled to another at once.
#[test]
fn a_stated_number_lies_in_its_own_range() {
    for (count, expected) in [
        (serde_json::json!(2), None),
        (serde_json::json!(20), None),
        (Value::Null, None),
        (serde_json::json!(1), Some("expected 2 to 20, as `policy.fields.desiredCount.range` says, got 1")),
        (serde_json::json!(21), Some("expected 2 to 20, as `policy.fields.desiredCount.range` says, got 21")),
    ] {
        let spec = serde_json::json!({ "taskDefinition": "a", "desiredCount": count });
        let mut document = document(KindId::EcsService, spec);
        let range = hatoba_core::FieldMode::Range { range: (2.0, 20.0) };
        document.policy.fields.insert("desiredCount".to_owned(), range);
        let found = KindId::EcsService.compile(&document).err().unwrap_or_default();
        assert_eq!(found.first().map(|found| found.message.as_str()), expected, "{count}");
        for found in found {
            assert_eq!((found.path.as_str(), found.hint.is_some()), ("spec.desiredCount", true));
        }
        document.spec.remove("desiredCount");
        assert!(KindId::EcsService.compile(&document).is_ok(), "left out, the range alone is asked for");
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
fn selectors_look_in_the_vpc_beside_them_and_aws_never_sees_it() {
    let tags = |name: &str| serde_json::json!({ "tags": { "Name": name } });
    let of = |spec: serde_json::Value| KindId::VpcLink.compile(&document(KindId::VpcLink, spec));
    let (subnets, vpc) = (tags("private"), tags("awesome-vpc"));
    let id = of(serde_json::json!({ "subnetSelector": subnets, "vpcId": "vpc-1" })).expect("good");
    assert_eq!((id.lookups[0].lookup.vpc.as_deref(), &id.lookups[0].within), (Some("vpc-1"), &None));
    assert_eq!(id.members.get("vpcId"), None);
    let tagged = of(serde_json::json!({ "subnetSelector": subnets, "vpcSelector": vpc })).expect("good");
    assert_eq!(tagged.lookups.len(), 1);
    assert_eq!(tagged.lookups[0].within.as_ref().map(|vpc| vpc.resource.as_str()), Some("vpc"));
    assert_eq!(tagged.members.keys().collect::<Vec<_>>(), ["name"]);
    for spec in [
        serde_json::json!({ "subnetSelector": subnets, "vpcId": "vpc-1", "vpcSelector": vpc }),
        serde_json::json!({ "subnetIds": ["subnet-1"], "vpcId": "vpc-1" }),
    ] {
        let found = of(spec).unwrap_err();
        assert!(found[0].message.contains("VPC") || found[0].message.contains("vpcId"), "{found:?}");
    }
}

#[test]
fn retain_on_what_takes_no_tags_is_refused() {
    let mut document = document(KindId::Integration, serde_json::json!({}));
    document.spec =
        serde_json::json!({ "apiRef": "a", "integrationType": "AWS_PROXY", "integrationUri": "arn:aws:lambda:us-east-1:1:function:f" })
            .as_object()
            .cloned()
            .unwrap_or_default();
    document.policy.deletion = Some(hatoba_core::Deletion::Retain);
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
        fn leaves(&self, _: &crate::Signed<'_>) -> Result<(), hatoba_core::Cause> {
            Ok(())
        }
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

#[test]
fn a_probe_belongs_where_requests_enter() {
    for kind in KindId::ALL {
        let mut document = document(*kind, serde_json::json!({ "domainName": "example.com" }));
        document.policy.probe = serde_json::from_value(serde_json::json!({ "path": "/health" })).ok();
        assert!(document.policy.probe.is_some());
        let is_entry = kind.hop().is_some_and(|hop| hop.is_entry);
        if *kind != KindId::DomainName {
            document.spec.clear();
        }
        let found = kind.compile(&document).err().unwrap_or_default();
        let is_refused = found.iter().any(|found| found.path == "policy.probe");
        assert_eq!(is_refused, !is_entry, "{}: {found:?}", kind.table().kind);
        let told = explain(kind.table().kind).unwrap().contains("policy.probe");
        assert_eq!(told, is_entry, "{}", kind.table().kind);
    }
    assert!(explain("HttpService").unwrap().contains("policy.probe"));
}
