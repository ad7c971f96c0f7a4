use super::*;

const TASKS: &str = "sg-tasks";
const LINK: &str = "sg-link";

fn group(id: &str) -> Peer {
    Peer::Group(id.to_owned())
}

fn range(text: &str) -> Peer {
    Peer::Range(text.parse().unwrap())
}

fn guard(id: &str, subnets: &[&str]) -> Guard {
    let subnets = subnets.iter().map(|subnet| (*subnet).to_owned()).collect();
    Guard { groups: vec![id.to_owned()], subnets, ports: BTreeSet::new() }
}

fn at(ports: (u16, u16), peer: Peer) -> Rule {
    Rule { ports, peer }
}

/// The link in two subnets, the tasks in the second of them.
fn way(egress: Vec<Rule>, ingress: Vec<Rule>) -> Way {
    let link = Rules { ingress: Vec::new(), egress };
    let tasks = Rules { ingress, egress: Vec::new() };
    let network = Network {
        groups: BTreeMap::from([(LINK.to_owned(), Some(link)), (TASKS.to_owned(), Some(tasks))]),
        ranges: BTreeMap::from([
            ("a".to_owned(), "10.0.0.0/24".parse().unwrap()),
            ("b".to_owned(), "10.0.1.0/24".parse().unwrap()),
        ]),
    };
    network.way(&guard(LINK, &["a", "b"]), &guard(TASKS, &["b"]), 8080)
}

fn word(way: &Way) -> &str {
    match way {
        Way::Open => "open",
        Way::Closed(cause) => cause.reason.as_str(),
        Way::Unsure(_) => "unsure",
    }
}

#[test]
fn what_comes_in_is_judged_by_group_range_and_port() {
    let out = || vec![at((0, 65_535), range("0.0.0.0/0"))];
    for (rules, wanted) in [
        (vec![], "NoIngressRule"),
        (vec![at((8080, 8080), group(LINK))], "open"),
        (vec![at((8000, 9000), group(LINK))], "open"),
        (vec![at((80, 80), group(LINK)), at((8081, 9000), group(LINK))], "NoIngressRule"),
        (vec![at((8080, 8080), group("sg-else"))], "NoIngressRule"),
        (vec![at((8080, 8080), range("0.0.0.0/0"))], "open"),
        (vec![at((8080, 8080), range("10.0.0.0/16"))], "open"),
        (vec![at((8080, 8080), range("10.0.0.0/23"))], "open"),
        // A part of the link's addresses, be it a subnet or less.
        (vec![at((8080, 8080), range("10.0.1.0/24"))], "unsure"),
        (vec![at((8080, 8080), range("10.0.0.7/32"))], "unsure"),
        (vec![at((8080, 8080), range("10.0.2.0/24"))], "NoIngressRule"),
        (vec![at((8080, 8080), Peer::Other("a prefix list".to_owned()))], "unsure"),
        (vec![at((80, 80), Peer::Other("a prefix list".to_owned()))], "NoIngressRule"),
        (
            vec![at((8080, 8080), Peer::Other("IPv6 addresses".to_owned())), at((8080, 8080), group(LINK))],
            "open",
        ),
    ] {
        let way = way(out(), rules.clone());
        assert_eq!(word(&way), wanted, "{rules:?}: {way:?}");
    }
}

#[test]
fn what_goes_out_is_judged_alike_and_speaks_first() {
    let into = || vec![at((8080, 8080), group(LINK))];
    for (rules, wanted) in [
        (vec![], "NoEgressRule"),
        (vec![at((8080, 8080), group(TASKS))], "open"),
        // The tasks' one subnet is enough.
        (vec![at((8080, 8080), range("10.0.1.0/24"))], "open"),
        (vec![at((443, 443), range("0.0.0.0/0"))], "NoEgressRule"),
    ] {
        let way = way(rules.clone(), into());
        assert_eq!(word(&way), wanted, "{rules:?}: {way:?}");
    }
    let Way::Closed(cause) = way(vec![], vec![]) else { panic!("nothing is open") };
    assert_eq!(cause.message, "no egress rule of sg-link leads there on TCP port 8080");
}

#[test]
fn what_is_not_known_closes_nothing() {
    let network = |tasks: Option<Rules>| Network {
        groups: BTreeMap::from([
            (
                LINK.to_owned(),
                Some(Rules { ingress: vec![], egress: vec![at((0, 65_535), range("0.0.0.0/0"))] }),
            ),
            (TASKS.to_owned(), tasks),
        ]),
        ranges: BTreeMap::new(),
    };
    let way = |tasks| network(tasks).way(&guard(LINK, &["a"]), &guard(TASKS, &[]), 80);
    assert_eq!(way(None), Way::Unsure("EC2 shows no security group sg-tasks".to_owned()));
    let narrow = Rules { ingress: vec![at((80, 80), range("192.168.0.0/16"))], egress: vec![] };
    assert_eq!(word(&way(Some(narrow))), "unsure", "the link's addresses are not known");
    assert_eq!(
        word(&way(Some(Rules::default()))),
        "NoIngressRule",
        "without a rule there is nothing to know"
    );
}

#[test]
fn a_range_is_read_or_refused() {
    for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/0", "10.0.0.0/x"] {
        assert_eq!(text.parse::<Range>(), Err(NoRange), "{text}");
    }
    assert_eq!("10.1.2.3/16".parse::<Range>(), "10.1.0.0/16".parse());
    assert!("0.0.0.0/0".parse::<Range>().unwrap().is_all());
}
