//! The process is killed at every point of the work, once and twice: the next one finishes it, and makes
//! nothing twice.

use std::time::Duration;

use hatoba_aws_model::Config;
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour, article_without};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const FIFTEEN_MINUTES: Duration = Duration::from_secs(900);
const MILLISECOND: Duration = Duration::from_millis(1);

const CREATES: [&str; 8] = [
    "CreatePrivateDnsNamespace",
    "servicediscovery.CreateService",
    "ecs.CreateService",
    "CreateApi",
    "CreateVpcLink",
    "CreateIntegration",
    "CreateRoute",
    "CreateStage",
];

/// When a process that is left alone writes, from its start; each time stands for "AWS carries it out now".
pub(crate) async fn write_times(harbour: &mut Harbour, documents: &str) -> Vec<Duration> {
    harbour.start(documents);
    harbour.converge(FIFTEEN_MINUTES).await;
    let begun = harbour.calls()[0].at - 15 * MILLISECOND; // the first call's way in
    harbour.writes().iter().map(|call| call.at - begun).collect()
}

/// Around a write: it is on its way in, AWS has carried it out and the answer is on its way, it was answered.
pub(crate) const AROUND: [(&str, Duration, bool); 3] = [
    ("before AWS has it", Duration::from_millis(10), false),
    ("after AWS has done it", Duration::from_millis(5), true),
    ("after its answer", Duration::from_millis(20), true),
];

pub(crate) fn at(write: Duration, around: (&str, Duration, bool)) -> Duration {
    if around.2 { write + around.1 } else { write.saturating_sub(around.1) }
}

pub(crate) fn assert_nothing_was_made_twice(harbour: &Harbour, story: &str) {
    for create in CREATES {
        let (_, made) = harbour.count(create);
        // A namespace asked for twice with the same token is the same one: AWS answers with its operation.
        let made_max = if create == "CreatePrivateDnsNamespace" { 2 } else { 1 };
        assert!((1..=made_max).contains(&made), "{story}: {create}: {made}\n{}", harbour.calls_text());
    }
}

