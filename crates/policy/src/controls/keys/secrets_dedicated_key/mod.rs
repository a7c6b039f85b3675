use crate::judgement::Verdict;
use crate::prelude::*;

control! {
    /// Every secret must name a customer managed key in `KmsKeyId`, and that key must be for secrets:
    /// one that also encrypts other stores (buckets, tables, log groups) hands them to whoever may
    /// read the secrets, and the other way round. The AWS managed key `aws/secretsmanager` is open
    /// to every principal of the account. The key of a secret that a service made (`OwningService`) is judged
    /// alike, and is chosen with that service.
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
        let owner = store.subject(cx.inventory).at("OwningService").string().found();
        let judgement = match owner {
            Some(owner) if judgement.verdict == Verdict::Fail => judgement.fix(chosen_with(&owner)),
            _ => judgement,
        };
        out.push(judgement.fact_as("key", &store.protection, |p| p.label(cx.inventory)));
    }
}

/// How the key of a secret is chosen that a service made: not on the secret (AWS Secrets Manager User Guide, "Secrets managed
/// by other services"; Amazon RDS User Guide, "Password management with Amazon RDS and AWS Secrets Manager").
fn chosen_with(owner: &str) -> String {
    match owner {
        "rds" => "Name a key for secrets in MasterUserSecretKmsKeyId of the database: it is chosen when the service begins to \
                  manage the password, so switch that off and on again."
            .to_owned(),
        "redshift" => "Name a key for secrets in MasterPasswordSecretKmsKeyId of the cluster, or in AdminPasswordSecretKmsKeyId \
                       of the serverless namespace."
            .to_owned(),
        other => format!("Name a key for secrets where {other}, which made the secret, takes one: it cannot be set on the secret itself."),
    }
}
