//! A small blocking client: signs, sends, and gives back results or the server's errors.

mod tls;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Serialize;
use serde_json::Value;

use crate::{
    ApiError,
    body::Reply,
    signature::{Request, encoding::quote, sign},
    wire::identity::{CreateSession, SessionCreated},
};

pub use tls::{HandshakeError, Trust, TrustError};

/// Talks to one server with one access key, or in one session.
#[derive(Clone)]
pub struct Client {
    /// `host:port`.
    pub endpoint: String,
    /// Whom to believe that it is the server; none: plain HTTP is spoken.
    pub trust: Option<Trust>,
    /// Region.
    pub region: String,
    /// Access key.
    pub access_key: String,
    /// Its secret; never printed.
    pub secret_key: String,
    /// The token of a session, which is shown instead of a signature; never printed.
    pub token: Option<String>,
}

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server refused.
    #[error("{}", .0.message)]
    Api(ApiError),
    /// No connection, or it broke; after a write the outcome is unknown.
    #[error("cannot talk to {endpoint}")]
    Connection {
        /// Whom.
        endpoint: String,
        /// Why.
        source: std::io::Error,
    },
    /// What answered is no such server.
    #[error("the reply (HTTP {status}) is not one of this API")]
    Reply {
        /// HTTP status.
        status: u16,
    },
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Client {
    /// Calls an operation. The path begins after the region and is taken as it is: `loadBalancers/`,
    /// `listeners/listener-x`. Query values are encoded here.
    ///
    /// # Errors
    /// [`CallError`].
    pub fn call(
        &self,
        service: &str,
        method: &str,
        path: &str,
        query: &[(String, String)],
        body: Option<&impl Serialize>,
    ) -> Result<Value, CallError> {
        self.reply(service, method, path, query, body)?.into_result().map_err(CallError::Api)
    }

    /// As [`Self::call`], with the request's id beside the outcome, which is an error inside the reply.
    ///
    /// # Errors
    /// [`CallError`], never [`CallError::Api`] for what the server said.
    pub fn reply(
        &self,
        service: &str,
        method: &str,
        path: &str,
        query: &[(String, String)],
        body: Option<&impl Serialize>,
    ) -> Result<Reply, CallError> {
        let path = format!("/v1/regions/{}/{path}", self.region);
        let encoded: Vec<String> =
            query.iter().map(|(name, value)| format!("{}={}", quote(name, b""), quote(value, b""))).collect();
        let body = match body {
            Some(body) => serde_json::to_vec(body)
                .map_err(|error| CallError::Api(ApiError::invalid(error.to_string())))?,
            None => Vec::new(),
        };
        let answer = self
            .send(service, method, &path, &encoded.join("&"), &body)
            .map_err(|source| CallError::Connection { endpoint: self.endpoint.clone(), source })?;
        serde_json::from_slice(&answer.body).map_err(|_| CallError::Reply { status: answer.status })
    }

    /// Sends one request with an already encoded path and query, signed or with the session's token.
    ///
    /// # Errors
    /// When the connection fails or what answers does not speak HTTP.
    pub fn send(
        &self,
        service: &str,
        method: &str,
        path: &str,
        query: &str,
        body: &[u8],
    ) -> std::io::Result<Answer> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("host".to_owned(), self.endpoint.clone()),
        ];
        match &self.token {
            Some(token) => headers.extend([
                ("authorization".to_owned(), format!("Bearer {token}")),
                ("x-dnlb-service".to_owned(), service.to_owned()),
            ]),
            None => {
                let request = Request { method, path, query, headers: &headers, body };
                headers.extend(sign(
                    &request,
                    &self.access_key,
                    &self.secret_key,
                    &self.region,
                    service,
                    now,
                ));
            }
        }
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        exchange(self.trust.as_ref(), &self.endpoint, method, &target, &headers, body)
    }
}

/// Begins a session at a server, of which nothing but the password shows that it may be begun.
///
/// # Errors
/// [`CallError`]: [`CallError::Api`] with 401 when account, user and password are not somebody's.
pub fn log_in(
    endpoint: &str,
    trust: Option<&Trust>,
    region: &str,
    request: &CreateSession,
) -> Result<SessionCreated, CallError> {
    let body =
        serde_json::to_vec(request).map_err(|error| CallError::Api(ApiError::invalid(error.to_string())))?;
    let headers = [("content-type", "application/json"), ("host", endpoint)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let path = format!("/v1/regions/{region}/sessions");
    let answer = exchange(trust, endpoint, "POST", &path, &headers, &body)
        .map_err(|source| CallError::Connection { endpoint: endpoint.to_owned(), source })?;
    let strange = |_| CallError::Reply { status: answer.status };
    let reply: Reply = serde_json::from_slice(&answer.body).map_err(strange)?;
    serde_json::from_value(reply.into_result().map_err(CallError::Api)?).map_err(strange)
}

/// One exchange of HTTP/1.1 over a connection of its own, which is secret if it is said whom to trust.
///
/// # Errors
/// When the connection fails or what answers does not speak HTTP.
pub fn exchange(
    trust: Option<&Trust>,
    endpoint: &str,
    method: &str,
    target: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let stream = TcpStream::connect(endpoint)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut message = format!("{method} {target} HTTP/1.1\r\n");
    for (name, value) in headers {
        message.push_str(&format!("{name}: {value}\r\n"));
    }
    message.push_str(&format!("connection: close\r\ncontent-length: {}\r\n\r\n", body.len()));
    let mut message = message.into_bytes();
    message.extend_from_slice(body);
    match trust {
        Some(trust) => converse(trust.connect(endpoint, stream)?, &message),
        None => converse(stream, &message),
    }
}

fn converse(mut stream: impl Read + Write, message: &[u8]) -> std::io::Result<Answer> {
    stream.write_all(message)?;
    stream.flush()?;
    read_answer(&mut BufReader::new(stream))
}

/// Reads one HTTP/1.1 reply; the connection may go on behind it.
///
/// # Errors
/// When the connection breaks or what answers does not speak HTTP.
pub fn read_answer(reader: &mut impl BufRead) -> std::io::Result<Answer> {
    let malformed = || std::io::Error::new(std::io::ErrorKind::InvalidData, "not an HTTP reply");
    let line = |reader: &mut dyn BufRead| -> std::io::Result<String> {
        let mut line = String::new();
        reader.take(65_536).read_line(&mut line)?;
        line.truncate(line.trim_end().len());
        Ok(line)
    };
    let first = line(reader)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(malformed)?;
    let mut headers = Vec::new();
    loop {
        let header = line(reader)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or_else(malformed)?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let find =
        |name: &str| headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
    let mut body = Vec::new();
    if find("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = line(reader)?;
            let size = u64::from_str_radix(size.split(';').next().unwrap_or_default(), 16)
                .map_err(|_| malformed())?;
            reader.by_ref().take(size).read_to_end(&mut body)?;
            line(reader)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = find("content-length") {
        let length: u64 = length.parse().map_err(|_| malformed())?;
        reader.take(length).read_to_end(&mut body)?;
        if body.len() as u64 != length {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    } else {
        reader.read_to_end(&mut body)?;
    }
    Ok(Answer { status, headers, body })
}
