use aws_sdk_apigatewayv2::types::Stage;
use hatoba_core::{Readiness, Seen};

use super::driver::{Seen as Listed, observe};
use crate::tests::aws;

#[test]
fn a_failed_deployment_shows_and_its_id_is_no_field() {
    let failed = "Deployment attempt failed: Unable to deploy API because no routes exist in this API";
    let stage = Stage::builder()
        .stage_name("$default")
        .auto_deploy(true)
        .deployment_id("d1")
        .last_deployment_status_message(failed)
        .build();
    let object = observe(&aws(), "api1", &stage, &Listed::default()).unwrap();
    assert!(matches!(object.readiness, Readiness::NotReady(cause) if cause.message == failed));
    assert!(object.members.get("deploymentId").is_none());
    assert!(object.members.get("autoDeploy").is_none(), "what leaving it out means is dropped");

    let deployed = Stage::builder().stage_name("a").last_deployment_status_message("Successfully deployed stage with deployment ID 'd'").build();
    assert_eq!(observe(&aws(), "api1", &deployed, &Listed::default()).unwrap().readiness, Readiness::Ready);
}

#[test]
fn an_answer_without_tags_says_nothing_about_the_mark() {
    let stage = |tags| Stage::builder().stage_name("a").set_tags(tags).build();
    assert!(matches!(observe(&aws(), "api1", &stage(None), &Listed::default()).unwrap().mark, Seen::Unknown(_)));
    assert_eq!(observe(&aws(), "api1", &stage(Some(Default::default())), &Listed::default()).unwrap().mark, Seen::Absent);
}
