use super::inherited::protections;
use crate::prelude::*;
use lockfast_facts::tables::is_known_type;

control! {
    /// Goes through everything that stores data, of every AWS service that the storage table knows
    /// (`crates/facts/tables/storage.toml`: more than 250 types, each with what AWS does when the
    /// template says nothing), in every environment. A store that nothing encrypts fails, whatever
    /// it holds. What takes its encryption from something else (a published version, a backup, a
    /// delivery stream that reads a Kinesis stream) is followed there. EBS volumes that say nothing
    /// follow the account's "encryption by default" setting, which no template shows: unknown.
    ///
    /// Parameters of Systems Manager are left to the controls of SSM-1, since a `String` parameter is
    /// configuration in plain sight by design. A resource of an `AWS::` type that the tables do not
    /// know, or of a CloudFormation module, is unknown and named: nothing is skipped in silence.
    id: "every-store-encrypted",
    title: "Nothing stores data unencrypted, in any environment",
    clauses: ["IAC-2", "BP-2"],
    severity: High,
    fix: "Switch encryption at rest on. Most services take it only at creation: then make an encrypted copy and move over.",
    cloudformation: r#"Type: AWS::EFS::FileSystem
Properties:
  Encrypted: true
  KmsKeyId: !GetAtt FilesKey.Arn
"#,
    cdk: r#"new efs.FileSystem(this, 'Files', { vpc, encrypted: true, kmsKey: filesKey });
"#,
    by_type: true,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for store in cx.inventory.stores() {
        if store.spec.noun == "parameter" {
            continue;
        }
        for (case, protection) in protections(cx, store, &store.when) {
            out.push(of_store(cx, store, &protection).when(&case));
        }
    }
    for (kind, ids) in cx.inventory.kinds() {
        let module = kind.ends_with("::MODULE");
        if !module && (!kind.starts_with("AWS::") || is_known_type(kind)) {
            continue;
        }
        let message = if module {
            format!("cannot tell what module {kind} makes, and whether it stores data")
        } else {
            format!(
                "cannot tell whether {kind} stores data: the storage table does not know the type"
            )
        };
        for id in ids {
            out.push(Judgement::unknown(
                cx.inventory.resource(*id),
                message.clone(),
            ));
        }
    }
}

fn of_store(cx: &Cx<'_>, store: &Store, protection: &Known<Protection>) -> Judgement {
    let service = &store.spec.service;
    let mut judgement = match protection {
        Known::Unknown(why, _) => match protection.unknown_key() {
            Some(why) => Judgement::pass_whichever_key(store, "what it stores is encrypted", why),
            None => Judgement::cannot_tell(store, "whether it is encrypted", why),
        },
        known if known.value() == Some(&Protection::None) && *protection != store.protection => {
            Judgement::fail(store, "what it takes its encryption from is not encrypted")
        }
        Known::Stated(Protection::None, _) => Judgement::fail(
            store,
            format!("what {service} stores here is not encrypted"),
        ),
        Known::Default(Protection::None, ..) => Judgement::fail(
            store,
            format!(
                "it says nothing of encryption, and {service} then stores data unencrypted"
            ),
        ),
        known => match known.value().and_then(Protection::customer_key) {
            Some(key) => Judgement::pass(store, "what it stores is encrypted").key(key),
            None => Judgement::pass(store, "what it stores is encrypted"),
        },
    };
    if store.spec.creation_only && judgement.verdict == crate::judgement::Verdict::Fail {
        judgement = judgement
            .note("encryption can only be chosen when it is created: changing it replaces it");
    }
    judgement.fact_as("encryption at rest", protection, |p| p.label(cx.inventory))
}
