//! All kinds of policy together, read a second time: naive, on JSON and plain strings, for a request of
//! which everything is known. What one statement says comes from `reference`; here is only how policies combine.

use crate::reference::{self, Asked};
use serde_json::{Value as Json, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    Allow,
    ExplicitDeny,
    ImplicitDeny,
    /// The key's state forbids the operation, whoever asks.
    KeyState,
}

/// How a statement's principal element reaches who asks. It matters for what limits the allow.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    /// The user, the session or the service itself.
    Itself,
    /// The role behind a session.
    Role,
    /// The account, which passes the permission on to its identity policies.
    Account,
    /// `*`.
    Everyone,
}

/// A key of `unknown` that is not in the context counts as not in the request.
pub fn whole(case: &Json) -> Answer {
    let asked = asked(case);
    let policies = &case["policies"];
    let (principal, action) = (&*asked.principal, &*asked.action);
    let key = is_key(&asked.resource);
    let operation = action.split_once(':').unwrap().1;
    let retires = key && operation == "RetireGrant";

    let state = case["key"]["state"].as_str().unwrap_or("Enabled");
    if key && !possible_in_state(operation, state) {
        return Answer::KeyState;
    }

    let linked = principal.contains(":role/aws-service-role/");
    let scps = match account(principal) {
        Some(_) if !linked => levels(&policies["scps"]),
        _ => Vec::new(),
    };
    let rcps = match case["key"]["aws_managed"] == true || linked || retires {
        true => Vec::new(),
        false => levels(&policies["rcps"]),
    };
    // A key policy has no say in who retires a grant.
    let resource = match retires {
        true => Vec::new(),
        false => documents(&policies["resource"]),
    };
    let identity = documents(&policies["identity"]);
    let boundary = documents(&policies["boundary"]);
    let session = documents(&policies["session"]);
    let endpoint = documents(&policies["endpoint"]);

    // A deny anywhere.
    let unnamed = [&identity, &boundary, &session];
    let named = [&resource, &endpoint];
    let denies = unnamed
        .into_iter()
        .chain(&scps)
        .flatten()
        .any(|p| says(p, "Deny", &asked))
        || named
            .into_iter()
            .chain(&rcps)
            .flatten()
            .any(|p| !reaches(p, "Deny", &asked).is_empty());
    if denies {
        return Answer::ExplicitDeny;
    }

    // What limits everything: the organisation at every level, and the way the request came.
    let permits = |all: &[Json]| all.iter().any(|p| says(p, "Allow", &asked));
    let lets_in = |all: &[Json]| all.iter().any(|p| !reaches(p, "Allow", &asked).is_empty());
    if !scps.iter().all(|level| permits(level))
        || !rcps.iter().all(|level| lets_in(level))
        || (!endpoint.is_empty() && !lets_in(&endpoint))
    {
        return Answer::ImplicitDeny;
    }

    if retires {
        return yes(may_retire(case, &asked));
    }

    let root = account(principal).is_some_and(|a| principal == format!("arn:aws:iam::{a}:root"));
    let federated = principal.contains(":federated-user/");
    let within_boundary = boundary.is_empty() || permits(&boundary);
    // A federated user whose session was given no policy has nothing but what names the session.
    let within_session = match session.is_empty() {
        true => !federated,
        false => permits(&session),
    };
    let limits = within_boundary && within_session;
    let of_identity = (root || permits(&identity)) && limits;

    let by: Vec<Reach> = resource
        .iter()
        .flat_map(|p| reaches(p, "Allow", &asked))
        .collect();
    let by_grant = key && grants(case).iter().any(|g| grant_allows(g, &asked));

    let Some(home) = account(principal) else {
        // A service or nobody: only what the resource says, and nothing is passed on to identity policies.
        return yes(by_grant || !by.is_empty());
    };
    if Some(&*home) != asked.context["aws:ResourceAccount"].first().map(|a| &**a) {
        let works = !key || works_across_accounts(operation);
        return yes(works && of_identity && (by_grant || !by.is_empty()));
    }
    let by_resource = by.iter().any(|reach| match reach {
        Reach::Itself | Reach::Everyone => true,
        Reach::Role => limits,
        Reach::Account => of_identity,
    });
    // A key and a role trust nobody by themselves; other resources trust the identity policies of their account.
    let trusts_account = !key && operation != "AssumeRole";
    yes(by_resource || by_grant || (trusts_account && of_identity))
}

