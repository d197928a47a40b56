//! Request signatures: `JDCLOUD3-HMAC-SHA256` and its older sister `JDCLOUD2-HMAC-SHA256`.
//!
//! The official clients disagree in how they write the request that they sign, so [`verify`] accepts a few
//! documented ways to write the one request that arrived. [`sign`] writes it in the one way that all servers know.

mod canonical;
pub mod encoding;
#[cfg(test)]
mod tests;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::time;

/// How far a request's date may be off: as in the scheme from which this one derives, whose documents name
/// a number where these do not.
pub const MAX_SKEW_SECONDS: u64 = 15 * 60;

/// A request as it is on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Method, upper case.
    pub method: &'a str,
    /// Path, still percent-encoded.
    pub path: &'a str,
    /// Query, still percent-encoded; empty if there is none.
    pub query: &'a str,
    /// Headers: names in lower case, values as sent, in the order of arrival.
    pub headers: &'a [(String, String)],
    /// Body.
    pub body: &'a [u8],
}

impl Request<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        header(self.headers, name)
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.trim())
}

/// Who signed a request, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Access key.
    pub access_key: String,
    /// Day, `YYYYMMDD`.
    pub date: String,
    /// Region.
    pub region: String,
    /// Service.
    pub service: String,
}

/// What a scope may say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Region of the request's path, if it has one.
    pub region: Option<&'a str>,
    /// Services that are served.
    pub services: &'a [&'a str],
}

/// Why a signature was refused: for the log, never for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The hash in the header is not the body's.
    #[error("x-jdcloud-content-sha256 is not the hash of the body")]
    BodyHash,
    /// The date is missing, malformed or not the scope's.
    #[error("x-jdcloud-date is missing, malformed or not of the scope's day")]
    Date,
    /// The authorization header is missing or malformed.
    #[error("the authorization header is missing or malformed")]
    Header,
    /// The clocks differ too much, or the request is old.
    #[error("the request's date is {seconds} s off")]
    Skew {
        /// By how much.
        seconds: u64,
    },
    /// The scope names another region or a service that is not served.
    #[error("the scope {region}/{service} is not that of the request")]
    Scope {
        /// What it names.
        region: String,
        /// What it names.
        service: String,
    },
    /// A header is said to be signed, but is not there.
    #[error("the signed header {0} is missing")]
    SignedHeader(String),
    /// No such access key.
    #[error("unknown access key")]
    UnknownKey,
    /// The signature is not that of this request.
    #[error("sign result is not same")]
    Wrong,
}

/// The two schemes; they differ in three words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    V2,
    V3,
}

impl Scheme {
    const fn algorithm(self) -> &'static str {
        match self {
            Self::V2 => "JDCLOUD2-HMAC-SHA256",
            Self::V3 => "JDCLOUD3-HMAC-SHA256",
        }
    }

    const fn key_prefix(self) -> &'static str {
        match self {
            Self::V2 => "JDCLOUD2",
            Self::V3 => "JDCLOUD3",
        }
    }

    const fn terminator(self) -> &'static str {
        match self {
            Self::V2 => "jdcloud2_request",
            Self::V3 => "jdcloud3_request",
        }
    }
}

/// Checks a request's signature; `secret_of` knows the secrets of access keys.
///
/// The nonce is not looked at: the most used client does not sign it.
///
/// # Errors
/// Any doubt.
///
/// # Cost
/// Some dozen hashes of short strings, and one of the body.
pub fn verify(
    request: &Request<'_>,
    expected: Expected<'_>,
    now: u64,
    secret_of: impl FnOnce(&str) -> Option<String>,
) -> Result<Scope, SignatureError> {
    let (authorization, date) = claim(request.headers, expected, now)?;
    let scope = &authorization.scope;
    let body_hash = sha256(request.body);
    if request.header("x-jdcloud-content-sha256").is_some_and(|said| !said.eq_ignore_ascii_case(&body_hash)) {
        return Err(SignatureError::BodyHash);
    }
    let secret = secret_of(&scope.access_key);
    let known = secret.is_some();
    // An unknown key costs the same time as a wrong signature.
    let key = signing_key(authorization.scheme, &secret.unwrap_or_default(), scope);
    let mut matched = false;
    for canonical in
        canonical::variants(request, &authorization.signed_headers, &body_hash, authorization.scheme)?
    {
        let signature = hmac(&key, string_to_sign(authorization.scheme, date, scope, &canonical).as_bytes());
        matched |= constant_time_eq::constant_time_eq(&signature, &authorization.signature);
    }
    match (known, matched) {
        (true, true) => Ok(authorization.scope),
        (true, false) => Err(SignatureError::Wrong),
        (false, _) => Err(SignatureError::UnknownKey),
    }
}

/// Checks what can be checked before the body is there: that a request claims to be signed, lately, and for
/// something that may be asked for. Says nothing about whether access key and signature are right.
///
/// # Errors
/// Any that [`verify`] would find in the headers.
pub fn check_headers(
    headers: &[(String, String)],
    expected: Expected<'_>,
    now: u64,
) -> Result<(), SignatureError> {
    claim(headers, expected, now).map(drop)
}

