//! A visitor: somebody who uses an API of the model all the while, and notes every request that is not answered well.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hatoba_aws_model::{Clock, Request, Response, SharedWorld};

use crate::{EPOCH_SECONDS, Harbour};

/// Shorter than a call to AWS takes, so that no two writes of one document go by unvisited.
const EVERY: Duration = Duration::from_millis(25);
/// After so long without a call the visitor comes less often: what AWS does by itself lasts.
const QUIET: Duration = Duration::from_secs(5);
const SELDOM: Duration = Duration::from_millis(500);

/// Somebody who sends a request, again and again, until asked for a report.
pub struct Visitor {
    task: tokio::task::JoinHandle<()>,
    seen: Arc<Mutex<Report>>,
}

/// What a visitor has seen.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Requests sent.
    pub sent: usize,
    /// Those that were not answered with a 2xx: when, status, body.
    pub failures: Vec<String>,
}

impl Harbour {
    /// Sends a GET to the only API's invoke address.
    ///
    /// # Panics
    /// When there is not exactly one API.
    pub fn invoke(&self, path: &str) -> Response {
        let (api, _) = self.only("apigatewayv2", "apis");
        get(&self.world, self.model_clock, &api, path, &[])
    }

    /// Somebody who gets `path` from the only API every 25 ms while AWS is called, and every half second otherwise.
    ///
    /// # Panics
    /// When there is not exactly one API.
    pub fn visitor(&self, path: &str) -> Visitor {
        self.visitor_with(path, &[])
    }

    /// The same with these headers: name, value.
    ///
    /// # Panics
    /// As [`Harbour::visitor`].
    pub fn visitor_with(&self, path: &str, headers: &[(&str, &str)]) -> Visitor {
        let (api, _) = self.only("apigatewayv2", "apis");
        Visitor::start(&self.world, self.model_clock, &api, path, headers)
    }
}

impl Visitor {
    /// Somebody who gets `path` from an API of this world, with these headers.
    #[must_use]
    pub fn start(
        world: &SharedWorld,
        clock: Clock,
        api: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Visitor {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let headers: Vec<(String, String)> = headers.iter().map(owned).collect();
        let (world, api, path) = (Arc::clone(world), api.to_owned(), path.to_owned());
        let seen = Arc::new(Mutex::new(Report::default()));
        let notes = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let response = get(&world, clock, &api, &path, &headers);
                note(&notes, &response, clock.now());
                let called = last_call(&world);
                let quiet = called.is_some_and(|at| clock.now().saturating_sub(at) > QUIET);
                tokio::time::sleep(if quiet { SELDOM } else { EVERY }).await;
            }
        });
        Visitor { task, seen }
    }

    /// What has been seen so far. The visitor goes on.
    pub fn report(&self) -> Report {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asserts that every request so far was answered well, and that there were some.
    ///
    /// # Panics
    /// When one was not; with the `story`, the first failures, and the calls.
    pub fn assert_content(&self, harbour: &Harbour, story: &str) {
        let report = self.report();
        assert!(report.sent > 0, "{story}: nobody came");
        let first: Vec<&String> = report.failures.iter().take(5).collect();
        assert!(
            report.failures.is_empty(),
            "{story}: {} of {} requests failed, the first {first:#?}, the last {:?}\n{}",
            report.failures.len(),
            report.sent,
            report.failures.last(),
            harbour.calls_text()
        );
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn last_call(world: &SharedWorld) -> Option<Duration> {
    world.lock().unwrap_or_else(PoisonError::into_inner).log().last().map(|call| call.at)
}

fn get(world: &SharedWorld, clock: Clock, api: &str, path: &str, headers: &[(String, String)]) -> Response {
    let request = Request {
        method: "GET".to_owned(),
        uri: format!("https://{api}.execute-api.us-east-1.amazonaws.com{path}"),
        headers: headers.to_vec(),
        ..Request::default()
    };
    world.lock().unwrap_or_else(PoisonError::into_inner).invoke(&request, clock.now())
}

fn note(notes: &Mutex<Report>, response: &Response, now: Duration) {
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    notes.sent += 1;
    if !(200..300).contains(&response.status) {
        let at = now.as_secs_f64() - Duration::from_secs(EPOCH_SECONDS).as_secs_f64();
        let body = String::from_utf8_lossy(&response.body);
        notes.failures.push(format!("{at:.3} {} {body}", response.status));
    }
}
