//! A whole company's worth of services: a hundred of them with twenty routes each.

use std::fmt::Write as _;
use std::time::Duration;

use hatoba_engine::Options;
use hatoba_tests::{Harbour, snapshot_of};

/// Services of the stack: an eighth of the company's, so that the usual test run stays short; `HATOBA_SERVICES=100`
/// is the whole.
fn services() -> usize {
    std::env::var("HATOBA_SERVICES").ok().and_then(|services| services.parse().ok()).unwrap_or(12)
}

/// Routes of each.
const ROUTES: usize = 20;

/// One file for what all share, and one for each service with an API of its own and all its routes.
fn stack() -> Vec<(String, String)> {
    let shared = "apiVersion: hatoba/v1\nkind: PrivateDnsNamespace\nmetadata: { name: shared }\n\
         spec: { name: private.example.com, vpcSelector: { tags: { Name: awesome-vpc } } }\n\
         ---\napiVersion: hatoba/v1\nkind: VpcLink\nmetadata: { name: shared }\n\
         spec: { subnetSelector: { tags: { Tier: private } }, securityGroupSelector: { tags: { Name: great-sg } } }\n";
    let mut files = vec![("shared.yaml".to_owned(), shared.to_owned())];
    for service in 0..services() {
        let mut text = String::new();
        let mut say = |kind: &str, name: &str, spec: &str| {
            let _ = write!(
                text,
                "---\napiVersion: hatoba/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec: {spec}\n"
            );
        };
        let name = format!("shop-{service}");
        say(
            "DiscoveryService",
            &name,
            "{ namespaceRef: shared, dnsConfig: { routingPolicy: MULTIVALUE, dnsRecords: [{ type: SRV, ttl: 60 }] }, \
             healthCheckCustomConfig: { failureThreshold: 1 } }",
        );
        say(
            "EcsService",
            &name,
            &format!(
                "{{ cluster: main, taskDefinition: great-task:1, desiredCount: 1, launchType: FARGATE, \
                 networkConfiguration: {{ awsvpcConfiguration: {{ subnetSelector: {{ tags: {{ Tier: private }} }} }} }}, \
                 serviceRegistries: [{{ discoveryServiceRef: {name}, port: 80 }}] }}"
            ),
        );
        say("HttpApi", &name, "{}");
        say(
            "Integration",
            &name,
            &format!(
                "{{ apiRef: {name}, integrationType: HTTP_PROXY, integrationMethod: ANY, connectionType: VPC_LINK, \
                 vpcLinkRef: shared, discoveryServiceRef: {name} }}"
            ),
        );
        for route in 0..ROUTES {
            say(
                "Route",
                &format!("{name}.r{route}"),
                &format!("{{ apiRef: {name}, routeKey: GET /r{route}, integrationRef: {name} }}"),
            );
        }
        say("Stage", &format!("{name}-default"), &format!("{{ apiRef: {name}, stageName: $default }}"));
        files.push((format!("{name}.yaml"), text));
    }
    files
}

#[tokio::test(start_paused = true)]
async fn many_services_with_twenty_routes_each_come_to_rest() {
    let mut harbour = Harbour::with(Options::default(), hatoba_aws_model::Config::default());
    harbour.start_from(snapshot_of(stack()));
    harbour.converge(Duration::from_secs(3_600)).await;
    let documents = 2 + services() * (5 + ROUTES);
    assert_eq!(harbour.writes().len(), documents, "one write for each document");
    assert_eq!(harbour.objects("apigatewayv2", "routes").len(), services() * ROUTES);
    harbour.wait(Duration::from_secs(600)).await;
    harbour.clear_calls();
    harbour.wait(Duration::from_secs(305)).await;
    assert_eq!(harbour.writes().len(), 0);
    // Lists: routes, integrations and stages of each API, services by tens, the rest once, tags read apart by and by.
    let calls = harbour.calls().len();
    assert!(calls <= services() * 3 + services() / 10 + 40, "{calls} calls for one look at everything");
}
