//! API Gateway's kinds.

use serde_json::{Value, json};

use super::catalogue::{Shape, Subject, one_of, shape};

const API: &str = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: api }\nspec: {}\n";

pub(crate) fn subjects() -> Vec<Subject> {
    vec![http_api(), vpc_link(), integration(), authorizer(), route(), stage(), domain_name(), api_mapping()]
}

fn texts(values: &[&str]) -> Vec<Value> {
    values.iter().map(|value| json!(value)).collect()
}

fn http_api() -> Subject {
    let cors = [
        json!({ "allowOrigins": ["https://a.example.com"], "allowMethods": ["GET"], "maxAge": 5 }),
        json!({ "allowOrigins": ["https://b.example.com"], "allowHeaders": ["x-a"], "exposeHeaders": ["x-b"],
                "allowCredentials": true }),
    ];
    Subject {
        kind: "HttpApi",
        around: "apiVersion: hatoba/v1\nkind: Integration\nmetadata: { name: back }\nspec: { apiRef: it, \
            integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://back.example.com\" }\n---\n\
            apiVersion: hatoba/v1\nkind: Route\nmetadata: { name: all }\nspec: { apiRef: it, routeKey: $default, integrationRef: back }\n---\n\
            apiVersion: hatoba/v1\nkind: Stage\nmetadata: { name: door }\nspec: { apiRef: it, stageName: $default }\n",
        shapes: vec![shape(
            json!({}),
            vec![
                one_of("name", texts(&["one", "two"])),
                one_of("description", texts(&["first", "second"])),
                one_of("version", texts(&["1", "2"])),
                one_of("corsConfiguration", cors),
                one_of("disableExecuteApiEndpoint", [json!(true), json!(false)]),
                one_of("ipAddressType", texts(&["dualstack", "ipv4"])),
                one_of("routeSelectionExpression", texts(&["$request.method $request.path"])),
            ],
        )],
        left_out: &[("routeSelectionExpression", "it has one legal value")],
    }
}

fn vpc_link() -> Subject {
    let name = || one_of("name", texts(&["one", "two"]));
    let groups =
        || one_of("securityGroupIds", [json!(["sg-0123456789abcdef0"]), json!(["sg-0fedcba9876543210"])]);
    let selected = || one_of("securityGroupSelector", [json!({ "tags": { "Name": "great-sg" } })]);
    let vpc = || {
        vec![
            json!({ "vpcId": "vpc-0a1b2c3d4e5f60718" }),
            json!({ "vpcSelector": { "tags": { "Name": "awesome-vpc" } } }),
        ]
    };
    Subject {
        kind: "VpcLink",
        around: "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: api }\nspec: {}\n---\n\
            apiVersion: hatoba/v1\nkind: Integration\nmetadata: { name: back }\nspec: { apiRef: api, \
            integrationType: HTTP_PROXY, integrationMethod: ANY, connectionType: VPC_LINK, vpcLinkRef: it, \
            integrationUri: \"arn:aws:servicediscovery:us-east-1:123456789012:service/srv-x\" }\n---\n\
            apiVersion: hatoba/v1\nkind: Route\nmetadata: { name: all }\nspec: { apiRef: api, routeKey: $default, integrationRef: back }\n---\n\
            apiVersion: hatoba/v1\nkind: Stage\nmetadata: { name: door }\nspec: { apiRef: api, stageName: $default }\n",
        shapes: vec![
            shape(
                json!({ "subnetSelector": { "tags": { "Tier": "private" } } }),
                vec![name(), selected(), vpc()],
            ),
            shape(json!({ "subnetSelector": { "tags": { "Tier": "public" } } }), vec![groups()]),
            shape(json!({ "subnetIds": ["subnet-0aa11bb22cc33dd44"] }), vec![groups(), name()]),
            shape(json!({ "subnetIds": ["subnet-0bb22cc33dd44ee55"] }), vec![selected()]),
        ],
        left_out: &[
            ("vpcSelector", "there is one VPC with such subnets"),
            ("securityGroupSelector", "there is one group with tags"),
            ("vpcId", "there is one VPC with such subnets"),
        ],
    }
}

