//! TLS on the client's side: whom it trusts, and what went wrong.

use std::{
    io,
    net::TcpStream,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{
        CertificateDer, ServerName,
        pem::{self, PemObject},
    },
};

/// Authorities whose servers a client believes.
#[derive(Clone, Debug)]
pub struct Trust(Arc<ClientConfig>);

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file is not what it should be.
    #[error("{} holds no certificates in PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// A certificate is none.
    #[error("{} holds what is no certificate of an authority", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// This machine names no authorities.
    #[error("this machine trusts no authorities (package ca-certificates): name a file with those to trust")]
    NoRoots,
    /// TLS itself cannot be set up.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// Why a connection did not become a secret one. Comes inside an [`io::Error`], where [`HandshakeError::of`] finds it.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The server's certificate is not believed.
    #[error("the server's certificate is not trusted")]
    Untrusted(#[source] rustls::Error),
    /// What answers does not speak TLS.
    #[error("what answers does not speak TLS")]
    NoTls(#[source] rustls::Error),
}

impl HandshakeError {
    /// The reason inside an error of a connection, if it is of this kind.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    fn within(error: io::Error) -> io::Error {
        match error.downcast::<rustls::Error>() {
            Ok(error @ rustls::Error::InvalidCertificate(_)) => {
                io::Error::new(io::ErrorKind::InvalidData, Self::Untrusted(error))
            }
            Ok(error) => io::Error::new(io::ErrorKind::InvalidData, Self::NoTls(error)),
            Err(error) => error,
        }
    }
}

impl Trust {
    /// In the authorities of a file, in PEM, and nobody else.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn in_file(path: &Path) -> Result<Self, TrustError> {
        let pem = |source| TrustError::Pem { path: path.to_owned(), source };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(path).map_err(pem)? {
            roots
                .add(certificate.map_err(pem)?)
                .map_err(|source| TrustError::Certificate { path: path.to_owned(), source })?;
        }
        if roots.is_empty() {
            return Err(pem(pem::Error::NoItemsFound));
        }
        Self::in_roots(roots)
    }

    /// In those whom this machine trusts.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn in_system() -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        // Machines have some that are not understood; they lack whom those would vouch for.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(TrustError::NoRoots);
        }
        Self::in_roots(roots)
    }

    fn in_roots(roots: RootCertStore) -> Result<Self, TrustError> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TrustError::Setup)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// A secret connection to who is meant by `host:port`.
    pub(super) fn connect(
        &self,
        endpoint: &str,
        mut stream: TcpStream,
    ) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from(host(endpoint).to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let mut connection = ClientConnection::new(Arc::clone(&self.0), name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).map_err(HandshakeError::within)?;
        }
        Ok(StreamOwned::new(connection, stream))
    }
}

/// The host of `host:port`, as certificates name it: without the brackets of an IPv6 address.
fn host(endpoint: &str) -> &str {
    let host = endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_host_is_what_a_certificate_names() {
        assert_eq!(host("lb.example:8710"), "lb.example");
        assert_eq!(host("192.0.2.1:8710"), "192.0.2.1");
        assert_eq!(host("[2001:db8::1]:8710"), "2001:db8::1");
    }

    #[test]
    fn a_file_without_certificates_makes_nobody_trusted() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(matches!(Trust::in_file(&manifest), Err(TrustError::Pem { .. })));
        let missing = Trust::in_file(Path::new("/nowhere/ca.pem")).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/ca.pem"), "{missing}");
    }

    #[test]
    fn who_does_not_speak_tls_is_said_to_be_so() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        let trust = Trust::in_roots(RootCertStore::empty()).unwrap();
        let stream = TcpStream::connect(&endpoint).unwrap();
        let error = trust.connect(&endpoint, stream).unwrap_err();
        assert!(matches!(HandshakeError::of(&error), Some(HandshakeError::NoTls(_))), "{error}");
        server.join().unwrap();
    }
}
