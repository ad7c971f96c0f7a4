//! One process's way to AWS.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use hatoba_aws_model::{Answer, Request, Response, request_of, response_of};
use hatoba_tests::names;

use crate::call::{Call, Death, Fate, Lot};
use crate::sea::SharedSea;

/// The sender of a call that arrives twice waits for both if the second comes so soon.
const AWAITED: Duration = Duration::from_secs(1);

/// The way of process number `process`.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) sea: SharedSea,
    pub(crate) process: usize,
}

impl HttpConnector for Way {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (sent_at, number, forbidden) = {
            let mut sea = self.sea.lock();
            sea.numbers += 1;
            (sea.now(), sea.numbers, sea.forbids(self.process))
        };
        let way = self.clone();
        HttpConnectorFuture::new(async move { way.carry(&request, (sent_at, number), forbidden).await })
    }
}

impl Way {
    async fn carry(
        self,
        request: &HttpRequest,
        (sent_at, number): (Duration, usize),
        forbidden: Option<String>,
    ) -> Result<HttpResponse, ConnectorError> {
        let call = Call { number, ..self.call_of(request_of(request)?, sent_at) };
        self.alive().await;
        let lot = {
            let mut sea = self.sea.lock();
            sea.sends(sent_at, &call);
            sea.judge_right(&call, forbidden);
            sea.lot(&call)
        };
        if lot.death == Some(Death::BeforeItArrives) {
            pass(lot.way_in).await;
            self.die("before its call arrives", &call).await;
        }
        if lot.fate == Fate::Hangs {
            pass(lot.way_in).await;
            self.sea.lock().hangs(&call);
            return std::future::pending().await;
        }
        let mut waiting = Waiting { sea: self.sea.clone(), call: &call, is_over: false };
        let journey = tokio::spawn(self.clone().journey(call.clone(), lot));
        let Ok(answer) = journey.await else { return std::future::pending().await }; // a panic, which is noted
        if lot.death == Some(Death::WhenItIsDone) {
            self.die("when its call is done", &call).await;
        }
        pass(lot.way_out).await;
        self.alive().await;
        waiting.is_over = true;
        if lot.death == Some(Death::WithTheAnswer) {
            self.sea.lock().dies("with the answer to its call", &call);
        }
        self.answer_of(&call, lot.fate, answer).await
    }

    /// What was sent is on its way whatever becomes of its sender: it arrives though that has given up or died.
    async fn journey(self, call: Call, lot: Lot) -> Answer {
        pass(lot.way_in).await;
        let answer = self.sea.lock().arrives(&call, lot.fate);
        match lot.fate {
            Fate::Twice(after) if after > AWAITED => {
                tokio::spawn(self.comes_again(call, after));
                answer
            }
            Fate::Twice(after) => self.comes_again(call, after).await,
            _ => answer,
        }
    }

    async fn comes_again(self, call: Call, after: Duration) -> Answer {
        pass(after).await;
        let mut sea = self.sea.lock();
        if after > AWAITED {
            sea.witness.given_up.insert(call.number);
        } else {
            sea.witness.unanswered(&call);
        }
        sea.arrives(&call, Fate::Good)
    }

    async fn answer_of(
        &self,
        call: &Call,
        fate: Fate,
        answer: Answer,
    ) -> Result<HttpResponse, ConnectorError> {
        let Answer::Reply(response) = answer else { return std::future::pending().await };
        let is_good = match fate {
            Fate::Good | Fate::Refused(..) | Fate::Stale => true,
            Fate::Twice(after) => after > AWAITED,
            _ => false,
        };
        if !is_good && call.is_write {
            let mut sea = self.sea.lock();
            sea.witness.unanswered(call);
            // A refusal says that nothing was done, though its body breaks off.
            if fate != Fate::Torn || !(300..500).contains(&response.status) {
                sea.duties.unanswered(call);
            }
        }
        match fate {
            Fate::Lost => Err(ConnectorError::io("connection closed before the message completed".into())),
            Fate::HangsAfter => std::future::pending().await,
            Fate::FailsAfter => response_of(broken(500)),
            Fate::Torn if response.body.len() > 2 => {
                let half = response.body.len() / 2;
                response_of(Response { body: response.body[..half].to_vec(), ..response })
            }
            _ => {
                self.sea.lock().hears(call, &response);
                response_of(response)
            }
        }
    }

    /// Dead processes go on nowhere.
    async fn alive(&self) {
        if self.sea.lock().dead.contains(&self.process) {
            std::future::pending::<()>().await;
        }
    }

    async fn die(&self, when: &str, call: &Call) {
        self.sea.lock().dies(when, call);
        std::future::pending::<()>().await;
    }

    fn call_of(&self, request: Request, sent_at: Duration) -> Call {
        let (service, operation) = named(&request);
        let is_write = service == "s3" && request.method != "GET" || !names::is_read(&operation);
        Call { number: 0, process: self.process, service, operation, is_write, sent_at, request }
    }
}

/// A process that waits for an answer. Where it ends without one it has given up, or was killed.
struct Waiting<'a> {
    sea: SharedSea,
    call: &'a Call,
    is_over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.sea.lock().gives_up(self.call);
        }
    }
}

/// Service and operation.
fn named(request: &Request) -> (&'static str, String) {
    let is = |word: &str| request.header("authorization").is_some_and(|line| line.contains(word));
    for (scope, service) in [("/s3/", "s3"), ("/sts/", "sts"), ("/ec2/", "ec2"), ("/route53/", "route53")] {
        if is(scope) {
            let operation = match (service, request.method.as_str()) {
                ("s3", "GET") if request.uri.contains("list-type") => "ListObjectsV2",
                ("s3", "PUT") => "PutObject",
                ("s3", "DELETE") => "DeleteObject",
                ("s3", "POST") => "DeleteObjects",
                ("s3", _) => "GetObject",
                ("sts", _) => "GetCallerIdentity",
                ("route53", _) => "GetHostedZone",
                _ => {
                    let body = String::from_utf8_lossy(&request.body);
                    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
                    return (service, action.unwrap_or("Describe").to_owned());
                }
            };
            return (service, operation.to_owned());
        }
    }
    let target = request.header("x-amz-target");
    names::operation(&request.method, &request.uri, target).unwrap_or(("unknown", request.uri.clone()))
}

fn broken(status: u16) -> Response {
    let headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("x-amzn-errortype".to_owned(), "InternalFailure".to_owned()),
    ];
    Response { status, headers, body: br#"{"message":"as the dice fell"}"#.to_vec() }
}

async fn pass(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}
