//! What marks say and survive.

use proptest::option;
use proptest::prelude::*;

use super::*;

fn mark() -> Mark {
    Mark {
        owner: "bucket/web".into(),
        document: Key::new("Integration", "to-great-service"),
        incarnation: 2,
        deletion: Deletion::Delete,
    }
}

#[test]
fn tags_carry_the_mark_and_the_labels() {
    let labels = BTreeMap::from([("team".to_owned(), "web".to_owned())]);
    let tags = mark().to_tags(&labels);
    assert_eq!(tags["hatoba:document"], "Integration/to-great-service");
    assert_eq!(tags["team"], "web");
    assert_eq!(labels_written(&tags), ["team"]);
    assert_eq!(Mark::from_tags(&tags), Some(mark()));
}

#[test]
fn a_mark_without_a_clear_delete_retains() {
    let mut tags = mark().to_tags(&BTreeMap::new());
    tags.remove("hatoba:deletion");
    assert_eq!(Mark::from_tags(&tags).map(|mark| mark.deletion), Some(Deletion::Retain));
    tags.remove("hatoba:owner");
    assert_eq!(Mark::from_tags(&tags), None);
}

#[test]
fn descriptions_keep_the_operators_text() {
    for text in [None, Some("orders"), Some("two\nlines")] {
        let description = mark().to_description(text);
        assert_eq!(Mark::from_description(&description), (text.map(str::to_owned), Some(mark())));
    }
    assert_eq!(Mark::from_description("by hand"), (Some("by hand".into()), None));
    assert_eq!(Mark::from_description("[hatoba a b c]").1, None);
    assert_eq!(Mark::from_description("").0, None);
}

#[test]
fn a_name_tells_the_making_and_its_parent_whose_it_is() {
    for (shown, name, incarnation) in [
        ("jwt", "jwt", 1),
        ("jwt~2", "jwt", 2),
        ("jwt~17", "jwt", 17),
        // What no incarnation of ours is called is a name like any other.
        ("jwt~1", "jwt~1", 1),
        ("jwt~02", "jwt~02", 1),
        ("jwt~", "jwt~", 1),
        ("~2", "~2", 1),
        ("a~b~3", "a~b", 3),
    ] {
        let (own, mark) = Mark::from_name("Authorizer", shown);
        assert_eq!((own.as_str(), mark.incarnation), (name, incarnation), "{shown}");
        assert!(mark.is_nobodys(), "a name alone is no mark");
        assert_eq!(mark.to_name(&own), shown);
        assert_eq!(looks_replaced(shown), incarnation > 1 || shown == "~2", "{shown}");
    }
    let (name, mark) = Mark::from_name("Authorizer", "jwt~2");
    let parent = Mark { incarnation: 5, deletion: Deletion::Retain, ..mark_of_parent() };
    let mut tags = BTreeMap::from([(NAMED.to_owned(), name_list(&BTreeSet::from([name_digits("jwt")])))]);
    let ours = mark.confirmed_by(&name, Some((&parent, &tags)));
    assert_eq!(ours, Mark { incarnation: 2, ..parent.clone() });
    assert!(ours.confirmed_by(&name, None).is_nobodys(), "what is no longer said is not remembered");
    assert!(ours.confirmed_by("other", Some((&parent, &tags))).is_nobodys());
    tags.clear();
    assert!(mark.confirmed_by(&name, Some((&parent, &tags))).is_nobodys());
}

fn mark_of_parent() -> Mark {
    Mark { document: Key::new("HttpApi", "crazy-api"), ..mark() }
}

#[test]
fn as_many_names_are_listed_as_a_tag_holds() {
    let names: BTreeSet<String> = (0..60).map(|n| name_digits(&format!("authorizer-{n}"))).collect();
    let list = name_list(&names);
    assert!(list.len() <= TAG_VALUE_CHARS_MAX, "{}", list.len());
    let listed = names_listed(&BTreeMap::from([(NAMED.to_owned(), list)]));
    assert_eq!(listed.len(), NAMED_MAX);
    assert!(listed.is_subset(&names));
    assert!(names_listed(&BTreeMap::new()).is_empty());
}

#[test]
fn the_token_is_the_same_for_the_same_making_only() {
    let next = Mark { incarnation: 3, ..mark() };
    assert_eq!(mark().creator_request_id(), mark().creator_request_id());
    assert_ne!(mark().creator_request_id(), next.creator_request_id());
    assert!(mark().creator_request_id().len() <= 64);
}

/// The longest owner, and a document of this kind and name.
fn longest(kind: &str, name: usize) -> Mark {
    Mark {
        owner: "o".repeat(200),
        document: Key::new(kind, "n".repeat(name)),
        incarnation: u32::MAX,
        deletion: Deletion::Retain,
    }
}

#[test]
fn a_legal_owner_and_a_name_of_200_fit_every_mark() {
    let mark = longest("PrivateDnsNamespace", 200);
    assert!(owner_is_legal(&mark.owner));
    let tags = mark.to_tags(&BTreeMap::new());
    assert!(tags.values().all(|value| value.chars().count() <= TAG_VALUE_CHARS_MAX));
    assert!(tags.keys().all(|key| key.chars().count() <= 128 && key.starts_with(TAG_PREFIX)));
    assert_eq!(Mark::from_tags(&tags), Some(mark.clone()));
    // API Gateway takes descriptions of 1,024 characters.
    assert!(mark.to_description(Some(&"x".repeat(400))).chars().count() <= 1_024);
    assert!(mark.creator_request_id().len() <= 64);
}

