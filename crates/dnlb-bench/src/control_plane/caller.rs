//! A client of the API that keeps its connection and times its calls.

use std::{
    io::{BufReader, Write},
    net::TcpStream,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use dnlb_api::{
    client::read_answer,
    signature::{Request, encoding::quote, sign},
};
use serde_json::Value;

/// An access key and its secret.
#[derive(Clone)]
pub struct Key {
    /// Access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
}

/// One client on one connection.
pub struct Caller {
    stream: BufReader<TcpStream>,
    endpoint: String,
    region: String,
    key: Key,
}

/// What a call gave.
pub struct Timed {
    /// The result.
    pub result: Value,
    /// From when the request was ready to when the reply was there.
    pub took: Duration,
    /// When the reply was there.
    pub at: Instant,
}

impl Caller {
    pub(super) fn connect(endpoint: &str, region: &str, key: Key) -> Result<Self> {
        let stream = TcpStream::connect(endpoint).with_context(|| format!("connecting to {endpoint}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        Ok(Self {
            stream: BufReader::new(stream),
            endpoint: endpoint.to_owned(),
            region: region.to_owned(),
            key,
        })
    }

    /// Reads something.
    ///
    /// # Errors
    /// When the connection breaks or the reply is not 200.
    pub fn get(&mut self, service: &str, path: &str, query: &[(&str, &str)]) -> Result<Timed> {
        self.call(service, "GET", path, query, None)
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// When the connection breaks or the reply is not 200.
    pub fn call(
        &mut self,
        service: &str,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Timed> {
        let target = format!("/v1/regions/{}/{path}", self.region);
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{}={}", quote(name, b""), quote(value, b""))).collect();
        let query = query.join("&");
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("host".to_owned(), self.endpoint.clone()),
        ];
        let request = Request { method, path: &target, query: &query, headers: &headers, body: &body };
        let (access, secret) = (&self.key.access_key, &self.key.secret_key);
        let signed = sign(&request, access, secret, &self.region, service, now);
        headers.extend(signed);
        let mark = if query.is_empty() { "" } else { "?" };
        let mut message = format!("{method} {target}{mark}{query} HTTP/1.1\r\n");
        for (name, value) in &headers {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        message.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut message = message.into_bytes();
        message.extend_from_slice(&body);

        let begun = Instant::now();
        self.stream.get_mut().write_all(&message).context("sending a request")?;
        let answer = read_answer(&mut self.stream).context("reading a reply")?;
        let at = Instant::now();
        let said = || String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(answer.status == 200, "{method} {target}: {} {}", answer.status, said());
        let mut reply: Value =
            serde_json::from_slice(&answer.body).with_context(|| format!("{method} {target}: {}", said()))?;
        Ok(Timed { result: reply["result"].take(), took: at - begun, at })
    }
}
