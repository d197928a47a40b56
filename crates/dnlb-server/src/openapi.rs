//! The API's own description: an OpenAPI 3.1 document made from the table of operations, and a page made from that.
//!
//! Nothing here is written twice: paths come from the table, schemas from the models and shapes of [`dnlb_api`], filters
//! from the lists that apply them, examples from a walk that a test repeats.
//!
//! Two services may have an operation with the same path and method (`quotas`), which the signature tells apart and
//! OpenAPI cannot. So there is a document of each service, and one of the whole API in which such operations are
//! merged into one whose result is one of several.

mod document;
mod examples;
mod operation;
mod page;

use std::sync::LazyLock;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};

pub use crate::http::SERVICES;

pub use document::document;

/// Who may read these need not sign: they are the same for everybody, and hold nothing of anybody's.
static WHOLE: LazyLock<Bytes> = LazyLock::new(|| json(&document(SERVICES)));
static EACH: LazyLock<Vec<(String, Bytes)>> = LazyLock::new(|| {
    let each = |service: &&'static str| (format!("/openapi/{service}.json"), json(&document(&[service])));
    SERVICES.iter().map(each).collect()
});
static PAGE: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(page::page(&document(SERVICES), SERVICES)));

/// The description that a request asks for, if it asks for one.
pub(crate) fn reply(method: &Method, path: &str) -> Option<Response> {
    if *method != Method::GET && *method != Method::HEAD {
        return None;
    }
    let (bytes, kind) = match path {
        "/openapi.json" => (WHOLE.clone(), "application/json"),
        "/docs" | "/docs/" => (PAGE.clone(), "text/html; charset=utf-8"),
        path => (EACH.iter().find(|(name, _)| name == path)?.1.clone(), "application/json"),
    };
    let length = bytes.len();
    let mut response = Response::new(if *method == Method::HEAD { Body::empty() } else { Body::from(bytes) });
    *response.status_mut() = StatusCode::OK;
    headers(response.headers_mut(), kind, length);
    Some(response)
}

fn headers(headers: &mut HeaderMap, kind: &'static str, length: usize) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_TYPE, kind);
    set(header::CACHE_CONTROL, "no-cache");
    set(header::CONTENT_SECURITY_POLICY, page::POLICY.as_str());
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // As for whoever cannot sign: one reply a connection.
    set(header::CONNECTION, "close");
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
}

fn json(document: &serde_json::Value) -> Bytes {
    Bytes::from(format!("{document:#}\n"))
}

#[cfg(test)]
mod tests;
