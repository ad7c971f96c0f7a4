use serde_json::json;

use super::fields::TABLE;
use hatoba_core::Mutability;

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
