use std::{fs, future::pending, net::SocketAddr, path::Path, sync::Arc, time::SystemTime};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Semaphore, oneshot},
    task::JoinHandle,
};

use tokio_rustls::{TlsConnector, client};

use super::*;
use crate::tls::Certificates;

/// A server whose replies to `/slow` wait for a permit, those to `/never` for ever, and that to `/much` is long.
struct Served {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
    permits: Arc<Semaphore>,
    /// As many as there are connections and requests under way, and two: this one and the server's.
    visits: Arc<()>,
}

const MUCH: usize = 20 << 20;

async fn start(limits: Limits) -> Served {
    start_with(limits, None).await
}

async fn start_with(limits: Limits, tls: Option<TlsAcceptor>) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (permits, visits) = (Arc::new(Semaphore::new(0)), Arc::new(()));
    let (slow, visit) = (Arc::clone(&permits), Arc::clone(&visits));
    let answer = move |_: IpAddr, request: Request| {
        let (slow, visit) = (Arc::clone(&slow), Arc::clone(&visit));
        async move {
            let _visit = visit;
            match request.uri().path() {
                "/slow" => slow.acquire().await.unwrap().forget(),
                "/never" => pending().await,
                "/much" => return Response::new(Body::from(vec![b'x'; MUCH])),
                _ => {}
            }
            Response::new(Body::from("fine"))
        }
    };
    let door = Door { listener, tls, limits };
    let misled = || Response::new(Body::from("misled"));
    let served = tokio::spawn(serve(door, answer, misled, async {
        let _ = stopped.await;
    }));
    Served { addr, stop, served, permits, visits }
}

