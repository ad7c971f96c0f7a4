//! What work costs, in allocations: in proportion to what it is about, not to its square.

use std::fmt::Write as _;
use std::time::Duration;

use crate::month::Month;

/// Four times as much may cost so many times as much: each write has its scope looked through, without copies of what
/// is in it. A pass for each pair would be sixteen times as much, and a look at everything in each of them sixty-four.
const OF_FOUR: u64 = 8;

/// An API with so many routes, of which so many are left.
fn routes(numbers: std::ops::Range<usize>) -> String {
    let mut text = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: shop }\nspec: {}\n---\n\
         apiVersion: hatoba/v1\nkind: Integration\nmetadata: { name: back }\n\
         spec: { apiRef: shop, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://example.com\" }\n"
        .to_owned();
    for number in numbers {
        let _ = write!(
            text,
            "---\napiVersion: hatoba/v1\nkind: Route\nmetadata: {{ name: r{number:03} }}\n\
             spec: {{ apiRef: shop, routeKey: GET /r{number:03}, integrationRef: back }}\n"
        );
    }
    text
}

/// The same without an API of their own for each: so many APIs.
pub(crate) fn apis(numbers: std::ops::Range<usize>) -> String {
    let one = |number| {
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: api{number:03} }}\nspec: {{}}\n")
    };
    numbers.map(one).collect::<Vec<_>>().join("---\n")
}

/// So many APIs, each with what stands in it.
fn stacks(numbers: std::ops::Range<usize>) -> String {
    let one = |number| {
        format!(
            "{}---\napiVersion: hatoba/v1\nkind: Stage\nmetadata: {{ name: stage }}\nspec: {{ apiRef: shop, stageName: $default }}\n",
            routes(0..1)
        )
        .replace("shop", &format!("shop{number:03}"))
        .replace("back", &format!("back{number:03}"))
        .replace("name: r000", &format!("name: r{number:03}"))
        .replace("name: stage", &format!("name: stage{number:03}"))
    };
    numbers.map(one).collect::<Vec<_>>().join("---\n")
}

/// What it takes until all that vanished is gone.
fn vanishing(documents: fn(std::ops::Range<usize>) -> String, many: usize) -> u64 {
    let mut month = Month::of(Duration::from_secs(86_400));
    let half = Duration::from_secs(1_800);
    month.after(&documents(0..many + 2), half);
    let work = month.after(&documents(0..2), half);
    let picture = month.harbour.engine.picture();
    assert!(picture.pruning.is_empty(), "{:#?}", picture.pruning);
    println!("{many} that vanish: {work} allocations");
    work
}

#[test]
fn many_vanished_routes_cost_in_proportion() {
    let (few, many) = (vanishing(routes, 30), vanishing(routes, 120));
    assert!(many <= few * OF_FOUR, "{few} and {many}");
}

#[test]
fn many_vanished_apis_cost_in_proportion() {
    let (few, many) = (vanishing(apis, 30), vanishing(apis, 120));
    assert!(many <= few * OF_FOUR, "{few} and {many}");
}

#[test]
fn many_vanished_stacks_cost_in_proportion() {
    let (few, many) = (vanishing(stacks, 10), vanishing(stacks, 40));
    assert!(many <= few * OF_FOUR, "{few} and {many}");
}

/// What it takes to make so many.
fn coming(documents: fn(std::ops::Range<usize>) -> String, many: usize) -> u64 {
    let mut month = Month::of(Duration::from_secs(86_400));
    let work = month.after(&documents(0..many), Duration::from_secs(1_800));
    println!("{many} that come: {work} allocations");
    work
}

#[test]
fn many_new_documents_cost_in_proportion() {
    for documents in [routes, apis] {
        let (few, many) = (coming(documents, 30), coming(documents, 120));
        assert!(many <= few * OF_FOUR, "{few} and {many}");
    }
    let (few, many) = (coming(stacks, 10), coming(stacks, 40));
    assert!(many <= few * OF_FOUR, "{few} and {many}");
}

/// What a look at everything takes while nothing changes.
fn resting(documents: fn(std::ops::Range<usize>) -> String, many: usize) -> u64 {
    let mut month = Month::of(Duration::from_secs(600));
    let text = documents(0..many);
    month.after(&text, Duration::from_secs(3_000));
    let work = month.after(&text, Duration::from_secs(600));
    println!("{many} at rest: {work} allocations");
    work
}

/// A look at everything that finds nothing new follows no chain anew: what each route costs then, with its part of the
/// lists.
#[test]
fn routes_at_rest_cost_a_list_and_a_look() {
    assert!(resting(routes, 120) <= 120 * 900);
}

#[test]
fn many_documents_at_rest_cost_in_proportion() {
    for documents in [routes, apis] {
        let (few, many) = (resting(documents, 30), resting(documents, 120));
        assert!(many <= few * OF_FOUR, "{few} and {many}");
    }
}
