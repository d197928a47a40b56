//! The console's files over real connections, beside the API.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use dnlb_server::console::{Console, File};

use crate::server::{REGION, Server};

const FILES: &[File] = &[
    File { path: "index.html", plain: b"<!doctype html>", gzip: None, brotli: None },
    File { path: "assets/main-1a2b.js", plain: b"script", gzip: Some(b"small"), brotli: None },
];

/// A connection that is kept.
struct Visitor(TcpStream);

/// Names of fields in lower case, as the server sends them.
struct Reply {
    head: String,
    body: Vec<u8>,
}

impl Visitor {
    fn of(server: &Server) -> Self {
        let stream = TcpStream::connect(&server.client.endpoint).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self(stream)
    }

    fn ask(&mut self, method: &str, path: &str, headers: &str) -> Reply {
        write!(self.0, "{method} {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n").unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.filter(|_| method != "HEAD").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        Reply { head, body }
    }
}

impl Reply {
    fn has(&self, line: &str) -> bool {
        self.head.lines().any(|one| one == line)
    }
}

#[test]
fn a_page_and_its_files_come_over_one_connection_without_a_signature() {
    let server = Server::with_console(Console::new(FILES));
    let mut visitor = Visitor::of(&server);
    let root = visitor.ask("GET", "/", "");
    assert!(root.has("HTTP/1.1 302 Found") && root.has("location: /console/"), "{}", root.head);
    let page = visitor.ask("GET", "/console/load-balancers?tab=listeners", "accept-encoding: gzip\r\n");
    assert!(
        page.has("HTTP/1.1 200 OK") && page.has("content-type: text/html; charset=utf-8"),
        "{}",
        page.head
    );
    assert_eq!(page.body, b"<!doctype html>");
    let script = visitor.ask("GET", "/console/assets/main-1a2b.js", "accept-encoding: gzip, br\r\n");
    assert!(script.has("content-encoding: gzip"), "{}", script.head);
    assert_eq!(script.body, b"small");
    // A body after this head would be taken for the head of the next reply.
    let head = visitor.ask("HEAD", "/console/assets/main-1a2b.js", "");
    assert!(head.has("content-length: 6"), "{}", head.head);
    let settings = visitor.ask("GET", "/console/settings.json", "");
    let settings: serde_json::Value = serde_json::from_slice(&settings.body).unwrap();
    assert_eq!(settings["region"], REGION);
    let tag = page.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let known = visitor.ask("GET", "/console/", &format!("if-none-match: {tag}\r\n"));
    assert!(known.has("HTTP/1.1 304 Not Modified"), "{}", known.head);
}

#[test]
fn the_api_beside_the_console_stays_as_it_is() {
    for console in [Console::new(FILES), Console::default()] {
        let server = Server::with_console(console);
        let ask = |method: &str, path: &str| Visitor::of(&server).ask(method, path, "");
        for path in ["/v1/regions/lab-1/vpcs/", "/console.json", "/nowhere"] {
            let reply = ask("GET", path);
            assert!(reply.has("HTTP/1.1 401 Unauthorized") && reply.has("content-type: application/json"));
        }
        assert!(ask("POST", "/").has("HTTP/1.1 401 Unauthorized"));
        assert!(ask("GET", "/openapi.json").has("content-type: application/json"));
        assert!(ask("GET", "/docs").body.starts_with(b"<!DOCTYPE html>"));
        assert!(server.get("vpc", "vpcs/", &[])["vpcs"].is_array());
    }
}

#[test]
fn a_server_without_its_console_says_so() {
    let server = Server::start();
    let reply = Visitor::of(&server).ask("GET", "/console/", "");
    assert!(reply.has("HTTP/1.1 404 Not Found") && reply.has("content-type: text/plain; charset=utf-8"));
    assert!(String::from_utf8(reply.body).unwrap().contains("make build"));
}
