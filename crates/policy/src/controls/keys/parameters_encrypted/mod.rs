use crate::prelude::*;
use lockfast_facts::{Origin, Part};

control! {
    /// CloudFormation cannot create SecureString parameters, so what a template defines is a String
    /// or StringList, which is not encrypted with a KMS key (AWS CloudFormation Template Reference
    /// Guide, "AWS::SSM::Parameter"). That is acceptable for configuration that everybody may see
    /// (addresses, ARNs, feature switches of public or internal classification); confidential and
    /// restricted parameters must not be defined so.
    id: "parameters-encrypted",
    title: "Parameters are encrypted with KMS keys",
    clauses: ["SSM-1"],
    severity: Medium,
    fix: "Make the parameter a SecureString (CloudFormation makes none: use the CLI, or a custom resource), or keep the value in Secrets Manager.",
    cloudformation: r#"Type: AWS::SecretsManager::Secret
Properties:
  KmsKeyId: !GetAtt SecretsKey.Arn
"#,
    cdk: r#"const value = ssm.StringParameter.fromSecureStringParameterAttributes(this, 'Value', { parameterName: '/shop/value' });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::SSM::Parameter"]) {
        let classification = cx.classification(subject.id());
        let kind = subject.at("Type").string();
        let secret = super::parameter_secret::looks_secret(subject)
            .or_else(|| super::parameter_secret::kept_secret(cx, subject));
        let judgement = match (&kind, classification.value(), &secret) {
            (Read::Found(k, _), ..) if k == "SecureString" => Judgement::pass(subject, "the parameter is a SecureString"),
            (Read::Unknown(why, loc), ..) => Judgement::cannot_tell(subject, "the parameter's type", why).at(*loc),
            (_, _, Some(what)) => Judgement::fail(subject, format!("the parameter holds {what}, and is not encrypted")),
            (_, Some(c), _) if c.is_sensitive() => {
                Judgement::fail(subject, format!("the parameter is {c} and not encrypted with a KMS key"))
            }
            (_, Some(c), _) => Judgement::pass(subject, format!("a plain parameter is acceptable for {c} data")),
            (_, None, _) if only_addresses(subject) || is_address(cx, subject) => Judgement::pass(subject, "the parameter only names other resources"),
            _ => Judgement::unknown(subject, "the parameter is not encrypted, and nobody said how sensitive its value is"),
        };
        out.push(judgement.fact("classification", classification));
    }
}

/// A live parameter holds an address as it is resolved: a name in AWS's own domain, with no more than a port.
fn is_address(cx: &Cx<'_>, subject: Subject<'_>) -> bool {
    let Read::Found(value, _) = subject.at("Value").string() else {
        return false;
    };
    let host = value.split_once(':').map_or(value.as_str(), |(host, _)| host);
    cx.inventory.origin() == Origin::Live && host.ends_with(".amazonaws.com") && !value.contains(['/', '@', ' '])
}

/// A value made of references, with no more than signs and a port between them, is an address, and so
/// are ARNs and web addresses.
fn only_addresses(subject: Subject<'_>) -> bool {
    let Read::Found(text, _) = subject.at("Value").text() else {
        return false;
    };
    let start = text.known_prefix();
    if start.starts_with("arn:") || start.starts_with("https://") {
        return true;
    }
    let parts = text.parts();
    let is_sign = |c: char| c.is_ascii_digit() || matches!(c, ',' | ':' | ' ');
    parts.iter().any(|part| matches!(part, Part::Reference(_)))
        && parts.iter().all(|part| match part {
            Part::Reference(_) => true,
            Part::Literal(literal) => literal.chars().all(is_sign),
            _ => false,
        })
}
