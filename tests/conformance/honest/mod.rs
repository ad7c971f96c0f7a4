//! The model is honest: what it answers, and what we ask it, is what AWS's own service models say. They are read from the
//! `botocore` package; nothing of them is kept here.
//!
//! The product builds, changes and takes down one of every kind on the model, until every operation that it uses had a
//! good answer, and asks for all of it once more when it is gone. Of each exchange the members, their types, words, sizes,
//! patterns and what is required are compared with the operation's shapes, and of each refusal its code, its status and
//! its members with the errors that the operation has. What the models forbid is asked for by [`forbidden`].

mod forbidden;
mod patterns;
mod shapes;
mod trials;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use hatoba_aws_model::{Clock as ModelClock, Config, Connector, Request, Response, SharedWorld, World};
use hatoba_engine::{Clock, Options};
use hatoba_kinds::KindId;
use hatoba_tests::{ARTICLE, EPOCH_SECONDS, Harbour, names};
use jiff::Timestamp;
use serde_json::json;

use self::shapes::{Models, SERVICES};

/// One request and its answer.
#[derive(Clone, Debug)]
struct Exchange {
    request: Request,
    response: Response,
}

type Log = Arc<Mutex<Vec<Exchange>>>;

/// A way to the model on which everything is written down.
#[derive(Clone, Debug)]
struct Written {
    way: Connector,
    log: Log,
}

impl HttpConnector for Written {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = Request {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
        };
        let (answer, log) = (HttpConnector::call(&self.way, request), Arc::clone(&self.log));
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            let headers = answer.headers().iter();
            let response = Response {
                status: answer.status().as_u16(),
                headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
                body: answer.body().bytes().unwrap_or_default().to_vec(),
            };
            log.lock().unwrap_or_else(PoisonError::into_inner).push(Exchange { request: asked, response });
            Ok(answer)
        })
    }
}

/// One of every kind.
fn documents() -> String {
    format!("{ARTICLE}\n---\n{}", include_str!("../../data/one-of-each.yaml"))
}

/// The same, with some of the words changed. Each of them is there.
fn with(documents: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(documents.to_owned(), |documents, (from, to)| {
        assert!(documents.contains(from), "the documents do not say {from:?}");
        documents.replace(from, to)
    })
}

/// Every document says something else.
const CHANGED: &[(&str, &str)] = &[
    ("first", "second"),
    ("ttl: 60", "ttl: 61"),
    ("spec: {}", "spec: { description: second }"),
    ("team: web", "team: other"),
    ("  name: private.example.com\n", "  name: private.example.com\n  description: second\n"),
    ("{ name: fine-vpc-link }\nspec:\n", "{ name: fine-vpc-link }\nspec:\n  name: second\n"),
    ("value: enabled", "value: disabled"),
    ("[FARGATE, FARGATE_SPOT]", "[FARGATE]"),
    ("/6c8f5bd2-3a41-4a7a-9d3c-0f5f6d1c2b3a", "/00000000-3a41-4a7a-9d3c-0f5f6d1c2b3a"),
];

/// What they can do without is taken out.
const TAKEN_OUT: &[(&str, &str)] = &[
    (", labels: { team: web }", ""),
    (", labels: { team: first }", ""),
    (", attributes: { stage: first }", ", attributes: {}"),
    (
        "  corsConfiguration: { allowOrigins: [\"https://app.example.com\"], allowMethods: [GET], maxAge: 60 }\n",
        "",
    ),
    (
        "  accessLogSettings: { destinationArn: \"arn:aws:logs:us-east-1:123456789012:log-group:first\", format: $context.requestId }\n",
        "",
    ),
    ("  routeSettings: { GET /orders: { throttlingBurstLimit: 10, throttlingRateLimit: 5 } }\n", ""),
];

