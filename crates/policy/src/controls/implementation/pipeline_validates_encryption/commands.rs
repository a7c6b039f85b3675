//! What the commands of a build do.

use super::shell::{Command, Joint, commands};
use crate::prelude::*;

/// A tool that checks templates: its program, the subcommands that check (none when it needs none), and
/// arguments with which it goes on whatever it finds.
struct Tool {
    name: &'static str,
    checks: &'static [&'static str],
    shrugs: &'static [&'static str],
}

/// Each tool's command line reference.
const TOOLS: [Tool; 9] = [
    Tool { name: "lockfast", checks: &["check"], shrugs: &["--fail-on never"] },
    Tool { name: "checkov", checks: &[], shrugs: &["--soft-fail", "-s"] },
    Tool { name: "cfn-guard", checks: &["validate"], shrugs: &[] },
    Tool { name: "cfn_nag", checks: &[], shrugs: &[] },
    Tool { name: "cfn_nag_scan", checks: &[], shrugs: &[] },
    Tool { name: "cdk-nag", checks: &[], shrugs: &[] },
    Tool { name: "kics", checks: &["scan"], shrugs: &["--ignore-on-exit results", "--ignore-on-exit all", "--no-fail"] },
    // Without an exit code of its own it ends well whatever it finds.
    Tool { name: "trivy", checks: &["config", "conf", "misconfig"], shrugs: &["--exit-code 0"] },
    Tool { name: "terrascan", checks: &["scan"], shrugs: &[] },
];

/// True of the name of a tool that checks templates.
pub(super) fn is_tool(name: &str) -> bool {
    TOOLS.iter().any(|tool| tool.name == name)
}

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

/// A program that deploys, and the words that must follow it, in this order.
const DEPLOYS: [(&str, &[&str]); 10] = [
    ("cdk", &["deploy"]),
    ("aws", &["cloudformation", "deploy"]),
    ("aws", &["cloudformation", "create-stack"]),
    ("aws", &["cloudformation", "update-stack"]),
    ("aws", &["cloudformation", "execute-change-set"]),
    ("sam", &["deploy"]),
    ("serverless", &["deploy"]),
    ("sls", &["deploy"]),
    ("terraform", &["apply"]),
    ("tofu", &["apply"]),
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
        let goes_on = known
            .replace([' ', '"'], "")
            .contains("on-failure:continue");
        let mut shell = Shell::default();
        for line in lines(&known) {
            let commands = commands(&line);
            for (index, command) in commands.iter().enumerate() {
                shell.set(command);
                if deploys_by(command) {
                    deploys.get_or_insert(validates.is_some());
                }
                let Some((tool, stops)) = checks(command) else {
                    continue;
                };
                if stops && !goes_on && shell.stops(&commands[index..]) {
                    validates.get_or_insert(tool);
                } else {
                    shrugs = Some(tool);
                }
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

/// The command lines of a build specification, in JSON as CDK writes it or in YAML, or of a list.
fn lines(text: &str) -> Vec<String> {
    fn strings(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => found.extend(text.lines().map(str::to_owned)),
            serde_json::Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
            serde_json::Value::Object(map) => map.values().for_each(|value| strings(value, found)),
            _ => {}
        }
    }
    if let Ok(json @ serde_json::Value::Object(_)) = serde_json::from_str(text) {
        let mut found = Vec::new();
        strings(&json, &mut found);
        return found;
    }
    text.replace("\\\n", " ")
        .lines()
        .map(|line| {
            let line = line.trim().trim_start_matches("- ").trim();
            let quoted = ['"', '\''].iter().find_map(|quote| {
                let inner = line.strip_prefix(*quote)?.strip_suffix(*quote)?;
                (!inner.contains(*quote) || inner.contains(&format!("\\{quote}"))).then_some(inner)
            });
            quoted.unwrap_or(line).replace("\\\"", "\"")
        })
        .collect()
}

fn deploys_by(command: &Command) -> bool {
    DEPLOYS.iter().any(|(program, then)| {
        let mut words = command.words.iter();
        words.next().is_some_and(|first| first == program) && then.iter().all(|wanted| words.any(|word| word == wanted))
    })
}

/// The tool that a command checks templates with, and whether what it finds ends it badly.
fn checks(command: &Command) -> Option<(&'static str, bool)> {
    let (program, arguments) = command.words.split_first()?;
    let tool = TOOLS.iter().find(|tool| tool.name == program)?;
    let asks = |word: &str| matches!(word, "--version" | "-v" | "--help" | "-h" | "--list" | "-l" | "version" | "help");
    // Options of the tool itself may stand before its subcommand, with values.
    let checks = match tool.checks {
        [] => !arguments.is_empty(),
        checks => arguments
            .iter()
            .flat_map(|word| word.split(['=', ',']))
            .any(|word| checks.contains(&word)),
    };
    if !checks || arguments.iter().any(|word| asks(word)) {
        return None;
    }
    let line = format!(" {} ", arguments.join(" ").replace('=', " "));
    let has = |shrug: &&str| line.contains(&format!(" {shrug} "));
    let stops = tool.name != "trivy" || line.contains(" --exit-code ");
    Some((tool.name, stops && !tool.shrugs.iter().any(has)))
}

/// What `set` has asked of the shell.
#[derive(Default)]
struct Shell {
    /// `set +e`
    goes_on: bool,
    /// `set -e`
    stops: bool,
    /// `set -o pipefail`
    pipefail: bool,
}

impl Shell {
    fn set(&mut self, command: &Command) {
        if command.words.first().is_none_or(|program| program != "set") {
            return;
        }
        for word in &command.words[1..] {
            match word.as_bytes() {
                [b'-', flags @ ..] if flags.contains(&b'e') => (self.goes_on, self.stops) = (false, true),
                [b'+', flags @ ..] if flags.contains(&b'e') => (self.goes_on, self.stops) = (true, false),
                _ => {}
            }
            self.pipefail |= word == "pipefail";
        }
    }

    /// Whether the build ends when the first of these commands ends badly.
    fn stops(&self, commands: &[Command]) -> bool {
        let next = commands.get(1).map(|next| next.words.iter().map(String::as_str).collect::<Vec<_>>());
        match (commands.first().map(|command| command.then), next.as_deref()) {
            (Some(Joint::Pipe), _) => self.pipefail && !self.goes_on,
            (Some(Joint::Next), _) => self.stops,
            (Some(Joint::Or), Some(["exit" | "return", code])) => *code != "0",
            (Some(Joint::Or), Some(next)) => matches!(next, ["exit" | "return" | "false"]),
            _ => !self.goes_on,
        }
    }
}
