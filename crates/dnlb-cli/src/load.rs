//! A small load tool for the web image: many fresh connections, and who answered them.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// What to do.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// How many connections, one request each
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    connections: u32,
    /// How many at the same time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,
    /// Where: an address like `http://203.0.113.1:80/` or `http://[2001:db8::1]/`, or `udp://203.0.113.1:53` for datagrams, one from each port
    #[arg(long)]
    url: String,
}

/// Who answered, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    instances: BTreeMap<String, u32>,
    clients: BTreeMap<String, u32>,
    errors: BTreeMap<String, u32>,
}

/// Opens the connections and prints the counts as JSON.
pub(crate) fn run(options: &Options) -> Result<()> {
    let (kind, target) = target(&options.url)?;
    let ask = match kind {
        Kind::Http => request,
        Kind::Datagram => datagram,
    };
    let left = AtomicU32::new(options.connections);
    let counts = Mutex::new(Counts::default());
    std::thread::scope(|scope| {
        for _ in 0..options.parallel {
            scope.spawn(|| {
                let mut own = Counts::default();
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
                    own.note(ask(target));
                }
                if let Ok(mut counts) = counts.lock() {
                    counts.add(own);
                }
            });
        }
    });
    let counts = counts.into_inner().context("a worker panicked")?;
    println!("{}", counts.json(options.connections));
    Ok(())
}

impl Counts {
    fn note(&mut self, answer: Result<Value>) {
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        match answer {
            Ok(answer) => {
                *self.instances.entry(text(&answer["instance"])).or_default() += 1;
                let client = text(&answer["client"]);
                let client = client.parse::<SocketAddr>().map_or(client, |addr| addr.ip().to_string());
                *self.clients.entry(client).or_default() += 1;
            }
            Err(error) => *self.errors.entry(format!("{error:#}")).or_default() += 1,
        }
    }

    fn add(&mut self, other: Self) {
        for (mine, others) in [
            (&mut self.instances, other.instances),
            (&mut self.clients, other.clients),
            (&mut self.errors, other.errors),
        ] {
            for (key, count) in others {
                *mine.entry(key).or_default() += count;
            }
        }
    }

    fn json(&self, connections: u32) -> Value {
        json!({
            "connections": connections,
            "failed": self.errors.values().sum::<u32>(),
            "instances": self.instances,
            "clients": self.clients,
            "errors": self.errors,
        })
    }
}

/// One request over a connection of its own.
fn request(target: SocketAddr) -> Result<Value> {
    let patience = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&target, patience).context("connecting")?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(format!("GET / HTTP/1.1\r\nhost: {target}\r\nconnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("reading the answer")?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "answered `{}`", answer.lines().next().unwrap_or_default());
    let (_, body) = answer.split_once("\r\n\r\n").context("an answer without a body")?;
    serde_json::from_str(body).context("an answer that is not the web image's")
}

/// One datagram from a socket of its own, and its answer.
fn datagram(target: SocketAddr) -> Result<Value> {
    let any: SocketAddr = if target.is_ipv4() { "0.0.0.0:0".parse()? } else { "[::]:0".parse()? };
    let socket = UdpSocket::bind(any).context("binding")?;
    socket.connect(target).context("connecting")?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.send(b"?").context("asking")?;
    let mut answer = [0; 2048];
    let len = socket.recv(&mut answer).context("waiting for the answer")?;
    serde_json::from_slice(&answer[..len]).context("an answer that is not the web image's")
}

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
    Datagram,
}

/// Address and port of a URL of the simple kind, and how to ask there.
fn target(url: &str) -> Result<(Kind, SocketAddr)> {
    let (kind, rest) = if let Some(rest) = url.strip_prefix("http://") {
        (Kind::Http, rest)
    } else {
        let rest = url.strip_prefix("udp://").context("the URL begins with http:// or udp://")?;
        (Kind::Datagram, rest)
    };
    let host = rest.split('/').next().unwrap_or_default();
    // An IPv6 address is in brackets, and its colons begin no port.
    let has_port = host.rsplit_once(']').map_or(host, |(_, rest)| rest).contains(':');
    let host = if has_port { host.to_owned() } else { format!("{host}:80") };
    let target = host.to_socket_addrs().with_context(|| format!("`{host}`"))?.next();
    Ok((kind, target.context("no address")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_port_means_80() {
        let at = |text: &str| text.parse().unwrap();
        assert_eq!(target("http://203.0.113.1/").unwrap(), (Kind::Http, at("203.0.113.1:80")));
        assert_eq!(target("http://10.0.0.1:8080").unwrap(), (Kind::Http, at("10.0.0.1:8080")));
        assert_eq!(target("udp://10.0.0.1:53").unwrap(), (Kind::Datagram, at("10.0.0.1:53")));
        assert_eq!(target("http://[2001:db8::1]/").unwrap(), (Kind::Http, at("[2001:db8::1]:80")));
        assert_eq!(target("udp://[2001:db8::1]:53").unwrap(), (Kind::Datagram, at("[2001:db8::1]:53")));
        assert!(target("https://10.0.0.1").is_err());
    }

    #[test]
    fn clients_are_counted_by_address_and_failures_by_reason() {
        let mut counts = Counts::default();
        counts.note(Ok(json!({"instance": "i-1", "client": "198.51.100.10:4711"})));
        counts.note(Ok(json!({"instance": "i-1", "client": "198.51.100.10:4712"})));
        counts.note(Err(anyhow::anyhow!("refused")));
        assert_eq!(
            counts.json(3),
            json!({
                "connections": 3, "failed": 1, "instances": {"i-1": 2}, "clients": {"198.51.100.10": 2},
                "errors": {"refused": 1}
            })
        );
    }
}
