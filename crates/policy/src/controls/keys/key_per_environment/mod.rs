use crate::cx::EnvironmentName;
use crate::prelude::*;

control! {
    /// Collects the stores under each customer managed key, followed through aliases, references,
    /// exports and ARNs, and their environments (from `lockfast.toml`, the stack's name or tags).
    /// One key under two environments breaks the clause, also when the key is only named by its
    /// ARN. A store whose environment nobody stated leaves a shared key undecided.
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
    super::sharing::judge(
        cx,
        out,
        |store| cx.environment_name(store.resource).as_ref().map(shown),
        "environments",
    );
}

fn shown(environment: &EnvironmentName) -> String {
    match &environment.system {
        Some(system) => format!("{system}/{}", environment.name),
        None => environment.name.to_string(),
    }
}
