use crate::config::TlsVersion;
use crate::controls::keys::certificate_facts::{ACM, is_same, shown_of_acm};
use crate::endpoints::{self, Address, Certificate, Endpoint, asked, unsupported};
use crate::judgement::Verdict;
use crate::live::listed;
use crate::prelude::*;

control! {
    /// Holds what an endpoint really does against what its declaration promises, where the probe was told which
    /// listener, domain name or distribution it is: the lowest version of TLS and the forward secrecy that the
    /// security policy stands for, and the certificate that is attached. Whatever is weaker on the wire fails:
    /// something else answers there, a change did not arrive, or the declaration was changed by hand. Stricter
    /// than declared passes, with a remark.
    ///
    /// The certificate is compared by serial number, end and domain with the one of that ARN in the accounts given
    /// beside the probe. Another certificate of ACM passes with a remark (a listener may hold several, and ACM renews);
    /// without the account it is unknown.
    id: "listener-keeps-its-declaration",
    title: "Endpoints are no weaker than their declaration",
    clauses: ["REG-2"],
    sources: [Probe],
    severity: High,
    fix: "Find out what answers at that name (DNS, a proxy in front, an older listener), deploy the declaration again, and probe it again.",
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
    for endpoint in endpoints::all(cx) {
        match endpoint.subject.at("Of") {
            Read::Absent(_) => {}
            Read::Unknown(why, _) => out.push(Judgement::cannot_tell(endpoint.subject, "what declares it", &why)),
            Read::Found(..) => {
                out.extend(version(cx, endpoint));
                out.extend(forward_secrecy(cx, endpoint));
                out.extend(certificate(cx, endpoint));
            }
        }
    }
}

/// What the declaration promises; nothing when it does not say.
fn promised<T>(read: Read<T>) -> Option<Known<T>> {
    (!read.is_absent()).then(|| asked(read, "its declaration"))
}

fn version(cx: &Cx<'_>, endpoint: Endpoint<'_>) -> Option<Judgement> {
    let promised = match promised(endpoint.subject.at("Of.MinimumVersion").string()) {
        Some(promised) => promised,
        // A policy of which it is not known what it means.
        None => promised(endpoint.subject.at("Of.SecurityPolicy").string())?
            .and_then(|name| Known::Unknown(unsupported(format!("security policy {name} is in none of AWS's lists")), endpoint.subject.resource.loc)),
    };
    let minimum = promised.as_ref().and_then(|name| match TlsVersion::parse(name) {
        Some(version) => Known::Stated(version, promised.loc()),
        None => Known::Unknown(unsupported(format!("which version `{name}` is")), promised.loc()),
    });
    let judgement = match minimum {
        Known::Unknown(why, _) => {
            endpoint.declared(cx, Judgement::cannot_tell(endpoint.subject, "which version its declaration asks for", &why))
        }
        Known::Stated(minimum, _) | Known::Default(minimum, ..) => endpoint.each_address(cx, |address| {
            let judgement = address.at_least(minimum);
            match address.accepts_any(|version| version.is(minimum)).value() {
                Some(false) if judgement.verdict == Verdict::Pass => judgement.note(format!("it is stricter than declared: it does not accept {minimum}")),
                _ => judgement,
            }
        }),
    };
    let judgement = judgement.fact("declared minimum version", &promised);
    Some(with_policy(endpoint, judgement).part("minimum version"))
}

fn forward_secrecy(cx: &Cx<'_>, endpoint: Endpoint<'_>) -> Option<Judgement> {
    let promised = promised(endpoint.subject.at("Of.ForwardSecrecy").bool())?;
    let judgement = match &promised {
        Known::Unknown(why, _) => {
            endpoint.declared(cx, Judgement::cannot_tell(endpoint.subject, "whether its declaration promises forward secrecy", why))
        }
        known if known.value() == Some(&true) => endpoint.each_address(cx, keeps_forward_secrecy),
        _ => return None,
    };
    let judgement = judgement.fact("declared forward secrecy", &promised);
    Some(with_policy(endpoint, judgement).part("forward secrecy"))
}

fn keeps_forward_secrecy(address: Address<'_>) -> Judgement {
    let subject = address.subject();
    match (address.example("Tls.WithoutForwardSecrecy"), address.speaks_tls()) {
        (Known::Stated(Some(suite), _), _) => Judgement::fail(subject, format!("its declaration promises forward secrecy, but it accepts {suite}")),
        (Known::Unknown(why, _), _) => Judgement::cannot_tell(subject, "whether it accepts cipher suites without forward secrecy", &why),
        (_, Known::Stated(true, _)) => Judgement::pass(subject, "it keeps to forward secrecy, as declared"),
        (_, Known::Unknown(why, _)) => Judgement::cannot_tell(subject, "whether it speaks TLS at all", &why),
        _ => Judgement::fail(subject, "its declaration promises forward secrecy, but it speaks no TLS"),
    }
}

fn with_policy(endpoint: Endpoint<'_>, judgement: Judgement) -> Judgement {
    match promised(endpoint.subject.at("Of.SecurityPolicy").string()) {
        Some(policy) => judgement.fact("SecurityPolicy", &policy),
        None => judgement,
    }
}

fn certificate(cx: &Cx<'_>, endpoint: Endpoint<'_>) -> Option<Judgement> {
    let arn = promised(endpoint.subject.at("Of.CertificateArn").string())?;
    let declared = arn.as_ref().and_then(|arn| {
        let mut known = listed(cx, &[ACM]).into_iter();
        match known.find(|known| known.resource.arn.as_deref() == Some(arn.as_str())) {
            Some(known) if known.at("Serial").is_absent() => {
                Known::Unknown(Arc::new(Why::NotGiven("the answer about its serial number".into())), known.resource.loc)
            }
            Some(known) => Known::Stated(known, known.resource.loc),
            None => Known::Unknown(Arc::new(Why::NotGiven(format!("certificate {arn}"))), endpoint.subject.resource.loc),
        }
    });
    let judgement = match &declared {
        Known::Unknown(why, _) => {
            endpoint.declared(cx, Judgement::cannot_tell(endpoint.subject, "whether it shows the certificate that is declared", why))
        }
        Known::Stated(declared, _) | Known::Default(declared, ..) => endpoint.each_address(cx, |address| {
            address.each_certificate("which certificate it shows", |shown| is_declared(cx, shown, *declared))
        }),
    };
    Some(judgement.fact("declared certificate", &arn).part("certificate"))
}

fn is_declared(cx: &Cx<'_>, shown: Certificate<'_>, declared: Subject<'_>) -> Judgement {
    let subject = shown.subject();
    let leaf = match shown.leaf() {
        Ok(leaf) => leaf,
        Err(why) => return Judgement::cannot_tell(subject, "which certificate it shows", &why),
    };
    let judgement = match is_same(declared, leaf) {
        Known::Unknown(why, _) => Judgement::cannot_tell(subject, "which certificate it shows", &why),
        Known::Stated(true, _) => Judgement::pass(subject, "it shows the certificate that is declared"),
        _ => match shown_of_acm(cx, leaf) {
            Known::Unknown(why, _) => Judgement::cannot_tell(subject, "which certificate it shows", &why),
            known if known.value().is_some_and(Option::is_some) => {
                Judgement::pass(subject, "it shows a certificate of ACM").note("another one than its declaration names first")
            }
            _ => Judgement::fail(subject, "it shows another certificate than is declared, and ACM has none like it"),
        },
    };
    judgement.fact("SerialNumber", &leaf.text("SerialNumber"))
}
