//! `policy.probe`: a request that is sent through a chain every so often. Pure.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema as JsonSchemaOf, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// More often says nothing new, and every request is paid for.
const EVERY_MIN: Duration = Duration::from_secs(10);
/// API Gateway takes the network interfaces of a link away after 60 days without traffic.
const EVERY_MAX: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Once an hour keeps a link alive and costs next to nothing.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// Longer paths no browser sends.
const PATH_CHARS_MAX: usize = 1_024;

/// `policy.probe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Probe {
    /// The path, from the root of the API's stage, with a query if one is needed.
    pub path: String,
    /// How often, for example `5m`: 10 seconds to 30 days, 1 hour if left out.
    #[serde(default = "every")]
    #[schemars(with = "String")]
    pub every: SignedDuration,
    /// The statuses that are good: one (`200`), or a range (`200-399`, the default).
    #[serde(default)]
    #[schemars(schema_with = "statuses")]
    pub expect: Expect,
}

fn statuses(_: &mut SchemaGenerator) -> JsonSchemaOf {
    json_schema!({ "type": ["integer", "string"] })
}

fn every() -> SignedDuration {
    EVERY
}

impl Probe {
    /// How often.
    pub fn period(&self) -> Duration {
        self.every.unsigned_abs().clamp(EVERY_MIN, EVERY_MAX)
    }

    /// What is wrong with it: the member, a sentence, a hint.
    pub fn problems(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut found = Vec::new();
        let path = &self.path;
        let is_visible = path.chars().all(|letter| letter.is_ascii_graphic() && letter != '#');
        if !path.starts_with('/') || path.starts_with("//") || !is_visible {
            let message = format!(
                "expected a path that begins with one `/`, of visible ASCII and without `#`, got `{path}`"
            );
            found.push(("path", message, "for example `/health`; other characters as %20"));
        } else if path.chars().count() > PATH_CHARS_MAX {
            let message =
                format!("expected at most {PATH_CHARS_MAX} characters, got {}", path.chars().count());
            found.push(("path", message, ""));
        }
        let is_possible = self.every.is_positive() && self.period() == self.every.unsigned_abs();
        if !is_possible {
            let message = format!("expected 10 seconds to 30 days, got {:#}", self.every);
            found.push(("every", message, "`1h` keeps an idle VPC link alive"));
        }
        found
    }
}

/// Statuses that are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expect {
    low: u16,
    high: u16,
}

impl Default for Expect {
    fn default() -> Self {
        Expect { low: 200, high: 399 }
    }
}

impl Expect {
    /// Whether an answer with this status is good.
    pub fn holds(self, status: u16) -> bool {
        (self.low..=self.high).contains(&status)
    }

    fn new(low: u16, high: u16) -> Option<Expect> {
        let is_status = |status: u16| (100..=599).contains(&status);
        (is_status(low) && is_status(high) && low <= high).then_some(Expect { low, high })
    }

    fn parse(text: &str) -> Option<Expect> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        Expect::new(low.trim().parse().ok()?, high.trim().parse().ok()?)
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.low == self.high {
            true => write!(f, "{}", self.low),
            false => write!(f, "{}-{}", self.low, self.high),
        }
    }
}

impl Serialize for Expect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let message = || format!("expected a status such as 200, or a range such as 200-399, got {value}");
        Expect::parse(&text).ok_or_else(|| serde::de::Error::custom(message()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<Probe, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_probe_reads_as_it_is_written_and_has_defaults() {
        let probe = read(json!({ "path": "/health", "every": "5m", "expect": 204 })).unwrap();
        assert_eq!((probe.period(), probe.expect.to_string().as_str()), (Duration::from_secs(300), "204"));
        assert!(probe.problems().is_empty());
        let probe = read(json!({ "path": "/" })).unwrap();
        assert_eq!(
            (probe.period(), probe.expect.to_string().as_str()),
            (Duration::from_secs(3_600), "200-399")
        );
        assert_eq!(read(serde_json::to_value(&probe).unwrap()).unwrap(), probe, "it survives being written");
        for (expect, status, holds) in [
            (json!(200), 200, true),
            (json!(200), 201, false),
            (json!("200-299"), 299, true),
            (json!("200-299"), 300, false),
            (json!("401"), 401, true),
        ] {
            let probe = read(json!({ "path": "/", "expect": expect })).unwrap();
            assert_eq!(probe.expect.holds(status), holds, "{expect} {status}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for expect in
            [json!(99), json!(600), json!("300-200"), json!("ok"), json!(true), json!(null), json!(-1)]
        {
            assert!(read(json!({ "path": "/", "expect": expect })).is_err(), "{expect}");
        }
        assert!(read(json!({ "every": "1h" })).is_err(), "a path is needed");
        assert!(read(json!({ "path": "/", "evry": "1h" })).is_err());
        for (path, every, member) in [
            ("health", "1h", "path"),
            ("", "1h", "path"),
            ("//elsewhere.example/", "1h", "path"),
            ("/a b", "1h", "path"),
            ("/a#b", "1h", "path"),
            ("/\r\nHost: x", "1h", "path"),
            ("/ü", "1h", "path"),
            (&format!("/{}", "x".repeat(1_024)), "1h", "path"),
            ("/", "9s", "every"),
            ("/", "31d", "every"),
            ("/", "-1h", "every"),
        ] {
            let Ok(probe) = read(json!({ "path": path, "every": every })) else {
                assert_eq!(member, "every", "{path} {every}");
                continue;
            };
            let members: Vec<&str> = probe.problems().iter().map(|(member, ..)| *member).collect();
            assert_eq!(members, [member], "{path} {every}");
        }
    }
}
