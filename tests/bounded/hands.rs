//! What people and AWS do meanwhile: drift, things of strangers, answers that are lost. As much in every tide.

use std::sync::PoisonError;
use std::time::Duration;

use allocation_counter::opt_out;
use hatoba_aws_model::{Clock, Request, SharedWorld};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::apart::ask;

/// Those who have a console.
#[derive(Debug)]
pub(crate) struct Hands {
    pub(crate) world: SharedWorld,
    pub(crate) clock: Clock,
    /// What they made in the tide before, by path.
    made: Vec<String>,
}

impl Hands {
    pub(crate) fn new(world: SharedWorld, clock: Clock) -> Hands {
        Hands { world, clock, made: Vec::new() }
    }

    /// The objects of a list of API Gateway's, all pages.
    fn list(&self, path: &str) -> Vec<Value> {
        let mut items: Vec<Value> = Vec::new();
        let mut token = String::new();
        loop {
            let page = format!("{path}?maxResults=100{token}");
            let Some(answer) = ask(&self.world, self.clock, &Request::rest("GET", &page, &Value::Null))
            else {
                return items;
            };
            let answer = answer.json();
            items.extend(answer["items"].as_array().cloned().unwrap_or_default());
            match answer["nextToken"].as_str() {
                Some(next) => token = format!("&nextToken={next}"),
                None => return items,
            }
        }
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        sleep(Duration::from_millis(100)).await; // two writes at one time would collide
        let answer = ask(&self.world, self.clock, &Request::rest(method, path, body)).unwrap();
        assert!(answer.status < 300, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// Once in every tide: somebody changes an API of ours, deletes a route, makes one of his own and another in ours, and
    /// copies our marks; the things of the tide before are taken away. Then AWS loses an answer and refuses a call.
    pub(crate) async fn meddle(&mut self, tide: usize, api: &str) {
        for path in std::mem::take(&mut self.made) {
            sleep(Duration::from_millis(100)).await;
            // What stood in something of ours may have gone with it.
            let _ = ask(&self.world, self.clock, &Request::rest("DELETE", &path, &Value::Null));
        }
        let apis = self.list("/v2/apis");
        let api = apis.iter().find(|other| other["name"] == api).unwrap();
        let at = format!("/v2/apis/{}", api["apiId"].as_str().unwrap());
        self.send("PATCH", &at, &json!({ "description": format!("by hand {tide:04}") })).await;
        let routes = self.list(&format!("{at}/routes"));
        let route = routes.first().unwrap()["routeId"].as_str().unwrap();
        self.send("DELETE", &format!("{at}/routes/{route}"), &Value::Null).await;
        let rogue = self
            .send("POST", &format!("{at}/routes"), &json!({ "routeKey": format!("GET /mine/{tide:04}") }))
            .await;
        self.made.push(format!("{at}/routes/{}", rogue["routeId"].as_str().unwrap()));
        let marks = [json!({}), api["tags"].clone()];
        for tags in marks {
            let theirs = json!({ "name": format!("theirs-{tide:04}"), "protocolType": "HTTP", "tags": tags });
            let theirs = self.send("POST", "/v2/apis", &theirs).await;
            let theirs = format!("/v2/apis/{}", theirs["apiId"].as_str().unwrap());
            self.send("POST", &format!("{theirs}/routes"), &json!({ "routeKey": "GET /theirs" })).await;
            self.made.push(theirs);
        }
        opt_out(|| {
            let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
            world.faults().lose_answer("CreateRoute", 1);
            world.faults().fail("UpdateApi", 1, 500, "InternalServerErrorException", "try again");
        });
    }

    /// How many objects there are of our APIs' kind, and routes in one.
    pub(crate) fn apis(&self) -> usize {
        self.list("/v2/apis").len()
    }
}
