//! Secret connections: by a certificate of the server's own, by one from files, and what is said when it does not come to one.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::region::{Region, Said, said};

/// A command with the region's key, over https.
fn by_https(region: &Region, ca_file: &Path) -> Said {
    let mut command = region.bare();
    command.env("DNLB_SECRET_KEY", &region.secret_key).arg("--ca-file").arg(ca_file);
    command.args(["--endpoint", &region.endpoint, "--region", "lab-1", "--access-key", &region.access_key]);
    said(command.args(["vpc", "list"]), "")
}

/// What another program thinks of the server.
fn curl(url: &str, more: &[&str]) -> Output {
    Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", url])
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn the_servers_own_certificate_is_believed_by_who_has_its_authority() {
    // Ready means that the command line came through.
    let region = Region::with(&["--tls-name", "lb.test"]);
    assert_eq!(by_https(&region, &region.ca_file).code, 0);

    let document = format!("https://{}/openapi.json", region.endpoint);
    let (ip, port) = region.endpoint.rsplit_once(':').unwrap();
    let ca = region.ca_file.to_str().unwrap();
    let trusting = curl(&document, &["--cacert", ca]);
    assert!(trusting.status.success() && trusting.stdout.starts_with(b"{"), "{trusting:?}");
    let named = curl(
        &format!("https://lb.test:{port}/openapi.json"),
        &["--cacert", ca, "--resolve", &format!("lb.test:{port}:{ip}")],
    );
    assert!(named.status.success(), "{named:?}");
    // Of curl: the peer's certificate cannot be authenticated.
    assert_eq!(curl(&document, &[]).status.code(), Some(60));

    let mut plain = region.bare();
    plain.env("DNLB_SECRET_KEY", "s").args(["--endpoint", &region.endpoint, "--scheme", "http"]);
    let error = said(plain.args(["--region", "lab-1", "--access-key", "a", "vpc", "list"]), "").error;
    assert!(error.contains("this port speaks https"), "{error}");
}

#[test]
fn a_profile_keeps_whom_to_trust() {
    let region = Region::with(&["--tls-name", "localhost"]);
    let mut add = region.bare();
    // A path that is looked at later, from elsewhere.
    add.args(["profile", "add", "secret", "--endpoint", &region.endpoint, "--region", "lab-1"]);
    add.args(["--access-key", &region.access_key, "--ca-file", "data/tls/ca.pem"]);
    assert_eq!(said(&mut add, &region.secret_key).code, 0);
    let mut list = region.bare();
    let listed = said(list.current_dir("/").args(["vpc", "list"]), "");
    assert_eq!(listed.code, 0, "{}", listed.error);
    let shown = said(region.bare().args(["profile", "show", "-o", "json"]), "").json();
    assert_eq!(shown["scheme"], "https");
}

#[test]
fn who_is_not_trusted_or_speaks_no_tls_is_said_to_be_so() {
    let region = Region::start();
    let other = region.dir().join("other.pem");
    let stranger = rcgen::generate_simple_self_signed(["stranger".to_owned()]).unwrap();
    fs::write(&other, stranger.cert.pem()).unwrap();
    let error = by_https(&region, &other).error;
    assert!(error.contains("what answers does not speak TLS") && error.contains("--scheme http"), "{error}");
    drop(region);

    let region = Region::with(&["--tls-name", "localhost"]);
    fs::write(region.dir().join("other.pem"), stranger.cert.pem()).unwrap();
    let error = by_https(&region, &region.dir().join("other.pem")).error;
    assert!(
        error.contains("the server's certificate is not trusted: ") && error.contains("--ca-file"),
        "{error}"
    );
}

#[test]
fn a_renewed_certificate_is_shown_when_the_server_is_told() {
    let files = tempfile::tempdir().unwrap();
    let path = |name: &str| files.path().join(name);
    // Signed by themselves: who believes in one believes in nothing else.
    let write = |copy: &str| {
        let made = rcgen::generate_simple_self_signed(["127.0.77.1".to_owned()]).unwrap();
        fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        fs::write(path("cert.pem"), made.cert.pem()).unwrap();
        fs::write(path(copy), made.cert.pem()).unwrap();
        path(copy)
    };
    let first = write("first.pem");
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| path(name).display().to_string());
    let region = Region::with_trusted(&["--tls-cert", &cert, "--tls-key", &key], &first);
    assert_eq!(by_https(&region, &first).code, 0);

    let second = write("second.pem");
    assert_eq!(by_https(&region, &second).code, 1, "nobody has looked yet");
    region.hang_up();
    let deadline = Instant::now() + Duration::from_secs(20);
    while by_https(&region, &second).code != 0 {
        assert!(Instant::now() < deadline, "the new certificate is not shown");
        sleep(Duration::from_millis(20));
    }
    assert_eq!(by_https(&region, &first).code, 1, "the former one is not shown any more");
}
