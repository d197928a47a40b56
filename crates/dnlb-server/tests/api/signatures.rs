//! Who is let in.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use dnlb_api::{body::Reply, client::exchange};
use serde_json::json;

use crate::server::{Network, Server};

#[test]
fn a_signed_request_is_answered_with_a_request_id() {
    let server = Server::start();
    for path in ["/v1/regions/lab-1/vpcs/", "/v1/regions/lab-1/vpcs"] {
        let answer = server.client.send("vpc", "GET", path, "pageNumber=1", b"").unwrap();
        assert_eq!(answer.status, 200);
        let reply: Reply = serde_json::from_slice(&answer.body).unwrap();
        let header = |name: &str| answer.headers.iter().find(|(header, _)| header == name).unwrap().1.clone();
        assert!(!reply.request_id.is_empty());
        assert_eq!(header("x-jdcloud-request-id"), reply.request_id);
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(reply.result.unwrap(), json!({"vpcs": [], "totalCount": 0}));
    }
}

/// Whatever is wrong, and whether or not there is such a thing: the same answer.
#[test]
fn whoever_cannot_sign_learns_nothing() {
    let server = Server::start();
    let network = Network::new(&server, "n");
    let before = server.snapshot().revision;
    let mut bodies = Vec::new();
    let mut check = |answer: dnlb_api::client::Answer| {
        assert_eq!(answer.status, 401);
        let mut body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let id = body.as_object_mut().unwrap().remove("requestId").unwrap();
        assert!(!id.as_str().unwrap().is_empty());
        assert_eq!(body["error"]["code"], json!(401));
        assert_eq!(body["error"]["status"], json!("ACCESS_ERROR"));
        bodies.push(body);
    };
    let vpc = format!("/v1/regions/lab-1/vpcs/{}", network.vpc);
    let host = ("host".to_owned(), server.client.endpoint.clone());
    for (method, path) in [
        ("GET", vpc.as_str()),
        ("DELETE", vpc.as_str()),
        ("GET", "/v1/regions/lab-1/vpcs/vpc-none"),
        ("GET", "/v1/"),
        ("POST", "/v1/regions/lab-1/vpcs/"),
    ] {
        check(
            exchange(None, &server.client.endpoint, method, path, std::slice::from_ref(&host), b"{}")
                .unwrap(),
        );
        let garbage = [host.clone(), ("authorization".to_owned(), "Basic eA==".to_owned())];
        check(exchange(None, &server.client.endpoint, method, path, &garbage, b"").unwrap());
    }
    let mut wrong = server.client.clone();
    wrong.secret_key.push('x');
    check(wrong.send("vpc", "DELETE", &vpc, "", b"").unwrap());
    let mut unknown = server.client.clone();
    unknown.access_key.push('x');
    check(unknown.send("vpc", "DELETE", &vpc, "", b"").unwrap());
    let mut elsewhere = server.client.clone();
    elsewhere.region = "lab-2".into();
    check(elsewhere.send("vpc", "DELETE", &vpc, "", b"").unwrap());
    check(server.client.send("disk", "GET", "/v1/regions/lab-1/quotas", "", b"").unwrap());
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(server.snapshot().revision, before);
}

#[test]
fn unknown_routes_and_regions_are_not_found() {
    let server = Server::start();
    let refused = |service, method, path: &str| {
        let error = server.call(service, method, path, serde_json::Value::Null).unwrap_err();
        assert_eq!((error.code, error.status.as_str()), (404, "NOT_FOUND"));
        error.message
    };
    assert!(refused("lb", "GET", "nothing").contains("no route and no API found with those values"));
    assert!(refused("lb", "PUT", "listeners/x").contains("no route"));
    assert!(refused("lb", "GET", "vpcs").contains("no route"));
    let mut elsewhere = server.client.clone();
    elsewhere.region = "lab-2".into();
    let answer = elsewhere.send("vpc", "GET", "/v1/regions/lab-2/vpcs/", "", b"").unwrap();
    assert_eq!(answer.status, 404);
}

#[test]
fn too_much_is_refused() {
    let server = Server::start();
    let body = vec![b' '; 6 << 20];
    let answer = server.client.send("vpc", "POST", "/v1/regions/lab-1/vpcs/", "", &body).unwrap();
    assert_eq!(answer.status, 413);
    let reply: Reply = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(reply.error.unwrap().status, "HTTP_REQUEST_ENTITY_TOO_LARGE");
    let query = format!("x={}", "y".repeat(9000));
    let answer = server.client.send("vpc", "GET", "/v1/regions/lab-1/vpcs/", &query, b"").unwrap();
    assert_eq!(answer.status, 414);
}

#[test]
fn who_does_not_sign_gets_one_reply_whatever_is_sent() {
    let server = Server::start();
    let host = [("host".to_owned(), server.client.endpoint.clone())];
    let path = "/v1/regions/lab-1/vpcs/";
    let answer = exchange(None, &server.client.endpoint, "POST", path, &host, &vec![b'x'; 6 << 20]).unwrap();
    assert_eq!(answer.status, 401);

    let mut stream = TcpStream::connect(&server.client.endpoint).unwrap();
    stream.write_all(b"GET /v1/ HTTP/1.1\r\nhost: x\r\n\r\nGET /v1/ HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut replies = String::new();
    let _ = stream.read_to_string(&mut replies);
    assert_eq!(replies.matches("HTTP/1.1 401").count(), 1, "{replies}");
}
