//! PKCS#12 files (RFC 7292).

use crate::read::ReadError;
use zeroize::Zeroizing;

/// A password. It is never shown, and is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A password.
    pub fn new(password: String) -> Self {
        Secret(Zeroizing::new(password))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The certificates of a PKCS#12 file, the one with a key first, as far as they were put in so.
pub(crate) fn certificates(
    bytes: &[u8],
    password: Option<&Secret>,
) -> Result<Vec<Vec<u8>>, ReadError> {
    use p12_keystore::{Pkcs12Archive, error::Error};
    let given = password.map_or("", |password| password.0.as_str());
    match Pkcs12Archive::from_pkcs12(bytes, given) {
        Ok(archive) => Ok(archive
            .certs
            .iter()
            .map(|bag| bag.cert.as_der().to_vec())
            .collect()),
        Err(Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_))
            if password.is_none() =>
        {
            Err(ReadError::PasswordMissing)
        }
        Err(Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_)) => {
            Err(ReadError::PasswordWrong)
        }
        Err(error) => Err(ReadError::Pkcs12(error.to_string())),
    }
}
