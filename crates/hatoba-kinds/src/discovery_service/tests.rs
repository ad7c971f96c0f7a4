use serde_json::json;

use super::fields::TABLE;
use hatoba_core::{Mutability, Shape};

fn replaces(path: &str, from: serde_json::Value, to: serde_json::Value) -> bool {
    match TABLE.field(path).unwrap().mutability {
        Mutability::Immutable => true,
        Mutability::ImmutableIf(is_replacement) => is_replacement(&from, &to),
        Mutability::InPlace | Mutability::ClearedBy(_) | Mutability::Deployed => false,
    }
}

#[test]
fn a_ttl_changes_in_place_and_a_record_type_does_not() {
    let records = |kind: &str, ttl: i32| json!([{ "type": kind, "ttl": ttl }]);
    assert!(!replaces("dnsConfig.dnsRecords", records("SRV", 60), records("SRV", 10)));
    assert!(replaces("dnsConfig.dnsRecords", records("SRV", 60), records("A", 60)));
    assert!(replaces("dnsConfig.routingPolicy", json!("MULTIVALUE"), json!("WEIGHTED")));
    assert!(!replaces("description", json!("a"), json!("b")));
}

#[test]
fn a_health_check_is_the_same_with_and_without_what_aws_fills_in() {
    let Shape::By(same) = TABLE.field("healthCheckConfig").unwrap().shape else { panic!("not compared by meaning") };
    let full = json!({ "type": "HTTP", "resourcePath": "/", "failureThreshold": 1 });
    for (wanted, is_same) in [
        (json!({ "type": "HTTP" }), true),
        (json!({ "type": "HTTP", "resourcePath": "" }), true),
        (json!({ "type": "TCP" }), false),
        (json!({ "type": "HTTP", "failureThreshold": 2 }), false),
        (json!({ "type": "HTTP", "resourcePath": "/health" }), false),
        (json!(null), false),
    ] {
        assert_eq!(same(&wanted, &full), is_same, "{wanted}");
    }
}

#[test]
fn peers_27_only_whether_there_is_a_custom_check_counts() {
    let Shape::By(same) = TABLE.field("healthCheckCustomConfig").unwrap().shape else {
        panic!("not compared by meaning")
    };
    assert!(same(&json!({}), &json!({ "failureThreshold": 1 })));
    assert!(same(&json!(null), &json!(null)));
    assert!(!same(&json!(null), &json!({ "failureThreshold": 1 })));
}

#[test]
fn only_what_is_found_by_api_alone_is_fixed() {
    let is_fixed = TABLE.field("description").unwrap().fixed_in.unwrap();
    for (kind, fixed) in [("HTTP", true), ("DNS_HTTP", false), ("DNS", false)] {
        let observed = json!({ "type": kind }).as_object().cloned().unwrap();
        assert_eq!(is_fixed(&observed), fixed, "{kind}");
    }
}
