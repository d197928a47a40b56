//! Who calls: by a session's token, or by a signature.

use axum::body::Body;
use dnlb_api::{
    ApiError,
    signature::{self, Expected, SignatureError},
};
use dnlb_model::Secret;

use super::{Api, BODY_BYTES_MAX, SERVICES, header_of, read};
use crate::access::{self, Caller};

/// The service that a request with a token means; a signature names it itself.
const SERVICE: &str = "x-dnlb-service";

/// What a request says before anybody knows whose it is.
pub(super) struct Unproven<'a> {
    /// Names the request.
    pub id: &'a str,
    /// As it came.
    pub method: &'a str,
    /// As it came, which is what is signed.
    pub path: &'a str,
    /// As it came.
    pub query: &'a str,
    /// The region that the path names.
    pub region: Option<&'a str>,
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    /// Unix time.
    pub now: u64,
}

/// A request whose caller is known.
pub(super) struct Proven {
    /// Who calls.
    pub caller: Caller,
    /// Which service is meant.
    pub service: String,
    /// What came along.
    pub body: Vec<u8>,
}

/// Finds out who calls, and takes the body in: of strangers only to throw it away.
pub(super) async fn authenticate(api: &Api, request: &Unproven<'_>, body: Body) -> Result<Proven, ApiError> {
    match token(request.headers) {
        Some(token) => by_token(api, request, token, body).await,
        None => by_signature(api, request, body).await,
    }
}

async fn by_token(api: &Api, request: &Unproven<'_>, token: &str, body: Body) -> Result<Proven, ApiError> {
    let Some(caller) = access::by_token(&api.region.snapshot(), token, request.now) else {
        let _ = read(body, 0).await;
        tracing::info!(request_id = request.id, "a token is none, or its session has ended");
        return Err(ApiError::access());
    };
    let service = header_of(request.headers, SERVICE).unwrap_or("dnlb").to_owned();
    Ok(Proven { caller, service, body: read(body, BODY_BYTES_MAX).await? })
}

async fn by_signature(api: &Api, request: &Unproven<'_>, body: Body) -> Result<Proven, ApiError> {
    let &Unproven { id, method, path, query, region, headers, now } = request;
    let expected = Expected { region, services: SERVICES };
    if let Err(error) = signature::check_headers(headers, expected, now) {
        // Whatever it is, it is not kept, and what becomes of it makes no difference to the reply.
        let _ = read(body, 0).await;
        return Err(refused(id, &error));
    }
    let body = read(body, BODY_BYTES_MAX).await?;
    let signed = signature::Request { method, path, query, headers, body: &body };
    let mut caller = None;
    let secret_of = |key: &str| {
        let (known, Secret(secret)) = access::by_key(&api.region.snapshot(), key, now)?;
        caller = Some(known);
        Some(secret)
    };
    let scope = signature::verify(&signed, expected, now, secret_of).map_err(|error| refused(id, &error))?;
    let caller = caller.ok_or_else(ApiError::access)?;
    if let Some(nonce) = header_of(headers, "x-jdcloud-nonce")
        && !api.limits.is_new_nonce(&scope.access_key, nonce, now)
    {
        tracing::warn!(request_id = id, access_key = scope.access_key, "a nonce came before");
        return Err(ApiError::access());
    }
    Ok(Proven { caller, service: scope.service, body })
}

/// The token of a session.
fn token(headers: &[(String, String)]) -> Option<&str> {
    header_of(headers, "authorization")?.strip_prefix("Bearer ").map(str::trim)
}

/// The log says why, the reply does not.
fn refused(request_id: &str, error: &SignatureError) -> ApiError {
    tracing::info!(request_id, reason = %error, "a request is not signed as it should be");
    ApiError::access()
}
