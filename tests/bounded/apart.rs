//! The model of AWS, apart from what is counted: it has a history of its own, as AWS has.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use allocation_counter::opt_out;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use hatoba_aws_model::{
    Answer, Clock, Config, Request, Response, SharedWorld, World, request_of, response_of,
};

/// Does something that does not count. What comes of it counts as if it had been made outside.
pub(crate) fn apart<T: Clone>(work: impl FnOnce() -> T) -> T {
    let mut made = None;
    opt_out(|| made = Some(work()));
    let counted = made.clone();
    opt_out(|| drop(made));
    counted.unwrap()
}

/// A world that does not count.
pub(crate) fn world(config: Config) -> SharedWorld {
    let mut world = None;
    opt_out(|| world = Some(Arc::new(Mutex::new(World::with_article_prerequisites(config)))));
    world.unwrap()
}

/// Somebody's request to the world; `None`: it was carried out, and its answer is lost.
pub(crate) fn ask(world: &SharedWorld, clock: Clock, request: &Request) -> Option<Response> {
    apart(|| {
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        world.clear_log();
        match world.answer(request, clock.now()) {
            Answer::Reply(response) => Some(response),
            Answer::Lost | Answer::Never | Answer::Later(_) => None,
        }
    })
}

/// A process's way there.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) world: SharedWorld,
    pub(crate) clock: Clock,
}

/// So long each way.
const HALF: Duration = Duration::from_millis(15);

impl HttpConnector for Way {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let way = self.clone();
        HttpConnectorFuture::new(async move { way.carry(&request).await })
    }
}

impl Way {
    async fn carry(self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request_of(request)?;
        tokio::time::sleep(HALF).await;
        let answer = ask(&self.world, self.clock, &request);
        tokio::time::sleep(HALF).await;
        match answer {
            Some(response) => response_of(response),
            None => Err(ConnectorError::io("the connection broke".into())),
        }
    }
}
