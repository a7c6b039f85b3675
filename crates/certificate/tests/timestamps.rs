//! Signed certificate timestamps: of real logs, and of logs that these tests make.
#![allow(clippy::unwrap_used)]

use base64::prelude::*;
use jiff::Timestamp;
use lockfast_certificate::{
    Authority, Checks, Fact, LogList, Roots, Transparency, Verdict, judge, read,
};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, PublicKeyData, SerialNumber, SigningKey,
    date_time_ymd,
};
use std::fs;
use x509_parser::prelude::FromDer;

fn data(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Rows of (name, operator, key, retired) as a list of logs.
fn list(date: &str, rows: &[(&str, &str, &str, Option<&str>)]) -> LogList {
    let rows = rows.iter().map(|(name, operator, key, retired)| {
        let retired = retired.map_or(String::new(), |time| format!("retired = \"{time}\"\n"));
        format!("[[log]]\nname = \"{name}\"\noperator = \"{operator}\"\nkey = \"{key}\"\nmaximum_merge_delay = 86400\n{retired}")
    });
    LogList::from_toml(&format!("date = \"{date}\"\n{}", rows.collect::<String>())).unwrap()
}

fn seen(
    chain: &[Vec<u8>],
    roots: &Roots,
    logs: &LogList,
    now: &str,
    tls_scts: Option<&[u8]>,
) -> Transparency {
    let checks = Checks {
        host: None,
        roots,
        given_roots_too: true,
        now: now.parse().unwrap(),
        stapled_ocsp: None,
        may_staple: true,
        tls_scts,
        logs,
    };
    match judge(chain, &checks).transparency {
        Fact::Known(transparency) => transparency,
        Fact::Unknown(why) => panic!("{why:?}"),
    }
}

fn verdicts(transparency: &Transparency) -> Vec<Verdict> {
    transparency
        .timestamps
        .iter()
        .map(|timestamp| timestamp.verdict)
        .collect()
}

const P256: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";

#[test]
fn crates_io_in_2023() {
    let key = |point: &str| format!("{P256}{point}");
    let argon = key(
        "HblsqctplMVc5ramA7vSuNxUQxcomQwGAVAdnWTAWUYr3MgDHQW0LagJ95lB7QT75Ve6JgT2EVLOFGU7L3YrwA==",
    );
    let nessie = key(
        "Lfyieza/VpHp/j/oPfzDp+BhUuos6QWjnycXgQVwa4FhRIr4OxCAQu0DLwBQIfxBVISjVNUusnoWSyofK2YEKw==",
    );
    let yeti = key(
        "V7jBbzCkfy7k8NDZYGITleN6405Tw7O4c4XBGA0jDliE0njvm7MeLBrewY+BGxlEWLcAd2AgGnLYgt6unrHGSw==",
    );
    let logs = list(
        "2023-06-01",
        &[
            ("Google 'Argon2024' log", "Google", &argon, None),
            (
                "DigiCert Nessie2024 Log",
                "DigiCert",
                &nessie,
                Some("2023-05-30T00:00:00Z"),
            ),
            ("DigiCert Yeti2024 Log", "DigiCert", &yeti, None),
        ],
    );
    let chain = read(&data("crates.io.pem"), None).unwrap();
    let roots = Roots::of(chain[3..].to_vec(), Authority::Public).unwrap();
    let now = "2023-06-02T00:00:00Z";
    let sent = seen(&chain, &roots, &logs, now, None);
    let checks = Checks {
        host: Some("crates.io"),
        roots: &roots,
        given_roots_too: false,
        now: now.parse().unwrap(),
        stapled_ocsp: None,
        may_staple: true,
        tls_scts: None,
        logs: &logs,
    };
    insta::assert_json_snapshot!("crates.io", judge(&chain, &checks));
    assert_eq!(
        verdicts(&sent),
        [Verdict::Valid, Verdict::ValidRetired, Verdict::Valid]
    );
    assert_eq!(sent.kept, Fact::Known(true));
    // Without the issuer's key what was signed cannot be told.
    let alone = seen(&chain[..1], &roots, &logs, now, None);
    assert_eq!(verdicts(&alone), [Verdict::UnknownIssuer; 3]);
    assert_eq!(alone.kept.value(), None);
    // Today's list has none of these logs any more.
    let today = seen(
        &chain,
        &roots,
        LogList::pinned(),
        "2026-12-25T00:00:00Z",
        None,
    );
    assert_eq!(verdicts(&today), [Verdict::UnknownLog; 3]);
    assert_eq!(today.kept.value(), None);
    assert!(
        today.why.ends_with("the list of logs is 75 days old"),
        "{}",
        today.why
    );
}

#[test]
fn google_in_2017_beside_the_certificate() {
    let key = |point: &str| format!("{P256}{point}");
    let pilot = key(
        "fahLEimAoz2t01p3uMziiLOl/fHTDM0YDOhBRuiBARsV4UvxG2LdNgoIGLrtCzWE0J5APC2em4JlvR8EEEFMoA==",
    );
    let symantec = key(
        "luqsHEYMG1XcDfy1lCdGV0JwOmkY4r87xNuroPS2bMBTP01CEDPwWJePa75y9CrsHEKqAy8afig1dpkIPSEUhg==",
    );
    let logs = list(
        "2017-07-09",
        &[
            ("Google 'Pilot' log", "Google", &pilot, None),
            ("Symantec log", "Symantec", &symantec, None),
        ],
    );
    let mut scts = [data("google-sct0.bin"), data("google-sct1.bin")];
    let chain = [data("google-cert.bin")];
    let roots = Roots::default();
    let sent = |scts: &[Vec<u8>]| {
        seen(
            &chain,
            &roots,
            &logs,
            "2017-07-10T00:00:00Z",
            Some(&encoded(scts)),
        )
    };
    assert_eq!(verdicts(&sent(&scts)), [Verdict::Valid, Verdict::Valid]);
    assert_eq!(sent(&scts).kept, Fact::Known(true));
    // A timestamp of another time was not signed.
    scts[1][40] ^= 1;
    assert_eq!(
        verdicts(&sent(&scts)),
        [Verdict::Valid, Verdict::BadSignature]
    );
    assert_eq!(sent(&scts).kept, Fact::Known(false));
    scts[1][0] = 1;
    assert_eq!(verdicts(&sent(&scts)), [Verdict::Valid, Verdict::Malformed]);
}

/// A SignedCertificateTimestampList.
fn encoded(scts: &[Vec<u8>]) -> Vec<u8> {
    let opaque = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    opaque(&scts.iter().flat_map(|sct| opaque(sct)).collect::<Vec<_>>())
}

/// A log of these tests.
struct OwnLog {
    key: KeyPair,
    algorithm: u8,
}

impl OwnLog {
    fn key(&self) -> String {
        BASE64_STANDARD.encode(self.key.subject_public_key_info())
    }

    fn sign(&self, time: Timestamp, entry: &[u8]) -> Vec<u8> {
        let id = sha256(&self.key.subject_public_key_info());
        let time = (time.as_millisecond() as u64).to_be_bytes();
        let extensions = [0, 3, 1, 2, 3];
        let signature = self
            .key
            .sign(&[&[0, 0], &time[..], entry, &extensions].concat())
            .unwrap();
        let length = (signature.len() as u16).to_be_bytes();
        [
            &[0],
            &id[..],
            &time,
            &extensions,
            &[4, self.algorithm],
            &length,
            &signature,
        ]
        .concat()
    }
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
        .as_ref()
        .to_vec()
}

/// An authority that puts timestamps into what it issues.
struct OwnAuthority {
    der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl OwnAuthority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2040, 1, 1);
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        OwnAuthority {
            der,
            issuer: Issuer::new(params, key),
        }
    }

    fn roots(&self) -> Roots {
        Roots::of(vec![self.der.clone()], Authority::Public).unwrap()
    }

    /// Issues as RFC 6962 has it: what the logs sign is the certificate without their timestamps.
    fn issue(&self, months: u8, scts: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Vec<u8> {
        let mut params = CertificateParams::new(["shop.example.com".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(&[7; 16]));
        params.not_before = date_time_ymd(2026, 6, 1);
        params.not_after = date_time_ymd(2026 + i32::from(months / 12), 6 + months % 12, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let before = params.signed_by(&key, &self.issuer).unwrap();
        let (_, parsed) =
            x509_parser::certificate::X509Certificate::from_der(before.der()).unwrap();
        let tbs: &[u8] = parsed.tbs_certificate.as_ref();
        let length = (tbs.len() as u32).to_be_bytes();
        let issuer_key_hash = sha256(&self.issuer.key().subject_public_key_info());
        let entry = [&[0, 1], &issuer_key_hash[..], &length[1..], tbs].concat();
        let list = encoded(&scts(&entry));
        let length = (list.len() as u16).to_be_bytes();
        let octets = [&[4, 0x82], &length[..], &list].concat();
        params.custom_extensions = vec![CustomExtension::from_oid_content(
            &[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2],
            octets,
        )];
        params.signed_by(&key, &self.issuer).unwrap().der().to_vec()
    }
}

#[test]
fn timestamps_in_a_certificate() {
    let authority = OwnAuthority::new("Own");
    let roots = authority.roots();
    let ecdsa = || OwnLog {
        key: KeyPair::generate().unwrap(),
        algorithm: 3,
    };
    let rsa = OwnLog {
        key: KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(),
        algorithm: 1,
    };
    let (first, second, unlisted) = (ecdsa(), ecdsa(), ecdsa());
    let (first_key, second_key, rsa_key) = (first.key(), second.key(), rsa.key());
    let rows = [
        ("First", "A", first_key.as_str(), None),
        ("Second", "A", second_key.as_str(), None),
        ("Third", "B", rsa_key.as_str(), None),
    ];
    let logs = list("2026-10-11", &rows);
    let time: Timestamp = "2026-05-31T12:00:00Z".parse().unwrap();
    let now = "2026-08-01T00:00:00Z";
    let sent = |leaf: Vec<u8>, logs: &LogList| seen(&[leaf], &roots, logs, now, None);

    // 183 days ask for three.
    let three = authority.issue(6, |entry| {
        [&first, &second, &rsa]
            .map(|log| log.sign(time, entry))
            .to_vec()
    });
    let all = sent(three.clone(), &logs);
    assert_eq!(verdicts(&all), [Verdict::Valid; 3]);
    assert_eq!((&all.kept, all.required), (&Fact::Known(true), true));
    assert_eq!(
        all.why,
        "3 timestamps of 2 operators verify, 3 asked for, of 2 operators"
    );

    let two = |months| {
        authority.issue(months, |entry| {
            [&first, &rsa].map(|log| log.sign(time, entry)).to_vec()
        })
    };
    assert_eq!(sent(two(5), &logs).kept, Fact::Known(true));
    assert_eq!(sent(two(6), &logs).kept, Fact::Known(false));
    let of_one = authority.issue(3, |entry| {
        [&first, &second].map(|log| log.sign(time, entry)).to_vec()
    });
    assert_eq!(sent(of_one, &logs).kept, Fact::Known(false));
    let same = authority.issue(3, |entry| {
        [&first, &first].map(|log| log.sign(time, entry)).to_vec()
    });
    assert_eq!(sent(same, &logs).kept, Fact::Known(false));

    // A log that the list does not have could be one that counts.
    let unknown = authority.issue(3, |entry| {
        [&first, &unlisted]
            .map(|log| log.sign(time, entry))
            .to_vec()
    });
    let unknown = sent(unknown, &logs);
    assert_eq!(
        (verdicts(&unknown), unknown.kept.value()),
        (vec![Verdict::Valid, Verdict::UnknownLog], None)
    );

    // Of another entry, of another issuer, of tomorrow.
    let other = authority.issue(3, |entry| {
        let mut changed = entry.to_vec();
        changed[60] ^= 1;
        vec![first.sign(time, entry), rsa.sign(time, &changed)]
    });
    assert_eq!(
        verdicts(&sent(other, &logs)),
        [Verdict::Valid, Verdict::BadSignature]
    );
    let wrong_issuer = authority.issue(3, |entry| {
        let mut changed = entry.to_vec();
        changed[2..34].fill(7);
        vec![first.sign(time, &changed), rsa.sign(time, entry)]
    });
    assert_eq!(
        verdicts(&sent(wrong_issuer, &logs)),
        [Verdict::BadSignature, Verdict::Valid]
    );
    let tomorrow = "2026-08-02T00:00:00Z".parse().unwrap();
    let early = authority.issue(3, |entry| {
        vec![first.sign(tomorrow, entry), rsa.sign(time, entry)]
    });
    assert_eq!(
        verdicts(&sent(early, &logs)),
        [Verdict::InFuture, Verdict::Valid]
    );

    // Retired logs: before, after, and all of them.
    let retired = |rows: [Option<&'static str>; 3], at: usize| {
        let keys = [&first_key, &second_key, &rsa_key];
        let names = [("First", "A"), ("Second", "A"), ("Third", "B")];
        let rows: Vec<_> = (0..3)
            .map(|i| (names[i].0, names[i].1, keys[i].as_str(), rows[i]))
            .collect();
        let sent = sent(three.clone(), &list("2026-10-11", &rows));
        (verdicts(&sent)[at], sent.kept)
    };
    let (before, after) = (Some("2026-05-01T00:00:00Z"), Some("2026-07-01T00:00:00Z"));
    assert_eq!(
        retired([after, None, None], 0),
        (Verdict::ValidRetired, Fact::Known(true))
    );
    assert_eq!(
        retired([before, None, None], 0),
        (Verdict::AfterRetirement, Fact::Known(false))
    );
    assert_eq!(
        retired([after; 3], 2),
        (Verdict::ValidRetired, Fact::Known(false))
    );
}

#[test]
fn an_authority_of_ones_own_need_not_log() {
    let authority = OwnAuthority::new("Own");
    let leaf = authority.issue(3, |_| Vec::new());
    let roots = Roots::of(vec![authority.der.clone()], Authority::Private).unwrap();
    let sent = seen(
        &[leaf],
        &roots,
        LogList::pinned(),
        "2026-08-01T00:00:00Z",
        None,
    );
    assert!(!sent.required);
    assert_eq!(sent.kept, Fact::Known(false));
}

/// A DER element.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = (content.len() as u16).to_be_bytes();
    // DER has the shortest of all lengths.
    let length = match content.len() {
        0..=0x7f => vec![length[1]],
        0x80..=0xff => vec![0x81, length[1]],
        _ => vec![0x82, length[0], length[1]],
    };
    [&[tag], &length[..], &content].concat()
}

impl OwnAuthority {
    /// An OCSP response that says good of a certificate, with timestamps (RFC 6960, section 4.2.1; RFC 6962, section 3.3).
    fn staple(&self, leaf: &[u8], scts: &[Vec<u8>]) -> Vec<u8> {
        let sha1 = |bytes: &[u8]| {
            let digest =
                aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
            element(4, &[digest.as_ref()])
        };
        let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(leaf).unwrap();
        let key_hash = sha1(self.issuer.key().der_bytes());
        let sha1_algorithm = element(0x30, &[&[6, 5, 0x2b, 14, 3, 2, 26, 5, 0]]);
        let id = element(
            0x30,
            &[
                &sha1_algorithm,
                &sha1(parsed.issuer().as_raw()),
                &key_hash,
                &element(2, &[parsed.raw_serial()]),
            ],
        );
        let sct_list = [6, 10, 0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 5];
        let octets = element(4, &[&element(4, &[&encoded(scts)])]);
        let extensions = element(
            0xa1,
            &[&element(0x30, &[&element(0x30, &[&sct_list, &octets])])],
        );
        let time = |text: &str| element(0x18, &[text.as_bytes()]);
        let (this, next) = (
            time("20260730000000Z"),
            element(0xa0, &[&time("20260806000000Z")]),
        );
        let single = element(0x30, &[&id, &[0x80, 0], &this, &next, &extensions]);
        let data = element(
            0x30,
            &[
                &element(0xa2, &[&key_hash]),
                &this,
                &element(0x30, &[&single]),
            ],
        );
        let algorithm = element(0x30, &[&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
        let signature = self.issuer.key().sign(&data).unwrap();
        let basic = element(0x30, &[&data, &algorithm, &element(3, &[&[0], &signature])]);
        let kind = [6, 9, 0x2b, 6, 1, 5, 5, 7, 48, 1, 1];
        let bytes = element(0xa0, &[&element(0x30, &[&kind, &element(4, &[&basic])])]);
        element(0x30, &[&[10, 1, 0], &bytes])
    }
}

#[test]
fn timestamps_in_a_staple() {
    let authority = OwnAuthority::new("Own");
    let logs = [(); 2].map(|()| OwnLog {
        key: KeyPair::generate().unwrap(),
        algorithm: 3,
    });
    let (first, second) = (logs[0].key(), logs[1].key());
    let list = list(
        "2026-07-01",
        &[("First", "A", &first, None), ("Second", "B", &second, None)],
    );
    let leaf = authority.issue(6, |_| Vec::new());
    let length = (leaf.len() as u32).to_be_bytes();
    let entry = [&[0, 0], &length[1..], &leaf].concat();
    let time = "2026-07-29T00:00:00Z".parse().unwrap();
    let staple = authority.staple(&leaf, &logs.map(|log| log.sign(time, &entry)));
    let roots = authority.roots();
    let checks = Checks {
        host: Some("shop.example.com"),
        roots: &roots,
        given_roots_too: false,
        now: "2026-08-01T00:00:00Z".parse().unwrap(),
        stapled_ocsp: Some(&staple),
        may_staple: true,
        tls_scts: None,
        logs: &list,
    };
    let seen = judge(&[leaf], &checks);
    insta::assert_json_snapshot!(
        "staple",
        [
            serde_json::to_value(&seen.ocsp).unwrap(),
            serde_json::to_value(&seen.transparency).unwrap(),
        ]
    );
}
