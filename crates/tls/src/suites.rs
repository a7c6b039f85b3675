//! Cipher suites and what of them matters to a policy.
//!
//! Numbers and names come from the table of `tls-parser` (IANA "TLS Cipher Suites", tls-parameters-4). The properties
//! are read from the name, which since RFC 2246 says them all (`TLS_<key exchange>_WITH_<encryption>_<hash>`): the
//! table's own columns are wrong in places (ChaCha20 has 128 bits there, AEGIS an HMAC), and a test names where.

mod openssl;
mod registry;

use crate::ProtocolVersion;
use std::fmt;
use std::sync::LazyLock;

/// How client and server come to the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyExchange {
    /// No keys at all: the suite every connection starts with.
    Null,
    /// The client encrypts the secret to the certificate's key (RFC 5246, section 7.4.7.1).
    Rsa,
    /// Diffie-Hellman with the certificate's key.
    Dh,
    /// Ephemeral Diffie-Hellman.
    Dhe,
    /// Elliptic curve Diffie-Hellman with the certificate's key.
    Ecdh,
    /// Ephemeral elliptic curve Diffie-Hellman.
    Ecdhe,
    /// A shared secret alone (RFC 4279).
    Psk,
    /// Kerberos (RFC 2712).
    Krb5,
    /// Secure Remote Password (RFC 5054).
    Srp,
    /// A password over an elliptic curve (RFC 8492).
    Eccpwd,
    /// GOST R 34.10-2012 (RFC 9189).
    Gost,
    /// The supported_groups and psk_key_exchange_modes extensions decide (RFC 8446).
    Tls13,
}

/// How the server proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// Not at all.
    Anonymous,
    /// With an RSA key.
    Rsa,
    /// With a DSA key.
    Dss,
    /// With an elliptic curve key (ECDSA or EdDSA).
    Ecdsa,
    /// By the shared secret.
    Psk,
    /// By Kerberos.
    Krb5,
    /// By the password's verifier.
    Srp,
    /// By the password.
    Eccpwd,
    /// With a GOST key.
    Gost,
    /// The signature_algorithms extension decides.
    Tls13,
}

/// What encrypts the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// Nothing.
    Null,
    /// RC2, 64-bit blocks.
    Rc2,
    /// RC4, prohibited by RFC 7465.
    Rc4,
    /// DES, 64-bit blocks, a key of 56 bits or fewer.
    Des,
    /// DES three times, 64-bit blocks.
    TripleDes,
    /// IDEA, 64-bit blocks.
    Idea,
    /// SEED.
    Seed,
    /// AES.
    Aes,
    /// Camellia.
    Camellia,
    /// ARIA.
    Aria,
    /// ChaCha20.
    ChaCha20,
    /// SM4.
    Sm4,
    /// AEGIS.
    Aegis,
    /// A GOST cipher.
    Gost,
}

/// How the cipher is used, and with it how records are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Authenticated encryption (RFC 5116).
    Aead,
    /// Cipher block chaining with an HMAC beside it.
    Cbc,
    /// A stream, or no cipher, with a MAC beside it.
    Stream,
}

/// A reason for which a suite protects nobody any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weakness {
    /// Nothing is encrypted.
    Null,
    /// The server proves nothing: whoever is in the middle reads on.
    Anonymous,
    /// Keys cut down to what could be exported in the 1990s (FREAK, Logjam).
    Export,
    /// RC4 (RFC 7465).
    Rc4,
    /// DES with its 56 bits.
    Des,
    /// RC2.
    Rc2,
    /// 3DES: blocks of 64 bits (Sweet32).
    TripleDes,
    /// IDEA: blocks of 64 bits (Sweet32).
    Idea,
    /// Records are authenticated with MD5.
    Md5,
}

/// A cipher suite, by its number in the registry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CipherSuite(pub u16);

impl From<u16> for CipherSuite {
    fn from(number: u16) -> Self {
        CipherSuite(number)
    }
}

impl CipherSuite {
    /// TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746): a signal, no suite.
    pub const EMPTY_RENEGOTIATION_INFO_SCSV: CipherSuite = CipherSuite(0x00FF);
    /// TLS_FALLBACK_SCSV (RFC 7507): a signal, no suite.
    pub const FALLBACK_SCSV: CipherSuite = CipherSuite(0x5600);