#[tokio::test(start_paused = true)]
async fn killed_around_every_write_it_goes_on_where_it_stood() {
    let times = write_times(&mut Harbour::new(), ARTICLE).await;
    assert_eq!(times.len(), 8);
    for time in times {
        for around in AROUND {
            let story = format!("killed at {time:?}, {}", around.0);
            let mut harbour = Harbour::new();
            harbour.start(ARTICLE);
            harbour.wait(at(time, around)).await;
            harbour.kill_and_restart(ARTICLE);
            harbour.converge(FIFTEEN_MINUTES).await;
            harbour.assert_the_article_stands(&story);
            assert_nothing_was_made_twice(&harbour, &story);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_twice_it_goes_on_where_it_stood() {
    let times = write_times(&mut Harbour::new(), ARTICLE).await;
    let (done, answered) = (AROUND[1], AROUND[0]);
    for (index, first) in times.iter().enumerate() {
        for second in [15, 75, 165].map(Duration::from_millis) {
            let around = if index % 2 == 0 { done } else { answered };
            let story = format!("killed at {first:?}, {}, and {second:?} after the restart", around.0);
            let mut harbour = Harbour::new();
            harbour.start(ARTICLE);
            harbour.wait(at(*first, around)).await;
            harbour.kill_and_restart(ARTICLE);
            harbour.wait(second + 5 * MILLISECOND).await;
            harbour.kill_and_restart(ARTICLE);
            harbour.converge(FIFTEEN_MINUTES).await;
            harbour.assert_the_article_stands(&story);
            assert_nothing_was_made_twice(&harbour, &story);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_every_few_seconds_it_gets_there_all_the_same() {
    for (every_milliseconds, until) in [(700, 20_000), (2_900, 110_000), (7_100, 150_000)] {
        let story = format!("killed every {every_milliseconds} ms");
        let mut harbour = Harbour::new();
        harbour.start(ARTICLE);
        let mut restarts = 0;
        while restarts * every_milliseconds < until {
            harbour.wait(Duration::from_millis(every_milliseconds)).await;
            harbour.kill_and_restart(ARTICLE);
            restarts += 1;
        }
        harbour.converge(FIFTEEN_MINUTES).await;
        harbour.assert_the_article_stands(&story);
        assert_nothing_was_made_twice(&harbour, &story);
    }
}

/// The lists have not caught up when the next process looks: a twin may come of it, and must go.
#[tokio::test(start_paused = true)]
async fn killed_with_the_answer_under_way_while_lists_lag() {
    let times = write_times(&mut Harbour::new(), ARTICLE).await;
    for time in times {
        let story = format!("killed at {time:?}, lists lag by 20 s");
        let mut harbour = Harbour::new();
        for list in [
            "GetApis",
            "GetVpcLinks",
            "GetIntegrations",
            "GetRoutes",
            "GetStages",
            "ListNamespaces",
            "ListServices",
        ] {
            harbour.world().faults().hide_from_lists(list, Duration::from_secs(20));
        }
        harbour.start(ARTICLE);
        harbour.wait(at(time, AROUND[1])).await;
        harbour.kill_and_restart(ARTICLE);
        harbour.converge(FIFTEEN_MINUTES).await;
        harbour.wait(Duration::from_secs(60)).await;
        harbour.assert_the_article_stands(&story);
    }
}

/// Two processes at once, without a lease, for a minute.
#[tokio::test(start_paused = true)]
async fn two_at_once_leave_one_of_each() {
    for head_start_milliseconds in [0, 40, 90, 1_000, 104_480] {
        let story = format!("the other comes {head_start_milliseconds} ms later");
        let mut harbour = Harbour::new();
        harbour.start(ARTICLE);
        harbour.wait(Duration::from_millis(head_start_milliseconds)).await;
        let other = harbour.beside(ARTICLE);
        harbour.wait(Duration::from_secs(60)).await;
        drop(other);
        harbour.converge(FIFTEEN_MINUTES).await;
        harbour.wait(Duration::from_secs(310)).await;
        harbour.converge(FIFTEEN_MINUTES).await;
        harbour.assert_the_article_stands(&story);
    }
}

/// A new link, the integration moved, the old link gone: killed around every write.
#[tokio::test(start_paused = true)]
async fn killed_around_every_write_of_a_replacement() {
    let changed = ARTICLE.replacen(
        "subnetSelector: { tags: { Tier: private } }\n  sec",
        "subnetIds: [subnet-0cc33dd44ee55ff66]\n  sec",
        1,
    );
    assert_ne!(changed, ARTICLE);
    let settled = async || {
        let mut harbour = Harbour::new();
        harbour.start(ARTICLE);
        harbour.converge(FIFTEEN_MINUTES).await;
        harbour.kill();
        harbour.renew();
        harbour.clear_calls();
        harbour
    };
    let mut reference = settled().await;
    let times = write_times(&mut reference, &changed).await;
    let operations = reference.write_names();
    assert_eq!(operations, ["CreateVpcLink", "UpdateIntegration", "DeleteVpcLink"]);
    for time in times {
        for around in AROUND {
            let story = format!("killed at {time:?}, {}", around.0);
            let mut harbour = settled().await;
            harbour.start(&changed);
            harbour.wait(at(time, around)).await;
            harbour.kill_and_restart(&changed);
            harbour.converge(FIFTEEN_MINUTES).await;
            harbour.wait(Duration::from_secs(60)).await;
            harbour.converge(FIFTEEN_MINUTES).await;
            harbour.assert_the_article_stands(&story);
            assert_eq!(harbour.count("CreateVpcLink").1, 1, "{story}");
            assert_eq!(harbour.count("UpdateIntegration").1, 1, "{story}");
        }
    }
}

/// Everything of the way in is taken back, with a crash around every delete.
#[tokio::test(start_paused = true)]
async fn killed_around_every_write_of_a_removal() {
    let left = article_without(&[
        "HttpApi/crazy-api",
        "Integration/to-great-service",
        "Route/default-route",
        "Stage/default-stage",
        "VpcLink/fine-vpc-link",
    ]);
    let options =
        Options { owner_is_explicit: true, prune_grace: Duration::from_secs(60), ..Options::default() };
    for killed_at in 0..5 {
        let mut harbour = Harbour::with(options.clone(), Config::default());
        harbour.start(ARTICLE);
        harbour.converge(FIFTEEN_MINUTES).await;
        harbour.clear_calls();
        harbour.documents(&left);
        let mut waited = 0;
        while harbour.writes().len() <= killed_at && waited < 2_000 {
            harbour.wait(Duration::from_millis(1_000)).await;
            waited += 1;
            harbour.documents(&left);
        }
        harbour.kill_and_restart(&left);
        for _ in 0..60 {
            harbour.wait(Duration::from_secs(15)).await;
            harbour.documents(&left);
        }
        for collection in ["apis", "integrations", "routes", "stages", "vpcLinks"] {
            let live = harbour.objects("apigatewayv2", collection);
            assert!(live.is_empty(), "killed after {killed_at}: {live:#?}\n{}", harbour.calls_text());
        }
        assert_eq!(harbour.live("ecs", "services").len(), 1);
        harbour.converge(TEN_MINUTES).await;
    }
}
