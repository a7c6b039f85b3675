//! Policies together, and who is let in.

use super::*;
use lockfast_facts::{Loc, Part, Reference, ResourceId, Text, Value, Why};
use std::sync::Arc;

const ROLE: &str = "arn:aws:iam::111111111111:role/app";
const FAR_ROLE: &str = "arn:aws:iam::222222222222:role/app";

fn home() -> Account {
    Account::Id("111111111111".into())
}

fn policy(json: &str) -> Policy {
    Policy::from_value(&Value::string(json, Loc::default())).in_account(home())
}

fn allow(principal: &str, action: &str) -> Policy {
    let principal = match principal {
        "" => String::new(),
        p => format!(r#""Principal":{p},"#),
    };
    policy(&format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{principal}"Action":"{action}","Resource":"*"}}]}}"#
    ))
}

fn decide(caller: &str, action: &str, policies: &PolicySet<'_>) -> Decision {
    let request = Request::new(Principal::arn(caller), action, Resource::any()).in_account(home());
    evaluate_access(&request, policies).decision
}

#[test]
fn keys_trust_no_identity_policy_unless_they_delegate() {
    let identity = allow("", "kms:Decrypt");
    let root = allow(r#"{"AWS":"arn:aws:iam::111111111111:root"}"#, "kms:*");
    let other = allow(r#"{"AWS":"arn:aws:iam::111111111111:role/other"}"#, "kms:*");
    let named = allow(&format!(r#"{{"AWS":"{ROLE}"}}"#), "kms:*");
    let set = |resource, identity: Vec<_>| PolicySet {
        identity,
        resource: Some(resource),
        trust: Trust::ResourceFirst,
        ..PolicySet::default()
    };
    assert_eq!(
        decide(ROLE, "kms:Decrypt", &set(&root, vec![&identity])),
        Decision::Allow
    );
    assert_eq!(
        decide(ROLE, "kms:Decrypt", &set(&root, vec![])),
        Decision::ImplicitDeny
    );
    assert_eq!(
        decide(ROLE, "kms:Decrypt", &set(&other, vec![&identity])),
        Decision::ImplicitDeny
    );
    assert_eq!(
        decide(ROLE, "kms:Decrypt", &set(&named, vec![])),
        Decision::Allow
    );
    // A boundary limits what the role's ARN is given, not what everybody is given.
    let nothing = allow("", "s3:*");
    let everybody = allow(r#""*""#, "kms:*");
    let bounded = |resource| PolicySet {
        boundary: Some(&nothing),
        ..set(resource, vec![])
    };
    assert_eq!(
        decide(ROLE, "kms:Decrypt", &bounded(&named)),
        Decision::ImplicitDeny
    );
    assert_eq!(
        decide(ROLE, "kms:Decrypt", &bounded(&everybody)),
        Decision::Allow
    );
}

#[test]
fn across_accounts_both_sides_must_allow() {
    let far = allow(r#"{"AWS":"222222222222"}"#, "kms:*");
    let identity = allow("", "kms:*");
    let set = |identity: Vec<_>| PolicySet {
        identity,
        resource: Some(&far),
        trust: Trust::ResourceFirst,
        ..PolicySet::default()
    };
    assert_eq!(
        decide(FAR_ROLE, "kms:Decrypt", &set(vec![&identity])),
        Decision::Allow
    );
    assert_eq!(
        decide(FAR_ROLE, "kms:Decrypt", &set(vec![])),
        Decision::ImplicitDeny
    );
    assert_eq!(
        decide(FAR_ROLE, "kms:PutKeyPolicy", &set(vec![&identity])),
        Decision::ImplicitDeny
    );
}

#[test]
fn organisation_policies_limit_and_grants_only_allow() {
    let identity = allow("", "kms:*");
    let scp = allow("", "s3:*");
    let full = allow("", "*");
    let grants = [Grant {
        id: "1".into(),
        grantee: PrincipalPattern::Arn(Text::Plain(ROLE.into())),
        retiring: None,
        operations: Some(vec!["Decrypt".into()]),
        equals: None,
        subset: None,
        loc: Loc::default(),
    }];
    let set = |scp| PolicySet {
        identity: vec![&identity],
        trust: Trust::ResourceFirst,
        grants: &grants,
        scps: vec![vec![&full], vec![scp]],
        ..PolicySet::default()
    };
    assert_eq!(decide(ROLE, "kms:Decrypt", &set(&full)), Decision::Allow);
    assert_eq!(
        decide(ROLE, "kms:Decrypt", &set(&scp)),
        Decision::ImplicitDeny
    );
    assert_eq!(
        decide(ROLE, "kms:Encrypt", &set(&full)),
        Decision::ImplicitDeny
    );
}

#[test]
fn buckets_take_either_side() {
    let identity = allow("", "s3:GetObject");
    let set = PolicySet {
        identity: vec![&identity],
        ..PolicySet::default()
    };
    assert_eq!(decide(ROLE, "s3:GetObject", &set), Decision::Allow);
    assert_eq!(
        decide(FAR_ROLE, "s3:GetObject", &set),
        Decision::ImplicitDeny
    );
}

fn who(json: &str) -> Vec<Grantee> {
    allowed_principals(&policy(json), "kms:Decrypt", &Resource::any())
}

fn statement(principal: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"kms:*","Resource":"*",
            "Condition":{{{condition}}}}}]}}"#
    )
}

