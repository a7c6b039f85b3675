use crate::prelude::*;

control! {
    /// Every secret must name a customer managed key in `KmsKeyId`, and that key must be for secrets:
    /// one that also encrypts other stores (buckets, tables, log groups) hands them to whoever may
    /// read the secrets, and the other way round. The AWS managed key `aws/secretsmanager` is open
    /// to every principal of the account.
    id: "secrets-dedicated-key",
    title: "Secrets are encrypted with dedicated KMS keys",
    clauses: ["SEC-2"],
    severity: Medium,
    fix: "Make a key for secrets and name it in KmsKeyId of each.",
    cloudformation: r#"Type: AWS::SecretsManager::Secret
Properties:
  KmsKeyId: !GetAtt SecretsKey.Arn
"#,
    cdk: r#"new secretsmanager.Secret(this, 'Payment', { encryptionKey: secretsKey });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let users = crate::key_users::by_key(cx);
    for store in cx.stores("secret").filter(|s| s.spec.name == "AWS::SecretsManager::Secret") {
        let judgement = match &store.protection {
            Known::Unknown(why, _) => Judgement::cannot_tell(store, "the secret's key", why),
            known => match known.value() {
                Some(Protection::Customer(key)) => {
                    let other = users.get(&key.target).into_iter().flatten().find(|s| {
                        !s.spec.name.starts_with("AWS::SecretsManager::")
                            && !matches!(s.spec.noun.as_str(), "secret" | "parameter" | "function")
                    });
                    match other {
                        Some(other) => Judgement::fail(
                            store,
                            format!(
                                "its key also encrypts {}",
                                cx.label(cx.inventory.resource(other.resource))
                            ),
                        ),
                        None => match crate::key_users::unlisted(cx, &key.target) {
                            Some(why) => Judgement::unknown(
                                store,
                                format!("cannot tell whether its key is for secrets only: {why}"),
                            ),
                            None => Judgement::pass(store, "its key is for secrets only"),
                        },
                    }
                    .key(key)
                }
                _ => Judgement::fail(store, "it has no key of its own, so every principal of the account that may read secrets may decrypt it"),
            },
        };
        out.push(judgement.fact_as("key", &store.protection, |p| p.label(cx.inventory)));
    }
}
