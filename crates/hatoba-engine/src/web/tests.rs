use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use hatoba_core::{Cause, Diagnostic, Digest, Key, Outcome, Place, Truth, fold};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::html::{escape, span};
use super::page::page;
use super::*;
use crate::permit::Leader;
use crate::shown::{DocumentShown, Event, LeadershipShown, PruningShown, QueueShown, SourceShown};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn document(name: &str, synced: Truth, message: &str) -> (Key, DocumentShown) {
    let key = Key::new("HttpApi", name);
    let outputs =
        [("id", "abc123"), ("url", "https://abc123.example.com/?a=1&b=2"), ("odd", "javascript:alert(1)")];
    let outcome = Outcome {
        synced: (synced, Cause::new("Differs", message)),
        ready: Some((Truth::True, Cause::new("Ready", "it has settled"))),
        drift: vec!["corsConfiguration.allowOrigins".to_owned()],
        notes: Vec::new(),
        outputs: outputs.map(|(name, text)| (name.to_owned(), text.to_owned())).into(),
        filled: None,
    };
    let status = fold(None, &key, &Digest::of_bytes(b"x"), outcome, at(1_000));
    (key, DocumentShown { status, verified_seconds_ago: Some(4.0), file: "shop/api.yaml".to_owned() })
}

fn shown() -> Shown {
    let place = Place { file: "shop/bad.yaml".to_owned(), line: 14, column: 18 };
    Shown {
        schema_version: crate::SCHEMA_VERSION,
        version: "0.1.0",
        commit: None,
        owner: "local".to_owned(),
        account: Some("123456789012".to_owned()),
        region: "eu-central-1".to_owned(),
        leader: true,
        leadership: LeadershipShown::Leads,
        started_at: at(0),
        source: SourceShown {
            location: "/srv/<documents>".to_owned(),
            revision: Some("77ab".to_owned()),
            files: 3,
            unreadable: vec!["shop/torn.yaml".to_owned()],
            invalid: 1,
            diagnostics: vec![
                Diagnostic::error(place.clone(), "spec.ttl", "expected a number, got hunter2"),
                Diagnostic::warning(place, "spec.routeKey", "everybody may call it").rule("PublicRoute"),
            ],
            last_success: Some(at(1_190)),
            error: None,
        },
        documents: BTreeMap::from([
            document("a-well", Truth::True, "AWS equals the document"),
            document("b-ill", Truth::False, "<script>alert('x')</script> & \"more\""),
        ]),
        pruning: vec![PruningShown {
            document: Key::new("Route", "gone"),
            id: "rt-1".to_owned(),
            held: Cause::new("FuseOpen", "11 documents vanished at once"),
        }],
        rogue_children: vec!["abc123/routes/stranger".to_owned()],
        queue: QueueShown { depth: 2, oldest_seconds: 3.0, nonconverging: 0, paused: 0 },
        last_full_resync: Some(at(1_100)),
        events: VecDeque::from([Event {
            time: at(1_195),
            document: Key::new("HttpApi", "b-ill"),
            action: "UpdateApi".to_owned(),
            id: "abc123".to_owned(),
            cause: "drift of corsConfiguration".to_owned(),
        }]),
    }
}

#[derive(Default)]
struct Fixed {
    is_ill: AtomicBool,
    is_ready: AtomicBool,
}

impl Picture for Fixed {
    fn shown(&self) -> Shown {
        shown()
    }
    fn metrics(&self) -> String {
        "# HELP a Some.\n# TYPE a counter\na_total 1\n# EOF\n".to_owned()
    }
    fn is_healthy(&self) -> bool {
        !self.is_ill.load(Ordering::Relaxed)
    }
    fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }
    fn reconcile_now(&self) {}
}

struct Running {
    address: SocketAddr,
    picture: Arc<Fixed>,
    stop: oneshot::Sender<()>,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
}

async fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let picture = Arc::new(Fixed::default());
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let server = tokio::spawn(serve(listener, picture.clone(), shutdown));
    Running { address, picture, stop, server }
}

/// Sends the bytes and reads until the peer closes.
async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn get(address: SocketAddr, path: &str) -> (String, String) {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n")).await
}

