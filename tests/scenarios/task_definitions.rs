//! Task definitions: a family grows by one revision for each change of meaning, services move to it, and what is
//! used, or somebody else's, stays.

use std::collections::BTreeMap;
use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_core::{Key, Truth};
use hatoba_engine::Options;
use hatoba_tests::Harbour;
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const FIFTEEN_MINUTES: Duration = Duration::from_secs(900);
const HOUR: Duration = Duration::from_secs(3600);

fn definition(image: &str) -> String {
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
  taskRoleArn: shop-app
  volumes: [{{ name: scratch }}]
  containerDefinitions:
    - name: web
      image: {image}
      essential: true
      portMappings: [{{ containerPort: 80 }}]
      environment: [{{ name: B, value: two }}, {{ name: A, value: one }}]
      mountPoints: [{{ sourceVolume: scratch, containerPath: /tmp }}]
      healthCheck: {{ command: [CMD, 'true'] }}
      logConfiguration: {{ logDriver: awslogs }}
    - {{ name: side, image: 'side:1', essential: false, dependsOn: [{{ containerName: web, condition: HEALTHY }}] }}
"
    )
}

const SERVICE: &str = "\
apiVersion: hatoba/v1
kind: EcsService
metadata: { name: shop }
spec:
  cluster: main
  taskDefinitionRef: shop-web
  desiredCount: 2
  launchType: FARGATE
  networkConfiguration: { awsvpcConfiguration: { subnets: [subnet-0aa11bb22cc33dd44] } }
";

fn shop(image: &str) -> String {
    format!("{}---\n{SERVICE}", definition(image))
}

/// Revisions of the family by number, and their status.
fn revisions(harbour: &Harbour) -> BTreeMap<u64, String> {
    let all = harbour.objects("ecs", "taskDefinitions").into_values();
    let of_family = all.filter(|definition| definition["family"] == "shop-web");
    let shown = |d: Value| (d["revision"].as_u64().unwrap(), d["status"].as_str().unwrap().to_owned());
    of_family.map(shown).collect()
}

fn active(harbour: &Harbour) -> Vec<u64> {
    revisions(harbour)
        .into_iter()
        .filter(|(_, status)| status == "ACTIVE")
        .map(|(number, _)| number)
        .collect()
}

/// The revision that the service runs.
fn runs(harbour: &Harbour) -> String {
    let service = harbour.objects("ecs", "services")["main/shop"].clone();
    let arn = service["taskDefinition"].as_str().unwrap().to_owned();
    arn.rsplit('/').next().unwrap().to_owned()
}

fn ecs(operation: &str, body: &Value) -> Request {
    Request::json("ecs", operation, body)
}

/// The same with a circuit breaker.
fn guarded(image: &str, rollback: bool) -> String {
    let breaker = format!(
        "  desiredCount: 2\n  deploymentConfiguration: {{ deploymentCircuitBreaker: {{ enable: true, rollback: {rollback} }} }}\n"
    );
    shop(image).replace("  desiredCount: 2\n", &breaker)
}

fn pruning() -> Options {
    Options { owner_is_explicit: true, prune_grace: MINUTE, ..Options::default() }
}

/// Lets time pass while the source is read every quarter of a minute.
async fn watch(harbour: &Harbour, documents: &str, minutes: u32) {
    for _ in 0..minutes * 4 {
        harbour.wait(Duration::from_secs(15)).await;
        harbour.documents(documents);
    }
}