fn integration() -> Subject {
    let timeout = || one_of("timeoutInMillis", [json!(5_000), json!(6_000)]);
    let description = || one_of("description", texts(&["first", "second"]));
    let payload = |values: &[&str]| one_of("payloadFormatVersion", texts(values));
    let link = json!({
        "apiRef": "api", "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "connectionType": "VPC_LINK",
        "vpcLinkRef": "link",
    });
    let to = |more: Value| {
        let mut base = link.clone();
        super::catalogue::merge(&mut base, &more);
        base
    };
    let queue = |path: &str| json!({ "QueueUrl": format!("https://sqs.us-east-1.amazonaws.com/1/{path}"), "MessageBody": "$request.body.text" });
    let shapes = vec![
        shape(
            json!({ "apiRef": "api", "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": "https://a.example.com" }),
            vec![
                timeout(),
                description(),
                payload(&["1.0"]),
                one_of("integrationMethod", texts(&["GET", "POST"])),
                one_of("integrationUri", texts(&["https://b.example.com"])),
                one_of("connectionType", texts(&["INTERNET"])),
                one_of(
                    "requestParameters",
                    [json!({ "overwrite:path": "/a" }), json!({ "append:header.x-a": "b" })],
                ),
                one_of(
                    "responseParameters",
                    [
                        json!({ "200": { "overwrite:header.x-a": "b" } }),
                        json!({ "500": { "overwrite:statuscode": "404" } }),
                    ],
                ),
            ],
        ),
        shape(
            to(json!({ "discoveryServiceRef": "found" })),
            vec![
                vec![
                    json!({ "tlsConfig": { "serverNameToVerify": "a.example.com" } }),
                    json!({ "tlsConfig": { "serverNameToVerify": "b.example.com" } }),
                ],
                timeout(),
                description(),
            ],
        ),
        shape(to(json!({ "discoveryServiceRef": "other", "vpcLinkRef": "second" })), vec![timeout()]),
        shape(
            json!({ "apiRef": "api", "integrationType": "AWS_PROXY", "integrationUri": "arn:aws:lambda:us-east-1:123456789012:function:f" }),
            vec![
                payload(&["2.0", "1.0"]),
                one_of(
                    "credentialsArn",
                    texts(&["arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b"]),
                ),
            ],
        ),
        shape(
            json!({ "apiRef": "api", "integrationType": "AWS_PROXY", "integrationSubtype": "SQS-SendMessage",
                    "credentialsArn": "arn:aws:iam::123456789012:role/a", "requestParameters": queue("a") }),
            vec![one_of("requestParameters", [queue("b")])],
        ),
        shape(
            json!({ "apiRef": "api", "integrationType": "AWS_PROXY", "integrationSubtype": "SQS-PurgeQueue",
                    "credentialsArn": "arn:aws:iam::123456789012:role/a",
                    "requestParameters": { "QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/a" } }),
            vec![],
        ),
    ];
    Subject {
        kind: "Integration",
        around: "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: api }\nspec: {}\n---\n\
            apiVersion: hatoba/v1\nkind: PrivateDnsNamespace\nmetadata: { name: ns }\nspec: { name: a.test, vpcSelector: { tags: { Name: awesome-vpc } } }\n---\n\
            apiVersion: hatoba/v1\nkind: DiscoveryService\nmetadata: { name: found }\nspec: { namespaceRef: ns, dnsConfig: { dnsRecords: [{ type: SRV, ttl: 60 }] } }\n---\n\
            apiVersion: hatoba/v1\nkind: DiscoveryService\nmetadata: { name: other }\nspec: { namespaceRef: ns, dnsConfig: { dnsRecords: [{ type: SRV, ttl: 60 }] } }\n---\n\
            apiVersion: hatoba/v1\nkind: VpcLink\nmetadata: { name: link }\nspec: { subnetSelector: { tags: { Tier: private } } }\n---\n\
            apiVersion: hatoba/v1\nkind: VpcLink\nmetadata: { name: second }\nspec: { subnetSelector: { tags: { Tier: public } } }\n---\n\
            apiVersion: hatoba/v1\nkind: Route\nmetadata: { name: all }\nspec: { apiRef: api, routeKey: $default, integrationRef: it }\n---\n\
            apiVersion: hatoba/v1\nkind: Stage\nmetadata: { name: door }\nspec: { apiRef: api, stageName: $default }\n",
        shapes,
        left_out: &[
            ("apiRef", "another API is another resource; a shape has one"),
            ("connectionType", "every shape has its own"),
            ("connectionId", "the raw id of a link: `vpcLinkRef` fills it"),
        ],
    }
}

