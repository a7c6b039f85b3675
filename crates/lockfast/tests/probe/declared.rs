//! `--from`: endpoints that templates and scanned accounts declare, held against their declaration.

use crate::support::{Dns, Ran, lockfast, run};
use crate::verdicts::{Pair, pair};

const TEMPLATE: &str = "Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Type: application, Scheme: internet-facing}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: {port}
      Protocol: HTTPS
      SslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06
  Inside:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Type: application, Scheme: internal}
  InsideListener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: {LoadBalancerArn: !Ref Inside, Port: 443, Protocol: HTTPS}
  Alias:
    Type: AWS::Route53::RecordSet
    Properties:
      Name: shop.example.com.
      Type: A
      HostedZoneId: Z0123
      AliasTarget: {DNSName: !GetAtt Balancer.DNSName, HostedZoneId: !GetAtt Balancer.CanonicalHostedZoneID}
";

const BALANCER: &str =
    "arn:aws:elasticloadbalancing:eu-central-1:111111111111:loadbalancer/app/shop/50dc6c495c0c9188";

/// A scanned account with a load balancer on the internet and one inside.
fn account(port: u16) -> String {
    let listener = BALANCER.replace("loadbalancer", "listener");
    let inside = BALANCER.replace("shop/50", "inside/60");
    let inside_listener = listener.replace("shop/50", "inside/60");
    format!(
        r#"{{"snapshot":{{"format":1,"made_by":"test","taken":"2026-11-27T06:00:00Z","accounts":[{{"id":"111111111111"}}],"regions":["eu-central-1"],"services":["elasticloadbalancing"]}}}}
{{"unit":{{"account":"111111111111","region":"eu-central-1","service":"elasticloadbalancing"}}}}
{{"resource":{{"type":"AWS::ElasticLoadBalancingV2::LoadBalancer","name":"shop","arn":"{BALANCER}","properties":{{"Name":"shop","Type":"application","Scheme":"internet-facing","DNSName":"shop-1.eu-central-1.elb.amazonaws.com"}}}}}}
{{"resource":{{"type":"AWS::ElasticLoadBalancingV2::Listener","name":"f2f7dc8efc522ab2","arn":"{listener}/f2f7dc8efc522ab2","properties":{{"LoadBalancerArn":"{BALANCER}","Port":{port},"Protocol":"HTTPS","SslPolicy":"ELBSecurityPolicy-TLS13-1-2-2021-06"}}}}}}
{{"resource":{{"type":"AWS::ElasticLoadBalancingV2::LoadBalancer","name":"inside","arn":"{inside}","properties":{{"Name":"inside","Type":"application","Scheme":"internal","DNSName":"internal-inside-1.eu-central-1.elb.amazonaws.com"}}}}}}
{{"resource":{{"type":"AWS::ElasticLoadBalancingV2::Listener","name":"0467ef3c8400ae65","arn":"{inside_listener}/0467ef3c8400ae65","properties":{{"LoadBalancerArn":"{inside}","Port":443,"Protocol":"HTTPS","SslPolicy":"ELBSecurityPolicy-TLS13-1-2-2021-06"}}}}}}
{{"end":{{"resources":4}}}}
"#
    )
}

fn from(pair: &Pair, file: &str, name: &str, port: u16) -> Ran {
    let dns = Dns::start();
    let resolve = format!("{name}:{port}:127.0.0.1");
    run(lockfast(pair.pki.folder.path())
        .args([
            "probe",
            "--pace",
            "0",
            "--dns",
            &dns.address,
            "--resolve",
            &resolve,
        ])
        .args([
            "--from",
            file,
            "--snapshot",
            "endpoints.jsonl",
            "-f",
            "json",
        ]))
}

/// The failures of the control that joins both sides: message, steps and where these point.
fn broken(ran: &Ran) -> Vec<String> {
    let report = ran.json();
    let findings = report["findings"].as_array().expect("findings");
    findings
        .iter()
        .filter(|f| f["control"] == "listener-keeps-its-declaration" && f["verdict"] == "fail")
        .map(|f| {
            format!(
                "{} {}",
                f["message"].as_str().unwrap_or_default(),
                f["steps"]
            )
        })
        .collect()
}

