use crate::cx::EnvironmentName;
use super::sharing::Words;
use crate::prelude::*;
use std::collections::{BTreeSet, HashMap};

control! {
    /// Collects the stores under each customer managed key, followed through aliases, references,
    /// exports and ARNs, and their environments (from `lockfast.toml`, the stack's name or tags).
    /// One key under two environments breaks the clause, also when the key is only named by its
    /// ARN; so does a key of another environment than its stores', by its stack or by its account. A store whose environment nobody stated leaves a shared key undecided.
    id: "key-per-environment",
    title: "Environments do not share keys",
    clauses: ["KEY-4", "BP-3"],
    severity: High,
    fix: "Make a key per environment and point each environment's stores at its own; re-encrypt what is under the shared one.",
    cloudformation: r#"DataKey:
  Type: AWS::KMS::Key
  Properties:
    Description: !Sub "${Environment} data"
    EnableKeyRotation: true
"#,
    cdk: r#"const dataKey = new kms.Key(this, 'DataKey', { alias: `${env}/data`, enableKeyRotation: true });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let accounts = environments_of_accounts(cx);
    super::sharing::judge(
        cx,
        out,
        |store| cx.environment_name(store.resource).as_ref().map(shown),
        |key| home(cx, &accounts, key),
        &Words {
            several: "environments",
            none: "has no known environment (name it in lockfast.toml, in the stack's name or in an Environment tag)",
        },
    );
}

/// The environment that a key itself is in: by its stack, or by its account, where the account has
/// one environment only.
fn home(cx: &Cx<'_>, accounts: &HashMap<&str, BTreeSet<String>>, key: &KeyTarget) -> Option<String> {
    match key {
        KeyTarget::Resource(id) => cx.environment_name(*id).value().map(shown),
        KeyTarget::External(arn) => {
            let account = arn.split(':').nth(4)?;
            let mut of_account = accounts.get(account)?.iter();
            let first = of_account.next()?;
            of_account.next().is_none().then(|| first.clone())
        }
        KeyTarget::AwsManaged(_) => None,
    }
}

/// Which environments the resources of each account are in.
fn environments_of_accounts<'a>(cx: &Cx<'a>) -> HashMap<&'a str, BTreeSet<String>> {
    let mut accounts: HashMap<&str, BTreeSet<String>> = HashMap::new();
    for resource in cx.inventory.resources() {
        if let Some(account) = cx.inventory.stack_of(resource).place.account.as_deref()
            && let Some(environment) = cx.environment_name(resource.id).value()
        {
            accounts.entry(account).or_default().insert(shown(environment));
        }
    }
    accounts
}

fn shown(environment: &EnvironmentName) -> String {
    match &environment.system {
        Some(system) => format!("{system}/{}", environment.name),
        None => environment.name.to_string(),
    }
}
