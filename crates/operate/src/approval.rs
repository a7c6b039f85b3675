//! What people sign, and who signed.
//!
//! A signature is made with what everybody has: `ssh-keygen -Y sign -n lockfast-key-deletion -f ~/.ssh/id_ed25519 statement`,
//! where the file holds [`decision_bytes`].

use crate::canonical::canonical;
use crate::request::DeletionRequest;
use crate::rules::CheckedRules;
use serde::{Deserialize, Serialize};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, PublicKey, SshSig};
use std::fmt;

/// The namespace of the signatures: what was signed for something else is none.
pub const NAMESPACE: &str = "lockfast-key-deletion";
/// The kind of what is signed.
const DOMAIN: &str = "lockfast-key-deletion-decision-v1";
/// A signature of the largest RSA key that is taken has some 2 kB.
const LONGEST: usize = 16 << 10;
/// The bit of a security key's flags that tells that somebody touched it.
const USER_PRESENT: u8 = 1;
/// Flags and counter stand at the end of a security key's signature.
const TRAILER: usize = 5;

/// What somebody decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The key may be deleted.
    Approve,
    /// It may not.
    Reject,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Decision::Approve => "approve",
            Decision::Reject => "reject",
        })
    }
}

#[derive(Serialize)]
struct Statement<'a> {
    domain: &'static str,
    decision: Decision,
    request: String,
    request_hash: String,
    impact_hash: &'a str,
}

/// The bytes to be signed.
pub fn decision_bytes(request: &DeletionRequest, decision: Decision) -> Vec<u8> {
    // Strings are always JSON.
    canonical(&Statement {
        domain: DOMAIN,
        decision,
        request: request.id(),
        request_hash: request.hash(),
        impact_hash: &request.impact_hash,
    })
    .unwrap_or_default()
}

/// Who signed, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Their name in the rules.
    pub person: String,
    /// Their key's fingerprint.
    pub fingerprint: String,
}

/// Why a signature is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// It cannot be read.
    #[error(
        "this is no signature, or one of RSA with SHA-1 or of DSA, which are not taken ({0}); give the whole `.sig` file that `ssh-keygen -Y sign -n {NAMESPACE}` wrote"
    )]
    Unreadable(String),
    /// It was made for something else.
    #[error("the signature was made for `{0}`; sign with `-n {NAMESPACE}`")]
    Namespace(String),
    /// Nobody has that key.
    #[error("the key {0} is nobody's in the rules")]
    Stranger(String),
    /// It is of an algorithm that is not taken.
    #[error("a signature of {0} is not taken; sign with a current `ssh-keygen`")]
    Algorithm(String),
    /// Nobody touched the security key.
    #[error("the security key {0} was not touched; sign again, and touch it")]
    NotTouched(String),
    /// It is over something else.
    #[error(
        "the signature of `{0}` is not over this statement: it was made for another request, impact or decision, or was altered"
    )]
    OtherStatement(String),
}

/// Who signed a statement, if it was somebody of the rules.
///
/// # Errors
/// Why the signature is none.
pub fn signer(
    rules: &CheckedRules,
    statement: &[u8],
    signature: &str,
) -> Result<Signer, SignatureError> {
    if signature.len() > LONGEST {
        return Err(SignatureError::Unreadable("it is too long".into()));
    }
    // Mail and browsers change ends of lines.
    let signature = signature.trim().replace("\r\n", "\n") + "\n";
    let read = SshSig::from_pem(signature)
        .map_err(|error| SignatureError::Unreadable(error.to_string()))?;
    if read.namespace() != NAMESPACE {
        return Err(SignatureError::Namespace(read.namespace().into()));
    }
    let key = read.public_key();
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    let Some(person) = rules.owner(key) else {
        return Err(SignatureError::Stranger(fingerprint));
    };
    check_algorithm(key, &read)?;
    if key.is_sk_ed25519() || key.is_sk_ecdsa_p256() {
        let bytes = read.signature_bytes();
        let flags = bytes.len().checked_sub(TRAILER);
        let flags = flags.and_then(|at| bytes.get(at)).copied().unwrap_or(0);
        if flags & USER_PRESENT == 0 {
            return Err(SignatureError::NotTouched(fingerprint));
        }
    }
    PublicKey::new(key.clone(), "")
        .verify(NAMESPACE, statement, &read)
        .map_err(|_| SignatureError::OtherStatement(person.name.clone()))?;
    Ok(Signer {
        person: person.name.clone(),
        fingerprint,
    })
}

/// A signature has to be of its key's algorithm. `ssh-rsa` is RSA with SHA-1, of which collisions are made.
fn check_algorithm(key: &KeyData, signature: &SshSig) -> Result<(), SignatureError> {
    let algorithm = signature.algorithm();
    let own = match (key, &algorithm) {
        (KeyData::Rsa(_), Algorithm::Rsa { hash }) => hash.is_some(),
        (KeyData::Rsa(_), _) => false,
        _ => key.algorithm() == algorithm,
    };
    match own {
        true => Ok(()),
        false => Err(SignatureError::Algorithm(algorithm.to_string())),
    }
}
