//! Health checks by HTTP/1.1: one request over a connection that is there, and what its reply says.
//!
//! Only the reply's head decides. Its length is limited, and whoever calls limits the time: a server that sends byte by
//! byte, or without end, gains nothing. The body is not read.

use std::{fmt, io, net::SocketAddr};

use dnlb_model::{Health, HttpCheck, StatusCodes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of a reply's head at most: what other balancers take by default, too.
const HEAD_MAX: usize = 8 * 1024;
/// Header fields of a reply at most; memory for them is on the stack.
const FIELDS_MAX: usize = 100;

/// The request of a check for the target at this address.
pub(super) fn request(check: &HttpCheck, target: SocketAddr) -> String {
    let host = match &check.domain {
        Some(domain) => domain.host(),
        // RFC 9110, section 7.2: with the port, unless it is the scheme's own.
        None if target.port() != 80 => target.to_string(),
        None if target.is_ipv6() => format!("[{}]", target.ip()),
        None => target.ip().to_string(),
    };
    format!(
        "GET {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: dnlb-health-check\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        check.path.encoded()
    )
}

/// Sends the request and reads the reply as far as its code is certain.
///
/// # Errors
/// The connection's, or words about what was received instead of a reply.
pub(super) async fn ask(
    mut connection: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
) -> io::Result<u16> {
    connection.write_all(request.as_bytes()).await?;
    // Not in this future: every target of the host has one, and most are not asked by HTTP.
    let mut received = vec![0; HEAD_MAX];
    let mut length = 0;
    loop {
        let more = connection.read(&mut received[length..]).await?;
        if more == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, Health::CLOSED));
        }
        length += more;
        match status(&received[..length]) {
            Ok(Some(code)) => return Ok(code),
            Ok(None) if length < received.len() => {}
            Ok(None) => return Err(io::Error::new(io::ErrorKind::InvalidData, NoHttp::TooLong)),
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }
}

/// What a code means for the target's health, in words.
pub(super) fn verdict(code: u16, good: &StatusCodes) -> Result<String, String> {
    let words = format!("{} {code}", Health::STATUS);
    if good.contains(code) { Ok(words) } else { Err(words) }
}

/// Why what was received is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoHttp {
    /// It has no end, as far as anybody reads.
    TooLong,
    /// It is nothing of that kind.
    Syntax(httparse::Error),
}

impl fmt::Display for NoHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => {
                write!(f, "{}: the reply's head does not end within {HEAD_MAX} bytes", Health::NO_HTTP)
            }
            Self::Syntax(error) => write!(f, "{}: {error}", Health::NO_HTTP),
        }
    }
}

impl std::error::Error for NoHttp {}

/// The code of the reply, once its head is there as a whole.
///
/// Interim replies (RFC 9110, section 15.2) are passed over, but for the one after which HTTP is no longer spoken.
fn status(mut received: &[u8]) -> Result<Option<u16>, NoHttp> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut reply = httparse::Response::new(&mut fields);
        let head = match reply.parse(received).map_err(NoHttp::Syntax)? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial => return Ok(None),
        };
        match reply.code {
            Some(100 | 102..=199) => received = &received[head..],
            code => return Ok(code),
        }
    }
}

#[cfg(test)]
mod tests;
