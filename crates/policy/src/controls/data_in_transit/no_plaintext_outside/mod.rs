use super::outbound;
use crate::connection::is_private;
use crate::prelude::*;
use std::net::IpAddr;

control! {
    /// Two ways out in the clear: an `http://` or `ws://` address that leads outside, and a security
    /// group that lets traffic out to port 80 of public addresses, or to a range of ports with 80 in
    /// it. A group that lets everything out
    /// (AWS's and CDK's default) does so too: it passes with a note, since it allows plaintext but
    /// does not speak it.
    id: "no-plaintext-outside",
    title: "Nothing speaks plain HTTP to the outside",
    clauses: ["EXT-3"],
    severity: Medium,
    fix: "Use https:// addresses, and let security groups out to port 443 only.",
    cloudformation: r#"SecurityGroupEgress:
  - {IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}
"#,
    cdk: r#"const group = new ec2.SecurityGroup(this, 'Service', { vpc, allowAllOutbound: false });
group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443));
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for call in outbound::called(cx) {
        if let Ok(url) = &call.url
            && outbound::scheme(url) == Some(outbound::Scheme::Plain)
        {
            let judgement = match url.leads_outside(cx) {
                Some(true) => Judgement::fail(call.subject, format!("{} goes out in the clear", url.shown)),
                Some(false) => continue,
                None => Judgement::unknown(
                    call.subject,
                    format!("cannot tell whether {}, which is called in the clear, is outside", url.shown),
                ),
            };
            out.push(judgement.part(call.part).at(call.loc));
        }
    }
    for subject in cx.subjects(&["AWS::EC2::SecurityGroup"]) {
        let rules = match subject.at("SecurityGroupEgress").list() {
            Read::Found(rules, _) => rules,
            Read::Absent(_) => continue,
            Read::Unknown(why, loc) => {
                out.push(Judgement::cannot_tell(subject, "where it lets traffic out to", &why).at(loc));
                continue;
            }
        };
        out.push(egress(subject, rules.iter()));
    }
    for subject in cx.subjects(&["AWS::EC2::SecurityGroupEgress"]) {
        out.push(egress(subject, std::iter::once(&subject.variant.properties)));
    }
}

fn egress<'a>(subject: Subject<'a>, rules: impl Iterator<Item = &'a Value>) -> Judgement {
    let mut everything = false;
    let mut unknown = None;
    for rule in rules {
        let targets = ["CidrIp", "CidrIpv6"].map(|p| rule.at(p).string());
        let anywhere = targets.iter().any(|to| matches!(to, Read::Found(c, _) if is_outside(c)));
        if !anywhere {
            // A range that is not known, on a port that matters.
            if let Some(Read::Unknown(why, _)) = targets.iter().find(|to| matches!(to, Read::Unknown(..)))
                && ports(rule).is_none_or(|(from, to)| (from..=to).contains(&80))
            {
                unknown = Some(why.clone());
            }
            continue;
        }
        match rule.at("IpProtocol").string() {
            Read::Found(p, _) if p == "-1" => {
                everything = true;
                continue;
            }
            Read::Found(p, _) if p != "6" && !p.eq_ignore_ascii_case("tcp") => continue,
            Read::Unknown(why, _) => {
                unknown = Some(why);
                continue;
            }
            _ => {}
        }
        match ports(rule) {
            Some((from, to)) if from <= 1 && to >= 65535 => everything = true,
            Some((from, to)) if (from..=to).contains(&80) => {
                let ports = match from == to {
                    true => "port 80".to_owned(),
                    false => format!("ports {from} to {to}"),
                };
                return Judgement::fail(subject, format!("it lets plain HTTP ({ports}) out")).at(rule.loc);
            }
            Some(_) => {}
            None => {
                let why = ["FromPort", "ToPort"].iter().find_map(|p| match rule.at(p).int() {
                    Read::Unknown(why, _) => Some(why),
                    _ => None,
                });
                match why {
                    Some(why) => unknown = Some(why),
                    None => everything = true,
                }
            }
        }
    }
    match unknown {
        Some(why) => Judgement::cannot_tell(subject, "where it lets traffic out to", &why),
        None if everything => Judgement::pass(subject, "it opens no way for plain HTTP in particular")
            .note("it lets everything out, port 80 included; a list of what is needed is safer"),
        None => Judgement::pass(subject, "it lets no plain HTTP out"),
    }
}

fn ports(rule: &Value) -> Option<(i64, i64)> {
    match (rule.at("FromPort").int(), rule.at("ToPort").int()) {
        (Read::Found(from, _), Read::Found(to, _)) => Some((from, to)),
        _ => None,
    }
}

/// True for a range of which a part is outside.
fn is_outside(cidr: &str) -> bool {
    let Some((address, length)) = cidr.split_once('/') else {
        return false;
    };
    let length: Option<u8> = length.trim().parse().ok();
    address.trim().parse().is_ok_and(|address: IpAddr| {
        // Even around a private address, a range this wide holds public ones.
        !is_private(address) || length.is_some_and(|n| n < 8) || address.is_unspecified()
    })
}