fn authorizer() -> Subject {
    let name = || one_of("name", texts(&["one", "two"]));
    let jwt = json!({ "issuer": "https://a.example.com", "audience": ["web"] });
    let function = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:f/invocations";
    let other = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:g/invocations";
    Subject {
        kind: "Authorizer",
        around: API,
        shapes: vec![
            shape(
                json!({ "apiRef": "api", "authorizerType": "JWT", "jwtConfiguration": jwt }),
                vec![
                    name(),
                    one_of(
                        "identitySource",
                        [json!(["$request.header.x-token"]), json!(["$request.querystring.token"])],
                    ),
                    one_of("jwtConfiguration.issuer", texts(&["https://b.example.com"])),
                    one_of("jwtConfiguration.audience", [json!(["web", "app"])]),
                ],
            ),
            shape(
                json!({ "apiRef": "api", "authorizerType": "REQUEST", "authorizerUri": function, "authorizerPayloadFormatVersion": "2.0" }),
                vec![
                    one_of("authorizerUri", texts(&[other])),
                    one_of(
                        "authorizerCredentialsArn",
                        texts(&["arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/b"]),
                    ),
                    one_of("authorizerResultTtlInSeconds", [json!(0), json!(60)]),
                    one_of("enableSimpleResponses", [json!(true), json!(false)]),
                    one_of("identitySource", [json!(["$request.header.a", "$request.header.b"])]),
                ],
            ),
            shape(
                json!({ "apiRef": "api", "authorizerType": "REQUEST", "authorizerUri": function, "authorizerPayloadFormatVersion": "1.0" }),
                vec![name()],
            ),
        ],
        left_out: &[("apiRef", "another API is another resource; a shape has one")],
    }
}

fn route() -> Subject {
    let integration = || one_of("integrationRef", texts(&["one", "two"]));
    let guarded = vec![
        json!({ "authorizationType": "JWT", "authorizerRef": "token", "authorizationScopes": ["a"] }),
        json!({ "authorizationType": "JWT", "authorizerRef": "token", "authorizationScopes": ["b", "c"] }),
        json!({ "authorizationType": "CUSTOM", "authorizerRef": "lambda" }),
        json!({ "authorizationType": "AWS_IAM" }),
        json!({ "authorizationType": "NONE" }),
    ];
    let of = |key: &str, choices: Vec<Vec<Value>>| -> Shape {
        shape(json!({ "apiRef": "api", "routeKey": key, "integrationRef": "one" }), choices)
    };
    Subject {
        kind: "Route",
        around: "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: api }\nspec: {}\n---\n\
            apiVersion: hatoba/v1\nkind: Integration\nmetadata: { name: one }\nspec: { apiRef: api, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://one.example.com\" }\n---\n\
            apiVersion: hatoba/v1\nkind: Integration\nmetadata: { name: two }\nspec: { apiRef: api, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://two.example.com\" }\n---\n\
            apiVersion: hatoba/v1\nkind: Authorizer\nmetadata: { name: token }\nspec: { apiRef: api, authorizerType: JWT, jwtConfiguration: { issuer: \"https://a.example.com\", audience: [web] } }\n---\n\
            apiVersion: hatoba/v1\nkind: Authorizer\nmetadata: { name: lambda }\nspec: { apiRef: api, authorizerType: REQUEST, authorizerPayloadFormatVersion: \"2.0\", \
            authorizerUri: \"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:f/invocations\" }\n---\n\
            apiVersion: hatoba/v1\nkind: Stage\nmetadata: { name: door }\nspec: { apiRef: api, stageName: $default }\n",
        shapes: vec![
            of("GET /a", vec![integration(), guarded, one_of("operationName", texts(&["first", "second"]))]),
            of("GET /b", vec![integration()]),
            of("ANY /a/{id}", vec![]),
            of("ANY /a/{other}", vec![]),
            of("$default", vec![integration()]),
        ],
        left_out: &[
            ("apiRef", "another API is another resource; a shape has one"),
            ("target", "the id of an integration: `integrationRef` fills it"),
            ("authorizerId", "the id of an authorizer: `authorizerRef` fills it"),
        ],
    }
}

