//! Whether a document asks for what is found.

use hatoba_core::{Digest, Life, Members, Readiness};
use hatoba_source::{Snapshot, Variables, parse_documents};

use super::*;
use crate::world::check;

const SHOP: &str = "
apiVersion: hatoba/v1
kind: HttpApi
metadata: { name: shop }
spec: {}
---
apiVersion: hatoba/v1
kind: Integration
metadata: { name: back }
spec: { apiRef: shop, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://example.com\" }
---
apiVersion: hatoba/v1
kind: Route
metadata: { name: all }
spec: { apiRef: shop, routeKey: $default, integrationRef: back }
";

fn documents(text: &str) -> Snapshot {
    let parsed = parse_documents("f.yaml", text.as_bytes(), &Variables::default());
    Snapshot {
        revision: Digest::of_bytes(b""),
        documents: parsed.documents,
        held: parsed.held,
        diagnostics: parsed.diagnostics,
        unreadable: Vec::new(),
        is_settling: false,
        files: 1,
        sources: BTreeMap::new(),
    }
}

fn route(api: &str) -> Object {
    Object {
        id: "r1".to_owned(),
        scope: api.to_owned(),
        arn: None,
        natural_key: "$default".to_owned(),
        mark: Seen::Absent,
        tags: None,
        life: Life::Live,
        readiness: Readiness::Ready,
        created_at_ms: None,
        uses: BTreeSet::new(),
        members: Members::new(),
        outputs: BTreeMap::new(),
    }
}

#[test]
fn what_is_on_its_way_to_another_api_asks_for_what_stands_there() {
    let checked = check(&documents(SHOP));
    let place = |api: &str| (KindId::Route, api.to_owned());
    let asks = |of_the_api: Option<&str>, is_known: bool| {
        let api = Memory { id: of_the_api.map(str::to_owned), ..Memory::default() };
        let all = Memory { place: Some(place("before")), id: Some("r0".to_owned()), ..Memory::default() };
        let memory = BTreeMap::from([(Key::new("HttpApi", "shop"), api), (Key::new("Route", "all"), all)]);
        let found = BTreeMap::from([(place("now"), vec![route("now")])]);
        Asking::of(&checked, &memory, &found, |_| is_known).asks_for(&place("now"), &route("now"))
    };
    assert!(!asks(Some("before"), true), "it stands in the other one");
    assert!(asks(Some("now"), true), "the other one is not its API any more");
    assert!(asks(None, false), "the other one is gone");
    assert!(!asks(None, true), "nothing tells that it will move");
}
