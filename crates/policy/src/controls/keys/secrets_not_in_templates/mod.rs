use crate::controls::keys::parameter_secret::is_hidden;
use crate::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

control! {
    /// Passwords, tokens and pre-shared keys that a resource takes as a property: one that is written
    /// into the template, or stands there as a parameter's default, is known to everybody who reads
    /// the repository or the stack. So is one that a parameter without `NoEcho` takes, since
    /// `DescribeStacks` shows it. A dynamic reference to Secrets Manager or to a SecureString passes,
    /// and so does a `NoEcho` parameter without a default. The value is never printed.
    ///
    /// The `SecretString` of a secret fails when it looks like one; a blank to fill in passes.
    id: "secrets-not-in-templates",
    title: "No password, token or key stands in a template",
    clauses: ["SEC-1"],
    sources: [Iac],
    severity: Critical,
    fix: "Change the secret, since it is known; keep the new one in Secrets Manager (GenerateSecretString) and name it by a dynamic reference.",
    cloudformation: r#"Type: AWS::AmazonMQ::Broker
Properties:
  Users:
    - Username: shop
      Password: !Sub "{{resolve:secretsmanager:${BrokerSecret}:SecretString:password}}"
"#,
    cdk: r#"const secret = new secretsmanager.Secret(this, 'BrokerSecret', { encryptionKey: secretsKey, generateSecretString: { generateStringKey: 'password', secretStringTemplate: '{}' } });
new amazonmq.CfnBroker(this, 'Broker', { users: [{ username: 'shop', password: secret.secretValueFromJson('password').unsafeUnwrap() }], /* … */ });
"#,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    properties: BTreeMap<String, Vec<String>>,
    shapes: BTreeMap<String, Vec<String>>,
}

static FILE: LazyLock<File> = LazyLock::new(|| {
    toml::from_str(include_str!("properties.toml")).expect("properties.toml is exercised by the fixtures")
});

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let tables = [(&FILE.properties, false), (&FILE.shapes, true)];
    for (kinds, by_shape) in tables {
        for (kind, paths) in kinds {
            for subject in cx.subjects(&[kind]) {
                for path in paths {
                    let values = subject.variant.properties.each(path);
                    for (i, value) in values.into_iter().enumerate() {
                        let part = match path.split_once('*') {
                            Some((before, after)) => format!("{before}{i}{after}"),
                            None => path.clone(),
                        };
                        if let Some(judgement) = decide(cx, subject, path, by_shape, value.text()) {
                            out.push(judgement.part(part));
                        }
                    }
                }
            }
        }
    }
}

fn decide(
    cx: &Cx<'_>,
    subject: Subject<'_>,
    path: &str,
    by_shape: bool,
    value: Read<std::borrow::Cow<'_, lockfast_facts::Text>>,
) -> Option<Judgement> {
    let name = path.rsplit('.').find(|step| *step != "*").unwrap_or(path);
    let (text, loc) = match value {
        Read::Absent(_) => return None,
        Read::Unknown(why, loc) => return Some(of_unknown(cx, subject, name, &why).at(loc)),
        Read::Found(text, loc) => (text, loc),
    };
    let dynamic = text.dynamic_references().next();
    let judgement = match (dynamic, text.plain()) {
        (Some(dynamic), _) if &*dynamic.service == "ssm" => Judgement::fail(
            subject,
            format!("{name} comes from parameter {}, which is kept in the clear", dynamic.name),
        ),
        (Some(dynamic), _) => Judgement::pass(subject, format!("{name} comes from {}", dynamic.service)),
        // Of an object, the names inside say what is a secret.
        (None, plain) if by_shape => match crate::secrets::found(
            if plain.is_some_and(|json| json.trim_start().starts_with('{')) { "value" } else { name },
            &text,
        ) {
            Some(what) => Judgement::fail(subject, format!("{name} holds {what}")),
            None => match secret_part(&text) {
                Some(why) => of_unknown(cx, subject, name, &why),
                None => Judgement::pass(subject, format!("{name} holds nothing that looks like a secret")),
            },
        },
        (None, Some("")) => return None,
        (None, Some(_)) => Judgement::fail(subject, format!("{name} stands in the template")),
        (None, None) => match text.first_unknown() {
            Some(why) => of_unknown(cx, subject, name, why),
            None => Judgement::pass(subject, format!("{name} is what another resource gives")),
        },
    };
    Some(judgement.at(loc))
}

/// Of a text that is joined from several, the part that is a secret: beside a password may stand a
/// user's name or a host, which are none.
fn secret_part(text: &lockfast_facts::Text) -> Option<Arc<Why>> {
    let parts = text.parts();
    let mut unknown = parts.iter().filter_map(|part| match part {
        lockfast_facts::Part::Unknown(why) => Some(why),
        _ => None,
    });
    let alone = parts.len() == 1;
    unknown
        .find(|why| match &***why {
            Why::Parameter(name) => alone || crate::secrets::is_secret_name(name),
            _ => true,
        })
        .cloned()
}

fn of_unknown(cx: &Cx<'_>, subject: Subject<'_>, name: &str, why: &Why) -> Judgement {
    let Why::Parameter(parameter) = why else {
        return Judgement::cannot_tell(subject, &format!("where {name} comes from"), why);
    };
    if is_hidden(cx, subject, parameter) {
        Judgement::pass(subject, format!("{name} is typed in at deployment, and NoEcho hides it"))
    } else {
        Judgement::fail(
            subject,
            format!("{name} comes from parameter {parameter}, which has no NoEcho, so the stack shows it"),
        )
    }
}
