//! An authority and its certificates, made once.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm,
    date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A certificate and its key, on disk as programs want them.
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Both in one file, for HAProxy.
    pub both: PathBuf,
    pub der: Vec<u8>,
    key_der: Vec<u8>,
}

impl Pair {
    /// A server in this process that shows it.
    pub fn server(&self) -> rustls::ServerConfig {
        self.server_with(vec![self.der.clone().into()])
    }

    /// The same with another chain.
    pub fn server_with(&self, chain: Vec<CertificateDer<'static>>) -> rustls::ServerConfig {
        server(chain, self.key_der.clone())
    }
}

struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

fn authority() -> &'static Authority {
    static MADE: OnceLock<Authority> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut params = named("Lockfast's tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let key = KeyPair::generate().unwrap();
        Authority {
            folder: tempfile::tempdir().unwrap(),
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    })
}

/// The authority's own.
pub fn ca() -> &'static Pair {
    static MADE: OnceLock<Pair> = OnceLock::new();
    MADE.get_or_init(|| {
        let issuer = &authority().issuer;
        store("ca", issuer.as_ref(), issuer.key())
    })
}

/// A server's with an RSA key.
pub fn rsa() -> &'static Pair {
    static MADE: OnceLock<Pair> = OnceLock::new();
    MADE.get_or_init(|| issue("rsa", &PKCS_RSA_SHA256, ExtendedKeyUsagePurpose::ServerAuth))
}

/// A server's with a key on P-256.
pub fn ecdsa() -> &'static Pair {
    static MADE: OnceLock<Pair> = OnceLock::new();
    MADE.get_or_init(|| {
        let server = ExtendedKeyUsagePurpose::ServerAuth;
        issue("ecdsa", &PKCS_ECDSA_P256_SHA256, server)
    })
}

/// A client's.
pub fn client() -> &'static Pair {
    static MADE: OnceLock<Pair> = OnceLock::new();
    MADE.get_or_init(|| {
        let client = ExtendedKeyUsagePurpose::ClientAuth;
        issue("client", &PKCS_ECDSA_P256_SHA256, client)
    })
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2090, 1, 1);
    params
}

fn issue(file: &str, kind: &'static SignatureAlgorithm, usage: ExtendedKeyUsagePurpose) -> Pair {
    let mut params = named(super::SHOP);
    let name = super::SHOP.try_into().unwrap();
    params.subject_alt_names = vec![rcgen::SanType::DnsName(name)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate_for(kind).unwrap();
    let certificate = params.signed_by(&key, &authority().issuer).unwrap();
    store(file, &certificate, &key)
}

fn store(file: &str, certificate: &rcgen::Certificate, key: &KeyPair) -> Pair {
    let folder: &Path = authority().folder.path();
    let path = |end: &str| folder.join(format!("{file}.{end}"));
    let pair = Pair {
        certificate: path("pem"),
        key: path("key"),
        both: path("both.pem"),
        der: certificate.der().to_vec(),
        key_der: key.serialize_der(),
    };
    let (pem, key) = (certificate.pem(), key.serialize_pem());
    std::fs::write(&pair.certificate, &pem).unwrap();
    std::fs::write(&pair.key, &key).unwrap();
    std::fs::write(&pair.both, format!("{pem}{key}")).unwrap();
    pair
}

/// A server with a certificate of an authority that has so many certificates of one key that any may have signed any other.
pub fn maze(size: usize) -> rustls::ServerConfig {
    let mut params = named("Maze");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let maze = CertifiedIssuer::self_signed(params.clone(), KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = named(super::SHOP).signed_by(&key, &*maze).unwrap();
    let mut chain = vec![leaf.der().clone()];
    for serial in 1..=size as u64 {
        params.serial_number = Some(serial.into());
        let one = params.signed_by(maze.key(), &*maze).unwrap();
        chain.push(one.der().clone());
    }
    server(chain, key.serialize_der())
}

fn server(chain: Vec<CertificateDer<'static>>, key: Vec<u8>) -> rustls::ServerConfig {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(key).unwrap();
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}
