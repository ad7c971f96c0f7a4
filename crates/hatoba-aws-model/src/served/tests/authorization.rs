use super::{Site, header, text};
use serde_json::{Value, json};

/// Base64 in the alphabet for URLs, without padding.
fn encoded(value: &Value) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let text = value.to_string();
    let group = |bytes: &[u8]| {
        let number =
            bytes.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - bytes.len()));
        let letter = |at: usize| char::from(LETTERS[(number >> (18 - 6 * at) & 0x3f) as usize]);
        (0..=bytes.len()).map(letter).collect::<String>()
    };
    text.as_bytes().chunks(3).map(group).collect()
}

fn token(claims: &Value) -> String {
    format!("{}.{}.c2ln", encoded(&json!({"alg": "RS256", "kid": "k"})), encoded(claims))
}

fn authorizer(site: &mut Site, body: Value) -> String {
    text(&site.write("POST", "/authorizers", body)["authorizerId"])
}

fn jwt_site(scopes: &[&str]) -> Site {
    let mut site = Site::open();
    let body = json!({
        "name": "jwt", "authorizerType": "JWT", "identitySource": ["$request.header.Authorization"],
        "jwtConfiguration": {"issuer": "https://issuer.example.com", "audience": ["web", "app"]},
    });
    let id = authorizer(&mut site, body);
    let mut route = json!({"routeKey": "GET /in", "authorizationType": "JWT", "authorizerId": id});
    if !scopes.is_empty() {
        route["authorizationScopes"] = json!(scopes);
    }
    site.route(route);
    site
}

fn good(site: &Site) -> Value {
    let now = site.aws.now.as_secs();
    json!({"iss": "https://issuer.example.com", "aud": "web", "exp": now + 60, "iat": now - 5, "sub": "ü?"})
}

#[test]
fn tokens_are_judged_by_their_claims() {
    let mut site = jwt_site(&[]);
    let now = site.aws.now.as_secs();
    let with = |site: &Site, name: &str, value: Value| {
        let mut claims = good(site);
        claims[name] = value;
        claims
    };
    let cases = [
        ("good", good(&site), 200),
        ("a list of audiences", with(&site, "aud", json!(["x", "app"])), 200),
        ("another issuer", with(&site, "iss", json!("https://other.example.com")), 401),
        ("another audience", with(&site, "aud", json!("phone")), 401),
        ("expired", with(&site, "exp", json!(now - 1)), 401),
        ("never expires", with(&site, "exp", Value::Null), 401),
        ("not yet", with(&site, "nbf", json!(now + 10)), 401),
        ("from tomorrow", with(&site, "iat", json!(now + 10)), 401),
        (
            "client_id beside a wrong aud",
            json!({"iss": "https://issuer.example.com", "aud": "x", "client_id": "web", "exp": now + 9}),
            401,
        ),
        (
            "client_id for want of aud",
            json!({"iss": "https://issuer.example.com", "client_id": "web", "exp": now + 9}),
            200,
        ),
    ];
    for (what, claims, status) in cases {
        let bearer = format!("Bearer {}", token(&claims));
        assert_eq!(site.send("GET", "/in", &[("authorization", &bearer)], "").status, status, "{what}");
    }
    let bare = token(&good(&site));
    assert_eq!(site.send("GET", "/in", &[("authorization", &bare)], "").status, 200, "without Bearer");
}

#[test]
fn what_is_no_token_is_refused() {
    let mut site = jwt_site(&[]);
    let unauthorized = (401, "Unauthorized".to_owned());
    assert_eq!(site.refusal("GET", "/in", &[]), unauthorized);
    let (hs, claims) = (encoded(&json!({"alg": "HS256"})), encoded(&good(&site)));
    for bad in ["Bearer", "Bearer x", "Bearer a.b.c", "Bearer ü.ü.ü", &format!("{hs}.{claims}.c2ln")] {
        let answer = site.send("GET", "/in", &[("authorization", bad)], "");
        assert_eq!(answer.status, 401, "{bad}");
        assert!(header(&answer, "www-authenticate").unwrap().contains("invalid_token"), "{bad}");
    }
    assert_eq!(site.get("/").status, 200, "the other route is open");
}

#[test]
fn one_of_the_scopes_is_enough_and_none_is_forbidden() {
    let mut site = jwt_site(&["read", "admin"]);
    for (claim, value, status) in [
        ("scope", json!("write read"), 200),
        ("scp", json!(["admin"]), 200),
        ("scope", json!("write"), 403),
        ("sub", json!("no scopes"), 403),
    ] {
        let mut claims = good(&site);
        claims[claim] = value;
        let bearer = format!("Bearer {}", token(&claims));
        let (got, said) = site.refusal("GET", "/in", &[("authorization", &bearer)]);
        assert_eq!(got, status, "{claim}");
        assert!(status == 200 || said == "Forbidden");
    }
}

#[test]
fn iam_wants_a_signature_for_this_api() {
    let mut site = Site::open();
    site.route(json!({"routeKey": "GET /iam", "authorizationType": "AWS_IAM"}));
    let signed = |service: &str, region: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
        )
    };
    let forbidden = (403, "Forbidden".to_owned());
    assert_eq!(site.refusal("GET", "/iam", &[]), forbidden);
    for bad in [signed("apigateway", "us-east-1"), signed("execute-api", "eu-west-1"), "Bearer x".to_owned()]
    {
        assert_eq!(site.refusal("GET", "/iam", &[("authorization", &bad)]), forbidden, "{bad}");
    }
    let good = signed("execute-api", "us-east-1");
    assert_eq!(site.send("GET", "/iam", &[("authorization", &good)], "").status, 200);
    let query =
        "/iam?X-Amz-Credential=AKID%2F20260101%2Fus-east-1%2Fexecute-api%2Faws4_request&X-Amz-Signature=0";
    assert_eq!(site.get(query).status, 200, "presigned");
}

#[test]
fn a_lambda_authorizer_needs_its_identity_sources() {
    let mut site = Site::open();
    let body = json!({
        "name": "fn", "authorizerType": "REQUEST", "authorizerPayloadFormatVersion": "2.0",
        "identitySource": ["$request.header.X-Key", "$request.querystring.user"],
        "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn/invocations",
    });
    let id = authorizer(&mut site, body);
    site.route(json!({"routeKey": "GET /fn", "authorizationType": "CUSTOM", "authorizerId": id}));
    let unauthorized = (401, "Unauthorized".to_owned());
    assert_eq!(site.refusal("GET", "/fn", &[]), unauthorized);
    assert_eq!(site.refusal("GET", "/fn?user=", &[("x-key", "1")]), unauthorized);
    assert_eq!(site.send("GET", "/fn?user=me", &[("x-key", "1")], "").status, 200);
}

#[test]
fn claims_can_be_mapped() {
    let mut site = jwt_site(&[]);
    site.integrate(json!({"requestParameters": {"overwrite:header.who": "$context.authorizer.claims.sub"}}));
    let bearer = format!("Bearer {}", token(&good(&site)));
    let answer = site.send("GET", "/in", &[("authorization", &bearer)], "");
    assert_eq!(answer.json()["headers"]["who"], "ü?");
}
