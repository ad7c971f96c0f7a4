//! The status page in a real browser: converged, broken through the AWS listener, repaired; without a reload.

use std::net::SocketAddr;

use hatoba_aws_model::Request;
use hatoba_tests::{ARTICLE, http};
use serde_json::json;

use crate::aws::DOCUMENTS;
use crate::browser::{self, Browser};
use crate::process::{Hatoba, page, status, until_ready};

const ALL_WELL: &str = "document.querySelector('#state')?.textContent.includes('all well')";
/// What stands in the picture for wide screens, one line for each station.
const STATIONS: &str = "[...document.querySelectorAll('svg.across g')].map((g) => [g.getAttribute('class') ?? '', \
                        ...[...g.querySelectorAll('text')].map((text) => text.textContent)].join(' '))";

/// The article, with the number of tasks left to others: what is broken stays so until it is mended.
fn documents() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let watched: Vec<String> = ARTICLE
        .split("\n---\n")
        .map(|document| match document.contains("kind: EcsService") {
            true => format!("{}\npolicy: {{ fields: {{ desiredCount: ignore }} }}\n", document.trim_end()),
            false => document.to_owned(),
        })
        .collect();
    std::fs::write(folder.path().join("article.yaml"), watched.join("\n---\n")).unwrap();
    folder
}

async fn scale(aws: SocketAddr, tasks: u32) {
    let body = json!({ "cluster": "main", "service": "great-service", "desiredCount": tasks });
    let request = http::signed(Request::json("ecs", "UpdateService", &body), "us-east-1");
    assert_eq!(http::send(aws, &request).await.unwrap().status, 200);
}

fn sandbox(folder: &tempfile::TempDir) -> Hatoba {
    let folder = folder.path().to_str().unwrap();
    let listen = ["--aws-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--resync", "1s"];
    Hatoba::start(&[&["sandbox", folder], &listen[..]].concat(), None)
}

/// Writes a picture for the book where one is asked for.
async fn keep_picture(browser: &mut Browser, name: &str) {
    let Some(folder) = std::env::var_os("HATOBA_PICTURES") else { return };
    if name != "page-phone" {
        browser.size(1100, 620).await;
    }
    let picture = browser.picture().await;
    std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png.base64")), picture).unwrap();
}

#[tokio::test]
async fn a_broken_hop_is_seen_without_a_reload_and_its_repair_too() {
    let Some(program) = browser::program() else { return };
    let folder = documents();
    let sandbox = sandbox(&folder);
    let aws = sandbox.said("the model AWS listens on http://").await;
    let shown = sandbox.said("the status page is http://").await;
    until_ready(shown, DOCUMENTS).await;
    let mut browser = Browser::open(&program, &format!("http://{shown}/"), 1280, 900).await;
    browser.until("all is well", ALL_WELL).await;
    let stations = browser.value(STATIONS).await;
    let well = [" internet", "good ✓ API and route crazy-api", "good ✓ VPC link fine-vpc-link"];
    assert_eq!(stations.as_array().unwrap().len(), 5, "{stations}");
    assert_eq!(stations[0], well[0]);
    assert!(
        stations.as_array().unwrap()[1..].iter().all(|line| line.as_str().unwrap().starts_with("good ✓")),
        "{stations}"
    );
    assert_eq!(stations[1], well[1]);
    assert_eq!(stations[2], well[2]);
    let link = browser.value("document.querySelector('.chain a').href").await;
    let path = link.as_str().unwrap().strip_prefix(&format!("http://{aws}")).unwrap_or("/a-stranger");
    assert_eq!(http::get(aws, path).await.unwrap().status, 200, "it leads to the model: {link}");
    browser.value("window.never = 'reloaded'").await;
    keep_picture(&mut browser, "page-light").await;

    scale(aws, 0).await;
    browser
        .until("the broken hop is marked", "document.querySelectorAll('svg.across g.bad').length === 1")
        .await;
    let stations = browser.value(STATIONS).await;
    assert_eq!(stations[4], "bad ✕ tasks ZeroTasks", "{stations}");
    let told = browser.value("document.querySelector('.chain .notice').textContent").await;
    assert!(told.as_str().unwrap().starts_with("EcsService/great-service: no task is wanted"), "{told}");
    let read_out = browser.value("document.querySelector('#said').textContent").await;
    assert!(read_out.as_str().unwrap().contains("not well"), "{read_out}");
    let label = browser.value("document.querySelector('svg.across').getAttribute('aria-label')").await;
    assert!(label.as_str().unwrap().contains("EcsService/great-service"), "{label}");
    let url = format!("http://{shown}");
    for (more, code) in [(&[][..], 0), (&["--serving"], 1)] {
        let asked = Hatoba::run(&[&["status", "--url", &url], more].concat(), None).await;
        assert_eq!(asked.code, Some(code), "{asked:?}");
        assert!(asked.stdout.ends_with("0 of 1 serving; not: Route/default-route\n"), "{asked:?}");
    }
    browser.scheme("dark").await;
    let dark = browser.value("getComputedStyle(document.body).backgroundColor").await;
    assert_eq!(dark, "rgb(16, 22, 27)");
    keep_picture(&mut browser, "page-dark-broken").await;

    scale(aws, 1).await;
    browser.until("all is well again", ALL_WELL).await;
    assert_eq!(browser.value("window.never").await, "reloaded", "it was the same page all the time");
    assert_eq!(browser.complaints, [""; 0], "scripts and the content policy agree");
    assert_eq!(status(shown).await["documents"]["Route/default-route"]["serving"]["status"], "True");
    let ended = sandbox.terminate().await;
    let story = ended.stdout.lines().filter(|line| line.contains("serve"));
    let story: Vec<&str> = story
        .filter_map(|line| line.split_once("Route/default-route").map(|(_, what)| what.trim()))
        .collect();
    let expected = [
        "serves requests",
        "does not serve: ZeroTasks: EcsService/great-service: no task is wanted",
        "serves requests",
    ];
    assert!(
        story.len() == 3 && story.iter().zip(expected).all(|(told, says)| told.starts_with(says)),
        "{story:#?}"
    );
    assert_eq!(ended.stderr.matches("WARN").count(), 0, "it is told once: {}", ended.stderr);
}

