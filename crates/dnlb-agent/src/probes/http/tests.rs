use std::time::Duration;

use httparse::Error;
use proptest::prelude::*;
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

use super::*;

fn syntax(received: &[u8]) -> Error {
    match status(received) {
        Err(NoHttp::Syntax(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reply_counts_when_its_head_is_there() {
    let reply = b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\nbody";
    let head = reply.len() - 4;
    for end in 0..head {
        assert_eq!(status(&reply[..end]), Ok(None), "{end} bytes");
    }
    for end in head..=reply.len() {
        assert_eq!(status(&reply[..end]), Ok(Some(204)), "{end} bytes");
    }
    assert_eq!(status(b"HTTP/1.0 503\r\n\r\n"), Ok(Some(503)), "no reason, no fields, the former version");
}

#[test]
fn interim_replies_are_passed_over() {
    let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    assert_eq!(status(hints), Ok(None));
    let both = [hints.as_slice(), b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"].concat();
    assert_eq!(status(&both), Ok(Some(200)));
    assert_eq!(status(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), Ok(Some(101)), "no HTTP follows");
}

#[test]
fn what_is_no_http_is_known_by_its_first_bytes() {
    assert_eq!(syntax(b"SSH-2.0-OpenSSH_9.2\r\n"), Error::Version);
    assert_eq!(syntax(b"\x00\x00\x12\x04\x00\x00"), Error::Version, "HTTP/2 without being asked");
    assert_eq!(syntax(b"\x15\x03\x03\x00\x02\x02\x32"), Error::Version, "an alert of TLS");
    assert_eq!(syntax(b"HTTP/2.0 200 OK\r\n\r\n"), Error::Version);
    assert_eq!(syntax(b"HTTP/1.1 abc\r\n\r\n"), Error::Status);
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(FIELDS_MAX + 1));
    assert_eq!(syntax(many.as_bytes()), Error::TooManyHeaders);
}

proptest! {
    #[test]
    fn no_bytes_panic(received in prop::collection::vec(any::<u8>(), 0..64), after in 0..40_usize) {
        let _ = status(&received);
        let start = &b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"[..after.min(30)];
        let _ = status(&[start, &received].concat());
    }
}

#[test]
fn a_request_names_the_domain_or_else_the_target() {
    let with = |domain: Option<&str>, target: &str| {
        let check = HttpCheck {
            domain: domain.map(|text| text.parse().unwrap()),
            path: "/健?a=b#c".parse().unwrap(),
            ..HttpCheck::default()
        };
        request(&check, target.parse().unwrap())
    };
    assert_eq!(
        with(Some("shop.example"), "10.0.0.5:8080"),
        "GET /%E5%81%A5?a=b%23c HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: dnlb-health-check\r\n\
         Accept: */*\r\nConnection: close\r\n\r\n"
    );
    for (domain, target, host) in [
        (None, "10.0.0.5:8080", "10.0.0.5:8080"),
        (None, "10.0.0.5:80", "10.0.0.5"),
        (None, "[fd00::5]:8080", "[fd00::5]:8080"),
        (None, "[fd00::5]:80", "[fd00::5]"),
        (Some("fd00::1"), "10.0.0.5:80", "[fd00::1]"),
    ] {
        let request = with(domain, target);
        assert!(request.contains(&format!("\r\nHost: {host}\r\n")), "{request}");
    }
}

#[test]
fn a_code_is_good_or_bad_in_the_same_words() {
    let good = StatusCodes::default();
    assert_eq!(verdict(204, &good), Ok("status 204".into()));
    assert_eq!(verdict(503, &good), Err("status 503".into()));
    assert_eq!(verdict(404, &"404".parse().unwrap()), Ok("status 404".into()));
}

/// What a server does with a connection.
#[derive(Clone, Copy)]
enum Server {
    /// Reads the request, says this, and closes.
    Says(&'static [u8]),
    /// Resets the connection.
    Resets,
    /// Says one byte after the other, slowly, and never comes to an end.
    Drips,
    /// Says field after field as fast as it can.
    Floods,
    /// Reads, and says nothing.
    Waits,
}

async fn serve(mut stream: TcpStream, server: Server) -> io::Result<()> {
    let mut request = [0; 1024];
    let length = stream.read(&mut request).await?;
    assert!(request[..length].starts_with(b"GET / HTTP/1.1\r\n"));
    match server {
        Server::Says(words) => stream.write_all(words).await,
        Server::Resets => {
            let stream = socket2::Socket::from(stream.into_std()?);
            stream.set_linger(Some(Duration::ZERO))
        }
        Server::Drips => {
            stream.set_nodelay(true)?;
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(b"a").await?;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Server::Floods => {
            stream.write_all(b"HTTP/1.1 200 OK\r\na: ").await?;
            loop {
                stream.write_all(&[b'a'; 4096]).await?;
            }
        }
        Server::Waits => std::future::pending().await,
    }
}

/// What a check says of a server, and after which time: in words, as users read them.
async fn checked(server: Server) -> (Result<String, String>, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, server).await
    });
    let began = Instant::now();
    let check = HttpCheck::default();
    let connection = TcpStream::connect(target).await.unwrap();
    let limit = super::super::Limit::new(1);
    let found = limit.hold(Health::NO_REPLY, ask(connection, &request(&check, target))).await;
    serving.abort();
    (found.and_then(|code| verdict(code, &check.codes)), began.elapsed())
}

#[tokio::test]
async fn a_server_that_answers_is_judged_by_its_code() {
    let says = async |words: &'static [u8]| checked(Server::Says(words)).await.0;
    assert_eq!(says(b"HTTP/1.1 200 OK\r\n\r\n").await, Ok("status 200".into()));
    assert_eq!(says(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n").await, Ok("status 302".into()));
    assert_eq!(says(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await, Err("status 503".into()));
}

#[tokio::test]
async fn a_server_that_does_not_answer_well_fails_in_words() {
    assert_eq!(checked(Server::Says(b"")).await.0, Err("closed before a reply".into()));
    assert_eq!(checked(Server::Says(b"HTTP/1.1 200 OK\r\n")).await.0, Err("closed before a reply".into()));
    assert_eq!(checked(Server::Resets).await.0, Err("connection reset".into()));
    let other = checked(Server::Says(b"+PONG\r\n")).await.0.unwrap_err();
    assert!(other.starts_with("no HTTP: "), "{other}");
    let huge = checked(Server::Floods).await;
    assert_eq!(huge.0, Err("no HTTP: the reply's head does not end within 8192 bytes".into()));
    assert!(huge.1 < Duration::from_secs(1), "took {:?}", huge.1);
}

#[tokio::test]
async fn a_server_that_is_slow_or_silent_holds_nobody_longer_than_the_time_out() {
    for server in [Server::Drips, Server::Waits] {
        let (found, took) = checked(server).await;
        assert_eq!(found, Err("no reply within 1 s".into()));
        assert!((1_000..2_000).contains(&took.as_millis()), "took {took:?}");
    }
}
