//! The documents: stacks of a service behind an API with many routes. With each tide some go and as many others come.

use std::fmt::Write as _;

/// Documents of a stack beside its routes.
const AROUND: usize = 6;
/// Documents that all stacks share, and one that wanders among them.
const SHARED: usize = 3;
/// Documents that are held.
pub(crate) const HELD: usize = 2;

/// How many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fleet {
    pub(crate) stacks: usize,
    /// Of each stack.
    pub(crate) routes: usize,
    /// Of them, so many are of this tide alone.
    pub(crate) new_routes: usize,
}

impl Fleet {
    /// As many stacks as come to so many documents: of a hundred each, or smaller ones where there are few.
    pub(crate) fn of(documents: usize) -> Fleet {
        let routes = if documents < 1_000 { 19 } else { 94 };
        Fleet { stacks: documents.div_ceil(AROUND + routes).max(2), routes, new_routes: 10 }
    }

    /// Documents that are worked on at any time.
    pub(crate) fn documents(self) -> usize {
        SHARED + self.stacks * (AROUND + self.routes)
    }

    /// Documents that go with each tide, as others come.
    pub(crate) fn turnover(self) -> usize {
        let stack = AROUND + self.routes;
        stack + (self.stacks - 1) * self.new_routes + 1
    }

    /// What there is during a tide: files and contents. All tides are of one size.
    pub(crate) fn files(self, tide: usize) -> Vec<(String, String)> {
        let mut files = vec![("shared.yaml".to_owned(), shared(tide)), ("odd.yaml".to_owned(), odd(tide))];
        files.extend((0..self.stacks).map(|stack| self.stack(stack, tide)));
        files
    }

    /// The name of a stack: the first is another one in each tide.
    pub(crate) fn name(self, stack: usize, tide: usize) -> String {
        if stack == 0 { format!("guest-{tide:04}") } else { format!("stack-{stack:04}") }
    }

    fn stack(self, stack: usize, tide: usize) -> (String, String) {
        let name = self.name(stack, tide);
        let mut file = String::new();
        say(
            &mut file,
            "DiscoveryService",
            &name,
            "{ namespaceRef: shared, dnsConfig: { routingPolicy: MULTIVALUE, dnsRecords: [{ type: SRV, ttl: 60 }] }, \
             healthCheckCustomConfig: { failureThreshold: 1 } }",
        );
        // Rolled out anew with each tide, by turns: ten revisions are kept.
        let image = if stack < 2 { tide % 2 } else { 0 };
        say(
            &mut file,
            "EcsTaskDefinition",
            &name,
            &format!(
                "{{ family: {name}, networkMode: awsvpc, requiresCompatibilities: [FARGATE], cpu: 256, memory: 512, \
                 containerDefinitions: [{{ name: web, image: \"web:{image:04}\", portMappings: [{{ containerPort: 80 }}] }}] }}"
            ),
        );
        say(
            &mut file,
            "EcsService",
            &name,
            &format!(
                "{{ cluster: main, taskDefinitionRef: {name}, desiredCount: 1, launchType: FARGATE, \
                 networkConfiguration: {{ awsvpcConfiguration: {{ subnetSelector: {{ tags: {{ Tier: private }} }}, \
                 securityGroupSelector: {{ tags: {{ Name: great-sg }} }} }} }}, \
                 serviceRegistries: [{{ discoveryServiceRef: {name}, port: 80 }}] }}"
            ),
        );
        // Changed with each tide.
        say(&mut file, "HttpApi", &name, &format!("{{ description: \"tide {tide:04}\" }}"));
        say(
            &mut file,
            "Integration",
            &name,
            &format!(
                "{{ apiRef: {name}, integrationType: HTTP_PROXY, integrationMethod: ANY, connectionType: VPC_LINK, \
                 vpcLinkRef: shared, discoveryServiceRef: {name} }}"
            ),
        );
        say(&mut file, "Stage", &name, &format!("{{ apiRef: {name}, stageName: $default }}"));
        for route in 0..self.routes {
            let tide = if route < self.new_routes { tide } else { 0 };
            say(
                &mut file,
                "Route",
                &format!("{name}.r{route:03}-{tide:04}"),
                &format!(
                    "{{ apiRef: {name}, routeKey: GET /r{route:03}/{tide:04}, integrationRef: {name} }}"
                ),
            );
        }
        (format!("{name}.yaml"), file)
    }
}

fn say(text: &mut String, kind: &str, name: &str, spec: &str) {
    let _ = write!(
        text,
        "---\napiVersion: hatoba/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec: {spec}\n"
    );
}

/// What all stacks share, and an integration that moves to another API and back with every tide.
fn shared(tide: usize) -> String {
    let mut file = String::new();
    say(
        &mut file,
        "PrivateDnsNamespace",
        "shared",
        "{ name: private.example.com, vpcSelector: { tags: { Name: awesome-vpc } } }",
    );
    say(
        &mut file,
        "VpcLink",
        "shared",
        "{ subnetSelector: { tags: { Tier: private } }, securityGroupSelector: { tags: { Name: great-sg } } }",
    );
    let at = if tide.is_multiple_of(2) { format!("guest-{tide:04}") } else { "stack-0001".to_owned() };
    say(
        &mut file,
        "Integration",
        "wanders",
        &format!(
            "{{ apiRef: {at}, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://example.com\" }}"
        ),
    );
    file
}

/// Documents that are held: of a kind that nobody knows, another one every time, and one that says too little.
fn odd(tide: usize) -> String {
    let mut file = String::new();
    say(&mut file, &format!("Ship{tide:04}"), &format!("ship-{tide:04}"), "{ sails: 3 }");
    say(&mut file, "Authorizer", &format!("lost-{tide:04}"), &format!("{{ apiRef: none-{tide:04} }}"));
    file
}
