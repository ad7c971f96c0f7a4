use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use hatoba_core::{Cause, Diagnostic, Digest, HopSeen, Key, Outcome, Place, Truth, fold};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::html::{span, text};
use super::page::page;
use super::*;
use crate::permit::Leader;
use crate::shown::{
    DocumentShown, Event, LeadershipShown, Origin, PruningShown, QueueShown, QuotaShown, SourceShown,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Two hops, of which the second is as said.
fn chain_of(truth: Truth) -> Vec<HopSeen> {
    let hop = |station, name: &str, status, message: &str| HopSeen {
        label: station,
        station,
        kind: "Thing".to_owned(),
        document: Some(Key::new("Thing", name)),
        id: "thing-1".to_owned(),
        status,
        reason: Cause::new("Broken", "").reason,
        message: message.to_owned(),
        is_spare: false,
    };
    vec![
        hop("door", "front", Truth::True, "it works"),
        hop("back room", "<b>", truth, "it is <dark> in there"),
    ]
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
    (
        key,
        DocumentShown {
            status,
            verified_seconds_ago: Some(4.0),
            file: "shop/api.yaml".to_owned(),
            chain: chain_of(synced),
            entries: Vec::new(),
            is_held: synced == Truth::False,
            probe: None,
        },
    )
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
        notices: Vec::new(),
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
            overdue: false,
        }],
        rogue_children: vec!["abc123/routes/stranger".to_owned()],
        queue: QueueShown { depth: 2, oldest_seconds: 3.0, nonconverging: 0, paused: 0 },
        last_full_resync: Some(at(1_100)),
        quotas: vec![QuotaShown { name: "apigateway", used: 0.25, per_second: 5.0, speed: 0.5 }],
        events: VecDeque::from([Event {
            time: at(1_195),
            document: Key::new("HttpApi", "b-ill"),
            action: "UpdateApi".to_owned(),
            id: "abc123".to_owned(),
            cause: "drift of corsConfiguration".to_owned(),
            origin: Origin::Drift,
        }]),
        apis_at: None,
    }
}

#[derive(Default)]
struct Fixed {
    is_ill: AtomicBool,
    is_ready: AtomicBool,
    changes: watch::Sender<u64>,
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
    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
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
    start_for(Access::open()).await
}

