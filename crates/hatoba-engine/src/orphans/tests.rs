//! Whether a document asks for what is found.

use serde_json::json;

use super::*;
use crate::deployment::tests::object;
use crate::world::tests::{ARTICLE, checked};

#[test]
fn what_is_on_its_way_to_another_api_asks_for_what_stands_there() {
    let checked = checked(&ARTICLE.join("\n---\n"));
    let place = |api: &str| (KindId::Route, api.to_owned());
    let route = Object { natural_key: "$default".to_owned(), ..object("r1", json!({})) };
    let asks = |of_the_api: Option<&str>, is_known: bool| {
        let api = Memory { id: of_the_api.map(str::to_owned), ..Memory::default() };
        let of_the_route =
            Memory { place: Some(place("before")), id: Some("r0".to_owned()), ..Memory::default() };
        let memory = BTreeMap::from([
            (Key::new("HttpApi", "crazy-api"), api),
            (Key::new("Route", "default-route"), of_the_route),
        ]);
        let found = BTreeMap::from([(place("now"), vec![route.clone()])]);
        Asking::of(&checked, &memory, &found, |_| is_known).asks_for(&place("now"), &route)
    };
    assert!(!asks(Some("before"), true), "it stands in the other one");
    assert!(asks(Some("now"), true), "the other one is not its API any more");
    assert!(asks(None, false), "the other one is gone");
    assert!(!asks(None, true), "nothing tells that it will move");
}
