use crate::prelude::*;

control! {
    /// A parameter whose value looks like a secret (a known shape of credentials, a password in a
    /// URL, a high-entropy value under a name that says secret) must be a SecureString; so must a copy of
    /// what Secrets Manager or a SecureString keeps or `NoEcho` hides, an access key or client secret that
    /// AWS returns, and a parameter that is classified as confidential or restricted. The value is never
    /// printed. A name that says secret with a value known only at deployment is unknown.
    id: "parameters-secure-string",
    title: "Sensitive parameters are of type SecureString",
    clauses: ["SSM-2"],
    severity: High,
    fix: "Move the value to Secrets Manager or to a SecureString (CloudFormation makes none), and change it: it stands in the history of the parameter, and of the template.",
    cloudformation: r#"Type: AWS::SecretsManager::Secret
Properties:
  GenerateSecretString: {PasswordLength: 32}
"#,
    cdk: r#"new secretsmanager.Secret(this, 'PartnerPassword');
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::SSM::Parameter"]) {
        if subject.at("Type").string().found().as_deref() == Some("SecureString") {
            out.push(Judgement::pass(subject, "the parameter is a SecureString"));
            continue;
        }
        let value = subject.at("Value");
        let secret = super::parameter_secret::looks_secret(subject)
            .or_else(|| super::parameter_secret::kept_secret(cx, subject));
        let classification = cx.classification(subject.id());
        let judgement = match (secret, value.clone().text()) {
            (Some(what), _) => Judgement::fail(subject, format!("a plain parameter holds {what}")).at(value.loc()),
            _ if classification.value().is_some_and(|c| c.is_sensitive()) => {
                Judgement::fail(subject, "a parameter with sensitive data is plain").fact("classification", classification)
            }
            (None, Read::Unknown(why, loc)) if super::parameter_secret::secret_name(subject) => {
                Judgement::cannot_tell(subject, "whether the parameter holds a secret", &why).at(loc)
            }
            (None, Read::Found(text, loc))
                if super::parameter_secret::secret_name(subject)
                    && text.references().next().is_none()
                    && text.first_unknown().is_some() =>
            {
                Judgement::unknown(subject, "the parameter's name says secret, and its value is known only at deployment").at(loc)
            }
            _ => Judgement::pass(subject, "nothing says that the parameter holds a secret"),
        };
        out.push(judgement);
    }
}
