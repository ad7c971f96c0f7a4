//! A queue that tells, is silent, refuses, or is somebody else's.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use super::*;
use crate::bucket::bell::Bell;

/// One queue. Long polls last as long as the real ones.
#[derive(Clone, Debug, Default)]
struct FakeSqs(Arc<(Mutex<Held>, Notify)>);

#[derive(Debug, Default)]
struct Held {
    messages: VecDeque<String>,
    handed_out: usize,
    deleted: usize,
    receives: Vec<Instant>,
    fault: Option<&'static str>,
}

impl FakeSqs {
    fn send(&self, body: &Value) {
        self.held().messages.push_back(body.to_string());
        self.0.1.notify_one();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.0.lock().unwrap()
    }

    async fn answer(self, target: String, body: Value) -> (u16, Value) {
        let fault = self.held().fault;
        if let Some(fault) = fault {
            self.held().receives.push(Instant::now());
            return (400, json!({"__type": fault, "message": "no"}));
        }
        if target.ends_with("DeleteMessageBatch") {
            let ids: Vec<Value> =
                body["Entries"].as_array().unwrap().iter().map(|entry| json!({"Id": entry["Id"]})).collect();
            self.held().deleted += ids.len();
            return (200, json!({"Successful": ids, "Failed": []}));
        }
        self.held().receives.push(Instant::now());
        if self.held().messages.is_empty() {
            let wait = Duration::from_secs(body["WaitTimeSeconds"].as_u64().unwrap());
            let _ = timeout(wait, self.0.1.notified()).await;
        }
        let mut held = self.held();
        let mut messages = Vec::new();
        while messages.len() < 10
            && let Some(body) = held.messages.pop_front()
        {
            held.handed_out += 1;
            messages.push(json!({"Body": body, "ReceiptHandle": format!("r{}", held.handed_out)}));
        }
        (200, json!({"Messages": messages}))
    }

    fn config(&self) -> SdkConfig {
        FakeS3::default().config().to_builder().http_client(SharedHttpClient::new(self.clone())).build()
    }

    /// A bell whose first ring, that of beginning to listen, has been heard.
    async fn bell(&self) -> Bell {
        let bell = self.bell_while(watch::channel(true).1);
        bell.rings().await;
        bell
    }

    fn bell_while(&self, takes: watch::Receiver<bool>) -> Bell {
        let queue = "https://sqs.us-east-1.amazonaws.com/1/docs";
        Bell::hang(&self.config(), queue, location("s3://docs/prod"), takes)
    }
}

impl HttpConnector for FakeSqs {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let answer = self.clone().answer(target, body);
        HttpConnectorFuture::new(async move {
            let (status, body) = answer.await;
            Ok(HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body.to_string())))
        })
    }
}

impl HttpClient for FakeSqs {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn event(bucket: &str, key: &str) -> Value {
    json!({"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]})
}

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(start_paused = true)]
async fn a_drop_rings_within_a_second_and_a_burst_rings_twice_at_most() {
    let sqs = FakeSqs::default();
    let bell = sqs.bell().await;
    assert!(timeout(Duration::from_secs(95), bell.rings()).await.is_err());
    assert_eq!(sqs.held().receives.len(), 5, "a long poll every twenty seconds");
    let dropped = Instant::now();
    sqs.send(&event("docs", "prod/a.yaml"));
    bell.rings().await;
    assert!(dropped.elapsed() < Duration::from_secs(1), "{:?}", dropped.elapsed());
    (0..25).for_each(|number| sqs.send(&event("docs", &format!("prod/{number}.yaml"))));
    bell.rings().await;
    let rest = timeout(Duration::from_secs(60), bell.rings()).await;
    assert!(rest.is_ok() || sqs.held().messages.is_empty());
    assert!(timeout(HOUR, bell.rings()).await.is_err());
    let held = sqs.held();
    assert_eq!((held.handed_out, held.deleted), (26, 26));
}

#[tokio::test(start_paused = true)]
async fn what_lies_beside_is_removed_in_silence() {
    let sqs = FakeSqs::default();
    let bell = sqs.bell().await;
    sqs.send(&json!({"Event": "s3:TestEvent", "Bucket": "docs"}));
    sqs.send(&event("docs", ".hatoba/prod/heartbeat.json"));
    assert!(timeout(Duration::from_secs(60), bell.rings()).await.is_err());
    assert_eq!(sqs.held().deleted, 2);
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_messages_stay_and_are_taken_slowly() {
    let sqs = FakeSqs::default();
    let bell = sqs.bell().await;
    for _ in 0..10_000 {
        sqs.send(&json!({"order": 7}));
    }
    assert!(timeout(HOUR, bell.rings()).await.is_err());
    assert_eq!(sqs.held().deleted, 0);
    let receives = sqs.held().receives.len();
    assert!(receives < 25, "{receives} in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_standby_takes_no_message_and_who_begins_to_take_them_looks_first() {
    let sqs = FakeSqs::default();
    let (leads, takes) = watch::channel(false);
    let bell = sqs.bell_while(takes);
    sqs.send(&event("docs", "prod/a.yaml"));
    assert!(timeout(HOUR, bell.rings()).await.is_err());
    assert_eq!(sqs.held().receives.len(), 0);
    leads.send_replace(true);
    timeout(Duration::from_secs(1), bell.rings()).await.unwrap();
    let held = sqs.held();
    assert_eq!((held.handed_out, held.deleted), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_refuses_is_asked_again_with_backoff() {
    let sqs = FakeSqs::default();
    sqs.held().fault = Some("com.amazonaws.sqs#QueueDoesNotExist");
    let bell = sqs.bell().await;
    assert!(timeout(HOUR, bell.rings()).await.is_err());
    let refused = sqs.held().receives.len();
    assert!((10..25).contains(&refused), "{refused} in an hour");
    sqs.held().fault = None;
    sqs.send(&event("docs", "prod/a.yaml"));
    timeout(Duration::from_secs(301), bell.rings()).await.unwrap();
    // Dropped, it asks no more.
    drop(bell);
    tokio::time::advance(DAY).await;
    let receives = sqs.held().receives.len();
    tokio::time::advance(DAY).await;
    assert_eq!(sqs.held().receives.len(), receives);
}