#[tokio::test(start_paused = true)]
async fn what_is_asked_and_answered_has_the_shapes_of_aws() {
    let Some(python) = hatoba_tests::tools::installed(hatoba_tests::tools::MODELS, "python") else { return };
    let models = Models::read(&python);
    let log = Log::default();
    let epoch = Duration::from_secs(EPOCH_SECONDS);
    let config = Config { rate_limits: false, ..Config::default() };
    let world: SharedWorld = Arc::new(Mutex::new(World::with_article_prerequisites(config)));
    let (clock, model_clock) = (Clock::starting_at(Timestamp::UNIX_EPOCH + epoch), ModelClock::new(epoch));
    let way = Written { way: Connector::new(Arc::clone(&world), model_clock), log: Arc::clone(&log) };
    let options = Options {
        owner: "honest".to_owned(),
        owner_is_explicit: true,
        prune_grace: Duration::from_secs(60),
        prune_limit: 100,
        ..Options::default()
    };
    let mut harbour = Harbour::by(Arc::clone(&world), options, (clock, model_clock), way);
    let documents = documents();
    harbour.start(&documents);
    harbour.converge(Duration::from_secs(1_800)).await;
    for changes in [CHANGED, TAKEN_OUT] {
        harbour.documents(&with(&documents, changes));
        harbour.wait(Duration::from_secs(600)).await;
        harbour.converge(Duration::from_secs(1_800)).await;
    }
    // Why a rollout fails is asked of its deployments, its revisions and its tasks.
    harbour.world().faults().revision_fails("gate-task:3", "CannotPullContainerError");
    harbour.documents(&with(&documents, &[("nginx:first", "nginx:third")]));
    harbour.wait(Duration::from_secs(3_600)).await;
    // What nobody keeps in a Cloud Map service is taken out before it goes.
    harbour.meddle(&left_over(&harbour)).await;
    // All but one go: never all at once.
    let last = documents.split("---").find(|one| one.contains("kind: HttpNamespace")).unwrap();
    // Gone is what several looks at the source agree on.
    for _ in 0..60 {
        harbour.documents(last);
        harbour.wait(Duration::from_secs(60)).await;
    }

    let mut exchanges = log.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let goods: Vec<Exchange> = exchanges.iter().filter(|one| one.response.status < 300).cloned().collect();
    exchanges.extend(about_nothing(&world, &goods, model_clock));
    let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
    for exchange in &exchanges {
        for what in models.wrong(exchange) {
            *wrong.entry(what).or_default() += 1;
        }
    }
    assert!(wrong.is_empty(), "{} things of {} exchanges: {wrong:#?}", wrong.len(), exchanges.len());
    let unseen = unseen(&exchanges);
    assert!(unseen.is_empty(), "no good answer of these was looked at: {unseen:?}");
}

/// An instance of an ECS service that has long been gone, in a Cloud Map service.
fn left_over(harbour: &Harbour) -> Request {
    let services = harbour.objects("servicediscovery", "services");
    let (id, _) = services.iter().find(|(_, service)| service["Name"] == "called").unwrap();
    let attributes = json!({
        "ECS_CLUSTER_NAME": "main", "ECS_SERVICE_NAME": "long-gone",
        "AWS_INSTANCE_IPV4": "10.0.0.99", "AWS_INSTANCE_PORT": "80",
    });
    let input = json!({ "ServiceId": id, "InstanceId": "left-over", "Attributes": attributes });
    Request::json("servicediscovery", "RegisterInstance", &input)
}

/// Everything asked once more, when it is gone.
fn about_nothing(world: &SharedWorld, exchanges: &[Exchange], clock: ModelClock) -> Vec<Exchange> {
    let mut seen = BTreeSet::new();
    let mut again = Vec::new();
    for Exchange { request, .. } in exchanges {
        let target = request.header("x-amz-target");
        let Some(name) = names::operation(&request.method, &request.uri, target) else { continue };
        if seen.insert(name) {
            let response = world.lock().unwrap_or_else(PoisonError::into_inner).handle(request, clock.now());
            again.push(Exchange { request: request.clone(), response });
        }
    }
    again
}

/// Operations of the kinds that no exchange was about.
fn unseen(exchanges: &[Exchange]) -> Vec<String> {
    let seen: BTreeSet<(&str, String)> = exchanges
        .iter()
        .filter(|one| one.response.status < 300)
        .filter_map(|one| {
            names::operation(&one.request.method, &one.request.uri, one.request.header("x-amz-target"))
        })
        .collect();
    let operations = KindId::ALL.iter().flat_map(|kind| kind.operations());
    let used: BTreeSet<(&str, String)> = operations
        .filter(|operation| SERVICES.contains(&operation.service))
        .map(|operation| (operation.service, operation.name.to_owned()))
        .collect();
    used.difference(&seen).map(|(service, operation)| format!("{service}:{operation}")).collect()
}
