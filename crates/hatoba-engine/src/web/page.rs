//! The status page: HTML made here, whole. Pure: picture and time in, text out.
//!
//! The invariant: **nothing of a document is shown** but its name, where it stands, and which of its fields differ.
//! Without scripts the page loads itself again; with them `page.js` fetches it when something has changed, and puts the
//! new parts in the place of the old ones.

mod chains;
mod documents;
mod lists;

use hatoba_core::Truth;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::html::{ago, badge, code, fact_list, faint, section, span, text};
use crate::shown::{DocumentShown, LeadershipShown, QuotaShown, Shown};

/// The whole page. `is_live`: it keeps itself up to date.
pub(super) fn page(shown: &Shown, now: Timestamp, is_live: bool) -> String {
    let troubled = shown.documents.values().filter(|document| is_troubled(document)).count();
    let warnings = warnings(shown);
    let state = summary(shown.documents.len(), troubled, warnings.len());
    let version = text(shown.version);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if is_live { noscript { meta http-equiv="refresh" content="10"; } }
                title { (state) " · Hatoba · " (text(&shown.owner)) }
                link rel="stylesheet" href={ "style.css?v=" (version) };
                link rel="icon" type="image/svg+xml" href={ "icon.svg?v=" (version) };
                @if is_live { script src={ "page.js?v=" (version) } defer {} }
            }
            body {
                a.skip href="#documents" { "Skip to the documents" }
                header {
                    h1 {
                        img src={ "icon.svg?v=" (version) } alt="" width="29" height="29";
                        span { "Hatoba" }
                    }
                    div #top {
                        p.state {
                            (overall(shown, troubled, warnings.len(), &state)) " "
                            @if shown.leadership == LeadershipShown::WithoutLease { (badge("bad", "!", "without lease")) }
                            @else if shown.leader { (badge("good", "✓", "leader")) }
                            @else { (badge("unsure", "…", "standby")) }
                        }
                        (notices(shown, &warnings))
                    }
                }
                main #main {
                    (chains::section(shown))
                    (documents::section(shown, now, &state))
                    (documents::held(shown))
                    (lists::events(shown, now))
                    (lists::findings(&shown.source.diagnostics))
                    (lists::pruning(&shown.pruning))
                    (lists::rogue(&shown.rogue_children))
                    (source(shown, now))
                    (controller(shown, now))
                    (quotas(&shown.quotas))
                }
                footer #foot {
                    p {
                        @if is_live { span #live data-live="Updates as things change." { "Loads again every 10 s." } " " a href="?refresh=off" { "Pause" } }
                        @else { "Paused. " a href="?" { "Go on" } }
                        " · as of " (text(&now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()))
                        " · " a href="api/v1/status" { "status" } " and " a href="api/v1/events" { "events" }
                        " as JSON · " a href="metrics" { "metrics" }
                    }
                }
                p #said.unseen role="status" {}
            }
        }
    };
    page.into_string()
}

/// What stands in the title, too: nothing that is said in red above may be missing there.
fn summary(documents: usize, troubled: usize, warnings: usize) -> String {
    let noun = if documents == 1 { "document" } else { "documents" };
    let state = match (troubled, warnings) {
        (0, 0) => return format!("{documents} {noun}, all well"),
        (0, _) => format!("{documents} {noun} well"),
        (troubled, _) => format!("{troubled} of {documents} {noun} not well"),
    };
    match warnings {
        0 => state,
        1 => format!("{state}, 1 warning"),
        warnings => format!("{state}, {warnings} warnings"),
    }
}

/// What is said in red above.
fn warnings(shown: &Shown) -> Vec<String> {
    let source = &shown.source;
    let error = source.error.iter();
    let error = error.map(|cause| format!("The source cannot be read, what was read last goes on: {cause}"));
    let unreadable = (!source.unreadable.is_empty())
        .then(|| format!("Nothing is deleted while files cannot be read: {}", source.unreadable.join(", ")));
    shown.notices.iter().map(ToString::to_string).chain(error).chain(unreadable).collect()
}

