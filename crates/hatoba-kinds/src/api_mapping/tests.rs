use aws_sdk_apigatewayv2::types::ApiMapping as SdkApiMapping;
use serde_json::json;

use super::ApiMapping;
use super::driver::{is_mapping_key, observe};
use crate::kind::Kind as _;
use crate::tests::aws;

#[test]
fn mapping_keys() {
    for good in ["", "orders", "orders/v1", "a$-_.+!*'()/b"] {
        assert!(is_mapping_key(good), "{good}");
    }
    for bad in ["/", "/orders", "orders/", "a//b", "a b", "ä", &"k".repeat(301)] {
        assert!(!is_mapping_key(bad), "{bad}");
    }
}

#[test]
fn no_key_is_the_empty_one_and_not_the_documents_name() {
    for mut members in [json!({}), json!({ "apiMappingKey": null }), json!({ "apiMappingKey": "" })] {
        let members = members.as_object_mut().unwrap();
        ApiMapping::adapt(members);
        assert_eq!(members["apiMappingKey"], "");
    }
}

#[test]
fn a_stage_is_used_by_its_arn_because_every_api_may_have_one_of_that_name() {
    let mapping = |key: Option<&str>| {
        SdkApiMapping::builder().api_mapping_id("m1").api_id("api1").stage("$default").set_api_mapping_key(key.map(Into::into)).build()
    };
    let object = observe(&aws(), "api.example.com", &mapping(Some(""))).unwrap();
    assert!(object.uses.contains("arn:aws:apigateway:us-east-1::/apis/api1/stages/$default"));
    assert!(object.uses.contains("api1") && !object.uses.contains("$default"));
    assert_eq!(object.members, observe(&aws(), "api.example.com", &mapping(None)).unwrap().members);
    assert_eq!(object.natural_key, "");
    assert!(observe(&aws(), "api.example.com", &SdkApiMapping::builder().build()).is_err());
}
