//! Whether a queue's policy lets S3 send to it. Conditions are not looked at.

use serde_json::Value;

pub(super) fn lets_s3_in(policy: &str) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return false };
    each(&policy["Statement"]).into_iter().any(|statement| {
        let action =
            |text: &str| ["*", "sqs:*", "sqs:sendmessage"].contains(&text.to_ascii_lowercase().as_str());
        let principal = &statement["Principal"];
        let is_s3 = texts(principal).any(|name| name == "*")
            || texts(&principal["AWS"]).any(|name| name == "*")
            || texts(&principal["Service"]).any(|name| name == "s3.amazonaws.com");
        statement["Effect"] == "Allow" && is_s3 && texts(&statement["Action"]).any(action)
    })
}

/// One, or a list of them.
fn each(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |list| list.iter().collect())
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    each(value).into_iter().filter_map(Value::as_str)
}
