//! Signatures of the real `ssh-keygen`, and of security keys by hand.

use super::world::{World, request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lockfast_operate::approval::{Decision, NAMESPACE, SignatureError, decision_bytes, signer};
use lockfast_operate::canonical::sha256;
use lockfast_operate::rules::{CheckedRules, Person, Rules};
use sha2::{Digest, Sha256};
use signature::Signer;
use ssh_key::public::{KeyData, SkEcdsaSha2NistP256, SkEd25519};
use ssh_key::{HashAlg, PrivateKey, PublicKey, SshSig};
use std::path::{Path, PathBuf};
use std::process::Command;

fn ssh_keygen(arguments: &[&str]) {
    let output = Command::new("ssh-keygen")
        .args(arguments)
        .output()
        .expect("ssh-keygen is needed for these tests (Debian: openssh-client)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ssh-keygen {arguments:?}: {said}");
}

fn generated(folder: &Path, name: &str, kind: &str, bits: &str) -> PathBuf {
    let path = folder.join(name);
    let file = path.to_str().expect("text");
    let mut arguments = vec!["-q", "-t", kind, "-N", "", "-C", name, "-f", file];
    if !bits.is_empty() {
        arguments.extend(["-b", bits]);
    }
    ssh_keygen(&arguments);
    path
}

fn public(path: &Path) -> String {
    std::fs::read_to_string(path.with_extension("pub")).expect("a public key")
}

fn signed_by(key: &Path, namespace: &str, hash: &str, statement: &[u8]) -> String {
    let file = key.with_extension("statement");
    std::fs::write(&file, statement).expect("space");
    let hash = format!("hashalg={hash}");
    let (key, text) = (key.to_str().expect("text"), file.to_str().expect("text"));
    ssh_keygen(&[
        "-q", "-Y", "sign", "-n", namespace, "-O", &hash, "-f", key, text,
    ]);
    let signature = file.with_extension("statement.sig");
    let read = std::fs::read_to_string(&signature).expect("a signature");
    std::fs::remove_file(signature).expect("it is there");
    read
}

/// Rules with these keys at `Kim`, and somebody else.
fn rules_of(keys: Vec<String>) -> CheckedRules {
    let other = super::world::key(b'O').public_key().to_openssh();
    let person = |name: &str, keys| Person {
        name: name.into(),
        keys,
        ..Person::default()
    };
    let rules = Rules {
        quorum: 2,
        approvers: vec![
            person("Kim", keys),
            person("Other", vec![other.expect("a line")]),
        ],
        ..Rules::default()
    };
    rules.check().expect("they hold")
}

#[test]
fn what_ssh_keygen_signs_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let kinds = [
        ("ed25519", ""),
        ("ecdsa", "256"),
        ("ecdsa", "384"),
        ("ecdsa", "521"),
        ("rsa", "2048"),
        ("rsa", "4096"),
    ];
    let keys: Vec<PathBuf> = kinds
        .iter()
        .map(|(kind, bits)| generated(folder.path(), &format!("{kind}{bits}"), kind, bits))
        .collect();
    let rules = rules_of(keys.iter().map(|key| public(key)).collect());
    let statement = b"a statement";
    for key in &keys {
        for hash in ["sha256", "sha512"] {
            let signature = signed_by(key, NAMESPACE, hash, statement);
            let found = signer(&rules, statement, &signature).expect("a signature");
            assert_eq!(found.person, "Kim");
            assert!(found.fingerprint.starts_with("SHA256:"));
            let through_mail = signature.replace('\n', "\r\n") + "\r\n\r\n";
            signer(&rules, statement, &through_mail).expect("a signature");
            let error = signer(&rules, b"another statement", &signature).expect_err("another");
            assert_eq!(error, SignatureError::OtherStatement("Kim".into()));
        }
        let elsewhere = signed_by(key, "file", "sha512", statement);
        let error = signer(&rules, statement, &elsewhere).expect_err("a file's");
        assert_eq!(error, SignatureError::Namespace("file".into()));
    }
}