fn yes(allowed: bool) -> Answer {
    if allowed {
        Answer::Allow
    } else {
        Answer::ImplicitDeny
    }
}

/// The request with the keys that follow from it.
fn asked(case: &Json) -> Asked {
    let request = &case["request"];
    let text = |key: &str| request[key].as_str().unwrap_or_default().to_owned();
    let (principal, resource) = (text("principal"), text("resource"));
    let mut asked = Asked {
        principal: principal.clone(),
        action: text("action"),
        resource: resource.clone(),
        context: Default::default(),
    };
    let mut put = |key: &str, value: &str| {
        asked.context.insert(key.to_owned(), vec![value.to_owned()]);
    };
    if let Some(account) = account(&principal) {
        put(
            "aws:PrincipalArn",
            &role_of(&principal).unwrap_or(principal.clone()),
        );
        put("aws:PrincipalAccount", &account);
        put("kms:CallerAccount", &account);
        let kind = if principal.ends_with(":root") {
            "Account"
        } else if principal.contains(":user/") {
            "User"
        } else if principal.contains(":federated-user/") {
            "FederatedUser"
        } else {
            "AssumedRole"
        };
        put("aws:PrincipalType", kind);
    }
    for (tag, value) in request["principal_tags"].as_object().into_iter().flatten() {
        put(&format!("aws:PrincipalTag/{tag}"), value.as_str().unwrap());
    }
    let owner = request["resource_account"].as_str().map(str::to_owned);
    let owner = owner.or_else(|| resource.split(':').nth(4).map(str::to_owned));
    // `*` is the caller's own account.
    let owner = owner.or_else(|| account(&principal)).unwrap();
    put("aws:ResourceAccount", &owner);
    for (key, values) in request["context"].as_object().into_iter().flatten() {
        let values = values.as_array().unwrap().iter();
        let values = values.map(|v| v.as_str().unwrap().to_owned()).collect();
        asked.context.retain(|k, _| !k.eq_ignore_ascii_case(key));
        asked.context.insert(key.clone(), values);
    }
    asked
}

fn account(principal: &str) -> Option<String> {
    let parts: Vec<&str> = principal.split(':').collect();
    (parts[0] == "arn").then(|| parts[4].to_owned())
}

/// `arn:aws:sts::1:assumed-role/name/session` is a session of `arn:aws:iam::1:role/name`.
fn role_of(principal: &str) -> Option<String> {
    let (head, tail) = principal.split_once(":assumed-role/")?;
    let (name, _) = tail.split_once('/')?;
    Some(format!(
        "{}:role/{name}",
        head.replace("arn:aws:sts:", "arn:aws:iam:")
    ))
}

fn is_key(resource: &str) -> bool {
    resource.starts_with("arn:aws:kms:") && resource.contains(":key/")
}

fn documents(value: &Json) -> Vec<Json> {
    match value {
        Json::Null => Vec::new(),
        Json::Array(all) => all.clone(),
        one => vec![one.clone()],
    }
}

fn levels(value: &Json) -> Vec<Vec<Json>> {
    documents(value).iter().map(documents).collect()
}

fn grants(case: &Json) -> Vec<Json> {
    documents(&case["policies"]["grants"])
}

/// Whether a statement with this effect in a policy without principals applies.
fn says(policy: &Json, effect: &str, asked: &Asked) -> bool {
    documents(&policy["Statement"])
        .iter()
        .filter(|s| s["Effect"] == effect)
        .any(|s| applies(policy, s, asked))
}

