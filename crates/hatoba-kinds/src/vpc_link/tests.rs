use aws_sdk_apigatewayv2::types::{VpcLink, VpcLinkStatus};
use hatoba_core::{Life, Readiness, Seen};

use super::driver::{observe, state};
use crate::tests::aws;

#[test]
fn every_state_has_a_meaning_and_an_unknown_one_is_no_reason_to_act() {
    let table = [
        (VpcLinkStatus::Available, Life::Live, None),
        (VpcLinkStatus::Pending, Life::Pending, Some("LinkPending")),
        (VpcLinkStatus::Inactive, Life::Live, Some("LinkInactive")),
        (VpcLinkStatus::Failed, Life::Failed, Some("LinkFailed")),
        (VpcLinkStatus::Deleting, Life::Leaving { holds_name: false }, Some("LinkDeleting")),
        (VpcLinkStatus::from("RESTING"), Life::Pending, Some("LinkStateUnknown")),
    ];
    for (status, life, reason) in table {
        let (is, readiness) = state(Some(&status), "subnet gone");
        assert_eq!(is, life, "{status:?}");
        match (readiness, reason) {
            (Readiness::Ready, None) => {}
            (Readiness::Settling(cause) | Readiness::NotReady(cause), Some(reason)) => {
                assert_eq!(cause.reason.as_str(), reason);
                assert!(cause.message.contains("subnet gone"), "what AWS says is passed on: {}", cause.message);
            }
            other => panic!("{status:?}: {other:?}"),
        }
    }
    assert_eq!(state(None, "").0, Life::Pending);
}

#[test]
fn subnets_are_a_set_and_tags_carry_the_mark() {
    let link = VpcLink::builder()
        .vpc_link_id("l1")
        .name("fine")
        .subnet_ids("subnet-b")
        .subnet_ids("subnet-a")
        .security_group_ids("sg-1")
        .vpc_link_status(VpcLinkStatus::Available)
        .tags("hatoba:owner", "local")
        .tags("hatoba:document", "VpcLink/fine")
        .build();
    let object = observe(&aws(), &link).unwrap();
    assert_eq!(object.members["subnetIds"], serde_json::json!(["subnet-a", "subnet-b"]));
    assert_eq!(object.arn.as_deref(), Some("arn:aws:apigateway:us-east-1::/vpclinks/l1"));
    assert!(matches!(object.mark, Seen::Present(mark) if mark.document.name == "fine"));
    assert!(observe(&aws(), &VpcLink::builder().build()).is_err(), "a link without an id is no answer");
}
