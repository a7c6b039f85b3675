//! `cargo xtask new-control`.

use anyhow::{Context, Result, bail};
use std::path::Path;

/// Makes the folder of a control and names it in its chapter's list.
pub fn run(chapter: &str, id: &str, clause: &str) -> Result<()> {
    let controls = Path::new("crates/policy/src/controls");
    let list = controls.join(chapter).join("mod.rs");
    let text = std::fs::read_to_string(&list)
        .with_context(|| format!("no chapter `{chapter}` under {}", controls.display()))?;
    if lockfast_policy::clause(clause).is_none() {
        bail!("no clause `{clause}`; `lockfast coverage` lists them");
    }
    let module = id.replace('-', "_");
    let folder = controls.join(chapter).join(&module);
    if folder.exists() {
        bail!("{} is there already", folder.display());
    }
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("mod.rs"), rule(id, clause))?;
    for verdict in ["pass", "fail", "unknown"] {
        std::fs::write(folder.join(format!("{verdict}.yaml")), FIXTURE)?;
    }
    let end = text.rfind('}').context("the chapter's list has no end")?;
    std::fs::write(
        &list,
        format!("{}    {module},\n{}", &text[..end], &text[end..]),
    )?;
    println!(
        "made {}; fill in the rule and its fixtures, then run",
        folder.display()
    );
    println!(
        "    LOCKFAST_ONLY={module} INSTA_UPDATE=always cargo test -p lockfast-policy --test fixtures"
    );
    Ok(())
}

fn rule(id: &str, clause: &str) -> String {
    format!(
        r##"use crate::prelude::*;

control! {{
    /// What it looks at, how it decides, what it cannot know.
    id: "{id}",
    title: "What must be true",
    clauses: ["{clause}"],
    severity: Medium,
    fix: "What to do.",
    cloudformation: r#"Type: AWS::S3::Bucket
"#,
    cdk: r#"new s3.Bucket(this, 'Bucket');
"#,
}}

fn judge(cx: &Cx<'_>, out: &mut Out) {{
    for subject in cx.subjects(&["AWS::S3::Bucket"]) {{
        let value = subject.at("BucketName").string().optional();
        out.push(match value.value() {{
            Some(Some(_)) => Judgement::pass(subject, "it has a name"),
            Some(None) => Judgement::fail(subject, "it has no name"),
            None => Judgement::unknown(subject, "cannot tell whether it has a name"),
        }});
    }}
}}
"##
    )
}

const FIXTURE: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Assets:
    Type: AWS::S3::Bucket
"#;
