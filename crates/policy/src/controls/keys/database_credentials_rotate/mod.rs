use crate::prelude::*;
use std::collections::HashSet;

control! {
    /// The password of every RDS, Aurora, DocumentDB, Neptune and Redshift master user must come
    /// from Secrets Manager: managed by the service (`ManageMasterUserPassword`, rotated every
    /// seven days) or by a dynamic reference to a secret; one written into the template fails
    /// here too, and is never printed. A secret that a database uses must have a rotation schedule
    /// with a period.
    id: "database-credentials-rotate",
    title: "Database credentials lie in Secrets Manager and rotate automatically",
    clauses: ["SEC-1"],
    severity: High,
    fix: "Let the service manage the password (ManageMasterUserPassword: true), or add a RotationSchedule to the secret; change a password that stood in a template.",
    cloudformation: r#"Type: AWS::RDS::DBInstance
Properties:
  ManageMasterUserPassword: true
  MasterUserSecret: {KmsKeyId: !GetAtt SecretsKey.Arn}
"#,
    cdk: r#"const db = new rds.DatabaseInstance(this, 'Orders', { credentials: rds.Credentials.fromGeneratedSecret('orders') });
db.addRotationSingleUser();
"#,
}

const PASSWORDS: [(&str, &str); 5] = [
    ("AWS::RDS::DBInstance", "MasterUserPassword"),
    ("AWS::RDS::DBCluster", "MasterUserPassword"),
    ("AWS::DocDB::DBCluster", "MasterUserPassword"),
    ("AWS::Redshift::Cluster", "MasterUserPassword"),
    ("AWS::RedshiftServerless::Namespace", "AdminUserPassword"),
];

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut used: HashSet<ResourceId> = HashSet::new();
    for (kind, property) in PASSWORDS {
        for subject in cx.subjects(&[kind]) {
            let managed = ["ManageMasterUserPassword", "ManageMasterPassword", "ManageAdminPassword"]
                .iter()
                .any(|p| subject.at(p).bool().found() == Some(true));
            if managed {
                out.push(Judgement::pass(subject, "the service keeps the password in Secrets Manager and rotates it"));
                continue;
            }
            match subject.at(property).text() {
                Read::Absent(_) => {}
                Read::Unknown(why, loc) => {
                    out.push(Judgement::cannot_tell(subject, "where the password comes from", &why).at(loc));
                }
                Read::Found(text, loc) => {
                    let dynamic = text.dynamic_references().next();
                    let secret = text.references().next().map(|r| cx.inventory.resource(r.target));
                    out.push(match (dynamic, secret) {
                        (Some(d), Some(secret)) if &*d.service == "secretsmanager" => {
                            let secret = behind_attachment(cx, secret);
                            used.insert(secret.id);
                            rotation(cx, subject, secret).at(loc)
                        }
                        (Some(d), None) if &*d.service == "secretsmanager" => Judgement::unknown(
                            subject,
                            format!("cannot tell whether secret {} rotates: it is not in the input", d.name),
                        )
                        .at(loc),
                        (Some(d), _) => Judgement::fail(
                            subject,
                            format!("the password comes from {} and not from Secrets Manager", d.service),
                        )
                        .at(loc),
                        (None, _) => match text.first_unknown() {
                            // A parameter is somebody's typing, whoever that is.
                            Some(why) => Judgement::fail(
                                subject,
                                format!("the password is typed in, not kept in Secrets Manager: {why}"),
                            )
                            .at(loc),
                            None => Judgement::fail(subject, "the password stands in the template").at(loc),
                        },
                    });
                }
            }
        }
    }
    // Secrets attached to a database are its credentials too.
    for attachment in cx.subjects(&["AWS::SecretsManager::SecretTargetAttachment"]) {
        if let Read::Found(value, _) = attachment.at("SecretId")
            && let Some((secret, _)) = cx.inventory.target(value)
            && used.insert(secret.id)
            && let Some(subject) = cx.inventory.variants_of(secret.id).next()
        {
            out.push(rotation(cx, subject, secret));
        }
    }
    // So are secrets that a generated JSON says belong to a database user.
    for subject in cx.subjects(&["AWS::SecretsManager::Secret"]) {
        let template = subject.at("GenerateSecretString.SecretStringTemplate").text();
        let of_user = matches!(&template, Read::Found(t, _) if t.render(|_| String::new()).contains("\"username\""));
        if of_user && !used.contains(&subject.id()) {
            out.push(rotation(cx, subject, subject.resource));
        }
    }
}

/// CDK refers to the attachment of a secret rather than to the secret.
fn behind_attachment<'a>(cx: &Cx<'a>, resource: &'a Resource) -> &'a Resource {
    if &*resource.kind == "AWS::SecretsManager::SecretTargetAttachment"
        && let Read::Found(value, _) = resource.at("SecretId")
        && let Some((secret, _)) = cx.inventory.target(value)
    {
        return secret;
    }
    resource
}

fn rotation(cx: &Cx<'_>, subject: Subject<'_>, secret: &Resource) -> Judgement {
    let direct = cx.inventory.referrers(secret.id);
    let attached: Vec<&Resource> = cx
        .inventory
        .referrers(secret.id)
        .filter(|r| &*r.kind == "AWS::SecretsManager::SecretTargetAttachment")
        .flat_map(|a| cx.inventory.referrers(a.id))
        .collect();
    let schedule = direct.chain(attached).find(|r| &*r.kind == "AWS::SecretsManager::RotationSchedule");
    match schedule {
        None => Judgement::fail(subject, format!("secret {} has no rotation schedule", cx.label(secret))),
        Some(schedule) => {
            let period = schedule.at("RotationRules");
            let judgement = match period {
                Read::Found(..) => Judgement::pass(subject, format!("secret {} rotates automatically", cx.label(secret))),
                Read::Unknown(why, _) => Judgement::cannot_tell(subject, "how often the secret rotates", &why),
                Read::Absent(_) => Judgement::fail(subject, format!("the rotation schedule of {} has no period", cx.label(secret))),
            };
            judgement.step(format!("rotation schedule {}", schedule.name), schedule.loc)
        }
    }
    .step(format!("secret {}", secret.name), secret.loc)
}
