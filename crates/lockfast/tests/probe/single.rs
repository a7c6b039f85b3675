//! Servers of one kind, by `openssl s_server`: TLS 1.0 alone, and one that asks for a client certificate.

use crate::names::records;
use crate::support::{Pki, SServer, lockfast, ready, run};

#[test]
fn a_server_of_tls_1_0_alone_shows_its_certificate_all_the_same() {
    if !ready() {
        return;
    }
    let pki = Pki::new();
    pki.signed("old", "IP:127.0.0.1", 365);
    let server = SServer::start(&pki, "old", "-tls1 -cipher ALL:@SECLEVEL=0");
    let ran = run(lockfast(pki.folder.path())
        .args([
            "probe",
            "--pace",
            "0",
            "--roots",
            &pki.roots(),
            "-f",
            "json",
        ])
        .arg(format!("127.0.0.1:{}", server.port)));
    assert_eq!(ran.code, 1, "{}", ran.err);
    for (control, verdict) in [
        ("endpoint-tls-minimum", "fail"),
        ("endpoint-chain-key-strength", "pass"),
        ("endpoint-serves-valid-certificate", "pass"),
    ] {
        let verdicts = ran.verdicts(control);
        assert_eq!(verdicts.len(), 1, "{control}: {verdicts:?}");
        assert!(verdicts[0].ends_with(verdict), "{control}: {verdicts:?}");
    }
}

#[test]
fn a_client_certificate_is_shown_to_whoever_asks_for_one() {
    if !ready() {
        return;
    }
    let pki = Pki::new();
    pki.signed("server", "IP:127.0.0.1", 365);
    pki.openssl(
        "req -new -nodes -newkey rsa:2048 -subj /CN=client -keyout client.key -out client.csr",
    );
    std::fs::write(pki.path("client.ext"), "extendedKeyUsage=clientAuth\n").expect("written");
    pki.openssl("x509 -req -days 30 -in client.csr -CA authority.pem -CAkey authority.key -CAcreateserial -extfile client.ext -out client.pem");
    let asks = "-tls1_2 -Verify 1 -verify_return_error -CAfile authority.pem";
    let server = SServer::start(&pki, "server", asks);
    let hsts = |args: &[&str]| {
        let ran = run(lockfast(pki.folder.path())
            .args([
                "probe",
                "--pace",
                "0",
                "--roots",
                &pki.roots(),
                "--snapshot",
                "s.jsonl",
                "-v",
            ])
            .arg(format!("127.0.0.1:{}", server.port))
            .args(args));
        let text = std::fs::read_to_string(pki.path("s.jsonl")).expect("a snapshot");
        assert!([0, 1].contains(&ran.code), "{}", ran.err);
        for said in [&ran.out, &ran.err, &text] {
            assert!(!said.contains("PRIVATE KEY"), "{said}");
        }
        records(&pki.path("s.jsonl"))[0]["properties"]["Addresses"][0]["Hsts"].clone()
    };
    let without = hsts(&[]);
    assert!(without["$unknown"]["error"].is_string(), "{without}");
    // Let in, it is told that there is no such header.
    assert_eq!(
        hsts(&["--client-cert", "client.pem", "--client-key", "client.key"]),
        false
    );
}
