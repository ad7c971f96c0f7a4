//! Each chain as a picture: from the internet to the tasks, with the broken hop marked. Inline SVG without styles of its
//! own, once across for wide screens and once down for narrow ones; the same as a list for who does not see it.

use std::collections::BTreeMap;

use hatoba_core::{HopSeen, Key, Truth, serving};
use maud::{Markup, html};

use crate::shown::{DocumentShown, ProbeShown, Shown};
use crate::web::html::{ROWS_MAX, badge, code, cut, section as part, text};

/// Pictures on one page; the table below names the rest.
const CHAINS_MAX: usize = 50;
/// Characters that fit into a station.
const TITLE_CHARS: usize = 19;
const NAME_CHARS: usize = 23;

/// Hops that are drawn as one.
struct Station<'a> {
    title: &'a str,
    hops: Vec<&'a HopSeen>,
}

impl<'a> Station<'a> {
    /// The hop that speaks for it.
    fn speaker(&self) -> Option<&'a HopSeen> {
        let with = |truth: Truth| self.hops.iter().find(|hop| hop.status == truth && !hop.is_spare);
        with(Truth::False).or_else(|| with(Truth::Unknown)).or_else(|| self.hops.first()).copied()
    }

    fn truth(&self) -> Truth {
        self.speaker().map_or(Truth::Unknown, |hop| hop.status)
    }

    fn name(&self) -> String {
        let Some(hop) = self.speaker() else { return String::new() };
        match (hop.status, &hop.document) {
            (Truth::False | Truth::Unknown, _) => hop.reason.as_str().to_owned(),
            (Truth::True, Some(key)) => key.name.clone(),
            (Truth::True, None) => hop.id.clone(),
        }
    }
}

/// What is seen of a chain behind its entry: chains that look the same are drawn once.
type Face = Vec<(Truth, String)>;
/// Documents that enter a chain, and its hops.
type Group<'a> = (Vec<&'a Key>, &'a [HopSeen]);

/// Every chain once, with all documents that enter it.
pub(super) fn section(shown: &Shown) -> Markup {
    let mut groups: BTreeMap<Face, Group<'_>> = BTreeMap::new();
    for (key, document) in shown.documents.iter().filter(|(_, document)| !document.chain.is_empty()) {
        let is_own = |hop: &HopSeen| hop.document.as_ref() == Some(key) && hop.status == Truth::True;
        let hops = document.chain.iter().filter(|hop| !is_own(hop));
        let name = hops.map(|hop| (hop.status, format!("{:?} {} {}", hop.document, hop.id, hop.message)));
        let name = name.collect();
        groups.entry(name).or_insert_with(|| (Vec::new(), &document.chain)).0.push(key);
    }
    let mut groups: Vec<Group<'_>> = groups.into_values().collect();
    if groups.is_empty() {
        return html! {};
    }
    groups.sort_by_key(|(keys, hops)| (rank(serving(hops).0), keys.first().map(|key| (*key).clone())));
    let total = groups.len();
    let body = html! {
        @for (keys, hops) in groups.iter().take(CHAINS_MAX) { (chain(keys, hops, shown)) }
        @if total > CHAINS_MAX { p.none.small { "and " (total - CHAINS_MAX) " more, in the table below." } }
    };
    part("chains", "From the internet to the tasks", Some(&total.to_string()), &body)
}

fn rank(truth: Truth) -> u8 {
    match truth {
        Truth::False => 0,
        Truth::Unknown => 1,
        Truth::True => 2,
    }
}

fn chain(keys: &[&Key], hops: &[HopSeen], shown: &Shown) -> Markup {
    let (truth, cause) = serving(hops);
    let (tone, sign, word) = look(truth);
    let stations = stations(hops);
    let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    let name = names.first().copied().unwrap_or_default();
    let label = match truth {
        Truth::True => format!("The chain behind {name} works: internet, {}", titles(&stations)),
        _ => format!("The chain behind {name}: {}", cause.message),
    };
    let probe = probe(keys, shown);
    html! {
        figure.chain {
            figcaption {
                (badge(tone, sign, word)) " "
                @for (index, name) in names.iter().take(ROWS_MAX.min(8)).enumerate() {
                    @if index > 0 { ", " }
                    (text(name))
                }
                @if names.len() > 8 { " and " (names.len() - 8) " more" }
                @if let Some(url) = url(hops, shown) { " " a.small href=(shown.link(url)) rel="noopener noreferrer" { (text(url)) } }
            }
            (across(&stations, &label))
            (down(&stations, &label))
            @if truth != Truth::True { p class={ "notice " (tone) } { (text(&cause.message)) } }
            @if let Some(probe) = probe {
                p class=(if probe.is_good { "small faint" } else { "notice bad" }) { (text(&probe.told())) }
            }
            details id={ "chain-" (text(name)) } {
                summary { "Every hop" }
                ol.hops {
                    @for hop in hops {
                        @let (tone, sign, word) = look(hop.status);
                        li {
                            (badge(tone, sign, word)) " " (hop.label) " "
                            @if let Some(key) = &hop.document { (text(&key.name)) " " }
                            @if !hop.id.is_empty() { (code(&hop.id)) }
                            ": " (text(&hop.message))
                            @if hop.is_spare { " (decides nothing)" }
                        }
                    }
                }
            }
        }
    }
}

