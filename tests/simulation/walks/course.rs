//! A walk as it is gone: document after document, trouble in between, and how the world is at the end.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_engine::{Options, check};
use hatoba_kinds::KindId;
use hatoba_tests::{Harbour, snapshot};
use serde_json::{Value, json};

use super::catalogue::{State, Subject};
use super::likeness::{REVISIONS, likeness};

/// What a rollout, a new namespace, or a replacement with all that moves to it may take.
const LIMIT: Duration = Duration::from_secs(3 * 3_600);
const MINUTE: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(120);
const RESYNC: Duration = Duration::from_secs(310);

/// Something that stays when the subject goes, so that never everything goes.
const BYSTANDERS: &str = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: stays }\nspec: { description: as it was }\n---\n\
    apiVersion: hatoba/v1\nkind: EcsCluster\nmetadata: { name: stays-too }\nspec: {}\n";

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The document says this now, and the world follows.
    Say(State),
    /// The document says this now, and something else before the world has followed.
    SayInPassing(State),
    /// AWS refuses every write for a while.
    Refused(State),
    /// What AWS makes for it fails, or never ends.
    Fails(State),
    /// Documents that it names are gone, and back within their grace.
    Orphaned,
    /// Somebody deletes what it asked for.
    DeletedByHand,
    /// The document is illegal for a while: this member has a value that nobody takes.
    Wrong(&'static str, String),
    /// It is called otherwise for longer than the grace.
    Renamed,
    /// The document of that name is of another kind for a while.
    OtherKind,
}

impl Step {
    /// What the document says from then on, where the world follows.
    pub(crate) fn says(&self) -> Option<&State> {
        match self {
            Step::Say(state) => Some(state),
            _ => None,
        }
    }
}

/// All that the source says while the subject says `document`.
fn source(subject: &Subject, document: &str) -> String {
    let parts = [BYSTANDERS, subject.around, document];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("\n---\n")
}

impl Subject {
    pub(crate) fn source(&self, state: &State) -> String {
        source(self, &self.document(self.kind, "it", &self.spec(state)))
    }

    /// Whether the product takes the document as it is.
    pub(crate) fn is_legal(&self, state: &State) -> bool {
        check(&snapshot(&self.source(state))).held.is_empty()
    }
}

struct Course<'a> {
    subject: &'a Subject,
    harbour: Harbour,
    state: State,
}

