use super::outbound;
use crate::prelude::*;

control! {
    /// Two ways out in the clear: an `http://` or `ws://` address that leads outside, and a security
    /// group that lets traffic out to port 80 of the internet. A group that lets everything out
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
            && outbound::is_outside(url)
            && outbound::is_plain(url)
        {
            out.push(
                Judgement::fail(call.subject, format!("{} goes out in the clear", url.shown))
                    .part(call.part)
                    .at(call.loc),
            );
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
        let anywhere = ["CidrIp", "CidrIpv6"].iter().any(|p| {
            matches!(rule.at(p).string(), Read::Found(c, _) if c == "0.0.0.0/0" || c == "::/0")
        });
        let protocol = rule.at("IpProtocol").string();
        match (&protocol, rule.at("FromPort").int(), rule.at("ToPort").int()) {
            _ if !anywhere => {
                if let Read::Unknown(why, _) = rule.at("CidrIp") {
                    unknown = Some(why);
                }
            }
            (Read::Found(p, _), ..) if p == "-1" => everything = true,
            (_, Read::Found(80, loc), Read::Found(80, _)) => {
                return Judgement::fail(subject, "it lets plain HTTP (port 80) out to the internet").at(loc);
            }
            (_, Read::Found(from, _), Read::Found(to, _)) if from <= 80 && 80 <= to => everything = true,
            (_, Read::Unknown(why, _), _) | (_, _, Read::Unknown(why, _)) => unknown = Some(why),
            _ => {}
        }
    }
    match unknown {
        Some(why) => Judgement::cannot_tell(subject, "where it lets traffic out to", &why),
        None if everything => Judgement::pass(subject, "it opens no way for plain HTTP in particular")
            .note("it lets everything out, port 80 included; a list of what is needed is safer"),
        None => Judgement::pass(subject, "it lets no plain HTTP out"),
    }
}
