//! The HTTP API: a thin shell around [`crate::ops`].
//!
//! It checks the signature before anything else, finds the operation by service, method and path, and makes
//! sure that every reply has a request id.

mod access_key;
mod connections;

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use dnlb_api::{
    ApiError, Query,
    body::Reply,
    signature::{self, Expected, SignatureError, encoding::unquote},
};
use serde_json::Value;
use tokio::{net::TcpListener, time::timeout};
use tokio_stream::StreamExt;

use crate::{
    RegionStore, TransactError,
    observed::SharedObserved,
    ops::{self, Call, Operation, Quotas},
};

use connections::Limits;

pub use access_key::{AccessKey, AccessKeyError};

/// Services that requests may be signed for.
const SERVICES: &[&str] = &["ag", "dnlb", "lb", "vm", "vpc"];

/// Longest body: far above what a thousand targets take, far below what hurts.
const BODY_BYTES_MAX: usize = 1 << 20;

/// How much of a longer body is read before its sender is cut off.
const BODY_BYTES_TAKEN: usize = 16 << 20;

/// Longest path and query.
const URI_BYTES_MAX: usize = 8 << 10;

/// How long a client may take to send its body.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-jdcloud-request-id");

/// What the API works with.
pub struct Api {
    /// The region.
    pub region: RegionStore,
    /// What hosts were last seen to do.
    pub observed: SharedObserved,
    /// Whose signatures count.
    pub access_key: AccessKey,
    /// How much of everything there may be.
    pub quotas: Quotas,
}

/// Serves the API on a listening socket until `shutdown` is ready and all replies under way are sent.
///
/// # Errors
/// When the socket fails.
pub async fn serve(
    listener: TcpListener,
    api: Api,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let api = Arc::new(api);
    let answer = move |request| handle(Arc::clone(&api), request);
    connections::serve(listener, Limits::default(), answer, shutdown).await
}

async fn handle(api: Arc<Api>, request: Request) -> Response {
    let request_id = hex::encode(rand::random::<[u8; 16]>());
    let id = request_id.clone();
    // On a task of its own: a bug in an operation must not leave its caller without a reply, and a caller that
    // goes away must not stop an operation half-way.
    let task = tokio::spawn(async move { answer(&api, &id, request).await });
    let outcome = task.await.unwrap_or_else(|error| {
        tracing::error!(request_id, error = &error as &dyn std::error::Error, "an operation failed");
        Err(ApiError::internal())
    });
    reply(request_id, outcome)
}

async fn answer(api: &Api, request_id: &str, request: Request) -> Result<Value, ApiError> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    if path.len() + query.len() > URI_BYTES_MAX {
        return Err(ApiError::new(
            414,
            "HTTP_URI_TOO_LONG",
            format!("the URI is longer than {URI_BYTES_MAX} bytes"),
        ));
    }
    let decoded = unquote(path);
    let place =
        decoded.trim_start_matches('/').strip_prefix("v1/regions/").and_then(|rest| rest.split_once('/'));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let expected = Expected { region: place.map(|(region, _)| region), services: SERVICES };
    let headers = headers(&parts);
    if let Err(error) = signature::check_headers(&headers, expected, now) {
        // Whatever it is, it is not kept, and what becomes of it makes no difference to the reply.
        let _ = read(body, 0).await;
        return Err(refused(request_id, &error));
    }
    let body = read(body, BODY_BYTES_MAX).await?;
    let request =
        signature::Request { method: parts.method.as_str(), path, query, headers: &headers, body: &body };
    let scope = signature::verify(&request, expected, now, |key| api.access_key.secret_of(key))
        .map_err(|error| refused(request_id, &error))?;

    let (region, path) = place.ok_or_else(ApiError::no_route)?;
    if region != api.region.snapshot().settings.name {
        return Err(ApiError::not_found("region", region.chars().take(64).collect::<String>()));
    }
    let method = parts.method.as_str();
    let (route, ids) = ops::route(&scope.service, method, path).ok_or_else(ApiError::no_route)?;
    let call = Call {
        ids,
        query: Query::parse(query),
        body: &body,
        now,
        quotas: &api.quotas,
        observed: &api.observed,
    };
    let note = |outcome: &Result<Value, ApiError>| {
        let code = outcome.as_ref().err().map_or(200, |error| error.code);
        let (access_key, service) = (&scope.access_key, &scope.service);
        tracing::info!(request_id, access_key, service, operation = route.name, ids = ?call.ids, code);
    };
    match route.operation {
        Operation::Read(read) => read(&api.region.snapshot(), &call),
        Operation::Act(act) => {
            let outcome = act(&api.region.snapshot(), &call);
            note(&outcome);
            outcome
        }
        Operation::Write(write) => {
            let outcome =
                api.region.transact(|region| write(region, &call)).await.map_err(|error| match error {
                    TransactError::Refused(error) => error,
                    TransactError::Store(error) => {
                        tracing::error!(
                            request_id,
                            error = &error as &dyn std::error::Error,
                            "the store failed"
                        );
                        ApiError::internal()
                    }
                });
            note(&outcome);
            outcome
        }
    }
}

/// Takes a body in and keeps it if it is not longer than `keep`. The rest of a longer one is taken in, too, and
/// forgotten: who is still sending when the connection is closed may never see the reply.
async fn read(body: Body, keep: usize) -> Result<Vec<u8>, ApiError> {
    let mut body = body.into_data_stream();
    let whole = async {
        let mut kept = Vec::new();
        let mut length = 0;
        while let Some(bytes) = body.next().await {
            let bytes =
                bytes.map_err(|_| ApiError::new(400, "HTTP_BAD_REQUEST", "the body did not arrive"))?;
            length += bytes.len();
            if length <= keep {
                kept.extend_from_slice(&bytes);
            } else {
                kept = Vec::new();
            }
            if length > BODY_BYTES_TAKEN {
                break;
            }
        }
        if length > keep {
            let message = format!("the body is longer than {keep} bytes");
            return Err(ApiError::new(413, "HTTP_REQUEST_ENTITY_TOO_LARGE", message));
        }
        Ok(kept)
    };
    timeout(BODY_PATIENCE, whole)
        .await
        .unwrap_or_else(|_| Err(ApiError::new(400, "HTTP_BAD_REQUEST", "the body did not arrive in time")))
}

fn headers(parts: &Parts) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// The log says why, the reply does not.
fn refused(request_id: &str, error: &SignatureError) -> ApiError {
    tracing::info!(request_id, reason = %error, "a request is not signed as it should be");
    ApiError::access()
}

fn reply(request_id: String, outcome: Result<Value, ApiError>) -> Response {
    let code = outcome.as_ref().err().map_or(200, |error| error.code);
    let id = HeaderValue::from_str(&request_id).unwrap_or_else(|_| HeaderValue::from_static("unknown"));
    let body = serde_json::to_vec(&Reply::new(request_id, outcome)).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REQUEST_ID, id);
    if code == 401 {
        // Whoever cannot sign gets one reply a connection: it cannot leave heaps of them unread.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