impl<'a> Course<'a> {
    /// A fresh world with the first document.
    async fn begin(subject: &'a Subject, state: &State) -> Result<Course<'a>, String> {
        let options = Options {
            owner: "walks".to_owned(),
            owner_is_explicit: true,
            prune_grace: GRACE,
            prune_limit: 100,
            ..Options::default()
        };
        let mut harbour = Harbour::with(options, Config::default());
        let providers = json!({ "cluster": "main", "capacityProviders": ["FARGATE", "FARGATE_SPOT"], "defaultCapacityProviderStrategy": [] });
        harbour.meddle(&Request::json("ecs", "PutClusterCapacityProviders", &providers)).await;
        harbour.start(&subject.source(state));
        let course = Course { subject, harbour, state: state.clone() };
        course.rest().await?;
        Ok(course)
    }

    fn say(&mut self, state: &State) {
        self.state = state.clone();
        self.harbour.documents(&self.subject.source(state));
    }

    /// The source says the same all the time, until all is in sync and nothing is left that goes, for longer than it
    /// takes until everything is looked at again.
    async fn rest(&self) -> Result<(), String> {
        let begun = tokio::time::Instant::now();
        let mut quiet = 0;
        while begun.elapsed() < LIMIT {
            self.harbour.documents(&self.subject.source(&self.state));
            let writes = self.harbour.writes().len();
            self.harbour.wait(MINUTE).await;
            let is_still = self.harbour.is_converged()
                && self.harbour.engine.picture().pruning.is_empty()
                && self.harbour.writes().len() == writes;
            quiet = if is_still { quiet + 1 } else { 0 };
            if quiet > RESYNC.as_secs() / MINUTE.as_secs() {
                return Ok(());
            }
        }
        let held = self.harbour.engine.picture().pruning;
        Err(format!("does not come to rest:\n{}\n{held:?}\n{}", self.harbour.describe(), self.calls()))
    }

    fn calls(&self) -> String {
        let text = self.harbour.calls_text();
        let writes = |line: &&str| ![" Get", " List", " Describe"].iter().any(|verb| line.contains(verb));
        let lines: Vec<&str> = text.lines().filter(writes).collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    fn likeness(&self) -> Vec<String> {
        let _ = self.harbour.objects("ecs", "services"); // brings the world to now
        likeness(&self.harbour.world().dump(), self.subject.kind, &self.subject.spec(&self.state))
    }

    async fn go(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Say(state) => {
                self.say(state);
                self.rest().await
            }
            Step::SayInPassing(state) => {
                self.say(state);
                self.harbour.wait(Duration::from_millis(1_700)).await;
                Ok(())
            }
            Step::Refused(state) => {
                for operation in writes() {
                    self.harbour.world().faults().fail(
                        operation,
                        100_000,
                        400,
                        "LimitExceededException",
                        "no",
                    );
                }
                self.say(state);
                self.harbour.wait(3 * MINUTE).await;
                self.harbour.world().faults().clear();
                self.rest().await
            }
            Step::Fails(state) => {
                self.fail_what_comes();
                self.say(state);
                self.harbour.wait(5 * MINUTE).await;
                self.harbour.world().faults().clear();
                self.delete_failed_deployments().await;
                Ok(())
            }
            Step::DeletedByHand => {
                self.delete_by_hand().await;
                self.harbour.engine.reconcile_now();
                self.harbour.wait(RESYNC).await;
                self.rest().await
            }
            Step::Orphaned => self.unharmed_by(&source(&self.nothing_around(), &self.own()), false).await,
            Step::Wrong(at, value) => {
                let mut spec = self.subject.spec(&self.state);
                spec[*at] = serde_json::from_str(value).unwrap_or(Value::Null);
                let wrong = self.subject.document(self.subject.kind, "it", &spec);
                self.unharmed_by(&source(self.subject, &wrong), true).await
            }
            Step::OtherKind => {
                let other = if self.subject.kind == "HttpNamespace" { "EcsCluster" } else { "HttpNamespace" };
                let document = self.subject.document(other, "it", &json!({}));
                self.away(&source(self.subject, &document), MINUTE).await
            }
            Step::Renamed => {
                let document =
                    self.subject.document(self.subject.kind, "it2", &self.subject.spec(&self.state));
                self.away(&source(self.subject, &document), 4 * GRACE).await
            }
        }
    }

    fn own(&self) -> String {
        self.subject.document(self.subject.kind, "it", &self.subject.spec(&self.state))
    }

    fn nothing_around(&self) -> Subject {
        Subject { around: "", ..self.subject.clone() }
    }

    /// While the source says this nothing is written, and nothing that was good is harmed.
    async fn unharmed_by(&mut self, documents: &str, is_illegal: bool) -> Result<(), String> {
        self.rest().await?;
        let before = self.likeness();
        if is_illegal && check(&snapshot(documents)).held.is_empty() {
            return Err(format!("taken, though it is illegal:\n{documents}"));
        }
        self.harbour.clear_calls();
        self.harbour.documents(documents);
        self.harbour.wait(MINUTE).await;
        alike(&before, &self.likeness(), "harmed by what it must not heed")?;
        if is_illegal && !self.harbour.writes().is_empty() {
            return Err(format!("written though a document is illegal:\n{}", self.calls()));
        }
        self.rest().await
    }

    /// The source says this for some time, and then what it said before. Bystanders do not notice.
    async fn away(&mut self, documents: &str, lasts: Duration) -> Result<(), String> {
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < lasts {
            self.harbour.documents(documents);
            self.harbour.wait(MINUTE).await;
        }
        let there = self.harbour.live("apigatewayv2", "apis");
        let stays = |api: &Value| {
            api["tags"]["hatoba:document"] == "HttpApi/stays" && api["description"] == "as it was"
        };
        if !there.values().any(stays) {
            return Err(format!("a bystander was harmed: {there:?}"));
        }
        self.rest().await
    }

    /// The next link, rollout, operation and deployment come to nothing.
    fn fail_what_comes(&self) {
        let mut world = self.harbour.world();
        world.faults().vpc_link_fails("no room");
        world.faults().rollout_sticks();
        world.faults().cloud_map_operation_fails("INTERNAL_FAILURE", "no");
        world.faults().deployment_fails("no");
    }

    /// What a status asks people for where nothing else changes: the same deployment is not tried again.
    async fn delete_failed_deployments(&self) {
        for (id, deployment) in self.harbour.objects("apigatewayv2", "deployments") {
            if deployment["deploymentStatus"] == "FAILED"
                && let Some((api, id)) = id.split_once('/')
            {
                let path = format!("/v2/apis/{api}/deployments/{id}");
                self.harbour.meddle(&Request::rest("DELETE", &path, &Value::Null)).await;
            }
        }
    }

    /// Deletes what the document asked for, as far as AWS lets people do that.
    async fn delete_by_hand(&self) {
        let mark = format!("{}/it", self.subject.kind);
        for (service, collection) in [
            ("apigatewayv2", "routes"),
            ("apigatewayv2", "apiMappings"),
            ("apigatewayv2", "stages"),
            ("apigatewayv2", "authorizers"),
            ("apigatewayv2", "integrations"),
            ("apigatewayv2", "vpcLinks"),
            ("apigatewayv2", "domainNames"),
            ("apigatewayv2", "apis"),
            ("servicediscovery", "services"),
            ("servicediscovery", "namespaces"),
            ("ecs", "services"),
            ("ecs", "clusters"),
        ] {
            for (key, object) in self.harbour.live(service, collection) {
                let is_its = object.to_string().contains(&mark)
                    || (self.subject.kind == "Route" && collection == "routes");
                if let Some(request) = is_its.then(|| deletion(service, collection, &key)).flatten() {
                    self.harbour.wait(Duration::from_millis(100)).await;
                    let now = self.harbour.now().duration_since(jiff::Timestamp::UNIX_EPOCH);
                    let now = Duration::try_from(now).unwrap_or_default();
                    // AWS may refuse it: then nothing happens.
                    let _ = self.harbour.world().handle(&request, now);
                }
            }
        }
    }

    /// The last document holds, and nothing is written any more. Returns how the world is, and what was written last.
    async fn end(&self) -> Result<(Vec<String>, String), String> {
        self.rest().await?;
        let last = self.calls();
        self.harbour.clear_calls();
        self.harbour.wait(RESYNC).await;
        if !self.harbour.writes().is_empty() {
            return Err(format!("written in the resync after it was in sync:\n{}", self.calls()));
        }
        Ok((self.likeness(), last))
    }
}

fn writes() -> impl Iterator<Item = &'static str> {
    KindId::ALL
        .iter()
        .flat_map(|kind| kind.operations())
        .filter(|operation| operation.is_write)
        .map(|o| o.name)
}

