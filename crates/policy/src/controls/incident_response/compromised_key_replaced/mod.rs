use crate::controls::data_at_rest::inherited::effective;
use crate::incidents::{self, Keys};
use crate::live::{listed, unread};
use crate::prelude::*;

control! {
    /// Judges the keys of incidents that `lockfast.toml` declares (`[[incident]]`): those of kind
    /// `key-compromised`, and exposures that say their keys may be compromised. A key is replaced when it
    /// is disabled or waits for its deletion; or when no alias points at it, no store uses it and no grant
    /// on it stands. Rotating it closes no leaked grant or policy and changes nothing here. With aliases,
    /// grants or stores that could not be read, or a key that was not scanned, it is unknown.
    ///
    /// With no such incident declared there is nothing to judge.
    id: "compromised-key-replaced",
    title: "Compromised keys are replaced",
    clauses: ["KCR-1"],
    sources: [Live],
    severity: Critical,
    fix: "Make a new key, move the alias to it, revoke the grants of the old one, encrypt its stores again, and disable it; delete it when nothing is under it any more.",
    cloudformation: r#"NewOrdersKey:
  Type: AWS::KMS::Key
  Properties: {EnableKeyRotation: true, KeyPolicy: !Ref Policy}
OrdersAlias:
  Type: AWS::KMS::Alias
  Properties: {AliasName: alias/orders, TargetKeyId: !Ref NewOrdersKey}
"#,
    cdk: r#"const key = new kms.Key(this, 'NewOrdersKey', { enableKeyRotation: true });
new kms.Alias(this, 'OrdersAlias', { aliasName: 'alias/orders', targetKey: key });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let compromised = incidents::compromised(cx, out);
    if compromised.is_empty() {
        return;
    }
    let keys = Keys::of(cx);
    for (incident, arn) in compromised {
        let Some(key) = incidents::resource(cx, arn) else {
            out.push(incidents::not_scanned(incident, arn, "whether a compromised key is replaced"));
            continue;
        };
        let judgement = replaced(cx, key, arn, &keys);
        out.push(judgement.part(incident.id.clone()).stated("since", incident.since.to_string(), key.loc));
    }
}

fn replaced<'a>(cx: &Cx<'a>, key: &Resource, arn: &str, keys: &Keys<'a>) -> Judgement {
    if let Read::Unknown(why, loc) = key.at("KeyManager") {
        return Judgement::cannot_tell(key, "whether the key is in use", &why).at(loc);
    }
    let state = match key.at("KeyState").string() {
        Read::Found(state, _) => state,
        Read::Unknown(why, loc) => return Judgement::cannot_tell(key, "whether the key is in use", &why).at(loc),
        Read::Absent(loc) => {
            return Judgement::unknown(key, "cannot tell whether the key is in use: the account does not say").at(loc);
        }
    };
    if matches!(state.as_str(), "Disabled" | "PendingDeletion" | "PendingReplicaDeletion") {
        return Judgement::pass(key, format!("it is out of use: its state is {state}"));
    }
    let place = &cx.inventory.stack_of(key).place;
    let aliases = listed(cx, &["AWS::KMS::Alias"]);
    let alias = aliases.into_iter().find(|alias| match alias.at("TargetKeyId") {
        Read::Found(value, _) => cx.inventory.target(value).is_some_and(|(target, _)| target.id == key.id),
        _ => false,
    });
    if let Some(alias) = alias {
        return Judgement::fail(key, format!("{} still points at it", alias.resource.name)).at(alias.resource.loc);
    }
    let under = keys.under(cx, arn, effective);
    if let Some(first) = under.stores.first() {
        let more = match under.stores.len() - 1 {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        return Judgement::fail(key, format!("{}{more} still use it", incidents::store_label(cx, first)));
    }
    match key.at("Grants.0") {
        Read::Found(grant, loc) => {
            let to = grant.at("GranteePrincipal").string().found().unwrap_or_default();
            return Judgement::fail(key, format!("a grant on it still stands, to {to}")).at(loc);
        }
        Read::Unknown(why, loc) => return Judgement::cannot_tell(key, "which grants on it stand", &why).at(loc),
        Read::Absent(_) => {}
    }
    if let Some(why) = unread(cx, "kms", &["AWS::KMS::Alias"], place) {
        return Judgement::cannot_tell(key, "whether an alias points at it", &why);
    }
    if let Some((store, why)) = &under.unknown {
        let what = format!("whether {} uses it", incidents::store_label(cx, store));
        return Judgement::cannot_tell(key, &what, why);
    }
    if let Some(why) = incidents::unread_stores(cx, place) {
        return Judgement::cannot_tell(key, "what uses it", &why);
    }
    Judgement::pass(key, "no alias points at it, and nothing scanned uses it")
        .note(format!("its state is {state}: whoever holds what was encrypted under it can still have it decrypted"))
}