    /// All suites that have a name, signals left out.
    pub fn all() -> impl Iterator<Item = CipherSuite> {
        registry::ids().iter().copied().map(CipherSuite)
    }

    /// Its name in the registry.
    pub fn name(self) -> Option<&'static str> {
        registry::name(self.0)
    }

    /// The document that defines it.
    pub fn reference(self) -> Option<&'static str> {
        registry::reference(self.0)
    }

    /// Whether it is a signal in the list of suites (SCSV) and no suite.
    pub fn is_signal(self) -> bool {
        self == Self::EMPTY_RENEGOTIATION_INFO_SCSV || self == Self::FALLBACK_SCSV
    }

    /// How client and server come to the keys; none for a suite we do not know.
    pub fn key_exchange(self) -> Option<KeyExchange> {
        self.traits()?.key_exchange
    }

    fn named_key_exchange(self) -> Option<KeyExchange> {
        let (exchange, _) = self.halves()?;
        Some(match exchange.split('_').next()? {
            "NULL" => KeyExchange::Null,
            // RFC 6655 names two of its suites PSK_DHE.
            "PSK" if exchange == "PSK_DHE" => KeyExchange::Dhe,
            "PSK" => KeyExchange::Psk,
            "RSA" => KeyExchange::Rsa,
            "DH" if exchange.starts_with("DH_anon") => KeyExchange::Dhe,
            "DH" => KeyExchange::Dh,
            "DHE" => KeyExchange::Dhe,
            "ECDH" if exchange == "ECDH_anon" => KeyExchange::Ecdhe,
            "ECDH" => KeyExchange::Ecdh,
            "ECDHE" => KeyExchange::Ecdhe,
            "KRB5" => KeyExchange::Krb5,
            "SRP" => KeyExchange::Srp,
            "ECCPWD" => KeyExchange::Eccpwd,
            "GOSTR341112" if self.0 <= 0xC102 => KeyExchange::Gost,
            _ => KeyExchange::Tls13,
        })
    }

    /// How the server proves who it is; none for a suite we do not know.
    pub fn authentication(self) -> Option<Authentication> {
        self.traits()?.authentication
    }

    fn named_authentication(self) -> Option<Authentication> {
        let (exchange, _) = self.halves()?;
        let has = |word: &str| exchange.split('_').any(|w| w == word);
        Some(match self.named_key_exchange()? {
            KeyExchange::Tls13 => Authentication::Tls13,
            KeyExchange::Null => Authentication::Anonymous,
            KeyExchange::Krb5 => Authentication::Krb5,
            KeyExchange::Eccpwd => Authentication::Eccpwd,
            KeyExchange::Gost => Authentication::Gost,
            _ if has("anon") => Authentication::Anonymous,
            _ if has("ECDSA") => Authentication::Ecdsa,
            _ if has("DSS") => Authentication::Dss,
            // RSA_PSK: the certificate is RSA, and the shared secret proves the rest.
            _ if has("PSK") => Authentication::Psk,
            _ if has("RSA") => Authentication::Rsa,
            _ => Authentication::Srp,
        })
    }

    /// What encrypts the records; none for a suite we do not know.
    pub fn encryption(self) -> Option<Encryption> {
        self.traits()?.encryption
    }

    fn named_encryption(self) -> Option<Encryption> {
        let (exchange, rest) = self.halves()?;
        let cipher = if rest.is_empty() { exchange } else { rest };
        Some(match cipher.split('_').next()? {
            "RC2" => Encryption::Rc2,
            "RC4" => Encryption::Rc4,
            "DES" | "DES40" => Encryption::Des,
            "3DES" => Encryption::TripleDes,
            "IDEA" => Encryption::Idea,
            "SEED" => Encryption::Seed,
            "AES" => Encryption::Aes,
            "CAMELLIA" => Encryption::Camellia,
            "ARIA" => Encryption::Aria,
            "CHACHA20" => Encryption::ChaCha20,
            "SM4" => Encryption::Sm4,
            "AEGIS" => Encryption::Aegis,
            "KUZNYECHIK" | "MAGMA" | "28147" => Encryption::Gost,
            // NULL, and RFC 9150's suites for integrity only, which name hashes alone.
            _ => Encryption::Null,
        })
    }

    /// How the cipher is used; none for a suite we do not know.
    pub fn mode(self) -> Option<Mode> {
        self.traits()?.mode
    }

    fn named_mode(self) -> Option<Mode> {
        let name = self.name()?;
        let has = |word: &str| name.split('_').any(|w| w == word);
        Some(match () {
            () if has("GCM") || has("CCM") || has("POLY1305") || has("AEGIS") || has("MGM") => {
                Mode::Aead
            }
            () if has("CBC") => Mode::Cbc,
            () => Mode::Stream,
        })
    }

    /// Whether it is authenticated encryption; false for a suite we do not know.
    pub fn is_aead(self) -> bool {
        self.mode() == Some(Mode::Aead)
    }

    /// Whether what was recorded stays secret when the server's key is lost; false for a suite we do not know.
    ///
    /// TLS 1.3 without (EC)DHE exists (psk_ke), but only on resumption, which this crate never offers.
    pub fn is_forward_secret(self) -> bool {
        matches!(
            self.key_exchange(),
            Some(
                KeyExchange::Dhe
                    | KeyExchange::Ecdhe
                    | KeyExchange::Srp
                    | KeyExchange::Eccpwd
                    | KeyExchange::Tls13
            )
        )
    }

    /// Whether its keys are cut down for export.
    pub fn is_export(self) -> bool {
        self.name().is_some_and(|name| name.contains("EXPORT"))
    }

    /// Why it protects nobody any more; empty when nothing of the kind is known.
    pub fn weaknesses(self) -> Vec<Weakness> {
        let mut found = Vec::new();
        if self.named_authentication() == Some(Authentication::Anonymous) {
            found.push(Weakness::Anonymous);
        }
        if self.is_export() {
            found.push(Weakness::Export);
        }
        found.extend(match self.named_encryption() {
            Some(Encryption::Null) => Some(Weakness::Null),
            Some(Encryption::Rc4) => Some(Weakness::Rc4),
            Some(Encryption::Des) => Some(Weakness::Des),
            Some(Encryption::Rc2) => Some(Weakness::Rc2),
            Some(Encryption::TripleDes) => Some(Weakness::TripleDes),
            Some(Encryption::Idea) => Some(Weakness::Idea),
            _ => None,
        });
        if self.name().is_some_and(|name| name.ends_with("_MD5")) {
            found.push(Weakness::Md5);
        }
        found.sort_unstable();
        found
    }

    /// Whether any weakness is known.
    pub fn is_broken(self) -> bool {
        self.traits().is_some_and(|traits| traits.broken)
    }

    /// Whether the version may use it: AEAD and SHA-2 came with TLS 1.2 (RFC 5246, section A.5 and RFC 5288), and TLS
    /// 1.3 has suites of its own (RFC 8446, section B.4). A server that does otherwise is caught by what it picks.
    pub fn is_defined_for(self, version: ProtocolVersion) -> bool {
        let Some(exchange) = self.key_exchange() else {
            return false;
        };
        let tls13 = exchange == KeyExchange::Tls13;
        match version {
            ProtocolVersion::Ssl2 => false,
            ProtocolVersion::Tls13 => tls13,
            ProtocolVersion::Tls12 => !tls13,
            _ => !tls13 && !self.needs_tls12(),
        }
    }

    fn needs_tls12(self) -> bool {
        let sha2 = |name: &str| name.ends_with("_SHA256") || name.ends_with("_SHA384");
        // RFC 5487 and RFC 5489 allow their SHA-2 suites with PSK from TLS 1.0 on.
        let psk = self.authentication() == Some(Authentication::Psk);
        self.is_aead()
            || self.key_exchange() == Some(KeyExchange::Gost)
            || (!psk && self.name().is_some_and(sha2))
    }

    /// What its name says. Every question of every scan asks it of hundreds of suites, so that names are read once.
    fn traits(self) -> Option<&'static Traits> {
        static TRAITS: LazyLock<Vec<(CipherSuite, Traits)>> = LazyLock::new(|| {
            let mut all: Vec<_> = CipherSuite::all()
                .map(|suite| (suite, Traits::of(suite)))
                .collect();
            all.sort_unstable_by_key(|(suite, _)| *suite);
            all
        });
        let at = TRAITS
            .binary_search_by_key(&self, |(suite, _)| *suite)
            .ok()?;
        TRAITS.get(at).map(|(_, traits)| traits)
    }

    /// The name's two halves around `_WITH_`, without `TLS_`; the second is empty for suites of TLS 1.3.
    fn halves(self) -> Option<(&'static str, &'static str)> {
        if self.is_signal() {
            return None;
        }
        let name = self.name()?;
        let name = name.strip_prefix("TLS_").unwrap_or(name);
        Some(name.split_once("_WITH_").unwrap_or((name, "")))
    }
}