#[test]
fn what_is_signed_is_bound_to_request_and_decision() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = generated(folder.path(), "kim", "ed25519", "");
    let rules = rules_of(vec![public(&key)]);
    let world = World::new();
    let (one, other) = (
        &world.request,
        request(&world.rules, &world.machine, [2; 32]),
    );
    let approve = decision_bytes(one, Decision::Approve);
    let text = format!(
        r#"{{"decision":"approve","domain":"lockfast-key-deletion-decision-v1","impact_hash":"{}","request":"{}","request_hash":"{}"}}"#,
        one.impact_hash,
        one.id(),
        sha256(&one.canonical())
    );
    assert_eq!(String::from_utf8_lossy(&approve), text);
    let signature = signed_by(&key, NAMESPACE, "sha512", &approve);
    signer(&rules, &approve, &signature).expect("a signature");
    for statement in [
        decision_bytes(one, Decision::Reject),
        decision_bytes(&other, Decision::Approve),
    ] {
        signer(&rules, &statement, &signature).expect_err("another statement");
    }
}

#[test]
fn strangers_and_rubbish_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let known = generated(folder.path(), "known", "ed25519", "");
    let stranger = generated(folder.path(), "stranger", "ed25519", "");
    let rules = rules_of(vec![public(&known)]);
    let signature = signed_by(&stranger, NAMESPACE, "sha512", b"a statement");
    let error = signer(&rules, b"a statement", &signature).expect_err("a stranger");
    assert!(matches!(error, SignatureError::Stranger(_)), "{error}");
    let whole = signed_by(&known, NAMESPACE, "sha512", b"a statement");
    for cut in 0..whole.len() - 1 {
        if let Some(part) = whole.get(..cut) {
            signer(&rules, b"a statement", part).expect_err("a part");
        }
    }
    for rubbish in ["", "approved", &"x".repeat(1 << 20)] {
        let error = signer(&rules, b"a statement", rubbish).expect_err("rubbish");
        assert!(matches!(error, SignatureError::Unreadable(_)), "{error}");
    }
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("short");
    out.extend(length.to_be_bytes());
    out.extend(bytes);
}

fn pem(key: &PublicKey, hash: &str, signature: &[u8]) -> String {
    let mut blob = b"SSHSIG\0\0\0\x01".to_vec();
    text(&mut blob, &key.to_bytes().expect("bytes"));
    text(&mut blob, NAMESPACE.as_bytes());
    text(&mut blob, b"");
    text(&mut blob, hash.as_bytes());
    text(&mut blob, signature);
    let lines = STANDARD.encode(blob);
    let lines: Vec<&str> = lines
        .as_bytes()
        .chunks(70)
        .map(|line| std::str::from_utf8(line).expect("text"))
        .collect();
    format!(
        "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
        lines.join("\n")
    )
}

/// What a security key signs: the application's hash, flags, a counter, and the hash of what is to be signed
/// (PROTOCOL.u2f of OpenSSH).
fn by_security_key(
    inner: &PrivateKey,
    key: &PublicKey,
    algorithm: &str,
    flags: u8,
    statement: &[u8],
) -> String {
    let message = SshSig::signed_data(NAMESPACE, HashAlg::Sha512, statement).expect("bytes");
    let mut trailer = vec![flags];
    trailer.extend(7u32.to_be_bytes());
    let mut data = Sha256::digest(b"ssh:").to_vec();
    data.extend(&trailer);
    data.extend(Sha256::digest(&message));
    let raw = inner.try_sign(&data).expect("a signature");
    let mut signature = Vec::new();
    text(&mut signature, algorithm.as_bytes());
    text(&mut signature, raw.as_bytes());
    signature.extend(&trailer);
    pem(key, "sha512", &signature)
}

