//! A family of task definitions: registered once for each meaning, found again, and registered anew when somebody
//! deregisters the one in use.

use hatoba_aws_model::Request;
use hatoba_tests::wait::holds_within;
use serde_json::json;

use crate::port::{LONG, Port};
use crate::stack::text;

fn shop(image: &str) -> String {
    format!(
        "\
apiVersion: hatoba/v1
kind: EcsTaskDefinition
metadata: {{ name: shop-web, labels: {{ team: web }} }}
spec:
  requiresCompatibilities: [FARGATE]
  networkMode: awsvpc
  cpu: 0.25 vCPU
  memory: 512
  containerDefinitions:
    - name: web
      image: {image}
      portMappings: [{{ containerPort: 80 }}]
      environment: [{{ name: B, value: two }}, {{ name: A, value: one }}]
      healthCheck: {{ command: [CMD, 'true'] }}
---
apiVersion: hatoba/v1
kind: EcsService
metadata: {{ name: shop }}
spec:
  cluster: main
  taskDefinitionRef: shop-web
  desiredCount: 1
  launchType: FARGATE
  networkConfiguration:
    awsvpcConfiguration:
      subnetSelector: {{ tags: {{ Tier: private }} }}
      securityGroupSelector: {{ tags: {{ Name: great-sg }} }}
"
    )
}

/// The ACTIVE revisions of the family, and what the service runs.
async fn stands(port: &Port) -> (Vec<String>, String) {
    let short = |arn: String| arn.rsplit('/').next().unwrap_or_default().to_owned();
    let listed = port.ask("ecs", "ListTaskDefinitions", &json!({ "familyPrefix": "shop-web" })).await;
    let arns = listed["taskDefinitionArns"].as_array().cloned().unwrap_or_default();
    let mut active = Vec::new();
    for arn in &arns {
        let shown = port.ask("ecs", "DescribeTaskDefinition", &json!({ "taskDefinition": arn })).await;
        if shown["taskDefinition"]["status"] == "ACTIVE" {
            active.push(short(text(arn)));
        }
    }
    active.sort();
    let services = json!({ "cluster": "main", "services": ["shop"] });
    let services = port.ask("ecs", "DescribeServices", &services).await;
    (active, short(text(&services["services"][0]["taskDefinition"])))
}

pub(crate) async fn of_a_family(mut port: Port) {
    let before = port.writes().len();
    port.start(&shop("nginx:1"));
    port.converge().await;
    assert_eq!(stands(&port).await, (vec!["shop-web:1".to_owned()], "shop-web:1".to_owned()));
    let mut made = port.writes().split_off(before);
    made.sort();
    assert_eq!(made, ["ecs.CreateService", "ecs.RegisterTaskDefinition"]);

    let before = port.writes().len();
    port.resyncs(3).await;
    port.stop().await;
    port.start(&shop("nginx:1"));
    port.converge().await;
    port.resyncs(2).await;
    assert_eq!(port.writes()[before..], [""; 0], "nothing is registered to see");

    port.accept(&shop("nginx:2"));
    let runs = async |name: &str| stands(&port).await.1 == name;
    assert!(holds_within(LONG, async || runs("shop-web:2").await).await, "{}", port.describe());
    port.converge().await;
    port.resyncs(2).await;
    assert_eq!(port.writes()[before..], ["ecs.RegisterTaskDefinition", "ecs.UpdateService"]);

    let gone = json!({ "taskDefinition": "shop-web:2" });
    port.meddle(&Request::json("ecs", "DeregisterTaskDefinition", &gone)).await;
    assert!(holds_within(LONG, async || runs("shop-web:3").await).await, "{}", port.describe());
    port.converge().await;
    assert_eq!(stands(&port).await.0, ["shop-web:1", "shop-web:3"]);
}
