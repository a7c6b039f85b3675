//! Certificates out of files: what comes out, and what is said of what does not.
#![allow(clippy::unwrap_used)]

use lockfast_certificate::{Certificate, ReadError, Secret, leaf_first, read};
use std::fs;

fn data(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.into())
}

#[test]
fn every_form_holds_the_same() {
    let chain = read(&data("good.pem"), None).unwrap();
    assert_eq!(chain.len(), 2);
    for name in ["good.p7b", "good.p7b.pem", "open.p12"] {
        let mut found = read(&data(name), None).unwrap();
        // PKCS#7 has a set, which OpenSSL sorts.
        found.sort_by_key(|der| *der != chain[0]);
        assert_eq!(found, chain, "{name}");
    }
    for name in ["good.p12", "legacy.p12"] {
        assert_eq!(
            read(&data(name), Some(&secret("swordfish"))).unwrap(),
            chain,
            "{name}"
        );
    }
    for name in ["good.der", "trusted.pem"] {
        assert_eq!(read(&data(name), None).unwrap(), chain[..1], "{name}");
    }
}

#[test]
fn keys_are_passed_over_undecoded() {
    let mut pem =
        b"-----BEGIN PRIVATE KEY-----\nnot base64 at all!\n-----END PRIVATE KEY-----\n".to_vec();
    assert_eq!(
        read(&pem, None),
        Err(ReadError::NoCertificate(vec!["PRIVATE KEY".into()]))
    );
    pem.extend(data("good.pem"));
    assert_eq!(read(&pem, None).unwrap().len(), 2);
}

#[test]
fn errors_say_where() {
    let good = String::from_utf8(data("good.pem")).unwrap();
    let lines: Vec<_> = good.lines().collect();
    let cut = lines[..5].join("\n");
    let crooked = good.replacen(lines[2], "%%%", 1);
    let twice = format!("{cut}\n{good}");
    let errors = [
        read(b"", None),
        read(b"hello", None),
        read(&data("good.der")[..100], None),
        read(&[data("good.der"), b"\n".to_vec()].concat(), None),
        read(cut.as_bytes(), None),
        read(twice.as_bytes(), None),
        read(crooked.as_bytes(), None),
        read(
            b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
            None,
        ),
        read(&data("good.p12"), None),
        read(&data("good.p12"), Some(&secret("mackerel"))),
        read(&data("legacy.p12"), Some(&secret("mackerel"))),
        read(b"\x30\x03\x02\x01\x03", None),
        read(b"\x30\x02\x06\x00", None),
    ];
    let errors: Vec<_> = errors
        .into_iter()
        .map(|read| read.unwrap_err().to_string())
        .collect();
    assert!(!errors.join("").contains("mackerel"));
    insta::assert_json_snapshot!("errors", errors);
    assert_eq!(format!("{:?}", secret("swordfish")), "Secret");
}

#[test]
fn a_certificate_alone() {
    let good = Certificate::parse(&data("good.der")).unwrap();
    assert_eq!(good.issuer_urls, ["http://ca.example.net/issuing.cer"]);
    assert_eq!(good.ocsp_urls, ["http://ocsp.example.net/"]);
    assert_eq!(
        good.extended_key_usage.as_deref(),
        Some(&["1.3.6.1.5.5.7.3.1".to_owned()][..])
    );
    assert_eq!(good.lifetime().as_days(), 197);
    insta::assert_json_snapshot!("certificate", good);
    let errors: Vec<_> = [
        &b""[..],
        b"\x30\x00",
        &data("good.der")[..99],
        &[0x30, 0x82, 0xff, 0xff],
    ]
    .map(|der| Certificate::parse(der).unwrap_err().to_string())
    .to_vec();
    insta::assert_json_snapshot!("malformed", errors);
}

#[test]
fn a_servers_own_certificate_comes_first_wherever_it_stands() {
    let of = |name: &str| read(&data(name), None).unwrap();
    let (good, root, foreign) = (of("good.pem"), of("root.pem"), of("unknown-root.pem"));
    let [leaf, issuer, root, other] = [&good[0], &good[1], &root[0], &foreign[1]].map(Clone::clone);
    let all = |of: &[&Vec<u8>]| of.iter().copied().cloned().collect::<Vec<_>>();
    // Root first, as some authorities hand theirs out; with what has nothing to do with it; as keystores have it.
    for (file, sent) in [
        (all(&[&root, &issuer, &leaf]), all(&[&leaf, &issuer, &root])),
        (all(&[&other, &root, &leaf]), all(&[&leaf, &other, &root])),
        (all(&[&issuer, &leaf]), all(&[&leaf, &issuer])),
    ] {
        assert_eq!(leaf_first(file), sent);
    }
    // In order, or without one: as it was.
    for file in [
        all(&[&leaf, &issuer, &root]),
        all(&[&leaf, &root, &issuer]),
        all(&[&leaf, &other]),
        all(&[&b"no certificate".to_vec(), &issuer]),
        all(&[&root]),
        all(&[]),
        vec![leaf.clone(); 17],
    ] {
        assert_eq!(leaf_first(file.clone()), file);
    }
}