fn overall(shown: &Shown, troubled: usize, warnings: usize, state: &str) -> Markup {
    let broken = |document: &&DocumentShown| {
        document.status.serving.as_ref().is_some_and(|serving| serving.status == Truth::False)
    };
    let (tone, sign) = match troubled {
        _ if warnings > 0 => ("bad", "!"),
        0 => ("good", "✓"),
        _ if shown.documents.values().any(|document| broken(&document)) => ("bad", "✕"),
        _ => ("unsure", "…"),
    };
    html! { span #state { (badge(tone, sign, state)) } }
}

fn is_troubled(document: &DocumentShown) -> bool {
    let status = &document.status;
    let conditions = [Some(&status.synced), Some(&status.ready), status.serving.as_ref()];
    conditions.into_iter().flatten().any(|condition| condition.status != Truth::True)
}

fn notices(shown: &Shown, warnings: &[String]) -> Markup {
    html! {
        @if !shown.leader { (notice("unsure", &standby(&shown.leadership))) }
        @for warning in warnings { (notice("bad", warning)) }
    }
}

fn standby(leadership: &LeadershipShown) -> String {
    match leadership {
        LeadershipShown::StandsBy { leader: Some(leader) } => {
            format!("Standby for owner {}: {leader}; this one only looks.", leader.owner)
        }
        LeadershipShown::StandsBy { leader: None } => {
            "Standby: this process does not lead, and nobody else is known to.".to_owned()
        }
        LeadershipShown::Unasked | LeadershipShown::Leads | LeadershipShown::WithoutLease => {
            "This process does not write yet, or not any more.".to_owned()
        }
    }
}

fn notice(tone: &str, words: &str) -> Markup {
    html! { p class={ "notice " (tone) } { (text(words)) } }
}

fn controller(shown: &Shown, now: Timestamp) -> Markup {
    let queue = match shown.queue.depth {
        0 => "nothing due".to_owned(),
        depth => format!("{depth} due, the oldest for {}", span(shown.queue.oldest_seconds)),
    };
    let leads = match (&shown.leadership, shown.leader) {
        (LeadershipShown::StandsBy { leader: Some(leader) }, _) => leader.to_string(),
        (_, true) => "this process".to_owned(),
        (_, false) => "nobody that is known".to_owned(),
    };
    let facts = [
        ("Owner", html! { (text(&shown.owner)) }),
        ("Leader", html! { (text(&leads)) }),
        (
            "Account",
            shown.account.as_deref().map_or_else(|| faint("not known yet"), |id| html! { (text(id)) }),
        ),
        ("Region", html! { (text(&shown.region)) }),
        ("Version", html! { (text(shown.version)) }),
        ("Started", ago(shown.started_at, now)),
        (
            "Last full look at AWS",
            shown.last_full_resync.map_or_else(|| faint("never"), |when| ago(when, now)),
        ),
        ("Queue", html! { (queue) }),
        ("Not converging", html! { (shown.queue.nonconverging) }),
        ("Paused in AWS", html! { (shown.queue.paused) }),
    ];
    section("controller", "Controller", None, &fact_list(&facts))
}

fn source(shown: &Shown, now: Timestamp) -> Markup {
    let source = &shown.source;
    let count = |count: usize| match count {
        0 => html! { "none" },
        count => badge("bad", "✕", &count.to_string()),
    };
    let facts = [
        ("Location", code(&source.location)),
        ("Revision", source.revision.as_deref().map_or_else(|| faint("none"), code)),
        ("Files", html! { (source.files) }),
        ("Files that cannot be read", count(source.unreadable.len())),
        ("Documents held for errors", count(source.invalid)),
        ("Last read", source.last_success.map_or_else(|| faint("never"), |when| ago(when, now))),
        (
            "Error",
            source.error.as_ref().map_or_else(|| faint("none"), |cause| html! { (text(&cause.to_string())) }),
        ),
    ];
    section("source", "Source", None, &fact_list(&facts))
}

/// How much of each request quota is taken just now.
fn quotas(quotas: &[QuotaShown]) -> Markup {
    if quotas.is_empty() {
        return html! {};
    }
    let facts: Vec<(&str, Markup)> = quotas
        .iter()
        .map(|quota| {
            let percent = (quota.used * 100.0).round() as u32;
            let label = format!("{}: {percent} % of the share in use", quota.name);
            let meter = html! {
                meter min="0" max="100" low="70" high="90" optimum="0" value=(percent.min(100)) aria-label=(label) { (percent) " %" }
                " " (percent) " %"
                @if quota.speed < 1.0 { " " (badge("unsure", "!", "throttled")) }
            };
            (quota.name, meter)
        })
        .collect();
    let note = html! { p.none.small { "Of our share of each quota; nothing is dropped, calls wait for their turn." } };
    section("quotas", "AWS request quotas", None, &html! { (fact_list(&facts)) (note) })
}
