use super::*;

/// Action → the resources on which it is allowed.
fn allowed(policy: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let texts = |value: &Value| -> Vec<String> {
        match value {
            Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
            one => vec![one.as_str().unwrap().to_owned()],
        }
    };
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for statement in policy["Statement"].as_array().unwrap() {
        for action in texts(&statement["Action"]) {
            allowed.entry(action).or_default().extend(texts(&statement["Resource"]));
        }
    }
    allowed
}

fn desired(kind: KindId, text: &str) -> Desired {
    let spec: Members = serde_json::from_str(text).unwrap();
    let key = hatoba_core::Key::new(kind.table().kind, "x");
    let document =
        hatoba_core::Document::new(key, BTreeMap::new(), spec, Default::default(), Default::default());
    kind.compile(&document).unwrap()
}

#[test]
fn every_operation_has_an_action_and_the_table_knows_no_other() {
    let all = operations(&KindId::ALL.iter().copied().collect());
    for operation in &all {
        assert!(action_of(operation).is_ok(), "{operation} is missing in PATHS");
    }
    let called: BTreeSet<&str> =
        all.iter().filter(|call| call.service == "apigatewayv2").map(|call| call.name).collect();
    let known: BTreeSet<&str> = PATHS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(known, called);
}

/// All kinds' policy is the operations' actions and the table's, and nothing else.
#[test]
fn the_policy_of_all_kinds_is_what_can_be_called_and_what_that_depends_on() {
    let policy = iam_policy(&Needs::all_kinds());
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for operation in KindId::ALL.iter().flat_map(|kind| kind.operations()).chain(common_operations()) {
        let (action, resource) = action_of(operation).unwrap();
        expected.entry(action).or_default().insert(resource);
    }
    for row in DEPENDENT.iter().filter(|row| row.on != On::Objects) {
        for action in row.actions {
            expected.entry((*action).to_owned()).or_default();
        }
    }
    let allowed = allowed(&policy);
    assert_eq!(allowed.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (action, resources) in &expected {
        assert!(resources.is_subset(&allowed[action]), "{action}: {resources:?}");
    }
    assert!(allowed.keys().all(|action| !action.contains('*')), "{allowed:#?}");
    // IAM's limit for the inline policies of a role, blanks not counted.
    let characters = policy.to_string().len();
    assert!(characters < 8_000, "{characters} characters");
}

#[test]
fn documents_get_their_writes_all_reads_and_the_roles_that_they_name() {
    let definition = desired(
        KindId::EcsTaskDefinition,
        r#"{ "containerDefinitions": [{ "name": "web", "image": "i", "memory": 128 }],
             "taskRoleArn": "reader", "executionRoleArn": "arn:aws:iam::123456789012:role/pull" }"#,
    );
    let policy = iam_policy(&Needs::of([&definition]));
    let allowed = allowed(&policy);
    let roles = ["arn:aws:iam::*:role/reader", "arn:aws:iam::123456789012:role/pull"];
    assert_eq!(allowed["iam:PassRole"], roles.map(str::to_owned).into());
    let pass = policy["Statement"].as_array().unwrap().iter().find(|one| one["Sid"] == "PassRole").unwrap();
    assert_eq!(pass["Condition"]["StringEquals"]["iam:PassedToService"], json!([TASKS]));
    for there in ["ecs:RegisterTaskDefinition", "ecs:DescribeServices", "servicediscovery:ListServices"] {
        assert!(allowed.contains_key(there), "{there}");
    }
    for absent in ["ecs:CreateService", "apigateway:POST", "route53:CreateHostedZone", "s3:GetObject"] {
        assert!(!allowed.contains_key(absent), "{absent}");
    }
}

#[test]
fn without_a_role_nothing_is_passed_on_and_a_truststore_is_read() {
    let domain = desired(
        KindId::DomainName,
        r#"{ "domainName": "api.example.com",
             "domainNameConfigurations": [{ "certificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/x" }],
             "mutualTlsAuthentication": { "truststoreUri": "s3://trust/store.pem" } }"#,
    );
    let allowed = allowed(&iam_policy(&Needs::of([&domain])));
    assert_eq!(allowed["s3:GetObject"], BTreeSet::from(["arn:aws:s3:::trust/store.pem".to_owned()]));
    assert!(!allowed.contains_key("iam:PassRole"));
    assert_eq!(allowed["apigateway:DELETE"].len(), 2, "domain names, and tags: {allowed:#?}");
}
