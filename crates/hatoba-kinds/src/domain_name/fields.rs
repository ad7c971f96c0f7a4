use hatoba_core::{Field, KindTable, Literal, MarkStyle, ReplaceStyle, Shape};
use serde_json::{Map, Value};

pub(super) static TABLE: KindTable = KindTable {
    kind: "DomainName",
    fields: &[
        Field::new("domainName").immutable(),
        Field::new("domainNameConfigurations").shape(Shape::By(same_configuration)),
        Field::new("mutualTlsAuthentication").shape(Shape::By(same_truststore)),
        Field::new("routingMode").default(Literal::Str("API_MAPPING_ONLY")),
    ],
    references: &[],
    selectors: &[],
    scope_member: None,
    parent: None,
    name_member: Some("domainName"),
    marks: MarkStyle::Tags,
    unique: true,
    replace: ReplaceStyle::DeleteFirst,
    follows: &[],
    drain: None,
};

/// What leaving a member of a configuration out means.
pub(super) const DEFAULTS: &[(&str, &str)] =
    &[("endpointType", "REGIONAL"), ("securityPolicy", "TLS_1_2"), ("ipAddressType", "ipv4")];

/// A domain name has one configuration, and AWS spells its defaults out.
fn same_configuration(wanted: &Value, have: &Value) -> bool {
    let plain = |configurations: &Value| -> Option<Map<String, Value>> {
        let mut members = configurations.as_array()?.first()?.as_object()?.clone();
        members.retain(|name, value| {
            let is_default = |(member, default): &(&str, &str)| name == member && value == default;
            !value.is_null() && value != "" && !DEFAULTS.iter().any(is_default)
        });
        Some(members)
    };
    plain(wanted) == plain(have)
}

/// A version that is not stated is whichever AWS shows.
fn same_truststore(wanted: &Value, have: &Value) -> bool {
    let same = |name: &str| wanted.get(name) == have.get(name);
    match (wanted.is_object(), have.is_object()) {
        (true, true) => same("truststoreUri") && (wanted.get("truststoreVersion").is_none() || same("truststoreVersion")),
        (wanted, have) => wanted == have,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_is_the_same_with_and_without_its_defaults() {
        let one = |more: Value| {
            let mut configuration = json!({ "certificateArn": "c" });
            for (name, value) in more.as_object().unwrap() {
                configuration[name] = value.clone();
            }
            json!([configuration])
        };
        let plain = one(json!({}));
        let spelt = one(json!({ "endpointType": "REGIONAL", "securityPolicy": "TLS_1_2", "ipAddressType": "ipv4" }));
        assert!(same_configuration(&plain, &spelt));
        assert!(same_configuration(&plain, &one(json!({ "ownershipVerificationCertificateArn": "" }))));
        assert!(!same_configuration(&plain, &one(json!({ "ipAddressType": "dualstack" }))));
        assert!(!same_configuration(&plain, &json!([{ "certificateArn": "d" }])));
        assert!(!same_configuration(&plain, &Value::Null));
    }

    #[test]
    fn a_truststore_without_a_version_is_any_version_of_it() {
        let store = |version: &str| json!({ "truststoreUri": "s3://a/b", "truststoreVersion": version });
        assert!(same_truststore(&json!({ "truststoreUri": "s3://a/b" }), &store("1")));
        assert!(!same_truststore(&store("2"), &store("1")));
        assert!(!same_truststore(&json!({ "truststoreUri": "s3://a/c" }), &store("1")));
        assert!(!same_truststore(&Value::Null, &store("1")));
        assert!(same_truststore(&Value::Null, &Value::Null));
    }
}
