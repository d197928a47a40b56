//! The web image's server: answers every request, by HTTP or by datagram, with who answers and who asked.

use std::{
    env,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use anyhow::Context;
use axum::{
    Router,
    extract::{ConnectInfo, State, connect_info::Connected},
    http::{StatusCode, header},
    response::IntoResponse,
    serve::IncomingStream,
};
use tokio::net::{TcpListener, UdpSocket};

/// While this file is there, HTTP is answered with 503, whoever asks: a server that accepts connections and cannot serve, for
/// trying health checks. An instance's `/run` is its own.
const UNAVAILABLE: &str = "/run/dnlb/unavailable";

/// Both ends of a connection, as this server sees them.
#[derive(Clone, Copy, Debug)]
struct Ends {
    client: Option<SocketAddr>,
    local: Option<SocketAddr>,
}

/// The part of the answer that never changes, ready as text: `"instance":"i-..",..,"host":"..",`.
#[derive(Clone, Debug)]
struct Identity(Arc<str>);

/// What answers by HTTP.
#[derive(Clone, Debug)]
struct Site {
    identity: Identity,
    unavailable: Arc<Path>,
}

/// Serves HTTP on `port` of all addresses until it is killed.
///
/// # Errors
/// The port cannot be had.
pub fn web(port: u16) -> anyhow::Result<()> {
    // One thread: an instance is small, and there are many on a host.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = listen(port).with_context(|| format!("cannot listen on TCP port {port}"))?;
        let socket = datagrams(port).with_context(|| format!("cannot listen on UDP port {port}"))?;
        eprintln!("web: listening on port {port}");
        let identity = Identity::from_environment();
        let site = Site { identity: identity.clone(), unavailable: Path::new(UNAVAILABLE).into() };
        tokio::try_join!(serve(listener, site), answer_datagrams(socket, identity)).map(drop)
    })
}

/// Listens on all addresses of both families.
///
/// # Errors
/// The system's refusals, such as a port that is taken.
pub fn listen(port: u16) -> std::io::Result<TcpListener> {
    use socket2::{Domain, Socket, Type};
    let bind = |domain, addr: SocketAddr| {
        let socket = Socket::new(domain, Type::STREAM, None)?;
        if domain == Domain::IPV6 {
            socket.set_only_v6(false)?;
        }
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        // Answers are one small segment each. Accepted sockets inherit it.
        socket.set_tcp_nodelay(true)?;
        // Bursts of new connections are this server's daily bread.
        socket.listen(4096)?;
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket.into())
    };
    // Both families by one socket; by IPv4 alone where the kernel has no IPv6.
    bind(Domain::IPV6, (Ipv6Addr::UNSPECIFIED, port).into())
        .or_else(|_| bind(Domain::IPV4, (Ipv4Addr::UNSPECIFIED, port).into()))
}

/// A socket for datagrams on all addresses of both families.
///
/// # Errors
/// The system's refusals, such as a port that is taken.
pub fn datagrams(port: u16) -> std::io::Result<UdpSocket> {
    use socket2::{Domain, Socket, Type};
    let bind = |domain, addr: SocketAddr| {
        let socket = Socket::new(domain, Type::DGRAM, None)?;
        if domain == Domain::IPV6 {
            socket.set_only_v6(false)?;
        }
        socket.bind(&addr.into())?;
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket.into())
    };
    bind(Domain::IPV6, (Ipv6Addr::UNSPECIFIED, port).into())
        .or_else(|_| bind(Domain::IPV4, (Ipv4Addr::UNSPECIFIED, port).into()))
}

/// Answers every datagram with what HTTP would answer.
async fn answer_datagrams(socket: UdpSocket, identity: Identity) -> anyhow::Result<()> {
    let mut ignored = [0; 2048];
    loop {
        // Errors are those of single clients, such as one that has closed its port: nobody else shall suffer.
        let Ok((_, client)) = socket.recv_from(&mut ignored).await else { continue };
        let ends = Ends { client: Some(client), local: None };
        let _ = socket.send_to(body(&identity, ends).as_bytes(), client).await;
    }
}

async fn serve(listener: TcpListener, site: Site) -> anyhow::Result<()> {
    let app = Router::new().fallback(answer).with_state(site);
    let app = app.into_make_service_with_connect_info::<Ends>();
    axum::serve(listener, app).await.context("the server ended")
}

async fn answer(ConnectInfo(ends): ConnectInfo<Ends>, State(site): State<Site>) -> impl IntoResponse {
    let status = if site.unavailable.exists() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, [(header::CONTENT_TYPE, "application/json")], body(&site.identity, ends))
}

fn body(identity: &Identity, ends: Ends) -> String {
    let text = |end: Option<SocketAddr>| end.map_or_else(String::new, |it| canonical(it).to_string());
    format!("{{{}\"client\":\"{}\",\"local\":\"{}\"}}\n", identity.0, text(ends.client), text(ends.local))
}

/// An IPv4 peer of an IPv6 socket, as IPv4.
fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

impl Identity {
    fn from_environment() -> Self {
        let names = [
            ("instance", "DNLB_INSTANCE_ID"),
            ("name", "DNLB_INSTANCE_NAME"),
            ("az", "DNLB_AZ"),
            ("rack", "DNLB_RACK"),
            ("host", "DNLB_HOST"),
        ];
        Self::new(names.map(|(field, variable)| (field, env::var(variable).unwrap_or_default())))
    }

    fn new(fields: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let text: String = fields
            .into_iter()
            .map(|(field, value)| format!("\"{field}\":{},", serde_json::Value::String(value)))
            .collect();
        Self(text.into())
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Ends {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self { client: Some(*stream.remote_addr()), local: stream.io().local_addr().ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_json_with_both_ends_of_the_connection() {
        let identity = Identity::new([("instance", "i-1".to_owned()), ("name", "a \"b\"".to_owned())]);
        let ends = Ends {
            client: Some("[::ffff:192.0.2.7]:4711".parse().unwrap()),
            local: Some("10.0.0.5:8080".parse().unwrap()),
        };
        let value: serde_json::Value = serde_json::from_str(&body(&identity, ends)).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "instance": "i-1", "name": "a \"b\"", "client": "192.0.2.7:4711", "local": "10.0.0.5:8080"
            })
        );
    }

    #[tokio::test]
    async fn a_connection_serves_several_requests_well_or_not() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let unavailable = dir.path().join("unavailable");
        let identity = Identity::new([("instance", "i-1".to_owned())]);
        tokio::spawn(serve(listener, Site { identity, unavailable: unavailable.as_path().into() }));
        let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
        let own = stream.local_addr().unwrap();
        for status in ["200 OK", "503 Service Unavailable", "200 OK"] {
            if status.starts_with("503") {
                std::fs::write(&unavailable, "").unwrap();
            } else {
                let _ = std::fs::remove_file(&unavailable);
            }
            stream.write_all(b"GET /any HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            while !answer.ends_with("}\n") {
                let mut part = [0; 1024];
                let n = stream.read(&mut part).await.unwrap();
                assert!(n > 0);
                answer.push_str(std::str::from_utf8(&part[..n]).unwrap());
            }
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
            assert!(answer.contains(&format!("\"client\":\"{own}\"")), "{answer}");
        }
    }
}
