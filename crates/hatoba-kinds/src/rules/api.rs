//! An API's own settings and those of its stages.

use serde_json::{Map, Value};

use super::Found;
use super::chain::{Chain, is_absent, stated};
use crate::kind::Problem;

pub(super) fn throttling_zero(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for stage in chain.of("Stage") {
        let everywhere = stated(stage, "defaultRouteSettings").and_then(Value::as_object);
        let mut settings: Vec<(String, &Map<String, Value>, String)> = Vec::new();
        settings
            .extend(everywhere.map(|s| ("defaultRouteSettings".to_owned(), s, "every request".to_owned())));
        for (route, own) in stated(stage, "routeSettings").and_then(Value::as_object).into_iter().flatten() {
            let Some(own) = own.as_object() else { continue };
            settings.push((format!("routeSettings.{route}"), own, format!("every request to `{route}`")));
        }
        for (path, settings, whom) in settings {
            for member in ["throttlingBurstLimit", "throttlingRateLimit"] {
                if settings.get(member).and_then(Value::as_f64) == Some(0.0) {
                    let message = format!("0 means that {whom} is answered with 429 Too Many Requests");
                    let hint = "leave it out to have the account's limits";
                    found.push((stage.key.clone(), Problem::new(format!("{path}.{member}"), message, hint)));
                }
            }
        }
    }
    found
}

pub(super) fn execute_api_left_open(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    for (api, mappings) in chain.by_api("ApiMapping") {
        let Some(api) = chain.get(api) else { continue };
        let member = "disableExecuteApiEndpoint";
        let is_open =
            stated(api, member).map_or_else(|| is_absent(api, member), |off| off == &Value::Bool(false));
        if is_open {
            let message = format!(
                "the API also answers on its execute-api address, past the custom domain of {}",
                mappings[0].key
            );
            let hint = "disableExecuteApiEndpoint: true, once nobody uses that address any more";
            found.push((api.key.clone(), Problem::new(member, message, hint)));
        }
    }
    found
}
