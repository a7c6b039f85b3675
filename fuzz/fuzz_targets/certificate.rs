//! Any bytes as a file of certificates, and what is in it as a chain that a server sent with itself as its staple and
//! timestamps: nothing panics, and of a certificate that was read the DER is what was given.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use lockfast_certificate::{Authority, Certificate, Checks, LogList, Roots, judge, read};

fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = Certificate::parse(data) {
        assert_eq!(certificate.der, data);
    }
    let chain = read(data, None).unwrap_or_else(|_| vec![data.to_vec()]);
    // The last is trusted too, so that paths are found.
    let last = chain.last().cloned().into_iter().collect();
    let roots = Roots::of(last, Authority::Public).unwrap_or_default();
    let seen = judge(
        &chain,
        &Checks {
            host: Some("shop.example.com"),
            roots: &roots,
            given_roots_too: true,
            now: Timestamp::UNIX_EPOCH,
            stapled_ocsp: Some(data),
            may_staple: true,
            tls_scts: Some(data),
            logs: LogList::pinned(),
        },
    );
    assert!(serde_json::to_string(&seen).is_ok());
});
