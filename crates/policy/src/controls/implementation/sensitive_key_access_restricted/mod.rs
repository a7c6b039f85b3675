use crate::prelude::*;
use lockfast_access::{
    Account, Grantee, Policy, Resource as Target, Scope, Three, allowed_principals,
};
use std::collections::BTreeMap;

control! {
    /// Looks at every key under confidential and restricted data (a store of that classification uses
    /// it, or the key itself is so classified) and evaluates its policy: who may decrypt with it,
    /// denials and conditions counted. Access is restricted when only named roles and users may, or
    /// services that are tied to a caller, or the account's principals under a further condition
    /// (such as `kms:ViaService`, an encryption context, `aws:PrincipalArn` or a principal tag). It
    /// is not when anybody, a whole organisation, a network, another account that `lockfast.toml`
    /// does not trust, or the whole account without a condition may: `kms:*` for the account's root,
    /// as AWS's default key policy has it, leaves the key to every IAM policy of the account.
    ///
    /// A key that no template given makes is unknown, and so is a policy whose principals are known
    /// only at deployment.
    id: "sensitive-key-access-restricted",
    title: "Keys of confidential and restricted data admit only those who need them",
    clauses: ["CLS-3", "CLS-4"],
    severity: High,
    fix: "Name the roles that may decrypt in the key policy, or bind the account's statement with kms:ViaService; give the root administration only.",
    cloudformation: r#"- Sid: Use
  Effect: Allow
  Principal: {AWS: !GetAtt OrdersRole.Arn}
  Action: [kms:Decrypt, kms:GenerateDataKey]
  Resource: "*"
"#,
    cdk: r#"const key = new kms.Key(this, 'OrdersKey', {
  policy: new iam.PolicyDocument({ statements: [administration] }), // instead of kms:* for the root
});
key.grantEncryptDecrypt(ordersRole);
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let mut keys: BTreeMap<KeyTarget, (Classification, Option<&Store>)> = BTreeMap::new();
    for store in cx.inventory.stores() {
        let class = cx
            .classification(store.resource)
            .value()
            .copied()
            .filter(|c| c.is_sensitive());
        if let (Some(class), Some(Protection::Customer(key))) = (class, store.protection.value()) {
            let entry = keys
                .entry(key.target.clone())
                .or_insert((class, Some(store)));
            if class > entry.0 {
                *entry = (class, Some(store));
            }
        }
    }
    for kind in ["AWS::KMS::Key", "AWS::KMS::ReplicaKey"] {
        for key in cx.inventory.of_kind(kind) {
            if let Some(class) = cx
                .classification(key.id)
                .value()
                .filter(|c| c.is_sensitive())
            {
                keys.entry(KeyTarget::Resource(key.id))
                    .or_insert((*class, None));
            }
        }
    }
    for (key, (class, store)) in keys {
        match (key, store) {
            (KeyTarget::Resource(id), _) => {
                for subject in cx.inventory.variants_of(id) {
                    out.push(of_key(cx, subject, class));
                }
            }
            (KeyTarget::External(name), Some(store)) => out.push(
                Judgement::unknown(
                    store,
                    format!("cannot tell who may use {name}, the key of this {class} data: no template given makes it"),
                )
                .part(name),
            ),
            _ => {}
        }
    }
}

fn of_key(cx: &Cx<'_>, subject: Subject<'_>, class: Classification) -> Judgement {
    let home = Account::of(
        cx.inventory
            .stack_of(subject.resource)
            .place
            .account
            .as_ref(),
    );
    let read = subject.at("KeyPolicy");
    if let Read::Unknown(why, loc) = &read {
        return Judgement::cannot_tell(
            subject,
            &format!("who may use this key of {class} data"),
            why,
        )
        .at(*loc);
    }
    let Some(policy) = Policy::from_read(read).map(|policy| policy.in_account(home.clone())) else {
        return Judgement::fail(
            subject,
            format!(
                "it is a key of {class} data with AWS's default policy: every IAM policy of the account can open it"
            ),
        );
    };
    let mut unknown: Option<Judgement> = None;
    for grantee in allowed_principals(&policy, "kms:Decrypt", &Target::kms_key(subject.id())) {
        match too_wide(cx, &grantee, &home) {
            Width::Narrow => {}
            Width::Wide(who) if grantee.certain => {
                return Judgement::fail(
                    subject,
                    format!("it is a key of {class} data, and {who} may decrypt with it"),
                )
                .at(grantee.loc)
                .stated("may decrypt", who, grantee.loc);
            }
            Width::Wide(who) => {
                unknown.get_or_insert_with(|| {
                    Judgement::unknown(
                        subject,
                        format!("cannot tell whether {who} may decrypt {class} data: parts of the policy are known only at deployment"),
                    )
                    .at(grantee.loc)
                });
            }
            Width::Unknown(why) => {
                unknown.get_or_insert_with(|| {
                    Judgement::unknown(
                        subject,
                        format!("cannot tell who may decrypt {class} data: {why}"),
                    )
                    .at(grantee.loc)
                });
            }
        }
    }
    unknown.unwrap_or_else(|| {
        Judgement::pass(
            subject,
            format!("only those whom its policy names may decrypt this {class} data"),
        )
        .at(policy.loc)
    })
}

enum Width {
    Narrow,
    Wide(String),
    Unknown(String),
}

fn too_wide(cx: &Cx<'_>, grantee: &Grantee, home: &Account) -> Width {
    match grantee.scope() {
        Scope::Anyone => Width::Wide("anybody".into()),
        Scope::Organization(_) => Width::Wide("a whole organisation".into()),
        Scope::Network(_) => Width::Wide("whoever comes through a network".into()),
        Scope::Accounts(accounts) => {
            for account in &accounts {
                match account.same_from(home, home) {
                    Three::Yes if !is_narrowed(grantee) => {
                        return Width::Wide("every principal of the account that IAM lets".into());
                    }
                    Three::Yes => {}
                    _ if *account == Account::Unknown => {
                        return Width::Unknown("which account it admits".into());
                    }
                    _ if trusted(cx, account) => {}
                    Three::No => return Width::Wide("another account".into()),
                    Three::Maybe => {
                        return Width::Unknown(
                            "whether the account it admits is the key's own".into(),
                        );
                    }
                }
            }
            Width::Narrow
        }
        Scope::Service {
            guarded: Three::No,
            name,
        } => Width::Wide(format!(
            "{}, for any customer,",
            name.render(|_| "…".to_owned())
        )),
        Scope::Unknown(why) => Width::Unknown(why.to_string()),
        _ => Width::Narrow,
    }
}

fn trusted(cx: &Cx<'_>, account: &Account) -> bool {
    matches!(account, Account::Id(id) if cx.config.access.trusted_accounts.iter().any(|t| **t == **id))
}

/// True when a condition asks for more than the account alone.
fn is_narrowed(grantee: &Grantee) -> bool {
    const ACCOUNT_KEYS: [&str; 4] = [
        "kms:calleraccount",
        "aws:principalaccount",
        "aws:sourceaccount",
        "aws:principaltype",
    ];
    grantee
        .conditions
        .iter()
        .any(|condition| !ACCOUNT_KEYS.contains(&condition.key.to_lowercase().as_str()))
}
