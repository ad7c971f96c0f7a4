//! `hatoba iam-policy` is enough, and no more than enough: on an emulator that enforces IAM, the article's stack converges
//! under exactly that policy, and whichever action is taken out is reported as denied, by its name.
//!
//! The emulator has no VPC links, so the integration leads to an address.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use hatoba_kinds::is_denial;
use hatoba_tests::http;
use hatoba_tests::tools::{Environment, MODELS, installed, run};
use hatoba_tests::wait::until;
use serde_json::Value;

use crate::aws::{documents, put};
use crate::process::{Hatoba, LONG, status};

const MINISTACK: Environment = ("HATOBA_VENV_MINISTACK", "venv-ministack");

/// The article's prerequisites in a region, and a user with a policy: prints its access key and its secret.
const PREPARE: &str = "\
import boto3, sys
address, region, policy = sys.argv[1:]
root = lambda service: boto3.client(service, region_name=region, endpoint_url=address,
                                    aws_access_key_id='test', aws_secret_access_key='test')
tags = lambda kind, key, value: [{'ResourceType': kind, 'Tags': [{'Key': key, 'Value': value}]}]
ec2, ecs, iam = root('ec2'), root('ecs'), root('iam')
vpc = ec2.create_vpc(CidrBlock='10.0.0.0/16', TagSpecifications=tags('vpc', 'Name', 'awesome-vpc'))['Vpc']['VpcId']
ec2.create_subnet(VpcId=vpc, CidrBlock='10.0.0.0/24', TagSpecifications=tags('subnet', 'Tier', 'private'))
ec2.create_security_group(VpcId=vpc, GroupName='great-sg', Description='great',
                          TagSpecifications=tags('security-group', 'Name', 'great-sg'))
ecs.create_cluster(clusterName='main')
ecs.register_task_definition(family='great-task', networkMode='awsvpc', requiresCompatibilities=['FARGATE'], cpu='256',
                             memory='512', containerDefinitions=[{'name': 'web', 'image': 'nginx'}])
iam.create_user(UserName=region)
iam.put_user_policy(UserName=region, PolicyName='hatoba', PolicyDocument=open(policy).read())
key = iam.create_access_key(UserName=region)['AccessKey']
print(key['AccessKeyId'], key['SecretAccessKey'])
";

const INTEGRATION: &str = "\
apiVersion: hatoba/v1
kind: Integration
metadata: { name: to-great-service }
spec: { apiRef: crazy-api, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: 'https://great.example.com' }
";

/// What the article's way from nothing cannot do without: the action, its resource, the operation that is denied.
const NEEDED: [(&str, &str, &str); 14] = [
    ("apigateway:GET", "/apis", "GetApis"),
    ("apigateway:POST", "/apis", "CreateApi"),
    ("apigateway:POST", "/apis/*/integrations", "CreateIntegration"),
    ("apigateway:POST", "/apis/*/routes", "CreateRoute"),
    ("apigateway:POST", "/apis/*/stages", "CreateStage"),
    ("ec2:DescribeSecurityGroups", "*", "DescribeSecurityGroups"),
    ("ec2:DescribeSubnets", "*", "DescribeSubnets"),
    ("ec2:DescribeVpcs", "*", "DescribeVpcs"),
    ("ecs:CreateService", "*", "CreateService"),
    ("ecs:DescribeServices", "*", "DescribeServices"),
    ("servicediscovery:CreatePrivateDnsNamespace", "*", "CreatePrivateDnsNamespace"),
    ("servicediscovery:CreateService", "*", "CreateService"),
    ("servicediscovery:GetOperation", "*", "GetOperation"),
    ("servicediscovery:ListNamespaces", "*", "ListNamespaces"),
];

