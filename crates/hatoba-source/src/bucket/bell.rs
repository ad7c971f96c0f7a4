//! Messages that something below the prefix changed: S3's event notifications, through SQS.
//!
//! **Invariant: a message is a hint when to look, and nothing else.** What is there is found by listing; a message that
//! is lost, late or told twice does no harm, and a queue that does not serve stops nothing.
//!
//! Messages of S3's about our bucket are removed, whatever their key; anything else is left where it is, because the
//! queue is then probably somebody else's, and is asked less often. Of several daemons on one queue only one takes
//! messages: what another one took, it would not be told of.

use std::sync::Arc;
use std::time::Duration;

use aws_types::SdkConfig;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::Location;
use super::queue::{Message, Queue};

/// How long messages are collected before a look: an upload of a folder is a burst.
const COLLECT: Duration = Duration::from_millis(200);
/// After a failure the queue is asked again so much later, and then twice as late each time.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// A bell that rings when something below a prefix changed.
pub(super) struct Bell {
    rung: Arc<Notify>,
    listening: JoinHandle<()>,
}

impl Bell {
    /// Listens to a queue until it is dropped, while `takes` is true.
    pub(super) fn hang(
        config: &SdkConfig,
        queue_url: &str,
        location: Location,
        takes: watch::Receiver<bool>,
    ) -> Bell {
        let rung = Arc::new(Notify::new());
        let ear = Ear { queue: Queue::new(config, queue_url), location, takes, rung: Arc::clone(&rung) };
        Bell { rung, listening: tokio::spawn(ear.listen()) }
    }

    /// Resolves shortly after it rang; a ring while nobody waits is kept.
    pub(super) async fn rings(&self) {
        self.rung.notified().await;
        tokio::time::sleep(COLLECT).await;
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

struct Ear {
    queue: Queue,
    location: Location,
    takes: watch::Receiver<bool>,
    rung: Arc<Notify>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// Something below the prefix changed.
    Ours,
    /// S3 says something about the bucket that does not concern us.
    Beside,
    /// No message of S3's, or about another bucket.
    Foreign,
}

impl Ear {
    async fn listen(mut self) {
        let mut pause = PAUSE_FIRST;
        let mut is_failing = false;
        let mut listens = false;
        loop {
            listens &= *self.takes.borrow();
            if self.takes.wait_for(|takes| *takes).await.is_err() {
                return; // not its turn, and nobody is left to give it
            }
            if !std::mem::replace(&mut listens, true) {
                self.rung.notify_one(); // what came before went to somebody else
            }
            match self.turn().await {
                Ok(()) => {
                    if std::mem::replace(&mut is_failing, false) {
                        tracing::info!("the notification queue serves again");
                    }
                    pause = PAUSE_FIRST;
                }
                Err(why) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        tracing::warn!(
                            why,
                            "the notification queue does not serve; changes are seen at the next poll"
                        );
                    }
                    tokio::time::sleep(pause).await;
                    pause = PAUSE_MAX.min(pause * 2);
                }
            }
        }
    }

    /// One long poll. The bell rings before anything is removed.
    async fn turn(&self) -> Result<(), String> {
        let messages = self.queue.receive().await.map_err(|error| error.to_string())?;
        let news = |message: &Message| news(&message.body, &self.location);
        if messages.iter().any(|message| news(message) == News::Ours) {
            self.rung.notify_one();
        }
        let (foreign, of_s3): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| news(message) == News::Foreign);
        self.queue.delete(&of_s3).await.map_err(|error| error.to_string())?;
        match foreign.len() {
            0 => Ok(()),
            count => Err(format!(
                "{count} messages in it are no notifications of S3's about s3://{}; they are left there, and it is \
                 asked less often",
                self.location.bucket()
            )),
        }
    }
}

/// What a message is, in any of the forms that S3's events come in: as they are, through EventBridge, through SNS.
fn news(body: &str, location: &Location) -> News {
    let Ok(message) = serde_json::from_str::<Value>(body) else { return News::Foreign };
    if let Some(inner) = message["Message"].as_str().filter(|_| message["Type"] == "Notification") {
        return match serde_json::from_str(inner) {
            Ok(inner) => of_s3(&inner, location),
            Err(_) => News::Foreign,
        };
    }
    of_s3(&message, location)
}

fn of_s3(message: &Value, location: &Location) -> News {
    if message["Event"] == "s3:TestEvent" {
        let is_ours = message.get("Bucket").is_none_or(|bucket| bucket == location.bucket());
        return if is_ours { News::Beside } else { News::Foreign };
    }
    if message["source"] == "aws.s3" {
        return about(&message["detail"], location, str::to_owned);
    }
    let records = message["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
    let events = records.iter().filter(|record| record["eventSource"] == "aws:s3");
    let found: Vec<News> = events.map(|record| about(&record["s3"], location, decoded)).collect();
    let best = [News::Ours, News::Beside].into_iter().find(|news| found.contains(news));
    best.unwrap_or(News::Foreign)
}

/// An event's bucket and key. One without a key that can be read may be about anything below the prefix.
fn about(event: &Value, location: &Location, decode: fn(&str) -> String) -> News {
    if event["bucket"]["name"] != location.bucket() {
        return News::Foreign;
    }
    match event["object"]["key"].as_str() {
        Some(key) if !decode(key).starts_with(&location.start()) => News::Beside,
        _ => News::Ours,
    }
}

/// As S3 writes keys in its own events.
fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(bucket: &str, key: &str) -> Value {
        json!({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
               "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 1}}})
    }

    #[test]
    fn messages_are_told_apart() {
        let location: Location = "s3://docs/prod web".parse().unwrap();
        let is = |message: Value| news(&message.to_string(), &location);
        for key in ["prod+web/a.yaml", "prod%20web%2Fa.yaml", "prod+web/"] {
            assert_eq!(is(json!({"Records": [event("docs", key)]})), News::Ours, "{key}");
        }
        for key in ["prod+web", "prod+website/a.yaml", ".hatoba/prod+web/heartbeat.json", ""] {
            assert_eq!(is(json!({"Records": [event("docs", key)]})), News::Beside, "{key}");
        }
        let mixed =
            json!({"Records": [event("other", "x"), event("docs", "x"), event("docs", "prod+web/x")]});
        assert_eq!(is(mixed), News::Ours);
        assert_eq!(is(json!({"Records": [event("other", "prod+web/a.yaml")]})), News::Foreign);
        assert_eq!(
            is(json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "docs"})),
            News::Beside
        );
        assert_eq!(is(json!({"Event": "s3:TestEvent", "Bucket": "other"})), News::Foreign);
        let detail = json!({"bucket": {"name": "docs"}, "object": {"key": "prod web/a.yaml"}});
        assert_eq!(
            is(json!({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})),
            News::Ours
        );
        let inner = json!({"Records": [event("docs", "prod+web/a.yaml")]}).to_string();
        assert_eq!(is(json!({"Type": "Notification", "Message": inner})), News::Ours);
        assert_eq!(is(json!({"Type": "Notification", "Message": "hello"})), News::Foreign);
        for strange in
            ["", "hello", "[]", "7", "null", "{}", "{\"Records\": []}", "{\"Records\": [7]}", "\u{0}"]
        {
            assert_eq!(news(strange, &location), News::Foreign, "{strange}");
        }
    }
}