/// How the statements with this effect reach the caller, where they apply.
fn reaches(policy: &Json, effect: &str, asked: &Asked) -> Vec<Reach> {
    documents(&policy["Statement"])
        .iter()
        .filter(|s| s["Effect"] == effect)
        .filter(|s| applies(policy, s, asked))
        .filter_map(|s| principal_reaches(s, &asked.principal))
        .collect()
}

/// One statement alone, whoever asks.
fn applies(policy: &Json, statement: &Json, asked: &Asked) -> bool {
    let mut statement = statement.clone();
    let elements = statement.as_object_mut().unwrap();
    elements.remove("NotPrincipal");
    elements.insert("Principal".to_owned(), json!("*"));
    let alone = json!({ "Version": policy["Version"], "Statement": statement });
    reference::answer(&alone, asked) != reference::Answer::Neither
}

fn principal_reaches(statement: &Json, principal: &str) -> Option<Reach> {
    if let Some(but) = statement.get("NotPrincipal") {
        let named = named(but, principal).is_some();
        return (!named).then_some(Reach::Everyone);
    }
    named(&statement["Principal"], principal)
}

fn named(element: &Json, principal: &str) -> Option<Reach> {
    if element == "*" {
        return Some(Reach::Everyone);
    }
    if let Some(service) = principal.strip_prefix("service:") {
        let mut services = documents(&element["Service"]).into_iter();
        return services.any(|s| s == service).then_some(Reach::Itself);
    }
    let all: Vec<Reach> = documents(&element["AWS"])
        .iter()
        .filter_map(|one| one_named(one.as_str().unwrap(), principal))
        .collect();
    // The widest first: what is named itself is limited by nothing.
    [Reach::Itself, Reach::Everyone, Reach::Role, Reach::Account]
        .into_iter()
        .find(|reach| all.contains(reach))
}

fn one_named(one: &str, principal: &str) -> Option<Reach> {
    let account = account(principal);
    let its_account = account.is_some_and(|a| one == a || one == format!("arn:aws:iam::{a}:root"));
    if one == "*" {
        Some(Reach::Everyone)
    } else if its_account {
        Some(Reach::Account)
    } else if one == principal && principal.contains(":role/") {
        Some(Reach::Role)
    } else if one == principal {
        Some(Reach::Itself)
    } else if role_of(principal).is_some_and(|role| role == one) {
        Some(Reach::Role)
    } else {
        None
    }
}

/// A grant's principals are written without the `service:` of the request.
fn is_who(written: &Json, principal: &str) -> bool {
    let written = written.as_str().unwrap_or_default();
    let plain = principal.strip_prefix("service:").unwrap_or(principal);
    written == plain || role_of(principal).is_some_and(|role| role == written)
}

fn grant_allows(grant: &Json, asked: &Asked) -> bool {
    let operation = asked.action.split_once(':').unwrap().1;
    if !is_who(&grant["grantee"], &asked.principal)
        || !documents(&grant["operations"])
            .iter()
            .any(|o| o == operation)
    {
        return false;
    }
    match operation {
        // No encryption context: a constraint is not looked at.
        "DescribeKey" => true,
        "CreateGrant" => is_no_wider(grant, asked),
        _ => constraint_holds(grant, &encryption_context(asked)),
    }
}

fn may_retire(case: &Json, asked: &Asked) -> bool {
    let owner = &asked.context["aws:ResourceAccount"][0];
    asked.principal == format!("arn:aws:iam::{owner}:root")
        || grants(case).iter().any(|grant| {
            let operations = documents(&grant["operations"]);
            is_who(&grant["retiring"], &asked.principal)
                || (is_who(&grant["grantee"], &asked.principal)
                    && operations.iter().any(|o| o == "RetireGrant"))
        })
}

type Pairs = Vec<(String, String)>;

/// Names in lower case: a constraint does not tell their case.
fn pairs(constraint: &Json) -> Option<Pairs> {
    let lower = |(k, v): (&String, &Json)| (k.to_lowercase(), v.as_str().unwrap().to_owned());
    Some(constraint.as_object()?.iter().map(lower).collect())
}

