use crate::live::unread;
use crate::prelude::*;

control! {
    /// The encryption architecture is documented by what Lockfast draws from the templates: the key
    /// map. It is only readable when every key says what it is for, by a description or an alias.
    /// CDK gives a key an alias when asked to; a bare key shows as a UUID.
    id: "key-described",
    title: "Every key says what it is for, so that the key map documents the architecture",
    clauses: ["BP-12"],
    severity: Low,
    fix: "Give the key a Description or an alias that names environment and data.",
    cloudformation: r#"DataKey:
  Type: AWS::KMS::Key
  Properties:
    Description: prod, confidential data of the shop
"#,
    cdk: r#"new kms.Key(this, 'DataKey', { alias: 'prod/confidential', description: 'confidential data of the shop' });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    for subject in cx.subjects(&["AWS::KMS::Key", "AWS::KMS::ReplicaKey"]) {
        let alias = cx
            .inventory
            .referrers(subject.id())
            .find(|r| &*r.kind == "AWS::KMS::Alias");
        if subject.at("KeyState").string().found().is_some_and(|state| state.ends_with("Deletion")) {
            out.push(Judgement::not_applicable(subject, "the key is about to be deleted"));
            continue;
        }
        let place = &cx.inventory.stack_of(subject.resource).place;
        let unlisted = unread(cx, "kms", &["AWS::KMS::Alias"], place);
        let judgement = match (subject.at("Description").text(), alias) {
            (_, Some(alias)) => Judgement::pass(subject, "an alias names it").step(format!("alias {}", alias.name), alias.loc),
            (Read::Found(text, loc), None) if text.plain() != Some("") => {
                Judgement::pass(subject, "its description says what it is for").at(loc)
            }
            (Read::Unknown(why, loc), None) => Judgement::cannot_tell(subject, "its description", &why).at(loc),
            _ if unlisted.is_some() => {
                Judgement::unknown(subject, "cannot tell what the key is for: it has no description, and the aliases could not be listed")
            }
            _ => Judgement::fail(subject, "neither a description nor an alias says what the key is for"),
        };
        out.push(judgement);
    }
}
