//! Long-lived connections and sessions of datagrams that check every byte: an echo server and a client that holds many of
//! them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use dnlb_agent::guest;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use socket2::SockRef;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpSocket, TcpStream, UdpSocket},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// How long a connection may wait for an answer before it counts as broken.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a session waits for an answer before it asks again: datagrams may get lost.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Bytes of a block.
const BLOCK: usize = 256;

/// Where the echo server listens.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct EchoOptions {
    /// TCP and UDP port
    #[arg(long)]
    port: u16,
    /// First line of every connection and every answer
    #[arg(long)]
    name: String,
}

/// What to hold.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct HoldOptions {
    /// How many connections
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    connections: u32,
    /// Sessions of datagrams instead of connections; one that is answered by another server than before is broken
    #[arg(long)]
    datagrams: bool,
    /// For how long after they are all open, or until Ctrl-C
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=36_000))]
    seconds: u16,
    /// Milliseconds between two blocks of a connection
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pause: u16,
    /// Where
    #[arg(long)]
    to: SocketAddr,
}

/// Whom to ask.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AskOptions {
    /// Where
    #[arg(long)]
    to: SocketAddr,
}

/// Echoes until it is killed.
pub(crate) fn echo(options: &EchoOptions) -> Result<()> {
    runtime()?.block_on(async {
        let port = options.port;
        let listener = guest::listen(port);
        let listener = listener.with_context(|| format!("cannot listen on TCP port {port}"))?;
        let socket = guest::datagrams(port);
        let socket = socket.with_context(|| format!("cannot listen on UDP port {port}"))?;
        tokio::spawn(echo_datagrams(socket, options.name.clone()));
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // One that was given up before it was accepted, or no file left: the others go on.
                sleep(Duration::from_millis(10)).await;
                continue;
            };
            let greeting = format!("{}\n", options.name);
            // A client that goes away ends its own task only.
            tokio::spawn(async move {
                let mut stream = stream;
                stream.set_nodelay(true)?;
                stream.write_all(greeting.as_bytes()).await?;
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    })
}

/// Answers every datagram with a line that says who answers, and the datagram.
async fn echo_datagrams(socket: UdpSocket, name: String) {
    let mut received = [0; 2 * BLOCK];
    loop {
        // An error is one client's, such as a port that it has closed.
        let Ok((len, client)) = socket.recv_from(&mut received).await else { continue };
        let _ = socket.send_to(&[name.as_bytes(), b"\n", &received[..len]].concat(), client).await;
    }
}

/// Makes one connection for each line of the standard input, which is the port to connect from, and prints who served it, or an
/// empty line if nobody did.
pub(crate) fn ask_each(options: &AskOptions) -> Result<()> {
    runtime()?.block_on(async {
        for line in std::io::stdin().lines() {
            let line = line.context("reading the standard input")?;
            let port = line.parse().with_context(|| format!("`{line}` is no port to connect from"))?;
            println!("{}", greeted(options.to, port).await.unwrap_or_default());
        }
        Ok(())
    })
}

/// Whose greeting a new connection gets; it is reset then, so that it leaves nothing.
async fn greeted(to: SocketAddr, port: u16) -> Result<String> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind((unspecified(to), port).into())?;
    SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
    let stream = timeout(PATIENCE, socket.connect(to)).await??;
    let mut greeting = String::new();
    timeout(PATIENCE, BufReader::new(stream).read_line(&mut greeting)).await??;
    Ok(greeting.trim_end().to_owned())
}

