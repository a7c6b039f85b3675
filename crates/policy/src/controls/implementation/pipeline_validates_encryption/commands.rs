//! What the commands of a build do.

use crate::prelude::*;

const TOOLS: [&str; 8] = [
    "lockfast",
    "checkov",
    "cfn-guard",
    "cfn_nag",
    "cdk-nag",
    "kics",
    "trivy",
    "terrascan",
];

/// What a build's commands say.
#[derive(Clone, Copy)]
pub(super) enum Says {
    Validates(&'static str),
    /// It validates, and goes on whatever is found.
    Shrugs(&'static str),
    Nothing,
    Unknown,
}

/// What a build does.
#[derive(Clone, Copy)]
pub(super) struct Build {
    pub says: Says,
    /// It deploys; true when it validates first.
    pub deploys: Option<bool>,
}

const DEPLOYS: [&str; 9] = [
    "cdk deploy",
    "aws cloudformation deploy",
    "aws cloudformation create-stack",
    "aws cloudformation update-stack",
    "aws cloudformation execute-change-set",
    "sam deploy",
    "serverless deploy",
    "terraform apply",
    "tofu apply",
];

/// What lines of commands, or a whole build specification, run.
pub(super) fn build(texts: &[Read<&Value>]) -> Build {
    let mut validates = None;
    let mut deploys = None;
    let mut shrugs = None;
    let mut unknown = false;
    for read in texts {
        let text = match read.clone().text() {
            Read::Found(text, _) => text,
            // Without one, the file buildspec.yml of the repository is run.
            _ => {
                unknown = true;
                continue;
            }
        };
        let known = text.render(|_| String::new()).to_lowercase();
        let specification = known.contains('\n') || known.contains('{');
        let file = known.ends_with(".yml") || known.ends_with(".yaml") || known.starts_with("arn:");
        if !specification && file {
            unknown = true;
            continue;
        }
        unknown |= text.first_unknown().is_some();
        let goes_on =
            known.contains("on-failure: continue") || known.contains("\"on-failure\":\"continue\"");
        // A specification in JSON (CDK writes it so) holds a command per string.
        for line in known.replace("\\n", "\n").split(['\n', '"']) {
            let command = line
                .trim()
                .trim_start_matches("- ")
                .trim_matches(['\'', '"']);
            let installs = [
                "pip install",
                "pip3 install",
                "npm install",
                "npm i ",
                "cargo install",
                "gem install",
                "brew install",
                "apt-get",
                "yum ",
                "curl ",
                "wget ",
            ]
            .iter()
            .any(|install| command.contains(install))
                && !command.contains("&&");
            if command.starts_with('#') || installs {
                continue;
            }
            let words = command.split_whitespace().collect::<Vec<_>>().join(" ");
            if DEPLOYS.iter().any(|deploy| words.contains(deploy)) {
                deploys.get_or_insert(validates.is_some());
            }
            let Some(tool) = TOOLS.iter().find(|tool| runs(command, tool)) else {
                continue;
            };
            let ignored = [
                "|| true",
                "|| :",
                "|| exit 0",
                "|| echo",
                "--soft-fail",
                "--exit-code 0",
                "--no-fail",
            ]
            .iter()
            .any(|shrug| command.contains(shrug));
            if ignored || goes_on {
                shrugs = Some(*tool);
            } else {
                validates.get_or_insert(*tool);
            }
        }
    }
    let says = match (validates, shrugs) {
        (Some(tool), _) => Says::Validates(tool),
        (None, Some(tool)) => Says::Shrugs(tool),
        (None, None) if unknown => Says::Unknown,
        (None, None) => Says::Nothing,
    };
    Build { says, deploys }
}

/// Whether a command line runs a tool, rather than a file or folder of that name.
fn runs(command: &str, tool: &str) -> bool {
    command
        .split(|c: char| c.is_whitespace() || ";&|()".contains(c))
        .any(|word| {
            word.rsplit('/').next().is_some_and(|name| {
                name == tool
                    || name
                        .strip_prefix(tool)
                        .is_some_and(|rest| rest.starts_with(['_', '@', ':']))
            })
        })
}