/// What the headers claim, and their date.
fn claim<'a>(
    headers: &'a [(String, String)],
    expected: Expected<'_>,
    now: u64,
) -> Result<(Authorization, &'a str), SignatureError> {
    let authorization = Authorization::parse(header(headers, "authorization").unwrap_or_default())
        .ok_or(SignatureError::Header)?;
    let scope = &authorization.scope;
    let date = header(headers, "x-jdcloud-date").ok_or(SignatureError::Date)?;
    let seconds = time::parse_basic(date).ok_or(SignatureError::Date)?;
    if date[..8] != scope.date {
        return Err(SignatureError::Date);
    }
    let skew = now.abs_diff(seconds);
    if skew > MAX_SKEW_SECONDS {
        return Err(SignatureError::Skew { seconds: skew });
    }
    let other_region = expected.region.is_some_and(|region| region != scope.region);
    if other_region || !expected.services.contains(&scope.service.as_str()) {
        let (region, service) = (scope.region.clone(), scope.service.clone());
        return Err(SignatureError::Scope { region, service });
    }
    Ok((authorization, date))
}

/// Signs a request with `JDCLOUD3`: the headers to send with it, besides those that it has. All of the
/// request's headers are signed; `host` must be among them.
#[must_use]
pub fn sign(
    request: &Request<'_>,
    access_key: &str,
    secret: &str,
    region: &str,
    service: &str,
    now: u64,
) -> Vec<(String, String)> {
    let date = time::basic(now);
    let scope = Scope {
        access_key: access_key.to_owned(),
        date: date[..8].to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
    };
    let mut added = vec![
        ("x-jdcloud-content-sha256".to_owned(), sha256(request.body)),
        ("x-jdcloud-date".to_owned(), date.clone()),
        ("x-jdcloud-nonce".to_owned(), hex::encode(rand::random::<[u8; 16]>())),
    ];
    let mut headers: Vec<(String, String)> = request.headers.iter().chain(&added).cloned().collect();
    headers.sort();
    let names: Vec<String> = headers.iter().map(|(name, _)| name.clone()).collect();
    let signed = Request { headers: &headers, ..*request };
    let canonical = canonical::ours(&signed, &names, &sha256(request.body));
    let key = signing_key(Scheme::V3, secret, &scope);
    let signature = hex::encode(hmac(&key, string_to_sign(Scheme::V3, &date, &scope, &canonical).as_bytes()));
    let authorization = format!(
        "{} Credential={access_key}/{}, SignedHeaders={}, Signature={signature}",
        Scheme::V3.algorithm(),
        credential_scope(Scheme::V3, &scope),
        names.join(";"),
    );
    added.push(("authorization".to_owned(), authorization));
    added
}

/// What an authorization header says.
struct Authorization {
    scheme: Scheme,
    scope: Scope,
    signed_headers: Vec<String>,
    signature: [u8; 32],
}

impl Authorization {
    fn parse(text: &str) -> Option<Self> {
        let (algorithm, fields) = text.split_once(' ')?;
        let scheme = [Scheme::V2, Scheme::V3].into_iter().find(|scheme| scheme.algorithm() == algorithm)?;
        let field = |name: &str| {
            fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let [access_key, date, region, service, terminator] =
            field("Credential")?.split('/').collect::<Vec<_>>().try_into().ok()?;
        if terminator != scheme.terminator() {
            return None;
        }
        let signed_headers: Vec<String> =
            field("SignedHeaders")?.split(';').map(str::to_ascii_lowercase).collect();
        if signed_headers.iter().any(String::is_empty) {
            return None;
        }
        let mut signature = [0; 32];
        hex::decode_to_slice(field("Signature")?, &mut signature).ok()?;
        let owned = str::to_owned;
        let scope = Scope {
            access_key: owned(access_key),
            date: owned(date),
            region: owned(region),
            service: owned(service),
        };
        Some(Self { scheme, scope, signed_headers, signature })
    }
}

fn credential_scope(scheme: Scheme, scope: &Scope) -> String {
    format!("{}/{}/{}/{}", scope.date, scope.region, scope.service, scheme.terminator())
}

fn string_to_sign(scheme: Scheme, date: &str, scope: &Scope, canonical: &str) -> String {
    let hash = sha256(canonical.as_bytes());
    format!("{}\n{date}\n{}\n{hash}", scheme.algorithm(), credential_scope(scheme, scope))
}

fn signing_key(scheme: Scheme, secret: &str, scope: &Scope) -> [u8; 32] {
    let first = hmac(format!("{}{secret}", scheme.key_prefix()).as_bytes(), scope.date.as_bytes());
    [scope.region.as_str(), scope.service.as_str(), scheme.terminator()]
        .into_iter()
        .fold(first, |key, part| hmac(&key, part.as_bytes()))
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
