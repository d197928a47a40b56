use super::*;

const SECRET: &str = "SKTEST0123456789";

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn expected() -> Expected<'static> {
    Expected { region: Some("cn-north-1"), services: &["lb", "vm"] }
}

fn secret_of(key: &str) -> Option<String> {
    (key == "AKTEST").then(|| SECRET.to_owned())
}

fn at(date: &str) -> u64 {
    time::parse_basic(date).unwrap()
}

const LIST_QUERY: &str = "pageNumber=1&pageSize=10&filters.1.name=loadBalancerType&filters.1.values.1=dnlb&filters.2.name=loadBalancerNames&filters.2.values.1=%E5%90%8D%20%E7%A7%B0&filters.2.values.2=a%2Bb~c%2Ad&filters.2.values.3=x%2Fy&tags.1.key=env&tags.1.values.1=t";

/// The Python client's list request, as captured.
fn list() -> (&'static str, Vec<(String, String)>) {
    let headers = headers(&[
        ("host", "127.0.0.1:18080"),
        ("user-agent", "JdcloudSdkPython/1.2.9 lb/0.5.7"),
        ("content-type", "application/json"),
        (
            "authorization",
            "JDCLOUD3-HMAC-SHA256 Credential=AKTEST/20261122/cn-north-1/lb/jdcloud3_request, SignedHeaders=content-type;host, Signature=7c2b173307a2a977113c1d06c70f1f9cdc969477e0eaa6b9fb3d0b4a7b414090",
        ),
        ("x-jdcloud-date", "20261122T210431Z"),
        ("x-jdcloud-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("jdcloud3-hmac-sha256", "JDCLOUD3-HMAC-SHA256"),
        ("x-jdcloud-nonce", "e285a330-2eaf-4969-838d-0434f6838450"),
    ]);
    ("/v1/regions/cn-north-1/loadBalancers/", headers)
}

fn kept(headers: Vec<(String, String)>) -> &'static [(String, String)] {
    headers.leak()
}

