//! The server's own authority: a key and a certificate that clients trust, by which the server's certificates are signed.
//!
//! The authority alone is kept, for as long as the region lives. The server's certificate and its key are made when the server
//! starts and once a day, and are never written anywhere.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use time::OffsetDateTime;

use crate::new_file;

/// What clients get.
const CERTIFICATE: &str = "ca.pem";
/// What nobody else gets.
const KEY: &str = "ca-key.pem";

/// How long a server's certificate is good. A server makes another one every day; some clients take none that is good
/// for more than 825 days.
const GOOD_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How far clients' clocks may be behind.
const SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// Name by which the authority tries itself.
const TRIAL: &str = "trial.invalid";

/// Signs the server's certificates.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

/// Why the server's own authority is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorityError {
    /// A file cannot be read or written.
    #[error("cannot read or write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key's file holds none.
    #[error("{} holds no key; remove {} for a new authority, which clients will have to trust anew", path.display(), folder.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Where the authority is.
        folder: PathBuf,
        /// Why.
        source: rcgen::Error,
    },
    /// The key and the certificate are not each other's.
    #[error(
        "{} is not the certificate of the key beside it, or of another region, or has ended: put the former one back, or remove it",
        path.display()
    )]
    Foreign {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate for {names:?}")]
    Make {
        /// For whom.
        names: Vec<String>,
        /// Why.
        source: rcgen::Error,
    },
}

impl Authority {
    /// The authority of a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`AuthorityError`]: also if what is there does not fit, since clients would trust nothing that it signs.
    pub(super) fn open(folder: &Path, region: &str) -> Result<Self, AuthorityError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| AuthorityError::File { path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at(folder))?;
        let (path, key_path) = (folder.join(CERTIFICATE), folder.join(KEY));
        let make = |source| AuthorityError::Make { names: vec![region.to_owned()], source };
        let key = match read(&key_path).map_err(at(&key_path))? {
            Some(text) => KeyPair::from_pem(&text).map_err(|source| AuthorityError::Key {
                path: key_path.clone(),
                folder: folder.to_owned(),
                source,
            })?,
            None => {
                let key = KeyPair::generate().map_err(make)?;
                new_file::write(&key_path, key.serialize_pem().as_bytes(), 0o600).map_err(at(&key_path))?;
                key
            }
        };
        // What a key's certificate says never changes, so who signs need not read it.
        let params = params(region);
        let text = match read(&path).map_err(at(&path))? {
            Some(text) => text,
            None => {
                let text = params.self_signed(&key).map_err(make)?.pem();
                new_file::write(&path, text.as_bytes(), 0o644).map_err(at(&path))?;
                text
            }
        };
        let authority = Self { issuer: Issuer::new(params, key) };
        let foreign = |source| AuthorityError::Foreign { path: path.clone(), source };
        let (trial, _) = authority.certify(&[TRIAL.to_owned()], SystemTime::now())?;
        verify(text.as_bytes(), &trial, TRIAL, UnixTime::now()).map_err(foreign)?;
        Ok(authority)
    }

    /// A new certificate for these names and addresses, with a new key.
    pub(super) fn certify(
        &self,
        names: &[String],
        now: SystemTime,
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), AuthorityError> {
        let make = |source| AuthorityError::Make { names: names.to_vec(), source };
        let mut params = CertificateParams::new(names).map_err(make)?;
        params.distinguished_name = called(names.first().map_or("dnlb", String::as_str));
        params.not_before = OffsetDateTime::from(now - SKEW);
        params.not_after = OffsetDateTime::from(now + GOOD_FOR);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(make)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(make)?;
        Ok((certificate.der().clone(), key.into()))
    }
}

/// What the authority of a region says of itself, always.
fn params(region: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = called(&format!("dnlb region {region}"));
    params.not_before = date_time_ymd(2026, 1, 1);
    // It cannot be renewed without every client: it lives as long as the region.
    params.not_after = date_time_ymd(2076, 1, 1);
    // Signs servers, never other authorities.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn called(name: &str) -> DistinguishedName {
    let mut called = DistinguishedName::new();
    called.push(DnType::CommonName, name);
    called
}

/// Whether whoever trusts the authority's certificate believes that another one is of this name.
pub(super) fn verify(
    authority: &[u8],
    certificate: &CertificateDer<'_>,
    name: &str,
    now: UnixTime,
) -> Result<(), rustls::Error> {
    let general = |error: &dyn std::fmt::Display| rustls::Error::General(error.to_string());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority).map_err(|error| general(&error))?)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), super::provider())
        .build()
        .map_err(|error| general(&error))?;
    let name = ServerName::try_from(name).map_err(|error| general(&error))?;
    verifier.verify_server_cert(certificate, &[], &name, &[], now).map(|_| ())
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some),
    }
}
