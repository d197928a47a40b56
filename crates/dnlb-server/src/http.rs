//! The HTTP API: a thin shell around [`crate::ops`].
//!
//! It finds out who calls before anything else, finds the operation by service, method and path, sees whether the caller may do that,
//! and makes sure that every reply has a request id.

mod authenticate;
mod call_limits;
mod connections;
mod limits;
mod login;
mod origin;
mod places;
mod store_error;

use std::{
    io,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use dnlb_api::{ApiError, Query, body::Reply, signature::encoding::unquote};
use dnlb_model::Region;
use dnlb_store::StoreError;
use serde_json::Value;
use tokio::time::timeout;
use tokio_stream::StreamExt;

use crate::{
    RegionStore, TransactError,
    access::Caller,
    console::{self, Console},
    journal::Actor,
    observed::SharedObserved,
    openapi,
    ops::{self, Call, Operation, Quotas, RecordsError, Route},
};

use authenticate::{Proven, Unproven, authenticate};

pub use call_limits::CallLimits;
pub use connections::Door;
pub use limits::Limits;

/// Services that requests may be signed for.
pub const SERVICES: &[&str] = &["ag", "dnlb", "lb", "vm", "vpc"];

/// Longest body: far above what a thousand targets take, far below what hurts.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Longest body of a request to log in.
const LOGIN_BYTES_MAX: usize = 4 << 10;

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
    /// How often somebody may try.
    pub limits: CallLimits,
    /// How much of everything there may be.
    pub quotas: Quotas,
    /// What browsers get.
    pub console: Console,
}

/// Serves the API at a door, which may be a listening socket alone, until `shutdown` is ready and all replies under way are sent.
///
/// # Errors
/// When the socket fails.
pub async fn serve(
    door: impl Into<Door>,
    api: Api,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let api = Arc::new(api);
    let answer = move |from, request| handle(Arc::clone(&api), from, request);
    connections::serve(door.into(), answer, misled, shutdown).await
}

/// The reply to plain HTTP where TLS is spoken.
fn misled() -> Response {
    let error = ApiError::new(
        400,
        "HTTP_BAD_REQUEST",
        "this port speaks https, and the request came as http: change the client's scheme",
    );
    let mut reply = reply(new_request_id(), Err(error));
    reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    reply
}

fn new_request_id() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

async fn handle(api: Arc<Api>, from: IpAddr, request: Request) -> Response {
    if let Some(page) = openapi::reply(request.method(), request.uri().path()) {
        return page;
    }
    let settings = || console::Settings {
        region: api.region.snapshot().settings.name.clone(),
        version: env!("CARGO_PKG_VERSION"),
    };
    if let Some(file) = api.console.reply(request.method(), request.uri().path(), request.headers(), settings)
    {
        return file;
    }
    let request_id = new_request_id();
    let id = request_id.clone();
    // On a task of its own: a bug in an operation must not leave its caller without a reply, and a caller that
    // goes away must not stop an operation half-way.
    let task = tokio::spawn(async move { answer(&api, &id, from, request).await });
    let outcome = task.await.unwrap_or_else(|error| {
        tracing::error!(request_id, error = &error as &dyn std::error::Error, "an operation failed");
        Err(ApiError::internal())
    });
    reply(request_id, outcome)
}

async fn answer(api: &Api, request_id: &str, from: IpAddr, request: Request) -> Result<Value, ApiError> {
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
    let now = unix_time();
    let method = parts.method.as_str();
    let headers = headers(&parts);
    if is_login(method, place) && header_of(&headers, "authorization").is_none() {
        // Small: anybody may send it.
        let body = read(body, LOGIN_BYTES_MAX).await?;
        return login::answer(api, request_id, from, &body, now).await;
    }
    let unproven = Unproven {
        id: request_id,
        method,
        path,
        query,
        region: place.map(|(region, _)| region),
        headers: &headers,
        now,
    };
    let Proven { caller, service, body } = authenticate(api, &unproven, body).await?;
    if !api.limits.may_call(&caller) {
        return Err(ApiError::new(
            429,
            "HTTP_RATE_LIMIT_EXCEEDED",
            "too many requests by this user: send fewer, or ask who operates the region for more",
        ));
    }
    let (region, path) = place.ok_or_else(ApiError::no_route)?;
    if region != api.region.snapshot().settings.name {
        return Err(ApiError::not_found("region", region.chars().take(64).collect::<String>()));
    }
    let (route, ids) = ops::route(&service, method, path).ok_or_else(ApiError::no_route)?;
    let request = Accepted { id: request_id, from, ids, query: Query::parse(query), body: &body, now };
    carry_out(api, route, &caller, request).await
}

