//! OpenSSL's names of suites, which AWS's policies use, too.
//!
//! They are made of the same words as the registry's, put together in another way (openssl-ciphers(1), "CIPHER SUITE
//! NAMES"). A test compares them with those of the OpenSSL at hand.

use super::CipherSuite;

impl CipherSuite {
    /// OpenSSL's name, for suites with certificates or without; none for those with PSK, SRP, Kerberos or GOST, whose
    /// names follow rules of their own.
    pub fn openssl_name(self) -> Option<String> {
        let name = self.name()?;
        let Some((exchange, rest)) = self.halves().filter(|(_, rest)| !rest.is_empty()) else {
            // TLS 1.3 has the same names everywhere.
            return Some(name.to_owned()).filter(|_| !self.is_signal());
        };
        let exchange = match exchange.strip_suffix("_EXPORT").unwrap_or(exchange) {
            "RSA" => "",
            "DHE_RSA" => "DHE-RSA-",
            "DHE_DSS" => "DHE-DSS-",
            "DH_RSA" => "DH-RSA-",
            "DH_DSS" => "DH-DSS-",
            "DH_anon" => "ADH-",
            // The one name that leaves out how the server proves who it is.
            "ECDHE_RSA" if rest.starts_with("ARIA") => "ECDHE-",
            "ECDHE_RSA" => "ECDHE-RSA-",
            "ECDHE_ECDSA" => "ECDHE-ECDSA-",
            "ECDH_RSA" => "ECDH-RSA-",
            "ECDH_ECDSA" => "ECDH-ECDSA-",
            "ECDH_anon" => "AECDH-",
            _ => return None,
        };
        let export = if self.is_export() { "EXP-" } else { "" };
        Some(format!("{export}{exchange}{}", cipher(rest)))
    }

    /// The suite of a name, be it OpenSSL's or the registry's.
    pub fn from_openssl_name(name: &str) -> Option<CipherSuite> {
        // How names began before OpenSSL 1.1.0.
        let name = match name.strip_prefix("EDH-") {
            Some(rest) => format!("DHE-{rest}"),
            None => name.to_owned(),
        };
        CipherSuite::all().find(|suite| {
            suite.name() == Some(&name) || suite.openssl_name().as_deref() == Some(&name)
        })
    }
}

/// Cipher and hash: the key's size sticks to the cipher, CBC goes unsaid, and so does the hash that comes with a mode.
fn cipher(rest: &str) -> String {
    let rest = rest.replace("3DES_EDE_CBC", "DES_CBC3");
    let rest = rest.replace("DES40_CBC", "DES_CBC");
    let rest = match rest.strip_suffix("_CCM_8") {
        Some(rest) => format!("{rest}_CCM8"),
        None => rest,
    };
    let rest = rest
        .strip_suffix("POLY1305_SHA256")
        .map_or(rest.clone(), |start| format!("{start}POLY1305"));
    let mut words: Vec<&str> = rest.split('_').collect();
    let first = words.first().copied().unwrap_or_default();
    if matches!(first, "AES" | "CAMELLIA" | "ARIA" | "SEED") {
        words.retain(|word| *word != "CBC");
    }
    if matches!(first, "RC4") {
        words.retain(|word| !matches!(*word, "128" | "40"));
    }
    if matches!(first, "AES" | "CAMELLIA" | "ARIA") && words.len() > 1 {
        let size = words.remove(1);
        return format!("{first}{size}-{}", words.split_off(1).join("-"));
    }
    words.join("-")
}