#[test]
fn conditions_narrow_everyone() {
    let scope = |condition: &str| who(&statement(r#""*""#, condition))[0].scope();
    assert_eq!(scope(""), Scope::Anyone);
    assert_eq!(
        scope(r#""StringEquals":{"kms:ViaService":"s3.eu-central-1.amazonaws.com"}"#),
        Scope::Anyone,
        "a service asks for any account's callers"
    );
    assert_eq!(
        scope(r#""StringEquals":{"kms:calleraccount":"111111111111"}"#),
        Scope::Accounts(vec![home()])
    );
    assert_eq!(
        scope(r#""StringEqualsIfExists":{"kms:CallerAccount":"111111111111"}"#),
        Scope::Anyone
    );
    assert!(matches!(
        scope(r#""StringEquals":{"aws:PrincipalOrgID":"o-1"}"#),
        Scope::Organization(_)
    ));
    assert!(matches!(
        scope(&format!(r#""ArnLike":{{"aws:PrincipalArn":"{ROLE}"}}"#)),
        Scope::Principals(_)
    ));
    assert_eq!(
        scope(r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/app"}"#),
        Scope::Anyone
    );
}

#[test]
fn services_need_a_source() {
    let guarded =
        |condition: &str| match who(&statement(r#"{"Service":"sns.amazonaws.com"}"#, condition))[0]
            .scope()
        {
            Scope::Service { guarded, .. } => guarded,
            other => panic!("{other:?}"),
        };
    assert_eq!(guarded(""), Three::No);
    assert_eq!(
        guarded(r#""StringEquals":{"aws:SourceAccount":"111111111111"}"#),
        Three::Yes
    );
    assert_eq!(
        guarded(r#""ArnLike":{"aws:SourceArn":"arn:aws:sns:*:111111111111:*"}"#),
        Three::Yes
    );
    assert_eq!(
        guarded(r#""ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:*"}"#),
        Three::No
    );
    assert_eq!(
        guarded(r#""StringLike":{"aws:SourceAccount":"*"}"#),
        Three::No
    );
}

#[test]
fn denials_take_back() {
    let denied = |condition: &str| {
        who(&format!(
            r#"{{"Version":"2012-10-17","Statement":[
                {{"Effect":"Allow","Principal":{{"AWS":"222222222222"}},"Action":"kms:*","Resource":"*"}},
                {{"Effect":"Deny","Principal":"*","Action":"kms:Decrypt","Resource":"*","Condition":{{{condition}}}}}]}}"#
        ))
    };
    assert!(denied("").is_empty());
    assert!(denied(r#""StringNotEquals":{"aws:PrincipalAccount":"111111111111"}"#).is_empty());
    let left = denied(r#""Bool":{"aws:MultiFactorAuthPresent":"false"}"#);
    assert!(!left[0].certain && left[0].unless.len() == 1);
    assert_eq!(left[0].is_foreign(), Three::Yes);
}

#[test]
fn the_root_of_this_account_is_known_in_any_writing() {
    let own = || Part::Unknown(Arc::new(Why::Runtime("AWS::AccountId".into())));
    let partition = Part::Unknown(Arc::new(Why::Runtime("AWS::Partition".into())));
    let lit = |s: &str| Part::Literal(s.into());
    let read = |text: Text| {
        let value = Value::new(lockfast_facts::Kind::Text(text), Loc::default());
        PrincipalPattern::from_value("AWS", &value)
    };
    let joined = [lit("arn:"), partition, lit(":iam::"), own(), lit(":root")];
    let root = PrincipalPattern::Account(Account::Own);
    assert_eq!(read(Text::from_parts(joined)), root);
    assert_eq!(read(Text::from_parts([own()])), root);
    assert_eq!(
        read(Text::Plain("arn:aws:iam::111111111111:root".into())),
        PrincipalPattern::Account(home())
    );
    let role = Part::Reference(Reference {
        target: ResourceId(3),
        attribute: Some("Arn".into()),
    });
    assert_eq!(
        read(Text::from_parts([role])),
        PrincipalPattern::Resource(ResourceId(3))
    );
}

#[test]
fn administrators_who_use_the_key() {
    let key = policy(&format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":["{ROLE}"]}},"Action":["kms:PutKeyPolicy"],"Resource":"*"}},
            {{"Effect":"Allow","Principal":{{"AWS":["{ROLE}","{FAR_ROLE}"]}},"Action":["kms:ReEncrypt*"],"Resource":"*"}}]}}"#
    ));
    let both = kms::administer_and_use(&key);
    assert_eq!(both.len(), 1);
    assert_eq!(both[0].administers[0].actions, ["kms:PutKeyPolicy"]);
    assert_eq!(
        both[0].uses[0].actions,
        ["kms:ReEncryptFrom", "kms:ReEncryptTo"]
    );
}

#[test]
fn not_principal_spares_only_whom_it_lists_with_its_account() {
    let deny = |list: &str| {
        policy(&format!(
            r#"{{"Statement":[{{"Effect":"Deny","NotPrincipal":{{"AWS":[{list}]}},"Action":"*","Resource":"*"}}]}}"#
        ))
    };
    let request =
        Request::new(Principal::arn(ROLE), "s3:GetObject", Resource::any()).in_account(home());
    let both = format!(r#""{ROLE}","arn:aws:iam::111111111111:root""#);
    assert_eq!(denies(&deny(&both), &request), Three::No);
    assert_eq!(
        denies(&deny(&format!(r#""{ROLE}""#)), &request),
        Three::Maybe
    );
    assert_eq!(
        denies(&deny(&format!(r#""{FAR_ROLE}""#)), &request),
        Three::Yes
    );
}

#[test]
fn roles_reach_the_keys_they_name() {
    let key = |id| {
        Value::new(
            lockfast_facts::Kind::Text(Text::from_parts([Part::Reference(Reference {
                target: ResourceId(id),
                attribute: Some("Arn".into()),
            })])),
            Loc::default(),
        )
    };
    let entry = |name: &str, value: Value| (Arc::from(name), value);
    let s = |s: &str| Value::string(s, Loc::default());
    let statement = lockfast_facts::Map::from_iter([
        entry("Effect", s("Allow")),
        entry("Action", s("kms:Decrypt")),
        entry("Resource", key(1)),
    ]);
    let statement = Value::new(lockfast_facts::Kind::Map(statement), Loc::default());
    let document = lockfast_facts::Map::from_iter([entry("Statement", statement)]);
    let policy = Policy::from_value(&Value::new(
        lockfast_facts::Kind::Map(document),
        Loc::default(),
    ));
    let on = |id| {
        identity_allows(
            &[&policy],
            "kms:Decrypt",
            &Resource::kms_key(ResourceId(id)),
        )
    };
    assert_eq!(on(1), Decision::Allow);
    assert_eq!(on(2), Decision::ImplicitDeny);
    let literal = allow("", "kms:Decrypt");
    assert_eq!(
        identity_allows(
            &[&literal],
            "kms:Decrypt",
            &Resource::kms_key(ResourceId(2))
        ),
        Decision::Allow
    );
}