/// What a suite's name says.
struct Traits {
    key_exchange: Option<KeyExchange>,
    authentication: Option<Authentication>,
    encryption: Option<Encryption>,
    mode: Option<Mode>,
    broken: bool,
}

impl Traits {
    fn of(suite: CipherSuite) -> Self {
        Traits {
            key_exchange: suite.named_key_exchange(),
            authentication: suite.named_authentication(),
            encryption: suite.named_encryption(),
            mode: suite.named_mode(),
            broken: !suite.weaknesses().is_empty(),
        }
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "suite 0x{:04X}", self.0),
        }
    }
}

impl fmt::Debug for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// All suites that a version may use, the best first: a server that takes the first it knows then shows its best.
pub fn offered_suites(version: ProtocolVersion) -> Vec<CipherSuite> {
    // Made once: every question of every scan starts from it.
    static OFFERS: LazyLock<Vec<(ProtocolVersion, Vec<CipherSuite>)>> = LazyLock::new(|| {
        let offers = ProtocolVersion::ALL.into_iter();
        offers
            .map(|version| (version, best_first(version)))
            .collect()
    });
    let offer = OFFERS.iter().find(|(of, _)| *of == version);
    offer.map(|(_, suites)| suites.clone()).unwrap_or_default()
}

fn best_first(version: ProtocolVersion) -> Vec<CipherSuite> {
    let mut suites: Vec<_> = CipherSuite::all()
        .filter(|suite| suite.is_defined_for(version))
        // The initial state of every connection (RFC 5246, section A.5); it must not be negotiated, nor offered.
        .filter(|suite| suite.key_exchange() != Some(KeyExchange::Null))
        .collect();
    suites.sort_by_cached_key(|suite| {
        let certificate = matches!(
            suite.authentication(),
            Some(Authentication::Ecdsa | Authentication::Rsa | Authentication::Tls13)
        );
        let common = matches!(
            suite.encryption(),
            Some(Encryption::Aes | Encryption::ChaCha20)
        );
        (
            suite.is_broken(),
            !certificate,
            !suite.is_forward_secret(),
            !suite.is_aead(),
            !common,
            suite.0,
        )
    });
    suites
}

/// A cipher of SSLv2, by its three bytes (Hickman 1995, section C.4; also draft-hickman-netscape-ssl-00).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ssl2CipherKind(pub u32);

impl Ssl2CipherKind {
    /// Those the specification defines.
    pub const ALL: [Ssl2CipherKind; 7] = [
        Ssl2CipherKind(0x07_00C0),
        Ssl2CipherKind(0x05_0080),
        Ssl2CipherKind(0x03_0080),
        Ssl2CipherKind(0x01_0080),
        Ssl2CipherKind(0x06_0040),
        Ssl2CipherKind(0x04_0080),
        Ssl2CipherKind(0x02_0080),
    ];

    /// Its name in the specification.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x01_0080 => "SSL_CK_RC4_128_WITH_MD5",
            0x02_0080 => "SSL_CK_RC4_128_EXPORT40_WITH_MD5",
            0x03_0080 => "SSL_CK_RC2_128_CBC_WITH_MD5",
            0x04_0080 => "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5",
            0x05_0080 => "SSL_CK_IDEA_128_CBC_WITH_MD5",
            0x06_0040 => "SSL_CK_DES_64_CBC_WITH_MD5",
            0x07_00C0 => "SSL_CK_DES_192_EDE3_CBC_WITH_MD5",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
