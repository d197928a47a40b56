use super::*;

const FILES: &[File] = &[
    File { path: "index.html", plain: b"<html>", gzip: Some(b"gz<html>"), brotli: None },
    File {
        path: "assets/main-1a2b.js",
        plain: b"script",
        gzip: Some(b"gz-script"),
        brotli: Some(b"br-script"),
    },
    File { path: "assets/dot-3c4d.png", plain: b"png", gzip: None, brotli: None },
    File { path: "favicon.svg", plain: b"<svg>", gzip: None, brotli: None },
];

fn asked_of(
    console: &Console,
    method: Method,
    path: &str,
    headers: &[(HeaderName, &str)],
) -> Option<Response> {
    let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
    console.reply(&method, path, &headers, || Settings { region: "r1".to_owned(), version: "9.8.7" })
}

fn get(path: &str, headers: &[(HeaderName, &str)]) -> Response {
    asked_of(&Console::new(FILES), Method::GET, path, headers).unwrap()
}

fn field(response: &Response, name: impl header::AsHeaderName) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

fn body(response: Response) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let bytes = runtime.block_on(axum::body::to_bytes(response.into_body(), usize::MAX)).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_file_comes_as_what_it_is_in_the_best_coding() {
    for (accept, coding, content) in
        [("gzip, br", Some("br"), "br-script"), ("gzip", Some("gzip"), "gz-script"), ("", None, "script")]
    {
        let reply = get("/console/assets/main-1a2b.js", &[(header::ACCEPT_ENCODING, accept)]);
        assert_eq!(reply.status(), 200);
        assert_eq!(field(&reply, header::CONTENT_TYPE).unwrap(), "text/javascript; charset=utf-8");
        assert_eq!(field(&reply, header::CONTENT_ENCODING).as_deref(), coding, "{accept}");
        assert_eq!(field(&reply, header::CONTENT_LENGTH).unwrap(), content.len().to_string());
        assert_eq!(field(&reply, header::VARY).unwrap(), "accept-encoding");
        assert_eq!(body(reply), content);
    }
    let picture = get("/console/assets/dot-3c4d.png", &[(header::ACCEPT_ENCODING, "gzip, br")]);
    assert_eq!(field(&picture, header::CONTENT_ENCODING), None);
    assert_eq!(field(&picture, header::CONTENT_TYPE).unwrap(), "image/png");
}

#[test]
fn a_name_that_changes_with_the_content_is_kept_for_good_and_others_are_asked_for() {
    let asset = get("/console/assets/main-1a2b.js", &[]);
    assert_eq!(field(&asset, header::CACHE_CONTROL).unwrap(), "public, max-age=31536000, immutable");
    assert_eq!(field(&asset, header::ETAG), None);
    for path in ["/console/", "/console/index.html", "/console/favicon.svg"] {
        let reply = get(path, &[]);
        assert_eq!(field(&reply, header::CACHE_CONTROL).unwrap(), "no-cache", "{path}");
        assert!(field(&reply, header::ETAG).unwrap().starts_with("W/\""), "{path}");
    }
}

#[test]
fn who_has_the_document_is_told_so_and_nothing_more() {
    let tag = field(&get("/console/", &[]), header::ETAG).unwrap();
    let strong = tag.trim_start_matches("W/").to_owned();
    for known in [&tag, &strong, &format!("\"other\", {tag}"), "*"] {
        let reply = get("/console/", &[(header::IF_NONE_MATCH, known)]);
        assert_eq!(reply.status(), 304, "{known}");
        assert_eq!(field(&reply, header::ETAG).as_ref(), Some(&tag));
        assert_eq!(field(&reply, header::CONTENT_LENGTH), None);
        assert!(field(&reply, header::CONTENT_SECURITY_POLICY).is_some());
        assert_eq!(body(reply), "");
    }
    assert_eq!(get("/console/", &[(header::IF_NONE_MATCH, "\"other\"")]).status(), 200);
    // Another document, another tag.
    let other = Console::new(&[File { path: "index.html", plain: b"<html >", gzip: None, brotli: None }]);
    let reply = asked_of(&other, Method::GET, "/console/", &[(header::IF_NONE_MATCH, &tag)]).unwrap();
    assert_eq!(reply.status(), 200);
}

#[test]
fn every_page_of_the_console_is_the_document_and_a_file_of_another_version_is_none() {
    for path in
        ["/console/", "/console/load-balancers", "/console/load-balancers/netlb-1/listeners", "/console/a.b"]
    {
        let reply = get(path, &[]);
        assert_eq!(
            (reply.status(), field(&reply, header::CONTENT_TYPE).unwrap().as_str()),
            (StatusCode::OK, "text/html; charset=utf-8")
        );
        assert_eq!(body(reply), "<html>", "{path}");
    }
    let gone = get("/console/assets/main-0000.js", &[]);
    assert_eq!(gone.status(), 404);
    assert_eq!(field(&gone, header::CACHE_CONTROL).unwrap(), "no-store");
}

