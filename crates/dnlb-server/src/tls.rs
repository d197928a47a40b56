//! TLS of the API: when it is spoken, which certificate is shown, and how another one takes its place while connections go on.

mod authority;
mod names;

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{signal::unix::Signal, time::sleep};
use tokio_rustls::TlsAcceptor;

use authority::{Authority, AuthorityError};

pub(crate) use names::in_url;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How often the server's own certificate is made anew: long before it ends, and soon after an address was added.
const OWN_RENEWED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What was asked for, see `crate::Options`.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsOptions {
    /// File with a certificate.
    pub tls_cert: Option<PathBuf>,
    /// File with its key.
    pub tls_key: Option<PathBuf>,
    /// Names for a certificate of our own.
    pub tls_names: Vec<String>,
    /// Plain HTTP, wherever it goes.
    pub allow_http: bool,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme<'a> {
    /// Everybody on the way can read it.
    Http,
    /// With a certificate from files.
    HttpsByFiles {
        /// Its file.
        certificate: &'a Path,
        /// Its key's file.
        key: &'a Path,
    },
    /// With a certificate of our own.
    HttpsByOwn,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// The server cannot make one.
    #[error("the server has no certificate of its own")]
    Authority(#[from] AuthorityError),
    /// The file is not what it should be.
    #[error("{} holds no {what} in PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// They do not fit, or are of a kind that is not known.
    #[error("the certificate of {} cannot be used with the key of {}", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

impl TlsOptions {
    /// What is to be spoken on an address: what stays on this machine may be plain.
    pub(crate) fn scheme(&self, listen: IpAddr) -> Scheme<'_> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => Scheme::HttpsByFiles { certificate, key },
            _ if self.allow_http => Scheme::Http,
            _ if listen.to_canonical().is_loopback() && self.tls_names.is_empty() => Scheme::Http,
            _ => Scheme::HttpsByOwn,
        }
    }
}

/// The certificate that is shown to who comes next.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    fn replace(&self, by: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(by);
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Where certificates come from.
enum Source {
    Files {
        certificate: PathBuf,
        key: PathBuf,
        /// As they were read last, whether or not they were of use.
        read: (Vec<u8>, Vec<u8>),
    },
    Own {
        authority: Box<Authority>,
        listen: IpAddr,
        names: Vec<String>,
        made: SystemTime,
    },
}

/// Keeps a certificate that is good.
pub(crate) struct Certificates {
    source: Source,
    shown: Arc<Shown>,
}

impl Certificates {
    /// Those of files.
    pub(crate) fn of_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = (read(certificate)?, read(key)?);
        let first = usable(certificate, key, &read)?;
        let source = Source::Files { certificate: certificate.to_owned(), key: key.to_owned(), read };
        Ok(Self::new(source, first))
    }

    /// Our own, for an address and some names; the authority lives in a folder.
    pub(crate) fn own(
        folder: &Path,
        region: &str,
        listen: IpAddr,
        names: &[String],
        now: SystemTime,
    ) -> Result<Self, TlsError> {
        let authority = Box::new(Authority::open(folder, region)?);
        let first = made(&authority, listen, names, now)?;
        Ok(Self::new(Source::Own { authority, listen, names: names.to_vec(), made: now }, first))
    }

    fn new(source: Source, first: CertifiedKey) -> Self {
        Self { source, shown: Arc::new(Shown(RwLock::new(Arc::new(first)))) }
    }

    /// What makes connections secret, now and after every change.
    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Shows another certificate from now on, if there is one, or if it is time; whether it does. The former one is
    /// shown on if that fails.
    ///
    /// # Errors
    /// [`TlsError`]; once only for files that stay as they are.
    pub(crate) fn look(&mut self, now: SystemTime, asked: bool) -> Result<bool, TlsError> {
        let new = match &mut self.source {
            Source::Files { certificate, key, read: former } => {
                let found = (read(certificate)?, read(key)?);
                if found == *former && !asked {
                    return Ok(false);
                }
                *former = found;
                usable(certificate, key, former)?
            }
            Source::Own { authority, listen, names, made: at } => {
                // A clock that was put back is a reason, too.
                let young = now.duration_since(*at).is_ok_and(|age| age < OWN_RENEWED_AFTER);
                if young && !asked {
                    return Ok(false);
                }
                let new = made(authority, *listen, names, now)?;
                *at = now;
                new
            }
        };
        self.shown.replace(new);
        Ok(true)
    }

    /// Looks now and then, and whenever a signal asks for it. Never ends.
    pub(crate) async fn keep(mut self, mut asked: Signal) {
        loop {
            let asked = tokio::select! {
                signal = asked.recv() => signal.is_some(),
                () = sleep(LOOK_EVERY) => false,
            };
            match self.look(SystemTime::now(), asked) {
                Ok(true) => tracing::info!("the API shows a new certificate"),
                Ok(false) => {}
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the API shows the former certificate on: a new one cannot be used"
                ),
            }
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

/// A certificate with its key, if they fit.
fn usable(certificate: &Path, key: &Path, read: &(Vec<u8>, Vec<u8>)) -> Result<CertifiedKey, TlsError> {
    let pem = |path: &Path, what| {
        let path = path.to_owned();
        move |source| TlsError::Pem { path, what, source }
    };
    let chain = CertificateDer::pem_slice_iter(&read.0)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(pem(certificate, "certificate"))?;
    let private = PrivateKeyDer::from_pem_slice(&read.1).map_err(pem(key, "private key"))?;
    CertifiedKey::from_der(chain, private, &provider()).map_err(|source| TlsError::Unusable {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    })
}

fn made(
    authority: &Authority,
    listen: IpAddr,
    names: &[String],
    now: SystemTime,
) -> Result<CertifiedKey, TlsError> {
    let names = names::of_server(listen, names, names::Machine::look);
    let (certificate, key) = authority.certify(&names, now)?;
    CertifiedKey::from_der(vec![certificate], key, &provider()).map_err(TlsError::Setup)
}

#[cfg(test)]
mod tests;
