//! A request to an API itself, as any caller sends it: unsigned, followed nowhere, and of its answer only the status.

use std::convert::Infallible;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_types::SdkConfig;

use crate::raw::settled;

/// Sends GET to `url` followed by `path`, with the timeouts of all calls, and gives the status. The body is not read.
pub(crate) async fn visit(config: &SdkConfig, url: &str, path: &str) -> Result<u16, String> {
    let builder =
        settled(config).service_name("execute-api").operation_name("Probe").no_auth().endpoint_url(url);
    let operation = builder.serializer(request).deserializer_impl::<u16, Infallible>(Status).build();
    match operation.invoke(path.to_owned()).await {
        Ok(status) => Ok(status),
        Err(SdkError::TimeoutError(_)) => Err("no answer in time".to_owned()),
        Err(error) => Err(format!("no answer: {}", DisplayErrorContext(&error))),
    }
}

fn request(path: String) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method("GET")?;
    request.set_uri(path)?;
    request
        .headers_mut()
        .try_insert("user-agent", concat!("hatoba/", env!("CARGO_PKG_VERSION"), " (probe)"))?;
    Ok(request)
}

/// Of an answer the status alone.
#[derive(Debug)]
struct Status;

impl DeserializeResponse for Status {
    fn deserialize_streaming_with_config(
        &self,
        response: &mut HttpResponse,
        _: &ConfigBag,
    ) -> Option<Result<Output, OrchestratorError<Error>>> {
        // Whatever the body is, it is dropped with the connection.
        Some(Ok(Output::erase(response.status().as_u16())))
    }

    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        Ok(Output::erase(response.status().as_u16()))
    }
}
