//! What concerns every service: routing, quotas, faults, adapters.

use crate::testing::{Caller, count};
use crate::{Answer, Clock, Config, Connector, Delays, Request, World, serve};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::http::{Request as SdkRequest, StatusCode};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn create() -> Request {
    Request::rest("POST", "/v2/apis", &json!({"name": "shop", "protocolType": "HTTP"}))
}

#[test]
fn services_are_found_by_target_scope_host_path_or_action() {
    let mut aws = Caller::instant();
    let scope = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host";
    let plain = |method: &str, uri: &str, headers: &[(&str, &str)], body: &str| Request {
        method: method.to_owned(),
        uri: uri.to_owned(),
        headers: headers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        body: body.as_bytes().to_vec(),
    };
    for (request, service, status) in [
        (plain("GET", "/v2/apis", &[], ""), "apigatewayv2", 200),
        (
            plain("GET", "https://apigateway.us-east-1.amazonaws.com/v2/apis?maxResults=5", &[], ""),
            "apigatewayv2",
            200,
        ),
        (plain("POST", "/", &[("authorization", scope)], "Action=DescribeVpcs"), "ec2", 200),
        (
            plain("POST", "/", &[("host", "sts.us-east-1.amazonaws.com")], "Action=GetCallerIdentity"),
            "sts",
            200,
        ),
        (plain("POST", "/", &[], "Action=DescribeVpcs"), "ec2", 200),
        (plain("GET", "/2013-04-01/hostedzone/Z1", &[], ""), "route53", 404),
        (plain("POST", "/2013-04-01/hostedzone", &[], ""), "route53", 400),
        (Request::json("ecs", "ListClusters", &json!({})), "ecs", 200),
        (Request::json("servicediscovery", "ListNamespaces", &json!({})), "servicediscovery", 200),
        (Request::json("ecs", "RunTask", &json!({})), "ecs", 400),
        (Request::json("servicediscovery", "GetInstance", &json!({})), "servicediscovery", 400),
        (plain("GET", "/v2/portals", &[], ""), "apigatewayv2", 404),
        (plain("POST", "/", &[("x-amz-target", "AWSEvents.PutRule")], "{}"), "unknown", 400),
        (plain("GET", "/favicon.ico", &[], ""), "unknown", 400),
        (plain("POST", "/v2/apis", &[], "not json"), "apigatewayv2", 400),
    ] {
        let response = aws.send(&request);
        assert_eq!(response.status, status, "{request:?}");
        let last = aws.world.log().last().cloned();
        assert_eq!(last.map(|call| call.service), Some(service), "{request:?}");
    }
}

#[test]
fn quotas_are_token_buckets() {
    let refused = |aws: &mut Caller, request: &Request, times: usize| -> usize {
        (0..times).filter(|_| [400, 429].contains(&aws.send(request).status)).count()
    };
    let link = Request::rest("POST", "/v2/vpclinks", &json!({"name": "l", "subnetIds": ["s"]}));
    let list = Request::rest("GET", "/v2/apis", &Value::Null);
    let mut aws = Caller::with(Config::default());
    assert_eq!(refused(&mut aws, &list, 45), 5);
    aws.wait(1);
    assert_eq!(refused(&mut aws, &list, 15), 5);
    aws.wait(60);
    assert_eq!(refused(&mut aws, &link, 1), 0);
    aws.wait(14);
    let response = aws.send(&link);
    assert_eq!((response.status, &response.json()["message"]), (429, &json!("Too Many Requests")));
    aws.wait(1);
    assert_eq!(refused(&mut aws, &link, 1), 0);
    let services = Request::json("ecs", "ListServices", &json!({"cluster": "main"}));
    assert_eq!(refused(&mut aws, &services, 101), 1);
    let response = aws.send(&services);
    let expected = json!({"__type": "ThrottlingException", "message": "Rate exceeded"});
    assert_eq!((response.status, response.json()), (400, expected));
}

#[test]
fn faults_are_used_up_in_their_number() {
    let mut aws = Caller::instant();
    aws.world.faults().fail("CreateApi", 2, 500, "InternalFailure", "sorry");
    for status in [500, 500, 201] {
        assert_eq!(aws.send(&create()).status, status);
    }
    assert_eq!(count(&aws.world, "/apigatewayv2/apis"), 1, "a failed call is not carried out");
    aws.world.faults().lose_answer("apigatewayv2.CreateApi", 1);
    assert_eq!(aws.world.answer(&create(), aws.now), Answer::Lost);
    assert_eq!(count(&aws.world, "/apigatewayv2/apis"), 2, "a lost answer is that of a call carried out");
    aws.world.faults().hang("*", 1);
    assert_eq!(aws.world.answer(&create(), aws.now), Answer::Never);
    assert_eq!(count(&aws.world, "/apigatewayv2/apis"), 2);
    aws.world.faults().fail("ecs.CreateService", 1, 500, "ServerException", "sorry");
    assert_eq!(aws.refused("servicediscovery", "CreateService", json!({})).0, "InvalidInput");
    let log: Vec<(u16, Option<&str>, bool)> =
        aws.world.log().iter().map(|call| (call.status, call.code.as_deref(), call.write)).collect();
    let failed = (500, Some("InternalFailure"), true);
    let expected = [
        failed,
        failed,
        (201, None, true),
        (201, None, true),
        (0, None, true),
        (400, Some("InvalidInput"), true),
    ];
    assert_eq!(log, expected);
}