/// A request of somebody who is known.
struct Accepted<'a> {
    id: &'a str,
    from: IpAddr,
    ids: Vec<String>,
    query: Query,
    body: &'a [u8],
    now: u64,
}

/// Does what a request asks for, if its caller may.
async fn carry_out(
    api: &Api,
    route: &'static Route,
    caller: &Caller,
    request: Accepted<'_>,
) -> Result<Value, ApiError> {
    if route.operation.is_for_operating() && !caller.account.is_operating() {
        return Err(ApiError::forbidden(format!("{} is for who operates the region", route.name)));
    }
    if !caller.may(route.operation.role()) {
        return Err(ApiError::forbidden(format!(
            "{} takes the role {:?}; user {} has {:?}",
            route.name,
            route.operation.role(),
            caller.user_name,
            caller.role
        )));
    }
    let outcome = match route.operation {
        Operation::Read(read) => {
            let whole = api.region.snapshot();
            read(&api.region.view(&caller.account), &request.call(api, caller, &whole))
        }
        Operation::Ask(inquiry) => {
            let (view, whole) = (api.region.view(&caller.account), api.region.snapshot());
            inquiry.answer(&view, &request.call(api, caller, &whole)).await
        }
        Operation::RegionRead(read) | Operation::RegionAct(read) => {
            let whole = api.region.snapshot();
            read(&whole, &request.call(api, caller, &whole))
        }
        // Whoever is known need not log in.
        Operation::Login(()) => Err(ApiError::no_route()),
        Operation::Records(records) => records
            .list(&**api.region.store(), &caller.account, &request.query)
            .await
            .map_err(|error| match error {
                RecordsError::Refused(error) => error,
                RecordsError::Store(error) => store_failed(request.id, &error),
            }),
        Operation::Write(write) | Operation::Manage(write) | Operation::Own(write) => {
            let actor = request.actor(caller, route);
            let changed =
                api.region.transact_as(&actor, |view, whole| write(view, &request.call(api, caller, whole)));
            changed.await.map_err(|error| unchanged(request.id, error))
        }
        Operation::RegionManage(write) => {
            let actor = request.actor(caller, route);
            let changed = api.region.transact_whole_as(&actor, |whole| {
                let before = whole.clone();
                write(whole, &request.call(api, caller, &before))
            });
            changed.await.map_err(|error| unchanged(request.id, error))
        }
    };
    let looks = matches!(
        route.operation,
        Operation::Ask(_) | Operation::Read(_) | Operation::Records(_) | Operation::RegionRead(_)
    );
    if !looks {
        let code = outcome.as_ref().err().map_or(200, |error| error.code);
        let (request_id, service) = (request.id, route.service);
        let (account, user, means) = (&caller.account, &caller.user_name, caller.means());
        tracing::info!(request_id, %account, user, means, service, operation = route.name, ids = ?request.ids, code);
    }
    outcome
}

impl Accepted<'_> {
    fn call<'a>(&'a self, api: &'a Api, caller: &'a Caller, whole: &'a Region) -> Call<'a> {
        Call {
            ids: &self.ids,
            query: &self.query,
            body: self.body,
            now: self.now,
            caller,
            whole,
            quotas: &api.quotas,
            observed: &api.observed,
        }
    }

    fn actor(&self, caller: &Caller, route: &Route) -> Actor {
        Actor {
            caller: caller.clone(),
            request_id: self.id.to_owned(),
            source: self.from.to_string(),
            service: route.service.to_owned(),
            operation: route.name.to_owned(),
        }
    }
}

fn unchanged(request_id: &str, error: TransactError<ApiError>) -> ApiError {
    match error {
        TransactError::Refused(error) => error,
        TransactError::Store(error) => store_failed(request_id, &error),
    }
}

fn store_failed(request_id: &str, error: &StoreError) -> ApiError {
    tracing::error!(request_id, error = error as &dyn std::error::Error, "the store failed");
    store_error::reply(error)
}

/// Whether a request begins a session: the one that nobody has to sign.
fn is_login(method: &str, place: Option<(&str, &str)>) -> bool {
    let route = place.and_then(|(_, path)| ops::route("dnlb", method, path));
    route.is_some_and(|(route, _)| matches!(route.operation, Operation::Login(())))
}

fn header_of<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
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
