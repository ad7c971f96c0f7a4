//! What the article's chain presupposes: network, cluster, task definitions.

use crate::config::Config;
use crate::ec2::Zone;
use crate::route::{Input, Protocol, Routed};
use crate::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl World {
    /// An account with the prerequisites of the reference chain, and a second network to be told apart from them:
    ///
    /// * a VPC tagged `Name=awesome-vpc` with two subnets tagged `Tier=private` in different zones and one tagged
    ///   `Tier=public`, and a security group tagged `Name=great-sg`;
    /// * another VPC tagged `Name=other-vpc` with a subnet of its own, tagged `Name=other-a`;
    /// * an ECS cluster `main`;
    /// * the task definitions `great-task:1` and `great-task:2`: Fargate, awsvpc, container `web` on port 80.
    #[must_use]
    pub fn with_article_prerequisites(config: Config) -> Self {
        let mut world = Self::new(config);
        world.add_networks();
        world.set_up("CreateCluster", &json!({"clusterName": "main"}));
        for image in ["nginx:1.26", "nginx:1.27"] {
            let definition = json!({
                "family": "great-task", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
                "cpu": "256", "memory": "512",
                "containerDefinitions": [{"name": "web", "image": image, "portMappings": [{"containerPort": 80}]}],
            });
            world.set_up("RegisterTaskDefinition", &definition);
        }
        world
    }

    fn add_networks(&mut self) {
        let tags = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let region = self.config.region.clone();
        let zone = |letter: char, number: u8| Zone {
            name: format!("{region}{letter}"),
            id: format!("use1-az{number}"),
        };
        let account = self.config.account.clone();
        let ec2 = &mut self.ec2;
        let (vpc, other) = ("vpc-0a1b2c3d4e5f60718", "vpc-0f9e8d7c6b5a49382");
        ec2.add_vpc(&account, vpc, "10.0.0.0/16", tags(&[("Name", "awesome-vpc")]));
        ec2.add_vpc(&account, other, "10.1.0.0/16", tags(&[("Name", "other-vpc")]));
        let private = |name: &str| tags(&[("Name", name), ("Tier", "private")]);
        ec2.add_subnet("subnet-0aa11bb22cc33dd44", vpc, &zone('a', 1), "10.0.0.0/24", private("private-a"));
        ec2.add_subnet("subnet-0bb22cc33dd44ee55", vpc, &zone('b', 2), "10.0.1.0/24", private("private-b"));
        let public = tags(&[("Name", "public-a"), ("Tier", "public")]);
        ec2.add_subnet("subnet-0cc33dd44ee55ff66", vpc, &zone('a', 1), "10.0.2.0/24", public);
        ec2.add_subnet(
            "subnet-0dd44ee55ff660077",
            other,
            &zone('a', 1),
            "10.1.0.0/24",
            tags(&[("Name", "other-a")]),
        );
        ec2.add_security_group("sg-0123456789abcdef0", vpc, "great-sg", tags(&[("Name", "great-sg")]));
        ec2.add_security_group("sg-0fedcba9876543210", other, "default", tags(&[]));
    }

    /// Carries out an ECS call before the world's time begins: neither logged nor counted.
    fn set_up(&mut self, operation: &str, input: &Value) {
        let routed = Routed {
            service: "ecs",
            protocol: Protocol::Json,
            operation: operation.to_owned(),
            input: Input::Json(input.as_object().cloned().unwrap_or_default()),
        };
        // A refusal would show in the first test that looks for what is missing.
        let _ = self.carry_out(routed, None);
    }
}