/// So many connections; silence is suffered for a minute.
fn limits(connections: usize) -> Limits {
    let patience = Duration::from_secs(60);
    Limits {
        connections,
        per_origin: connections + 1,
        header_patience: patience,
        handshake_patience: patience,
        ..Limits::default()
    }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// A client with this request under way.
    async fn asking(&self, path: &str) -> TcpStream {
        let mut client = self.connect().await;
        send(&mut client, path).await;
        client
    }

    /// Returns when so many clients, all that there are, have been heard.
    async fn until_under_way(&self, clients: usize) {
        while Arc::strong_count(&self.visits) < 2 + 2 * clients {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn send(client: &mut TcpStream, path: &str) {
    client.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
}

async fn reply(client: &mut TcpStream) -> String {
    let mut reply = vec![0; 1000];
    let length = client.read(&mut reply).await.unwrap();
    String::from_utf8_lossy(&reply[..length]).into_owned()
}

async fn ask(client: &mut TcpStream) -> String {
    send(client, "/").await;
    reply(client).await
}

/// The end of the stream, and not only silence.
async fn is_closed(client: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    let read = timeout(Duration::from_secs(20), client.read_to_end(&mut rest)).await;
    matches!(read, Ok(Ok(0)))
}

#[tokio::test]
async fn a_client_that_keeps_silent_is_given_up() {
    let server = start(Limits { header_patience: Duration::from_millis(50), ..limits(10) }).await;
    let mut silent = server.connect().await;
    let mut halting = server.connect().await;
    halting.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let mut idle = server.connect().await;
    assert!(ask(&mut idle).await.ends_with("fine"));
    for client in [&mut silent, &mut halting, &mut idle] {
        // The end of the stream, not an error: whatever was said before it was said.
        let mut rest = Vec::new();
        timeout(Duration::from_secs(20), client.read_to_end(&mut rest)).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn who_has_been_idle_longest_makes_room() {
    let server = start(limits(3)).await;
    let (mut first, mut second, mut third) =
        (server.connect().await, server.connect().await, server.connect().await);
    for client in [&mut first, &mut second, &mut third] {
        assert!(ask(client).await.ends_with("fine"));
    }
    assert!(ask(&mut first).await.ends_with("fine"));
    let mut fourth = server.connect().await;
    assert!(ask(&mut fourth).await.ends_with("fine"));
    assert!(is_closed(&mut second).await);
    for client in [&mut first, &mut third, &mut fourth] {
        assert!(ask(client).await.ends_with("fine"), "others stay");
    }
}

#[tokio::test]
async fn hundreds_of_idle_clients_keep_nobody_out() {
    let server = start(limits(20)).await;
    let mut working = server.asking("/slow").await;
    server.until_under_way(1).await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(timeout(Duration::from_secs(20), server.connect()).await.unwrap());
    }
    // Longer than all of those who come.
    for _ in 0..30 {
        let reply = async { ask(&mut server.connect().await).await };
        assert!(timeout(Duration::from_secs(20), reply).await.unwrap().ends_with("fine"));
    }
    server.permits.add_permits(1);
    assert!(reply(&mut working).await.ends_with("fine"), "who works is not sent away");
}

#[tokio::test]
async fn who_comes_waits_while_all_others_are_answered() {
    let server = start(limits(2)).await;
    let mut busy = [server.asking("/slow").await, server.asking("/slow").await];
    server.until_under_way(2).await;
    let mut third = server.asking("/").await;
    let waits = timeout(Duration::from_millis(50), reply(&mut third)).await;
    assert!(waits.is_err());
    server.permits.add_permits(1);
    assert!(reply(&mut third).await.ends_with("fine"), "one of them is idle now");
    server.permits.add_permits(1);
    for client in &mut busy {
        assert!(reply(client).await.ends_with("fine"), "nobody was cut off");
    }
}

#[tokio::test]
async fn an_address_has_its_share_and_no_more() {
    let server = start(Limits { per_origin: 2, ..limits(10) }).await;
    let busy = [server.asking("/never").await, server.asking("/never").await];
    server.until_under_way(2).await;
    let mut third = server.connect().await;
    assert!(is_closed(&mut third).await);
    drop(busy);
    // As soon as the server has seen them go.
    let came = async {
        loop {
            let mut client = server.connect().await;
            let _ = client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
            let mut reply = [0; 12];
            if client.read_exact(&mut reply).await.is_ok() {
                return reply;
            }
        }
    };
    let reply = timeout(Duration::from_secs(20), came).await.unwrap();
    assert_eq!(&reply, b"HTTP/1.1 200");
}

#[tokio::test]
async fn who_does_not_take_its_replies_is_given_up() {
    let server = start(Limits { taking_patience: Duration::from_millis(200), ..limits(10) }).await;
    let alone = Arc::strong_count(&server.visits);
    let mut client = server.asking("/much").await;
    // It begins to come, so the connection is there.
    client.read_exact(&mut [0; 12]).await.unwrap();
    assert!(Arc::strong_count(&server.visits) > alone);
    let gone = async {
        while Arc::strong_count(&server.visits) > alone {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), gone).await.unwrap();
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest).await;
    assert!(rest.len() < MUCH);
}

#[tokio::test]
async fn the_end_does_not_wait_for_idle_clients() {
    let server = start(limits(10)).await;
    let mut idle = server.connect().await;
    assert!(ask(&mut idle).await.ends_with("fine"));
    server.stop.send(()).unwrap();
    server.served.await.unwrap().unwrap();
    assert!(is_closed(&mut idle).await);
}

#[tokio::test]
async fn the_end_waits_for_replies_under_way_and_says_that_they_are_the_last() {
    let server = start(limits(10)).await;
    let mut working = server.asking("/slow").await;
    server.until_under_way(1).await;
    server.stop.send(()).unwrap();
    // Nobody is let in any more: then it has heard.
    while TcpStream::connect(server.addr).await.is_ok() {}
    server.permits.add_permits(1);
    let reply = reply(&mut working).await;
    assert!(reply.ends_with("fine") && reply.contains("connection: close"), "{reply}");
    assert!(is_closed(&mut working).await);
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_end_waits_no_longer_than_it_may() {
    let server = start(Limits { farewell: Duration::from_millis(100), ..limits(10) }).await;
    let mut working = server.asking("/never").await;
    server.until_under_way(1).await;
    server.stop.send(()).unwrap();
    timeout(Duration::from_secs(20), server.served).await.unwrap().unwrap().unwrap();
    assert!(is_closed(&mut working).await);
}

/// A certificate of our own for 127.0.0.1, and the file of its authority.
fn certificates(folder: &Path) -> Certificates {
    Certificates::own(folder, "r1", IpAddr::from([127, 0, 0, 1]), &[], SystemTime::now()).unwrap()
}

/// Somebody who trusts that authority.
async fn connect_by_tls(server: &Served, folder: &Path) -> client::TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let authority = fs::read(folder.join("ca.pem")).unwrap();
    roots.add(CertificateDer::from_pem_slice(&authority).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await.unwrap()
}

async fn ask_by_tls(client: &mut client::TlsStream<TcpStream>) -> String {
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut reply = vec![0; 1000];
    let length = client.read(&mut reply).await.unwrap();
    String::from_utf8_lossy(&reply[..length]).into_owned()
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_who_comes_and_nobody_is_disconnected() {
    let dir = tempfile::tempdir().unwrap();
    let mut certificates = certificates(dir.path());
    let server = start_with(limits(10), Some(certificates.acceptor().unwrap())).await;
    let mut former = connect_by_tls(&server, dir.path()).await;
    assert!(ask_by_tls(&mut former).await.ends_with("fine"));
    assert!(certificates.look(SystemTime::now(), true).unwrap());
    assert!(ask_by_tls(&mut former).await.ends_with("fine"));
    let mut new = connect_by_tls(&server, dir.path()).await;
    assert!(ask_by_tls(&mut new).await.ends_with("fine"));
    let shown =
        |client: &client::TlsStream<TcpStream>| client.get_ref().1.peer_certificates().unwrap().to_vec();
    assert_ne!(shown(&former), shown(&new));
}

#[tokio::test]
async fn who_begins_no_handshake_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let tls = certificates(dir.path()).acceptor().unwrap();
    let server =
        start_with(Limits { handshake_patience: Duration::from_millis(50), ..limits(10) }, Some(tls)).await;
    let mut silent = server.connect().await;
    let mut halting = server.connect().await;
    halting.write_all(&[22, 3, 1]).await.unwrap();
    assert!(is_closed(&mut silent).await && is_closed(&mut halting).await);
    // Who has made it in time has as long as before.
    let mut client = connect_by_tls(&server, dir.path()).await;
    sleep(Duration::from_millis(100)).await;
    assert!(ask_by_tls(&mut client).await.ends_with("fine"));
}

#[tokio::test]
async fn who_speaks_http_where_tls_is_spoken_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let tls = certificates(dir.path()).acceptor().unwrap();
    let server = start_with(limits(10), Some(tls)).await;
    assert!(ask(&mut server.connect().await).await.ends_with("misled"));
}

#[tokio::test]
async fn the_end_does_not_wait_for_handshakes() {
    let dir = tempfile::tempdir().unwrap();
    let tls = certificates(dir.path()).acceptor().unwrap();
    let server = start_with(limits(10), Some(tls)).await;
    let mut silent = server.connect().await;
    let mut idle = connect_by_tls(&server, dir.path()).await;
    assert!(ask_by_tls(&mut idle).await.ends_with("fine"));
    server.stop.send(()).unwrap();
    timeout(Duration::from_secs(2), server.served).await.unwrap().unwrap().unwrap();
    assert!(is_closed(&mut silent).await);
    // With a word of farewell: an end without one is an error.
    assert_eq!(idle.read(&mut [0; 10]).await.unwrap(), 0);
}
