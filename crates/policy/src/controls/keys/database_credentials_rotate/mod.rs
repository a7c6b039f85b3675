use crate::live::unread;
use crate::prelude::*;
use lockfast_facts::{Dynamic, Origin};
use std::collections::HashSet;

control! {
    /// The password of every RDS, Aurora, DocumentDB, Neptune and Redshift master user must come
    /// from Secrets Manager: managed by the service (`ManageMasterUserPassword`, rotated every
    /// seven days) or by a dynamic reference to a secret; one written into the template fails
    /// here too, and is never printed. A secret that a database uses must have a rotation schedule
    /// with a period, `AutomaticallyAfterDays` or a `ScheduleExpression`, and with what rotates it: a
    /// function (`RotationLambdaARN`, `HostedRotationLambda`), or the partner of a managed external secret. A live
    /// one must have been rotated on time too: a rotation that was due more than a day ago did not succeed.
    id: "database-credentials-rotate",
    title: "Database credentials lie in Secrets Manager and rotate automatically",
    clauses: ["SEC-1"],
    severity: High,
    fix: "Let the service manage the password (ManageMasterUserPassword: true), or add a RotationSchedule to the secret; change a password that ever stood in a template.",
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
            let managed: Vec<Read<bool>> = ["ManageMasterUserPassword", "ManageMasterPassword", "ManageAdminPassword"]
                .iter()
                .map(|property| subject.at(property).bool())
                .collect();
            if managed.iter().any(|read| matches!(read, Read::Found(true, _))) {
                if let Read::Found(status, loc) = subject.at("MasterUserSecret.SecretStatus").string()
                    && status == "impaired"
                {
                    let message = "the service keeps the password in Secrets Manager, and cannot read or rotate it any more";
                    out.push(Judgement::fail(subject, message).at(loc).stated("SecretStatus", status, loc));
                    continue;
                }
                out.push(Judgement::pass(subject, "the service keeps the password in Secrets Manager and rotates it"));
                continue;
            }
            match subject.at(property).text() {
                // Of a live database, AWS tells where the password is only if the service keeps it.
                Read::Absent(_) if managed.iter().any(|read| matches!(read, Read::Found(false, _))) && is_live(cx) => {
                    out.extend(elsewhere(cx, subject));
                }
                Read::Absent(_) => out.extend(managed.into_iter().find_map(|read| match read {
                    Read::Unknown(why, loc) => Some(
                        Judgement::cannot_tell(subject, "whether the service keeps the password", &why).at(loc),
                    ),
                    _ => None,
                })),
                Read::Unknown(why, loc) => {
                    out.push(Judgement::cannot_tell(subject, "where the password comes from", &why).at(loc));
                }
                Read::Found(text, loc) => {
                    let dynamic = text.dynamic_references().next();
                    let target = text.references().next().map(|r| cx.inventory.resource(r.target));
                    let secret = target.or_else(|| named(cx, subject, dynamic?));
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
                        (None, Some(other)) => Judgement::unknown(
                            subject,
                            format!("cannot tell where the password comes from: {} ({}) gives it", cx.label(other), other.kind),
                        )
                        .at(loc),
                        (None, None) => match text.first_unknown() {
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
    // A live secret tells by its name what it is for.
    for subject in cx.subjects(&["AWS::SecretsManager::Secret"]) {
        let name = subject.at("Name").string().found().unwrap_or_default();
        let of_database = crate::cx::words(&name).iter().any(|word| DATABASES.contains(&word.as_str()));
        if is_live(cx) && of_database && subject.at("OwningService").is_absent() && used.insert(subject.id()) {
            out.push(rotation(cx, subject, subject.resource));
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

/// Words in the name of a secret that holds a database's credentials.
const DATABASES: [&str; 11] = [
    "db", "database", "rds", "aurora", "postgres", "postgresql", "mysql", "mariadb", "docdb", "neptune", "redshift",
];

fn is_live(cx: &Cx<'_>) -> bool {
    cx.inventory.origin() == Origin::Live
}

/// A live database whose password the service does not keep. A member has its cluster's password, a copy its source's.
fn elsewhere(cx: &Cx<'_>, subject: Subject<'_>) -> Option<Judgement> {
    const OTHERS: [&str; 3] = ["DBClusterIdentifier", "SourceDBInstanceIdentifier", "ReplicationSourceIdentifier"];
    if OTHERS.iter().any(|property| !subject.at(property).is_absent()) && subject.kind().ends_with("DBInstance") {
        return None;
    }
    let place = &cx.inventory.stack_of(subject.resource).place;
    const SECRET: [&str; 1] = ["AWS::SecretsManager::Secret"];
    let near = |secret: &Subject<'_>| cx.inventory.stack_of(secret.resource).place == *place;
    let unread = unread(cx, "secretsmanager", &SECRET, place);
    Some(match (cx.subjects(&SECRET).iter().any(near), unread) {
        (false, None) => Judgement::fail(
            subject,
            "the service does not keep the password, and there is no secret in its account and region that could hold it",
        ),
        (_, Some(why)) => Judgement::cannot_tell(subject, "where its password is kept", &why),
        (true, None) => Judgement::unknown(
            subject,
            "cannot tell where its password is kept: the service does not keep it, and AWS does not tell which secret does",
        ),
    })
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

/// The secret of the input that a dynamic reference names by its name, or by its ARN.
fn named<'a>(cx: &Cx<'a>, user: Subject<'_>, dynamic: &Dynamic) -> Option<&'a Resource> {
    let name = match dynamic.name.split_once(":secret:") {
        // AWS adds a hyphen and six characters to the name.
        Some((_, name)) => name.split(':').next()?.rsplit_once('-')?.0,
        None => dynamic.name.split(':').next()?,
    };
    let mut secrets = cx.inventory.named("AWS::SecretsManager::Secret", "Name", name);
    secrets.find(|secret| cx.inventory.same_place(user.resource, secret) != Some(false))
}

/// The schedules that rotate a secret: of the secret itself, of its attachment to a database, or of its
/// name. A schedule that only uses it to rotate another does not.
fn schedules<'a>(cx: &Cx<'a>, secret: &'a Resource) -> impl Iterator<Item = &'a Resource> {
    let of = |resource: &Resource, id: ResourceId| {
        let value = resource.at("SecretId").found();
        value.and_then(|v| cx.inventory.target(v)).is_some_and(|(target, _)| target.id == id)
    };
    let attachments = cx
        .inventory
        .referrers(secret.id)
        .filter(move |r| &*r.kind == "AWS::SecretsManager::SecretTargetAttachment" && of(r, secret.id));
    let targets: Vec<ResourceId> = std::iter::once(secret.id).chain(attachments.map(|a| a.id)).collect();
    let name = match secret.at("Name").string() {
        Read::Found(name, _) => name,
        _ => String::new(),
    };
    let by_name: Vec<&Resource> = cx.inventory.named(SCHEDULE, "SecretId", &name).collect();
    targets
        .into_iter()
        .flat_map(move |id| cx.inventory.referrers(id).filter(move |r| &*r.kind == SCHEDULE && of(r, id)))
        .chain(by_name.into_iter().filter(|r| cx.inventory.same_place(secret, r) != Some(false)))
}

const SCHEDULE: &str = "AWS::SecretsManager::RotationSchedule";

const PERIODS: [&str; 2] = ["RotationRules.AutomaticallyAfterDays", "RotationRules.ScheduleExpression"];

/// What does the rotating.
const ROTATORS: [&str; 3] = ["RotationLambdaARN", "HostedRotationLambda", "ExternalSecretRotationRoleArn"];

fn unknown(read: Read<&Value>) -> Option<Arc<Why>> {
    match read {
        Read::Unknown(why, _) => Some(why),
        _ => None,
    }
}

fn rotation<'a>(cx: &Cx<'a>, subject: Subject<'_>, secret: &'a Resource) -> Judgement {
    match schedules(cx, secret).next() {
        None => {
            let place = &cx.inventory.stack_of(secret).place;
            match unread(cx, "secretsmanager", &[SCHEDULE], place) {
                Some(why) => Judgement::cannot_tell(subject, "whether the secret rotates", &why),
                None => Judgement::fail(subject, format!("secret {} has no rotation schedule", cx.label(secret))),
            }
        }
        Some(schedule) => {
            let rules = schedule.at("RotationRules");
            let periods = PERIODS.map(|name| schedule.at(name));
            let rotators = ROTATORS.map(|name| schedule.at(name));
            let has_period = periods.iter().any(|read| matches!(read, Read::Found(..)));
            let has_rotator = rotators.iter().any(|read| matches!(read, Read::Found(..)));
            let period_open = [rules].into_iter().chain(periods).find_map(unknown);
            let rotator_open = rotators.into_iter().find_map(unknown);
            let label = cx.label(secret);
            let judgement = match (has_period, period_open, has_rotator, rotator_open) {
                (false, None, ..) => Judgement::fail(subject, format!("the rotation schedule of {label} has no period")),
                (_, _, false, None) => {
                    Judgement::fail(subject, format!("no function rotates secret {label}: its rotation schedule names none"))
                }
                (false, Some(why), ..) => Judgement::cannot_tell(subject, "how often the secret rotates", &why),
                (_, _, false, Some(why)) => Judgement::cannot_tell(subject, "what rotates the secret", &why),
                _ => late(cx, subject, (secret, &label), schedule)
                    .unwrap_or_else(|| Judgement::pass(subject, format!("secret {label} rotates automatically"))),
            };
            judgement.step(format!("rotation schedule {}", schedule.name), schedule.loc)
        }
    }
    .step(format!("secret {}", secret.name), secret.loc)
}

/// What is to be said of a live secret that was not rotated when it was due. When rotations fail, the next one's day lies in
/// the past (AWS Secrets Manager API Reference, "DescribeSecret"); it may take a day, since it is told to the day.
fn late(cx: &Cx<'_>, subject: Subject<'_>, (secret, label): (&Resource, &str), schedule: &Resource) -> Option<Judgement> {
    if !is_live(cx) {
        return None;
    }
    let told = |at: &str| match schedule.at(at) {
        Read::Absent(_) => cx.days_since(secret.at(at)),
        read => cx.days_since(read),
    };
    let overdue = match told("NextRotationDate") {
        Read::Absent(_) => told("LastRotatedDate").then(|days, loc| {
            let period = schedule.at("RotationRules.AutomaticallyAfterDays").int();
            period.then(|period, _| Read::Found(days - period, loc))
        }),
        next => next,
    };
    match overdue {
        Read::Found(days, loc) if days > 1 => Some(
            Judgement::fail(subject, format!("secret {label} was due for rotation {days} days ago, and no rotation succeeded since"))
                .at(loc)
                .fix("Find out why its rotation fails (the function's log, its network, its permissions), and rotate the secret."),
        ),
        Read::Found(..) => None,
        Read::Unknown(why, loc) => Some(Judgement::cannot_tell(subject, "whether the secret was rotated on time", &why).at(loc)),
        Read::Absent(loc) => {
            let why = Why::NotGiven("when it is rotated next".to_owned());
            Some(Judgement::cannot_tell(subject, "whether the secret was rotated on time", &why).at(loc))
        }
    }
}