#[test]
fn owners_stand_in_one_word_of_what_aws_takes() {
    for good in ["local", "bucket/web", "a_b.c:d/e=f+g-h@i", &"o".repeat(200)] {
        assert!(owner_is_legal(good), "{good}");
    }
    for bad in ["", "a b", "a\nb", "[x]", "ü", "a*b", &"o".repeat(201)] {
        assert!(!owner_is_legal(bad), "{bad}");
    }
}

#[test]
fn tags_that_say_half_a_mark_say_none() {
    let whole = mark().to_tags(&BTreeMap::new());
    for (key, value) in [
        ("hatoba:document", "Integration"),
        ("hatoba:document", "Integration/UPPER"),
        ("hatoba:document", "/a"),
        ("hatoba:document", ""),
    ] {
        let mut tags = whole.clone();
        tags.insert(key.to_owned(), value.to_owned());
        assert_eq!(Mark::from_tags(&tags), None, "{value}");
    }
    for key in ["hatoba:owner", "hatoba:document"] {
        let mut tags = whole.clone();
        tags.remove(key);
        assert_eq!(Mark::from_tags(&tags), None, "{key}");
    }
}

#[test]
fn a_number_or_policy_that_makes_no_sense_is_read_as_the_safe_one() {
    for (incarnation, expected) in [("", 1), ("x", 1), ("-1", 1), ("4294967296", 1), ("7", 7)] {
        for deletion in ["", "delete", "Retain", "Delete "] {
            let mut tags = mark().to_tags(&BTreeMap::new());
            tags.insert("hatoba:incarnation".into(), incarnation.into());
            tags.insert("hatoba:deletion".into(), deletion.into());
            let read = Mark::from_tags(&tags).unwrap();
            assert_eq!((read.incarnation, read.deletion), (expected, Deletion::Retain));
        }
    }
}

#[test]
fn labels_never_displace_the_mark() {
    let labels = BTreeMap::from([("hatoba:owner".to_owned(), "you".to_owned())]);
    assert_eq!(Mark::from_tags(&mark().to_tags(&labels)), Some(mark()));
}

#[test]
fn the_list_of_labels_survives_its_own_text() {
    for keys in [&["a"][..], &["a", "b:c", "d/e"], &[]] {
        let labels: BTreeMap<String, String> = keys.iter().map(|key| ((*key).into(), "x".into())).collect();
        assert_eq!(labels_written(&mark().to_tags(&labels)), keys);
    }
    for empty in ["", " ", "  "] {
        let tags = BTreeMap::from([("hatoba:labels".to_owned(), empty.to_owned())]);
        assert_eq!(labels_written(&tags), [""; 0]);
    }
}

#[test]
fn only_the_last_line_of_a_description_is_a_mark() {
    let line = mark().to_description(None);
    for (description, text, marked) in [
        (format!("a\n{line}\nb"), Some(format!("a\n{line}\nb")), false),
        (format!("{line}\n"), Some(format!("{line}\n")), false),
        (format!(" {line}"), Some(format!(" {line}")), false),
        (format!("{line} "), Some(format!("{line} ")), false),
        (format!("\n{line}"), None, true),
        (format!("a\n\n{line}"), Some("a\n".to_owned()), true),
        (format!("{line}\n{line}"), Some(line.clone()), true),
        ("[hatoba me Integration/a 1 2]".to_owned(), Some("[hatoba me Integration/a 1 2]".to_owned()), false),
        ("[hatoba me Integration/A 1]".to_owned(), Some("[hatoba me Integration/A 1]".to_owned()), false),
        ("[hatoba me Integration/a -1]".to_owned(), Some("[hatoba me Integration/a -1]".to_owned()), false),
    ] {
        let read = Mark::from_description(&description);
        assert_eq!((read.0, read.1.is_some()), (text, marked), "{description:?}");
    }
}

proptest! {
    #[test]
    fn whatever_an_operator_writes_comes_back(text in option::of("(?s).{1,40}")) {
        let description = mark().to_description(text.as_deref());
        prop_assert_eq!(Mark::from_description(&description), (text, Some(mark())));
    }
}

#[test]
fn a_deployment_says_whose_it_is_and_what_it_serves() {
    let of = |owner: &str, name: &str| Mark {
        owner: owner.to_owned(),
        document: Key::new("Stage", name),
        incarnation: 2,
        deletion: Deletion::Delete,
    };
    let mark = of("local", "prod");
    let text = mark.to_deployment("0123456789abcdef");
    assert_eq!(text, "[hatoba local Stage/prod 0123456789abcdef]");
    assert_eq!(mark.deployed(&text), Some("0123456789abcdef"));
    assert_eq!(mark.deployed(&format!("by whom\n{text}")), Some("0123456789abcdef"), "the last line counts");
    for other in [of("other", "prod"), of("local", "prod2"), of("local", "pro")] {
        assert_eq!(other.deployed(&text), None, "{other:?}");
    }
    for bad in [
        "",
        "by hand",
        "[hatoba local Stage/prod ]",
        "[hatoba local Stage/prod x y]",
        "[hatoba local Stage/prod not-hex]",
    ] {
        assert_eq!(mark.deployed(bad), None, "{bad}");
    }
}
