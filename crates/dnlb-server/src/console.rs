//! The console: files that whoever starts the server hands over, served below [`PATH`] to everybody who reaches the port.
//!
//! Nothing here reads a disk: a path is looked up among the names of the files, so there is no other file that it could lead to. A
//! path that names none is one of the console's own pages, which its script draws, and gets the one document that there is.

mod encoding;

use std::collections::HashMap;

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use encoding::{Accepted, Coding};

/// Where the console is.
pub const PATH: &str = "/console/";

/// The one document.
const DOCUMENT: &str = "index.html";

/// Folder of the files whose names change with their content.
const IMMUTABLE: &str = "assets/";

/// What the page asks before anybody has logged in.
const SETTINGS: &str = "settings.json";

/// What a browser may do for the console: nothing inline, nothing from elsewhere, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Of a server without files.
const NOT_BUILT: &str = "This dnlb was built without its console.\n\n`make build` in the sources of dnlb builds the program with it; `cargo build` alone takes \
                         the console that was built before, if there is one.\nThe API is here all the same; /docs describes it.\n";

/// A file of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Below [`PATH`], such as `index.html` or `assets/index-B8Yc1WAd.js`.
    pub path: &'static str,
    /// Its bytes.
    pub plain: &'static [u8],
    /// The same compressed, where that is worth it.
    pub gzip: Option<&'static [u8]>,
    /// The same compressed, where that is worth it.
    pub brotli: Option<&'static [u8]>,
}

/// All files of the console; by default none, and then a page says so.
#[derive(Clone, Debug, Default)]
pub struct Console {
    files: HashMap<&'static str, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    file: File,
    kind: &'static str,
    caching: Caching,
}

/// How long a browser may keep a file.
#[derive(Clone, Debug)]
enum Caching {
    /// Its name will never mean anything else.
    ForGood,
    /// It asks each time, by this tag.
    Tagged(HeaderValue),
}

/// What the page has to know before anybody has logged in.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Settings {
    /// Name of the region.
    pub region: String,
    /// Version of the server, which is that of its console.
    pub version: &'static str,
}

impl Console {
    /// A console of these files.
    #[must_use]
    pub fn new(files: &[File]) -> Self {
        let entry = |file: &File| {
            let caching = if file.path.starts_with(IMMUTABLE) {
                Caching::ForGood
            } else {
                Caching::Tagged(tag(file.plain))
            };
            (file.path, Entry { file: *file, kind: kind(file.path), caching })
        };
        Self { files: files.iter().map(entry).collect() }
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_built(&self) -> bool {
        self.files.contains_key(DOCUMENT)
    }

    /// The reply to a request that is for the console, not for the API.
    pub(crate) fn reply(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        settings: impl FnOnce() -> Settings,
    ) -> Option<Response> {
        let reads = *method == Method::GET || *method == Method::HEAD;
        let mut response = match path.strip_prefix(PATH) {
            None if reads && (path == "/" || path == PATH.trim_end_matches('/')) => moved(),
            None => return None,
            Some(_) if !reads => only_to_be_read(),
            Some(SETTINGS) => told(&settings()),
            Some(path) => self.file(path, headers),
        };
        protect(response.headers_mut());
        if *method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        Some(response)
    }

    fn file(&self, path: &str, asked: &HeaderMap) -> Response {
        let Some(document) = self.files.get(DOCUMENT) else {
            return said(StatusCode::NOT_FOUND, NOT_BUILT);
        };
        let entry = match self.files.get(path) {
            Some(entry) => entry,
            // Of another version, most likely. With the document instead, the page that asks would try to run HTML.
            None if path.starts_with(IMMUTABLE) => {
                return said(StatusCode::NOT_FOUND, "This version of the console has no such file.\n");
            }
            None => document,
        };
        entry.reply(asked)
    }
}

impl Entry {
    fn reply(&self, asked: &HeaderMap) -> Response {
        let mut response = Response::default();
        if let Caching::Tagged(tag) = &self.caching
            && names(asked, tag)
        {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            let (bytes, coding) = self.in_the_best_coding(&Accepted::of(asked));
            response = with_body(StatusCode::OK, self.kind, Bytes::from_static(bytes));
            if let Some(coding) = coding {
                response
                    .headers_mut()
                    .insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            }
        }
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        let keep = match &self.caching {
            Caching::ForGood => "public, max-age=31536000, immutable",
            Caching::Tagged(tag) => {
                headers.insert(header::ETAG, tag.clone());
                "no-cache"
            }
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
        response
    }

    fn in_the_best_coding(&self, accepted: &Accepted) -> (&'static [u8], Option<Coding>) {
        let coded = [(Coding::Brotli, self.file.brotli), (Coding::Gzip, self.file.gzip)];
        let there = coded.into_iter().filter_map(|(coding, bytes)| bytes.map(|bytes| (coding, bytes)));
        match accepted.best(there) {
            Some((coding, bytes)) => (bytes, Some(coding)),
            None => (self.file.plain, None),
        }
    }
}

/// A weak tag: the content is the same in whichever coding it comes.
fn tag(content: &[u8]) -> HeaderValue {
    let digest = hex::encode(&Sha256::digest(content)[..16]);
    HeaderValue::try_from(format!("W/\"{digest}\"")).expect("hexadecimal digits may stand in a header")
}

/// Whether a request says that it has what a tag names.
fn names(asked: &HeaderMap, tag: &HeaderValue) -> bool {
    // As RFC 9110, 13.1.2 compares them: weakly.
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let own = tag.to_str().map(opaque).unwrap_or_default();
    let lists = asked.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| one.trim() == "*" || opaque(one) == own)
}

/// What a file is, by its name.
fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// To where the console is; not for good, since browsers would keep that for whatever is served here later.
fn moved() -> Response {
    let mut response = with_body(StatusCode::FOUND, "text/plain; charset=utf-8", Bytes::new());
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(PATH));
    response
}

fn only_to_be_read() -> Response {
    let mut response = said(StatusCode::METHOD_NOT_ALLOWED, "The console's files can only be read.\n");
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    // Whatever was sent with it is not taken in.
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn told(settings: &Settings) -> Response {
    let text = serde_json::to_vec(settings).unwrap_or_default();
    let mut response = with_body(StatusCode::OK, "application/json", Bytes::from(text));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A sentence for people.
fn said(status: StatusCode, text: &'static str) -> Response {
    let mut response = with_body(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn with_body(status: StatusCode, kind: &'static str, body: Bytes) -> Response {
    let length = body.len();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// What browsers are told not to do, in every reply. No Strict-Transport-Security: it holds for all ports of a name, and what
/// else is served there is not ours to decide.
fn protect(headers: &mut HeaderMap) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
}

#[cfg(test)]
mod tests;