async fn start_for(access: Access) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let picture = Arc::new(Fixed::default());
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let server = tokio::spawn(serve(listener, picture.clone(), access, shutdown));
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
        ("/page.js", "text/javascript; charset=utf-8", "EventSource"),
        ("/icon.svg", "image/svg+xml", "<svg"),
    ] {
        let (head, body) = get(running.address, path).await;
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        assert!(head.contains(&format!("content-type: {content_type}")), "{path}: {head}");
        assert!(body.contains(word), "{path}: {body}");
        for header in [
            "content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self';",
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

#[tokio::test(start_paused = true)]
async fn drops_of_a_request_do_not_buy_time() {
    let running = start().await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let begun = tokio::time::Instant::now();
    let mut sent = 0;
    // One header line a second, each of them well-formed.
    while stream.write_all(format!("x-{sent}: y\r\n").as_bytes()).await.is_ok() {
        sent += 1;
        assert!(sent < 60, "the connection is still open");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_body_is_not_swallowed() {
    let running = start().await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = vec![b'x'; 64 * 1024];
    let mut sent = 0usize;
    while stream.write_all(&chunk).await.is_ok() {
        sent += chunk.len();
        assert!(sent < 64_000_000, "the peer takes it all");
    }
}

#[tokio::test]
async fn without_the_token_nothing_is_shown_but_what_is_open() {
    let access = Access::with_token("correct-horse-battery", [OpenPath::Metrics]).unwrap();
    let running = start_for(access).await;
    for path in ["/", "/api/v1/status", "/api/v1/events", "/api/v1/changes", "/healthz", "/page.js", "/none"]
    {
        let (head, body) = get(running.address, path).await;
        assert!(
            head.starts_with("http/1.1 401") && head.contains("www-authenticate: bearer"),
            "{path}: {head}"
        );
        assert!(head.contains("content-security-policy") && !body.contains("b-ill"), "{path}: {body}");
    }
    assert!(get(running.address, "/metrics").await.0.starts_with("http/1.1 200"));
    let with =
        |token: &str| format!("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    let (head, body) = ask(running.address, &with("correct-horse-battery")).await;
    assert!(head.starts_with("http/1.1 200") && body.contains("b-ill"), "{head}");
    assert!(ask(running.address, &with("wrong-horse-battery")).await.0.starts_with("http/1.1 401"));
}

#[tokio::test]
async fn an_address_that_others_can_reach_needs_a_token() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let served = serve(listener, Arc::new(Fixed::default()), Access::open(), std::future::pending()).await;
    assert!(served.unwrap_err().to_string().contains("needs a token"));
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
    let access = Access::with_token("correct-horse-battery", OpenPath::ALL).unwrap();
    drop(tokio::spawn(serve(listener, Arc::new(Fixed::default()), access, std::future::pending())));
    let named = "GET /healthz HTTP/1.1\r\nHost: hatoba.internal\r\n\r\n";
    assert!(ask(address, named).await.0.starts_with("http/1.1 200"), "it has other names than loopback's");
    assert!(get(address, "/").await.0.starts_with("http/1.1 401"));
}

#[tokio::test(start_paused = true)]
async fn changes_are_told_and_a_stream_ends_by_itself() {
    let running = start().await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /api/v1/changes HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut told = String::new();
    let mut bytes = [0u8; 4096];
    while !told.contains("retry:") {
        let count = stream.read(&mut bytes).await.unwrap();
        told.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    assert!(told.to_lowercase().contains("content-type: text/event-stream"), "{told}");
    assert!(!told.contains("data:"), "nothing has changed yet: {told}");
    running.picture.changes.send_modify(|count| *count += 1);
    let rest = {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        String::from_utf8(rest).unwrap()
    };
    assert_eq!(rest.matches("data: ").count(), 1, "{rest}");
}

#[tokio::test]
async fn pages_that_listen_leave_connections_to_others() {
    let running = start().await;
    let mut open = Vec::new();
    for _ in 0..changes::STREAMS_MAX {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(b"GET /api/v1/changes HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut first = [0u8; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        open.push(stream);
    }
    assert!(get(running.address, "/api/v1/changes").await.0.starts_with("http/1.1 503"));
    assert!(get(running.address, "/healthz").await.0.starts_with("http/1.1 200"));
}

#[test]
fn the_page_escapes_every_value_and_shows_no_field_values() {
    let html = page(&shown(), at(1_200), true);
    assert!(html.contains("&lt;script&gt;alert('x')&lt;/script&gt; &amp; &quot;more&quot;"), "{html}");
    assert_eq!(html.matches("<script").count(), 1, "its own");
    for inline in [" style=", "<style", " onclick", "javascript:alert(1)\""] {
        assert!(!html.contains(inline), "{inline}");
    }
    assert!(html.contains("it is &lt;dark&gt; in there"));
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
        r#"<noscript><meta http-equiv="refresh" content="10"></noscript>"#,
        r#"role="img" aria-label="The chain behind b-ill: Thing/&lt;b&gt;: it is"#,
        r#"<path class="line cut""#,
        "25 % of the share in use",
        "throttled",
        "Held back",
        r#"<th scope="row">"#,
    ] {
        assert!(html.contains(word), "{word}\n{html}");
    }
    assert!(html.find("b-ill") < html.find("a-well"), "what is not well comes first");
    let paused = page(&shown(), at(1_200), false);
    assert!(!paused.contains("http-equiv") && !paused.contains("<script"));
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
fn what_would_not_be_seen_is_made_visible() {
    for (words, expected) in [
        ("plain ünïcode 波止場", "plain ünïcode 波止場"),
        ("a\nb\tc", "a b c"),
        ("\u{0}\u{1b}[31m", "\u{fffd}\u{fffd}[31m"),
        ("abc\u{202e}cba", "abc\u{fffd}cba"),
    ] {
        assert_eq!(text(words), expected);
    }
    assert_eq!(text(&"x".repeat(601)).chars().count(), 601, "600 and a sign that there is more");
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
fn what_concerns_no_document_alone_is_said_on_the_page() {
    let notices = vec![Cause::new("LeaseUnreachable", "s3:PutObject is <denied>")];
    let html =
        page(&Shown { leadership: LeadershipShown::WithoutLease, notices, ..shown() }, at(1_200), true);
    assert!(html.contains("LeaseUnreachable: s3:PutObject is &lt;denied&gt;"), "{html}");
    let title = html.split("<title>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    assert!(title.starts_with("1 of 2 documents not well, 2 warnings"), "{title}");
    assert!(html.contains("without lease</span>") && !html.contains("standby"), "{html}");
}

#[test]
fn where_apis_are_served_elsewhere_links_lead_there() {
    const URL: &str = "https://a1b2c3.execute-api.us-east-1.amazonaws.com";
    let mut shown = shown();
    for document in shown.documents.values_mut() {
        document.status.outputs.insert("url".to_owned(), format!("{URL}/prod"));
    }
    let html = |shown: &Shown| page(shown, at(1_200), true);
    assert!(html(&shown).contains(&format!("<a href=\"{URL}/prod\"")), "{}", html(&shown));
    shown.apis_at = Some("http://127.0.0.1:4566/_aws/execute-api/".to_owned());
    let there = html(&shown);
    assert!(there.contains("<a href=\"http://127.0.0.1:4566/_aws/execute-api/a1b2c3/prod\""), "{there}");
    assert!(
        !there.contains(&format!("href=\"{URL}")) && there.contains(URL),
        "it is told, and not linked to: {there}"
    );
    assert_eq!(shown.link("https://example.com/x"), "https://example.com/x");
    assert_eq!(shown.link(URL), "http://127.0.0.1:4566/_aws/execute-api/a1b2c3/");
}

#[test]
fn a_standby_says_who_leads() {
    let leader = Leader { owner: "team".to_owned(), host: "<b>".to_owned(), pid: 7, since: at(0) };
    let leadership = LeadershipShown::StandsBy { leader: Some(leader) };
    let html = page(&Shown { leader: false, leadership, ..shown() }, at(1_200), true);
    assert!(html.contains("Standby for owner team: process 7 on &lt;b&gt; leads since"), "{html}");
}
