//! Paths into JSON: `networkConfiguration.awsvpcConfiguration.subnets`, `serviceRegistries[0].registryArn`.

use serde_json::{Map, Value};

/// The value at `path`, if every step of it is there.
pub fn get<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    walk(value, steps(path))
}

fn walk<'a, 'p>(value: &'a Value, mut steps: impl Iterator<Item = Step<'p>>) -> Option<&'a Value> {
    steps.try_fold(value, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Item(index) => value.get(index),
    })
}

/// The same for the members of a resource.
pub fn get_member<'a>(members: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut steps = steps(path);
    match steps.next()? {
        Step::Member(name) => walk(members.get(name)?, steps),
        Step::Item(_) => None,
    }
}

/// The texts of the list at `path`; none if there is no such list.
pub fn texts(members: &Map<String, Value>, path: &str) -> Vec<String> {
    let list = get_member(members, path).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Puts `new` at `path`, making objects on the way; a list item must be there already.
pub fn set(value: &mut Value, path: &str, new: Value) {
    let mut place = value;
    for step in steps(path) {
        place = match step {
            Step::Member(name) => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                match place {
                    Value::Object(members) => members.entry(name).or_insert(Value::Null),
                    _ => return,
                }
            }
            Step::Item(index) => match place.get_mut(index) {
                Some(item) => item,
                None => return,
            },
        };
    }
    *place = new;
}

/// Takes the member at `path` out.
pub fn take(value: &mut Value, path: &str) -> Option<Value> {
    let (parent, name) = match path.rsplit_once('.') {
        Some((parent, name)) => (
            steps(parent).try_fold(value, |value, step| match step {
                Step::Member(name) => value.get_mut(name),
                Step::Item(index) => value.get_mut(index),
            })?,
            name,
        ),
        None => (value, path),
    };
    parent.as_object_mut()?.remove(name)
}

/// Every concrete path that a pattern with `[]` meets in `value`: `a[].b` → `a[0].b`, `a[1].b`.
pub fn expand(value: &Value, pattern: &str) -> Vec<String> {
    let Some((list, rest)) = pattern.split_once("[]") else {
        return if get(value, pattern).is_some() { vec![pattern.to_owned()] } else { Vec::new() };
    };
    let rest = rest.trim_start_matches('.');
    let items = get(value, list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut found = Vec::new();
    for (index, item) in items.iter().enumerate() {
        for inner in expand(item, rest) {
            found.push(format!("{list}[{index}].{inner}"));
        }
    }
    found
}

/// The member beside `at`: `a[0].xRef` and `x` → `a[0].x`.
pub fn beside(at: &str, member: &str) -> String {
    join(parent(at), member)
}

/// The path around a member; nothing at the top.
pub fn parent(at: &str) -> &str {
    at.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// The member below `at`, which is nothing at the top.
pub fn join(at: &str, member: &str) -> String {
    if at.is_empty() { member.to_owned() } else { format!("{at}.{member}") }
}

enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    path.split(['.', '[']).filter(|part| !part.is_empty()).map(|part| match part.strip_suffix(']') {
        Some(index) => index.parse().map_or(Step::Member(part), Step::Item),
        None => Step::Member(part),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_read_set_taken_and_expanded() {
        let mut value = json!({ "a": [{ "b": 1 }, { "b": 2 }, { "c": 3 }] });
        assert_eq!(get(&value, "a[1].b"), Some(&json!(2)));
        assert_eq!(get(&value, "a[3].b"), None);
        let members = value.as_object().unwrap();
        assert_eq!((get_member(members, "a[1].b"), get_member(members, "[0]")), (Some(&json!(2)), None));
        assert_eq!(expand(&value, "a[].b"), ["a[0].b", "a[1].b"]);
        set(&mut value, "x.y", json!("z"));
        set(&mut value, "a[0].b", json!(9));
        assert_eq!(value, json!({ "a": [{ "b": 9 }, { "b": 2 }, { "c": 3 }], "x": { "y": "z" } }));
        assert_eq!(take(&mut value, "a[0].b"), Some(json!(9)));
        assert_eq!(take(&mut value, "x.nope"), None);
        assert_eq!(get(&value, "a[0]"), Some(&json!({})));
    }
}