fn encryption_context(asked: &Asked) -> Pairs {
    let mut found = Pairs::new();
    for (key, values) in &asked.context {
        if let Some(name) = key.to_lowercase().strip_prefix("kms:encryptioncontext:") {
            found.push((name.to_owned(), values[0].clone()));
        }
    }
    found
}

fn constraint_holds(grant: &Json, context: &Pairs) -> bool {
    let includes = |all: &Pairs| all.iter().all(|pair| context.contains(pair));
    let equals = pairs(&grant["equals"]).is_none_or(|p| includes(&p) && p.len() == context.len());
    let subset = pairs(&grant["subset"]).is_none_or(|p| includes(&p));
    equals && subset
}

/// What is made with a grant gives at most what the grant gives. The constraint of the new grant is
/// in the request's context.
fn is_no_wider(parent: &Json, asked: &Asked) -> bool {
    let given = documents(&parent["operations"]);
    let wanted = asked.context.get("kms:GrantOperations");
    let operations = wanted.is_some_and(|w| w.iter().all(|o| given.contains(&json!(o))));
    let kind = asked.context.get("kms:GrantConstraintType");
    let kind = kind.map_or("", |k| &*k[0]);
    let child = encryption_context(asked);
    let equals = pairs(&parent["equals"]).is_none_or(|p| {
        let same = p.len() == child.len() && p.iter().all(|pair| child.contains(pair));
        kind == "EncryptionContextEquals" && same
    });
    let subset = pairs(&parent["subset"])
        .is_none_or(|p| !kind.is_empty() && p.iter().all(|pair| child.contains(pair)));
    operations && equals && subset
}

const CRYPTOGRAPHIC: [&str; 14] = [
    "Decrypt",
    "DeriveSharedSecret",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "ReEncryptFrom",
    "ReEncryptTo",
    "Sign",
    "Verify",
    "VerifyMac",
    // No cryptography, but a public key is given out only by a key that may be used.
    "GetPublicKey",
];

/// AWS KMS Developer Guide, "Allowing users in other accounts to use a KMS key".
fn works_across_accounts(operation: &str) -> bool {
    let others = [
        "CreateGrant",
        "DescribeKey",
        "GetKeyRotationStatus",
        "ListGrants",
        "RetireGrant",
        "RevokeGrant",
    ];
    CRYPTOGRAPHIC.contains(&operation) || others.contains(&operation)
}

/// AWS KMS Developer Guide, "Key states of AWS KMS keys".
fn possible_in_state(operation: &str, state: &str) -> bool {
    let cryptographic = CRYPTOGRAPHIC.contains(&operation);
    let changes_use = [
        "EnableKey",
        "DisableKey",
        "ReplicateKey",
        "UpdatePrimaryRegion",
    ];
    let pending = [
        "CreateAlias",
        "EnableKeyRotation",
        "DisableKeyRotation",
        "ScheduleKeyDeletion",
        "TagResource",
        "UntagResource",
        "UpdateKeyDescription",
    ];
    if operation == "CancelKeyDeletion" {
        return state == "PendingDeletion" || state == "PendingReplicaDeletion";
    }
    match state {
        "Enabled" => true,
        "Disabled" => {
            !cryptographic
                && ![
                    "CreateGrant",
                    "EnableKeyRotation",
                    "DisableKeyRotation",
                    "ReplicateKey",
                ]
                .contains(&operation)
        }
        "PendingImport" => {
            !cryptographic
                && operation != "CreateGrant"
                && !changes_use.contains(&operation)
                && !operation.ends_with("KeyRotation")
        }
        "PendingDeletion" | "PendingReplicaDeletion" => {
            !cryptographic
                && operation != "CreateGrant"
                && !changes_use.contains(&operation)
                && !pending.contains(&operation)
        }
        "Unavailable" => !cryptographic && !operation.ends_with("KeyRotation"),
        "Creating" => !cryptographic,
        "Updating" => !changes_use.contains(&operation),
        other => panic!("{other}"),
    }
}