fn verify_list(change: impl FnOnce(&mut Request<'static>), now: u64) -> Result<Scope, SignatureError> {
    let (path, headers) = list();
    let mut request = Request { method: "GET", path, query: LIST_QUERY, headers: kept(headers), body: b"" };
    change(&mut request);
    verify(&request, expected(), now, secret_of)
}

#[test]
fn the_python_clients_list_verifies() {
    let scope = verify_list(|_| {}, at("20261122T210431Z")).unwrap();
    assert_eq!((scope.access_key.as_str(), scope.service.as_str()), ("AKTEST", "lb"));
}

#[test]
fn the_python_clients_create_verifies() {
    let body = br#"{"regionId": "cn-north-1", "backendName": "be", "loadBalancerId": "netlb-nope", "protocol": "Tcp", "port": 8080, "healthCheckSpec": {"protocol": "Tcp", "healthyThresholdCount": null, "unhealthyThresholdCount": null, "checkTimeoutSeconds": null, "intervalSeconds": 5, "port": null, "httpDomain": null, "httpPath": null, "httpCode": null}, "algorithm": null, "targetGroupIds": null, "agIds": ["ag-x"], "proxyProtocol": null, "description": null, "sessionStickiness": null, "sessionStickyTimeout": null, "connectionDrainingSeconds": null, "httpCookieExpireSeconds": null, "httpForwardedProtocol": null, "httpForwardedPort": null, "httpForwardedHost": null, "httpForwardedVip": null, "httpForwardedClientPort": null}"#;
    let headers = headers(&[
        ("host", "127.0.0.1:18080"),
        ("content-type", "application/json"),
        ("content-length", "712"),
        (
            "authorization",
            "JDCLOUD3-HMAC-SHA256 Credential=AKTEST/20261122/cn-north-1/lb/jdcloud3_request, SignedHeaders=content-type;host, Signature=e023a756c30d3d02bb264a458648b86e1058671ac5955a8278535babd952e142",
        ),
        ("x-jdcloud-date", "20261122T210431Z"),
        ("x-jdcloud-content-sha256", "2aeef46ba4c1150b79b0925925e90577a1e6e58e9dcde0dde5a64e5f6d92236d"),
    ]);
    let request = Request {
        method: "POST",
        path: "/v1/regions/cn-north-1/backends/",
        query: "",
        headers: &headers,
        body,
    };
    verify(&request, expected(), at("20261122T210431Z"), secret_of).unwrap();
    let changed = [&body[..body.len() - 1], b" }"].concat();
    let refused =
        verify(&Request { body: &changed, ..request }, expected(), at("20261122T210431Z"), secret_of);
    assert_eq!(refused, Err(SignatureError::BodyHash));
}

#[test]
fn the_node_clients_action_verifies_with_the_older_scheme() {
    let headers = headers(&[
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("x-jdcloud-date", "20261122T210623Z"),
        ("x-jdcloud-nonce", "a47329f6-4fb0-436d-9152-d720992164c4"),
        ("host", "127.0.0.1:18080"),
        (
            "authorization",
            "JDCLOUD2-HMAC-SHA256 Credential=AKTEST/20261122/cn-north-1/lb/jdcloud2_request, SignedHeaders=accept;content-type;host;x-jdcloud-date;x-jdcloud-nonce, Signature=1916031d3f20c98562a73539b6e074cda227dea7dc5dc3962c8e91d1f42374e6",
        ),
    ]);
    let request = Request {
        method: "POST",
        path: "/v1/regions/cn-north-1/loadBalancers/netlb-x%3AassociateElasticIp",
        query: "",
        headers: &headers,
        body: br#"{"elasticIpId":"fip-x"}"#,
    };
    verify(&request, expected(), at("20261122T210700Z"), secret_of).unwrap();
}

#[test]
fn whatever_is_changed_is_refused() {
    let now = at("20261122T210431Z");
    let wrong = Err(SignatureError::Wrong);
    assert_eq!(verify_list(|r| r.method = "POST", now), wrong);
    assert_eq!(verify_list(|r| r.path = "/v1/regions/cn-north-1/listeners/", now), wrong);
    assert_eq!(verify_list(|r| r.query = "pageNumber=2", now), wrong);
    assert_eq!(verify_list(|r| r.body = b"x", now), Err(SignatureError::BodyHash));
    let with = |name: &str, value: &str| {
        let (_, mut headers) = list();
        headers.iter_mut().find(|(header, _)| header == name).unwrap().1 = value.to_owned();
        kept(headers)
    };
    let host = with("host", "127.0.0.1:18081");
    assert_eq!(verify_list(|r| r.headers = host, now), wrong);
    let date = with("x-jdcloud-date", "20261122T210432Z");
    assert_eq!(verify_list(|r| r.headers = date, now), wrong);
    let day = with("x-jdcloud-date", "20261123T210431Z");
    assert_eq!(verify_list(|r| r.headers = day, now), Err(SignatureError::Date));
    let (_, good) = list();
    let authorization = good.iter().find(|(name, _)| name == "authorization").unwrap().1.clone();
    for (from, to, error) in [
        ("AKTEST", "AKOTHER", SignatureError::UnknownKey),
        ("JDCLOUD3-HMAC", "JDCLOUD2-HMAC", SignatureError::Header),
        ("jdcloud3_request", "jdcloud2_request", SignatureError::Header),
        ("content-type;host", "", SignatureError::Header),
        ("content-type;host", "content-type", SignatureError::Wrong),
        ("content-type;host", "host;x-no", SignatureError::SignedHeader("x-no".into())),
        ("7c2b", "7c2c", SignatureError::Wrong),
        ("7c2b", "7c2", SignatureError::Header),
        ("cn-north-1/lb", "cn-north-1/vm", SignatureError::Wrong),
        (
            "cn-north-1/lb",
            "cn-south-1/lb",
            SignatureError::Scope { region: "cn-south-1".into(), service: "lb".into() },
        ),
        (
            "cn-north-1/lb",
            "cn-north-1/disk",
            SignatureError::Scope { region: "cn-north-1".into(), service: "disk".into() },
        ),
    ] {
        let changed = with("authorization", &authorization.replace(from, to));
        assert_eq!(verify_list(|r| r.headers = changed, now), Err(error), "{from} -> {to}");
    }
}

#[test]
fn a_missing_header_is_refused() {
    let now = at("20261122T210431Z");
    for (name, error) in [("authorization", SignatureError::Header), ("x-jdcloud-date", SignatureError::Date)]
    {
        let (_, mut headers) = list();
        headers.retain(|(header, _)| header != name);
        assert_eq!(verify_list(|r| r.headers = kept(headers), now), Err(error));
    }
}

#[test]
fn a_quarter_of_an_hour_is_the_limit() {
    let now = at("20261122T210431Z");
    for skew in [-900i64, 900] {
        verify_list(|_| {}, now.checked_add_signed(skew).unwrap()).unwrap();
    }
    for skew in [-901i64, 901] {
        let refused = verify_list(|_| {}, now.checked_add_signed(skew).unwrap());
        assert_eq!(refused, Err(SignatureError::Skew { seconds: 901 }));
    }
}

/// Signs a canonical request that a test wrote by hand, as the client in question would.
fn by_hand(scheme: Scheme, canonical: &str, names: &str, date: &str) -> String {
    let scope = Scope {
        access_key: "AKTEST".into(),
        date: date[..8].into(),
        region: "cn-north-1".into(),
        service: "lb".into(),
    };
    let key = signing_key(scheme, SECRET, &scope);
    let signature = hex::encode(hmac(&key, string_to_sign(scheme, date, &scope, canonical).as_bytes()));
    let scope = credential_scope(scheme, &scope);
    format!("{} Credential=AKTEST/{scope}, SignedHeaders={names}, Signature={signature}", scheme.algorithm())
}

/// One line a client: how it writes path, query and headers of what is on the wire.
#[test]
fn the_other_clients_ways_to_write_a_request_verify() {
    let date = "20261122T210431Z";
    let empty = sha256(b"");
    let node = "content-type;host;x-jdcloud-date;x-jdcloud-nonce";
    let signed = |host: &str, agent: &str| {
        format!(
            "content-type:application/json\nhost:{host}\nx-jdcloud-date:{date}\nx-jdcloud-nonce:{agent}\n"
        )
    };
    struct Case {
        client: &'static str,
        scheme: Scheme,
        wire: (&'static str, &'static str),
        signs: (&'static str, &'static str),
        headers: String,
        names: &'static str,
    }
    let cases = [
        Case {
            client: "Go: path as sent, query raw",
            scheme: Scheme::V2,
            wire: ("/v1/x/a%3Ab", "b=2&a=x+y"),
            signs: ("/v1/x/a%3Ab", "b=2&a=x+y"),
            headers: signed("h:8080", "n  n"),
            names: node,
        },
        Case {
            client: "Java: path encoded, query sorted, host without port, blanks squeezed",
            scheme: Scheme::V2,
            wire: ("/v1/x/a:b", "b=2&a=x%20y"),
            signs: ("/v1/x/a%3Ab", "a=x%20y&b=2"),
            headers: signed("h:8080", "n n"),
            names: node,
        },
        Case {
            client: "Node: RFC 3986 in the signature, less on the wire",
            scheme: Scheme::V2,
            wire: ("/v1/x/a%3Ab", "b=(2)*&a='!"),
            signs: ("/v1/x/a%3Ab", "a=%27%21&b=%282%29%2A"),
            headers: signed("h:8080", "n n"),
            names: node,
        },
        Case {
            client: "nodejs-signer: the nonce alone, // collapsed",
            scheme: Scheme::V3,
            wire: ("/v1//x/a%3Ab", "b=2&a=1"),
            signs: ("/v1/x/a%3Ab", "a=1&b=2"),
            headers: "x-jdcloud-nonce:n  n\n".to_owned(),
            names: "x-jdcloud-nonce",
        },
        Case {
            client: "older Python: a value with = loses its key",
            scheme: Scheme::V3,
            wire: ("/v1/x/a:b", "b=2&a=x%20y=z"),
            signs: ("/v1/x/a%3Ab", "x%20y%3Dz&b=2"),
            headers: "host:h:8080\n".to_owned(),
            names: "host",
        },
        Case {
            client: "newer Python: keeps it; parts without = are dropped",
            scheme: Scheme::V3,
            wire: ("/v1/x/a:b", "b=2&a=x+y=z&c"),
            signs: ("/v1/x/a%3Ab", "a=x%20y%3Dz&b=2"),
            headers: "host:h:8080\n".to_owned(),
            names: "host",
        },
    ];
    for case in cases {
        let canonical =
            format!("GET\n{}\n{}\n{}\n{}\n{empty}", case.signs.0, case.signs.1, case.headers, case.names);
        let headers = headers(&[
            ("host", "h:8080"),
            ("content-type", "application/json"),
            ("x-jdcloud-date", date),
            ("x-jdcloud-nonce", "n  n"),
            ("authorization", &by_hand(case.scheme, &canonical, case.names, date)),
        ]);
        let request =
            Request { method: "GET", path: case.wire.0, query: case.wire.1, headers: &headers, body: b"" };
        let verified = verify(&request, Expected { region: None, ..expected() }, at(date), secret_of);
        assert!(verified.is_ok(), "{}: {verified:?}", case.client);
    }
}

#[test]
fn default_ports_may_be_signed_or_not() {
    let date = "20261122T210431Z";
    for (wire, signs, fine) in [
        ("h:80", "h", true),
        ("h:443", "h", true),
        ("h", "h:80", true),
        ("h", "h:443", true),
        ("h:8080", "h", false),
        ("h", "h:8080", false),
    ] {
        let canonical = format!("GET\n/\n\nhost:{signs}\n\nhost\n{}", sha256(b""));
        let headers = headers(&[
            ("host", wire),
            ("x-jdcloud-date", date),
            ("authorization", &by_hand(Scheme::V3, &canonical, "host", date)),
        ]);
        let request = Request { method: "GET", path: "/", query: "", headers: &headers, body: b"" };
        let verified = verify(&request, Expected { region: None, ..expected() }, at(date), secret_of);
        assert_eq!(verified.is_ok(), fine, "{wire} signed as {signs}");
    }
}

#[test]
fn what_we_sign_verifies() {
    let mut sent = headers(&[("host", "127.0.0.1:7788"), ("content-type", "application/json")]);
    let body = br#"{"name":"x"}"#;
    let now = at("20261122T210431Z");
    let unsigned = sent.clone();
    let request = Request {
        method: "POST",
        path: "/v1/regions/cn-north-1/loadBalancers/x:associateElasticIp",
        query: "filters.1.name=a%20b&filters.1.values.1=%E5%90%8D",
        headers: &unsigned,
        body,
    };
    sent.extend(sign(&request, "AKTEST", SECRET, "cn-north-1", "lb", now));
    let request = Request { headers: &sent, ..request };
    verify(&request, expected(), now, secret_of).unwrap();
    let other = |_: &str| Some("other".to_owned());
    assert_eq!(verify(&request, expected(), now, other), Err(SignatureError::Wrong));
}

proptest::proptest! {
    #[test]
    fn nothing_that_is_sent_panics(
        authorization in "(JDCLOUD3-HMAC-SHA256 )?(Credential=)?\\PC{0,40}(, SignedHeaders=\\PC{0,9}, Signature=[0-9a-g]{62,66})?",
        date in "\\PC{0,16}|[0-9]{8}T[0-9]{6}Z",
        path in "\\PC*",
        query in "\\PC*",
    ) {
        let headers = headers(&[("authorization", &authorization), ("x-jdcloud-date", &date), ("host", &path)]);
        let request = Request { method: "GET", path: &path, query: &query, headers: &headers, body: b"" };
        proptest::prop_assert!(verify(&request, expected(), 0, secret_of).is_err());
        let _ = canonical::variants(&request, &["host".to_owned()], "", Scheme::V3);
        let _ = crate::Query::parse(&query).filters();
    }
}
