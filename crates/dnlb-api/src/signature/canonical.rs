//! The ways in which clients write the request that they sign.

use super::{
    Request, Scheme, SignatureError,
    encoding::{quote, unquote, unquote_plus},
};

/// Every documented way to write this request, without repetitions, the most usual first.
pub(super) fn variants(
    request: &Request<'_>,
    signed_headers: &[String],
    body_hash: &str,
    scheme: Scheme,
) -> Result<Vec<String>, SignatureError> {
    let headers = header_variants(request, signed_headers)?;
    let mut found = Vec::new();
    for path in distinct([reencoded_path(request.path), request.path.to_owned()]) {
        for query in query_variants(request.query, scheme) {
            for headers in &headers {
                found.push(assemble(request.method, &path, &query, headers, signed_headers, body_hash));
            }
        }
    }
    Ok(found)
}

/// The way in which our own clients write it: as the Python client does.
pub(super) fn ours(request: &Request<'_>, signed_headers: &[String], body_hash: &str) -> String {
    let headers = written(request, signed_headers, None, false).unwrap_or_default();
    let path = reencoded_path(request.path);
    assemble(request.method, &path, &sorted_query(request.query, python), &headers, signed_headers, body_hash)
}

fn assemble(
    method: &str,
    path: &str,
    query: &str,
    headers: &str,
    signed_headers: &[String],
    body_hash: &str,
) -> String {
    format!("{method}\n{path}\n{query}\n{headers}\n{}\n{body_hash}", signed_headers.join(";"))
}

/// Decoded, runs of `/` collapsed, and encoded again: `:` becomes `%3A`, however it was sent.
fn reencoded_path(raw: &str) -> String {
    let mut path = quote(&unquote_plus(raw), b"/");
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    path
}

fn query_variants(raw: &str, scheme: Scheme) -> Vec<String> {
    let mut found = vec![sorted_query(raw, python), sorted_query(raw, standard), raw.to_owned()];
    if scheme == Scheme::V3 && raw.split('&').any(|part| part.matches('=').count() > 1) {
        found.push(sorted_query(raw, old_python));
    }
    distinct(found)
}

/// One part of a query as it is signed: what it is sorted by, and its text.
struct Part {
    order: [String; 2],
    text: String,
}

impl Part {
    fn new(key: String, value: String) -> Self {
        Self { text: format!("{key}={value}"), order: [key, value] }
    }
}

fn sorted_query(raw: &str, part: fn(&str) -> Option<Part>) -> String {
    let mut parts: Vec<Part> = raw.split('&').filter(|part| !part.is_empty()).filter_map(part).collect();
    parts.sort_by(|a, b| a.order.cmp(&b.order));
    parts.into_iter().map(|part| part.text).collect::<Vec<_>>().join("&")
}

fn python(part: &str) -> Option<Part> {
    let (key, value) = part.split_once('=')?;
    (!key.is_empty()).then(|| Part::new(quote(&unquote_plus(key), b""), quote(&unquote_plus(value), b"")))
}

/// Up to 1.6.180 a value with a `=` in it lost its key, after sorting.
fn old_python(part: &str) -> Option<Part> {
    let bare = part.matches('=').count() > 1;
    let part = python(part)?;
    let text = if bare { part.order[1].clone() } else { part.text };
    Some(Part { text, order: part.order })
}

/// RFC 3986: `+` is itself, and a part without `=` is a key without a value.
fn standard(part: &str) -> Option<Part> {
    let (key, value) = part.split_once('=').unwrap_or((part, ""));
    Some(Part::new(quote(&unquote(key), b""), quote(&unquote(value), b"")))
}

fn header_variants(request: &Request<'_>, signed: &[String]) -> Result<Vec<String>, SignatureError> {
    // Some clients sign the host with its scheme's default port, some without; both send either.
    let mut hosts = vec![None];
    if let Some(host) = request.header("host").filter(|_| signed.iter().any(|name| name == "host")) {
        match host.strip_suffix(":80").or_else(|| host.strip_suffix(":443")) {
            Some(bare) => hosts.push(Some(bare.to_owned())),
            None if !host.contains(':') => hosts.extend([80, 443].map(|port| Some(format!("{host}:{port}")))),
            None => {}
        }
    }
    let mut found = Vec::new();
    for host in &hosts {
        for squeeze in [false, true] {
            found.push(written(request, signed, host.as_deref(), squeeze)?);
        }
    }
    Ok(distinct(found))
}

/// The signed headers, one a line.
fn written(
    request: &Request<'_>,
    signed: &[String],
    host: Option<&str>,
    squeeze: bool,
) -> Result<String, SignatureError> {
    let mut text = String::new();
    for name in signed {
        let values: Vec<&str> = request
            .headers
            .iter()
            .filter(|(header, _)| header == name)
            .map(|(_, value)| value.trim())
            .collect();
        if values.is_empty() {
            return Err(SignatureError::SignedHeader(name.clone()));
        }
        let value = match host {
            Some(host) if name == "host" => host.to_owned(),
            _ => values.join(","),
        };
        let value =
            if squeeze { value.split_ascii_whitespace().collect::<Vec<_>>().join(" ") } else { value };
        text.push_str(&format!("{name}:{value}\n"));
    }
    Ok(text)
}

fn distinct(items: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for item in items {
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found
}