/// Head in lower case, and body.
async fn ask(address: SocketAddr, request: &str) -> (String, String) {
    let answer = raw(address, request).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_lowercase(), body.to_owned())
}

#[tokio::test]
async fn every_route_answers() {
    let running = start().await;
    for (path, content_type, word) in [
        ("/", "text/html; charset=utf-8", "b-ill"),
        ("/?refresh=off", "text/html; charset=utf-8", "Go on"),
        ("/metrics", "application/openmetrics-text; version=1.0.0; charset=utf-8", "# EOF"),
        ("/healthz", "text/plain; charset=utf-8", "ok"),
        ("/api/v1/status", "application/json", "\"HttpApi/b-ill\""),
        ("/api/v1/events", "application/json", "\"UpdateApi\""),
        ("/style.css?v=0.1.0", "text/css; charset=utf-8", "prefers-color-scheme"),
        ("/icon.svg", "image/svg+xml", "<svg"),
    ] {
        let (head, body) = get(running.address, path).await;
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        assert!(head.contains(&format!("content-type: {content_type}")), "{path}: {head}");
        assert!(body.contains(word), "{path}: {body}");
        for header in [
            "content-security-policy: default-src 'none'; style-src 'self'; img-src 'self';",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "connection: close",
            if path.contains('s') && path.contains('.') {
                "max-age=86400"
            } else {
                "cache-control: no-store"
            },
        ] {
            assert!(head.contains(header), "{path} lacks {header}: {head}");
        }
    }
    let (_, body) = get(running.address, "/api/v1/status").await;
    let status: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["documents"]["HttpApi/b-ill"]["synced"]["status"], "False");
    let (_, body) = get(running.address, "/api/v1/events").await;
    assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&body).unwrap().len(), 1);
}

#[tokio::test]
async fn health_and_readiness() {
    let running = start().await;
    let (head, body) = get(running.address, "/readyz").await;
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert_eq!(body, "not ready: still starting\n");
    running.picture.is_ready.store(true, Ordering::Relaxed);
    assert!(get(running.address, "/readyz").await.0.starts_with("http/1.1 200"));
    running.picture.is_ill.store(true, Ordering::Relaxed);
    assert!(get(running.address, "/healthz").await.0.starts_with("http/1.1 503"));

    let mut early = shown();
    early.source.last_success = None;
    assert_eq!(why_not_ready(&early), "the source has not been read yet");
    early.source.error = Some(Cause::new("Unreadable", "no such folder"));
    assert_eq!(why_not_ready(&early), "the source cannot be read: Unreadable: no such folder");
}

#[tokio::test]
async fn nothing_else_is_answered() {
    let running = start().await;
    let (head, body) = get(running.address, "/api/v1/secrets").await;
    assert!(head.starts_with("http/1.1 404") && head.contains("application/json"), "{head}");
    assert!(serde_json::from_str::<serde_json::Value>(&body).unwrap()["error"].is_string());
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let request =
            format!("{method} /api/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        let (head, _) = ask(running.address, &request).await;
        assert!(head.starts_with("http/1.1 405") && head.contains("allow: get"), "{method}: {head}");
        assert!(head.contains("content-security-policy"), "{head}");
    }
    for (host, code) in [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("a.localhost.", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:80", 421),
        ("", 421),
    ] {
        let (head, _) = ask(running.address, &format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert!(head.starts_with(&format!("http/1.1 {code}")), "{host}: {head}");
    }
}

#[tokio::test]
async fn metrics_come_in_the_format_that_is_asked_for() {
    let running = start().await;
    for (accept, content_type, text) in [
        (
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            "application/openmetrics-text",
            "# EOF",
        ),
        ("*/*", "text/plain; version=0.0.4", "# TYPE a_total counter\na_total 1\n"),
    ] {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n");
        let (head, body) = ask(running.address, &request).await;
        assert!(head.contains(&format!("content-type: {content_type}")), "{head}");
        assert!(body.contains(text), "{body}");
    }
}

#[tokio::test]
async fn a_large_request_and_too_many_connections_are_refused() {
    let running = start().await;
    let large = format!(
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n\r\n",
        "x".repeat(limits::REQUEST_BYTES_MAX)
    );
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    // The peer may close while this is still being sent.
    let _ = stream.write_all(large.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));

    let mut idle = Vec::new();
    for _ in 0..limits::CONNECTIONS_MAX {
        idle.push(TcpStream::connect(running.address).await.unwrap());
    }
    let answer = tokio::spawn(async move { get(running.address, "/healthz").await.0 });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!answer.is_finished(), "one more waits");
    drop(idle);
    assert!(answer.await.unwrap().starts_with("http/1.1 200"));
}