#[tokio::test]
async fn the_page_fits_a_phone_and_is_used_by_keys() {
    let Some(program) = browser::program() else { return };
    let folder = documents();
    let sandbox = sandbox(&folder);
    let shown = sandbox.said("the status page is http://").await;
    until_ready(shown, DOCUMENTS).await;
    let mut browser = Browser::open(&program, &format!("http://{shown}/"), 390, 844).await;
    browser.until("all is well", ALL_WELL).await;
    for width in [320, 390, 700, 720, 800, 1000, 1100, 1280, 1920] {
        browser.size(width, 844).await;
        let fits = browser
            .value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
            .await;
        assert_eq!(fits, true, "{width} pixels: it is to be scrolled sideways");
        // What a table that is scrolled by itself holds beyond its edge is no part of this.
        let over = "[...document.querySelectorAll('section')].filter((card) => \
                    [...card.querySelectorAll(':scope > *, figure > *')].some((part) => \
                    part.getBoundingClientRect().right > card.getBoundingClientRect().right)).length";
        assert_eq!(browser.value(over).await, 0, "{width} pixels: something sticks out of its card");
        let seen = browser.value("[...document.querySelectorAll('.chain svg')].filter((svg) => svg.getBoundingClientRect().width > 0).length").await;
        assert_eq!(seen, 1, "{width} pixels: one picture of the chain");
    }
    browser.size(390, 844).await;
    keep_picture(&mut browser, "page-phone").await;
    browser.press("Tab", 9).await;
    assert_eq!(browser.value("document.activeElement.className").await, "skip");
    browser.press("Tab", 9).await;
    assert_eq!(browser.value("document.activeElement.tagName").await, "A", "the address");
    browser.press("Tab", 9).await;
    assert_eq!(browser.value("document.activeElement.tagName").await, "SUMMARY");
    // What is open stays open when the page is brought up to date.
    browser.value("document.querySelector('.chain details').open = true").await;
    let before = browser.value("document.querySelector('#foot').textContent").await;
    let old = before.as_str().unwrap().to_owned();
    browser
        .until(
            "it is brought up to date",
            &format!("document.querySelector('#foot').textContent !== {}", json!(old)),
        )
        .await;
    assert_eq!(browser.value("document.querySelector('.chain details').open").await, true);
    assert_eq!(browser.value("document.activeElement.tagName").await, "SUMMARY", "and the focus stays");
    let unnamed = "[...document.querySelectorAll('svg, img, meter')].filter((part) => !part.hasAttribute('alt') && \
                   !part.hasAttribute('aria-label')).length";
    assert_eq!(browser.value(unnamed).await, 0);
    assert_eq!(browser.complaints, [""; 0]);
}

#[tokio::test]
async fn without_scripts_the_same_is_shown_and_loads_itself_again() {
    let folder = documents();
    let sandbox = sandbox(&folder);
    let shown = sandbox.said("the status page is http://").await;
    until_ready(shown, DOCUMENTS).await;
    let html = page(shown, "/").await.body;
    for words in
        ["<noscript><meta http-equiv=\"refresh\"", "fine-vpc-link", "<svg class=\"across\"", "crazy-api"]
    {
        assert!(html.contains(words), "no {words} in {html}");
    }
    let Some(program) = browser::program() else { return };
    let mut browser = Browser::open(&program, "about:blank", 1280, 900).await;
    browser.call("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.call("Page.navigate", json!({ "url": format!("http://{shown}/") })).await;
    // A script of the inspector's runs all the same.
    browser
        .until("it is shown", "document.querySelector('#live')?.textContent === 'Loads again every 10 s.'")
        .await;
    let refreshes =
        browser.value("document.querySelectorAll('noscript meta[http-equiv=refresh]').length").await;
    assert_eq!(refreshes, 1, "without scripts it is a part of the page");
    browser.until("all is well", ALL_WELL).await;
}