fn deletion(service: &'static str, collection: &str, key: &str) -> Option<Request> {
    let (scope, id) = key.rsplit_once('/').unwrap_or(("", key));
    let path = match collection {
        "vpcLinks" => format!("/v2/vpclinks/{id}"),
        "apis" => format!("/v2/apis/{id}"),
        "domainNames" => format!("/v2/domainnames/{id}"),
        "apiMappings" => format!("/v2/domainnames/{scope}/apimappings/{id}"),
        "stages" => format!("/v2/apis/{scope}/stages/{}", id.replace('$', "%24")),
        other => format!("/v2/apis/{scope}/{other}/{id}"),
    };
    Some(match (service, collection) {
        ("apigatewayv2", _) => Request::rest("DELETE", &path, &Value::Null),
        ("servicediscovery", "services") => Request::json(service, "DeleteService", &json!({ "Id": id })),
        ("servicediscovery", _) => Request::json(service, "DeleteNamespace", &json!({ "Id": id })),
        ("ecs", "services") => Request::json(
            service,
            "DeleteService",
            &json!({ "cluster": scope, "service": id, "force": true }),
        ),
        _ => Request::json(service, "DeleteCluster", &json!({ "cluster": id })),
    })
}

fn alike(wanted: &[String], have: &[String], what: &str) -> Result<(), String> {
    let lacks: Vec<&String> = wanted.iter().filter(|line| !have.contains(line)).collect();
    let counts = |line: &&String| !line.starts_with(REVISIONS);
    let others = have.iter().filter(|line| !wanted.contains(line));
    let more: Vec<&String> = others.clone().filter(counts).collect();
    let number = |lines: &[String]| lines.iter().filter(counts).count();
    if lacks.is_empty() && more.is_empty() && number(wanted) == number(have) {
        return Ok(());
    }
    let there: Vec<&String> = others.collect();
    let (few, many) = (wanted.len(), have.len());
    Err(format!("{what}\nexpected: {lacks:#?}\nthere is: {there:#?} ({few} and {many} objects)"))
}

/// Walks; the end state is that of the last document in a fresh world, or a sentence says what is wrong.
pub(crate) fn walk(subject: &Subject, first: &State, steps: &[Step]) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let (state, (after, last)) = runtime.block_on(async {
        let mut course =
            Course::begin(subject, first).await.map_err(|why| format!("the first document: {why}"))?;
        for (number, step) in steps.iter().enumerate() {
            course.go(step).await.map_err(|why| format!("step {}: {why}", number + 1))?;
        }
        let after = course.end().await?;
        Ok::<_, String>((course.state.clone(), after))
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let fresh = runtime.block_on(async { Course::begin(subject, &state).await?.end().await });
    let (fresh, _) = fresh.map_err(|why| format!("the last document in a fresh world: {why}"))?;
    alike(&fresh, &after, "the world is not as the last document makes it from nothing")
        .map_err(|why| format!("{why}\nwritten last:\n{last}"))
}
