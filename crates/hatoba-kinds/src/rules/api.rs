//! An API's own settings and those of its stages.

use std::collections::BTreeSet;

use hatoba_core::did_you_mean;
use serde_json::{Map, Value};

use super::Found;
use super::chain::{Chain, is_absent, stated, text};
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
                    let hint =
                        "`null` gives the account's limit back; left out, the number that AWS has stays";
                    found.push((stage.key.clone(), Problem::new(format!("{path}.{member}"), message, hint)));
                }
            }
        }
    }
    found
}

pub(super) fn settings_without_route(chain: &Chain<'_>) -> Found {
    let mut found = Found::new();
    if chain.holds_any("Route") {
        return found;
    }
    for (api, stages) in chain.by_api("Stage").filter(|(api, _)| chain.get(api).is_some()) {
        let routes: BTreeSet<&str> =
            chain.naming("Route", api).iter().filter_map(|route| text(route, "routeKey")).collect();
        for stage in stages {
            let settings = stated(stage, "routeSettings").and_then(Value::as_object).into_iter().flatten();
            for (route, _) in settings.filter(|(route, _)| !routes.contains(route.as_str())) {
                let message = format!("no Route document of {api} has the key `{route}`");
                let hint = match did_you_mean(route, routes.iter().copied()) {
                    Some(guess) => format!("did you mean `{guess}`?"),
                    None => "AWS refuses settings for a route that is not there".to_owned(),
                };
                found.push((
                    stage.key.clone(),
                    Problem::new(format!("routeSettings.{route}"), message, &hint),
                ));
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
