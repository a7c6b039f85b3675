use crate::defined::{Defined, Definition};
use crate::live::listed_or_unknown;
use crate::prelude::*;

control! {
    /// A customer managed key that runs, and its policy, must stand in version-controlled code. Looks at
    /// every key of the live accounts and asks which code made it, as the control over stores does: a
    /// stack that lists it among its resources or whose tag it has, or another tool whose tag
    /// `lockfast.toml` declares (`[iac] managed_tags`). A key that nothing defines fails; where tags or
    /// stacks could not be read it is unknown. Whether the key's policy still is the one that the code
    /// writes, `lockfast drift` shows. Keys that wait for their deletion are not judged.
    id: "live-keys-as-code",
    title: "Live keys and their policies are version controlled",
    clauses: ["IAC-3"],
    sources: [Live],
    severity: Medium,
    fix: "Import the key into a stack with its KeyPolicy written there (or into the state of your tool), and delete keys that nobody needs.",
    cloudformation: r#"OrdersKey:
  Type: AWS::KMS::Key
  DeletionPolicy: Retain # asked for by an import
  Properties:
    EnableKeyRotation: true
    KeyPolicy: {Version: "2012-10-17", Statement: [!Ref Administration]}
"#,
    cdk: r#"// `cdk import` takes an existing key into the stack that defines it now.
new kms.Key(this, 'OrdersKey', { enableKeyRotation: true, admins: [keyAdministrator] });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let defined = Defined::of(cx);
    let kinds = ["AWS::KMS::Key", "AWS::KMS::ReplicaKey"];
    for subject in listed_or_unknown(cx, &kinds, "which keys there are, and what defines them", out) {
        let state = subject.at("KeyState").string().found();
        if state.is_some_and(|state| state.starts_with("Pending")) {
            continue;
        }
        if let Read::Unknown(why, loc) = subject.at("KeyManager").string() {
            out.push(Judgement::cannot_tell(subject, "whether it is the customer's key, to be defined in code", &why).at(loc));
            continue;
        }
        let judgement = match defined.definition(cx, subject.resource) {
            Definition::Stack(name, loc) => {
                Judgement::pass(subject, format!("stack {name} defines the key")).step(format!("stack {name}"), loc).note(DRIFT)
            }
            Definition::Tagged(tag) => {
                Judgement::pass(subject, format!("code defines the key, as its tag {tag} says")).note(DRIFT)
            }
            // A service makes customer managed keys only on a customer's order, so there is code to write.
            Definition::ByService(how) | Definition::Nowhere(how) => {
                Judgement::fail(subject, format!("no code defines the key and its policy: {how}"))
            }
            Definition::Unknown(why) => Judgement::cannot_tell(subject, "whether code defines the key", &why),
        };
        out.push(judgement);
    }
}

const DRIFT: &str = "whether its policy still is the one written there, `lockfast drift` shows";
