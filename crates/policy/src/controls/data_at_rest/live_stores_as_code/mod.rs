use crate::defined::{Defined, Definition};
use crate::live::is_gap;
use crate::prelude::*;
use lockfast_facts::tables::is_known_type;
use std::collections::HashSet;

control! {
    /// A store that runs must be defined in code, or its encryption is nobody's decision. Looks at every
    /// store of the live accounts and asks which code made it: a stack of CloudFormation that lists it
    /// among its resources or whose tag (`aws:cloudformation:stack-name`) it has, or another tool whose
    /// tag `lockfast.toml` declares (`[iac] managed_tags`). One that no stack of its account and region
    /// has and that has no such tag fails, and so does one whose stack is gone. Where the tags or the
    /// stacks could not be read, what shows in neither is unknown.
    ///
    /// What AWS services make of themselves is not judged: log groups of services, the default event bus
    /// and backup vault, and what has a tag that only AWS puts on. Nor are backups and snapshots, which
    /// no code defines.
    id: "live-stores-as-code",
    title: "Every live store is defined in code",
    clauses: ["IAC-1", "BP-4"],
    sources: [Live],
    severity: Low,
    fix: "Import the resource into a stack (or into the state of your tool), or delete it; declare your tool's tag in [iac] managed_tags.",
    cloudformation: r#"Uploads:
  Type: AWS::S3::Bucket
  DeletionPolicy: Retain # asked for by an import
  Properties: {BucketName: shop-uploads}
"#,
    cdk: r#"// `cdk import` takes an existing resource into the stack that defines it now.
new s3.Bucket(this, 'Uploads', { bucketName: 'shop-uploads', removalPolicy: cdk.RemovalPolicy.RETAIN });
"#,
}

fn judge(cx: &Cx<'_>, out: &mut Out) {
    let defined = Defined::of(cx);
    let mut seen = HashSet::new();
    for store in cx.inventory.stores() {
        let resource = cx.inventory.resource(store.resource);
        if !seen.insert(resource.id) || !is_known_type(&resource.kind) {
            continue;
        }
        if is_gap(resource) {
            if let Read::Unknown(why, _) = resource.at("") {
                out.push(Judgement::cannot_tell(resource, "which of these there are, and what defines them", &why));
            }
            continue;
        }
        out.push(match defined.definition(cx, resource) {
            Definition::Stack(name, loc) => Judgement::pass(resource, format!("stack {name} defines it")).step(format!("stack {name}"), loc),
            Definition::Tagged(tag) => Judgement::pass(resource, format!("code defines it, as its tag {tag} says")),
            Definition::ByService(why) => Judgement::not_applicable(resource, format!("{why}, and no code could")),
            Definition::Nowhere(how) => Judgement::fail(resource, format!("no code defines it: {how}")),
            Definition::Unknown(why) => Judgement::cannot_tell(resource, "whether code defines it", &why),
        });
    }
}
