use aws_sdk_apigatewayv2::types::{ConnectionType, Integration, IntegrationType};
use hatoba_core::Seen;

use super::driver::observe;

#[test]
fn the_mark_is_no_part_of_the_description_and_defaults_are_dropped() {
    let integration = Integration::builder()
        .integration_id("i1")
        .integration_type(IntegrationType::HttpProxy)
        .integration_method("ANY")
        .connection_type(ConnectionType::Internet)
        .integration_uri("arn:srv?stage=blue")
        .timeout_in_millis(30_000)
        .description("orders\n[hatoba local Integration/to-web 3]")
        .build();
    let object = observe("api1", &integration).unwrap();
    assert_eq!(object.members["description"], "orders");
    assert!(matches!(&object.mark, Seen::Present(mark) if mark.incarnation == 3 && mark.document.name == "to-web"));
    for default in ["connectionType", "timeoutInMillis"] {
        assert!(object.members.get(default).is_none(), "{default}");
    }
    assert!(object.uses.contains("arn:srv"), "filters behind the ARN are no part of what it uses");
    assert!(object.uses.contains("api1"));
}

#[test]
fn without_our_last_line_it_is_nobodys() {
    let integration = Integration::builder().integration_id("i1").description("by hand").build();
    assert_eq!(observe("api1", &integration).unwrap().mark, Seen::Absent);
}
