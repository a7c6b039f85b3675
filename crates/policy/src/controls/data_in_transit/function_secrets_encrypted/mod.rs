use crate::prelude::*;
use std::collections::BTreeSet;

control! {
    /// Reads the environment variables of functions, containers and builds for secrets in plain
    /// sight: shapes of known credentials, passwords inside URLs, values of high entropy and names
    /// that say secret (the table `secret-shapes.toml`). The value is never printed. A Lambda
    /// function whose variables only refer to secrets passes; when a variable's name says secret
    /// and a dynamic reference fills it, the function must have a KMS key of its own (`KmsKeyArn`),
    /// since the value lies in its configuration after deployment. Variables that cannot be read, since a macro
    /// adds to them or they depend on the region, are unknown.
    id: "function-secrets-encrypted",
    title: "Environment variables hold no secrets in plain sight, and are encrypted with a KMS key when they hold any",
    clauses: ["LAM-3"],
    severity: Critical,
    fix: "Move the value to Secrets Manager, pass its ARN (or ECS `secrets`), read it at run time, and rotate it: whoever could read the settings, or the template's history, knows it.",
    cloudformation: r#"Environment:
  Variables:
    PAYMENT_SECRET_ARN: !Ref PaymentSecret
KmsKeyArn: !GetAtt ConfigurationKey.Arn
"#,
    cdk: r#"environment: { PAYMENT_SECRET_ARN: paymentSecret.secretArn },
environmentEncryption: configurationKey,
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut judged: BTreeSet<ResourceId> = BTreeSet::new();
    let mut seen: BTreeSet<ResourceId> = BTreeSet::new();
    for variable in cx.variables() {
        let id = variable.subject.id();
        seen.insert(id);
        let text = match &variable.value {
            Read::Found(text, _) => text,
            Read::Unknown(why, _) if crate::secrets::is_secret_name(&variable.name) => {
                judged.insert(id);
                let what = format!("whether {} holds a secret in plain sight", variable.name);
                out.push(Judgement::cannot_tell(variable.subject, &what, why).part(variable.part()).at(variable.loc));
                continue;
            }
            Read::Unknown(..) | Read::Absent(_) => continue,
        };
        if let Some(what) = crate::secrets::found(&variable.name, text) {
            judged.insert(id);
            out.push(
                Judgement::fail(variable.subject, format!("{} holds {what}", variable.name))
                    .part(variable.part())
                    .at(variable.loc),
            );
            continue;
        }
        // Attributes that are secrets themselves end up in the variable as they are.
        if let Some(attribute) = text.references().find_map(|r| crate::secrets::of_attribute(cx.inventory, r)) {
            judged.insert(id);
            out.push(
                Judgement::fail(variable.subject, format!("{} is filled with {attribute} at deployment, in plain sight", variable.name))
                    .part(variable.part())
                    .at(variable.loc),
            );
            continue;
        }
        let is_secret = crate::secrets::is_secret_name(&variable.name)
            // A whole secret, or the password inside a connection string, is one whatever the name.
            || text.dynamic_references().any(|d| &*d.service == "secretsmanager");
        let resolved = text.dynamic_references().any(|d| &*d.service != "ssm");
        if is_secret && resolved && variable.subject.kind() == "AWS::Lambda::Function" {
            judged.insert(id);
            let key = cx.inventory.stores_of(id).find(|s| s.when == variable.subject.variant.when);
            let own_key = key.is_some_and(|s| s.protection.value().is_some_and(|p| p.customer_key().is_some()));
            let judgement = if own_key {
                Judgement::pass(variable.subject, format!("{} is encrypted with the function's KMS key", variable.name))
            } else {
                Judgement::fail(
                    variable.subject,
                    format!("{} is filled with a secret at deployment, and the function has no KMS key of its own", variable.name),
                )
            };
            out.push(judgement.part(variable.part()).at(variable.loc));
        } else if is_secret
            && text.references().next().is_none()
            && let Some(why) = text.first_unknown()
            && !resolved
        {
            judged.insert(id);
            out.push(
                Judgement::cannot_tell(variable.subject, &format!("whether {} holds a secret in plain sight", variable.name), why)
                    .part(variable.part())
                    .at(variable.loc),
            );
        }
    }
    judged.extend(super::environment::unread(cx, out, &[], "whether a variable holds a secret in plain sight"));
    for id in seen.difference(&judged) {
        out.push(Judgement::pass(cx.inventory.resource(*id), "no variable holds a secret in plain sight"));
    }
}