#[test]
fn lists_can_lag_behind_creates() {
    let mut aws = Caller::instant();
    let api = aws.api();
    aws.world.faults().hide_from_lists("GetApis", Duration::from_secs(10));
    let listed =
        |aws: &mut Caller| aws.rest_ok("GET", "/v2/apis", Value::Null)["items"].as_array().map(Vec::len);
    assert_eq!(listed(&mut aws), Some(0));
    assert_eq!(aws.rest("GET", &format!("/v2/apis/{api}"), Value::Null).0, 200);
    aws.wait(10);
    assert_eq!(listed(&mut aws), Some(1));
}

#[test]
fn equal_seeds_give_equal_worlds() {
    let run = |seed| {
        let mut aws = Caller::with(Config { seed, ..Config::default() });
        aws.namespace("shop.local");
        aws.api();
        aws.world.dump().to_string()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

fn shared(delays: Delays) -> crate::SharedWorld {
    Arc::new(Mutex::new(World::new(Config { delays, ..Config::default() })))
}

fn sdk_create() -> SdkRequest<SdkBody> {
    let mut request = SdkRequest::new(SdkBody::from(create().body));
    request.set_uri("https://apigateway.us-east-1.amazonaws.com/v2/apis").ok();
    request.set_method("POST").ok();
    request
}

#[tokio::test(start_paused = true)]
async fn the_connector_spends_the_latency_and_loses_what_it_is_told_to() {
    let world = shared(Delays::default());
    let clock = Clock::new(Duration::from_secs(1_700_000_000));
    let connector = Connector::new(world.clone(), clock);
    let response = connector.call(sdk_create()).await.map(|response| response.status());
    assert_eq!(response.ok(), StatusCode::try_from(201).ok());
    assert_eq!(clock.now(), Duration::from_millis(1_700_000_000_030));
    let with = |order: fn(&mut World)| {
        if let Ok(mut world) = world.lock() {
            order(&mut world);
        }
    };
    with(|world| world.faults().lose_answer("CreateApi", 1));
    assert!(connector.call(sdk_create()).await.is_err_and(|error| error.is_io()));
    with(|world| world.faults().hang("CreateApi", 1));
    let never = tokio::time::timeout(Duration::from_secs(3600), connector.call(sdk_create())).await;
    assert!(never.is_err());
    with(|world| assert_eq!(count(world, "/apigatewayv2/apis"), 2));
}

#[tokio::test(start_paused = true)]
async fn writes_through_the_connector_collide_only_when_they_overlap() {
    let world = shared(Delays { request: Duration::from_millis(25), ..Delays::default() });
    let connector = Connector::new(world.clone(), Clock::new(Duration::from_secs(1_700_000_000)));
    assert!(connector.call(sdk_create()).await.is_ok());
    let dump = world.lock().map(|world| world.dump()).unwrap_or_default();
    let id = dump["apigatewayv2"]["apis"]
        .as_object()
        .and_then(|apis| apis.keys().next().cloned())
        .unwrap_or_default();
    let write = || {
        let mut request = SdkRequest::new(SdkBody::from("{}"));
        request.set_uri(format!("https://apigateway.us-east-1.amazonaws.com/v2/apis/{id}")).ok();
        request.set_method("PATCH").ok();
        let call = connector.call(request);
        async move { call.await.map(|response| response.status().as_u16()).unwrap_or_default() }
    };
    for _ in 0..10 {
        assert_eq!(write().await, 200, "one after the other");
    }
    let (one, other) = tokio::join!(write(), write());
    assert_eq!([one.min(other), one.max(other)], [200, 409]);
}

/// Sends bytes to a server and gives all it answers.
async fn exchange(address: std::net::SocketAddr, text: String) -> String {
    let blocking = tokio::task::spawn_blocking(move || {
        let mut answer = Vec::new();
        let Ok(mut stream) = std::net::TcpStream::connect(address) else { return answer };
        let _ = stream.write_all(text.as_bytes());
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    String::from_utf8_lossy(&blocking.await.unwrap_or_default()).into_owned()
}

#[tokio::test]
async fn the_server_answers_closes_on_lost_answers_and_stops_despite_a_hang() -> std::io::Result<()> {
    let world = shared(Delays::none());
    if let Ok(mut world) = world.lock() {
        world.faults().lose_answer("GetApis", 1);
        world.faults().hang("GetVpcLinks", 1);
    }
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let until = async move {
        let _ = stopped.await;
    };
    let server = tokio::spawn(serve(listener, world.clone(), Clock::new(Duration::from_secs(1)), until));
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let lost = exchange(address, get("/v2/apis")).await;
    assert!(!lost.ends_with("0\r\n\r\n") && !lost.contains("content-length"), "complete: {lost}");
    let answer = exchange(address, get("/v2/apis")).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("{\"items\":[]}"), "{answer}");
    let asked = get("/v2/vpclinks");
    let hanging = tokio::spawn(async move { exchange(address, asked).await });
    // The request has arrived when it is in the log; the server must not stop before.
    while world.lock().is_ok_and(|world| world.log().len() < 3) {
        tokio::task::yield_now().await;
    }
    let _ = stop.send(());
    assert!(matches!(server.await, Ok(Ok(()))));
    assert!(hanging.await.is_ok());
    Ok(())
}