#[test]
fn no_path_leads_to_anything_but_the_files() {
    for path in [
        "/console/../etc/passwd",
        "/console/..%2f..%2fetc/passwd",
        "/console/%2e%2e/%2e%2e/etc/passwd",
        "/console/assets/../../etc/passwd",
        "/console//etc/passwd",
        "/console/\\..\\etc",
    ] {
        let reply = get(path, &[]);
        let found = body(reply);
        assert!(found == "<html>" || found.contains("no such file"), "{path}: {found}");
    }
}

#[test]
fn what_is_not_the_consoles_is_left_to_the_api() {
    let console = Console::new(FILES);
    for path in ["/v1/regions/r1/vpcs/", "/openapi.json", "/docs", "/consoles", "/console.html", ""] {
        assert!(asked_of(&console, Method::GET, path, &[]).is_none(), "{path}");
    }
    assert!(asked_of(&console, Method::POST, "/", &[]).is_none());
}

#[test]
fn the_root_leads_to_the_console() {
    for path in ["/", "/console"] {
        let reply = get(path, &[]);
        assert_eq!(reply.status(), 302);
        assert_eq!(field(&reply, header::LOCATION).unwrap(), "/console/");
    }
}

#[test]
fn the_settings_are_said_without_anybody_keeping_them() {
    let reply = get("/console/settings.json", &[]);
    assert_eq!(field(&reply, header::CONTENT_TYPE).unwrap(), "application/json");
    assert_eq!(field(&reply, header::CACHE_CONTROL).unwrap(), "no-store");
    assert_eq!(body(reply), r#"{"region":"r1","version":"9.8.7"}"#);
}

#[test]
fn nothing_can_be_sent_to_the_console() {
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        for path in ["/console/", "/console/settings.json", "/console/assets/main-1a2b.js"] {
            let reply = asked_of(&Console::new(FILES), method.clone(), path, &[]).unwrap();
            assert_eq!(reply.status(), 405);
            assert_eq!(field(&reply, header::ALLOW).unwrap(), "GET, HEAD");
        }
    }
}

#[test]
fn the_head_alone_says_as_much_as_the_whole() {
    let console = Console::new(FILES);
    for path in
        ["/console/", "/console/assets/main-1a2b.js", "/console/settings.json", "/console/assets/none.js"]
    {
        let whole = asked_of(&console, Method::GET, path, &[]).unwrap();
        let head = asked_of(&console, Method::HEAD, path, &[]).unwrap();
        assert_eq!((head.status(), head.headers()), (whole.status(), whole.headers()), "{path}");
        assert_eq!(body(head), "");
    }
}

#[test]
fn every_reply_forbids_browsers_the_same() {
    let built = Console::new(FILES);
    let none = Console::default();
    let paths = [
        "/",
        "/console/",
        "/console/assets/main-1a2b.js",
        "/console/assets/none.js",
        "/console/settings.json",
    ];
    for (console, method) in [(&built, Method::GET), (&built, Method::HEAD), (&none, Method::GET)] {
        for path in paths {
            let reply = asked_of(console, method.clone(), path, &[]).unwrap();
            let policy = field(&reply, header::CONTENT_SECURITY_POLICY).unwrap();
            assert!(policy.starts_with("default-src 'none'; "), "{policy}");
            for never in ["unsafe", "http", "*", "blob:"] {
                assert!(!policy.contains(never), "{policy}");
            }
            // Images alone may be in the page itself, and fonts.
            assert_eq!(policy.matches("data:").count(), 2, "{policy}");
            for directive in
                ["base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'", "connect-src 'self'"]
            {
                assert!(policy.split("; ").any(|one| one == directive), "{directive}");
            }
            assert_eq!(field(&reply, header::X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
            assert_eq!(field(&reply, header::REFERRER_POLICY).unwrap(), "no-referrer");
            assert_eq!(field(&reply, "cross-origin-opener-policy").unwrap(), "same-origin");
            assert_eq!(field(&reply, header::STRICT_TRANSPORT_SECURITY), None);
        }
    }
}

#[test]
fn a_program_without_the_console_says_how_to_get_it() {
    let console = Console::default();
    assert!(!console.is_built() && Console::new(FILES).is_built());
    for path in ["/console/", "/console/load-balancers", "/console/assets/main-1a2b.js"] {
        let reply = asked_of(&console, Method::GET, path, &[]).unwrap();
        assert_eq!(reply.status(), 404);
        assert_eq!(field(&reply, header::CONTENT_TYPE).unwrap(), "text/plain; charset=utf-8");
        assert!(body(reply).contains("make build"), "{path}");
    }
}