#[test]
fn security_keys_have_to_be_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    for (kind, bits, algorithm) in [
        ("ed25519", "", "sk-ssh-ed25519@openssh.com"),
        ("ecdsa", "256", "sk-ecdsa-sha2-nistp256@openssh.com"),
    ] {
        let file = generated(folder.path(), kind, kind, bits);
        let inner = PrivateKey::read_openssh_file(&file).expect("a key");
        let key = match inner.public_key().key_data() {
            KeyData::Ed25519(key) => KeyData::SkEd25519(SkEd25519::new(*key, "ssh:")),
            KeyData::Ecdsa(ssh_key::public::EcdsaPublicKey::NistP256(point)) => {
                KeyData::SkEcdsaSha2NistP256(SkEcdsaSha2NistP256::new(*point, "ssh:"))
            }
            other => panic!("{other:?}"),
        };
        let key = PublicKey::new(key, "");
        let rules = rules_of(vec![key.to_openssh().expect("a line")]);
        let touched = by_security_key(&inner, &key, algorithm, 0x01, b"a statement");
        let found = signer(&rules, b"a statement", &touched).expect("a signature");
        assert_eq!(found.person, "Kim");
        // OpenSSH reads it the same way, so it is not only this test that thinks so.
        let allowed = folder.path().join("allowed");
        let line = format!("Kim {}\n", key.to_openssh().expect("a line"));
        std::fs::write(&allowed, line).expect("space");
        let sig = folder.path().join("touched.sig");
        std::fs::write(&sig, &touched).expect("space");
        let verified = Command::new("ssh-keygen")
            .args(["-Y", "verify", "-I", "Kim", "-n", NAMESPACE, "-f"])
            .arg(&allowed)
            .arg("-s")
            .arg(&sig)
            .stdin({
                let message = folder.path().join("message");
                std::fs::write(&message, b"a statement").expect("space");
                std::fs::File::open(message).expect("the file")
            })
            .output()
            .expect("ssh-keygen is needed for these tests");
        assert!(verified.status.success(), "{verified:?}");

        signer(&rules, b"another", &touched).expect_err("another statement");
        // Verified (0x04), but not touched.
        let alone = by_security_key(&inner, &key, algorithm, 0x04, b"a statement");
        let error = signer(&rules, b"a statement", &alone).expect_err("not touched");
        assert!(matches!(error, SignatureError::NotTouched(_)), "{error}");
        // The flag is signed: setting it later does not help.
        let flipped = {
            let body: String = alone
                .lines()
                .filter(|line| !line.starts_with("-----"))
                .collect();
            let mut blob = STANDARD.decode(body).expect("base64");
            let at = blob.len() - 5;
            assert_eq!(blob[at], 0x04);
            blob[at] = 0x05;
            let lines = STANDARD.encode(blob);
            let lines: Vec<&str> = lines
                .as_bytes()
                .chunks(70)
                .map(|line| std::str::from_utf8(line).expect("text"))
                .collect();
            format!(
                "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
                lines.join("\n")
            )
        };
        let error = signer(&rules, b"a statement", &flipped).expect_err("flipped");
        assert_eq!(error, SignatureError::OtherStatement("Kim".into()));
    }
}

/// RSA with SHA-1 is called `ssh-rsa`, as the keys are.
#[test]
fn sha_1_is_not_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = generated(folder.path(), "rsa", "rsa", "2048");
    let key = PublicKey::read_openssh_file(&file.with_extension("pub")).expect("a key");
    let rules = rules_of(vec![public(&file)]);
    let mut signature = Vec::new();
    text(&mut signature, b"ssh-rsa");
    text(&mut signature, &[1; 256]);
    let error = signer(&rules, b"a statement", &pem(&key, "sha512", &signature));
    let error = error.expect_err("SHA-1").to_string();
    assert!(error.contains("SHA-1"), "{error}");
    // Nor a signature that says that it is of another algorithm than its key.
    let mut signature = Vec::new();
    text(&mut signature, b"ssh-ed25519");
    text(&mut signature, &[1; 64]);
    let error = signer(&rules, b"a statement", &pem(&key, "sha512", &signature));
    let error = error.expect_err("another algorithm");
    assert!(matches!(error, SignatureError::Algorithm(_)), "{error}");
    // And no hash but the two that OpenSSH has.
    let mut signature = Vec::new();
    text(&mut signature, b"rsa-sha2-512");
    text(&mut signature, &[1; 256]);
    let error = signer(&rules, b"a statement", &pem(&key, "sha1", &signature));
    let error = error.expect_err("SHA-1");
    assert!(matches!(error, SignatureError::Unreadable(_)), "{error}");
}
