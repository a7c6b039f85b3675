//! One real handshake: the certificates that a server shows, and a stream to speak over.

use lockfast_tls::Shown;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Which certificate is asked for, by the algorithms that are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One with an RSA key.
    Rsa,
    /// One with an elliptic-curve or Edwards-curve key.
    Ecdsa,
    /// Whichever.
    Any,
}

impl Kind {
    /// As the record names it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Rsa => "RSA",
            Kind::Ecdsa => "ECDSA",
            Kind::Any => "any",
        }
    }
}

/// A client certificate and its key.
pub struct Identity {
    /// The chain.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key.
    pub key: PrivateKeyDer<'static>,
}

impl Identity {
    /// From PEM.
    ///
    /// # Errors
    /// What is missing, without a word of what is there.
    pub fn read(chain: &[u8], key: &[u8]) -> Result<Self, &'static str> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.map_err(|_| "the certificate is no PEM")?;
        if chain.is_empty() {
            return Err("there is no certificate in the file");
        }
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| "there is no private key in PEM, or it is encrypted")?;
        let provider = aws_lc_rs::default_provider();
        match CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider) {
            Ok(_) => Ok(Identity { chain, key }),
            Err(Error::InconsistentKeys(_)) => Err("the key is not that of the certificate"),
            Err(_) => Err("the certificate or its key is of no kind that can be used"),
        }
    }
}

/// Why a handshake failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What happened, in words.
    pub why: String,
    /// The server said no to what was offered: by an alert that says just that, or by hanging up in good order.
    pub refused: bool,
}

impl Failed {
    pub(crate) fn because(why: impl Into<String>) -> Self {
        Failed {
            why: why.into(),
            refused: false,
        }
    }

    /// rustls tells its errors inside those of the stream.
    fn of(error: &std::io::Error) -> Self {
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>());
        // A server that ends the connection in good order means the same, once it has shaken hands otherwise (as in the scan).
        let closed = error.kind() == std::io::ErrorKind::UnexpectedEof;
        let alert = matches!(
            inner,
            Some(Error::AlertReceived(
                AlertDescription::HandshakeFailure
                    | AlertDescription::InsufficientSecurity
                    | AlertDescription::ProtocolVersion
                    | AlertDescription::IllegalParameter
            ))
        );
        Failed {
            why: error.to_string(),
            refused: alert || closed,
        }
    }
}

/// Makes handshakes that judge nothing and write down what they see.
pub struct Handshakes {
    /// For each kind of certificate.
    offers: [Arc<Offer>; 3],
    identity: Option<Identity>,
}

/// What is offered to see one kind of certificate.
#[derive(Debug)]
struct Offer {
    provider: Arc<CryptoProvider>,
    schemes: Vec<SignatureScheme>,
}

impl Offer {
    fn of(kind: Kind) -> Arc<Self> {
        let mut provider = aws_lc_rs::default_provider();
        // Up to TLS 1.2 the suite says which key signs.
        provider.cipher_suites.retain(|suite| {
            let name = format!("{:?}", suite.suite());
            match kind {
                Kind::Rsa => !name.contains("_ECDSA_"),
                Kind::Ecdsa => !name.contains("_RSA_"),
                Kind::Any => true,
            }
        });
        let mut schemes = provider
            .signature_verification_algorithms
            .supported_schemes();
        schemes.retain(|scheme| {
            let rsa = format!("{scheme:?}").starts_with("RSA");
            match kind {
                Kind::Rsa => rsa,
                Kind::Ecdsa => !rsa,
                Kind::Any => true,
            }
        });
        Arc::new(Offer {
            provider: Arc::new(provider),
            schemes,
        })
    }
}

impl Handshakes {
    /// With this client certificate, where a server asks for one.
    pub fn new(identity: Option<Identity>) -> Self {
        Handshakes {
            offers: [Kind::Rsa, Kind::Ecdsa, Kind::Any].map(Offer::of),
            identity,
        }
    }

    /// Shakes hands over a stream. What the server showed is told even where the handshake fails after that, as it does for
    /// want of a client certificate.
    pub async fn shake<S>(
        &self,
        stream: S,
        to: (Option<&str>, IpAddr),
        kind: Kind,
        alpn: &[&[u8]],
        within: Duration,
    ) -> (Option<Shown>, Result<TlsStream<S>, Failed>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let [rsa, ecdsa, any] = &self.offers;
        let offer = match kind {
            Kind::Rsa => rsa,
            Kind::Ecdsa => ecdsa,
            Kind::Any => any,
        };
        let witness = Arc::new(Witness {
            offer: offer.clone(),
            shown: Mutex::default(),
        });
        let config = match self.config(witness.clone(), alpn) {
            Ok(config) => config,
            Err(error) => return (None, Err(Failed::because(error.to_string()))),
        };
        let (name, address) = to;
        let name = match name.map(|name| ServerName::try_from(name.to_owned())) {
            Some(Ok(name)) => name,
            Some(Err(_)) => return (None, Err(Failed::because("the name cannot be asked for"))),
            None => ServerName::from(address),
        };
        let connector = TlsConnector::from(Arc::new(config));
        let outcome = match timeout(within, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(Failed::of(&error)),
            Err(_) => Err(Failed::because("no answer in time")),
        };
        let shown = witness.shown.lock().unwrap_or_else(PoisonError::into_inner);
        (shown.clone(), outcome)
    }

    fn config(&self, witness: Arc<Witness>, alpn: &[&[u8]]) -> Result<ClientConfig, Error> {
        let provider = witness.offer.provider.clone();
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(witness);
        let mut config = match &self.identity {
            Some(identity) => {
                builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        // A handshake that resumes an earlier one shows no certificates.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }
}

/// Writes down what the server shows; the chain is judged elsewhere, and only that the server has the key is checked here.
#[derive(Debug)]
struct Witness {
    offer: Arc<Offer>,
    shown: Mutex<Option<Shown>>,
}

/// Certificates of one server that are looked at; rustls itself takes at most 64 KiB of them.
const MOST_CERTIFICATES: usize = 64;

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let shown = Shown {
            chain: chain
                .take(MOST_CERTIFICATES)
                .map(|der| der.to_vec())
                .collect(),
            ocsp: (!ocsp.is_empty()).then(|| ocsp.to_vec()),
            timestamps: None,
        };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.offer.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.offer.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.offer.schemes.clone()
    }
}