fn stage() -> Subject {
    let settings = |rate: u32| json!({ "GET /a": { "throttlingBurstLimit": rate, "throttlingRateLimit": rate, "detailedMetricsEnabled": true } });
    let log = |group: &str| json!({ "destinationArn": format!("arn:aws:logs:us-east-1:123456789012:log-group:{group}"), "format": "$context.requestId" });
    Subject {
        kind: "Stage",
        around: "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: api }\nspec: {}\n---\n\
            apiVersion: hatoba/v1\nkind: Integration\nmetadata: { name: back }\nspec: { apiRef: api, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://one.example.com\" }\n---\n\
            apiVersion: hatoba/v1\nkind: Route\nmetadata: { name: a }\nspec: { apiRef: api, routeKey: GET /a, integrationRef: back }\n",
        shapes: vec![shape(
            json!({ "apiRef": "api", "stageName": "dev" }),
            vec![
                one_of("stageName", texts(&["prod", "$default"])),
                one_of("autoDeploy", [json!(false), json!(true)]),
                one_of("description", texts(&["first", "second"])),
                one_of("stageVariables", [json!({ "a": "b" }), json!({ "a": "c", "d": "e" })]),
                one_of("accessLogSettings", [log("a"), log("b")]),
                one_of("defaultRouteSettings.detailedMetricsEnabled", [json!(true), json!(false)]),
                one_of("defaultRouteSettings.throttlingBurstLimit", [json!(10), json!(20)]),
                one_of("defaultRouteSettings.throttlingRateLimit", [json!(10.0), json!(20.0)]),
                one_of("routeSettings", [settings(5), settings(6)]),
            ],
        )],
        left_out: &[("apiRef", "another API is another resource; a shape has one")],
    }
}

fn domain_name() -> Subject {
    let certificate = |last: u8| {
        format!("arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-55555555555{last}")
    };
    let with = |last: u8, more: Value| {
        let mut configuration = json!({ "certificateArn": certificate(last) });
        super::catalogue::merge(&mut configuration, &more);
        json!([configuration])
    };
    Subject {
        kind: "DomainName",
        around: API,
        shapes: vec![
            shape(
                json!({ "domainName": "a.example.com", "domainNameConfigurations": with(1, json!({})) }),
                vec![
                    one_of(
                        "domainNameConfigurations",
                        [
                            with(2, json!({ "securityPolicy": "TLS_1_2", "endpointType": "REGIONAL" })),
                            with(2, json!({ "ipAddressType": "dualstack" })),
                        ],
                    ),
                    one_of(
                        "mutualTlsAuthentication",
                        [
                            json!({ "truststoreUri": "s3://trust/a.pem", "truststoreVersion": "1" }),
                            json!({ "truststoreUri": "s3://trust/b.pem", "truststoreVersion": "2" }),
                        ],
                    ),
                    one_of("routingMode", texts(&["ROUTING_RULE_ONLY", "ROUTING_RULE_THEN_API_MAPPING"])),
                ],
            ),
            shape(
                json!({ "domainName": "b.example.com", "domainNameConfigurations": with(1, json!({})) }),
                vec![],
            ),
        ],
        left_out: &[],
    }
}

fn api_mapping() -> Subject {
    let key = || one_of("apiMappingKey", texts(&["a", "a/b"]));
    Subject {
        kind: "ApiMapping",
        around: "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: api }\nspec: {}\n---\n\
            apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: other }\nspec: {}\n---\n\
            apiVersion: hatoba/v1\nkind: Stage\nmetadata: { name: door }\nspec: { apiRef: api, stageName: $default, autoDeploy: false }\n---\n\
            apiVersion: hatoba/v1\nkind: Stage\nmetadata: { name: dev }\nspec: { apiRef: api, stageName: dev, autoDeploy: false }\n---\n\
            apiVersion: hatoba/v1\nkind: Stage\nmetadata: { name: others }\nspec: { apiRef: other, stageName: $default, autoDeploy: false }\n---\n\
            apiVersion: hatoba/v1\nkind: DomainName\nmetadata: { name: domain }\nspec: { domainName: a.example.com, domainNameConfigurations: \
            [{ certificateArn: \"arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555\" }] }\n---\n\
            apiVersion: hatoba/v1\nkind: DomainName\nmetadata: { name: second }\nspec: { domainName: b.example.com, domainNameConfigurations: \
            [{ certificateArn: \"arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555\" }] }\n",
        shapes: vec![
            shape(
                json!({ "domainNameRef": "domain", "apiRef": "api", "stageRef": "door" }),
                vec![key(), one_of("stageRef", texts(&["dev"]))],
            ),
            shape(json!({ "domainNameRef": "domain", "apiRef": "other", "stageRef": "others" }), vec![key()]),
            shape(
                json!({ "domainNameRef": "domain", "apiRef": "api", "stage": "dev" }),
                vec![one_of("stage", texts(&["$default"]))],
            ),
            shape(json!({ "domainName": "a.example.com", "apiRef": "api", "stageRef": "dev" }), vec![]),
        ],
        left_out: &[
            ("apiId", "`apiRef` fills it"),
            ("domainName", "it names the domain name of the documents, as `domainNameRef` does"),
            ("domainNameRef", "another domain name is another resource"),
        ],
    }
}
