use crate::config::TlsVersion;
use crate::endpoints::{Address, OverHttp, asked, unsupported, with_own_certificates};
use crate::prelude::*;

control! {
    /// A probe is the part of a penetration test that a machine can repeat. Looks at what each address of an
    /// endpoint accepted or gave away when it was tried: SSL 2.0 (RFC 6176) and SSL 3.0 (RFC 7568, POODLE),
    /// broken cipher suites (without encryption or authentication, export strength, RC4, DES, 3DES),
    /// compression (CRIME), insecure renegotiation (RFC 5746), Heartbleed (CVE-2014-0160), early
    /// ChangeCipherSpec (CVE-2014-0224), versions before TLS 1.2 without protection from downgrades
    /// (RFC 7507), and cookies set over plain HTTP without `Secure`, also where nothing listens for TLS beside it.
    /// Each that is found is named.
    ///
    /// What could not be tried is unknown. Most of it does not exist in TLS 1.3, so an endpoint that accepts
    /// nothing else is not asked about it. A penetration test by people, yearly or after changes, is attested.
    id: "endpoint-without-known-weaknesses",
    title: "No endpoint has a known weakness of TLS",
    clauses: ["AUD-3"],
    sources: [Probe],
    severity: High,
    fix: "Name a current security policy where TLS ends, update the TLS library of what one runs oneself, set cookies with Secure, and probe again.",
    cloudformation: r#"Type: AWS::ElasticLoadBalancingV2::Listener
Properties:
  Protocol: HTTPS
  Port: 443
  SslPolicy: ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09
  Certificates: [{CertificateArn: !Ref Certificate}]
"#,
    cdk: r#"balancer.addListener('Https', {
  port: 443,
  certificates: [certificate],
  sslPolicy: elbv2.SslPolicy.RECOMMENDED_TLS,
});
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for endpoint in with_own_certificates(cx, out).into_iter().filter(|endpoint| !endpoint.is_a_file()) {
        // Where nothing listens for TLS, something may for plain HTTP.
        let is_judged = |address: Address<'_>| address.listens() || address.has_plain_http_beside();
        out.push(endpoint.each_address_where(cx, is_judged, one));
    }
}

fn one(address: Address<'_>) -> Judgement {
    let tests = tests(address);
    let subject = address.subject();
    let found: Vec<&str> = tests.iter().filter(|(_, weak)| weak.value() == Some(&true)).map(|(name, _)| *name).collect();
    let open: Vec<&str> = tests.iter().filter(|(_, weak)| weak.value().is_none()).map(|(name, _)| *name).collect();
    let judgement = if !found.is_empty() {
        Judgement::fail(subject, format!("it has known weaknesses: {}", found.join(", ")))
    } else if let Some(why) = tests.iter().find_map(|(_, weak)| weak.why()) {
        Judgement::cannot_tell(subject, &format!("whether it has these weaknesses ({})", open.join(", ")), why)
    } else {
        Judgement::pass(subject, format!("none of {} known weaknesses was found", tests.len()))
    };
    let judgement = match address.listens() {
        true => judgement,
        false => judgement.note(format!("tried over plain HTTP only, since nothing listens for TLS at {}", address.name())),
    };
    let told = tests.iter().filter(|(_, weak)| weak.value() != Some(&false));
    let judgement = told.fold(judgement, |judgement, (name, weak)| judgement.fact(*name, weak));
    match address.example("Tls.Broken") {
        Known::Stated(Some(suite), loc) => judgement.stated("broken cipher suite accepted", suite, loc),
        _ => judgement,
    }
}

/// Each weakness that was tried, and whether it is there.
fn tests(address: Address<'_>) -> Vec<(&'static str, Known<bool>)> {
    let not = |known: Known<bool>| known.map(|good| !good);
    let mut tests = Vec::new();
    if address.listens() {
        tests.extend([("SSL 2.0", address.accepts("SSLv2")), ("SSL 3.0", address.accepts("SSLv3"))]);
    }
    let before_13 = address.accepts_any(|version| version.is_older(TlsVersion::Tls13));
    if address.listens() && before_13.value() != Some(&false) {
        tests.extend([
            ("broken cipher suites", address.example("Tls.Broken").map(|example| example.is_some())),
            ("compression", address.bool("Tls.Compression")),
            ("insecure renegotiation", not(address.bool("Tls.SecureRenegotiation"))),
            ("Heartbleed", address.bool("Tls.Heartbleed")),
            ("early ChangeCipherSpec", address.bool("Tls.CcsInjection")),
            ("no protection from downgrades", downgrades(address)),
        ]);
    }
    if address.has_plain_http_beside() {
        tests.push(("cookies over plain HTTP", cookies(address)));
    }
    tests
}

/// Only versions before TLS 1.2 are worth a downgrade, and who accepts a single one has nothing to fall back from.
fn downgrades(address: Address<'_>) -> Known<bool> {
    let unprotected = match address.at("Tls.FallbackProtection").bool() {
        Read::Absent(loc) => Known::Unknown(
            unsupported("it accepts older versions beside newer ones, and whether it refuses a fallback (TLS_FALLBACK_SCSV) was not tried: probe it again"),
            loc,
        ),
        read => asked(read, "FallbackProtection").map(|protected| !protected),
    };
    let old = address.accepts_any(|version| version.is_older(TlsVersion::Tls12));
    let needed = [old, several_versions(address), unprotected];
    let decides = |is: fn(&Known<bool>) -> bool| needed.iter().find(|known| is(known)).cloned();
    let no = decides(|known| known.value() == Some(&false));
    let open = || decides(|known| known.value().is_none());
    no.or_else(open).unwrap_or(Known::Stated(true, address.loc()))
}

fn several_versions(address: Address<'_>) -> Known<bool> {
    let versions: Vec<_> = address.versions().into_iter().map(|(_, accepted)| accepted).collect();
    let accepted = versions.iter().filter(|accepted| accepted.value() == Some(&true));
    let unknown = versions.iter().find(|accepted| accepted.value().is_none());
    match (accepted.count(), unknown) {
        (2.., _) => Known::Stated(true, address.loc()),
        (_, Some(unknown)) => unknown.clone(),
        _ => Known::Stated(false, address.loc()),
    }
}

/// Cookies that were set before HTTPS was reached.
fn cookies(address: Address<'_>) -> Known<bool> {
    let over_http = address.over_http();
    over_http.and_then(|over_http| match over_http {
        OverHttp::Silent => Known::Stated(false, address.loc()),
        _ => address.sets_plaintext_cookies(),
    })
}
