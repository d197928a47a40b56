use std::os::unix::fs::PermissionsExt;

use rustls::pki_types::UnixTime;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn options(change: impl FnOnce(&mut TlsOptions)) -> TlsOptions {
    let mut options = TlsOptions::default();
    change(&mut options);
    options
}

/// The certificate that is shown now.
fn shown(certificates: &Certificates) -> CertificateDer<'static> {
    certificates.shown.0.read().unwrap().cert[0].clone()
}

fn own(folder: &Path, region: &str) -> Result<Certificates, TlsError> {
    Certificates::own(folder, region, IpAddr::from([192, 0, 2, 1]), &[], SystemTime::now())
}

#[track_caller]
fn told<T>(outcome: Result<T, TlsError>) -> String {
    format!("{:#}", anyhow::Error::from(outcome.err().expect("an error")))
}

#[test]
fn what_leaves_the_machine_is_secret_unless_somebody_insists() {
    let nothing = TlsOptions::default();
    let http = options(|options| options.allow_http = true);
    let named = options(|options| options.tls_names = vec!["localhost".into()]);
    let files = options(|options| {
        (options.tls_cert, options.tls_key) = (Some("c".into()), Some("k".into()));
    });
    let by_files = Scheme::HttpsByFiles { certificate: Path::new("c"), key: Path::new("k") };
    for (options, loopback, elsewhere) in [
        (&nothing, Scheme::Http, Scheme::HttpsByOwn),
        (&http, Scheme::Http, Scheme::Http),
        (&named, Scheme::HttpsByOwn, Scheme::HttpsByOwn),
        (&files, by_files, by_files),
    ] {
        for addr in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(options.scheme(addr.parse().unwrap()), loopback, "{options:?} {addr}");
        }
        for addr in ["0.0.0.0", "::", "10.1.0.1", "2001:db8::1", "::ffff:10.1.0.1"] {
            assert_eq!(options.scheme(addr.parse().unwrap()), elsewhere, "{options:?} {addr}");
        }
    }
}

#[test]
fn the_authority_is_made_once_and_its_key_is_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("tls");
    let first = shown(&own(&folder, "r1").unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("ca-key.pem"))), (0o700, 0o600));
    let authority = fs::read(folder.join("ca.pem")).unwrap();
    let key = fs::read(folder.join("ca-key.pem")).unwrap();

    let second = shown(&own(&folder, "r1").unwrap());
    assert_ne!(first, second);
    assert_eq!(fs::read(folder.join("ca.pem")).unwrap(), authority);
    assert_eq!(fs::read(folder.join("ca-key.pem")).unwrap(), key);
    for certificate in [&first, &second] {
        authority::verify(&authority, certificate, "192.0.2.1", UnixTime::now()).unwrap();
    }
    // A kill between the two files.
    fs::remove_file(folder.join("ca.pem")).unwrap();
    own(&folder, "r1").unwrap();
    authority::verify(&fs::read(folder.join("ca.pem")).unwrap(), &first, "192.0.2.1", UnixTime::now())
        .unwrap();
}

#[test]
fn a_certificate_is_for_its_names_and_for_some_months() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = shown(&own(dir.path(), "r1").unwrap());
    let authority = fs::read(dir.path().join("ca.pem")).unwrap();
    let after = |days: u64| {
        let then = UnixTime::now().as_secs() + days * 24 * 3600;
        UnixTime::since_unix_epoch(Duration::from_secs(then))
    };
    assert!(authority::verify(&authority, &certificate, "192.0.2.2", after(0)).is_err());
    assert!(authority::verify(&authority, &certificate, "192.0.2.1", after(89)).is_ok());
    assert!(authority::verify(&authority, &certificate, "192.0.2.1", after(91)).is_err());
}

#[test]
fn an_authority_that_clients_would_not_believe_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    own(&one, "r1").unwrap();
    own(&other, "r1").unwrap();
    let error = told(own(&one, "r2"));
    assert!(error.contains("one/ca.pem is not the certificate of the key beside it"), "{error}");
    fs::copy(other.join("ca.pem"), one.join("ca.pem")).unwrap();
    let error = told(own(&one, "r1"));
    assert!(error.contains("one/ca.pem is not the certificate of the key beside it"), "{error}");
    fs::write(one.join("ca-key.pem"), "no key").unwrap();
    let error = told(own(&one, "r1"));
    assert!(error.contains("one/ca-key.pem holds no key; remove"), "{error}");
}

#[test]
fn our_own_certificate_is_made_anew_every_day_and_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut certificates = own(dir.path(), "r1").unwrap();
    let now = SystemTime::now();
    let mut seen = vec![shown(&certificates)];
    for (at, asked, new) in [
        (now + HOUR, false, false),
        (now + HOUR, true, true),
        (now + 24 * HOUR, false, false),
        (now + 26 * HOUR, false, true),
        (now, false, true),
    ] {
        assert_eq!(certificates.look(at, asked).unwrap(), new);
        assert_eq!(!seen.contains(&shown(&certificates)), new);
        seen.push(shown(&certificates));
    }
}

#[test]
fn files_are_shown_again_when_they_have_changed_and_are_of_use() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let write = |what: &rcgen::CertifiedKey<rcgen::KeyPair>| {
        fs::write(&path, what.cert.pem()).unwrap();
        fs::write(&key, what.signing_key.serialize_pem()).unwrap();
    };
    let [one, two] =
        ["one", "two"].map(|name| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap());
    write(&one);
    let mut certificates = Certificates::of_files(&path, &key).unwrap();
    let now = SystemTime::now();
    assert_eq!(shown(&certificates), *one.cert.der());
    assert!(!certificates.look(now, false).unwrap());

    // Half of a renewal.
    fs::write(&path, two.cert.pem()).unwrap();
    let error = told(certificates.look(now, false));
    assert!(
        error.contains("cert.pem cannot be used with the key of ") && error.contains("key.pem"),
        "{error}"
    );
    assert!(!certificates.look(now, false).unwrap(), "it was said once");
    assert!(certificates.look(now, true).is_err(), "and when somebody asks");
    fs::remove_file(&key).unwrap();
    assert!(told(certificates.look(now, false)).contains("cannot read "));
    assert_eq!(shown(&certificates), *one.cert.der());

    write(&two);
    assert!(certificates.look(now, false).unwrap());
    assert_eq!(shown(&certificates), *two.cert.der());
}

#[test]
fn files_that_hold_something_else_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let one = rcgen::generate_simple_self_signed(["one".to_owned()]).unwrap();
    fs::write(&path, "nothing").unwrap();
    fs::write(&key, one.signing_key.serialize_pem()).unwrap();
    assert!(told(Certificates::of_files(&path, &key)).contains("cert.pem holds no certificate in PEM"));
    fs::write(&path, one.cert.pem()).unwrap();
    fs::write(&key, one.cert.pem()).unwrap();
    assert!(told(Certificates::of_files(&path, &key)).contains("key.pem holds no private key in PEM"));
}