#[test]
fn a_templates_listener_is_measured_by_its_alias() {
    let Some(pair) = pair() else { return };
    let port = pair.nginx.ports[0];
    std::fs::write(
        pair.pki.path("shop.yaml"),
        TEMPLATE.replace("{port}", &port.to_string()),
    )
    .expect("written");
    let ran = from(&pair, "shop.yaml", "shop.example.com", port);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let broken = broken(&ran);
    assert!(!broken.is_empty(), "{}", ran.out);
    // Line 5 is where the listener begins.
    let by = "declared by listener Listener at shop.yaml:5:3";
    assert!(
        broken
            .iter()
            .all(|b| b.contains(by) && b.contains("\"line\":5")),
        "{broken:?}"
    );
    let card = run(lockfast(pair.pki.folder.path()).args([
        "probe",
        "--pace",
        "0",
        "--dns",
        "127.0.0.1:9",
        "--connect-timeout",
        "1",
        "--from",
        "shop.yaml",
        "--resolve",
        &format!("shop.example.com:{port}:127.0.0.1"),
    ]));
    for said in [
        "https, load balancer",
        "declared by   Listener at shop.yaml:5:3, ELBSecurityPolicy-TLS13-1-2-2021-06",
        "CAA           unknown: ",
        &format!("→ {by}\n"),
    ] {
        assert!(card.out.contains(said), "{said}: {}", card.out);
    }
    assert!(broken.iter().any(|b| b.contains("TLS 1.0")), "{broken:?}");
    assert!(
        ran.err
            .contains("InsideListener: it is reached from inside its VPC only"),
        "{}",
        ran.err
    );
    let clauses = ran.json()["clauses"].to_string();
    assert!(clauses.contains("ALB-1"), "{clauses}");
}

#[test]
fn a_scanned_listener_is_held_against_its_declaration() {
    let Some(pair) = pair() else { return };
    let port = pair.nginx.ports[0];
    std::fs::write(pair.pki.path("account.jsonl"), account(port)).expect("written");
    let ran = from(
        &pair,
        "account.jsonl",
        "shop-1.eu-central-1.elb.amazonaws.com",
        port,
    );
    assert_eq!(ran.code, 1, "{}", ran.err);
    let broken_now = broken(&ran);
    assert!(
        broken_now.iter().any(|b| b.contains("TLS 1.0")),
        "{}",
        ran.out
    );
    assert!(
        broken_now.iter().any(|b| b.contains("forward secrecy")),
        "{broken_now:?}"
    );
    assert!(
        broken_now.iter().all(|b| b.contains("f2f7dc8efc522ab2")),
        "{broken_now:?}"
    );
    assert!(
        ran.err
            .contains("0467ef3c8400ae65: it is reached from inside"),
        "{}",
        ran.err
    );
    // Both snapshots together say the same, beside what the account alone is judged by.
    let both = run(lockfast(pair.pki.folder.path()).args([
        "judge",
        "account.jsonl",
        "endpoints.jsonl",
        "-f",
        "json",
    ]));
    assert_eq!(both.code, 1, "{}", both.err);
    assert_eq!(broken(&both), broken_now);
    let findings = both.json()["findings"].as_array().map_or(0, Vec::len);
    assert!(findings > ran.json()["findings"].as_array().map_or(0, Vec::len));
    // What is inside is measured when it is asked for, and then not reached.
    let dns = Dns::start();
    let inside = run(lockfast(pair.pki.folder.path())
        .args([
            "probe",
            "--internal",
            "--pace",
            "0",
            "--dns",
            &dns.address,
            "--from",
            "account.jsonl",
            "-f",
            "json",
        ])
        .args([
            "--resolve",
            &format!("shop-1.eu-central-1.elb.amazonaws.com:{port}:127.0.0.1"),
        ])
        .args([
            "--resolve",
            "internal-inside-1.eu-central-1.elb.amazonaws.com:443:127.0.0.2",
        ]));
    assert!(!inside.err.contains("inside its VPC"), "{}", inside.err);
    assert_eq!(inside.json()["input"]["endpoints"], 2, "{}", inside.out);
}

#[test]
fn what_cannot_be_measured_from_is_told() {
    let Some(pair) = pair() else { return };
    std::fs::write(pair.pki.path("account.jsonl"), account(1)).expect("written");
    std::fs::write(
        pair.pki.path("empty.yaml"),
        "Resources:\n  Q: {Type: AWS::SQS::Queue}\n",
    )
    .expect("written");
    let probe = |args: &[&str]| {
        run(lockfast(pair.pki.folder.path())
            .args(["probe", "--from"])
            .args(args))
    };
    for (args, said) in [
        (&["empty.yaml"][..], "there is no endpoint to measure"),
        (
            &["account.jsonl", "empty.yaml"],
            "snapshots or templates, not both",
        ),
    ] {
        let ran = probe(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
}

#[test]
fn what_endpoints_come_from_is_not_overwritten() {
    let Some(pair) = pair() else { return };
    let text = account(1);
    std::fs::write(pair.pki.path("account.jsonl"), &text).expect("written");
    for args in [
        &["--snapshot", "./account.jsonl"][..],
        &["-o", "json=./account.jsonl"],
        &["--snapshot", "new.jsonl", "-o", "json=new.jsonl"],
    ] {
        let ran = run(lockfast(pair.pki.folder.path())
            .args(["probe", "--from", "account.jsonl"])
            .args(args));
        assert_eq!(ran.code, 2, "{args:?}: {}{}", ran.out, ran.err);
        let left = std::fs::read_to_string(pair.pki.path("account.jsonl")).expect("a file");
        assert_eq!(left, text, "{args:?}");
    }
}