#[tokio::test(start_paused = true)]
async fn half_a_request_is_not_waited_for() {
    let running = start().await;
    let answer = raw(running.address, "GET / HTTP/1.1\r\nHost: ").await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let running = start().await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
    get(running.address, "/healthz").await;
    running.stop.send(()).unwrap();
    let ended = tokio::time::timeout(DRAIN_MAX * 2, running.server).await;
    ended.expect("in time").unwrap().unwrap();
}

#[test]
fn the_page_escapes_every_value_and_shows_no_field_values() {
    let html = page(&shown(), at(1_200), true);
    assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;more&quot;"));
    assert!(!html.contains("<script"));
    assert!(html.contains("/srv/&lt;documents&gt;"));
    assert!(html.contains(r#"<a href="https://abc123.example.com/?a=1&amp;b=2""#));
    assert!(html.contains("<code>javascript:alert(1)</code>"));
    assert!(!html.contains("hunter2"), "the sentence of a diagnostic may quote a value");
    for word in [
        "1 of 2 documents not well",
        "123456789012",
        "eu-central-1",
        "77ab",
        "shop/torn.yaml",
        "shop/bad.yaml:14:18",
        "<code>PublicRoute</code>",
        "corsConfiguration.allowOrigins",
        "11 documents vanished at once",
        "abc123/routes/stranger",
        "UpdateApi",
        "compared 4 s ago",
        r#"http-equiv="refresh" content="5""#,
        r#"<th scope="row">"#,
    ] {
        assert!(html.contains(word), "{word}\n{html}");
    }
    assert!(html.find("b-ill") < html.find("a-well"), "what is not well comes first");
    assert!(!page(&shown(), at(1_200), false).contains("http-equiv"));
}

#[test]
fn the_page_is_bounded() {
    let mut many = shown();
    for number in 0..2_000 {
        let (key, document) = document(&format!("d{number}"), Truth::False, &"long ".repeat(1_000));
        many.documents.insert(key, document);
    }
    let html = page(&many, at(1_200), true);
    assert!(html.contains("and 1502 more"), "{}", html.len());
    assert!(html.len() < 2_000_000, "{}", html.len());
}

#[test]
fn text_becomes_harmless() {
    for (text, expected) in [
        ("plain ünïcode 波止場", "plain ünïcode 波止場"),
        ("<a href=\"x\">'&'</a>", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"),
        ("&amp;", "&amp;amp;"),
        ("a\nb\tc", "a b c"),
        ("\u{0}\u{1b}[31m", "\u{fffd}\u{fffd}[31m"),
        ("abc\u{202e}cba", "abc\u{fffd}cba"),
    ] {
        assert_eq!(escape(text), expected);
    }
}

#[test]
fn spans_have_units() {
    let cases = [
        (-3.0, "0 s"),
        (f64::NAN, "0 s"),
        (119.9, "119 s"),
        (120.0, "2 min"),
        (7_200.0, "2 h"),
        (172_800.0, "2 d"),
    ];
    for (seconds, text) in cases {
        assert_eq!(span(seconds), text);
    }
}

#[test]
fn a_standby_says_who_leads() {
    let leader = Leader { owner: "team".to_owned(), host: "<b>".to_owned(), pid: 7, since: at(0) };
    let leadership = LeadershipShown::StandsBy { leader: Some(leader) };
    let html = page(&Shown { leader: false, leadership, ..shown() }, at(1_200), true);
    assert!(html.contains("Standby for owner team: process 7 on &lt;b&gt; leads since"), "{html}");
}