/// An emulator that ends with the test.
struct Ministack {
    process: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Drop for Ministack {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Ministack {
    async fn start(program: &Path) -> Ministack {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.env("AUTH", "true").env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap();
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let ministack = Ministack { process, address, folder };
        until("ministack answers", LONG, async || {
            http::get(address, "/_ministack/health").await.is_ok_and(|reply| reply.is_good())
        })
        .await;
        ministack
    }

    /// A region with what the article presupposes, and a user of this name with this policy: key and secret.
    fn user(&self, python: &Path, region: &str, policy: &Value) -> (String, String) {
        let file = self.folder.path().join(format!("{region}.json"));
        fs::write(&file, policy.to_string()).unwrap();
        let address = format!("http://{}", self.address);
        let printed = run(Command::new(python).args(["-c", PREPARE, &address, region]).arg(&file)).unwrap();
        let (key, secret) = printed.trim().split_once(' ').unwrap();
        (key.to_owned(), secret.to_owned())
    }
}

/// The policy but for one action on one resource; no statement names resources that another one needs.
fn without(policy: &Value, action: &str, resource: &str) -> Value {
    let mut policy = policy.clone();
    let mut taken = 0;
    for statement in policy["Statement"].as_array_mut().unwrap() {
        let actions = statement["Action"].as_array().unwrap().clone();
        if !actions.iter().any(|one| one == action) {
            continue;
        }
        match statement["Resource"].as_array().cloned() {
            Some(resources) => {
                let kept =
                    resources.iter().filter(|one| !one.as_str().unwrap().ends_with(&format!("::{resource}")));
                statement["Resource"] = kept.cloned().collect();
            }
            None => statement["Action"] = actions.into_iter().filter(|one| one != action).collect(),
        }
        taken += 1;
    }
    assert!(taken > 0, "{action} is not in the policy");
    policy
}

#[tokio::test]
async fn the_printed_policy_is_enough_and_each_action_of_it_is_missed_by_name() {
    let (Some(program), Some(python)) = (installed(MINISTACK, "ministack"), installed(MODELS, "python"))
    else {
        return;
    };
    let folder = documents();
    let article = fs::read_to_string(folder.path().join("api.yaml")).unwrap();
    let is_kept =
        |document: &&str| !document.contains("kind: VpcLink") && !document.contains("kind: Integration");
    let kept: Vec<&str> = article.split("\n---\n").filter(is_kept).chain([INTEGRATION]).collect();
    put(folder.path(), "api.yaml", &kept.join("\n---\n"));
    let source = folder.path().to_str().unwrap();
    let printed = Hatoba::run(&["iam-policy", source], None).await;
    let policy: Value = serde_json::from_str(&printed.stdout).unwrap();

    let ministack = Ministack::start(&program).await;
    let arguments = ["run", "--source", source, "--status-to", "none", "--listen", "127.0.0.1:0"];
    let reads = Hatoba::run(&["iam-policy", "--read-only"], None).await;
    let reads: Value = serde_json::from_str(&reads.stdout).unwrap();
    let (key, secret) = ministack.user(&python, "reader", &reads);
    let plan = ["plan", "--source", source, "--detailed-exitcode"];
    let planned = Hatoba::start_as(&plan, ministack.address, "reader", (&key, &secret)).ended().await;
    assert!(planned.code == Some(2) && planned.stdout.contains("7 to create"), "{planned:?}");

    let (key, secret) = ministack.user(&python, "all", &policy);
    let once = [&arguments[..], &["--once", "--timeout", "140s"]].concat();
    let ended = Hatoba::start_as(&once, ministack.address, "all", (&key, &secret)).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    let denied = NEEDED.iter().enumerate().map(|(index, (action, resource, operation))| {
        let region = format!("without-{index}");
        let (key, secret) = ministack.user(&python, &region, &without(&policy, action, resource));
        let daemon = Hatoba::start_as(&arguments, ministack.address, &region, (&key, &secret));
        async move {
            let page = daemon.page().await;
            let said = format!("{operation}: ");
            until(&format!("{action} on {resource} is missed by name"), LONG, async || {
                let shown = status(page).await;
                let documents = shown["documents"].as_object().cloned().unwrap_or_default();
                documents.values().any(|document| {
                    let synced = &document["synced"];
                    let message = synced["message"].as_str().unwrap_or_default();
                    let reason = synced["reason"].as_str().unwrap_or_default();
                    is_denial(reason) && message.contains(&said) && message.contains(*action)
                })
            })
            .await;
            daemon.terminate().await;
        }
    });
    // One after the other: each takes a second, and all at once would take the machine.
    for one in denied {
        one.await;
    }
}
