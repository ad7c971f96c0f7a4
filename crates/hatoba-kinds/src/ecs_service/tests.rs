use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service, ServiceRegistry};
use hatoba_core::{Life, Readiness};

use super::driver::observe;

fn service(running: i32, wanted: i32, deployments: &[(&str, DeploymentRolloutState)]) -> Service {
    let deployment = |(status, state): &(&str, DeploymentRolloutState)| {
        Deployment::builder().status(*status).rollout_state(state.clone()).rollout_state_reason("said").build()
    };
    Service::builder()
        .service_name("web")
        .status("ACTIVE")
        .running_count(running)
        .desired_count(wanted)
        .set_deployments(Some(deployments.iter().map(deployment).collect()))
        .build()
}

#[test]
fn ready_is_one_completed_deployment_and_all_tasks() {
    use DeploymentRolloutState::{Completed, Failed, InProgress};
    let table: Vec<(Service, Option<&str>)> = vec![
        (service(1, 1, &[("PRIMARY", Completed)]), None),
        (service(0, 0, &[("PRIMARY", Completed)]), None),
        (service(0, 1, &[("PRIMARY", InProgress)]), Some("RolloutInProgress")),
        (service(1, 2, &[("PRIMARY", Completed)]), Some("TasksMissing")),
        (service(1, 1, &[("PRIMARY", Completed), ("ACTIVE", Completed)]), Some("RolloutInProgress")),
        (service(0, 1, &[("PRIMARY", Failed)]), Some("RolloutFailed")),
    ];
    for (service, reason) in table {
        match (observe("main", &service).unwrap().readiness, reason) {
            (Readiness::Ready, None) => {}
            (Readiness::Settling(cause) | Readiness::NotReady(cause), Some(reason)) => {
                assert_eq!(cause.reason.as_str(), reason, "{service:?}");
            }
            other => panic!("{service:?}: {other:?}"),
        }
    }
}

#[test]
fn a_draining_service_holds_its_name_and_registries_are_what_it_uses() {
    let draining = Service::builder().service_name("web").status("DRAINING").build();
    assert_eq!(observe("main", &draining).unwrap().life, Life::Leaving { holds_name: true });

    let registry = ServiceRegistry::builder().registry_arn("arn:srv").port(80).build();
    let service = Service::builder()
        .service_name("web")
        .status("ACTIVE")
        .task_definition("arn:aws:ecs:us-east-1:123456789012:task-definition/great-task:7")
        .service_registries(registry)
        .build();
    let object = observe("main", &service).unwrap();
    assert!(object.uses.contains("arn:srv"));
    assert_eq!(object.members["taskDefinition"], "great-task:7");
    assert_eq!(object.members["serviceRegistries"], serde_json::json!([{ "registryArn": "arn:srv", "port": 80 }]));
    assert!(object.members.get("enableExecuteCommand").is_none(), "AWS's default is dropped");
}