/// Any address of the host, of the family of another.
const fn unspecified(to: SocketAddr) -> IpAddr {
    match to {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// Holds the connections and prints what became of them as JSON.
pub(crate) fn hold(options: &HoldOptions) -> Result<()> {
    let held = runtime()?.block_on(async {
        let mut tasks = JoinSet::new();
        let (to, pause) = (options.to, Duration::from_millis(options.pause.into()));
        let opening = Duration::from_millis(u64::from(options.connections));
        let until = Until::at(Instant::now() + opening + Duration::from_secs(options.seconds.into()));
        tokio::spawn(until.clone().end_by_signal());
        for number in 0..options.connections {
            if options.datagrams {
                tasks.spawn(session(number, to, pause, until.clone()));
            } else {
                tasks.spawn(connection(number, to, pause, until.clone()));
            }
            // A thousand a second: this is no test of accept queues.
            sleep(Duration::from_millis(1)).await;
        }
        let mut held = Held::default();
        while let Some(ended) = tasks.join_next().await {
            held.add(ended.context("a connection's task panicked")?);
        }
        anyhow::Ok(held)
    })?;
    println!("{}", held.json());
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("cannot allow more open files")?;
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// When connections have been held for long enough.
#[derive(Clone, Debug)]
struct Until {
    end: Instant,
    sooner: Arc<AtomicBool>,
}

impl Until {
    fn at(end: Instant) -> Self {
        Self { end, sooner: Arc::default() }
    }

    /// Ends them at SIGINT. Without handling of signals they last as long as they were to.
    async fn end_by_signal(self) {
        if tokio::signal::ctrl_c().await.is_ok() {
            self.sooner.store(true, Ordering::Relaxed);
        }
    }

    fn is_over(&self) -> bool {
        self.sooner.load(Ordering::Relaxed) || Instant::now() >= self.end
    }
}

/// How one connection ended.
#[derive(Debug)]
struct Ended {
    /// Who served it, once it was open.
    server: Option<String>,
    /// Blocks that came back right.
    blocks: u64,
    /// Why it did not last; none: it did.
    broken: Option<String>,
    /// When, since the Unix epoch.
    at: Duration,
}

impl Ended {
    /// Not yet.
    const fn new() -> Self {
        Self { server: None, blocks: 0, broken: None, at: Duration::ZERO }
    }
}

async fn connection(number: u32, to: SocketAddr, pause: Duration, until: Until) -> Ended {
    let mut ended = Ended::new();
    if let Err(error) = exchange(number, to, pause, &until, &mut ended).await {
        ended.broken = Some(format!("{error:#}"));
    }
    ended.at = UNIX_EPOCH.elapsed().unwrap_or_default();
    ended
}

async fn exchange(
    number: u32,
    to: SocketAddr,
    pause: Duration,
    until: &Until,
    ended: &mut Ended,
) -> Result<()> {
    let stream = timeout(PATIENCE, TcpStream::connect(to)).await.context("no answer to the SYN")??;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut greeting = String::new();
    let read = timeout(PATIENCE, stream.read_line(&mut greeting)).await.context("no greeting")??;
    if read == 0 {
        bail!("closed instead of a greeting");
    }
    ended.server = Some(greeting.trim_end().to_owned());
    while !until.is_over() {
        let sent = block(number, ended.blocks);
        stream.write_all(&sent).await.context("sending")?;
        let mut received = [0; BLOCK];
        let read = timeout(PATIENCE, stream.read_exact(&mut received)).await;
        read.with_context(|| format!("no echo for {} s", PATIENCE.as_secs()))?.context("receiving")?;
        if received != sent {
            bail!("block {} came back changed", ended.blocks);
        }
        ended.blocks += 1;
        sleep(pause).await;
    }
    Ok(())
}

async fn session(number: u32, to: SocketAddr, pause: Duration, until: Until) -> Ended {
    let mut ended = Ended::new();
    if let Err(error) = converse(number, to, pause, &until, &mut ended).await {
        ended.broken = Some(format!("{error:#}"));
    }
    ended.at = UNIX_EPOCH.elapsed().unwrap_or_default();
    ended
}

async fn converse(
    number: u32,
    to: SocketAddr,
    pause: Duration,
    until: &Until,
    ended: &mut Ended,
) -> Result<()> {
    let socket = UdpSocket::bind((unspecified(to), 0)).await?;
    socket.connect(to).await?;
    while !until.is_over() {
        let sent = block(number, ended.blocks);
        let (server, received) = timeout(PATIENCE, ask(&socket, &sent))
            .await
            .with_context(|| format!("no answer for {} s", PATIENCE.as_secs()))??;
        if *ended.server.get_or_insert_with(|| server.clone()) != server {
            bail!("{server} answered");
        }
        if received != sent {
            bail!("block {} came back changed", ended.blocks);
        }
        ended.blocks += 1;
        sleep(pause).await;
    }
    Ok(())
}

/// Sends a block until its answer comes: who answered, and what. Late answers to former blocks are skipped.
async fn ask(socket: &UdpSocket, sent: &[u8]) -> Result<(String, Vec<u8>)> {
    let mut received = [0; 2 * BLOCK];
    loop {
        socket.send(sent).await.context("sending")?;
        let again = Instant::now() + ASK_AGAIN;
        while let Ok(len) = tokio::time::timeout_at(again, socket.recv(&mut received)).await {
            let answer = &received[..len.context("receiving")?];
            let line = answer.iter().position(|&byte| byte == b'\n').context("an answer without a name")?;
            let block = &answer[line + 1..];
            if block.get(..8) == sent.get(..8) {
                return Ok((String::from_utf8_lossy(&answer[..line]).into_owned(), block.to_vec()));
            }
        }
    }
}

/// The bytes of a block: different for every connection and every block.
fn block(connection: u32, number: u64) -> [u8; BLOCK] {
    let seed = (u64::from(connection) << 32 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    std::array::from_fn(|at| (seed.rotate_left(at as u32 % 64) >> 24) as u8 ^ at as u8)
}

/// What became of all connections.
#[derive(Debug, Default)]
struct Held {
    connections: u32,
    blocks: u64,
    servers: BTreeMap<String, u32>,
    never_opened: BTreeMap<String, u32>,
    /// By server and reason: how many, and when the first one.
    broken: BTreeMap<(String, String), (u32, Duration)>,
}

impl Held {
    fn add(&mut self, ended: Ended) {
        self.connections += 1;
        self.blocks += ended.blocks;
        match (ended.server, ended.broken) {
            (None, reason) => *self.never_opened.entry(reason.unwrap_or_default()).or_default() += 1,
            (Some(server), None) => *self.servers.entry(server).or_default() += 1,
            (Some(server), Some(reason)) => {
                let (count, first) = self.broken.entry((server, reason)).or_insert((0, ended.at));
                *count += 1;
                *first = ended.at.min(*first);
            }
        }
    }

    fn json(&self) -> Value {
        let broken = self.broken.iter().map(
            |((server, reason), (count, first))| json!({"server": server, "reason": reason, "connections": count, "first": first.as_millis() as u64}),
        );
        json!({
            "connections": self.connections,
            "blocks": self.blocks,
            "lasted": self.servers,
            "neverOpened": self.never_opened,
            "broken": broken.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_differ() {
        assert_ne!(block(1, 1), block(1, 2));
        assert_ne!(block(1, 1), block(2, 1));
    }

    #[tokio::test]
    async fn a_session_that_another_server_answers_is_broken() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut received = [0; 2 * BLOCK];
            for name in ["i-1", "i-1", "i-2"] {
                let (len, client) = socket.recv_from(&mut received).await.unwrap();
                let answer = [name.as_bytes(), b"\n", &received[..len]].concat();
                socket.send_to(&answer, client).await.unwrap();
            }
        });
        let end = Instant::now() + Duration::from_secs(5);
        let ended = session(7, to, Duration::ZERO, Until::at(end)).await;
        assert_eq!((ended.server.as_deref(), ended.blocks), (Some("i-1"), 2));
        assert_eq!(ended.broken.as_deref(), Some("i-2 answered"));
    }

    #[tokio::test]
    async fn a_connection_that_gets_other_bytes_or_is_closed_is_broken() {
        for answer in [vec![0; BLOCK], vec![]] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let to = listener.local_addr().unwrap();
            tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(b"i-1\n").await.unwrap();
                let mut block = [0; BLOCK];
                stream.read_exact(&mut block).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            });
            let end = Instant::now() + Duration::from_secs(5);
            let ended = connection(7, to, Duration::ZERO, Until::at(end)).await;
            assert_eq!(ended.server.as_deref(), Some("i-1"));
            assert!(ended.broken.is_some(), "{ended:?}");
        }
    }
}