#[tokio::test(start_paused = true)]
async fn peers_40_one_revision_from_nothing_and_never_another() {
    let mut harbour = Harbour::converged(Options::default(), &shop("nginx:1")).await;
    assert_eq!((active(&harbour), runs(&harbour)), (vec![1], "shop-web:1".to_owned()));
    let definition = harbour.objects("ecs", "taskDefinitions")["shop-web:1"].clone();
    let tags: BTreeMap<&str, &str> = definition["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| (tag["key"].as_str().unwrap(), tag["value"].as_str().unwrap()))
        .collect();
    assert_eq!(tags["hatoba:document"], "EcsTaskDefinition/shop-web");
    assert_eq!(tags["hatoba:content"].len(), 16);
    let outputs = harbour.status("EcsTaskDefinition", "shop-web").outputs;
    assert_eq!((outputs["family"].as_str(), outputs["revision"].as_str()), ("shop-web", "1"));

    harbour.wait(HOUR).await;
    assert_eq!(harbour.writes().len(), 0, "{}", harbour.calls_text());
    // Twelve checks: one list each, and the one revision's tags once in an hour or so.
    assert!(harbour.count("ListTaskDefinitions").0 <= 13, "{}", harbour.calls_text());
    assert!(harbour.count("DescribeTaskDefinition").0 <= 12, "{}", harbour.calls_text());

    // Without the digest the meaning alone is compared, also by another process.
    let arn = definition["taskDefinitionArn"].clone();
    harbour
        .meddle(&ecs("UntagResource", &json!({ "resourceArn": arn, "tagKeys": ["hatoba:content"] })))
        .await;
    harbour.clear_calls();
    harbour.kill_and_restart(&shop("nginx:1"));
    harbour.converge(FIFTEEN_MINUTES).await;
    harbour.wait(HOUR).await;
    assert_eq!(harbour.writes().len(), 0, "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn another_way_to_write_the_same_registers_nothing() {
    let written = shop("nginx:1");
    let harbour = Harbour::converged(Options::default(), &written).await;
    let same = written
        .replace("0.25 vCPU", "256")
        .replace("memory: 512", "memory: 0.5 GB")
        .replace(
            "taskRoleArn: shop-app",
            "taskRoleArn: 'arn:aws:iam::123456789012:role/shop-app'\n  placementConstraints: []",
        )
        .replace(
            "[{ name: B, value: two }, { name: A, value: one }]",
            "[{ name: A, value: one }, { name: B, value: two }]",
        )
        .replace("containerPort: 80 }", "containerPort: 80, hostPort: 80, protocol: tcp }");
    assert_ne!(same, written);
    harbour.documents(&same);
    harbour.wait(Duration::from_secs(5)).await;
    harbour.converge(FIFTEEN_MINUTES).await;
    assert_eq!(harbour.writes().len(), 0, "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_new_image_is_one_revision_and_one_rollout() {
    let harbour = Harbour::converged(Options::default(), &shop("nginx:1")).await;
    harbour.documents(&shop("nginx:2"));
    harbour.wait(Duration::from_secs(5)).await;
    harbour.converge(FIFTEEN_MINUTES).await;
    harbour.wait(HOUR).await;
    assert_eq!(
        harbour.write_names(),
        ["RegisterTaskDefinition", "UpdateService"],
        "{}",
        harbour.calls_text()
    );
    assert_eq!((active(&harbour), runs(&harbour)), (vec![1, 2], "shop-web:2".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_new_label_is_a_tag_and_nothing_rolls() {
    let harbour = Harbour::converged(Options::default(), &shop("nginx:1")).await;
    harbour.documents(&shop("nginx:1").replace("team: web", "team: shop"));
    harbour.wait(Duration::from_secs(5)).await;
    harbour.converge(FIFTEEN_MINUTES).await;
    harbour.wait(HOUR).await;
    assert_eq!(harbour.write_names(), ["TagResource"], "{}", harbour.calls_text());
    assert_eq!((active(&harbour), runs(&harbour)), (vec![1], "shop-web:1".to_owned()));
    let tags = harbour.objects("ecs", "taskDefinitions")["shop-web:1"]["tags"].clone();
    assert!(tags.as_array().unwrap().contains(&json!({ "key": "team", "value": "shop" })), "{tags}");
}

#[tokio::test(start_paused = true)]
async fn peers_45_ten_revisions_stay_and_so_does_what_anybody_uses() {
    let harbour = Harbour::converged(Options::default(), &shop("nginx:1")).await;
    // Somebody else runs the first and the third.
    let run = |name: &str, revision: u32| {
        json!({ "cluster": "main", "serviceName": name, "desiredCount": 1, "launchType": "FARGATE",
            "taskDefinition": format!("shop-web:{revision}"),
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-0aa11bb22cc33dd44"] } } })
    };
    harbour.meddle(&ecs("CreateService", &run("theirs", 1))).await;
    for change in 2..=14 {
        harbour.documents(&shop(&format!("nginx:{change}")));
        harbour.wait(Duration::from_secs(5)).await;
        harbour.converge(FIFTEEN_MINUTES).await;
        if change == 3 {
            harbour.meddle(&ecs("CreateService", &run("theirs-too", 3))).await;
        }
    }
    harbour.wait(HOUR).await;
    assert_eq!(runs(&harbour), "shop-web:14");
    let kept: Vec<u64> = [1, 3].into_iter().chain(5..=14).collect();
    assert_eq!(active(&harbour), kept, "{}", harbour.calls_text());
    assert_eq!(harbour.count("RegisterTaskDefinition").1, 13);
    assert_eq!(harbour.count("DeregisterTaskDefinition").1, 2);
    let notes = harbour.status("EcsTaskDefinition", "shop-web").notes;
    assert!(notes.iter().any(|note| note.reason.as_str() == "RevisionInUse"), "{notes:?}");

    // Nobody uses them any more: now they go.
    for name in ["theirs", "theirs-too"] {
        harbour
            .meddle(&ecs("DeleteService", &json!({ "cluster": "main", "service": name, "force": true })))
            .await;
    }
    harbour.wait(HOUR).await;
    assert_eq!(active(&harbour), (5..=14).collect::<Vec<u64>>());
    assert_eq!(harbour.status("EcsTaskDefinition", "shop-web").notes, []);
}

#[tokio::test(start_paused = true)]
async fn what_a_pipeline_registers_in_the_family_is_left_alone() {
    let mut harbour = Harbour::with(pruning(), Config::default());
    let theirs = |image: &str| {
        ecs(
            "RegisterTaskDefinition",
            &json!({ "family": "shop-web", "networkMode": "awsvpc",
            "containerDefinitions": [{ "name": "web", "image": image, "memory": 64 }] }),
        )
    };
    // One document stays all along: a source that is another one altogether would be held.
    let other = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: other }\nspec: {}\n";
    let beside = |documents: &str| format!("{documents}---\n{other}");
    harbour.meddle(&theirs("ci:1")).await;
    harbour.start(&beside(&shop("nginx:1")));
    harbour.converge(FIFTEEN_MINUTES).await;
    assert_eq!((active(&harbour), runs(&harbour)), (vec![1, 2], "shop-web:2".to_owned()));
    harbour.meddle(&theirs("ci:2")).await;
    harbour.wait(HOUR).await;
    assert_eq!(
        harbour.status("EcsTaskDefinition", "shop-web").outputs["revision"],
        "2",
        "the newest of ours"
    );
    harbour.clear_calls();
    harbour.documents(&beside(&shop("nginx:2")));
    harbour.wait(Duration::from_secs(5)).await;
    harbour.converge(FIFTEEN_MINUTES).await;
    assert_eq!(harbour.write_names(), ["RegisterTaskDefinition", "UpdateService"]);
    assert_eq!((active(&harbour), runs(&harbour)), (vec![1, 2, 3, 4], "shop-web:4".to_owned()));

    // The definition's document goes, the service's stays and names a revision: what it runs is kept.
    let pinned = beside(&SERVICE.replace("taskDefinitionRef: shop-web", "taskDefinition: 'shop-web:4'"));
    harbour.documents(&pinned);
    watch(&harbour, &pinned, 20).await;
    assert_eq!((active(&harbour), runs(&harbour)), (vec![1, 3, 4], "shop-web:4".to_owned()));
    harbour.documents(other);
    watch(&harbour, other, 40).await;
    assert_eq!(active(&harbour), [1, 3], "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_no_second_revision() {
    for lag in [0, 20] {
        let mut harbour = Harbour::new();
        harbour.world().faults().lose_answer("RegisterTaskDefinition", 1);
        if lag > 0 {
            harbour.world().faults().hide_from_lists("ListTaskDefinitions", Duration::from_secs(lag));
        }
        harbour.start(&shop("nginx:1"));
        harbour.wait(HOUR).await;
        harbour.converge(FIFTEEN_MINUTES).await;
        assert_eq!(active(&harbour).len(), 1, "{lag}: {}", harbour.calls_text());
        assert_eq!(runs(&harbour), format!("shop-web:{}", active(&harbour)[0]), "{lag}");
        if lag == 0 {
            assert_eq!(harbour.count("RegisterTaskDefinition").0, 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_around_every_write_of_a_change_it_goes_on_where_it_stood() {
    let settled = async || {
        let mut harbour = Harbour::converged(Options::default(), &shop("nginx:1")).await;
        harbour.kill();
        harbour.renew();
        harbour
    };
    let mut reference = settled().await;
    reference.start(&shop("nginx:2"));
    reference.converge(FIFTEEN_MINUTES).await;
    let begun = reference.calls()[0].at - Duration::from_millis(15);
    let times: Vec<Duration> = reference.writes().iter().map(|call| call.at - begun).collect();
    assert_eq!(reference.write_names(), ["RegisterTaskDefinition", "UpdateService"]);
    for time in times {
        for (early, late) in [(10, 0), (0, 5), (0, 20)] {
            let at = time + Duration::from_millis(late) - Duration::from_millis(early);
            let mut harbour = settled().await;
            harbour.start(&shop("nginx:2"));
            harbour.wait(at).await;
            harbour.kill_and_restart(&shop("nginx:2"));
            harbour.converge(FIFTEEN_MINUTES).await;
            harbour.wait(10 * MINUTE).await;
            assert_eq!((active(&harbour), runs(&harbour)), (vec![1, 2], "shop-web:2".to_owned()), "{at:?}");
            assert_eq!(harbour.count("UpdateService").1, 1, "{at:?}: {}", harbour.calls_text());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn peers_43_what_aws_rolled_back_is_shown_and_not_pushed_again() {
    let mut harbour = Harbour::converged(Options::default(), &guarded("nginx:1", true)).await;
    harbour.clear_calls();
    harbour.world().faults().revision_fails("shop-web:2", "CannotPullContainerError: no nginx:2");
    harbour.documents(&guarded("nginx:2", true));
    harbour.wait(HOUR).await;
    let bad = |harbour: &Harbour, why: &str| {
        let status = harbour.status("EcsService", "shop");
        assert_eq!(
            (status.ready.status, status.ready.reason.as_str()),
            (Truth::False, "RolledBack"),
            "{}\n{}",
            harbour.describe(),
            harbour.calls_text()
        );
        assert!(status.ready.message.contains(why), "{}", status.ready.message);
        assert_eq!((status.synced.status, runs(harbour).as_str()), (Truth::False, "shop-web:1"));
        assert_eq!(harbour.count("UpdateService").0, 1, "{}", harbour.calls_text());
    };
    bad(&harbour, "rollout of shop-web:2 up and runs shop-web:1");
    assert_eq!(harbour.status("EcsTaskDefinition", "shop-web").ready.status, Truth::True);

    harbour.kill_and_restart(&guarded("nginx:2", true));
    harbour.wait(HOUR).await;
    bad(&harbour, "shop-web:2");

    harbour.clear_calls();
    harbour.documents(&guarded("nginx:3", true));
    harbour.wait(Duration::from_secs(5)).await;
    harbour.converge(FIFTEEN_MINUTES).await;
    assert_eq!(runs(&harbour), "shop-web:3");
    assert_eq!(harbour.write_names(), ["RegisterTaskDefinition", "UpdateService"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_rolled_back_does_not_keep_other_fields_from_being_written() {
    let harbour = Harbour::converged(Options::default(), &guarded("nginx:1", true)).await;
    harbour.clear_calls();
    harbour.world().faults().revision_fails("shop-web:2", "CannotPullContainerError: no nginx:2");
    harbour.documents(&guarded("nginx:2", true));
    harbour.wait(10 * MINUTE).await;
    let message = harbour.status("EcsService", "shop").ready.message;
    assert!(message.contains("CannotPullContainerError: no nginx:2 (3 times)"), "{message}");
    harbour.documents(&guarded("nginx:2", true).replace("desiredCount: 2", "desiredCount: 3"));
    harbour.wait(10 * MINUTE).await;
    let service = harbour.objects("ecs", "services")["main/shop"].clone();
    assert_eq!((service["desiredCount"].as_u64(), runs(&harbour).as_str()), (Some(3), "shop-web:1"));
    assert_eq!(harbour.count("UpdateService").0, 2, "{}", harbour.calls_text());
    assert_eq!(harbour.status("EcsService", "shop").ready.reason.as_str(), "RolledBack");
    // Back to what runs: nothing to be pushed, and all is well.
    harbour.documents(&guarded("nginx:1", true).replace("desiredCount: 2", "desiredCount: 3"));
    harbour.wait(Duration::from_secs(5)).await;
    harbour.converge(FIFTEEN_MINUTES).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_cannot_be_looked_up_holds_the_write() {
    let harbour = Harbour::converged(Options::default(), &shop("nginx:1")).await;
    harbour.world().faults().fail("ListServiceDeployments", 3, 400, "AccessDeniedException", "no");
    harbour.documents(&shop("nginx:2"));
    harbour.wait(Duration::from_secs(1)).await;
    let status = harbour.status("EcsService", "shop");
    assert_eq!(
        (status.synced.status, status.synced.reason.as_str()),
        (Truth::Unknown, "AccessDeniedException")
    );
    assert_eq!(harbour.count("UpdateService").0, 0);
    harbour.wait(Duration::from_secs(5)).await;
    harbour.converge(FIFTEEN_MINUTES).await;
    assert_eq!(runs(&harbour), "shop-web:2");
}

#[tokio::test(start_paused = true)]
async fn peers_44_a_rollout_that_gets_nowhere_says_why() {
    let harbour = Harbour::converged(Options::default(), &shop("nginx:1")).await;
    harbour.world().faults().revision_fails("shop-web:2", "ResourceInitializationError: no secret");
    harbour.documents(&shop("nginx:2"));
    harbour.wait(10 * MINUTE).await;
    let status = harbour.status("EcsService", "shop");
    assert_eq!((status.ready.status, status.ready.reason.as_str()), (Truth::False, "RolloutInProgress"));
    assert!(
        status.ready.message.contains("ResourceInitializationError: no secret"),
        "{}",
        status.ready.message
    );
    harbour.documents(&guarded("nginx:2", false));
    harbour.wait(10 * MINUTE).await;
    let status = harbour.status("EcsService", "shop");
    assert_eq!((status.ready.status, status.ready.reason.as_str()), (Truth::False, "RolloutFailed"));
    assert!(status.ready.message.contains("no secret"), "{}", status.ready.message);
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_was_deregistered_by_hand_is_registered_anew() {
    let harbour = Harbour::converged(Options::default(), &shop("nginx:1")).await;
    harbour.meddle(&ecs("DeregisterTaskDefinition", &json!({ "taskDefinition": "shop-web:1" }))).await;
    harbour.wait(HOUR).await;
    harbour.converge(FIFTEEN_MINUTES).await;
    assert_eq!((active(&harbour), runs(&harbour)), (vec![2], "shop-web:2".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_the_revision_and_the_rollout() {
    let mut harbour = Harbour::converged(Options::default(), &shop("nginx:1")).await;
    harbour.kill();
    harbour.renew();
    harbour.engine.accept(hatoba_tests::snapshot(&shop("nginx:2")));
    let plan = harbour.engine.plan().await.unwrap();
    let shown = |kind: &str, name: &str| {
        plan.entries.iter().find(|entry| entry.document == Key::new(kind, name)).unwrap().clone()
    };
    let definition = shown("EcsTaskDefinition", "shop-web");
    assert_eq!(format!("{:?}", definition.action), "Replace");
    assert_eq!(
        definition.fields.iter().map(|field| field.path.as_str()).collect::<Vec<_>>(),
        ["containerDefinitions"]
    );
    let service = shown("EcsService", "shop");
    assert_eq!(service.after, [Key::new("EcsTaskDefinition", "shop-web")]);
    assert_eq!(service.fields[0].to, json!("(after EcsTaskDefinition/shop-web)"));
    assert_eq!(plan.writes, 2);
    assert_eq!(harbour.writes().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_registered_before_is_used_again_when_a_change_is_taken_back() {
    let mut harbour = Harbour::converged(Options::default(), &shop("shop:1")).await;
    let in_use =
        |harbour: &Harbour| harbour.only("ecs", "services").1["taskDefinition"].as_str().unwrap().to_owned();
    for (image, revision) in [("shop:2", 2), ("shop:1", 1), ("shop:2", 2)] {
        harbour.clear_calls();
        harbour.documents(&shop(image));
        harbour.wait(MINUTE).await;
        harbour.converge(FIFTEEN_MINUTES).await;
        assert!(in_use(&harbour).ends_with(&format!(":{revision}")), "{image}: {}", in_use(&harbour));
        assert_eq!(active(&harbour), [1, 2], "{image}");
        harbour.kill_and_restart(&shop(image));
        harbour.clear_calls();
        harbour.converge(FIFTEEN_MINUTES).await;
        assert_eq!(harbour.write_names(), [""; 0], "{image}: {}", harbour.calls_text());
    }
}