/// The newest request through the chain: of one of its entries, or of a document that is made of them.
fn probe<'a>(keys: &[&Key], shown: &'a Shown) -> Option<&'a ProbeShown> {
    let enters = |(key, document): &(&Key, &DocumentShown)| {
        keys.contains(key) || document.entries.iter().any(|entry| keys.contains(&entry))
    };
    shown.documents.iter().filter(enters).find_map(|(_, document)| document.probe.as_ref())
}

/// Where requests are sent, if the chain begins with something that says so.
fn url<'a>(hops: &[HopSeen], shown: &'a Shown) -> Option<&'a str> {
    let of = |hop: &HopSeen| shown.documents.get(hop.document.as_ref()?)?.status.outputs.get("url");
    let url = hops.iter().find_map(of)?;
    url.starts_with("https://").then_some(url)
}

fn look(truth: Truth) -> (&'static str, &'static str, &'static str) {
    match truth {
        Truth::True => ("good", "✓", "works"),
        Truth::False => ("bad", "✕", "broken"),
        Truth::Unknown => ("unsure", "?", "unknown"),
    }
}

fn titles(stations: &[Station<'_>]) -> String {
    stations.iter().map(|station| station.title).collect::<Vec<_>>().join(", ")
}

fn stations(hops: &[HopSeen]) -> Vec<Station<'_>> {
    let mut stations: Vec<Station<'_>> = Vec::new();
    for hop in hops {
        match stations.iter_mut().find(|station| station.title == hop.station) {
            Some(station) => station.hops.push(hop),
            None => stations.push(Station { title: hop.station, hops: vec![hop] }),
        }
    }
    stations
}

/// How a line into a station is drawn: what is behind the first broken one is not reached.
fn lines(stations: &[Station<'_>]) -> Vec<&'static str> {
    let broken = stations.iter().position(|station| station.truth() == Truth::False);
    let line = |index: usize| match broken {
        Some(broken) if index == broken => "cut",
        Some(broken) if index > broken => "idle",
        _ => "flows",
    };
    (0..stations.len()).map(line).collect()
}

const WIDE: usize = 168;
const HIGH: usize = 58;
const GAP: usize = 34;

/// From left to right.
fn across(stations: &[Station<'_>], label: &str) -> Markup {
    let first = 92;
    let width = first + stations.len() * (GAP + WIDE) + 2;
    let middle = HIGH / 2 + 1;
    html! {
        svg.across viewBox={ "0 0 " (width) " " (HIGH + 2) } width=(width) height=(HIGH + 2) role="img" aria-label=(text(label)) {
            (internet(1, 1, first))
            @for (index, (station, line)) in stations.iter().zip(lines(stations)).enumerate() {
                @let x = first + 1 + index * (GAP + WIDE);
                path class={ "line " (line) } d={ "M" (x) " " (middle) "h" (GAP - 7) } {}
                path class={ "tip " (line) } d={ "M" (x + GAP - 8) " " (middle - 5) "l7 5l-7 5z" } {}
                (node(station, x + GAP, 1, WIDE))
            }
        }
    }
}

/// From top to bottom.
fn down(stations: &[Station<'_>], label: &str) -> Markup {
    let (wide, gap) = (260, 24);
    let height = 34 + stations.len() * (gap + HIGH) + 2;
    html! {
        svg.down viewBox={ "0 0 " (wide + 2) " " (height) } width=(wide + 2) height=(height) role="img" aria-label=(text(label)) {
            g {
                rect.box.outside x="1" y="1" width=(wide) height="32" rx="8" {}
                text.title x=(wide / 2) y="21" text-anchor="middle" { "internet" }
            }
            @for (index, (station, line)) in stations.iter().zip(lines(stations)).enumerate() {
                @let y = 33 + index * (gap + HIGH);
                @let middle = wide / 2;
                path class={ "line " (line) } d={ "M" (middle) " " (y) "v" (gap - 7) } {}
                path class={ "tip " (line) } d={ "M" (middle - 5) " " (y + gap - 8) "l5 7l5 -7z" } {}
                (node(station, 1, y + gap, wide))
            }
        }
    }
}

fn internet(x: usize, y: usize, wide: usize) -> Markup {
    html! {
        g {
            rect.box.outside x=(x) y=(y) width=(wide) height=(HIGH) rx="8" {}
            text.title x=(x + wide / 2) y=(y + HIGH / 2 + 5) text-anchor="middle" { "internet" }
        }
    }
}

fn node(station: &Station<'_>, x: usize, y: usize, wide: usize) -> Markup {
    let (tone, sign, word) = look(station.truth());
    html! {
        g class=(tone) {
            title { (text(&station.speaker().map(HopSeen::told).unwrap_or_default())) " (" (word) ")" }
            rect.box x=(x) y=(y) width=(wide) height=(HIGH) rx="8" {}
            text.sign x=(x + 12) y=(y + 24) { (sign) }
            text.title x=(x + 30) y=(y + 24) { (cut(station.title, TITLE_CHARS)) }
            text.name x=(x + 12) y=(y + 44) { (cut(&station.name(), NAME_CHARS)) }
        }
    }
}
