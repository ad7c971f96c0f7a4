//! What an emulator cannot do: the one list, each entry with a proof that it is still so.

use std::pin::Pin;

use hatoba_aws_model::Request;
use serde_json::{Value, json};

use crate::ministack;
use crate::port::{Emulator, Port};
use crate::stack::text;

pub(crate) type Proof = fn(&Port) -> Pin<Box<dyn Future<Output = bool> + '_>>;

/// A case that is skipped for one emulator.
pub(crate) struct Gap {
    pub(crate) emulator: Emulator,
    pub(crate) case: &'static str,
    /// As in `docs/src/emulator-gaps.md`.
    pub(crate) reason: &'static str,
    /// Whether the emulator still behaves so.
    pub(crate) holds: Proof,
}

const UPDATE_STAGE: &str = "`UpdateStage` answers 500";

const ONLY_WHAT_WAS_SENT: &str = "members of an ECS service that were never sent are absent";
const DEPLOYMENTS_STAND_STILL: &str = "`UpdateService` leaves the deployments as they were";

const GAPS: &[Gap] = &[
    Gap {
        emulator: Emulator::Moto,
        case: "drift of EcsService healthCheckGracePeriodSeconds",
        reason: ONLY_WHAT_WAS_SENT,
        holds: |port| Box::pin(defaults_are_absent(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of EcsService deploymentConfiguration.maximumPercent",
        reason: ONLY_WHAT_WAS_SENT,
        holds: |port| Box::pin(defaults_are_absent(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of EcsService deploymentConfiguration.minimumHealthyPercent",
        reason: ONLY_WHAT_WAS_SENT,
        holds: |port| Box::pin(defaults_are_absent(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of EcsService deploymentConfiguration.deploymentCircuitBreaker",
        reason: ONLY_WHAT_WAS_SENT,
        holds: |port| Box::pin(defaults_are_absent(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of EcsService deploymentConfiguration.alarms",
        reason: ONLY_WHAT_WAS_SENT,
        holds: |port| Box::pin(defaults_are_absent(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of EcsService deploymentConfiguration.strategy",
        reason: ONLY_WHAT_WAS_SENT,
        holds: |port| Box::pin(defaults_are_absent(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of EcsService deploymentConfiguration.bakeTimeInMinutes",
        reason: ONLY_WHAT_WAS_SENT,
        holds: |port| Box::pin(defaults_are_absent(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of EcsService deploymentConfiguration.lifecycleHooks",
        reason: ONLY_WHAT_WAS_SENT,
        holds: |port| Box::pin(defaults_are_absent(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of EcsService deploymentConfiguration.earlySuccessCriteria",
        reason: ONLY_WHAT_WAS_SENT,
        holds: |port| Box::pin(defaults_are_absent(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of EcsService serviceConnectConfiguration",
        reason: DEPLOYMENTS_STAND_STILL,
        holds: |port| Box::pin(deployments_stand_still(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of EcsService volumeConfigurations",
        reason: DEPLOYMENTS_STAND_STILL,
        holds: |port| Box::pin(deployments_stand_still(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of EcsService vpcLatticeConfigurations",
        reason: DEPLOYMENTS_STAND_STILL,
        holds: |port| Box::pin(deployments_stand_still(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of Stage description",
        reason: UPDATE_STAGE,
        holds: |port| Box::pin(update_stage_fails(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of Stage stageVariables",
        reason: UPDATE_STAGE,
        holds: |port| Box::pin(update_stage_fails(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of Stage autoDeploy",
        reason: UPDATE_STAGE,
        holds: |port| Box::pin(update_stage_fails(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of Stage accessLogSettings",
        reason: UPDATE_STAGE,
        holds: |port| Box::pin(update_stage_fails(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of Stage routeSettings",
        reason: UPDATE_STAGE,
        holds: |port| Box::pin(update_stage_fails(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of HttpApi ipAddressType",
        reason: "`IpAddressType` is not returned",
        holds: |port| Box::pin(no_address_type(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift of Integration responseParameters",
        reason: "a status code without parameters stays in `ResponseParameters`",
        holds: |port| Box::pin(empty_parameters_stay(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "drift at the gate",
        reason: "no `GetAuthorizers`, no `UpdateDomainName`, no `UpdateApiMapping`",
        holds: |port| Box::pin(no_list_of_authorizers(port)),
    },
    Gap {
        emulator: Emulator::Moto,
        case: "deletion of Authorizer",
        reason: "no `GetAuthorizers`, no `UpdateDomainName`, no `UpdateApiMapping`",
        holds: |port| Box::pin(no_list_of_authorizers(port)),
    },
];

async fn no_list_of_authorizers(port: &Port) -> bool {
    let list = format!("/v2/apis/{}/authorizers", text(&api(port, Value::Null).await["apiId"]));
    port.call(Request::rest("GET", &list, &Value::Null)).await.status == 500
}

/// The gaps of every emulator.
pub(crate) fn all() -> impl Iterator<Item = &'static Gap> {
    GAPS.iter().chain(ministack::GAPS)
}

/// Whether a case is skipped for an emulator.
pub(crate) fn has(emulator: Emulator, case: &str) -> bool {
    all().any(|gap| gap.emulator == emulator && gap.case == case)
}

pub(crate) async fn api(port: &Port, more: Value) -> Value {
    let mut body = json!({ "name": "proof", "protocolType": "HTTP" });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    port.meddle(&Request::rest("POST", "/v2/apis", &body)).await
}

async fn update_stage_fails(port: &Port) -> bool {
    let stages = format!("/v2/apis/{}/stages", text(&api(port, Value::Null).await["apiId"]));
    port.meddle(&Request::rest("POST", &stages, &json!({ "stageName": "$default", "autoDeploy": true })))
        .await;
    let update = Request::rest("PATCH", &format!("{stages}/%24default"), &json!({ "description": "new" }));
    port.call(update).await.status == 500
}

pub(crate) async fn no_address_type(port: &Port) -> bool {
    api(port, json!({ "ipAddressType": "dualstack" })).await["ipAddressType"].is_null()
}

async fn empty_parameters_stay(port: &Port) -> bool {
    let integrations = format!("/v2/apis/{}/integrations", text(&api(port, Value::Null).await["apiId"]));
    let body = json!({
        "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": "https://example.com",
        "payloadFormatVersion": "1.0", "responseParameters": { "500": { "overwrite:statuscode": "503" } },
    });
    let id = text(&port.meddle(&Request::rest("POST", &integrations, &body)).await["integrationId"]);
    let none = json!({ "integrationType": "HTTP_PROXY", "responseParameters": { "500": {} } });
    let update = Request::rest("PATCH", &format!("{integrations}/{id}"), &none);
    port.meddle(&update).await["responseParameters"] == json!({ "500": {} })
}

async fn proof_service(port: &Port, name: &str) -> Value {
    let service = json!({
        "cluster": "main", "serviceName": name, "taskDefinition": "great-task:1", "desiredCount": 0,
        "launchType": "EC2",
    });
    port.meddle(&Request::json("ecs", "CreateService", &service)).await["service"].clone()
}

async fn defaults_are_absent(port: &Port) -> bool {
    let service = proof_service(port, "proof-of-defaults").await;
    let is_absent = |member: &str| service.get(member).is_none_or(Value::is_null);
    is_absent("deploymentConfiguration") && is_absent("healthCheckGracePeriodSeconds")
}

async fn deployments_stand_still(port: &Port) -> bool {
    proof_service(port, "proof-of-deployments").await;
    let update = json!({
        "cluster": "main", "service": "proof-of-deployments",
        "serviceConnectConfiguration": { "enabled": true, "namespace": "stranger" },
    });
    let service = port.meddle(&Request::json("ecs", "UpdateService", &update)).await["service"].clone();
    service["deployments"][0].get("serviceConnectConfiguration").is_none_or(Value::is_null)
}

/// The book names every gap.
#[test]
fn the_book_names_every_gap() {
    let page = hatoba_tests::root().join("docs/src/emulator-gaps.md");
    let book = std::fs::read_to_string(&page).unwrap();
    for gap in all() {
        let is_named = |line: &str| {
            let columns: Vec<&str> = line.split('|').map(str::trim).collect();
            columns.get(1) == Some(&gap.emulator.to_string().as_str())
                && line.contains(gap.reason)
                && line.contains(&format!("`{}`", gap.case))
        };
        assert!(
            book.lines().any(is_named),
            "{}: no row for {}, `{}`, {}",
            page.display(),
            gap.emulator,
            gap.case,
            gap.reason
        );
    }
}
