use hatoba_core::{Field, Hop, KindTable, Literal, MarkStyle, Members, RefField, ReplaceStyle, Shape};
use serde_json::Value;

use crate::http_api::DOOR;

pub(super) static TABLE: KindTable = KindTable {
    kind: "Integration",
    fields: &[
        Field::new("integrationType").immutable(),
        Field::new("integrationSubtype").immutable(),
        Field::new("integrationMethod"),
        Field::new("connectionType").default(Literal::Str("INTERNET")),
        Field::new("connectionId").default(Literal::Str("")),
        Field::new("integrationUri").shape(Shape::By(same_uri)),
        Field::new("payloadFormatVersion").null_is(Literal::Str("1.0")).at_create(Literal::Str("1.0")),
        Field::new("timeoutInMillis").default(Literal::Int(30_000)),
        Field::new("credentialsArn").default(Literal::Str("")),
        Field::new("description").default(Literal::Str("")),
        Field::new("requestParameters").default(Literal::EmptyMap),
        Field::new("responseParameters").default(Literal::EmptyMap),
        // Whether an empty one clears it is not known: it goes with the integration.
        Field::new("tlsConfig").immutable_if(is_removal),
    ],
    references: &[
        RefField { path: "apiRef", kinds: &["HttpApi"], member: "apiId", output: "id", template: "{}", required: true },
        RefField {
            path: "vpcLinkRef",
            kinds: &["VpcLink"],
            member: "connectionId",
            output: "id",
            template: "{}",
            required: false,
        },
        RefField {
            path: "discoveryServiceRef",
            kinds: &["DiscoveryService"],
            member: "integrationUri",
            output: "arn",
            template: "{}",
            required: false,
        },
    ],
    selectors: &[],
    scope_member: Some("apiId"),
    parent: Some("HttpApi"),
    name_member: None,
    marks: MarkStyle::Description,
    unique: false,
    replace: ReplaceStyle::MakeBeforeBreak,
    follows: &[],
    drain: None,
};

fn is_removal(_from: &Value, to: &Value) -> bool {
    to.is_null()
}

/// A Lambda function may be named by its ARN, or by API Gateway's path to its invocation.
fn same_uri(wanted: &Value, have: &Value) -> bool {
    fn plain(uri: &Value) -> Option<&str> {
        let uri = uri.as_str()?;
        let function = uri.split_once(":lambda:path/").and_then(|(_, path)| path.split_once("/functions/"));
        Some(function.and_then(|(_, arn)| arn.strip_suffix("/invocations")).unwrap_or(uri))
    }
    plain(wanted) == plain(have)
}

/// By what it leads to: `to-orders`, `sqs-sendmessage`.
pub(super) fn called(spec: &Members) -> Option<String> {
    let text = |member: &str| spec.get(member).and_then(Value::as_str);
    if let Some(subtype) = text("integrationSubtype") {
        return Some(subtype.to_owned());
    }
    if let Some(service) = text("discoveryServiceRef") {
        return Some(format!("to-{service}"));
    }
    let uri = text("integrationUri")?;
    let function = uri.split_once(":function:").map(|(_, rest)| rest.split([':', '/']).next().unwrap_or(rest));
    let balancer = uri.split_once(":listener/").and_then(|(_, rest)| rest.split('/').nth(1));
    let authority = uri.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or(rest));
    // What stands in front of the host logs in there, and is no name.
    let host = authority.map(|authority| authority.rsplit('@').next().unwrap_or(authority));
    let host = host.map(|host| host.split(':').next().unwrap_or(host));
    let end = || uri.rsplit('/').next().unwrap_or(uri);
    Some(format!("to-{}", function.or(balancer).or(host).unwrap_or_else(end)))
}
/// To the link, and through it to where the tasks are found.
pub(super) static HOP: Hop = Hop { station: DOOR, leads_on: &["connectionId", "integrationUri"], ..Hop::new("integration") };

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_function_is_the_same_by_arn_and_by_path() {
        let arn = "arn:aws:lambda:us-east-1:1:function:orders:live";
        let path = format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations");
        assert!(same_uri(&json!(arn), &json!(path)) && same_uri(&json!(path), &json!(arn)));
        assert!(!same_uri(&json!("arn:other"), &json!(path)));
        assert!(!same_uri(&Value::Null, &json!("https://a")));
        assert!(same_uri(&Value::Null, &Value::Null));
    }

    #[test]
    fn it_is_called_after_what_it_leads_to() {
        let called = |spec: Value| called(spec.as_object().unwrap());
        for (spec, name) in [
            (json!({ "discoveryServiceRef": "orders", "integrationType": "HTTP_PROXY" }), "to-orders"),
            (json!({ "integrationSubtype": "SQS-SendMessage" }), "SQS-SendMessage"),
            (json!({ "integrationUri": "arn:aws:lambda:us-east-1:1:function:orders:live" }), "to-orders"),
            (
                json!({ "integrationUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:1:function:orders/invocations" }),
                "to-orders",
            ),
            (
                json!({ "integrationUri": "arn:aws:elasticloadbalancing:us-east-1:1:listener/app/web/50dc/f2f7" }),
                "to-web",
            ),
            (json!({ "integrationUri": "https://api.example.com:8443/v1?x=y" }), "to-api.example.com"),
            (json!({ "integrationUri": "arn:aws:servicediscovery:us-east-1:1:service/srv-1" }), "to-srv-1"),
        ] {
            assert_eq!(called(spec).as_deref(), Some(name));
        }
        assert_eq!(called(json!({})), None);
    }
}
